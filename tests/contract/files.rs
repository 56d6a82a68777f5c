//! The files of a store as the system sees them: their descriptors, how many there are, whose the
//! files are, and who holds the lock.

use crate::common::*;
use fbat::engine::import::ImportOptions;
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::Code;
use fbat::engine::platform::watch::{Verdict, Watch};
use fbat::engine::repair::repair;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a child answers with that came to its end.
const DONE: i32 = 42;
const DIRECTORY: &str = "FBAT_TEST_DIRECTORY";

/// Runs a test of this file, which is ignored otherwise, as a process of its own in `dir`, by a
/// shell command that ends with `"$@"`.
fn run_alone(test: &str, dir: &Path, command: &str) {
    let mut child = Command::new("sh");
    child.args(["-c", command, "sh"]).arg(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", &format!("files::{test}"), "--nocapture"]);
    let output = child.env(DIRECTORY, dir).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(DONE), "{test}: {text}");
}

fn directory_of_child() -> PathBuf {
    std::env::var_os(DIRECTORY).expect("started by another test").into()
}

/// The descriptors of this process that lead below a directory.
fn descriptors_below(dir: &Path) -> Vec<(i32, PathBuf)> {
    let entries = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
    let target = |entry: &fs::DirEntry| fs::read_link(entry.path()).ok();
    let number = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().parse().unwrap();
    let found = entries.filter_map(|entry| Some((number(&entry), target(&entry)?)));
    found.filter(|(_, path)| path.starts_with(dir)).collect()
}

// ------------------------------------------------------------------------------ above 2

#[test]
fn no_descriptor_is_one_of_standard_input_output_and_error() {
    let dir = TempDir::in_memory("files");
    run_alone("a_program_that_has_closed_its_standard_descriptors", dir.path(), r#"exec "$@""#);
    for name in ["a", "copy", "linked", "repaired", "imported"] {
        let store = open(&dir.join(name), &with_mode(OpenMode::MustExist));
        assert!(!store.open_report().unclean, "{name}");
        assert_eq!(rows(&store).len(), 2000, "{name}");
        assert_sound(&store);
    }
}

/// Writes messages to 0, 1 and 2 all the time, while every call that opens files is made.
#[test]
#[ignore = "a process of its own, for the test above"]
fn a_program_that_has_closed_its_standard_descriptors() {
    let dir = directory_of_child();
    // SAFETY: nothing of this process needs them any more.
    (0..3).for_each(|fd| assert_eq!(unsafe { libc::close(fd) }, 0));
    let (stop, hit) = (AtomicBool::new(false), AtomicBool::new(false));
    let failed = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for fd in 0..3 {
                    // SAFETY: the bytes are those of a string.
                    let written = unsafe { libc::write(fd, c"a message\n".as_ptr().cast(), 10) };
                    hit.fetch_or(written >= 0, Ordering::Relaxed);
                }
            }
        });
        let calls = scope.spawn(|| every_call(&dir)).join();
        stop.store(true, Ordering::Relaxed);
        calls.is_err()
    });
    let lost = failed || hit.load(Ordering::Relaxed);
    std::process::exit(if lost { 1 } else { DONE });
}

fn every_call(dir: &Path) {
    let clear = || {
        let low = descriptors_below(dir).into_iter().filter(|(fd, _)| *fd < 3);
        assert_eq!(low.collect::<Vec<_>>(), []);
    };
    let at = |name: &str| dir.join(name);
    let store = open_quick(&at("a"));
    clear();
    fill(&store, 0, 2000);
    clear();
    let mut listen = |_| {
        clear();
        Verdict::Keep
    };
    for (name, link) in [("copy", false), ("linked", true)] {
        let watch = Watch::new(None, Some(&mut listen));
        store
            .backup_watched(&at(name), BackupOptions { link, ..BackupOptions::default() }, &watch)
            .unwrap();
    }
    assert_eq!(store.verify().unwrap().findings.len(), 0);
    let reader = open_reader(&at("a"));
    assert_eq!(rows(&reader).len(), 2000);
    clear();
    let imported = open_quick(&at("imported"));
    let mut options = ImportOptions { namespace: "a".to_owned(), ..ImportOptions::default() };
    imported.import(&store, &mut options).result.unwrap();
    clear();
    store.close().unwrap();
    imported.close().unwrap();
    repair(&at("a"), &at("repaired"), &quick()).unwrap();
    new_identity(&at("copy"), &quick()).unwrap();
    clear();
}

// ------------------------------------------------------------------------------ how many

/// A segment each.
static LARGE: [u8; 40_000] = [7; 40_000];

#[test]
fn stores_of_a_thousand_segments_work_under_256_descriptors() {
    let dir = TempDir::in_memory("files");
    run_alone("a_program_under_256_descriptors", dir.path(), r#"ulimit -n 256; exec "$@""#);
}

#[test]
#[ignore = "a process of its own, for the test above"]
fn a_program_under_256_descriptors() {
    const SEGMENTS: u64 = 1000;
    let dir = directory_of_child();
    let path = dir.join("a");
    let store = open_quick(&path);
    let ids: Vec<_> =
        (0..SEGMENTS).map(|_| store.append(&event("e:1", &LARGE)).unwrap().id).collect();
    assert!(store.stats().unwrap().segments >= SEGMENTS);
    let bounded = || {
        let open = descriptors_below(&dir).len();
        assert!(open <= 128 + 8, "{open} descriptors");
    };
    bounded();
    store.backup(&dir.join("copy"), BackupOptions::default()).unwrap();
    store
        .backup(&dir.join("linked"), BackupOptions { link: true, ..BackupOptions::default() })
        .unwrap();
    assert_eq!(store.verify().unwrap().findings.len(), 0);
    bounded();
    store.close().unwrap();
    drop(store);
    let store = open(&path, &with_mode(OpenMode::MustExist));
    ids.iter().rev().step_by(7).for_each(|id| assert!(get(&store, *id).is_some()));
    assert_eq!(rows(&store).len() as u64, SEGMENTS);
    bounded();
    // Its files take their turns also where others have all descriptors there are.
    let taken: Vec<_> = (0..).map_while(|_| fs::File::open("/dev/null").ok()).collect();
    for id in ids.iter().step_by(5) {
        assert!(get(&store, *id).is_some());
        store.append(&event("e:1", &LARGE)).unwrap();
    }
    drop(taken);
    store.close().unwrap();
    let to = open_quick(&dir.join("imported"));
    let from = open_reader(&dir.join("copy"));
    let mut options = ImportOptions { namespace: "a".to_owned(), ..ImportOptions::default() };
    to.import(&from, &mut options).result.unwrap();
    assert_eq!(rows(&to).len() as u64, SEGMENTS);
    repair(&dir.join("linked"), &dir.join("repaired"), &quick()).unwrap();
    std::process::exit(DONE);
}

#[test]
fn files_that_are_closed_and_opened_again_answer_as_before() {
    let dir = TempDir::in_memory("files");
    let mut options = quick();
    options.limits.files_max = 1;
    let store = open(&dir.join("a"), &options);
    fill(&store, 0, 3000);
    let reader = open(&dir.join("a"), &{
        let mut few = with_mode(OpenMode::ReadOnly);
        few.limits.files_max = 1;
        few
    });
    let expected = rows(&store);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for row in expected.iter().step_by(97) {
                    assert_eq!(get(&reader, row.id).as_ref(), Some(row));
                    assert_eq!(get(&store, row.id).as_ref(), Some(row));
                }
                assert_eq!(rows(&reader), expected);
            });
        }
    });
    assert_sound(&reader);
    let open = descriptors_below(dir.path()).len();
    assert!(open < 24, "{open} descriptors of two handles");
    options.limits.files_max = 0;
    assert_eq!(code_of(Store::open(&dir.join("a"), &options)), Code::InvalidArgument);
}

#[test]
fn a_file_that_was_replaced_while_it_was_closed_is_not_read() {
    let dir = TempDir::in_memory("files");
    let path = dir.join("a");
    let mut options = quick();
    options.limits.files_max = 1;
    let store = open(&path, &options);
    let first = fill(&store, 0, 2000)[0].id;
    store.close().unwrap();
    // No background reads files of this handle, and large reads go by descriptors.
    let store = open(&path, &options);
    let name = path.join("00000000000000000001.log");
    let bytes = fs::read(&name).unwrap();
    fs::remove_file(&name).unwrap();
    fs::write(&name, bytes).unwrap();
    let error = error_of(store.query(&Query::default()));
    assert!(error.message.contains("another file"), "{error}");
    store.close().unwrap();
    assert!(get(&open_reader(&path), first).is_some());
}

// ------------------------------------------------------------------------------ whose

const SERVICE: (u32, u32) = (54_321, 54_322);

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn give(path: &Path, mode: u32) {
    if is_root() {
        std::os::unix::fs::chown(path, Some(SERVICE.0), Some(SERVICE.1)).unwrap();
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Every file in a directory has this mode, and is the service's.
#[track_caller]
fn assert_given(dir: &Path, mode: u32) {
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        let found = entry.metadata().unwrap();
        assert_eq!(found.mode() & 0o7777, mode, "{}", entry.path().display());
        if is_root() {
            assert_eq!((found.uid(), found.gid()), SERVICE, "{}", entry.path().display());
        }
    }
}

/// As a kill leaves it.
fn killed(store: &Path, copy: &Path) {
    assert!(Command::new("cp").arg("-a").args([store, copy]).status().unwrap().success());
}

#[test]
fn new_files_take_owner_group_and_mode_of_the_store() {
    if !is_root() {
        println!("SKIPPED: owner and group, which only root can give");
    }
    let dir = TempDir::in_memory("files");
    let (origin, path) = (dir.join("origin"), dir.join("a"));
    let store = open_quick(&origin);
    fill(&store, 0, 1000);
    killed(&origin, &path);
    fs::remove_file(path.join("LOCK")).unwrap();
    give(&path, 0o770);
    for entry in fs::read_dir(&path).unwrap() {
        give(&entry.unwrap().path(), 0o620);
    }
    let store = open(&path, &with_mode(OpenMode::MustExist));
    assert!(store.open_report().unclean);
    assert_given(&path, 0o620);
    fill(&store, 1000, 6000);
    let runs = fs::read_dir(&path).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "run")
    });
    assert!(runs.count() > 0, "files of every kind");
    store.close().unwrap();
    assert_given(&path, 0o620);
    new_identity(&path, &quick()).unwrap();
    assert_given(&path, 0o620);
    // Of a new store, the directory says whose it is.
    let store = open(&path, &with_mode(OpenMode::MustExist));
    for (name, link) in [("copy", false), ("linked", true)] {
        let copy = dir.join(name);
        fs::create_dir(&copy).unwrap();
        give(&copy, 0o700);
        store.backup(&copy, BackupOptions { link, ..BackupOptions::default() }).unwrap();
        match link {
            false => assert_given(&copy, 0o600),
            true => {
                assert_eq!(fs::metadata(copy.join("store.fbat")).unwrap().mode() & 0o777, 0o600)
            }
        }
    }
    store.close().unwrap();
    let new = dir.join("new");
    for fresh in [&new, &dir.join("repaired")] {
        fs::create_dir(fresh).unwrap();
        give(fresh, 0o700);
    }
    fill(&open_quick(&new), 0, 100);
    assert_given(&new, 0o600);
    repair(&path, &dir.join("repaired"), &quick()).unwrap();
    assert_given(&dir.join("repaired"), 0o600);
}

#[test]
fn what_file_systems_put_into_their_root_is_no_file_of_somebody() {
    let dir = TempDir::in_memory("files");
    let fresh = |name: &str| {
        let volume = dir.join(name);
        fs::create_dir_all(volume.join("lost+found")).unwrap();
        fs::create_dir(volume.join(".snapshot")).unwrap();
        volume
    };
    let path = fresh("a");
    let store = open_quick(&path);
    fill(&store, 0, 10);
    store.backup(&fresh("copy"), BackupOptions::default()).unwrap();
    store.close().unwrap();
    repair(&path, &fresh("repaired"), &quick()).unwrap();
    for name in ["a", "copy", "repaired"] {
        assert_eq!(rows(&open_quick(&dir.join(name))).len(), 10, "{name}");
    }
    fs::write(fresh("other").join("lost"), "").unwrap();
    assert_eq!(code_of(Store::open(&dir.join("other"), &quick())), Code::InvalidArgument);
}

// ------------------------------------------------------------------------------ who

#[test]
fn a_busy_store_names_its_holder_so_that_it_can_be_found() {
    let dir = TempDir::in_memory("files");
    let path = dir.join("a");
    let store = open_quick(&path);
    let busy = || error_of(Store::open(&path, &quick()));
    let error = busy();
    assert_eq!(error.code(), Code::Busy);
    assert!(error.message.starts_with(path.to_str().unwrap()), "{error}");
    assert!(error.message.contains("this process; close it there"), "{error}");
    assert_eq!(error.actual, u64::from(std::process::id()));
    let text = fs::read_to_string(path.join("LOCK")).unwrap();
    for part in [&format!("process {} (", std::process::id()), " on host ", "pid:["] {
        assert!(text.contains(part), "{text}");
    }
    store.close().unwrap();
    // Of a process in another container, the id alone says nothing.
    let lock = fs::File::options().read(true).write(true).open(path.join("LOCK")).unwrap();
    fs::write(path.join("LOCK"), "boot x\nprocess 1 (java) on host 3f2a, namespace pid:[7]\n")
        .unwrap();
    lock.lock().unwrap();
    let error = busy();
    let holder = "process 1 (java) on host 3f2a, namespace pid:[7]; close it there";
    assert!(error.message.contains(holder), "{error}");
    assert_eq!(error.actual, 1);
    let host = text.split_once(" on host ").unwrap().1;
    fs::write(path.join("LOCK"), format!("boot x\nprocess 77 (python3) on host {host}")).unwrap();
    let error = busy();
    assert!(error.message.contains("in process 77 (python3); close it there"), "{error}");
    fs::write(path.join("LOCK"), "").unwrap();
    assert!(busy().message.contains("another process"));
    drop(lock);
    let directory = fs::File::open(&path).unwrap();
    directory.lock().unwrap();
    let error = busy();
    assert!(error.message.contains("locked itself"), "{error}");
    drop(directory);
    open_quick(&path).close().unwrap();
}
