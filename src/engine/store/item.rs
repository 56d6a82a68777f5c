//! What is to be committed, with all that can be computed before the writer's lock is taken.

use crate::engine::format::frame::{APART_BYTES, FRAME_FIXED_LEN};
use crate::engine::format::hash;
use crate::engine::format::lanes::{self, Inputs};
use crate::engine::model::content::Content;
use crate::engine::model::event::{Cause, Event, Expect, Extensions, NewEvent, Source};
use crate::engine::model::id::{Hash, Id};

/// So many items are hashed together.
const TOGETHER: usize = 64;

/// What is to be committed; everything that needs no lock has been computed.
#[derive(Clone, Copy, Default)]
pub struct Item<'a> {
    /// As it will be, except for what only the log knows: sequence, version, recorded time and
    /// hash. The id is the key; where it is none, a new id is made.
    pub event: Event<'a>,
    /// BLAKE3 of the payload.
    pub content_hash: Hash,
    /// Stands for the content in indexes.
    pub tag: u64,
    /// CRC-32 of a payload of [`APART_BYTES`] or more.
    pub payload_crc: u32,
    pub expect: Expect,
    /// The time of the event is the clock's.
    pub has_no_time: bool,
    /// Its cause is this earlier item of the batch.
    pub caused_by: Option<usize>,
    /// Sequences below this one are skipped; 0 for all but a gap event.
    pub skip_to: u64,
    /// It is the first of its batch, and written only if another item is.
    pub with_others: bool,
    /// It is among the last of its batch, and written only if all before it are.
    pub with_all: bool,
}

impl<'a> Item<'a> {
    pub fn of_event(new: &NewEvent<'a>, extensions: &'a [u8]) -> Item<'a> {
        let mut item = Item::without_hashes(new, extensions);
        match item.is_apart() {
            true => item.hash_apart(),
            false => item.set_content_hash(hash::content_hash(new.payload)),
        }
        item.tag = hash::tag_of(&item.event);
        item
    }

    /// The items of a batch; `extensions` has those of each event.
    pub fn of_events(new: &[NewEvent<'a>], extensions: &'a [Vec<u8>]) -> Vec<Item<'a>> {
        let events = new.iter().zip(extensions);
        let mut items: Vec<Item<'a>> =
            events.map(|(event, x)| Item::without_hashes(event, x)).collect();
        items.iter_mut().filter(|item| item.is_apart()).for_each(Item::hash_apart);
        Item::hash_all(&mut items, |item| !item.is_apart());
        Item::tag_all(&mut items);
        items
    }

    /// Hashes the payloads of some items.
    fn hash_all(items: &mut [Item<'_>], of: impl Fn(&Item<'_>) -> bool) {
        let (mut payloads, mut hashes) = ([&[][..]; TOGETHER], [Hash::ZERO; TOGETHER]);
        for items in items.chunks_mut(TOGETHER) {
            let mut count = 0;
            for item in items.iter().filter(|item| of(item)) {
                payloads[count] = item.event.payload;
                count += 1;
            }
            lanes::hash_many(&payloads[..count], &mut hashes);
            let hashed = items.iter_mut().filter(|item| of(item));
            hashed.zip(&hashes).for_each(|(item, hash)| item.set_content_hash(*hash));
        }
    }

    fn set_content_hash(&mut self, hash: Hash) {
        self.content_hash = hash;
        self.event.content = Content::new(self.event.payload, hash);
    }

    /// Whether the payload is written from where it is.
    pub fn is_apart(&self) -> bool {
        self.event.payload.len() >= APART_BYTES
    }

    fn hash_apart(&mut self) {
        let (hash, crc) = hash::hash_and_checksum(self.event.payload);
        self.set_content_hash(hash);
        self.payload_crc = crc;
    }

    /// Fills in what items lack of which the content is known.
    pub fn complete(items: &mut [Item<'_>]) {
        for item in items.iter_mut() {
            item.content_hash = item.event.content.known_hash().unwrap_or_default();
        }
        Item::hash_all(items, |item| item.event.content.known_hash().is_none());
        for item in items.iter_mut().filter(|item| item.is_apart()) {
            item.payload_crc = crc32fast::hash(item.event.payload);
        }
        Item::tag_all(items);
    }

    fn tag_all(items: &mut [Item<'_>]) {
        let (mut inputs, mut hashes) = (Inputs::default(), [Hash::ZERO; TOGETHER]);
        for items in items.chunks_mut(TOGETHER) {
            inputs.clear();
            items.iter().for_each(|item| inputs.push(|out| hash::put_tag_input(&item.event, out)));
            lanes::hash_each(inputs.iter(), |at, hash| hashes[at] = hash);
            items.iter_mut().zip(&hashes).for_each(|(item, hash)| item.tag = hash::tag_in(hash));
        }
    }

    #[inline(always)]
    fn without_hashes(new: &NewEvent<'a>, extensions: &'a [u8]) -> Item<'a> {
        let (causation, caused_by) = match new.cause {
            Cause::None => (Id::NONE, None),
            Cause::Event(id) => (id, None),
            Cause::Item(at) => (Id::NONE, Some(at)),
        };
        let event = Event {
            id: new.key,
            entity: new.entity,
            scope: new.scope,
            kind: new.kind,
            timestamp_us: new.timestamp_us.unwrap_or_default(),
            flags: new.flags,
            payload_version: new.payload_version,
            correlation: new.correlation,
            causation,
            payload: new.payload,
            payload_len: new.payload.len(),
            extensions: Extensions(extensions),
            ..Event::default()
        };
        Item {
            event,
            content_hash: Hash::ZERO,
            tag: 0,
            payload_crc: 0,
            expect: new.expect,
            has_no_time: new.timestamp_us.is_none(),
            caused_by,
            skip_to: 0,
            with_others: false,
            with_all: false,
        }
    }
}

/// An upper bound of what an event takes in a segment beside its strings, payload, extensions and
/// source.
pub const FRAME_BYTES_MAX: u64 = (FRAME_FIXED_LEN + 220) as u64;

/// An upper bound of the bytes that an event takes in a segment.
pub fn encoded_bound(event: &Event<'_>) -> u64 {
    let Event { entity, scope, payload, extensions, source, .. } = event;
    let source = match source {
        Source::None => 0,
        Source::Import { namespace, .. } => namespace.len(),
        Source::Raw(body) => body.len(),
    };
    let variable = entity.len() + scope.len() + payload.len() + extensions.0.len() + source;
    FRAME_BYTES_MAX + variable as u64
}
