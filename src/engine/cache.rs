//! A bounded cache of index blocks: memory does not grow with the number of events.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Data bytes of a block.
pub type Block = Arc<Vec<u8>>;

/// Blocks that fit: 16 MiB of them.
const SLOTS: usize = 4096;
const SHARDS: usize = 64;
/// Filters are held whole up to this many bytes together; beyond, their blocks come and go.
const PINNED_BYTES_MAX: usize = 8 << 20;

struct Slot {
    file: u64,
    number: u64,
    block: Block,
}

/// Direct-mapped: a block has one place, and pushes out what is there.
pub struct BlockCache {
    shards: Vec<Mutex<Vec<Option<Slot>>>>,
    pinned: Arc<AtomicUsize>,
}

/// Bytes that stay in memory until this is dropped.
#[derive(Debug)]
pub struct Pinned {
    bytes: Vec<u8>,
    reserved: usize,
    pinned: Arc<AtomicUsize>,
}

impl Pinned {
    pub fn hold(mut self, bytes: Vec<u8>) -> Pinned {
        self.bytes = bytes;
        self
    }
}

impl Deref for Pinned {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.pinned.fetch_sub(self.reserved, Ordering::Relaxed);
    }
}

impl BlockCache {
    #[allow(clippy::new_without_default)] // nobody makes one by default
    pub fn new() -> BlockCache {
        let shard = || Mutex::new((0..SLOTS / SHARDS).map(|_| None).collect());
        BlockCache { shards: (0..SHARDS).map(|_| shard()).collect(), pinned: Arc::default() }
    }

    /// The block `number` of the file that is known as `file`, from the cache or from `load`.
    pub fn get<E>(&self, file: u64, number: u64, load: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Block, E> {
        let place = (file.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number)) as usize % SLOTS;
        let shard = &self.shards[place % SHARDS];
        let lock = || shard.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(slot) = &lock()[place / SHARDS] {
            if slot.file == file && slot.number == number {
                return Ok(slot.block.clone());
            }
        }
        let block = Arc::new(load()?);
        lock()[place / SHARDS] = Some(Slot { file, number, block: block.clone() });
        Ok(block)
    }

    /// Room for `bytes` that stay, if there is any left.
    pub fn pin(&self, bytes: usize) -> Option<Pinned> {
        let before = self.pinned.fetch_add(bytes, Ordering::Relaxed);
        let pinned = Pinned { bytes: Vec::new(), reserved: bytes, pinned: self.pinned.clone() };
        (before + bytes <= PINNED_BYTES_MAX).then_some(pinned)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let held = |shard: &Mutex<Vec<Option<Slot>>>| {
            let shard = shard.lock().unwrap_or_else(|e| e.into_inner());
            shard.iter().flatten().map(|slot| slot.block.len()).sum::<usize>()
        };
        self.shards.iter().map(held).sum::<usize>() + self.pinned.load(Ordering::Relaxed)
    }
}
