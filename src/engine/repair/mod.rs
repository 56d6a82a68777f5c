//! Repair: every event of a damaged store that proves itself, in a new store beside it, and a list
//! of what is lost.
//!
//! Memory: one segment file at a time, and the newest event of every entity (about 100 bytes and
//! the name of each).

use crate::engine::format::frame::{BatchHeader, Frame, SegmentHeader, SEGMENT_HEADER_LEN};
use crate::engine::format::hash::{self, Link};
use crate::engine::format::identity::{check_version, Change, Identity};
use crate::engine::format::lanes;
use crate::engine::format::system;
use crate::engine::index::file::Index;
use crate::engine::index::room::StringRoom;
use crate::engine::log::directory::{self, not_a_store, refuse, take_lock, Directory};
use crate::engine::log::options::Options;
use crate::engine::log::salvage::{bare_header, header_of, Piece, Salvage};
use crate::engine::log::segment::Segment;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::finding::Finding;
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::limits::{SEQUENCE_LEASE, SEQUENCE_MAX};
use crate::engine::platform::vfs::{Access, Lock};
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use crate::engine::repair::rewrite::Rewrite;
use foldhash::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) mod rewrite;

/// A report lists so many losses; [`RepairReport::losses`] counts all.
pub const LOSSES_LISTED_MAX: usize = 10_000;
/// What claims a higher sequence is not believed: the gap after the log must fit below
/// [`SEQUENCE_MAX`].
const CLAIM_MAX: u64 = SEQUENCE_MAX - 2 * SEQUENCE_LEASE;

/// What [`repair`] kept, and what it did not.
#[derive(Clone, Debug, Default)]
pub struct RepairReport {
    /// Events in the new store, the library's own included, except a gap event that the repair
    /// adds.
    pub events: u64,
    pub system_events: u64,
    /// Events among them whose predecessor is lost, so that their hash cannot be computed. Checksum
    /// and content are valid.
    pub unlinked_events: u64,
    /// Segment files that were read.
    pub segments: u64,
    /// Bytes of them that are neither a header nor an event, reserved space left out.
    pub bytes_unread: u64,
    pub losses: u64,
    /// Sequences that are lost; each belonged to an event or to a gap that was declared. Where two
    /// writers wrote at once, one for each event that is known to have been written over.
    pub sequences_lost: u64,
    /// Sequences after the last event that were jumped because somebody may have seen them; 0 where
    /// the mark of a clean close says where the log ended.
    pub gap_first: u64,
    pub gap_last: u64,
    /// The identity file was rebuilt from the events that name store ids.
    pub identity_rebuilt: bool,
    /// One of those may be among what is lost: the store may have had a newer id than it has now.
    pub identity_uncertain: bool,
    /// Segments whose header was damaged and could be rebuilt from their first batch.
    pub headers_rebuilt: u64,
    /// The losses, at most [`LOSSES_LISTED_MAX`].
    pub list: Vec<Finding>,
}

/// Puts every event of the store in `damaged` that proves itself into a new store in `new`, which
/// must not exist or be an empty directory. Changes nothing in `damaged`; holds its lock, where it
/// has a lock file. Of `options`, the sources of files, time and randomness count.
///
/// The new store has the store id, and every event its sequence, id, version, times and hashes.
/// What is lost is declared in its log. It becomes a store at the very end: after an error or a
/// crash `new` is none, and can be removed.
///
/// `StoreNotFound`, `Busy` (a handle writes to it), `StoreExists`, `InvalidArgument` (`new` is not
/// empty, or inside `damaged`), `FutureVersion`, `Corrupt` (every event is damaged, or nothing says
/// which store this is; nothing was made), `Io`, `NoSpace`.
pub fn repair(damaged: &Path, new: &Path, options: &Options) -> Result<RepairReport> {
    repair_watched(damaged, new, options, &Watch::default())
}

/// As [`repair`], under a watch that counts the bytes of the log that were read.
pub fn repair_watched(
    damaged: &Path,
    new: &Path,
    options: &Options,
    watch: &Watch<'_>,
) -> Result<RepairReport> {
    let missing = || not_a_store(damaged, false);
    let damaged = Directory::open(damaged, options)?.ok_or_else(missing)?;
    let listing = damaged.list()?;
    let candidates = candidates(&damaged)?;
    if candidates.is_empty() && !listing.identity {
        return Err(not_a_store(&damaged.path, true));
    }
    refuse(new, &damaged, options)?;
    let _lock = lock_damaged(&damaged)?;
    watch.begin(candidates.iter().map(|candidate| candidate.length).sum(), STEP_BYTES)?;
    let (identity, identity_rebuilt) = find_identity(&damaged, &candidates)?;
    let mut repair = Repair {
        damaged: damaged.clone(),
        new: new.to_owned(),
        options,
        watch,
        identity,
        report: RepairReport { identity_rebuilt, ..RepairReport::default() },
        output: None,
        lost_early: Vec::new(),
        next: 1,
        last_lost: 0,
        heads: HashMap::default(),
        changes: Vec::new(),
        pending: Vec::new(),
        scratch: Vec::new(),
    };
    let read = candidates.iter().try_for_each(|candidate| repair.candidate(&damaged, candidate));
    let read = read.and_then(|()| watch.finish());
    // Where nothing was kept the directory was not claimed, and what is in it is not ours.
    let made = repair.output.as_ref().map(|output| output.directory().clone());
    read.and_then(|()| repair.finish(&damaged)).inspect_err(|_| {
        // Best effort: without an identity file what is left is no store.
        let _ = made.map(|made| made.remove_store());
    })
}

/// A file that may be a segment.
struct Candidate {
    name: String,
    path: PathBuf,
    /// As the header says, or the name.
    first_sequence: u64,
    misnamed: bool,
    header: Option<SegmentHeader>,
    length: u64,
}

/// The files that are segments by their header or, where that is damaged, by their name, in the
/// order of the log.
fn candidates(dir: &Directory) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for name in dir.names()?.into_iter().filter(|name| name.ends_with(".log")) {
        let (path, file) = (dir.file(&name), dir.open_file(&name, Access::Read)?);
        let header = header_of(&*file);
        if let Some(header) = &header {
            check_version(&path, header.version)?;
        }
        let named = directory::segment_number(name.trim_end_matches(".log"));
        let Some(first_sequence) = header.map(|h| h.first_sequence).or(named) else { continue };
        let length = file.len().map_err(|e| Error::io("cannot stat", &path, &e))?;
        found.push(Candidate {
            name,
            path,
            first_sequence,
            misnamed: named != Some(first_sequence),
            header,
            length,
        });
    }
    found.sort_by(|a, b| {
        (a.first_sequence, a.misnamed, &a.path).cmp(&(b.first_sequence, b.misnamed, &b.path))
    });
    Ok(found)
}

/// Keeps writers away meanwhile. Where nothing can be locked, there is no writer either.
fn lock_damaged(dir: &Directory) -> Result<Option<Box<dyn Lock>>> {
    match take_lock(dir, false) {
        Err(e) if e.code() == Code::Busy => Err(e),
        other => Ok(other.ok()),
    }
}

/// The identity from its file or, where that is damaged, from the genesis event; and whether that
/// was needed.
fn find_identity(dir: &Directory, candidates: &[Candidate]) -> Result<(Identity, bool)> {
    let error = match dir.read_identity() {
        Ok(identity) => return Ok((identity, false)),
        Err(error) => error,
    };
    for candidate in candidates.iter().filter(|candidate| candidate.first_sequence == 1) {
        let store_id = candidate.header.map_or(Id::NONE, |header| header.store_id);
        let Some(Read { salvage, pieces, .. }) = read(dir, candidate, store_id)? else { continue };
        for (at, piece) in pieces {
            let Piece::Frame(length) = piece else { continue };
            let genesis =
                salvage.frame(at, length).and_then(|frame| genesis_identity(&salvage, &frame));
            if let Some(identity) = genesis.filter(|i| store_id == Id::NONE || store_id == i.log_id)
            {
                return Ok((identity, true));
            }
        }
    }
    match error.code() {
        // Segments of this version show that the one in the identity file is damage.
        Code::FutureVersion if candidates.iter().all(|candidate| candidate.header.is_none()) => {
            Err(error)
        }
        _ => {
            let what = "the identity file and the genesis event are damaged, and nothing else \
                        says which store this is";
            Err(Error::corrupt(&dir.path, 0, what))
        }
    }
}

/// What a frame says of its store, if it is a genesis event.
fn genesis_identity(salvage: &Salvage, frame: &Frame<'_>) -> Option<Identity> {
    let names =
        salvage.names(frame).filter(|_| frame.sequence == 1 && frame.kind == Kind::GENESIS)?;
    let event = names.event(frame);
    let holds = hash::event_hash(&event, &Hash::ZERO, &mut Vec::new()) == frame.event_hash
        && frame.content.is_of(frame.payload);
    let (store_id, created_us) = system::genesis(frame.payload).filter(|_| holds)?;
    Some(Identity {
        log_id: store_id,
        created_us,
        genesis_hash: frame.event_hash,
        repaired_through: 0,
        changes: Vec::new(),
    })
}

/// A segment file, and what it consists of; of each event of that, whether its payload is what was
/// hashed.
struct Read {
    salvage: Salvage,
    pieces: Vec<(u64, Piece)>,
    matches: Vec<bool>,
}

fn read(dir: &Directory, candidate: &Candidate, store_id: Id) -> Result<Option<Read>> {
    let file = dir.open_file(&candidate.name, Access::Read)?;
    let salvage = Salvage::read(dir, &candidate.path, &*file, candidate.header, store_id)?;
    Ok(salvage.map(|mut salvage| {
        let pieces = salvage.pieces();
        let parts = pieces.chunks(HASHED_TOGETHER);
        let matches = parts.flat_map(|part| payloads_match(&salvage, part)).collect();
        Read { salvage, pieces, matches }
    }))
}

/// Payloads of so many pieces are hashed side by side.
const HASHED_TOGETHER: usize = 4096;

/// Whether the payload of each event is what was hashed.
fn payloads_match(salvage: &Salvage, pieces: &[(u64, Piece)]) -> Vec<bool> {
    let frames = pieces.iter().filter_map(|(at, piece)| match piece {
        Piece::Frame(length) => salvage.frame(*at, *length),
        _ => None,
    });
    let payloads: Vec<_> = frames.map(|frame| (frame.event.payload, frame.event.content)).collect();
    lanes::are_of(&payloads)
}

struct Repair<'a, 'w> {
    damaged: Directory,
    new: PathBuf,
    options: &'a Options,
    watch: &'a Watch<'w>,
    identity: Identity,
    report: RepairReport,
    /// Made with the first event that is kept.
    output: Option<Rewrite>,
    /// The last sequences of losses before that.
    lost_early: Vec<u64>,
    /// The next event should have this sequence.
    next: u64,
    /// The last sequence that was lost so far.
    last_lost: u64,
    heads: HashMap<Arc<str>, Link>,
    /// Store ids that kept events declare.
    changes: Vec<Change>,
    /// Damage found since the last event; the next one says which sequences that cost.
    pending: Vec<Finding>,
    scratch: Vec<u8>,
}

/// The segment that is being read.
struct Reading<'s> {
    salvage: &'s Salvage,
    /// No event of it was kept yet.
    fresh: bool,
    /// The last sequence that a batch header so far names.
    through: u64,
    /// Events that had sequences of others.
    repeated: u64,
    /// Those of them that differ from what was kept, and the first and last of their sequences.
    differing: (u64, u64, u64),
    /// The last batch header that was read, where it is, and the hash of the log before it, where
    /// the header before says that.
    batch: Option<(u64, BatchHeader, Option<Hash>)>,
    /// Frames of that batch so far, all of them from its first on; and the hash of the log there.
    found: u32,
    log_hash: Hash,
}

impl<'s> Reading<'s> {
    fn new(salvage: &'s Salvage) -> Reading<'s> {
        Reading {
            salvage,
            fresh: true,
            through: 0,
            repeated: 0,
            differing: (0, u64::MAX, 0),
            batch: None,
            found: 0,
            log_hash: Hash::ZERO,
        }
    }

    /// Goes on to the batch with this header, if any. Answers where the batch before it is, and
    /// with its first sequence, if all of it was found and it does not continue the log.
    fn next_batch(&mut self, next: Option<(u64, &BatchHeader)>) -> Option<(u64, u64)> {
        let before = self.batch.take();
        let end = |header: &BatchHeader| header.first_sequence.saturating_add(header.count.into());
        if let Some((at, header)) = next {
            let known = match &before {
                Some((_, before, _)) => Some((end(before), before.log_hash)),
                None => self.salvage.log_start(),
            };
            let known = known.filter(|(sequence, _)| *sequence == header.first_sequence);
            self.batch = Some((at, *header, known.map(|(_, hash)| hash)));
        }
        let hash = self.batch.and_then(|(_, _, hash)| hash).unwrap_or(Hash::ZERO);
        let (found, log_hash) =
            (std::mem::take(&mut self.found), std::mem::replace(&mut self.log_hash, hash));
        let (at, header, known) = before?;
        let breaks = known.is_some() && found == header.count && log_hash != header.log_hash;
        (breaks && header.count > 0).then_some((at, header.first_sequence))
    }

    fn meet(&mut self, frame: &Frame<'_>) {
        let Some((_, header, _)) = &self.batch else { return };
        if frame.sequence == header.first_sequence.saturating_add(self.found.into()) {
            self.log_hash = hash::log_next(self.log_hash, frame.event_hash);
            self.found += 1;
        }
    }
}

impl Repair<'_, '_> {
    fn candidate(&mut self, dir: &Directory, candidate: &Candidate) -> Result<()> {
        let (path, first) = (&candidate.path, candidate.first_sequence);
        if let Some(header) =
            candidate.header.filter(|header| header.store_id != self.identity.log_id)
        {
            self.list(
                path,
                0,
                (0, 0),
                format!("the segment belongs to the store {}, and was left out", header.store_id),
            );
            return Ok(());
        }
        let read = read(dir, candidate, self.identity.log_id)?;
        let is_it = |read: &Read| read.salvage.header.first_sequence == first;
        let Some(read) = read.filter(|read| is_it(read) && first <= CLAIM_MAX) else {
            self.note(
                path,
                0,
                "the header of the segment is damaged, and no batch says what it was".into(),
            );
            return Ok(());
        };
        let missing = dir.file(&Segment::log_name(self.next));
        self.close_hole(first, &missing, 0, "the segment is missing")?;
        self.report.segments += 1;
        if candidate.header.is_none() {
            self.report.headers_rebuilt += 1;
            self.note(
                path,
                0,
                "the header of the segment is damaged; its first whole batch says what it was"
                    .into(),
            );
        }
        self.segment(read)
    }

    fn segment(&mut self, Read { salvage, pieces, matches }: Read) -> Result<()> {
        let (salvage, mut matches) = (&salvage, matches.into_iter());
        let mut reading = Reading::new(salvage);
        let mut read = 0;
        for (at, piece) in pieces {
            self.watch.advance(at.saturating_sub(read))?;
            read = read.max(at);
            match piece {
                Piece::Header(header) => self.header(&mut reading, at, &header)?,
                Piece::Frame(length) => {
                    let matches = matches.next() == Some(true);
                    self.frame(&mut reading, at, length, matches)?;
                }
                Piece::Unread(length) => {
                    self.report.bytes_unread += length as u64;
                    let zeros = salvage.is_zeros(at as usize, at as usize + length);
                    let what = if zeros { "zero" } else { "neither a header nor an event" };
                    self.note(&salvage.path, at, format!("{length} bytes are {what}"));
                }
            }
        }
        self.watch.advance(salvage.end().saturating_sub(read))?;
        self.end_batch()?;
        self.check_continues(&mut reading, None);
        self.list_repeated(&reading);
        // The index covers only what was on the disk.
        let indexed = salvage.index.as_ref().map_or(0, |index| index.meta.last_sequence);
        let through = reading.through.max(indexed).min(CLAIM_MAX);
        match through >= self.next {
            true => self.close_hole(
                through + 1,
                &salvage.path,
                salvage.end(),
                "the rest of the segment is missing",
            ),
            false => Ok(()),
        }
    }

    /// Lists events whose sequences others have. Where they are not the same events, two writers
    /// wrote at once, and what one of them wrote is lost.
    fn list_repeated(&mut self, reading: &Reading<'_>) {
        let (path, at) = (&reading.salvage.path, SEGMENT_HEADER_LEN as u64);
        let (differing, first, last) = reading.differing;
        if reading.repeated > differing {
            let count = reading.repeated - differing;
            let what = format!("{count} events repeat earlier ones, and were left out");
            self.list(path, at, (0, 0), what);
        }
        if differing > 0 {
            self.report.sequences_lost += differing;
            let what = format!(
                "{differing} events have sequences of other events, and are lost: two writers \
                 were at work"
            );
            self.list(path, at, (first, last), what);
        }
    }

    /// Lists the batch before a header, or before the end, where the log does not continue in it:
    /// what it was to continue was written over.
    fn check_continues(&mut self, reading: &mut Reading<'_>, next: Option<(u64, &BatchHeader)>) {
        if let Some((at, first_sequence)) = reading.next_batch(next) {
            self.report.sequences_lost += 1;
            let lost = first_sequence - 1;
            let what = "the batch does not continue what is before it: two writers were at work, \
                        and what one of them wrote is lost";
            self.list(&reading.salvage.path, at, (lost, lost), what.to_owned());
        }
    }

    /// A header says how far the batch before it went at least, and where the next one goes on.
    fn header(&mut self, reading: &mut Reading<'_>, at: u64, header: &BatchHeader) -> Result<()> {
        self.end_batch()?;
        self.check_continues(reading, Some((at, header)));
        let path = &reading.salvage.path;
        let told = reading.through.saturating_add(1).min(CLAIM_MAX);
        if told > self.next {
            self.close_hole(told, path, at, "the batch is not whole")?;
        }
        if header.first_sequence > CLAIM_MAX {
            return Ok(());
        }
        if header.is_loss() && header.first_sequence > self.next && self.pending.is_empty() {
            // Declared by an earlier repair.
            return self.lose(header.first_sequence - 1);
        }
        if header.flags != 0 && header.first_sequence > self.next {
            return self.close_hole(header.first_sequence, path, at, "sequences are missing here");
        }
        reading.through =
            reading.through.max(header.first_sequence.saturating_add(header.count.into()) - 1);
        Ok(())
    }

    /// The event of a frame; `matches`: its payload is what was hashed.
    fn frame(
        &mut self,
        reading: &mut Reading<'_>,
        at: u64,
        length: usize,
        matches: bool,
    ) -> Result<()> {
        let salvage = reading.salvage;
        let frame = salvage.frame(at, length).expect("the frame held when the file was read");
        reading.meet(&frame);
        if frame.sequence < self.next {
            return self.repeated(reading, &frame);
        }
        let lost = |why| format!("event {} (sequence {}): {why}", frame.id, frame.sequence);
        let Some(names) = salvage.names(&frame) else {
            self.note(
                &salvage.path,
                at,
                lost("its entity, scope or namespace was spelled in a part that is lost"),
            );
            return Ok(());
        };
        let genesis = self.identity.genesis_hash;
        let first = || Link::before_first(&names.entity, frame.sequence, genesis);
        let before = self.heads.get(&names.entity).copied().unwrap_or_else(first);
        let event = names.event(&frame);
        let goes_on = system::goes_on_at(&frame).max(self.next);
        if let Some(why) = self.fault(&event, matches, &before, goes_on) {
            self.note(&salvage.path, at, lost(why));
            return Ok(());
        }
        self.close_hole(
            goes_on,
            &salvage.path,
            at,
            "sequences are missing here, and nothing says why",
        )?;
        self.report.events += 1;
        self.report.system_events += u64::from(frame.kind.is_reserved());
        self.report.unlinked_events += u64::from(!before.is_before(&event));
        let output = self.output()?;
        if std::mem::take(&mut reading.fresh) {
            output.next_segment()?;
        }
        if frame.sequence > goes_on {
            output.end_batch()?;
        }
        output.event(&event)?;
        let change =
            (frame.kind == Kind::IDENTITY).then(|| system::new_identity(frame.payload)).flatten();
        self.changes.extend(change.filter(|change| change.may_follow(&self.changes)));
        let (link, sequence) = (Link::of(&event), event.sequence);
        self.heads.insert(names.entity, link);
        self.next = sequence + 1;
        Ok(())
    }

    /// An event whose sequence was taken already: by the same event, by another one, or by a loss.
    fn repeated(&mut self, reading: &mut Reading<'_>, frame: &Frame<'_>) -> Result<()> {
        reading.repeated += 1;
        let Some(output) = &mut self.output else { return Ok(()) };
        if output.hash_at(frame.sequence)?.is_some_and(|kept| kept != frame.event_hash) {
            let (count, first, last) = &mut reading.differing;
            *count += 1;
            (*first, *last) = ((*first).min(frame.sequence), (*last).max(frame.sequence));
        }
        Ok(())
    }

    /// Why an event does not prove itself. `goes_on`: what is between the next sequence and this
    /// one would be lost.
    fn fault(
        &mut self,
        event: &Event<'_>,
        matches: bool,
        before: &Link,
        goes_on: u64,
    ) -> Option<&'static str> {
        if event.sequence > CLAIM_MAX || event.version > event.sequence {
            return Some("no event has so high a sequence, or a version above its sequence");
        }
        if !matches {
            return Some("the payload does not match its content hash");
        }
        if event.sequence == 1 && event.event_hash != self.identity.genesis_hash {
            return Some("it is not the genesis event of this store");
        }
        let last_lost = if goes_on > self.next { goes_on - 1 } else { self.last_lost };
        before.fault(event, last_lost, &mut self.scratch)
    }

    /// The new log; what was lost before its first event is declared at its start.
    fn output(&mut self) -> Result<&mut Rewrite> {
        if self.output.is_none() {
            let mut output =
                Rewrite::create(&self.new, &self.damaged, self.options, self.identity.clone())?;
            self.lost_early.drain(..).try_for_each(|last| output.lose(last))?;
            self.output = Some(output);
        }
        Ok(self.output.as_mut().expect("made above"))
    }

    fn end_batch(&mut self) -> Result<()> {
        self.output.as_mut().map_or(Ok(()), Rewrite::end_batch)
    }

    /// Remembers damage until the next event says what it cost.
    fn note(&mut self, path: &Path, offset: u64, message: String) {
        self.pending.push(Finding {
            path: path.to_owned(),
            offset,
            first_sequence: 0,
            last_sequence: 0,
            message,
        });
    }

    fn list(&mut self, path: &Path, offset: u64, (first, last): (u64, u64), message: String) {
        self.report.losses += 1;
        if self.report.list.len() < LOSSES_LISTED_MAX {
            let path = path.to_owned();
            self.report.list.push(Finding {
                path,
                offset,
                first_sequence: first,
                last_sequence: last,
                message,
            });
        }
    }

    /// The log goes on with the sequence `to`. If that leaves some out, they are lost by the damage
    /// since the last event, or else by `why`.
    fn close_hole(&mut self, to: u64, path: &Path, offset: u64, why: &str) -> Result<()> {
        let mut pending = std::mem::take(&mut self.pending).into_iter();
        if to > self.next {
            let (path, offset, mut why) =
                pending.next().map_or((path.to_owned(), offset, why.to_owned()), |l| {
                    (l.path, l.offset, l.message)
                });
            let more = pending.len();
            if more > 0 {
                why += &format!("; {more} more damaged places before the next event");
            }
            self.report.sequences_lost += to - self.next;
            self.list(&path, offset, (self.next, to - 1), why);
            return self.lose(to - 1);
        }
        pending.for_each(|loss| self.list(&loss.path, loss.offset, (0, 0), loss.message));
        Ok(())
    }

    /// Declares the sequences from the next one to `last` as lost.
    fn lose(&mut self, last: u64) -> Result<()> {
        match &mut self.output {
            Some(output) => output.lose(last)?,
            None => self.lost_early.push(last),
        }
        (self.last_lost, self.next) = (last, last + 1);
        Ok(())
    }

    /// What was after the last event, then the end.
    fn finish(mut self, dir: &Directory) -> Result<RepairReport> {
        for first in dir.list()?.indexes {
            let last = indexed_through(dir, first, self.identity.log_id);
            self.close_hole(
                last + 1,
                &dir.file(&Segment::log_name(first)),
                0,
                "the segment is missing",
            )?;
        }
        let mark =
            dir.read_clean_mark().ok().flatten().filter(|mark| mark.log_id == self.identity.log_id);
        let closed_at = mark.map_or(0, |mark| mark.last_sequence.min(CLAIM_MAX));
        let path = mark.map_or(dir.path.clone(), |mark| dir.file(&Segment::log_name(mark.segment)));
        let end = mark.map_or(0, |mark| mark.end);
        self.close_hole(closed_at + 1, &path, end, "the log that was closed continued after this")?;
        // Unlike recovery, whatever the boot id says: here files may be gone that somebody has
        // read.
        let gap = (closed_at + 1 != self.next).then(|| (self.next, self.next - 1 + SEQUENCE_LEASE));
        (self.report.gap_first, self.report.gap_last) = gap.unwrap_or_default();
        self.report.identity_uncertain =
            self.report.identity_rebuilt && (self.last_lost > 0 || gap.is_some());
        match self.output.take() {
            Some(output) => {
                let changes = self.changes;
                // What the file says of it stays true where the event of a store id is lost.
                let known = |change| self.identity.changes.contains(change);
                let changes = match changes.iter().all(known) {
                    true => self.identity.changes.clone(),
                    false => changes,
                };
                output.finish(gap, self.last_lost, changes).map(|()| self.report)
            }
            None => Err(Error::corrupt(&dir.path, 0, "every event of this store is damaged")),
        }
    }
}

/// The last sequence that the index of a segment has, whose file need not be there; 0 where it does
/// not hold.
fn indexed_through(dir: &Directory, first_sequence: u64, store_id: Id) -> u64 {
    let name = Segment::index_name(first_sequence);
    let Ok(Some(file)) = dir.open_if_exists(&name, Access::Read) else { return 0 };
    let Some(salt) = Index::salt_of(&*file) else { return 0 };
    let header = bare_header(store_id, first_sequence, salt);
    let index = Index::open(file, &dir.file(&name), &header, &Arc::new(StringRoom::new()));
    index.map_or(0, |index| index.meta.last_sequence.min(CLAIM_MAX))
}
