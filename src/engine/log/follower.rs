//! The reading end of a log that another handle, often in another process, writes to.

use super::recovery::Opening;
use super::segment::Segment;
use super::tail::{Batches, Step, Tail};
use crate::engine::format::frame::SEGMENT_HEADER_LEN;
use crate::engine::model::error::Result;
use crate::engine::platform::vfs::{read_full, Access};
use std::borrow::Cow;
use std::io;
use std::sync::Arc;

/// The segments that a handle knows; its own list once a follower has added to it.
pub type List<'a> = Cow<'a, [Arc<Segment>]>;

pub struct Follower {
    /// The end of what is known.
    pub tail: Tail,
    /// The highest sequence that this handle knows to be on disk.
    pub durable: u64,
}

impl Follower {
    pub fn new(tail: Tail, durable: u64) -> Follower {
        Follower { tail, durable }
    }

    /// Takes in whole batches that came since, also in new segments, which it adds to `segments`.
    /// The list is to be kept also after an error: the tail is in the last of it.
    pub fn refresh(&mut self, log: &Opening<'_>, segments: &mut List<'_>) -> Result<()> {
        loop {
            let last = last_of(segments).clone();
            match self.tail.step(&*last, &mut last.window())? {
                Step::Batch => {}
                Step::Sealed if self.next_segment(log, &last, segments)? => {}
                Step::End | Step::Bad(_) if self.reopen(log, &last, segments)? => {}
                // A batch that is being written looks torn until it is whole.
                Step::Sealed | Step::End | Step::Bad(_) => break,
            }
        }
        self.durable = self.durable.max(self.tail.synced_through);
        Ok(())
    }

    /// Moves on to the segment after a sealed one, once it exists.
    fn next_segment(
        &mut self,
        log: &Opening<'_>,
        sealed: &Segment,
        segments: &mut List<'_>,
    ) -> Result<bool> {
        let events_before = sealed.header.events_before + self.tail.events;
        let Some(next) = log.open_next(&self.tail, events_before)? else { return Ok(false) };
        self.tail = Tail::at_start(&next.header);
        let segments = segments.to_mut();
        // The writer may not have made the index of this one yet. That of the one before is there.
        for known in segments.iter_mut().rev().take(2).filter(|s| s.sealed_index().is_none()) {
            if let Some(indexed) = log.with_index_of_sealed(known)? {
                // On disk, and never replaced from now on.
                known.file.settle(&known.name());
                *known = Arc::new(indexed);
            }
        }
        segments.push(Arc::new(next));
        Ok(true)
    }

    /// After an unclean stop the next writer may move the segment to a new file; the old one never
    /// grows again.
    fn reopen(
        &mut self,
        log: &Opening<'_>,
        last: &Segment,
        segments: &mut List<'_>,
    ) -> Result<bool> {
        let name = last.name();
        let failed = |e: io::Error| log.dir.failed("cannot reopen", &name, &e);
        if last.file.is_named(&name).map_err(failed)? {
            return Ok(false);
        }
        let file = log.dir.open_file(&name, Access::Follow)?;
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        read_full(&*file, &mut bytes, 0).map_err(failed)?;
        if bytes != last.header.encode() {
            let why = "another segment has taken the place of this one";
            return Err(last.corrupt(0, why).with_sequence(last.header.first_sequence));
        }
        let index = last.index().map(|index| (*index).clone());
        let mut tail = Tail::after(&last.header, index.as_ref());
        let moved = Segment::new(last.header, last.path.clone(), file, index, last.room.clone());
        tail.read_through(&moved, self.tail.offset)?;
        if (tail.offset, tail.log_hash) != (self.tail.offset, self.tail.log_hash) {
            let why = "the log has lost what was read from it before";
            return Err(tail.corrupt(last, why));
        }
        *segments.to_mut().last_mut().expect("an open log has a segment") = Arc::new(moved);
        Ok(true)
    }

    /// Makes what is known durable through a descriptor for reading; where that can't be done, what
    /// the writer says of itself counts.
    pub fn sync(&mut self, log: &Opening<'_>, segments: &[Arc<Segment>]) -> Result<()> {
        // After an fsync that failed the kernel takes for clean what never reached the disk.
        if log.dir.is_poisoned()? {
            return Ok(());
        }
        let (last, earlier) = segments.split_last().expect("an open log has a segment");
        let sealed = earlier.last().filter(|_| self.durable + 1 < last.header.first_sequence);
        let before = sealed.map_or(Ok(()), |sealed| sealed.file.sync());
        let named = before.is_ok() && (sealed.is_none() || log.dir.sync().is_ok());
        if named && last.file.sync().is_ok() {
            self.durable = self.tail.next_sequence - 1;
        }
        Ok(())
    }
}

fn last_of(segments: &[Arc<Segment>]) -> &Arc<Segment> {
    segments.last().expect("an open log has a segment")
}
