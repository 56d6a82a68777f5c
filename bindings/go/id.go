package fbat

// #include "shim.h"
import "C"

import (
	"encoding/hex"
	"fmt"
	"math"
	"unsafe"
)

// ID is a 128-bit identifier: of an event, a correlation, a cause, an idempotency key or a store.
// Most significant byte first; its text is 32 lower-case hex digits. The zero value means "none".
type ID [16]byte

// ParseID reads an id from 32 hex digits of either case.
func ParseID(s string) (ID, error) {
	var id C.fbat_id
	data := (*C.char)(unsafe.Pointer(unsafe.StringData(s)))
	if status := C.fbat_id_from_hex(data, C.size_t(len(s)), &id); status != C.FBAT_OK {
		return ID{}, statusError(Status(status), fmt.Sprintf("%q is no id: 32 hex digits", s))
	}
	return goID(id), nil
}

// IsZero says whether the id is none.
func (id ID) IsZero() bool { return id == ID{} }

// String is the id as 32 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText is [ID.String] for encoders.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// AppendText appends what [ID.String] gives.
func (id ID) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, id[:]), nil }

// UnmarshalText is [ParseID] for decoders.
func (id *ID) UnmarshalText(b []byte) error {
	parsed, err := ParseID(string(b))
	if err == nil {
		*id = parsed
	}
	return err
}

// Hash is a 256-bit BLAKE3 hash; its text is 64 lower-case hex digits.
type Hash [32]byte

// ParseHash reads a hash from 64 hex digits of either case.
func ParseHash(s string) (Hash, error) {
	var hash C.fbat_hash
	data := (*C.char)(unsafe.Pointer(unsafe.StringData(s)))
	if status := C.fbat_hash_from_hex(data, C.size_t(len(s)), &hash); status != C.FBAT_OK {
		return Hash{}, statusError(Status(status), fmt.Sprintf("%q is no hash: 64 hex digits", s))
	}
	return goHash(hash), nil
}

// IsZero says whether all bytes are 0.
func (h Hash) IsZero() bool { return h == Hash{} }

// String is the hash as 64 lower-case hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is [Hash.String] for encoders.
func (h Hash) MarshalText() ([]byte, error) { return h.AppendText(nil) }

// AppendText appends what [Hash.String] gives.
func (h Hash) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, h[:]), nil }

// UnmarshalText is [ParseHash] for decoders.
func (h *Hash) UnmarshalText(b []byte) error {
	parsed, err := ParseHash(string(b))
	if err == nil {
		*h = parsed
	}
	return err
}

// ContentHash is the content hash of a payload: plain BLAKE3 of its bytes.
func ContentHash(payload []byte) Hash {
	var hash C.fbat_hash
	data := (*C.uint8_t)(unsafe.SliceData(payload))
	C.fbat_content_hash(data, C.size_t(len(payload)), &hash)
	return goHash(hash)
}

// Kind is what sort of event it is: a category in the top 4 bits, a type within it in the low 12. A
// program that knows its kinds writes them as constants:
//
//	const LampSwitched = 1*fbat.KindCategory + 1 // category 1, type 1
type Kind uint16

// KindCategory is how far the kinds of one category are from those of the next. The kind of a
// category c and a type t is c*KindCategory + t, which is a constant where both are; the compiler
// refuses a category above 15.
const KindCategory Kind = 1 << 12

// NewKind makes a kind of a category, 0 to 15, and a type, 0 to 4095, that are only known when the
// program runs; it fails with [ErrInvalidArgument] for other numbers. A fixed kind is a constant,
// as [Kind] shows. The categories 0x0 and 0xD are the library's own: their kinds can be read, not
// appended.
func NewKind(category, typ uint32) (Kind, error) {
	var kind C.uint16_t
	if status := C.fbat_kind(C.uint32_t(category), C.uint32_t(typ), &kind); status != C.FBAT_OK {
		why := fmt.Sprintf("category %d and type %d make no kind", category, typ)
		return 0, statusError(Status(status), why)
	}
	return Kind(kind), nil
}

// Kinds is a list of single kinds, for a [Region].
func Kinds(kinds ...Kind) []KindRange {
	ranges := make([]KindRange, len(kinds))
	for i, kind := range kinds {
		ranges[i] = KindRange{kind, kind}
	}
	return ranges
}

// KindsOf is all kinds of a category, 0 to 15, for a [Region]. A higher number is an empty range,
// which is refused.
func KindsOf(category uint32) KindRange {
	first, err := NewKind(category, 0)
	if err != nil {
		return KindRange{First: math.MaxUint16}
	}
	return KindRange{first, first | 0xfff}
}

// Entity is the address of an entity, for a [Region] or [ListOptions].
func Entity(entity string) *string { return &entity }

// EncodeEntity is the entity, or scope, that stands for any text: control bytes, '/', '=', '|', '%'
// and the second dot of ".." become '%' and two hex digits. The failures are [ErrInvalidUTF8] and
// [ErrInvalidCoordinate].
func EncodeEntity(text string) (entity string, err error) {
	call := begin()
	defer call.end()
	in, out := call.text(text), room[*C.fbat_buffer](call)
	status := C.fbat_entity_encode(in.data, in.len, out, call.detail)
	return string(takeBuffer(*out)), call.outcome(status)
}

// DecodeEntity is the text that an entity of [EncodeEntity] stands for. The failures are
// [ErrInvalidArgument], [ErrInvalidUTF8] and [ErrInvalidCoordinate].
func DecodeEntity(entity string) (text string, err error) {
	call := begin()
	defer call.end()
	in, out := call.text(entity), room[*C.fbat_buffer](call)
	status := C.fbat_entity_decode(in.data, in.len, out, call.detail)
	return string(takeBuffer(*out)), call.outcome(status)
}

// Category is the category of the kind, 0 to 15.
func (k Kind) Category() uint32 { return uint32(k >> 12) }

// Type is the type of the kind within its category, 0 to 4095.
func (k Kind) Type() uint32 { return uint32(k & 0xfff) }

// String is the kind in hex: 0x1001.
func (k Kind) String() string { return fmt.Sprintf("0x%04x", uint16(k)) }

// OperationKey computes a key from a domain and parts, to be used as the idempotency key of an
// operation ([Event.Key]): the same in every version of the library and in every language.
func OperationKey(domain string, parts ...string) ID {
	call := begin()
	defer call.end()
	in := rooms[C.fbat_str](call, len(parts))
	for i, part := range parts {
		in[i] = call.text(part)
	}
	name, key := call.text(domain), room[C.fbat_id](call)
	C.fbat_operation_key(name.data, name.len, unsafe.SliceData(in), C.size_t(len(in)), key)
	return goID(*key)
}
