//! Which events of a segment a region means, as far as its index can tell: zones, the events of an
//! entity with all below it, counts and lists.

use super::entries::{partition_point, SparseEntry};
use super::file::{Index, ENTRY_LEN, KINDS, KIND_COUNTS, SCOPES, SCOPE_ZONES, ZONES};
use super::filter::entity_filter_key;
use super::memtable::NamesFrom;
use super::names::Name;
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
    /// The number of the entity's own string, where it has events.
    pub number: Option<u32>,
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

/// So few postings are read rather than searched.
const FEW_POSTINGS: usize = 64;

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
            let entry = |at| self.entry::<{ ENTRY_LEN[KINDS] }>(section, at);
            let first = partition_point(count, |at| Ok(u32_at(&entry(at)?, 0) < low))?;
            for at in first..count {
                let (key, first, last) = self.stretch(&entry(at)?)?;
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
        let entry: [u8; ENTRY_LEN[ZONES]] = self.entry(ZONES, zone)?;
        let times = zones::decode(&entry, 0);
        Ok((times.may_match(region), times.lie_in(region), u32_at(&entry, 32).into()))
    }

    pub fn zone_count(&self) -> usize {
        self.entries(ZONES)
    }

    /// The zone that has the first sequence above `after`, or one before it.
    pub fn zone_of(&self, after: u64) -> Result<usize> {
        match after < self.first_sequence {
            true => Ok(0),
            false => Ok(self.sparse_until(after.saturating_add(1))?.saturating_sub(1)),
        }
    }

    /// Where a zone begins.
    pub fn zone_start(&self, zone: usize) -> Result<SparseEntry> {
        self.sparse(zone)
    }

    /// How many zones begin with a sequence up to `until`.
    pub fn zones_until(&self, until: u64) -> Result<usize> {
        self.sparse_until(until)
    }

    // ---- entities

    /// The postings of an entity and of all below it.
    pub fn postings_below(&self, entity: &str) -> Result<Postings> {
        let below = self.names_below(entity)?;
        let mut postings = self.postings_of(entity)?;
        if !below.is_empty() {
            postings.below = self.postings_of_names(&below)?;
            postings.below_is_one = below.len() == 1;
        }
        Ok(postings)
    }

    /// The postings of one entity.
    pub fn postings_of(&self, entity: &str) -> Result<Postings> {
        let own = self.find_entity(entity)?;
        Ok(own.map_or_else(Postings::default, |name| {
            let own = name.postings_range();
            let own = own.start as usize..own.end as usize;
            Postings { number: Some(name.number), own, ..Postings::default() }
        }))
    }

    /// Whether this string is among those that an entity has below it.
    pub fn has_below(&self, entity: &str, name: &Name) -> Result<bool> {
        Ok(self.names_below(entity)?.contains(&(name.rank as usize)))
    }

    /// Visits the filter key of every entity with events here, and the offset of its last one.
    pub fn visit_heads(&self, visit: &mut dyn FnMut(u64, u32)) -> Result<()> {
        let postings = self.postings()?;
        self.each_name(0, &mut |_, text, span, first| {
            if span.events > 0 {
                let last = first as usize + span.events as usize - 1;
                visit(entity_filter_key(text), postings[last]);
            }
            Ok(ControlFlow::Continue(()))
        })
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
        if range.len() <= FEW_POSTINGS {
            let mut found = Vec::with_capacity(range.len());
            self.select_any(range, wanted, &mut found)?;
            return Ok(found);
        }
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

    fn scope(&self, at: usize) -> Result<(u32, Span)> {
        let entry: [u8; ENTRY_LEN[SCOPES]] = self.entry(SCOPES, at)?;
        Ok((u32_at(&entry, 0), Span::decode(&entry, 16, u32_at(&entry, 4).into())))
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
        let below = match from.entity {
            Some(entity) => self.names_below(entity)?,
            None => 0..self.strings_len(),
        };
        if let Some(own) = from.entity.filter(|own| *own > after) {
            if let Some(name) = self.find_entity(own)? {
                self.list_names(name.rank as usize..name.rank as usize + 1, 1, &mut found)?;
            }
        }
        let mut first = below.start;
        if !after.is_empty() {
            let place = self.names_before(after)?;
            first = first.max(place + usize::from(self.find_string(after)?.is_some()));
        }
        self.list_names(first..below.end, count, &mut found)?;
        Ok(found)
    }

    /// Adds entities from a range of the order, until there are `count`.
    fn list_names(
        &self,
        ranks: Range<usize>,
        count: usize,
        found: &mut Vec<(Arc<str>, Span)>,
    ) -> Result<()> {
        if ranks.is_empty() || found.len() >= count {
            return Ok(());
        }
        self.each_name(ranks.start, &mut |rank, text, span, _| {
            if span.events > 0 {
                found.push((text.into(), span));
            }
            match found.len() >= count || rank + 1 >= ranks.end {
                true => Ok(ControlFlow::Break(())),
                false => Ok(ControlFlow::Continue(())),
            }
        })
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
