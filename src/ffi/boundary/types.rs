//! Basic types
//!
//! Ids, hashes, text by pointer and length: plain values that everything else is made of.

use std::ffi::{c_char, c_void};

/// A 128-bit identifier: of an event, a correlation, a cause, an idempotency key or a store.
///
/// Most significant byte first; shown as 32 lower-case hex digits. All zero means "none".
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct fbat_id {
    /// Most significant first.
    pub bytes: [u8; 16],
}

/// A 256-bit BLAKE3 hash, shown as 64 lower-case hex digits.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct fbat_hash {
    /// In the order in which they are shown.
    pub bytes: [u8; 32],
}

/// Text by pointer and length; UTF-8.
///
/// What the library gives out has a NUL after its end, which is not counted. Its data is NULL only
/// where there is no text at all. Only what was decoded out of bytes of the caller's has no NUL.
/// What is given to the library needs none.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_str {
    /// The first byte. May be NULL when `len` is 0.
    pub data: *const c_char,
    /// In bytes.
    pub len: usize,
}

impl fbat_str {
    /// No text.
    pub(crate) const NONE: fbat_str = fbat_str { data: std::ptr::null(), len: 0 };

    /// Text of somebody else, who has to outlive the use of it; no NUL is promised.
    pub(crate) fn lend(text: &str) -> fbat_str {
        fbat_str { data: text.as_ptr().cast(), len: text.len() }
    }
}

/// A named value that goes with an event.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_extension {
    /// ASCII, at most 256 bytes: `prefix.field` with exactly one dot and both halves non-empty.
    pub key: fbat_str,
    /// Any bytes. May be NULL when `value_len` is 0.
    pub value: *const u8,
    /// In bytes.
    pub value_len: usize,
}

/// Kinds from one to another, both included: a single kind, or those of a category.
/// #FBAT_KIND_EXACT() and #FBAT_KIND_CATEGORY() begin one.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct fbat_kind_range {
    /// The least.
    pub first: u16,
    /// The greatest; not below `first`.
    pub last: u16,
}

/// Disposes of the `user_data` of fbat_set_log_callback(). The library calls it exactly once: when
/// the callback is replaced and no call uses it any more. If the call that was to set the callback
/// fails, it is called before that returns. May be NULL.
/// @param user_data what was given with the callback.
/// @since 0.1
pub type fbat_destroy_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;
