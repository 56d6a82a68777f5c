//! Where an import goes on: no report loses the position, and none is taken that the source never
//! reached.

use crate::common::*;
use fbat::engine::import::{ImportOptions, ImportReport};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::Event;
use fbat::engine::model::region::Region;
use fbat::engine::platform::watch::{Cancel, Verdict};
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::Store;
use std::cell::RefCell;

fn stores(name: &str, events: u64) -> (TempDir, Store, Store) {
    let dir = TempDir::new(name);
    let (hub, source) = (open_quick(&dir.join("hub")), open_quick(&dir.join("source")));
    fill(&source, 0, events);
    (dir, hub, source)
}

fn from<'a>(after: u64) -> ImportOptions<'a> {
    ImportOptions { after, ..named("s") }
}

#[test]
fn a_position_above_the_frontier_of_the_source_is_refused_with_both_numbers() {
    let (dir, hub, source) = stores("diverged", 10);
    let reader = open_reader(&dir.join("source"));
    for source in [&source, &reader] {
        for after in [12, 13, u64::MAX - 1, u64::MAX] {
            let (report, error) = failed(hub.import(source, &mut from(after)));
            assert_eq!(
                (error.code(), error.actual, error.allowed),
                (Code::SourceDiverged, after, 11)
            );
            for number in [after, 11] {
                assert!(error.message.contains(&number.to_string()), "{error}");
            }
            assert_eq!((examined(&report), report.source_high_watermark), (0, 0));
            assert_eq!(report.resume_after, after);
        }
    }
    assert_eq!(rows_with_system(&hub).len(), 1, "nothing was written");
    // Its own frontier is a position that it reached, also seen by a reader that is behind.
    fill(&source, 10, 5);
    assert_eq!(hub.import(&reader, &mut from(16)).report.resume_after, 16);
    assert_eq!(hub.import(&source, &mut from(11)).report.imported, 5);
}

#[test]
fn a_source_that_was_restored_from_a_backup_is_noticed() {
    let (dir, hub, source) = stores("restored", 60);
    let copy = dir.join("copy");
    backup_to(&source, &copy);
    fill(&source, 60, 40);
    let report = import(&hub, &source, "s");
    assert_eq!((report.imported, report.resume_after), (100, 101));
    let restored = open(&copy, &with_mode(OpenMode::MustExist));
    let (report, error) = failed(hub.import(&restored, &mut from(101)));
    assert_eq!((error.code(), error.actual, error.allowed), (Code::SourceDiverged, 101, 61));
    assert_eq!(report.resume_after, 101);
    // From the start, everything that is new comes.
    fill(&restored, 100, 30);
    assert_eq!(import(&hub, &restored, "s").imported, 30);
}

fn backup_to(source: &Store, to: &std::path::Path) {
    source.backup(to, BackupOptions::default()).unwrap();
}

#[test]
fn a_report_goes_on_where_the_import_began_when_nothing_was_examined() {
    let (_dir, hub, source) = stores("nothing", 20);
    assert_eq!(import(&hub, &source, "s").resume_after, 21);
    // Nothing new; nothing in the region; and then something.
    let region = || Region { scopes: vec!["nowhere".into()], ..Region::default() };
    for after in [21, 5] {
        let report =
            import_with(&hub, &source, &mut ImportOptions { region: region(), ..from(after) });
        assert_eq!((report.source_high_watermark, report.resume_after), (0, after));
    }
    fill(&source, 20, 1);
    let report = import_with(&hub, &source, &mut from(21));
    assert_eq!((report.imported, report.source_high_watermark, report.resume_after), (1, 22, 22));
    // What a filter leaves out was examined.
    fill(&source, 21, 1);
    let mut skip = |_: &Event<'_>| Verdict::Skip;
    let mut options = ImportOptions { filter: Some(&mut skip), ..from(22) };
    let report = import_with(&hub, &source, &mut options);
    assert_eq!((report.source_high_watermark, report.resume_after), (23, 23));
}

#[test]
fn progress_tells_where_to_go_on_from_the_first_call() {
    let (_dir, hub, source) = stores("progress", 9000);
    for after in [0, 40] {
        let seen = RefCell::new(Vec::new());
        let mut progress = |report: &ImportReport| {
            seen.borrow_mut().push((report.source_high_watermark, report.resume_after));
            Verdict::Keep
        };
        // Nothing of the region: the walk reports that it comes along.
        let region = Region { scopes: vec!["nowhere".into()], ..Region::default() };
        let mut options = ImportOptions { region, progress: Some(&mut progress), ..from(after) };
        import_with(&hub, &source, &mut options);
        let mut options = ImportOptions { progress: Some(&mut progress), ..from(after) };
        import_with(&hub, &source, &mut options);
        assert!(seen.borrow().len() > 10);
        for (watermark, resume) in seen.borrow().iter() {
            assert_eq!(*resume, if *watermark == 0 { after } else { *watermark });
        }
    }
}

#[test]
fn an_import_that_ends_before_its_first_event_keeps_the_position() {
    let (dir, hub, source) = stores("early", 50);
    let reader = open_reader(&dir.join("hub"));
    let cancelled = Cancel::default();
    cancelled.cancel();
    let mut stop = |_: &Event<'_>| Verdict::Stop(-5);
    let closed = open_quick(&dir.join("closed"));
    closed.close().unwrap();
    let bad = Region { versions: Some((9, 3)), ..Region::default() };
    let cases: [(&Store, &Store, ImportOptions<'_>, Code); 7] = [
        (&hub, &source, ImportOptions { filter: Some(&mut stop), ..from(30) }, Code::Stopped),
        (&hub, &source, ImportOptions { cancel: Some(&cancelled), ..from(30) }, Code::Cancelled),
        (
            &hub,
            &source,
            ImportOptions { namespace: String::new(), ..from(30) },
            Code::InvalidArgument,
        ),
        (&hub, &source, ImportOptions { region: bad, ..from(30) }, Code::InvalidArgument),
        (&closed, &source, from(30), Code::Closed),
        (&hub, &closed, from(30), Code::Closed),
        (&reader, &source, from(30), Code::ReadOnly),
    ];
    for (to, of, mut options, code) in cases {
        let (report, error) = failed(to.import(of, &mut options));
        assert_eq!(error.code(), code);
        assert_eq!((report.source_high_watermark, report.resume_after), (0, 30), "{error}");
    }
}

#[test]
fn a_partial_report_goes_on_after_what_was_committed() {
    let (_dir, hub, source) = stores("partial", 50);
    let mut stop = |e: &Event<'_>| match e.sequence < 31 {
        true => Verdict::Keep,
        false => Verdict::Stop(-5),
    };
    let mut options = ImportOptions { filter: Some(&mut stop), chunk_size: 7, ..from(10) };
    let (report, _) = failed(hub.import(&source, &mut options));
    assert_eq!((report.imported, report.resume_after), (14, 24));
    assert_eq!(import_with(&hub, &source, &mut from(report.resume_after)).imported, 27);
}
