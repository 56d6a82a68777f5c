//! Examining one event after the other: content hash, event hash, version, chain, and what the
//! library's own events say. It computes the log hash on the way.

use super::identity::Declared;
use super::report::{is_finding, VerifyReport};
use crate::engine::format::frame::Frame;
use crate::engine::format::hash::{self, Link};
use crate::engine::format::system;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Log;
use crate::engine::model::content::Content;
use crate::engine::model::error::Result;
use crate::engine::model::event::{Event, Source};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::provenance::Provenance;
use foldhash::HashMap;

/// The walk so far.
pub struct Examiner<'a> {
    pub store: &'a Log,
    pub report: VerifyReport,
    /// What the identity file says.
    declared: Declared<'a>,
    /// The sequence that the next event should have.
    pub next: u64,
    /// The last sequence so far that was declared lost, or could not be examined.
    last_lost: u64,
    /// Every event so far was examined.
    pub complete: bool,
    /// The newest event of each entity in the segment that is being read.
    heads: HashMap<u32, Link>,
    scratch: Vec<u8>,
}

impl<'a> Examiner<'a> {
    pub fn new(store: &'a Log, declared: Declared<'a>, last_sequence: u64) -> Examiner<'a> {
        let log_hash = hash::log_start(store.identity.log_id);
        let report = VerifyReport { last_sequence, log_hash, ..VerifyReport::default() };
        let (heads, scratch) = (HashMap::default(), Vec::new());
        Examiner { store, report, declared, next: 1, last_lost: 0, complete: true, heads, scratch }
    }

    /// Goes on with the segment that begins with a sequence. Where nothing is missing before it,
    /// that is the one that comes next; what a log has lost before its first segment is not.
    pub fn begin_segment(&mut self, first_sequence: u64) {
        self.heads.clear();
        if self.next == 1 {
            self.next = first_sequence;
        }
    }

    /// Leaves out a segment, after which the log goes on with a sequence.
    pub fn skip_segment(&mut self, next_sequence: u64) {
        (self.next, self.complete) = (next_sequence, false);
    }

    /// The log hash that was computed, where no event is missing; and whether the identity file
    /// names a store id that the log does not declare.
    pub fn finish(&mut self) -> std::result::Result<(), &'static str> {
        if !self.complete {
            self.report.log_hash = Hash::ZERO;
            return Ok(());
        }
        self.declared.finish()
    }

    /// What could not be read has the sequences up to `last`.
    pub fn miss(&mut self, last: u64) {
        self.report.events_not_examined += (last + 1).saturating_sub(self.next);
        self.complete = false;
        self.last_lost = self.last_lost.max(last);
        self.next = self.next.max(last + 1);
    }

    /// Sequences that are declared as lost.
    pub fn lose(&mut self, (first, last): (u64, u64)) {
        self.report.losses += 1;
        self.report.lost_sequences += last - first + 1;
        self.report.log_hash = hash::log_next(self.report.log_hash, hash::loss_hash(first, last));
        (self.last_lost, self.next) = (last, last + 1);
    }

    /// The event of a frame at `offset` of a segment; `matches`: its payload was hashed already,
    /// and is what it should be.
    pub fn event(
        &mut self,
        segment: &Segment,
        offset: u64,
        frame: &Frame<'_>,
        event: &Event<'_>,
        matches: bool,
    ) -> Result<()> {
        self.report.events += 1;
        self.report.system_events += u64::from(event.kind.is_reserved());
        let own = self.own_event(frame);
        self.next = event.sequence + 1;
        let content = match matches {
            true => event.content,
            false => Content::of(event.payload),
        };
        let seen = Event { content, ..*event };
        let before = match self.heads.insert(frame.entity.number, Link::of(event)) {
            Some(before) => Some(before),
            None => self.link_before(segment, event)?,
        };
        let fault = match seen.content == event.content {
            false => Some("the payload does not match its content hash"),
            true => before.and_then(|b| b.fault(event, self.last_lost, &mut self.scratch)),
        };
        let follows = before.filter(|before| before.is_before(event));
        self.report.unlinked_events += u64::from(fault.is_none() && follows.is_none());
        // Only where something is wrong it is another one than the event has.
        let computed = match (fault, follows) {
            (Some(_), Some(before)) => hash::event_hash(&seen, &before.hash, &mut self.scratch),
            _ => event.event_hash,
        };
        self.complete &= before.is_some();
        self.report.log_hash = hash::log_next(self.report.log_hash, computed);
        let repeated = self.is_repeated(segment.header.first_sequence, event.id)?;
        let repeated = repeated.then_some("an earlier event has the same id");
        let unreadable = match event.source {
            Source::Raw(body) if Provenance::from_body(body, false).is_err() => {
                Some("the provenance of this event cannot be read")
            }
            _ => None,
        };
        for message in [own, fault, repeated, unreadable].into_iter().flatten() {
            let sequences = (event.sequence, event.sequence);
            self.report.find(&segment.path, offset, sequences, message);
        }
        Ok(())
    }

    /// What is wrong with what an event of the library says. It declares the sequences that are
    /// left out before it, names the store, or names a store id.
    fn own_event(&mut self, frame: &Frame<'_>) -> Option<&'static str> {
        let hole = frame.sequence > self.next;
        if hole {
            self.report.gaps += 1;
            self.report.gap_sequences += frame.sequence - self.next;
        }
        if hole && system::goes_on_at(frame) > self.next {
            return Some("sequences are missing before this event, and it does not declare them");
        }
        let identity = &self.store.identity;
        if frame.sequence == 1 {
            let says = system::genesis(frame.payload);
            let is_ours = frame.kind == Kind::GENESIS
                && frame.event_hash == identity.genesis_hash
                && says == Some((identity.log_id, identity.created_us));
            if !is_ours {
                return Some("not the genesis event of this store");
            }
        }
        // Where events are missing, an identity event may be among them.
        let declared = self.declared.meet(frame.sequence, frame.kind, frame.payload);
        declared.err().filter(|_| self.complete)
    }

    /// The newest event of this event's entity in the segments before its own; none where that is
    /// damaged, which is found there.
    fn link_before(&self, segment: &Segment, event: &Event<'_>) -> Result<Option<Link>> {
        let before = segment.header.first_sequence;
        let genesis = self.store.identity.genesis_hash;
        let first = || Link::before_first(event.entity, event.sequence, genesis);
        match self.store.segments().newest_before(event.entity, before) {
            Ok(newest) => Ok(Some(newest.map_or_else(first, |newest| newest.link))),
            Err(e) if is_finding(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether a segment before this one has an event with the same id.
    fn is_repeated(&self, first_sequence: u64, id: Id) -> Result<bool> {
        match self.store.segments().find_id_before(id, first_sequence) {
            Ok(found) => Ok(found.is_some()),
            Err(e) if is_finding(&e) => Ok(false),
            Err(e) => Err(e),
        }
    }
}
