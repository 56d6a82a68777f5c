//! What a writer at work leaves on the disk for those who open the store beside it, or after it was
//! killed.

use crate::common::machine::*;
use crate::common::*;
use fbat::engine::log::options::{Durability, Options};
use fbat::engine::platform::watch::{Progress, Verdict, Watch};
use fbat::engine::store::Store;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Events after which a writer leaves its first index.
const LIVE_EVENTS: u64 = 16_384;

/// With one segment for all of it.
fn wide(mut options: Options) -> Options {
    options.limits.segment_bytes = 64 << 20;
    options
}

/// A store with so many events in its only segment, which is not closed yet.
fn at_work(path: &Path, options: &Options, events: u64) -> Store {
    let store = open(path, options);
    (0..events / 1000).for_each(|n| drop(fill(&store, n * 1000, 1000)));
    store.finish_background();
    assert_eq!(store.stats().unwrap().segments, 1);
    store
}

/// A copy of the store's directory, as a process that is killed now would leave it.
fn killed(store: Store, path: &Path, to: &Path) -> PathBuf {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(path).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    }
    drop(store);
    to.to_owned()
}

/// Opens a store; with the bytes of the log that it read.
fn open_counted(path: &Path, options: &Options) -> (Store, u64) {
    let mut read = 0;
    let mut tell = |progress: Progress| {
        read = progress.done;
        Verdict::Keep
    };
    let store = Store::open_watched(path, options, &Watch::new(None, Some(&mut tell))).unwrap();
    (store, read)
}

#[test]
fn a_reader_beside_a_writer_reads_half_of_the_segment_at_most() {
    let dir = TempDir::in_memory("live-reader");
    let path = dir.join("store");
    let store = at_work(&path, &wide(quick()), 60_000);
    let reader = open_reader(&path);
    let stats = reader.stats().unwrap();
    assert_eq!(stats.events, 60_001);
    assert!(stats.unindexed_events <= 30_001, "{}", stats.unindexed_events);
    assert_sound(&reader);
    // It follows what comes after the index.
    fill(&store, 60_000, 1000);
    assert_eq!(reader.stats().unwrap().events, 61_001);
}

#[test]
fn an_index_covers_only_what_was_synced() {
    let dir = TempDir::in_memory("live-synced");
    let path = dir.join("store");
    let store = at_work(&path, &wide(quick()), 20_000);
    let covered = 20_001 - open_reader(&path).stats().unwrap().unindexed_events;
    assert!(covered >= LIVE_EVENTS);
    assert!(store.frontier().unwrap().durable >= covered);
}

#[test]
fn a_slow_writer_leaves_more_indexes() {
    let dir = TempDir::in_memory("live-slow");
    let path = dir.join("store");
    let clock = TestClock::at(EPOCH_US);
    let store = open(&path, &wide(Options { clock: clock.clone(), ..quick() }));
    for n in 0..100 {
        fill(&store, n * 1000, 1000);
        store.finish_background();
        clock.advance(1_000_000);
    }
    let stats = open_reader(&path).stats().unwrap();
    assert!(stats.unindexed_events <= LIVE_EVENTS + 1000, "{}", stats.unindexed_events);
}

#[test]
fn after_a_kill_only_what_no_index_covers_is_read_and_the_file_stays() {
    let dir = TempDir::in_memory("live-kill");
    let (path, machine) = (dir.join("store"), Machine::new());
    let options = wide(machine.options(Durability::Os));
    let store = at_work(&path, &options, 60_000);
    let path = killed(store, &path, &dir.join("image"));
    let log = segments(&path).pop().unwrap();
    let before = fs::metadata(&log).unwrap();
    let (store, read) = open_counted(&path, &options);
    assert!(store.open_report().unclean && store.open_report().gap_last == 0);
    assert!(read < before.len() / 2 + (1 << 20), "{read} of {} bytes", before.len());
    assert_eq!(fs::metadata(&log).unwrap().ino(), before.ino());
    let stats = store.stats().unwrap();
    assert!(stats.events == 60_001 && stats.unindexed_events <= 30_001, "{stats:?}");
    assert_eq!(store.frontier().unwrap().durable, 60_001);
    assert_sound(&store);
    fill(&store, 60_000, 1000);
    store.close().unwrap();
    assert_sound(&open(&path, &options));
}

#[test]
fn after_a_restart_all_of_it_is_read_and_moved() {
    let dir = TempDir::in_memory("live-restart");
    let (path, machine) = (dir.join("store"), Machine::new());
    let options = wide(machine.options(Durability::Os));
    let store = at_work(&path, &options, 20_000);
    let path = killed(store, &path, &dir.join("image"));
    let log = segments(&path).pop().unwrap();
    let before = fs::metadata(&log).unwrap();
    machine.restart();
    let (store, read) = open_counted(&path, &options);
    assert!(store.open_report().gap_last > 0 && read > before.len() / 2);
    assert_ne!(fs::metadata(&log).unwrap().ino(), before.ino());
    assert_sound(&store);
}

#[test]
fn a_torn_batch_is_cut_where_it_is_and_a_reader_goes_on() {
    let dir = TempDir::in_memory("live-torn");
    let (path, machine) = (dir.join("store"), Machine::new());
    let options = wide(machine.options(Durability::Os));
    let store = at_work(&path, &options, 20_000);
    let path = killed(store, &path, &dir.join("image"));
    let log = segments(&path).pop().unwrap();
    let bytes = fs::read(&log).unwrap();
    let all = batches(&bytes);
    let (last, end) = (all[all.len() - 2], all[all.len() - 1]);
    let half = (last + end) / 2;
    fs::write(&log, &bytes[..half]).unwrap();
    let reader = open_reader(&path);
    let inode = fs::metadata(&log).unwrap().ino();
    let store = open(&path, &options);
    assert_eq!(store.open_report().dropped_offset, last as u64);
    assert_eq!(store.open_report().dropped_bytes, (half - last) as u64);
    assert_eq!(fs::metadata(&log).unwrap().ino(), inode);
    let left = store.stats().unwrap().events;
    assert!(left < 20_001);
    fill(&store, 50_000, 3000);
    assert_eq!(reader.stats().unwrap().events, left + 3000);
    assert_sound(&reader);
    assert_sound(&store);
}
