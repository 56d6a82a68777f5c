/* Broken on purpose: a case that reads behind an allocation.
 * asan: AddressSanitizer: heap-buffer-overflow
 * valgrind: Invalid read
 */
#include "t.h"

CASE(reads_behind_its_memory) {
    volatile char *block = malloc(8);
    REQUIRE(block != NULL);
    CHECK(block[8] == block[8]);
    free((void *)block);
}
