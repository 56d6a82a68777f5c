package fbat

// #include "shim.h"
import "C"

import "unsafe"

// What goes over a wire.
const (
	// ProvenanceSchemaVersion is the schema version that the library writes, and the highest that it reads.
	ProvenanceSchemaVersion = C.FBAT_PROVENANCE_SCHEMA_VERSION
	// ProvenanceMagic are the first bytes of a frame.
	ProvenanceMagic = C.FBAT_PROVENANCE_MAGIC
)

// WireFlags say how strictly to decode.
type WireFlags uint32

// WireLenient accepts every encoding that can be understood, not only the canonical one.
const WireLenient WireFlags = C.FBAT_WIRE_LENIENT

// Provenance is where an imported event came from. [NewProvenance] begins one.
type Provenance struct {
	// SchemaVersion is 1. Encoding refuses versions above [ProvenanceSchemaVersion].
	SchemaVersion uint16
	// Namespace is the name that the source had in the import: UTF-8, 1 to 1024 bytes.
	Namespace string
	// EventID is the event's id in the source.
	EventID ID
	// Sequence is the event's global sequence in the source.
	Sequence uint64
	// Kind is the event's kind in the source.
	Kind Kind
	// ContentHash is the content hash of the event in the source.
	ContentHash Hash
}

// NewProvenance is a provenance of the schema version that the library writes, all else empty.
func NewProvenance() Provenance {
	p := C.fbat_provenance_new()
	defer C.fbat_provenance_free(p)
	return goProvenance(p)
}

// Provenance is where an event of the store came from, by its id in this store; nil for one that was not imported. The failures
// are [ErrNotFound], and [ErrWireBody], [ErrWireNotCanonical] and [ErrFutureVersion] where the provenance can't be read.
func (s *Store) Provenance(id ID) (*Provenance, error) {
	cid := cID(id)
	var p *C.fbat_provenance
	var detail *C.fbat_error
	if err := s.check(C.fbat_event_provenance(s.c, &cid, &p, &detail), detail); err != nil || p == nil {
		return nil, err
	}
	defer C.fbat_provenance_free(p)
	provenance := goProvenance(p)
	return &provenance, nil
}

// Provenance is where the event of a record came from; nil for one that was not imported. It needs neither the store nor
// a column. The failures are [ErrWireBody], [ErrWireNotCanonical] and [ErrFutureVersion].
func (r *Record) Provenance() (*Provenance, error) {
	if r.RecordFlags&RecordImported == 0 {
		return nil, nil
	}
	size := unsafe.Sizeof(C.fbat_record{}) + uintptr(len(r.SourceNamespace)+len(r.RawProvenance))
	out := takeOutgoing(size)
	defer out.release()
	// Of a record, what tells of its origin, and what a message about it names.
	record := (*C.fbat_record)(out.room(unsafe.Sizeof(C.fbat_record{})))
	record.struct_size = C.sizeof_fbat_record
	record.id = cID(r.ID)
	record.sequence = C.uint64_t(r.Sequence)
	record.kind = C.uint16_t(r.Kind)
	record.record_flags = C.uint32_t(r.RecordFlags)
	record.content_hash = cHash(r.ContentHash)
	out.str(&record.source_namespace, r.SourceNamespace)
	record.source_event_id = cID(r.SourceEventID)
	record.source_sequence = C.uint64_t(r.SourceSequence)
	out.bytes(&record.raw_provenance, &record.raw_provenance_len, r.RawProvenance)
	var p *C.fbat_provenance
	var detail *C.fbat_error
	if err := check(C.fbat_record_provenance(record, &p, &detail), detail); err != nil || p == nil {
		return nil, err
	}
	defer C.fbat_provenance_free(p)
	provenance := goProvenance(p)
	return &provenance, nil
}

// DecodeProvenance reads an FBATIP frame: magic, version, checksum, body. The failures are [ErrWireFraming],
// [ErrFutureVersion], [ErrWireChecksum], [ErrWireBody] and, unless lenient, [ErrWireNotCanonical].
func DecodeProvenance(frame []byte, flags WireFlags) (Provenance, error) {
	var p *C.fbat_provenance
	var detail *C.fbat_error
	data, size := wire(frame)
	status := C.fbat_provenance_decode(data, size, C.uint32_t(flags), &p, &detail)
	return decoded(status, p, detail)
}

// ProvenanceFromExtension reads a bare provenance body, as the extension batpak.import.provenance holds it. The failures are
// those of [DecodeProvenance] that concern the body.
func ProvenanceFromExtension(body []byte, flags WireFlags) (Provenance, error) {
	var p *C.fbat_provenance
	var detail *C.fbat_error
	data, size := wire(body)
	status := C.fbat_provenance_from_extension(data, size, C.uint32_t(flags), &p, &detail)
	return decoded(status, p, detail)
}

// wire is bytes to decode: none of them are an input too, and not a missing argument.
func wire(b []byte) (*C.uint8_t, C.size_t) {
	if len(b) == 0 {
		b = []byte{0}[:0]
	}
	return bytes(b)
}

func decoded(status C.fbat_status, p *C.fbat_provenance, detail *C.fbat_error) (Provenance, error) {
	if err := check(status, detail); err != nil {
		return Provenance{}, err
	}
	defer C.fbat_provenance_free(p)
	return goProvenance(p), nil
}

// Encode writes an FBATIP frame. The failures are [ErrInvalidArgument] and [ErrInvalidUTF8] for a namespace that is none, and
// [ErrFutureVersion] for a schema version that is too high.
func (p Provenance) Encode() ([]byte, error) {
	return p.encode(func(c *C.fbat_provenance, buffer **C.fbat_buffer, detail **C.fbat_error) C.fbat_status {
		return C.fbat_provenance_encode(c, buffer, detail)
	})
}

// EncodeBody writes a bare body, as the extension batpak.import.provenance holds it. The failures are those of
// [Provenance.Encode].
func (p Provenance) EncodeBody() ([]byte, error) {
	return p.encode(func(c *C.fbat_provenance, buffer **C.fbat_buffer, detail **C.fbat_error) C.fbat_status {
		return C.fbat_provenance_encode_body(c, buffer, detail)
	})
}

func (p Provenance) encode(
	encode func(*C.fbat_provenance, **C.fbat_buffer, **C.fbat_error) C.fbat_status,
) ([]byte, error) {
	c := C.fbat_provenance_new()
	if c == nil {
		return nil, errNoObject()
	}
	defer C.fbat_provenance_free(c)
	if err := p.set(c); err != nil {
		return nil, err
	}
	var buffer *C.fbat_buffer
	var detail *C.fbat_error
	if err := check(encode(c, &buffer, &detail), detail); err != nil {
		return nil, err
	}
	return goBuffer(buffer), nil
}

func (p Provenance) set(c *C.fbat_provenance) error {
	name, size := text(p.Namespace)
	id, hash := cID(p.EventID), cHash(p.ContentHash)
	for _, set := range [...]struct {
		name   string
		status C.fbat_status
	}{
		{"schema version", C.fbat_provenance_set_schema_version(c, C.uint16_t(p.SchemaVersion))},
		{"namespace", C.fbat_provenance_set_namespace(c, name, size)},
		{"event id", C.fbat_provenance_set_event_id(c, &id)},
		{"sequence", C.fbat_provenance_set_sequence(c, C.uint64_t(p.Sequence))},
		{"kind", C.fbat_provenance_set_kind(c, C.uint16_t(p.Kind))},
		{"content hash", C.fbat_provenance_set_content_hash(c, &hash)},
	} {
		if err := setting(set.name, set.status); err != nil {
			return err
		}
	}
	return nil
}

func goProvenance(p *C.fbat_provenance) Provenance {
	return Provenance{
		SchemaVersion: uint16(C.fbat_provenance_get_schema_version(p)),
		Namespace:     goString(C.fbat_provenance_get_namespace(p)),
		EventID:       goID(C.fbat_provenance_get_event_id(p)),
		Sequence:      uint64(C.fbat_provenance_get_sequence(p)),
		Kind:          Kind(C.fbat_provenance_get_kind(p)),
		ContentHash:   goHash(C.fbat_provenance_get_content_hash(p)),
	}
}
