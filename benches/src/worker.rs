//! One workload, once, in this process: makes its data, starts the clock, prints what it measured.

use crate::peer::{id, mix, Data, Event, Imported, Mode, Peer, Workload, BATCH};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Threads of [`Workload::AppendThreads`].
const THREADS: usize = 8;

/// What the command line of a worker says.
pub struct Task {
    pub workload: Workload,
    pub dir: PathBuf,
    /// The store to import from.
    pub source: PathBuf,
    pub data: Data,
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
        Workload::Fill => {
            let store = P::open(&task.dir);
            fill(&store, data);
            finish(store, task);
        }
        Workload::Crash => {
            let store = P::open(&task.dir);
            fill(&store, data);
            // SAFETY: a signal to this process.
            unsafe { libc::raise(libc::SIGKILL) };
        }
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
fn fill<P: Peer>(store: &P, data: &Data) {
    let (mut n, mut spent) = (data.range(), Duration::ZERO);
    while !n.is_empty() {
        let events: Vec<Event> = n.by_ref().take(BATCH).map(|n| data.event(n)).collect();
        let started = Instant::now();
        store.append(&events, false);
        spent += started.elapsed();
    }
    print_rate(data.events, spent);
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
    let store = P::open(&task.dir);
    let started = Instant::now();
    work(&store);
    print_rate(task.data.events, started.elapsed());
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

/// Memory while the store is open, then its size on disk when it is closed.
fn finish<P: Peer>(store: P, task: &Task) {
    print("resident_mb", memory_mb("VmRSS:") - task.memory_before_mb);
    print("peak_mb", memory_mb("VmHWM:") - task.memory_before_mb);
    store.close();
    // What can't be read back was not kept.
    if P::WORKLOADS.contains(&Workload::Scan) {
        print("bytes_per_event", disk_bytes(&task.dir) as f64 / task.data.range().end as f64);
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

fn print_rate(events: u64, time: Duration) {
    print("events_per_second", events as f64 / time.as_secs_f64());
}

fn print(name: &str, value: f64) {
    println!("{name} {value}");
}
