//! How many events match, and the lists of entities and scopes with what each has.

use super::query::{check_page_rows, Query};
use super::Store;
use crate::engine::model::error::Result;
use crate::engine::model::event::{Columns, Event};
use crate::engine::platform::watch::Watch;
use std::collections::BTreeMap;

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

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Entities,
    Scopes,
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

impl Store {
    /// How many rows the pages of a query have in all.
    pub fn count(&self, query: &Query, watch: &Watch<'_>) -> Result<u64> {
        let mut query = Query { columns: Columns::NONE, ..query.clone() };
        let mut count = 0;
        loop {
            let mut rows = 0;
            let page = self.query_with(&query, watch, &mut |_| {
                rows += 1;
                0
            })?;
            (count, query.limit) = (count + rows, query.limit - rows);
            if page.end {
                return Ok(count);
            }
            *if query.backward { &mut query.until } else { &mut query.after } = page.next;
        }
    }

    /// A part of a list, in the order of names, and whether it is the last.
    pub fn list(&self, listing: &Listing) -> Result<(Vec<Summary>, bool)> {
        check_page_rows(listing.page_rows)?;
        let mut query =
            Query { system: listing.system, columns: Columns::NONE, ..Query::default() };
        query.region.entity = listing.entity.clone();
        let mut found: BTreeMap<String, Summary> = BTreeMap::new();
        let mut add = |event: &Event<'_>| {
            let name = if listing.of == Of::Entities { event.entity } else { event.scope };
            if listing.after.as_ref().is_none_or(|after| name > after.as_str()) {
                let first = || Summary {
                    name: name.to_owned(),
                    events: 0,
                    first_sequence: event.sequence,
                    last_sequence: 0,
                    first_timestamp_us: event.timestamp_us,
                    last_timestamp_us: 0,
                };
                let summary = found.entry(name.to_owned()).or_insert_with(first);
                summary.events += 1;
                summary.last_sequence = event.sequence;
                summary.last_timestamp_us = event.timestamp_us;
            }
            0
        };
        loop {
            let page = self.query_with(&query, &Watch::default(), &mut add)?;
            if page.end {
                break;
            }
            query.after = page.next;
        }
        let is_end = found.len() <= listing.page_rows;
        Ok((found.into_values().take(listing.page_rows).collect(), is_end))
    }
}
