//! The log hash as of an event of the past, computed from the batch that has it.

use super::scan::Strings;
use super::Store;
use crate::engine::format::frame::{BatchHeader, SEGMENT_HEADER_LEN};
use crate::engine::format::hash::{self, Link};
use crate::engine::log::segment::{Flow, Segment, Stretch};
use crate::engine::log::state::Log;
use crate::engine::log::tail::Batches;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::Hash;
use foldhash::HashMap;
use std::sync::Arc;

/// A batch, and the log hash before it.
struct Place {
    offset: u64,
    header: BatchHeader,
    log_hash: Hash,
}

impl Store {
    /// The log hash as of the event with this sequence, also inside of a batch. Reads its batch and
    /// some headers before it: every hash of that batch is computed, and must lead to what its
    /// header says. Of what is before the batch the log hash is taken as it stands there.
    ///
    /// `InvalidArgument` for 0, `NotFound` above what is visible and where no event has the
    /// sequence, `Corrupt`.
    pub fn log_hash_at(&self, sequence: u64) -> Result<Hash> {
        self.log_hash_by(sequence, false)
    }

    /// As [`Store::log_hash_at`]; where the event ends its batch, that which the batch's header
    /// says.
    pub(crate) fn log_hash_recorded(&self, sequence: u64) -> Result<Hash> {
        self.log_hash_by(sequence, true)
    }

    fn log_hash_by(&self, sequence: u64, trusts_header: bool) -> Result<Hash> {
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        if sequence == 0 {
            return Err(Error::invalid("no event has the sequence 0"));
        }
        let visible = store.current_frontier().visible;
        let none = |why: String| {
            let error = Error::new(Code::NotFound, format!("sequence {sequence} {why}"));
            error.with_numbers(sequence, visible)
        };
        if sequence > visible {
            return Err(none(format!("is after the end of the log, which is {visible}")));
        }
        let segments = store.segments();
        let after = segments.partition_point(|s| s.header.first_sequence <= sequence);
        let segment = after.checked_sub(1).map(|at| &segments[at]);
        let place = segment.map(|segment| place_of(segment, sequence)).transpose()?.flatten();
        match (segment, place) {
            (Some(_), Some(Place { header, .. })) if trusts_header && ends(&header, sequence) => {
                Ok(header.log_hash)
            }
            (Some(segment), Some(place)) => {
                store.hash_in_batch(segment, &place, sequence).map_err(|e| segment.identify(e))
            }
            _ => Err(none("belongs to no event: it is in a declared gap or loss".into())),
        }
    }
}

fn ends(batch: &BatchHeader, sequence: u64) -> bool {
    batch.first_sequence + u64::from(batch.count) == sequence + 1
}

/// The batch with this sequence; none where no event has it.
fn place_of(segment: &Segment, sequence: u64) -> Result<Option<Place>> {
    let mut window = segment.window();
    // The log hash before a batch is in the header before that. So the walk over headers has to
    // begin in front of the batch, which may follow a gap of any size.
    let mut back = 1;
    loop {
        let mut at = match sequence.saturating_sub(back) {
            0 => SEGMENT_HEADER_LEN as u64,
            after => segment.batch_for_walk(after)?,
        };
        let is_first = at == SEGMENT_HEADER_LEN as u64;
        let mut before = is_first.then_some(segment.header.log_hash);
        while at < segment.end() {
            let header = segment.batch_at(&mut window, at).map_err(|e| segment.identify(e))?;
            if header.first_sequence.saturating_add(header.count.into()) > sequence {
                let Some(log_hash) = before else { break };
                let has = header.first_sequence <= sequence;
                return Ok(has.then_some(Place { offset: at, header, log_hash }));
            }
            before = Some(header.log_hash);
            at += header.total_len();
        }
        if is_first {
            return Ok(None);
        }
        back = back.saturating_mul(4);
    }
}

impl Log {
    /// The log hash as of an event of a batch, whose hashes are computed to the last.
    fn hash_in_batch(&self, segment: &Arc<Segment>, place: &Place, sequence: u64) -> Result<Hash> {
        let (mut strings, mut scratch) = (Strings::new(segment.clone()), Vec::new());
        let mut heads: HashMap<u32, Link> = HashMap::default();
        let (mut log_hash, mut found) = (place.log_hash, None);
        let Place { offset, header, .. } = place;
        let stretch = Stretch { frame: 0, batch: *offset, end: offset + header.total_len() };
        let _whole = segment.walk_stretch(&stretch, &mut |at, frame| {
            let event = strings.event(frame, None)?;
            let head = heads.insert(frame.entity.number, Link::of(&event));
            let matches = self.matches(segment, &event, head, at, &mut scratch)?;
            log_hash = hash::log_next(log_hash, event.event_hash);
            if let Err(why) = matches {
                let (id, sequence) = (event.id, event.sequence);
                let why = format!("event {id} (sequence {sequence}): {why}");
                return Err(segment.corrupt(at, why).with_event(id, sequence));
            }
            found = found.or((event.sequence == sequence).then_some(log_hash));
            Ok(Flow::Continue(()))
        })?;
        if log_hash != header.log_hash {
            let why = "the log hash does not continue the one before";
            return Err(segment.corrupt(*offset, why).with_sequence(header.first_sequence));
        }
        found.ok_or_else(|| {
            let why = "the batch lacks an event that its header has";
            segment.corrupt(*offset, why).with_sequence(sequence)
        })
    }

    /// Whether the hashes of an event are those of what it has. `head`: the newest event of its
    /// entity in the batch before it.
    fn matches(
        &self,
        segment: &Segment,
        event: &Event<'_>,
        head: Option<Link>,
        offset: u64,
        scratch: &mut Vec<u8>,
    ) -> Result<std::result::Result<(), &'static str>> {
        if !event.content.is_of(event.payload) {
            return Ok(Err("the payload does not match its content hash"));
        }
        let previous = match head {
            Some(head) => head.is_before(event).then_some(head.hash),
            None => {
                let (entity, offset) = (event.entity, offset as u32);
                let hash = self.previous_hash(segment, entity, event.version, offset)?;
                // Zero is what is before the genesis event; else the event before was lost.
                Some(hash).filter(|hash| *hash != Hash::ZERO || event.sequence == 1)
            }
        };
        let is_wrong = |previous| hash::event_hash(event, &previous, scratch) != event.event_hash;
        Ok(match previous.is_some_and(is_wrong) {
            true => Err("the event hash does not match"),
            false => Ok(()),
        })
    }
}
