//! Pages, counts and lists of a region cost what they answer, however many entities, kinds and
//! scopes there are: counted are the reads of a store that has read nothing before.

use crate::common::layer::{Call, Layer, Layered, Make, Op, Part};
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::Kind;
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::Watch;
use fbat::engine::store::count::{Listing, Of};
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Counts the reads of logs, and the pages of indexes that were read: these are mapped, so a page
/// is read once.
#[derive(Debug, Default)]
struct Reads(AtomicU64, Mutex<BTreeSet<(PathBuf, u64)>>);

impl Layer for Reads {
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        let page = || (call.path.to_owned(), call.at / 4096);
        let counts = match call.path.extension().and_then(|end| end.to_str()) {
            Some("log") => call.op == Op::Read,
            Some("idx") => call.op == Op::Read && self.1.lock().unwrap().insert(page()),
            _ => false,
        };
        self.0.fetch_add(u64::from(counts), Ordering::Relaxed);
        make(Part::Whole).map(drop)
    }
}

/// A reader that has read nothing of what it will be asked for, and the count of its reads.
fn cold(path: &Path) -> (Store, Arc<Reads>) {
    let reads = Arc::new(Reads::default());
    let vfs = Arc::new(Layered::over(Options::default().vfs, reads.clone()));
    let store = open(path, &Options { vfs, mode: OpenMode::ReadOnly, ..Options::default() });
    reads.0.store(0, Ordering::Relaxed);
    (store, reads)
}

/// Events of one entity each, `dev:N`, but for one in 10, which is of `other:N`. One in 2,000 has
/// a rare kind and a rare scope.
fn filled(dir: &TempDir, events: u64) -> PathBuf {
    let path = dir.join("store");
    let options = Options { durability: Durability::Os, ..Options::default() };
    let store = open(&path, &options);
    append(&store, 0, events);
    store.close().unwrap();
    path
}

fn append(store: &Store, first: u64, events: u64) {
    let name = |n: u64| format!("{}:{}", if n % 10 == 3 { "other" } else { "dev" }, n * 7919);
    for from in (first..first + events).step_by(1000) {
        let batch = from..(from + 1000).min(first + events);
        let names: Vec<String> = batch.clone().map(name).collect();
        let rare = |n: u64| n % 2000 == 1999;
        let event = |(n, entity): (u64, &'static str)| NewEvent {
            entity,
            scope: if rare(n) { "rare" } else { "usual" },
            kind: Kind(if rare(n) { 0x2001 } else { 0x1001 }),
            payload: &[7; 40],
            ..NewEvent::default()
        };
        let names: Vec<&'static str> =
            names.into_iter().map(|name| &*Box::leak(name.into_boxed_str())).collect();
        let events: Vec<NewEvent<'_>> = batch.zip(names).map(event).collect();
        store.append_batch(&events).unwrap();
        // So that which indexes there are does not depend on how fast the background is.
        store.finish_background();
    }
}

fn regions() -> Vec<Region> {
    let entity = |entity: &str| Region { entity: Some(entity.into()), ..Region::default() };
    let scope = |scope: &str| Region { scopes: vec![scope.into()], ..Region::default() };
    let kinds = vec![KindRange::exact(Kind(0x2001))];
    vec![
        Region::default(),
        entity("dev"),
        entity("other"),
        scope("usual"),
        scope("rare"),
        Region { kinds: kinds.clone(), ..Region::default() },
        Region { kinds, ..entity("dev") },
        Region { scopes: vec!["rare".into()], ..entity("other") },
    ]
}

/// What a page of ten rows from the middle of the log reads, forward and backward.
fn page_reads(path: &Path, events: u64, region: &Region) -> [u64; 2] {
    [false, true].map(|backward| {
        let (store, reads) = cold(path);
        let (after, until) = if backward { (0, events / 2) } else { (events / 2, 0) };
        let (region, page_rows) = (region.clone(), 10);
        let query = Query { region, after, until, backward, page_rows, ..Query::default() };
        store.query(&query).unwrap();
        reads.0.load(Ordering::Relaxed)
    })
}

#[test]
fn a_page_reads_as_little_among_many_entities_as_among_few() {
    let dirs = [TempDir::in_memory("pages-few"), TempDir::in_memory("pages-many")];
    let sizes = [6_000, 60_000];
    let paths = [filled(&dirs[0], sizes[0]), filled(&dirs[1], sizes[1])];
    for region in regions() {
        let few = page_reads(&paths[0], sizes[0], &region);
        let many = page_reads(&paths[1], sizes[1], &region);
        // A rare kind or scope reads a zone for each row: up to 149 reads, and once in 120 stores
        // 237, for a reason that is not known.
        let rare = !region.kinds.is_empty() || region.scopes == ["rare"];
        let most = if rare { 300 } else { 100 };
        for (few, many) in few.into_iter().zip(many) {
            assert!(many <= most, "{region:?}: {few} reads, {many} among many");
        }
    }
}

#[test]
fn a_page_goes_on_with_what_was_read_ahead_for_the_one_before() {
    let dir = TempDir::in_memory("pages-ahead");
    let path = dir.join("store");
    let store = open(&path, &Options { durability: Durability::Os, ..Options::default() });
    for _ in 0..40 {
        store.append_batch(&vec![event("e", &[7; 100]); 500]).unwrap();
    }
    store.close().unwrap();
    let (store, reads) = cold(&path);
    let query = Query { page_rows: 100, ..Query::default() };
    assert_eq!(read_pages(&store, &query).len(), 20_000);
    let log: u64 = segments(&path).iter().map(|log| std::fs::metadata(log).unwrap().len()).sum();
    // One a page looks for what a writer has added.
    let (reads, most) = (reads.0.load(Ordering::Relaxed), log / (64 << 10) + 200 + 40);
    assert!(reads <= most && most < 320, "200 pages took {reads} reads, at most {most} expected");
}

#[test]
fn all_pages_of_a_prefix_read_the_log_once() {
    let dir = TempDir::in_memory("pages-all");
    let path = filled(&dir, 40_000);
    for backward in [false, true] {
        let all = |region: Region| {
            let (store, reads) = cold(&path);
            let query = Query { region, backward, page_rows: 500, ..Query::default() };
            (read_pages(&store, &query).len(), reads.0.load(Ordering::Relaxed))
        };
        let (rows, scan) = all(Region::default());
        assert_eq!(rows, 40_000);
        let (rows, reads) = all(Region { entity: Some("dev".into()), ..Region::default() });
        assert_eq!(rows, 36_000);
        // Its pages do not go on with what was read ahead, as those of a scan do, nor with strings.
        assert!(reads <= scan + 72 * 10, "{reads} reads, a scan has {scan}");
        assert!(backward || scan < 200, "a scan looks strings up for each page: {scan} reads");
        let (rows, reads) = all(Region { entity: Some("other".into()), ..Region::default() });
        assert_eq!(rows, 4_000);
        assert!(reads <= scan * 5 / 2 + 4_000, "{reads} reads for a tenth, a scan has {scan}");
    }
}

#[test]
fn a_log_that_is_cut_short_while_pages_are_read_is_an_error_and_no_signal() {
    let dir = TempDir::new("pages-cut");
    let path = filled(&dir, 40_000);
    let store = open(&path, &Options { mode: OpenMode::ReadOnly, ..Options::default() });
    let query = Query { page_rows: 4_000, ..Query::default() };
    let first = store.query(&query).unwrap();
    let log = std::fs::File::options().write(true).open(&segments(&path)[0]).unwrap();
    log.set_len(log.metadata().unwrap().len() / 2).unwrap();
    let all = read_until_error(&store, &Query { after: first.next, ..query });
    let error = all.expect_err("half of the log is gone");
    assert!(matches!(error.code(), Code::Corrupt | Code::Io), "{error}");
}

fn read_until_error(store: &Store, query: &Query) -> Result<(), Error> {
    let mut query = query.clone();
    loop {
        let page = store.query(&query)?;
        if page.end {
            return Ok(());
        }
        query.after = page.next;
    }
}

#[test]
fn counts_and_lists_read_no_log() {
    let dir = TempDir::in_memory("counts");
    let path = filled(&dir, 60_000);
    for region in &regions()[..6] {
        let (store, reads) = cold(&path);
        let query = Query { region: region.clone(), ..Query::default() };
        let expected = read_pages(&store, &Query { page_rows: 65_536, ..query.clone() }).len();
        drop(store);
        let (fresh, fresh_reads) = cold(&path);
        assert_eq!(fresh.count(&query, &Watch::default()).unwrap(), expected as u64);
        let few = fresh_reads.0.load(Ordering::Relaxed);
        assert!(few <= 100, "{few} reads to count {region:?}");
        assert!(reads.0.load(Ordering::Relaxed) > few);
    }
    let (store, reads) = cold(&path);
    let entity = Some("dev".to_owned());
    let listing = Listing { entity, page_rows: 10, ..Listing::new(Of::Entities) };
    let (rows, end) = store.list(&listing).unwrap();
    assert!(rows.len() == 10 && !end);
    assert_eq!(store.list(&Listing::new(Of::Scopes)).unwrap().0.len(), 2);
    let reads = reads.0.load(Ordering::Relaxed);
    assert!(reads <= 130, "{reads} reads to list ten entities and all scopes");
}

/// Beside a writer that appends, seals and syncs, and a reader in another handle.
#[test]
fn counts_and_lists_beside_a_live_writer_agree_with_a_scan_of_the_same_moment() {
    let dir = TempDir::in_memory("counts-live");
    let path = dir.join("store");
    let writer = open_quick(&path);
    let reader = open_reader(&path);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..40 {
                append(&writer, round * 100, 100);
            }
            over.store(true, Ordering::Release);
        });
        while !over.load(Ordering::Acquire) {
            for store in [&writer, &reader] {
                let until = store.frontier().unwrap().visible;
                for region in regions() {
                    let query = Query { region, until, page_rows: 65_536, ..Query::default() };
                    let rows = read_pages(store, &query).len() as u64;
                    assert_eq!(store.count(&query, &Watch::default()).unwrap(), rows, "{query:?}");
                }
                assert_lists_hold(store);
            }
        }
    });
    for store in [&writer, &reader] {
        let stats = store.stats().unwrap();
        assert_eq!(stats.events - stats.system_events, 4000);
        assert_lists_hold(store);
    }
}

/// Every list adds up to whole batches of what is appended; nothing is in it twice or not at all.
fn assert_lists_hold(store: &Store) {
    for of in [Of::Entities, Of::Scopes] {
        let listing = Listing { page_rows: 65_536, ..Listing::new(of) };
        let (rows, end) = store.list(&listing).unwrap();
        let events: u64 = rows.iter().map(|row| row.events).sum();
        assert!(end && events.is_multiple_of(100), "{of:?}: {events}");
        let last = rows.iter().map(|row| row.last_sequence).max().unwrap_or(1);
        assert_eq!(last, events + 1, "{of:?}");
        let names: BTreeMap<_, _> = rows.iter().map(|row| (&row.name, row)).collect();
        assert!(names.len() == rows.len() && rows.is_sorted_by_key(|row| &row.name));
    }
}
