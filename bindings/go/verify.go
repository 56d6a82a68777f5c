package fbat

// #include "shim.h"
import "C"

// VerifyReport is what a walk over a whole store found.
type VerifyReport struct {
	// Events, the library's own included.
	Events uint64
	// SystemEvents are the library's own among them.
	SystemEvents uint64
	// Batches of the log.
	Batches uint64
	// Segments are the files of the log.
	Segments uint64
	// LogBytes is the size of the log.
	LogBytes uint64
	// Gaps are declared gaps in the sequences.
	Gaps uint64
	// GapSequences is how many sequences those gaps take up.
	GapSequences uint64
	// Losses are declared losses, which [Repair] leaves.
	Losses uint64
	// LostSequences is how many sequences were lost.
	LostSequences uint64
	// UnlinkedEvents are events whose predecessor was lost, so that their hash cannot be computed.
	UnlinkedEvents uint64
	// Findings are the things that do not hold: none for a sound store. A walk stops after 1000.
	Findings []Finding
}

// Finding is one thing that does not hold.
type Finding struct {
	// Path is the file. It need not be UTF-8.
	Path string
	// Offset is where in it, in bytes from its start.
	Offset uint64
	// Sequence is the global sequence of the event concerned; 0 where it is not one event.
	Sequence uint64
	// Message is one sentence for people.
	Message string
}

// Verify walks the whole store and checks every checksum, hash, chain and index against the log. Damage is a finding, not an
// error. Others may use the store meanwhile; the walk ends at what was visible at the call. It can't be cancelled but by closing
// the store. The failures are [ErrClosed] and [ErrIO].
func (s *Store) Verify() (*VerifyReport, error) {
	var c *C.fbat_verify_report
	var detail *C.fbat_error
	if err := s.check(C.fbat_store_verify(s.c, &c, &detail), detail); err != nil {
		return nil, err
	}
	defer C.fbat_verify_report_free(c)
	var totals C.fbat_verify_totals
	C.fbat_verify_totals_init(&totals)
	if err := check(C.fbat_verify_report_totals(c, &totals, &detail), detail); err != nil {
		return nil, err
	}
	report := &VerifyReport{
		Events:         uint64(totals.events),
		SystemEvents:   uint64(totals.system_events),
		Batches:        uint64(totals.batches),
		Segments:       uint64(totals.segments),
		LogBytes:       uint64(totals.log_bytes),
		Gaps:           uint64(totals.gaps),
		GapSequences:   uint64(totals.gap_sequences),
		Losses:         uint64(totals.losses),
		LostSequences:  uint64(totals.lost_sequences),
		UnlinkedEvents: uint64(totals.unlinked_events),
		Findings:       make([]Finding, int(C.fbat_verify_report_finding_count(c))),
	}
	var finding C.fbat_finding
	C.fbat_finding_init(&finding)
	for i := range report.Findings {
		if err := check(C.fbat_verify_report_finding(c, C.size_t(i), &finding, &detail), detail); err != nil {
			return nil, err
		}
		report.Findings[i] = Finding{goString(finding.path), uint64(finding.offset), uint64(finding.sequence),
			goString(finding.message)}
	}
	return report, nil
}
