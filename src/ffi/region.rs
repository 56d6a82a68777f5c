//! Regions
//!
//! A predicate over events, spelled once: what a query reads, an import copies, a verification
//! checks.

use super::boundary::args;
use super::boundary::types::fbat_str;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::Kind;
use crate::engine::model::region::{KindFilter, Region};

/// Every kind.
/// @since 0.1
pub const FBAT_KIND_MATCH_ANY: u16 = 0;
/// One kind.
/// @since 0.1
pub const FBAT_KIND_MATCH_EXACT: u16 = 1;
/// All kinds of one category.
/// @since 0.1
pub const FBAT_KIND_MATCH_CATEGORY: u16 = 2;

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
    pub entity: fbat_str,
    /// This very scope. NULL and 0: every scope.
    pub scope: fbat_str,
    /// Bits: `FBAT_REGION_...`.
    pub flags: u32,
    /// How `kind` is compared: an `FBAT_KIND_MATCH_...`.
    pub kind_match: u16,
    /// With #FBAT_KIND_MATCH_EXACT, the kind; with #FBAT_KIND_MATCH_CATEGORY, any kind of the
    /// category; else 0.
    pub kind: u16,
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

args::sized!(fbat_region: 96);

/// The region of the engine; NULL is everything.
///
/// # Safety
/// A `region` that is not null leads to a struct with its size, whose text is live.
pub(crate) unsafe fn engine_region(region: *const fbat_region) -> Result<Region> {
    // SAFETY: the caller's promise.
    let region = unsafe { args::options(region) }?;
    // SAFETY: the caller's promise.
    let (entity, scope) = unsafe {
        (
            args::optional_text("entity", region.entity, args::COORDINATE)?,
            args::optional_text("scope", region.scope, args::COORDINATE)?,
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
    let (kind, version_last) = (Kind(region.kind), region.version_last);
    let kinds = [None, Some(KindFilter::Exact(kind)), Some(KindFilter::Category(kind.category()))];
    if region.kind_match == FBAT_KIND_MATCH_ANY && region.kind != 0 {
        return Err(Error::invalid(format!("kind is {:#06x} without a kind_match", kind.0)));
    }
    let region = Region {
        entity: entity.map(str::to_owned),
        scope: scope.map(str::to_owned),
        kind: args::choice("kind_match", region.kind_match.into(), &kinds)?,
        versions: match (region.version_first, version_last) {
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
    Ok(region)
}
