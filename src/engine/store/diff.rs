//! Which events only one of two stores has. Buckets whose sums differ say where to look, so that
//! what is equal is not read.

use super::query::check_page_rows;
use super::scan::{Scan, Strings};
use super::set::Item;
use super::Store;
use crate::engine::format::set::{SegmentSet, Sum, BUCKET_BITS};
use crate::engine::log::state::Log;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::key::{conflict_key, native_namespace, ImportKeys};
use crate::engine::model::region::Region;
use foldhash::{HashSet, HashSetExt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An event that one of two stores lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The origin, its id there, and its sequence there.
    pub namespace: String,
    pub event_id: Id,
    pub source_sequence: u64,
    pub content_hash: Hash,
    /// Which store has it.
    pub side: Side,
    /// Its sequence in that store.
    pub sequence: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    First,
    Second,
}

impl Difference {
    /// Text that stands for its place among the differences.
    pub fn position(&self) -> String {
        let (namespace, sequence, event_id, content_hash, side) = self.order();
        format!("{}.{sequence}.{event_id}.{content_hash}.{namespace}", side as u8)
    }

    /// A difference at this place, for [`DiffPage::after`].
    pub fn at(position: &str) -> Result<Difference> {
        let mut parts = position.splitn(5, '.');
        let mut part = || parts.next().unwrap_or_default();
        let side = match part() {
            "0" => Some(Side::First),
            "1" => Some(Side::Second),
            _ => None,
        };
        let sequence = part().parse().ok();
        let (event_id, hash) = (Id::from_hex(part().as_bytes()), Hash::from_hex(part().as_bytes()));
        let namespace = part().to_owned();
        match (side, sequence, event_id, hash) {
            (Some(side), Some(source_sequence), Some(event_id), Some(content_hash)) => {
                let sequence = 0;
                Ok(Difference {
                    namespace,
                    event_id,
                    source_sequence,
                    content_hash,
                    side,
                    sequence,
                })
            }
            _ => Err(Error::invalid(format!("'{position}' is not the position of a difference"))),
        }
    }

    fn order(&self) -> (&str, u64, Id, Hash, Side) {
        let Difference { namespace, event_id, source_sequence, content_hash, side, .. } = self;
        (namespace, *source_sequence, *event_id, *content_hash, *side)
    }
}

/// Which part of the differences.
#[derive(Clone, Debug)]
pub struct DiffPage {
    /// Only events of this region.
    pub region: Region,
    /// Only differences after this one.
    pub after: Option<Difference>,
    pub page_rows: usize,
}

impl Default for DiffPage {
    fn default() -> DiffPage {
        DiffPage { region: Region::default(), after: None, page_rows: 1000 }
    }
}

/// Stretches with less than this between them are read as one.
const NEAR: u64 = 64;
/// Buckets of an origin that are read at once: few at first, for who wants few rows.
const TOGETHER_MIN: usize = 4;
const TOGETHER_MAX: usize = 64;

/// Buckets, by origin.
pub type Buckets = BTreeMap<Arc<str>, Vec<u64>>;

/// The buckets that do not have the same events in both of two stores.
pub fn differing(a: &[Arc<SegmentSet>], b: &[Arc<SegmentSet>]) -> Buckets {
    let (a, b) = (sums(a), sums(b));
    let mut found = Buckets::new();
    let none = BTreeMap::new();
    let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
    for name in names {
        let (ours, theirs) = (a.get(name).unwrap_or(&none), b.get(name).unwrap_or(&none));
        let is_missing = |number: &&u64| !ours.contains_key(*number);
        let numbers = ours.keys().chain(theirs.keys().filter(is_missing)).copied();
        let mut numbers: Vec<u64> =
            numbers.filter(|number| ours.get(number) != theirs.get(number)).collect();
        if !numbers.is_empty() {
            numbers.sort_unstable();
            found.insert((*name).clone(), numbers);
        }
    }
    found
}

fn sums(sets: &[Arc<SegmentSet>]) -> BTreeMap<&Arc<str>, BTreeMap<u64, Sum>> {
    let mut sums: BTreeMap<&Arc<str>, BTreeMap<u64, Sum>> = BTreeMap::new();
    for (name, origin) in sets.iter().flat_map(|set| &set.origins) {
        let of_origin = sums.entry(name).or_default();
        for (number, bucket) in &origin.buckets {
            of_origin.entry(*number).or_default().add(&bucket.sum);
        }
    }
    sums
}

/// The stretches of a log that have the events of some buckets: above the first sequence, up to the
/// second.
pub fn stretches(sets: &[Arc<SegmentSet>], wanted: &Buckets) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for (name, numbers) in wanted {
        for origin in sets.iter().filter_map(|set| set.origins.get(name)) {
            let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
            let among = origin.buckets.range(first..=last);
            let meant = among.filter(|(number, _)| numbers.binary_search(number).is_ok());
            found.extend(meant.map(|(_, bucket)| (bucket.first - 1, bucket.last)));
        }
    }
    found.sort_unstable();
    found.dedup_by(|next, before| {
        let joins = next.0 <= before.1.saturating_add(NEAR);
        if joins {
            before.1 = before.1.max(next.1);
        }
        joins
    });
    found
}

impl Store {
    /// A part of the events that only one of two stores has, and whether it is the last. They are
    /// in the order of namespace, sequence at the origin, id and content hash. Both stores may be
    /// written to meanwhile; what they gain after the call began does not count.
    pub fn diff(&self, other: &Store, page: &DiffPage) -> Result<(Vec<Difference>, bool)> {
        check_page_rows(page.page_rows)?;
        page.region.check()?;
        let stores = [&*self.0, &*other.0];
        for store in stores {
            store.check_open()?;
            store.refresh()?;
        }
        let go_on = || stores.into_iter().try_for_each(Log::check_open);
        let sets = [stores[0].sets(&go_on)?, stores[1].sets(&go_on)?];
        let buckets = differing(&sets[0], &sets[1]);
        let mut search = Search { stores, sets, page, go_on: &go_on, rows: Vec::new() };
        let mut together = TOGETHER_MIN;
        for (name, numbers) in buckets {
            let mut rest = search.after(&name, &numbers);
            while !rest.is_empty() {
                let (some, others) = rest.split_at(together.min(rest.len()));
                search.look(&name, some)?;
                if search.rows.len() > page.page_rows {
                    search.rows.truncate(page.page_rows);
                    return Ok((search.rows, false));
                }
                (rest, together) = (others, (together * 2).min(TOGETHER_MAX));
            }
        }
        Ok((search.rows, true))
    }
}

/// A search for differences.
struct Search<'s> {
    stores: [&'s Log; 2],
    sets: [Vec<Arc<SegmentSet>>; 2],
    page: &'s DiffPage,
    go_on: &'s dyn Fn() -> Result<()>,
    rows: Vec<Difference>,
}

impl Search<'_> {
    /// The buckets of an origin that may have differences that are wanted.
    fn after<'n>(&self, name: &str, numbers: &'n [u64]) -> &'n [u64] {
        let Some(after) = &self.page.after else { return numbers };
        let from = match name.cmp(&after.namespace) {
            std::cmp::Ordering::Less => numbers.len(),
            std::cmp::Ordering::Equal => {
                numbers.partition_point(|number| *number < after.source_sequence >> BUCKET_BITS)
            }
            std::cmp::Ordering::Greater => 0,
        };
        &numbers[from..]
    }

    /// Adds the differences of some buckets of an origin.
    fn look(&mut self, name: &Arc<str>, numbers: &[u64]) -> Result<()> {
        let wanted = Buckets::from([(name.clone(), numbers.to_vec())]);
        let all = Region::default();
        let items = [self.items(0, &wanted, &all)?, self.items(1, &wanted, &all)?];
        let mut found = Vec::new();
        for (number, side) in [Side::First, Side::Second].into_iter().enumerate() {
            let theirs = &items[1 - number];
            let mut there = HashSet::with_capacity(theirs.len());
            there.extend(theirs.iter().map(|item| item.hash));
            let region = &self.page.region;
            let of_region;
            let ours = match *region == all {
                true => &items[number],
                false => {
                    of_region = self.items(number, &wanted, region)?;
                    &of_region
                }
            };
            for item in ours.iter().filter(|item| !there.contains(&item.hash)) {
                // It may have another sequence at its origin, where that had lost it.
                if !self.stores[1 - number].has_item(item)? {
                    found.push(difference(item, side));
                }
            }
        }
        if let Some(after) = &self.page.after {
            found.retain(|row| row.order() > after.order());
        }
        found.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
        self.rows.append(&mut found);
        Ok(())
    }

    /// The items of some buckets in one of the stores.
    fn items(&self, number: usize, wanted: &Buckets, region: &Region) -> Result<Vec<Item>> {
        let (store, mut found) = (self.stores[number], Vec::new());
        let is_wanted = |item: &Item| {
            let numbers = wanted.get(&item.namespace);
            numbers.is_some_and(|numbers| numbers.binary_search(&item.bucket()).is_ok())
        };
        for (after, until) in stretches(&self.sets[number], wanted) {
            let scan = Scan { after, until, ..Scan::of(region) };
            store.items(&scan, self.go_on, &mut |items| {
                found.extend(items.iter().filter(|item| is_wanted(item)).cloned());
            })?;
        }
        Ok(found)
    }
}

fn difference(item: &Item, side: Side) -> Difference {
    Difference {
        namespace: item.namespace.to_string(),
        event_id: item.event_id,
        source_sequence: item.source_sequence,
        content_hash: item.content_hash,
        side,
        sequence: item.sequence,
    }
}

impl Log {
    /// Whether the store has an event of this origin with this content.
    fn has_item(&self, item: &Item) -> Result<bool> {
        let Item { namespace, event_id, content_hash, .. } = item;
        let is_own =
            self.identity.store_ids().any(|own| native_namespace(own.store_id) == **namespace);
        let own = Some(*event_id).filter(|_| is_own);
        let imported = ImportKeys::new(namespace).key(*event_id);
        let kept = conflict_key(namespace, *event_id, *content_hash);
        for key in own.into_iter().chain([imported, kept]) {
            let Some((segment, found)) = self.find_key(key)? else { continue };
            let mut window = segment.window();
            let frame = segment.frame_at(&mut window, found.offset.into())?;
            if frame.content.hash() != *content_hash {
                continue;
            }
            let mut strings = Strings::new(segment.clone());
            let event = strings.event(&frame, None)?;
            match event.provenance()? {
                Some(of) if of.namespace == &**namespace && of.event_id == *event_id => {
                    return Ok(true);
                }
                // Another store id of its history may have used the id, too.
                None if key == *event_id => {
                    let first = self.identity.store_id_at(event.sequence);
                    if native_namespace(first) == **namespace {
                        return Ok(true);
                    }
                }
                _ => {}
            }
        }
        Ok(false)
    }
}
