package fbat

// #include "shim.h"
import "C"

import "unsafe"

// incoming copies records of the library's into Go's memory, the bytes of many into one piece, so that a thousand events cost a
// few allocations. Pieces double up to a size that one record which is kept may well hold on to. What was handed out is never
// written to again.
type incoming struct {
	free       []byte
	extensions []Extension
	// Sizes of the pieces taken last.
	pieceBytes, pieceExtensions int
	// Entity, scope and source namespace that were copied last: events that follow each other often share theirs.
	last [3]string
}

const (
	pieceBytesMin, pieceBytesMax           = 512, 32 << 10
	pieceExtensionsMin, pieceExtensionsMax = 4, 256
)

// record copies one record. to is all zero before.
func (in *incoming) record(to *Record, from *C.fbat_record) {
	to.ID = goID(from.id)
	to.Sequence = uint64(from.sequence)
	to.Entity = in.sharedText(0, from.entity)
	to.Scope = in.sharedText(1, from.scope)
	to.Kind = Kind(from.kind)
	to.PayloadVersion = uint16(from.payload_version)
	to.Flags = uint32(from.flags)
	to.RecordFlags = RecordFlags(from.record_flags)
	to.Version = uint64(from.version)
	to.Timestamp = goTime(from.timestamp_us)
	to.Recorded = goTime(from.recorded_us)
	to.Correlation = goID(from.correlation)
	to.Causation = goID(from.causation)
	to.Payload = in.bytes(from.payload, from.payload_len)
	to.PayloadSize = int(from.payload_size)
	if from.extension_count > 0 {
		to.Extensions = in.extensionsOf(from)
	}
	to.ContentHash = goHash(from.content_hash)
	to.EventHash = goHash(from.event_hash)
	to.PreviousHash = goHash(from.previous_hash)
	if from.record_flags&C.FBAT_RECORD_IMPORTED != 0 {
		to.SourceNamespace = in.sharedText(2, from.source_namespace)
		to.SourceEventID = goID(from.source_event_id)
		to.SourceSequence = uint64(from.source_sequence)
		to.RawProvenance = in.bytes(from.raw_provenance, from.raw_provenance_len)
	}
}

func (in *incoming) extensionsOf(from *C.fbat_record) []Extension {
	n := int(from.extension_count)
	if n > len(in.extensions) {
		in.pieceExtensions = min(max(2*in.pieceExtensions, pieceExtensionsMin), pieceExtensionsMax)
		in.extensions = make([]Extension, max(n, in.pieceExtensions))
	}
	extensions := in.extensions[:n:n]
	in.extensions = in.extensions[n:]
	for i, extension := range unsafe.Slice(from.extensions, n) {
		extensions[i] = Extension{in.text(extension.key), in.bytes(extension.value, extension.value_len)}
	}
	return extensions
}

// bytes copies bytes: nil where there are none to point to, and never with room behind them that others have.
func (in *incoming) bytes(data *C.uint8_t, size C.size_t) []byte {
	if data == nil {
		return nil
	}
	from := unsafe.Slice((*byte)(unsafe.Pointer(data)), int(size))
	if len(from) > pieceBytesMax/4 {
		return append([]byte{}, from...)
	}
	if len(from) > len(in.free) {
		in.pieceBytes = min(max(2*in.pieceBytes, pieceBytesMin), pieceBytesMax)
		in.free = make([]byte, max(len(from), in.pieceBytes))
	}
	taken := in.free[:len(from):len(from)]
	in.free = in.free[len(from):]
	copy(taken, from)
	return taken
}

func (in *incoming) text(s C.fbat_str) string {
	b := in.bytes((*C.uint8_t)(unsafe.Pointer(s.data)), s.len)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (in *incoming) sharedText(which int, s C.fbat_str) string {
	if there := view(s); there != in.last[which] {
		in.last[which] = in.text(s)
	}
	return in.last[which]
}

// view is text of the library's where it lies.
func view(s C.fbat_str) string {
	return unsafe.String((*byte)(unsafe.Pointer(s.data)), int(s.len))
}
