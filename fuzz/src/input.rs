//! What an input says, read from the front: numbers, choices, bytes. Behind its end everything is
//! zero.

/// The rest of an input.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most `length` bytes.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }

    pub fn u8(&mut self) -> u8 {
        self.number(1) as u8
    }

    pub fn u16(&mut self) -> u16 {
        self.number(2) as u16
    }

    /// A little-endian number of so many bytes.
    pub fn number(&mut self, width: usize) -> u64 {
        let bytes = self.bytes(width);
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// True for one byte in so many.
    pub fn one_in(&mut self, count: u8) -> bool {
        self.u8().is_multiple_of(count)
    }

    /// Below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        let width = if count <= 0x100 { 1 } else { 3 };
        self.number(width) as usize % count
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A number where something may turn over: small, near the top, a power of two, or any.
    pub fn edgy(&mut self) -> u64 {
        match self.u8() {
            small @ 0..0x80 => small.into(),
            top @ 0x80..0xa0 => u64::MAX - u64::from(top - 0x80),
            power @ 0xa0..0xe0 => 1 << (power - 0xa0),
            power @ 0xe0..0xf0 => (1 << (4 * (power - 0xe0 + 1) - 1)) - 1,
            _ => self.number(8),
        }
    }
}
