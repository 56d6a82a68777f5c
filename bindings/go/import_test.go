package fbat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestOptionsOfAnImportThatAreOutOfRangeAreRefusedByName(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	for name, options := range map[string]fbat.ImportOptions{
		"durability": {Durability: 9}, "on_conflict": {OnConflict: 9}, "flags": {Flags: 0x80},
		"columns": {FilterColumns: 0x80},
		"version": {Region: fbat.Region{VersionFirst: 2, VersionLast: 1}},
	} {
		options.SourceNamespace = "n"
		_, err := store.Import(ctx, source, &options)
		is(t, err, fbat.ErrInvalidArgument)
		contains(t, err.Error(), name)
	}
	_, err := store.Import(ctx, source, named("\xff"))
	is(t, err, fbat.ErrInvalidUTF8)
}

func TestAnImportBringsEachEventOnce(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 1000)
	var chunks []uint64
	progress := func(report fbat.ImportReport) error {
		chunks = append(chunks, report.Imported)
		return nil
	}
	options := fbat.ImportOptions{SourceNamespace: "n", ChunkSize: 400, Progress: progress}
	report := must(store.Import(t.Context(), source, &options))(t)
	equal(t, "report", report, fbat.ImportReport{Imported: 1000, SkippedReserved: 1,
		SourceHighWatermark: 1001, ResumeAfter: 1001, SourceCeiling: 1001,
		DestinationVisible: 1003, DestinationDurable: 1003, SourcePosition: 1001})
	equal(t, "chunks", fmt.Sprint(chunks), "[400 800 1000]")
	rehash := fbat.ImportOptions{SourceNamespace: "n", Flags: fbat.ImportRehash}
	report = must(store.Import(ctx, source, &rehash))(t)
	equal(t, "deduplicated", report.Deduplicated, 1000)
	fill(t, source, 5)
	later := fbat.ImportOptions{SourceNamespace: "n", After: report.SourceHighWatermark}
	report = must(store.Import(ctx, source, &later))(t)
	equal(t, "imported", report.Imported, 5)
	equal(t, "events", len(payloads(t, store)), 1005)
}

func TestAFilterSeesTheRecordAndDecides(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 1000)
	kept, copied := []string{}, []fbat.Record{}
	filter := func(record *fbat.Record) (bool, error) {
		if record.Entity != "thing:3" {
			return false, nil
		}
		kept, copied = append(kept, string(record.Payload)), append(copied, *record)
		return true, nil
	}
	report := must(store.Import(ctx, source, &fbat.ImportOptions{SourceNamespace: "n",
		Filter: filter, FilterColumns: fbat.ColumnPayload}))(t)
	counts := fmt.Sprint(report.Imported, report.SkippedFiltered)
	equal(t, "imported and filtered", counts, "100 900")
	equal(t, "payloads", strings.Join(kept, ","), strings.Join(payloads(t, store), ","))
	collect()
	for i, record := range copied {
		equal(t, "a copy that was kept", record.Entity+string(record.Payload), "thing:3"+kept[i])
	}
}

func TestAFilterMayUseTheStoresButNotCloseThem(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 10)
	filter := func(record *fbat.Record) (bool, error) {
		_, err := store.Append(event("seen", record.ID.String()))
		is(t, store.Close(), fbat.ErrBusy)
		is(t, source.Close(), fbat.ErrBusy)
		again, getErr := source.Get(record.ID, fbat.ColumnFixed)
		if getErr == nil {
			equal(t, "entity", again.Entity, record.Entity)
		}
		return true, errors.Join(err, getErr)
	}
	report := must(store.Import(ctx, source, filtered(filter)))(t)
	equal(t, "imported", report.Imported, 10)
	equal(t, "events", len(payloads(t, store)), 20)
}

func filtered(filter func(*fbat.Record) (bool, error)) *fbat.ImportOptions {
	return &fbat.ImportOptions{SourceNamespace: "n", Filter: filter}
}

type ownError struct{ number int }

func (*ownError) Error() string { return "own" }

func TestTheErrorOfACallbackIsReturnedAsTheSameValueWithTheReport(t *testing.T) {
	source := open(t, "source")
	fill(t, source, 1000)
	mine := &ownError{7}
	seen := 0
	for name, options := range map[string]fbat.ImportOptions{
		"filter": {Filter: func(*fbat.Record) (bool, error) {
			if seen++; seen == 700 {
				return true, mine
			}
			return true, nil
		}},
		"progress": {Progress: func(report fbat.ImportReport) error {
			if report.Imported >= 600 {
				return mine
			}
			return nil
		}},
	} {
		store := open(t, name)
		options.SourceNamespace, options.ChunkSize, options.Flags = "n", 200, fbat.ImportOneThread
		report, err := store.Import(t.Context(), source, &options)
		equal(t, name, err, error(mine))
		equal(t, name+", imported", report.Imported, 600)
		equal(t, name+", visible", report.DestinationVisible, 603)
		equal(t, name+", the rest", must(store.Import(ctx, source, named("n")))(t).Imported, 400)
	}
}

func TestAPanicOfACallbackGoesOnInTheImportingGoroutineWithItsValue(t *testing.T) {
	source := open(t, "source")
	fill(t, source, 300)
	mine := &ownError{8}
	for name, options := range map[string]fbat.ImportOptions{
		"filter":   {Filter: func(*fbat.Record) (bool, error) { panic(mine) }},
		"progress": {Progress: func(fbat.ImportReport) error { panic(mine) }},
	} {
		options.SourceNamespace = "n"
		store, before := open(t, name), fbat.LiveHandles()
		func() {
			defer func() { equal(t, name, recover(), any(mine)) }()
			_, err := store.Import(t.Context(), source, &options)
			t.Errorf("the import returned: %v", err)
		}()
		equal(t, "handles", fbat.LiveHandles(), before)
		is(t, store.Close(), nil) // would be busy if the library still thought itself in a callback
	}
	func() {
		defer func() {
			if _, ok := recover().(runtime.Error); !ok {
				t.Error("panic(nil) is no runtime error any more")
			}
		}()
		store := open(t, "nil")
		_, _ = store.Import(ctx, source, filtered(func(*fbat.Record) (bool, error) { panic(nil) }))
	}()
}

func TestARuntimeErrorInAFilterUnwindsToTheCaller(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 3)
	defer func() { contains(t, fmt.Sprint(recover()), "nil pointer") }()
	var none *fbat.Record
	filter := func(*fbat.Record) (bool, error) { return none.Kind == 1, nil }
	_, err := store.Import(ctx, source, filtered(filter))
	t.Error("the import returned", err)
}

func TestGoexitInACallbackEndsTheProgramAndSaysSo(t *testing.T) {
	err := runRole(t, "goexit in a filter", t.TempDir())
	if err == nil {
		t.Fatal("the program goes on")
	}
	contains(t, err.Error(), "fbat: a callback must return, but ended with: runtime.Goexit")
}

func init() {
	roles["goexit in a filter"] = func() {
		directory := os.Getenv("FBAT_TEST_ARGUMENT")
		source, _ := fbat.Open(ctx, filepath.Join(directory, "source"), nil)
		store, _ := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
		_, _ = source.Append(event("a", "b"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			_, _ = store.Import(ctx, source, filtered(func(*fbat.Record) (bool, error) {
				runtime.Goexit()
				return true, nil
			}))
		}()
		<-done
	}
}

func TestAnImportEndsWhenItsContextIsCancelled(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 5000)
	ctx, cancel := context.WithCancelCause(t.Context())
	started := make(chan struct{})
	why := errors.New("enough")
	go func() {
		<-started
		cancel(why)
	}()
	seen := 0
	filter := func(*fbat.Record) (bool, error) {
		if seen++; seen == 1000 {
			close(started)
		}
		if seen > 1000 {
			time.Sleep(100 * time.Microsecond)
		}
		return true, nil
	}
	options := fbat.ImportOptions{SourceNamespace: "n", Filter: filter, ChunkSize: 100}
	report, err := store.Import(ctx, source, &options)
	is(t, err, fbat.ErrCancelled)
	is(t, err, fbat.CategoryCancelled)
	is(t, err, context.Canceled)
	is(t, err, why)
	if report.Imported == 0 || report.Imported == 5000 {
		t.Errorf("%d were imported", report.Imported)
	}
	rest := must(store.Import(t.Context(), source, named("n")))(t)
	equal(t, "the rest", rest.Imported, 5000-report.Imported)
}

func TestAnImportWhoseContextIsDoneBringsNothing(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 10)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	report, err := store.Import(ctx, source, named("n"))
	is(t, err, context.DeadlineExceeded)
	is(t, err, fbat.ErrCancelled)
	equal(t, "imported", report.Imported, 0)
}

func TestTheErrorOfAnImportThatItsContextEndedSaysWhy(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 10)
	late, stop := context.WithTimeout(t.Context(), -time.Second)
	defer stop()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	caused, cancelWith := context.WithCancelCause(t.Context())
	cancelWith(errors.New("the user went home"))
	for why, ctx := range map[string]context.Context{
		"context deadline exceeded": late, "context canceled": cancelled,
		"the user went home": caused,
	} {
		_, err := store.Import(ctx, source, named("n"))
		equal(t, why, err.Error(), "fbat: the call was cancelled: "+why+" (FBAT_ERR_CANCELLED)")
		contains(t, detail(t, err).Message, why)
		is(t, err, fbat.ErrCancelled)
		is(t, err, ctx.Err())
		is(t, err, context.Cause(ctx))
	}
}

func TestANilSourceIsRefusedAndANilContextPanics(t *testing.T) {
	store, before := open(t, "s"), fbat.LiveHandles()
	report, err := store.Import(ctx, nil, named("n"))
	is(t, err, fbat.CategoryInvalid)
	equal(t, "report", report, fbat.ImportReport{})
	func() {
		defer func() { contains(t, fmt.Sprint(recover()), "nil pointer") }()
		var none context.Context
		_, err := store.Import(none, store, named("n"))
		t.Error("the import returned", err)
	}()
	equal(t, "handles", fbat.LiveHandles(), before)
}

// watched is a context that counts who watches it.
type watched struct {
	context.Context
	watches int
}

// Value hides that this is one of the standard library's contexts, of which package context watches
// the insides.
func (*watched) Value(any) any { return nil }

func (w *watched) AfterFunc(call func()) func() bool {
	w.watches++
	stop := context.AfterFunc(w.Context, call)
	return func() bool {
		w.watches--
		return stop()
	}
}

func TestNoWatchIsLeftOnTheContext(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &watched{Context: ctx}
	seen := 0
	filter := func(*fbat.Record) (bool, error) {
		seen = w.watches
		return true, nil
	}
	must(store.Import(w, source, filtered(filter)))(t)
	equal(t, "watches during the import", seen, 1)
	equal(t, "watches after it", w.watches, 0)
	func() {
		defer func() { _ = recover() }()
		_, _ = store.Import(w, source, filtered(func(*fbat.Record) (bool, error) { panic("mine") }))
	}()
	equal(t, "watches after a panic", w.watches, 0)
}

func TestAStoreThatIsClosedDuringAnImportEndsIt(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 3000)
	var closing atomic.Bool
	closed := make(chan error)
	filter := func(*fbat.Record) (bool, error) {
		if closing.CompareAndSwap(false, true) {
			go func() { closed <- source.Close() }()
		}
		time.Sleep(10 * time.Microsecond)
		return true, nil
	}
	options := fbat.ImportOptions{SourceNamespace: "n", Filter: filter, ChunkSize: 50}
	_, err := store.Import(t.Context(), source, &options)
	is(t, err, fbat.ErrClosed)
	ok(t, <-closed)
}

func TestConflictsFailOrAreSkipped(t *testing.T) {
	one, other, store := open(t, "one"), open(t, "other"), open(t, "s")
	for i, source := range []*fbat.Store{one, other} {
		e := event("a", fmt.Sprint(i))
		e.Key = fbat.ID{15: 1}
		must(source.Append(e))(t)
		fill(t, source, 3)
	}
	must(store.Import(ctx, one, named("n")))(t)
	both := named("n")
	both.Flags = fbat.ImportAllowOtherStore
	_, err := store.Import(ctx, other, both)
	is(t, err, fbat.ErrImportConflict)
	report := must(store.Import(ctx, other, &fbat.ImportOptions{SourceNamespace: "n",
		Flags:      fbat.ImportAllowOtherStore,
		OnConflict: fbat.OnConflictSkip, Durability: fbat.ImportDurabilityChunk}))(t)
	equal(t, "conflicts", report.Conflicts, 1)
	equal(t, "imported", report.Imported, 3)
}

func TestImportIntoItselfUnderItsOwnNamespaceAddsNothingTwice(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 5)
	itself := named("self")
	itself.Flags = fbat.ImportAllowSelf
	equal(t, "imported", must(store.Import(ctx, store, itself))(t).Imported, 5)
	report := must(store.Import(ctx, store, itself))(t)
	again := fmt.Sprint(report.Imported, report.Deduplicated, report.SkippedReimported)
	equal(t, "again", again, "0 5 5")
}

func TestImportsOfOneNameGoOnFromEachOther(t *testing.T) {
	source, hub := open(t, "source"), open(t, "hub")
	fill(t, source, 5)
	options := named("n")
	options.Name = "nightly"
	first := must(hub.Import(ctx, source, options))(t)
	equal(t, "state", first.SourceState, fbat.SourceStateUnknown)
	fill(t, source, 2)
	second := must(hub.Import(ctx, source, options))(t)
	equal(t, "imported", second.Imported, 2)
	equal(t, "began", second.StartedAfter, first.SourceCeiling)
	equal(t, "state", second.SourceState, fbat.SourceStateGoesOn)
	options.Flags = fbat.ImportNoResume
	equal(t, "again", must(hub.Import(ctx, source, options))(t).Deduplicated, 7)
	entity := "other"
	options.Flags, options.Region.Entity = 0, &entity
	other := must(hub.Import(ctx, source, options))(t)
	equal(t, "flags", other.Flags, fbat.ImportReportSelectorChanged)
}

func TestStoresThatFeedEachOtherByOriginHaveEveryEventOnce(t *testing.T) {
	stores := []*fbat.Store{open(t, "one"), open(t, "two"), open(t, "hub")}
	fill(t, stores[0], 20)
	fill(t, stores[1], 30)
	options := fbat.ImportOptions{Identity: fbat.ImportIdentityOrigin}
	var last uint64
	for range 2 {
		last = 0
		for _, from := range stores {
			for _, to := range stores {
				last += must(to.Import(ctx, from, &options))(t).Imported
			}
		}
	}
	equal(t, "imported in the last round", last, uint64(0))
	for _, store := range stores {
		equal(t, "events", len(payloads(t, store)), 50)
	}
	_, err := stores[2].Import(ctx, stores[0], named("device"))
	is(t, err, fbat.ErrInvalidArgument)
}
