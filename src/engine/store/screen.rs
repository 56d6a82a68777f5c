//! Screening the events of a segment while it is read: which of them are sound, as far as that can
//! be said without having examined those before. Each check is made of many events at once. What
//! does not pass is examined on its own.

use super::examine::link_before;
use super::index_check::IndexCheck;
use crate::engine::format::frame::{Frame, SegmentHeader, BATCH_HEADER_LEN};
use crate::engine::format::hash::{self, Link};
use crate::engine::format::lanes::{self, Inputs};
use crate::engine::index::memtable::MemTable;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Log;
use crate::engine::log::tail::Batches;
use crate::engine::log::window::Window;
use crate::engine::model::content::Content;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::Source;
use crate::engine::model::id::Hash;
use crate::engine::model::provenance::Provenance;
use foldhash::HashMap;
use std::cell::RefCell;
use std::fmt::Display;

/// Events are hashed so many at a time.
const TOGETHER: usize = 256;

/// The events of a segment that are to be examined on their own: their offsets, ascending.
#[derive(Default)]
pub struct Suspects {
    offsets: Vec<u32>,
    next: usize,
}

impl Suspects {
    /// Whether the event at an offset is one; asked for each in the order of the log.
    pub fn has(&mut self, offset: u32) -> bool {
        let is_it = self.offsets.get(self.next) == Some(&offset);
        self.next += usize::from(is_it);
        is_it
    }
}

/// A segment whose batches are screened when they are read, while the processor has them at hand.
pub struct Screen<'s> {
    store: &'s Log,
    segment: &'s Segment,
    state: RefCell<State<'s>>,
}

struct State<'s> {
    index: Option<&'s mut IndexCheck>,
    /// The newest event of each entity so far, by its number.
    heads: HashMap<u32, Link>,
    suspects: Vec<u32>,
    /// What event hashes are the hashes of.
    inputs: Inputs,
}

/// An event that is screened.
struct Screened<'f> {
    offset: u32,
    sound: bool,
    payload: &'f [u8],
    content: Content<'f>,
    event_hash: Hash,
}

impl<'s> Screen<'s> {
    pub fn new(
        store: &'s Log,
        segment: &'s Segment,
        index: Option<&'s mut IndexCheck>,
    ) -> Screen<'s> {
        let (heads, suspects, inputs) = (HashMap::default(), Vec::new(), Inputs::default());
        let state = RefCell::new(State { index, heads, suspects, inputs });
        Screen { store, segment, state }
    }

    /// Those that did not pass, once all was read. `slots`: all events, in the order of the filter
    /// keys of their ids.
    pub fn finish(self, slots: &[(u64, u32)]) -> Suspects {
        let State { index, mut suspects, .. } = self.state.into_inner();
        let table = self.segment.read_table();
        let all = || table.slots(0..table.len()).iter().map(|slot| slot.offset).collect();
        let mut suspect = |number: u32| suspects.push(table.slot(number).offset);
        let mut asked = Ok(());
        if let Some(index) = index {
            index.rewind();
            asked = index.lacking_ids(&table, slots, &mut suspect);
        }
        let asked = asked.and_then(|()| {
            let (before, id) = (self.segment.header.first_sequence, |n| table.slot(n).id);
            self.store.segments().find_any_before(slots, before, &id, &mut suspect)
        });
        // What cannot be asked is asked again for each event, so that it is found in its place.
        match asked.is_err() || table.has_repeated_ids() {
            true => suspects = all(),
            false => {
                suspects.sort_unstable();
                suspects.dedup();
            }
        }
        Suspects { offsets: suspects, next: 0 }
    }

    /// Screens an event, except for its hashes: what of those is hashed is put to the inputs.
    fn event<'f>(
        &self,
        state: &mut State<'_>,
        table: &MemTable,
        offset: u64,
        frame: &Frame<'f>,
    ) -> Screened<'f> {
        let text = |number| table.string(number).unwrap_or_default();
        let namespace = frame.namespace.map_or("", |namespace| text(namespace.number));
        let (entity, scope) = (text(frame.entity.number), text(frame.scope.number));
        let event = frame.with_strings(entity, scope, namespace);
        let before = match state.heads.insert(frame.entity.number, Link::of(&event)) {
            Some(before) => Some(before),
            None => link_before(self.store, self.segment, &event).ok().flatten(),
        };
        let zone = state.index.as_mut().map_or(Ok(None), |index| index.zone_lacks(offset, frame));
        let readable = match event.source {
            Source::Raw(body) => Provenance::from_body(body, false).is_ok(),
            _ => true,
        };
        // What the library's own events say depends on those before.
        let ordinary = !event.kind.is_reserved() && event.sequence > 1;
        let follows = before.is_some_and(|before| before.is_before(&event));
        let previous = before.map_or(Hash::ZERO, |before| before.hash);
        let content_hash = event.content_hash();
        state.inputs.push(|out| hash::put_event(&event, &content_hash, &previous, out));
        Screened {
            offset: offset as u32,
            sound: ordinary && follows && readable && matches!(zone, Ok(None)),
            payload: frame.event.payload,
            content: frame.event.content,
            event_hash: event.event_hash,
        }
    }
}

impl State<'_> {
    /// Compares the hashes of some events, and keeps those that are not sound.
    fn check(&mut self, events: &mut Vec<Screened<'_>>) {
        let sound = &mut [true; TOGETHER];
        let payloads: Vec<_> = events.iter().map(|event| (event.payload, event.content)).collect();
        lanes::are_of(&payloads).iter().zip(&mut *sound).for_each(|(is, sound)| *sound &= is);
        lanes::hash_each(self.inputs.iter(), |at, hash| sound[at] &= hash == events[at].event_hash);
        let screened = events.iter().zip(sound);
        let suspects = screened.filter(|(event, sound)| !(event.sound && **sound));
        self.suspects.extend(suspects.map(|(event, _)| event.offset));
        events.clear();
        self.inputs.clear();
    }
}

impl Batches for Screen<'_> {
    fn header(&self) -> &SegmentHeader {
        self.segment.header()
    }

    fn sequential(&self) -> Window {
        self.segment.sequential()
    }

    fn corrupt(&self, offset: u64, why: impl Display) -> Error {
        self.segment.corrupt(offset, why)
    }

    fn extend(&self, offset: u64, body: &[u8]) -> Result<()> {
        self.segment.extend(offset, body)?;
        let (table, state) = (self.segment.read_table(), &mut *self.state.borrow_mut());
        let (mut at, mut events) = (0, Vec::new());
        while at < body.len() {
            let place = offset + (BATCH_HEADER_LEN + at) as u64;
            let frame = self.frame_in(body, at, place)?;
            events.push(self.event(state, &table, place, &frame));
            at += Frame::length(&body[at..]);
            if events.len() == TOGETHER || at == body.len() {
                state.check(&mut events);
            }
        }
        Ok(())
    }

    fn publish(&self, end: u64) {
        self.segment.publish(end);
    }
}
