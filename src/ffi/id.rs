//! Ids, hashes, kinds and keys
//!
//! Pure functions. The values that they compute are the same in every version of the library.

use super::boundary::answer;
use super::boundary::args::{self, Out};
use super::boundary::error::fbat_error;
use super::boundary::status::fbat_status;
use super::boundary::types::{fbat_hash, fbat_id, fbat_str};
use super::boundary::{guard, handle};
use super::buffer::{fbat_buffer, BufferObject};
use crate::engine::import::namespace_from_path;
use crate::engine::log::options::Options;
use crate::engine::model::entity;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::key;
use std::ffi::c_char;
use std::ptr::null_mut;

/// What fbat_id_to_hex() needs: 32 digits and a NUL.
/// @since 0.1
pub const FBAT_ID_HEX_SIZE: u32 = 33u32;
/// What fbat_hash_to_hex() needs: 64 digits and a NUL.
/// @since 0.1
pub const FBAT_HASH_HEX_SIZE: u32 = 65u32;

/// Writes an id as 32 lower-case hex digits and a NUL.
/// @param id the id.
/// @param out_text where to; untouched on failure.
/// @param out_size room there, in bytes: at least #FBAT_ID_HEX_SIZE.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the room is too small.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_id_to_hex(
    id: *const fbat_id,
    out_text: *mut c_char,
    out_size: usize,
) -> fbat_status {
    let body = || {
        // SAFETY: the caller's promise: null or readable.
        let id = unsafe { args::read("id", id) }?;
        // SAFETY: the caller's promise: null or so much room.
        unsafe { write_text(&Id::from(id).to_string(), out_text, out_size) }
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), |_| body()) }
}

/// Reads an id from 32 hex digits of either case.
/// @param text the digits; no NUL is needed.
/// @param len how many bytes there are: 32.
/// @param out_id the id; all zero on failure.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the text is anything but 32 hex digits.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_id_from_hex(
    text: *const c_char,
    len: usize,
    out_id: *mut fbat_id,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_id, fbat_id::default()) };
    let body = || {
        out.check("out_id")?;
        // SAFETY: the caller's promise: `len` bytes at `text`.
        let digits = unsafe { args::slice("text", text.cast::<u8>(), len, args::ANY) }?;
        let id = Id::from_hex(digits)
            .ok_or_else(|| Error::invalid("an id has exactly 32 hex digits"))?;
        out.set(id.into());
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), |_| body()) }
}

/// Writes a hash as 64 lower-case hex digits and a NUL.
/// @param hash the hash.
/// @param out_text where to; untouched on failure.
/// @param out_size room there, in bytes: at least #FBAT_HASH_HEX_SIZE.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the room is too small.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_hash_to_hex(
    hash: *const fbat_hash,
    out_text: *mut c_char,
    out_size: usize,
) -> fbat_status {
    let body = || {
        // SAFETY: the caller's promise: null or readable.
        let hash = unsafe { args::read("hash", hash) }?;
        // SAFETY: the caller's promise: null or so much room.
        unsafe { write_text(&Hash::from(hash).to_string(), out_text, out_size) }
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), |_| body()) }
}

/// Reads a hash from 64 hex digits of either case.
/// @param text the digits; no NUL is needed.
/// @param len how many bytes there are: 64.
/// @param out_hash the hash; all zero on failure.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the text is anything but 64 hex digits.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_hash_from_hex(
    text: *const c_char,
    len: usize,
    out_hash: *mut fbat_hash,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_hash, fbat_hash::default()) };
    let body = || {
        out.check("out_hash")?;
        // SAFETY: the caller's promise: `len` bytes at `text`.
        let digits = unsafe { args::slice("text", text.cast::<u8>(), len, args::ANY) }?;
        let hash = Hash::from_hex(digits)
            .ok_or_else(|| Error::invalid("a hash has exactly 64 hex digits"))?;
        out.set(hash.into());
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), |_| body()) }
}

/// The content hash of a payload: plain BLAKE3 of its bytes.
/// @param data the bytes; may be NULL when `len` is 0.
/// @param len how many there are.
/// @param out_hash the hash; all zero on failure.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_content_hash(
    data: *const u8,
    len: usize,
    out_hash: *mut fbat_hash,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_hash, fbat_hash::default()) };
    let body = || {
        out.check("out_hash")?;
        // SAFETY: the caller's promise: `len` bytes at `data`.
        let bytes = unsafe { args::slice("data", data, len, args::ANY) }?;
        out.set(Hash(*blake3::hash(bytes).as_bytes()).into());
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), |_| body()) }
}

/// The kind of a category and a type.
/// @param category 0 to 15. 0x0 and 0xD are the library's own: their kinds can be read, not
/// appended.
/// @param type 0 to 4095.
/// @param out_kind category in the top 4 bits, type in the low 12; 0 on failure.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a number is out of range, or the pointer is NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_kind(category: u32, r#type: u32, out_kind: *mut u16) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_kind, 0) };
    let body = || {
        out.check("out_kind")?;
        let parts = (u8::try_from(category).ok(), u16::try_from(r#type).ok());
        let kind =
            parts.0.zip(parts.1).and_then(|(category, kind_type)| Kind::new(category, kind_type));
        let fault =
            || Error::invalid(format!("category {category} or type {} is out of range", r#type));
        out.set(kind.ok_or_else(fault)?.0);
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), |_| body()) }
}

/// The category of a kind.
/// @param kind the kind.
/// @return 0 to 15.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_kind_category(kind: u16) -> u32 {
    Kind(kind).category().into()
}

/// The type of a kind within its category.
/// @param kind the kind.
/// @return 0 to 4095.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_kind_type(kind: u16) -> u32 {
    Kind(kind).kind_type().into()
}

/// A 128-bit key from a domain and parts, to be used as the idempotency key of an operation.
///
/// The first 16 bytes of BLAKE3 over `u64 LE len(domain) | domain | u64 LE count(parts) | for
/// each part: u64 LE len | bytes`. Import makes the ids of imported events with the domain
/// `batpak.import` and the parts namespace and source id as 32 lower-case hex digits.
/// @param domain what sort of operation; any bytes.
/// @param domain_len in bytes.
/// @param parts what tells one operation from another; any bytes.
/// @param count how many parts there are.
/// @param out_key the key; all zero on failure.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL that may not be.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_operation_key(
    domain: *const c_char,
    domain_len: usize,
    parts: *const fbat_str,
    count: usize,
    out_key: *mut fbat_id,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_key, fbat_id::default()) };
    let body = || {
        out.check("out_key")?;
        // SAFETY: the caller's promise: `domain_len` bytes.
        let domain = unsafe { args::slice("domain", domain.cast::<u8>(), domain_len, args::ANY) }?;
        // SAFETY: the caller's promise: `count` parts.
        let parts = unsafe { args::slice("parts", parts, count, args::ANY) }?;
        // SAFETY: the caller's promise: `len` bytes each.
        let bytes = |part: &fbat_str| unsafe {
            args::slice("part", part.data.cast::<u8>(), part.len, args::ANY)
        };
        let parts = parts.iter().map(bytes).collect::<Result<Vec<_>>>()?;
        out.set(key::operation_key(domain, parts.into_iter()).into());
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), |_| body()) }
}

/// A namespace for a directory on this machine: `data-dir:` and the hex BLAKE3 of its canonical
/// path.
///
/// A convenience for local tools: it changes when the directory moves. Where stores move, choose
/// a name of your own.
/// @param path a path of something that exists, NUL-terminated.
/// @param out_namespace the text; NULL on failure. Free it with fbat_buffer_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the path is empty.
/// @retval FBAT_ERR_NOT_FOUND nothing exists at this path.
/// @retval FBAT_ERR_IO the path can't be resolved.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_namespace_from_path(
    path: *const c_char,
    out_namespace: *mut *mut fbat_buffer,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_namespace, null_mut()) };
    let body = || {
        out.check("out_namespace")?;
        // SAFETY: the caller's promise: NUL-terminated.
        let path = unsafe { args::path("path", path) }?;
        let namespace = namespace_from_path(&*Options::default().vfs, path)?;
        out.set(handle::insert(BufferObject::new(namespace))?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, |_| body()) }
}

/// The entity, or scope, that stands for any text: for names of others, which have what entities
/// refuse, such as paths, URLs and topics.
///
/// Percent-encoding: control bytes (below 0x20, 0x7F), `/`, `=`, `|`, `%` and the second dot of
/// `..` become `%` and two upper-case hex digits. A `:` stays, since it divides. All else stays as
/// it is.
/// @param text any text but the empty one; UTF-8.
/// @param text_len in bytes.
/// @param out_entity the text of the entity; NULL on failure. Free it with fbat_buffer_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
/// @retval FBAT_ERR_INVALID_UTF8 the text is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE the text is empty, or the entity would have more than 1024
/// bytes.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_entity_encode(
    text: *const c_char,
    text_len: usize,
    out_entity: *mut *mut fbat_buffer,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = || {
        // SAFETY: the caller's promise: `text_len` bytes.
        let text = unsafe { args::text("text", text, text_len, args::COORDINATE) }?;
        handle::insert(BufferObject::new(entity::encode(text)?))
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { answer::value("out_entity", out_entity, null_mut(), err, |_| body()) }
}

/// The text that an entity, or scope, of fbat_entity_encode() stands for.
/// @param entity the entity; UTF-8.
/// @param entity_len in bytes.
/// @param out_text the text; NULL on failure. Free it with fbat_buffer_free().
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a `%` is not followed by two hex digits;
/// `offset` of the error says where.
/// @retval FBAT_ERR_INVALID_UTF8 the entity, or the text that it stands for, is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE this is no entity.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_entity_decode(
    entity: *const c_char,
    entity_len: usize,
    out_text: *mut *mut fbat_buffer,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = || {
        // SAFETY: the caller's promise: `entity_len` bytes.
        let entity = unsafe { args::text("entity", entity, entity_len, args::COORDINATE) }?;
        handle::insert(BufferObject::new(entity::decode(entity)?))
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { answer::value("out_text", out_text, null_mut(), err, |_| body()) }
}

/// Writes `text` and a NUL.
///
/// # Safety
/// An `out` that is not null has room for `size` bytes.
unsafe fn write_text(text: &str, out: *mut c_char, size: usize) -> Result<()> {
    args::check_pointer("out_text", out)?;
    if size <= text.len() {
        let error = Error::invalid(format!("out_size is {size}; {} are needed", text.len() + 1));
        return Err(error.with_numbers(size as u64, text.len() as u64 + 1));
    }
    // SAFETY: room for the text and a NUL, as just checked.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), out, text.len());
        out.add(text.len()).write(0);
    }
    Ok(())
}
