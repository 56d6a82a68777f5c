#include "module.h"

PyTypeObject *id_type, *hash_type, *record_type;
unsigned long main_thread;

/* Ids, hashes and records are classes written in Python; it tells here which. */
static PyObject *use(PyObject *module, PyObject *args) {
    PyObject *id, *hash, *record;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!k:use", &PyType_Type, &id, &PyType_Type, &hash, &PyType_Type,
                          &record, &main_thread)) {
        return NULL;
    }
    id_type = (PyTypeObject *)Py_NewRef(id);
    hash_type = (PyTypeObject *)Py_NewRef(hash);
    record_type = (PyTypeObject *)Py_NewRef(record);
    Py_RETURN_NONE;
}

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "fbat._fast",
    .m_doc = "The hot paths of fbat in C.",
    .m_size = -1, /* one interpreter, as cffi */
};

PyMODINIT_FUNC PyInit__fast(void) {
    static PyMethodDef methods[5];
    methods[0] = (PyMethodDef){"use", use, METH_VARARGS,
                               "use(id, hash, record, main_thread, /)\n--\n\n"};
    methods[1] = view_rows_def;
    methods[2] = view_address_def;
    methods[3] = callback_retain_def;
    definition.m_methods = methods;
    PyObject *module = PyModule_Create(&definition);
    if (module && (view_add_types(module) < 0 || batch_add_type(module) < 0 ||
                   callback_add(module) < 0)) {
        Py_CLEAR(module);
    }
    return module;
}
