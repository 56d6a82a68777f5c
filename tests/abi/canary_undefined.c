/* Broken on purpose: C that overflows a signed number.
 * asan: runtime error: signed integer overflow
 */
#include "t.h"

CASE(overflows) {
    volatile int most = INT32_MAX;
    CHECK(most + 1 != 0);
}
