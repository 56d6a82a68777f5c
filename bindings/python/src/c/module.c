#include "module.h"

PyTypeObject *id_type, *hash_type, *record_type;

/* Ids, hashes and records are classes written in Python; it tells here which. */
static PyObject *use(PyObject *module, PyObject *args) {
    PyObject *id, *hash, *record;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!:use", &PyType_Type, &id, &PyType_Type, &hash, &PyType_Type, &record)) {
        return NULL;
    }
    Py_INCREF(id), Py_INCREF(hash), Py_INCREF(record);
    id_type = (PyTypeObject *)id;
    hash_type = (PyTypeObject *)hash;
    record_type = (PyTypeObject *)record;
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
    methods[0] = (PyMethodDef){"use", use, METH_VARARGS, "use(id_type, hash_type, record_type, /)\n--\n\n"};
    methods[1] = view_rows_def;
    methods[2] = view_address_def;
    methods[3] = callback_retain_def;
    definition.m_methods = methods;
    PyObject *module = PyModule_Create(&definition);
    if (module && (view_add_types(module) < 0 || batch_add_type(module) < 0 || callback_add(module) < 0)) {
        Py_CLEAR(module);
    }
    return module;
}
