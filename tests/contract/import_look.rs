//! What an import would bring, where events are from, and what has one name with two contents.

use crate::common::*;
use fbat::engine::import::plan::PLAN_ROWS_MAX;
use fbat::engine::import::{ImportIdentity, ImportOptions, ImportReport, OnConflict};
use fbat::engine::model::error::Code;
use fbat::engine::model::event::{Columns, Event, NewEvent};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::origin::Conflict;
use fbat::engine::store::Store;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn keeping<'a>() -> ImportOptions<'a> {
    ImportOptions {
        identity: ImportIdentity::Origin,
        on_conflict: OnConflict::Keep,
        ..ImportOptions::default()
    }
}

fn append_text(store: &Store, key: u128, text: &str) {
    store.append(&NewEvent { key: Id(key), ..event("order", text.as_bytes()) }).unwrap();
}

/// Sequences and payloads of the events of a name.
fn of_origin(store: &Store, namespace: &str, id: Id) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    let is_end = store.by_origin(namespace, id, Columns::default(), &mut |event| {
        found.push((event.sequence, String::from_utf8(event.payload.to_vec()).unwrap()));
        0
    });
    assert!(is_end.unwrap());
    found
}

fn conflicts(store: &Store) -> Vec<Conflict> {
    let (all, is_end) = store.conflicts(0, 1000).unwrap();
    assert!(is_end);
    let (mut paged, mut after) = (Vec::new(), 0);
    loop {
        let (page, is_end) = store.conflicts(after, 2).unwrap();
        assert!(page.len() <= 2);
        after = page.last().map_or(after, |last| last.sequence);
        paged.extend(page);
        if is_end {
            break;
        }
    }
    assert_eq!(paged, all);
    all
}

/// A store that has events 1 to 3, and copies of it with the same store id that went on with other
/// contents of events 10 and up.
fn forks(dir: &TempDir, count: usize) -> Vec<Store> {
    let first = open_quick(&dir.join("0"));
    (1..4).for_each(|key| append_text(&first, key, "same"));
    first.close().unwrap();
    (1..count).for_each(|at| copy_dir(&dir.join("0"), &dir.join(&at.to_string())));
    (0..count)
        .map(|at| {
            let store = open_quick(&dir.join(&at.to_string()));
            (10..13).for_each(|key| append_text(&store, key, &format!("{key} of {at}")));
            store
        })
        .collect()
}

#[test]
fn conflicts_are_listed_and_found_by_their_origin() {
    let dir = TempDir::new("look-conflicts");
    let forks = forks(&dir, 4);
    let hub = open_quick(&dir.join("hub"));
    assert_eq!(conflicts(&hub), []);
    forks.iter().for_each(|fork| {
        import_with(&hub, fork, &mut keeping());
    });
    let name = forks[0].native_namespace();
    let found = conflicts(&hub);
    assert_eq!(found.len(), 9);
    for conflict in &found {
        assert_eq!(conflict.namespace, name);
        let rows = [conflict.first, conflict.kept].map(|place| {
            let row = get(&hub, place.id).unwrap();
            assert_eq!((row.sequence, row.content_hash), (place.sequence, place.content_hash));
            row
        });
        for row in &rows {
            let origin = row.provenance.as_ref().unwrap();
            assert_eq!((&origin.namespace, origin.event_id), (&name, conflict.event_id));
        }
        assert_ne!(rows[0].content_hash, rows[1].content_hash);
        assert_eq!(conflict.sequence + 1, conflict.kept.sequence, "right before it");
    }
    for key in 10..13 {
        let found = of_origin(&hub, &name, Id(key));
        let texts: Vec<_> = (0..4).map(|at| format!("{key} of {at}")).collect();
        assert_eq!(found.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>(), texts);
    }
    assert_eq!(of_origin(&hub, &name, Id(1)).len(), 1);
    assert_eq!(of_origin(&hub, &name, Id(9)), []);
    assert_eq!(of_origin(&hub, "other", Id(1)), []);
    let mut anew = ImportOptions { resume: false, ..keeping() };
    let again = import_with(&hub, &forks[3], &mut anew);
    assert_eq!((again.imported, again.deduplicated), (0, 6));
    assert_eq!(conflicts(&hub), found);
    assert_sound(&hub);
}

#[test]
fn what_contradicts_an_event_of_a_store_itself_is_found_by_its_origin() {
    let dir = TempDir::new("look-own");
    let forks = forks(&dir, 2);
    import_with(&forks[0], &forks[1], &mut keeping());
    let name = forks[0].native_namespace();
    let found = of_origin(&forks[0], &name, Id(11));
    assert_eq!(found.iter().map(|(_, t)| t.as_str()).collect::<Vec<_>>(), ["11 of 0", "11 of 1"]);
    let first = conflicts(&forks[0])[0].clone();
    assert_eq!((first.event_id, first.first.id), (Id(10), Id(10)));
    // And where it is imported from there.
    let hub = open_quick(&dir.join("hub"));
    import_with(&hub, &forks[0], &mut keeping());
    assert_eq!(of_origin(&hub, &name, Id(11)).len(), 2);
    assert_eq!(conflicts(&hub).len(), 3);
}

#[test]
fn conflicts_of_a_name_by_source_are_found_too() {
    let dir = TempDir::new("look-source");
    let [one, two] = ["one", "two"].map(|name| open_quick(&dir.join(name)));
    append_text(&one, 1, "one");
    append_text(&two, 1, "two");
    let hub = open_quick(&dir.join("hub"));
    for source in [&one, &two] {
        let mut options = ImportOptions {
            on_conflict: OnConflict::Keep,
            allow_other_store: true,
            ..named("plant")
        };
        import_with(&hub, source, &mut options);
    }
    assert_eq!(of_origin(&hub, "plant", Id(1)).len(), 2);
    assert_eq!(conflicts(&hub).len(), 1);
}

#[test]
fn chunks_and_threads_do_not_change_where_conflicts_are() {
    let dir = TempDir::new("look-chunks");
    let forks = forks(&dir, 3);
    let middle = open_quick(&dir.join("middle"));
    forks.iter().for_each(|fork| {
        import_with(&middle, fork, &mut keeping());
    });
    let mut seen: Vec<Vec<(u64, Id, Kind, Hash)>> = Vec::new();
    for (number, (chunk_size, overlap)) in
        [(1, false), (1, true), (2, true), (7, true), (256, false)].into_iter().enumerate()
    {
        let hub = open_quick(&dir.join(&format!("hub{number}")));
        for source in [&forks[2], &middle, &forks[0]] {
            import_with(&hub, source, &mut ImportOptions { chunk_size, overlap, ..keeping() });
        }
        assert_eq!(conflicts(&hub).len(), 6);
        let rows = rows_with_system(&hub);
        // The genesis event names the store.
        let rows = rows[1..].iter().map(|r| (r.sequence, r.id, r.kind, r.content_hash));
        seen.push(rows.collect());
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]));
}

#[test]
fn imports_at_once_keep_a_conflict_once() {
    let dir = TempDir::new("look-at-once");
    for round in 0..20 {
        let sub = TempDir::new(&format!("look-at-once-{round}"));
        let forks = forks(&sub, 3);
        let hub = open_quick(&dir.join(&round.to_string()));
        import_with(&hub, &forks[0], &mut keeping());
        std::thread::scope(|scope| {
            for at in [1, 2, 1, 2] {
                let (hub, fork) = (&hub, &forks[at]);
                scope.spawn(move || {
                    import_with(hub, fork, &mut ImportOptions { chunk_size: 2, ..keeping() })
                });
            }
        });
        let found = conflicts(&hub);
        assert_eq!(found.len(), 6, "{found:?}");
        for key in 10..13 {
            assert_eq!(of_origin(&hub, &forks[0].native_namespace(), Id(key)).len(), 3);
        }
    }
}

/// A report, without where the destination ends.
fn buckets(report: &ImportReport) -> ImportReport {
    ImportReport { destination_visible: 0, destination_durable: 0, ..*report }
}

/// Imports what a dry run has foreseen, which writes nothing. `options` makes the same each time.
#[track_caller]
fn foreseen<'a>(
    destination: &Store,
    source: &Store,
    mut options: impl FnMut() -> ImportOptions<'a>,
) -> ImportReport {
    let before = rows_with_system(destination);
    let mut dry = ImportOptions { dry_run: true, ..options() };
    let report = import_with(destination, source, &mut dry);
    assert_eq!(rows_with_system(destination), before);
    let done = import_with(destination, source, &mut options());
    assert_eq!(buckets(&report), buckets(&done));
    done
}

#[test]
fn a_dry_run_reports_what_the_import_then_does() {
    let dir = TempDir::new("look-dry");
    let source = open_quick(&dir.join("source"));
    fill(&source, 0, 500);
    let hub = open_quick(&dir.join("hub"));
    let every_third = |event: &Event<'_>| match event.sequence % 3 {
        0 => Verdict::Keep,
        _ => Verdict::Skip,
    };
    let (mut one, heard) = (every_third, Cell::new(0));
    let mut progress = |report: &ImportReport| {
        heard.set(heard.get() + 1);
        assert!(report.imported <= 500);
        Verdict::Keep
    };
    let mut options =
        ImportOptions { filter: Some(&mut one), progress: Some(&mut progress), ..named("plant") };
    options.dry_run = true;
    let dry = import_with(&hub, &source, &mut options);
    options.dry_run = false;
    assert_eq!(heard.get(), 2, "after 256 events, and at the end");
    let done = import_with(&hub, &source, &mut options);
    assert_eq!(buckets(&dry), buckets(&done));
    assert!(dry.imported > 100 && dry.skipped_filtered > 300 && dry.skipped_reserved == 1);
    let all = foreseen(&hub, &source, || named("plant"));
    assert_eq!(all.deduplicated, dry.imported);
    let none = foreseen(&hub, &source, || ImportOptions { after: 501, ..named("plant") });
    assert_eq!((examined(&none), none.resume_after), (0, 501));
}

#[test]
fn a_dry_run_needs_a_destination_for_reading_only() {
    let dir = TempDir::new("look-reader");
    let [source, hub] = ["source", "hub"].map(|name| open_quick(&dir.join(name)));
    fill(&source, 0, 50);
    import_with(&hub, &source, &mut named("plant"));
    fill(&source, 50, 20);
    let reader = open_reader(&dir.join("hub"));
    let report =
        import_with(&reader, &source, &mut ImportOptions { dry_run: true, ..named("plant") });
    assert_eq!((report.imported, report.deduplicated), (20, 50));
    let (_, error) = failed(reader.import(&source, &mut named("plant")));
    assert_eq!(error.code(), Code::ReadOnly);
    // What an import is refused, a dry run is.
    let other = open_quick(&dir.join("other"));
    append_text(&other, 1, "other");
    let mut dry = ImportOptions { dry_run: true, ..named("plant") };
    let (_, error) = failed(reader.import(&other, &mut dry));
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[test]
fn a_dry_run_names_the_conflict_that_ends_the_import() {
    let dir = TempDir::new("look-fails");
    let forks = forks(&dir, 2);
    let hub = open_quick(&dir.join("hub"));
    import_with(&hub, &forks[0], &mut keeping());
    let by_origin = || ImportOptions {
        identity: ImportIdentity::Origin,
        chunk_size: 1,
        overlap: false,
        ..ImportOptions::default()
    };
    let (dry, why) =
        failed(hub.import(&forks[1], &mut ImportOptions { dry_run: true, ..by_origin() }));
    let (report, error) = failed(hub.import(&forks[1], &mut by_origin()));
    assert_eq!((why.code(), why.to_string()), (Code::ImportConflict, error.to_string()));
    assert_eq!(buckets(&dry), buckets(&report));
}

#[test]
fn a_dry_run_knows_of_conflicts_that_the_import_itself_would_make() {
    let dir = TempDir::new("look-dry-conflicts");
    let forks = forks(&dir, 4);
    let middle = open_quick(&dir.join("middle"));
    forks.iter().for_each(|fork| {
        import_with(&middle, fork, &mut keeping());
    });
    let (seed, mut seen) = (seed_from_env(), BTreeSet::new());
    for number in 0..200u64 {
        let mut rng = Rng(seed.wrapping_add(number));
        let hub = open_quick(&dir.join(&format!("hub{number}")));
        if rng.one_in(2) {
            import_with(&hub, rng.pick(&forks), &mut keeping());
        }
        let (salt, few) = (rng.next(), rng.range(2, 4));
        let mut filters = [0; 2].map(|_| {
            move |event: &Event<'_>| match event.sequence.wrapping_mul(salt | 1) >> 32 & 3 < few {
                true => Verdict::Keep,
                false => Verdict::Skip,
            }
        });
        let on_conflict = *rng.pick(&[OnConflict::Keep, OnConflict::Skip]);
        let (mut left, chunk_size) = (filters.iter_mut(), rng.range(1, 9) as u32);
        let source = if rng.one_in(4) { &forks[1] } else { &middle };
        let report = foreseen(&hub, source, || ImportOptions {
            filter: left.next().map(|f| f as &mut dyn FnMut(&Event<'_>) -> Verdict),
            on_conflict,
            chunk_size,
            ..keeping()
        });
        seen.insert((report.conflicts > 0, report.conflicts_kept > 0, report.imported > 3));
    }
    assert!(seen.len() > 3, "{seen:?}");
}

#[test]
fn a_dry_run_knows_what_comes_back_of_what_the_import_itself_would_bring() {
    let seed = seed_from_env();
    let (mut back, mut lost) = (0, 0);
    for number in 0..60u64 {
        let dir = TempDir::new(&format!("look-back-{number}"));
        let mut rng = Rng(seed.wrapping_add(number));
        let paths = ["a", "b"].map(|name| dir.join(name));
        let mut stores = paths.clone().map(|path| open_quick(&path));
        let mut paths = paths;
        let mut older: Option<PathBuf> = None;
        for step in 0..rng.range(6, 24) {
            let to = rng.below(2) as usize;
            match rng.below(8) {
                0..=2 => drop(fill(&stores[to], rng.next() >> 32, rng.range(1, 20))),
                3 if older.is_none() => {
                    stores[0].close().unwrap();
                    let copy = dir.join(&format!("older{step}"));
                    copy_dir(&paths[0], &copy);
                    stores[0] = open_quick(&paths[0]);
                    older = Some(copy);
                }
                4 => {
                    if let Some(path) = older.take() {
                        lost += 1;
                        stores[0].close().unwrap();
                        stores[0] = open_quick(&path);
                        paths[0] = path;
                    }
                }
                _ => {
                    let chunk_size = rng.range(1, 30) as u32;
                    let options =
                        || ImportOptions { allow_other_store: true, chunk_size, ..named("x") };
                    let report = foreseen(&stores[to], &stores[1 - to], options);
                    back += report.skipped_reimported;
                }
            }
        }
    }
    assert!(back > 0 && lost > 0);
}

#[test]
fn a_plan_has_what_the_import_brings_by_origin_prefix_and_kind() {
    let dir = TempDir::new("look-plan");
    let [plant, station, hub] = ["plant", "station", "hub"].map(|name| open_quick(&dir.join(name)));
    let append = |store: &Store, entity: &str, kind: u16, payload: &[u8]| {
        store.append(&NewEvent { kind: Kind(kind), ..event(entity, payload) }).unwrap();
    };
    append(&plant, "pump:1", 0x1001, b"12345");
    append(&plant, "pump:2:motor", 0x1001, b"123");
    append(&plant, "pump", 0x1001, b"1");
    append(&plant, "pump:1", 0x1002, b"");
    append(&plant, "door:1", 0x1001, b"1");
    import_with(&station, &plant, &mut keeping());
    append(&station, "door:1", 0x1001, b"12");
    let end = hub.frontier().unwrap();
    let (outcome, rows) = hub.plan_import(&station, &mut keeping());
    assert_eq!(hub.frontier().unwrap(), end);
    outcome.result.unwrap();
    let found: BTreeSet<_> = rows
        .iter()
        .map(|row| {
            let group = row.group.as_ref().unwrap();
            let (namespace, prefix) =
                (group.namespace.to_string(), group.entity_prefix.to_string());
            (namespace, prefix, group.kind.0, row.events, row.payload_bytes)
        })
        .collect();
    let (plant_name, station_name) = (plant.native_namespace(), station.native_namespace());
    let row = |name: &String, prefix: &str, kind, events, bytes| {
        (name.clone(), prefix.to_owned(), kind, events, bytes)
    };
    let expected = [
        row(&plant_name, "door", 0x1001, 1, 1),
        row(&plant_name, "pump", 0x1001, 3, 9),
        row(&plant_name, "pump", 0x1002, 1, 0),
        row(&station_name, "door", 0x1001, 1, 2),
    ];
    assert_eq!(found, BTreeSet::from(expected));
    assert!(rows.is_sorted_by(|a, b| a.group < b.group));
    assert_eq!(outcome.report.imported, 6);
    import_with(&hub, &station, &mut keeping());
    assert_eq!(hub.plan_import(&station, &mut keeping()).1, []);
    let (_, rows) = hub.plan_import(&station, &mut named("station"));
    assert!(rows.iter().all(|row| &*row.group.as_ref().unwrap().namespace == "station"));
}

#[test]
fn what_is_beyond_the_rows_of_a_plan_is_summed_up() {
    let dir = TempDir::new("look-rest");
    let [source, hub] = ["source", "hub"].map(|name| open_quick(&dir.join(name)));
    let entities: Vec<String> = (0..PLAN_ROWS_MAX + 20).map(|n| format!("e{n}:x")).collect();
    for some in entities.chunks(8192) {
        let events: Vec<_> = some.iter().map(|entity| event(entity, b"abc")).collect();
        source.append_batch(&events).unwrap();
    }
    let (_, rows) = hub.plan_import(&source, &mut keeping());
    assert_eq!(rows.len(), PLAN_ROWS_MAX + 1);
    let rest = rows.last().unwrap();
    assert_eq!((rest.group.is_none(), rest.events, rest.payload_bytes), (true, 20, 60));
}
