package fbat_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	fbat "github.com/fbat/fbat/bindings/go"
)

func TestModesOfOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, mode := range []fbat.OpenMode{fbat.OpenMustExist, fbat.OpenReadOnly} {
		_, err := fbat.Open(path, fbat.WithMode(mode))
		is(t, err, fbat.ErrStoreNotFound)
	}
	store := must(fbat.Open(path, fbat.WithMode(fbat.OpenMustBeNew), fbat.WithLabel("Prüfstand")))(t)
	equal(t, "report", store.OpenReport(), fbat.OpenReport{Flags: fbat.OpenReportCreated})
	equal(t, "label", store.Label(), "Prüfstand")
	equal(t, "path", store.Path(), path)
	equal(t, "read only", store.ReadOnly(), false)
	equal(t, "namespace", store.Namespace(), "store:"+store.ID().String())
	_, err := fbat.Open(path)
	is(t, err, fbat.ErrBusy)
	reader := must(fbat.Open(path, fbat.WithMode(fbat.OpenReadOnly)))(t)
	equal(t, "read only", reader.ReadOnly(), true)
	equal(t, "id", reader.ID(), store.ID())
	_, err = reader.Append(event("a", "b"))
	is(t, err, fbat.ErrReadOnly)
	ok(t, reader.Close())
	ok(t, store.Close())
	_, err = fbat.Open(path, fbat.WithMode(fbat.OpenMustBeNew))
	is(t, err, fbat.ErrStoreExists)
	is(t, err, fs.ErrExist)
	store = must(fbat.Open(path, fbat.WithMode(fbat.OpenMustExist)))(t)
	equal(t, "report", store.OpenReport(), fbat.OpenReport{})
	ok(t, store.Close())
}

func TestOptionsOfOpenComeToWhatTheySay(t *testing.T) {
	equal(t, "defaults", must(fbat.DescribeOpen())(t), fbat.OpenSettings{PayloadBytesMax: 32 << 20, BatchEventsMax: 65536,
		BatchBytesMax: 64 << 20, SegmentBytes: 64 << 20})
	expected := fbat.OpenSettings{Mode: fbat.OpenReadOnly, Durability: fbat.DurabilityOS, Label: "l", PayloadBytesMax: 5,
		BatchEventsMax: 6, BatchBytesMax: 7, SegmentBytes: 1 << 20}
	equal(t, "options", must(fbat.DescribeOpen(fbat.WithMode(expected.Mode), fbat.WithDurability(expected.Durability),
		fbat.WithLabel("l"), fbat.WithPayloadBytesMax(5), fbat.WithBatchEventsMax(6), fbat.WithBatchBytesMax(7),
		fbat.WithSegmentBytes(1<<20)))(t), expected)
}

func TestOptionsOfOpenThatAreOutOfRangeAreRefusedByName(t *testing.T) {
	for name, option := range map[string]fbat.OpenOption{
		"mode":                   fbat.WithMode(99),
		"durability":             fbat.WithDurability(99),
		"label":                  fbat.WithLabel("a\x00b"),
		"limit of payload bytes": fbat.WithPayloadBytesMax(-1),
		"limit of batch events":  fbat.WithBatchEventsMax(0),
		"limit of batch bytes":   fbat.WithBatchBytesMax(1 << 40),
		"segment bytes":          fbat.WithSegmentBytes(1),
	} {
		_, err := fbat.Open(filepath.Join(t.TempDir(), "s"), option)
		is(t, err, fbat.ErrInvalidArgument)
		contains(t, err.Error(), name)
	}
	_, err := fbat.DescribeOpen(fbat.WithLabel("\xff"))
	is(t, err, fbat.ErrInvalidUTF8)
	_, err = fbat.Open("")
	is(t, err, fbat.ErrInvalidArgument)
	_, err = fbat.Open(filepath.Join(t.TempDir(), "a\x00b"))
	is(t, err, fbat.ErrInvalidArgument)
}

func TestLimitsOfTheOptionsHold(t *testing.T) {
	store := open(t, "s", fbat.WithPayloadBytesMax(10), fbat.WithBatchEventsMax(2), fbat.WithBatchBytesMax(37))
	_, err := store.Append(event("thing", strings.Repeat("p", 11)))
	is(t, err, fbat.ErrLimitExceeded)
	equal(t, "found", detail(t, err).Found, 11)
	equal(t, "supported", detail(t, err).Supported, 10)
	is(t, store.AppendBatch([]fbat.Event{event("a", ""), event("a", ""), event("a", "")}, nil), fbat.ErrLimitExceeded)
	is(t, store.AppendBatch([]fbat.Event{event("thing", "0123456789"), event("thing", "0123456789")}, nil), fbat.ErrLimitExceeded)
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
	record := must(store.Get(head.EventID, 0))(t)
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
		store, err := fbat.Open(os.Getenv("FBAT_TEST_ARGUMENT"))
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
	store := open(t, "s", fbat.WithLabel("kept"))
	fill(t, store, 3)
	cursor := must(store.Cursor())(t)
	defer cursor.Close()
	id := store.ID()
	ok(t, store.Close())
	ok(t, store.Close())
	calls := map[string]func() error{
		"append":     func() error { _, err := store.Append(event("a", "b")); return err },
		"batch":      func() error { return store.AppendBatch([]fbat.Event{event("a", "b")}, nil) },
		"get":        func() error { _, err := store.Get(id, 0); return err },
		"query":      func() error { _, err := store.Query(); return err },
		"cursor":     func() error { _, err := store.Cursor(); return err },
		"next":       func() error { _, err := cursor.Next(); return err },
		"provenance": func() error { _, err := store.Provenance(id); return err },
		"import":     func() error { _, err := store.Import(t.Context(), source, "n"); return err },
		"imported":   func() error { _, err := source.Import(t.Context(), store, "n"); return err },
		"verify":     func() error { _, err := store.Verify(); return err },
		"backup":     func() error { _, err := store.Backup(filepath.Join(t.TempDir(), "b"), 0); return err },
		"sync":       func() error { _, err := store.Sync(); return err },
		"frontier":   func() error { _, err := store.Frontier(); return err },
		"head":       func() error { _, err := store.Head("a"); return err },
		"stats":      func() error { _, err := store.Stats(); return err },
		"log hash":   func() error { _, err := store.LogHash(); return err },
		"events": func() error {
			for _, err := range store.Events() {
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
	equal(t, "major, minor, patch", [3]int{fbat.HeaderVersionMajor, fbat.HeaderVersionMinor, fbat.HeaderVersionPatch}, [3]int{0, 1, 0})
}
