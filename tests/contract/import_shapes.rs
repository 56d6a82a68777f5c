//! Shapes in which stores feed each other, by origin: how many rounds until nothing comes, and what
//! each store has then. Restored sources, and directories of which two copies went on.

use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions, ImportReport};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::{Hash, Id};
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::Store;
use std::collections::BTreeSet;
use std::path::Path;

type Triples = BTreeSet<(String, Id, Hash)>;
type Way = (usize, usize);

#[track_caller]
fn pull(destination: &Store, source: &Store) -> ImportReport {
    let mut options =
        ImportOptions { identity: ImportIdentity::Origin, ..ImportOptions::default() };
    import_with(destination, source, &mut options)
}

/// Namespace, id and content of every event, as all stores see it; each is there once.
fn triples(store: &Store) -> Triples {
    let (native, all) = (store.native_namespace(), rows(store));
    let triple = |row: &Row| match &row.provenance {
        Some(origin) => (origin.namespace.clone(), origin.event_id, row.content_hash),
        None => (native.clone(), row.id, row.content_hash),
    };
    let set: Triples = all.iter().map(triple).collect();
    assert_eq!(set.len(), all.len(), "every event is there once");
    set
}

fn append_keys(store: &Store, keys: std::ops::Range<u128>) {
    for key in keys {
        let payload = key.to_string();
        store.append(&NewEvent { key: Id(key), ..event("order", payload.as_bytes()) }).unwrap();
    }
}

fn reopen(path: &Path) -> Store {
    open(path, &with_mode(OpenMode::MustExist))
}

fn both_ways(ways: &[Way]) -> Vec<Way> {
    ways.iter().flat_map(|&(a, b)| [(a, b), (b, a)]).collect()
}

/// Imports over all ways, from the first to the second; how many events that brought.
fn round(stores: &[Store], ways: &[Way]) -> u64 {
    ways.iter().map(|(from, to)| pull(&stores[*to], &stores[*from]).imported).sum()
}

/// From which stores some way leads to this one; itself among them.
fn upstream(of: usize, ways: &[Way]) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([of]);
    loop {
        let before = found.len();
        let more = ways.iter().filter(|(_, to)| found.contains(to)).map(|(from, _)| *from);
        found.extend(more.collect::<Vec<_>>());
        if found.len() == before {
            return found;
        }
    }
}

#[test]
fn stores_in_any_shape_come_to_rest_and_have_every_event_once() {
    let ring: Vec<Way> = (0..5).map(|at| (at, (at + 1) % 5)).collect();
    let star: Vec<Way> = (1..7).map(|at| (0, at)).collect();
    let mesh: Vec<Way> = (0..8).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    // Stores; ways; rounds that bring something, at most.
    let shapes = [
        ("two-way", 2, both_ways(&[(0, 1)]), 1),
        ("ring of 5", 5, ring, 2),
        ("diamond", 4, vec![(0, 1), (0, 2), (1, 3), (2, 3)], 1),
        ("star, both ways", 7, both_ways(&star), 2),
        ("full mesh of 8", 8, both_ways(&mesh), 2),
    ];
    println!("shape             stores  ways  rounds  imported  events per store  again");
    for (name, count, ways, rounds_at_most) in shapes {
        let dir = TempDir::in_memory("shape");
        let stores: Vec<Store> =
            (0..count).map(|at| open_quick(&dir.join(&at.to_string()))).collect();
        for (at, store) in stores.iter().enumerate() {
            append_keys(store, 1..8 + at as u128);
        }
        let own: Vec<Triples> = stores.iter().map(triples).collect();
        let (mut rounds, mut imported) = (0, 0);
        let again = loop {
            let brought = round(&stores, &ways);
            if brought == 0 {
                break round(&stores, &ways);
            }
            (rounds, imported) = (rounds + 1, imported + brought);
            assert!(rounds <= rounds_at_most, "{name} does not come to rest");
        };
        let mut sizes = BTreeSet::new();
        for (at, store) in stores.iter().enumerate() {
            let all = upstream(at, &ways).into_iter().flat_map(|from| own[from].clone());
            assert_eq!(triples(store), all.collect::<Triples>(), "{name}: store {at}");
            assert_sound(store);
            sizes.insert(rows(store).len());
        }
        let sizes = format!("{sizes:?}");
        let ways = ways.len();
        println!("{name:16}  {count:6}  {ways:4}  {rounds:6}  {imported:8}  {sizes:16}  {again:5}");
        assert_eq!(again, 0);
    }
}

/// What the manual warns of: under names that each hop gives anew, events are copied for ever.
#[test]
fn two_stores_that_feed_each_other_by_source_grow_with_each_round() {
    let dir = TempDir::in_memory("by-source");
    let [one, two] = ["one", "two"].map(|name| open_quick(&dir.join(name)));
    append_keys(&one, 1..11);
    append_keys(&two, 1..11);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        import(&two, &one, "one");
        import(&one, &two, "two");
        sizes.push((rows(&one).len(), rows(&two).len()));
    }
    println!("by source, both ways, after each round: {sizes:?} events");
    assert!(sizes.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
}

#[test]
fn a_hub_misses_nothing_of_a_source_that_was_restored_and_went_on() {
    for after in [1, 10, 40] {
        let dir = TempDir::in_memory("restored-source");
        let [device, hub] = ["device", "hub"].map(|name| open_quick(&dir.join(name)));
        append_keys(&device, 1..21);
        device.backup(&dir.join("old"), BackupOptions::default()).unwrap();
        append_keys(&device, 21..41);
        assert_eq!(pull(&hub, &device).imported, 40);
        device.close().unwrap();
        let device = reopen(&dir.join("old"));
        // It goes on to where the hub has read, before it, and beyond.
        append_keys(&device, 101..101 + after);
        assert_eq!(u128::from(pull(&hub, &device).imported), after);
        append_keys(&device, 201..204);
        assert_eq!(pull(&hub, &device).imported, 3);
        assert_eq!(pull(&hub, &device).imported, 0);
        let report = pull(&device, &hub);
        assert_eq!((report.imported, report.restored), (20, 20));
        assert_eq!(triples(&hub), triples(&device));
        // Its application does not know what was acknowledged.
        append_keys(&device, 21..41);
        assert_eq!(triples(&hub), triples(&device));
        let third = open_quick(&dir.join("third"));
        pull(&third, &hub);
        assert_eq!(pull(&third, &device).imported, 0, "it knows both");
        assert_eq!(pull(&hub, &device).imported, 0);
    }
}

#[test]
fn both_branches_of_a_directory_that_was_copied_arrive() {
    let dir = TempDir::in_memory("branches");
    let path = |name: &str| dir.join(name);
    let device = open_quick(&path("one"));
    append_keys(&device, 1..11);
    let hub = open_quick(&path("hub"));
    assert_eq!(pull(&hub, &device).imported, 10);
    device.close().unwrap();
    copy_dir(&path("one"), &path("two"));
    let (one, two) = (reopen(&path("one")), reopen(&path("two")));
    let mut expected = triples(&hub);
    for turn in 0..4 {
        let first = 100 + turn * 20;
        append_keys(&one, first..first + 3);
        append_keys(&two, first + 10..first + 15);
        assert_eq!((pull(&hub, &two).imported, pull(&hub, &one).imported), (5, 3));
        expected.extend(triples(&one));
        expected.extend(triples(&two));
        assert_eq!(triples(&hub), expected);
    }
    assert_eq!(pull(&one, &hub).imported, 20);
    assert_eq!(pull(&two, &one).imported, 12);
    assert_eq!(triples(&one), triples(&two));
    assert_eq!(pull(&hub, &one).imported + pull(&hub, &two).imported, 0);
}

/// An import remembers a bounded number of origins, and meets more.
#[test]
fn origins_beyond_those_that_an_import_remembers_are_named_right() {
    let dir = TempDir::in_memory("origins");
    let [device, station, hub, far] =
        ["device", "station", "hub", "far"].map(|name| open_quick(&dir.join(name)));
    append_keys(&device, 1..2);
    for origin in 0..1100 {
        import(&station, &device, &format!("plant/{origin}"));
    }
    append_keys(&device, 2..3);
    for origin in (0..1100).step_by(100) {
        import(&station, &device, &format!("plant/{origin}"));
    }
    let all = triples(&station);
    assert_eq!(all.len(), 1100 + 11);
    assert_eq!(pull(&hub, &station).imported, 1111);
    assert_eq!(pull(&far, &hub).imported, 1111);
    for store in [&hub, &far] {
        assert_eq!(triples(store), all);
        assert_sound(store);
    }
    assert_eq!(pull(&far, &station).imported, 0);
    assert_eq!(pull(&station, &far).imported, 0);
}
