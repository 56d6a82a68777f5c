//! Walking over events that match a region: what queries and imports share.

use crate::engine::format::frame::Frame;
use crate::engine::format::hash;
use crate::engine::index::file::Index;
use crate::engine::log::segment::{Flow, MatchingZones, Segment, Stretch};
use crate::engine::log::state::Log;
use crate::engine::log::window::Window;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::region::Region;
use foldhash::HashMap;
use std::ops::Range;
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
}

/// Frames at known places are fetched so many ahead.
const FRAMES_AHEAD: usize = 4;

/// Whoever walks. No lock is held while it is called; an error ends the walk.
pub trait Visit {
    /// An event is read, which may not match: the walk has come as far as this sequence.
    fn pass(&mut self, _sequence: u64) -> Result<()> {
        Ok(())
    }

    /// An event matches.
    fn show(&mut self, event: &Event<'_>) -> Result<Flow>;
}

impl<F: FnMut(&Event<'_>) -> Result<Flow>> Visit for F {
    fn show(&mut self, event: &Event<'_>) -> Result<Flow> {
        self(event)
    }
}

impl Log {
    /// Visits matching events in order of sequence, or in reverse.
    pub fn scan(&self, scan: &Scan<'_>, visit: &mut dyn Visit) -> Result<()> {
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
    /// The numbers that the scope may have, ascending; none where it may be any.
    scopes: Vec<u32>,
    /// The last hash seen of each entity, with its version.
    last_hashes: HashMap<u32, (u64, Hash)>,
}

impl<'a> Visitor<'a> {
    /// None where the segment cannot have a match.
    fn new(
        store: &'a Log,
        scan: &'a Scan<'a>,
        segment: &'a Arc<Segment>,
    ) -> Result<Option<Visitor<'a>>> {
        let numbers = scan.region.scopes.iter().map(|scope| segment.find_number(scope));
        let mut scopes: Vec<u32> = numbers.filter_map(Result::transpose).collect::<Result<_>>()?;
        if scopes.is_empty() && !scan.region.scopes.is_empty() {
            return Ok(None);
        }
        scopes.sort_unstable();
        let strings = Strings::new(segment.clone());
        Ok(Some(Visitor { store, scan, segment, strings, scopes, last_hashes: HashMap::default() }))
    }

    fn run(&mut self, visit: &mut dyn Visit) -> Result<Flow> {
        let (segment, scan) = (self.segment, self.scan);
        let zones = segment.matching_zones(scan.region, scan.after)?;
        match (&scan.region.entity, zones) {
            (Some(entity), zones) => self.run_entity(entity, zones, visit),
            (None, Some(zones)) if scan.backward => self.run_zones_backward(zones, visit),
            (None, Some(zones)) => self.run_zones(zones, visit),
            (None, None) if scan.backward => self.run_backward(visit),
            (None, None) => {
                segment.walk(scan.after, &mut |offset, frame| self.meet(offset, frame, visit))
            }
        }
    }

    fn run_entity(
        &mut self,
        entity: &str,
        zones: Option<MatchingZones>,
        visit: &mut dyn Visit,
    ) -> Result<Flow> {
        let lowest = self.segment.lowest_offset(self.scan.after)?;
        let highest = self.segment.highest_offset(self.scan.until)?;
        let mut offsets = self.segment.offsets(entity, true, lowest, highest)?;
        // A few events are read sooner than their zones are looked up.
        if let Some(zones) = zones.filter(|zones| zones.of_index.len() < offsets.len()) {
            let of_index = zones.of_index.into_iter().map(|z| self.segment.zones_stretch(z));
            let stretches =
                of_index.chain(zones.of_table.into_iter().map(Ok)).collect::<Result<Vec<_>>>()?;
            offsets.retain(|offset| {
                let after = stretches.partition_point(|stretch| stretch.frame <= *offset);
                after > 0 && *offset < stretches[after - 1].end
            });
        }
        self.run_offsets(&offsets, visit)
    }

    fn run_zones(&mut self, zones: MatchingZones, visit: &mut dyn Visit) -> Result<Flow> {
        let segment = self.segment;
        let of_index = zones.of_index.into_iter().map(|zones| segment.zones_stretch(zones));
        let of_table = zones.of_table.chunk_by(|zone, next| zone.end == next.frame);
        let of_table =
            of_table.map(|zones| Ok(Stretch { end: zones[zones.len() - 1].end, ..zones[0] }));
        for stretch in of_index.chain(of_table) {
            let flow = segment
                .walk_stretch(&stretch?, &mut |offset, frame| self.meet(offset, frame, visit))?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue(()))
    }

    fn run_zones_backward(&mut self, zones: MatchingZones, visit: &mut dyn Visit) -> Result<Flow> {
        let segment = self.segment;
        let highest = u64::from(segment.highest_offset(self.scan.until)?);
        let of_index = zones.of_index.into_iter().rev().flat_map(Range::rev);
        let of_index = of_index.map(|zone| segment.zones_stretch(zone..zone + 1));
        for stretch in zones.of_table.into_iter().rev().map(Ok).chain(of_index) {
            let stretch = stretch?;
            if stretch.frame > highest {
                continue;
            }
            let mut offsets = Vec::new();
            let _whole = segment.walk_stretch(&stretch, &mut |offset, _| {
                offsets.push(offset);
                Ok(Flow::Continue(()))
            })?;
            if self.run_offsets(&offsets, visit)?.is_break() {
                return Ok(Flow::Break(()));
            }
        }
        Ok(Flow::Continue(()))
    }

    fn run_backward(&mut self, visit: &mut dyn Visit) -> Result<Flow> {
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

    fn run_offsets(&mut self, offsets: &[u64], visit: &mut dyn Visit) -> Result<Flow> {
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
    fn meet(&mut self, offset: u64, frame: &Frame<'_>, visit: &mut dyn Visit) -> Result<Flow> {
        let (scan, sequence) = (self.scan, frame.sequence);
        if sequence <= scan.after || sequence > scan.until {
            let past = scan.backward == (sequence <= scan.after);
            return Ok(if past { Flow::Break(()) } else { Flow::Continue(()) });
        }
        visit.pass(sequence)?;
        if !self.matches(frame) {
            return Ok(Flow::Continue(()));
        }
        if scan.rehash && hash::content_hash(frame.payload) != frame.content_hash {
            let why = format!(
                "the payload of event {} (sequence {sequence}) does not match its content hash",
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
        visit.show(&self.strings.event(frame, previous)?)
    }

    fn matches(&self, frame: &Frame<'_>) -> bool {
        let region = self.scan.region;
        let scope = || match &*self.scopes {
            [] => true,
            [one] => frame.scope.number == *one,
            scopes => scopes.binary_search(&frame.scope.number).is_ok(),
        };
        region.has_kind(frame.kind)
            && (self.scan.system || frame.kind.category() != 0)
            && scope()
            && region.versions.is_none_or(|(low, high)| (low..=high).contains(&frame.version))
            && region
                .timestamps
                .is_none_or(|(low, high)| (low..=high).contains(&frame.timestamp_us))
            && region.recorded.is_none_or(|(low, high)| (low..=high).contains(&frame.recorded_us))
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

/// The place after an event that was found. What was imported in order is met again in order, so
/// the event after it is found by reading on, without asking an index.
pub struct Successor {
    segment: Arc<Segment>,
    strings: Strings,
    window: Window,
    at: u64,
}

impl Successor {
    /// The place after the event at `offset`.
    pub fn after(segment: Arc<Segment>, offset: u32) -> Result<Successor> {
        let mut window = segment.window();
        let found = segment.next_frame(&mut window, offset.into())?;
        let at = found.map_or(offset.into(), |(at, bytes)| at + bytes.len() as u64);
        Ok(Successor { strings: Strings::new(segment.clone()), segment, window, at })
    }

    /// Whether the next event has this id; if so, whether it has this content, and the place moves
    /// after it. Equal hashes need no checksum.
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
