//! Compressing a sealed segment: a new file, which is read back and compared with the log byte for
//! byte before it takes the place of the old one, in one rename. So at any time the name leads to
//! one of the two, whole and on disk, and index and runs go on to be those of either.

use super::cold;
use super::directory::{Directory, Temporary};
use super::segment::Segment;
use super::tail::Batches;
use crate::engine::format::cold::{
    train, ColdHead, Compressor, Table, BLOCK_BYTES, COLD_HEAD_LEN, DICTIONARY_BYTES_MAX,
};
use crate::engine::format::frame::{BATCH_HEADER_LEN, SEGMENT_HEADER_LEN};
use crate::engine::format::strip::{piece_len, strip};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::vfs::{read_full, write_full, Access, File};
use crate::engine::platform::watch::Watch;

/// A dictionary is trained on so many times its length, as zstd recommends, and is at most such a
/// part of the log.
const SAMPLES: u64 = 100;
const DICTIONARY_PART: u64 = 64;
/// A sample is the begin of an event.
const SAMPLE_BYTES_MAX: usize = 4 << 10;
/// So much is written or compared at once.
const PART_BYTES: usize = 1 << 20;

/// A segment whose file is compressed now, and how long that file is.
pub struct Packed {
    pub segment: Segment,
    pub bytes: u64,
}

/// Compresses a segment that is sealed and on disk; `go_on` is asked before each block. The watch
/// counts the bytes of its log. None where it would not become shorter: then nothing has changed.
pub fn compress(
    dir: &Directory,
    segment: &Segment,
    level: i32,
    watch: &Watch<'_>,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Option<Packed>> {
    let plan = Plan::of(segment, go_on)?;
    let name = segment.name();
    let temporary = dir.create_temporary(&name)?;
    let (head, written) = plan.write(segment, level, &temporary, watch, go_on)?;
    if head.stored_len >= head.plain_len {
        return Ok(None);
    }
    temporary.file.sync().map_err(|e| temporary.failed("cannot sync", &e))?;
    compare(segment, &temporary, go_on)?;
    watch.advance(head.plain_len.saturating_sub(written))?;
    go_on()?;
    drop(temporary.give_name()?);
    dir.sync()?;
    let file = dir.open_file(&name, Access::Read)?;
    Ok(Some(Packed { segment: segment.moved_to(file), bytes: head.stored_len }))
}

/// Where blocks begin, the end of the log included, and what they are compressed with.
struct Plan {
    starts: Vec<u64>,
    dictionary: Vec<u8>,
}

impl Plan {
    /// Reads the log of a segment, each batch checked.
    fn of(segment: &Segment, go_on: &dyn Fn() -> Result<()>) -> Result<Plan> {
        let (header, end) = (&segment.header, segment.end());
        let dictionary_max = (end / DICTIONARY_PART).min(DICTIONARY_BYTES_MAX as u64);
        let stride = (end / (dictionary_max * SAMPLES).max(1)).max(1);
        let (mut samples, mut lengths, mut frames) = (Vec::new(), Vec::new(), 0);
        let mut starts = vec![SEGMENT_HEADER_LEN as u64];
        let mut window = segment.sequential();
        let mut at = SEGMENT_HEADER_LEN as u64;
        while at < end {
            go_on()?;
            let batch = segment.batch_at(&mut window, at).map_err(|e| segment.identify(e))?;
            let total = batch.total_len();
            let bytes = window.get(at, total as usize)?;
            let body = bytes.get(BATCH_HEADER_LEN..).unwrap_or_default();
            if !batch.body_holds(header, at, body) {
                return Err(segment.corrupt(at, "the checksum of the batch does not match"));
            }
            let mut from = 0;
            while from < bytes.len() {
                let (place, rest) = (at + from as u64, &bytes[from..]);
                let length = piece_len(header, place, rest)
                    .ok_or_else(|| segment.corrupt(place, "a frame is longer than its batch"))?;
                if from > 0 {
                    frames += 1;
                    let sample =
                        (frames % stride == 0).then(|| strip(header, place, &rest[..length]));
                    if let Some(sample) = sample.flatten() {
                        let sample = &sample.texture[..sample.texture.len().min(SAMPLE_BYTES_MAX)];
                        samples.extend_from_slice(sample);
                        lengths.push(sample.len());
                    }
                }
                from += length;
                let next = at + from as u64;
                if next - starts[starts.len() - 1] >= BLOCK_BYTES as u64 || next == end {
                    starts.push(next);
                }
            }
            at += total;
        }
        Ok(Plan { starts, dictionary: train(&samples, &lengths, dictionary_max as usize) })
    }

    /// Writes all of the file. Its head, and how much the watch was told of.
    fn write(
        &self,
        segment: &Segment,
        level: i32,
        temporary: &Temporary,
        watch: &Watch<'_>,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<(ColdHead, u64)> {
        let no_memory = || Error::new(Code::NoMemory, "no memory to compress with");
        let header = segment.header;
        let mut compressor =
            Compressor::new(header, &self.dictionary, level).ok_or_else(no_memory)?;
        let blocks = self.starts.len() as u32 - 1;
        let mut head = ColdHead {
            segment: header,
            plain_len: segment.end(),
            stored_len: 0,
            dictionary_len: self.dictionary.len() as u32,
            blocks,
            dictionary_crc: ColdHead::dictionary_crc_of(&header, &self.dictionary),
            table_crc: 0,
        };
        let around = COLD_HEAD_LEN as u64 + self.dictionary.len() as u64 + head.table_len();
        let mut out = Output { file: &*temporary.file, at: around, bytes: Vec::new() };
        let (mut table, mut plain) = (Table::default(), Vec::new());
        let failed = |e: &std::io::Error| temporary.failed("cannot write", e);
        for pair in self.starts.windows(2) {
            go_on()?;
            let (from, to) = (pair[0], pair[1]);
            plain.resize((to - from) as usize, 0);
            read_log(segment, &mut plain, from)?;
            table.push(from, out.end());
            compressor.append(from, &plain, &mut out.bytes).ok_or_else(no_memory)?;
            out.flush(PART_BYTES).map_err(|e| failed(&e))?;
            watch.advance((to - from) / 2)?;
        }
        table.push(head.plain_len, out.end());
        let (table, table_crc) = table.encode(&header);
        head.table_crc = table_crc;
        head.stored_len = out.end() + around;
        let both = [&*self.dictionary, &table].concat();
        out.bytes.extend_from_slice(&both);
        out.bytes.extend_from_slice(&head.encode());
        out.flush(0).map_err(|e| failed(&e))?;
        let front = [&head.encode()[..], &both].concat();
        write_full(&*temporary.file, &front, 0).map_err(|e| failed(&e))?;
        let told = self.starts.windows(2).map(|pair| (pair[1] - pair[0]) / 2).sum();
        Ok((head, told))
    }
}

/// A file that is written from an offset on.
struct Output<'f> {
    file: &'f dyn File,
    /// Where the bytes begin that were not written yet.
    at: u64,
    bytes: Vec<u8>,
}

impl Output<'_> {
    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }

    /// Writes what there is, if it is more than `above`.
    fn flush(&mut self, above: usize) -> std::io::Result<()> {
        if self.bytes.len() > above {
            write_full(self.file, &self.bytes, self.at)?;
            self.at += self.bytes.len() as u64;
            self.bytes.clear();
        }
        Ok(())
    }
}

/// Fills `buffer` with the log of a segment.
fn read_log(segment: &Segment, buffer: &mut [u8], at: u64) -> Result<()> {
    let got = read_full(&*segment.file, buffer, at)
        .map_err(|e| Error::io("cannot read", &segment.path, &e))?;
    match got == buffer.len() {
        true => Ok(()),
        false => Err(segment.corrupt(at, "the file became shorter while it was read")),
    }
}

/// Whether the new file reads as the log that it was made of.
fn compare(segment: &Segment, temporary: &Temporary, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
    let failed = |e: &std::io::Error| temporary.failed("cannot read", e);
    let there = cold::open(temporary.file.clone()).map_err(|e| failed(&e))?;
    let flaws = match there.compressed() {
        Some(compressed) => compressed.flaws().map_err(|e| failed(&e))?,
        None => vec![(0, "the compressed segment has no head")],
    };
    let differs = |at: u64, what: &str| {
        Err(segment.corrupt(at, format!("what was written does not read as the log: {what}")))
    };
    if let Some((at, what)) = flaws.first() {
        return differs(*at, what);
    }
    let (mut log, mut read) = (vec![0; PART_BYTES], vec![0; PART_BYTES]);
    let mut at = 0;
    while at < segment.end() {
        go_on()?;
        let want = (segment.end() - at).min(PART_BYTES as u64) as usize;
        read_log(segment, &mut log[..want], at)?;
        let got = read_full(&*there, &mut read[..want], at).map_err(|e| failed(&e))?;
        if got < want || log[..want] != read[..want] {
            return differs(at, "other bytes");
        }
        at += want as u64;
    }
    Ok(())
}
