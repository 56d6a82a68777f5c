//! Test seams, declared in `tests/abi/internal.h`; never in what is shipped.

use super::append::{fbat_event, fbat_receipt, Batch};
use super::error::fbat_error;
use super::guard::{self, Call};
use super::handle;
use super::import::{fbat_import_options, ImportOptionsObject};
use super::raw::{self, Out, OutStruct};
use super::status::fbat_status;
use super::store::{fbat_open_options, fbat_store, OpenOptionsObject, StoreObject};
use crate::engine::import::ImportSeams;
use crate::engine::log::options::Options;
use crate::engine::model::error::Error;
use crate::engine::platform::clock::{Clock, Entropy};
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
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
    super::import::fbat_cancel_new();
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
    // SAFETY: the caller's promise: null or writable.
    let out = unsafe { Out::new(out_store, null_mut()) };
    let body = |_: &Call| {
        out.check("out_store")?;
        // SAFETY: the caller's promise: NUL-terminated.
        let path = unsafe { raw::path(path) }?;
        let given = match options.is_null() {
            true => Options::default(),
            false => handle::get::<OpenOptionsObject>(options)?.to_engine(),
        };
        out.set(handle::insert(StoreObject::open(path, &change(given))?)?);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
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
        let provenance = unsafe { raw::slice("body", body, body_len, raw::ANY) }?;
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

/// The seams of import options.
#[derive(Clone, Default)]
pub(crate) struct Seams {
    skip_lookup: bool,
    before_commit: Option<(BeforeCommit, usize)>,
}

impl Seams {
    pub(crate) fn before_commit(&self) -> Option<impl FnMut()> {
        let (function, user_data) = self.before_commit?;
        // SAFETY: the test gave both for this.
        Some(move || guard::outside(|| unsafe { function(user_data as *mut c_void) }))
    }

    pub(crate) fn to_engine<'a>(
        &self,
        before_commit: Option<&'a mut impl FnMut()>,
    ) -> ImportSeams<'a> {
        let before_commit = before_commit.map(|f| f as &mut dyn FnMut());
        ImportSeams { skip_lookup: self.skip_lookup, before_commit }
    }
}

/// Sets the seams of import options: `skip_lookup` leaves it to the append to find out which keys
/// are there; `before_commit` is called after a chunk's keys were looked up, before its append.
#[no_mangle]
pub unsafe extern "C" fn fbat_internal_import_options_set_seams(
    options: *mut fbat_import_options,
    skip_lookup: u32,
    before_commit: Option<BeforeCommit>,
    user_data: *mut c_void,
) -> fbat_status {
    let body = |_: &Call| {
        if skip_lookup > 1 {
            return Err(Error::invalid("skip_lookup is 0 or 1"));
        }
        let before_commit = before_commit.map(|function| (function, user_data as usize));
        handle::get::<ImportOptionsObject>(options)?.lock().seams =
            Seams { skip_lookup: skip_lookup == 1, before_commit };
        Ok(())
    };
    // SAFETY: no place for an error is given.
    unsafe { guard::status(null_mut(), body) }
}
