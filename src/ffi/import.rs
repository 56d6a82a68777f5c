//! Import
//!
//! Copying events from one store into another, exactly once, with a record of where each came from.

use super::error::fbat_error;
use super::guard::{self, Call};
use super::handle;
use super::log::UserData;
use super::page::{self, fbat_record, Rows};
use super::query::{RegionSettings, FBAT_KIND_MATCH_ANY};
use super::raw::{self, OutStruct, Text};
use super::status::fbat_status;
use super::store::{fbat_store, StoreObject};
use super::types::{fbat_destroy_fn, fbat_str};
use crate::engine::import::{
    Cancel, ImportDurability, ImportOptions, ImportReport, OnConflict, Verdict,
};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::{Columns, Event};
use crate::engine::model::id::Kind;
use crate::engine::model::key;
use crate::engine::model::region::KindFilter;
use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One durable point, before the import returns. Safe, since a repeat completes it.
/// @since 0.1
pub const FBAT_IMPORT_DURABILITY_END: u32 = 0u32;
/// Each chunk is durable before the next.
/// @since 0.1
pub const FBAT_IMPORT_DURABILITY_CHUNK: u32 = 1u32;

/// An event that is there with other content ends the import with #FBAT_ERR_IMPORT_CONFLICT.
/// @since 0.1
pub const FBAT_ON_CONFLICT_FAIL: u32 = 0u32;
/// An event that is there with other content is counted in `conflicts` and left out.
/// @since 0.1
pub const FBAT_ON_CONFLICT_SKIP: u32 = 1u32;

/// Hash every payload again, instead of trusting the checksum of its frame.
/// @since 0.1
pub const FBAT_IMPORT_REHASH: u32 = 1u32;
/// Do everything on the thread that calls. Without it, an import of more than one chunk starts a
/// thread, which commits each chunk while the next is gathered, calls no callback, blocks signals,
/// and ends before the import returns.
/// @since 0.1
pub const FBAT_IMPORT_ONE_THREAD: u32 = 2u32;

/// Says which events to import. Called on the thread that called fbat_import(), with no lock
/// held: it may read both stores and append to the destination, not close them. It must not throw.
/// @param user_data what was given with the callback.
/// @param record the event of the source, with the columns that
/// fbat_import_options_set_filter_columns() names: as a rule not the payload, which is NULL then;
/// `payload_size` is there always. Lives until the callback returns.
/// @return 1 to import the event, 0 to leave it out; a negative number stops the import, whose
/// status it becomes. Anything above 1 ends it with #FBAT_ERR_INVALID_ARGUMENT.
/// @since 0.1
pub type fbat_filter_fn =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, record: *const fbat_record) -> i32>;

/// Told after each committed chunk; the next one may be about to be committed meanwhile, unless
/// #FBAT_IMPORT_ONE_THREAD is set. Called as fbat_filter_fn is.
/// @param user_data what was given with the callback.
/// @param report what was done so far. Lives until the callback returns.
/// @return 0 to go on; a negative number stops the import, whose status it becomes. Anything
/// above 0 ends it with #FBAT_ERR_INVALID_ARGUMENT.
/// @since 0.1
pub type fbat_progress_fn = Option<
    unsafe extern "C-unwind" fn(user_data: *mut c_void, report: *const fbat_import_report) -> i32,
>;

/// Ends the imports that carry it, from any thread. Once triggered it stays so: make one for
/// each call, or for each group of calls that are to end together.
/// @par Threads
/// Any number may use it at once.
/// @since 0.1
pub struct fbat_cancel {
    _opaque: [u8; 0],
}

/// What to import, and how. Setting one part never resets another.
///
/// fbat_import() takes a copy when it is called: the same options may serve any number of
/// imports, at once too (the callbacks then have to bear that), and may be changed or freed
/// meanwhile without effect on those that run.
/// @par Threads
/// `const` functions may run at once with each other, not with the others.
/// @since 0.1
pub struct fbat_import_options {
    _opaque: [u8; 0],
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
    /// Came from this very namespace: earlier output of the same import.
    pub skipped_reimported: u64,
    /// There with other content, and left out with #FBAT_ON_CONFLICT_SKIP.
    pub conflicts: u64,
    /// Those of `imported` that another import or append brought in during this one. `imported -
    /// overtaken`, summed over concurrent imports, is exact.
    pub overtaken: u64,
    /// The last sequence of the source that was examined: where to go on, as `after`. 0: none was.
    pub source_high_watermark: u64,
    /// The last sequence of the source that this import was to examine, fixed at the call.
    pub source_ceiling: u64,
    /// The destination's frontier after the import, or after the chunk that progress is told of:
    /// what readers may see.
    pub destination_visible: u64,
    /// And what is known to be on the disk.
    pub destination_durable: u64,
}

raw::sized!(fbat_import_report);

/// Makes all members zero but `struct_size`: what #FBAT_IMPORT_REPORT_INIT does, as a function.
/// @param out_value the struct; nothing is done where it is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_report_init(out_value: *mut fbat_import_report) {
    // SAFETY: the caller's promise: null or writable.
    unsafe { raw::init(out_value) }
}

/// What a handle to a cancel token leads to.
pub(crate) struct CancelObject(Cancel);

impl handle::Object for CancelObject {
    type Raw = fbat_cancel;
    const TAG: u8 = 10;
    const NAME: &'static str = "cancel token";
}

/// Makes a token that is not triggered.
/// @return the token, which fbat_cancel_free() frees; NULL in a forked child, and where 16 million
/// objects are live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_cancel_new() -> *mut fbat_cancel {
    guard::value(null_mut(), || {
        handle::insert(CancelObject(Cancel::default())).unwrap_or(null_mut())
    })
}

/// Triggers a token: imports that carry it end with #FBAT_ERR_CANCELLED.
/// @param cancel the token.
/// @retval FBAT_OK it is triggered, now or since earlier.
/// @par Threads
/// Any. Not to be called by a signal handler.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_cancel_trigger(cancel: *const fbat_cancel) -> fbat_status {
    let body = |_: &Call| {
        handle::get::<CancelObject>(cancel)?.0.cancel();
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}

/// Whether a token was triggered.
/// @param cancel the token.
/// @return whether it was; false where `cancel` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_cancel_is_triggered(cancel: *const fbat_cancel) -> bool {
    guard::value(false, || {
        handle::lookup::<CancelObject>(cancel).is_some_and(|c| c.0.is_cancelled())
    })
}

/// Frees a token. Options and imports that carry it keep it as it is.
/// @param cancel the token; NULL is allowed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_cancel_free(cancel: *mut fbat_cancel) {
    guard::free::<CancelObject>(cancel)
}

/// A callback with what belongs to it; the imports that use it share it.
struct Callback<F> {
    function: F,
    user_data: UserData,
}

/// What a handle to import options leads to.
pub(crate) struct ImportOptionsObject(Mutex<ImportSettings>);

#[derive(Clone)]
pub(crate) struct ImportSettings {
    namespace: Text,
    region: RegionSettings,
    after: u64,
    chunk_size: u32,
    durability: ImportDurability,
    on_conflict: OnConflict,
    rehash: bool,
    overlap: bool,
    filter_columns: Columns,
    filter:
        Option<Arc<Callback<unsafe extern "C-unwind" fn(*mut c_void, *const fbat_record) -> i32>>>,
    progress: Option<
        Arc<Callback<unsafe extern "C-unwind" fn(*mut c_void, *const fbat_import_report) -> i32>>,
    >,
    cancel: Option<(Arc<CancelObject>, usize)>,
    #[cfg(feature = "internal")]
    pub(crate) seams: super::internal::Seams,
}

impl Default for ImportSettings {
    fn default() -> ImportSettings {
        let engine = ImportOptions::default();
        ImportSettings {
            namespace: Text::default(),
            region: RegionSettings::default(),
            after: engine.after,
            chunk_size: engine.chunk_size,
            durability: engine.durability,
            on_conflict: engine.on_conflict,
            rehash: engine.rehash,
            overlap: engine.overlap,
            filter_columns: engine.filter_columns,
            filter: None,
            progress: None,
            cancel: None,
            #[cfg(feature = "internal")]
            seams: super::internal::Seams::default(),
        }
    }
}

impl handle::Object for ImportOptionsObject {
    type Raw = fbat_import_options;
    const TAG: u8 = 11;
    const NAME: &'static str = "import options";
}

impl ImportOptionsObject {
    pub(crate) fn lock(&self) -> MutexGuard<'_, ImportSettings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn get<T>(
    options: *const fbat_import_options,
    none: T,
    get: impl FnOnce(&ImportSettings) -> T,
) -> T {
    let body = || handle::lookup::<ImportOptionsObject>(options).map(|object| get(&object.lock()));
    guard::value(None, body).unwrap_or(none)
}

fn set(
    options: *mut fbat_import_options,
    set: impl FnOnce(&mut ImportSettings) -> Result<()>,
) -> fbat_status {
    let body = |_: &Call| set(&mut handle::get::<ImportOptionsObject>(options)?.lock());
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}

/// Makes options for everything, in chunks of 256, without a namespace, which has to be set.
/// @return the options, which fbat_import_options_free() frees; NULL in a forked child, and where
/// 16 million objects are live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_import_options_new() -> *mut fbat_import_options {
    guard::value(null_mut(), || {
        handle::insert(ImportOptionsObject(Mutex::default())).unwrap_or(null_mut())
    })
}

/// Frees options, and disposes of what belongs to their callbacks when no import uses it any more.
/// @param options the options; NULL is allowed.
/// @par Threads
/// Any; the options must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_free(options: *mut fbat_import_options) {
    guard::free::<ImportOptionsObject>(options)
}

/// Sets the name that the source's events are known by in the destination. The same name means
/// the same source: importing again adds nothing.
/// @param options the options.
/// @param name UTF-8, 1 to 1024 bytes.
/// @param name_len in bytes.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT empty, too long, or a length without a pointer.
/// @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_namespace(
    options: *mut fbat_import_options,
    name: *const c_char,
    name_len: usize,
) -> fbat_status {
    set(options, |settings| {
        // SAFETY: the caller's promise: `name_len` bytes.
        let namespace = unsafe { raw::text("namespace", name, name_len, raw::NAMESPACE) }?;
        key::check_namespace(namespace)?;
        settings.namespace = Text::new(namespace);
        Ok(())
    })
}

/// The namespace.
/// @param options the options.
/// @return text that lives until it is set again or the options are freed; empty when it is not
/// set.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_namespace(
    options: *const fbat_import_options,
) -> fbat_str {
    get(options, fbat_str::NONE, |settings| settings.namespace.lend())
}

/// Sets the entity: `e` matches `e` itself and everything below `e:`.
/// @param options the options.
/// @param entity UTF-8; empty for any.
/// @param entity_len in bytes.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
/// @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_entity(
    options: *mut fbat_import_options,
    entity: *const c_char,
    entity_len: usize,
) -> fbat_status {
    set(options, |settings| {
        // SAFETY: the caller's promise: `entity_len` bytes.
        settings.region.entity =
            Text::new(unsafe { raw::text("entity", entity, entity_len, raw::COORDINATE) }?);
        Ok(())
    })
}

/// The entity.
/// @param options the options.
/// @return text that lives until it is set again or the options are freed; empty for any.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_entity(
    options: *const fbat_import_options,
) -> fbat_str {
    get(options, fbat_str::NONE, |settings| settings.region.entity.lend())
}

/// Sets the exact scope.
/// @param options the options.
/// @param scope UTF-8; empty for any.
/// @param scope_len in bytes.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
/// @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_scope(
    options: *mut fbat_import_options,
    scope: *const c_char,
    scope_len: usize,
) -> fbat_status {
    set(options, |settings| {
        // SAFETY: the caller's promise: `scope_len` bytes.
        settings.region.scope =
            Text::new(unsafe { raw::text("scope", scope, scope_len, raw::COORDINATE) }?);
        Ok(())
    })
}

/// The scope.
/// @param options the options.
/// @return text that lives until it is set again or the options are freed; empty for any.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_scope(
    options: *const fbat_import_options,
) -> fbat_str {
    get(options, fbat_str::NONE, |settings| settings.region.scope.lend())
}

/// Sets one exact kind, in place of a kind or category before.
/// @param options the options.
/// @param kind the kind.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_kind(
    options: *mut fbat_import_options,
    kind: u16,
) -> fbat_status {
    set(options, |settings| {
        settings.region.kind = Some(KindFilter::Exact(Kind(kind)));
        Ok(())
    })
}

/// Sets a whole category, in place of a kind or category before.
/// @param options the options.
/// @param category 0 to 15.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT out of range.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_category(
    options: *mut fbat_import_options,
    category: u32,
) -> fbat_status {
    set(options, |settings| settings.region.set_category(category))
}

/// Takes kind and category back: every kind.
/// @param options the options.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_any_kind(
    options: *mut fbat_import_options,
) -> fbat_status {
    set(options, |settings| {
        settings.region.kind = None;
        Ok(())
    })
}

/// Whether a kind or a category is set.
/// @param options the options.
/// @return an `FBAT_KIND_MATCH_...`; #FBAT_KIND_MATCH_ANY where `options` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_kind_match(
    options: *const fbat_import_options,
) -> u32 {
    get(options, FBAT_KIND_MATCH_ANY, |settings| settings.region.kind_match())
}

/// The kind, or the first kind of the category.
/// @param options the options.
/// @return the kind; 0 with #FBAT_KIND_MATCH_ANY.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_kind(options: *const fbat_import_options) -> u16 {
    get(options, 0, |settings| settings.region.kind_value())
}

/// Sets a range of entity versions in the source.
/// @param options the options.
/// @param first the lowest version.
/// @param last the highest version; 0 and `UINT64_MAX` together are all, the default.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the range ends before it begins.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_versions(
    options: *mut fbat_import_options,
    first: u64,
    last: u64,
) -> fbat_status {
    set(options, |settings| settings.region.set_versions(first, last))
}

/// The lowest entity version.
/// @param options the options.
/// @return the version; 0 by default.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_version_first(
    options: *const fbat_import_options,
) -> u64 {
    get(options, 0, |settings| settings.region.versions.map_or(0, |v| v.0))
}

/// The highest entity version.
/// @param options the options.
/// @return the version; `UINT64_MAX` by default.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_version_last(
    options: *const fbat_import_options,
) -> u64 {
    get(options, u64::MAX, |settings| settings.region.versions.map_or(u64::MAX, |v| v.1))
}

/// Sets the global sequence of the source above which to import.
/// @param options the options.
/// @param after exclusive; 0, the default, for all. `source_high_watermark` of an earlier report
/// goes on there.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_after(
    options: *mut fbat_import_options,
    after: u64,
) -> fbat_status {
    set(options, |settings| {
        settings.after = after;
        Ok(())
    })
}

/// The global sequence of the source above which to import.
/// @param options the options.
/// @return the sequence, exclusive.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_after(options: *const fbat_import_options) -> u64 {
    get(options, 0, |settings| settings.after)
}

/// Sets how many events become visible together. Chunks are also cut by bytes.
/// @param options the options.
/// @param events the number; the default is 256. 0 counts as 1; more than the destination takes in
/// a batch counts as that.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_chunk_size(
    options: *mut fbat_import_options,
    events: u32,
) -> fbat_status {
    set(options, |settings| {
        settings.chunk_size = events;
        Ok(())
    })
}

/// How many events become visible together.
/// @param options the options.
/// @return the number, as it was set.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_chunk_size(
    options: *const fbat_import_options,
) -> u32 {
    get(options, 0, |settings| settings.chunk_size)
}

/// Sets when imported events are made durable.
/// @param options the options.
/// @param durability an `FBAT_IMPORT_DURABILITY_...`; the default is #FBAT_IMPORT_DURABILITY_END.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the durability is none of them.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_durability(
    options: *mut fbat_import_options,
    durability: u32,
) -> fbat_status {
    set(options, |settings| {
        let choices = [ImportDurability::End, ImportDurability::Chunk];
        settings.durability = raw::choice("durability", durability, &choices)?;
        Ok(())
    })
}

/// When imported events are made durable.
/// @param options the options.
/// @return an `FBAT_IMPORT_DURABILITY_...`.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_durability(
    options: *const fbat_import_options,
) -> u32 {
    get(options, FBAT_IMPORT_DURABILITY_END, |settings| settings.durability as u32)
}

/// Sets what becomes of an event that is there with other content.
/// @param options the options.
/// @param on_conflict an `FBAT_ON_CONFLICT_...`; the default is #FBAT_ON_CONFLICT_FAIL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the choice is none of them.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_on_conflict(
    options: *mut fbat_import_options,
    on_conflict: u32,
) -> fbat_status {
    set(options, |settings| {
        settings.on_conflict =
            raw::choice("on_conflict", on_conflict, &[OnConflict::Fail, OnConflict::Skip])?;
        Ok(())
    })
}

/// What becomes of an event that is there with other content.
/// @param options the options.
/// @return an `FBAT_ON_CONFLICT_...`.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_on_conflict(
    options: *const fbat_import_options,
) -> u32 {
    get(options, FBAT_ON_CONFLICT_FAIL, |settings| settings.on_conflict as u32)
}

/// Sets switches.
/// @param options the options.
/// @param flags bits: #FBAT_IMPORT_REHASH, #FBAT_IMPORT_ONE_THREAD; the default is none.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_flags(
    options: *mut fbat_import_options,
    flags: u32,
) -> fbat_status {
    set(options, |settings| {
        raw::check_bits("flags", flags, FBAT_IMPORT_REHASH | FBAT_IMPORT_ONE_THREAD)?;
        settings.rehash = flags & FBAT_IMPORT_REHASH != 0;
        settings.overlap = flags & FBAT_IMPORT_ONE_THREAD == 0;
        Ok(())
    })
}

/// The switches.
/// @param options the options.
/// @return bits: #FBAT_IMPORT_REHASH, #FBAT_IMPORT_ONE_THREAD.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_flags(options: *const fbat_import_options) -> u32 {
    get(options, 0, |settings| {
        let flag = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
        flag(settings.rehash, FBAT_IMPORT_REHASH) | flag(!settings.overlap, FBAT_IMPORT_ONE_THREAD)
    })
}

/// Sets the filter, in place of the one before. It sees what the region and `after` let through,
/// but not events of reserved kinds; and of each event not the payload, unless
/// fbat_import_options_set_filter_columns() asks for it.
/// @param options the options.
/// @param filter the function; NULL for none.
/// @param user_data handed to it.
/// @param destroy disposes of `user_data`, exactly once, also when this call fails; may be NULL.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_filter(
    options: *mut fbat_import_options,
    filter: fbat_filter_fn,
    user_data: *mut c_void,
    destroy: fbat_destroy_fn,
) -> fbat_status {
    let user_data = UserData::new(user_data, destroy);
    let body = move |_: &Call| {
        let object = handle::get::<ImportOptionsObject>(options)?;
        let filter = filter.map(|function| Arc::new(Callback { function, user_data }));
        let before = std::mem::replace(&mut object.lock().filter, filter);
        drop(before);
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}

/// The filter.
/// @param options the options.
/// @return the function; NULL for none.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_filter(
    options: *const fbat_import_options,
) -> fbat_filter_fn {
    get(options, None, |settings| Some(settings.filter.as_ref()?.function))
}

/// What is handed to the filter.
/// @param options the options.
/// @return what was given with it; NULL for none.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_filter_user_data(
    options: *const fbat_import_options,
) -> *mut c_void {
    get(options, null_mut(), |settings| {
        settings.filter.as_ref().map_or(null_mut(), |f| f.user_data.data)
    })
}

/// Sets what the filter sees beside the rest.
/// @param options the options.
/// @param columns bits `FBAT_COLUMN_...`; the default is the extensions. A filter that reads
/// payloads needs
/// #FBAT_COLUMN_PAYLOAD.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_filter_columns(
    options: *mut fbat_import_options,
    columns: u32,
) -> fbat_status {
    set(options, |settings| {
        settings.filter_columns = page::columns(columns)?;
        Ok(())
    })
}

/// What the filter sees beside the rest.
/// @param options the options.
/// @return bits `FBAT_COLUMN_...`.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_filter_columns(
    options: *const fbat_import_options,
) -> u32 {
    get(options, 0, |settings| page::column_bits(settings.filter_columns))
}

/// Sets the function that is told after each committed chunk, in place of the one before.
/// @param options the options.
/// @param progress the function; NULL for none.
/// @param user_data handed to it.
/// @param destroy disposes of `user_data`, exactly once, also when this call fails; may be NULL.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_progress(
    options: *mut fbat_import_options,
    progress: fbat_progress_fn,
    user_data: *mut c_void,
    destroy: fbat_destroy_fn,
) -> fbat_status {
    let user_data = UserData::new(user_data, destroy);
    let body = move |_: &Call| {
        let object = handle::get::<ImportOptionsObject>(options)?;
        let progress = progress.map(|function| Arc::new(Callback { function, user_data }));
        let before = std::mem::replace(&mut object.lock().progress, progress);
        drop(before);
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}

/// The function that is told after each chunk.
/// @param options the options.
/// @return the function; NULL for none.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_progress(
    options: *const fbat_import_options,
) -> fbat_progress_fn {
    get(options, None, |settings| Some(settings.progress.as_ref()?.function))
}

/// What is handed to the function that is told after each chunk.
/// @param options the options.
/// @return what was given with it; NULL for none.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_progress_user_data(
    options: *const fbat_import_options,
) -> *mut c_void {
    get(options, null_mut(), |settings| {
        settings.progress.as_ref().map_or(null_mut(), |p| p.user_data.data)
    })
}

/// Sets the token that ends imports with these options.
/// @param options the options.
/// @param cancel the token, which may be freed afterwards; NULL for none.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_set_cancel(
    options: *mut fbat_import_options,
    cancel: *const fbat_cancel,
) -> fbat_status {
    set(options, |settings| {
        settings.cancel = match cancel.is_null() {
            true => None,
            false => Some((handle::get::<CancelObject>(cancel)?, cancel as usize)),
        };
        Ok(())
    })
}

/// The token that ends imports with these options.
/// @param options the options.
/// @return the token that was set, which may have been freed since; NULL for none.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_import_options_get_cancel(
    options: *const fbat_import_options,
) -> *const fbat_cancel {
    get(options, null(), |settings| {
        settings.cancel.as_ref().map_or(null(), |c| c.1 as *const fbat_cancel)
    })
}

/// Copies events of one store into another, exactly once.
///
/// Each event of the source that the options select comes to be in the destination with a new
/// sequence, version, recorded time and event hash, an id made from the namespace and its id in the
/// source, and a record of where it came from (fbat_event_provenance()). Entity, scope, kind,
/// payload, timestamp, flags, correlation and extensions are as they were; a causation, which names
/// an event of the source, is left out. Versions follow the order of arrival: what a filter leaves
/// out today and a later import brings comes behind.
///
/// An event that is there already is counted, not copied: importing again adds nothing, and an
/// import that failed, was stopped, cancelled, or killed is completed by the next.
///
/// What the source gains during the call is not part of it. When the call returns #FBAT_OK,
/// everything counted as `imported` or `deduplicated` is durable.
/// @code{.c}
/// static int32_t is_alarm(void *user_data, const fbat_record *record) {
///     return record->payload_len > 0 && record->payload[0] == '!';
/// }
///
/// fbat_import_options *options = fbat_import_options_new();
/// fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
/// fbat_status status = fbat_import_options_set_namespace(options, "plant/7", 7);
/// if (status == FBAT_OK)
///     status = fbat_import_options_set_filter(options, is_alarm, NULL, NULL);
/// if (status == FBAT_OK)
///     status = fbat_import_options_set_filter_columns(options, FBAT_COLUMN_PAYLOAD);
/// if (status == FBAT_OK)
///     status = fbat_import(hub, plant, options, &report, &err);
/// fbat_import_options_free(options);
/// @endcode
/// @param destination the store that gains events.
/// @param source the store that is read, which may be the same, open for reading, or open for
/// writing in another process.
/// @param options what to import, and how; their namespace must be set.
/// @param out_report where every examined event went; filled in on failure too; may be NULL.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the options are NULL or have no namespace, a bad
/// `struct_size`, or a callback gave an answer that is none.
/// @retval FBAT_ERR_IMPORT_CONFLICT an event is there with other content; the message names both.
/// @retval FBAT_ERR_LIMIT_EXCEEDED an event is over a limit of the destination; the error names it.
/// @retval FBAT_ERR_WIRE_BODY the provenance of a source event can't be read; the error names the
/// event.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
/// @retval FBAT_ERR_FUTURE_VERSION as above.
/// @retval FBAT_ERR_CANCELLED the token of the options was triggered.
/// @retval FBAT_ERR_READ_ONLY the destination is open for reading.
/// @retval FBAT_ERR_CLOSED a store is closed, or was closed meanwhile.
/// @retval FBAT_ERR_POISONED an earlier failure ended writing to the destination.
/// @retval FBAT_ERR_CORRUPT a source event does not hold; the error names file, offset and event.
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
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_report, 1) }?;
        let stores = [call.store(destination)?, call.store(source)?];
        if options.is_null() {
            return Err(Error::invalid("options is NULL: the namespace is missing"));
        }
        let settings = handle::get::<ImportOptionsObject>(options)?.lock().clone();
        let (report, result) = run(&settings, stores);
        out.set(0, report.into());
        stores.into_iter().for_each(|store| store.close_if_freed());
        result
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Runs an import with the callbacks of C.
fn run(
    settings: &ImportSettings,
    [destination, source]: [&Arc<StoreObject>; 2],
) -> (ImportReport, Result<()>) {
    let mut rows = Rows::default();
    let mut filter = settings.filter.as_ref().map(|callback| {
        move |event: &Event<'_>| {
            rows.clear();
            rows.push(event, settings.filter_columns);
            rows.finish();
            // SAFETY: the caller gave both for this; the record lives until after the call.
            let call =
                || unsafe { (callback.function)(callback.user_data.data, rows.records.as_ptr()) };
            match guard::outside(call) {
                1 => Verdict::Keep,
                0 => Verdict::Skip,
                other => Verdict::Stop(other),
            }
        }
    });
    let mut progress = settings.progress.as_ref().map(|callback| {
        |report: &ImportReport| {
            let report = fbat_import_report::from(*report);
            // SAFETY: the caller gave both for this; the report lives until after the call.
            match guard::outside(|| unsafe {
                (callback.function)(callback.user_data.data, &report)
            }) {
                0 => Verdict::Keep,
                other => Verdict::Stop(other),
            }
        }
    });
    #[cfg(feature = "internal")]
    let mut before_commit = settings.seams.before_commit();
    let mut options = ImportOptions {
        namespace: settings.namespace.as_str().to_owned(),
        region: settings.region.to_engine(),
        after: settings.after,
        chunk_size: settings.chunk_size,
        durability: settings.durability,
        on_conflict: settings.on_conflict,
        rehash: settings.rehash,
        overlap: settings.overlap,
        filter_columns: settings.filter_columns,
        filter: filter.as_mut().map(|f| f as &mut dyn FnMut(&Event<'_>) -> Verdict),
        progress: progress.as_mut().map(|p| p as &mut dyn FnMut(&ImportReport) -> Verdict),
        cancel: settings.cancel.as_ref().map(|(object, _)| &object.0),
        #[cfg(feature = "internal")]
        seams: settings.seams.to_engine(before_commit.as_mut()),
    };
    let outcome = destination.engine.import(&source.engine, &mut options);
    (outcome.report, outcome.result)
}

impl From<ImportReport> for fbat_import_report {
    fn from(report: ImportReport) -> fbat_import_report {
        fbat_import_report {
            struct_size: size_of::<fbat_import_report>(),
            imported: report.imported,
            deduplicated: report.deduplicated,
            skipped_reserved: report.skipped_reserved,
            skipped_filtered: report.skipped_filtered,
            skipped_reimported: report.skipped_reimported,
            conflicts: report.conflicts,
            overtaken: report.overtaken,
            source_high_watermark: report.source_high_watermark,
            source_ceiling: report.source_ceiling,
            destination_visible: report.destination_visible,
            destination_durable: report.destination_durable,
        }
    }
}
