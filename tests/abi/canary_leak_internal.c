/* Broken on purpose: a library that leaks a handle of its own making.
 * internal: handles are alive at the end
 * asan: handles are alive at the end
 * valgrind: handles are alive at the end
 */
#include "t.h"

#include "internal.h"

CASE(library_leaks_a_handle) {
    fbat_internal_leak();
}
