//! Walking over events that match a region: what queries and imports share.

use crate::engine::format::frame::{Frame, StringRef};
use crate::engine::format::hash;
use crate::engine::index::filter::entity_filter_key;
use crate::engine::index::regions::{Postings, Wanted};
use crate::engine::log::segment::{Flow, Segment, Stretch};
use crate::engine::log::select::{Plan, Wish};
use crate::engine::log::state::Log;
use crate::engine::log::strings::KnownStrings;
use crate::engine::log::window::Window;
use crate::engine::model::content::Content;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::{Event, Source};
use crate::engine::model::id::Hash;
use crate::engine::model::region::{is_below, Region};
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
}

impl<'q> Scan<'q> {
    /// Everything of a region, with nothing more than what every event has.
    pub fn of(region: &'q Region) -> Scan<'q> {
        let (after, until, backward, system) = (0, u64::MAX, false, false);
        Scan { region, after, until, backward, system, previous_hash: false, rehash: false }
    }
}

/// Filters of segments are fetched so many ahead.
const FILTERS_AHEAD: usize = 6;
/// Frames at known places are fetched so many ahead.
const FRAMES_AHEAD: usize = 4;

/// Whoever walks. No lock is held while it is called; an error ends the walk.
pub trait Visit {
    /// An event is read, which may not match: the walk has come as far as this sequence.
    fn pass(&mut self, _sequence: u64) -> Result<()> {
        Ok(())
    }

    /// Whether files are read through mappings where they are in memory. That is faster, but the
    /// pages of a mapping count as memory of this process.
    fn maps(&self) -> bool {
        false
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
        let entity = scan.region.entity.as_deref().map(entity_filter_key);
        for at in 0..count {
            let nth = |at: usize| if scan.backward { count - 1 - at } else { at };
            if let Some(key) = entity.filter(|_| at + FILTERS_AHEAD < count) {
                segments[nth(at + FILTERS_AHEAD)].prefetch_filter(key);
            }
            let at = nth(at);
            let next_first =
                segments.get(at + 1).map_or(u64::MAX, |next| next.header.first_sequence);
            let segment = &segments[at];
            if next_first <= scan.after.saturating_add(1)
                || segment.header.first_sequence > scan.until
                || entity.is_some_and(|key| !segment.may_have(key))
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
    wish: Wish<'a>,
    strings: Strings,
    /// Frames that are met may be of other entities.
    any_entity: bool,
    /// Frames of other entities that were met on a walk, and those that were not.
    misses: u64,
    hits: u64,
    /// The offset at which a walk was given up, because most of it is of others.
    left_at: Option<u64>,
    /// The last hash seen of each entity, with its version.
    last_hashes: HashMap<u32, (u64, Hash)>,
}

/// A walk is given up where so many frames of others were met, and so many more for each that was
/// not.
const MISSES_MAX: u64 = 1024;
const MISSES_PER_HIT: u64 = 64;
/// Places of frames are fetched in parts that grow: what a reader of little does not need costs him
/// little.
const PLACES_MIN: usize = 128;
const PLACES_MAX: usize = 1 << 16;
/// Slots of the table, and zones of the index backward, that are looked at together.
const SLOTS_MIN: usize = 64;
const SLOTS_MAX: usize = 4096;
const ZONES_MAX: usize = 16;
/// Matches of a few zones, backward, that are worth one read of all of them.
const MANY_TOGETHER: usize = 16;

impl<'a> Visitor<'a> {
    /// None where the segment cannot have a match.
    fn new(
        store: &'a Log,
        scan: &'a Scan<'a>,
        segment: &'a Arc<Segment>,
    ) -> Result<Option<Visitor<'a>>> {
        let range = (scan.after, scan.until);
        let Some(wish) = Wish::new(segment, scan.region, range, scan.system)? else {
            return Ok(None);
        };
        Ok(Some(Visitor {
            store,
            scan,
            segment,
            wish,
            strings: Strings::new(segment.clone()),
            any_entity: false,
            misses: 0,
            hits: 0,
            left_at: None,
            last_hashes: HashMap::default(),
        }))
    }

    fn run(&mut self, visit: &mut dyn Visit) -> Result<Flow> {
        let (segment, scan, region) = (self.segment, self.scan, self.scan.region);
        let everything = region.entity.is_none()
            && region.scopes.is_empty()
            && region.kinds.is_empty()
            && !region.has_times();
        if everything && !scan.backward {
            return self.run_everything(visit);
        }
        let plan = segment.plan(&self.wish)?;
        if scan.backward && self.run_table(visit)?.is_break() {
            return Ok(Flow::Break(()));
        }
        if let Some(plan) = plan {
            if self.run_index(&plan, visit)?.is_break() {
                return Ok(Flow::Break(()));
            }
        }
        if scan.backward {
            return Ok(Flow::Continue(()));
        }
        self.run_table(visit)
    }

    /// All of the segment, from where a page before this one was left.
    fn run_everything(&mut self, visit: &mut dyn Visit) -> Result<Flow> {
        let (segment, after, left) = (self.segment, self.scan.after, &self.store.left);
        let mut walk = match left.take(segment, after) {
            Some((walk, known)) => {
                self.strings.known = known;
                walk
            }
            None => segment.begin_walk(after, visit.maps())?,
        };
        // Between what is passed over and the first frame nothing is.
        let (mut before, mut here) = (after, after);
        let flow = segment.go_on(&mut walk, &mut |offset, frame| {
            (before, here) = (here, frame.sequence);
            self.meet(offset, frame, visit)
        })?;
        if flow.is_break() {
            walk.sequences = before..here;
            left.put(segment, walk, std::mem::take(&mut self.strings.known));
        }
        Ok(flow)
    }

    /// The part of the segment that its index covers: by the places of an entity's events where
    /// they are few among others, else along the log.
    fn run_index(&mut self, plan: &Plan, visit: &mut dyn Visit) -> Result<Flow> {
        if !plan.is_sparse() {
            self.any_entity = plan.postings.is_some();
            let flow = match self.scan.backward {
                true => self.walk_zones_backward(plan, visit)?,
                false => self.walk_zones(plan, visit)?,
            };
            self.any_entity = false;
            if self.left_at.is_none() {
                return Ok(flow);
            }
        }
        match &plan.postings {
            Some(postings) => self.run_postings(plan, postings, visit),
            None => Ok(Flow::Continue(())),
        }
    }

    fn run_postings(
        &mut self,
        plan: &Plan,
        postings: &Postings,
        visit: &mut dyn Visit,
    ) -> Result<Flow> {
        let backward = self.scan.backward;
        if let Some((number, entity)) = postings.number.zip(self.scan.region.entity.as_deref()) {
            self.strings.known.remember(number, entity);
        }
        let (mut lowest, mut highest) = (plan.lowest, plan.highest);
        if let Some(at) = self.left_at.take() {
            *if backward { &mut highest } else { &mut lowest } = at as u32;
        }
        let mut count = PLACES_MIN;
        loop {
            let wanted = Wanted { lowest, highest, count, backward };
            let offsets = self.segment.select(postings, &wanted)?;
            let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
                return Ok(Flow::Continue(()));
            };
            (lowest, highest) = match backward {
                true => (lowest, first - 1),
                false => (last + 1, highest),
            };
            let is_last = offsets.len() < count || lowest > highest;
            let offsets: Vec<u64> = offsets.into_iter().map(u64::from).collect();
            if self.run_offsets(&offsets, visit)?.is_break() {
                return Ok(Flow::Break(()));
            }
            if is_last {
                return Ok(Flow::Continue(()));
            }
            count = (count * 4).min(PLACES_MAX);
        }
    }

    fn walk_zones(&mut self, plan: &Plan, visit: &mut dyn Visit) -> Result<Flow> {
        let (segment, region) = (self.segment, self.scan.region);
        for part in plan.stretches().into_iter().flat_map(|zones| Segment::parts(zones, region)) {
            for zones in segment.zones_in_time(part, region)? {
                let stretch = segment.zones_stretch(zones)?;
                let flow = segment
                    .walk_stretch(&stretch, &mut |offset, frame| self.meet(offset, frame, visit))?;
                if flow.is_break() {
                    return Ok(flow);
                }
            }
        }
        Ok(Flow::Continue(()))
    }

    fn walk_zones_backward(&mut self, plan: &Plan, visit: &mut dyn Visit) -> Result<Flow> {
        let (segment, region) = (self.segment, self.scan.region);
        let mut together = 1;
        for zones in plan.stretches().into_iter().rev() {
            let mut end = zones.end;
            while end > zones.start {
                let part = zones.start.max(end.saturating_sub(together))..end;
                (end, together) = (part.start, (together * 2).min(ZONES_MAX));
                for zones in segment.zones_in_time(part, region)?.into_iter().rev() {
                    let stretch = segment.zones_stretch(zones)?;
                    let offsets = self.matches_in(&stretch, visit)?;
                    let any_entity = std::mem::replace(&mut self.any_entity, false);
                    let mut window = segment.window();
                    if offsets.len() >= MANY_TOGETHER {
                        let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
                        window.get(first, (last - first) as usize)?;
                    }
                    let flow = self.run_offsets_in(&mut window, &offsets, visit)?;
                    self.any_entity = any_entity;
                    if flow.is_break() {
                        return Ok(Flow::Break(()));
                    }
                    if self.misses > MISSES_MAX + MISSES_PER_HIT * self.hits {
                        self.left_at = Some(stretch.frame.saturating_sub(1));
                        return Ok(Flow::Break(()));
                    }
                }
            }
        }
        Ok(Flow::Continue(()))
    }

    /// Offsets of the frames of a stretch that match.
    fn matches_in(&mut self, stretch: &Stretch, visit: &mut dyn Visit) -> Result<Vec<u64>> {
        let (mut offsets, mut first) = (Vec::new(), u64::MAX);
        let (segment, until) = (self.segment, self.scan.until);
        let _stopped = segment.walk_stretch(stretch, &mut |offset, frame| {
            if frame.sequence > until {
                return Ok(Flow::Break(()));
            }
            first = first.min(frame.sequence);
            if self.matches(frame)? {
                offsets.push(offset);
            }
            Ok(Flow::Continue(()))
        })?;
        if offsets.is_empty() && first != u64::MAX && first > self.scan.after {
            visit.pass(first)?;
        }
        Ok(offsets)
    }

    /// The part of the segment that no index covers yet.
    fn run_table(&mut self, visit: &mut dyn Visit) -> Result<Flow> {
        let segment = self.segment;
        let mut slots = segment.slots_of(&self.wish);
        if let Some(entity) = &self.scan.region.entity {
            if let Some(offsets) = segment.few_in_table(&slots, entity) {
                return self.run_offsets(&offsets, visit);
            }
        }
        let mut together = SLOTS_MIN;
        while !slots.is_empty() {
            let count = together.min(slots.len());
            let part = match self.scan.backward {
                true => slots.end - count..slots.end,
                false => slots.start..slots.start + count,
            };
            slots = match self.scan.backward {
                true => slots.start..part.start,
                false => part.end..slots.end,
            };
            together = (together * 2).min(SLOTS_MAX);
            let (offsets, (first, last)) = segment.offsets_in(part, &self.wish);
            if self.run_offsets(&offsets, visit)?.is_break() {
                return Ok(Flow::Break(()));
            }
            visit.pass(if self.scan.backward { first } else { last })?;
        }
        Ok(Flow::Continue(()))
    }

    fn run_offsets(&mut self, offsets: &[u64], visit: &mut dyn Visit) -> Result<Flow> {
        self.run_offsets_in(&mut self.segment.window(), offsets, visit)
    }

    fn run_offsets_in(
        &mut self,
        window: &mut Window,
        offsets: &[u64],
        visit: &mut dyn Visit,
    ) -> Result<Flow> {
        let segment = self.segment;
        let nth = |n: usize| {
            offsets
                .get(if self.scan.backward { offsets.len().wrapping_sub(n + 1) } else { n })
                .copied()
        };
        for n in 0..offsets.len() {
            nth(n + FRAMES_AHEAD).into_iter().for_each(|ahead| segment.prefetch(ahead));
            let Some(offset) = nth(n) else { break };
            let frame = segment.frame_at(window, offset)?;
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
        if !self.matches(frame)? {
            if self.any_entity && self.misses > MISSES_MAX + MISSES_PER_HIT * self.hits {
                self.left_at = Some(offset);
                return Ok(Flow::Break(()));
            }
            return Ok(Flow::Continue(()));
        }
        if scan.rehash {
            self.rehash(offset, frame)?;
        }
        let previous = match scan.previous_hash {
            true => Some(self.previous_hash(offset, frame)?),
            false => None,
        };
        let mut event = frame.event;
        event.previous_hash = previous;
        self.strings.spell(frame, &mut event)?;
        visit.show(&event)
    }

    /// Refuses an event whose payload is not what was hashed. The log has no hash of a short one:
    /// that the event hash tells, unless the entity's event before was lost.
    fn rehash(&mut self, offset: u64, frame: &Frame<'_>) -> Result<()> {
        let what = match frame.content {
            Content::Hash(_) if frame.content.is_of(frame.payload) => return Ok(()),
            Content::Hash(_) => "the payload of event",
            Content::Short(_) => {
                let previous = self.previous_hash(offset, frame)?;
                let is_known = previous != Hash::ZERO || frame.sequence == 1;
                let event = self.strings.event(frame, None)?;
                if !is_known
                    || hash::event_hash(&event, &previous, &mut Vec::new()) == event.event_hash
                {
                    return Ok(());
                }
                "what is in event"
            }
        };
        let (id, sequence) = (frame.id, frame.sequence);
        let why = format!("{what} {id} (sequence {sequence}) does not match its hash");
        Err(Error::corrupt(&self.segment.path, offset, why).with_event(id, sequence))
    }

    #[inline(always)]
    fn matches(&mut self, frame: &Frame<'_>) -> Result<bool> {
        let region = self.scan.region;
        let is_meant = region.has_kind(frame.kind)
            && (self.scan.system || frame.kind.category() != 0)
            && self.wish.has_scope(frame.scope.number)
            && region.versions.is_none_or(|(low, high)| (low..=high).contains(&frame.version))
            && region
                .timestamps
                .is_none_or(|(low, high)| (low..=high).contains(&frame.timestamp_us))
            && region.recorded.is_none_or(|(low, high)| (low..=high).contains(&frame.recorded_us));
        if !is_meant || !self.any_entity {
            return Ok(is_meant);
        }
        let Some(entity) = &region.entity else { return Ok(true) };
        let is_below = self.strings.is_below(frame.entity.number, entity)?;
        *if is_below { &mut self.hits } else { &mut self.misses } += 1;
        Ok(is_below)
    }

    fn previous_hash(&mut self, offset: u64, frame: &Frame<'_>) -> Result<Hash> {
        let entity = frame.entity.number;
        let seen = self.last_hashes.insert(entity, (frame.version, frame.event_hash));
        match seen {
            Some((version, hash)) if version.checked_add(1) == Some(frame.version) => Ok(hash),
            _ => {
                let name = self.strings.load(entity)?;
                self.store.previous_hash(self.segment, name, frame.version, offset as u32)
            }
        }
    }
}

/// The strings of a segment, each looked up once.
pub struct Strings {
    segment: Arc<Segment>,
    known: KnownStrings,
}

impl Strings {
    pub fn new(segment: Arc<Segment>) -> Strings {
        Strings { known: KnownStrings::default(), segment }
    }

    /// Whether a string is an entity, or one below it.
    fn is_below(&mut self, number: u32, entity: &str) -> Result<bool> {
        self.known.forget_many();
        Ok(is_below(self.load(number)?, entity))
    }

    fn load(&mut self, number: u32) -> Result<&str> {
        self.known.load(&self.segment, number)?;
        Ok(self.known.get(number).unwrap_or_default())
    }

    /// The event of a frame, with its strings.
    pub fn event<'e>(
        &'e mut self,
        frame: &Frame<'e>,
        previous_hash: Option<Hash>,
    ) -> Result<Event<'e>> {
        let mut event = Event { previous_hash, ..frame.event };
        self.spell(frame, &mut event)?;
        Ok(event)
    }

    /// Gives the event of a frame its strings.
    #[inline(always)]
    fn spell<'e>(&'e mut self, frame: &Frame<'e>, event: &mut Event<'e>) -> Result<()> {
        self.known.forget_many();
        self.learn(frame.entity)?;
        self.learn(frame.scope)?;
        if let Some(namespace) = frame.namespace {
            self.learn(namespace)?;
        }
        event.entity = self.text(frame.entity);
        event.scope = self.text(frame.scope);
        if let (Source::Import { namespace, .. }, Some(string)) =
            (&mut event.source, frame.namespace)
        {
            *namespace = self.text(string);
        }
        Ok(())
    }

    /// A string that the frame spells needs no look-up.
    #[inline(always)]
    fn learn(&mut self, string: StringRef<'_>) -> Result<()> {
        match string.spelled {
            Some(_) => Ok(()),
            None => self.known.load(&self.segment, string.number),
        }
    }

    #[inline(always)]
    fn text<'e>(&'e self, string: StringRef<'e>) -> &'e str {
        string.spelled.or_else(|| self.known.get(string.number)).unwrap_or_default()
    }
}
