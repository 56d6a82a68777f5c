//! The integrity walk: every checksum, hash, chain and index against the log.

use super::directory;
use super::error::{Code, Error, Result};
use super::event::SYSTEM_ENTITY;
use super::hash::{self, EventFields};
use super::id::Hash;
use super::identity::Declared;
use super::scan::Strings;
use super::segment::{Flow, Segment};
use super::store::{Inner, Store};
use super::tail::Tail;
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
        let mut walk = Walk { store, visible, declared: Declared::new(identity), report: VerifyReport::default() };
        let mut before: Option<Tail> = None;
        for segment in store.segments().iter() {
            if walk.report.findings.len() >= FINDINGS_MAX {
                break;
            }
            before = Some(walk.segment(segment, before.as_ref())?);
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
    report: VerifyReport,
}

impl Walk<'_> {
    fn find(&mut self, segment: &Segment, offset: u64, sequence: u64, message: impl Into<String>) {
        self.push(Finding { path: segment.path.to_path_buf(), offset, sequence, message: message.into() });
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

    fn segment(&mut self, segment: &Segment, before: Option<&Tail>) -> Result<Tail> {
        self.report.segments += 1;
        let fresh = Arc::new(segment.without_index());
        let mut tail = Tail::at_start(&segment.header);
        if before.is_some_and(|b| b.next_sequence != tail.next_sequence || b.log_hash != tail.log_hash) {
            self.find(segment, 0, tail.next_sequence, "the segment does not continue the one before");
        }
        if let Err(error) = tail.read_through(&fresh, segment.end()) {
            self.note(&segment.path, error)?;
        }
        self.report.batches += tail.batches;
        self.report.log_bytes += tail.offset;
        let walked = self.events(segment, &fresh);
        walked.or_else(|e| self.note(&segment.path, e))?;
        let compared = self.index(segment, &fresh, &tail);
        compared.or_else(|e| self.note(&segment.path, e))?;
        Ok(tail)
    }

    /// Content hashes, event hashes, versions and chains of one segment.
    fn events(&mut self, segment: &Segment, fresh: &Arc<Segment>) -> Result<()> {
        let (mut strings, mut scratch) = (Strings::new(fresh.clone()), Vec::new());
        let mut heads: HashMap<u32, (u64, Hash)> = HashMap::default();
        let mut last_sequence = segment.header.first_sequence - 1;
        let visible = self.visible;
        let _whole = fresh.walk(0, &mut |offset, frame| {
            if frame.sequence > visible {
                return Ok(Flow::Break(()));
            }
            self.report.events += 1;
            self.report.system_events += u64::from(frame.kind.is_reserved());
            if frame.sequence > last_sequence + 1 {
                self.report.gaps += 1;
                self.report.gap_sequences += frame.sequence - last_sequence - 1;
            }
            last_sequence = frame.sequence;
            if let Err(why) = self.declared.meet(frame.sequence, frame.kind, frame.payload) {
                self.find(segment, offset, frame.sequence, why);
            }
            let event = strings.event(&frame, None)?;
            let (version, previous) = match heads.get(&frame.entity.number) {
                Some(head) => *head,
                None => self.head_before(segment, event.entity)?,
            };
            let fields = EventFields::of_event(&event, previous);
            let faults = [
                (event.version != version + 1, "the entity's versions do not follow each other"),
                (hash::content_hash(event.payload) != event.content_hash, "the payload does not have its content hash"),
                (hash::event_hash(&fields, &mut scratch) != event.event_hash, "the event hash does not hold"),
            ];
            for (_, message) in faults.iter().filter(|(fault, _)| *fault) {
                self.find(segment, offset, frame.sequence, *message);
            }
            heads.insert(frame.entity.number, (frame.version, frame.event_hash));
            Ok(Flow::Continue(()))
        })?;
        Ok(())
    }

    /// The newest event of an entity in the segments before this one.
    fn head_before(&self, segment: &Segment, entity: &str) -> Result<(u64, Hash)> {
        let first = segment.header.first_sequence;
        for earlier in self.store.segments().iter().rev().filter(|s| s.header.first_sequence < first) {
            if let Some(newest) = earlier.newest_of(entity)? {
                return Ok((newest.version, newest.hash));
            }
        }
        let none = if entity == SYSTEM_ENTITY { Hash::ZERO } else { self.store.identity.genesis_hash };
        Ok((0, none))
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
            let found = segment.find_id(frame.id)?.is_some_and(|f| u64::from(f.offset) == offset && f.tag == tag);
            if !found {
                self.find(segment, offset, frame.sequence, "the index does not have this event's id");
            }
            Ok(Flow::Continue(()))
        })?;
        let last = (fresh.end() - 1) as u32;
        for number in fresh.entity_numbers() {
            let entity = fresh.string(number)?;
            if segment.offsets(&entity, false, 0, last)? != fresh.offsets(&entity, false, 0, last)? {
                self.find(segment, 0, 0, format!("the index has other events of entity {entity} than the log"));
            }
        }
        Ok(())
    }
}
