//! What every peer does around its engine: the key of an imported event, its provenance, the check
//! of a hash.

use crate::peer::{Event, EventView};

pub const NAMESPACE: &str = "bench-source";

pub fn view(event: &Event) -> EventView<'_> {
    EventView {
        id: event.id,
        entity: &event.entity,
        scope: event.scope,
        kind: event.kind,
        time_us: event.time_us,
    }
}

pub fn content_hash(payload: &[u8]) -> [u8; 32] {
    *blake3::hash(payload).as_bytes()
}

/// Panics when the payload is not the one that was stored.
pub fn verify(payload: &[u8], stored: &[u8]) {
    assert_eq!(content_hash(payload), stored, "content hash");
}

/// The idempotency key of an imported event: where it came from, as 16 bytes.
pub fn import_key(source_id: &[u8; 16]) -> [u8; 16] {
    let mut name = [0; NAMESPACE.len() + 16];
    name[..NAMESPACE.len()].copy_from_slice(NAMESPACE.as_bytes());
    name[NAMESPACE.len()..].copy_from_slice(source_id);
    content_hash(&name)[..16].try_into().unwrap()
}

/// The id of an imported event in its new store: ordered by time as its source's, made unique by
/// the key.
pub fn import_id(source_id: &[u8; 16], key: &[u8; 16]) -> [u8; 16] {
    let mut id = *key;
    id[..6].copy_from_slice(&source_id[..6]);
    id
}

/// Source id, source sequence, namespace.
pub fn provenance(source_id: &[u8; 16], source_sequence: u64) -> [u8; 24 + NAMESPACE.len()] {
    let mut bytes = [0; 24 + NAMESPACE.len()];
    bytes[..16].copy_from_slice(source_id);
    bytes[16..24].copy_from_slice(&source_sequence.to_le_bytes());
    bytes[24..].copy_from_slice(NAMESPACE.as_bytes());
    bytes
}

/// An event in a log that keeps no hashes.
pub fn log_record(event: &Event, into: &mut Vec<u8>) {
    Record {
        view: view(event),
        prev: &[0; 32],
        hash: &[0; 32],
        provenance: &[],
        payload: &event.payload,
    }
    .encode(into);
}

/// An event on its way into a table.
pub struct Record<'a> {
    pub view: EventView<'a>,
    pub prev: &'a [u8; 32],
    pub hash: &'a [u8; 32],
    pub provenance: &'a [u8],
    pub payload: &'a [u8],
}

const FIXED: usize = 16 + 8 + 2 + 32 + 32 + 3;

impl<'a> Record<'a> {
    pub fn encode(&self, into: &mut Vec<u8>) {
        let EventView { id, entity, scope, kind, time_us } = self.view;
        into.clear();
        into.extend_from_slice(&id);
        into.extend_from_slice(&time_us.to_le_bytes());
        into.extend_from_slice(&kind.to_le_bytes());
        into.extend_from_slice(self.prev);
        into.extend_from_slice(self.hash);
        for text in [entity.as_bytes(), scope.as_bytes(), self.provenance] {
            into.push(text.len().try_into().expect("a short text"));
        }
        for text in [entity.as_bytes(), scope.as_bytes(), self.provenance, self.payload] {
            into.extend_from_slice(text);
        }
    }

    pub fn decode(bytes: &'a [u8]) -> Self {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>().expect("a whole record");
        let (entity, rest) = rest.split_at(fixed[90].into());
        let (scope, rest) = rest.split_at(fixed[91].into());
        let (provenance, payload) = rest.split_at(fixed[92].into());
        let view = EventView {
            id: fixed[..16].try_into().unwrap(),
            time_us: i64::from_le_bytes(fixed[16..24].try_into().unwrap()),
            kind: u16::from_le_bytes(fixed[24..26].try_into().unwrap()),
            entity: std::str::from_utf8(entity).unwrap(),
            scope: std::str::from_utf8(scope).unwrap(),
        };
        Self {
            view,
            prev: fixed[26..58].try_into().unwrap(),
            hash: fixed[58..90].try_into().unwrap(),
            provenance,
            payload,
        }
    }
}
