//! Starts a worker for every measure: each workload on each engine in turn, round by round.

use crate::peer::{Data, Role, Workload};
use crate::{machine, picture, report, Engine, ENGINES};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How much is done.
pub struct Effort {
    pub rounds: usize,
    pub events: u64,
    /// Of the store that is opened.
    pub large: u64,
    /// For the single durable appends, whose cost is the disk's: about so long on the bare disk.
    pub durable_seconds: f64,
    /// A worker that takes longer is stopped.
    pub limit: Duration,
    /// Of W3's latency, and how long it may take.
    pub latency: (u64, u64),
    /// Of W12: events, entities, how long to append and to import may take.
    pub many: Many,
    /// Of the large payloads, in all.
    pub large_bytes: u64,
    /// Below `benches/`: where the report goes, and what it says of itself.
    pub out: &'static str,
    pub note: &'static str,
}

/// What W12 does; what an engine can't do in its time is left undone.
pub struct Many {
    pub events: u64,
    pub entities: u64,
    pub append_seconds: u64,
    pub import_seconds: u64,
}

/// A measure that takes longer is taken in one round only.
const ONCE: Duration = Duration::from_secs(5);

pub const FULL: Effort = Effort {
    rounds: 3,
    events: 200_000,
    large: 1_000_000,
    durable_seconds: 0.4,
    limit: Duration::from_secs(60),
    latency: (3_000_000, 12),
    many: Many { events: 10_000_000, entities: 1_000_000, append_seconds: 60, import_seconds: 45 },
    large_bytes: 256 << 20,
    out: "",
    note: "",
};
pub const QUICK: Effort = Effort {
    rounds: 2,
    events: 40_000,
    large: 200_000,
    durable_seconds: 0.1,
    limit: Duration::from_secs(30),
    latency: (100_000, 2),
    many: Many { events: 500_000, entities: 50_000, append_seconds: 4, import_seconds: 3 },
    large_bytes: 64 << 20,
    out: "target",
    note: "A quick run: less data, fewer rounds. It shows that all works; figures to quote come \
        from make bench.",
};

/// What a workload finds at its directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Nothing,
    /// A store that was made once for all rounds.
    Prepared(Store),
    /// One whose process has just been killed.
    Killed,
}

/// The stores that are made once for each engine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Filled,
    /// All of `Filled`, by import.
    Imported,
    Large,
    /// Small payloads, an entity for each.
    Small,
    /// Payloads of 1 MiB.
    Mib,
    /// Payloads of 32 MiB.
    Mib32,
}

impl Store {
    const ALL: [Store; 6] =
        [Store::Filled, Store::Imported, Store::Large, Store::Small, Store::Mib, Store::Mib32];

    fn events(self, sizes: &Sizes) -> u64 {
        match self {
            Store::Large => sizes.large,
            Store::Mib => sizes.large_bytes >> 20,
            Store::Mib32 => sizes.large_bytes >> 25,
            Store::Filled | Store::Imported | Store::Small => sizes.events,
        }
    }

    fn data(self, events: u64) -> Data {
        match self {
            Store::Small => Data { events, entities: events, payload: 16, ..Data::DEFAULT },
            Store::Mib => Data { events, payload: 1 << 20, ..Data::DEFAULT },
            Store::Mib32 => Data { events, payload: 32 << 20, ..Data::DEFAULT },
            Store::Filled | Store::Imported | Store::Large => Data { events, ..Data::DEFAULT },
        }
    }
}

/// One workload on data of one shape.
struct Run {
    name: &'static str,
    workload: Workload,
    on: On,
    /// What an import reads; elsewhere, the shape of the data.
    source: Store,
    events: fn(&Sizes) -> u64,
}

impl Run {
    fn imports(&self) -> bool {
        matches!(self.workload, Workload::Import | Workload::ImportChunks | Workload::ImportAgain)
    }

    fn is_for(&self, engine: &Engine) -> bool {
        let crashes = self.on != On::Killed || engine.workloads.contains(&Workload::Crash);
        engine.workloads.contains(&self.workload) && crashes
    }
}

struct Sizes {
    durable: u64,
    events: u64,
    large: u64,
    latency: u64,
    large_bytes: u64,
}

const fn run(
    name: &'static str,
    workload: Workload,
    on: On,
    source: Store,
    events: fn(&Sizes) -> u64,
) -> Run {
    Run { name, workload, on, source, events }
}

const RUNS: &[Run] = &[
    run("append-one", Workload::AppendOne, On::Nothing, Store::Filled, |s| s.durable),
    run("append-threads", Workload::AppendThreads, On::Nothing, Store::Filled, |s| s.durable * 2),
    run("append-batch", Workload::AppendBatch, On::Nothing, Store::Filled, |s| s.events),
    run("append-fast", Workload::AppendFast, On::Nothing, Store::Filled, |s| s.events / 4),
    run("append-latency", Workload::Latency, On::Nothing, Store::Filled, |s| s.latency),
    run("import", Workload::Import, On::Nothing, Store::Filled, |s| s.events),
    run("import-chunks", Workload::ImportChunks, On::Nothing, Store::Filled, |s| s.events),
    run("import-again", Workload::ImportAgain, On::Prepared(Store::Imported), Store::Filled, |s| {
        s.events
    }),
    run("read", Workload::Read, On::Prepared(Store::Filled), Store::Filled, |s| s.events),
    run("scan", Workload::Scan, On::Prepared(Store::Filled), Store::Filled, |s| s.events),
    run("entity", Workload::Entity, On::Prepared(Store::Filled), Store::Filled, |s| s.events),
    run("open", Workload::Open, On::Prepared(Store::Filled), Store::Filled, |s| s.events),
    run("open-killed", Workload::Open, On::Killed, Store::Filled, |s| s.events),
    run("open-large", Workload::Open, On::Prepared(Store::Large), Store::Large, |s| s.large),
    run("small-append-batch", Workload::AppendBatch, On::Nothing, Store::Small, |s| s.events),
    run("small-import", Workload::Import, On::Nothing, Store::Small, |s| s.events),
    run("small-entity", Workload::Entity, On::Prepared(Store::Small), Store::Small, |s| s.events),
    run("mib-append", Workload::AppendFast, On::Nothing, Store::Mib, |s| Store::Mib.events(s)),
    run("mib-import", Workload::Import, On::Nothing, Store::Mib, |s| Store::Mib.events(s)),
    run("mib32-append", Workload::AppendFast, On::Nothing, Store::Mib32, |s| {
        Store::Mib32.events(s)
    }),
    run("mib32-import", Workload::Import, On::Nothing, Store::Mib32, |s| Store::Mib32.events(s)),
];

/// W12: one after the other on one store, which is too large to be kept for all engines at once.
const MANY: [(&str, Workload); 3] = [
    ("many-append", Workload::AppendMany),
    ("many-import", Workload::ImportMany),
    ("many-entity", Workload::EntityMany),
];

/// Every value that was measured, and what went wrong.
#[derive(Default)]
pub struct Results {
    /// By run, engine and name of the value: one figure a round.
    pub values: BTreeMap<(&'static str, &'static str, String), Vec<f64>>,
    pub failures: BTreeMap<(&'static str, &'static str), String>,
    /// Those that take long enough to be measured once.
    once: BTreeSet<(&'static str, &'static str)>,
    /// Round, run, engine, name, figure.
    pub rows: Vec<(usize, &'static str, &'static str, String, f64)>,
}

impl Results {
    fn add(
        &mut self,
        round: usize,
        (run, engine): (&'static str, &'static str),
        measured: Result<Vec<(String, f64)>, String>,
    ) -> String {
        match measured {
            Ok(values) => {
                let first = values.first().map_or(String::new(), |v| report::short(v.1));
                for (name, value) in values {
                    self.values.entry((run, engine, name.clone())).or_default().push(value);
                    self.rows.push((round, run, engine, name, value));
                }
                format!(" {engine} {first}")
            }
            Err(why) => {
                self.failures.insert((run, engine), why);
                format!(" {engine} FAILED")
            }
        }
    }

    /// After how many events a measure was stopped, where it was.
    pub fn cut(&self, run: &'static str, engine: &'static str) -> Option<f64> {
        self.values.get(&(run, engine, "cut_at".into())).map(|figures| report::median(figures))
    }
}

pub fn bench(effort: &Effort) {
    let began = Instant::now();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bench = Bench { effort, stores: here.join("target/stores") };
    // What an earlier run left when it was stopped.
    let _ = std::fs::remove_dir_all(&bench.stores);
    let sizes = bench.sizes();
    let mut results = Results::default();
    for engine in ENGINES.iter().filter(|e| e.workloads.contains(&Workload::Fill)) {
        println!("{:>5} s  stores of {}", began.elapsed().as_secs(), engine.name);
        bench.prepare(engine, &sizes, &mut results);
    }
    for round in 1..=effort.rounds {
        for (number, run) in RUNS.iter().enumerate() {
            let mut line = format!(
                "{:>5} s  round {round}/{}  {}:",
                began.elapsed().as_secs(),
                effort.rounds,
                run.name
            );
            for engine in rotated(round + number).filter(|e| run.is_for(e)) {
                let key = (run.name, engine.name);
                if results.failures.contains_key(&key) || results.once.contains(&key) {
                    continue;
                }
                let started = Instant::now();
                line += &results.add(round, key, bench.measure(engine, run, &sizes));
                if started.elapsed() > ONCE {
                    results.once.insert(key);
                }
            }
            println!("{line}");
        }
    }
    for engine in ENGINES.iter().filter(|e| e.workloads.contains(&Workload::AppendMany)) {
        println!(
            "{:>5} s  many entities:{}",
            began.elapsed().as_secs(),
            bench.many(engine, &mut results)
        );
    }
    std::fs::remove_dir_all(&bench.stores).expect("remove the stores");
    let about = machine::describe(here);
    let shape = format!(
        "{} events of 256 bytes, 1,000 entities, 10 scopes; single durable appends: {}; the large \
        store: {}; latency: {} events in at most {} s; W12: {} events, {} entities; W13: {} MiB; \
        medians of {} rounds, of one where it took more than {} s",
        report::grouped(sizes.events),
        report::grouped(sizes.durable),
        report::grouped(sizes.large),
        report::grouped(sizes.latency),
        effort.latency.1,
        report::grouped(effort.many.events),
        report::grouped(effort.many.entities),
        effort.large_bytes >> 20,
        effort.rounds,
        ONCE.as_secs()
    );
    let out = here.join(effort.out);
    report::write(&out, &results, &about, &shape, effort.note);
    picture::write(&out.join("results.svg"), &results, &about, effort.note);
    println!(
        "{:>5} s  written: {}/results.md, .csv, .svg",
        began.elapsed().as_secs(),
        out.display()
    );
}

/// Every round and run begins with another engine.
fn rotated(by: usize) -> impl Iterator<Item = &'static Engine> {
    ENGINES.iter().cycle().skip(by % ENGINES.len()).take(ENGINES.len())
}

struct Bench<'a> {
    effort: &'a Effort,
    stores: PathBuf,
}

impl Bench<'_> {
    /// How many single durable appends the disk of today does in the time that the effort gives
    /// them.
    fn sizes(&self) -> Sizes {
        let floor = ENGINES.iter().find(|e| e.role == Role::Floor).expect("the floor");
        let data = Data { events: 200, ..Data::DEFAULT };
        let values =
            self.worker(floor, Workload::AppendOne, &self.stores.join("floor"), None, &data);
        let rate = values.expect("the floor").first().map_or(0.0, |v| v.1);
        let durable = ((rate * self.effort.durable_seconds) as u64).clamp(200, 4000);
        let Effort { events, large, latency: (latency, _), large_bytes, .. } = *self.effort;
        Sizes { durable, events, large, latency, large_bytes }
    }

    fn prepare(&self, engine: &Engine, sizes: &Sizes, results: &mut Results) {
        for store in Store::ALL {
            let (workload, source) = match store {
                Store::Imported => (Workload::Import, Some(self.prepared(engine, Store::Filled))),
                _ => (Workload::Fill, None),
            };
            if !engine.workloads.contains(&workload) {
                continue;
            }
            let made = self.worker(
                engine,
                workload,
                &self.prepared(engine, store),
                source.as_deref(),
                &store.data(store.events(sizes)),
            );
            if let Err(why) = made {
                // What reads it, or imports from it.
                let needs = |run: &&Run| {
                    run.on == On::Prepared(store) || run.imports() && run.source == store
                };
                for run in RUNS.iter().filter(needs).filter(|run| run.is_for(engine)) {
                    results.failures.insert(
                        (run.name, engine.name),
                        format!("its store could not be made: {why}"),
                    );
                }
            }
        }
    }

    fn prepared(&self, engine: &Engine, store: Store) -> PathBuf {
        self.stores.join(format!("{}-{}", engine.name, store as u8))
    }

    fn measure(
        &self,
        engine: &Engine,
        run: &Run,
        sizes: &Sizes,
    ) -> Result<Vec<(String, f64)>, String> {
        let data = run.source.data((run.events)(sizes));
        let new = self.stores.join("new");
        let dir = match run.on {
            On::Prepared(store) => self.prepared(engine, store),
            On::Nothing | On::Killed => new.clone(),
        };
        let source = run.imports().then(|| self.prepared(engine, run.source));
        if run.on == On::Killed {
            self.worker(engine, Workload::Crash, &dir, None, &data)?;
        }
        // Nobody pays for what was written before.
        // SAFETY: no memory is passed.
        unsafe { libc::sync() };
        let values = self.worker(engine, run.workload, &dir, source.as_deref(), &data);
        let _ = std::fs::remove_dir_all(&new);
        values
    }

    /// The measures of W12 on one engine.
    fn many(&self, engine: &Engine, results: &mut Results) -> String {
        let (store, new) = (self.stores.join("many"), self.stores.join("new"));
        let Many { events, entities, .. } = self.effort.many;
        let mut data = Data { events, entities, payload: 16, random: true, ..Data::DEFAULT };
        let (mut line, mut cut) = (String::new(), None);
        for (run, workload) in MANY {
            if !engine.workloads.contains(&workload) {
                continue;
            }
            let imports = workload == Workload::ImportMany;
            let dir = if imports { &new } else { &store };
            // SAFETY: no memory is passed.
            unsafe { libc::sync() };
            let mut measured =
                self.worker(engine, workload, dir, imports.then_some(store.as_path()), &data);
            if let Ok(values) = &mut measured {
                let stopped = values.iter().find(|v| v.0 == "cut_at").map(|v| v.1);
                if workload == Workload::AppendMany {
                    cut = stopped;
                    data.events = cut.map_or(events, |cut| cut as u64);
                } else if let (None, Some(cut)) = (stopped, cut) {
                    values.push(("cut_at".into(), cut));
                }
            }
            let failed = measured.is_err();
            line += &results.add(1, (run, engine.name), measured);
            let _ = std::fs::remove_dir_all(&new);
            if failed && workload == Workload::AppendMany {
                break;
            }
        }
        let _ = std::fs::remove_dir_all(&store);
        line
    }

    fn worker(
        &self,
        engine: &Engine,
        workload: Workload,
        dir: &Path,
        source: Option<&Path>,
        data: &Data,
    ) -> Result<Vec<(String, f64)>, String> {
        let mut command = engine.command(workload.name(), dir);
        let Many { append_seconds, import_seconds, .. } = self.effort.many;
        let seconds = match workload {
            Workload::Latency => self.effort.latency.1,
            Workload::AppendMany => append_seconds,
            Workload::ImportMany => import_seconds,
            _ => 0,
        };
        if seconds > 0 {
            command.args(["--seconds", &seconds.to_string()]);
        }
        for (name, value) in [
            ("--events", data.events.to_string()),
            ("--entities", data.entities.to_string()),
            ("--payload", data.payload.to_string()),
            ("--random", u8::from(data.random).to_string()),
        ] {
            command.args([name, &value]);
        }
        if let Some(source) = source {
            command.arg("--source").arg(source);
        }
        let values = finish(
            &mut command,
            self.effort.limit + Duration::from_secs(2 * seconds),
            (workload == Workload::Crash).then_some(libc::SIGKILL),
        );
        if values.is_err() {
            let _ = std::fs::remove_dir_all(self.stores.join("new"));
        }
        values
    }
}

/// Runs a worker and reads what it printed, or says what went wrong.
pub fn finish(
    command: &mut Command,
    limit: Duration,
    signal: Option<i32>,
) -> Result<Vec<(String, f64)>, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/stores");
    std::fs::create_dir_all(dir).expect("the directory of the stores");
    command.env("RUST_BACKTRACE", "0").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    let pid = child.id() as i32;
    let (sender, receiver) = mpsc::channel();
    let waiting = std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(limit).map_err(|_| {
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        format!("stopped after {} s", limit.as_secs())
    });
    let _ = waiting.join();
    let output = output?.map_err(|e| e.to_string())?;
    if !output.status.success() && (signal.is_none() || output.status.signal() != signal) {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("note: "));
        return Err(format!("{}: {}", output.status, lines.collect::<Vec<_>>().join(" ")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines()
        .map(|line| value(line).ok_or_else(|| format!("a line without a figure: {line}")))
        .collect()
}
