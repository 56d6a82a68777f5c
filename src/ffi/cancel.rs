//! Cancel and progress
//!
//! Every call that can take long reports how far it is, and ends when it is told to. Its options
//! have a callback `progress` with its `progress_data`, and a token `cancel`, for both. Calls that
//! wait have the token alone.

use super::boundary::args::{self, Sized0};
use super::boundary::guard::{self, Call};
use super::boundary::status::fbat_status;
use super::boundary::{handle, panic};
use crate::engine::model::error::Result;
use crate::engine::platform::watch::{Cancel, Progress, Verdict, Watch};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

/// Ends the calls that carry it, from any thread. Once triggered it stays so: make one for each
/// call, or for each group of calls that are to end together.
/// @par Threads
/// Any number may use it at once.
/// @since 0.1
pub struct fbat_cancel {
    _opaque: [u8; 0],
}

/// How far a call has come. What is counted is said where the call has its `progress`.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_progress {
    /// The size of this struct as the library knows it.
    pub struct_size: usize,
    /// How much was done: never less than before.
    pub done: u64,
    /// How much there is to do, as far as is known.
    pub total: u64,
}

args::sized!(fbat_progress: 24);

/// Told how far a call has come, some hundred times at most. Called on the thread that made the
/// call, with no lock held. It must not throw.
/// @param user_data the `progress_data` of the options.
/// @param progress how far. Lives until the callback returns.
/// @return 0 to go on; a negative number stops the call, whose status it becomes. Anything above 0
/// ends it with #FBAT_ERR_INVALID_ARGUMENT.
/// @since 0.2
pub type fbat_progress_fn = Option<
    unsafe extern "C-unwind" fn(user_data: *mut c_void, progress: *const fbat_progress) -> i32,
>;

/// What a handle to a token leads to.
pub(crate) struct CancelObject(Cancel);

impl handle::Object for CancelObject {
    type Raw = fbat_cancel;
    const TAG: u8 = 11;
    const NAME: &'static str = "cancel";
}

/// The token that options carry, kept for the length of the call.
pub(crate) struct Token(Option<Arc<CancelObject>>);

impl Token {
    pub(crate) fn new(cancel: *const fbat_cancel) -> Result<Token> {
        let live = || handle::get::<CancelObject>(cancel);
        Ok(Token((!cancel.is_null()).then(live).transpose()?))
    }

    pub(crate) fn to_engine(&self) -> Option<&Cancel> {
        self.0.as_ref().map(|object| &object.0)
    }
}

/// Progress and token of a call, as its options have them.
pub(crate) struct Watched {
    progress: fbat_progress_fn,
    data: *mut c_void,
    token: Token,
}

// SAFETY: the pointer is only handed back, on the thread that makes the call.
unsafe impl Send for Watched {}
// SAFETY: as above.
unsafe impl Sync for Watched {}

impl Watched {
    pub(crate) fn new(
        progress: fbat_progress_fn,
        data: *mut c_void,
        cancel: *const fbat_cancel,
    ) -> Result<Watched> {
        Ok(Watched { progress, data, token: Token::new(cancel)? })
    }

    /// Runs `call` with a watch that calls back into C.
    pub(crate) fn run<T>(&self, call: impl FnOnce(&Watch<'_>) -> Result<T>) -> Result<T> {
        let mut tell = self.progress.map(|progress| {
            move |now: Progress| {
                let now =
                    fbat_progress { done: now.done, total: now.total, ..fbat_progress::initial() };
                // SAFETY: the caller gave both for this; the struct lives until after the call.
                verdict(panic::outside(|| unsafe { progress(self.data, &now) }))
            }
        });
        let tell = tell.as_mut().map(|tell| tell as &mut dyn FnMut(Progress) -> Verdict);
        call(&Watch::new(self.token.to_engine(), tell))
    }

    pub(crate) fn token(&self) -> Option<&Cancel> {
        self.token.to_engine()
    }
}

/// What the answer of a progress callback means.
pub(crate) fn verdict(answer: i32) -> Verdict {
    match answer {
        0 => Verdict::Keep,
        other => Verdict::Stop(other),
    }
}

/// Makes a token that is not triggered.
/// @return the token, which fbat_cancel_free() frees; NULL where 16 million objects are live.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_cancel_new() -> *mut fbat_cancel {
    guard::value(null_mut(), || {
        handle::insert(CancelObject(Cancel::default())).unwrap_or(null_mut())
    })
}

/// Triggers a token: calls that carry it end with #FBAT_ERR_CANCELLED.
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

/// Frees a token. Calls that carry it keep it as it is.
/// @param cancel the token; NULL is allowed.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_cancel_free(cancel: *mut fbat_cancel) {
    guard::free::<CancelObject>(cancel)
}
