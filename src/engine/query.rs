//! Reading events: by id, and by region in pages that own their bytes.

use super::event::{Columns, Event};
use super::id::Kind;

/// A predicate over events; every part is optional, all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// `e` matches the entity `e` and every entity below `e:`.
    pub entity: Option<String>,
    /// The exact scope.
    pub scope: Option<String>,
    pub kind: Option<KindFilter>,
    /// Inclusive range of entity versions.
    pub versions: Option<(u64, u64)>,
}

/// The kinds that a region takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindFilter {
    Exact(Kind),
    /// All kinds of a category, 0 to 15.
    Category(u8),
}

/// Which events to read, and how.
#[derive(Clone, Debug)]
pub struct Query {
    pub region: Region,
    /// Only sequences above this one; 0 for all.
    pub after: u64,
    /// Only sequences up to and with this one; 0 for no bound.
    pub until: u64,
    /// At most so many rows, 1 to 65,536.
    pub limit: usize,
    /// Highest sequence first.
    pub backward: bool,
    /// System events (kinds of category 0x0) too.
    pub system: bool,
    pub columns: Columns,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            region: Region::default(),
            after: 0,
            until: 0,
            limit: 1000,
            backward: false,
            system: false,
            columns: Columns::default(),
        }
    }
}

/// Rows that a query found, with all their bytes. Outlives the store.
#[derive(Debug, Default)]
pub struct Page {
    // private: arena, rows
    /// Where to go on: the `after` (forward) or `until` (backward) of the next page.
    pub next: u64,
    /// Nothing more was there when the page was read.
    pub end: bool,
}

impl Page {
    pub fn len(&self) -> usize {
        unimplemented!()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn get(&self, _row: usize) -> Event<'_> {
        unimplemented!()
    }
    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        (0..self.len()).map(|row| self.get(row))
    }
}
