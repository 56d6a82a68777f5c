package fbat_test

import (
	"fmt"
	"path/filepath"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func perEvent(b *testing.B, events int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}

func batchOf(count int) []fbat.Event {
	events := make([]fbat.Event, count)
	for i := range events {
		entity := fmt.Sprintf("sensor:%03d", i%100)
		events[i] = fbat.Event{
			Entity: entity, Scope: "bench", Kind: kind, Payload: make([]byte, 256),
		}
	}
	return events
}

func BenchmarkAppendBatch(b *testing.B) {
	store, events := open(b, "s"), batchOf(256)
	receipts := make([]fbat.Receipt, len(events))
	both := map[string][]fbat.Receipt{"with receipts": receipts, "without": nil}
	for name, answers := range both {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ok(b, store.AppendBatch(events, answers))
			}
			perEvent(b, len(events))
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	store, events := open(b, "s"), batchOf(100)
	b.ReportAllocs()
	for b.Loop() {
		_, err := store.Append(events[0])
		ok(b, err)
	}
}

func filledForBench(b *testing.B, count int) *fbat.Store {
	store, events := open(b, "source"), batchOf(1000)
	for range count / len(events) {
		ok(b, store.AppendBatch(events, nil))
	}
	return store
}

func BenchmarkAppendMebibyte(b *testing.B) { // of which the copy into C memory is a part
	store := open(b, "s")
	event := fbat.Event{Entity: "e", Scope: "s", Kind: kind, Payload: make([]byte, 1<<20)}
	b.ReportAllocs()
	for b.Loop() {
		_, err := store.Append(event)
		ok(b, err)
	}
}

func BenchmarkGet(b *testing.B) {
	defer fbat.SetMappedReads(true)
	for name, mapped := range map[string]bool{"mapped": true, "by system calls": false} {
		b.Run(name, func(b *testing.B) {
			fbat.SetMappedReads(mapped)
			store := open(b, "s", fbat.OpenOptions{SegmentBytes: 1 << 20})
			var ids []fbat.ID
			for range 200 {
				receipts := make([]fbat.Receipt, 100)
				ok(b, store.AppendBatch(batchOf(len(receipts)), receipts))
				for _, receipt := range receipts {
					ids = append(ids, receipt.ID)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, err := store.Get(ids[i*7919%len(ids)], fbat.ColumnPayload)
				ok(b, err)
			}
		})
	}
}

func BenchmarkEvents(b *testing.B) {
	const count = 50000
	store := filledForBench(b, count)
	b.ReportAllocs()
	for b.Loop() {
		bytes := 0
		for record, err := range store.Events(ctx, nil) {
			ok(b, err)
			bytes += len(record.Payload) + len(record.Entity)
		}
		equal(b, "bytes", bytes, count*(256+10))
	}
	perEvent(b, count)
}

func BenchmarkQuery(b *testing.B) {
	store := filledForBench(b, 10000)
	b.ReportAllocs()
	for b.Loop() {
		page := must(store.Query(ctx, nil))(b)
		equal(b, "rows", len(page.Records), 1000)
	}
	perEvent(b, 1000)
}

func BenchmarkImport(b *testing.B) {
	const count = 20000
	source := filledForBench(b, count)
	all := func(record *fbat.Record) (bool, error) { return record.Kind.Category() == 1, nil }
	jobs := map[string]fbat.ImportOptions{"with a filter": {Filter: all}, "without": {}}
	for name, options := range jobs {
		options.SourceNamespace = "n"
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			directory, i := b.TempDir(), 0
			for b.Loop() {
				b.StopTimer()
				i++
				buffered := fbat.OpenOptions{Durability: fbat.DurabilityOS}
				store := must(fbat.Open(ctx, filepath.Join(directory, fmt.Sprint(i)), &buffered))(b)
				b.StartTimer()
				must(store.Import(b.Context(), source, &options))(b)
				b.StopTimer()
				ok(b, store.Close())
				b.StartTimer()
			}
			perEvent(b, count)
		})
	}
}

func BenchmarkOperationKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		fbat.OperationKey("usgs.quake", "ci", "12345")
	}
}

func BenchmarkStatusCategory(b *testing.B) { // what a call costs
	b.ReportAllocs()
	for b.Loop() {
		_ = fbat.ErrNotFound.Category()
	}
}
