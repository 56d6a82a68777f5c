//! The index of one segment: built from the log, written beside it, deletable at any time.
//!
//! A file of 4 KiB blocks, each with 4,032 bytes of data and a checksum; sections start at a block.
//! Every fixed-size entry divides 4,032, so none straddles two blocks.

use super::cache::{Block, BlockCache, Pinned};
use super::zones::{self, Times};
use crate::engine::format::frame::SegmentHeader;
use crate::engine::model::bytes::{array_at, u32_at, u64_at};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::limits::SEQUENCE_MAX;
use crate::engine::platform::vfs::{read_full, read_full_settled, File};
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub(super) const MAGIC: [u8; 8] = *b"FBATIDX\0";
/// Indexes of another version are rebuilt.
pub(super) const VERSION: u32 = 3;
pub(super) const BLOCK_LEN: usize = 4096;
pub(super) const DATA_LEN: usize = 4032;
pub(super) const FILTER_LINE_LEN: usize = 64;
pub(super) const FILTER_BITS_PER_KEY: usize = 10;
pub(super) const FILTER_PROBES: u32 = 6;

/// Sections, in the order of the file, and the length of their entries.
pub(super) const IDS: usize = 0; // id 16, tag 8, offset 4; by id
pub(super) const FILTER: usize = 1; // lines of 512 bits over ids and entities
pub(super) const NAMES: usize = 2; // number 4, first posting 4, postings 4, 0 4; by string
pub(super) const POSTINGS: usize = 3; // offset 4; by entity in the order of NAMES, then offset
pub(super) const STRINGS: usize = 4; // offset in TEXT 4, length 4; by number
pub(super) const TEXT: usize = 5; // bytes
pub(super) const SPARSE: usize = 6; // sequence 8, offsets of frame and batch 4 each; by sequence
pub(super) const ZONES: usize = 7; // least and greatest of two times 8 each, events 4; as SPARSE
pub(super) const KINDS: usize = 8; // kind 4, first and last zone 4 each; by kind, then zone
pub(super) const SCOPE_ZONES: usize = 9; // number 4, first and last zone 4 each; as KINDS
pub(super) const SPANS: usize = 10; // sequences and times of first and last event 8 each; as NAMES
pub(super) const KIND_COUNTS: usize = 11; // kind 4, events 4; by kind
pub(super) const SCOPES: usize = 12; // number 4, events 4, 8 times 0, a span of 32; by string
pub(super) const SECTIONS: usize = 13;
pub(super) const ENTRY_LEN: [usize; SECTIONS] =
    [28, FILTER_LINE_LEN, 16, 4, 8, 1, 16, 36, 12, 12, 32, 8, 48];
/// Where the header has the times of all that is covered, and the number of the library's events.
pub(super) const TIMES_AT: usize = 112 + 16 * SECTIONS;
pub(super) const SYSTEM_AT: usize = TIMES_AT + 32;
pub(super) const IDS_PER_BLOCK: usize = DATA_LEN / ENTRY_LEN[IDS];
/// A search among ids begins between two of so many.
pub(super) const FENCE_STEPS: usize = 64;
/// With more strings than this, an index does not hold them in memory.
pub(super) const DICTIONARY_STRINGS_MAX: usize = 4096;
/// A whole section is read in parts of so many blocks.
pub(super) const VISIT_BLOCKS: usize = 64;

/// What an index says of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexMeta {
    /// It covers the log up to this offset.
    pub covered_len: u64,
    /// The last sequence covered; `first_sequence - 1` where there is none.
    pub last_sequence: u64,
    pub events: u64,
    pub last_recorded_us: i64,
    /// Log hash at the end of what is covered.
    pub log_hash: Hash,
    /// The segment is complete.
    pub sealed: bool,
}

/// The checksum of a part of an index or a filter group, which another part, or one of another
/// segment, does not have.
pub fn block_checksum(salt: u64, number: u64, data: &[u8]) -> u32 {
    let mut hasher =
        crc32fast::Hasher::new_with_initial((salt ^ (salt >> 32)) as u32 ^ number as u32);
    hasher.update(data);
    hasher.finalize()
}

/// Read when it is first asked for, and shared by the clones of an index.
pub(super) type Once<T> = Arc<OnceLock<T>>;

/// An index that is open for look-ups. Blocks are checked when they are read.
#[derive(Clone)]
pub struct Index {
    pub meta: IndexMeta,
    pub(super) file: Arc<dyn File>,
    pub(super) path: PathBuf,
    pub(super) salt: u64,
    /// What the cache knows this file by.
    pub(super) uid: u64,
    pub(super) cache: Arc<BlockCache>,
    pub(super) dictionary: Once<Option<Pinned<Vec<Arc<str>>>>>,
    /// Ids at equal distances, the first and the last among them, as far as a search met them.
    pub(super) fence: Arc<[OnceLock<Id>; FENCE_STEPS + 1]>,
    /// First block and length in bytes of each section.
    pub(super) sections: [(u64, u64); SECTIONS],
    /// Of all that is covered.
    pub(super) times: Times,
    /// Events of the library's own among those that are covered.
    pub system_events: u64,
}

impl Index {
    /// Opens the index of `segment`; damage, another version and another segment are `Corrupt`.
    pub fn open(
        file: Arc<dyn File>,
        path: &Path,
        segment: &SegmentHeader,
        cache: &Arc<BlockCache>,
    ) -> Result<Index> {
        static NEXT_UID: AtomicU64 = AtomicU64::new(1);
        let block = load_block(read_full, &*file, path, segment.salt, 0)?;
        let wrong = |why: &str| Error::corrupt(path, 0, why);
        if block[..8] != MAGIC || u32_at(&block, 8) != VERSION {
            return Err(wrong("not an index of this version"));
        }
        let of_segment = block[16..32] == segment.store_id.to_bytes()
            && u64_at(&block, 32) == segment.first_sequence
            && u64_at(&block, 40) == segment.salt;
        if !of_segment {
            return Err(wrong("the index of another segment"));
        }
        let blocks = file.len().map_err(|e| Error::io("cannot stat", path, &e))? / BLOCK_LEN as u64;
        let section = |n: usize| (u64_at(&block, 112 + n * 16), u64_at(&block, 120 + n * 16));
        for (n, entry_len) in ENTRY_LEN.iter().enumerate() {
            let (first, bytes) = section(n);
            let end = first.saturating_add(bytes.div_ceil(DATA_LEN as u64));
            if end > blocks || bytes % *entry_len as u64 != 0 {
                return Err(wrong("a section of the index is longer than the file"));
            }
        }
        if section(ZONES).1 * ENTRY_LEN[SPARSE] as u64
            != section(SPARSE).1 * ENTRY_LEN[ZONES] as u64
        {
            return Err(wrong("the index has not as many zones as sparse entries"));
        }
        if section(SPANS).1 * ENTRY_LEN[NAMES] as u64 != section(NAMES).1 * ENTRY_LEN[SPANS] as u64
        {
            return Err(wrong("the index has not as many spans as names"));
        }
        if section(FILTER).1 == 0 {
            return Err(wrong("the index has no filter"));
        }
        let meta = IndexMeta {
            sealed: u32_at(&block, 12) == 1,
            covered_len: u64_at(&block, 48),
            last_sequence: u64_at(&block, 56),
            events: u64_at(&block, 64),
            last_recorded_us: u64_at(&block, 72) as i64,
            log_hash: Hash(array_at(&block, 80)),
        };
        if meta.last_sequence > SEQUENCE_MAX || meta.events > meta.last_sequence {
            return Err(wrong("the index contradicts itself"));
        }
        let uid = NEXT_UID.fetch_add(1, Ordering::Relaxed);
        let sections = std::array::from_fn(section);
        Ok(Index {
            meta,
            file,
            path: path.to_owned(),
            salt: segment.salt,
            uid,
            cache: cache.clone(),
            dictionary: Arc::default(),
            fence: Arc::new([const { OnceLock::new() }; FENCE_STEPS + 1]),
            times: zones::decode(&block, TIMES_AT),
            system_events: u64_at(&block, SYSTEM_AT),
            sections,
        })
    }

    /// The salt that an index file is for, unchecked: none where the file does not begin as an
    /// index does.
    pub fn salt_of(file: &dyn File) -> Option<u64> {
        let mut start = [0; 48];
        let got = read_full(file, &mut start, 0).ok()?;
        (got == start.len() && start[..8] == MAGIC).then(|| u64_at(&start, 40))
    }

    pub(super) fn blocks(&self) -> u64 {
        self.sections
            .iter()
            .map(|(first, bytes)| first + bytes.div_ceil(DATA_LEN as u64))
            .max()
            .unwrap_or(1)
    }

    /// Length of the index file.
    pub fn file_bytes(&self) -> u64 {
        self.blocks() * BLOCK_LEN as u64
    }

    /// Whether the file, which had this name, was deleted or replaced since it was opened.
    pub fn has_lost(&self, name: &str) -> bool {
        self.file.is_named(name).is_ok_and(|named| !named)
    }

    /// Reads and checks every block.
    pub fn check_blocks(&self) -> Result<()> {
        (0..self.blocks()).try_for_each(|n| {
            load_block(read_full, &*self.file, &self.path, self.salt, n).map(drop)
        })
    }

    pub(super) fn block(&self, number: u64) -> Result<Block> {
        self.cache.get(self.uid, number, || {
            load_block(read_full, &*self.file, &self.path, self.salt, number)
        })
    }

    /// From the mapped file, which is worth it for what is looked up often, and here alone: pages
    /// that are mapped count as memory of the process.
    pub(super) fn id_block(&self, number: u64) -> Result<Block> {
        self.cache.get(self.uid, number, || {
            load_block(read_full_settled, &*self.file, &self.path, self.salt, number)
        })
    }

    pub(super) fn entries(&self, section: usize) -> usize {
        self.sections[section].1 as usize / ENTRY_LEN[section]
    }

    /// The block that holds the entry `at`, and where in it.
    pub(super) fn entry(&self, section: usize, at: usize) -> Result<(Block, usize)> {
        let byte = at * ENTRY_LEN[section];
        if at >= self.entries(section) {
            return Err(self.damaged("the index points outside one of its sections"));
        }
        let block = self.block(self.sections[section].0 + (byte / DATA_LEN) as u64)?;
        Ok((block, byte % DATA_LEN))
    }

    /// Visits the entries of a section in their order, past the cache.
    pub(super) fn each_entry(
        &self,
        section: usize,
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let ((first, bytes), entry_len) = (self.sections[section], ENTRY_LEN[section] as u64);
        for from in (0..bytes).step_by(VISIT_BLOCKS * DATA_LEN) {
            let part = (bytes - from).min((VISIT_BLOCKS * DATA_LEN) as u64);
            let blocks = self.read_blocks(first + from / DATA_LEN as u64, part)?;
            let entries = blocks
                .chunks(BLOCK_LEN)
                .flat_map(|block| block[..DATA_LEN].chunks_exact(entry_len as usize));
            entries.take((part / entry_len) as usize).try_for_each(&mut *visit)?;
        }
        Ok(())
    }

    /// Reads and checks the blocks of a section that begins with the block `first` and has so many
    /// bytes.
    pub(super) fn read_blocks(&self, first: u64, bytes: u64) -> Result<Vec<u8>> {
        let mut blocks = vec![0; bytes.div_ceil(DATA_LEN as u64) as usize * BLOCK_LEN];
        let offset = first * BLOCK_LEN as u64;
        let got = read_full(&*self.file, &mut blocks, offset)
            .map_err(|e| Error::io("cannot read", &self.path, &e))?;
        for (number, block) in (first..).zip(blocks.chunks(BLOCK_LEN)) {
            let start = (number - first) as usize * BLOCK_LEN;
            check_block(
                &block[..got.saturating_sub(start).min(BLOCK_LEN)],
                &self.path,
                self.salt,
                number,
            )?;
        }
        Ok(blocks)
    }

    pub fn strings_len(&self) -> usize {
        self.entries(STRINGS)
    }

    pub(super) fn damaged(&self, why: impl Display) -> Error {
        Error::corrupt(&self.path, 0, why)
    }
}

/// [`read_full`] or [`read_full_settled`].
pub(super) type Read = fn(&dyn File, &mut [u8], u64) -> io::Result<usize>;

pub(super) fn load_block(
    read: Read,
    file: &dyn File,
    path: &Path,
    salt: u64,
    number: u64,
) -> Result<Vec<u8>> {
    let mut block = vec![0; BLOCK_LEN];
    let offset = number * BLOCK_LEN as u64;
    let got = read(file, &mut block, offset).map_err(|e| Error::io("cannot read", path, &e))?;
    check_block(&block[..got], path, salt, number)?;
    block.truncate(DATA_LEN);
    Ok(block)
}

/// Refuses a block that is not what was written, or is cut short.
pub(super) fn check_block(block: &[u8], path: &Path, salt: u64, number: u64) -> Result<()> {
    match block.len() == BLOCK_LEN
        && block_checksum(salt, number, &block[..DATA_LEN]) == u32_at(block, DATA_LEN)
    {
        true => Ok(()),
        false => {
            let offset = number * BLOCK_LEN as u64;
            Err(Error::corrupt(path, offset, "the checksum of an index block does not match"))
        }
    }
}

/// Whether an error says that an index can't be used, so that it has to be rebuilt.
pub fn is_damage(error: &Error) -> bool {
    error.code() == Code::Corrupt
}
