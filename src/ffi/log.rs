//! Log
//!
//! The library prints nothing. What is worth telling beside a status goes here.

use super::boundary::guard;
use super::boundary::sink::{self, UserData};
use super::boundary::status::fbat_status;
use super::boundary::types::fbat_destroy_fn;
use std::ffi::{c_char, c_void};

/// A defect, or damage.
/// @since 0.1
pub const FBAT_LOG_ERROR: u32 = 1u32;
/// Something that was repaired, or a mistake of the caller's that no status can report.
/// @since 0.1
pub const FBAT_LOG_WARNING: u32 = 2u32;
/// Something worth knowing.
/// @since 0.1
pub const FBAT_LOG_INFO: u32 = 3u32;

/// Receives a line of the log. May be called by any thread that is inside a call to the library,
/// by several at once, with no lock held. What it calls of the library itself logs nothing.
/// @param user_data what was given with the callback.
/// @param level an `FBAT_LOG_...`.
/// @param message NUL-terminated, without a line break; lives until the callback returns.
/// @param message_len in bytes.
/// @since 0.1
pub type fbat_log_fn = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        level: u32,
        message: *const c_char,
        message_len: usize,
    ),
>;

/// Sets the function that receives the log of this process, in place of the one before.
///
/// @param callback the function; NULL for none.
/// @param user_data handed to it.
/// @param destroy disposes of `user_data`, exactly once, also when this call fails; may be NULL.
/// @retval FBAT_OK done. A thread that is just logging may still be inside the function before;
/// its `destroy` is called after that.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_set_log_callback(
    callback: fbat_log_fn,
    user_data: *mut c_void,
    destroy: fbat_destroy_fn,
) -> fbat_status {
    let user_data = UserData::new(user_data, destroy);
    let body = |_: &guard::Call| {
        sink::replace(callback, user_data);
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(std::ptr::null_mut(), body) }
}
