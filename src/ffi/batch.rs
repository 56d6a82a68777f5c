//! Batches
//!
//! Events put together one by one, with memory of their own: for a program whose text and payloads
//! do not stay until the append.
//!
//! @code{.c}
//! fbat_batch *batch = fbat_batch_new();
//! while (fgets(line, sizeof line, input)) {
//!     fbat_event event = FBAT_EVENT_INIT;
//!     event.entity = FBAT_STR("meter:7");
//!     event.scope = FBAT_STR("plant");
//!     event.kind = 0x1001;
//!     event.payload = line;
//!     event.payload_len = strlen(line);
//!     if (fbat_batch_add(batch, &event, &err)) break;
//! }
//! status = fbat_batch_append(batch, store, NULL, &err);
//! fbat_batch_free(batch);
//! @endcode

use super::append::{append, fbat_event, fbat_receipt, Batch};
use super::boundary::args;
use super::boundary::error::fbat_error;
use super::boundary::guard::{self, Call};
use super::boundary::handle;
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::{fbat_extension, fbat_str};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::limits;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Events that own what they point to.
/// @par Threads
/// One at a time.
/// @since 0.2
pub struct fbat_batch {
    _opaque: [u8; 0],
}

/// Copies that stay where they are until they are cleared, in blocks that are used again.
struct Blocks<T> {
    blocks: Vec<Vec<T>>,
    /// The block that is being filled.
    at: usize,
}

/// The first block has so many items, each later one twice as many as the one before.
const FIRST_BLOCK: usize = 1024;

impl<T: Copy> Blocks<T> {
    const fn new() -> Blocks<T> {
        Blocks { blocks: Vec::new(), at: 0 }
    }

    fn keep(&mut self, items: &[T]) -> *const T {
        if items.is_empty() {
            return null();
        }
        let has_room = |block: &Vec<T>| block.capacity() - block.len() >= items.len();
        while self.blocks.get(self.at).is_some_and(|block| !has_room(block)) {
            self.at += 1;
        }
        if self.at == self.blocks.len() {
            let twice = self.blocks.last().map_or(FIRST_BLOCK, |last| last.capacity() * 2);
            self.blocks.push(Vec::with_capacity(twice.max(items.len())));
        }
        // There is room, so what is kept already does not move.
        let block = &mut self.blocks[self.at];
        let from = block.len();
        block.extend_from_slice(items);
        block[from..].as_ptr()
    }

    fn clear(&mut self) {
        self.blocks.iter_mut().for_each(Vec::clear);
        self.at = 0;
    }
}

struct Owned {
    events: Vec<fbat_event>,
    bytes: Blocks<u8>,
    extensions: Blocks<fbat_extension>,
}

// SAFETY: the pointers lead into blocks of the same value, or nowhere.
unsafe impl Send for Owned {}

impl Owned {
    fn text(&mut self, text: &str) -> fbat_str {
        fbat_str { data: self.bytes.keep(text.as_bytes()).cast(), len: text.len() }
    }

    fn clear(&mut self) {
        self.events.clear();
        self.bytes.clear();
        self.extensions.clear();
    }

    fn add(&mut self, given: fbat_event, read: &Batch<'_>) {
        read.with_events(|events| {
            let event = &events[0];
            let own = |(key, value): &(&str, &[u8])| fbat_extension {
                key: self.text(key),
                value: self.bytes.keep(value),
                value_len: value.len(),
            };
            let extensions: Vec<fbat_extension> = event.extensions.iter().map(own).collect();
            let copy = fbat_event {
                entity: self.text(event.entity),
                scope: self.text(event.scope),
                payload: self.bytes.keep(event.payload).cast(),
                extensions: self.extensions.keep(&extensions),
                ..given
            };
            self.events.push(copy);
        });
    }
}

/// What a handle to a batch leads to.
struct BatchObject(Mutex<Owned>);

impl handle::Object for BatchObject {
    type Raw = fbat_batch;
    const TAG: u8 = 12;
    const NAME: &'static str = "batch";
}

impl BatchObject {
    fn owned(&self) -> MutexGuard<'_, Owned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a batch without events.
/// @return the batch, which fbat_batch_free() frees; NULL where 16 million objects are live.
/// @par Threads
/// Any.
/// @since 0.2
#[no_mangle]
pub extern "C" fn fbat_batch_new() -> *mut fbat_batch {
    guard::value(null_mut(), || {
        let owned = Owned { events: Vec::new(), bytes: Blocks::new(), extensions: Blocks::new() };
        handle::insert(BatchObject(Mutex::new(owned))).unwrap_or(null_mut())
    })
}

/// Adds a copy of an event, and of all that it points to.
///
/// What needs a store is checked by the append: entity, scope, kind, the store's own limits.
/// @param batch the batch.
/// @param event the event.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK it is the last event of the batch.
/// @retval FBAT_ERR_INVALID_ARGUMENT the event is NULL, has a bad `struct_size`, an unknown bit or
/// enum value, or both causes.
/// @retval FBAT_ERR_INVALID_HANDLE `batch` is not live.
/// @retval FBAT_ERR_INVALID_UTF8 entity, scope or an extension key is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
/// @retval FBAT_ERR_LIMIT_EXCEEDED payload or extensions are too large, or the batch has 65,536
/// events.
/// @par Threads
/// One at a time.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_batch_add(
    batch: *mut fbat_batch,
    event: *const fbat_event,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |_: &Call| {
        let object = handle::get::<BatchObject>(batch)?;
        // SAFETY: the caller's promise.
        let (given, read) = unsafe { (args::structure("event", event)?, Batch::read(event, 1)?) };
        let mut owned = object.owned();
        check_room(owned.events.len())?;
        owned.add(given, &read);
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

fn check_room(count: usize) -> Result<()> {
    let max = limits::BATCH_EVENTS_MAX;
    if count < max {
        return Ok(());
    }
    let error = Error::new(Code::LimitExceeded, format!("the batch has {max} events, the most"));
    Err(error.with_numbers(count as u64 + 1, max as u64))
}

/// How many events a batch has.
/// @param batch the batch.
/// @return their number; 0 where `batch` is not live.
/// @par Threads
/// One at a time.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_batch_len(batch: *const fbat_batch) -> usize {
    guard::value(0, || {
        handle::lookup::<BatchObject>(batch).map_or(0, |batch| batch.owned().events.len())
    })
}

/// Appends all events of a batch, or none of them: fbat_append_batch(). The batch is empty after
/// it, and keeps its memory for the next ones; where the append fails it stays as it is.
/// @param batch the batch; one without events does nothing.
/// @param store the store.
/// @param out_receipts an array of fbat_batch_len() receipts, each begun with #FBAT_RECEIPT_INIT:
/// the answers, in the same order; may be NULL.
/// @param err detail on failure; may be NULL. Its `item` is the event at fault, counted from 0.
/// @retval FBAT_OK all events are in the store, now or since an earlier call with their keys.
/// @retval FBAT_ERR_INVALID_HANDLE `batch` or `store` is not live.
/// @return or what fbat_append_batch() returns for the same events.
/// @par Threads
/// One at a time for a batch; any for a store.
/// @since 0.2
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_batch_append(
    batch: *mut fbat_batch,
    store: *const fbat_store,
    out_receipts: *mut fbat_receipt,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |call: &Call| {
        let object = handle::get::<BatchObject>(batch)?;
        let mut owned = object.owned();
        // SAFETY: the caller's promise for the receipts; the events are the batch's own.
        unsafe { append(call, store, owned.events.as_ptr(), owned.events.len(), out_receipts) }?;
        owned.clear();
        Ok(())
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Removes all events of a batch, and keeps its memory for the next ones.
/// @param batch the batch.
/// @par Threads
/// One at a time.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_batch_clear(batch: *mut fbat_batch) {
    guard::value((), || {
        if let Some(batch) = handle::lookup::<BatchObject>(batch) {
            batch.owned().clear();
        }
    })
}

/// Frees a batch.
/// @param batch the batch; NULL is allowed.
/// @par Threads
/// Any; the batch must not be used by others.
/// @since 0.2
#[no_mangle]
pub unsafe extern "C" fn fbat_batch_free(batch: *mut fbat_batch) {
    guard::free::<BatchObject>(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_where_it_is_and_as_it_is() {
        let mut blocks = Blocks::new();
        for _ in 0..3 {
            let kept: Vec<(*const u8, Vec<u8>)> = (0..200)
                .map(|n| {
                    let bytes = vec![n as u8; n * 37 % 5000];
                    (blocks.keep(&bytes), bytes)
                })
                .collect();
            for (pointer, bytes) in kept.iter().filter(|(_, bytes)| !bytes.is_empty()) {
                // SAFETY: so many bytes were kept there, and nothing was cleared since.
                assert_eq!(unsafe { std::slice::from_raw_parts(*pointer, bytes.len()) }, bytes);
            }
            blocks.clear();
        }
        assert!(blocks.blocks.len() < 16, "blocks are used again");
    }
}
