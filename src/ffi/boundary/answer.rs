//! Exports whose answer is one value or one struct: it is written in every case.

use super::args::{Out, OutStruct, Sized0};
use super::error::fbat_error;
use super::guard::{self, Call};
use super::status::fbat_status;
use crate::engine::model::error::Result;

/// Runs `body` and writes its answer, a pointer to an object for example; `zero` on failure.
///
/// # Safety
/// `out` and `err` are null or can be written.
pub(crate) unsafe fn value<T: Copy>(
    name: &str,
    out: *mut T,
    zero: T,
    err: *mut *mut fbat_error,
    body: impl FnOnce(&Call) -> Result<T>,
) -> fbat_status {
    // SAFETY: the caller's promise.
    let out = unsafe { Out::new(out, zero) };
    let body = |call: &Call| {
        out.check(name)?;
        out.set(body(call)?);
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard::status(err, body) }
}

/// Runs `body` and writes the struct that it answers with; zero except its size on failure. Where
/// it may be left out, null is no error.
///
/// # Safety
/// `out` is null or leads to a struct with its size; `err` is null or can be written.
pub(crate) unsafe fn structure<T: Sized0>(
    out: *mut T,
    may_be_null: bool,
    err: *mut *mut fbat_error,
    body: impl FnOnce(&Call) -> Result<T>,
) -> fbat_status {
    let body = |call: &Call| {
        // SAFETY: the caller's promise.
        let out = unsafe { OutStruct::new(out, 1) }?;
        let out = if may_be_null { out } else { out.required()? };
        out.set(0, body(call)?);
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard::status(err, body) }
}

/// A sized struct with these members as another struct has them, and others as given.
macro_rules! members_of {
    ($from:expr => $name:ident { $($same:ident),* $(,)? }
        $(, $other:ident: $value:expr)* $(,)?) => {
        $name {
            $($same: $from.$same.into(),)*
            $($other: $value,)*
            ..<$name as $crate::ffi::boundary::args::Sized0>::initial()
        }
    };
}
pub(crate) use members_of;
