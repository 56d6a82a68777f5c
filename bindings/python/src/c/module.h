/* The hot paths in C: point reads, pages and their rows, appends, and callbacks.
 *
 * The library is linked into fbat._native; this module is handed the addresses of its functions.
 */
#ifndef FBAT_PYTHON_MODULE_H
#define FBAT_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <fbat.h>
#include <stddef.h>

/* A member of a struct, as members.h lists them. The length of BYTES and EXTENSIONS follows the
 * pointer. What is optional is None where it is zero. */
typedef struct {
    const char *name;
    enum { U16, U32, U64, I64, TEXT, ID, HASH, BYTES, EXTENSIONS } type;
    int optional;
    size_t offset;
    const char *doc;
} member;

/* The functions of the library that are called here. */
#define FBAT_CALLED(X)                                                                            \
    X(fbat_append)                                                                                \
    X(fbat_append_batch)                                                                          \
    X(fbat_cursor_next)                                                                           \
    X(fbat_cursor_wait)                                                                           \
    X(fbat_error_free)                                                                            \
    X(fbat_event_by_origin)                                                                       \
    X(fbat_event_get)                                                                             \
    X(fbat_page_free)                                                                             \
    X(fbat_page_is_end)                                                                           \
    X(fbat_page_len)                                                                              \
    X(fbat_page_resume)                                                                           \
    X(fbat_page_rows)                                                                             \
    X(fbat_store_query)                                                                           \
    X(fbat_store_wait)

typedef struct {
#define X(name) __typeof__(name) *name;
    FBAT_CALLED(X)
#undef X
} library;

/* convert.c: members of an event as C has them. Each says by name what is wrong; -1 then. */
int wrong_type(const char *name, PyObject *value, const char *wanted);
int to_text(const char *name, PyObject *value, fbat_str *out);
int to_number(const member *which, PyObject *value, char *at);
int to_timestamp(const char *name, PyObject *value, int64_t *out);
int to_id(const char *name, PyObject *value, fbat_id *out);
PyObject *copy_of_bytes(PyObject *value);
int convert_add_type(PyObject *module);

/* view.c: a record or a receipt. */
typedef struct view view;
struct view {
    PyObject_HEAD
    const char *at;     /* the struct; NULL where memory was short when it was to be copied */
    char *own;          /* the memory of a record that is a copy */
    view **back, *next; /* the views of a page, which own nothing */
};
int view_add_types(PyObject *module);
PyObject *view_new(PyTypeObject *type, const void *at);
void view_join(view *self, view **list);
void view_detach(view *self);
PyObject *record_copy(const fbat_record *at);
PyObject *receipt_copy(const fbat_receipt *at);
extern PyMethodDef view_restore_def, view_address_def;

/* page.c: records that were read at once. */
int page_add_types(PyObject *module);
PyObject *page_new(fbat_page *pointer);

/* call.c */
PyObject *fail(fbat_status status, fbat_error *err);
extern PyMethodDef call_append_def, call_append_batch_def, call_get_def, call_contains_def,
    call_by_origin_def, call_query_def, call_next_page_def, call_wait_above_def,
    call_wait_page_def;

/* callback.c */
int callback_add(PyObject *module);
extern PyMethodDef callback_retain_def, callback_end_def, callback_forked_def;

/* module.c: what fbat/__init__.py tells with use(): Python classes, the function that makes an
 * exception, the library, and the thread that handles signals. */
typedef struct {
    PyTypeObject *id, *hash, *record, *receipt, *page;
    PyObject *raised_by, *to_us;
    unsigned long main_thread;
} python;
extern python py;
extern library lib;

#endif
