//! Which events somebody means: a predicate over what every event has.

use super::error::{Error, Result};
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

impl Region {
    /// Refuses parts that can match nothing by their shape.
    pub fn check(&self) -> Result<()> {
        if let Some(KindFilter::Category(category @ 16..)) = self.kind {
            return Err(Error::invalid(format!("category {category}; 0 to 15 are allowed")));
        }
        match self.versions {
            Some((low, high)) if low > high => {
                Err(Error::invalid(format!("versions {low} to {high} are an empty range")))
            }
            _ => Ok(()),
        }
    }
}
