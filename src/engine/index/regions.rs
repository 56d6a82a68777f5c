//! Which events of a segment a region means, as far as its index can tell: zones, the events of an
//! entity with all below it, counts and lists.

use super::entries::{partition_point, Name, SparseEntry};
use super::file::{
    Index, KINDS, KIND_COUNTS, NAMES, POSTINGS, SCOPES, SCOPE_ZONES, SPANS, SPARSE, ZONES,
};
use super::memtable::NamesFrom;
use super::span::Span;
use super::zones::{self, Stretches, Zones};
use crate::engine::model::bytes::u32_at;
use crate::engine::model::error::Result;
use crate::engine::model::region::Region;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// The postings of an entity and of all below it: those of the entity itself, in order, and those
/// of the entities below, in the order of each.
#[derive(Clone, Debug, Default)]
pub struct Postings {
    own: Range<usize>,
    below: Range<usize>,
    /// Those below are of one entity, and so in order too.
    below_is_one: bool,
}

impl Postings {
    pub fn len(&self) -> usize {
        self.own.len() + self.below.len()
    }
}

/// Which offsets are wanted: so many of those within a range, from one of its ends.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub lowest: u32,
    pub highest: u32,
    pub count: usize,
    pub backward: bool,
}

impl Index {
    // ---- zones

    /// The zones of what is covered.
    pub fn zones(&self) -> Result<Zones> {
        let mut found = Zones::default();
        self.each_entry(ZONES, &mut |entry| {
            found.times.push(zones::decode(entry, 0));
            found.events.push(u32_at(entry, 32));
            Ok(())
        })?;
        self.each_entry(KINDS, &mut |entry| {
            let (kind, first, last) = self.stretch(entry)?;
            found.add_kind(kind as u16, first, last);
            Ok(())
        })?;
        self.each_entry(SCOPE_ZONES, &mut |entry| {
            let (scope, first, last) = self.stretch(entry)?;
            found.add_scope(scope, first, last);
            Ok(())
        })?;
        Ok(found)
    }

    /// The zones that have kinds and scopes of a region; none where it does not say any.
    pub fn stretches(&self, region: &Region, scopes: &[u32]) -> Result<Stretches> {
        let kinds = region.kinds.iter().map(|range| (range.first.0.into(), range.last.0.into()));
        let of_kinds = self.stretches_of(KINDS, kinds)?;
        let of_scopes = self.stretches_of(SCOPE_ZONES, scopes.iter().map(|n| (*n, *n)))?;
        Ok(zones::both(of_kinds, of_scopes))
    }

    fn stretches_of(
        &self,
        section: usize,
        keys: impl ExactSizeIterator<Item = (u32, u32)>,
    ) -> Result<Stretches> {
        if keys.len() == 0 {
            return Ok(None);
        }
        let (mut found, count) = (Vec::new(), self.entries(section));
        for (low, high) in keys {
            let first = partition_point(count, |at| {
                let (block, offset) = self.entry(section, at)?;
                Ok(u32_at(&block, offset) < low)
            })?;
            for at in first..count {
                let (block, offset) = self.entry(section, at)?;
                let (key, first, last) = self.stretch(&block[offset..])?;
                if key > high {
                    break;
                }
                found.push((first, last));
            }
        }
        Ok(Some(zones::join(found)))
    }

    fn stretch(&self, entry: &[u8]) -> Result<(u32, u32, u32)> {
        let (key, first, last) = (u32_at(entry, 0), u32_at(entry, 4), u32_at(entry, 8));
        match first <= last && (last as usize) < self.entries(ZONES) {
            true => Ok((key, first, last)),
            false => Err(self.damaged("kinds or scopes of the index do not fit its zones")),
        }
    }

    /// Whether events of a region may have times of what is covered.
    pub fn times_may_match(&self, region: &Region) -> bool {
        self.times.may_match(region)
    }

    /// Whether a zone may have times of a region, whether it has no other, and how many events it
    /// has.
    pub fn zone_times(&self, zone: usize, region: &Region) -> Result<(bool, bool, u64)> {
        let (block, at) = self.entry(ZONES, zone)?;
        let times = zones::decode(&block, at);
        Ok((times.may_match(region), times.lie_in(region), u32_at(&block, at + 32).into()))
    }

    pub fn zone_count(&self) -> usize {
        self.entries(ZONES)
    }

    /// The zone that has the first sequence above `after`, or one before it.
    pub fn zone_of(&self, after: u64) -> Result<usize> {
        let above = |at| Ok(self.sparse(at)?.sequence <= after.saturating_add(1));
        Ok(partition_point(self.zone_count(), above)?.saturating_sub(1))
    }

    /// Where a zone begins.
    pub fn zone_start(&self, zone: usize) -> Result<SparseEntry> {
        self.sparse(zone)
    }

    /// How many zones begin with a sequence up to `until`.
    pub fn zones_until(&self, until: u64) -> Result<usize> {
        partition_point(self.entries(SPARSE), |at| Ok(self.sparse(at)?.sequence <= until))
    }

    // ---- entities

    /// The postings of an entity and of all below it.
    pub fn postings_below(&self, entity: &str) -> Result<Postings> {
        let own = self.find_entity(entity)?;
        let below = self.names_below(entity)?;
        let mut postings = Postings::default();
        if let Some(name) = own {
            postings.own = self.postings_range(&name, &name)?;
        }
        if !below.is_empty() {
            let (first, last) = (self.name(below.start)?, self.name(below.end - 1)?);
            postings.below = self.postings_range(&first, &last)?;
            postings.below_is_one = below.len() == 1;
        }
        Ok(postings)
    }

    /// The postings of one entity.
    pub fn postings_of(&self, entity: &str) -> Result<Postings> {
        let own = self.find_entity(entity)?.map(|name| self.postings_range(&name, &name));
        Ok(Postings { own: own.transpose()?.unwrap_or_default(), ..Postings::default() })
    }

    /// The names that begin with an entity and a colon.
    fn names_below(&self, entity: &str) -> Result<Range<usize>> {
        let first = self.names_before(&format!("{entity}:"))?;
        // What comes after all that begin so: the byte after a colon is a semicolon.
        let behind = format!("{entity};");
        let below = |at| self.is_before(first + at, &behind);
        Ok(first..first + partition_point(self.entries(NAMES) - first, below)?)
    }

    fn postings_range(&self, first: &Name, last: &Name) -> Result<Range<usize>> {
        let range = first.first_posting as usize
            ..(last.first_posting as usize).saturating_add(last.postings as usize);
        match range.start <= range.end && range.end <= self.entries(POSTINGS) {
            true => Ok(range),
            false => Err(self.damaged("the names of the index do not fit its postings")),
        }
    }

    /// The offsets that are wanted of some postings, ascending.
    pub fn select(&self, postings: &Postings, wanted: &Wanted) -> Result<Vec<u32>> {
        let mut found = self.select_sorted(&postings.own, wanted)?;
        match postings.below_is_one {
            true => found.extend(self.select_sorted(&postings.below, wanted)?),
            false => self.select_any(&postings.below, wanted, &mut found)?,
        }
        found.sort_unstable();
        cut(&mut found, wanted);
        Ok(found)
    }

    fn select_sorted(&self, range: &Range<usize>, wanted: &Wanted) -> Result<Vec<u32>> {
        let at = |below: u64| {
            partition_point(range.len(), |at| {
                Ok(u64::from(self.posting((range.start + at) as u32)?) < below)
            })
        };
        let mut from = range.start + at(wanted.lowest.into())?;
        let mut to = range.start + at(u64::from(wanted.highest) + 1)?;
        match wanted.backward {
            true => from = from.max(to.saturating_sub(wanted.count)),
            false => to = to.min(from.saturating_add(wanted.count)),
        }
        let mut found = Vec::with_capacity(to.saturating_sub(from));
        let _all = self.visit_postings(from..to, &mut |offset| {
            found.push(offset);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Of postings in no order: one pass, which keeps not many more than are wanted.
    fn select_any(
        &self,
        range: &Range<usize>,
        wanted: &Wanted,
        found: &mut Vec<u32>,
    ) -> Result<()> {
        let mut within = *wanted;
        let room = wanted.count.saturating_mul(2).max(1024);
        let _all = self.visit_postings(range.clone(), &mut |offset| {
            if within.lowest <= offset && offset <= within.highest {
                found.push(offset);
                if found.len() >= room {
                    found.sort_unstable();
                    cut(found, wanted);
                    match (wanted.backward, found.first(), found.last()) {
                        (true, Some(first), _) => within.lowest = *first,
                        (false, _, Some(last)) => within.highest = *last,
                        _ => {}
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    // ---- counts and lists

    pub(super) fn span(&self, at: usize, events: u32) -> Result<Span> {
        let (block, from) = self.entry(SPANS, at)?;
        Ok(Span::decode(&block, from, events.into()))
    }

    fn scope(&self, at: usize) -> Result<(u32, Span)> {
        let (block, from) = self.entry(SCOPES, at)?;
        let events = u32_at(&block, from + 4).into();
        Ok((u32_at(&block, from), Span::decode(&block, from + 16, events)))
    }

    /// What each scope has, by the number of its string.
    pub fn scopes(&self) -> Result<BTreeMap<u32, Span>> {
        (0..self.entries(SCOPES)).map(|at| self.scope(at)).collect()
    }

    /// How many events each kind has.
    pub fn kind_counts(&self) -> Result<BTreeMap<u16, u64>> {
        let mut counts = BTreeMap::new();
        self.each_entry(KIND_COUNTS, &mut |entry| {
            counts.insert(u32_at(entry, 0) as u16, u32_at(entry, 4).into());
            Ok(())
        })?;
        Ok(counts)
    }

    /// How many events a scope has.
    pub fn scope_events(&self, text: &str) -> Result<u64> {
        let at = self.scopes_before(text)?;
        if at == self.entries(SCOPES) {
            return Ok(0);
        }
        let (number, span) = self.scope(at)?;
        Ok(if &*self.string(number)? == text { span.events } else { 0 })
    }

    fn scopes_before(&self, text: &str) -> Result<usize> {
        partition_point(self.entries(SCOPES), |at| Ok(&*self.string(self.scope(at)?.0)? < text))
    }

    /// The first `count` entities of these names, in order, with what they have.
    pub fn list_entities(
        &self,
        from: &NamesFrom<'_>,
        count: usize,
    ) -> Result<Vec<(Arc<str>, Span)>> {
        let mut found = Vec::new();
        let after = from.after.unwrap_or_default();
        let prefix = from.entity.map(|entity| format!("{entity}:")).unwrap_or_default();
        if let Some(own) = from.entity.filter(|own| *own > after) {
            let at = self.names_before(own)?;
            if at < self.entries(NAMES) {
                self.list_name(at, own, &mut found)?;
            }
        }
        for at in self.names_before(after.max(&prefix))?..self.entries(NAMES) {
            if found.len() >= count {
                break;
            }
            let name = self.name(at)?;
            let text = self.string(name.number)?;
            if !text.starts_with(&prefix) {
                break;
            }
            if name.postings > 0 && &*text > after {
                found.push((text, self.span(at, name.postings)?));
            }
        }
        Ok(found)
    }

    /// Adds the entity at a place of the order, if it is this one.
    fn list_name(&self, at: usize, own: &str, found: &mut Vec<(Arc<str>, Span)>) -> Result<()> {
        let name = self.name(at)?;
        let text = self.string(name.number)?;
        if name.postings > 0 && &*text == own {
            found.push((text, self.span(at, name.postings)?));
        }
        Ok(())
    }

    /// The first `count` scopes of these names, in order, with what they have.
    pub fn list_scopes(&self, from: &NamesFrom<'_>, count: usize) -> Result<Vec<(Arc<str>, Span)>> {
        let first = from.after.map_or(Ok(0), |after| self.scopes_before(after))?;
        let mut found = Vec::new();
        for at in first..self.entries(SCOPES) {
            if found.len() == count {
                break;
            }
            let (number, span) = self.scope(at)?;
            let text = self.string(number)?;
            if from.has(&text) {
                found.push((text, span));
            }
        }
        Ok(found)
    }
}

/// Leaves as many as are wanted, of ascending offsets.
fn cut(found: &mut Vec<u32>, wanted: &Wanted) {
    if found.len() > wanted.count {
        match wanted.backward {
            true => drop(found.drain(..found.len() - wanted.count)),
            false => found.truncate(wanted.count),
        }
    }
}
