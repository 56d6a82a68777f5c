//! What a cold block leaves out of the log: whatever follows from the rest. That is checksums, the
//! content hash of a payload, the log hash of a short batch, and sequences and times that go on as
//! those before. What is left goes apart: what a compressor can shrink, and hashes and random
//! bytes, which none can.

use super::frame::{
    heads_checksum, BatchHeader, Frame, SegmentHeader, BATCH_HEADER_LEN, BATCH_MAGIC,
    FRAME_FIXED_LEN,
};
use super::hash;
use super::lanes;
use crate::engine::model::bytes::{
    array_at, put_varint, take_varint, u32_at, u64_at, unzigzag, zigzag,
};
use crate::engine::model::event::Event;
use crate::engine::model::id::Hash;

/// A frame, and one whose content hash is that of its payload.
const FRAME: u8 = 0;
const FRAME_WITHOUT_HASH: u8 = 1;
/// A batch header whose body goes on in other blocks, one with its log hash, and one whose log hash
/// follows from the one before and its events.
const OPEN_BATCH: u8 = 2;
const BATCH_WITH_HASH: u8 = 3;
const BATCH: u8 = 4;
/// The log hash is computed of batches that have so many events at most: others are rare enough.
const CHAINED_MAX: u32 = 4;
/// How many bytes of an id are time, as a rule, and shrink.
const ID_TIME_BYTES: usize = 6;
/// Where things are in a frame and in a batch header.
const FIELDS: usize = 8;
const ID: usize = 12;
const EVENT_HASH: usize = 28;
const LOG_HASH: usize = 40;
/// A content hash is right before its payload.
const HASH_LEN: usize = 32;

/// Bytes of the log without what follows from the rest.
#[derive(Default)]
pub struct Stripped {
    /// What shrinks, and what does not.
    pub texture: Vec<u8>,
    pub noise: Vec<u8>,
}

/// A batch header or a frame that was restored: where it begins, and its payload, where the hash of
/// that is to be computed; else an empty range at its end.
struct Piece {
    at: usize,
    marker: u8,
    payload: std::ops::Range<usize>,
}

/// What the next piece is compared with.
#[derive(Default)]
struct Before {
    /// The sequence that is expected next.
    next: u64,
    /// The recorded time of the last frame, and that of the last batch and what it says is on disk.
    recorded: u64,
    batch_recorded: u64,
    synced: u64,
}

/// How far a value is from the one expected, in few bytes where it is near.
fn put_change(out: &mut Vec<u8>, expected: u64, value: u64) {
    put_varint(out, zigzag(value.wrapping_sub(expected) as i64));
}

fn take_change(rest: &mut &[u8], expected: u64) -> Option<u64> {
    Some(expected.wrapping_add(unzigzag(take_varint(rest)?) as u64))
}

/// Takes so many bytes off the front of `rest`.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (front, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(front)
}

fn is_batch(segment: &SegmentHeader, offset: u64, bytes: &[u8]) -> bool {
    bytes.starts_with(&BATCH_MAGIC) && BatchHeader::decode(segment, offset, bytes).is_ok()
}

/// The length of the piece of the log, a batch header or a frame, that begins with these bytes.
pub fn piece_len(segment: &SegmentHeader, offset: u64, bytes: &[u8]) -> Option<usize> {
    let length = match is_batch(segment, offset, bytes) {
        true => BATCH_HEADER_LEN,
        false if bytes.len() < FRAME_FIXED_LEN => return None,
        false => Frame::length(bytes),
    };
    (length >= FRAME_FIXED_LEN && length <= bytes.len()).then_some(length)
}

/// Strips whole pieces of the log, which are at `offset`. None where [`restore`] would not give
/// them back; that is for the caller to find out, too.
pub fn strip(segment: &SegmentHeader, offset: u64, plain: &[u8]) -> Option<Stripped> {
    let (mut out, mut before) = (Stripped::default(), Before::default());
    let (mut at, mut log_hash) = (0, None);
    while at < plain.len() {
        let rest = &plain[at..];
        let place = offset + at as u64;
        if is_batch(segment, place, rest) {
            strip_batch(rest, &mut log_hash, &mut before, &mut out)?;
            at += BATCH_HEADER_LEN;
        } else {
            let length = piece_len(segment, place, rest)?;
            strip_frame(segment, &rest[..length], &mut before, &mut out)?;
            at += length;
        }
    }
    Some(out)
}

fn strip_batch(
    bytes: &[u8],
    log_hash: &mut Option<Hash>,
    before: &mut Before,
    out: &mut Stripped,
) -> Option<()> {
    let body_len = u32_at(bytes, 8) as usize;
    let (count, flags) = (u32_at(bytes, 12), u32_at(bytes, 76));
    let (sequence, synced) = (u64_at(bytes, 16), u64_at(bytes, 24));
    let stated = Hash(array_at(bytes, LOG_HASH));
    let body = bytes[BATCH_HEADER_LEN..].get(..body_len);
    let follows = match (body, *log_hash) {
        (Some(body), Some(before)) if count <= CHAINED_MAX => chain(before, body) == Some(stated),
        _ => false,
    };
    *log_hash = Some(stated);
    let marker = match (body, follows) {
        (None, _) => OPEN_BATCH,
        (Some(_), false) => BATCH_WITH_HASH,
        (Some(_), true) => BATCH,
    };
    out.texture.push(marker);
    put_varint(&mut out.texture, body_len as u64);
    put_varint(&mut out.texture, count.into());
    put_varint(&mut out.texture, flags.into());
    put_change(&mut out.texture, before.next, sequence);
    put_change(&mut out.texture, before.synced, synced);
    put_change(&mut out.texture, before.batch_recorded, u64_at(bytes, 32));
    if marker != BATCH {
        out.noise.extend_from_slice(&stated.0);
    }
    if marker == OPEN_BATCH {
        out.noise.extend_from_slice(&bytes[72..76]);
    }
    *before = Before { next: sequence, synced, batch_recorded: u64_at(bytes, 32), ..*before };
    Some(())
}

/// The log hash after the events of a body.
fn chain(mut log_hash: Hash, mut body: &[u8]) -> Option<Hash> {
    while !body.is_empty() {
        if body.len() < FRAME_FIXED_LEN {
            return None;
        }
        log_hash = hash::log_next(log_hash, Hash(array_at(body, EVENT_HASH)));
        body = body.get(Frame::length(body).max(FRAME_FIXED_LEN)..)?;
    }
    Some(log_hash)
}

fn strip_frame(
    segment: &SegmentHeader,
    bytes: &[u8],
    before: &mut Before,
    out: &mut Stripped,
) -> Option<()> {
    let Event { content, payload, .. } = Frame::unchecked(segment, bytes)?.event;
    let rest = &mut &bytes[FRAME_FIXED_LEN..];
    let (sequence, recorded) = (take_varint(rest)?, take_varint(rest)?);
    let hash_at = match content.known_hash() {
        Some(hash) if hash == hash::content_hash(payload) => {
            rest.len().checked_sub(HASH_LEN + payload.len())
        }
        _ => None,
    };
    let (fields, payload) = match hash_at {
        Some(at) => (&rest[..at], payload),
        None => (*rest, &[][..]),
    };
    out.texture.push(if hash_at.is_some() { FRAME_WITHOUT_HASH } else { FRAME });
    put_varint(&mut out.texture, fields.len() as u64);
    if hash_at.is_some() {
        put_varint(&mut out.texture, payload.len() as u64);
    }
    put_change(&mut out.texture, before.next.wrapping_sub(segment.first_sequence), sequence);
    put_change(&mut out.texture, before.recorded, recorded);
    out.texture.extend_from_slice(&bytes[FIELDS..ID + ID_TIME_BYTES]);
    out.texture.extend_from_slice(fields);
    out.texture.extend_from_slice(payload);
    out.noise.extend_from_slice(&bytes[ID + ID_TIME_BYTES..FRAME_FIXED_LEN]);
    before.next = segment.first_sequence.wrapping_add(sequence).wrapping_add(1);
    before.recorded = recorded;
    Some(())
}

/// The log from what [`strip`] left of it: `length` bytes, at `offset`. None where it was not made
/// of so many. What is restored is checked by its own checksums like any log, except that those are
/// computed here: so the caller checks all of it.
pub fn restore(
    segment: &SegmentHeader,
    offset: u64,
    length: usize,
    mut texture: &[u8],
    mut noise: &[u8],
) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(length);
    let (mut before, mut pieces) = (Before::default(), Vec::new());
    while let Some((&marker, rest)) = texture.split_first() {
        texture = rest;
        let (at, mut payload_len) = (plain.len(), 0);
        match marker {
            FRAME | FRAME_WITHOUT_HASH => {
                let more = (&mut texture, &mut noise);
                payload_len = restore_frame(segment, marker, more, &mut before, &mut plain)?;
            }
            OPEN_BATCH..=BATCH => {
                restore_batch(marker, &mut texture, &mut noise, &mut before, &mut plain)?;
            }
            _ => return None,
        }
        pieces.push(Piece { at, marker, payload: plain.len() - payload_len..plain.len() });
        if plain.len() > length {
            return None;
        }
    }
    if plain.len() != length || !noise.is_empty() {
        return None;
    }
    restore_content_hashes(&pieces, &mut plain);
    restore_checksums(segment, offset, &pieces, &mut plain)?;
    Some(plain)
}

fn restore_batch(
    marker: u8,
    texture: &mut &[u8],
    noise: &mut &[u8],
    before: &mut Before,
    plain: &mut Vec<u8>,
) -> Option<()> {
    let mut small = || u32::try_from(take_varint(texture)?).ok();
    let (body_len, count, flags) = (small()?, small()?, small()?);
    let sequence = take_change(texture, before.next)?;
    let synced = take_change(texture, before.synced)?;
    let recorded = take_change(texture, before.batch_recorded)?;
    let log_hash = if marker == BATCH { &[0; 32] } else { take(noise, 32)? };
    let heads_crc = if marker == OPEN_BATCH { take(noise, 4)? } else { &[0; 4] };
    plain.extend_from_slice(&BATCH_MAGIC);
    plain.extend_from_slice(&[0; 4]);
    plain.extend_from_slice(&body_len.to_le_bytes());
    plain.extend_from_slice(&count.to_le_bytes());
    plain.extend_from_slice(&sequence.to_le_bytes());
    plain.extend_from_slice(&synced.to_le_bytes());
    plain.extend_from_slice(&recorded.to_le_bytes());
    plain.extend_from_slice(log_hash);
    plain.extend_from_slice(heads_crc);
    plain.extend_from_slice(&flags.to_le_bytes());
    *before = Before { next: sequence, synced, batch_recorded: recorded, ..*before };
    Some(())
}

fn restore_frame(
    segment: &SegmentHeader,
    marker: u8,
    (texture, noise): (&mut &[u8], &mut &[u8]),
    before: &mut Before,
    plain: &mut Vec<u8>,
) -> Option<usize> {
    let start = plain.len();
    let mut small = || usize::try_from(take_varint(texture)?).ok();
    let fields_len = small()?;
    let payload_len = if marker == FRAME_WITHOUT_HASH { Some(small()?) } else { None };
    let sequence = take_change(texture, before.next.wrapping_sub(segment.first_sequence))?;
    let recorded = take_change(texture, before.recorded)?;
    let fixed = take(texture, ID + ID_TIME_BYTES - FIELDS)?;
    let fields = take(texture, fields_len)?;
    plain.extend_from_slice(&[0; FIELDS]);
    plain.extend_from_slice(fixed);
    plain.extend_from_slice(take(noise, FRAME_FIXED_LEN - ID - ID_TIME_BYTES)?);
    put_varint(plain, sequence);
    put_varint(plain, recorded);
    plain.extend_from_slice(fields);
    if let Some(payload_len) = payload_len {
        plain.extend_from_slice(&[0; HASH_LEN]);
        plain.extend_from_slice(take(texture, payload_len)?);
    }
    let frame_len = u32::try_from(plain.len() - start).ok()?;
    plain[start + 4..start + 8].copy_from_slice(&frame_len.to_le_bytes());
    before.next = segment.first_sequence.wrapping_add(sequence).wrapping_add(1);
    before.recorded = recorded;
    Some(payload_len.unwrap_or_default())
}

/// Hashes the payloads of frames that do not have a hash of their own, side by side.
fn restore_content_hashes(pieces: &[Piece], plain: &mut [u8]) {
    let frames = pieces.iter().filter(|piece| piece.marker == FRAME_WITHOUT_HASH);
    let payloads: Vec<&[u8]> = frames.clone().map(|p| &plain[p.payload.clone()]).collect();
    let mut hashes = vec![Hash::ZERO; payloads.len()];
    lanes::hash_many(&payloads, &mut hashes);
    for (piece, hash) in frames.zip(hashes) {
        let at = piece.payload.start;
        plain[at - HASH_LEN..at].copy_from_slice(&hash.0);
    }
}

fn restore_checksums(
    segment: &SegmentHeader,
    offset: u64,
    pieces: &[Piece],
    plain: &mut [u8],
) -> Option<()> {
    // Frames first: a batch has the checksum of their heads.
    for piece in pieces.iter().filter(|piece| piece.marker <= FRAME_WITHOUT_HASH) {
        let (at, end) = (piece.at, piece.payload.end);
        let crc = segment.checksum(offset + at as u64, &plain[at + 4..end]);
        plain[at..at + 4].copy_from_slice(&crc.to_le_bytes());
    }
    let mut log_hash = None;
    for &Piece { at, marker, .. } in pieces.iter().filter(|piece| piece.marker >= OPEN_BATCH) {
        let place = offset + at as u64;
        let from = at + BATCH_HEADER_LEN;
        if marker != OPEN_BATCH {
            let body = plain[from..].get(..u32_at(plain, at + 8) as usize)?;
            let crc = heads_checksum(segment, place, body, &[]);
            let chained = if marker == BATCH { Some(chain(log_hash?, body)?) } else { None };
            plain[at + 72..at + 76].copy_from_slice(&crc.to_le_bytes());
            if let Some(hash) = chained {
                plain[at + LOG_HASH..at + 72].copy_from_slice(&hash.0);
            }
        }
        log_hash = Some(Hash(array_at(plain, at + LOG_HASH)));
        let crc = segment.checksum(place, &plain[at + 8..from]);
        plain[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
    }
    Some(())
}
