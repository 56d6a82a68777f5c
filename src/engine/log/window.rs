//! Reading a file through a window: neighbours come from one large read, far places from a small
//! one.

use crate::engine::model::error::{Error, Result};
use crate::engine::platform::vfs::{read_full, read_full_settled, File, RESIDENT_MAX};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

pub const SMALL_READ: usize = 512;
const SHORT_READ: usize = 192;
const LARGE_READ: usize = 64 << 10;
/// What is copied at once out of a mapping.
const STEP: usize = 4 << 10;
/// Where some of a stretch is not in memory, so much is read by system calls: more than they have
/// the disk read ahead, so that what was read ahead is not taken for a file that is in memory.
const COLD: u64 = 16 << 20;
/// The processor is asked for so much at once, a step ahead.
const FETCHED: usize = 1 << 10;

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
    /// Of a walk through a mapping.
    ahead: Option<Ahead>,
}

/// A stretch of the file, of which all is in memory, or is taken not to be.
struct Ahead {
    /// Where it ends.
    end: u64,
    /// It is in memory, and copied from a mapping. Else it is read by system calls, which have the
    /// disk read ahead.
    resident: bool,
    /// How long the next one is.
    next_len: usize,
    /// The processor was asked for what is before this.
    fetched: Cell<u64>,
}

impl Window {
    pub fn new(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        let (memory, read_len, limit) = (Vec::new(), SMALL_READ, u64::MAX);
        Window { file, path, memory, filled: 0, start: 0, read_len, limit, ahead: None }
    }

    /// A window for one frame, which is as short as most are.
    pub fn short(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        Window { read_len: SHORT_READ, ..Window::new(file, path) }
    }

    /// A window for walking along the file: reads that are large at once, and soon the largest.
    pub fn sequential(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        Window { read_len: LARGE_READ / 4, ..Window::new(file, path) }
    }

    /// As [`Window::sequential`], through a mapping of the file where what follows is in memory: it
    /// is on its way to the processor while the caller looks at what is here.
    pub fn mapped(file: Arc<dyn File>, path: Arc<Path>) -> Window {
        let ahead = Ahead { end: 0, resident: false, next_len: 0, fetched: Cell::new(0) };
        Window { ahead: Some(ahead), ..Window::sequential(file, path) }
    }

    /// Reads only what is before `limit`, all of which is settled.
    pub fn stay_below(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Whether it had to grow for a long frame.
    pub fn is_large(&self) -> bool {
        self.memory.len() > 2 * LARGE_READ
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
        let resident = self.resident_at(offset);
        let want = resident.map_or(self.read_len, |len| STEP.min(len)).max(length).min(room);
        if self.memory.len() < want {
            // Zeros that the system gives cost nothing until they are read over.
            self.memory = vec![0; want];
        }
        let buffer = &mut self.memory[..want];
        (self.start, self.filled) = (offset, 0);
        let settled = resident.is_some() || self.limit < u64::MAX && buffer.len() <= SMALL_READ;
        let got = match settled {
            true => read_full_settled(&*self.file, buffer, offset),
            false => read_full(&*self.file, buffer, offset),
        };
        self.filled = *got.as_ref().unwrap_or(&0);
        got.map(drop).map_err(|e| Error::io("cannot read", &self.path, &e))
    }

    /// How much at `offset`, where a walk goes on, is in memory and copied from a mapping; none
    /// where it is read by a system call. A walk begins with one, and looks further ahead the
    /// further it goes.
    fn resident_at(&mut self, offset: u64) -> Option<usize> {
        let ahead = self.ahead.as_mut().filter(|_| self.limit < u64::MAX)?;
        if offset >= ahead.end {
            let rest = usize::try_from(self.limit.saturating_sub(offset)).unwrap_or(usize::MAX);
            let length = ahead.next_len.min(rest);
            ahead.resident = length > 0 && self.file.is_resident(offset, length);
            ahead.end = match (length, ahead.resident) {
                (0, _) => offset + self.read_len as u64,
                (_, true) => offset + length as u64,
                (_, false) => offset + COLD,
            };
            ahead.next_len = (ahead.next_len * 2).clamp(LARGE_READ, RESIDENT_MAX);
        }
        ahead.resident.then(|| (ahead.end - offset) as usize)
    }

    /// The bytes at `offset`, which it has, are looked at: what is a step later is fetched.
    #[inline(always)]
    pub fn pass(&self, offset: u64) {
        if let Some(Ahead { end, resident: true, fetched, .. }) = &self.ahead {
            let wanted = offset + STEP as u64;
            if wanted > fetched.get() && wanted < *end {
                fetched.set(wanted + FETCHED as u64);
                self.file.prefetch(wanted, FETCHED);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::platform::disk::OsVfs;
    use crate::engine::platform::memory::MemoryFile;
    use crate::engine::platform::vfs::{write_full, Access, DirOptions, Vfs};

    fn byte(at: u64) -> u8 {
        (at % 251) as u8
    }

    /// A file of the operating system that nobody writes to.
    fn settled(bytes: u64) -> Arc<dyn File> {
        let path = std::env::temp_dir().join(format!("fbat-window-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        let options = DirOptions { files_max: 4, model: "model", read_as: Ok };
        let dir = OsVfs.open_dir(&path, options).unwrap();
        let content: Vec<u8> = (0..bytes).map(byte).collect();
        write_full(&*dir.open("file", Access::CreateNew).unwrap(), &content, 0).unwrap();
        let file = dir.open("file", Access::Read).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        file
    }

    /// Reads all below `limit` as a walk does, in pieces of many lengths; how many refills, and how
    /// many of those through a mapping.
    fn walk(window: &mut Window, limit: u64) -> (usize, usize) {
        let (mut at, mut refills, mut mapped) = (0, 0, 0);
        window.stay_below(limit);
        for length in [8, 92, 400, 3000, 4096, 5000, 70_000].into_iter().cycle() {
            if at == limit {
                break;
            }
            let length = length.min((limit - at) as usize);
            let before = window.start;
            let piece = window.get(at, length).unwrap();
            assert!(piece.iter().zip(at..).all(|(found, at)| *found == byte(at)), "{at}");
            assert_eq!(piece.len(), length);
            if window.start != before {
                refills += 1;
                mapped += usize::from(window.ahead.as_ref().is_some_and(|ahead| ahead.resident));
            }
            assert!(window.start + window.filled as u64 <= limit);
            window.pass(at);
            at += length as u64;
        }
        (refills, mapped)
    }

    #[test]
    #[cfg_attr(miri, ignore)] // maps a file
    fn a_walk_through_a_mapping_reads_what_is_there_and_nothing_beyond_what_is_settled() {
        let file = settled(3_000_000);
        for limit in [1, 100, 4096, 70_000, 1_000_001, 3_000_000] {
            let mut window = Window::mapped(file.clone(), Path::new("file").into());
            let (refills, mapped) = walk(&mut window, limit);
            assert!(limit < 100_000 || mapped > refills / 2, "{mapped} of {refills}");
        }
    }

    #[test]
    fn a_walk_through_a_file_that_is_not_in_memory_makes_large_reads() {
        let content: Vec<u8> = (0..2_000_000).map(byte).collect();
        let file = Arc::new(MemoryFile::of(Arc::new(content)));
        let mut window = Window::mapped(file, Path::new("file").into());
        let (refills, mapped) = walk(&mut window, 2_000_000);
        assert!(refills < 60 && mapped == 0, "{mapped} of {refills}");
    }
}
