//! Examining one event after the other: content hash, event hash, version, chain, and what the
//! library's own events say. Of events that were found sound before, only the order is left to
//! check. The log hash is that of the batches, which were read, as long as nothing is wrong; from
//! the first event on that is, it is computed event by event.

use super::identity::Declared;
use super::report::{is_finding, VerifyReport};
use crate::engine::format::frame::Frame;
use crate::engine::format::hash::{self, Link};
use crate::engine::format::system;
use crate::engine::log::segment::{Flow, Segment};
use crate::engine::log::state::Log;
use crate::engine::log::tail::Tail;
use crate::engine::model::content::Content;
use crate::engine::model::error::Result;
use crate::engine::model::event::{Event, Source};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::provenance::Provenance;

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
    /// The last sequence so far that was declared lost.
    declared_lost: u64,
    /// Every event so far was examined.
    pub complete: bool,
    /// The log hash is that before the segment that is being read, and will be the one after it.
    behind: bool,
    scratch: Vec<u8>,
}

impl<'a> Examiner<'a> {
    pub fn new(store: &'a Log, declared: Declared<'a>, last_sequence: u64) -> Examiner<'a> {
        let log_hash = hash::log_start(store.identity.log_id);
        let report = VerifyReport { last_sequence, log_hash, ..VerifyReport::default() };
        Examiner {
            store,
            report,
            declared,
            next: 1,
            last_lost: 0,
            declared_lost: 0,
            complete: true,
            behind: false,
            scratch: Vec::new(),
        }
    }

    /// Goes on with the segment that begins with a sequence. Where nothing is missing before it,
    /// that is the one that comes next; what a log has lost before its first segment is not.
    pub fn begin_segment(&mut self, first_sequence: u64) {
        self.behind = false;
        if self.next == 1 {
            self.next = first_sequence;
        }
    }

    /// The batches of the segment are whole and end with `tail`, before or at the end of the walk.
    /// Their log hashes are those of the events, as long as nothing is wrong with one.
    pub fn begin_whole(&mut self, segment: &Segment, tail: &Tail) {
        let continues = self.report.log_hash == segment.header.log_hash || !self.complete;
        self.behind = continues && tail.next_sequence <= self.report.last_sequence + 1;
    }

    /// All events of a segment were met that ends with `tail`.
    pub fn end_whole(&mut self, tail: &Tail) {
        if std::mem::take(&mut self.behind) {
            self.report.log_hash = tail.log_hash;
        }
    }

    /// Whether the log hash takes in each event when it is met.
    pub fn is_hashing(&self) -> bool {
        !self.behind
    }

    fn hash(&mut self, event_hash: Hash) {
        if !self.behind {
            self.report.log_hash = hash::log_next(self.report.log_hash, event_hash);
        }
    }

    /// Computes the log hash before the event at `offset` of a segment, and each from there on.
    fn catch_up(&mut self, segment: &Segment, offset: u64) -> Result<()> {
        let (mut hash, losses) = (segment.header.log_hash, segment.losses()?);
        let mut losses = losses.iter().peekable();
        let _stopped = segment.walk(0, &mut |at, frame| {
            while let Some((first, last)) = losses.next_if(|(first, _)| *first < frame.sequence) {
                hash = hash::log_next(hash, hash::loss_hash(*first, *last));
            }
            if at >= offset {
                return Ok(Flow::Break(()));
            }
            hash = hash::log_next(hash, frame.event_hash);
            Ok(Flow::Continue(()))
        })?;
        (self.report.log_hash, self.behind) = (hash, false);
        Ok(())
    }

    /// Leaves out a segment, after which the log goes on with a sequence.
    pub fn skip_segment(&mut self, next_sequence: u64) {
        (self.next, self.complete) = (next_sequence, false);
    }

    /// The log hash that was computed, where no event is missing; and whether the identity file
    /// names a store id that the log does not declare, or does not say that events were lost.
    pub fn finish(&mut self) -> std::result::Result<(), &'static str> {
        if self.declared_lost > self.store.identity.repaired_through {
            return Err("the log declares a loss, and the identity file does not say so");
        }
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
        self.declared_lost = last;
        self.report.losses += 1;
        self.report.lost_sequences += last - first + 1;
        self.hash(hash::loss_hash(first, last));
        (self.last_lost, self.next) = (last, last + 1);
    }

    /// The next event, which was found sound: only its order is left to check, and that it comes
    /// next is known. `event_hash`: as it says, where [`Examiner::is_hashing`].
    pub fn pass(&mut self, sequence: u64, kind: Kind, event_hash: Option<Hash>) {
        self.report.events += 1;
        self.next = sequence + 1;
        // No event of the library's own is passed: this one declares nothing.
        let _nothing = self.declared.meet(sequence, kind, &[]);
        event_hash.into_iter().for_each(|event_hash| self.hash(event_hash));
    }

    /// The event of a frame at `offset` of a segment. `before`: its entity's event before it in the
    /// same segment.
    pub fn event(
        &mut self,
        segment: &Segment,
        offset: u64,
        frame: &Frame<'_>,
        event: &Event<'_>,
        before: Option<Link>,
    ) -> Result<()> {
        self.report.events += 1;
        self.report.system_events += u64::from(event.kind.is_reserved());
        let own = self.own_event(frame);
        self.next = event.sequence + 1;
        let seen = Event { content: Content::of(event.payload), ..*event };
        let before = match before {
            Some(before) => Some(before),
            None => link_before(self.store, segment, event)?,
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
        if self.behind && computed != event.event_hash {
            self.catch_up(segment, offset)?;
        }
        self.hash(computed);
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

    /// Whether a segment before this one has an event with the same id.
    fn is_repeated(&self, first_sequence: u64, id: Id) -> Result<bool> {
        match self.store.segments().find_id_before(id, first_sequence) {
            Ok(found) => Ok(found.is_some()),
            Err(e) if is_finding(&e) => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// The newest event of an event's entity in the segments before its own; none where that is
/// damaged, which is found there.
pub fn link_before(store: &Log, segment: &Segment, event: &Event<'_>) -> Result<Option<Link>> {
    let before = segment.header.first_sequence;
    let genesis = store.identity.genesis_hash;
    let first = || Link::before_first(event.entity, event.sequence, genesis);
    match store.segments().newest_before(event.entity, before) {
        Ok(newest) => Ok(Some(newest.map_or_else(first, |newest| newest.link))),
        Err(e) if is_finding(&e) => Ok(None),
        Err(e) => Err(e),
    }
}
