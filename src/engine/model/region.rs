//! Which events somebody means: a predicate over what every event has.

use super::error::{Error, Result};
use super::event::check_limit;
use super::id::Kind;
use super::limits::{REGION_KINDS_MAX, REGION_SCOPES_MAX};

/// A predicate over events; every part is optional, all that are given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// `e` matches the entity `e` and every entity below `e:`.
    pub entity: Option<String>,
    /// One of these very scopes; none: every scope.
    pub scopes: Vec<String>,
    /// In one of these ranges; none: every kind.
    pub kinds: Vec<KindRange>,
    /// Inclusive range of entity versions.
    pub versions: Option<(u64, u64)>,
    /// Inclusive range of the events' own times, in microseconds since 1970.
    pub timestamps: Option<(i64, i64)>,
    /// Inclusive range of the times at which the store wrote them, in microseconds since 1970.
    pub recorded: Option<(i64, i64)>,
}

/// Kinds from the first to the last: a single kind, or those of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KindRange {
    pub first: Kind,
    pub last: Kind,
}

impl KindRange {
    pub const fn exact(kind: Kind) -> KindRange {
        KindRange { first: kind, last: kind }
    }

    /// All kinds of a category, 0 to 15; a higher number is the empty range, which is refused.
    pub const fn category(category: u8) -> KindRange {
        match Kind::new(category, 0) {
            Some(first) => KindRange { first, last: Kind(first.0 | 0xfff) },
            None => KindRange { first: Kind(u16::MAX), last: Kind(0) },
        }
    }
}

impl Region {
    /// Refuses parts that can match nothing by their shape.
    pub fn check(&self) -> Result<()> {
        check_limit("kinds of a region", self.kinds.len(), REGION_KINDS_MAX)?;
        check_limit("scopes of a region", self.scopes.len(), REGION_SCOPES_MAX)?;
        for KindRange { first, last } in &self.kinds {
            if first > last {
                let message =
                    format!("kinds 0x{:04x} to 0x{:04x} are an empty range", first.0, last.0);
                return Err(Error::invalid(message));
            }
        }
        ordered("versions", self.versions)?;
        ordered("timestamps", self.timestamps)?;
        ordered("recorded times", self.recorded)
    }

    /// The one form of all regions that mean the same: without order and duplicates.
    pub fn canonical(mut self) -> Region {
        self.scopes.sort_unstable();
        self.scopes.dedup();
        self.kinds.sort_unstable();
        self.kinds.dedup_by(|next, range| {
            let joins = next.first.0 <= range.last.0.saturating_add(1);
            if joins {
                range.last = range.last.max(next.last);
            }
            joins
        });
        self
    }

    /// Whether a kind is meant. The ranges are those of the canonical form.
    #[inline(always)]
    pub fn has_kind(&self, kind: Kind) -> bool {
        match &*self.kinds {
            [] => true,
            [one] => one.first <= kind && kind <= one.last,
            ranges => {
                let after = ranges.partition_point(|range| range.first <= kind);
                after > 0 && kind <= ranges[after - 1].last
            }
        }
    }

    /// Whether times count.
    pub fn has_times(&self) -> bool {
        self.timestamps.is_some() || self.recorded.is_some()
    }
}

/// Whether a name is that of an entity, or of one below it.
#[inline(always)]
pub fn is_below(name: &str, entity: &str) -> bool {
    match name.strip_prefix(entity) {
        Some(rest) => rest.is_empty() || rest.starts_with(':'),
        None => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_duplicates_of_kinds_and_scopes_do_not_matter() {
        let range = |first, last| KindRange { first: Kind(first), last: Kind(last) };
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let region = Region {
            kinds: vec![range(0x2000, 0x2001), range(0x1000, 0x1005), range(0x1003, 0x1fff)],
            scopes: text(&["b", "a", "b"]),
            ..Region::default()
        };
        let same = region.canonical();
        assert_eq!(same.kinds, [range(0x1000, 0x2001)]);
        assert_eq!(same.scopes, ["a", "b"]);
        let whole = Region { kinds: vec![range(0, 0xffff), range(5, 6)], ..Region::default() };
        assert_eq!(whole.canonical().kinds, [range(0, 0xffff)]);
        let two = Region { kinds: vec![range(9, 9), range(3, 4)], ..Region::default() }.canonical();
        let has = |kind| two.has_kind(Kind(kind));
        assert!(has(3) && has(4) && has(9) && !has(2) && !has(5) && !has(8) && !has(10));
    }
}
