/* An append that failed with FBAT_ERR_IO or FBAT_ERR_POISONED may be there all the same when the
 * store is opened again. With a key of the caller's own, it is safe to repeat: there is one event,
 * whatever became of the first try. */
#include <fbat.h>
#include <stdio.h>
#include <stdlib.h>

/* Only what happened can give the key: here the number of an order. */
static fbat_id key_of(const char *what, unsigned long number) {
    fbat_id key = {{0}};
    snprintf((char *)key.bytes, sizeof key.bytes, "%s%lu", what, number);
    return key;
}

static void give_up(fbat_status status, fbat_error *err) {
    fprintf(stderr, "%s: %s\n", fbat_status_name(status), fbat_error_message(err).data);
    exit(EXIT_FAILURE);
}

/* Opens the store in `path`, in place of one that a failure has ended. */
static void reopen(const char *path, fbat_store **store) {
    fbat_error *err = NULL;
    fbat_store_free(*store);
    fbat_status status = fbat_store_open(path, NULL, store, &err);
    if (status != FBAT_OK) {
        give_up(status, err);
    }
}

/* Appends an event that has a key, again where it is in doubt. */
static fbat_receipt append_surely(const char *path, fbat_store **store, const fbat_event *event) {
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    for (int tries = 0;; tries++) {
        fbat_error *err = NULL;
        fbat_status status = fbat_append(*store, event, &receipt, &err);
        if (status == FBAT_OK) {
            return receipt;
        }
        int in_doubt = status == FBAT_ERR_IO || status == FBAT_ERR_POISONED;
        if (!in_doubt || tries == 3) {
            give_up(status, err);
        }
        fbat_error_free(err);
        reopen(path, store);
    }
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "orders";
    fbat_store *store = NULL;
    reopen(path, &store);

    fbat_event event = FBAT_EVENT_INIT;
    event.entity = FBAT_STR("order:7");
    event.scope = FBAT_STR("shop");
    event.kind = 0x1001;
    event.payload = "2 apples";
    event.payload_len = 8;
    event.key = key_of("order", 7);
    fbat_receipt first = append_surely(path, &store, &event);

    /* As if the answer had been lost: by a failure, or by the end of the program. */
    reopen(path, &store);
    fbat_receipt again = append_surely(path, &store, &event);
    printf("one event: %s, repeated: %s\n", first.sequence == again.sequence ? "yes" : "no",
           again.flags & FBAT_RECEIPT_REPLAYED ? "yes" : "no");
    fbat_store_free(store);
    return EXIT_SUCCESS;
}
