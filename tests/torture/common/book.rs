//! A program at work on a simulated disk, and the book that is kept of it: what it submitted, what
//! was acknowledged, what anybody could have read. [`Book::check`] opens what a crash or a fault
//! left and holds it against the book.

use super::simulated::{Disk, Image};
use super::*;
use fbat::engine::import::{ImportDurability, ImportOptions};
use fbat::engine::model::region::Region;
use fbat::engine::platform::memory::MemoryVfs;
use fbat::engine::platform::vfs::Vfs;
use fbat::engine::store::compress::CompressOptions;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where the store lies on the simulated disk.
pub fn store_path() -> &'static Path {
    Path::new("/store")
}

/// The namespace of the imports.
const NAMESPACE: &str = "the source";
/// Events of the source have numbers from here.
const SOURCE_NUMBERS: u64 = 1 << 40;
/// Events that a check appends have numbers from here.
const CHECK_NUMBERS: u64 = 1 << 41;

/// What a check answers: what does not hold, in one sentence.
pub type Checked<T> = std::result::Result<T, String>;

macro_rules! ensure {
    ($holds:expr, $($what:tt)*) => {
        if !$holds {
            return Err(format!($($what)*));
        }
    };
}

/// The event that a number stands for: of any shape, some so large that segments fill up soon.
fn made(number: u64) -> Sample {
    let mut sample = Sample::new(number);
    if number % 9 == 4 {
        sample.payload.resize(9_000 + (number % 7) as usize * 100, b'x');
    }
    sample
}

fn number_of(row: &Row) -> Option<u64> {
    let text = row.payload.strip_prefix(b"event ")?;
    let digits = text.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The key of an event; those of some batches have none.
fn key_of(number: u64) -> Id {
    Id((0xabcd << 64) | u128::from(number))
}

/// Appends the events with these numbers as one batch.
fn append(store: &Store, numbers: std::ops::Range<u64>, keys: bool) -> Result<Vec<Receipt>> {
    let samples: Vec<Sample> = numbers.map(made).collect();
    let extensions: Vec<_> = samples.iter().map(Sample::extensions).collect();
    let with_key = |sample: &Sample| if keys { key_of(sample.number) } else { Id::NONE };
    let pairs = samples.iter().zip(&extensions);
    let events: Vec<NewEvent<'_>> =
        pairs.map(|(s, x)| NewEvent { key: with_key(s), ..s.event(x) }).collect();
    store.append_batch(&events)
}

/// What an earlier recovery showed before it was cut short itself.
#[derive(Default)]
pub struct Earlier {
    pub seen: Vec<Row>,
    /// It had come to its end: what it showed was durable.
    pub durable: bool,
}

/// What was submitted, acknowledged and seen; each with the position of the disk at that time.
#[derive(Default)]
pub struct Book {
    /// Numbers of the events of each batch, and when it was submitted.
    batches: Vec<(usize, std::ops::Range<u64>)>,
    /// What was answered for each event.
    receipts: HashMap<u64, (usize, Receipt)>,
    /// Since when each event is known to be durable.
    durable: HashMap<u64, usize>,
    /// When the store was first there.
    created: Option<usize>,
    /// What reading handles could have seen: event by sequence.
    seen: HashMap<u64, Hash>,
    highest_seen: u64,
    /// The source's events by their sequence there.
    source: BTreeMap<u64, Row>,
    /// Imports: when, from how many imported events on, in chunks of what size.
    imports: Vec<(usize, usize, usize)>,
    /// Through which sequence of the source imports are known to be durable.
    imported: Vec<(usize, u64)>,
}

impl Book {
    /// Notes an answer; `position` is that of the disk when it came.
    fn acknowledge(
        &mut self,
        position: usize,
        numbers: std::ops::Range<u64>,
        receipts: &[Receipt],
    ) {
        for (number, receipt) in numbers.zip(receipts) {
            self.receipts.entry(number).or_insert((position, *receipt));
            if receipt.durable {
                self.durable.entry(number).or_insert(position);
            }
        }
    }

    /// Everything that was acknowledged so far is durable from now on.
    fn all_durable(&mut self, position: usize) {
        for number in self.receipts.keys() {
            self.durable.entry(*number).or_insert(position);
        }
    }

    /// Notes what a reader finds in what a killed process leaves; none where there is no store.
    pub fn see(&mut self, image: &Image) -> Checked<()> {
        let Some(rows) = read(image, "a reader beside the writer")? else { return Ok(()) };
        for row in &rows {
            let before = *self.seen.entry(row.sequence).or_insert(row.event_hash);
            ensure!(
                before == row.event_hash,
                "sequence {} is another event than was seen before",
                row.sequence
            );
            self.highest_seen = self.highest_seen.max(row.sequence);
        }
        Ok(())
    }

    /// Holds what a crash left when the disk was at `position` against the book. `power`: what was
    /// not durable may be gone. `earlier`: what a recovery showed that was itself cut short.
    /// Answers how many events were lost that nobody was promised.
    pub fn check(
        &self,
        disk: &Disk,
        position: usize,
        power: bool,
        earlier: &Earlier,
    ) -> Checked<u64> {
        let served = read(&disk.image(), "a reader after the crash")?;
        let store = match Store::open(
            store_path(),
            &options(disk.vfs(), position as u64, Durability::Durable),
        ) {
            Ok(store) => store,
            Err(e) => return Err(format!("the store does not open: {e}")),
        };
        let report = store.open_report().clone();
        let known = self.created.is_some_and(|at| at <= position);
        ensure!(!(report.created && known), "the store is gone");
        let rows = all_rows(&store)?;
        check_digest(&store)?;
        // A store that nobody was told of may have been made anew: another, with sequences of its
        // own.
        let other =
            rows.first().is_none_or(|row| self.seen.get(&row.sequence) != Some(&row.event_hash));
        let anew = report.created || (!known && other);
        let lost = if anew { 0 } else { self.check_rows(&rows, position, power)? };
        ensure!(lost == 0 || report.unclean, "{lost} events are gone without a word");
        if let Some(served) = &served {
            let taken_back =
                served.iter().find(|row| !rows.iter().any(|r| r.event_hash == row.event_hash));
            ensure!(taken_back.is_none(), "a reader saw what the writer took back: {taken_back:?}");
        }
        for row in earlier.seen.iter().filter(|_| !anew) {
            let now = rows.iter().find(|r| r.sequence == row.sequence);
            ensure!(
                now.is_none_or(|r| r.event_hash == row.event_hash),
                "sequence {} was used again",
                row.sequence
            );
            ensure!(
                !(earlier.durable && now.is_none()),
                "what a recovery had made durable is lost: {row:?}"
            );
        }
        let highest =
            earlier.seen.iter().map(|row| row.sequence).max().unwrap_or(0).max(self.highest_seen);
        let highest = if anew { 0 } else { highest };
        self.check_use(store, disk, rows, position, highest)?;
        Ok(lost)
    }

    /// Every promise about the events that are there.
    fn check_rows(&self, rows: &[Row], position: usize, power: bool) -> Checked<u64> {
        let mut there: HashMap<u64, &Row> = HashMap::new();
        let mut imported = Vec::new();
        let mut last = 0;
        for row in rows {
            ensure!(row.sequence > last, "sequence {} after {last}", row.sequence);
            last = row.sequence;
            if row.kind.is_reserved() {
                continue;
            }
            let number = number_of(row).ok_or_else(|| format!("nobody appended {row:?}"))?;
            if let Some(provenance) = &row.provenance {
                imported.push(provenance.sequence);
                self.check_imported(row, number)?;
            } else {
                check_appended(row, number)?;
                ensure!(there.insert(number, row).is_none(), "event {number} is there twice");
            }
        }
        for (at, numbers) in &self.batches {
            let present = numbers.clone().filter(|number| there.contains_key(number)).count();
            ensure!(
                present == 0 || present == numbers.clone().count(),
                "a part of the batch {numbers:?} is there"
            );
            ensure!(present == 0 || *at <= position, "the batch {numbers:?} was not submitted yet");
        }
        let submitted =
            self.batches.iter().map(|(_, numbers)| numbers.clone().count()).sum::<usize>();
        ensure!(there.len() <= submitted, "events are there that nobody appended");
        self.check_import(&imported, position)?;
        self.check_receipts(&there, rows, position, power)
    }

    /// What was acknowledged is there as it was; what is gone had not been promised.
    fn check_receipts(
        &self,
        there: &HashMap<u64, &Row>,
        rows: &[Row],
        position: usize,
        power: bool,
    ) -> Checked<u64> {
        let mut lost = 0;
        for (number, (at, receipt)) in self.receipts.iter().filter(|(_, (at, _))| *at <= position) {
            let Some(row) = there.get(number) else {
                let promised =
                    !power || self.durable.get(number).is_some_and(|since| *since <= position);
                ensure!(!promised, "event {number}, acknowledged at {at}, is lost: {receipt:?}");
                lost += 1;
                continue;
            };
            let told = (
                receipt.id,
                receipt.sequence,
                receipt.version,
                receipt.event_hash,
                receipt.recorded_us,
            );
            let found = (row.id, row.sequence, row.version, row.event_hash, row.recorded_us);
            ensure!(
                told == found,
                "event {number} is not as its receipt said: {told:?}, {found:?}"
            );
        }
        for row in rows {
            let before = self.seen.get(&row.sequence);
            let same = before.is_none_or(|hash| *hash == row.event_hash);
            ensure!(same, "sequence {} was used again", row.sequence);
        }
        Ok(lost)
    }

    fn check_imported(&self, row: &Row, number: u64) -> Checked<()> {
        let provenance = row.provenance.as_ref().expect("it was imported");
        let source = self
            .source
            .get(&provenance.sequence)
            .ok_or("an imported event that the source does not have")?;
        ensure!(row.carried() == source.carried(), "the imported event {number} was changed");
        ensure!(
            row.id == import_id(NAMESPACE, source.id),
            "the imported event {number} has another id"
        );
        ensure!(provenance.event_id == source.id, "the imported event {number} names another");
        Ok(())
    }

    /// Imported events are a prefix of the source, in whole chunks, and what was durable is there.
    fn check_import(&self, imported: &[u64], position: usize) -> Checked<()> {
        let expected: Vec<u64> = self.source.keys().copied().take(imported.len()).collect();
        ensure!(imported == expected, "what was imported is no prefix of the source: {imported:?}");
        let count = imported.len();
        let whole = |(at, from, chunk): &(usize, usize, usize)| {
            *at <= position
                && count >= *from
                && ((count - from).is_multiple_of(*chunk) || count == self.source.len())
        };
        ensure!(
            count == 0 || self.imports.iter().any(whole),
            "{count} imported events end within a chunk"
        );
        let through = self
            .imported
            .iter()
            .filter(|(at, _)| *at <= position)
            .map(|(_, through)| *through)
            .max();
        let has = imported.last().copied().unwrap_or(0);
        ensure!(
            through.is_none_or(|through| has >= through),
            "an import was durable through {through:?}, not {has}"
        );
        Ok(())
    }

    /// The store is sound and goes on: it appends, imports what is missing, closes and opens again.
    fn check_use(
        &self,
        store: Store,
        disk: &Disk,
        mut rows: Vec<Row>,
        position: usize,
        highest: u64,
    ) -> Checked<()> {
        let new = CHECK_NUMBERS + 2 * position as u64;
        let receipts =
            append(&store, new..new + 2, true).map_err(|e| format!("appending afterwards: {e}"))?;
        let first = receipts[0].sequence;
        ensure!(first > highest, "a new event got sequence {first}, and {highest} was seen before");
        ensure!(receipts.iter().all(|r| r.durable), "a new event is not durable");
        self.check_keys(&store, &rows)?;
        let source = self.open_source();
        let outcome = store.import(&source, &mut named(NAMESPACE));
        outcome.result.map_err(|e| format!("importing afterwards: {e}"))?;
        let after = all_rows(&store)?;
        ensure!(after[..rows.len()] == rows[..], "what was there changed");
        let imported = after.iter().filter(|row| row.provenance.is_some()).count();
        ensure!(
            imported == self.source.len(),
            "after the import repeated, {imported} of its events are there"
        );
        let findings = store.verify().map_err(|e| format!("verify: {e}"))?.findings;
        ensure!(findings.is_empty(), "verify: {findings:?}");
        store.close().map_err(|e| format!("closing afterwards: {e}"))?;
        rows = read(&disk.image(), "a reader after the close")?
            .ok_or("the store is gone after the close")?;
        ensure!(rows == after, "the store is another after the close");
        Ok(())
    }

    /// The retry of an append is a replay, also after a crash.
    fn check_keys(&self, store: &Store, rows: &[Row]) -> Checked<()> {
        let there = |number: &u64| rows.iter().any(|row| row.id == key_of(*number));
        for (_, numbers) in
            self.batches.iter().rev().filter(|(_, numbers)| there(&numbers.start)).take(3)
        {
            let replay = append(store, numbers.clone(), true)
                .map_err(|e| format!("the retry of {numbers:?}: {e}"))?;
            ensure!(
                replay.iter().all(|receipt| receipt.replayed),
                "the retry of {numbers:?} was no replay"
            );
        }
        Ok(())
    }

    fn open_source(&self) -> Store {
        let memory = Arc::new(MemoryVfs::of(&source_image()));
        Store::open(
            store_path(),
            &Options { mode: OpenMode::ReadOnly, ..options(memory, 0, Durability::Os) },
        )
        .unwrap()
    }
}

fn check_appended(row: &Row, number: u64) -> Checked<()> {
    let sample = made(number);
    let extensions = sample.extensions();
    let wanted = sample.event(&extensions);
    let content = (row.entity.as_str(), row.scope.as_str(), row.kind, row.payload.as_slice());
    ensure!(
        content == (wanted.entity, wanted.scope, wanted.kind, wanted.payload),
        "event {number} was changed: {row:?}"
    );
    let timestamp = wanted.timestamp_us.unwrap_or(row.recorded_us);
    let rest = (row.timestamp_us, row.flags, row.payload_version, row.correlation);
    let wanted_rest = (timestamp, wanted.flags, wanted.payload_version, wanted.correlation);
    ensure!(rest == wanted_rest, "event {number} was changed: {row:?}");
    let kept = row.extensions.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
    ensure!(kept.eq(extensions.iter().copied()), "the extensions of event {number} were changed");
    Ok(())
}

/// Whether what is kept of the events as a set is what the log says.
fn check_digest(store: &Store) -> Checked<()> {
    // A region is read in the log.
    let read = Region { timestamps: Some((i64::MIN, i64::MAX)), ..Region::default() };
    let digest = |region| store.set_digest(region).map_err(|e| format!("no digest: {e}"));
    let (kept, read) = (digest(&Region::default())?, digest(&read)?);
    ensure!(kept == read, "the digest is {kept:?}, and the log says {read:?}");
    Ok(())
}

/// Options on a disk in memory; `seed` makes ids and salts that no other seed makes.
pub fn options(vfs: Arc<dyn Vfs>, seed: u64, durability: Durability) -> Options {
    let clock = TestClock::at(EPOCH_US + (seed % (1 << 40)) as i64);
    Options {
        vfs,
        clock,
        entropy: TestEntropy::seeded(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed),
        durability,
        ..quick()
    }
}

fn all_rows(store: &Store) -> Checked<Vec<Row>> {
    let mut query = Query { columns: Columns::ALL, system: true, ..Query::default() };
    let mut rows = Vec::new();
    loop {
        let page = store.query(&query).map_err(|e| format!("reading: {e}"))?;
        rows.extend(rows_of(&page));
        if page.end {
            return Ok(rows);
        }
        query.after = page.next;
    }
}

/// Everything that a reading handle finds; none where there is no store.
pub fn read(image: &Image, who: &str) -> Checked<Option<Vec<Row>>> {
    read_at(store_path(), image, who)
}

/// The same of a store that lies elsewhere.
pub fn read_at(path: &Path, image: &Image, who: &str) -> Checked<Option<Vec<Row>>> {
    let memory = Arc::new(MemoryVfs::of(image));
    let options = Options { mode: OpenMode::ReadOnly, ..options(memory, 0, Durability::Os) };
    match Store::open(path, &options) {
        Ok(store) => all_rows(&store).map(Some).map_err(|e| format!("{who}: {e}")),
        Err(e) if e.code() == Code::StoreNotFound => Ok(None),
        Err(e) => Err(format!("{who}: {e}")),
    }
}

/// The store that is imported from; made once.
fn source_image() -> Image {
    static IMAGE: std::sync::OnceLock<Image> = std::sync::OnceLock::new();
    let make = || {
        let memory = MemoryVfs::of_boot("boot");
        let options = options(Arc::new(memory.clone()), u64::MAX, Durability::Os);
        let store = Store::open(store_path(), &options).unwrap();
        (0..8).for_each(|batch| {
            let first = SOURCE_NUMBERS + batch * 5;
            append(&store, first..first + 5, true).unwrap();
        });
        store.close().unwrap();
        memory.image()
    };
    IMAGE.get_or_init(make).clone()
}

/// A program that opens a store, works with it and is interrupted now and then.
pub struct Work {
    pub disk: Disk,
    pub book: Book,
    store: Option<Store>,
    source: Store,
    rng: Rng,
    next_number: u64,
    sessions: u64,
    /// Segments that were compressed.
    pub compressed: u64,
    /// What calls that failed answered.
    pub codes: Vec<Code>,
}

impl Work {
    pub fn new(disk: Disk, seed: u64) -> Work {
        let mut book = Book::default();
        let source = book.open_source();
        let events = rows(&source);
        book.source = events.into_iter().map(|row| (row.sequence, row)).collect();
        Work {
            disk,
            book,
            store: None,
            source,
            rng: Rng(seed),
            next_number: 1,
            sessions: seed << 8,
            compressed: 0,
            codes: Vec::new(),
        }
    }

    /// Does so many things; where calls fail, it goes on as a careful program would.
    pub fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            let Some(store) = self.store.clone() else {
                self.open();
                continue;
            };
            match self.rng.below(20) {
                0..=11 => self.append(&store),
                12 => self.compress(&store),
                13 => self.import(&store),
                14 | 15 => self.sync(&store),
                16 => self.close(),
                17 => self.kill(),
                _ => self.look(&store),
            }
        }
    }

    fn open(&mut self) {
        self.sessions += 1;
        let durability = *self.rng.pick(&[Durability::Durable, Durability::Os]);
        match Store::open(store_path(), &options(self.disk.vfs(), self.sessions, durability)) {
            Err(e) => self.codes.push(e.code()),
            Ok(store) => {
                self.book.created.get_or_insert(self.disk.position());
                // Recovery leaves nothing of what it found that is not on disk.
                if store.open_report().unclean {
                    self.settled(&store);
                }
                self.store = Some(store);
            }
        }
    }

    /// After a recovery: what is still there is durable; what is not was lost before.
    fn settled(&mut self, store: &Store) {
        let Ok(rows) = all_rows(store) else { return };
        let there: BTreeSet<u64> = rows.iter().filter_map(number_of).collect();
        let position = self.disk.position();
        for number in self.book.receipts.keys().filter(|number| there.contains(number)) {
            self.book.durable.entry(*number).or_insert(position);
        }
    }

    fn append(&mut self, store: &Store) {
        let keys = !self.rng.one_in(4);
        let numbers = self.next_number..self.next_number + 1 + self.rng.below(5);
        self.next_number = numbers.end;
        self.book.batches.push((self.disk.position(), numbers.clone()));
        // With keys, a retry can do no harm.
        for _ in 0..if keys { 2 } else { 1 } {
            match append(store, numbers.clone(), keys) {
                Ok(receipts) => {
                    return self.book.acknowledge(self.disk.position(), numbers, &receipts);
                }
                Err(e) => self.failed(e),
            }
        }
    }

    fn import(&mut self, store: &Store) {
        let chunk = self.rng.range(1, 9) as u32;
        let Ok(before) = all_rows(store) else { return };
        let before = before.iter().filter(|row| row.provenance.is_some()).count();
        self.book.imports.push((self.disk.position(), before, chunk as usize));
        let durability = *self.rng.pick(&[ImportDurability::End, ImportDurability::Chunk]);
        // On one thread, so that a seed gives the same calls in the same order.
        let mut options =
            ImportOptions { chunk_size: chunk, durability, overlap: false, ..named(NAMESPACE) };
        let ImportOutcome { report, result } = store.import(&self.source, &mut options);
        let position = self.disk.position();
        let through = self
            .book
            .source
            .range(..=report.source_high_watermark)
            .next_back()
            .map(|(seq, _)| *seq);
        if result.is_ok() {
            self.book.imported.extend(through.map(|through| (position, through)));
            self.book.all_durable(position);
        }
        if let Err(e) = result {
            self.failed(e);
        }
    }

    fn sync(&mut self, store: &Store) {
        match store.sync() {
            Ok(_) => self.book.all_durable(self.disk.position()),
            Err(e) => self.failed(e),
        }
    }

    /// Compresses what is full, and syncs the rest for that.
    fn compress(&mut self, store: &Store) {
        match store.compress(CompressOptions { through: 0, level: 1 }) {
            Ok(report) => {
                self.book.all_durable(self.disk.position());
                self.compressed += report.segments;
            }
            Err(e) => self.failed(e),
        }
    }

    fn close(&mut self) {
        let Some(store) = self.store.take() else { return };
        match store.close() {
            Ok(()) => self.book.all_durable(self.disk.position()),
            Err(e) => self.codes.push(e.code()),
        }
    }

    /// The process dies; its memory goes, the page cache stays.
    pub fn kill(&mut self) {
        self.disk.kill();
        drop(self.store.take());
    }

    /// Reads, which may find damage only where calls fail.
    fn look(&mut self, store: &Store) {
        let looked = store.stats().and_then(|_| store.query(&Query::default()).map(drop));
        // Files that say what is in full segments are made by that.
        if let Err(e) = looked.and_then(|()| store.set_digest(&Region::default()).map(drop)) {
            self.failed(e);
        }
    }

    fn failed(&mut self, error: Error) {
        self.codes.push(error.code());
        if matches!(error.code(), Code::Poisoned | Code::Closed | Code::Corrupt) {
            self.close();
        }
    }
}
