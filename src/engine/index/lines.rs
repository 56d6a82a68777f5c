//! Hash tables of an index: lines of one block each, so that a look-up reads one, or the next as
//! well where that is full.
//!
//! A line has the low 16 bits of the hash of each slot, then the values of each. A slot whose first
//! value is 0 is empty, and so are those after it.

use super::file::{Index, BLOCK_LEN, DATA_LEN};
use super::filter::filter_line;
use crate::engine::model::bytes::u32_at;
use crate::engine::model::error::Result;

/// How many slots a line has, of so many values each.
const fn slots(values: usize) -> usize {
    DATA_LEN / (2 + 4 * values)
}

/// The lines for some values by their hashes; the first value of each is not 0.
pub fn encode<const V: usize>(entries: &[(u64, [u32; V])]) -> Vec<u8> {
    // One slot in seven stays empty, so that few lines are full.
    let lines = entries.len().div_ceil(slots(V) - slots(V) / 7).max(1);
    let mut out = vec![0; lines * DATA_LEN];
    let mut used = vec![0usize; lines];
    for (hash, values) in entries {
        let mut line = filter_line(*hash, lines);
        while used[line] == slots(V) {
            line = (line + 1) % lines;
        }
        let (slot, line_bytes) = (used[line], &mut out[line * DATA_LEN..][..DATA_LEN]);
        used[line] += 1;
        line_bytes[2 * slot..2 * slot + 2].copy_from_slice(&(*hash as u16).to_le_bytes());
        for (n, value) in values.iter().enumerate() {
            let at = value_at(V, n, slot);
            line_bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
    }
    out
}

/// Where a line has the `n`th of so many values of a slot.
fn value_at(values: usize, n: usize, slot: usize) -> usize {
    slots(values) * (2 + 4 * n) + 4 * slot
}

impl Index {
    /// Shows the values that a table may have for a hash, until `visit` has found what it looks
    /// for.
    pub(super) fn look_up<const V: usize, T>(
        &self,
        section: usize,
        hash: u64,
        mut visit: impl FnMut([u32; V]) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let lines = self.entries(section);
        if lines == 0 {
            return Ok(None);
        }
        let (first, wanted) = (filter_line(hash, lines), hash as u16);
        let mut line = [0; BLOCK_LEN];
        for number in (first..lines).chain(0..first) {
            self.read_line(section, number, &mut line)?;
            let tags = line[..2 * slots(V)].chunks_exact(2);
            let tags = tags.map(|tag| u16::from_le_bytes([tag[0], tag[1]]));
            // As a rule none is it, or one: all are compared at once.
            let any = tags.clone().fold(false, |any, tag| any | (tag == wanted));
            for (slot, tag) in tags.enumerate().filter(|_| any) {
                if tag != wanted {
                    continue;
                }
                let values = std::array::from_fn(|n| u32_at(&line, value_at(V, n, slot)));
                if values[0] == 0 {
                    break;
                }
                if let Some(found) = visit(values)? {
                    return Ok(Some(found));
                }
            }
            if u32_at(&line, value_at(V, 0, slots(V) - 1)) == 0 {
                break;
            }
        }
        Ok(None)
    }
}
