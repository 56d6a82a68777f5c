//! What an engine error becomes: a status, and an object that lends its parts.

use super::args::Text;
use super::handle;
use super::status::fbat_status;
use crate::engine::model::error::{Code, Detail, Error};
use std::os::unix::ffi::OsStrExt;

/// What went wrong, in full. Owned by the caller, who frees it with fbat_error_free().
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.1
pub struct fbat_error {
    _opaque: [u8; 0],
}

/// What a handle to an error leads to: text with a NUL after it, to be lent.
pub(crate) struct ErrorObject {
    pub detail: Detail,
    pub message: Text,
    pub path: Option<Text>,
}

impl handle::Object for ErrorObject {
    type Raw = fbat_error;
    const TAG: u8 = 1;
    const NAME: &'static str = "error";
}

/// The status of `detail`.
pub(crate) fn status_of(detail: &Detail) -> fbat_status {
    match detail.code {
        Code::Stopped => detail.callback_status,
        code => code as fbat_status,
    }
}

/// A handle for `error`; null when the table is full.
pub(crate) fn new_handle(error: &Error) -> *mut fbat_error {
    let detail = Detail::clone(error);
    let message = Text::new(&detail.message);
    let path = detail.path.as_ref().map(|path| Text::new(path.as_os_str().as_bytes()));
    handle::insert(ErrorObject { detail, message, path }).unwrap_or(std::ptr::null_mut())
}
