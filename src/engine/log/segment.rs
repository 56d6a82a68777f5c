//! One segment: its log file, the index that covers the front of it, and a table of the rest.

use super::directory::Directory;
use super::point::Point;
use super::tail::{Batches, Tail};
use super::window::{Window, SMALL_READ};
use crate::engine::format::frame::{
    BatchHeader, Frame, SegmentHeader, BATCH_HEADER_LEN, BATCH_MAGIC, FRAME_FIXED_LEN,
    SEGMENT_HEADER_LEN,
};
use crate::engine::format::hash::{self, Link};
use crate::engine::format::lanes::{self, Inputs};
use crate::engine::index::builder::IndexBuilder;
use crate::engine::index::entries::{Candidate, SparseEntry};
use crate::engine::index::file::{is_damage, Index, IndexMeta};
use crate::engine::index::filter::id_filter_key;
use crate::engine::index::memtable::{EntityHead, Entry, MemTable};
use crate::engine::index::room::StringRoom;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::Id;
use crate::engine::platform::memory::MemoryFile;
use crate::engine::platform::vfs::{copy_front, File};
use std::fmt::Display;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// Where an event was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub offset: u32,
    /// Stands for its content.
    pub tag: u64,
}

/// The newest event of an entity in this segment.
#[derive(Clone, Copy, Debug)]
pub struct Newest {
    pub link: Link,
    pub offset: u32,
}

/// Tags of so many events are hashed side by side.
const TAGS_TOGETHER: usize = 256;

/// The tag of a content, for those who need it.
pub type Tag<'t> = &'t dyn Fn() -> u64;

/// What a visitor of frames answers: go on, or stop here.
pub type Flow = ControlFlow<()>;

/// A part of the log of a segment: its first frame, the batch of that, and the offset that it ends
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub frame: u64,
    pub batch: u64,
    pub end: u64,
}

/// A walk along the log of a segment.
pub struct Walk {
    window: Window,
    /// The frame to be visited next.
    at: u64,
    /// The end of its batch, or the next batch where it is in none yet.
    batch_end: u64,
    /// Where the walk was left: no event has a sequence in between the first of these and the last,
    /// which is that of the frame.
    pub sequences: Range<u64>,
}

impl Walk {
    fn of(window: Window, stretch: &Stretch) -> Walk {
        let Stretch { frame, batch, .. } = *stretch;
        Walk { window, at: frame.max(batch), batch_end: batch, sequences: 0..0 }
    }

    /// Whether it takes more memory than one that is left is worth.
    pub fn is_large(&self) -> bool {
        self.window.is_large()
    }
}

pub struct Segment {
    pub header: SegmentHeader,
    pub path: Arc<Path>,
    pub file: Arc<dyn File>,
    index: RwLock<Option<Arc<Index>>>,
    /// The index with which a sealed segment was opened: it covers all of it.
    sealed: Option<Arc<Index>>,
    table: RwLock<MemTable>,
    /// Where the last known batch ends.
    end: AtomicU64,
    pub room: Arc<StringRoom>,
}

impl Segment {
    /// A segment of which `index` covers the front; what follows is added with [`Segment::extend`].
    pub fn new(
        header: SegmentHeader,
        path: impl Into<Arc<Path>>,
        file: Arc<dyn File>,
        index: Option<Index>,
        room: Arc<StringRoom>,
    ) -> Segment {
        let strings = index.as_ref().map_or(0, |index| index.strings_len() as u32);
        let end = index.as_ref().map_or(SEGMENT_HEADER_LEN as u64, |index| index.meta.covered_len);
        let index = index.map(Arc::new);
        Segment {
            sealed: index.clone().filter(|index| index.meta.sealed),
            header,
            path: path.into(),
            file,
            index: RwLock::new(index),
            table: RwLock::new(MemTable::after_index(strings)),
            end: AtomicU64::new(end),
            room,
        }
    }

    /// The same segment in another file, which has the same bytes. Whoever reads this one goes on.
    pub fn moved_to(&self, file: Arc<dyn File>) -> Segment {
        Segment {
            header: self.header,
            path: self.path.clone(),
            file,
            index: RwLock::new(self.index()),
            sealed: self.sealed.clone(),
            table: RwLock::new(self.read_table().clone()),
            end: AtomicU64::new(self.end()),
            room: self.room.clone(),
        }
    }

    /// The same file, of which this index covers the front, and nothing more is known.
    pub fn with_index(&self, index: impl Into<Option<Index>>) -> Segment {
        let (path, file) = (self.path.clone(), self.file.clone());
        Segment::new(self.header, path, file, index.into(), self.room.clone())
    }

    /// Copies the front of the file, which ends a batch, to another.
    pub fn copy_to(&self, copy: &dyn File, to: &Path, end: u64) -> Result<()> {
        let failed = |e| Error::io(&format!("cannot copy {} to", self.path.display()), to, &e);
        let copied = copy_front(&*self.file, copy, end).map_err(failed)?;
        if copied < end {
            return Err(self.corrupt(copied, "the file became shorter while it was read"));
        }
        Ok(())
    }

    /// The name of its log file.
    pub fn name(&self) -> String {
        Segment::log_name(self.header.first_sequence)
    }

    /// Name of the log file of the segment that starts with `first_sequence`.
    pub fn log_name(first_sequence: u64) -> String {
        format!("{first_sequence:020}.log")
    }

    /// Name of its index.
    pub fn index_name(first_sequence: u64) -> String {
        format!("{first_sequence:020}.idx")
    }

    pub fn index_path(&self) -> PathBuf {
        self.path.with_extension("idx")
    }

    /// Everything below this offset is known.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// So many bytes of it are on disk, reserved space left out.
    pub fn stored_bytes(&self) -> u64 {
        let compressed = self.file.compressed().and_then(|file| file.stored().len().ok());
        compressed.unwrap_or_else(|| self.end())
    }

    /// The string with this number.
    pub fn string(&self, number: u32) -> Result<Arc<str>> {
        // Those of a sealed segment are all in its index: as a rule that needs no lock.
        if let Some(string) = self.sealed.as_ref().and_then(|index| index.string(number).ok()) {
            return Ok(string);
        }
        match self.read_table().string(number) {
            Some(text) => Ok(text.into()),
            None => self.string_of_index(number),
        }
    }

    fn string_of_index(&self, number: u32) -> Result<Arc<str>> {
        self.on_index(|index| index.string(number))?
            .ok_or_else(|| self.corrupt(0, format!("string {number} is used before it is spelled")))
    }

    pub fn read_table(&self) -> std::sync::RwLockReadGuard<'_, MemTable> {
        self.table.read().unwrap_or_else(|e| e.into_inner())
    }

    pub fn write_table(&self) -> std::sync::RwLockWriteGuard<'_, MemTable> {
        self.table.write().unwrap_or_else(|e| e.into_inner())
    }

    pub fn index(&self) -> Option<Arc<Index>> {
        self.index.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Asks the index. One that turns out to be damaged is rebuilt from the log, in memory.
    pub(super) fn on_index<T>(&self, ask: impl Fn(&Index) -> Result<T>) -> Result<Option<T>> {
        let Some(index) = self.index() else { return Ok(None) };
        match ask(&index) {
            Err(e) if is_damage(&e) => {}
            other => return other.map(Some),
        }
        let fresh = self.rebuild_index(&index.meta)?;
        let answer = ask(&fresh).map(Some);
        *self.index.write().unwrap_or_else(|e| e.into_inner()) = Some(Arc::new(fresh));
        answer
    }

    fn rebuild_index(&self, meta: &IndexMeta) -> Result<Index> {
        let bare = self.with_index(None);
        Tail::at_start(&self.header).read_through(&bare, meta.covered_len)?;
        let bytes = bare.build_index(meta)?;
        self.open_index_bytes(bytes)
    }

    /// An index of this segment that lives in memory.
    pub fn open_index_bytes(&self, bytes: Vec<u8>) -> Result<Index> {
        let file = Arc::new(MemoryFile::of(Arc::new(bytes)));
        Index::open(file, &self.index_path(), &self.header, &self.room)
    }

    /// What an index over everything that is known of this segment is built from.
    pub fn index_builder(&self) -> Result<IndexBuilder> {
        let mut builder = self.on_index(IndexBuilder::of)?.unwrap_or_default();
        self.read_table().feed(self.header.salt, &mut builder);
        Ok(builder)
    }

    /// The bytes of an index over everything that is known of this segment.
    pub fn build_index(&self, meta: &IndexMeta) -> Result<Vec<u8>> {
        Ok(self.index_builder()?.build(&self.header, meta))
    }

    /// Writes the index of this segment; all that it covers has been synced. What it says.
    pub fn publish_index(
        &self,
        dir: &Directory,
        builder: IndexBuilder,
        meta: &IndexMeta,
    ) -> Vec<u8> {
        let bytes = builder.build(&self.header, meta);
        // Not insisted on: an index that is missing is rebuilt.
        let _ = dir.publish(&Segment::index_name(self.header.first_sequence), &bytes, false);
        bytes
    }

    /// Whether the id with this filter key may be here, or an entity of it, or one below that.
    /// Takes no lock for a sealed segment, which nearly always can say no.
    pub fn may_have(&self, filter_key: u64) -> bool {
        // A filter that can't be read leaves the answer to the look-up, which mends the index.
        self.sealed.as_ref().is_none_or(|index| index.filter_allows(filter_key).unwrap_or(true))
    }

    /// Says that [`Segment::may_have`] will be asked for a filter key soon.
    pub fn prefetch_filter(&self, filter_key: u64) {
        self.sealed.as_ref().into_iter().for_each(|index| index.prefetch_filter(filter_key));
    }

    /// The index with which a sealed segment was opened.
    pub fn sealed_index(&self) -> Option<&Index> {
        self.sealed.as_deref()
    }

    pub fn find_id(&self, id: Id) -> Result<Option<Found>> {
        self.find_content(id, None)
    }

    /// The event with this id. The frame of one that has the content with the tag is not read for
    /// that: index entries have a tag of id and content.
    pub fn find_content(&self, id: Id, tag: Option<Tag<'_>>) -> Result<Option<Found>> {
        if let Some(slot) = self.read_table().find_id(id) {
            return Ok(Some(Found { offset: slot.offset, tag: slot.tag }));
        }
        let candidates = self.on_index(|index| index.candidates(id))?.unwrap_or_default();
        for Candidate { tag: there, offset } in candidates {
            if tag.is_some_and(|tag| tag() == there) || self.has_id(offset, id)? {
                return Ok(Some(Found { offset, tag: there }));
            }
        }
        Ok(None)
    }

    /// The offset of the event with this id, of which `point` has the frame, unchecked. An index is
    /// believed without a checksum where the frame proves what it says. None says nothing.
    pub fn guess_point(&self, id: Id, point: &mut Point) -> Option<u32> {
        let mut is_it = |offset: u32| {
            let frame = point.read(&*self.file, offset.into(), self.end());
            frame.and_then(Frame::unchecked_id) == Some(id)
        };
        if let Some(index) = &self.sealed {
            return index.guess(id, &mut is_it);
        }
        let slot = self.read_table().find_id(id);
        match slot.filter(|slot| is_it(slot.offset)) {
            Some(slot) => Some(slot.offset),
            None => self.index()?.guess(id, &mut is_it),
        }
    }

    /// The frame at an offset, checked, from the bytes of it that were read.
    pub fn point_frame<'p>(&self, point: &'p Point, offset: u32) -> Option<Frame<'p>> {
        Frame::decode(&self.header, offset.into(), point.bytes()).ok()
    }

    /// Whether the event at an offset has this id. Only one that seems to have another is checked.
    fn has_id(&self, offset: u32, id: Id) -> Result<bool> {
        let mut window = self.window();
        window.stay_below(self.end());
        let start = window.get(offset.into(), FRAME_FIXED_LEN)?;
        Ok(Frame::unchecked_id(start) == Some(id)
            || self.frame_at(&mut window, offset.into())?.id == id)
    }

    /// The id of the event at an offset, whose frame may be damaged: the index has a key of it,
    /// which tells whether the bytes there are those of the id, or but for one bit.
    fn id_at(&self, offset: u32) -> Option<Id> {
        let key = self.index()?.key_at(offset).ok()??;
        let mut window = self.window();
        window.stay_below(self.end());
        let there = Frame::unchecked_id(window.get(offset.into(), FRAME_FIXED_LEN).ok()?)?;
        let nearly = (0..128).map(|bit| Id(there.0 ^ 1 << bit));
        std::iter::once(there).chain(nearly).find(|id| id_filter_key(*id) == key)
    }

    /// The newest event of an entity in this segment.
    pub fn newest_of(&self, entity: &str) -> Result<Option<Newest>> {
        {
            let table = self.read_table();
            let head = table.number(entity).and_then(|number| table.head(number));
            if let Some(EntityHead { link, slot, .. }) = head {
                return Ok(Some(Newest { link, offset: table.slot(slot).offset }));
            }
        }
        self.newest_in_index(entity)
    }

    /// The newest event of an entity in the part of this segment that the index covers.
    pub fn newest_in_index(&self, entity: &str) -> Result<Option<Newest>> {
        let last = self.on_index(|index| match index.find_entity(entity)? {
            Some(name) => {
                index.posting(name.first_posting.saturating_add(name.postings - 1)).map(Some)
            }
            None => Ok(None),
        })?;
        let Some(offset) = last.flatten() else { return Ok(None) };
        let mut window = self.window();
        let frame = self.frame_at(&mut window, offset.into())?;
        Ok(Some(Newest { link: Link::of(&frame), offset }))
    }

    /// The event at an offset, if it is this entity's.
    pub fn newest_at(&self, entity: &str, offset: u32) -> Result<Option<Newest>> {
        let mut window = Window::short(self.file.clone(), self.path.clone());
        let frame = self.frame_at(&mut window, offset.into())?;
        let is_ours = match frame.entity.spelled {
            Some(text) => text == entity,
            None => &*self.string(frame.entity.number)? == entity,
        };
        Ok(is_ours.then(|| Newest { link: Link::of(&frame), offset }))
    }

    /// The offset of the entity's event before the one at `offset`, where it is in this segment.
    pub fn before(&self, entity: &str, offset: u32) -> Result<Option<u32>> {
        if let Some(Some(before)) = self.read_table().before(offset) {
            return Ok(Some(before));
        }
        let before = self.on_index(|index| match index.find_entity(entity)? {
            Some(name) => index.posting_before(name.postings_range(), offset),
            None => Ok(None),
        })?;
        Ok(before.flatten())
    }

    pub fn window(&self) -> Window {
        Window::new(self.file.clone(), self.path.clone())
    }

    /// Says that the frame at `offset` will be asked for soon.
    pub fn prefetch(&self, offset: u64) {
        self.file.prefetch(offset, SMALL_READ);
    }

    /// Reads and checks the frame at `offset`.
    pub fn frame_at<'w>(&self, window: &'w mut Window, offset: u64) -> Result<Frame<'w>> {
        self.sized_frame_at(window, offset).map(|(frame, _)| frame).map_err(|e| self.identify(e))
    }

    /// The frame at `offset` with its length.
    #[inline(always)]
    fn sized_frame_at<'w>(&self, window: &'w mut Window, offset: u64) -> Result<(Frame<'w>, u64)> {
        let bytes = self.frame_bytes(window, offset)?;
        let length = bytes.len() as u64;
        let frame =
            Frame::decode(&self.header, offset, bytes).map_err(|why| self.corrupt(offset, why))?;
        Ok((frame, length))
    }

    /// The bytes of the frame at `offset`, as long as it says it is.
    #[inline(always)]
    fn frame_bytes<'w>(&self, window: &'w mut Window, offset: u64) -> Result<&'w [u8]> {
        let end = self.end();
        window.stay_below(end);
        let head = window.get(offset, 8)?;
        let length = if head.len() < 8 { 0 } else { Frame::length(head) };
        if length < FRAME_FIXED_LEN || offset + length as u64 > end {
            return Err(self.corrupt(offset, "the length of the frame is wrong"));
        }
        window.get(offset, length)
    }

    /// The sequence of the event at `offset`.
    pub fn sequence_of(&self, offset: u32) -> Result<u64> {
        if let Some(slot) = self.read_table().slot_at(offset) {
            return Ok(slot.sequence);
        }
        Ok(self.frame_at(&mut self.window(), offset.into())?.sequence)
    }

    /// The bytes of the first frame at or after `at`, where a frame, a batch or the end of the log
    /// is, unchecked; with its offset. None at the end of what is known.
    pub fn next_frame<'w>(
        &self,
        window: &'w mut Window,
        mut at: u64,
    ) -> Result<Option<(u64, &'w [u8])>> {
        let end = self.end();
        // As a rule it is at hand.
        let held = window.held(at, end);
        if held.len() >= FRAME_FIXED_LEN && !held.starts_with(&BATCH_MAGIC) {
            let length = Frame::length(held);
            if (FRAME_FIXED_LEN..=held.len()).contains(&length) {
                return Ok(Some((at, &window.held(at, end)[..length])));
            }
        }
        while at < self.end() {
            // Bytes that pass for a batch header here, magic and checksum, are one.
            window.stay_below(self.end());
            let head = window.get(at, BATCH_HEADER_LEN)?;
            if BatchHeader::decode(&self.header, at, head).is_err() {
                return self.frame_bytes(window, at).map(|bytes| Some((at, bytes)));
            }
            at += BATCH_HEADER_LEN as u64;
        }
        Ok(None)
    }

    /// Visits, in order, the frames whose sequence is above `after`, with their offsets; and as a
    /// rule some before them.
    pub fn walk(
        &self,
        after: u64,
        visit: &mut dyn FnMut(u64, &Frame<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        self.go_on(&mut self.begin_walk(after, false)?, visit)
    }

    /// A walk over everything whose sequence is above `after`, and as a rule over some before;
    /// `mapped`: through a mapping of the file where it is in memory.
    pub fn begin_walk(&self, after: u64, mapped: bool) -> Result<Walk> {
        let window = match mapped {
            true => Window::mapped(self.file.clone(), self.path.clone()),
            false => self.sequential(),
        };
        Ok(Walk::of(window, &self.stretch_above(after)?))
    }

    /// Visits the frames of a walk, in order and up to all that is known now, with their offsets.
    /// Where the visitor breaks, the walk is at the frame at which he did.
    pub fn go_on(
        &self,
        walk: &mut Walk,
        visit: &mut dyn FnMut(u64, &Frame<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        self.walk_to(walk, self.end(), visit).map_err(|e| self.identify(e))
    }

    /// The part of the log that zones of the index are.
    pub fn zones_stretch(&self, zones: Range<usize>) -> Result<Stretch> {
        let stretch = self.on_index(|index| {
            let SparseEntry { offset, batch_offset, .. } = index.zone_start(zones.start)?;
            let end = match zones.end < index.zone_count() {
                true => index.zone_start(zones.end)?.offset.into(),
                false => index.meta.covered_len,
            };
            Ok(Stretch { frame: offset.into(), batch: batch_offset.into(), end })
        })?;
        stretch.ok_or_else(|| Error::corrupt(&self.path, 0, "the index of a zone is gone"))
    }

    /// Visits, in order, the frames of a part of the log, with their offsets.
    pub fn walk_stretch(
        &self,
        stretch: &Stretch,
        visit: &mut dyn FnMut(u64, &Frame<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        self.walk_unidentified(stretch, visit).map_err(|e| self.identify(e))
    }

    fn walk_unidentified(
        &self,
        stretch: &Stretch,
        visit: &mut dyn FnMut(u64, &Frame<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        self.walk_to(&mut Walk::of(self.sequential(), stretch), stretch.end, visit)
    }

    fn walk_to(
        &self,
        walk: &mut Walk,
        end: u64,
        visit: &mut dyn FnMut(u64, &Frame<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        let Walk { window, at, batch_end, .. } = walk;
        loop {
            let until = end.min(*batch_end);
            while *at < until {
                // This one may have the window moved to it, which then has those after it.
                let (frame, length) = self.sized_frame_at(window, *at)?;
                if visit(*at, &frame)?.is_break() {
                    return Ok(Flow::Break(()));
                }
                *at += length;
                if self.walk_held(window, until, at, visit)?.is_break() {
                    return Ok(Flow::Break(()));
                }
            }
            if *batch_end >= end {
                return Ok(Flow::Continue(()));
            }
            let batch = self.batch_at(window, *batch_end)?;
            *at = (*at).max(*batch_end + BATCH_HEADER_LEN as u64);
            *batch_end += batch.total_len();
        }
    }

    /// Visits the frames at `at` that are whole in the window, up to `until`, and moves past them.
    #[inline(always)]
    fn walk_held(
        &self,
        window: &Window,
        until: u64,
        at: &mut u64,
        visit: &mut dyn FnMut(u64, &Frame<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        let (mut bytes, mut frame) = (window.held(*at, until), Frame::default());
        while bytes.len() >= FRAME_FIXED_LEN {
            let Some((here, rest)) = bytes.split_at_checked(Frame::length(bytes)) else { break };
            window.pass(*at);
            frame.decode_into(&self.header, *at, here).map_err(|why| self.corrupt(*at, why))?;
            if visit(*at, &frame)?.is_break() {
                return Ok(Flow::Break(()));
            }
            *at += (bytes.len() - rest.len()) as u64;
            bytes = rest;
        }
        Ok(Flow::Continue(()))
    }

    /// All that is known of the log from a frame on, so that everything above `after` is in it.
    fn stretch_above(&self, after: u64) -> Result<Stretch> {
        let end = self.end();
        {
            let table = self.read_table();
            let in_table =
                table.first_sequence().is_some_and(|first| after.saturating_add(1) >= first);
            if in_table {
                let slot = table.first_above(after);
                let (frame, batch) =
                    slot.map_or((end, end), |s| (s.offset.into(), s.batch_offset.into()));
                return Ok(Stretch { frame, batch, end });
            }
        }
        let entry = self.on_index(|index| index.walk_start(after))?.flatten();
        let (frame, batch) = entry.map_or((0, SEGMENT_HEADER_LEN as u64), |entry| {
            (entry.offset.into(), entry.batch_offset.into())
        });
        Ok(Stretch { frame, batch, end })
    }

    /// Adds to an error about the frame at an offset which event is there.
    pub fn identify(&self, error: Error) -> Error {
        let ours =
            is_damage(&error) && error.sequence == 0 && error.path.as_deref() == Some(&*self.path);
        let Some(offset) = error.offset.filter(|_| ours) else { return error };
        let known = self.read_table().slot_at(offset as u32);
        let id = known.map(|slot| slot.id).or_else(|| self.id_at(offset as u32));
        let sequence = known.map_or_else(|| self.sequence_at(offset), |slot| slot.sequence);
        let message = match id {
            Some(id) => format!("event {id} (sequence {sequence})"),
            None => format!("sequence {sequence}"),
        };
        error.with_event(id.unwrap_or(Id::NONE), sequence).context(message)
    }

    /// The sequence that the frame or batch at `offset` should have, from the batches before; of a
    /// frame in a batch whose header is damaged, that of the batch.
    fn sequence_at(&self, offset: u64) -> u64 {
        let start = self.index().and_then(|index| index.walk_start_before(offset as u32).ok()?);
        let (mut batch_offset, mut next) = (SEGMENT_HEADER_LEN as u64, self.header.first_sequence);
        if let Some(entry) = start {
            (batch_offset, next) = (entry.batch_offset.into(), entry.sequence);
        }
        let mut window = self.window();
        while let Ok(batch) = self.batch_at(&mut window, batch_offset) {
            if batch_offset == offset {
                return batch.first_sequence;
            }
            if offset < batch_offset + batch.total_len() {
                let mut before = 0;
                let stretch = Stretch { frame: 0, batch: batch_offset, end: self.end() };
                let _damage = self.walk_unidentified(&stretch, &mut |at, _| {
                    before += u64::from(at < offset);
                    Ok(if at < offset { Flow::Continue(()) } else { Flow::Break(()) })
                });
                return batch.first_sequence + before;
            }
            batch_offset += batch.total_len();
            next = batch.first_sequence + u64::from(batch.count);
        }
        next
    }

    /// Where a batch begins from which on everything above `after` is, or the end.
    pub fn batch_for_walk(&self, after: u64) -> Result<u64> {
        Ok(self.stretch_above(after)?.batch)
    }

    /// The sequences that this segment declares as lost: first and last of each stretch.
    pub fn losses(&self) -> Result<Vec<(u64, u64)>> {
        let (mut losses, mut window) = (Vec::new(), self.window());
        let (mut at, mut next_sequence) = (SEGMENT_HEADER_LEN as u64, self.header.first_sequence);
        while at < self.end() {
            let batch = self.batch_at(&mut window, at)?;
            if batch.is_loss() {
                losses.push((next_sequence, batch.first_sequence - 1));
            }
            next_sequence = batch.first_sequence + u64::from(batch.count);
            at += batch.total_len();
        }
        Ok(losses)
    }

    /// Reads and checks the header of the batch at `offset`.
    pub fn batch_at(&self, window: &mut Window, offset: u64) -> Result<BatchHeader> {
        window.stay_below(self.end());
        BatchHeader::decode(&self.header, offset, window.get(offset, BATCH_HEADER_LEN)?)
            .map_err(|why| self.corrupt(offset, why))
    }

    /// The number of a string, for readers.
    pub fn find_number(&self, text: &str) -> Result<Option<u32>> {
        if let Some(number) = self.read_table().number(text) {
            return Ok(Some(number));
        }
        self.number_in_index(text)
    }

    /// The number of a string that the index has.
    pub fn number_in_index(&self, text: &str) -> Result<Option<u32>> {
        Ok(self.on_index(|index| index.find_string(text))?.flatten().map(|name| name.number))
    }
}

impl Batches for Segment {
    fn header(&self) -> &SegmentHeader {
        &self.header
    }

    fn sequential(&self) -> Window {
        Window::sequential(self.file.clone(), self.path.clone())
    }

    fn corrupt(&self, offset: u64, why: impl Display) -> Error {
        Error::corrupt(&self.path, offset, why)
    }

    fn extend(&self, offset: u64, body: &[u8]) -> Result<()> {
        let mut table = self.write_table();
        let (mut at, mut tags) = (0, Inputs::default());
        let mut entries: Vec<Entry> = Vec::new();
        while at < body.len() {
            let place = offset + (BATCH_HEADER_LEN + at) as u64;
            let frame = self.frame_in(body, at, place)?;
            for string in frame.spelled() {
                if string.number != table.next_string() {
                    return Err(self.corrupt(place, "a string is numbered out of order"));
                }
                table.add_string(string.spelled.unwrap_or_default());
            }
            // Those that the index has: the table has to know whose events it has.
            for number in [frame.entity.number, frame.scope.number] {
                if table.string(number).is_none() {
                    table.remember_number(&self.string_of_index(number)?, number);
                }
            }
            let text = |number| table.string(number).unwrap_or_default();
            let (entity, scope) = (text(frame.entity.number), text(frame.scope.number));
            tags.push(|out| {
                hash::put_tag_input(&Event { entity, scope, ..frame.event }, out);
            });
            let numbers = (frame.entity.number, frame.scope.number);
            entries.push(Entry::of(&frame, numbers, 0, place, offset));
            at += Frame::length(&body[at..]);
            if entries.len() == TAGS_TOGETHER || at == body.len() {
                lanes::hash_each(tags.iter(), |n, hash| entries[n].tag = hash::tag_in(&hash));
                entries.drain(..).for_each(|entry| table.insert(&entry));
                tags.clear();
            }
        }
        // With the table still held: whoever finds an event in it may read that far.
        self.publish(offset + (BATCH_HEADER_LEN + body.len()) as u64);
        Ok(())
    }

    fn publish(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }
}
