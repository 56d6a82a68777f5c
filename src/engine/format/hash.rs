//! The hashes that make history tamper-evident. All are BLAKE3; `docs/format.md` has the encodings,
//! which do not depend on the layout of files.

use crate::engine::model::content::Content;
use crate::engine::model::event::{Event, Source, SYSTEM_ENTITY};
use crate::engine::model::id::{Hash, Id, Kind};

const EVENT_DOMAIN: &[u8; 16] = b"fbat event v1\0\0\0";
const LOSS_DOMAIN: &[u8; 16] = b"fbat loss v1\0\0\0\0";
const LOG_DOMAIN: &[u8; 16] = b"fbat log v1\0\0\0\0\0";

/// The newest event of an entity so far, to which its next event is chained.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub sequence: u64,
    pub version: u64,
    pub hash: Hash,
}

impl Link {
    pub fn of(event: &Event<'_>) -> Link {
        Link { sequence: event.sequence, version: event.version, hash: event.event_hash }
    }

    /// What the first event of an entity is chained to, which has this sequence. The hash of the
    /// genesis event is known also where that event was lost.
    pub fn before_first(entity: &str, sequence: u64, genesis: Hash) -> Link {
        match (entity == SYSTEM_ENTITY, sequence) {
            (true, 1) => Link { sequence: 0, version: 0, hash: Hash::ZERO },
            (true, _) => Link { sequence: 1, version: 1, hash: genesis },
            (false, _) => Link { sequence: 0, version: 0, hash: genesis },
        }
    }

    /// Whether an event has the entity's next version.
    pub fn is_before(&self, event: &Event<'_>) -> bool {
        self.version.checked_add(1) == Some(event.version)
    }

    /// Checks that the event follows its entity's previous event; returns what is wrong. Versions
    /// may be missing where sequences up to `last_lost` were; then the hash cannot be computed.
    pub fn fault(
        &self,
        event: &Event<'_>,
        last_lost: u64,
        scratch: &mut Vec<u8>,
    ) -> Option<&'static str> {
        if self.is_before(event) {
            let matches = event_hash(event, &self.hash, scratch) == event.event_hash;
            return (!matches).then_some("the event hash does not match");
        }
        match event.version <= self.version {
            true => Some("its entity's versions do not follow each other: a later one came before"),
            false if last_lost > self.sequence => None,
            false => {
                Some("its entity's versions do not follow each other, and nothing is lost between")
            }
        }
    }
}

/// BLAKE3 of a payload.
pub fn content_hash(payload: &[u8]) -> Hash {
    Hash(*blake3::hash(payload).as_bytes())
}

/// So much of a large payload is hashed, and then read again while it is warm.
const WARM_BYTES: usize = 256 << 10;

/// BLAKE3 and CRC-32 of a large payload.
pub fn hash_and_checksum(payload: &[u8]) -> (Hash, u32) {
    let (mut hasher, mut checksum) = (blake3::Hasher::new(), crc32fast::Hasher::new());
    for part in payload.chunks(WARM_BYTES) {
        hasher.update(part);
        checksum.update(part);
    }
    (Hash(*hasher.finalize().as_bytes()), checksum.finalize())
}

/// The hash of an event: a domain, then every field in this order, integers little-endian, ids
/// big-endian, strings with a u32 length before them. `previous` is that of the entity's event
/// before. `scratch` is overwritten.
pub fn event_hash(event: &Event<'_>, previous: &Hash, scratch: &mut Vec<u8>) -> Hash {
    scratch.clear();
    put_event(event, &event.content.hash(), previous, scratch);
    content_hash(scratch)
}

/// Where [`put_event`] has the hash of the event before.
pub const PREVIOUS_AT: std::ops::Range<usize> = 16..48;

/// Appends what [`event_hash`] is the hash of; the event has this content hash.
pub fn put_event(event: &Event<'_>, content_hash: &Hash, previous: &Hash, out: &mut Vec<u8>) {
    out.extend_from_slice(EVENT_DOMAIN);
    out.extend_from_slice(&previous.0);
    out.extend_from_slice(&content_hash.0);
    out.extend_from_slice(&event.id.to_bytes());
    out.extend_from_slice(&event.sequence.to_le_bytes());
    out.extend_from_slice(&event.version.to_le_bytes());
    out.extend_from_slice(&event.timestamp_us.to_le_bytes());
    out.extend_from_slice(&event.recorded_us.to_le_bytes());
    out.extend_from_slice(&event.kind.0.to_le_bytes());
    out.extend_from_slice(&event.payload_version.to_le_bytes());
    out.extend_from_slice(&event.flags.to_le_bytes());
    out.extend_from_slice(&event.correlation.to_bytes());
    out.extend_from_slice(&event.causation.to_bytes());
    put(out, event.entity.as_bytes());
    put(out, event.scope.as_bytes());
    out.extend_from_slice(&(event.extensions.iter().count() as u32).to_le_bytes());
    for (key, value) in event.extensions.iter() {
        put(out, key.as_bytes());
        put(out, value);
    }
    match event.source {
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

/// 64 bits for the content of an event in indexes: equal content, equal tag.
pub fn content_tag(entity: &str, scope: &str, kind: Kind, content: &Content<'_>) -> u64 {
    let mut input = [0u8; 64];
    let used = tag_input_len(entity, scope, content);
    if used <= input.len() {
        // One block, one compression: the usual case.
        fill_tag_input(&mut input[..used], entity, scope, kind, content);
        return tag_in(&content_hash(&input[..used]));
    }
    let mut long = vec![0; used];
    fill_tag_input(&mut long, entity, scope, kind, content);
    tag_in(&content_hash(&long))
}

/// The tag of an event.
pub fn tag_of(event: &Event<'_>) -> u64 {
    content_tag(event.entity, event.scope, event.kind, &event.content)
}

/// Appends what the tag of an event is in the hash of.
pub fn put_tag_input(event: &Event<'_>, out: &mut Vec<u8>) {
    let Event { entity, scope, kind, content, .. } = event;
    let start = out.len();
    out.resize(start + tag_input_len(entity, scope, content), 0);
    fill_tag_input(&mut out[start..], entity, scope, *kind, content);
}

/// The tag, from the hash of what [`put_tag_input`] appends.
pub fn tag_in(hash: &Hash) -> u64 {
    crate::engine::model::bytes::u64_at(&hash.0, 0)
}

/// What a tag has of a content: its bytes, and a number that tells a hash from a payload.
fn tag_parts<'c>(content: &'c Content<'_>) -> (&'c [u8], u16) {
    match content {
        Content::Hash(hash) => (&hash.0, u16::MAX),
        Content::Short(payload) => (payload, payload.len() as u16),
    }
}

fn tag_input_len(entity: &str, scope: &str, content: &Content<'_>) -> usize {
    6 + tag_parts(content).0.len() + entity.len() + scope.len()
}

fn fill_tag_input(input: &mut [u8], entity: &str, scope: &str, kind: Kind, content: &Content<'_>) {
    let (bytes, length) = tag_parts(content);
    let (numbers, rest) = input.split_at_mut(6);
    numbers[..2].copy_from_slice(&kind.0.to_le_bytes());
    numbers[2..4].copy_from_slice(&(entity.len() as u16).to_le_bytes());
    numbers[4..].copy_from_slice(&length.to_le_bytes());
    let (of_content, names) = rest.split_at_mut(bytes.len());
    of_content.copy_from_slice(bytes);
    let (of_entity, of_scope) = names.split_at_mut(entity.len());
    of_entity.copy_from_slice(entity.as_bytes());
    of_scope.copy_from_slice(scope.as_bytes());
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}
