//! A worker at a store: random steps that a seed repeats, and a line for each before and after it.
//!
//! Its words: `doing STEP`; `appended BATCH SEQUENCE HASH DURABLE`; `synced SEQUENCE`;
//! `imported NUMBER COMMITTED DURABLE` (events of that import); `failed CODE MESSAGE`.

use super::ledger::Ledger;
use super::*;
use fbat::engine::import::ImportDurability;
use fbat::engine::platform::watch::Verdict;

/// Keys, sizes and payloads follow from a number: all that is needed to know what was acknowledged.
pub fn key_of(batch: u64, item: u64) -> Id {
    Id(u128::from(batch) << 64 | u128::from(item) << 8 | 0x1f)
}

/// Mostly small; some so large that a segment is soon full.
pub fn payload_of(batch: u64, item: u64) -> Vec<u8> {
    let mut rng = Rng(batch << 8 | item);
    let length = if rng.one_in(12) { rng.below(16_000) } else { rng.below(300) } as usize;
    let mut payload = batch.to_le_bytes().to_vec();
    payload.extend(rng.bytes(length));
    payload
}

/// Batches of 1 to 7 events.
pub fn size_of(batch: u64) -> u64 {
    1 + Rng(batch).below(7)
}

/// Each import has a namespace, so that each brings the source's events once more.
pub fn namespace_of(import: u64) -> String {
    format!("import{import}")
}

pub fn chunk_of(import: u64) -> u64 {
    1 + Rng(import).below(40)
}

pub fn append_batch(store: &Store, batch: u64) -> Result<Vec<Receipt>> {
    let payloads: Vec<Vec<u8>> = (0..size_of(batch)).map(|item| payload_of(batch, item)).collect();
    let entity = format!("entity:{}", batch % 5);
    let of = |(item, payload)| NewEvent { key: key_of(batch, item), ..event(&entity, payload) };
    let events: Vec<NewEvent<'_>> =
        (0u64..).zip(&payloads).map(|(item, payload)| of((item, payload))).collect();
    store.append_batch(&events)
}

/// What a worker imports from.
pub struct Source {
    dir: TempDir,
    pub rows: Vec<Row>,
}

impl Source {
    pub fn new() -> Source {
        let dir = TempDir::in_memory("source");
        let store = open_quick(&dir.join("store"));
        fill(&store, 0, 90);
        let rows = rows(&store);
        store.close().unwrap();
        Source { dir, rows }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.join("store")
    }
}

pub struct Worker<'a> {
    pub path: PathBuf,
    pub options: Options,
    pub source: Store,
    pub rng: Rng,
    /// The next batch and the next import.
    pub batch: u64,
    pub import: u64,
    pub tell: Box<dyn FnMut(String) + 'a>,
    pub store: Option<Store>,
}

impl<'a> Worker<'a> {
    pub fn new(
        path: &Path,
        source: &Path,
        seed: u64,
        first: u64,
        tell: impl FnMut(String) + 'a,
    ) -> Worker<'a> {
        Worker {
            path: path.to_owned(),
            options: quick(),
            source: open_reader(source),
            rng: Rng(seed),
            batch: first,
            import: first,
            tell: Box::new(tell),
            store: None,
        }
    }

    /// One step. A step that failed is tried again when its turn comes: the same batch, the same
    /// import.
    pub fn step(&mut self) -> Result<()> {
        let Some(store) = self.store.clone() else { return self.open() };
        match self.rng.below(40) {
            0 => self.close(),
            1 | 2 => self.sync(&store),
            3 => self.import(&store),
            _ => self.append(&store),
        }
    }

    pub fn open(&mut self) -> Result<()> {
        let durability = if self.rng.one_in(2) { Durability::Durable } else { Durability::Os };
        (self.tell)("doing open".to_owned());
        self.store =
            Some(Store::open(&self.path, &Options { durability, ..self.options.clone() })?);
        Ok(())
    }

    pub fn close(&mut self) -> Result<()> {
        let Some(store) = self.store.take() else { return Ok(()) };
        let last = store.frontier()?.visible;
        (self.tell)("doing close".to_owned());
        store.close()?;
        (self.tell)(format!("synced {last}"));
        Ok(())
    }

    fn sync(&mut self, store: &Store) -> Result<()> {
        (self.tell)("doing sync".to_owned());
        let durable = store.sync()?.durable;
        (self.tell)(format!("synced {durable}"));
        Ok(())
    }

    pub fn append(&mut self, store: &Store) -> Result<()> {
        (self.tell)("doing append".to_owned());
        let receipts = append_batch(store, self.batch)?;
        let (first, last) = (receipts[0], receipts[receipts.len() - 1]);
        (self.tell)(format!(
            "appended {} {} {} {}",
            self.batch, first.sequence, last.event_hash, last.durable
        ));
        self.batch += 1;
        Ok(())
    }

    fn import(&mut self, store: &Store) -> Result<()> {
        (self.tell)("doing import".to_owned());
        let number = self.import;
        // Begun: from here on a part of it may be there.
        (self.tell)(format!("imported {number} 0 0"));
        let durability =
            if number % 2 == 1 { ImportDurability::Chunk } else { ImportDurability::End };
        let tell = &mut self.tell;
        let mut progress = |report: &ImportReport| {
            let committed = report.imported + report.deduplicated;
            let durable = if durability == ImportDurability::Chunk { committed } else { 0 };
            tell(format!("imported {number} {committed} {durable}"));
            Verdict::Keep
        };
        let chunk_size = chunk_of(number) as u32;
        let progress: Option<&mut dyn FnMut(&ImportReport) -> Verdict> = Some(&mut progress);
        let mut options =
            ImportOptions { chunk_size, durability, progress, ..named(&namespace_of(number)) };
        let outcome = store.import(&self.source, &mut options);
        let committed = outcome.report.imported + outcome.report.deduplicated;
        let durable = if outcome.result.is_ok() { committed } else { 0 };
        (self.tell)(format!("imported {number} {committed} {durable}"));
        outcome.result?;
        self.import += 1;
        Ok(())
    }
}

/// In the other process: works until it is stopped from outside, or a step fails.
pub fn work(options: Options) {
    let number = |name: &str| given(name).parse::<u64>().unwrap();
    let (path, source) = (PathBuf::from(given("STORE")), PathBuf::from(given("SOURCE")));
    let mut worker = Worker::new(&path, &source, number("SEED"), number("FIRST"), say);
    worker.options = options;
    loop {
        if let Err(e) = worker.step() {
            return say(format_args!("failed {:?} {e}", e.code()));
        }
    }
}

/// Starts `part`, which calls [`work`].
pub fn start(
    part: &str,
    path: &Path,
    source: &Source,
    seed: u64,
    first: u64,
    more: &[(&str, &str)],
) -> Actor {
    let (seed, first, source) = (seed.to_string(), first.to_string(), source.path());
    let (path, source) = (path.to_str().unwrap(), source.to_str().unwrap());
    let environment = [("STORE", path), ("SOURCE", source), ("SEED", &seed), ("FIRST", &first)];
    Actor::start(part, &[&environment[..], more].concat())
}

/// Listens until a moment worth to strike at: soon after a step of a chosen kind was begun.
pub fn wait_for_the_moment(worker: &mut Actor, ledger: &mut Ledger, rng: &mut Rng) {
    let step = *rng.pick(&["append", "append", "import", "sync", "close", "open"]);
    let mut left = if step == "append" { rng.range(1, 120) } else { rng.range(1, 2) };
    for _ in 0..400 {
        let Some(line) = worker.hear() else { return };
        ledger.hear(&line);
        left -= u64::from(line.strip_prefix("doing ") == Some(step));
        if left == 0 {
            break;
        }
    }
    // Most steps take less than 100 us; those that sync, seal or recover take longer.
    let most = *rng.pick(&[1, 100, 1000, 4000]);
    std::thread::sleep(std::time::Duration::from_micros(rng.below(most)));
}
