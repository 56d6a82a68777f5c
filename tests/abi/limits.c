/* What the environment takes away: space, the length of files, descriptors, memory, threads, system
 * calls, by call. Each gives a status or is done in another way; no process ends by a signal, no
 * acknowledged event is lost, nothing half made is left, and what can be given back lets the store
 * go on. Each cell of the table is a process of its own, this program again.
 *
 * FBAT_LIMITS_TABLE names a file that the table is written to, in Markdown. */
#define _GNU_SOURCE
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PIPE = 3, BASE_EVENTS = 150, SOURCE_EVENTS = 60, SEGMENT_BYTES = 65536 };

enum call { OPEN_NEW, OPEN, READ, APPEND, IMPORT, BACKUP, REPAIR, VERIFY, CLOSE, CALLS };
static const char *const call_names[CALLS] = {"open new", "open",   "read",   "append", "import",
                                              "backup",   "repair", "verify", "close"};

enum kind { NOTHING, DISK, FILE_BYTES, DESCRIPTORS, MEMORY, SYSTEM_CALL };
struct limit {
    enum kind kind;
    const char *name;
    long amount;   /* how much is left; of a system call, the errno that refuses it */
    long calls[3]; /* what is refused, ended by 0 */
};

/* ---- within a cell ---- */

static char dir[600];

static const char *in_dir(const char *name) {
    static char paths[4][1024];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* 'a': so many more events are acknowledged; 's': the status of the call; 'g': that of going on
 * afterwards; 't': why. */
static void tell(char what, int32_t number) {
    char message[5] = {what};
    memcpy(message + 1, &number, sizeof number);
    if (write(PIPE, message, sizeof message) != sizeof message) {
        _exit(3);
    }
}

static fbat_status append_to(const fbat_store *store, int n, size_t payload_len) {
    static char payload[4096];
    static int entity;
    fbat_status status = FBAT_OK;
    memset(payload, 'p', sizeof payload);
    for (int i = 0; i < n && status == FBAT_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "thing:%d", entity++ % 9);
        fbat_event event = event_of(name, "");
        event.payload = payload;
        event.payload_len = payload_len;
        fbat_error *err = NULL;
        status = fbat_append(store, &event, NULL, &err);
        if (status == FBAT_OK) {
            tell('a', 1);
        } else if (getenv("FBAT_LIMITS_TALK")) {
            fprintf(stderr, "append: %s\n", fbat_error_message(err).data);
        }
        fbat_error_free(err);
    }
    return status;
}

static fbat_status opened(const char *name, uint32_t mode, fbat_store **store) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_error *err = NULL;
    options.segment_bytes = SEGMENT_BYTES;
    options.mode = mode;
    fbat_status status = fbat_store_open(in_dir(name), &options, store, &err);
    if (status != FBAT_OK && getenv("FBAT_LIMITS_TALK")) {
        fprintf(stderr, "open: %s\n", fbat_error_message(err).data);
    }
    fbat_error_free(err);
    return status;
}

static fbat_status read_all(const fbat_store *store, uint64_t *events) {
    fbat_query query = FBAT_QUERY_INIT;
    fbat_status status = FBAT_OK;
    *events = 0;
    for (bool more = true; more && status == FBAT_OK;) {
        fbat_page *page = NULL;
        status = fbat_store_query(store, &query, &page, NULL);
        *events += fbat_page_len(page);
        more = status == FBAT_OK && fbat_page_len(page) > 0;
        query.after = fbat_page_resume(page);
        fbat_page_free(page);
    }
    return status;
}

static struct rlimit before;

static void set_limit(int resource, rlim_t left) {
    getrlimit(resource, &before);
    struct rlimit limit = {left, before.rlim_max};
    if (setrlimit(resource, &limit) != 0) {
        _exit(4);
    }
}

static long mapped_bytes(void) {
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY);
    if (read(fd, text, sizeof text - 1) <= 0) {
        _exit(5);
    }
    close(fd);
    return atol(text) * sysconf(_SC_PAGESIZE);
}

static void fill_disk(long left) {
    static char block[4096] = "ballast";
    int fd = open(in_dir("ballast"), O_CREAT | O_WRONLY, 0600);
    while (write(fd, block, sizeof block) == sizeof block) {
    }
    off_t length = lseek(fd, 0, SEEK_END) - left;
    if (ftruncate(fd, length < 0 ? 0 : length) != 0) {
        _exit(6);
    }
    close(fd);
}

static void refuse(const struct limit *limit) {
    struct sock_filter code[16];
    unsigned n = 0;
    const uint32_t refused = SECCOMP_RET_ERRNO | ((uint32_t)limit->amount & SECCOMP_RET_DATA);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offsetof(struct seccomp_data, nr));
    for (const long *call = limit->calls; call < limit->calls + 3 && *call >= 0; call++) {
        if (*call == SYS_mmap) { /* of files only: memory comes by it too */
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_mmap, 0, 3);
            code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                     offsetof(struct seccomp_data, args[4]));
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, 0xffffffff, 1, 0);
            code[n++] = (struct sock_filter)BPF_STMT(BPF_RET, refused);
            break;
        }
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, (uint32_t)*call, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET, refused);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(7);
    }
}

static void tighten(const struct limit *limit) {
    switch (limit->kind) {
    case NOTHING:
        break;
    case DISK:
        fill_disk(limit->amount);
        break;
    case FILE_BYTES:
        set_limit(RLIMIT_FSIZE, (rlim_t)limit->amount);
        break;
    case DESCRIPTORS: {
        int next = dup(PIPE);
        close(next);
        set_limit(RLIMIT_NOFILE, (rlim_t)(next + limit->amount));
        break;
    }
    case MEMORY:
        set_limit(RLIMIT_AS, (rlim_t)(mapped_bytes() + limit->amount));
        break;
    case SYSTEM_CALL:
        refuse(limit);
        break;
    }
}

/* Gives back what can be. */
static bool relax(const struct limit *limit) {
    switch (limit->kind) {
    case DISK:
        unlink(in_dir("ballast"));
        return true;
    case FILE_BYTES:
        return setrlimit(RLIMIT_FSIZE, &before) == 0;
    case DESCRIPTORS:
        return setrlimit(RLIMIT_NOFILE, &before) == 0;
    case MEMORY:
        return setrlimit(RLIMIT_AS, &before) == 0;
    default:
        return limit->kind == NOTHING;
    }
}

/* The call that the limit is about; before it, what it needs. */
static fbat_status within(enum call call, const struct limit *limit, fbat_store **store) {
    fbat_store *source = NULL;
    fbat_status status = FBAT_OK;
    uint64_t events = 0;
    bool from_the_start = limit->kind == SYSTEM_CALL;
    if (from_the_start) {
        tighten(limit);
    }
    if (call != OPEN_NEW && call != OPEN && call != READ && call != REPAIR) {
        status = opened("store", FBAT_OPEN_MUST_EXIST, store);
    }
    if (status == FBAT_OK && call == IMPORT) {
        status = opened("source", FBAT_OPEN_READ_ONLY, &source);
    }
    if (status == FBAT_OK && call == CLOSE) {
        status = append_to(*store, 5, 600);
    }
    if (!from_the_start) {
        tighten(limit);
    }
    if (status != FBAT_OK) {
        return status;
    }
    switch (call) {
    case OPEN_NEW:
        return opened("new", FBAT_OPEN_MUST_BE_NEW, store);
    case OPEN:
        status = opened("store", FBAT_OPEN_MUST_EXIST, store);
        return status == FBAT_OK ? read_all(*store, &events) : status;
    case READ:
        status = opened("store", FBAT_OPEN_READ_ONLY, store);
        return status == FBAT_OK ? read_all(*store, &events) : status;
    case APPEND:
        return append_to(*store, 40, 2500);
    case IMPORT: {
        fbat_import_options options = import_options("elsewhere");
        fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
        options.chunk_size = 20;
        status = fbat_import(*store, source, &options, &report, NULL);
        tell('a', (int32_t)report.imported);
        fbat_store_free(source);
        return status;
    }
    case BACKUP:
        return fbat_store_backup(*store, in_dir("copy"), NULL, NULL, NULL);
    case REPAIR:
        return fbat_repair(in_dir("store"), in_dir("copy"), NULL, NULL, NULL, NULL);
    case VERIFY: {
        fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
        status = fbat_store_verify(*store, NULL, &report, NULL, NULL);
        return status == FBAT_OK && report.findings > 0 ? FBAT_ERR_INTERNAL : status;
    }
    default:
        return fbat_store_close(*store, NULL);
    }
}

static bool contains(const char *name, const char *ending) {
    DIR *files = opendir(in_dir(name));
    bool found = false;
    for (struct dirent *file; files != NULL && (file = readdir(files)) != NULL;) {
        size_t len = strlen(file->d_name), of_ending = strlen(ending);
        found |= len >= of_ending && strcmp(file->d_name + len - of_ending, ending) == 0;
    }
    if (files != NULL) {
        closedir(files);
    }
    return found;
}

/* What is there afterwards: `expected` events in a sound store, and nothing half made. */
static const char *examine(uint64_t expected) {
    fbat_store *store = NULL;
    uint64_t events = 0;
    if (contains("store", ".tmp") || contains("new", ".tmp")) {
        return "a temporary file is left";
    }
    if (!contains("copy", "store.fbat") && contains("copy", ".log")) {
        return "a copy that failed is left";
    }
    if (!contains("new", "store.fbat") && contains("new", ".log")) {
        return "a store that was not made is left";
    }
    if (opened("store", FBAT_OPEN_MUST_EXIST, &store) != FBAT_OK) {
        return "the store does not open";
    }
    if (read_all(store, &events) != FBAT_OK) {
        return "the store cannot be read";
    }
    if (events < expected) {
        return "acknowledged events are lost";
    }
    if (findings_in(store) != 0) {
        return "verify has findings";
    }
    if (append_to(store, 1, 10) != FBAT_OK || fbat_store_close(store, NULL) != FBAT_OK) {
        return "the store does not go on";
    }
    return NULL;
}

/* Waits for what goes on in the background of a store, as verify does: a kill in the middle of that
 * may leave a temporary file. */
static void settle(fbat_store *store) {
    if (store != NULL && fbat_store_verify(store, NULL, NULL, NULL, NULL) != FBAT_OK) {
        return; /* a limit may still hold */
    }
}

static void prepare(void) {
    fbat_store *store = NULL;
    if (opened("source", FBAT_OPEN_MUST_BE_NEW, &store) != FBAT_OK ||
        append_to(store, SOURCE_EVENTS, 2000) != FBAT_OK ||
        fbat_store_close(store, NULL) != FBAT_OK ||
        opened("store", FBAT_OPEN_MUST_BE_NEW, &store) != FBAT_OK ||
        append_to(store, BASE_EVENTS, 900) != FBAT_OK) {
        _exit(8);
    }
    settle(store);
}

/* A cell is this program with these variables set. It ends without closing, as if killed. */
__attribute__((constructor)) static void play_a_cell(void) {
    const char *what = getenv("FBAT_CELL");
    if (what == NULL) {
        return;
    }
    snprintf(dir, sizeof dir, "%s", getenv("FBAT_CELL_DIR"));
    struct limit limit = {.name = ""};
    int kind = 0, call = 0;
    sscanf(what, "%d %d %ld %ld %ld %ld", &call, &kind, &limit.amount, &limit.calls[0],
           &limit.calls[1], &limit.calls[2]);
    limit.kind = (enum kind)kind;
    if (call == -1) {
        prepare();
        _exit(0);
    }
    if (call == -2) {
        const char *why = examine((uint64_t)limit.amount);
        if (why != NULL) {
            fprintf(stderr, "    %s\n", why);
        }
        _exit(why == NULL ? 0 : 9);
    }
    fbat_store *store = NULL;
    tell('s', within((enum call)call, &limit, &store));
    bool writes = call == OPEN || call == APPEND || call == IMPORT || call == BACKUP;
    if (relax(&limit) && writes && store != NULL) {
        fbat_status on = append_to(store, 1, 10);
        if (on == FBAT_ERR_POISONED) {
            fbat_store_free(store);
            on = opened("store", FBAT_OPEN_MUST_EXIST, &store);
            on = on == FBAT_OK ? append_to(store, 1, 10) : on;
        }
        tell('g', on);
    }
    settle(store);
    _exit(0);
}

/* ---- the table ---- */

struct outcome {
    int ended; /* as waitpid reports it */
    int32_t status, went_on;
    uint64_t acknowledged;
};

static struct outcome run(const char *what, const char *where) {
    struct outcome outcome = {0, -1, FBAT_OK, 0};
    int pipes[2];
    if (pipe(pipes) != 0) {
        outcome.ended = -1;
        return outcome;
    }
    pid_t child = fork();
    if (child == 0) {
        int write_end = fcntl(pipes[1], F_DUPFD, 10);
        dup2(write_end, PIPE);
        for (int fd = PIPE + 1; fd < 64; fd++) {
            close(fd);
        }
        setenv("FBAT_CELL", what, 1);
        setenv("FBAT_CELL_DIR", where, 1);
        execl("/proc/self/exe", "limits", (char *)NULL);
        _exit(2);
    }
    close(pipes[1]);
    char message[5];
    while (read(pipes[0], message, sizeof message) == sizeof message) {
        int32_t number;
        memcpy(&number, message + 1, sizeof number);
        switch (message[0]) {
        case 'a':
            outcome.acknowledged += (uint64_t)number;
            break;
        case 's':
            outcome.status = number;
            break;
        default:
            outcome.went_on = number;
        }
    }
    close(pipes[0]);
    waitpid(child, &outcome.ended, 0);
    return outcome;
}

static void copy_tree(const char *from, const char *to) {
    char command[1400];
    mkdir(to, 0700);
    DIR *files = opendir(from);
    for (struct dirent *file; files != NULL && (file = readdir(files)) != NULL;) {
        static char block[1 << 16];
        if (file->d_name[0] == '.') {
            continue;
        }
        snprintf(command, sizeof command, "%s/%s", from, file->d_name);
        int in = open(command, O_RDONLY);
        snprintf(command, sizeof command, "%s/%s", to, file->d_name);
        int out = open(command, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        for (ssize_t n; (n = read(in, block, sizeof block)) > 0;) {
            CHECK(write(out, block, (size_t)n) == n);
        }
        close(in);
        close(out);
    }
    closedir(files);
}

static char base[600];

/* Stores as they are before each cell. */
static void prepare_base(const char *name) {
    snprintf(base, sizeof base, "%s", t_path(name));
    mkdir(base, 0700);
    struct outcome made = run("-1 0 0 -1 -1 -1", base);
    CHECK_U64(made.ended, 0);
    CHECK_U64(made.acknowledged, SOURCE_EVENTS + BASE_EVENTS);
}

static FILE *table(void) {
    const char *path = getenv("FBAT_LIMITS_TABLE");
    static bool begun;
    if (path == NULL || *path == '\0') {
        return NULL;
    }
    FILE *file = fopen(path, begun ? "a" : "w");
    if (file != NULL && !begun) {
        fprintf(file, "| limit |");
        for (int call = 0; call < CALLS; call++) {
            fprintf(file, " %s |", call_names[call]);
        }
        fprintf(file, "\n| --- |");
        for (int call = 0; call < CALLS; call++) {
            fprintf(file, " --- |");
        }
        fprintf(file, "\n");
    }
    begun = true;
    return file;
}

static const char *short_name(fbat_status status) {
    const char *name = fbat_status_name(status);
    return strncmp(name, "FBAT_ERR_", 9) == 0 ? name + 9 : "ok";
}

/* A row of the table: each call under a limit. */
static void row(const struct limit *limit, const char *where) {
    FILE *out = table();
    if (out != NULL) {
        fprintf(out, "| %s |", limit->name);
    }
    for (int call = 0; call < CALLS; call++) {
        char what[200], cell[700], from[800], to[800];
        snprintf(cell, sizeof cell, "%s/cell", where);
        mkdir(cell, 0700);
        for (const char *const *name = (const char *const[]){"store", "source", NULL}; *name;
             name++) {
            snprintf(from, sizeof from, "%s/%s", base, *name);
            snprintf(to, sizeof to, "%s/%s", cell, *name);
            copy_tree(from, to);
        }
        snprintf(what, sizeof what, "%d %d %ld %ld %ld %ld", call, (int)limit->kind, limit->amount,
                 limit->calls[0], limit->calls[1], limit->calls[2]);
        struct outcome outcome = run(what, cell);
        if (outcome.ended != 0 || outcome.status < 0 || outcome.went_on != FBAT_OK) {
            t_fail(__FILE__, __LINE__, "%s, %s: ended with %#x, status %s, went on with %s",
                   limit->name, call_names[call], (unsigned)outcome.ended,
                   outcome.status < 0 ? "none" : short_name(outcome.status),
                   short_name(outcome.went_on));
        }
        snprintf(to, sizeof to, "%s/ballast", cell);
        unlink(to);
        snprintf(what, sizeof what, "-2 0 %" PRIu64 " -1 -1 -1",
                 BASE_EVENTS + outcome.acknowledged);
        if (run(what, cell).ended != 0) {
            t_fail(__FILE__, __LINE__, "%s, %s: damage", limit->name, call_names[call]);
        }
        if (out != NULL) {
            fprintf(out, " %s |", outcome.ended == 0 ? short_name(outcome.status) : "KILLED");
        }
        t_remove_tree(cell);
    }
    if (out != NULL) {
        fprintf(out, "\n");
        fclose(out);
    }
}

static bool can_limit(void) {
#if defined(__SANITIZE_ADDRESS__)
    return false;
#else
    /* valgrind makes system calls of its own */
    const char *preload = getenv("LD_PRELOAD");
    return preload == NULL || strstr(preload, "vgpreload") == NULL;
#endif
}

static void rows(const struct limit *limits, size_t count) {
    if (can_limit()) {
        prepare_base("base");
        for (size_t i = 0; i < count; i++) {
            row(&limits[i], t_dir());
        }
    }
}
#define ROWS(limits) rows(limits, sizeof(limits) / sizeof *(limits))

static bool is_shipped(void) {
    const char *mode = getenv("FBAT_ABI_MODE");
    return mode == NULL || strcmp(mode, "shipped") == 0;
}

CASE(without_limits) {
    const struct limit none[] = {{NOTHING, "none", 0, {-1}}};
    ROWS(none);
}

CASE(a_full_disk) {
    const struct limit limits[] = {
        {DISK, "disk: 1 MiB left", 1 << 20, {-1}},   {DISK, "disk: 128 KiB left", 131072, {-1}},
        {DISK, "disk: 32 KiB left", 32768, {-1}},    {DISK, "disk: 12 KiB left", 12288, {-1}},
        {DISK, "disk: 4 KiB left", 4096, {-1}},      {DISK, "disk: full", 0, {-1}},
    };
    const char *where = t_path("disk");
    REQUIRE(mkdir(where, 0700) == 0);
    if (!can_limit() || mount("fbat-limits", where, "tmpfs", 0, "size=4m") != 0) {
        const char *must = getenv("FBAT_NO_SKIP");
        printf("skipped: full disks: %s\n", strerror(errno));
        CHECK(must == NULL || strcmp(must, "1") != 0 || !can_limit());
        return;
    }
    prepare_base("base");
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        row(&limits[i], where);
    }
    CHECK(umount2(where, MNT_DETACH) == 0);
}

CASE(the_length_of_files) {
    const struct limit limits[] = {
        {FILE_BYTES, "files of at most 100,000 bytes", 100000, {-1}},
        {FILE_BYTES, "files of at most 40,000 bytes", 40000, {-1}},
        {FILE_BYTES, "files of at most 4,096 bytes", 4096, {-1}},
        {FILE_BYTES, "files of at most 100 bytes", 100, {-1}},
        {FILE_BYTES, "files of no byte", 0, {-1}},
    };
    ROWS(limits);
}

CASE(descriptors) {
    const struct limit limits[] = {
        {DESCRIPTORS, "descriptors: 4 left", 4, {-1}},
        {DESCRIPTORS, "descriptors: 2 left", 2, {-1}},
        {DESCRIPTORS, "descriptors: 1 left", 1, {-1}},
        {DESCRIPTORS, "descriptors: none left", 0, {-1}},
    };
    ROWS(limits);
}

CASE(address_space) {
    const struct limit limits[] = {
        {MEMORY, "address space: 16 MiB left", 16 << 20, {-1}},
        {MEMORY, "address space: 4 MiB left", 4 << 20, {-1}},
        {MEMORY, "address space: 1 MiB left", 1 << 20, {-1}},
        {MEMORY, "address space: 256 KiB left", 256 << 10, {-1}},
        {MEMORY, "address space: none left", 0, {-1}},
    };
    /* what ships has an allocator with a reserve; tests have allocators of their own */
    rows(limits, is_shipped() ? sizeof limits / sizeof *limits : 3);
}

static const struct {
    const char *name;
    long calls[3];
} unneeded[] = {
    {"fallocate", {SYS_fallocate, -1}},
    {"mmap of files", {SYS_mmap, -1}},
    {"madvise", {SYS_madvise, -1}},
    {"getrandom", {SYS_getrandom, -1}},
    {"sched_setaffinity", {SYS_sched_setaffinity, -1}},
    {"sched_getaffinity", {SYS_sched_getaffinity, -1}},
    {"getcpu", {SYS_getcpu, -1}},
    {"sched_yield", {SYS_sched_yield, -1}},
    {"membarrier", {SYS_membarrier, -1}},
#ifdef SYS_clone3
    {"clone, clone3: no threads", {SYS_clone, SYS_clone3, -1}},
#endif
    {"statx", {SYS_statx, -1}},
    {"copy_file_range", {SYS_copy_file_range, -1}},
#ifdef SYS_link
    {"link, linkat", {SYS_link, SYS_linkat, -1}},
#endif
    {"fdatasync", {SYS_fdatasync, -1}},
#ifdef SYS_readlink
    {"readlink, readlinkat", {SYS_readlink, SYS_readlinkat, -1}},
#endif
    {"rt_sigaction", {SYS_rt_sigaction, -1}},
    {"rt_sigprocmask", {SYS_rt_sigprocmask, -1}},
    {"rt_sigtimedwait", {SYS_rt_sigtimedwait, -1}},
    {"sigaltstack", {SYS_sigaltstack, -1}},
    {"getpid", {SYS_getpid, -1}},
    {"prlimit64", {SYS_prlimit64, -1}},
    {"lseek", {SYS_lseek, -1}},
    {"ioctl", {SYS_ioctl, -1}},
    {"fcntl", {SYS_fcntl, -1}},
    {"uname", {SYS_uname, -1}},
    {"mremap", {SYS_mremap, -1}},
    {"mprotect", {SYS_mprotect, -1}},
};

CASE(system_calls_that_are_not_needed) {
    enum { COUNT = sizeof unneeded / sizeof *unneeded };
    static char names[2 * COUNT][60];
    static struct limit limits[2 * COUNT];
    for (size_t i = 0; i < 2 * COUNT; i++) {
        limits[i] = (struct limit){SYSTEM_CALL, names[i], i % 2 == 0 ? EPERM : ENOSYS, {0}};
        memcpy(limits[i].calls, unneeded[i / 2].calls, sizeof limits[i].calls);
        snprintf(names[i], sizeof names[i], "%s: %s", unneeded[i / 2].name,
                 i % 2 == 0 ? "EPERM" : "ENOSYS");
    }
    ROWS(limits);
}
