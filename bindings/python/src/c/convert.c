/* Members of an event from Python to C. Whatever is wrong with one is said with its name. */
#include "module.h"

#include <string.h>

int wrong_type(const char *name, PyObject *value, const char *wanted) {
    PyObject *type = PyType_GetName(Py_TYPE(value));
    if (type) {
        PyErr_Format(PyExc_TypeError, "%s is %U, not %s", name, type, wanted);
        Py_DECREF(type);
    }
    return -1;
}

/* Text stays where it is, as UTF-8 that the str object keeps. */
int to_text(const char *name, PyObject *value, fbat_str *out) {
    Py_ssize_t len;
    if (!PyUnicode_Check(value)) {
        return wrong_type(name, value, "text");
    }
    out->data = PyUnicode_AsUTF8AndSize(value, &len);
    out->len = (size_t)len;
    return out->data ? 0 : -1;
}

/* An int, or what stands for one. True is none: it would pass for 1. */
static PyObject *index_of(const char *name, PyObject *value, const char *wanted) {
    if (PyLong_CheckExact(value)) {
        return Py_NewRef(value);
    }
    PyObject *number = PyBool_Check(value) ? NULL : PyNumber_Index(value);
    if (!number && (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_TypeError))) {
        PyErr_Clear();
        wrong_type(name, value, wanted);
    }
    return number;
}

/* In place of the OverflowError that is set. */
static int out_of_range(const char *name, PyObject *value, const char *range,
                        unsigned long long max) {
    PyErr_Clear();
    PyErr_Format(PyExc_ValueError, range, name, value, max);
    return -1;
}

int to_number(const member *which, PyObject *value, char *at) {
    unsigned long long max = which->type == U16   ? UINT16_MAX
                             : which->type == U32 ? UINT32_MAX
                                                  : UINT64_MAX;
    PyObject *index = index_of(which->name, value, "an integer");
    if (!index) {
        return -1;
    }
    unsigned long long number = PyLong_AsUnsignedLongLong(index);
    Py_DECREF(index);
    if (number > max || (number == UINT64_MAX && PyErr_Occurred())) {
        return out_of_range(which->name, value, "%s is %R, and not 0 to %llu", max);
    }
    switch (which->type) {
    case U16:
        *(uint16_t *)at = (uint16_t)number;
        return 0;
    case U32:
        *(uint32_t *)at = (uint32_t)number;
        return 0;
    default:
        *(uint64_t *)at = number;
        return 0;
    }
}

/* Microseconds, or an aware datetime. */
int to_timestamp(const char *name, PyObject *value, int64_t *out) {
    PyObject *us = PyLong_CheckExact(value) || PyObject_HasAttrString(value, "tzinfo") == 0
                       ? index_of(name, value, "an integer or a datetime")
                       : PyObject_CallFunctionObjArgs(py.to_us, value, NULL);
    if (!us) {
        return -1;
    }
    *out = PyLong_AsLongLong(us);
    Py_DECREF(us);
    return *out != -1 || !PyErr_Occurred()
               ? 0
               : out_of_range(name, value, "%s is %R, and not of 64 bits", 0);
}

/* The bytes of a uuid.UUID, most significant first as they are here; NULL without an exception for
 * what is none. No such object exists before somebody has imported the module. */
static PyObject *bytes_of_uuid(PyObject *value) {
    static PyObject *name;
    if (!name && !(name = PyUnicode_InternFromString("uuid"))) {
        return NULL;
    }
    PyObject *module = PyImport_GetModule(name);
    PyObject *type = module ? PyObject_GetAttrString(module, "UUID") : NULL;
    int is_uuid = type ? PyObject_IsInstance(value, type) : 0;
    Py_XDECREF(type);
    Py_XDECREF(module);
    return is_uuid > 0 ? PyObject_GetAttrString(value, "bytes") : NULL;
}

int to_id(const char *name, PyObject *value, fbat_id *out) {
    PyObject *raw = PyBytes_Check(value) ? Py_NewRef(value) : bytes_of_uuid(value);
    int done = -1;
    if (raw && PyBytes_Check(raw) && PyBytes_Size(raw) == (Py_ssize_t)sizeof out->bytes) {
        memcpy(out->bytes, PyBytes_AsString(raw), sizeof out->bytes);
        done = 0;
    } else if (raw && PyBytes_Check(raw)) {
        PyErr_Format(PyExc_TypeError, "%s has %zd bytes, and an Id has 16", name,
                     PyBytes_Size(raw));
    } else if (!PyErr_Occurred()) {
        wrong_type(name, value, "an Id or a uuid.UUID; Id.from_hex() reads text");
    }
    Py_XDECREF(raw);
    return done;
}

/* ---- copies --------------------------------------------------------------------------------- */

/* A descriptor in front of a slot. What can change is copied when it is set, so that a buffer that
 * is filled again and again gives each event what it held then. What is of the wrong type stays as
 * it is, and is refused by the append, which knows the event's number. */
typedef struct {
    PyObject_HEAD
    PyObject *slot;
    descrgetfunc get;
    descrsetfunc set;
} copied;

PyObject *copy_of_bytes(PyObject *value) {
    return PyBytes_CheckExact(value) || !PyObject_CheckBuffer(value) ? Py_NewRef(value)
                                                                     : PyBytes_FromObject(value);
}

static PyObject *copy_of_mapping(PyObject *value) {
    PyObject *copy = PyDict_New(), *items = copy ? PyMapping_Items(value) : NULL;
    for (Py_ssize_t i = 0; items && i < PyList_Size(items); i++) {
        PyObject *key, *one, *item = PyList_GetItem(items, i);
        PyObject *kept = PyArg_ParseTuple(item, "OO", &key, &one) ? copy_of_bytes(one) : NULL;
        if (!kept || PyDict_SetItem(copy, key, kept) < 0) {
            Py_CLEAR(items);
        }
        Py_XDECREF(kept);
    }
    if (!items) {
        Py_CLEAR(copy);
    }
    Py_XDECREF(items);
    return copy;
}

static int copied_set(PyObject *self, PyObject *event, PyObject *value) {
    PyObject *slot = ((copied *)self)->slot;
    descrsetfunc set = ((copied *)self)->set;
    if (!value || value == Py_None || PyBytes_CheckExact(value)) {
        return set(slot, event, value);
    }
    /* A sequence passes for a mapping with PyMapping_Check(). */
    PyObject *kept = PyObject_HasAttrString(value, "items") ? copy_of_mapping(value)
                                                            : copy_of_bytes(value);
    int done = kept ? set(slot, event, kept) : -1;
    Py_XDECREF(kept);
    return done;
}

static PyObject *copied_get(PyObject *self, PyObject *event, PyObject *type) {
    PyObject *slot = ((copied *)self)->slot;
    return event && event != Py_None ? ((copied *)self)->get(slot, event, type) : Py_NewRef(slot);
}

static PyObject *copied_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *slot;
    if (kwargs || !PyArg_ParseTuple(args, "O:Copied", &slot)) {
        return NULL;
    }
    descrgetfunc get = (descrgetfunc)PyType_GetSlot(Py_TYPE(slot), Py_tp_descr_get);
    descrsetfunc set = (descrsetfunc)PyType_GetSlot(Py_TYPE(slot), Py_tp_descr_set);
    if (!get || !set) {
        wrong_type("slot", slot, "a data descriptor");
        return NULL;
    }
    copied *self = (copied *)PyType_GenericAlloc(type, 0);
    if (self) {
        self->slot = Py_NewRef(slot);
        self->get = get;
        self->set = set;
    }
    return (PyObject *)self;
}

static void copied_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((copied *)self)->slot);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

int convert_add_type(PyObject *module) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "Copied(slot, /)\n--\n\nA slot that copies what can change when it is set."},
        {Py_tp_new, copied_new},
        {Py_tp_dealloc, copied_dealloc},
        {Py_tp_descr_get, copied_get},
        {Py_tp_descr_set, copied_set},
        {0, NULL},
    };
    PyType_Spec spec = {"fbat._fast.Copied", sizeof(copied), 0, Py_TPFLAGS_DEFAULT, slots};
    PyObject *type = PyType_FromSpec(&spec);
    int done = type ? PyModule_AddObjectRef(module, "Copied", type) : -1;
    Py_XDECREF(type);
    return done;
}
