//! Several processes at one store: a second writer, readers beside a writer, and writers that are
//! killed. The other process is this test binary, run again for one of the ignored tests.

mod common;

use common::*;
use fbat::engine::error::Code;
use fbat::engine::event::{Columns, Event, NewEvent};
use fbat::engine::id::{Id, Kind};
use fbat::engine::import::{ImportOptions, Verdict};
use fbat::engine::query::Query;
use fbat::engine::store::{Durability, Options, Store};
use std::collections::HashMap;
use std::path::Path;

// ------------------------------------------------------------------------------------ parts

/// The key and payload of an event of batch `batch`; all that a parent needs to know what was acknowledged.
fn key_of(batch: u64, item: u64) -> Id {
    Id(u128::from(batch) << 64 | u128::from(item) << 8 | 0x1f)
}

fn payload_of(batch: u64, item: u64) -> Vec<u8> {
    let mut rng = Rng(batch << 8 | item);
    let length = rng.below(300) as usize;
    let mut payload = batch.to_le_bytes().to_vec();
    payload.extend(rng.bytes(length));
    payload
}

/// Batches of 1 to 7 events.
fn size_of(batch: u64) -> u64 {
    1 + Rng(batch).below(7)
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_appends_batches_until_killed() {
    if !plays("part_appends_batches_until_killed") {
        return;
    }
    let durability = if given("DURABLE") == "1" { Durability::Durable } else { Durability::Os };
    let store = open(given("STORE").as_ref(), &Options { durability, ..quick() });
    let mut batch: u64 = given("FIRST").parse().unwrap();
    loop {
        let payloads: Vec<Vec<u8>> = (0..size_of(batch)).map(|item| payload_of(batch, item)).collect();
        let entity = format!("entity:{}", batch % 5);
        let of = |(item, payload)| NewEvent { key: key_of(batch, item), ..event(&entity, payload) };
        let events: Vec<NewEvent<'_>> = (0..).zip(&payloads).map(|(item, p): (u64, &Vec<u8>)| of((item, p))).collect();
        let receipts = store.append_batch(&events).unwrap();
        assert!(durability == Durability::Os || receipts.iter().all(|r| r.durable));
        // One line and one write: the parent hears of a batch after the store acknowledged it.
        say(format_args!("{batch} {} {}", receipts[0].sequence, receipts.last().unwrap().event_hash));
        batch += 1;
    }
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_holds_the_store_until_told() {
    if !plays("part_holds_the_store_until_told") {
        return;
    }
    let store = open_quick(given("STORE").as_ref());
    say("open");
    while let Some(line) = listen() {
        match line.as_str() {
            "append" => say(store.append(&event("held", b"by the other process")).unwrap().sequence),
            "close" => {
                store.close().unwrap();
                say("closed");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_reads_beside_the_writer() {
    if !plays("part_reads_beside_the_writer") {
        return;
    }
    let store = open_reader(given("STORE").as_ref());
    say("open");
    let mut after = 0;
    let mut seen = 0;
    while listen().is_some() {
        let page = store.query(&Query { after, limit: 65_536, ..Query::default() }).unwrap();
        for e in page.iter() {
            assert_eq!(e.payload, Sample::new(seen).payload);
            seen += 1;
        }
        after = page.next;
        let head = store.head("quake").unwrap().map_or(0, |head| head.version);
        say(format_args!("{seen} {} {head}", store.frontier().unwrap().visible));
    }
    assert_sound(&store);
}

fn start_holder(path: &Path) -> Actor {
    let mut holder = Actor::start("part_holds_the_store_until_told", &[("STORE", path.to_str().unwrap())]);
    assert_eq!(holder.hear().as_deref(), Some("open"));
    holder
}

// ------------------------------------------------------------------------------------ beside each other

#[test]
fn a_second_writer_process_is_refused_and_told_who_holds_the_store() {
    let dir = TempDir::new("two-writers");
    let path = dir.join("store");
    let mut holder = start_holder(&path);
    let error = error_of(Store::open(&path, &quick()));
    assert_eq!(error.code(), Code::Busy);
    assert!(error.message.contains(&holder.id().to_string()), "process {} is not named: {error}", holder.id());
    holder.tell("append");
    assert_eq!(holder.hear().as_deref(), Some("2"), "the refused open did no harm");
    holder.tell("close");
    assert_eq!(holder.hear().as_deref(), Some("closed"));
    let store = open_quick(&path);
    assert_eq!(store.append(&event("mine", b"")).unwrap().sequence, 3);
    holder.finish();
    assert_sound(&store);
}

#[test]
fn the_lock_goes_with_the_process_that_held_it() {
    let dir = TempDir::new("killed-holder");
    let path = dir.join("store");
    let mut holder = start_holder(&path);
    holder.tell("append");
    holder.hear();
    assert_eq!(code_of(Store::open(&path, &quick())), Code::Busy);
    holder.kill();
    let store = open_quick(&path);
    assert!(store.open_report().unclean, "{:?}", store.open_report());
    assert_eq!(rows(&store).len(), 1, "what the kernel had is there");
    assert!(store.append(&event("mine", b"")).unwrap().sequence > 2);
    store.close().unwrap();
    assert!(!open_quick(&path).open_report().unclean);
}

#[test]
fn a_closed_store_can_be_opened_again_while_other_threads_start_processes() {
    // A process that was forked and has not come to its exec holds a copy of every descriptor.
    let dir = TempDir::new("spawning");
    let path = dir.join("store");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let spawner = scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                std::process::Command::new("true").status().unwrap();
            }
        });
        let mut busy = 0;
        for _ in 0..400 {
            match Store::open(&path, &quick()) {
                Ok(store) => store.close().unwrap(),
                Err(error) => {
                    assert_eq!(error.code(), Code::Busy, "{error}");
                    busy += 1;
                }
            }
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        spawner.join().unwrap();
        assert_eq!(busy, 0, "times that a closed store was still held");
    });
}

#[test]
fn a_reader_process_sees_events_arrive_beside_the_writer() {
    let dir = TempDir::new("reader-process");
    let path = dir.join("store");
    let store = open_quick(&path);
    let mut reader = Actor::start("part_reads_beside_the_writer", &[("STORE", path.to_str().unwrap())]);
    assert_eq!(reader.hear().as_deref(), Some("open"));
    let mut total = 0;
    for count in [0, 1, 5, 600, 1, 2000, 3] {
        fill(&store, total, count);
        total += count;
        reader.tell("look");
        let head = store.head("quake").unwrap().map_or(0, |head| head.version);
        assert_eq!(reader.hear(), Some(format!("{total} {} {head}", total + 1)));
    }
    // Closing and opening the store again is nothing to the reader.
    store.close().unwrap();
    let store = open_quick(&path);
    fill(&store, total, 700);
    reader.tell("look");
    assert!(reader.hear().unwrap().starts_with(&format!("{} ", total + 700)));
    reader.finish();
}

#[test]
fn a_reader_goes_on_when_the_writer_beside_it_is_killed_and_another_takes_over() {
    let dir = TempDir::new("take-over");
    let path = dir.join("store");
    let mut holder = start_holder(&path);
    let reader = open_reader(&path);
    holder.tell("append");
    holder.hear();
    assert_eq!(rows(&reader).len(), 1);
    holder.kill();
    assert_eq!(rows(&reader).len(), 1);
    let store = open_quick(&path);
    store.append(&event("mine", b"after the other was killed")).unwrap();
    assert_eq!(rows(&reader), rows(&store));
    fill(&store, 0, 1000);
    assert_eq!(rows(&reader), rows(&store));
    assert_eq!(reader.log_hash().unwrap(), store.log_hash().unwrap());
    assert_sound(&reader);
}

#[test]
fn an_import_from_a_reader_goes_on_when_another_writer_takes_over_in_the_middle() {
    let dir = TempDir::new("take-over-import");
    let path = dir.join("store");
    let environment = [("STORE", path.to_str().unwrap()), ("DURABLE", "0"), ("FIRST", "0")];
    let mut writer = Actor::start("part_appends_batches_until_killed", &environment);
    (0..15).for_each(|_| drop(writer.hear())); // few enough that the tail is in the first segment
    let reader = open_reader(&path);
    writer.kill();
    let count = rows(&reader).len() as u64;
    let destination = open_quick(&dir.join("destination"));
    let mut taken_over = None;
    let mut filter = |_: &Event<'_>| {
        if taken_over.is_none() {
            // The new writer moves the tail to a new file, and the reader follows it there.
            let store = open_quick(&path);
            store.append(&event("mine", b"after the other was killed")).unwrap();
            assert_eq!(reader.frontier().unwrap().visible, count + 2);
            taken_over = Some(store);
        }
        Verdict::Keep
    };
    let mut options = ImportOptions { filter: Some(&mut filter), ..named("s") };
    assert_eq!(import_with(&destination, &reader, &mut options).imported, count);
    assert_eq!(import(&destination, &reader, "s").imported, 1);
    assert_sound(&destination);
}

#[test]
fn a_reader_thread_goes_on_when_another_writer_takes_over() {
    let dir = TempDir::new("take-over-thread");
    let path = dir.join("store");
    let mut first = 0;
    for _ in 0..6 {
        let first_text = first.to_string();
        let environment = [("STORE", path.to_str().unwrap()), ("DURABLE", "0"), ("FIRST", first_text.as_str())];
        let mut writer = Actor::start("part_appends_batches_until_killed", &environment);
        (0..60).for_each(|_| drop(writer.hear()));
        let reader = open_reader(&path);
        writer.kill();
        let before = rows_with_system(&reader);
        first += 1_000_000;
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        while !done.load(std::sync::atomic::Ordering::Acquire) {
                            let now = rows_with_system(&reader);
                            assert!(now.len() >= before.len() && now[..before.len()] == before);
                        }
                    })
                })
                .collect();
            let store = open_quick(&path);
            fill(&store, 0, 300);
            done.store(true, std::sync::atomic::Ordering::Release);
            readers.into_iter().for_each(|thread| thread.join().unwrap());
            store.close().unwrap();
        });
    }
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_creates_stores_until_killed() {
    if !plays("part_creates_stores_until_killed") {
        return;
    }
    for number in 0.. {
        say(number);
        let path = format!("{}{number}", given("STORE"));
        let store = open_quick(path.as_ref());
        store.append(&event("e", b"p")).unwrap();
    }
}

#[test]
fn a_store_whose_creation_was_killed_is_made_anew_or_whole() {
    let dir = TempDir::new("creating");
    let mut rng = Rng(seed_from_env());
    let mut made_anew = 0;
    for cycle in 0..count_from_env("FBAT_KILL_CYCLES", 12) {
        let path = dir.join(&format!("store{cycle}-"));
        let mut creator = Actor::start("part_creates_stores_until_killed", &[("STORE", path.to_str().unwrap())]);
        (0..rng.range(1, 6)).for_each(|_| drop(creator.hear()));
        std::thread::sleep(std::time::Duration::from_micros(rng.below(6000)));
        creator.kill();
        let mut last = 0;
        while dir.join(&format!("store{cycle}-{}", last + 1)).exists() {
            last += 1;
        }
        for number in 0..=last {
            let store = open_quick(&dir.join(&format!("store{cycle}-{number}")));
            let report = store.open_report();
            assert!(number == last || !report.created);
            made_anew += u64::from(report.created);
            assert!(rows(&store).len() <= 1 && rows_with_system(&store)[0].sequence == 1);
            store.append(&event("e", b"q")).unwrap();
            assert_sound(&store);
        }
    }
    println!("{made_anew} stores were killed before they were whole");
}

// ------------------------------------------------------------------------------------ killed

/// What a killed writer had acknowledged: batch number, first sequence, event hash of its last event.
#[derive(Clone, Debug)]
struct Acknowledged {
    batch: u64,
    sequence: u64,
    event_hash: String,
}

fn parse(line: &str) -> Option<Acknowledged> {
    let mut parts = line.split(' ');
    Some(Acknowledged {
        batch: parts.next()?.parse().ok()?,
        sequence: parts.next()?.parse().ok()?,
        event_hash: parts.next().filter(|hash| hash.len() == 64)?.to_owned(),
    })
}

/// What is wrong with a store after its writer was killed: acknowledged batches that are not there
/// as they were, and batches of which a part is there.
fn losses(store: &Store, acknowledged: &[Acknowledged]) -> Vec<String> {
    let mut by_key: HashMap<Id, Row> = HashMap::new();
    let mut found = Vec::new();
    let mut last = 0;
    for row in rows(store) {
        if row.sequence <= last {
            found.push(format!("sequence {} after {last}", row.sequence));
        }
        last = row.sequence;
        if let Some(double) = by_key.insert(row.id, row) {
            found.push(format!("{} is there twice", double.id));
        }
    }
    let batches: std::collections::BTreeSet<u64> = by_key.keys().map(|key| (key.0 >> 64) as u64).collect();
    let all = acknowledged.iter().map(|a| a.batch).chain(batches);
    for batch in all.collect::<std::collections::BTreeSet<u64>>() {
        for item in 0..size_of(batch) {
            match by_key.get(&key_of(batch, item)) {
                None => found.push(format!("item {item} of batch {batch} is missing")),
                Some(row) if row.payload != payload_of(batch, item) => {
                    found.push(format!("item {item} of batch {batch} has another payload"))
                }
                Some(_) => {}
            }
        }
    }
    for told in acknowledged {
        let last = by_key.get(&key_of(told.batch, size_of(told.batch) - 1));
        let sequence = told.sequence + size_of(told.batch) - 1;
        if last.is_none_or(|row| row.sequence != sequence || row.event_hash.to_string() != told.event_hash) {
            found.push(format!("batch {} is not as it was acknowledged: {told:?}", told.batch));
        }
    }
    found
}

/// Kills a writer again and again, and opens the store after it each time.
fn kill_cycles(name: &str, durable: &str, cycles: u64) {
    let dir = TempDir::new(name);
    let path = dir.join("store");
    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    let mut rng = Rng(seed_from_env());
    let mut highest = 1;
    for cycle in 0..cycles {
        let first = acknowledged.last().map_or(0, |a| a.batch + 1) + 1_000_000 * cycle;
        let first_text = first.to_string();
        let environment = [("STORE", path.to_str().unwrap()), ("DURABLE", durable), ("FIRST", &first_text)];
        let mut writer = Actor::start("part_appends_batches_until_killed", &environment);
        let wait_for = 1 + rng.below(if durable == "1" { 120 } else { 1500 });
        let mut said: Vec<String> = (0..wait_for).map_while(|_| writer.hear()).collect();
        assert_eq!(said.len() as u64, wait_for, "the writer ended by itself");
        said.extend(writer.kill());
        acknowledged.extend(said.iter().filter_map(|line| parse(line)));

        let store = open_quick(&path);
        let report = store.open_report().clone();
        assert!(report.unclean, "cycle {cycle}: {report:?}");
        assert_eq!(losses(&store, &acknowledged), Vec::<String>::new(), "cycle {cycle}: {report:?}");
        assert!(acknowledged.iter().all(|a| a.sequence > 1));
        let visible = store.frontier().unwrap().visible;
        assert!(visible >= highest, "cycle {cycle}: the frontier went back");
        // A new event gets a sequence that nobody saw before.
        let told = acknowledged.iter().map(|a| a.sequence + size_of(a.batch) - 1).max().unwrap();
        let between = first + 999_999;
        let batch: Vec<(Id, Vec<u8>)> =
            (0..size_of(between)).map(|item| (key_of(between, item), payload_of(between, item))).collect();
        let events: Vec<NewEvent<'_>> =
            batch.iter().map(|(key, payload)| NewEvent { key: *key, ..event("between", payload) }).collect();
        let receipt = store.append_batch(&events).unwrap()[0];
        assert!(receipt.sequence > told && receipt.sequence > visible, "cycle {cycle}: {receipt:?} after {told}");
        highest = store.frontier().unwrap().visible;
        if cycle % 3 == 2 || cycle + 1 == cycles {
            assert_sound(&store);
        }
        store.close().unwrap();
    }
    // The retry of everything that was acknowledged is a replay.
    let store = open_quick(&path);
    for told in acknowledged.iter().step_by(17) {
        let payload = payload_of(told.batch, 0);
        let entity = format!("entity:{}", told.batch % 5);
        let receipt = store.append(&NewEvent { key: key_of(told.batch, 0), ..event(&entity, &payload) }).unwrap();
        assert_eq!((receipt.replayed, receipt.sequence), (true, told.sequence));
    }
    println!("{cycles} kills, {} acknowledged batches, 0 lost", acknowledged.len());
}

#[test]
fn kill_9_loses_no_durable_event_and_reuses_no_sequence() {
    kill_cycles("kill-durable", "1", count_from_env("FBAT_KILL_CYCLES", 8));
}

#[test]
fn kill_9_loses_no_event_that_the_kernel_had_and_reuses_no_sequence() {
    kill_cycles("kill-os", "0", count_from_env("FBAT_KILL_CYCLES", 8));
}

#[test]
fn canary_a_lost_altered_or_torn_batch_is_noticed() {
    let dir = TempDir::new("kill-canary");
    let store = open_quick(&dir.join("store"));
    let mut acknowledged = Vec::new();
    let append = |batch: u64, items: u64| {
        let owned: Vec<_> = (0..items).map(|item| (key_of(batch, item), payload_of(batch, item))).collect();
        let events: Vec<NewEvent<'_>> =
            owned.iter().map(|(key, payload)| NewEvent { key: *key, ..event("e", payload) }).collect();
        let receipts = store.append_batch(&events).unwrap();
        let event_hash = receipts.last().unwrap().event_hash.to_string();
        Acknowledged { batch, sequence: receipts[0].sequence, event_hash }
    };
    for batch in 0..10 {
        acknowledged.push(append(batch, size_of(batch)));
    }
    assert!(losses(&store, &acknowledged).is_empty());
    let with = |change: fn(&mut Vec<Acknowledged>)| {
        let mut told = acknowledged.clone();
        change(&mut told);
        losses(&store, &told)
    };
    assert!(!with(|told| told[9].batch = 10).is_empty(), "an acknowledged batch that is not there");
    assert!(!with(|told| told[3].sequence += 1).is_empty(), "a sequence that changed");
    assert!(!with(|told| told[3].event_hash = "0".repeat(64)).is_empty(), "a hash that changed");
    let torn = (20..).find(|batch| size_of(*batch) > 2).unwrap();
    append(torn, 2);
    assert!(!losses(&store, &acknowledged).is_empty(), "a part of a batch");
}

// ------------------------------------------------------------------------------------ what one wrote, the other reads

#[test]
fn what_one_process_writes_another_reads_as_it_is() {
    // Kinds, payloads and ids that one process appends are read by the other as they are.
    let dir = TempDir::new("mixed");
    let path = dir.join("store");
    let mut holder = start_holder(&path);
    for _ in 0..3 {
        holder.tell("append");
        holder.hear();
    }
    let reader = open_reader(&path);
    let seen = rows(&reader);
    assert_eq!(seen.len(), 3);
    for row in &seen {
        assert_eq!((row.kind, row.payload.as_slice()), (Kind(0x1001), &b"by the other process"[..]));
        assert!(reader.get(row.id, Columns::NONE).unwrap().is_some());
    }
    assert_eq!(code_of(reader.append(&event("e", b""))), Code::ReadOnly);
    holder.finish();
}
