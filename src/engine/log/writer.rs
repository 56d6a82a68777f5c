//! The writing end of the log: one unsealed segment, extended batch by batch, sealed when it is
//! full.

use super::background::Background;
use super::directory::{CleanMark, Directory};
use super::segment::Segment;
use super::tail::{Batches, Tail};
use crate::engine::format::chain::Chain;
use crate::engine::format::frame::{
    Apart, BatchHeader, SegmentHeader, BATCH_HEADER_LEN, BATCH_LOSS, BATCH_SEAL, SEGMENT_HEADER_LEN,
};
use crate::engine::format::hash;
use crate::engine::index::builder::IndexBuilder;
use crate::engine::index::file::IndexMeta;
use crate::engine::index::memtable::Entry;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::limits::FORMAT_VERSION;
use crate::engine::platform::vfs::{write_full, File};
use std::sync::Arc;

/// Space is reserved in growing steps up to this many bytes.
const ALLOCATION_STEP_MAX: u64 = 8 << 20;
const ALLOCATION_STEP_MIN: u64 = 64 << 10;
/// A batch of this size grows the file instead.
const LARGE_BATCH_BYTES: usize = 32 << 10;
/// Closing writes an index when opening would have to read more events than this.
const UNINDEXED_EVENTS_MAX: u64 = 4096;
/// A writer at work leaves an index when opening would have to read more than this, ...
const LIVE_EVENTS: u64 = 16_384;
const LIVE_BYTES: u64 = 32 << 20;
/// ... and as many events as the one before covers, or this part of its bytes. So all of them cost
/// no more than the one that sealing writes.
const LIVE_BYTES_PART: u64 = 8;
/// Or so many microseconds of time have passed since, for each event: writing an index takes a
/// twentieth of that.
const LIVE_US_PER_EVENT: u64 = 10;

pub struct Writer {
    pub dir: Directory,
    pub segment: Arc<Segment>,
    /// Where the next batch goes.
    pub tail: Tail,
    /// The file is at least this long.
    allocated: u64,
    /// The mark of a clean close is on the disk; it goes before the first write.
    pub clean_mark: bool,
    /// What is on the disk is not known any more; the store is to be poisoned.
    pub broken: bool,
    /// How far the index on the disk goes, and the recorded time when it was written.
    indexed: IndexMeta,
    /// The store was closed; the directory may be another writer's by now.
    pub left: bool,
    /// When the names of the segment and the lock were last looked at.
    pub looked_us: i64,
    /// What goes on beside the appends. Never more than one piece of it: one sealed segment may
    /// not be on disk yet, and have its table still.
    pub background: Background,
    /// Memory for the batch that is being made.
    pub buffer: Vec<u8>,
    /// Bytes of the batch that are not in the buffer.
    apart: usize,
    pub chain: Chain,
    pub entries: Vec<Entry>,
}

/// The header of a segment that follows what `tail` describes.
pub fn next_header(
    log_id: Id,
    tail: &Tail,
    events_before: u64,
    log_start: u64,
    salt: u64,
) -> SegmentHeader {
    let with_salt = |salt: u64| SegmentHeader {
        version: FORMAT_VERSION,
        store_id: log_id,
        first_sequence: tail.next_sequence,
        created_us: tail.last_recorded_us,
        log_hash: tail.log_hash,
        salt,
        log_start,
        events_before,
    };
    // The last byte of a header is never 0: so recovery tells it from one that is torn.
    let headers = (0..=u64::MAX).map(|n| with_salt(salt.wrapping_add(n)));
    let mut whole = headers.filter(|header| header.encode()[SEGMENT_HEADER_LEN - 1] != 0);
    whole.next().unwrap_or_else(|| with_salt(salt))
}

/// Makes the file of a new segment. It is on disk once it and the directory are synced, which
/// whoever reports anything in it as durable does first; `whole`: it never has its name without
/// its header.
pub fn create_segment(
    dir: &Directory,
    header: &SegmentHeader,
    whole: bool,
) -> Result<Arc<dyn File>> {
    let name = Segment::log_name(header.first_sequence);
    let temporary = dir.create_temporary(&name)?;
    let failed = |e| dir.failed("cannot write", &name, &e);
    write_full(&*temporary.file, &header.encode(), 0).map_err(failed)?;
    if whole {
        temporary.file.sync().map_err(failed)?;
    }
    temporary.give_name()
}

/// The bytes that a batch may have, as the limits of the process go: beside it, a segment has its
/// header and a seal.
pub fn batch_room(dir: &Directory) -> u64 {
    dir.vfs.file_bytes_max().saturating_sub((SEGMENT_HEADER_LEN + BATCH_HEADER_LEN) as u64)
}

impl Writer {
    pub fn new(
        dir: Directory,
        segment: Arc<Segment>,
        tail: Tail,
        clean_mark: bool,
    ) -> Result<Writer> {
        let length = segment.file.len().map_err(|e| Error::io("cannot stat", &segment.path, &e))?;
        // Beyond the limit of the process the file has yet to grow, as it were.
        let allocated = length.min(dir.vfs.file_bytes_max());
        let indexed = Tail::after(&segment.header, segment.index().as_deref()).index_meta();
        Ok(Writer {
            indexed: IndexMeta { last_recorded_us: tail.last_recorded_us, ..indexed },
            segment,
            tail,
            allocated,
            clean_mark,
            broken: false,
            left: false,
            looked_us: i64::MIN,
            background: Background::new(dir.vfs.clone()),
            dir,
            buffer: Vec::new(),
            apart: 0,
            chain: Chain::default(),
            entries: Vec::new(),
        })
    }

    /// Writes the batch in the buffer, whose first 80 bytes are kept for its header, with the
    /// payloads that are apart. On failure nothing of it remains.
    pub fn write(&mut self, header: BatchHeader, apart: &[Apart<'_>]) -> Result<()> {
        if self.clean_mark {
            self.dir.remove_clean_mark().inspect_err(|_| self.broken = true)?;
            self.clean_mark = false;
        }
        self.apart = Apart::bytes(apart);
        let offset = self.tail.offset;
        header.seal_into(&self.segment.header, offset, &mut self.buffer, apart);
        let written = self.reserve(offset + self.batch_len() as u64).and_then(|()| {
            let written = self.write_pieces(offset, apart);
            written.map_err(|e| Error::io("cannot write", &self.segment.path, &e))
        });
        written.inspect_err(|_| self.broken = self.undo_write().is_err())
    }

    /// Writes the buffer in one piece, or up to each payload that is apart and then that.
    fn write_pieces(&self, mut offset: u64, apart: &[Apart<'_>]) -> std::io::Result<()> {
        let mut write = |bytes: &[u8]| {
            let written = write_full(&*self.segment.file, bytes, offset);
            offset += bytes.len() as u64;
            written
        };
        let mut from = 0;
        for Apart { at, payload, .. } in apart {
            write(&self.buffer[from..*at])?;
            write(payload)?;
            from = *at;
        }
        write(&self.buffer[from..])
    }

    /// Length of the batch in the buffer, with what is apart.
    fn batch_len(&self) -> usize {
        self.buffer.len() + self.apart
    }

    /// Cuts off what a failed write left, so that it is not taken for a torn batch later.
    fn undo_write(&mut self) -> std::io::Result<()> {
        self.segment.file.set_len(self.tail.offset)?;
        self.allocated = self.tail.offset;
        Ok(())
    }

    /// Reserved space makes a small batch durable sooner, since the file does not grow with it. It
    /// makes a large one durable later, since what was reserved has to be distinguished from what
    /// was written.
    fn reserve(&mut self, end: u64) -> Result<()> {
        if end <= self.allocated {
            return Ok(());
        }
        if self.batch_len() >= LARGE_BATCH_BYTES {
            self.allocated = end;
            return Ok(());
        }
        let step = self.allocated.clamp(ALLOCATION_STEP_MIN, ALLOCATION_STEP_MAX);
        for step in [step, ALLOCATION_STEP_MIN] {
            let target = end.max(self.allocated + step).min(self.dir.vfs.file_bytes_max());
            match self.segment.file.allocate(target) {
                Ok(()) if target >= end => {
                    self.allocated = target;
                    return Ok(());
                }
                Ok(()) => break,
                Err(e) => {
                    let failed = Error::io("cannot reserve space in", &self.segment.path, &e);
                    if failed.code() != Code::NoSpace {
                        return Err(failed);
                    }
                    // A part of it may have been reserved.
                    self.segment.file.set_len(self.allocated).map_err(|_| failed)?;
                }
            }
        }
        // More is not to be had: the batch takes what it needs.
        self.allocated = end;
        Ok(())
    }

    /// How long the segment may get with a seal, where a batch of so many bytes is to be written to
    /// it: a limit of the process may be below that of the store. It is asked for where the file
    /// grows.
    pub fn room(&self, segment_bytes: u64, batch: u64) -> u64 {
        if self.tail.offset + batch + BATCH_HEADER_LEN as u64 <= self.allocated {
            return segment_bytes;
        }
        let most = batch_room(&self.dir) + SEGMENT_HEADER_LEN as u64;
        // Where no segment can have the batch, a new one is of no use.
        match batch + SEGMENT_HEADER_LEN as u64 > most {
            true => segment_bytes,
            false => segment_bytes.min(most),
        }
    }

    /// Moves past the batch that was written.
    pub fn advance(&mut self, header: &BatchHeader) {
        self.tail.offset += self.batch_len() as u64;
        self.tail.next_sequence = header.first_sequence + u64::from(header.count);
        self.tail.log_hash = header.log_hash;
        self.tail.last_recorded_us = header.recorded_us;
        self.tail.events += u64::from(header.count);
        self.tail.batches += u64::from(header.count > 0);
    }

    /// Ends the segment with a seal record; it is to be cut and synced then.
    pub fn seal(&mut self, synced_through: u64) -> Result<()> {
        self.record(BATCH_SEAL, self.tail.next_sequence, self.tail.log_hash, synced_through)?;
        self.tail.sealed = true;
        Ok(())
    }

    /// Declares the sequences from the next one to `last`, at least one, as lost.
    pub fn declare_loss(&mut self, last: u64, synced_through: u64) -> Result<()> {
        let log_hash =
            hash::log_next(self.tail.log_hash, hash::loss_hash(self.tail.next_sequence, last));
        self.record(BATCH_LOSS, last + 1, log_hash, synced_through)
    }

    /// Writes a header without events.
    fn record(
        &mut self,
        flags: u32,
        first_sequence: u64,
        log_hash: Hash,
        synced_through: u64,
    ) -> Result<()> {
        self.buffer.clear();
        self.buffer.resize(BATCH_HEADER_LEN, 0);
        let recorded_us = self.tail.last_recorded_us;
        let header = BatchHeader {
            first_sequence,
            synced_through,
            recorded_us,
            log_hash,
            flags,
            ..BatchHeader::default()
        };
        self.write(header, &[])?;
        self.advance(&header);
        self.segment.publish(self.tail.offset);
        Ok(())
    }

    /// Gives back reserved space.
    pub fn cut(&mut self) -> Result<()> {
        if self.allocated > self.tail.offset {
            let cut = self.segment.file.set_len(self.tail.offset);
            cut.map_err(|e| Error::io("cannot cut", &self.segment.path, &e))?;
            self.allocated = self.tail.offset;
        }
        Ok(())
    }

    /// Whether it is time to leave an index for those who open the store beside this writer, or
    /// after it was killed.
    pub fn wants_index(&self) -> bool {
        let events = self.tail.events - self.indexed.events;
        let bytes = self.tail.offset - self.indexed.covered_len;
        if events < LIVE_EVENTS && bytes < LIVE_BYTES {
            return false;
        }
        let since = self.tail.last_recorded_us.saturating_sub(self.indexed.last_recorded_us);
        (events >= LIVE_EVENTS && events >= self.indexed.events)
            || (bytes >= LIVE_BYTES && bytes >= self.indexed.covered_len / LIVE_BYTES_PART)
            || since as u64 >= self.tail.events * LIVE_US_PER_EVENT
    }

    /// What an index of the segment as far as it goes is built from.
    pub fn begin_index(&mut self) -> Result<(IndexBuilder, IndexMeta)> {
        self.indexed = self.tail.index_meta();
        Ok((self.segment.index_builder()?, self.indexed))
    }

    /// Leaves the log, which is synced and cut, so that the next open need not look at it.
    pub fn mark(&mut self) -> Result<()> {
        if self.tail.events - self.indexed.events > UNINDEXED_EVENTS_MAX {
            let (builder, meta) = self.begin_index()?;
            self.segment.publish_index(&self.dir, builder, &meta);
        }
        self.dir.write_clean_mark(&CleanMark {
            log_id: self.segment.header.store_id,
            segment: self.segment.header.first_sequence,
            end: self.tail.offset,
            last_sequence: self.tail.next_sequence - 1,
            log_hash: self.tail.log_hash,
        })?;
        self.clean_mark = true;
        Ok(())
    }
}
