//! Regions
//!
//! A predicate over events, spelled once: what a query reads, an import copies, a verification
//! checks.

use super::boundary::args;
use super::boundary::types::{fbat_kind_range, fbat_str};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::Kind;
use crate::engine::model::region::{KindRange, Region};

/// `timestamp_first_us` and `timestamp_last_us` count.
/// @since 0.2
pub const FBAT_REGION_TIMESTAMP: u32 = 1u32;
/// `recorded_first_us` and `recorded_last_us` count.
/// @since 0.2
pub const FBAT_REGION_RECORDED: u32 = 2u32;

/// Which events are meant. An event matches if it matches all parts that are set. All zero except
/// the size is every event. Ranges include both their ends.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_region {
    /// `sizeof(fbat_region)`.
    pub struct_size: usize,
    /// This entity and every one below it: `e` takes in `e` and `e:x`. NULL and 0: every entity.
    /// The colon is not part of it: `e:` takes in `e:` and `e::x`.
    pub entity: fbat_str,
    /// One of these very scopes, in any order. NULL and 0: every scope.
    pub scopes: *const fbat_str,
    /// How many there are at `scopes`: at most 1,024.
    pub scope_count: usize,
    /// In one of these ranges, in any order. NULL and 0: every kind.
    pub kinds: *const fbat_kind_range,
    /// How many there are at `kinds`: at most 1,024.
    pub kind_count: usize,
    /// Bits: `FBAT_REGION_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// The least version of its entity that an event has.
    pub version_first: u64,
    /// The greatest one; 0: no bound.
    pub version_last: u64,
    /// With #FBAT_REGION_TIMESTAMP: the least time of an event, in microseconds since
    /// 1970-01-01T00:00:00Z; else 0.
    pub timestamp_first_us: i64,
    /// And the greatest one.
    pub timestamp_last_us: i64,
    /// With #FBAT_REGION_RECORDED: the least time at which the store wrote an event, in
    /// microseconds since 1970-01-01T00:00:00Z; else 0.
    pub recorded_first_us: i64,
    /// And the greatest one.
    pub recorded_last_us: i64,
}

args::sized!(fbat_region: 112);

/// The region of the engine; NULL is everything.
///
/// # Safety
/// A `region` that is not null leads to a struct with its size, whose text and arrays are live.
pub(crate) unsafe fn engine_region(region: *const fbat_region) -> Result<Region> {
    // SAFETY: the caller's promise.
    let region = unsafe { args::options(region) }?;
    // SAFETY: the caller's promise.
    let (entity, scopes, kinds) = unsafe {
        (
            args::optional_text("entity", region.entity, args::COORDINATE)?,
            scopes(&region)?,
            args::optional_slice("kinds", region.kinds, region.kind_count, args::REGION_KINDS)?,
        )
    };
    args::check_bits("flags", region.flags, FBAT_REGION_TIMESTAMP | FBAT_REGION_RECORDED)?;
    let range = |name: &str, bit: u32, first: i64, last: i64| {
        let given = region.flags & bit != 0;
        if !given && (first, last) != (0, 0) {
            let flag = format!("FBAT_REGION_{}", name.to_uppercase());
            return Err(Error::invalid(format!(
                "{name}_first_us to {name}_last_us without {flag}"
            )));
        }
        Ok(given.then_some((first, last)))
    };
    let kind_range = |range: &fbat_kind_range| {
        let fbat_kind_range { first, last } = *range;
        KindRange { first: Kind(first), last: Kind(last) }
    };
    let region = Region {
        entity: entity.map(str::to_owned),
        scopes,
        kinds: kinds.iter().map(kind_range).collect(),
        versions: match (region.version_first, region.version_last) {
            (0, 0) => None,
            (first, 0) => Some((first, u64::MAX)),
            range => Some(range),
        },
        timestamps: range(
            "timestamp",
            FBAT_REGION_TIMESTAMP,
            region.timestamp_first_us,
            region.timestamp_last_us,
        )?,
        recorded: range(
            "recorded",
            FBAT_REGION_RECORDED,
            region.recorded_first_us,
            region.recorded_last_us,
        )?,
    };
    region.check()?;
    Ok(region.canonical())
}

/// The scopes of a region. None of them is empty: no event has such a scope.
///
/// # Safety
/// As [`engine_region`].
unsafe fn scopes(region: &fbat_region) -> Result<Vec<String>> {
    let (data, count) = (region.scopes, region.scope_count);
    // SAFETY: the caller's promise.
    let given = unsafe { args::optional_slice("scopes", data, count, args::REGION_SCOPES) }?;
    let text = |(at, scope): (usize, &fbat_str)| {
        // SAFETY: the caller's promise.
        match unsafe { args::text_of(&format!("scope {at}"), *scope, args::COORDINATE) }? {
            "" => Err(Error::invalid(format!("scope {at} is empty"))),
            text => Ok(text.to_owned()),
        }
    };
    given.iter().enumerate().map(text).collect()
}
