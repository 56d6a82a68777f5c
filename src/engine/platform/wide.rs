//! BLAKE3's compression of eight blocks at once, for processors that have AVX2. The function is
//! that of section 2.2 of J. O'Connor and others, "BLAKE3: one function, fast everywhere", 2020; a
//! vector holds the same word of eight states, as section 5.3 has it.

/// So many blocks are compressed at once.
pub const LANES: usize = 8;

/// The same word of every lane.
pub type Word = [u32; LANES];

/// The chaining value of every lane, word by word.
pub type States = [Word; 8];

/// What an input begins with.
pub const IV: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A block of every lane, all of the first chunk of their inputs.
pub struct Blocks<'a> {
    pub bytes: [&'a [u8; 64]; LANES],
    /// How many of the bytes are input.
    pub lengths: Word,
    pub flags: Word,
}

/// That this processor can do it.
#[derive(Clone, Copy)]
pub struct Wide(());

#[cfg(target_arch = "x86_64")]
impl Wide {
    pub fn detect() -> Option<Wide> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Wide(()))
    }

    /// Compresses one block into each state.
    pub fn compress(self, states: &mut States, blocks: &Blocks<'_>) {
        // SAFETY: there is a value of this type only where the processor has AVX2.
        unsafe { avx2::compress(states, blocks) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Wide {
    pub fn detect() -> Option<Wide> {
        None
    }

    pub fn compress(self, _: &mut States, _: &Blocks<'_>) {
        unreachable!("no value of this type is made");
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Blocks, States, Word, IV, LANES};
    use std::arch::x86_64::*;

    /// Which word of the block goes where in each round: the permutation of the paper's table 2,
    /// once more each time.
    const SCHEDULE: [[usize; 16]; 7] = {
        const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
        let mut rounds = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; 7];
        let mut round = 1;
        while round < 7 {
            let mut word = 0;
            while word < 16 {
                rounds[round][word] = rounds[round - 1][PERMUTATION[word]];
                word += 1;
            }
            round += 1;
        }
        rounds
    };

    #[target_feature(enable = "avx2")]
    pub fn compress(states: &mut States, blocks: &Blocks<'_>) {
        let block = transposed(blocks.bytes);
        let zero = _mm256_setzero_si256();
        let iv = |word: usize| _mm256_set1_epi32(IV[word] as i32);
        let mut v = [
            load(&states[0]),
            load(&states[1]),
            load(&states[2]),
            load(&states[3]),
            load(&states[4]),
            load(&states[5]),
            load(&states[6]),
            load(&states[7]),
            iv(0),
            iv(1),
            iv(2),
            iv(3),
            zero,
            zero,
            load(&blocks.lengths),
            load(&blocks.flags),
        ];
        for order in &SCHEDULE {
            round(&mut v, &block, order);
        }
        for word in 0..8 {
            states[word] = store(_mm256_xor_si256(v[word], v[word + 8]));
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn round(v: &mut [__m256i; 16], block: &[__m256i; 16], order: &[usize; 16]) {
        mix(v, [0, 4, 8, 12], block[order[0]], block[order[1]]);
        mix(v, [1, 5, 9, 13], block[order[2]], block[order[3]]);
        mix(v, [2, 6, 10, 14], block[order[4]], block[order[5]]);
        mix(v, [3, 7, 11, 15], block[order[6]], block[order[7]]);
        mix(v, [0, 5, 10, 15], block[order[8]], block[order[9]]);
        mix(v, [1, 6, 11, 12], block[order[10]], block[order[11]]);
        mix(v, [2, 7, 8, 13], block[order[12]], block[order[13]]);
        mix(v, [3, 4, 9, 14], block[order[14]], block[order[15]]);
    }

    /// The paper's function G.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn mix(v: &mut [__m256i; 16], [a, b, c, d]: [usize; 4], x: __m256i, y: __m256i) {
        v[a] = _mm256_add_epi32(_mm256_add_epi32(v[a], v[b]), x);
        v[d] = rotated::<16, 16>(_mm256_xor_si256(v[d], v[a]));
        v[c] = _mm256_add_epi32(v[c], v[d]);
        v[b] = rotated::<12, 20>(_mm256_xor_si256(v[b], v[c]));
        v[a] = _mm256_add_epi32(_mm256_add_epi32(v[a], v[b]), y);
        v[d] = rotated::<8, 24>(_mm256_xor_si256(v[d], v[a]));
        v[c] = _mm256_add_epi32(v[c], v[d]);
        v[b] = rotated::<7, 25>(_mm256_xor_si256(v[b], v[c]));
    }

    /// Rotated to the right by the first number, which is 32 less the second. The compiler makes a
    /// shuffle of it where whole bytes move.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotated<const RIGHT: i32, const LEFT: i32>(v: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_srli_epi32::<RIGHT>(v), _mm256_slli_epi32::<LEFT>(v))
    }

    /// Word by word what the blocks have one after the other.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn transposed(blocks: [&[u8; 64]; LANES]) -> [__m256i; 16] {
        let mut words = [_mm256_setzero_si256(); 16];
        for half in 0..2 {
            let mut rows = [_mm256_setzero_si256(); LANES];
            for lane in 0..LANES {
                rows[lane] = load_bytes(blocks[lane], half * 32);
            }
            words[half * 8..half * 8 + 8].copy_from_slice(&transposed_square(rows));
        }
        words
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn transposed_square(rows: [__m256i; 8]) -> [__m256i; 8] {
        // Pairs of rows, then fours, then all eight. Names: rows, then columns.
        let ab_0145 = _mm256_unpacklo_epi32(rows[0], rows[1]);
        let ab_2367 = _mm256_unpackhi_epi32(rows[0], rows[1]);
        let cd_0145 = _mm256_unpacklo_epi32(rows[2], rows[3]);
        let cd_2367 = _mm256_unpackhi_epi32(rows[2], rows[3]);
        let ef_0145 = _mm256_unpacklo_epi32(rows[4], rows[5]);
        let ef_2367 = _mm256_unpackhi_epi32(rows[4], rows[5]);
        let gh_0145 = _mm256_unpacklo_epi32(rows[6], rows[7]);
        let gh_2367 = _mm256_unpackhi_epi32(rows[6], rows[7]);
        let abcd_04 = _mm256_unpacklo_epi64(ab_0145, cd_0145);
        let abcd_15 = _mm256_unpackhi_epi64(ab_0145, cd_0145);
        let abcd_26 = _mm256_unpacklo_epi64(ab_2367, cd_2367);
        let abcd_37 = _mm256_unpackhi_epi64(ab_2367, cd_2367);
        let efgh_04 = _mm256_unpacklo_epi64(ef_0145, gh_0145);
        let efgh_15 = _mm256_unpackhi_epi64(ef_0145, gh_0145);
        let efgh_26 = _mm256_unpacklo_epi64(ef_2367, gh_2367);
        let efgh_37 = _mm256_unpackhi_epi64(ef_2367, gh_2367);
        [
            _mm256_permute2x128_si256::<0x20>(abcd_04, efgh_04),
            _mm256_permute2x128_si256::<0x20>(abcd_15, efgh_15),
            _mm256_permute2x128_si256::<0x20>(abcd_26, efgh_26),
            _mm256_permute2x128_si256::<0x20>(abcd_37, efgh_37),
            _mm256_permute2x128_si256::<0x31>(abcd_04, efgh_04),
            _mm256_permute2x128_si256::<0x31>(abcd_15, efgh_15),
            _mm256_permute2x128_si256::<0x31>(abcd_26, efgh_26),
            _mm256_permute2x128_si256::<0x31>(abcd_37, efgh_37),
        ]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load_bytes(block: &[u8; 64], at: usize) -> __m256i {
        let bytes = &block[at..at + 32];
        // SAFETY: the slice has the 32 bytes that are read; they need no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(word: &Word) -> __m256i {
        // SAFETY: a word has the 32 bytes that are read; they need no alignment.
        unsafe { _mm256_loadu_si256(word.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn store(v: __m256i) -> Word {
        let mut word = [0; LANES];
        // SAFETY: a word has the 32 bytes that are written; they need no alignment.
        unsafe { _mm256_storeu_si256(word.as_mut_ptr().cast(), v) };
        word
    }
}
