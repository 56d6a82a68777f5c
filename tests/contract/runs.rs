//! Runs: what they answer is what the log has, whatever became of their files.

use crate::common::*;
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::Id;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Look-ups ask no run before so many.
const WARM: u128 = 70;
/// So many runs of a length become one.
const FAN_OUT: usize = 4;

fn runs(store: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(store).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "run"));
    found.sort();
    found
}

fn contents(store: &Path) -> Vec<(String, Vec<u8>)> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    runs(store).iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// How many runs there are of so many sealed segments: the sum of the digits to the base of
/// `FAN_OUT`.
fn wanted_runs(mut sealed: usize) -> usize {
    let mut sum = 0;
    while sealed > 0 {
        sum += sealed % FAN_OUT;
        sealed /= FAN_OUT;
    }
    sum
}

/// Asks for ids that nobody has until runs are asked.
fn warm(store: &Store) {
    (1..=WARM).for_each(|n| assert!(get(store, Id(n << 64)).is_none()));
}

/// A closed store with a run of sixteen segments, runs of one, and an unsealed segment.
fn store_with_runs(dir: &TempDir) -> PathBuf {
    let path = dir.join("store");
    let store = open(&path, &repeatable(7));
    let mut first = 0;
    while segments(&path).len() < 20 {
        fill(&store, first, 100);
        let unique = format!("only:{first}");
        store.append(&event(&unique, b"one event of an entity")).unwrap();
        first += 100;
    }
    store.close().unwrap();
    assert_eq!(runs(&path).len(), wanted_runs(segments(&path).len() - 1));
    path
}

#[track_caller]
fn assert_answers(store: &Store, expected: &[Row]) {
    warm(store);
    assert_eq!(rows(store), expected);
    assert!(expected.iter().all(|row| get(store, row.id).as_ref() == Some(row)));
    let newest: BTreeMap<&str, &Row> = expected.iter().map(|row| (&*row.entity, row)).collect();
    for (entity, row) in newest {
        let head = store.head(entity).unwrap().unwrap();
        assert_eq!((head.version, head.event_hash), (row.version, row.event_hash), "{entity}");
    }
    assert!(store.head("nobody").unwrap().is_none());
}

#[test]
fn runs_are_merged_and_answer_as_the_log_does() {
    let dir = TempDir::in_memory("runs");
    let path = store_with_runs(&dir);
    let expected = rows(&open_reader(&path));
    assert_answers(&open_reader(&path), &expected);
    let store = open_quick(&path);
    assert_answers(&store, &expected);
    assert_sound(&store);
    let run_bytes: u64 = runs(&path).iter().map(|run| fs::metadata(run).unwrap().len()).sum();
    let with = store.stats().unwrap().index_bytes;
    runs(&path).iter().for_each(|run| fs::remove_file(run).unwrap());
    assert_eq!(with - store.stats().unwrap().index_bytes, run_bytes);
    assert_answers(&store, &expected);
}

/// What may have become of the file of a run with these bytes.
fn spoilt(sound: &[u8], foreign: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut spoilt =
        vec![None, Some(Vec::new()), Some(foreign.to_vec()), Some(vec![0; sound.len()])];
    spoilt.extend([100, 128, 192, sound.len() - 1].map(|length| Some(sound[..length].to_vec())));
    spoilt.push(Some([sound, &[0; 64]].concat()));
    // Whose header claims more lines than memory holds, or that segments are not in order, under a
    // checksum that is right.
    for (at, value) in [(88, u32::MAX), (92, 0), (92, 0x04ff), (12, 3), (12, 0)] {
        let mut claims = sound.to_vec();
        claims[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let crc = crc32fast::hash(&claims[..124]);
        claims[124..128].copy_from_slice(&crc.to_le_bytes());
        spoilt.push(Some(claims));
    }
    for line in (0..sound.len() / 64).step_by(sound.len() / 64 / 25 + 1) {
        let mut bytes = sound.to_vec();
        // Of what a line says or of its checksum.
        bytes[line * 64 + line % 64] ^= 4;
        spoilt.push(Some(bytes));
    }
    spoilt
}

#[test]
fn a_run_that_is_missing_damaged_or_of_another_log_is_not_asked() {
    let dir = TempDir::in_memory("bad-runs");
    let path = store_with_runs(&dir);
    let expected = rows(&open_reader(&path));
    let all = runs(&path);
    for (run, other) in [(&all[0], &all[1]), (&all[1], &all[0])] {
        let (sound, foreign) = (fs::read(run).unwrap(), fs::read(other).unwrap());
        for bytes in spoilt(&sound, &foreign) {
            match &bytes {
                None => fs::remove_file(run).unwrap(),
                Some(bytes) => fs::write(run, bytes).unwrap(),
            }
            for mode in [OpenMode::ReadOnly, OpenMode::MustExist] {
                let store = open(&path, &with_mode(mode));
                assert_answers(&store, &expected);
                let findings = store.verify().unwrap().findings;
                // One of more segments than there are says nothing to this log.
                let is_longer = bytes.as_ref() == Some(&foreign) && foreign.len() > sound.len();
                assert_eq!(findings.is_empty(), bytes.is_none() || is_longer);
                assert!(findings.iter().all(|finding| finding.path == *run), "{findings:?}");
            }
        }
        fs::write(run, sound).unwrap();
    }
}

/// Seals as many segments as there were without runs.
fn append_as_many(path: &Path, store: &Store, first: u64) {
    let (mut first, count) = (first, segments(path).len());
    while segments(path).len() < 2 * count {
        fill(store, first, 100);
        store.finish_background();
        first += 100;
    }
    assert_eq!(runs(path).len(), wanted_runs(segments(path).len() - 1));
}

#[test]
fn runs_that_are_missing_come_back_one_with_each_segment_that_is_sealed() {
    let dir = TempDir::in_memory("runs-again");
    let path = store_with_runs(&dir);
    let before = contents(&path);
    runs(&path).iter().for_each(|run| fs::remove_file(run).unwrap());
    let store = open_quick(&path);
    append_as_many(&path, &store, 2_000_000);
    assert_eq!(contents(&path)[0], before[0]);
    assert_answers(&store, &rows(&store));
    assert_sound(&store);
}

#[test]
fn what_a_crash_leaves_of_merged_runs_goes_away() {
    let dir = TempDir::in_memory("runs-left");
    let path = store_with_runs(&dir);
    let expected = rows(&open_reader(&path));
    let (merged, single) = (runs(&path)[0].clone(), runs(&path)[1].clone());
    // As if the runs that were merged had not been removed; of which nothing is asked any more.
    let second = segments(&path)[1].with_extension("run");
    fs::copy(&single, &second).unwrap();
    fs::copy(&merged, path.join("00000000000000000001.run.tmp")).unwrap();
    assert_answers(&open_reader(&path), &expected);
    assert_sound(&open_reader(&path));
    let store = open_quick(&path);
    let count = segments(&path).len();
    let mut first = 3_000_000;
    while segments(&path).len() == count {
        fill(&store, first, 20);
        first += 20;
    }
    store.finish_background();
    assert_eq!(runs(&path).len(), wanted_runs(count));
    assert!(!second.exists() && !path.join("00000000000000000001.run.tmp").exists());
    assert_sound(&store);
}

#[test]
fn a_damaged_run_that_is_to_be_merged_is_made_again() {
    let dir = TempDir::in_memory("runs-mended");
    let path = store_with_runs(&dir);
    let run = runs(&path)[1].clone();
    let sound = fs::read(&run).unwrap();
    let mut damaged = sound.clone();
    damaged[700] ^= 1;
    fs::write(&run, damaged).unwrap();
    let store = open_quick(&path);
    append_as_many(&path, &store, 5_000_000);
    assert_answers(&store, &rows(&store));
    assert_sound(&store);
}

#[test]
fn a_damaged_run_that_a_writer_meets_is_made_again() {
    let dir = TempDir::in_memory("runs-met");
    let path = store_with_runs(&dir);
    let longest = runs(&path)[0].clone();
    let sound = fs::read(&longest).unwrap();
    let mut damaged = sound.clone();
    damaged[700] ^= 1;
    fs::write(&longest, damaged).unwrap();
    let store = open_quick(&path);
    warm(&store);
    assert_eq!(store.verify().unwrap().found, 1);
    append_as_many(&path, &store, 5_000_000);
    assert_answers(&store, &rows(&store));
    assert_sound(&store);
    assert!(fs::read(&longest).unwrap() == sound);
}

#[test]
fn a_backup_has_the_runs_of_its_source() {
    let dir = TempDir::in_memory("runs-copied");
    let (path, copy) = (store_with_runs(&dir), dir.join("copy"));
    open_reader(&path).backup(&copy, BackupOptions::default()).unwrap();
    assert_eq!(contents(&copy), contents(&path));
    assert_sound(&open_reader(&copy));
}

#[test]
fn a_reader_and_the_writer_go_on_with_runs_that_are_made_meanwhile() {
    let dir = TempDir::in_memory("runs-meanwhile");
    let path = dir.join("store");
    let writer = open_quick(&path);
    fill(&writer, 0, 100);
    let reader = open_reader(&path);
    warm(&writer);
    warm(&reader);
    let mut first = 100;
    while segments(&path).len() < 24 {
        fill(&writer, first, 100);
        first += 100;
        // One that knows fewer segments than a run has by now.
        assert!(reader.verify().unwrap().findings.is_empty());
        assert!(first % 1000 > 0 || reader.head("nobody").unwrap().is_none());
    }
    let expected = rows(&writer);
    assert_answers(&reader, &expected);
    assert_answers(&writer, &expected);
    // Also where the key of every event is asked for before it is written.
    let key = expected[5].id;
    let again = NewEvent { key, ..event(&expected[5].entity, b"another payload") };
    assert_eq!(code_of(writer.append(&again)), Code::IdempotencyConflict);
}

/// The halves of an id, folded, that has this filter key.
fn folded_of(key: u64) -> u64 {
    let inverse =
        |odd: u64| (0..6).fold(1u64, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))));
    let mixed = key.wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9));
    let mixed = mixed ^ mixed >> 29 ^ mixed >> 58;
    let folded = mixed.wrapping_mul(inverse(0x9e37_79b9_7f4a_7c15));
    folded ^ folded >> 31 ^ folded >> 62
}

#[test]
fn ids_that_somebody_chose_to_look_alike_are_all_found() {
    type Alike = fn(u64) -> Id;
    // The halves of such an id fold to one value, so that all have one filter key.
    let same: Alike = |n| Id(u128::from(n) << 64 | u128::from(n.rotate_left(32) ^ 0x5eed));
    // The filter keys of these begin alike.
    let near: Alike = |n| Id(folded_of(n << 20).into());
    let all: [(Alike, u64, bool); 3] = [(same, 150, true), (near, 5, true), (near, 150, false)];
    // Few fit into the lines near theirs; with many there is no run.
    for (alike, chosen, fits) in all {
        let dir = TempDir::in_memory("runs-chosen");
        let path = dir.join("store");
        let store = open_quick(&path);
        let mut count = 0;
        while segments(&path).len() < 8 {
            let ids =
                (count..count + chosen).map(|n| alike(n + 1)).chain((0..150).map(|_| Id::NONE));
            let batch: Vec<_> = ids.map(|key| NewEvent { key, ..event("e", b"payload") }).collect();
            store.append_batch(&batch).unwrap();
            count += chosen;
        }
        warm(&store);
        // The genesis event has a segment to itself.
        assert_eq!(runs(&path).len() > 1, fits);
        assert!((0..count).all(|n| get(&store, alike(n + 1)).is_some()));
        assert!(get(&store, alike(count + 1)).is_none());
        assert_sound(&store);
    }
}

/// Two entities whose filter keys have the same first 48 bits, more than a run has of them.
const TWINS: [&str; 2] = ["twin:1305029", "twin:11009728"];

#[test]
fn entities_whose_keys_begin_alike_are_not_taken_for_each_other() {
    for order in [[0, 0, 1, 0], [0, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]] {
        let dir = TempDir::in_memory("runs-twins");
        let path = dir.join("store");
        let store = open_quick(&path);
        let mut versions = [0, 0];
        for (round, twin) in order.into_iter().enumerate() {
            let receipt = store.append(&event(TWINS[twin], b"payload")).unwrap();
            versions[twin] += 1;
            assert_eq!(receipt.version, versions[twin]);
            let wanted = segments(&path).len() + [1, 2, 3, 5][round];
            let mut first = round as u64 * 100_000;
            while segments(&path).len() < wanted {
                fill(&store, first, 50);
                first += 50;
            }
        }
        warm(&store);
        for (name, version) in TWINS.iter().zip(versions) {
            let head = store.head(name).unwrap();
            assert_eq!(head.map_or(0, |head| head.version), version, "{order:?}");
        }
        assert_sound(&store);
    }
}

/// The head of a line: the checksum of what follows, and the count.
fn head(line: &[u8], salt: u64, number: u64, count: u32) -> [u8; 4] {
    let mut sum = salt ^ (number << 4 | u64::from(count));
    let mut step = |word: &[u8]| {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        sum = (sum ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum ^= sum >> 29;
    };
    step(&line[4..8]);
    line[8..].chunks_exact(8).for_each(step);
    sum = sum.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (((sum >> 32) as u32) << 4 | count).to_le_bytes()
}

#[test]
fn verify_finds_what_a_run_under_right_checksums_does_not_have() {
    let dir = TempDir::in_memory("runs-lie");
    let path = store_with_runs(&dir);
    let run = &runs(&path)[0];
    let sound = fs::read(run).unwrap();
    let salt = u64::from_le_bytes(sound[40..48].try_into().unwrap());
    let ids = u32::from_le_bytes(sound[88..92].try_into().unwrap()) as usize + 7;
    let count = |line: usize| u32::from(sound[128 + line * 64] & 15);
    let line_of = |lines: std::ops::Range<usize>| lines.clone().find(|n| count(*n) > 1).unwrap();
    for (line, what) in [
        (line_of(0..ids), "the run lacks this event's id"),
        (line_of(ids..sound.len() / 64 - 2), "the run lacks the last event of entity "),
    ] {
        let mut bytes = sound.clone();
        let place = &mut bytes[128 + line * 64..][..64];
        let sealed = head(place, salt, line as u64, count(line));
        assert_eq!(place[..4], sealed, "the checksum is computed otherwise");
        // The line, without its keys; those that went on to the next are not looked for there any
        // more.
        place[4..].fill(0);
        let head = head(place, salt, line as u64, 0);
        place[..4].copy_from_slice(&head);
        fs::write(run, bytes).unwrap();
        let findings = open_reader(&path).verify().unwrap().findings;
        assert!((1..=60).contains(&findings.len()), "{}", findings.len());
        assert!(findings.iter().all(|finding| finding.message.starts_with(what)), "{findings:?}");
    }
}
