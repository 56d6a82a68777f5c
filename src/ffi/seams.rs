//! Test seams, declared in `tests/abi/internal.h`; never in what is shipped.

use super::append::{fbat_event, fbat_receipt, Batch};
use super::boundary::args::{self, OutStruct};
use super::boundary::error::fbat_error;
use super::boundary::guard::{self, Call};
use super::boundary::panic;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::import::{self, fbat_import_options, fbat_import_report, Seams};
use super::store::{self, fbat_open_options};
use crate::engine::log::options::Options;
use crate::engine::platform::clock::{Clock, Entropy};
use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;

/// Panics inside the guard, with the store in its hands.
#[no_mangle]
pub unsafe extern "C" fn fbat_internal_panic(
    store: *const fbat_store,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |call: &Call| {
        call.store(store)?;
        panic!("a test asked for it")
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Makes a handle that nobody will free.
#[no_mangle]
pub extern "C" fn fbat_internal_leak() {
    super::cancel::fbat_cancel_new();
}

/// A clock that goes on by the same step each time it is read.
struct FixedClock {
    now_us: AtomicI64,
    step_us: i64,
}

impl Clock for FixedClock {
    fn now_us(&self) -> i64 {
        self.now_us.fetch_add(self.step_us, Ordering::Relaxed)
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct FixedEntropy(AtomicU64);

impl Entropy for FixedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Opens a store whose clock begins at `now_us` and goes on by `step_us`, and whose randomness
/// follows from `seed`: equal seeds make equal store ids.
#[no_mangle]
pub unsafe extern "C" fn fbat_internal_store_open(
    path: *const c_char,
    options: *const fbat_open_options,
    now_us: i64,
    step_us: i64,
    seed: u64,
    out_store: *mut *mut fbat_store,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let clock = Arc::new(FixedClock { now_us: now_us.into(), step_us });
    let entropy = Arc::new(FixedEntropy(seed.into()));
    // SAFETY: the caller's promise, which is the same.
    unsafe {
        store_open_with(path, options, |given| Options { clock, entropy, ..given }, out_store, err)
    }
}

/// As fbat_store_open(), with options that `change` makes of those that were given: only Rust can
/// give a clock or a disk of its own.
///
/// # Safety
/// As fbat_store_open().
pub unsafe fn store_open_with(
    path: *const c_char,
    options: *const fbat_open_options,
    change: impl FnOnce(Options) -> Options,
    out_store: *mut *mut fbat_store,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promise, which is the same.
    unsafe { store::open_with(path, options, change, out_store, err) }
}

/// Appends an event whose provenance is these bytes, whatever they are.
#[no_mangle]
pub unsafe extern "C" fn fbat_internal_append_with_provenance(
    store: *const fbat_store,
    event: *const fbat_event,
    body: *const u8,
    body_len: usize,
    out_receipt: *mut fbat_receipt,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let call_body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_receipt, 1) }?;
        // SAFETY: the caller's promise.
        let batch = unsafe { Batch::read(event, 1) }?;
        // SAFETY: the caller's promise: `body_len` bytes.
        let provenance = unsafe { args::slice("body", body, body_len, args::ANY) }?;
        batch.with_events(|events| {
            let receipt =
                call.store(store)?.engine.append_with_provenance_body(&events[0], provenance)?;
            out.set(0, receipt.into());
            Ok(())
        })
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, call_body) }
}

type BeforeCommit = unsafe extern "C-unwind" fn(user_data: *mut c_void);

/// As fbat_import(). `skip_lookup` 1 leaves it to the append to find out which keys exist;
/// `before_commit` is called after a chunk's keys were looked up, before its append.
#[no_mangle]
pub unsafe extern "C" fn fbat_internal_import(
    destination: *const fbat_store,
    source: *const fbat_store,
    options: *const fbat_import_options,
    skip_lookup: u32,
    before_commit: Option<BeforeCommit>,
    user_data: *mut c_void,
    out_report: *mut fbat_import_report,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let mut hook = before_commit.map(|function| {
        // SAFETY: the test gave both for this.
        move || panic::outside(|| unsafe { function(user_data) })
    });
    let seams = Seams {
        skip_lookup: skip_lookup != 0,
        before_commit: hook.as_mut().map(|hook| hook as &mut dyn FnMut()),
    };
    // SAFETY: the caller's promise, which is the same.
    unsafe { import::import_with(destination, source, options, seams, out_report, err) }
}
