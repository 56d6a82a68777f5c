//! Writing a log again from events that have their sequences, versions and hashes already: the
//! other end of a repair. It becomes a store with its last file, so that a crash in the middle
//! leaves none.

use crate::engine::format::frame::{BatchHeader, Frame, StringRef, BATCH_HEADER_LEN};
use crate::engine::format::hash;
use crate::engine::format::identity::{Change, Identity};
use crate::engine::log::directory::{self, Directory};
use crate::engine::log::options::Options;
use crate::engine::log::segment::Flow;
use crate::engine::log::state::Log;
use crate::engine::log::tail::Batches;
use crate::engine::log::writer::batch_room;
use crate::engine::model::error::Result;
use crate::engine::model::event::Event;
use crate::engine::model::id::Hash;
use crate::engine::model::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use crate::engine::platform::vfs::Lock;
use crate::engine::store::item::encoded_bound;
use crate::engine::store::open::new_log;
use foldhash::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::Arc;

/// A log that is being written.
pub struct Rewrite {
    store: Log,
    /// The batch that is being put together, with room for its header.
    batch: Vec<u8>,
    count: u32,
    first_sequence: u64,
    recorded_us: i64,
    log_hash: Hash,
    /// How long a segment may get.
    room: u64,
    /// Numbers of the strings that this segment has spelled.
    numbers: HashMap<Arc<str>, u32>,
    _lock: Box<dyn Lock>,
}

impl Rewrite {
    /// Begins the log of the store `identity`, made of the one in `source`, in a directory that is
    /// missing or empty.
    pub fn create(
        path: &Path,
        source: &Directory,
        options: &Options,
        identity: Identity,
    ) -> Result<Rewrite> {
        let (dir, lock) = directory::claim(path, source, options)?;
        let store = new_log(&dir, options, identity)?;
        let (batch, room) = (vec![0; BATCH_HEADER_LEN], batch_room(&store.dir));
        let numbers = HashMap::default();
        let log_hash = Hash::ZERO;
        Ok(Rewrite {
            store,
            batch,
            count: 0,
            first_sequence: 0,
            recorded_us: 0,
            log_hash,
            room,
            numbers,
            _lock: lock,
        })
    }

    /// Where it is made.
    pub fn directory(&self) -> &Directory {
        &self.store.dir
    }

    /// The hash of the event with a sequence; none where it was lost.
    pub fn hash_at(&mut self, sequence: u64) -> Result<Option<Hash>> {
        self.end_batch()?;
        let (segments, mut found) = (self.store.segments(), None);
        let behind = segments.partition_point(|s| s.header.first_sequence <= sequence);
        let Some(segment) = behind.checked_sub(1).map(|at| &segments[at]) else { return Ok(None) };
        let _stopped = segment.walk(sequence - 1, &mut |_, frame| {
            found = (frame.sequence == sequence).then_some(frame.event_hash);
            Ok(if frame.sequence < sequence { Flow::Continue(()) } else { Flow::Break(()) })
        })?;
        Ok(found)
    }

    /// Adds an event to the batch. Its sequence is the next one, except for a gap event that begins
    /// a batch.
    pub fn event(&mut self, event: &Event<'_>) -> Result<()> {
        self.stay_below_limit(event)?;
        let full = self.count as usize >= BATCH_EVENTS_MAX || self.batch.len() >= BATCH_BYTES_MAX;
        // The events of a batch were recorded at one time.
        if full || event.recorded_us != self.recorded_us {
            self.end_batch()?;
        }
        if self.count == 0 {
            (self.first_sequence, self.recorded_us) = (event.sequence, event.recorded_us);
        }
        let entity = string_ref(&mut self.numbers, event.entity);
        let scope = string_ref(&mut self.numbers, event.scope);
        let namespace = event.source.namespace().map(|text| string_ref(&mut self.numbers, text));
        let frame = Frame { event: *event, entity, scope, namespace };
        let writer = self.store.writer()?;
        let before = if self.count == 0 { writer.tail.log_hash } else { self.log_hash };
        self.log_hash = hash::log_next(before, event.event_hash);
        frame.encode(
            &writer.segment.header,
            writer.tail.offset + self.batch.len() as u64,
            &mut self.batch,
        );
        self.count += 1;
        Ok(())
    }

    /// Goes on in a new segment where a limit of the process wants it: the segment that the events
    /// come from may be longer.
    fn stay_below_limit(&mut self, event: &Event<'_>) -> Result<()> {
        let end = self.store.writer()?.tail.offset + self.batch.len() as u64 + encoded_bound(event);
        match end > self.room {
            true => self.next_segment(),
            false => Ok(()),
        }
    }

    /// Writes the events that were added since the last batch as one.
    pub fn end_batch(&mut self) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut writer = self.store.writer()?;
        let (segment, offset) = (writer.segment.clone(), writer.tail.offset);
        let header = BatchHeader {
            count: self.count,
            first_sequence: self.first_sequence,
            synced_through: self.store.durable.load(Ordering::Acquire),
            recorded_us: self.recorded_us.max(writer.tail.last_recorded_us),
            log_hash: self.log_hash,
            ..BatchHeader::default()
        };
        std::mem::swap(&mut writer.buffer, &mut self.batch);
        writer.write(header, &[])?;
        segment.extend(offset, &writer.buffer[BATCH_HEADER_LEN..])?;
        writer.advance(&header);
        self.store.visible.store(writer.tail.next_sequence - 1, Ordering::Release);
        self.batch.clear();
        self.batch.resize(BATCH_HEADER_LEN, 0);
        self.count = 0;
        Ok(())
    }

    /// Declares that the sequences from the next one to `last` are lost.
    pub fn lose(&mut self, last: u64) -> Result<()> {
        self.end_batch()?;
        let durable = self.store.durable.load(Ordering::Acquire);
        self.store.writer()?.declare_loss(last, durable)
    }

    /// Goes on in a new segment, where this one has events.
    pub fn next_segment(&mut self) -> Result<()> {
        self.end_batch()?;
        let mut writer = self.store.writer()?;
        if writer.tail.events > 0 {
            self.store.rotate(&mut writer)?;
            self.numbers.clear();
        }
        Ok(())
    }

    /// Declares `gap`, makes everything durable, and then makes it a store, which has had the ids
    /// of `changes`. `last_lost`: the last sequence that is declared as lost; 0: none.
    pub fn finish(
        mut self,
        gap: Option<(u64, u64)>,
        last_lost: u64,
        mut changes: Vec<Change>,
    ) -> Result<()> {
        self.end_batch()?;
        self.store.declare_gap(gap)?;
        let end = last_lost.max(self.store.visible.load(Ordering::Acquire));
        if let Some(newest) = changes.last_mut() {
            newest.first_sequence = newest.first_sequence.min(end + 1);
        }
        self.store.close()?;
        let repaired_through = if last_lost > 0 { end } else { 0 };
        let identity = self.store.identity.clone();
        self.store.dir.write_identity(&Identity { changes, repaired_through, ..identity })
    }
}

/// The number of a string in the segment; spelled where it is the first to use it.
fn string_ref<'a>(numbers: &mut HashMap<Arc<str>, u32>, text: &'a str) -> StringRef<'a> {
    if let Some(&number) = numbers.get(text) {
        return StringRef { number, spelled: None };
    }
    let number = numbers.len() as u32;
    numbers.insert(text.into(), number);
    StringRef { number, spelled: Some(text) }
}
