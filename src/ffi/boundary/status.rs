//! Status codes
//!
//! Numbers are grouped by hundreds, spaced, and never reused.

use std::ffi::{c_char, CStr};

/// What a call answers with: #FBAT_OK, a positive `FBAT_ERR_...`, or the negative number with
/// which a callback of the caller stopped the call.
/// @since 0.1
pub type fbat_status = i32;

/// The call did what it says.
/// @since 0.1
pub const FBAT_OK: fbat_status = 0;
/// An argument is invalid: NULL where a value is needed, an unknown bit or enum value, a bad
/// `struct_size`, a length without a pointer.
/// @since 0.1
pub const FBAT_ERR_INVALID_ARGUMENT: fbat_status = 100;
/// A pointer to an opaque object is NULL, was freed, is of another type, or never came from this
/// library.
/// @since 0.1
pub const FBAT_ERR_INVALID_HANDLE: fbat_status = 110;
/// Text is not UTF-8; the error's `actual` is the byte where it stops to be.
/// @since 0.1
pub const FBAT_ERR_INVALID_UTF8: fbat_status = 120;
/// An entity or scope is empty, over 1024 bytes, or has a control byte, `/`, `..`, `|` or `=`.
/// @since 0.1
pub const FBAT_ERR_INVALID_COORDINATE: fbat_status = 130;
/// The kind's category is 0x0 or 0xD, which are the library's own.
/// @since 0.1
pub const FBAT_ERR_RESERVED_KIND: fbat_status = 140;
/// An extension key has the prefix `batpak`, which is the library's own.
/// @since 0.1
pub const FBAT_ERR_RESERVED_EXTENSION: fbat_status = 150;
/// A limit is exceeded: the error's `actual` against its `allowed`.
/// @since 0.1
pub const FBAT_ERR_LIMIT_EXCEEDED: fbat_status = 160;
/// There is no such event, entity, or path.
/// @since 0.1
pub const FBAT_ERR_NOT_FOUND: fbat_status = 200;
/// There is no store at this path, and the open mode does not make one.
/// @since 0.1
pub const FBAT_ERR_STORE_NOT_FOUND: fbat_status = 210;
/// The key was used before, for an event with different content. Nothing was written.
/// @since 0.1
pub const FBAT_ERR_IDEMPOTENCY_CONFLICT: fbat_status = 300;
/// The entity is not at the expected version: the error's `actual` is the one it has. Nothing was
/// written.
/// @since 0.1
pub const FBAT_ERR_VERSION_CONFLICT: fbat_status = 310;
/// An event to import exists already, with different content; the message names both.
/// @since 0.1
pub const FBAT_ERR_IMPORT_CONFLICT: fbat_status = 320;
/// There is a store at this path already, and the open mode asks for a new one.
/// @since 0.1
pub const FBAT_ERR_STORE_EXISTS: fbat_status = 330;
/// The source of an import is not, or no longer, the one that the position to go on from belongs
/// to: the `after` of the options, which is the error's `actual`, is above everything that the
/// source has, which is its `allowed`. It was restored from an older copy, or is another store.
/// Nothing was written. Import from 0: what is known is counted, and nothing is missed.
/// @since 0.2
pub const FBAT_ERR_SOURCE_DIVERGED: fbat_status = 340;
/// The store is open for writing elsewhere, or a callback tried to close a store of the running
/// call.
/// @since 0.1
pub const FBAT_ERR_BUSY: fbat_status = 400;
/// The store was closed.
/// @since 0.1
pub const FBAT_ERR_CLOSED: fbat_status = 500;
/// A failed write or sync, or a panic, ended writing to this store; close it and open it again.
/// @since 0.1
pub const FBAT_ERR_POISONED: fbat_status = 510;
/// The handle was made before this process was forked, and belongs to its parent. Open the store in
/// the child: after fork() or daemon(), not before.
/// @since 0.1
pub const FBAT_ERR_FORKED: fbat_status = 520;
/// The store is open for reading only.
/// @since 0.1
pub const FBAT_ERR_READ_ONLY: fbat_status = 530;
/// An operation of the operating system failed; the error's `os_error` is its errno. What an append
/// was to write may be there when the store is opened again: repeat it under its idempotency key.
/// @since 0.1
pub const FBAT_ERR_IO: fbat_status = 600;
/// There is no space left on the device, or a quota or file size limit (RLIMIT_FSIZE) is reached.
/// Nothing was written; the store goes on when there is room again.
/// @since 0.1
pub const FBAT_ERR_NO_SPACE: fbat_status = 610;
/// Memory has run out; the call did nothing, and may be repeated. No error object comes with this
/// status.
/// @since 0.2
pub const FBAT_ERR_NO_MEMORY: fbat_status = 620;
/// Damage in a file: the error's `path` and `offset` say where. fbat_store_verify() lists
/// all of it, and fbat_repair() puts everything else into a new store.
/// @since 0.1
pub const FBAT_ERR_CORRUPT: fbat_status = 700;
/// Not a provenance frame: shorter than 12 bytes, or another magic.
/// @since 0.1
pub const FBAT_ERR_WIRE_FRAMING: fbat_status = 710;
/// The checksum of a provenance frame does not match.
/// @since 0.1
pub const FBAT_ERR_WIRE_CHECKSUM: fbat_status = 720;
/// A provenance body does not decode.
/// @since 0.1
pub const FBAT_ERR_WIRE_BODY: fbat_status = 730;
/// A provenance decodes, but is not the one canonical encoding of its fields.
/// @since 0.1
pub const FBAT_ERR_WIRE_NOT_CANONICAL: fbat_status = 740;
/// A file, frame or body has a version above the highest that this library reads:
/// the error's `actual` against its `allowed`.
/// @since 0.1
pub const FBAT_ERR_FUTURE_VERSION: fbat_status = 800;
/// The file system or the machine lacks something that is needed.
/// @since 0.1
pub const FBAT_ERR_UNSUPPORTED: fbat_status = 810;
/// The call was cancelled through its fbat_cancel.
/// @since 0.1
pub const FBAT_ERR_CANCELLED: fbat_status = 900;
/// What the call waits for did not come in the time that it was given.
/// @since 0.2
pub const FBAT_ERR_TIMEOUT: fbat_status = 910;
/// A defect in the library was caught. The stores of the call are poisoned; the process may go on.
/// @since 0.1
pub const FBAT_ERR_PANIC: fbat_status = 1000;
/// A defect in the library was noticed.
/// @since 0.1
pub const FBAT_ERR_INTERNAL: fbat_status = 1010;

/// What a status is about, for bindings that make one exception of each: an `FBAT_CATEGORY_...`.
/// @since 0.1
pub type fbat_category = u32;

/// No failure: #FBAT_OK.
/// @since 0.1
pub const FBAT_CATEGORY_NONE: fbat_category = 0u32;
/// The caller's mistake; the same call fails again.
/// @since 0.1
pub const FBAT_CATEGORY_INVALID: fbat_category = 1u32;
/// What was asked for does not exist.
/// @since 0.1
pub const FBAT_CATEGORY_NOT_FOUND: fbat_category = 2u32;
/// What exists contradicts the call.
/// @since 0.1
pub const FBAT_CATEGORY_CONFLICT: fbat_category = 3u32;
/// Somebody else is using it; try later.
/// @since 0.1
pub const FBAT_CATEGORY_BUSY: fbat_category = 4u32;
/// The object can't be used any more, or not for this.
/// @since 0.1
pub const FBAT_CATEGORY_CLOSED: fbat_category = 5u32;
/// The operating system failed.
/// @since 0.1
pub const FBAT_CATEGORY_IO: fbat_category = 6u32;
/// Bytes are not what they should be.
/// @since 0.1
pub const FBAT_CATEGORY_CORRUPT: fbat_category = 7u32;
/// A version or a feature is beyond this library or this machine.
/// @since 0.1
pub const FBAT_CATEGORY_UNSUPPORTED: fbat_category = 8u32;
/// The caller stopped the call: through an fbat_cancel, from a callback, or by a limit of time.
/// @since 0.1
pub const FBAT_CATEGORY_CANCELLED: fbat_category = 9u32;
/// A defect in the library.
/// @since 0.1
pub const FBAT_CATEGORY_INTERNAL: fbat_category = 10u32;

const UNKNOWN: (&CStr, &CStr) =
    (c"FBAT_ERR_UNKNOWN", c"a status that this version of the library does not know");
const STOPPED: (&CStr, &CStr) = (c"FBAT_STOPPED_BY_CALLBACK", c"a callback stopped the call");

/// Name and meaning of a status.
fn texts(status: fbat_status) -> (&'static CStr, &'static CStr) {
    match status {
        ..=-1 => STOPPED,
        FBAT_OK => (c"FBAT_OK", c"success"),
        FBAT_ERR_INVALID_ARGUMENT => (c"FBAT_ERR_INVALID_ARGUMENT", c"invalid argument"),
        FBAT_ERR_INVALID_HANDLE => (c"FBAT_ERR_INVALID_HANDLE", c"not a live object of this type"),
        FBAT_ERR_INVALID_UTF8 => (c"FBAT_ERR_INVALID_UTF8", c"text is not UTF-8"),
        FBAT_ERR_INVALID_COORDINATE => {
            (c"FBAT_ERR_INVALID_COORDINATE", c"entity or scope is not allowed")
        }
        FBAT_ERR_RESERVED_KIND => {
            (c"FBAT_ERR_RESERVED_KIND", c"the kind is reserved for the library")
        }
        FBAT_ERR_RESERVED_EXTENSION => {
            (c"FBAT_ERR_RESERVED_EXTENSION", c"the extension key is reserved for the library")
        }
        FBAT_ERR_LIMIT_EXCEEDED => (c"FBAT_ERR_LIMIT_EXCEEDED", c"a limit is exceeded"),
        FBAT_ERR_NOT_FOUND => (c"FBAT_ERR_NOT_FOUND", c"not found"),
        FBAT_ERR_STORE_NOT_FOUND => (c"FBAT_ERR_STORE_NOT_FOUND", c"no store at this path"),
        FBAT_ERR_IDEMPOTENCY_CONFLICT => (
            c"FBAT_ERR_IDEMPOTENCY_CONFLICT",
            c"the key was used for an event with different content",
        ),
        FBAT_ERR_VERSION_CONFLICT => {
            (c"FBAT_ERR_VERSION_CONFLICT", c"the entity is not at the expected version")
        }
        FBAT_ERR_IMPORT_CONFLICT => {
            (c"FBAT_ERR_IMPORT_CONFLICT", c"an imported event exists with different content")
        }
        FBAT_ERR_STORE_EXISTS => (c"FBAT_ERR_STORE_EXISTS", c"a store exists at this path"),
        FBAT_ERR_SOURCE_DIVERGED => {
            (c"FBAT_ERR_SOURCE_DIVERGED", c"the source does not reach the position to go on from")
        }
        FBAT_ERR_BUSY => (c"FBAT_ERR_BUSY", c"in use"),
        FBAT_ERR_CLOSED => (c"FBAT_ERR_CLOSED", c"the store is closed"),
        FBAT_ERR_POISONED => {
            (c"FBAT_ERR_POISONED", c"an earlier failure ended writing; open the store again")
        }
        FBAT_ERR_FORKED => {
            (c"FBAT_ERR_FORKED", c"made before a fork; open the store after fork() or daemon()")
        }
        FBAT_ERR_READ_ONLY => (c"FBAT_ERR_READ_ONLY", c"the store is open for reading only"),
        FBAT_ERR_IO => (c"FBAT_ERR_IO", c"the operating system reported an error"),
        FBAT_ERR_NO_SPACE => (c"FBAT_ERR_NO_SPACE", c"no space left"),
        FBAT_ERR_NO_MEMORY => (c"FBAT_ERR_NO_MEMORY", c"no memory left"),
        FBAT_ERR_CORRUPT => (c"FBAT_ERR_CORRUPT", c"damaged data"),
        FBAT_ERR_WIRE_FRAMING => (c"FBAT_ERR_WIRE_FRAMING", c"not a provenance frame"),
        FBAT_ERR_WIRE_CHECKSUM => {
            (c"FBAT_ERR_WIRE_CHECKSUM", c"the checksum of the frame does not match")
        }
        FBAT_ERR_WIRE_BODY => (c"FBAT_ERR_WIRE_BODY", c"the provenance body does not decode"),
        FBAT_ERR_WIRE_NOT_CANONICAL => {
            (c"FBAT_ERR_WIRE_NOT_CANONICAL", c"not the canonical encoding")
        }
        FBAT_ERR_FUTURE_VERSION => {
            (c"FBAT_ERR_FUTURE_VERSION", c"made by a newer version of the library")
        }
        FBAT_ERR_UNSUPPORTED => (c"FBAT_ERR_UNSUPPORTED", c"not supported here"),
        FBAT_ERR_CANCELLED => (c"FBAT_ERR_CANCELLED", c"cancelled"),
        FBAT_ERR_TIMEOUT => (c"FBAT_ERR_TIMEOUT", c"nothing came in time"),
        FBAT_ERR_PANIC => (c"FBAT_ERR_PANIC", c"a defect in the library; the store is poisoned"),
        FBAT_ERR_INTERNAL => (c"FBAT_ERR_INTERNAL", c"a defect in the library"),
        _ => UNKNOWN,
    }
}

/// The name of a status: "FBAT_OK", "FBAT_ERR_NOT_FOUND" and so on. It is
/// "FBAT_STOPPED_BY_CALLBACK" for every negative number, "FBAT_ERR_UNKNOWN" for others that are not
/// known.
/// @param status any number.
/// @return static text, never NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_status_name(status: fbat_status) -> *const c_char {
    texts(status).0.as_ptr()
}

/// What a status means, in a few words without a capital or a full stop. The message of the
/// fbat_error that came with it says more.
/// @param status any number.
/// @return static text, never NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_status_message(status: fbat_status) -> *const c_char {
    texts(status).1.as_ptr()
}

/// What a status is about. Statuses of later versions of the library keep to their hundreds, so
/// that their category is right too.
/// @param status any number.
/// @return an `FBAT_CATEGORY_...`; #FBAT_CATEGORY_CANCELLED for every negative number.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_status_category(status: fbat_status) -> fbat_category {
    match status {
        ..=-1 => FBAT_CATEGORY_CANCELLED,
        FBAT_OK => FBAT_CATEGORY_NONE,
        100..=1099 => status as u32 / 100,
        _ => FBAT_CATEGORY_INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::error::Code;

    #[test]
    fn every_code_of_the_engine_has_its_constant_and_name() {
        for &code in Code::ALL {
            let (name, message) = texts(code as i32);
            let mut expected = String::from("FBAT_ERR");
            for (at, c) in format!("{code:?}").char_indices() {
                match c.is_uppercase() {
                    true => expected.extend(['_', c]),
                    false => expected.push(c.to_ascii_uppercase()),
                }
                assert!(at < 40);
            }
            let expected = match code {
                Code::InvalidUtf8 => "FBAT_ERR_INVALID_UTF8",
                Code::Stopped => "FBAT_STOPPED_BY_CALLBACK",
                _ => &expected,
            };
            assert_eq!(name.to_str().unwrap(), expected);
            assert!(!message.is_empty());
        }
        let known = (1..2000).filter(|&status| texts(status) != UNKNOWN).count();
        assert_eq!(known, Code::ALL.len() - 1, "a constant without a code");
    }

    #[test]
    fn every_number_has_a_name_a_message_and_a_category() {
        for status in (-2..2000).chain([i32::MIN, i32::MAX]) {
            assert!(!texts(status).0.is_empty() && !texts(status).1.is_empty());
            assert!(fbat_status_category(status) <= FBAT_CATEGORY_INTERNAL);
        }
        assert_eq!(fbat_status_category(FBAT_ERR_FORKED), FBAT_CATEGORY_CLOSED);
        assert_eq!(fbat_status_category(FBAT_ERR_WIRE_BODY), FBAT_CATEGORY_CORRUPT);
        assert_eq!(fbat_status_category(FBAT_ERR_PANIC), FBAT_CATEGORY_INTERNAL);
    }
}
