//! okaywal: a log whose threads share syncs.

use super::job;
use crate::peer::{Event, Peer, Role, Workload};
use okaywal::{Configuration, LogVoid, WriteAheadLog};
use std::path::Path;

pub struct OkayWal(WriteAheadLog);

impl Peer for OkayWal {
    const NAME: &'static str = "okaywal";
    const PACKAGE: &'static str = "okaywal";
    const ROLE: Role = Role::Log;
    const DOES: &'static str = "an entry for each append, a chunk for each event, always durable";
    const LEAVES_OUT: &'static str =
        "hashes, ids, any index, import, reads; a log for recovery: segments are used again";
    const WORKLOADS: &'static [Workload] =
        &[Workload::AppendOne, Workload::AppendThreads, Workload::AppendBatch];

    fn open(dir: &Path) -> Self {
        Self(Configuration::default_for(dir).open(LogVoid).unwrap())
    }

    fn close(self) {
        self.0.shutdown().unwrap();
    }

    fn append(&self, events: &[Event], _durable: bool) {
        let mut entry = self.0.begin_entry().unwrap();
        let mut record = Vec::new();
        for event in events {
            job::log_record(event, &mut record);
            entry.write_chunk(&record).unwrap();
        }
        entry.commit().unwrap();
    }
}
