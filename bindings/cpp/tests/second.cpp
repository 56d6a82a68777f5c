/* The header in a second translation unit, and first in it: everything of it is inline, and it
 * needs nothing before it. */
#include <fbat.hpp>

#include "t.hpp"

TEST(the_header_serves_two_translation_units) { CHECK_EQ(fbat::version(), fbat::header_version); }
