//! What becomes of an event: whether the destination has it, and under which id it comes if not.
//!
//! An event has up to three places, by id: its own, where it was first appended to the destination;
//! the key of its name; and, where its name exists with other content, one of name and content.

use super::chunk::{conflict, Admitted};
use super::foreseen::Foreseen;
use super::known::KnownEvents;
use super::naming::Name;
use super::OnConflict;
use crate::engine::format::hash;
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::model::event::Event;
use crate::engine::model::id::Id;
use crate::engine::model::key::conflict_key;
use crate::engine::store::scan::Strings;
use std::cell::LazyCell;

/// What becomes of an event that the filter keeps.
pub enum Fate {
    Admitted(Admitted),
    Duplicate,
    Reimported,
    Conflict,
}

/// Looks up what `known` is to know of the destination; without it, that is left to the commit,
/// unless the event may be in several places.
pub fn fate(
    destination: &Log,
    known: Option<&mut KnownEvents>,
    event: &Event<'_>,
    name: &mut Name<'_>,
    on_conflict: OnConflict,
) -> Result<Fate> {
    let admitted = match name.is_own {
        true => Admitted::Restored(name.event_id),
        false => Admitted::New(name.key()),
    };
    let known = match known {
        None if name.may_be_elsewhere => {
            return fate_anywhere((destination, None), event, name, on_conflict)
        }
        None => return Ok(Fate::Admitted(admitted)),
        Some(known) => known,
    };
    match known.find(destination, admitted.id(), event)? {
        // The key of a name is that of no other. So it ends the search as a rule, and what comes in
        // the order of the log is read on there.
        Some(true) if !name.is_own => Ok(Fate::Duplicate),
        _ if name.may_be_elsewhere => {
            fate_anywhere((destination, known.foreseen.as_ref()), event, name, on_conflict)
        }
        None => Ok(Fate::Admitted(admitted)),
        Some(true) => Ok(Fate::Reimported),
        Some(false) => {
            let key = conflict_key(name.namespace, name.event_id, event.content_hash());
            let kept = known.find(destination, key, event)?;
            contradicted(event, admitted.id(), key, kept, on_conflict)
        }
    }
}

/// What becomes of an event whose name exists with other content, at `id`. `kept`: whether its
/// place of name and content is taken, and if so, with its content.
fn contradicted(
    event: &Event<'_>,
    id: Id,
    key: Id,
    kept: Option<bool>,
    on_conflict: OnConflict,
) -> Result<Fate> {
    match (on_conflict, kept) {
        (_, Some(true)) => Ok(Fate::Duplicate),
        (OnConflict::Fail, _) => Err(conflict(event.id, event.sequence, id)),
        (OnConflict::Keep, None) => Ok(Fate::Admitted(Admitted::Conflict { id: key, beside: id })),
        (OnConflict::Keep, Some(false)) | (OnConflict::Skip, _) => Ok(Fate::Conflict),
    }
}

/// As [`fate`], where an event is not always in the first place that is free: all are looked at,
/// and whose event is there.
fn fate_anywhere(
    destination: (&Log, Option<&Foreseen>),
    event: &Event<'_>,
    name: &mut Name<'_>,
    on_conflict: OnConflict,
) -> Result<Fate> {
    let own = name.is_own.then_some(Admitted::Restored(name.event_id));
    let (mut free, mut taken) = (None, None);
    for place in own.into_iter().chain([Admitted::New(name.key())]) {
        match there(destination, place.id(), event, name)? {
            There::Nothing => free = free.or(Some(place)),
            There::Event if name.is_own => return Ok(Fate::Reimported),
            There::Event => return Ok(Fate::Duplicate),
            There::OtherContent => taken = Some(place.id()),
            There::OtherName => {}
        }
    }
    let key = conflict_key(name.namespace, name.event_id, event.content_hash());
    let kept = match there(destination, key, event, name)? {
        There::Event => return Ok(Fate::Duplicate),
        There::Nothing => None,
        There::OtherContent | There::OtherName => Some(false),
    };
    match (taken, free) {
        (None, Some(place)) => Ok(Fate::Admitted(place)),
        (taken, _) => contradicted(event, taken.unwrap_or(key), key, kept, on_conflict),
    }
}

enum There {
    Nothing,
    Event,
    OtherContent,
    OtherName,
}

impl There {
    fn of(same_name: bool, same_content: bool) -> There {
        match (same_name, same_content) {
            (false, _) => There::OtherName,
            (true, true) => There::Event,
            (true, false) => There::OtherContent,
        }
    }
}

/// What the destination has under an id, compared with an event of the source.
fn there(
    (destination, foreseen): (&Log, Option<&Foreseen>),
    id: Id,
    event: &Event<'_>,
    name: &mut Name<'_>,
) -> Result<There> {
    let tag = LazyCell::new(|| hash::tag_of(event));
    let Some((segment, found)) = destination.find_content(id, &|| *tag)? else {
        let brought = foreseen.map_or(Ok(None), |foreseen| foreseen.find(id))?;
        return Ok(brought.map_or(There::Nothing, |brought| {
            There::of(brought.name == name.key(), brought.tag == *tag)
        }));
    };
    let mut window = segment.window();
    let frame = segment.frame_at(&mut window, found.offset.into())?;
    let mut strings = Strings::new(segment.clone());
    let here = strings.event(&frame, None)?;
    let same_name = destination.is_named(&here, name.namespace, name.event_id)?;
    Ok(There::of(same_name, found.tag == *tag))
}
