//! Reading the valid parts of one segment file, whatever has happened to it: every header and frame
//! whose checksum matches at its place. The file is held in memory meanwhile; what its events say
//! is judged by whoever repairs or verifies.

use crate::engine::format::frame::{
    BatchHeader, Frame, SegmentHeader, StringRef, BATCH_HEADER_LEN, BATCH_MAGIC, FRAME_FIXED_LEN,
    SEGMENT_HEADER_LEN,
};
use crate::engine::index::file::Index;
use crate::engine::index::room::StringRoom;
use crate::engine::log::directory::Directory;
use crate::engine::log::segment::Segment;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::limits::{FORMAT_VERSION, PAYLOAD_BYTES_MAX};
use crate::engine::platform::vfs::{read_full, Access, File};
use foldhash::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No frame is longer: a payload, and generously what may come with it.
const FRAME_LEN_MAX: usize = PAYLOAD_BYTES_MAX + (1 << 20);
/// No segment is longer than 1 GiB and a batch. What a longer file has after that is not read.
const FILE_LEN_MAX: u64 = (1 << 30) + (128 << 20);
/// The search for frames checks so many times the bytes of the file, so that bytes made for it
/// cannot keep it busy for ever. Random bytes pass for the begin of a frame once in 20,000 places.
const SEARCH_FACTOR: usize = 64;
/// Where a large read fails, so much is given up at a time.
const SECTOR_LEN: usize = 4096;

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The header of a batch, or a record; what it says of a body is not checked.
    Header(BatchHeader),
    /// So many bytes that are a frame.
    Frame(usize),
    /// So many bytes that are neither.
    Unread(usize),
}

/// The valid parts of a segment file.
pub struct Salvage {
    pub header: SegmentHeader,
    pub path: PathBuf,
    pub index: Option<Index>,
    bytes: Vec<u8>,
    /// The strings that a frame spells, by number.
    spelled: HashMap<u32, Arc<str>>,
}

/// The strings of an event.
pub struct Names {
    pub entity: Arc<str>,
    pub scope: Arc<str>,
    pub namespace: Option<Arc<str>>,
}

impl Names {
    /// The event of a frame that has these strings.
    pub fn event<'a>(&'a self, frame: &Frame<'a>) -> Event<'a> {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        frame.with_strings(&self.entity, &self.scope, namespace)
    }
}

/// The header at the start of a file; none where it is damaged or cannot be read.
pub fn header_of(file: &dyn File) -> Option<SegmentHeader> {
    let mut bytes = [0; SEGMENT_HEADER_LEN];
    let got = read_full(file, &mut bytes, 0).ok()?;
    SegmentHeader::decode(&bytes[..got]).ok()
}

impl Salvage {
    /// Reads a file whose header is `header`, or lost. None where there is no header, and no batch
    /// implies one.
    pub fn read(
        dir: &Directory,
        path: &Path,
        file: &dyn File,
        header: Option<SegmentHeader>,
        store_id: Id,
    ) -> Result<Option<Salvage>> {
        let length = file.len().map_err(|e| Error::io("cannot stat", path, &e))?;
        let bytes = read_through(file, length.min(FILE_LEN_MAX) as usize);
        let rebuilt = header.is_none();
        let Some(mut header) = header.or_else(|| rebuild_header(&bytes, store_id)) else {
            return Ok(None);
        };
        let index_name = Segment::index_name(header.first_sequence);
        let index_path = dir.file(&index_name);
        let index_file = dir.open_if_exists(&index_name, Access::Read).ok().flatten();
        let salt = index_file.as_ref().and_then(|file| Index::salt_of(&**file));
        if let Some(salt) =
            salt.filter(|salt| rebuilt && SegmentHeader::same_seeds(*salt, header.salt))
        {
            header.salt = salt;
        }
        let room = Arc::new(StringRoom::new());
        let index = index_file.and_then(|file| Index::open(file, &index_path, &header, &room).ok());
        Ok(Some(Salvage {
            header,
            path: path.to_owned(),
            index,
            bytes,
            spelled: HashMap::default(),
        }))
    }

    /// Leaves out what is after an offset.
    pub fn cut(&mut self, end: u64) {
        self.bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    }

    /// Whether the body of the batch whose header is at `at` is as it was written.
    pub fn is_whole(&self, at: u64, header: &BatchHeader) -> bool {
        let body = (at + BATCH_HEADER_LEN as u64) as usize;
        let body = self.bytes.get(body..body + header.body_len as usize);
        body.is_some_and(|body| header.body_holds(&self.header, at, body))
    }

    /// What the file consists of, from the header on; zeros at its end are reserved space and left
    /// out.
    pub fn pieces(&mut self) -> Vec<(u64, Piece)> {
        let mut pieces: Vec<(u64, Piece)> = Vec::new();
        // One for the search. One for where something should begin, which is not to be missed
        // because of what the search has cost.
        let mut budgets = [self.bytes.len().saturating_mul(SEARCH_FACTOR); 2];
        // Where the frame ends that should begin where nothing was found.
        let mut expected = 0;
        let mut at = SEGMENT_HEADER_LEN.min(self.bytes.len());
        while at < self.bytes.len() {
            let astray = matches!(pieces.last(), Some((_, Piece::Unread(_)))) && at != expected;
            let budget = &mut budgets[usize::from(astray)];
            let (piece, length) = match self.piece_at(at, astray, budget) {
                Some(Piece::Header(header)) => (Piece::Header(header), BATCH_HEADER_LEN),
                Some(Piece::Frame(length)) => (Piece::Frame(length), length),
                _ => (Piece::Unread(1), 1),
            };
            if !astray && matches!(piece, Piece::Unread(_)) {
                let rest = &self.bytes[at..];
                expected = if rest.len() < 8 { 0 } else { at + Frame::length(rest) };
            }
            match (pieces.last_mut(), piece) {
                (Some((_, Piece::Unread(length))), Piece::Unread(_)) => *length += 1,
                _ => pieces.push((at as u64, piece)),
            }
            at += length;
        }
        pieces.pop_if(|(at, piece)| {
            matches!(piece, Piece::Unread(_)) && self.is_zeros(*at as usize, self.bytes.len())
        });
        for (at, piece) in &pieces {
            let Piece::Frame(length) = piece else { continue };
            let Some(frame) = self.frame(*at, *length) else { continue };
            let spelled: Vec<_> =
                frame.spelled().map(|s| (s.number, s.spelled.unwrap_or_default().into())).collect();
            spelled
                .into_iter()
                .for_each(|(number, text)| _ = self.spelled.entry(number).or_insert(text));
        }
        pieces
    }

    /// What begins at `at`. `astray`: the byte before belongs to nothing, so that a frame here
    /// would be one by chance, and is looked at twice.
    fn piece_at(&self, at: usize, astray: bool, budget: &mut usize) -> Option<Piece> {
        let rest = &self.bytes[at..];
        if rest.starts_with(&BATCH_MAGIC) {
            if let Ok(header) = BatchHeader::decode(&self.header, at as u64, rest) {
                return Some(Piece::Header(header));
            }
        }
        let length = if rest.len() < FRAME_FIXED_LEN { 0 } else { Frame::length(rest) };
        if !(FRAME_FIXED_LEN..=rest.len().min(FRAME_LEN_MAX)).contains(&length) {
            return None;
        }
        if *budget < length || (astray && Frame::unchecked(&self.header, &rest[..length]).is_none())
        {
            return None;
        }
        let holds = Frame::decode(&self.header, at as u64, &rest[..length]).is_ok();
        if !holds {
            *budget -= length;
        }
        holds.then_some(Piece::Frame(length))
    }

    /// The first sequence, and the hash of the log before it; none where the header was lost.
    pub fn log_start(&self) -> Option<(u64, Hash)> {
        let known = self.header.log_hash != Hash::ZERO;
        known.then_some((self.header.first_sequence, self.header.log_hash))
    }

    /// The frame that [`Salvage::pieces`] found.
    pub fn frame(&self, at: u64, length: usize) -> Option<Frame<'_>> {
        let bytes = self.bytes.get(at as usize..at as usize + length)?;
        Frame::decode(&self.header, at, bytes).ok()
    }

    pub fn is_zeros(&self, from: usize, to: usize) -> bool {
        self.bytes[from..to].iter().all(|byte| *byte == 0)
    }

    /// Length of what was read.
    pub fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The strings of a frame, as a frame spells them or, where that one is lost, as the index has
    /// them.
    pub fn names(&self, frame: &Frame<'_>) -> Option<Names> {
        let namespace = match frame.namespace {
            Some(namespace) => Some(self.string(namespace)?),
            None => None,
        };
        Some(Names {
            entity: self.string(frame.entity)?,
            scope: self.string(frame.scope)?,
            namespace,
        })
    }

    fn string(&self, string: StringRef<'_>) -> Option<Arc<str>> {
        let spelled = self.spelled.get(&string.number).cloned();
        spelled.or_else(|| self.index.as_ref()?.string(string.number).ok())
    }
}

/// The bytes of a file; zeros where they cannot be read.
fn read_through(file: &dyn File, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (n, part) in bytes.chunks_mut(SECTOR_LEN << 8).enumerate() {
        let offset = n * (SECTOR_LEN << 8);
        if read_full(file, part, offset as u64).is_ok() {
            continue;
        }
        for (n, sector) in part.chunks_mut(SECTOR_LEN).enumerate() {
            if read_full(file, sector, (offset + n * SECTOR_LEN) as u64).is_err() {
                sector.fill(0);
            }
        }
    }
    bytes
}

/// A header as far as it takes to check what follows it.
pub fn bare_header(store_id: Id, first_sequence: u64, salt: u64) -> SegmentHeader {
    SegmentHeader {
        version: FORMAT_VERSION,
        store_id,
        first_sequence,
        created_us: 0,
        log_hash: Hash::ZERO,
        salt,
        log_start: 1,
        events_before: 0,
    }
}

/// The header that a segment had, as far as frames need it. The salt follows from the checksum of a
/// batch header, and is proven by that of the frame after it. The bases follow from what the header
/// says plainly and the frame relative to them.
fn rebuild_header(bytes: &[u8], store_id: Id) -> Option<SegmentHeader> {
    let mut budget = bytes.len().saturating_mul(SEARCH_FACTOR);
    let from = bytes.get(SEGMENT_HEADER_LEN..)?;
    let starts =
        from.windows(BATCH_HEADER_LEN).enumerate().filter(|(_, w)| w.starts_with(&BATCH_MAGIC));
    for (at, head) in starts {
        let offset = (SEGMENT_HEADER_LEN + at) as u64;
        let bare = bare_header(store_id, 0, SegmentHeader::salt_of_batch(offset, head));
        let Ok(batch) = BatchHeader::decode(&bare, offset, head) else { continue };
        let body = &from[at + BATCH_HEADER_LEN..];
        let length = if body.len() < FRAME_FIXED_LEN { 0 } else { Frame::length(body) };
        if batch.count == 0 || length > body.len() || length > budget {
            continue;
        }
        budget -= length;
        // As if the segment began here: the frame's distance from its beginning then shows as one
        // from here.
        let here = SegmentHeader { first_sequence: batch.first_sequence, ..bare };
        let frame = Frame::decode(&here, offset + BATCH_HEADER_LEN as u64, &body[..length]).ok();
        let distance = |frame: &Frame<'_>| frame.sequence - batch.first_sequence;
        if let Some(frame) = frame.filter(|frame| distance(frame) < batch.first_sequence) {
            return Some(SegmentHeader {
                first_sequence: batch.first_sequence - distance(&frame),
                created_us: batch.recorded_us.wrapping_sub(frame.recorded_us),
                ..bare
            });
        }
    }
    None
}
