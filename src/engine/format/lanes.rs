//! BLAKE3 of many short inputs. One alone is compressed block after block, each waiting for the one
//! before. Several that do not depend on each other go side by side, in the lanes of a vector.

use crate::engine::model::content::Content;
use crate::engine::model::id::Hash;
use crate::engine::platform::wide::{Blocks, States, Wide, IV, LANES};
use std::ops::Range;

/// Fewer than this are hashed faster one after the other.
const WORTH: usize = 4;
/// A chunk of BLAKE3. What is longer is a tree of them, which the crate hashes in lanes by itself.
const CHUNK_LEN: usize = 1024;
const BLOCK_LEN: usize = 64;
// Flags of a block: the first of its chunk, the last, and that its chunk is all of the input.
const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 1 << 1;
const ROOT: u32 = 1 << 3;

/// The BLAKE3 of each input, in their order. There is a place in `out` for each.
pub fn hash_many(inputs: &[&[u8]], out: &mut [Hash]) {
    hash_each(inputs.iter().copied(), |at, hash| out[at] = hash);
}

/// Tells the BLAKE3 of each input with its number, in any order.
pub fn hash_each<'a>(
    inputs: impl ExactSizeIterator<Item = &'a [u8]>,
    mut tell: impl FnMut(usize, Hash),
) {
    let wide = if inputs.len() < WORTH { None } else { Wide::detect() };
    let Some(wide) = wide else {
        return inputs.enumerate().for_each(|(at, input)| tell(at, plain(input)));
    };
    let mut lanes = Lanes::default();
    for (at, input) in inputs.enumerate() {
        match input.len() > CHUNK_LEN {
            true => tell(at, plain(input)),
            false => lanes.begin(at, input),
        }
        while lanes.busy == LANES {
            lanes.step(wide, &mut tell);
        }
    }
    while lanes.busy >= WORTH {
        lanes.step(wide, &mut tell);
    }
    // What was done of these few is done again: less work than to go on with empty lanes.
    lanes.inputs.into_iter().flatten().for_each(|lane| tell(lane.at, plain(lane.input)));
}

/// Whether each payload is what its content stands for.
pub fn are_of(payloads: &[(&[u8], Content<'_>)]) -> Vec<bool> {
    let mut are: Vec<bool> = payloads.iter().map(|(_, c)| c.known_hash().is_none()).collect();
    let long: Vec<usize> = (0..are.len()).filter(|at| !are[*at]).collect();
    hash_each(long.iter().map(|at| payloads[*at].0), |number, hash| {
        let (payload, content) = payloads[long[number]];
        are[long[number]] = content == Content::new(payload, hash);
    });
    are
}

/// Inputs that are put together in one place, to be hashed at once.
#[derive(Default)]
pub struct Inputs {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Inputs {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// How many bytes they have in all.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds the input that `put` appends.
    pub fn push(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        put(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    fn range(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[at]
    }

    pub fn get(&self, at: usize) -> &[u8] {
        &self.bytes[self.range(at)]
    }

    pub fn get_mut(&mut self, at: usize) -> &mut [u8] {
        let range = self.range(at);
        &mut self.bytes[range]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| self.get(at))
    }
}

fn plain(input: &[u8]) -> Hash {
    Hash(*blake3::hash(input).as_bytes())
}

/// What is under way.
struct Lanes<'a> {
    inputs: [Option<Lane<'a>>; LANES],
    busy: usize,
    states: States,
    /// Last blocks, where they are not whole.
    padded: [[u8; BLOCK_LEN]; LANES],
}

#[derive(Clone, Copy)]
struct Lane<'a> {
    /// Which input it is.
    at: usize,
    input: &'a [u8],
    rest: &'a [u8],
}

impl Default for Lanes<'_> {
    fn default() -> Self {
        Lanes {
            inputs: [None; LANES],
            busy: 0,
            states: [[0; LANES]; 8],
            padded: [[0; BLOCK_LEN]; LANES],
        }
    }
}

impl<'a> Lanes<'a> {
    /// Takes an input into a lane that is free; there is one.
    fn begin(&mut self, at: usize, input: &'a [u8]) {
        let Some(lane) = self.inputs.iter().position(Option::is_none) else { return };
        self.inputs[lane] = Some(Lane { at, input, rest: input });
        self.states.iter_mut().zip(IV).for_each(|(word, iv)| word[lane] = iv);
        self.busy += 1;
    }

    /// Compresses a block of every input that is under way.
    fn step(&mut self, wide: Wide, tell: &mut impl FnMut(usize, Hash)) {
        let (mut lengths, mut flags) = ([0; LANES], [0; LANES]);
        let mut whole = [None; LANES];
        for (number, lane) in self.inputs.iter_mut().enumerate() {
            let Some(lane) = lane else { continue };
            let (block, rest) = lane.rest.split_at(lane.rest.len().min(BLOCK_LEN));
            whole[number] = block.first_chunk::<BLOCK_LEN>();
            if whole[number].is_none() {
                let (bytes, zeros) = self.padded[number].split_at_mut(block.len());
                bytes.copy_from_slice(block);
                zeros.fill(0);
            }
            lengths[number] = block.len() as u32;
            flags[number] = if lane.rest.len() == lane.input.len() { CHUNK_START } else { 0 };
            flags[number] |= if rest.is_empty() { CHUNK_END | ROOT } else { 0 };
            lane.rest = rest;
        }
        let mut bytes = self.padded.each_ref();
        for (bytes, whole) in bytes.iter_mut().zip(whole) {
            *bytes = whole.unwrap_or(bytes);
        }
        wide.compress(&mut self.states, &Blocks { bytes, lengths, flags });
        for (number, input) in self.inputs.iter_mut().enumerate() {
            let Some(lane) = input.filter(|lane| lane.rest.is_empty()) else { continue };
            let mut hash = [0; 32];
            for (bytes, word) in hash.chunks_exact_mut(4).zip(&self.states) {
                bytes.copy_from_slice(&word[number].to_le_bytes());
            }
            tell(lane.at, Hash(hash));
            *input = None;
            self.busy -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inputs: &[&[u8]]) {
        let mut out = vec![Hash::ZERO; inputs.len()];
        hash_many(inputs, &mut out);
        for (at, (input, hash)) in inputs.iter().zip(&out).enumerate() {
            assert_eq!(*hash, plain(input), "input {at} of {}: {} bytes", out.len(), input.len());
        }
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + (at >> 8)) as u8).collect()
    }

    #[test]
    fn every_length_hashes_as_alone() {
        let bytes = bytes(4200 + LANES);
        for length in 0..=4200 {
            let inputs: [&[u8]; LANES] = std::array::from_fn(|at| &bytes[at..at + length]);
            check(&inputs);
        }
    }

    #[test]
    fn every_number_of_inputs_hashes_as_alone() {
        let bytes = bytes(1100);
        let lengths = [0, 1, 63, 64, 65, 128, 500, 1023, 1024, 1025];
        for count in 0..=20 {
            for length in lengths {
                let inputs: Vec<&[u8]> = (0..count).map(|at| &bytes[at..at + length]).collect();
                check(&inputs);
            }
        }
    }

    #[test]
    fn mixed_lengths_hash_as_alone() {
        let (bytes, mut random) = (bytes(4200), 1u64);
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % below
        };
        for _round in 0..3000 {
            let most = [70, 300, 1100, 4200][next(4)];
            let count = 1 + next(20);
            let inputs: Vec<&[u8]> = (0..count).map(|_| &bytes[..next(most)]).collect();
            check(&inputs);
        }
    }
}
