//! What the tests of the engine share: directories that clean up, a clock and randomness that
//! repeat, a disk that remembers what was not synced, owned rows, and child processes.
#![allow(dead_code)] // every test binary uses a part of it

pub mod book;
pub mod layer;
pub mod ledger;
pub mod lies;
pub mod machine;
pub mod mount;
pub mod page;
pub mod simulated;
pub mod spy;
pub mod worker;

pub use page::{Page, Pages};

use self::layer::{AtOnce, Layered};
use fbat::engine::import::{ImportOptions, ImportOutcome, ImportReport};
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::{Code, Error, Result};
use fbat::engine::model::event::{Cause, Columns, Event, NewEvent, Receipt};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::provenance::Provenance;
use fbat::engine::platform::clock::{Clock, Entropy};
use fbat::engine::platform::disk::OsVfs;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

// ---------------------------------------------------------------- directories

/// A directory that goes away with the value, unless the test fails.
pub struct TempDir(PathBuf);

impl TempDir {
    /// On the disk that cargo builds on.
    pub fn new(name: &str) -> TempDir {
        TempDir::within(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
    }

    /// In memory where the system offers that: for tests that are about results, not about disks.
    pub fn in_memory(name: &str) -> TempDir {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            return TempDir::within(memory, name);
        }
        TempDir::new(name)
    }

    fn within(parent: &Path, name: &str) -> TempDir {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("fbat-{name}-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        TempDir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("left for inspection: {}", self.0.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

// ---------------------------------------------------------------- time and randomness

/// A clock that stands still until it is set.
pub struct TestClock(AtomicI64);

/// 2024-01-01T00:00:00Z in microseconds: where test clocks start.
pub const EPOCH_US: i64 = 1_704_067_200_000_000;

impl TestClock {
    pub fn at(now_us: i64) -> Arc<TestClock> {
        Arc::new(TestClock(AtomicI64::new(now_us)))
    }
    pub fn set(&self, now_us: i64) {
        self.0.store(now_us, Ordering::SeqCst);
    }
    pub fn advance(&self, by_us: i64) -> i64 {
        self.0.fetch_add(by_us, Ordering::SeqCst) + by_us
    }
}

impl Clock for TestClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Randomness that a seed repeats (SplitMix64).
pub struct TestEntropy(Mutex<Rng>);

impl TestEntropy {
    pub fn seeded(seed: u64) -> Arc<TestEntropy> {
        Arc::new(TestEntropy(Mutex::new(Rng(seed))))
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut rng = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(8) {
            let value = rng.next().to_le_bytes();
            chunk.copy_from_slice(&value[..chunk.len()]);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0 to `n - 1`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    /// `low` to `high`, both included.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// The seed of a random test: `FBAT_SEED`, or one from the time, so that every run tries something
/// new.
pub fn seed_from_env() -> u64 {
    match std::env::var("FBAT_SEED") {
        Ok(text) => text.parse().expect("FBAT_SEED is a decimal number"),
        Err(_) => {
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
                as u64
        }
    }
}

/// A count that the environment may set, for longer runs of the same test.
pub fn count_from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => default,
    }
}

/// How much of a count a run makes: the counts of harnesses are those of one hour of `make
/// torture`, and `FBAT_SCALE` is the part of that hour which is asked for. Bare `cargo test` takes
/// a hundredth.
pub fn scaled(count_per_hour: u64) -> u64 {
    let scale = std::env::var("FBAT_SCALE")
        .map_or(0.01, |text| text.parse().expect("FBAT_SCALE is a number"));
    ((count_per_hour as f64 * scale) as u64).max(1)
}

/// After how many findings a campaign ends.
pub fn findings_max() -> usize {
    count_from_env("FBAT_FINDINGS", 10) as usize
}

/// Prints a figure of the scorecard: what was tried, how often, how often it went wrong, and in
/// what time. `scripts/torture` collects these lines.
pub fn score(figure: &str, tried: u64, failed: u64, began: std::time::Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("\nscore: {figure}: {tried} tried, {failed} failed, {seconds:.1} s");
}

// ---------------------------------------------------------------- stores

/// Copies all files of a directory to one that has nothing else then.
pub fn copy_dir(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    }
}

/// Options for tests that are about results: acknowledged by the kernel, segments as small as can
/// be.
pub fn quick() -> Options {
    let mut options = Options { durability: Durability::Os, ..Options::default() };
    options.limits.segment_bytes = 64 << 10;
    options
}

pub fn with_mode(mode: OpenMode) -> Options {
    Options { mode, ..quick() }
}

/// Options under which the same calls make the same store.
pub fn repeatable(seed: u64) -> Options {
    Options {
        clock: TestClock::at(EPOCH_US),
        entropy: TestEntropy::seeded(seed),
        vfs: Arc::new(Layered::over(Arc::new(OsVfs), Arc::new(AtOnce))),
        ..quick()
    }
}

#[track_caller]
pub fn open(path: &Path, options: &Options) -> Store {
    Store::open(path, options).unwrap_or_else(|e| panic!("open {}: {e}", path.display()))
}

#[track_caller]
pub fn open_quick(path: &Path) -> Store {
    open(path, &quick())
}

#[track_caller]
pub fn open_reader(path: &Path) -> Store {
    open(path, &with_mode(OpenMode::ReadOnly))
}

/// The code of a call that must fail.
#[track_caller]
pub fn code_of<T>(result: Result<T>) -> Code {
    error_of(result).code()
}

/// The error of a call that must fail.
#[track_caller]
pub fn error_of<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("the call was expected to fail"),
        Err(error) => {
            assert!(!error.message.is_empty(), "every error says something");
            error
        }
    }
}

// ---------------------------------------------------------------- events

/// A kind that callers may use.
pub const KIND: Kind = Kind(0x1001);

/// A plain event.
pub fn event<'a>(entity: &'a str, payload: &'a [u8]) -> NewEvent<'a> {
    NewEvent { entity, scope: "test", kind: KIND, payload, ..NewEvent::default() }
}

/// Appends `count` events of every shape, which the numbers from `first` determine; returns their
/// receipts.
pub fn fill(store: &Store, first: u64, count: u64) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    let mut at = first;
    while at < first + count {
        let size = (1 + at % 5).min(first + count - at);
        let owned: Vec<Sample> = (at..at + size).map(Sample::new).collect();
        let extensions: Vec<_> = owned.iter().map(Sample::extensions).collect();
        let batch: Vec<_> = owned.iter().zip(&extensions).map(|(s, x)| s.event(x)).collect();
        receipts.extend(store.append_batch(&batch).unwrap());
        at += size;
    }
    receipts
}

/// An event that a number determines.
pub struct Sample {
    pub number: u64,
    pub entity: String,
    pub scope: String,
    pub payload: Vec<u8>,
}

impl Sample {
    pub fn new(number: u64) -> Sample {
        let mut rng = Rng(number);
        let mut payload = format!("event {number} ").into_bytes();
        let length = rng.below(120) as usize;
        payload.extend(rng.bytes(length));
        let entity = match number % 11 {
            0 => "quake".to_owned(),
            1 => "quake2".to_owned(),
            rest => format!("quake:{}", rest % 4),
        };
        Sample { number, entity, scope: format!("scope{}", number % 3), payload }
    }

    pub fn extensions(&self) -> Vec<(&'static str, &[u8])> {
        match self.number % 4 {
            0 => vec![("test.head", &self.payload[..4]), ("test.empty", b"")],
            1 => vec![("other.tail", &self.payload[1..])],
            _ => vec![],
        }
    }

    pub fn event<'a>(&'a self, extensions: &'a [(&'a str, &'a [u8])]) -> NewEvent<'a> {
        let number = self.number;
        NewEvent {
            entity: &self.entity,
            scope: &self.scope,
            kind: Kind(0x1000 + (number % 5) as u16 * 0x0801),
            payload: &self.payload,
            timestamp_us: (!number.is_multiple_of(3))
                .then_some(number as i64 * 1_000_003 - 5_000_000),
            flags: (number as u32).wrapping_mul(0x9e37_79b9),
            payload_version: number as u16,
            correlation: Id(if number.is_multiple_of(2) {
                u128::from(number) << 64 | 7
            } else {
                0
            }),
            cause: if number % 7 == 3 {
                Cause::Event(Id(u128::from(number) + 1))
            } else {
                Cause::None
            },
            extensions,
            ..NewEvent::default()
        }
    }
}

/// An event with all that can be read of it, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: Id,
    pub sequence: u64,
    pub entity: String,
    pub scope: String,
    pub kind: Kind,
    pub version: u64,
    pub timestamp_us: i64,
    pub recorded_us: i64,
    pub flags: u32,
    pub payload_version: u16,
    pub correlation: Id,
    pub causation: Id,
    pub payload: Vec<u8>,
    pub payload_len: usize,
    pub extensions: Vec<(String, Vec<u8>)>,
    pub content_hash: Hash,
    pub event_hash: Hash,
    pub previous_hash: Option<Hash>,
    pub provenance: Option<Origin>,
}

/// A [`Provenance`] that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub schema_version: u16,
    pub namespace: String,
    pub event_id: Id,
    pub sequence: u64,
    pub kind: Kind,
    pub content_hash: Hash,
}

impl Origin {
    pub fn lend(&self) -> Provenance<'_> {
        Provenance {
            schema_version: self.schema_version,
            namespace: &self.namespace,
            event_id: self.event_id,
            sequence: self.sequence,
            kind: self.kind,
            content_hash: self.content_hash,
        }
    }
}

impl From<Provenance<'_>> for Origin {
    fn from(p: Provenance<'_>) -> Origin {
        Origin {
            schema_version: p.schema_version,
            namespace: p.namespace.to_owned(),
            event_id: p.event_id,
            sequence: p.sequence,
            kind: p.kind,
            content_hash: p.content_hash,
        }
    }
}

impl From<&Event<'_>> for Row {
    #[track_caller]
    fn from(e: &Event<'_>) -> Row {
        Row {
            id: e.id,
            sequence: e.sequence,
            entity: e.entity.to_owned(),
            scope: e.scope.to_owned(),
            kind: e.kind,
            version: e.version,
            timestamp_us: e.timestamp_us,
            recorded_us: e.recorded_us,
            flags: e.flags,
            payload_version: e.payload_version,
            correlation: e.correlation,
            causation: e.causation,
            payload: e.payload.to_vec(),
            payload_len: e.payload_len,
            extensions: e
                .extensions
                .iter()
                .map(|(key, value)| (key.to_owned(), value.to_vec()))
                .collect(),
            content_hash: e.content_hash(),
            event_hash: e.event_hash,
            previous_hash: e.previous_hash,
            provenance: e.provenance().expect("a readable provenance").map(Origin::from),
        }
    }
}

impl Row {
    /// What import keeps of an event, beside the payload's hash.
    pub fn carried(&self) -> impl PartialEq + std::fmt::Debug + '_ {
        (
            (&self.entity, &self.scope, self.kind, &self.payload, self.content_hash),
            (
                self.timestamp_us,
                self.flags,
                self.payload_version,
                self.correlation,
                &self.extensions,
            ),
        )
    }
}

/// The hash of an event as `docs/format.md` defines it, written out here again so that the library
/// is not its own witness. The row must have its previous hash.
pub fn event_hash(row: &Row) -> Hash {
    let mut input = b"fbat event v1\0\0\0".to_vec();
    let text = |input: &mut Vec<u8>, bytes: &[u8]| {
        input.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        input.extend_from_slice(bytes);
    };
    input.extend_from_slice(&row.previous_hash.expect("the previous hash was read").0);
    input.extend_from_slice(&row.content_hash.0);
    input.extend_from_slice(&row.id.to_bytes());
    input.extend_from_slice(&row.sequence.to_le_bytes());
    input.extend_from_slice(&row.version.to_le_bytes());
    input.extend_from_slice(&row.timestamp_us.to_le_bytes());
    input.extend_from_slice(&row.recorded_us.to_le_bytes());
    input.extend_from_slice(&row.kind.0.to_le_bytes());
    input.extend_from_slice(&row.payload_version.to_le_bytes());
    input.extend_from_slice(&row.flags.to_le_bytes());
    input.extend_from_slice(&row.correlation.to_bytes());
    input.extend_from_slice(&row.causation.to_bytes());
    text(&mut input, row.entity.as_bytes());
    text(&mut input, row.scope.as_bytes());
    input.extend_from_slice(&(row.extensions.len() as u32).to_le_bytes());
    for (key, value) in &row.extensions {
        text(&mut input, key.as_bytes());
        text(&mut input, value);
    }
    input.push(u8::from(row.provenance.is_some()));
    if let Some(provenance) = &row.provenance {
        text(&mut input, provenance.namespace.as_bytes());
        input.extend_from_slice(&provenance.event_id.to_bytes());
        input.extend_from_slice(&provenance.sequence.to_le_bytes());
    }
    Hash(*blake3::hash(&input).as_bytes())
}

/// The log hash of a store from the hashes of all its events, system events included.
pub fn log_hash<'a>(log_id: Id, events: impl Iterator<Item = &'a Row>) -> Hash {
    let start = [&b"fbat log v1\0\0\0\0\0"[..], &log_id.to_bytes()].concat();
    let mut log = *blake3::hash(&start).as_bytes();
    for row in events {
        log = *blake3::hash(&[log, row.event_hash.0].concat()).as_bytes();
    }
    Hash(log)
}

pub fn rows_of(page: &Page) -> Vec<Row> {
    page.iter().map(|e| Row::from(&e)).collect()
}

/// Everything that `query` leads to, page after page.
#[track_caller]
pub fn read_pages(store: &Store, query: &Query) -> Vec<Row> {
    let mut query = query.clone();
    let mut rows = Vec::new();
    loop {
        let page = store.query(&query).unwrap();
        rows.extend(rows_of(&page));
        if page.end {
            return rows;
        }
        assert!(!page.is_empty() || page.next != 0, "a page that is not the last leads on");
        let bound = if query.backward { &mut query.until } else { &mut query.after };
        assert_ne!(*bound, page.next, "paging makes progress");
        *bound = page.next;
    }
}

/// Every event that callers appended or imported, in full.
#[track_caller]
pub fn rows(store: &Store) -> Vec<Row> {
    read_pages(store, &Query { columns: Columns::ALL, ..Query::default() })
}

/// Every event, system events too.
#[track_caller]
pub fn rows_with_system(store: &Store) -> Vec<Row> {
    read_pages(store, &Query { columns: Columns::ALL, system: true, ..Query::default() })
}

#[track_caller]
pub fn get(store: &Store, id: Id) -> Option<Row> {
    let page = store.get(id, Columns::ALL).unwrap()?;
    assert_eq!(page.len(), 1, "get answers with a page of one row");
    Some(Row::from(&page.get(0)))
}

#[track_caller]
pub fn assert_sound(store: &Store) {
    let report = store.verify().unwrap();
    assert!(report.findings.is_empty(), "verify: {:#?}", report.findings);
}

// ---------------------------------------------------------------- imports

/// The id that import gives to an event: BLAKE3 over length-prefixed domain and parts, written out
/// here again so that the library is not its own witness.
pub fn import_id(namespace: &str, source_id: Id) -> Id {
    let digits = source_id.to_string();
    let mut input = Vec::new();
    for (part, then) in
        [("batpak.import", &2u64.to_le_bytes()[..]), (namespace, b""), (&digits, b"")]
    {
        input.extend_from_slice(&(part.len() as u64).to_le_bytes());
        input.extend_from_slice(part.as_bytes());
        input.extend_from_slice(then);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&blake3::hash(&input).as_bytes()[..16]);
    Id::from_bytes(first)
}

pub fn named<'a>(namespace: &str) -> ImportOptions<'a> {
    ImportOptions { namespace: namespace.to_owned(), ..ImportOptions::default() }
}

/// For an import of a store into itself.
pub fn named_self<'a>(namespace: &str) -> ImportOptions<'a> {
    ImportOptions { allow_self: true, ..named(namespace) }
}

/// An import that must succeed.
#[track_caller]
pub fn import_with(
    destination: &Store,
    source: &Store,
    options: &mut ImportOptions<'_>,
) -> ImportReport {
    let outcome = destination.import(source, options);
    outcome.result.unwrap_or_else(|e| panic!("import: {e}; report {:?}", outcome.report));
    outcome.report
}

#[track_caller]
pub fn import(destination: &Store, source: &Store, namespace: &str) -> ImportReport {
    import_with(destination, source, &mut named(namespace))
}

/// The report and error of an import that must fail.
#[track_caller]
pub fn failed(outcome: ImportOutcome) -> (ImportReport, Error) {
    (outcome.report, error_of(outcome.result))
}

/// How many events of the source the report accounts for.
pub fn examined(report: &ImportReport) -> u64 {
    report.imported
        + report.deduplicated
        + report.skipped_reserved
        + report.skipped_filtered
        + report.skipped_reimported
        + report.conflicts
}

// ---------------------------------------------------------------- damage

pub fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "log")
}

/// One flipped bit in a segment, which [`Damage::undo`] flips back.
pub struct Damage {
    pub path: PathBuf,
    pub offset: u64,
}

impl Damage {
    /// Flips a bit in the middle of the bytes `needle`, which some segment of the store holds once.
    #[track_caller]
    pub fn to_bytes(store: &Path, needle: &[u8]) -> Damage {
        for path in segments(store) {
            let bytes = std::fs::read(&path).unwrap();
            if let Some(at) = bytes.windows(needle.len()).position(|w| w == needle) {
                let damage = Damage { path, offset: (at + needle.len() / 2) as u64 };
                damage.flip();
                return damage;
            }
        }
        panic!("no segment of {} holds the bytes to damage", store.display());
    }

    pub fn undo(self) {
        self.flip();
    }

    pub fn flip(&self) {
        use std::os::unix::fs::FileExt;
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&self.path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.offset).unwrap();
        byte[0] ^= 0x10;
        file.write_all_at(&byte, self.offset).unwrap();
    }
}

/// Changes a bit of the payload `needle`, which one segment holds once, and puts every checksum
/// right again: what only hashing the payload can find. Returns the offset of its frame.
#[track_caller]
pub fn forge_payload(store: &Path, needle: &[u8]) -> (PathBuf, u64) {
    for path in segments(store) {
        let mut bytes = std::fs::read(&path).unwrap();
        let Some(at) = bytes.windows(needle.len()).position(|w| w == needle) else { continue };
        bytes[at] ^= 1;
        let frame = renew_checksums(&mut bytes, at);
        std::fs::write(&path, &bytes).unwrap();
        return (path, frame as u64);
    }
    panic!("no segment of {} holds the payload", store.display());
}

/// Renews the checksums of the frame and of the batch that hold the byte at `at` of a segment (see
/// `docs/format.md`); returns where the frame is.
pub fn renew_checksums(bytes: &mut [u8], at: usize) -> usize {
    let u32_at =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let salt = u64::from_le_bytes(bytes[80..88].try_into().unwrap());
    let checksum = |offset: usize, bytes: &[u8]| {
        let mut crc =
            crc32fast::Hasher::new_with_initial((salt ^ salt >> 32 ^ offset as u64) as u32);
        crc.update(bytes);
        crc.finalize().to_le_bytes()
    };
    let mut batch = 128;
    while batch + 80 + u32_at(bytes, batch + 8) as usize <= at {
        batch += 80 + u32_at(bytes, batch + 8) as usize;
    }
    let body_end = batch + 80 + u32_at(bytes, batch + 8) as usize;
    let mut frame = batch + 80;
    while frame + u32_at(bytes, frame + 4) as usize <= at {
        frame += u32_at(bytes, frame + 4) as usize;
    }
    let frame_end = frame + u32_at(bytes, frame + 4) as usize;
    let crc = checksum(frame, &bytes[frame + 4..frame_end]);
    bytes[frame..frame + 4].copy_from_slice(&crc);
    let (mut heads, mut next) = (Vec::new(), batch + 80);
    while next < body_end {
        heads.extend_from_slice(&bytes[next..next + 8]);
        next += u32_at(bytes, next + 4) as usize;
    }
    let crc = checksum(batch, &heads);
    bytes[batch + 72..batch + 76].copy_from_slice(&crc);
    let crc = checksum(batch, &bytes[batch + 8..batch + 80]);
    bytes[batch + 4..batch + 8].copy_from_slice(&crc);
    frame
}

/// Where the frames of a segment are (see `docs/format.md`).
pub fn frames_of(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (mut batch, mut frames) = (128, Vec::new());
    while bytes.get(batch..batch + 4) == Some(b"BTCH") {
        let (mut frame, end) = (batch + 80, batch + 80 + u32_at(batch + 8));
        while frame < end {
            frames.push(frame..frame + u32_at(frame + 4));
            frame += u32_at(frame + 4);
        }
        batch = end;
    }
    frames
}

/// The id that a store was made with, as its identity file has it, whatever id it was given since.
pub fn log_id(store: &Path) -> Id {
    Id::from_bytes(std::fs::read(store.join("store.fbat")).unwrap()[16..32].try_into().unwrap())
}

/// The segments of a store, oldest first.
pub fn segments(store: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(store).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| is_segment(path));
    found.sort();
    found
}

/// Offsets of the batches of a segment, and where the last one ends.
pub fn batches(bytes: &[u8]) -> Vec<usize> {
    let mut at = vec![128];
    loop {
        let from = *at.last().unwrap();
        if bytes.get(from..from + 4) != Some(b"BTCH") {
            return at;
        }
        at.push(
            from + 80 + u32::from_le_bytes(bytes[from + 8..from + 12].try_into().unwrap()) as usize,
        );
    }
}

// ---------------------------------------------------------------- child processes

/// This test binary run again as another process, for one ignored test that plays a part in ours.
/// It talks in lines that begin with `@`, which tells them from what the test harness prints.
pub struct Actor {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Actor {
    pub fn start(part: &str, environment: &[(&str, &str)]) -> Actor {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([&format!("::{part}"), "--ignored", "--nocapture", "--test-threads=1"])
            .envs(environment.iter().copied())
            .env(PART, part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Actor { child, lines }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next thing it says; none when it has ended.
    pub fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness prints "test name ... " without a newline before the first line.
            if let Some(at) = line.find('@').filter(|_| line.ends_with('\n')) {
                return Some(line[at + 1..].trim_end().to_owned());
            }
        }
    }

    /// Tells it to go on (or to end, where that is what it waits for).
    pub fn tell(&mut self, line: &str) {
        use std::io::Write;
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// It does and says nothing more; what it asked of the kernel before may go on.
    pub fn stop(&self) {
        // SAFETY: no memory is passed, and the child was not waited for: the id is its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, libc::SIGSTOP) }, 0);
        // The first of its threads to stop has told all others to: none gets back from the kernel.
        let tasks = format!("/proc/{}/task", self.child.id());
        let is_stopped = |task: io::Result<std::fs::DirEntry>| {
            let state = task
                .and_then(|task| std::fs::read_to_string(task.path().join("stat")))
                .unwrap_or_default();
            state
                .rsplit_once(')')
                .is_none_or(|(_, rest)| rest.starts_with(" T") || rest.starts_with(" Z"))
        };
        while !std::fs::read_dir(&tasks).unwrap().any(is_stopped) {
            std::thread::yield_now();
        }
    }

    /// kill -9; returns what it had said before.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.hear()).collect()
    }

    /// Waits until it ends, which must be well; returns what it said.
    #[track_caller]
    pub fn finish(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let said = std::iter::from_fn(|| self.hear()).collect();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the other process failed: {status}; it said {said:?}");
        said
    }
}

const PART: &str = "FBAT_TEST_PART";

/// In the other process: whether it was started to play `part` (a plain `--ignored` run was not).
pub fn plays(part: &str) -> bool {
    std::env::var(PART).is_ok_and(|value| value == part)
}

/// In the other process: a value that the parent gave it.
pub fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is given"))
}

/// In the other process: says a line to the parent.
pub fn say(line: impl std::fmt::Display) {
    println!("@{line}");
}

/// In the other process: waits for a line from the parent; none when it hung up.
pub fn listen() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(n) if n > 0 => Some(line.trim_end().to_owned()),
        _ => None,
    }
}
