//! Prints what a store costs as it grows: import, repeated import, opening, memory.
//!
//! `cargo run --release --example scale -- [events ...]`; default 10000 100000 1000000.

use fbat::engine::event::NewEvent;
use fbat::engine::id::Kind;
use fbat::engine::import::{ImportOptions, Verdict};
use fbat::engine::query::Query;
use fbat::engine::store::{Durability, OpenMode, Options, Store};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("open") => open(Path::new(&arguments[1])),
        Some("crash") => crash(Path::new(&arguments[1]), arguments[2].parse().expect("a number of events")),
        _ => grow(&arguments),
    }
}

fn grow(arguments: &[String]) {
    let sizes: Vec<usize> = arguments.iter().map(|a| a.parse().expect("a number of events")).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    let dir = std::env::temp_dir().join(format!("fbat-scale-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary directory");
    println!(
        "{:>9} {:>10} {:>10} {:>10} {:>12} {:>12} {:>9} {:>9}",
        "events", "append/s", "import/s", "repeat/s", "import cpu", "repeat cpu", "log B/ev", "disk B/ev"
    );
    for size in sizes {
        let (from, to) = (dir.join(format!("from-{size}")), dir.join(format!("to-{size}")));
        let started = Instant::now();
        fill(&open_store(&from, OpenMode::MustBeNew), size);
        let append = size as f64 / started.elapsed().as_secs_f64();
        let (source, hub) = (open_store(&from, OpenMode::MustExist), open_store(&to, OpenMode::MustBeNew));
        let first = import(&hub, &source, size, 0);
        let repeat = import(&hub, &source, 0, size);
        let stats = source.stats().expect("stats");
        hub.close().expect("close");
        let disk = |path: &Path| -> u64 {
            let files = std::fs::read_dir(path).expect("a directory");
            files.map(|f| f.expect("an entry").metadata().expect("metadata").len()).sum()
        };
        println!(
            "{size:>9} {append:>10.0} {:>10.0} {:>10.0} {:>9.2} us {:>9.2} us {:>9.0} {:>9.0}",
            first.per_second,
            repeat.per_second,
            first.cpu_us,
            repeat.cpu_us,
            stats.log_bytes as f64 / size as f64,
            disk(&to) as f64 / size as f64
        );
        run(&["open", &to.to_string_lossy()], "after close");
        let crashed = dir.join(format!("crashed-{size}"));
        run(&["crash", &crashed.to_string_lossy(), &size.to_string()], "");
        run(&["open", &crashed.to_string_lossy()], "after kill ");
        std::fs::remove_dir_all(&crashed).expect("remove");
    }
    std::fs::remove_dir_all(&dir).expect("remove");
}

fn run(arguments: &[&str], what: &str) {
    print!("{what}");
    use std::io::Write;
    std::io::stdout().flush().expect("stdout");
    let me = std::env::current_exe().expect("this program");
    let status = Command::new(me).args(arguments).status().expect("a child");
    assert!(status.success() || !what.starts_with("after"), "the child failed");
}

fn open_store(path: &Path, mode: OpenMode) -> Store {
    let options = Options { mode, durability: Durability::Os, ..Options::default() };
    Store::open(path, &options).expect("open")
}

fn fill(store: &Store, size: usize) {
    let mut written = 0;
    let entities: Vec<String> = (0..1000).map(|n| format!("sensor:{n:04}")).collect();
    while written < size {
        let count = (size - written).min(256);
        let payloads: Vec<[u8; 256]> = (0..count).map(|n| payload(written + n)).collect();
        let events: Vec<NewEvent<'_>> = (0..count)
            .map(|n| NewEvent {
                entity: &entities[(written + n) * 7919 % 1000],
                scope: ["a", "b", "c"][(written + n) % 3],
                kind: Kind(0x1001),
                payload: &payloads[n],
                ..NewEvent::default()
            })
            .collect();
        store.append_batch(&events).expect("append");
        written += count;
    }
}

fn payload(n: usize) -> [u8; 256] {
    let mut state = n as u64 ^ 0x9e37_79b9_7f4a_7c15;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    })
}

/// What an import cost: events in a second, and processor time of all kinds for each.
struct Cost {
    per_second: f64,
    cpu_us: f64,
}

fn import(hub: &Store, source: &Store, imported: usize, deduplicated: usize) -> Cost {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut keep = |_: &fbat::engine::event::Event<'_>| Verdict::Keep;
    let mut options = ImportOptions { namespace: "scale".into(), filter: Some(&mut keep), ..ImportOptions::default() };
    let outcome = hub.import(source, &mut options);
    outcome.result.expect("import");
    assert_eq!((outcome.report.imported, outcome.report.deduplicated), (imported as u64, deduplicated as u64));
    let events = (imported + deduplicated) as f64;
    Cost { per_second: events / started.elapsed().as_secs_f64(), cpu_us: (cpu_seconds() - cpu) * 1e6 / events }
}

/// Processor time of this process so far, user and system.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("stat");
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    ticks.map(|t| t.parse::<f64>().unwrap_or(0.0)).sum::<f64>() / 100.0
}

/// Appends and dies without closing.
fn crash(path: &Path, size: usize) {
    let store = open_store(path, OpenMode::MustBeNew);
    fill(&store, size);
    std::process::abort(); // with the store open
}

fn open(path: &Path) {
    let before = resident();
    let started = Instant::now();
    let store = open_store(path, OpenMode::MustExist);
    let page = store.query(&Query { limit: 1, backward: true, ..Query::default() }).expect("query");
    let elapsed = started.elapsed();
    assert_eq!(page.len(), 1);
    println!(
        ": open to first answer {:.2} ms, resident {:.1} MB (process {:.1} MB before)",
        elapsed.as_secs_f64() * 1e3,
        resident() as f64 / 1e6,
        before as f64 / 1e6
    );
}

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).map_or(0, |pages| pages * 4096)
}
