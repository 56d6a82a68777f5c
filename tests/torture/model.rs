//! Random operations on three stores and on a model of them that fits in one's head: vectors and a
//! hash map in memory. Whatever the stores answer must be what the model answers.
//!
//! `FBAT_SEED` repeats a run, `FBAT_MODEL_OPS` sets how many operations it makes. Operations come
//! in episodes with stores of their own, so that a plain vector stays good enough as the model.

use crate::common::*;
use fbat::engine::import::{Counts, ImportOptions, ImportReport, ImportRun, OnConflict};
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::model::event::{Cause, Columns, Event, Expect, NewEvent, Receipt};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::key::operation_key;
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::clock::Clock;
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What a difference is: a sentence.
type Checked<T = ()> = Result<T, String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

/// A fault put into the model, which the comparison must notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lie {
    None,
    /// Versions of one entity are one too high.
    Version,
    /// Keys of imported events are not known.
    ImportedKeys,
    /// `e` matches `e2`.
    Prefix,
    /// The recorded time follows the clock back.
    Clock,
    /// An expectation is not looked at.
    Expectation,
}

// ------------------------------------------------------------------------------------ the model

/// All events of a store by sequence, which has no holes here.
struct Model {
    lie: Lie,
    events: Vec<Row>,
    by_id: HashMap<Id, usize>,
    heads: HashMap<String, usize>,
    /// The stores that each namespace has stood for, by their ids.
    names: HashMap<String, Vec<Id>>,
    now_us: i64,
    recorded_us: i64,
}

/// What an append must answer for one item.
#[derive(Clone, Copy)]
enum Answer {
    New,
    /// A replay of the event of this index, which may be one of the same batch.
    Replay(usize),
}

/// Where an import must put an event of the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bucket {
    Reserved,
    Filtered,
    Reimported,
    Deduplicated,
    Conflict,
    Imported,
    /// The filter stops here.
    Stop,
}

impl Model {
    fn new(lie: Lie, genesis: Row) -> Model {
        let recorded_us = genesis.recorded_us;
        let mut model = Model {
            lie,
            events: Vec::new(),
            by_id: HashMap::new(),
            heads: HashMap::new(),
            names: HashMap::new(),
            now_us: recorded_us,
            recorded_us,
        };
        model.push(genesis);
        model
    }

    /// Takes in an event; its hash is worked out from all the rest.
    fn push(&mut self, mut row: Row) {
        let at = self.events.len();
        row.event_hash = event_hash(&row);
        self.heads.insert(row.entity.clone(), at);
        if self.lie != Lie::ImportedKeys || row.provenance.is_none() {
            self.by_id.insert(row.id, at);
        }
        self.events.push(row);
    }

    fn version(&self, entity: &str) -> u64 {
        let lie = u64::from(self.lie == Lie::Version && entity == "account:7");
        self.heads.get(entity).map_or(0, |at| self.events[*at].version) + lie
    }

    /// What `append_batch` must answer: for each item, or the code and item of its error.
    fn predict(&self, batch: &[NewEvent<'_>]) -> Result<Vec<Answer>, (Code, usize)> {
        for (item, new) in batch.iter().enumerate() {
            let faults = [
                (new.entity.contains('/'), Code::InvalidCoordinate),
                (new.kind.is_reserved(), Code::ReservedKind),
                (
                    new.extensions.iter().any(|(key, _)| key.starts_with("batpak.")),
                    Code::ReservedExtension,
                ),
                (matches!(new.cause, Cause::Item(of) if of >= item), Code::InvalidArgument),
            ];
            if let Some((_, code)) = faults.iter().find(|(wrong, _)| *wrong) {
                return Err((*code, item));
            }
        }
        let mut answers = Vec::with_capacity(batch.len());
        let mut added: HashMap<&str, u64> = HashMap::new();
        let mut staged: HashMap<Id, (usize, &NewEvent<'_>)> = HashMap::new();
        let mut next = self.events.len();
        for (item, new) in batch.iter().enumerate() {
            let there = self.by_id.get(&new.key).map(|at| (*at, content_of(&self.events[*at])));
            let there = there.or_else(|| staged.get(&new.key).map(|(at, n)| (*at, content(n))));
            if let Some((at, same)) = there.filter(|_| !new.key.is_none()) {
                if same != content(new) {
                    return Err((Code::IdempotencyConflict, item));
                }
                answers.push(Answer::Replay(at));
                continue;
            }
            let version = self.version(new.entity) + added.get(new.entity).unwrap_or(&0);
            let holds = match new.expect {
                Expect::Any => true,
                Expect::Absent => version == 0,
                Expect::Present => version > 0,
                Expect::Version(n) => version == n,
            };
            if !holds && self.lie != Lie::Expectation {
                return Err((Code::VersionConflict, item));
            }
            *added.entry(new.entity).or_default() += 1;
            if !new.key.is_none() {
                staged.insert(new.key, (next, new));
            }
            next += 1;
            answers.push(Answer::New);
        }
        Ok(answers)
    }

    /// The row that the next event of `entity` must become, with what the event itself brings left
    /// open.
    fn next_row(&self, entity: &str) -> Row {
        let genesis = &self.events[0];
        let head = self.heads.get(entity).map_or(genesis, |at| &self.events[*at]);
        Row {
            sequence: self.events.len() as u64 + 1,
            version: self.version(entity) + 1,
            entity: entity.to_owned(),
            recorded_us: self.recorded_us,
            previous_hash: Some(head.event_hash),
            causation: Id::NONE,
            provenance: None,
            event_hash: Hash::ZERO,
            ..genesis.clone()
        }
    }

    fn tick(&mut self, now_us: i64) {
        self.now_us = now_us;
        self.recorded_us = match self.lie {
            Lie::Clock => now_us,
            _ => self.recorded_us.max(now_us),
        };
    }

    fn holds(&self, region: &Region, row: &Row) -> bool {
        let below = |entity: &String| match row.entity.strip_prefix(entity.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with(':') || self.lie == Lie::Prefix,
            None => false,
        };
        region.entity.as_ref().is_none_or(below)
            && (region.scopes.is_empty() || region.scopes.contains(&row.scope))
            && region.versions.is_none_or(|(low, high)| low <= row.version && row.version <= high)
            && (region.kinds.is_empty()
                || region.kinds.iter().any(|k| (k.first..=k.last).contains(&row.kind)))
    }

    /// The events that a query must find, one more than its limit at most.
    fn find<'a>(&'a self, query: &'a Query) -> Vec<&'a Row> {
        let until = if query.until == 0 { u64::MAX } else { query.until };
        let end = self.events.len().min(until.min(usize::MAX as u64) as usize);
        let start = end.min(query.after.min(usize::MAX as u64) as usize);
        let wanted = |row: &&Row| {
            (query.system || row.kind.category() != 0) && self.holds(&query.region, row)
        };
        let most = query.page_rows + 1;
        if query.backward {
            return self.events[start..end].iter().rev().filter(wanted).take(most).collect();
        }
        self.events[start..end].iter().filter(wanted).take(most).collect()
    }

    /// Where each event of `source` must go, in order, until the filter stops or a conflict ends
    /// it.
    fn sort(
        &self,
        source: &Model,
        plan: &Plan,
        (own_id, source_id): (Id, Id),
    ) -> Vec<(u64, Bucket)> {
        let mut sorted = Vec::new();
        let given = source.names.get(&plan.namespace).is_some_and(|ids| ids.contains(&own_id));
        // What this import brings, by its id here.
        let mut brought: HashMap<Id, &Row> = HashMap::new();
        let is_own = |row: &Row, brought: &HashMap<Id, &Row>| {
            let of = row.provenance.as_ref().filter(|of| of.namespace == plan.namespace);
            if own_id == source_id {
                return of.is_some();
            }
            let Some(of) = of.filter(|_| given) else { return false };
            let here = self.by_id.get(&of.event_id).map(|at| &self.events[*at]);
            let here = here.or_else(|| brought.get(&of.event_id).copied());
            here.is_some_and(|here| content_of(here) == content_of(row))
        };
        let start = source.events.len().min(plan.after as usize);
        for row in source.events[start..].iter().filter(|row| source.holds(&plan.region, row)) {
            let verdict = plan.filter.judge(row.sequence, row.flags);
            let bucket = if row.kind.is_reserved() {
                Bucket::Reserved
            } else if verdict == Verdict::Skip {
                Bucket::Filtered
            } else if verdict != Verdict::Keep {
                Bucket::Stop
            } else if is_own(row, &brought) {
                Bucket::Reimported
            } else {
                match self.by_id.get(&import_id(&plan.namespace, row.id)) {
                    Some(at) if content_of(&self.events[*at]) == content_of(row) => {
                        Bucket::Deduplicated
                    }
                    Some(_) => Bucket::Conflict,
                    None => {
                        brought.insert(import_id(&plan.namespace, row.id), row);
                        Bucket::Imported
                    }
                }
            };
            sorted.push((row.sequence, bucket));
            if bucket == Bucket::Stop
                || (bucket == Bucket::Conflict && plan.on_conflict == OnConflict::Fail)
            {
                break;
            }
        }
        sorted
    }

    /// Takes in the record that the first event of a namespace and a store comes with.
    fn name(&mut self, namespace: &str, store: Id) {
        let stores = self.names.entry(namespace.to_owned()).or_default();
        if stores.contains(&store) {
            return;
        }
        let number = stores.len() as u64;
        stores.push(store);
        let (namespace, store_id) = (namespace.to_owned(), store.to_string());
        let key = [namespace.as_bytes(), &number.to_le_bytes()[..]];
        let said = NamespaceEvent { namespace: namespace.clone(), store_id, mode: "source".into() };
        let payload = rmp_serde::to_vec_named(&said).unwrap();
        let row = Row {
            id: operation_key(b"fbat.namespace", key.into_iter()),
            kind: Kind(0x0005),
            timestamp_us: self.now_us,
            payload_len: payload.len(),
            content_hash: Hash(*blake3::hash(&payload).as_bytes()),
            payload,
            ..self.next_row("=store")
        };
        self.push(row);
    }

    /// Takes in the record of a run, which says what the report does.
    fn ran(&mut self, payload: Vec<u8>, id: Id, report: &ImportReport) -> Checked {
        let run = ImportRun::decode(&payload).ok_or("the record of the import is not one")?;
        let Counts { imported, deduplicated, conflicts, .. } = run.counts;
        let counts = (report.imported, report.deduplicated, report.conflicts);
        ensure!((imported, deduplicated, conflicts) == counts, "it counts {:?}", run.counts);
        ensure!(run.watermark >= report.source_high_watermark, "it ends at {}", run.watermark);
        let row = Row {
            id,
            kind: Kind(0x0003),
            timestamp_us: self.now_us,
            payload_len: payload.len(),
            content_hash: Hash(*blake3::hash(&payload).as_bytes()),
            payload,
            ..self.next_row("=store")
        };
        self.push(row);
        Ok(())
    }

    /// The row that an imported event must become.
    fn imported_row(&self, from: &Row, namespace: &str) -> Row {
        Row {
            id: import_id(namespace, from.id),
            sequence: self.events.len() as u64 + 1,
            version: self.version(&from.entity) + 1,
            recorded_us: self.recorded_us,
            causation: Id::NONE,
            event_hash: Hash::ZERO,
            previous_hash: self.next_row(&from.entity).previous_hash,
            provenance: Some(Origin {
                schema_version: 1,
                namespace: namespace.to_owned(),
                event_id: from.id,
                sequence: from.sequence,
                kind: from.kind,
                content_hash: from.content_hash,
            }),
            ..from.clone()
        }
    }
}

#[derive(serde::Serialize)]
struct NamespaceEvent {
    namespace: String,
    store_id: String,
    mode: String,
}

/// What makes two events with the same key the same.
fn content<'a>(new: &NewEvent<'a>) -> (&'a str, &'a str, Kind, &'a [u8]) {
    (new.entity, new.scope, new.kind, new.payload)
}

fn content_of(row: &Row) -> (&str, &str, Kind, &[u8]) {
    (&row.entity, &row.scope, row.kind, &row.payload)
}

/// What differs between an event of the store and a row of the model, the columns asked for given.
fn difference(e: &Event<'_>, row: &Row, columns: Columns) -> Option<&'static str> {
    let provenance = match e.provenance() {
        Ok(provenance) => provenance,
        Err(_) => return Some("provenance, which is unreadable"),
    };
    let payload: &[u8] = if columns.payload { &row.payload } else { &[] };
    let extensions = if columns.extensions { &row.extensions[..] } else { &[] };
    let previous_hash = row.previous_hash.filter(|_| columns.previous_hash);
    let checks = [
        (e.id == row.id, "id"),
        (e.sequence == row.sequence, "sequence"),
        (
            e.entity == row.entity && e.scope == row.scope && e.kind == row.kind,
            "coordinate or kind",
        ),
        (e.version == row.version, "version"),
        (e.timestamp_us == row.timestamp_us, "timestamp"),
        (e.recorded_us == row.recorded_us, "recorded time"),
        (
            e.flags == row.flags && e.payload_version == row.payload_version,
            "flags or payload version",
        ),
        (
            e.correlation == row.correlation && e.causation == row.causation,
            "correlation or causation",
        ),
        (e.payload == payload && e.payload_len == row.payload_len, "payload"),
        (
            e.extensions.iter().eq(extensions.iter().map(|(k, v)| (k.as_str(), v.as_slice()))),
            "extensions",
        ),
        (e.content_hash() == row.content_hash, "content hash"),
        (e.event_hash == row.event_hash, "event hash"),
        (e.previous_hash == previous_hash, "previous hash"),
        (provenance.map(Origin::from) == row.provenance, "provenance"),
    ];
    checks.iter().find(|(same, _)| !same).map(|(_, what)| *what)
}

// ------------------------------------------------------------------------------------ what is
// tried

/// A filter that a number determines.
#[derive(Clone, Copy, Debug)]
enum Filter {
    None,
    /// Keeps those whose sequence and flags, hashed, fall into this share of 8.
    Share(u64),
    /// Stops at this sequence, if it gets there.
    StopAt(u64, i32),
}

impl Filter {
    fn judge(self, sequence: u64, flags: u32) -> Verdict {
        match self {
            Filter::None => Verdict::Keep,
            Filter::Share(share) if Rng(sequence ^ u64::from(flags) << 32).below(8) < share => {
                Verdict::Keep
            }
            Filter::Share(_) => Verdict::Skip,
            Filter::StopAt(at, status) if sequence == at => Verdict::Stop(status),
            Filter::StopAt(..) => Verdict::Keep,
        }
    }
}

/// An import to make.
#[derive(Clone, Debug)]
struct Plan {
    namespace: String,
    region: Region,
    after: u64,
    chunk_size: u32,
    on_conflict: OnConflict,
    filter: Filter,
}

/// What an item of a batch is made of, owned.
#[derive(Clone, Debug)]
struct Item {
    entity: String,
    scope: &'static str,
    kind: Kind,
    payload: Vec<u8>,
    key: Id,
    expect: Expect,
    timestamp_us: Option<i64>,
    flags: u32,
    payload_version: u16,
    correlation: Id,
    cause: Cause,
    extensions: Vec<(&'static str, Vec<u8>)>,
}

const ENTITIES: [&str; 10] =
    ["account", "account:7", "account:8", "account:7:x", "account2", "b", "b:", "b:c", "ß", "z"];
const SCOPES: [&str; 3] = ["bank", "ban", "tenant 2"];
const KINDS: [Kind; 6] =
    [Kind(0x1000), Kind(0x1001), Kind(0x1fff), Kind(0x2001), Kind(0xcabc), Kind(0xffff)];
const NAMESPACES: [&str; 3] = ["north", "south", "n"];
const KEYS: u64 = 4000;
const BIG_STORE: usize = 12_000;

fn any_region(rng: &mut Rng) -> Region {
    let mut region = Region::default();
    if rng.one_in(2) {
        region.entity = Some((*rng.pick(&ENTITIES)).to_owned());
    }
    if rng.one_in(4) {
        let scopes = (0..rng.range(1, 2)).map(|_| (*rng.pick(&SCOPES)).to_owned());
        region.scopes = scopes.collect();
    }
    if rng.one_in(4) {
        let many = rng.range(1, 2) as usize;
        let kind = |_| match (rng.pick(&KINDS), rng.one_in(2)) {
            (kind, true) => KindRange::exact(*kind),
            (kind, false) => KindRange::category(kind.category()),
        };
        region.kinds = (0..many).map(kind).collect();
    }
    if rng.one_in(4) {
        let low = rng.below(300);
        region.versions = Some((low, low + rng.below(300)));
    }
    region.canonical()
}

fn any_item(rng: &mut Rng, model: &Model, batch_so_far: usize) -> Item {
    let mut item = Item {
        entity: match rng.below(12) {
            0 => format!("rare:{}", rng.below(500)),
            _ => (*rng.pick(&ENTITIES)).to_owned(),
        },
        scope: rng.pick::<&'static str>(&SCOPES),
        kind: *rng.pick(&KINDS),
        payload: Vec::new(),
        key: Id::NONE,
        expect: Expect::Any,
        timestamp_us: rng.one_in(3).then(|| rng.next() as i64),
        flags: if rng.one_in(2) { 0 } else { rng.next() as u32 },
        payload_version: if rng.one_in(2) { 0 } else { rng.next() as u16 },
        correlation: if rng.one_in(3) { Id(u128::from(rng.next()) << 70) } else { Id::NONE },
        cause: Cause::None,
        extensions: Vec::new(),
    };
    let length = match rng.below(100) {
        0..=49 => rng.below(12),
        50..=98 => rng.below(250),
        _ => rng.below(9000),
    };
    item.payload = rng.bytes(length as usize);
    if rng.one_in(4) {
        item.extensions.push(("trace.id", item.payload.iter().take(9).copied().collect()));
        if rng.one_in(3) {
            item.extensions.push(("app.empty", Vec::new()));
        }
    }
    match rng.below(10) {
        0..=4 => {}
        // A key that may be there with other content.
        5..=7 => item.key = Id(u128::from(rng.below(KEYS)) << 100 | 1),
        // The content of an event that is there, under its key: a replay; or nearly its content.
        _ => {
            let there = rng.pick(&model.events);
            (item.key, item.entity, item.kind) = (there.id, there.entity.clone(), there.kind);
            item.payload = there.payload.clone();
            item.scope = SCOPES.iter().find(|s| **s == there.scope).unwrap_or(&"bank");
            if rng.one_in(4) {
                item.payload.push(0);
            }
            if there.kind.is_reserved() || there.scope.starts_with('=') {
                (item.key, item.entity, item.kind) = (Id::NONE, "z".into(), KINDS[0]);
            }
        }
    }
    let version = model.version(&item.entity);
    item.expect = match rng.below(20) {
        0 if version == 0 => Expect::Absent,
        1 | 2 if version > 0 => Expect::Present,
        3 | 4 => Expect::Version(version),
        5 => *rng.pick(&[
            Expect::Absent,
            Expect::Present,
            Expect::Version(version + 1),
            Expect::Version(u64::MAX),
        ]),
        _ => Expect::Any,
    };
    item.cause = match rng.below(8) {
        0 => Cause::Event(rng.pick(&model.events).id),
        1 if batch_so_far > 0 => Cause::Item(rng.below(batch_so_far as u64) as usize),
        _ => Cause::None,
    };
    item
}

/// Makes one item of the batch wrong in a way that shows without the store.
fn spoil(rng: &mut Rng, items: &mut [Item]) {
    let at = rng.below(items.len() as u64) as usize;
    match rng.below(4) {
        0 => items[at].entity = "a/b".into(),
        1 => items[at].kind = Kind(*rng.pick(&[0x0001, 0x0fff, 0xd000, 0xdfff])),
        2 => items[at].extensions.push(("batpak.import.provenance", b"forged".to_vec())),
        _ => items[at].cause = Cause::Item(at + rng.below(3) as usize),
    }
}

// ------------------------------------------------------------------------------------ one episode

/// What a run did.
#[derive(Default, Debug)]
struct Tally {
    operations: u64,
    appended: u64,
    replayed: u64,
    refused: u64,
    queried: u64,
    imports: u64,
    imported: u64,
    deduplicated: u64,
    conflicts: u64,
    stopped: u64,
    reopened: u64,
    verified: u64,
    segments: u64,
}

struct Subject {
    path: PathBuf,
    store: Store,
    model: Model,
    durability: Durability,
    entropy: Arc<TestEntropy>,
}

struct Episode {
    rng: Rng,
    clock: Arc<TestClock>,
    subjects: Vec<Subject>,
    tally: Tally,
    _dir: TempDir,
}

impl Subject {
    fn options(&self, clock: &Arc<TestClock>, mode: OpenMode) -> Options {
        let entropy = self.entropy.clone();
        Options { mode, durability: self.durability, clock: clock.clone(), entropy, ..quick() }
    }
}

impl Episode {
    fn new(seed: u64, lie: Lie) -> Checked<Episode> {
        let dir = TempDir::in_memory("model");
        let clock = TestClock::at(EPOCH_US);
        let mut subjects = Vec::new();
        for n in 0..3 {
            let entropy = TestEntropy::seeded(seed ^ (n + 1) << 56);
            let options = Options { clock: clock.clone(), entropy: entropy.clone(), ..quick() };
            let path = dir.join(&format!("store{n}"));
            let store = Store::open(&path, &options).map_err(|e| format!("creating: {e}"))?;
            let genesis = rows_with_system(&store).remove(0);
            ensure!(genesis.sequence == 1, "the genesis event has sequence {}", genesis.sequence);
            let model = Model::new(lie, genesis);
            subjects.push(Subject { path, store, model, durability: Durability::Os, entropy });
        }
        Ok(Episode { rng: Rng(seed), clock, subjects, tally: Tally::default(), _dir: dir })
    }

    /// Makes `operations` of them and compares everything at the end.
    fn run(&mut self, operations: u64) -> Checked {
        for number in 0..operations {
            self.step().map_err(|e| format!("operation {number}: {e}"))?;
            self.tally.operations += 1;
        }
        for at in 0..self.subjects.len() {
            self.compare_all(at)?;
            self.reopen(at)?;
            self.compare_all(at)?;
            self.verify(at)?;
            self.tally.segments +=
                self.subjects[at].store.stats().map_err(|e| e.to_string())?.segments;
        }
        Ok(())
    }

    fn step(&mut self) -> Checked {
        let at = self.rng.below(3) as usize;
        if self.rng.one_in(4) {
            let jump =
                if self.rng.one_in(20) { -60_000_000 } else { self.rng.below(2_000_000) as i64 };
            self.clock.advance(jump);
        }
        match self.rng.below(1000) {
            0..=449 => self.append(at),
            450..=679 => self.query(at),
            680..=849 => self.get(at),
            850..=949 => self.head(at),
            950..=979 => self.frontier(at),
            980..=991 => self.import(at),
            992..=994 => self.read_only(at),
            995..=997 => self.sync(at),
            998 => self.reopen(at),
            _ if self.rng.one_in(5) => self.verify(at),
            _ => self.frontier(at),
        }
    }

    fn append(&mut self, at: usize) -> Checked {
        let rng = &mut self.rng;
        let Subject { store, model, durability, .. } = &mut self.subjects[at];
        let count = match rng.below(40) {
            0..=23 => 1,
            24..=38 => 1 + rng.below(8),
            _ => 1 + rng.below(60),
        };
        let mut items: Vec<Item> = Vec::new();
        for _ in 0..count {
            let item = any_item(rng, model, items.len());
            items.push(item);
        }
        if rng.one_in(30) {
            // The same key twice.
            items.push(items[0].clone());
        }
        if rng.one_in(40) {
            spoil(rng, &mut items);
        }
        let extensions: Vec<Vec<(&str, &[u8])>> = items
            .iter()
            .map(|i| i.extensions.iter().map(|(k, v)| (*k, v.as_slice())).collect())
            .collect();
        let batch: Vec<NewEvent<'_>> =
            items.iter().zip(&extensions).map(|(i, x)| i.event(x)).collect();

        let expected = model.predict(&batch);
        let answer = store.append_batch(&batch);
        match (expected, answer) {
            (Err((code, item)), Err(error)) => {
                self.tally.refused += 1;
                ensure!(
                    (error.code(), error.item) == (code, Some(item)),
                    "append: {code:?} for item {item} was expected, the answer is {:?} for {:?}: \
                    {error}",
                    error.code(),
                    error.item
                );
                Ok(())
            }
            (Ok(answers), Ok(receipts)) => {
                let durable = *durability == Durability::Durable;
                if answers.iter().any(|answer| matches!(answer, Answer::New)) {
                    model.tick(self.clock.now_us());
                }
                let new = record(model, &batch, &answers, &receipts, durable)?;
                self.tally.appended += new;
                self.tally.replayed += answers.len() as u64 - new;
                Ok(())
            }
            (Ok(_), Err(error)) => Err(format!("append of {batch:?} failed: {error}")),
            (Err(expected), Ok(_)) => {
                Err(format!("append of {batch:?} succeeded, {expected:?} was expected"))
            }
        }
    }

    fn query(&mut self, at: usize) -> Checked {
        let rng = &mut self.rng;
        let Subject { store, model, .. } = &self.subjects[at];
        let last = model.events.len() as u64 + 2;
        let mut query = Query {
            region: any_region(rng),
            after: if rng.one_in(2) { 0 } else { rng.below(last) },
            until: if rng.one_in(2) { 0 } else { rng.below(last) },
            limit: u64::MAX,
            page_rows: if rng.one_in(50) { 2000 } else { rng.range(1, 30) as usize },
            backward: rng.one_in(2),
            system: rng.one_in(4),
            columns: Columns {
                payload: rng.one_in(2),
                extensions: rng.one_in(2),
                previous_hash: rng.one_in(3),
            },
        };
        self.tally.queried += 1;
        for _ in 0..rng.range(1, 3) {
            let Some(next) = compare_page(store, model, &query)? else {
                return Ok(());
            };
            *(if query.backward { &mut query.until } else { &mut query.after }) = next;
        }
        Ok(())
    }

    fn get(&mut self, at: usize) -> Checked {
        let Subject { store, model, .. } = &self.subjects[at];
        let known = self.rng.pick(&model.events).id;
        let id = match self.rng.below(4) {
            0 => Id(u128::from(self.rng.below(KEYS)) << 100 | 1),
            1 => Id(known.0 ^ 1 << self.rng.below(128)),
            _ => known,
        };
        let expected = model.by_id.get(&id).map(|at| &model.events[*at]);
        let page = store.get(id, Columns::ALL).map_err(|e| format!("get {id}: {e}"))?;
        match (&page, expected) {
            (None, None) => Ok(()),
            (Some(page), Some(row)) if page.len() == 1 => {
                match difference(&page.get(0), row, Columns::ALL) {
                    None => Ok(()),
                    Some(what) => Err(format!("get {id}: {what}; {:?} for {row:?}", page.get(0))),
                }
            }
            _ => {
                Err(format!("get {id}: found {}, expected {}", page.is_some(), expected.is_some()))
            }
        }
    }

    fn head(&mut self, at: usize) -> Checked {
        let Subject { store, model, .. } = &self.subjects[at];
        let entity = match self.rng.below(3) {
            0 => format!("rare:{}", self.rng.below(500)),
            _ => (*self.rng.pick(&ENTITIES)).to_owned(),
        };
        let head = store.head(&entity).map_err(|e| format!("head {entity}: {e}"))?;
        let found = head.map(|h| (h.version, h.sequence, h.event_id, h.event_hash));
        let row = model.heads.get(&entity).map(|at| &model.events[*at]);
        let expected = row.map(|r| (r.version, r.sequence, r.id, r.event_hash));
        ensure!(found == expected, "head {entity}: {found:?}, expected {expected:?}");
        Ok(())
    }

    fn frontier(&mut self, at: usize) -> Checked {
        let Subject { store, model, .. } = &self.subjects[at];
        let frontier = store.frontier().map_err(|e| e.to_string())?;
        let count = model.events.len() as u64;
        ensure!(frontier.visible == count, "frontier {frontier:?}, expected {count}");
        ensure!(frontier.durable <= frontier.visible, "frontier {frontier:?}");
        let stats = store.stats().map_err(|e| e.to_string())?;
        ensure!(stats.events == count, "{stats:?}, expected {count} events");
        Ok(())
    }

    fn sync(&mut self, at: usize) -> Checked {
        let frontier = self.subjects[at].store.sync().map_err(|e| format!("sync: {e}"))?;
        ensure!(frontier.durable == frontier.visible, "after sync: {frontier:?}");
        self.frontier(at)
    }

    fn reopen(&mut self, at: usize) -> Checked {
        let subject = &mut self.subjects[at];
        subject.store.close().map_err(|e| format!("close: {e}"))?;
        let durable = self.rng.one_in(8);
        subject.durability = if durable { Durability::Durable } else { Durability::Os };
        let mode = if self.rng.one_in(2) { OpenMode::MustExist } else { OpenMode::CreateIfMissing };
        let options = subject.options(&self.clock, mode);
        subject.store = Store::open(&subject.path, &options).map_err(|e| format!("open: {e}"))?;
        let report = subject.store.open_report();
        let clean = !report.unclean
            && report.dropped_bytes == 0
            && report.gap_first == 0
            && !report.created;
        ensure!(clean, "opened after close: {report:?}");
        self.tally.reopened += 1;
        self.frontier(at)
    }

    /// A reader beside the writer sees the same.
    fn read_only(&mut self, at: usize) -> Checked {
        let subject = &self.subjects[at];
        let options = subject.options(&self.clock, OpenMode::ReadOnly);
        let reader =
            Store::open(&subject.path, &options).map_err(|e| format!("open for reading: {e}"))?;
        let visible = reader.frontier().map_err(|e| e.to_string())?.visible;
        ensure!(visible == subject.model.events.len() as u64, "the reader sees {visible}");
        let query = Query {
            region: any_region(&mut self.rng),
            page_rows: 40,
            backward: self.rng.one_in(2),
            columns: Columns::ALL,
            ..Query::default()
        };
        compare_page(&reader, &subject.model, &query)?;
        reader.close().map_err(|e| e.to_string())
    }

    fn verify(&mut self, at: usize) -> Checked {
        let Subject { store, model, .. } = &self.subjects[at];
        let report = store.verify().map_err(|e| format!("verify: {e}"))?;
        ensure!(report.findings.is_empty(), "verify found {:?}", report.findings);
        ensure!(report.events == model.events.len() as u64, "verify saw {} events", report.events);
        self.tally.verified += 1;
        Ok(())
    }

    fn compare_all(&mut self, at: usize) -> Checked {
        let Subject { store, model, .. } = &self.subjects[at];
        let mut query =
            Query { system: true, page_rows: 5000, columns: Columns::ALL, ..Query::default() };
        while let Some(next) = compare_page(store, model, &query)? {
            query.after = next;
        }
        let found = store.log_hash().map_err(|e| format!("log hash: {e}"))?;
        let expected = log_hash(store.store_id(), model.events.iter());
        ensure!(found == expected, "log hash {found}, expected {expected}");
        Ok(())
    }

    fn import(&mut self, at: usize) -> Checked {
        let rng = &mut self.rng;
        let from = rng.below(3) as usize;
        if self.subjects[at].model.events.len() > BIG_STORE {
            return Ok(());
        }
        let length = self.subjects[from].model.events.len() as u64;
        let plan = Plan {
            namespace: (*rng.pick(&NAMESPACES)).to_owned(),
            region: if rng.one_in(2) { any_region(rng) } else { Region::default() },
            after: if rng.one_in(4) && length < 3000 {
                0
            } else {
                length - length.min(rng.below(600))
            },
            chunk_size: *rng.pick(&[0, 1, 7, 64, 256, 100_000]),
            on_conflict: if rng.one_in(3) { OnConflict::Fail } else { OnConflict::Skip },
            filter: match rng.below(4) {
                0 => Filter::Share(rng.below(9)),
                1 => Filter::StopAt(
                    length - length.min(rng.below(400)),
                    -1 - rng.below(1 << 31) as i32,
                ),
                _ => Filter::None,
            },
        };
        let (destination, source) = (&self.subjects[at], &self.subjects[from]);
        let (own_id, source_id) = (destination.store.store_id(), source.store.store_id());
        let sorted = destination.model.sort(&source.model, &plan, (own_id, source_id));
        let before = destination.model.events.len() as u64;
        let names = destination.model.names.get(&plan.namespace);
        let known = names.is_some_and(|ids| ids.contains(&source_id));
        let (report, ended) = make(&plan, &destination.store, &source.store)?;
        let kept = check_report(
            &plan,
            &sorted,
            &report,
            ended,
            (before, known),
            source.model.events.len() as u64,
        )
        .map_err(|e| format!("import {plan:?} from {from} into {at}: {e}; {report:?}"))?;

        let arrived: Vec<Row> = kept
            .iter()
            .map(|sequence| source.model.events[*sequence as usize - 1].clone())
            .collect();
        let Subject { store, model, .. } = &mut self.subjects[at];
        if !arrived.is_empty() {
            model.tick(self.clock.now_us());
            model.name(&plan.namespace, source_id);
        }
        for row in &arrived {
            let new = model.imported_row(row, &plan.namespace);
            model.push(new);
        }
        if !arrived.is_empty() {
            let (after, columns) = (report.destination_visible - 1, Columns::ALL);
            let last = Query { after, system: true, columns, ..Query::default() };
            let last = read_pages(store, &last).pop().expect("the import brought something");
            model.ran(last.payload, last.id, &report).map_err(|e| format!("{plan:?}: {e}"))?;
        }
        compare_from(store, model, before).map_err(|e| format!("after import {plan:?}: {e}"))?;
        self.tally.imports += 1;
        self.tally.imported += report.imported;
        self.tally.deduplicated += report.deduplicated;
        self.tally.conflicts += report.conflicts;
        self.tally.stopped += u64::from(ended.is_some());
        Ok(())
    }
}

impl Item {
    fn event<'a>(&'a self, extensions: &'a [(&'a str, &'a [u8])]) -> NewEvent<'a> {
        NewEvent {
            entity: &self.entity,
            scope: self.scope,
            kind: self.kind,
            payload: &self.payload,
            key: self.key,
            expect: self.expect,
            timestamp_us: self.timestamp_us,
            flags: self.flags,
            payload_version: self.payload_version,
            correlation: self.correlation,
            cause: self.cause,
            extensions,
        }
    }
}

/// Compares receipts with what was predicted, and takes the new events into the model. Returns how
/// many.
fn record(
    model: &mut Model,
    batch: &[NewEvent<'_>],
    answers: &[Answer],
    receipts: &[Receipt],
    durable: bool,
) -> Checked<u64> {
    ensure!(
        receipts.len() == batch.len(),
        "{} receipts for {} events",
        receipts.len(),
        batch.len()
    );
    let mut new_events = 0;
    for (item, ((new, answer), receipt)) in batch.iter().zip(answers).zip(receipts).enumerate() {
        if let Answer::New = answer {
            let fresh = !new.key.is_none()
                || (!model.by_id.contains_key(&receipt.id) && !receipt.id.is_none());
            ensure!(fresh, "item {item}: the new id {} is not new", receipt.id);
            let row = Row {
                id: if new.key.is_none() { receipt.id } else { new.key },
                scope: new.scope.to_owned(),
                kind: new.kind,
                timestamp_us: new.timestamp_us.unwrap_or(model.now_us),
                flags: new.flags,
                payload_version: new.payload_version,
                correlation: new.correlation,
                causation: match new.cause {
                    Cause::None => Id::NONE,
                    Cause::Event(id) => id,
                    Cause::Item(of) => receipts[of].id,
                },
                payload: new.payload.to_vec(),
                payload_len: new.payload.len(),
                extensions: new
                    .extensions
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), v.to_vec()))
                    .collect(),
                content_hash: Hash(*blake3::hash(new.payload).as_bytes()),
                ..model.next_row(new.entity)
            };
            model.push(row);
            new_events += 1;
        }
        let row = match answer {
            Answer::New => model.events.last().unwrap(),
            Answer::Replay(at) => &model.events[*at],
        };
        let expected = Receipt {
            id: row.id,
            sequence: row.sequence,
            version: row.version,
            timestamp_us: row.timestamp_us,
            recorded_us: row.recorded_us,
            content_hash: row.content_hash,
            event_hash: row.event_hash,
            previous_hash: row.previous_hash.unwrap(),
            replayed: matches!(answer, Answer::Replay(_)),
            durable: receipt.durable,
            imported: row.provenance.is_some(),
        };
        ensure!(*receipt == expected, "item {item}: {receipt:?}, expected {expected:?}");
        ensure!(receipt.durable || !durable, "item {item} is not durable");
    }
    Ok(new_events)
}

/// Compares everything after a sequence with the model.
fn compare_from(store: &Store, model: &Model, after: u64) -> Checked {
    let columns = Columns::ALL;
    let mut query = Query { after, system: true, limit: 5000, columns, ..Query::default() };
    while let Some(next) = compare_page(store, model, &query)? {
        query.after = next;
    }
    Ok(())
}

/// Reads one page and compares it with the model; returns where the next begins, if there is one.
fn compare_page(store: &Store, model: &Model, query: &Query) -> Checked<Option<u64>> {
    let page = store.query(query).map_err(|e| format!("{query:?}: {e}"))?;
    let expected = model.find(query);
    let rows = expected.len().min(query.page_rows);
    ensure!(page.len() == rows, "{query:?}: {} rows, expected {rows}", page.len());
    for (e, row) in page.iter().zip(&expected) {
        if let Some(what) = difference(&e, row, query.columns) {
            return Err(format!(
                "{query:?}: the {what} of sequence {}: {e:?}, expected {row:?}",
                row.sequence
            ));
        }
    }
    ensure!(!page.end || expected.len() <= query.page_rows, "{query:?}: the end comes too soon");
    ensure!(
        page.end || page.len() == query.page_rows,
        "{query:?}: a short page that is not the last"
    );
    let more = expected.get(query.page_rows).map(|row| row.sequence);
    match (page.end, query.backward, more) {
        (true, ..) | (_, _, None) => Ok(None),
        (false, false, Some(next)) if query.after < page.next && page.next < next => {
            Ok(Some(page.next))
        }
        (false, true, Some(next)) if page.next >= next => Ok(Some(page.next)),
        _ => Err(format!("{query:?}: goes on at {}, the next event is {more:?}", page.next)),
    }
}

/// Runs the import; returns its report, and its error if it ended with one.
fn make(
    plan: &Plan,
    destination: &Store,
    source: &Store,
) -> Checked<(ImportReport, Option<(Code, i32)>)> {
    let chosen = plan.filter;
    let mut filter = |e: &Event<'_>| chosen.judge(e.sequence, e.flags);
    let mut options = ImportOptions {
        namespace: plan.namespace.clone(),
        region: plan.region.clone(),
        after: plan.after,
        chunk_size: plan.chunk_size,
        on_conflict: plan.on_conflict,
        allow_self: true,
        allow_other_store: true,
        filter: if let Filter::None = chosen { None } else { Some(&mut filter) },
        ..ImportOptions::default()
    };
    let outcome = destination.import(source, &mut options);
    match outcome.result {
        Ok(()) => Ok((outcome.report, None)),
        Err(e) if matches!(e.code(), Code::Stopped | Code::ImportConflict) => {
            Ok((outcome.report, Some((e.code(), e.callback_status))))
        }
        Err(e) => Err(format!("import {plan:?}: {e}")),
    }
}

/// Checks a report against where every event had to go; returns the sequences that were imported.
fn check_report(
    plan: &Plan,
    sorted: &[(u64, Bucket)],
    report: &ImportReport,
    ended: Option<(Code, i32)>,
    (before, known): (u64, bool),
    ceiling: u64,
) -> Checked<Vec<u64>> {
    let expected_end = match (sorted.last(), plan.filter) {
        (Some((_, Bucket::Stop)), Filter::StopAt(_, status)) => Some((Code::Stopped, status)),
        (Some((_, Bucket::Conflict)), _) if plan.on_conflict == OnConflict::Fail => {
            Some((Code::ImportConflict, 0))
        }
        _ => None,
    };
    ensure!(ended == expected_end, "ended with {ended:?}, expected {expected_end:?}");
    let watermark = report.source_high_watermark;
    let covered: Vec<_> =
        sorted.iter().take_while(|(sequence, _)| *sequence <= watermark).collect();
    let count = |bucket| covered.iter().filter(|(_, b)| *b == bucket).count() as u64;
    // A name that is new comes with a record, and what brought something with one of the run.
    let brought = count(Bucket::Imported) > 0;
    let records = u64::from(brought && !known) + u64::from(brought);
    let visible = before + records + count(Bucket::Imported);
    let expected = ImportReport {
        imported: count(Bucket::Imported),
        deduplicated: count(Bucket::Deduplicated),
        skipped_reserved: count(Bucket::Reserved),
        skipped_filtered: count(Bucket::Filtered),
        skipped_reimported: count(Bucket::Reimported),
        conflicts: count(Bucket::Conflict),
        overtaken: 0,
        restored: 0,
        conflicts_kept: 0,
        source_high_watermark: covered.last().map_or(0, |(sequence, _)| *sequence),
        resume_after: covered.last().map_or(plan.after, |(sequence, _)| *sequence),
        started_after: plan.after,
        source: report.source,
        selector_changed: report.selector_changed,
        source_ceiling: ceiling,
        source_position: report.source_position,
        destination_visible: visible,
        destination_durable: visible,
    };
    ensure!(*report == expected, "expected {expected:?}");
    let position = report.source_position;
    ensure!((watermark..=ceiling).contains(&position), "it has read up to {position}");
    if ended.is_none() {
        ensure!(
            covered.len() == sorted.len(),
            "it covers {} of {} events",
            covered.len(),
            sorted.len()
        );
    } else {
        ensure!(
            count(Bucket::Imported) % u64::from(plan.chunk_size.max(1)) == 0,
            "it committed a part of a chunk"
        );
        ensure!(watermark < sorted.last().unwrap().0, "it covers the event that ended it");
    }
    Ok(covered
        .iter()
        .filter(|(_, b)| *b == Bucket::Imported)
        .map(|(sequence, _)| *sequence)
        .collect())
}

// ------------------------------------------------------------------------------------ runs

const EPISODE_OPERATIONS: u64 = 4000;

/// Makes `operations` random operations; the first difference ends it.
fn run(seed: u64, operations: u64, lie: Lie) -> Checked<Tally> {
    let mut total = Tally::default();
    let mut episode_seed = Rng(seed);
    while total.operations < operations {
        let own_seed = episode_seed.next();
        let mut episode = Episode::new(own_seed, lie)?;
        let count = EPISODE_OPERATIONS.min(operations - total.operations);
        let at = total.operations;
        episode
            .run(count)
            .map_err(|e| format!("FBAT_SEED={seed}, episode from operation {at}: {e}"))?;
        total.add(&episode.tally);
    }
    Ok(total)
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.operations += other.operations;
        self.appended += other.appended;
        self.replayed += other.replayed;
        self.refused += other.refused;
        self.queried += other.queried;
        self.imports += other.imports;
        self.imported += other.imported;
        self.deduplicated += other.deduplicated;
        self.conflicts += other.conflicts;
        self.stopped += other.stopped;
        self.reopened += other.reopened;
        self.verified += other.verified;
        self.segments += other.segments;
    }
}

#[test]
fn random_operations_answer_as_the_model_does() {
    let seed = seed_from_env();
    let (operations, began) = (scaled(1_000_000), std::time::Instant::now());
    let outcome = run(seed, operations, Lie::None);
    score("random operations against the model", operations, outcome.is_err().into(), began);
    match outcome {
        Ok(tally) => println!(
            "{} operations, 0 differences (FBAT_SEED={seed})\n{tally:#?}",
            tally.operations
        ),
        Err(difference) => panic!("difference: {difference}"),
    }
}

#[test]
fn canary_every_lie_of_the_model_is_noticed() {
    for lie in [Lie::Version, Lie::ImportedKeys, Lie::Prefix, Lie::Clock, Lie::Expectation] {
        let found = run(1, 4000, lie);
        assert!(found.is_err(), "the model lied ({lie:?}) and nobody noticed: {found:?}");
    }
}
