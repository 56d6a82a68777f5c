//! Eight threads at once in two stores of one process, and in handles that follow them: calls of
//! every kind side by side, and a close, a poison or a failing disk in their middle.
//!
//! Each answer is judged where it comes in; what the stores hold afterwards is judged against all
//! answers together. `FBAT_SEED` repeats what the threads ask for, though not how they interleave.

use crate::common::spy::Spy;
use crate::common::*;
use fbat::engine::import::{ImportOptions, ImportReport};
use fbat::engine::log::options::{Durability, Options};
use fbat::engine::model::error::{Code, Error, Result};
use fbat::engine::model::event::{Columns, Event, Expect, NewEvent, Receipt, Source};
use fbat::engine::model::finding::Finding;
use fbat::engine::model::id::{Hash, Id};
use fbat::engine::model::region::Region;
use fbat::engine::platform::clock::Clock;
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Instant;

const THREADS: u64 = 8;

/// What is wrong: a sentence.
type Checked<T = ()> = std::result::Result<T, String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

// ------------------------------------------------------------------------------------ the oracle

/// What the answers of all threads say that a store holds.
#[derive(Clone, Default)]
struct Ledger {
    /// Numbers of events, and the receipts of their appends.
    receipts: Vec<(u64, Receipt)>,
    /// `imported - overtaken` over all imports.
    brought: u64,
}

impl Ledger {
    fn add(&mut self, other: Ledger) {
        self.receipts.extend(other.receipts);
        self.brought += other.brought;
    }
}

/// What a store holds, system events included, in the order of the log.
#[derive(Clone)]
struct Contents {
    store_id: Id,
    log_hash: Hash,
    rows: Vec<Row>,
}

impl Contents {
    fn of(store: &Store) -> Contents {
        Contents {
            store_id: store.store_id(),
            log_hash: store.log_hash().unwrap(),
            rows: rows_with_system(store),
        }
    }

    /// Sequences without a hole, ids once, versions 1 to n, and every hash from the first event on.
    fn judge_log(&self) -> Checked {
        let genesis = self.rows.first().ok_or("the genesis event is missing")?.event_hash;
        let mut heads: HashMap<&str, (u64, Hash)> = HashMap::new();
        let mut ids = HashSet::new();
        for (row, sequence) in self.rows.iter().zip(1..) {
            ensure!(row.sequence == sequence, "sequence {} where {sequence} belongs", row.sequence);
            ensure!(ids.insert(row.id), "event {} is there twice", row.id);
            let start = if sequence == 1 { Hash::ZERO } else { genesis };
            let (version, hash) = heads.get(&*row.entity).copied().unwrap_or((0, start));
            ensure!(
                row.version == version + 1,
                "sequence {sequence}: version {} after {version}",
                row.version
            );
            ensure!(
                row.previous_hash == Some(hash),
                "sequence {sequence}: not the hash of the event before"
            );
            ensure!(
                row.event_hash == event_hash(row),
                "sequence {sequence}: the event hash does not hold"
            );
            heads.insert(&row.entity, (row.version, row.event_hash));
        }
        ensure!(
            self.log_hash == log_hash(self.store_id, self.rows.iter()),
            "the log hash does not hold"
        );
        Ok(())
    }

    /// Every answer is true, and nothing is there that no answer tells of; `all_answered` where an
    /// append that failed has left nothing.
    fn judge(&self, ledger: &Ledger, all_answered: bool) -> Checked {
        self.judge_log()?;
        let by_id: HashMap<Id, &Row> = self.rows.iter().map(|row| (row.id, row)).collect();
        let (mut acknowledged, mut new) = (HashSet::new(), HashSet::new());
        for (number, receipt) in &ledger.receipts {
            let row = by_id
                .get(&receipt.id)
                .ok_or_else(|| format!("event {} was acknowledged and is lost", receipt.id))?;
            let said = (
                receipt.sequence,
                receipt.version,
                receipt.recorded_us,
                receipt.event_hash,
                receipt.previous_hash,
            );
            let there = (
                row.sequence,
                row.version,
                row.recorded_us,
                row.event_hash,
                row.previous_hash.unwrap(),
            );
            ensure!(
                said == there,
                "the receipt of event {} says {said:?}, the log {there:?}",
                row.id
            );
            ensure!(
                row.payload == Sample::new(*number).payload,
                "event {} has the payload of another",
                row.id
            );
            ensure!(receipt.replayed || new.insert(receipt.id), "event {} is new twice", row.id);
            acknowledged.insert(receipt.id);
        }
        let callers = self.rows.iter().filter(|row| !row.kind.is_reserved());
        let (imported, own): (Vec<&Row>, Vec<&Row>) =
            callers.partition(|row| row.provenance.is_some());
        if all_answered {
            ensure!(
                own.len() == new.len(),
                "{} events, {} new ones acknowledged",
                own.len(),
                new.len()
            );
            ensure!(
                acknowledged.len() == new.len(),
                "{} events replayed that nobody has appended",
                acknowledged.len() - new.len()
            );
        }
        ensure!(
            imported.len() as u64 == ledger.brought,
            "{} imported, reported {}",
            imported.len(),
            ledger.brought
        );
        Ok(())
    }
}

// ------------------------------------------------------------------------------------ the end of a
// store

/// What happens to the first store while the threads are at work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    None,
    Close,
    Poison,
    /// Its disk refuses to sync from then on.
    SyncFails,
}

/// What a call does with the first store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    /// Nothing.
    Foreign,
    Read,
    /// Reads it, but syncs it first, if there is anything to be synced.
    Sync,
    /// Writes to it, if there is anything new.
    Import,
    /// Writes something new to it.
    Append,
}

struct Ending {
    end: End,
    begun: AtomicBool,
    over: AtomicBool,
}

impl Ending {
    fn new(end: End) -> Ending {
        Ending { end, begun: AtomicBool::new(false), over: AtomicBool::new(false) }
    }

    /// Makes a call, whose answer has to fit what had happened to the store before and after it.
    fn call<T>(&self, class: Class, call: impl FnOnce() -> Result<T>) -> Checked<Option<T>> {
        let over = self.over.load(Ordering::SeqCst);
        let answer = call();
        self.judge(class, over, answer)
    }

    /// None where it failed as it may; `over`: the store had been ended before the call was made.
    fn judge<T>(&self, class: Class, over: bool, answer: Result<T>) -> Checked<Option<T>> {
        let writes = matches!(class, Class::Import | Class::Append);
        let (must_fail, may_fail): (bool, &[Code]) = match self.end {
            _ if class == Class::Foreign => (false, &[]),
            End::None => (false, &[]),
            End::Close => (true, &[Code::Closed]),
            End::Poison if class == Class::Sync => (false, &[Code::Poisoned]),
            End::Poison => (writes, if writes { &[Code::Poisoned] } else { &[] }),
            End::SyncFails if class == Class::Read => (false, &[]),
            End::SyncFails => (class == Class::Append, &[Code::Poisoned, Code::Io]),
        };
        match answer {
            Ok(_) if over && must_fail => {
                Err(format!("{class:?} answered OK after the store was ended by {:?}", self.end))
            }
            Ok(value) => Ok(Some(value)),
            Err(error) if self.begun.load(Ordering::SeqCst) && may_fail.contains(&error.code()) => {
                Ok(None)
            }
            Err(error) => Err(format!("{class:?}: {:?}: {error}", error.code())),
        }
    }

    /// Ends the store; `act` is what does it.
    fn come<T>(&self, act: impl FnOnce() -> T) -> T {
        self.begun.store(true, Ordering::SeqCst);
        let result = act();
        self.over.store(true, Ordering::SeqCst);
        result
    }
}

// ------------------------------------------------------------------------------------ the threads

/// What all threads of a round share.
struct World {
    paths: [PathBuf; 2],
    stores: [Store; 2],
    /// One reading handle of each store, which all threads use.
    readers: [Store; 2],
    durable: bool,
    ending: Ending,
    calls: AtomicU64,
    calls_max: u64,
}

/// How far a thread has seen a handle go: it never goes back.
#[derive(Clone, Copy, Default)]
struct Seen {
    visible: u64,
    events: u64,
}

struct Worker<'w> {
    world: &'w World,
    rng: Rng,
    /// The number of its next event.
    next: u64,
    ledgers: [Ledger; 2],
    /// Of the stores, then of their readers.
    seen: [Seen; 4],
    /// Calls that failed because the store was ended.
    refused: u64,
}

impl<'w> Worker<'w> {
    fn new(world: &'w World, seed: u64, number: u64) -> Worker<'w> {
        let rng = Rng(seed ^ number.wrapping_mul(0x9e37_79b9));
        Worker {
            world,
            rng,
            next: (number + 1) << 32,
            ledgers: Default::default(),
            seen: Default::default(),
            refused: 0,
        }
    }

    /// Calls until the round has had its calls, or the store refuses.
    fn run(mut self) -> Checked<[Ledger; 2]> {
        while self.refused < 3
            && self.world.calls.fetch_add(1, Ordering::Relaxed) < self.world.calls_max
        {
            let at = self.rng.below(2) as usize;
            match self.rng.below(400) {
                0 => self.verify(at)?,
                1..=3 => self.import(at)?,
                4..=11 => self.sync(at)?,
                12..=27 => self.stats(at)?,
                28..=59 => self.frontier(at)?,
                60..=89 => self.head(at)?,
                90..=129 => self.query(at)?,
                130..=199 => self.get(at)?,
                200..=225 => self.append_expecting(at)?,
                226..=279 => self.append_keyed(at)?,
                _ => self.append(at)?,
            }
        }
        Ok(self.ledgers)
    }

    /// A call to a store, or (at 2 and 3) to its reading handle, which outlives the store.
    fn call<T>(
        &mut self,
        at: usize,
        class: Class,
        call: impl FnOnce(&Store) -> Result<T>,
    ) -> Checked<Option<T>> {
        let class = if at == 0 { class } else { Class::Foreign };
        let store = if at < 2 { &self.world.stores[at] } else { &self.world.readers[at - 2] };
        let answer = self.world.ending.call(class, || call(store))?;
        self.refused += u64::from(answer.is_none());
        Ok(answer)
    }

    /// A store, or now and then its reading handle.
    fn any_handle(&mut self, at: usize) -> usize {
        if self.rng.one_in(4) {
            at + 2
        } else {
            at
        }
    }

    fn appended(&mut self, at: usize, numbers: &[u64], receipts: Vec<Receipt>) -> Checked {
        for (number, receipt) in numbers.iter().zip(receipts) {
            ensure!(
                receipt.durable || !self.world.durable,
                "a receipt of a durable store is not durable"
            );
            self.ledgers[at].receipts.push((*number, receipt));
        }
        Ok(())
    }

    /// Up to five new events, together.
    fn append(&mut self, at: usize) -> Checked {
        let count = if self.rng.one_in(3) { self.rng.range(2, 5) } else { 1 };
        let numbers: Vec<u64> = (self.next..self.next + count).collect();
        self.next += count;
        let samples: Vec<Sample> = numbers.iter().copied().map(Sample::new).collect();
        let extensions: Vec<_> = samples.iter().map(Sample::extensions).collect();
        let batch: Vec<_> = samples.iter().zip(&extensions).map(|(s, x)| s.event(x)).collect();
        match self.call(at, Class::Append, |store| store.append_batch(&batch))? {
            Some(receipts) => self.appended(at, &numbers, receipts),
            None => Ok(()),
        }
    }

    /// An event that other threads append too, under the same key; a new one with it.
    fn append_keyed(&mut self, at: usize) -> Checked {
        let numbers = [self.next, self.rng.below(400)];
        self.next += 1;
        let samples = numbers.map(Sample::new);
        let batch = [
            event(&samples[0].entity, &samples[0].payload),
            NewEvent {
                key: Id(1 << 100 | u128::from(numbers[1])),
                ..event(&samples[1].entity, &samples[1].payload)
            },
        ];
        match self.call(at, Class::Append, |store| store.append_batch(&batch))? {
            Some(receipts) => self.appended(at, &numbers, receipts),
            None => Ok(()),
        }
    }

    /// Appends if nobody has appended to the entity since it was looked at.
    fn append_expecting(&mut self, at: usize) -> Checked {
        let number = self.next;
        self.next += 1;
        let sample = Sample::new(number);
        let Some(head) = self.call(at, Class::Read, |store| store.head(&sample.entity))? else {
            return Ok(());
        };
        let expect = Expect::Version(head.map_or(0, |head| head.version));
        let new = NewEvent { expect, ..event(&sample.entity, &sample.payload) };
        let answer = self.call(at, Class::Append, |store| match store.append(&new) {
            // Decided before anything is written, so also in a store whose disk has failed since.
            Err(error) if error.code() == Code::VersionConflict => Ok(None),
            other => other.map(Some),
        });
        match answer {
            Err(fault)
                if self.world.ending.end != End::SyncFails || !fault.contains("answered OK") =>
            {
                Err(fault)
            }
            Ok(Some(Some(receipt))) => {
                let expected = head.map_or(1, |head| head.version + 1);
                ensure!(
                    receipt.version == expected,
                    "version {} where {expected} was asked for",
                    receipt.version
                );
                self.appended(at, &[number], vec![receipt])
            }
            _ => Ok(()),
        }
    }

    /// An event that this thread appended is there, in the reading handle too.
    fn get(&mut self, at: usize) -> Checked {
        let own = self.ledgers[at].receipts.len() as u64;
        let known =
            (own > 0).then(|| self.ledgers[at].receipts[self.rng.below(own.max(1)) as usize]);
        let (number, id) =
            known.map_or((0, Id(self.rng.next().into())), |(number, receipt)| (number, receipt.id));
        let handle = self.any_handle(at);
        let columns = Columns { previous_hash: self.rng.one_in(2), ..Columns::ALL };
        let Some(page) = self.call(handle, Class::Read, |store| store.get(id, columns))? else {
            return Ok(());
        };
        match (known, page) {
            (None, None) => Ok(()),
            (Some((_, receipt)), Some(page)) => {
                let there = page.get(0);
                ensure!(
                    there.event_hash == receipt.event_hash,
                    "get {id}: another event than was appended"
                );
                ensure!(there.payload == Sample::new(number).payload, "get {id}: another payload");
                Ok(())
            }
            (known, _) => Err(format!("get {id}: appended by this thread: {}", known.is_some())),
        }
    }

    /// Some page of some region holds what it should, in order.
    fn query(&mut self, at: usize) -> Checked {
        let handle = self.any_handle(at);
        let after = self.rng.below(self.seen[handle].visible + 1);
        let entity = self.rng.one_in(2).then(|| "quake".to_owned());
        let (backward, limit) = (self.rng.one_in(2), self.rng.range(1, 30) as usize);
        let region = Region { entity, ..Region::default() };
        let query = Query {
            region,
            after,
            page_rows: limit,
            backward,
            columns: Columns::ALL,
            ..Query::default()
        };
        let Some(page) = self.call(handle, Class::Read, |store| store.query(&query))? else {
            return Ok(());
        };
        let sequences: Vec<u64> = page.iter().map(|e| e.sequence).collect();
        let ordered =
            sequences
                .windows(2)
                .all(|two| if backward { two[0] > two[1] } else { two[0] < two[1] });
        ensure!(
            ordered && sequences.iter().all(|s| *s > after),
            "a page of {sequences:?} for {query:?}"
        );
        let fits = |e: Event<'_>| {
            *blake3::hash(e.payload).as_bytes() == e.content_hash().0
                && e.entity.starts_with("quake")
        };
        ensure!(page.iter().all(fits), "a page with another event than was asked for");
        ensure!(page.end || !page.is_empty(), "an empty page that is not the last");
        Ok(())
    }

    fn head(&mut self, at: usize) -> Checked {
        let handle = self.any_handle(at);
        let newest = self.ledgers[at].receipts.last().copied();
        let Some((number, receipt)) = newest else { return Ok(()) };
        let entity = Sample::new(number).entity;
        let Some(head) = self.call(handle, Class::Read, |store| store.head(&entity))? else {
            return Ok(());
        };
        let version = head.map_or(0, |head| head.version);
        ensure!(
            version >= receipt.version,
            "head {version} of {entity} after version {}",
            receipt.version
        );
        Ok(())
    }

    /// The frontier never goes back, and covers what this thread appended.
    fn frontier(&mut self, at: usize) -> Checked {
        let handle = self.any_handle(at);
        let Some(frontier) = self.call(handle, Class::Read, Store::frontier)? else {
            return Ok(());
        };
        ensure!(frontier.durable <= frontier.visible, "durable is ahead of visible: {frontier:?}");
        let before = self.seen[handle].visible;
        let own = self.ledgers[at].receipts.last().map_or(0, |(_, receipt)| receipt.sequence);
        ensure!(
            frontier.visible >= before.max(own),
            "the frontier {frontier:?} after {before} and own {own}"
        );
        self.seen[handle].visible = frontier.visible;
        Ok(())
    }

    fn stats(&mut self, at: usize) -> Checked {
        let handle = self.any_handle(at);
        let Some(stats) = self.call(handle, Class::Read, Store::stats)? else { return Ok(()) };
        let before = self.seen[handle].events.max(self.seen[handle].visible);
        ensure!(stats.events >= before, "{} events after there had been {before}", stats.events);
        self.seen[handle].events = stats.events;
        self.call(handle, Class::Read, Store::log_hash)?;
        Ok(())
    }

    fn sync(&mut self, at: usize) -> Checked {
        let handle = self.any_handle(at);
        let own = self.ledgers[at].receipts.last().map_or(0, |(_, receipt)| receipt.sequence);
        let Some(frontier) = self.call(handle, Class::Sync, Store::sync)? else { return Ok(()) };
        // A reading handle syncs nothing for a writer that is poisoned, and its frontier says how
        // far the disk goes.
        let behind = handle >= 2 && matches!(self.world.ending.end, End::Poison | End::SyncFails);
        ensure!(frontier.durable >= own || behind, "{frontier:?} after a sync of sequence {own}");
        Ok(())
    }

    fn verify(&mut self, at: usize) -> Checked {
        let handle = self.any_handle(at);
        let Some(report) = self.call(handle, Class::Read, Store::verify)? else { return Ok(()) };
        let found = beside_poison(report.findings, self.world.ending.end);
        ensure!(found.is_empty(), "verify beside writers: {found:?}");
        Ok(())
    }

    /// Into the store `at` from the other, or from its reading handle.
    fn import(&mut self, at: usize) -> Checked {
        let world = self.world;
        let source = self.any_handle(1 - at);
        let from = if source < 2 { &world.stores[source] } else { &world.readers[source - 2] };
        let class = match (at, source, world.ending.end) {
            (0, ..) => Class::Import,
            // A source that can take no more writes is read as far as it is durable.
            (_, 0, End::Close | End::SyncFails) => Class::Sync,
            _ => Class::Foreign,
        };
        let after =
            if self.rng.one_in(2) { self.rng.below(self.seen[source].visible + 1) } else { 0 };
        let chunk_size = self.rng.range(1, 40) as u32;
        let mut report = ImportReport::default();
        let answer = world.ending.call(class, || {
            let outcome =
                import_natives(&world.stores[at], from, &namespace(1 - at), after, chunk_size);
            report = outcome.0;
            outcome.1
        })?;
        self.refused += u64::from(answer.is_none());
        self.ledgers[at].brought += report.imported - report.overtaken;
        Ok(())
    }
}

fn namespace(source: usize) -> String {
    format!("store {source}")
}

/// Imports two thirds of the events that were first appended to `source`. What is counted as
/// imported is durable when the call returns, however it ends, unless the disk has failed.
fn import_natives(
    to: &Store,
    from: &Store,
    name: &str,
    after: u64,
    chunk_size: u32,
) -> (ImportReport, Result<()>) {
    let mut visible = 0;
    let mut filter = |e: &Event<'_>| match e.source {
        Source::None if !e.flags.is_multiple_of(3) => Verdict::Keep,
        _ => Verdict::Skip,
    };
    let mut progress = |report: &ImportReport| {
        visible = report.destination_visible;
        Verdict::Keep
    };
    let (filter, progress) = (Some(&mut filter as _), Some(&mut progress as _));
    let mut options = ImportOptions { after, chunk_size, filter, progress, ..named(name) };
    let outcome = to.import(from, &mut options);
    let (report, result) = (outcome.report, outcome.result);
    if matches!(&result, Err(e) if e.code() != Code::Closed)
        || report.destination_durable >= visible
    {
        return (report, result);
    }
    let message =
        format!("{} is durable after an import that saw {visible}", report.destination_durable);
    (report, Err(Error::new(Code::Internal, message)))
}

/// How many events of a store [`import_natives`] brings.
fn importable(rows: &[Row]) -> u64 {
    let wanted = |row: &&Row| {
        !row.kind.is_reserved() && row.provenance.is_none() && !row.flags.is_multiple_of(3)
    };
    rows.iter().filter(wanted).count() as u64
}

// ------------------------------------------------------------------------------------ rounds

/// Threads at work in two stores, and what is to happen to the first. Returns the calls made.
fn round(seed: u64, calls_max: u64, end: End) -> Checked<u64> {
    let mut rng = Rng(seed);
    let dir = TempDir::in_memory("threads");
    let durable = end == End::SyncFails || rng.one_in(3);
    let durability = if durable { Durability::Durable } else { Durability::Os };
    let (options, spy) = Spy::watch(Options { durability, ..quick() });
    let paths = ["a", "b"].map(|name| dir.join(name));
    let stores = [open(&paths[0], &options), open(&paths[1], &Options { durability, ..quick() })];
    let readers = [open_reader(&paths[0]), open_reader(&paths[1])];
    let (ending, calls) = (Ending::new(end), AtomicU64::new(0));
    let world = World { paths, stores, readers, durable, ending, calls, calls_max };
    let threshold = rng.below(calls_max);
    let workers = std::thread::scope(|scope| {
        let (world, spy) = (&world, &spy);
        let workers: Vec<_> =
            (0..THREADS).map(|n| scope.spawn(move || Worker::new(world, seed, n).run())).collect();
        while end != End::None
            && world.calls.load(Ordering::Relaxed) < threshold
            && !workers.iter().all(|w| w.is_finished())
        {
            std::thread::yield_now();
        }
        let ended = match end {
            End::None => Ok(()),
            End::Poison => {
                world.ending.come(|| world.stores[0].poison("a test"));
                Ok(())
            }
            End::SyncFails => {
                world.ending.come(|| spy.fail_syncs(true));
                Ok(())
            }
            End::Close => world.ending.come(|| close_and_open(&world.stores[0], &world.paths[0])),
        };
        let ledgers: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker does not panic"))
            .collect();
        ended.and(ledgers.into_iter().collect::<Checked<Vec<_>>>())
    })?;
    let mut ledgers: [Ledger; 2] = Default::default();
    workers
        .into_iter()
        .flat_map(|pair| pair.into_iter().zip(0..))
        .for_each(|(one, at): (_, usize)| ledgers[at].add(one));
    judge_stores(&world, &mut ledgers)?;
    spy.fail_syncs(false);
    Ok(world.calls.load(Ordering::Relaxed).min(calls_max))
}

/// What was found, but for the lock file of a store that an fsync has poisoned.
fn beside_poison(mut found: Vec<Finding>, end: End) -> Vec<Finding> {
    if matches!(end, End::Poison | End::SyncFails) {
        found.retain(|finding| !finding.path.ends_with("LOCK"));
    }
    found
}

/// Three threads close the store. The one that comes back first opens it at once, which works
/// although the others, and calls of all kinds, still hold the old one.
fn close_and_open(store: &Store, path: &Path) -> Checked {
    let (won, barrier) = (AtomicBool::new(false), Barrier::new(3));
    let close = || {
        barrier.wait();
        store.close().map_err(|e| format!("close: {e}"))?;
        if won.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let again = Store::open(path, &quick()).map_err(|e| format!("opening again: {e}"))?;
        ensure!(!again.open_report().unclean, "the store that was closed was not clean");
        again.close().map_err(|e| format!("closing again: {e}"))
    };
    std::thread::scope(|scope| {
        let closers = [(); 3].map(|()| scope.spawn(close));
        closers.into_iter().try_for_each(|closer| closer.join().expect("a closer does not panic"))
    })
}

/// What both stores hold when all threads are done, before and after they are opened again.
fn judge_stores(world: &World, ledgers: &mut [Ledger; 2]) -> Checked {
    let end = world.ending.end;
    let closed = (end == End::Close).then(|| open_quick(&world.paths[0]));
    let stores = [closed.as_ref().unwrap_or(&world.stores[0]), &world.stores[1]];
    let mut held = Vec::new();
    for at in 0..2 {
        let what = |fault: String| format!("store {at} ended by {end:?}: {fault}");
        if end == End::None {
            // Whatever the imports beside the appends brought, one more completes it.
            let (report, result) =
                import_natives(stores[at], stores[1 - at], &namespace(1 - at), 0, 100);
            result.map_err(|e| what(e.to_string()))?;
            ledgers[at].brought += report.imported;
            let wanted = importable(&rows(stores[1 - at]));
            ensure!(
                ledgers[at].brought == wanted,
                "{} events were imported of {wanted}",
                ledgers[at].brought
            );
        }
        let contents = Contents::of(stores[at]);
        contents
            .judge(&ledgers[at], at == 1 || matches!(end, End::None | End::Close))
            .map_err(what)?;
        let report = stores[at].verify().map_err(|e| what(e.to_string()))?;
        let found = beside_poison(report.findings, end);
        ensure!(found.is_empty(), "verify: {found:?}");
        ensure!(
            rows_with_system(&world.readers[at]) == contents.rows,
            "the reading handle of store {at} differs"
        );
        held.push(callers_of(contents.rows));
    }
    for (at, callers) in held.iter().enumerate() {
        // A poisoned store does not close well; all others do.
        let closes = stores[at].close().is_ok();
        ensure!(
            closes || (at == 0 && matches!(end, End::Poison | End::SyncFails)),
            "store {at} does not close"
        );
        ensure!(
            rows(&open_quick(&world.paths[at])) == *callers,
            "store {at} is another when opened again"
        );
    }
    Ok(())
}

fn callers_of(mut rows: Vec<Row>) -> Vec<Row> {
    rows.retain(|row| !row.kind.is_reserved());
    rows
}

/// Rounds until `total` calls have been made; prints the figure, and fails at the first fault.
fn campaign(figure: &str, total: u64, calls_per_round: u64, ends: &[End]) {
    let seed = seed_from_env();
    println!("FBAT_SEED={seed}");
    let (began, mut calls, mut rng) = (Instant::now(), 0, Rng(seed));
    while calls < total {
        let (one, end) = (rng.next(), *rng.pick(ends));
        match round(one, calls_per_round, end) {
            Ok(made) => calls += made,
            Err(fault) => {
                score(figure, calls, 1, began);
                panic!("FBAT_SEED={seed}, round {one}, {end:?}: {fault}");
            }
        }
    }
    score(figure, calls, 0, began);
}

#[test]
fn calls_of_eight_threads_side_by_side_are_answered_as_if_one_after_the_other() {
    campaign("calls of 8 threads", scaled(600_000), 3000, &[End::None]);
}

#[test]
fn a_store_ends_in_the_middle_of_eight_threads_and_nothing_that_was_answered_is_lost() {
    let ends = [End::Close, End::Close, End::Poison, End::SyncFails];
    campaign("calls of 8 threads while the store ends", scaled(400_000), 1500, &ends);
}

#[test]
fn imports_of_one_source_at_once_bring_each_event_once_and_count_it_once() {
    let (seed, total) = (seed_from_env(), scaled(400));
    println!("FBAT_SEED={seed}");
    let (began, mut rng) = (Instant::now(), Rng(seed));
    for _ in 0..total {
        let dir = TempDir::in_memory("threads-imports");
        let (source, hub) = (open_quick(&dir.join("source")), open_quick(&dir.join("hub")));
        fill(&source, rng.below(1 << 40), rng.range(1, 400));
        let sizes: Vec<u32> = (0..THREADS).map(|_| rng.range(1, 60) as u32).collect();
        let barrier = Barrier::new(THREADS as usize);
        let import = |chunk_size| {
            barrier.wait();
            let (report, result) = import_natives(&hub, &source, "source", 0, chunk_size);
            result.unwrap();
            report.imported - report.overtaken
        };
        let brought: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = sizes.iter().map(|size| scope.spawn(|| import(*size))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(brought, importable(&rows(&source)));
        Contents::of(&hub).judge(&Ledger { brought, ..Ledger::default() }, true).unwrap();
    }
    score("imports by 8 threads of one source", total * THREADS, 0, began);
}

// ------------------------------------------------------------------------------------ one thing at
// a time

#[test]
fn an_import_that_a_close_ends_has_made_durable_what_it_reports() {
    for overlap in [false, true] {
        let dir = TempDir::new("threads-import-close");
        let (source, hub) = (open_quick(&dir.join("source")), open_quick(&dir.join("hub")));
        fill(&source, 0, 50);
        std::thread::scope(|scope| {
            let mut progress = |_: &ImportReport| {
                scope.spawn(|| hub.close().unwrap());
                while hub.frontier().is_ok() {
                    std::thread::yield_now();
                }
                Verdict::Keep
            };
            let mut options = ImportOptions {
                chunk_size: 20,
                overlap,
                progress: Some(&mut progress),
                ..named("source")
            };
            let (report, error) = failed(hub.import(&source, &mut options));
            assert_eq!(error.code(), Code::Closed);
            // On two threads the second chunk may be under way when progress is told of the first.
            assert!(report.imported == 20 || (overlap && report.imported == 40), "{report:?}");
            assert_eq!(report.destination_durable, report.imported + 2, "{report:?}");
        });
    }
}

/// A clock that panics when it is told to.
struct Bomb(AtomicBool);

impl Clock for Bomb {
    fn now_us(&self) -> i64 {
        assert!(!self.0.load(Ordering::SeqCst), "a test asked for it");
        EPOCH_US
    }
}

#[test]
fn a_panic_in_the_middle_of_a_write_poisons_the_store_before_anybody_else_writes() {
    let dir = TempDir::in_memory("threads-panic");
    let bomb = Arc::new(Bomb(AtomicBool::new(false)));
    let store = open(&dir.join("store"), &Options { clock: bomb.clone(), ..quick() });
    store.append(&event("before", b"")).unwrap();
    bomb.0.store(true, Ordering::SeqCst);
    let append = || store.append(&event("broken off", b""));
    assert!(std::thread::scope(|scope| scope.spawn(append).join()).is_err());
    bomb.0.store(false, Ordering::SeqCst);
    assert_eq!(code_of(store.append(&event("after", b""))), Code::Poisoned);
    assert_eq!(code_of(store.close()), Code::Poisoned, "what a panic left is not marked as clean");
    let store = open_quick(&dir.join("store"));
    assert!(store.open_report().unclean && rows(&store).len() == 1);
}

#[test]
fn a_panic_in_a_sync_leaves_nobody_waiting() {
    let dir = TempDir::in_memory("threads-sync-panic");
    let (options, spy) = Spy::watch(Options { durability: Durability::Durable, ..quick() });
    let store = open(&dir.join("store"), &options);
    spy.panic_in_syncs(true);
    let one = store.clone();
    assert!(std::thread::spawn(move || one.append(&event("broken off", b""))).join().is_err());
    spy.panic_in_syncs(false);
    let (say, hear) = std::sync::mpsc::channel();
    let other = store.clone();
    std::thread::spawn(move || say.send(code_of(other.append(&event("after", b"")))));
    assert_eq!(hear.recv_timeout(std::time::Duration::from_secs(20)), Ok(Code::Poisoned));
}

// ------------------------------------------------------------------------------------ canaries

/// A sound store with its ledger, to be spoilt.
fn sound() -> (Contents, Ledger) {
    let dir = TempDir::in_memory("threads-canary");
    let (source, store) = (open_quick(&dir.join("source")), open_quick(&dir.join("store")));
    fill(&source, 100, 30);
    let (report, result) = import_natives(&store, &source, "source", 0, 10);
    result.unwrap();
    let ledger =
        Ledger { receipts: (0..).zip(fill(&store, 0, 40)).collect(), brought: report.imported };
    (Contents::of(&store), ledger)
}

#[test]
fn the_oracle_catches_every_wrong_answer() {
    type Spoil = fn(&mut Contents, &mut Ledger);
    let spoilt: [(&str, Spoil); 10] = [
        ("a receipt has another sequence", |_, l| l.receipts[7].1.sequence += 1),
        ("a receipt has another version", |_, l| l.receipts[7].1.version += 1),
        ("a receipt has another hash", |_, l| l.receipts[7].1.event_hash = Hash::ZERO),
        ("a receipt is of another event", |_, l| l.receipts[7].0 += 1),
        ("the newest event is lost", |c, _| drop(c.rows.pop())),
        ("an event in the middle is lost", |c, _| drop(c.rows.remove(20))),
        ("an event is doubled", |c, _| c.rows.push(c.rows[20].clone())),
        ("two events are swapped", |c, _| c.rows.swap(20, 21)),
        ("an event is there that nobody acknowledged", |_, l| l.receipts.truncate(39)),
        ("an import counts one too many", |_, l| l.brought += 1),
    ];
    let (contents, ledger) = sound();
    contents.judge(&ledger, true).unwrap();
    for (what, spoil) in spoilt {
        let (mut contents, mut ledger) = (contents.clone(), ledger.clone());
        spoil(&mut contents, &mut ledger);
        assert!(contents.judge(&ledger, true).is_err(), "not caught: {what}");
    }
}

#[test]
fn the_judge_of_calls_catches_every_answer_that_does_not_fit_the_end_of_the_store() {
    let fails = |code| Err::<(), _>(Error::new(code, "an answer"));
    let before = |end, class, answer| Ending::new(end).judge(class, false, answer);
    let after = |end, class, answer| {
        let ending = Ending::new(end);
        ending.come(|| ());
        ending.judge(class, true, answer)
    };
    assert!(after(End::Close, Class::Read, Ok(())).is_err(), "OK after close returned");
    assert!(after(End::Poison, Class::Append, Ok(())).is_err(), "OK after the store was poisoned");
    assert!(
        after(End::SyncFails, Class::Append, Ok(())).is_err(),
        "OK from a disk that does not sync"
    );
    assert!(
        before(End::Close, Class::Append, fails(Code::Closed)).is_err(),
        "closed before anybody closes it"
    );
    assert!(
        after(End::Close, Class::Append, fails(Code::Io)).is_err(),
        "another code than that of the end"
    );
    assert!(
        after(End::Poison, Class::Read, fails(Code::Poisoned)).is_err(),
        "a poisoned store can be read"
    );
    assert!(
        after(End::Close, Class::Foreign, fails(Code::Closed)).is_err(),
        "the other store is open"
    );
    assert!(after(End::Close, Class::Read, fails(Code::Closed)).unwrap().is_none());
    assert!(before(End::Close, Class::Append, Ok(())).unwrap().is_some());
}

/// Two threads write one plain word: what ThreadSanitizer is there for. `scripts/tsan` runs this
/// and has to get a report.
#[test]
#[ignore = "a race on purpose, which only ThreadSanitizer sees"]
fn canary_two_threads_write_one_word() {
    struct Shared(std::cell::UnsafeCell<u64>);
    // SAFETY: it is not sound; that is what the canary is for.
    unsafe impl Sync for Shared {}
    static WORD: Shared = Shared(std::cell::UnsafeCell::new(0));
    // SAFETY: as above.
    let write = || (0..1000).for_each(|n| unsafe { *WORD.0.get() = std::hint::black_box(n) });
    std::thread::scope(|scope| {
        [(); 2].map(|()| scope.spawn(write)).map(|thread| thread.join().unwrap())
    });
}
