//! What an import leaves in the log, and where the next one goes on: after what earlier ones have
//! brought, whatever became of source and destination meanwhile.

use crate::common::*;
use fbat::engine::import::{
    region_of, Fork, ImportIdentity, ImportOptions, ImportReport, ImportRun, ImportSource,
    OnConflict,
};
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::event::{Event, NewEvent};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::repair::repair;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::BTreeSet;
use std::path::Path;

const RUN: Kind = Kind(0x0003);
const FORK: Kind = Kind(0x0006);

fn by_origin<'a>() -> ImportOptions<'a> {
    ImportOptions { identity: ImportIdentity::Origin, ..ImportOptions::default() }
}

#[track_caller]
fn pull(destination: &Store, source: &Store) -> ImportReport {
    import_with(destination, source, &mut by_origin())
}

fn reopen(path: &Path) -> Store {
    open(path, &with_mode(OpenMode::MustExist))
}

fn append(store: &Store, keys: std::ops::Range<u128>, text: &str) {
    for key in keys {
        let payload = format!("{key}{text}");
        store.append(&NewEvent { key: Id(key), ..event("order", payload.as_bytes()) }).unwrap();
    }
}

fn store_with(path: &Path, events: u128) -> Store {
    let store = open_quick(path);
    append(&store, 1..events + 1, "");
    store
}

fn of_kind(store: &Store, kind: Kind) -> Vec<Row> {
    rows_with_system(store).into_iter().filter(|row| row.kind == kind).collect()
}

fn runs(store: &Store) -> Vec<ImportRun> {
    of_kind(store, RUN).iter().map(|row| ImportRun::decode(&row.payload).unwrap()).collect()
}

fn visible(store: &Store) -> u64 {
    store.frontier().unwrap().visible
}

fn contents(store: &Store) -> BTreeSet<Hash> {
    rows(store).into_iter().map(|row| row.content_hash).collect()
}

#[test]
fn an_import_goes_on_where_the_last_one_ended() {
    let dir = TempDir::new("runs");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    let first = pull(&hub, &device);
    assert_eq!((first.imported, first.started_after), (20, 0));
    assert_eq!((first.source, first.resume_after), (ImportSource::New, 21));
    append(&device, 21..26, "");
    let second = pull(&hub, &device);
    assert_eq!((second.imported, examined(&second), second.started_after), (5, 5, 21));
    assert_eq!(second.source, ImportSource::GoesOn);
    let before = visible(&hub);
    for _ in 0..3 {
        let quiet = pull(&hub, &device);
        assert_eq!((examined(&quiet), quiet.source_high_watermark), (0, 0));
        assert_eq!((quiet.started_after, quiet.resume_after), (26, 26));
    }
    assert_eq!(visible(&hub), before, "nothing came, nothing is written");

    let [one, two] = &runs(&hub)[..] else {
        panic!("a record for each run that brought something")
    };
    assert_eq!((one.watermark, one.first_sequence, one.counts.imported), (21, 1, 20));
    assert_eq!((two.watermark, two.first_sequence, two.counts.imported), (26, 22, 5));
    assert_eq!(two.watermark_log_hash, device.log_hash().unwrap());
    assert_eq!(one.watermark_log_hash, device.log_hash_at(21).unwrap());
    let native = device.native_namespace();
    assert_eq!((two.source_store_id, &two.source_namespace), (device.store_id(), &native));
    assert_eq!((two.source_log_id, two.identity), (device.store_id(), ImportIdentity::Origin));
    assert_eq!((region_of(&two.region), &two.filter), (Some(Region::default()), &None));
    assert_eq!((two.after, two.branch, two.conflicts_left_out), (0, 0, false));
    assert_eq!((&*two.name, &two.head), ("", &None));
    let row = of_kind(&hub, RUN).pop().unwrap();
    assert_eq!((row.entity.as_str(), row.scope.as_str()), ("=store", "=system"));
    assert_sound(&hub);
    hub.close().unwrap();
    assert_eq!(pull(&reopen(&dir.join("hub")), &device).started_after, 26);
}

#[test]
fn by_source_only_what_has_a_name_goes_on() {
    let dir = TempDir::new("runs-by-source");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    let called = |name: &str| ImportOptions { name: name.into(), ..named("plant/7") };
    assert_eq!(import(&hub, &device, "plant/7").imported, 20);
    let again = import(&hub, &device, "plant/7");
    assert_eq!((again.deduplicated, again.started_after), (20, 0));
    assert_eq!(again.source, ImportSource::GoesOn, "it is known all the same");
    let first = import_with(&hub, &device, &mut called("nightly"));
    assert_eq!((first.deduplicated, first.source), (20, ImportSource::New));
    append(&device, 21..23, "");
    assert_eq!(import_with(&hub, &device, &mut called("nightly")).deduplicated, 20);
    assert_eq!(import_with(&hub, &device, &mut called("nightly")).started_after, 23);
    let mut other = ImportOptions { name: "nightly".into(), ..named("other") };
    other.allow_other_identity = true;
    let other = import_with(&hub, &device, &mut other);
    assert_eq!((other.started_after, other.imported), (0, 22), "another name of the store");
    let names = ["", "nightly", "nightly"].map(String::from);
    assert_eq!(runs(&hub).into_iter().map(|run| run.name).collect::<Vec<_>>(), names);
}

#[test]
fn with_a_filter_only_what_has_a_name_goes_on() {
    let dir = TempDir::new("runs-filter");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    let pull_even = |name: &str| {
        let mut even = |event: &Event<'_>| match event.id.0 % 2 {
            0 => Verdict::Keep,
            _ => Verdict::Skip,
        };
        let filter = Some(&mut even as &mut dyn FnMut(&Event<'_>) -> Verdict);
        let mut options = ImportOptions { filter, name: name.into(), ..by_origin() };
        import_with(&hub, &device, &mut options)
    };
    for _ in 0..2 {
        let report = pull_even("");
        assert_eq!((report.skipped_filtered, report.started_after), (10, 0));
    }
    assert_eq!(pull_even("even").deduplicated, 10);
    append(&device, 21..25, "");
    assert_eq!((pull_even("even").imported, pull_even("even").started_after), (2, 25));
    // Without the filter, the name stands for another selection.
    let mut whole = ImportOptions { name: "even".into(), ..by_origin() };
    let report = import_with(&hub, &device, &mut whole);
    assert_eq!((report.started_after, report.imported), (0, 12));
    assert!(report.selector_changed);
    let filters: Vec<_> = runs(&hub).into_iter().map(|run| run.filter).collect();
    assert_eq!(filters, [Some(String::new()), Some("even".into()), None]);
}

#[test]
fn a_changed_selector_begins_at_the_start_and_says_so() {
    let dir = TempDir::new("runs-selector");
    let (device, hub) = (open_quick(&dir.join("device")), open_quick(&dir.join("hub")));
    for number in 0..30_u16 {
        let kind = Kind(0x1000 + number % 3);
        device.append(&NewEvent { kind, ..event("order", &number.to_le_bytes()) }).unwrap();
    }
    let only = |kinds: &[u16], name: &str| {
        let kinds = kinds.iter().map(|kind| KindRange::exact(Kind(*kind))).collect();
        let region = Region { kinds, ..Region::default() };
        let mut options = ImportOptions { region, name: name.into(), ..by_origin() };
        import_with(&hub, &device, &mut options)
    };
    for name in ["", "feed"] {
        let one = only(&[0x1000], name);
        assert_eq!((one.imported + one.deduplicated, one.selector_changed), (10, false), "{name}");
    }
    // Without a name, each region is a series of its own; with one, it says that it begins again.
    assert_eq!(only(&[0x1000], "").started_after, 31);
    let wider = only(&[0x1001, 0x1000], "");
    assert_eq!((wider.started_after, wider.imported, wider.selector_changed), (0, 10, false));
    assert_eq!(only(&[0x1000, 0x1001], "").started_after, 31, "order does not matter");
    device.append(&NewEvent { kind: Kind(0x1000), ..event("order", b"more") }).unwrap();
    let wider = only(&[0x1002, 0x1000], "feed");
    assert_eq!((wider.started_after, wider.imported, wider.selector_changed), (0, 11, false));
    let narrow = only(&[0x1001], "feed");
    assert_eq!((narrow.started_after, narrow.selector_changed), (0, true));
    assert_eq!(only(&[0x1000, 0x1002], "feed").started_after, 32, "its own record is there still");
}

#[test]
fn conflicts_that_were_left_out_are_looked_at_by_who_does_not() {
    let dir = TempDir::new("runs-conflicts");
    store_with(&dir.join("one"), 5).close().unwrap();
    copy_dir(&dir.join("one"), &dir.join("two"));
    let (one, two) = (reopen(&dir.join("one")), reopen(&dir.join("two")));
    append(&one, 7..8, " one");
    append(&two, 7..9, " two");
    let hub = open_quick(&dir.join("hub"));
    let with = |on_conflict| ImportOptions { on_conflict, ..by_origin() };
    import_with(&hub, &one, &mut with(OnConflict::Skip));
    assert_eq!(import_with(&hub, &two, &mut with(OnConflict::Skip)).conflicts, 1);
    append(&two, 9..10, "");
    let skipping = import_with(&hub, &two, &mut with(OnConflict::Skip));
    assert_eq!((examined(&skipping), skipping.imported), (1, 1));
    let keeping = import_with(&hub, &two, &mut with(OnConflict::Keep));
    assert_eq!((keeping.started_after, keeping.conflicts_kept), (0, 1));
    assert!(keeping.selector_changed);
    append(&two, 10..11, "");
    let skipping = import_with(&hub, &two, &mut with(OnConflict::Skip));
    assert_eq!(examined(&skipping), 1, "what left nothing out serves it, too");
}

#[test]
fn an_explicit_position_and_the_flag_switch_resuming_off() {
    let dir = TempDir::new("runs-off");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    let from_ten = || ImportOptions { after: 11, ..by_origin() };
    let report = import_with(&hub, &device, &mut from_ten());
    assert_eq!((report.imported, report.started_after, report.resume_after), (10, 11, 21));
    let whole = pull(&hub, &device);
    assert_eq!((whole.started_after, whole.imported), (0, 10), "what is below was not covered");
    assert_eq!(pull(&hub, &device).started_after, 21);
    let report = import_with(&hub, &device, &mut from_ten());
    assert_eq!((report.deduplicated, report.source), (10, ImportSource::GoesOn));
    let mut again = ImportOptions { resume: false, ..by_origin() };
    assert_eq!(import_with(&hub, &device, &mut again).deduplicated, 20);
    assert_eq!(runs(&hub).iter().map(|run| run.after).collect::<Vec<_>>(), [11, 0]);
}

/// A hub whose source was restored and went on misses nothing.
#[test]
fn a_source_that_was_restored_and_went_on_is_imported_completely() {
    let dir = TempDir::new("runs-restored");
    let hub = open_quick(&dir.join("hub"));
    let device = store_with(&dir.join("device"), 10);
    pull(&hub, &device);
    append(&device, 11..21, "");
    device.backup(&dir.join("old"), BackupOptions::default()).unwrap();
    append(&device, 21..31, "");
    pull(&hub, &device);
    device.close().unwrap();

    let device = reopen(&dir.join("old"));
    let short = pull(&hub, &device);
    assert_eq!((short.source, short.started_after), (ImportSource::Restored, 11));
    assert_eq!((short.deduplicated, short.imported), (10, 0));
    append(&device, 41..81, " after");
    let longer = pull(&hub, &device);
    assert_eq!((longer.source, longer.started_after), (ImportSource::Diverged, 11));
    assert_eq!((longer.deduplicated, longer.imported), (10, 40));
    assert!(contents(&hub).is_superset(&contents(&device)));
    assert_eq!(rows(&hub).len(), 70);
    append(&device, 81..82, "");
    let next = pull(&hub, &device);
    assert_eq!((next.source, examined(&next), next.imported), (ImportSource::GoesOn, 1, 1));
    assert_eq!(of_kind(&hub, FORK).len(), 1);
    assert_sound(&hub);
}

/// A copied directory that went on beside the original: both arrive, and the fork is on record.
#[test]
fn both_branches_of_a_fork_arrive_and_keep_their_places() {
    let dir = TempDir::new("runs-fork");
    let hub = open_quick(&dir.join("hub"));
    let one = store_with(&dir.join("one"), 10);
    pull(&hub, &one);
    one.close().unwrap();
    copy_dir(&dir.join("one"), &dir.join("two"));
    copy_dir(&dir.join("one"), &dir.join("three"));
    let [one, two, three] = ["one", "two", "three"].map(|name| reopen(&dir.join(name)));
    append(&one, 100..110, "");
    append(&two, 200..212, "");
    append(&three, 300..314, "");
    assert_eq!((pull(&hub, &one).imported, of_kind(&hub, FORK).len()), (10, 0));
    let met = pull(&hub, &two);
    assert_eq!((met.source, met.started_after, met.imported), (ImportSource::Diverged, 11, 12));
    let [fork] = &of_kind(&hub, FORK)[..] else { panic!("one event tells of the fork") };
    let fork = Fork::decode(&fork.payload).unwrap();
    assert_eq!((fork.common_sequence, fork.sequence, fork.source_log_id), (11, 21, one.store_id()));
    assert_eq!(fork.known_log_hash, one.log_hash_at(21).unwrap());
    assert_eq!(fork.met_log_hash, two.log_hash_at(21).unwrap());
    assert_eq!((fork.met_last_sequence, fork.met_last_log_hash), (23, two.log_hash().unwrap()));
    // Each goes on from its own place, in whatever order they come.
    for round in 0..5 {
        for (number, store) in [&one, &two, &two].into_iter().enumerate() {
            let key = 1000 + 10 * round + number as u128;
            append(store, key..key + 1, "");
            let report = pull(&hub, store);
            assert_eq!((examined(&report), report.imported), (1, 1), "{round} {number}");
            let known = if number == 2 { ImportSource::GoesOn } else { ImportSource::Forked };
            assert_eq!(report.source, known, "{round} {number}");
        }
    }
    assert_eq!(of_kind(&hub, FORK).len(), 1, "once, not at each import");
    assert_eq!(pull(&hub, &three).source, ImportSource::Diverged);
    for _ in 0..3 {
        for store in [&one, &two, &three] {
            assert_eq!((examined(&pull(&hub, store)), pull(&hub, store).imported), (0, 0));
        }
    }
    assert_eq!(of_kind(&hub, FORK).len(), 2);
    let all = [&one, &two, &three].map(contents);
    assert!(all.iter().all(|branch| contents(&hub).is_superset(branch)));
    assert_sound(&hub);
}

/// Histories that took turns in long stretches: the newest record of each is found.
#[test]
fn the_place_of_a_branch_is_found_behind_many_records_of_another() {
    let dir = TempDir::new("runs-stretches");
    let hub = open_quick(&dir.join("hub"));
    store_with(&dir.join("one"), 3).close().unwrap();
    copy_dir(&dir.join("one"), &dir.join("two"));
    let stores = ["one", "two"].map(|name| reopen(&dir.join(name)));
    let mut key = 100;
    for (at, stretch) in [(0, 90), (1, 70), (0, 150), (1, 40), (0, 1), (1, 1)] {
        for step in 0..stretch {
            append(&stores[at], key..key + 1, "");
            key += 1;
            let report = pull(&hub, &stores[at]);
            let goes_on = step > 0 || report.source == ImportSource::Forked;
            assert_eq!(report.imported, if goes_on { 1 } else { report.imported }, "{at} {step}");
            assert_eq!(examined(&report) > 1, !goes_on, "{at} {step} {report:?}");
        }
    }
    assert_eq!((of_kind(&hub, FORK).len(), rows(&hub).len()), (1, 3 + 352));
}

#[test]
fn stores_that_follow_each_other_come_to_rest() {
    let dir = TempDir::new("runs-rest");
    let stores = ["a", "b", "c"].map(|name| store_with(&dir.join(name), 5000));
    let round = || {
        for (to, from) in [(0, 1), (1, 0), (1, 2), (2, 1), (2, 0), (0, 2)] {
            pull(&stores[to], &stores[from]);
        }
        [0, 1, 2].map(|at| visible(&stores[at]))
    };
    let rounds: Vec<_> = (0..6).map(|_| round()).collect();
    assert_eq!(rounds[2], rounds[5], "{rounds:?}");
    for (to, from) in [(0, 1), (1, 2), (2, 0)] {
        let report = pull(&stores[to], &stores[from]);
        assert_eq!(examined(&report), report.skipped_reserved, "records are no reason for one");
    }
}

#[test]
fn what_brought_nothing_is_recorded_once_it_examined_much() {
    let dir = TempDir::new("runs-nothing");
    let (device, hub) = (open_quick(&dir.join("device")), open_quick(&dir.join("hub")));
    fill(&device, 0, 4095);
    let mut none = |_: &Event<'_>| Verdict::Skip;
    let filter = Some(&mut none as &mut dyn FnMut(&Event<'_>) -> Verdict);
    let mut options = ImportOptions { filter, name: "none".into(), ..by_origin() };
    import_with(&hub, &device, &mut options);
    assert_eq!(visible(&hub), 1);
    fill(&device, 4095, 1);
    import_with(&hub, &device, &mut options);
    assert_eq!(runs(&hub).len(), 1);
    options.resume = false;
    assert_eq!(import_with(&hub, &device, &mut options).skipped_filtered, 4096);
    assert_eq!(runs(&hub).len(), 1, "all of it is covered");
    let report = import_with(&hub, &device, &mut ImportOptions { resume: true, ..options });
    assert_eq!((examined(&report), report.started_after), (0, 4097));
}

#[test]
fn a_chunk_that_is_the_last_has_the_record_in_its_batch() {
    for (events, chunk_size, overlap, batches_more) in
        [(20, 256, true, 1), (20, 8, true, 3), (20, 8, false, 3), (20, 10, true, 3)]
    {
        let dir = TempDir::new("runs-batch");
        let device = store_with(&dir.join("device"), events);
        let hub = open_quick(&dir.join("hub"));
        let count = || batches(&std::fs::read(&segments(hub.path())[0]).unwrap()).len();
        let before = count();
        import_with(&hub, &device, &mut ImportOptions { chunk_size, overlap, ..by_origin() });
        assert_eq!(count() - before, batches_more, "{chunk_size} {overlap}");
        let last = rows_with_system(&hub).pop().unwrap();
        assert_eq!((last.kind, runs(&hub)[0].counts.imported), (RUN, 20));
    }
}

#[test]
fn an_import_that_is_stopped_goes_on_after_its_last_chunk() {
    let dir = TempDir::new("runs-stopped");
    let (device, hub) = (store_with(&dir.join("device"), 100), open_quick(&dir.join("hub")));
    let mut stop = |report: &ImportReport| match report.imported {
        0..40 => Verdict::Keep,
        _ => Verdict::Stop(-7),
    };
    let progress = Some(&mut stop as &mut dyn FnMut(&ImportReport) -> Verdict);
    let mut options = ImportOptions { progress, chunk_size: 10, overlap: false, ..by_origin() };
    let (report, _stopped) = failed(hub.import(&device, &mut options));
    assert_eq!((report.imported, report.resume_after), (40, 41));
    let rest = pull(&hub, &device);
    assert_eq!((rest.started_after, rest.imported, rest.deduplicated), (41, 60, 0));
    let watermarks: Vec<_> = runs(&hub).iter().map(|run| (run.watermark, run.branch)).collect();
    assert_eq!(watermarks, [(41, 0), (101, 0)]);
    assert_eq!(contents(&hub), contents(&device));
}

/// A crash between the last chunk and the record costs time, and no event.
#[test]
fn a_last_chunk_without_its_record_is_examined_again() {
    let dir = TempDir::new("runs-crash");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    let copy = dir.join("copy");
    let mut crash = |report: &ImportReport| {
        if report.imported == 20 && !copy.exists() {
            copy_dir(&dir.join("hub"), &copy);
        }
        Verdict::Keep
    };
    let progress = Some(&mut crash as &mut dyn FnMut(&ImportReport) -> Verdict);
    let mut options = ImportOptions { progress, chunk_size: 10, overlap: false, ..by_origin() };
    import_with(&hub, &device, &mut options);
    let crashed = reopen(&copy);
    assert_eq!((rows(&crashed).len(), runs(&crashed).len()), (20, 0));
    append(&device, 21..22, "");
    let report = pull(&crashed, &device);
    assert_eq!((report.deduplicated, report.imported, report.started_after), (20, 1, 0));
    assert_eq!(examined(&pull(&crashed, &device)), 0);
}

#[test]
fn a_destination_that_was_restored_gets_the_rest() {
    let dir = TempDir::new("runs-older");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    pull(&hub, &device);
    hub.backup(&dir.join("old"), BackupOptions::default()).unwrap();
    append(&device, 21..31, "");
    pull(&hub, &device);
    let old = reopen(&dir.join("old"));
    let report = pull(&old, &device);
    assert_eq!((report.started_after, report.imported), (21, 10));
    assert_eq!(contents(&old), contents(&device));
}

/// Records from before a repair say that events are there which it has lost.
#[test]
fn a_destination_that_was_repaired_gets_what_it_lost() {
    let dir = TempDir::new("runs-repaired");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    append(&device, 50..51, " which is lost");
    pull(&hub, &device);
    append(&device, 51..53, "");
    pull(&hub, &device);
    hub.close().unwrap();
    let damage = Damage::to_bytes(&dir.join("hub"), b"50 which is lost");
    let report = repair(&dir.join("hub"), &dir.join("new"), &Options::default()).unwrap();
    assert_eq!(report.sequences_lost, 1);
    let new = reopen(&dir.join("new"));
    assert_eq!(runs(&new).len(), 2, "they are there still");
    let report = pull(&new, &device);
    assert_eq!((report.started_after, report.imported, report.deduplicated), (0, 1, 22));
    assert_eq!(contents(&new), contents(&device));
    assert_eq!(examined(&pull(&new, &device)), 0, "from then on it goes on");
    damage.undo();
    assert_sound(&new);
}

#[test]
fn a_record_that_is_damaged_is_passed_over() {
    let dir = TempDir::new("runs-damaged");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    pull(&hub, &device);
    append(&device, 21..31, "");
    pull(&hub, &device);
    let last = of_kind(&hub, RUN).pop().unwrap();
    hub.close().unwrap();
    let hub = reopen(&dir.join("hub"));
    let damage = Damage::to_bytes(&dir.join("hub"), &last.payload);
    append(&device, 31..33, "");
    let report = pull(&hub, &device);
    assert_eq!((report.started_after, report.imported, report.deduplicated), (21, 2, 10));
    damage.undo();
    assert_eq!(contents(&hub), contents(&device));
}

#[test]
fn an_event_that_has_the_id_of_a_record_is_none() {
    let dir = TempDir::new("runs-squatted");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    let other = open_quick(&dir.join("other"));
    pull(&other, &device);
    let record = of_kind(&other, RUN).pop().unwrap();
    hub.append(&NewEvent { key: record.id, ..event("order", b"mine") }).unwrap();
    assert_eq!(pull(&hub, &device).imported, 20);
    assert_eq!((runs(&hub).len(), examined(&pull(&hub, &device))), (1, 0));
    assert_eq!(get(&hub, record.id).unwrap().payload, b"mine");
}

#[test]
fn imports_at_once_take_their_own_numbers_and_miss_nothing() {
    let dir = TempDir::new("runs-at-once");
    let (device, hub) = (open_quick(&dir.join("device")), open_quick(&dir.join("hub")));
    std::thread::scope(|scope| {
        for worker in 0..4_u128 {
            let (device, hub) = (&device, &hub);
            scope.spawn(move || {
                for step in 0..25 {
                    let key = 1 + worker * 1000 + step;
                    append(device, key..key + 1, "");
                    pull(hub, device);
                }
            });
        }
    });
    pull(&hub, &device);
    assert_eq!((rows(&hub).len(), contents(&hub)), (100, contents(&device)));
    assert!(runs(&hub).len() <= 100 && of_kind(&hub, FORK).is_empty());
    let quiet = pull(&hub, &device);
    assert_eq!((examined(&quiet), quiet.source), (0, ImportSource::GoesOn));
    assert_sound(&hub);
}

#[test]
fn a_source_that_was_given_a_new_id_goes_on_and_another_store_is_new() {
    let dir = TempDir::new("runs-renamed");
    let (device, hub) = (store_with(&dir.join("device"), 20), open_quick(&dir.join("hub")));
    pull(&hub, &device);
    device.close().unwrap();
    new_identity(&dir.join("device"), &quick()).unwrap();
    let device = reopen(&dir.join("device"));
    append(&device, 21..23, "");
    let report = pull(&hub, &device);
    assert_eq!((report.started_after, report.imported), (21, 2));
    let other = store_with(&dir.join("other"), 20);
    let report = pull(&hub, &other);
    assert_eq!((report.source, report.started_after), (ImportSource::New, 0));
    assert_eq!(report.imported, 20);
}

#[test]
fn names_of_imports_are_checked() {
    let dir = TempDir::new("runs-names");
    let (device, hub) = (store_with(&dir.join("device"), 1), open_quick(&dir.join("hub")));
    for name in ["a\nb".to_owned(), "x".repeat(1025)] {
        let mut options = ImportOptions { name, ..by_origin() };
        let (_, error) = failed(hub.import(&device, &mut options));
        assert_eq!(error.code(), fbat::engine::model::error::Code::InvalidArgument);
    }
    assert_eq!(visible(&hub), 1);
}
