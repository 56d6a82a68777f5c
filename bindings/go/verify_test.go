package fbat_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// damage flips a bit in the middle of the first file of a closed store's log.
func damage(t testing.TB, store string) string {
	t.Helper()
	files := must(filepath.Glob(filepath.Join(store, "*.log")))(t)
	log := must(os.ReadFile(files[0]))(t)
	log[len(log)/2] ^= 1
	ok(t, os.WriteFile(files[0], log, 0o600))
	return files[0]
}

func TestASoundStoreHasNoFindings(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 100)
	fill(t, store, 100)
	report, findings := verify(t, store)
	equal(t, "findings", len(findings), 0)
	equal(t, "events", report.Events-report.SystemEvents, 200)
	equal(t, "segments", report.Segments, 1)
	equal(t, "log bytes", report.LogBytes, must(store.Stats())(t).LogBytes)
}

func TestDamageIsFoundReportedAndRepaired(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	store := openAt(t, path, fbat.OpenOptions{SegmentBytes: 64 << 10})
	for range 30 { // so that the first file is sealed, and need not be read to open the store
		fill(t, store, 100)
	}
	id := store.ID()
	ok(t, store.Close())
	file := damage(t, path)

	store = openAt(t, path)
	_, findings := verify(t, store)
	if len(findings) == 0 {
		t.Fatal("nothing is found")
	}
	finding := findings[0]
	equal(t, "path", finding.Path, file)
	if finding.Offset == 0 || finding.Message == "" {
		t.Errorf("%+v", finding)
	}
	var last error
	for _, err := range store.Events(ctx, nil) {
		last = err
	}
	is(t, last, fbat.ErrCorrupt)
	equal(t, "path", detail(t, last).Path, file)
	if detail(t, last).Offset <= 0 {
		t.Errorf("%+v", detail(t, last))
	}
	_, err := store.Backup(ctx, filepath.Join(t.TempDir(), "b"), nil)
	is(t, err, fbat.ErrCorrupt)
	ok(t, store.Close())

	repaired := filepath.Join(t.TempDir(), "repaired")
	kept, losses, err := fbat.Repair(ctx, path, repaired, nil)
	ok(t, err)
	if len(losses) == 0 || kept.LostSequences == 0 || kept.Findings != uint64(len(losses)) {
		t.Fatalf("%+v", kept)
	}
	loss := losses[0]
	equal(t, "path", loss.Path, file)
	equal(t, "lost", loss.LastSequence-loss.FirstSequence+1, kept.LostSequences)
	equal(t, "kept", kept.Events-kept.SystemEvents+kept.LostSequences, 3000)
	store = openAt(t, repaired)
	equal(t, "id", store.ID(), id)
	sound, _ := verify(t, store)
	equal(t, "findings", sound.Findings, 0)
	equal(t, "lost", sound.LostSequences, kept.LostSequences)
	equal(t, "events", len(payloads(t, store)), 3000-int(kept.LostSequences))
	_, _, err = fbat.Repair(ctx, path, repaired, nil)
	is(t, err, fbat.ErrStoreExists)
}

func TestRepairOfWhatIsNoStore(t *testing.T) {
	_, _, err := fbat.Repair(ctx, t.TempDir(), filepath.Join(t.TempDir(), "new"), nil)
	is(t, err, fbat.ErrStoreNotFound)
	_, _, err = fbat.Repair(ctx, "a\x00", "b", nil)
	is(t, err, fbat.ErrInvalidArgument)
	_, _, err = fbat.Repair(ctx, "a", "b\x00", nil)
	is(t, err, fbat.ErrInvalidArgument)
}

func TestARepairThatLostTheIdentityFileSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	store := openAt(t, path)
	fill(t, store, 10)
	ok(t, store.Close())
	for _, file := range must(os.ReadDir(path))(t) {
		if !strings.HasSuffix(file.Name(), ".log") {
			ok(t, os.Remove(filepath.Join(path, file.Name())))
		}
	}
	report, _, err := fbat.Repair(ctx, path, filepath.Join(t.TempDir(), "new"), nil)
	ok(t, err)
	equal(t, "flags", report.Flags&fbat.RepairIdentityRebuilt, fbat.RepairIdentityRebuilt)
	equal(t, "kept", report.Events-report.SystemEvents, 10)
}
