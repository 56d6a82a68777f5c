package fbat_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// The library maps the files of the log and has a handler for SIGBUS. The Go runtime had one
// before, for faults in memory that a program has mapped, and goes on to get what is not the
// library's.

// filled is a store of several segments, of which the first ones are mapped, and the ids of its
// events.
func filled(t testing.TB, path string) (*fbat.Store, []fbat.ID) {
	t.Helper()
	store := openAt(t, path, fbat.OpenOptions{SegmentBytes: 64 << 10})
	ids := make([]fbat.ID, 2000)
	for i := range ids {
		ids[i] = must(store.Append(event("thing", fmt.Sprintf("%0255d", i))))(t).ID
	}
	for i := 0; i < len(ids); i += 10 {
		must(store.Get(ids[i], fbat.ColumnPayload))(t)
	}
	return store, ids
}

func TestALogThatIsCutShortUnderAnOpenStoreIsAnErrorOnEveryGoroutine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	store, ids := filled(t, path)
	ok(t, os.Truncate(filepath.Join(path, "00000000000000000001.log"), 4096))
	_, err := store.Get(ids[100], fbat.ColumnPayload)
	is(t, err, fbat.ErrCorrupt)
	together(t, 8, func(me int) error {
		for i := me; i < 150; i += 8 {
			_, err := store.Get(ids[i], fbat.ColumnPayload)
			if err != nil && !errors.Is(err, fbat.ErrCorrupt) {
				return err
			}
		}
		_, err := store.Get(ids[len(ids)-1-me], fbat.ColumnPayload)
		return err
	})
}

// mapped is memory of the program's own whose file is gone: reading it raises SIGBUS in Go code.
func mapped(t testing.TB) []byte {
	t.Helper()
	file := must(os.Create(filepath.Join(t.TempDir(), "f")))(t)
	defer file.Close()
	ok(t, file.Truncate(4096))
	memory := must(syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED))(t)
	t.Cleanup(func() { ok(t, syscall.Munmap(memory)) })
	ok(t, file.Truncate(0))
	return memory
}

func TestAFaultInTheProgramsOwnMemoryIsStillAPanicOfGo(t *testing.T) {
	filled(t, filepath.Join(t.TempDir(), "s")) // the library's handler is in place
	memory := mapped(t)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		fault, ok := recover().(interface{ Addr() uintptr })
		if !ok || fault.Addr() == 0 {
			t.Errorf("%v is no fault", fault)
		}
	}()
	t.Errorf("%d could be read", memory[17])
}

func TestAFaultInTheProgramsOwnMemoryEndsItAsWithoutTheLibrary(t *testing.T) {
	err := runRole(t, "fault", t.TempDir())
	if err == nil {
		t.Fatal("the program goes on")
	}
	contains(t, err.Error(), "unexpected fault address")
	contains(t, err.Error(), "signal SIGBUS: bus error")
	contains(t, err.Error(), "go_test.init") // the goroutine's stack is printed
}

func init() {
	roles["fault"] = func() {
		directory := os.Getenv("FBAT_TEST_ARGUMENT")
		t := &testing.T{}
		options := fbat.OpenOptions{SegmentBytes: 64 << 10, Durability: fbat.DurabilityOS}
		store, err := fbat.Open(ctx, filepath.Join(directory, "s"), &options)
		if err != nil {
			panic(err)
		}
		for i := range 1000 {
			if _, err := store.Append(event("thing", fmt.Sprintf("%0255d", i))); err != nil {
				panic(err)
			}
		}
		_ = payloads(t, store)
		file, _ := os.Create(filepath.Join(directory, "f"))
		_ = file.Truncate(4096)
		memory, _ := syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
		_ = file.Truncate(0)
		fmt.Println(memory[17])
	}
}

func TestNotifyOfSIGBUSAndTheLibraryGetAlong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	store, ids := filled(t, path)
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGBUS)
	defer signal.Stop(told)
	// Sent, not raised by a fault: forwarded to Go, which tells.
	ok(t, syscall.Kill(os.Getpid(), syscall.SIGBUS))
	equal(t, "signal", <-told, os.Signal(syscall.SIGBUS))
	ok(t, os.Truncate(filepath.Join(path, "00000000000000000001.log"), 4096))
	_, err := store.Get(ids[100], fbat.ColumnPayload)
	is(t, err, fbat.ErrCorrupt)
}

func TestWithoutMappingTheSameIsRead(t *testing.T) {
	fbat.SetMappedReads(false)
	defer fbat.SetMappedReads(true)
	store, ids := filled(t, filepath.Join(t.TempDir(), "s"))
	for i, id := range ids {
		record := must(store.Get(id, fbat.ColumnPayload))(t)
		equal(t, "payload", string(record.Payload), fmt.Sprintf("%0255d", i))
	}
}
