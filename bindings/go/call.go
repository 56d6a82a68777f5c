package fbat

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"runtime/cgo"
	"sync"
	"unsafe"
)

// call is one call of the library: the memory of what goes there and back, what its callbacks need,
// and how they ended.
type call struct {
	arena
	in     incoming
	detail **C.fbat_error // where the library puts what went wrong

	refused error // what is wrong with an argument, before the library is asked
	item    int   // the one that is laid out, of a slice; -1 for none

	ctx     context.Context
	token   *C.fbat_cancel
	unwatch func() bool // ends the watch over the context

	filter         func(*Record) (bool, error)
	progress       func(Progress) error
	importProgress func(ImportReport) error
	handle         *cgo.Handle // what callbacks are given: where the handle of this call is
	record         Record      // what the filter is shown

	err      error // what a callback returned
	panicked bool
	value    any // what a callback panicked with
}

// Calls are kept, with their memory. One that the pool lets go of is freed by its cleanup.
var calls = sync.Pool{New: func() any { return &call{} }}

func begin() *call {
	c := calls.Get().(*call)
	c.detail, c.item = room[*C.fbat_error](c), -1
	return c
}

// beginWith begins a call that ends when the context is done. One that is done already ends it
// before its first step.
func beginWith(ctx context.Context) *call {
	done := ctx.Done()
	c := begin()
	if c.ctx = ctx; done == nil {
		return c
	}
	token := C.fbat_cancel_new()
	if c.token = token; token == nil {
		c.refused = statusError(ErrLimitExceeded, "16 million objects of the library are live")
	} else if ctx.Err() != nil {
		C.fbat_cancel_trigger(token)
	} else {
		c.unwatch = context.AfterFunc(ctx, func() { C.fbat_cancel_trigger(token) })
	}
	return c
}

// beginUnlessDone begins a call that is too short to be ended: a context that is done refuses it.
func beginUnlessDone(ctx context.Context) *call {
	c := begin()
	if ctx.Err() != nil {
		c.refused = cancelled(ctx, "the context was done")
	}
	return c
}

// cancelled is the error of a call that its context has ended.
func cancelled(ctx context.Context, message string) *Error {
	cause := context.Cause(ctx)
	e := statusError(ErrCancelled, message+": "+cause.Error())
	e.causes = []error{ctx.Err(), cause}
	return e
}

// end gives back what the call took. The token may still be triggered afterwards: it is dead then.
func (c *call) end() {
	if c.unwatch != nil {
		c.unwatch()
	}
	if c.token != nil {
		C.fbat_cancel_free(c.token)
	}
	if c.handle != nil {
		c.handle.Delete()
	}
	c.release()
	*c = call{arena: c.arena}
	calls.Put(c)
}

func (c *call) refuse(why string) {
	e := statusError(ErrInvalidArgument, why)
	e.Item = int64(c.item)
	c.refused = e
}

// outcome is how the call ended for who made it: a panic of a callback goes on here. It keeps the
// stores alive until then. The handle of a closed store is freed, so that what the library calls an
// invalid handle then is a closed store.
func (c *call) outcome(status C.fbat_status, stores ...*Store) error {
	if status == C.FBAT_OK && !c.panicked {
		runtime.KeepAlive(stores)
		return nil
	}
	e := newError(status, *c.detail, &c.in)
	if c.panicked {
		panic(c.value)
	}
	for _, s := range stores {
		if e.Status == ErrInvalidHandle && s != nil && s.closed.Load() {
			return statusError(ErrClosed, "the store "+s.Path()+" is closed")
		}
	}
	switch e.Status {
	case ErrIO, ErrNoSpace, ErrPoisoned, ErrPanic:
		for _, s := range stores {
			if s != nil && !s.ReadOnly() {
				s.lookout.suspect()
			}
		}
	}
	switch {
	case status < 0:
		return c.err
	case status == C.FBAT_ERR_CANCELLED && c.ctx != nil:
		cause := context.Cause(c.ctx)
		e.Message = fmt.Sprintf("%s: %v", e.Message, cause)
		e.causes = []error{c.ctx.Err(), cause}
	case c.err != nil: // the call failed beside the callback that stopped it
		e.causes = []error{c.err}
	}
	return e
}

// orZero is the struct that options point to; all zero, which is the default, for nil.
func orZero[T any](options *T) *T {
	if options == nil {
		return new(T)
	}
	return options
}

// Callbacks are given a place in C's memory that has the handle of their call: a number may not be
// dressed as a pointer in Go.

func (c *call) data() unsafe.Pointer {
	if c.handle == nil {
		c.handle = room[cgo.Handle](c)
		*c.handle = cgo.NewHandle(c)
	}
	return unsafe.Pointer(c.handle)
}

// answer runs a callback of the call, and is what it tells the library: 1 for true; negative, to
// stop, for an error. What it panicked with is kept until the frames of the library are left.
func answer(data unsafe.Pointer, run func(*call) (bool, error)) (said C.int32_t) {
	c := (*cgo.Handle)(data).Value().(*call)
	returned := false
	defer func() {
		if !returned {
			if c.value = recover(); c.value == nil { // a panic has a value, also panic(nil)
				endProgram("a callback", nil)
			}
			c.panicked, said = true, -1
		}
	}()
	yes, err := run(c)
	returned = true
	if err != nil {
		c.err = err
		return -1
	}
	if yes {
		return 1
	}
	return 0
}

//export fbatgoFilter
func fbatgoFilter(data unsafe.Pointer, record *C.fbatgo_record) C.int32_t {
	return answer(data, func(c *call) (bool, error) {
		c.record.read(record, &c.in)
		return c.filter(&c.record)
	})
}

//export fbatgoProgress
func fbatgoProgress(data unsafe.Pointer, from *C.fbatgo_progress) C.int32_t {
	return answer(data, func(c *call) (bool, error) {
		var progress Progress
		progress.read(from)
		return false, c.progress(progress)
	})
}

//export fbatgoReport
func fbatgoReport(data unsafe.Pointer, from *C.fbatgo_import_report) C.int32_t {
	return answer(data, func(c *call) (bool, error) {
		var report ImportReport
		report.read(from)
		return false, c.importProgress(report)
	})
}

// endProgram ends the program where a callback left its frame in a way that cannot be carried
// across the frames of C and Rust below it: they would be cut off in the middle of their work. A
// panic that nobody can recover is what remains. value is what recover gave; nil means
// runtime.Goexit.
func endProgram(who string, value any) {
	if value == nil {
		value = "runtime.Goexit (as testing.T.FailNow calls it)"
	}
	go panic(fmt.Sprintf("fbat: %s must return, but ended with: %v", who, value))
	select {}
}
