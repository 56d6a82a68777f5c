//! Events by the name of their origin, and those that have one name with different contents.

use super::query::check_page_rows;
use super::scan::Scan;
use super::Store;
use crate::engine::format::identity::Change;
use crate::engine::format::system::{self, ConflictIds};
use crate::engine::log::segment::Flow;
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::model::event::{Columns, Event};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::key::{check_namespace, native_namespace, ImportKeys};
use crate::engine::model::limits::{PAGE_BYTES_MAX, PAGE_ROWS_MAX};
use crate::engine::model::region::{KindRange, Region};

/// One of two events that have one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Place {
    pub id: Id,
    /// 0 where the event was lost.
    pub sequence: u64,
    pub content_hash: Hash,
}

/// Two contents of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Of the library's own event that says so.
    pub sequence: u64,
    pub namespace: String,
    pub event_id: Id,
    /// The one that was here first.
    pub first: Place,
    /// The one that was kept beside it.
    pub kept: Place,
}

impl Log {
    /// Whether the origin of one of this store's events is this name.
    pub fn is_named(&self, event: &Event<'_>, namespace: &str, id: Id) -> Result<bool> {
        Ok(match event.imported_from()? {
            Some((of, of_id)) => of == namespace && of_id == id,
            None => {
                let native = native_namespace(self.identity.store_id_at(event.sequence));
                native == namespace && event.id == id
            }
        })
    }

    /// The ids of the events that were kept under a name, beside the first.
    fn kept_under(&self, namespace: &str, event_id: Id) -> Result<Vec<Id>> {
        let mut kept = Vec::new();
        // A repair may have left out a number.
        if self.identity.repaired_through > 0 {
            let until = self.current_frontier().visible;
            self.each_conflict(0, until, &mut |_, of, ids| {
                let is_named = of == namespace && ids.event_id == event_id;
                kept.extend(is_named.then_some(ids.kept));
                Flow::Continue(())
            })?;
            return Ok(kept);
        }
        for number in 0.. {
            let id = system::conflict_id(namespace, event_id, number);
            let Some((segment, found)) = self.find_key(id)? else { break };
            let mut window = segment.window();
            let frame = segment.frame_at(&mut window, found.offset.into())?;
            // A caller may have computed the id, and used it as a key.
            let record = Some(frame.payload).filter(|_| frame.kind == Kind::CONFLICT);
            kept.extend(record.and_then(system::conflict).map(|(_, ids)| ids.kept));
        }
        Ok(kept)
    }

    /// Visits conflict events after a sequence, in their order.
    fn each_conflict(
        &self,
        after: u64,
        until: u64,
        visit: &mut dyn FnMut(u64, String, ConflictIds) -> Flow,
    ) -> Result<()> {
        let region = Region { kinds: vec![KindRange::exact(Kind::CONFLICT)], ..Region::default() };
        let scan = Scan { after, until, system: true, ..Scan::of(&region) };
        self.scan(&scan, &mut |event: &Event<'_>| {
            Ok(match system::conflict(event.payload) {
                Some((namespace, ids)) => visit(event.sequence, namespace, ids),
                None => Flow::Continue(()),
            })
        })
    }

    /// Where the event with this id is, that a conflict event names.
    fn place_of(&self, id: Id) -> Result<Place> {
        let Some((segment, found)) = self.find_key(id)? else {
            return Ok(Place { id, ..Place::default() });
        };
        let mut window = segment.window();
        let frame = segment.frame_at(&mut window, found.offset.into())?;
        let (sequence, content_hash) = (frame.sequence, frame.content_hash());
        Ok(Place { id, sequence, content_hash })
    }
}

impl Store {
    /// Shows the events whose origin is this name: the one that came first, and those with other
    /// content that were kept beside it, in the order in which they came. `show` answers how many
    /// bytes its rows have by now; false where there are more than a page has.
    pub fn by_origin(
        &self,
        namespace: &str,
        event_id: Id,
        columns: Columns,
        show: &mut dyn FnMut(&Event<'_>) -> usize,
    ) -> Result<bool> {
        check_namespace(namespace)?;
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let is_own = |change: Change| native_namespace(change.store_id) == namespace;
        let own = store.identity.store_ids().any(is_own).then_some(event_id);
        let first = ImportKeys::new(namespace).key(event_id);
        let kept = store.kept_under(namespace, event_id)?;
        let (mut rows, mut bytes, mut is_end) = (0, 0, true);
        for id in own.into_iter().chain([first]).chain(kept) {
            if rows == PAGE_ROWS_MAX || bytes >= PAGE_BYTES_MAX {
                is_end = false;
                break;
            }
            let mut named = Ok(false);
            self.get_with(id, columns, &mut |event| {
                named = store.is_named(event, namespace, event_id);
                if matches!(named, Ok(true)) {
                    (rows, bytes) = (rows + 1, show(event));
                }
            })?;
            named?;
        }
        Ok(is_end)
    }

    /// Names with two contents, in the order in which they were met, from those after a sequence
    /// on; and whether nothing more was there.
    pub fn conflicts(&self, after: u64, page_rows: usize) -> Result<(Vec<Conflict>, bool)> {
        check_page_rows(page_rows)?;
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let until = store.current_frontier().visible;
        let (mut found, mut is_end) = (Vec::new(), true);
        store.each_conflict(after, until, &mut |sequence, namespace, ids| {
            if found.len() == page_rows {
                is_end = false;
                return Flow::Break(());
            }
            found.push((sequence, namespace, ids));
            Flow::Continue(())
        })?;
        let conflict = |(sequence, namespace, ids): (u64, String, ConflictIds)| {
            let (first, kept) = (store.place_of(ids.first)?, store.place_of(ids.kept)?);
            Ok(Conflict { sequence, namespace, event_id: ids.event_id, first, kept })
        };
        Ok((found.into_iter().map(conflict).collect::<Result<_>>()?, is_end))
    }
}
