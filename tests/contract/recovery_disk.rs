//! What a writer that opens after an unclean stop puts on the disk, and in which order. The page
//! cache may show what the disk does not have, which no test sees that only reads.

use crate::common::layer::{Call, Layer, Layered, Make, Op, Part};
use crate::common::machine::Machine;
use crate::common::*;
use fbat::engine::log::options::{Durability, Options};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A change: what, to which name, from which name, and which bytes of the file.
type Change = (Op, OsString, OsString, std::ops::Range<u64>);

/// Remembers every change.
#[derive(Debug, Default)]
struct Changes(Mutex<Vec<Change>>);

impl Layer for Changes {
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
        let bytes = call.at..call.at + call.bytes.len() as u64;
        self.0.lock().unwrap().push((call.op, name(call.path), name(call.from), bytes));
        make(Part::Whole).map(drop)
    }
}

/// Where a store of some un-synced batches ends, and what opening it does, in the order in which it
/// is done: the name of its segment, its length, and the changes.
fn open_unclean(name: &str, restart: bool, torn: &[u8]) -> (OsString, u64, Vec<Change>) {
    let (dir, machine) = (TempDir::in_memory(name), Machine::new());
    let options = machine.options(Durability::Os);
    let (path, copy) = (dir.join("original"), dir.join("image"));
    let store = open(&path, &options);
    for n in 0..5 {
        store.append(&event("e", &[n; 100])).unwrap();
    }
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(&path).unwrap() {
        let from: PathBuf = entry.unwrap().path();
        fs::copy(&from, copy.join(from.file_name().unwrap())).unwrap();
    }
    drop(store);
    let segment = segments(&copy).pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // Space that was reserved is no part of the log.
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    let end = bytes.len() as u64;
    fs::write(&segment, [&bytes, torn].concat()).unwrap();
    if restart {
        machine.restart();
    }
    let changes = Arc::new(Changes::default());
    let vfs = Arc::new(Layered::over(options.vfs.clone(), changes.clone()));
    let store = open(&copy, &Options { vfs, ..options });
    let made = std::mem::take(&mut *changes.0.lock().unwrap());
    assert!(store.open_report().unclean);
    assert_eq!(rows(&store).len(), 5);
    (segment.file_name().unwrap().to_owned(), end, made)
}

/// Where among `changes` the first is of this kind to this name.
fn first(changes: &[Change], op: Op, name: &OsString) -> Option<usize> {
    changes.iter().position(|(of, to, ..)| (*of, to) == (op, name))
}

/// How far the bytes are written from `from` on, without a hole.
fn written(changes: &[Change], name: &OsString, from: u64) -> u64 {
    let writes = changes.iter().filter(|(op, to, ..)| (*op, to) == (Op::Write, name));
    writes.fold(from, |end, (.., bytes)| match bytes.start <= end {
        true => end.max(bytes.end),
        false => end,
    })
}

#[test]
fn what_a_restart_may_have_cost_is_copied_and_synced_before_the_copy_has_the_name() {
    for torn in [&b""[..], b"torn"] {
        let (segment, end, changes) = open_unclean("copied", true, torn);
        let named = first(&changes, Op::Rename, &segment).expect("a copy takes the place");
        let copy = changes[named].2.clone();
        let before = &changes[..named];
        assert_eq!(first(before, Op::Write, &segment), None, "the old bytes are left alone");
        let synced = first(before, Op::Sync, &copy).expect("the copy is synced before");
        assert_eq!(written(&before[..synced], &copy, 0), end, "all of the log, and no more");
        let directory = changes[named..].iter().position(|(op, ..)| *op == Op::SyncDir);
        let appended = first(&changes[named..], Op::Write, &segment);
        assert!(directory.is_some(), "so that the name stays");
        assert!(appended.is_none() || directory < appended);
    }
}

#[test]
fn what_no_sync_vouches_for_is_written_again_and_synced_where_a_writer_was_killed() {
    for torn in [&b""[..], b"torn"] {
        let (segment, end, changes) = open_unclean("again", false, torn);
        assert_eq!(first(&changes, Op::Rename, &segment), None, "in its place");
        let cut = first(&changes, Op::SetLen, &segment).expect("what is torn is cut");
        assert_eq!(changes[cut].3.start, end);
        let from = changes.iter().find(|(op, to, ..)| (*op, to) == (Op::Write, &segment));
        let from = from.expect("something is written").3.start;
        assert!(from < end - 5 * 100, "from the first batch that nobody synced: {from} of {end}");
        let synced = changes.iter().rposition(|(op, to, ..)| (*op, to) == (Op::Sync, &segment));
        let synced = synced.expect("it is synced");
        assert_eq!(written(&changes[..synced], &segment, from), end);
    }
}

#[test]
fn whole_batches_are_found_however_far_behind_a_hole_they_are() {
    // The search goes part by part, of 1 MiB from the hole on; the header of the third batch behind
    // the hole begins in one part and ends in the next.
    const PART: usize = 1 << 20;
    let (mut payload, wanted) = (PART - 1000, PART - 20);
    for tried in 0.. {
        let (dir, machine) = (TempDir::in_memory("far"), Machine::new());
        // Recorded times that take as many bytes each time.
        let clock = TestClock::at(EPOCH_US);
        let mut options = Options { clock, ..machine.options(Durability::Os) };
        options.limits.segment_bytes = 16 << 20;
        let (path, copy) = (dir.join("original"), dir.join("image"));
        let store = open(&path, &options);
        for length in [100, 100, payload, 100, 2 * PART, 100] {
            store.append(&event("e", &vec![7; length])).unwrap();
        }
        fs::create_dir(&copy).unwrap();
        for entry in fs::read_dir(&path).unwrap() {
            let from: PathBuf = entry.unwrap().path();
            fs::copy(&from, copy.join(from.file_name().unwrap())).unwrap();
        }
        drop(store);
        let segment = segments(&copy).pop().unwrap();
        let mut bytes = fs::read(&segment).unwrap();
        let at = batches(&bytes);
        // The genesis event has the first batch.
        let (hole, third) = (at[2], at[4]);
        if third - hole != wanted {
            assert!(tried < 5, "{} of {wanted}", third - hole);
            payload = payload + wanted - (third - hole);
            continue;
        }
        bytes[hole..at[3]].fill(0);
        fs::write(&segment, bytes).unwrap();
        let report = open(&copy, &options).open_report().clone();
        assert_eq!((report.dropped_batches, report.gap_first), (4, 3));
        return;
    }
}
