//! Looking up one event in all segments: by id, and the event before of an entity.

use crate::engine::index::filter::{entity_filter_key, id_filter_key};
use crate::engine::log::segment::{Found, Segment};
use crate::engine::log::segments::Segments;
use crate::engine::log::state::Inner;
use crate::engine::model::error::Result;
use crate::engine::model::event::SYSTEM_ENTITY;
use crate::engine::model::id::{Hash, Id};
use std::sync::Arc;

/// The newest event of an entity: what its next one builds on.
#[derive(Clone, Copy)]
pub struct Predecessor {
    pub version: u64,
    pub hash: Hash,
}

impl Inner {
    /// The event with this id, newest segment first.
    pub fn find_key(&self, key: Id) -> Result<Option<(Arc<Segment>, Found)>> {
        find_key_in(&self.segments(), key)
    }

    /// The head of an entity that has no event in the table of the active segment.
    pub fn older_head(&self, entity: &str) -> Result<Predecessor> {
        for segment in self.segments().may_have(entity_filter_key(entity)) {
            if let Some(newest) = segment.newest_in_index(entity)? {
                return Ok(Predecessor { version: newest.version, hash: newest.hash });
            }
        }
        // The genesis event is known by its hash, also where it was lost.
        let genesis = self.identity.genesis_hash;
        let version = u64::from(entity == SYSTEM_ENTITY && genesis != Hash::ZERO);
        Ok(Predecessor { version, hash: genesis })
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
        let segments = self.segments();
        let earlier = |s: &&Arc<Segment>| s.header.first_sequence < segment.header.first_sequence;
        for segment in segments.may_have(entity_filter_key(entity)).filter(earlier) {
            if let Some(newest) = segment.newest_of(entity)? {
                return Ok(chained(newest.version, newest.hash));
            }
        }
        Ok(Hash::ZERO)
    }
}

/// The event with this id, newest segment first.
pub fn find_key_in(segments: &Segments, key: Id) -> Result<Option<(Arc<Segment>, Found)>> {
    for segment in segments.may_have(id_filter_key(key)) {
        if let Some(found) = segment.find_id(key)? {
            return Ok(Some((segment.clone(), found)));
        }
    }
    Ok(None)
}
