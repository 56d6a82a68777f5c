//! Stores that feed each other in random shapes: appends, imports by origin with selections and
//! filters, restores to an older copy, copies with and without an id of their own, the same id with
//! other content. The model is an ordered set of triples for each store. After each import the
//! store has what the model says; at rest all ways have brought what they let through, once.
//!
//! `FBAT_SEED` repeats a run, `FBAT_TOPOLOGIES` sets how many histories it makes.

use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions, ImportReport, OnConflict};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::{Event, NewEvent};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

/// Origin, id and content of an event; and its kind, by which ways select.
type Triples = BTreeMap<(String, Id, Hash), u16>;

/// A fault in how stores are fed, which the comparison must notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// Events go by the name of their source.
    BySource,
    /// What contradicts is left out.
    DropsConflicts,
}

/// What a way lets through: kinds of this remainder only; by the filter, or by the region.
#[derive(Clone, Copy, Debug)]
struct Way {
    from: usize,
    to: usize,
    kind: Option<u16>,
    by_filter: bool,
}

impl Way {
    fn lets_through(&self, kind: u16) -> bool {
        self.kind.is_none_or(|only| only == kind)
    }
}

struct Node {
    path: PathBuf,
    store: Option<Store>,
    has: Triples,
    /// The names that it has had as an origin, and the first sequence of each.
    names: Vec<(u64, String)>,
    /// An older copy of the directory, and what it has.
    older: Option<(PathBuf, Triples)>,
}

impl Node {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn triples(&self) -> Result<Triples, String> {
        let mut has = Triples::new();
        for row in rows(self.store()) {
            let triple = match &row.provenance {
                Some(origin) => (origin.namespace.clone(), origin.event_id, row.content_hash),
                None => {
                    let named = self.names.iter().rev().find(|(first, _)| *first <= row.sequence);
                    (named.unwrap().1.clone(), row.id, row.content_hash)
                }
            };
            if let Some(_twice) = has.insert(triple.clone(), row.kind.0) {
                return Err(format!("{triple:?} is there twice"));
            }
        }
        Ok(has)
    }

    fn close(&mut self) {
        self.store.take().unwrap().close().unwrap();
    }

    fn open(&mut self) {
        self.store = Some(open(&self.path, &with_mode(OpenMode::MustExist)));
    }
}

struct World {
    dir: TempDir,
    rng: Rng,
    fault: Fault,
    nodes: Vec<Node>,
    ways: Vec<Way>,
    /// Directories that were made.
    made: usize,
    done: Vec<String>,
}

impl World {
    fn new(seed: u64, fault: Fault) -> World {
        let mut rng = Rng(seed);
        let (dir, count) = (TempDir::in_memory("topology"), rng.range(2, 6) as usize);
        let mut world =
            World { dir, rng, fault, nodes: Vec::new(), ways: Vec::new(), made: 0, done: vec![] };
        for _ in 0..count {
            let path = world.new_path();
            let store = open_quick(&path);
            let names = vec![(0, store.native_namespace())];
            let store = Some(store);
            world.nodes.push(Node { path, store, has: Triples::new(), names, older: None });
        }
        for _ in 0..world.rng.range(count as u64, 3 * count as u64) {
            world.add_way();
        }
        world
    }

    fn add_way(&mut self) {
        let (from, to) = (self.any(), self.any());
        let kind = self.rng.one_in(3).then(|| 0x1000 + self.rng.below(3) as u16);
        if from != to {
            self.ways.push(Way { from, to, kind, by_filter: self.rng.one_in(2) });
        }
    }

    fn any(&mut self) -> usize {
        self.rng.below(self.nodes.len() as u64) as usize
    }

    fn new_path(&mut self) -> PathBuf {
        self.made += 1;
        self.dir.join(&self.made.to_string())
    }

    fn step(&mut self) -> Result<(), String> {
        let at = self.any();
        match self.rng.below(20) {
            0..=7 => self.append(at),
            8..=14 if !self.ways.is_empty() => {
                let way = *self.rng.pick(&self.ways);
                self.feed(way).map(|_| ())?;
            }
            15..=16 => self.keep_copy(at),
            17 => self.restore(at),
            18 if self.nodes.len() < 8 => self.copy(at),
            _ => {
                self.nodes[at].close();
                self.nodes[at].open();
            }
        }
        self.compare(at)
    }

    /// Events of which some have ids that others may have used, too.
    fn append(&mut self, at: usize) {
        for _ in 0..self.rng.range(1, 40) {
            let key = if self.rng.one_in(2) { Id::NONE } else { Id(self.rng.range(1, 30).into()) };
            let kind = 0x1000 + self.rng.below(3) as u16;
            let payload = self.rng.below(1 << 20).to_le_bytes();
            let entity = format!("order:{}", self.rng.below(5));
            let new = NewEvent { key, kind: Kind(kind), ..event(&entity, &payload) };
            let node = &mut self.nodes[at];
            match node.store().append(&new) {
                Ok(receipt) if !receipt.replayed => {
                    let origin = node.store().native_namespace();
                    let content = Hash(*blake3::hash(&payload).as_bytes());
                    node.has.insert((origin, receipt.id, content), kind);
                }
                Ok(_) => {}
                Err(error) => assert_eq!(error.code(), Code::IdempotencyConflict, "{error}"),
            }
        }
        self.done.push(format!("append to {at}"));
    }

    /// Keeps an older copy for a restore, in the place of another.
    fn keep_copy(&mut self, at: usize) {
        let older = self.new_path();
        let node = &mut self.nodes[at];
        node.close();
        copy_dir(&node.path, &older);
        node.open();
        node.older = Some((older, node.has.clone()));
        self.done.push(format!("keep a copy of {at}"));
    }

    fn restore(&mut self, at: usize) {
        let Some((older, has)) = self.nodes[at].older.take() else { return };
        let node = &mut self.nodes[at];
        node.close();
        (node.path, node.has) = (older, has);
        node.open();
        self.done.push(format!("restore {at}"));
    }

    /// Another store that begins as a copy.
    fn copy(&mut self, at: usize) {
        let path = self.new_path();
        let visible = self.nodes[at].store().frontier().unwrap().visible;
        self.nodes[at].close();
        copy_dir(&self.nodes[at].path, &path);
        self.nodes[at].open();
        let is_named = self.rng.one_in(2);
        if is_named {
            new_identity(&path, &quick()).unwrap();
        }
        let Node { has, names, .. } = &self.nodes[at];
        let (has, names) = (has.clone(), names.clone());
        let mut node = Node { path, store: None, has, names, older: None };
        node.open();
        if is_named {
            node.names.push((visible + 1, node.store().native_namespace()));
        }
        self.nodes.push(node);
        self.add_way();
        self.done.push(format!("copy {at}, with an id of its own: {is_named}"));
    }

    /// Imports over a way; how many events that brought.
    fn feed(&mut self, way: Way) -> Result<usize, String> {
        let Way { from, to, kind, by_filter } = way;
        self.done.push(format!("{way:?}"));
        let before = self.nodes[to].has.len();
        let news: Vec<_> = self.nodes[from]
            .has
            .iter()
            .filter(|(triple, kind)| {
                way.lets_through(**kind) && !self.nodes[to].has.contains_key(*triple)
            })
            .map(|(triple, kind)| (triple.clone(), *kind))
            .collect();
        self.nodes[to].has.extend(news);
        let chunk_size = self.rng.range(1, 64) as u32;
        let mut options = self.options(way, chunk_size);
        let mut filter = |event: &Event<'_>| match way.lets_through(event.kind.0) {
            true => Verdict::Keep,
            false => Verdict::Skip,
        };
        if kind.is_none() || by_filter {
            options.filter = Some(&mut filter);
        }
        let (to_store, from_store) = (self.nodes[to].store(), self.nodes[from].store());
        options.dry_run = true;
        let end = to_store.frontier().unwrap().visible;
        let foreseen = to_store.import(from_store, &mut options);
        options.dry_run = false;
        let unchanged = to_store.frontier().unwrap().visible == end;
        let outcome = to_store.import(from_store, &mut options);
        outcome.result.map_err(|error| format!("{way:?}: {error}"))?;
        if !unchanged || buckets(&foreseen.report) != buckets(&outcome.report) {
            let (foreseen, report) = (foreseen, outcome.report);
            return Err(format!("{way:?} was foreseen as {foreseen:?}: {report:?}"));
        }
        let brought = self.nodes[to].has.len() - before;
        if outcome.report.imported != brought as u64 {
            return Err(format!("{way:?} was to bring {brought}: {:?}", outcome.report));
        }
        self.compare(to)?;
        Ok(brought)
    }

    fn options<'a>(&mut self, way: Way, chunk_size: u32) -> ImportOptions<'a> {
        let mut options = ImportOptions {
            identity: ImportIdentity::Origin,
            on_conflict: OnConflict::Keep,
            chunk_size,
            overlap: self.rng.one_in(2),
            ..ImportOptions::default()
        };
        match self.fault {
            Fault::None => {}
            Fault::BySource => {
                options.identity = ImportIdentity::Source;
                options.namespace = self.nodes[way.from].store().native_namespace();
                (options.allow_self, options.allow_other_identity) = (true, true);
            }
            Fault::DropsConflicts => options.on_conflict = OnConflict::Skip,
        }
        if let (Some(kind), false) = (way.kind, way.by_filter) {
            let kinds = vec![KindRange::exact(Kind(kind))];
            options.region = Region { kinds, ..Region::default() };
        }
        options
    }

    fn compare(&self, at: usize) -> Result<(), String> {
        let (has, node) = (self.nodes[at].triples()?, &self.nodes[at]);
        let names = |triples: &Triples| triples.keys().cloned().collect::<BTreeSet<_>>();
        match has == node.has {
            true => Ok(()),
            false => Err(format!(
                "store {at} lacks {:?} and has too much: {:?}",
                names(&node.has).difference(&names(&has)).collect::<Vec<_>>(),
                names(&has).difference(&names(&node.has)).collect::<Vec<_>>(),
            )),
        }
    }

    /// Feeds over all ways until nothing comes, which has to happen.
    fn rest(&mut self) -> Result<(), String> {
        for _ in 0..=2 * self.nodes.len() {
            let mut brought = 0;
            for way in self.ways.clone() {
                brought += self.feed(way)?;
            }
            if brought == 0 {
                return Ok(());
            }
        }
        Err("the stores do not come to rest".into())
    }
}

/// A report, without where the destination ends.
fn buckets(report: &ImportReport) -> ImportReport {
    ImportReport { destination_visible: 0, destination_durable: 0, ..*report }
}

/// A history, and what went wrong in it.
fn history(seed: u64, fault: Fault) -> Result<(), String> {
    let mut world = World::new(seed, fault);
    let steps = world.rng.range(10, 60);
    let run = |world: &mut World| (0..steps).try_for_each(|_| world.step());
    let result = run(&mut world).and_then(|()| world.rest());
    let sound = |world: &World| world.nodes.iter().for_each(|node| assert_sound(node.store()));
    result
        .map(|()| sound(&world))
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
        assert!(failed < findings_max() as u64, "{failed} of {number} histories failed");
    }
    score("histories of stores that feed each other", histories, failed, began);
    assert_eq!(failed, 0);
}

#[test]
fn stores_that_are_fed_in_a_wrong_way_are_noticed() {
    for fault in [Fault::BySource, Fault::DropsConflicts] {
        let noticed = (0..200).any(|seed| history(seed, fault).is_err());
        assert!(noticed, "{fault:?} was not noticed");
    }
}
