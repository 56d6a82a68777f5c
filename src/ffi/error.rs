//! Errors
//!
//! The detail of a status, for the caller that passed a place for it.

use super::boundary::answer::{self, members_of};
use super::boundary::args;
use super::boundary::error::{fbat_error, forked_handle, status_of, ErrorObject, Live};
use super::boundary::guard::{self};
use super::boundary::status::{fbat_status, FBAT_ERR_INVALID_HANDLE};
use super::boundary::types::{fbat_id, fbat_str};

/// All that an fbat_error knows. Its text lives as long as the error.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_error_detail {
    /// `sizeof(fbat_error_detail)`.
    pub struct_size: usize,
    /// The status that the call returned.
    pub status: fbat_status,
    /// The operating system's error number (`errno`); 0 where it did not fail.
    pub os_error: i32,
    /// One sentence for people: what, where and why.
    pub message: fbat_str,
    /// The file or directory concerned, or NULL and 0. Bytes of the file system, which need not be
    /// UTF-8.
    pub path: fbat_str,
    /// Where in that file, in bytes from its start; -1 where none applies.
    pub offset: i64,
    /// Which item of an array was at fault, counted from 0; -1 where it was none of them.
    pub item: i64,
    /// The global sequence of the event concerned; of a damaged batch, the first that should be in
    /// it. 0 where no event is, or none is known.
    pub sequence: u64,
    /// The id of the event concerned; all zero where no event is.
    pub event_id: fbat_id,
    /// The version, size or count that there is; 0 where none applies.
    pub actual: u64,
    /// The version, size or count that is allowed, supported or expected.
    pub allowed: u64,
}

args::sized!(fbat_error_detail: 104);

/// The status that the call returned.
/// @param err the error.
/// @return the status; #FBAT_ERR_INVALID_HANDLE where `err` is no live error.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_code(err: *const fbat_error) -> fbat_status {
    let body = || Live::get(err).ok().map(|e| status_of(e.detail()));
    guard::value(None, body).unwrap_or(FBAT_ERR_INVALID_HANDLE)
}

/// One sentence for people: what, where and why.
/// @param err the error.
/// @return text that lives as long as the error; NULL and 0 where `err` is no live error.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_message(err: *const fbat_error) -> fbat_str {
    let body = || Live::get(err).ok().map(|e| e.message());
    guard::value(None, body).unwrap_or(fbat_str::NONE)
}

/// All that is known.
/// @param err the error.
/// @param out_detail its parts.
/// @retval FBAT_OK done.
/// @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or a bad `struct_size`.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_error_get(
    err: *const fbat_error,
    out_detail: *mut fbat_error_detail,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe {
        answer::structure(out_detail, false, std::ptr::null_mut(), |_| {
            let error = Live::get(err)?;
            let detail = error.detail();
            Ok(members_of!(detail => fbat_error_detail { sequence, event_id, actual, allowed },
                status: status_of(detail),
                os_error: detail.errno.unwrap_or(0),
                message: error.message(),
                path: error.path(),
                offset: detail.offset.map_or(-1, |offset| offset as i64),
                item: detail.item.map_or(-1, |item| item as i64),
            ))
        })
    }
}

/// Frees an error.
/// @param err the error; NULL is allowed.
/// @par Threads
/// Any; the error must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_error_free(err: *mut fbat_error) {
    if !std::ptr::eq(err, forked_handle()) {
        guard::free::<ErrorObject>(err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::error::Error;
    use crate::ffi::boundary::args::Sized0;
    use crate::ffi::boundary::error::new_handle;
    use crate::ffi::boundary::status::{FBAT_ERR_CORRUPT, FBAT_OK};
    use std::path::Path;

    #[test]
    fn an_error_lends_its_text_until_it_is_freed() {
        let err = new_handle(&Error::corrupt(Path::new("/a/b"), 7, "torn").with_item(3));
        let text = |lent: fbat_str| {
            // SAFETY: lent by a live error, with a NUL behind it.
            let bytes = unsafe { std::slice::from_raw_parts(lent.data.cast::<u8>(), lent.len + 1) };
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let mut detail = fbat_error_detail::initial();
        // SAFETY: a live error, then a dead one.
        unsafe {
            assert_eq!(fbat_error_get(err, &mut detail), FBAT_OK);
            assert!(text(fbat_error_message(err)).ends_with('\0'));
            assert_eq!(text(detail.path), "/a/b\0");
            assert_eq!((detail.offset, detail.item), (7, 3));
            assert_eq!(fbat_error_code(err), FBAT_ERR_CORRUPT);
            fbat_error_free(err);
            assert!(fbat_error_message(err).data.is_null());
            assert_eq!(fbat_error_get(err, &mut detail), FBAT_ERR_INVALID_HANDLE);
            assert!(detail.message.data.is_null() && detail.item == 0);
        }
    }
}
