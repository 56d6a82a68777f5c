//! Pure bytes: how segments, batches and events are laid out, as `docs/format.md` describes.
//! Nothing here touches a file.

use crate::engine::model::bytes::{
    array_at, put_slice, put_varint, take_slice, take_varint, u32_at, u64_at, unzigzag, zigzag,
};
use crate::engine::model::event::{Event, Extensions, Source};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::limits::{
    COORDINATE_BYTES_MAX as STRING_BYTES_MAX, FORMAT_VERSION, SEQUENCE_MAX,
};
use std::ops::Deref;

pub const SEGMENT_MAGIC: [u8; 8] = *b"FBATLOG\0";
pub const SEGMENT_HEADER_LEN: usize = 128;
pub const BATCH_MAGIC: [u8; 4] = *b"BTCH";
pub const BATCH_HEADER_LEN: usize = 80;
/// Bytes of a frame before its first variable-length field.
pub const FRAME_FIXED_LEN: usize = 92;
/// A payload of this size is not copied into its batch, but written from where it is.
pub const APART_BYTES: usize = 64 << 10;
/// Set in the header of the record, without events, that ends a sealed segment.
pub const BATCH_SEAL: u32 = 1;
/// Set in the header of the record, without events, that declares sequences as lost: those from the
/// next one to the one before the record's own. They belonged to events, so no gap event can take
/// one of them.
pub const BATCH_LOSS: u32 = 1 << 1;

const HAS_TIMESTAMP: u16 = 1;
const HAS_FLAGS: u16 = 1 << 1;
const HAS_PAYLOAD_VERSION: u16 = 1 << 2;
const HAS_CORRELATION: u16 = 1 << 3;
const HAS_CAUSATION: u16 = 1 << 4;
const HAS_EXTENSIONS: u16 = 1 << 5;
const HAS_IMPORT_SOURCE: u16 = 1 << 6;
const HAS_RAW_SOURCE: u16 = 1 << 7;
const KNOWN_FIELDS: u16 = (1 << 8) - 1;

/// What a reader says of bytes that are not what they should be.
pub type Parsed<T> = Result<T, &'static str>;

/// The first 128 bytes of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentHeader {
    pub version: u32,
    /// The id of the log, which the store had when it was made.
    pub store_id: Id,
    /// No event of this segment has a lower sequence, and none of an earlier one has this or a
    /// higher.
    pub first_sequence: u64,
    /// Base of the recorded times in this segment, microseconds since 1970.
    pub created_us: i64,
    /// Log hash at the end of the segment before.
    pub log_hash: Hash,
    /// Random; seeds every checksum, so that bytes of another segment, or a payload that looks like
    /// a batch, never pass for one.
    pub salt: u64,
    /// The first sequence of the oldest segment that belongs to the log.
    pub log_start: u64,
    /// Events in all segments before this one.
    pub events_before: u64,
}

impl SegmentHeader {
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_LEN] {
        let mut out = [0; SEGMENT_HEADER_LEN];
        out[0..8].copy_from_slice(&SEGMENT_MAGIC);
        out[8..12].copy_from_slice(&self.version.to_le_bytes());
        out[12..16].copy_from_slice(&(SEGMENT_HEADER_LEN as u32).to_le_bytes());
        out[16..32].copy_from_slice(&self.store_id.to_bytes());
        out[32..40].copy_from_slice(&self.first_sequence.to_le_bytes());
        out[40..48].copy_from_slice(&self.created_us.to_le_bytes());
        out[48..80].copy_from_slice(&self.log_hash.0);
        out[80..88].copy_from_slice(&self.salt.to_le_bytes());
        out[88..96].copy_from_slice(&self.log_start.to_le_bytes());
        out[96..104].copy_from_slice(&self.events_before.to_le_bytes());
        let crc = crc32fast::hash(&out[..124]);
        out[124..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Checks everything but the version, which the caller compares with [`FORMAT_VERSION`].
    pub fn decode(bytes: &[u8]) -> Parsed<SegmentHeader> {
        if bytes.len() < SEGMENT_HEADER_LEN {
            return Err("the segment header is cut short");
        }
        if bytes[..8] != SEGMENT_MAGIC {
            return Err("not the magic of a segment");
        }
        let version = u32_at(bytes, 8);
        if crc32fast::hash(&bytes[..124]) != u32_at(bytes, 124) {
            return Err("the checksum of the segment header does not match");
        }
        if version == FORMAT_VERSION
            && (u32_at(bytes, 12) as usize != SEGMENT_HEADER_LEN || bytes[104..124] != [0; 20])
        {
            return Err("the segment header has fields that this version does not know");
        }
        let (first_sequence, events_before) = (u64_at(bytes, 32), u64_at(bytes, 96));
        let possible =
            (1..=SEQUENCE_MAX).contains(&first_sequence) && events_before < first_sequence;
        if version == FORMAT_VERSION && !possible {
            return Err("the segment header contradicts itself");
        }
        Ok(SegmentHeader {
            version,
            store_id: Id::from_bytes(array_at(bytes, 16)),
            first_sequence,
            created_us: u64_at(bytes, 40) as i64,
            log_hash: Hash(array_at(bytes, 48)),
            salt: u64_at(bytes, 80),
            log_start: u64_at(bytes, 88),
            events_before,
        })
    }

    /// The seed of a checksum over bytes at `offset` of this segment.
    fn seed(&self, offset: u64) -> crc32fast::Hasher {
        crc32fast::Hasher::new_with_initial(
            (self.salt ^ (self.salt >> 32) ^ offset ^ (offset >> 32)) as u32,
        )
    }

    /// The checksum of bytes at `offset` of this segment.
    pub fn checksum(&self, offset: u64, bytes: &[u8]) -> u32 {
        let mut hasher = self.seed(offset);
        hasher.update(bytes);
        hasher.finalize()
    }

    /// A salt under which the checksum of a batch header at `offset` matches, at least
    /// [`BATCH_HEADER_LEN`] bytes. There is one for any bytes: only what else matches under it
    /// proves something. CRC-32 is run backwards from its result to the seed, as in M. Stigge and
    /// others, "Reversing CRC", 2006.
    pub fn salt_of_batch(offset: u64, bytes: &[u8]) -> u64 {
        const POLYNOMIAL: u32 = 0xedb8_8320;
        let mut register = !u32_at(bytes, 4);
        for byte in bytes[8..BATCH_HEADER_LEN].iter().rev() {
            for _ in 0..8 {
                register = match register >> 31 {
                    1 => (register ^ POLYNOMIAL) << 1 | 1,
                    _ => register << 1,
                };
            }
            register ^= u32::from(*byte);
        }
        u64::from(!register ^ (offset ^ (offset >> 32)) as u32)
    }

    /// Whether two salts make the same checksums.
    pub fn same_seeds(a: u64, b: u64) -> bool {
        (a ^ (a >> 32)) as u32 == (b ^ (b >> 32)) as u32
    }
}

/// The 80 bytes before the events of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchHeader {
    pub body_len: u32,
    pub count: u32,
    /// Sequence of the first event; in a record the one that the next event can have.
    pub first_sequence: u64,
    /// Everything up to here was on disk before this batch was written.
    pub synced_through: u64,
    pub recorded_us: i64,
    /// Log hash with this batch.
    pub log_hash: Hash,
    pub body_crc: u32,
    pub flags: u32,
}

impl BatchHeader {
    /// Length of header and body together.
    pub fn total_len(&self) -> u64 {
        BATCH_HEADER_LEN as u64 + u64::from(self.body_len)
    }

    pub fn is_seal(&self) -> bool {
        self.flags & BATCH_SEAL != 0
    }

    pub fn is_loss(&self) -> bool {
        self.flags & BATCH_LOSS != 0
    }

    /// Puts the header into the first 80 bytes of `batch`, whose body follows; `batch` will be
    /// written at `offset`, with the payloads that are apart in their places.
    pub fn seal_into(
        mut self,
        segment: &SegmentHeader,
        offset: u64,
        batch: &mut [u8],
        apart: &[Apart<'_>],
    ) {
        let (header, body) = batch.split_at_mut(BATCH_HEADER_LEN);
        let (mut hasher, mut from) = (segment.seed(offset), 0);
        for Apart { at, payload, crc } in apart {
            hasher.update(&body[from..at - BATCH_HEADER_LEN]);
            combine(&mut hasher, *crc, payload.len());
            from = at - BATCH_HEADER_LEN;
        }
        hasher.update(&body[from..]);
        self.body_len = body.len() as u32 + Apart::bytes(apart) as u32;
        self.body_crc = hasher.finalize();
        header[0..4].copy_from_slice(&BATCH_MAGIC);
        header[8..12].copy_from_slice(&self.body_len.to_le_bytes());
        header[12..16].copy_from_slice(&self.count.to_le_bytes());
        header[16..24].copy_from_slice(&self.first_sequence.to_le_bytes());
        header[24..32].copy_from_slice(&self.synced_through.to_le_bytes());
        header[32..40].copy_from_slice(&self.recorded_us.to_le_bytes());
        header[40..72].copy_from_slice(&self.log_hash.0);
        header[72..76].copy_from_slice(&self.body_crc.to_le_bytes());
        header[76..80].copy_from_slice(&self.flags.to_le_bytes());
        let crc = segment.checksum(offset, &header[8..]);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    pub fn decode(segment: &SegmentHeader, offset: u64, bytes: &[u8]) -> Parsed<BatchHeader> {
        if bytes.len() < BATCH_HEADER_LEN {
            return Err("the batch header is cut short");
        }
        if bytes[..4] != BATCH_MAGIC {
            return Err("not the magic of a batch");
        }
        if segment.checksum(offset, &bytes[8..BATCH_HEADER_LEN]) != u32_at(bytes, 4) {
            return Err("the checksum of the batch header does not match");
        }
        let header = BatchHeader {
            body_len: u32_at(bytes, 8),
            count: u32_at(bytes, 12),
            first_sequence: u64_at(bytes, 16),
            synced_through: u64_at(bytes, 24),
            recorded_us: u64_at(bytes, 32) as i64,
            log_hash: Hash(array_at(bytes, 40)),
            body_crc: u32_at(bytes, 72),
            flags: u32_at(bytes, 76),
        };
        let empty = header.count == 0 && header.body_len == 0;
        let sequences =
            header.synced_through < header.first_sequence && header.first_sequence <= SEQUENCE_MAX;
        if header.flags > BATCH_LOSS || (header.flags != 0) != empty || !sequences {
            return Err("the batch header contradicts itself");
        }
        Ok(header)
    }

    /// Whether `body`, which follows the header at `offset`, is whole.
    pub fn body_holds(&self, segment: &SegmentHeader, offset: u64, body: &[u8]) -> bool {
        body.len() == self.body_len as usize && segment.checksum(offset, body) == self.body_crc
    }
}

/// A payload that is not in the buffer of its batch.
#[derive(Clone, Copy)]
pub struct Apart<'a> {
    /// Where in the buffer it belongs.
    pub at: usize,
    pub payload: &'a [u8],
    /// The CRC-32 of the payload alone.
    pub crc: u32,
}

impl Apart<'_> {
    /// How many bytes these are.
    pub fn bytes(apart: &[Apart<'_>]) -> usize {
        apart.iter().map(|apart| apart.payload.len()).sum()
    }
}

/// Continues a checksum over bytes of which only the CRC-32 is looked at.
fn combine(hasher: &mut crc32fast::Hasher, crc: u32, length: usize) {
    hasher.combine(&crc32fast::Hasher::new_with_initial_len(crc, length as u64));
}

/// A string of the segment's dictionary: its number, and its bytes where the frame is the first to
/// use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringRef<'a> {
    pub number: u32,
    pub spelled: Option<&'a str>,
}

/// An event as a frame holds it: the strings are those of its segment's dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What reading leaves empty in it: entity, scope and namespace.
    pub event: Event<'a>,
    pub entity: StringRef<'a>,
    pub scope: StringRef<'a>,
    /// Of an imported event.
    pub namespace: Option<StringRef<'a>>,
}

impl<'a> Deref for Frame<'a> {
    type Target = Event<'a>;
    fn deref(&self) -> &Event<'a> {
        &self.event
    }
}

impl<'a> Frame<'a> {
    /// Appends the frame to `out`; it will be at `offset` of the segment.
    pub fn encode(&self, segment: &SegmentHeader, offset: u64, out: &mut Vec<u8>) {
        let start = self.encode_fields(segment, out);
        out.extend_from_slice(self.payload);
        let length = (out.len() - start) as u32;
        out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
        let crc = segment.checksum(offset, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    }

    /// Appends the frame to `out` but for its payload, which follows and has this CRC-32.
    pub fn encode_apart(
        &self,
        segment: &SegmentHeader,
        offset: u64,
        crc: u32,
        out: &mut Vec<u8>,
    ) -> Apart<'a> {
        let start = self.encode_fields(segment, out);
        let length = (out.len() - start + self.payload.len()) as u32;
        out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
        let mut hasher = segment.seed(offset);
        hasher.update(&out[start + 4..]);
        combine(&mut hasher, crc, self.payload.len());
        out[start..start + 4].copy_from_slice(&hasher.finalize().to_le_bytes());
        Apart { at: out.len(), payload: self.event.payload, crc }
    }

    /// Appends what is before the payload, with neither checksum nor length; returns where.
    fn encode_fields(&self, segment: &SegmentHeader, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.fields().to_le_bytes());
        out.extend_from_slice(&self.kind.0.to_le_bytes());
        out.extend_from_slice(&self.id.to_bytes());
        out.extend_from_slice(&self.content_hash.0);
        out.extend_from_slice(&self.event_hash.0);
        put_varint(out, self.sequence - segment.first_sequence);
        put_varint(out, zigzag(self.recorded_us.wrapping_sub(segment.created_us)));
        put_varint(out, self.version);
        put_string(out, self.entity);
        put_string(out, self.scope);
        self.encode_optional(out);
        start
    }

    fn fields(&self) -> u16 {
        let mut fields = 0;
        let mut set = |bit: u16, present: bool| fields |= if present { bit } else { 0 };
        set(HAS_TIMESTAMP, self.timestamp_us != self.recorded_us);
        set(HAS_FLAGS, self.flags != 0);
        set(HAS_PAYLOAD_VERSION, self.payload_version != 0);
        set(HAS_CORRELATION, !self.correlation.is_none());
        set(HAS_CAUSATION, !self.causation.is_none());
        set(HAS_EXTENSIONS, !self.extensions.is_empty());
        set(HAS_IMPORT_SOURCE, matches!(self.source, Source::Import { .. }));
        set(HAS_RAW_SOURCE, matches!(self.source, Source::Raw(_)));
        fields
    }

    fn encode_optional(&self, out: &mut Vec<u8>) {
        if self.timestamp_us != self.recorded_us {
            put_varint(out, zigzag(self.timestamp_us.wrapping_sub(self.recorded_us)));
        }
        if self.flags != 0 {
            put_varint(out, self.flags.into());
        }
        if self.payload_version != 0 {
            put_varint(out, self.payload_version.into());
        }
        for id in [self.correlation, self.causation] {
            if !id.is_none() {
                out.extend_from_slice(&id.to_bytes());
            }
        }
        if !self.extensions.is_empty() {
            put_slice(out, self.extensions.0);
        }
        match self.source {
            Source::None => {}
            Source::Import { event_id, sequence, .. } => {
                put_string(out, self.namespace.expect("an imported event has a namespace"));
                out.extend_from_slice(&event_id.to_bytes());
                put_varint(out, sequence);
            }
            Source::Raw(body) => put_slice(out, body),
        }
    }

    /// The length of the frame that starts with these bytes, at least 8 of them.
    pub fn length(bytes: &[u8]) -> usize {
        u32_at(bytes, 4) as usize
    }

    /// Whether these bytes, all of a frame if they are one, look like it; costs less than its
    /// checksum.
    pub fn is_likely(segment: &SegmentHeader, bytes: &[u8]) -> bool {
        Frame::parse(segment, bytes).is_some()
    }

    /// Reads the frame that is all of `bytes` and is at `offset`, checking its checksum.
    #[inline(always)]
    pub fn decode(segment: &SegmentHeader, offset: u64, bytes: &'a [u8]) -> Parsed<Frame<'a>> {
        if bytes.len() < FRAME_FIXED_LEN || Frame::length(bytes) != bytes.len() {
            return Err("the length of the frame is wrong");
        }
        if segment.checksum(offset, &bytes[4..]) != u32_at(bytes, 0) {
            return Err("the checksum of the frame does not match");
        }
        Frame::parse(segment, bytes).ok_or("the fields of the frame do not parse")
    }

    /// The id of a frame that begins with these bytes. The checksum is not looked at.
    pub fn unchecked_id(bytes: &[u8]) -> Option<Id> {
        (bytes.len() >= FRAME_FIXED_LEN).then(|| Id::from_bytes(array_at(bytes, 12)))
    }

    /// The payload of the frame that is all of `bytes`. The checksum is not looked at.
    pub fn unchecked_payload(segment: &SegmentHeader, bytes: &'a [u8]) -> Option<&'a [u8]> {
        (bytes.len() >= FRAME_FIXED_LEN)
            .then(|| Frame::parse(segment, bytes))?
            .map(|f| f.event.payload)
    }

    /// What distinguishes the event of a frame: its id, then kind, content hash, and the numbers of
    /// entity and scope. The checksum is not looked at.
    pub fn unchecked_identity(bytes: &[u8]) -> Option<(Id, (Kind, Hash, u32, u32))> {
        if bytes.len() < FRAME_FIXED_LEN {
            return None;
        }
        let rest = &mut &bytes[FRAME_FIXED_LEN..];
        for _sequence_time_version in 0..3 {
            take_varint(rest)?;
        }
        let (entity, scope) = (take_string(rest)?.number, take_string(rest)?.number);
        let kind = Kind(u16::from_le_bytes(array_at(bytes, 10)));
        Some((
            Id::from_bytes(array_at(bytes, 12)),
            (kind, Hash(array_at(bytes, 28)), entity, scope),
        ))
    }

    #[inline(always)]
    fn parse(segment: &SegmentHeader, bytes: &'a [u8]) -> Option<Frame<'a>> {
        let fields = u16::from_le_bytes(array_at(bytes, 8));
        if fields & !KNOWN_FIELDS != 0 {
            return None;
        }
        let rest = &mut &bytes[FRAME_FIXED_LEN..];
        let sequence = segment.first_sequence.checked_add(take_varint(rest)?)?;
        let recorded_us = segment.created_us.wrapping_add(unzigzag(take_varint(rest)?));
        let version = take_varint(rest)?;
        // An entity has no more events than the store; and sums of either never overflow.
        if sequence > SEQUENCE_MAX || !(1..=sequence).contains(&version) {
            return None;
        }
        let entity = take_string(rest)?;
        let scope = take_string(rest)?;
        let optional = |bit: u16| fields & bit != 0;
        let timestamp_us = match optional(HAS_TIMESTAMP) {
            true => recorded_us.wrapping_add(unzigzag(take_varint(rest)?)),
            false => recorded_us,
        };
        let flags = if optional(HAS_FLAGS) { take_varint(rest)?.try_into().ok()? } else { 0 };
        let payload_version =
            if optional(HAS_PAYLOAD_VERSION) { take_varint(rest)?.try_into().ok()? } else { 0 };
        let correlation = if optional(HAS_CORRELATION) { take_id(rest)? } else { Id::NONE };
        let causation = if optional(HAS_CAUSATION) { take_id(rest)? } else { Id::NONE };
        let extensions = if optional(HAS_EXTENSIONS) { take_slice(rest)? } else { &[] };
        let mut namespace = None;
        let source = match (optional(HAS_IMPORT_SOURCE), optional(HAS_RAW_SOURCE)) {
            (false, false) => Source::None,
            (true, false) => {
                namespace = Some(take_string(rest)?);
                let (event_id, sequence) = (take_id(rest)?, take_varint(rest)?);
                Source::Import { namespace: "", event_id, sequence }
            }
            (false, true) => Source::Raw(take_slice(rest)?),
            (true, true) => return None,
        };
        let event = Event {
            kind: Kind(u16::from_le_bytes(array_at(bytes, 10))),
            id: Id::from_bytes(array_at(bytes, 12)),
            content_hash: Hash(array_at(bytes, 28)),
            event_hash: Hash(array_at(bytes, 60)),
            sequence,
            recorded_us,
            version,
            entity: "",
            scope: "",
            timestamp_us,
            flags,
            payload_version,
            correlation,
            causation,
            extensions: Extensions(extensions),
            source,
            payload: rest,
            payload_len: rest.len(),
            previous_hash: None,
        };
        Some(Frame { event, entity, scope, namespace })
    }

    /// The event, whose strings are these.
    #[inline(always)]
    pub fn with_strings(&self, entity: &'a str, scope: &'a str, namespace: &'a str) -> Event<'a> {
        let source = match self.source {
            Source::Import { event_id, sequence, .. } => {
                Source::Import { namespace, event_id, sequence }
            }
            other => other,
        };
        Event { entity, scope, source, ..self.event }
    }

    /// The strings that this frame spells, in the order in which they are numbered.
    pub fn spelled(&self) -> impl Iterator<Item = StringRef<'a>> {
        [Some(self.entity), Some(self.scope), self.namespace]
            .into_iter()
            .flatten()
            .filter(|s| s.spelled.is_some())
    }
}

fn put_string(out: &mut Vec<u8>, string: StringRef<'_>) {
    put_varint(out, u64::from(string.number) << 1 | u64::from(string.spelled.is_some()));
    if let Some(text) = string.spelled {
        put_slice(out, text.as_bytes());
    }
}

#[inline(always)]
fn take_string<'a>(rest: &mut &'a [u8]) -> Option<StringRef<'a>> {
    let reference = take_varint(rest)?;
    let number = u32::try_from(reference >> 1).ok()?;
    let spelled = match reference & 1 {
        1 => Some(
            std::str::from_utf8(take_slice(rest).filter(|s| s.len() <= STRING_BYTES_MAX)?).ok()?,
        ),
        _ => None,
    };
    Some(StringRef { number, spelled })
}

#[inline(always)]
fn take_id(rest: &mut &[u8]) -> Option<Id> {
    let (bytes, tail) = rest.split_first_chunk::<16>()?;
    *rest = tail;
    Some(Id::from_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_apart_is_what_is_written_together() {
        let segment = SegmentHeader {
            version: FORMAT_VERSION,
            store_id: Id(1),
            first_sequence: 1,
            created_us: 0,
            log_hash: Hash::ZERO,
            salt: 0x1234_5678_9abc_def0,
            log_start: 1,
            events_before: 0,
        };
        let payloads: Vec<Vec<u8>> = (0..5).map(|n| vec![n; usize::from(n) * 31_000]).collect();
        let frame = |n: usize| {
            let entity = StringRef { number: 0, spelled: None };
            let event = Event { sequence: n as u64 + 1, version: 1, ..Event::default() };
            let event = Event { payload: &payloads[n], ..event };
            Frame { event, entity, scope: entity, namespace: None }
        };
        let header = BatchHeader { count: 5, first_sequence: 1, ..BatchHeader::default() };
        let mut together = vec![0; BATCH_HEADER_LEN];
        for n in 0..5 {
            frame(n).encode(&segment, 4096 + together.len() as u64, &mut together);
        }
        header.seal_into(&segment, 4096, &mut together, &[]);
        let (mut front, mut apart) = (vec![0; BATCH_HEADER_LEN], Vec::new());
        for (n, payload) in payloads.iter().enumerate() {
            let offset = 4096 + (front.len() + Apart::bytes(&apart)) as u64;
            match n % 2 {
                0 => {
                    let crc = crc32fast::hash(payload);
                    apart.push(frame(n).encode_apart(&segment, offset, crc, &mut front));
                }
                _ => frame(n).encode(&segment, offset, &mut front),
            }
        }
        header.seal_into(&segment, 4096, &mut front, &apart);
        let (mut joined, mut from) = (Vec::new(), 0);
        for Apart { at, payload, .. } in apart {
            joined.extend_from_slice(&front[from..at]);
            joined.extend_from_slice(payload);
            from = at;
        }
        joined.extend_from_slice(&front[from..]);
        assert!(joined == together, "the same bytes");
    }
}
