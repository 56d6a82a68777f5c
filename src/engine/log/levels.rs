//! Runs in levels: each of one segment, of [`FAN_OUT`], of as many of those, and so on. When all of
//! one are there, they are merged into one of the next, which takes their place. So few are asked,
//! whatever the number of segments: a log-structured merge tree with tiering (O'Neil et al., The
//! Log-Structured Merge-Tree, 1996; Dayan et al., Monkey, 2017).
//!
//! A long merge goes on a part at a time, whenever a segment is sealed. What a writer had begun
//! when it stopped is begun anew.

use super::directory::Directory;
use super::run::{make_first, run_name, Entries, Run, RunWriter, FAN_OUT, SEGMENTS_MAX};
use super::run_table::{Entry, Of, Shape};
use super::segment::Segment;
use crate::engine::index::file::is_damage;
use crate::engine::model::error::Result;
use crate::engine::platform::vfs::Access;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// Entries that are merged each time a segment is sealed: a segment brings at most half a million
/// to each of six levels, and each is read once, or twice where it is an entity's.
const STEPS: usize = 4 << 20;

/// Some neighbouring segments by their numbers in the log: those of a run, or a single one that has
/// none which can be used.
#[derive(Clone)]
pub struct Place {
    pub segments: Range<usize>,
    pub run: Option<Arc<Run>>,
}

/// All segments, with the runs that there are; oldest first. `open`: what there is at a segment.
pub fn places(
    segments: &[Arc<Segment>],
    mut open: impl FnMut(usize) -> Option<Arc<Run>>,
) -> Vec<Place> {
    let (mut places, mut at) = (Vec::new(), 0);
    while at < segments.len() {
        let run = open(at);
        let end = at + run.as_ref().map_or(1, |run| run.segments);
        places.push(Place { segments: at..end, run });
        at = end;
    }
    places
}

/// The runs on disk. One that cannot be used is as good as none.
fn on_disk(dir: &Directory, segments: &[Arc<Segment>]) -> Vec<Place> {
    let open =
        |at: usize| Run::open(dir, &segments[at..], at, Access::Read).ok().flatten().map(Arc::new);
    places(segments, open)
}

/// Removes runs that a longer one has taken the place of, which a crash has left.
fn remove_merged(dir: &Directory, sealed: &[Arc<Segment>]) {
    let places = on_disk(dir, sealed);
    let first = |place: &Place| sealed[place.segments.start].header.first_sequence;
    let used: HashSet<String> = places.iter().map(|place| run_name(first(place))).collect();
    for name in dir.names().unwrap_or_default() {
        if name.ends_with(&run_name(0)[20..]) && !used.contains(&name) {
            let _ = dir.remove_if_there(&name);
        }
    }
}

/// What keeps the runs of a log. Of one that is only written once, as a backup, it is told to
/// finish what it begins.
#[derive(Default)]
pub struct Upkeep {
    merges: Vec<Merge>,
    /// By first sequence and number of segments, those that could not be made.
    given_up: HashSet<(u64, usize)>,
    tidy: bool,
}

impl Upkeep {
    /// Makes the run of the segment that was sealed last, and of one more where it is missing, the
    /// newest one; and goes on with merges. Not insisted on: an event is worth more than a run.
    pub fn after_seal(&mut self, dir: &Directory, sealed: &[Arc<Segment>]) {
        if !std::mem::replace(&mut self.tidy, true) {
            remove_merged(dir, sealed);
        }
        self.make_missing(dir, sealed, 2);
        self.merge(dir, sealed, STEPS);
    }

    /// Makes all runs of these segments, to the end.
    pub fn complete(&mut self, dir: &Directory, sealed: &[Arc<Segment>]) {
        self.make_missing(dir, sealed, usize::MAX);
        self.merge(dir, sealed, usize::MAX);
    }

    fn make_missing(&mut self, dir: &Directory, sealed: &[Arc<Segment>], most: usize) {
        let places = on_disk(dir, sealed);
        let missing = places.iter().rev().filter(|place| place.run.is_none());
        let first = |place: &Place| sealed[place.segments.start].header.first_sequence;
        let missing = missing.filter(|place| {
            !self.given_up.contains(&(first(place), 1)) && !self.is_merging(&place.segments)
        });
        let missing: Vec<&Place> = missing.take(most).collect();
        for place in missing {
            if !make_first(dir, &sealed[place.segments.start]).unwrap_or(false) {
                self.given_up.insert((first(place), 1));
            }
        }
    }

    /// Merges what can be merged, the shortest runs first, as far as so many steps go.
    fn merge(&mut self, dir: &Directory, sealed: &[Arc<Segment>], mut steps: usize) {
        loop {
            self.begin_merges(dir, sealed);
            self.merges.sort_by_key(|merge| merge.segments.len());
            let Some(merge) = self.merges.first_mut() else { return };
            match merge.go_on(&mut steps) {
                Ok(Progress::Part) => return,
                Ok(Progress::Whole) => {
                    let merge = self.merges.remove(0);
                    let (key, children) = (merge.key(sealed), merge.children(sealed));
                    if merge.writer.finish().is_err() {
                        self.given_up.insert(key);
                        continue;
                    }
                    // One that stays is not asked: the run before it says that it has them all.
                    children.iter().skip(1).for_each(|name| _ = dir.remove_if_there(name));
                }
                Ok(Progress::NoRoom) => {
                    let merge = self.merges.remove(0);
                    self.given_up.insert(merge.key(sealed));
                }
                Err(error) => {
                    let merge = self.merges.remove(0);
                    match is_damage(&error) {
                        true => merge.remove_damaged(dir, sealed),
                        false => _ = self.given_up.insert(merge.key(sealed)),
                    }
                }
            }
        }
    }

    /// Whether a merge in progress has some of these segments.
    fn is_merging(&self, segments: &Range<usize>) -> bool {
        let overlaps =
            |m: &Merge| m.segments.start < segments.end && segments.start < m.segments.end;
        self.merges.iter().any(overlaps)
    }

    fn begin_merges(&mut self, dir: &Directory, sealed: &[Arc<Segment>]) {
        let places = on_disk(dir, sealed);
        for (at, place) in places.iter().enumerate() {
            let length = place.segments.len();
            let start = place.segments.start;
            let brothers = &places[at..places.len().min(at + FAN_OUT)];
            let runs: Vec<Arc<Run>> = brothers
                .iter()
                .filter(|other| other.segments.len() == length)
                .filter_map(|other| other.run.clone())
                .collect();
            let segments = start..start + length * FAN_OUT;
            let wanted = runs.len() == FAN_OUT
                && start.is_multiple_of(segments.len())
                && segments.len() <= SEGMENTS_MAX
                && !self.is_merging(&segments)
                && !self.given_up.contains(&(sealed[start].header.first_sequence, segments.len()));
            if wanted {
                match Merge::new(dir, &sealed[segments.clone()], segments.clone(), runs) {
                    Ok(Some(merge)) => self.merges.push(merge),
                    _ => {
                        let first = sealed[start].header.first_sequence;
                        self.given_up.insert((first, segments.len()));
                    }
                }
            }
        }
    }
}

/// A merge in progress.
struct Merge {
    segments: Range<usize>,
    runs: Vec<Arc<Run>>,
    writer: RunWriter,
    stage: Stage,
    /// The tables that are merged, each with its next entry.
    inputs: Vec<(Entries, Option<Entry>)>,
    /// Known of every key.
    hash_bits: u32,
    /// The entry that is written once its key has no newer one, and how many there were.
    pending: Option<Entry>,
    keys: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    WriteIds,
    /// Most entities may be in more than one run.
    CountHeads,
    WriteHeads,
}

impl Stage {
    fn of(self) -> Of {
        match self {
            Stage::WriteIds => Of::Ids,
            Stage::CountHeads | Stage::WriteHeads => Of::Heads,
        }
    }
}

enum Progress {
    Part,
    Whole,
    NoRoom,
}

impl Merge {
    fn new(
        dir: &Directory,
        members: &[Arc<Segment>],
        segments: Range<usize>,
        runs: Vec<Arc<Run>>,
    ) -> Result<Option<Merge>> {
        let Some(writer) = RunWriter::new(dir, members)? else { return Ok(None) };
        let (inputs, pending) = (Vec::new(), None);
        let keys = runs.iter().map(|run| run.keys(Of::Ids)).sum();
        let stage = Stage::WriteIds;
        let mut merge =
            Merge { segments, runs, writer, stage, inputs, hash_bits: 0, pending, keys };
        merge.begin(stage)?;
        Ok(Some(merge))
    }

    fn key(&self, sealed: &[Arc<Segment>]) -> (u64, usize) {
        (sealed[self.segments.start].header.first_sequence, self.segments.len())
    }

    /// Runs that cannot be read are made again.
    fn remove_damaged(&self, dir: &Directory, sealed: &[Arc<Segment>]) {
        for (run, name) in self.runs.iter().zip(self.children(sealed)) {
            if run.check_lines().is_err_and(|e| is_damage(&e)) {
                let _ = dir.remove_if_there(&name);
            }
        }
    }

    /// The names of the runs that are merged.
    fn children(&self, sealed: &[Arc<Segment>]) -> Vec<String> {
        let firsts = self.segments.clone().step_by(self.segments.len() / FAN_OUT);
        firsts.map(|at| run_name(sealed[at].header.first_sequence)).collect()
    }

    fn begin(&mut self, stage: Stage) -> Result<()> {
        let of = stage.of();
        let known = self.runs.iter().map(|run| run.shape(of).hash_bits).min().unwrap_or(0);
        self.hash_bits = known;
        if stage != Stage::CountHeads {
            let shape = Shape::for_keys(of, self.keys, self.segments.len(), known);
            self.hash_bits = shape.hash_bits;
            self.writer.begin_table(shape);
        }
        (self.stage, self.pending, self.keys) = (stage, None, 0);
        self.inputs.clear();
        for number in 0..self.runs.len() {
            let entries = Entries::new(&self.runs[number], of);
            self.inputs.push((entries, None));
            self.advance(number, of)?;
        }
        Ok(())
    }

    /// Reads the next entry of an input: its hash as long as it will be, its segment by its number
    /// in the merged run.
    fn advance(&mut self, number: usize, of: Of) -> Result<()> {
        let each = self.segments.len() / FAN_OUT;
        let known = self.runs[number].shape(of).hash_bits;
        let (entries, next) = &mut self.inputs[number];
        *next = entries.next()?.map(|entry| Entry {
            hash: entry.hash >> (known - self.hash_bits),
            segment: entry.segment + (number * each) as u32,
            ..entry
        });
        Ok(())
    }

    /// Goes on for at most so many steps.
    fn go_on(&mut self, steps: &mut usize) -> Result<Progress> {
        loop {
            if *steps == 0 {
                return Ok(Progress::Part);
            }
            *steps -= 1;
            let of = self.stage.of();
            let least = self.inputs.iter().enumerate();
            let least = least.filter_map(|(at, (_, next))| next.map(|entry| (entry, at))).min();
            let next = least.map(|(entry, _)| entry);
            let same = |a: &Entry, b: &Entry| {
                a.hash == b.hash && (of == Of::Heads || a.segment == b.segment)
            };
            // The newest of an entity comes last.
            let before = self.pending.take();
            if let Some(done) = before.filter(|b| !next.is_some_and(|next| same(b, &next))) {
                self.keys += 1;
                if self.stage != Stage::CountHeads && !self.writer.push(&done)? {
                    return Ok(Progress::NoRoom);
                }
            }
            self.pending = next;
            match (least, self.stage) {
                (Some((_, at)), _) => self.advance(at, of)?,
                (None, Stage::CountHeads) => self.begin(Stage::WriteHeads)?,
                (None, Stage::WriteIds) => {
                    self.writer.end_table()?;
                    self.begin(Stage::CountHeads)?;
                }
                (None, Stage::WriteHeads) => {
                    self.writer.end_table()?;
                    return Ok(Progress::Whole);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::format::frame::{SegmentHeader, SEGMENT_HEADER_LEN};
    use crate::engine::format::hash::Link;
    use crate::engine::index::file::IndexMeta;
    use crate::engine::index::filter::{entity_filter_key, id_filter_key};
    use crate::engine::index::memtable::Entry as Event;
    use crate::engine::index::room::StringRoom;
    use crate::engine::log::options::Options;
    use crate::engine::model::id::{Hash, Id, Kind};
    use crate::engine::platform::memory::{MemoryFile, MemoryVfs};
    use std::collections::BTreeMap;
    use std::path::Path;

    const SEGMENTS: u64 = 71;
    const EVENTS: u64 = 40;
    const NAMES: u64 = 200;

    fn directory() -> Directory {
        let vfs = Arc::new(MemoryVfs::of_boot("boot"));
        Directory::create(Path::new("/store"), &Options { vfs, ..Options::default() }).unwrap()
    }

    fn id_of(sequence: u64) -> Id {
        Id(u128::from(sequence) << 64 | 77)
    }

    /// The entity of an event, in no order.
    fn name_of(sequence: u64) -> String {
        let mixed = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        format!("entity:{}", mixed % NAMES)
    }

    /// A sealed segment, the `number`th, of which only the index is there.
    fn segment(number: u64) -> Arc<Segment> {
        let first_sequence = number * EVENTS + 1;
        let header = SegmentHeader {
            version: 1,
            store_id: Id(5),
            first_sequence,
            created_us: 0,
            log_hash: Hash::ZERO,
            salt: number,
            log_start: 1,
            events_before: first_sequence - 1,
        };
        let file = Arc::new(MemoryFile::of(Arc::new(Vec::new())));
        let room = Arc::new(StringRoom::new());
        let segment = Segment::new(header, Path::new("log"), file, None, room);
        let mut numbers = BTreeMap::new();
        for n in 0..EVENTS {
            let (sequence, mut table) = (first_sequence + n, segment.write_table());
            let (name, next) = (name_of(sequence), numbers.len() as u32);
            let entity = *numbers.entry(name.clone()).or_insert_with(|| {
                table.add_string(&name);
                next
            });
            table.insert(&Event {
                id: id_of(sequence),
                link: Link { sequence, version: 1, hash: Hash::ZERO },
                entity,
                scope: entity,
                tag: 0,
                offset: (SEGMENT_HEADER_LEN as u64 + n * 100) as u32,
                batch_offset: SEGMENT_HEADER_LEN as u32,
                kind: Kind(0x1000),
                timestamp_us: 0,
                recorded_us: 0,
            });
        }
        let meta = IndexMeta {
            covered_len: SEGMENT_HEADER_LEN as u64 + EVENTS * 100,
            last_sequence: first_sequence + EVENTS - 1,
            events: EVENTS,
            last_recorded_us: 0,
            log_hash: Hash([number as u8; 32]),
            sealed: true,
        };
        let index = segment.open_index_bytes(segment.build_index(&meta).unwrap()).unwrap();
        Arc::new(segment.with_index(index))
    }

    /// Each event and the last one of each entity, as the runs have them.
    fn assert_complete(dir: &Directory, sealed: &[Arc<Segment>]) {
        let through = sealed.len() as u64 * EVENTS;
        for Place { segments, run } in on_disk(dir, sealed) {
            let run = run.expect("each sealed segment is in a run");
            let (first, end) = (segments.start as u64 * EVENTS, segments.end as u64 * EVENTS);
            let mut heads = BTreeMap::new();
            for sequence in 1..=through {
                let mut found = Vec::new();
                run.find_id(id_filter_key(id_of(sequence)), &mut |at| found.push(at)).unwrap();
                let ours = (first + 1..=end).contains(&sequence);
                let at = (sequence - 1) / EVENTS;
                assert_eq!(found, if ours { vec![at as usize - segments.start] } else { vec![] });
                if ours {
                    let offset = SEGMENT_HEADER_LEN as u64 + (sequence - 1) % EVENTS * 100;
                    heads.insert(name_of(sequence), (found[0], offset as u32));
                }
            }
            for name in (0..NAMES + 50).map(|n| format!("entity:{n}")) {
                let head = run.head(entity_filter_key(&name)).unwrap();
                assert_eq!(head, heads.get(&name).copied(), "{name}");
            }
        }
    }

    fn lengths(dir: &Directory, sealed: &[Arc<Segment>]) -> Vec<usize> {
        on_disk(dir, sealed).iter().map(|place| place.segments.len()).collect()
    }

    #[test]
    fn runs_are_complete_while_they_are_merged_a_part_at_a_time() {
        let segments: Vec<_> = (0..SEGMENTS).map(segment).collect();
        let (dir, mut upkeep) = (directory(), Upkeep::default());
        let mut most = 0;
        for sealed in (1..=segments.len()).map(|count| &segments[..count]) {
            upkeep.make_missing(&dir, sealed, 2);
            // As many as a segment brings to each of three levels, and some more.
            upkeep.merge(&dir, sealed, 500);
            most = most.max(lengths(&dir, sealed).len());
            assert_complete(&dir, sealed);
        }
        assert!(most <= 14, "{most}");
        // What was in progress is begun anew by the next writer.
        let mut upkeep = Upkeep::default();
        upkeep.complete(&dir, &segments);
        assert_eq!(lengths(&dir, &segments), [64, 4, 1, 1, 1]);
        assert_complete(&dir, &segments);

        let at_once = directory();
        Upkeep::default().complete(&at_once, &segments);
        assert_eq!(lengths(&at_once, &segments), [64, 4, 1, 1, 1]);
        let bytes = |dir: &Directory| {
            let file = dir.open_file(&run_name(1), Access::Read).unwrap();
            let mut bytes = vec![0; file.len().unwrap() as usize];
            crate::engine::platform::vfs::read_full(&*file, &mut bytes, 0).unwrap();
            bytes
        };
        assert!(bytes(&dir) == bytes(&at_once));
        let names = dir.names().unwrap();
        assert_eq!(names.len(), 5, "{names:?}");
    }

    #[test]
    fn a_run_that_was_taken_away_while_it_is_merged_comes_back() {
        let segments: Vec<_> = (0..16).map(segment).collect();
        let (dir, mut upkeep) = (directory(), Upkeep::default());
        for sealed in (1..=segments.len()).map(|count| &segments[..count]) {
            upkeep.make_missing(&dir, sealed, 2);
            upkeep.merge(&dir, sealed, 100);
        }
        assert!(!upkeep.merges.is_empty());
        dir.names().unwrap().iter().for_each(|name| dir.remove_if_there(name).unwrap());
        upkeep.complete(&dir, &segments);
        upkeep.complete(&dir, &segments);
        assert_complete(&dir, &segments);
    }
}
