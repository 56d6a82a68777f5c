//! The index of a segment as it is on disk, against the log that it covers.

use super::report::VerifyReport;
use crate::engine::format::frame::Frame;
use crate::engine::index::file::{Index, IndexMeta};
use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::index::memtable::{MemTable, Slot};
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

/// An index beside a walk over the log that it covers.
pub struct IndexCheck {
    index: Index,
    zones: Zones,
    /// How many zones the walk has met, and where the next one begins.
    zones_met: usize,
    zone_end: u64,
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
                let zones = index.zones()?;
                Ok(Some(IndexCheck { zones, index, zones_met: 0, zone_end: 0 }))
            }
        });
        opened.or_else(|e| report.note(&path, e).map(|()| None))
    }

    /// The walk begins again.
    pub fn rewind(&mut self) {
        (self.zones_met, self.zone_end) = (0, 0);
    }

    /// About how many events the segment has.
    pub fn events(&self) -> u64 {
        self.index.meta.events
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

    /// Tells which slots of the segment, in the order of their filter keys, the index lacks the id
    /// of. An error where it cannot be asked.
    pub fn lacking_ids(
        &self,
        table: &MemTable,
        slots: &[(u64, u32)],
        lacking: &mut dyn FnMut(u32),
    ) -> Result<()> {
        let with_ids = slots.iter().map(|(key, number)| (*key, *number, table.slot(*number)));
        let covered = with_ids.filter(|(_, _, slot)| u64::from(slot.offset) < self.covered_len());
        let mut entries = covered.clone().map(|(key, _, s)| (key, s.id, s.tag, s.offset));
        if self.index.has_exactly(&mut entries)? {
            return Ok(());
        }
        for (_, number, Slot { id, tag, offset, .. }) in covered {
            if !self.has_id(id, offset.into(), tag)? {
                lacking(number);
            }
        }
        Ok(())
    }

    fn has_id(&self, id: Id, offset: u64, tag: u64) -> Result<bool> {
        let allowed = self.index.filter_allows(id_filter_key(id))?;
        let candidates = self.index.candidates(id)?;
        let same = candidates.iter().any(|c| (u64::from(c.offset), c.tag) == (offset, tag));
        Ok(same && allowed)
    }

    /// What the zone of an event lacks of it. Each event of a walk is asked for.
    pub fn zone_lacks(&mut self, offset: u64, frame: &Frame<'_>) -> Result<Option<&'static str>> {
        if offset >= self.covered_len() {
            return Ok(None);
        }
        while offset >= self.zone_end {
            let next = self.zones_met + 1;
            self.zone_end = match next < self.zones.times.len() {
                true => self.index.zone_start(next)?.offset.into(),
                false => u64::MAX,
            };
            self.zones_met = next;
        }
        let Frame { event, scope, .. } = frame;
        let (kind, scope) = (event.kind, scope.number);
        let (timestamp_us, recorded_us) = (event.timestamp_us, event.recorded_us);
        let marks = Marks { kind, scope, timestamp_us, recorded_us };
        let has = self.zones.has(self.zones_met - 1, &marks);
        Ok((!has).then_some("the index lacks this event's time, kind or scope"))
    }

    /// Whether the filter has an entity and all that it is below.
    fn filter_has(&self, entity: &str) -> Result<bool> {
        let above = entity.match_indices(':').map(|(colon, _)| &entity[..colon]);
        above.chain([entity]).try_fold(true, |so_far, name| {
            Ok(so_far && self.index.filter_allows(entity_filter_key(name))?)
        })
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
            let allowed = ours.is_empty() || self.filter_has(&entity)?;
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
