//! A run: neighbouring sealed segments and, in a file beside them, two tables that say which of
//! them may have an id, and where an entity has its last event in them. One line of it answers for
//! all. Runs of one segment are made from its index, longer ones from shorter ones; see
//! [`super::levels`]. Deletable at any time.

use super::directory::{Directory, Temporary};
use super::run_table::{is_intact, Entry, Line, Of, Shape, TableBuilder, LINE_LEN};
use super::segment::Segment;
use crate::engine::model::bytes::{u32_at, u64_at};
use crate::engine::model::error::{Error, Result};
use crate::engine::platform::vfs::{read_full, read_full_settled, write_full, Access, File};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// So many runs of neighbours are merged into one.
pub const FAN_OUT: usize = 4;
/// Segments of the longest runs.
pub const SEGMENTS_MAX: usize = FAN_OUT.pow(6);

const MAGIC: [u8; 8] = *b"FBATRUN\0";
/// Runs of another version are not used.
const VERSION: u32 = 2;
const HEADER_LEN: usize = 2 * LINE_LEN;
/// What of the header follows from the segments.
const NAMED_LEN: usize = 88;
const SEGMENTS_AT: usize = 12;
/// What the header says of a table.
const TABLE_LEN: usize = 16;
const CHECKSUM_LEN: usize = 4;
/// Bytes that are read or written at once.
const PART_LEN: usize = 64 << 10;

/// A run that is open for look-ups. Lines are checked when they are read.
pub struct Run {
    pub path: PathBuf,
    /// So many segments are in it.
    pub segments: usize,
    file: Arc<dyn File>,
    header: [u8; HEADER_LEN],
    salt: u64,
    ids: Part,
    heads: Part,
    /// A line of it was found damaged.
    damaged: AtomicBool,
}

/// A table of a run, the number of its first line, and how many keys it has.
#[derive(Clone, Copy)]
struct Part {
    shape: Shape,
    first: u64,
    keys: u64,
}

impl Part {
    /// Shows the entries of a key; `line` reads a line of the run.
    #[inline(always)]
    fn look_up(
        &self,
        key: u64,
        line: &mut impl FnMut(u64) -> Result<Line>,
        found: &mut dyn FnMut(Entry),
    ) -> Result<()> {
        let hash = self.shape.hash_of(key);
        let own = self.shape.line_of(hash);
        for number in own..self.shape.lines_in_all() {
            if !self.shape.look_up(&line(self.first + number)?, hash, found) {
                break;
            }
        }
        Ok(())
    }
}

/// Look-ups of ids whose filter keys ascend: neighbours share a line, which is read once.
pub struct Ascending<'r> {
    run: &'r Run,
    line: Option<(u64, Line)>,
}

impl<'r> Ascending<'r> {
    pub fn new(run: &'r Run) -> Ascending<'r> {
        Ascending { run, line: None }
    }

    /// As [`Run::find_id`].
    pub fn find_id(&mut self, key: u64, found: &mut dyn FnMut(usize)) -> Result<()> {
        let Ascending { run, line } = self;
        let mut read = |number| match line {
            Some((known, line)) if *known == number => Ok(*line),
            _ => Ok(line.insert((number, run.line(number)?)).1),
        };
        run.ids.look_up(key, &mut read, &mut |entry| found(entry.segment as usize))
    }
}

/// The name of the file of a run whose first segment starts with this sequence.
pub fn run_name(first_sequence: u64) -> String {
    format!("{first_sequence:020}.run")
}

/// What the header says of these segments.
fn encode_named(segments: &[Arc<Segment>]) -> Option<Vec<u8>> {
    let (first, last) = (&segments.first()?.header, segments.last()?.sealed_index()?.meta);
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(segments.len() as u32).to_le_bytes());
    out.extend_from_slice(&first.store_id.to_bytes());
    out.extend_from_slice(&first.first_sequence.to_le_bytes());
    out.extend_from_slice(&first.salt.to_le_bytes());
    out.extend_from_slice(&last.last_sequence.to_le_bytes());
    // It covers all that the segments say.
    out.extend_from_slice(&last.log_hash.0);
    Some(out)
}

impl Run {
    /// Opens the run that begins with the first of these segments, if there is one. Damage, another
    /// version and a run of other segments are `Corrupt`: then the segments have to be asked. `at`:
    /// the number of the first in the log.
    pub fn open(
        dir: &Directory,
        segments: &[Arc<Segment>],
        at: usize,
        access: Access,
    ) -> Result<Option<Run>> {
        let Some(first) = segments.first().filter(|s| s.sealed_index().is_some()) else {
            return Ok(None);
        };
        let name = run_name(first.header.first_sequence);
        let path = dir.file(&name);
        let failed = |e: io::Error| Error::io("cannot read", &path, &e);
        let Some(file) = dir.open_if_exists(&name, access)? else { return Ok(None) };
        let mut header = [0; HEADER_LEN];
        read_full(&*file, &mut header, 0).map_err(failed)?;
        let count = u32_at(&header, SEGMENTS_AT) as usize;
        let crc = crc32fast::hash(&header[..HEADER_LEN - CHECKSUM_LEN]);
        let whole = u32_at(&header, HEADER_LEN - CHECKSUM_LEN) == crc;
        // A writer may have sealed and merged more than is known here.
        let all_known =
            segments.get(count.wrapping_sub(1)).is_some_and(|s| s.sealed_index().is_some());
        if whole && is_length(count) && !all_known {
            return Ok(None);
        }
        let placed = whole && is_length(count) && at.is_multiple_of(count);
        let named = placed.then(|| encode_named(&segments[..count])).flatten();
        if named.is_none_or(|named| header[..NAMED_LEN] != *named) {
            let why = "not a run of these segments, or of another version";
            return Err(Error::corrupt(&path, 0, why));
        }
        let shape = |of: Of, at: usize| {
            Shape::of_file(of, count, u32_at(&header, at).into(), u32_at(&header, at + 4))
        };
        let shapes = shape(Of::Ids, NAMED_LEN).zip(shape(Of::Heads, NAMED_LEN + TABLE_LEN));
        let len = file.len().map_err(failed)?;
        let fits = |(ids, heads): &(Shape, Shape)| {
            len == HEADER_LEN as u64 + (ids.lines_in_all() + heads.lines_in_all()) * LINE_LEN as u64
        };
        let Some((ids, heads)) = shapes.filter(fits) else {
            let why = "the run is longer or shorter than its header says";
            return Err(Error::corrupt(&path, 0, why));
        };
        Ok(Some(Run {
            path,
            segments: count,
            file,
            header,
            salt: first.header.salt,
            damaged: AtomicBool::new(false),
            ids: Part { shape: ids, first: 0, keys: u64_at(&header, NAMED_LEN + 8) },
            heads: Part {
                shape: heads,
                first: ids.lines_in_all(),
                keys: u64_at(&header, NAMED_LEN + TABLE_LEN + 8),
            },
        }))
    }

    /// Whether another one was opened from the same file, or one with the same content.
    pub fn is_same(&self, other: &Run) -> bool {
        self.header == other.header
    }

    /// Reads and checks every line.
    pub fn check_lines(&self) -> Result<()> {
        [self.ids, self.heads].iter().try_for_each(|part| {
            let mut lines = Lines::new(part);
            while lines.next(self)?.is_some() {}
            Ok(())
        })
    }

    /// Says that [`Run::find_id`] will be asked for this key soon.
    pub fn prefetch_id(&self, key: u64) {
        self.prefetch(&self.ids, key);
    }

    /// Says that [`Run::head`] will be asked for this key soon.
    pub fn prefetch_head(&self, key: u64) {
        self.prefetch(&self.heads, key);
    }

    fn prefetch(&self, part: &Part, key: u64) {
        let line = part.first + part.shape.line_of(part.shape.hash_of(key));
        self.file.prefetch(self.offset_of(line), LINE_LEN);
    }

    /// Shows the segments, by their numbers in the run, that may have the id of this filter key.
    pub fn find_id(&self, key: u64, found: &mut dyn FnMut(usize)) -> Result<()> {
        self.look_up(&self.ids, key, &mut |entry| found(entry.segment as usize))
    }

    /// The number of the segment with the last event of the entity of this filter key, and its
    /// offset there. None is certain. It may be of another entity whose key begins alike.
    pub fn head(&self, key: u64) -> Result<Option<(usize, u32)>> {
        let mut newest = None;
        self.look_up(&self.heads, key, &mut |entry| {
            newest = newest.max(Some((entry.segment as usize, entry.offset)));
        })?;
        Ok(newest)
    }

    fn look_up(&self, part: &Part, key: u64, found: &mut dyn FnMut(Entry)) -> Result<()> {
        part.look_up(key, &mut |number| self.line(number), found)
    }

    fn line(&self, number: u64) -> Result<Line> {
        let mut line = [0; LINE_LEN];
        let read = read_full_settled(&*self.file, &mut line, self.offset_of(number));
        read.map_err(|e| Error::io("cannot read", &self.path, &e))?;
        match is_intact(&line, self.salt, number) {
            true => Ok(line),
            false => Err(self.damaged(number)),
        }
    }

    fn offset_of(&self, line: u64) -> u64 {
        HEADER_LEN as u64 + line * LINE_LEN as u64
    }

    /// Whether a line of it was found damaged, or somebody else has found one.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    pub fn set_damaged(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    fn damaged(&self, line: u64) -> Error {
        self.set_damaged();
        let why = "the checksum of a line of a run does not match";
        Error::corrupt(&self.path, self.offset_of(line), why)
    }

    pub fn shape(&self, of: Of) -> &Shape {
        &self.part(of).shape
    }

    /// How many keys a table has.
    pub fn keys(&self, of: Of) -> u64 {
        self.part(of).keys
    }

    fn part(&self, of: Of) -> &Part {
        match of {
            Of::Ids => &self.ids,
            Of::Heads => &self.heads,
        }
    }
}

/// Whether a run can have so many segments.
fn is_length(segments: usize) -> bool {
    (1..=SEGMENTS_MAX).contains(&segments)
        && segments.is_power_of_two()
        && segments.trailing_zeros().is_multiple_of(FAN_OUT.trailing_zeros())
}

/// The lines of a table, one after the other, in large reads.
struct Lines {
    part: Part,
    /// Of the next line, in the table.
    number: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl Lines {
    fn new(part: &Part) -> Lines {
        Lines { part: *part, number: 0, buffer: Vec::new(), at: 0 }
    }

    /// The next line and its number in the table.
    fn next(&mut self, run: &Run) -> Result<Option<(u64, Line)>> {
        let number = self.number;
        let left = self.part.shape.lines_in_all() - number;
        if left == 0 {
            return Ok(None);
        }
        let in_file = self.part.first + number;
        if self.at == self.buffer.len() {
            self.buffer.resize(PART_LEN.min(left as usize * LINE_LEN), 0);
            self.at = 0;
            let read = read_full(&*run.file, &mut self.buffer, run.offset_of(in_file));
            let got = read.map_err(|e| Error::io("cannot read", &run.path, &e))?;
            self.buffer[got..].fill(0);
        }
        let mut line = [0; LINE_LEN];
        line.copy_from_slice(&self.buffer[self.at..self.at + LINE_LEN]);
        (self.at, self.number) = (self.at + LINE_LEN, number + 1);
        match is_intact(&line, run.salt, in_file) {
            true => Ok(Some((number, line))),
            false => Err(run.damaged(in_file)),
        }
    }
}

/// The entries of a table of a run, in their order.
pub struct Entries {
    run: Arc<Run>,
    lines: Lines,
    /// Of the line that was read last, those that are left, the next one last.
    line: Vec<Entry>,
}

impl Entries {
    pub fn new(run: &Arc<Run>, of: Of) -> Entries {
        Entries { run: run.clone(), lines: Lines::new(run.part(of)), line: Vec::new() }
    }

    pub fn next(&mut self) -> Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.line.pop() {
                return Ok(Some(entry));
            }
            let Some((number, line)) = self.lines.next(&self.run)? else { return Ok(None) };
            self.line.extend(self.lines.part.shape.entries(&line, number));
            self.line.reverse();
        }
    }
}

/// Writes a run: the ids, then the heads, each in their order.
pub struct RunWriter {
    file: Temporary,
    named: Vec<u8>,
    salt: u64,
    /// What the header will say of the tables.
    tables: Vec<u8>,
    table: Option<TableBuilder>,
    /// Lines of the tables that are done.
    lines: u64,
    buffer: Vec<u8>,
    written: u64,
}

impl RunWriter {
    /// Of these segments, all of them sealed and indexed.
    pub fn new(dir: &Directory, segments: &[Arc<Segment>]) -> Result<Option<RunWriter>> {
        let Some(named) = encode_named(segments) else { return Ok(None) };
        let header = &segments[0].header;
        Ok(Some(RunWriter {
            file: dir.create_temporary(&run_name(header.first_sequence))?,
            named,
            salt: header.salt,
            tables: Vec::new(),
            table: None,
            lines: 0,
            buffer: Vec::new(),
            written: HEADER_LEN as u64,
        }))
    }

    pub fn begin_table(&mut self, shape: Shape) {
        self.tables.extend_from_slice(&(shape.lines as u32).to_le_bytes());
        self.tables.extend_from_slice(&shape.layout().to_le_bytes());
        self.table = Some(TableBuilder::new(shape, self.salt, self.lines));
        self.lines += shape.lines_in_all();
    }

    /// Adds an entry. False where it does not fit.
    pub fn push(&mut self, entry: &Entry) -> Result<bool> {
        let table = self.table.as_mut().expect("a table was begun");
        let fits = table.push(entry, &mut self.buffer);
        if self.buffer.len() >= PART_LEN {
            self.flush()?;
        }
        Ok(fits)
    }

    pub fn end_table(&mut self) -> Result<()> {
        let mut table = self.table.take().expect("a table was begun");
        self.tables.extend_from_slice(&table.finish(&mut self.buffer).to_le_bytes());
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        let written = write_full(&*self.file.file, &self.buffer, self.written);
        written.map_err(|e| self.failed(&e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn failed(&self, e: &io::Error) -> Error {
        self.file.failed("cannot write", e)
    }

    /// Gives the run its name; whole also after a power cut.
    pub fn finish(mut self) -> Result<()> {
        let mut header = std::mem::take(&mut self.named);
        header.extend_from_slice(&self.tables);
        header.resize(HEADER_LEN - CHECKSUM_LEN, 0);
        let crc = crc32fast::hash(&header);
        header.extend_from_slice(&crc.to_le_bytes());
        write_full(&*self.file.file, &header, 0).map_err(|e| self.failed(&e))?;
        self.file.file.sync().map_err(|e| self.failed(&e))?;
        self.file.give_name().map(drop)
    }
}

/// Makes the run of one segment, sealed and indexed. None where too many keys are in one place.
pub fn make_first(dir: &Directory, segment: &Arc<Segment>) -> Result<bool> {
    let Some(index) = segment.sealed_index() else { return Ok(false) };
    let (mut ids, mut heads) = (Vec::new(), Vec::new());
    index.visit_ids(&mut |key| ids.push((key, 0)))?;
    index.visit_heads(&mut |key, offset| heads.push((key, offset)))?;
    let Some(mut writer) = RunWriter::new(dir, std::slice::from_ref(segment))? else {
        return Ok(false);
    };
    for (of, mut keys) in [(Of::Ids, ids), (Of::Heads, heads)] {
        let shape = Shape::for_keys(of, keys.len() as u64, 1, u32::MAX);
        keys.sort_unstable();
        writer.begin_table(shape);
        let mut keys =
            keys.into_iter().map(|(key, offset)| (shape.hash_of(key), offset)).peekable();
        while let Some((hash, mut offset)) = keys.next() {
            // Of keys that begin alike the last one stays.
            while let Some((_, other)) = keys.next_if(|(other, _)| *other == hash) {
                offset = offset.max(other);
            }
            if !writer.push(&Entry { hash, segment: 0, offset })? {
                return Ok(false);
            }
        }
        writer.end_table()?;
    }
    writer.finish()?;
    Ok(true)
}
