/* What the library calls back. Each takes the interpreter's lock, which the call to the library had released. */
#include "module.h"

/* Exceptions that stopped a call, by the status that it ends with. A status is not used again for a long time, so that
 * calls of several threads can't take each other's. */
static PyObject *stopped;

/* Keeps the exception that is set, and answers with its status. */
static int32_t stop(void) {
    static int32_t last = 0; /* the interpreter's lock guards it */
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) {
        PyException_SetTraceback(value, traceback);
    }
    last = last == INT32_MIN ? -1 : last - 1;
    PyObject *status = PyLong_FromLong(last);
    if (!status || PyDict_SetItem(stopped, status, value) < 0) {
        PyErr_Clear(); /* out of memory: the call ends all the same */
    }
    Py_XDECREF(status);
    Py_XDECREF(type), Py_XDECREF(value), Py_XDECREF(traceback);
    return last;
}

/* The function of an import, which is held by its options and by the import that runs: `user_data` is but a weak
 * reference, or options that are reachable from their own filter could never be collected. */
static PyObject *function_of(void *user_data) {
    PyObject *function = PyWeakref_GetObject(user_data);
    if (function == Py_None) {
        PyErr_SetString(PyExc_RuntimeError, "the options of the import were changed while it began");
        return NULL;
    }
    Py_XINCREF(function);
    return function;
}

/* Handlers of signals run at the end of a callback, since the thread of the interpreter that runs them may be in
 * here for long; a KeyboardInterrupt then stops the call. */
static int32_t answer(PyObject *result, int truth) {
    if (truth && result == Py_None) { /* a function that forgot to answer, which would leave out everything */
        PyErr_SetString(PyExc_TypeError, "a filter returns True to import the event or False to leave it out, not None");
        Py_CLEAR(result);
    }
    int32_t value = !result ? -1 : truth ? PyObject_IsTrue(result) : 0;
    Py_XDECREF(result);
    return value < 0 || PyErr_CheckSignals() < 0 ? stop() : value;
}

static int32_t call_filter(void *user_data, const fbat_record *record) {
    PyObject *function = function_of(user_data);
    PyObject *view = function ? view_new(record_type, NULL, record) : NULL;
    PyObject *result = view ? PyObject_CallFunctionObjArgs(function, view, NULL) : NULL;
    if (view) {
        view_expire(view);
    }
    Py_XDECREF(view);
    Py_XDECREF(function);
    return answer(result, 1);
}

static int32_t filter(void *user_data, const fbat_record *record) {
    PyGILState_STATE state = PyGILState_Ensure();
    int32_t value = call_filter(user_data, record);
    PyGILState_Release(state);
    return value;
}

static int32_t progress(void *user_data, const fbat_import_report *report) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = function_of(user_data);
    PyObject *result = function ? PyObject_CallFunction(function, "K", (unsigned long long)(uintptr_t)report) : NULL;
    Py_XDECREF(function);
    int32_t value = answer(result, 0);
    PyGILState_Release(state);
    return value;
}

static void log_line(void *user_data, uint32_t level, const char *message, size_t message_len) {
    if (!Py_IsInitialized()) {
        return;
    }
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)message_len, "replace");
    PyObject *result = text ? PyObject_CallFunction(user_data, "IO", level, text) : NULL;
    if (!result) {
        PyErr_WriteUnraisable(user_data); /* the library goes on, whatever its log's reader does */
    }
    Py_XDECREF(result);
    Py_XDECREF(text);
    PyGILState_Release(state);
}

/* The destroy function of everything that was handed over with retain(). */
static void release(void *user_data) {
    if (Py_IsInitialized()) {
        PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF((PyObject *)user_data);
        PyGILState_Release(state);
    }
}

static PyObject *retain(PyObject *module, PyObject *object) {
    (void)module;
    Py_INCREF(object);
    return PyLong_FromVoidPtr(object);
}

PyMethodDef callback_retain_def = {
    "retain", retain, METH_O,
    "retain(object, /)\n--\n\nAn object's address as user data; RELEASE gives back the reference that it carries."};

static int add_address(PyObject *module, const char *name, void (*function)(void)) {
    PyObject *address = PyLong_FromVoidPtr((void *)(uintptr_t)function);
    int done = address ? PyModule_AddObjectRef(module, name, address) : -1;
    Py_XDECREF(address);
    return done;
}

int callback_add(PyObject *module) {
    stopped = PyDict_New();
    return !stopped || PyModule_AddObjectRef(module, "stopped", stopped) < 0 ||
                   add_address(module, "FILTER", (void (*)(void))filter) < 0 ||
                   add_address(module, "PROGRESS", (void (*)(void))progress) < 0 ||
                   add_address(module, "LOG", (void (*)(void))log_line) < 0 ||
                   add_address(module, "RELEASE", (void (*)(void))release) < 0
               ? -1
               : 0;
}
