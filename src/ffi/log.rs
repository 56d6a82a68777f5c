//! Log
//!
//! The library prints nothing. What is worth telling beside a status goes here.

use super::guard;
use super::status::fbat_status;
use super::types::fbat_destroy_fn;
use std::cell::Cell;
use std::ffi::{c_char, c_void, CString};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, PoisonError, RwLock};

/// A defect, or damage.
/// @since 0.1
pub const FBAT_LOG_ERROR: u32 = 1u32;
/// Something that was put right, or a mistake of the caller's that no status can tell of.
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

/// What belongs to a callback: disposes of its data when the last use is over.
pub(crate) struct UserData {
    pub data: *mut c_void,
    destroy: fbat_destroy_fn,
}

// SAFETY: the library only hands the pointer back; the header says on which threads.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(data: *mut c_void, destroy: fbat_destroy_fn) -> UserData {
        UserData { data, destroy }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy.take() {
            // SAFETY: the caller gave both for this; `take` makes it once.
            guard::outside(|| unsafe { destroy(self.data) });
        }
    }
}

struct Sink {
    callback: unsafe extern "C-unwind" fn(*mut c_void, u32, *const c_char, usize),
    user_data: UserData,
}

static SINK: RwLock<Option<Arc<Sink>>> = RwLock::new(None);

thread_local! {
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn error(message: &str) {
    emit(FBAT_LOG_ERROR, message);
}

pub(crate) fn warning(message: &str) {
    emit(FBAT_LOG_WARNING, message);
}

pub(crate) fn info(message: &str) {
    emit(FBAT_LOG_INFO, message);
}

/// Gives a line to the callback, if there is one.
pub(crate) fn emit(level: u32, message: &str) {
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(sink) = sink else { return };
    if IN_SINK.replace(true) {
        return;
    }
    let line: Vec<u8> = message.bytes().map(|b| if b < 0x20 { b' ' } else { b }).collect();
    let line = CString::new(line).unwrap_or_default();
    let call = || {
        // SAFETY: the caller gave both for this; the text lives until after the call.
        guard::outside(|| unsafe {
            (sink.callback)(sink.user_data.data, level, line.as_ptr(), line.as_bytes().len())
        })
    };
    // A line may be logged where no guard is around it, so a panic of the callback ends here.
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(call)) {
        guard::dispose(payload);
    }
    IN_SINK.set(false);
}

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
    let body = || {
        let sink = callback.map(|callback| Arc::new(Sink { callback, user_data }));
        let before =
            std::mem::replace(&mut *SINK.write().unwrap_or_else(PoisonError::into_inner), sink);
        drop(before);
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(std::ptr::null_mut(), |_| body()) }
}
