//! Building the index file of a segment.

use super::entries::{IdEntry, SparseEntry, IDS_PER_BUCKET};
use super::file::{
    block_checksum, Index, IndexMeta, BLOCK_LEN, DATA_LEN, ENTRY_LEN, FILTER_BITS_PER_KEY,
    FILTER_LINE_LEN, HEADER_BLOCKS, IDS, MAGIC, POSTINGS, SCOPES, SECTIONS, SPARSE, VERSION,
};
use super::filter::{entity_filter_key, filter_bits, filter_line};
use super::names;
use super::span::Span;
use super::zones::{self, Zones};
use crate::engine::format::frame::SegmentHeader;
use crate::engine::model::error::Result;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// So many events are between two sparse entries; fewer before what an older index covered ends.
pub const SPARSE_EVERY: usize = 64;

/// What an index is made from.
#[derive(Default)]
pub struct IndexBuilder {
    pub ids: Vec<IdEntry>,
    /// Number of the entity and offset of each event, in any order.
    pub postings: Vec<(u32, u32)>,
    /// By number.
    pub strings: Vec<Arc<str>>,
    pub sparse: Vec<SparseEntry>,
    /// Of what is between each sparse entry and the next.
    pub zones: Zones,
    /// What each entity has, by the number of its string.
    pub spans: Vec<Span>,
    /// What each scope has, by the number of its string.
    pub scopes: BTreeMap<u32, Span>,
    /// How many events each kind has.
    pub kinds: BTreeMap<u16, u64>,
}

impl IndexBuilder {
    /// Begins with everything that `index` covers.
    pub fn of(index: &Index) -> Result<IndexBuilder> {
        let mut builder = IndexBuilder::default();
        builder.ids.reserve(index.entries(IDS));
        index.each_id(&mut |entry| builder.ids.push(entry))?;
        let numbers = index.numbers()?;
        let offsets = index.postings()?;
        builder.strings.resize(numbers.len(), "".into());
        builder.spans.resize(numbers.len(), Span::default());
        builder.postings.reserve(offsets.len());
        index.each_name(0, &mut |rank, text, span, first| {
            let number = numbers[rank];
            builder.strings[number as usize] = text.into();
            builder.spans[number as usize] = span;
            let offsets = &offsets[first as usize..][..span.events as usize];
            builder.postings.extend(offsets.iter().map(|offset| (number, *offset)));
            match builder.postings.len() <= index.entries(POSTINGS) {
                true => Ok(ControlFlow::Continue(())),
                false => Err(index.damaged("names of the index share postings")),
            }
        })?;
        for at in 0..index.entries(SPARSE) {
            builder.sparse.push(index.sparse(at)?);
        }
        builder.zones = index.zones()?;
        builder.scopes = index.scopes()?;
        builder.kinds = index.kind_counts()?;
        Ok(builder)
    }

    /// The bytes of the index file.
    pub fn build(mut self, segment: &SegmentHeader, meta: &IndexMeta) -> Vec<u8> {
        self.spans.resize(self.strings.len(), Span::default());
        let order = self.order_postings();
        let (ids, starts) = self.id_sections();
        let times = self.zones.all_times();
        let place = (segment.salt, segment.first_sequence, times.timestamps.0);
        let names = names::encode(place, &self.strings, &order, &self.spans);
        let sections: [Vec<u8>; SECTIONS] = [
            ids,
            starts,
            self.filter_section(),
            names.names,
            names.chunks,
            names.lines,
            names.below,
            names.ranks,
            self.postings.iter().flat_map(|(_, offset)| offset.to_le_bytes()).collect(),
            self.sparse_section(),
            zones::encode_zones(&self.zones),
            zones::encode_stretches(&self.zones.kinds),
            zones::encode_stretches(&self.zones.scopes),
            self.kind_counts_section(),
            self.scopes_section(&order),
        ];
        let mut header = encode_header(segment, meta);
        for section in &sections {
            header.extend_from_slice(&(section.len() as u64).to_le_bytes());
        }
        header.extend_from_slice(&zones::encode(&times));
        let system_events: u64 = self.kinds.range(..0x1000).map(|(_, events)| events).sum();
        header.extend_from_slice(&system_events.to_le_bytes());
        header.resize(HEADER_BLOCKS as usize * DATA_LEN, 0);
        let blocks = |section: &Vec<u8>| section.len().div_ceil(DATA_LEN);
        let blocks = HEADER_BLOCKS as usize + sections.iter().map(blocks).sum::<usize>();
        let mut out = Vec::with_capacity(blocks * BLOCK_LEN);
        push_blocks(&mut out, segment.salt, &header);
        for section in &sections {
            push_blocks(&mut out, segment.salt, section);
        }
        out
    }

    /// The ids by their filter keys, and where each bucket of them begins.
    fn id_sections(&mut self) -> (Vec<u8>, Vec<u8>) {
        self.ids.sort_unstable_by_key(|entry| (entry.key, entry.offset));
        let buckets = self.ids.len().div_ceil(IDS_PER_BUCKET).max(1);
        let mut ids = Vec::with_capacity(self.ids.len() * ENTRY_LEN[IDS]);
        let mut starts = Vec::with_capacity((buckets + 1) * 4);
        for (at, entry) in self.ids.iter().enumerate() {
            let behind = (filter_line(entry.key, buckets) + 1) * 4;
            while starts.len() < behind {
                starts.extend_from_slice(&(at as u32).to_le_bytes());
            }
            entry.encode(&mut ids);
        }
        while starts.len() < (buckets + 1) * 4 {
            starts.extend_from_slice(&(self.ids.len() as u32).to_le_bytes());
        }
        (ids, starts)
    }

    fn filter_section(&self) -> Vec<u8> {
        let mut entities: Vec<u32> = self.postings.iter().map(|(number, _)| *number).collect();
        entities.dedup();
        let texts = entities.iter().map(|number| &*self.strings[*number as usize]);
        let names = names::with_those_above(texts);
        let keys = self.ids.len() + names.len();
        let lines = (keys * FILTER_BITS_PER_KEY).div_ceil(FILTER_LINE_LEN * 8).max(1);
        let mut out = vec![0u8; lines * FILTER_LINE_LEN];
        let ids = self.ids.iter().map(|entry| entry.key);
        for key in ids.chain(names.into_iter().map(entity_filter_key)) {
            let line = filter_line(key, lines) * FILTER_LINE_LEN;
            filter_bits(key).for_each(|bit| out[line + bit / 8] |= 1 << (bit % 8));
        }
        out
    }

    /// Numbers of strings in the order of those; the postings of each entity are put into the same,
    /// so that those of an entity and all below it are neighbours.
    fn order_postings(&mut self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.strings.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.strings[*a as usize].cmp(&self.strings[*b as usize]));
        let mut rank = vec![0; order.len()];
        (0..).zip(&order).for_each(|(at, number)| rank[*number as usize] = at);
        let key = |(number, offset): &(u32, u32)| (rank[*number as usize], *offset);
        self.postings.sort_unstable_by_key(key);
        order
    }

    fn kind_counts_section(&self) -> Vec<u8> {
        let values =
            self.kinds.iter().flat_map(|(kind, events)| [u32::from(*kind), *events as u32]);
        values.flat_map(u32::to_le_bytes).collect()
    }

    fn scopes_section(&self, order: &[u32]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.scopes.len() * ENTRY_LEN[SCOPES]);
        for (number, span) in order.iter().filter_map(|n| self.scopes.get_key_value(n)) {
            for value in [*number, span.events as u32, 0, 0] {
                out.extend_from_slice(&value.to_le_bytes());
            }
            out.extend_from_slice(&span.encode());
        }
        out
    }

    fn sparse_section(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.sparse.len() * ENTRY_LEN[SPARSE]);
        for entry in &self.sparse {
            out.extend_from_slice(&entry.sequence.to_le_bytes());
            out.extend_from_slice(&entry.offset.to_le_bytes());
            out.extend_from_slice(&entry.batch_offset.to_le_bytes());
        }
        out
    }
}

fn encode_header(segment: &SegmentHeader, meta: &IndexMeta) -> Vec<u8> {
    let mut header = Vec::with_capacity(DATA_LEN);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&u32::from(meta.sealed).to_le_bytes());
    header.extend_from_slice(&segment.store_id.to_bytes());
    header.extend_from_slice(&segment.first_sequence.to_le_bytes());
    header.extend_from_slice(&segment.salt.to_le_bytes());
    header.extend_from_slice(&meta.covered_len.to_le_bytes());
    header.extend_from_slice(&meta.last_sequence.to_le_bytes());
    header.extend_from_slice(&meta.events.to_le_bytes());
    header.extend_from_slice(&meta.last_recorded_us.to_le_bytes());
    header.extend_from_slice(&meta.log_hash.0);
    header
}

fn push_blocks(out: &mut Vec<u8>, salt: u64, section: &[u8]) {
    for data in section.chunks(DATA_LEN) {
        let number = (out.len() / BLOCK_LEN) as u64;
        let start = out.len();
        out.extend_from_slice(data);
        out.resize(start + DATA_LEN, 0);
        let crc = block_checksum(salt, number, &out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }
}
