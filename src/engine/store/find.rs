//! Looking up one event in all segments: by id, and the event before of an entity.

use crate::engine::format::hash::Link;
use crate::engine::log::segment::{Found, Segment, Tag};
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::model::event::SYSTEM_ENTITY;
use crate::engine::model::id::{Hash, Id};
use std::sync::Arc;

impl Log {
    /// The event with this id, newest segment first.
    pub fn find_key(&self, key: Id) -> Result<Option<(Arc<Segment>, Found)>> {
        self.segments().find_content(key, None)
    }

    /// As [`Log::find_key`], where as a rule it has the content with this tag.
    pub fn find_content(&self, key: Id, tag: Tag<'_>) -> Result<Option<(Arc<Segment>, Found)>> {
        self.segments().find_content(key, Some(tag))
    }

    /// The head of an entity that has no event in the table of the active segment.
    pub fn older_head(&self, entity: &str) -> Result<Link> {
        let newest = self.segments().newest_outside_of_table(entity)?;
        let genesis = self.identity.genesis_hash;
        // A log without a genesis event is one that begins with it.
        let first = || Link::before_first(entity, 1 + u64::from(genesis != Hash::ZERO), genesis);
        Ok(newest.map_or_else(first, |newest| newest.link))
    }

    /// Hash of the event before the one at `offset` of `segment`, which is the entity's
    /// `version`th; zero where that event was lost.
    pub fn previous_hash(
        &self,
        segment: &Segment,
        entity: &str,
        version: u64,
        offset: u32,
    ) -> Result<Hash> {
        match (version, entity == SYSTEM_ENTITY) {
            (1, true) => return Ok(Hash::ZERO),
            (1, false) | (2, true) => return Ok(self.identity.genesis_hash),
            _ => {}
        }
        // Where events were lost, the one before is not the one that this event was chained to.
        let chained = |before: u64, hash: Hash| {
            if before.checked_add(1) == Some(version) {
                hash
            } else {
                Hash::ZERO
            }
        };
        if let Some(before) = segment.before(entity, offset)? {
            let mut window = segment.window();
            let frame = segment.frame_at(&mut window, before.into())?;
            return Ok(chained(frame.version, frame.event_hash));
        }
        let newest = self.segments().newest_before(entity, segment.header.first_sequence)?;
        Ok(newest.map_or(Hash::ZERO, |newest| chained(newest.link.version, newest.link.hash)))
    }
}
