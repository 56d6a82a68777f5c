//! A segment that is read anew to be verified: its file, its index, its run, and a table of its
//! events, which are screened on the way. That is nearly all of the work, and needs no other
//! segment to be examined: so two are read side by side.

use super::files;
use super::index_check::IndexCheck;
use super::report::VerifyReport;
use super::screen::{Screen, Suspects};
use crate::engine::index::file::IndexMeta;
use crate::engine::index::filter::entity_filter_key;
use crate::engine::index::memtable::Slot;
use crate::engine::log::recovery::is_written_behind;
use crate::engine::log::run::{Ascending, Run};
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Log;
use crate::engine::log::tail::Tail;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::limits::SEGMENT_EVENTS;
use crate::engine::platform::task::Task;
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use std::sync::Arc;

/// A segment that is shorter is read faster than a thread is started.
const AHEAD_BYTES_MIN: u64 = 256 << 10;

/// The run that a segment belongs to, and its number there.
pub type InRun = Option<(Arc<Run>, usize)>;

/// What was read of a segment.
pub struct Reread {
    /// None where the file cannot be opened; then nothing else is known.
    pub fresh: Option<Arc<Segment>>,
    pub index: Option<IndexCheck>,
    /// Of a segment that was read to its end, the events to be examined on their own.
    pub suspects: Suspects,
    /// The run that it belongs to, and its number there.
    pub run: InRun,
    /// Another segment follows.
    pub followed: bool,
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
    /// What index and run have differently, and what keeps the run from being read.
    pub of_index: VerifyReport,
    pub of_run: VerifyReport,
    pub in_run: Result<()>,
    /// Bytes that no watch has counted yet.
    pub uncounted: u64,
}

impl Reread {
    /// Reads the segment that the handle knows as `known`, which another one follows or not; it
    /// has a number in a run.
    pub fn new(
        store: &Log,
        known: &Segment,
        (followed, run): (bool, InRun),
        watch: &Watch<'_>,
    ) -> Result<Reread> {
        let mut opened = VerifyReport::default();
        let fresh = files::open_anew(store, known, &mut opened)?;
        let mut reread = Reread {
            fresh: fresh.clone(),
            index: None,
            suspects: Suspects::default(),
            run,
            followed,
            end: known.end(),
            tail: Tail::at_start(&known.header),
            read: Ok(()),
            there: None,
            opened,
            found: VerifyReport::default(),
            of_index: VerifyReport::default(),
            of_run: VerifyReport::default(),
            in_run: Ok(()),
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
        reread.read_log(store, &fresh, watch)?;
        Ok(reread)
    }

    /// As [`Reread::new`], on another thread. None where that does not pay, or there is none.
    pub fn ahead(store: &Arc<Log>, known: &Arc<Segment>, how: (bool, InRun)) -> Option<Ahead> {
        if known.end() < AHEAD_BYTES_MIN {
            return None;
        }
        let (store, known) = (store.clone(), known.clone());
        Task::start(move |token| {
            let watch = Watch::new(Some(token), None);
            watch.begin(known.end(), STEP_BYTES)?;
            let mut reread = Reread::new(&store, &known, how, &watch)?;
            reread.uncounted = reread.tail.offset;
            Ok(reread)
        })
    }

    /// Reads the log batch by batch, and screens its events; then compares index and run with it.
    fn read_log(&mut self, store: &Log, fresh: &Segment, watch: &Watch<'_>) -> Result<()> {
        let covered = self.index.as_ref().map_or(0, IndexCheck::covered_len);
        let events = self.index.as_ref().map_or(0, IndexCheck::events);
        fresh.write_table().expect(events.min(SEGMENT_EVENTS) as usize);
        let screen = Screen::new(store, fresh, self.index.as_mut());
        self.read = self.tail.read_watched(&screen, covered.min(self.end), watch);
        self.there = (self.tail.offset == covered).then(|| self.tail.index_meta());
        if self.read.is_ok() {
            self.read = self.tail.read_watched(&screen, self.end, watch);
        }
        if self.read.is_err() {
            self.index.iter_mut().for_each(IndexCheck::rewind);
            return Ok(());
        }
        let slots = fresh.read_table().slots_by_key();
        self.suspects = screen.finish(&slots);
        if let Some((run, number)) = &self.run {
            self.in_run = check_run((run, *number), fresh, &slots, &mut self.of_run);
        }
        drop(slots);
        let (Some(index), report) = (&self.index, &mut self.of_index) else { return Ok(()) };
        if let Some(what) = index.meta(self.there, self.followed) {
            report.find(&fresh.index_path(), 0, (0, 0), what);
        }
        index.strings(fresh, report).or_else(|e| report.note(&fresh.path, e))
    }
}

/// Whether a run has everything that its segment of this number has, whose events are `slots`, in
/// the order of the filter keys of their ids.
fn check_run(
    (run, number): (&Run, usize),
    fresh: &Segment,
    slots: &[(u64, u32)],
    report: &mut VerifyReport,
) -> Result<()> {
    let table = fresh.read_table();
    let (mut ascending, mut lacking) = (Ascending::new(run), Vec::new());
    for (key, slot) in slots {
        let mut there = false;
        ascending.find_id(*key, &mut |found| there |= found == number)?;
        if !there {
            lacking.push(*slot);
        }
    }
    lacking.sort_unstable();
    for Slot { sequence, offset, .. } in lacking.into_iter().map(|slot| table.slot(slot)) {
        let what = "the run lacks this event's id";
        report.find(&fresh.path, offset.into(), (sequence, sequence), what);
    }
    for entity in table.entity_numbers() {
        let newest = table.head(entity).map(|head| (number, table.slot(head.slot).offset));
        let entity = table.string(entity).unwrap_or_default();
        // Of entities whose keys begin alike it has the one with the last event.
        if run.head(entity_filter_key(entity))? < newest {
            let what = format!("the run lacks the last event of entity {entity}");
            report.find(&fresh.path, 0, (0, 0), what);
        }
    }
    Ok(())
}

/// A segment that is being read.
pub type Ahead = Task<Result<Reread>>;
