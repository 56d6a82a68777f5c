//! The events of one origin as elements of a reconciliation with a store elsewhere. Whole buckets
//! are answered from the sums that are kept; what is inside of one is read in the log.

use super::diff::{stretches, Buckets};
use super::scan::Scan;
use super::Store;
pub use crate::engine::format::ranges::{
    Answer, Element, Elements, Session, FRAME_MAX, FRAME_MIN, ROUNDS_MAX,
};
pub use crate::engine::format::set::Sum;
use crate::engine::format::set::{SegmentSet, BUCKET_BITS};
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::model::region::Region;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Buckets whose elements are kept in memory, at most.
const KEPT_MAX: usize = 64;

/// The events of an origin as they were when this was made. The timestamp of an element is the
/// sequence of the event at its origin, its id the hash of the item.
pub struct OriginElements {
    log: Arc<Log>,
    namespace: Arc<str>,
    sets: Vec<Arc<SegmentSet>>,
    sums: BTreeMap<u64, Sum>,
    greatest: u64,
    kept: RefCell<BTreeMap<u64, Arc<Vec<Element>>>>,
}

impl Store {
    /// The events of an origin, for a [`Session`]. There may be none.
    pub fn elements_of(&self, namespace: &str) -> Result<OriginElements> {
        let log = self.0.clone();
        log.check_open()?;
        log.refresh()?;
        let sets = log.sets(&|| log.check_open())?;
        let (mut sums, mut greatest) = (BTreeMap::<u64, Sum>::new(), 0);
        for origin in sets.iter().filter_map(|set| set.origins.get(namespace)) {
            greatest = origin.greatest.max(greatest);
            for (number, bucket) in &origin.buckets {
                sums.entry(*number).or_default().add(&bucket.sum);
            }
        }
        let (namespace, kept) = (namespace.into(), RefCell::default());
        Ok(OriginElements { log, namespace, sets, sums, greatest, kept })
    }
}

/// The timestamp of an event; that of the end is no element's.
fn timestamp_of(source_sequence: u64) -> u64 {
    source_sequence.min(u64::MAX - 1)
}

impl OriginElements {
    /// The elements of a bucket, in order.
    fn bucket(&self, number: u64) -> Result<Arc<Vec<Element>>> {
        if let Some(kept) = self.kept.borrow().get(&number) {
            return Ok(kept.clone());
        }
        let wanted = Buckets::from([(self.namespace.clone(), vec![number])]);
        let (region, mut found) = (Region::default(), Vec::new());
        for (after, until) in stretches(&self.sets, &wanted) {
            let scan = Scan { after, until, ..Scan::of(&region) };
            self.log.items(&scan, &|| self.log.check_open(), &mut |items| {
                let of_bucket = items.iter().filter(|item| item.bucket() == number);
                let of_origin = of_bucket.filter(|item| item.namespace == self.namespace);
                found.extend(of_origin.map(|item| Element {
                    timestamp: timestamp_of(item.source_sequence),
                    id: item.hash,
                }));
            })?;
        }
        found.sort_unstable();
        let (found, mut kept) = (Arc::new(found), self.kept.borrow_mut());
        if kept.len() == KEPT_MAX {
            kept.clear();
        }
        kept.insert(number, found.clone());
        Ok(found)
    }
}

impl Elements for OriginElements {
    fn sum(&self, from: &Element, to: &Element) -> Result<Sum> {
        let mut sum = Sum::default();
        let (first, last) = (from.timestamp >> BUCKET_BITS, to.timestamp >> BUCKET_BITS);
        if first > last {
            return Ok(sum);
        }
        for (number, of_bucket) in self.sums.range(first..=last) {
            let start = Element::at(number << BUCKET_BITS);
            let end = match number.checked_add(1).and_then(|next| next.checked_shl(BUCKET_BITS)) {
                Some(end) if end > start.timestamp => Element::at(end),
                _ => Element::END,
            };
            if *from <= start && end <= *to {
                sum.add(of_bucket);
                continue;
            }
            if *to <= start {
                break;
            }
            let elements = self.bucket(*number)?;
            let meant = elements.iter().filter(|element| (*from..*to).contains(element));
            meant.for_each(|element| sum.add(&Sum::of(&element.id)));
        }
        Ok(sum)
    }

    fn list(&self, from: &Element, to: &Element, most: usize) -> Result<Vec<Element>> {
        let mut found = Vec::new();
        let (first, last) = (from.timestamp >> BUCKET_BITS, to.timestamp >> BUCKET_BITS);
        if first > last {
            return Ok(found);
        }
        for number in self.sums.range(first..=last).map(|(number, _)| *number) {
            if found.len() >= most {
                break;
            }
            let elements = self.bucket(number)?;
            let meant = elements.iter().filter(|element| (*from..*to).contains(element));
            found.extend(meant.take(most - found.len()));
        }
        Ok(found)
    }

    fn greatest(&self) -> u64 {
        timestamp_of(self.greatest)
    }
}
