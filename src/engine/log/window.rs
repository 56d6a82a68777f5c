//! Reading a file through a window: neighbours come from one large read, far places from a small
//! one.

use crate::engine::model::error::{Error, Result};
use crate::engine::platform::vfs::{read_full, read_full_settled, File};
use std::path::Path;
use std::sync::Arc;

pub const SMALL_READ: usize = 512;
const LARGE_READ: usize = 64 << 10;

/// A part of a file in memory.
pub struct Window {
    file: Arc<dyn File>,
    path: Arc<Path>,
    buffer: Vec<u8>,
    start: u64,
    read_len: usize,
    /// Nothing at or after this offset is read: it may still change.
    limit: u64,
}

impl Window {
    pub fn new(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        Window { file, path, buffer: Vec::new(), start: 0, read_len: SMALL_READ, limit: u64::MAX }
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
        self.buffer.capacity() > 2 * LARGE_READ
    }

    /// `length` bytes at `offset`; fewer at the end of the file.
    #[inline(always)]
    pub fn get(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let end = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + length as u64 > end {
            self.refill(offset, length, end)?;
        }
        let from = ((offset - self.start) as usize).min(self.buffer.len());
        let to = (from + length).min(self.buffer.len());
        Ok(&self.buffer[from..to])
    }

    /// What it has from `offset` on, below `end`: nothing where it does not have that place.
    pub fn held(&self, offset: u64, end: u64) -> &[u8] {
        let Some(from) = offset.checked_sub(self.start) else { return &[] };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = self.buffer.get(from..).unwrap_or_default();
        let room = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        &rest[..rest.len().min(room)]
    }

    fn refill(&mut self, offset: u64, length: usize, end: u64) -> Result<()> {
        let near = offset >= self.start
            && offset <= end.saturating_add(SMALL_READ as u64)
            && !self.buffer.is_empty();
        self.read_len = match near {
            true => (self.read_len * 2).min(LARGE_READ),
            false if self.buffer.is_empty() => self.read_len,
            false => SMALL_READ,
        };
        let mut limit = self.limit;
        if length > LARGE_READ {
            // A length that the file cannot have must not cost memory.
            limit =
                limit.min(self.file.len().map_err(|e| Error::io("cannot stat", &self.path, &e))?);
        }
        let room = usize::try_from(limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.buffer.resize(self.read_len.max(length).min(room), 0);
        self.start = offset;
        let settled = self.limit < u64::MAX && self.buffer.len() <= SMALL_READ;
        let got = match settled {
            true => read_full_settled(&*self.file, &mut self.buffer, offset),
            false => read_full(&*self.file, &mut self.buffer, offset),
        };
        self.buffer.truncate(*got.as_ref().unwrap_or(&0));
        got.map(drop).map_err(|e| Error::io("cannot read", &self.path, &e))
    }
}
