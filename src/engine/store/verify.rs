//! The integrity walk: every checksum, hash, chain and index against the log.

use super::identity::Declared;
use super::scan::Strings;
use super::Store;
use crate::engine::format::hash::{self, Link};
use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::index::memtable::Slot;
use crate::engine::log::directory;
use crate::engine::log::filter_group::{FilterGroup, Members, GROUP_SEGMENTS};
use crate::engine::log::segment::{Flow, Segment};
use crate::engine::log::state::Log;
use crate::engine::log::tail::Tail;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::Event;
use foldhash::HashMap;
use std::path::{Path, PathBuf};
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
    /// Everything that does not hold; empty for a sound store. At most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// A walk stops after so many findings.
pub const FINDINGS_MAX: usize = 1000;

/// One thing that does not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    pub path: PathBuf,
    pub offset: u64,
    /// The event concerned; 0 where it is not one event.
    pub sequence: u64,
    pub message: String,
}

impl Store {
    /// Walks the whole log as it is on disk and compares every index with it. Damage is a finding;
    /// an error is what keeps the walk from being made. Memory is bounded by one segment.
    pub fn verify(&self) -> Result<VerifyReport> {
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let visible = store.current_frontier().visible;
        let path = store.dir.file(directory::IDENTITY);
        // Read now: a store id is in the file before the log tells of it.
        let found = store.dir.read_identity().map_err(|e| match e.code() {
            Code::StoreNotFound => Error::corrupt(&path, 0, "the identity file is missing"),
            _ => e,
        });
        let identity = found.as_ref().unwrap_or(&store.identity);
        let mut walk = Walk {
            store,
            visible,
            declared: Declared::new(identity),
            last_lost: 0,
            report: VerifyReport::default(),
        };
        let mut before: Option<Tail> = None;
        for members in store.segments().chunks(GROUP_SEGMENTS) {
            let group = walk.group(members)?;
            for (at, segment) in members.iter().enumerate() {
                if walk.report.findings.len() >= FINDINGS_MAX {
                    break;
                }
                before = Some(walk.segment(
                    segment,
                    before.as_ref(),
                    group.as_ref().map(|group| (group, 1 << at)),
                )?);
            }
        }
        let end = walk.declared.finish().map_err(|why| Error::corrupt(&path, 0, why));
        for error in [found.as_ref().err().cloned(), end.err()].into_iter().flatten() {
            walk.note(&path, error)?;
        }
        Ok(walk.report)
    }
}

struct Walk<'a> {
    store: &'a Log,
    visible: u64,
    declared: Declared<'a>,
    /// The last sequence that was declared lost so far.
    last_lost: u64,
    report: VerifyReport,
}

impl Walk<'_> {
    fn find(&mut self, segment: &Segment, offset: u64, sequence: u64, message: impl Into<String>) {
        self.push(Finding {
            path: segment.path.to_path_buf(),
            offset,
            sequence,
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
        self.push(Finding { path, offset, sequence: error.sequence, message });
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
            self.find(
                segment,
                0,
                tail.next_sequence,
                "the segment does not continue the one before",
            );
        }
        let read = tail.read_through(&*fresh, segment.end());
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
                .map_or(tail, |index| Tail::after_index(&segment.header, &index.meta)));
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
            let event = strings.event(&frame, None)?;
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
                self.find(segment, 0, 0, "the index describes another log than this one");
            }
        }
        let (mut strings, visible) = (Strings::new(fresh.clone()), self.visible);
        let _whole = fresh.walk(0, &mut |offset, frame| {
            if frame.sequence > visible {
                return Ok(Flow::Break(()));
            }
            let event = strings.event(&frame, None)?;
            let tag = hash::content_tag(event.entity, event.scope, event.kind, &event.content_hash);
            let found = segment
                .find_id(frame.id)?
                .is_some_and(|f| u64::from(f.offset) == offset && f.tag == tag);
            if !found {
                self.find(
                    segment,
                    offset,
                    frame.sequence,
                    "the index does not have this event's id",
                );
            }
            Ok(Flow::Continue(()))
        })?;
        let last = (fresh.end() - 1) as u32;
        for number in fresh.entity_numbers() {
            let entity = fresh.string(number)?;
            if segment.offsets(&entity, false, 0, last)?
                != fresh.offsets(&entity, false, 0, last)?
            {
                self.find(
                    segment,
                    0,
                    0,
                    format!("the index has other events of entity {entity} than the log"),
                );
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
                self.find(
                    segment,
                    offset.into(),
                    sequence,
                    "the filter group lacks this event's id",
                );
            }
        }
        for number in fresh.entity_numbers() {
            let entity = fresh.string(number)?;
            if group.look_up(entity_filter_key(&entity))? & member == 0 {
                self.find(segment, 0, 0, format!("the filter group lacks the entity {entity}"));
            }
        }
        Ok(())
    }
}
