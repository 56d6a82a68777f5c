/* What the library calls back. Each takes the interpreter's lock, which the call to the library had
 * released. The user data of a filter or a progress callback is a function, which the options of
 * the call keep.
 *
 * When the interpreter ends, it ends a thread that wants its lock, by unwinding its stack. With
 * frames of the library on that stack the process would abort. So fbat ends its callbacks first:
 * end() refuses those of other threads than the main one, and waits a moment for those that run.
 * A thread that is in one even then sleeps until the process ends. */
#include "module.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

/* Exceptions that stopped a call, by the status that it ends with. A status is not used again for a
 * long time, so that calls of several threads can't take each other's. */
static PyObject *stopped;

static atomic_bool ended;
static atomic_int running;

static const int32_t STOPPED = -1;

/* Keeps the exception that is set, and answers with its status. */
static int32_t stop(void) {
    static int32_t last = STOPPED; /* the interpreter's lock guards it */
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) {
        PyException_SetTraceback(value, traceback);
    }
    last = last == INT32_MIN ? STOPPED - 1 : last - 1;
    PyObject *status = PyLong_FromLong(last);
    if (!status || PyDict_SetItem(stopped, status, value) < 0) {
        PyErr_Clear(); /* out of memory: the call ends all the same */
    }
    Py_XDECREF(status);
    Py_XDECREF(type), Py_XDECREF(value), Py_XDECREF(traceback);
    return last;
}

/* ---- the way into the interpreter ------------------------------------------------------------ */

/* What is called, and with what. */
typedef struct {
    PyObject *function;
    const void *told;
    uint32_t level;
    size_t len;
} occasion;

/* What the unwinding of a thread comes to before it comes to the library. */
static void sleep_for_ever(void *nothing) {
    (void)nothing;
    for (;;) {
        pause();
    }
}

static int32_t call_release(const occasion *what);

/* Calls `body` with the interpreter's lock, unless the interpreter has ended. */
static int32_t enter(int32_t (*body)(const occasion *), const occasion *what) {
    int32_t answer = STOPPED;
    if (!Py_IsInitialized()) {
        return answer;
    }
    atomic_fetch_add(&running, 1);
    pthread_cleanup_push(sleep_for_ever, NULL);
    if (!atomic_load(&ended) || PyThread_get_thread_ident() == py.main_thread ||
        body == call_release) {
        PyGILState_STATE state = PyGILState_Ensure();
        answer = body(what);
        PyGILState_Release(state);
    }
    pthread_cleanup_pop(0);
    atomic_fetch_sub(&running, 1);
    return answer;
}

/* From an atexit function, which runs while the interpreter still works. */
static PyObject *end(PyObject *module, PyObject *none) {
    struct timespec moment = {.tv_nsec = 1000000};
    (void)module, (void)none;
    atomic_store(&ended, 1);
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < 1000 && atomic_load(&running) > 0; i++) {
        nanosleep(&moment, NULL);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* In a forked child only this thread is left. */
static PyObject *forked(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    py.main_thread = PyThread_get_thread_ident();
    atomic_store(&ended, 0);
    atomic_store(&running, 0);
    Py_RETURN_NONE;
}

/* ---- callbacks ------------------------------------------------------------------------------- */

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

static int32_t call_filter(const occasion *what) {
    PyObject *record = view_new(py.record, what->told);
    PyObject *result = record ? PyObject_CallFunctionObjArgs(what->function, record, NULL) : NULL;
    if (record && Py_REFCNT(record) > 1) {
        view_detach((view *)record); /* somebody keeps it */
    }
    Py_XDECREF(record);
    return answer(result, 1);
}

static int32_t filter(void *user_data, const fbat_record *record) {
    return enter(call_filter, &(occasion){.function = user_data, .told = record});
}

static int32_t call_progress(const occasion *what) {
    return answer(PyObject_CallFunction(what->function, "K",
                                        (unsigned long long)(uintptr_t)what->told),
                  0);
}

/* Of every call that has a progress callback: what is told is for the function to read. */
static int32_t progress(void *user_data, const void *told) {
    return enter(call_progress, &(occasion){.function = user_data, .told = told});
}

static int32_t check_signals(const occasion *what) {
    (void)what;
    return PyErr_CheckSignals() < 0 ? stop() : 0;
}

/* The progress callback of calls that were given none: lets Ctrl-C end them. It takes the
 * interpreter's lock seldom, for which others may make it wait. */
static int32_t signals(void *user_data, const void *told) {
    static struct timespec last;
    struct timespec now;
    (void)user_data, (void)told;
    if (PyThread_get_thread_ident() != py.main_thread || clock_gettime(CLOCK_MONOTONIC, &now)) {
        return 0;
    }
    if ((now.tv_sec - last.tv_sec) * 1000000000LL + now.tv_nsec - last.tv_nsec < 10000000) {
        return 0;
    }
    last = now;
    return enter(check_signals, &(occasion){0});
}

static int32_t call_log(const occasion *what) {
    PyObject *text = PyUnicode_DecodeUTF8(what->told, (Py_ssize_t)what->len, "replace");
    PyObject *result = text ? PyObject_CallFunction(what->function, "IO", what->level, text) : NULL;
    if (!result) {
        PyErr_WriteUnraisable(what->function); /* the library goes on, whatever its reader does */
    }
    Py_XDECREF(result);
    Py_XDECREF(text);
    return 0;
}

static void log_line(void *user_data, uint32_t level, const char *message, size_t message_len) {
    enter(call_log, &(occasion){user_data, message, level, message_len});
}

static int32_t call_release(const occasion *what) {
    Py_DECREF(what->function);
    return 0;
}

/* The destroy function of what was handed over with retain(). */
static void release(void *user_data) {
    enter(call_release, &(occasion){.function = user_data});
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
PyMethodDef callback_forked_def = {"forked", forked, METH_NOARGS,
                                   "forked()\n--\n\nSays that this is a forked child."};
PyMethodDef callback_end_def = {"end", end, METH_NOARGS,
                                "end()\n--\n\nEnds the callbacks of other threads."};

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
