//! The segments of a log, oldest first, and the question that every look-up by id or entity asks first: which of them
//! may have it. Nearly all can say no, whatever their number; so the filters of all of them are asked side by side,
//! with the memory that they need fetched ahead.

use super::index::{filter_holds, filter_line, FilterLines};
use super::os;
use super::segment::Segment;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// Filters are held in memory once they were asked so often: opening a store for one answer need not read them.
const WARM_AFTER: u32 = 64;

/// What a handle sees of the log at one time.
pub struct Segments {
    list: Vec<Arc<Segment>>,
    asked: AtomicU32,
    /// The filter of each segment that has one in memory.
    filters: OnceLock<Vec<Option<FilterLines>>>,
}

impl Segments {
    /// The segments `list`, which come after those of `before`.
    pub fn after(before: Option<&Segments>, list: Vec<Arc<Segment>>) -> Segments {
        let asked = before.map_or(0, |before| before.asked.load(Ordering::Relaxed));
        Segments { list, asked: AtomicU32::new(asked), filters: OnceLock::new() }
    }

    /// The segments, newest first, that may have the id or entity with this filter key.
    pub fn may_have(&self, key: u64) -> impl Iterator<Item = &Arc<Segment>> {
        let filters = self.filters();
        for lines in filters.iter().flatten() {
            os::prefetch(&lines[filter_line(key, lines.len())]);
        }
        let may_have = move |(at, segment): &(usize, &Arc<Segment>)| match filters.get(*at) {
            Some(Some(lines)) => filter_holds(&lines[filter_line(key, lines.len())].0, key),
            _ => segment.may_have(key),
        };
        self.list.iter().enumerate().rev().filter(may_have).map(|(_, segment)| segment)
    }

    fn filters(&self) -> &[Option<FilterLines>] {
        if let Some(filters) = self.filters.get() {
            return filters;
        }
        if self.asked.load(Ordering::Relaxed) < WARM_AFTER {
            self.asked.fetch_add(1, Ordering::Relaxed);
            return &[];
        }
        self.filters.get_or_init(|| self.list.iter().map(|segment| segment.filter()).collect())
    }
}

impl Deref for Segments {
    type Target = [Arc<Segment>];
    fn deref(&self) -> &[Arc<Segment>] {
        &self.list
    }
}
