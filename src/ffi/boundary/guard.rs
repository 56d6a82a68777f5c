//! The boundary that every export runs inside: it keeps panics in and pthread_cancel() out. It
//! turns errors into a status and an `fbat_error`, and poisons the stores of a call that panicked.

use super::error::{self, fbat_error};
use super::status::*;
use super::store::{fbat_store, StoreObject};
use super::{handle, memory, panic, sink};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::os::Uncancelled;
use std::cell::OnceCell;
use std::sync::Arc;

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
    if !memory::is_there() {
        return FBAT_ERR_NO_MEMORY;
    }
    let _not_cancelled = Uncancelled::begin();
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
    let _ = catch(move || call.stores.into_iter().filter_map(OnceCell::into_inner).for_each(end));
    let Err(failure) = outcome else { return FBAT_OK };
    if failure.code() == Code::Forked {
        sink::forked();
    }
    if !err.is_null() {
        let detail = catch(|| error::new_handle(&failure)).unwrap_or(std::ptr::null_mut());
        // SAFETY: as above.
        unsafe { err.write(detail) };
    }
    error::status_of(&failure)
}

/// What a call does with its stores when it is over. One that a callback freed is closed now, and
/// so is one that nobody else holds; that may fail in any way. Where the callback forked, and this
/// is the child, they are the parent's.
fn end(store: Arc<StoreObject>) {
    if store.engine.is_from_before_a_fork() {
        return std::mem::forget(store);
    }
    store.tell_of_clock();
    store.close_if_freed();
}

/// Runs `body` as the call of an export without a status, which makes no system call that could be
/// cancelled; `fallback` after a panic, or where there was no memory for any call yet, and so
/// nothing to free.
pub(crate) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    if !(panic::is_in_use() || memory::is_there()) {
        return fallback;
    }
    catch(body).unwrap_or(fallback)
}

/// Frees a handle: null and dead ones are ignored, the latter with a line in the log. Those from
/// before a fork are the parent's to free.
pub(crate) fn free<T: handle::Object>(handle: *mut T::Raw) {
    free_with::<T>(handle, drop)
}

/// As [`free`], with what is to be done with the object.
pub(crate) fn free_with<T: handle::Object>(handle: *mut T::Raw, end: impl FnOnce(Arc<T>)) {
    let _not_cancelled = Uncancelled::begin();
    value((), || match handle::take::<T>(handle) {
        Some(object) => end(object),
        None if handle.is_null() || handle::is_from_before_a_fork::<T>(handle) => {}
        None => sink::warning(&format!("free: {}", handle::invalid::<T>(handle))),
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
