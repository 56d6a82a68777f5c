package fbat_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestEveryMemberOfAnEventComesBack(t *testing.T) {
	store := open(t, "s")
	e := fbat.Event{
		Entity: "Gerät:1", Scope: "Werk", Kind: 0x7abc, PayloadVersion: 9, Flags: 0xdeadbeef,
		Payload:     []byte("in\x00side"),
		Key:         fbat.OperationKey("test", "1"),
		Expect:      fbat.ExpectAbsent,
		Timestamp:   time.Date(1969, 7, 20, 20, 17, 40, 123456789, time.FixedZone("", 3600)),
		Correlation: fbat.ID{1, 2}, Causation: fbat.ID{3, 4},
		Extensions: []fbat.Extension{{Key: "a.b", Value: []byte{0, 255}}, {Key: "a.c"}},
	}
	receipt := must(store.Append(e))(t)
	equal(t, "id", receipt.ID, e.Key)
	equal(t, "sequence", receipt.Sequence, 2)
	equal(t, "version", receipt.Version, 1)
	equal(t, "time", receipt.Timestamp, e.Timestamp.Truncate(time.Microsecond).UTC())
	equal(t, "content hash", receipt.ContentHash, fbat.ContentHash(e.Payload))
	if ago := time.Since(receipt.Recorded); ago < -time.Minute || ago > time.Minute {
		t.Errorf("recorded %v ago", ago)
	}
	all := fbat.ColumnPayload | fbat.ColumnExtensions | fbat.ColumnPreviousHash
	r := must(store.Get(receipt.ID, all))(t)
	equal(t, "entity and scope", r.Entity+" "+r.Scope, "Gerät:1 Werk")
	equal(t, "kind", r.Kind, e.Kind)
	equal(t, "payload version", r.PayloadVersion, 9)
	equal(t, "flags", r.Flags, 0xdeadbeef)
	equal(t, "payload", string(r.Payload), "in\x00side")
	equal(t, "payload size", r.StoredPayloadLen, 7)
	equal(t, "time", r.Timestamp, receipt.Timestamp)
	equal(t, "recorded", r.Recorded, receipt.Recorded)
	equal(t, "correlation", r.Correlation, e.Correlation)
	equal(t, "causation", r.Causation, e.Causation)
	equal(t, "content hash", r.ContentHash, receipt.ContentHash)
	equal(t, "event hash", r.EventHash, receipt.EventHash)
	equal(t, "previous hash", r.PreviousHash, receipt.PreviousHash)
	equal(t, "bits", r.RecordFlags, fbat.RecordHasPreviousHash)
	equal(t, "extensions", len(r.Extensions), 2)
	equal(t, "extension", r.Extensions[0].Key+string(r.Extensions[0].Value), "a.b\x00\xff")
	equal(t, "extension", r.Extensions[1].Key, "a.c")
	equal(t, "value", len(r.Extensions[1].Value), 0)
	bare := must(store.Get(receipt.ID, fbat.ColumnFixed))(t)
	if bare.Payload != nil || bare.Extensions != nil || bare.RecordFlags != 0 ||
		!bare.PreviousHash.IsZero() || bare.StoredPayloadLen != 7 {
		t.Errorf("without columns: %+v", bare)
	}
}

func TestABatchIsAppendedAsAWhole(t *testing.T) {
	store := open(t, "s")
	events := []fbat.Event{event("a", "1"), event("b", "2"), event("a", "3")}
	events[0].Key = fbat.ID{15: 1}
	events[2].CausationItem = 1
	events[2].Expect, events[2].ExpectedVersion = fbat.ExpectVersion, 1
	receipts := make([]fbat.Receipt, 3)
	ok(t, store.AppendBatch(events, receipts))
	for i, r := range receipts {
		equal(t, "sequence", r.Sequence, uint64(i+2))
	}
	equal(t, "version", receipts[2].Version, 2)
	equal(t, "chain", receipts[2].PreviousHash, receipts[0].EventHash)
	equal(t, "cause", must(store.Get(receipts[2].ID, fbat.ColumnFixed))(t).Causation, events[0].Key)
	bad := []fbat.Event{event("a", "4"), event("a/b", "5")}
	err := store.AppendBatch(bad, make([]fbat.Receipt, 2))
	is(t, err, fbat.ErrInvalidCoordinate)
	equal(t, "item", detail(t, err).Item, 1)
	bad[1] = event("a", "5")
	bad[1].Timestamp = time.Unix(math.MaxInt64/1_000_000+1, 0)
	equal(t, "item", detail(t, store.AppendBatch(bad, nil)).Item, 1)
	equal(t, "payloads", strings.Join(payloads(t, store), ""), "123")
	ok(t, store.AppendBatch(nil, nil))
	is(t, store.AppendBatch(events, make([]fbat.Receipt, 2)), fbat.ErrInvalidArgument)
}

func TestAppendingTheSameKeyAgainIsAReplay(t *testing.T) {
	store := must(fbat.Open(ctx, t.TempDir()+"/s", nil))(t)
	defer store.Close()
	e := event("a", "1")
	e.Key = fbat.OperationKey("test")
	first := must(store.Append(e))(t)
	equal(t, "flags", first.Flags, fbat.ReceiptDurable)
	again := must(store.Append(e))(t)
	equal(t, "flags", again.Flags, fbat.ReceiptReplayed|fbat.ReceiptDurable)
	again.Flags = first.Flags
	equal(t, "receipt", again, first)
	e.Payload = []byte("2")
	_, err := store.Append(e)
	is(t, err, fbat.ErrIdempotencyConflict)
	is(t, err, fbat.CategoryConflict)
}

func TestExpectations(t *testing.T) {
	store := open(t, "s")
	try := func(expect fbat.Expect, version uint64) error {
		e := event("a", "")
		e.Expect, e.ExpectedVersion = expect, version
		_, err := store.Append(e)
		return err
	}
	is(t, try(fbat.ExpectPresent, 0), fbat.ErrVersionConflict)
	is(t, try(fbat.ExpectVersion, 1), fbat.ErrVersionConflict)
	ok(t, try(fbat.ExpectAbsent, 0))
	is(t, try(fbat.ExpectAbsent, 0), fbat.ErrVersionConflict)
	ok(t, try(fbat.ExpectPresent, 0))
	err := try(fbat.ExpectVersion, 1)
	equal(t, "actual", detail(t, err).Actual, 2)
	equal(t, "allowed", detail(t, err).Allowed, 1)
	is(t, try(fbat.ExpectAny, 1), fbat.ErrInvalidArgument)
	is(t, try(9, 0), fbat.ErrInvalidArgument)
	ok(t, try(fbat.ExpectVersion, 2))
	ok(t, try(fbat.ExpectAny, 0))
}

func TestEventsThatAreNotAllowedAreRefused(t *testing.T) {
	store := open(t, "s")
	extend := func(key string) func(*fbat.Event) {
		return func(e *fbat.Event) { e.Extensions = []fbat.Extension{{Key: key}} }
	}
	at := func(seconds int64) func(*fbat.Event) {
		return func(e *fbat.Event) { e.Timestamp = time.Unix(seconds, 0) }
	}
	for _, c := range []struct {
		name     string
		spoil    func(*fbat.Event)
		expected error
	}{
		{"empty entity", func(e *fbat.Event) { e.Entity = "" }, fbat.ErrInvalidCoordinate},
		{"UTF-8", func(e *fbat.Event) { e.Scope = "\xff" }, fbat.ErrInvalidUTF8},
		{"kind", func(e *fbat.Event) { e.Kind = 0xd001 }, fbat.ErrReservedKind},
		{"extension", extend("batpak.x"), fbat.ErrReservedExtension},
		{"malformed key", extend("x"), fbat.ErrInvalidArgument},
		{"many", func(e *fbat.Event) {
			e.Extensions = make([]fbat.Extension, 65)
		}, fbat.ErrLimitExceeded},
		{"large", func(e *fbat.Event) { e.Payload = make([]byte, 32<<20+1) },
			fbat.ErrLimitExceeded},
		{"both causes", func(e *fbat.Event) {
			e.Causation, e.CausationItem = fbat.ID{1}, 1
		}, fbat.ErrInvalidArgument},
		{"negative item", func(e *fbat.Event) { e.CausationItem = -1 }, fbat.ErrInvalidArgument},
		{"time", at(math.MaxInt64/1_000_000 + 1), fbat.ErrInvalidArgument},
		{"time", at(math.MinInt64/1_000_000 - 1), fbat.ErrInvalidArgument},
	} {
		e := event("a", "")
		c.spoil(&e)
		_, err := store.Append(e)
		if err == nil {
			t.Errorf("%s is accepted", c.name)
		}
		is(t, err, c.expected)
	}
	equal(t, "events", len(payloads(t, store)), 0)
}

func TestPayloadsOfEverySizeComeBack(t *testing.T) {
	store := open(t, "s")
	sizes := []int{0, 1, 511, 513, 8 << 10, 8<<10 + 1, 32 << 10, 1 << 20, 5 << 20, 32 << 20}
	for _, size := range sizes {
		payload := bytes.Repeat([]byte{byte(size), 1, 2, 3, 5}, size/5+1)[:size]
		receipt := must(store.Append(event("a", string(payload))))(t)
		record := must(store.Get(receipt.ID, fbat.ColumnPayload))(t)
		if !bytes.Equal(record.Payload, payload) {
			t.Errorf("%d bytes come back as %d others", size, len(record.Payload))
		}
	}
}

func TestReceiptsAreNilOrExactlyAsLongAsTheEvents(t *testing.T) {
	store := open(t, "s")
	events := []fbat.Event{event("a", "1"), event("a", "2")}
	for _, length := range []int{0, 1, 3} {
		err := store.AppendBatch(events, make([]fbat.Receipt, length))
		is(t, err, fbat.ErrInvalidArgument)
		contains(t, err.Error(), fmt.Sprint(length, " receipts for 2 events"))
	}
	equal(t, "events", len(payloads(t, store)), 0)
	ok(t, store.AppendBatch(events, nil))
	ok(t, store.AppendBatch(events, make([]fbat.Receipt, 2)))
}
