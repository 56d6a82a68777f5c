//! Cold segments: compressed, a log reads, proves and recovers as before, whatever becomes of its
//! files.

use crate::common::*;
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::limits::Limits;
use fbat::engine::platform::watch::{Cancel, Progress, Verdict, Watch};
use fbat::engine::repair::repair;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::compress::CompressOptions;
use fbat::engine::store::Store;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const MAGIC: &[u8] = b"FBATCOLD";
const ALL: CompressOptions = CompressOptions { through: 0, level: 0 };

fn is_cold(segment: &Path) -> bool {
    fs::read(segment).unwrap().starts_with(MAGIC)
}

fn cold(store: &Path) -> Vec<PathBuf> {
    segments(store).into_iter().filter(|segment| is_cold(segment)).collect()
}

fn small_segments(seed: u64) -> Options {
    let limits = Limits { segment_bytes: 64 << 10, ..Limits::default() };
    Options { limits, ..repeatable(seed) }
}

/// A store with events of every form in some full segments, one of which has a large event.
fn filled(path: &Path) -> Store {
    let store = open(path, &small_segments(7));
    let source = open(&path.with_extension("source"), &repeatable(8));
    fill(&source, 5_000, 60);
    fill(&store, 0, 150);
    store.append(&event("large:1", &Rng(3).bytes(20_000))).unwrap();
    fill(&store, 150, 150);
    store.append(&event("large:2", &vec![b'x'; 3_000_000])).unwrap();
    import(&store, &source, "elsewhere");
    while segments(path).len() < 6 {
        let first = store.frontier().unwrap().visible;
        fill(&store, first, 100);
    }
    store
}

/// What somebody can learn of a store.
fn seen(store: &Store) -> (Vec<Row>, Vec<String>) {
    let (rows, last) = (rows_with_system(store), store.frontier().unwrap().visible);
    let hashes = (1..=last).step_by(37).map(|n| format!("{:?}", store.log_hash_at(n).unwrap()));
    let hashes = hashes.chain([format!("{:?}", store.log_hash().unwrap())]).collect();
    assert!(rows.iter().all(|row| get(store, row.id).as_ref() == Some(row)));
    (rows, hashes)
}

/// How each block of a compressed segment is kept.
fn blocks(segment: &Path) -> Vec<u8> {
    let bytes = fs::read(segment).unwrap();
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let table = 192 + number(24);
    (0..number(28)).map(|block| bytes[number(table + block * 8 + 4) + 8]).collect()
}

#[test]
fn what_follows_from_the_rest_is_left_out_of_every_block() {
    let dir = TempDir::in_memory("cold-stripped");
    let path = dir.join("store");
    filled(&path).compress(ALL).unwrap();
    let kept: Vec<u8> = cold(&path).iter().flat_map(|segment| blocks(segment)).collect();
    assert!(kept.len() > 20 && kept.iter().all(|how| *how == 1), "{kept:?}");
}

#[test]
fn a_compressed_store_is_read_proven_and_copied_as_before() {
    let dir = TempDir::in_memory("cold");
    let path = dir.join("store");
    let store = filled(&path);
    let before = seen(&store);
    let log_bytes = store.stats().unwrap().log_bytes;
    let plain: Vec<Vec<u8>> = segments(&path).iter().map(|path| fs::read(path).unwrap()).collect();
    let beside = open_reader(&path);
    let report = store.compress(ALL).unwrap();
    assert_eq!(report.segments as usize, segments(&path).len() - 1);
    assert_eq!(cold(&path).len() as u64, report.segments);
    assert!(report.bytes_after < report.bytes_before / 2, "{report:?}");
    let saved = report.bytes_before - report.bytes_after;
    assert_eq!(store.stats().unwrap().log_bytes, log_bytes - saved);
    assert_eq!(store.compress(ALL).unwrap(), Default::default(), "nothing is left to do");
    for store in [&store, &beside, &open_reader(&path)] {
        assert!(seen(store) == before);
        assert_sound(store);
    }
    fill(&store, 100_000, 10);
    let after = seen(&store);
    store.close().unwrap();
    let store = open(&path, &small_segments(9));
    assert_eq!(store.open_report().indexes_rebuilt, 0);
    assert!(seen(&store) == after);
    for link in [false, true] {
        let copy = dir.join(if link { "linked" } else { "copied" });
        store.backup(&copy, BackupOptions { link, ..BackupOptions::default() }).unwrap();
        assert_eq!(cold(&copy).len(), cold(&path).len());
        let copy = open_quick(&copy);
        assert!(seen(&copy) == after);
        assert_sound(&copy);
    }
    // A repair writes the log as it was.
    store.close().unwrap();
    let repaired = dir.join("repaired");
    let report = repair(&path, &repaired, &small_segments(10)).unwrap();
    assert_eq!((report.losses, report.bytes_unread), (0, 0));
    assert!(seen(&open_quick(&repaired)).0 == after.0);
    let first = fs::read(&segments(&path)[0]).unwrap();
    assert!(first.len() < plain[0].len());
}

#[test]
fn compressed_events_are_imported_once_and_met_again() {
    let dir = TempDir::in_memory("cold-import");
    let source = filled(&dir.join("source"));
    source.compress(ALL).unwrap();
    let destination = open(&dir.join("destination"), &small_segments(11));
    let report = import(&destination, &source, "source");
    assert_eq!(report.imported, rows(&source).len() as u64);
    destination.compress(ALL).unwrap();
    let again = import(&destination, &source, "source");
    assert_eq!((again.imported, again.deduplicated), (0, report.imported));
    assert_sound(&destination);
    // Keys and versions are those of before, too.
    let head = destination.head("large:1").unwrap().unwrap();
    assert_eq!(head.version, 1);
    let receipt = destination.append(&event("large:1", b"next")).unwrap();
    assert_eq!(receipt.version, 2);
}

#[test]
fn indexes_and_runs_are_rebuilt_from_compressed_segments() {
    let dir = TempDir::in_memory("cold-index");
    let path = dir.join("store");
    let store = filled(&path);
    store.compress(ALL).unwrap();
    let before = seen(&store);
    store.close().unwrap();
    for file in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "idx" || e == "run") || file.ends_with("clean") {
            fs::remove_file(file).unwrap();
        }
    }
    let reader = open_reader(&path);
    assert!(seen(&reader) == before);
    let store = open(&path, &small_segments(12));
    assert_eq!(store.open_report().indexes_rebuilt as usize, cold(&path).len());
    assert!(seen(&store) == before);
    assert_sound(&store);
}

#[test]
fn only_full_segments_up_to_the_sequence_are_compressed() {
    let dir = TempDir::in_memory("cold-through");
    let path = dir.join("store");
    let store = filled(&path);
    let first = |at: usize| -> u64 {
        segments(&path)[at].file_stem().unwrap().to_str().unwrap().parse().unwrap()
    };
    let through = |through| CompressOptions { through, ..ALL };
    assert_eq!(store.compress(through(first(2) - 2)).unwrap().segments, 1);
    assert_eq!(store.compress(through(first(2) - 1)).unwrap().segments, 1);
    assert_eq!(cold(&path), segments(&path)[..2]);
    for level in [-1, 20] {
        let bad = store.compress(CompressOptions { level, ..ALL });
        assert_eq!(code_of(bad), Code::InvalidArgument);
    }
    let (left, levels) = (segments(&path).len() - 3, [1, 19]);
    assert!(left >= levels.len());
    for (at, level) in levels.into_iter().enumerate() {
        let options = CompressOptions { through: first(at + 3) - 1, level };
        assert_eq!(store.compress(options).unwrap().segments, 1);
    }
    assert_eq!(code_of(open_reader(&path).compress(ALL)), Code::ReadOnly);
    assert_sound(&store);
    store.close().unwrap();
    assert_eq!(code_of(store.compress(ALL)), Code::Closed);
}

#[test]
fn what_does_not_shrink_stays_as_it_is() {
    let dir = TempDir::in_memory("cold-noise");
    let path = dir.join("store");
    let store = open(&path, &small_segments(7));
    let mut rng = Rng(1);
    // A payload fills a segment, and its hash is all that could be left out beside the rest.
    for _ in 0..3 {
        store.append(&event("noise:1", &rng.bytes(200_000))).unwrap();
    }
    let report = store.compress(ALL).unwrap();
    assert_eq!(report.segments + report.segments_left, segments(&path).len() as u64 - 1);
    assert!(report.bytes_after <= report.bytes_before);
    assert_sound(&store);
}

#[test]
fn a_call_that_is_stopped_leaves_a_whole_store_and_goes_on_later() {
    let dir = TempDir::in_memory("cold-stop");
    let path = dir.join("store");
    let store = filled(&path);
    let before = seen(&store);
    let cancel = Cancel::default();
    let mut calls = Vec::new();
    let mut tell = |progress: Progress| {
        calls.push(progress);
        if progress.done > progress.total / 2 {
            cancel.cancel();
        }
        Verdict::Keep
    };
    let watch = &Watch::new(Some(&cancel), Some(&mut tell));
    assert_eq!(code_of(store.compress_watched(ALL, watch)), Code::Cancelled);
    assert!(calls.windows(2).all(|pair| pair[0].done <= pair[1].done));
    let is_left = |entry: fs::DirEntry| entry.path().extension().is_some_and(|e| e == "tmp");
    assert!(!fs::read_dir(&path).unwrap().any(|entry| is_left(entry.unwrap())));
    assert!(seen(&store) == before);
    let done = cold(&path).len();
    assert!(done < segments(&path).len() - 1);
    let mut last = Progress::default();
    let mut tell = |progress: Progress| {
        // The callback may use the store, except close it or compress it.
        assert_eq!(code_of(store.close()), Code::Busy);
        assert_eq!(code_of(store.compress(ALL)), Code::Busy);
        last = progress;
        Verdict::Keep
    };
    let report = store.compress_watched(ALL, &Watch::new(None, Some(&mut tell))).unwrap();
    assert_eq!(report.segments as usize, segments(&path).len() - 1 - done);
    assert_eq!((last.done, last.done > 0), (last.total, true));
    assert!(seen(&store) == before);
}

#[test]
fn closing_ends_a_call_that_compresses_whatever_its_callback_does() {
    let dir = TempDir::in_memory("cold-close");
    let path = dir.join("store");
    let store = filled(&path);
    let (said, heard) = mpsc::channel();
    thread::scope(|scope| {
        let compressing = scope.spawn(|| {
            let mut tell = |_| {
                said.send(()).unwrap();
                thread::sleep(Duration::from_millis(5));
                let _ = store.append(&event("late:1", b"while it is closed"));
                let _ = store.sync();
                Verdict::Keep
            };
            code_of(store.compress_watched(ALL, &Watch::new(None, Some(&mut tell))))
        });
        heard.recv().unwrap();
        store.close().unwrap();
        assert_eq!(compressing.join().unwrap(), Code::Closed);
    });
    assert_sound(&open(&path, &small_segments(9)));
}

/// Reads everything; the events that could be had, and the errors.
fn salvaged(store: &Store, expected: &[Row]) -> (usize, Vec<Error>) {
    let mut errors = Vec::new();
    let had = expected.iter().filter(|row| {
        match store.get(row.id, fbat::engine::model::event::Columns::ALL) {
            Ok(page) => {
                let page = page.expect("no event is denied");
                assert!(rows_of(&page)[0] == **row);
                true
            }
            Err(e) => {
                errors.push(e);
                false
            }
        }
    });
    (had.count(), errors)
}

#[test]
fn a_damaged_block_costs_its_events_alone() {
    let dir = TempDir::in_memory("cold-damage");
    let path = dir.join("store");
    let store = filled(&path);
    store.compress(ALL).unwrap();
    let expected = rows(&store);
    store.close().unwrap();
    let target = cold(&path).pop().unwrap();
    let sound = fs::read(&target).unwrap();
    let mut spoilt = sound.clone();
    spoilt[sound.len() / 2] ^= 1;
    fs::write(&target, &spoilt).unwrap();
    let store = open(&path, &small_segments(9));
    let (had, errors) = salvaged(&store, &expected);
    assert!(had < expected.len() && expected.len() - had < 60, "{had} of {}", expected.len());
    assert!(errors.iter().all(|e| e.code() == Code::Corrupt && e.path.as_deref() == Some(&target)));
    let report = store.verify().unwrap();
    assert!(report.found > 0 && report.findings.iter().all(|f| f.path == target));
    // Where an event is lost, the hash before the next one of its entity is missing, too.
    let lost = report.events_not_examined as usize;
    assert!((1..=expected.len() - had).contains(&lost), "{lost} of {}", expected.len() - had);
    // A copy is refused; a repair keeps the rest, and declares what is lost.
    assert_eq!(code_of(store.backup(&dir.join("copy"), BackupOptions::default())), Code::Corrupt);
    store.close().unwrap();
    let repaired = dir.join("repaired");
    let report = repair(&path, &repaired, &small_segments(10)).unwrap();
    assert_eq!(report.sequences_lost as usize, lost);
    let repaired = open_quick(&repaired);
    assert_eq!(rows(&repaired).len(), expected.len() - lost);
    assert_sound(&repaired);
}

#[test]
fn each_part_that_is_there_twice_is_damaged_without_harm_and_found() {
    let dir = TempDir::in_memory("cold-parts");
    let path = dir.join("store");
    let store = filled(&path);
    store.compress(ALL).unwrap();
    let before = seen(&store);
    store.close().unwrap();
    let target = cold(&path).pop().unwrap();
    let sound = fs::read(&target).unwrap();
    let dictionary = u32::from_le_bytes(sound[24..28].try_into().unwrap()) as usize;
    let table = (u32::from_le_bytes(sound[28..32].try_into().unwrap()) as usize + 1) * 8;
    assert!(dictionary > 256, "there is something to train on");
    let end = sound.len() - 192;
    let parts = [
        0,
        70,
        191,
        192,
        192 + dictionary - 1,
        192 + dictionary,
        192 + dictionary + table - 1,
        end - table - dictionary,
        end - table,
        end - 1,
        end,
        sound.len() - 1,
    ];
    for at in parts {
        let mut spoilt = sound.clone();
        spoilt[at] ^= 16;
        fs::write(&target, &spoilt).unwrap();
        let store = open_reader(&path);
        assert!(seen(&store) == before, "byte {at}");
        let findings = store.verify().unwrap().findings;
        assert_eq!(findings.len(), 1, "byte {at}: {findings:?}");
        assert_eq!(findings[0].path, target);
    }
    // Both of a part: nothing of the segment can be had, and nothing else is lost.
    for pair in [[192, end - table - dictionary], [192 + dictionary, end - table], [0, end]] {
        let mut spoilt = sound.clone();
        pair.iter().for_each(|at| spoilt[*at] ^= 1);
        fs::write(&target, &spoilt).unwrap();
        match Store::open(&path, &with_mode(OpenMode::ReadOnly)) {
            Ok(store) => {
                let (had, errors) = salvaged(&store, &before.0);
                assert!(had > 0 && !errors.is_empty());
                assert!(store.verify().unwrap().found > 0);
            }
            Err(e) => assert_eq!(e.code(), Code::Corrupt),
        }
        let repaired = dir.join(&format!("repaired-{}", pair[0]));
        let report = repair(&path, &repaired, &small_segments(10)).unwrap();
        assert!(report.events > 100 && report.sequences_lost > 0);
    }
}

#[test]
fn a_compressed_segment_of_another_length_is_refused_and_its_front_repaired() {
    let dir = TempDir::in_memory("cold-cut");
    let path = dir.join("store");
    let store = filled(&path);
    store.compress(ALL).unwrap();
    store.close().unwrap();
    let target = cold(&path).pop().unwrap();
    let sound = fs::read(&target).unwrap();
    for cut in [sound.len() - 1, sound.len() / 2] {
        fs::write(&target, &sound[..cut]).unwrap();
        assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::ReadOnly))), Code::Corrupt);
        let repaired = dir.join(&format!("repaired-{cut}"));
        let report = repair(&path, &repaired, &small_segments(10)).unwrap();
        assert_eq!(report.losses > 0, cut < sound.len() - 1, "{report:?}");
    }
    fs::write(&target, [&*sound, b"more"].concat()).unwrap();
    assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::ReadOnly))), Code::Corrupt);
}

#[test]
fn a_head_that_claims_what_the_file_does_not_have_costs_no_memory() {
    let dir = TempDir::in_memory("cold-claims");
    let path = dir.join("store");
    let store = filled(&path);
    store.compress(ALL).unwrap();
    store.close().unwrap();
    let target = cold(&path).pop().unwrap();
    let sound = fs::read(&target).unwrap();
    let salt = u64::from_le_bytes(sound[60 + 80..60 + 88].try_into().unwrap());
    let crc = |place: u64, bytes: &[u8]| {
        let seed = salt ^ (salt >> 32) ^ place;
        let mut hasher = crc32fast::Hasher::new_with_initial(seed as u32);
        hasher.update(bytes);
        hasher.finalize().to_le_bytes()
    };
    let end = sound.len() - 192;
    // Lengths of log, file, dictionary and table beyond all that there is, and a table whose blocks
    // are gigabytes: under checksums that are right.
    for (at, value) in [(8, u64::MAX), (8, 1 << 30), (16, 1 << 40), (24, u64::MAX), (24, 1 << 50)] {
        let mut claims = sound.clone();
        for head in [0, end] {
            claims[head + at..head + at + 8].copy_from_slice(&value.to_le_bytes());
            let sum = crc(1, &claims[head..head + 188]);
            claims[head + 188..head + 192].copy_from_slice(&sum);
        }
        fs::write(&target, &claims).unwrap();
        if let Ok(store) = Store::open(&path, &with_mode(OpenMode::ReadOnly)) {
            assert!(store.verify().unwrap().found > 0);
        }
    }
    let dictionary = u32::from_le_bytes(sound[24..28].try_into().unwrap()) as usize;
    let table = (u32::from_le_bytes(sound[28..32].try_into().unwrap()) as usize + 1) * 8;
    for (entry, value) in [(1, u32::MAX), (1, 0), (0, 0), (2, 1)] {
        let mut claims = sound.clone();
        for (head, from) in [(0, 192 + dictionary), (end, end - table)] {
            claims[from + entry * 8..from + entry * 8 + 4].copy_from_slice(&value.to_le_bytes());
            let sum = crc(3, &claims[from..from + table]);
            claims[head + 36..head + 40].copy_from_slice(&sum);
            let sum = crc(1, &claims[head..head + 188]);
            claims[head + 188..head + 192].copy_from_slice(&sum);
        }
        fs::write(&target, &claims).unwrap();
        let store = open_reader(&path);
        assert!(store.verify().unwrap().found > 0);
    }
}

#[test]
fn a_log_that_ends_with_a_compressed_segment_goes_on() {
    let dir = TempDir::in_memory("cold-end");
    let path = dir.join("store");
    let store = filled(&path);
    store.compress(ALL).unwrap();
    store.close().unwrap();
    // As if what followed was never on the disk, and the machine had stopped.
    let last = segments(&path).pop().unwrap();
    fs::remove_file(&last).unwrap();
    let _ = fs::remove_file(last.with_extension("idx"));
    fs::remove_file(path.join("clean")).unwrap();
    for other_boot in [false, true] {
        if other_boot {
            fs::write(path.join("LOCK"), "boot another\nprocess 1 on host x\n").unwrap();
        }
        let before = rows(&open_reader(&path));
        let store = open(&path, &small_segments(13));
        assert!(rows(&store) == before);
        fill(&store, 70_000, 5);
        assert_eq!(rows(&store).len(), before.len() + 5);
        assert_sound(&store);
        store.close().unwrap();
        let added = segments(&path).pop().unwrap();
        assert!(added > *cold(&path).last().unwrap());
        fs::remove_file(&added).unwrap();
        let _ = fs::remove_file(added.with_extension("idx"));
        fs::remove_file(path.join("clean")).unwrap();
    }
}

#[test]
fn readers_with_few_descriptors_go_on_while_segments_are_compressed() {
    let dir = TempDir::in_memory("cold-reader");
    let path = dir.join("store");
    let store = filled(&path);
    let limits = Limits { files_max: 1, ..Limits::default() };
    let reader = open(&path, &Options { limits, ..with_mode(OpenMode::ReadOnly) });
    let before = seen(&reader);
    store.compress(ALL).unwrap();
    // Its descriptors were closed: the names lead to other files now, which read the same.
    assert!(seen(&reader) == before);
    assert_sound(&reader);
}
