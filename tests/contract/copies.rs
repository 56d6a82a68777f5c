//! Copies of a store: hot backups beside writers, and a directory that gets a store id of its own.

use crate::common::machine::*;
use crate::common::spy::Spy;
use crate::common::*;
use fbat::engine::import::ImportOptions;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::backup::{BackupOptions, BackupReport};
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const COPY: BackupOptions = BackupOptions { link: false, new_identity: false };
const LINK: BackupOptions = BackupOptions { link: true, new_identity: false };

// ------------------------------------------------------------------------------------- the judge

/// Appends a batch that says of itself how large it is: number in the correlation, size in the
/// payload.
fn append_batch(store: &Store, number: u64, size: u64) -> u64 {
    let said = size_of(number);
    let payloads: Vec<Vec<u8>> =
        (0..size).map(|item| format!("{number} {item} {said}").into_bytes()).collect();
    let entity = format!("e:{}", number % 7);
    let of =
        |payload| NewEvent { correlation: Id(u128::from(number) + 1), ..event(&entity, payload) };
    let events: Vec<NewEvent<'_>> = payloads.iter().map(|payload| of(payload)).collect();
    store.append_batch(&events).unwrap().last().unwrap().sequence
}

fn size_of(number: u64) -> u64 {
    1 + Rng(number).below(20)
}

/// What is wrong with a copy of `source`, which has all that the copy should: it opens clean, is
/// sound, and has the first events of the source, whole batches, up to where the report says.
fn judge(source: &Store, copy: &Path, mode: OpenMode, report: &BackupReport) -> Vec<String> {
    let mut faults = Vec::new();
    let mut require = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    let store = match Store::open(copy, &with_mode(mode)) {
        Ok(store) => store,
        Err(error) => return vec![format!("it does not open: {error}")],
    };
    let opened = store.open_report();
    require(
        !opened.unclean && opened.dropped_bytes == 0 && opened.gap_first == 0,
        "it does not open clean",
    );
    require(opened.indexes_rebuilt == 0, "an index is missing");
    let (stats, all, found) =
        (store.stats().unwrap(), rows_with_system(source), rows_with_system(&store));
    require(found == all[..found.len().min(all.len())], "it is not what the source begins with");
    require(
        found.last().is_some_and(|row| row.sequence == report.last_sequence),
        "it ends elsewhere",
    );
    require(
        stats.events == report.events && found.len() as u64 == report.events,
        "events are not counted",
    );
    require(
        stats.segments == report.segments && stats.log_bytes == report.log_bytes,
        "segments are not counted",
    );
    let witness = log_hash(log_id(copy), found.iter());
    require(
        store.log_hash().unwrap() == report.log_hash && witness == report.log_hash,
        "the log hash is another",
    );
    let mut batches: BTreeMap<Id, (u64, u64)> = BTreeMap::new();
    for row in found.iter().filter(|row| row.entity.starts_with("e:")) {
        let text = String::from_utf8(row.payload.clone()).unwrap();
        batches.entry(row.correlation).or_default().0 += 1;
        batches.entry(row.correlation).or_default().1 =
            text.rsplit(' ').next().unwrap().parse().unwrap();
    }
    require(batches.values().all(|(found, said)| found == said), "a part of a batch is there");
    let verified = store.verify().unwrap();
    require(verified.findings.is_empty(), &format!("verify: {:?}", verified.findings));
    faults
}

#[track_caller]
fn assert_copy(source: &Store, copy: &Path, report: &BackupReport) {
    assert_eq!(judge(source, copy, OpenMode::MustExist, report), Vec::<String>::new());
}

/// A directory without an identity file, whatever else is in it.
#[track_caller]
fn assert_no_store(path: &Path) {
    assert_eq!(code_of(Store::open(path, &with_mode(OpenMode::ReadOnly))), Code::StoreNotFound);
}

/// Names in a directory but `LOCK`.
fn names(path: &Path) -> Vec<String> {
    let all =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    all.filter(|name| name != "LOCK").collect()
}

fn contents(store: &Path) -> BTreeMap<String, Vec<u8>> {
    names(store)
        .into_iter()
        .map(|name| (name.clone(), fs::read(store.join(name)).unwrap()))
        .collect()
}

// ------------------------------------------------------------------------------------- hot backups

/// Backups of one store while four threads append to it; judged when they have ended.
fn backups_beside_writers(seed: u64, backups: u64) -> u64 {
    let dir = TempDir::in_memory("beside-writers");
    let mut rng = Rng(seed);
    let durability = *rng.pick(&[Durability::Os, Durability::Durable]);
    let store = open(&dir.join("store"), &Options { durability, ..quick() });
    let (done, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut made = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (store, done, acknowledged) = (&store, &done, &acknowledged);
            scope.spawn(move || {
                for number in (0..).map(|n| n * 4 + thread) {
                    if done.load(Ordering::Acquire) {
                        break;
                    }
                    acknowledged
                        .fetch_max(append_batch(store, number, size_of(number)), Ordering::AcqRel);
                    std::thread::sleep(std::time::Duration::from_micros(300));
                }
            });
        }
        for number in 0..backups {
            std::thread::sleep(std::time::Duration::from_millis(rng.below(12)));
            let (path, before) =
                (dir.join(&format!("copy{number}")), acknowledged.load(Ordering::Acquire));
            let options = BackupOptions { link: rng.one_in(2), new_identity: rng.one_in(4) };
            // A writer would append to a copy with a new id that it has one.
            let mode = if options.new_identity { OpenMode::ReadOnly } else { OpenMode::MustExist };
            made.push((path.clone(), mode, before, store.backup(&path, options).unwrap()));
        }
        done.store(true, Ordering::Release);
    });
    let mut failed = 0;
    for (path, mode, before, report) in made {
        let mut faults = judge(&store, &path, mode, &report);
        if report.last_sequence < before {
            faults.push(format!("{before} was acknowledged before, and is not in it"));
        }
        if !faults.is_empty() {
            eprintln!("seed {seed}: {}: {report:?}: {faults:?}", path.display());
            failed += 1;
        }
    }
    failed
}

#[test]
fn a_backup_beside_four_appending_threads_is_a_whole_prefix_that_opens_clean() {
    let (seed, count, began) = (seed_from_env(), scaled(200), Instant::now());
    println!("FBAT_SEED={seed}");
    let (mut tried, mut failed) = (0, 0);
    while tried < count {
        let backups = (count - tried).min(4);
        failed += backups_beside_writers(seed.wrapping_add(tried), backups);
        tried += backups;
    }
    score("hot backups beside writers", tried, failed, began);
    assert_eq!(failed, 0);
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_appends_until_told() {
    if !plays("part_appends_until_told") {
        return;
    }
    let store = open_quick(given("STORE").as_ref());
    say("open");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while listen().is_some() {}
            done.store(true, Ordering::Release);
        });
        for number in (0..).take_while(|_| !done.load(Ordering::Acquire)) {
            append_batch(&store, number, size_of(number));
        }
    });
    store.close().unwrap();
}

#[test]
fn a_reader_makes_backups_beside_a_process_that_writes() {
    let dir = TempDir::new("reader");
    let path = dir.join("store");
    let mut writer = Actor::start("part_appends_until_told", &[("STORE", path.to_str().unwrap())]);
    assert_eq!(writer.hear().as_deref(), Some("open"));
    let reader = open_reader(&path);
    let made: Vec<_> = (0..6)
        .map(|number| {
            let copy = dir.join(&format!("copy{number}"));
            let visible = reader.frontier().unwrap().visible;
            let report = reader
                .backup(&copy, BackupOptions { link: number % 2 == 1, ..BackupOptions::default() })
                .unwrap();
            assert!(report.last_sequence >= visible, "what was visible is in it");
            std::thread::sleep(std::time::Duration::from_millis(30));
            (copy, report)
        })
        .collect();
    writer.finish();
    assert!(made.last().unwrap().1.segments > 2, "{:?}", made.last());
    let store = open_quick(&path);
    for (copy, report) in made {
        assert_copy(&store, &copy, &report);
    }
}

#[test]
fn a_backup_of_a_store_at_rest_has_all_of_it_and_leaves_it_as_it_is() {
    let dir = TempDir::in_memory("at-rest");
    let path = dir.join("store");
    let store = open_quick(&path);
    for (round, events) in [0, 1, 30, 3000].into_iter().enumerate() {
        fill(&store, round as u64 * 10_000, events);
        store.finish_background();
        for options in [COPY, LINK] {
            let (copy, before) =
                (dir.join(&format!("copy{round}{}", options.link)), contents(&path));
            let report = store.backup(&copy, options).unwrap();
            assert_eq!(contents(&path), before);
            assert_copy(&store, &copy, &report);
            assert_eq!(rows_with_system(&open_reader(&copy)), rows_with_system(&store));
            assert_eq!(report.log_hash, store.log_hash().unwrap());
        }
    }
    // Closed and opened again: the same.
    store.close().unwrap();
    for mode in [OpenMode::ReadOnly, OpenMode::MustExist] {
        let (copy, store) = (dir.join(&format!("again{mode:?}")), open(&path, &with_mode(mode)));
        let report = store.backup(&copy, COPY).unwrap();
        assert_copy(&store, &copy, &report);
    }
}

#[test]
fn appends_and_rotations_go_on_while_files_are_copied() {
    let dir = TempDir::in_memory("appends-go-on");
    let (machine, copy) = (Machine::new(), dir.join("copy"));
    let store = open(&dir.join("store"), &machine.options(Durability::Os));
    fill(&store, 0, 1000);
    // On the thread of the backup itself: a lock that it held would end this test for good.
    let (appending, destination, number) = (store.clone(), copy.clone(), AtomicU64::new(0));
    machine.on_call(move |op, path| {
        if matches!(op, Op::Create | Op::Sync | Op::Rename) && path.starts_with(&destination) {
            let number = number.fetch_add(1, Ordering::SeqCst);
            append_batch(&appending, number, size_of(number));
            appending.append(&event("large", &[7; 20_000])).unwrap();
            appending.sync().unwrap();
        }
        None
    });
    let (before, segments_before) =
        (store.frontier().unwrap().visible, segments(store.path()).len());
    let report = store.backup(&copy, LINK).unwrap();
    machine.mend();
    assert!(segments(store.path()).len() > segments_before + 3);
    assert_eq!(report.last_sequence, before, "what came later is not in it");
    assert_copy(&store, &copy, &report);
}

#[test]
fn what_a_backup_has_is_on_the_disk_of_both() {
    let dir = TempDir::in_memory("durable");
    let (options, spy) = Spy::watch(quick());
    let store = open(&dir.join("store"), &options);
    for link in [false, true] {
        fill(&store, 1000 * u64::from(link), 900);
        assert_ne!(spy.dirty_segments(), Vec::<PathBuf>::new());
        let report = store
            .backup(
                &dir.join(&format!("copy{link}")),
                BackupOptions { link, ..BackupOptions::default() },
            )
            .unwrap();
        assert_eq!(spy.dirty_segments(), Vec::<PathBuf>::new());
        assert!(store.frontier().unwrap().durable >= report.last_sequence);
    }
}

#[test]
fn a_backup_goes_on_as_a_store_of_its_own_and_the_source_does_not_notice() {
    let dir = TempDir::in_memory("goes-on");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 1500);
    store.finish_background();
    for options in [COPY, LINK] {
        let copy_path = dir.join(&format!("copy{}", options.link));
        let report = store.backup(&copy_path, options).unwrap();
        let before = (contents(&path), rows_with_system(&store));
        let copy = open_quick(&copy_path);
        assert_eq!(copy.append(&event("mine", b"")).unwrap().sequence, report.last_sequence + 1);
        fill(&copy, 5000, 1500);
        assert_sound(&copy);
        copy.close().unwrap();
        assert_eq!((contents(&path), rows_with_system(&store)), before);
        assert_sound(&store);
        let again = open_quick(&copy_path);
        assert_eq!(rows(&again).len(), rows(&store).len() + 1501);
        assert!(
            again.append(&NewEvent { key: before.1[5].id, ..NewEvent::default() }).is_err(),
            "ids are known"
        );
    }
}

#[test]
fn links_are_made_for_sealed_segments_only_and_copies_where_the_file_system_refuses() {
    let dir = TempDir::in_memory("links");
    let (path, machine) = (dir.join("store"), Machine::new());
    let store = open(&path, &machine.options(Durability::Os));
    fill(&store, 0, 2000);
    let inodes = |store: &Path| -> Vec<u64> {
        segments(store).iter().map(|path| fs::metadata(path).unwrap().ino()).collect()
    };
    let all = inodes(&path);
    let (last, sealed) = all.split_last().unwrap();
    assert!(sealed.len() > 3);
    let report = store.backup(&dir.join("linked"), LINK).unwrap();
    assert_eq!(report.linked_segments, sealed.len() as u64);
    assert_copy(&store, &dir.join("linked"), &report);
    let linked = inodes(&dir.join("linked"));
    assert_eq!(linked[..sealed.len()], *sealed);
    assert_ne!(linked.last(), Some(last));
    for errno in [18, 1, 31, 95] {
        // EXDEV, EPERM, EMLINK, EOPNOTSUPP
        let copy = dir.join(&format!("refused{errno}"));
        machine.on_call(move |op, _| (op == Op::Link).then_some(errno));
        let report = store.backup(&copy, LINK).unwrap();
        machine.mend();
        assert_eq!(report.linked_segments, 0);
        assert!(inodes(&copy).iter().all(|inode| !all.contains(inode)));
        assert_copy(&store, &copy, &report);
    }
}

#[test]
fn a_destination_that_is_not_empty_is_refused_and_left_alone() {
    let dir = TempDir::in_memory("destination");
    let store = open_quick(&dir.join("store"));
    fill(&store, 0, 10);
    let other = open_quick(&dir.join("other"));
    for name in ["notes.txt", "clean", "00000000000000000001.log", "00000000000000000001.idx.tmp"] {
        let path = dir.join(&format!("with-{name}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join(name), "mine").unwrap();
        let error = error_of(store.backup(&path, COPY));
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message.contains(name), "{error}");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        assert_eq!(fs::read(path.join(name)).unwrap(), b"mine");
    }
    for there in [other.path(), store.path()] {
        let before = contents(there);
        assert_eq!(code_of(store.backup(there, COPY)), Code::StoreExists);
        assert_eq!(contents(there), before);
    }
    let inside = error_of(store.backup(&store.path().join("copy"), COPY));
    assert_eq!(
        (inside.code(), store.path().join("copy").exists()),
        (Code::InvalidArgument, false),
        "{inside}"
    );
    fs::write(dir.join("file"), "mine").unwrap();
    assert_eq!(code_of(store.backup(&dir.join("file"), COPY)), Code::Io);
    assert_eq!(code_of(store.backup(&dir.join("missing/copy"), COPY)), Code::Io);
    // An empty one, and one where an earlier backup failed, will do.
    for left in [&[][..], &["LOCK"]] {
        let path = dir.join(&format!("empty{}", left.len()));
        fs::create_dir(&path).unwrap();
        left.iter().for_each(|name| fs::write(path.join(name), "").unwrap());
        let report = store.backup(&path, COPY).unwrap();
        assert_copy(&store, &path, &report);
    }
}

#[test]
fn nobody_else_makes_a_store_where_a_backup_goes() {
    let dir = TempDir::in_memory("busy");
    let (machine, copy) = (Machine::new(), dir.join("copy"));
    let store = open(&dir.join("store"), &machine.options(Durability::Os));
    fill(&store, 0, 100);
    let (seen, destination) = (Arc::new(Mutex::new(Vec::new())), copy.clone());
    let codes = seen.clone();
    machine.on_call(move |op, path| {
        if op == Op::Create && path.starts_with(&destination) {
            codes.lock().unwrap().push(code_of(Store::open(&destination, &quick())));
        }
        None
    });
    let report = store.backup(&copy, COPY).unwrap();
    machine.mend();
    let seen = seen.lock().unwrap().clone();
    // The first finds an empty directory, then one with a part of a log.
    assert!(seen.len() >= 3 && seen.iter().all(|code| *code == Code::Busy), "{seen:?}");
    assert_copy(&store, &copy, &report);
}

#[test]
fn a_backup_of_a_damaged_store_is_corrupt_and_names_file_and_offset() {
    let dir = TempDir::in_memory("damaged");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 1500);
    store.finish_background();
    let files = segments(&path);
    assert!(files.len() > 3);
    let mut rng = Rng(seed_from_env());
    for (number, file) in files.iter().enumerate() {
        let sound = fs::read(file).unwrap();
        // The last segment has reserved space behind its end.
        let end = sound.iter().rposition(|byte| *byte != 0).unwrap() as u64;
        for at in [0, 100, 130, end, rng.range(128, end)] {
            let damage = Damage { path: file.clone(), offset: at };
            damage.flip();
            for options in [COPY, LINK] {
                let copy = dir.join(&format!("copy{number}-{at}-{}", options.link));
                let error = error_of(store.backup(&copy, options));
                assert_eq!(error.code(), Code::Corrupt, "{at} of segment {number}: {error}");
                assert_eq!(error.path.as_deref(), Some(file.as_path()));
                assert!(
                    error.offset.is_some_and(|offset| offset <= at),
                    "{at} of segment {number}: {error}"
                );
                assert_no_store(&copy);
                assert_eq!(names(&copy), Vec::<String>::new(), "what was made is removed again");
            }
            damage.undo();
        }
    }
    // Cut short, replaced by one that is whole in itself, or longer than its seal.
    let other = open_quick(&dir.join("other"));
    fill(&other, 0, 1500);
    let first = fs::read(&files[1]).unwrap();
    let foreign = fs::read(&segments(other.path())[1]).unwrap();
    for (case, bytes) in
        [&first[..first.len() - 1], &foreign, &[&first[..], &[7; 90]].concat()].iter().enumerate()
    {
        fs::write(&files[1], bytes).unwrap();
        let outcome = store.backup(&dir.join(&format!("case{case}")), LINK);
        assert_eq!(code_of(outcome), Code::Corrupt, "{case}");
    }
    fs::write(&files[1], &first).unwrap();
    let report = store.backup(&dir.join("sound"), COPY).unwrap();
    assert_copy(&store, &dir.join("sound"), &report);
}

#[test]
fn a_damaged_index_is_not_copied() {
    let dir = TempDir::in_memory("index");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 1500);
    let index = segments(&path)[0].with_extension("idx");
    let mut bytes = fs::read(&index).unwrap();
    bytes[5000] ^= 1;
    fs::write(&index, bytes).unwrap();
    for options in [COPY, LINK] {
        let copy = dir.join(&format!("copy{}", options.link));
        let report = store.backup(&copy, options).unwrap();
        assert_copy(&store, &copy, &report);
    }
}

#[test]
fn a_poisoned_store_gives_what_is_known_to_be_durable_and_a_closed_one_nothing() {
    let dir = TempDir::in_memory("poisoned");
    let (path, machine) = (dir.join("store"), Machine::new());
    let store = open(&path, &machine.options(Durability::Os));
    fill(&store, 0, 100);
    let durable = store.sync().unwrap().durable;
    fill(&store, 100, 50);
    machine.on_call(|op, path| {
        (op == Op::Sync && path.extension().is_some_and(|e| e == "log")).then_some(EIO)
    });
    assert_eq!(code_of(store.sync()), Code::Io);
    machine.mend();
    let report = store.backup(&dir.join("copy"), COPY).unwrap();
    assert_eq!(report.last_sequence, durable);
    assert_copy(&store, &dir.join("copy"), &report);
    let _poisoned = store.close();
    assert_eq!(code_of(store.backup(&dir.join("closed"), COPY)), Code::Closed);
    assert!(!dir.join("closed").exists());
}

#[test]
fn a_store_that_is_closed_during_a_backup_ends_it() {
    let dir = TempDir::in_memory("closing");
    let (machine, copy) = (Machine::new(), dir.join("copy"));
    let store = open(&dir.join("store"), &machine.options(Durability::Os));
    fill(&store, 0, 1500);
    let (closing, destination) = (store.clone(), copy.clone());
    machine.on_call(move |op, path| {
        if op == Op::Create && path.starts_with(&destination) {
            closing.close().unwrap();
        }
        None
    });
    assert_eq!(code_of(store.backup(&copy, COPY)), Code::Closed);
    machine.mend();
    assert_no_store(&copy);
}

#[test]
fn backups_can_be_made_within_a_callback_of_both_stores() {
    let dir = TempDir::in_memory("callback");
    let source = open_quick(&dir.join("source"));
    fill(&source, 0, 600);
    let destination = open_quick(&dir.join("destination"));
    let mut made = Vec::new();
    let mut filter = |event: &fbat::engine::model::event::Event<'_>| {
        if event.sequence == 500 {
            for (name, store) in [("of-source", &source), ("of-destination", &destination)] {
                made.push((name, store.backup(&dir.join(name), COPY).unwrap()));
            }
        }
        Verdict::Keep
    };
    let mut options = ImportOptions { filter: Some(&mut filter), ..named("s") };
    assert_eq!(import_with(&destination, &source, &mut options).imported, 600);
    for (name, report) in made {
        assert_copy(
            if name == "of-source" { &source } else { &destination },
            &dir.join(name),
            &report,
        );
    }
}

#[test]
fn a_backup_keeps_gaps() {
    let dir = TempDir::in_memory("gap");
    let (path, machine) = (dir.join("store"), Machine::new());
    let store = open(&path, &machine.options(Durability::Os));
    fill(&store, 0, 40);
    copy_dir(&path, &dir.join("crashed"));
    machine.restart();
    let store = open(&dir.join("crashed"), &machine.options(Durability::Os));
    assert!(store.open_report().gap_first > 0);
    let report = store.backup(&dir.join("right-behind"), COPY).unwrap();
    assert_copy(&store, &dir.join("right-behind"), &report);
    fill(&store, 40, 1000);
    let report = store.backup(&dir.join("later"), LINK).unwrap();
    assert_copy(&store, &dir.join("later"), &report);
}

/// Calls `body` with a machine whose call number `n` fails (and, with `for_good`, all that follow),
/// for every n until none is reached.
fn cut_everywhere(for_good: bool, body: &mut dyn FnMut(&Machine, &str)) -> u64 {
    for target in 0.. {
        let (machine, calls, hit) =
            (Machine::new(), AtomicI64::new(0), Arc::new(AtomicBool::new(false)));
        let struck = hit.clone();
        machine.on_call(move |_, _| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            let fails = call == target || (for_good && call > target);
            struck.fetch_or(fails, Ordering::SeqCst);
            fails.then_some(EIO)
        });
        body(&machine, &format!("call {target}, for good: {for_good}"));
        if !hit.load(Ordering::SeqCst) {
            return target as u64;
        }
    }
    unreachable!("a run ends")
}

#[test]
fn a_backup_that_a_disk_fails_at_any_call_leaves_the_source_usable_and_no_store_or_a_whole_one() {
    let dir = TempDir::in_memory("failing");
    let template = dir.join("template");
    fill(&open_quick(&template), 0, 700);
    for (for_good, options) in [(false, COPY), (true, COPY), (false, LINK), (true, LINK)] {
        let calls = cut_everywhere(for_good, &mut |machine, what| {
            let (path, copy) = (dir.join("store"), dir.join("copy"));
            let _ = fs::remove_dir_all(&copy);
            copy_dir(&template, &path);
            // Opened on a sound machine with un-synced events, so that the backup has to sync.
            let hook = machine.pause();
            let store = open(&path, &machine.options(Durability::Os));
            append_batch(&store, 1, size_of(1));
            machine.resume(hook);
            let outcome = store.backup(&copy, options);
            machine.mend();
            match &outcome {
                Ok(report) => assert_copy(&store, &copy, report),
                Err(_) if copy.join("store.fbat").exists() => {
                    assert!(for_good, "{what}: a store was left behind");
                    assert_sound(&open_quick(&copy));
                    assert_eq!(rows_with_system(&open_reader(&copy)), rows_with_system(&store));
                }
                Err(_) if !copy.exists() => {}
                Err(_) => {
                    assert_no_store(&copy);
                    assert!(for_good || names(&copy).is_empty(), "{what}: {:?}", names(&copy));
                }
            }
            let _ = store.close();
            let store = open_quick(&path);
            append_batch(&store, 2, size_of(2));
            assert_sound(&store);
        });
        assert!(calls > 20, "the calls were counted: {calls}");
    }
}

#[test]
fn canary_a_copy_that_lacks_or_alters_something_is_noticed_by_the_judge() {
    let dir = TempDir::in_memory("canary");
    let store = open_quick(&dir.join("store"));
    for number in 0..120 {
        append_batch(&store, number, size_of(number));
    }
    let (copy, broken) = (dir.join("copy"), dir.join("broken"));
    let report = store.backup(&copy, COPY).unwrap();
    assert_copy(&store, &copy, &report);
    let last = segments(&copy).pop().unwrap();
    let name = last.file_name().unwrap();
    let sound = fs::read(&last).unwrap();
    let batches = batches(&sound);
    let faults = |bytes: Option<&[u8]>, clean: bool, change: &dyn Fn(&Path)| {
        copy_dir(&copy, &broken);
        if let Some(bytes) = bytes {
            fs::write(broken.join(name), bytes).unwrap();
            fs::remove_file(broken.join(name).with_extension("idx")).unwrap();
        }
        if !clean {
            fs::remove_file(broken.join("clean")).unwrap();
        }
        change(&broken);
        judge(&store, &broken, OpenMode::MustExist, &report)
    };
    let nothing: &dyn Fn(&Path) = &|_| {};
    assert!(faults(None, true, nothing).is_empty());
    let before_last = batches[batches.len() - 2];
    let cases = [
        ("ends in the middle of a batch", faults(Some(&sound[..sound.len() - 1]), false, nothing)),
        ("the same, said to be clean", faults(Some(&sound[..sound.len() - 1]), true, nothing)),
        ("lacks the last batch", faults(Some(&sound[..before_last]), false, nothing)),
        ("lacks a segment", faults(None, true, &|p| fs::remove_file(&segments(p)[1]).unwrap())),
        ("is not clean", faults(None, false, nothing)),
        ("has another payload", faults(None, true, &|p| drop(forge_payload(p, b"100 0 ")))),
        (
            "lacks an index",
            faults(None, true, &|p| fs::remove_file(segments(p)[0].with_extension("idx")).unwrap()),
        ),
    ];
    for (what, faults) in &cases {
        assert!(!faults.is_empty(), "a copy that {what} passed");
    }
    // A source that wrote a part of a batch only.
    let torn = (200..).find(|number| size_of(*number) > 2).unwrap();
    append_batch(&store, torn, 2);
    let report = store.backup(&dir.join("torn"), COPY).unwrap();
    assert_eq!(
        judge(&store, &dir.join("torn"), OpenMode::MustExist, &report),
        ["a part of a batch is there"]
    );
}

// ------------------------------------------------------------------------------------ new
// identities

/// What an identity event says: new id, old id, first sequence; and its own sequence.
type Told = (String, String, u64, u64);

fn told(store: &Store) -> Vec<Told> {
    #[derive(serde::Deserialize)]
    struct Payload {
        store_id: String,
        previous_store_id: String,
        first_sequence: u64,
    }
    let events = rows_with_system(store).into_iter().filter(|row| row.kind == Kind(0x0004));
    let read = |row: Row| {
        assert_eq!((row.entity.as_str(), row.scope.as_str()), ("=store", "=system"));
        let payload: Payload = rmp_serde::from_slice(&row.payload).unwrap();
        (payload.store_id, payload.previous_store_id, payload.first_sequence, row.sequence)
    };
    events.map(read).collect()
}

#[test]
fn a_copy_gets_an_id_of_its_own_from_its_next_sequence_on_and_keeps_its_history() {
    let dir = TempDir::in_memory("identity");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 800);
    let (old, history, hash) =
        (store.store_id(), rows_with_system(&store), store.log_hash().unwrap());
    store.backup(&dir.join("copy"), COPY).unwrap();
    let mut ids = vec![old];
    for round in 0..4 {
        let id = new_identity(&dir.join("copy"), &quick()).unwrap();
        assert!(!ids.contains(&id));
        let copy = open_quick(&dir.join("copy"));
        assert_eq!((copy.store_id(), copy.native_namespace()), (id, format!("store:{id}")));
        assert!(!copy.open_report().unclean);
        let told = told(&copy);
        let (new, previous, first, sequence) = told.last().unwrap();
        assert_eq!((new, previous), (&id.to_string(), &ids.last().unwrap().to_string()));
        assert_eq!(first, sequence, "the event is the first one under the new id");
        assert_eq!(told.len(), round + 1);
        let all = rows_with_system(&copy);
        assert_eq!(all[..history.len()], history, "nothing that was there changes");
        assert_eq!(log_hash(old, all[..history.len()].iter()), hash);
        assert_eq!(copy.log_hash().unwrap(), log_hash(old, all.iter()));
        // Segments that are begun later carry the id of the log.
        fill(&copy, 10_000 * (round as u64 + 1), 500);
        assert_sound(&copy);
        for segment in segments(copy.path()) {
            assert_eq!(fs::read(segment).unwrap()[16..32], old.to_bytes());
        }
        ids.push(id);
    }
    let copy = open_quick(&dir.join("copy"));
    // A copy of the copy has all of its names; the original none of them.
    let report = copy.backup(&dir.join("again"), LINK).unwrap();
    assert_copy(&copy, &dir.join("again"), &report);
    let again = open_reader(&dir.join("again"));
    assert_eq!((again.store_id(), told(&again)), (*ids.last().unwrap(), told(&copy)));
    assert_eq!((store.store_id(), told(&store)), (old, vec![]));
}

#[test]
fn original_and_copy_under_their_native_namespaces_keep_every_event_after_the_split() {
    let dir = TempDir::in_memory("split");
    let original = open_quick(&dir.join("original"));
    fill(&original, 0, 300);
    original.backup(&dir.join("copy"), COPY).unwrap();
    // Appended to both under one name, the copy's events are taken for the original's.
    let copy = open_quick(&dir.join("copy"));
    assert_eq!(copy.native_namespace(), original.native_namespace());
    copy.close().unwrap();
    new_identity(&dir.join("copy"), &quick()).unwrap();
    let copy = open_quick(&dir.join("copy"));
    fill(&original, 1000, 200);
    fill(&copy, 2000, 150);
    let third = open_quick(&dir.join("third"));
    for _ in 0..2 {
        import(&third, &original, &original.native_namespace());
        import(&third, &copy, &copy.native_namespace());
    }
    let count = |payload: &[u8]| rows(&third).iter().filter(|row| row.payload == payload).count();
    for number in (1000..1200).chain(2000..2150) {
        assert_eq!(count(&Sample::new(number).payload), 1, "event {number}");
    }
    assert_eq!(
        count(&Sample::new(7).payload),
        2,
        "what is older than the split is known by two names"
    );
    // Who does not want that begins behind the split, which the log of the copy names.
    let fourth = open_quick(&dir.join("fourth"));
    import(&fourth, &original, &original.native_namespace());
    let after = told(&copy)[0].2;
    import_with(&fourth, &copy, &mut ImportOptions { after, ..named(&copy.native_namespace()) });
    assert_eq!(rows(&fourth).len(), 300 + 200 + 150);
}

#[test]
fn a_new_identity_needs_a_store_that_nobody_writes_and_readers_go_on_under_the_old_one() {
    let dir = TempDir::in_memory("identity-busy");
    let path = dir.join("store");
    assert_eq!(code_of(new_identity(&path, &quick())), Code::StoreNotFound);
    assert!(!path.exists());
    let store = open_quick(&path);
    fill(&store, 0, 10);
    assert_eq!(code_of(new_identity(&path, &quick())), Code::Busy);
    let (old, reader) = (store.store_id(), open_reader(&path));
    store.close().unwrap();
    let id = new_identity(&path, &quick()).unwrap();
    assert_eq!(told(&reader).len(), 1, "a reader follows the log");
    assert_eq!((reader.store_id(), open_reader(&path).store_id()), (old, id));
    assert_sound(&reader);
    // Its backup has what the files say, not what it knew when it was opened.
    let report = reader.backup(&dir.join("copy"), COPY).unwrap();
    assert_eq!(open_quick(&dir.join("copy")).store_id(), id);
    assert_copy(&reader, &dir.join("copy"), &report);
}

#[test]
fn a_store_takes_a_new_identity_128_times() {
    let dir = TempDir::in_memory("identity-limit");
    let path = dir.join("store");
    open_quick(&path).close().unwrap();
    let ids: Vec<Id> = (0..128).map(|_| new_identity(&path, &quick()).unwrap()).collect();
    let error = error_of(new_identity(&path, &quick()));
    assert_eq!((error.code(), error.allowed), (Code::LimitExceeded, 128));
    let store = open_quick(&path);
    assert_eq!(store.store_id(), ids[127]);
    assert_eq!(
        told(&store).iter().map(|told| told.0.clone()).collect::<Vec<_>>(),
        ids.iter().map(Id::to_string).collect::<Vec<_>>()
    );
    assert_sound(&store);
}

/// What a store must be after a change of its identity was cut: as before, or with a new id that
/// file and log agree on.
#[track_caller]
fn assert_old_or_new(path: &Path, options: &Options, before: &Before, what: &str) -> bool {
    let store = Store::open(path, options).unwrap_or_else(|e| panic!("{what}: {e}"));
    let told = told(&store);
    let is_new = store.store_id() != before.store_id;
    assert_eq!(told.len(), before.told.len() + usize::from(is_new), "{what}: {told:?}");
    assert_eq!(told[..before.told.len()], before.told, "{what}");
    if let Some((id, previous, first, sequence)) = told.last().filter(|_| is_new) {
        assert_eq!(
            (id, previous),
            (&store.store_id().to_string(), &before.store_id.to_string()),
            "{what}"
        );
        let earlier: Vec<Row> =
            rows_with_system(&store).into_iter().filter(|row| row.sequence < *sequence).collect();
        assert!(earlier.iter().all(|row| row.sequence < *first || row.kind == Kind::GAP), "{what}");
    }
    assert_eq!(rows(&store), before.rows, "{what}");
    assert_sound(&store);
    store.append(&event("after", b"after")).unwrap();
    store.close().unwrap();
    let reader = open_reader(path);
    assert_eq!(reader.store_id().to_string() == before.store_id.to_string(), !is_new, "{what}");
    assert_sound(&reader);
    is_new
}

struct Before {
    store_id: Id,
    told: Vec<Told>,
    rows: Vec<Row>,
}

/// A store at rest, one that has a new id already, one whose writer was killed, and one whose last
/// segment is full.
fn stores_to_rename(dir: &TempDir) -> Vec<PathBuf> {
    let [rest, renamed, killed, full] =
        ["rest", "renamed", "killed", "full"].map(|name| dir.join(name));
    let store = open_quick(&rest);
    fill(&store, 0, 20);
    copy_dir(&rest, &killed);
    store.close().unwrap();
    copy_dir(&rest, &renamed);
    new_identity(&renamed, &quick()).unwrap();
    let store = open_quick(&full);
    store.append(&event("e", &vec![7; 65_000])).unwrap();
    store.close().unwrap();
    vec![rest, renamed, killed, full]
}

#[test]
fn a_change_of_identity_that_is_cut_at_any_call_is_not_done_or_done_whole() {
    let (dir, began) = (TempDir::in_memory("identity-cut"), Instant::now());
    let mut tried = 0;
    let mut outcomes = [0, 0];
    for template in stores_to_rename(&dir) {
        copy_dir(&template, &dir.join("look"));
        let store = open_quick(&dir.join("look"));
        let before = Before { store_id: store.store_id(), told: told(&store), rows: rows(&store) };
        drop(store);
        // With a restart of the machine, a gap is declared before the event that is still missing.
        for (for_good, restart) in [(false, false), (true, false), (true, true)] {
            tried += cut_everywhere(for_good, &mut |machine, what| {
                let path = dir.join("store");
                copy_dir(&template, &path);
                let what = format!("{}, {what}, restart: {restart}", template.display());
                let changed = new_identity(&path, &machine.options(Durability::Durable));
                machine.mend();
                if restart {
                    machine.restart();
                }
                let is_new =
                    assert_old_or_new(&path, &machine.options(Durability::Durable), &before, &what);
                assert!(is_new || changed.is_err(), "{what}: it was said to be done");
                outcomes[usize::from(is_new)] += 1;
            });
        }
    }
    assert!(outcomes.iter().all(|count| *count > 40), "{outcomes:?}");
    score("identity changes cut at every call", tried, 0, began);
}

/// A store between the two steps of a change: the file names the new id, the log does not yet.
fn half_renamed(dir: &TempDir, name: &str) -> (PathBuf, Id) {
    let path = dir.join(name);
    let store = open_quick(&path);
    fill(&store, 0, 30);
    store.close().unwrap();
    let log = contents(&path);
    let id = new_identity(&path, &quick()).unwrap();
    for (name, bytes) in log.iter().filter(|(name, _)| *name != "store.fbat") {
        fs::write(path.join(name), bytes).unwrap();
    }
    (path, id)
}

#[test]
fn the_next_writer_tells_the_log_of_a_new_id_before_anything_else_and_readers_change_nothing() {
    let dir = TempDir::in_memory("half");
    let (path, id) = half_renamed(&dir, "store");
    let before = contents(&path);
    let reader = open_reader(&path);
    assert_eq!((reader.store_id(), told(&reader).len()), (id, 0));
    assert_sound(&reader);
    // A copy of what is there has the same id, and its next writer tells of it too.
    reader.backup(&dir.join("copy"), COPY).unwrap();
    let copy = open_quick(&dir.join("copy"));
    assert_eq!((copy.store_id(), told(&copy).len()), (id, 1));
    copy.close().unwrap();
    assert_eq!(contents(&path), before);
    let store = open_quick(&path);
    assert_eq!(told(&store).len(), 1);
    assert_eq!(rows_with_system(&store).last().unwrap().kind, Kind(0x0004));
    assert_eq!(store.frontier().unwrap().durable, store.frontier().unwrap().visible);
    store.append(&event("e", b"")).unwrap();
    store.close().unwrap();
    assert_eq!(told(&open_quick(&path)).len(), 1, "it is told once");
}

#[test]
fn an_event_that_cannot_be_written_yet_comes_before_the_next_one() {
    let dir = TempDir::in_memory("half-full");
    let (path, id) = half_renamed(&dir, "store");
    let machine = Machine::new();
    machine.on_call(|op, path| {
        let grows =
            matches!(op, Op::Write | Op::Allocate) && path.extension().is_some_and(|e| e == "log");
        grows.then_some(ENOSPC)
    });
    let options = machine.options(Durability::Durable);
    let before = rows(&open_reader(&path)).len();
    for opened in 0..2 {
        // It can be read, and closed without a clean mark.
        let store = open(&path, &options);
        assert_eq!((store.store_id(), told(&store).len()), (id, 0));
        assert_eq!(code_of(store.append(&event("e", b"p"))), Code::NoSpace);
        if opened == 1 {
            machine.mend();
            store.append(&event("e", b"p")).unwrap();
        }
        store.close().unwrap();
    }
    let store = open(&path, &options);
    assert_eq!((store.store_id(), told(&store).len()), (id, 1));
    assert_eq!(rows(&store).len(), before + 1);
    assert!(store.open_report().gap_first == 0);
    assert_sound(&store);
}

#[test]
fn an_identity_file_with_a_history_that_is_damaged_anywhere_is_refused() {
    let dir = TempDir::in_memory("identity-bits");
    let path = dir.join("store");
    open_quick(&path).close().unwrap();
    for _ in 0..2 {
        new_identity(&path, &quick()).unwrap();
    }
    let file = path.join("store.fbat");
    let sound = fs::read(&file).unwrap();
    assert_eq!(sound.len(), 84 + 2 * 24);
    let refused = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let codes = [OpenMode::ReadOnly, OpenMode::CreateIfMissing]
            .map(|mode| code_of(Store::open(&path, &with_mode(mode))));
        assert_eq!(codes[0], codes[1]);
        codes[0]
    };
    for bit in 0..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let version = (8..12).contains(&(bit / 8));
        assert_eq!(
            refused(&bytes),
            if version { Code::FutureVersion } else { Code::Corrupt },
            "bit {bit}"
        );
    }
    for length in 0..sound.len() {
        assert_eq!(refused(&sound[..length]), Code::Corrupt, "{length} bytes");
    }
    // Hostile numbers, with a checksum that holds.
    let forged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound[..sound.len() - 4].to_vec();
        change(&mut bytes);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    };
    let long = |count: usize| {
        forged(&|bytes: &mut Vec<u8>| {
            for number in 2..count as u64 {
                bytes.extend([7; 16]);
                bytes.extend((100 + number).to_le_bytes());
            }
            bytes[12..16].copy_from_slice(&(84 + 24 * count as u32).to_le_bytes());
        })
    };
    let cases: [Vec<u8>; 10] = [
        forged(&|b| b[12..16].copy_from_slice(&u32::MAX.to_le_bytes())),
        forged(&|b| b[12..16].copy_from_slice(&84u32.to_le_bytes())),
        forged(&|b| b[12..16].copy_from_slice(&0u32.to_le_bytes())),
        forged(&|b| b.push(0)),
        forged(&|b| b[72..80].fill(0xff)),
        forged(&|b| b[96..104].copy_from_slice(&0u64.to_le_bytes())),
        forged(&|b| b[96..104].copy_from_slice(&u64::MAX.to_le_bytes())),
        forged(&|b| b[80..96].fill(0)),
        long(129),
        long(100_000),
    ];
    for (case, bytes) in cases.iter().enumerate() {
        assert_eq!(refused(bytes), Code::Corrupt, "case {case}");
    }
    // As many as may be, of a log that does not know them: the file is sound, the store is not.
    fs::write(&file, long(128)).unwrap();
    assert!(
        !open_reader(&path).verify().unwrap().findings.is_empty()
            || code_of(Store::open(&path, &quick())) == Code::Corrupt
    );
    fs::write(&file, &sound).unwrap();
    assert_sound(&open_quick(&path));
}

#[test]
fn canary_an_identity_file_that_contradicts_the_log_is_found() {
    let dir = TempDir::in_memory("contradiction");
    let path = dir.join("store");
    let store = open_quick(&path);
    fill(&store, 0, 30);
    store.close().unwrap();
    let file = |path: &Path| fs::read(path.join("store.fbat")).unwrap();
    let without = file(&path);
    copy_dir(&path, &dir.join("other"));
    new_identity(&path, &quick()).unwrap();
    let once = file(&path);
    let store = open_quick(&path);
    fill(&store, 100, 30);
    store.close().unwrap();
    new_identity(&path, &quick()).unwrap();
    let twice = file(&path);
    new_identity(&dir.join("other"), &quick()).unwrap();
    let findings = |store: &Path, identity: &[u8]| {
        let copy = dir.join("copy");
        copy_dir(store, &copy);
        fs::write(copy.join("store.fbat"), identity).unwrap();
        open_reader(&copy).verify().unwrap().findings
    };
    assert_eq!(findings(&path, &twice).len(), 0);
    for (what, identity) in
        [("no change", &without), ("one too few", &once), ("another's", &file(&dir.join("other")))]
    {
        let found = findings(&path, identity);
        assert!(!found.is_empty(), "{what}");
        assert!(
            found[0].message.contains("store id") && found[0].first_sequence > 0,
            "{what}: {found:?}"
        );
    }
    // A change that the log should have told of, and one that begins behind its end.
    let other = dir.join("other");
    let store = open_quick(&other);
    fill(&store, 200, 60);
    store.close().unwrap();
    let found = findings(&other, &twice);
    assert!(found.iter().any(|finding| finding.path.ends_with("store.fbat")), "{found:?}");
    for identity in [&twice, &once] {
        let copy = dir.join("copy");
        copy_dir(&other, &copy);
        fs::write(copy.join("store.fbat"), identity).unwrap();
        let before = contents(&copy);
        assert_eq!(code_of(Store::open(&copy, &quick())), Code::Corrupt, "a writer does not guess");
        assert_eq!(contents(&copy), before);
    }
    // Damaged or gone while the store is open.
    let store = open_reader(&path);
    for bytes in [Some(&twice[..90]), None] {
        match bytes {
            Some(bytes) => fs::write(path.join("store.fbat"), bytes).unwrap(),
            None => fs::remove_file(path.join("store.fbat")).unwrap(),
        }
        let found = store.verify().unwrap().findings;
        assert!(found.iter().any(|finding| finding.path.ends_with("store.fbat")), "{found:?}");
    }
    fs::write(path.join("store.fbat"), &twice).unwrap();
    // The judge of cut changes would not let such a store pass.
    let before = Before { store_id: Id(1), told: vec![], rows: vec![] };
    let judged = || assert_old_or_new(&path, &quick(), &before, "canary");
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(judged)).is_err());
}

#[test]
fn a_backup_may_have_a_store_id_of_its_own() {
    let dir = TempDir::new("copies-new-identity");
    let store = open_quick(&dir.join("store"));
    fill(&store, 0, 20);
    let renamed = BackupOptions { link: false, new_identity: true };
    store.backup(&dir.join("copy"), renamed).unwrap();
    let reader = open_reader(&dir.join("copy"));
    assert_ne!(reader.store_id(), store.store_id());
    assert_eq!(rows(&reader), rows(&store));
    let copy = open(&dir.join("copy"), &with_mode(OpenMode::MustExist));
    assert_eq!(copy.store_id(), reader.store_id(), "its log says so, too, from now on");
    assert_eq!(copy.frontier().unwrap().visible, store.frontier().unwrap().visible + 1);
    fill(&copy, 20, 5);
    assert_sound(&copy);
    // A copy of the copy has an id of its own again, also where the log does not say so yet.
    reader.close().unwrap();
    copy.backup(&dir.join("third"), renamed).unwrap();
    let third = open_reader(&dir.join("third"));
    third.backup(&dir.join("fourth"), renamed).unwrap();
    let fourth = open(&dir.join("fourth"), &with_mode(OpenMode::MustExist));
    assert_ne!(fourth.store_id(), third.store_id());
    assert_sound(&fourth);
}
