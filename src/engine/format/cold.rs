//! A cold segment: the log of a sealed segment in compressed blocks. Decoded, it is the same bytes.
//! The chapter "Cold segment" of `docs/format.md` has the layout.

use super::frame::{SegmentHeader, BATCH_HEADER_LEN, SEGMENT_HEADER_LEN};
use super::strip;
use crate::engine::model::bytes::{put_varint, take_varint, u32_at, u64_at};
use crate::engine::model::limits::PAYLOAD_BYTES_MAX;
use std::cell::RefCell;
use std::ops::Range;
use zstd_safe::{CCtx, CDict, DCtx, DDict};

pub const COLD_MAGIC: [u8; 8] = *b"FBATCOLD";
pub const COLD_HEAD_LEN: usize = 192;
/// A block ends with the first piece of the log that makes it as long as this.
pub const BLOCK_BYTES: usize = 4 << 10;
/// No block is longer: a payload, and generously what may come with it.
const BLOCK_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + (1 << 20) + BLOCK_BYTES;
pub const DICTIONARY_BYTES_MAX: usize = 16 << 10;
/// No log of a segment is longer than 1 GiB and a batch.
const PLAIN_LEN_MAX: u64 = (1 << 30) + (128 << 20);
/// Seeds of checksums over what is no part of the log: no batch begins at these offsets.
const HEAD: u64 = 1;
const DICTIONARY: u64 = 2;
const TABLE: u64 = 3;
const ENTRY_LEN: usize = 8;
/// How a block is kept: as the log has it, or without what follows from the rest.
const AS_IT_IS: u8 = 0;
const STRIPPED: u8 = 1;

/// What a cold segment says of itself, at its begin and at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColdHead {
    pub segment: SegmentHeader,
    /// Length of the log.
    pub plain_len: u64,
    /// Length of the file.
    pub stored_len: u64,
    pub dictionary_len: u32,
    pub blocks: u32,
    pub dictionary_crc: u32,
    pub table_crc: u32,
}

impl ColdHead {
    pub fn encode(&self) -> [u8; COLD_HEAD_LEN] {
        let mut out = [0; COLD_HEAD_LEN];
        out[..8].copy_from_slice(&COLD_MAGIC);
        out[8..16].copy_from_slice(&self.plain_len.to_le_bytes());
        out[16..24].copy_from_slice(&self.stored_len.to_le_bytes());
        let numbers = [self.dictionary_len, self.blocks, self.dictionary_crc, self.table_crc]
            .map(u32::to_le_bytes);
        out[24..40].copy_from_slice(numbers.as_flattened());
        out[60..COLD_HEAD_LEN - 4].copy_from_slice(&self.segment.encode());
        let crc = self.segment.checksum(HEAD, &out[..COLD_HEAD_LEN - 4]);
        out[COLD_HEAD_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// None where these bytes are no head of a cold segment.
    pub fn decode(bytes: &[u8]) -> Option<ColdHead> {
        let bytes: &[u8; COLD_HEAD_LEN] = bytes.try_into().ok()?;
        let segment = SegmentHeader::decode(&bytes[60..60 + SEGMENT_HEADER_LEN]).ok()?;
        let crc = segment.checksum(HEAD, &bytes[..COLD_HEAD_LEN - 4]);
        if bytes[..8] != COLD_MAGIC || crc != u32_at(bytes, COLD_HEAD_LEN - 4) {
            return None;
        }
        let head = ColdHead {
            segment,
            plain_len: u64_at(bytes, 8),
            stored_len: u64_at(bytes, 16),
            dictionary_len: u32_at(bytes, 24),
            blocks: u32_at(bytes, 28),
            dictionary_crc: u32_at(bytes, 32),
            table_crc: u32_at(bytes, 36),
        };
        // What is read or made because of it is bounded by the length of the file.
        let around = 2 * (COLD_HEAD_LEN as u64 + head.dictionary_len as u64 + head.table_len());
        let possible = (SEGMENT_HEADER_LEN as u64..=PLAIN_LEN_MAX).contains(&head.plain_len)
            && head.dictionary_len as usize <= DICTIONARY_BYTES_MAX
            && (around..=u32::MAX.into()).contains(&head.stored_len);
        possible.then_some(head)
    }

    pub fn table_len(&self) -> u64 {
        (u64::from(self.blocks) + 1) * ENTRY_LEN as u64
    }

    /// Where the dictionary is, first and second; the table follows each.
    pub fn dictionaries(&self) -> [u64; 2] {
        let both = u64::from(self.dictionary_len) + self.table_len();
        [COLD_HEAD_LEN as u64, self.stored_len - COLD_HEAD_LEN as u64 - both]
    }

    /// Where the blocks are.
    pub fn blocks_range(&self) -> Range<u64> {
        let [first, second] = self.dictionaries();
        first + u64::from(self.dictionary_len) + self.table_len()..second
    }

    pub fn dictionary_crc_of(segment: &SegmentHeader, bytes: &[u8]) -> u32 {
        segment.checksum(DICTIONARY, bytes)
    }
}

/// Where each block begins, in the log and in the file; at the end, where the last one ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table(Vec<(u32, u32)>);

impl Table {
    pub fn push(&mut self, plain: u64, stored: u64) {
        self.0.push((plain as u32, stored as u32));
    }

    pub fn encode(&self, segment: &SegmentHeader) -> (Vec<u8>, u32) {
        let numbers = self.0.iter().flat_map(|(plain, stored)| [*plain, *stored]);
        let bytes: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
        let crc = segment.checksum(TABLE, &bytes);
        (bytes, crc)
    }

    /// None where these bytes are not the table of a file with this head.
    pub fn decode(head: &ColdHead, bytes: &[u8]) -> Option<Table> {
        if head.segment.checksum(TABLE, bytes) != head.table_crc {
            return None;
        }
        let entries = bytes.chunks_exact(ENTRY_LEN);
        let entries: Vec<_> = entries.map(|e| (u32_at(e, 0), u32_at(e, 4))).collect();
        let (first, last) = (*entries.first()?, *entries.last()?);
        let stored = head.blocks_range();
        let ends = (first.0 as usize, u64::from(first.1)) == (SEGMENT_HEADER_LEN, stored.start)
            && (u64::from(last.0), u64::from(last.1)) == (head.plain_len, stored.end);
        let rising = entries.windows(2).all(|pair| {
            let (from, to) = (pair[0], pair[1]);
            from.0 < to.0 && (to.0 - from.0) as usize <= BLOCK_BYTES_MAX && from.1 < to.1
        });
        (ends && rising && entries.len() as u64 == u64::from(head.blocks) + 1)
            .then_some(Table(entries))
    }

    /// The number of the block that has this offset of the log.
    pub fn find(&self, plain: u64) -> Option<usize> {
        let after = self.0.partition_point(|(start, _)| u64::from(*start) <= plain);
        after.checked_sub(1).filter(|at| at + 1 < self.0.len())
    }

    /// Where a block is in the log, and where in the file.
    pub fn block(&self, at: usize) -> (Range<u64>, Range<u64>) {
        let ((from, stored), (to, end)) = (self.0[at], self.0[at + 1]);
        (from.into()..to.into(), stored.into()..end.into())
    }

    /// So much memory it takes.
    pub fn bytes(&self) -> usize {
        self.0.capacity() * ENTRY_LEN
    }
}

/// A dictionary of at most so many bytes for blocks like these samples, which are one after the
/// other; empty where there are too few to make one of.
pub fn train(samples: &[u8], lengths: &[usize], bytes_max: usize) -> Vec<u8> {
    let mut dictionary = Vec::with_capacity(bytes_max.min(DICTIONARY_BYTES_MAX));
    match zstd_safe::train_from_buffer(&mut dictionary, samples, lengths) {
        Ok(_) if dictionary.len() > 8 => {
            // Its number, which is random, and which each block would name.
            dictionary[4..8].fill(0);
            dictionary
        }
        _ => Vec::new(),
    }
}

/// Compresses the blocks of one segment.
pub struct Compressor {
    segment: SegmentHeader,
    context: CCtx<'static>,
    compressing: CDict<'static>,
    decompressing: DDict<'static>,
}

impl Compressor {
    /// None where there is no memory.
    pub fn new(segment: SegmentHeader, dictionary: &[u8], level: i32) -> Option<Compressor> {
        Some(Compressor {
            segment,
            context: CCtx::try_create()?,
            compressing: CDict::try_create(dictionary, level)?,
            decompressing: DDict::try_create(dictionary)?,
        })
    }

    /// Appends the block of these bytes of the log, which are at `offset`. None where there is no
    /// memory.
    pub fn append(&mut self, offset: u64, plain: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        if let Some(stripped) = strip::strip(&self.segment, offset, plain) {
            self.put(STRIPPED, offset, plain, &stripped, out)?;
            let block = &out[start..];
            if decompress(&self.segment, offset, plain.len(), block, &self.decompressing)
                .is_some_and(|there| there == plain)
            {
                return Some(());
            }
            out.truncate(start);
        }
        let whole = strip::Stripped { texture: plain.to_vec(), noise: Vec::new() };
        self.put(AS_IT_IS, offset, plain, &whole, out)
    }

    fn put(
        &mut self,
        how: u8,
        offset: u64,
        plain: &[u8],
        strip::Stripped { texture, noise }: &strip::Stripped,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let start = out.len();
        let mut packed = Vec::with_capacity(zstd_safe::compress_bound(texture.len()));
        self.context.compress_using_cdict(&mut packed, texture, &self.compressing).ok()?;
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.segment.checksum(offset, plain).to_le_bytes());
        out.push(how);
        put_varint(out, texture.len() as u64);
        put_varint(out, packed.len() as u64);
        out.extend_from_slice(&packed);
        out.extend_from_slice(noise);
        let crc = self.segment.checksum(offset, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        Some(())
    }
}

thread_local! {
    /// What decompressing takes of memory, kept for the next block.
    static CONTEXT: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// The log that a block has: `length` bytes at `offset`. None where the block is damaged, or there
/// is no memory.
pub fn decompress(
    segment: &SegmentHeader,
    offset: u64,
    length: usize,
    block: &[u8],
    dictionary: &DDict<'_>,
) -> Option<Vec<u8>> {
    if block.len() < 9 || segment.checksum(offset, &block[4..]) != u32_at(block, 0) {
        return None;
    }
    let (crc, how, rest) = (u32_at(block, 4), block[8], &mut &block[9..]);
    let texture_len = usize::try_from(take_varint(rest)?).ok()?;
    let packed_len = usize::try_from(take_varint(rest)?).ok()?;
    let (packed, noise) = rest.split_at_checked(packed_len)?;
    // A header takes less than it has, and a frame little more than what is not left out of it.
    if texture_len > length.checked_add(BATCH_HEADER_LEN)? {
        return None;
    }
    let mut texture = Vec::with_capacity(texture_len);
    let got = CONTEXT.with_borrow_mut(|context| {
        if context.is_none() {
            *context = DCtx::try_create();
        }
        context.as_mut()?.decompress_using_ddict(&mut texture, packed, dictionary).ok()
    })?;
    if got != texture_len {
        return None;
    }
    let plain = match how {
        AS_IT_IS if noise.is_empty() && texture_len == length => texture,
        STRIPPED => strip::restore(segment, offset, length, &texture, noise)?,
        _ => return None,
    };
    (segment.checksum(offset, &plain) == crc).then_some(plain)
}
