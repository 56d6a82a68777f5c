//! Repair: what the damage did not touch is kept as it was, what is lost is listed and declared,
//! and the result is a sound store. Where events lie is read from the files here again, so that the
//! library is not its own witness.

use crate::common::spy::Spy;
use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::{Expect, NewEvent, SYSTEM_ENTITY};
use fbat::engine::model::finding::Finding;
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::repair::{repair, RepairReport};
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

const SEGMENT_HEADER: u64 = 128;
const BATCH_HEADER: u64 = 80;
const LEASE: u64 = 1 << 20;

// ------------------------------------------------------------------ where things lie

/// A frame, with the strings it uses and those it spells.
#[derive(Clone, Debug)]
struct Place {
    bytes: Range<u64>,
    sequence: u64,
    uses: Vec<u64>,
    spells: Vec<u64>,
}

/// A batch: its header, and its frames by number.
#[derive(Clone, Debug)]
struct Batch {
    offset: u64,
    frames: Range<usize>,
}

/// A segment as `docs/format.md` describes it.
#[derive(Clone, Debug)]
struct Layout {
    path: PathBuf,
    frames: Vec<Place>,
    batches: Vec<Batch>,
    indexed: bool,
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

fn place(bytes: &[u8], at: usize, first_sequence: u64) -> Place {
    let length = number(bytes, at + 4, 4) as usize;
    let (fields, mut cursor) = (number(bytes, at + 8, 2), at + 60);
    let sequence = first_sequence + varint(bytes, &mut cursor);
    varint(bytes, &mut cursor); // recorded time
    varint(bytes, &mut cursor); // version
    let (mut uses, mut spells) = (Vec::new(), Vec::new());
    let mut string = |cursor: &mut usize| {
        let reference = varint(bytes, cursor);
        uses.push(reference >> 1);
        if reference & 1 == 1 {
            spells.push(reference >> 1);
            *cursor += varint(bytes, cursor) as usize;
        }
    };
    string(&mut cursor);
    string(&mut cursor);
    if fields & 1 << 6 != 0 {
        for bit in [0, 1, 2] {
            (fields & 1 << bit != 0).then(|| varint(bytes, &mut cursor));
        }
        cursor += [3, 4].iter().filter(|bit| fields & 1 << **bit != 0).count() * 16;
        if fields & 1 << 5 != 0 {
            cursor += varint(bytes, &mut cursor) as usize;
        }
        string(&mut cursor);
    }
    Place { bytes: at as u64..(at + length) as u64, sequence, uses, spells }
}

fn layout(path: &Path) -> Layout {
    let bytes = fs::read(path).unwrap();
    let first_sequence = number(&bytes, 32, 8);
    let indexed = path.with_extension("idx").exists();
    let mut layout =
        Layout { path: path.to_owned(), frames: Vec::new(), batches: Vec::new(), indexed };
    let mut at = SEGMENT_HEADER as usize;
    while bytes.get(at..at + 4) == Some(b"BTCH") {
        let (offset, body) = (at as u64, number(&bytes, at + 8, 4) as usize);
        at += BATCH_HEADER as usize;
        let (end, first) = (at + body, layout.frames.len());
        while at < end {
            layout.frames.push(place(&bytes, at, first_sequence));
            at = layout.frames.last().unwrap().bytes.end as usize;
        }
        layout.batches.push(Batch { offset, frames: first..layout.frames.len() });
    }
    layout
}

// ------------------------------------------------------------------ a store and what is known of
// it

/// A closed store of several segments, with events of every shape and imported ones.
struct Original {
    dir: TempDir,
    rows: BTreeMap<u64, Row>,
    segments: Vec<Layout>,
    log_hash: Hash,
}

impl Original {
    fn new(name: &str, events: u64) -> Original {
        let dir = TempDir::in_memory(name);
        let store = open(&dir.join("store"), &repeatable(7));
        let source = open(&dir.join("source"), &repeatable(8));
        fill(&source, 5_000, 40);
        let third = events / 3;
        fill(&store, 1, third);
        import(&store, &source, "source");
        fill(&store, 1_000, third);
        fill(&source, 6_000, 40);
        import(&store, &source, "source");
        fill(&store, 2_000, third);
        let rows = rows_with_system(&store).into_iter().map(|row| (row.sequence, row)).collect();
        let log_hash = store.log_hash().unwrap();
        store.close().unwrap();
        source.close().unwrap();
        let segments = segments(&dir.join("store")).iter().map(|path| layout(path)).collect();
        Original { dir, rows, segments, log_hash }
    }

    fn last(&self) -> u64 {
        *self.rows.last_key_value().unwrap().0
    }

    /// A copy to be damaged.
    fn copy(&self, to: &Path) -> PathBuf {
        copy_dir(&self.dir.join("store"), to);
        to.to_owned()
    }

    fn segment_of(&self, sequence: u64) -> (&Layout, &Place) {
        let find =
            |layout: &'_ Layout| layout.frames.iter().position(|place| place.sequence == sequence);
        let (layout, at) =
            self.segments.iter().find_map(|layout| find(layout).map(|at| (layout, at))).unwrap();
        (layout, &layout.frames[at])
    }
}

/// Every file of a directory but the lock.
fn snapshot(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let named = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    named.filter(|(name, _)| name != "LOCK").collect()
}

/// Bytes that were changed, by file name; a file that is gone, or cut, has changed to its end.
type Damage = BTreeMap<String, Vec<Range<u64>>>;

/// What of two directories differs.
fn difference(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) -> Damage {
    let mut damage = Damage::new();
    for (name, old) in before {
        let none = Vec::new();
        let new = after.get(name).unwrap_or(&none);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (at, byte) in old.iter().enumerate().filter(|(at, byte)| new.get(*at) != Some(byte)) {
            let (at, _) = (at as u64, byte);
            match ranges.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => ranges.push(at..at + 1),
            }
        }
        if !ranges.is_empty() {
            damage.insert(name.clone(), ranges);
        }
    }
    damage
}

fn touched(damage: &Damage, path: &Path, bytes: Range<u64>) -> bool {
    let ranges = damage.get(path.file_name().unwrap().to_str().unwrap());
    ranges.is_some_and(|ranges| {
        ranges.iter().any(|range| range.start < bytes.end && bytes.start < range.end)
    })
}

/// The sequences that a repair has to keep.
fn must_keep(original: &Original, damage: &Damage) -> BTreeSet<u64> {
    let mut keep = BTreeSet::new();
    for layout in &original.segments {
        let whole = |frame: &Place| !touched(damage, &layout.path, frame.bytes.clone());
        let tells_header = |batch: &Batch| {
            let Some(first) =
                layout.frames.get(batch.frames.clone()).and_then(|frames| frames.first())
            else {
                return false;
            };
            whole(first)
                && !touched(damage, &layout.path, batch.offset..batch.offset + BATCH_HEADER)
        };
        let header_lost = touched(damage, &layout.path, 0..SEGMENT_HEADER);
        if header_lost && !layout.batches.iter().any(tells_header) {
            continue;
        }
        let index = layout.path.with_extension("idx");
        let indexed = layout.indexed && !touched(damage, &index, 0..u64::MAX);
        let lost_strings: BTreeSet<u64> = match indexed {
            true => BTreeSet::new(),
            false => layout
                .frames
                .iter()
                .filter(|f| !whole(f))
                .flat_map(|f| f.spells.iter().copied())
                .collect(),
        };
        let readable = |frame: &&Place| {
            whole(frame) && !frame.uses.iter().any(|string| lost_strings.contains(string))
        };
        keep.extend(layout.frames.iter().filter(readable).map(|frame| frame.sequence));
    }
    keep
}

// ------------------------------------------------------------------ the checker

/// What a repair made, as far as its user sees it.
#[derive(Clone)]
struct Outcome {
    report: RepairReport,
    rows: BTreeMap<u64, Row>,
    log_hash: Hash,
}

/// The log hash from events and losses, as `docs/format.md` defines it.
fn log_hash_with_losses(
    original: &Original,
    rows: &BTreeMap<u64, Row>,
    losses: &[(u64, u64)],
) -> Hash {
    let start = log_hash(store_id(original), std::iter::empty());
    let hash = |parts: &[&[u8]]| Hash(*blake3::hash(&parts.concat()).as_bytes());
    let mut items: BTreeMap<u64, Hash> =
        rows.iter().map(|(sequence, row)| (*sequence, row.event_hash)).collect();
    for (first, last) in losses {
        items.insert(
            *first,
            hash(&[b"fbat loss v1\0\0\0\0", &first.to_le_bytes(), &last.to_le_bytes()]),
        );
    }
    items.values().fold(start, |log, item| hash(&[&log.0, &item.0]))
}

fn store_id(original: &Original) -> fbat::engine::model::id::Id {
    let bytes = fs::read(original.dir.join("store/store.fbat")).unwrap();
    fbat::engine::model::id::Id::from_bytes(bytes[16..32].try_into().unwrap())
}

/// Everything that a repair promises about the events; what does not hold is the error.
fn check(original: &Original, damage: &Damage, outcome: &Outcome) -> Result<(), String> {
    let Outcome { report, rows, .. } = outcome;
    let fail = |what: String| Err(what);
    let ours = |sequence: &u64| report.gap_last == 0 || *sequence <= report.gap_first;
    let kept: BTreeMap<u64, &Row> =
        rows.iter().filter(|(s, _)| ours(s)).map(|(s, row)| (*s, row)).collect();
    if rows.len() - kept.len() != usize::from(report.gap_last > 0) {
        return fail("something but one gap event was added".into());
    }
    for (sequence, row) in &kept {
        let Some(truth) = original.rows.get(sequence) else {
            return fail(format!("{sequence} was not there"));
        };
        let before = kept.values().find(|b| b.entity == row.entity && b.version + 1 == row.version);
        let after_genesis = row.entity == "=store" && row.version == 2;
        let known = before.is_some() || row.version == 1 || after_genesis;
        let previous_hash = if known { truth.previous_hash } else { Some(Hash::ZERO) };
        if (Row { previous_hash, ..truth.clone() }) != **row {
            return fail(format!(
                "event {sequence} is another than it was: {row:?}, not {truth:?}"
            ));
        }
    }
    if let Some(lost) =
        must_keep(original, damage).iter().find(|sequence| !kept.contains_key(*sequence))
    {
        return fail(format!("event {lost} is lost, though the damage did not touch it"));
    }
    let listed: Vec<&Finding> = report.list.iter().filter(|loss| loss.last_sequence > 0).collect();
    let is_listed =
        |s: u64| listed.iter().any(|loss| (loss.first_sequence..=loss.last_sequence).contains(&s));
    let is_left_out = |s: u64| (report.gap_first..=report.gap_last).contains(&s);
    for sequence in 1..=original.last() {
        match (kept.contains_key(&sequence), is_listed(sequence)) {
            (true, true) => return fail(format!("{sequence} is listed as lost, and was kept")),
            (false, false) if !is_left_out(sequence) => {
                return fail(format!("the loss of {sequence} is not listed"))
            }
            _ => {}
        }
    }
    let lost: u64 = listed.iter().map(|loss| loss.last_sequence - loss.first_sequence + 1).sum();
    if (report.events, report.sequences_lost, report.losses)
        != (kept.len() as u64, lost, report.list.len() as u64)
    {
        return fail(format!("the report's sums are not those of its list: {report:?}"));
    }
    let end_is_known = !damage.contains_key("clean");
    if end_is_known && (kept.len() as u64 + lost != original.last() || report.gap_last > 0) {
        return fail(format!(
            "{} kept and {lost} lost are not the {} of the store",
            kept.len(),
            original.last()
        ));
    }
    let losses: Vec<(u64, u64)> =
        listed.iter().map(|loss| (loss.first_sequence, loss.last_sequence)).collect();
    if outcome.log_hash != log_hash_with_losses(original, rows, &losses) {
        return fail("the log hash is not that of the events and losses".into());
    }
    Ok(())
}

/// Repairs, checks everything, and returns what was made. The error says what does not hold; a
/// repair may say only that nothing tells which store this is.
fn repair_and_check(
    original: &Original,
    damaged: &Path,
    new: &Path,
) -> Result<Option<Outcome>, String> {
    let before = snapshot(damaged);
    let damage = difference(&snapshot(&original.dir.join("store")), &before);
    let repaired = repair(damaged, new, &repeatable(9));
    if snapshot(damaged) != before {
        return Err("the damaged directory was changed".into());
    }
    let report = match repaired {
        Ok(report) => report,
        Err(e) if e.code() == Code::Corrupt && !new.exists() => {
            let keep = must_keep(original, &damage);
            let nameless = damage.contains_key("store.fbat") && !keep.contains(&1);
            return if nameless || keep.is_empty() {
                Ok(None)
            } else {
                Err(format!("{e}, but there are events"))
            };
        }
        Err(e) => return Err(format!("repair: {e}")),
    };
    let store = open(new, &with_mode(OpenMode::MustExist));
    if *store.open_report() != Default::default() {
        return Err(format!("opening had something to do: {:?}", store.open_report()));
    }
    let rows = rows_with_system(&store).into_iter().map(|row| (row.sequence, row)).collect();
    let outcome = Outcome { report, rows, log_hash: store.log_hash().unwrap() };
    check(original, &damage, &outcome)?;
    check_use(original, &store, &outcome, new)?;
    Ok(Some(outcome))
}

/// That the new store is one like others: sound, appendable, a source of imports, and whole when it
/// is repaired again.
fn check_use(
    original: &Original,
    store: &Store,
    outcome: &Outcome,
    new: &Path,
) -> Result<(), String> {
    let report = &outcome.report;
    let verified = store.verify().map_err(|e| e.to_string())?;
    let unlinked = (verified.unlinked_events, report.unlinked_events);
    if !verified.findings.is_empty()
        || verified.lost_sequences != report.sequences_lost
        || unlinked.0 != unlinked.1
    {
        return Err(format!("verify does not agree: {verified:?} with {report:?}"));
    }
    store.close().unwrap();
    let again = new.with_extension("again");
    let second =
        repair(new, &again, &repeatable(10)).map_err(|e| format!("repairing the result: {e}"))?;
    let copy = open_quick(&again);
    if second.losses > 0 || copy.log_hash().unwrap() != outcome.log_hash {
        return Err(format!("the result is not whole: {second:?}"));
    }
    copy.close().unwrap();
    let store = open_quick(new);
    let kept = rows(&store).len() as u64;
    let into = open_quick(&new.with_extension("into"));
    let imported = import(&into, &store, "repaired").imported;
    into.close().unwrap();
    let receipt = store.append(&event("after", b"the repair")).map_err(|e| e.to_string())?;
    let sound = store.verify().unwrap().findings.is_empty();
    store.close().unwrap();
    for made in [again, new.with_extension("into")] {
        fs::remove_dir_all(made).unwrap();
    }
    match imported == kept && sound && receipt.sequence > original.last().max(report.gap_last) {
        true => Ok(()),
        false => Err(format!(
            "{imported} of {kept} were imported; the next sequence is {}",
            receipt.sequence
        )),
    }
}

// ------------------------------------------------------------------ one kind of damage after the
// other

/// An original, and a place for copies of it.
struct Bench {
    original: Original,
    dir: TempDir,
}

impl Bench {
    fn new(name: &str) -> Bench {
        Bench {
            original: Original::new(name, 900),
            dir: TempDir::in_memory(&format!("{name}-copies")),
        }
    }

    fn damaged(&self) -> PathBuf {
        self.original.copy(&self.dir.join("damaged"))
    }

    fn new_dir(&self) -> PathBuf {
        self.dir.join("new")
    }

    /// Repairs; everything that every repair promises is checked on the way.
    #[track_caller]
    fn repair(&self) -> Outcome {
        let outcome = repair_and_check(&self.original, &self.dir.join("damaged"), &self.new_dir());
        outcome.unwrap_or_else(|what| panic!("{what}")).expect("the repair succeeds")
    }

    /// The copy of an original's file.
    fn file(&self, path: &Path) -> PathBuf {
        self.dir.join("damaged").join(path.file_name().unwrap())
    }
}

fn flip(path: &Path, at: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at as usize] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn overwrite(path: &Path, range: Range<u64>, with: impl Fn(usize) -> u8) {
    let mut bytes = fs::read(path).unwrap();
    range.for_each(|at| bytes[at as usize] = with(at as usize));
    fs::write(path, bytes).unwrap();
}

fn lost(outcome: &Outcome) -> Vec<(u64, u64)> {
    let ranges = outcome.report.list.iter().map(|loss| (loss.first_sequence, loss.last_sequence));
    ranges.filter(|(_, last)| *last > 0).collect()
}

fn lost_sequences(outcome: &Outcome) -> Vec<u64> {
    lost(outcome).into_iter().flat_map(|(first, last)| first..=last).collect()
}

/// A frame in the middle of a batch of the second segment.
fn inner_frame(original: &Original) -> &Place {
    let layout = &original.segments[1];
    let batch = layout.batches.iter().find(|batch| batch.frames.len() >= 4).unwrap();
    &layout.frames[batch.frames.start + 2]
}

#[test]
fn an_undamaged_store_loses_nothing_and_keeps_its_log_hash_and_files() {
    let bench = Bench::new("repair-undamaged");
    let damaged = bench.damaged();
    let outcome = bench.repair();
    assert!(bench.original.segments.len() >= 4, "several segments");
    assert_eq!((outcome.report.losses, outcome.report.bytes_unread), (0, 0));
    assert_eq!(outcome.log_hash, bench.original.log_hash);
    assert_eq!(segments(&damaged).len() as u64, outcome.report.segments);
    let names = |dir: &Path| {
        segments(dir).iter().map(|p| p.file_name().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&damaged), names(&bench.new_dir()));
    assert_eq!(
        fs::read(damaged.join("store.fbat")).unwrap(),
        fs::read(bench.new_dir().join("store.fbat")).unwrap()
    );
}

#[test]
fn a_damaged_frame_costs_one_event_and_not_its_batch() {
    // A bit of the payload, of the length, of the id, of the checksum.
    for (name, at) in [("payload", u64::MAX), ("length", 5), ("id", 12), ("checksum", 1)] {
        let bench = Bench::new(&format!("repair-frame-{name}"));
        bench.damaged();
        let (frame, path) = (inner_frame(&bench.original), &bench.original.segments[1].path);
        flip(
            &bench.file(path),
            frame.bytes.start + at.min(frame.bytes.end - frame.bytes.start - 1),
        );
        let outcome = bench.repair();
        assert_eq!(lost(&outcome), [(frame.sequence, frame.sequence)], "{name}");
        let loss = &outcome.report.list[0];
        assert_eq!((&loss.path, loss.offset), (&bench.file(path), frame.bytes.start), "{name}");
        assert_eq!(outcome.report.bytes_unread, frame.bytes.end - frame.bytes.start);
    }
}

#[test]
fn a_payload_that_was_changed_under_its_checksums_is_lost_and_not_kept() {
    // The log has the hashes of long payloads; short ones are told by their event hash.
    for (name, lengths, message) in [
        ("repair-forged", 65..=usize::MAX, "content hash"),
        ("repair-forged-short", 0..=64, "event hash"),
    ] {
        let bench = Bench::new(name);
        let damaged = bench.damaged();
        let payload = |place: &Place| &bench.original.rows[&place.sequence].payload;
        let frames = &bench.original.segments[1].frames;
        let frame = frames.iter().find(|place| lengths.contains(&payload(place).len())).unwrap();
        let (_, offset) = forge_payload(&damaged, payload(frame));
        assert_eq!(offset, frame.bytes.start);
        let outcome = bench.repair();
        assert_eq!(lost(&outcome), [(frame.sequence, frame.sequence)]);
        let found = &outcome.report.list[0].message;
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn a_damaged_header_costs_nothing() {
    let bench = Bench::new("repair-batch-header");
    bench.damaged();
    let layout = &bench.original.segments[1];
    flip(&bench.file(&layout.path), layout.batches[3].offset + 20);
    let outcome = bench.repair();
    assert_eq!(
        (lost(&outcome).len(), outcome.report.losses, outcome.report.bytes_unread),
        (0, 1, BATCH_HEADER)
    );
    assert_eq!(outcome.log_hash, bench.original.log_hash);
}

#[test]
fn a_damaged_segment_header_costs_nothing_with_and_without_an_index() {
    for segment in [0, 1, usize::MAX] {
        let bench = Bench::new("repair-segment-header");
        bench.damaged();
        let layout = &bench.original.segments[segment.min(bench.original.segments.len() - 1)];
        overwrite(&bench.file(&layout.path), 0..SEGMENT_HEADER, |at| at as u8);
        let outcome = bench.repair();
        assert_eq!((lost(&outcome).len(), outcome.report.headers_rebuilt), (0, 1));
        assert_eq!(outcome.log_hash, bench.original.log_hash);
    }
}

#[test]
fn a_lost_identity_is_made_anew_from_the_genesis_event() {
    for damage in ["removed", "flipped", "another version", "and the segment header"] {
        let bench = Bench::new("repair-identity");
        let damaged = bench.damaged();
        let identity = damaged.join("store.fbat");
        match damage {
            "flipped" => flip(&identity, 50),
            "another version" => flip(&identity, 8),
            _ => fs::remove_file(&identity).unwrap(),
        }
        if damage == "and the segment header" {
            flip(&bench.file(&bench.original.segments[0].path), 20);
        }
        let outcome = bench.repair();
        assert!(outcome.report.identity_rebuilt && outcome.report.sequences_lost == 0, "{damage}");
        let original = fs::read(bench.original.dir.join("store/store.fbat")).unwrap();
        assert_eq!(fs::read(bench.new_dir().join("store.fbat")).unwrap(), original, "{damage}");
    }
}

#[test]
fn without_identity_and_genesis_event_nothing_is_made() {
    let bench = Bench::new("repair-nameless");
    let damaged = bench.damaged();
    let (layout, place) = bench.original.segment_of(1);
    flip(&bench.file(&layout.path), place.bytes.start + 40);
    // The byte of the version: segments of this version say that it is damage.
    flip(&damaged.join("store.fbat"), 9);
    assert_eq!(code_of(repair(&damaged, &bench.new_dir(), &quick())), Code::Corrupt);
    fs::remove_file(damaged.join("store.fbat")).unwrap();
    assert_eq!(code_of(repair(&damaged, &bench.new_dir(), &quick())), Code::Corrupt);
    assert!(!bench.new_dir().exists());
}

#[test]
fn a_lost_genesis_event_is_known_by_the_identity_file() {
    let bench = Bench::new("repair-genesis");
    bench.damaged();
    let (layout, place) = bench.original.segment_of(1);
    flip(&bench.file(&layout.path), place.bytes.start + 40);
    let outcome = bench.repair();
    // The strings of the system events are spelled there, and the index has them.
    assert_eq!(lost(&outcome), [(1, 1)]);
    let store = open_quick(&bench.new_dir());
    assert_eq!(store.label(), "");
    assert_sound(&store);
}

#[test]
fn a_lost_spelling_is_taken_from_the_index_where_there_is_one() {
    let bench = Bench::new("repair-spelling");
    bench.damaged();
    let layout = &bench.original.segments[1];
    let spelling = layout.frames.iter().find(|frame| !frame.spells.is_empty()).unwrap();
    flip(&bench.file(&layout.path), spelling.bytes.end - 1);
    let outcome = bench.repair();
    assert_eq!(lost(&outcome), [(spelling.sequence, spelling.sequence)]);

    let bench = Bench::new("repair-spelling-bare");
    let damaged = bench.damaged();
    let index = layout.path.with_extension("idx");
    fs::remove_file(damaged.join(index.file_name().unwrap())).unwrap();
    flip(&bench.file(&layout.path), spelling.bytes.end - 1);
    let outcome = bench.repair();
    let nameless =
        |frame: &&Place| frame.uses.iter().any(|string| spelling.spells.contains(string));
    let expected: Vec<u64> =
        layout.frames.iter().filter(nameless).map(|frame| frame.sequence).collect();
    assert!(expected.len() > 20);
    assert_eq!(lost_sequences(&outcome), expected);
}

#[test]
fn a_missing_segment_is_lost_and_nothing_else() {
    let count = Original::new("repair-missing-count", 900).segments.len();
    for segment in 0..count {
        let bench = Bench::new("repair-missing");
        bench.damaged();
        let layout = &bench.original.segments[segment];
        fs::remove_file(bench.file(&layout.path)).unwrap();
        let outcome = bench.repair();
        let ends = (layout.frames[0].sequence, layout.frames.last().unwrap().sequence);
        assert_eq!(lost(&outcome), [ends], "segment {segment}");
        assert_eq!(outcome.report.list[0].path, bench.file(&layout.path));
    }
}

#[test]
fn a_segment_of_another_store_is_listed_and_left() {
    let bench = Bench::new("repair-foreign");
    let damaged = bench.damaged();
    let other = bench.dir.join("other");
    let store = open(&other, &repeatable(99));
    fill(&store, 1, 200);
    store.close().unwrap();
    let place = damaged.join(bench.original.segments[2].path.file_name().unwrap());
    fs::copy(&segments(&other)[0], &place).unwrap();
    let outcome = bench.repair();
    assert_eq!(lost(&outcome).len(), 1);
    let foreign = outcome
        .report
        .list
        .iter()
        .find(|loss| loss.message.contains("belongs to the store"))
        .unwrap();
    assert_eq!((&foreign.path, foreign.last_sequence), (&place, 0));
}

#[test]
fn segments_are_used_under_the_sequence_in_their_header() {
    let bench = Bench::new("repair-names");
    let damaged = bench.damaged();
    let (a, b) = (&bench.original.segments[1].path, &bench.original.segments[2].path);
    fs::rename(bench.file(a), damaged.join("saved.log")).unwrap();
    fs::rename(bench.file(b), bench.file(a)).unwrap();
    fs::copy(bench.file(&bench.original.segments[3].path), damaged.join("copy.log")).unwrap();
    let (report, log_hash) = {
        let report = repair(&damaged, &bench.new_dir(), &quick()).unwrap();
        (report, open_quick(&bench.new_dir()).log_hash().unwrap())
    };
    assert_eq!((report.sequences_lost, report.losses, log_hash), (0, 1, bench.original.log_hash));
    assert_eq!(report.list[0].path, damaged.join("copy.log"), "the copy has nothing new");
}

#[test]
fn zeros_in_the_middle_cost_what_was_there() {
    let bench = Bench::new("repair-zeros");
    bench.damaged();
    let layout = &bench.original.segments[1];
    let zeros = 4096 * 3..4096 * 5;
    overwrite(&bench.file(&layout.path), zeros.clone(), |_| 0);
    let outcome = bench.repair();
    let hit = |frame: &&Place| frame.bytes.start < zeros.end && zeros.start < frame.bytes.end;
    let expected: Vec<u64> = layout.frames.iter().filter(hit).map(|frame| frame.sequence).collect();
    assert_eq!(lost_sequences(&outcome), expected);
}

#[test]
fn a_file_that_was_cut_costs_its_end() {
    for segment in [1, usize::MAX] {
        let bench = Bench::new("repair-cut");
        bench.damaged();
        let layout = &bench.original.segments[segment.min(bench.original.segments.len() - 1)];
        let middle = &layout.frames[layout.frames.len() / 2];
        let file = fs::OpenOptions::new().write(true).open(bench.file(&layout.path)).unwrap();
        file.set_len(middle.bytes.start + 30).unwrap();
        let outcome = bench.repair();
        let end = layout.frames.last().unwrap().sequence;
        assert_eq!(lost_sequences(&outcome), (middle.sequence..=end).collect::<Vec<_>>());
    }
}

#[test]
fn the_last_batch_of_a_closed_store_is_missed() {
    let bench = Bench::new("repair-last-batch");
    bench.damaged();
    let layout = bench.original.segments.last().unwrap();
    let batch = layout.batches.last().unwrap();
    let length = fs::metadata(&layout.path).unwrap().len();
    overwrite(&bench.file(&layout.path), batch.offset..length, |_| 0);
    let outcome = bench.repair();
    assert_eq!(
        lost(&outcome),
        [(layout.frames[batch.frames.start].sequence, bench.original.last())]
    );
    assert_eq!(outcome.report.gap_last, 0, "the clean mark tells where the log ended");
}

#[test]
fn a_store_that_was_given_a_new_id_keeps_it_whatever_of_it_is_lost() {
    for (lost_file, lost_event) in [(false, false), (true, false), (false, true), (true, true)] {
        let dir = TempDir::in_memory("repair-new-id");
        let (damaged, new) = (dir.join("store"), dir.join("new"));
        let store = open_quick(&damaged);
        fill(&store, 0, 5);
        store.close().unwrap();
        let id = new_identity(&damaged, &quick()).unwrap();
        let store = open_quick(&damaged);
        fill(&store, 5, 5);
        let hub = open_quick(&dir.join("hub"));
        assert_eq!(import_with(&hub, &store, &mut by_origin()).imported, 10);
        let told =
            rows_with_system(&store).into_iter().find(|row| row.kind == Kind::IDENTITY).unwrap();
        store.close().unwrap();
        if lost_file {
            fs::remove_file(damaged.join("store.fbat")).unwrap();
        }
        if lost_event {
            crate::common::Damage::to_bytes(&damaged, &told.payload);
        }
        let report = repair(&damaged, &new, &quick()).unwrap();
        assert_eq!(report.sequences_lost, u64::from(lost_event), "{report:?}");
        assert_eq!(
            (report.identity_rebuilt, report.identity_uncertain),
            (lost_file, lost_file && lost_event)
        );
        let store = open_quick(&new);
        if report.identity_uncertain {
            continue; // nothing is left that tells of the id, and the report says so
        }
        assert_eq!(store.store_id(), id, "file lost: {lost_file}, event lost: {lost_event}");
        assert_sound(&store);
        let ids = rows_with_system(&store).iter().filter(|row| row.kind == Kind::IDENTITY).count();
        assert_eq!((rows(&store).len(), ids), (10, usize::from(!lost_event)));
        let mut anew = ImportOptions { resume: false, ..by_origin() };
        let report = import_with(&hub, &store, &mut anew);
        assert_eq!((report.imported, report.deduplicated), (0, 10), "every origin is what it was");
        store.close().unwrap();
        assert_sound(&open_reader(&new));
        keeps_its_id_or_says_so(&new, &dir.join("again"), id);
    }
}

/// Another repair, for which the identity file is lost, too.
fn keeps_its_id_or_says_so(damaged: &Path, new: &Path, id: Id) {
    fs::remove_file(damaged.join("store.fbat")).unwrap();
    let report = repair(damaged, new, &quick()).unwrap();
    assert!(report.identity_uncertain || open_quick(new).store_id() == id, "{report:?}");
}

fn by_origin<'a>() -> ImportOptions<'a> {
    ImportOptions { identity: ImportIdentity::Origin, ..ImportOptions::default() }
}

#[test]
fn behind_a_torn_tail_sequences_that_somebody_may_have_seen_are_left_out() {
    let bench = Bench::new("repair-torn");
    let damaged = bench.damaged();
    fs::remove_file(damaged.join("clean")).unwrap();
    let layout = bench.original.segments.last().unwrap();
    let batch = layout.batches.last().unwrap();
    let file = fs::OpenOptions::new().write(true).open(bench.file(&layout.path)).unwrap();
    file.set_len(batch.offset + 40).unwrap();
    let outcome = bench.repair();
    let next = layout.frames[batch.frames.start].sequence;
    assert_eq!((outcome.report.gap_first, outcome.report.gap_last), (next, next - 1 + LEASE));
    let (sequence, gap) = outcome.rows.last_key_value().unwrap();
    assert_eq!((gap.kind, &*gap.entity, *sequence), (Kind::GAP, SYSTEM_ENTITY, next + LEASE));
}

#[test]
fn a_store_that_was_not_closed_keeps_all_its_events_and_leaves_sequences_out() {
    let dir = TempDir::in_memory("repair-unclosed");
    let store = open_quick(&dir.join("store"));
    fill(&store, 1, 300);
    let error = error_of(repair(&dir.join("store"), &dir.join("new"), &quick()));
    assert_eq!((error.code(), error.actual), (Code::Busy, std::process::id().into()));
    let rows = rows_with_system(&store);
    copy_dir(&dir.join("store"), &dir.join("copy"));
    let report = repair(&dir.join("copy"), &dir.join("new"), &quick()).unwrap();
    assert_eq!((report.losses, report.gap_first, report.gap_last), (0, 302, 301 + LEASE));
    let new = open_quick(&dir.join("new"));
    let repaired = rows_with_system(&new);
    assert_eq!((&repaired[..301], repaired.len()), (&rows[..], 302));
    assert_sound(&new);
}

#[test]
fn an_index_tells_of_a_segment_that_is_gone() {
    let bench = Bench::new("repair-orphan-index");
    let damaged = bench.damaged();
    let indexed: Vec<&Layout> =
        bench.original.segments.iter().filter(|layout| layout.indexed).collect();
    let known = indexed.last().unwrap();
    for layout in bench.original.segments.iter().filter(|layout| layout.path >= known.path) {
        fs::remove_file(bench.file(&layout.path)).unwrap();
    }
    fs::remove_file(damaged.join("clean")).unwrap();
    let outcome = bench.repair();
    let last = known.frames.last().unwrap().sequence;
    assert_eq!(lost(&outcome), [(known.frames[0].sequence, last)]);
    assert_eq!(outcome.report.gap_first, last + 1);
}

/// A closed store whose log declares a gap: its rows and its log hash.
fn store_with_a_gap(dir: &TempDir) -> (Vec<Row>, Hash) {
    let store = open_quick(&dir.join("store"));
    fill(&store, 1, 100);
    copy_dir(&dir.join("store"), &dir.join("copy"));
    store.close().unwrap();
    fs::remove_file(dir.join("copy/LOCK")).unwrap(); // as after a restart of the machine
    let store = open_quick(&dir.join("copy"));
    assert!(store.open_report().gap_last > 0);
    fill(&store, 200, 50);
    let known = (rows_with_system(&store), store.log_hash().unwrap());
    store.close().unwrap();
    known
}

#[test]
fn a_declared_gap_is_no_loss() {
    let dir = TempDir::in_memory("repair-gap");
    let (rows, log_hash) = store_with_a_gap(&dir);
    let report = repair(&dir.join("copy"), &dir.join("new"), &quick()).unwrap();
    let new = open_quick(&dir.join("new"));
    assert_eq!(
        (report.losses, rows_with_system(&new), new.log_hash().unwrap()),
        (0, rows, log_hash)
    );
    let verified = new.verify().unwrap();
    assert_eq!((verified.gaps, verified.gap_sequences, verified.losses), (1, LEASE, 0));
}

#[test]
fn a_loss_beside_a_declared_gap_takes_the_gap_with_it_only_where_its_event_is_lost() {
    for (offset, first, last, gaps) in
        [(-1, 101, 101, 1), (0, 102, 102 + LEASE, 0), (1, 103 + LEASE, 103 + LEASE, 1)]
    {
        let dir = TempDir::in_memory("repair-gap-neighbours");
        let (rows, _) = store_with_a_gap(&dir);
        let gap = rows.iter().position(|row| row.kind == Kind::GAP).unwrap();
        let target = &rows[gap.checked_add_signed(offset).unwrap()];
        let path = segments(&dir.join("copy")).remove(0);
        let place = layout(&path)
            .frames
            .into_iter()
            .find(|place| place.sequence == target.sequence)
            .unwrap();
        flip(&path, place.bytes.start + 40);
        let report = repair(&dir.join("copy"), &dir.join("new"), &quick()).unwrap();
        let listed: Vec<_> =
            report.list.iter().map(|loss| (loss.first_sequence, loss.last_sequence)).collect();
        assert_eq!(listed, [(first, last)], "event {offset} from the gap event");
        let new = open_quick(&dir.join("new"));
        let kept: Vec<u64> = rows_with_system(&new).iter().map(|row| row.sequence).collect();
        let expected: Vec<u64> =
            rows.iter().map(|row| row.sequence).filter(|s| *s != target.sequence).collect();
        assert_eq!(kept, expected);
        let verified = new.verify().unwrap();
        assert!(verified.findings.is_empty(), "{verified:?}");
        assert_eq!((verified.gaps, verified.lost_sequences), (gaps, last - first + 1));
    }
}

#[test]
fn losses_of_an_earlier_repair_are_carried_over_and_new_ones_added() {
    let bench = Bench::new("repair-twice");
    bench.damaged();
    let (first, second) = (&bench.original.segments[1], &bench.original.segments[2]);
    let early = inner_frame(&bench.original);
    flip(&bench.file(&first.path), early.bytes.start + 100);
    bench.repair();
    let once = bench.new_dir();
    let path = once.join(second.path.file_name().unwrap());
    let late = layout(&path).frames.into_iter().nth(30).unwrap();
    flip(&path, late.bytes.start + 100);
    let report = repair(&once, &bench.dir.join("twice"), &quick()).unwrap();
    assert_eq!(
        (report.losses, report.sequences_lost, report.list[0].first_sequence),
        (1, 1, late.sequence)
    );
    let store = open_quick(&bench.dir.join("twice"));
    let verified = store.verify().unwrap();
    assert_eq!((verified.findings.len(), verified.losses, verified.lost_sequences), (0, 2, 2));
    // One event was appended to the store that had been repaired once.
    assert_eq!(rows_with_system(&store).len(), bench.original.rows.len() + 1 - 2);
}

#[test]
fn claims_that_no_store_can_make_do_not_spoil_the_new_one() {
    let bench = Bench::new("repair-claims");
    let damaged = bench.damaged();
    let mut mark = fs::read(damaged.join("clean")).unwrap();
    mark[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    let crc = crc32fast::hash(&mark[..84]);
    mark[84..].copy_from_slice(&crc.to_le_bytes());
    fs::write(damaged.join("clean"), mark).unwrap();
    repair(&damaged, &bench.new_dir(), &quick()).unwrap();
    let store = open_quick(&bench.new_dir());
    store.append(&event("still", b"appendable")).unwrap();
    store.close().unwrap();
    assert_sound(&open_quick(&bench.new_dir()));
}

// ------------------------------------------------------------------ a log with declared losses

#[test]
fn declared_losses_are_passed_over_by_every_reader() {
    let bench = Bench::new("repair-readers");
    bench.damaged();
    let path = &bench.original.segments.last().unwrap().path;
    let layout = bench.original.segments.last().unwrap();
    let frame = &layout.frames[layout.frames.len() / 2];
    flip(&bench.file(path), frame.bytes.start + 100);
    let middle = &bench.original.segments[1];
    fs::remove_file(bench.file(&middle.path)).unwrap();
    let outcome = bench.repair();
    let new = bench.new_dir();
    let rows = rows_with_system(&open_reader(&new));
    // A follower beside a writer, recovery without the clean mark, and indexes that are made anew.
    let reader = open_reader(&new);
    let writer = open_quick(&new);
    fill(&writer, 10_000, 600);
    assert_eq!(rows_with_system(&reader), rows_with_system(&writer));
    let all = rows_with_system(&writer);
    assert_eq!(all[..rows.len()], rows);
    copy_dir(&new, &bench.dir.join("unclean"));
    writer.close().unwrap();
    for segment in segments(&new) {
        let _ = fs::remove_file(segment.with_extension("idx"));
    }
    for dir in [new, bench.dir.join("unclean")] {
        let store = open_quick(&dir);
        let verified = store.verify().unwrap();
        assert!(verified.findings.is_empty(), "{verified:?}");
        assert_eq!((verified.losses, verified.lost_sequences), (2, outcome.report.sequences_lost));
        assert_eq!(rows_with_system(&store)[..all.len()], all);
        store.close().unwrap();
    }
}

#[test]
fn an_event_whose_predecessor_was_lost_has_no_previous_hash_and_the_next_one_builds_on_it() {
    let bench = Bench::new("repair-chain");
    bench.damaged();
    let frame = inner_frame(&bench.original);
    flip(&bench.file(&bench.original.segments[1].path), frame.bytes.start + 100);
    let outcome = bench.repair();
    let lost = &bench.original.rows[&frame.sequence];
    let mut later =
        outcome.rows.values().filter(|row| row.entity == lost.entity && row.version > lost.version);
    let (orphan, next) = (later.next().unwrap(), later.next().unwrap());
    assert_eq!((orphan.version, orphan.previous_hash), (lost.version + 1, Some(Hash::ZERO)));
    assert_eq!(next.previous_hash, Some(orphan.event_hash));
    let store = open_quick(&bench.new_dir());
    assert_eq!(get(&store, orphan.id).unwrap().previous_hash, Some(Hash::ZERO));
    let versions = outcome
        .rows
        .values()
        .filter(|row| row.entity == lost.entity)
        .map(|row| row.version)
        .max()
        .unwrap();
    let expected =
        NewEvent { expect: Expect::Version(versions), ..event(&lost.entity, b"goes on") };
    assert_eq!(store.append(&expected).unwrap().version, versions + 1);
}

#[test]
fn a_version_that_is_missing_without_a_declared_loss_is_still_a_finding() {
    // A loss elsewhere does not excuse it: the two events have none between them.
    let bench = Bench::new("repair-undeclared");
    bench.damaged();
    let first = &bench.original.segments[0].path;
    let (_, early) = bench.original.segment_of(20);
    flip(&bench.file(first), early.bytes.start + 100);
    bench.repair();
    let new = bench.new_dir();
    let store = open_quick(&new);
    let (verified, rows) = (store.verify().unwrap(), rows_with_system(&store));
    assert!(verified.findings.is_empty() && verified.unlinked_events <= 1);
    store.close().unwrap();
    // Two events of an entity, later than the loss, next to each other by version; the second gets
    // a higher one.
    let target = rows.iter().rev().find(|row| row.version > 1).unwrap();
    let path = segments(&new).into_iter().next_back().unwrap();
    let place =
        layout(&path).frames.into_iter().find(|place| place.sequence == target.sequence).unwrap();
    raise_version(&path, &place);
    let findings = open_reader(&new).verify().unwrap().findings;
    assert!(findings.iter().any(|f| f.message.contains("versions do not follow")), "{findings:?}");
}

/// Adds one to the version of a frame, and puts the checksums right.
fn raise_version(path: &Path, place: &Place) {
    let bytes = fs::read(path).unwrap();
    let mut at = place.bytes.start as usize + 60;
    varint(&bytes, &mut at);
    varint(&bytes, &mut at);
    flip_bit(path, at, 1);
}

fn flip_bit(path: &Path, at: usize, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= bit << 1;
    renew_checksums(&mut bytes, at);
    fs::write(path, bytes).unwrap();
}

// ------------------------------------------------------------------ what a repair refuses, and how
// it ends early

#[test]
fn a_damaged_segment_header_costs_nothing_where_all_events_are_of_one_entity() {
    let dir = TempDir::in_memory("repair-one-entity");
    let (damaged, new) = (dir.join("store"), dir.join("new"));
    let store = open_quick(&damaged);
    for number in 0..1000 {
        store.append(&event("e", format!("payload {number}").as_bytes())).unwrap();
    }
    let before = rows(&store);
    store.close().unwrap();
    for path in segments(&damaged) {
        flip(&path, 40);
    }
    let report = repair(&damaged, &new, &quick()).unwrap();
    assert_eq!(
        (report.sequences_lost, report.headers_rebuilt),
        (0, segments(&damaged).len() as u64)
    );
    assert_eq!(rows(&open_reader(&new)), before);
}

#[test]
fn repair_refuses_what_it_cannot_work_on_and_changes_nothing() {
    let bench = Bench::new("repair-refused");
    let damaged = bench.damaged();
    let before = snapshot(&damaged);
    let store = open_quick(&bench.dir.join("store"));
    store.close().unwrap();
    fs::create_dir(bench.dir.join("full")).unwrap();
    fs::write(bench.dir.join("full/letter"), b"dear").unwrap();
    fs::create_dir(bench.dir.join("empty")).unwrap();
    let code = |from: &Path, to: &Path| code_of(repair(from, to, &quick()));
    assert_eq!(code(&damaged, &bench.dir.join("store")), Code::StoreExists);
    assert_eq!(code(&damaged, &bench.dir.join("full")), Code::InvalidArgument);
    assert_eq!(code(&damaged, &damaged), Code::StoreExists);
    assert_eq!(code(&damaged, &damaged.join("inside")), Code::InvalidArgument);
    fs::create_dir(damaged.join("hole")).unwrap();
    std::os::unix::fs::symlink(damaged.join("hole"), bench.dir.join("link")).unwrap();
    assert_eq!(code(&damaged, &bench.dir.join("link")), Code::InvalidArgument);
    fs::remove_dir(damaged.join("hole")).unwrap();
    assert_eq!(code(&damaged, &bench.dir.join("no/such")), Code::Io);
    assert_eq!(code(&bench.dir.join("nothing"), &bench.new_dir()), Code::StoreNotFound);
    assert_eq!(code(&bench.dir.join("full"), &bench.new_dir()), Code::StoreNotFound);
    assert_eq!(snapshot(&damaged), before);
    repair(&damaged, &bench.dir.join("empty"), &quick()).unwrap();
    // A segment of a format that is to come.
    let path = bench.file(&bench.original.segments[1].path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..124]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    assert_eq!(code(&damaged, &bench.new_dir()), Code::FutureVersion);
    assert!(!bench.new_dir().exists());
}

#[test]
fn a_repair_that_fails_in_the_middle_leaves_no_store() {
    let bench = Bench::new("repair-fails");
    let damaged = bench.damaged();
    flip(&bench.file(&bench.original.segments[1].path), 5_000);
    let before = snapshot(&damaged);
    let mut writes = 0;
    loop {
        let new = bench.dir.join(&format!("new-{writes}"));
        let (options, spy) = Spy::watch(quick());
        spy.fill_up_after(writes);
        match repair(&damaged, &new, &options) {
            Ok(_) => {
                assert!(spy.dirty_segments().is_empty(), "everything was synced");
                break;
            }
            Err(e) => assert_eq!(e.code(), Code::NoSpace),
        }
        assert_eq!(snapshot(&damaged), before);
        for mode in [OpenMode::ReadOnly, OpenMode::MustExist] {
            assert_eq!(code_of(Store::open(&new, &with_mode(mode))), Code::StoreNotFound);
        }
        fs::remove_dir_all(&new).unwrap();
        writes += 1 + writes / 4;
    }
    let (options, spy) = Spy::watch(quick());
    spy.fail_syncs(true);
    let new = bench.dir.join("unsynced");
    assert_eq!(code_of(repair(&damaged, &new, &options)), Code::Io);
    assert_eq!(code_of(Store::open(&new, &with_mode(OpenMode::MustExist))), Code::StoreNotFound);
}

// ------------------------------------------------------------------ damage at random

/// One random damage to the copy; says what it did.
fn damage_somewhere(rng: &mut Rng, dir: &Path) -> String {
    let mut names: Vec<String> = snapshot(dir).into_keys().collect();
    // The log is where it matters.
    let logs: Vec<String> = names.iter().filter(|name| name.ends_with(".log")).cloned().collect();
    if logs.is_empty() {
        return "nothing".into();
    }
    names.extend(logs.iter().chain(&logs).cloned());
    let name = rng.pick(&names).clone();
    let path = dir.join(&name);
    let length = fs::metadata(&path).unwrap().len();
    if length == 0 {
        return "nothing".into();
    }
    let from = rng.below(length);
    let bits = rng.range(0, 14);
    let to = (from + 1 + rng.below(1 << bits)).min(length);
    let noise = rng.next();
    match rng.below(10) {
        0 => {
            fs::remove_file(&path).unwrap();
            format!("{name} removed")
        }
        1 => {
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(from).unwrap();
            format!("{name} cut at {from}")
        }
        2 | 3 => {
            overwrite(&path, from..to, |_| 0);
            format!("{name} zero from {from} to {to}")
        }
        4 | 5 => {
            overwrite(&path, from..to, |at| Rng(noise ^ at as u64).next() as u8);
            format!("{name} overwritten from {from} to {to}")
        }
        6 => {
            let bytes = fs::read(&path).unwrap();
            let source = rng.below(length);
            let room = (to - from).min(length - source);
            overwrite(&path, from..from + room, |at| bytes[(source + at as u64 - from) as usize]);
            format!("{name} from {from} to {} as at {source}", from + room)
        }
        _ => {
            flip(&path, from);
            format!("{name} flipped at {from}")
        }
    }
}

#[test]
fn a_repair_of_random_damage_keeps_what_was_not_touched_and_lists_the_rest() {
    let seed = seed_from_env();
    println!("FBAT_SEED={seed}");
    let original = Original::new("repair-random", 900);
    let dir = TempDir::in_memory("repair-random-copies");
    let (began, tried) = (Instant::now(), scaled(2_000));
    let (mut failures, mut hopeless) = (Vec::new(), 0);
    for round in 0..tried {
        let mut rng = Rng(seed.wrapping_add(round));
        let (damaged, new) = (original.copy(&dir.join("damaged")), dir.join("new"));
        let damages = rng.range(1, 3);
        let what: Vec<String> =
            (0..damages).map(|_| damage_somewhere(&mut rng, &damaged)).collect();
        match repair_and_check(&original, &damaged, &new) {
            Ok(outcome) => hopeless += u64::from(outcome.is_none()),
            Err(e) => failures.push(format!(
                "FBAT_SEED={} FBAT_SCALE=0.0005: {what:?}: {e}",
                seed.wrapping_add(round)
            )),
        }
        fs::remove_dir_all(&damaged).unwrap();
        let _ = fs::remove_dir_all(&new);
        let _ = fs::remove_dir_all(new.with_extension("again"));
        let _ = fs::remove_dir_all(new.with_extension("into"));
    }
    score("repairs of randomly damaged stores", tried, failures.len() as u64, began);
    assert!(failures.is_empty(), "{} of {tried}: {}", failures.len(), failures.join("\n"));
    assert!(hopeless <= 1 + tried / 20, "{hopeless} of {tried} were given up");
}

// ------------------------------------------------------------------ canaries

#[test]
fn the_checker_misses_neither_an_unlisted_loss_nor_an_altered_invented_or_dropped_event() {
    let bench = Bench::new("repair-canary");
    let damaged = bench.damaged();
    let frame = inner_frame(&bench.original);
    flip(&bench.file(&bench.original.segments[1].path), frame.bytes.start + 100);
    let damage = difference(&snapshot(&bench.original.dir.join("store")), &snapshot(&damaged));
    let outcome = bench.repair();
    let noticed = |name: &str, alter: &dyn Fn(&mut Outcome)| {
        let mut altered = outcome.clone();
        alter(&mut altered);
        let what = check(&bench.original, &damage, &altered);
        println!("{name}: {what:?}");
        assert!(what.is_err(), "{name} is not noticed");
    };
    assert_eq!(check(&bench.original, &damage, &outcome), Ok(()));
    let kept = *outcome.rows.keys().nth(40).unwrap();
    noticed("a loss that is not listed", &|o| o.report.list.clear());
    noticed("a loss that is not listed, with sums to match", &|o| {
        o.report.list.clear();
        (o.report.losses, o.report.sequences_lost) = (0, 0);
    });
    noticed("a loss that did not happen", &|o| {
        o.report.list[0].first_sequence -= 1;
        o.report.sequences_lost += 1;
    });
    noticed("an altered payload", &|o| o.rows.get_mut(&kept).unwrap().payload[0] ^= 1);
    noticed("an altered version", &|o| o.rows.get_mut(&kept).unwrap().version += 1);
    noticed("an altered hash", &|o| o.rows.get_mut(&kept).unwrap().event_hash.0[0] ^= 1);
    noticed("an event that was dropped", &|o| drop(o.rows.remove(&kept)));
    noticed("an event that was never there", &|o| {
        let row = o.rows[&kept].clone();
        o.rows.insert(100_000, Row { sequence: 100_000, ..row });
    });
    noticed("another log hash", &|o| o.log_hash.0[0] ^= 1);
}
