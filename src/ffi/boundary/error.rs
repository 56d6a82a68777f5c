//! What an engine error becomes: a status, and an object that lends its parts.

use super::args::Text;
use super::handle;
use super::status::fbat_status;
use super::types::fbat_str;
use crate::engine::model::error::{Code, Detail, Error, Result, FORKED, FORKED_TEXT};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

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

/// The handle of the one error that a child gets for what was made before the fork. It leads to
/// static text, is no object, and need not be freed: in a child, the allocator may be locked.
pub(crate) fn forked_handle() -> *mut fbat_error {
    handle::of_no_object::<ErrorObject>()
}

/// A handle for `error`; null when the table is full.
pub(crate) fn new_handle(error: &Error) -> *mut fbat_error {
    if error.code() == Code::Forked {
        return forked_handle();
    }
    let detail = Detail::clone(error);
    let message = Text::new(detail.message.as_bytes());
    let path = detail.path.as_ref().map(|path| Text::new(path.as_os_str().as_bytes()));
    handle::insert(ErrorObject { detail, message, path }).unwrap_or(std::ptr::null_mut())
}

/// What a live handle to an error leads to.
pub(crate) enum Live {
    Object(Arc<ErrorObject>),
    Forked,
}

impl Live {
    pub(crate) fn get(err: *const fbat_error) -> Result<Live> {
        match std::ptr::eq(err, forked_handle()) {
            true => Ok(Live::Forked),
            false => handle::get(err).map(Live::Object),
        }
    }

    pub(crate) fn detail(&self) -> &Detail {
        match self {
            Live::Object(error) => &error.detail,
            Live::Forked => &FORKED,
        }
    }

    pub(crate) fn message(&self) -> fbat_str {
        match self {
            Live::Object(error) => error.message.lend(),
            Live::Forked => fbat_str { data: FORKED_TEXT.as_ptr(), len: FORKED_TEXT.count_bytes() },
        }
    }

    pub(crate) fn path(&self) -> fbat_str {
        match self {
            Live::Object(error) => error.path.as_ref().map_or(fbat_str::NONE, Text::lend),
            Live::Forked => fbat_str::NONE,
        }
    }
}
