package fbat

// #include "shim.h"
import "C"

// BackupFlags say how to back up.
type BackupFlags uint32

// BackupLink gives sealed files of the log a second name instead of copying them, where the file system can (else they are
// copied). Takes no space, and no other time than checking them; but what a disk does to such a file it does to store and
// backup alike.
const BackupLink BackupFlags = C.FBAT_BACKUP_LINK

// BackupReport is what a backup holds.
type BackupReport struct {
	// Events in the copy, the library's own included.
	Events uint64
	// Segments are the files of the log.
	Segments uint64
	// LinkedSegments are those of them that are links to the files of the store.
	LinkedSegments uint64
	// LogBytes is the size of the log, linked files included.
	LogBytes uint64
	// LastSequence is the global sequence that the copy ends with.
	LastSequence uint64
	// LogHash is the log hash there, of store and copy alike.
	LogHash Hash
}

// Backup copies the store into an empty directory, or one to be made, while others write to it. flags is 0 or [BackupLink].
//
// The copy is a store that opens as it is, cleanly closed, with the history that the store has up to a whole batch: what is visible at
// the call is made durable first and is in it. Each batch is checked on the way. The copy has the same store id: who goes on
// appending to both calls [NewIdentity]. After a failure what was made is removed; a file LOCK may stay. It can't be cancelled
// but by closing the store.
//
// The failures are [ErrInvalidArgument], [ErrStoreExists], [ErrBusy], [ErrClosed], [ErrCorrupt], [ErrIO] and [ErrNoSpace].
func (s *Store) Backup(destination string, flags BackupFlags) (BackupReport, error) {
	name, err := path(destination)
	if err != nil {
		return BackupReport{}, err
	}
	defer free(name)
	var report C.fbat_backup_report
	C.fbat_backup_report_init(&report)
	var detail *C.fbat_error
	err = s.check(C.fbat_store_backup(s.c, name, C.uint32_t(flags), &report, &detail), detail)
	return BackupReport{
		Events:         uint64(report.events),
		Segments:       uint64(report.segments),
		LinkedSegments: uint64(report.linked_segments),
		LogBytes:       uint64(report.log_bytes),
		LastSequence:   uint64(report.last_sequence),
		LogHash:        goHash(report.log_hash),
	}, err
}

// NewIdentity gives the store in a directory a new random store id, and with it a native namespace of its own: for a directory
// that was copied, which is a second store under the name of the first. It opens the store for writing and closes it.
//
// The id is that of all events from the store's next sequence on. Nothing that is in the log changes. Readers that have the
// store open answer with the old id until they open it again. A store takes a new id 128 times.
//
// The failures are [ErrInvalidArgument], [ErrStoreNotFound], [ErrBusy], [ErrLimitExceeded], [ErrCorrupt],
// [ErrFutureVersion], [ErrIO] and [ErrNoSpace].
func NewIdentity(directory string) (ID, error) {
	name, err := path(directory)
	if err != nil {
		return ID{}, err
	}
	defer free(name)
	var id C.fbat_id
	var detail *C.fbat_error
	err = check(C.fbat_store_new_identity(name, &id, &detail), detail)
	return goID(id), err
}
