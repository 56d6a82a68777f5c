//! The integrity walk: every checksum, hash, chain and index against the log.

use super::identity::Declared;
use super::scan::Strings;
use super::Store;
use crate::engine::format::frame::Frame;
use crate::engine::format::hash::{self, Link};
use crate::engine::index::file::Index;
use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::index::memtable::Slot;
use crate::engine::index::zones::{Marks, Zones};
use crate::engine::log::directory;
use crate::engine::log::filter_group::{FilterGroup, Members, GROUP_SEGMENTS};
use crate::engine::log::segment::{Flow, Segment};
use crate::engine::log::state::{Importing, Log};
use crate::engine::log::tail::Tail;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::finding::Finding;
use crate::engine::model::region::Region;
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use foldhash::HashMap;
use std::path::Path;
use std::sync::Arc;

/// What a walk over the whole store found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    pub events: u64,
    pub system_events: u64,
    pub batches: u64,
    pub segments: u64,
    pub log_bytes: u64,
    /// Declared gaps, and the sequences they take up.
    pub gaps: u64,
    pub gap_sequences: u64,
    /// Declared losses, which a repair leaves, and the sequences lost.
    pub losses: u64,
    pub lost_sequences: u64,
    /// Events whose predecessor was lost, so that only their content can be checked.
    pub unlinked_events: u64,
    /// Everything that is wrong; empty for a sound store. At most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// A walk stops after so many findings.
pub const FINDINGS_MAX: usize = 1000;

impl Store {
    /// Walks the whole log as it is on disk and compares every index with it. Damage is a finding;
    /// an error is what keeps the walk from being made. Memory is bounded by one segment.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_region(&Region::default(), &Watch::default())
    }

    /// As [`Store::verify`], of the segments that may have events of a region, under a watch that
    /// counts the bytes of their logs.
    pub fn verify_region(&self, region: &Region, watch: &Watch<'_>) -> Result<VerifyReport> {
        region.check()?;
        let _busy = watch.tells().then(|| Importing::new(&self.0));
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let visible = store.current_frontier().visible;
        let path = store.dir.file(directory::IDENTITY);
        // Read now: a store id is in the file before the log declares it.
        let found = store.dir.read_identity().map_err(|e| match e.code() {
            Code::StoreNotFound => Error::corrupt(&path, 0, "the identity file is missing"),
            _ => e,
        });
        let identity = found.as_ref().unwrap_or(&store.identity);
        let (declared, report) = (Declared::new(identity), VerifyReport::default());
        let mut walk = Walk { store, watch, visible, declared, last_lost: 0, report };
        let segments = store.segments();
        let wanted: Vec<bool> = segments.iter().map(|s| may_have(s, region)).collect();
        let chosen = segments.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        watch.begin(chosen.map(|(segment, _)| segment.end()).sum(), STEP_BYTES)?;
        walk.segments(&segments, &wanted)?;
        // Of a part of the log it can't be said which store ids it should declare.
        let whole = wanted.iter().all(|wanted| *wanted);
        let end = walk.declared.finish().map_err(|why| Error::corrupt(&path, 0, why));
        let end = end.err().filter(|_| whole);
        for error in [found.as_ref().err().cloned(), end].into_iter().flatten() {
            walk.note(&path, error)?;
        }
        watch.finish()?;
        Ok(walk.report)
    }
}

/// Whether a segment may have events of a region. One that can't be asked may.
fn may_have(segment: &Segment, region: &Region) -> bool {
    segment.may_have_of(region).unwrap_or(true)
}

/// The zones of an index beside a walk over the log that it covers.
struct ZoneCheck {
    index: Arc<Index>,
    zones: Zones,
    /// The zone of the event before.
    at: usize,
}

impl ZoneCheck {
    fn new(index: Arc<Index>) -> Result<ZoneCheck> {
        Ok(ZoneCheck { zones: index.zones()?, index, at: 0 })
    }

    /// Whether the event at `offset` is one that its zone covers.
    fn holds(&mut self, offset: u64, frame: &Frame<'_>) -> Result<bool> {
        if offset >= self.index.meta.covered_len {
            return Ok(true);
        }
        while self.at + 1 < self.zones.times.len()
            && u64::from(self.index.zone_start(self.at + 1)?.offset) <= offset
        {
            self.at += 1;
        }
        let Frame { event, scope, .. } = frame;
        let (kind, scope) = (event.kind, scope.number);
        let (timestamp_us, recorded_us) = (event.timestamp_us, event.recorded_us);
        Ok(self.zones.has(self.at, &Marks { kind, scope, timestamp_us, recorded_us }))
    }
}

struct Walk<'a, 'w> {
    store: &'a Log,
    watch: &'a Watch<'w>,
    visible: u64,
    declared: Declared<'a>,
    /// The last sequence that was declared lost so far.
    last_lost: u64,
    report: VerifyReport,
}

impl Walk<'_, '_> {
    /// The segments that are wanted, each against the one before, whether that was wanted or not.
    fn segments(&mut self, segments: &[Arc<Segment>], wanted: &[bool]) -> Result<()> {
        let mut before: Option<Tail> = None;
        for (number, members) in segments.chunks(GROUP_SEGMENTS).enumerate() {
            let group = self.group(members)?;
            for (at, segment) in members.iter().enumerate() {
                if self.report.findings.len() >= FINDINGS_MAX {
                    return Ok(());
                }
                let member = group.as_ref().map(|group| (group, 1 << at));
                before = match wanted[number * GROUP_SEGMENTS + at] {
                    true => Some(self.segment(segment, before.as_ref(), member)?),
                    false => {
                        let index = segment.index();
                        index.map(|index| Tail::after_index(&segment.header, &index.meta))
                    }
                };
            }
        }
        Ok(())
    }

    fn find(&mut self, segment: &Segment, offset: u64, sequence: u64, message: impl Into<String>) {
        self.push(Finding {
            path: segment.path.to_path_buf(),
            offset,
            first_sequence: sequence,
            last_sequence: sequence,
            message: message.into(),
        });
    }

    fn push(&mut self, finding: Finding) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(finding);
        }
    }

    /// An error that says damage becomes a finding; others end the walk.
    fn note(&mut self, path: &Path, error: Error) -> Result<()> {
        if error.code() != Code::Corrupt {
            return Err(error);
        }
        let path = error.path.clone().unwrap_or_else(|| path.to_owned());
        let (offset, message) = (error.offset.unwrap_or(0), error.message.clone());
        let (first_sequence, last_sequence) = (error.sequence, error.sequence);
        self.push(Finding { path, offset, first_sequence, last_sequence, message });
        Ok(())
    }

    /// The group of these segments, as it is on disk.
    fn group(&mut self, members: &[Arc<Segment>]) -> Result<Option<FilterGroup>> {
        if members.len() < GROUP_SEGMENTS {
            return Ok(None);
        }
        let group = FilterGroup::open(&self.store.dir, members);
        group.or_else(|e| self.note(&members[0].path, e).map(|()| None))
    }

    fn segment(
        &mut self,
        segment: &Segment,
        before: Option<&Tail>,
        group: Option<(&FilterGroup, Members)>,
    ) -> Result<Tail> {
        self.report.segments += 1;
        let fresh = Arc::new(segment.with_index(None));
        let mut tail = Tail::at_start(&segment.header);
        if before
            .is_some_and(|b| b.next_sequence != tail.next_sequence || b.log_hash != tail.log_hash)
        {
            let what = "the segment does not continue the one before";
            self.find(segment, 0, tail.next_sequence, what);
        }
        let read = tail.read_watched(&*fresh, segment.end(), self.watch);
        let damaged = read.is_err();
        read.or_else(|e| self.note(&segment.path, e))?;
        self.report.batches += tail.batches;
        self.report.log_bytes += tail.offset;
        let walked = self.events(segment, &fresh);
        walked.or_else(|e| self.note(&segment.path, e))?;
        // Of a log that cannot be read to its end, the index cannot be judged; it says where the
        // end was.
        if damaged {
            return Ok(segment
                .index()
                .map_or(tail, |i| Tail::after_index(&segment.header, &i.meta)));
        }
        let compared = self.index(segment, &fresh, &tail);
        compared.or_else(|e| self.note(&segment.path, e))?;
        let compared =
            group.map_or(Ok(()), |(group, member)| self.in_group(group, member, segment, &fresh));
        compared.or_else(|e| self.note(&segment.path, e))?;
        Ok(tail)
    }

    /// Content hashes, event hashes, versions and chains of one segment.
    fn events(&mut self, segment: &Segment, fresh: &Arc<Segment>) -> Result<()> {
        let (mut strings, mut scratch) = (Strings::new(fresh.clone()), Vec::new());
        let mut heads: HashMap<u32, Link> = HashMap::default();
        let mut next_sequence = segment.header.first_sequence;
        let losses = fresh.losses()?;
        let mut losses = losses.iter().peekable();
        let visible = self.visible;
        let _whole = fresh.walk(0, &mut |offset, frame| {
            self.watch.check()?;
            if frame.sequence > visible {
                return Ok(Flow::Break(()));
            }
            self.report.events += 1;
            self.report.system_events += u64::from(frame.kind.is_reserved());
            while let Some(loss) = losses.next_if(|(first, _)| *first < frame.sequence) {
                self.lose(*loss);
                next_sequence = loss.1 + 1;
            }
            if frame.sequence > next_sequence {
                self.report.gaps += 1;
                self.report.gap_sequences += frame.sequence - next_sequence;
            }
            next_sequence = frame.sequence + 1;
            if let Err(why) = self.declared.meet(frame.sequence, frame.kind, frame.payload) {
                self.find(segment, offset, frame.sequence, why);
            }
            let event = strings.event(frame, None)?;
            let before = match heads.insert(frame.entity.number, Link::of(&event)) {
                Some(before) => before,
                None => self.link_before(segment, &event)?,
            };
            let matches = hash::content_hash(event.payload) == event.content_hash;
            let content = (!matches).then_some("the payload does not match its content hash");
            let chain = before.fault(&event, self.last_lost, &mut scratch);
            self.report.unlinked_events += u64::from(chain.is_none() && !before.is_before(&event));
            for message in [content, chain].into_iter().flatten() {
                self.find(segment, offset, frame.sequence, message);
            }
            Ok(Flow::Continue(()))
        })?;
        losses.filter(|(_, last)| *last <= visible).for_each(|loss| self.lose(*loss));
        Ok(())
    }

    fn lose(&mut self, (first, last): (u64, u64)) {
        self.report.losses += 1;
        self.report.lost_sequences += last - first + 1;
        self.last_lost = last;
    }

    /// The newest event of this event's entity in the segments before its own.
    fn link_before(&self, segment: &Segment, event: &Event<'_>) -> Result<Link> {
        let before = segment.header.first_sequence;
        let newest = self.store.segments().newest_before(event.entity, before)?;
        let first =
            || Link::before_first(event.entity, event.sequence, self.store.identity.genesis_hash);
        Ok(newest.map_or_else(first, |newest| newest.link))
    }

    /// The index, or the table, against what was read from the log just now.
    fn index(&mut self, segment: &Segment, fresh: &Arc<Segment>, tail: &Tail) -> Result<()> {
        if let Some(index) = segment.index() {
            index.check_blocks()?;
            if index.meta.sealed && index.meta != tail.index_meta() {
                self.find(segment, 0, 0, "the index describes another log");
            }
        }
        let mut zones = segment.index().map(ZoneCheck::new).transpose()?;
        let visible = self.visible;
        let _whole = fresh.walk(0, &mut |offset, frame| {
            self.watch.check()?;
            if frame.sequence > visible {
                return Ok(Flow::Break(()));
            }
            if !zones.as_mut().map_or(Ok(true), |zones| zones.holds(offset, frame))? {
                let what = "the index lacks this event's time or kind";
                self.find(segment, offset, frame.sequence, what);
            }
            let (found, read) = (segment.find_id(frame.id)?, fresh.find_id(frame.id)?);
            let tag = read.filter(|read| u64::from(read.offset) == offset).map(|read| read.tag);
            if found.is_none_or(|found| u64::from(found.offset) != offset || Some(found.tag) != tag)
            {
                self.find(segment, offset, frame.sequence, "the index lacks this event's id");
            }
            Ok(Flow::Continue(()))
        })?;
        let last = (fresh.end() - 1) as u32;
        for number in fresh.read_table().entity_numbers() {
            let entity = fresh.string(number)?;
            let ours = fresh.offsets(&entity, last)?;
            if segment.offsets(&entity, last)? != ours {
                let what =
                    format!("the index and the log have different events of entity {entity}");
                self.find(segment, 0, 0, what);
            }
        }
        Ok(())
    }

    /// Whether the group has everything that the segment has.
    fn in_group(
        &mut self,
        group: &FilterGroup,
        member: Members,
        segment: &Segment,
        fresh: &Arc<Segment>,
    ) -> Result<()> {
        for (id, Slot { sequence, offset, .. }) in fresh.read_table().events() {
            if group.look_up(id_filter_key(id))? & member == 0 {
                let what = "the filter group lacks this event's id";
                self.find(segment, offset.into(), sequence, what);
            }
        }
        for number in fresh.read_table().entity_numbers() {
            let entity = fresh.string(number)?;
            if group.look_up(entity_filter_key(&entity))? & member == 0 {
                self.find(segment, 0, 0, format!("the filter group lacks the entity {entity}"));
            }
        }
        Ok(())
    }
}
