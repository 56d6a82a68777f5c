//! The floor: what fbat writes, written with the same system calls and nothing else.

use crate::peer::{Event, Peer, Role, Workload};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// One file. `RESERVED`: its space was taken with fallocate before, as fbat does it; otherwise it
/// grows with each write.
pub struct Raw<const RESERVED: bool> {
    file: File,
    end: AtomicU64,
}

/// What fbat puts before a batch and around the payload of an event.
const BATCH_HEADER: usize = 80;
const FRAME: usize = 100;
/// More than any workload writes.
const SPACE: i64 = 2 << 30;

impl<const RESERVED: bool> Peer for Raw<RESERVED> {
    const NAME: &'static str = if RESERVED { "raw" } else { "raw-growing" };
    const PACKAGE: &'static str = "";
    const ROLE: Role = Role::Floor;
    const DOES: &'static str = if RESERVED {
        "write and fdatasync of as many bytes as fbat writes, into a file whose space is \
        reserved, as fbat's is"
    } else {
        "the same into a file that grows"
    };
    const LEAVES_OUT: &'static str = "everything";
    const WORKLOADS: &'static [Workload] = &[
        Workload::AppendOne,
        Workload::AppendThreads,
        Workload::AppendBatch,
        Workload::AppendFast,
        Workload::Latency,
    ];

    fn open(dir: &Path) -> Self {
        let file = File::create(dir.join("raw")).expect("a file");
        if RESERVED {
            // SAFETY: the descriptor is open; no memory is passed.
            let failed = unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, SPACE) } != 0;
            assert!(!failed, "fallocate: {}", std::io::Error::last_os_error());
            file.sync_all().expect("fsync");
        }
        Raw { file, end: AtomicU64::new(0) }
    }

    fn close(self) {
        self.file.set_len(self.end.into_inner()).expect("cut");
    }

    fn append(&self, events: &[Event], durable: bool) {
        let len =
            BATCH_HEADER + events.iter().map(|event| FRAME + event.payload.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(len);
        bytes.resize(BATCH_HEADER, 0);
        for event in events {
            bytes.extend_from_slice(&[0; FRAME]);
            bytes.extend_from_slice(&event.payload);
        }
        let at = self.end.fetch_add(len as u64, Ordering::Relaxed);
        self.file.write_all_at(&bytes, at).expect("write");
        if durable {
            self.file.sync_data().expect("fdatasync");
        }
    }
}
