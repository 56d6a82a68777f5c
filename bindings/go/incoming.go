package fbat

// #include "shim.h"
import "C"

import "unsafe"

// incoming copies what the library answers with into Go's memory, the bytes of many records into
// one piece, so that a thousand events cost a few allocations. Pieces double up to a size that one
// record which is kept may well hold on to. What was handed out is never written to again.
type incoming struct {
	bytesLeft      []byte
	extensionsLeft []Extension
	// Sizes of the pieces that were taken last.
	byteCount, extensionCount int
	// What each member of text had last: events that follow each other often share theirs.
	last [textMembers]string
}

const (
	bytesMin, bytesMax           = 128, 32 << 10
	extensionsMin, extensionsMax = 4, 256
)

// bytes copies bytes: nil where there are none to point to, and never with room behind them that
// others have.
func (in *incoming) bytes(data unsafe.Pointer, size C.size_t) []byte {
	if data == nil {
		return nil
	}
	from := unsafe.Slice((*byte)(data), int(size))
	if len(from) > bytesMax/4 {
		return append([]byte{}, from...)
	}
	if len(from) > len(in.bytesLeft) {
		in.byteCount = min(max(2*in.byteCount, bytesMin), bytesMax)
		in.bytesLeft = make([]byte, max(len(from), in.byteCount))
	}
	taken := in.bytesLeft[:len(from):len(from)]
	in.bytesLeft = in.bytesLeft[len(from):]
	copy(taken, from)
	return taken
}

// text copies text, unless the member had the same last.
func (in *incoming) text(member int, s C.fbat_str) string {
	if there := view(s); there != in.last[member] {
		b := in.bytes(unsafe.Pointer(s.data), s.len)
		in.last[member] = unsafe.String(unsafe.SliceData(b), len(b))
	}
	return in.last[member]
}

func (in *incoming) extensions(from *C.fbat_extension, count C.size_t) []Extension {
	if count == 0 {
		return nil
	}
	n := int(count)
	if n > len(in.extensionsLeft) {
		in.extensionCount = min(max(2*in.extensionCount, extensionsMin), extensionsMax)
		in.extensionsLeft = make([]Extension, max(n, in.extensionCount))
	}
	taken := in.extensionsLeft[:n:n]
	in.extensionsLeft = in.extensionsLeft[n:]
	for i := range taken {
		taken[i].read(&unsafe.Slice(from, n)[i], in)
	}
	return taken
}

// takeFindings copies a list of the library's and frees it.
func takeFindings(from *C.fbat_findings, in *incoming) []Finding {
	if from == nil {
		return nil
	}
	defer C.fbat_findings_free(from)
	findings := make([]Finding, C.fbat_findings_len(from))
	for i := range findings {
		findings[i].read(C.fbat_findings_get(from, C.size_t(i)), in)
	}
	return findings
}

// Summaries are a part of a list of entities or scopes, in the order of their bytes.
type Summaries struct {
	// Rows has one for each.
	Rows []Summary
	// End says that nothing more was there. Else go on after the name of the last row.
	End bool
}

// takeSummaries copies a list of the library's and frees it.
func takeSummaries(from *C.fbat_summaries, in *incoming) (list Summaries) {
	if from == nil {
		return list
	}
	defer C.fbat_summaries_free(from)
	list.Rows = make([]Summary, C.fbat_summaries_len(from))
	for i := range list.Rows {
		list.Rows[i].read(C.fbat_summaries_get(from, C.size_t(i)), in)
	}
	list.End = bool(C.fbat_summaries_is_end(from))
	return list
}

// Conflicts are a part of the names that have two contents, in the order in which they were met.
type Conflicts struct {
	// Rows has one for each event that was kept beside another.
	Rows []Conflict
	// End says that nothing more was there. Else go on after the sequence of the last row.
	End bool
}

// takeConflicts copies a list of the library's and frees it.
func takeConflicts(from *C.fbat_conflicts, in *incoming) (list Conflicts) {
	if from == nil {
		return list
	}
	defer C.fbat_conflicts_free(from)
	list.Rows = make([]Conflict, C.fbat_conflicts_len(from))
	for i := range list.Rows {
		list.Rows[i].read(C.fbat_conflicts_get(from, C.size_t(i)), in)
	}
	list.End = bool(C.fbat_conflicts_is_end(from))
	return list
}

// takePlan copies a plan of the library's and frees it.
func takePlan(from *C.fbat_plan, in *incoming) []PlanRow {
	if from == nil {
		return nil
	}
	defer C.fbat_plan_free(from)
	rows := make([]PlanRow, C.fbat_plan_len(from))
	for i := range rows {
		rows[i].read(C.fbat_plan_get(from, C.size_t(i)), in)
	}
	return rows
}

// takeSources copies a list of the library's and frees it.
func takeSources(from *C.fbat_sources, in *incoming) []Source {
	if from == nil {
		return nil
	}
	defer C.fbat_sources_free(from)
	rows := make([]Source, C.fbat_sources_len(from))
	for i := range rows {
		rows[i].read(C.fbat_sources_get(from, C.size_t(i)), in)
	}
	return rows
}

// Origins are a part of the list of origins of a store, in the order of their namespaces.
type Origins struct {
	// Rows has one for each.
	Rows []Origin
	// End says that nothing more was there. Else go on after the namespace of the last row.
	End bool
}

// takeOrigins copies a list of the library's and frees it.
func takeOrigins(from *C.fbat_origins, in *incoming) (list Origins) {
	if from == nil {
		return list
	}
	defer C.fbat_origins_free(from)
	list.Rows = make([]Origin, C.fbat_origins_len(from))
	for i := range list.Rows {
		list.Rows[i].read(C.fbat_origins_get(from, C.size_t(i)), in)
	}
	list.End = bool(C.fbat_origins_is_end(from))
	return list
}

// Differences are a part of the events that only one of two stores has.
type Differences struct {
	// Rows has one for each.
	Rows []Difference
	// End says that nothing more was there. Else go on after the last row.
	End bool
}

// takeDifferences copies a list of the library's and frees it.
func takeDifferences(from *C.fbat_differences, in *incoming) (list Differences) {
	if from == nil {
		return list
	}
	defer C.fbat_differences_free(from)
	list.Rows = make([]Difference, C.fbat_differences_len(from))
	for i := range list.Rows {
		list.Rows[i].read(C.fbat_differences_get(from, C.size_t(i)), in)
	}
	list.End = bool(C.fbat_differences_is_end(from))
	return list
}

// takeBuffer copies a buffer of the library's and frees it.
func takeBuffer(from *C.fbat_buffer) []byte {
	if from == nil {
		return nil
	}
	defer C.fbat_buffer_free(from)
	return new(incoming).bytes(unsafe.Pointer(C.fbat_buffer_data(from)), C.fbat_buffer_len(from))
}
