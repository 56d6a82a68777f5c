/* A page: records that were read at once. It owns the library's page, and its views borrow from
 * that; when it goes, the views that are still held become copies. */
#include "module.h"

typedef struct {
    PyObject_HEAD
    fbat_page *pointer;
    const char *rows;
    Py_ssize_t count;
    view *views;
} page;

static PyTypeObject *rows_type;

/* A page of what the library answered, which is owned from now on. */
PyObject *page_new(fbat_page *pointer) {
    page *self = (page *)PyType_GenericAlloc(py.page, 0);
    if (!self) {
        lib.fbat_page_free(pointer);
        return NULL;
    }
    self->pointer = pointer;
    self->rows = (const char *)lib.fbat_page_rows(pointer);
    self->count = (Py_ssize_t)lib.fbat_page_len(pointer);
    return (PyObject *)self;
}

static void page_dealloc(PyObject *object) {
    page *self = (page *)object;
    PyTypeObject *type = Py_TYPE(object);
    while (self->views) {
        view_detach(self->views);
    }
    if (self->pointer) {
        lib.fbat_page_free(self->pointer);
    }
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

/* The first member of a row is its size, which is how far rows are apart. */
static PyObject *row(page *self, Py_ssize_t index) {
    const char *at = self->rows + (size_t)index * *(const size_t *)self->rows;
    PyObject *made = view_new(py.record, at);
    if (made) {
        view_join((view *)made, &self->views);
    }
    return made;
}

static Py_ssize_t page_length(PyObject *self) {
    return ((page *)self)->count;
}

static PyObject *page_item(PyObject *object, Py_ssize_t index) {
    page *self = (page *)object;
    if (index < 0 || index >= self->count) {
        PyErr_SetString(PyExc_IndexError, "page index out of range");
        return NULL;
    }
    return row(self, index);
}

static PyObject *page_slice(page *self, PyObject *slice) {
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0) {
        return NULL;
    }
    Py_ssize_t count = PySlice_AdjustIndices(self->count, &start, &stop, step);
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *one = row(self, start + i * step);
        if (!one || PyList_SetItem(list, i, one) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *page_subscript(PyObject *self, PyObject *key) {
    if (PySlice_Check(key)) {
        return page_slice((page *)self, key);
    }
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return page_item(self, index < 0 ? index + page_length(self) : index);
}

static PyObject *page_resume(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromUnsignedLongLong(lib.fbat_page_resume(((page *)self)->pointer));
}

static PyObject *page_is_end(PyObject *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(lib.fbat_page_is_end(((page *)self)->pointer));
}

/* ---- iterating ------------------------------------------------------------------------------- */

/* It lets go of its page at the end. */
typedef struct {
    PyObject_HEAD
    page *of;
    Py_ssize_t next;
} rows;

static PyObject *page_iter(PyObject *self) {
    rows *made = (rows *)PyType_GenericAlloc(rows_type, 0);
    if (made) {
        made->of = (page *)Py_NewRef(self);
    }
    return (PyObject *)made;
}

static PyObject *rows_next(PyObject *object) {
    rows *self = (rows *)object;
    if (self->of && self->next < self->of->count) {
        return row(self->of, self->next++);
    }
    Py_CLEAR(self->of);
    return NULL;
}

static void rows_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((rows *)self)->of);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* ---- types ---------------------------------------------------------------------------------- */

int page_add_types(PyObject *module) {
    static PyGetSetDef members[] = {
        {"resume", page_resume, NULL,
         "Where to go on: the ``after`` (forward) or ``until`` (backward) of the next page.", NULL},
        {"is_end", page_is_end, NULL, "Nothing more was there when the page was read.", NULL},
        {0},
    };
    PyType_Slot slots[] = {
        {Py_tp_dealloc, page_dealloc}, {Py_tp_getset, members},
        {Py_tp_iter, page_iter},       {Py_sq_length, page_length},
        {Py_sq_item, page_item},       {Py_mp_subscript, page_subscript},
        {0, NULL},
    };
    PyType_Spec spec = {
        "fbat._fast.PageView", sizeof(page), 0,
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    PyType_Slot rows_slots[] = {
        {Py_tp_dealloc, rows_dealloc},
        {Py_tp_iter, PyObject_SelfIter},
        {Py_tp_iternext, rows_next},
        {0, NULL},
    };
    PyType_Spec rows_spec = {"fbat._fast.Rows", sizeof(rows), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, rows_slots};
    PyObject *type = PyType_FromSpec(&spec);
    rows_type = (PyTypeObject *)PyType_FromSpec(&rows_spec);
    int done = type && rows_type ? PyModule_AddObjectRef(module, "PageView", type) : -1;
    Py_XDECREF(type);
    return done;
}
