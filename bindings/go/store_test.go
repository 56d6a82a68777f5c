package fbat_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestModesOfOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, mode := range []fbat.OpenMode{fbat.OpenMustExist, fbat.OpenReadOnly} {
		_, err := fbat.Open(ctx, path, &fbat.OpenOptions{Mode: mode})
		is(t, err, fbat.ErrStoreNotFound)
	}
	fresh := fbat.OpenOptions{Mode: fbat.OpenMustBeNew, Label: "Prüfstand"}
	store := must(fbat.Open(ctx, path, &fresh))(t)
	equal(t, "report", store.OpenReport(), fbat.OpenReport{Flags: fbat.OpenReportCreated})
	equal(t, "label", store.Label(), "Prüfstand")
	equal(t, "path", store.Path(), path)
	equal(t, "read only", store.ReadOnly(), false)
	equal(t, "namespace", store.Namespace(), "store:"+store.ID().String())
	_, err := fbat.Open(ctx, path, nil)
	is(t, err, fbat.ErrBusy)
	reader := must(fbat.Open(ctx, path, &fbat.OpenOptions{Mode: fbat.OpenReadOnly}))(t)
	equal(t, "read only", reader.ReadOnly(), true)
	equal(t, "id", reader.ID(), store.ID())
	_, err = reader.Append(event("a", "b"))
	is(t, err, fbat.ErrReadOnly)
	ok(t, reader.Close())
	ok(t, store.Close())
	_, err = fbat.Open(ctx, path, &fbat.OpenOptions{Mode: fbat.OpenMustBeNew})
	is(t, err, fbat.ErrStoreExists)
	is(t, err, fs.ErrExist)
	store = must(fbat.Open(ctx, path, &fbat.OpenOptions{Mode: fbat.OpenMustExist}))(t)
	equal(t, "report", store.OpenReport(), fbat.OpenReport{})
	ok(t, store.Close())
}

func TestOptionsOfOpenThatAreOutOfRangeAreRefusedByName(t *testing.T) {
	for name, options := range map[string]fbat.OpenOptions{
		"mode":              {Mode: 99},
		"durability":        {Durability: 99},
		"label":             {Label: "a\x00b"},
		"payload_bytes_max": {PayloadBytesMax: -1},
		"batch_events_max":  {BatchEventsMax: 1 << 20},
		"batch_bytes_max":   {BatchBytesMax: 1 << 40},
		"segment_bytes":     {SegmentBytes: 1},
	} {
		_, err := fbat.Open(ctx, filepath.Join(t.TempDir(), "s"), &options)
		is(t, err, fbat.ErrInvalidArgument)
		contains(t, err.Error(), name)
	}
	_, err := fbat.Open(ctx, filepath.Join(t.TempDir(), "s"), &fbat.OpenOptions{Label: "\xff"})
	is(t, err, fbat.ErrInvalidUTF8)
	_, err = fbat.Open(ctx, "", nil)
	is(t, err, fbat.ErrInvalidArgument)
	_, err = fbat.Open(ctx, filepath.Join(t.TempDir(), "a\x00b"), nil)
	is(t, err, fbat.ErrInvalidArgument)
	contains(t, err.Error(), "a path has a NUL inside")
}

func TestLimitsOfTheOptionsHold(t *testing.T) {
	limits := fbat.OpenOptions{PayloadBytesMax: 10, BatchEventsMax: 2, BatchBytesMax: 37}
	store := open(t, "s", limits)
	_, err := store.Append(event("thing", strings.Repeat("p", 11)))
	is(t, err, fbat.ErrLimitExceeded)
	equal(t, "actual", detail(t, err).Actual, 11)
	equal(t, "allowed", detail(t, err).Allowed, 10)
	three := []fbat.Event{event("a", ""), event("a", ""), event("a", "")}
	is(t, store.AppendBatch(three, nil), fbat.ErrLimitExceeded)
	two := []fbat.Event{event("thing", "0123456789"), event("thing", "0123456789")}
	is(t, store.AppendBatch(two, nil), fbat.ErrLimitExceeded)
}

func TestFiguresOfAStore(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 100)
	frontier := must(store.Sync())(t)
	equal(t, "frontier", frontier, fbat.Frontier{Visible: 101, Durable: 101})
	equal(t, "frontier", must(store.Frontier())(t), frontier)
	stats := must(store.Stats())(t)
	equal(t, "events", stats.Events, 101)
	equal(t, "segments", stats.Segments, 1)
	equal(t, "unindexed", stats.UnindexedEvents, 101)
	if stats.LogBytes == 0 || stats.MemoryBytes == 0 {
		t.Errorf("%+v", stats)
	}
	head := must(store.Head("thing:3"))(t)
	equal(t, "version", head.Version, 10)
	record := must(store.Get(head.EventID, fbat.ColumnFixed))(t)
	equal(t, "sequence", record.Sequence, head.Sequence)
	equal(t, "hash", record.EventHash, head.EventHash)
	_, err := store.Head("thing")
	is(t, err, fbat.ErrNotFound)
	before := must(store.LogHash())(t)
	fill(t, store, 1)
	if must(store.LogHash())(t) == before {
		t.Error("the log hash stays when something is appended")
	}
}

func TestAStoreThatWasNotClosedIsReportedAsUnclean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ok(t, runRole(t, "append without closing", path))
	store := openAt(t, path)
	equal(t, "unclean", store.OpenReport().Flags, fbat.OpenReportUnclean)
	equal(t, "event", strings.Join(payloads(t, store), ","), "acknowledged")
}

func init() {
	roles["append without closing"] = func() {
		store, err := fbat.Open(ctx, os.Getenv("FBAT_TEST_ARGUMENT"), nil)
		if err == nil {
			_, err = store.Append(event("a", "acknowledged"))
		}
		if err != nil {
			panic(err)
		}
	}
}

func TestAfterCloseEveryCallIsAnError(t *testing.T) {
	source := open(t, "source")
	store := open(t, "s", fbat.OpenOptions{Label: "kept"})
	fill(t, store, 3)
	cursor := must(store.Cursor(ctx, nil))(t)
	defer cursor.Close()
	id := store.ID()
	ok(t, store.Close())
	ok(t, store.Close())
	calls := map[string]func() error{
		"append":   func() error { _, err := store.Append(event("a", "b")); return err },
		"batch":    func() error { return store.AppendBatch([]fbat.Event{event("a", "b")}, nil) },
		"get":      func() error { _, err := store.Get(id, fbat.ColumnFixed); return err },
		"query":    func() error { _, err := store.Query(ctx, nil); return err },
		"cursor":   func() error { _, err := store.Cursor(ctx, nil); return err },
		"next":     func() error { _, err := cursor.Next(); return err },
		"import":   func() error { _, err := store.Import(ctx, source, named("n")); return err },
		"imported": func() error { _, err := source.Import(ctx, store, named("n")); return err },
		"verify":   func() error { _, _, err := store.Verify(ctx, nil); return err },
		"backup":   func() error { _, err := store.Backup(ctx, t.TempDir()+"/b", nil); return err },
		"compress": func() error { _, err := store.Compress(ctx, nil); return err },
		"sync":     func() error { _, err := store.Sync(); return err },
		"frontier": func() error { _, err := store.Frontier(); return err },
		"head":     func() error { _, err := store.Head("a"); return err },
		"stats":    func() error { _, err := store.Stats(); return err },
		"wait":     func() error { _, err := store.Wait(ctx, 0, nil); return err },
		"waited":   func() error { _, err := cursor.Wait(nil); return err },
		"follow": func() error {
			for _, err := range store.Follow(ctx, nil, nil) {
				return err
			}
			return nil
		},
		"log hash": func() error { _, err := store.LogHash(); return err },
		"events": func() error {
			for _, err := range store.Events(ctx, nil) {
				return err
			}
			return nil
		},
	}
	for name, call := range calls {
		err := call()
		if err == nil {
			t.Errorf("%s works", name)
		}
		is(t, err, fbat.ErrClosed)
		is(t, err, fs.ErrClosed)
	}
	equal(t, "label", store.Label(), "kept")
	equal(t, "id", store.ID(), id)
	equal(t, "report", store.OpenReport().Flags, fbat.OpenReportCreated)
}

func TestVersions(t *testing.T) {
	equal(t, "version", fbat.Version(), fbat.HeaderVersion)
	equal(t, "abi", fbat.ABIVersion(), uint32(fbat.HeaderABIVersion))
	version := [3]int{fbat.HeaderVersionMajor, fbat.HeaderVersionMinor, fbat.HeaderVersionPatch}
	equal(t, "major, minor, patch", version, [3]int{0, 2, 0})
}
