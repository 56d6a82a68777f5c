//! What of the indexes of a store is kept in memory, with a bound: memory does not grow with the
//! number of events.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// Parts of indexes that are held whole as long as all of a kind take less than so many bytes
/// together; beyond, they are read where they are.
#[derive(Clone, Copy)]
pub enum Part {
    Filter = 32 << 20,
    Strings = 4 << 20,
}

/// How much is held.
#[derive(Default)]
pub struct BlockCache {
    filters: Arc<AtomicUsize>,
    strings: Arc<AtomicUsize>,
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
    pub fn new() -> BlockCache {
        BlockCache::default()
    }

    /// Room for `bytes` that stay, if there is any left.
    pub fn pin(&self, part: Part, bytes: usize) -> Option<Room> {
        let pinned = match part {
            Part::Filter => &self.filters,
            Part::Strings => &self.strings,
        };
        let before = pinned.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { reserved: bytes, pinned: pinned.clone() };
        (before + bytes <= part as usize).then_some(room)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        [&self.filters, &self.strings].map(|bytes| bytes.load(Ordering::Relaxed)).iter().sum()
    }
}
