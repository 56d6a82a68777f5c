//! commitlog: a log in the manner of Kafka's, read by offset.

use super::job::{self, Record};
use crate::peer::{Event, Peer, Role, Workload};
use commitlog::message::{MessageBuf, MessageSet};
use commitlog::{CommitLog as Log, LogOptions, ReadLimit};
use std::path::Path;
use std::sync::Mutex;

const PAGE_BYTES: usize = 1 << 20;
const MESSAGE_BYTES_MAX: usize = 64 << 20;

pub struct CommitLog(Mutex<Log>);

impl Peer for CommitLog {
    const NAME: &'static str = "commitlog";
    const PACKAGE: &'static str = "commitlog";
    const ROLE: Role = Role::Log;
    const DOES: &'static str = "a message for each event, read by offset";
    const LEAVES_OUT: &'static str =
        "fsync (its flush makes none), hashes (a checksum of each message instead), ids, any \
        index but offsets, import";
    const WORKLOADS: &'static [Workload] =
        &[Workload::Fill, Workload::AppendFast, Workload::Latency, Workload::Scan];

    fn open(dir: &Path) -> Self {
        let mut options = LogOptions::new(dir);
        options.message_max_bytes(MESSAGE_BYTES_MAX);
        Self(Mutex::new(Log::new(options).unwrap()))
    }

    fn close(self) {}

    fn append(&self, events: &[Event], _durable: bool) {
        let (mut messages, mut record) = (MessageBuf::default(), Vec::new());
        for event in events {
            job::log_record(event, &mut record);
            messages.push(&record).unwrap();
        }
        self.0.lock().unwrap().append(&mut messages).unwrap();
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8])) -> u64 {
        let log = self.0.lock().unwrap();
        let mut next = 0;
        loop {
            let page = log.read(next, ReadLimit::max_bytes(PAGE_BYTES)).unwrap();
            if page.is_empty() {
                return next;
            }
            for message in page.iter() {
                visit(Record::decode(message.payload()).payload);
                next = message.offset() + 1;
            }
        }
    }
}
