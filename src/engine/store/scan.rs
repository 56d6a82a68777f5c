//! Walking over events that match a region: what queries and imports share.

use crate::engine::format::frame::Frame;
use crate::engine::format::hash;
use crate::engine::index::file::Index;
use crate::engine::log::segment::{Flow, Segment};
use crate::engine::log::state::Log;
use crate::engine::log::window::Window;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::region::{KindFilter, Region};
use foldhash::HashMap;
use std::sync::Arc;

/// Which events to visit.
pub struct Scan<'q> {
    pub region: &'q Region,
    /// Sequences above this one, up to and with that one.
    pub after: u64,
    pub until: u64,
    pub backward: bool,
    pub system: bool,
    pub previous_hash: bool,
    /// Check the content hash of every payload.
    pub rehash: bool,
    /// Asked at every event that is read, also at those that do not match; an error ends the walk.
    pub go_on: &'q dyn Fn() -> Result<()>,
}

/// Frames at known places are fetched so many ahead.
const FRAMES_AHEAD: usize = 4;

/// What is called for each event. No lock is held meanwhile.
pub type Visit<'v> = dyn FnMut(&Event<'_>) -> Result<Flow> + 'v;

impl Log {
    /// Visits matching events in order of sequence, or in reverse.
    pub fn scan(&self, scan: &Scan<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let segments = self.segments();
        let count = segments.len();
        for at in 0..count {
            let at = if scan.backward { count - 1 - at } else { at };
            let next_first =
                segments.get(at + 1).map_or(u64::MAX, |next| next.header.first_sequence);
            let segment = &segments[at];
            if next_first <= scan.after.saturating_add(1)
                || segment.header.first_sequence > scan.until
            {
                continue;
            }
            let mut visitor = match Visitor::new(self, scan, segment)? {
                Some(visitor) => visitor,
                None => continue,
            };
            if visitor.run(visit).map_err(|e| segment.identify(e))?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The walk over one segment.
struct Visitor<'a> {
    store: &'a Log,
    scan: &'a Scan<'a>,
    segment: &'a Arc<Segment>,
    strings: Strings,
    /// The number that the scope must have.
    scope: Option<u32>,
    /// The last hash seen of each entity, with its version.
    last_hashes: HashMap<u32, (u64, Hash)>,
}

impl<'a> Visitor<'a> {
    /// None where the segment cannot hold a match.
    fn new(
        store: &'a Log,
        scan: &'a Scan<'a>,
        segment: &'a Arc<Segment>,
    ) -> Result<Option<Visitor<'a>>> {
        let scope = match &scan.region.scope {
            None => None,
            Some(scope) => match segment.find_number(scope)? {
                None => return Ok(None),
                number => number,
            },
        };
        let strings = Strings::new(segment.clone());
        Ok(Some(Visitor { store, scan, segment, strings, scope, last_hashes: HashMap::default() }))
    }

    fn run(&mut self, visit: &mut Visit<'_>) -> Result<Flow> {
        match &self.scan.region.entity {
            Some(entity) => self.run_entity(entity, visit),
            None if self.scan.backward => self.run_backward(visit),
            None => {
                let segment = self.segment;
                segment.walk(self.scan.after, &mut |offset, frame| self.meet(offset, &frame, visit))
            }
        }
    }

    fn run_entity(&mut self, entity: &str, visit: &mut Visit<'_>) -> Result<Flow> {
        let lowest = self.segment.lowest_offset(self.scan.after)?;
        let highest = self.segment.highest_offset(self.scan.until)?;
        let offsets = self.segment.offsets(entity, true, lowest, highest)?;
        self.run_offsets(&offsets, visit)
    }

    fn run_backward(&mut self, visit: &mut Visit<'_>) -> Result<Flow> {
        let mut until = self.scan.until;
        loop {
            let (offsets, first) = self.segment.frames_before(until)?;
            if self.run_offsets(&offsets, visit)?.is_break() {
                return Ok(Flow::Break(()));
            }
            if offsets.is_empty() || first <= self.scan.after.saturating_add(1) {
                return Ok(Flow::Continue(()));
            }
            until = first - 1;
        }
    }

    fn run_offsets(&mut self, offsets: &[u64], visit: &mut Visit<'_>) -> Result<Flow> {
        let segment = self.segment;
        let mut window = segment.window();
        let nth = |n: usize| {
            offsets
                .get(if self.scan.backward { offsets.len().wrapping_sub(n + 1) } else { n })
                .copied()
        };
        for n in 0..offsets.len() {
            nth(n + FRAMES_AHEAD).into_iter().for_each(|ahead| segment.prefetch(ahead));
            let Some(offset) = nth(n) else { break };
            let frame = segment.frame_at(&mut window, offset)?;
            if self.meet(offset, &frame, visit)?.is_break() {
                return Ok(Flow::Break(()));
            }
        }
        Ok(Flow::Continue(()))
    }

    /// Shows a frame to the caller if it matches; breaks where no further one can.
    #[inline(always)]
    fn meet(&mut self, offset: u64, frame: &Frame<'_>, visit: &mut Visit<'_>) -> Result<Flow> {
        let (scan, sequence) = (self.scan, frame.sequence);
        (scan.go_on)()?;
        let past = if scan.backward { sequence <= scan.after } else { sequence > scan.until };
        if past {
            return Ok(Flow::Break(()));
        }
        let outside = if scan.backward { sequence > scan.until } else { sequence <= scan.after };
        if outside || !self.matches(frame) {
            return Ok(Flow::Continue(()));
        }
        if scan.rehash && hash::content_hash(frame.payload) != frame.content_hash {
            let why = format!(
                "the payload of event {} (sequence {sequence}) does not have its content hash",
                frame.id
            );
            return Err(
                Error::corrupt(&self.segment.path, offset, why).with_event(frame.id, sequence)
            );
        }
        let previous = match scan.previous_hash {
            true => Some(self.previous_hash(offset, frame)?),
            false => None,
        };
        visit(&self.strings.event(frame, previous)?)
    }

    fn matches(&self, frame: &Frame<'_>) -> bool {
        let region = self.scan.region;
        let kind = match region.kind {
            None => true,
            Some(KindFilter::Exact(kind)) => frame.kind == kind,
            Some(KindFilter::Category(category)) => frame.kind.category() == category,
        };
        kind && (self.scan.system || frame.kind.category() != 0)
            && self.scope.is_none_or(|scope| frame.scope.number == scope)
            && region.versions.is_none_or(|(low, high)| (low..=high).contains(&frame.version))
    }

    fn previous_hash(&mut self, offset: u64, frame: &Frame<'_>) -> Result<Hash> {
        let entity = frame.entity.number;
        let seen = self.last_hashes.insert(entity, (frame.version, frame.event_hash));
        match seen {
            Some((version, hash)) if version.checked_add(1) == Some(frame.version) => Ok(hash),
            _ => {
                let name = self.strings.get(entity)?;
                self.store.previous_hash(self.segment, &name, frame.version, offset as u32)
            }
        }
    }
}

/// The place behind an event that was found. What was imported in order is met again in order, so
/// the event after it is found by reading on, without asking an index.
pub struct Successor {
    segment: Arc<Segment>,
    strings: Strings,
    window: Window,
    at: u64,
}

impl Successor {
    /// The place behind the event at `offset`.
    pub fn after(segment: Arc<Segment>, offset: u32) -> Result<Successor> {
        let mut window = segment.window();
        let found = segment.next_frame(&mut window, offset.into())?;
        let at = found.map_or(offset.into(), |(at, bytes)| at + bytes.len() as u64);
        Ok(Successor { strings: Strings::new(segment.clone()), segment, window, at })
    }

    /// Whether the next event has this id; if so, whether it has this content, and the place moves
    /// behind it. Equal hashes need no checksum.
    pub fn is_next(&mut self, id: Id, event: &Event<'_>) -> Result<Option<bool>> {
        let Some((at, bytes)) = self.segment.next_frame(&mut self.window, self.at)? else {
            return Ok(None);
        };
        let Some((_, content)) = Frame::unchecked_identity(bytes).filter(|(there, _)| *there == id)
        else {
            return Ok(None);
        };
        let next = at + bytes.len() as u64;
        let (kind, content_hash, entity, scope) = content;
        let same = (kind, content_hash) == (event.kind, event.content_hash)
            && self.strings.is(entity, event.entity)?
            && self.strings.is(scope, event.scope)?;
        if !same {
            self.segment.frame_at(&mut self.window, at)?;
        }
        self.at = next;
        Ok(Some(same))
    }
}

/// The strings of a segment, each looked up once.
pub struct Strings {
    segment: Arc<Segment>,
    index: Option<Arc<Index>>,
    known: HashMap<u32, Arc<str>>,
}

/// More strings than this are not kept.
const KNOWN_STRINGS_MAX: usize = 4096;

impl Strings {
    pub fn new(segment: Arc<Segment>) -> Strings {
        Strings { index: segment.index(), segment, known: HashMap::default() }
    }

    #[inline(always)]
    fn in_dictionary(&self, number: u32) -> Option<&str> {
        self.index.as_ref()?.dictionary()?.get(number as usize).map(|string| &**string)
    }

    fn forget_many(&mut self) {
        if self.known.len() > KNOWN_STRINGS_MAX {
            self.known.clear();
        }
    }

    #[inline(always)]
    fn load(&mut self, number: u32) -> Result<()> {
        if self.in_dictionary(number).is_none() && !self.known.contains_key(&number) {
            let string = self.segment.string(number)?;
            self.known.insert(number, string);
        }
        Ok(())
    }

    fn is(&mut self, number: u32, text: &str) -> Result<bool> {
        self.forget_many();
        self.load(number)?;
        Ok(self.text(number) == text)
    }

    fn get(&mut self, number: u32) -> Result<Arc<str>> {
        self.load(number)?;
        Ok(self.text(number).into())
    }

    #[inline(always)]
    fn text(&self, number: u32) -> &str {
        self.in_dictionary(number)
            .or_else(|| self.known.get(&number).map(|string| &**string))
            .unwrap_or_default()
    }

    /// The event of a frame, with its strings.
    #[inline(always)]
    pub fn event<'e>(
        &'e mut self,
        frame: &Frame<'e>,
        previous_hash: Option<Hash>,
    ) -> Result<Event<'e>> {
        self.forget_many();
        let namespace = frame.namespace.map(|string| string.number);
        for number in
            [Some(frame.entity.number), Some(frame.scope.number), namespace].into_iter().flatten()
        {
            self.load(number)?;
        }
        let text = |number| self.text(number);
        let namespace = namespace.map_or("", text);
        let event =
            frame.with_strings(text(frame.entity.number), text(frame.scope.number), namespace);
        Ok(Event { previous_hash, ..event })
    }
}
