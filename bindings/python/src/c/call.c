/* Calls to the library that happen for each event or each page. Stores and cursors are numbers that
 * the library looks up, so that one which is gone is an error and no more. */
#include "batch.h"

#include <stdlib.h>
#include <time.h>

/* Sets the exception of a status, and frees its detail. */
PyObject *fail(fbat_status status, fbat_error *err) {
    PyObject *error = PyObject_CallFunction(py.raised_by, "iK", (int)status,
                                            (unsigned long long)(uintptr_t)err);
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    if (err) {
        lib.fbat_error_free(err);
    }
    return NULL;
}

/* The arguments of a function: as many as it wants, the first one a number of the library's. */
static int begin(PyObject *const *args, Py_ssize_t count, Py_ssize_t wanted, void **out) {
    if (count != wanted) {
        PyErr_Format(PyExc_TypeError, "%zd arguments, not %zd", count, wanted);
        return -1;
    }
    *out = PyLong_AsVoidPtr(args[0]);
    return *out || !PyErr_Occurred() ? 0 : -1;
}

/* ---- appending ------------------------------------------------------------------------------- */

static PyObject *receipts_of(const fbat_receipt *receipts, size_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *one = receipt_copy(&receipts[i]);
        if (!one || PyList_SetItem(list, (Py_ssize_t)i, one) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* Appends what batch_fill() made. `receipts` may be NULL, unless it is one event. */
static int append_all(void *store, const batch *all, fbat_receipt *receipts, int is_one) {
    fbat_error *err = NULL;
    fbat_status status;
    for (size_t i = 0; receipts && i < all->count; i++) {
        receipts[i].struct_size = sizeof *receipts;
    }
    Py_BEGIN_ALLOW_THREADS
    status = is_one ? lib.fbat_append(store, all->events, receipts, &err)
                    : lib.fbat_append_batch(store, all->events, all->count, receipts, &err);
    Py_END_ALLOW_THREADS
    if (status != FBAT_OK) {
        fail(status, err);
        return -1;
    }
    return 0;
}

static PyObject *append(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    PyObject *made = NULL;
    void *store;
    batch all = {0};
    fbat_receipt receipt = {0};
    (void)module;
    if (begin(args, count, 2, &store) < 0) {
        return NULL;
    }
    if (batch_fill(&all, &args[1], 1, 1) == 0 && append_all(store, &all, &receipt, 1) == 0) {
        made = receipt_copy(&receipt);
    }
    batch_clear(&all);
    return made;
}

static PyObject *append_list(void *store, PyObject *events, int wants_receipts) {
    size_t count = (size_t)PyTuple_Size(events);
    PyObject **items = malloc((count + 1) * sizeof *items), *made = NULL;
    fbat_receipt *receipts = wants_receipts ? calloc(count + 1, sizeof *receipts) : NULL;
    batch all = {0};
    if (!items || (wants_receipts && !receipts)) {
        PyErr_NoMemory();
    } else {
        for (size_t i = 0; i < count; i++) {
            items[i] = PyTuple_GetItem(events, (Py_ssize_t)i);
        }
        if (batch_fill(&all, items, count, 0) == 0 && append_all(store, &all, receipts, 0) == 0) {
            made = receipts ? receipts_of(receipts, count) : Py_NewRef(Py_None);
        }
        batch_clear(&all);
    }
    free(items), free(receipts);
    return made;
}

static PyObject *append_batch(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    void *store;
    (void)module;
    if (begin(args, count, 3, &store) < 0) {
        return NULL;
    }
    int wants_receipts = PyObject_IsTrue(args[2]);
    PyObject *events = wants_receipts < 0 ? NULL : PySequence_Tuple(args[1]);
    PyObject *made = events ? append_list(store, events, wants_receipts) : NULL;
    Py_XDECREF(events);
    return made;
}

/* ---- reading --------------------------------------------------------------------------------- */

static fbat_status read_event(void *store, const fbat_id *id, uint32_t columns, fbat_page **out,
                              fbat_error **err) {
    fbat_status status;
    Py_BEGIN_ALLOW_THREADS
    status = lib.fbat_event_get(store, id, columns, out, err);
    Py_END_ALLOW_THREADS
    return status;
}

static PyObject *get(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    void *store;
    fbat_id id;
    fbat_page *rows = NULL;
    fbat_error *err = NULL;
    static const member columns = {"columns", U32, 0, 0, NULL};
    uint32_t wanted;
    (void)module;
    if (begin(args, count, 3, &store) < 0 || to_id("event_id", args[1], &id) < 0 ||
        to_number(&columns, args[2], (char *)&wanted) < 0) {
        return NULL;
    }
    fbat_status status = read_event(store, &id, wanted, &rows, &err);
    if (status != FBAT_OK) {
        return fail(status, err);
    }
    PyObject *record = record_copy(lib.fbat_page_rows(rows));
    lib.fbat_page_free(rows);
    return record;
}

static PyObject *contains(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    void *store;
    fbat_id id;
    fbat_page *rows = NULL;
    fbat_error *err = NULL;
    (void)module;
    if (begin(args, count, 2, &store) < 0 || to_id("event_id", args[1], &id) < 0) {
        return NULL;
    }
    fbat_status status = read_event(store, &id, FBAT_COLUMN_FIXED, &rows, &err);
    if (status != FBAT_OK && status != FBAT_ERR_NOT_FOUND) {
        return fail(status, err);
    }
    if (err) {
        lib.fbat_error_free(err);
    }
    lib.fbat_page_free(rows);
    return PyBool_FromLong(status == FBAT_OK);
}

/* A page of the events that have a name as their origin. */
static PyObject *by_origin(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    void *store;
    fbat_str origin;
    fbat_id id;
    fbat_page *rows = NULL;
    fbat_error *err = NULL;
    fbat_status status;
    static const member columns = {"columns", U32, 0, 0, NULL};
    uint32_t wanted;
    (void)module;
    if (begin(args, count, 4, &store) < 0 || to_text("source_namespace", args[1], &origin) < 0 ||
        to_id("source_event_id", args[2], &id) < 0 ||
        to_number(&columns, args[3], (char *)&wanted) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = lib.fbat_event_by_origin(store, origin, &id, wanted, &rows, &err);
    Py_END_ALLOW_THREADS
    return status == FBAT_OK ? page_new(rows) : fail(status, err);
}

/* A page of a query, whose struct is at the second address. */
static PyObject *query(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    void *store, *what;
    fbat_page *rows = NULL;
    fbat_error *err = NULL;
    fbat_status status;
    (void)module;
    if (begin(args, count, 2, &store) < 0 || begin(&args[1], 1, 1, &what) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = lib.fbat_store_query(store, what, &rows, &err);
    Py_END_ALLOW_THREADS
    return status == FBAT_OK ? page_new(rows) : fail(status, err);
}

static PyObject *next_page(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    void *cursor;
    fbat_page *rows = NULL;
    fbat_error *err = NULL;
    fbat_status status;
    (void)module;
    if (begin(args, count, 1, &cursor) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = lib.fbat_cursor_next(cursor, &rows, &err);
    Py_END_ALLOW_THREADS
    if (status != FBAT_OK) {
        return fail(status, err);
    }
    return rows ? page_new(rows) : Py_NewRef(Py_None);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* What a thread sleeps for: a page of a cursor, or the frontier of a store above a sequence. */
typedef struct {
    void *of;
    uint64_t after;
    fbat_frontier *frontier;
    fbat_page *rows;
    fbat_wait_options options;
} sleeper;

static fbat_status sleep_for_page(sleeper *self, fbat_error **err) {
    return lib.fbat_cursor_wait(self->of, &self->options, &self->rows, err);
}

static fbat_status sleep_for_frontier(sleeper *self, fbat_error **err) {
    return lib.fbat_store_wait(self->of, self->after, &self->options, self->frontier, err);
}

static uint64_t now_ns(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Sleeps until it is there; -1 with what to raise. Handlers of signals run in the main thread, and
 * a signal ends no call of the library: the main thread wakes up now and then to run them. */
static int sleep_until(fbat_status (*call)(sleeper *, fbat_error **), sleeper *self) {
    static const uint64_t NAP_MS = 100, MS = 1000000;
    int is_main = PyThread_get_thread_ident() == py.main_thread;
    int is_bounded = (self->options.flags & FBAT_WAIT_HAS_TIMEOUT) != 0;
    uint64_t end = now_ns() + self->options.timeout_ms * MS;
    for (;;) {
        fbat_error *err = NULL;
        fbat_status status;
        uint64_t now = now_ns(), left = end > now ? (end - now + MS - 1) / MS : 0;
        if (is_main) {
            self->options.flags |= FBAT_WAIT_HAS_TIMEOUT;
            self->options.timeout_ms = is_bounded && left < NAP_MS ? left : NAP_MS;
        }
        Py_BEGIN_ALLOW_THREADS
        status = call(self, &err);
        Py_END_ALLOW_THREADS
        if (status == FBAT_OK) {
            return 0;
        }
        if (status != FBAT_ERR_TIMEOUT || (is_bounded && (!is_main || now_ns() >= end))) {
            fail(status, err);
            return -1;
        }
        lib.fbat_error_free(err);
        if (PyErr_CheckSignals() < 0) {
            return -1;
        }
    }
}

static int to_options(PyObject *address, fbat_wait_options *out) {
    const fbat_wait_options *options = PyLong_AsVoidPtr(address);
    if (options) {
        *out = *options;
    }
    return options ? 0 : -1;
}

/* Fills in the frontier at an address once it is above a sequence. */
static PyObject *wait_above(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    sleeper self = {0};
    (void)module;
    if (begin(args, count, 4, &self.of) < 0 || to_options(args[2], &self.options) < 0) {
        return NULL;
    }
    self.after = PyLong_AsUnsignedLongLong(args[1]);
    self.frontier = PyErr_Occurred() ? NULL : PyLong_AsVoidPtr(args[3]);
    if (PyErr_Occurred() || sleep_until(sleep_for_frontier, &self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *wait_page(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    sleeper self = {0};
    (void)module;
    if (begin(args, count, 2, &self.of) < 0 || to_options(args[1], &self.options) < 0 ||
        sleep_until(sleep_for_page, &self) < 0) {
        return NULL;
    }
    return self.rows ? page_new(self.rows) : Py_NewRef(Py_None);
}

#define CALL(name, parameters)                                                                    \
    {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, #name parameters "\n--\n\n"}

PyMethodDef call_append_def = CALL(append, "(store, event, /)");
PyMethodDef call_append_batch_def = CALL(append_batch, "(store, events, receipts, /)");
PyMethodDef call_get_def = CALL(get, "(store, event_id, columns, /)");
PyMethodDef call_contains_def = CALL(contains, "(store, event_id, /)");
PyMethodDef call_by_origin_def =
    CALL(by_origin, "(store, source_namespace, source_event_id, columns, /)");
PyMethodDef call_query_def = CALL(query, "(store, options, /)");
PyMethodDef call_next_page_def = CALL(next_page, "(cursor, /)");
PyMethodDef call_wait_above_def = CALL(wait_above, "(store, after, options, frontier, /)");
PyMethodDef call_wait_page_def = CALL(wait_page, "(cursor, options, /)");
