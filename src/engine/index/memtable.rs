//! The events of a segment that its index does not cover yet, found by id, entity and sequence.

use super::builder::{IndexBuilder, SPARSE_EVERY};
use super::entries::{IdEntry, SparseEntry};
use super::zones::Zones;
use crate::engine::format::hash::Link;
use crate::engine::model::event::Event;
use crate::engine::model::id::{Id, Kind};
use crate::engine::model::region::Region;
use foldhash::HashMap;
use std::sync::{Arc, Mutex};

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub sequence: u64,
    pub tag: u64,
    pub offset: u32,
    pub batch_offset: u32,
    /// Number of the entity's string.
    entity: u32,
    /// The slot before of the same entity, plus one; 0: none in this table.
    before: u32,
}

impl Slot {
    fn sparse_entry(&self) -> SparseEntry {
        let Slot { sequence, offset, batch_offset, .. } = *self;
        SparseEntry { sequence, offset, batch_offset }
    }
}

/// An event to add.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub id: Id,
    pub link: Link,
    /// Number of the entity's string.
    pub entity: u32,
    /// Stands for the content.
    pub tag: u64,
    pub offset: u32,
    pub batch_offset: u32,
    pub kind: Kind,
    pub timestamp_us: i64,
    pub recorded_us: i64,
}

impl Entry {
    /// Of an event whose entity has this number, and whose frame and batch are at these offsets.
    pub fn of(event: &Event<'_>, entity: u32, tag: u64, offset: u64, batch_offset: u64) -> Entry {
        Entry {
            id: event.id,
            link: Link::of(event),
            entity,
            tag,
            offset: offset as u32,
            batch_offset: batch_offset as u32,
            kind: event.kind,
            timestamp_us: event.timestamp_us,
            recorded_us: event.recorded_us,
        }
    }
}

/// The newest event of an entity.
#[derive(Clone, Copy, Debug)]
pub struct EntityHead {
    pub link: Link,
    /// Its slot in this table, plus one.
    pub slot: u32,
}

/// The strings of a table in order, as far as somebody asked for that.
#[derive(Default)]
struct Sorted(Mutex<Names>);

#[derive(Default)]
struct Names {
    /// So many of `strings` and of `of_index` are in it.
    covered: (usize, usize),
    names: Vec<(Arc<str>, u32)>,
}

impl Clone for Sorted {
    fn clone(&self) -> Sorted {
        Sorted::default()
    }
}

#[derive(Clone, Default)]
pub struct MemTable {
    slots: Vec<Slot>,
    ids: HashMap<Id, u32>,
    /// Strings that the index knows; the numbers of `strings` start here.
    base_strings: u32,
    strings: Vec<Arc<str>>,
    /// Strings of the index that the writer used since.
    of_index: Vec<(Arc<str>, u32)>,
    /// Numbers of `strings` and `of_index`.
    numbers: HashMap<Arc<str>, u32>,
    sorted: Sorted,
    heads: HashMap<u32, EntityHead>,
    /// Each of [`SPARSE_EVERY`] slots.
    zones: Zones,
    string_bytes: u64,
}

impl MemTable {
    /// An empty table whose string numbers start at `base_strings`, after those of the index.
    pub fn after_index(base_strings: u32) -> MemTable {
        MemTable { base_strings, ..MemTable::default() }
    }

    /// Adds a string that a frame spells for the first time.
    pub fn add_string(&mut self, text: &str) {
        let (number, text) = (self.next_string(), Arc::<str>::from(text));
        self.string_bytes += text.len() as u64;
        self.numbers.insert(text.clone(), number);
        self.strings.push(text);
    }

    /// Adds an event, the newest so far.
    pub fn insert(&mut self, entry: &Entry) {
        let Entry { id, link, entity, tag, offset, batch_offset, .. } = *entry;
        let new_zone = self.slots.len().is_multiple_of(SPARSE_EVERY);
        self.zones.add(new_zone, entry.kind, entry.timestamp_us, entry.recorded_us);
        let slot = self.slots.len() as u32 + 1;
        let before =
            self.heads.insert(entity, EntityHead { link, slot }).map_or(0, |head| head.slot);
        self.slots.push(Slot {
            sequence: link.sequence,
            tag,
            offset,
            batch_offset,
            entity,
            before,
        });
        self.ids.insert(id, slot - 1);
    }

    /// The number that the next new string gets.
    pub fn next_string(&self) -> u32 {
        self.base_strings + self.strings.len() as u32
    }

    /// Bytes of the strings in this table.
    pub fn string_bytes(&self) -> u64 {
        self.string_bytes
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn find_id(&self, id: Id) -> Option<Slot> {
        self.ids.get(&id).map(|slot| self.slots[*slot as usize])
    }

    pub fn string(&self, number: u32) -> Option<Arc<str>> {
        self.strings.get(number.checked_sub(self.base_strings)? as usize).cloned()
    }

    pub fn number(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// Remembers the number of a string that the index has.
    pub fn remember_number(&mut self, text: &str, number: u32) {
        let text = Arc::<str>::from(text);
        self.of_index.push((text.clone(), number));
        self.numbers.insert(text, number);
    }

    pub fn head(&self, entity: u32) -> Option<EntityHead> {
        self.heads.get(&entity).copied()
    }

    /// The events with their ids, in any order.
    pub fn events(&self) -> impl Iterator<Item = (Id, Slot)> + '_ {
        self.ids.iter().map(|(id, slot)| (*id, self.slots[*slot as usize]))
    }

    pub fn entity_numbers(&self) -> Vec<u32> {
        self.heads.keys().copied().collect()
    }

    pub fn slot(&self, slot: u32) -> Slot {
        self.slots[slot as usize]
    }

    /// Numbers of the strings of this table that start with `prefix`.
    pub fn numbers_below(&self, prefix: &str) -> Vec<u32> {
        let mut sorted = self.sorted.0.lock().unwrap_or_else(|e| e.into_inner());
        let Names { covered, names } = &mut *sorted;
        let now = (self.strings.len(), self.of_index.len());
        if *covered != now {
            let numbered = |at: usize| (self.strings[at].clone(), self.base_strings + at as u32);
            names.extend((covered.0..now.0).map(numbered));
            names.extend(self.of_index[covered.1..].iter().cloned());
            // What was in order stays so: this sort only merges in what is new.
            names.sort();
            *covered = now;
        }
        let first = names.partition_point(|(text, _)| **text < *prefix);
        names[first..]
            .iter()
            .take_while(|(text, _)| text.starts_with(prefix))
            .map(|(_, number)| *number)
            .collect()
    }

    /// Adds the offsets of an entity's events, newest first, down to the offset `lowest`.
    pub fn offsets_of(&self, entity: u32, lowest: u32, out: &mut Vec<u32>) {
        let mut next = self.heads.get(&entity).map_or(0, |head| head.slot);
        while next > 0 {
            let slot = self.slots[next as usize - 1];
            if slot.offset < lowest {
                break;
            }
            out.push(slot.offset);
            next = slot.before;
        }
    }

    /// The offset of the event before the one at `offset`, of the same entity: none where no event
    /// is at `offset`, `Some(None)` where the one before is not in this table.
    pub fn before(&self, offset: u32) -> Option<Option<u32>> {
        let at = self.slots.binary_search_by_key(&offset, |slot| slot.offset).ok()?;
        let before = self.slots[at].before;
        Some(before.checked_sub(1).map(|slot| self.slots[slot as usize].offset))
    }

    /// Id and sequence of the event at `offset`; reads the whole table.
    pub fn event_at(&self, offset: u32) -> Option<(Id, u64)> {
        let at = self.slots.binary_search_by_key(&offset, |slot| slot.offset).ok()?;
        let (id, _) = self.ids.iter().find(|(_, slot)| **slot as usize == at)?;
        Some((*id, self.slots[at].sequence))
    }

    /// The event at `offset`.
    pub fn slot_at(&self, offset: u32) -> Option<Slot> {
        let at = self.slots.binary_search_by_key(&offset, |slot| slot.offset).ok()?;
        Some(self.slots[at])
    }

    /// The first slot with a sequence above `after`, and the `back` slots before it.
    pub fn first_above(&self, after: u64, back: usize) -> Option<Slot> {
        let at = self.slots.partition_point(|slot| slot.sequence <= after);
        self.slots.get(at.saturating_sub(back)).copied()
    }

    pub fn first_sequence(&self) -> Option<u64> {
        self.slots.first().map(|slot| slot.sequence)
    }

    /// Hands everything to an index that is being built; `builder` has what the old index covered.
    pub fn feed(&self, builder: &mut IndexBuilder) {
        builder.strings.extend(self.strings.iter().cloned());
        builder.ids.extend(self.events().map(|(id, Slot { tag, offset, .. })| IdEntry {
            id,
            tag,
            offset,
        }));
        builder.postings.extend(self.slots.iter().map(|slot| (slot.entity, slot.offset)));
        builder.sparse.extend(self.slots.iter().step_by(SPARSE_EVERY).map(Slot::sparse_entry));
        builder.zones.append(&self.zones);
    }

    /// Where the zones begin that may have events of a region, and the offset at which each ends:
    /// none for the last.
    pub fn matching_zones(&self, region: &Region) -> Vec<(SparseEntry, Option<u32>)> {
        let may = self.zones.matching(region).into_iter().enumerate().filter(|(_, may)| *may);
        may.map(|(zone, _)| {
            let first = zone * SPARSE_EVERY;
            let end = self.slots.get(first + SPARSE_EVERY).map(|slot| slot.offset);
            (self.slots[first].sparse_entry(), end)
        })
        .collect()
    }

    /// About how much memory this takes.
    pub fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.ids.capacity() * (size_of::<(Id, u32)>() + 1)
            + self.heads.capacity() * (size_of::<(u32, EntityHead)>() + 1)
            + self.numbers.capacity() * (size_of::<(Arc<str>, u32)>() + 1)
            + self.strings.capacity() * size_of::<Arc<str>>()
            + (self.string_bytes as usize + self.strings.len() * 16)
            + self.zones.memory_bytes()
    }
}
