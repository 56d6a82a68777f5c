// Command bench measures what an event costs from Go: "bench DIR COUNT" makes stores below the empty directory DIR and prints
// nanoseconds per event for appending in batches, for a scan, and for an import through a filter.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	fbat "github.com/fbat/fbat/bindings/go"
)

const batchEvents = 256

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: bench DIR COUNT")
		os.Exit(2)
	}
	count, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = run(os.Args[1], count)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(directory string, count int) error {
	source, err := fbat.Open(filepath.Join(directory, "source"), fbat.WithDurability(fbat.DurabilityOS))
	if err != nil {
		return err
	}
	defer source.Close()
	for _, job := range []struct {
		name string
		run  func(*fbat.Store, int) (time.Duration, error)
	}{{"append_batch", appendBatches}, {"page_scan", scan}, {"import_filter", func(s *fbat.Store, n int) (time.Duration, error) {
		return importThroughFilter(s, n, filepath.Join(directory, "destination"))
	}}} {
		took, err := job.run(source, count)
		if err != nil {
			return fmt.Errorf("%s: %w", job.name, err)
		}
		fmt.Printf("%s %.1f\n", job.name, float64(took.Nanoseconds())/float64(count))
	}
	return source.Close()
}

func appendBatches(store *fbat.Store, count int) (time.Duration, error) {
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
	kind, err := fbat.NewKind(1, 1)
	if err != nil {
		return 0, err
	}
	batch := make([]fbat.Event, 0, batchEvents)
	began := time.Now()
	for i := range count {
		batch = append(batch, fbat.Event{Entity: entities[i%100], Scope: "bench", Kind: kind, Payload: payloads[i]})
		if len(batch) == batchEvents || i+1 == count {
			if err := store.AppendBatch(batch, nil); err != nil {
				return 0, err
			}
			batch = batch[:0]
		}
	}
	return time.Since(began), nil
}

func scan(store *fbat.Store, count int) (time.Duration, error) {
	events, payloadBytes, entityBytes := 0, 0, 0
	began := time.Now()
	for record, err := range store.Events() {
		if err != nil {
			return 0, err
		}
		events++
		payloadBytes += len(record.Payload)
		entityBytes += len(record.Entity)
	}
	took := time.Since(began)
	if events != count || payloadBytes != 256*count || entityBytes != 10*count {
		return 0, fmt.Errorf("%d events, %d and %d bytes", events, payloadBytes, entityBytes)
	}
	return took, nil
}

func importThroughFilter(source *fbat.Store, count int, directory string) (time.Duration, error) {
	destination, err := fbat.Open(directory, fbat.WithDurability(fbat.DurabilityOS))
	if err != nil {
		return 0, err
	}
	defer destination.Close()
	kinds := 0
	filter := func(record *fbat.Record) (bool, error) {
		if record.Kind.Category() == 1 {
			kinds++
		}
		return true, nil
	}
	began := time.Now()
	report, err := destination.Import(context.Background(), source, "bench", fbat.WithFilter(filter))
	took := time.Since(began)
	if err == nil && (report.Imported != uint64(count) || kinds != count) {
		err = fmt.Errorf("%d imported, the filter saw %d", report.Imported, kinds)
	}
	if err != nil {
		return 0, err
	}
	return took, destination.Close()
}
