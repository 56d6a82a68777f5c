//! Events read back
//!
//! Rows as an event is read back, in pages that own their bytes and outlive the store.

use super::boundary::answer::{self};
use super::boundary::args::{self, Sized0};
use super::boundary::error::fbat_error;
use super::boundary::guard::{self};
use super::boundary::handle;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::{fbat_extension, fbat_hash, fbat_id, fbat_str};
use crate::engine::model::content::{Content, SHORT_PAYLOAD_MAX};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::{Columns, Event, Source, PROVENANCE_EXTENSION};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::provenance::Provenance;
use crate::engine::platform::watch::Watch;
use crate::engine::store::query::{hash_each, PageEnd, Query};
use crate::engine::store::Store;
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// The payload.
/// @since 0.1
pub const FBAT_COLUMN_PAYLOAD: u32 = 1u32;
/// The extensions, the provenance of imported events among them.
/// @since 0.1
pub const FBAT_COLUMN_EXTENSIONS: u32 = 2u32;
/// The hash of the entity's event before. Costs one more look-up for each event.
/// @since 0.1
pub const FBAT_COLUMN_PREVIOUS_HASH: u32 = 4u32;
/// What is always read; alone, nothing else is.
/// @since 0.2
pub const FBAT_COLUMN_FIXED: u32 = 8u32;

/// The event was imported.
/// @since 0.1
pub const FBAT_RECORD_IMPORTED: u32 = 1u32;
/// `previous_hash` is filled in.
/// @since 0.1
pub const FBAT_RECORD_HAS_PREVIOUS_HASH: u32 = 2u32;
/// The event was imported, but its provenance can't be read; fbat_provenance_from_extension() of
/// `raw_provenance` says why.
/// @since 0.1
pub const FBAT_RECORD_PROVENANCE_UNREADABLE: u32 = 4u32;

/// An event as a reader sees it. Lives as long as the page that it is a row of, or until the
/// callback that was given it returns. So does everything that it points to.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_record {
    /// The size of this struct as the library knows it: rows of an array lie that far apart.
    pub struct_size: usize,
    /// The event's id.
    pub id: fbat_id,
    /// Its place in the store: counted from 1, in the order of commits, never used again.
    pub sequence: u64,
    /// What the event is about.
    pub entity: fbat_str,
    /// Whose event it is.
    pub scope: fbat_str,
    /// What sort of event: category in the top 4 bits, type in the low 12.
    pub kind: u16,
    /// The caller's own.
    pub payload_version: u16,
    /// The caller's own.
    pub flags: u32,
    /// Bits: `FBAT_RECORD_...`.
    pub record_flags: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// How many events the entity had with this one: 1 for its first.
    pub version: u64,
    /// The event's time: microseconds since 1970.
    pub timestamp_us: i64,
    /// When this store wrote it: microseconds since 1970. Never goes back.
    pub recorded_us: i64,
    /// What the event belongs to; all zero for nothing.
    pub correlation: fbat_id,
    /// The event that caused it; all zero for none. Imported events have none.
    pub causation: fbat_id,
    /// The payload, with its column; else NULL. A NUL follows it, which `payload_len` does not
    /// count, also where it is empty, in pages and in what a filter sees.
    pub payload: *const u8,
    /// How many bytes there are at `payload`.
    pub payload_len: usize,
    /// How long the event's payload is, also where its column was not asked for.
    pub stored_payload_len: usize,
    /// The extensions, with their column, in the order in which they were given; else NULL. An
    /// imported event has its provenance after them: `batpak.import.provenance`.
    pub extensions: *const fbat_extension,
    /// How many there are at `extensions`.
    pub extension_count: usize,
    /// BLAKE3 of the payload.
    pub content_hash: fbat_hash,
    /// Hash over the event and the entity's history before it.
    pub event_hash: fbat_hash,
    /// The `event_hash` of the entity's event before this one, with its column; all zero without
    /// it, and where that event was lost.
    pub previous_hash: fbat_hash,
    /// Of an imported event: the name that its source had in the import; else NULL and 0.
    pub source_namespace: fbat_str,
    /// Of an imported event: its id in the source.
    pub source_event_id: fbat_id,
    /// Of an imported event: its global sequence in the source.
    pub source_sequence: u64,
    /// A provenance that another version of the library wrote, as the log has it; mostly NULL.
    pub raw_provenance: *const u8,
    /// How many bytes there are at `raw_provenance`.
    pub raw_provenance_len: usize,
}

args::sized!(fbat_record: 328);

/// Rows of events with all their bytes. Owned by the caller, who frees it with fbat_page_free().
/// Outlives the store.
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.1
pub struct fbat_page {
    _opaque: [u8; 0],
}

/// What a handle to a page leads to.
#[derive(Default)]
pub(crate) struct PageObject {
    rows: Rows,
    place: PageEnd,
}

// SAFETY: the pointers in its rows lead to memory that the object owns and never changes.
unsafe impl Sync for PageObject {}

impl handle::Object for PageObject {
    type Raw = fbat_page;
    const TAG: u8 = 6;
    const NAME: &'static str = "page";
}

impl PageObject {
    /// The page that a query finds.
    pub(crate) fn of_query(
        store: &Store,
        query: &Query,
        watch: &Watch<'_>,
    ) -> Result<Arc<PageObject>> {
        let mut page = PageObject::empty();
        let PageObject { rows, place } = own(&mut page);
        *place = store.query_with(query, watch, &mut |event| {
            rows.push(event, query.columns);
            rows.arena.used
        })?;
        rows.finish();
        Ok(page)
    }

    /// The page with the event of this id, if there is one.
    pub(crate) fn of_event(
        store: &Store,
        id: Id,
        columns: Columns,
    ) -> Result<Option<Arc<PageObject>>> {
        let mut page = None;
        let show = &mut |event: &Event<'_>| {
            let page = own(page.insert(PageObject::empty()));
            page.rows.push(event, columns);
            page.rows.finish();
            page.place = PageEnd { next: event.sequence, end: true };
        };
        store.get_with(id, columns, show)?;
        Ok(page)
    }

    /// The page with the events of this name, if there are any.
    pub(crate) fn of_origin(
        store: &Store,
        namespace: &str,
        id: Id,
        columns: Columns,
    ) -> Result<Option<Arc<PageObject>>> {
        let mut page = PageObject::empty();
        let shown = own(&mut page);
        shown.place = PageEnd { next: 0, end: true };
        let end = store.by_origin(namespace, id, columns, &mut |event| {
            shown.rows.push(event, columns);
            shown.place.next = event.sequence;
            shown.rows.arena.used
        })?;
        shown.rows.finish();
        shown.place.end = end;
        Ok((shown.place.next > 0).then_some(page))
    }

    /// A page without rows, as a rule with the memory of one that was freed.
    fn empty() -> Arc<PageObject> {
        spare_pages().and_then(|mut spare| spare.pop()).unwrap_or_default()
    }

    /// Keeps a page that was freed for another one, if it is not too large.
    fn recycle(mut page: Arc<PageObject>) {
        let Some(PageObject { rows, .. }) = Arc::get_mut(&mut page) else { return };
        if rows.capacity() > SPARE_BYTES_MAX {
            return;
        }
        rows.clear();
        if let Some(mut spare) = spare_pages().filter(|spare| spare.len() < SPARE_PAGES_MAX) {
            spare.push(page);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.records.len()
    }

    pub(crate) fn place(&self) -> PageEnd {
        self.place
    }
}

/// A page that has no handle yet.
fn own(page: &mut Arc<PageObject>) -> &mut PageObject {
    Arc::get_mut(page).expect("nobody else has the page")
}

/// Pages that were freed, for those to come: fresh memory costs more than what is written into it.
static SPARE_PAGES: Mutex<Vec<Arc<PageObject>>> = Mutex::new(Vec::new());
const SPARE_PAGES_MAX: usize = 4;
/// Pages that have more memory than this are not kept.
const SPARE_BYTES_MAX: usize = 2 << 20;

/// None where another thread is at them, for whom nobody waits: in a forked child that thread may
/// not exist.
fn spare_pages() -> Option<MutexGuard<'static, Vec<Arc<PageObject>>>> {
    match SPARE_PAGES.try_lock() {
        Ok(spare) => Some(spare),
        Err(TryLockError::Poisoned(spare)) => Some(spare.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Short payloads are hashed when there are so many: together in less time than each alone.
const HASHED_TOGETHER: usize = 64;

/// Builds records. What they point to is copied, with a NUL after it.
#[derive(Default)]
pub(crate) struct Rows {
    pub records: Vec<fbat_record>,
    extensions: Vec<fbat_extension>,
    arena: Arena,
    /// Short payloads whose hash is not in its row yet: the row, and length and bytes.
    short: Vec<(usize, usize, [u8; SHORT_PAYLOAD_MAX])>,
    /// Entity, scope and source namespace of the row before, which the next one often shares.
    last: [Option<fbat_str>; 3],
}

/// Where an imported event came from, as its record says it.
struct Origin {
    record_flags: u32,
    namespace: fbat_str,
    event_id: fbat_id,
    sequence: u64,
    raw: (*const u8, usize),
}

impl Origin {
    const NONE: Origin = Origin {
        record_flags: 0,
        namespace: fbat_str { data: null(), len: 0 },
        event_id: fbat_id { bytes: [0; 16] },
        sequence: 0,
        raw: (null(), 0),
    };
}

// SAFETY: rows point only into themselves.
unsafe impl Send for Rows {}

impl Rows {
    /// Bytes of memory that it has.
    fn capacity(&self) -> usize {
        self.arena.capacity()
            + self.records.capacity() * size_of::<fbat_record>()
            + self.extensions.capacity() * size_of::<fbat_extension>()
    }

    /// Forgets all rows, but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.extensions.clear();
        self.arena.clear();
        self.short.clear();
        self.last = [None; 3];
    }

    /// Adds a row. Its extensions and its content hash are in place after [`Rows::finish`].
    pub(crate) fn push(&mut self, event: &Event<'_>, columns: Columns) {
        let first = self.extensions.len();
        if columns.extensions {
            event.extensions.iter().for_each(|(key, value)| self.push_extension(key, value));
        }
        let origin = match event.source {
            Source::None => Origin::NONE,
            _ => self.push_source(event, columns),
        };
        let previous = match event.previous_hash {
            Some(hash) => (hash, FBAT_RECORD_HAS_PREVIOUS_HASH),
            None => (Hash::ZERO, 0),
        };
        let content_hash = event.content.known_hash().unwrap_or_default();
        if let Content::Short(payload) = event.content {
            let mut bytes = [0; SHORT_PAYLOAD_MAX];
            bytes[..payload.len()].copy_from_slice(payload);
            self.short.push((self.records.len(), payload.len(), bytes));
        }
        let (payload, payload_len) = match columns.payload {
            true => (self.arena.bytes(event.payload), event.payload.len()),
            false => (null(), 0),
        };
        let (entity, scope) = (self.shared_text(0, event.entity), self.shared_text(1, event.scope));
        // Every field here, so that it is written to its place at once.
        #[allow(clippy::needless_update)] // a later version has more members
        self.records.push(fbat_record {
            id: event.id.into(),
            sequence: event.sequence,
            entity,
            scope,
            kind: event.kind.0,
            payload_version: event.payload_version,
            flags: event.flags,
            record_flags: previous.1 | origin.record_flags,
            version: event.version,
            timestamp_us: event.timestamp_us,
            recorded_us: event.recorded_us,
            correlation: event.correlation.into(),
            causation: event.causation.into(),
            payload,
            payload_len,
            stored_payload_len: event.payload_len,
            extensions: null(),
            extension_count: self.extensions.len() - first,
            content_hash: content_hash.into(),
            event_hash: event.event_hash.into(),
            previous_hash: previous.0.into(),
            source_namespace: origin.namespace,
            source_event_id: origin.event_id,
            source_sequence: origin.sequence,
            raw_provenance: origin.raw.0,
            raw_provenance_len: origin.raw.1,
            ..fbat_record::initial()
        });
        if self.short.len() == HASHED_TOGETHER {
            self.hash_short();
        }
    }

    /// Where an imported event came from; adds its extension where those were asked for.
    fn push_source(&mut self, event: &Event<'_>, columns: Columns) -> Origin {
        let mut origin = Origin { record_flags: FBAT_RECORD_IMPORTED, ..Origin::NONE };
        let body = match event.source {
            Source::None => return Origin::NONE,
            Source::Import { namespace, event_id, sequence } => {
                origin.namespace = self.shared_text(2, namespace);
                (origin.event_id, origin.sequence) = (event_id.into(), sequence);
                None
            }
            Source::Raw(body) => {
                origin.raw = (self.arena.bytes(body), body.len());
                match Provenance::from_body(body, false) {
                    Ok(provenance) => {
                        origin.namespace = self.shared_text(2, provenance.namespace);
                        origin.event_id = provenance.event_id.into();
                        origin.sequence = provenance.sequence;
                    }
                    Err(_) => origin.record_flags |= FBAT_RECORD_PROVENANCE_UNREADABLE,
                }
                Some(body)
            }
        };
        if !columns.extensions {
            return origin;
        }
        if let Some(body) = body {
            self.push_extension(PROVENANCE_EXTENSION, body);
        } else if let Ok(Some(provenance)) = event.provenance() {
            self.push_extension(PROVENANCE_EXTENSION, &provenance.canonical());
        }
        origin
    }

    fn push_extension(&mut self, key: &str, value: &[u8]) {
        let extension = fbat_extension {
            key: self.arena.text(key),
            value: self.arena.bytes(value),
            value_len: value.len(),
        };
        self.extensions.push(extension);
    }

    /// A copy of `text`, or the one that the row before has.
    #[inline(always)]
    fn shared_text(&mut self, which: usize, text: &str) -> fbat_str {
        if let Some(last) = self.last[which].filter(|last| last.len == text.len()) {
            // SAFETY: so many bytes of the arena, which has not been cleared since.
            let bytes = unsafe { std::slice::from_raw_parts(last.data.cast::<u8>(), last.len) };
            if is_same(bytes, text.as_bytes()) {
                return last;
            }
        }
        let copy = self.arena.text(text);
        self.last[which] = Some(copy);
        copy
    }

    /// Points every row to its extensions; no row may be added after it.
    pub(crate) fn finish(&mut self) {
        let mut rest = self.extensions.as_slice();
        for record in &mut self.records {
            let (own, others) = rest.split_at(record.extension_count);
            if !own.is_empty() {
                record.extensions = own.as_ptr();
            }
            rest = others;
        }
        self.hash_short();
    }

    /// Hashes the short payloads that wait for it.
    fn hash_short(&mut self) {
        let payloads = self.short.iter().map(|(_, length, bytes)| &bytes[..*length]);
        let (records, rows) = (&mut self.records, &self.short);
        hash_each(payloads, |at, hash| records[rows[at].0].content_hash = hash.into());
        self.short.clear();
    }
}

/// Bytes that stay where they are: blocks that are filled and never grow.
#[derive(Default)]
struct Arena {
    blocks: Vec<Vec<u8>>,
    /// The block that is being filled; those after it are empty.
    current: usize,
    /// Bytes in all of them.
    used: usize,
}

impl Arena {
    const BLOCK_BYTES: usize = 4 << 10;

    fn clear(&mut self) {
        self.blocks.iter_mut().for_each(Vec::clear);
        (self.current, self.used) = (0, 0);
    }

    fn capacity(&self) -> usize {
        self.blocks.iter().map(Vec::capacity).sum()
    }

    /// A copy of `text` with a NUL after it.
    #[inline(always)]
    fn text(&mut self, text: &str) -> fbat_str {
        fbat_str { data: self.bytes(text.as_bytes()).cast(), len: text.len() }
    }

    /// A copy of `bytes` with a NUL after it.
    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) -> *const u8 {
        let needed = bytes.len() + 1;
        let fits = |block: &Vec<u8>| block.capacity() - block.len() >= needed;
        if !self.blocks.get(self.current).is_some_and(fits) {
            self.make_room(needed);
        }
        let block = &mut self.blocks[self.current];
        self.used += needed;
        // SAFETY: the block has room for so much and does not move for it; all of that is written.
        unsafe {
            let copy = block.as_mut_ptr().add(block.len());
            copy_to(bytes, copy);
            copy.add(bytes.len()).write(0);
            block.set_len(block.len() + needed);
            copy
        }
    }

    /// Goes on to a block with room for so much.
    #[cold]
    fn make_room(&mut self, needed: usize) {
        let fits = |block: &Vec<u8>| block.capacity() - block.len() >= needed;
        while self.blocks.get(self.current).is_some_and(|block| !fits(block)) {
            self.current += 1;
        }
        if self.current == self.blocks.len() {
            let grown = Self::BLOCK_BYTES << self.blocks.len().min(8);
            self.blocks.push(Vec::with_capacity(grown.max(needed)));
        }
    }
}

/// Whether two slices of one length are equal. Short ones are compared without a call.
#[inline(always)]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    fn ends<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
        bytes.first_chunk().zip(bytes.last_chunk())
    }
    match a.len() {
        4..=8 => ends::<4>(a) == ends::<4>(b),
        9..=16 => ends::<8>(a) == ends::<8>(b),
        17..=32 => ends::<16>(a) == ends::<16>(b),
        _ => a == b,
    }
}

/// Copies bytes to a place. Of 4 to 32, as most strings are, without a call.
///
/// # Safety
/// The place has room for them, and nobody else is at it.
#[inline(always)]
unsafe fn copy_to(bytes: &[u8], place: *mut u8) {
    unsafe fn ends<const N: usize>(bytes: &[u8], place: *mut u8) -> Option<()> {
        let (first, last) = (*bytes.first_chunk::<N>()?, *bytes.last_chunk::<N>()?);
        // SAFETY: the caller's promise: both ends are within the bytes, and may overlap.
        unsafe {
            place.cast::<[u8; N]>().write(first);
            place.add(bytes.len() - N).cast::<[u8; N]>().write(last);
        }
        Some(())
    }
    // SAFETY: the caller's promise.
    unsafe {
        let done = match bytes.len() {
            4..=8 => ends::<4>(bytes, place),
            9..=16 => ends::<8>(bytes, place),
            17..=32 => ends::<16>(bytes, place),
            _ => None,
        };
        if done.is_none() {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        }
    }
}

/// Columns as the header numbers them; 0 is the default of the call.
pub(crate) fn columns(name: &str, bits: u32, default: Columns) -> Result<Columns> {
    let known = FBAT_COLUMN_PAYLOAD
        | FBAT_COLUMN_EXTENSIONS
        | FBAT_COLUMN_PREVIOUS_HASH
        | FBAT_COLUMN_FIXED;
    args::check_bits(name, bits, known)?;
    if bits == 0 {
        return Ok(default);
    }
    Ok(Columns {
        payload: bits & FBAT_COLUMN_PAYLOAD != 0,
        extensions: bits & FBAT_COLUMN_EXTENSIONS != 0,
        previous_hash: bits & FBAT_COLUMN_PREVIOUS_HASH != 0,
    })
}

/// Reads one event by its id.
/// @param store the store.
/// @param event_id the id.
/// @param columns what of it is read: bits `FBAT_COLUMN_...`; 0: payload and extensions.
/// @param out_page a page of one row; NULL on failure. Free it with fbat_page_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a column is unknown.
/// @retval FBAT_ERR_NOT_FOUND there is no such event.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_event_get(
    store: *const fbat_store,
    event_id: *const fbat_id,
    columns: u32,
    out_page: *mut *mut fbat_page,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_page", out_page, null_mut(), err, |call| {
            let columns = self::columns("columns", columns, Columns::default())?;
            let id = Id::from(args::read("event_id", event_id)?);
            let page = PageObject::of_event(&call.store(store)?.engine, id, columns)?;
            let missing = || Error::new(Code::NotFound, format!("event {id} is not in the store"));
            handle::insert_arc(page.ok_or_else(|| missing().with_event(id, 0))?)
        })
    }
}

fn with<T>(page: *const fbat_page, none: T, get: impl FnOnce(&PageObject) -> T) -> T {
    guard::value(None, || handle::lookup::<PageObject>(page).map(|object| get(&object)))
        .unwrap_or(none)
}

/// How many rows there are.
/// @param page the page.
/// @return the number; 0 where `page` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_page_len(page: *const fbat_page) -> usize {
    with(page, 0, |p| p.rows.records.len())
}

/// A row.
/// @param page the page.
/// @param index which, counted from 0.
/// @return the row, which lives as long as the page; NULL where there is none, or `page` is not
/// live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_page_row(page: *const fbat_page, index: usize) -> *const fbat_record {
    with(page, null(), |p| p.rows.records.get(index).map_or(null(), |row| &raw const *row))
}

/// All rows, one after the other, the `struct_size` of the first apart: not `sizeof(fbat_record)`,
/// which a later version of the library may outgrow. For programs that count nanoseconds; else
/// fbat_page_row() is what to use.
/// @param page the page.
/// @return the first row, which lives as long as the page; NULL where there is none, or `page` is
/// not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_page_rows(page: *const fbat_page) -> *const fbat_record {
    with(page, null(), |p| p.rows.records.first().map_or(null(), |_| p.rows.records.as_ptr()))
}

/// Where to go on: what to set as `after` (forward) or `until` (backward) for the next page. At the
/// end of a backward query it may be 0, which as `until` is no bound: ask fbat_page_is_end() first.
/// @param page the page.
/// @return a global sequence; 0 where `page` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_page_resume(page: *const fbat_page) -> u64 {
    with(page, 0, |p| p.place.next)
}

/// Whether the query ends with this page: nothing more was there when it was read, or the `limit`
/// of the query is reached.
/// @param page the page.
/// @return whether it is so; true where `page` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_page_is_end(page: *const fbat_page) -> bool {
    with(page, true, |p| p.place.end)
}

/// Frees a page, its rows and their bytes.
/// @param page the page; NULL is allowed.
/// @par Threads
/// Any; the page must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_page_free(page: *mut fbat_page) {
    guard::free_with(page, PageObject::recycle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::event::encode_extensions;
    use crate::engine::model::event::Extensions;
    use crate::engine::model::id::Kind;

    fn event<'a>(entity: &'a str, payload: &'a [u8], extensions: &'a [u8]) -> Event<'a> {
        Event {
            id: Id(7),
            sequence: 2,
            entity,
            scope: "scope",
            kind: Kind(0x1001),
            version: 1,
            timestamp_us: 0,
            recorded_us: 0,
            flags: 0,
            payload_version: 0,
            correlation: Id::NONE,
            causation: Id::NONE,
            payload,
            payload_len: payload.len(),
            extensions: Extensions(extensions),
            content: Content::of(payload),
            event_hash: Hash::ZERO,
            previous_hash: None,
            source: Source::Import { namespace: "from", event_id: Id(9), sequence: 3 },
        }
    }

    #[test]
    fn rows_stay_where_they_are_when_others_come_and_the_memory_is_used_again() {
        let extensions = encode_extensions(&[("test.key", b"value"), ("test.none", b"")]);
        let entities: Vec<String> = (0..20).map(|n| format!("{n}{}", "e".repeat(n * 40))).collect();
        let mut rows = Rows::default();
        for _ in 0..2 {
            rows.clear();
            entities.iter().for_each(|entity| {
                rows.push(&event(entity, b"payload", &extensions), Columns::ALL)
            });
            rows.finish();
            for (record, entity) in rows.records.iter().zip(&entities) {
                // SAFETY: the rows are live, and so is what they were made from.
                unsafe {
                    let name = std::slice::from_raw_parts(
                        record.entity.data.cast::<u8>(),
                        record.entity.len + 1,
                    );
                    assert_eq!(name, [entity.as_bytes(), b"\0"].concat());
                    assert_eq!(
                        args::slice("payload", record.payload, record.payload_len, args::ANY)
                            .unwrap(),
                        b"payload"
                    );
                    let mut found = Vec::new();
                    args::extensions(record.extensions, record.extension_count, &mut found)
                        .unwrap();
                    assert_eq!(found[..2], [("test.key", &b"value"[..]), ("test.none", b"")]);
                }
            }
        }
    }
}
