//! Errors
//!
//! The detail behind a status, for the caller that passed a place for it.

use super::raw::Text;
use super::status::fbat_status;
use super::types::{fbat_id, fbat_str};
use super::{guard, handle};
use crate::engine::model::error::{Code, Detail, Error};
use std::os::unix::ffi::OsStrExt;

/// What went wrong, in full. Owned by the caller, who frees it with fbat_error_free().
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.1
pub struct fbat_error {
    _opaque: [u8; 0],
}

/// What a handle to an error leads to: text with a NUL behind it, for the getters to lend.
pub(crate) struct ErrorObject {
    detail: Detail,
    message: Text,
    path: Option<Text>,
}

impl handle::Object for ErrorObject {
    type Raw = fbat_error;
    const TAG: u8 = 1;
    const NAME: &'static str = "error";
}

impl ErrorObject {
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        self.message.as_str()
    }
}

/// The status that tells of `error`.
pub(crate) fn status_of(error: &Error) -> fbat_status {
    status_of_detail(error)
}

/// A handle for `error`; null when the table is full.
pub(crate) fn new_handle(error: &Error) -> *mut fbat_error {
    let detail = Detail::clone(error);
    let message = Text::new(&detail.message);
    let path = detail.path.as_ref().map(|path| Text::new(path.as_os_str().as_bytes()));
    handle::insert(ErrorObject { detail, message, path }).unwrap_or(std::ptr::null_mut())
}

fn with<T>(err: *const fbat_error, none: T, get: impl FnOnce(&ErrorObject) -> T) -> T {
    guard::value(None, || handle::lookup::<ErrorObject>(err).map(|object| get(&object)))
        .unwrap_or(none)
}

/// The status that the call returned.
/// @param err the error.
/// @return the status; #FBAT_ERR_INVALID_HANDLE where `err` is no live error.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_code(err: *const fbat_error) -> fbat_status {
    with(err, super::status::FBAT_ERR_INVALID_HANDLE, |e| status_of_detail(&e.detail))
}

fn status_of_detail(detail: &Detail) -> fbat_status {
    match detail.code {
        Code::Stopped => detail.callback_status,
        code => code as fbat_status,
    }
}

/// One sentence for people: what, where and why.
/// @param err the error.
/// @return text that lives as long as the error; NULL and 0 where `err` is no live error.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_message(err: *const fbat_error) -> fbat_str {
    with(err, fbat_str::NONE, |e| e.message.lend())
}

/// The operating system's error number (`errno`).
/// @param err the error.
/// @return the number; 0 where the operating system did not fail.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_os_error(err: *const fbat_error) -> i32 {
    with(err, 0, |e| e.detail.errno.unwrap_or(0))
}

/// The version, size or count that was found; see also fbat_error_supported().
/// @param err the error.
/// @return the number; 0 where none applies.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_found(err: *const fbat_error) -> u64 {
    with(err, 0, |e| e.detail.found)
}

/// The version, size or count that is supported, allowed or expected.
/// @param err the error.
/// @return the number; 0 where none applies.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_supported(err: *const fbat_error) -> u64 {
    with(err, 0, |e| e.detail.supported)
}

/// Which item of an array was at fault.
/// @param err the error.
/// @return its index, counted from 0; -1 where it was none of them.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_item(err: *const fbat_error) -> i64 {
    with(err, -1, |e| e.detail.item.map_or(-1, |item| item as i64))
}

/// The file or directory concerned. Bytes of the file system, which need not be UTF-8.
/// @param err the error.
/// @return text that lives as long as the error; NULL and 0 where no file is concerned.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_path(err: *const fbat_error) -> fbat_str {
    with(err, fbat_str::NONE, |e| e.path.as_ref().map_or(fbat_str::NONE, Text::lend))
}

/// Where in that file, in bytes from its start.
/// @param err the error.
/// @return the offset; -1 where none applies.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_offset(err: *const fbat_error) -> i64 {
    with(err, -1, |e| e.detail.offset.map_or(-1, |offset| offset as i64))
}

/// The global sequence of the event concerned.
/// @param err the error.
/// @return the sequence; 0 where no event is concerned.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_sequence(err: *const fbat_error) -> u64 {
    with(err, 0, |e| e.detail.sequence)
}

/// The id of the event concerned.
/// @param err the error.
/// @return the id; all zero where no event is concerned.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_event_id(err: *const fbat_error) -> fbat_id {
    with(err, fbat_id::default(), |e| e.detail.event_id.into())
}

/// Frees an error.
/// @param err the error; NULL is allowed.
/// @par Threads
/// Any; the error must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_free(err: *mut fbat_error) {
    guard::free::<ErrorObject>(err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn an_error_lends_its_text_until_it_is_freed() {
        let err = new_handle(&Error::corrupt(Path::new("/a/b"), 7, "torn").with_item(3));
        let text = |lent: fbat_str| {
            // SAFETY: lent by a live error, with a NUL behind it.
            let bytes = unsafe { std::slice::from_raw_parts(lent.data.cast::<u8>(), lent.len + 1) };
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        // SAFETY: a live error, then a dead one.
        unsafe {
            assert!(text(fbat_error_message(err)).ends_with('\0'));
            assert_eq!(text(fbat_error_path(err)), "/a/b\0");
            assert_eq!((fbat_error_offset(err), fbat_error_item(err)), (7, 3));
            assert_eq!(fbat_error_code(err), super::super::status::FBAT_ERR_CORRUPT);
            fbat_error_free(err);
            assert!(fbat_error_message(err).data.is_null() && fbat_error_item(err) == -1);
        }
    }
}
