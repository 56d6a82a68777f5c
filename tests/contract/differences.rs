//! What only one of two stores has, and that an import examines no more than that.

use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions, OnConflict};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::event::{Event, NewEvent};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::diff::{DiffPage, Difference, Side};
use fbat::engine::store::open::new_identity;
use fbat::engine::store::set::SetDigest;
use fbat::engine::store::Store;
use std::collections::BTreeSet;
use std::path::Path;

/// Fewer events are read without comparing sets.
const MANY: u64 = 6000;
const BUCKET: u64 = 1024;

fn by_origin<'a>() -> ImportOptions<'a> {
    ImportOptions { identity: ImportIdentity::Origin, ..ImportOptions::default() }
}

fn keeping<'a>() -> ImportOptions<'a> {
    ImportOptions { on_conflict: OnConflict::Keep, ..by_origin() }
}

/// An import that reads all of its source: sets are not compared.
fn plain<'a>() -> ImportOptions<'a> {
    ImportOptions { after: 1, ..keeping() }
}

fn digest(store: &Store) -> SetDigest {
    store.set_digest(&Region::default()).unwrap()
}

fn diff(a: &Store, b: &Store) -> Vec<Difference> {
    let (rows, is_end) = a.diff(b, &DiffPage { page_rows: 65_536, ..DiffPage::default() }).unwrap();
    assert!(is_end);
    rows
}

type Triple = (String, Id, Hash);

fn triple(native: &str, row: &Row) -> Triple {
    match &row.provenance {
        Some(origin) => (origin.namespace.clone(), origin.event_id, row.content_hash),
        None => (native.to_owned(), row.id, row.content_hash),
    }
}

fn triples(store: &Store) -> BTreeSet<Triple> {
    let native = store.native_namespace();
    rows(store).iter().map(|row| triple(&native, row)).collect()
}

/// Checks a diff against the rows of both stores.
#[track_caller]
fn assert_diff(a: &Store, b: &Store) -> Vec<Difference> {
    let found = diff(a, b);
    let of = |side| {
        let of_side = found.iter().filter(move |row| row.side == side);
        let triple = |row: &Difference| (row.namespace.clone(), row.event_id, row.content_hash);
        of_side.map(triple).collect::<BTreeSet<_>>()
    };
    let (ours, theirs) = (triples(a), triples(b));
    assert_eq!(of(Side::First), &ours - &theirs);
    assert_eq!(of(Side::Second), &theirs - &ours);
    assert_eq!(found.len(), of(Side::First).len() + of(Side::Second).len());
    let by_sequence = [rows(a), rows(b)];
    for row in &found {
        let store = &by_sequence[row.side as usize];
        let there = store.iter().find(|event| event.sequence == row.sequence).unwrap();
        assert_eq!(there.content_hash, row.content_hash);
    }
    found
}

/// Copies of one store under one identity, which then go on by themselves.
fn twins(dir: &TempDir, events: u64) -> (Store, Store) {
    let a = open(&dir.join("a"), &repeatable(3));
    fill(&a, 0, events);
    a.close().unwrap();
    copy_dir(&dir.join("a"), &dir.join("b"));
    let reopen = |name: &str| open(&dir.join(name), &with_mode(OpenMode::MustExist));
    (reopen("a"), reopen("b"))
}

/// A hub that has what a source has.
fn hub(dir: &TempDir, events: u64) -> (Store, Store) {
    let [source, hub] = [("source", 3), ("hub", 4)].map(|(name, seed)| {
        let path = dir.join(name);
        open(&path, &repeatable(seed))
    });
    fill(&source, 0, events);
    import_with(&hub, &source, &mut by_origin());
    (source, hub)
}

#[test]
fn a_diff_has_what_only_one_store_has() {
    let dir = TempDir::in_memory("diff");
    let (a, b) = twins(&dir, 3000);
    assert_eq!(diff(&a, &b), []);
    fill(&a, 10_000, 5);
    fill(&b, 20_000, 7);
    let other = open_quick(&dir.join("other"));
    fill(&other, 50_000, 40);
    import_with(&b, &other, &mut by_origin());
    // One name with two contents.
    for (store, text) in [(&a, "one"), (&b, "two")] {
        store.append(&NewEvent { key: Id(77), ..event("order", text.as_bytes()) }).unwrap();
    }
    let found = assert_diff(&a, &b);
    assert_eq!(found.len(), 5 + 7 + 40 + 2);
    let swapped: Vec<_> = diff(&b, &a).into_iter().map(|row| (row.side, row.sequence)).collect();
    let turned = |side| if side == Side::First { Side::Second } else { Side::First };
    let mut expected: Vec<_> = found.iter().map(|row| (turned(row.side), row.sequence)).collect();
    let mut there = swapped.clone();
    there.sort_unstable();
    expected.sort_unstable();
    assert_eq!(there, expected);
}

#[test]
fn pages_of_a_diff_are_the_diff() {
    let dir = TempDir::in_memory("diff-pages");
    let (a, b) = twins(&dir, 200);
    fill(&a, 1000, 2500);
    fill(&b, 9000, 40);
    let all = assert_diff(&a, &b);
    for page_rows in [1, 7, 100, 2539, 2540] {
        let (mut pages, mut after) = (Vec::new(), None);
        for _ in 0..if page_rows == 1 { 30 } else { usize::MAX } {
            let page = DiffPage { page_rows, after, ..DiffPage::default() };
            let (rows, is_end) = a.diff(&b, &page).unwrap();
            assert!(is_end || rows.len() == page_rows);
            after = rows.last().map(|last| Difference::at(&last.position()).unwrap());
            pages.extend(rows);
            if is_end {
                assert_eq!(pages.len(), all.len());
                break;
            }
        }
        assert_eq!(pages, all[..pages.len()], "{page_rows}");
    }
}

#[test]
fn a_diff_of_a_region_has_its_events_only() {
    let dir = TempDir::in_memory("diff-region");
    let (a, b) = twins(&dir, 2000);
    fill(&a, 10_000, 300);
    let all = assert_diff(&a, &b);
    let kind = rows(&a)[2100].kind;
    let region = Region { kinds: vec![KindRange::exact(kind)], ..Region::default() };
    let (rows_found, _) = a.diff(&b, &DiffPage { region, ..DiffPage::default() }).unwrap();
    let of_kind = |row: &Row| row.kind == kind;
    let meant: BTreeSet<u64> = rows(&a).into_iter().filter(of_kind).map(|r| r.sequence).collect();
    let expected: Vec<_> = all.into_iter().filter(|row| meant.contains(&row.sequence)).collect();
    assert!(!expected.is_empty() && expected.len() < 300);
    assert_eq!(rows_found, expected);
}

#[test]
fn an_event_that_was_appended_again_is_no_difference() {
    let dir = TempDir::in_memory("diff-again");
    let (a, b) = twins(&dir, 3000);
    let hub = open_quick(&dir.join("hub"));
    let append = |store: &Store, key: u128| {
        let payload = format!("payload {key}");
        store.append(&NewEvent { key: Id(key), ..event("order", payload.as_bytes()) }).unwrap();
    };
    (1..=5).for_each(|key| append(&a, key));
    import_with(&hub, &a, &mut by_origin());
    // The copy appends them again, later and in another order.
    fill(&b, 70_000, 2000);
    (1..=5).rev().for_each(|key| append(&b, key));
    fill(&b, 90_000, 1);
    let found = assert_diff(&hub, &b);
    assert_eq!(found.len(), 2001);
    import_with(&hub, &b, &mut by_origin());
    assert_eq!(diff(&hub, &b), []);
    assert_eq!(digest(&hub), digest(&b));
}

#[test]
fn a_repeat_examines_nothing() {
    let dir = TempDir::in_memory("sets-repeat");
    let (source, hub) = hub(&dir, MANY);
    // That it would go on where the last one ended does not help it.
    let mut anew = ImportOptions { resume: false, ..by_origin() };
    let report = import_with(&hub, &source, &mut anew);
    assert_eq!(examined(&report), 0);
    let visible = source.frontier().unwrap().visible;
    assert_eq!((report.resume_after, report.source_high_watermark), (visible, visible));
    assert_eq!(report.source_position, visible);
    // Nor does what has more, and what came another way.
    fill(&hub, 90_000, 300);
    assert_eq!(examined(&import_with(&hub, &source, &mut by_origin())), 0);
    let back = import_with(&source, &hub, &mut by_origin());
    assert_eq!(back.imported, 300);
    assert!(examined(&back) < 600, "{back:?}");
    assert_eq!(digest(&source), digest(&hub));
    let all = import_with(&hub, &source, &mut plain());
    assert_eq!(examined(&all) + 1, source.frontier().unwrap().visible);
}

#[test]
fn what_differs_is_examined_and_little_else() {
    let dir = TempDir::in_memory("sets-differ");
    let (source, hub) = hub(&dir, 3 * MANY);
    fill(&source, 90_000, 10);
    let report = import_with(&hub, &source, &mut by_origin());
    assert_eq!(report.imported, 10);
    assert!(examined(&report) <= BUCKET + 10, "{report:?}");
    assert_eq!(report.resume_after, source.frontier().unwrap().visible);
    assert_eq!(examined(&import_with(&hub, &source, &mut by_origin())), 0);
    // A filter sees what is examined; what it left out is looked at again, and nothing more.
    fill(&source, 95_000, 900);
    for _ in 0..2 {
        let mut seen = 0;
        let mut filter = |_: &Event<'_>| {
            seen += 1;
            Verdict::Skip
        };
        let mut options = ImportOptions { filter: Some(&mut filter), ..by_origin() };
        let report = import_with(&hub, &source, &mut options);
        assert_eq!((report.imported, report.skipped_filtered), (0, seen));
        assert!((900..4 * BUCKET).contains(&seen), "{seen}");
    }
    assert_eq!(import_with(&hub, &source, &mut by_origin()).imported, 900);
}

#[test]
fn a_conflict_that_stays_costs_its_bucket() {
    let dir = TempDir::in_memory("sets-conflicts");
    let (a, b) = twins(&dir, 2 * MANY);
    for (store, text) in [(&a, "one"), (&b, "two")] {
        store.append(&NewEvent { key: Id(5), ..event("order", text.as_bytes()) }).unwrap();
    }
    for _ in 0..3 {
        let mut skip = ImportOptions { on_conflict: OnConflict::Skip, ..by_origin() };
        let report = import_with(&a, &b, &mut skip);
        assert_eq!((report.imported, report.conflicts), (0, 1));
        assert!(examined(&report) <= 2 * BUCKET, "{report:?}");
    }
    assert_eq!(import_with(&a, &b, &mut keeping()).conflicts_kept, 1);
    assert_eq!(import_with(&b, &a, &mut keeping()).conflicts_kept, 1);
    assert_eq!(digest(&a), digest(&b));
    let mut anew = ImportOptions { resume: false, ..by_origin() };
    assert_eq!(examined(&import_with(&a, &b, &mut anew)), 0);
}

#[test]
fn what_a_restored_store_lost_comes_back() {
    let dir = TempDir::in_memory("sets-restored");
    let (a, hub) = hub(&dir, 2 * MANY);
    a.close().unwrap();
    copy_dir(&dir.join("source"), &dir.join("older"));
    let a = open(&dir.join("source"), &with_mode(OpenMode::MustExist));
    fill(&a, 90_000, 70);
    import_with(&hub, &a, &mut by_origin());
    let older = open(&dir.join("older"), &with_mode(OpenMode::MustExist));
    let report = import_with(&older, &hub, &mut by_origin());
    assert_eq!((report.restored, report.imported), (70, 70));
    assert!(examined(&report) < 3 * BUCKET);
    assert_eq!(triples(&older), triples(&hub));
    assert_eq!(digest(&older), digest(&a));
}

/// Random stores that have exchanged some of their events.
fn random_stores(dir: &Path, rng: &mut Rng) -> Vec<Store> {
    let stores: Vec<Store> = (0..3)
        .map(|number| {
            let store = open(&dir.join(number.to_string()), &repeatable(number + 1));
            fill(&store, number * 1_000_000, rng.range(2000, 6000));
            store
        })
        .collect();
    for round in 0..rng.range(3, 9) {
        let (to, from) = (rng.below(3) as usize, rng.below(3) as usize);
        let (part, mut pick) = (rng.range(1, 40), Rng(rng.next()));
        let mut filter = |_: &Event<'_>| match pick.below(40) < part {
            true => Verdict::Keep,
            false => Verdict::Skip,
        };
        let mut options = ImportOptions { filter: Some(&mut filter), ..plain() };
        import_with(&stores[to], &stores[from], &mut options);
        let key = Id(u128::from(rng.range(1, 5)));
        let payload = format!("{round}");
        let _known = stores[to].append(&NewEvent { key, ..event("order", payload.as_bytes()) });
        fill(&stores[from], (to as u64 + 10) * 1_000_000 + round * 10_000, rng.below(1500));
    }
    stores
}

#[test]
fn with_sets_and_without_an_import_ends_with_the_same_events() {
    let mut rng = Rng(seed_from_env());
    for _ in 0..12 {
        let dir = TempDir::in_memory("sets-random");
        let stores = random_stores(dir.path(), &mut rng);
        let (to, from) = (rng.below(3) as usize, rng.below(3) as usize);
        let copy = dir.join("copy");
        stores[to].close().unwrap();
        copy_dir(&dir.join(&to.to_string()), &copy);
        let [with, without] = [dir.join(&to.to_string()), copy]
            .map(|path| open(&path, &with_mode(OpenMode::MustExist)));
        if to != from {
            assert_diff(&with, &stores[from]);
        }
        let source = if to == from { &with } else { &stores[from] };
        let (sparing, plain) = (
            import_with(&with, source, &mut keeping()),
            import_with(&without, source, &mut plain()),
        );
        // The other began after the genesis.
        assert!(examined(&sparing) <= examined(&plain) + 1, "{sparing:?}, {plain:?}");
        assert_eq!(triples(&with), triples(&without));
        assert_eq!(sparing.imported, plain.imported);
        assert_eq!(digest(&with), digest(&without));
    }
}

#[test]
fn reserved_kinds_are_no_difference() {
    let dir = TempDir::in_memory("diff-reserved");
    let (a, b) = twins(&dir, 100);
    b.close().unwrap();
    fbat::engine::store::open::new_identity(&dir.join("b"), &quick()).unwrap();
    let b = open(&dir.join("b"), &with_mode(OpenMode::MustExist));
    assert!(rows_with_system(&b).len() > rows_with_system(&a).len());
    assert!(rows_with_system(&b)
        .iter()
        .any(|row| row.kind != Kind::GENESIS && row.kind.is_reserved()));
    assert_eq!(diff(&a, &b), []);
    assert_eq!(digest(&a), digest(&b));
}

#[test]
fn the_same_id_and_content_under_a_later_store_id_is_another_event() {
    let dir = TempDir::in_memory("diff-later-id");
    let [before, after] = ["before", "after"].map(|name| dir.join(name));
    open_quick(&before).close().unwrap();
    copy_dir(&before, &after);
    new_identity(&after, &quick()).unwrap();
    let [before, after] = [before, after].map(|path| open_quick(&path));
    for store in [&before, &after] {
        store.append(&NewEvent { key: Id(9), ..event("order", b"the same") }).unwrap();
    }
    let found = diff(&before, &after);
    let sides: BTreeSet<_> = found.iter().map(|row| (&*row.namespace, row.side)).collect();
    let names = [&before, &after].map(Store::native_namespace);
    assert_eq!(sides, BTreeSet::from([(&*names[0], Side::First), (&*names[1], Side::Second)]));
}
