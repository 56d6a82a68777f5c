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
use super::set_check::check_set;
use super::Store;
use crate::engine::format::frame::Frame;
use crate::engine::format::hash::Link;
use crate::engine::log::directory;
use crate::engine::log::levels::{places, Place};
use crate::engine::log::run::Run;
use crate::engine::log::salvage::Salvage;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::{Importing, Log};
use crate::engine::log::tail::{Batches, Tail};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::region::Region;
use crate::engine::platform::vfs::Access;
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use foldhash::HashMap;
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

/// The event of the same entity before the one at `offset`, in the same segment.
fn before_in(fresh: &Segment, offset: u64) -> Result<Option<Link>> {
    let Some(before) = fresh.read_table().before(offset as u32).flatten() else { return Ok(None) };
    let mut window = fresh.window();
    let frame = fresh.frame_at(&mut window, before.into())?;
    Ok(Some(Link::of(&frame)))
}

/// Slots of a table that are looked at together.
const TOGETHER: usize = 256;

/// The runs of some segments, quietly: what is wrong with one is noted when its first segment is
/// met.
fn open_runs(store: &Log, segments: &[Arc<Segment>]) -> (Vec<Place>, HashMap<usize, Error>) {
    let mut wrong = HashMap::default();
    let places = places(segments, |at| {
        let run = Run::open(&store.dir, &segments[at..], at, Access::Follow);
        run.unwrap_or_else(|e| {
            wrong.insert(at, e);
            None
        })
        .map(Arc::new)
    });
    (places, wrong)
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
    /// The run that it belongs to can be read.
    in_run: bool,
}

impl Walk<'_, '_> {
    /// The segments that are wanted, each against the one before, whether that was wanted or not.
    fn segments(&mut self, segments: &[Arc<Segment>], wanted: &[bool]) -> Result<()> {
        let visible = self.examiner.report.last_sequence;
        let first = |at: usize| segments.get(at).map(|s: &Arc<Segment>| s.header.first_sequence);
        let (mut before, mut ahead): (Option<Tail>, Option<Ahead>) = (None, None);
        let followed = |at: usize| at + 1 < segments.len();
        let (runs, mut wrong) = open_runs(self.store, segments);
        let place = |at: usize| &runs[runs.partition_point(|place| place.segments.end <= at)];
        let how = |at: usize| {
            let Place { segments, run } = place(at);
            (followed(at), run.clone().map(|run| (run, at - segments.start)))
        };
        let mut in_run = false;
        for (at, known) in segments.iter().enumerate() {
            let next_first = first(at + 1).unwrap_or(visible + 1);
            if place(at).segments.start == at {
                in_run = self.run((at, known), place(at).run.as_deref(), wrong.remove(&at))?;
            }
            if !wanted[at] {
                self.examiner.skip_segment(next_first);
                let index = known.sealed_index();
                before = index.map(|index| Tail::after_index(&known.header, &index.meta));
                continue;
            }
            self.examiner.begin_segment(known.header.first_sequence);
            let reread = match ahead.take() {
                Some(ahead) => ahead.wait()??,
                // This one is read here, and the next one beside that.
                None => {
                    let next = (at + 1..segments.len()).find(|next| wanted[*next]);
                    ahead =
                        next.and_then(|next| Reread::ahead(self.store, &segments[next], how(next)));
                    Reread::new(self.store, known, how(at), self.watch)?
                }
            };
            let member = Member { known, next_first, followed: followed(at), in_run };
            before = self.segment(&member, reread, before.as_ref())?;
            if let Some(next) = segments.get(at + 1).filter(|_| before.is_some()) {
                let report = &mut self.examiner.report;
                check_set(self.store, (known, next), self.watch, report)
                    .or_else(|e| report.note(&known.path, e))?;
            }
        }
        Ok(())
    }

    /// Whether the run that begins with a segment can be read, whose opening may have failed.
    fn run(
        &mut self,
        (at, first): (usize, &Segment),
        run: Option<&Run>,
        wrong: Option<Error>,
    ) -> Result<bool> {
        let read = match (run, wrong) {
            (_, Some(e)) => Err(e),
            (Some(run), None) => run.check_lines().map(|()| true),
            (None, None) => Ok(false),
        };
        if run.is_some_and(Run::is_damaged) {
            // A writer makes it again.
            self.store.segments().doubt_run(at);
        }
        read.or_else(|e| self.examiner.report.note(&first.path, e).map(|()| false))
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
        self.examiner.begin_whole(fresh, &reread.tail);
        self.events(fresh, reread)?;
        self.examiner.end_whole(&reread.tail);
        let report = &mut self.examiner.report;
        if reread.index.is_some() {
            report.append(std::mem::take(&mut reread.of_index));
        }
        match member.in_run {
            true => {
                report.append(std::mem::take(&mut reread.of_run));
                std::mem::replace(&mut reread.in_run, Ok(()))
            }
            false => Ok(()),
        }
    }

    /// The events of one segment, of which most were found sound when it was read.
    fn events(&mut self, fresh: &Arc<Segment>, reread: &mut Reread) -> Result<()> {
        let mut strings = Strings::new(fresh.clone());
        let Reread { index, suspects, uncounted, .. } = reread;
        let (mut window, mut counted, mut at) = (fresh.sequential(), 0, 0);
        let losses = fresh.losses()?;
        let mut losses = losses.iter().peekable();
        let (examiner, watch) = (&mut self.examiner, self.watch);
        let visible = examiner.report.last_sequence;
        let next_slots = |at: usize| {
            let table = fresh.read_table();
            table.slots(at..table.len().min(at + TOGETHER)).to_vec()
        };
        'all: loop {
            let slots = next_slots(at);
            at += slots.len();
            watch.check()?;
            for slot in &slots {
                let (offset, sequence) = (u64::from(slot.offset), slot.sequence);
                let more = (offset - counted).min(*uncounted);
                (counted, *uncounted) = (offset, *uncounted - more);
                watch.advance(more)?;
                if sequence > visible {
                    break 'all;
                }
                while let Some(loss) = losses.next_if(|(first, _)| *first < sequence) {
                    examiner.lose(*loss);
                }
                let sound = !suspects.has(slot.offset) && sequence == examiner.next;
                if sound && !examiner.is_hashing() {
                    examiner.pass(sequence, slot.kind, None);
                    continue;
                }
                let frame = fresh.frame_at(&mut window, offset)?;
                if sound {
                    examiner.pass(sequence, slot.kind, Some(frame.event_hash));
                    continue;
                }
                let event = strings.event(&frame, None)?;
                examine(examiner, fresh, index, offset, &frame, &event)?;
            }
            if slots.is_empty() {
                break;
            }
        }
        losses.filter(|(_, last)| *last <= visible).for_each(|loss| examiner.lose(*loss));
        Ok(())
    }
}

/// Examines an event on its own, and what its index has of it. An index that cannot be asked is not
/// asked again.
fn examine(
    examiner: &mut Examiner<'_>,
    fresh: &Segment,
    index: &mut Option<IndexCheck>,
    offset: u64,
    frame: &Frame<'_>,
    event: &Event<'_>,
) -> Result<()> {
    examiner.event(fresh, offset, frame, event, before_in(fresh, offset)?)?;
    match lack(fresh, index.as_mut(), offset, frame)? {
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
    Ok(())
}
