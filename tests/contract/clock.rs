//! Clocks that jump, within a session, between sessions and between processes: recorded time never
//! goes back, ids stay unique, sequences and versions go on.

use crate::common::*;
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::id::Id;
use fbat::engine::store::Store;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const DAY_US: i64 = 86_400_000_000;

fn at(clock: &Arc<TestClock>) -> Options {
    Options { clock: clock.clone(), ..quick() }
}

/// What is wrong with the times, ids, sequences and versions of a whole history.
fn findings(rows: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    let (mut ids, mut versions) = (HashSet::<Id>::new(), HashMap::<&str, u64>::new());
    for pair in rows.windows(2) {
        if pair[1].recorded_us < pair[0].recorded_us {
            found.push(format!(
                "sequence {} was recorded before the one before it",
                pair[1].sequence
            ));
        }
        if pair[1].sequence != pair[0].sequence + 1 {
            found.push(format!("sequence {} after {}", pair[1].sequence, pair[0].sequence));
        }
    }
    for row in rows {
        if !ids.insert(row.id) {
            found.push(format!("id {} is there twice", row.id));
        }
        let version = versions.entry(&row.entity).or_default();
        if row.version != *version + 1 {
            found.push(format!("{} has version {} after {version}", row.entity, row.version));
        }
        *version = row.version;
    }
    found
}

/// Mostly small steps, and jumps of a day or years, to before 1970 too.
fn jump(clock: &TestClock, rng: &mut Rng) {
    match rng.below(8) {
        0 => drop(clock.advance(DAY_US)),
        1 => drop(clock.advance(-DAY_US)),
        2 => clock.set(-DAY_US),
        3 => clock.set(EPOCH_US + rng.below(20 * 365) as i64 * DAY_US),
        _ => drop(clock.advance(rng.below(2000) as i64 - 700)),
    }
}

#[test]
fn however_the_clock_jumps_recorded_time_goes_on_and_ids_are_unique() {
    let (seed, jumps, began) = (seed_from_env(), scaled(100_000), Instant::now());
    println!("FBAT_SEED={seed}");
    let mut rng = Rng(seed);
    let (mut done, mut failures) = (0, Vec::new());
    while done < jumps {
        let dir = TempDir::in_memory("clock");
        let path = dir.join("store");
        let clock = TestClock::at(EPOCH_US);
        for session in 0..6 {
            let store = open(&path, &at(&clock));
            for _ in 0..rng.below(150) {
                jump(&clock, &mut rng);
                done += 1;
                fill(&store, done * 8, 1 + rng.below(4));
            }
            store.close().unwrap();
            if rng.one_in(3) {
                let _ = std::fs::remove_file(path.join("clean")); // as if it had not been closed
            }
            let store = open_reader(&path);
            let found = findings(&rows_with_system(&store));
            if !found.is_empty() {
                failures.push(format!("session {session}: {found:#?}"));
            }
            assert_sound(&store);
        }
    }
    score("clock jumps", done, failures.len() as u64, began);
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Milliseconds since 1970 in an id of version 7.
fn id_time_ms(id: Id) -> i64 {
    let bytes = id.to_bytes();
    bytes[..6].iter().fold(0, |time, byte| time << 8 | i64::from(*byte))
}

#[test]
fn after_a_day_in_another_century_only_recorded_time_stays_there_and_everybody_is_told() {
    let dir = TempDir::in_memory("century");
    let path = dir.join("store");
    let clock = TestClock::at(EPOCH_US);
    let store = open(&path, &at(&clock));
    let century_us = 75 * 365 * DAY_US;
    let wrong_us = clock.advance(century_us);
    store.append(&event("e", b"wrong")).unwrap();
    let now_us = clock.advance(DAY_US - century_us);
    let receipt = store.append(&event("e", b"right")).unwrap();
    assert_eq!((receipt.timestamp_us, receipt.recorded_us), (now_us, wrong_us));
    assert_eq!(id_time_ms(receipt.id), now_us / 1000);
    let behind_us = (wrong_us - now_us) as u64;
    assert_eq!(store.stats().unwrap().clock_behind_us, behind_us);
    assert_eq!(store.open_report().clock_behind_us, 0);
    assert_eq!((store.tells_of_clock(), store.tells_of_clock()), (Some(behind_us), None));
    store.close().unwrap();
    for reader in [true, false] {
        let mode = if reader { OpenMode::ReadOnly } else { OpenMode::MustExist };
        let store = open(&path, &Options { mode, ..at(&clock) });
        assert_eq!(store.open_report().clock_behind_us, behind_us);
        assert_eq!(store.stats().unwrap().clock_behind_us, behind_us);
        assert_eq!(findings(&rows_with_system(&store)), Vec::<String>::new());
    }
    clock.advance(century_us);
    let store = open(&path, &at(&clock));
    assert_eq!(store.open_report().clock_behind_us, 0);
    let receipt = store.append(&event("e", b"later")).unwrap();
    assert_eq!((receipt.timestamp_us, receipt.recorded_us), (wrong_us + DAY_US, wrong_us + DAY_US));
    assert_eq!(store.tells_of_clock(), None);
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_appends_at_another_time() {
    if !plays("part_appends_at_another_time") {
        return;
    }
    let clock = TestClock::at(given("NOW").parse().unwrap());
    let store = open(given("STORE").as_ref(), &at(&clock));
    for number in given("FIRST").parse().unwrap().. {
        fill(&store, number, 1);
        clock.advance(-1000);
        say(store.frontier().unwrap().visible);
    }
}

#[test]
fn processes_that_disagree_on_the_day_write_one_history() {
    let dir = TempDir::in_memory("days");
    let path = dir.join("store");
    for (turn, days) in [0, -1, 1, -3650, 2, -2].iter().enumerate() {
        let (now, first) = ((EPOCH_US + days * DAY_US).to_string(), (turn * 1000).to_string());
        let environment = [("STORE", path.to_str().unwrap()), ("NOW", &now), ("FIRST", &first)];
        let mut process = Actor::start("part_appends_at_another_time", &environment);
        (0..20).for_each(|_| drop(process.hear().expect("it appends")));
        process.kill();
    }
    // The clock of this machine comes last, and is behind none of them.
    let store = open_quick(&path);
    store.append(&event("e", b"now")).unwrap();
    assert_eq!(findings(&rows_with_system(&store)), Vec::<String>::new());
    assert_sound(&store);
}

#[test]
fn canary_times_ids_and_versions_that_are_wrong_are_noticed() {
    let dir = TempDir::in_memory("clock-canary");
    let all = history(&dir.join("store"));
    assert_eq!(findings(&all), Vec::<String>::new());
    let changes: [fn(&mut Vec<Row>); 4] = [
        |rows| rows[5].recorded_us -= DAY_US,
        |rows| rows[5].id = rows[4].id,
        |rows| rows[5].sequence += 1,
        |rows| rows[5].version += 1,
    ];
    for change in changes {
        let mut rows = all.clone();
        change(&mut rows);
        assert!(!findings(&rows).is_empty());
    }
}

fn history(path: &Path) -> Vec<Row> {
    let store: Store = open_quick(path);
    fill(&store, 0, 30);
    rows_with_system(&store)
}
