//! The places of a name in a destination: the id of its own, the key of the name, and that of name
//! and content. Some may be empty or taken by others, and still each event is there once.

use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions, ImportReport, OnConflict};
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::{Hash, Id};
use fbat::engine::repair::repair;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::path::Path;

fn keeping<'a>() -> ImportOptions<'a> {
    ImportOptions {
        identity: ImportIdentity::Origin,
        on_conflict: OnConflict::Keep,
        ..ImportOptions::default()
    }
}

fn pull(destination: &Store, source: &Store) -> ImportReport {
    import_with(destination, source, &mut keeping())
}

fn reopen(path: &Path) -> Store {
    open(path, &with_mode(OpenMode::MustExist))
}

fn append(store: &Store, key: u128, text: &str) {
    store.append(&NewEvent { key: Id(key), ..event("order", text.as_bytes()) }).unwrap();
}

/// How often a store has each content that came from elsewhere.
fn brought(store: &Store) -> BTreeMap<(String, Id, Hash), u32> {
    let mut counts = BTreeMap::new();
    for row in rows(store) {
        let Some(origin) = row.provenance else { continue };
        *counts.entry((origin.namespace, origin.event_id, row.content_hash)).or_default() += 1;
    }
    counts
}

/// A copy of a store that is closed, with an id of its own.
fn renamed_copy(of: &Path, to: &Path) {
    copy_dir(of, to);
    new_identity(to, &quick()).unwrap();
}

/// Two stores use one id, and a third has had the store ids of both.
#[test]
fn an_id_that_two_earlier_store_ids_have_used_is_that_of_two_events() {
    for (y, chunk_size, first) in [("y", 1, 0), ("y", 64, 1), ("x", 1, 1), ("x", 64, 0)] {
        let dir = TempDir::new("two-ids");
        let [p, q, d] = ["p", "q", "d"].map(|name| dir.join(name));
        open_quick(&p).close().unwrap();
        renamed_copy(&p, &q);
        renamed_copy(&q, &d);
        let [p, q, d] = [p, q, d].map(|path| reopen(&path));
        append(&p, 25, "x");
        append(&q, 25, y);
        let hub = open_quick(&dir.join("hub"));
        let both = [&p, &q];
        for at in [first, 1 - first] {
            assert_eq!(pull(&hub, both[at]).imported, 1);
        }
        let report = import_with(&d, &hub, &mut ImportOptions { chunk_size, ..keeping() });
        assert_eq!((report.imported, report.restored, report.conflicts_kept), (2, 1, 0));
        assert_eq!(brought(&d), brought(&hub));
        let all = || ImportOptions { resume: false, ..keeping() };
        let again = [&hub, &p, &q].map(|source| import_with(&d, source, &mut all()));
        assert!(again.iter().all(|report| report.imported == 0), "{again:?}");
        assert_eq!(again.iter().map(|report| report.skipped_reimported).sum::<u64>(), 4);
        // What goes on from there has the names of the two.
        let next = open_quick(&dir.join("next"));
        assert_eq!(pull(&next, &d).imported, 2);
        assert_eq!(pull(&next, &hub).imported, 0);
        assert_eq!(brought(&next), brought(&hub));
        assert_sound(&d);
    }
}

/// Damages the event with a payload, and has the store repaired.
fn lose(path: &Path, payload: &[u8], repaired: &Path) -> Store {
    let name = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let log = name.into_iter().find(|name| name.extension().is_some_and(|end| end == "log"));
    let log = log.unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let report = repair(path, repaired, &Options::default()).unwrap();
    assert_eq!(report.sequences_lost, 1);
    let store = reopen(repaired);
    assert_sound(&store);
    assert_eq!(repaired_through(repaired), store.frontier().unwrap().visible);
    store
}

/// What the identity file says at the offset that `docs/format.md` gives.
fn repaired_through(path: &Path) -> u64 {
    let bytes = std::fs::read(path.join("store.fbat")).unwrap();
    u64::from_le_bytes(bytes[72..80].try_into().unwrap())
}

/// The other of two contents of one name is where it was, though the first place is free.
#[test]
fn a_repaired_store_gets_back_what_it_lost_and_nothing_else() {
    for by_name in [false, true] {
        let dir = TempDir::new("lost-place");
        let (one, two) = (dir.join("one"), dir.join("two"));
        let first = open_quick(&one);
        append(&first, 1, "spells what the others use");
        first.close().unwrap();
        copy_dir(&one, &two);
        let [one, two] = [one, two].map(|path| reopen(&path));
        append(&one, 7, "content of the one");
        append(&two, 7, "content of the two");
        let options = || match by_name {
            false => keeping(),
            true => ImportOptions { on_conflict: OnConflict::Keep, ..named("device") },
        };
        let hub = open_quick(&dir.join("hub"));
        let feed = |hub: &Store| {
            [&one, &two].map(|source| import_with(hub, source, &mut options()).imported)
        };
        assert_eq!(feed(&hub), [2, 1]);
        let before = brought(&hub);
        hub.close().unwrap();
        let hub = lose(&dir.join("hub"), b"content of the one", &dir.join("repaired"));
        assert_eq!(feed(&hub), [1, 0], "by name: {by_name}");
        assert_eq!(feed(&hub), [0, 0]);
        assert_eq!(brought(&hub), before);
        // In its log the second content comes first now, and is not where its name leads to.
        for (number, chunk_size) in [1, 64].into_iter().enumerate() {
            let next = open_quick(&dir.join(&format!("next{number}")));
            let mut options = ImportOptions { chunk_size, ..keeping() };
            let report = import_with(&next, &hub, &mut options);
            assert_eq!((report.imported, report.conflicts_kept), (3, 1));
            assert_eq!(brought(&next), before);
            assert_sound(&next);
        }
    }
}

#[test]
fn an_identity_file_that_does_not_say_of_a_loss_is_found() {
    let dir = TempDir::new("unsaid-loss");
    let store = open_quick(&dir.join("store"));
    append(&store, 1, "first");
    append(&store, 2, "what is lost");
    append(&store, 3, "last");
    store.close().unwrap();
    let repaired = dir.join("repaired");
    lose(&dir.join("store"), b"what is lost", &repaired).close().unwrap();
    let file = repaired.join("store.fbat");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[72..80].fill(0);
    let at = bytes.len() - 4;
    let checksum = crc32fast::hash(&bytes[..at]);
    bytes[at..].copy_from_slice(&checksum.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let report = reopen(&repaired).verify().unwrap();
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].message.contains("the identity file does not say so"));
}
