//! Reading events: by id, and by region in pages that own their bytes.

use super::scan::{Scan, Visit};
use super::Store;
use crate::engine::format::frame::{Frame, StringRef};
use crate::engine::log::point::Point;
use crate::engine::log::segment::{Flow, Found, Segment};
use crate::engine::log::state::{Importing, Log};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::{Columns, Event};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::limits;
use crate::engine::model::region::Region;
use crate::engine::platform::watch::Watch;
use std::ops::Deref;
use std::sync::Arc;

/// For those who show many rows.
pub use crate::engine::format::lanes::hash_each;

/// The token of a query is looked at after so many events at the latest.
pub(super) const PROGRESS_SEQUENCES: u64 = 4096;

/// Which events to read, and how.
#[derive(Clone, Debug)]
pub struct Query {
    pub region: Region,
    /// Only sequences above this one; 0 for all.
    pub after: u64,
    /// Only sequences up to and with this one; 0 for no bound.
    pub until: u64,
    /// At most so many rows in all, not 0.
    pub limit: u64,
    /// At most so many rows a page, 1 to 65,536.
    pub page_rows: usize,
    /// Highest sequence first.
    pub backward: bool,
    /// System events (kinds of category 0x0) too.
    pub system: bool,
    pub columns: Columns,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            region: Region::default(),
            after: 0,
            until: 0,
            limit: u64::MAX,
            page_rows: 1000,
            backward: false,
            system: false,
            columns: Columns::default(),
        }
    }
}

/// The newest event of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub version: u64,
    pub sequence: u64,
    pub event_id: Id,
    pub event_hash: Hash,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageEnd {
    /// Where to go on: the `after` (forward) or `until` (backward) of the next page.
    pub next: u64,
    /// Nothing more existed when the page was read.
    pub end: bool,
}

/// A page that is being read.
struct Reading<'r, 'w> {
    query: &'r Query,
    until: u64,
    watch: &'r Watch<'w>,
    add: &'r mut dyn FnMut(&Event<'_>) -> usize,
    rows: usize,
    bytes: usize,
    /// The last sequence that was added.
    last: u64,
    end: PageEnd,
}

impl Visit for Reading<'_, '_> {
    fn pass(&mut self, sequence: u64) -> Result<()> {
        self.watch.reach(match self.query.backward {
            true => self.until.saturating_sub(sequence),
            false => sequence.saturating_sub(self.query.after),
        })
    }

    fn maps(&self) -> bool {
        true
    }

    fn show(&mut self, event: &Event<'_>) -> Result<Flow> {
        if self.rows == self.query.page_rows || self.bytes >= limits::PAGE_BYTES_MAX {
            self.end = PageEnd { next: self.resume(), end: false };
            return Ok(Flow::Break(()));
        }
        self.bytes = (self.add)(event);
        (self.rows, self.last) = (self.rows + 1, event.sequence);
        if self.rows as u64 == self.query.limit {
            self.end = PageEnd { next: self.resume(), end: true };
            return Ok(Flow::Break(()));
        }
        Ok(Flow::Continue(()))
    }
}

impl Reading<'_, '_> {
    /// Where to go on after the last row.
    fn resume(&self) -> u64 {
        self.last - u64::from(self.query.backward)
    }
}

impl Query {
    /// Refuses a size of pages or a region that can't be meant.
    pub fn check(&self) -> Result<()> {
        check_page_rows(self.page_rows)?;
        self.region.check()
    }
}

/// Refuses a size of pages that is out of range.
pub(crate) fn check_page_rows(rows: usize) -> Result<()> {
    let max = limits::PAGE_ROWS_MAX;
    if rows == 0 || rows > max {
        let message = format!("page_rows is {rows}; 1 to {max} are allowed");
        return Err(Error::invalid(message).with_numbers(rows as u64, max as u64));
    }
    Ok(())
}

/// A string of an event: its frame spells it, or the segment knows it.
enum Text<'f> {
    Spelled(&'f str),
    Known(Arc<str>),
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Text::Spelled(text) => text,
            Text::Known(text) => text,
        }
    }
}

impl Log {
    /// Shows the event of a frame to `show`; its sequence, or none when it is not visible yet.
    fn show_frame<'f>(
        &self,
        segment: &Segment,
        offset: u32,
        frame: &Frame<'f>,
        columns: Columns,
        show: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Option<u64>> {
        if frame.sequence > self.current_frontier().visible {
            return Ok(None);
        }
        let text = |string: Option<StringRef<'f>>| match string {
            None => Ok(Text::Spelled("")),
            Some(StringRef { spelled: Some(text), .. }) => Ok(Text::Spelled(text)),
            Some(StringRef { number, .. }) => segment.string(number).map(Text::Known),
        };
        let [entity, scope, namespace] =
            [text(Some(frame.entity))?, text(Some(frame.scope))?, text(frame.namespace)?];
        let mut event = frame.with_strings(&entity, &scope, &namespace);
        if columns.previous_hash {
            let previous = self.previous_hash(segment, event.entity, event.version, offset)?;
            event.previous_hash = Some(previous);
        }
        show(&event);
        Ok(Some(event.sequence))
    }
}

impl Store {
    /// Shows the event of this id to `show`; its sequence, or none when there is no such event. The
    /// payload and the extensions are there whatever the columns are.
    pub fn get_with(
        &self,
        id: Id,
        columns: Columns,
        show: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Option<u64>> {
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let mut point = Point::default();
        let Some((segment, offset)) = store.segments().find_point(id, &mut point)? else {
            return Ok(None);
        };
        if let Some(frame) = segment.point_frame(&point, offset).filter(|frame| frame.id == id) {
            return store.show_frame(&segment, offset, &frame, columns, show);
        }
        // Where the bytes are damaged, or an index that was believed: whoever checks all says what.
        let Some((segment, Found { offset, .. })) = store.find_key(id)? else { return Ok(None) };
        let mut window = segment.window();
        let frame = segment.frame_at(&mut window, offset.into())?;
        if frame.id != id {
            let why = format!("not event {id}, as the index says");
            return Err(Error::corrupt(&segment.path, offset.into(), why)
                .with_event(frame.id, frame.sequence));
        }
        store.show_frame(&segment, offset, &frame, columns, show)
    }

    /// Shows one page of the events that match to `add`, which answers how many bytes its rows have
    /// by now. Go on from [`PageEnd::next`] until [`PageEnd::end`]. The payload and the extensions
    /// are there whatever the columns are.
    pub fn query_with(
        &self,
        query: &Query,
        watch: &Watch<'_>,
        add: &mut dyn FnMut(&Event<'_>) -> usize,
    ) -> Result<PageEnd> {
        let _busy = watch.tells().then(|| Importing::new(&self.0));
        let store = &*self.0;
        query.check()?;
        store.check_open()?;
        store.refresh()?;
        let visible = store.current_frontier().visible;
        let until = if query.until == 0 { visible } else { query.until.min(visible) };
        let scan = Scan {
            region: &query.region,
            after: query.after,
            until,
            backward: query.backward,
            system: query.system,
            previous_hash: query.columns.previous_hash,
            rehash: false,
        };
        let next = if query.backward { 0 } else { query.after.max(until) };
        let end = PageEnd { next, end: true };
        if query.after >= until {
            return Ok(end);
        }
        watch.begin(until - query.after, PROGRESS_SEQUENCES)?;
        let mut reading = Reading { query, until, watch, add, rows: 0, bytes: 0, last: 0, end };
        store.scan(&scan, &mut reading)?;
        if reading.end.end {
            watch.finish()?;
        }
        Ok(reading.end)
    }

    /// The newest event of an entity; none where it has no events.
    pub fn head(&self, entity: &str) -> Result<Option<Head>> {
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let Some((segment, newest)) = store.segments().newest(entity)? else { return Ok(None) };
        let mut window = segment.window();
        let frame = segment.frame_at(&mut window, newest.offset.into())?;
        Ok(Some(Head {
            version: frame.version,
            sequence: frame.sequence,
            event_id: frame.id,
            event_hash: frame.event_hash,
        }))
    }
}
