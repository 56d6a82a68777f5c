/* What the library calls back. Each takes the interpreter's lock, which the call to the library had
 * released. The user data of a filter or a progress callback is a function, which the options of
 * the call keep. */
#include "module.h"

#include <time.h>

/* Exceptions that stopped a call, by the status that it ends with. A status is not used again for a
 * long time, so that calls of several threads can't take each other's. */
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

/* Handlers of signals run at the end of a callback, since the thread of the interpreter that runs
 * them may be in here for long; a KeyboardInterrupt then stops the call. */
static int32_t answer(PyObject *result, int truth) {
    if (truth && result == Py_None) { /* one that forgot to answer would leave out everything */
        PyErr_SetString(PyExc_TypeError, "a filter returns True to import the event or False to "
                                         "leave it out, not None");
        Py_CLEAR(result);
    }
    int32_t value = !result ? -1 : truth ? PyObject_IsTrue(result) : 0;
    Py_XDECREF(result);
    return value < 0 || PyErr_CheckSignals() < 0 ? stop() : value;
}

static int32_t filter(void *user_data, const fbat_record *record) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *view = view_new(record_type, NULL, record);
    PyObject *result = view ? PyObject_CallFunctionObjArgs(user_data, view, NULL) : NULL;
    if (view) {
        view_expire(view);
    }
    Py_XDECREF(view);
    int32_t value = answer(result, 1);
    PyGILState_Release(state);
    return value;
}

/* Of every call that has a progress callback: what is told is for the function to read. */
static int32_t progress(void *user_data, const void *told) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result = PyObject_CallFunction(user_data, "K", (unsigned long long)(uintptr_t)told);
    int32_t value = answer(result, 0);
    PyGILState_Release(state);
    return value;
}

/* The progress callback of calls that were given none: lets Ctrl-C end them. It takes the
 * interpreter's lock seldom, for which others may make it wait. */
static int32_t signals(void *user_data, const void *told) {
    static struct timespec last;
    struct timespec now;
    (void)user_data, (void)told;
    if (PyThread_get_thread_ident() != main_thread || clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    if ((now.tv_sec - last.tv_sec) * 1000000000LL + now.tv_nsec - last.tv_nsec < 10000000) {
        return 0;
    }
    last = now;
    PyGILState_STATE state = PyGILState_Ensure();
    int32_t value = PyErr_CheckSignals() < 0 ? stop() : 0;
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

/* The destroy function of what was handed over with retain(). */
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
    "retain(object, /)\n--\n\nAn object's address as user data; RELEASE gives back the reference "
    "that it carries."};

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
                   add_address(module, "SIGNALS", (void (*)(void))signals) < 0 ||
                   add_address(module, "LOG", (void (*)(void))log_line) < 0 ||
                   add_address(module, "RELEASE", (void (*)(void))release) < 0
               ? -1
               : 0;
}
