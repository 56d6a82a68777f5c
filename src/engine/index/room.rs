//! What of the indexes of a store is kept in memory, with a bound: memory does not grow with the
//! number of events.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// Strings of indexes are held whole as long as all of them take less than so many bytes together;
/// beyond, they are read where they are.
const STRING_BYTES_MAX: usize = 4 << 20;

/// How much of strings is held, of all indexes of a store together.
#[derive(Default)]
pub struct StringRoom {
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

impl StringRoom {
    pub fn new() -> StringRoom {
        StringRoom::default()
    }

    /// Room for strings of so many bytes that stay, if there is any left.
    pub fn pin_strings(&self, bytes: usize) -> Option<Room> {
        let before = self.strings.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { reserved: bytes, pinned: self.strings.clone() };
        (before + bytes <= STRING_BYTES_MAX).then_some(room)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.strings.load(Ordering::Relaxed)
    }
}
