//! The events of a segment that its index does not cover yet, found by id, entity and sequence.

use super::builder::{IndexBuilder, SPARSE_EVERY};
use super::entries::{IdEntry, SparseEntry};
use super::span::Span;
use super::zones::{Marks, Zones};
use crate::engine::format::hash::Link;
use crate::engine::model::event::Event;
use crate::engine::model::id::{Id, Kind};
use crate::engine::model::region::is_below;
use foldhash::HashMap;
use std::ops::Range;
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
    /// Its slot in this table, plus one.
    pub slot: u32,
    /// The slot of the entity's first event in this table, and how many there are.
    first: u32,
    events: u32,
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

/// Strings that are not among the sorted ones yet are looked at one by one, up to one in so many.
const UNSORTED_PART: usize = 64;
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
    /// Where in `of_index` a number is.
    in_index: HashMap<u32, u32>,
    /// Numbers of `strings` and `of_index`.
    numbers: HashMap<Arc<str>, u32>,
    sorted: Sorted,
    heads: HashMap<u32, EntityHead>,
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
        let (number, text) = (self.next_string(), Arc::<str>::from(text));
        self.string_bytes += text.len() as u64;
        self.numbers.insert(text.clone(), number);
        self.strings.push(text);
    }

    /// Adds an event, the newest so far.
    pub fn insert(&mut self, entry: &Entry) {
        let Entry { id, link, entity, scope, tag, offset, batch_offset, .. } = *entry;
        let Entry { kind, timestamp_us, recorded_us, .. } = *entry;
        let new_zone = self.slots.len().is_multiple_of(SPARSE_EVERY);
        self.zones.add(new_zone, &Marks { kind, scope, timestamp_us, recorded_us });
        self.system_events += u64::from(kind.category() == 0);
        let slot = self.slots.len() as u32 + 1;
        let none = EntityHead { link, slot: 0, first: slot - 1, events: 0 };
        let head = self.heads.entry(entity).or_insert(none);
        let before = head.slot;
        *head = EntityHead { link, slot, events: head.events + 1, ..*head };
        self.slots.push(Slot {
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
        self.in_index.insert(number, self.of_index.len() as u32);
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

    /// The string of the entity or scope of a slot.
    fn name(&self, number: u32) -> Option<&Arc<str>> {
        match number.checked_sub(self.base_strings) {
            Some(at) => self.strings.get(at as usize),
            None => Some(&self.of_index[*self.in_index.get(&number)? as usize].0),
        }
    }

    /// Whether the event of a slot is of an entity, or of one below it.
    pub fn is_below(&self, slot: &Slot, entity: &str) -> bool {
        self.name(slot.entity).is_some_and(|name| is_below(name, entity))
    }

    /// Shows the strings from `from` on for which `has` holds, which is so for a stretch of the
    /// order, and with them others, in no order: until `visit` says that it is enough.
    fn visit_names(
        &self,
        from: &str,
        has: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&Arc<str>, u32) -> bool,
    ) {
        let mut sorted = self.sorted.0.lock().unwrap_or_else(|e| e.into_inner());
        let Names { covered, names } = &mut *sorted;
        let now = (self.strings.len(), self.of_index.len());
        let numbered = |at: usize| (self.strings[at].clone(), self.base_strings + at as u32);
        let unsorted = now.0 - covered.0 + now.1 - covered.1;
        if unsorted > UNSORTED_PART + names.len() / UNSORTED_PART {
            names.extend((covered.0..now.0).map(numbered));
            names.extend(self.of_index[covered.1..].iter().cloned());
            // What was in order stays so: this sort only merges in what is new.
            names.sort();
            *covered = now;
        }
        for at in covered.0..now.0 {
            let (text, number) = numbered(at);
            if has(&text) && !visit(&text, number) {
                return;
            }
        }
        for (text, number) in &self.of_index[covered.1..] {
            if has(text) && !visit(text, *number) {
                return;
            }
        }
        let first = names.partition_point(|(text, _)| **text < *from);
        for (text, number) in names[first..].iter().take_while(|(text, _)| has(text)) {
            if !visit(text, *number) {
                return;
            }
        }
    }

    /// Offsets, in no order, of the events of an entity and of those below it, where there are few.
    pub fn few_offsets(&self, entity: &str) -> Option<Vec<u32>> {
        let mut numbers: Vec<u32> = self.number(entity).into_iter().collect();
        let prefix = format!("{entity}:");
        self.visit_names(&prefix, &|text| text.starts_with(&prefix), &mut |_, number| {
            numbers.push(number);
            numbers.len() <= FEW_NAMES
        });
        let heads = numbers.iter().filter_map(|number| self.heads.get(number));
        let events = heads.map(|head| head.events as usize).sum::<usize>();
        if numbers.len() > FEW_NAMES || events > FEW_EVENTS {
            return None;
        }
        let mut offsets = Vec::with_capacity(events);
        numbers.iter().for_each(|number| self.offsets_of(*number, 0, &mut offsets));
        Some(offsets)
    }

    /// What there is of an entity up to a sequence.
    fn span_of(&self, number: u32, until: u64) -> Span {
        let Some(head) = self.heads.get(&number) else { return Span::default() };
        let (mut last, mut events) = (head.slot, head.events);
        while last > 0 && self.slots[last as usize - 1].sequence > until {
            (last, events) = (self.slots[last as usize - 1].before, events - 1);
        }
        if events == 0 {
            return Span::default();
        }
        let (first, last) = (&self.slots[head.first as usize], &self.slots[last as usize - 1]);
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
        let mut found = Vec::new();
        let names = self.strings.len() + self.of_index.len();
        let most_unsorted = UNSORTED_PART + names / UNSORTED_PART;
        let mut add = |text: &Arc<str>, number: u32| {
            let span = self.span_of(number, until);
            if span.events > 0 && from.has(text) {
                found.push((text.clone(), span));
            }
            // Those that are not sorted yet come first, and are few.
            found.len() < count + most_unsorted
        };
        let after = from.after.unwrap_or_default();
        match from.entity {
            None => self.visit_names(after, &|_| true, &mut add),
            Some(entity) => {
                if let Some(number) = self.number(entity) {
                    add(&Arc::from(entity), number);
                }
                let prefix = format!("{entity}:");
                let has = |text: &str| text.starts_with(&prefix);
                self.visit_names(after.max(&prefix), &has, &mut add);
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
            self.name(number).filter(|name| from.has(name)).map(|name| (name.clone(), span))
        });
        let mut found: Vec<_> = named.collect();
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
        builder.strings.extend(self.strings.iter().cloned());
        let entry = |(id, Slot { tag, offset, .. })| IdEntry::new(salt, id, tag, offset);
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
            + self.ids.capacity() * (size_of::<(Id, u32)>() + 1)
            + self.heads.capacity() * (size_of::<(u32, EntityHead)>() + 1)
            + self.numbers.capacity() * (size_of::<(Arc<str>, u32)>() + 1)
            + self.strings.capacity() * size_of::<Arc<str>>()
            + (self.string_bytes as usize + self.strings.len() * 16)
            + self.zones.memory_bytes()
    }
}
