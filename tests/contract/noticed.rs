//! Promises whose breach no other test would notice: each was broken on purpose, and everything
//! else passed. `tests/canaries` has the patches.

use super::common::*;
use fbat::engine::import::{ImportOptions, OnConflict};
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::model::limits::{is_beyond_lease, SEQUENCE_LEASE};
use std::fs;
use std::path::Path;

#[test]
fn a_follower_refuses_a_log_with_another_history_in_the_place_of_its_own() {
    let dir = TempDir::in_memory("replaced");
    let (ours, other) = (dir.join("ours"), dir.join("other"));
    let writer = open(&ours, &repeatable(1));
    writer.append(&event("e", b"before the split")).unwrap();
    // Not closed: one history in two directories, under one segment header.
    copy_dir(&ours, &other);
    writer.append(&event("e", b"one history")).unwrap();
    let reader = open(
        &ours,
        &fbat::engine::log::options::Options { mode: OpenMode::ReadOnly, ..repeatable(2) },
    );
    assert_eq!(reader.frontier().unwrap().visible, 3);
    let second = open(&other, &repeatable(3));
    second.append(&event("e", b"1 other one")).unwrap();
    second.append(&event("e", b"and it goes on")).unwrap();
    second.close().unwrap();
    let (from, to) = (segments(&other).remove(0), segments(&ours).remove(0));
    let header = |path: &Path| fs::read(path).unwrap()[..128].to_vec();
    assert_eq!(header(&from), header(&to), "only the events tell them apart");
    fs::rename(from, to).unwrap();
    for _ in 0..2 {
        let error = error_of(reader.frontier());
        assert_eq!((error.code(), error.sequence), (Code::Corrupt, 4), "{error}");
        assert!(error.message.contains("lost what was read"), "{error}");
    }
}

#[test]
fn a_follower_refuses_another_segment_in_the_place_of_its_own() {
    let dir = TempDir::in_memory("replaced-segment");
    let (ours, other) = (dir.join("ours"), dir.join("other"));
    let writer = open_quick(&ours);
    writer.append(&event("e", b"ours")).unwrap();
    let reader = open_reader(&ours);
    assert_eq!(reader.frontier().unwrap().visible, 2);
    let second = open_quick(&other);
    fill(&second, 0, 20);
    second.close().unwrap();
    fs::rename(segments(&other).remove(0), segments(&ours).remove(0)).unwrap();
    let error = error_of(reader.frontier());
    assert_eq!((error.code(), error.sequence, error.offset), (Code::Corrupt, 1, Some(0)));
    assert!(error.message.contains("has taken the place of this one"), "{error}");
}

#[test]
fn a_writer_goes_no_further_ahead_of_the_disk_than_is_declared() {
    // Header and documents say 1,048,576, and after an unclean stop so many sequences are jumped.
    assert_eq!(SEQUENCE_LEASE, 1_048_576);
    assert!(!is_beyond_lease(0) && !is_beyond_lease(1_048_576));
    assert!(is_beyond_lease(1_048_577) && is_beyond_lease(2 * 1_048_576));
}

#[test]
fn a_damaged_event_is_not_taken_for_another_content_under_the_same_id() {
    for on_conflict in [OnConflict::Fail, OnConflict::Skip] {
        let dir = TempDir::in_memory("conflict-or-damage");
        let source = open_quick(&dir.join("source"));
        for number in 0..100 {
            source.append(&event("e", format!("event {number}").as_bytes())).unwrap();
        }
        let path = dir.join("hub");
        let hub = open_quick(&path);
        assert_eq!(import(&hub, &source, "plant").imported, 100);
        let log = segments(&path).remove(0);
        let mut bytes = fs::read(&log).unwrap();
        // The payload of an event that the import meets while it reads on in the log.
        let frame = frames_of(&bytes)[60].clone();
        bytes[frame.end - 1] ^= 1;
        fs::write(&log, bytes).unwrap();
        let mut options = ImportOptions { on_conflict, ..ImportOptions::default() };
        options.namespace = "plant".to_owned();
        let outcome = hub.import(&source, &mut options);
        assert_eq!(outcome.report.conflicts, 0);
        let error = error_of(outcome.result);
        assert_eq!((error.code(), error.sequence), (Code::Corrupt, 61), "{error}");
    }
}

#[test]
fn a_reader_learns_from_the_log_how_far_the_writer_has_synced() {
    let dir = TempDir::in_memory("reader-durable");
    let path = dir.join("s");
    let options = Options { durability: Durability::Durable, ..quick() };
    let writer = open(&path, &options);
    let reader = open_reader(&path);
    let mut before = 1;
    for number in 0..5 {
        let receipt = writer.append(&event("e", format!("event {number}").as_bytes())).unwrap();
        let frontier = reader.frontier().unwrap();
        assert_eq!(frontier.visible, receipt.sequence);
        assert!((before..=receipt.sequence).contains(&frontier.durable), "{frontier:?}");
        before = receipt.sequence;
    }
}

#[test]
fn the_documents_count_the_canaries_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("tests/canaries")).unwrap();
    let is_patch = |path: &Path| path.extension().is_some_and(|ending| ending == "patch");
    let count = files.filter(|file| is_patch(&file.as_ref().unwrap().path())).count();
    for name in ["README.md", "docs/guarantees.md"] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        let row = text.lines().find(|line| line.starts_with("| canaries: broken builds | "));
        let said = row.unwrap().split('|').nth(2).unwrap();
        assert_eq!(said.trim().trim_end_matches(" **"), count.to_string(), "{name}");
    }
}
