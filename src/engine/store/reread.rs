//! A segment that is read anew to be verified: its file, its index, and a table of its events. That
//! is half of the work, and is done for the next segment while one is examined.

use super::files;
use super::index_check::{IndexCheck, Known};
use super::report::VerifyReport;
use crate::engine::format::frame::{Frame, SegmentHeader, BATCH_HEADER_LEN};
use crate::engine::format::lanes;
use crate::engine::index::file::IndexMeta;
use crate::engine::log::recovery::is_written_behind;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Log;
use crate::engine::log::tail::{Batches, Tail};
use crate::engine::log::window::Window;
use crate::engine::model::error::{Error, Result};
use crate::engine::platform::task::Task;
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use std::cell::RefCell;
use std::fmt::Display;
use std::sync::Arc;

/// A segment that is shorter is read faster than a thread is started.
const AHEAD_BYTES_MIN: u64 = 256 << 10;

/// What was read of a segment.
pub struct Reread {
    /// None where the file cannot be opened; then nothing else is known.
    pub fresh: Option<Arc<Segment>>,
    pub index: Option<IndexCheck>,
    /// Whether the index has each id; none where each event is to be asked for.
    pub ids: Option<Known>,
    /// Whether each payload is what was hashed.
    pub payloads: Known,
    /// How long the log is, or should be.
    pub end: u64,
    /// Where reading ended, and why where that is not the end.
    pub tail: Tail,
    pub read: Result<()>,
    /// What the log says at the offset that the index covers.
    pub there: Option<IndexMeta>,
    /// Found when the file was opened, and then.
    pub opened: VerifyReport,
    pub found: VerifyReport,
    /// Bytes that no watch has counted yet.
    pub uncounted: u64,
}

impl Reread {
    /// Reads the segment that the handle knows as `known`; another one follows it or not.
    pub fn new(store: &Log, known: &Segment, followed: bool, watch: &Watch<'_>) -> Result<Reread> {
        let mut opened = VerifyReport::default();
        let fresh = files::open_anew(store, known, &mut opened)?;
        let mut reread = Reread {
            fresh: fresh.clone(),
            index: None,
            ids: None,
            payloads: Known::default(),
            end: known.end(),
            tail: Tail::at_start(&known.header),
            read: Ok(()),
            there: None,
            opened,
            found: VerifyReport::default(),
            uncounted: 0,
        };
        let Some(fresh) = fresh else { return Ok(reread) };
        let found = &mut reread.found;
        if followed {
            let length = fresh.file.len().map_err(|e| Error::io("cannot stat", &known.path, &e));
            let length = length.or_else(|e| found.note(&known.path, e).map(|()| 0))?;
            // The writing process gives back what it had reserved when the segment is on disk.
            let sealed = known.sealed_index().is_some();
            if sealed || is_written_behind(&fresh, reread.end, length)? {
                reread.end = reread.end.max(length);
            }
        }
        reread.index = IndexCheck::open(store, known, reread.end, found)?;
        reread.read_log(&fresh, watch);
        if reread.read.is_ok() {
            reread.ids = Known::ids(&fresh, reread.index.as_ref());
        }
        Ok(reread)
    }

    /// As [`Reread::new`], on another thread. None where that does not pay, or there is none.
    pub fn ahead(store: &Arc<Log>, known: &Arc<Segment>, followed: bool) -> Option<Ahead> {
        if known.end() < AHEAD_BYTES_MIN {
            return None;
        }
        let (store, known) = (store.clone(), known.clone());
        Task::start(move |token| {
            let watch = Watch::new(Some(token), None);
            watch.begin(known.end(), STEP_BYTES)?;
            let mut reread = Reread::new(&store, &known, followed, &watch)?;
            reread.uncounted = reread.tail.offset;
            Ok(reread)
        })
    }

    /// Reads the log batch by batch.
    fn read_log(&mut self, fresh: &Segment, watch: &Watch<'_>) {
        let covered = self.index.as_ref().map_or(0, IndexCheck::covered_len);
        let hashed = Hashed { segment: fresh, payloads: RefCell::default() };
        self.read = self.tail.read_watched(&hashed, covered.min(self.end), watch);
        self.there = (self.tail.offset == covered).then(|| self.tail.index_meta());
        if self.read.is_ok() {
            self.read = self.tail.read_watched(&hashed, self.end, watch);
        }
        self.payloads = hashed.payloads.into_inner();
    }
}

/// A segment whose payloads are hashed when their batch was read, while the processor has it at
/// hand.
struct Hashed<'s> {
    segment: &'s Segment,
    payloads: RefCell<Known>,
}

impl Batches for Hashed<'_> {
    fn header(&self) -> &SegmentHeader {
        self.segment.header()
    }

    fn sequential(&self) -> Window {
        self.segment.sequential()
    }

    fn corrupt(&self, offset: u64, why: impl Display) -> Error {
        self.segment.corrupt(offset, why)
    }

    fn extend(&self, offset: u64, body: &[u8]) -> Result<()> {
        self.segment.extend(offset, body)?;
        let (mut at, mut places) = (0, Vec::new());
        let mut payloads = Vec::new();
        while at < body.len() {
            let place = offset + (BATCH_HEADER_LEN + at) as u64;
            let frame = self.frame_in(body, at, place)?;
            places.push(place);
            payloads.push((frame.event.payload, frame.event.content));
            at += Frame::length(&body[at..]);
        }
        let mut known = self.payloads.borrow_mut();
        for (place, matches) in places.into_iter().zip(lanes::are_of(&payloads)) {
            known.push(place, matches);
        }
        Ok(())
    }

    fn publish(&self, end: u64) {
        self.segment.publish(end);
    }
}

/// A segment that is being read.
pub type Ahead = Task<Result<Reread>>;
