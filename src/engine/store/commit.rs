//! The one way into the log: a batch of items is checked against the log, encoded, written as a
//! whole and published. Appends, imports and the library's own events all come through here.

use super::item::{encoded_bound, Item};
use crate::engine::format::chain::Before;
use crate::engine::format::frame::{Apart, BatchHeader, Frame, StringRef, BATCH_HEADER_LEN};
use crate::engine::format::hash;
use crate::engine::index::memtable::{Entry, MemTable};
use crate::engine::log::segment::{Found, Segment};
use crate::engine::log::segments::Segments;
use crate::engine::log::state::Log;
use crate::engine::log::tail::Batches;
use crate::engine::log::writer::Writer;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::{Event, Expect, Receipt};
use crate::engine::model::id::Id;
use crate::engine::model::limits::{is_beyond_lease, SEGMENT_EVENTS, SEGMENT_STRING_BYTES};
use foldhash::HashMap;
use std::sync::atomic::Ordering;
use std::sync::Arc;

/// After so many microseconds an append looks again whether the segment and the lock still have
/// their names.
const LOOK_US: u64 = 1000;
/// As a rule so many events have their places before they are hashed.
const PLACED_TOGETHER: usize = 256;

/// What became of an item.
#[derive(Clone)]
pub enum Outcome {
    /// It is in the log now.
    New(Receipt),
    /// Its key existed with the same content.
    Present(Arc<Segment>, u32),
    /// The same as an earlier item of this batch.
    Again(Receipt),
    /// Its key existed with different content; only where the caller asks for that.
    Conflict,
    /// Nothing was written that it goes with.
    Omitted,
}

/// What an import knows and wants of a commit.
#[derive(Clone, Copy)]
pub struct ImportTerms {
    /// No key of the batch existed while this was the visible frontier.
    pub absent_at: u64,
    /// The frontiers before and after batches of the same import, which have none of these keys
    /// either.
    pub own: (u64, u64),
    /// Report conflicts as outcomes instead of failing.
    pub skip_conflicts: bool,
}

/// What the log knows of an event that is to be written.
#[derive(Clone, Copy)]
struct Place {
    sequence: u64,
    /// What the clock says.
    now_us: i64,
    recorded_us: i64,
}

/// The place of an item that waits for its hash, and what else was found for it.
struct Placed<'a> {
    /// Which item it is.
    at: usize,
    place: Place,
    version: u64,
    id: Id,
    causation: Id,
    entity: StringRef<'a>,
    scope: StringRef<'a>,
    namespace: Option<StringRef<'a>>,
    before: Before,
}

impl Placed<'_> {
    /// The event, without its hash.
    #[inline(always)]
    fn event<'a>(&self, item: &Item<'a>) -> Event<'a> {
        let Place { sequence, now_us, recorded_us } = self.place;
        let timestamp_us = if item.has_no_time { now_us } else { item.event.timestamp_us };
        let Placed { version, id, causation, .. } = *self;
        Event { id, sequence, version, timestamp_us, recorded_us, causation, ..item.event }
    }
}

/// The newest event of an entity that a batch has moved.
#[derive(Clone, Copy)]
struct Head {
    version: u64,
    before: Before,
}

/// What a batch has decided so far, before anything is written.
#[derive(Default)]
struct Plan<'a> {
    /// None for an item that is to be written.
    outcomes: Vec<Option<Outcome>>,
    /// Items with the key of an earlier one, which comes second; ascending.
    repeats: Vec<(usize, usize)>,
    /// Items by key.
    keys: HashMap<Id, usize>,
    /// By the number of the entity, as far as the batch has moved them.
    heads: HashMap<u32, Head>,
    placed: Vec<Placed<'a>>,
    /// Numbers of strings that the table does not have yet: those of the index, and those that the
    /// batch spells.
    numbers: HashMap<&'a str, u32>,
    of_index: Vec<(&'a str, u32)>,
    spelled: Vec<&'a str>,
    entries: Vec<Entry>,
    /// Payloads that are not in the writer's buffer.
    apart: Vec<Apart<'a>>,
}

impl Plan<'_> {
    /// Leaves out what is to be written with all others only, unless they are.
    fn omit_where_not_all_are_new(&mut self, items: &[Item<'_>]) {
        let last = items.iter().rev().take_while(|item| item.with_all).count();
        let Some((before, last)) = self.outcomes.split_at_mut_checked(items.len() - last) else {
            return;
        };
        if !self.repeats.is_empty() || before.iter().any(Option::is_some) {
            last.iter_mut().for_each(|outcome| *outcome = Some(Outcome::Omitted));
        }
    }

    /// The item whose key `at` repeats.
    fn repeated_by(&self, at: usize) -> Option<usize> {
        let found = self.repeats.binary_search_by_key(&at, |(repeat, _)| *repeat).ok()?;
        Some(self.repeats[found].1)
    }
}

impl Log {
    /// Appends all of `items` or, with an error that names the item, none. What a full disk kept
    /// opening from declaring comes first.
    pub fn commit(&self, items: &[Item<'_>], import: Option<ImportTerms>) -> Result<Vec<Outcome>> {
        self.settle()?;
        self.commit_now(items, import)
    }

    /// As [`Log::commit`], for what opening declares.
    pub fn commit_now(
        &self,
        items: &[Item<'_>],
        import: Option<ImportTerms>,
    ) -> Result<Vec<Outcome>> {
        let mut writer = self.writer()?;
        let mut plan = Plan { outcomes: Vec::with_capacity(items.len()), ..Plan::default() };
        if items.len() > 1 {
            plan.keys.reserve(items.len());
            plan.heads.reserve(items.len().min(PLACED_TOGETHER));
        }
        let (segments, mut refused) = (self.segments(), None);
        for (at, item) in items.iter().enumerate() {
            match self.look_up(item, items, &plan, &segments, import) {
                Ok(Known::As(outcome)) => plan.outcomes.push(Some(outcome)),
                Ok(Known::InBatch(earlier)) => {
                    plan.repeats.push((at, earlier));
                    plan.outcomes.push(None);
                }
                Ok(Known::No) => {
                    if items.len() > 1 && !item.event.id.is_none() {
                        plan.keys.insert(item.event.id, at);
                    }
                    plan.outcomes.push(None);
                }
                Err(error) => {
                    refused = Some(error.with_item(at));
                    break;
                }
            }
        }
        plan.omit_where_not_all_are_new(items);
        let mut fresh =
            plan.outcomes.iter().filter(|outcome| outcome.is_none()).count() - plan.repeats.len();
        if fresh == 1 && items[0].with_others && plan.outcomes[0].is_none() {
            plan.outcomes[0] = Some(Outcome::Omitted);
            fresh = 0;
        }
        if fresh > 0 {
            if refused.is_none() {
                let is_fresh =
                    |at: usize| plan.outcomes[at].is_none() && plan.repeated_by(at).is_none();
                let bounds = items
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| is_fresh(*at))
                    .map(|(_, item)| encoded_bound(&item.event));
                self.make_room(&mut writer, bounds.sum(), fresh as u64)?;
            }
            // Where an item was refused, one before it may be at fault in another way, and is the
            // one to report.
            let header = self.encode_batch(&mut writer, items, &mut plan)?;
            if refused.is_none() {
                self.put(&mut writer, header, &plan)?;
            }
            writer.entries = std::mem::take(&mut plan.entries);
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(plan
                .outcomes
                .into_iter()
                .map(|outcome| outcome.expect("every item was settled"))
                .collect()),
        }
    }

    /// Whether an item's key exists already, in the log or earlier in the batch.
    fn look_up(
        &self,
        item: &Item<'_>,
        items: &[Item<'_>],
        plan: &Plan<'_>,
        segments: &Segments,
        import: Option<ImportTerms>,
    ) -> Result<Known> {
        if item.event.id.is_none() {
            return Ok(Known::No);
        }
        if let Some(&earlier) = plan.keys.get(&item.event.id) {
            if items[earlier].tag != item.tag {
                let message = format!(
                    "key {} is that of item {earlier}, which has different content",
                    item.event.id
                );
                return Err(
                    Error::new(Code::IdempotencyConflict, message).with_event(item.event.id, 0)
                );
            }
            return Ok(Known::InBatch(earlier));
        }
        let visible = self.visible.load(Ordering::Relaxed);
        let known_absent = import.is_some_and(|ImportTerms { absent_at, own, .. }| {
            absent_at == visible || ((own.0..=own.1).contains(&absent_at) && own.1 == visible)
        });
        let is_record = item.with_others || item.with_all;
        if known_absent && !is_record {
            return Ok(Known::No);
        }
        let tag = || item.tag;
        let Some((segment, found)) = segments.find_content(item.event.id, Some(&tag))? else {
            return Ok(Known::No);
        };
        // An import trusts the tag, so that a duplicate costs no read; an append reads it for its
        // receipt anyway.
        if found.tag == item.tag && (import.is_some() || has_content(&segment, found, item)?) {
            return Ok(Known::As(Outcome::Present(segment, found.offset)));
        }
        match import {
            Some(terms) if terms.skip_conflicts && !is_record => Ok(Known::As(Outcome::Conflict)),
            _ => Err(self.conflict(item.event.id, &segment, found)?),
        }
    }

    /// The error for a key that exists with different content.
    fn conflict(&self, key: Id, segment: &Segment, found: Found) -> Result<Error> {
        let mut window = segment.window();
        let there = segment.frame_at(&mut window, found.offset.into())?;
        let message = format!(
            "key {key} is event {} with different content (entity, scope, kind or payload)",
            there.sequence
        );
        Ok(Error::new(Code::IdempotencyConflict, message).with_event(key, there.sequence))
    }

    /// Seals the segment if the batch does not fit, and syncs if sequences would run too far ahead.
    fn make_room(&self, writer: &mut Writer, bytes: u64, events: u64) -> Result<()> {
        let tail = writer.tail;
        let full = tail.offset + bytes > writer.room(self.options.limits.segment_bytes, bytes)
            || tail.events + events > SEGMENT_EVENTS
            || writer.segment.read_table().string_bytes() > SEGMENT_STRING_BYTES;
        if tail.sealed || (full && tail.events > 0) {
            self.rotate(writer)?;
        }
        let ahead = writer.tail.next_sequence + events - self.durable.load(Ordering::Acquire);
        if is_beyond_lease(ahead) {
            self.sync_segment(&writer.segment, writer.tail.next_sequence - 1)?;
        }
        if writer.wants_index() {
            self.leave_index(writer)?;
        }
        Ok(())
    }

    /// Encodes the items that are to be written into the writer's buffer, and says what became of
    /// each. Their hashes are computed many at a time.
    fn encode_batch<'a>(
        &self,
        writer: &mut Writer,
        items: &[Item<'a>],
        plan: &mut Plan<'a>,
    ) -> Result<BatchHeader> {
        let skip_to = items[0].skip_to;
        // A gap event follows from the log alone; see `system::gap_id`.
        let now_us = match skip_to {
            0 => self.options.clock.now_us(),
            _ => writer.tail.last_recorded_us,
        };
        if skip_to > 0 || now_us.abs_diff(writer.looked_us) >= LOOK_US {
            self.check_names(&writer.segment)?;
            writer.looked_us = now_us;
        }
        // Only this is held where the clock is behind: `docs/clocks.md`.
        let recorded_us = now_us.max(writer.tail.last_recorded_us);
        self.meet_clock(now_us, writer.tail.last_recorded_us);
        let first_sequence = writer.tail.next_sequence.max(skip_to);
        let mut place = Place { sequence: first_sequence, now_us, recorded_us };
        let segment = writer.segment.clone();
        let table = segment.read_table();
        writer.buffer.clear();
        writer.buffer.resize(BATCH_HEADER_LEN, 0);
        writer.chain.clear();
        plan.entries = std::mem::take(&mut writer.entries);
        plan.entries.clear();
        if items.len() > 1 {
            plan.placed.reserve(items.len().min(PLACED_TOGETHER));
        }
        for (at, item) in items.iter().enumerate().take(plan.outcomes.len()) {
            if plan.outcomes[at].is_some() || plan.repeated_by(at).is_some() {
                continue;
            }
            let placed = self.place(writer, &table, (at, item), place, plan);
            let placed = placed.map_err(|e| e.with_item(at))?;
            place.sequence += 1;
            if items.len() == 1 {
                encode_placed(writer, items, plan, std::slice::from_ref(&placed));
                break;
            }
            plan.placed.push(placed);
            if writer.chain.is_full() {
                encode_all_placed(writer, items, plan);
            }
        }
        encode_all_placed(writer, items, plan);
        let again = |outcome: &Option<Outcome>| match outcome {
            Some(Outcome::New(receipt)) => Outcome::Again(*receipt),
            _ => unreachable!("an item that others repeat is new"),
        };
        for (repeat, earlier) in &plan.repeats {
            plan.outcomes[*repeat] = Some(again(&plan.outcomes[*earlier]));
        }
        let hashes = writer.chain.hashes();
        Ok(BatchHeader {
            count: hashes.len() as u32,
            first_sequence,
            synced_through: self.durable.load(Ordering::Acquire),
            recorded_us,
            log_hash: hashes.iter().fold(writer.tail.log_hash, |log, e| hash::log_next(log, *e)),
            ..BatchHeader::default()
        })
    }

    /// Gives an item its place in the log.
    #[inline(always)]
    fn place<'a>(
        &self,
        writer: &mut Writer,
        table: &MemTable,
        (at, item): (usize, &Item<'a>),
        place: Place,
        plan: &mut Plan<'a>,
    ) -> Result<Placed<'a>> {
        let segment = &*writer.segment;
        let entity = string_ref(segment, table, item.event.entity, plan)?;
        let head = match plan.heads.get(&entity.number).copied() {
            Some(head) => head,
            None => {
                let link = match table.head(entity.number) {
                    Some(head) => head.link,
                    None => self.older_head(item.event.entity)?,
                };
                Head { version: link.version, before: Before::Known(link.hash) }
            }
        };
        check_expectation(item, head.version)?;
        let scope = string_ref(segment, table, item.event.scope, plan)?;
        let namespace = match item.event.source.namespace() {
            Some(text) => Some(string_ref(segment, table, text, plan)?),
            None => None,
        };
        let version = head.version + 1;
        let id = match item.event.id.is_none() {
            true => self.new_id(place.now_us),
            false => item.event.id,
        };
        let causation = match item.caused_by {
            Some(cause) => self.id_of(plan, cause)?,
            None => item.event.causation,
        };
        let before = head.before;
        let placed = Placed { at, place, version, id, causation, entity, scope, namespace, before };
        let number = writer.chain.push(&placed.event(item), &item.content_hash, before);
        if plan.outcomes.len() > 1 {
            plan.heads.insert(entity.number, Head { version, before: Before::InBatch(number) });
        }
        Ok(placed)
    }

    fn new_id(&self, now_us: i64) -> Id {
        let mut random = [0; 10];
        self.options.entropy.fill(&mut random);
        Id::uuid_v7((now_us / 1000).max(0) as u64 & 0xffff_ffff_ffff, random)
    }

    /// The id of an earlier item of the batch.
    fn id_of(&self, plan: &Plan<'_>, at: usize) -> Result<Id> {
        let at = plan.repeated_by(at).unwrap_or(at);
        if let Ok(placed) = plan.placed.binary_search_by_key(&at, |placed| placed.at) {
            return Ok(plan.placed[placed].id);
        }
        match &plan.outcomes[at] {
            Some(Outcome::New(receipt) | Outcome::Again(receipt)) => Ok(receipt.id),
            Some(Outcome::Present(segment, offset)) => {
                let mut window = segment.window();
                Ok(segment.frame_at(&mut window, u64::from(*offset))?.id)
            }
            Some(Outcome::Conflict | Outcome::Omitted) | None => {
                Err(Error::invalid(format!("item {at} cannot be a cause")))
            }
        }
    }

    /// Writes the batch in the buffer and lets readers see it.
    fn put(&self, writer: &mut Writer, header: BatchHeader, plan: &Plan<'_>) -> Result<()> {
        writer.write(header, &plan.apart).map_err(|e| {
            if writer.broken {
                self.poisoned_by(e)
            } else {
                e
            }
        })?;
        writer.advance(&header);
        let segment = &writer.segment;
        let mut table = segment.write_table();
        plan.of_index.iter().for_each(|(text, number)| table.remember_number(text, *number));
        plan.spelled.iter().for_each(|text| table.add_string(text));
        plan.entries.iter().for_each(|entry| table.insert(entry));
        // With the table still held: what is found in it can be read, and is visible.
        segment.publish(writer.tail.offset);
        self.visible.swap(writer.tail.next_sequence - 1, Ordering::SeqCst);
        drop(table);
        self.bell.ring();
        Ok(())
    }

    /// The receipt of the item at this place of its batch, where everything up to `durable` is.
    pub fn receipt_of(&self, item: usize, outcome: &Outcome, durable: u64) -> Result<Receipt> {
        let receipt = self.receipt(outcome).map_err(|e| e.with_item(item))?;
        Ok(Receipt { durable: receipt.sequence <= durable, ..receipt })
    }

    /// The receipt of an item; for one that existed, the receipt of its first append.
    pub fn receipt(&self, outcome: &Outcome) -> Result<Receipt> {
        let (segment, offset) = match outcome {
            Outcome::New(receipt) => return Ok(*receipt),
            Outcome::Again(receipt) => return Ok(Receipt { replayed: true, ..*receipt }),
            Outcome::Present(segment, offset) => (segment, *offset),
            Outcome::Conflict | Outcome::Omitted => {
                return Err(Error::new(Code::Internal, "what is not in the log has no receipt"))
            }
        };
        let mut window = segment.window();
        let frame = segment.frame_at(&mut window, offset.into())?;
        let entity = segment.string(frame.entity.number)?;
        let previous = self.previous_hash(segment, &entity, frame.version, offset)?;
        Ok(Receipt { replayed: true, ..Receipt::of_event(&frame, frame.content_hash(), previous) })
    }
}

fn encode_all_placed<'a>(writer: &mut Writer, items: &[Item<'a>], plan: &mut Plan<'a>) {
    let mut placed = std::mem::take(&mut plan.placed);
    encode_placed(writer, items, plan, &placed);
    placed.clear();
    plan.placed = placed;
}

/// Hashes the events that have their places, and appends their frames to the writer's buffer.
fn encode_placed<'a>(
    writer: &mut Writer,
    items: &[Item<'a>],
    plan: &mut Plan<'a>,
    placed: &[Placed<'a>],
) {
    writer.chain.hash();
    let hashes = writer.chain.hashes();
    let first = hashes.len() - placed.len();
    for (placed, hash) in placed.iter().zip(&hashes[first..]) {
        let item = &items[placed.at];
        let Placed { entity, scope, namespace, .. } = *placed;
        let event = Event { event_hash: *hash, ..placed.event(item) };
        let batch = writer.tail.offset;
        let offset = batch + (writer.buffer.len() + Apart::bytes(&plan.apart)) as u64;
        let frame = Frame { event, entity, scope, namespace };
        let (header, out) = (&writer.segment.header, &mut writer.buffer);
        match item.is_apart() {
            true => plan.apart.push(frame.encode_apart(header, offset, item.payload_crc, out)),
            false => frame.encode(header, offset, out),
        }
        let numbers = (entity.number, scope.number);
        plan.entries.push(Entry::of(&frame.event, numbers, item.tag, offset, batch));
        let previous = writer.chain.hash_before(placed.before);
        let receipt = Receipt::of_event(&frame.event, item.content_hash, previous);
        plan.outcomes[placed.at] = Some(Outcome::New(receipt));
    }
}

/// Whether the event that was found has the content of an item.
fn has_content(segment: &Segment, found: Found, item: &Item<'_>) -> Result<bool> {
    let mut window = segment.window();
    let frame = segment.frame_at(&mut window, found.offset.into())?;
    Ok((frame.content, frame.kind) == (item.event.content, item.event.kind)
        && &*segment.string(frame.entity.number)? == item.event.entity
        && &*segment.string(frame.scope.number)? == item.event.scope)
}

/// Whether a key is known already.
enum Known {
    No,
    /// It is that of an earlier item of the batch, which is new.
    InBatch(usize),
    As(Outcome),
}

/// Refuses an item whose entity, with `found` events, is not as the item expects.
fn check_expectation(item: &Item<'_>, found: u64) -> Result<()> {
    let (holds, wanted, expected) = match item.expect {
        Expect::Any => return Ok(()),
        Expect::Absent => (found == 0, 0, "none was expected".to_owned()),
        Expect::Present => (found > 0, 1, "some were expected".to_owned()),
        Expect::Version(version) => {
            (found == version, version, format!("version {version} was expected"))
        }
    };
    if holds {
        return Ok(());
    }
    let message = format!("entity {} has {found} events, and {expected}", item.event.entity);
    Err(Error::new(Code::VersionConflict, message).with_numbers(found, wanted))
}

/// The number of a string in the segment with this table; spelled where the batch is the first to
/// use it.
fn string_ref<'a>(
    segment: &Segment,
    table: &MemTable,
    text: &'a str,
    plan: &mut Plan<'a>,
) -> Result<StringRef<'a>> {
    if let Some(number) = table.number(text).or_else(|| plan.numbers.get(text).copied()) {
        return Ok(StringRef { number, spelled: None });
    }
    let spelled = match segment.number_in_index(text)? {
        Some(number) => {
            plan.of_index.push((text, number));
            plan.numbers.insert(text, number);
            return Ok(StringRef { number, spelled: None });
        }
        None => table.next_string() + plan.spelled.len() as u32,
    };
    plan.numbers.insert(text, spelled);
    plan.spelled.push(text);
    Ok(StringRef { number: spelled, spelled: Some(text) })
}
