package fbat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// TestMain ends with what no single test can say: nothing of the library's is alive, and no
// goroutine is left.
func TestMain(m *testing.M) {
	if role := os.Getenv("FBAT_TEST_ROLE"); role != "" {
		roles[role]()
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt) // its package starts a goroutine with the first use, for good
	signal.Stop(told)
	before := runtime.NumGoroutine()
	code := m.Run()
	if left := settle(fbat.LiveHandles, 0); left != 0 {
		fmt.Printf("--- FAIL: %d handles are alive at the end\n", left)
		code = 1
	}
	if left := settle(runtime.NumGoroutine, before); left > before {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		fmt.Printf("--- FAIL: %d goroutines at the end, %d before\n%s", left, before, stacks)
		code = 1
	}
	os.Exit(code)
}

// Programs that tests run in a process of their own, because they end it.
var roles = map[string]func(){}

// settle waits a while for a number to go down to what is expected, with the garbage collector's
// help.
func settle(number func() int, expected int) int {
	for range 50 {
		if number() <= expected {
			break
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	return number()
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, found, expected T) {
	t.Helper()
	if found != expected {
		t.Errorf("%s: %v, not %v", what, found, expected)
	}
}

func is(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%v is not %v", err, target)
	}
}

func detail(t testing.TB, err error) *fbat.Error {
	t.Helper()
	var e *fbat.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *fbat.Error", err)
	}
	return e
}

var ctx = context.Background()

// open opens a store in a directory of the test; the test's end closes it. Without an fsync for
// each append: most tests are not about it.
func open(t testing.TB, name string, options ...fbat.OpenOptions) *fbat.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), name), options...)
}

func openAt(t testing.TB, path string, options ...fbat.OpenOptions) *fbat.Store {
	t.Helper()
	with := append(options, fbat.OpenOptions{})[0]
	with.Durability = fbat.DurabilityOS
	store := must(fbat.Open(ctx, path, &with))(t)
	t.Cleanup(func() { ok(t, store.Close()) })
	return store
}

const kind fbat.Kind = 0x1001

func event(entity, payload string) fbat.Event {
	return fbat.Event{Entity: entity, Scope: "test", Kind: kind, Payload: []byte(payload)}
}

// fill appends so many events: thing:0 to thing:9 in turn, payload "event N".
func fill(t testing.TB, store *fbat.Store, count int) {
	t.Helper()
	events := make([]fbat.Event, count)
	for i := range events {
		events[i] = event(fmt.Sprintf("thing:%d", i%10), fmt.Sprintf("event %d", i))
	}
	ok(t, store.AppendBatch(events, nil))
}

func payloads(t testing.TB, store *fbat.Store, query ...fbat.Query) (found []string) {
	t.Helper()
	for record, err := range store.Events(ctx, &append(query, fbat.Query{})[0]) {
		ok(t, err)
		found = append(found, string(record.Payload))
	}
	return found
}

// named are the options of an import that brings everything.
func named(namespace string) *fbat.ImportOptions {
	return &fbat.ImportOptions{SourceNamespace: namespace}
}

func verify(t testing.TB, store *fbat.Store) (fbat.VerifyReport, []fbat.Finding) {
	t.Helper()
	report, findings, err := store.Verify(ctx, nil)
	ok(t, err)
	equal(t, "findings", report.Findings, uint64(len(findings)))
	return report, findings
}

func contains(t testing.TB, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q is not in:\n%s", part, text)
	}
}
