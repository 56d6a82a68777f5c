/* Files are mapped for small reads: a page that can't be had is a status, and other people's SIGBUS
 * stays theirs. */
#include "fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static sigjmp_buf before_fault;
static volatile sig_atomic_t faults;

static void on_fault(int signal_number) {
    (void)signal_number;
    faults++;
    siglongjmp(before_fault, 1);
}

enum { EVENTS = 2000 };
static fbat_id ids[EVENTS];

/* A store of several segments; fills in the ids. */
static fbat_store *open_filled(const char *name) {
    static char payload[256];
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.segment_bytes = 64 << 10;
    options.durability = FBAT_DURABILITY_OS;
    fbat_store *store = open_as(name, &options);
    memset(payload, 'p', sizeof payload - 1);
    for (int i = 0; i < EVENTS; i++) {
        fbat_receipt receipt = FBAT_RECEIPT_INIT;
        fbat_event event = event_of("thing", payload);
        CHECK_OK(fbat_append(store, &event, &receipt, NULL));
        ids[i] = receipt.id;
    }
    return store;
}

static fbat_status get(const fbat_store *store, int n) {
    fbat_page *page = NULL;
    fbat_status status = fbat_event_get(store, &ids[n], FBAT_COLUMN_PAYLOAD, &page, NULL);
    if (status == FBAT_OK)
        CHECK_U64(fbat_page_rows(page)->payload_len, 255);
    fbat_page_free(page);
    return status;
}

CASE(a_log_that_is_cut_short_under_an_open_store_is_a_status) {
    struct sigaction mine = {.sa_handler = on_fault}, now;
    REQUIRE(sigaction(SIGBUS, &mine, NULL) == 0); /* before the library has its own */
    fbat_store *store = open_filled("s");
    REQUIRE(store != NULL);
    CHECK_OK(get(store, 5));
    CHECK(sigaction(SIGBUS, NULL, &now) == 0);
    CHECK(now.sa_handler != on_fault);
    REQUIRE(truncate(t_path("s/00000000000000000001.log"), 4096) == 0);
    CHECK_STATUS(get(store, 100), FBAT_ERR_CORRUPT);
    CHECK_OK(get(store, 5));
    CHECK_OK(get(store, EVENTS - 1));
    CHECK_U64(faults, 0);
    CHECK_OK(fbat_store_close(store, NULL));
    fbat_store_free(store);
}

CASE(a_fault_elsewhere_goes_to_the_handler_that_was_there_before) {
    int file = open(t_path("f"), O_RDWR | O_CREAT, 0600);
    REQUIRE(file >= 0 && ftruncate(file, 4096) == 0);
    volatile char *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    REQUIRE(mapped != MAP_FAILED && ftruncate(file, 0) == 0);
    if (sigsetjmp(before_fault, 1) == 0) {
        char byte = *mapped;
        CHECK(byte == 1 && "no fault");
    }
    CHECK_U64(faults, 1);
    CHECK(munmap((void *)mapped, 4096) == 0);
    close(file);
}

CASE(without_mapping_the_same_is_read) {
    fbat_set_mapped_reads(false);
    fbat_store *store = open_filled("s");
    REQUIRE(store != NULL);
    for (int i = 0; i < EVENTS; i += 100)
        CHECK_OK(get(store, i));
    done(store);
    fbat_set_mapped_reads(true);
}
