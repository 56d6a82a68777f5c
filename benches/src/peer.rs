//! What every engine gets, and what it has to answer.

use std::path::Path;

/// One event as every engine gets it. Made before the clock starts.
#[derive(Clone, Debug)]
pub struct Event {
    /// Ordered by time, unique: 48 bits of milliseconds, then noise, as in a UUID of version 7.
    pub id: [u8; 16],
    pub entity: String,
    pub scope: &'static str,
    pub kind: u16,
    pub time_us: i64,
    pub payload: Vec<u8>,
}

/// What the filter of an import sees: everything but the payload.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    pub id: [u8; 16],
    pub entity: &'a str,
    pub scope: &'a str,
    pub kind: u16,
    pub time_us: i64,
}

/// How an import commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// One durable transaction for every [`BATCH`] events.
    PerChunk,
    /// Durable once, at the end; in one transaction where the engine can.
    Once,
}

/// Events of a batch, and of a chunk of an import.
pub const BATCH: usize = 256;

/// What an import did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    pub new: u64,
    /// Those that were there already.
    pub present: u64,
}

/// What an engine is to the comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The library that is measured.
    Ours,
    /// A store that can do the same job.
    Store,
    /// A log without index and hashes: faster where those cost, no rival.
    Log,
    /// What the machine allows.
    Floor,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workload {
    /// Append batches, not durable, and close: makes stores for the others.
    Fill,
    /// The same, and die without closing.
    Crash,
    /// W1: append one, durable.
    AppendOne,
    /// W1x8: the same from 8 threads.
    AppendThreads,
    /// W2: append batches, each durable.
    AppendBatch,
    /// W3: append one, not yet durable: what the kernel has survives a killed process.
    AppendFast,
    /// W3 latency: the same for longer; how long each takes.
    Latency,
    /// W4: import all of another store, durable once, at the end.
    Import,
    /// W4: the same, each chunk durable.
    ImportChunks,
    /// W5: the same import again.
    ImportAgain,
    /// W6: read one by id, in random order.
    Read,
    /// W7: read all in order.
    Scan,
    /// W8: read the events of each entity.
    Entity,
    /// W9: open, and answer one read by id.
    Open,
    /// W12: append batches, not durable, until time is over; what the last of them cost.
    AppendMany,
    /// W12: import all of another store until time is over; what the last of them cost.
    ImportMany,
    /// W12: read the events of some entities.
    EntityMany,
}

impl Workload {
    pub const ALL: &'static [Workload] = &[
        Workload::Fill,
        Workload::Crash,
        Workload::AppendOne,
        Workload::AppendThreads,
        Workload::AppendBatch,
        Workload::AppendFast,
        Workload::Latency,
        Workload::Import,
        Workload::ImportChunks,
        Workload::ImportAgain,
        Workload::Read,
        Workload::Scan,
        Workload::Entity,
        Workload::Open,
        Workload::AppendMany,
        Workload::ImportMany,
        Workload::EntityMany,
    ];

    /// All but W12, the last three.
    pub const BUT_MANY: &'static [Workload] = Self::ALL.split_at(Self::ALL.len() - 3).0;

    /// As the command line of a worker has it.
    pub fn name(self) -> &'static str {
        match self {
            Workload::Fill => "fill",
            Workload::Crash => "crash",
            Workload::AppendOne => "append-one",
            Workload::AppendThreads => "append-threads",
            Workload::AppendBatch => "append-batch",
            Workload::AppendFast => "append-fast",
            Workload::Latency => "append-latency",
            Workload::Import => "import",
            Workload::ImportChunks => "import-chunks",
            Workload::ImportAgain => "import-again",
            Workload::Read => "read",
            Workload::Scan => "scan",
            Workload::Entity => "entity",
            Workload::Open => "open",
            Workload::AppendMany => "append-many",
            Workload::ImportMany => "import-many",
            Workload::EntityMany => "entity-many",
        }
    }
}

/// An engine. Whatever fails panics: the driver reports the message.
pub trait Peer: Send + Sync + Sized {
    /// As the table shows it, and as a worker's command line has it.
    const NAME: &'static str;
    /// The package whose version in `Cargo.lock` is the engine's.
    const PACKAGE: &'static str;
    const ROLE: Role = Role::Store;
    /// What it is made to do here, for the reader of the table: schema, settings.
    const DOES: &'static str;
    /// What it does not do that fbat does.
    const LEAVES_OUT: &'static str;
    /// What it can do; nothing is faked.
    const WORKLOADS: &'static [Workload] = Workload::ALL;

    /// Opens the store, or makes it where there is none. The directory is there.
    fn open(dir: &Path) -> Self;
    /// The same for one workload, where it is opened differently for what has to be durable.
    fn open_for(dir: &Path, _workload: Workload) -> Self {
        Self::open(dir)
    }
    fn close(self);
    /// One atomic transaction; `durable`: on disk (fsync) when it returns.
    fn append(&self, events: &[Event], durable: bool);

    // What an engine has no equivalent for, it leaves out here and in `WORKLOADS`.

    /// Copies what the filter keeps and is not there yet, with where it came from where the engine
    /// can say that.
    fn import(
        &self,
        _source: &Self,
        _mode: Mode,
        _filter: &mut dyn FnMut(&EventView<'_>) -> bool,
    ) -> Imported {
        unreachable!("no import")
    }
    /// Length of the payload, whose BLAKE3 was compared with the stored hash. None: there is no
    /// such event.
    fn read(&self, _id: &[u8; 16]) -> Option<usize> {
        unreachable!("no read by id")
    }
    /// Shows every payload in the order of appending; returns how many.
    fn scan(&self, _visit: &mut dyn FnMut(&[u8])) -> u64 {
        unreachable!("no scan")
    }
    /// Shows the payloads of one entity in order, each verified by its hash; returns how many.
    fn entity(&self, _entity: &str, _visit: &mut dyn FnMut(&[u8])) -> u64 {
        unreachable!("no entities")
    }
}

/// The shape of the data. Every event is a function of its number, the same in `c/worker.c`.
#[derive(Clone, Copy, Debug)]
pub struct Data {
    /// Number of the first event.
    pub first: u64,
    pub events: u64,
    pub entities: u64,
    pub payload: usize,
    /// Whether entities come in random order; else in one that gives each as many events.
    pub random: bool,
}

impl Data {
    pub const DEFAULT: Data =
        Data { first: 0, events: 200_000, entities: 1000, payload: 256, random: false };

    /// Which entity an event is of, by number.
    pub fn entity_of(&self, n: u64) -> u64 {
        let n = if self.random { mix(n ^ 0xbb67_ae85_84ca_a73b) } else { n * 7919 };
        n % self.entities
    }

    pub fn event(&self, n: u64) -> Event {
        Event {
            id: id(n),
            entity: self.entity(self.entity_of(n)),
            scope: SCOPES[(n % 10) as usize],
            kind: 0x1001 + (n % 8) as u16,
            time_us: (FIRST_MS + n) as i64 * 1000,
            payload: payload(n, self.payload),
        }
    }

    pub fn range(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.events
    }

    pub fn all(&self) -> Vec<Event> {
        self.range().map(|n| self.event(n)).collect()
    }

    pub fn entity(&self, number: u64) -> String {
        format!("entity-{number:06}")
    }
}

const FIRST_MS: u64 = 1_750_000_000_000;
const SCOPES: [&str; 10] = [
    "scope-0", "scope-1", "scope-2", "scope-3", "scope-4", "scope-5", "scope-6", "scope-7",
    "scope-8", "scope-9",
];

/// The id of an event by its number.
pub fn id(n: u64) -> [u8; 16] {
    let noise = mix(n ^ 0x6a09_e667_f3bc_c908);
    let high = (FIRST_MS + n) << 16 | 0x7000 | noise >> 52;
    let low = 1 << 63 | (mix(noise) >> 2);
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

fn payload(n: u64, len: usize) -> Vec<u8> {
    let words = (0..len.div_ceil(8) as u64).flat_map(|word| mix(n << 20 | word).to_le_bytes());
    words.take(len).collect()
}

/// One step of splitmix64: noise from a number.
pub fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}
