//! okaywal: a log whose threads share syncs.

use super::job;
use crate::peer::{Event, EventView, Imported, Mode, Peer, Role, Workload};
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
    const WORKLOADS: &'static [Workload] = &[Workload::AppendOne, Workload::AppendThreads, Workload::AppendBatch];

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

    fn import(&self, _: &Self, _: Mode, _: &mut dyn FnMut(&EventView<'_>) -> bool) -> Imported {
        unimplemented!()
    }

    fn read(&self, _: &[u8; 16]) -> Option<usize> {
        unimplemented!()
    }

    fn scan(&self, _: &mut dyn FnMut(&[u8])) -> u64 {
        unimplemented!()
    }

    fn entity(&self, _: &str, _: &mut dyn FnMut(&[u8])) -> u64 {
        unimplemented!()
    }
}
