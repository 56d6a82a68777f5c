//! Whatever would make the next open, backup or repair complain is a finding of verify, and verify
//! goes on after each damaged place.

use super::common::machine::{Machine, Op, EIO};
use super::common::*;
use fbat::engine::import::ImportOptions;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::id::Hash;
use fbat::engine::repair::repair;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::query::Query;
use fbat::engine::store::report::VerifyReport;
use fbat::engine::store::Store;
use std::fs;
use std::path::{Path, PathBuf};

/// The sequences of what was found.
fn sequences(report: &VerifyReport) -> Vec<(u64, u64)> {
    report.findings.iter().map(|f| (f.first_sequence, f.last_sequence)).collect()
}

/// A store of one segment: batches of one event and of three.
fn one_segment(path: &Path) -> Vec<u64> {
    let mut options = Options { durability: Durability::Durable, ..quick() };
    options.limits.segment_bytes = 1 << 20;
    let store = open(path, &options);
    let mut firsts = Vec::new();
    for number in 0..300u64 {
        firsts.push(store.frontier().unwrap().visible + 1);
        fill(&store, number * 5, if number % 2 == 0 { 1 } else { 3 });
    }
    assert_eq!(store.stats().unwrap().segments, 1);
    store.close().unwrap();
    firsts
}

/// Changes a byte of an event's frame.
fn damage_frame(path: &Path, number: usize) {
    let mut bytes = fs::read(path).unwrap();
    let frame = frames_of(&bytes)[number].clone();
    bytes[frame.start + 30] ^= 4;
    fs::write(path, bytes).unwrap();
}

#[test]
fn verify_goes_on_after_each_damaged_batch_and_lists_what_repair_lists() {
    let dir = TempDir::in_memory("three-batches");
    let path = dir.join("store");
    one_segment(&path);
    let log = segments(&path)[0].clone();
    let total = frames_of(&fs::read(&log).unwrap()).len() as u64;
    let (before, after) = (open_reader(&path), [40usize, 200, 431]);
    after.iter().for_each(|number| damage_frame(&log, *number));
    let expected: Vec<(u64, u64)> =
        after.iter().map(|number| (*number as u64 + 1, *number as u64 + 1)).collect();
    let report = before.verify().unwrap();
    assert_eq!(sequences(&report), expected, "{:#?}", report.findings);
    assert_eq!((report.found, report.events, report.events_not_examined), (3, total - 3, 3));
    assert!(report.bytes_not_examined > 3 * 60 && report.log_hash == Hash::ZERO);
    assert_eq!(report.last_sequence, total);
    let repaired = repair(&path, &dir.join("new"), &quick()).unwrap();
    let lost: Vec<(u64, u64)> =
        repaired.list.iter().map(|f| (f.first_sequence, f.last_sequence)).collect();
    assert_eq!((lost, repaired.events), (expected, total - 3));
}

#[test]
fn a_damaged_batch_header_costs_no_event_and_no_log_hash() {
    let dir = TempDir::in_memory("batch-header");
    let path = dir.join("store");
    let firsts = one_segment(&path);
    let reader = open_reader(&path);
    let whole = reader.verify().unwrap();
    assert_eq!((whole.found, whole.log_hash), (0, reader.log_hash().unwrap()));
    let log = segments(&path)[0].clone();
    let mut bytes = fs::read(&log).unwrap();
    let frames = frames_of(&bytes);
    for batch in [7usize, 100] {
        bytes[frames[firsts[batch] as usize - 1].start - 60] ^= 1;
    }
    fs::write(&log, bytes).unwrap();
    let report = reader.verify().unwrap();
    assert_eq!(sequences(&report), [7, 100].map(|b: usize| (firsts[b], firsts[b])));
    assert_eq!((report.events, report.log_hash), (whole.events, whole.log_hash));
    assert_eq!((report.events_not_examined, report.bytes_not_examined), (0, 160));
}

#[test]
fn damage_in_several_segments_is_found_in_each() {
    let dir = TempDir::in_memory("several");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 2000);
    store.close().unwrap();
    let logs = segments(&path);
    assert!(logs.len() > 4);
    let reader = open_reader(&path);
    let total = reader.verify().unwrap().events;
    for log in &logs[..4] {
        damage_frame(log, 20); // After those that spell strings.
        damage_frame(log, 50);
    }
    fs::remove_file(&logs[4]).unwrap();
    let first =
        |at: usize| -> u64 { logs[at].file_stem().unwrap().to_str().unwrap().parse().unwrap() };
    let missing = first(5) - first(4);
    let report = reader.verify().unwrap();
    assert_eq!(report.found, 9, "{:#?}", report.findings);
    assert_eq!(report.events_not_examined, 8 + missing);
    assert_eq!(report.events, total - 8 - missing);
}

#[test]
fn damage_of_segments_that_are_read_ahead_is_found_in_their_order() {
    let dir = TempDir::in_memory("ahead");
    let path = dir.join("store");
    let mut options = quick();
    options.limits.segment_bytes = 1 << 20;
    let store = open(&path, &options);
    (0..12).for_each(|n| drop(fill(&store, n * 1000, 1000)));
    store.close().unwrap();
    let logs = segments(&path);
    assert!(logs.len() > 2 && fs::metadata(&logs[0]).unwrap().len() > 512 << 10);
    let reader = open_reader(&path);
    let whole = reader.verify().unwrap();
    assert_eq!((whole.found, whole.log_hash), (0, reader.log_hash().unwrap()));
    let mut expected = Vec::new();
    for log in &logs {
        let first: u64 = log.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        // After those that spell strings.
        for number in [20, 50] {
            damage_frame(log, number);
            expected.push((first + number as u64, first + number as u64));
        }
    }
    let report = reader.verify().unwrap();
    assert_eq!(sequences(&report), expected, "{:#?}", report.findings);
    assert_eq!(report.segments, whole.segments);
    assert_eq!(report.events + report.events_not_examined, whole.events);
}

/// Who complains of a damaged store, and of what.
fn complaints(reader: &Store, path: &Path, dir: &TempDir) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["backup", "repaired"] {
        let _ = fs::remove_dir_all(dir.join(name));
    }
    if let Err(e) = reader.backup(&dir.join("backup"), BackupOptions::default()) {
        found.push(format!("backup: {e}"));
    }
    match repair(path, &dir.join("repaired"), &quick()) {
        Err(e) => found.push(format!("repair: {e}")),
        Ok(r) if r.losses + r.headers_rebuilt + r.bytes_unread > 0 || r.identity_rebuilt => {
            found.push(format!("repair: {r:?}"));
        }
        Ok(_) => {}
    }
    match Store::open(path, &with_mode(OpenMode::MustExist)) {
        Err(e) => found.push(format!("open: {e}")),
        Ok(store) => {
            let report = store.open_report();
            if report.unclean || report.dropped_bytes + report.indexes_rebuilt > 0 {
                found.push(format!("open: {report:?}"));
            }
        }
    }
    found
}

type Change = Box<dyn Fn(&Path)>;

fn on_bytes(change: impl Fn(&mut Vec<u8>) + 'static) -> Change {
    Box::new(move |path| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    })
}

/// What is done to a file of so many bytes; `other` has the same kind.
fn changes(length: usize, other: &Path) -> Vec<(String, Change)> {
    let mut all: Vec<(String, Change)> = Vec::new();
    let near = (0..length.min(300)).step_by(12);
    for at in near.chain((300..length).step_by((length / 9).max(1))) {
        all.push((format!("flip at {at}"), on_bytes(move |bytes| bytes[at] ^= 0x10)));
    }
    for cut in [0, 1, length / 2, length.saturating_sub(1)] {
        all.push((format!("cut to {cut}"), on_bytes(move |bytes| bytes.truncate(cut))));
    }
    all.push(("zeros".into(), on_bytes(|bytes| bytes.fill(0))));
    all.push(("a byte more".into(), on_bytes(|bytes| bytes.push(7))));
    all.push(("more".into(), on_bytes(|bytes| bytes.extend([0xee; 400]))));
    all.push(("removed".into(), Box::new(|path| fs::remove_file(path).unwrap())));
    let directory = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    all.push(("a directory".into(), Box::new(directory)));
    let other = other.to_owned();
    let swap = move |path: &Path| {
        let (ours, theirs) = (fs::read(path).unwrap(), fs::read(&other).unwrap());
        fs::write(path, theirs).unwrap();
        fs::write(path.with_file_name(other.file_name().unwrap()), ours).unwrap();
    };
    all.push(("swapped".into(), Box::new(swap)));
    all
}

/// A closed store with runs, a sealed segment more and an unsealed one.
fn closed_store(path: &Path) {
    let store = open_quick(path);
    let mut first = 0;
    while segments(path).len() < 10 {
        fill(&store, first, 50);
        first += 50;
    }
    store.close().unwrap();
}

/// The files that are tried, and for each another of its kind.
fn tried(path: &Path) -> Vec<(String, String)> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let logs: Vec<String> = segments(path).iter().map(name).collect();
    let index = |at: usize| logs[at].replace(".log", ".idx");
    let other = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    vec![
        other("store.fbat", "clean"),
        other("clean", "store.fbat"),
        other("LOCK", "clean"),
        other(&logs[0], &logs[3]),
        other(&logs[4], &logs[5]),
        other(&logs[8], &logs[9]),
        other(&logs[9], &logs[2]),
        other(&index(0), &index(1)),
        other(&index(8), &index(2)),
        other(&logs[0].replace(".log", ".run"), &index(0)),
    ]
}

#[test]
fn whatever_open_backup_or_repair_complains_of_is_a_finding() {
    let dir = TempDir::in_memory("matrix");
    let (sound, path) = (dir.join("sound"), dir.join("store"));
    closed_store(&sound);
    let (mut complained, mut wrong) = (0, Vec::new());
    for (name, other) in tried(&sound) {
        let length = fs::metadata(sound.join(&name)).unwrap().len() as usize;
        for (what, change) in changes(length, &path.join(&other)) {
            copy_dir(&sound, &path);
            let before = open_reader(&path);
            change(&path.join(&name));
            let found = before.verify().unwrap();
            // A reader that opens afterwards cannot know of what may be missing.
            let after = Store::open(&path, &with_mode(OpenMode::ReadOnly)).ok();
            let after = after.map(|store| store.verify().unwrap());
            let complaints = complaints(&before, &path, &dir);
            complained += u64::from(!complaints.is_empty());
            let may_be_missing = what == "removed" && (name == "clean" || name.ends_with(".idx"));
            let silent = found.found == 0 && !(name == "clean" && what == "removed")
                || after.is_some_and(|report| report.found == 0) && !may_be_missing;
            if silent && !complaints.is_empty() {
                wrong.push(format!("{name}, {what}: {complaints:?}, and verify finds nothing"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {complained}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(complained > 150, "{complained}");
}

#[test]
fn files_that_do_not_belong_to_the_log_are_findings() {
    let dir = TempDir::in_memory("strays");
    let (sound, path) = (dir.join("sound"), dir.join("store"));
    closed_store(&sound);
    let first = segments(&sound)[0].clone();
    let strays: [(&str, &[u8]); 5] = [
        ("00000000000000999999.log", b""),
        ("00000000000000999999.log", &fs::read(&first).unwrap()),
        ("copy.log", &fs::read(&first).unwrap()),
        ("00000000000000999999.idx", &fs::read(first.with_extension("idx")).unwrap()),
        ("00000000000000000002.log", b"x"),
    ];
    for (name, bytes) in strays {
        copy_dir(&sound, &path);
        let reader = open_reader(&path);
        fs::write(path.join(name), bytes).unwrap();
        let report = reader.verify().unwrap();
        assert!(report.findings.iter().any(|f| f.path == path.join(name)), "{name}: {report:?}");
    }
    // Files of others are nobody's business.
    copy_dir(&sound, &path);
    fs::write(path.join("notes.txt"), b"x").unwrap();
    fs::write(path.join("my.log"), b"nothing of a segment").unwrap();
    assert_sound(&open_reader(&path));
}

#[test]
fn a_writer_finds_what_would_make_the_next_open_complain() {
    let dir = TempDir::in_memory("writer");
    let (sound, path) = (dir.join("sound"), dir.join("store"));
    closed_store(&sound);
    let last = segments(&sound).pop().unwrap();
    let garbage = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes.extend([9; 50]);
        fs::write(path, bytes).unwrap();
    };
    let at = |name: &str| path.join(name);
    let poison = || fs::write(at("LOCK"), b"boot x poisoned\nprocess 1\n").unwrap();
    let cases: [(&str, &dyn Fn()); 4] = [
        ("clean removed", &|| fs::remove_file(at("clean")).unwrap()),
        ("clean damaged", &|| fs::write(at("clean"), b"x").unwrap()),
        ("garbage", &|| garbage(&at(last.file_name().unwrap().to_str().unwrap()))),
        ("poisoned", &poison),
    ];
    for (what, damage) in cases {
        copy_dir(&sound, &path);
        let store = open_quick(&path);
        assert_sound(&store);
        damage();
        assert!(store.verify().unwrap().found > 0, "{what}");
    }
    // In use there is no mark, and space is reserved.
    copy_dir(&sound, &path);
    let store = open_quick(&path);
    fill(&store, 100_000, 3);
    assert_sound(&store);
    fs::copy(sound.join("clean"), at("clean")).unwrap();
    assert!(store.verify().unwrap().found > 0, "an old mark");
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding_and_a_lack_of_descriptors_an_error() {
    let dir = TempDir::in_memory("unreadable");
    let path = dir.join("store");
    closed_store(&path);
    let machine = Machine::new();
    let options = Options { mode: OpenMode::ReadOnly, ..machine.options(Durability::Os) };
    let store = open(&path, &options);
    let second = segments(&path)[1].clone();
    for errno in [EIO, 13, 1] {
        let second = second.clone();
        machine.on_call(move |op, path| (op == Op::Open && path == second).then_some(errno));
        let report = store.verify().unwrap();
        assert!(report.found > 0 && report.events_not_examined > 0, "{errno}: {report:?}");
        assert_eq!(report.log_hash, Hash::ZERO);
    }
    machine.on_call(move |op, path| (op == Op::Open && path == second).then_some(24));
    assert_eq!(error_of(store.verify()).errno, Some(24));
}

#[test]
fn an_error_names_the_sequence_of_a_damaged_batch() {
    let dir = TempDir::in_memory("which-batch");
    let (sound, path) = (dir.join("sound"), dir.join("store"));
    let firsts = one_segment(&sound);
    let name = segments(&sound)[0].file_name().unwrap().to_owned();
    let bytes = fs::read(sound.join(&name)).unwrap();
    let first = firsts[120];
    let frame = frames_of(&bytes)[first as usize - 1].clone();
    let is_first = |error: &Error, what: &str| {
        assert_eq!((error.code(), error.sequence), (Code::Corrupt, first), "{what}: {error}");
        assert!(error.message.contains(&format!("sequence {first}")), "{what}: {error}");
    };
    // The header of the batch, the checksum of its body, which only a backup and an open look at,
    // and an event.
    for (at, is_read) in
        [(frame.start - 60, true), (frame.start - 5, false), (frame.start + 20, true)]
    {
        copy_dir(&sound, &path);
        let reader = open_reader(&path);
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(path.join(&name), damaged).unwrap();
        if is_read {
            is_first(&error_of(reader.query(&Query::default())), "query");
            is_first(&error_of(reader.log_hash_at(first)), "log hash");
            let hub = open_quick(&dir.join(&format!("hub-{at}")));
            let namespace = "plant".to_owned();
            let mut options = ImportOptions { namespace, ..ImportOptions::default() };
            is_first(&error_of(hub.import(&reader, &mut options).result), "import");
        }
        let backup = reader.backup(&dir.join("backup"), BackupOptions::default());
        is_first(&error_of(backup), "backup");
        assert_eq!(reader.verify().unwrap().findings[0].first_sequence, first);
        for marked in [true, false] {
            for mode in [OpenMode::ReadOnly, OpenMode::MustExist] {
                is_first(&error_of(Store::open(&path, &with_mode(mode))), "open");
            }
            if marked {
                fs::remove_file(path.join("clean")).unwrap();
            }
        }
    }
}

#[test]
fn errors_about_directories_carry_their_path() {
    let dir = TempDir::in_memory("paths");
    let (foreign, missing) = (dir.join("foreign"), dir.join("missing"));
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), b"x").unwrap();
    for mode in [OpenMode::CreateIfMissing, OpenMode::MustBeNew, OpenMode::MustExist] {
        let error = error_of(Store::open(&foreign, &with_mode(mode)));
        assert_eq!(error.path.as_deref(), Some(&*foreign), "{mode:?}: {error}");
    }
    for mode in [OpenMode::MustExist, OpenMode::ReadOnly] {
        let error = error_of(Store::open(&missing, &with_mode(mode)));
        assert_eq!(error.path.as_deref(), Some(&*missing), "{mode:?}: {error}");
    }
    let vfs = &*quick().vfs;
    let error = error_of(fbat::engine::import::namespace_from_path(vfs, &missing));
    assert_eq!((error.code(), error.path.as_deref()), (Code::NotFound, Some(&*missing)));
    let store = open_quick(&dir.join("s"));
    let error = error_of(store.backup(&foreign, BackupOptions::default()));
    assert_eq!(error.path.as_deref(), Some(&*foreign));
    let error = error_of(repair(&dir.join("s2"), &dir.join("t"), &quick()));
    assert_eq!(error.path.as_deref(), Some(&*dir.join("s2")));
    store.close().unwrap();
    assert_eq!(error_of(store.frontier()).path.as_deref(), Some(&*dir.join("s")));
}

/// Changes bytes of an event's frame and makes its checksums right again.
fn forge(log: &Path, number: usize, change: impl FnOnce(&mut [u8])) {
    let mut bytes = fs::read(log).unwrap();
    let frame = frames_of(&bytes)[number].clone();
    change(&mut bytes[frame.clone()]);
    renew_checksums(&mut bytes, frame.start);
    fs::write(log, bytes).unwrap();
}

#[test]
fn what_events_say_wrongly_under_right_checksums_is_found() {
    let dir = TempDir::in_memory("forged");
    let (sound, path) = (dir.join("sound"), dir.join("store"));
    closed_store(&sound);
    let logs = segments(&sound);
    let frame = |log: &Path, number: usize| -> Vec<u8> {
        let bytes = fs::read(log).unwrap();
        bytes[frames_of(&bytes)[number].clone()].to_vec()
    };
    let last = logs.len() - 1;
    let id = frame(&logs[0], 5)[12..28].to_vec();
    // Of a long payload the log has the hash.
    let long = (0..).find(|number| frame(&logs[2], *number).len() > 220).unwrap();
    let in_payload = frame(&logs[2], long).len() - 32;
    let cases: [(&str, usize, usize, usize, Vec<u8>); 5] = [
        ("same id", 0, 9, 12, id.clone()),
        ("same id", last, 3, 12, id),
        ("not the genesis event", 0, 0, 28, vec![7; 32]),
        ("payload does not match", 2, long, in_payload, vec![7; 32]),
        ("event hash does not match", 3, 8, 28, vec![7; 32]),
    ];
    for (message, segment, number, at, new) in cases {
        copy_dir(&sound, &path);
        let reader = open_reader(&path);
        let log = path.join(logs[segment].file_name().unwrap());
        forge(&log, number, |frame| frame[at..at + new.len()].copy_from_slice(&new));
        let report = reader.verify().unwrap();
        let found = report.findings.iter().any(|f| f.message.contains(message));
        assert!(found, "{message}: {:#?}", report.findings);
    }
}

#[cfg(feature = "internal")]
#[test]
fn a_provenance_that_cannot_be_read_is_found() {
    let dir = TempDir::in_memory("unreadable-provenance");
    let store = open_quick(&dir.join("s"));
    fill(&store, 0, 5);
    let receipt = store.append_with_provenance_body(&event("e", b"x"), b"\x85").unwrap();
    let report = store.verify().unwrap();
    assert_eq!(sequences(&report), [(receipt.sequence, receipt.sequence)]);
    assert!(report.findings[0].message.contains("provenance"));
}

#[test]
fn every_damaged_event_is_counted_and_ten_thousand_are_listed() {
    let dir = TempDir::in_memory("many");
    let path = dir.join("store");
    let mut options = quick();
    options.limits.segment_bytes = 8 << 20;
    let store = open(&path, &options);
    for number in 0..60u64 {
        let payloads: Vec<String> = (0..400).map(|n| format!("{number} {n}")).collect();
        let events: Vec<_> = payloads.iter().map(|p| event("e", p.as_bytes())).collect();
        store.append_batch(&events).unwrap();
    }
    store.close().unwrap();
    let reader = open_reader(&path);
    let log = segments(&path).remove(0);
    let mut bytes = fs::read(&log).unwrap();
    let frames = frames_of(&bytes);
    // Neighbours are sound, so that each is a place of its own.
    let damaged: Vec<usize> = (2..frames.len()).step_by(2).collect();
    damaged.iter().for_each(|number| bytes[frames[*number].start + 30] ^= 1);
    fs::write(&log, bytes).unwrap();
    let report = reader.verify().unwrap();
    assert_eq!((report.found, report.events_not_examined), (damaged.len() as u64, report.found));
    assert_eq!(report.findings.len(), 10_000);
    let wanted: Vec<(u64, u64)> =
        damaged[..10_000].iter().map(|n| (*n as u64 + 1, *n as u64 + 1)).collect();
    assert_eq!(sequences(&report), wanted);
    // What the search for events costs does not hide those that are sound.
    let repaired = repair(&path, &dir.join("new"), &quick()).unwrap();
    assert_eq!(repaired.events, (frames.len() - damaged.len()) as u64);
    assert_eq!(repaired.sequences_lost, damaged.len() as u64);
}
