//! Opening the log: which files are there, whether they belong together, and what an unclean stop left.
//! `docs/guarantees.md` has the decision table.

use super::cache::BlockCache;
use super::directory::{check_version, CleanMark, Directory, Identity, Listing};
use super::error::{Code, Error, Result};
use super::frame::{BatchHeader, SegmentHeader, BATCH_HEADER_LEN, BATCH_MAGIC, SEGMENT_HEADER_LEN};
use super::hash;
use super::index::{is_damage, Index};
use super::limits::SEQUENCE_LEASE;
use super::segment::Segment;
use super::store::{Inner, OpenReport};
use super::tail::{Step, Tail};
use super::vfs::{read_full, write_full, Access, File};
use super::window::Window;
use std::path::Path;
use std::sync::Arc;

/// The log as it was found.
pub struct OpenLog {
    /// All segments; the last one may be unsealed.
    pub segments: Vec<Arc<Segment>>,
    /// The end of the last segment.
    pub tail: Tail,
    /// The mark of a clean close is there and true.
    pub clean: bool,
    pub durable: u64,
    pub report: OpenReport,
    /// Sequences to declare as a gap before anything else is written.
    pub gap: Option<(u64, u64)>,
}

impl OpenLog {
    /// The log of a store that is being made: one empty segment.
    pub fn of_new(segment: Arc<Segment>, tail: Tail) -> OpenLog {
        found(segment, tail, false, 0, OpenReport::default())
    }
}

/// What opening needs to know.
pub struct Opening<'a> {
    pub dir: &'a Directory,
    pub identity: Identity,
    pub cache: Arc<BlockCache>,
    /// Changes may be made: the lock is held.
    pub writable: bool,
    /// Nothing that was written can be lost: the machine has not restarted since, and no fsync failed.
    pub same_boot: bool,
}

impl<'a> Opening<'a> {
    /// Opening without changing anything.
    pub fn for_reading(dir: &'a Directory, identity: Identity, cache: Arc<BlockCache>) -> Opening<'a> {
        Opening { dir, identity, cache, writable: false, same_boot: true }
    }

    /// Opens every segment and checks that each continues the one before.
    pub fn open_log(&self, listing: &Listing) -> Result<OpenLog> {
        let Some((&last, earlier)) = listing.segments.split_last() else {
            return Err(Error::corrupt(&self.dir.path, 0, "the store has no segment"));
        };
        let mut report = OpenReport::default();
        let (mut segments, mut before) = (Vec::with_capacity(listing.segments.len()), None);
        for &first in earlier {
            let (segment, tail) = self.open_sealed(first, before.as_ref(), &mut report)?;
            before = Some((tail, segment.header.events_before + tail.events));
            segments.push(Arc::new(segment));
        }
        let mut log = self.open_last(last, before.as_ref(), report)?;
        segments.append(&mut log.segments);
        Ok(OpenLog { segments, ..log })
    }

    fn open_file(
        &self,
        first: u64,
        access: Access,
        before: Option<&(Tail, u64)>,
    ) -> Result<(SegmentHeader, Arc<dyn File>)> {
        let path = self.dir.file(&Segment::log_name(first));
        let file = self.dir.vfs.open(&path, access).map_err(|e| Error::io("cannot open", &path, &e))?;
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        let got = read_full(&*file, &mut bytes, 0).map_err(|e| Error::io("cannot read", &path, &e))?;
        let corrupt = |why: &str| Error::corrupt(&path, 0, why);
        let header = SegmentHeader::decode(&bytes[..got]).map_err(corrupt)?;
        check_version(&path, header.version)?;
        if header.store_id != self.identity.store_id {
            return Err(corrupt("the segment belongs to another store"));
        }
        if header.first_sequence != first {
            return Err(corrupt("the segment has the name of another"));
        }
        match before {
            None if header.log_start != first => Err(corrupt("the segments before this one are missing")),
            None if first == 1 && header.log_hash != hash::log_start(header.store_id) => {
                Err(corrupt("the log does not start from this store's id"))
            }
            Some((tail, _)) if tail.next_sequence != first || tail.log_hash != header.log_hash => {
                Err(corrupt("the segment does not continue the one before; one is missing or was replaced"))
            }
            Some((_, events)) if *events != header.events_before => Err(corrupt("the count of events before is wrong")),
            _ => Ok((header, file)),
        }
    }

    /// The index of a segment, where it is there and can be used.
    pub fn open_index(&self, header: &SegmentHeader, length: u64) -> Result<Option<Index>> {
        let path = self.dir.file(&Segment::log_name(header.first_sequence)).with_extension("idx");
        let Ok(file) = self.dir.vfs.open(&path, Access::Read) else { return Ok(None) };
        match Index::open(file, &path, header, &self.cache) {
            Ok(index) => Ok(Some(index).filter(|index| index.meta.covered_len <= length)),
            Err(e) if is_damage(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn open_sealed(
        &self,
        first: u64,
        before: Option<&(Tail, u64)>,
        report: &mut OpenReport,
    ) -> Result<(Segment, Tail)> {
        let (header, file) = self.open_file(first, Access::Read, before)?;
        let path = self.dir.file(&Segment::log_name(first));
        let length = file.len().map_err(|e| Error::io("cannot stat", &path, &e))?;
        let index = self.open_index(&header, length)?.filter(|i| i.meta.sealed && i.meta.covered_len == length);
        if let Some(index) = index {
            let tail = Tail::after_index(&header, &index.meta);
            return Ok((Segment::new(header, path, file, Some(index), self.cache.clone()), tail));
        }
        let bare = Segment::new(header, path.clone(), file.clone(), None, self.cache.clone());
        let mut tail = Tail::at_start(&header);
        tail.read_through(&bare, length)?;
        if !tail.sealed {
            return Err(Error::corrupt(&path, tail.offset, "another segment follows, but this one is not sealed"));
        }
        report.indexes_rebuilt += 1;
        let index = self.rebuild_index(&bare, &tail)?;
        Ok((Segment::new(header, path, file, Some(index), self.cache.clone()), tail))
    }

    /// Makes the index of a segment anew: on disk where that is allowed, else in memory.
    fn rebuild_index(&self, segment: &Segment, tail: &Tail) -> Result<Index> {
        let bytes = segment.build_index(&tail.index_meta())?;
        if self.writable {
            let name = format!("{:020}.idx", segment.header.first_sequence);
            self.dir.publish(&name, &bytes, false)?;
        }
        segment.open_index_bytes(bytes)
    }

    fn open_last(&self, first: u64, before: Option<&(Tail, u64)>, report: OpenReport) -> Result<OpenLog> {
        let access = if self.writable { Access::Write } else { Access::Read };
        let (header, file) = self.open_file(first, access, before)?;
        let path = self.dir.file(&Segment::log_name(first));
        let length = file.len().map_err(|e| Error::io("cannot stat", &path, &e))?;
        let index = self.open_index(&header, length)?;
        let mark = self.dir.read_clean_mark()?.filter(|m| m.store_id == header.store_id && m.segment == first);
        let open = |index: Option<Index>| Segment::new(header, path.clone(), file.clone(), index, self.cache.clone());
        if let Some(mark) = &mark {
            let index = index.clone().filter(|index| index.meta.covered_len <= mark.end);
            let mut tail = index.as_ref().map_or(Tail::at_start(&header), |i| Tail::after_index(&header, &i.meta));
            let segment = open(index);
            if self.matches_mark(&segment, &mut tail, mark)? {
                return Ok(found(segment, tail, true, mark.last_sequence, report));
            }
        }
        match self.writable {
            true => self.recover(open(None), length, report),
            false => {
                let tail = index.as_ref().map_or(Tail::at_start(&header), |i| Tail::after_index(&header, &i.meta));
                self.follow(open(index), tail, length, report)
            }
        }
    }

    /// Whether the log ends where the mark says. A log that falls short of its mark is damaged.
    fn matches_mark(&self, segment: &Segment, tail: &mut Tail, mark: &CleanMark) -> Result<bool> {
        tail.read_through(segment, mark.end)?;
        if (tail.offset, tail.next_sequence - 1, tail.log_hash) != (mark.end, mark.last_sequence, mark.log_hash) {
            return Err(Error::corrupt(&segment.path, mark.end, "the log is not the one that was closed"));
        }
        let ends = matches!(tail.clone().step(segment, &mut segment.window())?, Step::End | Step::Sealed);
        Ok(ends)
    }

    /// Serves an unsealed segment as it is: a writer may be at work on it.
    fn follow(&self, segment: Segment, mut tail: Tail, length: u64, report: OpenReport) -> Result<OpenLog> {
        while let Some(why) = read_to_end(&segment, &mut tail)? {
            let behind = batches_behind(&segment, tail.offset, length)?;
            let Err(damage) = self.refuse_damage(&segment, &tail, why, &behind) else { break };
            // The batch may just have been half written; by now, with others behind it, it is whole.
            if tail.step(&segment, &mut segment.window())? != Step::Batch {
                return Err(damage);
            }
        }
        let durable = tail.synced_through;
        Ok(found(segment, tail, false, durable, report))
    }

    /// What a writer does after an unclean stop: finds the end, cuts a torn tail, and moves what
    /// holds to a new, synced file, since the page cache may show what the disk does not have.
    fn recover(&self, segment: Segment, length: u64, mut report: OpenReport) -> Result<OpenLog> {
        let mut tail = Tail::at_start(&segment.header);
        let torn = read_to_end(&segment, &mut tail)?;
        let behind = batches_behind(&segment, tail.offset, length)?;
        self.refuse_damage(&segment, &tail, torn.unwrap_or("nothing was written here"), &behind)?;
        report.unclean = true;
        if torn.is_some() || behind.batches > 0 {
            report.dropped_bytes = length - tail.offset;
            report.dropped_offset = tail.offset;
            report.dropped_path = segment.path.to_path_buf();
            report.dropped_batches = behind.batches;
            report.dropped_events = behind.events;
        }
        let last = tail.next_sequence - 1;
        let lost = !self.same_boot || behind.batches > 0;
        let gap = lost.then(|| (last + 1, last.max(behind.last_sequence) + SEQUENCE_LEASE));
        // An index of what was cut must not outlive it.
        self.dir.remove_if_there(&segment.index_path())?;
        let file = self.rewrite(&segment, tail.offset)?;
        let mut log = found(segment.moved_to(file), tail, false, last, report);
        log.gap = gap;
        Ok(log)
    }

    /// A bad batch at or below a sequence that is known to have been on disk is damage, not a torn tail.
    fn refuse_damage(&self, segment: &Segment, tail: &Tail, why: &str, behind: &Behind) -> Result<()> {
        let synced = tail.synced_through.max(behind.synced_through);
        if tail.next_sequence > synced {
            return Ok(());
        }
        let next = tail.next_sequence;
        let what = format!("{why}; sequence {next} should be here, since everything through {synced} was on disk");
        Err(Error::corrupt(&segment.path, tail.offset, what).with_event(super::id::Id::NONE, next))
    }

    fn rewrite(&self, segment: &Segment, end: u64) -> Result<Arc<dyn File>> {
        let name = Segment::log_name(segment.header.first_sequence);
        let copy = self.dir.create_temporary(&name)?;
        let failed = |e| Error::io("cannot rewrite", &segment.path, &e);
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < end {
            let want = buffer.len().min((end - at) as usize);
            let got = read_full(&*segment.file, &mut buffer[..want], at).map_err(failed)?;
            write_full(&*copy, &buffer[..got], at).map_err(failed)?;
            at += got as u64;
            if got < want {
                return Err(Error::corrupt(&segment.path, at, "the file became shorter while it was read"));
            }
        }
        copy.sync().map_err(failed)?;
        self.dir.rename_temporary(&name)?;
        self.dir.sync()?;
        Ok(copy)
    }
}

fn found(segment: impl Into<Arc<Segment>>, tail: Tail, clean: bool, durable: u64, report: OpenReport) -> OpenLog {
    OpenLog { segments: vec![segment.into()], tail, clean, durable, report, gap: None }
}

/// Reads every whole batch; says what stopped it, unless that is the end or a seal.
fn read_to_end(segment: &Segment, tail: &mut Tail) -> Result<Option<&'static str>> {
    let mut window = Window::sequential(segment.file.clone(), segment.path.clone());
    loop {
        match tail.step(segment, &mut window)? {
            Step::Batch => {}
            Step::End | Step::Sealed => return Ok(None),
            Step::Bad(why) => return Ok(Some(why)),
        }
    }
}

/// Whole batches behind a place where there is none.
#[derive(Debug, Default)]
struct Behind {
    batches: u64,
    events: u64,
    last_sequence: u64,
    synced_through: u64,
}

/// Looks at every byte of the file behind `from` for whole batches of this segment.
fn batches_behind(segment: &Segment, from: u64, length: u64) -> Result<Behind> {
    const PART: u64 = 1 << 20;
    let mut behind = Behind::default();
    let (mut parts, mut bodies) = (segment.window(), segment.window());
    let mut part = from;
    while part < length {
        let bytes = parts.get(part, (PART as usize) + BATCH_HEADER_LEN)?;
        let starts = bytes.windows(BATCH_MAGIC.len()).enumerate().filter(|(_, w)| *w == BATCH_MAGIC);
        for (at, _) in starts.take_while(|(at, _)| (*at as u64) < PART) {
            let offset = part + at as u64;
            let Ok(header) = BatchHeader::decode(&segment.header, offset, &bytes[at..]) else { continue };
            let body = bodies.get(offset + BATCH_HEADER_LEN as u64, header.body_len as usize)?;
            if header.body_holds(&segment.header, offset, body) {
                behind.batches += 1;
                behind.events += u64::from(header.count);
                let last = header.first_sequence + u64::from(header.count) - u64::from(header.count > 0);
                behind.last_sequence = behind.last_sequence.max(last);
                behind.synced_through = behind.synced_through.max(header.synced_through);
            }
        }
        part += PART;
    }
    Ok(behind)
}

/// The error for a directory that is not the store somebody asked for.
pub fn not_a_store(path: &Path) -> Error {
    Error::new(Code::StoreNotFound, format!("{} is not a store", path.display()))
}

/// For a reading handle: the segment behind a sealed one, if it is there yet.
pub fn open_next(store: &Inner, sealed: &Tail, events_before: u64) -> Result<Option<Segment>> {
    let opening = Opening::for_reading(&store.dir, store.identity, store.cache.clone());
    let path = store.dir.file(&Segment::log_name(sealed.next_sequence));
    if let Err(e) = store.dir.vfs.open(&path, Access::Read) {
        return match e.kind() {
            std::io::ErrorKind::NotFound => Ok(None),
            _ => Err(Error::io("cannot open", &path, &e)),
        };
    }
    let (header, file) = opening.open_file(sealed.next_sequence, Access::Read, Some(&(*sealed, events_before)))?;
    Ok(Some(Segment::new(header, path, file, None, store.cache.clone())))
}

/// Lets the index that the writer left for the last segment, now sealed, take the place of the
/// table in memory.
pub fn use_index_of_sealed(store: &Inner, segments: &mut [Arc<Segment>]) -> Result<()> {
    let Some(last) = segments.last_mut() else { return Ok(()) };
    let opening = Opening::for_reading(&store.dir, store.identity, store.cache.clone());
    if let Some(index) = opening.open_index(&last.header, last.end())?.filter(|index| index.meta.sealed) {
        *last = Arc::new(last.with_index(index));
    }
    Ok(())
}
