//! Whether a destination has an event, in whatever order events are asked for: by its index, which
//! has a tag of their content; or, while they come in the order of its log, by reading on there.

use super::foreseen::Foreseen;
use super::naming::Name;
use super::successor::Successor;
use crate::engine::format::frame::{BATCH_HEADER_LEN, FRAME_FIXED_LEN};
use crate::engine::format::hash;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::model::event::Event;
use crate::engine::model::id::Id;
use std::cell::LazyCell;
use std::sync::Arc;

/// So many events have to follow each other before the log is read, at first.
const IN_ORDER: u32 = 16;
/// A stretch that was shorter than this was not worth it: the next has to be twice as long first.
const WORTH: u32 = 1024;

/// The events that an import met in its destination.
pub struct KnownEvents {
    /// After the last one, while the log is read.
    place: Option<Successor>,
    /// How many were found there.
    read_on: u32,
    /// The last one that the index found: its segment, and where the next can be that follows it.
    last: Option<(Arc<Segment>, std::ops::RangeInclusive<u64>)>,
    /// How many followed each other, and how many have to.
    in_order: u32,
    wanted: u32,
    /// Of a dry run: what would be there by now.
    pub foreseen: Option<Foreseen>,
}

impl KnownEvents {
    pub fn new(foreseen: Option<Foreseen>) -> KnownEvents {
        let (read_on, in_order, wanted) = (0, 0, IN_ORDER);
        KnownEvents { place: None, read_on, last: None, in_order, wanted, foreseen }
    }

    /// What was learned of the order of duplicates is of the stretch before.
    pub fn begin_stretch(&mut self) {
        (self.place, self.last, self.read_on) = (None, None, 0);
        (self.in_order, self.wanted) = (0, IN_ORDER);
    }

    /// Whether the next event of the log was imported under this name and has the content of this
    /// event. False also where the log is not read.
    #[inline(always)]
    pub fn is_next(&mut self, name: &Name<'_>, event: &Event<'_>) -> Result<bool> {
        let Some(place) = &mut self.place else { return Ok(false) };
        let is_next = place.is_next(name, event)?;
        self.read_on += u32::from(is_next);
        Ok(is_next)
    }

    /// Whether the destination has this key, and if so, with the content of this event. Asked of
    /// what is not the next event of the log.
    pub fn find(&mut self, log: &Log, key: Id, event: &Event<'_>) -> Result<Option<bool>> {
        let tag = LazyCell::new(|| hash::tag_of(event));
        let Some((segment, found)) = log.find_content(key, &|| *tag)? else {
            let Some(foreseen) = &self.foreseen else { return Ok(None) };
            return Ok(foreseen.find(key)?.map(|brought| brought.tag == *tag));
        };
        if self.place.is_some() {
            self.leave();
        }
        let follows = self.last.take().is_some_and(|(before, next)| {
            Arc::ptr_eq(&before, &segment) && next.contains(&found.offset.into())
        });
        self.in_order = if follows { self.in_order + 1 } else { 0 };
        match self.in_order >= self.wanted {
            true => self.place = Some(Successor::after(segment, found.offset)?),
            false => self.last = Some((segment, next_of(found.offset.into(), event))),
        }
        Ok(Some(found.tag == *tag))
    }

    /// The order of the log has ended: the index is asked again.
    fn leave(&mut self) {
        self.wanted = match self.read_on < WORTH {
            true => self.wanted.saturating_mul(2),
            false => IN_ORDER,
        };
        (self.place, self.read_on, self.in_order) = (None, 0, 0);
    }
}

/// Where the event after one at `offset` can be, which has the bytes of `event`.
fn next_of(offset: u64, event: &Event<'_>) -> std::ops::RangeInclusive<u64> {
    let least = FRAME_FIXED_LEN + event.payload_len + event.extensions.0.len();
    // Other fields, strings that are spelled, and a batch that begins.
    let most = least + 4096 + BATCH_HEADER_LEN;
    offset + least as u64..=offset + most as u64
}
