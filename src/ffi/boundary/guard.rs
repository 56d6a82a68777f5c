//! The boundary that every export runs inside: it looks for a fork first and keeps panics in. It
//! turns errors into a status and an `fbat_error`, and poisons the stores of a call that panicked.

use super::error::{self, fbat_error};
use super::status::*;
use super::store::{fbat_store, StoreObject};
use super::{handle, memory, panic, sink};
use crate::engine::model::error::{Code, Error, Result};
use std::cell::OnceCell;
use std::sync::Arc;

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
    if !memory::is_there() {
        return FBAT_ERR_NO_MEMORY;
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
    // A store that a callback of the call freed is closed now; so is one that nobody else holds.
    // Closing may fail in any way.
    let _ = catch(move || {
        for store in call.stores.iter().filter_map(OnceCell::get) {
            store.tell_of_clock();
            store.close_if_freed();
        }
        drop(call);
    });
    let Err(failure) = outcome else { return FBAT_OK };
    if !err.is_null() {
        let detail = catch(|| error::new_handle(&failure)).unwrap_or(std::ptr::null_mut());
        // SAFETY: as above.
        unsafe { err.write(detail) };
    }
    error::status_of(&failure)
}

/// Runs `body` as the call of an export without a status; `fallback` after a fork or a panic, or
/// where there was no memory for any call yet, and so nothing to free.
pub(crate) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    if forked() || !(panic::is_in_use() || memory::is_there()) {
        return fallback;
    }
    catch(body).unwrap_or(fallback)
}

/// Frees a handle: null and dead ones are ignored, the latter with a line in the log.
pub(crate) fn free<T: handle::Object>(handle: *mut T::Raw) {
    value((), || {
        if !handle.is_null() && handle::take::<T>(handle).is_none() {
            sink::warning(&format!("free: {}", handle::invalid::<T>(handle)));
        }
    })
}

/// Runs `body`; a panic becomes its text, which is also logged.
fn catch<T>(body: impl FnOnce() -> T) -> std::result::Result<T, String> {
    panic::catch(body).inspect_err(|text| sink::error(text))
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
        assert!(object
            .message
            .as_str()
            .starts_with("panic: out of cheese at src/ffi/boundary/guard.rs:"));
        free::<error::ErrorObject>(err);
    }

    #[test]
    fn a_panic_without_a_status_gives_the_fallback() {
        assert_eq!(value(7, || -> i32 { panic!() }), 7);
        assert_eq!(value(7, || 8), 8);
    }
}
