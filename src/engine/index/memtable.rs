//! The events of a segment that its index does not cover yet, found by id, entity and sequence.

use super::builder::{IndexBuilder, SPARSE_EVERY};
use super::entries::{IdEntry, SparseEntry};
use super::filter::id_filter_key;
use super::hashes::IdHash;
use super::span::Span;
use super::texts::Texts;
use super::zones::{Marks, Zones};
use crate::engine::format::hash::Link;
use crate::engine::model::event::Event;
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::region::is_below;
use foldhash::fast::RandomState;
use foldhash::HashMap;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub id: Id,
    pub sequence: u64,
    pub tag: u64,
    pub offset: u32,
    pub batch_offset: u32,
    /// Number of the entity's string.
    entity: u32,
    /// The slot before of the same entity, plus one; 0: none in this table.
    before: u32,
    pub timestamp_us: i64,
    /// Number of the scope's string.
    pub scope: u32,
    pub kind: Kind,
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
    /// Numbers of the strings of entity and scope.
    pub entity: u32,
    pub scope: u32,
    /// Stands for the content.
    pub tag: u64,
    pub offset: u32,
    pub batch_offset: u32,
    pub kind: Kind,
    pub timestamp_us: i64,
    pub recorded_us: i64,
}

impl Entry {
    /// Of an event whose entity and scope have these numbers, and whose frame and batch are at
    /// these offsets.
    pub fn of(
        event: &Event<'_>,
        (entity, scope): (u32, u32),
        tag: u64,
        offset: u64,
        batch_offset: u64,
    ) -> Entry {
        Entry {
            id: event.id,
            link: Link::of(event),
            entity,
            scope,
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
    /// Its slot in this table.
    pub slot: u32,
}

/// What the table has of an entity.
#[derive(Clone, Copy)]
struct Chain {
    /// Version and hash of the newest event.
    version: u64,
    hash: Hash,
    /// The slots of the first and the newest event, the latter plus one; 0 where there is none.
    first: u32,
    last: u32,
    events: u32,
}

/// An entity with those below it is few where it has not more names and events than this.
const FEW_NAMES: usize = 1024;
const FEW_EVENTS: usize = 4096;

/// Which names are asked for: all from the first one on that is not before a text, and after
/// another, in the order of their bytes.
#[derive(Clone, Copy, Debug)]
pub struct NamesFrom<'a> {
    /// An entity and those below it; none: all.
    pub entity: Option<&'a str>,
    pub after: Option<&'a str>,
}

impl NamesFrom<'_> {
    pub fn has(&self, name: &str) -> bool {
        self.entity.is_none_or(|entity| is_below(name, entity))
            && self.after.is_none_or(|after| name > after)
    }
}

#[derive(Clone, Default)]
pub struct MemTable {
    slots: Vec<Slot>,
    /// Slots by id.
    ids: HashTable<u32>,
    hasher: RandomState,
    /// Strings that the index knows; those that are spelled behind it have numbers from here on.
    base_strings: u32,
    /// Strings that are spelled here, and those of the index that were used since.
    texts: Texts,
    /// By place in `texts`: the number, and what there is of an entity.
    numbers: Vec<u32>,
    chains: Vec<Chain>,
    /// The places of those that are spelled here, by number, and of those of the index.
    spelled: Vec<u32>,
    of_index: HashMap<u32, u32>,
    /// Each of [`SPARSE_EVERY`] slots.
    zones: Zones,
    string_bytes: u64,
    system_events: u64,
}

impl MemTable {
    /// An empty table whose string numbers start at `base_strings`, after those of the index.
    pub fn after_index(base_strings: u32) -> MemTable {
        MemTable { base_strings, ..MemTable::default() }
    }

    /// Adds a string that a frame spells for the first time.
    pub fn add_string(&mut self, text: &str) {
        let number = self.next_string();
        self.string_bytes += text.len() as u64;
        self.spelled.push(self.texts.len() as u32);
        self.add_text(text, number);
    }

    fn add_text(&mut self, text: &str, number: u32) {
        self.texts.add(text);
        self.numbers.push(number);
        self.chains.push(Chain { version: 0, hash: Hash::ZERO, first: 0, last: 0, events: 0 });
    }

    /// The place of the string with a number.
    fn place(&self, number: u32) -> Option<u32> {
        match number.checked_sub(self.base_strings) {
            Some(at) => self.spelled.get(at as usize).copied(),
            None => self.of_index.get(&number).copied(),
        }
    }

    /// Adds an event, the newest so far; the table has its strings.
    pub fn insert(&mut self, entry: &Entry) {
        let Entry { id, link, entity, scope, tag, offset, batch_offset, .. } = *entry;
        let Entry { kind, timestamp_us, recorded_us, .. } = *entry;
        let new_zone = self.slots.len().is_multiple_of(SPARSE_EVERY);
        self.zones.add(new_zone, &Marks { kind, scope, timestamp_us, recorded_us });
        self.system_events += u64::from(kind.category() == 0);
        let slot = self.slots.len() as u32;
        let place = self.place(entity).expect("the entity of an event is in the table");
        let chain = &mut self.chains[place as usize];
        let before = chain.last;
        *chain = Chain {
            version: link.version,
            hash: link.hash,
            first: if before == 0 { slot } else { chain.first },
            last: slot + 1,
            events: chain.events + 1,
        };
        self.slots.push(Slot {
            id,
            sequence: link.sequence,
            tag,
            offset,
            batch_offset,
            entity,
            before,
            timestamp_us,
            scope,
            kind,
        });
        let MemTable { slots, ids, hasher, .. } = self;
        let is_it = |slot: &u32| slots[*slot as usize].id == id;
        let hash_of = |slot: &u32| hasher.hash_one(slots[*slot as usize].id);
        ids.entry(hasher.hash_one(id), is_it, hash_of).insert(slot);
    }

    /// The number that the next new string gets.
    pub fn next_string(&self) -> u32 {
        self.base_strings + self.spelled.len() as u32
    }

    /// Bytes of the strings in this table.
    pub fn string_bytes(&self) -> u64 {
        self.string_bytes
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn find_id(&self, id: Id) -> Option<Slot> {
        let is_it = |slot: &u32| self.slots[*slot as usize].id == id;
        let slot = self.ids.find(self.hasher.hash_one(id), is_it)?;
        Some(self.slots[*slot as usize])
    }

    /// The string with a number, where it is spelled here or was used since the index was made.
    pub fn string(&self, number: u32) -> Option<&str> {
        self.place(number).map(|place| self.texts.get(place))
    }

    pub fn number(&self, text: &str) -> Option<u32> {
        self.texts.place(text).map(|place| self.numbers[place as usize])
    }

    /// Remembers the number of a string that the index has.
    pub fn remember_number(&mut self, text: &str, number: u32) {
        self.of_index.insert(number, self.texts.len() as u32);
        self.add_text(text, number);
    }

    /// What there is of an entity, which has events here.
    fn chain(&self, entity: u32) -> Option<&Chain> {
        let place = self.place(entity)?;
        Some(&self.chains[place as usize]).filter(|chain| chain.events > 0)
    }

    pub fn head(&self, entity: u32) -> Option<EntityHead> {
        let Chain { version, hash, last, .. } = *self.chain(entity)?;
        let sequence = self.slots[last as usize - 1].sequence;
        Some(EntityHead { link: Link { sequence, version, hash }, slot: last - 1 })
    }

    /// The events with their ids, in any order.
    pub fn events(&self) -> impl Iterator<Item = Slot> + '_ {
        self.ids.iter().map(|slot| self.slots[*slot as usize])
    }

    /// The slots of all events, by the filter keys of their ids.
    pub fn slots_by_key(&self) -> Vec<(u64, u32)> {
        let keyed = self.slots.iter().zip(0..).map(|(slot, at)| (id_filter_key(slot.id), at));
        let mut slots: Vec<(u64, u32)> = keyed.collect();
        slots.sort_unstable();
        slots
    }

    /// Whether two events have the same id.
    pub fn has_repeated_ids(&self) -> bool {
        self.ids.len() != self.slots.len()
    }

    /// Makes room for so many events in all.
    pub fn expect(&mut self, events: usize) {
        let MemTable { slots, ids, hasher, .. } = self;
        slots.reserve_exact(events.saturating_sub(slots.len()));
        let more = events.saturating_sub(ids.len());
        ids.reserve(more, |slot| hasher.hash_one(slots[*slot as usize].id));
    }

    /// The numbers of entities with events here.
    pub fn entity_numbers(&self) -> Vec<u32> {
        let with_events = self.numbers.iter().zip(&self.chains).filter(|(_, c)| c.events > 0);
        with_events.map(|(number, _)| *number).collect()
    }

    /// The numbers of entities with events here, each with the offsets of those, ascending.
    pub fn offsets_by_entity(&self) -> Vec<(u32, Vec<u32>)> {
        let of_place =
            |(number, chain): (&u32, &Chain)| (*number, Vec::with_capacity(chain.events as usize));
        let mut found: Vec<(u32, Vec<u32>)> =
            self.numbers.iter().zip(&self.chains).map(of_place).collect();
        for slot in &self.slots {
            let place = self.place(slot.entity).expect("the entity of an event is in the table");
            found[place as usize].1.push(slot.offset);
        }
        found.retain(|(_, offsets)| !offsets.is_empty());
        found
    }

    pub fn slot(&self, slot: u32) -> Slot {
        self.slots[slot as usize]
    }

    /// Whether the event of a slot is of an entity, or of one below it.
    pub fn is_below(&self, slot: &Slot, entity: &str) -> bool {
        self.string(slot.entity).is_some_and(|name| is_below(name, entity))
    }

    /// Offsets, in no order, of the events of an entity and of those below it, where there are few.
    pub fn few_offsets(&self, entity: &str) -> Option<Vec<u32>> {
        let mut places: Vec<u32> = self.texts.place(entity).into_iter().collect();
        let prefix = format!("{entity}:");
        self.texts.visit_from(&prefix, &|text| text.starts_with(&prefix), &mut |_, place| {
            places.push(place);
            places.len() <= FEW_NAMES
        });
        let chains = places.iter().map(|place| &self.chains[*place as usize]);
        let events = chains.clone().map(|chain| chain.events as usize).sum::<usize>();
        if places.len() > FEW_NAMES || events > FEW_EVENTS {
            return None;
        }
        let mut offsets = Vec::with_capacity(events);
        chains.for_each(|chain| self.offsets_in(chain, &mut offsets));
        Some(offsets)
    }

    /// What there is of an entity up to a sequence.
    fn span_of(&self, chain: &Chain, until: u64) -> Span {
        let Chain { first, mut last, mut events, .. } = *chain;
        while last > 0 && self.slots[last as usize - 1].sequence > until {
            (last, events) = (self.slots[last as usize - 1].before, events - 1);
        }
        if events == 0 {
            return Span::default();
        }
        let (first, last) = (&self.slots[first as usize], &self.slots[last as usize - 1]);
        Span {
            events: events.into(),
            sequences: (first.sequence, last.sequence),
            timestamps: (first.timestamp_us, last.timestamp_us),
        }
    }

    /// The first `count` entities of these names, in order, with what they have up to a sequence.
    pub fn list_entities(
        &self,
        from: &NamesFrom<'_>,
        until: u64,
        count: usize,
    ) -> Vec<(Arc<str>, Span)> {
        let mut found: Vec<(Arc<str>, Span)> = Vec::new();
        let most_unsorted = self.texts.most_unsorted();
        let mut add = |text: &str, place: u32| {
            let span = self.span_of(&self.chains[place as usize], until);
            if span.events > 0 && from.has(text) {
                found.push((Arc::from(text), span));
            }
            // Those that are not sorted yet come first, and are few.
            found.len() < count + most_unsorted
        };
        let after = from.after.unwrap_or_default();
        match from.entity {
            None => self.texts.visit_from(after, &|_| true, &mut add),
            Some(entity) => {
                if let Some(place) = self.texts.place(entity) {
                    add(entity, place);
                }
                let prefix = format!("{entity}:");
                let has = |text: &str| text.starts_with(&prefix);
                self.texts.visit_from(after.max(&prefix), &has, &mut add);
            }
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        found.truncate(count);
        found
    }

    /// All scopes of these names, in order, with what they have up to a sequence.
    pub fn list_scopes(&self, from: &NamesFrom<'_>, until: u64) -> Vec<(Arc<str>, Span)> {
        let mut by_number: HashMap<u32, Span> = HashMap::default();
        for slot in self.slots.iter().take_while(|slot| slot.sequence <= until) {
            by_number.entry(slot.scope).or_default().add(slot.sequence, slot.timestamp_us);
        }
        let named = by_number.into_iter().filter_map(|(number, span)| {
            self.string(number).filter(|name| from.has(name)).map(|name| (Arc::from(name), span))
        });
        let mut found: Vec<(Arc<str>, Span)> = named.collect();
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// How many events there are of the library's own.
    pub fn system_events(&self) -> u64 {
        self.system_events
    }

    /// The slots of events with sequences above `after`, up to and with `until`.
    pub fn slots_between(&self, after: u64, until: u64) -> Range<usize> {
        let at = |sequence| self.slots.partition_point(|slot| slot.sequence <= sequence);
        at(after)..at(until).max(at(after))
    }

    pub fn slots(&self, range: Range<usize>) -> &[Slot] {
        &self.slots[range]
    }

    fn offsets_in(&self, chain: &Chain, out: &mut Vec<u32>) {
        let mut next = chain.last;
        while next > 0 {
            let slot = self.slots[next as usize - 1];
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

    /// The event at `offset`.
    pub fn slot_at(&self, offset: u32) -> Option<Slot> {
        let at = self.slots.binary_search_by_key(&offset, |slot| slot.offset).ok()?;
        Some(self.slots[at])
    }

    /// The first slot with a sequence above `after`.
    pub fn first_above(&self, after: u64) -> Option<Slot> {
        self.slots.get(self.slots.partition_point(|slot| slot.sequence <= after)).copied()
    }

    pub fn first_sequence(&self) -> Option<u64> {
        self.slots.first().map(|slot| slot.sequence)
    }

    /// Hands everything to the index of the segment with this salt, which is being built; `builder`
    /// has what the old index covered.
    pub fn feed(&self, salt: u64, builder: &mut IndexBuilder) {
        let spelled = self.spelled.iter().map(|place| Arc::from(self.texts.get(*place)));
        builder.strings.extend(spelled);
        let hash = IdHash::new(salt);
        let entry = |Slot { id, tag, offset, .. }: Slot| IdEntry::new(&hash, id, tag, offset);
        builder.ids.extend(self.events().map(entry));
        builder.postings.extend(self.slots.iter().map(|slot| (slot.entity, slot.offset)));
        builder.sparse.extend(self.slots.iter().step_by(SPARSE_EVERY).map(Slot::sparse_entry));
        builder.zones.append(&self.zones);
        builder.spans.resize(builder.strings.len(), Span::default());
        for slot in &self.slots {
            builder.spans[slot.entity as usize].add(slot.sequence, slot.timestamp_us);
            builder.scopes.entry(slot.scope).or_default().add(slot.sequence, slot.timestamp_us);
            *builder.kinds.entry(slot.kind.0).or_default() += 1;
        }
    }

    /// About how much memory this takes.
    pub fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.ids.allocation_size()
            + self.chains.capacity() * size_of::<Chain>()
            + self.texts.memory_bytes()
            + (self.numbers.capacity() + self.spelled.capacity()) * size_of::<u32>()
            + self.of_index.capacity() * (size_of::<(u32, u32)>() + 1)
            + self.zones.memory_bytes()
    }
}
