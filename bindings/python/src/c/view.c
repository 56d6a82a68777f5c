/* A view is a Python object that reads a struct of the library in place: making one costs an allocation, and a member
 * is converted when it is asked for. What the struct is part of lives as long as the view does. */
#include "module.h"

#include <stddef.h>

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
        PyErr_SetString(PyExc_ValueError, "a record that was given to a filter is of no use after the filter returned");
    }
    return at;
}

/* The member at the offset that the getter's closure is, or return NULL with an exception. */
#define MEMBER(type, name)                     \
    const char *base_ = struct_of(self);       \
    if (!base_) {                              \
        return NULL;                           \
    }                                          \
    type name = *(const type *)(base_ + (uintptr_t)closure)

static PyObject *get_u16(PyObject *self, void *closure) {
    MEMBER(uint16_t, value);
    return PyLong_FromLong(value);
}

static PyObject *get_u32(PyObject *self, void *closure) {
    MEMBER(uint32_t, value);
    return PyLong_FromUnsignedLong(value);
}

static PyObject *get_u64(PyObject *self, void *closure) {
    MEMBER(uint64_t, value);
    return PyLong_FromUnsignedLongLong(value);
}

static PyObject *get_i64(PyObject *self, void *closure) {
    MEMBER(int64_t, value);
    return PyLong_FromLongLong(value);
}

static PyObject *get_text(PyObject *self, void *closure) {
    MEMBER(fbat_str, text);
    if (!text.data) {
        Py_RETURN_NONE;
    }
    return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, NULL);
}

/* Bytes of a class derived from `bytes`, made without its __new__, which checks what is known here. */
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

static int is_zero(const uint8_t *bytes, size_t len) {
    while (len > 0 && bytes[len - 1] == 0) {
        len--;
    }
    return len == 0;
}

static PyObject *get_id(PyObject *self, void *closure) {
    MEMBER(fbat_id, id);
    return new_bytes(id_type, id.bytes, sizeof id.bytes);
}

/* All zero means none. */
static PyObject *get_optional_id(PyObject *self, void *closure) {
    MEMBER(fbat_id, id);
    if (is_zero(id.bytes, sizeof id.bytes)) {
        Py_RETURN_NONE;
    }
    return new_bytes(id_type, id.bytes, sizeof id.bytes);
}

static PyObject *get_hash(PyObject *self, void *closure) {
    MEMBER(fbat_hash, hash);
    return new_bytes(hash_type, hash.bytes, sizeof hash.bytes);
}

static PyObject *get_optional_hash(PyObject *self, void *closure) {
    MEMBER(fbat_hash, hash);
    if (is_zero(hash.bytes, sizeof hash.bytes)) {
        Py_RETURN_NONE;
    }
    return new_bytes(hash_type, hash.bytes, sizeof hash.bytes);
}

/* ---- what only records have ------------------------------------------------------------------------------------ */

static PyObject *get_payload(PyObject *self, void *closure) {
    (void)closure;
    const fbat_record *record = (const fbat_record *)struct_of(self);
    return record ? PyBytes_FromStringAndSize((const char *)record->payload, (Py_ssize_t)record->payload_len) : NULL;
}

static PyObject *get_raw_provenance(PyObject *self, void *closure) {
    (void)closure;
    const fbat_record *record = (const fbat_record *)struct_of(self);
    if (!record) {
        return NULL;
    }
    if (!record->raw_provenance) {
        Py_RETURN_NONE;
    }
    return PyBytes_FromStringAndSize((const char *)record->raw_provenance, (Py_ssize_t)record->raw_provenance_len);
}

static int put_extension(PyObject *dict, const fbat_extension *extension) {
    PyObject *key = PyUnicode_DecodeUTF8(extension->key.data, (Py_ssize_t)extension->key.len, NULL);
    PyObject *value = PyBytes_FromStringAndSize((const char *)extension->value, (Py_ssize_t)extension->value_len);
    int done = key && value ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return done;
}

static PyObject *get_extensions(PyObject *self, void *closure) {
    (void)closure;
    const fbat_record *record = (const fbat_record *)struct_of(self);
    PyObject *dict = record ? PyDict_New() : NULL;
    for (size_t i = 0; dict && i < record->extension_count; i++) {
        if (put_extension(dict, &record->extensions[i]) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *get_source_sequence(PyObject *self, void *closure) {
    (void)closure;
    const fbat_record *record = (const fbat_record *)struct_of(self);
    if (!record) {
        return NULL;
    }
    if (!record->source_namespace.data) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(record->source_sequence);
}

/* ---- types ----------------------------------------------------------------------------------------------------- */

#define AT(type, member) (void *)offsetof(type, member)

static PyGetSetDef record_members[] = {
    {"id", get_id, NULL, "The event's id.", AT(fbat_record, id)},
    {"sequence", get_u64, NULL, "Its place in the store: counted from 1, in the order of commits, never used again.",
     AT(fbat_record, sequence)},
    {"entity", get_text, NULL, "What the event is about.", AT(fbat_record, entity)},
    {"scope", get_text, NULL, "Whose event it is.", AT(fbat_record, scope)},
    {"kind", get_u16, NULL, "What sort of event: category in the top 4 bits, type in the low 12.",
     AT(fbat_record, kind)},
    {"payload_version", get_u16, NULL, "The caller's own.", AT(fbat_record, payload_version)},
    {"flags", get_u32, NULL, "The caller's own.", AT(fbat_record, flags)},
    {"record_flags", get_u32, NULL, "Bits of RecordFlags.", AT(fbat_record, record_flags)},
    {"version", get_u64, NULL, "How many events the entity had with this one: 1 for its first.",
     AT(fbat_record, version)},
    {"timestamp_us", get_i64, NULL, "The event's time: microseconds since 1970.", AT(fbat_record, timestamp_us)},
    {"recorded_us", get_i64, NULL, "When this store wrote it: microseconds since 1970. Never goes back.",
     AT(fbat_record, recorded_us)},
    {"correlation", get_optional_id, NULL, "What the event belongs to; None for nothing.",
     AT(fbat_record, correlation)},
    {"causation", get_optional_id, NULL, "The event that caused it; None for none. Imported events have none.",
     AT(fbat_record, causation)},
    {"payload", get_payload, NULL, "The payload, a copy; empty where its column was not asked for, which payload_size tells.", NULL},
    {"payload_size", get_u64, NULL,
     "How long the event's payload is, in bytes, also where its column was not asked for.",
     AT(fbat_record, payload_size)},
    {"extensions", get_extensions, NULL,
     "The extensions, in the order in which they were given; empty where their column was not asked for. An imported\n"
     "event has its provenance behind them.",
     NULL},
    {"content_hash", get_hash, NULL, "BLAKE3 of the payload.", AT(fbat_record, content_hash)},
    {"event_hash", get_hash, NULL, "Hash over the event and the entity's history before it.",
     AT(fbat_record, event_hash)},
    {"previous_hash", get_optional_hash, NULL,
     "The event_hash of the entity's event before this one; None where its column was not asked for, and where that\n"
     "event was lost.",
     AT(fbat_record, previous_hash)},
    {"source_namespace", get_text, NULL, "Of an imported event: the name that its source had in the import.",
     AT(fbat_record, source_namespace)},
    {"source_event_id", get_optional_id, NULL, "Of an imported event: its id in the source.",
     AT(fbat_record, source_event_id)},
    {"source_sequence", get_source_sequence, NULL, "Of an imported event: its global sequence in the source.", NULL},
    {"raw_provenance", get_raw_provenance, NULL,
     "A provenance that this version of the library did not write, as the log has it; mostly None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyGetSetDef receipt_members[] = {
    {"id", get_id, NULL, "The event's id.", AT(fbat_receipt, id)},
    {"sequence", get_u64, NULL, "Its place in the store: counted from 1, in the order of commits, never used again.",
     AT(fbat_receipt, sequence)},
    {"version", get_u64, NULL, "How many events the entity has with this one: 1 for its first.",
     AT(fbat_receipt, version)},
    {"timestamp_us", get_i64, NULL, "The event's time: microseconds since 1970.", AT(fbat_receipt, timestamp_us)},
    {"recorded_us", get_i64, NULL, "When the store wrote it: microseconds since 1970. Never goes back.",
     AT(fbat_receipt, recorded_us)},
    {"content_hash", get_hash, NULL, "BLAKE3 of the payload.", AT(fbat_receipt, content_hash)},
    {"event_hash", get_hash, NULL, "Hash over the event and the entity's history before it.",
     AT(fbat_receipt, event_hash)},
    {"previous_hash", get_optional_hash, NULL,
     "The event_hash of the entity's event before this one; of the store's first event for the first; None where it\n"
     "was lost before a repair.",
     AT(fbat_receipt, previous_hash)},
    {"flags", get_u32, NULL, "Bits of ReceiptFlags.", AT(fbat_receipt, flags)},
    {NULL, NULL, NULL, NULL, NULL},
};

static int add_type(PyObject *module, const char *name, const char *full_name, PyGetSetDef *members) {
    PyType_Slot slots[] = {{Py_tp_dealloc, view_dealloc}, {Py_tp_getset, members}, {0, NULL}};
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
    return add_type(module, "RecordView", "fbat._fast.RecordView", record_members) < 0 ||
                   add_type(module, "ReceiptView", "fbat._fast.ReceiptView", receipt_members) < 0
               ? -1
               : 0;
}

/* ---- functions ------------------------------------------------------------------------------------------------- */

/* All views of an array. The first member of each struct is its size, which is how far they lie apart. */
static PyObject *rows(PyObject *module, PyObject *args) {
    PyObject *type, *owner;
    unsigned long long address;
    Py_ssize_t count;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OKn:rows", &PyType_Type, &type, &owner, &address, &count)) {
        return NULL;
    }
    const char *first = (const char *)(uintptr_t)address;
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *item = view_new((PyTypeObject *)type, owner, first + (size_t)i * *(const size_t *)first);
        if (!item || PyList_SetItem(list, i, item) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *address(PyObject *module, PyObject *self) {
    (void)module;
    const char *at = struct_of(self);
    return at ? PyLong_FromVoidPtr((void *)at) : NULL;
}

PyMethodDef view_rows_def = {"rows", rows, METH_VARARGS,
                             "rows(type, owner, address, count, /)\n--\n\nViews of an array of structs."};
PyMethodDef view_address_def = {"address", address, METH_O, "address(view, /)\n--\n\nWhere the struct of a view is."};
