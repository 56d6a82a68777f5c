//! The integrity walk: every checksum, hash, chain and index against the log.

use super::identity::Declared;
use super::scan::Strings;
use super::Store;
use crate::engine::format::hash;
use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::index::memtable::Slot;
use crate::engine::log::directory;
use crate::engine::log::filter_group::{Members, Run, RUN_SEGMENTS};
use crate::engine::log::segment::{Flow, Newest, Segment};
use crate::engine::log::state::Inner;
use crate::engine::log::tail::Tail;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::{Event, SYSTEM_ENTITY};
use crate::engine::model::id::Hash;
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
        for members in store.segments().chunks(RUN_SEGMENTS) {
            let run = walk.run(members)?;
            for (at, segment) in members.iter().enumerate() {
                if walk.report.findings.len() >= FINDINGS_MAX {
                    break;
                }
                before = Some(walk.segment(
                    segment,
                    before.as_ref(),
                    run.as_ref().map(|run| (run, 1 << at)),
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
    store: &'a Inner,
    visible: u64,
    declared: Declared<'a>,
    /// The last sequence that was declared lost so far.
    last_lost: u64,
    report: VerifyReport,
}

/// The newest event of an entity so far; all zero but the hash where there is none.
#[derive(Clone, Copy)]
struct Head {
    sequence: u64,
    version: u64,
    hash: Hash,
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

    /// The run of these segments, as it is on disk.
    fn run(&mut self, members: &[Arc<Segment>]) -> Result<Option<Run>> {
        if members.len() < RUN_SEGMENTS {
            return Ok(None);
        }
        let run = Run::open(&self.store.dir, members);
        run.or_else(|e| self.note(&members[0].path, e).map(|()| None))
    }

    fn segment(
        &mut self,
        segment: &Segment,
        before: Option<&Tail>,
        run: Option<(&Run, Members)>,
    ) -> Result<Tail> {
        self.report.segments += 1;
        let fresh = Arc::new(segment.without_index());
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
            run.map_or(Ok(()), |(run, member)| self.in_run(run, member, segment, &fresh));
        compared.or_else(|e| self.note(&segment.path, e))?;
        Ok(tail)
    }

    /// Content hashes, event hashes, versions and chains of one segment.
    fn events(&mut self, segment: &Segment, fresh: &Arc<Segment>) -> Result<()> {
        let (mut strings, mut scratch) = (Strings::new(fresh.clone()), Vec::new());
        let mut heads: HashMap<u32, Head> = HashMap::default();
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
            let head = match heads.get(&frame.entity.number) {
                Some(head) => *head,
                None => self.head_before(segment, &event)?,
            };
            let content_holds = hash::content_hash(event.payload) == event.content_hash;
            let chain = self.chain(&event, &head, &mut scratch);
            let content = (!content_holds).then_some("the payload does not have its content hash");
            for message in [content, chain].into_iter().flatten() {
                self.find(segment, offset, frame.sequence, message);
            }
            let head =
                Head { sequence: frame.sequence, version: frame.version, hash: frame.event_hash };
            heads.insert(frame.entity.number, head);
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

    /// What is wrong with the event's place behind the entity's event before. Versions may be
    /// missing where a loss was declared since; then the hash cannot be computed.
    fn chain(
        &mut self,
        event: &Event<'_>,
        head: &Head,
        scratch: &mut Vec<u8>,
    ) -> Option<&'static str> {
        if head.version.checked_add(1) == Some(event.version) {
            return (hash::event_hash(event, &head.hash, scratch) != event.event_hash)
                .then_some("the event hash does not hold");
        }
        if event.version <= head.version || self.last_lost <= head.sequence {
            return Some("the entity's versions do not follow each other");
        }
        self.report.unlinked_events += 1;
        None
    }

    /// The newest event of this event's entity in the segments before its own.
    fn head_before(&self, segment: &Segment, event: &Event<'_>) -> Result<Head> {
        let first = segment.header.first_sequence;
        let segments = self.store.segments();
        let earlier = |s: &&Arc<Segment>| s.header.first_sequence < first;
        for earlier in segments.may_have(entity_filter_key(event.entity)).filter(earlier) {
            if let Some(Newest { sequence, version, hash, .. }) = earlier.newest_of(event.entity)? {
                return Ok(Head { sequence, version, hash });
            }
        }
        let genesis = self.store.identity.genesis_hash;
        Ok(match (event.entity == SYSTEM_ENTITY, event.sequence) {
            (true, 1) => Head { sequence: 0, version: 0, hash: Hash::ZERO },
            // Also where the genesis event was lost, its hash is known.
            (true, _) => Head { sequence: 1, version: 1, hash: genesis },
            (false, _) => Head { sequence: 0, version: 0, hash: genesis },
        })
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

    /// Whether the run has everything that the segment has.
    fn in_run(
        &mut self,
        run: &Run,
        member: Members,
        segment: &Segment,
        fresh: &Arc<Segment>,
    ) -> Result<()> {
        for (id, Slot { sequence, offset, .. }) in fresh.read_table().events() {
            if run.look_up(id_filter_key(id))? & member == 0 {
                self.find(
                    segment,
                    offset.into(),
                    sequence,
                    "the run does not have this event's id",
                );
            }
        }
        for number in fresh.entity_numbers() {
            let entity = fresh.string(number)?;
            if run.look_up(entity_filter_key(&entity))? & member == 0 {
                self.find(segment, 0, 0, format!("the run does not have the entity {entity}"));
            }
        }
        Ok(())
    }
}
