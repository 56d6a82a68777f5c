package fbat

// #include "shim.h"
import "C"

import (
	"strings"
	"time"
	"unsafe"
)

// Columns are what is read of an event beside the rest.
type Columns uint32

// The columns.
const (
	// ColumnPayload: the payload.
	ColumnPayload Columns = C.FBAT_COLUMN_PAYLOAD
	// ColumnExtensions: the extensions, the provenance of imported events among them.
	ColumnExtensions Columns = C.FBAT_COLUMN_EXTENSIONS
	// ColumnPreviousHash: the hash of the entity's event before. Costs one more look-up for each event.
	ColumnPreviousHash Columns = C.FBAT_COLUMN_PREVIOUS_HASH

	// ColumnsDefault: what a query reads unless [WithColumns] says otherwise. A name for it, as [Store.Get] has no default.
	ColumnsDefault = ColumnPayload | ColumnExtensions
)

// RecordFlags are what a [Record] says by bits.
type RecordFlags uint32

// The bits.
const (
	// RecordImported: the event was imported.
	RecordImported RecordFlags = C.FBAT_RECORD_IMPORTED
	// RecordHasPreviousHash: PreviousHash is filled in.
	RecordHasPreviousHash RecordFlags = C.FBAT_RECORD_HAS_PREVIOUS_HASH
	// RecordProvenanceUnreadable: the event was imported, but its provenance can't be read; [Record.Provenance] says why.
	RecordProvenanceUnreadable RecordFlags = C.FBAT_RECORD_PROVENANCE_UNREADABLE
)

// Record is an event as a reader sees it.
//
// It is Go's memory, copied out of the library's: it may be kept for as long as wanted, also after its store was closed. Strings
// and bytes of records that were read together share pieces of up to 32 KiB, which stay as long as one of them is referred to:
// who keeps a few out of many calls [Record.Clone].
type Record struct {
	// ID is the event's id.
	ID ID
	// Sequence is its place in the store: counted from 1, in the order of commits, never used again.
	Sequence uint64
	// Entity is what the event is about.
	Entity string
	// Scope is whose event it is.
	Scope string
	// Kind is what sort of event it is.
	Kind Kind
	// PayloadVersion is the caller's own.
	PayloadVersion uint16
	// Flags are the caller's own.
	Flags uint32
	// RecordFlags are bits: Record...
	RecordFlags RecordFlags
	// Version is how many events the entity had with this one: 1 for its first.
	Version uint64
	// Timestamp is the event's time, in UTC.
	Timestamp time.Time
	// Recorded is when this store wrote it, in UTC. Never goes back.
	Recorded time.Time
	// Correlation is what the event belongs to; zero for nothing.
	Correlation ID
	// Causation is the event that caused it; zero for none. Imported events have none.
	Causation ID
	// Payload is the payload, with its column; else nil.
	Payload []byte
	// PayloadSize is how long the payload is, also where its column was not asked for.
	PayloadSize int
	// Extensions are the extensions, with their column, in the order in which they were given; else nil. An imported event
	// has its provenance behind them: batpak.import.provenance.
	Extensions []Extension
	// ContentHash is BLAKE3 of the payload.
	ContentHash Hash
	// EventHash is a hash over the event and the entity's history before it.
	EventHash Hash
	// PreviousHash is the EventHash of the entity's event before this one, with its column; zero without it, and where that
	// event was lost.
	PreviousHash Hash
	// SourceNamespace is, of an imported event, the name that its source had in the import; else empty.
	SourceNamespace string
	// SourceEventID is, of an imported event, its id in the source.
	SourceEventID ID
	// SourceSequence is, of an imported event, its global sequence in the source.
	SourceSequence uint64
	// RawProvenance is a provenance that this version of the library did not write, as the log has it; mostly nil.
	RawProvenance []byte
}

// Clone is a copy that shares no memory with the page it came from.
func (r *Record) Clone() *Record {
	c := *r
	c.Entity, c.Scope, c.SourceNamespace = strings.Clone(r.Entity), strings.Clone(r.Scope), strings.Clone(r.SourceNamespace)
	c.Payload, c.RawProvenance = cloneBytes(r.Payload), cloneBytes(r.RawProvenance)
	c.Extensions = append([]Extension(nil), r.Extensions...)
	for i := range c.Extensions {
		c.Extensions[i].Key, c.Extensions[i].Value = strings.Clone(c.Extensions[i].Key), cloneBytes(c.Extensions[i].Value)
	}
	return &c
}

func cloneBytes(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// Page is what a query found: some rows, and where to go on. It is Go's memory, as its records are.
type Page struct {
	// Records are the rows.
	Records []Record
	// Next is what to set as [WithAfter] (forward) or [WithUntil] (backward) for the next page.
	Next uint64
	// End says whether nothing more was there when the page was read.
	End bool
}

// Get reads one event by its id, with the columns beside the rest: [ColumnsDefault] is what a query reads; with 0 there is no
// payload. The failure is [ErrNotFound] where there is no such event.
func (s *Store) Get(id ID, columns Columns) (*Record, error) {
	page, err := s.page(C.fbatgo_event_get(s.c, cID(id), C.uint32_t(columns)))
	if err != nil {
		return nil, err
	}
	return &page.Records[0], nil
}

// page is what a call of the store answered with.
func (s *Store) page(from C.fbatgo_page) (*Page, error) {
	if err := s.check(from.outcome.status, from.outcome.err); err != nil {
		return nil, err
	}
	return goPage(from), nil
}

// goPage copies a page of the library's and frees it; nil where there is none.
func goPage(from C.fbatgo_page) *Page {
	if from.page == nil {
		return nil
	}
	defer C.fbat_page_free(from.page)
	rows := rowsOf(from)
	page := &Page{Next: uint64(from.next), End: bool(from.end), Records: make([]Record, rows.count)}
	var in incoming
	for i := range page.Records {
		in.record(&page.Records[i], rows.at(i))
	}
	return page
}

// rows are those of a page of the library's, as far apart as it says: it may know more members than this package.
type rows struct {
	first  *C.fbat_record
	stride uintptr
	count  int
}

func rowsOf(page C.fbatgo_page) rows {
	if page.len == 0 {
		return rows{}
	}
	return rows{page.rows, uintptr(page.rows.struct_size), int(page.len)}
}

func (r rows) at(i int) *C.fbat_record {
	return (*C.fbat_record)(unsafe.Add(unsafe.Pointer(r.first), uintptr(i)*r.stride))
}
