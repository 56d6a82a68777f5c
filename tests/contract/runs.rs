//! Runs: what they answer is what the log has, whatever became of their files.

use crate::common::*;
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::Id;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::Store;
use std::fs;
use std::path::{Path, PathBuf};

/// Look-ups ask no run before so many.
const WARM: u128 = 70;

fn runs(store: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(store).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "run"));
    found.sort();
    found
}

/// Asks for ids that nobody has until runs are asked.
fn warm(store: &Store) {
    (1..=WARM).for_each(|n| assert!(get(store, Id(n << 64)).is_none()));
}

/// A closed store of two runs and some segments behind them.
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
    assert_eq!(runs(&path).len(), 2);
    path
}

#[track_caller]
fn assert_answers(store: &Store, expected: &[Row]) {
    warm(store);
    assert_eq!(rows(store), expected);
    assert!(expected.iter().all(|row| get(store, row.id).as_ref() == Some(row)));
    for row in expected {
        let head = store.head(&row.entity).unwrap().unwrap();
        let newest = expected.iter().rfind(|other| other.entity == row.entity).unwrap();
        assert_eq!(
            (head.version, head.event_hash),
            (newest.version, newest.event_hash),
            "{}",
            row.entity
        );
    }
    assert!(store.head("nobody").unwrap().is_none());
}

#[test]
fn a_run_is_made_of_every_eight_segments_and_answers_as_the_log_does() {
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
}

#[test]
fn a_run_that_is_missing_damaged_or_of_another_log_is_not_asked() {
    let dir = TempDir::in_memory("bad-runs");
    let path = store_with_runs(&dir);
    let expected = rows(&open_reader(&path));
    let [run, other] = [0, 1].map(|n| runs(&path)[n].clone());
    let (sound, foreign) = (fs::read(&run).unwrap(), fs::read(other).unwrap());
    let mut spoilt = vec![None, Some(Vec::new()), Some(foreign), Some(vec![0; sound.len()])];
    spoilt.extend([100, 128, 192, sound.len() - 1].map(|length| Some(sound[..length].to_vec())));
    spoilt.push(Some([&sound[..], &[0; 64]].concat()));
    // Whose header claims more lines than memory holds, under a checksum that is right.
    let mut claims = sound[..128].to_vec();
    claims[88..96].copy_from_slice(&(1u64 << 58).to_le_bytes());
    let crc = crc32fast::hash(&claims[..124]);
    claims[124..].copy_from_slice(&crc.to_le_bytes());
    spoilt.push(Some(claims));
    for line in (0..sound.len() / 64).step_by(5) {
        let mut bytes = sound.clone();
        // Of what a line says or of its checksum.
        bytes[line * 64 + line % 64] ^= 4;
        spoilt.push(Some(bytes));
    }
    for bytes in spoilt {
        match &bytes {
            None => fs::remove_file(&run).unwrap(),
            Some(bytes) => fs::write(&run, bytes).unwrap(),
        }
        for mode in [OpenMode::ReadOnly, OpenMode::MustExist] {
            let store = open(&path, &with_mode(mode));
            warm(&store);
            assert!(expected.iter().all(|row| get(&store, row.id).as_ref() == Some(row)));
            let findings = store.verify().unwrap().findings;
            assert_eq!(findings.is_empty(), bytes.is_none());
            assert!(findings.iter().all(|finding| finding.path == run), "{findings:?}");
        }
    }
}

/// Seals segments until a run has been made.
fn append_until_run(path: &Path, store: &Store, first: u64, wanted: usize) {
    let mut first = first;
    while runs(path).len() < wanted {
        assert!(segments(path).len() < 60, "the run did not come");
        fill(store, first, 100);
        store.finish_background();
        first += 100;
    }
}

#[test]
fn runs_that_are_missing_come_back_one_with_each_segment_that_is_sealed() {
    let dir = TempDir::in_memory("runs-again");
    let path = store_with_runs(&dir);
    let before: Vec<_> = runs(&path).iter().map(|run| fs::read(run).unwrap()).collect();
    runs(&path).iter().for_each(|run| fs::remove_file(run).unwrap());
    let store = open_quick(&path);
    let count = segments(&path).len();
    append_until_run(&path, &store, 1_000_000, 2);
    assert!(segments(&path).len() <= count + 2);
    assert_eq!(runs(&path).iter().map(|run| fs::read(run).unwrap()).collect::<Vec<_>>(), before);
    assert_sound(&store);
}

#[test]
fn a_backup_has_the_runs_of_its_source() {
    let dir = TempDir::in_memory("runs-copied");
    let (path, copy) = (store_with_runs(&dir), dir.join("copy"));
    open_reader(&path).backup(&copy, BackupOptions::default()).unwrap();
    let bytes =
        |store: &Path| runs(store).iter().map(|run| fs::read(run).unwrap()).collect::<Vec<_>>();
    assert_eq!(bytes(&copy), bytes(&path));
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
    append_until_run(&path, &writer, 100, 3);
    let expected = rows(&writer);
    assert_answers(&reader, &expected);
    assert_answers(&writer, &expected);
    // Also where the key of every event is asked for before it is written.
    let key = expected[5].id;
    let again = NewEvent { key, ..event(&expected[5].entity, b"another payload") };
    assert_eq!(code_of(writer.append(&again)), Code::IdempotencyConflict);
}

#[test]
fn ids_that_somebody_chose_to_look_alike_are_all_found() {
    let dir = TempDir::in_memory("runs-chosen");
    let path = dir.join("store");
    let store = open_quick(&path);
    // The halves of such an id fold to one value, so that all have one filter key.
    let id = |n: u64| Id(u128::from(n) << 64 | u128::from(n.rotate_left(32) ^ 0x5eed));
    let mut count = 0;
    while runs(&path).is_empty() {
        let batch: Vec<_> = (count..count + 200)
            .map(|n| NewEvent { key: id(n + 1), ..event("e", b"payload") })
            .collect();
        store.append_batch(&batch).unwrap();
        count += 200;
        assert!(segments(&path).len() < 60);
    }
    warm(&store);
    assert!((0..count).all(|n| get(&store, id(n + 1)).is_some()));
    assert!(get(&store, id(count + 1)).is_none());
    assert_sound(&store);
}

#[test]
fn verify_finds_what_a_run_under_right_checksums_does_not_have() {
    let dir = TempDir::in_memory("runs-lie");
    let path = store_with_runs(&dir);
    let run = &runs(&path)[0];
    let mut bytes = fs::read(run).unwrap();
    let salt = u64::from_le_bytes(bytes[40..48].try_into().unwrap());
    // The first line of the table, without its keys; those that went on to the next are not looked
    // for there any more.
    bytes[132..192].fill(0);
    let mut hasher = crc32fast::Hasher::new_with_initial((salt ^ (salt >> 32)) as u32);
    hasher.update(&bytes[132..192]);
    bytes[128..132].copy_from_slice(&hasher.finalize().to_le_bytes());
    fs::write(run, bytes).unwrap();
    let findings = open_reader(&path).verify().unwrap().findings;
    assert!((1..=60).contains(&findings.len()), "{}", findings.len());
    assert!(
        findings.iter().all(|finding| finding.message.starts_with("the filter group lacks")),
        "{findings:?}"
    );
}
