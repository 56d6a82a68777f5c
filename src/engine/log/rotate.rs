//! Sealing a segment that is full, and going on in the next one.

use super::segment::Segment;
use super::state::{lock, Log};
use super::tail::Tail;
use super::writer::{self, Writer};
use crate::engine::index::file::Index;
use crate::engine::model::error::Result;
use std::sync::atomic::Ordering;
use std::sync::Arc;

impl Log {
    /// Seals the active segment, writes its index, and starts the next one.
    pub fn rotate(&self, writer: &mut Writer) -> Result<()> {
        self.check_names(&writer.segment)?;
        if !writer.tail.sealed {
            let synced = self.durable.load(Ordering::Acquire);
            writer.seal(synced).map_err(|e| if writer.broken { self.poisoned_by(e) } else { e })?;
            self.cut_and_sync(writer)?;
        }
        let sealed = writer.segment.clone();
        let index = match sealed.index() {
            Some(index) if index.meta.sealed => (*index).clone(),
            _ => self.index_of_sealed(writer)?,
        };
        let events_before = sealed.header.events_before + writer.tail.events;
        let salt = super::options::random_salt(&self.options);
        let header = writer::next_header(
            self.identity.log_id,
            &writer.tail,
            events_before,
            sealed.header.log_start,
            salt,
        );
        let file = writer::create_segment(&self.dir, &header)?;
        self.dir.sync().map_err(|e| self.poisoned_by(e))?;
        let path = self.dir.file(&Segment::log_name(header.first_sequence));
        let next = Arc::new(Segment::new(header, path, file, None, self.cache.clone()));
        let next_writer = Writer::new(
            self.dir.clone(),
            next.clone(),
            Tail::at_start(&header),
            writer.clean_mark,
        )?;
        let mut segments = self.segments().to_vec();
        segments.pop();
        sealed.file.settle(&sealed.name());
        segments.push(Arc::new(sealed.with_index(index)));
        lock(&self.upkeep).after_seal(&self.dir, &segments);
        segments.push(next);
        self.set_segments(segments);
        *writer = next_writer;
        Ok(())
    }

    /// Leaves an index of what is written so far, for those who open the store beside this writer
    /// or after it was killed. An index covers only what was synced.
    pub fn leave_index(&self, writer: &mut Writer) -> Result<()> {
        let through = writer.tail.next_sequence - 1;
        if self.durable.load(Ordering::Acquire) < through {
            self.sync_segment(&writer.segment, through)?;
        }
        writer.write_index().map(|_| ())
    }

    /// Writes the index of the sealed segment and opens it.
    fn index_of_sealed(&self, writer: &mut Writer) -> Result<Index> {
        let bytes = writer.write_index()?;
        match self.opening().open_index(&writer.segment.header)? {
            Some(index) if index.meta == writer.tail.index_meta() => Ok(index),
            _ => writer.segment.open_index_bytes(bytes),
        }
    }
}
