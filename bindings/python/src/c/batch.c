/* A batch: an array of fbat_event made from event objects, with a hold on all that it points to, so that nobody can
 * pull it away while the library reads it without the interpreter's lock. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

/* The extensions of one event. */
typedef struct extensions {
    struct extensions *next;
    size_t count;
    fbat_extension *array;
    PyObject **keys;
    Py_buffer *values; /* obj is NULL where none is held */
} extensions;

typedef struct {
    PyObject_HEAD
    size_t count;
    fbat_event *events;
    PyObject **texts;    /* entity and scope of each event */
    Py_buffer *payloads; /* obj is NULL where none is held */
    extensions *chain;
} batch;

/* ---- attributes of event objects ------------------------------------------------------------------------------- */

enum {
    ENTITY, SCOPE, KIND, PAYLOAD, PAYLOAD_VERSION, FLAGS, KEY, EXPECT, EXPECTED_VERSION, TIMESTAMP_US, CORRELATION,
    CAUSATION, CAUSATION_ITEM, EXTENSIONS, NAMES
};

static const char *const name_texts[NAMES] = {
    "entity", "scope", "kind", "payload", "payload_version", "flags", "key", "expect", "expected_version",
    "timestamp_us", "correlation", "causation", "causation_item", "extensions",
};
static PyObject *names[NAMES];

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

/* Text stays where it is, as UTF-8 that the str object keeps. `*hold` gets a reference to that. */
static int read_text(PyObject *event, int name, fbat_str *out, PyObject **hold) {
    Py_ssize_t len;
    PyObject *text = *hold = PyObject_GetAttr(event, names[name]);
    if (!text) {
        return -1;
    }
    if (!PyUnicode_Check(text)) {
        return wrong_type(name_texts[name], text, "text");
    }
    out->data = PyUnicode_AsUTF8AndSize(text, &len);
    out->len = (size_t)len;
    return out->data ? 0 : -1;
}

static int to_number(PyObject *value, int name, unsigned long long max, unsigned long long *out) {
    *out = PyLong_AsUnsignedLongLong(value);
    if (*out == (unsigned long long)-1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return name_type_error(name_texts[name], value, "an integer");
        }
        PyErr_Clear();
    } else if (*out <= max) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "%s is %R, and not 0 to %llu", name_texts[name], value, max);
    return -1;
}

static int read_number(PyObject *event, int name, unsigned long long max, unsigned long long *out) {
    PyObject *value = PyObject_GetAttr(event, names[name]);
    int done = value ? to_number(value, name, max, out) : -1;
    Py_XDECREF(value);
    return done;
}

static int wrong_id(const char *name, PyObject *value) {
    if (!PyBytes_Check(value)) {
        return wrong_type(name, value, "an Id or None; Id.from_hex() reads text");
    }
    PyErr_Format(PyExc_TypeError, "%s has %zd bytes, and an Id has 16", name, PyBytes_Size(value));
    return -1;
}

static int read_id(PyObject *event, int name, fbat_id *out) {
    PyObject *value = PyObject_GetAttr(event, names[name]);
    int done = value ? 0 : -1;
    if (value && value != Py_None) {
        if (PyBytes_Check(value) && PyBytes_Size(value) == (Py_ssize_t)sizeof out->bytes) {
            memcpy(out->bytes, PyBytes_AsString(value), sizeof out->bytes);
        } else {
            done = wrong_id(name_texts[name], value);
        }
    }
    Py_XDECREF(value);
    return done;
}

static int read_timestamp(PyObject *event, fbat_event *out) {
    PyObject *value = PyObject_GetAttr(event, names[TIMESTAMP_US]);
    int done = value ? 0 : -1;
    if (value && value != Py_None) {
        out->options |= FBAT_EVENT_HAS_TIMESTAMP;
        out->timestamp_us = PyLong_AsLongLong(value);
        done = out->timestamp_us == -1 && PyErr_Occurred() ? -1 : 0;
        if (done < 0 && PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Format(PyExc_ValueError, "%s is %R, and not of 64 bits", name_texts[TIMESTAMP_US], value);
        } else if (done < 0) {
            name_type_error(name_texts[TIMESTAMP_US], value, "an integer; fbat.to_us() makes one of a datetime");
        }
    }
    Py_XDECREF(value);
    return done;
}

static int read_payload(PyObject *event, fbat_event *out, Py_buffer *hold) {
    PyObject *value = PyObject_GetAttr(event, names[PAYLOAD]);
    int done = value ? PyObject_GetBuffer(value, hold, PyBUF_SIMPLE) : -1;
    if (value && done < 0) {
        name_type_error(name_texts[PAYLOAD], value, "bytes-like");
    }
    Py_XDECREF(value);
    if (done == 0) {
        out->payload = hold->buf;
        out->payload_len = (size_t)hold->len;
    }
    return done;
}

/* ---- extensions ------------------------------------------------------------------------------------------------ */

static extensions *extensions_new(size_t count) {
    size_t each = sizeof(fbat_extension) + sizeof(PyObject *) + sizeof(Py_buffer);
    extensions *made = calloc(1, sizeof *made + count * each);
    if (!made) {
        PyErr_NoMemory();
        return NULL;
    }
    made->count = count;
    made->values = (Py_buffer *)(made + 1);
    made->array = (fbat_extension *)(made->values + count);
    made->keys = (PyObject **)(made->array + count);
    return made;
}

static int fill_extension(extensions *all, size_t at, PyObject *key, PyObject *value) {
    Py_ssize_t len;
    if (!PyUnicode_Check(key)) {
        return wrong_type("the key of an extension", key, "text");
    }
    Py_INCREF(key);
    all->keys[at] = key;
    all->array[at].key.data = PyUnicode_AsUTF8AndSize(key, &len);
    if (!all->array[at].key.data) {
        return -1;
    }
    if (PyObject_GetBuffer(value, &all->values[at], PyBUF_SIMPLE) < 0) {
        return name_type_error("the value of an extension", value, "bytes-like");
    }
    all->array[at].key.len = (size_t)len;
    all->array[at].value = all->values[at].buf;
    all->array[at].value_len = (size_t)all->values[at].len;
    return 0;
}

static int fill_extensions(batch *self, fbat_event *out, PyObject *items) {
    Py_ssize_t count = PyList_Size(items);
    extensions *all = extensions_new((size_t)count);
    if (!all) {
        return -1;
    }
    all->next = self->chain;
    self->chain = all;
    out->extensions = all->array;
    out->extension_count = (size_t)count;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyList_GetItem(items, i), *key, *value;
        if (!PyArg_ParseTuple(item, "OO", &key, &value) || fill_extension(all, (size_t)i, key, value) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_extensions(batch *self, PyObject *event, fbat_event *out) {
    PyObject *mapping = PyObject_GetAttr(event, names[EXTENSIONS]);
    if (!mapping) {
        return -1;
    }
    int done = 0;
    if (mapping != Py_None) {
        /* A sequence passes for a mapping with PyMapping_Check(). */
        PyObject *items = PyObject_HasAttrString(mapping, "items") ? PyMapping_Items(mapping) : NULL;
        done = items ? 0 : PyErr_Occurred() ? -1 : wrong_type(name_texts[EXTENSIONS], mapping, "a mapping");
        if (items && PyList_Size(items) > 0) {
            done = fill_extensions(self, out, items);
        }
        Py_XDECREF(items);
    }
    Py_DECREF(mapping);
    return done;
}

/* ---- batches --------------------------------------------------------------------------------------------------- */

static int read_numbers(PyObject *event, fbat_event *out) {
    unsigned long long kind, payload_version, flags, expect, expected_version, causation_item;
    if (read_number(event, KIND, UINT16_MAX, &kind) < 0 ||
        read_number(event, PAYLOAD_VERSION, UINT16_MAX, &payload_version) < 0 ||
        read_number(event, FLAGS, UINT32_MAX, &flags) < 0 ||
        read_number(event, EXPECT, FBAT_EXPECT_VERSION, &expect) < 0 ||
        read_number(event, EXPECTED_VERSION, UINT64_MAX, &expected_version) < 0 ||
        read_number(event, CAUSATION_ITEM, SIZE_MAX, &causation_item) < 0) {
        return -1;
    }
    if (expected_version != 0 && expect != FBAT_EXPECT_VERSION) { /* the library says it with a name of C's */
        PyErr_Format(PyExc_ValueError, "expected_version is %llu without expect=Expect.VERSION", expected_version);
        return -1;
    }
    out->kind = (uint16_t)kind;
    out->payload_version = (uint16_t)payload_version;
    out->flags = (uint32_t)flags;
    out->expect = (uint32_t)expect;
    out->expected_version = expected_version;
    out->causation_item = (size_t)causation_item;
    return 0;
}

static int read_event(batch *self, size_t at, PyObject *event) {
    fbat_event *out = &self->events[at];
    out->struct_size = sizeof *out;
    return read_text(event, ENTITY, &out->entity, &self->texts[2 * at]) < 0 ||
                   read_text(event, SCOPE, &out->scope, &self->texts[2 * at + 1]) < 0 ||
                   read_numbers(event, out) < 0 || read_payload(event, out, &self->payloads[at]) < 0 ||
                   read_id(event, KEY, &out->key) < 0 || read_timestamp(event, out) < 0 ||
                   read_id(event, CORRELATION, &out->correlation) < 0 ||
                   read_id(event, CAUSATION, &out->causation) < 0 || read_extensions(self, event, out) < 0
               ? -1
               : 0;
}

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
    Py_ssize_t count = PyTuple_Size(events);
    self->count = (size_t)count;
    self->events = calloc(self->count + 1, sizeof *self->events);
    self->texts = calloc(2 * self->count + 1, sizeof *self->texts);
    self->payloads = calloc(self->count + 1, sizeof *self->payloads);
    if (!self->events || !self->texts || !self->payloads) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (read_event(self, (size_t)i, PyTuple_GetItem(events, i)) < 0) {
            note_event((size_t)i);
            return -1;
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

static void extensions_free(extensions *all) {
    for (size_t i = 0; i < all->count; i++) {
        Py_XDECREF(all->keys[i]);
        PyBuffer_Release(&all->values[i]); /* nothing where none is held */
    }
    free(all);
}

static void batch_dealloc(PyObject *object) {
    batch *self = (batch *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    for (size_t i = 0; self->texts && self->payloads && i < self->count; i++) {
        Py_XDECREF(self->texts[2 * i]);
        Py_XDECREF(self->texts[2 * i + 1]);
        PyBuffer_Release(&self->payloads[i]);
    }
    while (self->chain) {
        extensions *first = self->chain;
        self->chain = first->next;
        extensions_free(first);
    }
    free(self->events), free(self->texts), free(self->payloads);
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
        {"address", batch_address, NULL, "Where the array is; it lives as long as the batch.", NULL},
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
    for (int i = 0; i < NAMES; i++) {
        names[i] = PyUnicode_InternFromString(name_texts[i]);
        if (!names[i]) {
            return -1;
        }
    }
    PyObject *type = PyType_FromSpec(&spec);
    int done = type ? PyModule_AddObjectRef(module, "Batch", type) : -1;
    Py_XDECREF(type);
    return done;
}
