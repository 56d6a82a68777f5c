//! One frame, read where it is known to be: short ones take no memory but that of the stack.

use super::window::SMALL_READ;
use crate::engine::format::frame::{Frame, FRAME_FIXED_LEN};
use crate::engine::platform::vfs::{read_full, File};

/// The bytes of a frame.
pub struct Point {
    short: [u8; SMALL_READ],
    long: Vec<u8>,
    length: usize,
}

impl Default for Point {
    fn default() -> Point {
        Point { short: [0; SMALL_READ], long: Vec::new(), length: 0 }
    }
}

impl Point {
    /// Reads the frame at an offset of a log that is settled up to `end`; none where there is no
    /// such frame, or it can't be read.
    pub fn read(&mut self, file: &dyn File, offset: u64, end: u64) -> Option<&[u8]> {
        self.length = 0;
        self.long.clear();
        let room = usize::try_from(end.checked_sub(offset)?).ok()?;
        let short = &mut self.short[..room.min(SMALL_READ)];
        let got = file.read_settled(short, offset).ok()?;
        if got < FRAME_FIXED_LEN {
            return None;
        }
        let length = Frame::length(short);
        if !(FRAME_FIXED_LEN..=room).contains(&length) {
            return None;
        }
        if length > got {
            // A length that the file does not have costs no memory.
            let there = file.len().ok()?.checked_sub(offset)?;
            (length as u64 <= there).then_some(())?;
            self.long.resize(length, 0);
            (read_full(file, &mut self.long, offset).ok()? == length).then_some(())?;
        }
        self.length = length;
        Some(self.bytes())
    }

    /// What was read last.
    pub fn bytes(&self) -> &[u8] {
        match self.long.is_empty() {
            true => &self.short[..self.length],
            false => &self.long[..self.length],
        }
    }
}
