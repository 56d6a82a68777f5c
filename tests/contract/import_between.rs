//! What others append between the chunks of an import, while the next one is gathered already: at
//! chosen moments, since a race meets them too seldom.

use crate::common::machine::{Machine, Op};
use crate::common::*;
use fbat::engine::import::{ImportDurability, ImportOptions};
use fbat::engine::log::options::Durability;
use fbat::engine::model::event::{Event, NewEvent};
use fbat::engine::platform::watch::Verdict;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FREE: u8 = 0;
const HOLD_NEXT: u8 = 1;
const HELD: u8 = 2;

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::yield_now();
    }
}

/// Three chunks of ten. The second waits behind the sync of the first while the third is gathered,
/// whose first event then arrives in another way: before the second chunk is committed, or after.
fn arrives_between(before_second: bool) {
    let (dir, machine) = (TempDir::in_memory("between"), Machine::new());
    let source = open_quick(&dir.join("source"));
    let texts: Vec<String> = (0..30).map(|n| format!("event {n}")).collect();
    let ids: Vec<_> =
        texts.iter().map(|t| source.append(&event("e", t.as_bytes())).unwrap().id).collect();
    let hub = open(&dir.join("hub"), &machine.options(Durability::Os));
    let state = Arc::new(AtomicU8::new(FREE));
    let gate = state.clone();
    machine.on_call(move |op, path| {
        let next = op == Op::Sync && is_segment(path);
        if next
            && gate.compare_exchange(HOLD_NEXT, HELD, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        {
            wait_until("the sync goes on", || gate.load(Ordering::SeqCst) == FREE);
        }
        None
    });
    let visible = || hub.frontier().unwrap().visible;
    let release = || state.store(FREE, Ordering::SeqCst);
    let mut after_first = 0;
    let mut filter = |e: &Event<'_>| {
        match e.sequence {
            2 => state.store(HOLD_NEXT, Ordering::SeqCst),
            // One of the second chunk: the first is visible, and its sync is held.
            12 => {
                wait_until("the first is synced", || state.load(Ordering::SeqCst) == HELD);
                after_first = visible();
            }
            // The second of the third chunk.
            23 => {
                if !before_second {
                    release();
                    wait_until("the second is there", || visible() >= after_first + 10);
                }
                assert_eq!(visible(), after_first + if before_second { 0 } else { 10 });
                let key = import_id("s", ids[20]);
                hub.append(&NewEvent { key, ..event("e", texts[20].as_bytes()) }).unwrap();
                release();
            }
            _ => {}
        }
        Verdict::Keep
    };
    let mut options = ImportOptions {
        filter: Some(&mut filter),
        chunk_size: 10,
        durability: ImportDurability::Chunk,
        overlap: true,
        ..named("s")
    };
    let report = import_with(&hub, &source, &mut options);
    assert_eq!((report.imported, report.overtaken), (30, 1), "{report:?}");
    assert_eq!(rows(&hub).len(), 30, "each is there once");
    assert_sound(&hub);
}

#[test]
fn a_key_that_arrives_between_two_chunks_of_an_import_is_not_doubled() {
    // On one processor chunks are not gathered beside a commit, and nothing can come between.
    if std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
        arrives_between(true);
        arrives_between(false);
    }
}

#[test]
fn whatever_differs_is_a_conflict_also_where_an_import_reads_on_in_the_log() {
    use fbat::engine::import::OnConflict;
    use fbat::engine::model::id::{Id, Kind};
    let dir = TempDir::in_memory("read-on");
    let fill = |name: &str, change: &dyn Fn(&mut NewEvent<'_>)| {
        let store = open_quick(&dir.join(name));
        for number in 0..100u8 {
            let mut new = NewEvent { key: Id(u128::from(number) + 1), ..event("e", b"payload") };
            if number == 60 {
                change(&mut new);
            }
            store.append(&new).unwrap();
        }
        store
    };
    let hub = open_quick(&dir.join("hub"));
    assert_eq!(import(&hub, &fill("first", &|_| ()), "s").imported, 100);
    let other_kind = Kind(KIND.0 ^ 1);
    type Change<'c> = (&'c str, &'c dyn Fn(&mut NewEvent<'_>));
    let changes: [Change<'_>; 4] = [
        ("entity", &|new| new.entity = "f"),
        ("scope", &|new| new.scope = "other"),
        ("kind", &|new| new.kind = other_kind),
        ("payload", &|new| new.payload = b"Payload"),
    ];
    for (what, change) in changes {
        let source = fill(what, change);
        let mut options =
            ImportOptions { on_conflict: OnConflict::Skip, allow_other_store: true, ..named("s") };
        let report = import_with(&hub, &source, &mut options);
        assert_eq!((report.conflicts, report.deduplicated), (1, 99), "{what}");
    }
}

#[test]
fn what_another_namespace_brought_is_not_met_where_an_import_reads_on_in_the_log() {
    let dir = TempDir::in_memory("read-on-names");
    let (source, hub) = (open_quick(&dir.join("source")), open_quick(&dir.join("hub")));
    fill(&source, 0, 100);
    let bring = |namespace: &str, sequences: std::ops::RangeInclusive<u64>| {
        let mut keep = |event: &Event<'_>| match sequences.contains(&event.sequence) {
            true => Verdict::Keep,
            false => Verdict::Skip,
        };
        import_with(
            &hub,
            &source,
            &mut ImportOptions { filter: Some(&mut keep), ..named(namespace) },
        )
    };
    // The next event of the source follows, of the other namespace.
    assert_eq!(bring("other", 101..=101).imported, 1);
    assert_eq!(bring("one", 2..=61).imported, 60);
    assert_eq!(bring("other", 62..=100).imported, 39);
    let report = bring("one", 2..=101);
    assert_eq!((report.deduplicated, report.imported), (60, 40));
    let again = bring("one", 2..=101);
    assert_eq!((again.deduplicated, again.imported), (100, 0));
}
