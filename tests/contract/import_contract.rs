//! The import contract, rule by rule: every test is named after the promise that it keeps.

use crate::common::spy::Spy;
use crate::common::*;
use fbat::engine::import::{ImportDurability, ImportOptions, ImportReport, OnConflict, CHUNK_SIZE};
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::model::event::{Columns, Event, Expect, NewEvent};
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::model::limits;
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::{Cancel, Verdict};
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::cell::RefCell;
use std::time::Duration;

/// A source and a destination in one directory.
struct Pair {
    dir: TempDir,
    source: Store,
    destination: Store,
}

impl Pair {
    fn new(name: &str) -> Pair {
        Pair::with(name, &quick(), &quick())
    }

    fn with(name: &str, source: &Options, destination: &Options) -> Pair {
        let dir = TempDir::new(name);
        Pair {
            source: open(&dir.join("source"), source),
            destination: open(&dir.join("destination"), destination),
            dir,
        }
    }

    /// With `count` events in the source.
    fn filled(name: &str, count: u64) -> Pair {
        let pair = Pair::new(name);
        fill(&pair.source, 0, count);
        pair
    }
}

/// Every event of `source` is in `destination` exactly once, in the source's order and as import
/// promises it.
#[track_caller]
fn assert_copied(destination: &Store, source: &Store, namespace: &str) {
    let differences = copy_differences(&rows(destination), &rows(source), namespace);
    assert!(differences.is_empty(), "{differences:#?}");
}

/// What keeps the imported rows of `there` from being the rows of `source`, one for one.
fn copy_differences(there: &[Row], source: &[Row], namespace: &str) -> Vec<String> {
    let copies: Vec<&Row> = there
        .iter()
        .filter(|r| r.provenance.as_ref().is_some_and(|p| p.namespace == namespace))
        .collect();
    let mut found = Vec::new();
    if copies.len() != source.len() {
        found.push(format!("{} events were copied as {}", source.len(), copies.len()));
    }
    for (copy, row) in copies.iter().zip(source) {
        let provenance = copy.provenance.as_ref().unwrap();
        let faults = [
            (copy.id != import_id(namespace, row.id), "id"),
            (copy.carried() != row.carried(), "content"),
            (copy.content_hash.0 != *blake3::hash(&row.payload).as_bytes(), "content hash"),
            (!copy.causation.is_none(), "causation"),
            (provenance.event_id != row.id || provenance.sequence != row.sequence, "provenance"),
            (
                provenance.kind != row.kind || provenance.content_hash != row.content_hash,
                "provenance",
            ),
            (provenance.schema_version != 1, "schema version"),
        ];
        for (_, what) in faults.iter().filter(|(wrong, _)| *wrong) {
            found
                .push(format!("{what} of source sequence {}: {copy:?} from {row:?}", row.sequence));
        }
    }
    found
}

fn counts(report: &ImportReport) -> [u64; 7] {
    [
        report.imported,
        report.deduplicated,
        report.skipped_reserved,
        report.skipped_filtered,
        report.skipped_reimported,
        report.conflicts,
        report.overtaken,
    ]
}

// ------------------------------------------------------------------------------------ buckets

#[test]
fn every_event_comes_over_once_with_its_provenance_and_the_buckets_add_up() {
    let pair = Pair::filled("copy", 700);
    let report = import(&pair.destination, &pair.source, "s");
    assert_eq!(counts(&report), [700, 0, 1, 0, 0, 0, 0]);
    assert_eq!(examined(&report), 701, "the genesis event is examined too");
    let visible = pair.source.frontier().unwrap().visible;
    assert_eq!((report.source_high_watermark, report.source_ceiling), (visible, visible));
    let frontier = pair.destination.frontier().unwrap();
    assert_eq!(
        (report.destination_visible, report.destination_durable),
        (frontier.visible, frontier.durable)
    );
    assert_copied(&pair.destination, &pair.source, "s");
    assert_sound(&pair.destination);
}

#[test]
fn canary_a_copy_that_lacks_doubles_or_alters_an_event_is_noticed() {
    let pair = Pair::filled("canary", 20);
    import(&pair.destination, &pair.source, "s");
    let (there, source) = (rows(&pair.destination), rows(&pair.source));
    assert!(copy_differences(&there, &source, "s").is_empty());
    assert!(!copy_differences(&there[1..], &source, "s").is_empty());
    assert!(!copy_differences(&[&there[..], &there[19..]].concat(), &source, "s").is_empty());
    let mut altered = there.clone();
    altered[7].flags ^= 1;
    assert!(!copy_differences(&altered, &source, "s").is_empty());
    let mut swapped = there.clone();
    swapped.swap(3, 4);
    assert!(!copy_differences(&swapped, &source, "s").is_empty());
}

#[test]
fn an_event_that_fits_several_buckets_lands_in_the_first() {
    let pair = Pair::new("order");
    let store = &pair.source;
    let original = store.append(&event("a", b"one")).unwrap();
    assert_eq!(import_with(store, store, &mut named_self("n")).imported, 1);
    let copy = get(store, import_id("n", original.id)).unwrap();
    // The copy is our own output, and its key is there too: it counts as our own output.
    let again = NewEvent { key: import_id("n", copy.id), ..event("a", b"one") };
    store.append(&again).unwrap();

    let report = import_with(store, store, &mut named_self("n"));
    // genesis and the records of namespace and run reserved; original deduplicated; copy reimported
    // although its key is there; `again` imported.
    assert_eq!(counts(&report), [1, 1, 3, 0, 1, 0, 0]);

    // A filter that leaves out everything wins over what comes behind it, and never sees the
    // reserved.
    let mut seen = Vec::new();
    let mut filter = |e: &Event<'_>| {
        seen.push(e.kind);
        Verdict::Skip
    };
    let report = import_with(
        store,
        store,
        &mut ImportOptions { filter: Some(&mut filter), ..named_self("n") },
    );
    assert_eq!(counts(&report), [0, 0, 4, 4, 0, 0, 0]);
    assert!(seen.iter().all(|kind| !kind.is_reserved()));

    // The ceiling comes first of all: what is above it is not even counted as reserved or left out.
    let mut filter = |_: &Event<'_>| {
        store.append(&event("late", b"x")).unwrap();
        Verdict::Skip
    };
    let report = import_with(
        store,
        store,
        &mut ImportOptions { filter: Some(&mut filter), ..named_self("n") },
    );
    assert_eq!((examined(&report), report.source_high_watermark), (8, 8));
}

#[test]
fn reserved_kinds_are_examined_and_skipped() {
    let pair = Pair::new("reserved");
    let report = import(&pair.destination, &pair.source, "s");
    assert_eq!(counts(&report), [0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(report.source_high_watermark, 1, "skipped events move the watermark too");
    assert_eq!(rows_with_system(&pair.destination).len(), 1, "only the destination's own genesis");
}

#[test]
fn importing_again_brings_nothing_new() {
    let pair = Pair::filled("again", 500);
    import(&pair.destination, &pair.source, "s");
    let before = rows_with_system(&pair.destination);
    for chunk_size in [1, 256] {
        let report = import_with(
            &pair.destination,
            &pair.source,
            &mut ImportOptions { chunk_size, ..named("s") },
        );
        assert_eq!(counts(&report), [0, 500, 1, 0, 0, 0, 0]);
    }
    assert_eq!(rows_with_system(&pair.destination), before);
}

#[test]
fn importing_again_after_reopening_both_stores_brings_nothing_new() {
    let pair = Pair::filled("reopened", 500);
    import(&pair.destination, &pair.source, "s");
    pair.source.close().unwrap();
    pair.destination.close().unwrap();
    let (source, destination) =
        (open_quick(&pair.dir.join("source")), open_quick(&pair.dir.join("destination")));
    assert_eq!(counts(&import(&destination, &source, "s")), [0, 500, 1, 0, 0, 0, 0]);
    fill(&source, 500, 10);
    assert_eq!(counts(&import(&destination, &source, "s")), [10, 500, 1, 0, 0, 0, 0]);
    assert_copied(&destination, &source, "s");
}

#[test]
fn under_another_namespace_the_events_come_again() {
    let pair = Pair::filled("namespaces", 50);
    assert_eq!(import(&pair.destination, &pair.source, "one").imported, 50);
    assert_eq!(import(&pair.destination, &pair.source, "two").imported, 50);
    assert_copied(&pair.destination, &pair.source, "one");
    assert_copied(&pair.destination, &pair.source, "two");
    assert_eq!(rows(&pair.destination).len(), 100);
}

#[test]
fn a_store_skips_what_an_import_of_this_very_namespace_brought_it() {
    let pair = Pair::filled("chain", 40);
    import(&pair.destination, &pair.source, "loop");
    // Back into the source under the same name: all of it is the namespace's own output.
    let report = import(&pair.source, &pair.destination, "loop");
    assert_eq!(counts(&report), [0, 0, 3, 0, 40, 0, 0]);
    // Under another name it is a new identity, and the second hop's provenance tells of the second
    // hop.
    assert_eq!(import(&pair.source, &pair.destination, "back").imported, 40);
    let back: Vec<Row> =
        rows(&pair.source).into_iter().filter(|r| r.provenance.is_some()).collect();
    for (row, middle) in back.iter().zip(rows(&pair.destination)) {
        let provenance = row.provenance.clone().unwrap();
        assert_eq!((provenance.namespace.as_str(), provenance.event_id), ("back", middle.id));
        assert_eq!((row.id, provenance.sequence), (import_id("back", middle.id), middle.sequence));
        assert_eq!(row.carried(), middle.carried());
    }
}

// ------------------------------------------------------------------------------------ ceiling

#[test]
fn what_the_source_gains_during_an_import_is_not_part_of_it() {
    let pair = Pair::filled("live", 300);
    let mut filter = |_: &Event<'_>| {
        pair.source.append(&event("late", b"appended by the filter")).unwrap();
        Verdict::Keep
    };
    let mut options = ImportOptions { filter: Some(&mut filter), chunk_size: 7, ..named("s") };
    let report = import_with(&pair.destination, &pair.source, &mut options);
    assert_eq!(report.imported, 300);
    assert_eq!((report.source_ceiling, report.source_high_watermark), (301, 301));
    // The next import brings it, and only it.
    assert_eq!(counts(&import(&pair.destination, &pair.source, "s")), [300, 300, 1, 0, 0, 0, 0]);
    assert_copied(&pair.destination, &pair.source, "s");
}

#[test]
fn a_store_imported_into_itself_sees_exactly_what_was_there_before() {
    let pair = Pair::filled("self", 100);
    let store = &pair.source;
    for chunk_size in [1, 7, 256] {
        let namespace = format!("self{chunk_size}");
        let (before, visible) = (rows(store), store.frontier().unwrap().visible);
        let report =
            import_with(store, store, &mut ImportOptions { chunk_size, ..named_self(&namespace) });
        assert_eq!(report.imported, before.len() as u64);
        assert_eq!(report.source_high_watermark, visible);
        let after = rows(store);
        assert_eq!(after[..before.len()], before);
        assert!(copy_differences(&after, &before, &namespace).is_empty());
    }
    // Again: what was there is known, what the namespace brought is its own output, the rest comes.
    let report = import_with(store, store, &mut named_self("self256"));
    assert_eq!(counts(&report), [0, 400, 7, 0, 400, 0, 0]);
    assert_sound(store);
}

#[test]
fn a_store_imported_through_its_own_reader_ends_too() {
    let pair = Pair::filled("reader", 100);
    let reader = open_reader(&pair.dir.join("source"));
    assert_eq!(import_with(&pair.source, &reader, &mut named_self("self")).imported, 100);
    assert_eq!(rows(&pair.source).len(), 200);
}

// ------------------------------------------------------------------------------------ selector

#[test]
fn after_is_exclusive_and_keeps_the_region() {
    let pair = Pair::filled("after", 100);
    let source = rows(&pair.source);
    let region = Region { scopes: vec!["scope1".into()], ..Region::default() };
    let after = source[40].sequence;
    let expected: Vec<&Row> = source[41..].iter().filter(|r| r.scope == "scope1").collect();
    let mut options = ImportOptions { after, region: region.clone(), ..named("s") };
    let report = import_with(&pair.destination, &pair.source, &mut options);
    assert_eq!(counts(&report), [expected.len() as u64, 0, 0, 0, 0, 0, 0]);
    assert_eq!(report.source_high_watermark, expected.last().unwrap().sequence);
    assert_eq!((options.after, &options.region), (after, &region), "what was set can be read back");
    let from: Vec<u64> =
        rows(&pair.destination).into_iter().map(|r| r.provenance.unwrap().sequence).collect();
    assert_eq!(from, expected.iter().map(|r| r.sequence).collect::<Vec<_>>());
}

#[test]
fn after_the_end_nothing_is_examined() {
    let pair = Pair::filled("end", 10);
    let report = import_with(
        &pair.destination,
        &pair.source,
        &mut ImportOptions { after: 11, ..named("s") },
    );
    assert_eq!((examined(&report), report.source_high_watermark, report.resume_after), (0, 0, 11));
    let report = import_with(
        &pair.destination,
        &pair.source,
        &mut ImportOptions { after: 10, ..named("s") },
    );
    assert_eq!((report.imported, examined(&report), report.source_high_watermark), (1, 1, 11));
}

#[test]
fn every_part_of_a_region_selects() {
    let pair = Pair::filled("region", 400);
    let below = |row: &Row| row.entity == "quake" || row.entity.starts_with("quake:");
    type Case = (Region, Box<dyn Fn(&Row) -> bool>);
    let cases: Vec<Case> = vec![
        (Region { entity: Some("quake".into()), ..Region::default() }, Box::new(below)),
        (
            Region { entity: Some("quake2".into()), ..Region::default() },
            Box::new(|r| r.entity == "quake2"),
        ),
        (
            Region { scopes: vec!["scope2".into()], ..Region::default() },
            Box::new(|r| r.scope == "scope2"),
        ),
        (
            Region { kinds: vec![KindRange::exact(Kind(0x1801))], ..Region::default() },
            Box::new(|r| r.kind == Kind(0x1801)),
        ),
        (
            Region { kinds: vec![KindRange::category(2)], ..Region::default() },
            Box::new(|r| r.kind.category() == 2),
        ),
        (
            Region { versions: Some((3, 17)), ..Region::default() },
            Box::new(|r| (3..=17).contains(&r.version)),
        ),
        (
            Region { timestamps: Some((-4_000_000, 40_000_000)), ..Region::default() },
            Box::new(|r| (-4_000_000..=40_000_000).contains(&r.timestamp_us)),
        ),
        (
            Region {
                entity: Some("quake:1".into()),
                scopes: vec!["scope0".into()],
                kinds: vec![KindRange::category(1)],
                versions: Some((2, 30)),
                ..Region::default()
            },
            Box::new(|r| {
                r.entity == "quake:1"
                    && r.scope == "scope0"
                    && r.kind.category() == 1
                    && (2..=30).contains(&r.version)
            }),
        ),
        (Region { entity: Some("nothing".into()), ..Region::default() }, Box::new(|_| false)),
    ];
    for (at, (region, holds)) in cases.into_iter().enumerate() {
        let namespace = format!("region{at}");
        let report = import_with(
            &pair.destination,
            &pair.source,
            &mut ImportOptions { region, ..named(&namespace) },
        );
        let mut expected = rows(&pair.source);
        expected.retain(|row| holds(row));
        assert_eq!(report.imported, expected.len() as u64, "{namespace}");
        assert!(
            copy_differences(&rows(&pair.destination), &expected, &namespace).is_empty(),
            "{namespace}"
        );
        assert_eq!(
            report.source_high_watermark,
            expected.last().map_or(0, |row| row.sequence),
            "{namespace}"
        );
    }
}

// ------------------------------------------------------------------------------------ options

#[test]
fn a_namespace_is_required_and_bounded() {
    let pair = Pair::filled("namespace", 3);
    for (namespace, ok) in [
        ("".to_owned(), false),
        ("n".repeat(1025), false),
        ("a\tb".into(), false),
        ("\u{7f}".into(), false),
        ("n".repeat(1024), true),
        ("ä".into(), true),
    ] {
        let before = rows(&pair.destination).len();
        let outcome = pair.destination.import(&pair.source, &mut named(&namespace));
        assert_eq!(outcome.result.is_ok(), ok, "{} bytes", namespace.len());
        if ok {
            assert_copied(&pair.destination, &pair.source, &namespace);
        } else {
            let (report, error) = failed(outcome);
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message.contains("namespace"), "{}", error.message);
            assert_eq!((examined(&report), rows(&pair.destination).len()), (0, before));
        }
    }
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let options = ImportOptions::default();
    assert_eq!((options.chunk_size, CHUNK_SIZE, options.after), (256, 256, 0));
    assert_eq!(
        (options.on_conflict, options.durability),
        (OnConflict::Fail, ImportDurability::End)
    );
    assert_eq!((options.region, options.rehash), (Region::default(), false));
    assert_eq!(
        options.filter_columns,
        Columns { payload: false, extensions: true, previous_hash: false }
    );
}

/// The sizes of the chunks that an import commits, as its progress callback sees them.
fn chunks(destination: &Store, source: &Store, options: &mut ImportOptions<'_>) -> Vec<u64> {
    let seen = RefCell::new(vec![0]);
    let mut progress = |report: &ImportReport| {
        seen.borrow_mut().push(report.imported);
        assert_eq!(report.destination_visible, destination.frontier().unwrap().visible);
        Verdict::Keep
    };
    // The options outlive the callback, so they get it by value.
    let mut with = ImportOptions {
        namespace: options.namespace.clone(),
        region: options.region.clone(),
        after: options.after,
        chunk_size: options.chunk_size,
        overlap: false, // or the next chunk may be there when progress is told of one
        progress: Some(&mut progress),
        ..ImportOptions::default()
    };
    let report = import_with(destination, source, &mut with);
    let seen = seen.into_inner();
    assert_eq!(*seen.last().unwrap(), report.imported, "progress is told of the last chunk too");
    seen.windows(2).map(|w| w[1] - w[0]).filter(|n| *n > 0).collect()
}

#[test]
fn an_import_does_the_same_on_one_thread_and_on_two() {
    let pair = Pair::filled("threads", 500);
    let mut told = Vec::new();
    for overlap in [false, true] {
        let destination = open(&pair.dir.join(&format!("overlap-{overlap}")), &quick());
        let mut seen = Vec::new();
        let mut filter =
            |e: &Event<'_>| if e.sequence % 7 == 3 { Verdict::Skip } else { Verdict::Keep };
        let mut progress = |report: &ImportReport| {
            seen.push((report.imported, report.skipped_filtered, report.source_high_watermark));
            Verdict::Keep
        };
        let mut options = ImportOptions {
            chunk_size: 13,
            overlap,
            filter: Some(&mut filter),
            progress: Some(&mut progress),
            ..named("s")
        };
        let report = import_with(&destination, &pair.source, &mut options);
        let again = import(&destination, &pair.source, "s");
        assert_eq!(again.deduplicated, report.imported);
        let events: Vec<_> =
            rows(&destination).iter().map(|row| (row.sequence, row.id, row.content_hash)).collect();
        told.push((seen, report.imported, again.imported, events));
    }
    assert!(told[0].0.len() > 30);
    assert_eq!(told[0], told[1]);
}

#[test]
fn progress_is_told_of_each_chunk_and_each_is_visible_as_a_whole() {
    let pair = Pair::filled("progress", 600);
    let sizes = chunks(
        &pair.destination,
        &pair.source,
        &mut ImportOptions { chunk_size: 256, ..named("s") },
    );
    assert_eq!(sizes, [256, 256, 88]);
}

#[test]
fn a_chunk_size_of_0_counts_as_1_and_is_cut_to_the_batch_maximum() {
    let mut small = quick();
    small.limits.batch_events_max = 50;
    let pair = Pair::with("size", &quick(), &small);
    fill(&pair.source, 0, 120);
    let mut options = ImportOptions { chunk_size: 0, ..named("zero") };
    assert_eq!(chunks(&pair.destination, &pair.source, &mut options), [1; 120]);
    assert_eq!(options.chunk_size, 0, "what was set can be read back");
    let mut options = ImportOptions { chunk_size: u32::MAX, ..named("most") };
    assert_eq!(chunks(&pair.destination, &pair.source, &mut options), [50, 50, 20]);
    assert_eq!(options.chunk_size, u32::MAX, "the cut is made when the import runs");
}

#[test]
fn no_chunk_is_larger_than_the_largest_batch() {
    let pair = Pair::new("largest");
    for _ in 0..2 {
        pair.source.append_batch(&vec![event("e", b""); 35_000]).unwrap();
    }
    let sizes = chunks(
        &pair.destination,
        &pair.source,
        &mut ImportOptions { chunk_size: 100_000, ..named("s") },
    );
    assert_eq!(sizes, [65_536, 4_464]);
}

#[test]
fn chunk_size_changes_nothing_in_the_store_that_comes_out() {
    let dir = TempDir::new("sizes");
    let source = open_quick(&dir.join("source"));
    fill(&source, 0, 1500);
    let copy = |chunk_size: u32, seed: u64| {
        let store = open(&dir.join(&format!("size{chunk_size}seed{seed}")), &repeatable(seed));
        fill(&store, 5000, 10); // something that is there before
        let report = import_with(&store, &source, &mut ImportOptions { chunk_size, ..named("s") });
        assert_eq!(report.imported, 1500);
        (rows_with_system(&store), store.log_hash().unwrap(), store.store_id())
    };
    let (rows_of_1, hash_of_1, id_of_1) = copy(1, 42);
    for chunk_size in [7, 256, 100_000] {
        let (rows, hash, id) = copy(chunk_size, 42);
        assert_eq!(id, id_of_1);
        assert_eq!(rows.len(), rows_of_1.len());
        for (row, row_of_1) in rows.iter().zip(&rows_of_1) {
            assert_eq!(row, row_of_1, "chunk size {chunk_size}");
        }
        assert_eq!(hash, hash_of_1, "chunk size {chunk_size}");
    }
    // The comparison can fail: other randomness is another store.
    let (rows, hash, id) = copy(7, 43);
    assert!(rows != rows_of_1 && hash != hash_of_1 && id != id_of_1);
}

// ------------------------------------------------------------------------------------ filter

#[test]
fn a_filter_keeps_skips_and_stops_with_its_own_code() {
    let pair = Pair::filled("filter", 100);
    let mut filter =
        |e: &Event<'_>| if e.sequence.is_multiple_of(2) { Verdict::Keep } else { Verdict::Skip };
    let mut options = ImportOptions { filter: Some(&mut filter), ..named("s") };
    let report = import_with(&pair.destination, &pair.source, &mut options);
    assert_eq!(counts(&report), [50, 0, 1, 50, 0, 0, 0]);
    assert!(rows(&pair.destination)
        .iter()
        .all(|r| r.provenance.as_ref().unwrap().sequence % 2 == 0));

    for status in [-1, -2, -4711, i32::MIN] {
        let mut filter =
            |e: &Event<'_>| if e.sequence == 60 { Verdict::Stop(status) } else { Verdict::Keep };
        let mut options = ImportOptions { filter: Some(&mut filter), ..named("stop") };
        let (_, error) = failed(pair.destination.import(&pair.source, &mut options));
        assert_eq!((error.code(), error.callback_status), (Code::Stopped, status));
    }
    for answer in [0, 1, 2, i32::MAX] {
        let mut filter = |_: &Event<'_>| Verdict::Stop(answer);
        let mut options = ImportOptions { filter: Some(&mut filter), ..named("answer") };
        let (report, error) = failed(pair.destination.import(&pair.source, &mut options));
        assert_eq!(
            (error.code(), report.imported),
            (Code::InvalidArgument, 0),
            "{answer} stops nothing, it is wrong"
        );
    }
}

#[test]
fn a_filter_sees_everything_about_an_event_but_its_payload() {
    let pair = Pair::filled("sees", 60);
    // So that some carry a provenance.
    import_with(&pair.source, &pair.source, &mut named_self("earlier"));
    let all = rows(&pair.source);
    for payload in [false, true] {
        let mut seen = Vec::new();
        let mut filter = |e: &Event<'_>| {
            assert!(payload || e.payload.is_empty());
            seen.push(Row::from(e));
            Verdict::Skip
        };
        let filter_columns = Columns { payload, extensions: true, previous_hash: payload };
        import_with(
            &pair.destination,
            &pair.source,
            &mut ImportOptions { filter: Some(&mut filter), filter_columns, ..named("s") },
        );
        let mut expected = all.clone();
        for row in &mut expected {
            if !payload {
                row.payload.clear();
                row.previous_hash = None;
            }
        }
        assert_eq!(seen, expected, "with payload: {payload}");
    }
}

#[test]
fn a_filter_may_read_both_stores_and_append_to_the_destination() {
    let pair = Pair::filled("busy-filter", 100);
    let (source, destination) = (&pair.source, &pair.destination);
    let mut filter = |e: &Event<'_>| {
        let here = get(source, e.id).expect("the source can be read");
        assert_eq!(here.sequence, e.sequence);
        assert_eq!(
            source.head(e.entity).unwrap().is_some(),
            source.frontier().unwrap().visible > 0
        );
        let note = format!("note on {}", e.sequence);
        let receipt = destination.append(&event("notes", note.as_bytes())).unwrap();
        assert_eq!(get(destination, receipt.id).unwrap().payload, note.as_bytes());
        assert!(destination.query(&Query { page_rows: 5, ..Query::default() }).is_ok());
        Verdict::Keep
    };
    let mut options = ImportOptions { filter: Some(&mut filter), chunk_size: 7, ..named("s") };
    let report = import_with(destination, source, &mut options);
    assert_eq!(report.imported, 100);
    assert_copied(destination, source, "s");
    assert_eq!(destination.head("notes").unwrap().unwrap().version, 100);
    assert_eq!(report.destination_visible, 203);
    assert_sound(destination);
}

#[test]
fn a_progress_callback_may_read_both_stores_and_append_to_the_destination() {
    let pair = Pair::filled("busy-progress", 100);
    let mut progress = |report: &ImportReport| {
        assert!(rows(&pair.destination).len() as u64 >= report.imported);
        assert!(get(&pair.source, rows(&pair.source)[0].id).is_some());
        pair.destination.append(&event("progress", b"!")).unwrap();
        Verdict::Keep
    };
    let mut options = ImportOptions { progress: Some(&mut progress), chunk_size: 10, ..named("s") };
    assert_eq!(import_with(&pair.destination, &pair.source, &mut options).imported, 100);
    assert!(pair.destination.head("progress").unwrap().unwrap().version >= 10);
    assert_copied(&pair.destination, &pair.source, "s");
}

#[test]
fn closing_a_store_of_the_import_from_a_callback_is_refused_as_busy() {
    let pair = Pair::filled("close", 20);
    let both = [&pair.source, &pair.destination];
    let tried = std::cell::Cell::new(0);
    let try_to_close = || {
        for store in both {
            assert_eq!(code_of(store.close()), Code::Busy);
            assert_eq!(code_of(store.clone().close()), Code::Busy);
        }
        tried.set(tried.get() + 1);
        Verdict::Keep
    };
    let mut filter = |_: &Event<'_>| {
        // An import within the import does not open a way around it.
        import_one(&pair, 3);
        try_to_close()
    };
    let mut progress = |_: &ImportReport| try_to_close();
    let mut options =
        ImportOptions { filter: Some(&mut filter), progress: Some(&mut progress), ..named("s") };
    let report = import_with(&pair.destination, &pair.source, &mut options);
    assert_eq!(report.imported + report.deduplicated, 20);
    assert!(tried.get() > 20);
    both.iter().for_each(|store| store.close().unwrap());
}

#[test]
fn a_store_that_another_thread_closes_ends_the_import_after_a_whole_chunk() {
    for (close_source, overlap) in [(true, false), (false, false), (true, true), (false, true)] {
        let pair = Pair::filled("close-thread", 40);
        let mut filter = |e: &Event<'_>| {
            if e.sequence == 20 {
                let store = if close_source { &pair.source } else { &pair.destination };
                std::thread::scope(|scope| scope.spawn(|| store.close().unwrap()).join().unwrap());
            }
            Verdict::Keep
        };
        let mut options =
            ImportOptions { filter: Some(&mut filter), chunk_size: 7, overlap, ..named("s") };
        let (report, error) = failed(pair.destination.import(&pair.source, &mut options));
        assert_eq!(error.code(), Code::Closed);
        // On two threads the first two chunks may be under way when the store is closed.
        assert!(
            report.imported == 14 || (overlap && [0, 7].contains(&report.imported)),
            "{report:?}"
        );
        assert_eq!(report.source_high_watermark, report.imported + 1);
        pair.destination.close().unwrap();
        let destination = open_quick(&pair.dir.join("destination"));
        assert_eq!(rows(&destination).len() as u64, report.imported);
    }
}

// ------------------------------------------------------------------------------------ keys that
// arrive meanwhile

/// Imports the one event of the source that has this sequence.
fn import_one(pair: &Pair, sequence: u64) -> ImportReport {
    let mut filter =
        |e: &Event<'_>| if e.sequence == sequence { Verdict::Keep } else { Verdict::Skip };
    let mut options =
        ImportOptions { after: sequence - 1, filter: Some(&mut filter), ..named("s") };
    import_with(&pair.destination, &pair.source, &mut options)
}

#[test]
fn a_key_that_a_filter_brings_in_is_counted_once() {
    // The filter imports the event that it is shown (`behind` 0: the import then finds its key), or
    // one that it was shown before and that waits for its chunk (only the append finds out).
    for (behind, overtaken) in [(0, 0), (1, 10), (2, 10)] {
        let pair = Pair::filled("nested", 30);
        let mut inner = Vec::new();
        let mut filter = |e: &Event<'_>| {
            if e.sequence % 3 == 1 {
                inner.push(import_one(&pair, e.sequence - behind));
            }
            Verdict::Keep
        };
        let mut options = ImportOptions { filter: Some(&mut filter), ..named("s") };
        let report = import_with(&pair.destination, &pair.source, &mut options);
        assert_eq!((report.overtaken, report.deduplicated), (overtaken, 10 - overtaken));
        assert_eq!(examined(&report), 31);
        let all = inner.iter().chain([&report]);
        assert_eq!(
            all.map(|r| r.imported - r.overtaken).sum::<u64>(),
            30,
            "{inner:?} and {report:?}"
        );
        assert_eq!(rows(&pair.destination).len(), 30);
        assert_sound(&pair.destination);
    }
}

mod through_the_seams {
    use super::*;
    use fbat::engine::import::ImportSeams;
    use fbat::engine::model::event::Source;

    #[test]
    fn a_key_that_arrived_below_the_frontier_is_deduplicated() {
        let pair = Pair::filled("below", 100);
        let mut half = ImportOptions { after: 51, ..named("s") };
        assert_eq!(import_with(&pair.destination, &pair.source, &mut half).imported, 50);
        let first = &rows(&pair.source)[0];
        let same = NewEvent {
            key: import_id("s", first.id),
            scope: &first.scope,
            kind: first.kind,
            ..event(&first.entity, &first.payload)
        };
        pair.destination.append(&same).unwrap();
        let mut options = named("s");
        options.seams.skip_lookup = true; // only the append finds out
        let report = import_with(&pair.destination, &pair.source, &mut options);
        assert_eq!(
            counts(&report),
            [50, 50, 1, 0, 0, 0, 1],
            "the one at the frontier counts as brought by another import"
        );
        assert_eq!(rows(&pair.destination).len(), 100);
    }

    #[test]
    fn a_key_that_arrives_above_the_frontier_is_imported_and_overtaken() {
        let pair = Pair::filled("above", 100);
        let mut other = Vec::new();
        let mut once = || {
            if other.is_empty() {
                let mut options = ImportOptions { after: 61, ..named("s") };
                other.push(import_with(&pair.destination, &pair.source, &mut options));
            }
        };
        let mut options = named("s");
        options.seams = ImportSeams { skip_lookup: true, before_commit: Some(&mut once) };
        let report = import_with(&pair.destination, &pair.source, &mut options);
        assert_eq!(counts(&other[0]), [40, 0, 0, 0, 0, 0, 0]);
        assert_eq!(counts(&report), [100, 0, 1, 0, 0, 0, 40]);
        assert_eq!(rows(&pair.destination).len(), 100);
        assert_sound(&pair.destination);
    }

    #[test]
    fn a_chunk_of_which_another_import_brought_a_part_is_completed() {
        let pair = Pair::filled("part", 100);
        let (source, destination) = (&pair.source, &pair.destination);
        let others = RefCell::new(Vec::new());
        let mut between = || {
            // The other import is always some events ahead of us, and overlaps our chunk in part.
            let after = others.borrow().len() as u64 * 20 + 11;
            let mut filter = |e: &Event<'_>| {
                if e.sequence < after + 10 {
                    Verdict::Keep
                } else {
                    Verdict::Stop(-9)
                }
            };
            let mut options =
                ImportOptions { after, filter: Some(&mut filter), chunk_size: 5, ..named("s") };
            let outcome = destination.import(source, &mut options);
            others.borrow_mut().push(outcome.report);
        };
        let mut options = ImportOptions { chunk_size: 20, ..named("s") };
        options.seams.before_commit = Some(&mut between);
        let report = import_with(destination, source, &mut options);
        let theirs: u64 = others.borrow().iter().map(|r| r.imported - r.overtaken).sum();
        assert!(theirs > 20, "{:?}", others.borrow());
        assert_eq!(report.imported - report.overtaken + theirs, 100);
        assert_eq!(report.imported + report.deduplicated, 100);
        assert_eq!(rows(destination).len(), 100);
        assert_sound(destination);
    }

    #[test]
    fn a_key_that_arrives_with_other_content_is_a_conflict() {
        for (on_conflict, kept) in [(OnConflict::Skip, 9), (OnConflict::Fail, 0)] {
            let pair = Pair::new("meanwhile");
            let mine: Vec<_> =
                (0..10u8).map(|n| pair.source.append(&event("e", &[n])).unwrap()).collect();
            let key = import_id("s", mine[4].id);
            let mut first = true;
            let mut meanwhile = || {
                if std::mem::take(&mut first) {
                    pair.destination.append(&NewEvent { key, ..event("e", b"other") }).unwrap();
                }
            };
            let mut options = ImportOptions { on_conflict, ..named("s") };
            options.seams.before_commit = Some(&mut meanwhile);
            let outcome = pair.destination.import(&pair.source, &mut options);
            assert_eq!((outcome.report.imported, outcome.result.is_ok()), (kept, kept > 0));
            assert_eq!(outcome.report.conflicts, u64::from(kept > 0));
            if let Err(error) = outcome.result {
                assert_eq!(error.code(), Code::ImportConflict);
            }
            assert_eq!(rows(&pair.destination).len() as u64, kept + 1);
        }
    }

    #[test]
    fn an_unreadable_provenance_is_an_error_that_names_the_event_and_a_filter_can_skip_it() {
        for body in [&b""[..], b"\xc1", b"not messagepack at all", &[0x86; 40]] {
            let pair = Pair::filled("unreadable", 20);
            let bad =
                pair.source.append_with_provenance_body(&event("bad", b"payload"), body).unwrap();
            fill(&pair.source, 20, 20);
            let (report, error) = failed(pair.destination.import(&pair.source, &mut named("s")));
            assert_eq!((error.event_id, error.sequence), (bad.id, bad.sequence), "{error}");
            assert!(error.message.contains(&bad.id.to_string()), "{error}");
            assert!(report.source_high_watermark < bad.sequence);
            assert!(
                rows(&pair.destination).len() as u64 == report.imported && report.imported <= 20
            );

            // An event read back says so as well: never "no provenance".
            let page = pair.source.get(bad.id, Columns::ALL).unwrap().unwrap();
            assert_eq!(page.get(0).source, Source::Raw(body));
            assert_eq!(error_of(page.get(0).provenance()).sequence, bad.sequence);

            let mut filter =
                |e: &Event<'_>| if e.provenance().is_err() { Verdict::Skip } else { Verdict::Keep };
            let mut options = ImportOptions { filter: Some(&mut filter), ..named("s") };
            let report = import_with(&pair.destination, &pair.source, &mut options);
            assert_eq!((report.imported + report.deduplicated, report.skipped_filtered), (40, 1));
        }
    }

    #[test]
    fn a_provenance_that_another_version_wrote_is_read_from_its_bytes() {
        use fbat::engine::model::provenance::Provenance;
        let pair = Pair::new("raw");
        let foreign = Provenance {
            schema_version: 1,
            namespace: "elsewhere",
            event_id: Id(77),
            sequence: 7,
            kind: Kind(0x3333), // not the kind of the event that carries it
            content_hash: fbat::engine::model::id::Hash([9; 32]),
        };
        let body = foreign.to_body().unwrap();
        let receipt = pair.source.append_with_provenance_body(&event("e", b"p"), &body).unwrap();
        assert_eq!(get(&pair.source, receipt.id).unwrap().provenance, Some(foreign.into()));
        assert_eq!(
            counts(&import(&pair.destination, &pair.source, "elsewhere")),
            [0, 0, 1, 0, 1, 0, 0]
        );
        assert_eq!(counts(&import(&pair.destination, &pair.source, "else")), [1, 0, 1, 0, 0, 0, 0]);
        assert_copied(&pair.destination, &pair.source, "else");
    }
}

// ------------------------------------------------------------------------------------ conflicts

#[test]
fn a_key_with_other_content_is_a_conflict_that_names_both_events_or_is_counted_and_left_out() {
    let dir = TempDir::new("conflict");
    let (one, two) = (open_quick(&dir.join("one")), open_quick(&dir.join("two")));
    let destination = open_quick(&dir.join("destination"));
    for n in 1..=10u8 {
        let key = Id(u128::from(n));
        one.append(&NewEvent { key, ..event("e", &[n]) }).unwrap();
        let payload = if n == 6 { [99] } else { [n] };
        two.append(&NewEvent { key, ..event("e", &payload) }).unwrap();
    }
    // Where one name is to stand for both, equal ids with equal content are the same event.
    let shared = || ImportOptions { allow_other_store: true, ..named("shared") };
    assert_eq!(import(&destination, &one, "shared").imported, 10);
    let mut options = ImportOptions { chunk_size: 2, ..shared() };
    let (report, error) = failed(destination.import(&two, &mut options));
    assert_eq!(error.code(), Code::ImportConflict);
    let there = get(&destination, import_id("shared", Id(6))).unwrap();
    for name in [Id(6).to_string(), there.id.to_string()] {
        assert!(error.message.contains(&name), "{name} in: {error}");
    }
    assert!(report.source_high_watermark < 7 && report.conflicts == 0, "{report:?}");

    let mut options = ImportOptions { on_conflict: OnConflict::Skip, ..shared() };
    let report = import_with(&destination, &two, &mut options);
    assert_eq!(counts(&report), [0, 9, 1, 0, 0, 1, 0]);
    assert_eq!(rows(&destination).len(), 10);
    assert_eq!(get(&destination, there.id).unwrap(), there, "what was there stays");
}

#[test]
fn content_is_entity_scope_kind_and_payload_and_nothing_else() {
    let same = NewEvent { flags: 7, timestamp_us: Some(5), payload_version: 9, ..event("e", b"p") };
    let cases = [
        (same, true),
        (NewEvent { correlation: Id(9), extensions: &[("a.b", b"c")], ..event("e", b"p") }, true),
        (event("f", b"p"), false),
        (NewEvent { scope: "other", ..event("e", b"p") }, false),
        (NewEvent { kind: Kind(0x1002), ..event("e", b"p") }, false),
        (event("e", b"q"), false),
    ];
    for (at, (there, agrees)) in cases.into_iter().enumerate() {
        let pair = Pair::new("content");
        let mine = pair.source.append(&event("e", b"p")).unwrap();
        pair.destination.append(&NewEvent { key: import_id("s", mine.id), ..there }).unwrap();
        let outcome = pair.destination.import(&pair.source, &mut named("s"));
        assert_eq!(outcome.result.is_ok(), agrees, "case {at}");
        assert_eq!(outcome.report.deduplicated, u64::from(agrees), "case {at}");
    }
}

// ------------------------------------------------------------------------------------ fidelity and
// extremes

#[test]
fn times_flags_versions_correlation_and_extensions_are_kept_and_causation_is_cleared() {
    let pair = Pair::new("kept");
    let clock = TestClock::at(EPOCH_US);
    let destination = open(&pair.dir.join("later"), &Options { clock: clock.clone(), ..quick() });
    clock.advance(3_600_000_000);
    let sent = NewEvent {
        timestamp_us: Some(-1),
        flags: 0xdead_beef,
        payload_version: 0xfffe,
        correlation: Id(5),
        cause: fbat::engine::model::event::Cause::Event(Id(6)),
        extensions: &[
            ("trace.parent", b"\x00\xff"),
            ("trace.state", b""),
            ("app.note", "ä".as_bytes()),
        ],
        ..event("e", b"payload")
    };
    let original = pair.source.append(&sent).unwrap();
    import(&destination, &pair.source, "s");
    let row = &rows(&destination)[0];
    assert_eq!((row.timestamp_us, row.flags, row.payload_version), (-1, 0xdead_beef, 0xfffe));
    assert_eq!((row.correlation, row.causation), (Id(5), Id::NONE));
    let extensions: Vec<(String, Vec<u8>)> =
        sent.extensions.iter().map(|(key, value)| (key.to_string(), value.to_vec())).collect();
    assert_eq!(
        row.extensions, extensions,
        "and the provenance is not among the caller's extensions"
    );
    assert_eq!(row.recorded_us, EPOCH_US + 3_600_000_000, "recorded time is the destination's own");
    assert_eq!(
        (row.version, row.sequence),
        (1, 3),
        "after genesis and the record of the namespace"
    );
    assert_ne!(row.event_hash, original.event_hash, "it stands in the chain of the destination");
    assert_eq!(row.content_hash, original.content_hash);
}

#[test]
fn a_receipt_for_an_imported_key_says_that_it_was_imported() {
    let pair = Pair::new("receipt");
    let mine = pair.source.append(&event("e", b"p")).unwrap();
    assert!(!mine.imported && !mine.replayed);
    import(&pair.destination, &pair.source, "s");
    let key = import_id("s", mine.id);
    let receipt = pair.destination.append(&NewEvent { key, ..event("e", b"p") }).unwrap();
    assert!(receipt.imported && receipt.replayed);
    assert_eq!(get(&pair.destination, receipt.id).unwrap().provenance.unwrap().event_id, mine.id);
    assert_eq!(get(&pair.source, mine.id).unwrap().provenance, None, "what was appended has none");
}

#[test]
fn numbers_and_texts_at_the_ends_of_their_ranges_come_over() {
    let pair = Pair::new("extremes");
    let long = "é".repeat(512); // 1024 bytes
    let values: Vec<Vec<u8>> = (0..64).map(|n| vec![n as u8; 900]).collect();
    let keys: Vec<String> = (0..64).map(|n| format!("x.{n}")).collect();
    let many: Vec<(&str, &[u8])> =
        keys.iter().map(String::as_str).zip(values.iter().map(Vec::as_slice)).collect();
    let key_of_256 = format!("{}.{}", "p".repeat(127), "f".repeat(128));
    let big = vec![0xa5; 1 << 20];
    let edge = |timestamp: i64, id: u128, kind: u16| NewEvent {
        timestamp_us: Some(timestamp),
        key: Id(id),
        correlation: Id(id),
        cause: fbat::engine::model::event::Cause::Event(Id(id)),
        kind: Kind(kind),
        flags: u32::MAX,
        payload_version: u16::MAX,
        ..event("e", b"")
    };
    let one_long_key = [(key_of_256.as_str(), &b""[..])];
    let events = [
        edge(i64::MIN, u128::MAX, 0xffff),
        edge(i64::MAX, 1, 0x1000),
        edge(0, 1 << 127, 0xcfff),
        edge(-1, u128::from(u64::MAX), 0xe000),
        NewEvent { entity: &long, scope: &long, extensions: &many, ..event("e", b"long") },
        NewEvent { extensions: &one_long_key, ..event("e", &big) },
        NewEvent { flags: 0, payload_version: 0, timestamp_us: Some(1), ..event("e:f", b"\0") },
    ];
    for new in &events {
        pair.source.append(new).unwrap();
    }
    let namespace = "ñ".repeat(512);
    assert_eq!(import(&pair.destination, &pair.source, &namespace).imported, events.len() as u64);
    let check = |destination: &Store| {
        assert_copied(destination, &pair.source, &namespace);
        for (row, new) in rows(destination).iter().zip(&events) {
            assert_eq!(row.timestamp_us, new.timestamp_us.unwrap_or(row.timestamp_us));
            assert_eq!((row.flags, row.payload_version), (new.flags, new.payload_version));
            assert_eq!((row.correlation, row.kind), (new.correlation, new.kind));
            assert_eq!(
                (row.entity.as_str(), row.extensions.len()),
                (new.entity, new.extensions.len())
            );
        }
    };
    check(&pair.destination);
    pair.destination.close().unwrap();
    let destination = open_quick(&pair.dir.join("destination"));
    check(&destination);
    assert_eq!(counts(&import(&destination, &pair.source, &namespace)), [0, 7, 1, 0, 0, 0, 0]);
    assert_sound(&destination);
}

// ------------------------------------------------------------------------------------ partial
// reports

/// How an import is made to end early.
#[derive(Clone, Copy, Debug)]
enum End {
    FilterStops,
    ProgressStops,
    FilterCancels,
    ProgressCancels,
    DiskFull,
}

/// What is there of an import of which every fifth event was filtered out: whole chunks, as its
/// report says, and nothing else.
fn assert_whole_chunks(pair: &Pair, report: &ImportReport, chunk_size: u32, what: &str) {
    assert_eq!(rows(&pair.destination).len() as u64, report.imported, "{what}");
    assert_eq!(report.imported % u64::from(chunk_size), 0, "{what}: {report:?}");
    let watermark = report.source_high_watermark;
    assert_eq!(report.skipped_filtered, watermark / 5, "{what}: {report:?}");
    assert_eq!(examined(report), watermark, "{what}: all through the watermark is accounted for");
}

/// Ends an import of 200 events early; checks that the report covers whole committed chunks and
/// that a second run from its watermark completes what the first began.
fn end_early(end: End, at: u64, chunk_size: u32) {
    let (options, spy) = Spy::watch(quick());
    let pair = Pair::with("early", &quick(), &options);
    fill(&pair.source, 0, 200);
    let cancel = Cancel::default();
    let keep =
        |e: &Event<'_>| if e.sequence.is_multiple_of(5) { Verdict::Skip } else { Verdict::Keep };
    let mut filter = |e: &Event<'_>| match end {
        End::FilterStops if e.sequence == at => Verdict::Stop(-77),
        End::FilterCancels if e.sequence == at => {
            cancel.cancel();
            keep(e)
        }
        End::DiskFull if e.sequence == at => {
            spy.fill_up_after(0);
            keep(e)
        }
        _ => keep(e),
    };
    let mut progress = |report: &ImportReport| {
        match end {
            End::ProgressStops if report.source_high_watermark >= at => return Verdict::Stop(-78),
            End::ProgressCancels if report.source_high_watermark >= at => cancel.cancel(),
            _ => {}
        }
        Verdict::Keep
    };
    let mut options = ImportOptions {
        chunk_size,
        filter: Some(&mut filter),
        progress: Some(&mut progress),
        cancel: Some(&cancel),
        ..named("s")
    };
    let what = format!("{end:?} at {at}, chunks of {chunk_size}");
    let (report, error) = failed(pair.destination.import(&pair.source, &mut options));
    let expected = match end {
        End::FilterStops | End::ProgressStops => Code::Stopped,
        End::FilterCancels | End::ProgressCancels => Code::Cancelled,
        End::DiskFull => Code::NoSpace,
    };
    assert_eq!(error.code(), expected, "{what}: {error}");

    spy.fill_up_after(-1);
    assert_whole_chunks(&pair, &report, chunk_size, &what);
    if !matches!(end, End::DiskFull) {
        assert_eq!(spy.dirty_segments(), Vec::<std::path::PathBuf>::new(), "{what}");
        let durable = pair.destination.frontier().unwrap().durable;
        let last = rows(&pair.destination).last().map(|row| row.sequence);
        assert!(last.is_none_or(|last| last <= durable), "{what}");
    }

    // A second run from the watermark completes it.
    let there = rows(&pair.destination);
    drop(pair.destination);
    let destination = open_quick(&pair.dir.join("destination"));
    assert_eq!(rows(&destination), there, "{what}");
    let mut filter = keep;
    let after = report.source_high_watermark;
    let mut rest = ImportOptions { after, filter: Some(&mut filter), ..named("s") };
    let second = import_with(&destination, &pair.source, &mut rest);
    assert_eq!((report.imported + second.imported, second.deduplicated), (160, 0), "{what}");
    let mut expected = rows(&pair.source);
    expected.retain(|row| row.sequence % 5 != 0);
    assert!(copy_differences(&rows(&destination), &expected, "s").is_empty(), "{what}");
}

#[test]
fn a_stopped_import_leaves_a_report_from_whose_watermark_a_second_run_completes() {
    for (at, chunk_size) in [(2, 7), (3, 1), (97, 1), (98, 7), (99, 64), (201, 7), (150, 1000)] {
        end_early(End::FilterStops, at, chunk_size);
    }
    for (at, chunk_size) in [(1, 7), (97, 1), (98, 7)] {
        end_early(End::ProgressStops, at, chunk_size);
    }
}

#[test]
fn a_cancelled_import_leaves_a_report_from_whose_watermark_a_second_run_completes() {
    for (at, chunk_size) in [(2, 7), (97, 1), (98, 7), (99, 64)] {
        end_early(End::FilterCancels, at, chunk_size);
        end_early(End::ProgressCancels, at, chunk_size);
    }
}

#[test]
fn an_import_that_fails_leaves_a_report_from_whose_watermark_a_second_run_completes() {
    for (at, chunk_size) in [(2, 7), (97, 1), (98, 7), (99, 64)] {
        end_early(End::DiskFull, at, chunk_size);
    }
}

#[test]
fn an_import_that_is_cancelled_before_it_starts_does_nothing() {
    let pair = Pair::filled("cancelled", 10);
    let cancel = Cancel::default();
    cancel.cancel();
    let mut called = false;
    let mut filter = |_: &Event<'_>| {
        called = true;
        Verdict::Keep
    };
    let mut options =
        ImportOptions { cancel: Some(&cancel), filter: Some(&mut filter), ..named("s") };
    let (report, error) = failed(pair.destination.import(&pair.source, &mut options));
    assert_eq!(error.code(), Code::Cancelled);
    assert_eq!((examined(&report), report.source_high_watermark, called), (0, 0, false));
    assert!(rows(&pair.destination).is_empty() && cancel.is_cancelled(), "it is sticky");
}

#[test]
fn another_thread_can_cancel_an_import() {
    let pair = Pair::filled("cancel-thread", 500);
    let cancel = Cancel::default();
    let (started, wait) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let cancel = &cancel;
        scope.spawn(move || {
            wait.recv().unwrap();
            cancel.cancel();
        });
        let mut filter = |_: &Event<'_>| {
            let _ = started.send(());
            std::thread::sleep(Duration::from_millis(1));
            Verdict::Keep
        };
        let mut options = ImportOptions {
            cancel: Some(cancel),
            filter: Some(&mut filter),
            chunk_size: 1,
            ..named("s")
        };
        let (report, error) = failed(pair.destination.import(&pair.source, &mut options));
        assert_eq!(error.code(), Code::Cancelled);
        assert!(report.imported < 500);
        assert_eq!(rows(&pair.destination).len() as u64, report.imported);
    });
}

// ------------------------------------------------------------------------------------ sizes

#[test]
fn events_too_large_for_one_chunk_are_spread_over_several() {
    let mut small = quick();
    small.limits.batch_bytes_max = 40_000;
    let pair = Pair::with("bytes", &quick(), &small);
    for n in 0..50u8 {
        pair.source.append(&event("large", &vec![n; 9_000])).unwrap();
    }
    let sizes = chunks(&pair.destination, &pair.source, &mut named("s"));
    assert!(sizes.len() >= 13 && sizes.iter().all(|n| *n <= 4), "{sizes:?}");
    assert_copied(&pair.destination, &pair.source, "s");
}

#[test]
fn an_event_over_the_destinations_own_limit_is_an_error_that_names_it() {
    let mut payload = quick();
    payload.limits.payload_bytes_max = 1000;
    let mut batch = quick();
    batch.limits.batch_bytes_max = 1000;
    for (limited, name) in [(payload, "payload"), (batch, "batch")] {
        let pair = Pair::with("limit", &quick(), &limited);
        fill(&pair.source, 0, 20);
        let large = pair.source.append(&event("large", &[7; 1001])).unwrap();
        fill(&pair.source, 20, 20);
        let mut options = ImportOptions { chunk_size: 6, ..named("s") };
        let (report, error) = failed(pair.destination.import(&pair.source, &mut options));
        assert_eq!(error.code(), Code::LimitExceeded, "{error}");
        assert_eq!((error.event_id, error.sequence), (large.id, large.sequence), "{name}: {error}");
        assert!(error.message.contains(name), "the limit is named: {error}");
        assert!(report.imported <= 20 && rows(&pair.destination).len() as u64 == report.imported);
        // A filter leaves it out; everything else comes.
        let mut filter =
            |e: &Event<'_>| if e.payload_len > 1000 { Verdict::Skip } else { Verdict::Keep };
        let mut options = ImportOptions { filter: Some(&mut filter), ..named("s") };
        let second = import_with(&pair.destination, &pair.source, &mut options);
        assert_eq!((second.imported + second.deduplicated, second.skipped_filtered), (40, 1));
    }
}

#[test]
fn an_event_of_exactly_the_destinations_limit_comes_over() {
    let mut limited = quick();
    limited.limits.payload_bytes_max = 1000;
    let pair = Pair::with("exact", &quick(), &limited);
    pair.source.append(&event("e", &[7; 1000])).unwrap();
    assert_eq!(import(&pair.destination, &pair.source, "s").imported, 1);
}

#[test]
fn a_payload_of_32_mib_comes_over() {
    let pair = Pair::new("huge");
    let huge = vec![3; limits::PAYLOAD_BYTES_MAX];
    pair.source.append(&event("e", &huge)).unwrap();
    pair.source.append(&event("e", b"small")).unwrap();
    pair.source.append(&event("e", &huge)).unwrap();
    pair.source.append(&event("e", &huge[1..])).unwrap();
    assert_eq!(import(&pair.destination, &pair.source, "s").imported, 4);
    assert_copied(&pair.destination, &pair.source, "s");
}

/// Events that are larger than a chunk may be are committed alone, from where they are.
#[test]
fn large_events_come_over_in_their_places() {
    let pair = Pair::new("large");
    let large = |n: u8| vec![n; (4 << 20) + usize::from(n)];
    for n in 0..4 {
        fill(&pair.source, u64::from(n) * 300, 300);
        pair.source.append(&event("large", &large(n))).unwrap();
        pair.source.append(&event("large", &large(n + 10))).unwrap();
    }
    let sizes = chunks(&pair.destination, &pair.source, &mut named("s"));
    let expected = [256, 44, 1, 1];
    assert_eq!(sizes, expected.repeat(4), "chunks and large events in the order of the source");
    assert_copied(&pair.destination, &pair.source, "s");
    let again = import(&pair.destination, &pair.source, "s");
    assert_eq!((again.imported, again.deduplicated), (0, 1208));
    assert_sound(&pair.destination);
}

#[test]
fn a_chunk_has_at_most_4_mib() {
    let pair = Pair::new("chunk-bytes");
    for n in 0..20u8 {
        pair.source.append(&event("e", &vec![n; 1 << 20])).unwrap();
    }
    let sizes = chunks(&pair.destination, &pair.source, &mut named("s"));
    assert!(sizes.iter().all(|size| *size == 3 || *size == 2), "{sizes:?}");
    assert_copied(&pair.destination, &pair.source, "s");
}

#[test]
fn a_large_event_whose_key_has_other_content_is_a_conflict() {
    let pair = Pair::new("large-conflict");
    let large = pair.source.append(&event("large", &vec![1; 5 << 20])).unwrap();
    let key = import_id("s", large.id);
    pair.destination.append(&NewEvent { key, ..event("large", b"other") }).unwrap();
    let (report, error) = failed(pair.destination.import(&pair.source, &mut named("s")));
    assert_eq!((error.code(), error.sequence), (Code::ImportConflict, large.sequence), "{error}");
    assert_eq!(report.imported, 0);
    let mut options = ImportOptions { on_conflict: OnConflict::Skip, ..named("s") };
    let skipped = import_with(&pair.destination, &pair.source, &mut options);
    assert_eq!((skipped.conflicts, skipped.imported), (1, 0));
    // It comes up while the event is on its way: the commit finds it.
    for on_conflict in [OnConflict::Fail, OnConflict::Skip, OnConflict::Keep] {
        let other = Pair::new("large-overtaken");
        let large = other.source.append(&event("large", &vec![1; 5 << 20])).unwrap();
        let key = import_id("s", large.id);
        let mut overtake = || {
            let rival = NewEvent { key, ..event("large", b"other") };
            other.destination.append(&rival).unwrap();
        };
        let mut options = ImportOptions { on_conflict, ..named("s") };
        options.seams.before_commit = Some(&mut overtake);
        let outcome = other.destination.import(&other.source, &mut options);
        match on_conflict {
            OnConflict::Fail => {
                let error = failed(outcome).1;
                assert_eq!((error.code(), error.event_id), (Code::ImportConflict, large.id));
            }
            OnConflict::Skip => assert_eq!(outcome.report.conflicts, 1),
            OnConflict::Keep => {
                let report = outcome.report;
                assert_eq!((report.imported, report.conflicts_kept, report.conflicts), (1, 1, 0));
                assert_eq!(rows(&other.destination).len(), 2);
            }
        }
    }
}

// ------------------------------------------------------------------------------------ durability

#[test]
fn everything_counted_is_durable_when_import_returns() {
    let (source_options, source_spy) = Spy::watch(quick());
    let (options, spy) = Spy::watch(quick());
    let pair = Pair::with("durable", &source_options, &options);
    fill(&pair.source, 0, 300);
    assert!(
        !source_spy.dirty_segments().is_empty(),
        "the watch can tell: nothing synced the source yet"
    );
    let mut filter = |_: &Event<'_>| {
        assert!(
            source_spy.dirty_segments().is_empty(),
            "only what is durable in the source is copied"
        );
        Verdict::Keep
    };
    let report = import_with(
        &pair.destination,
        &pair.source,
        &mut ImportOptions { filter: Some(&mut filter), ..named("s") },
    );
    assert!(spy.dirty_segments().is_empty());
    assert_eq!((report.destination_visible, report.destination_durable), (303, 303));
    assert_eq!(pair.destination.frontier().unwrap().durable, 303);
}

#[test]
fn what_is_deduplicated_is_durable_when_import_returns() {
    let (options, spy) = Spy::watch(quick());
    let pair = Pair::with("dedup-durable", &quick(), &options);
    let mine = pair.source.append(&event("e", b"p")).unwrap();
    pair.destination
        .append(&NewEvent { key: import_id("s", mine.id), ..event("e", b"p") })
        .unwrap();
    assert!(!spy.dirty_segments().is_empty(), "the watch can tell");
    let report = import(&pair.destination, &pair.source, "s");
    assert_eq!((report.imported, report.deduplicated), (0, 1));
    assert!(spy.dirty_segments().is_empty());
    assert_eq!(pair.destination.frontier().unwrap().durable, 2);
}

#[test]
fn chunk_durability_makes_each_chunk_durable_before_the_next() {
    let both = [(ImportDurability::Chunk, true), (ImportDurability::End, false)];
    for ((durability, eager), overlap) in
        both.into_iter().flat_map(|way| [(way, false), (way, true)])
    {
        let (mut options, spy) = Spy::watch(quick());
        options.limits.segment_bytes = limits::SEGMENT_BYTES; // sealing syncs as well
        let pair = Pair::with("chunks", &quick(), &options);
        fill(&pair.source, 0, 100);
        pair.destination.sync().unwrap();
        let mut dirty = 0;
        let mut progress = |report: &ImportReport| {
            dirty += usize::from(!spy.dirty_segments().is_empty());
            assert!(!eager || report.destination_durable == report.destination_visible);
            Verdict::Keep
        };
        let mut options = ImportOptions {
            durability,
            chunk_size: 10,
            overlap,
            progress: Some(&mut progress),
            ..named("s")
        };
        import_with(&pair.destination, &pair.source, &mut options);
        // With a thread of its own, the next chunk may be written while this is told.
        assert!(overlap || (dirty > 0) != eager, "{durability:?}: {dirty} chunks were not synced");
        assert!(spy.dirty_segments().is_empty());
    }
}

#[test]
fn what_a_reader_cannot_sync_and_the_writer_did_not_is_not_copied() {
    let pair = Pair::new("unsynced");
    fill(&pair.source, 0, 10);
    pair.source.sync().unwrap();
    fill(&pair.source, 10, 5); // this batch tells readers how far the sync went
    let (options, spy) = Spy::watch(with_mode(OpenMode::ReadOnly));
    spy.fail_syncs(true);
    let reader = open(&pair.dir.join("source"), &options);
    assert_eq!(rows(&reader).len(), 15, "it is visible all the same");
    let report = import(&pair.destination, &reader, "s");
    assert_eq!((report.imported, report.source_ceiling), (10, 11));
    spy.fail_syncs(false);
    assert_eq!(counts(&import(&pair.destination, &reader, "s")), [5, 10, 1, 0, 0, 0, 0]);
}

#[test]
fn an_import_whose_sync_fails_says_so_and_a_repeat_after_reopening_completes_it() {
    let (options, spy) = Spy::watch(quick());
    let pair = Pair::with("sync-fails", &quick(), &options);
    fill(&pair.source, 0, 100);
    spy.fail_syncs(true);
    let (report, error) = failed(pair.destination.import(&pair.source, &mut named("s")));
    assert_eq!((error.code(), error.errno), (Code::Io, Some(5)), "{error}");
    assert!(report.destination_durable < report.destination_visible);
    spy.fail_syncs(false);
    assert_eq!(
        failed(pair.destination.import(&pair.source, &mut named("s"))).1.code(),
        Code::Poisoned
    );
    let _ = pair.destination.close();
    let destination = open_quick(&pair.dir.join("destination"));
    let report = import(&destination, &pair.source, "s");
    assert_eq!((examined(&report), report.imported + report.deduplicated), (101, 100));
    assert_copied(&destination, &pair.source, "s");
}

// ------------------------------------------------------------------------------------ which stores

#[test]
fn stores_that_are_closed_read_only_or_poisoned_answer_so() {
    let pair = Pair::filled("states", 10);
    let reader = open_reader(&pair.dir.join("destination"));
    let (report, error) = failed(reader.import(&pair.source, &mut named("s")));
    assert_eq!((error.code(), examined(&report)), (Code::ReadOnly, 0));

    let source = open_quick(&pair.dir.join("third"));
    source.close().unwrap();
    assert_eq!(failed(pair.destination.import(&source, &mut named("s"))).1.code(), Code::Closed);
    assert_eq!(failed(source.import(&pair.source, &mut named("s"))).1.code(), Code::Closed);

    pair.destination.poison("a test says so");
    assert_eq!(
        failed(pair.destination.import(&pair.source, &mut named("s"))).1.code(),
        Code::Poisoned
    );
    assert_eq!(pair.source.frontier().unwrap().visible, 11);
}

#[test]
fn a_read_only_source_is_imported_like_any_other() {
    let pair = Pair::filled("ro-source", 200);
    pair.source.close().unwrap();
    let reader = open_reader(&pair.dir.join("source"));
    assert_eq!(import(&pair.destination, &reader, "s").imported, 200);
    assert_copied(&pair.destination, &reader, "s");
}

// ------------------------------------------------------------------------------------ damage

#[test]
fn a_damaged_source_event_is_never_imported_and_the_error_names_file_offset_and_event() {
    let marker = b"this payload will be damaged, and nobody else has it";
    for (at, reopen) in [(3, false), (150, false), (299, false), (3, true), (150, true)] {
        let pair = Pair::new("damage");
        fill(&pair.source, 0, at);
        let marked = pair.source.append(&event("marked", marker)).unwrap();
        fill(&pair.source, at, 1200 - at);
        let path = pair.dir.join("source");
        let mut source = pair.source;
        if reopen {
            source.close().unwrap();
        }
        let damage = Damage::to_bytes(&path, marker);
        if reopen {
            source = open_quick(&path);
        }
        let mut options = ImportOptions { chunk_size: 7, ..named("s") };
        let (report, error) = failed(pair.destination.import(&source, &mut options));
        assert_eq!(error.code(), Code::Corrupt, "{error}");
        assert_eq!(error.path.as_deref(), Some(damage.path.as_path()), "{error}");
        let offset = error.offset.expect("an offset");
        assert!(
            offset <= damage.offset && damage.offset - offset < 4096,
            "{offset} for {}",
            damage.offset
        );
        assert_eq!((error.sequence, error.event_id), (marked.sequence, marked.id), "{error}");
        let there = rows(&pair.destination);
        assert!(there.iter().all(|row| row.entity != "marked"));
        assert_eq!(there.len() as u64, report.imported);
        assert!(report.source_high_watermark < marked.sequence);

        damage.undo();
        let mut rest = ImportOptions { after: report.source_high_watermark, ..named("s") };
        assert_eq!(
            import_with(&pair.destination, &source, &mut rest).imported + report.imported,
            1201
        );
        assert_copied(&pair.destination, &source, "s");
    }
}

#[test]
fn rehashing_finds_nothing_wrong_with_a_sound_source() {
    let pair = Pair::filled("rehash", 300);
    let mut options = ImportOptions { rehash: true, ..named("s") };
    assert_eq!(import_with(&pair.destination, &pair.source, &mut options).imported, 300);
    assert_copied(&pair.destination, &pair.source, "s");
}

#[test]
fn rehashing_finds_a_payload_that_was_changed_together_with_its_checksums() {
    let pair = Pair::new("forged");
    fill(&pair.source, 0, 50);
    let payload = b"pay 100 to Alice";
    let marked = pair.source.append(&event("marked", payload)).unwrap();
    fill(&pair.source, 50, 50);
    pair.source.close().unwrap();
    let (path, offset) = forge_payload(&pair.dir.join("source"), payload);
    let source = open_quick(&pair.dir.join("source"));
    let mut options = ImportOptions { rehash: true, ..named("s") };
    let (_, error) = failed(pair.destination.import(&source, &mut options));
    assert_eq!(
        (error.code(), error.sequence, error.event_id),
        (Code::Corrupt, marked.sequence, marked.id),
        "{error}"
    );
    assert_eq!(
        (error.path.as_deref(), error.offset),
        (Some(path.as_path()), Some(offset)),
        "{error}"
    );
    assert!(rows(&pair.destination).iter().all(|row| row.entity != "marked"));
    // Nothing else finds it, so it is the option that does; verify hashes everything.
    assert!(!source.verify().unwrap().findings.is_empty());
}

// ------------------------------------------------------------------------------------ concurrency

/// `importers` threads import the same source into the same destination at once, while another
/// thread appends; the reports must add up.
fn at_once(importers: usize, events: u64) {
    let pair = Pair::filled("at-once", events);
    let (source, destination) = (&pair.source, &pair.destination);
    let start = std::sync::Barrier::new(importers + 1);
    let reports: Vec<ImportReport> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..importers)
            .map(|n| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let chunk_size = [1, 7, 64, 300][n % 4];
                    import_with(
                        destination,
                        source,
                        &mut ImportOptions { chunk_size, ..named("s") },
                    )
                })
            })
            .collect();
        start.wait();
        for n in 0..50u64 {
            destination.append(&event("beside", &n.to_le_bytes())).unwrap();
        }
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for report in &reports {
        assert_eq!(
            (report.imported + report.deduplicated, report.conflicts),
            (events, 0),
            "{report:?}"
        );
    }
    let sum: u64 = reports.iter().map(|r| r.imported - r.overtaken).sum();
    assert_eq!(sum, events, "{reports:#?}");
    assert_eq!(rows(destination).len() as u64, events + 50);
    let mut copies = rows(destination);
    copies.retain(|row| row.provenance.is_some());
    copies.sort_by_key(|row| row.provenance.as_ref().unwrap().sequence);
    assert!(copy_differences(&copies, &rows(source), "s").is_empty());
    assert_sound(destination);
}

#[test]
fn two_importers_at_once_double_nothing_and_their_sums_are_right() {
    at_once(2, 3000);
}

#[test]
fn four_importers_at_once_double_nothing_and_their_sums_are_right() {
    at_once(4, 2000);
}

#[test]
fn several_sources_can_be_imported_at_once() {
    let dir = TempDir::new("fan-in");
    let destination = open_quick(&dir.join("destination"));
    let sources: Vec<Store> =
        (0..3).map(|n| open_quick(&dir.join(&format!("source{n}")))).collect();
    for (n, source) in sources.iter().enumerate() {
        fill(source, n as u64 * 10_000, 500);
    }
    std::thread::scope(|scope| {
        for (n, source) in sources.iter().enumerate() {
            let destination = &destination;
            scope.spawn(move || {
                let report = import(destination, source, &format!("source{n}"));
                assert_eq!((report.imported, report.overtaken), (500, 0));
            });
        }
    });
    for (n, source) in sources.iter().enumerate() {
        assert_copied(&destination, source, &format!("source{n}"));
    }
    assert_sound(&destination);
}

#[test]
fn two_stores_can_import_each_other_at_once() {
    let pair = Pair::filled("mutual", 500);
    fill(&pair.destination, 9000, 500);
    let (one, two) = (&pair.source, &pair.destination);
    std::thread::scope(|scope| {
        scope.spawn(|| import_with(one, two, &mut ImportOptions { chunk_size: 7, ..named("two") }));
        scope.spawn(|| import_with(two, one, &mut ImportOptions { chunk_size: 7, ..named("one") }));
    });
    let originals =
        |store: &Store| rows(store).into_iter().filter(|r| r.provenance.is_none()).count();
    assert_eq!((originals(one), originals(two)), (500, 500));
    // Whatever each saw of the other, both are whole.
    for (store, other, name) in [(one, two, "two"), (two, one, "one")] {
        let imported: Vec<u64> =
            rows(store).iter().filter_map(|r| r.provenance.as_ref()).map(|p| p.sequence).collect();
        assert!(imported.windows(2).all(|w| w[0] < w[1]) && imported.len() >= 500);
        assert_eq!(import(store, other, name).deduplicated, imported.len() as u64);
        assert_sound(store);
    }
}

// ------------------------------------------------------------------------------------ other
// processes

const CHUNK: u32 = 16;

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_imports_until_killed() {
    if !plays("part_imports_until_killed") {
        return;
    }
    let source = open_reader(given("SOURCE").as_ref());
    let durability = if given("DURABLE") == "1" { Durability::Durable } else { Durability::Os };
    let destination = open(given("DESTINATION").as_ref(), &Options { durability, ..quick() });
    let mut progress = |report: &ImportReport| {
        say(report.imported);
        Verdict::Keep
    };
    let mut options =
        ImportOptions { chunk_size: CHUNK, progress: Some(&mut progress), ..named("s") };
    import_with(&destination, &source, &mut options);
    say("done");
}

#[test]
fn killed_in_the_middle_an_import_leaves_whole_chunks_and_a_repeat_completes_it() {
    let events = 3000;
    let pair = Pair::filled("killed", events);
    let mut rng = Rng(seed_from_env());
    for cycle in 0..count_from_env("FBAT_KILL_CYCLES", 6) {
        let path = pair.dir.join(&format!("killed{cycle}"));
        let durable = if cycle % 2 == 0 { "1" } else { "0" };
        let environment = [
            ("SOURCE", pair.dir.join("source")),
            ("DESTINATION", path.clone()),
            ("DURABLE", durable.into()),
        ];
        let environment: Vec<_> =
            environment.iter().map(|(k, v)| (*k, v.to_str().unwrap())).collect();
        let mut actor = Actor::start("part_imports_until_killed", &environment);
        let heard = rng.below(events / u64::from(CHUNK) * 3 / 4);
        let mut said: Vec<String> = (0..heard).map_while(|_| actor.hear()).collect();
        said.extend(actor.kill());
        assert_ne!(
            said.last().map(String::as_str),
            Some("done"),
            "the kill came too late to tell anything"
        );
        let told: u64 = said.last().map_or(0, |text| text.parse().unwrap());

        let destination = open_quick(&path);
        let there = rows(&destination);
        let count = there.len() as u64;
        assert!(count >= told, "{told} were visible, {count} are left");
        assert!(
            count.is_multiple_of(u64::from(CHUNK)) || count == events,
            "{count} are no whole chunks"
        );
        let source = rows(&pair.source);
        assert!(copy_differences(&there, &source[..there.len()], "s").is_empty(), "not a prefix");
        let report = import(&destination, &pair.source, "s");
        assert_eq!((report.imported, report.deduplicated), (events - count, count));
        assert_copied(&destination, &pair.source, "s");
        assert_sound(&destination);
    }
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_appends_when_told() {
    if !plays("part_appends_when_told") {
        return;
    }
    let durability = if given("DURABLE") == "1" { Durability::Durable } else { Durability::Os };
    let store = open(given("SOURCE").as_ref(), &Options { durability, ..quick() });
    let mut next = 0;
    say(next);
    while let Some(count) = listen().and_then(|line| line.parse::<u64>().ok()) {
        fill(&store, next, count);
        next += count;
        say(next);
    }
    store.close().unwrap();
}

#[test]
fn a_source_that_another_process_is_writing_can_be_imported_as_it_grows() {
    for durable in ["1", "0"] {
        let dir = TempDir::new("writing");
        let path = dir.join("source");
        let mut writer = Actor::start(
            "part_appends_when_told",
            &[("SOURCE", path.to_str().unwrap()), ("DURABLE", durable)],
        );
        assert_eq!(writer.hear().as_deref(), Some("0"));
        let error = error_of(Store::open(&path, &quick()));
        assert_eq!(error.code(), Code::Busy, "it really is open for writing there");
        let source = open_reader(&path);
        let destination = open_quick(&dir.join("destination"));
        let mut total = 0;
        for count in [10, 1, 700, 300] {
            writer.tell(&count.to_string());
            total += count;
            assert_eq!(writer.hear(), Some(total.to_string()));
            let report = import(&destination, &source, "s");
            assert_eq!((report.imported, report.deduplicated), (count, total - count));
            assert_eq!(report.source_ceiling, total + 1);
            assert_copied(&destination, &source, "s");
        }
        writer.finish();
        assert_eq!(import(&destination, &source, "s").imported, 0);
        assert_eq!(import(&destination, &open_quick(&path), "s").deduplicated, total);
    }
}

#[test]
fn an_import_beside_a_writer_that_does_not_pause_ends_and_brings_whole_batches() {
    let dir = TempDir::new("beside");
    let path = dir.join("source");
    let mut writer = Actor::start(
        "part_appends_when_told",
        &[("SOURCE", path.to_str().unwrap()), ("DURABLE", "0")],
    );
    writer.hear();
    let source = open_reader(&path);
    let destination = open_quick(&dir.join("destination"));
    writer.tell("20000");
    let mut imported = 0;
    for round in 0..20 {
        let report = import_with(
            &destination,
            &source,
            &mut ImportOptions { after: imported, ..named("s") },
        );
        assert!(
            report.source_high_watermark == 0
                || report.source_high_watermark == report.source_ceiling,
            "round {round}"
        );
        imported = imported.max(report.source_high_watermark);
    }
    assert_eq!(writer.hear().as_deref(), Some("20000"));
    writer.finish();
    import_with(&destination, &source, &mut ImportOptions { after: imported, ..named("s") });
    assert_copied(&destination, &source, "s");
}

#[test]
fn an_imported_event_meets_expectations_and_heads_like_any_other() {
    let pair = Pair::new("heads");
    pair.source.append(&event("e", b"1")).unwrap();
    pair.source.append(&event("e", b"2")).unwrap();
    pair.destination.append(&event("e", b"0")).unwrap();
    import(&pair.destination, &pair.source, "s");
    assert_eq!(pair.destination.head("e").unwrap().unwrap().version, 3);
    let next = NewEvent { expect: Expect::Version(3), ..event("e", b"3") };
    assert_eq!(pair.destination.append(&next).unwrap().version, 4);
    let versions: Vec<u64> = rows(&pair.destination).iter().map(|r| r.version).collect();
    assert_eq!(versions, [1, 2, 3, 4]);
}
