// Command bench measures what an event costs from Go: "bench DIR COUNT" makes stores below the
// empty directory DIR and prints nanoseconds per event for appending in batches, for a scan, and
// for an import through a filter.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

const batchEvents = 256

var (
	ctx      = context.Background()
	buffered = &fbat.OpenOptions{Durability: fbat.DurabilityOS}
)

// must is what a call answers with; the program ends where it failed.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) != 3 {
		check(errors.New("usage: bench DIR COUNT"))
	}
	count := must(strconv.Atoi(os.Args[2]))
	show := func(job string, took time.Duration) {
		fmt.Printf("%s %.1f\n", job, float64(took.Nanoseconds())/float64(count))
	}
	source := must(fbat.Open(ctx, filepath.Join(os.Args[1], "source"), buffered))
	show("append_batch", appendBatches(source, count))
	show("page_scan", scan(source, count))
	destination := must(fbat.Open(ctx, filepath.Join(os.Args[1], "destination"), buffered))
	show("import_filter", importThroughFilter(destination, source, count))
	check(source.Close())
	check(destination.Close())
}

func appendBatches(store *fbat.Store, count int) time.Duration {
	payloads := make([][]byte, count)
	for i := range payloads {
		payloads[i] = make([]byte, 256)
		for k := range payloads[i] {
			payloads[i][k] = byte(i + k*7 + i>>8)
		}
	}
	entities := make([]string, 100)
	for i := range entities {
		entities[i] = fmt.Sprintf("sensor:%03d", i)
	}
	batch := make([]fbat.Event, 0, batchEvents)
	began := time.Now()
	for i := range count {
		entity := entities[i%100]
		event := fbat.Event{Entity: entity, Scope: "bench", Kind: 0x1001, Payload: payloads[i]}
		if batch = append(batch, event); len(batch) == batchEvents || i+1 == count {
			check(store.AppendBatch(batch, nil))
			batch = batch[:0]
		}
	}
	return time.Since(began)
}

func scan(store *fbat.Store, count int) time.Duration {
	events, payloadBytes, entityBytes := 0, 0, 0
	began := time.Now()
	for record, err := range store.Events(ctx, nil) {
		check(err)
		events++
		payloadBytes += len(record.Payload)
		entityBytes += len(record.Entity)
	}
	took := time.Since(began)
	if events != count || payloadBytes != 256*count || entityBytes != 10*count {
		check(fmt.Errorf("%d events, %d and %d bytes", events, payloadBytes, entityBytes))
	}
	return took
}

func importThroughFilter(destination, source *fbat.Store, count int) time.Duration {
	kinds := 0
	filter := func(record *fbat.Record) (bool, error) {
		if record.Kind.Category() == 1 {
			kinds++
		}
		return true, nil
	}
	options := fbat.ImportOptions{SourceNamespace: "bench", Filter: filter}
	began := time.Now()
	report := must(destination.Import(ctx, source, &options))
	took := time.Since(began)
	if report.Imported != uint64(count) || kinds != count {
		check(fmt.Errorf("%d imported, the filter saw %d", report.Imported, kinds))
	}
	return took
}
