//! A segment, an index and the small files taken apart, changed where an input says, and put
//! together again with checksums that hold: a fuzzer does not find a checksum, and what lies behind
//! one would never be reached. `docs/format.md` has the layouts.

use crate::input::Input;

const SEGMENT_HEADER: usize = 128;
const BATCH_HEADER: usize = 80;
const FRAME_HEAD: usize = 8;
const FRAME_FIXED: usize = 60;
const BLOCK: usize = 256;
const BLOCK_DATA: usize = 252;
const INDEX_SECTIONS: usize = 15;

/// Fields of fixed size, by offset and width.
const HEADER_FIELDS: [(usize, usize); 8] =
    [(8, 4), (12, 4), (16, 8), (32, 8), (40, 8), (80, 8), (88, 8), (96, 8)];
const BATCH_FIELDS: [(usize, usize); 7] =
    [(8, 4), (12, 4), (16, 8), (24, 8), (32, 8), (40, 8), (76, 4)];
const FRAME_FIELDS: [(usize, usize); 6] = [(4, 4), (8, 2), (10, 2), (12, 8), (20, 8), (28, 8)];

/// A segment as its header, its batches, and what follows.
#[derive(Clone)]
pub struct Segment {
    header: Vec<u8>,
    batches: Vec<Batch>,
    rest: Vec<u8>,
}

#[derive(Clone)]
struct Batch {
    header: Vec<u8>,
    frames: Vec<Vec<u8>>,
    /// Its own length and count are written, not those that the frames have.
    stated: bool,
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn put(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
}

fn set_field(bytes: &mut [u8], fields: &[(usize, usize)], input: &mut Input<'_>) {
    let (at, width) = input.pick(fields);
    let before = bytes[at..at + width]
        .iter()
        .rev()
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let value = match input.u8() % 4 {
        0 => before.wrapping_add(input.edgy()),
        1 => before.wrapping_sub(input.edgy()),
        _ => input.edgy(),
    };
    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
}

/// Replaces some bytes by others, which may be more or fewer.
fn splice(bytes: &mut Vec<u8>, from: usize, input: &mut Input<'_>) {
    let at = from + input.below(bytes.len() - from + 1);
    let end = bytes.len().min(at + input.below(16));
    let count = input.below(16);
    bytes.splice(at..end, input.bytes(count).iter().copied());
}

impl Segment {
    /// Takes apart what the library wrote.
    pub fn of(bytes: &[u8]) -> Segment {
        let (mut at, mut batches) = (SEGMENT_HEADER, Vec::new());
        while bytes.len() >= at + BATCH_HEADER && bytes[at..at + 4] == *b"BTCH" {
            let header = bytes[at..at + BATCH_HEADER].to_vec();
            let end = at + BATCH_HEADER + u32_at(&header, 8);
            let (mut frame, mut frames) = (at + BATCH_HEADER, Vec::new());
            while frame < end {
                let next = frame + u32_at(bytes, frame + 4);
                frames.push(bytes[frame..next].to_vec());
                frame = next;
            }
            batches.push(Batch { header, frames, stated: false });
            at = end;
        }
        Segment { header: bytes[..SEGMENT_HEADER].to_vec(), batches, rest: bytes[at..].to_vec() }
    }

    /// One change.
    pub fn change(&mut self, input: &mut Input<'_>) {
        let kind = input.u8() % 16;
        if kind == 0 || self.batches.is_empty() {
            return set_field(&mut self.header, &HEADER_FIELDS, input);
        }
        let (at, other) = (input.below(self.batches.len()), self.batches.len() - 1);
        match kind {
            1 => return self.batches.swap(at, other),
            2 => return self.batches.insert(at, self.batches[other].clone()),
            3 => return drop(self.batches.remove(at)),
            4 => return splice(&mut self.rest, 0, input),
            _ => {}
        }
        let batch = &mut self.batches[at];
        if kind < 8 || batch.frames.is_empty() {
            batch.stated = kind == 5;
            return set_field(&mut batch.header, &BATCH_FIELDS, input);
        }
        let (at, last) = (input.below(batch.frames.len()), batch.frames.len() - 1);
        let frame = &mut batch.frames[at];
        match kind {
            8 => batch.frames.swap(at, last),
            9 => batch.frames.insert(at, batch.frames[last].clone()),
            10 => drop(batch.frames.remove(at)),
            11 | 12 => set_field(frame, &FRAME_FIELDS, input),
            _ => splice(frame, FRAME_FIXED, input),
        }
    }

    /// The bytes, with lengths, counts, log hashes and checksums put right.
    pub fn assemble(&self) -> Vec<u8> {
        let mut out = self.header.clone();
        put(&mut out, 124, crc32fast::hash(&self.header[..124]) as usize);
        let salt = u64::from_le_bytes(self.header[80..88].try_into().unwrap());
        let mut log_hash: [u8; 32] = self.header[48..80].try_into().unwrap();
        for batch in &self.batches {
            let (start, mut heads) = (out.len(), Vec::new());
            out.extend_from_slice(&batch.header);
            for frame in &batch.frames {
                let place = out.len();
                out.extend_from_slice(frame);
                put(&mut out, place + 4, frame.len());
                let crc = checksum(salt, place, &out[place + 4..]);
                put(&mut out, place, crc);
                heads.extend_from_slice(&out[place..place + FRAME_HEAD]);
                log_hash = *blake3::hash(&[log_hash, frame[28..60].try_into().unwrap()].concat())
                    .as_bytes();
            }
            let body = start + BATCH_HEADER;
            if !batch.stated {
                let length = out.len() - body;
                put(&mut out, start + 8, length);
                put(&mut out, start + 12, batch.frames.len());
                out[start + 40..start + 72].copy_from_slice(&log_hash);
            }
            let crc = checksum(salt, start, &heads);
            put(&mut out, start + 72, crc);
            let crc = checksum(salt, start, &out[start + 8..body]);
            put(&mut out, start + 4, crc);
        }
        out.extend_from_slice(&self.rest);
        out
    }
}

fn checksum(salt: u64, place: usize, bytes: &[u8]) -> usize {
    let mut hasher = crc32fast::Hasher::new_with_initial((salt ^ salt >> 32 ^ place as u64) as u32);
    hasher.update(bytes);
    hasher.finalize() as usize
}

/// Makes a frame of any bytes: where they are too few for the fixed fields, zeros follow.
pub fn seal_frame(bytes: &mut Vec<u8>, salt: u64, place: usize) {
    bytes.resize(bytes.len().max(FRAME_FIXED), 0);
    let length = bytes.len();
    put(bytes, 4, length);
    let crc = checksum(salt, place, &bytes[4..]);
    put(bytes, 0, crc);
}

/// Makes magic and checksum of a segment header hold.
pub fn seal_header(bytes: &mut Vec<u8>) {
    bytes.resize(SEGMENT_HEADER, 0);
    bytes[..8].copy_from_slice(b"FBATLOG\0");
    let crc = crc32fast::hash(&bytes[..124]);
    put(bytes, 124, crc as usize);
}

/// The same of a batch header.
pub fn seal_batch_header(bytes: &mut Vec<u8>, salt: u64, place: usize) {
    bytes.resize(BATCH_HEADER, 0);
    bytes[..4].copy_from_slice(b"BTCH");
    let crc = checksum(salt, place, &bytes[8..]);
    put(bytes, 4, crc);
}

/// Changes a field of a small file that ends with its checksum: the identity file, the clean mark.
pub fn change_small(bytes: &mut [u8], input: &mut Input<'_>) {
    let Some(end) = bytes.len().checked_sub(4).filter(|end| *end >= 16) else { return };
    let at = input.below(end - 7);
    set_field(bytes, &[(at, input.pick(&[1, 4, 8]))], input);
    let crc = crc32fast::hash(&bytes[..end]);
    put(bytes, end, crc as usize);
}

/// Changes a number in an index: of its header, or of an entry of a section.
pub fn change_index(bytes: &mut [u8], salt: u64, input: &mut Input<'_>) {
    if bytes.len() < 2 * BLOCK {
        return;
    }
    let in_header = input.one_in(4);
    let place = match in_header {
        true => 8 + 4 * input.below(66),
        false => section_place(bytes, input),
    };
    let at = place / BLOCK_DATA * BLOCK + (place % BLOCK_DATA).min(BLOCK_DATA - 8);
    if at + BLOCK > bytes.len() {
        return;
    }
    set_field(bytes, &[(at, input.pick(&[4, 8, 1]))], input);
    let block = at / BLOCK;
    let (data, tail) = bytes[block * BLOCK..(block + 1) * BLOCK].split_at_mut(BLOCK_DATA);
    let mut hasher = crc32fast::Hasher::new_with_initial((salt ^ salt >> 32) as u32 ^ block as u32);
    hasher.update(data);
    put(tail, 0, hasher.finalize() as usize);
}

/// A multiple of four bytes within some section, in the data of all blocks.
fn section_place(bytes: &[u8], input: &mut Input<'_>) -> usize {
    let length = |section: usize| u32_at(bytes, 112 + 8 * section);
    let section = input.below(INDEX_SECTIONS);
    let blocks = |section: usize| length(section).div_ceil(BLOCK_DATA);
    let first = 2 + (0..section).map(blocks).sum::<usize>();
    first * BLOCK_DATA + 4 * input.below((length(section) / 4).max(1))
}
