/* A view is a Python object that reads a struct of the library in place: making one costs an
 * allocation, and a member is converted when it is asked for. A record is a view of a row of its
 * page. What is still held when the page goes, or when a filter returns, becomes a copy of its row,
 * so that a record that is kept keeps nothing else alive. */
#define FBAT_RECORD_MEMBERS
#define FBAT_RECEIPT_MEMBERS
#include "members.h"

#include <string.h>

static PyTypeObject *record_view, *receipt_view;

void view_join(view *self, view **list) {
    self->next = *list;
    self->back = list;
    if (*list) {
        (*list)->back = &self->next;
    }
    *list = self;
}

static void view_leave(view *self) {
    if (self->back) {
        *self->back = self->next;
        if (self->next) {
            self->next->back = self->back;
        }
        self->back = NULL;
    }
}

PyObject *view_new(PyTypeObject *type, const void *at) {
    view *self = (view *)PyType_GenericAlloc(type, 0);
    if (self) {
        self->at = at;
    }
    return (PyObject *)self;
}

static void view_dealloc(PyObject *object) {
    view *self = (view *)object;
    PyTypeObject *type = Py_TYPE(object);
    view_leave(self);
    PyMem_Free(self->own);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static const char *struct_of(PyObject *self) {
    const char *at = ((view *)self)->at;
    if (!at) {
        PyErr_SetString(PyExc_MemoryError, "there was no memory to keep this record");
    }
    return at;
}

/* ---- copies of rows -------------------------------------------------------------------------- */

/* What a pointer of a row leads to, and how long it is. */
typedef struct {
    const char *data;
    size_t len;
} span;

/* Copies bytes to `*to`, which moves behind them and the NUL that follows them. NULL stays. */
static void put(const char **data, size_t len, char **to) {
    if (*data) {
        memcpy(*to, *data, len);
        *data = *to;
        *to += len;
        *(*to)++ = 0;
    }
}

static size_t size_of_row(const char *at) {
    size_t size = *(const size_t *)at;
    for (const member *one = record_members; one->name; one++) {
        const span *part = (const span *)(at + one->offset);
        if (one->type == TEXT || one->type == BYTES) {
            size += part->len + 1;
        } else if (one->type == EXTENSIONS) {
            const fbat_extension *each = (const fbat_extension *)part->data;
            for (size_t i = 0; i < part->len; i++) {
                size += sizeof *each + each[i].key.len + each[i].value_len + 2;
            }
        }
    }
    return size;
}

/* The struct of a record with all that it points to, in one piece of memory. */
static char *copy_of_row(const char *at) {
    size_t size = *(const size_t *)at;
    char *copy = PyMem_Malloc(size_of_row(at)), *to = copy + size;
    if (!copy) {
        return NULL;
    }
    memcpy(copy, at, size);
    span *extensions = (span *)(copy + offsetof(fbat_record, extensions));
    fbat_extension *each = (fbat_extension *)to;
    if (extensions->data) {
        memcpy(to, extensions->data, extensions->len * sizeof *each);
        to += extensions->len * sizeof *each;
        extensions->data = (const char *)each;
    }
    for (size_t i = 0; i < extensions->len; i++) {
        put(&each[i].key.data, each[i].key.len, &to);
        put((const char **)&each[i].value, each[i].value_len, &to);
    }
    for (const member *one = record_members; one->name; one++) {
        if (one->type == TEXT || one->type == BYTES) {
            span *part = (span *)(copy + one->offset);
            put(&part->data, part->len, &to);
        }
    }
    return copy;
}

void view_detach(view *self) {
    self->own = copy_of_row(self->at);
    self->at = self->own;
    view_leave(self);
}

/* A record that has no page. */
PyObject *record_copy(const fbat_record *at) {
    PyObject *self = view_new(py.record, at);
    if (self) {
        view_detach((view *)self);
        if (!((view *)self)->at) {
            Py_CLEAR(self);
            PyErr_NoMemory();
        }
    }
    return self;
}

/* A receipt holds its struct, which points to nothing. */
PyObject *receipt_copy(const fbat_receipt *at) {
    PyObject *self = view_new(py.receipt, NULL);
    if (self) {
        char *to = (char *)self + sizeof(view);
        memcpy(to, at, sizeof *at);
        ((view *)self)->at = to;
    }
    return self;
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

/* Making the dict may run other code, by which the row can move. */
static PyObject *extensions_of(PyObject *self, size_t offset) {
    PyObject *dict = PyDict_New();
    const char *at = dict ? struct_of(self) : NULL;
    if (!at) {
        Py_XDECREF(dict);
        return NULL;
    }
    const span *part = (const span *)(at + offset);
    const fbat_extension *each = (const fbat_extension *)part->data;
    for (size_t i = 0; dict && i < part->len; i++) {
        PyObject *key = text_of(each[i].key);
        PyObject *value = bytes_of(each[i].value, each[i].value_len);
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
        return new_bytes(py.id, at, sizes[ID]);
    case HASH:
        return new_bytes(py.hash, at, sizes[HASH]);
    case BYTES:
        return bytes_of(((const span *)at)->data, ((const span *)at)->len);
    case EXTENSIONS:
        return extensions_of(self, which->offset);
    }
    Py_UNREACHABLE();
}

static PyObject *as_dict(PyObject *self, const member *members, PyObject **names) {
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && members[i].name; i++) {
        PyObject *value = get(self, (void *)(uintptr_t)&members[i]);
        if (!value || PyDict_SetItem(dict, names[i], value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *record_names[Py_ARRAY_LENGTH(record_members)];
static PyObject *receipt_names[Py_ARRAY_LENGTH(receipt_members)];

static PyObject *record_as_dict(PyObject *self, PyObject *none) {
    (void)none;
    return as_dict(self, record_members, record_names);
}

static PyObject *receipt_as_dict(PyObject *self, PyObject *none) {
    (void)none;
    return as_dict(self, receipt_members, receipt_names);
}

/* ---- from a dict ----------------------------------------------------------------------------- */

static int from_bytes(const member *which, PyObject *value, char *at, size_t size) {
    if (!PyBytes_Check(value)) {
        return wrong_type(which->name, value, "bytes");
    }
    if (size && PyBytes_Size(value) != (Py_ssize_t)size) {
        PyErr_Format(PyExc_ValueError, "%s has %zd bytes, not %zu", which->name,
                     PyBytes_Size(value), size);
        return -1;
    }
    if (size) {
        memcpy(at, PyBytes_AsString(value), size);
    } else {
        *(span *)at = (span){PyBytes_AsString(value), (size_t)PyBytes_Size(value)};
    }
    return 0;
}

/* `*held` becomes memory that the caller frees. */
static int from_extensions(const member *which, PyObject *value, char *at, fbat_extension **held) {
    PyObject *key, *one;
    Py_ssize_t next = 0;
    size_t count = 0;
    if (!PyDict_CheckExact(value)) {
        return wrong_type(which->name, value, "a dict");
    }
    *held = PyMem_Calloc((size_t)PyDict_Size(value) + 1, sizeof **held);
    if (!*held) {
        PyErr_NoMemory();
        return -1;
    }
    while (PyDict_Next(value, &next, &key, &one)) {
        fbat_extension *each = &(*held)[count++];
        member name = {"the value of an extension", BYTES, 0, 0, NULL};
        span bytes;
        if (to_text("the key of an extension", key, &each->key) < 0 ||
            from_bytes(&name, one, (char *)&bytes, 0) < 0) {
            return -1;
        }
        each->value = (const uint8_t *)bytes.data;
        each->value_len = bytes.len;
    }
    *(span *)at = (span){(const char *)*held, count};
    return 0;
}

static int from_member(const member *which, PyObject *value, char *at, fbat_extension **held) {
    if (which->optional && value == Py_None) {
        return 0;
    }
    switch (which->type) {
    case TEXT:
        return to_text(which->name, value, (fbat_str *)at);
    case I64:
        return to_timestamp(which->name, value, (int64_t *)at);
    case ID:
    case HASH:
        return from_bytes(which, value, at, sizes[which->type]);
    case BYTES:
        return from_bytes(which, value, at, 0);
    case EXTENSIONS:
        return from_extensions(which, value, at, held);
    default:
        return to_number(which, value, at);
    }
}

/* What pickling and copying use. A member that the dict lacks is as if it were zero. */
static PyObject *restore(PyObject *module, PyObject *args) {
    PyObject *type, *dict, *made = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO!:restore", &type, &PyDict_Type, &dict)) {
        return NULL;
    }
    int is_record = type == (PyObject *)py.record;
    if (!is_record && type != (PyObject *)py.receipt) {
        PyErr_SetString(PyExc_TypeError, "only a Record or a Receipt can be restored");
        return NULL;
    }
    fbat_record record = {.struct_size = sizeof record};
    fbat_receipt receipt = {.struct_size = sizeof receipt};
    fbat_extension *held = NULL;
    const member *members = is_record ? record_members : receipt_members;
    PyObject **names = is_record ? record_names : receipt_names;
    char *at = is_record ? (char *)&record : (char *)&receipt;
    int done = 0;
    for (size_t i = 0; done == 0 && members[i].name; i++) {
        PyObject *value = PyDict_GetItemWithError(dict, names[i]);
        done = value              ? from_member(&members[i], value, at + members[i].offset, &held)
               : PyErr_Occurred() ? -1
                                  : 0;
    }
    if (done == 0) {
        made = is_record ? record_copy(&record) : receipt_copy(&receipt);
    }
    PyMem_Free(held);
    return made;
}

/* ---- types ---------------------------------------------------------------------------------- */

static PyTypeObject *add_type(PyObject *module, const char *full_name, int size,
                              const member *members, PyObject **names, PyGetSetDef *getters,
                              PyMethodDef *methods) {
    for (size_t i = 0; members[i].name; i++) {
        const member *one = &members[i];
        getters[i] = (PyGetSetDef){one->name, get, NULL, one->doc, (void *)(uintptr_t)one};
        if (!(names[i] = PyUnicode_InternFromString(one->name))) {
            return NULL;
        }
    }
    PyType_Slot slots[] = {{Py_tp_dealloc, view_dealloc},
                           {Py_tp_getset, getters},
                           {Py_tp_methods, methods},
                           {0, NULL}};
    PyType_Spec spec = {
        .name = full_name,
        .basicsize = size,
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
        .slots = slots,
    };
    PyObject *type = PyType_FromSpec(&spec);
    const char *name = strrchr(full_name, '.') + 1;
    if (!type || PyModule_AddObjectRef(module, name, type) < 0) {
        Py_CLEAR(type);
    }
    return (PyTypeObject *)type;
}

#define AS_DICT_DOC "as_dict($self, /)\n--\n\nAll members by their names."

int view_add_types(PyObject *module) {
    static PyGetSetDef record[Py_ARRAY_LENGTH(record_members)];
    static PyGetSetDef receipt[Py_ARRAY_LENGTH(receipt_members)];
    static PyMethodDef of_record[] = {{"as_dict", record_as_dict, METH_NOARGS, AS_DICT_DOC}, {0}};
    static PyMethodDef of_receipt[] = {{"as_dict", receipt_as_dict, METH_NOARGS, AS_DICT_DOC},
                                       {0}};
    record_view = add_type(module, "fbat._fast.RecordView", sizeof(view), record_members,
                           record_names, record, of_record);
    receipt_view = add_type(module, "fbat._fast.ReceiptView", sizeof(view) + sizeof(fbat_receipt),
                            receipt_members, receipt_names, receipt, of_receipt);
    return record_view && receipt_view ? 0 : -1;
}

/* ---- functions ------------------------------------------------------------------------------ */

static PyObject *address(PyObject *module, PyObject *self) {
    (void)module;
    if (!PyObject_TypeCheck(self, record_view)) {
        wrong_type("record", self, "a Record");
        return NULL;
    }
    const char *at = struct_of(self);
    return at ? PyLong_FromVoidPtr((void *)(uintptr_t)at) : NULL;
}

PyMethodDef view_restore_def = {"restore", restore, METH_VARARGS,
                                "restore(type, members, /)\n--\n\nThe view of a dict."};
PyMethodDef view_address_def = {"address", address, METH_O,
                                "address(record, /)\n--\n\nWhere the struct of a record is."};
