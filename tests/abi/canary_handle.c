/* Broken on purpose: a case that leaks a store handle, which no memory checker can see.
 * shipped: handles are alive at the end
 * internal: handles are alive at the end
 * asan: handles are alive at the end
 * valgrind: handles are alive at the end
 */
#include "t.h"

CASE(leaks_a_handle) {
    fbat_store *store;
    REQUIRE_OK(fbat_store_open(t_path("store"), NULL, &store, NULL));
    CHECK_OK(fbat_store_close(store, NULL)); /* and no fbat_store_free */
}
