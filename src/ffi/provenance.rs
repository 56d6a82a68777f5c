//! Provenance
//!
//! Where an imported event came from: its parts, its body, and its FBATIP frame.

use super::buffer::{fbat_buffer, BufferObject};
use super::error::fbat_error;
use super::guard::{self, Call};
use super::handle;
use super::page::{self, fbat_record};
use super::raw::{self, Out, Text};
use super::status::fbat_status;
use super::store::fbat_store;
use super::types::{fbat_hash, fbat_id, fbat_str};
use crate::engine::model::error::Result;
use crate::engine::model::event::Columns;
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::key;
use crate::engine::model::provenance::{Provenance, SCHEMA_VERSION};
use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The schema version that this library writes, and the highest that it reads.
/// @since 0.1
pub const FBAT_PROVENANCE_SCHEMA_VERSION: u32 = 1u32;
/// Accept every encoding that can be understood, not only the canonical one.
/// @since 0.1
pub const FBAT_WIRE_LENIENT: u32 = 1u32;

/// Where an imported event came from. Owned by the caller, who frees it with
/// fbat_provenance_free().
/// @par Threads
/// `const` functions may run at once with each other, not with the others.
/// @since 0.1
pub struct fbat_provenance {
    _opaque: [u8; 0],
}

/// What a handle to a provenance leads to.
pub(crate) struct ProvenanceObject(Mutex<Parts>);

/// The provenance but for its namespace, which is here to be lent.
struct Parts {
    rest: Provenance,
    namespace: Text,
}

impl handle::Object for ProvenanceObject {
    type Raw = fbat_provenance;
    const TAG: u8 = 9;
    const NAME: &'static str = "provenance";
}

impl ProvenanceObject {
    pub(crate) fn new(mut provenance: Provenance) -> ProvenanceObject {
        let namespace = Text::new(std::mem::take(&mut provenance.namespace));
        ProvenanceObject(Mutex::new(Parts { rest: provenance, namespace }))
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn to_engine(&self) -> Provenance {
        let parts = self.lock();
        Provenance { namespace: parts.namespace.as_str().to_owned(), ..parts.rest.clone() }
    }
}

fn get<T>(provenance: *const fbat_provenance, none: T, get: impl FnOnce(&Parts) -> T) -> T {
    let body = || handle::lookup::<ProvenanceObject>(provenance).map(|object| get(&object.lock()));
    guard::value(None, body).unwrap_or(none)
}

fn set(
    provenance: *mut fbat_provenance,
    set: impl FnOnce(&mut Parts) -> Result<()>,
) -> fbat_status {
    let body = |_: &Call| set(&mut handle::get::<ProvenanceObject>(provenance)?.lock());
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}

/// Makes a provenance of schema version 1 without a namespace, all else zero.
/// @return the provenance, which fbat_provenance_free() frees; NULL in a forked child, and where
/// 16 million objects are live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_provenance_new() -> *mut fbat_provenance {
    let empty = || Provenance {
        schema_version: SCHEMA_VERSION,
        namespace: String::new(),
        event_id: Id::NONE,
        sequence: 0,
        kind: Kind(0),
        content_hash: Hash::ZERO,
    };
    guard::value(null_mut(), || {
        handle::insert(ProvenanceObject::new(empty())).unwrap_or(null_mut())
    })
}

/// Frees a provenance.
/// @param provenance the provenance; NULL is allowed.
/// @par Threads
/// Any; the provenance must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_free(provenance: *mut fbat_provenance) {
    guard::free::<ProvenanceObject>(provenance)
}

/// Sets the schema version. Encoding refuses versions above #FBAT_PROVENANCE_SCHEMA_VERSION.
/// @param provenance the provenance.
/// @param schema_version the version.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_set_schema_version(
    provenance: *mut fbat_provenance,
    schema_version: u16,
) -> fbat_status {
    set(provenance, |parts| {
        parts.rest.schema_version = schema_version;
        Ok(())
    })
}

/// The schema version.
/// @param provenance the provenance.
/// @return the version; 0 where `provenance` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_get_schema_version(
    provenance: *const fbat_provenance,
) -> u16 {
    get(provenance, 0, |parts| parts.rest.schema_version)
}

/// Sets the name that the source had in the import.
/// @param provenance the provenance.
/// @param name UTF-8, 1 to 1024 bytes.
/// @param name_len in bytes.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT empty, too long, or a length without a pointer.
/// @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_set_namespace(
    provenance: *mut fbat_provenance,
    name: *const c_char,
    name_len: usize,
) -> fbat_status {
    set(provenance, |parts| {
        // SAFETY: the caller's promise: `name_len` bytes.
        let namespace = unsafe { raw::text("namespace", name, name_len, raw::NAMESPACE) }?;
        key::check_namespace(namespace)?;
        parts.namespace = Text::new(namespace);
        Ok(())
    })
}

/// The name that the source had in the import.
/// @param provenance the provenance.
/// @return text that lives until it is set again or the provenance is freed; NULL and 0 where
/// `provenance` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_get_namespace(
    provenance: *const fbat_provenance,
) -> fbat_str {
    get(provenance, fbat_str::NONE, |parts| parts.namespace.lend())
}

/// Sets the event's id in the source.
/// @param provenance the provenance.
/// @param event_id the id.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_set_event_id(
    provenance: *mut fbat_provenance,
    event_id: *const fbat_id,
) -> fbat_status {
    set(provenance, |parts| {
        // SAFETY: the caller's promise: null or readable.
        parts.rest.event_id = unsafe { raw::read("event_id", event_id) }?.into();
        Ok(())
    })
}

/// The event's id in the source.
/// @param provenance the provenance.
/// @return the id; all zero where `provenance` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_get_event_id(
    provenance: *const fbat_provenance,
) -> fbat_id {
    get(provenance, fbat_id::default(), |parts| parts.rest.event_id.into())
}

/// Sets the event's global sequence in the source.
/// @param provenance the provenance.
/// @param sequence the sequence.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_set_sequence(
    provenance: *mut fbat_provenance,
    sequence: u64,
) -> fbat_status {
    set(provenance, |parts| {
        parts.rest.sequence = sequence;
        Ok(())
    })
}

/// The event's global sequence in the source.
/// @param provenance the provenance.
/// @return the sequence; 0 where `provenance` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_get_sequence(provenance: *const fbat_provenance) -> u64 {
    get(provenance, 0, |parts| parts.rest.sequence)
}

/// Sets the event's kind in the source.
/// @param provenance the provenance.
/// @param kind the kind.
/// @retval FBAT_OK done.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_set_kind(
    provenance: *mut fbat_provenance,
    kind: u16,
) -> fbat_status {
    set(provenance, |parts| {
        parts.rest.kind = Kind(kind);
        Ok(())
    })
}

/// The event's kind in the source.
/// @param provenance the provenance.
/// @return the kind; 0 where `provenance` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_get_kind(provenance: *const fbat_provenance) -> u16 {
    get(provenance, 0, |parts| parts.rest.kind.0)
}

/// Sets the content hash of the event in the source.
/// @param provenance the provenance.
/// @param content_hash the hash.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
/// @par Threads
/// One at a time.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_set_content_hash(
    provenance: *mut fbat_provenance,
    content_hash: *const fbat_hash,
) -> fbat_status {
    set(provenance, |parts| {
        // SAFETY: the caller's promise: null or readable.
        parts.rest.content_hash = unsafe { raw::read("content_hash", content_hash) }?.into();
        Ok(())
    })
}

/// The content hash of the event in the source.
/// @param provenance the provenance.
/// @return the hash; all zero where `provenance` is not live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_provenance_get_content_hash(
    provenance: *const fbat_provenance,
) -> fbat_hash {
    get(provenance, fbat_hash::default(), |parts| parts.rest.content_hash.into())
}

/// Where an event of a store came from.
/// @param store the store.
/// @param event_id the event's id in this store.
/// @param out_provenance the provenance; NULL on failure, and where the event was not imported.
/// Free it with fbat_provenance_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK a provenance, or NULL for an event that was not imported.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
/// @retval FBAT_ERR_NOT_FOUND there is no such event.
/// @retval FBAT_ERR_WIRE_BODY the provenance can't be read; the error names the event.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
/// @retval FBAT_ERR_FUTURE_VERSION as above.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
/// @retval FBAT_ERR_IO the operating system failed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_event_provenance(
    store: *const fbat_store,
    event_id: *const fbat_id,
    out_provenance: *mut *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_provenance, null_mut()) };
    let body = |call: &Call| {
        out.check("out_provenance")?;
        // SAFETY: the caller's promise: null or readable.
        let id = Id::from(unsafe { raw::read("event_id", event_id) }?);
        let (engine, mut found) = (&call.store(store)?.engine, Ok(None));
        let sequence =
            engine.get_with(id, Columns::NONE, &mut |event| found = event.provenance())?;
        sequence.ok_or_else(|| page::no_such_event(id))?;
        if let Some(provenance) = found? {
            out.set(handle::insert(ProvenanceObject::new(provenance))?);
        }
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Where the event of a row, or of a filter's record, came from.
/// @param record the record, unchanged.
/// @param out_provenance the provenance; NULL on failure, and where the event was not imported.
/// Free it with fbat_provenance_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK a provenance, or NULL for an event that was not imported.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a bad `struct_size`.
/// @retval FBAT_ERR_WIRE_BODY the provenance can't be read; the error names the event.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
/// @retval FBAT_ERR_FUTURE_VERSION as above.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_record_provenance(
    record: *const fbat_record,
    out_provenance: *mut *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_provenance, null_mut()) };
    let body = |_: &Call| {
        out.check("out_provenance")?;
        // SAFETY: the caller's promise: null or a record with its size.
        let size = unsafe { raw::read("record", record.cast::<usize>()) }?;
        raw::check_struct_size::<fbat_record>(size)?;
        // SAFETY: as above.
        let record = unsafe { raw::read("record", record) }?;
        // SAFETY: the caller's promise: the record's page or callback is still there.
        if let Some(provenance) = unsafe { page::provenance_of(&record) }? {
            out.set(handle::insert(ProvenanceObject::new(provenance))?);
        }
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Reads a bare provenance body, as the extension `batpak.import.provenance` holds it.
/// @param body the bytes.
/// @param body_len how many there are.
/// @param flags 0, or #FBAT_WIRE_LENIENT.
/// @param out_provenance the provenance; NULL on failure. Free it with fbat_provenance_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a flag is unknown.
/// @retval FBAT_ERR_WIRE_BODY the bytes don't decode.
/// @retval FBAT_ERR_FUTURE_VERSION the version is above 1; fbat_error_found() says which it is.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL without #FBAT_WIRE_LENIENT: not the one canonical encoding.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_provenance_from_extension(
    body: *const u8,
    body_len: usize,
    flags: u32,
    out_provenance: *mut *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe { decode(Provenance::from_body, body, body_len, flags, out_provenance, err) }
}

/// Reads an FBATIP frame: magic, version, checksum, body.
/// @param frame the bytes.
/// @param frame_len how many there are.
/// @param flags 0, or #FBAT_WIRE_LENIENT.
/// @param out_provenance the provenance; NULL on failure. Free it with fbat_provenance_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a flag is unknown.
/// @retval FBAT_ERR_WIRE_FRAMING shorter than 12 bytes, or another magic.
/// @retval FBAT_ERR_FUTURE_VERSION a version is above 1; fbat_error_found() says which it is.
/// @retval FBAT_ERR_WIRE_CHECKSUM the checksum does not hold.
/// @retval FBAT_ERR_WIRE_BODY the body does not decode.
/// @retval FBAT_ERR_WIRE_NOT_CANONICAL without #FBAT_WIRE_LENIENT: not the one canonical encoding.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_provenance_decode(
    frame: *const u8,
    frame_len: usize,
    flags: u32,
    out_provenance: *mut *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe { decode(Provenance::from_frame, frame, frame_len, flags, out_provenance, err) }
}

/// The two decoders.
///
/// # Safety
/// The pointers are null, or as the exports require them.
unsafe fn decode(
    decoder: fn(&[u8], bool) -> Result<Provenance>,
    data: *const u8,
    len: usize,
    flags: u32,
    out_provenance: *mut *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_provenance, null_mut()) };
    let body = |_: &Call| {
        out.check("out_provenance")?;
        raw::check_bits("flags", flags, FBAT_WIRE_LENIENT)?;
        // SAFETY: the caller's promise: `len` bytes at `data`.
        let bytes = unsafe { raw::slice("data", data, len, raw::ANY) }?;
        let provenance = decoder(bytes, flags & FBAT_WIRE_LENIENT != 0)?;
        out.set(handle::insert(ProvenanceObject::new(provenance))?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Writes a provenance as an FBATIP frame: magic, version, checksum, body.
/// @param provenance the provenance.
/// @param out_frame the bytes; NULL on failure. Free it with fbat_buffer_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or the namespace is not set.
/// @retval FBAT_ERR_FUTURE_VERSION the schema version is above 1.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_provenance_encode(
    provenance: *const fbat_provenance,
    out_frame: *mut *mut fbat_buffer,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe { encode(Provenance::to_frame, provenance, out_frame, err) }
}

/// Writes a provenance as a bare body, as the extension `batpak.import.provenance` holds it.
/// @param provenance the provenance.
/// @param out_body the bytes; NULL on failure. Free it with fbat_buffer_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or the namespace is not set.
/// @retval FBAT_ERR_FUTURE_VERSION the schema version is above 1.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_provenance_encode_body(
    provenance: *const fbat_provenance,
    out_body: *mut *mut fbat_buffer,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe { encode(Provenance::to_body, provenance, out_body, err) }
}

/// The two encoders.
///
/// # Safety
/// The pointers are null, or as the exports require them.
unsafe fn encode(
    encoder: fn(&Provenance) -> Result<Vec<u8>>,
    provenance: *const fbat_provenance,
    out_buffer: *mut *mut fbat_buffer,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_buffer, null_mut()) };
    let body = |_: &Call| {
        out.check("out_buffer")?;
        let bytes = encoder(&handle::get::<ProvenanceObject>(provenance)?.to_engine())?;
        out.set(handle::insert(BufferObject::new(bytes))?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}
