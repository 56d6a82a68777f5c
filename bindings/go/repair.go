package fbat

// #include "shim.h"
import "C"

// RepairFlags are what a [RepairReport] says by bits.
type RepairFlags uint32

// The bits.
const (
	// RepairIdentityRebuilt: the identity file was lost and made anew from the events of the log that tell of store ids.
	RepairIdentityRebuilt RepairFlags = C.FBAT_REPAIR_IDENTITY_REBUILT
	// RepairIdentityUncertain: besides, an event that told of a newer store id may be among what was lost. If the store was ever
	// given an id by [NewIdentity], compare [Store.ID], and give it a new one before anything is imported from it under its
	// native namespace.
	RepairIdentityUncertain RepairFlags = C.FBAT_REPAIR_IDENTITY_UNCERTAIN
)

// RepairReport is what [Repair] kept and what is lost.
type RepairReport struct {
	// Events that were kept, the library's own included.
	Events uint64
	// SystemEvents are the library's own among them.
	SystemEvents uint64
	// UnlinkedEvents are events whose predecessor of the same entity is lost: their checksum and content hold, their hash cannot be
	// computed.
	UnlinkedEvents uint64
	// Segments are the files of the log that were read.
	Segments uint64
	// HeadersRebuilt are those of them whose header was damaged and was made anew.
	HeadersRebuilt uint64
	// BytesUnread are bytes of them that are neither a header nor an event.
	BytesUnread uint64
	// LossCount is how many things do not hold. Losses lists 10,000 of them.
	LossCount uint64
	// SequencesLost is how many sequences are lost. Each belonged to an event or to a declared gap.
	SequencesLost uint64
	// GapFirst is the first of the sequences behind the log that were jumped because somebody may have seen them; 0: the damaged
	// store had been closed, and said where it ended.
	GapFirst uint64
	// GapLast is the last of them.
	GapLast uint64
	// Flags are bits: Repair...
	Flags RepairFlags
	// Losses are the things that do not hold; 10,000 at most.
	Losses []Loss
}

// Loss is one thing that does not hold, and the sequences lost by it.
type Loss struct {
	// Path is the file, which may be one that is missing. It need not be UTF-8.
	Path string
	// Offset is where in it, in bytes from its start.
	Offset uint64
	// FirstSequence is the first global sequence that is lost; 0 where none is, or none is known to be.
	FirstSequence uint64
	// LastSequence is the last one.
	LastSequence uint64
	// Message is one sentence for people.
	Message string
}

// Repair puts every event of a damaged store that proves itself into a new store: a directory that does not exist or is
// empty, not inside of the damaged one.
//
// Every event that is kept has the sequence, id, version, times and hashes that it had; the new store has the store id of the
// damaged one. What is lost is listed in the report, and declared in the new log: [Store.Verify] tells of it, and takes it for no
// damage. No file of the damaged store is changed. After a failure what was made is removed, but for the directory and a file
// LOCK. One file of the log is held in memory at a time. It can't be cancelled.
//
// The failures are [ErrInvalidArgument], [ErrStoreNotFound], [ErrStoreExists], [ErrBusy], [ErrFutureVersion], [ErrCorrupt],
// [ErrIO] and [ErrNoSpace].
func Repair(damaged, repaired string) (*RepairReport, error) {
	from, err := path(damaged)
	if err != nil {
		return nil, err
	}
	defer free(from)
	to, err := path(repaired)
	if err != nil {
		return nil, err
	}
	defer free(to)
	var c *C.fbat_repair_report
	var detail *C.fbat_error
	if err := check(C.fbat_store_repair(from, to, &c, &detail), detail); err != nil {
		return nil, err
	}
	defer C.fbat_repair_report_free(c)
	return goRepairReport(c)
}

func goRepairReport(c *C.fbat_repair_report) (*RepairReport, error) {
	var detail *C.fbat_error
	var totals C.fbat_repair_totals
	C.fbat_repair_totals_init(&totals)
	if err := check(C.fbat_repair_report_totals(c, &totals, &detail), detail); err != nil {
		return nil, err
	}
	report := &RepairReport{
		Events:         uint64(totals.events),
		SystemEvents:   uint64(totals.system_events),
		UnlinkedEvents: uint64(totals.unlinked_events),
		Segments:       uint64(totals.segments),
		HeadersRebuilt: uint64(totals.headers_rebuilt),
		BytesUnread:    uint64(totals.bytes_unread),
		LossCount:      uint64(totals.losses),
		SequencesLost:  uint64(totals.sequences_lost),
		GapFirst:       uint64(totals.gap_first),
		GapLast:        uint64(totals.gap_last),
		Flags:          RepairFlags(totals.flags),
		Losses:         make([]Loss, int(C.fbat_repair_report_loss_count(c))),
	}
	var loss C.fbat_loss
	C.fbat_loss_init(&loss)
	for i := range report.Losses {
		if err := check(C.fbat_repair_report_loss(c, C.size_t(i), &loss, &detail), detail); err != nil {
			return nil, err
		}
		report.Losses[i] = Loss{goString(loss.path), uint64(loss.offset), uint64(loss.first_sequence),
			uint64(loss.last_sequence), goString(loss.message)}
	}
	return report, nil
}
