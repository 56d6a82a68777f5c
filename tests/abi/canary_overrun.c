/* Broken on purpose: a case that reads behind an allocation.
 * asan: AddressSanitizer: heap-buffer-overflow
 * valgrind: Invalid read
 */
#include "t.h"

CASE(reads_behind_its_memory) {
    char *block = calloc(1, 8);
    volatile size_t len = 9;
    REQUIRE(block != NULL);
    CHECK(memchr(block, 'x', len) == NULL || len == 9);
    free(block);
}
