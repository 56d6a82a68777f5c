//! One workload, once, in this process: makes its data, starts the clock, prints what it measured.

use crate::peer::{id, mix, Data, Event, Imported, Mode, Peer, Workload, BATCH};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Threads of [`Workload::AppendThreads`].
const THREADS: usize = 8;
/// Of a batch that makes a store.
const BATCH_BYTES: usize = 16 << 20;
/// Entities that [`Workload::EntityMany`] reads.
const ENTITIES_READ: u64 = 100_000;

/// What the command line of a worker says.
pub struct Task {
    pub workload: Workload,
    pub dir: PathBuf,
    /// The store to import from.
    pub source: PathBuf,
    pub data: Data,
    /// Workloads that measure for long stop after that.
    pub limit: Duration,
    /// What the process takes without a store; this program is large.
    pub memory_before_mb: f64,
}

pub fn run<P: Peer>(task: &Task) {
    assert!(
        P::WORKLOADS.contains(&task.workload),
        "{} has no equivalent of {}",
        P::NAME,
        task.workload.name()
    );
    std::fs::create_dir_all(&task.dir).expect("the directory of the store");
    let data = &task.data;
    match task.workload {
        Workload::Fill | Workload::Crash => fill::<P>(task),
        Workload::AppendOne => append::<P>(task, |store, events| appends(store, events, 1, true)),
        Workload::AppendBatch => {
            append::<P>(task, |store, events| appends(store, events, BATCH, true))
        }
        Workload::AppendFast => append::<P>(task, |store, events| appends(store, events, 1, false)),
        Workload::AppendThreads => append::<P>(task, |store, events| {
            std::thread::scope(|scope| {
                for share in events.chunks(events.len().div_ceil(THREADS)) {
                    scope.spawn(move || appends(store, share, 1, true));
                }
            });
        }),
        Workload::Import => {
            import::<P>(task, Mode::Once, Imported { new: data.events, present: 0 })
        }
        Workload::ImportChunks => {
            import::<P>(task, Mode::PerChunk, Imported { new: data.events, present: 0 })
        }
        Workload::ImportAgain => {
            import::<P>(task, Mode::Once, Imported { new: 0, present: data.events })
        }
        Workload::Read => read::<P>(task, |store| {
            for i in data.range() {
                let n = data.first + mix(i) % data.events;
                assert_eq!(store.read(&id(n)), Some(data.payload), "event {n}");
            }
        }),
        Workload::Scan => read::<P>(task, |store| {
            let mut seen = Seen::default();
            assert_eq!(store.scan(&mut |payload| seen.add(payload)), data.events);
            assert_eq!(seen.bytes, data.events * data.payload as u64);
        }),
        Workload::Entity => read::<P>(task, |store| {
            let mut seen = Seen::default();
            let count = |n| store.entity(&data.entity(n), &mut |payload| seen.add(payload));
            assert_eq!((0..data.entities).map(count).sum::<u64>(), data.events);
            assert_eq!(seen.bytes, data.events * data.payload as u64);
        }),
        Workload::Latency => latency::<P>(task),
        Workload::AppendMany => append_many::<P>(task),
        Workload::ImportMany => import_many::<P>(task),
        Workload::EntityMany => entity_many::<P>(task),
        Workload::Open => {
            let started = Instant::now();
            let store = P::open(&task.dir);
            let found = store.read(&id(data.first + data.events / 2));
            print("milliseconds", started.elapsed().as_secs_f64() * 1e3);
            assert_eq!(found, Some(data.payload));
            finish(store, task);
        }
    }
}

/// Every payload is looked at, so that no engine gets away with a promise.
#[derive(Default)]
struct Seen {
    bytes: u64,
    noise: u8,
}

impl Seen {
    fn add(&mut self, payload: &[u8]) {
        self.bytes += payload.len() as u64;
        self.noise = std::hint::black_box(self.noise ^ payload[0] ^ payload[payload.len() - 1]);
    }
}

/// Data is made batch by batch, so that it takes no memory; the time of the appends alone is
/// printed.
fn fill<P: Peer>(task: &Task) {
    let (store, data) = (P::open(&task.dir), &task.data);
    let (mut n, mut spent) = (data.range(), Duration::ZERO);
    let batch = BATCH.min(BATCH_BYTES / data.payload + 1);
    while !n.is_empty() {
        let events: Vec<Event> = n.by_ref().take(batch).map(|n| data.event(n)).collect();
        let started = Instant::now();
        store.append(&events, false);
        spent += started.elapsed();
    }
    print("events_per_second", data.events as f64 / spent.as_secs_f64());
    if task.workload == Workload::Crash {
        // SAFETY: a signal to this process.
        unsafe { libc::raise(libc::SIGKILL) };
    }
    finish(store, task);
}

fn appends<P: Peer>(store: &P, events: &[Event], size: usize, durable: bool) {
    for batch in events.chunks(size) {
        store.append(batch, durable);
    }
}

fn append<P: Peer>(task: &Task, work: impl FnOnce(&P, &[Event])) {
    let events = task.data.all();
    read::<P>(task, |store| work(store, &events));
}

/// Opens the store, and measures what is done with it.
fn read<P: Peer>(task: &Task, work: impl FnOnce(&P)) {
    let store = P::open_for(&task.dir, task.workload);
    let meter = Meter::start();
    work(&store);
    meter.print(task.data.events, &task.data);
    finish(store, task);
}

fn import<P: Peer>(task: &Task, mode: Mode, expected: Imported) {
    let source = P::open(&task.source);
    read::<P>(task, |store| {
        let mut filtered = 0;
        let imported = store.import(&source, mode, &mut |event| {
            filtered += 1;
            event.id != [0; 16]
                && event.kind != 0
                && event.time_us > 0
                && event.entity != event.scope
        });
        assert_eq!((imported, filtered), (expected, task.data.events));
    });
    source.close();
}

/// What a workload took: time, and of the processors the time of all threads.
struct Meter {
    started: Instant,
    cpu: f64,
}

impl Meter {
    fn start() -> Self {
        Self { started: Instant::now(), cpu: cpu_seconds(libc::CLOCK_PROCESS_CPUTIME_ID) }
    }

    fn print(&self, events: u64, data: &Data) {
        let seconds = self.started.elapsed().as_secs_f64();
        let cpu_us = (cpu_seconds(libc::CLOCK_PROCESS_CPUTIME_ID) - self.cpu) * 1e6 / events as f64;
        print("events_per_second", events as f64 / seconds);
        print("cpu_us", cpu_us);
        // Millions of bytes a second are bytes a microsecond.
        print("mb_per_cpu_second", data.payload as f64 / cpu_us);
    }
}

fn cpu_seconds(clock: libc::clockid_t) -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to `time` only.
    assert_eq!(unsafe { libc::clock_gettime(clock, &mut time) }, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Appends one by one for as long as the limit allows; each is made before its batch is appended.
fn latency<P: Peer>(task: &Task) {
    let store = P::open_for(&task.dir, task.workload);
    let (mut n, mut spent, mut took) = (task.data.range(), Duration::ZERO, Vec::new());
    while !n.is_empty() && spent < task.limit {
        let events: Vec<Event> = n.by_ref().take(BATCH).map(|n| task.data.event(n)).collect();
        for event in events.chunks(1) {
            let started = Instant::now();
            store.append(event, false);
            took.push(started.elapsed());
            spent += took[took.len() - 1];
        }
    }
    took.sort_unstable();
    let rank = |of_1000: usize| took[(took.len() * of_1000 / 1000).min(took.len() - 1)];
    for (name, time) in [
        ("p50_us", rank(500)),
        ("p99_us", rank(990)),
        ("p999_us", rank(999)),
        ("max_us", rank(1000)),
    ] {
        print(name, time.as_secs_f64() * 1e6);
    }
    print_cut(took.len() as u64, task);
    finish_at(store, task, took.len() as u64);
}

/// Where a workload stopped before its end.
fn print_cut(events: u64, task: &Task) {
    if events < task.data.events {
        print("cut_at", events as f64);
    }
}

/// The cost of the last tenth of all events: of a million, of ten million. Where time was over
/// before, of the last that were done.
struct Tenths {
    started: Instant,
    /// What the other work of this process took, which is not counted.
    other: f64,
    before: f64,
    cost_us: f64,
}

impl Tenths {
    fn start() -> Self {
        let before = cpu_seconds(libc::CLOCK_PROCESS_CPUTIME_ID);
        Self { started: Instant::now(), other: 0.0, before, cost_us: f64::NAN }
    }

    /// After so many events; false when there is no time for more.
    fn reached(&mut self, events: u64, task: &Task) -> bool {
        let tenth = task.data.events / 10;
        if events % tenth != 0 {
            return true;
        }
        let now = cpu_seconds(libc::CLOCK_PROCESS_CPUTIME_ID) - self.other;
        self.cost_us = (now - self.before) * 1e6 / tenth as f64;
        self.before = now;
        self.started.elapsed() < task.limit
    }

    fn print(&self, events: u64, task: &Task) {
        print("cpu_us", self.cost_us);
        print("events_per_second", events as f64 / self.started.elapsed().as_secs_f64());
        print_cut(events, task);
    }
}

fn append_many<P: Peer>(task: &Task) {
    let store = P::open_for(&task.dir, task.workload);
    let (mut tenths, mut n, mut events) = (Tenths::start(), task.data.range(), Vec::new());
    let tenth = task.data.events / 10;
    let mut done = 0;
    while done < task.data.events {
        let making = cpu_seconds(libc::CLOCK_THREAD_CPUTIME_ID);
        let batch = (tenth - done % tenth).min(BATCH as u64) as usize;
        events.clear();
        events.extend(n.by_ref().take(batch).map(|n| task.data.event(n)));
        tenths.other += cpu_seconds(libc::CLOCK_THREAD_CPUTIME_ID) - making;
        store.append(&events, false);
        done += events.len() as u64;
        if !tenths.reached(done, task) {
            break;
        }
    }
    tenths.print(done, task);
    finish_at(store, task, done);
}

/// An import can't be stopped: where time is over, the process ends.
fn import_many<P: Peer>(task: &Task) {
    let (source, store) = (P::open(&task.source), P::open_for(&task.dir, task.workload));
    let (mut tenths, mut seen) = (Tenths::start(), 0);
    let imported = store.import(&source, Mode::Once, &mut |event| {
        seen += 1;
        // The last is reached when all is done.
        if seen < task.data.events && !tenths.reached(seen, task) {
            tenths.print(seen, task);
            std::process::exit(0);
        }
        event.kind != 0
    });
    assert_eq!(imported, Imported { new: task.data.events, present: 0 });
    tenths.reached(task.data.events, task);
    tenths.print(task.data.events, task);
    finish(store, task);
    source.close();
}

fn entity_many<P: Peer>(task: &Task) {
    let data = &task.data;
    let mut events = vec![0u64; data.entities as usize];
    data.range().for_each(|n| events[data.entity_of(n) as usize] += 1);
    let wanted: Vec<u64> = (0..data.entities.min(ENTITIES_READ))
        .map(|i| data.entity_of(data.range().end + i))
        .collect();
    let expected: u64 = wanted.iter().map(|n| events[*n as usize]).sum();
    let store = P::open_for(&task.dir, task.workload);
    let mut seen = Seen::default();
    let meter = Meter::start();
    let read = |n: &u64| store.entity(&data.entity(*n), &mut |payload| seen.add(payload));
    assert_eq!(wanted.iter().map(read).sum::<u64>(), expected);
    meter.print(expected, data);
    assert_eq!(seen.bytes, expected * data.payload as u64);
    finish(store, task);
}

/// Memory while the store is open, then its size on disk when it is closed.
fn finish<P: Peer>(store: P, task: &Task) {
    finish_at(store, task, task.data.events);
}

/// The same where only so many events were done.
fn finish_at<P: Peer>(store: P, task: &Task, events: u64) {
    print("resident_mb", memory_mb("VmRSS:") - task.memory_before_mb);
    print("peak_mb", memory_mb("VmHWM:") - task.memory_before_mb);
    store.close();
    // What can't be read back was not kept.
    if P::WORKLOADS.contains(&Workload::Scan) {
        print("bytes_per_event", disk_bytes(&task.dir) as f64 / (task.data.first + events) as f64);
    }
}

/// Of this process.
pub fn memory_mb(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status of this process");
    let line =
        status.lines().find_map(|line| line.strip_prefix(field)).expect("memory of this process");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("kilobytes") * 1024.0 / 1e6
}

/// Blocks that are allocated, as `du` counts them.
fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries =
        std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    let size = |entry: std::fs::DirEntry| match entry.metadata().expect("an entry") {
        meta if meta.is_dir() => disk_bytes(&entry.path()),
        meta => meta.blocks() * 512,
    };
    entries.map(size).sum()
}

fn print(name: &str, value: f64) {
    println!("{name} {value}");
}
