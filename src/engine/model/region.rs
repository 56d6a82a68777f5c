//! Which events somebody means: a predicate over what every event has.

use super::error::{Error, Result};
use super::id::Kind;

/// A predicate over events; every part is optional, all that are given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// `e` matches the entity `e` and every entity below `e:`.
    pub entity: Option<String>,
    /// The exact scope.
    pub scope: Option<String>,
    pub kind: Option<KindFilter>,
    /// Inclusive range of entity versions.
    pub versions: Option<(u64, u64)>,
    /// Inclusive range of the events' own times, in microseconds since 1970.
    pub timestamps: Option<(i64, i64)>,
    /// Inclusive range of the times at which the store wrote them, in microseconds since 1970.
    pub recorded: Option<(i64, i64)>,
}

/// The kinds that a region takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindFilter {
    Exact(Kind),
    /// All kinds of a category, 0 to 15.
    Category(u8),
}

impl Region {
    /// Refuses parts that can match nothing by their shape.
    pub fn check(&self) -> Result<()> {
        if let Some(KindFilter::Category(category @ 16..)) = self.kind {
            return Err(Error::invalid(format!("category {category}; 0 to 15 are allowed")));
        }
        ordered("versions", self.versions)?;
        ordered("timestamps", self.timestamps)?;
        ordered("recorded times", self.recorded)
    }
}

fn ordered<T: PartialOrd + std::fmt::Display>(what: &str, range: Option<(T, T)>) -> Result<()> {
    match range {
        Some((low, high)) if low > high => {
            Err(Error::invalid(format!("{what} {low} to {high} are an empty range")))
        }
        _ => Ok(()),
    }
}
