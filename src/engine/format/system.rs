//! The library's own events: what they say, as MessagePack maps.

use super::frame::Frame;
use super::identity::{Change, Identity};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::key::operation_key;
use crate::engine::model::limits::FORMAT_VERSION;
use serde::{Deserialize, Serialize};

/// Payload of the genesis event.
#[derive(Serialize, Deserialize)]
struct Genesis {
    /// 32 hex digits.
    store_id: String,
    format_version: u32,
    created_us: i64,
    label: String,
}

/// Payload of a gap event: these sequences will never be used.
#[derive(Serialize, Deserialize)]
pub struct Gap {
    pub first_sequence: u64,
    pub last_sequence: u64,
}

/// Payload of an identity event: the store has another id from this sequence on.
#[derive(Serialize, Deserialize)]
struct NewIdentity {
    /// 32 hex digits.
    store_id: String,
    previous_store_id: String,
    first_sequence: u64,
}

/// Payload of a namespace event: in imports into this store, the namespace stands for that store.
#[derive(Serialize, Deserialize)]
struct Namespace {
    namespace: String,
    /// 32 hex digits.
    store_id: String,
    /// How events are identified: `source` or `origin`.
    mode: String,
}

/// Payload of a conflict event: under one name there are two contents. Ids are 32 hex digits.
#[derive(Serialize, Deserialize)]
struct Conflict {
    /// Origin of both.
    namespace: String,
    event_id: String,
    /// Which one was here, and which one was kept beside it.
    first_id: String,
    kept_id: String,
}

/// The ids of two events that have one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictIds {
    /// In the origin.
    pub event_id: Id,
    /// Here: of the one that was here, and of the one that was kept beside it.
    pub first: Id,
    pub kept: Id,
}

/// By what an import tells whether it has an event: the name of the source and the id there, or
/// those of the store where the event was first appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ImportIdentity {
    #[default]
    Source,
    Origin,
}

impl ImportIdentity {
    /// As events spell it.
    pub fn name(self) -> &'static str {
        match self {
            ImportIdentity::Source => "source",
            ImportIdentity::Origin => "origin",
        }
    }

    pub fn from_name(name: &str) -> Option<ImportIdentity> {
        [ImportIdentity::Source, ImportIdentity::Origin].into_iter().find(|i| i.name() == name)
    }
}

/// Unknown fields may nest so deep: what is read must not use up the stack.
const DEPTH_MAX: usize = 8;

pub fn decode<'de, T: Deserialize<'de>>(payload: &'de [u8]) -> Option<T> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(payload);
    reader.set_max_depth(DEPTH_MAX);
    T::deserialize(&mut reader).ok()
}

pub fn genesis_payload(store_id: Id, created_us: i64, label: &str) -> Vec<u8> {
    let genesis = Genesis {
        store_id: store_id.to_string(),
        format_version: FORMAT_VERSION,
        created_us,
        label: label.to_owned(),
    };
    rmp_serde::to_vec_named(&genesis).expect("a plain struct encodes")
}

/// The store id and the creation time of a genesis event.
pub fn genesis(payload: &[u8]) -> Option<(Id, i64)> {
    let genesis: Genesis = decode(payload)?;
    Some((Id::from_hex(genesis.store_id.as_bytes())?, genesis.created_us))
}

/// The label that a genesis event keeps.
pub fn genesis_label(payload: &[u8]) -> Option<String> {
    let genesis: Genesis = decode(payload)?;
    Some(genesis.label)
}

/// What a gap event declares.
pub fn gap(payload: &[u8]) -> Option<Gap> {
    decode(payload)
}

/// The sequence up to which everything before an event has to exist: its own, except for a gap
/// event.
pub fn goes_on_at(frame: &Frame<'_>) -> u64 {
    let declared = Some(frame.payload).filter(|_| frame.kind == Kind::GAP).and_then(gap);
    match declared {
        Some(gap) if gap.last_sequence.checked_add(1) == Some(frame.sequence) => {
            gap.first_sequence.min(frame.sequence)
        }
        _ => frame.sequence,
    }
}

pub fn gap_payload(first_sequence: u64, last_sequence: u64) -> Vec<u8> {
    rmp_serde::to_vec_named(&Gap { first_sequence, last_sequence }).expect("a plain struct encodes")
}

/// The id of the gap event after this log hash. A recovery may be cut short after the event was
/// seen, and before it was on disk. The next one makes the very same event again: its id comes from
/// the log and its time from the batch before.
pub fn gap_id(log_hash: &Hash, payload: &[u8]) -> Id {
    operation_key(b"fbat.gap", [&log_hash.0[..], payload].into_iter())
}

/// The store id that an identity event declares.
pub fn new_identity(payload: &[u8]) -> Option<Change> {
    let NewIdentity { store_id, first_sequence, .. } = decode(payload)?;
    Some(Change { store_id: Id::from_hex(store_id.as_bytes())?, first_sequence })
}

/// The payload of the event that names the store id of change number `at`.
pub fn identity_payload(identity: &Identity, at: usize) -> Vec<u8> {
    let Change { store_id, first_sequence } = identity.changes[at];
    let store_id = store_id.to_string();
    let previous_store_id = identity.store_id_before(at).to_string();
    rmp_serde::to_vec_named(&NewIdentity { store_id, previous_store_id, first_sequence })
        .expect("a plain struct encodes")
}

/// The id of the namespace event with this number; they are numbered from 0 for each namespace.
pub fn namespace_id(namespace: &str, number: u64) -> Id {
    let number = number.to_le_bytes();
    operation_key(b"fbat.namespace", [namespace.as_bytes(), &number[..]].into_iter())
}

pub fn namespace_payload(namespace: &str, store: Id, identity: ImportIdentity) -> Vec<u8> {
    let (namespace, store_id) = (namespace.to_owned(), store.to_string());
    let payload = Namespace { namespace, store_id, mode: identity.name().to_owned() };
    rmp_serde::to_vec_named(&payload).expect("a plain struct encodes")
}

/// The store that a namespace event names, and how its events are identified.
pub fn namespace_store(payload: &[u8]) -> Option<(Id, ImportIdentity)> {
    let Namespace { store_id, mode, .. } = decode(payload)?;
    Some((Id::from_hex(store_id.as_bytes())?, ImportIdentity::from_name(&mode)?))
}

/// The id of the conflict event with this number; they are numbered from 0 for each name.
pub fn conflict_id(namespace: &str, event_id: Id, number: u64) -> Id {
    let (event_id, number) = (event_id.to_string(), number.to_le_bytes());
    let parts = [namespace.as_bytes(), event_id.as_bytes(), &number[..]];
    operation_key(b"fbat.conflict.event", parts.into_iter())
}

pub fn conflict_payload(namespace: &str, ids: ConflictIds) -> Vec<u8> {
    let payload = Conflict {
        namespace: namespace.to_owned(),
        event_id: ids.event_id.to_string(),
        first_id: ids.first.to_string(),
        kept_id: ids.kept.to_string(),
    };
    rmp_serde::to_vec_named(&payload).expect("a plain struct encodes")
}

/// The namespace and the ids that a conflict event names.
pub fn conflict(payload: &[u8]) -> Option<(String, ConflictIds)> {
    let Conflict { namespace, event_id, first_id, kept_id } = decode(payload)?;
    let ids = ConflictIds {
        event_id: Id::from_hex(event_id.as_bytes())?,
        first: Id::from_hex(first_id.as_bytes())?,
        kept: Id::from_hex(kept_id.as_bytes())?,
    };
    Some((namespace, ids))
}
