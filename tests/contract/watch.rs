//! Every call that can take long reports how far it is, and ends when it is told to.

use crate::common::*;
use fbat::engine::import::{ImportOptions, ImportReport};
use fbat::engine::log::options::Options;
use fbat::engine::model::error::{Code, Error, Result};
use fbat::engine::model::event::Event;
use fbat::engine::model::id::Kind;
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::{Cancel, Progress, Verdict, Watch};
use fbat::engine::repair::repair_watched;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::path::{Path, PathBuf};

/// A call under a watch, made again from the beginning each time.
type Call<'c> = dyn FnMut(&Watch<'_>) -> Result<()> + 'c;

/// Makes the call in full, then stopped by its callback, then with a token that is triggered before
/// it, and then by its callback. `left` looks at what a call that was ended left.
fn assert_watched(what: &str, call: &mut Call<'_>, left: &mut dyn FnMut()) {
    let mut told: Vec<Progress> = Vec::new();
    let mut listen = |now| {
        told.push(now);
        Verdict::Keep
    };
    call(&Watch::new(None, Some(&mut listen))).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(!told.is_empty(), "{what} tells nothing");
    assert!(told.len() < 1000, "{what} tells {} times", told.len());
    assert!(told.iter().all(|now| 0 < now.done && now.done <= now.total), "{what}: {told:?}");
    assert!(told.windows(2).all(|pair| pair[0].done < pair[1].done), "{what}: {told:?}");
    assert!(told.last().is_some_and(|now| now.done == now.total), "{what}: {told:?}");
    let mut stop = |_| Verdict::Stop(-7);
    let error = ended(what, call(&Watch::new(None, Some(&mut stop))));
    assert_eq!((error.code(), error.callback_status), (Code::Stopped, -7), "{what}");
    left();
    let cancel = Cancel::default();
    let mut trigger = |_| {
        cancel.cancel();
        Verdict::Keep
    };
    let error = ended(what, call(&Watch::new(Some(&cancel), Some(&mut trigger))));
    assert_eq!(error.code(), Code::Cancelled, "{what}");
    left();
    let error = ended(what, call(&Watch::new(Some(&cancel), None)));
    assert_eq!(error.code(), Code::Cancelled, "{what}");
    left();
}

fn ended(what: &str, result: Result<()>) -> Error {
    result.err().unwrap_or_else(|| panic!("{what} was not ended"))
}

/// A closed store of some megabytes in several segments.
fn large(dir: &TempDir) -> PathBuf {
    let path = dir.join("large");
    let mut options = quick();
    options.limits.segment_bytes = 1 << 20;
    let store = open(&path, &options);
    (0..12).for_each(|n| drop(fill(&store, n * 1000, 1000)));
    assert!(store.stats().unwrap().segments >= 3);
    store.close().unwrap();
    path
}

fn no_store(path: &Path) -> impl FnMut() + '_ {
    move || assert!(!path.join("store.fbat").exists(), "{} is a store", path.display())
}

#[test]
fn every_long_call_reports_and_ends_when_told_to() {
    let dir = TempDir::in_memory("watch");
    let path = large(&dir);
    let store = open_reader(&path);
    let nothing = &mut || ();
    let mut number = 0;
    let mut fresh = |name: &str| {
        number += 1;
        dir.join(&format!("{name}-{number}"))
    };
    let mut verify = |watch: &Watch<'_>| store.verify_region(&Region::default(), watch).map(drop);
    assert_watched("verify", &mut verify, nothing);
    let region = Region { scopes: vec!["scope1".into()], ..Region::default() };
    let query = Query { region, page_rows: 65_536, ..Query::default() };
    let mut read = |watch: &Watch<'_>| store.query_with(&query, watch, &mut |_| 0).map(drop);
    assert_watched("query", &mut read, nothing);
    let target = dir.join("copy");
    let mut backup = |watch: &Watch<'_>| {
        let _ = std::fs::remove_dir_all(&target);
        store.backup_watched(&target, BackupOptions::default(), watch).map(drop)
    };
    assert_watched("backup", &mut backup, &mut no_store(&target));
    let target = dir.join("repaired");
    let mut repair = |watch: &Watch<'_>| {
        let _ = std::fs::remove_dir_all(&target);
        repair_watched(&path, &target, &Options::default(), watch).map(drop)
    };
    assert_watched("repair", &mut repair, &mut no_store(&target));
    let mut open_unindexed = |watch: &Watch<'_>| {
        let copy = fresh("unindexed");
        copy_without_indexes(&path, &copy);
        let opened = Store::open_watched(&copy, &quick(), watch);
        // What was ended left a store that opens.
        assert_sound(&open_quick_after(opened.as_ref().ok(), &copy));
        opened.map(drop)
    };
    assert_watched("open", &mut open_unindexed, nothing);
}

fn open_quick_after(open: Option<&Store>, path: &Path) -> Store {
    open.cloned().unwrap_or_else(|| open_quick(path))
}

/// The log of a store and its identity; opening it has to read all of it.
fn copy_without_indexes(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".log") || name == "store.fbat" {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// What an import that keeps nothing tells.
fn told_by_import(source: &Store, region: Region, keep: bool) -> Vec<ImportReport> {
    let dir = TempDir::in_memory("watch-import");
    let destination = open_quick(&dir.join("hub"));
    let mut told = Vec::new();
    let mut progress = |report: &ImportReport| {
        told.push(*report);
        Verdict::Keep
    };
    let mut filter = |_: &Event<'_>| if keep { Verdict::Keep } else { Verdict::Skip };
    let mut options = ImportOptions {
        namespace: "large".into(),
        region,
        filter: Some(&mut filter),
        progress: Some(&mut progress),
        ..ImportOptions::default()
    };
    destination.import(source, &mut options).result.unwrap();
    told
}

#[test]
fn an_import_reports_also_while_nothing_is_committed() {
    let dir = TempDir::in_memory("watch-quiet");
    let source = open_reader(&large(&dir));
    let none = Region { versions: Some((1 << 40, u64::MAX)), ..Region::default() };
    let kinds = vec![KindRange::exact(Kind(0x1801))];
    let told = [
        told_by_import(&source, Region::default(), false),
        told_by_import(&source, none, true),
        told_by_import(&source, Region { kinds, ..Region::default() }, false),
    ];
    for reports in told {
        assert!(reports.len() > 1, "{reports:?}");
        assert!(reports.iter().all(|report| report.imported == 0));
        assert!(reports.windows(2).all(|pair| pair[0].source_position < pair[1].source_position));
        assert!(reports.iter().all(|report| report.source_position <= report.source_ceiling));
    }
}
