//! Appending: keys, expectations, batches, limits, times, durability, and what a store is when it
//! is opened again.

use crate::common::spy::Spy;
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::event::{
    Cause, Columns, Expect, NewEvent, Receipt, SYSTEM_ENTITY, SYSTEM_SCOPE,
};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::limits;
use fbat::engine::model::region::Region;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::fs;

struct Fixture {
    dir: TempDir,
    store: Store,
}

impl Fixture {
    fn new(name: &str) -> Fixture {
        Fixture::with(name, &quick())
    }
    fn with(name: &str, options: &Options) -> Fixture {
        let dir = TempDir::new(name);
        Fixture { store: open(&dir.join("store"), options), dir }
    }
    fn reopen(&mut self) {
        self.store.close().unwrap();
        self.store = open_quick(&self.dir.join("store"));
    }
    /// The error of a batch that must fail, after which the store must be as it was.
    #[track_caller]
    fn refused(&self, batch: &[NewEvent<'_>]) -> Error {
        let before = (self.store.frontier().unwrap().visible, rows(&self.store));
        let error = error_of(self.store.append_batch(batch));
        assert_eq!(
            (self.store.frontier().unwrap().visible, rows(&self.store)),
            before,
            "all or nothing"
        );
        error
    }
}

/// What a row and the receipt of its append both tell, must agree.
#[track_caller]
fn assert_matches(row: &Row, receipt: &Receipt) {
    assert_eq!(
        (row.id, row.sequence, row.version, row.timestamp_us, row.recorded_us),
        (receipt.id, receipt.sequence, receipt.version, receipt.timestamp_us, receipt.recorded_us)
    );
    assert_eq!(
        (row.content_hash, row.event_hash, row.previous_hash),
        (receipt.content_hash, receipt.event_hash, Some(receipt.previous_hash))
    );
}

// ------------------------------------------------------------------------------------ what is kept

#[test]
fn what_was_appended_is_read_back_as_it_was_given() {
    let mut fixture = Fixture::new("kept");
    let receipts = fill(&fixture.store, 0, 300);
    for reopened in [false, true] {
        let rows = rows(&fixture.store);
        assert_eq!(rows.len(), 300);
        for (number, (row, receipt)) in rows.iter().zip(&receipts).enumerate() {
            let sample = Sample::new(number as u64);
            let extensions = sample.extensions();
            let new = sample.event(&extensions);
            assert_matches(row, receipt);
            assert_eq!(
                (row.entity.as_str(), row.scope.as_str(), row.kind),
                (new.entity, new.scope, new.kind)
            );
            assert_eq!((row.flags, row.payload_version), (new.flags, new.payload_version));
            assert_eq!((&row.payload[..], row.payload_len), (new.payload, new.payload.len()));
            assert_eq!(row.correlation, new.correlation);
            assert_eq!(row.timestamp_us, new.timestamp_us.unwrap_or(row.recorded_us));
            let pairs: Vec<(&str, &[u8])> =
                row.extensions.iter().map(|(k, v)| (k.as_str(), v.as_slice())).collect();
            assert_eq!(pairs, new.extensions, "in the order they were given");
            assert_eq!(
                row.causation,
                if number % 7 == 3 { Id(number as u128 + 1) } else { Id::NONE }
            );
            assert_eq!(row.content_hash.0, *blake3::hash(new.payload).as_bytes());
            assert_eq!(
                (row.provenance.as_ref(), receipt.imported, receipt.replayed),
                (None, false, false)
            );
            assert_eq!(get(&fixture.store, receipt.id).as_ref(), Some(row));
        }
        if !reopened {
            fixture.reopen();
        }
    }
    assert_sound(&fixture.store);
}

/// Payloads from a size on are written from where they are.
#[test]
fn large_payloads_lie_between_small_ones() {
    let mut fixture = Fixture::new("large");
    let payload =
        |length: usize| -> Vec<u8> { (0..length).map(|at| ((at * 7) >> 3) as u8).collect() };
    let lengths = [0, 70_000, 65_535, 65_536, 1, 65_537, 300_000, 64];
    let payloads: Vec<Vec<u8>> = lengths.into_iter().map(payload).collect();
    let new: Vec<NewEvent<'_>> = payloads.iter().map(|payload| event("e", payload)).collect();
    for event in &new {
        fixture.store.append(event).unwrap();
    }
    fixture.store.append_batch(&new).unwrap();
    fixture.store.append_batch(&new[1..4]).unwrap();
    for _reopened in 0..2 {
        let rows = rows(&fixture.store);
        assert_eq!(rows.len(), 19);
        for (row, payload) in rows.iter().zip(payloads.iter().cycle()).take(16) {
            assert!(row.payload == *payload, "{} bytes", payload.len());
            assert_eq!(row.content_hash.0, *blake3::hash(payload).as_bytes());
        }
        assert!(rows[16..]
            .iter()
            .zip(&payloads[1..4])
            .all(|(row, payload)| row.payload == *payload));
        assert_sound(&fixture.store);
        fixture.store.close().unwrap();
        // Without the mark, every batch is read again.
        fs::remove_file(fixture.dir.join("store/clean")).unwrap();
        fixture.store = open_quick(&fixture.dir.join("store"));
    }
}

#[test]
fn sequences_rise_by_one_from_the_genesis_and_versions_count_the_entitys_events() {
    let fixture = Fixture::new("sequences");
    let receipts = fill(&fixture.store, 0, 500);
    let mut versions = std::collections::HashMap::new();
    let mut previous = std::collections::HashMap::new();
    let genesis = rows_with_system(&fixture.store)[0].clone();
    for (at, row) in rows(&fixture.store).into_iter().enumerate() {
        assert_eq!(row.sequence, at as u64 + 2);
        assert_eq!(row.sequence, receipts[at].sequence);
        let version = versions.entry(row.entity.clone()).or_insert(0);
        *version += 1;
        assert_eq!(row.version, *version);
        let before = previous.insert(row.entity, row.event_hash).unwrap_or(genesis.event_hash);
        assert_eq!(
            row.previous_hash,
            Some(before),
            "the chain of an entity begins at the genesis event"
        );
    }
}

#[test]
fn hashes_are_what_the_format_says_they_are() {
    let fixture = Fixture::new("hashes");
    fill(&fixture.store, 0, 300);
    let extremes = NewEvent {
        key: Id(u128::MAX),
        timestamp_us: Some(i64::MIN),
        flags: u32::MAX,
        payload_version: u16::MAX,
        kind: Kind(0xffff),
        correlation: Id(1),
        cause: Cause::Event(Id(u128::MAX)),
        extensions: &[("z.z", b"\0"), ("a.a", b"")],
        ..event("ä", b"")
    };
    fixture.store.append(&extremes).unwrap();
    import_with(&fixture.store, &fixture.store, &mut named_self("namespace"));
    let all = rows_with_system(&fixture.store);
    assert_eq!(all.len(), 605, "with the genesis event, and the records of namespace and run");
    let genesis = all[0].event_hash;
    let mut heads = std::collections::HashMap::new();
    for row in &all {
        assert_eq!(row.content_hash.0, *blake3::hash(&row.payload).as_bytes());
        let first = if row.sequence == 1 { Hash::ZERO } else { genesis };
        assert_eq!(
            row.previous_hash,
            Some(heads.insert(row.entity.as_str(), row.event_hash).unwrap_or(first))
        );
        assert_eq!(row.event_hash, event_hash(row), "sequence {}", row.sequence);
    }
    assert_eq!(fixture.store.log_hash().unwrap(), log_hash(fixture.store.store_id(), all.iter()));
    // Every field counts.
    let changes: [fn(&mut Row); 8] = [
        |r| r.scope.push('x'),
        |r| r.flags ^= 1,
        |r| r.recorded_us += 1,
        |r| r.payload_version ^= 1,
        |r| r.correlation.0 ^= 1,
        |r| r.causation.0 ^= 1,
        |r| r.extensions.clear(),
        |r| r.provenance = None,
    ];
    let sample = all.iter().find(|r| r.provenance.is_some() && !r.extensions.is_empty()).unwrap();
    for change in changes {
        let mut row = sample.clone();
        change(&mut row);
        assert_ne!(event_hash(&row), sample.event_hash);
    }
}

#[test]
fn the_genesis_event_names_the_store() {
    let fixture = Fixture::new("genesis");
    assert!(
        rows(&fixture.store).is_empty(),
        "queries leave system events out unless asked for them"
    );
    let all = rows_with_system(&fixture.store);
    let genesis = &all[0];
    assert_eq!((all.len(), genesis.sequence, genesis.version), (1, 1, 1));
    assert_eq!(genesis.kind, Kind::GENESIS);
    assert_eq!((genesis.entity.as_str(), genesis.scope.as_str()), (SYSTEM_ENTITY, SYSTEM_SCOPE));
    assert_eq!(genesis.previous_hash, Some(Hash::ZERO));
    assert_eq!(get(&fixture.store, genesis.id).as_ref(), Some(genesis));
    let frontier = fixture.store.frontier().unwrap();
    assert_eq!(
        (frontier.visible, frontier.durable),
        (1, 1),
        "the genesis is durable when open returns"
    );
    assert!(!fixture.store.store_id().is_none());
    assert_eq!(fixture.store.native_namespace(), format!("store:{}", fixture.store.store_id()));
    let id = fixture.store.store_id();
    let holds = genesis.payload.windows(16).any(|w| w == id.to_bytes())
        || String::from_utf8_lossy(&genesis.payload).contains(&id.to_string());
    assert!(holds, "the store id stands in the genesis payload");
}

#[test]
fn a_label_is_kept_with_the_store() {
    let dir = TempDir::new("label");
    let options = Options { label: "Zürich".into(), ..quick() };
    let store = open(&dir.join("store"), &options);
    assert_eq!(store.label(), "Zürich");
    store.close().unwrap();
    let again = open(&dir.join("store"), &Options { label: "another".into(), ..quick() });
    assert_eq!(again.label(), "Zürich", "it is given once, at creation");
    let too_long = Options { label: "x".repeat(1025), ..quick() };
    assert!(Store::open(&dir.join("other"), &too_long).is_err());
    assert!(!dir.join("other").exists(), "checked before any work");
}

// ------------------------------------------------------------------------------------ ids and keys

#[test]
fn an_event_without_a_key_gets_a_version_7_uuid_of_the_time() {
    let dir = TempDir::new("uuid");
    let clock = TestClock::at(EPOCH_US);
    let store = open(&dir.join("store"), &Options { clock: clock.clone(), ..quick() });
    let mut seen = std::collections::HashSet::new();
    for _ in 0..300 {
        let now = clock.advance(1500);
        let id = store.append(&event("e", b"")).unwrap().id.0;
        assert_eq!(id >> 80, now as u128 / 1000, "48 bits of milliseconds");
        assert_eq!((id >> 76 & 0xf, id >> 62 & 0x3), (7, 2), "version and variant");
        assert!(seen.insert(id));
    }
}

#[test]
fn a_key_becomes_the_id_and_the_same_content_is_replayed_with_the_original_receipt() {
    let mut fixture = Fixture::new("replay");
    let key = Id(u128::MAX - 5);
    let first = NewEvent { key, timestamp_us: Some(-7), ..event("e", b"p") };
    let receipt = fixture.store.append(&first).unwrap();
    assert_eq!((receipt.id, receipt.replayed), (key, false));
    fixture.store.append(&event("e", b"more")).unwrap();
    // What is not content may differ: the answer is the first append's.
    let retry = NewEvent { timestamp_us: Some(9), flags: 3, correlation: Id(4), ..first };
    for round in 0..3 {
        let replayed = fixture.store.append(&retry).unwrap();
        let expected = Receipt { replayed: true, durable: replayed.durable, ..receipt };
        assert_eq!(replayed, expected, "round {round}");
        fixture.reopen(); // keys never expire
    }
    assert_eq!(rows(&fixture.store).len(), 2);
}

#[test]
fn the_same_key_with_other_content_is_a_conflict_and_nothing_is_written() {
    let fixture = Fixture::new("conflict");
    let key = Id(77);
    let there = fixture.store.append(&NewEvent { key, ..event("e", b"p") }).unwrap();
    let others = [
        event("f", b"p"),
        event("e", b"q"),
        event("e", b""),
        NewEvent { scope: "other", ..event("e", b"p") },
        NewEvent { kind: Kind(0x1002), ..event("e", b"p") },
    ];
    for other in others {
        let error = fixture.refused(&[
            event("before", b"1"),
            NewEvent { key, ..other },
            event("behind", b"2"),
        ]);
        assert_eq!((error.code(), error.item), (Code::IdempotencyConflict, Some(1)));
        assert_eq!((error.event_id, error.sequence), (key, there.sequence), "{error}");
    }
}

#[test]
fn the_key_is_tested_before_the_expectation_so_that_a_retry_replays() {
    let fixture = Fixture::new("retry");
    let first = NewEvent { key: Id(1), expect: Expect::Absent, ..event("e", b"p") };
    fixture.store.append(&first).unwrap();
    assert!(fixture.store.append(&first).unwrap().replayed);
    let second = NewEvent { key: Id(2), expect: Expect::Version(1), ..event("e", b"q") };
    fixture.store.append(&second).unwrap();
    fixture.store.append(&event("e", b"r")).unwrap();
    assert!(fixture.store.append(&second).unwrap().replayed);
    // With other content the key decides too.
    let other = NewEvent { payload: b"x", ..first };
    assert_eq!(fixture.refused(&[other]).code(), Code::IdempotencyConflict);
}

#[test]
fn the_same_key_twice_in_a_batch_makes_the_second_a_replay_of_the_first() {
    let fixture = Fixture::new("twice");
    let keyed = NewEvent { key: Id(5), ..event("e", b"p") };
    let receipts = fixture.store.append_batch(&[keyed, event("e", b"q"), keyed, keyed]).unwrap();
    assert_eq!(receipts.iter().map(|r| r.sequence).collect::<Vec<_>>(), [2, 3, 2, 2]);
    assert_eq!(receipts.iter().map(|r| r.replayed).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(receipts[2], Receipt { replayed: true, ..receipts[0] });
    assert_eq!(rows(&fixture.store).len(), 2);
    // Other content under the key is a conflict also within the batch.
    let batch =
        [NewEvent { key: Id(6), ..event("e", b"1") }, NewEvent { key: Id(6), ..event("e", b"2") }];
    let error = fixture.refused(&batch);
    assert_eq!((error.code(), error.item), (Code::IdempotencyConflict, Some(1)));
}

#[test]
fn a_batch_of_nothing_but_replays_writes_nothing() {
    let fixture = Fixture::new("replays");
    let batch: Vec<NewEvent<'_>> =
        (1..50u8).map(|n| NewEvent { key: Id(n.into()), ..event("e", b"p") }).collect();
    let first = fixture.store.append_batch(&batch).unwrap();
    let before = fixture.store.stats().unwrap();
    let again = fixture.store.append_batch(&batch).unwrap();
    assert!(again.iter().all(|r| r.replayed));
    assert!(first
        .iter()
        .zip(&again)
        .all(|(a, b)| (a.sequence, a.event_hash) == (b.sequence, b.event_hash)));
    assert_eq!(fixture.store.stats().unwrap().events, before.events);
    assert_eq!(fixture.store.frontier().unwrap().visible, 50);
}

#[test]
fn a_batch_of_nothing_is_nothing() {
    let fixture = Fixture::new("nothing");
    assert_eq!(fixture.store.append_batch(&[]).unwrap(), []);
    assert_eq!(fixture.store.frontier().unwrap().visible, 1);
}

#[test]
fn of_several_items_that_are_wrong_the_first_is_named() {
    let fixture = Fixture::new("first");
    fixture.store.append(&NewEvent { key: Id(1), ..event("e", b"p") }).unwrap();
    let key_there = NewEvent { key: Id(1), ..event("e", b"q") };
    let version = NewEvent { expect: Expect::Absent, ..event("e", b"r") };
    let (first, again) =
        (NewEvent { key: Id(2), ..event("e", b"1") }, NewEvent { key: Id(2), ..event("e", b"2") });
    let cases: [(&[NewEvent<'_>], Code, usize); 4] = [
        (&[first, version, key_there, again], Code::VersionConflict, 1),
        (&[first, key_there, version, again], Code::IdempotencyConflict, 1),
        (&[first, again, version, key_there], Code::IdempotencyConflict, 1),
        (&[first, first, again, version], Code::IdempotencyConflict, 2),
    ];
    for (batch, code, item) in cases {
        let error = fixture.refused(batch);
        assert_eq!((error.code(), error.item), (code, Some(item)), "{error}");
    }
}

#[test]
fn keys_are_found_across_many_segments() {
    let mut fixture = Fixture::new("segments");
    let payload = [0x5a; 700];
    let of = |n: u64| NewEvent { key: Id(u128::from(n) << 64 | 0xabc), ..event("e", &payload) };
    for n in 0..1500 {
        fixture.store.append(&of(n)).unwrap();
    }
    assert!(fixture.store.stats().unwrap().segments > 10);
    assert!(segments(&fixture.dir.join("store")).len() > 10);
    for _ in 0..2 {
        for n in (0..1500).step_by(37) {
            let receipt = fixture.store.append(&of(n)).unwrap();
            assert_eq!((receipt.replayed, receipt.sequence, receipt.version), (true, n + 2, n + 1));
            let error = fixture.refused(&[NewEvent { payload: b"other", ..of(n) }]);
            assert_eq!((error.code(), error.sequence), (Code::IdempotencyConflict, n + 2));
        }
        assert!(fixture.store.get(Id(0xabc1), Columns::ALL).unwrap().is_none());
        fixture.reopen();
    }
    assert_sound(&fixture.store);
}

// ------------------------------------------------------------------------------------ expectations

#[test]
fn expectations_hold_or_nothing_is_written() {
    let fixture = Fixture::new("expect");
    fixture.store.append(&event("two", b"1")).unwrap();
    fixture.store.append(&event("two", b"2")).unwrap();
    let cases = [
        ("two", Expect::Any, true),
        ("none", Expect::Any, true),
        ("two", Expect::Absent, false),
        ("new", Expect::Absent, true),
        ("two", Expect::Present, true),
        ("missing", Expect::Present, false),
        ("two", Expect::Version(1), false),
        ("two", Expect::Version(5), false),
        ("two", Expect::Version(4), true),
        ("missing", Expect::Version(0), true),
        ("two", Expect::Version(0), false),
        ("two", Expect::Version(u64::MAX), false),
    ];
    for (entity, expect, holds) in cases {
        let new = NewEvent { expect, ..event(entity, b"x") };
        if holds {
            fixture.store.append(&new).unwrap_or_else(|e| panic!("{entity} {expect:?}: {e}"));
        } else {
            let error = fixture.refused(&[new]);
            assert_eq!(
                (error.code(), error.item),
                (Code::VersionConflict, Some(0)),
                "{entity} {expect:?}"
            );
        }
    }
    let error = fixture.refused(&[NewEvent { expect: Expect::Version(99), ..event("two", b"x") }]);
    assert_eq!((error.actual, error.allowed), (5, 99), "found and expected: {error}");
}

#[test]
fn expectations_count_the_earlier_items_of_the_batch() {
    let fixture = Fixture::new("earlier");
    let of = |expect| NewEvent { expect, ..event("e", b"p") };
    let batch =
        [of(Expect::Absent), of(Expect::Present), of(Expect::Version(2)), of(Expect::Version(3))];
    let receipts = fixture.store.append_batch(&batch).unwrap();
    assert_eq!(receipts.iter().map(|r| r.version).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let error = fixture.refused(&[of(Expect::Version(4)), of(Expect::Version(4))]);
    assert_eq!((error.code(), error.item), (Code::VersionConflict, Some(1)));
    // A replay counts for nothing.
    let keyed = NewEvent { key: Id(9), ..of(Expect::Any) };
    fixture.store.append(&keyed).unwrap();
    let receipts = fixture.store.append_batch(&[keyed, of(Expect::Version(5))]).unwrap();
    assert_eq!((receipts[0].replayed, receipts[1].version), (true, 6));
}

#[test]
fn of_two_writers_that_expect_the_same_version_one_wins() {
    let fixture = Fixture::new("race");
    let store = &fixture.store;
    for round in 0..50u64 {
        let entity = format!("race{round}");
        let wins: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4u8)
                .map(|n| {
                    let entity = &entity;
                    scope.spawn(move || {
                        store
                            .append(&NewEvent { expect: Expect::Absent, ..event(entity, &[n]) })
                            .is_ok()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(wins.iter().filter(|won| **won).count(), 1);
        assert_eq!(store.head(&entity).unwrap().unwrap().version, 1);
    }
}

// ------------------------------------------------------------------------------------ causation

#[test]
fn a_cause_is_an_id_or_an_earlier_item() {
    let fixture = Fixture::new("cause");
    let known = fixture.store.append(&NewEvent { key: Id(3), ..event("e", b"known") }).unwrap();
    let batch = [
        NewEvent { cause: Cause::Event(Id(0xfeed)), ..event("e", b"0") },
        NewEvent { cause: Cause::Item(0), ..event("f", b"1") },
        NewEvent { key: Id(3), ..event("e", b"known") }, // a replay can be a cause as well
        NewEvent { cause: Cause::Item(2), ..event("f", b"3") },
        NewEvent { cause: Cause::Item(1), ..event("f", b"4") },
    ];
    let receipts = fixture.store.append_batch(&batch).unwrap();
    let causation = |at: usize| get(&fixture.store, receipts[at].id).unwrap().causation;
    assert_eq!((causation(0), causation(1)), (Id(0xfeed), receipts[0].id));
    assert_eq!((causation(3), causation(4)), (known.id, receipts[1].id));
    for bad in [1, 2, usize::MAX] {
        let error = fixture
            .refused(&[event("e", b""), NewEvent { cause: Cause::Item(bad), ..event("e", b"") }]);
        assert_eq!(
            (error.code(), error.item),
            (Code::InvalidArgument, Some(1)),
            "item {bad}: {error}"
        );
    }
}

// ------------------------------------------------------------------------------------ checks

#[test]
fn coordinates_are_checked_in_order_and_byte_by_byte() {
    let fixture = Fixture::new("coordinate");
    let long = "x".repeat(1025);
    let fits = "x".repeat(1024);
    // Each is wrong in several ways; the first in the order is named.
    let ordered = [
        ("", "", "entity is empty"),
        ("", long.as_str(), "entity is empty"),
        (long.as_str(), "", "scope is empty"),
        ("a/b", "", "scope is empty"),
        (long.as_str(), "a/b", "entity has 1025"),
        ("a/b", long.as_str(), "scope has 1025"),
        ("a/b", "a|b", "entity has '/' at 1"),
        ("a", "a|b", "scope has '|' at 1"),
    ];
    for (entity, scope, names) in ordered {
        let error = fixture.refused(&[event("e", b""), NewEvent { scope, ..event(entity, b"") }]);
        assert_eq!((error.code(), error.item), (Code::InvalidCoordinate, Some(1)));
        assert!(error.message.contains(names), "{error} names {names}");
    }
    for bad in
        ["\0", "a\x1f", "\x7f", "/", "a/b", "..", "a..b", "a...", "a|", "=store", "a=b", "\n", "\t"]
    {
        for (entity, scope) in [(bad, "s"), ("e", bad)] {
            let error = fixture.refused(&[NewEvent { scope, ..event(entity, b"") }]);
            assert_eq!((error.code(), error.item), (Code::InvalidCoordinate, Some(0)), "{bad:?}");
        }
    }
    for good in [
        "a",
        " ",
        ":",
        "a:b",
        "e:",
        ".",
        "a.b",
        ".a.",
        "ä",
        "\u{80}",
        "日本",
        "a\\b",
        "~",
        fits.as_str(),
    ] {
        fixture
            .store
            .append(&NewEvent { scope: good, ..event(good, b"") })
            .unwrap_or_else(|e| panic!("{good:?}: {e}"));
    }
    assert_sound(&fixture.store);
}

#[test]
fn reserved_kinds_are_refused_and_all_others_taken() {
    let fixture = Fixture::new("kinds");
    for category in 0..16u8 {
        for kind_type in [0, 1, 0xfff] {
            let kind = Kind::new(category, kind_type).unwrap();
            let new = NewEvent { kind, ..event("e", b"") };
            if category == 0 || category == 0xd {
                let error = fixture.refused(&[event("e", b""), event("e", b""), new]);
                assert_eq!((error.code(), error.item), (Code::ReservedKind, Some(2)));
            } else {
                assert_eq!(
                    get(&fixture.store, fixture.store.append(&new).unwrap().id).unwrap().kind,
                    kind
                );
            }
        }
    }
}

#[test]
fn extension_keys_are_checked() {
    let fixture = Fixture::new("extensions");
    let long = format!("{}.f", "p".repeat(255));
    let fits = format!("{}.f", "p".repeat(254));
    let bad = [
        ("", Code::InvalidArgument),
        ("a", Code::InvalidArgument),
        (".", Code::InvalidArgument),
        ("a.", Code::InvalidArgument),
        (".b", Code::InvalidArgument),
        ("a.b.c", Code::InvalidArgument),
        ("ä.b", Code::InvalidArgument),
        ("batpak.import.provenance", Code::ReservedExtension),
        ("batpak.x", Code::ReservedExtension),
        (long.as_str(), Code::LimitExceeded),
    ];
    for (key, code) in bad {
        let error = fixture.refused(&[
            event("e", b""),
            NewEvent { extensions: &[(key, b"v")], ..event("e", b"") },
        ]);
        assert_eq!((error.code(), error.item), (code, Some(1)), "{key:?}: {error}");
    }
    let twice = NewEvent { extensions: &[("a.b", b"1"), ("a.b", b"2")], ..event("e", b"") };
    assert_eq!(fixture.refused(&[twice]).code(), Code::InvalidArgument);
    for key in ["a.b", "batpa.k", "batpakx.y", "A-1.~", fits.as_str()] {
        let receipt = fixture
            .store
            .append(&NewEvent { extensions: &[(key, b"v")], ..event("e", b"") })
            .unwrap();
        assert_eq!(
            get(&fixture.store, receipt.id).unwrap().extensions,
            [(key.to_owned(), b"v".to_vec())]
        );
    }
}

#[test]
fn limits_are_checked_before_any_work_and_name_the_item() {
    let mut options = quick();
    options.limits.payload_bytes_max = 100;
    options.limits.batch_events_max = 5;
    options.limits.batch_bytes_max = 350;
    let fixture = Fixture::with("limits", &options);
    fixture.store.append(&event("e", &[0; 100])).unwrap();
    fixture.store.append_batch(&[event("e", &[0; 60]); 5]).unwrap();

    // The expectation of item 0 does not hold, but the limit is checked first.
    let failing = NewEvent { expect: Expect::Absent, ..event("e", b"") };
    let error = fixture.refused(&[failing, event("e", b""), event("e", &[0; 101])]);
    assert_eq!(
        (error.code(), error.item, error.actual, error.allowed),
        (Code::LimitExceeded, Some(2), 101, 100)
    );
    assert!(error.message.contains("payload"), "{error}");

    let error = fixture.refused(&[event("e", b""); 6]);
    assert_eq!((error.code(), error.actual, error.allowed), (Code::LimitExceeded, 6, 5));
    assert!(error.message.contains("batch events"), "{error}");

    let error = fixture.refused(&[event("e", &[0; 90]); 4]);
    assert_eq!((error.code(), error.allowed), (Code::LimitExceeded, 350), "{error}");
    assert!(error.actual >= 360 && error.message.contains("batch bytes"), "{error}");

    let values = vec![0; (64 << 10) - 2];
    let exact: [(&str, &[u8]); 1] = [("a.b", &values[1..])];
    let over: [(&str, &[u8]); 1] = [("a.b", &values)];
    let wide = Fixture::new("wide");
    wide.store.append(&NewEvent { extensions: &exact, ..event("e", b"") }).unwrap();
    let error = wide.refused(&[NewEvent { extensions: &over, ..event("e", b"") }]);
    assert_eq!(
        (error.code(), error.item, error.actual),
        (Code::LimitExceeded, Some(0), 65_537),
        "{error}"
    );
    let keys: Vec<String> = (0..65).map(|n| format!("a.{n}")).collect();
    let many: Vec<(&str, &[u8])> = keys.iter().map(|key| (key.as_str(), &b""[..])).collect();
    wide.store.append(&NewEvent { extensions: &many[1..], ..event("e", b"") }).unwrap();
    let error = wide.refused(&[NewEvent { extensions: &many, ..event("e", b"") }]);
    assert_eq!(
        (error.code(), error.actual, error.allowed),
        (Code::LimitExceeded, 65, 64),
        "{error}"
    );
}

#[test]
fn the_librarys_own_limits_hold_and_are_reachable() {
    let fixture = Fixture::new("largest");
    let huge = vec![1; limits::PAYLOAD_BYTES_MAX + 1];
    let largest = event("e", &huge[1..]);
    let receipt = fixture.store.append(&largest).unwrap();
    assert_eq!(get(&fixture.store, receipt.id).unwrap().payload_len, limits::PAYLOAD_BYTES_MAX);
    assert_eq!(fixture.refused(&[event("e", &huge)]).code(), Code::LimitExceeded);
    assert_eq!(
        fixture.refused(&[largest, largest]).code(),
        Code::LimitExceeded,
        "64 MiB and the coordinates"
    );

    let most = vec![event("many", b""); limits::BATCH_EVENTS_MAX + 1];
    let receipts = fixture.store.append_batch(&most[1..]).unwrap();
    assert_eq!(receipts.last().unwrap().version, limits::BATCH_EVENTS_MAX as u64);
    assert_eq!(error_of(fixture.store.append_batch(&most)).code(), Code::LimitExceeded);
    assert_eq!(fixture.store.frontier().unwrap().visible, 2 + limits::BATCH_EVENTS_MAX as u64);
    assert_sound(&fixture.store);
}

#[test]
fn limits_outside_of_the_librarys_own_are_refused_at_open() {
    let dir = TempDir::new("bad-limits");
    type Change = fn(&mut Options);
    let changes: [Change; 6] = [
        |o| o.limits.payload_bytes_max = limits::PAYLOAD_BYTES_MAX + 1,
        |o| o.limits.payload_bytes_max = 0,
        |o| o.limits.batch_events_max = 0,
        |o| o.limits.batch_events_max = limits::BATCH_EVENTS_MAX + 1,
        |o| o.limits.segment_bytes = (64 << 10) - 1,
        |o| o.limits.segment_bytes = (1 << 30) + 1,
    ];
    for change in changes {
        let mut options = quick();
        change(&mut options);
        assert_eq!(code_of(Store::open(&dir.join("store"), &options)), Code::InvalidArgument);
    }
    assert!(!dir.join("store").exists(), "checked before any work");
}

// ------------------------------------------------------------------------------------ times

#[test]
fn recorded_time_never_goes_back_also_when_the_clock_does() {
    let dir = TempDir::new("clock");
    let clock = TestClock::at(EPOCH_US);
    let options = Options { clock: clock.clone(), ..quick() };
    let mut store = open(&dir.join("store"), &options);
    let mut highest = EPOCH_US;
    for (round, jump) in
        [5, -3_600_000_000, 0, 1, 7_200_000_000, -1, i64::MIN / 4].into_iter().enumerate()
    {
        let now = clock.advance(jump);
        highest = highest.max(now);
        let receipts = store
            .append_batch(&[
                event("e", b"1"),
                NewEvent { timestamp_us: Some(-5), ..event("e", b"2") },
            ])
            .unwrap();
        assert_eq!(
            (receipts[0].recorded_us, receipts[1].recorded_us),
            (highest, highest),
            "round {round}"
        );
        assert_eq!(
            (receipts[0].timestamp_us, receipts[1].timestamp_us),
            (now, -5),
            "round {round}"
        );
        if round % 3 == 2 {
            store.close().unwrap();
            store = open(&dir.join("store"), &options);
        }
    }
    assert!(rows_with_system(&store).windows(2).all(|w| w[0].recorded_us <= w[1].recorded_us));
    assert_sound(&store);
}

// ------------------------------------------------------------------------------------ durability

#[test]
fn a_durable_append_is_on_disk_when_it_returns() {
    let (options, spy) = Spy::watch(Options { durability: Durability::Durable, ..quick() });
    let fixture = Fixture::with("durable", &options);
    for n in 0..200u64 {
        let receipt = fixture.store.append(&event("e", &[n as u8; 700])).unwrap();
        assert!(receipt.durable);
        assert!(spy.dirty_segments().is_empty(), "append {n}");
        assert_eq!(fixture.store.frontier().unwrap().durable, receipt.sequence);
    }
    assert!(fixture.store.stats().unwrap().segments > 1);
}

#[test]
fn an_os_append_is_acknowledged_before_it_is_on_disk_and_sync_makes_up_for_it() {
    let (options, spy) = Spy::watch(quick());
    let fixture = Fixture::with("os", &options);
    let first = fixture.store.append(&NewEvent { key: Id(1), ..event("e", b"p") }).unwrap();
    assert!(!first.durable && !spy.dirty_segments().is_empty());
    let frontier = fixture.store.frontier().unwrap();
    assert_eq!((frontier.visible, frontier.durable), (2, 1));
    let frontier = fixture.store.sync().unwrap();
    assert_eq!((frontier.visible, frontier.durable), (2, 2));
    assert!(spy.dirty_segments().is_empty());
    let replayed = fixture.store.append(&NewEvent { key: Id(1), ..event("e", b"p") }).unwrap();
    assert!(replayed.replayed && replayed.durable, "a receipt says what is so now");
    let syncs = spy.syncs();
    fixture.store.sync().unwrap();
    assert_eq!(spy.syncs(), syncs, "nothing to do, nothing done");
    fixture.store.append(&event("e", b"q")).unwrap();
    fixture.store.close().unwrap();
    assert!(spy.dirty_segments().is_empty(), "close leaves nothing behind");
}

#[test]
fn a_replayed_receipt_in_durable_mode_is_durable() {
    let dir = TempDir::new("replay-durable");
    let path = dir.join("store");
    let keyed = NewEvent { key: Id(1), ..event("e", b"p") };
    let store = open_quick(&path);
    assert!(!store.append(&keyed).unwrap().durable);
    store.sync().unwrap();
    store.close().unwrap();
    let (options, spy) = Spy::watch(Options { durability: Durability::Durable, ..quick() });
    let store = open(&path, &options);
    assert!(store.append(&keyed).unwrap().durable);
    assert!(spy.dirty_segments().is_empty());
}

#[test]
fn callers_on_many_threads_are_each_acknowledged_once_and_in_order() {
    let options = Options { durability: Durability::Durable, ..quick() };
    let fixture = Fixture::with("threads", &options);
    let store = &fixture.store;
    let all: Vec<Vec<Receipt>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8u8)
            .map(|n| {
                scope.spawn(move || {
                    let entity = format!("thread{n}");
                    let payload = [n; 60];
                    let batch = vec![event(&entity, &payload); 1 + n as usize % 3];
                    (0..40).flat_map(|_| store.append_batch(&batch).unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let mut sequences: Vec<u64> = all.iter().flatten().map(|r| r.sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (2..2 + sequences.len() as u64).collect::<Vec<_>>());
    for (n, receipts) in all.iter().enumerate() {
        assert!(receipts.iter().all(|r| r.durable));
        assert!(
            receipts.iter().enumerate().all(|(at, r)| r.version == at as u64 + 1),
            "one version each"
        );
        for batch in receipts.chunks(1 + n % 3) {
            assert!(
                batch.windows(2).all(|w| w[1].sequence == w[0].sequence + 1),
                "a batch is not cut in two"
            );
        }
    }
    assert_sound(store);
}

#[test]
fn a_full_disk_fails_the_append_and_loses_nothing() {
    let (options, spy) = Spy::watch(Options { durability: Durability::Durable, ..quick() });
    let mut fixture = Fixture::with("full", &options);
    fill(&fixture.store, 0, 20);
    let before = rows(&fixture.store);
    spy.fill_up_after(0);
    let error = error_of(fixture.store.append(&event("e", b"no room")));
    assert_eq!((error.code(), error.errno), (Code::NoSpace, Some(28)), "{error}");
    assert!(error.path.is_some());
    assert_eq!(rows(&fixture.store), before, "reading goes on");
    spy.fill_up_after(-1);
    fixture.reopen();
    assert_eq!(rows(&fixture.store), before);
    fixture.store.append(&event("e", b"room again")).unwrap();
    assert_sound(&fixture.store);
}

// ------------------------------------------------------------------------------------ open and
// close

#[test]
fn open_modes_accept_what_they_say() {
    let dir = TempDir::new("modes");
    let path = dir.join("store");
    assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::MustExist))), Code::StoreNotFound);
    assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::ReadOnly))), Code::StoreNotFound);
    assert!(!path.exists());
    let store = open(&path, &with_mode(OpenMode::MustBeNew));
    assert!(store.open_report().created && !store.is_read_only());
    let id = store.store_id();
    store.append(&event("e", b"p")).unwrap();
    store.close().unwrap();
    assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::MustBeNew))), Code::StoreExists);
    for mode in [OpenMode::CreateIfMissing, OpenMode::MustExist, OpenMode::ReadOnly] {
        let store = open(&path, &with_mode(mode));
        assert!(!store.open_report().created && !store.open_report().unclean, "{mode:?}");
        assert_eq!((store.store_id(), rows(&store).len()), (id, 1), "{mode:?}");
        assert_eq!(store.is_read_only(), mode == OpenMode::ReadOnly);
        assert_eq!(store.path(), path);
        store.close().unwrap();
    }
}

#[test]
fn an_empty_directory_is_no_store_and_becomes_one() {
    let dir = TempDir::new("empty");
    let path = dir.join("store");
    std::fs::create_dir(&path).unwrap();
    assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::MustExist))), Code::StoreNotFound);
    assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::ReadOnly))), Code::StoreNotFound);
    assert!(open(&path, &with_mode(OpenMode::MustBeNew)).open_report().created);
}

#[test]
fn a_path_that_is_no_directory_is_refused() {
    let dir = TempDir::new("file");
    std::fs::write(dir.join("file"), b"something else").unwrap();
    for mode in [OpenMode::CreateIfMissing, OpenMode::MustExist, OpenMode::ReadOnly] {
        assert!(Store::open(&dir.join("file"), &with_mode(mode)).is_err());
    }
    assert!(Store::open(&dir.join("no/such/parent"), &quick()).is_err());
    assert_eq!(std::fs::read(dir.join("file")).unwrap(), b"something else");
}

#[test]
fn a_read_only_store_refuses_every_write_and_changes_nothing() {
    let dir = TempDir::new("read-only");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 100);
    store.close().unwrap();
    let names = |path: &std::path::Path| {
        let mut files: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|e| e.unwrap().path())
            .map(|p| (p.clone(), std::fs::read(&p).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = names(&path);
    let reader = open_reader(&path);
    assert_eq!(code_of(reader.append(&event("e", b"p"))), Code::ReadOnly);
    assert_eq!(rows(&reader).len(), 100);
    assert_sound(&reader);
    reader.close().unwrap();
    assert!(names(&path) == before, "byte for byte");
}

#[test]
fn a_second_writer_is_told_who_holds_the_store() {
    let fixture = Fixture::new("busy");
    let error = error_of(Store::open(&fixture.dir.join("store"), &quick()));
    assert_eq!(error.code(), Code::Busy);
    assert!(error.message.contains(&std::process::id().to_string()), "{error}");
    // The one that was refused took nothing away.
    fixture.store.append(&event("e", b"p")).unwrap();
    assert_eq!(code_of(Store::open(&fixture.dir.join("store"), &quick())), Code::Busy);
    fixture.store.close().unwrap();
    open_quick(&fixture.dir.join("store"));
}

#[test]
fn dropping_the_last_handle_frees_the_store() {
    let fixture = Fixture::new("drop");
    fixture.store.append(&event("e", b"p")).unwrap();
    let path = fixture.dir.join("store");
    let second = fixture.store.clone();
    let dir = fixture.dir;
    drop(fixture.store);
    assert_eq!(code_of(Store::open(&path, &quick())), Code::Busy);
    drop(second);
    assert_eq!(rows(&open_quick(&path)).len(), 1);
    drop(dir);
}

#[test]
fn a_closed_store_answers_closed_and_close_may_be_called_again() {
    let fixture = Fixture::new("closed");
    let receipt = fixture.store.append(&event("e", b"p")).unwrap();
    let other = fixture.store.clone();
    fixture.store.close().unwrap();
    fixture.store.close().unwrap();
    assert_eq!(code_of(other.append(&event("e", b"p"))), Code::Closed);
    assert_eq!(code_of(other.get(receipt.id, Columns::ALL)), Code::Closed);
    assert_eq!(code_of(other.query(&Query::default())), Code::Closed);
    assert_eq!(code_of(other.head("e")), Code::Closed);
    assert_eq!(code_of(other.frontier()), Code::Closed);
    assert_eq!(code_of(other.stats()), Code::Closed);
    assert_eq!(code_of(other.sync()), Code::Closed);
    assert_eq!(code_of(other.verify()), Code::Closed);
    assert_eq!(code_of(other.log_hash()), Code::Closed);
    other.close().unwrap();
}

#[test]
fn closing_while_others_append_loses_no_acknowledged_event() {
    for round in 0..20 {
        let durability = if round % 2 == 0 { Durability::Durable } else { Durability::Os };
        let fixture = Fixture::with("close-race", &Options { durability, ..quick() });
        let store = &fixture.store;
        let acknowledged: Vec<Receipt> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8u8)
                .map(|n| {
                    scope.spawn(move || {
                        let mut receipts = Vec::new();
                        loop {
                            match store.append(&event("e", &[n; 50])) {
                                Ok(receipt) => receipts.push(receipt),
                                Err(error) => {
                                    assert_eq!(error.code(), Code::Closed, "{error}");
                                    return receipts;
                                }
                            }
                        }
                    })
                })
                .collect();
            std::thread::sleep(std::time::Duration::from_millis(5));
            store.close().unwrap();
            threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
        });
        let store = open_quick(&fixture.dir.join("store"));
        assert!(!store.open_report().unclean, "it was closed");
        for receipt in &acknowledged {
            let row = get(&store, receipt.id).expect("what was acknowledged is there");
            assert_matches(&row, receipt);
        }
        assert_sound(&store);
    }
}

#[test]
fn of_many_that_create_the_same_store_at_once_one_gets_it() {
    for round in 0..10 {
        let dir = TempDir::new("create-race");
        let path = &dir.join("store");
        let mode = if round % 2 == 0 { OpenMode::CreateIfMissing } else { OpenMode::MustBeNew };
        let start = &std::sync::Barrier::new(4);
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = move || {
                start.wait();
                Store::open(path, &with_mode(mode))
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let (stores, errors): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
        assert_eq!(stores.len(), 1);
        for error in errors.into_iter().filter_map(Result::err) {
            assert!(matches!(error.code(), Code::Busy | Code::StoreExists), "{error}");
        }
        assert_sound(stores[0].as_ref().unwrap());
    }
}

#[test]
fn a_failed_sync_poisons_the_store_until_it_is_opened_again() {
    let (options, spy) = Spy::watch(Options { durability: Durability::Durable, ..quick() });
    let mut fixture = Fixture::with("sync-fails", &options);
    fill(&fixture.store, 0, 10);
    spy.fail_syncs(true);
    let error = error_of(fixture.store.append(&NewEvent { key: Id(1), ..event("e", b"p") }));
    assert_eq!((error.code(), error.errno), (Code::Io, Some(5)), "{error}");
    spy.fail_syncs(false);
    let syncs = spy.syncs();
    assert_eq!(code_of(fixture.store.append(&event("e", b"q"))), Code::Poisoned);
    assert_eq!(code_of(fixture.store.sync()), Code::Poisoned);
    assert_eq!(spy.syncs(), syncs, "a failed sync is not tried again");
    assert!(rows(&fixture.store).len() >= 10, "reading goes on");
    let _ = fixture.store.close();
    fixture.store = open_quick(&fixture.dir.join("store"));
    assert!(fixture.store.open_report().unclean);
    let there = rows(&fixture.store);
    assert!(there.len() == 10 || there.len() == 11);
    // Whatever became of the event, the retry under its key makes it one.
    let replayed =
        fixture.store.append(&NewEvent { key: Id(1), ..event("e", b"p") }).unwrap().replayed;
    assert_eq!((replayed, rows(&fixture.store).len()), (there.len() == 11, 11));
    assert_sound(&fixture.store);
}

#[test]
fn a_poisoned_store_reads_on_and_refuses_writes_until_it_is_opened_again() {
    let mut fixture = Fixture::new("poisoned");
    fixture.store.append(&event("e", b"p")).unwrap();
    fixture.store.poison("because a test says so");
    let error = error_of(fixture.store.append(&event("e", b"q")));
    assert_eq!(error.code(), Code::Poisoned);
    assert!(error.message.contains("because a test says so"), "{error}");
    assert_eq!(rows(&fixture.store).len(), 1);
    let _ = fixture.store.close();
    fixture.store = open_quick(&fixture.dir.join("store"));
    fixture.store.append(&event("e", b"q")).unwrap();
    assert_eq!(rows(&fixture.store).iter().map(|r| r.version).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn everything_is_there_after_each_of_many_reopens() {
    let mut fixture = Fixture::new("reopens");
    let mut receipts = Vec::new();
    for round in 0..25u64 {
        receipts.extend(fill(&fixture.store, round * 40, 40));
        let (hash, all) = (fixture.store.log_hash().unwrap(), rows_with_system(&fixture.store));
        fixture.reopen();
        assert!(!fixture.store.open_report().unclean, "it was closed");
        assert_eq!(fixture.store.log_hash().unwrap(), hash, "round {round}");
        assert!(rows_with_system(&fixture.store) == all, "round {round}");
    }
    assert_eq!(
        receipts.iter().map(|r| r.sequence).collect::<Vec<_>>(),
        (2..1002).collect::<Vec<_>>()
    );
    assert!(
        segments(&fixture.dir.join("store")).len() < 12,
        "opening and closing makes no segments of its own"
    );
    assert_sound(&fixture.store);
}

#[test]
fn heads_tell_the_newest_event_of_an_entity() {
    let mut fixture = Fixture::new("heads");
    fill(&fixture.store, 0, 1000);
    for _ in 0..2 {
        let all = rows(&fixture.store);
        for entity in ["quake", "quake2", "quake:0", "quake:3"] {
            let newest = all.iter().rev().find(|row| row.entity == entity).unwrap();
            let head = fixture.store.head(entity).unwrap().unwrap();
            assert_eq!(
                (head.version, head.sequence, head.event_id, head.event_hash),
                (newest.version, newest.sequence, newest.id, newest.event_hash)
            );
            let count = all.iter().filter(|row| row.entity == entity).count() as u64;
            assert_eq!(head.version, count);
        }
        assert!(fixture.store.head("quak").unwrap().is_none());
        assert!(fixture.store.head("quake:").unwrap().is_none());
        fixture.reopen();
    }
}

#[test]
fn statistics_count_what_is_there() {
    let mut fixture = Fixture::new("stats");
    fill(&fixture.store, 0, 1500);
    for _ in 0..2 {
        let stats = fixture.store.stats().unwrap();
        assert_eq!(stats.events, 1501);
        assert_eq!(stats.segments as usize, segments(&fixture.dir.join("store")).len());
        assert!(stats.log_bytes > 1500 * 100 && stats.unindexed_events < 1501);
        fixture.reopen();
    }
}

#[test]
fn verify_walks_everything_and_finds_damage() {
    let mut fixture = Fixture::new("verify");
    fill(&fixture.store, 0, 600);
    let marker = b"a payload that will be damaged, in the first segment";
    fixture.store.append(&event("marked", marker)).unwrap();
    fill(&fixture.store, 600, 900);
    let report = fixture.store.verify().unwrap();
    assert_eq!((report.events, report.system_events, report.gaps), (1502, 1, 0));
    assert_eq!(report.segments, fixture.store.stats().unwrap().segments);
    assert!(report.findings.is_empty() && report.batches > 100);
    fixture.reopen();
    let damage = Damage::to_bytes(&fixture.dir.join("store"), marker);
    let report = fixture.store.verify().unwrap();
    assert!(
        report.findings.iter().any(|f| f.path == damage.path && f.offset <= damage.offset),
        "{report:#?}"
    );
    damage.undo();
    assert_sound(&fixture.store);
}

#[test]
fn an_entity_reads_from_the_region_it_was_appended_to() {
    let fixture = Fixture::new("scopes");
    fixture.store.append(&NewEvent { scope: "one", ..event("e", b"1") }).unwrap();
    fixture.store.append(&NewEvent { scope: "two", ..event("e", b"2") }).unwrap();
    let region = Region { scopes: vec!["two".into()], ..Region::default() };
    let found = read_pages(&fixture.store, &Query { region, ..Query::default() });
    assert_eq!(
        (found.len(), found[0].version),
        (1, 2),
        "versions count the entity, whatever the scope"
    );
}
