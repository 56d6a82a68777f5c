//! What shows tampering and damage: the log hash that verify computes, the log hash as of a
//! sequence of the past, and findings for whatever else would complain.

use super::common::*;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::Hash;
use fbat::engine::model::region::Region;
use fbat::engine::platform::watch::Watch;

#[test]
fn the_log_hash_of_any_sequence_of_the_past_can_be_asked_for() {
    let dir = TempDir::in_memory("log-hash-at");
    let store = open_quick(&dir.join("s"));
    let mut anchors = vec![(1, store.log_hash().unwrap())];
    for number in 0..400 {
        fill(&store, number * 3, 1 + number % 4);
        anchors.push((store.frontier().unwrap().visible, store.log_hash().unwrap()));
    }
    assert!(store.stats().unwrap().segments > 3, "across segments");
    let reader = open_reader(&dir.join("s"));
    for (sequence, hash) in &anchors {
        assert_eq!(store.log_hash_at(*sequence).unwrap(), *hash, "sequence {sequence}");
        assert_eq!(reader.log_hash_at(*sequence).unwrap(), *hash, "sequence {sequence}");
    }
    let report = store.verify().unwrap();
    assert_eq!((report.last_sequence, report.log_hash), *anchors.last().unwrap());
}

#[test]
fn inside_of_a_batch_the_log_hash_is_that_of_the_same_events_one_by_one() {
    let dir = TempDir::in_memory("log-hash-inside");
    let (single, batched) = (dir.join("single"), dir.join("batched"));
    let numbers: Vec<u64> = (0..50).collect();
    let samples: Vec<Sample> = numbers.iter().copied().map(Sample::new).collect();
    let extensions: Vec<_> = samples.iter().map(Sample::extensions).collect();
    let events: Vec<NewEvent<'_>> =
        samples.iter().zip(&extensions).map(|(s, x)| s.event(x)).collect();
    let (one, all) = (open(&single, &repeatable(7)), open(&batched, &repeatable(7)));
    let mut hashes = Vec::new();
    for event in &events {
        one.append(event).unwrap();
        hashes.push(one.log_hash().unwrap());
    }
    all.append_batch(&events).unwrap();
    assert_eq!(all.log_hash().unwrap(), *hashes.last().unwrap(), "equal histories");
    for (sequence, hash) in (2..).zip(&hashes) {
        assert_eq!(all.log_hash_at(sequence).unwrap(), *hash, "sequence {sequence}");
    }
}

#[test]
fn a_sequence_that_no_event_has_is_told_from_one_after_the_end() {
    let dir = TempDir::in_memory("log-hash-none");
    let store = open_quick(&dir.join("s"));
    fill(&store, 0, 10);
    let zero = error_of(store.log_hash_at(0));
    assert_eq!(zero.code(), Code::InvalidArgument);
    let after = error_of(store.log_hash_at(12));
    assert_eq!((after.code(), after.actual, after.allowed), (Code::NotFound, 12, 11));
    store.close().unwrap();
    assert_eq!(code_of(store.log_hash_at(3)), Code::Closed);
    assert_ne!(open_reader(&dir.join("s")).log_hash_at(3).unwrap(), Hash::ZERO);
}

#[test]
fn tampering_with_all_checksums_renewed_shows_in_the_log_hash_of_verify() {
    let dir = TempDir::in_memory("tampered");
    let path = dir.join("s");
    let store = open_quick(&path);
    fill(&store, 0, 20);
    store.append(&event("account", b"paid 100 to Ann")).unwrap();
    fill(&store, 20, 20);
    let (anchor, at) = (store.log_hash().unwrap(), store.frontier().unwrap().visible);
    store.close().unwrap();
    forge_payload(&path, b"paid 100 to Ann");
    let store = open_quick(&path);
    assert_eq!(store.log_hash().unwrap(), anchor, "it is read, not computed");
    let report = store.verify().unwrap();
    assert_eq!((report.last_sequence, report.found), (at, 1));
    assert!(report.log_hash != anchor && report.log_hash != Hash::ZERO, "{report:?}");
    let error = error_of(store.log_hash_at(22));
    assert_eq!((error.code(), error.sequence), (Code::Corrupt, 22), "{error}");
}

#[test]
fn the_log_hash_that_verify_computes_is_that_of_what_each_event_has() {
    let dir = TempDir::in_memory("forged");
    let path = dir.join("s");
    let store = open_quick(&path);
    let marks: [&[u8]; 3] = [b"the first payload", b"the second payload", b"the third payload"];
    for (first, mark) in (0..).step_by(700).zip(marks) {
        fill(&store, first, 700);
        store.append(&event("account", mark)).unwrap();
        fill(&store, first + 100_000, 40);
    }
    assert!(store.stats().unwrap().segments > 5, "across segments");
    store.close().unwrap();
    marks.iter().for_each(|mark| drop(forge_payload(&path, mark)));
    let store = open_quick(&path);
    let report = store.verify().unwrap();
    let found = |what: &str| -> Vec<u64> {
        let such = report.findings.iter().filter(|f| f.message == what);
        such.map(|f| f.first_sequence).collect()
    };
    let forged = found("the event hash does not match");
    assert_eq!((forged.len(), forged.is_sorted()), (3, true), "{report:?}");
    // The tag of a short payload covers it: the indexes of the two sealed segments lack it, too.
    assert_eq!(found("the index lacks this event's id"), forged[..2], "{report:?}");
    assert_eq!(report.found, 5, "{report:?}");
    let mut rows = rows_with_system(&store);
    for row in &mut rows {
        row.content_hash = Hash(*blake3::hash(&row.payload).as_bytes());
        let as_it_is = event_hash(row);
        let is_forged = forged.contains(&row.sequence);
        assert_eq!(as_it_is != row.event_hash, is_forged, "{}", row.sequence);
        row.event_hash = as_it_is;
    }
    let expected = log_hash(store.store_id(), rows.iter());
    assert_eq!(report.log_hash, expected);
}

#[test]
fn a_log_hash_that_was_not_computed_from_every_event_is_zero() {
    let dir = TempDir::in_memory("partial");
    let store = open_quick(&dir.join("s"));
    fill(&store, 0, 1500);
    store.append(&event("only:last", b"x")).unwrap();
    assert!(store.stats().unwrap().segments > 2);
    let region = Region { entity: Some("only:last".into()), ..Region::default() };
    let part = store.verify_region(&region, &Watch::default()).unwrap();
    assert_eq!((part.segments, part.found, part.log_hash), (1, 0, Hash::ZERO));
    let whole = store.verify().unwrap();
    assert_eq!((whole.found, whole.log_hash), (0, store.log_hash().unwrap()));
}

#[test]
fn a_repaired_store_has_the_log_hash_that_it_says_and_one_at_each_event() {
    let dir = TempDir::in_memory("repaired");
    let (path, new) = (dir.join("s"), dir.join("new"));
    let store = open_quick(&path);
    fill(&store, 0, 300);
    store.close().unwrap();
    let log = segments(&path).remove(0);
    let mut bytes = std::fs::read(&log).unwrap();
    for number in [20usize, 21, 22, 90] {
        let frame = frames_of(&bytes)[number].clone();
        bytes[frame.start + 40] ^= 1;
    }
    std::fs::write(&log, bytes).unwrap();
    fbat::engine::repair::repair(&path, &new, &quick()).unwrap();
    let store = open_quick(&new);
    let report = store.verify().unwrap();
    assert_eq!((report.found, report.lost_sequences), (0, 4));
    assert_eq!(report.log_hash, store.log_hash().unwrap());
    for sequence in 1..=report.last_sequence {
        let hash = store.log_hash_at(sequence);
        match [21, 22, 23, 91].contains(&sequence) {
            true => assert_eq!(code_of(hash), Code::NotFound, "{sequence}"),
            false => assert_ne!(hash.unwrap(), Hash::ZERO),
        }
    }
    assert_eq!(store.log_hash_at(report.last_sequence).unwrap(), report.log_hash);
}

#[test]
fn the_log_hash_after_a_gap_is_found_and_in_it_there_is_none() {
    let dir = TempDir::in_memory("gap");
    let machine = machine::Machine::new();
    let options = machine.options(fbat::engine::log::options::Durability::Os);
    let (path, copy) = (dir.join("s"), dir.join("copy"));
    let store = open(&path, &options);
    fill(&store, 0, 5);
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(&path).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, copy.join(from.file_name().unwrap())).unwrap();
    }
    machine.restart();
    let store = open(&copy, &options);
    let last = store.append(&event("e", b"after the gap")).unwrap().sequence;
    let gap = (store.open_report().gap_first, store.open_report().gap_last);
    assert_eq!(gap.1 + 2, last);
    for sequence in [gap.0, gap.0 + 1, gap.1 - 1, gap.1] {
        let error = error_of(store.log_hash_at(sequence));
        assert_eq!(error.code(), Code::NotFound);
        assert!(error.message.contains("gap"), "{error}");
    }
    let report = store.verify().unwrap();
    assert_eq!((report.found, report.log_hash), (0, store.log_hash_at(last).unwrap()));
    assert_ne!(store.log_hash_at(last - 1).unwrap(), report.log_hash);
}
