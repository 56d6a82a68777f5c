package fbat

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// Store is an open store. Any number of goroutines may use it at once, and any may close it.
//
// Close it when it is no longer used. One that is forgotten is closed by the garbage collector some
// time after, where a failure to write can only go to the log; a program that ends without closing
// loses nothing that was acknowledged.
type Store struct {
	c       *C.fbat_store
	closed  atomic.Bool
	cleanup runtime.Cleanup
	lookout *lookout
	facts
}

// Open opens the store in a directory. A new store makes the directory, not what is above it.
// options is nil for the defaults. At most one handle in all processes has a store open for
// writing; readers are not limited.
//
// The failures are [ErrInvalidArgument], [ErrInvalidUTF8], [ErrCancelled], [ErrStoreNotFound],
// [ErrStoreExists], [ErrBusy], [ErrCorrupt], [ErrFutureVersion], [ErrIO], [ErrNoSpace], and
// [ErrUnsupported] for a library with another binary interface than the program was compiled with.
func Open(ctx context.Context, directory string, options *OpenOptions) (*Store, error) {
	if version := ABIVersion(); version != HeaderABIVersion {
		e := statusError(ErrUnsupported, "the library has another interface than the program")
		e.Actual, e.Allowed = uint64(version), HeaderABIVersion
		return nil, e
	}
	call := beginWith(ctx)
	defer call.end()
	name := call.path(directory)
	inOptions := room[C.fbat_open_options](call)
	orZero(options).lay(call, inOptions)
	out := room[*C.fbat_store](call)
	if call.refused != nil {
		return nil, call.refused
	}
	status := C.fbat_store_open(name, inOptions, out, call.detail)
	if err := call.outcome(status); err != nil {
		return nil, err
	}
	s := &Store{c: *out, lookout: &lookout{store: *out, over: make(chan struct{})}}
	s.cleanup = runtime.AddCleanup(s, (*lookout).free, s.lookout)
	if err := s.describe(call); err != nil {
		return nil, err // the cleanup closes it
	}
	s.lookout.writes = !s.ReadOnly()
	return s, nil
}

// Close makes what was written durable, releases the directory, and ends all use of the store:
// later calls fail with [ErrClosed], what waits ends with it, and imports that run do at their next
// chunk. A failure to write is returned, and the store is closed all the same. Closing a closed
// store does nothing.
//
// From within a callback of an import that uses the store the failure is [ErrBusy], and the store
// stays open.
func (s *Store) Close() error {
	if s.closed.Load() {
		return nil
	}
	call := begin()
	defer call.end()
	status := C.fbat_store_close(s.c, call.detail)
	err := call.outcome(status)
	if status == C.FBAT_ERR_BUSY {
		return err
	}
	if s.closed.Swap(true) {
		return nil // somebody else closed it meanwhile, and freed the handle
	}
	s.cleanup.Stop()
	s.lookout.free()
	return err
}

func (s *Store) handle() *C.fbat_store {
	if s == nil {
		return nil
	}
	return s.c
}

// AppendBatch appends all of the events, or none of them. receipts is nil, or exactly as long as
// events; it is filled in on success. [ErrorDetail.Item] is the event at fault. The failures are
// those of [Store.Append].
//
// A batch is one call into the library and, once its memory is warm, costs no allocation.
func (s *Store) AppendBatch(events []Event, receipts []Receipt) error {
	if receipts != nil && len(receipts) != len(events) {
		why := fmt.Sprintf("%d receipts for %d events", len(receipts), len(events))
		return statusError(ErrInvalidArgument, why)
	}
	call := begin()
	defer call.end()
	in := rooms[C.fbat_event](call, len(events))
	for i := range in {
		call.item = i
		events[i].lay(call, &in[i])
	}
	out := rooms[C.fbat_receipt](call, len(receipts))
	for i := range out {
		out[i].struct_size = C.sizeof_fbat_receipt
	}
	if call.refused != nil {
		return call.refused
	}
	status := C.fbat_append_batch(s.c, unsafe.SliceData(in), C.size_t(len(in)),
		unsafe.SliceData(out), call.detail)
	if err := call.outcome(status, s); err != nil {
		return err
	}
	for i := range out {
		receipts[i].read(&out[i])
	}
	return nil
}

// from is the options with the namespace that they have where none is given: the source's own.
func (o *ImportOptions) from(source *Store) *ImportOptions {
	if source == nil || (o != nil && o.SourceNamespace != "") {
		return o
	}
	named := *orZero(o)
	named.SourceNamespace = source.Namespace()
	return &named
}

// What follows from members that are set.

func (e *Event) mark(to *C.fbat_event) {
	if !e.Timestamp.IsZero() {
		to.event_flags = C.FBAT_EVENT_HAS_TIMESTAMP
	}
}

func (r *Region) mark(to *C.fbat_region) {
	if r.Kinds != nil && len(r.Kinds) == 0 {
		to.kinds = (*C.fbat_kind_range)(unsafe.Pointer(to)) // which the library refuses
	}
	bound := func(first, last time.Time, toFirst, toLast *C.int64_t, flag C.uint32_t) {
		if first.IsZero() && last.IsZero() {
			return
		}
		if to.flags |= flag; first.IsZero() {
			*toFirst = math.MinInt64
		}
		if last.IsZero() {
			*toLast = math.MaxInt64
		}
	}
	bound(r.TimestampFirst, r.TimestampLast, &to.timestamp_first_us, &to.timestamp_last_us,
		C.FBAT_REGION_TIMESTAMP)
	bound(r.RecordedFirst, r.RecordedLast, &to.recorded_first_us, &to.recorded_last_us,
		C.FBAT_REGION_RECORDED)
}
