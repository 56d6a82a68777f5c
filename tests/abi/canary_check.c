/* Broken on purpose: a check that does not hold.
 * shipped: 0 passed, 1 failed
 * internal: 0 passed, 1 failed
 * asan: 0 passed, 1 failed
 * valgrind: 0 passed, 1 failed
 */
#include "t.h"

CASE(expects_the_wrong_status) {
    CHECK_STATUS(fbat_store_close(NULL, NULL), FBAT_OK);
}
