//! What opening finds after a crash or damage: every row of the decision table in
//! `docs/guarantees.md`.

use crate::common::machine::*;
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::log::recovery::OpenReport;
use fbat::engine::model::error::{Code, Result};
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::model::region::Region;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;

/// A writer runs at most so many sequences ahead of the disk.
const LEASE: u64 = 1 << 20;

// ------------------------------------------------------------------------------------- helpers

/// A copy of the store's directory, as a process that is killed now would leave it.
fn image(dir: &TempDir, store: &Path, name: &str) -> PathBuf {
    let copy = dir.join(name);
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(store).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, copy.join(from.file_name().unwrap())).unwrap();
    }
    copy
}

/// Every file but the lock file.
fn contents(store: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |entry: io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
    };
    fs::read_dir(store).unwrap().map(named).filter(|(name, _)| name != "LOCK").collect()
}

#[track_caller]
fn assert_both_answer(store: &Path, code: Code) {
    let before = contents(store);
    for mode in [OpenMode::ReadOnly, OpenMode::CreateIfMissing] {
        assert_eq!(code_of(Store::open(store, &with_mode(mode))), code, "{mode:?}");
        assert_eq!(contents(store), before, "{mode:?}: nothing is changed");
    }
}

/// Appends `count` events, one batch each.
fn append(store: &Store, count: u64) {
    for number in 0..count {
        store.append(&event("e", format!("payload {number}").as_bytes())).unwrap();
    }
}

/// The image of a store that was not closed, with so many batches of one event; its last segment.
fn unclean(dir: &TempDir, options: &Options, count: u64) -> (PathBuf, PathBuf) {
    let path = dir.join("original");
    let _ = fs::remove_dir_all(&path);
    let store = open(&path, options);
    append(&store, count);
    let copy = image(dir, &path, "image");
    drop(store);
    let last = segments(&copy).pop().unwrap();
    (copy, last)
}

/// What must hold of a store that was opened after trouble: it is sound and takes appends.
#[track_caller]
fn assert_usable(store: &Store) {
    assert_sound(store);
    let sequence = store.append(&event("after", b"after")).unwrap().sequence;
    assert!(store.sync().unwrap().durable >= sequence);
    assert_sound(store);
}

// ---------------------------------------------------------------------------- is it a store at all

#[test]
fn a_directory_with_other_files_is_refused_and_left_alone() {
    let dir = TempDir::in_memory("foreign");
    for name in ["notes.txt", "notes.tmp", "1.log", "x.idx.tmp", "00000000000000000001.log.tmp.tmp"]
    {
        let path = dir.join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join(name), "mine").unwrap();
        assert_eq!(code_of(Store::open(&path, &quick())), Code::InvalidArgument, "{name}");
        assert_eq!(
            code_of(Store::open(&path, &with_mode(OpenMode::ReadOnly))),
            Code::StoreNotFound,
            "{name}"
        );
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "{name}: nothing was added");
    }
}

#[test]
fn a_writer_removes_files_that_never_got_their_name_and_no_others() {
    let dir = TempDir::in_memory("temporary");
    let path = dir.join("store");
    open_quick(&path).close().unwrap();
    let ours = [
        "clean.tmp",
        "store.fbat.tmp",
        "00000000000000000007.log.tmp",
        "00000000000000000001.idx.tmp",
    ];
    for name in ours.iter().chain(&["mine.tmp"]) {
        fs::write(path.join(name), "half").unwrap();
    }
    open_reader(&path);
    assert!(ours.iter().all(|name| path.join(name).exists()), "a reader changes nothing");
    assert_usable(&open_quick(&path));
    assert!(!ours.iter().any(|name| path.join(name).exists()));
    assert!(path.join("mine.tmp").exists());
}

#[test]
fn a_creation_that_stops_anywhere_is_started_over() {
    let dir = TempDir::in_memory("creation");
    for calls in 0.. {
        let (path, machine) = (dir.join(&format!("store{calls}")), Machine::new());
        let done = Arc::new(AtomicI64::new(0));
        let counter = done.clone();
        machine
            .on_call(move |_, _| (counter.fetch_add(1, Ordering::SeqCst) >= calls).then_some(EIO));
        let stopped = Store::open(&path, &machine.options(Durability::Durable));
        if stopped.is_ok() {
            assert!(calls > 10, "the calls of a creation were counted");
            break;
        }
        drop(stopped);
        machine.mend();
        if !path.join("store.fbat").exists() {
            assert_eq!(
                code_of(Store::open(&path, &with_mode(OpenMode::ReadOnly))),
                Code::StoreNotFound
            );
        }
        let store = open(&path, &machine.options(Durability::Durable));
        assert_eq!(
            store.stats().unwrap().events,
            1 + u64::from(!store.open_report().created) * gaps(&store)
        );
        assert_usable(&store);
    }
}

fn gaps(store: &Store) -> u64 {
    store.verify().unwrap().gaps
}

#[test]
fn the_name_of_a_new_store_is_made_durable_whoever_made_its_directory() {
    let dir = TempDir::in_memory("parent");
    for made_before in [false, true] {
        let (path, machine) = (dir.join(&format!("store{made_before}")), Machine::new());
        if made_before {
            fs::create_dir(&path).unwrap();
        }
        let (synced, parent) = (Arc::new(AtomicBool::new(false)), dir.path().to_owned());
        let saw = synced.clone();
        machine.on_call(move |op, path| {
            saw.fetch_or(op == Op::SyncDir && path == parent, Ordering::SeqCst);
            None
        });
        open(&path, &machine.options(Durability::Durable));
        assert!(synced.load(Ordering::SeqCst), "made before: {made_before}");
    }
}

#[test]
fn events_without_an_identity_file_are_never_taken_for_a_creation() {
    let dir = TempDir::in_memory("orphan");
    for events in [1, 5, 2000] {
        let path = dir.join(&format!("store{events}"));
        let store = open_quick(&path);
        fill(&store, 0, events);
        drop(store);
        fs::remove_file(path.join("store.fbat")).unwrap();
        let before = contents(&path);
        assert_eq!(code_of(Store::open(&path, &quick())), Code::Corrupt, "{events} events");
        assert_eq!(
            code_of(Store::open(&path, &with_mode(OpenMode::ReadOnly))),
            Code::StoreNotFound
        );
        assert_eq!(contents(&path), before);
    }
}

#[test]
fn a_bit_flipped_in_the_identity_file_is_corrupt_or_another_version() {
    let dir = TempDir::in_memory("identity");
    let path = dir.join("store");
    open_quick(&path).close().unwrap();
    let sound = fs::read(path.join("store.fbat")).unwrap();
    for bit in 0..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path.join("store.fbat"), &bytes).unwrap();
        let version = (8..12).contains(&(bit / 8));
        assert_both_answer(&path, if version { Code::FutureVersion } else { Code::Corrupt });
    }
    for length in 0..sound.len() {
        fs::write(path.join("store.fbat"), &sound[..length]).unwrap();
        assert_both_answer(&path, Code::Corrupt);
    }
}

#[test]
fn whatever_the_lock_file_holds_a_writer_goes_on() {
    let dir = TempDir::in_memory("lock");
    let path = dir.join("store");
    open_quick(&path).close().unwrap();
    for text in [&b""[..], b"pid 1 boot x", &[0xff, 0xfe, 0, 0x80], &[b'x'; 5000]] {
        fs::write(path.join("LOCK"), text).unwrap();
        assert_usable(&open_quick(&path));
    }
}

// -------------------------------------------------------------------------------------- segments

/// A closed store of several segments, and another that has the same sequences.
fn two_stores(dir: &TempDir) -> (PathBuf, PathBuf) {
    let [one, other] = ["one", "other"].map(|name| {
        let path = dir.join(name);
        let store = open_quick(&path);
        fill(&store, 0, 1500);
        store.close().unwrap();
        path
    });
    assert!(segments(&one).len() > 4);
    (one, other)
}

#[test]
fn a_segment_that_is_missing_is_corrupt() {
    let dir = TempDir::in_memory("missing");
    let (store, _) = two_stores(&dir);
    for segment in segments(&store) {
        let copy = image(&dir, &store, "copy");
        fs::remove_file(copy.join(segment.file_name().unwrap())).unwrap();
        assert_both_answer(&copy, Code::Corrupt);
    }
}

#[test]
fn a_segment_that_is_foreign_swapped_or_an_older_copy_is_corrupt() {
    let dir = TempDir::in_memory("swapped");
    let (store, other) = two_stores(&dir);
    let names: Vec<_> =
        segments(&store).iter().map(|s| s.file_name().unwrap().to_owned()).collect();
    let last = names.len() - 1;
    let mut cases = 0;
    for (at, with) in [(1, 2), (2, 1), (last, 1), (1, last)] {
        let copy = image(&dir, &store, "copy");
        fs::copy(store.join(&names[with]), copy.join(&names[at])).unwrap();
        assert_both_answer(&copy, Code::Corrupt);
        cases += 1;
    }
    for name in segments(&other)
        .iter()
        .map(|s| s.file_name().unwrap())
        .filter(|name| store.join(name).exists())
    {
        let copy = image(&dir, &store, "copy");
        fs::copy(other.join(name), copy.join(name)).unwrap();
        assert_both_answer(&copy, Code::Corrupt);
        cases += 1;
    }
    // The first of two segments as it was before it was sealed.
    let path = dir.join("older");
    let grown = open_quick(&path);
    fill(&grown, 0, 20);
    let older = fs::read(&segments(&path)[0]).unwrap();
    fill(&grown, 20, 1000);
    grown.close().unwrap();
    fs::write(&segments(&path)[0], older).unwrap();
    assert_both_answer(&path, Code::Corrupt);
    assert!(cases > 4);
}

#[test]
fn a_segment_of_a_future_version_is_refused_with_both_versions() {
    let dir = TempDir::in_memory("future");
    let (store, _) = two_stores(&dir);
    for segment in segments(&store) {
        let copy = image(&dir, &store, "copy");
        let path = copy.join(segment.file_name().unwrap());
        let mut bytes = fs::read(&path).unwrap();
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..124]);
        bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        fs::write(&path, bytes).unwrap();
        assert_both_answer(&copy, Code::FutureVersion);
        let error = error_of(Store::open(&copy, &quick()));
        assert_eq!((error.actual, error.allowed), (2, 1));
    }
}

#[test]
fn a_bit_flipped_in_a_segment_header_is_corrupt() {
    let dir = TempDir::in_memory("header");
    let path = dir.join("store");
    open_quick(&path).close().unwrap();
    let segment = segments(&path).pop().unwrap();
    let sound = fs::read(&segment).unwrap();
    for bit in 0..128 * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&segment, &bytes).unwrap();
        assert_both_answer(&path, Code::Corrupt);
    }
}

#[test]
fn bytes_behind_the_seal_of_a_segment_are_corrupt() {
    let dir = TempDir::in_memory("sealed");
    let (store, _) = two_stores(&dir);
    let path = &segments(&store)[1];
    let sound = fs::read(path).unwrap();
    for tail in [&[0][..], &[0; 5000], b"garbage"] {
        fs::write(path, [&sound[..], tail].concat()).unwrap();
        assert_both_answer(&store, Code::Corrupt);
    }
    fs::write(path, &sound).unwrap();
    assert_usable(&open_quick(&store));
}

// --------------------------------------------------------------------------------------- indexes

#[test]
fn an_index_that_is_missing_or_damaged_anywhere_is_made_anew() {
    let dir = TempDir::in_memory("index");
    let (store, other) = two_stores(&dir);
    let expected = rows(&open_reader(&store));
    let index = segments(&store)[1].with_extension("idx");
    let (sound, foreign) =
        (fs::read(&index).unwrap(), fs::read(segments(&other)[1].with_extension("idx")).unwrap());
    let mut spoilt = vec![
        None,
        Some(Vec::new()),
        Some(sound[..256].to_vec()),
        Some(foreign),
        Some(vec![0; sound.len()]),
    ];
    for block in 0..sound.len() / 256 {
        let mut bytes = sound.clone();
        bytes[block * 256 + 100] ^= 4;
        spoilt.push(Some(bytes));
    }
    for bytes in spoilt {
        for mode in [OpenMode::ReadOnly, OpenMode::MustExist] {
            match &bytes {
                None => fs::remove_file(&index).unwrap(),
                Some(bytes) => fs::write(&index, bytes).unwrap(),
            }
            let opened = open(&store, &with_mode(mode));
            assert_eq!(rows(&opened), expected);
            assert!(expected.iter().all(|row| get(&opened, row.id).as_ref() == Some(row)));
            fs::write(&index, &sound).unwrap();
        }
    }
    fs::remove_file(&index).unwrap();
    let opened = open_quick(&store);
    assert_eq!(opened.open_report().indexes_rebuilt, 1);
    assert_eq!(fs::read(&index).unwrap(), sound);
    assert_usable(&opened);
}

#[test]
fn a_disk_that_is_full_does_not_keep_a_store_without_index_from_being_opened() {
    let dir = TempDir::in_memory("full-index");
    let (store, _) = two_stores(&dir);
    let expected = rows(&open_reader(&store));
    let machine = Machine::new();
    fs::remove_file(segments(&store)[1].with_extension("idx")).unwrap();
    machine.on_call(|op, path| {
        (op == Op::Write && path.to_str().unwrap().contains(".idx")).then_some(ENOSPC)
    });
    let opened = open(&store, &machine.options(Durability::Durable));
    assert_eq!(rows(&opened), expected);
    assert_usable(&opened);
}

/// An open store whose closed predecessor left an index over `indexed` events, with more behind it.
fn behind_an_index(path: &Path) -> Store {
    let options = Options { durability: Durability::Os, ..Options::default() };
    let store = open(path, &options);
    for _ in 0..50 {
        store.append_batch(&vec![event("e", b"before the index was written"); 100]).unwrap();
    }
    store.close().unwrap();
    assert!(segments(path)[0].with_extension("idx").exists());
    let store = open(path, &options);
    store.append_batch(&[event("e", b"behind it"); 3]).unwrap();
    store
}

#[test]
fn events_behind_the_index_of_an_unsealed_segment_belong_to_their_entities_after_reopening() {
    let dir = TempDir::in_memory("behind-index");
    let path = dir.join("store");
    behind_an_index(&path).close().unwrap();
    let copy = image(&dir, &path, "unclean");
    fs::remove_file(copy.join("clean")).unwrap();
    for (path, mode) in
        [(&path, OpenMode::ReadOnly), (&copy, OpenMode::ReadOnly), (&path, OpenMode::MustExist)]
    {
        let store = open(path, &Options { mode, ..Options::default() });
        assert_eq!(store.head("e").unwrap().unwrap().version, 5003);
        let region = Region { entity: Some("e".into()), ..Region::default() };
        assert_eq!(
            read_pages(&store, &Query { region, after: 4990, ..Query::default() }).len(),
            14
        );
        if mode == OpenMode::MustExist {
            assert_eq!(store.append(&event("e", b"next")).unwrap().version, 5004);
            assert_sound(&store);
        }
    }
}

#[test]
fn an_index_vouches_for_what_it_covers_when_the_mark_is_gone() {
    let dir = TempDir::in_memory("witness");
    let path = dir.join("store");
    drop(behind_an_index(&path));
    fs::remove_file(path.join("clean")).unwrap();
    let segment = segments(&path).pop().unwrap();
    let sound = fs::read(&segment).unwrap();
    let at = batches(&sound);
    let inside = at[at.len() - 4];
    let zeroed = [&sound[..inside], &vec![0; sound.len() - inside]].concat();
    fs::write(&segment, &sound[..inside]).unwrap();
    assert_both_answer(&path, Code::Corrupt);
    // A reader starts behind the index; it meets the damage when it reads there.
    fs::write(&segment, zeroed).unwrap();
    assert_eq!(
        code_of(open_reader(&path).query(&Query { page_rows: 5000, ..Query::default() })),
        Code::Corrupt
    );
    assert_eq!(code_of(Store::open(&path, &quick())), Code::Corrupt);
    // Without the index nothing tells this from a tail that was never written.
    fs::remove_file(segment.with_extension("idx")).unwrap();
    let store = open(&path, &Options::default());
    assert!(store.open_report().unclean);
    assert_usable(&store);
}

// --------------------------------------------------------------------------------- the clean mark

#[test]
fn a_log_that_falls_short_of_its_clean_mark_is_corrupt() {
    let dir = TempDir::in_memory("short");
    let path = dir.join("store");
    let store = open_quick(&path);
    append(&store, 5);
    store.close().unwrap();
    let segment = segments(&path).pop().unwrap();
    let sound = fs::read(&segment).unwrap();
    for length in 0..sound.len() {
        fs::write(&segment, &sound[..length]).unwrap();
        let both = [OpenMode::ReadOnly, OpenMode::MustExist]
            .map(|mode| code_of(Store::open(&path, &with_mode(mode))));
        assert_eq!(both, [Code::Corrupt; 2], "cut to {length}");
    }
    for at in (128..sound.len()).step_by(7) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x20;
        fs::write(&segment, &bytes).unwrap();
        assert_both_answer(&path, Code::Corrupt);
    }
}

#[test]
fn a_clean_mark_that_is_damaged_or_foreign_is_no_mark_and_costs_nothing_but_a_scan() {
    let dir = TempDir::in_memory("mark");
    let (store, other) = two_stores(&dir);
    let sound = fs::read(store.join("clean")).unwrap();
    let mut marks = vec![fs::read(other.join("clean")).unwrap(), Vec::new(), sound[..80].to_vec()];
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        marks.push(bytes);
    }
    let expected = rows(&open_reader(&store));
    for mark in marks {
        let copy = image(&dir, &store, "copy");
        fs::write(copy.join("clean"), mark).unwrap();
        assert_eq!(rows(&open_reader(&copy)), expected);
        let opened = open_quick(&copy);
        assert!(opened.open_report().unclean);
        assert_eq!(opened.open_report().dropped_bytes, 0);
        assert_eq!(rows(&opened), expected);
    }
}

#[test]
fn an_old_clean_mark_before_a_longer_log_does_not_cut_it() {
    let dir = TempDir::in_memory("stale");
    let path = dir.join("store");
    let store = open_quick(&path);
    append(&store, 5);
    store.close().unwrap();
    let old = fs::read(path.join("clean")).unwrap();
    let store = open_quick(&path);
    append(&store, 5);
    let copy = image(&dir, &path, "copy");
    drop(store);
    fs::write(copy.join("clean"), &old).unwrap();
    assert_eq!(rows(&open_reader(&copy)).len(), 10);
    let store = open_quick(&copy);
    assert!(store.open_report().unclean);
    assert!(!copy.join("clean").exists(), "an old mark does not outlive the recovery");
    assert_eq!(rows(&store).len(), 10);
    assert_usable(&store);
}

#[test]
fn a_close_whose_mark_cannot_be_written_says_so_and_loses_no_sequences() {
    let dir = TempDir::in_memory("no-mark");
    let (path, machine) = (dir.join("store"), Machine::new());
    let store = open(&path, &machine.options(Durability::Os));
    append(&store, 5);
    machine.on_call(|op, path| (op == Op::Create && path.ends_with("clean.tmp")).then_some(ENOSPC));
    assert_eq!(code_of(store.close()), Code::NoSpace);
    machine.mend();
    let store = open(&path, &machine.options(Durability::Os));
    assert_eq!((store.open_report().unclean, store.open_report().gap_last), (true, 0));
    assert_eq!(store.append(&event("e", b"next")).unwrap().sequence, 7);
}

#[test]
fn a_clean_mark_that_cannot_be_taken_away_durably_poisons_the_store() {
    let dir = TempDir::in_memory("keep-mark");
    let (path, machine) = (dir.join("store"), Machine::new());
    open(&path, &machine.options(Durability::Os)).close().unwrap();
    let (store, at) = (open(&path, &machine.options(Durability::Os)), path.clone());
    machine.on_call(move |op, path| (op == Op::SyncDir && path == at).then_some(EIO));
    assert_eq!(code_of(store.append(&event("e", b"x"))), Code::Io);
    machine.mend();
    assert_eq!(code_of(store.append(&event("e", b"x"))), Code::Poisoned);
    drop(store);
    assert_usable(&open(&path, &machine.options(Durability::Os)));
}

// -------------------------------------------------------------------------------------- torn tails

#[test]
fn a_last_batch_that_is_torn_at_any_byte_is_cut_and_reported_and_the_rest_stays() {
    let dir = TempDir::in_memory("torn");
    let (store, segment) = unclean(&dir, &quick(), 4);
    let sound = fs::read(&segment).unwrap();
    let at = batches(&sound);
    let (start, end) = (at[at.len() - 2], at[at.len() - 1]);
    let mut rng = Rng(7);
    for cut in start..end {
        let truncated = sound[..cut].to_vec();
        let zeroed = [&sound[..cut], &vec![0; sound.len() - cut]].concat();
        let garbage = [&sound[..cut], &rng.bytes(end - cut), &sound[end..]].concat();
        for bytes in [truncated, zeroed, garbage] {
            let intact = bytes.get(start..end) == Some(&sound[start..end]);
            let left = bytes[start.min(bytes.len())..].iter().any(|byte| *byte != 0);
            let copy = image(&dir, &store, "copy");
            fs::write(copy.join(segment.file_name().unwrap()), &bytes).unwrap();
            let expected = if intact { 4 } else { 3 };
            assert_eq!(rows(&open_reader(&copy)).len(), expected, "a reader, cut at {cut}");
            let opened = open_quick(&copy);
            assert_eq!(rows(&opened).len(), expected, "cut at {cut}");
            let report = opened.open_report().clone();
            let dropped = if left && !intact { (bytes.len() - start) as u64 } else { 0 };
            assert_eq!(
                (report.unclean, report.dropped_bytes, report.gap_last),
                (true, dropped, 0),
                "cut at {cut}"
            );
            assert_eq!(opened.append(&event("e", b"next")).unwrap().sequence, expected as u64 + 2);
            assert_sound(&opened);
        }
    }
}

#[test]
fn a_bad_batch_at_or_below_what_was_synced_is_corrupt_and_nothing_is_changed() {
    let dir = TempDir::in_memory("middle");
    let (store, segment) =
        unclean(&dir, &Options { durability: Durability::Durable, ..quick() }, 8);
    let sound = fs::read(&segment).unwrap();
    let at = batches(&sound);
    // Each batch says that the one before was synced; the last is vouched for by none.
    for pair in at.windows(2).take(at.len() - 2) {
        let (start, end) = (pair[0], pair[1]);
        for (damage, byte) in
            [(start..end, Some(0)), (start..start + 4, Some(0)), (end - 1..end, None)]
        {
            let mut bytes = sound.clone();
            bytes[damage].iter_mut().for_each(|b| *b = byte.unwrap_or(!*b));
            fs::write(&segment, bytes).unwrap();
            assert_both_answer(&store, Code::Corrupt);
            let error = error_of(Store::open(&store, &quick()));
            assert_eq!(
                (error.path.as_deref(), error.offset),
                (Some(&*segment), Some(start as u64))
            );
        }
    }
    fs::write(&segment, &sound).unwrap();
    assert_usable(&open_quick(&store));
}

/// The image of a store of eight un-synced batches whose fourth is gone.
fn with_hole(dir: &TempDir, machine: &Machine) -> PathBuf {
    let (store, segment) = unclean(dir, &machine.options(Durability::Os), 8);
    let mut bytes = fs::read(&segment).unwrap();
    let at = batches(&bytes);
    bytes[at[4]..at[5]].fill(0);
    fs::write(&segment, bytes).unwrap();
    store
}

#[test]
fn whole_batches_behind_a_hole_that_nobody_synced_are_cut_reported_and_their_sequences_jumped() {
    let dir = TempDir::in_memory("hole");
    let machine = Machine::new();
    let path = with_hole(&dir, &machine);
    assert_eq!(rows(&open_reader(&path)).len(), 3);
    let store = open(&path, &machine.options(Durability::Os));
    let OpenReport { unclean, dropped_batches, dropped_events, gap_first, gap_last, .. } =
        *store.open_report();
    assert_eq!((unclean, dropped_batches, dropped_events, gap_first), (true, 4, 4, 5));
    // No writer was ever further ahead of the disk than the lease, and all before the hole is on
    // it.
    assert_eq!(gap_last, 4 + LEASE);
    assert_eq!(rows(&store).len(), 3);
    assert_usable(&store);
}

// ------------------------------------------------------------------------- restarts and lost
// writes

fn gap_event(store: &Store) -> Option<Row> {
    rows_with_system(store).into_iter().find(|row| row.kind == Kind::GAP)
}

#[test]
fn after_a_restart_of_the_machine_sequences_that_may_have_been_seen_are_jumped() {
    let dir = TempDir::in_memory("restart");
    let machine = Machine::new();
    let (path, _) = unclean(&dir, &machine.options(Durability::Os), 3);
    machine.restart();
    assert_eq!(rows(&open_reader(&path)).len(), 3);
    let store = open(&path, &machine.options(Durability::Os));
    assert_eq!((store.open_report().gap_first, store.open_report().gap_last), (5, 4 + LEASE));
    let gap = gap_event(&store).expect("a gap event");
    assert_eq!(gap.sequence, 5 + LEASE);
    assert_eq!(store.frontier().unwrap().durable, gap.sequence);
    let next = store.append(&event("e", b"next")).unwrap();
    assert_eq!((next.sequence, next.version), (gap.sequence + 1, 4));
    let report = store.verify().unwrap();
    assert_eq!((report.gaps, report.gap_sequences, report.findings.len()), (1, LEASE, 0));
    store.close().unwrap();
    machine.restart();
    let store = open(&path, &machine.options(Durability::Os));
    assert_eq!(store.open_report().gap_last, 0, "a store that was closed has lost nothing");
}

#[test]
fn on_the_same_boot_a_killed_writer_leaves_no_gap() {
    let dir = TempDir::in_memory("same-boot");
    let machine = Machine::new();
    let (path, _) = unclean(&dir, &machine.options(Durability::Os), 3);
    let store = open(&path, &machine.options(Durability::Os));
    assert_eq!((store.open_report().unclean, store.open_report().gap_last), (true, 0));
    assert_eq!(store.append(&event("e", b"next")).unwrap().sequence, 5);
}

#[test]
fn a_failed_fsync_poisons_and_the_next_open_jumps_the_sequences() {
    let dir = TempDir::in_memory("fsync");
    let (path, machine) = (dir.join("store"), Machine::new());
    let store = open(&path, &machine.options(Durability::Durable));
    append(&store, 3);
    machine.on_call(|op, _| (op == Op::Sync).then_some(EIO));
    assert_eq!(code_of(store.append(&event("e", b"x"))), Code::Io);
    machine.mend();
    assert_eq!(code_of(store.append(&event("e", b"x"))), Code::Poisoned);
    assert_eq!(code_of(store.sync()), Code::Poisoned);
    assert_eq!(store.frontier().unwrap().durable, 4);
    // Nor does a reader's own sync make durable what the kernel may have dropped.
    let reader =
        open(&path, &Options { mode: OpenMode::ReadOnly, ..machine.options(Durability::Durable) });
    let frontier = reader.sync().unwrap();
    assert!(frontier.visible == 5 && frontier.durable < 5, "{frontier:?}");
    assert_eq!(code_of(store.close()), Code::Poisoned);
    let store = open(&path, &machine.options(Durability::Durable));
    assert!(store.open_report().gap_last >= LEASE);
    assert_usable(&store);
}

#[test]
fn one_failed_fsync_is_told_to_everybody_who_waits_for_that_segment() {
    let dir = TempDir::in_memory("two-fsyncs");
    let (path, machine) = (dir.join("store"), Machine::new());
    let store = open(&path, &machine.options(Durability::Durable));
    store.append(&event("e", &[7; 40_000])).unwrap();
    let (syncs, entered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let saw = entered.clone();
    // As the kernel does, the first to sync is told of the lost write, and nobody after it.
    machine.on_call(move |op, path| {
        if op != Op::Sync
            || path.extension().is_some_and(|e| e == "idx")
            || syncs.fetch_add(1, Ordering::SeqCst) > 0
        {
            return None;
        }
        saw.store(true, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(300));
        Some(EIO)
    });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| store.append(&event("e", b"its fsync fails")));
        while !entered.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        // This one does not fit: the segment is sealed, which syncs it too.
        let second = store.append(&event("e", &[8; 40_000]));
        assert_eq!(code_of(second), Code::Poisoned);
        assert_eq!(code_of(first.join().unwrap()), Code::Io);
        assert!(store.frontier().unwrap().durable < 3, "what was lost is not called durable");
    });
}

/// Opens, with the disk failing for good from each call on, until it succeeds; then the sequences
/// that may have been seen must have been jumped, however often it was tried.
fn assert_jumps(make: impl Fn(&TempDir, &Machine) -> PathBuf, restart: bool) {
    let dir = TempDir::in_memory("jumps");
    for calls in 0.. {
        let machine = Machine::new();
        let path = make(&dir, &machine);
        if restart {
            machine.restart();
        }
        let left = AtomicI64::new(calls);
        machine.on_call(move |_, _| (left.fetch_sub(1, Ordering::SeqCst) <= 0).then_some(ENOSPC));
        let stopped = Store::open(&path, &machine.options(Durability::Os)).is_err();
        machine.mend();
        let store = open(&path, &machine.options(Durability::Os));
        let gap = gap_event(&store).unwrap_or_else(|| panic!("no gap after {calls} calls"));
        assert!(gap.sequence > LEASE);
        assert_usable(&store);
        drop(store);
        if !stopped {
            assert!(calls > 10, "the calls of a recovery were counted");
            return;
        }
    }
}

#[test]
fn a_recovery_that_stops_anywhere_still_jumps_sequences_that_a_restart_may_have_cost() {
    assert_jumps(|dir, machine| unclean(dir, &machine.options(Durability::Os), 3).0, true);
}

#[test]
fn a_recovery_that_stops_anywhere_still_jumps_sequences_behind_a_hole() {
    assert_jumps(with_hole, false);
}

// --------------------------------------------------------------- wrong numbers with right
// checksums

/// A checksum of a segment or of an index, whose salt stands in the segment's header.
fn checksum(segment: &[u8], place: usize, bytes: &[u8]) -> [u8; 4] {
    let salt = u64::from_le_bytes(segment[80..88].try_into().unwrap());
    let mut crc = crc32fast::Hasher::new_with_initial((salt ^ salt >> 32 ^ place as u64) as u32);
    crc.update(bytes);
    crc.finalize().to_le_bytes()
}

/// Asks a store everything; damage is an answer, a panic is not.
fn ask_everything(path: &Path, mode: OpenMode, ids: &[Id]) {
    let asked = || -> Result<()> {
        let store = Store::open(path, &with_mode(mode))?;
        let region = Region {
            entity: Some("quake".into()),
            scopes: vec!["scope1".into()],
            ..Region::default()
        };
        let forward = Query { page_rows: 65_536, ..Query::default() };
        let answers = [
            store.query(&forward).err(),
            store
                .query(&Query {
                    backward: true,
                    columns: fbat::engine::model::event::Columns::ALL,
                    ..forward.clone()
                })
                .err(),
            store.query(&Query { region, after: 100, until: 400, ..forward.clone() }).err(),
            store.head("quake:1").err(),
            store.head("nobody").err(),
            ids.iter().find_map(|id| store.get(*id, Default::default()).err()),
            store.verify().err(),
            store.stats().err(),
            if mode == OpenMode::ReadOnly {
                None
            } else {
                store.append(&event("quake:1", b"x")).err()
            },
        ];
        answers.into_iter().flatten().try_for_each(Err)
    };
    if let Err(error) = asked() {
        assert!([Code::Corrupt, Code::FutureVersion].contains(&error.code()), "{error}");
    }
}

#[test]
fn hostile_numbers_in_a_segment_give_a_status() {
    let dir = TempDir::in_memory("hostile");
    let (store, segment) = unclean(&dir, &quick(), 6);
    let ids: Vec<Id> = rows(&open_reader(&store)).iter().map(|row| row.id).collect();
    let sound = fs::read(&segment).unwrap();
    let at = batches(&sound);
    let try_both = |bytes: &[u8]| {
        for mode in [OpenMode::ReadOnly, OpenMode::MustExist] {
            let copy = image(&dir, &store, "copy");
            fs::write(copy.join(segment.file_name().unwrap()), bytes).unwrap();
            ask_everything(&copy, mode, &ids);
        }
    };
    let values =
        [0, 1, 4, 1 << 31, u64::from(u32::MAX), 1 << 62, i64::MAX as u64, u64::MAX - 1, u64::MAX];
    for value in values {
        for field in [32, 40, 48, 80, 88, 96] {
            let mut bytes = sound.clone();
            bytes[field..field + 8].copy_from_slice(&value.to_le_bytes());
            let crc = crc32fast::hash(&bytes[..124]);
            bytes[124..128].copy_from_slice(&crc.to_le_bytes());
            try_both(&bytes);
        }
        for (batch, field) in [
            (0, 8),
            (3, 8),
            (3, 12),
            (3, 16),
            (3, 24),
            (3, 32),
            (3, 76),
            (5, 8),
            (6, 12),
            (6, 16),
            (6, 24),
        ] {
            let mut bytes = sound.clone();
            let (batch, width) = (at[batch], if [16, 24, 32].contains(&field) { 8 } else { 4 });
            bytes[batch + field..batch + field + width]
                .copy_from_slice(&value.to_le_bytes()[..width]);
            let crc = checksum(&bytes, batch, &bytes[batch + 8..batch + 80]);
            bytes[batch + 4..batch + 8].copy_from_slice(&crc);
            try_both(&bytes);
        }
    }
    // Every byte of a frame, up to its payload, with the checksums of frame and batch put right.
    let (batch, end) = (at[3], at[4]);
    for place in batch + 84..end {
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[place] = value;
            let crc = checksum(&bytes, batch + 80, &bytes[batch + 84..end]);
            bytes[batch + 80..batch + 84].copy_from_slice(&crc);
            let crc = checksum(&bytes, batch, &bytes[batch + 80..batch + 88]);
            bytes[batch + 72..batch + 76].copy_from_slice(&crc);
            let crc = checksum(&bytes, batch, &bytes[batch + 8..batch + 80]);
            bytes[batch + 4..batch + 8].copy_from_slice(&crc);
            try_both(&bytes);
        }
    }
}

#[test]
fn hostile_numbers_in_an_index_give_a_status() {
    let dir = TempDir::in_memory("hostile-index");
    let (store, _) = two_stores(&dir);
    let ids: Vec<Id> = rows(&open_reader(&store)).iter().step_by(20).map(|row| row.id).collect();
    let (segment, index) = (segments(&store)[1].clone(), segments(&store)[1].with_extension("idx"));
    let (log, sound) = (fs::read(segment).unwrap(), fs::read(&index).unwrap());
    let mut rng = Rng(11);
    for block in 0..sound.len() / 256 {
        let words: Vec<usize> = match block {
            0 | 1 => (0..252).step_by(4).collect(),
            _ => (0..6).map(|_| rng.below(63) as usize * 4).chain([0]).collect(),
        };
        for word in words {
            for value in [0, 5000, u32::MAX] {
                let mut bytes = sound.clone();
                let start = block * 256;
                bytes[start + word..start + word + 4].copy_from_slice(&value.to_le_bytes());
                let crc = checksum(&log, block, &bytes[start..start + 252]);
                bytes[start + 252..start + 256].copy_from_slice(&crc);
                fs::write(&index, &bytes).unwrap();
                ask_everything(&store, OpenMode::ReadOnly, &ids);
            }
        }
    }
}

// ---------------------------------------------------------------------------- readers beside it
// all

#[test]
fn a_reader_notices_that_its_segment_was_replaced_or_has_lost_what_it_read() {
    let dir = TempDir::in_memory("replaced");
    for foreign in [true, false] {
        let path = dir.join(&format!("store{foreign}"));
        let store = open_quick(&path);
        append(&store, 2);
        let short = fs::read(&segments(&path)[0]).unwrap();
        append(&store, 2);
        let reader = open_reader(&path);
        drop(store);
        let replacement = match foreign {
            true => {
                let other = dir.join("other");
                open_quick(&other).close().unwrap();
                fs::read(&segments(&other)[0]).unwrap()
            }
            false => short,
        };
        let segment = segments(&path).pop().unwrap();
        fs::write(path.join("new"), replacement).unwrap();
        fs::rename(path.join("new"), segment).unwrap();
        assert_eq!(code_of(reader.frontier()), Code::Corrupt, "foreign: {foreign}");
    }
}

#[test]
fn a_reader_that_follows_over_many_segments_does_not_keep_them_in_memory() {
    let dir = TempDir::in_memory("follower");
    let path = dir.join("store");
    let store = open_quick(&path);
    let reader = open_reader(&path);
    for round in 0..10 {
        fill(&store, round * 500, 500);
        assert_eq!(reader.frontier().unwrap().visible, store.frontier().unwrap().visible);
    }
    let (written, read) = (store.stats().unwrap(), reader.stats().unwrap());
    assert!(written.segments > 10);
    assert_eq!(read.unindexed_events, written.unindexed_events);
    assert_eq!(rows(&reader), rows(&store));
}

#[test]
fn a_store_is_found_where_it_was_opened_when_the_working_directory_changes() {
    // In a process of its own: the working directory is shared by all threads.
    let dir = TempDir::new("chdir");
    let environment = [("FBAT_TEST_STORE", dir.path().to_str().unwrap())];
    Actor::start("part_changes_its_working_directory", &environment).finish();
    assert_eq!(rows(&open_reader(&dir.join("store"))).len(), 1000);
}

#[test]
#[ignore = "a part of another test"]
fn part_changes_its_working_directory() -> Result<()> {
    if !plays("part_changes_its_working_directory") {
        return Ok(());
    }
    std::env::set_current_dir(given("FBAT_TEST_STORE")).unwrap();
    let store = open_quick(Path::new("store"));
    std::env::set_current_dir("/").unwrap();
    fill(&store, 0, 1000);
    store.close()
}
