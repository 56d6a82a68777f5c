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
	"syscall"
	"testing"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// long is how long nothing here takes.
const long = 30 * time.Second

func guarded(t testing.TB) context.Context {
	guarded, cancel := context.WithTimeout(t.Context(), long)
	t.Cleanup(cancel)
	return guarded
}

// asleep returns once so many goroutines sleep in calls that wait.
func asleep(t testing.TB, count int) {
	t.Helper()
	stacks := make([]byte, 8<<20)
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(time.Millisecond) {
		found := 0
		all := string(stacks[:runtime.Stack(stacks, true)])
		for _, stack := range strings.Split(all, "\n\n") {
			state, frames, _ := strings.Cut(stack, "\n")
			if strings.Contains(state, "[select") && strings.Contains(frames, "(*waiting).sleep(") {
				found++
			}
		}
		if found >= count {
			return
		}
	}
	t.Fatalf("there are not %d that sleep", count)
}

// whileAsleep makes calls that wait, does something once all of them sleep, and is what they
// return.
func whileAsleep(t testing.TB, then func(), calls ...func() error) []error {
	t.Helper()
	ended := make([]chan error, len(calls))
	for i, call := range calls {
		ended[i] = make(chan error, 1)
		go func() { ended[i] <- call() }()
	}
	asleep(t, len(calls))
	then()
	errs := make([]error, len(calls))
	for i := range calls {
		select {
		case errs[i] = <-ended[i]:
		case <-time.After(long):
			t.Fatal("it sleeps on")
		}
	}
	return errs
}

// withBoth runs a test with a store that waits for what it writes itself, and with one that reads
// what another writes.
func withBoth(t *testing.T, test func(t *testing.T, writer, waiter *fbat.Store)) {
	t.Run("writer", func(t *testing.T) {
		store := open(t, "s")
		test(t, store, store)
	})
	t.Run("reader", func(t *testing.T) {
		writer := open(t, "s")
		test(t, writer, reader(t, writer.Path()))
	})
}

func reader(t testing.TB, path string) *fbat.Store {
	t.Helper()
	return openAt(t, path, fbat.OpenOptions{Mode: fbat.OpenReadOnly})
}

// ways are the calls that wait, for what comes after a sequence.
func ways(
	ctx context.Context, t testing.TB, store *fbat.Store, after uint64, options *fbat.WaitOptions,
) []func() error {
	t.Helper()
	cursor := must(store.Cursor(ctx, &fbat.Query{After: after}))(t)
	t.Cleanup(cursor.Close)
	return []func() error{
		func() error { _, err := store.Wait(ctx, after, options); return err },
		func() error { _, err := cursor.Wait(options); return err },
		func() error {
			for _, err := range store.Follow(ctx, &fbat.Query{After: after}, options) {
				return err
			}
			return errors.New("no event and no error")
		},
	}
}

func TestAWaitEndsWithTheNextEventAndNotBefore(t *testing.T) {
	withBoth(t, func(t *testing.T, writer, waiter *fbat.Store) {
		ctx := guarded(t)
		equal(t, "at first", must(waiter.Stats())(t).News, fbat.NewsNone)
		equal(t, "what is there", must(waiter.Wait(ctx, 0, nil))(t).Visible, 1)
		var frontier fbat.Frontier
		wait := func(after uint64) func() error {
			return func() (err error) { frontier, err = waiter.Wait(ctx, after, nil); return }
		}
		ok(t, errors.Join(whileAsleep(t, func() { fill(t, writer, 1) }, wait(1))...))
		equal(t, "visible", frontier.Visible, 2)
		ok(t, errors.Join(whileAsleep(t, func() {
			for range 3 {
				fill(t, writer, 1)
			}
			asleep(t, 1)
			fill(t, writer, 1)
		}, wait(5))...))
		equal(t, "visible", frontier.Visible, 6)
		tells := map[bool]fbat.News{false: fbat.NewsProcess, true: fbat.NewsKernel}
		equal(t, "who tells", must(waiter.Stats())(t).News, tells[waiter.ReadOnly()])
	})
}

func TestAWaitEndsWithAnEventOfAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ok(t, runRole(t, "append without closing", path))
	store := reader(t, path)
	last := must(store.Frontier())(t).Visible
	append := func() { ok(t, runRole(t, "append without closing", path)) }
	ok(t, errors.Join(whileAsleep(t, append, ways(guarded(t), t, store, last, nil)...)...))
}

func TestAWaitThatGetsNothingInTimeSaysSo(t *testing.T) {
	withBoth(t, func(t *testing.T, writer, waiter *fbat.Store) {
		fill(t, writer, 2)
		options := fbat.WaitOptions{Timeout: 20 * time.Millisecond}
		for _, wait := range ways(ctx, t, waiter, 3, &options) {
			from := time.Now()
			err := wait()
			is(t, err, fbat.ErrTimeout)
			equal(t, "deadline", errors.Is(err, context.DeadlineExceeded), false)
			equal(t, "actual", detail(t, err).Actual, 3)
			equal(t, "allowed", detail(t, err).Allowed, 3)
			equal(t, "too early", time.Since(from) < options.Timeout, false)
		}
		query := fbat.Query{Region: fbat.Region{Entity: fbat.Entity("no such thing")}}
		cursor := must(waiter.Cursor(ctx, &query))(t)
		defer cursor.Close()
		_, err := cursor.Wait(&options)
		is(t, err, fbat.ErrTimeout)
		_, err = waiter.Wait(ctx, 3, &fbat.WaitOptions{Flags: fbat.WaitHasTimeout})
		is(t, err, fbat.ErrTimeout)
		_, err = waiter.Wait(ctx, 0, &fbat.WaitOptions{Timeout: -1})
		is(t, err, fbat.ErrInvalidArgument)
		_, err = waiter.Wait(ctx, 0, &fbat.WaitOptions{Flags: 0x80})
		is(t, err, fbat.ErrInvalidArgument)
	})
}

func TestItsContextEndsAWait(t *testing.T) {
	withBoth(t, func(t *testing.T, _, waiter *fbat.Store) {
		home := errors.New("the user went home")
		meanwhile, cancel := context.WithCancelCause(ctx)
		waits := ways(meanwhile, t, waiter, 1, nil)
		for _, err := range whileAsleep(t, func() { cancel(home) }, waits...) {
			is(t, err, fbat.ErrCancelled)
			is(t, err, context.Canceled)
			is(t, err, home)
		}
		soon, cancelSoon := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancelSoon()
		for _, wait := range ways(soon, t, waiter, 1, nil) {
			err := wait()
			is(t, err, context.DeadlineExceeded)
			equal(t, "timeout", errors.Is(err, fbat.ErrTimeout), false)
		}
	})
}

func TestAStoreThatIsClosedEndsEveryWait(t *testing.T) {
	withBoth(t, func(t *testing.T, _, waiter *fbat.Store) {
		waits := ways(ctx, t, waiter, 1, nil)
		for _, err := range whileAsleep(t, func() { ok(t, waiter.Close()) }, waits...) {
			is(t, err, fbat.ErrClosed)
		}
		_, err := waiter.Wait(ctx, 0, nil)
		is(t, err, fbat.ErrClosed)
	})
}

func TestStoresThatAreClosedLeaveNobodyBehind(t *testing.T) {
	path, before := open(t, "s").Path(), runtime.NumGoroutine()
	for range 200 {
		store := reader(t, path)
		_, err := store.Wait(ctx, 1, &fbat.WaitOptions{Timeout: time.Microsecond})
		is(t, err, fbat.ErrTimeout)
		ok(t, store.Close())
	}
	equal(t, "goroutines", settle(runtime.NumGoroutine, before), before)
}

// The kernel takes 500 descriptors of one inotify into one poller.
func TestStoresThatThePollerDoesNotTakeLookByThemselves(t *testing.T) {
	var files syscall.Rlimit
	ok(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	if files.Cur < 10_000 {
		t.Skip("too few files may be open")
	}
	writer, ctx := open(t, "s"), guarded(t)
	waits := make([]func() error, 600)
	for i := range waits {
		store := reader(t, writer.Path())
		waits[i] = func() error { _, err := store.Wait(ctx, 1, nil); return err }
	}
	ok(t, errors.Join(whileAsleep(t, func() { fill(t, writer, 1) }, waits...)...))
}

func TestACursorThatIsClosedEndsItsWait(t *testing.T) {
	store := open(t, "s")
	must(store.Frontier())(t) // so that what waits is told of nothing else
	cursor := must(store.Cursor(ctx, nil))(t)
	wait := func() error { _, err := cursor.Wait(nil); return err }
	err := whileAsleep(t, cursor.Close, wait)[0]
	is(t, err, fbat.ErrClosed)
	contains(t, err.Error(), "the cursor is closed")
}

func init() {
	roles["append 2,000"] = func() {
		options := fbat.OpenOptions{Durability: fbat.DurabilityOS, SegmentBytes: 64 << 10}
		store, err := fbat.Open(ctx, os.Getenv("FBAT_TEST_ARGUMENT"), &options)
		for i := 0; i < 2000 && err == nil; i++ {
			_, err = store.Append(event(fmt.Sprintf("thing:%d", i%10), fmt.Sprint(i)))
		}
		if err == nil {
			err = store.Close()
		}
		if err != nil {
			panic(err)
		}
	}
}

func TestFollowersHaveEachEventOfAnotherProcessOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ok(t, openAt(t, path).Close())
	store, ctx := reader(t, path), guarded(t)
	appended := make(chan error, 1)
	go func() { appended <- runRole(t, "append 2,000", path) }()
	together(t, 4, func(me int) error {
		query, expected, step := fbat.Query{PageRows: 1 + me*100}, 0, 1
		if me == 3 { // of one region
			query.Region.Entity, expected, step = fbat.Entity("thing:3"), 3, 10
		}
		for record, err := range store.Follow(ctx, &query, nil) {
			if err != nil {
				return err
			}
			if string(record.Payload) != fmt.Sprint(expected) {
				return fmt.Errorf("%q, not event %d", record.Payload, expected)
			}
			if expected += step; expected >= 2000 {
				break
			}
		}
		return nil
	})
	ok(t, <-appended)
	equal(t, "segments", must(store.Stats())(t).Segments > 1, true)
}

func TestWhoFollowsFromNowOnHasOnlyWhatComes(t *testing.T) {
	withBoth(t, func(t *testing.T, writer, waiter *fbat.Store) {
		fill(t, writer, 100)
		query := fbat.Query{After: must(waiter.Frontier())(t).Visible, Limit: 2}
		var found []string
		ok(t, errors.Join(whileAsleep(t, func() {
			must(writer.Append(event("a", "one")))(t)
			must(writer.Append(event("a", "two")))(t)
			must(writer.Append(event("a", "three")))(t)
		}, func() error {
			for record, err := range waiter.Follow(guarded(t), &query, nil) {
				if err != nil {
					return err
				}
				found = append(found, string(record.Payload))
			}
			return nil
		})...))
		equal(t, "found", strings.Join(found, ","), "one,two") // and the limit is its end
	})
}

func TestWhatFollowedAndWasGivenUpIsFreed(t *testing.T) {
	withBoth(t, func(t *testing.T, writer, waiter *fbat.Store) {
		fill(t, writer, 25)
		handles, goroutines := fbat.LiveHandles(), runtime.NumGoroutine()
		for range waiter.Follow(ctx, &fbat.Query{PageRows: 5}, nil) {
			break
		}
		func() {
			defer func() { equal(t, "panic", recover(), any("mine")) }()
			for range waiter.Follow(ctx, nil, nil) {
				panic("mine")
			}
		}()
		meanwhile, cancel := context.WithCancel(ctx)
		seen := 0
		err := whileAsleep(t, cancel, func() (last error) {
			for _, last = range waiter.Follow(meanwhile, nil, nil) {
				seen++
			}
			return
		})[0]
		is(t, err, fbat.ErrCancelled)
		equal(t, "events and the error", seen, 26)
		equal(t, "handles", fbat.LiveHandles(), handles)
		ok(t, waiter.Close())
		equal(t, "goroutines", settle(runtime.NumGoroutine, goroutines), goroutines)
	})
}

func TestAStoreThatWasWaitedWithAndIsForgottenIsClosed(t *testing.T) {
	before := fbat.LiveHandles()
	func() {
		store := must(fbat.Open(ctx, filepath.Join(t.TempDir(), "s"), nil))(t)
		_, err := store.Wait(ctx, 1, &fbat.WaitOptions{Timeout: time.Millisecond})
		is(t, err, fbat.ErrTimeout)
	}()
	equal(t, "handles", settle(fbat.LiveHandles, before), before)
}

// threads is how many this process has.
func threads(t testing.TB) int {
	t.Helper()
	return len(must(os.ReadDir("/proc/self/task"))(t))
}

func TestAThousandGoroutinesFollowWithoutAThreadEach(t *testing.T) {
	withBoth(t, func(t *testing.T, writer, waiter *fbat.Store) {
		ctx, before := guarded(t), threads(t)
		follow := func() error {
			seen := 0
			for _, err := range waiter.Follow(ctx, &fbat.Query{Limit: 10}, nil) {
				if err != nil {
					return err
				}
				seen++
			}
			if seen != 10 {
				return fmt.Errorf("%d events, not 10", seen)
			}
			return nil
		}
		calls := make([]func() error, 1000)
		for i := range calls {
			calls[i] = follow
		}
		ok(t, errors.Join(whileAsleep(t, func() {
			if more := threads(t) - before; more > 50 {
				t.Errorf("%d threads more than before", more)
			}
			for range 10 {
				fill(t, writer, 1)
			}
		}, calls...)...))
	})
}

// What one goroutine makes unreadable, the poller may not have seen readable.
func TestWhoLooksAtTheFrontierKeepsNoNewsFromThoseWhoWait(t *testing.T) {
	withBoth(t, func(t *testing.T, writer, waiter *fbat.Store) {
		ctx, rounds := guarded(t), uint64(1000)
		var over atomic.Bool
		looking := make(chan error, 2)
		for range cap(looking) {
			go func() {
				for !over.Load() {
					if _, err := waiter.Frontier(); err != nil {
						looking <- err
						return
					}
				}
				looking <- nil
			}()
		}
		reached := make(chan error, 3)
		for round := range rounds {
			last := round + 1
			for range cap(reached) {
				go func() { _, err := waiter.Wait(ctx, last, nil); reached <- err }()
			}
			if round%2 == 0 {
				time.Sleep(100 * time.Microsecond)
			}
			must(writer.Append(event("a", "")))(t)
			for range cap(reached) {
				ok(t, <-reached)
			}
		}
		over.Store(true)
		ok(t, errors.Join(<-looking, <-looking))
	})
}

func TestWhatIsDurableCanBeWaitedFor(t *testing.T) {
	ctx := guarded(t)
	writer := open(t, "s")
	fill(t, writer, 3)
	visible := must(writer.Frontier())(t).Visible
	options := fbat.WaitOptions{Flags: fbat.WaitDurable, Timeout: 20 * time.Millisecond}
	_, err := writer.Wait(ctx, visible-1, &options)
	is(t, err, fbat.ErrTimeout) // it begins no sync
	for _, err := range writer.Follow(ctx, &fbat.Query{After: 1}, &options) {
		is(t, err, fbat.ErrTimeout)
	}
	options.Timeout = 0
	waits := ways(ctx, t, writer, visible-1, &options)
	ok(t, errors.Join(whileAsleep(t, func() { must(writer.Sync())(t) }, waits...)...))

	reading := reader(t, writer.Path())
	waits = ways(ctx, t, reading, visible, &options)
	append := func() { must(writer.Append(event("a", "")))(t) }
	ok(t, errors.Join(whileAsleep(t, append, waits...)...))
	frontier := must(reading.Wait(ctx, visible, &options))(t)
	equal(t, "durable", frontier.Durable, frontier.Visible)
}

func TestAWaitWithoutADescriptorLooksByItself(t *testing.T) {
	ok(t, runRole(t, "wait without a descriptor", filepath.Join(t.TempDir(), "s")))
}

func TestAStoreThatFailedForGoodEndsEveryWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	store := must(fbat.Open(ctx, path, nil))(t)
	waits := ways(ctx, t, store, 1, nil)
	ended := whileAsleep(t, func() {
		ok(t, os.RemoveAll(path))
		_, err := store.Append(event("a", ""))
		is(t, err, fbat.ErrIO)
	}, waits...)
	for _, err := range append(ended, waits[0]()) {
		is(t, err, fbat.ErrPoisoned)
	}
	is(t, store.Close(), fbat.ErrPoisoned)
}

// waitIn waits for an event with the store of a role, until something ends that.
func waitIn(store *fbat.Store, then func() error) error {
	ended := make(chan error, 1)
	go func() {
		_, err := store.Wait(ctx, 1, nil)
		ended <- err
	}()
	asleep(&testing.T{}, 1)
	if err := then(); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(long):
		return errors.New("it sleeps on")
	}
}

func init() {
	inRole := func(run func(*fbat.Store) error) func() {
		return func() {
			store, err := fbat.Open(ctx, os.Getenv("FBAT_TEST_ARGUMENT"), nil)
			if err == nil {
				err = run(store)
			}
			if err != nil {
				panic(err)
			}
		}
	}
	roles["wait without a descriptor"] = inRole(func(store *fbat.Store) error {
		time.Sleep(time.Millisecond) // Go's poller has its descriptor from now on
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{}); err != nil {
			return err
		}
		return waitIn(store, func() error { _, err := store.Append(event("a", "")); return err })
	})
}
