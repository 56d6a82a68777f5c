//! The boundary that every export runs inside: it looks for a fork first, keeps panics in, turns
//! errors into a status and an `fbat_error`, and poisons the stores that a panic left behind.

use super::error::{self, fbat_error};
use super::status::*;
use super::store::{fbat_store, StoreObject};
use super::{handle, log};
use crate::engine::model::error::{Code, Error, Result};
use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};

thread_local! {
    /// How many guards are on this thread's stack since the last callback.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// What the panic hook saw last on this thread.
    static PANIC_TEXT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Whether this process is a forked child of one that used the library: then no lock may be
/// touched, since a thread that does not exist here may hold it.
pub(crate) fn forked() -> bool {
    crate::engine::platform::os::in_forked_child()
}

/// The stores that a call works on.
#[derive(Default)]
pub(crate) struct Call {
    stores: [OnceCell<Arc<StoreObject>>; 2],
}

impl Call {
    /// The store behind `handle`, which a panic in this call will poison.
    pub(crate) fn store(&self, handle: *const fbat_store) -> Result<&Arc<StoreObject>> {
        self.hold(handle::get(handle)?)
    }

    /// As [`Call::store`], for a store that is known already.
    pub(crate) fn hold(&self, store: Arc<StoreObject>) -> Result<&Arc<StoreObject>> {
        let cell = self
            .stores
            .iter()
            .find(|cell| cell.get().is_none())
            .expect("a call has two stores at most");
        Ok(cell.get_or_init(|| store))
    }
}

/// Runs `body` as the call of an export that answers with a status. `err` may be null.
///
/// # Safety
/// `err` is null or can be written.
pub(crate) unsafe fn status(
    err: *mut *mut fbat_error,
    body: impl FnOnce(&Call) -> Result<()>,
) -> fbat_status {
    if !err.is_null() {
        // SAFETY: not null, so the caller promised that it can be written.
        unsafe { err.write(std::ptr::null_mut()) };
    }
    if forked() {
        return FBAT_ERR_FORKED;
    }
    let call = Call::default();
    let outcome = match catch(|| body(&call)) {
        Ok(outcome) => outcome,
        Err(text) => {
            for store in call.stores.iter().filter_map(OnceCell::get) {
                // A store whose own locks a panic has broken may panic again when it is poisoned.
                let _ = catch(|| store.engine.poison(&text));
            }
            Err(Error::new(Code::Panic, text))
        }
    };
    // The last to let go of a store closes it, which may fail in any way.
    let _ = catch(move || drop(call));
    let Err(failure) = outcome else { return FBAT_OK };
    if !err.is_null() {
        let detail = catch(|| error::new_handle(&failure)).unwrap_or(std::ptr::null_mut());
        // SAFETY: as above.
        unsafe { err.write(detail) };
    }
    error::status_of(&failure)
}

/// Runs `body` as the call of an export without a status; `fallback` after a fork or a panic.
pub(crate) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    if forked() {
        return fallback;
    }
    catch(body).unwrap_or(fallback)
}

/// Frees a handle: null and dead ones are ignored, the latter with a line in the log.
pub(crate) fn free<T: handle::Object>(handle: *mut T::Raw) {
    value((), || {
        if !handle.is_null() && handle::take::<T>(handle).is_none() {
            log::warning(&format!("free: {}", handle::invalid::<T>(handle)));
        }
    })
}

/// Runs a callback of the user: its panics are its own, so the previous panic hook sees them.
pub(crate) fn outside<T>(callback: impl FnOnce() -> T) -> T {
    struct Restore(u32);
    impl Drop for Restore {
        fn drop(&mut self) {
            DEPTH.set(self.0);
        }
    }
    let _restore = Restore(DEPTH.replace(0));
    callback()
}

/// Runs `body`; a panic becomes its text, which is also logged.
fn catch<T>(body: impl FnOnce() -> T) -> std::result::Result<T, String> {
    install_hook();
    DEPTH.set(DEPTH.get() + 1);
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    DEPTH.set(DEPTH.get() - 1);
    outcome.map_err(|payload| {
        let seen = PANIC_TEXT.try_with(RefCell::take).ok().flatten();
        let text = seen.unwrap_or_else(|| payload_text(&*payload).to_owned());
        dispose(payload);
        let text = format!("panic: {text}");
        log::error(&text);
        text
    })
}

/// Frees what a panic carried. Text goes quietly; dropping anything else may panic too, so it
/// stays: it is small, and this is rare.
pub(crate) fn dispose(payload: Box<dyn Any + Send>) {
    if !payload.is::<&str>() && !payload.is::<String>() {
        std::mem::forget(payload);
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("no text", String::as_str),
    }
}

/// Panics inside a guard print nothing; all others go to the hook that was there before.
fn install_hook() {
    static HOOK: Once = Once::new();
    if HOOK.is_completed() || std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                return previous(info);
            }
            let place = info
                .location()
                .map_or(String::new(), |at| format!(" at {}:{}", at.file(), at.line()));
            let text = format!("{}{place}", payload_text(info.payload()));
            // A thread that is ending may have lost its locals.
            let _ = PANIC_TEXT.try_with(|seen| seen.replace(Some(text)));
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        let mut err = std::ptr::null_mut();
        // SAFETY: `err` is a local.
        let status = unsafe { status(&mut err, |_| panic!("out of cheese")) };
        assert_eq!(status, FBAT_ERR_PANIC);
        let object = handle::lookup::<error::ErrorObject>(err).unwrap();
        assert!(object.message().starts_with("panic: out of cheese at src/ffi/guard.rs:"));
        free::<error::ErrorObject>(err);
    }

    #[test]
    fn a_panic_without_a_status_gives_the_fallback() {
        assert_eq!(value(7, || -> i32 { panic!() }), 7);
        assert_eq!(value(7, || 8), 8);
    }

    #[test]
    fn a_panic_of_a_callback_is_caught_too() {
        // SAFETY: a null `err` is allowed.
        let status = unsafe {
            status(std::ptr::null_mut(), |_| outside(|| panic::resume_unwind(Box::new("mine"))))
        };
        assert_eq!(status, FBAT_ERR_PANIC);
        assert_eq!(DEPTH.get(), 0);
    }
}
