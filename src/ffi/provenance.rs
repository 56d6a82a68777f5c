//! Provenance
//!
//! Where an imported event came from: its parts, its body, and its FBATIP frame.

use super::boundary::answer::{self, members_of};
use super::boundary::args::{self, OutStruct, Sized0};
use super::boundary::error::fbat_error;
use super::boundary::guard::{self};
use super::boundary::handle;
use super::boundary::status::fbat_status;
use super::boundary::types::{fbat_hash, fbat_id, fbat_str};
use super::buffer::{fbat_buffer, BufferObject};
use super::page::{fbat_record, FBAT_RECORD_IMPORTED, FBAT_RECORD_PROVENANCE_UNREADABLE};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::Kind;
use crate::engine::model::provenance::{Provenance, SCHEMA_VERSION};
use std::ptr::null_mut;

/// The schema version that this library writes, and the highest that it reads.
/// @since 0.1
pub const FBAT_PROVENANCE_SCHEMA_VERSION: u32 = 1u32;
/// Accept other encodings of the fields than the canonical one.
///
/// The body is then a map with the six fields in any order, or an array of exactly them in their
/// order. Bytes after it are ignored. A key is text (str or bin) or the number of the field,
/// counted from 0, of an unsigned type. Unknown keys are ignored with their values, which may nest
/// 1,022 deep. Each of the six is there once. Integers may have any width and type, as long as the
/// value is one that the field can have. The namespace is str or bin, of any length. The id is a
/// bin 8 of 16 bytes, or an integer that is not negative. The hash is 32 integers from 0 to 255, or
/// a bin of 32 bytes. Header and body may have different versions, neither above 1.
///
/// Whatever else is in a field is #FBAT_ERR_WIRE_BODY in both modes: another sign, another length,
/// a value out of range, nil, a boolean, a float, an ext.
/// @since 0.1
pub const FBAT_WIRE_LENIENT: u32 = 1u32;

/// Where an imported event came from. Owns nothing: what it was read from must stay.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_provenance {
    /// `sizeof(fbat_provenance)`.
    pub struct_size: usize,
    /// The version of its encoding. #FBAT_PROVENANCE_INIT sets #FBAT_PROVENANCE_SCHEMA_VERSION; 0
    /// is an older version, not a default.
    pub schema_version: u16,
    /// The name that the source had in the import: UTF-8, 1 to 1024 bytes without control bytes.
    pub source_namespace: fbat_str,
    /// The event's id in the source.
    pub source_event_id: fbat_id,
    /// Its global sequence there.
    pub source_sequence: u64,
    /// Its kind there.
    pub source_kind: u16,
    /// Its content hash there.
    pub source_content_hash: fbat_hash,
}

args::sized!(fbat_provenance: 96);

/// Where the event of a row, or of a filter's record, came from.
/// @param record the record, unchanged.
/// @param out_provenance the provenance, whose text lives as long as the record; zero except its
/// size where the answer is false.
/// @return whether it was imported. False too where its provenance can't be read, which
/// #FBAT_RECORD_PROVENANCE_UNREADABLE says; where a pointer is NULL; and for a bad `struct_size`.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_record_provenance(
    record: *const fbat_record,
    out_provenance: *mut fbat_provenance,
) -> bool {
    let body = || {
        // SAFETY: the caller's promise: null or a struct with its size, both.
        let (out, record) = unsafe {
            (OutStruct::new(out_provenance, 1)?.required()?, args::structure("record", record)?)
        };
        if record.record_flags & FBAT_RECORD_IMPORTED == 0
            || record.record_flags & FBAT_RECORD_PROVENANCE_UNREADABLE != 0
        {
            return Ok(false);
        }
        let mut provenance = fbat_provenance {
            schema_version: SCHEMA_VERSION,
            source_namespace: record.source_namespace,
            source_event_id: record.source_event_id,
            source_sequence: record.source_sequence,
            source_kind: record.kind,
            source_content_hash: record.content_hash,
            ..fbat_provenance::initial()
        };
        let (raw, len) = (record.raw_provenance, record.raw_provenance_len);
        if !raw.is_null() {
            // SAFETY: the caller's promise: the record's page or callback is still there.
            let raw = unsafe { args::slice("raw_provenance", raw, len, args::ANY) }?;
            let parts = Provenance::from_body(raw, false)?;
            provenance.schema_version = parts.schema_version;
            provenance.source_kind = parts.kind.0;
            provenance.source_content_hash = parts.content_hash.into();
        }
        out.set(0, provenance);
        Ok::<bool, Error>(true)
    };
    guard::value(Ok(false), body).unwrap_or(false)
}

/// Reads a bare provenance body, as the extension `batpak.import.provenance` has it.
/// @param body the bytes.
/// @param body_len how many there are.
/// @param flags bits: `FBAT_WIRE_...`.
/// @param out_provenance the provenance; its text points into `body`, and has no NUL after it.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a flag is unknown.
/// @retval FBAT_ERR_WIRE_BODY the bytes don't decode.
/// @retval FBAT_ERR_FUTURE_VERSION the version is above 1; the error's `actual` says which it is.
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
    out_provenance: *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        decode(
            |b, lenient| Provenance::from_body(b, lenient),
            body,
            body_len,
            flags,
            out_provenance,
            err,
        )
    }
}

/// Reads an FBATIP frame: magic, version, checksum, body.
/// @param frame the bytes.
/// @param frame_len how many there are.
/// @param flags bits: `FBAT_WIRE_...`.
/// @param out_provenance the provenance; its text points into `frame`, and has no NUL after it.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a flag is unknown.
/// @retval FBAT_ERR_WIRE_FRAMING shorter than 12 bytes, or another magic.
/// @retval FBAT_ERR_FUTURE_VERSION a version is above 1; the error's `actual` says which it is.
/// @retval FBAT_ERR_WIRE_CHECKSUM the checksum does not match.
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
    out_provenance: *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        decode(
            |b, lenient| Provenance::from_frame(b, lenient),
            frame,
            frame_len,
            flags,
            out_provenance,
            err,
        )
    }
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
    out_provenance: *mut fbat_provenance,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_provenance, false, err, |_| {
            args::check_bits("flags", flags, FBAT_WIRE_LENIENT)?;
            let bytes = args::slice("data", data, len, args::ANY)?;
            let provenance = decoder(bytes, flags & FBAT_WIRE_LENIENT != 0)?;
            Ok(members_of!(provenance => fbat_provenance { schema_version },
                source_namespace: fbat_str::lend(provenance.namespace),
                source_event_id: provenance.event_id.into(),
                source_sequence: provenance.sequence,
                source_kind: provenance.kind.0,
                source_content_hash: provenance.content_hash.into(),
            ))
        })
    }
}

/// Writes a provenance as an FBATIP frame: magic, version, checksum, body.
/// @param provenance the provenance.
/// @param out_frame the bytes; NULL on failure. Free it with fbat_buffer_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or the namespace is
/// missing, empty, over 1024 bytes, or has control bytes.
/// @retval FBAT_ERR_INVALID_UTF8 the namespace is not UTF-8.
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
    unsafe { encode(|p| p.to_frame(), provenance, out_frame, err) }
}

/// Writes a provenance as a bare body, as the extension `batpak.import.provenance` has it.
/// @param provenance the provenance.
/// @param out_body the bytes; NULL on failure. Free it with fbat_buffer_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_provenance_encode().
/// @retval FBAT_ERR_INVALID_UTF8 as for fbat_provenance_encode().
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
    unsafe { encode(|p| p.to_body(), provenance, out_body, err) }
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
    // SAFETY: the caller's promises.
    unsafe {
        answer::value("out_buffer", out_buffer, null_mut(), err, |_| {
            let given = args::structure("provenance", provenance)?;
            let (name, text) = ("source_namespace", given.source_namespace);
            let namespace = args::optional_text(name, text, args::NAMESPACE)?;
            let bytes = encoder(&Provenance {
                schema_version: given.schema_version,
                namespace: namespace.unwrap_or_default(),
                event_id: given.source_event_id.into(),
                sequence: given.source_sequence,
                kind: Kind(given.source_kind),
                content_hash: given.source_content_hash.into(),
            })?;
            handle::insert(BufferObject::new(bytes))
        })
    }
}
