package fbat

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"unsafe"
)

// Page is what a query found: some rows, and where to go on. It is Go's memory, as its records are.
type Page struct {
	// The rows.
	Records []Record
	// Where to go on: After (forward) or Until (backward) of the query for the next page.
	Resume uint64
	// Whether nothing more was there when the page was read.
	End bool
}

// takePage copies a page of the library's and frees it; nil where there is none.
func takePage(from *C.fbatgo_page, in *incoming) *Page {
	if from.page == nil {
		return nil
	}
	defer C.fbat_page_free(from.page)
	page := &Page{make([]Record, from.len), uint64(from.resume), bool(from.end)}
	for i := range page.Records {
		page.Records[i].read(rowOf(from, i), in)
	}
	return page
}

// rowOf is a row of a page. Rows are as far apart as the library says: it may know more members
// than this package.
func rowOf(page *C.fbatgo_page, i int) *C.fbat_record {
	at := uintptr(i) * uintptr(page.rows.struct_size)
	return (*C.fbat_record)(unsafe.Add(unsafe.Pointer(page.rows), at))
}

// Get reads one event by its id. columns is 0 for payload and extensions, [ColumnFixed] for
// neither. The failure is [ErrNotFound] where there is no such event; others are
// [ErrInvalidArgument], [ErrClosed], [ErrCorrupt] and [ErrIO].
func (s *Store) Get(id ID, columns Columns) (*Record, error) {
	page, err := s.event(id, columns)
	if err != nil {
		return nil, err
	}
	return &page.Records[0], nil
}

// Provenance says where the event of a record came from; false for one that was not imported, and
// where [RecordProvenanceUnreadable] is set: [ProvenanceFromExtension] of RawProvenance says why.
func (r *Record) Provenance() (provenance Provenance, imported bool) {
	call := begin()
	defer call.end()
	bare := *r
	bare.Payload, bare.Extensions = nil, nil // they are not looked at
	from, to := room[C.fbat_record](call), room[C.fbat_provenance](call)
	bare.lay(call, from)
	to.struct_size = C.sizeof_fbat_provenance
	imported = bool(C.fbat_record_provenance(from, to))
	provenance.read(to, &call.in)
	return provenance, imported
}

// Clone is a copy that shares no memory with the records that were read together with it.
func (r *Record) Clone() *Record {
	call := begin()
	defer call.end()
	from, clone := room[C.fbat_record](call), new(Record)
	r.lay(call, from)
	clone.read(from, &call.in)
	return clone
}

// Events iterates over all events of a query; nil for all events. A page is read at a time. The
// records may be kept. An error ends the iteration; it comes with an empty record.
//
//	lamps := fbat.Region{Entity: fbat.Entity("lamp")}
//	for record, err := range store.Events(ctx, &fbat.Query{Region: lamps}) {
//		if err != nil { return err }
//		...
//	}
//
// What is appended meanwhile is seen or not: a forward iteration goes to where the log ends when it
// gets there. It holds no lock, and may be given up at any time.
func (s *Store) Events(ctx context.Context, query *Query) iter.Seq2[Record, error] {
	return s.each(ctx, query, (*Cursor).next)
}

// each iterates over what a cursor reads.
func (s *Store) each(
	ctx context.Context, query *Query, next func(*Cursor, *C.fbatgo_page) error,
) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		cursor, err := s.Cursor(ctx, query)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer cursor.Close()
		page := room[C.fbatgo_page](cursor.call)
		for cursor.yieldPage(page, next, yield) {
		}
	}
}

// yieldPage hands out the records of the next page, which it copies one by one; false when there is
// no more to come.
func (c *Cursor) yieldPage(
	page *C.fbatgo_page, next func(*Cursor, *C.fbatgo_page) error, yield func(Record, error) bool,
) bool {
	if err := next(c, page); err != nil {
		yield(Record{}, err)
		return false
	}
	if page.page == nil {
		return false
	}
	defer C.fbat_page_free(page.page)
	for i := range int(page.len) {
		var record Record
		record.read(rowOf(page, i), &c.call.in)
		if !yield(record, nil) {
			return false
		}
	}
	return true
}

// Cursor reads page after page. Goroutines may share it, and any may close it: each page goes to
// one of them. Its progress function must not use it. Close it when it is no longer used; one that
// is forgotten is freed by the garbage collector.
type Cursor struct {
	store   *Store
	ctx     context.Context
	turn    sync.Mutex     // the library takes one call for a cursor at a time
	c       *C.fbat_cursor // nil when closed
	call    *call          // that made the cursor: its callback and its context go for each page
	closed  chan struct{}  // closed with the cursor
	cleanup runtime.Cleanup
}

// Cursor makes a cursor at the beginning of a query; nil for all events. When the context is done,
// [Cursor.Next] and [Cursor.Wait] fail with [ErrCancelled].
func (s *Store) Cursor(ctx context.Context, query *Query) (*Cursor, error) {
	call := beginWith(ctx)
	in := room[C.fbat_query](call)
	orZero(query).lay(call, in)
	out := room[*C.fbat_cursor](call)
	err := call.refused
	if err == nil {
		err = call.outcome(C.fbat_cursor_new(s.c, in, out, call.detail), s)
	}
	if err != nil {
		call.end()
		return nil, err
	}
	cursor := &Cursor{store: s, ctx: ctx, c: *out, call: call, closed: make(chan struct{})}
	cursor.cleanup = runtime.AddCleanup(cursor, func(c *C.fbat_cursor) {
		C.fbat_cursor_free(c)
		call.end()
	}, cursor.c)
	return cursor, nil
}

// Next reads the next page that has rows; nil at the end. A forward cursor may be asked again
// later: it goes on with what was appended since, and so follows the log. After a failure the
// cursor stays where it was. When the cursor or its store was closed, the failure is [ErrClosed].
func (c *Cursor) Next() (*Page, error) { return c.take(c.next) }

// take copies the page that is read; nil where there is none.
func (c *Cursor) take(read func(*C.fbatgo_page) error) (*Page, error) {
	call := begin()
	defer call.end()
	page := room[C.fbatgo_page](call)
	if err := read(page); err != nil {
		return nil, err
	}
	return takePage(page, &call.in), nil
}

func (c *Cursor) next(page *C.fbatgo_page) error {
	_, err := c.read(page, func() C.fbat_status {
		return C.fbatgo_cursor_next(c.c, page, c.call.detail)
	})
	return err
}

// read makes a call for a page.
func (c *Cursor) read(
	page *C.fbatgo_page, call func() C.fbat_status,
) (status C.fbat_status, err error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.c == nil {
		return C.FBAT_ERR_CLOSED, statusError(ErrClosed, "the cursor is closed")
	}
	*page, c.call.err, c.call.panicked = C.fbatgo_page{}, nil, false
	status = call()
	return status, c.call.outcome(status, c.store)
}

// Close frees the cursor, after a Next that runs, and ends a Wait. Its pages stay. Closing it twice
// does nothing; Next and Wait fail with [ErrClosed] from then on.
func (c *Cursor) Close() {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.c != nil {
		c.cleanup.Stop()
		C.fbat_cursor_free(c.c)
		c.c = nil
		c.call.end()
		close(c.closed)
	}
}
