package fbat_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// collect has the garbage collector free what nothing refers to, twice, so that what its cleanups
// let go of is freed too.
func collect() {
	runtime.GC()
	runtime.GC()
}

func TestAStoreThatIsForgottenIsClosedByTheGarbageCollector(t *testing.T) {
	before := fbat.LiveHandles()
	path := filepath.Join(t.TempDir(), "s")
	func() {
		store := must(fbat.Open(ctx, path, nil))(t)
		fill(t, store, 10)
		must(store.Cursor(ctx, nil))(t)
	}()
	equal(t, "handles", settle(fbat.LiveHandles, before), before)
	// The handle is dead at once; the store is closed a moment later.
	for range 1000 {
		time.Sleep(10 * time.Millisecond)
		store, err := fbat.Open(ctx, path, nil)
		if !errors.Is(err, fbat.ErrBusy) {
			ok(t, err)
			ok(t, store.Close())
			break
		}
	}
	store := openAt(t, path)
	equal(t, "closed in order", store.OpenReport().Flags, fbat.OpenReportFlags(0))
	equal(t, "events", len(payloads(t, store)), 10)
}

func TestAStoreLivesAsLongAsItsCursorAndIteration(t *testing.T) {
	before := fbat.LiveHandles()
	defer func() { equal(t, "handles at the end", settle(fbat.LiveHandles, before), before) }()
	path := filepath.Join(t.TempDir(), "s")
	cursor := func() *fbat.Cursor {
		store := must(fbat.Open(ctx, path, nil))(t)
		fill(t, store, 30)
		return must(store.Cursor(ctx, &fbat.Query{PageRows: 10}))(t)
	}()
	count := 0
	for {
		collect()
		page := must(cursor.Next())(t)
		if page == nil {
			break
		}
		count += len(page.Records)
	}
	equal(t, "events", count, 30)
	cursor.Close()
	reading := must(fbat.Open(ctx, path, &fbat.OpenOptions{Mode: fbat.OpenReadOnly}))(t)
	iterate := reading.Events(ctx, &fbat.Query{PageRows: 1})
	reading = nil
	for _, err := range iterate {
		ok(t, err)
		collect()
		count++
	}
	equal(t, "events", count, 60)
}

func TestNothingMovesOrVanishesWhileTheGarbageCollectorIsBusy(t *testing.T) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	source, store := open(t, "source"), open(t, "s")
	together(t, 4, func(me int) error {
		for i := range 50 {
			events := make([]fbat.Event, 20)
			for k := range events {
				text := fmt.Sprint(me, "/", i, "/", k)
				events[k] = event(fmt.Sprintf("worker:%d", me), text)
				events[k].Extensions = []fbat.Extension{{Key: "a.b", Value: []byte(text)}}
			}
			receipts := make([]fbat.Receipt, len(events))
			if err := source.AppendBatch(events, receipts); err != nil {
				return err
			}
			record, err := source.Get(receipts[i%20].ID, 0)
			if err != nil {
				return err
			}
			expected := fmt.Sprint(me, "/", i, "/", i%20)
			value := record.Extensions[0].Value
			if string(record.Payload) != expected || string(value) != expected {
				return fmt.Errorf("%q and %q, not %q", record.Payload, value, expected)
			}
		}
		return nil
	})
	filter := func(record *fbat.Record) (bool, error) {
		if string(record.Payload) != string(record.Extensions[0].Value) {
			return false, fmt.Errorf("%q is not %q", record.Payload, record.Extensions[0].Value)
		}
		growStack(int(record.Sequence % 64))
		return true, nil
	}
	report := must(store.Import(t.Context(), source, &fbat.ImportOptions{SourceNamespace: "n",
		Filter: filter, FilterColumns: fbat.ColumnPayload | fbat.ColumnExtensions}))(t)
	equal(t, "imported", report.Imported, 4000)
}
