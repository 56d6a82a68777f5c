/* The shortest whole program: opens a store, appends an event, reads everything back. */
#include <fbat.h>
#include <stdio.h>
#include <stdlib.h>

static void ok(fbat_status status, fbat_error **err) {
    if (status != FBAT_OK) {
        fprintf(stderr, "%s: %s\n", fbat_status_name(status), fbat_error_message(*err).data);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv) {
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    fbat_page *page = NULL;
    ok(fbat_store_open(argc > 1 ? argv[1] : "lamps", NULL, &store, &err), &err);

    fbat_event event = FBAT_EVENT_INIT;
    event.entity = FBAT_STR("lamp:kitchen");
    event.scope = FBAT_STR("home");
    event.kind = 0x1001; /* category 1, type 1: "switched", say */
    event.payload = "on";
    event.payload_len = 2;
    ok(fbat_append(store, &event, NULL, &err), &err); /* on the disk when this returns */

    ok(fbat_store_query(store, NULL, &page, &err), &err);
    for (size_t i = 0; i < fbat_page_len(page); i++) {
        const fbat_record *row = fbat_page_row(page, i);
        printf("%s %.*s\n", row->entity.data, (int)row->payload_len, (const char *)row->payload);
    }
    fbat_page_free(page);
    ok(fbat_store_close(store, &err), &err);
    fbat_store_free(store);
    return EXIT_SUCCESS;
}
