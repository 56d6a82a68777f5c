/* Broken on purpose: a case that leaks plain memory.
 * asan: LeakSanitizer: detected memory leaks
 * valgrind: definitely lost
 */
#include "t.h"

CASE(leaks_memory) {
    void *volatile block = malloc(100);
    CHECK(block != NULL);
    block = NULL;
}
