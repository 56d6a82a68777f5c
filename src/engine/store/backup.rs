//! Hot backup: a copy of a store, whole and checked, while the store is written to.

use super::Store;
use crate::engine::format::frame::SEGMENT_HEADER_LEN;
use crate::engine::log::directory::{self, sync_parent, CleanMark, Directory};
use crate::engine::log::levels::Upkeep;
use crate::engine::log::options::random_id;
use crate::engine::log::recovery::Opening;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::{Importing, Log};
use crate::engine::log::tail::{Batches, Step, Tail};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::Hash;
use crate::engine::platform::vfs::{copy_front, read_full, Access};
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use std::path::Path;
use std::sync::Arc;

/// How to make a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupOptions {
    /// Give sealed segments a second name instead of copying them, where the file system can. They
    /// never change, but what a disk does to the one file it does to both stores.
    pub link: bool,
    /// Give the copy a store id of its own.
    pub new_identity: bool,
}

/// What a backup contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Events in the copy, system events included.
    pub events: u64,
    pub segments: u64,
    /// Those of the segments that are links.
    pub linked_segments: u64,
    /// Bytes of their files.
    pub log_bytes: u64,
    /// Where the copy ends.
    pub last_sequence: u64,
    /// The log hash there, of source and copy alike.
    pub log_hash: Hash,
}

impl Store {
    /// Copies the store, as far as it is durable now, into `destination`, an empty directory that
    /// is made where it is missing. Others may append meanwhile; a writer's lock is held for the
    /// moment that a sync takes it, and no lock of this store while files are copied.
    ///
    /// `StoreExists`, `InvalidArgument` (the directory has other files), `Busy` (another backup
    /// goes there), `Corrupt` (this store is damaged; the message names file and offset), `Closed`,
    /// `Io`, `NoSpace`. After a failure there is no store at the destination.
    pub fn backup(&self, destination: &Path, options: BackupOptions) -> Result<BackupReport> {
        self.backup_watched(destination, options, &Watch::default())
    }

    /// As [`Store::backup`], under a watch that counts the bytes of the log that were copied.
    pub fn backup_watched(
        &self,
        destination: &Path,
        options: BackupOptions,
        watch: &Watch<'_>,
    ) -> Result<BackupReport> {
        let _busy = watch.tells().then(|| Importing::new(&self.0));
        let source = &*self.0;
        source.check_open()?;
        if options.link {
            // A full segment can be linked once it is on disk.
            source.finish_background();
        }
        // The genesis event was on disk before the store was one.
        let end = source.sync_for_copy()?.max(1);
        let (dir, _lock) = directory::claim(destination, &source.dir, &source.options)?;
        let bytes = source.segments().iter().map(|segment| segment.end()).sum();
        watch.begin(bytes, STEP_BYTES)?;
        Backup { source, dir: &dir, end, options, watch }.run().inspect_err(|_| {
            // Best effort: without an identity file what is left is no store.
            let _ = dir.remove_store();
        })
    }
}

/// A backup in flight.
struct Backup<'a, 'w> {
    source: &'a Log,
    dir: &'a Directory,
    /// The last sequence to be copied; it ends a batch and is durable in the source.
    end: u64,
    options: BackupOptions,
    watch: &'a Watch<'w>,
}

/// Where the copy ends so far.
struct CopyEnd {
    segment: u64,
    tail: Tail,
    /// Events in all segments.
    events: u64,
}

impl Backup<'_, '_> {
    /// Everything is on disk before the identity file is, which makes a store of it.
    fn run(&self) -> Result<BackupReport> {
        let (mut report, mut end, mut copies) = (BackupReport::default(), None, Vec::new());
        let mut upkeep = Upkeep::default();
        let segments = self.source.segments();
        for (at, segment) in segments.iter().enumerate() {
            let first = segment.header.first_sequence;
            if end.is_some() && first > self.end {
                break;
            }
            self.source.check_open()?;
            let sealed =
                segments.get(at + 1).is_some_and(|next| next.header.first_sequence <= self.end + 1);
            let (copy, copied) = self.segment(segment, sealed, end.as_ref(), &mut report)?;
            end = Some(copied);
            if sealed {
                copies.push(Arc::new(copy));
                // From the indexes that were made here.
                upkeep.complete(self.dir, &copies);
            }
        }
        let CopyEnd { segment, tail, events } = end.expect("an open log has a segment");
        let last_sequence = tail.next_sequence - 1;
        // After the end was fixed: every store id that the log declares is in the file by then.
        let mut identity = self.source.dir.read_identity()?.until(last_sequence);
        if self.options.new_identity {
            // The next writer of the copy tells its log.
            identity = identity.renamed(random_id(&self.source.options), last_sequence + 1)?;
        }
        sync_parent(self.dir)?;
        let (log_id, log_hash) = (identity.log_id, tail.log_hash);
        self.dir.write_clean_mark(&CleanMark {
            log_id,
            segment,
            end: tail.offset,
            last_sequence,
            log_hash,
        })?;
        self.watch.finish()?;
        self.dir.write_identity(&identity)?;
        Ok(BackupReport { events, last_sequence, log_hash, ..report })
    }

    /// Copies a segment, or the part of the last one that is durable, and checks every batch of
    /// what is at the destination then. What it gives back knows the copy by its index.
    fn segment(
        &self,
        segment: &Segment,
        sealed: bool,
        before: Option<&CopyEnd>,
        report: &mut BackupReport,
    ) -> Result<(Segment, CopyEnd)> {
        let header = segment.header;
        let name = segment.name();
        let failed = |e| self.dir.failed("cannot write", &name, &e);
        // Without an index it may just have been sealed, with reserved space behind its end.
        let linked = sealed
            && self.options.link
            && segment.sealed_index().is_some()
            && self.source.dir.link_into(&name, self.dir);
        if !linked {
            self.copy_file(segment)?;
        }
        // Also where it was compressed: as its log.
        let access = if linked { Access::Read } else { Access::Write };
        let file = self.dir.open_file(&name, access)?;
        // Under the name that it has in the source, since damage is the source's.
        let copy = Segment::new(
            header,
            segment.path.clone(),
            file.clone(),
            None,
            self.source.room.clone(),
        );
        let tail = self.read(&copy, sealed, before)?;
        if !sealed {
            file.set_len(tail.offset).map_err(failed)?;
        }
        file.sync().map_err(failed)?;
        if sealed {
            file.settle(&name);
        }
        // Made from what was just checked, so that no damage of the old one is copied.
        let index = copy.build_index(&tail.index_meta())?;
        self.dir.publish(&Segment::index_name(header.first_sequence), &index, true)?;
        let index = Opening::for_reading(self.dir, &self.source.identity, &self.source.room)
            .open_index(&header)?;
        let indexed =
            Segment::new(header, copy.path.clone(), file, index, self.source.room.clone());
        report.segments += 1;
        report.linked_segments += u64::from(linked);
        report.log_bytes += copy.stored_bytes();
        Ok((
            indexed,
            CopyEnd {
                segment: header.first_sequence,
                tail,
                events: header.events_before + tail.events,
            },
        ))
    }

    /// Copies what is known of a segment: whole batches, which do not change any more. One that is
    /// compressed stays so.
    fn copy_file(&self, segment: &Segment) -> Result<()> {
        let name = segment.name();
        let (copy, to) = (self.dir.open_file(&name, Access::CreateNew)?, self.dir.file(&name));
        let Some(compressed) = segment.file.compressed() else {
            return segment.copy_to(&*copy, &to, segment.end());
        };
        let stored = &**compressed.stored();
        let failed = |e| Error::io(&format!("cannot copy {} to", segment.path.display()), &to, &e);
        let length = stored.len().map_err(failed)?;
        copy_front(stored, &*copy, length).map_err(failed).map(drop)
    }

    /// Reads a copied segment to its seal or to where the copy ends.
    fn read(&self, copy: &Segment, sealed: bool, before: Option<&CopyEnd>) -> Result<Tail> {
        let failed = |e| Error::io("cannot read", &copy.path, &e);
        let corrupt = |tail: &Tail, why: &str| Err(tail.corrupt(copy, why));
        let at_header =
            |why| Err(Error::corrupt(&copy.path, 0, why).with_sequence(copy.header.first_sequence));
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        read_full(&*copy.file, &mut bytes, 0).map_err(failed)?;
        let mut tail = Tail::at_start(&copy.header);
        if bytes != copy.header.encode() {
            return at_header("the header of the segment has changed since it was opened");
        }
        let end = (tail.next_sequence, tail.log_hash, copy.header.events_before);
        if before.is_some_and(|b| (b.tail.next_sequence, b.tail.log_hash, b.events) != end) {
            return at_header("the segment does not continue the one before");
        }
        if sealed {
            tail.read_watched(copy, copy.file.len().map_err(failed)?, self.watch)?;
            if !tail.sealed {
                return corrupt(&tail, "another segment follows, but this one is not sealed");
            }
            return Ok(tail);
        }
        let mut window = copy.sequential();
        while tail.next_sequence <= self.end {
            let before = tail.offset;
            match tail.step(copy, &mut window)? {
                Step::Batch => self.watch.advance(tail.offset - before)?,
                Step::Bad(why) => return corrupt(&tail, why),
                Step::End | Step::Sealed => return corrupt(&tail, "the log ends here"),
            }
        }
        if tail.next_sequence > self.end + 1 {
            return corrupt(&tail, "the part that was synced ends inside a batch");
        }
        Ok(tail)
    }
}
