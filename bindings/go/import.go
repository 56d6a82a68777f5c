package fbat

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/cgo"
)

// ImportDurability says when imported events are made durable.
type ImportDurability uint32

// The durabilities of an import.
const (
	// ImportDurabilityEnd: one durable point, before the import returns. Safe, since a repeat completes it. The default.
	ImportDurabilityEnd ImportDurability = C.FBAT_IMPORT_DURABILITY_END
	// ImportDurabilityChunk: each chunk is durable before the next.
	ImportDurabilityChunk ImportDurability = C.FBAT_IMPORT_DURABILITY_CHUNK
)

// OnConflict says what becomes of an event that is there with other content.
type OnConflict uint32

// The choices.
const (
	// OnConflictFail ends the import with [ErrImportConflict]: the default.
	OnConflictFail OnConflict = C.FBAT_ON_CONFLICT_FAIL
	// OnConflictSkip counts it in Conflicts and leaves it out.
	OnConflictSkip OnConflict = C.FBAT_ON_CONFLICT_SKIP
)

// ImportFlags are switches of an import.
type ImportFlags uint32

// The bits.
const (
	// ImportRehash hashes every payload again, instead of trusting the checksum of its frame.
	ImportRehash ImportFlags = C.FBAT_IMPORT_REHASH
	// ImportOneThread does everything on the thread that calls. Without it, an import of more than one chunk starts a thread of
	// the library's, which commits each chunk while the next is gathered, runs no Go code, and ends before the import returns.
	ImportOneThread ImportFlags = C.FBAT_IMPORT_ONE_THREAD
)

// ImportReport says where every examined event went. Imported, Deduplicated, the three Skipped... and Conflicts add up to the
// events examined. It is also filled in when the import fails, is stopped or cancelled: it then covers the chunks that were
// committed.
type ImportReport struct {
	// Imported: appended to the destination.
	Imported uint64
	// Deduplicated: there already, since before this import.
	Deduplicated uint64
	// SkippedReserved: the source's own events, of reserved kinds.
	SkippedReserved uint64
	// SkippedFiltered: left out by the filter.
	SkippedFiltered uint64
	// SkippedReimported: came from this very namespace, earlier output of the same import.
	SkippedReimported uint64
	// Conflicts: there with other content, and left out with [OnConflictSkip].
	Conflicts uint64
	// Overtaken are those of Imported that another import or append brought in during this one. Imported - Overtaken, summed
	// over concurrent imports, is exact.
	Overtaken uint64
	// SourceHighWatermark is the last sequence of the source that was examined: where to go on, as [WithAfter]. 0: none was.
	SourceHighWatermark uint64
	// SourceCeiling is the last sequence of the source that this import was to examine, fixed at the call.
	SourceCeiling uint64
	// DestinationVisible is the destination's frontier after the import, or after the chunk that progress is told of: what
	// readers may see.
	DestinationVisible uint64
	// DestinationDurable is what is known to be on the disk.
	DestinationDurable uint64
}

// A Filter says which events to import: true to import the event, false to leave it out. An error stops the import, which
// returns that very value. It sees what the region lets through, but not events of reserved kinds.
//
// It is called by the goroutine that called [Store.Import], one event after the other, with no lock held: it may read both
// stores and append to the destination; closing one of them fails with [ErrBusy]. A panic stops the import, and goes on with
// the same value out of it. It must not call runtime.Goexit, as testing.T.FailNow does: the frames of the library below
// could not be left in order, so that the program is ended.
//
// The record is good until the filter returns, and then used for the next event. Its strings and bytes may be kept, and so may a
// copy of it.
type Filter func(record *Record) (keep bool, err error)

// A Progress is told after each committed chunk what was done so far; the next chunk may be about to be committed meanwhile,
// unless [ImportOneThread] is set. An error stops the import, which returns that very value. It is called as a [Filter] is.
type Progress func(report ImportReport) error

// An ImportOption says what to import, and how. Without any, everything is imported, in chunks of 256. Setting one part
// never resets another.
type ImportOption interface {
	importing(*importCall, *C.fbat_import_options) error
}

type copying struct {
	name string
	set  func(*importCall, *C.fbat_import_options) C.fbat_status
}

func (c copying) importing(call *importCall, o *C.fbat_import_options) error {
	return setting(c.name, c.set(call, o))
}

// WithChunkSize sets how many events become visible together; the default is 256. Chunks are also cut by bytes. 0 counts as 1;
// more than the destination takes in a batch counts as that.
func WithChunkSize(events uint32) ImportOption {
	return copying{"chunk size", func(_ *importCall, o *C.fbat_import_options) C.fbat_status {
		return C.fbat_import_options_set_chunk_size(o, C.uint32_t(events))
	}}
}

// WithImportDurability sets when imported events are made durable.
func WithImportDurability(durability ImportDurability) ImportOption {
	return copying{"import durability", func(_ *importCall, o *C.fbat_import_options) C.fbat_status {
		return C.fbat_import_options_set_durability(o, C.uint32_t(durability))
	}}
}

// WithOnConflict sets what becomes of an event that is there with other content.
func WithOnConflict(choice OnConflict) ImportOption {
	return copying{"conflict choice", func(_ *importCall, o *C.fbat_import_options) C.fbat_status {
		return C.fbat_import_options_set_on_conflict(o, C.uint32_t(choice))
	}}
}

// WithImportFlags sets switches: bits Import...
func WithImportFlags(flags ImportFlags) ImportOption {
	return copying{"import flags", func(_ *importCall, o *C.fbat_import_options) C.fbat_status {
		return C.fbat_import_options_set_flags(o, C.uint32_t(flags))
	}}
}

// WithFilter sets the filter, in place of the one before; nil for none, which keeps everything.
func WithFilter(filter Filter) ImportOption {
	return copying{"filter", func(call *importCall, o *C.fbat_import_options) C.fbat_status {
		call.filter = filter
		return C.fbatgo_set_filter(o, call.userData(filter != nil))
	}}
}

// WithFilterColumns sets what the filter sees beside the rest. The default is [ColumnExtensions] alone: a filter that reads
// payloads needs [ColumnPayload].
func WithFilterColumns(columns Columns) ImportOption {
	return copying{"filter columns", func(_ *importCall, o *C.fbat_import_options) C.fbat_status {
		return C.fbat_import_options_set_filter_columns(o, C.uint32_t(columns))
	}}
}

// WithProgress sets the function that is told after each committed chunk, in place of the one before; nil for none.
func WithProgress(progress Progress) ImportOption {
	return copying{"progress", func(call *importCall, o *C.fbat_import_options) C.fbat_status {
		call.progress = progress
		return C.fbatgo_set_progress(o, call.userData(progress != nil))
	}}
}

// ImportSettings are what options for an import come to, defaults included.
type ImportSettings struct {
	Region
	Namespace     string
	ChunkSize     uint32
	Durability    ImportDurability
	OnConflict    OnConflict
	Flags         ImportFlags
	FilterColumns Columns
	Filter        Filter
	Progress      Progress
}

// DescribeImport checks options without importing anything, and says what they come to.
func DescribeImport(namespace string, options ...ImportOption) (ImportSettings, error) {
	call, err := newImportCall(namespace, options)
	if err != nil {
		return ImportSettings{}, err
	}
	defer call.end()
	o := call.options
	settings := ImportSettings{
		Region: Region{
			Entity:       goString(C.fbat_import_options_get_entity(o)),
			Scope:        goString(C.fbat_import_options_get_scope(o)),
			KindMatch:    KindMatch(C.fbat_import_options_get_kind_match(o)),
			Kind:         Kind(C.fbat_import_options_get_kind(o)),
			VersionFirst: uint64(C.fbat_import_options_get_version_first(o)),
			VersionLast:  uint64(C.fbat_import_options_get_version_last(o)),
			After:        uint64(C.fbat_import_options_get_after(o)),
		},
		Namespace:     goString(C.fbat_import_options_get_namespace(o)),
		ChunkSize:     uint32(C.fbat_import_options_get_chunk_size(o)),
		Durability:    ImportDurability(C.fbat_import_options_get_durability(o)),
		OnConflict:    OnConflict(C.fbat_import_options_get_on_conflict(o)),
		Flags:         ImportFlags(C.fbat_import_options_get_flags(o)),
		FilterColumns: Columns(C.fbat_import_options_get_filter_columns(o)),
	}
	if handle := C.fbatgo_get_filter(o); handle != 0 {
		settings.Filter = cgo.Handle(handle).Value().(*importCall).filter
	}
	if handle := C.fbatgo_get_progress(o); handle != 0 {
		settings.Progress = cgo.Handle(handle).Value().(*importCall).progress
	}
	return settings, nil
}

// Import copies events of a source into the store, exactly once.
//
// Each event of the source that the options select comes to be in the store with a new sequence, an id made from the namespace
// and its id in the source, the rest as it was, and a record of where it came from ([Store.Provenance]). An event that is there
// already is counted, not copied: importing again adds nothing, and an import that failed, was stopped, cancelled, or killed is
// completed by the next. The namespace is the name that the source's events are known by: the same name means the same source,
// forever. UTF-8, 1 to 1024 bytes.
//
// What the source gains during the call is not part of it. The source may be the same store, open for reading, or open for writing
// in another process. When the call returns without an error, everything counted as Imported or Deduplicated is durable. The report
// is filled in on failure too.
//
// When ctx is done, the import ends with an error that is both [ErrCancelled] and what the context says, in the sense of
// [errors.Is]; its message ends with the cause ([context.Cause]). A nil ctx panics. The other failures are [ErrInvalidArgument] (also
// for a nil source), [ErrImportConflict], [ErrLimitExceeded], [ErrWireBody], [ErrWireNotCanonical], [ErrFutureVersion], [ErrReadOnly], [ErrClosed], [ErrPoisoned], [ErrCorrupt], [ErrIO],
// [ErrNoSpace], and what a callback returned.
func (s *Store) Import(ctx context.Context, source *Store, namespace string, options ...ImportOption) (ImportReport, error) {
	if ctx == nil {
		panic("fbat: nil context")
	}
	if source == nil {
		return ImportReport{}, statusError(ErrInvalidArgument, "the source of the import is nil")
	}
	call, err := newImportCall(namespace, options)
	if err != nil {
		return ImportReport{}, err
	}
	defer call.end()
	if err := call.cancelWith(ctx); err != nil {
		return ImportReport{}, err
	}
	var report C.fbat_import_report
	C.fbat_import_report_init(&report)
	var detail *C.fbat_error
	status := C.fbat_import(s.c, source.c, call.options, &report, &detail)
	if status == C.FBAT_ERR_INVALID_HANDLE && source.closed.Load() && !s.closed.Load() {
		err = source.check(status, detail)
	} else {
		err = s.check(status, detail)
	}
	runtime.KeepAlive(source)
	return goReport(&report), call.outcome(ctx, err)
}

// importCall is one import while it runs: what its callbacks need, and how they ended.
type importCall struct {
	handle  cgo.Handle
	options *C.fbat_import_options
	token   *C.fbat_cancel
	// Ends the watch over the context.
	unwatch func() bool

	filter   Filter
	progress Progress
	record   Record
	in       incoming

	err      error // what a callback returned
	panicked bool
	value    any // what a callback panicked with
}

func newImportCall(namespace string, options []ImportOption) (*importCall, error) {
	o := C.fbat_import_options_new()
	if o == nil {
		return nil, errNoObject()
	}
	call := &importCall{options: o}
	call.handle = cgo.NewHandle(call)
	name, size := text(namespace)
	err := setting("namespace", C.fbat_import_options_set_namespace(o, name, size))
	for i := 0; i < len(options) && err == nil; i++ {
		err = options[i].importing(call, o)
	}
	if err != nil {
		call.end()
		return nil, err
	}
	return call, nil
}

// userData is what the library hands to a callback: the call; 0 where there is no callback to set.
func (call *importCall) userData(isSet bool) C.uintptr_t {
	if !isSet {
		return 0
	}
	return C.uintptr_t(call.handle)
}

// end frees what the library has of the call. The token may still be triggered afterwards: its handle is dead then.
func (call *importCall) end() {
	if call.unwatch != nil {
		call.unwatch()
	}
	C.fbat_cancel_free(call.token)
	C.fbat_import_options_free(call.options)
	call.handle.Delete()
}

// cancelWith has the import end when the context is done. One that is done already ends it before its first event.
func (call *importCall) cancelWith(ctx context.Context) error {
	if ctx.Done() == nil {
		return nil
	}
	if call.token = C.fbat_cancel_new(); call.token == nil {
		return errNoObject()
	}
	token := call.token
	if ctx.Err() != nil {
		C.fbat_cancel_trigger(token)
	} else {
		call.unwatch = context.AfterFunc(ctx, func() { C.fbat_cancel_trigger(token) })
	}
	return setting("cancel", C.fbat_import_options_set_cancel(call.options, token))
}

// outcome is how the import ended for its caller: a panic of a callback goes on here.
func (call *importCall) outcome(ctx context.Context, err error) error {
	if call.panicked {
		panic(call.value)
	}
	var e *Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Status < 0:
		return call.err
	case call.err != nil: // the import failed beside the callback that stopped it
		return errors.Join(err, call.err)
	case e.Status == ErrCancelled:
		cause := context.Cause(ctx)
		e.Message = fmt.Sprintf("%s: %v", e.Message, cause)
		e.causes = append(e.causes, ctx.Err(), cause)
	}
	return err
}

// What a callback answers to stop the import.
const stopImport = -1

//export fbatgoFilter
func fbatgoFilter(handle C.uintptr_t, record *C.fbat_record) (answer C.int32_t) {
	call := cgo.Handle(handle).Value().(*importCall)
	returned := false
	defer func() {
		if !returned {
			answer = call.unwound("a filter", recover())
		}
	}()
	call.record = Record{}
	call.in.record(&call.record, record)
	keep, err := call.filter(&call.record)
	returned = true
	if err != nil {
		call.err = err
		return stopImport
	}
	if keep {
		return 1
	}
	return 0
}

//export fbatgoProgress
func fbatgoProgress(handle C.uintptr_t, report *C.fbat_import_report) (answer C.int32_t) {
	call := cgo.Handle(handle).Value().(*importCall)
	returned := false
	defer func() {
		if !returned {
			answer = call.unwound("a progress function", recover())
		}
	}()
	err := call.progress(goReport(report))
	returned = true
	if err != nil {
		call.err = err
		return stopImport
	}
	return 0
}

// unwound keeps what a callback panicked with until the frames of the library are left.
func (call *importCall) unwound(who string, value any) C.int32_t {
	if value == nil { // a panic has a value, also panic(nil)
		endProgram(who, nil)
	}
	call.panicked, call.value = true, value
	return stopImport
}

func goReport(report *C.fbat_import_report) ImportReport {
	return ImportReport{
		Imported:            uint64(report.imported),
		Deduplicated:        uint64(report.deduplicated),
		SkippedReserved:     uint64(report.skipped_reserved),
		SkippedFiltered:     uint64(report.skipped_filtered),
		SkippedReimported:   uint64(report.skipped_reimported),
		Conflicts:           uint64(report.conflicts),
		Overtaken:           uint64(report.overtaken),
		SourceHighWatermark: uint64(report.source_high_watermark),
		SourceCeiling:       uint64(report.source_ceiling),
		DestinationVisible:  uint64(report.destination_visible),
		DestinationDurable:  uint64(report.destination_durable),
	}
}
