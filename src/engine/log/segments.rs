//! The segments of a log, oldest first, and the two questions that every append asks them: which
//! event has an id, and which is the last one of an entity. Runs answer for many segments each.
//! All are asked side by side, with their memory fetched ahead.

use super::directory::Directory;
use super::levels::{places, Place};
use super::point::Point;
use super::run::{run_name, Ascending, Run};
use super::segment::{Found, Newest, Segment, Tag};
use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::model::error::Result;
use crate::engine::model::id::Id;
use crate::engine::platform::vfs::Access;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Runs are opened once so many segments were asked: opening a store for one answer need not read
/// them.
const WARM_AFTER: usize = 64;

/// Lines of a run are fetched for so many keys ahead.
const KEYS_AHEAD: usize = 8;

/// What a handle sees of the log at one time.
pub struct Segments {
    list: Vec<Arc<Segment>>,
    dir: Directory,
    asked: AtomicUsize,
    places: OnceLock<Vec<Place>>,
    /// Those of the segments before.
    before: Vec<Place>,
}

impl Segments {
    pub fn new(dir: &Directory, list: Vec<Arc<Segment>>) -> Segments {
        let (asked, places) = (AtomicUsize::new(0), OnceLock::new());
        Segments { list, dir: dir.clone(), asked, places, before: Vec::new() }
    }

    /// The segments `list`, which are these and others after them.
    pub fn followed_by(&self, list: Vec<Arc<Segment>>) -> Segments {
        let asked = AtomicUsize::new(self.asked.load(Ordering::Relaxed));
        let before = self.places.get().unwrap_or(&self.before).clone();
        Segments { list, dir: self.dir.clone(), asked, places: OnceLock::new(), before }
    }

    /// The event with this id; see [`Segment::find_content`].
    pub fn find_content(
        &self,
        id: Id,
        tag: Option<Tag<'_>>,
    ) -> Result<Option<(Arc<Segment>, Found)>> {
        self.find_content_before(id, tag, u64::MAX)
    }

    /// The event with this id, as a rule with its frame in `point`, unchecked. Only where no index
    /// proves where it is are those that may have it asked with their checksums.
    pub fn find_point(&self, id: Id, point: &mut Point) -> Result<Option<(Arc<Segment>, u32)>> {
        let mut doubted = Doubted::None;
        let found = self.find_before(id, u64::MAX, &mut |segment| {
            let Some(offset) = segment.guess_point(id, point) else {
                doubted.add(segment);
                return Ok(None);
            };
            Ok(Some((segment.clone(), offset)))
        })?;
        let checked = match doubted {
            _ if found.is_some() => return Ok(found),
            Doubted::None => None,
            Doubted::One(segment) => segment.find_id(id)?.map(|found| (segment, found)),
            Doubted::Many => self.find_content(id, None)?,
        };
        Ok(checked.map(|(segment, found)| (segment, found.offset)))
    }

    /// The event with this id in the segments that begin below a sequence.
    pub fn find_id_before(
        &self,
        id: Id,
        first_sequence: u64,
    ) -> Result<Option<(Arc<Segment>, Found)>> {
        self.find_content_before(id, None, first_sequence)
    }

    fn find_content_before(
        &self,
        id: Id,
        tag: Option<Tag<'_>>,
        first_sequence: u64,
    ) -> Result<Option<(Arc<Segment>, Found)>> {
        self.find_before(id, first_sequence, &mut |segment| {
            Ok(segment.find_content(id, tag)?.map(|found| (segment.clone(), found)))
        })
    }

    /// What `ask` finds in the segments that may have an id and begin below a sequence.
    fn find_before<T>(
        &self,
        id: Id,
        first_sequence: u64,
        ask: &mut dyn FnMut(&Arc<Segment>) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let key = id_filter_key(id);
        let Some(places) = self.places() else {
            return find_among(self.below(&self.list, first_sequence), key, &mut *ask);
        };
        places.iter().filter_map(|place| place.run.as_ref()).for_each(|run| run.prefetch_id(key));
        for Place { segments, run } in places.iter().rev() {
            let segments = self.below(&self.list[segments.clone()], first_sequence);
            let mut found = None;
            let answer = run.as_ref().map(|run| {
                run.find_id(key, &mut |at| {
                    if let Some(segment) = segments.get(at).filter(|_| found.is_none()) {
                        found = ask(segment).transpose();
                    }
                })
            });
            let found = match (found, answer) {
                (Some(found), _) => found.map(Some)?,
                (None, Some(Ok(()))) => None,
                // A run that cannot be read leaves the answer to its segments.
                (None, Some(Err(_)) | None) => find_among(segments, key, &mut *ask)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Tells which of some ids a segment that begins below a sequence may have. They are numbered,
    /// and in the order of their filter keys; `id` says which one has a number.
    pub fn find_any_before(
        &self,
        keys: &[(u64, u32)],
        first_sequence: u64,
        id: &dyn Fn(u32) -> Id,
        found: &mut dyn FnMut(u32),
    ) -> Result<()> {
        if self.below(&self.list, first_sequence).is_empty() {
            return Ok(());
        }
        for Place { segments, run } in self.open_places() {
            let segments = self.below(&self.list[segments.clone()], first_sequence);
            let asked = run.as_ref().filter(|_| !segments.is_empty());
            let in_run = asked.map(|run| find_in_run(run, keys, segments.len()));
            match in_run {
                Some(Ok(numbers)) => numbers.into_iter().for_each(&mut *found),
                // A run that cannot be read leaves the answer to its segments.
                Some(Err(_)) | None => find_in_each(segments, keys, id, found)?,
            }
        }
        Ok(())
    }

    /// The newest event of an entity.
    pub fn newest(&self, entity: &str) -> Result<Option<(Arc<Segment>, Newest)>> {
        self.find_newest(entity, u64::MAX, Segment::newest_of)
    }

    /// The newest event of an entity that has none in the table of the last segment.
    pub fn newest_outside_of_table(&self, entity: &str) -> Result<Option<Newest>> {
        let last = self.list.last().map(Arc::as_ptr);
        let newest = self.find_newest(entity, u64::MAX, |segment, entity| {
            match last == Some(std::ptr::from_ref(segment)) {
                true => segment.newest_in_index(entity),
                false => segment.newest_of(entity),
            }
        })?;
        Ok(newest.map(|(_, newest)| newest))
    }

    /// The newest event of an entity in the segments that begin below a sequence.
    pub fn newest_before(&self, entity: &str, first_sequence: u64) -> Result<Option<Newest>> {
        let newest = self.find_newest(entity, first_sequence, Segment::newest_of)?;
        Ok(newest.map(|(_, newest)| newest))
    }

    fn find_newest(
        &self,
        entity: &str,
        first_sequence: u64,
        ask: impl Fn(&Segment, &str) -> Result<Option<Newest>>,
    ) -> Result<Option<(Arc<Segment>, Newest)>> {
        let key = entity_filter_key(entity);
        let ask = |segment: &Arc<Segment>| {
            Ok(ask(segment, entity)?.map(|newest| (segment.clone(), newest)))
        };
        let Some(places) = self.places() else {
            return find_among(self.below(&self.list, first_sequence), key, ask);
        };
        places.iter().filter_map(|place| place.run.as_ref()).for_each(|run| run.prefetch_head(key));
        for Place { segments, run } in places.iter().rev() {
            let segments = self.below(&self.list[segments.clone()], first_sequence);
            match run.as_ref().map(|run| run.head(key)) {
                Some(Ok(None)) => continue,
                Some(Ok(Some((at, offset)))) if at < segments.len() => {
                    if let Some(newest) = segments[at].newest_at(entity, offset)? {
                        return Ok(Some((segments[at].clone(), newest)));
                    }
                }
                _ => {}
            }
            // There is no run, it cannot be read, it knows a later event, or one of another entity.
            if let Some(found) = find_among(segments, key, ask)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Those of some segments that begin below a sequence.
    fn below<'s>(&self, segments: &'s [Arc<Segment>], first_sequence: u64) -> &'s [Arc<Segment>] {
        let below = |segment: &Arc<Segment>| segment.header.first_sequence < first_sequence;
        match segments.last() {
            Some(last) if below(last) => segments,
            _ => &segments[..segments.partition_point(below)],
        }
    }

    /// None as long as few segments were asked.
    fn places(&self) -> Option<&[Place]> {
        if self.places.get().is_none() && self.asked.load(Ordering::Relaxed) < WARM_AFTER {
            self.asked.fetch_add(self.list.len(), Ordering::Relaxed);
            return None;
        }
        Some(self.open_places())
    }

    fn open_places(&self) -> &[Place] {
        self.places.get_or_init(|| {
            places(&self.list, |at| {
                // One that cannot be used is as good as none.
                let found = Run::open(&self.dir, &self.list[at..], at, Access::Read).ok()??;
                let before = self.before.iter().find(|place| place.segments.start == at);
                let before = before.and_then(|place| place.run.clone());
                let same = before.filter(|before| before.is_same(&found));
                Some(same.unwrap_or_else(|| Arc::new(found)))
            })
        })
    }

    /// Says that the run that begins with the segment `at` was found damaged.
    pub fn doubt_run(&self, at: usize) {
        let place = self.open_places().iter().find(|place| place.segments.start == at);
        place.and_then(|place| place.run.as_ref()).into_iter().for_each(|run| run.set_damaged());
    }

    /// Removes runs that were found damaged, so that they are made again.
    pub fn remove_damaged_runs(&self) {
        for Place { segments, run } in self.places.get().unwrap_or(&self.before) {
            if run.as_ref().is_some_and(|run| run.is_damaged()) {
                let name = run_name(self.list[segments.start].header.first_sequence);
                // Best effort: while it is there, its segments are asked.
                let _ = self.dir.remove_if_there(&name);
            }
        }
    }

    /// Bytes of the runs on disk.
    pub fn run_bytes(&self) -> u64 {
        let bytes = |place: &Place| {
            let name = run_name(self.list[place.segments.start].header.first_sequence);
            self.dir.open_if_exists(&name, Access::Read).ok()??.len().ok()
        };
        self.open_places().iter().filter_map(bytes).sum()
    }
}

/// The segments whose indexes did not prove where an id is: as a rule none, or the last one.
enum Doubted {
    None,
    One(Arc<Segment>),
    Many,
}

impl Doubted {
    fn add(&mut self, segment: &Arc<Segment>) {
        *self = match self {
            Doubted::None => Doubted::One(segment.clone()),
            Doubted::One(_) | Doubted::Many => Doubted::Many,
        };
    }
}

/// Those of the keys that one of the first `members` segments of a run may have.
fn find_in_run(run: &Run, keys: &[(u64, u32)], members: usize) -> Result<Vec<u32>> {
    let (mut numbers, mut ascending) = (Vec::new(), Ascending::new(run));
    for (at, (key, number)) in keys.iter().enumerate() {
        if let Some((ahead, _)) = keys.get(at + KEYS_AHEAD) {
            run.prefetch_id(*ahead);
        }
        let mut any = false;
        ascending.find_id(*key, &mut |member| any |= member < members)?;
        if any {
            numbers.push(*number);
        }
    }
    Ok(numbers)
}

/// Tells those of the ids that a segment has.
fn find_in_each(
    segments: &[Arc<Segment>],
    keys: &[(u64, u32)],
    id: &dyn Fn(u32) -> Id,
    found: &mut dyn FnMut(u32),
) -> Result<()> {
    for segment in segments {
        for (key, number) in keys {
            if segment.may_have(*key) && segment.find_id(id(*number))?.is_some() {
                found(*number);
            }
        }
    }
    Ok(())
}

/// The first answer of some segments, newest first, whose filters have this key.
fn find_among<T>(
    segments: &[Arc<Segment>],
    key: u64,
    ask: impl FnMut(&Arc<Segment>) -> Result<Option<T>>,
) -> Result<Option<T>> {
    find_first(segments.iter().rev().filter(|segment| segment.may_have(key)), ask)
}

fn find_first<'s, T>(
    segments: impl Iterator<Item = &'s Arc<Segment>>,
    mut ask: impl FnMut(&Arc<Segment>) -> Result<Option<T>>,
) -> Result<Option<T>> {
    for segment in segments {
        if let Some(found) = ask(segment)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl Deref for Segments {
    type Target = [Arc<Segment>];
    fn deref(&self) -> &[Arc<Segment>] {
        &self.list
    }
}
