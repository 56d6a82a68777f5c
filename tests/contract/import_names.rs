//! A namespace names a store, and not a hop: which store it stood for is remembered, and what a
//! store gave is told from what others gave under the same name.

use crate::common::*;
use fbat::engine::import::{ImportOptions, ImportReport, ImportSeams, OnConflict};
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::repair::repair;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::path::Path;

/// Of the log: the kind of the records, and what one says.
const RECORD: Kind = Kind(0x0005);

fn other_store<'a>(namespace: &str) -> ImportOptions<'a> {
    ImportOptions { allow_other_store: true, ..named(namespace) }
}

fn records(store: &Store) -> Vec<Row> {
    rows_with_system(store).into_iter().filter(|row| row.kind == RECORD).collect()
}

/// An open store with these events, by key.
fn device(path: &Path, keys: std::ops::Range<u128>) -> Store {
    let store = open_quick(path);
    append_keys(&store, keys);
    store
}

fn append_keys(store: &Store, keys: std::ops::Range<u128>) {
    for key in keys {
        let payload = key.to_string();
        let event = NewEvent { key: Id(key), ..event("order", payload.as_bytes()) };
        store.append(&event).unwrap();
    }
}

fn exists() -> Options {
    with_mode(OpenMode::MustExist)
}

#[track_caller]
fn refused(destination: &Store, source: &Store, options: &mut ImportOptions<'_>) -> Error {
    let before = rows_with_system(destination);
    let (report, error) = failed(destination.import(source, options));
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    assert_eq!((examined(&report), report.resume_after), (0, options.after));
    assert_eq!(rows_with_system(destination), before, "nothing is written");
    error
}

#[test]
fn one_name_for_two_stores_is_refused_and_no_event_is_taken_for_another() {
    let dir = TempDir::new("two-devices");
    let (one, two) = (device(&dir.join("one"), 1..2), device(&dir.join("two"), 1..3));
    let hub = open_quick(&dir.join("hub"));
    assert_eq!(import(&hub, &one, "device").imported, 1);
    for options in
        [named("device"), ImportOptions { on_conflict: OnConflict::Skip, ..named("device") }]
    {
        let error = refused(&hub, &two, &mut { options });
        for part in [&one.store_id().to_string(), &two.store_id().to_string(), "'device'"] {
            assert!(error.message.contains(part), "{part} in: {error}");
        }
        assert!(error.message.contains("FBAT_IMPORT_ALLOW_OTHER_STORE"), "{error}");
    }
    assert_eq!(import(&hub, &two, "device/2").imported, 2, "under a name of its own it comes");
    assert_eq!(import(&hub, &one, "device").deduplicated, 1, "the first one is known");
    // Who insists is remembered once something came.
    let report = import_with(&hub, &two, &mut other_store("device"));
    assert_eq!((report.deduplicated, report.imported), (1, 1));
    assert_eq!(import(&hub, &two, "device").deduplicated, 2);
    assert_eq!(import(&hub, &one, "device").deduplicated, 1);
    let third = device(&dir.join("three"), 7..8);
    refused(&hub, &third, &mut named("device"));
    assert_eq!(records(&hub).len(), 3);
    assert_sound(&hub);
}

#[test]
fn a_name_is_remembered_after_reopening_and_in_backups_and_repaired_stores() {
    let dir = TempDir::new("remembered");
    let (one, two) = (device(&dir.join("one"), 1..20), device(&dir.join("two"), 1..20));
    let hub = open_quick(&dir.join("hub"));
    import(&hub, &one, "device");
    hub.backup(&dir.join("backup"), BackupOptions::default()).unwrap();
    hub.close().unwrap();
    repair(&dir.join("hub"), &dir.join("repaired"), &quick()).unwrap();
    copy_dir(&dir.join("hub"), &dir.join("copied"));
    new_identity(&dir.join("copied"), &quick()).unwrap();
    for name in ["hub", "backup", "repaired", "copied"] {
        let hub = open(&dir.join(name), &exists());
        refused(&hub, &two, &mut named("device"));
        assert_eq!(import(&hub, &one, "device").deduplicated, 19, "{name}");
        fill(&hub, 0, 700); // so that an index has the record
        hub.close().unwrap();
        let hub = open(&dir.join(name), &exists());
        refused(&hub, &two, &mut named("device"));
        assert_sound(&hub);
    }
}

#[test]
fn the_record_comes_once_before_the_first_event_whatever_the_chunk_size() {
    let mut logs = Vec::new();
    for (chunk_size, overlap) in [(1, true), (1, false), (7, true), (256, false), (9999, true)] {
        let dir = TempDir::new("record");
        let (hub, source) =
            (open(&dir.join("hub"), &repeatable(1)), open(&dir.join("source"), &repeatable(2)));
        let options = || ImportOptions { chunk_size, overlap, ..named("s") };
        // Nothing comes: nothing is written.
        import_with(&hub, &source, &mut options());
        assert_eq!(rows_with_system(&hub).len(), 1);
        fill(&source, 0, 100);
        import_with(&hub, &source, &mut options());
        import_with(&hub, &source, &mut options());
        let all = rows_with_system(&hub);
        assert_eq!((all[1].kind, all[1].sequence, all.len()), (RECORD, 2, 103));
        assert_eq!((all[1].entity.as_str(), all[1].scope.as_str()), ("=store", "=system"));
        let text = String::from_utf8_lossy(&all[1].payload);
        assert!(text.contains(&source.store_id().to_string()) && text.contains("source"), "{text}");
        assert_eq!((rows(&hub).len(), hub.frontier().unwrap().visible), (100, 103));
        logs.push(
            all.into_iter().map(|row| (row.sequence, row.id, row.event_hash)).collect::<Vec<_>>(),
        );
        assert_sound(&hub);
        // The next hop sees it as one of the reserved, which are the record of the run, too.
        let report = import(&source, &hub, "back");
        assert_eq!((report.imported, report.skipped_reserved), (100, 3));
    }
    logs.iter().for_each(|log| assert_eq!(*log, logs[0]));
}

#[test]
fn over_two_hops_of_one_name_everything_arrives() {
    let dir = TempDir::new("upstream");
    let device = device(&dir.join("device"), 1..101);
    let (station, centre) = (open_quick(&dir.join("station")), open_quick(&dir.join("centre")));
    assert_eq!(import(&station, &device, "upstream").imported, 100);
    append_keys(&station, 1001..1006);
    let report = import(&centre, &station, "upstream");
    assert_eq!((report.imported, report.skipped_reimported), (105, 0));
    let report = import(&centre, &station, "upstream");
    assert_eq!((report.imported, report.deduplicated), (0, 105));
    // Also an event of the centre's own, that is like one of the device.
    append_keys(&centre, 1..2);
    assert_eq!(import(&centre, &station, "upstream").deduplicated, 105);
    assert_eq!(rows(&centre).len(), 106);
}

/// Each imports from the other under one name; the reports.
fn exchange(a: &Store, b: &Store) -> [ImportReport; 2] {
    [import(a, b, "x"), import(b, a, "x")]
}

#[test]
fn a_two_way_sync_under_one_name_ends() {
    let dir = TempDir::new("two-way");
    let (a, b) = (device(&dir.join("a"), 1..21), device(&dir.join("b"), 101..131));
    let [first, second] = exchange(&a, &b);
    assert_eq!((first.imported, second.imported, second.skipped_reimported), (30, 20, 30));
    for _ in 0..3 {
        let [first, second] = exchange(&a, &b);
        assert_eq!((first.imported, first.skipped_reimported, first.deduplicated), (0, 20, 30));
        assert_eq!((second.imported, second.skipped_reimported, second.deduplicated), (0, 30, 20));
    }
    append_keys(&a, 21..24);
    append_keys(&b, 131..132);
    exchange(&a, &b);
    assert_eq!((rows(&a).len(), rows(&b).len()), (54, 54));
}

#[test]
fn a_two_way_sync_under_two_names_grows_as_the_documents_say() {
    let dir = TempDir::new("two-names");
    let (a, b) = (device(&dir.join("a"), 1..11), device(&dir.join("b"), 101..111));
    for _ in 0..8 {
        import(&a, &b, "b");
        import(&b, &a, "a");
    }
    assert_eq!(rows(&a).len() + rows(&b).len(), 330);
    // So does a ring, also under one name.
    let ring: Vec<Store> =
        (0..3u128).map(|n| device(&dir.join(&format!("r{n}")), n * 10 + 1..n * 10 + 6)).collect();
    let imported = |_| (0..3).map(|n| import(&ring[(n + 1) % 3], &ring[n], "ring").imported).sum();
    let rounds: Vec<u64> = (0..4).map(imported).collect();
    assert!(rounds[3] > 0, "{rounds:?}");
}

#[test]
fn a_destination_that_was_restored_gets_back_what_it_gave() {
    let dir = TempDir::new("given-back");
    let (a, b) = (device(&dir.join("a"), 1..21), device(&dir.join("b"), 101..111));
    exchange(&a, &b);
    a.backup(&dir.join("backup"), BackupOptions::default()).unwrap();
    append_keys(&a, 21..31);
    exchange(&a, &b);
    a.close().unwrap();
    let restored = open(&dir.join("backup"), &exists());
    let report = import(&restored, &b, "x");
    assert_eq!((report.imported, report.skipped_reimported), (10, 20));
    let [first, second] = exchange(&restored, &b);
    assert_eq!((first.imported, second.imported), (0, 0));
}

#[test]
fn a_copy_with_an_id_of_its_own_gets_what_the_original_gave_since() {
    let dir = TempDir::new("copied");
    let (a, b) = (device(&dir.join("a"), 1..21), device(&dir.join("b"), 101..111));
    a.backup(&dir.join("copy"), BackupOptions::default()).unwrap();
    new_identity(&dir.join("copy"), &quick()).unwrap();
    append_keys(&a, 21..31);
    assert_eq!(import(&b, &a, "x").imported, 30);
    let copy = open(&dir.join("copy"), &exists());
    let report = import(&copy, &b, "x");
    // Its own ten events, the ten that the original has beyond it; twenty that it has.
    assert_eq!((report.imported, report.skipped_reimported), (20, 20));
}

#[test]
fn a_copy_is_another_store_once_it_has_an_id_of_its_own_and_the_same_before() {
    let dir = TempDir::new("copies");
    let device = device(&dir.join("device"), 1..21);
    let hub = open_quick(&dir.join("hub"));
    import(&hub, &device, "device");
    device.backup(&dir.join("restored"), BackupOptions::default()).unwrap();
    device.backup(&dir.join("copy"), BackupOptions::default()).unwrap();
    append_keys(&device, 21..26);
    device.close().unwrap();
    // A restored store, and a repaired one, are the store that they were.
    repair(&dir.join("device"), &dir.join("repaired"), &quick()).unwrap();
    for (name, imported) in [("restored", 0), ("repaired", 5)] {
        let store = open(&dir.join(name), &exists());
        assert_eq!(import(&hub, &store, "device").imported, imported, "{name}");
    }
    // With an id of its own, the copy is not.
    new_identity(&dir.join("copy"), &quick()).unwrap();
    let copy = open(&dir.join("copy"), &exists());
    refused(&hub, &copy, &mut named("device"));
    append_keys(&copy, 21..23);
    assert_eq!(import(&hub, &copy, "copy").imported, 22);
    // The original is known by the id that it had then.
    let store = open(&dir.join("device"), &exists());
    assert_eq!(import(&hub, &store, "device").deduplicated, 25);
    store.close().unwrap();
    new_identity(&dir.join("device"), &quick()).unwrap();
    let store = open(&dir.join("device"), &exists());
    refused(&hub, &store, &mut named("device"));
    append_keys(&store, 26..27);
    assert_eq!(import_with(&hub, &store, &mut other_store("device")).imported, 1);
    assert_eq!(import(&hub, &store, "device").deduplicated, 26);
}

#[test]
fn a_reader_that_was_open_before_a_new_id_knows_it() {
    let dir = TempDir::new("reader-id");
    let device = device(&dir.join("device"), 1..4);
    let hub = open_quick(&dir.join("hub"));
    import(&hub, &device, "device");
    let reader = open_reader(&dir.join("device"));
    device.close().unwrap();
    new_identity(&dir.join("device"), &quick()).unwrap();
    let error = refused(&hub, &reader, &mut named("device"));
    let store = open(&dir.join("device"), &exists());
    assert!(error.message.contains(&store.store_id().to_string()), "{error}");
    // A store is still itself, when a handle has its former id.
    refused(&store, &reader, &mut named("itself"));
}

#[test]
fn a_store_is_imported_into_itself_only_where_that_is_asked_for() {
    let dir = TempDir::new("itself");
    let store = device(&dir.join("store"), 1..11);
    store.backup(&dir.join("backup"), BackupOptions::default()).unwrap();
    let backup = open(&dir.join("backup"), &exists());
    let reader = open_reader(&dir.join("store"));
    for source in [&store, &reader, &backup] {
        let error = refused(&store, source, &mut named("n"));
        assert!(error.message.contains("FBAT_IMPORT_ALLOW_SELF"), "{error}");
        refused(&store, source, &mut other_store("n"));
    }
    assert_eq!(import_with(&store, &store, &mut named_self("n")).imported, 10);
    assert_eq!(import_with(&store, &reader, &mut named_self("n")).imported, 0);
    assert_eq!(rows(&store).len(), 20);
    // What came under a name from elsewhere is output of that name, too.
    let other = device(&dir.join("other"), 501..504);
    assert_eq!(import(&store, &other, "other").imported, 3);
    let report = import_with(&store, &store, &mut named_self("other"));
    assert_eq!((report.imported, report.skipped_reimported), (20, 3));
    drop((backup, reader));
    new_identity(&dir.join("backup"), &quick()).unwrap();
    let copy = open(&dir.join("backup"), &exists());
    assert_eq!(import(&store, &copy, "copy").imported, 10, "it is a store of its own now");
}

#[test]
fn an_import_that_another_store_takes_the_name_from_writes_nothing() {
    for allow in [false, true] {
        let dir = TempDir::new("race");
        let (one, two) = (device(&dir.join("one"), 1..11), device(&dir.join("two"), 101..111));
        let hub = open_quick(&dir.join("hub"));
        let mut once = true;
        let mut other_is_first = || {
            if std::mem::take(&mut once) {
                assert_eq!(import(&hub, &two, "n").imported, 10);
            }
        };
        let mut options =
            ImportOptions { allow_other_store: allow, on_conflict: OnConflict::Skip, ..named("n") };
        options.seams =
            ImportSeams { before_commit: Some(&mut other_is_first), ..Default::default() };
        let outcome = hub.import(&one, &mut options);
        assert_eq!(outcome.report.imported, if allow { 10 } else { 0 });
        assert_eq!(outcome.report.conflicts, 0);
        let error = outcome.result.err().map(|error| error.code());
        assert_eq!(error, (!allow).then_some(Code::InvalidArgument));
        let (events, named) = if allow { (20, 2) } else { (10, 1) };
        assert_eq!((rows(&hub).len(), records(&hub).len()), (events, named));
        assert_sound(&hub);
    }
}

#[test]
fn of_many_stores_that_are_imported_at_once_under_one_name_one_gets_it() {
    for round in 0..10 {
        let dir = TempDir::in_memory("at-once");
        let sources: Vec<Store> = (0..4u128)
            .map(|n| device(&dir.join(&format!("s{n}")), n * 1000..n * 1000 + 40 + round))
            .collect();
        let hub = open_quick(&dir.join("hub"));
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = sources
                .iter()
                .map(|source| {
                    let import = || {
                        let options = &mut ImportOptions { chunk_size: 5, ..named("n") };
                        hub.import(source, options)
                    };
                    scope.spawn(import)
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let got: u64 = outcomes.iter().map(|outcome| outcome.report.imported).sum();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.result.is_ok()).count(), 1);
        assert_eq!(
            (got, rows(&hub).len(), records(&hub).len()),
            (40 + round as u64, got as usize, 1)
        );
    }
}

#[test]
fn two_imports_of_one_store_at_once_leave_one_record() {
    let dir = TempDir::new("same-at-once");
    let source = device(&dir.join("source"), 1..501);
    let hub = open_quick(&dir.join("hub"));
    let reports: Vec<ImportReport> = std::thread::scope(|scope| {
        let import = || {
            let mut options = ImportOptions { chunk_size: 9, ..named("n") };
            import_with(&hub, &source, &mut options)
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(import)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(reports.iter().map(|r| r.imported - r.overtaken).sum::<u64>(), 500);
    assert!(reports.iter().all(|r| examined(r) == 501));
    assert_eq!((rows(&hub).len(), records(&hub).len()), (500, 1));
    assert_sound(&hub);
}

#[test]
fn an_event_that_has_the_id_of_a_record_is_no_record() {
    let dir = TempDir::new("forged");
    let (one, two) = (device(&dir.join("one"), 1..11), device(&dir.join("two"), 1..11));
    let hub = open_quick(&dir.join("hub"));
    // As docs/format.md says how the id is made.
    let mut input = Vec::new();
    let mut put = |bytes: &[u8]| {
        input.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        input.extend_from_slice(bytes);
    };
    put(b"fbat.namespace");
    let domain = input.clone();
    let (mut hasher, name) = (blake3::Hasher::new(), b"n");
    hasher.update(&domain).update(&2u64.to_le_bytes());
    hasher.update(&1u64.to_le_bytes()).update(name).update(&8u64.to_le_bytes()).update(&[0; 8]);
    let key = Id::from_bytes(hasher.finalize().as_bytes()[..16].try_into().unwrap());
    hub.append(&NewEvent { key, ..event("e", b"mine") }).unwrap();
    assert_eq!(import(&hub, &one, "n").imported, 10);
    refused(&hub, &two, &mut named("n"));
    assert_eq!((rows(&hub).len(), records(&hub).len()), (11, 1));
}
