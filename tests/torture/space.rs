//! What runs out: space on a small disk, the length that a file may have, descriptors, permission
//! to write. A worker goes on working meanwhile; nothing that was acknowledged is lost, and it goes
//! on when there is room again.

use crate::common::ledger::{try_rows, Ledger};
use crate::common::lies::Lie;
use crate::common::mount::{skip, Mount};
use crate::common::worker::{self, Source, Worker};
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::event::Columns;
use fbat::engine::store::Store;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Something that runs out.
trait Squeeze {
    fn tighten(&mut self, rng: &mut Rng);
    fn relax(&mut self);
    /// Whether an error is the one to expect of it.
    fn explains(&self, error: &Error) -> bool;
    /// Whether the handle that met it goes on afterwards.
    const SAME_HANDLE: bool;
}

/// Which errors a harness met in which steps, and how often: whether it was tight in many places.
#[derive(Default)]
struct Met(BTreeMap<String, u64>);

impl Met {
    fn hear(&mut self, ledger: &Ledger) {
        for line in &ledger.failed {
            let what = line.strip_prefix("failed ").unwrap_or(line).replace("item 0: ", "");
            // Without the directory, and the number of the segment.
            let (what, path) = what.split_once('/').unwrap_or((&what, ""));
            let name = path
                .rsplit('/')
                .next()
                .unwrap_or("")
                .trim_start_matches(|c: char| c.is_ascii_digit());
            *self
                .0
                .entry(format!("{what}{}", name.split(':').next().unwrap_or("")))
                .or_default() += 1;
        }
    }
}

impl std::fmt::Display for Met {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "  {count:5} {what}"))
    }
}

/// A run of a worker through tight and easy times; what is wrong.
fn squeezed<S: Squeeze>(
    worker: &mut Worker<'_>,
    squeeze: &mut S,
    ledger: &RefCell<Ledger>,
    rows: &[Row],
) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..worker.rng.range(2, 5) {
        for _ in 0..worker.rng.below(25) {
            worker.step().unwrap_or_else(|e| found.push(format!("with room: {e}")));
        }
        if worker.store.is_none() && worker.rng.one_in(2) {
            // As after a crash: opening has to write the last segment anew.
            let _ = std::fs::remove_file(worker.path.join("clean"));
        }
        let mut rng = worker.rng.clone();
        squeeze.tighten(&mut rng);
        found.extend(while_tight(worker, squeeze, ledger));
        if let (Some(store), true) = (&worker.store, S::SAME_HANDLE) {
            let there = try_rows(store).map(|there| ledger.borrow().findings(&there, rows));
            found.extend(there.unwrap_or_else(|e| vec![format!("reading while it is tight: {e}")]));
        }
        squeeze.relax();
        if !S::SAME_HANDLE {
            // Where it hit a sync, the handle is poisoned and says so; another one goes on.
            worker.store.take().map_or(Ok(()), |store| store.close()).unwrap_or_else(|e| {
                found.extend((!squeeze.explains(&e)).then(|| format!("closing: {e}")));
            });
        }
    }
    for _ in 0..3 {
        worker.step().unwrap_or_else(|e| found.push(format!("with room again: {e}")));
    }
    worker.close().unwrap_or_else(|e| found.push(format!("closing with room: {e}")));
    found
}

/// Works on until some steps have failed: each says why, and leaves nothing of what it was to do.
fn while_tight<S: Squeeze>(
    worker: &mut Worker<'_>,
    squeeze: &S,
    ledger: &RefCell<Ledger>,
) -> Vec<String> {
    let (mut found, mut errors) = (Vec::new(), 0);
    for _ in 0..150 {
        let Err(e) = worker.step() else { continue };
        errors += 1;
        (worker.tell)(format!("failed {:?} {} {e}", e.code(), ledger.borrow().doing));
        if !squeeze.explains(&e) {
            found.push(format!("{:?} is no clear error: {e}", e.code()));
        }
        let half = worker
            .store
            .as_ref()
            .map(|store| store.get(worker::key_of(worker.batch, 0), Columns::NONE));
        if e.code() == Code::NoSpace && half.is_some_and(|event| !matches!(event, Ok(None))) {
            found.push(format!("batch {} failed and is there: {e}", worker.batch));
        }
        if errors > 3 {
            break;
        }
    }
    found
}

// ------------------------------------------------------------------------------------ full disks

/// A small file system in memory, filled up by files of ours.
struct FullDisk {
    ballast: PathBuf,
}

impl Squeeze for FullDisk {
    /// Leaves up to 160 KiB, or a few files.
    fn tighten(&mut self, rng: &mut Rng) {
        std::fs::create_dir_all(&self.ballast).unwrap();
        if rng.one_in(4) {
            let one =
                |n: u64| std::fs::File::create(self.ballast.join(n.to_string())).ok().map(|_| n);
            let last = (0..).map_while(one).last().unwrap_or(0);
            (0..rng.below(4).min(last))
                .for_each(|n| std::fs::remove_file(self.ballast.join(n.to_string())).unwrap());
            return;
        }
        let Ok(mut file) = std::fs::File::create(self.ballast.join("bytes")) else { return };
        let page = [1; 4096];
        while matches!(file.write(&page), Ok(n) if n > 0) {}
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(rng.below(40) * 4096)).unwrap();
    }
    fn relax(&mut self) {
        // Another test may be starting a process just now, which has our descriptors until it
        // calls exec: a file that only lost its name would keep its space as long.
        if let Ok(bytes) = std::fs::File::options().write(true).open(self.ballast.join("bytes")) {
            bytes.set_len(0).unwrap();
        }
        std::fs::remove_dir_all(&self.ballast).unwrap();
    }
    fn explains(&self, error: &Error) -> bool {
        error.code() == Code::NoSpace && error.errno == Some(libc::ENOSPC) && error.path.is_some()
    }
    const SAME_HANDLE: bool = true;
}

/// Runs on full disks; what went wrong in each, or why there are none.
fn fill_disks(
    runs: u64,
    lie: Lie,
    mount: impl Fn() -> Result<Mount, String>,
) -> Result<Vec<String>, String> {
    let seed = seed_from_env();
    println!("FBAT_SEED={seed}");
    let mut rng = Rng(seed);
    let source = Source::new();
    let (mut failures, mut met) = (Vec::new(), Met::default());
    for run in 0..runs {
        let mount = mount()?;
        let path = mount.join("store");
        let ledger = RefCell::new(Ledger::default());
        let mut worker = Worker::new(&path, &source.path(), rng.next(), 0, |line| {
            ledger.borrow_mut().hear(&line)
        });
        worker.options = Options { vfs: lie.told_of_files(None), ..quick() };
        let mut squeeze = FullDisk { ballast: mount.join("ballast") };
        let mut found = squeezed(&mut worker, &mut squeeze, &ledger, &source.rows);
        drop(worker);
        let mut ledger = ledger.into_inner();
        met.hear(&ledger);
        found.extend(examine_after(&path, &mut ledger, &source));
        if !found.is_empty() {
            failures.push(format!("run {run}: {found:#?}"));
        }
    }
    println!("{met}");
    Ok(failures)
}

fn small_tmpfs() -> Result<Mount, String> {
    Mount::tmpfs("full", "size=3m,nr_inodes=80")
}

fn small_ext4() -> Result<Mount, String> {
    Mount::ext4("full-ext4", 6 << 20, "rw")
}

#[test]
fn a_full_ext4_costs_no_acknowledged_event_either() {
    let (runs, began) = (scaled(100), Instant::now());
    match fill_disks(runs, Lie::None, small_ext4) {
        Err(why) => skip("full disks (ext4)", &why),
        Ok(failures) => {
            score("full disks (ext4)", runs, failures.len() as u64, began);
            assert!(failures.is_empty(), "{failures:#?}");
        }
    }
}

#[test]
fn a_full_disk_costs_no_acknowledged_event_and_the_handle_goes_on_when_there_is_room() {
    let (runs, began) = (scaled(300), Instant::now());
    match fill_disks(runs, Lie::None, small_tmpfs) {
        Err(why) => skip("full disks (tmpfs)", &why),
        Ok(failures) => {
            score("full disks (tmpfs)", runs, failures.len() as u64, began);
            assert!(failures.is_empty(), "{failures:#?}");
        }
    }
}

#[test]
fn canary_a_disk_that_says_it_had_space_is_noticed() {
    match fill_disks(20, Lie::HadSpace, small_tmpfs) {
        Err(why) => skip("canary of full disks", &why),
        Ok(failures) => println!("noticed in {} of 20 runs: {}", failures.len(), failures[0]),
    }
}

// ------------------------------------------------------------------------------------ limits of a
// process

fn set_limit(resource: libc::__rlimit_resource_t, soft: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a live rlimit to fill or to read.
    let set = unsafe {
        libc::getrlimit(resource, &mut limit);
        limit.rlim_cur = soft.min(limit.rlim_max);
        libc::setrlimit(resource, &limit)
    };
    assert_eq!(set, 0);
}

/// No file may grow beyond a length: a write across it is cut short, the next one fails.
struct ShortFiles;

impl Squeeze for ShortFiles {
    fn tighten(&mut self, rng: &mut Rng) {
        let most = *rng.pick(&[200, 5_000, 70_000]);
        set_limit(libc::RLIMIT_FSIZE, rng.below(most));
    }
    fn relax(&mut self) {
        set_limit(libc::RLIMIT_FSIZE, u64::MAX);
    }
    fn explains(&self, error: &Error) -> bool {
        error.code() == Code::NoSpace && error.errno == Some(libc::EFBIG) && error.path.is_some()
    }
    const SAME_HANDLE: bool = true;
}

/// Only a few more files may be opened, or none.
struct FewDescriptors;

impl Squeeze for FewDescriptors {
    fn tighten(&mut self, rng: &mut Rng) {
        // Numbers are given from the lowest that is free.
        let free: Vec<_> = (0..5).map_while(|_| std::fs::File::open("/dev/null").ok()).collect();
        use std::os::fd::AsRawFd;
        set_limit(
            libc::RLIMIT_NOFILE,
            free[rng.below(free.len() as u64) as usize].as_raw_fd() as u64,
        );
    }
    fn relax(&mut self) {
        set_limit(libc::RLIMIT_NOFILE, 4096);
    }
    fn explains(&self, error: &Error) -> bool {
        let direct =
            error.code() == Code::Io && error.errno == Some(libc::EMFILE) && error.path.is_some();
        direct || error.code() == Code::Poisoned
    }
    const SAME_HANDLE: bool = false;
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_works_within_limits() {
    if !plays("part_works_within_limits") {
        return;
    }
    match given("LIMIT").as_str() {
        "length" => work_within(ShortFiles),
        _ => work_within(FewDescriptors),
    }
}

/// In the other process: a run in each directory that it is told, with all that it is told there.
fn work_within<S: Squeeze>(mut squeeze: S) {
    let source = PathBuf::from(given("SOURCE"));
    let rows = rows(&open_reader(&source));
    while let Some(line) = listen() {
        let (seed, path) = line.split_once(' ').unwrap();
        let ledger = RefCell::new(Ledger::default());
        let tell = |line: String| {
            ledger.borrow_mut().hear(&line);
            say(line);
        };
        let mut worker = Worker::new(path.as_ref(), &source, seed.parse().unwrap(), 0, tell);
        let found = squeezed(&mut worker, &mut squeeze, &ledger, &rows);
        drop(worker);
        found.iter().for_each(|finding| say(format_args!("found {finding}")));
        say("done");
    }
}

/// Runs of a process within limits, and what is wrong with the stores that it leaves.
fn limited(limit: &str, runs: u64) -> Vec<String> {
    let seed = seed_from_env();
    println!("FBAT_SEED={seed}");
    let mut rng = Rng(seed);
    let source = Source::new();
    let (dir, source_path) = (TempDir::in_memory("limited"), source.path());
    let environment = [("LIMIT", limit), ("SOURCE", source_path.to_str().unwrap())];
    let mut process = Actor::start("part_works_within_limits", &environment);
    let (mut failures, mut met) = (Vec::new(), Met::default());
    for run in 0..runs {
        let path = dir.join("store");
        process.tell(&format!("{} {}", rng.next(), path.display()));
        let (mut ledger, mut found) = (Ledger::default(), Vec::new());
        loop {
            let line = process.hear().expect("the process ended");
            match line.strip_prefix("found ") {
                Some(finding) => found.push(finding.to_owned()),
                None if line == "done" => break,
                None => ledger.hear(&line),
            }
        }
        met.hear(&ledger);
        found.extend(examine_after(&path, &mut ledger, &source));
        std::fs::remove_dir_all(&path).unwrap();
        if !found.is_empty() {
            failures.push(format!("run {run}: {found:#?}"));
        }
    }
    process.finish();
    println!("{met}");
    failures
}

fn examine_after(path: &Path, ledger: &mut Ledger, source: &Source) -> Vec<String> {
    let opened = Store::open(path, &quick());
    let examined = opened.and_then(|store| ledger.examine(&store, source, 1_000_000));
    examined.unwrap_or_else(|e| vec![e.to_string()])
}

#[test]
fn a_write_that_is_cut_short_leaves_nothing_and_the_handle_goes_on() {
    let (runs, began) = (scaled(300), Instant::now());
    let failures = limited("length", runs);
    score("short writes (RLIMIT_FSIZE)", runs, failures.len() as u64, began);
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn without_descriptors_the_error_is_clear_and_nothing_is_lost() {
    let (runs, began) = (scaled(300), Instant::now());
    let failures = limited("descriptors", runs);
    score("descriptors run out (RLIMIT_NOFILE)", runs, failures.len() as u64, began);
    assert!(failures.is_empty(), "{failures:#?}");
}

// ------------------------------------------------------------------------------------ nothing to
// write to

/// Reading a store that cannot be written to works; the error of an attempt to write says why.
fn reads_and_refuses(path: &Path, rows_there: &[Row], errno: i32) {
    let reader = open_reader(path);
    assert_eq!(rows(&reader), rows_there);
    assert_sound(&reader);
    let destination = TempDir::in_memory("from-read-only");
    let copy = open_quick(&destination.join("store"));
    assert_eq!(import(&copy, &reader, "s").imported, rows_there.len() as u64);
    for mode in [OpenMode::MustExist, OpenMode::CreateIfMissing] {
        let error = error_of(Store::open(path, &with_mode(mode)));
        assert_eq!((error.code(), error.errno), (Code::Io, Some(errno)), "{error}");
        assert!(error.path.is_some(), "{error}");
    }
    let error = error_of(Store::open(&path.with_file_name("new"), &quick()));
    assert_eq!((error.code(), error.errno), (Code::Io, Some(errno)), "{error}");
}

#[test]
fn a_store_on_a_read_only_file_system_can_be_read_whether_it_was_closed_or_not() {
    let mount = match Mount::ext4("read-only", 24 << 20, "rw") {
        Ok(mount) => mount,
        Err(why) => return skip("read-only file systems", &why),
    };
    let path = mount.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 700);
    let there = rows(&store);
    store.close().unwrap();
    drop(store);
    for closed in [true, false] {
        if !closed {
            std::fs::remove_file(path.join("clean")).unwrap();
        }
        mount.remount("ro").unwrap();
        reads_and_refuses(&path, &there, libc::EROFS);
        mount.remount("rw").unwrap();
    }
    let store = open_quick(&path);
    assert_eq!(rows(&store), there);
    store.append(&event("e", b"p")).unwrap();
}

#[test]
fn a_store_on_a_file_system_that_becomes_read_only_keeps_what_it_acknowledged() {
    let mut mount = match Mount::ext4("becomes-read-only", 24 << 20, "errors=remount-ro") {
        Ok(mount) => mount,
        Err(why) => return skip("read-only file systems", &why),
    };
    let path = mount.join("store");
    let store = open(&path, &Options { durability: Durability::Durable, ..quick() });
    fill(&store, 0, 300);
    let there = rows(&store);
    // What ext4 does by itself after an error of the disk.
    let _ = mount.remount("abort");
    let error = error_of(store.append(&event("e", b"p")).and_then(|_| store.sync()));
    assert!(matches!(error.code(), Code::Io | Code::Poisoned), "{error}");
    assert_eq!(rows(&store), there);
    assert!(store.close().is_err());
    drop(store);
    mount.detach().unwrap();
    mount.attach_image("rw").unwrap();
    let store = open_quick(&path);
    assert_eq!(rows(&store), there);
    store.append(&event("e", b"p")).unwrap();
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_reads_without_permission_to_write() {
    if !plays("part_reads_without_permission_to_write") {
        return;
    }
    const NOBODY: u32 = 65534;
    // SAFETY: no memory is passed. On Linux setuid of libc is for all threads of the process.
    assert_eq!(unsafe { libc::setuid(NOBODY) }, 0);
    let path = PathBuf::from(given("STORE"));
    let there = rows(&open_reader(&path));
    reads_and_refuses(&path, &there, libc::EACCES);
    say(there.len());
}

#[test]
fn a_store_without_permission_to_write_can_be_read() {
    // SAFETY: no memory is passed.
    if unsafe { libc::geteuid() } != 0 {
        return skip("stores of another user", "not root, so there is no other user to be");
    }
    let dir = TempDir::in_memory("foreign");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 700);
    store.close().unwrap();
    let process = Actor::start(
        "part_reads_without_permission_to_write",
        &[("STORE", path.to_str().unwrap())],
    );
    assert_eq!(process.finish(), ["700"]);
}
