//! The store ids that a log declares beside what its identity file says, and giving a copy its own.

use super::item::Item;
use super::scan::Scan;
use super::Store;
use crate::engine::format::identity::{Change, Identity};
use crate::engine::format::system;
use crate::engine::log::directory;
use crate::engine::log::options::random_id;
use crate::engine::log::segment::Flow;
use crate::engine::log::state::Log;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::{Event, NewEvent, SYSTEM_ENTITY, SYSTEM_SCOPE};
use crate::engine::model::id::{Id, Kind};
use crate::engine::model::region::Region;
use std::sync::atomic::Ordering;

/// Compares, event by event, what a log says of store ids with what an identity file says.
pub struct Declared<'a> {
    identity: &'a Identity,
    /// Changes that the log has declared.
    seen: usize,
    /// The last event that was met.
    last_sequence: u64,
}

impl<'a> Declared<'a> {
    /// From the start of the log.
    pub fn new(identity: &'a Identity) -> Declared<'a> {
        Declared { identity, seen: 0, last_sequence: 0 }
    }

    /// The next event. The first one under a store id, except gaps, is the one that names it.
    pub fn meet(
        &mut self,
        sequence: u64,
        kind: Kind,
        payload: &[u8],
    ) -> std::result::Result<(), &'static str> {
        if kind == Kind::GAP {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.last_sequence, sequence);
        if kind != Kind::IDENTITY {
            return Ok(());
        }
        let named = system::new_identity(payload);
        let changes = self.identity.changes.get(self.seen..).unwrap_or_default();
        let left_out =
            changes.iter().take_while(|c| self.may_be_left_out(c) && named != Some(**c)).count();
        let change = changes.get(left_out);
        self.seen += left_out + 1;
        let holds = change.is_some_and(|change| {
            before < change.first_sequence
                && change.first_sequence <= sequence
                && named == Some(*change)
        });
        if holds {
            Ok(())
        } else {
            Err("the event names a store id, and the identity file says otherwise")
        }
    }

    /// Whether the event that named a store id may be among what a repair left out.
    fn may_be_left_out(&self, change: &Change) -> bool {
        change.first_sequence <= self.identity.repaired_through
    }

    /// After the last event. The event of the newest store id may still be to come.
    pub fn finish(&self) -> std::result::Result<(), &'static str> {
        let mut rest = self.identity.changes.iter().skip(self.seen);
        match rest.find(|change| !self.may_be_left_out(change)) {
            Some(change) if change.first_sequence <= self.last_sequence => {
                Err("the identity file names a store id that the log does not declare")
            }
            _ => Ok(()),
        }
    }
}

impl Log {
    /// Declares the newest store id in the log, unless it has been declared. The identity file,
    /// which is on disk, comes first: a crash in between leaves this to the next writer.
    pub fn declare_identity(&self, identity: &Identity) -> Result<()> {
        let Some((at, newest)) = identity.changes.iter().enumerate().next_back() else {
            return Ok(());
        };
        let visible = self.visible.load(Ordering::Acquire);
        let corrupt = |why| Error::corrupt(&self.dir.file(directory::IDENTITY), 0, why);
        if newest.first_sequence > visible + 1 {
            return Err(corrupt("the newest store id begins after the end of the log"));
        }
        let mut declared =
            Declared { identity, seen: at, last_sequence: newest.first_sequence - 1 };
        let mut agrees = Ok(());
        let region = Region::default();
        let scan = Scan {
            region: &region,
            after: newest.first_sequence - 1,
            until: visible,
            backward: false,
            system: true,
            previous_hash: false,
            rehash: false,
        };
        self.scan(&scan, &mut |event: &Event<'_>| {
            agrees = declared.meet(event.sequence, event.kind, event.payload);
            Ok(if event.kind == Kind::GAP { Flow::Continue(()) } else { Flow::Break(()) })
        })?;
        agrees.and(declared.finish()).map_err(corrupt)?;
        // Where others follow in its place, a repair has left its event out.
        if declared.seen == at && declared.last_sequence < newest.first_sequence {
            let payload = system::identity_payload(identity, at);
            self.commit_now(&[system_item(Kind::IDENTITY, &payload)], None)?;
            self.sync_visible()?;
        }
        Ok(())
    }
}

/// An event of the library's own.
pub fn system_item(kind: Kind, payload: &[u8]) -> Item<'_> {
    let event = NewEvent {
        entity: SYSTEM_ENTITY,
        scope: SYSTEM_SCOPE,
        kind,
        payload,
        ..NewEvent::default()
    };
    Item::of_event(&event, &[])
}

impl Store {
    /// Gives the store, which was opened just now for this, a new id, and closes it.
    pub(crate) fn change_identity(self) -> Result<Id> {
        let store = &*self.0;
        store.settle()?;
        // What is below the sequence that the file will name must not be lost afterwards.
        let first_sequence = store.sync_for_copy()? + 1;
        let store_id = random_id(&store.options);
        let identity = store.identity.clone().renamed(store_id, first_sequence)?;
        store.dir.write_identity(&identity)?;
        store.declare_identity(&identity)?;
        self.close()?;
        Ok(store_id)
    }
}
