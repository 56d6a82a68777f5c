//! Full segments: an append does not wait until they are on the disk and have their index; what
//! follows them is durable only then; and a power cut may find neither.

use crate::common::layer::{Call, Layer, Layered, Make, Op, Part};
use crate::common::machine::{Machine, EIO};
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::platform::disk::OsVfs;
use fbat::engine::platform::vfs::Background;
use fbat::engine::store::Store;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

/// Holds back every sync of a log until it is let go, and then makes or fails it.
#[derive(Debug, Default)]
struct Gate {
    /// None: closed.
    answer: Mutex<Option<Option<i32>>>,
    changed: Condvar,
}

impl Gate {
    fn answer(&self, answer: Option<Option<i32>>) {
        *self.answer.lock().unwrap() = answer;
        self.changed.notify_all();
    }
}

impl Layer for Gate {
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        if call.op == Op::Sync && call.path.extension().is_some_and(|e| e == "log") {
            let closed = |answer: &mut Option<_>| answer.is_none();
            let answer = self.answer.lock().unwrap();
            let answer = *self.changed.wait_while(answer, closed).unwrap();
            if let Some(errno) = answer.flatten() {
                return Err(io::Error::from_raw_os_error(errno));
            }
        }
        make(Part::Whole).map(drop)
    }

    fn background(&self) -> Background {
        Background::Thread
    }
}

/// Leaves what goes on in the background to whoever waits for it.
#[derive(Debug)]
struct Late;

impl Layer for Late {
    fn call(&self, _call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        make(Part::Whole).map(drop)
    }

    fn background(&self) -> Background {
        Background::WhoeverWaits
    }
}

/// A store whose syncs wait at a gate.
fn at_gate(dir: &TempDir) -> (Store, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    gate.answer(Some(None));
    let vfs = Arc::new(Layered::over(Arc::new(OsVfs), gate.clone()));
    let store = open(&dir.join("store"), &Options { vfs, ..quick() });
    gate.answer(None);
    (store, gate)
}

/// Appends until there is a second segment; how many events there are then.
fn fill_one(store: &Store) -> u64 {
    while store.stats().unwrap().segments < 2 {
        store.append(&event("e", &[7; 1000])).unwrap();
    }
    store.frontier().unwrap().visible
}

#[test]
fn an_append_that_fills_a_segment_waits_for_no_sync() {
    let dir = TempDir::in_memory("sealing-waits");
    let (store, gate) = at_gate(&dir);
    let visible = fill_one(&store);
    for n in 0..10 {
        store.append(&event("e", &[n; 100])).unwrap();
    }
    assert!(store.frontier().unwrap().durable < visible - 1);
    assert_eq!(rows(&store).len() as u64, visible + 10 - 1);
    gate.answer(Some(None));
    store.finish_background();
    assert_eq!(store.frontier().unwrap().durable, visible - 1);
    assert!(segments(store.path())[0].with_extension("idx").exists());
    assert_sound(&store);
}

#[test]
fn nobody_waits_to_append_while_a_backup_or_verify_waits_for_a_full_segment() {
    let dir = TempDir::in_memory("sealing-others");
    let (store, gate) = at_gate(&dir);
    fill_one(&store);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.verify());
        let appending = scope.spawn(|| {
            // Long enough that verify waits.
            for _ in 0..50 {
                store.append(&event("e", b"beside it")).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !appending.is_finished() && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        let (waits, goes_on) = (!waiting.is_finished(), appending.is_finished());
        gate.answer(Some(None));
        assert_eq!((waits, goes_on), (true, true));
        assert_eq!(waiting.join().unwrap().unwrap().findings, []);
    });
}

#[test]
fn what_follows_a_full_segment_is_durable_after_it() {
    let dir = TempDir::in_memory("sealing-order");
    let (store, gate) = at_gate(&dir);
    fill_one(&store);
    let syncing = std::thread::spawn({
        let store = store.clone();
        move || store.sync().unwrap()
    });
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(store.frontier().unwrap().durable <= 1);
    gate.answer(Some(None));
    let synced = syncing.join().unwrap();
    assert_eq!(synced.durable, synced.visible);
}

#[test]
fn a_full_segment_that_cannot_be_synced_poisons_the_store_and_the_next_append_says_why() {
    let dir = TempDir::in_memory("sealing-fails");
    let (store, gate) = at_gate(&dir);
    let visible = fill_one(&store);
    gate.answer(Some(Some(EIO)));
    store.finish_background();
    let error = error_of(store.append(&event("e", b"after")));
    assert_eq!((error.code(), error.errno), (Code::Io, Some(EIO)));
    assert_eq!(code_of(store.append(&event("e", b"again"))), Code::Poisoned);
    assert!(store.frontier().unwrap().durable <= 1);
    assert_eq!(code_of(store.close()), Code::Poisoned);
    let store = open_quick(&dir.join("store"));
    assert!(store.open_report().unclean && store.open_report().gap_last > 0);
    assert_eq!(rows(&store).len() as u64, visible - 1);
    assert_sound(&store);
}

/// What a crash leaves of a store whose first segment is full and not synced: a copy of its
/// directory, and how many events each segment has.
struct Crashed {
    path: PathBuf,
    machine: Machine,
    first: u64,
}

impl Crashed {
    /// `durable`: something of the second segment was synced.
    fn new(dir: &TempDir, durable: bool) -> Crashed {
        let (machine, path, image) = (Machine::new(), dir.join("store"), dir.join("image"));
        let options = machine.options(Durability::Os);
        let vfs = Arc::new(Layered::over(options.vfs.clone(), Arc::new(Late)));
        let store = open(&path, &Options { vfs, ..options });
        let first = fill_one(&store) - 1;
        store.append(&event("e", b"second")).unwrap();
        if durable {
            store.sync().unwrap();
        }
        store.append(&event("e", b"last")).unwrap();
        fs::create_dir(&image).unwrap();
        for entry in fs::read_dir(&path).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, image.join(from.file_name().unwrap())).unwrap();
        }
        drop(store);
        assert!(!segments(&image)[0].with_extension("idx").exists());
        Crashed { path: image, machine, first }
    }

    fn log(&self, number: usize) -> PathBuf {
        segments(&self.path).swap_remove(number)
    }

    fn overwrite(&self, number: usize, at: u64, bytes: &[u8]) {
        let file = fs::OpenOptions::new().write(true).open(self.log(number)).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    /// The seal, and half of the batch before it.
    fn tear_first(&self) {
        let bytes = fs::read(self.log(0)).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64;
        self.overwrite(0, end - 500, &[0; 501]);
    }

    fn open(&self, mode: OpenMode) -> fbat::engine::model::error::Result<Store> {
        Store::open(&self.path, &Options { mode, ..self.machine.options(Durability::Os) })
    }
}

/// The log ends in the first segment, `lost` events before its end.
fn assert_cut(crashed: &Crashed, lost: u64) {
    let expected = crashed.first - 1 - lost;
    assert_eq!(rows(&crashed.open(OpenMode::ReadOnly).unwrap()).len() as u64, expected);
    let store = crashed.open(OpenMode::MustExist).unwrap();
    let report = store.open_report().clone();
    assert!(report.unclean && report.dropped_bytes > 0, "{report:?}");
    assert_eq!(report.gap_first, crashed.first + 1 - lost);
    assert_eq!(rows(&store).len() as u64, expected);
    assert_sound(&store);
    fill(&store, 0, 200);
    store.close().unwrap();
    let store = crashed.open(OpenMode::MustExist).unwrap();
    assert_eq!(rows(&store).len() as u64, expected + 200);
    assert_sound(&store);
}

#[test]
fn a_power_cut_before_a_full_segment_is_synced_costs_what_was_not_promised() {
    let dir = TempDir::in_memory("sealing-torn");
    let crashed = Crashed::new(&dir, false);
    crashed.tear_first();
    crashed.machine.restart();
    assert_cut(&crashed, 1);
    let dir = TempDir::in_memory("sealing-header");
    let crashed = Crashed::new(&dir, false);
    crashed.overwrite(1, 0, &[0; 128]);
    crashed.machine.restart();
    assert_cut(&crashed, 0);
}

#[test]
fn what_was_on_disk_or_cannot_have_been_lost_is_damage_where_it_is_not_there() {
    let damages: [fn(&Crashed); 3] = [
        Crashed::tear_first,
        |crashed| crashed.overwrite(1, 0, &[0; 128]),
        // Not as a power cut leaves a header.
        |crashed| crashed.overwrite(1, 40, &[0xff; 8]),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        for (durable, restart) in [(false, false), (true, false), (true, true)] {
            let dir = TempDir::in_memory(&format!("sealing-damage-{number}-{durable}-{restart}"));
            let crashed = Crashed::new(&dir, durable);
            damage(&crashed);
            if restart {
                crashed.machine.restart();
            }
            let before = segments(&crashed.path);
            assert_eq!(code_of(crashed.open(OpenMode::MustExist)), Code::Corrupt, "{number}");
            assert_eq!(segments(&crashed.path), before, "nothing is removed");
        }
    }
}

#[test]
fn a_writer_that_is_killed_before_a_full_segment_is_synced_leaves_all_of_it() {
    for restart in [false, true] {
        let dir = TempDir::in_memory(&format!("sealing-killed-{restart}"));
        let crashed = Crashed::new(&dir, false);
        // Space that was reserved behind the seal.
        let file = fs::OpenOptions::new().append(true).open(crashed.log(0)).unwrap();
        file.set_len(file.metadata().unwrap().len() + 5000).unwrap();
        if restart {
            crashed.machine.restart();
        }
        let rows_there = crashed.first - 1 + 3;
        assert_eq!(rows(&crashed.open(OpenMode::ReadOnly).unwrap()).len() as u64, rows_there);
        let store = crashed.open(OpenMode::MustExist).unwrap();
        assert_eq!(
            (rows(&store).len() as u64, restart),
            (rows_there, store.open_report().gap_last > 0)
        );
        assert_eq!(store.frontier().unwrap().durable, store.frontier().unwrap().visible);
        assert_sound(&store);
        assert!(crashed.log(0).with_extension("idx").exists());
    }
}

#[test]
fn a_reader_beside_a_writer_takes_in_the_indexes_that_come_later() {
    let dir = TempDir::in_memory("sealing-reader");
    let (store, gate) = at_gate(&dir);
    let reader = open_reader(store.path());
    let visible = fill_one(&store);
    assert_eq!(reader.frontier().unwrap().visible, visible);
    assert!(reader.stats().unwrap().unindexed_events >= visible - 1);
    gate.answer(Some(None));
    fill(&store, 0, 1000);
    store.finish_background();
    assert_eq!(rows(&reader), rows(&store));
    let (last, stats) = (store.stats().unwrap(), reader.stats().unwrap());
    assert!(last.segments > 4 && stats.unindexed_events < last.events / 2, "{stats:?}");
    assert_sound(&reader);
}
