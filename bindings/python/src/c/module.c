#include "batch.h"

#include <string.h>

python py;
library lib;

static int find_functions(PyObject *addresses) {
    static const struct {
        const char *name;
        void *to;
    } called[] = {
#define X(name) {#name, &lib.name},
        FBAT_CALLED(X)
#undef X
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(called); i++) {
        PyObject *address = PyMapping_GetItemString(addresses, called[i].name);
        void *function = address ? PyLong_AsVoidPtr(address) : NULL;
        Py_XDECREF(address);
        if (!function) {
            return -1;
        }
        memcpy(called[i].to, &function, sizeof function);
    }
    return 0;
}

/* The classes that are written in Python, and the library. */
static PyObject *use(PyObject *module, PyObject *args) {
    PyObject *of[5], *raised_by, *to_us, *addresses;
    (void)module;
    if (!PyArg_ParseTuple(args, "(O!O!O!O!O!)OOOk:use", &PyType_Type, &of[0], &PyType_Type,
                          &of[1], &PyType_Type, &of[2], &PyType_Type, &of[3], &PyType_Type, &of[4],
                          &raised_by, &to_us, &addresses, &py.main_thread)) {
        return NULL;
    }
    PyTypeObject **to[] = {&py.id, &py.hash, &py.record, &py.receipt, &py.page};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(to); i++) {
        *to[i] = (PyTypeObject *)Py_NewRef(of[i]);
    }
    py.raised_by = Py_NewRef(raised_by);
    py.to_us = Py_NewRef(to_us);
    if (find_functions(addresses) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* The names of the functions that use() wants. */
static PyObject *called_names(void) {
    static const char *const names[] = {
#define X(name) #name,
        FBAT_CALLED(X)
#undef X
    };
    PyObject *tuple = PyTuple_New(Py_ARRAY_LENGTH(names));
    for (size_t i = 0; tuple && i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (!name || PyTuple_SetItem(tuple, (Py_ssize_t)i, name) < 0) {
            Py_CLEAR(tuple);
        }
    }
    return tuple;
}

static int fill_module(PyObject *module) {
    /* Callbacks come from threads that know of the main interpreter only. */
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
        PyErr_SetString(PyExc_ImportError, "fbat._fast was imported in a subinterpreter");
        return -1;
    }
    PyObject *names = called_names();
    int done = !names || PyModule_AddObjectRef(module, "CALLED", names) < 0 ||
                       batch_prepare() < 0 || view_add_types(module) < 0 ||
                       page_add_types(module) < 0 || convert_add_type(module) < 0 ||
                       callback_add(module) < 0
                   ? -1
                   : 0;
    Py_XDECREF(names);
    return done;
}

PyMODINIT_FUNC PyInit__fast(void) {
    static PyMethodDef methods[16];
    static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill_module}, {0, NULL}};
    static PyModuleDef definition = {
        PyModuleDef_HEAD_INIT,
        .m_name = "fbat._fast",
        .m_doc = "The hot paths of fbat in C.",
        .m_methods = methods,
        .m_slots = slots,
    };
    PyMethodDef all[] = {
        {"use", use, METH_VARARGS, "use(types, raised_by, to_us, library, main_thread, /)\n--\n\n"},
        view_restore_def,
        view_address_def,
        callback_retain_def,
        callback_end_def,
        callback_forked_def,
        call_append_def,
        call_append_batch_def,
        call_get_def,
        call_contains_def,
        call_by_origin_def,
        call_query_def,
        call_next_page_def,
        call_wait_above_def,
        call_wait_page_def,
        {NULL, NULL, 0, NULL},
    };
    _Static_assert(sizeof methods == sizeof all, "methods has room for all of them, and their end");
    memcpy(methods, all, sizeof all);
    return PyModuleDef_Init(&definition);
}
