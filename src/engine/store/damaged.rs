//! Examining what is left of a segment that cannot be read batch by batch. It is read as a repair
//! reads it; each damaged place is found, with the sequences of the events that are in it.

use super::examine::Examiner;
use super::index_check::IndexCheck;
use crate::engine::format::frame::BatchHeader;
use crate::engine::format::hash::{self, Link};
use crate::engine::format::system;
use crate::engine::log::salvage::{Piece, Salvage};
use crate::engine::log::segment::Segment;
use crate::engine::model::error::Result;
use crate::engine::model::id::Hash;
use crate::engine::model::limits::SEQUENCE_MAX;
use crate::engine::platform::watch::Watch;
use foldhash::HashMap;
use std::path::Path;

/// A damaged place, of which it is not known yet which sequences it has.
struct Place {
    offset: u64,
    /// The sequence that should have come next.
    next: u64,
    message: String,
}

/// A batch whose header was read.
struct Batch {
    offset: u64,
    header: BatchHeader,
    /// Events of it so far.
    events: u64,
}

/// The walk over one segment.
pub struct Damaged<'w, 'a, 'c> {
    pub examiner: &'w mut Examiner<'a>,
    pub segment: &'w Segment,
    pub index: Option<&'w mut IndexCheck>,
    pub salvage: Salvage,
    pub watch: &'w Watch<'c>,
    /// The last sequence that is visible.
    visible: u64,
    /// The last sequence that a header so far names.
    through: u64,
    places: Vec<Place>,
    batch: Option<Batch>,
    /// Something that belongs to nothing came since the header of the batch.
    astray: bool,
    /// The log hash here, as headers and events say; none after damage, up to the next header.
    log_hash: Option<Hash>,
    /// Offset of every id so far.
    ids: HashMap<u128, u64>,
    /// The newest event of each entity so far, by its number.
    heads: HashMap<u32, Link>,
}

impl<'w, 'a, 'c> Damaged<'w, 'a, 'c> {
    pub fn new(
        examiner: &'w mut Examiner<'a>,
        segment: &'w Segment,
        index: Option<&'w mut IndexCheck>,
        salvage: Salvage,
        watch: &'w Watch<'c>,
    ) -> Damaged<'w, 'a, 'c> {
        Damaged {
            visible: examiner.report.last_sequence,
            log_hash: Some(segment.header.log_hash),
            examiner,
            segment,
            index,
            salvage,
            watch,
            through: 0,
            places: Vec::new(),
            batch: None,
            astray: false,
            ids: HashMap::default(),
            heads: HashMap::default(),
        }
    }

    /// Examines the segment, which ends before the sequence `end`.
    pub fn run(mut self, end: u64) -> Result<()> {
        let pieces = self.salvage.pieces();
        for (at, piece) in pieces {
            self.watch.check()?;
            match piece {
                // It came after the call, or is a claim.
                Piece::Header(header) if header.first_sequence > self.visible + 1 => {}
                Piece::Header(header) => self.header(at, header),
                Piece::Frame(length) => self.frame(at, length)?,
                Piece::Unread(length) => self.unread(at, length),
            }
        }
        self.end_batch();
        let length = self.salvage.end();
        self.close_hole(end, length, "the rest of the segment is missing");
        Ok(())
    }

    fn unread(&mut self, offset: u64, length: usize) {
        self.examiner.report.bytes_not_examined += length as u64;
        let end = |batch: &Batch| batch.offset + batch.header.total_len();
        match self.batch.as_ref().map(end) {
            Some(end) if offset >= end => self.end_batch(),
            // The header after it is lost too.
            Some(end) if offset + length as u64 > end => self.batch = None,
            _ => self.astray = true,
        }
        self.log_hash = None;
        let zeros = self.salvage.is_zeros(offset as usize, offset as usize + length);
        let what = if zeros { "zero" } else { "neither a header nor an event" };
        let (next, message) = (self.examiner.next, format!("{length} bytes are {what}"));
        self.places.push(Place { offset, next, message });
    }

    /// A header says how far the batch before it went at least, and where the next one goes on.
    fn header(&mut self, offset: u64, header: BatchHeader) {
        self.end_batch();
        self.close_hole(self.through.saturating_add(1), offset, "the batch is not whole");
        let (first, next) = (header.first_sequence, self.examiner.next);
        if first < next {
            let path = &self.segment.path;
            let sequences = (first, first);
            self.examiner.report.find(path, offset, sequences, "the batch repeats sequences");
        }
        if header.is_loss() && first > next && self.places.is_empty() {
            let loss = (next, first - 1);
            self.log_hash =
                self.log_hash.map(|h| hash::log_next(h, hash::loss_hash(loss.0, loss.1)));
            self.examiner.lose(loss);
        } else if header.flags != 0 {
            self.close_hole(first, offset, "sequences are missing here");
        }
        self.through = self.through.max(first.saturating_add(header.count.into()) - 1);
        self.examiner.report.batches += u64::from(header.count > 0);
        self.batch = Some(Batch { offset, header, events: 0 });
        self.astray = false;
    }

    /// Compares the batch with its header, where nothing of it is lost.
    fn end_batch(&mut self) {
        let Some(Batch { offset, header, events }) = self.batch.take() else { return };
        let (first, count) = (header.first_sequence, u64::from(header.count));
        let known = self.log_hash.replace(header.log_hash);
        if self.astray {
            return;
        }
        let fault = if !self.salvage.is_whole(offset, &header) {
            "the checksum of the batch does not match"
        } else if events != count {
            "the batch does not have the number of events that its header says"
        } else if known.is_some_and(|known| known != header.log_hash) {
            "the log hash does not continue the one before"
        } else {
            return;
        };
        let sequences = (first, (first + count).saturating_sub(1).max(first));
        self.examiner.report.find(&self.segment.path, offset, sequences, fault);
    }

    fn frame(&mut self, at: u64, length: usize) -> Result<()> {
        let frame = self.salvage.frame(at, length).expect("the frame held when it was read");
        let (sequence, id) = (frame.sequence, frame.id);
        if sequence > self.visible {
            return Ok(());
        }
        let path = &self.segment.path;
        if sequence < self.examiner.next {
            let what = format!("the event {id} repeats the sequence of an earlier one");
            self.examiner.report.find(path, at, (sequence, sequence), what);
            return Ok(());
        }
        let Some(names) = self.salvage.names(&frame) else {
            let message = format!(
                "event {id}: its entity, scope or namespace was spelled in a part that is lost"
            );
            self.log_hash = None;
            self.places.push(Place { offset: at, next: self.examiner.next, message });
            return Ok(());
        };
        let goes_on = system::goes_on_at(&frame);
        let event = names.event(&frame);
        let tag = hash::content_tag(event.entity, event.scope, event.kind, &event.content);
        if let Some(index) = &mut self.index {
            match index.event(at, &frame, tag) {
                Ok(None) => {}
                Ok(Some(what)) => {
                    self.examiner.report.find(path, at, (sequence, sequence), what);
                }
                Err(e) => self.examiner.report.note(path, e)?,
            }
        }
        if self.ids.insert(id.0, at).is_some() {
            let what = "an earlier event has the same id";
            self.examiner.report.find(path, at, (sequence, sequence), what);
        }
        let why = "sequences are missing here, and nothing says why";
        close_hole(self.examiner, path, &mut self.places, goes_on, at, why);
        self.log_hash = self.log_hash.map(|h| hash::log_next(h, event.event_hash));
        if let Some(batch) = &mut self.batch {
            batch.events += 1;
        }
        let before = self.heads.insert(frame.entity.number, Link::of(&event));
        self.examiner.event(self.segment, at, &frame, &event, before)
    }

    fn close_hole(&mut self, to: u64, offset: u64, why: &str) {
        let path = &self.segment.path;
        close_hole(self.examiner, path, &mut self.places, to, offset, why);
    }
}

/// The log goes on with the sequence `to`. Those that this leaves out are in the damaged places
/// since the last event, or else missing because of `why`.
fn close_hole(
    examiner: &mut Examiner<'_>,
    path: &Path,
    places: &mut Vec<Place>,
    to: u64,
    offset: u64,
    why: &str,
) {
    let (next, to) = (examiner.next, to.min(SEQUENCE_MAX));
    if to > next && places.is_empty() {
        examiner.report.find(path, offset, (next, to - 1), why);
    }
    for place in places.drain(..) {
        let sequences = if to > next { (next, to - 1) } else { (place.next, place.next) };
        examiner.report.find(path, place.offset, sequences, place.message);
    }
    if to > next {
        examiner.miss(to - 1);
    }
}
