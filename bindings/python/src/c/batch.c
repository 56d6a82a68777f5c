/* A batch: an array of fbat_event made from Event objects, with a hold on all that it points to, so
 * that nobody can pull it away while the library reads it without the interpreter's lock. */
#define FBAT_EVENT_MEMBERS
#include "batch.h"
#include "members.h"

#include <stdlib.h>

#define MEMBERS (Py_ARRAY_LENGTH(event_members) - 1)

/* The extensions of one event. */
struct extensions {
    extensions *next;
    fbat_extension array[];
};

static PyObject *names[MEMBERS];

static int to_bytes(const char *name, PyObject *value, const void **data, size_t *len) {
    if (!PyBytes_Check(value)) {
        return wrong_type(name, value, "bytes-like");
    }
    *data = PyBytes_AsString(value);
    *len = (size_t)PyBytes_Size(value);
    return 0;
}

/* What keeps the value alive goes to the end of `items`. */
static int to_extension(PyObject *items, Py_ssize_t at, fbat_extension *out) {
    PyObject *key, *value;
    const void *data = NULL;
    if (!PyArg_ParseTuple(PyList_GetItem(items, at), "OO", &key, &value)) {
        return -1;
    }
    PyObject *kept = copy_of_bytes(value);
    if (!kept || PyList_Append(items, kept) < 0 ||
        to_text("the key of an extension", key, &out->key) < 0 ||
        to_bytes("the value of an extension", kept, &data, &out->value_len) < 0) {
        Py_XDECREF(kept);
        return -1;
    }
    Py_DECREF(kept);
    out->value = data;
    return 0;
}

/* `*held` becomes the list of items, which keeps keys and values. */
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
    Py_ssize_t count = PyList_Size(items);
    extensions *all = calloc(1, sizeof *all + (size_t)count * sizeof *all->array);
    if (!all) {
        PyErr_NoMemory();
        return -1;
    }
    all->next = self->chain;
    self->chain = all;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (to_extension(items, i, &all->array[i]) < 0) {
            return -1;
        }
    }
    out->extensions = all->array;
    out->extension_count = (size_t)count;
    return 0;
}

/* A plain number is a version: 2 is two events, and not the member of Expect of that value. */
static int to_expect(PyObject *value, fbat_event *out) {
    if (PyLong_Check(value) && !PyLong_CheckExact(value) && !PyBool_Check(value)) {
        out->expect = (uint32_t)PyLong_AsUnsignedLong(value);
        return 0;
    }
    static const member version = {"expect", U64, 0, 0, NULL};
    out->expect = FBAT_EXPECT_VERSION;
    return to_number(&version, value, (char *)&out->expected_version);
}

static int to_expected_version(const member *which, PyObject *value, fbat_event *out) {
    uint64_t given, already = out->expected_version;
    if (to_number(which, value, (char *)&given) < 0) {
        return -1;
    }
    if (already && given) {
        PyErr_SetString(PyExc_TypeError, "either a number for expect or an expected_version");
        return -1;
    }
    out->expected_version = already | given;
    return 0;
}

static int to_member(batch *self, const member *which, PyObject **held, fbat_event *out) {
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
        out->event_flags |= FBAT_EVENT_HAS_TIMESTAMP;
        return to_timestamp(which->name, *held, &out->timestamp_us);
    case BYTES:
        return to_bytes(which->name, *held, &out->payload, &out->payload_len);
    case EXTENSIONS:
        return to_extensions(self, which->name, held, out);
    default:
        return at == (char *)&out->expect             ? to_expect(*held, out)
               : at == (char *)&out->expected_version ? to_expected_version(which, *held, out)
                                                      : to_number(which, *held, at);
    }
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

static int fill_event(batch *self, PyObject *from, size_t event, int is_one) {
    self->events[event].struct_size = sizeof *self->events;
    for (size_t i = 0; i < MEMBERS; i++) {
        PyObject **held = &self->held[event * MEMBERS + i];
        *held = PyObject_GetAttr(from, names[i]);
        if (!*held) {
            if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
                PyErr_Clear();
                wrong_type(is_one ? "event" : "an event", from,
                           is_one ? "an Event; append_batch() takes several" : "an Event");
            }
            return -1;
        }
        if (to_member(self, &event_members[i], held, &self->events[event]) < 0) {
            return -1;
        }
    }
    return 0;
}

int batch_fill(batch *self, PyObject *const *events, size_t count, int is_one) {
    self->count = count;
    self->events = calloc(count + 1, sizeof *self->events);
    self->held = calloc(count + 1, MEMBERS * sizeof(PyObject *));
    if (!self->events || !self->held) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t event = 0; event < count; event++) {
        if (fill_event(self, events[event], event, is_one) < 0) {
            if (!is_one) {
                note_event(event);
            }
            return -1;
        }
    }
    return 0;
}

void batch_clear(batch *self) {
    while (self->chain) {
        extensions *first = self->chain;
        self->chain = first->next;
        free(first);
    }
    for (size_t i = 0; self->held && i < self->count * MEMBERS; i++) {
        Py_XDECREF(self->held[i]);
    }
    free(self->events), free(self->held);
}

int batch_prepare(void) {
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!names[i] && !(names[i] = PyUnicode_InternFromString(event_members[i].name))) {
            return -1;
        }
    }
    return 0;
}
