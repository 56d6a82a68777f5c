//! Stores of format version 1, committed once, open for ever; and today's library writes the same
//! bytes.
//!
//! `FBAT_BLESS=1` writes them anew, which is right only together with a new format version.

use crate::common::*;
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::limits::{Limits, FORMAT_VERSION};
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A name with what makes the store of that name.
type Fixture = (&'static str, fn(&Path));

const FIXTURES: [Fixture; 5] = [
    ("plain", make_plain),
    ("sealed", make_sealed),
    ("named", make_imported),
    ("unclean", make_unclean),
    ("renamed", make_renamed),
];

/// What an earlier version wrote: events of two other stores, and no record of their namespaces.
const EARLIER: &str = "imported";

fn names() -> impl Iterator<Item = &'static str> {
    FIXTURES.iter().map(|(name, _)| *name).chain([EARLIER])
}

fn options(seed: u64) -> Options {
    let limits = Limits { segment_bytes: 64 << 10, ..Limits::default() };
    Options { limits, label: "golden".into(), ..repeatable(seed) }
}

/// A few events with every field set, then closed.
fn make_plain(path: &Path) {
    let store = open(path, &options(1));
    for number in 0..8 {
        let sample = Sample::new(number);
        let extensions = sample.extensions();
        store.append(&sample.event(&extensions)).unwrap();
    }
    store.close().unwrap();
}

/// Three segments, two of them sealed and indexed.
fn make_sealed(path: &Path) {
    let store = open(path, &options(2));
    fill(&store, 0, 600);
    let segments = store.stats().unwrap().segments;
    assert_eq!(segments, 3);
    store.close().unwrap();
}

/// Events of two other stores, with provenance.
fn make_imported(path: &Path) {
    let dir = TempDir::new("compat-import");
    let store = open(path, &options(3));
    for (seed, name) in [(4, "north"), (5, "south")] {
        let source = open(&dir.join(name), &options(seed));
        fill(&source, 0, 20);
        import(&store, &source, name);
    }
    store.close().unwrap();
}

/// A store whose writer never closed it: no mark, and reserved space behind the log.
fn make_unclean(path: &Path) {
    let dir = TempDir::new("compat-unclean");
    let store = open(&dir.join("open"), &options(6));
    fill(&store, 0, 10);
    std::fs::create_dir(path).unwrap();
    for (name, bytes) in files(&dir.join("open")) {
        std::fs::write(path.join(name), bytes).unwrap();
    }
    store.close().unwrap();
}

/// A store that was given a new id twice, with events under each.
fn make_renamed(path: &Path) {
    let options = options(7);
    for number in 0..3 {
        let store = open(path, &options);
        fill(&store, number * 10, 5);
        store.close().unwrap();
        if number < 2 {
            new_identity(path, &options).unwrap();
        }
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/stores")
        .join(format!("v{FORMAT_VERSION}"))
        .join(name)
}

/// The files of a store, without the lock file, which names a process.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let named = entries.map(|e| e.unwrap()).filter(|e| e.file_name() != "LOCK");
    named
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect()
}

/// A file without the space that is reserved behind it, which not every file system can do.
fn used(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for (name, bytes) in files(from) {
        std::fs::write(to.join(name), bytes).unwrap();
    }
}

#[test]
fn today_the_same_bytes_are_written() {
    for (name, make) in FIXTURES {
        let dir = TempDir::new("compat");
        make(&dir.join(name));
        if std::env::var_os("FBAT_BLESS").is_some() {
            let _ = std::fs::remove_dir_all(fixture(name));
            copy(&dir.join(name), &fixture(name));
        }
        let (today, golden) = (files(&dir.join(name)), files(&fixture(name)));
        assert_eq!(today.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>(), "{name}");
        for (file, bytes) in &golden {
            let (bytes, today) = (used(bytes), used(&today[file]));
            let differs = bytes.iter().zip(today).position(|(a, b)| a != b);
            assert_eq!(
                (differs, today.len()),
                (None, bytes.len()),
                "{name}/{file}: first difference at"
            );
        }
    }
}

/// Everything about an event stands as its hash says, which the tests compute on their own.
fn check(name: &str, store: &Store) {
    assert_sound(store);
    let all = rows_with_system(store);
    assert_eq!(all.len() as u64, store.stats().unwrap().events, "{name}");
    for row in &all {
        assert_eq!(event_hash(row), row.event_hash, "{name}: sequence {}", row.sequence);
    }
    assert_eq!(log_hash(log_id(store.path()), all.iter()), store.log_hash().unwrap(), "{name}");
}

#[test]
fn golden_stores_open_for_reading_and_stay_as_they_are() {
    for name in names() {
        let before = files(&fixture(name));
        let store = open_reader(&fixture(name));
        assert_eq!(store.label(), "golden");
        check(name, &store);
        drop(store);
        assert!(before == files(&fixture(name)), "{name}: reading changed a file");
        assert!(!fixture(name).join("LOCK").exists(), "{name}: reading took a lock");
    }
}

#[test]
fn golden_stores_open_for_writing_and_take_more() {
    for name in names() {
        let dir = TempDir::new("compat-write");
        copy(&fixture(name), &dir.join(name));
        let before = rows(&open_reader(&dir.join(name)));
        let store = open(&dir.join(name), &with_mode(OpenMode::MustExist));
        store.append(&event("new:one", b"after all these years")).unwrap();
        check(name, &store);
        let after = rows(&store);
        assert_eq!(&after[..before.len()], &before[..], "{name}");
        assert_eq!(after.len(), before.len() + 1, "{name}");
    }
}

#[test]
fn a_store_without_records_of_its_namespaces_takes_more_from_them() {
    let dir = TempDir::new("compat-names");
    copy(&fixture(EARLIER), &dir.join("store"));
    let store = open(&dir.join("store"), &options(8));
    let source = open(&dir.join("north"), &options(4));
    fill(&source, 0, 20);
    assert_eq!(import(&store, &source, "north").deduplicated, 20);
    assert_eq!(rows_with_system(&store).len(), 41, "nothing came, nothing is written");
    fill(&source, 20, 1);
    assert_eq!(import(&store, &source, "north").imported, 1);
    assert_eq!(rows_with_system(&store).len(), 44, "with the records of namespace and run");
    let other = open(&dir.join("other"), &options(9));
    assert!(store.import(&other, &mut named("north")).result.is_err(), "from now on it is known");
}
