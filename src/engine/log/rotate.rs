//! Sealing a segment that is full, and going on in the next one. No append waits for the disk or
//! for an index in that: both are left to the background, and the table of the full segment goes on
//! answering until its index is there.

use super::segment::Segment;
use super::sets::set_name;
use super::shared::{lock, PoisonOnPanic, Sealed, Shared};
use super::state::Log;
use super::tail::Tail;
use super::writer::{self, Writer};
use crate::engine::index::file::Index;
use crate::engine::model::error::Result;
use std::sync::atomic::Ordering;
use std::sync::Arc;

impl Log {
    /// Seals the active segment and starts the next one. Waits where the one before is not on disk
    /// yet, or has no index.
    pub fn rotate(&self, writer: &mut Writer) -> Result<()> {
        writer.background.finish();
        self.check_poison()?;
        self.check_names(&writer.segment)?;
        if !writer.tail.sealed {
            let synced = self.durable.load(Ordering::Acquire);
            writer.seal(synced).map_err(|e| if writer.broken { self.poisoned_by(e) } else { e })?;
        }
        let sealed = Sealed { segment: writer.segment.clone(), tail: writer.tail };
        // One that is there describes the log up to a next segment that a crash took.
        self.dir.remove_if_there(&set_name(sealed.segment.header.first_sequence))?;
        let header = writer::next_header(
            self.identity.log_id,
            &sealed.tail,
            sealed.segment.header.events_before + sealed.tail.events,
            sealed.segment.header.log_start,
            super::options::random_salt(&self.options),
        );
        let file = writer::create_segment(&self.dir, &header, false)?;
        let path = self.dir.file(&Segment::log_name(header.first_sequence));
        let next = Arc::new(Segment::new(header, path, file, None, self.room.clone()));
        let next_writer = Writer::new(
            self.dir.clone(),
            next.clone(),
            Tail::at_start(&header),
            writer.clean_mark,
        )?;
        // Before anybody can sync the next segment.
        *lock(&self.unsynced) = Some(sealed.clone());
        self.change_segments(|segments| segments.push(next));
        *writer = next_writer;
        let shared = self.shared.clone();
        writer.background.start(move || shared.settle(&sealed));
        Ok(())
    }

    /// Leaves an index of what is written so far, for those who open the store beside this writer
    /// or after it was killed; unless another piece of work goes on in the background.
    pub fn leave_index(&self, writer: &mut Writer) -> Result<()> {
        if writer.background.is_busy() {
            return Ok(());
        }
        let (shared, segment) = (self.shared.clone(), writer.segment.clone());
        let (builder, meta) = writer.begin_index()?;
        writer.background.start(move || {
            let _poison = PoisonOnPanic(&shared);
            // An index covers only what was synced.
            let durable = || shared.durable.load(Ordering::Acquire) >= meta.last_sequence;
            if !durable() {
                if let Err(error) = shared.sync_segment(&segment, meta.last_sequence) {
                    *lock(&shared.failure) = Some(error);
                    return;
                }
            }
            segment.publish_index(&shared.dir, builder, &meta);
        });
        Ok(())
    }
}

impl Shared {
    /// Puts a sealed segment on the disk and makes its index, from which it is read from then on.
    fn settle(&self, sealed: &Sealed) {
        let _poison = PoisonOnPanic(self);
        if let Err(error) = self.sync_sealed(&lock(&self.fsync)) {
            // The store is poisoned. Whoever writes next is told why.
            *lock(&self.failure) = Some(error);
            return;
        }
        // Without an index its table goes on answering.
        let Ok(index) = self.index_of(sealed) else { return };
        let segment = Arc::new(sealed.segment.with_index(index));
        segment.file.settle(&segment.name());
        self.replace_segment(&segment);
        let segments = self.segments();
        let (_active, sealed) = segments.split_last().expect("an open log has a segment");
        segments.remove_damaged_runs();
        lock(&self.upkeep).after_seal(&self.dir, sealed);
        // With the runs that there are now.
        self.change_segments(|_| {});
    }

    /// The index of a sealed segment; written, where it is not there yet.
    fn index_of(&self, Sealed { segment, tail }: &Sealed) -> Result<Index> {
        if let Some(index) = segment.index().filter(|index| index.meta.sealed) {
            return Ok((*index).clone());
        }
        let bytes = segment.publish_index(&self.dir, segment.index_builder()?, &tail.index_meta());
        match self.opening().open_index(&segment.header)? {
            Some(index) if index.meta == tail.index_meta() => Ok(index),
            _ => segment.open_index_bytes(bytes),
        }
    }
}
