//! Opening the log: which files exist, whether they belong together, and what an unclean stop left.
//! `docs/guarantees.md` has the decision table.

use super::directory::{self, CleanMark, Directory, Listing};
use super::segment::Segment;
use super::tail::{Batches, Step, Tail};
use crate::engine::format::frame::{
    BatchHeader, SegmentHeader, BATCH_HEADER_LEN, BATCH_MAGIC, SEGMENT_HEADER_LEN,
};
use crate::engine::format::identity::{check_version, Identity};
use crate::engine::format::{hash, system};
use crate::engine::index::file::{is_damage, Index};
use crate::engine::index::room::StringRoom;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::Kind;
use crate::engine::model::limits::SEQUENCE_LEASE;
use crate::engine::platform::vfs::{read_full, write_full, Access, File};
use crate::engine::platform::watch::Watch;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What [`Store::open`] found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    pub created: bool,
    /// The last writer did not close the store.
    pub unclean: bool,
    /// Bytes of a torn tail that were cut off, from this offset of this file.
    pub dropped_bytes: u64,
    pub dropped_offset: u64,
    pub dropped_path: PathBuf,
    /// Whole batches after the hole that were dropped with it, and their events.
    pub dropped_batches: u64,
    pub dropped_events: u64,
    /// Sequences jumped because somebody may have seen them; 0 when none were.
    pub gap_first: u64,
    pub gap_last: u64,
    /// Indexes that were missing or damaged and were rebuilt.
    pub indexes_rebuilt: u64,
    /// How far the clock is behind the recorded time of the last event; 0 where it is not.
    pub clock_behind_us: u64,
}

/// The log as it was found.
pub(crate) struct OpenLog {
    /// All segments; the last one may be unsealed.
    pub segments: Vec<Arc<Segment>>,
    /// The end of the last segment.
    pub tail: Tail,
    /// The mark of a clean close exists and is true.
    pub clean: bool,
    pub durable: u64,
    pub report: OpenReport,
    /// Sequences to declare as a gap before anything else is written.
    pub gap: Option<(u64, u64)>,
    /// Where the segment before the last one ends, if nothing says that it was on disk.
    unsynced: Option<Tail>,
    /// Segments after the last one, of which nothing was promised.
    lost: Vec<u64>,
}

impl OpenLog {
    /// A log of one segment.
    pub fn new(
        segment: impl Into<Arc<Segment>>,
        tail: Tail,
        clean: bool,
        durable: u64,
        report: OpenReport,
    ) -> OpenLog {
        let (segments, lost) = (vec![segment.into()], Vec::new());
        OpenLog { segments, tail, clean, durable, report, gap: None, unsynced: None, lost }
    }
}

/// The end of the segments that were opened so far.
struct Before {
    tail: Tail,
    /// Events in all of them.
    events: u64,
}

impl Before {
    fn after(segment: &Segment, tail: Tail) -> Before {
        Before { tail, events: segment.header.events_before + tail.events }
    }
}

const NOT_SEALED: &str = "another segment follows, but this one is not sealed";

/// What opening needs to know.
pub(crate) struct Opening<'a> {
    pub dir: &'a Directory,
    pub identity: &'a Identity,
    pub room: &'a Arc<StringRoom>,
    /// Changes may be made: the lock is held.
    pub writable: bool,
    /// Nothing that was written can be lost: the machine has not restarted since, and no fsync
    /// failed.
    pub same_boot: bool,
}

impl<'a> Opening<'a> {
    /// Opening without changing anything.
    pub fn for_reading(
        dir: &'a Directory,
        identity: &'a Identity,
        room: &'a Arc<StringRoom>,
    ) -> Opening<'a> {
        Opening { dir, identity, room, writable: false, same_boot: true }
    }

    /// Opens every segment and checks that each continues the one before. The watch counts the
    /// bytes of the log that are read.
    pub fn open_log(&self, listing: &Listing, watch: &Watch<'_>) -> Result<OpenLog> {
        let segments = &listing.segments[..];
        let (there, lost) = segments.split_at(segments.len() - self.lost_at_end(segments)?);
        let (settled, full, last) = match *there {
            [] => return Err(Error::corrupt(&self.dir.path, 0, "the store has no segment")),
            [ref settled @ .., full, last] if lost.is_empty() => (settled, Some(full), last),
            [ref settled @ .., last] => (settled, None, last),
        };
        let mut report = OpenReport::default();
        let (mut segments, mut before) = (Vec::with_capacity(listing.segments.len()), None);
        for &first in settled {
            let (segment, tail) = self.open_sealed(first, before.as_ref(), &mut report, watch)?;
            before = Some(Before::after(&segment, tail));
            segments.push(Arc::new(segment));
        }
        let before = before.as_ref();
        let mut log = match full {
            Some(full) => self.open_last_two(full, last, before, report, watch)?,
            None => self.open_last_before(lost, last, before, report, watch)?,
        };
        segments.append(&mut log.segments);
        watch.finish()?;
        Ok(OpenLog { segments, ..log })
    }

    /// How many segments at the end were never on the disk with their header. Then nothing in them
    /// or after them was promised. A writer goes on in a new segment before the one before is on
    /// disk, and in one after that only then.
    fn lost_at_end(&self, segments: &[u64]) -> Result<usize> {
        match *segments {
            [_, .., full, last]
                if self.has_lost_header(full)? && !self.vouches_for_all_before(last)? =>
            {
                Ok(2)
            }
            [_, .., last] if self.has_lost_header(last)? => Ok(1),
            _ => Ok(0),
        }
    }

    /// Opens the segment in which the log ends, before those that are lost.
    fn open_last_before(
        &self,
        lost: &[u64],
        last: u64,
        before: Option<&Before>,
        report: OpenReport,
        watch: &Watch<'_>,
    ) -> Result<OpenLog> {
        let looks = lost.iter().map(|first| self.look_at(*first)).collect::<Result<Vec<_>>>()?;
        let synced = looks.iter().map(|look| look.batches.synced_through).max().unwrap_or(0);
        let mut log = self.open_last(last, before, synced, report, watch)?;
        looks.into_iter().for_each(|look| look.add_to(&mut log.report));
        Ok(OpenLog { lost: lost.to_vec(), ..log })
    }

    /// Opens the last two segments. The first may not have been on the disk when the machine
    /// stopped. If a power cut has left it torn, the log ends there.
    fn open_last_two(
        &self,
        full: u64,
        last: u64,
        before: Option<&Before>,
        mut report: OpenReport,
        watch: &Watch<'_>,
    ) -> Result<OpenLog> {
        let opened = self.open_full(full, last, before, &mut report, watch)?;
        let Some((segment, tail, synced)) = opened else {
            return self.open_last_before(&[last], full, before, report, watch);
        };
        let before = Before::after(&segment, tail);
        let mut log = self.open_last(last, Some(&before), 0, report, watch)?;
        log.segments.insert(0, Arc::new(segment));
        log.durable = log.durable.max(before.tail.synced_through);
        Ok(OpenLog { unsynced: (!synced).then_some(tail), ..log })
    }

    /// Whether what was written may not be there: the machine has restarted since, or a failed
    /// fsync has dropped it. A reader finds that before any writer has recovered it.
    fn may_lack(&self) -> bool {
        !(self.writable && self.same_boot)
    }

    /// The sealed segment `full`, where it ends, and whether it is known to have been on disk. None
    /// where it is not whole, and was not.
    fn open_full(
        &self,
        full: u64,
        last: u64,
        before: Option<&Before>,
        report: &mut OpenReport,
        watch: &Watch<'_>,
    ) -> Result<Option<(Segment, Tail, bool)>> {
        let (bare, length) = self.open_bare(full, Access::Read, before)?;
        let index = self.open_index(&bare.header)?.filter(|index| index.meta.sealed);
        let sealed = index.is_some();
        if let Some(index) = index.filter(|index| index.meta.covered_len == length) {
            let tail = Tail::after_index(&bare.header, &index.meta);
            return Ok(Some((bare.with_index(index), tail, true)));
        }
        // It was on disk before it was compressed.
        if sealed || bare.file.compressed().is_some() || self.vouches_for_all_before(last)? {
            let (segment, tail) = self.open_sealed(full, before, report, watch)?;
            return Ok(Some((segment, tail, true)));
        }
        // A writer may replace it.
        let (bare, length) = self.open_bare(full, Access::Follow, before)?;
        let mut tail = Tail::at_start(&bare.header);
        watch.expect(length);
        let torn = read_to_end(&bare, &mut tail, watch)?;
        let whole = tail.sealed && !batches_behind(&bare, tail.offset, length)?.written;
        match torn {
            _ if whole => Ok(Some((bare, tail, false))),
            _ if self.may_lack() => Ok(None),
            _ if tail.sealed => Err(tail.corrupt(&bare, "something follows the seal")),
            why => Err(tail.corrupt(&bare, why.unwrap_or(NOT_SEALED))),
        }
    }

    /// Whether something says that the segment before `last` was on disk, with its seal: an index
    /// or a mark of a clean close of `last`, or a batch there that says so of another one.
    fn vouches_for_all_before(&self, last: u64) -> Result<bool> {
        Ok(self.is_known(last)? || self.look_at(last)?.batches.synced_through >= last)
    }

    /// Whether an index or a mark of a clean close is about this segment.
    fn is_known(&self, last: u64) -> Result<bool> {
        let index = self.dir.open_if_exists(&Segment::index_name(last), Access::Read)?;
        Ok(index.is_some() || self.clean_mark(last)?.is_some())
    }

    /// Whether the header of the segment `last` never got to the disk, and so nothing in it was
    /// promised.
    fn has_lost_header(&self, last: u64) -> Result<bool> {
        let name = Segment::log_name(last);
        if !self.may_lack() {
            return Ok(false);
        }
        let file = self.dir.open_file(&name, Access::Follow)?;
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        let read = read_full(&*file, &mut bytes, 0);
        read.map_err(|e| self.dir.failed("cannot read", &name, &e))?;
        // What is torn ends with zeros; no header that was written does.
        Ok(bytes[SEGMENT_HEADER_LEN - 1] == 0 && !self.vouches_for_all_before(last)?)
    }

    /// The batches of a segment, whatever is before it. Where its header is not to be had, any are
    /// taken for its own that could be, since header and body of one match under the same salt.
    fn look_at(&self, first: u64) -> Result<Look> {
        let name = Segment::log_name(first);
        let (path, file) = (self.dir.file(&name), self.dir.open_file(&name, Access::Follow)?);
        let length = file.len().map_err(|e| self.dir.failed("cannot stat", &name, &e))?;
        let header = read_header(&*file, &path).ok();
        let known = header.unwrap_or_default();
        let segment = Segment::new(known, path.clone(), file, None, self.room.clone());
        let batches = look_for_batches(&segment, 0, length, |at, bytes| match header {
            Some(header) => Some(header),
            None => {
                let salt = SegmentHeader::salt_of_batch(at, bytes);
                let of = SegmentHeader { salt, ..known };
                let batch = BatchHeader::decode(&of, at, bytes).ok()?;
                (first..first + 2 * SEQUENCE_LEASE).contains(&batch.first_sequence).then_some(of)
            }
        })?;
        Ok(Look { path, length, batches })
    }

    /// Opens the file of a segment, of which nothing but the header is known then, and its length.
    fn open_bare(
        &self,
        first: u64,
        access: Access,
        before: Option<&Before>,
    ) -> Result<(Segment, u64)> {
        let name = Segment::log_name(first);
        let (path, file) = (self.dir.file(&name), self.dir.open_file(&name, access)?);
        let header = read_header(&*file, &path).map_err(|e| e.with_sequence(first))?;
        let corrupt = |why: &str| Err(Error::corrupt(&path, 0, why).with_sequence(first));
        if header.store_id != self.identity.log_id {
            return corrupt("the segment belongs to another store");
        }
        if header.first_sequence != first {
            return corrupt("the segment has another segment's name");
        }
        match before {
            None if header.log_start != first => {
                return corrupt("the segments before this one are missing");
            }
            None if first == 1 && header.log_hash != hash::log_start(header.store_id) => {
                return corrupt("the log does not start from this store's id");
            }
            Some(Before { tail, .. })
                if (tail.next_sequence, tail.log_hash) != (first, header.log_hash) =>
            {
                return corrupt(
                    "the segment does not continue the one before; one is missing or was replaced",
                );
            }
            Some(Before { events, .. }) if *events != header.events_before => {
                return corrupt("the count of events before is wrong");
            }
            _ => {}
        }
        let failed = |e| Error::io("cannot stat", &path, &e);
        let length = file.len().map_err(failed)?;
        if let Some(compressed) = file.compressed() {
            if !compressed.is_whole().map_err(failed)? {
                return corrupt("the compressed segment has another length than it says");
            }
        }
        Ok((Segment::new(header, path, file, None, self.room.clone()), length))
    }

    /// The index of a segment, where it exists and can be read.
    pub fn open_index(&self, header: &SegmentHeader) -> Result<Option<Index>> {
        let name = Segment::index_name(header.first_sequence);
        let found = self.dir.open_if_exists(&name, Access::Read);
        let Ok(Some(file)) = found else { return Ok(None) };
        match Index::open(file, &self.dir.file(&name), header, self.room) {
            Ok(index) => Ok(Some(index)),
            Err(e) if is_damage(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// For a reading handle: the segment after a sealed one, if it exists yet.
    pub(crate) fn open_next(&self, sealed: &Tail, events_before: u64) -> Result<Option<Segment>> {
        let name = Segment::log_name(sealed.next_sequence);
        let there = self.dir.open_if_exists(&name, Access::Follow)?.is_some();
        if !there || self.has_lost_header(sealed.next_sequence)? {
            return Ok(None);
        }
        let before = Before { tail: *sealed, events: events_before };
        let (segment, _) = self.open_bare(sealed.next_sequence, Access::Follow, Some(&before))?;
        Ok(Some(segment))
    }

    /// The same segment with the index that the writer left when it sealed it, if it did.
    pub(crate) fn with_index_of_sealed(&self, sealed: &Segment) -> Result<Option<Segment>> {
        let index = self.open_index(&sealed.header)?.filter(|index| index.meta.sealed);
        Ok(index.map(|index| sealed.with_index(index)))
    }

    fn open_sealed(
        &self,
        first: u64,
        before: Option<&Before>,
        report: &mut OpenReport,
        watch: &Watch<'_>,
    ) -> Result<(Segment, Tail)> {
        let (bare, length) = self.open_bare(first, Access::Read, before)?;
        let covers = |index: &Index| index.meta.sealed && index.meta.covered_len == length;
        if let Some(index) = self.open_index(&bare.header)?.filter(covers) {
            let tail = Tail::after_index(&bare.header, &index.meta);
            return Ok((bare.with_index(index), tail));
        }
        let mut tail = Tail::at_start(&bare.header);
        watch.expect(length);
        tail.read_watched(&bare, length, watch)?;
        if !tail.sealed {
            return Err(tail.corrupt(&bare, NOT_SEALED));
        }
        report.indexes_rebuilt += 1;
        let index = self.rebuild_index(&bare, &tail)?;
        Ok((bare.with_index(index), tail))
    }

    /// Rebuilds the index of a segment: on disk where that is allowed, else in memory.
    fn rebuild_index(&self, segment: &Segment, tail: &Tail) -> Result<Index> {
        let bytes = segment.build_index(&tail.index_meta())?;
        if self.writable {
            let name = Segment::index_name(segment.header.first_sequence);
            // Best effort: a disk that is full must not keep the store from being opened.
            let _ = self.dir.publish(&name, &bytes, false);
        }
        segment.open_index_bytes(bytes)
    }

    /// Opens the segment in which the log ends; everything up to `synced` was on disk.
    fn open_last(
        &self,
        first: u64,
        before: Option<&Before>,
        synced: u64,
        report: OpenReport,
        watch: &Watch<'_>,
    ) -> Result<OpenLog> {
        let access = if self.writable { Access::Write } else { Access::Follow };
        let (bare, length) = self.open_bare(first, access, before)?;
        let index = self.open_index(&bare.header)?;
        // An index is written only over what was synced before.
        let synced = synced.max(index.as_ref().map_or(0, |index| index.meta.last_sequence));
        let up_to = |end: u64| {
            let index = index.clone().filter(|index| index.meta.covered_len <= end);
            let tail = Tail::after(&bare.header, index.as_ref());
            (bare.with_index(index), tail)
        };
        if let Some(mark) = self.clean_mark(first)? {
            let (segment, mut tail) = up_to(mark.end.min(length));
            if self.matches_mark(&segment, &mut tail, &mark, watch)? {
                return Ok(OpenLog::new(segment, tail, true, mark.last_sequence, report));
            }
        }
        let (segment, tail) = up_to(length);
        if !self.writable {
            return self.follow(segment, tail, length, synced, report, watch);
        }
        // What was synced is on the disk. That it also is what the page cache shows is known where
        // nothing can have been lost; else every byte is read.
        let (segment, tail) = match self.same_boot && ends_as_its_index_says(&segment)? {
            true => (segment, tail),
            false => up_to(0),
        };
        self.recover(segment, tail, length, synced, report, watch)
    }

    /// The mark of a clean close, where it is about this last segment.
    fn clean_mark(&self, last: u64) -> Result<Option<CleanMark>> {
        let mark = self.dir.read_clean_mark()?.filter(|mark| mark.log_id == self.identity.log_id);
        if let Some(mark) = mark.filter(|mark| mark.segment > last) {
            // It exists where a writer has added it since this reader looked.
            let name = Segment::log_name(mark.segment);
            if self.dir.open_if_exists(&name, Access::Follow)?.is_none() {
                let why = "the last segment of the log that was closed is missing";
                let path = self.dir.file(&name);
                return Err(Error::corrupt(&path, 0, why).with_sequence(mark.segment));
            }
        }
        Ok(mark.filter(|mark| mark.segment == last))
    }

    /// Whether the log ends where the mark says. A log that falls short of its mark is damaged.
    fn matches_mark(
        &self,
        segment: &Segment,
        tail: &mut Tail,
        mark: &CleanMark,
        watch: &Watch<'_>,
    ) -> Result<bool> {
        watch.expect(mark.end.saturating_sub(tail.offset));
        tail.read_watched(segment, mark.end, watch)?;
        if (tail.offset, tail.next_sequence - 1, tail.log_hash)
            != (mark.end, mark.last_sequence, mark.log_hash)
        {
            return Err(tail.corrupt(segment, "the log is not the one that was closed"));
        }
        let ends =
            matches!(tail.clone().step(segment, &mut segment.window())?, Step::End | Step::Sealed);
        Ok(ends)
    }

    /// Serves an unsealed segment as it is: a writer may be at work on it. `synced` was on disk.
    fn follow(
        &self,
        segment: Segment,
        mut tail: Tail,
        length: u64,
        synced: u64,
        report: OpenReport,
        watch: &Watch<'_>,
    ) -> Result<OpenLog> {
        watch.expect(length.saturating_sub(tail.offset));
        loop {
            let torn = read_to_end(&segment, &mut tail, watch)?;
            if tail.sealed {
                break;
            }
            let behind = batches_behind(&segment, tail.offset, length)?;
            let synced = synced.max(behind.synced_through).max(tail.synced_through);
            if tail.next_sequence > synced {
                break;
            }
            let damage = damage(&segment, &tail, torn, synced);
            // The batch may just have been half written; by now, with others after it, it is whole.
            if !matches!(tail.step(&segment, &mut segment.window())?, Step::Batch | Step::Sealed) {
                return Err(damage);
            }
        }
        let durable = tail.synced_through;
        Ok(OpenLog::new(segment, tail, false, durable, report))
    }

    /// What a writer finds after an unclean stop: where the log ends, and whether a torn tail is to
    /// be cut. Changes nothing; [`Opening::rewrite_tail`] does. `synced` was on disk.
    fn recover(
        &self,
        segment: Segment,
        mut tail: Tail,
        length: u64,
        synced: u64,
        mut report: OpenReport,
        watch: &Watch<'_>,
    ) -> Result<OpenLog> {
        watch.expect(length - tail.offset);
        let torn = read_to_end(&segment, &mut tail, watch)?;
        let behind = batches_behind(&segment, tail.offset, length)?;
        let synced = synced.max(behind.synced_through).max(tail.synced_through);
        let ending = decide(&Evidence {
            falls_short: tail.next_sequence <= synced,
            written_behind: torn.is_some() || behind.written,
            batches_behind: behind.batches > 0,
            may_have_lost: !self.same_boot,
        });
        report.unclean = true;
        let jump = match ending {
            Ending::Damaged => return Err(damage(&segment, &tail, torn, synced)),
            Ending::Whole { jump } => jump,
            Ending::Torn { jump } => {
                report.dropped_bytes = length - tail.offset;
                report.dropped_offset = tail.offset;
                report.dropped_path = segment.path.to_path_buf();
                report.dropped_batches = behind.batches;
                report.dropped_events = behind.events;
                jump
            }
        };
        let last = tail.next_sequence - 1;
        // What anybody can have seen is within the lease of what was on disk, batches after a hole
        // included.
        let gap = jump.then_some((last + 1, last + SEQUENCE_LEASE));
        (report.gap_first, report.gap_last) = gap.unwrap_or_default();
        Ok(OpenLog { gap, ..OpenLog::new(segment, tail, false, last, report) })
    }

    /// After an unclean stop: puts the valid part of the last segment on the disk, since the page
    /// cache may show what the disk does not have. Where nothing can have been lost, that is done
    /// in its place; else in a new file, and in its place only where that has no room.
    pub fn rewrite_tail(&self, log: &mut OpenLog) -> Result<()> {
        // For good, the last one first, before the log goes on where they began.
        while let Some(lost) = log.lost.pop() {
            self.dir.remove_if_there(&Segment::log_name(lost))?;
            self.dir.sync()?;
        }
        self.rewrite_full(log)?;
        let is_torn = |last: &mut Arc<Segment>| {
            // What is compressed was on disk, and is not written to.
            log.report.unclean && last.file.compressed().is_none()
        };
        let Some(last) = log.segments.pop_if(is_torn) else { return Ok(()) };
        if self.same_boot && log.gap.is_none() {
            if last.index().is_none() {
                self.dir.remove_if_there(&Segment::index_name(last.header.first_sequence))?;
            }
            self.dir.remove_if_there(directory::CLEAN)?;
            write_again(&last, &log.tail)?;
            log.segments.push(last);
            return Ok(());
        }
        // Neither an index of what was cut nor an old mark must outlive it.
        self.dir.remove_if_there(&Segment::index_name(last.header.first_sequence))?;
        self.dir.remove_if_there(directory::CLEAN)?;
        let file = self.write_to_disk(&last, log.tail.offset)?;
        log.segments.push(Arc::new(last.moved_to(file)));
        Ok(())
    }

    /// The same for the sealed segment before the last one, where nothing says that it was on disk.
    /// It gets its index only then: that would say so.
    fn rewrite_full(&self, log: &mut OpenLog) -> Result<()> {
        let Some(tail) = log.unsynced.take() else { return Ok(()) };
        let at = log.segments.len() - 2;
        let name = log.segments[at].name();
        self.dir.remove_if_there(&Segment::index_name(log.segments[at].header.first_sequence))?;
        let full = log.segments[at].moved_to(self.dir.open_file(&name, Access::Write)?);
        let file = match self.same_boot {
            true => write_again(&full, &tail).map(|()| full.file.clone())?,
            false => self.write_to_disk(&full, tail.offset)?,
        };
        self.dir.sync()?;
        let full = full.moved_to(file);
        let index = self.rebuild_index(&full, &tail)?;
        log.report.indexes_rebuilt += 1;
        full.file.settle(&name);
        log.segments[at] = Arc::new(full.with_index(index));
        Ok(())
    }

    /// The file that has the front of a segment on the disk, whatever the page cache shows.
    fn write_to_disk(&self, segment: &Segment, end: u64) -> Result<Arc<dyn File>> {
        match self.move_tail(segment, end) {
            Err(e) if e.code() == Code::NoSpace => {
                write_all_again(segment, end).map_err(no_room_to_recover)?;
                Ok(segment.file.clone())
            }
            moved => moved,
        }
    }

    fn move_tail(&self, segment: &Segment, end: u64) -> Result<Arc<dyn File>> {
        let name = segment.name();
        let copy = self.dir.create_temporary(&name)?;
        let path = self.dir.file(&name);
        segment.copy_to(&*copy.file, &path, end)?;
        copy.file.sync().map_err(|e| Error::io("cannot sync", &path, &e))?;
        let file = copy.give_name()?;
        self.dir.sync()?;
        Ok(file)
    }
}

/// Where a copy has no room: cuts the segment, and writes every byte of the valid part once more in
/// its place, so that a page that the disk does not have goes there. A copy is preferred: a power
/// cut in the middle of it leaves the old bytes alone.
fn write_all_again(segment: &Segment, end: u64) -> Result<()> {
    let file = &*segment.file;
    file.set_len(end).map_err(|e| Error::io("cannot cut", &segment.path, &e))?;
    segment.copy_to(file, &segment.path, end)?;
    file.sync().map_err(|e| Error::io("cannot sync", &segment.path, &e))
}

fn no_room_to_recover(error: Error) -> Error {
    match error.code() {
        Code::NoSpace => error.context(
            "recovery has no room, neither for a copy of the last file nor to write it again; \
             opening for reading needs none",
        ),
        _ => error,
    }
}

/// Cuts off what follows the log, and writes what nothing vouches for once more where it is. A page
/// that an earlier sync has failed to write, which the kernel takes for written, so goes to the
/// disk too. A file system that copies what is written may have no room for that: there the sync
/// alone has to tell, which fails if a write has failed that nobody was told of.
fn write_again(segment: &Segment, tail: &Tail) -> Result<()> {
    let failed = |e| Error::io("cannot write again", &segment.path, &e);
    let file = &*segment.file;
    file.set_len(tail.offset).map_err(failed)?;
    match write_unsynced(segment, tail) {
        Err(e) if e.code() == Code::NoSpace => {}
        written => written?,
    }
    file.sync().map_err(failed)
}

/// Writes what is above every sync that the log or the index knows of.
fn write_unsynced(segment: &Segment, tail: &Tail) -> Result<()> {
    const PART: u64 = 1 << 20;
    let failed = |e| Error::io("cannot write again", &segment.path, &e);
    let file = &*segment.file;
    let (covered, last) =
        segment.index().map_or((0, 0), |index| (index.meta.covered_len, index.meta.last_sequence));
    let synced = tail.synced_through.max(last);
    let mut at = segment.batch_for_walk(synced.saturating_sub(1))?.max(covered);
    if at == SEGMENT_HEADER_LEN as u64 {
        // Nothing vouches for the header either.
        at = 0;
    }
    let mut part = vec![0; PART as usize];
    while at < tail.offset {
        let bytes = &mut part[..PART.min(tail.offset - at) as usize];
        if read_full(file, bytes, at).map_err(failed)? < bytes.len() {
            return Err(segment.corrupt(at, "the file became shorter while it was read"));
        }
        write_full(file, bytes, at).map_err(failed)?;
        at += bytes.len() as u64;
    }
    Ok(())
}

/// Whether the log has, where the index of a segment ends, the batch that the index ends with. Its
/// log hash covers all that is before it.
fn ends_as_its_index_says(segment: &Segment) -> Result<bool> {
    let Some(index) = segment.index() else { return Ok(false) };
    let meta = &index.meta;
    let (mut window, mut log_hash) = (segment.window(), None);
    let mut at = segment.batch_for_walk(meta.last_sequence.saturating_sub(1))?;
    while at < meta.covered_len {
        let header = match segment.batch_at(&mut window, at) {
            Err(e) if is_damage(&e) => return Ok(false),
            header => header?,
        };
        let body = window.get(at + BATCH_HEADER_LEN as u64, header.body_len as usize)?;
        if !header.body_holds(&segment.header, at, body) {
            return Ok(false);
        }
        at += header.total_len();
        log_hash = Some(header.log_hash);
    }
    Ok(at == meta.covered_len && log_hash == Some(meta.log_hash))
}

/// What the last segment shows where no mark of a clean close is valid.
#[derive(Clone, Copy, Debug)]
struct Evidence {
    /// Something vouches that the log was on disk beyond where its whole batches end: a later
    /// "synced through", also one after a hole, or the index.
    falls_short: bool,
    /// Something other than zeros is there.
    written_behind: bool,
    /// Whole batches among it.
    batches_behind: bool,
    /// The machine has restarted since, or the last writer saw an fsync fail.
    may_have_lost: bool,
}

/// What a writer does about it; `jump`: leaves out sequences that somebody may have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// `Corrupt`, and nothing is changed.
    Damaged,
    /// All of it is kept.
    Whole { jump: bool },
    /// What follows the last whole batch is cut, and reported.
    Torn { jump: bool },
}

/// The rows of the table in `docs/guarantees.md` that begin with "no clean mark".
fn decide(evidence: &Evidence) -> Ending {
    let jump = evidence.may_have_lost || evidence.batches_behind;
    match evidence {
        Evidence { falls_short: true, .. } => Ending::Damaged,
        Evidence { written_behind: false, .. } => Ending::Whole { jump },
        Evidence { written_behind: true, .. } => Ending::Torn { jump },
    }
}

/// The error for a bad batch at or below a sequence that is known to have been on disk: no torn
/// tail.
fn damage(segment: &Segment, tail: &Tail, torn: Option<&str>, synced: u64) -> Error {
    let (next, why) = (tail.next_sequence, torn.unwrap_or("nothing was written here"));
    let what = format!(
        "{why}; sequence {next} should be here, since everything through {synced} was on disk"
    );
    segment.corrupt(tail.offset, what).with_event(crate::engine::model::id::Id::NONE, next)
}

/// Reads every whole batch; says what stopped it, unless that is the end or a seal.
fn read_to_end(
    segment: &Segment,
    tail: &mut Tail,
    watch: &Watch<'_>,
) -> Result<Option<&'static str>> {
    let mut window = segment.sequential();
    loop {
        let before = tail.offset;
        match tail.step(segment, &mut window)? {
            Step::Batch => watch.advance(tail.offset - before)?,
            Step::End | Step::Sealed => return Ok(None),
            Step::Bad(why) => return Ok(Some(why)),
        }
    }
}

/// What is in the file of a segment.
struct Look {
    path: PathBuf,
    length: u64,
    batches: Behind,
}

impl Look {
    /// Adds the segment to what is reported as dropped.
    fn add_to(self, report: &mut OpenReport) {
        if self.batches.written {
            if report.dropped_bytes == 0 {
                report.dropped_path = self.path;
            }
            report.dropped_bytes += self.length;
            report.dropped_batches += self.batches.batches;
            report.dropped_events += self.batches.events;
        }
    }
}

/// What follows a place where there is no whole batch: other whole batches.
#[derive(Debug, Default)]
struct Behind {
    /// There is something other than zeros.
    written: bool,
    batches: u64,
    events: u64,
    synced_through: u64,
}

/// Whether there is something other than zeros in the file after `from`.
pub(crate) fn is_written_behind(segment: &Segment, from: u64, length: u64) -> Result<bool> {
    Ok(batches_behind(segment, from, length)?.written)
}

/// Looks at every byte of the file after `from` for whole batches of this segment.
fn batches_behind(segment: &Segment, from: u64, length: u64) -> Result<Behind> {
    look_for_batches(segment, from, length, |_, _| Some(segment.header))
}

fn look_for_batches(
    segment: &Segment,
    from: u64,
    length: u64,
    header_for: impl Fn(u64, &[u8]) -> Option<SegmentHeader>,
) -> Result<Behind> {
    const PART: u64 = 1 << 20;
    let mut behind = Behind::default();
    let (mut parts, mut bodies) = (segment.window(), segment.window());
    let mut part = from;
    while part < length {
        let bytes = parts.get(part, (PART as usize) + BATCH_HEADER_LEN)?;
        behind.written |= bytes.iter().any(|byte| *byte != 0);
        let starts =
            bytes.windows(BATCH_MAGIC.len()).enumerate().filter(|(_, w)| *w == BATCH_MAGIC);
        for (at, _) in starts.take_while(|(at, _)| (*at as u64) < PART) {
            let offset = part + at as u64;
            let Some(start) = bytes.get(at..at + BATCH_HEADER_LEN) else { continue };
            let Some(of) = header_for(offset, start) else { continue };
            let Ok(header) = BatchHeader::decode(&of, offset, start) else { continue };
            let body = bodies.get(offset + BATCH_HEADER_LEN as u64, header.body_len as usize)?;
            if header.body_holds(&of, offset, body) {
                behind.batches += 1;
                behind.events += u64::from(header.count);
                behind.synced_through = behind.synced_through.max(header.synced_through);
            }
        }
        part += PART;
    }
    Ok(behind)
}

/// Reads and checks the header of a segment file.
fn read_header(file: &dyn File, path: &Path) -> Result<SegmentHeader> {
    let mut bytes = [0; SEGMENT_HEADER_LEN];
    let got = read_full(file, &mut bytes, 0).map_err(|e| Error::io("cannot read", path, &e))?;
    let header =
        SegmentHeader::decode(&bytes[..got]).map_err(|why| Error::corrupt(path, 0, why))?;
    check_version(path, header.version)?;
    Ok(header)
}

/// Refuses to make a store where one has lost its identity file: a creation that was not finished
/// has written the genesis event at most.
pub(crate) fn refuse_orphan(dir: &Directory) -> Result<()> {
    let (name, path) = (Segment::log_name(1), dir.file(&Segment::log_name(1)));
    let Some(file) = dir.open_if_exists(&name, Access::Follow)? else { return Ok(()) };
    let header = read_header(&*file, &path)?;
    let length = file.len().map_err(|e| Error::io("cannot stat", &path, &e))?;
    let segment = Segment::new(header, path, file, None, Arc::new(StringRoom::new()));
    let mut tail = Tail::at_start(&header);
    read_to_end(&segment, &mut tail, &Watch::default())?;
    if tail.events > 1 || batches_behind(&segment, tail.offset, length)?.batches > 0 {
        return Err(segment.corrupt(0, "there are events, but the identity file is missing"));
    }
    Ok(())
}

/// The label that the genesis event keeps; checks that it is the genesis event of this store. None
/// where a log that was repaired does not have it any more.
pub(crate) fn label(first: &Segment, identity: &Identity) -> Result<String> {
    if first.header.first_sequence != 1 {
        return Ok(String::new());
    }
    let offset = (SEGMENT_HEADER_LEN + BATCH_HEADER_LEN) as u64;
    let corrupt = |why| Error::corrupt(&first.path, offset, why).with_sequence(1);
    let mut window = first.window();
    let batch = first.batch_at(&mut window, SEGMENT_HEADER_LEN as u64);
    if batch.map_err(|e| first.identify(e))?.first_sequence != 1 {
        return Ok(String::new());
    }
    let frame = first.frame_at(&mut window, offset)?;
    if frame.kind != Kind::GENESIS || frame.event_hash != identity.genesis_hash {
        return Err(corrupt("not the genesis event of this store"));
    }
    system::genesis_label(frame.payload).ok_or_else(|| corrupt("the genesis event does not decode"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_evidence_has_its_row() {
        for bits in 0..16u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let [falls_short, written_behind, batches_behind, may_have_lost] =
                [bit(0), bit(1), bit(2), bit(3)];
            let row =
                decide(&Evidence { falls_short, written_behind, batches_behind, may_have_lost });
            let expected = match (falls_short, written_behind, batches_behind, may_have_lost) {
                (true, ..) => Ending::Damaged,
                (false, false, false, false) => Ending::Whole { jump: false },
                (false, false, false, true) => Ending::Whole { jump: true },
                (false, true, false, false) => Ending::Torn { jump: false },
                (false, true, false, true) | (false, true, true, _) => Ending::Torn { jump: true },
                // Batches are something written.
                (false, false, true, _) => continue,
            };
            assert_eq!(row, expected, "{evidence:04b}", evidence = bits);
        }
    }
}
