//! The index of a segment as it is on disk, against the log that it covers.

use super::report::VerifyReport;
use crate::engine::format::frame::Frame;
use crate::engine::index::file::{Index, IndexMeta};
use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::index::memtable::Slot;
use crate::engine::index::names::Name;
use crate::engine::index::regions::Wanted;
use crate::engine::index::room::StringRoom;
use crate::engine::index::zones::{Marks, Zones};
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Log;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::Id;
use crate::engine::platform::vfs::Access;
use std::sync::Arc;

const LACKS_ID: &str = "the index lacks this event's id";

/// What is known of each event of a segment before it is met: yes or no, in the order of the log.
#[derive(Default)]
pub struct Known {
    /// Offset and answer.
    events: Vec<(u32, bool)>,
    next: usize,
}

impl Known {
    pub fn push(&mut self, offset: u64, answer: bool) {
        self.events.push((offset as u32, answer));
    }

    /// The answer for the event at an offset, after those for all before it.
    pub fn of(&mut self, offset: u64) -> Option<bool> {
        let (at, answer) = *self.events.get(self.next)?;
        self.next += 1;
        (u64::from(at) == offset).then_some(answer)
    }

    /// Whether the index has the id of each event, with its place and tag. The ids are looked up in
    /// their order, in which neighbours share a block. None where two events have the same id, or
    /// the index cannot be asked: then each event is asked for when it is met, so that the finding
    /// is at its place.
    pub fn ids(fresh: &Segment, index: Option<&IndexCheck>) -> Option<Known> {
        let table = fresh.read_table();
        let slots = table.slots(0..table.len());
        let mut known = Known::default();
        slots.iter().for_each(|slot| known.push(slot.offset.into(), true));
        let slots = table.slots_by_key()?;
        let Some(index) = index else { return Some(known) };
        for Slot { id, offset, tag, .. } in slots.iter().map(|(_, slot)| table.slot(*slot)) {
            let covered = u64::from(offset) < index.covered_len();
            if covered && !index.has_id(id, offset.into(), tag).ok()? {
                let event = known.events.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
                known.events[event].1 = false;
            }
        }
        Some(known)
    }
}

/// An index beside a walk over the log that it covers.
pub struct IndexCheck {
    index: Index,
    zones: Zones,
    /// The zone of the event before.
    zone: usize,
}

impl IndexCheck {
    /// The index of a segment. None where there is none: it can be deleted while nobody has the
    /// store open. None too where it is newer than what is known of the log up to `end`. None too
    /// where it is damaged, which is noted.
    pub fn open(
        store: &Log,
        known: &Segment,
        end: u64,
        report: &mut VerifyReport,
    ) -> Result<Option<IndexCheck>> {
        let path = known.index_path();
        let name = Segment::index_name(known.header.first_sequence);
        let opened = store.dir.open_if_exists(&name, Access::Follow);
        let opened = opened.and_then(|file| match file {
            None if known.sealed_index().is_some_and(|index| index.has_lost(&name)) => {
                report.find(&path, 0, (0, 0), "the index is missing since the store was opened");
                Ok(None)
            }
            None => Ok(None),
            Some(file) => {
                // Its strings do not take the room of those in use.
                let room = Arc::new(StringRoom::new());
                let index = Index::open(file, &path, &known.header, &room)?;
                if index.meta.covered_len > end {
                    return Ok(None);
                }
                index.check_blocks()?;
                Ok(Some(IndexCheck { zones: index.zones()?, index, zone: 0 }))
            }
        });
        opened.or_else(|e| report.note(&path, e).map(|()| None))
    }

    /// The index covers the log up to this offset.
    pub fn covered_len(&self) -> u64 {
        self.index.meta.covered_len
    }

    /// What is wrong with what the index says of all that it covers. `there`: what the log says at
    /// that offset, where a batch ends there. A segment that another one follows is covered to its
    /// end.
    pub fn meta(&self, there: Option<IndexMeta>, followed: bool) -> Option<&'static str> {
        match there == Some(self.index.meta) {
            false => Some("the index describes another log"),
            true if followed && !self.index.meta.sealed => {
                Some("the index does not cover all of its segment")
            }
            true => None,
        }
    }

    /// What the index lacks of an event at an offset, whose content has this tag.
    pub fn event(
        &mut self,
        offset: u64,
        frame: &Frame<'_>,
        tag: u64,
    ) -> Result<Option<&'static str>> {
        match self.zone_lacks(offset, frame)? {
            None if offset < self.covered_len() => {
                Ok((!self.has_id(frame.id, offset, tag)?).then_some(LACKS_ID))
            }
            lack => Ok(lack),
        }
    }

    /// As [`IndexCheck::event`], where it is known whether the index has the id.
    pub fn event_of_id(
        &mut self,
        offset: u64,
        frame: &Frame<'_>,
        has_id: bool,
    ) -> Result<Option<&'static str>> {
        Ok(self.zone_lacks(offset, frame)?.or((!has_id).then_some(LACKS_ID)))
    }

    fn has_id(&self, id: Id, offset: u64, tag: u64) -> Result<bool> {
        let allowed = self.index.filter_allows(id_filter_key(id))?;
        let candidates = self.index.candidates(id)?;
        let same = candidates.iter().any(|c| (u64::from(c.offset), c.tag) == (offset, tag));
        Ok(same && allowed)
    }

    fn zone_lacks(&mut self, offset: u64, frame: &Frame<'_>) -> Result<Option<&'static str>> {
        if offset >= self.covered_len() {
            return Ok(None);
        }
        while self.zone + 1 < self.zones.times.len()
            && u64::from(self.index.zone_start(self.zone + 1)?.offset) <= offset
        {
            self.zone += 1;
        }
        let Frame { event, scope, .. } = frame;
        let (kind, scope) = (event.kind, scope.number);
        let (timestamp_us, recorded_us) = (event.timestamp_us, event.recorded_us);
        let has = self.zones.has(self.zone, &Marks { kind, scope, timestamp_us, recorded_us });
        Ok((!has).then_some("the index lacks this event's time, kind or scope"))
    }

    /// What the index has differently of the strings of a segment, which was read anew.
    pub fn strings(&self, fresh: &Segment, report: &mut VerifyReport) -> Result<()> {
        let last = (self.covered_len().max(1) - 1) as u32;
        let wanted = Wanted { lowest: 0, highest: last, count: usize::MAX, backward: false };
        for number in 0..self.index.strings_len() as u32 {
            let text = fresh.string(number)?;
            let name = self.index.find_string(&text)?.filter(|name| name.number == number);
            let is_below = |name: &Name| {
                let mut entities = text.match_indices(':').map(|(colon, _)| &text[..colon]);
                entities.try_fold(true, |so_far, entity| {
                    Ok::<_, Error>(so_far && self.index.has_below(entity, name)?)
                })
            };
            if !name.as_ref().map_or(Ok(false), is_below)? {
                let what = format!("the index lacks the string {text}");
                report.find(&fresh.path, 0, (0, 0), what);
            }
        }
        for (number, offsets) in fresh.read_table().offsets_by_entity() {
            let entity = fresh.string(number)?;
            let ours = &offsets[..offsets.partition_point(|offset| *offset <= last)];
            let allowed =
                ours.is_empty() || self.index.filter_allows(entity_filter_key(&entity))?;
            let found = match allowed {
                true => self.index.select(&self.index.postings_of(&entity)?, &wanted)?,
                false => Vec::new(),
            };
            if found != ours {
                let what =
                    format!("the index and the log have different events of entity {entity}");
                report.find(&fresh.path, 0, (0, 0), what);
            }
        }
        Ok(())
    }
}
