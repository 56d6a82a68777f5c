//! A bounded cache of index blocks: memory does not grow with the number of events.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Data bytes of a block.
pub type Block = Arc<Vec<u8>>;

/// Blocks that fit: 16 MiB of them.
const SLOTS: usize = 4096;
const SHARDS: usize = 64;

/// Strings of indexes are held whole as long as all of them take less than so many bytes together;
/// beyond, their blocks come and go.
const STRING_BYTES_MAX: usize = 4 << 20;

struct Cached {
    file: u64,
    number: u64,
    block: Block,
}

/// Direct-mapped: a block has one place, and replaces what is there.
pub struct BlockCache {
    shards: Vec<Mutex<Vec<Option<Cached>>>>,
    pinned_strings: Arc<AtomicUsize>,
}

/// What stays in memory until this is dropped.
#[derive(Debug)]
pub struct Pinned<T> {
    held: T,
    _room: Room,
}

/// Bytes that are spoken for.
#[derive(Debug)]
pub struct Room {
    reserved: usize,
    pinned: Arc<AtomicUsize>,
}

impl Room {
    pub fn hold<T>(self, held: T) -> Pinned<T> {
        Pinned { held, _room: self }
    }
}

impl<T> Deref for Pinned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.held
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.pinned.fetch_sub(self.reserved, Ordering::Relaxed);
    }
}

impl BlockCache {
    #[allow(clippy::new_without_default)] // nobody makes one by default
    pub fn new() -> BlockCache {
        let shard = || Mutex::new((0..SLOTS / SHARDS).map(|_| None).collect());
        let shards = (0..SHARDS).map(|_| shard()).collect();
        BlockCache { shards, pinned_strings: Arc::default() }
    }

    /// The block `number` of the file that is known as `file`, from the cache or from `load`.
    pub fn get<E>(
        &self,
        file: u64,
        number: u64,
        load: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Block, E> {
        let (shard, at) = self.place(file, number);
        let lock = || shard.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(slot) = &lock()[at] {
            if slot.file == file && slot.number == number {
                return Ok(slot.block.clone());
            }
        }
        let block = Block::new(load()?);
        lock()[at] = Some(Cached { file, number, block: block.clone() });
        Ok(block)
    }

    /// Shows the block `number` of `file` to `look`, if it is in the cache: sooner done than
    /// [`BlockCache::get`], which takes hold of it. `look` must not come back here.
    pub fn peek<T>(&self, file: u64, number: u64, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let (shard, at) = self.place(file, number);
        let slots = shard.lock().unwrap_or_else(|e| e.into_inner());
        let slot = slots[at].as_ref().filter(|slot| slot.file == file && slot.number == number)?;
        Some(look(&slot.block))
    }

    fn place(&self, file: u64, number: u64) -> (&Mutex<Vec<Option<Cached>>>, usize) {
        let place =
            (file.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number)) as usize % SLOTS;
        (&self.shards[place % SHARDS], place / SHARDS)
    }

    /// Room for strings of so many bytes that stay, if there is any left.
    pub fn pin_strings(&self, bytes: usize) -> Option<Room> {
        let before = self.pinned_strings.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { reserved: bytes, pinned: self.pinned_strings.clone() };
        (before + bytes <= STRING_BYTES_MAX).then_some(room)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let held = |shard: &Mutex<Vec<Option<Cached>>>| {
            let shard = shard.lock().unwrap_or_else(|e| e.into_inner());
            shard.iter().flatten().map(|slot| slot.block.len()).sum::<usize>()
        };
        let strings = self.pinned_strings.load(Ordering::Relaxed);
        self.shards.iter().map(held).sum::<usize>() + strings
    }
}
