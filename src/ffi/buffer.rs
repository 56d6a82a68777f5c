//! Buffers
//!
//! Bytes that a call made, of a length that only it knows.

use super::boundary::{guard, handle};

/// Bytes or text that a call made. Owned by the caller, who frees it with fbat_buffer_free().
/// @par Threads
/// Immutable: any number may read it at once.
/// @since 0.1
pub struct fbat_buffer {
    _opaque: [u8; 0],
}

/// The bytes, and one NUL after them.
pub(crate) struct BufferObject(Vec<u8>);

impl handle::Object for BufferObject {
    type Raw = fbat_buffer;
    const TAG: u8 = 2;
    const NAME: &'static str = "buffer";
}

impl BufferObject {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> BufferObject {
        let mut bytes = bytes.into();
        bytes.push(0);
        BufferObject(bytes)
    }
}

fn with<T>(buffer: *const fbat_buffer, none: T, get: impl FnOnce(&BufferObject) -> T) -> T {
    guard::value(None, || handle::lookup::<BufferObject>(buffer).map(|object| get(&object)))
        .unwrap_or(none)
}

/// The bytes. One NUL follows them, which fbat_buffer_len() does not count.
/// @param buffer the buffer.
/// @return the first byte, which lives as long as the buffer; NULL where `buffer` is no live
/// buffer.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_buffer_data(buffer: *const fbat_buffer) -> *const u8 {
    with(buffer, std::ptr::null(), |b| b.0.as_ptr())
}

/// How many bytes there are.
/// @param buffer the buffer.
/// @return the number; 0 where `buffer` is no live buffer.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_buffer_len(buffer: *const fbat_buffer) -> usize {
    with(buffer, 0, |b| b.0.len() - 1)
}

/// Frees a buffer.
/// @param buffer the buffer; NULL is allowed.
/// @par Threads
/// Any; the buffer must not be used by others.
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn fbat_buffer_free(buffer: *mut fbat_buffer) {
    guard::free::<BufferObject>(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_lends_its_bytes_and_a_nul_until_it_is_freed() {
        let buffer = handle::insert(BufferObject::new(*b"bytes")).unwrap();
        // SAFETY: a live buffer, which lends one byte more than its length; then a dead one.
        unsafe {
            let lent =
                std::slice::from_raw_parts(fbat_buffer_data(buffer), fbat_buffer_len(buffer) + 1);
            assert_eq!(lent, b"bytes\0");
            fbat_buffer_free(buffer);
            assert!(fbat_buffer_data(buffer).is_null() && fbat_buffer_len(buffer) == 0);
            fbat_buffer_free(buffer);
        }
    }
}
