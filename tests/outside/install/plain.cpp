// A user's program in C++ that takes fbat.h as it is.
#include <fbat.h>

#include <cstdio>
#include <string>

static int failed(const char *what, fbat_error *err) {
    std::fprintf(stderr, "%s: %s\n", what, fbat_error_message(err).data);
    fbat_error_free(err);
    return 1;
}

int main(int argc, char **argv) {
    const std::string entity = "lamp:kitchen", payload = "on";
    fbat_error *err = nullptr;
    fbat_store *store = nullptr;
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.label = FBAT_STR("lamps");
    if (fbat_store_open(argc > 1 ? argv[1] : "lamps", &options, &store, &err) != FBAT_OK)
        return failed("open", err);

    fbat_event event = FBAT_EVENT_INIT;
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    event.entity = {entity.data(), entity.size()};
    event.scope = FBAT_STR("home");
    event.kind = 0x1001;
    event.payload = payload.data();
    event.payload_len = payload.size();
    if (fbat_append(store, &event, &receipt, &err) != FBAT_OK) return failed("append", err);

    fbat_page *page = nullptr;
    if (fbat_store_query(store, nullptr, &page, &err) != FBAT_OK) return failed("query", err);
    const fbat_record *row = fbat_page_row(page, 0);
    const bool same = fbat_page_len(page) == 1 && row->sequence == receipt.sequence;
    std::printf("%s %s\n", row->entity.data, payload.c_str());
    fbat_page_free(page);
    if (fbat_store_close(store, &err) != FBAT_OK) return failed("close", err);
    fbat_store_free(store);
    return same && fbat_live_handles() == 0 ? 0 : 1;
}
