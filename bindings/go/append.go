package fbat

// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
	"time"
	"unsafe"
)

// Expectation is what an append expects of the entity before an event. The zero value is [ExpectAny].
type Expectation struct {
	expect  uint32
	version uint64
}

// Expectations without a number.
var (
	// ExpectAny expects nothing.
	ExpectAny = Expectation{expect: C.FBAT_EXPECT_ANY}
	// ExpectAbsent: the entity has no events.
	ExpectAbsent = Expectation{expect: C.FBAT_EXPECT_ABSENT}
	// ExpectPresent: the entity has at least one event.
	ExpectPresent = Expectation{expect: C.FBAT_EXPECT_PRESENT}
)

// ExpectVersion expects that the entity has exactly so many events.
func ExpectVersion(version uint64) Expectation {
	return Expectation{expect: C.FBAT_EXPECT_VERSION, version: version}
}

// Extension is a named value that goes with an event.
type Extension struct {
	// Key is ASCII, at most 256 bytes: prefix.field with exactly one dot and both halves non-empty.
	Key string
	// Value is any bytes.
	Value []byte
}

// Event is an event to append. Entity, Scope and Kind are needed; the zero value of all else is its default. What it refers to
// is copied before the call returns.
type Event struct {
	// Entity is what the event is about: UTF-8, 1 to 1024 bytes, no control bytes, /, .., | or =. "e:x" lies below "e".
	Entity string
	// Scope is whose event it is, as the caller divides them: a tenant, a service. Same rules as Entity.
	Scope string
	// Kind is what sort of event it is; not of category 0x0 or 0xD.
	Kind Kind
	// PayloadVersion is which version of its payload's schema: the caller's own, kept as it is.
	PayloadVersion uint16
	// Flags are the caller's own, every bit; kept as they are.
	Flags uint32
	// Payload is any bytes; at most 32 MiB.
	Payload []byte
	// Key is an idempotency key, which becomes the event's id. Zero: a new id (UUID version 7) is made.
	Key ID
	// Expect is what is expected of the entity before this event. Earlier items of the batch count.
	Expect Expectation
	// Timestamp is the event's time, kept in microseconds. Zero: the event takes the recorded time of its batch.
	Timestamp time.Time
	// Correlation is what the event belongs to, across entities; zero for nothing.
	Correlation ID
	// Causation is the event that caused this one, by its id, which is not looked up; zero for none.
	Causation ID
	// CausationItem is the item of the same batch that caused this one, counted from 1; 0 for none. Not together with
	// Causation.
	CausationItem int
	// Extensions are at most 64, together at most 64 KiB.
	Extensions []Extension
}

// ReceiptFlags are what a [Receipt] says by bits.
type ReceiptFlags uint32

// The bits.
const (
	// ReceiptReplayed: the key was there already, with the same content; this is the answer of the first append.
	ReceiptReplayed ReceiptFlags = C.FBAT_RECEIPT_REPLAYED
	// ReceiptDurable: the event is known to be on the disk.
	ReceiptDurable ReceiptFlags = C.FBAT_RECEIPT_DURABLE
	// ReceiptImported: the event came from another store.
	ReceiptImported ReceiptFlags = C.FBAT_RECEIPT_IMPORTED
)

// Receipt is what an append answers for each event.
type Receipt struct {
	// ID is the event's id.
	ID ID
	// Sequence is its place in the store: counted from 1, in the order of commits, never used again.
	Sequence uint64
	// Version is how many events the entity has with this one: 1 for its first.
	Version uint64
	// Timestamp is the event's time, in UTC.
	Timestamp time.Time
	// Recorded is when the store wrote it, in UTC. Never goes back.
	Recorded time.Time
	// ContentHash is BLAKE3 of the payload.
	ContentHash Hash
	// EventHash is a hash over the event and the entity's history before it.
	EventHash Hash
	// PreviousHash is the EventHash of the entity's event before this one; of the store's first event for the first; zero
	// where it was lost before a repair.
	PreviousHash Hash
	// Flags are bits: Receipt...
	Flags ReceiptFlags
}

// Append appends one event. When it returns without an error, the event is in the store, now or since an earlier call with its
// key, and as durable as [WithDurability] says. The failures are those of [Store.AppendBatch].
func (s *Store) Append(event Event) (Receipt, error) {
	var receipts [1]Receipt
	err := s.AppendBatch([]Event{event}, receipts[:])
	return receipts[0], err
}

// AppendBatch appends all of the events, or none of them. receipts is nil, or exactly as long as events; it is filled in on
// success.
//
// [Error.Item] names the event at fault. Nothing was written with [ErrInvalidArgument], [ErrInvalidUTF8],
// [ErrInvalidCoordinate], [ErrReservedKind], [ErrReservedExtension], [ErrLimitExceeded], [ErrIdempotencyConflict],
// [ErrVersionConflict], [ErrReadOnly], [ErrClosed] and [ErrPoisoned]; the others are [ErrCorrupt], [ErrIO] and [ErrNoSpace].
//
// A batch is one call into the library and, but for one that is very large, costs no allocation.
func (s *Store) AppendBatch(events []Event, receipts []Receipt) error {
	if receipts != nil && len(receipts) != len(events) {
		return statusError(ErrInvalidArgument, fmt.Sprintf("%d receipts for %d events", len(receipts), len(events)))
	}
	out := takeOutgoing(batchSize(events, receipts))
	defer out.release()
	cEvents := out.room(unsafe.Sizeof(C.fbat_event{}) * uintptr(len(events)))
	cReceipts := out.room(unsafe.Sizeof(C.fbat_receipt{}) * uintptr(len(receipts)))
	extensions := out.room(unsafe.Sizeof(C.fbat_extension{}) * uintptr(extensionCount(events)))
	for i := range events {
		to := (*C.fbat_event)(unsafe.Add(cEvents, uintptr(i)*unsafe.Sizeof(C.fbat_event{})))
		var err error
		if extensions, err = out.event(to, &events[i], extensions); err != nil {
			err.(*Error).Item = i
			return err
		}
	}
	var answers *C.fbat_receipt
	if len(receipts) > 0 {
		answers = (*C.fbat_receipt)(cReceipts)
		for i := range receipts {
			receiptAt(answers, i).struct_size = C.sizeof_fbat_receipt
		}
	}
	outcome := C.fbatgo_append_batch(s.c, (*C.fbat_event)(cEvents), C.size_t(len(events)), answers)
	if err := s.check(outcome.status, outcome.err); err != nil {
		return err
	}
	for i := range receipts {
		receipts[i].read(receiptAt(answers, i))
	}
	return nil
}

// batchSize is how much room a batch needs, in bytes.
func batchSize(events []Event, receipts []Receipt) uintptr {
	size := unsafe.Sizeof(C.fbat_event{})*uintptr(len(events)) + unsafe.Sizeof(C.fbat_receipt{})*uintptr(len(receipts))
	for i := range events {
		event := &events[i]
		size += uintptr(len(event.Entity) + len(event.Scope) + len(event.Payload))
		for k := range event.Extensions {
			size += unsafe.Sizeof(C.fbat_extension{}) + uintptr(len(event.Extensions[k].Key)+len(event.Extensions[k].Value))
		}
	}
	return size
}

func extensionCount(events []Event) (count int) {
	for i := range events {
		count += len(events[i].Extensions)
	}
	return count
}

// event lays out one event, its extensions at the place given; it answers with the place behind them. to is all zero before.
func (out *outgoing) event(to *C.fbat_event, event *Event, extensions unsafe.Pointer) (unsafe.Pointer, error) {
	to.struct_size = C.sizeof_fbat_event
	out.str(&to.entity, event.Entity)
	out.str(&to.scope, event.Scope)
	to.kind = C.uint16_t(event.Kind)
	to.payload_version = C.uint16_t(event.PayloadVersion)
	out.bytes(&to.payload, &to.payload_len, event.Payload)
	to.key = cID(event.Key)
	to.expect = C.uint32_t(event.Expect.expect)
	to.flags = C.uint32_t(event.Flags)
	to.expected_version = C.uint64_t(event.Expect.version)
	to.correlation = cID(event.Correlation)
	to.causation = cID(event.Causation)
	to.causation_item = C.size_t(event.CausationItem)
	if event.CausationItem < 0 {
		return nil, statusError(ErrInvalidArgument, "the causing item is negative; items count from 1")
	}
	if !event.Timestamp.IsZero() {
		if seconds := event.Timestamp.Unix(); seconds < math.MinInt64/1_000_000 || seconds > math.MaxInt64/1_000_000-1 {
			return nil, statusError(ErrInvalidArgument, "the timestamp is beyond 64 bits of microseconds")
		}
		to.options = C.FBAT_EVENT_HAS_TIMESTAMP
		to.timestamp_us = C.int64_t(event.Timestamp.UnixMicro())
	}
	if len(event.Extensions) > 0 {
		*(*uintptr)(unsafe.Pointer(&to.extensions)) = uintptr(extensions)
		to.extension_count = C.size_t(len(event.Extensions))
		for i := range event.Extensions {
			extension := (*C.fbat_extension)(extensions)
			out.str(&extension.key, event.Extensions[i].Key)
			out.bytes(&extension.value, &extension.value_len, event.Extensions[i].Value)
			extensions = unsafe.Add(extensions, unsafe.Sizeof(C.fbat_extension{}))
		}
	}
	return extensions, nil
}

func receiptAt(first *C.fbat_receipt, i int) *C.fbat_receipt {
	return (*C.fbat_receipt)(unsafe.Add(unsafe.Pointer(first), uintptr(i)*unsafe.Sizeof(C.fbat_receipt{})))
}

func (r *Receipt) read(from *C.fbat_receipt) {
	*r = Receipt{
		ID:           goID(from.id),
		Sequence:     uint64(from.sequence),
		Version:      uint64(from.version),
		Timestamp:    goTime(from.timestamp_us),
		Recorded:     goTime(from.recorded_us),
		ContentHash:  goHash(from.content_hash),
		EventHash:    goHash(from.event_hash),
		PreviousHash: goHash(from.previous_hash),
		Flags:        ReceiptFlags(from.flags),
	}
}
