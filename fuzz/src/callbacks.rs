//! The callbacks that the calls of the ABI are given: they answer as the input says, call the
//! library themselves, and count how often what belongs to them is disposed of.

use crate::calls::{c, checked};
use fbat::ffi::boundary::status::{
    FBAT_ERR_BUSY, FBAT_ERR_CLOSED, FBAT_ERR_INVALID_HANDLE, FBAT_OK,
};
use fbat::ffi::boundary::store::fbat_store;
use fbat::ffi::boundary::types::{fbat_destroy_fn, fbat_str};
use fbat::ffi::cancel::{fbat_progress, fbat_progress_fn};
use fbat::ffi::import::{fbat_filter_fn, fbat_import_progress_fn, fbat_import_report};
use fbat::ffi::log::{fbat_log_fn, FBAT_LOG_ERROR, FBAT_LOG_INFO};
use fbat::ffi::page::{fbat_page_free, fbat_page_len, fbat_record};
use fbat::ffi::query::{fbat_cursor, fbat_cursor_next, fbat_store_query};
use fbat::ffi::store::{fbat_store_close, fbat_store_free};
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_void};
use std::hint::black_box;
use std::ptr::{null, null_mut};

/// What callbacks do during a call.
#[derive(Default)]
pub struct Calls {
    pub answers: Vec<u8>,
    /// Stores that may take part.
    pub stores: [usize; 2],
    /// A cursor, which may be the one that reads.
    pub cursor: usize,
    /// Whether it is an import, of these stores.
    pub importing: bool,
}

thread_local! {
    static CALLS: RefCell<Calls> = RefCell::default();
    /// How many times something to dispose of was handed over, and how many times it was disposed
    /// of.
    static GIVEN: Cell<u64> = const { Cell::new(0) };
    static DESTROYED: Cell<u64> = const { Cell::new(0) };
}

pub fn begin() {
    GIVEN.set(0);
    DESTROYED.set(0);
}

/// Runs a call with these answers.
pub fn during(calls: Calls, call: impl FnOnce()) {
    CALLS.replace(calls);
    call();
    CALLS.take();
}

/// Everything that was handed over has been disposed of, once.
pub fn settle() {
    assert_eq!(
        GIVEN.get(),
        DESTROYED.get(),
        "what belongs to callbacks is disposed of exactly once"
    );
}

/// A destroy function, or none; the call that it is handed to has to see to it.
pub fn destroy(choice: u8) -> fbat_destroy_fn {
    if choice.is_multiple_of(2) {
        return None;
    }
    GIVEN.set(GIVEN.get() + 1);
    Some(on_destroy)
}

pub fn filter(choice: u8) -> fbat_filter_fn {
    (choice % 8 < 6).then_some(on_filter as _)
}

pub fn progress(choice: u8) -> fbat_progress_fn {
    (choice % 8 < 6).then_some(on_progress as _)
}

pub fn import_progress(choice: u8) -> fbat_import_progress_fn {
    (choice % 8 < 6).then_some(on_import_progress as _)
}

pub fn log(choice: u8) -> fbat_log_fn {
    (choice % 8 < 6).then_some(on_log as _)
}

unsafe extern "C-unwind" fn on_destroy(_: *mut c_void) {
    DESTROYED.set(DESTROYED.get() + 1);
}

unsafe extern "C-unwind" fn on_filter(_: *mut c_void, record: *const fbat_record) -> i32 {
    read_record(record);
    answer(1)
}

unsafe extern "C-unwind" fn on_progress(_: *mut c_void, progress: *const fbat_progress) -> i32 {
    // SAFETY: the library gives it, and it lives until this returns.
    let progress = unsafe { progress.read() };
    assert_eq!(progress.struct_size, size_of::<fbat_progress>());
    assert!(progress.done <= progress.total, "{} of {}", progress.done, progress.total);
    answer(0)
}

unsafe extern "C-unwind" fn on_import_progress(
    _: *mut c_void,
    report: *const fbat_import_report,
) -> i32 {
    // SAFETY: the library gives a report that lives until this returns.
    let report = unsafe { report.read() };
    assert_eq!(report.struct_size, size_of::<fbat_import_report>());
    answer(0)
}

unsafe extern "C-unwind" fn on_log(
    _: *mut c_void,
    level: u32,
    message: *const c_char,
    length: usize,
) {
    assert!((FBAT_LOG_ERROR..=FBAT_LOG_INFO).contains(&level));
    read_text(fbat_str { data: message, len: length });
}

/// What the input says; `go_on` where it says no more.
fn answer(go_on: i32) -> i32 {
    let (next, stores, cursor, importing) = CALLS.with_borrow_mut(|calls| {
        (calls.answers.pop(), calls.stores, calls.cursor as *mut fbat_cursor, calls.importing)
    });
    let store = stores[usize::from(next.unwrap_or(0) >= 0x80)] as *mut fbat_store;
    match next.unwrap_or(0) % 16 {
        8 | 9 => return 1 - go_on,
        10 => return -7,
        11 => return i32::MAX,
        12 => {
            let status = checked(c!(fbat_store_close(store, null_mut())));
            let refused = [FBAT_ERR_BUSY, FBAT_ERR_INVALID_HANDLE, FBAT_ERR_CLOSED];
            assert!(
                !importing || refused.contains(&status),
                "a store is not closed by a callback of its import"
            );
        }
        13 => c!(fbat_store_free(store)),
        14 => {
            let mut page = null_mut();
            if checked(c!(fbat_store_query(store, null(), &mut page, null_mut()))) == FBAT_OK {
                black_box(c!(fbat_page_len(page)));
            }
            c!(fbat_page_free(page));
        }
        15 => {
            let mut page = null_mut();
            checked(c!(fbat_cursor_next(cursor, &mut page, null_mut())));
            c!(fbat_page_free(page));
        }
        _ => {}
    }
    go_on
}

/// Reads all that a record leads to.
pub fn read_record(record: *const fbat_record) {
    // SAFETY: the library gave it, and its page or callback lives.
    let record = unsafe { record.read() };
    assert_eq!(record.struct_size, size_of::<fbat_record>());
    [record.entity, record.scope, record.source_namespace].into_iter().for_each(read_text);
    read_bytes(record.payload, record.payload_len);
    read_bytes(record.raw_provenance, record.raw_provenance_len);
    for at in 0..record.extension_count {
        // SAFETY: as above; so many are there.
        let extension = unsafe { record.extensions.add(at).read() };
        read_text(extension.key);
        read_bytes(extension.value, extension.value_len);
    }
}

/// Reads text of the library, which has a NUL behind it.
pub fn read_text(text: fbat_str) {
    if text.data.is_null() {
        return assert_eq!(text.len, 0);
    }
    read_bytes(text.data.cast(), text.len + 1);
    // SAFETY: the library promises the NUL, and AddressSanitizer looks.
    assert_eq!(unsafe { text.data.add(text.len).read() }, 0);
}

/// Reads bytes of the library.
pub fn read_bytes(data: *const u8, length: usize) {
    if length > 0 {
        // SAFETY: the library gave both; AddressSanitizer looks.
        let bytes = unsafe { std::slice::from_raw_parts(data, length) };
        black_box(bytes.iter().fold(0u8, |sum, byte| sum ^ byte));
    }
}
