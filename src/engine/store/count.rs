//! How many events match, and the lists of entities and scopes with what each has.

use super::query::{check_page_rows, Query, PROGRESS_SEQUENCES};
use super::scan::{Scan, Visit};
use super::Store;
use crate::engine::index::memtable::NamesFrom;
use crate::engine::index::span::Span;
use crate::engine::log::segment::{Flow, Segment};
pub use crate::engine::log::select::Of;
use crate::engine::log::select::Wish;
use crate::engine::log::state::Importing;
use crate::engine::model::error::Result;
use crate::engine::model::event::{Event, SYSTEM_ENTITY, SYSTEM_SCOPE};
use crate::engine::platform::watch::Watch;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

/// What there is of one entity, or of one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub name: String,
    pub events: u64,
    pub first_sequence: u64,
    pub last_sequence: u64,
    /// The times of those two events.
    pub first_timestamp_us: i64,
    pub last_timestamp_us: i64,
}

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct Listing {
    pub of: Of,
    /// Of entities: this one and those below it.
    pub entity: Option<String>,
    /// Only names after this one.
    pub after: Option<String>,
    pub page_rows: usize,
    /// The library's own too.
    pub system: bool,
}

impl Listing {
    pub fn new(of: Of) -> Listing {
        Listing { of, entity: None, after: None, page_rows: 1000, system: false }
    }
}

/// An event that is counted by being read.
struct Counting<'c, 'w> {
    watch: &'c Watch<'w>,
    after: u64,
    events: u64,
}

impl Visit for Counting<'_, '_> {
    fn pass(&mut self, sequence: u64) -> Result<()> {
        self.watch.reach(sequence.saturating_sub(self.after))
    }

    fn show(&mut self, _: &Event<'_>) -> Result<Flow> {
        self.events += 1;
        Ok(Flow::Continue(()))
    }
}

impl Store {
    /// How many rows the pages of a query have in all.
    pub fn count(&self, query: &Query, watch: &Watch<'_>) -> Result<u64> {
        let _busy = watch.tells().then(|| Importing::new(&self.0));
        let store = &*self.0;
        query.check()?;
        store.check_open()?;
        store.refresh()?;
        let (segments, visible) = store.snapshot();
        let until = if query.until == 0 { visible } else { query.until.min(visible) };
        if query.after >= until {
            return Ok(0);
        }
        let after = query.after;
        watch.begin(until - after, PROGRESS_SEQUENCES)?;
        let mut counting = Counting { watch, after, events: 0 };
        for (at, segment) in segments.iter().enumerate() {
            let first = segment.header.first_sequence;
            let last = segments.get(at + 1).map_or(visible, |next| next.header.first_sequence - 1);
            let (low, high) = (after.max(first - 1), until.min(last));
            if low >= high || counting.events >= query.limit {
                continue;
            }
            counting.pass(low)?;
            let whole = after < first && last <= until;
            let Some(wish) = Wish::new(segment, &query.region, (low, high), query.system)? else {
                continue;
            };
            if let Some(known) =
                segment.count_known(&wish, whole).map_err(|e| segment.identify(e))?
            {
                counting.events += known;
                continue;
            }
            let (after, until, system) = (low, high, query.system);
            let scan = Scan { after, until, system, ..Scan::of(&query.region) };
            store.scan(&scan, &mut counting)?;
        }
        watch.finish()?;
        Ok(counting.events.min(query.limit))
    }

    /// A part of a list, in the order of names, and whether it is the last.
    pub fn list(&self, listing: &Listing) -> Result<(Vec<Summary>, bool)> {
        check_page_rows(listing.page_rows)?;
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let (segments, until) = store.snapshot();
        let mut sources = Vec::new();
        let mut next = BinaryHeap::new();
        for (at, segment) in segments.iter().enumerate() {
            let first = listing.page_rows.div_ceil(segments.len()).max(PART_MIN);
            let (rows, last) = (VecDeque::new(), None);
            let mut source = Source { segment, until, rows, part: first, begun: false, last };
            if let Some(name) = source.name(listing)? {
                next.push(Reverse((name, at)));
            }
            sources.push(source);
        }
        let mut rows: Vec<Summary> = Vec::new();
        while let Some(Reverse((name, at))) = next.pop() {
            let Some((_, span)) = sources[at].rows.pop_front() else { continue };
            if let Some(name) = sources[at].name(listing)? {
                next.push(Reverse((name, at)));
            }
            let library = match listing.of {
                Of::Entities => SYSTEM_ENTITY,
                Of::Scopes => SYSTEM_SCOPE,
            };
            let is_full = rows.len() == listing.page_rows;
            match rows.last_mut() {
                _ if &*name == library && !listing.system => {}
                // The segments of a name come in their order.
                Some(row) if row.name == *name => row.extend(&span),
                _ if is_full => return Ok((rows, false)),
                _ => rows.push(Summary::new(&name, &span)),
            }
        }
        Ok((rows, true))
    }
}

impl Summary {
    fn new(name: &str, span: &Span) -> Summary {
        Summary {
            name: name.to_owned(),
            events: span.events,
            first_sequence: span.sequences.0,
            last_sequence: span.sequences.1,
            first_timestamp_us: span.timestamps.0,
            last_timestamp_us: span.timestamps.1,
        }
    }

    /// Takes in what a later segment has.
    fn extend(&mut self, later: &Span) {
        self.events += later.events;
        (self.last_sequence, self.last_timestamp_us) = (later.sequences.1, later.timestamps.1);
    }
}

/// The names of one segment, read in parts that grow.
struct Source<'s> {
    segment: &'s Segment,
    until: u64,
    rows: VecDeque<(Arc<str>, Span)>,
    /// How many names the last part had, at most; the next one goes on after its last name.
    part: usize,
    /// A part was read.
    begun: bool,
    last: Option<Arc<str>>,
}

/// Names of the first part that is read of a segment, at least.
const PART_MIN: usize = 2;

impl Source<'_> {
    /// The next name.
    fn name(&mut self, listing: &Listing) -> Result<Option<Arc<str>>> {
        if self.rows.is_empty() && (!self.begun || self.last.is_some()) {
            if std::mem::replace(&mut self.begun, true) {
                self.part = (self.part * 2).min(listing.page_rows.max(PART_MIN));
            }
            let after = self.last.as_deref().or(listing.after.as_deref());
            let from = NamesFrom { entity: listing.entity.as_deref(), after };
            let rows = self.segment.list(listing.of, &from, self.until, self.part)?;
            // A part that is short is the last.
            self.last = rows.last().filter(|_| rows.len() == self.part).map(|row| row.0.clone());
            self.rows = rows.into();
        }
        Ok(self.rows.front().map(|(name, _)| name.clone()))
    }
}
