//! Starts a worker for every measure: each workload on each engine in turn, round by round.

use crate::peer::{Data, Role, Workload};
use crate::{machine, picture, report, Engine, ENGINES};
use std::collections::BTreeMap;
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
    /// Below `benches/`: where the report goes, and what it says of itself.
    pub out: &'static str,
    pub note: &'static str,
}

pub const FULL: Effort = Effort {
    rounds: 5,
    events: 200_000,
    large: 1_000_000,
    durable_seconds: 0.4,
    limit: Duration::from_secs(60),
    out: "",
    note: "",
};
pub const QUICK: Effort = Effort {
    rounds: 2,
    events: 40_000,
    large: 200_000,
    durable_seconds: 0.1,
    limit: Duration::from_secs(30),
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
    fn is_for(&self, engine: &Engine) -> bool {
        let crashes = self.on != On::Killed || engine.workloads.contains(&Workload::Crash);
        engine.workloads.contains(&self.workload) && crashes
    }
}

struct Sizes {
    durable: u64,
    events: u64,
    large: u64,
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
];

/// Every value that was measured, and what went wrong.
#[derive(Default)]
pub struct Results {
    /// By run, engine and name of the value: one figure a round.
    pub values: BTreeMap<(&'static str, &'static str, String), Vec<f64>>,
    pub failures: BTreeMap<(&'static str, &'static str), String>,
    /// Round, run, engine, name, figure.
    pub rows: Vec<(usize, &'static str, &'static str, String, f64)>,
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
                if results.failures.contains_key(&(run.name, engine.name)) {
                    continue;
                }
                match bench.measure(engine, run, &sizes) {
                    Ok(values) => {
                        line += &format!(
                            " {} {}",
                            engine.name,
                            values.first().map_or(String::new(), |v| report::short(v.1))
                        );
                        for (name, value) in values {
                            let key = (run.name, engine.name, name.clone());
                            results.values.entry(key).or_default().push(value);
                            results.rows.push((round, run.name, engine.name, name, value));
                        }
                    }
                    Err(why) => {
                        line += &format!(" {} FAILED", engine.name);
                        results.failures.insert((run.name, engine.name), why);
                    }
                }
            }
            println!("{line}");
        }
    }
    std::fs::remove_dir_all(&bench.stores).expect("remove the stores");
    let about = machine::describe(here);
    let shape = format!(
        "{} events of 256 bytes, 1,000 entities, 10 scopes; single durable appends: {}; the large \
        store: {}; medians of {} rounds",
        report::grouped(sizes.events),
        report::grouped(sizes.durable),
        report::grouped(sizes.large),
        effort.rounds
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
        let data = Data { first: 0, events: 200, entities: 1000, payload: 256 };
        let values =
            self.worker(floor, Workload::AppendOne, &self.stores.join("floor"), None, &data);
        let rate = values.expect("the floor").first().map_or(0.0, |v| v.1);
        let durable = ((rate * self.effort.durable_seconds) as u64).clamp(200, 4000);
        Sizes { durable, events: self.effort.events, large: self.effort.large }
    }

    fn prepare(&self, engine: &Engine, sizes: &Sizes, results: &mut Results) {
        for store in [Store::Filled, Store::Imported, Store::Large, Store::Small] {
            let events = if store == Store::Large { sizes.large } else { sizes.events };
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
                &shape(store, events),
            );
            if let Err(why) = made {
                for run in RUNS.iter().filter(|r| r.on == On::Prepared(store) && r.is_for(engine)) {
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
        let data = shape(run.source, (run.events)(sizes));
        let new = self.stores.join("new");
        let dir = match run.on {
            On::Prepared(store) => self.prepared(engine, store),
            On::Nothing | On::Killed => new.clone(),
        };
        let is_import = matches!(
            run.workload,
            Workload::Import | Workload::ImportChunks | Workload::ImportAgain
        );
        let source = is_import.then(|| self.prepared(engine, run.source));
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

    fn worker(
        &self,
        engine: &Engine,
        workload: Workload,
        dir: &Path,
        source: Option<&Path>,
        data: &Data,
    ) -> Result<Vec<(String, f64)>, String> {
        let mut command = engine.command(workload.name(), dir);
        for (name, value) in [
            ("--events", data.events),
            ("--entities", data.entities),
            ("--payload", data.payload as u64),
        ] {
            command.args([name, &value.to_string()]);
        }
        if let Some(source) = source {
            command.arg("--source").arg(source);
        }
        let values = finish(
            &mut command,
            self.effort.limit,
            (workload == Workload::Crash).then_some(libc::SIGKILL),
        );
        if values.is_err() {
            let _ = std::fs::remove_dir_all(self.stores.join("new"));
        }
        values
    }
}

fn shape(store: Store, events: u64) -> Data {
    match store {
        Store::Small => Data { first: 0, events, entities: events, payload: 16 },
        _ => Data { first: 0, events, entities: 1000, payload: 256 },
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
