//! Where lines of the log go: one callback for the whole process.

use super::panic;
use super::types::fbat_destroy_fn;
use crate::engine::model::error::FORKED_TEXT;
use crate::engine::platform::os::Uncancelled;
use crate::engine::platform::process::{self, PerProcess};
use std::cell::Cell;
use std::ffi::{c_char, c_void, CStr, CString};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, TryLockError};

/// The levels, as the header numbers them.
pub(crate) const ERROR: u32 = 1;
pub(crate) const WARNING: u32 = 2;
pub(crate) const INFO: u32 = 3;

/// What belongs to a callback: disposes of its data when the last use is over.
pub(crate) struct UserData {
    data: *mut c_void,
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
            panic::outside(|| unsafe { destroy(self.data) });
        }
    }
}

type Callback = unsafe extern "C-unwind" fn(*mut c_void, u32, *const c_char, usize);

struct Sink {
    callback: Callback,
    user_data: UserData,
}

/// A child begins with its parent's, except where another thread was just replacing it.
static SINK: PerProcess<RwLock<Option<Arc<Sink>>>> =
    PerProcess::new(|before| RwLock::new(before.and_then(current)));

fn current(sink: &RwLock<Option<Arc<Sink>>>) -> Option<Arc<Sink>> {
    match sink.try_read() {
        Ok(sink) => sink.clone(),
        Err(TryLockError::Poisoned(sink)) => sink.into_inner().clone(),
        Err(TryLockError::WouldBlock) => None,
    }
}

thread_local! {
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn error(message: &str) {
    emit(ERROR, message);
}

pub(crate) fn warning(message: &str) {
    emit(WARNING, message);
}

pub(crate) fn info(message: &str) {
    emit(INFO, message);
}

/// Gives a line to the callback, if there is one.
fn emit(level: u32, message: &str) {
    let sink = SINK.get().read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(sink) = sink else { return };
    let line: Vec<u8> = message.bytes().map(|b| if b < 0x20 { b' ' } else { b }).collect();
    call(&sink, level, &CString::new(line).unwrap_or_default());
}

/// Says, once in a process, that something was used that was made before the fork. Takes no memory
/// and waits for nothing.
pub(crate) fn forked() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    let process = process::number();
    if TOLD.swap(process, Ordering::Relaxed) == process {
        return;
    }
    if let Some(sink) = SINK.peek().and_then(|(sink, _)| current(sink)) {
        call(&sink, ERROR, FORKED_TEXT);
    }
}

/// Calls a callback, unless this thread is inside it.
fn call(sink: &Sink, level: u32, line: &CStr) {
    if IN_SINK.replace(true) {
        return;
    }
    let _not_cancelled = Uncancelled::begin();
    let call = || {
        // SAFETY: the caller gave both for this; the text lives until after the call.
        panic::outside(|| unsafe {
            (sink.callback)(sink.user_data.data, level, line.as_ptr(), line.count_bytes())
        })
    };
    // A line may be logged where no guard is around it, so a panic of the callback ends here.
    if let Err(payload) = std::panic::catch_unwind(AssertUnwindSafe(call)) {
        panic::dispose(payload);
    }
    IN_SINK.set(false);
}

/// Puts a callback in place of the one before, whose data is disposed of after its last use.
pub(crate) fn replace(callback: Option<Callback>, user_data: UserData) {
    let sink = callback.map(|callback| Arc::new(Sink { callback, user_data }));
    let before =
        std::mem::replace(&mut *SINK.get().write().unwrap_or_else(PoisonError::into_inner), sink);
    drop(before);
}
