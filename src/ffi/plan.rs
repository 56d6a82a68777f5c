//! Import plans
//!
//! What an import would bring: a dry run, summed up by origin, entity and kind.

use super::boundary::answer;
use super::boundary::args::{self, Sized0, Text};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::fbat_str;
use super::boundary::{guard, handle};
use super::import::{self, fbat_import_options, Seams};
use crate::engine::import::plan::PlanRow;
use std::ptr::{null, null_mut};

/// The row sums up what is beyond 65,536 rows: it has no namespace, prefix and kind.
/// @since 0.2
pub const FBAT_PLAN_REST: u32 = 1u32;

/// What an import would bring of one origin, one kind, and entities that begin alike. Lives as long
/// as its plan.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_plan_row {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// The name of their origin, as their provenance will have it.
    pub source_namespace: fbat_str,
    /// Of their entities, what is before the first colon, which may be all.
    pub entity_prefix: fbat_str,
    /// How many events there are.
    pub events: u64,
    /// The bytes of their payloads.
    pub payload_bytes: u64,
    /// Bits: `FBAT_PLAN_...`.
    pub row_flags: u32,
    /// Their kind.
    pub kind: u16,
    /// Not used; 0.
    pub reserved: u16,
}

args::sized!(fbat_plan_row: 64);

/// What an import would bring, in the order of namespace, prefix and kind. Owned by the caller, who
/// frees it with fbat_plan_free(). Outlives the stores.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.2
pub struct fbat_plan {
    _opaque: [u8; 0],
}

/// What a handle to a plan leads to.
pub(crate) struct PlanObject {
    rows: Vec<fbat_plan_row>,
    /// What the rows point into.
    _texts: Vec<(Text, Text)>,
}

// SAFETY: the rows point to text that the object owns and never changes.
unsafe impl Send for PlanObject {}
// SAFETY: as above.
unsafe impl Sync for PlanObject {}

impl handle::Object for PlanObject {
    type Raw = fbat_plan;
    const TAG: u8 = 0x18;
    const NAME: &'static str = "plan";
}

impl PlanObject {
    fn new(found: &[PlanRow]) -> PlanObject {
        let texts_of = |row: &PlanRow| match &row.group {
            Some(group) => (Text::new(&*group.namespace), Text::new(&*group.entity_prefix)),
            None => (Text::default(), Text::default()),
        };
        let texts: Vec<(Text, Text)> = found.iter().map(texts_of).collect();
        let row = |(of, (namespace, prefix)): (&PlanRow, &(Text, Text))| fbat_plan_row {
            source_namespace: namespace.lend(),
            entity_prefix: prefix.lend(),
            events: of.events,
            payload_bytes: of.payload_bytes,
            row_flags: if of.group.is_none() { FBAT_PLAN_REST } else { 0 },
            kind: of.group.as_ref().map_or(0, |group| group.kind.0),
            ..fbat_plan_row::initial()
        };
        let rows = found.iter().zip(&texts).map(row).collect();
        PlanObject { rows, _texts: texts }
    }
}

/// Says what an import would bring, and brings nothing.
///
/// It is the import with #FBAT_IMPORT_DRY_RUN, whose events are summed up: by the name of their
/// origin, by what their entity has before the first colon, and by kind. Events that the
/// destination has, and those that are left out, are not in it. Where there are more than 65,536
/// rows, one more sums up the rest.
/// @param destination the store that would gain events; it may be open for reading.
/// @param source the store that is read.
/// @param options what to import, and how, as for fbat_import(). NULL is an error.
/// @param out_plan the rows, which may be none; NULL on failure. Free it with fbat_plan_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_import().
/// @retval FBAT_ERR_INVALID_UTF8 namespace, entity or scope is not UTF-8.
/// @retval FBAT_ERR_IMPORT_CONFLICT as for fbat_import().
/// @retval FBAT_ERR_SOURCE_DIVERGED as for fbat_import().
/// @retval FBAT_ERR_LIMIT_EXCEEDED as for a dry run.
/// @retval FBAT_ERR_WIRE_BODY the provenance of a source event can't be read; the error names the
/// event.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
/// @retval FBAT_ERR_FUTURE_VERSION as above.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered.
/// @retval FBAT_ERR_CLOSED a store is closed, or was closed meanwhile.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @return or the negative number with which a callback stopped the call.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_import_plan(
    destination: *const fbat_store,
    source: *const fbat_store,
    options: *const fbat_import_options,
    out_plan: *mut *mut fbat_plan,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_plan", out_plan, null_mut(), err, |call| {
            let (to, from) = (call.store(destination)?, call.store(source)?);
            let given = match options.is_null() {
                true => None,
                false => Some(args::structure("options", options)?),
            };
            let (outcome, rows) = import::with_settings(given, Seams::default(), |settings| {
                to.engine.plan_import(&from.engine, settings)
            })?;
            outcome.result?;
            handle::insert(PlanObject::new(&rows))
        })
    }
}

fn with<T>(plan: *const fbat_plan, none: T, get: impl FnOnce(&PlanObject) -> T) -> T {
    guard::value(None, || handle::lookup::<PlanObject>(plan).map(|p| get(&p))).unwrap_or(none)
}

/// How many rows there are.
/// @param plan the plan.
/// @return the number; 0 where `plan` is not live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_plan_len(plan: *const fbat_plan) -> usize {
    with(plan, 0, |p| p.rows.len())
}

/// One of the rows.
/// @param plan the plan.
/// @param index which, counted from 0.
/// @return the row, which lives as long as the plan; NULL where there is none, or `plan` is not
/// live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_plan_get(
    plan: *const fbat_plan,
    index: usize,
) -> *const fbat_plan_row {
    with(plan, null(), |p| p.rows.get(index).map_or(null(), |row| &raw const *row))
}

/// Frees a plan.
/// @param plan the plan; NULL is allowed.
/// @par Threads
/// Any; the plan must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_plan_free(plan: *mut fbat_plan) {
    guard::free::<PlanObject>(plan)
}
