package fbat

// #include "shim.h"
import "C"

import (
	"runtime"
	"sync/atomic"
)

// OpenMode says which stores [Open] accepts.
type OpenMode uint32

// The modes.
const (
	// OpenCreateIfMissing opens the store for writing, or makes a new one: the default.
	OpenCreateIfMissing OpenMode = C.FBAT_OPEN_CREATE_IF_MISSING
	// OpenMustExist opens for writing; the store must be there.
	OpenMustExist OpenMode = C.FBAT_OPEN_MUST_EXIST
	// OpenMustBeNew makes a new store; none may be there.
	OpenMustBeNew OpenMode = C.FBAT_OPEN_MUST_BE_NEW
	// OpenReadOnly opens for reading; takes no lock and changes nothing. Works while another process writes.
	OpenReadOnly OpenMode = C.FBAT_OPEN_READ_ONLY
)

// Durability says when an append returns.
type Durability uint32

// The durabilities.
const (
	// DurabilityDurable: when the events are on the disk; concurrent callers share a sync. The default.
	DurabilityDurable Durability = C.FBAT_DURABILITY_DURABLE
	// DurabilityOS: when the operating system has them. They survive a killed process, not a power cut; [Store.Sync] makes
	// them durable.
	DurabilityOS Durability = C.FBAT_DURABILITY_OS
)

// OpenReportFlags are what [OpenReport] says by bits.
type OpenReportFlags uint32

// The bits.
const (
	// OpenReportCreated: [Open] made the store.
	OpenReportCreated OpenReportFlags = C.FBAT_OPEN_REPORT_CREATED
	// OpenReportUnclean: the last writer did not close the store.
	OpenReportUnclean OpenReportFlags = C.FBAT_OPEN_REPORT_UNCLEAN
)

// Frontier is how far a log goes. The sequence 1 is the event that every store starts with.
type Frontier struct {
	// Visible is the highest sequence that readers may see.
	Visible uint64
	// Durable is the highest sequence that is known to have reached the disk.
	Durable uint64
}

// Head is the newest event of an entity.
type Head struct {
	// Version is how many events the entity has.
	Version uint64
	// Sequence is the event's global sequence.
	Sequence uint64
	// EventID is the event's id.
	EventID ID
	// EventHash is the event's hash.
	EventHash Hash
}

// Stats are figures about a store.
type Stats struct {
	// Events in the log, the library's own included.
	Events uint64
	// Segments are the files that the log consists of.
	Segments uint64
	// LogBytes is the size of the log on disk.
	LogBytes uint64
	// IndexBytes is the size of its indexes on disk.
	IndexBytes uint64
	// UnindexedEvents are indexed in memory only, so far.
	UnindexedEvents uint64
	// MemoryBytes is the memory that the store's tables take, outside of Go's.
	MemoryBytes uint64
}

// OpenReport is what [Open] found and did.
type OpenReport struct {
	// Flags are bits: OpenReport...
	Flags OpenReportFlags
	// DroppedBytes is the size of a torn tail that was cut off; 0 when there was none.
	DroppedBytes uint64
	// DroppedOffset is where it began in its file.
	DroppedOffset uint64
	// DroppedPath is that file, or empty.
	DroppedPath string
	// DroppedBatches are whole batches behind the hole that were dropped with it.
	DroppedBatches uint64
	// DroppedEvents are the events of those batches.
	DroppedEvents uint64
	// GapFirst is the first of the sequences that were jumped because somebody may have seen them; 0: none were.
	GapFirst uint64
	// GapLast is the last of them.
	GapLast uint64
	// IndexesRebuilt were missing or damaged and were made anew.
	IndexesRebuilt uint64
}

// SetMappedReads says how small parts of files are read from now on, in the whole process: from memory that the files are
// mapped to, which is the default and several times as fast, or by system calls.
//
// Mapping puts a handler for SIGBUS in place, once, when the first store is opened. It asks for the signal stack that the Go
// runtime gives each thread, deals with faults in the library's own mappings (they become errors with [ErrCorrupt] or
// [ErrIO]), and hands every other one to the handler of the Go runtime, with the context that it needs: a fault in memory that
// a Go program has mapped is the same panic or crash as without the library. os/signal never touches that handler. So
// there is no reason to set this to false in a Go program, but it is here.
func SetMappedReads(mapped bool) { C.fbat_set_mapped_reads(C.bool(mapped)) }

// An OpenOption says how to open a store.
type OpenOption struct {
	name  string
	apply func(*C.fbat_open_options) C.fbat_status
}

// WithMode sets which stores are accepted; the default is [OpenCreateIfMissing].
func WithMode(mode OpenMode) OpenOption {
	return OpenOption{"mode", func(o *C.fbat_open_options) C.fbat_status {
		return C.fbat_open_options_set_mode(o, C.uint32_t(mode))
	}}
}

// WithDurability sets when an append returns; the default is [DurabilityDurable].
func WithDurability(durability Durability) OpenOption {
	return OpenOption{"durability", func(o *C.fbat_open_options) C.fbat_status {
		return C.fbat_open_options_set_durability(o, C.uint32_t(durability))
	}}
}

// WithLabel sets a label for people, which a new store keeps: UTF-8, at most 1024 bytes. It is no identity.
func WithLabel(label string) OpenOption {
	return OpenOption{"label", func(o *C.fbat_open_options) C.fbat_status {
		data, size := text(label)
		return C.fbat_open_options_set_label(o, data, size)
	}}
}

// WithPayloadBytesMax sets the limit on the payload of one event: 1 to 33,554,432 (32 MiB), which is the default.
func WithPayloadBytesMax(n int) OpenOption {
	return OpenOption{"limit of payload bytes", func(o *C.fbat_open_options) C.fbat_status {
		return C.fbat_open_options_set_payload_bytes_max(o, C.size_t(n))
	}}
}

// WithBatchEventsMax sets the limit on the events of one batch: 1 to 65,536, which is the default.
func WithBatchEventsMax(n int) OpenOption {
	return OpenOption{"limit of batch events", func(o *C.fbat_open_options) C.fbat_status {
		return C.fbat_open_options_set_batch_events_max(o, C.size_t(n))
	}}
}

// WithBatchBytesMax sets the limit on the bytes of one batch (payloads, extensions, entities and scopes): 1 to 67,108,864
// (64 MiB), which is the default.
func WithBatchBytesMax(n int) OpenOption {
	return OpenOption{"limit of batch bytes", func(o *C.fbat_open_options) C.fbat_status {
		return C.fbat_open_options_set_batch_bytes_max(o, C.size_t(n))
	}}
}

// WithSegmentBytes sets at which size a file of the log is sealed and a new one begun: 65,536 (64 KiB) to 1,073,741,824
// (1 GiB); the default is 64 MiB.
func WithSegmentBytes(n uint64) OpenOption {
	return OpenOption{"segment bytes", func(o *C.fbat_open_options) C.fbat_status {
		return C.fbat_open_options_set_segment_bytes(o, C.uint64_t(n))
	}}
}

// OpenSettings are what options for [Open] come to, defaults included.
type OpenSettings struct {
	Mode            OpenMode
	Durability      Durability
	Label           string
	PayloadBytesMax int
	BatchEventsMax  int
	BatchBytesMax   int
	SegmentBytes    uint64
}

// DescribeOpen checks options without opening anything, and says what they come to.
func DescribeOpen(options ...OpenOption) (OpenSettings, error) {
	o, err := openOptions(options)
	if err != nil {
		return OpenSettings{}, err
	}
	defer C.fbat_open_options_free(o)
	return OpenSettings{
		Mode:            OpenMode(C.fbat_open_options_get_mode(o)),
		Durability:      Durability(C.fbat_open_options_get_durability(o)),
		Label:           goString(C.fbat_open_options_get_label(o)),
		PayloadBytesMax: int(C.fbat_open_options_get_payload_bytes_max(o)),
		BatchEventsMax:  int(C.fbat_open_options_get_batch_events_max(o)),
		BatchBytesMax:   int(C.fbat_open_options_get_batch_bytes_max(o)),
		SegmentBytes:    uint64(C.fbat_open_options_get_segment_bytes(o)),
	}, nil
}

func openOptions(options []OpenOption) (*C.fbat_open_options, error) {
	o := C.fbat_open_options_new()
	if o == nil {
		return nil, errNoObject()
	}
	for _, option := range options {
		if err := setting(option.name, option.apply(o)); err != nil {
			C.fbat_open_options_free(o)
			return nil, err
		}
	}
	return o, nil
}

// Store is an open store. Any number of goroutines may use it at once, and any may close it.
//
// Close it when it is no longer used. One that is forgotten is closed by the garbage collector some time after, where a
// failure to write can only go to the log; a program that ends without closing loses nothing that was acknowledged.
type Store struct {
	c       *C.fbat_store
	closed  atomic.Bool
	cleanup runtime.Cleanup

	// What does not change while a store is open, and is known of a closed one too.
	id                     ID
	namespace, label, path string
	readOnly               bool
	openReport             OpenReport
}

// Open opens the store in a directory. A new store makes the directory, not what is above it. At most one handle in all
// processes has a store open for writing; readers are not limited. The failures are [ErrStoreNotFound], [ErrStoreExists],
// [ErrBusy], [ErrCorrupt], [ErrFutureVersion], [ErrIO], [ErrNoSpace], and [ErrInvalidArgument] for options.
func Open(directory string, options ...OpenOption) (*Store, error) {
	if version := ABIVersion(); version != HeaderABIVersion {
		e := statusError(ErrUnsupported, "the library has another binary interface than the one this program was compiled with")
		e.Found, e.Supported = uint64(version), HeaderABIVersion
		return nil, e
	}
	name, err := path(directory)
	if err != nil {
		return nil, err
	}
	defer free(name)
	o, err := openOptions(options)
	if err != nil {
		return nil, err
	}
	defer C.fbat_open_options_free(o)
	s := &Store{}
	var detail *C.fbat_error
	if err := check(C.fbat_store_open(name, o, &s.c, &detail), detail); err != nil {
		return nil, err
	}
	s.cleanup = runtime.AddCleanup(s, func(c *C.fbat_store) { C.fbat_store_free(c) }, s.c)
	if err := s.describe(); err != nil {
		return nil, err // the cleanup closes it
	}
	return s, nil
}

func (s *Store) describe() error {
	s.id = goID(C.fbat_store_id(s.c))
	s.namespace = goString(C.fbat_store_namespace(s.c))
	s.label = goString(C.fbat_store_label(s.c))
	s.path = goString(C.fbat_store_path(s.c))
	s.readOnly = bool(C.fbat_store_is_read_only(s.c))
	var report C.fbat_open_report
	C.fbat_open_report_init(&report)
	var detail *C.fbat_error
	if err := check(C.fbat_store_open_report(s.c, &report, &detail), detail); err != nil {
		return err
	}
	s.openReport = OpenReport{
		Flags:          OpenReportFlags(report.flags),
		DroppedBytes:   uint64(report.dropped_bytes),
		DroppedOffset:  uint64(report.dropped_offset),
		DroppedPath:    goString(report.dropped_path),
		DroppedBatches: uint64(report.dropped_batches),
		DroppedEvents:  uint64(report.dropped_events),
		GapFirst:       uint64(report.gap_first),
		GapLast:        uint64(report.gap_last),
		IndexesRebuilt: uint64(report.indexes_rebuilt),
	}
	return nil
}

// Close makes what was written durable, releases the directory, and ends all use of the store: later calls fail with
// [ErrClosed], imports that run end with it at their next chunk. A failure to write is returned, and the store is closed all
// the same. Closing a closed store does nothing.
//
// From within a callback of an import that uses the store the failure is [ErrBusy], and the store stays open.
func (s *Store) Close() error {
	if s.closed.Load() {
		return nil
	}
	var detail *C.fbat_error
	err := check(C.fbat_store_close(s.c, &detail), detail)
	if err != nil && err.(*Error).Status == ErrBusy {
		return err
	}
	if s.closed.Swap(true) {
		return nil // somebody else closed it meanwhile, and freed the handle
	}
	s.cleanup.Stop()
	C.fbat_store_free(s.c)
	return err
}

// check makes an error of the answer of a call that used the store, and keeps the store alive until then. The handle of a
// closed store is freed: what the library calls an invalid handle then is a closed store.
func (s *Store) check(status C.fbat_status, detail *C.fbat_error) error {
	runtime.KeepAlive(s)
	if status == C.FBAT_OK {
		return nil
	}
	e := newError(status, detail)
	if e.Status == ErrInvalidHandle && s.closed.Load() {
		return statusError(ErrClosed, "the store "+s.path+" is closed")
	}
	return e
}

// Sync makes everything that is visible durable, and says how far the log goes then. A store that is open for reading syncs the
// files as far as it sees them; where it cannot, that is no failure: the frontier says what is durable.
func (s *Store) Sync() (Frontier, error) {
	var frontier C.fbat_frontier
	C.fbat_frontier_init(&frontier)
	var detail *C.fbat_error
	err := s.check(C.fbat_store_sync(s.c, &frontier, &detail), detail)
	return Frontier{uint64(frontier.visible), uint64(frontier.durable)}, err
}

// Frontier says how far the log goes.
func (s *Store) Frontier() (Frontier, error) {
	var frontier C.fbat_frontier
	C.fbat_frontier_init(&frontier)
	var detail *C.fbat_error
	err := s.check(C.fbat_store_frontier(s.c, &frontier, &detail), detail)
	return Frontier{uint64(frontier.visible), uint64(frontier.durable)}, err
}

// Head is the newest event of an exact entity; the failure is [ErrNotFound] where it has none.
func (s *Store) Head(entity string) (Head, error) {
	var head C.fbat_head
	C.fbat_head_init(&head)
	var detail *C.fbat_error
	data, size := text(entity)
	err := s.check(C.fbat_store_head(s.c, data, size, &head, &detail), detail)
	return Head{uint64(head.version), uint64(head.sequence), goID(head.event_id), goHash(head.event_hash)}, err
}

// Stats are figures about the store.
func (s *Store) Stats() (Stats, error) {
	var stats C.fbat_stats
	C.fbat_stats_init(&stats)
	var detail *C.fbat_error
	err := s.check(C.fbat_store_stats(s.c, &stats, &detail), detail)
	return Stats{
		Events:          uint64(stats.events),
		Segments:        uint64(stats.segments),
		LogBytes:        uint64(stats.log_bytes),
		IndexBytes:      uint64(stats.index_bytes),
		UnindexedEvents: uint64(stats.unindexed_events),
		MemoryBytes:     uint64(stats.memory_bytes),
	}, err
}

// LogHash is the log hash at the visible frontier: one value that stands for the whole history. Two stores with the same
// log hash have the same events in the same order.
func (s *Store) LogHash() (Hash, error) {
	var hash C.fbat_hash
	var detail *C.fbat_error
	err := s.check(C.fbat_store_log_hash(s.c, &hash, &detail), detail)
	return goHash(hash), err
}

// OpenReport is what [Open] found and did. Works for a closed store too.
func (s *Store) OpenReport() OpenReport { return s.openReport }

// ID is the random number that the store was given when it was made, or by the last [NewIdentity] before it was opened.
// Works for a closed store too.
func (s *Store) ID() ID { return s.id }

// Namespace is the native namespace of the store: "store:" and its id. Works for a closed store too.
func (s *Store) Namespace() string { return s.namespace }

// Label is the label that the store was made with. Works for a closed store too.
func (s *Store) Label() string { return s.label }

// Path is the directory of the store. Works for a closed store too.
func (s *Store) Path() string { return s.path }

// ReadOnly says whether the store is open for reading only. Works for a closed store too.
func (s *Store) ReadOnly() bool { return s.readOnly }
