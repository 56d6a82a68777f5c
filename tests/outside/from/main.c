/* Runs the code of docs/from.md, which scripts/pages-test takes out of the page: what was recorded
 * before is in the store after. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fbat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fbat_pay.c"

#include "fbat_balance.c"
#include "fbat_correct.c"
#include "fbat_merge.c"
#include "fbat_row_key.c"
#include "log_migrate.c"
#include "log_pay.c"
#if __has_include(<sqlite3.h>)
#include <sqlite3.h>

#include "sqlite_balance.c"
#include "sqlite_migrate.c"
#include "sqlite_pay.c"
#endif
#if __has_include(<lmdb.h>)
#include <lmdb.h>

#include "lmdb_migrate.c"
#include "lmdb_pay.c"
#endif

enum { PAYMENTS = 500, ACCOUNTS = 7, REPEATED = 20 };

static int passed, failed;
static const char *directory;

static void equal(const char *what, int64_t found, int64_t expected) {
    if (found == expected) {
        passed++;
    } else {
        failed++;
        printf("  %s: %" PRId64 ", not %" PRId64 "\n", what, found, expected);
    }
}

/* One payment of many; the last ones come with requests of the first. */
typedef struct {
    char account[16], request[32];
    int64_t cents, at_us;
} payment;

static payment payment_of(int i) {
    payment p = {.cents = (i % PAYMENTS) * 37 % 1000,
                 .at_us = 1700000000000000 + i % PAYMENTS * 1000};
    snprintf(p.account, sizeof p.account, "%d", i % PAYMENTS % ACCOUNTS);
    snprintf(p.request, sizeof p.request, "request-%d", i % PAYMENTS);
    return p;
}

static int64_t balance_of(int account) {
    int64_t cents = 0;
    for (int i = 0; i < PAYMENTS; i++) {
        cents += i % ACCOUNTS == account ? payment_of(i).cents : 0;
    }
    return cents;
}

static const char *path_of(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static fbat_store *open_store(const char *name) {
    fbat_store *store = NULL;
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.durability = FBAT_DURABILITY_OS;
    if (fbat_store_open(path_of(name), &options, &store, NULL) != FBAT_OK) {
        printf("  %s does not open\n", path_of(name));
        exit(EXIT_FAILURE);
    }
    return store;
}

/* All payments are there, in their order, with their times; requests of before are known. */
static void check_store(const char *what, const fbat_store *store) {
    fbat_page *page = NULL;
    fbat_stats stats = FBAT_STATS_INIT;
    equal(what, fbat_store_stats(store, &stats, NULL), FBAT_OK);
    equal("events and the first one", (int64_t)stats.events, PAYMENTS + 1);
    for (int account = 0; account < ACCOUNTS; account++) {
        char name[16];
        snprintf(name, sizeof name, "%d", account);
        equal("balance", fbat_balance(store, name), balance_of(account));
    }
    equal("query", fbat_store_query(store, NULL, &page, NULL), FBAT_OK);
    int in_order = 0;
    for (size_t i = 0; i < fbat_page_len(page); i++) {
        in_order += fbat_page_row(page, i)->timestamp_us == payment_of((int)i).at_us;
    }
    fbat_page_free(page);
    equal("payments in order", in_order, PAYMENTS);
    payment known = payment_of(3);
    equal("a request of before",
          fbat_pay(store, known.account, known.cents, known.request, known.at_us), 0);
    equal("the same request for another amount",
          fbat_pay(store, known.account, 1, known.request, known.at_us), -1);
}

static void pay_directly(void) {
    fbat_store *store = open_store("direct");
    for (int i = 0; i < PAYMENTS + REPEATED; i++) {
        payment p = payment_of(i);
        equal("paid", fbat_pay(store, p.account, p.cents, p.request, p.at_us), i < PAYMENTS);
    }
    check_store("recorded directly", store);

    fbat_store *all = open_store("all");
    equal("merged", fbat_merge(all, store, "shop-1"), PAYMENTS);
    equal("merged again", fbat_merge(all, store, "shop-1"), 0);
    fbat_store_free(all);

    fbat_page *page = NULL;
    equal("query", fbat_store_query(store, NULL, &page, NULL), FBAT_OK);
    equal("corrected", fbat_correct(store, fbat_page_row(page, 0), 5, NULL), FBAT_OK);
    equal("balance after that", fbat_balance(store, "0"), balance_of(0) + 5);
    fbat_page_free(page);
    fbat_store_free(store);

    fbat_id one, other;
    equal("key of a row", fbat_row_key("payment", 1, &one) | fbat_row_key("payment", 2, &other),
          FBAT_OK);
    equal("keys differ", memcmp(&one, &other, sizeof one) != 0, 1);
}

static void migrate_log(void) {
    fbat_store *store = open_store("from-log");
    FILE *log = fopen(path_of("payments.log"), "w+");
    for (int i = 0; i < PAYMENTS + REPEATED; i++) {
        payment p = payment_of(i);
        equal("logged", log_pay(log, p.account, p.cents, p.request, p.at_us), 1);
    }
    fputs("1700000000000000 3 17 requ", log); /* torn */
    rewind(log);
    equal("from the log", log_migrate(log, store), PAYMENTS);
    rewind(log);
    equal("once more", log_migrate(log, store), 0);
    fclose(log);
    check_store("migrated from a log", store);
    fbat_store_free(store);
}

static void migrate_sqlite(void) {
#if __has_include(<sqlite3.h>)
    sqlite3 *db = NULL;
    fbat_store *store = open_store("from-sqlite");
    equal("open", sqlite3_open(path_of("payments.db"), &db), SQLITE_OK);
    equal(
        "table",
        sqlite3_exec(
            db,
            "PRAGMA synchronous = OFF; CREATE TABLE payment (id INTEGER PRIMARY KEY, account TEXT,"
            " cents INTEGER, request TEXT UNIQUE, at_us INTEGER)",
            NULL, NULL, NULL),
        SQLITE_OK);
    for (int i = 0; i < PAYMENTS + REPEATED; i++) {
        payment p = payment_of(i);
        equal("inserted", sqlite_pay(db, p.account, p.cents, p.request, p.at_us), i < PAYMENTS);
    }
    equal("balance", sqlite_balance(db, "2"), balance_of(2));
    equal("from SQLite", sqlite_migrate(db, store), PAYMENTS);
    equal("once more", sqlite_migrate(db, store), 0);
    payment late = payment_of(PAYMENTS - 1);
    equal("while the old program runs", sqlite_pay(db, late.account, 1, "late", late.at_us), 1);
    equal("and migrated after it", sqlite_migrate(db, store), 1);
    equal("balance", fbat_balance(store, late.account), sqlite_balance(db, late.account));
    sqlite3_close(db);
    fbat_store_free(store);
#else
    puts("skipped: SQLite's header is missing (libsqlite3-dev)");
#endif
}

static void migrate_lmdb(void) {
#if __has_include(<lmdb.h>)
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi payments, requests;
    fbat_store *store = open_store("from-lmdb");
    mkdir(path_of("lmdb"), 0755);
    equal("environment", mdb_env_create(&env) | mdb_env_set_maxdbs(env, 2), 0);
    equal("open", mdb_env_open(env, path_of("lmdb"), MDB_NOSYNC, 0644), 0);
    equal("begin", mdb_txn_begin(env, NULL, 0, &txn), 0);
    equal("databases",
          mdb_dbi_open(txn, "payments", MDB_CREATE | MDB_INTEGERKEY, &payments) |
              mdb_dbi_open(txn, "requests", MDB_CREATE, &requests) | mdb_txn_commit(txn),
          0);
    for (int i = 0; i < PAYMENTS + REPEATED; i++) {
        payment p = payment_of(i);
        equal("put", lmdb_pay(env, payments, requests, p.account, p.cents, p.request, p.at_us),
              i < PAYMENTS);
    }
    equal("from LMDB", lmdb_migrate(env, payments, store), PAYMENTS);
    equal("once more", lmdb_migrate(env, payments, store), 0);
    mdb_env_close(env);
    check_store("migrated from LMDB", store);
    fbat_store_free(store);
#else
    puts("skipped: LMDB's header is missing (liblmdb-dev)");
#endif
}

int main(int argc, char **argv) {
    directory = argc > 1 ? argv[1] : ".";
    pay_directly();
    migrate_log();
    migrate_sqlite();
    migrate_lmdb();
    equal("handles alive", (int64_t)fbat_live_handles(), 0);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
