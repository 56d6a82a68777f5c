//! Pure bytes: how segments, batches and events are laid out, as `docs/format.md` describes.
//! Nothing here touches a file.

use crate::engine::model::bytes::{
    array_at, put_slice, put_varint, take_slice, take_varint, u32_at, u64_at, unzigzag, zigzag,
};
use crate::engine::model::content::{Content, SHORT_PAYLOAD_MAX};
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
pub const FRAME_FIXED_LEN: usize = 60;
/// What the checksum of a batch covers of each frame: its own checksum, and its length.
pub const FRAME_HEAD_LEN: usize = 8;
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

const DOES_NOT_PARSE: &str = "the fields of the frame do not parse";

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
    /// Of the heads of its frames.
    pub heads_crc: u32,
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
        self.body_len = body.len() as u32 + Apart::bytes(apart) as u32;
        self.heads_crc = heads_checksum(segment, offset, body, apart);
        header[0..4].copy_from_slice(&BATCH_MAGIC);
        header[8..12].copy_from_slice(&self.body_len.to_le_bytes());
        header[12..16].copy_from_slice(&self.count.to_le_bytes());
        header[16..24].copy_from_slice(&self.first_sequence.to_le_bytes());
        header[24..32].copy_from_slice(&self.synced_through.to_le_bytes());
        header[32..40].copy_from_slice(&self.recorded_us.to_le_bytes());
        header[40..72].copy_from_slice(&self.log_hash.0);
        header[72..76].copy_from_slice(&self.heads_crc.to_le_bytes());
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
            heads_crc: u32_at(bytes, 72),
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

    /// Whether `body`, which follows the header at `offset`, is whole: its frames are, and are
    /// those that the batch was written with. Each byte is looked at once.
    pub fn body_holds(&self, segment: &SegmentHeader, offset: u64, body: &[u8]) -> bool {
        let (mut heads, mut rest, mut count) = (segment.seed(offset), body, 0);
        while !rest.is_empty() {
            let place = offset + (BATCH_HEADER_LEN + body.len() - rest.len()) as u64;
            let length = if rest.len() < FRAME_FIXED_LEN { 0 } else { Frame::length(rest) };
            let Some((frame, after)) = rest.split_at_checked(length) else { return false };
            if Frame::check(segment, place, frame).is_err() {
                return false;
            }
            heads.update(&frame[..FRAME_HEAD_LEN]);
            (rest, count) = (after, count + 1);
        }
        body.len() == self.body_len as usize
            && count == self.count
            && heads.finalize() == self.heads_crc
    }
}

/// The checksum of the heads of the frames in a body, which is that of the batch at `offset`.
pub fn heads_checksum(
    segment: &SegmentHeader,
    offset: u64,
    body: &[u8],
    apart: &[Apart<'_>],
) -> u32 {
    let mut heads = segment.seed(offset);
    let (mut at, mut apart_next) = (0, apart.iter().peekable());
    while let Some(head) = body.get(at..at + FRAME_HEAD_LEN) {
        heads.update(head);
        at += Frame::length(head).max(FRAME_HEAD_LEN);
        if let Some(apart) = apart_next.next_if(|apart| apart.at - BATCH_HEADER_LEN < at) {
            at -= apart.payload.len();
        }
    }
    heads.finalize()
}

/// A payload that is not in the buffer of its batch.
#[derive(Clone, Copy)]
pub struct Apart<'a> {
    /// Where in the buffer it belongs.
    pub at: usize,
    pub payload: &'a [u8],
}

impl Apart<'_> {
    /// How many bytes these are.
    pub fn bytes(apart: &[Apart<'_>]) -> usize {
        apart.iter().map(|apart| apart.payload.len()).sum()
    }
}

/// A string of the segment's dictionary: its number, and its bytes where the frame is the first to
/// use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StringRef<'a> {
    pub number: u32,
    pub spelled: Option<&'a str>,
}

/// An imported event: its content and where it came from, with the numbers of strings.
pub struct Copied<'a> {
    pub entity: u32,
    pub scope: u32,
    pub kind: Kind,
    pub content: Content<'a>,
    pub namespace: u32,
    pub event_id: Id,
}

/// An event as a frame holds it: the strings are those of its segment's dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
        let payload_len = self.payload.len() as u64;
        hasher.combine(&crc32fast::Hasher::new_with_initial_len(crc, payload_len));
        out[start..start + 4].copy_from_slice(&hasher.finalize().to_le_bytes());
        Apart { at: out.len(), payload: self.event.payload }
    }

    /// Appends what is before the payload, with neither checksum nor length; returns where.
    fn encode_fields(&self, segment: &SegmentHeader, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.fields().to_le_bytes());
        out.extend_from_slice(&self.kind.0.to_le_bytes());
        out.extend_from_slice(&self.id.to_bytes());
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
        if let Content::Hash(hash) = self.content {
            out.extend_from_slice(&hash.0);
        }
    }

    /// The length of the frame that starts with these bytes, at least 8 of them.
    pub fn length(bytes: &[u8]) -> usize {
        u32_at(bytes, 4) as usize
    }

    /// What these bytes, all of a frame if they are one, say. The checksum, which costs more, is
    /// not looked at.
    pub fn unchecked(segment: &SegmentHeader, bytes: &'a [u8]) -> Option<Frame<'a>> {
        (bytes.len() >= FRAME_FIXED_LEN).then(|| Frame::parse(segment, bytes)).flatten()
    }

    /// Reads the frame that is all of `bytes` and is at `offset`, checking its checksum.
    #[inline(always)]
    pub fn decode(segment: &SegmentHeader, offset: u64, bytes: &'a [u8]) -> Parsed<Frame<'a>> {
        Frame::check(segment, offset, bytes)?;
        Frame::decode_whole(segment, bytes)
    }

    /// As [`Frame::decode`], in the place of another frame.
    #[inline(always)]
    pub fn decode_into(
        &mut self,
        segment: &SegmentHeader,
        offset: u64,
        bytes: &'a [u8],
    ) -> Parsed<()> {
        Frame::check(segment, offset, bytes)?;
        self.fill(segment, bytes).ok_or(DOES_NOT_PARSE)
    }

    /// Checks length and checksum of the frame that is all of `bytes` and is at `offset`.
    #[inline(always)]
    fn check(segment: &SegmentHeader, offset: u64, bytes: &[u8]) -> Parsed<()> {
        if bytes.len() < FRAME_FIXED_LEN || Frame::length(bytes) != bytes.len() {
            return Err("the length of the frame is wrong");
        }
        if segment.checksum(offset, &bytes[4..]) != u32_at(bytes, 0) {
            return Err("the checksum of the frame does not match");
        }
        Ok(())
    }

    /// Reads the frame that is all of `bytes`, whose checksum was found to match.
    #[inline(always)]
    pub fn decode_whole(segment: &SegmentHeader, bytes: &'a [u8]) -> Parsed<Frame<'a>> {
        Frame::parse(segment, bytes).ok_or(DOES_NOT_PARSE)
    }

    /// The id of a frame that begins with these bytes. The checksum is not looked at.
    pub fn unchecked_id(bytes: &[u8]) -> Option<Id> {
        (bytes.len() >= FRAME_FIXED_LEN).then(|| Id::from_bytes(array_at(bytes, 12)))
    }

    /// What an import compares of the frame of an event that was imported; none of others. The
    /// checksum is not looked at.
    #[inline(always)]
    pub fn unchecked_copy(bytes: &'a [u8]) -> Option<Copied<'a>> {
        if bytes.len() < FRAME_FIXED_LEN {
            return None;
        }
        let fields = u16::from_le_bytes(array_at(bytes, 8));
        if fields & (HAS_IMPORT_SOURCE | HAS_RAW_SOURCE) != HAS_IMPORT_SOURCE {
            return None;
        }
        let rest = &mut &bytes[FRAME_FIXED_LEN..];
        for _sequence_time_version in 0..3 {
            take_varint(rest)?;
        }
        let (entity, scope) = (take_number(rest)?, take_number(rest)?);
        for varint in [HAS_TIMESTAMP, HAS_FLAGS, HAS_PAYLOAD_VERSION] {
            if fields & varint != 0 {
                take_varint(rest)?;
            }
        }
        for id in [HAS_CORRELATION, HAS_CAUSATION] {
            if fields & id != 0 {
                take_id(rest)?;
            }
        }
        if fields & HAS_EXTENSIONS != 0 {
            take_slice(rest)?;
        }
        let (namespace, event_id) = (take_number(rest)?, take_id(rest)?);
        let _sequence = take_varint(rest)?;
        let (content, _payload) = split_content(rest)?;
        let kind = Kind(u16::from_le_bytes(array_at(bytes, 10)));
        Some(Copied { entity, scope, kind, content, namespace, event_id })
    }

    /// Reads the frame that is all of `bytes`, at least its fixed part. The checksum is not looked
    /// at.
    #[inline(always)]
    pub fn parse(segment: &SegmentHeader, bytes: &'a [u8]) -> Option<Frame<'a>> {
        let mut frame = Frame::default();
        frame.fill(segment, bytes)?;
        Some(frame)
    }

    /// As [`Frame::parse`], in the place of another frame: what is read is not moved.
    #[inline(always)]
    fn fill(&mut self, segment: &SegmentHeader, bytes: &'a [u8]) -> Option<()> {
        let fields = u16::from_le_bytes(array_at(bytes, 8));
        if fields & !KNOWN_FIELDS != 0 {
            return None;
        }
        let (rest, event) = (&mut &bytes[FRAME_FIXED_LEN..], &mut self.event);
        event.kind = Kind(u16::from_le_bytes(array_at(bytes, 10)));
        event.id = Id::from_bytes(array_at(bytes, 12));
        event.event_hash = Hash(array_at(bytes, 28));
        event.sequence = segment.first_sequence.checked_add(take_varint(rest)?)?;
        event.recorded_us = segment.created_us.wrapping_add(unzigzag(take_varint(rest)?));
        event.version = take_varint(rest)?;
        // An entity has no more events than the store; and sums of either never overflow.
        if event.sequence > SEQUENCE_MAX || !(1..=event.sequence).contains(&event.version) {
            return None;
        }
        self.entity = take_string(rest)?;
        self.scope = take_string(rest)?;
        let optional = |bit: u16| fields & bit != 0;
        event.timestamp_us = match optional(HAS_TIMESTAMP) {
            true => event.recorded_us.wrapping_add(unzigzag(take_varint(rest)?)),
            false => event.recorded_us,
        };
        event.flags = if optional(HAS_FLAGS) { take_varint(rest)?.try_into().ok()? } else { 0 };
        event.payload_version =
            if optional(HAS_PAYLOAD_VERSION) { take_varint(rest)?.try_into().ok()? } else { 0 };
        event.correlation = if optional(HAS_CORRELATION) { take_id(rest)? } else { Id::NONE };
        event.causation = if optional(HAS_CAUSATION) { take_id(rest)? } else { Id::NONE };
        let extensions = if optional(HAS_EXTENSIONS) { take_slice(rest)? } else { &[] };
        event.extensions = Extensions(extensions);
        self.namespace = None;
        event.source = match (optional(HAS_IMPORT_SOURCE), optional(HAS_RAW_SOURCE)) {
            (false, false) => Source::None,
            (true, false) => {
                self.namespace = Some(take_string(rest)?);
                let (event_id, sequence) = (take_id(rest)?, take_varint(rest)?);
                Source::Import { namespace: "", event_id, sequence }
            }
            (false, true) => Source::Raw(take_slice(rest)?),
            (true, true) => return None,
        };
        (event.content, event.payload) = split_content(rest)?;
        event.payload_len = event.payload.len();
        Some(())
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

/// What a frame ends with: a short payload, or a hash and a longer one.
#[inline(always)]
fn split_content(bytes: &[u8]) -> Option<(Content<'_>, &[u8])> {
    if bytes.len() <= SHORT_PAYLOAD_MAX {
        return Some((Content::Short(bytes), bytes));
    }
    let (hash, payload) = bytes.split_first_chunk::<32>()?;
    (payload.len() > SHORT_PAYLOAD_MAX).then_some((Content::Hash(Hash(*hash)), payload))
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

/// Takes a string, of which only the number is wanted.
#[inline(always)]
fn take_number(rest: &mut &[u8]) -> Option<u32> {
    let reference = take_varint(rest)?;
    if reference & 1 != 0 {
        take_slice(rest)?;
    }
    u32::try_from(reference >> 1).ok()
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

    fn segment() -> SegmentHeader {
        SegmentHeader {
            version: FORMAT_VERSION,
            store_id: Id(1),
            first_sequence: 1,
            created_us: 0,
            log_hash: Hash::ZERO,
            salt: 0x1234_5678_9abc_def0,
            log_start: 1,
            events_before: 0,
        }
    }

    /// The frame of the event with this number, whose flags are `flags`.
    fn frame(number: usize, flags: u32, payload: &[u8]) -> Frame<'_> {
        let entity = StringRef { number: 0, spelled: None };
        let (sequence, content) = (number as u64 + 1, Content::of(payload));
        let event = Event { sequence, version: 1, flags, payload, content, ..Event::default() };
        Frame { event, entity, scope: entity, namespace: None }
    }

    /// A batch at 4096 of a segment, and its header.
    fn batch(payloads: &[&[u8]], flags: &[u32]) -> (BatchHeader, Vec<u8>) {
        let count = payloads.len() as u32;
        let header = BatchHeader { count, first_sequence: 1, ..BatchHeader::default() };
        let mut bytes = vec![0; BATCH_HEADER_LEN];
        for (number, payload) in payloads.iter().enumerate() {
            let offset = 4096 + bytes.len() as u64;
            frame(number, flags[number], payload).encode(&segment(), offset, &mut bytes);
        }
        header.seal_into(&segment(), 4096, &mut bytes, &[]);
        (BatchHeader::decode(&segment(), 4096, &bytes).unwrap(), bytes)
    }

    #[test]
    fn a_body_holds_as_it_was_written_and_not_otherwise() {
        let payloads: [&[u8]; 3] = [b"first", &[7; 100], b""];
        let (header, bytes) = batch(&payloads, &[1, 2, 3]);
        let body = &bytes[BATCH_HEADER_LEN..];
        let holds = |header: &BatchHeader, body: &[u8]| header.body_holds(&segment(), 4096, body);
        assert!(holds(&header, body));
        for bit in 0..body.len() * 8 {
            let mut flipped = body.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!holds(&header, &flipped), "bit {bit}");
        }
        for length in 0..body.len() {
            let shorter = BatchHeader { body_len: length as u32, ..header };
            assert!(!holds(&shorter, &body[..length]), "cut at {length}");
        }
        // Frames that hold where they are, of another batch that was written there.
        for other in [[9, 2, 3], [1, 9, 3], [1, 2, 9]] {
            let (_, other) = batch(&payloads, &other);
            assert!(!holds(&header, &other[BATCH_HEADER_LEN..]));
        }
        assert!(!holds(&BatchHeader { count: 2, ..header }, body));
        assert!(!header.body_holds(&segment(), 4097, body), "at another place");
    }

    #[test]
    fn long_payloads_have_their_hash_with_them_and_short_ones_none() {
        for length in (0..=130).chain([1000]) {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let mut bytes = Vec::new();
            frame(0, 0, &payload).encode(&segment(), 4096, &mut bytes);
            let read = Frame::decode(&segment(), 4096, &bytes).unwrap();
            assert_eq!((read.payload, read.payload_len), (&payload[..], payload.len()));
            assert_eq!(read.content_hash().0, *blake3::hash(&payload).as_bytes());
            assert_eq!(read.content.known_hash().is_some(), length > 64, "{length}");
            assert_eq!(bytes.len(), 65 + payload.len() + if length > 64 { 32 } else { 0 });
        }
        for rest in 0..=200 {
            let bytes = vec![1; rest];
            assert_eq!(split_content(&bytes).is_none(), (65..=96).contains(&rest), "{rest}");
        }
    }

    #[test]
    fn what_is_written_apart_is_what_is_written_together() {
        let segment = segment();
        let payloads: Vec<Vec<u8>> = (0..5).map(|n| vec![n; usize::from(n) * 31_000]).collect();
        let frame = |n: usize| frame(n, 0, &payloads[n]);
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
        for Apart { at, payload } in apart {
            joined.extend_from_slice(&front[from..at]);
            joined.extend_from_slice(payload);
            from = at;
        }
        joined.extend_from_slice(&front[from..]);
        assert!(joined == together, "the same bytes");
    }
}
