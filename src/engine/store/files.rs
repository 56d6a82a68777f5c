//! Whether the files of a directory are those of the store that is open: what the next open, backup
//! or repair would look at besides the events.

use super::report::{is_finding, VerifyReport};
use crate::engine::format::frame::SEGMENT_HEADER_LEN;
use crate::engine::format::identity::Identity;
use crate::engine::log::directory::{self, segment_number, CleanMark};
use crate::engine::log::recovery::{label, Opening};
use crate::engine::log::salvage::header_of;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::{lock, Log, Role};
use crate::engine::log::tail::Tail;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::vfs::{read_full, Access};
use crate::engine::platform::watch::Watch;
use std::sync::Arc;

/// What the directory said before the log was looked at.
pub struct Before {
    names: Vec<String>,
    mark: Option<CleanMark>,
}

/// Reads the names of the directory and the mark of a clean close. A damaged one is noted.
pub fn look(store: &Log, report: &mut VerifyReport) -> Result<Before> {
    let path = store.dir.file(directory::CLEAN);
    let read = store.dir.read_clean_mark().and_then(|mark| match mark {
        // It is replaced as a whole. So it is damaged, or was taken away just now.
        None if store.dir.open_if_exists(directory::CLEAN, Access::Follow)?.is_some() => {
            Err(Error::corrupt(&path, 0, "the mark of a clean close is damaged"))
        }
        mark => Ok(mark),
    });
    let mark = read.or_else(|e| report.note(&path, e).map(|()| None))?;
    let names =
        store.dir.names().or_else(|e| report.note(&store.dir.path, e).map(|()| Vec::new()))?;
    Ok(Before { names, mark })
}

/// The identity as the file has it, or as the handle knows it where that is damaged.
pub fn identity(store: &Log, report: &mut VerifyReport) -> Result<Identity> {
    let path = store.dir.file(directory::IDENTITY);
    let known = &store.identity;
    match store.dir.read_identity() {
        Ok(found) => {
            let log = |i: &Identity| (i.log_id, i.created_us, i.genesis_hash);
            if log(&found) == log(known) {
                return Ok(found);
            }
            report.find(&path, 0, (0, 0), "the identity file is that of another store");
        }
        Err(e) if e.code() == Code::StoreNotFound => {
            report.find(&path, 0, (0, 0), "the identity file is missing");
        }
        Err(e) => report.note(&path, e)?,
    }
    Ok(known.clone())
}

/// The file that has a segment's name now, of which nothing is known yet. None where it cannot be
/// opened, which is noted.
pub fn open_anew(
    store: &Log,
    segment: &Segment,
    report: &mut VerifyReport,
) -> Result<Option<Arc<Segment>>> {
    let (path, header) = (&segment.path, segment.header);
    let file = match store.dir.open_file(&segment.name(), Access::Follow) {
        Ok(file) => file,
        Err(e) => {
            return report.note(path, e.with_sequence(header.first_sequence)).map(|()| None);
        }
    };
    if let Some(compressed) = file.compressed() {
        match compressed.flaws() {
            Ok(flaws) => flaws.iter().for_each(|(at, what)| report.find(path, *at, (0, 0), *what)),
            Err(e) => report.note(path, Error::io("cannot read", path, &e))?,
        }
    }
    let mut bytes = [0; SEGMENT_HEADER_LEN];
    let first = (header.first_sequence, header.first_sequence);
    match read_full(&*file, &mut bytes, 0) {
        Ok(_) if bytes == header.encode() => {}
        Ok(_) => {
            let what = "the header of the segment is damaged, or that of another segment";
            report.find(path, 0, first, what);
        }
        Err(e) => report.note(path, Error::io("cannot read", path, &e).with_sequence(first.0))?,
    }
    Ok(Some(Arc::new(Segment::new(header, path.clone(), file, None, store.room.clone()))))
}

/// The lock file, names that the log does not know, and the mark of a clean close.
pub fn check(store: &Log, before: &Before, report: &mut VerifyReport) -> Result<()> {
    let lock_path = store.dir.file(directory::LOCK);
    match store.dir.is_poisoned() {
        Ok(true) => {
            let what = "the last writer saw an fsync fail, or did not end its recovery";
            report.find(&lock_path, 0, (0, 0), what);
        }
        Ok(false) => {}
        Err(e) => report.note(&lock_path, e)?,
    }
    if let Role::Writer(writer) = &store.role {
        // A segment that is being started is in the list when the writer has done.
        drop(lock(writer));
    }
    for name in &before.names {
        check_name(store, name, report)?;
    }
    check_end(store, before.mark, report)
}

/// A file that looks like one of a log, and is none of this one.
fn check_name(store: &Log, name: &str, report: &mut VerifyReport) -> Result<()> {
    let Some((stem, extension)) = name.rsplit_once('.') else { return Ok(()) };
    let number = segment_number(stem);
    let path = store.dir.file(name);
    if number.is_some_and(|n| store.segments().iter().any(|s| s.header.first_sequence == n)) {
        return Ok(());
    }
    let what = match (extension, number) {
        ("log", Some(_)) => "no segment of this log has this name",
        ("idx", Some(_)) => "there is no segment that this is the index of",
        ("log", None) => match store.dir.open_file(name, Access::Follow) {
            Ok(file) if header_of(&*file).is_none() => return Ok(()),
            Ok(_) => "a segment under a name that no segment has",
            Err(e) => return report.note(&path, e),
        },
        _ => return Ok(()),
    };
    report.find(&path, 0, (0, 0), what);
    Ok(())
}

/// Compares the end of the log with the mark of a clean close, unless somebody has written since
/// that was read; and with what is after it.
fn check_end(store: &Log, mark: Option<CleanMark>, report: &mut VerifyReport) -> Result<()> {
    // Where this handle writes, nobody does meanwhile.
    let writer = match &store.role {
        Role::Writer(writer) => Some(lock(writer)),
        Role::Reader(_) => None,
    };
    let tail = match (&store.role, &writer) {
        (Role::Reader(follower), _) => lock(follower).tail,
        (_, writer) => writer.as_ref().map_or_else(Tail::default, |writer| writer.tail),
    };
    let segments = store.segments();
    let Some(segment) = segments.last() else { return Ok(()) };
    let path = store.dir.file(directory::CLEAN);
    let now = store.dir.read_clean_mark().ok().flatten();
    // One that has left the directory to others knows nothing of it.
    let expected = writer.as_ref().filter(|writer| !writer.left).map(|writer| writer.clean_mark);
    let there = CleanMark {
        log_id: store.identity.log_id,
        segment: segment.header.first_sequence,
        end: tail.offset,
        last_sequence: tail.next_sequence - 1,
        log_hash: tail.log_hash,
    };
    let what = match (mark.filter(|_| now == mark), expected) {
        (Some(_), Some(false)) => Some("there is a mark of a clean close, and the log is in use"),
        (Some(mark), _) if mark != there => Some("the log is not the one that was closed"),
        (None, Some(true)) if now.is_none() && mark.is_none() => {
            Some("the mark of a clean close is missing")
        }
        _ => None,
    };
    if let Some(what) = what {
        report.find(&path, 0, (0, 0), what);
    }
    // After a reader's end there may be what a writer is writing, or what a kill left of that.
    let settled = expected.is_some() || (mark.is_some() && mark == now);
    let intact = store.check_poison().is_ok();
    if settled && intact && !tail.sealed && is_followed(store, segment, tail.offset)? {
        let what = "something follows the end of the log";
        report.find(&segment.path, tail.offset, (0, 0), what);
    }
    Ok(())
}

/// Whether something other than zeros is after an offset of a file, as far as it can be read.
fn is_followed(store: &Log, segment: &Segment, from: u64) -> Result<bool> {
    let Ok(file) = store.dir.open_file(&segment.name(), Access::Follow) else { return Ok(false) };
    let (mut part, mut at) = (vec![0; 64 << 10], from);
    loop {
        let got = read_full(&*file, &mut part, at).unwrap_or(0);
        if part[..got].iter().any(|byte| *byte != 0) {
            return Ok(true);
        }
        if got < part.len() {
            return Ok(false);
        }
        at += got as u64;
    }
}

/// Opens the store once more, for reading: what keeps that from being done is wrong, whatever it
/// is. Twice, since a writer that recovers may get in the way of one.
pub fn check_opening(store: &Log, report: &mut VerifyReport) -> Result<()> {
    let open = || -> Result<()> {
        let identity = store.dir.read_identity()?;
        let listing = store.dir.list()?;
        let opening = Opening::for_reading(&store.dir, &identity, &store.room);
        let log = opening.open_log(&listing, &Watch::default())?;
        label(&log.segments[0], &identity).map(drop)
    };
    match open().or_else(|e| if is_finding(&e) { open() } else { Err(e) }) {
        Ok(()) => Ok(()),
        Err(e) => report.note(&store.dir.path, e),
    }
}
