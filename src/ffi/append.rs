//! Appending
//!
//! One event, or an atomic batch: written whole, with a receipt for each, and durable when the call
//! returns.

use super::boundary::answer::members_of;
use super::boundary::args::{self, OutStruct};
use super::boundary::error::fbat_error;
use super::boundary::guard::{self, Call};
use super::boundary::status::fbat_status;
use super::boundary::store::fbat_store;
use super::boundary::types::{fbat_extension, fbat_hash, fbat_id, fbat_str};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::{Cause, Expect, NewEvent, Receipt};
use crate::engine::model::id::{Id, Kind};
use std::ffi::c_void;
use std::ops::Range;

/// Nothing is expected of the entity.
/// @since 0.1
pub const FBAT_EXPECT_ANY: u32 = 0u32;
/// The entity has no events.
/// @since 0.1
pub const FBAT_EXPECT_ABSENT: u32 = 1u32;
/// The entity has at least one event.
/// @since 0.1
pub const FBAT_EXPECT_PRESENT: u32 = 2u32;
/// The entity has exactly `expected_version` events.
/// @since 0.1
pub const FBAT_EXPECT_VERSION: u32 = 3u32;

/// `timestamp_us` is given; else the event's time is the clock's when it is appended.
/// @since 0.1
pub const FBAT_EVENT_HAS_TIMESTAMP: u32 = 1u32;

/// An event to append. All zero except `struct_size`, entity, scope and kind is an event with an
/// empty payload. Everything that it points to is copied before the call returns.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_event {
    /// `sizeof(fbat_event)`.
    pub struct_size: usize,
    /// What the event is about. UTF-8, 1 to 1024 bytes, no control bytes, `/`, `..`, `|` or `=`:
    /// these divide paths, queries and fields where entities are written down, and the contract of
    /// imports refuses them everywhere. fbat_entity_encode() makes an entity of any text. `e:x` is
    /// below `e`.
    pub entity: fbat_str,
    /// Whose event it is, as the caller divides them: a tenant, a service. Same rules as `entity`.
    pub scope: fbat_str,
    /// What sort of event: category in the top 4 bits (not 0x0 nor 0xD), type in the low 12. See
    /// fbat_kind().
    pub kind: u16,
    /// Which version of its payload's schema: the caller's own, kept as it is.
    pub payload_version: u16,
    /// Bits: `FBAT_EVENT_...`. Unknown ones are an error.
    pub event_flags: u32,
    /// Any bytes; at most 32 MiB. May be NULL when `payload_len` is 0.
    pub payload: *const c_void,
    /// In bytes.
    pub payload_len: usize,
    /// Idempotency key, which becomes the event's id. All zero: a new id (UUID version 7) is made.
    ///
    /// A key that the store has already is answered as the first time where the content is the
    /// same: entity, scope, kind and payload. All else of the repeated event (times, extensions,
    /// flags, `payload_version`, causes) is ignored, and what it expects is not checked. With other
    /// content it is #FBAT_ERR_IDEMPOTENCY_CONFLICT. Twice in a batch, it is one event.
    pub key: fbat_id,
    /// What is expected of the entity before this event: an `FBAT_EXPECT_...`. Earlier items of the
    /// batch count.
    pub expect: u32,
    /// The caller's own, every bit; kept as they are.
    pub flags: u32,
    /// With #FBAT_EXPECT_VERSION: how many events the entity has; else 0.
    pub expected_version: u64,
    /// With #FBAT_EVENT_HAS_TIMESTAMP: microseconds since 1970-01-01T00:00:00Z; else 0.
    pub timestamp_us: i64,
    /// What the event belongs to, across entities; all zero for nothing.
    pub correlation: fbat_id,
    /// The event that caused this one, by its id, which is not looked up; all zero for none.
    pub causation: fbat_id,
    /// The item of the same batch that caused this one, counted from 1; 0 for none. Not together
    /// with `causation`.
    pub causation_item: usize,
    /// At most 64, together at most 64 KiB. May be NULL when `extension_count` is 0.
    pub extensions: *const fbat_extension,
    /// How many there are.
    pub extension_count: usize,
}

/// The key was there already, with the same content: this is the answer of the first append.
/// @since 0.1
pub const FBAT_RECEIPT_REPLAYED: u32 = 1u32;
/// The event is known to be on the disk.
/// @since 0.1
pub const FBAT_RECEIPT_DURABLE: u32 = 2u32;
/// The event came from another store.
/// @since 0.1
pub const FBAT_RECEIPT_IMPORTED: u32 = 4u32;

/// What an append answers for each event. Owns nothing.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fbat_receipt {
    /// `sizeof(fbat_receipt)`.
    pub struct_size: usize,
    /// The event's id.
    pub id: fbat_id,
    /// Its place in the store: counted from 1, in the order of commits, never used again.
    pub sequence: u64,
    /// How many events the entity has with this one: 1 for its first.
    pub version: u64,
    /// The event's time: microseconds since 1970.
    pub timestamp_us: i64,
    /// When the store wrote it: microseconds since 1970. Never goes back.
    pub recorded_us: i64,
    /// BLAKE3 of the payload.
    pub content_hash: fbat_hash,
    /// Hash over the event and the entity's history before it.
    pub event_hash: fbat_hash,
    /// The `event_hash` of the entity's event before this one; of the store's first event for the
    /// first; all zero where it was lost before a repair.
    pub previous_hash: fbat_hash,
    /// Bits: `FBAT_RECEIPT_...`.
    pub flags: u32,
    /// Not used; 0.
    pub reserved: u32,
}

args::sized!(fbat_event: 160, fbat_receipt: 160);

/// Appends one event: fbat_append_batch() with a count of 1.
///
/// After #FBAT_ERR_IO and #FBAT_ERR_POISONED the event is in doubt: it may be in the store when
/// that is opened again, and durable. An event with a `key` is safe to repeat then: there is one,
/// and the receipt says whether it was there. `examples/c/retry.c` shows it. After every other
/// error nothing was written.
/// @param store the store.
/// @param event the event.
/// @param out_receipt the answer; may be NULL.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK the event is in the store, now or since an earlier call with its key.
/// @retval FBAT_ERR_INVALID_ARGUMENT the event is NULL, has a bad `struct_size`, an unknown bit or
/// enum value, both causes, or a malformed extension key.
/// @retval FBAT_ERR_INVALID_UTF8 entity, scope or an extension key is not UTF-8.
/// @retval FBAT_ERR_INVALID_COORDINATE entity or scope is not allowed.
/// @retval FBAT_ERR_RESERVED_KIND the kind is the library's own.
/// @retval FBAT_ERR_RESERVED_EXTENSION an extension key is the library's own.
/// @retval FBAT_ERR_LIMIT_EXCEEDED payload or extensions are too large.
/// @retval FBAT_ERR_IDEMPOTENCY_CONFLICT the key was used for an event with other content.
/// @retval FBAT_ERR_VERSION_CONFLICT the entity is not as expected.
/// @retval FBAT_ERR_READ_ONLY the store is open for reading.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_POISONED an earlier failure ended writing, or one that this append shared: it
/// is in doubt as after #FBAT_ERR_IO.
/// @retval FBAT_ERR_CORRUPT a file is damaged where the key had to be compared.
/// @retval FBAT_ERR_IO the operating system failed; what was appended is in doubt.
/// @retval FBAT_ERR_NO_SPACE no space is left, or files may not get longer; nothing was written,
/// and the store goes on when there is room.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_append(
    store: *const fbat_store,
    event: *const fbat_event,
    out_receipt: *mut fbat_receipt,
    err: *mut *mut fbat_error,
) -> fbat_status {
    let body = |call: &Call| {
        // SAFETY: the caller's promise: null or a struct with its size.
        let out = unsafe { OutStruct::new(out_receipt, 1) }?;
        let store = call.store(store)?;
        // SAFETY: the caller's promise.
        let batch = unsafe { Batch::read(event, 1) }?;
        batch.with_events(|events| {
            let receipt = store.engine.append(&events[0])?;
            out.set(0, receipt.into());
            Ok(())
        })
    };
    // SAFETY: the caller's promise: null or writable.
    unsafe { guard::status(err, body) }
}

/// Appends all of an array of events, or none of them.
///
/// After #FBAT_ERR_IO and #FBAT_ERR_POISONED the batch is in doubt: all or none of it may be in the
/// store when that is opened again. Events with a `key` are safe to repeat then, as with
/// fbat_append(). After every other error nothing was written.
///
/// Everything is checked before any work. The error's `item` is the event at fault.
/// @param store the store.
/// @param events the events, at a distance of the first one's `struct_size`, which all must have;
/// may be NULL when `count` is 0.
/// @param count how many: at most 65,536; 0 does nothing.
/// @param out_receipts an array of `count`, each begun with #FBAT_RECEIPT_INIT: the answers, in the
/// same order; may be NULL.
/// @param err detail on failure; may be NULL.
/// @retval FBAT_OK all events are in the store, now or since an earlier call with their keys.
/// @retval FBAT_ERR_INVALID_ARGUMENT an array is NULL, a `struct_size` is bad, or as for
/// fbat_append().
/// @retval FBAT_ERR_INVALID_UTF8 as for fbat_append().
/// @retval FBAT_ERR_INVALID_COORDINATE as for fbat_append().
/// @retval FBAT_ERR_RESERVED_KIND as for fbat_append().
/// @retval FBAT_ERR_RESERVED_EXTENSION as for fbat_append().
/// @retval FBAT_ERR_LIMIT_EXCEEDED an event or the batch is too large.
/// @retval FBAT_ERR_IDEMPOTENCY_CONFLICT a key was used for an event with other content.
/// @retval FBAT_ERR_VERSION_CONFLICT an entity is not as expected.
/// @retval FBAT_ERR_READ_ONLY the store is open for reading.
/// @retval FBAT_ERR_CLOSED the store is closed.
/// @retval FBAT_ERR_POISONED an earlier failure ended writing, or one that this append shared: it
/// is in doubt as after #FBAT_ERR_IO.
/// @retval FBAT_ERR_CORRUPT a file is damaged where a key had to be compared.
/// @retval FBAT_ERR_IO the operating system failed; what was appended is in doubt.
/// @retval FBAT_ERR_NO_SPACE no space is left, or files may not get longer; nothing was written,
/// and the store goes on when there is room.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn fbat_append_batch(
    store: *const fbat_store,
    events: *const fbat_event,
    count: usize,
    out_receipts: *mut fbat_receipt,
    err: *mut *mut fbat_error,
) -> fbat_status {
    // SAFETY: the caller's promises.
    unsafe { guard::status(err, |call| append(call, store, events, count, out_receipts)) }
}

/// Appends an array of events.
///
/// # Safety
/// As fbat_append_batch().
pub(crate) unsafe fn append(
    call: &Call,
    store: *const fbat_store,
    events: *const fbat_event,
    count: usize,
    out_receipts: *mut fbat_receipt,
) -> Result<()> {
    // Before any element is looked at: a count out of nowhere must not lead out of the arrays.
    args::check_len("events", events, count, args::BATCH)?;
    // SAFETY: the caller's promise: null or `count` structs with their size.
    let out = unsafe { OutStruct::new(out_receipts, count) }?;
    let store = call.store(store)?;
    // SAFETY: the caller's promise.
    let batch = unsafe { Batch::read(events, count) }?;
    batch.with_events(|events| {
        let receipts = store.engine.append_batch(events)?;
        receipts.into_iter().enumerate().for_each(|(at, receipt)| out.set(at, receipt.into()));
        Ok(())
    })
}

/// Events of a caller, translated except their extensions, which borrow from one list.
pub(crate) struct Batch<'a> {
    events: Vec<NewEvent<'a>>,
    extensions: Vec<(&'a str, &'a [u8])>,
    /// For each event, where its extensions are in the list.
    ranges: Vec<Range<usize>>,
}

impl<'a> Batch<'a> {
    /// Reads `count` events; the size of each is checked before anything else.
    ///
    /// # Safety An `events` that is not null leads to `count` events, and what they point to stays
    /// as it is during `'a`.
    pub(crate) unsafe fn read(events: *const fbat_event, count: usize) -> Result<Batch<'a>> {
        let name = if count == 1 { "event" } else { "events" };
        // SAFETY: the caller's promise.
        let given = unsafe { args::structures(name, events, count) }?;
        let mut batch = Batch {
            events: Vec::with_capacity(count),
            extensions: Vec::new(),
            ranges: Vec::with_capacity(count),
        };
        for (at, event) in given.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { batch.push(event) }.map_err(|e| args::item_of(e, at, count))?;
        }
        Ok(batch)
    }

    /// Translates one event.
    ///
    /// # Safety
    /// What `event` points to stays as it is during `'a`.
    unsafe fn push(&mut self, event: &fbat_event) -> Result<()> {
        args::check_bits("event_flags", event.event_flags, FBAT_EVENT_HAS_TIMESTAMP)?;
        let first = self.extensions.len();
        // SAFETY: the caller's promise.
        let (entity, scope, payload) = unsafe {
            args::extensions(event.extensions, event.extension_count, &mut self.extensions)?;
            (
                args::text_of("entity", event.entity, args::COORDINATE)?,
                args::text_of("scope", event.scope, args::COORDINATE)?,
                args::slice(
                    "payload",
                    event.payload.cast::<u8>(),
                    event.payload_len,
                    args::PAYLOAD,
                )?,
            )
        };
        self.ranges.push(first..self.extensions.len());
        self.events.push(NewEvent {
            entity,
            scope,
            kind: Kind(event.kind),
            payload,
            key: event.key.into(),
            expect: expect(event)?,
            timestamp_us: timestamp(event)?,
            flags: event.flags,
            payload_version: event.payload_version,
            correlation: event.correlation.into(),
            cause: cause(event)?,
            extensions: &[],
        });
        Ok(())
    }

    /// Lends the events, with their extensions in place.
    pub(crate) fn with_events<T>(&self, use_events: impl FnOnce(&[NewEvent<'_>]) -> T) -> T {
        if self.extensions.is_empty() {
            return use_events(&self.events);
        }
        let complete = |(event, range): (&NewEvent<'a>, &Range<usize>)| NewEvent {
            extensions: &self.extensions[range.clone()],
            ..*event
        };
        let events: Vec<NewEvent<'_>> =
            self.events.iter().zip(&self.ranges).map(complete).collect();
        use_events(&events)
    }
}

fn expect(event: &fbat_event) -> Result<Expect> {
    let version = event.expected_version;
    let choices = [Expect::Any, Expect::Absent, Expect::Present, Expect::Version(version)];
    let expect = args::choice("expect", event.expect, &choices)?;
    if version != 0 && event.expect != FBAT_EXPECT_VERSION {
        return Err(Error::invalid(format!(
            "expected_version is {version} without FBAT_EXPECT_VERSION"
        )));
    }
    Ok(expect)
}

fn timestamp(event: &fbat_event) -> Result<Option<i64>> {
    let given = event.event_flags & FBAT_EVENT_HAS_TIMESTAMP != 0;
    if !given && event.timestamp_us != 0 {
        let time = event.timestamp_us;
        return Err(Error::invalid(format!(
            "timestamp_us is {time} without FBAT_EVENT_HAS_TIMESTAMP"
        )));
    }
    Ok(given.then_some(event.timestamp_us))
}

fn cause(event: &fbat_event) -> Result<Cause> {
    match (Id::from(event.causation), event.causation_item) {
        (Id::NONE, 0) => Ok(Cause::None),
        (id, 0) => Ok(Cause::Event(id)),
        (Id::NONE, item) => Ok(Cause::Item(item - 1)),
        _ => Err(Error::invalid("causation and causation_item are both given")),
    }
}

impl From<Receipt> for fbat_receipt {
    fn from(receipt: Receipt) -> fbat_receipt {
        let flags = args::flag(receipt.replayed, FBAT_RECEIPT_REPLAYED)
            | args::flag(receipt.durable, FBAT_RECEIPT_DURABLE)
            | args::flag(receipt.imported, FBAT_RECEIPT_IMPORTED);
        members_of!(receipt => fbat_receipt {
            id, sequence, version, timestamp_us, recorded_us, content_hash, event_hash,
            previous_hash
        }, flags: flags)
    }
}
