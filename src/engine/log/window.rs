//! Reading a file through a window: neighbours come from one large read, far places from a small
//! one.

use crate::engine::model::error::{Error, Result};
use crate::engine::platform::vfs::{read_full, read_full_settled, File};
use std::path::Path;
use std::sync::Arc;

pub const SMALL_READ: usize = 512;
const SHORT_READ: usize = 192;
const LARGE_READ: usize = 64 << 10;

/// A part of a file in memory.
pub struct Window {
    file: Arc<dyn File>,
    path: Arc<Path>,
    /// What was read is in front; the rest is memory that is kept.
    memory: Vec<u8>,
    filled: usize,
    start: u64,
    read_len: usize,
    /// Nothing at or after this offset is read: it may still change.
    limit: u64,
}

impl Window {
    pub fn new(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        let (memory, read_len, limit) = (Vec::new(), SMALL_READ, u64::MAX);
        Window { file, path, memory, filled: 0, start: 0, read_len, limit }
    }

    /// A window for one frame, which is as short as most are.
    pub fn short(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        Window { read_len: SHORT_READ, ..Window::new(file, path) }
    }

    /// A window for walking along the file: reads that are large at once, and soon the largest.
    pub fn sequential(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        Window { read_len: LARGE_READ / 4, ..Window::new(file, path) }
    }

    /// Reads only what is before `limit`, all of which is settled.
    pub fn stay_below(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Whether it had to grow for a long frame.
    pub fn is_large(&self) -> bool {
        self.memory.capacity() > 2 * LARGE_READ
    }

    /// `length` bytes at `offset`; fewer at the end of the file.
    #[inline(always)]
    pub fn get(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let end = self.start + self.filled as u64;
        if offset < self.start || offset + length as u64 > end {
            self.refill(offset, length, end)?;
        }
        let from = ((offset - self.start) as usize).min(self.filled);
        let to = (from + length).min(self.filled);
        Ok(&self.memory[from..to])
    }

    /// What it has from `offset` on, below `end`: nothing where it does not have that place.
    pub fn held(&self, offset: u64, end: u64) -> &[u8] {
        let Some(from) = offset.checked_sub(self.start) else { return &[] };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = self.memory[..self.filled].get(from..).unwrap_or_default();
        let room = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        &rest[..rest.len().min(room)]
    }

    fn refill(&mut self, offset: u64, length: usize, end: u64) -> Result<()> {
        let near = offset >= self.start
            && offset <= end.saturating_add(SMALL_READ as u64)
            && self.filled > 0;
        self.read_len = match near {
            true => (self.read_len * 2).min(LARGE_READ),
            false if self.filled == 0 => self.read_len,
            false => SMALL_READ,
        };
        let mut limit = self.limit;
        if length > LARGE_READ {
            // A length that the file cannot have must not cost memory.
            limit =
                limit.min(self.file.len().map_err(|e| Error::io("cannot stat", &self.path, &e))?);
        }
        let room = usize::try_from(limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        let want = self.read_len.max(length).min(room);
        if self.memory.len() < want {
            // Zeros that the system gives cost nothing until they are read over.
            self.memory = vec![0; want];
        }
        let buffer = &mut self.memory[..want];
        (self.start, self.filled) = (offset, 0);
        let settled = self.limit < u64::MAX && buffer.len() <= SMALL_READ;
        let got = match settled {
            true => read_full_settled(&*self.file, buffer, offset),
            false => read_full(&*self.file, buffer, offset),
        };
        self.filled = *got.as_ref().unwrap_or(&0);
        got.map(drop).map_err(|e| Error::io("cannot read", &self.path, &e))
    }
}
