//! Reading a log batch by batch, each checked in full: what recovery, followers and rebuilds share.

use super::window::Window;
use crate::engine::format::frame::{
    BatchHeader, Frame, Parsed, SegmentHeader, BATCH_HEADER_LEN, FRAME_FIXED_LEN,
    SEGMENT_HEADER_LEN,
};
use crate::engine::format::hash;
use crate::engine::index::file::{is_damage, Index, IndexMeta};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::{Hash, Kind};
use crate::engine::platform::watch::Watch;
use std::fmt::Display;

/// A place between two batches of a segment, and what is known there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    pub offset: u64,
    /// The sequence that the next event has, or a lower one where a gap or a loss is declared.
    pub next_sequence: u64,
    pub log_hash: Hash,
    pub last_recorded_us: i64,
    /// The highest "synced through" of the batches before, in this segment.
    pub synced_through: u64,
    /// Events of this segment before.
    pub events: u64,
    pub batches: u64,
    pub sealed: bool,
}

/// A segment as a tail reads it, with a table that takes in its batches.
pub trait Batches {
    fn header(&self) -> &SegmentHeader;
    /// A window for reading all of it.
    fn sequential(&self) -> Window;
    /// The error for damage at an offset.
    fn corrupt(&self, offset: u64, why: impl Display) -> Error;
    /// Adds the batch whose header is at `offset`, from its body, whose frames were checked.
    fn extend(&self, offset: u64, body: &[u8]) -> Result<()>;
    /// Everything below `end` is known now.
    fn publish(&self, end: u64);

    /// The frame at `at` of the body of a batch, which is at `place` of the file.
    fn frame_in<'a>(&self, body: &'a [u8], at: usize, place: u64) -> Result<Frame<'a>> {
        let rest = &body[at..];
        if rest.len() < FRAME_FIXED_LEN || Frame::length(rest) > rest.len() {
            return Err(self.corrupt(place, "a frame is longer than its batch"));
        }
        Frame::decode(self.header(), place, &rest[..Frame::length(rest)])
            .map_err(|why| self.corrupt(place, why))
    }

    /// The same of a batch whose frames were checked: no checksum is computed once more.
    fn checked_frame_in<'a>(&self, body: &'a [u8], at: usize, place: u64) -> Result<Frame<'a>> {
        let frame =
            body[at..].get(..Frame::length(&body[at..])).filter(|f| f.len() >= FRAME_FIXED_LEN);
        frame
            .and_then(|frame| Frame::parse(self.header(), frame))
            .ok_or_else(|| self.corrupt(place, "the fields of the frame do not parse"))
    }
}

/// What is at a tail.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole batch, or a declared loss; the tail is after it now.
    Batch,
    /// The end of a sealed segment.
    Sealed,
    /// Nothing was written here.
    End,
    /// Something that is not a whole batch that belongs here.
    Bad(&'static str),
}

impl Tail {
    /// The place after the header of a segment.
    pub fn at_start(header: &SegmentHeader) -> Tail {
        Tail {
            offset: SEGMENT_HEADER_LEN as u64,
            next_sequence: header.first_sequence,
            log_hash: header.log_hash,
            last_recorded_us: header.created_us,
            synced_through: 0,
            events: 0,
            batches: 0,
            sealed: false,
        }
    }

    /// The place where an index ends, which covers only what was synced.
    pub fn after_index(header: &SegmentHeader, meta: &IndexMeta) -> Tail {
        Tail {
            offset: meta.covered_len,
            next_sequence: meta.last_sequence + 1,
            log_hash: meta.log_hash,
            last_recorded_us: meta.last_recorded_us,
            synced_through: meta.last_sequence,
            events: meta.events,
            sealed: meta.sealed,
            ..Tail::at_start(header)
        }
    }

    /// The place where an index ends, or the start of the segment where it has none.
    pub fn after(header: &SegmentHeader, index: Option<&Index>) -> Tail {
        index.map_or_else(|| Tail::at_start(header), |i| Tail::after_index(header, &i.meta))
    }

    /// What an index over everything before this place says of it.
    pub fn index_meta(&self) -> IndexMeta {
        IndexMeta {
            covered_len: self.offset,
            last_sequence: self.next_sequence - 1,
            events: self.events,
            last_recorded_us: self.last_recorded_us,
            log_hash: self.log_hash,
            sealed: self.sealed,
        }
    }

    /// Reads the batch here, adds it to `segment`, and moves past it.
    pub fn step(&mut self, segment: &impl Batches, window: &mut Window) -> Result<Step> {
        if self.sealed {
            return Ok(Step::Sealed);
        }
        let head = window.get(self.offset, BATCH_HEADER_LEN)?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(Step::End);
        }
        let header = match BatchHeader::decode(segment.header(), self.offset, head) {
            Ok(header) => header,
            Err(why) => return Ok(Step::Bad(why)),
        };
        let body = window.get(self.offset + BATCH_HEADER_LEN as u64, header.body_len as usize)?;
        if !header.body_holds(segment.header(), self.offset, body) {
            return Ok(Step::Bad("the checksum of the batch does not match"));
        }
        let mut next = *self;
        if let Err(why) = next.accept(segment, &header, body)? {
            return Ok(Step::Bad(why));
        }
        match header.is_seal() {
            true => segment.publish(next.offset),
            false => segment.extend(self.offset, body)?,
        }
        *self = next;
        Ok(if self.sealed { Step::Sealed } else { Step::Batch })
    }

    /// Moves past a whole batch, if it continues what came before.
    fn accept(
        &mut self,
        segment: &impl Batches,
        header: &BatchHeader,
        body: &[u8],
    ) -> Result<Parsed<()>> {
        let (mut log_hash, mut at, mut expected) = (self.log_hash, 0, header.first_sequence);
        if header.first_sequence < self.next_sequence {
            return Ok(Err("the batch repeats sequences"));
        }
        let hole = header.first_sequence > self.next_sequence;
        if header.is_seal() && hole {
            return Ok(Err("the seal leaves sequences out"));
        }
        if header.is_loss() {
            if !hole {
                return Ok(Err("a loss is declared where no sequence is missing"));
            }
            log_hash = hash::log_next(
                log_hash,
                hash::loss_hash(self.next_sequence, header.first_sequence - 1),
            );
        }
        while at < body.len() {
            let place = self.offset + (BATCH_HEADER_LEN + at) as u64;
            let frame = segment.frame_in(body, at, place)?;
            if frame.sequence != expected {
                return Ok(Err("a frame has another frame's sequence"));
            }
            if at == 0 && hole && frame.kind != Kind::GAP {
                return Ok(Err("sequences are missing, and no gap is declared"));
            }
            log_hash = hash::log_next(log_hash, frame.event_hash);
            expected += 1;
            at += Frame::length(&body[at..]);
        }
        if expected - header.first_sequence != u64::from(header.count) {
            return Ok(Err("the batch does not have the number of events that its header says"));
        }
        if log_hash != header.log_hash {
            return Ok(Err("the log hash does not continue the one before"));
        }
        self.offset += header.total_len();
        self.next_sequence = expected;
        self.log_hash = log_hash;
        self.last_recorded_us = header.recorded_us;
        self.synced_through = self.synced_through.max(header.synced_through);
        self.events += u64::from(header.count);
        self.batches += u64::from(header.count > 0);
        self.sealed = header.is_seal();
        Ok(Ok(()))
    }

    /// Reads on until the log has been read up to `end`.
    pub fn read_through(&mut self, segment: &impl Batches, end: u64) -> Result<()> {
        self.read_watched(segment, end, &Watch::default())
    }

    /// As [`Tail::read_through`], under a watch that counts the bytes.
    pub fn read_watched(
        &mut self,
        segment: &impl Batches,
        end: u64,
        watch: &Watch<'_>,
    ) -> Result<()> {
        let mut window = segment.sequential();
        while self.offset < end {
            let before = self.offset;
            match self.step(segment, &mut window).map_err(|e| self.identify(e))? {
                _ if self.sealed && self.offset < end => {
                    return Err(self.corrupt(segment, "something follows the seal"));
                }
                Step::Batch | Step::Sealed => watch.advance(self.offset - before)?,
                Step::End => return Err(self.corrupt(segment, "the log ends here")),
                Step::Bad(why) => return Err(self.corrupt(segment, why)),
            }
        }
        Ok(())
    }

    /// The error for damage here, which names the sequence that should be here.
    pub fn corrupt(&self, segment: &impl Batches, why: impl Display) -> Error {
        self.identify(segment.corrupt(self.offset, why))
    }

    /// Adds to an error about the batch here which sequence should be here.
    fn identify(&self, error: Error) -> Error {
        match is_damage(&error) && error.sequence == 0 {
            true => error.with_sequence(self.next_sequence),
            false => error,
        }
    }
}
