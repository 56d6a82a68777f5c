package fbat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestABatchOwnsWhatItIsGiven(t *testing.T) {
	store := open(t, "s")
	var batch fbat.Batch
	for round := range 2 {
		buffer := make([]byte, 0, 100)
		for i := range 2000 {
			buffer = fmt.Appendf(buffer[:0], "%d %d", round, i)
			batch.Add(fbat.Event{Entity: "e", Scope: "s", Kind: 0x1001, Payload: buffer,
				Extensions: []fbat.Extension{{Key: "a.b", Value: buffer}}})
		}
		large := bytes.Repeat([]byte{7}, 1<<20)
		batch.Add(fbat.Event{Entity: "e", Scope: "s", Kind: 0x1001, Payload: large})
		clear(large)
		equal(t, "events", batch.Len(), 2001)
		ok(t, store.AppendBatch(batch.Events(), nil))
		batch.Reset()
		equal(t, "events", batch.Len(), 0)
	}
	at := 0
	for record, err := range store.Events(ctx, nil) {
		ok(t, err)
		expected := fmt.Sprintf("%d %d", at/2001, at%2001)
		if at%2001 == 2000 {
			expected = string(bytes.Repeat([]byte{7}, 1<<20))
		} else {
			equal(t, "value", string(record.Extensions[0].Value), expected)
		}
		if string(record.Payload) != expected {
			t.Fatalf("event %d has %.20q, not %.20q", at, record.Payload, expected)
		}
		at++
	}
	equal(t, "events", at, 4002)
}

func TestNoCallKeepsASliceOfItsCaller(t *testing.T) {
	store := open(t, "s")
	payload, key := []byte("payload"), fbat.OperationKey("test", "1")
	event := fbat.Event{Entity: "e", Scope: "s", Kind: 0x1001, Payload: payload, Key: key}
	must(store.Append(event))(t)
	clear(payload)
	record := must(store.Get(key, 0))(t)
	equal(t, "payload", string(record.Payload), "payload")
	provenance := fbat.Provenance{SchemaVersion: 1, SourceNamespace: "n"}
	frame := must(provenance.Encode())(t)
	decoded := must(fbat.DecodeProvenance(frame, 0))(t)
	clear(frame)
	equal(t, "namespace", decoded.SourceNamespace, "n")
}

func TestWithoutANamespaceTheSourceIsKnownByItsOwn(t *testing.T) {
	source, hub := open(t, "source"), open(t, "hub")
	fill(t, source, 3)
	for _, options := range []*fbat.ImportOptions{nil, {}, {ChunkSize: 2}} {
		report := must(hub.Import(ctx, source, options))(t)
		equal(t, "events", report.Imported+report.Deduplicated, 3)
		if options != nil {
			equal(t, "the options", options.SourceNamespace, "")
		}
	}
	for record, err := range hub.Events(ctx, nil) {
		ok(t, err)
		equal(t, "namespace", record.SourceNamespace, source.Namespace())
		equal(t, "imported", record.Imported(), true)
	}
	_, err := hub.Import(ctx, nil, nil)
	is(t, err, fbat.CategoryInvalid)
}

func TestBitsHaveNames(t *testing.T) {
	store := open(t, "s")
	equal(t, "created", store.OpenReport().Created(), true)
	equal(t, "unclean", store.OpenReport().Unclean(), false)
	event := fbat.Event{Entity: "e", Scope: "s", Kind: 7*fbat.KindCategory + 9}
	event.Key = fbat.OperationKey("test", "1")
	for _, replayed := range []bool{false, true} {
		receipt := must(store.Append(event))(t)
		equal(t, "replayed", receipt.Replayed(), replayed)
		equal(t, "imported", receipt.Imported(), false)
	}
	record := must(store.Get(event.Key, fbat.ColumnPreviousHash))(t)
	equal(t, "hash", record.HasPreviousHash(), true)
	equal(t, "imported", record.Imported() || record.HasUnreadableProvenance(), false)
	equal(t, "kind", record.Kind, 0x7009)
}

func TestTheModuleHasTheLicences(t *testing.T) {
	for _, name := range []string{"LICENSE-MIT", "LICENSE-APACHE"} {
		own := must(os.ReadFile(name))(t)
		equal(t, name, string(own), string(must(os.ReadFile("../../"+name))(t)))
	}
}

// What takes options takes a context, also where the library has no token for it.
func TestAContextThatIsDoneRefusesEveryCallThatTakesOne(t *testing.T) {
	store := open(t, "s")
	done, cancel := context.WithCancelCause(ctx)
	why := errors.New("enough")
	cancel(why)
	_, err := store.Query(done, nil)
	is(t, err, fbat.ErrCancelled)
	is(t, err, context.Canceled)
	is(t, err, why)
}
