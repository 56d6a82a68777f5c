#ifndef FBAT_PYTHON_BATCH_H
#define FBAT_PYTHON_BATCH_H

#include "module.h"

typedef struct extensions extensions;

/* All zero before batch_fill(); batch_clear() follows it in any case. */
typedef struct {
    size_t count;
    fbat_event *events;
    PyObject **held; /* the members of each event */
    extensions *chain;
} batch;

/* An exception says which event it is about, unless that is the only one. */
int batch_fill(batch *self, PyObject *const *events, size_t count, int is_one);
void batch_clear(batch *self);
int batch_prepare(void);

#endif
