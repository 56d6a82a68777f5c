//! Several processes at one store: a second writer, readers beside a writer, and writers that are
//! killed. The other process is this test binary, run again for one of the ignored tests.

use crate::common::ledger::{try_rows, Ledger};
use crate::common::lies::Lie;
use crate::common::worker::{self, Source};
use crate::common::*;
use fbat::engine::import::ImportOptions;
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::model::event::{Columns, Event, NewEvent};
use fbat::engine::model::id::{Hash, Kind};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

// ------------------------------------------------------------------------------------ parts

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_works_until_killed() {
    if plays("part_works_until_killed") {
        worker::work(quick());
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
            "append" => {
                say(store.append(&event("held", b"by the other process")).unwrap().sequence)
            }
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
        let page = store.query(&Query { after, page_rows: 65_536, ..Query::default() }).unwrap();
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
    let mut holder =
        Actor::start("part_holds_the_store_until_told", &[("STORE", path.to_str().unwrap())]);
    assert_eq!(holder.hear().as_deref(), Some("open"));
    holder
}

// ------------------------------------------------------------------------------------ beside each
// other

#[test]
fn a_second_writer_process_is_refused_and_told_who_holds_the_store() {
    let dir = TempDir::new("two-writers");
    let path = dir.join("store");
    let mut holder = start_holder(&path);
    let error = error_of(Store::open(&path, &quick()));
    assert_eq!(error.code(), Code::Busy);
    assert!(
        error.message.contains(&holder.id().to_string()),
        "process {} is not named: {error}",
        holder.id()
    );
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
    let mut reader =
        Actor::start("part_reads_beside_the_writer", &[("STORE", path.to_str().unwrap())]);
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
    let mut holder = start_holder(&path);
    for _ in 0..15 {
        holder.tell("append");
        holder.hear();
    }
    let reader = open_reader(&path);
    holder.kill();
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

// ------------------------------------------------------------------------------------ killed

#[test]
fn kill_9_loses_nothing_tears_no_batch_and_reuses_no_sequence() {
    let (seed, cycles, began) = (seed_from_env(), scaled(2_000), Instant::now());
    println!("FBAT_SEED={seed}");
    let mut rng = Rng(seed);
    let source = Source::new();
    let (mut done, mut failures, mut struck) = (0, Vec::new(), BTreeMap::<String, u64>::new());
    while done < cycles {
        // A sync takes its time on a disk only; in memory there are more kills.
        let dir = if rng.one_in(3) { TempDir::new("killed") } else { TempDir::in_memory("killed") };
        let mut ledger = Ledger::default();
        for cycle in 1..=rng.range(1, 10).min(cycles - done) {
            let path = dir.join("store");
            let first = 1_000_000 * cycle;
            let mut worker =
                worker::start("part_works_until_killed", &path, &source, rng.next(), first, &[]);
            worker::wait_for_the_moment(&mut worker, &mut ledger, &mut rng);
            worker.kill().iter().for_each(|line| ledger.hear(line));
            assert!(ledger.failed.is_empty(), "{:?}", ledger.failed);
            done += 1;
            *struck.entry(what_was_struck(&path, &ledger)).or_default() += 1;
            let found = after_a_kill(&path, &mut ledger, &source, first + 999_999);
            if !found.is_empty() {
                failures.push(format!("kill {done}, in {}: {found:#?}", ledger.doing));
                break;
            }
        }
    }
    println!("killed in: {struck:?}");
    score("kill -9 cycles", done, failures.len() as u64, began);
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The step that was under way, with what its files tell of it.
fn what_was_struck(path: &Path, ledger: &Ledger) -> String {
    let names = std::fs::read_dir(path)
        .map_or(Vec::new(), |files| files.map(|f| f.unwrap().file_name()).collect());
    let half_written = names.iter().filter_map(|name| name.to_str()?.strip_suffix(".tmp"));
    let kind =
        half_written.map(|name| name.trim_start_matches(|c: char| c.is_ascii_digit())).next();
    match (path.join("store.fbat").exists(), kind) {
        (false, _) => "creation".to_owned(),
        (true, None) => ledger.doing.clone(),
        (true, Some(kind)) => format!("{} ({kind} half written)", ledger.doing),
    }
}

fn after_a_kill(path: &Path, ledger: &mut Ledger, source: &Source, probe: u64) -> Vec<String> {
    let store = match Store::open(path, &quick()) {
        Ok(store) => store,
        Err(e) => return vec![e.to_string()],
    };
    let report = store.open_report().clone();
    let mut found = ledger.examine(&store, source, probe).unwrap_or_else(|e| vec![e.to_string()]);
    // The kernel has all that was written: no sequence is in doubt.
    if (report.gap_first, report.dropped_batches) != (0, 0) {
        found.push(format!("{report:?}"));
    }
    found
}

#[test]
fn canary_a_lost_altered_or_torn_batch_is_noticed() {
    let dir = TempDir::new("kill-canary");
    let store = open_quick(&dir.join("store"));
    let mut ledger = Ledger::default();
    for batch in 0..10 {
        let receipts = worker::append_batch(&store, batch).unwrap();
        let hash = receipts[receipts.len() - 1].event_hash;
        ledger.hear(&format!("appended {batch} {} {hash} true", receipts[0].sequence));
    }
    let source = Source::new();
    let findings = |ledger: &Ledger, rows: &[Row]| ledger.findings(rows, &source.rows);
    let all = rows(&store);
    assert_eq!(findings(&ledger, &all), Vec::<String>::new());
    let with = |change: fn(&mut Vec<Row>)| {
        let mut rows = all.clone();
        change(&mut rows);
        findings(&ledger, &rows)
    };
    assert!(!with(|rows| drop(rows.pop())).is_empty(), "an event that is not there");
    assert!(
        !with(|rows| drop(rows.remove(3))).is_empty(),
        "an event that is not there, in the middle"
    );
    assert!(!with(|rows| rows[3].payload[9] ^= 1).is_empty(), "a payload that changed");
    assert!(
        !with(|rows| rows.last_mut().unwrap().event_hash = Hash([0; 32])).is_empty(),
        "a hash that changed"
    );
    assert!(
        !with(|rows| rows.last_mut().unwrap().sequence += 1).is_empty(),
        "a sequence that changed"
    );
    let torn = (20..).find(|batch| worker::size_of(*batch) > 2).unwrap();
    let payload = worker::payload_of(torn, 0);
    store.append(&NewEvent { key: worker::key_of(torn, 0), ..event("e", &payload) }).unwrap();
    assert!(!findings(&ledger, &rows(&store)).is_empty(), "a part of a batch");
    let destination = open_quick(&dir.join("destination"));
    import(&destination, &open_reader(&source.path()), "import2");
    let imported = rows(&destination);
    assert_eq!(findings(&Ledger::default(), &imported), Vec::<String>::new());
    assert!(
        !findings(&Ledger::default(), &imported[..worker::chunk_of(2) as usize + 1]).is_empty(),
        "a part of a chunk"
    );
    assert!(
        !findings(&Ledger::default(), &imported[1..]).is_empty(),
        "an import without its first event"
    );
}

// ------------------------------------------------------------------------------------ readers

/// Reads again and again until it is told to stop; what it saw that must not be.
fn follow(path: &Path, source: &Source, done: &AtomicBool) -> Vec<String> {
    let (mut reader, mut refused, mut seen) = (None, 0, Vec::<Row>::new());
    let mut looks = 0;
    while !done.load(Ordering::Acquire) {
        looks += 1;
        let handle = match reader
            .take()
            .map_or_else(|| Store::open(path, &with_mode(OpenMode::ReadOnly)), Ok)
        {
            Ok(handle) => handle,
            Err(e) if e.code() == Code::StoreNotFound && seen.is_empty() => continue,
            // One that opens while a writer recovers may be refused once.
            Err(e) if e.code() == Code::Corrupt && refused == 0 => {
                refused += 1;
                continue;
            }
            Err(e) => return vec![format!("opening: {e}")],
        };
        refused = 0;
        let rows = match try_rows(&handle) {
            Ok(rows) => rows,
            Err(e) => return vec![format!("reading, look {looks}: {e}")],
        };
        if rows.len() < seen.len() || rows[..seen.len()] != seen {
            return vec![format!(
                "look {looks}: {} events of {} are there as they were",
                rows.len(),
                seen.len()
            )];
        }
        let found = Ledger::default().findings(&rows, &source.rows);
        if !found.is_empty() {
            return found;
        }
        seen = rows;
        // Mostly the same handle goes on; now and then another one is opened.
        reader = Some(handle).filter(|_| looks % 8 != 0);
    }
    Vec::new()
}

/// Readers follow while writers are killed and taken over from; how often, and what they saw that
/// must not be. After each kill, `tamper` may do something to the store.
fn take_over(takeovers: u64, tamper: fn(&Path)) -> (u64, Vec<String>) {
    let seed = seed_from_env();
    println!("FBAT_SEED={seed}");
    let mut rng = Rng(seed);
    let source = Source::new();
    let (mut done, mut failures) = (0, Vec::new());
    while done < takeovers {
        let dir = TempDir::in_memory("followed");
        let path = dir.join("store");
        let stop = AtomicBool::new(false);
        let mut ledger = Ledger::default();
        let found: Vec<String> = std::thread::scope(|scope| {
            let readers: Vec<_> =
                (0..2).map(|_| scope.spawn(|| follow(&path, &source, &stop))).collect();
            for cycle in 1..=rng.range(2, 8) {
                let (seed, first) = (rng.next(), 1_000_000 * cycle);
                let mut worker =
                    worker::start("part_works_until_killed", &path, &source, seed, first, &[]);
                worker::wait_for_the_moment(&mut worker, &mut ledger, &mut rng);
                worker.kill().iter().for_each(|line| ledger.hear(line));
                tamper(&path);
                done += 1;
            }
            stop.store(true, Ordering::Release);
            readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
        });
        if !found.is_empty() {
            failures.push(format!("before kill {done}: {found:#?}"));
        }
    }
    (done, failures)
}

#[test]
fn a_reader_beside_writers_that_are_killed_sees_nothing_change_vanish_or_torn() {
    let began = Instant::now();
    let (done, failures) = take_over(scaled(200), |_| {});
    score("readers beside killed writers", done, failures.len() as u64, began);
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn canary_readers_notice_that_the_log_has_lost_its_end() {
    let (done, failures) = take_over(20, |path| {
        let Some(last) =
            path.exists().then(|| segments(path)).and_then(|segments| segments.last().cloned())
        else {
            return;
        };
        let file = std::fs::OpenOptions::new().write(true).open(last).unwrap();
        file.set_len(200).unwrap(); // in the middle of its first batch
    });
    println!("noticed in {} of {done} kills: {}", failures.len(), failures[0]);
}

// ------------------------------------------------------------------------------------ races

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_races_for_the_lock() {
    if !plays("part_races_for_the_lock") {
        return;
    }
    // Two handles of each process race, too.
    while let Some(path) = listen() {
        let options = Options { vfs: Lie::told_by(&given("LIE")).told_of_files(None), ..quick() };
        let open = || Store::open(path.as_ref(), &options);
        let results = std::thread::scope(|scope| {
            let other = scope.spawn(open);
            [open(), other.join().unwrap()]
        });
        let mut held = Vec::new();
        for result in results {
            match result {
                Ok(store) => held.push(store),
                Err(e) if e.code() == Code::Busy => {}
                Err(e) => say(format_args!("failed {:?} {e}", e.code())),
            }
        }
        say(format_args!("won {}", held.len()));
        listen();
        for store in held {
            // Where two were let in, nothing needs to hold.
            let _ = store.append(&event("winner", b"")).and_then(|_| store.close());
        }
        say("closed");
    }
}

/// Lets three processes, with two handles each, race again and again; the races that not exactly
/// one won.
fn race(races: u64, lie: Lie) -> Vec<String> {
    let seed = seed_from_env();
    println!("FBAT_SEED={seed}");
    let mut rng = Rng(seed);
    let dir = TempDir::in_memory("races");
    let start = |_| Actor::start("part_races_for_the_lock", &[("LIE", &format!("{lie:?}"))]);
    let mut racers: Vec<Actor> = (0..3).map(start).collect();
    let (mut failures, mut store, mut wins) = (Vec::new(), 0, 0);
    for race in 0..races {
        if race == 0 || rng.one_in(3) {
            (store, wins) = (store + 1, 0); // the race is for who makes it
        }
        let path = dir.join(&format!("store{store}"));
        racers.iter_mut().for_each(|racer| racer.tell(path.to_str().unwrap()));
        let said: Vec<String> = racers.iter_mut().flat_map(hear_the_result).collect();
        let won: u64 =
            said.iter().filter_map(|line| line.strip_prefix("won ")?.parse::<u64>().ok()).sum();
        racers.iter_mut().for_each(|racer| racer.tell("close"));
        racers.iter_mut().for_each(|racer| assert_eq!(racer.hear().as_deref(), Some("closed")));
        wins += won;
        let there =
            Store::open(&path, &with_mode(OpenMode::ReadOnly)).and_then(|reader| try_rows(&reader));
        let there = there.map_or(0, |rows| rows.len() as u64);
        if won != 1 || said.len() != racers.len() || there != wins {
            failures.push(format!("race {race}: {said:?}; {there} events of {wins} winners"));
            (store, wins) = (store + 1, 0);
        }
    }
    racers.into_iter().for_each(|racer| drop(racer.finish()));
    failures
}

#[test]
fn of_handles_that_race_for_a_store_exactly_one_wins() {
    let (races, began) = (scaled(500), Instant::now());
    let failures = race(races, Lie::None);
    score("races for the lock", races, failures.len() as u64, began);
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn canary_where_the_lock_is_no_lock_two_win() {
    let failures = race(50, Lie::Locked);
    println!("noticed in {} of 50 races: {}", failures.len(), failures[0]);
}

/// What a racer says up to and with whether it won.
fn hear_the_result(racer: &mut Actor) -> Vec<String> {
    let mut said = Vec::new();
    while said.last().is_none_or(|line: &String| !line.starts_with("won")) {
        said.push(racer.hear().expect("a racer ended"));
    }
    said
}

// ------------------------------------------------------------------------------------ what one
// wrote, the other reads

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
        assert_eq!(
            (row.kind, row.payload.as_slice()),
            (Kind(0x1001), &b"by the other process"[..])
        );
        assert!(reader.get(row.id, Columns::NONE).unwrap().is_some());
    }
    assert_eq!(code_of(reader.append(&event("e", b""))), Code::ReadOnly);
    holder.finish();
}
