/* The harness of the C++ tests: cases that register themselves, checks that go on, and a count of
 * live handles after every case. Usage:
 *
 *     TEST(a_receipt_names_the_sequence) { ... CHECK_EQ(receipt.sequence(), 2u); }
 *
 * A failed check is printed and the case goes on; REQUIRE ends it. An argument of the program picks
 * the cases whose names contain it. Works without exceptions and RTTI, as the header does. */
#ifndef FBAT_CPP_T_HPP
#define FBAT_CPP_T_HPP

#include <fbat.hpp>

#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace t {

using run_fn = void (*)();
/* Registers a case; for TEST. */
bool add(const char* name, run_fn run);
/* Prints a failure and counts it. Any thread. */
void fail(const char* file, int line, const std::string& text);
/* The directory of the case that runs, which goes with it. */
std::filesystem::path dir();

template <class T, class = void>
struct is_shown : std::false_type {};
template <class T>
struct is_shown<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
    : std::true_type {};

template <class T>
void show(std::ostream& out, const T& value) {
  if constexpr (std::is_enum_v<T>)
    out << static_cast<long long>(value);
  else if constexpr (is_shown<T>::value)
    out << value;
  else
    out << "(" << sizeof value << " bytes)";
}
inline void show(std::ostream& out, const fbat::id& value) { out << to_string(value); }
inline void show(std::ostream& out, const fbat::hash& value) { out << to_string(value); }
inline void show(std::ostream& out, fbat::kind value) { out << to_string(value); }
inline void show(std::ostream& out, fbat::status value) { out << fbat::status_name(value); }

inline bool check(bool holds, const char* file, int line, const char* what) {
  if (!holds) fail(file, line, what);
  return holds;
}

template <class A, class B>
bool check_eq(const A& found, const B& expected, const char* file, int line, const char* what) {
  if (found == expected) return true;
  std::ostringstream text;
  text << what << " is ";
  show(text, found);
  text << ", not ";
  show(text, expected);
  fail(file, line, text.str());
  return false;
}

/* Whether a result has a value; prints its error. */
template <class R>
bool check_ok(const R& answer, const char* file, int line, const char* what) {
  if (answer) return true;
  fail(file, line, std::string(what) + ": " + answer.error().what());
  return false;
}

/* Whether a result is this failure. */
template <class R>
bool check_status(const R& answer, fbat::status expected, const char* file, int line,
                  const char* what) {
  return check_eq(answer ? fbat::status::ok : answer.error().code(), expected, file, line, what);
}

#if FBAT_EXCEPTIONS
/* Whether a call throws exactly this class, with this status. */
template <class E, class F>
bool check_throws(F call, fbat::status expected, const char* file, int line, const char* what) {
  try {
    call();
  } catch (const E& e) {
    return check_eq(e.code(), expected, file, line, what) &&
           check(e.category() == fbat::status_category(expected), file, line, "its category");
  } catch (const std::exception& e) {
    fail(file, line, std::string(what) + " threw another class: " + e.what());
    return false;
  }
  fail(file, line, std::string(what) + " threw nothing");
  return false;
}
#endif

}  // namespace t

#define TEST(name)                                                               \
  static void test_##name();                                                     \
  [[maybe_unused]] static const bool added_##name = t::add(#name, test_##name);  \
  static void test_##name()

#define FAIL(text) t::fail(__FILE__, __LINE__, (text))
#define CHECK(condition) t::check(static_cast<bool>(condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(found, expected) t::check_eq((found), (expected), __FILE__, __LINE__, #found)
#define CHECK_OK(answer) t::check_ok((answer), __FILE__, __LINE__, #answer)
#define CHECK_STATUS(answer, expected) \
  t::check_status((answer), (expected), __FILE__, __LINE__, #answer)
#define CHECK_THROWS(class_, status_, ...) \
  t::check_throws<class_>([&] { (void)(__VA_ARGS__); }, (status_), __FILE__, __LINE__, #__VA_ARGS__)
#define REQUIRE(condition) \
  if (!CHECK(condition)) return
#define REQUIRE_OK(answer) \
  if (!CHECK_OK(answer)) return

#endif
