//! The hashes that make history tamper-evident. All are BLAKE3; `docs/format.md` has the encodings,
//! which do not depend on the layout of files.

use super::frame::{Frame, FrameSource, StringRef};
use crate::engine::model::event::{Event, Extensions, Source};
use crate::engine::model::id::{Hash, Id, Kind};

const EVENT_DOMAIN: &[u8; 16] = b"fbat event v1\0\0\0";
const LOSS_DOMAIN: &[u8; 16] = b"fbat loss v1\0\0\0\0";
const LOG_DOMAIN: &[u8; 16] = b"fbat log v1\0\0\0\0\0";

/// Everything that the hash of an event covers.
pub struct EventFields<'a> {
    pub previous_hash: Hash,
    pub id: Id,
    pub sequence: u64,
    pub entity: &'a str,
    pub scope: &'a str,
    pub kind: Kind,
    pub version: u64,
    pub timestamp_us: i64,
    pub recorded_us: i64,
    pub flags: u32,
    pub payload_version: u16,
    pub correlation: Id,
    pub causation: Id,
    pub extensions: Extensions<'a>,
    pub source: Source<'a>,
    pub content_hash: Hash,
}

impl<'a> EventFields<'a> {
    pub fn of_event(event: &Event<'a>, previous_hash: Hash) -> EventFields<'a> {
        EventFields {
            previous_hash,
            id: event.id,
            sequence: event.sequence,
            entity: event.entity,
            scope: event.scope,
            kind: event.kind,
            version: event.version,
            timestamp_us: event.timestamp_us,
            recorded_us: event.recorded_us,
            flags: event.flags,
            payload_version: event.payload_version,
            correlation: event.correlation,
            causation: event.causation,
            extensions: event.extensions,
            source: event.source,
            content_hash: event.content_hash,
        }
    }

    /// The frame of this event, whose strings are these.
    pub fn frame<'f>(
        &self,
        event_hash: Hash,
        entity: StringRef<'f>,
        scope: StringRef<'f>,
        source: FrameSource<'f>,
        payload: &'f [u8],
    ) -> Frame<'f>
    where
        'a: 'f,
    {
        Frame {
            kind: self.kind,
            id: self.id,
            content_hash: self.content_hash,
            event_hash,
            sequence: self.sequence,
            recorded_us: self.recorded_us,
            version: self.version,
            entity,
            scope,
            timestamp_us: self.timestamp_us,
            flags: self.flags,
            payload_version: self.payload_version,
            correlation: self.correlation,
            causation: self.causation,
            extensions: self.extensions.0,
            source,
            payload,
        }
    }
}

/// BLAKE3 of a payload.
pub fn content_hash(payload: &[u8]) -> Hash {
    Hash(*blake3::hash(payload).as_bytes())
}

/// The hash of an event: a domain, then every field in this order, integers little-endian, ids
/// big-endian, strings with a u32 length before them. `scratch` is overwritten.
pub fn event_hash(fields: &EventFields<'_>, scratch: &mut Vec<u8>) -> Hash {
    let out = scratch;
    out.clear();
    out.extend_from_slice(EVENT_DOMAIN);
    out.extend_from_slice(&fields.previous_hash.0);
    out.extend_from_slice(&fields.content_hash.0);
    out.extend_from_slice(&fields.id.to_bytes());
    out.extend_from_slice(&fields.sequence.to_le_bytes());
    out.extend_from_slice(&fields.version.to_le_bytes());
    out.extend_from_slice(&fields.timestamp_us.to_le_bytes());
    out.extend_from_slice(&fields.recorded_us.to_le_bytes());
    out.extend_from_slice(&fields.kind.0.to_le_bytes());
    out.extend_from_slice(&fields.payload_version.to_le_bytes());
    out.extend_from_slice(&fields.flags.to_le_bytes());
    out.extend_from_slice(&fields.correlation.to_bytes());
    out.extend_from_slice(&fields.causation.to_bytes());
    put(out, fields.entity.as_bytes());
    put(out, fields.scope.as_bytes());
    out.extend_from_slice(&(fields.extensions.iter().count() as u32).to_le_bytes());
    for (key, value) in fields.extensions.iter() {
        put(out, key.as_bytes());
        put(out, value);
    }
    match fields.source {
        Source::None => out.push(0),
        Source::Import { namespace, event_id, sequence } => {
            out.push(1);
            put(out, namespace.as_bytes());
            out.extend_from_slice(&event_id.to_bytes());
            out.extend_from_slice(&sequence.to_le_bytes());
        }
        Source::Raw(body) => {
            out.push(2);
            put(out, body);
        }
    }
    content_hash(out)
}

/// The log hash before the first event of the store `id`.
pub fn log_start(id: Id) -> Hash {
    let mut input = [0; 32];
    input[..16].copy_from_slice(LOG_DOMAIN);
    input[16..].copy_from_slice(&id.to_bytes());
    content_hash(&input)
}

/// The log hash with one more event: it does not depend on how events were grouped into batches.
pub fn log_next(log: Hash, event: Hash) -> Hash {
    let mut input = [0; 64];
    input[..32].copy_from_slice(&log.0);
    input[32..].copy_from_slice(&event.0);
    content_hash(&input)
}

/// What the log hash takes in, as if it were the hash of an event, where these sequences are
/// declared lost.
pub fn loss_hash(first: u64, last: u64) -> Hash {
    let mut input = [0; 32];
    input[..16].copy_from_slice(LOSS_DOMAIN);
    input[16..24].copy_from_slice(&first.to_le_bytes());
    input[24..].copy_from_slice(&last.to_le_bytes());
    content_hash(&input)
}

/// 64 bits that stand for the content of an event in indexes: equal content, equal tag.
pub fn content_tag(entity: &str, scope: &str, kind: Kind, content: &Hash) -> u64 {
    let mut input = [0u8; 64];
    let used = 6 + 32 + entity.len() + scope.len();
    if used <= input.len() {
        // One block, one compression: the usual case.
        fill_tag_input(&mut input[..used], entity, scope, kind, content);
        return first_8(&input[..used]);
    }
    let mut long = vec![0; used];
    fill_tag_input(&mut long, entity, scope, kind, content);
    first_8(&long)
}

fn fill_tag_input(input: &mut [u8], entity: &str, scope: &str, kind: Kind, content: &Hash) {
    input[..32].copy_from_slice(&content.0);
    input[32..34].copy_from_slice(&kind.0.to_le_bytes());
    input[34..36].copy_from_slice(&(entity.len() as u16).to_le_bytes());
    input[36..38].copy_from_slice(&(scope.len() as u16).to_le_bytes());
    input[38..38 + entity.len()].copy_from_slice(entity.as_bytes());
    input[38 + entity.len()..].copy_from_slice(scope.as_bytes());
}

fn first_8(input: &[u8]) -> u64 {
    u64::from_le_bytes(crate::engine::model::bytes::array_at(blake3::hash(input).as_bytes(), 0))
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}
