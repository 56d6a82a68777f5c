/* A view is a Python object that reads a struct of the library in place: making one costs an
 * allocation, and a member is converted when it is asked for. What the struct is part of lives as
 * long as the view does. */
#define FBAT_RECORD_MEMBERS
#define FBAT_RECEIPT_MEMBERS
#include "members.h"

typedef struct {
    PyObject_HEAD
    PyObject *owner; /* keeps the memory; NULL for a record that lives as long as its callback */
    const char *at;  /* NULL: that callback has returned */
} view;

PyObject *view_new(PyTypeObject *type, PyObject *owner, const void *at) {
    view *self = (view *)PyType_GenericAlloc(type, 0);
    if (self) {
        Py_XINCREF(owner);
        self->owner = owner;
        self->at = at;
    }
    return (PyObject *)self;
}

void view_expire(PyObject *self) {
    ((view *)self)->at = NULL;
}

static void view_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    Py_XDECREF(((view *)self)->owner);
    release(self);
    Py_DECREF(type);
}

static const char *struct_of(PyObject *self) {
    const char *at = ((view *)self)->at;
    if (!at) {
        PyErr_SetString(PyExc_ValueError, "a record that was given to a filter is of no use after "
                                          "the filter returned");
    }
    return at;
}

/* ---- members -------------------------------------------------------------------------------- */

static int is_zero(const char *bytes, size_t len) {
    while (len > 0 && bytes[len - 1] == 0) {
        len--;
    }
    return len == 0;
}

/* Bytes of a class derived from `bytes`, made without its __new__, which checks what is known. */
static PyObject *new_bytes(PyTypeObject *type, const void *data, size_t len) {
    static newfunc bytes_new;
    if (!bytes_new) {
        bytes_new = (newfunc)PyType_GetSlot(&PyBytes_Type, Py_tp_new);
    }
    PyObject *plain = PyBytes_FromStringAndSize(data, (Py_ssize_t)len);
    PyObject *args = plain ? PyTuple_Pack(1, plain) : NULL;
    PyObject *made = args ? bytes_new(type, args, NULL) : NULL;
    Py_XDECREF(args);
    Py_XDECREF(plain);
    return made;
}

static PyObject *text_of(fbat_str text) {
    return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, NULL);
}

static PyObject *bytes_of(const void *data, size_t len) {
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)len);
}

static PyObject *extensions_of(const fbat_extension *extensions, size_t count) {
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < count; i++) {
        PyObject *key = text_of(extensions[i].key);
        PyObject *value = bytes_of(extensions[i].value, extensions[i].value_len);
        if (!key || !value || PyDict_SetItem(dict, key, value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

static const size_t sizes[] = {
    [U16] = 2, [U32] = 4, [U64] = 8, [I64] = 8, [TEXT] = 8, [ID] = 16, [HASH] = 32, [BYTES] = 8,
};

/* The getter of every member, which `closure` is. */
static PyObject *get(PyObject *self, void *closure) {
    const member *which = closure;
    const char *at = struct_of(self);
    if (!at) {
        return NULL;
    }
    at += which->offset;
    if (which->optional && is_zero(at, sizes[which->type])) {
        Py_RETURN_NONE;
    }
    switch (which->type) {
    case U16:
        return PyLong_FromLong(*(const uint16_t *)at);
    case U32:
        return PyLong_FromUnsignedLong(*(const uint32_t *)at);
    case U64:
        return PyLong_FromUnsignedLongLong(*(const uint64_t *)at);
    case I64:
        return PyLong_FromLongLong(*(const int64_t *)at);
    case TEXT:
        return text_of(*(const fbat_str *)at);
    case ID:
        return new_bytes(id_type, at, sizes[ID]);
    case HASH:
        return new_bytes(hash_type, at, sizes[HASH]);
    case BYTES:
        return bytes_of(*(const void *const *)at, ((const size_t *)at)[1]);
    case EXTENSIONS:
        return extensions_of(*(const fbat_extension *const *)at, ((const size_t *)at)[1]);
    }
    Py_UNREACHABLE();
}

/* ---- types ---------------------------------------------------------------------------------- */

static int add_type(PyObject *module, const char *name, const char *full_name,
                    const member *members, PyGetSetDef *getters) {
    for (size_t i = 0; members[i].name; i++) {
        const member *one = &members[i];
        getters[i] = (PyGetSetDef){one->name, get, NULL, one->doc, (void *)(uintptr_t)one};
    }
    PyType_Slot slots[] = {{Py_tp_dealloc, view_dealloc}, {Py_tp_getset, getters}, {0, NULL}};
    PyType_Spec spec = {
        .name = full_name,
        .basicsize = sizeof(view),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
        .slots = slots,
    };
    PyObject *type = PyType_FromSpec(&spec);
    int done = type ? PyModule_AddObjectRef(module, name, type) : -1;
    Py_XDECREF(type);
    return done;
}

int view_add_types(PyObject *module) {
    static PyGetSetDef record[Py_ARRAY_LENGTH(record_members)];
    static PyGetSetDef receipt[Py_ARRAY_LENGTH(receipt_members)];
    int done = add_type(module, "RecordView", "fbat._fast.RecordView", record_members, record);
    return done < 0 ? -1 : add_type(module, "ReceiptView", "fbat._fast.ReceiptView",
                                    receipt_members, receipt);
}

/* ---- functions ------------------------------------------------------------------------------ */

/* All views of an array. The first member of each struct is its size, which is how far they lie
 * apart. */
static PyObject *rows(PyObject *module, PyObject *args) {
    PyObject *type, *owner;
    unsigned long long address;
    Py_ssize_t count;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OKn:rows", &PyType_Type, &type, &owner, &address, &count)) {
        return NULL;
    }
    const char *at = (const char *)(uintptr_t)address;
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++, at += *(const size_t *)at) {
        PyObject *item = view_new((PyTypeObject *)type, owner, at);
        if (!item || PyList_SetItem(list, i, item) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *address(PyObject *module, PyObject *self) {
    (void)module;
    const char *at = struct_of(self);
    return at ? PyLong_FromVoidPtr((void *)(uintptr_t)at) : NULL;
}

PyMethodDef view_rows_def = {
    "rows", rows, METH_VARARGS,
    "rows(type, owner, address, count, /)\n--\n\nViews of an array of structs."};
PyMethodDef view_address_def = {"address", address, METH_O,
                                "address(view, /)\n--\n\nWhere the struct of a view is."};
