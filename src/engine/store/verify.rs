//! The integrity walk: every checksum, hash, chain and index against the log, as the files of the
//! directory have it now. It goes on after damage.

use super::damaged::Damaged;
use super::examine::Examiner;
use super::files;
use super::identity::Declared;
use super::index_check::IndexCheck;
use super::report::{is_finding, VerifyReport};
use super::reread::{Ahead, Reread};
use super::scan::Strings;
use super::Store;
use crate::engine::format::frame::Frame;
use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::index::memtable::Slot;
use crate::engine::log::directory;
use crate::engine::log::run::Run;
use crate::engine::log::salvage::Salvage;
use crate::engine::log::segment::{Flow, Segment};
use crate::engine::log::state::{Importing, Log};
use crate::engine::log::tail::Tail;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::region::Region;
use crate::engine::platform::vfs::Access;
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use std::sync::Arc;

impl Store {
    /// Walks the whole log as it is on disk and compares every index with it. What is wrong with
    /// the store is a finding, whatever would make the next open, backup or repair complain; an
    /// error is what keeps the walk from being made. Memory is bounded by one segment.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_region(&Region::default(), &Watch::default())
    }

    /// As [`Store::verify`], of the segments that may have events of a region, under a watch that
    /// counts the bytes of their logs.
    pub fn verify_region(&self, region: &Region, watch: &Watch<'_>) -> Result<VerifyReport> {
        region.check()?;
        let _busy = watch.tells().then(|| Importing::new(&self.0));
        let store = &self.0;
        store.check_open()?;
        store.finish_background();
        let mut early = VerifyReport::default();
        let before = files::look(store, &mut early)?;
        store.refresh().or_else(|e| early.note(&store.dir.path, e))?;
        // Read now: a store id is in the file before the log declares it.
        let identity = files::identity(store, &mut early)?;
        let visible = store.current_frontier().visible;
        let segments = store.segments();
        let wanted: Vec<bool> = segments.iter().map(|s| may_have(s, region)).collect();
        let chosen = segments.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        watch.begin(chosen.map(|(segment, _)| segment.end()).sum(), STEP_BYTES)?;
        let examiner = Examiner::new(store, Declared::new(&identity), visible);
        let mut walk = Walk { store, watch, examiner };
        walk.segments(&segments, &wanted)?;
        let end = walk.examiner.finish();
        let mut report = walk.examiner.report;
        (report.found, report.findings) =
            (report.found + early.found, [report.findings, early.findings].concat());
        if let Err(why) = end {
            let path = store.dir.file(directory::IDENTITY);
            report.note(&path, Error::corrupt(&path, 0, why))?;
        }
        files::check(store, &before, &mut report)?;
        // Opening would look at what the region leaves out, too.
        if report.found == 0 && wanted.iter().all(|wanted| *wanted) {
            files::check_opening(store, &mut report)?;
        }
        watch.finish()?;
        Ok(report)
    }
}

/// Whether a segment may have events of a region. One that can't be asked may.
fn may_have(segment: &Segment, region: &Region) -> bool {
    segment.may_have_of(region).unwrap_or(true)
}

/// What the segment and its index lack of an event, each asked for it. The inner error is the
/// index's.
fn lack(
    fresh: &Segment,
    index: Option<&mut IndexCheck>,
    offset: u64,
    frame: &Frame<'_>,
) -> Result<Result<Option<&'static str>>> {
    let read = fresh.find_id(frame.id)?.filter(|read| u64::from(read.offset) == offset);
    Ok(match (read, index) {
        (None, _) => Ok(Some("another event of the segment has the same id")),
        (Some(read), Some(index)) => index.event(offset, frame, read.tag),
        (Some(_), None) => Ok(None),
    })
}

struct Walk<'a, 'w> {
    store: &'a Arc<Log>,
    watch: &'a Watch<'w>,
    examiner: Examiner<'a>,
}

/// One of the segments that are walked over.
struct Member<'m> {
    /// As the handle knows it.
    known: &'m Segment,
    /// The sequence that the next segment begins with, or would.
    next_first: u64,
    /// Another one follows.
    followed: bool,
    /// The run that it belongs to, and its number there.
    run: Option<(&'m Run, usize)>,
}

impl Walk<'_, '_> {
    /// The segments that are wanted, each against the one before, whether that was wanted or not.
    fn segments(&mut self, segments: &[Arc<Segment>], wanted: &[bool]) -> Result<()> {
        let visible = self.examiner.report.last_sequence;
        let first = |at: usize| segments.get(at).map(|s: &Arc<Segment>| s.header.first_sequence);
        let (mut before, mut ahead): (Option<Tail>, Option<Ahead>) = (None, None);
        let followed = |at: usize| at + 1 < segments.len();
        // The run that was met last, and the number of its first segment.
        let mut met: Option<(Run, usize)> = None;
        for (at, known) in segments.iter().enumerate() {
            let next_first = first(at + 1).unwrap_or(visible + 1);
            let of_run = |(run, start): &(Run, usize)| at < start + run.segments;
            if !met.as_ref().is_some_and(of_run) {
                met = self.run(segments, at)?.map(|run| (run, at));
            }
            if !wanted[at] {
                self.examiner.skip_segment(next_first);
                let index = known.sealed_index();
                before = index.map(|index| Tail::after_index(&known.header, &index.meta));
                continue;
            }
            self.examiner.begin_segment(known.header.first_sequence);
            let run = met.as_ref().map(|(run, start)| (run, at - start));
            let member = Member { known, next_first, followed: followed(at), run };
            let reread = match ahead.take() {
                Some(ahead) => ahead.wait()??,
                None => Reread::new(self.store, known, member.followed, self.watch)?,
            };
            let next = (at + 1..segments.len()).find(|next| wanted[*next]);
            ahead =
                next.and_then(|next| Reread::ahead(self.store, &segments[next], followed(next)));
            before = self.segment(&member, reread, before.as_ref())?;
        }
        Ok(())
    }

    /// The run that begins with the segment `at`, as it is on disk.
    fn run(&mut self, segments: &[Arc<Segment>], at: usize) -> Result<Option<Run>> {
        let run = Run::open(&self.store.dir, &segments[at..], at, Access::Follow);
        let run = run.and_then(|run| match run {
            Some(run) => run.check_lines().map(|()| Some(run)),
            None => Ok(None),
        });
        run.or_else(|e| self.examiner.report.note(&segments[at].path, e).map(|()| None))
    }

    /// Examines a segment; where it ends, if nothing of it is damaged.
    fn segment(
        &mut self,
        member: &Member<'_>,
        mut reread: Reread,
        before: Option<&Tail>,
    ) -> Result<Option<Tail>> {
        let (known, report) = (member.known, &mut self.examiner.report);
        report.append(std::mem::take(&mut reread.opened));
        let Some(fresh) = reread.fresh.take() else {
            self.examiner.miss(member.next_first - 1);
            self.watch.advance(known.end())?;
            return Ok(None);
        };
        report.segments += 1;
        let start = Tail::at_start(&known.header);
        let continues =
            |b: &Tail| (b.next_sequence, b.log_hash) == (start.next_sequence, start.log_hash);
        if !before.is_none_or(continues) {
            let what = "the segment does not continue the one before";
            report.find(&known.path, 0, (start.next_sequence, start.next_sequence), what);
        }
        report.append(std::mem::take(&mut reread.found));
        let (tail, end) = (reread.tail, reread.end);
        report.log_bytes += tail.offset;
        let whole = match std::mem::replace(&mut reread.read, Ok(())) {
            Ok(()) => self.whole(member, &fresh, &mut reread),
            Err(e) if is_finding(&e) => {
                self.watch.advance(reread.uncounted)?;
                self.damaged(member, &fresh, reread.index.as_mut(), &e)?;
                self.watch.advance(end.saturating_sub(tail.offset))?;
                return Ok(None);
            }
            Err(e) => Err(e),
        };
        whole.or_else(|e| self.examiner.report.note(&known.path, e))?;
        self.watch.advance(reread.uncounted)?;
        self.examiner.report.batches += tail.batches;
        Ok(Some(tail))
    }

    /// What is left of a segment that cannot be read to its end because of `error`.
    fn damaged(
        &mut self,
        member: &Member<'_>,
        fresh: &Arc<Segment>,
        index: Option<&mut IndexCheck>,
        error: &Error,
    ) -> Result<()> {
        let (known, found) = (member.known, self.examiner.report.found);
        let dir = &self.store.dir;
        let header = Some(known.header);
        let read = Salvage::read(dir, &known.path, &*fresh.file, header, known.header.store_id);
        match read.and_then(|salvage| {
            salvage.ok_or_else(|| Error::corrupt(&known.path, 0, "nothing of it can be read"))
        }) {
            Ok(mut salvage) => {
                if !member.followed {
                    salvage.cut(known.end());
                }
                Damaged::new(&mut self.examiner, fresh, index, salvage, self.watch)
                    .run(member.next_first)?;
            }
            Err(_) => self.examiner.miss(member.next_first - 1),
        }
        // What cannot be read counts as zeros, and says nothing of itself.
        match self.examiner.report.found == found || error.errno.is_some() {
            true => self.examiner.report.note(&known.path, error.clone()),
            false => Ok(()),
        }
    }

    /// A segment whose batches are whole: its events, its index and its run.
    fn whole(
        &mut self,
        member: &Member<'_>,
        fresh: &Arc<Segment>,
        reread: &mut Reread,
    ) -> Result<()> {
        self.events(fresh, reread)?;
        if let Some(index) = &reread.index {
            let report = &mut self.examiner.report;
            if let Some(what) = index.meta(reread.there, member.followed) {
                report.find(&fresh.index_path(), 0, (0, 0), what);
            }
            index.strings(fresh, report).or_else(|e| report.note(&fresh.path, e))?;
        }
        match member.run {
            Some((run, number)) => self.in_run(run, number, fresh),
            None => Ok(()),
        }
    }

    /// Content hashes, event hashes, versions and chains of one segment, and what its index has of
    /// each event. An index that cannot be asked is not asked again.
    fn events(&mut self, fresh: &Arc<Segment>, reread: &mut Reread) -> Result<()> {
        let mut strings = Strings::new(fresh.clone());
        let Reread { index, ids, payloads, uncounted, .. } = reread;
        let mut counted = 0;
        let losses = fresh.losses()?;
        let mut losses = losses.iter().peekable();
        let (examiner, watch) = (&mut self.examiner, self.watch);
        let visible = examiner.report.last_sequence;
        let _whole = fresh.walk(0, &mut |offset, frame| {
            let more = (offset - counted).min(*uncounted);
            (counted, *uncounted) = (offset, *uncounted - more);
            watch.advance(more)?;
            watch.check()?;
            if frame.sequence > visible {
                return Ok(Flow::Break(()));
            }
            while let Some(loss) = losses.next_if(|(first, _)| *first < frame.sequence) {
                examiner.lose(*loss);
            }
            let event = strings.event(frame, None)?;
            let matches = payloads.of(offset) == Some(true);
            examiner.event(fresh, offset, frame, &event, matches)?;
            let known = ids.as_mut().and_then(|ids| ids.of(offset));
            let lack = match (known, index.as_mut()) {
                (Some(has_id), Some(index)) => index.event_of_id(offset, frame, has_id),
                (Some(_), None) => Ok(None),
                (None, index) => lack(fresh, index, offset, frame)?,
            };
            match lack {
                Ok(None) => {}
                Ok(Some(what)) => {
                    let sequences = (frame.sequence, frame.sequence);
                    examiner.report.find(&fresh.path, offset, sequences, what);
                }
                Err(e) => {
                    *index = None;
                    examiner.report.note(&fresh.path, e)?;
                }
            }
            Ok(Flow::Continue(()))
        })?;
        losses.filter(|(_, last)| *last <= visible).for_each(|loss| examiner.lose(*loss));
        Ok(())
    }

    /// Whether a run has everything that its segment of this number has.
    fn in_run(&mut self, run: &Run, number: usize, fresh: &Arc<Segment>) -> Result<()> {
        let report = &mut self.examiner.report;
        for Slot { id, sequence, offset, .. } in fresh.read_table().events() {
            let mut there = false;
            run.find_id(id_filter_key(id), &mut |found| there |= found == number)?;
            if !there {
                let what = "the run lacks this event's id";
                report.find(&fresh.path, offset.into(), (sequence, sequence), what);
            }
        }
        for entity in fresh.read_table().entity_numbers() {
            let entity = fresh.string(entity)?;
            let newest = fresh.newest_of(&entity)?.map(|newest| (number, newest.offset));
            // Of entities whose keys begin alike it has the one with the last event.
            if run.head(entity_filter_key(&entity))? < newest {
                let what = format!("the run lacks the last event of entity {entity}");
                report.find(&fresh.path, 0, (0, 0), what);
            }
        }
        Ok(())
    }
}
