package fbat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// Every call that can take long ends with its context, and reports how far it is. What each of them
// is told and answers is the same: one table for all.

type longCall struct {
	name string
	run  func(context.Context, func(fbat.Progress) error) error
}

// longCalls are calls on a store of several segments. What they make is new each time.
func longCalls(t *testing.T) []longCall {
	path := filepath.Join(t.TempDir(), "s")
	store := openAt(t, path, fbat.OpenOptions{SegmentBytes: 64 << 10})
	for range 50 {
		fill(t, store, 100)
	}
	made := 0
	fresh := func(name string) string {
		made++
		return filepath.Join(t.TempDir(), fmt.Sprint(name, made))
	}
	closed := fresh("closed")
	must(store.Backup(ctx, closed, nil))(t)
	return []longCall{
		{"open", func(ctx context.Context, progress func(fbat.Progress) error) error {
			ok(t, runRole(t, "append much without closing", closed)) // so that recovery has to read
			opened, err := fbat.Open(ctx, closed, &fbat.OpenOptions{Progress: progress})
			if err == nil {
				err = opened.Close()
			}
			return err
		}},
		{"query", func(ctx context.Context, progress func(fbat.Progress) error) error {
			rare := fbat.Query{Region: fbat.Region{VersionFirst: 1 << 40}, Progress: progress}
			_, err := store.Query(ctx, &rare)
			return err
		}},
		{"cursor", func(ctx context.Context, progress func(fbat.Progress) error) error {
			cursor := must(store.Cursor(ctx, &fbat.Query{Progress: progress}))(t)
			defer cursor.Close()
			_, err := cursor.Next()
			return err
		}},
		{"events", func(ctx context.Context, progress func(fbat.Progress) error) error {
			for _, err := range store.Events(ctx, &fbat.Query{Progress: progress}) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"follow", func(ctx context.Context, progress func(fbat.Progress) error) error {
			all := fbat.Query{Progress: progress, Limit: 5000}
			for _, err := range store.Follow(ctx, &all, nil) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"import", func(ctx context.Context, progress func(fbat.Progress) error) error {
			_, err := open(t, "d").Import(ctx, store, &fbat.ImportOptions{SourceNamespace: "n",
				Progress: func(report fbat.ImportReport) error {
					done, total := report.SourcePosition, report.SourceCeiling
					return progress(fbat.Progress{Done: done, Total: total})
				}})
			return err
		}},
		{"verify", func(ctx context.Context, progress func(fbat.Progress) error) error {
			_, _, err := store.Verify(ctx, &fbat.VerifyOptions{Progress: progress})
			return err
		}},
		{"backup", func(ctx context.Context, progress func(fbat.Progress) error) error {
			_, err := store.Backup(ctx, fresh("b"), &fbat.BackupOptions{Progress: progress})
			return err
		}},
		{"repair", func(ctx context.Context, progress func(fbat.Progress) error) error {
			options := fbat.RepairOptions{Progress: progress}
			_, _, err := fbat.Repair(ctx, closed, fresh("r"), &options)
			return err
		}},
	}
}

func init() {
	roles["append much without closing"] = func() {
		store, err := fbat.Open(ctx, os.Getenv("FBAT_TEST_ARGUMENT"), nil)
		for i := 0; i < 3 && err == nil; i++ {
			_, err = store.Append(event("a", strings.Repeat("m", 1<<20)))
		}
		if err != nil {
			panic(err)
		}
	}
}

func TestEveryLongCallReportsHowFarItIs(t *testing.T) {
	for _, call := range longCalls(t) {
		var seen []fbat.Progress
		ok(t, call.run(t.Context(), func(progress fbat.Progress) error {
			seen = append(seen, progress)
			return nil
		}))
		if len(seen) == 0 {
			t.Errorf("%s: progress is not called", call.name)
			continue
		}
		for i := range seen {
			// A page of an iteration is a call of its own, with less to do than the one before.
			pages := call.name == "events" || call.name == "follow"
			begins := i == 0 || pages && seen[i].Total < seen[i-1].Total
			if seen[i].Done > seen[i].Total || !begins && seen[i].Done < seen[i-1].Done {
				t.Errorf("%s: %v", call.name, seen)
				break
			}
		}
	}
}

func TestEveryLongCallEndsWithItsContext(t *testing.T) {
	done, cancel := context.WithCancel(ctx)
	cancel()
	for _, call := range longCalls(t) {
		called := false
		err := call.run(done, func(fbat.Progress) error {
			called = true
			return nil
		})
		is(t, err, fbat.ErrCancelled)
		is(t, err, context.Canceled)
		equal(t, call.name+": called", called, false)
		equal(t, call.name+": again", call.run(ctx, func(fbat.Progress) error { return nil }), nil)
	}
}

func TestEveryLongCallEndsWhenItsContextIsCancelledMeanwhile(t *testing.T) {
	for _, call := range longCalls(t) {
		meanwhile, cancel := context.WithCancelCause(ctx)
		home := errors.New("the user went home")
		err := call.run(meanwhile, func(fbat.Progress) error {
			cancel(home)
			time.Sleep(20 * time.Millisecond) // the token is triggered by another goroutine
			return nil
		})
		if err != nil { // the call may just have been at its end
			is(t, err, fbat.ErrCancelled)
			is(t, err, home)
		}
	}
}

func TestEveryLongCallReturnsTheErrorOfItsProgress(t *testing.T) {
	mine := &ownError{9}
	for _, call := range longCalls(t) {
		err := call.run(ctx, func(fbat.Progress) error { return mine })
		equal(t, call.name, err, error(mine))
	}
}

func TestAPanicOfAProgressGoesOnOutOfEveryLongCall(t *testing.T) {
	for _, call := range longCalls(t) {
		func() {
			defer func() { equal(t, call.name, recover(), any("mine")) }()
			err := call.run(ctx, func(fbat.Progress) error { panic("mine") })
			t.Error(call.name, "returned", err)
		}()
	}
}

func TestAStoreIsNotClosedByTheProgressOfItsOwnCall(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 100)
	called := false
	_, _, err := store.Verify(ctx, &fbat.VerifyOptions{Progress: func(fbat.Progress) error {
		called = true
		is(t, store.Close(), fbat.ErrBusy)
		_, err := store.Append(event("a", "b"))
		return err
	}})
	ok(t, err)
	equal(t, "called", called, true)
}

func TestACursorGoesOnAfterItsProgressFailed(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 100)
	var fails error = &ownError{10}
	cursor := must(store.Cursor(ctx, &fbat.Query{PageRows: 60, Progress: func(fbat.Progress) error {
		return fails
	}}))(t)
	defer cursor.Close()
	_, err := cursor.Next()
	equal(t, "error", err, fails)
	fails = nil
	equal(t, "rows", len(must(cursor.Next())(t).Records), 60)
	equal(t, "rows", len(must(cursor.Next())(t).Records), 40)
}
