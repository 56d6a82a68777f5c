package fbat_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// together runs so many goroutines and waits for all.
func together(t testing.TB, count int, run func(int) error) {
	t.Helper()
	errs := make([]error, count)
	var group sync.WaitGroup
	for i := range count {
		group.Add(1)
		go func() {
			defer group.Done()
			errs[i] = run(i)
		}()
	}
	group.Wait()
	ok(t, errors.Join(errs...))
}

func TestEightGoroutinesAppendAndReadOneStore(t *testing.T) {
	store := open(t, "s")
	const each = 200
	together(t, 8, func(me int) error {
		entity := fmt.Sprintf("worker:%d", me)
		query := fbat.Query{Region: fbat.Region{Entity: fbat.Entity(entity)}, PageRows: 10}
		for i := range each {
			receipt, err := store.Append(event(entity, fmt.Sprint(i)))
			if err != nil {
				return err
			}
			record, err := store.Get(receipt.ID, fbat.ColumnPayload)
			if err != nil {
				return err
			}
			if string(record.Payload) != fmt.Sprint(i) || record.Version != uint64(i+1) {
				return fmt.Errorf("%s: %q is version %d", entity, record.Payload, record.Version)
			}
			if i%50 == 0 {
				count := 0
				for _, err := range store.Events(ctx, &query) {
					if err != nil {
						return err
					}
					count++
				}
				if count != i+1 {
					return fmt.Errorf("%s: %d events, not %d", entity, count, i+1)
				}
			}
		}
		return nil
	})
	equal(t, "events", len(payloads(t, store)), 8*each)
	report, _ := verify(t, store)
	equal(t, "findings", report.Findings, 0)
}

func TestImportsOfSeveralGoroutinesIntoOneStoreBringEachEventOnce(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 2000)
	var lock sync.Mutex
	var imported uint64
	together(t, 4, func(int) error {
		report, err := store.Import(t.Context(), source, &fbat.ImportOptions{SourceNamespace: "n",
			ChunkSize: 50, Filter: func(*fbat.Record) (bool, error) { return true, nil }})
		lock.Lock()
		defer lock.Unlock()
		imported += report.Imported - report.Overtaken
		return err
	})
	equal(t, "imported", imported, 2000)
	equal(t, "events", len(payloads(t, store)), 2000)
}

func TestAStoreMayBeClosedWhileOthersUseIt(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 100)
	started := make(chan struct{})
	var once sync.Once
	together(t, 8, func(me int) error {
		if me == 0 {
			<-started
			return store.Close()
		}
		for {
			var err error
			switch me % 3 {
			case 0:
				_, err = store.Append(event("a", ""))
			case 1:
				_, err = store.Query(ctx, nil)
			default:
				for _, err = range store.Events(ctx, nil) {
					if err != nil {
						break
					}
				}
			}
			once.Do(func() { close(started) })
			if errors.Is(err, fbat.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

func TestAllMayCloseAStoreAtOnce(t *testing.T) {
	before := fbat.LiveHandles()
	for range 10 {
		store := open(t, "s")
		together(t, 8, func(int) error {
			_, err := store.Append(event("a", ""))
			if errors.Is(err, fbat.ErrClosed) {
				err = nil
			}
			return errors.Join(err, store.Close())
		})
		equal(t, "handles", fbat.LiveHandles(), before)
	}
}

func TestACursorMayBeClosedWhileOthersReadIt(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 2000)
	for range 20 {
		cursor := must(store.Cursor(ctx, &fbat.Query{PageRows: 5}))(t)
		together(t, 4, func(me int) error {
			for range 20 {
				if _, err := cursor.Next(); err != nil {
					if !errors.Is(err, fbat.ErrClosed) {
						return err
					}
					return nil
				}
			}
			cursor.Close()
			return nil
		})
		cursor.Close()
	}
}

func TestGoroutinesMayShareACursor(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 1000)
	cursor := must(store.Cursor(ctx, &fbat.Query{PageRows: 7}))(t)
	defer cursor.Close()
	var lock sync.Mutex
	seen := map[uint64]int{}
	together(t, 4, func(int) error {
		for {
			page, err := cursor.Next()
			if err != nil || page == nil {
				return err
			}
			lock.Lock()
			for _, record := range page.Records {
				seen[record.Sequence]++
			}
			lock.Unlock()
		}
	})
	equal(t, "events", len(seen), 1000)
	for sequence, times := range seen {
		equal(t, fmt.Sprint("sequence ", sequence), times, 1)
	}
}
