/* Broken on purpose: two threads write one word.
 * tsan: WARNING: ThreadSanitizer: data race
 */
#include "t.h"

#include <pthread.h>

static unsigned long word;

static void *write_it(void *argument) {
    for (int i = 0; i < 1000; i++) {
        word += (unsigned long)i;
    }
    return argument;
}

CASE(two_threads_write_one_word) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, write_it, NULL) == 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(word > 0);
}
