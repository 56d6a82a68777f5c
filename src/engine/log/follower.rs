//! The reading end of a log that another handle, often in another process, writes to.

use super::segment::Segment;
use super::state::Inner;
use super::tail::{Step, Tail};
use crate::engine::format::frame::SEGMENT_HEADER_LEN;
use crate::engine::model::error::{Error, Result};
use crate::engine::platform::vfs::{read_full, Access};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::Arc;

pub struct Follower {
    /// The end of what is known.
    pub tail: Tail,
    /// The highest sequence that this handle knows to be on disk.
    durable: u64,
}

impl Follower {
    pub fn new(tail: Tail, clean: bool, durable: u64) -> Follower {
        let durable = if clean { tail.next_sequence - 1 } else { durable };
        Follower { tail, durable }
    }

    /// Takes in whole batches that came since, also in new segments.
    pub fn refresh(&mut self, store: &Inner) -> Result<()> {
        loop {
            let segments = store.segments();
            let last = segments.last().expect("an open log has a segment");
            match self.tail.step(last, &mut last.window())? {
                Step::Batch => {}
                Step::Sealed if self.next_segment(store, last)? => {}
                Step::End | Step::Bad(_) if self.reopen(store, last)? => {}
                // A batch that is being written looks torn until it is whole.
                Step::Sealed | Step::End | Step::Bad(_) => break,
            }
        }
        self.durable = self.durable.max(self.tail.synced_through);
        // In this order, or another thread could see something durable that is not visible.
        store.visible.store(self.tail.next_sequence - 1, Ordering::Release);
        store.durable.fetch_max(self.durable, Ordering::AcqRel);
        Ok(())
    }

    /// Moves on to the segment after a sealed one, once it is there.
    fn next_segment(&mut self, store: &Inner, sealed: &Arc<Segment>) -> Result<bool> {
        let events_before = sealed.header.events_before + self.tail.events;
        match super::recovery::open_next(store, &self.tail, events_before)? {
            None => Ok(false),
            Some(next) => {
                // The seal was written before the next segment, and synced.
                self.durable = self.durable.max(self.tail.next_sequence - 1);
                self.tail = Tail::at_start(&next.header);
                let mut segments = store.segments().to_vec();
                super::recovery::use_index_of_sealed(store, &mut segments)?;
                segments.push(Arc::new(next));
                store.set_segments(segments);
                Ok(true)
            }
        }
    }

    /// After an unclean stop the writer moves the segment to a new file; the old one never grows
    /// again.
    fn reopen(&mut self, store: &Inner, last: &Arc<Segment>) -> Result<bool> {
        let failed = |e: io::Error| Error::io("cannot reopen", &last.path, &e);
        if last.file.is_linked().map_err(failed)? {
            return Ok(false);
        }
        let file = store.dir.vfs.open(&last.path, Access::Read).map_err(failed)?;
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        read_full(&*file, &mut bytes, 0).map_err(failed)?;
        if bytes != last.header.encode() {
            return Err(Error::corrupt(
                &last.path,
                0,
                "another segment has taken the place of this one",
            ));
        }
        let index = last.index().map(|index| (*index).clone());
        let mut tail = index
            .as_ref()
            .map_or(Tail::at_start(&last.header), |i| Tail::after_index(&last.header, &i.meta));
        let moved = Segment::new(last.header, last.path.clone(), file, index, store.cache.clone());
        tail.read_through(&moved, self.tail.offset)?;
        if (tail.offset, tail.log_hash) != (self.tail.offset, self.tail.log_hash) {
            return Err(Error::corrupt(
                &last.path,
                tail.offset,
                "the log has lost what was read from it before",
            ));
        }
        let mut segments = store.segments().to_vec();
        segments.pop();
        segments.push(Arc::new(moved));
        store.set_segments(segments);
        Ok(true)
    }

    /// Makes what is visible durable through a descriptor for reading; where that can't be done,
    /// what the writer says of itself stands.
    pub fn sync(&mut self, store: &Inner) -> Result<()> {
        self.refresh(store)?;
        // After an fsync that failed the kernel takes for clean what never reached the disk.
        if store.dir.is_poisoned()? {
            return Ok(());
        }
        let segments = store.segments();
        let last = segments.last().expect("an open log has a segment");
        if last.file.sync().is_ok() {
            self.durable = self.tail.next_sequence - 1;
            store.durable.fetch_max(self.durable, Ordering::AcqRel);
        }
        Ok(())
    }
}
