package fbat

// #include "shim.h"
import "C"

import (
	"iter"
	"runtime"
	"sync"
)

// QueryFlags say in which direction to read, and whether the library's own events are read.
type QueryFlags uint32

// The bits.
const (
	// QueryBackward: highest sequence first.
	QueryBackward QueryFlags = C.FBAT_QUERY_BACKWARD
	// QuerySystem: the library's own events too.
	QuerySystem QueryFlags = C.FBAT_QUERY_SYSTEM
)

// KindMatch says whether a kind or a category is selected.
type KindMatch uint32

// The matches.
const (
	// KindMatchAny: every kind.
	KindMatchAny KindMatch = C.FBAT_KIND_MATCH_ANY
	// KindMatchExact: one kind.
	KindMatchExact KindMatch = C.FBAT_KIND_MATCH_EXACT
	// KindMatchCategory: all kinds of one category.
	KindMatchCategory KindMatch = C.FBAT_KIND_MATCH_CATEGORY
)

// A QueryOption says which events to read, and what of each. Without any, all events are read: forward, 1000 a page, with
// payload and extensions. Setting one part never resets another.
type QueryOption interface {
	query(*C.fbat_query) error
}

// A RegionOption selects events, for queries and imports alike. All parts of a region must hold.
type RegionOption interface {
	QueryOption
	ImportOption
}

// Each setting exists twice in C, on queries and on import options.
type region struct {
	name    string
	forRead func(*C.fbat_query) C.fbat_status
	forCopy func(*C.fbat_import_options) C.fbat_status
}

func (r region) query(q *C.fbat_query) error { return setting(r.name, r.forRead(q)) }

func (r region) importing(_ *importCall, o *C.fbat_import_options) error {
	return setting(r.name, r.forCopy(o))
}

// WithEntity selects an entity: "e" matches e itself and everything below "e:". Empty for any.
func WithEntity(entity string) RegionOption {
	data, size := text(entity)
	return region{"entity",
		func(q *C.fbat_query) C.fbat_status { return C.fbat_query_set_entity(q, data, size) },
		func(o *C.fbat_import_options) C.fbat_status { return C.fbat_import_options_set_entity(o, data, size) }}
}

// WithScope selects an exact scope. Empty for any.
func WithScope(scope string) RegionOption {
	data, size := text(scope)
	return region{"scope",
		func(q *C.fbat_query) C.fbat_status { return C.fbat_query_set_scope(q, data, size) },
		func(o *C.fbat_import_options) C.fbat_status { return C.fbat_import_options_set_scope(o, data, size) }}
}

// WithKind selects one exact kind, in place of a kind or category before.
func WithKind(kind Kind) RegionOption {
	return region{"kind",
		func(q *C.fbat_query) C.fbat_status { return C.fbat_query_set_kind(q, C.uint16_t(kind)) },
		func(o *C.fbat_import_options) C.fbat_status {
			return C.fbat_import_options_set_kind(o, C.uint16_t(kind))
		}}
}

// WithCategory selects a whole category, 0 to 15, in place of a kind or category before.
func WithCategory(category uint32) RegionOption {
	return region{"category",
		func(q *C.fbat_query) C.fbat_status { return C.fbat_query_set_category(q, C.uint32_t(category)) },
		func(o *C.fbat_import_options) C.fbat_status {
			return C.fbat_import_options_set_category(o, C.uint32_t(category))
		}}
}

// WithAnyKind takes a kind or category before it back.
func WithAnyKind() RegionOption {
	return region{"any kind",
		func(q *C.fbat_query) C.fbat_status { return C.fbat_query_set_any_kind(q) },
		func(o *C.fbat_import_options) C.fbat_status { return C.fbat_import_options_set_any_kind(o) }}
}

// WithVersions selects a range of entity versions, both ends included; 0 and math.MaxUint64 together are all.
func WithVersions(first, last uint64) RegionOption {
	return region{"versions",
		func(q *C.fbat_query) C.fbat_status {
			return C.fbat_query_set_versions(q, C.uint64_t(first), C.uint64_t(last))
		},
		func(o *C.fbat_import_options) C.fbat_status {
			return C.fbat_import_options_set_versions(o, C.uint64_t(first), C.uint64_t(last))
		}}
}

// WithAfter sets the global sequence above which to read; 0 for all.
func WithAfter(sequence uint64) RegionOption {
	return region{"after",
		func(q *C.fbat_query) C.fbat_status { return C.fbat_query_set_after(q, C.uint64_t(sequence)) },
		func(o *C.fbat_import_options) C.fbat_status {
			return C.fbat_import_options_set_after(o, C.uint64_t(sequence))
		}}
}

type reading struct {
	name string
	set  func(*C.fbat_query) C.fbat_status
}

func (r reading) query(q *C.fbat_query) error { return setting(r.name, r.set(q)) }

// WithUntil sets the last global sequence to read; 0 for no bound.
func WithUntil(sequence uint64) QueryOption {
	return reading{"until", func(q *C.fbat_query) C.fbat_status {
		return C.fbat_query_set_until(q, C.uint64_t(sequence))
	}}
}

// WithLimit sets how many rows a page may have: 1 to 65,536. A page is also cut after the row with which it reaches 64 MiB.
// [Store.Events] reads page after page, so that it bounds memory there, not how many events there are.
func WithLimit(rows int) QueryOption {
	return reading{"limit", func(q *C.fbat_query) C.fbat_status {
		return C.fbat_query_set_limit(q, C.size_t(rows))
	}}
}

// WithColumns sets what to read of each event beside the rest; 0 for nothing. Without it, [ColumnsDefault] is read.
func WithColumns(columns Columns) QueryOption {
	return reading{"columns", func(q *C.fbat_query) C.fbat_status {
		return C.fbat_query_set_columns(q, C.uint32_t(columns))
	}}
}

// WithQueryFlags sets the direction, and whether the library's own events are read: bits Query...
func WithQueryFlags(flags QueryFlags) QueryOption {
	return reading{"query flags", func(q *C.fbat_query) C.fbat_status {
		return C.fbat_query_set_flags(q, C.uint32_t(flags))
	}}
}

// Region is what region options come to.
type Region struct {
	Entity, Scope string
	KindMatch     KindMatch
	// Kind is the kind, or the first kind of the category; 0 with [KindMatchAny].
	Kind         Kind
	VersionFirst uint64
	VersionLast  uint64
	After        uint64
}

// QuerySettings are what options for a query come to, defaults included.
type QuerySettings struct {
	Region
	Until   uint64
	Limit   int
	Columns Columns
	Flags   QueryFlags
}

// DescribeQuery checks options without reading anything, and says what they come to.
func DescribeQuery(options ...QueryOption) (QuerySettings, error) {
	q, err := newQuery(options)
	if err != nil {
		return QuerySettings{}, err
	}
	defer C.fbat_query_free(q)
	return QuerySettings{
		Region: Region{
			Entity:       goString(C.fbat_query_get_entity(q)),
			Scope:        goString(C.fbat_query_get_scope(q)),
			KindMatch:    KindMatch(C.fbat_query_get_kind_match(q)),
			Kind:         Kind(C.fbat_query_get_kind(q)),
			VersionFirst: uint64(C.fbat_query_get_version_first(q)),
			VersionLast:  uint64(C.fbat_query_get_version_last(q)),
			After:        uint64(C.fbat_query_get_after(q)),
		},
		Until:   uint64(C.fbat_query_get_until(q)),
		Limit:   int(C.fbat_query_get_limit(q)),
		Columns: Columns(C.fbat_query_get_columns(q)),
		Flags:   QueryFlags(C.fbat_query_get_flags(q)),
	}, nil
}

func newQuery(options []QueryOption) (*C.fbat_query, error) {
	q := C.fbat_query_new()
	if q == nil {
		return nil, errNoObject()
	}
	for _, option := range options {
		if err := option.query(q); err != nil {
			C.fbat_query_free(q)
			return nil, err
		}
	}
	return q, nil
}

// Query reads one page. What was appended before the call is seen if it lies in the query's range. To go on, set
// [WithAfter] (or [WithUntil], backward) to [Page.Next], unless [Page.End]; or use [Store.Events], which does that.
func (s *Store) Query(options ...QueryOption) (*Page, error) {
	q, err := newQuery(options)
	if err != nil {
		return nil, err
	}
	defer C.fbat_query_free(q)
	return s.page(C.fbatgo_store_query(s.c, q))
}

// Events iterates over all events of a query. A page is read at a time. The records may be kept; they are values, and what they
// refer to is not shared with the library. An error ends the iteration; it comes with an empty record.
//
//	for record, err := range store.Events(fbat.WithEntity("lamp")) {
//		if err != nil { return err }
//		...
//	}
//
// What is appended meanwhile is seen or not: a forward iteration goes to where the log ends when it gets there. It holds no
// lock, and may be given up at any time.
func (s *Store) Events(options ...QueryOption) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		cursor, err := s.Cursor(options...)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer cursor.Close()
		var in incoming
		for cursor.yieldPage(&in, yield) {
		}
	}
}

// yieldPage hands out the records of the next page, which it copies one by one; false when there is no more to come.
func (c *Cursor) yieldPage(in *incoming, yield func(Record, error) bool) bool {
	page, err := c.next()
	if err != nil {
		yield(Record{}, err)
		return false
	}
	if page.page == nil {
		return false
	}
	defer C.fbat_page_free(page.page)
	rows := rowsOf(page)
	for i := range rows.count {
		var record Record
		in.record(&record, rows.at(i))
		if !yield(record, nil) {
			return false
		}
	}
	return true
}

// Cursor reads page after page. Goroutines may share it, and any may close it: each page goes to one of them. Close it when it
// is no longer used; one that is forgotten is freed by the garbage collector.
type Cursor struct {
	store   *Store
	turn    sync.Mutex     // the library takes one call for a cursor at a time
	c       *C.fbat_cursor // nil when closed
	cleanup runtime.Cleanup
}

// Cursor makes a cursor at the beginning of a query.
func (s *Store) Cursor(options ...QueryOption) (*Cursor, error) {
	q, err := newQuery(options)
	if err != nil {
		return nil, err
	}
	defer C.fbat_query_free(q)
	cursor := &Cursor{store: s}
	var detail *C.fbat_error
	if err := s.check(C.fbat_cursor_new(s.c, q, &cursor.c, &detail), detail); err != nil {
		return nil, err
	}
	cursor.cleanup = runtime.AddCleanup(cursor, func(c *C.fbat_cursor) { C.fbat_cursor_free(c) }, cursor.c)
	return cursor, nil
}

// Next reads the next page that has rows; nil at the end. A forward cursor may be asked again later: it goes on with what was
// appended since, and so follows the log. After a failure the cursor stays where it was. When the cursor or its store was closed,
// the failure is [ErrClosed].
func (c *Cursor) Next() (*Page, error) {
	page, err := c.next()
	if err != nil {
		return nil, err
	}
	return goPage(page), nil
}

func (c *Cursor) next() (C.fbatgo_page, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.c == nil {
		return C.fbatgo_page{}, statusError(ErrClosed, "the cursor is closed")
	}
	page := C.fbatgo_cursor_next(c.c)
	return page, c.store.check(page.outcome.status, page.outcome.err)
}

// Close frees the cursor, after a Next that runs. Its pages stay. Closing it twice does nothing; Next fails with [ErrClosed]
// from then on.
func (c *Cursor) Close() {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.c != nil {
		c.cleanup.Stop()
		C.fbat_cursor_free(c.c)
		c.c = nil
	}
}
