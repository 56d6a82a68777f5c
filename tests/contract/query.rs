//! Reading: every query answers as a naive filter over everything would.

use crate::common::*;
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::model::event::{Columns, NewEvent};
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::model::limits;
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::Watch;
use fbat::engine::store::count::{Listing, Of, Summary};
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A store of 2,000 events in several segments, and its directory.
fn filled(name: &str) -> (TempDir, Store) {
    let dir = TempDir::new(name);
    let store = open_quick(&dir.join("store"));
    fill(&store, 0, 2000);
    assert!(store.stats().unwrap().segments > 3);
    (dir, store)
}

/// Whether a row is in a region, told from the row alone.
fn holds(region: &Region, row: &Row) -> bool {
    let entity = |e: &String| {
        row.entity == *e || row.entity.strip_prefix(e.as_str()).is_some_and(|r| r.starts_with(':'))
    };
    region.entity.as_ref().is_none_or(entity)
        && (region.scopes.is_empty() || region.scopes.contains(&row.scope))
        && region.versions.is_none_or(|(low, high)| low <= row.version && row.version <= high)
        && region.timestamps.is_none_or(|(low, high)| (low..=high).contains(&row.timestamp_us))
        && region.recorded.is_none_or(|(low, high)| (low..=high).contains(&row.recorded_us))
        && (region.kinds.is_empty()
            || region.kinds.iter().any(|k| (k.first..=k.last).contains(&row.kind)))
}

/// What a query must find in `all`, without its limit.
fn naive(all: &[Row], query: &Query) -> Vec<Row> {
    let until = if query.until == 0 { u64::MAX } else { query.until };
    let mut found: Vec<Row> = all
        .iter()
        .filter(|row| row.sequence > query.after && row.sequence <= until)
        .filter(|row| query.system || row.kind.category() != 0)
        .filter(|row| holds(&query.region, row))
        .cloned()
        .collect();
    for row in &mut found {
        if !query.columns.payload {
            row.payload.clear();
        }
        if !query.columns.extensions {
            row.extensions.clear();
        }
        if !query.columns.previous_hash {
            row.previous_hash = None;
        }
    }
    if query.backward {
        found.reverse();
    }
    found
}

fn regions() -> Vec<Region> {
    let entity = |e: &str| Region { entity: Some(e.into()), ..Region::default() };
    let kind = |kind| Region { kinds: vec![kind], ..Region::default() };
    vec![
        Region::default(),
        entity("quake"),
        entity("quake2"),
        entity("quake:1"),
        entity("quake:"),
        entity("quak"),
        entity("absent"),
        Region { scopes: vec!["scope1".into()], ..Region::default() },
        Region { scopes: vec!["scope".into()], ..Region::default() },
        kind(KindRange::exact(Kind(0x1801))),
        kind(KindRange::exact(Kind(0x1802))),
        kind(KindRange::category(1)),
        kind(KindRange::category(2)),
        kind(KindRange::category(0)),
        kind(KindRange::category(15)),
        Region {
            kinds: vec![KindRange::exact(Kind(0x2801)), KindRange::exact(Kind(0x1801))],
            ..Region::default()
        }
        .canonical(),
        Region { scopes: vec!["none".into(), "scope0".into(), "scope2".into()], ..entity("quake") },
        Region { versions: Some((1, 1)), ..Region::default() },
        Region { versions: Some((10, 90)), ..entity("quake") },
        Region { versions: Some((0, u64::MAX)), ..Region::default() },
        Region {
            versions: Some((150, u64::MAX)),
            scopes: vec!["scope0".into()],
            ..entity("quake:2")
        },
        Region {
            kinds: vec![KindRange::category(1)],
            scopes: vec!["scope2".into()],
            ..entity("quake")
        },
        entity("=store"),
        Region { scopes: vec!["=system".into()], ..Region::default() },
    ]
}

/// Regions with ranges of time, whose ends are times of rows.
fn regions_in_time(all: &[Row]) -> Vec<Region> {
    let row = |part: usize| &all[all.len() * part / 8];
    let ordered = |a: i64, b: i64| (a.min(b), a.max(b));
    let mut regions = Vec::new();
    for (from, to) in [(0, 7), (2, 3), (3, 3), (5, 6)] {
        let timestamps = Some(ordered(row(from).timestamp_us, row(to).timestamp_us));
        let recorded = Some(ordered(row(from).recorded_us, row(to).recorded_us));
        let entity = Some("quake".to_owned());
        regions.push(Region { timestamps, ..Region::default() });
        regions.push(Region { recorded, ..Region::default() });
        regions.push(Region { timestamps, recorded, entity, ..Region::default() });
        regions.push(Region {
            timestamps,
            kinds: vec![KindRange::category(1)],
            ..Region::default()
        });
    }
    let outside = |range| Region { timestamps: Some(range), ..Region::default() };
    regions.extend([outside((i64::MIN, -1)), outside((i64::MAX, i64::MAX))]);
    regions
}

#[track_caller]
fn assert_answers(store: &Store, all: &[Row], query: &Query) {
    let expected = naive(all, query);
    let page = store.query(query).unwrap_or_else(|e| panic!("{query:?}: {e}"));
    assert!(
        rows_of(&page) == expected[..expected.len().min(query.page_rows)],
        "first page of {query:?}"
    );
    assert!(!page.end || expected.len() <= query.page_rows, "{query:?}: the end came too soon");
    assert!(
        page.end || page.len() == query.page_rows,
        "{query:?}: a page that is not the last is full"
    );
    assert!(read_pages(store, query) == expected, "all pages of {query:?}");
    let count = store.count(query, &Watch::default()).unwrap();
    assert_eq!(count, expected.len() as u64, "count of {query:?}");
}

#[test]
fn every_region_in_both_directions_answers_like_a_naive_filter() {
    let (dir, store) = filled("regions");
    let all = rows_with_system(&store);
    let check = |store: &Store| {
        for region in regions().into_iter().chain(regions_in_time(&all)) {
            for backward in [false, true] {
                for system in [false, true] {
                    for page_rows in [7, 1000, 65_536] {
                        let query = Query {
                            region: region.clone(),
                            backward,
                            system,
                            page_rows,
                            ..Query::default()
                        };
                        assert_answers(store, &all, &query);
                    }
                }
            }
        }
    };
    check(&store);
    store.close().unwrap();
    check(&open_quick(&dir.join("store")));
    check(&open_reader(&dir.join("store")));
}

#[test]
fn random_queries_answer_like_a_naive_filter() {
    let (dir, mut store) = filled("random");
    let mut all = rows_with_system(&store);
    let seed = seed_from_env();
    let mut rng = Rng(seed);
    println!("FBAT_SEED={seed}");
    let regions = regions();
    for round in 0..count_from_env("FBAT_QUERIES", 600) {
        if round % 100 == 99 {
            // With more in the active segment, and now and then opened anew.
            fill(&store, 10_000 + round, 13);
            if round % 200 == 199 {
                store.close().unwrap();
                store = open_quick(&dir.join("store"));
            }
            all = rows_with_system(&store);
        }
        let last = all.len() as u64 + 3;
        let mut region = rng.pick(&regions).clone();
        if rng.one_in(3) {
            let low = rng.below(400);
            region.versions = Some((low, low + rng.below(100)));
        }
        if rng.one_in(3) {
            let times = rng.pick(&regions_in_time(&all)).clone();
            (region.timestamps, region.recorded) = (times.timestamps, times.recorded);
        }
        let query = Query {
            region,
            after: if rng.one_in(2) { 0 } else { rng.below(last) },
            until: if rng.one_in(2) { 0 } else { rng.below(last) },
            limit: u64::MAX,
            page_rows: *rng.pick(&[1, 2, 10, 64, 65_536]),
            backward: rng.one_in(2),
            system: rng.one_in(3),
            columns: Columns {
                payload: rng.one_in(2),
                extensions: rng.one_in(2),
                previous_hash: rng.one_in(2),
            },
        };
        if query.page_rows > 2 || rng.one_in(10) {
            assert_answers(&store, &all, &query);
        }
    }
}

/// 2,000 events, one each millisecond and one of them of a rare kind; the sequences that the
/// segments begin with.
fn fill_in_time(path: &Path, rare: u64) -> Vec<u64> {
    let clock = TestClock::at(EPOCH_US);
    let store = open(path, &Options { clock: clock.clone(), ..quick() });
    for sequence in 2..=2001u64 {
        clock.set(EPOCH_US + sequence as i64 * 1000);
        let kind = Kind(if sequence == rare { 0x2001 } else { 0x1001 });
        let event =
            NewEvent { entity: "e", scope: "s", kind, payload: &[7; 64], ..NewEvent::default() };
        store.append(&event).unwrap();
    }
    store.close().unwrap();
    let names = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut firsts: Vec<u64> =
        names.filter_map(|name| name.strip_suffix(".log").map(|n| n.parse().unwrap())).collect();
    firsts.sort();
    firsts
}

/// Damages the log behind the events of a region, in their own segment: whoever reads on meets it.
#[test]
fn a_range_of_time_and_a_rare_kind_read_the_zones_that_may_have_them_and_nothing_else() {
    let dir = TempDir::new("zones");
    let first = fill_in_time(&dir.join("tried"), 0)[2];
    let (path, rare) = (dir.join("store"), first + 10);
    assert_eq!(fill_in_time(&path, rare)[2], first);
    let log = path.join(format!("{first:020}.log"));
    let mut bytes = fs::read(&log).unwrap();
    let damaged = bytes.len() * 3 / 4;
    bytes[damaged] ^= 1;
    fs::write(&log, bytes).unwrap();
    let store = open_reader(&path);
    let time = |sequence: u64| EPOCH_US + sequence as i64 * 1000;
    let times = Some((time(first + 5), time(first + 14)));
    let rows = |region: Region, backward: bool| {
        read_pages(&store, &Query { region, backward, ..Query::default() }).len()
    };
    let kind = |kind| Region { kinds: vec![kind], ..Region::default() };
    for backward in [false, true] {
        assert_eq!(rows(Region { timestamps: times, ..Region::default() }, backward), 10);
        assert_eq!(rows(Region { recorded: times, ..Region::default() }, backward), 10);
        assert_eq!(rows(kind(KindRange::exact(Kind(0x2001))), backward), 1);
        assert_eq!(rows(kind(KindRange::category(2)), backward), 1);
        assert_eq!(rows(kind(KindRange::exact(Kind(0x1002))), backward), 0);
    }
    assert_eq!(code_of(store.query(&Query::default())), Code::Corrupt);
    let findings = store.verify().unwrap().findings;
    assert!(!findings.is_empty());
    // Of a region elsewhere, the damaged segment is not looked at.
    let elsewhere = Region { timestamps: Some((time(2), time(3))), ..Region::default() };
    let report = store.verify_region(&elsewhere, &Watch::default()).unwrap();
    assert_eq!((report.segments, report.findings.len()), (1, 0));
}

/// Changes the bytes of a section of an index, and puts them back under checksums that hold.
fn change_section(index: &Path, section: usize, change: impl FnOnce(&mut [u8])) {
    let mut bytes = fs::read(index).unwrap();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let length = |section: usize| word(112 + section * 8) as usize;
    let first = 2 + (0..section).map(|before| length(before).div_ceil(252)).sum::<usize>();
    let (salt, length) = (word(40), length(section));
    let blocks = first..first + length.div_ceil(252);
    assert!(length > 0);
    let data = |block: usize| block * 256..block * 256 + 252;
    let mut section: Vec<u8> =
        blocks.clone().flat_map(|block| bytes[data(block)].to_vec()).collect();
    change(&mut section[..length]);
    for (block, changed) in blocks.zip(section.chunks(252)) {
        let mut hasher =
            crc32fast::Hasher::new_with_initial((salt ^ (salt >> 32)) as u32 ^ block as u32);
        hasher.update(changed);
        bytes[data(block)].copy_from_slice(changed);
        bytes[data(block).end..][..4].copy_from_slice(&hasher.finalize().to_le_bytes());
    }
    fs::write(index, bytes).unwrap();
}

#[test]
fn verify_finds_zones_under_right_checksums_that_do_not_have_their_events() {
    let (zones, kinds) = (10, 11);
    let hide_times: fn(&mut [u8]) =
        |entries| entries[8..16].copy_from_slice(&i64::MIN.to_le_bytes());
    let hide_kind: fn(&mut [u8]) = |entries| {
        let last = entries.len() - 4;
        entries[last..].copy_from_slice(&[0; 4]);
    };
    for section in [zones, kinds] {
        let change = if section == zones { hide_times } else { hide_kind };
        let dir = TempDir::new("zones-lie");
        let path = dir.join("store");
        let first = fill_in_time(&path, 0)[2];
        change_section(&path.join(format!("{first:020}.idx")), section, change);
        let findings = open_reader(&path).verify().unwrap().findings;
        let what = "the index lacks this event's time, kind or scope";
        assert!(!findings.is_empty() && findings.iter().all(|f| f.message == what), "{findings:?}");
    }
}

#[test]
fn canary_a_naive_filter_that_is_wrong_is_noticed() {
    let (_dir, store) = filled("canary");
    let mut all = rows_with_system(&store);
    let query = Query {
        region: Region { entity: Some("quake".into()), ..Region::default() },
        ..Query::default()
    };
    assert_answers(&store, &all, &query);
    let lost = all.iter().position(|row| holds(&query.region, row)).unwrap();
    all.remove(lost);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_answers(&store, &all, &query)
    }));
    assert!(caught.is_err(), "a row too many went unnoticed");
}

#[test]
fn an_entity_matches_itself_and_what_is_below_its_colon_and_nothing_else() {
    let dir = TempDir::new("prefix");
    let store = open_quick(&dir.join("store"));
    let entities = [
        "e", "e:", "e:a", "e:a:b", "e:ab", "e2", "e 1", "e;", "e9:a", "E", "e\u{100}", "ee", "d:e",
    ];
    for entity in entities {
        store.append(&event(entity, b"")).unwrap();
    }
    let found = |entity: &str| -> Vec<String> {
        let region = Region { entity: Some(entity.into()), ..Region::default() };
        read_pages(&store, &Query { region, ..Query::default() })
            .into_iter()
            .map(|r| r.entity)
            .collect()
    };
    assert_eq!(found("e"), ["e", "e:", "e:a", "e:a:b", "e:ab"]);
    assert_eq!(found("e:a"), ["e:a", "e:a:b"]);
    assert_eq!(found("e:"), ["e:"]);
    assert_eq!(found("d"), ["d:e"]);
    assert_eq!(found("e2"), ["e2"]);
}

#[test]
fn bounds_are_exclusive_below_and_inclusive_above() {
    let (_dir, store) = filled("bounds");
    let all = rows_with_system(&store);
    for (after, until) in [
        (0, 0),
        (1, 2),
        (5, 5),
        (6, 5),
        (100, 101),
        (1999, 0),
        (2000, 0),
        (2001, 0),
        (u64::MAX, 0),
        (0, u64::MAX),
        (0, 1),
    ] {
        for backward in [false, true] {
            for system in [false, true] {
                let query =
                    Query { after, until, backward, system, page_rows: 50, ..Query::default() };
                assert_answers(&store, &all, &query);
            }
        }
    }
}

#[test]
fn paging_back_to_the_first_event_ends() {
    let dir = TempDir::new("back");
    let store = open_quick(&dir.join("store"));
    fill(&store, 0, 5);
    // One row a page, down to sequence 1, below which there is no bound that could be mistaken for
    // none.
    let query = Query { backward: true, system: true, page_rows: 1, ..Query::default() };
    let found: Vec<u64> = read_pages(&store, &query).iter().map(|r| r.sequence).collect();
    assert_eq!(found, [6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_limit_ends_a_query_wherever_its_pages_end() {
    let (_dir, store) = filled("rows-in-all");
    for (limit, page_rows) in [(1, 1000), (7, 7), (7, 3), (7, 8), (2000, 999), (1 << 40, 999)] {
        for backward in [false, true] {
            let query = Query { limit, page_rows, backward, ..Query::default() };
            let page = store.query(&query).unwrap();
            assert_eq!(page.end, limit <= page_rows as u64, "{query:?}");
            assert_eq!(page.len() as u64, limit.min(page_rows as u64));
            assert_eq!(store.count(&query, &Watch::default()).unwrap(), limit.min(2000));
        }
    }
}

/// A page may begin where one before it was left. Whatever that was, it has what it should.
#[test]
fn a_page_has_the_same_rows_whatever_page_was_read_before_it() {
    let (_dir, store) = filled("left");
    let mut rng = Rng(seed_from_env());
    let mut all: Vec<u64> = rows(&store).iter().map(|row| row.sequence).collect();
    let mut query = Query::default();
    for number in 0..3000u64 {
        if rng.one_in(50) {
            let more = fill(&store, 10_000 + number * 3, rng.range(1, 4));
            all.extend(more.iter().map(|receipt| receipt.sequence));
        }
        if !rng.one_in(3) {
            query.after = rng.below(all.len() as u64 + 10);
        }
        query.page_rows = rng.range(1, 40) as usize;
        query.limit = if rng.one_in(4) { rng.range(1, 20) } else { u64::MAX };
        query.until = if rng.one_in(5) { query.after + rng.below(300) } else { 0 };
        let page = store.query(&query).unwrap();
        let found: Vec<u64> = rows_of(&page).iter().map(|row| row.sequence).collect();
        let until = if query.until == 0 { u64::MAX } else { query.until };
        let wanted = all.iter().filter(|at| query.after < **at && **at <= until);
        let count = query.page_rows.min(usize::try_from(query.limit).unwrap_or(usize::MAX));
        assert_eq!(found, wanted.take(count).copied().collect::<Vec<_>>(), "{query:?}");
        query.after = page.next;
    }
}

#[test]
fn lists_of_entities_and_scopes_are_those_of_a_scan() {
    let (dir, store) = filled("lists");
    let check = |store: &Store| {
        let all = rows_with_system(store);
        for (of, system) in
            [Of::Entities, Of::Scopes].into_iter().flat_map(|of| [(of, false), (of, true)])
        {
            for entity in [None, Some("quake"), Some("quake:1"), Some("quak"), Some("=store")] {
                if of == Of::Scopes && entity.is_some() {
                    continue;
                }
                for page_rows in [1, 3, 65_536] {
                    let entity = entity.map(str::to_owned);
                    let listing = Listing { entity, page_rows, system, ..Listing::new(of) };
                    assert!(
                        list_pages(store, &listing) == naive_list(&all, &listing),
                        "{listing:?}"
                    );
                }
            }
        }
    };
    check(&store);
    store.close().unwrap();
    check(&open_quick(&dir.join("store")));
    check(&open_reader(&dir.join("store")));
}

fn list_pages(store: &Store, listing: &Listing) -> Vec<Summary> {
    let (mut listing, mut all) = (listing.clone(), Vec::new());
    loop {
        let (page, end) = store.list(&listing).unwrap();
        assert!(page.len() <= listing.page_rows && (end || page.len() == listing.page_rows));
        listing.after = page.last().map(|last| last.name.clone());
        all.extend(page);
        if end {
            return all;
        }
    }
}

fn naive_list(all: &[Row], listing: &Listing) -> Vec<Summary> {
    let region = Region { entity: listing.entity.clone(), ..Region::default() };
    let mut found: BTreeMap<String, Summary> = BTreeMap::new();
    for row in all {
        let name = if listing.of == Of::Entities { &row.entity } else { &row.scope };
        if !holds(&region, row) || !listing.system && row.kind.category() == 0 {
            continue;
        }
        let first = || Summary {
            name: name.clone(),
            events: 0,
            first_sequence: row.sequence,
            last_sequence: 0,
            first_timestamp_us: row.timestamp_us,
            last_timestamp_us: 0,
        };
        let summary = found.entry(name.clone()).or_insert_with(first);
        summary.events += 1;
        (summary.last_sequence, summary.last_timestamp_us) = (row.sequence, row.timestamp_us);
    }
    found.into_values().collect()
}

#[test]
fn limits_of_a_page_are_1_to_65536() {
    let (_dir, store) = filled("limit");
    for limit in [0, limits::PAGE_ROWS_MAX + 1, usize::MAX] {
        let error = error_of(store.query(&Query { page_rows: limit, ..Query::default() }));
        assert!(
            matches!(error.code(), Code::LimitExceeded | Code::InvalidArgument),
            "{limit}: {error}"
        );
    }
    for limit in [1, limits::PAGE_ROWS_MAX] {
        assert_eq!(
            store.query(&Query { page_rows: limit, ..Query::default() }).unwrap().len(),
            limit.min(2000)
        );
    }
}

#[test]
fn a_region_that_cannot_hold_is_refused() {
    let (_dir, store) = filled("contradiction");
    let bad = [
        Region { versions: Some((90, 10)), ..Region::default() },
        Region { kinds: vec![KindRange::category(16)], ..Region::default() },
    ];
    for region in bad {
        assert_eq!(
            code_of(store.query(&Query { region, ..Query::default() })),
            Code::InvalidArgument
        );
    }
}

#[test]
fn a_page_is_cut_by_bytes_and_paging_goes_on_behind_the_cut() {
    let dir = TempDir::new("bytes");
    let store = open(&dir.join("store"), &Options::default());
    let large = vec![1; 20 << 20];
    for _ in 0..7 {
        store.append(&event("e", &large)).unwrap();
    }
    let mut query = Query { page_rows: 100, ..Query::default() };
    let page = store.query(&query).unwrap();
    assert_eq!((page.len(), page.end), (4, false), "cut after the row that reaches 64 MiB");
    query.after = page.next;
    let page = store.query(&query).unwrap();
    assert_eq!((page.len(), page.end), (3, true));
    query = Query { columns: Columns::NONE, page_rows: 100, ..Query::default() };
    let page = store.query(&query).unwrap();
    assert_eq!(
        (page.len(), page.get(0).payload_len),
        (7, 20 << 20),
        "bytes that nobody asked for count nothing"
    );
}

#[test]
fn a_page_outlives_the_store() {
    let (dir, store) = filled("outlive");
    let expected = rows(&store);
    let query = Query { columns: Columns::ALL, page_rows: 65_536, ..Query::default() };
    let page = store.query(&query).unwrap();
    let single = store.get(expected[3].id, Columns::ALL).unwrap().unwrap();
    fill(&store, 3000, 500);
    store.close().unwrap();
    drop(store);
    drop(dir); // and its files
    let thread = std::thread::spawn(move || (rows_of(&page), rows_of(&single)));
    let (rows, single) = thread.join().unwrap();
    assert!(rows == expected);
    assert_eq!(single[0], expected[3]);
}

#[test]
fn a_page_is_what_was_visible_when_it_was_read() {
    let (_dir, store) = filled("moment");
    let page = store.query(&Query { after: 1990, ..Query::default() }).unwrap();
    assert!(page.end);
    store.append(&event("e", b"later")).unwrap();
    assert_eq!(page.len(), 11);
    let page = store.query(&Query { after: page.next, ..Query::default() }).unwrap();
    assert_eq!(
        (page.len(), page.get(0).payload),
        (1, &b"later"[..]),
        "the next of a last page leads on as well"
    );
}

#[test]
fn an_empty_store_has_empty_pages() {
    let dir = TempDir::new("empty");
    let store = open_quick(&dir.join("store"));
    for backward in [false, true] {
        let page: Page = store.query(&Query { backward, ..Query::default() }).unwrap();
        assert!(page.is_empty() && page.end);
        assert_eq!(
            store.query(&Query { backward, system: true, ..Query::default() }).unwrap().len(),
            1
        );
    }
    assert!(store.get(Id(1), Columns::ALL).unwrap().is_none());
    assert!(store.get(Id::NONE, Columns::ALL).unwrap().is_none());
    assert!(store.head("e").unwrap().is_none());
}

#[test]
fn every_event_is_found_by_its_id() {
    let (dir, store) = filled("by-id");
    let all = rows_with_system(&store);
    let check = |store: &Store| {
        for row in &all {
            assert_eq!(get(store, row.id).as_ref(), Some(row));
            let near = Id(row.id.0 ^ 1);
            assert!(store.get(near, Columns::NONE).unwrap().is_none());
        }
    };
    check(&store);
    let page = store.get(all[9].id, Columns::NONE).unwrap().unwrap();
    let bare = page.get(0);
    assert!(bare.payload.is_empty() && bare.extensions.is_empty() && bare.previous_hash.is_none());
    assert_eq!((bare.payload_len, bare.content_hash()), (all[9].payload_len, all[9].content_hash));
    store.close().unwrap();
    check(&open_quick(&dir.join("store")));
}

#[test]
fn the_previous_hash_is_the_event_hash_of_the_entitys_event_before() {
    let (_dir, store) = filled("previous");
    let all = rows_with_system(&store);
    let mut last = std::collections::HashMap::new();
    for row in &all[1..] {
        let before = last.insert(row.entity.as_str(), row.event_hash).unwrap_or(all[0].event_hash);
        assert_eq!(row.previous_hash, Some(before), "sequence {}", row.sequence);
    }
    for (entity, hash) in last {
        assert_eq!(store.head(entity).unwrap().unwrap().event_hash, hash);
    }
}

#[test]
fn readers_in_threads_see_whole_batches_while_a_writer_appends() {
    let dir = TempDir::new("threads");
    let store = open(&dir.join("store"), &Options { mode: OpenMode::MustBeNew, ..quick() });
    let reader = open_reader(&dir.join("store"));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for from in [&store, &reader] {
            let done = &done;
            scope.spawn(move || {
                let mut after = 0;
                let mut seen = 0u64;
                loop {
                    let last = done.load(std::sync::atomic::Ordering::Acquire);
                    let page = from
                        .query(&Query { after, page_rows: 65_536, ..Query::default() })
                        .unwrap();
                    for e in page.iter() {
                        assert_eq!(e.payload, (seen / 10).to_le_bytes());
                        assert_eq!((e.sequence, e.version), (seen + 2, seen + 1));
                        seen += 1;
                    }
                    assert_eq!(seen % 10, 0, "a part of a batch was visible");
                    after = page.next;
                    if last {
                        return assert_eq!(seen, 10_000);
                    }
                }
            });
        }
        for batch in 0..1000u64 {
            let payload = batch.to_le_bytes();
            let batch: [NewEvent<'_>; 10] = [event("e", &payload); 10];
            store.append_batch(&batch).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Release);
    });
}

#[test]
fn what_is_being_appended_is_found_whole_and_visible_or_not_at_all() {
    let dir = TempDir::in_memory("beside");
    let store = open_quick(&dir.join("store"));
    let (done, next) = (AtomicBool::new(false), AtomicU64::new(1));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let id = Id(u128::from(next.load(Ordering::Relaxed)));
                if let Some(page) = store.get(id, Columns::default()).unwrap() {
                    assert_eq!(page.get(0).id, id);
                }
                let head = store.head("hot").unwrap().map_or(0, |head| head.sequence);
                assert!(head <= store.frontier().unwrap().visible, "a head that is not visible");
            }
        });
        for number in 1..30_000 {
            next.store(number, Ordering::Relaxed);
            store.append(&NewEvent { key: Id(number.into()), ..event("hot", b"payload") }).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}
