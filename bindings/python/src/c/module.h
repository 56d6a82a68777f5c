/* The hot paths in C: rows of events as Python objects, Python objects as events, and callbacks.
 *
 * This module calls nothing of the library, which is linked into fbat._native; it knows the structs
 * of fbat.h, and is handed addresses.
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

/* view.c */
int view_add_types(PyObject *module);
PyObject *view_new(PyTypeObject *type, PyObject *owner, const void *at);
void view_expire(PyObject *view);
extern PyMethodDef view_rows_def, view_address_def;

/* batch.c */
int batch_add_type(PyObject *module);

/* callback.c */
int callback_add(PyObject *module);
extern PyMethodDef callback_retain_def;

/* module.c: the Python classes that objects are made of, and the thread that handles signals; set
 * by _fast.use(). */
extern PyTypeObject *id_type, *hash_type, *record_type;
extern unsigned long main_thread;

#endif
