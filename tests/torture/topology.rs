//! Stores that feed each other in random shapes: appends, imports by origin with selections and
//! filters, several at once, crashes between and within them, damage and repair, restores to an
//! older copy, copies with and without an id of their own, the same id with other content. The
//! model is an ordered set of triples for each store. After each import the store has what the
//! model says; at rest all ways have brought what they let through, once.
//!
//! `FBAT_SEED` repeats a run, `FBAT_TOPOLOGIES` sets how many histories it makes.

mod node;
mod way;

use self::node::{Node, Triples};
use self::way::{Fault, Feed, Number, Select, Way};
use crate::common::*;
use fbat::engine::import::{ImportOutcome, ImportReport};
use fbat::engine::model::error::Code;
use fbat::engine::model::id::Id;
use fbat::engine::model::region::Region;
use fbat::engine::store::diff::{DiffPage, Difference, Side};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// A history with more stores has fewer events, and is compared less often.
const SMALL: usize = 12;

struct World {
    rng: Rng,
    fault: Fault,
    clock: Arc<TestClock>,
    nodes: Vec<Node>,
    ways: Vec<Way>,
    /// Some appends are of thousands of events.
    is_long: bool,
    done: Vec<String>,
}

/// How an import is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    /// A callback stops it.
    Stopped,
    /// The destination crashes within.
    Crash,
}

impl World {
    fn new(seed: u64, fault: Fault) -> World {
        let mut rng = Rng(seed);
        let count = match rng.below(250) {
            0 => rng.range(40, 200),
            1..=10 => rng.range(7, 30),
            _ => rng.range(2, 6),
        };
        let clock = TestClock::at(EPOCH_US);
        let nodes = (0..count).map(|_| Node::new(&clock, rng.next())).collect();
        let is_long = count <= 4 && rng.one_in(40);
        let mut world = World { rng, fault, clock, nodes, ways: vec![], is_long, done: vec![] };
        let most = if world.is_small() { 3 * count } else { count + count / 2 };
        for _ in 0..world.rng.range(count, most) {
            world.add_way();
        }
        world
    }

    fn is_small(&self) -> bool {
        self.nodes.len() <= SMALL
    }

    fn add_way(&mut self) {
        let (from, to, by_filter) = (self.any(), self.any(), self.rng.one_in(2));
        let select = Select::any(&mut self.rng);
        if from != to {
            self.ways.push(Way { from, to, select, by_filter });
        }
    }

    fn any(&mut self) -> usize {
        self.rng.below(self.nodes.len() as u64) as usize
    }

    fn step(&mut self) -> Result<(), String> {
        self.clock.advance(self.rng.below(1_000) as i64);
        let (at, may_grow, rng) = (self.any(), self.nodes.len() != SMALL, &mut self.rng);
        let way = if self.ways.is_empty() { None } else { Some(*rng.pick(&self.ways)) };
        let node = &mut self.nodes[at];
        let what = match (rng.below(30), way) {
            (0..=8, _) => return self.append(at),
            (9..=14, Some(way)) => return self.feed(way, End::Whole).map(|_| ()),
            (15, Some(way)) => return self.feed(way, End::Stopped).map(|_| ()),
            (16..=18, Some(way)) => return self.feed(way, End::Crash).map(|_| ()),
            (19..=20, Some(way)) => return self.feed_from_all(way.to),
            (21, _) => return self.crash(at),
            (22, _) => node.repair(rng).map(|losses| format!("{losses} losses, repaired")),
            (23..=24, _) => node.keep_copy(rng).map(|()| "keep a copy".to_owned()),
            (25..=26, _) => return self.restore(at),
            (27, _) if may_grow => return self.copy(at),
            (28, _) => return self.try_again(at),
            _ => node.close_and_open(rng).map(|()| "close and open".to_owned()),
        };
        self.done.push(format!("store {at}: {}", what.as_deref().unwrap_or("failed")));
        what.map(|_| ()).and_then(|()| self.compare(at))
    }

    fn compare(&mut self, at: usize) -> Result<(), String> {
        match self.is_small() || self.rng.one_in(20) {
            true => self.nodes[at].compare().map_err(|why| format!("store {at}: {why}")),
            false => Ok(()),
        }
    }

    // ---------------------------------------------------------------- appends

    /// Events of which some have ids that others may have used, too.
    fn append(&mut self, at: usize) -> Result<(), String> {
        self.done.push(format!("append to {at}"));
        if self.is_long && self.rng.one_in(3) {
            self.append_many(at)?;
        }
        for _ in 0..self.rng.range(1, if self.is_small() { 40 } else { 5 }) {
            let rng = &mut self.rng;
            let key = match rng.below(4) {
                0 | 1 => Id::NONE,
                2 => Id(rng.range(1, 30).into()),
                _ => Id(rng.next().into()),
            };
            let few = rng.one_in(3);
            let number = Number(rng.below(if few { 4 } else { 1 << 30 }));
            self.append_one(at, key, number)?;
        }
        if self.rng.one_in(8) {
            let node = &mut self.nodes[at];
            node.store().sync().map_err(|e| e.to_string())?;
            node.durable = node.has.clone();
        }
        self.compare(at)
    }

    /// As many as make an import compare sets.
    fn append_many(&mut self, at: usize) -> Result<(), String> {
        let count = self.rng.range(2_000, 5_000);
        let numbers: Vec<Number> = (0..count).map(|_| Number(self.rng.below(1 << 30))).collect();
        let payloads: Vec<_> = numbers.iter().map(|number| number.payload()).collect();
        let pairs = numbers.iter().zip(&payloads);
        let events: Vec<_> = pairs.map(|(n, payload)| n.event(Id::NONE, payload)).collect();
        let node = &mut self.nodes[at];
        let receipts = node.store().append_batch(&events).map_err(|e| e.to_string())?;
        let name = node.name().to_owned();
        for (receipt, number) in receipts.iter().zip(numbers) {
            node.has.insert((name.clone(), receipt.id, number.content()), number);
        }
        Ok(())
    }

    fn append_one(&mut self, at: usize, key: Id, number: Number) -> Result<(), String> {
        let node = &mut self.nodes[at];
        let payload = number.payload();
        match node.store().append(&number.event(key, &payload)) {
            Ok(receipt) => {
                if !receipt.replayed {
                    let triple = (node.name().to_owned(), receipt.id, number.content());
                    node.has.insert(triple, number);
                }
                if key != Id::NONE {
                    node.submitted.push((key, number));
                }
                Ok(())
            }
            Err(error) if error.code() == Code::IdempotencyConflict => Ok(()),
            Err(error) => Err(format!("append to {at}: {error}")),
        }
    }

    /// The application does not know which of its last appends are there, and repeats them.
    fn try_again(&mut self, at: usize) -> Result<(), String> {
        self.done.push(format!("append to {at} again"));
        let submitted = &self.nodes[at].submitted;
        let last = submitted[submitted.len().saturating_sub(20)..].to_vec();
        last.into_iter().try_for_each(|(key, number)| self.append_one(at, key, number))?;
        self.compare(at)
    }

    // ---------------------------------------------------------------- stores as a whole

    /// Between imports; now, or at a time since it was opened, which is as if an older copy took
    /// its place.
    fn crash(&mut self, at: usize) -> Result<(), String> {
        let is_now = self.rng.one_in(2);
        let node = &mut self.nodes[at];
        let what = match is_now {
            true => node.crash(node.position(), None, &mut self.rng),
            false => node.crash_since_opening(&mut self.rng),
        };
        let what = what.map_err(|why| format!("store {at}: {why}"))?;
        self.done.push(format!("store {at} is {what}"));
        self.compare(at)
    }

    fn restore(&mut self, at: usize) -> Result<(), String> {
        if !self.nodes[at].restore(&mut self.rng)? {
            return Ok(());
        }
        self.done.push(format!("restore {at}"));
        self.compare(at)?;
        match self.rng.one_in(2) {
            true => self.try_again(at),
            false => Ok(()),
        }
    }

    fn copy(&mut self, at: usize) -> Result<(), String> {
        let is_named = self.rng.one_in(2);
        self.done.push(format!("copy {at}, with an id of its own: {is_named}"));
        let copy = self.nodes[at].copy(is_named, &mut self.rng)?;
        self.nodes.push(copy);
        self.add_way();
        self.compare(self.nodes.len() - 1)
    }

    // ---------------------------------------------------------------- imports

    /// What is to come over a way, beside what is there.
    fn news(&self, way: Way) -> Triples {
        let (from, to) = (&self.nodes[way.from].has, &self.nodes[way.to].has);
        from.iter()
            .filter(|(triple, number)| way.lets_through(**number) && !to.contains_key(*triple))
            .map(|(triple, number)| (triple.clone(), *number))
            .collect()
    }

    /// Imports over a way; how many events that brought.
    fn feed(&mut self, way: Way, end: End) -> Result<usize, String> {
        let mut feed = Feed::any(way, self.fault, &mut self.rng);
        if end == End::Stopped {
            feed.stop_after = self.rng.range(1, 3);
        }
        self.done.push(format!("{end:?}: {feed:?}"));
        let result = self.run_feed(&feed, end);
        result.map_err(|why| format!("{feed:?}: {why}"))
    }

    fn run_feed(&mut self, feed: &Feed, end: End) -> Result<usize, String> {
        let Way { from, to, .. } = feed.way;
        let news = self.news(feed.way);
        let before = self.nodes[to].position();
        let mut ends = BTreeSet::new();
        let mut tell = |report: &ImportReport| {
            ends.insert(report.destination_visible);
        };
        let (to_store, from_store) = (self.nodes[to].store(), self.nodes[from].store());
        let foreseen = (end == End::Whole && !feed.skip_lookup && self.rng.one_in(3))
            .then(|| Feed { dry_run: true, ..*feed }.run(to_store, from_store, &mut |_| {}));
        let outcome = feed.run(to_store, from_store, &mut tell);
        if let Some(foreseen) = foreseen.filter(|of| buckets(of) != buckets(&outcome)) {
            return Err(format!("{foreseen:?} was foreseen: {outcome:?}"));
        }
        // What is copied is durable where it comes from.
        self.nodes[from].durable = self.nodes[from].has.clone();
        let brought = self.take_in(feed, end, outcome, &news)?;
        if end == End::Crash {
            let ends = Some(&ends).filter(|_| !feed.skip_lookup);
            let what = self.nodes[to].crash(before, ends, &mut self.rng)?;
            self.done.push(format!("store {to} is {what}"));
        }
        self.compare(to)?;
        Ok(brought)
    }

    /// The model takes what an import brought.
    fn take_in(
        &mut self,
        feed: &Feed,
        end: End,
        outcome: ImportOutcome,
        news: &Triples,
    ) -> Result<usize, String> {
        let (report, node) = (outcome.report, &mut self.nodes[feed.way.to]);
        let wrong = |why: &str| Err(format!("{why} of {}: {report:?}", news.len()));
        let imported = report.imported - report.overtaken;
        match outcome.result {
            Ok(()) if imported != news.len() as u64 => return wrong("the wrong number"),
            Ok(()) => node.has.extend(news.clone()),
            Err(error) if end == End::Stopped && error.code() == Code::Stopped => {
                let has = node.triples()?;
                let known = |triple| node.has.contains_key(triple) || news.contains_key(triple);
                if !node.has.keys().all(|triple| has.contains_key(triple)) || !has.keys().all(known)
                {
                    return wrong("other events");
                }
                if imported != (has.len() - node.has.len()) as u64 {
                    return wrong("a part is there that is not reported,");
                }
                node.has = has;
            }
            Err(error) => return Err(error.to_string()),
        }
        if end != End::Crash {
            node.durable = node.has.clone();
        }
        Ok(imported as usize)
    }

    /// Imports over several ways to one store at once.
    fn feed_from_all(&mut self, to: usize) -> Result<(), String> {
        let mut ways: Vec<Way> = self.ways.iter().filter(|way| way.to == to).copied().collect();
        ways.truncate(4);
        let feeds: Vec<Feed> =
            ways.iter().map(|way| Feed::any(*way, self.fault, &mut self.rng)).collect();
        self.done.push(format!("at once: {feeds:?}"));
        let before = self.nodes[to].has.len();
        let news: Vec<Triples> = ways.iter().map(|way| self.news(*way)).collect();
        let nodes = &self.nodes;
        let outcomes: Vec<ImportOutcome> = std::thread::scope(|scope| {
            let run = |feed: &Feed| {
                let (feed, from) = (*feed, nodes[feed.way.from].store());
                let to = nodes[to].store();
                scope.spawn(move || feed.run(to, from, &mut |_| {}))
            };
            let threads: Vec<_> = feeds.iter().map(run).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        news.into_iter().for_each(|news| self.nodes[to].has.extend(news));
        let mut brought = 0;
        for outcome in &outcomes {
            outcome.result.clone().map_err(|error| format!("at once to {to}: {error}"))?;
            brought += outcome.report.imported - outcome.report.overtaken;
        }
        let expected = (self.nodes[to].has.len() - before) as u64;
        self.nodes[to].compare().map_err(|why| format!("at once to {to}: {why}"))?;
        if brought != expected {
            return Err(format!("{brought} came at once to {to}, not {expected}: {outcomes:?}"));
        }
        let durable = self.nodes[to].has.clone();
        self.nodes[to].durable = durable;
        for way in ways {
            self.nodes[way.from].durable = self.nodes[way.from].has.clone();
        }
        Ok(())
    }

    /// Feeds over all ways until nothing comes, which has to happen.
    fn rest(&mut self) -> Result<(), String> {
        for _ in 0..=2 * self.nodes.len() {
            let mut brought = 0;
            for way in self.ways.clone() {
                brought += self.feed(way, End::Whole)?;
            }
            if brought == 0 {
                return self.check_rest();
            }
        }
        Err("the stores do not come to rest".into())
    }

    /// Every store has what its ways let through, and no more than the model says.
    fn check_rest(&self) -> Result<(), String> {
        for (at, node) in self.nodes.iter().enumerate() {
            node.compare().map_err(|why| format!("store {at} at rest: {why}"))?;
            let findings = node.store().verify().map_err(|e| e.to_string())?.findings;
            if !findings.is_empty() {
                return Err(format!("store {at}: verify: {findings:?}"));
            }
        }
        if let Some(way) = self.ways.iter().find(|way| !self.news(**way).is_empty()) {
            return Err(format!("{way:?} has not brought all"));
        }
        let pairs = self.nodes.iter().zip(&self.nodes[1..]).take(SMALL);
        pairs.into_iter().try_for_each(|(one, other)| compare_sets(one, other))
    }
}

/// The report of an import, without where the destination ends.
fn buckets(outcome: &ImportOutcome) -> ImportReport {
    ImportReport { destination_visible: 0, destination_durable: 0, ..outcome.report }
}

/// The sets of two stores differ as the model says.
fn compare_sets(one: &Node, other: &Node) -> Result<(), String> {
    let digests = [one, other].map(|node| node.store().set_digest(&Region::default()));
    let [ours, theirs] = digests.map(|digest| digest.map_err(|e| e.to_string()));
    if (ours? == theirs?) != (one.has == other.has) {
        return Err("equal sets have equal digests, and only they".into());
    }
    let (mut page, mut found) = (DiffPage { page_rows: 50, ..DiffPage::default() }, Vec::new());
    loop {
        let (rows, is_end) = one.store().diff(other.store(), &page).map_err(|e| e.to_string())?;
        page.after = rows.last().cloned();
        let triple = |row: Difference| ((row.namespace, row.event_id, row.content_hash), row.side);
        found.extend(rows.into_iter().map(triple));
        if is_end {
            break;
        }
    }
    found.sort_unstable();
    let less = |all: &Triples, without: &Triples, side| -> Vec<_> {
        let only = all.keys().filter(|triple| !without.contains_key(*triple));
        only.map(|triple| (triple.clone(), side)).collect()
    };
    let mut expected = less(&one.has, &other.has, Side::First);
    expected.extend(less(&other.has, &one.has, Side::Second));
    expected.sort_unstable();
    match found == expected {
        true => Ok(()),
        false => {
            expected.retain(|row| found.binary_search(row).is_err());
            Err(format!("{} differences are listed, without {expected:?}", found.len()))
        }
    }
}

/// A history, and what went wrong in it.
fn history(seed: u64, fault: Fault) -> Result<(), String> {
    let mut world = World::new(seed, fault);
    let steps = world.rng.range(10, 60).max(2 * world.nodes.len() as u64);
    let run = |world: &mut World| (0..steps).try_for_each(|_| world.step());
    run(&mut world)
        .and_then(|()| world.rest())
        .map_err(|why| format!("FBAT_SEED={seed}: {why}\nafter: {}", world.done.join("\n       ")))
}

#[test]
fn stores_that_feed_each_other_have_what_their_ways_let_through_once() {
    let (began, seed) = (Instant::now(), seed_from_env());
    let histories = count_from_env("FBAT_TOPOLOGIES", scaled(10_000));
    let mut failed = 0;
    for number in 0..histories {
        if let Err(why) = history(seed.wrapping_add(number), Fault::None) {
            println!("{why}");
            failed += 1;
        }
        assert!(failed < findings_max() as u64, "{failed} of {} histories failed", number + 1);
    }
    score("histories of stores that feed each other", histories, failed, began);
    assert_eq!(failed, 0, "FBAT_SEED={seed}");
}

#[test]
fn stores_that_are_fed_in_a_wrong_way_are_noticed() {
    for fault in [Fault::BySource, Fault::DropsConflicts] {
        let noticed = (0..200).any(|seed| history(seed, fault).is_err());
        assert!(noticed, "{fault:?} was not noticed");
    }
}
