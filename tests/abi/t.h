/* The harness of the C tests: cases that register themselves, checks that go on, and a count of
 * live handles after every case. One program is one file; it includes this header once and needs no
 * main. Usage:
 *
 *     CASE(receipt_names_the_sequence) { ... CHECK_U64(receipt.sequence, 2); }
 *     MISUSE(append_to_a_null_store) { CHECK_STATUS(fbat_append(NULL, ...), FBAT_ERR_...); }
 *
 * A failed check is printed and the case goes on; REQUIRE ends it. MISUSE is a case that counts as
 * misuse. A program prints "N passed, N failed" as its last line and exits with 1 when something
 * failed. An argument picks the cases whose names contain it. Every case has a fresh directory,
 * t_dir(), that goes when the program ends. */
#ifndef FBAT_TESTS_T_H
#define FBAT_TESTS_T_H

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fbat.h"

#define T_UNUSED __attribute__((unused))
enum { T_CASES_MAX = 512 };

static struct t_case {
    const char *name;
    void (*run)(void);
    bool misuse;
} t_cases[T_CASES_MAX];
static size_t t_count;
static unsigned long t_failures;
static const char *t_running = "";
static char t_root[512], t_case_dir[600];

static void t_register(const char *name, void (*run)(void), bool misuse) {
    if (t_count == T_CASES_MAX) {
        abort();
    }
    t_cases[t_count++] = (struct t_case){name, run, misuse};
}

/* Constructors of one file run in the order of their definition, so cases run in the order they are
 * written. */
#define T_DEFINE(name, misuse)                                         \
    static void t_case_##name(void);                                   \
    __attribute__((constructor)) static void t_register_##name(void) { \
        t_register(#name, t_case_##name, misuse);                      \
    }                                                                  \
    static void t_case_##name(void)
#define CASE(name) T_DEFINE(name, false)
#define MISUSE(name) T_DEFINE(name, true)

/* Safe from any thread. */
__attribute__((format(printf, 3, 4))) T_UNUSED static void t_fail(const char *file, int line,
                                                                  const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    __atomic_add_fetch(&t_failures, 1, __ATOMIC_SEQ_CST);
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, t_running, text);
}

T_UNUSED static bool t_check(bool holds, const char *file, int line, const char *what) {
    if (!holds) {
        t_fail(file, line, "%s", what);
    }
    return holds;
}

T_UNUSED static bool t_check_u64(uint64_t found, uint64_t expected, const char *file, int line,
                                 const char *what) {
    if (found != expected) {
        t_fail(file, line, "%s is %" PRIu64 ", not %" PRIu64, what, found, expected);
    }
    return found == expected;
}

T_UNUSED static bool t_check_status(fbat_status found, fbat_status expected, const char *file,
                                    int line, const char *what) {
    if (found != expected) {
        t_fail(file, line, "%s gave %s (%d), not %s (%d)", what, fbat_status_name(found),
               (int)found, fbat_status_name(expected), (int)expected);
    }
    return found == expected;
}

T_UNUSED static bool t_check_bytes(const void *found, size_t found_len, const void *expected,
                                   size_t expected_len, const char *file, int line,
                                   const char *what) {
    bool same =
        found_len == expected_len && (found_len == 0 || memcmp(found, expected, found_len) == 0);
    if (!same) {
        t_fail(file, line, "%s: %zu bytes differ from the %zu expected", what, found_len,
               expected_len);
    }
    return same;
}

T_UNUSED static bool t_check_text(const char *found, const char *expected, const char *file,
                                  int line, const char *what) {
    bool same = found != NULL && strcmp(found, expected) == 0;
    if (!same) {
        t_fail(file, line, "%s is \"%s\", not \"%s\"", what, found ? found : "(null)", expected);
    }
    return same;
}

T_UNUSED static bool t_check_contains(const char *found, const char *part, const char *file,
                                      int line, const char *what) {
    bool holds = found != NULL && strstr(found, part) != NULL;
    if (!holds) {
        t_fail(file, line, "%s is \"%s\", without \"%s\"", what, found ? found : "(null)", part);
    }
    return holds;
}

#define CHECK(condition) t_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_U64(found, expected) \
    t_check_u64((uint64_t)(found), (uint64_t)(expected), __FILE__, __LINE__, #found)
#define CHECK_STATUS(call, expected) t_check_status((call), (expected), __FILE__, __LINE__, #call)
#define CHECK_OK(call) CHECK_STATUS(call, FBAT_OK)
#define CHECK_BYTES(found, found_len, expected, expected_len) \
    t_check_bytes((found), (found_len), (expected), (expected_len), __FILE__, __LINE__, #found)
#define CHECK_TEXT(found, expected) t_check_text((found), (expected), __FILE__, __LINE__, #found)
#define CHECK_CONTAINS(found, part) t_check_contains((found), (part), __FILE__, __LINE__, #found)
#define REQUIRE(condition)                                           \
    do {                                                             \
        if (!t_check((condition), __FILE__, __LINE__, #condition)) { \
            return;                                                  \
        }                                                            \
    } while (0)
#define REQUIRE_OK(call)                                                   \
    do {                                                                   \
        if (!t_check_status((call), FBAT_OK, __FILE__, __LINE__, #call)) { \
            return;                                                        \
        }                                                                  \
    } while (0)

/* The directory of the case that runs. */
T_UNUSED static const char *t_dir(void) {
    return t_case_dir;
}

/* The path of `name` in the directory of the case; in one of eight buffers that are used in turn.
 */
T_UNUSED static const char *t_path(const char *name) {
    static char paths[8][1024];
    static unsigned turn;
    char *path = paths[__atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % 8];
    snprintf(path, sizeof paths[0], "%s/%s", t_case_dir, name);
    return path;
}

static int t_remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void t_remove_tree(const char *path) {
    nftw(path, t_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool t_run_case(const struct t_case *one) {
    unsigned long failures = t_failures;
    t_running = one->name;
    snprintf(t_case_dir, sizeof t_case_dir, "%s/%s", t_root, one->name);
    if (mkdir(t_case_dir, 0700) != 0) {
        t_fail(__FILE__, __LINE__, "cannot make %s: %s", t_case_dir, strerror(errno));
        return false;
    }
    one->run();
    uint64_t live = (uint64_t)fbat_live_handles();
    static uint64_t leaked; /* by cases before this one, each reported once */
    if (live != leaked) {
        t_fail(__FILE__, __LINE__, "%" PRId64 " handles are alive at the end",
               (int64_t)(live - leaked));
        leaked = live;
    }
    t_remove_tree(t_case_dir);
    return t_failures == failures;
}

int main(int argc, char **argv) {
    const char *tmp = getenv("TMPDIR");
    unsigned long passed = 0, failed = 0, misuse = 0;
    snprintf(t_root, sizeof t_root, "%s/fbat-abi-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(t_root) == NULL) {
        fprintf(stderr, "cannot make %s: %s\n", t_root, strerror(errno));
        return 1;
    }
    for (size_t i = 0; i < t_count; i++) {
        if (argc > 1 && strstr(t_cases[i].name, argv[1]) == NULL) {
            continue;
        }
        bool ok = t_run_case(&t_cases[i]);
        passed += ok;
        failed += !ok;
        misuse += t_cases[i].misuse;
    }
    t_remove_tree(t_root);
    printf("%lu of misuse\n%lu passed, %lu failed\n", misuse, passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

#endif
