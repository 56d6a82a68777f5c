//! walrus: a log of topics.

use super::job;
use crate::peer::{Event, Peer, Role, Workload};
use std::cell::OnceCell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use walrus_rust::{FsyncSchedule, ReadConsistency, Walrus as Log};

pub struct Walrus(Log);

/// Each thread writes to a topic of its own.
fn with_topic(job: impl FnOnce(&str)) {
    static TOPICS: AtomicU64 = AtomicU64::new(1);
    thread_local!(static TOPIC: OnceCell<String> = const { OnceCell::new() });
    TOPIC.with(|topic| {
        job(topic.get_or_init(|| TOPICS.fetch_add(1, Ordering::Relaxed).to_string()))
    });
}

impl Walrus {
    fn open_with(dir: &Path, schedule: FsyncSchedule) -> Self {
        // SAFETY: no other thread is there yet that reads the environment, in a worker; in a test
        // the other engines read none.
        unsafe {
            std::env::set_var("WALRUS_DATA_DIR", dir);
            std::env::set_var("WALRUS_QUIET", "1");
        }
        let consistency = ReadConsistency::AtLeastOnce { persist_every: u32::MAX };
        Self(Log::with_consistency_and_schedule(consistency, schedule).unwrap())
    }
}

impl Peer for Walrus {
    const NAME: &'static str = "walrus";
    const PACKAGE: &'static str = "walrus-rust";
    const ROLE: Role = Role::Log;
    const DOES: &'static str =
        "an entry for each event, a topic for each thread; batches through io_uring; opened with \
        `SyncEach` where single entries are durable";
    const LEAVES_OUT: &'static str =
        "hashes (a checksum of each entry instead), ids, any index, import; reads: a queue, which \
        consumes what it reads";
    const WORKLOADS: &'static [Workload] = &[
        Workload::AppendOne,
        Workload::AppendThreads,
        Workload::AppendBatch,
        Workload::AppendFast,
        Workload::Latency,
    ];

    fn open(dir: &Path) -> Self {
        Self::open_with(dir, FsyncSchedule::SyncEach)
    }

    fn open_for(dir: &Path, workload: Workload) -> Self {
        match workload {
            // A batch is synced as one in any case, and not entry by entry.
            Workload::AppendFast | Workload::Latency | Workload::AppendBatch => {
                Self::open_with(dir, FsyncSchedule::NoFsync)
            }
            _ => Self::open(dir),
        }
    }

    fn close(self) {}

    fn append(&self, events: &[Event], _durable: bool) {
        let record = |event| {
            let mut record = Vec::new();
            job::log_record(event, &mut record);
            record
        };
        with_topic(|topic| match events {
            [event] => self.0.append_for_topic(topic, &record(event)).unwrap(),
            events => {
                let records: Vec<Vec<u8>> = events.iter().map(record).collect();
                let batch: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
                self.0.batch_append_for_topic(topic, &batch).unwrap();
            }
        });
    }
}
