//! raft-engine: the log of TiKV, where threads share syncs.

use super::job::{self, Record};
use crate::peer::{Event, Peer, Role, Workload};
use protobuf::well_known_types::BytesValue;
use raft_engine::{Config, Engine, LogBatch, MessageExt, ReadableSize};
use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct RaftEngine(Engine);

/// An entry: its index, then the event.
struct Entry;

impl MessageExt for Entry {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        u64::from_le_bytes(*entry.value.first_chunk().expect("an index"))
    }
}

/// Files that are written to before they are used, so that a sync writes no length.
const PREPARED: ReadableSize = ReadableSize::mb(512);
/// Entries that a scan asks for at a time.
const PAGE: u64 = 1024;

/// Each thread writes to a group of its own, whose entries have consecutive indexes.
fn group() -> u64 {
    static GROUPS: AtomicU64 = AtomicU64::new(1);
    thread_local!(static GROUP: Cell<u64> = const { Cell::new(0) });
    if GROUP.get() == 0 {
        GROUP.set(GROUPS.fetch_add(1, Ordering::Relaxed));
    }
    GROUP.get()
}

impl RaftEngine {
    fn open_with(dir: &Path, prepared: bool) -> Self {
        let config = Config {
            dir: dir.to_str().expect("a path").to_owned(),
            batch_compression_threshold: ReadableSize(0),
            prefill_for_recycle: prepared,
            prefill_limit: prepared.then_some(PREPARED),
            ..Config::default()
        };
        Self(Engine::open(config).unwrap())
    }
}

impl Peer for RaftEngine {
    const NAME: &'static str = "raft-engine";
    const PACKAGE: &'static str = "raft-engine";
    const ROLE: Role = Role::Log;
    const DOES: &'static str =
        "an entry for each event, a batch for each append, a group for each thread; files of \
        512 MB made before the clock starts; no compression";
    const LEAVES_OUT: &'static str =
        "hashes (a checksum of each batch instead), ids, any index but that of entries, in memory; \
        import; its disk is that of the files made before";
    const WORKLOADS: &'static [Workload] = &[
        Workload::Fill,
        Workload::AppendOne,
        Workload::AppendThreads,
        Workload::AppendBatch,
        Workload::AppendFast,
        Workload::Latency,
        Workload::Scan,
    ];

    fn open(dir: &Path) -> Self {
        Self::open_with(dir, false)
    }

    fn open_for(dir: &Path, workload: Workload) -> Self {
        Self::open_with(dir, workload != Workload::Scan)
    }

    fn close(self) {}

    fn append(&self, events: &[Event], durable: bool) {
        let group = group();
        let first = self.0.last_index(group).map_or(1, |last| last + 1);
        let mut record = Vec::new();
        let entry = |(index, event): (u64, &Event)| {
            job::log_record(event, &mut record);
            let value = [&index.to_le_bytes()[..], &record].concat();
            BytesValue { value, ..BytesValue::default() }
        };
        let entries: Vec<BytesValue> = (first..).zip(events).map(entry).collect();
        let mut batch = LogBatch::with_capacity(1);
        batch.add_entries::<Entry>(group, &entries).unwrap();
        self.0.write(&mut batch, durable).unwrap();
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8])) -> u64 {
        let (mut groups, mut seen, mut page) = (self.0.raft_groups(), 0, Vec::new());
        groups.sort_unstable();
        for group in groups {
            let (first, last) =
                (self.0.first_index(group).unwrap(), self.0.last_index(group).unwrap());
            for from in (first..=last).step_by(PAGE as usize) {
                let end = (from + PAGE).min(last + 1);
                self.0.fetch_entries_to::<Entry>(group, from, end, None, &mut page).unwrap();
                for entry in page.drain(..) {
                    visit(Record::decode(&entry.value[8..]).payload);
                    seen += 1;
                }
            }
        }
        seen
    }
}
