//! Import
//!
//! Copying events from one store into another, exactly once, with a record of where each came from.

use super::boundary::answer::members_of;
use super::boundary::args::{self, OutStruct};
use super::boundary::error::fbat_error;
use super::boundary::guard::{self, Call};
use super::boundary::panic;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::fbat_str;
use super::cancel::{self, fbat_cancel, Token};
use super::page::{self, fbat_record, Rows};
use super::region::{self, fbat_region};
#[cfg(feature = "internal")]
use crate::engine::import::ImportSeams;
use crate::engine::import::{
    ImportDurability, ImportIdentity, ImportOptions, ImportReport, OnConflict, CHUNK_SIZE,
    FILTER_COLUMNS,
};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::{Columns, Event};
use crate::engine::platform::watch::Verdict;
use std::ffi::c_void;

/// One durable point, before the import returns. Safe, since a repeat completes it.
/// @since 0.1
pub const FBAT_IMPORT_DURABILITY_END: u32 = 0u32;
/// Each chunk is durable before the next.
/// @since 0.1
pub const FBAT_IMPORT_DURABILITY_CHUNK: u32 = 1u32;

/// An event that exists with different content ends the import with #FBAT_ERR_IMPORT_CONFLICT.
/// @since 0.1
pub const FBAT_ON_CONFLICT_FAIL: u32 = 0u32;
/// An event that exists with different content is counted in `conflicts` and left out.
/// @since 0.1
pub const FBAT_ON_CONFLICT_SKIP: u32 = 1u32;

/// An event that exists with different content is imported beside it, under an id made from both
/// its name and its content, and counted in `conflicts_kept`.
/// @since 0.2
pub const FBAT_ON_CONFLICT_KEEP: u32 = 2u32;

/// An event is known by the namespace of the import and its id in the source. So it exists once for
/// each name and hop: right for one hop, and for stores that feed each other in one direction.
/// @since 0.2
pub const FBAT_IMPORT_IDENTITY_SOURCE: u32 = 0u32;
/// An event is known by the store where it was first appended and its id there, over any number of
/// hops. Stores that feed each other in any shape end up with each event once. Choose this unless
/// you need names of your own for the sources.
/// @since 0.2
pub const FBAT_IMPORT_IDENTITY_ORIGIN: u32 = 1u32;

/// Hash every payload again, instead of trusting the checksum of its frame.
/// @since 0.1
pub const FBAT_IMPORT_REHASH: u32 = 1u32;
/// Do everything on the thread that calls. Without it, an import of more than one chunk starts a
/// thread, which commits each chunk while the next is gathered. The thread calls no callback,
/// blocks signals, and ends before the import returns.
/// @since 0.1
pub const FBAT_IMPORT_ONE_THREAD: u32 = 2u32;
/// Let a store be imported into itself, or into one with the same store id, such as a copy or a
/// backup of it. Every event comes again then, under another id. Without this flag that is
/// #FBAT_ERR_INVALID_ARGUMENT.
/// @since 0.2
pub const FBAT_IMPORT_ALLOW_SELF: u32 = 4u32;
/// Let the namespace stand for one more store. The destination remembers for which stores, by
/// their ids, each namespace has stood. Without this flag another store is
/// #FBAT_ERR_INVALID_ARGUMENT, because two events with one id and equal content would become one.
/// What is fine with it: a store that took the place of the one before.
/// @since 0.2
pub const FBAT_IMPORT_ALLOW_OTHER_STORE: u32 = 8u32;
/// Let events of a store come with the other identity than those that were imported from it first.
/// Without this flag that is #FBAT_ERR_INVALID_ARGUMENT, because they would come again.
/// @since 0.2
pub const FBAT_IMPORT_ALLOW_OTHER_IDENTITY: u32 = 16u32;
/// Append nothing, and report what an import would do: a dry run. Nothing is synced in the
/// destination, which may be open for reading. Counts are those that the import right after it has.
/// Filter and progress are called. Beside one bit for each event of the source, it remembers up to
/// 1,048,576 events that could be asked for again; where that is too few, it ends with
/// #FBAT_ERR_LIMIT_EXCEEDED. Those are conflicts, and with identity by source all new events, where
/// the source has had events from the destination under this very namespace.
/// @since 0.2
pub const FBAT_IMPORT_DRY_RUN: u32 = 64u32;

/// Begin at the start of the source, or at `after`, wherever an earlier import ended.
/// @since 0.2
pub const FBAT_IMPORT_NO_RESUME: u32 = 32u32;

/// Nothing is recorded of an import of this name, or without one of this region, from this source.
/// @since 0.2
pub const FBAT_SOURCE_STATE_UNKNOWN: u32 = 0u32;
/// The source has all that it had.
/// @since 0.2
pub const FBAT_SOURCE_STATE_GOES_ON: u32 = 1u32;
/// The source ends before what was imported: it was restored from an older copy.
/// @since 0.2
pub const FBAT_SOURCE_STATE_RESTORED: u32 = 2u32;
/// The source has other events in the place of some that were imported: it was restored and went
/// on, or was repaired, or is a copied directory that went on by itself. The numbers can't tell.
/// @since 0.2
pub const FBAT_SOURCE_STATE_DIVERGED: u32 = 3u32;
/// The source is one of two with the same log id that both went on, and both were imported: copies
/// of one directory. fbat_new_identity() gives one of them an id of its own.
/// @since 0.2
pub const FBAT_SOURCE_STATE_FORKED: u32 = 4u32;

/// Earlier imports of this name had another region or filter, or left conflicts out. So this one
/// began at the start.
/// @since 0.2
pub const FBAT_IMPORT_REPORT_SELECTOR_CHANGED: u32 = 1u32;

/// Says which events to import. Called on the thread that called fbat_import(), with no lock
/// held: it may read both stores and append to the destination, not close them. It must not throw.
/// @param user_data the `filter_data` of the options.
/// @param record the event of the source, with the columns that
/// `filter_columns` names: as a rule not the payload, which is NULL then; `stored_payload_len` says
/// how long it is. Lives until the callback returns.
/// @return 1 to import the event, 0 to leave it out; a negative number stops the import, whose
/// status it becomes. Anything above 1 ends it with #FBAT_ERR_INVALID_ARGUMENT.
/// @since 0.1
pub type fbat_filter_fn =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, record: *const fbat_record) -> i32>;

/// Called after each committed chunk, and at the end, with `source_position` at `source_ceiling`.
/// While nothing is committed, called after as many examined events as a chunk has. The next chunk
/// may be in flight meanwhile, unless #FBAT_IMPORT_ONE_THREAD is set. Called as fbat_filter_fn is.
/// @param user_data the `progress_data` of the options.
/// @param report what was committed so far, and how far the source was read. Lives until the
/// callback returns.
/// @return 0 to go on; a negative number stops the import, whose status it becomes. Anything above
/// 0 ends it with #FBAT_ERR_INVALID_ARGUMENT.
/// @since 0.2
pub type fbat_import_progress_fn = Option<
    unsafe extern "C-unwind" fn(user_data: *mut c_void, report: *const fbat_import_report) -> i32,
>;

/// What to import, and how. All zero except the size and the namespace imports everything.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_import_options {
    /// `sizeof(fbat_import_options)`.
    pub struct_size: usize,
    /// The name that the source's events are known by in the destination, forever: UTF-8, 1 to 1024
    /// bytes without control bytes. It names the store, not the way that events take; the
    /// destination remembers for which store it stands, and refuses another. Required with identity
    /// by source; with identity by origin it is left out, or fbat_store_namespace() of the source.
    /// That is a name that no other store has, and `store:` begins no other name.
    pub source_namespace: fbat_str,
    /// Which events of the source; NULL for all.
    pub region: *const fbat_region,
    /// Only sequences of the source above this one, as the `resume_after` of an earlier report. 0:
    /// the import goes on where the last one of the same `name` ended, as the destination has
    /// recorded; fbat_import() says when.
    pub after: u64,
    /// Events that become visible together: at most the destination's `batch_events_max`, to which
    /// it is cut; 0: 256. Fewer where they would have more than 4 MiB.
    pub chunk_size: usize,
    /// Says which events to import; NULL for all of the region.
    pub filter: fbat_filter_fn,
    /// Handed to `filter`.
    pub filter_data: *mut c_void,
    /// Told how far the import has come; NULL for none.
    pub progress: fbat_import_progress_fn,
    /// Handed to `progress`.
    pub progress_data: *mut c_void,
    /// Ends the import; NULL for none.
    pub cancel: *const fbat_cancel,
    /// What the filter sees: bits `FBAT_COLUMN_...`; 0: the extensions. The payload costs the time
    /// of copying it.
    pub filter_columns: u32,
    /// When imported events are durable: an `FBAT_IMPORT_DURABILITY_...`.
    pub durability: u32,
    /// What to do with an event that exists with different content: an `FBAT_ON_CONFLICT_...`.
    pub on_conflict: u32,
    /// Bits: `FBAT_IMPORT_...`.
    pub flags: u32,
    /// By what an event is known to be there already: an `FBAT_IMPORT_IDENTITY_...`.
    pub identity: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// What this import is called, and so its filter: UTF-8, at most 1024 bytes without control
    /// bytes. Imports of one name from one source go on from each other. Left out, those of one
    /// region do, without a filter, with identity by origin.
    pub name: fbat_str,
}

/// Where every examined event went. `imported`, `deduplicated`, the three `skipped_` and
/// `conflicts` add up to the events examined. Also filled in when the import fails, is stopped or
/// cancelled: it then covers the chunks that were committed.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_import_report {
    /// `sizeof(fbat_import_report)`.
    pub struct_size: usize,
    /// Appended to the destination.
    pub imported: u64,
    /// There already, since before this import.
    pub deduplicated: u64,
    /// The source's own events, of reserved kinds.
    pub skipped_reserved: u64,
    /// Left out by the filter.
    pub skipped_filtered: u64,
    /// Came to the source from the destination, which has them still: by an import under this very
    /// namespace, or, with identity by origin, in whatever way.
    pub skipped_reimported: u64,
    /// There with other content, and left out with #FBAT_ON_CONFLICT_SKIP.
    pub conflicts: u64,
    /// Those of `imported` that another import or append brought in during this one. `imported -
    /// overtaken`, summed over concurrent imports, is exact.
    pub overtaken: u64,
    /// Those of `imported` that came from the destination, which had lost them, as one that was
    /// restored from an older copy has. They have their own ids again, and a provenance.
    pub restored: u64,
    /// Those of `imported` whose name exists with other content: with #FBAT_ON_CONFLICT_KEEP.
    pub conflicts_kept: u64,
    /// The last sequence of the source that was examined. 0: none was.
    pub source_high_watermark: u64,
    /// Where the next import may go on, as `after`: `source_high_watermark`, or the `after` of this
    /// import where nothing was examined. So it is never below that, and safe to keep: also when
    /// the import failed, was stopped or cancelled.
    pub resume_after: u64,
    /// The last sequence of the source that this import was to examine, fixed at the call.
    pub source_ceiling: u64,
    /// The destination's frontier after the import, or after the chunk that progress reports: what
    /// readers may see.
    pub destination_visible: u64,
    /// And what is known to be on the disk.
    pub destination_durable: u64,
    /// How far the source was read, of `source_ceiling`: for a progress bar. What was read after
    /// the last committed chunk is examined again by the next import.
    pub source_position: u64,
    /// Where the import began: where an earlier one had ended, or at `after`.
    pub started_after: u64,
    /// What the source turned out to be, compared with what earlier imports have recorded: an
    /// `FBAT_SOURCE_STATE_...`.
    pub source_state: u32,
    /// Bits: `FBAT_IMPORT_REPORT_...`.
    pub flags: u32,
}

args::sized!(fbat_import_report: 144, fbat_import_options: 128);

/// Copies events of one store into another, exactly once.
///
/// Each event of the source that the options select is appended to the destination with a new
/// sequence, version, recorded time and event hash. Its id is made from the namespace and its id in
/// the source. A record says where it came from (fbat_record_provenance()). Entity, scope, kind,
/// payload, timestamp, flags, correlation and extensions are as they were; a causation, which names
/// an event of the source, is left out. Versions follow the order of arrival: what a filter leaves
/// out today and a later import brings comes after them.
///
/// An event that exists already is counted, not copied. Importing again adds nothing. An import
/// that failed, was stopped, cancelled, or killed is completed by the next.
///
/// An import that brought something leaves a record in the destination, with its last chunk: what
/// it selected, how far it came, and the source's log hash there. The next one goes on after the
/// newest record whose log hash the source still has, so that a source that was restored, repaired
/// or replaced is imported completely. This is so with identity by origin, and with a `name`; with
/// a filter only with a `name`. It begins at the start where the region or the presence of a filter
/// has changed, where conflicts were left out and are not any more, where the destination was
/// repaired with losses since, and with #FBAT_IMPORT_NO_RESUME. With identity by source and no name
/// all is examined each time, and counted as `deduplicated`.
///
/// What the source gains during the call is not part of it. When the call returns #FBAT_OK,
/// everything counted as `imported` or `deduplicated` is durable.
/// @code{.c}
/// static int32_t is_alarm(void *user_data, const fbat_record *record) {
///     return record->payload_len > 0 && record->payload[0] == '!';
/// }
///
/// fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
/// fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
/// options.source_namespace = FBAT_STR("plant/7");
/// options.filter = is_alarm;
/// options.filter_columns = FBAT_COLUMN_PAYLOAD;
/// fbat_status status = fbat_import(hub, plant, &options, &report, &err);
/// @endcode
/// @param destination the store that gains events.
/// @param source the store that is read. It may be open for reading, or for writing in another
/// process; with #FBAT_IMPORT_ALLOW_SELF it may be the destination.
/// @param options what to import, and how; their namespace must be set. NULL is an error.
/// @param out_report where every examined event went; filled in on failure too; may be NULL.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the options are NULL or have no namespace, a bad
/// `struct_size`, a member is out of range, or a callback gave an answer that is none; the
/// namespace stands for another store, or the source has the store id of the destination: the
/// message names the flag that allows it.
/// @retval FBAT_ERR_INVALID_UTF8 namespace, entity or scope is not UTF-8.
/// @retval FBAT_ERR_IMPORT_CONFLICT an event exists with different content; the message names both.
/// @retval FBAT_ERR_SOURCE_DIVERGED `after` is above everything that the source has: the source was
/// restored from an older copy, or is another store; the error's `actual` and `allowed` say both.
/// @retval FBAT_ERR_LIMIT_EXCEEDED an event is over a limit of the destination; the error names it.
/// Or a dry run has too much to remember.
/// @retval FBAT_ERR_WIRE_BODY the provenance of a source event can't be read; the error names the
/// event.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
/// @retval FBAT_ERR_FUTURE_VERSION as above.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered.
/// @retval FBAT_ERR_READ_ONLY the destination is open for reading.
/// @retval FBAT_ERR_CLOSED a store is closed, or was closed meanwhile.
/// @retval FBAT_ERR_POISONED an earlier failure ended writing to the destination.
/// @retval FBAT_ERR_CORRUPT a source event is damaged; the error names file, offset and event.
/// @retval FBAT_ERR_IO the operating system failed.
/// @retval FBAT_ERR_NO_SPACE no space is left.
/// @return or the negative number with which a callback stopped the import.
/// @par Threads
/// Any; several at once, also into one destination.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_import(
    destination: *const fbat_store,
    source: *const fbat_store,
    options: *const fbat_import_options,
    out_report: *mut fbat_import_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises, which are the same.
    unsafe { import_with(destination, source, options, Seams::default(), out_report, err) }
}

/// What only tests may do to an import.
#[cfg(feature = "internal")]
pub(crate) type Seams<'a> = ImportSeams<'a>;
#[cfg(not(feature = "internal"))]
pub(crate) type Seams<'a> = std::marker::PhantomData<&'a ()>;

/// As fbat_import(), with what only tests may do.
///
/// # Safety
/// As fbat_import().
pub(crate) unsafe fn import_with(
    destination: *const fbat_store,
    source: *const fbat_store,
    options: *const fbat_import_options,
    seams: Seams<'_>,
    out_report: *mut fbat_import_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_report, 1) }?;
        // SAFETY: the caller's promise: null or a struct with its size.
        let given = (!options.is_null()).then(|| unsafe { args::structure("options", options) });
        if let Some(Ok(given)) = &given {
            // Whatever fails from here on, the position to go on from is not lost.
            let report = ImportReport { resume_after: given.after, ..ImportReport::default() };
            out.set(0, report.into());
        }
        let stores = [call.store(destination)?, call.store(source)?];
        let given = given.transpose()?;
        let [to, from] = &stores;
        // SAFETY: the caller's promise: what the options point to is live.
        let outcome = unsafe {
            with_settings(given, seams, |settings| to.engine.import(&from.engine, settings))
        }?;
        out.set(0, outcome.report.into());
        outcome.result
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Runs `body` with the options of the engine, callbacks and token included.
///
/// # Safety
/// What `given` points to is as the header requires it.
pub(crate) unsafe fn with_settings<T>(
    given: Option<fbat_import_options>,
    seams: Seams<'_>,
    body: impl FnOnce(&mut ImportOptions<'_>) -> T,
) -> Result<T> {
    let missing = || Error::invalid("options is NULL: source_namespace is missing");
    let given = given.ok_or_else(missing)?;
    let columns = page::columns("filter_columns", given.filter_columns, FILTER_COLUMNS)?;
    let token = Token::new(given.cancel)?;
    let (mut filter, mut progress) = (filter(&given, columns), progress(&given));
    // SAFETY: the caller's promise.
    let mut settings = unsafe { engine_options(&given) }?;
    settings.cancel = token.to_engine();
    settings.filter_columns = columns;
    settings.filter = filter.as_mut().map(|f| f as &mut dyn FnMut(&Event<'_>) -> Verdict);
    settings.progress = progress.as_mut().map(|p| p as &mut dyn FnMut(&ImportReport) -> Verdict);
    set_seams(&mut settings, seams);
    Ok(body(&mut settings))
}

#[cfg(feature = "internal")]
fn set_seams<'a, 'b: 'a>(settings: &mut ImportOptions<'a>, seams: Seams<'b>) {
    let before_commit = seams.before_commit.map(|hook| hook as &mut dyn FnMut());
    settings.seams = ImportSeams { skip_lookup: seams.skip_lookup, before_commit };
}
#[cfg(not(feature = "internal"))]
fn set_seams(_: &mut ImportOptions<'_>, _: Seams<'_>) {}

const FLAGS: u32 = FBAT_IMPORT_REHASH
    | FBAT_IMPORT_ONE_THREAD
    | FBAT_IMPORT_ALLOW_SELF
    | FBAT_IMPORT_ALLOW_OTHER_STORE
    | FBAT_IMPORT_ALLOW_OTHER_IDENTITY
    | FBAT_IMPORT_DRY_RUN
    | FBAT_IMPORT_NO_RESUME;

/// The options of the engine, without callbacks and token.
///
/// # Safety
/// What `given` points to is as the header requires it.
unsafe fn engine_options<'a>(given: &fbat_import_options) -> Result<ImportOptions<'a>> {
    let name = "source_namespace";
    // SAFETY: the caller's promise: live text, null or a struct with its size.
    let (namespace, region, import_name) = unsafe {
        (
            args::optional_text(name, given.source_namespace, args::NAMESPACE)?,
            region::engine_region(given.region)?,
            args::optional_text("name", given.name, args::NAMESPACE)?,
        )
    };
    let identities = [ImportIdentity::Source, ImportIdentity::Origin];
    let identity = args::choice("identity", given.identity, &identities)?;
    if namespace.is_none() && identity == ImportIdentity::Source {
        return Err(Error::invalid(format!("{name} is missing")));
    }
    args::check_bits("flags", given.flags, FLAGS)?;
    args::check_bits("reserved", given.reserved, 0)?;
    Ok(ImportOptions {
        namespace: namespace.unwrap_or_default().to_owned(),
        identity,
        region,
        after: given.after,
        name: import_name.unwrap_or_default().to_owned(),
        resume: given.flags & FBAT_IMPORT_NO_RESUME == 0,
        chunk_size: match given.chunk_size {
            0 => CHUNK_SIZE,
            events => events.try_into().unwrap_or(u32::MAX),
        },
        durability: args::choice(
            "durability",
            given.durability,
            &[ImportDurability::End, ImportDurability::Chunk],
        )?,
        on_conflict: args::choice(
            "on_conflict",
            given.on_conflict,
            &[OnConflict::Fail, OnConflict::Skip, OnConflict::Keep],
        )?,
        rehash: given.flags & FBAT_IMPORT_REHASH != 0,
        overlap: given.flags & FBAT_IMPORT_ONE_THREAD == 0,
        allow_self: given.flags & FBAT_IMPORT_ALLOW_SELF != 0,
        allow_other_store: given.flags & FBAT_IMPORT_ALLOW_OTHER_STORE != 0,
        dry_run: given.flags & FBAT_IMPORT_DRY_RUN != 0,
        allow_other_identity: given.flags & FBAT_IMPORT_ALLOW_OTHER_IDENTITY != 0,
        ..ImportOptions::default()
    })
}

/// The filter of C as the engine calls it.
fn filter(
    given: &fbat_import_options,
    columns: Columns,
) -> Option<impl FnMut(&Event<'_>) -> Verdict> {
    let (function, data) = (given.filter?, given.filter_data);
    let mut rows = Rows::default();
    Some(move |event: &Event<'_>| {
        rows.clear();
        rows.push(event, columns);
        rows.finish();
        // SAFETY: the caller gave both for this; the record lives until after the call.
        match panic::outside(|| unsafe { function(data, rows.records.as_ptr()) }) {
            1 => Verdict::Keep,
            0 => Verdict::Skip,
            other => Verdict::Stop(other),
        }
    })
}

/// The progress callback of C as the engine calls it.
fn progress(given: &fbat_import_options) -> Option<impl FnMut(&ImportReport) -> Verdict> {
    let (function, data) = (given.progress?, given.progress_data);
    Some(move |report: &ImportReport| {
        let report = fbat_import_report::from(*report);
        // SAFETY: the caller gave both for this; the report lives until after the call.
        cancel::verdict(panic::outside(|| unsafe { function(data, &report) }))
    })
}

impl From<ImportReport> for fbat_import_report {
    fn from(report: ImportReport) -> fbat_import_report {
        members_of!(report => fbat_import_report {
            imported, deduplicated, skipped_reserved, skipped_filtered, skipped_reimported,
            conflicts, overtaken, restored, conflicts_kept, source_high_watermark, resume_after,
            source_ceiling, destination_visible, destination_durable, source_position,
            started_after
        }, source_state: report.source as u32,
        flags: args::flag(report.selector_changed, FBAT_IMPORT_REPORT_SELECTOR_CHANGED))
    }
}
