//! Hashes in an index, under the salt of its segment: who chooses ids and names does not know which
//! of them collide.

use crate::engine::model::bytes::array_at;
use crate::engine::model::id::Id;

/// The hash of some bytes in the index of the segment with this salt.
pub fn keyed_hash(salt: u64, bytes: &[u8]) -> u64 {
    siphash((salt, !salt), bytes)
}

/// SipHash-1-3 (Aumasson and Bernstein, 2012).
fn siphash((low, high): (u64, u64), bytes: &[u8]) -> u64 {
    let mut state = [
        low ^ 0x736f_6d65_7073_6575,
        high ^ 0x646f_7261_6e64_6f6d,
        low ^ 0x6c79_6765_6e65_7261,
        high ^ 0x7465_6462_7974_6573,
    ];
    let mut take = |word: u64| {
        state[3] ^= word;
        round(&mut state);
        state[0] ^= word;
    };
    let words = bytes.chunks_exact(8);
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    last[7] = bytes.len() as u8;
    words.for_each(|word| take(u64::from_le_bytes(array_at(word, 0))));
    take(u64::from_le_bytes(last));
    state[2] ^= 0xff;
    (0..3).for_each(|_| round(&mut state));
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

#[inline(always)]
fn round(state: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *state;
    (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
    (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
    a = a.rotate_left(32);
    (a, c) = (a.wrapping_add(d), c.wrapping_add(b));
    (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
    c = c.rotate_left(32);
    *state = [a, b, c, d];
}

/// What makes the tag of a content that of an id with this content: a multilinear hash, which is
/// strongly universal (Lemire and Kaser, 2014). So two ids that somebody chose who does not know
/// the salt of the segment differ by any one value with a chance of 2^-64.
#[derive(Clone, Copy, Debug)]
pub struct IdHash([u128; 3]);

impl IdHash {
    /// That of the segment with this salt.
    pub fn new(salt: u64) -> IdHash {
        let word = |number: usize| u128::from(keyed_hash(salt, &[number as u8]));
        IdHash(std::array::from_fn(|n| word(2 * n) << 64 | word(2 * n + 1)))
    }

    pub fn of(&self, Id(id): Id) -> u64 {
        let [start, low, high] = self.0;
        let low = low.wrapping_mul(u128::from(id as u64));
        let high = high.wrapping_mul(id >> 64);
        (start.wrapping_add(low).wrapping_add(high) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hasher;

    #[test]
    fn the_hash_is_siphash_1_3() {
        let bytes: Vec<u8> = (0..40).collect();
        for length in 0..bytes.len() {
            let mut hasher = std::collections::hash_map::DefaultHasher::new();
            hasher.write(&bytes[..length]);
            assert_eq!(siphash((0, 0), &bytes[..length]), hasher.finish(), "{length}");
        }
        assert_ne!(keyed_hash(1, b"a"), keyed_hash(2, b"a"));
    }
}
