//! A store is the directory that was opened, whatever becomes of its path: moved, hidden, replaced
//! or removed under a writer, a reader, a backup and an import. The table of `docs/guarantees.md`
//! says what these tests show.

use crate::common::lies::Lie;
use crate::common::*;
use fbat::engine::import::ImportOptions;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::{Code, Error, Result};
use fbat::engine::platform::watch::{Verdict, Watch};
use fbat::engine::repair::repair;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What becomes of the path that a store was opened by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Upset {
    Rename,
    RenameParent,
    /// Renamed, and an empty directory put into its place.
    NewDirectory,
    /// Renamed, and another store put into its place.
    NewStore,
    /// Opened by a symbolic link, which then leads to another store.
    SymlinkSwap,
    /// Another directory is mounted over it.
    BindMount,
}

const UPSETS: [Upset; 6] = [
    Upset::Rename,
    Upset::RenameParent,
    Upset::NewDirectory,
    Upset::NewStore,
    Upset::SymlinkSwap,
    Upset::BindMount,
];

/// Where it happens: the store is opened at `path`, and found at `home` afterwards.
struct Stage {
    dir: TempDir,
    upset: Upset,
    path: PathBuf,
    home: PathBuf,
    /// Another store.
    other: PathBuf,
    mounted: Cell<bool>,
}

impl Stage {
    fn new(upset: Upset) -> Stage {
        let dir = TempDir::in_memory("places");
        fs::create_dir(dir.join("up")).unwrap();
        let other = dir.join("other");
        let store = open_quick(&other);
        fill(&store, 0, 10);
        store.close().unwrap();
        let at = |name: &str| dir.join("up").join(name);
        let (path, home) = match upset {
            Upset::Rename | Upset::NewDirectory | Upset::NewStore => (at("a"), at("b")),
            Upset::RenameParent => (at("a"), dir.join("above/a")),
            Upset::SymlinkSwap => {
                std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
                fs::create_dir(at("real")).unwrap();
                (at("link"), at("real"))
            }
            Upset::BindMount => (at("a"), at("a")),
        };
        Stage { dir, upset, path, home, other, mounted: Cell::new(false) }
    }

    /// Makes it happen. False where this machine does not let us.
    fn strike(&self) -> bool {
        match self.upset {
            Upset::Rename => fs::rename(&self.path, &self.home).unwrap(),
            Upset::RenameParent => fs::rename(self.dir.join("up"), self.dir.join("above")).unwrap(),
            Upset::NewDirectory => {
                fs::rename(&self.path, &self.home).unwrap();
                fs::create_dir(&self.path).unwrap();
            }
            Upset::NewStore => {
                fs::rename(&self.path, &self.home).unwrap();
                fs::rename(&self.other, &self.path).unwrap();
            }
            Upset::SymlinkSwap => {
                fs::remove_file(&self.path).unwrap();
                std::os::unix::fs::symlink(&self.other, &self.path).unwrap();
            }
            Upset::BindMount => {
                let mut mount = Command::new("mount");
                mount.arg("--bind").args([&self.other, &self.path]);
                let mounted = mount.stderr(Stdio::null()).status();
                self.mounted.set(mounted.is_ok_and(|status| status.success()));
                return self.mounted.get();
            }
        }
        true
    }

    fn unmount(&self) {
        if self.mounted.replace(false) {
            assert!(Command::new("umount").arg(&self.path).status().unwrap().success());
        }
    }

    /// What is at the path of the store now, and not the store.
    fn bystander(&self) -> Vec<String> {
        let at_path = self.upset == Upset::NewDirectory || !self.other.exists();
        let place = if at_path { &self.path } else { &self.other };
        let mut names: Vec<String> = fs::read_dir(place).map_or(Vec::new(), |entries| {
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        });
        names.sort();
        names
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.mounted.replace(false) {
            let _ = Command::new("umount").arg(&self.path).status();
        }
    }
}

/// Runs `act` for every upset; it answers with the store and what it must have. `strike` is called
/// by it once.
fn under_every_upset(what: &str, act: impl Fn(&Stage, &dyn Fn() -> bool) -> Option<u64>) {
    for upset in UPSETS {
        let stage = Stage::new(upset);
        let before = stage.bystander();
        let Some(events) = act(&stage, &|| stage.strike()) else {
            println!("SKIPPED: {what} under {upset:?}: not permitted here");
            continue;
        };
        let bystander = stage.bystander();
        assert_eq!(bystander, before, "{what} under {upset:?}: nothing went elsewhere");
        stage.unmount();
        let store = open(&stage.home, &with_mode(OpenMode::MustExist));
        let report = store.open_report();
        assert!(!report.unclean, "{what} under {upset:?}: closed where it is");
        assert_eq!(rows(&store).len() as u64, events, "{what} under {upset:?}");
        assert_sound(&store);
        println!("{what} under {upset:?}: {events} of {events} events in the store");
    }
}

/// Enough for several segments.
const EVENTS: u64 = 1500;

#[test]
fn a_writer_goes_on_in_the_directory_that_it_opened() {
    under_every_upset("a writer", |stage, strike| {
        let store = open(&stage.path, &Options { durability: Durability::Durable, ..quick() });
        fill(&store, 0, EVENTS);
        let segments = store.stats().unwrap().segments;
        if !strike() {
            return None;
        }
        let receipts = fill(&store, EVENTS, EVENTS);
        assert!(receipts.iter().all(|receipt| receipt.durable));
        assert!(store.stats().unwrap().segments > segments + 1, "it rotated");
        assert_eq!(rows(&store).len() as u64, 2 * EVENTS);
        store.close().unwrap();
        Some(2 * EVENTS)
    });
}

#[test]
fn a_reader_follows_the_store_that_it_opened() {
    under_every_upset("a reader", |stage, strike| {
        let store = open_quick(&stage.path);
        fill(&store, 0, EVENTS);
        let reader = open_reader(&stage.path);
        assert_eq!(rows(&reader).len() as u64, EVENTS);
        if !strike() {
            return None;
        }
        fill(&store, EVENTS, EVENTS);
        assert_eq!(rows(&reader).len() as u64, 2 * EVENTS, "{:?}", stage.upset);
        // What it looks up in files that it had not opened.
        assert_eq!(reader.verify().unwrap().findings.len(), 0);
        assert_eq!(reader.log_hash().unwrap(), store.log_hash().unwrap());
        store.close().unwrap();
        Some(2 * EVENTS)
    });
}

#[test]
fn a_backup_reads_the_store_that_was_opened_and_fills_the_directory_that_it_made() {
    for link in [false, true] {
        under_every_upset("the source of a backup", |stage, strike| {
            let store = open_quick(&stage.path);
            fill(&store, 0, 3 * EVENTS);
            let copy = stage.dir.join("copy");
            let report = struck(&store, &copy, link, strike)?.unwrap();
            assert!(report > 3 * EVENTS, "{report}");
            let copied = open(&copy, &with_mode(OpenMode::MustExist));
            assert_eq!(rows(&copied).len() as u64, 3 * EVENTS);
            copied.close().unwrap();
            store.close().unwrap();
            Some(3 * EVENTS)
        });
        under_every_upset("the destination of a backup", |stage, strike| {
            let source = open_quick(&stage.dir.join("source"));
            fill(&source, 0, 3 * EVENTS);
            struck(&source, &stage.path, link, strike)?.unwrap();
            Some(3 * EVENTS)
        });
    }
}

/// Backs up, and strikes when a part is copied. None where that is not to be had here.
fn struck(store: &Store, to: &Path, link: bool, strike: &dyn Fn() -> bool) -> Option<Result<u64>> {
    let (mut calls, mut can) = (0, true);
    let mut listen = |now: fbat::engine::platform::watch::Progress| {
        calls += 1;
        if calls == 1 && now.done < now.total {
            can = strike();
        }
        Verdict::Keep
    };
    let watch = Watch::new(None, Some(&mut listen));
    let report =
        store.backup_watched(to, BackupOptions { link, ..BackupOptions::default() }, &watch);
    assert!(calls > 1, "it was struck in the middle");
    can.then(|| report.map(|report| report.events))
}

#[test]
fn an_import_goes_on_between_the_stores_that_were_opened() {
    for of_source in [true, false] {
        let what = if of_source { "the source of an import" } else { "an import's destination" };
        under_every_upset(what, |stage, strike| {
            let away = stage.dir.join("away");
            let (from, to) = match of_source {
                true => (&stage.path, &away),
                false => (&away, &stage.path),
            };
            let (from, to) = (open_quick(from), open_quick(to));
            fill(&from, 0, 2 * EVENTS);
            let (mut seen, mut can) = (0, true);
            let mut filter = |_: &fbat::engine::model::event::Event<'_>| {
                seen += 1;
                if seen == EVENTS {
                    can = strike();
                }
                Verdict::Keep
            };
            let mut options = ImportOptions {
                namespace: "away".to_owned(),
                filter: Some(&mut filter),
                ..ImportOptions::default()
            };
            let outcome = to.import(&from, &mut options);
            outcome.result.unwrap();
            assert_eq!(outcome.report.imported, 2 * EVENTS);
            assert_eq!(rows(&to).len() as u64, 2 * EVENTS);
            to.close().unwrap();
            from.close().unwrap();
            can.then_some(2 * EVENTS)
        });
    }
}

#[test]
fn two_stores_that_had_one_path_keep_their_events() {
    let dir = TempDir::in_memory("places");
    let (a, b) = (dir.join("a"), dir.join("b"));
    let first = open_quick(&a);
    fill(&first, 0, EVENTS);
    fs::rename(&a, &b).unwrap();
    let second = open_quick(&a);
    for part in 0..4 {
        fill(&second, part * EVENTS, EVENTS);
        fill(&first, (part + 1) * EVENTS, EVENTS);
    }
    second.close().unwrap();
    first.close().unwrap();
    for (path, events) in [(&a, 4 * EVENTS), (&b, 5 * EVENTS)] {
        let store = open(path, &with_mode(OpenMode::MustExist));
        assert_eq!(rows(&store).len() as u64, events);
        assert_sound(&store);
    }
}

#[test]
fn errors_show_the_path_that_a_store_was_opened_by() {
    let dir = TempDir::in_memory("places");
    let (a, b) = (dir.join("a"), dir.join("b"));
    let store = open_quick(&a);
    fs::rename(&a, &b).unwrap();
    assert_eq!(store.path(), a);
    store.close().unwrap();
    assert!(error_of(store.sync()).message.contains(a.to_str().unwrap()));
}

/// Whatever a writer answers after its directory, or the log in it, was removed.
fn after_removal(durability: Durability, remove: impl Fn(&Path)) -> (Store, Error) {
    let dir = TempDir::in_memory("places");
    let path = dir.join("a");
    let store = open(&path, &Options { durability, ..quick() });
    fill(&store, 0, 100);
    remove(&path);
    if durability == Durability::Os {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let error = error_of(store.append(&event("e:1", b"lost")));
    let later = error_of(store.append(&event("e:1", b"lost")));
    assert_eq!(later.code(), Code::Poisoned, "{later}");
    (store, error)
}

#[test]
fn a_removed_directory_is_an_error_before_anything_is_acknowledged() {
    for durability in [Durability::Durable, Durability::Os] {
        let (store, error) = after_removal(durability, |path| fs::remove_dir_all(path).unwrap());
        assert_eq!(error.code(), Code::Io, "{error}");
        assert!(error.message.contains("was removed"), "{error}");
        assert_eq!(code_of(store.close()), Code::Poisoned);
        // Also where there is a new one in its place, which stays empty.
        let (store, error) = after_removal(durability, |path| {
            fs::remove_dir_all(path).unwrap();
            fs::create_dir(path).unwrap();
        });
        assert!(error.message.contains("was removed"), "{error}");
        assert_eq!(code_of(store.sync()), Code::Poisoned);
        let (_, error) = after_removal(durability, |path| {
            for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap()) {
                fs::remove_file(entry.path()).unwrap();
            }
        });
        assert!(error.message.contains(".log"), "{error}");
    }
}

#[test]
fn a_reader_a_backup_and_an_import_notice_that_the_directory_was_removed() {
    let dir = TempDir::in_memory("places");
    let path = dir.join("a");
    let store = open_quick(&path);
    fill(&store, 0, EVENTS);
    let reader = open_reader(&path);
    let source = open_quick(&dir.join("source"));
    fill(&source, 0, 10);
    fs::remove_dir_all(&path).unwrap();
    let error = error_of(reader.frontier());
    assert!(error.message.contains("was removed"), "{error}");
    let error = error_of(store.backup(&dir.join("copy"), BackupOptions::default()));
    assert!(error.message.contains("was removed"), "{error}");
    let mut options = ImportOptions { namespace: "s".to_owned(), ..ImportOptions::default() };
    let outcome = store.import(&source, &mut options);
    assert_eq!((outcome.result.is_err(), outcome.report.imported), (true, 0));
    assert_eq!(code_of(Store::open(&path, &with_mode(OpenMode::MustExist))), Code::StoreNotFound);
}

#[test]
fn a_destination_that_is_removed_under_a_backup_is_an_error() {
    let dir = TempDir::in_memory("places");
    let (source, copy) = (open_quick(&dir.join("a")), dir.join("copy"));
    fill(&source, 0, 3 * EVENTS);
    let removed = struck(&source, &copy, false, &|| fs::remove_dir_all(&copy).is_ok()).unwrap();
    let error = error_of(removed);
    assert!(error.message.contains("was removed"), "{error}");
    assert!(!copy.exists());
}

#[test]
fn repair_and_new_identities_stay_in_their_directory() {
    let dir = TempDir::in_memory("places");
    let (a, link) = (dir.join("a"), dir.join("link"));
    let store = open_quick(&a);
    fill(&store, 0, EVENTS);
    store.close().unwrap();
    std::os::unix::fs::symlink(&a, &link).unwrap();
    let id = new_identity(&link, &quick()).unwrap();
    assert_eq!(open_quick(&a).store_id(), id);
    // Whichever way a directory inside of the damaged store is named.
    let inside = link.join("new");
    assert_eq!(code_of(repair(&a, &inside, &quick())), Code::InvalidArgument);
    let store = open_quick(&a);
    let code = code_of(store.backup(&inside, BackupOptions::default()));
    assert_eq!(code, Code::InvalidArgument);
    fs::rename(&a, dir.join("b")).unwrap();
    let code = code_of(store.backup(&dir.join("b/new"), BackupOptions::default()));
    assert_eq!(code, Code::InvalidArgument, "the source is where it is now");
    store
        .backup(&dir.join("copy"), BackupOptions { link: true, ..BackupOptions::default() })
        .unwrap();
}

// ------------------------------------------------------------------------------------ the lock

#[test]
fn a_lock_file_that_is_deleted_or_replaced_lets_no_second_writer_in() {
    for replace in [false, true] {
        let dir = TempDir::in_memory("places");
        let path = dir.join("a");
        let store = open(&path, &Options { durability: Durability::Durable, ..quick() });
        fill(&store, 0, 300);
        let lock = path.join("LOCK");
        fs::remove_file(&lock).unwrap();
        if replace {
            fs::write(&lock, b"").unwrap();
        }
        let error = error_of(Store::open(&path, &quick()));
        assert_eq!(error.code(), Code::Busy, "{error}");
        assert!(error.message.contains("LOCK"), "{error}");
        assert_eq!(code_of(repair(&path, &dir.join("new"), &quick())), Code::Busy);
        // The holder goes on no longer than to its next sync, and what it said is durable stays.
        let error = error_of(store.append(&event("e:1", b"x")));
        assert!(error.message.contains("LOCK") && error.code() == Code::Io, "{error}");
        assert_eq!(code_of(store.append(&event("e:1", b"x"))), Code::Poisoned);
        assert_eq!(code_of(store.close()), Code::Poisoned);
        let again = open(&path, &with_mode(OpenMode::MustExist));
        assert!(rows(&again).len() >= 300);
        assert_sound(&again);
    }
}

#[test]
fn a_holder_without_its_lock_file_does_not_rotate_or_close() {
    for end in ["rotate", "close"] {
        let dir = TempDir::in_memory("places");
        let path = dir.join("a");
        let store = open_quick(&path);
        let mut at = 0;
        while store.stats().unwrap().segments < 2 {
            fill(&store, at, 5);
            at += 5;
        }
        fs::remove_file(path.join("LOCK")).unwrap();
        let failed = match end {
            "close" => store.close(),
            _ => (0..EVENTS).try_for_each(|_| store.append(&event("e:1", &[7; 500])).map(drop)),
        };
        assert!(error_of(failed).message.contains("LOCK"), "{end}");
        let names = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        assert_eq!(names.filter(|path| is_segment(path)).count(), 2, "{end}");
        assert!(!path.join("clean").exists(), "{end}");
    }
}

/// Two writers at once, as on a file system whose locks do nothing.
#[test]
fn repair_never_says_that_nothing_is_lost_where_two_writers_were_at_work() {
    let mut shown = 0;
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let dir = TempDir::in_memory("places");
        let (path, new) = (dir.join("a"), dir.join("new"));
        let store = open_quick(&path);
        fill(&store, 0, 20);
        store.close().unwrap();
        let options = Options { vfs: Lie::Locked.told_of_files(None), ..quick() };
        let writers = [open(&path, &options), open(&path, &options)];
        let (mut number, mut written) = (0, [0; 2]);
        while number < 30 || written.contains(&0) {
            let at = rng.below(2) as usize;
            // The same length, or any; events of an entity of their own, or of few.
            let length = if seed % 2 == 0 { 100 } else { 1 + rng.below(300) };
            let entity = if seed % 4 < 2 { number + 100 } else { number % 3 };
            let payload = vec![at as u8; length as usize];
            writers[at].append(&event(&format!("e:{entity}"), &payload)).unwrap();
            (number, written[at]) = (number + 1, written[at] + 1);
        }
        // They are killed: what each thinks of its end is not written.
        writers.into_iter().for_each(std::mem::forget);
        let report = repair(&path, &new, &quick()).unwrap();
        let kept = rows(&open_quick(&new)).split_off(20);
        let of = |writer: u8| kept.iter().filter(|row| row.payload.contains(&writer)).count();
        // Where one wrote over all of the other's events, nothing shows that there were two.
        let shows = of(0) > 0 && of(1) > 0;
        shown += usize::from(shows);
        let (lost, losses) = (report.sequences_lost, report.losses);
        let what = format!("seed {seed}: {} of {number}, {lost} lost, {losses}", kept.len());
        assert!(!shows || (lost > 0 && losses > 0), "{what}");
        assert_eq!(report.list.len() as u64, losses);
    }
    assert!(shown > 20, "{shown}");
}
