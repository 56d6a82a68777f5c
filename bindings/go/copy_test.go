package fbat_test

import (
	"path/filepath"
	"strings"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestABackupIsAStoreWithTheSameHistory(t *testing.T) {
	store := open(t, "s", fbat.OpenOptions{SegmentBytes: 64 << 10})
	fill(t, store, 2000)
	for flags, linked := range map[fbat.BackupFlags]bool{0: false, fbat.BackupLink: true} {
		path := filepath.Join(t.TempDir(), "backup")
		report := must(store.Backup(ctx, path, &fbat.BackupOptions{Flags: flags}))(t)
		equal(t, "events", report.Events, 2001)
		equal(t, "last", report.LastSequence, 2001)
		equal(t, "hash", report.LogHash, must(store.LogHash())(t))
		equal(t, "linked", report.LinkedSegments > 0, linked)
		copied := openAt(t, path)
		equal(t, "id", copied.ID(), store.ID())
		equal(t, "hash", must(copied.LogHash())(t), report.LogHash)
		_, err := store.Backup(ctx, path, nil)
		is(t, err, fbat.ErrStoreExists)
	}
	_, err := store.Backup(ctx, filepath.Join(t.TempDir(), "b"), &fbat.BackupOptions{Flags: 0x80})
	is(t, err, fbat.ErrInvalidArgument)
	_, err = store.Backup(ctx, "a\x00b", nil)
	is(t, err, fbat.ErrInvalidArgument)
}

func TestWhatIsFullIsCompressedAndReadsTheSame(t *testing.T) {
	store := open(t, "s", fbat.OpenOptions{SegmentBytes: 64 << 10})
	for range 4 {
		fill(t, store, 500)
	}
	before, hash := must(store.Stats())(t), must(store.LogHash())(t)
	report := must(store.Compress(ctx, &fbat.CompressOptions{Level: 3}))(t)
	equal(t, "segments", report.Segments+report.SegmentsLeft, before.Segments-1)
	equal(t, "is smaller", report.BytesAfter < report.BytesBefore, true)
	saved := report.BytesBefore - report.BytesAfter
	equal(t, "bytes", must(store.Stats())(t).LogBytes, before.LogBytes-saved)
	equal(t, "hash", must(store.LogHash())(t), hash)
	_, findings := verify(t, store)
	equal(t, "findings", len(findings), 0)
	equal(t, "again", must(store.Compress(ctx, nil))(t).Segments, 0)
	_, err := store.Compress(ctx, &fbat.CompressOptions{Level: 20})
	is(t, err, fbat.ErrInvalidArgument)
}

func TestACopyTakesAnIdentityOfItsOwn(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 5)
	path := filepath.Join(t.TempDir(), "copy")
	must(store.Backup(ctx, path, nil))(t)
	id := must(fbat.NewIdentity(path))(t)
	copied := openAt(t, path)
	equal(t, "id", copied.ID(), id)
	equal(t, "namespace", copied.Namespace(), "store:"+id.String())
	equal(t, "the old one is another", store.ID() == id, false)
	_, err := fbat.NewIdentity(path)
	is(t, err, fbat.ErrBusy)
	equal(t, "no id", must2(fbat.NewIdentity(path)), fbat.ID{})
	_, err = fbat.NewIdentity(filepath.Join(t.TempDir(), strings.Repeat("no", 3)))
	is(t, err, fbat.ErrStoreNotFound)
	_, err = fbat.NewIdentity("a\x00b")
	is(t, err, fbat.ErrInvalidArgument)
}

func must2[T any](value T, _ error) T { return value }
