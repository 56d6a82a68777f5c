//! Identity by origin: whatever way an event comes, it is there once, under the name of the store
//! where it was first appended.

use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions, ImportReport, OnConflict};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::BTreeSet;
use std::path::Path;

fn by_origin<'a>() -> ImportOptions<'a> {
    ImportOptions { identity: ImportIdentity::Origin, ..ImportOptions::default() }
}

fn keeping<'a>() -> ImportOptions<'a> {
    ImportOptions { on_conflict: OnConflict::Keep, ..by_origin() }
}

#[track_caller]
fn pull(destination: &Store, source: &Store) -> ImportReport {
    import_with(destination, source, &mut by_origin())
}

#[track_caller]
fn refused(destination: &Store, source: &Store, options: &mut ImportOptions<'_>) -> Error {
    let (report, error) = failed(destination.import(source, options));
    assert_eq!(examined(&report), 0);
    error
}

/// Namespace, id and content of every event, as all stores see it.
fn triples(store: &Store) -> BTreeSet<(String, Id, Hash)> {
    let native = store.native_namespace();
    let all = rows(store);
    let set: BTreeSet<_> = all
        .iter()
        .map(|row| match &row.provenance {
            Some(origin) => (origin.namespace.clone(), origin.event_id, row.content_hash),
            None => (native.clone(), row.id, row.content_hash),
        })
        .collect();
    assert_eq!(set.len(), all.len(), "every event is there once");
    set
}

/// A store with so many events of its own.
fn store_with(path: &Path, events: u128) -> Store {
    let store = open_quick(path);
    append_keys(&store, 1..events + 1, "");
    store
}

fn append_keys(store: &Store, keys: std::ops::Range<u128>, text: &str) {
    for key in keys {
        let payload = format!("{key}{text}");
        store.append(&NewEvent { key: Id(key), ..event("order", payload.as_bytes()) }).unwrap();
    }
}

fn reopen(path: &Path) -> Store {
    open(path, &with_mode(OpenMode::MustExist))
}

#[test]
fn a_diamond_brings_every_event_once_and_its_last_store_knows_the_first() {
    let dir = TempDir::new("diamond");
    let [top, left, right, bottom] =
        ["top", "left", "right", "bottom"].map(|name| open_quick(&dir.join(name)));
    append_keys(&top, 1..41, "");
    assert_eq!(pull(&left, &top).imported, 40);
    assert_eq!(pull(&right, &top).imported, 40);
    assert_eq!(pull(&bottom, &left).imported, 40);
    let again = pull(&bottom, &right);
    assert_eq!((again.imported, again.deduplicated), (0, 40));
    let native = top.native_namespace();
    for (row, first) in rows(&bottom).iter().zip(rows(&top)) {
        let origin = row.provenance.as_ref().unwrap();
        assert_eq!((&origin.namespace, origin.event_id), (&native, first.id));
        assert_eq!(origin.sequence, first.sequence, "of the first hop");
        assert_eq!(row.id, import_id(&native, first.id));
        assert_eq!(row.id, get(&left, row.id).unwrap().id, "one id in every store but its own");
    }
}

#[test]
fn chunks_and_threads_change_nothing() {
    let dir = TempDir::new("origin-chunks");
    let [one, two] = ["one", "two"].map(|name| store_with(&dir.join(name), 60));
    pull(&two, &one);
    let mut seen = Vec::new();
    for (number, (chunk_size, overlap)) in
        [(1, false), (1, true), (7, true), (256, false)].into_iter().enumerate()
    {
        let hub = open(&dir.join(&format!("hub{number}")), &repeatable(1));
        for source in [&one, &two] {
            import_with(&hub, source, &mut ImportOptions { chunk_size, overlap, ..by_origin() });
        }
        let carried = rows(&hub).into_iter().map(|row| (row.id, row.sequence, row.content_hash));
        seen.push(carried.collect::<Vec<_>>());
    }
    assert_eq!(seen[0].len(), 120);
    assert!(seen.iter().all(|other| *other == seen[0]));
}

#[test]
fn a_restored_store_gets_back_what_it_lost_under_its_own_ids() {
    let dir = TempDir::new("restored");
    let device = store_with(&dir.join("device"), 20);
    device.backup(&dir.join("old"), BackupOptions::default()).unwrap();
    append_keys(&device, 21..31, "");
    let [hub, third] = ["hub", "third"].map(|name| open_quick(&dir.join(name)));
    pull(&hub, &device);
    pull(&third, &device);
    let whole = triples(&device);
    device.close().unwrap();

    let device = reopen(&dir.join("old"));
    append_keys(&device, 41..43, "");
    let report = pull(&device, &hub);
    assert_eq!((report.imported, report.restored), (10, 10));
    assert_eq!(report.skipped_reimported, 20);
    append_keys(&device, 21..31, ""); // Its application tries its last keys again.
    assert_eq!(device.stats().unwrap().events - device.stats().unwrap().system_events, 32);
    let row = get(&device, Id(25)).unwrap();
    let origin = row.provenance.as_ref().unwrap();
    assert_eq!((&*origin.namespace, origin.event_id), (&*device.native_namespace(), Id(25)));
    for store in [&hub, &third] {
        let report = pull(store, &device);
        assert_eq!((report.imported, report.deduplicated), (2, 30));
    }
    assert_eq!(pull(&third, &hub).imported, 0);
    assert!(triples(&device).is_superset(&whole));
    assert_eq!(triples(&device), triples(&third));
    assert_sound(&device);
}

#[test]
fn a_store_keeps_the_origin_of_what_it_appended_under_an_earlier_id() {
    let dir = TempDir::new("renamed");
    let store = store_with(&dir.join("store"), 5);
    let before = store.native_namespace();
    store.close().unwrap();
    copy_dir(&dir.join("store"), &dir.join("copy"));
    new_identity(&dir.join("copy"), &quick()).unwrap();
    let (store, copy) = (reopen(&dir.join("store")), reopen(&dir.join("copy")));
    append_keys(&copy, 100..103, "");
    append_keys(&store, 200..204, "");
    let hub = open_quick(&dir.join("hub"));
    assert_eq!(pull(&hub, &copy).imported, 8);
    assert_eq!(pull(&hub, &store).imported, 4, "the others came with the copy");
    let names: BTreeSet<String> = triples(&hub).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, BTreeSet::from([before, copy.native_namespace()]));
    // What both have is not brought from one to the other.
    let report = pull(&copy, &store);
    assert_eq!((report.imported, report.restored, report.skipped_reimported), (4, 4, 5));
    assert_eq!(pull(&store, &copy).imported, 3);
}

#[test]
fn a_copy_without_an_id_of_its_own_merges_and_what_contradicts_is_a_conflict() {
    let dir = TempDir::new("branches");
    store_with(&dir.join("one"), 5).close().unwrap();
    copy_dir(&dir.join("one"), &dir.join("two"));
    let (one, two) = (reopen(&dir.join("one")), reopen(&dir.join("two")));
    append_keys(&one, 6..8, " one");
    append_keys(&two, 7..10, " two"); // Key 7 is in both, with other content.
    let (report, error) = failed(one.import(&two, &mut by_origin()));
    assert_eq!(error.code(), Code::ImportConflict, "{error}");
    assert_eq!(report.imported + report.skipped_reimported, 5);
    let skipping = || ImportOptions { on_conflict: OnConflict::Skip, ..by_origin() };
    let hub = open_quick(&dir.join("hub"));
    for store in [&one, &two, &one] {
        import_with(&hub, store, &mut skipping());
    }
    assert_eq!(rows(&hub).len(), 9, "of key 7, the one that came first");
    for _ in 0..2 {
        import_with(&one, &two, &mut keeping());
        import_with(&two, &one, &mut keeping());
    }
    assert_eq!(triples(&one), triples(&two));
    assert_eq!(triples(&one).len(), 10);
    let report = import_with(&hub, &one, &mut keeping());
    assert_eq!((report.imported, report.conflicts_kept), (1, 1));
    let report = import_with(&hub, &two, &mut keeping());
    assert_eq!((report.imported, report.deduplicated), (0, 10));
    assert_eq!(triples(&hub), triples(&one));
    assert_sound(&hub);
}

/// Two contents under one name in one source: only the log tells whether the name is taken.
#[test]
fn two_contents_of_one_name_arrive_in_one_chunk() {
    let dir = TempDir::new("two-contents");
    store_with(&dir.join("one"), 3).close().unwrap();
    copy_dir(&dir.join("one"), &dir.join("two"));
    let (one, two) = (reopen(&dir.join("one")), reopen(&dir.join("two")));
    append_keys(&one, 7..8, " one");
    append_keys(&two, 7..8, " two");
    let hub = open_quick(&dir.join("hub"));
    import_with(&hub, &one, &mut keeping());
    import_with(&hub, &two, &mut keeping());
    for (number, overlap) in [false, true].into_iter().enumerate() {
        let next = open_quick(&dir.join(&format!("next{number}")));
        let report = import_with(&next, &hub, &mut ImportOptions { overlap, ..keeping() });
        assert_eq!((report.imported, report.conflicts_kept), (5, 1));
        assert_eq!(triples(&next), triples(&hub));
        let mut options = ImportOptions { on_conflict: OnConflict::Skip, overlap, ..by_origin() };
        let last = open_quick(&dir.join(&format!("last{number}")));
        let report = import_with(&last, &hub, &mut options);
        assert_eq!((report.imported, report.conflicts), (4, 1));
        // Without the one that came first, the other has the name.
        let other = open_quick(&dir.join(&format!("other{number}")));
        let mut leave_out = |event: &fbat::engine::model::event::Event<'_>| match rows(&one)
            .iter()
            .any(|row| row.content_hash == event.content_hash())
        {
            true => Verdict::Skip,
            false => Verdict::Keep,
        };
        let mut options = ImportOptions { filter: Some(&mut leave_out), overlap, ..keeping() };
        let report = import_with(&other, &hub, &mut options);
        assert_eq!((report.imported, report.conflicts_kept), (1, 0));
        let report = import_with(&other, &hub, &mut ImportOptions { overlap, ..keeping() });
        assert_eq!((report.imported, report.conflicts_kept), (4, 1));
        assert_eq!(triples(&other), triples(&hub));
    }
}

#[test]
fn a_conflict_that_is_kept_is_kept_by_name_too() {
    let dir = TempDir::new("kept-by-name");
    let [one, two, hub] = ["one", "two", "hub"].map(|name| open_quick(&dir.join(name)));
    append_keys(&one, 1..4, " one");
    append_keys(&two, 2..6, " two");
    import(&hub, &one, "device");
    for _ in 0..2 {
        let mut options = ImportOptions {
            on_conflict: OnConflict::Keep,
            allow_other_store: true,
            ..named("device")
        };
        import_with(&hub, &two, &mut options);
    }
    assert_eq!(rows(&hub).len(), 3 + 4);
}

#[test]
fn the_first_identity_of_a_store_is_remembered_and_the_other_refused() {
    let dir = TempDir::new("identities");
    let device = store_with(&dir.join("device"), 5);
    let hub = open_quick(&dir.join("hub"));
    import(&hub, &device, "plant/7");
    let error = refused(&hub, &device, &mut by_origin());
    assert_eq!(error.code(), Code::InvalidArgument);
    for part in [&*device.store_id().to_string(), "FBAT_IMPORT_ALLOW_OTHER_IDENTITY"] {
        assert!(error.message.contains(part), "{part} in: {error}");
    }
    let mut insisting = ImportOptions { allow_other_identity: true, ..by_origin() };
    assert_eq!(import_with(&hub, &device, &mut insisting).imported, 5, "they come again");
    let mut all = ImportOptions { resume: false, ..by_origin() };
    let again = import_with(&hub, &device, &mut all);
    assert_eq!(again.deduplicated, 5, "who insists is remembered");
    assert_eq!(import(&hub, &device, "plant/7").deduplicated, 5);

    let other = open_quick(&dir.join("other"));
    assert_eq!(pull(&other, &device).imported, 5);
    let error = refused(&other, &device, &mut named("plant/7"));
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let native = device.native_namespace();
    let error = refused(&other, &device, &mut named(&native));
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let mut insisting = ImportOptions { allow_other_identity: true, ..named("plant/7") };
    assert_eq!(import_with(&other, &device, &mut insisting).imported, 5);
    assert_eq!(import(&other, &device, "plant/7").deduplicated, 5);
    let mut all = ImportOptions { resume: false, ..by_origin() };
    assert_eq!(import_with(&other, &device, &mut all).deduplicated, 5);
}

#[test]
fn an_event_that_came_by_name_keeps_that_origin() {
    let dir = TempDir::new("mixed");
    let device = store_with(&dir.join("device"), 5);
    let [station, centre, far] =
        ["station", "centre", "far"].map(|name| open_quick(&dir.join(name)));
    import(&station, &device, "plant/7");
    append_keys(&station, 50..52, "");
    assert_eq!(pull(&centre, &station).imported, 7);
    assert_eq!(pull(&far, &centre).imported, 7);
    assert_eq!(pull(&far, &station).deduplicated, 7);
    assert_eq!(triples(&far), triples(&station));
    assert_eq!(import(&far, &device, "plant/7").deduplicated, 5, "one id for both");
}

#[test]
fn native_names_are_those_of_their_stores() {
    let dir = TempDir::new("native");
    let (device, hub) = (store_with(&dir.join("device"), 2), open_quick(&dir.join("hub")));
    let native = device.native_namespace();
    for namespace in ["store:", "store:plant", &*hub.native_namespace()] {
        let error = refused(&hub, &device, &mut named(namespace));
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message.contains(&native), "{error}");
        let mut options = ImportOptions { namespace: namespace.into(), ..by_origin() };
        assert_eq!(refused(&hub, &device, &mut options).code(), Code::InvalidArgument);
    }
    let mut options = ImportOptions { namespace: "plant".into(), ..by_origin() };
    assert_eq!(refused(&hub, &device, &mut options).code(), Code::InvalidArgument);
    let mut options = ImportOptions { namespace: native.clone(), ..by_origin() };
    assert_eq!(import_with(&hub, &device, &mut options).imported, 2);
}

#[test]
fn a_store_imported_into_itself_by_origin_gains_nothing() {
    let dir = TempDir::new("itself");
    let (hub, device) = (store_with(&dir.join("hub"), 9), store_with(&dir.join("device"), 4));
    pull(&hub, &device);
    let report = pull(&hub, &hub);
    assert_eq!((report.imported, report.skipped_reimported, report.deduplicated), (0, 9, 4));
}

#[test]
fn filters_by_what_an_event_carries_let_the_same_through_on_every_way() {
    let dir = TempDir::new("filters");
    let names = ["a", "b", "c", "d"];
    let stores = names.map(|name| open_quick(&dir.join(name)));
    for (at, store) in stores.iter().enumerate() {
        for key in 0..30_u16 {
            let payload = [at as u8, key as u8];
            let kind = Kind(0x1000 + key % 3);
            store.append(&NewEvent { kind, ..event("order", &payload) }).unwrap();
        }
    }
    for _ in 0..4 {
        for (from, to) in [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)] {
            let mut one_kind = |event: &fbat::engine::model::event::Event<'_>| match event.kind {
                Kind(0x1001) => Verdict::Keep,
                _ => Verdict::Skip,
            };
            let mut options = ImportOptions { filter: Some(&mut one_kind), ..by_origin() };
            import_with(&stores[to], &stores[from], &mut options);
        }
    }
    for store in &stores {
        let kinds = rows(store).into_iter().map(|row| row.kind.0);
        let counts = kinds.fold([0; 3], |mut counts, kind| {
            counts[usize::from(kind - 0x1000)] += 1;
            counts
        });
        assert_eq!(counts, [10, 40, 10]);
    }
}
