/* The headers behind others that are known for their macros: the real ones where they are
 * installed, and the macros of those that other systems have. What our own header includes comes
 * first, since the standard library need not bear such macros. */
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif
#if defined(__cpp_impl_three_way_comparison)
#include <compare>
#endif
#if defined(__cpp_lib_expected)
#include <expected>
#endif

#include "t.hpp"

#include <complex.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#if __has_include(<X11/Xlib.h>)
#include <X11/Xlib.h>
#endif
#if __has_include(<curses.h>)
#include <curses.h>
#endif

/* windows.h and what it includes. */
#define min(a, b) wrong a wrong b
#define max(a, b) wrong a wrong b
#define small wrong
#define near wrong
#define far wrong
#define interface wrong
#define IN wrong
#define OUT wrong
#define OPTIONAL wrong
#define CONST wrong
#define VOID wrong
#define DELETE wrong
#define ERROR wrong
#define NO_ERROR wrong
#define STRICT wrong
#define ABSOLUTE wrong
#define RELATIVE wrong
/* X11, where it is not installed. */
#undef None
#undef Bool
#undef Status
#undef True
#undef False
#undef Success
#undef Always
#define None wrong
#define Bool wrong
#define Status wrong
#define True wrong
#define False wrong
#define Success wrong
#define Always wrong
/* Qt. */
#define signals wrong
#define slots wrong
#define emit wrong
#define foreach(a, b) wrong a wrong b
#define forever wrong
/* Arduino. */
#define F(text) wrong text
#define B1 wrong
#define HIGH wrong
#define LOW wrong
#define INPUT wrong
#define OUTPUT wrong
#define DEFAULT wrong
#define bit(b) wrong b
#define word(a) wrong a
#define sq(x) wrong x
/* macOS: AssertMacros.h, and Foundation with Objective-C. */
#define check(a) wrong a
#define require(a, b) wrong a wrong b
#define YES wrong
#define NO wrong
#define nil wrong
#define Nil wrong
/* GNU C, math.h and habits. */
#undef linux
#undef unix
#undef I
#undef major
#undef minor
#undef DOMAIN
#define linux wrong
#define unix wrong
#define I wrong
#define major(a) wrong a
#define minor(a) wrong a
#define DOMAIN wrong
#define OVERFLOW wrong
#define UNDERFLOW wrong
#define EMPTY wrong
#define Debug wrong
#define ASSERT(a) wrong a
#define T wrong
#define C wrong
#define E wrong
#define N wrong
#define U wrong

#include <fbat.hpp>

int program_behind_macros() {
  fbat::query query;
  query.region.recorded = fbat::time_range{};
  fbat::import_options import;
  import.filter = [](const fbat::record&) { return true; };
  fbat::batch batch;
  fbat::event event;
  event.entity = "thing:1";
  batch.add(event);
  return static_cast<int>(batch.size());
}
TEST(the_header_stands_the_macros_of_others) { CHECK_EQ(program_behind_macros(), 1); }
