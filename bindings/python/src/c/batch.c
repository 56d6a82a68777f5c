/* A batch: an array of fbat_event made from event objects, with a hold on all that it points to, so
 * that nobody can pull it away while the library reads it without the interpreter's lock. */
#define FBAT_EVENT_MEMBERS
#include "members.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS (Py_ARRAY_LENGTH(event_members) - 1)

/* The extensions of one event. */
typedef struct extensions {
    struct extensions *next;
    size_t count;
    fbat_extension *array;
    Py_buffer values[]; /* obj is NULL where none is held */
} extensions;

typedef struct {
    PyObject_HEAD
    size_t count;
    fbat_event *events;
    PyObject **held;     /* MEMBERS of each event */
    Py_buffer *payloads; /* obj is NULL where none is held */
    extensions *chain;
} batch;

static PyObject *names[MEMBERS];

/* ---- what is wrong with a member ------------------------------------------------------------ */

/* Says of a member of an event, or of an extension, of which type it is and what was wanted. */
static int wrong_type(const char *name, PyObject *value, const char *wanted) {
    PyObject *type = PyType_GetName(Py_TYPE(value));
    if (type) {
        PyErr_Format(PyExc_TypeError, "%s is %U, not %s", name, type, wanted);
        Py_DECREF(type);
    }
    return -1;
}

/* The same in place of a TypeError that is set, which names nothing; other exceptions stay. */
static int name_type_error(const char *name, PyObject *value, const char *wanted) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        wrong_type(name, value, wanted);
    }
    return -1;
}

/* A number that is no number, or is too large for its member. */
static int wrong_number(const char *name, PyObject *value, const char *wanted, const char *range,
                        unsigned long long max) {
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_OverflowError)) {
        return name_type_error(name, value, wanted);
    }
    PyErr_Clear();
    PyErr_Format(PyExc_ValueError, range, name, value, max);
    return -1;
}

/* ---- members -------------------------------------------------------------------------------- */

/* Text stays where it is, as UTF-8 that the str object keeps. */
static int to_text(const char *name, PyObject *value, fbat_str *out) {
    Py_ssize_t len;
    if (!PyUnicode_Check(value)) {
        return wrong_type(name, value, "text");
    }
    out->data = PyUnicode_AsUTF8AndSize(value, &len);
    out->len = (size_t)len;
    return out->data ? 0 : -1;
}

static int to_number(const member *which, PyObject *value, char *at) {
    unsigned long long number = PyLong_AsUnsignedLongLong(value), max = UINT64_MAX;
    max = which->type == U16 ? UINT16_MAX : which->type == U32 ? UINT32_MAX : max;
    if (number > max || (number == UINT64_MAX && PyErr_Occurred())) {
        return wrong_number(which->name, value, "an integer", "%s is %R, and not 0 to %llu", max);
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

static int to_timestamp(const char *name, PyObject *value, fbat_event *out) {
    out->event_flags |= FBAT_EVENT_HAS_TIMESTAMP;
    out->timestamp_us = PyLong_AsLongLong(value);
    return out->timestamp_us != -1 || !PyErr_Occurred()
               ? 0
               : wrong_number(name, value, "an integer; fbat.to_us() makes one of a datetime",
                              "%s is %R, and not of 64 bits", 0);
}

static int to_id(const char *name, PyObject *value, fbat_id *out) {
    if (!PyBytes_Check(value)) {
        return wrong_type(name, value, "an Id or None; Id.from_hex() reads text");
    }
    if (PyBytes_Size(value) != (Py_ssize_t)sizeof out->bytes) {
        PyErr_Format(PyExc_TypeError, "%s has %zd bytes, and an Id has 16", name,
                     PyBytes_Size(value));
        return -1;
    }
    memcpy(out->bytes, PyBytes_AsString(value), sizeof out->bytes);
    return 0;
}

static int to_bytes(const char *name, PyObject *value, Py_buffer *hold, const void **data,
                    size_t *len) {
    if (PyObject_GetBuffer(value, hold, PyBUF_SIMPLE) < 0) {
        return name_type_error(name, value, "bytes-like");
    }
    *data = hold->buf;
    *len = (size_t)hold->len;
    return 0;
}

static int to_extension(PyObject *item, Py_buffer *hold, fbat_extension *out) {
    PyObject *key, *value;
    const void *data = NULL;
    if (!PyArg_ParseTuple(item, "OO", &key, &value) ||
        to_text("the key of an extension", key, &out->key) < 0 ||
        to_bytes("the value of an extension", value, hold, &data, &out->value_len) < 0) {
        return -1;
    }
    out->value = data;
    return 0;
}

/* `*held` becomes the list of items, which keeps the keys. */
static int to_extensions(batch *self, const char *name, PyObject **held, fbat_event *out) {
    /* A sequence passes for a mapping with PyMapping_Check(). */
    if (!PyObject_HasAttrString(*held, "items")) {
        return wrong_type(name, *held, "a mapping");
    }
    PyObject *items = PyMapping_Items(*held);
    if (!items) {
        return -1;
    }
    Py_DECREF(*held);
    *held = items;
    size_t count = (size_t)PyList_Size(items);
    extensions *all = calloc(1, sizeof *all + count * (sizeof(Py_buffer) + sizeof *all->array));
    if (!all) {
        PyErr_NoMemory();
        return -1;
    }
    all->count = count;
    all->array = (fbat_extension *)(all->values + count);
    all->next = self->chain;
    self->chain = all;
    for (size_t i = 0; i < count; i++) {
        PyObject *item = PyList_GetItem(items, (Py_ssize_t)i);
        if (to_extension(item, &all->values[i], &all->array[i]) < 0) {
            return -1;
        }
    }
    out->extensions = all->array;
    out->extension_count = count;
    return 0;
}

static int to_member(batch *self, size_t event, const member *which, PyObject **held) {
    fbat_event *out = &self->events[event];
    char *at = (char *)out + which->offset;
    int may_be_none = which->type == ID || which->type == I64 || which->type == EXTENSIONS;
    if (*held == Py_None && may_be_none) {
        return 0;
    }
    switch (which->type) {
    case TEXT:
        return to_text(which->name, *held, (fbat_str *)at);
    case ID:
        return to_id(which->name, *held, (fbat_id *)at);
    case I64:
        return to_timestamp(which->name, *held, out);
    case BYTES:
        return to_bytes(which->name, *held, &self->payloads[event], &out->payload,
                        &out->payload_len);
    case EXTENSIONS:
        return to_extensions(self, which->name, held, out);
    default:
        return to_number(which, *held, at);
    }
}

/* ---- batches -------------------------------------------------------------------------------- */

/* Adds to the exception that is set which event it is about. */
static void note_event(size_t at) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *note = PyUnicode_FromFormat("event %zu of the batch", at);
    PyObject *none = note ? PyObject_CallMethod(value, "add_note", "O", note) : NULL;
    Py_XDECREF(note);
    Py_XDECREF(none);
    PyErr_Restore(type, value, traceback);
}

static int batch_fill(batch *self, PyObject *events) {
    self->count = (size_t)PyTuple_Size(events);
    self->events = calloc(self->count + 1, sizeof *self->events);
    self->held = calloc(self->count + 1, MEMBERS * sizeof *self->held);
    self->payloads = calloc(self->count + 1, sizeof *self->payloads);
    if (!self->events || !self->held || !self->payloads) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t event = 0; event < self->count; event++) {
        PyObject *from = PyTuple_GetItem(events, (Py_ssize_t)event);
        self->events[event].struct_size = sizeof *self->events;
        for (size_t i = 0; i < MEMBERS; i++) {
            PyObject **held = &self->held[event * MEMBERS + i];
            *held = PyObject_GetAttr(from, names[i]);
            if (!*held || to_member(self, event, &event_members[i], held) < 0) {
                note_event(event);
                return -1;
            }
        }
    }
    return 0;
}

static PyObject *batch_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *iterable;
    if (kwargs && PyDict_Size(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Batch() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O:Batch", &iterable)) {
        return NULL;
    }
    PyObject *events = PySequence_Tuple(iterable);
    batch *self = events ? (batch *)PyType_GenericAlloc(type, 0) : NULL;
    if (self && batch_fill(self, events) < 0) {
        Py_CLEAR(self);
    }
    Py_XDECREF(events);
    return (PyObject *)self;
}

static void batch_dealloc(PyObject *object) {
    batch *self = (batch *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    while (self->chain) {
        extensions *first = self->chain;
        self->chain = first->next;
        for (size_t i = 0; i < first->count; i++) {
            PyBuffer_Release(&first->values[i]); /* nothing where none is held */
        }
        free(first);
    }
    for (size_t i = 0; self->payloads && i < self->count; i++) {
        PyBuffer_Release(&self->payloads[i]);
    }
    for (size_t i = 0; self->held && i < self->count * MEMBERS; i++) {
        Py_XDECREF(self->held[i]);
    }
    free(self->events), free(self->held), free(self->payloads);
    release(object);
    Py_DECREF(type);
}

static Py_ssize_t batch_length(PyObject *self) {
    return (Py_ssize_t)((batch *)self)->count;
}

static PyObject *batch_address(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(((batch *)self)->events);
}

int batch_add_type(PyObject *module) {
    static PyGetSetDef members[] = {
        {"address", batch_address, NULL, "Where the array is, while the batch lives.", NULL},
        {NULL, NULL, NULL, NULL, NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_doc, "Batch(events, /)\n--\n\nAn array of fbat_event."},
        {Py_tp_new, batch_new},
        {Py_tp_dealloc, batch_dealloc},
        {Py_tp_getset, members},
        {Py_sq_length, batch_length},
        {0, NULL},
    };
    PyType_Spec spec = {"fbat._fast.Batch", sizeof(batch), 0, Py_TPFLAGS_DEFAULT, slots};
    for (size_t i = 0; i < MEMBERS; i++) {
        names[i] = PyUnicode_InternFromString(event_members[i].name);
        if (!names[i]) {
            return -1;
        }
    }
    PyObject *type = PyType_FromSpec(&spec);
    int done = type ? PyModule_AddObjectRef(module, "Batch", type) : -1;
    Py_XDECREF(type);
    return done;
}
