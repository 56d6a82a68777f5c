package fbat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	fbat "github.com/fbat/fbat/bindings/go"
)

func TestOptionsOfAnImportComeToWhatTheySay(t *testing.T) {
	defaults := must(fbat.DescribeImport("n"))(t)
	equal(t, "namespace", defaults.Namespace, "n")
	equal(t, "chunk", defaults.ChunkSize, 256)
	equal(t, "region", defaults.Region, fbat.Region{VersionLast: math.MaxUint64})
	equal(t, "columns", defaults.FilterColumns, fbat.ColumnExtensions)
	equal(t, "callbacks", defaults.Filter == nil && defaults.Progress == nil, true)
	mine := errors.New("mine")
	s := must(fbat.DescribeImport("n", fbat.WithEntity("e"), fbat.WithScope("s"), fbat.WithKind(0x1002), fbat.WithVersions(3, 4),
		fbat.WithAfter(5), fbat.WithChunkSize(6), fbat.WithImportDurability(fbat.ImportDurabilityChunk),
		fbat.WithOnConflict(fbat.OnConflictSkip), fbat.WithImportFlags(fbat.ImportRehash|fbat.ImportOneThread),
		fbat.WithFilterColumns(fbat.ColumnPayload), fbat.WithFilter(func(*fbat.Record) (bool, error) { return false, mine }),
		fbat.WithProgress(func(fbat.ImportReport) error { return mine })))(t)
	equal(t, "region", s.Region, fbat.Region{Entity: "e", Scope: "s", KindMatch: fbat.KindMatchExact, Kind: 0x1002,
		VersionFirst: 3, VersionLast: 4, After: 5})
	equal(t, "rest", fmt.Sprint(s.ChunkSize, s.Durability, s.OnConflict, s.Flags, s.FilterColumns), "6 1 1 3 1")
	_, err := s.Filter(nil)
	equal(t, "filter", err, mine)
	equal(t, "progress", s.Progress(fbat.ImportReport{}), mine)
	category := must(fbat.DescribeImport("n", fbat.WithCategory(2)))(t)
	equal(t, "category", category.KindMatch, fbat.KindMatchCategory)
	equal(t, "any", must(fbat.DescribeImport("n", fbat.WithCategory(2), fbat.WithAnyKind()))(t).KindMatch, fbat.KindMatchAny)
}

func TestOptionsOfAnImportThatAreOutOfRangeAreRefusedByName(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	for name, option := range map[string]fbat.ImportOption{
		"import durability": fbat.WithImportDurability(9), "conflict choice": fbat.WithOnConflict(9),
		"import flags": fbat.WithImportFlags(0x80), "filter columns": fbat.WithFilterColumns(0x80), "versions": fbat.WithVersions(2, 1),
	} {
		_, err := store.Import(t.Context(), source, "n", option)
		is(t, err, fbat.ErrInvalidArgument)
		contains(t, err.Error(), name)
	}
	_, err := store.Import(t.Context(), source, "")
	is(t, err, fbat.ErrInvalidArgument)
	_, err = store.Import(t.Context(), source, "\xff")
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
	report := must(store.Import(t.Context(), source, "n", fbat.WithChunkSize(400), fbat.WithProgress(progress)))(t)
	equal(t, "report", report, fbat.ImportReport{Imported: 1000, SkippedReserved: 1, SourceHighWatermark: 1001, SourceCeiling: 1001,
		DestinationVisible: 1001, DestinationDurable: 1001})
	equal(t, "chunks", fmt.Sprint(chunks), "[400 800 1000]")
	report = must(store.Import(t.Context(), source, "n", fbat.WithImportFlags(fbat.ImportRehash)))(t)
	equal(t, "deduplicated", report.Deduplicated, 1000)
	fill(t, source, 5)
	report = must(store.Import(t.Context(), source, "n", fbat.WithAfter(report.SourceHighWatermark)))(t)
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
	report := must(store.Import(t.Context(), source, "n", fbat.WithFilter(filter), fbat.WithFilterColumns(fbat.ColumnPayload)))(t)
	equal(t, "imported and filtered", fmt.Sprint(report.Imported, report.SkippedFiltered), "100 900")
	equal(t, "payloads", strings.Join(kept, ","), strings.Join(payloads(t, store), ","))
	collect()
	for i, record := range copied {
		equal(t, "a copy that was kept", fmt.Sprint(record.Entity, string(record.Payload)), fmt.Sprint("thing:3", kept[i]))
	}
}

func TestAFilterMayUseTheStoresButNotCloseThem(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 10)
	filter := func(record *fbat.Record) (bool, error) {
		_, err := store.Append(event("seen", record.ID.String()))
		is(t, store.Close(), fbat.ErrBusy)
		is(t, source.Close(), fbat.ErrBusy)
		again, getErr := source.Get(record.ID, 0)
		if getErr == nil {
			equal(t, "entity", again.Entity, record.Entity)
		}
		return true, errors.Join(err, getErr)
	}
	report := must(store.Import(t.Context(), source, "n", fbat.WithFilter(filter)))(t)
	equal(t, "imported", report.Imported, 10)
	equal(t, "events", len(payloads(t, store)), 20)
}

type ownError struct{ number int }

func (*ownError) Error() string { return "own" }

func TestTheErrorOfACallbackIsReturnedAsTheSameValueWithTheReport(t *testing.T) {
	source := open(t, "source")
	fill(t, source, 1000)
	mine := &ownError{7}
	seen := 0
	for name, option := range map[string]fbat.ImportOption{
		"filter": fbat.WithFilter(func(*fbat.Record) (bool, error) {
			if seen++; seen == 700 {
				return true, mine
			}
			return true, nil
		}),
		"progress": fbat.WithProgress(func(report fbat.ImportReport) error {
			if report.Imported >= 600 {
				return mine
			}
			return nil
		}),
	} {
		store := open(t, name)
		report, err := store.Import(t.Context(), source, "n", option, fbat.WithChunkSize(200), fbat.WithImportFlags(fbat.ImportOneThread))
		equal(t, name, err, error(mine))
		equal(t, name+", imported", report.Imported, 600)
		equal(t, name+", visible", report.DestinationVisible, 601)
		equal(t, name+", the rest", must(store.Import(t.Context(), source, "n"))(t).Imported, 400)
	}
}

func TestAPanicOfACallbackGoesOnInTheImportingGoroutineWithItsValue(t *testing.T) {
	source := open(t, "source")
	fill(t, source, 300)
	mine := &ownError{8}
	for name, option := range map[string]fbat.ImportOption{
		"filter":   fbat.WithFilter(func(*fbat.Record) (bool, error) { panic(mine) }),
		"progress": fbat.WithProgress(func(fbat.ImportReport) error { panic(mine) }),
	} {
		store, before := open(t, name), fbat.LiveHandles()
		func() {
			defer func() { equal(t, name, recover(), any(mine)) }()
			_, err := store.Import(t.Context(), source, "n", option)
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
		_, _ = store.Import(t.Context(), source, "n", fbat.WithFilter(func(*fbat.Record) (bool, error) { panic(nil) }))
	}()
}

func TestARuntimeErrorInAFilterUnwindsToTheCaller(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 3)
	defer func() { contains(t, fmt.Sprint(recover()), "nil pointer") }()
	var none *fbat.Record
	_, err := store.Import(t.Context(), source, "n", fbat.WithFilter(func(*fbat.Record) (bool, error) { return none.Kind == 1, nil }))
	t.Error("the import returned", err)
}

func TestGoexitInACallbackEndsTheProgramAndSaysSo(t *testing.T) {
	err := runRole(t, "goexit in a filter", t.TempDir())
	if err == nil {
		t.Fatal("the program goes on")
	}
	contains(t, err.Error(), "fbat: a filter must return, but ended with: runtime.Goexit")
}

func init() {
	roles["goexit in a filter"] = func() {
		directory := os.Getenv("FBAT_TEST_ARGUMENT")
		source, _ := fbat.Open(filepath.Join(directory, "source"))
		store, _ := fbat.Open(filepath.Join(directory, "s"))
		_, _ = source.Append(event("a", "b"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			_, _ = store.Import(context.Background(), source, "n", fbat.WithFilter(func(*fbat.Record) (bool, error) {
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
	report, err := store.Import(ctx, source, "n", fbat.WithFilter(filter), fbat.WithChunkSize(100))
	is(t, err, fbat.ErrCancelled)
	is(t, err, fbat.CategoryCancelled)
	is(t, err, context.Canceled)
	is(t, err, why)
	if report.Imported == 0 || report.Imported == 5000 {
		t.Errorf("%d were imported", report.Imported)
	}
	equal(t, "the rest", must(store.Import(t.Context(), source, "n"))(t).Imported, 5000-report.Imported)
}

func TestAnImportWhoseContextIsDoneBringsNothing(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 10)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	report, err := store.Import(ctx, source, "n")
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
		"context deadline exceeded": late, "context canceled": cancelled, "the user went home": caused,
	} {
		_, err := store.Import(ctx, source, "n")
		equal(t, why, err.Error(), "fbat: the import was cancelled: "+why+" (FBAT_ERR_CANCELLED)")
		contains(t, detail(t, err).Message, why)
		is(t, err, fbat.ErrCancelled)
		is(t, err, ctx.Err())
		is(t, err, context.Cause(ctx))
	}
}

func TestANilFilterOrProgressTakesTheOneBeforeBack(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 10)
	none := []fbat.ImportOption{
		fbat.WithFilter(func(*fbat.Record) (bool, error) { return false, errors.New("called") }), fbat.WithFilter(nil),
		fbat.WithProgress(func(fbat.ImportReport) error { return errors.New("called") }), fbat.WithProgress(nil),
	}
	settings := must(fbat.DescribeImport("n", none...))(t)
	equal(t, "callbacks", settings.Filter == nil && settings.Progress == nil, true)
	equal(t, "imported", must(store.Import(t.Context(), source, "n", none...))(t).Imported, 10)
	equal(t, "alone", must(store.Import(t.Context(), source, "m", fbat.WithFilter(nil), fbat.WithProgress(nil)))(t).Imported, 10)
	seen := 0
	count := fbat.WithFilter(func(*fbat.Record) (bool, error) { seen++; return true, nil })
	must(store.Import(t.Context(), source, "o", fbat.WithFilter(nil), count))(t)
	equal(t, "set again", seen, 10)
}

func TestANilSourceIsRefusedAndANilContextPanics(t *testing.T) {
	store, before := open(t, "s"), fbat.LiveHandles()
	report, err := store.Import(t.Context(), nil, "n")
	is(t, err, fbat.ErrInvalidArgument)
	contains(t, err.Error(), "the source of the import is nil")
	equal(t, "report", report, fbat.ImportReport{})
	func() {
		defer func() { equal(t, "panic", recover(), any("fbat: nil context")) }()
		var none context.Context
		_, err := store.Import(none, store, "n")
		t.Error("the import returned", err)
	}()
	equal(t, "handles", fbat.LiveHandles(), before)
}

// watched is a context that counts who watches it.
type watched struct {
	context.Context
	watches int
}

// Value hides that this is one of the standard library's contexts, of which package context watches the insides.
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
	must(store.Import(w, source, "n", fbat.WithFilter(filter)))(t)
	equal(t, "watches during the import", seen, 1)
	equal(t, "watches after it", w.watches, 0)
	func() {
		defer func() { _ = recover() }()
		_, _ = store.Import(w, source, "m", fbat.WithFilter(func(*fbat.Record) (bool, error) { panic("mine") }))
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
	_, err := store.Import(t.Context(), source, "n", fbat.WithFilter(filter), fbat.WithChunkSize(50))
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
	must(store.Import(t.Context(), one, "n"))(t)
	_, err := store.Import(t.Context(), other, "n")
	is(t, err, fbat.ErrImportConflict)
	report := must(store.Import(t.Context(), other, "n", fbat.WithOnConflict(fbat.OnConflictSkip),
		fbat.WithImportDurability(fbat.ImportDurabilityChunk)))(t)
	equal(t, "conflicts", report.Conflicts, 1)
	equal(t, "imported", report.Imported, 3)
}

func TestImportIntoItselfUnderItsOwnNamespaceAddsNothingTwice(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 5)
	equal(t, "imported", must(store.Import(t.Context(), store, "self"))(t).Imported, 5)
	report := must(store.Import(t.Context(), store, "self"))(t)
	equal(t, "again", fmt.Sprint(report.Imported, report.Deduplicated, report.SkippedReimported), "0 5 5")
}
