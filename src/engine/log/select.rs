//! Which events of one segment a region may mean, a part at a time: its index and its table are
//! asked for no more than a reader goes on to read.

use super::segment::{Flow, Segment};
use crate::engine::format::frame::Frame;
use crate::engine::index::file::Index;
use crate::engine::index::memtable::{NamesFrom, Slot};
use crate::engine::index::regions::{Postings, Wanted};
use crate::engine::index::span::Span;
use crate::engine::index::zones::Stretches;
use crate::engine::model::error::Result;
use crate::engine::model::event::{SYSTEM_ENTITY, SYSTEM_SCOPE};
use crate::engine::model::id::Kind;
use crate::engine::model::region::{KindRange, Region};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Entities,
    Scopes,
}

/// Zones whose times are looked at together: what one block of the index has.
const ZONES_TOGETHER: usize = 112;

/// What of a region a segment has numbers for.
#[derive(Clone, Debug)]
pub struct Wish<'q> {
    pub region: &'q Region,
    /// The numbers that the scope may have, ascending; none where it may be any.
    pub scopes: Vec<u32>,
    /// Sequences above this one, up to and with that one.
    pub after: u64,
    pub until: u64,
    pub system: bool,
}

impl<'q> Wish<'q> {
    /// None where the segment has none of the scopes.
    pub fn new(
        segment: &Segment,
        region: &'q Region,
        (after, until): (u64, u64),
        system: bool,
    ) -> Result<Option<Wish<'q>>> {
        let numbers = region.scopes.iter().map(|scope| segment.find_number(scope));
        let mut scopes: Vec<u32> = numbers.filter_map(Result::transpose).collect::<Result<_>>()?;
        if scopes.is_empty() && !region.scopes.is_empty() {
            return Ok(None);
        }
        scopes.sort_unstable();
        Ok(Some(Wish { region, scopes, after, until, system }))
    }

    #[inline(always)]
    pub fn has_scope(&self, number: u32) -> bool {
        match &*self.scopes {
            [] => true,
            [one] => number == *one,
            scopes => scopes.binary_search(&number).is_ok(),
        }
    }

    /// Whether an event is meant, but for entity and versions.
    pub fn has_frame(&self, frame: &Frame<'_>) -> bool {
        let (region, kind) = (self.region, frame.kind);
        let within = |range: Option<(i64, i64)>, time: i64| {
            range.is_none_or(|(low, high)| low <= time && time <= high)
        };
        self.after < frame.sequence
            && frame.sequence <= self.until
            && region.has_kind(kind)
            && (self.system || kind.category() != 0)
            && self.has_scope(frame.scope.number)
            && within(region.timestamps, frame.timestamp_us)
            && within(region.recorded, frame.recorded_us)
    }

    /// Whether the event of a slot may be meant, but for its entity: what a slot does not tell may.
    #[inline(always)]
    fn may_have(&self, slot: &Slot) -> bool {
        let times = self.region.timestamps;
        self.region.has_kind(slot.kind)
            && (self.system || slot.kind.category() != 0)
            && self.has_scope(slot.scope)
            && times.is_none_or(|(low, high)| (low..=high).contains(&slot.timestamp_us))
    }
}

/// What an index knows of a wish.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The zones that its sequences begin and end in.
    pub zones: Range<usize>,
    /// Of all zones, those that have its kinds and scopes.
    pub stretches: Stretches,
    /// The events of its entity and those below, where it names one.
    pub postings: Option<Postings>,
    /// All that the index covers.
    pub events: u64,
    /// Offsets of its sequences, or just about.
    pub lowest: u32,
    pub highest: u32,
}

impl Plan {
    /// Zones to look at, ascending.
    pub fn stretches(&self) -> Vec<Range<usize>> {
        let zones = &self.zones;
        match &self.stretches {
            None if zones.is_empty() => Vec::new(),
            None => vec![zones.clone()],
            Some(stretches) => stretches
                .iter()
                .map(|(first, last)| {
                    (*first as usize).max(zones.start)..(*last as usize + 1).min(zones.end)
                })
                .filter(|range| !range.is_empty())
                .collect(),
        }
    }

    /// Whether the postings of the entity lead to fewer frames than a walk would read.
    pub fn is_sparse(&self) -> bool {
        let Some(postings) = &self.postings else { return false };
        let in_zones = self.stretches.as_ref().map(|zones| {
            zones.iter().map(|(first, last)| u64::from(last - first + 1) * 64).sum::<u64>()
        });
        let events = postings.len() as u64;
        // A frame that is met by a walk costs about an eighth of one that is fetched.
        events * 8 < in_zones.map_or(self.events, |in_zones| in_zones.min(self.events))
    }
}

impl Segment {
    /// What the index knows of a wish; none where it covers nothing of that.
    pub fn plan(&self, wish: &Wish<'_>) -> Result<Option<Plan>> {
        let plan = self.on_index(|index| {
            let postings = match &wish.region.entity {
                Some(entity) => Some(index.postings_below(entity)?),
                None => None,
            };
            let zones = index.zone_of(wish.after)?..index.zones_until(wish.until)?;
            let none = postings.as_ref().is_some_and(|postings| postings.len() == 0);
            if none || zones.is_empty() || !index.times_may_match(wish.region) {
                return Ok(None);
            }
            let highest = match zones.end < index.zone_count() {
                true => index.zone_start(zones.end)?.offset,
                false => u32::try_from(index.meta.covered_len).unwrap_or(u32::MAX),
            };
            Ok(Some(Plan {
                stretches: index.stretches(wish.region, &wish.scopes)?,
                postings,
                events: index.meta.events,
                lowest: match zones.start {
                    0 => 1,
                    first => index.zone_start(first)?.offset,
                },
                highest: highest - 1,
                zones,
            }))
        })?;
        Ok(plan.flatten())
    }

    /// Of neighbouring zones, those that may have times of a region, neighbours together.
    pub fn zones_in_time(&self, zones: Range<usize>, region: &Region) -> Result<Vec<Range<usize>>> {
        if !region.has_times() {
            return Ok(vec![zones]);
        }
        let found = self.on_index(|index| {
            let mut found: Vec<Range<usize>> = Vec::new();
            for zone in zones.clone() {
                if !index.zone_times(zone, region)?.0 {
                    continue;
                }
                match found.last_mut() {
                    Some(range) if range.end == zone => range.end = zone + 1,
                    _ => found.push(zone..zone + 1),
                }
            }
            Ok(found)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Neighbouring zones in parts, the first ones small enough for those who read little.
    pub fn parts(zones: Range<usize>, region: &Region) -> impl Iterator<Item = Range<usize>> {
        let together = if region.has_times() { ZONES_TOGETHER } else { usize::MAX };
        let mut at = zones.start;
        std::iter::from_fn(move || {
            let part = at..zones.end.min(at.saturating_add(together - at % together));
            at = part.end;
            (!part.is_empty()).then_some(part)
        })
    }

    /// Offsets of events of an entity and of those below it.
    pub fn select(&self, postings: &Postings, wanted: &Wanted) -> Result<Vec<u32>> {
        Ok(self.on_index(|index| index.select(postings, wanted))?.unwrap_or_default())
    }

    /// Slots of the table with the sequences of a wish.
    pub fn slots_of(&self, wish: &Wish<'_>) -> Range<usize> {
        self.read_table().slots_between(wish.after, wish.until)
    }

    /// Offsets, ascending, of the events of some slots that may be meant, and the sequences of the
    /// first and the last slot.
    pub fn offsets_in(&self, slots: Range<usize>, wish: &Wish<'_>) -> (Vec<u64>, (u64, u64)) {
        let table = self.read_table();
        let slots = table.slots(slots);
        let ends = (slots.first(), slots.last());
        let ends = ends.0.zip(ends.1).map_or((0, 0), |(a, b)| (a.sequence, b.sequence));
        let below = |slot: &Slot| match &wish.region.entity {
            Some(entity) => table.is_below(slot, entity),
            None => true,
        };
        let meant = slots.iter().filter(|slot| wish.may_have(slot) && below(slot));
        (meant.map(|slot| slot.offset.into()).collect(), ends)
    }

    /// Offsets, ascending, of the events of the table that an entity has with those below it, where
    /// they are few.
    pub fn few_in_table(&self, slots: &Range<usize>, entity: &str) -> Option<Vec<u64>> {
        let table = self.read_table();
        let slots = table.slots(slots.clone());
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
            return Some(Vec::new());
        };
        let mut offsets = table.few_offsets(entity)?;
        offsets.retain(|offset| (first.offset..=last.offset).contains(offset));
        offsets.sort_unstable();
        Some(offsets.into_iter().map(u64::from).collect())
    }

    /// Whether there may be events of a region.
    pub fn may_have_of(&self, region: &Region) -> Result<bool> {
        let Some(wish) = Wish::new(self, region, (0, u64::MAX), true)? else { return Ok(false) };
        if let Some(plan) = self.plan(&wish)? {
            for zones in plan.stretches() {
                if !self.zones_in_time(zones, region)?.is_empty() {
                    return Ok(true);
                }
            }
        }
        Ok(!self.offsets_in(self.slots_of(&wish), &wish).0.is_empty())
    }

    /// How many events a wish means, where that is known without reading them; `whole`: all of the
    /// segment's sequences are meant.
    pub fn count_known(&self, wish: &Wish<'_>, whole: bool) -> Result<Option<u64>> {
        let region = wish.region;
        let parts = [region.entity.is_some(), !region.kinds.is_empty(), !region.scopes.is_empty()];
        let parts = parts.into_iter().filter(|part| *part).count();
        let slots = self.slots_of(wish);
        let simple = match region.has_times() {
            true => parts == 0 && (region.recorded.is_none() || slots.is_empty()),
            false => parts == 0 || parts == 1 && whole,
        };
        if region.versions.is_some() || !simple {
            return Ok(None);
        }
        let of_index = match whole && !region.has_times() {
            true => self.on_index(|index| count_in_index(index, wish))?.unwrap_or(0),
            false => self.count_zones(wish)?,
        };
        Ok(Some(of_index + self.offsets_in(slots, wish).0.len() as u64))
    }

    /// How many events a wish for sequences and times means of what the index covers: zones that
    /// lie in them count as a whole.
    fn count_zones(&self, wish: &Wish<'_>) -> Result<u64> {
        let Some(plan) = self.plan(wish)? else { return Ok(0) };
        let library = Region { kinds: vec![KindRange::category(0)], ..Region::default() };
        let system = self.on_index(|index| index.stretches(&library, &[]))?.flatten();
        let counted = self.on_index(|index| {
            let (mut count, mut edges) = (0, Vec::new());
            for zone in plan.zones.clone() {
                let (may, inside, events) = index.zone_times(zone, wish.region)?;
                let first = index.zone_start(zone)?.sequence;
                let last = match zone + 1 < index.zone_count() {
                    true => index.zone_start(zone + 1)?.sequence - 1,
                    false => index.meta.last_sequence,
                };
                let has_system =
                    |(first, last): &(u32, u32)| (*first as usize..=*last as usize).contains(&zone);
                let counts = inside
                    && (wish.system || !system.iter().flatten().any(has_system))
                    && (first > wish.after && last <= wish.until);
                match counts {
                    _ if !may => {}
                    true => count += events,
                    false => edges.push(zone),
                }
            }
            Ok((count, edges))
        })?;
        let (mut count, edges) = counted.unwrap_or_default();
        for zone in edges {
            let _whole =
                self.walk_stretch(&self.zones_stretch(zone..zone + 1)?, &mut |_, frame| {
                    count += u64::from(wish.has_frame(frame));
                    Ok(Flow::Continue(()))
                })?;
        }
        Ok(count)
    }

    /// The first `count` entities or scopes of these names, in order, with what they have up to a
    /// sequence.
    pub fn list(
        &self,
        of: Of,
        from: &NamesFrom<'_>,
        until: u64,
        count: usize,
    ) -> Result<Vec<(Arc<str>, Span)>> {
        let of_index = self.on_index(|index| match of {
            Of::Entities => index.list_entities(from, count),
            Of::Scopes => index.list_scopes(from, count),
        })?;
        let of_table = match of {
            Of::Entities => self.read_table().list_entities(from, until, count),
            Of::Scopes => self.read_table().list_scopes(from, until),
        };
        let mut merged: BTreeMap<Arc<str>, Span> = of_index.into_iter().flatten().collect();
        for (name, span) in of_table {
            merged.entry(name).or_default().extend(&span);
        }
        Ok(merged.into_iter().take(count).collect())
    }
}

/// How many events a wish for one thing at most means of what an index covers, with every sequence.
fn count_in_index(index: &Index, wish: &Wish<'_>) -> Result<u64> {
    let (region, system) = (wish.region, wish.system);
    if let Some(entity) = &region.entity {
        let hidden = entity == SYSTEM_ENTITY && !system;
        return if hidden { Ok(0) } else { Ok(index.postings_below(entity)?.len() as u64) };
    }
    if !region.kinds.is_empty() {
        let counts = index.kind_counts()?.into_iter();
        let meant = counts.filter(|(kind, _)| {
            region.has_kind(Kind(*kind)) && (system || Kind(*kind).category() != 0)
        });
        return Ok(meant.map(|(_, events)| events).sum());
    }
    if !region.scopes.is_empty() {
        let scopes = region.scopes.iter().filter(|scope| system || *scope != SYSTEM_SCOPE);
        return scopes.map(|scope| index.scope_events(scope)).sum();
    }
    Ok(index.meta.events - if system { 0 } else { index.system_events.min(index.meta.events) })
}
