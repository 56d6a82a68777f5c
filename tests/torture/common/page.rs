//! Pages for tests: rows that own their bytes, as those of the C ABI do.

use fbat::engine::model::content::Content;
use fbat::engine::model::error::Result;
use fbat::engine::model::event::{Columns, Event, Extensions, Source};
use fbat::engine::model::id::Id;
use fbat::engine::platform::watch::Watch;
use fbat::engine::store::query::{PageEnd, Query};
use fbat::engine::store::Store;

/// Reading into pages.
pub trait Pages {
    /// The event of this id as a page of one row; none when there is no such event.
    fn get(&self, id: Id, columns: Columns) -> Result<Option<Page>>;
    /// One page of the events that match. Go on with [`Page::next`] until [`Page::end`].
    fn query(&self, query: &Query) -> Result<Page>;
}

impl Pages for Store {
    fn get(&self, id: Id, columns: Columns) -> Result<Option<Page>> {
        let mut page = Page::default();
        let sequence = self.get_with(id, columns, &mut |event| page.push(event, columns))?;
        Ok(sequence.map(|next| Page { next, end: true, ..page }))
    }

    fn query(&self, query: &Query) -> Result<Page> {
        let mut page = Page::default();
        let PageEnd { next, end } = self.query_with(query, &Watch::default(), &mut |event| {
            page.push(event, query.columns);
            page.arena.len()
        })?;
        Ok(Page { next, end, ..page })
    }
}

/// Rows that a query found, with all their bytes. Outlives the store.
#[derive(Debug, Default)]
pub struct Page {
    arena: Vec<u8>,
    rows: Vec<Row>,
    /// As in [`PageEnd`].
    pub next: u64,
    pub end: bool,
}

/// A part of the arena.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: usize,
    len: usize,
}

/// An event whose slices are in the arena.
#[derive(Debug)]
struct Row {
    /// With every slice empty.
    event: Event<'static>,
    entity: Span,
    scope: Span,
    payload: Span,
    extensions: Span,
    /// Namespace, or the body of a raw provenance.
    source: Span,
}

impl Page {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The event of a row; panics when there is no such row.
    pub fn get(&self, row: usize) -> Event<'_> {
        let row = &self.rows[row];
        let source = match row.event.source {
            Source::None => Source::None,
            Source::Import { event_id, sequence, .. } => {
                Source::Import { namespace: self.text(row.source), event_id, sequence }
            }
            Source::Raw(_) => Source::Raw(self.bytes(row.source)),
        };
        Event {
            entity: self.text(row.entity),
            scope: self.text(row.scope),
            payload: self.bytes(row.payload),
            extensions: Extensions(self.bytes(row.extensions)),
            source,
            ..row.event
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        (0..self.len()).map(|row| self.get(row))
    }

    fn bytes(&self, span: Span) -> &[u8] {
        &self.arena[span.at..span.at + span.len]
    }

    fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    fn add(&mut self, bytes: &[u8]) -> Span {
        let at = self.arena.len();
        self.arena.extend_from_slice(bytes);
        Span { at, len: bytes.len() }
    }

    fn push(&mut self, event: &Event<'_>, columns: Columns) {
        let (source, source_bytes) = match event.source {
            Source::None => (Source::None, &[][..]),
            Source::Import { namespace, event_id, sequence } => {
                (Source::Import { namespace: "", event_id, sequence }, namespace.as_bytes())
            }
            Source::Raw(body) => (Source::Raw(&[]), body),
        };
        let row = Row {
            entity: self.add(event.entity.as_bytes()),
            scope: self.add(event.scope.as_bytes()),
            payload: self.add(if columns.payload { event.payload } else { &[] }),
            extensions: self.add(if columns.extensions { event.extensions.0 } else { &[] }),
            source: self.add(source_bytes),
            event: Event {
                entity: "",
                scope: "",
                payload: &[],
                extensions: Extensions(&[]),
                source,
                content: Content::Hash(event.content_hash()),
                ..*event
            },
        };
        self.rows.push(row);
    }
}
