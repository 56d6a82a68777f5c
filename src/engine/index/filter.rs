//! The filter of an index: which ids and entities cannot be in its segment.

use super::file::{Index, FILTER, FILTER_LINE_LEN, FILTER_PROBES};
use crate::engine::model::bytes::u64_at;
use crate::engine::model::error::Result;
use crate::engine::model::id::Id;

/// What the filter knows an id by. Ids may be anything a caller likes; this spreads them.
pub fn id_filter_key(id: Id) -> u64 {
    let folded = (id.0 as u64) ^ ((id.0 >> 64) as u64).rotate_left(32);
    let mixed = (folded ^ (folded >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// What the filter knows an entity by.
pub fn entity_filter_key(entity: &str) -> u64 {
    name_filter_key(entity.as_bytes())
}

pub fn name_filter_key(name: &[u8]) -> u64 {
    u64_at(blake3::hash(name).as_bytes(), 0)
}

/// The line that a key has in a filter of so many.
pub fn filter_line(key: u64, lines: usize) -> usize {
    (((key >> 32) * lines as u64) >> 32) as usize
}

/// Whether the line that `key` has may have been made with it.
pub fn filter_holds(line: &[u8], key: u64) -> bool {
    filter_bits(key).all(|bit| line[bit / 8] & 1 << (bit % 8) != 0)
}

pub fn filter_bits(key: u64) -> impl Iterator<Item = usize> {
    let spread = key.wrapping_mul(0x94d0_49bb_1331_11eb);
    (0..FILTER_PROBES).map(move |probe| (spread >> (64 - 9 * (probe + 1)) & 511) as usize)
}

impl Index {
    /// Whether the id of this filter key may be here, or an entity of it, or one below that; false
    /// is certain. Of a sealed segment, whoever looks here knows that already; see
    /// [`crate::engine::log::segments::Segments`].
    pub fn filter_allows(&self, key: u64) -> Result<bool> {
        let line: [u8; FILTER_LINE_LEN] =
            self.entry(FILTER, filter_line(key, self.entries(FILTER)))?;
        Ok(filter_holds(&line, key))
    }

    /// Says that [`Index::filter_allows`] will be asked soon.
    pub fn prefetch_filter(&self, key: u64) {
        self.prefetch(FILTER, filter_line(key, self.entries(FILTER)) * FILTER_LINE_LEN);
    }
}
