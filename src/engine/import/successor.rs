//! Reading on in the log of a destination. What was imported in order is met again in order, so
//! the next event is found without asking an index, and known by where it came from: its key, which
//! follows from that, need not be computed.

use super::naming::Name;
use crate::engine::format::frame::Frame;
use crate::engine::log::segment::Segment;
use crate::engine::log::window::Window;
use crate::engine::model::error::Result;
use crate::engine::model::event::Event;
use std::sync::Arc;

/// The place after an event that was found.
pub struct Successor {
    segment: Arc<Segment>,
    texts: Texts,
    window: Window,
    at: u64,
}

impl Successor {
    /// The place after the event at `offset`.
    pub fn after(segment: Arc<Segment>, offset: u32) -> Result<Successor> {
        let mut window = segment.window();
        let found = segment.next_frame(&mut window, offset.into())?;
        let at = found.map_or(offset.into(), |(at, bytes)| at + bytes.len() as u64);
        Ok(Successor { segment, texts: Texts::new(), window, at })
    }

    /// Whether the next event was imported under this name and has this content; if so, the place
    /// moves after it. Equal content needs no checksum.
    pub fn is_next(&mut self, name: &Name<'_>, event: &Event<'_>) -> Result<bool> {
        let Successor { segment, texts, window, .. } = self;
        let Some((at, bytes)) = segment.next_frame(window, self.at)? else { return Ok(false) };
        let next = at + bytes.len() as u64;
        let Some(there) = Frame::unchecked_copy(bytes).filter(|c| c.event_id == name.event_id)
        else {
            return Ok(false);
        };
        if !texts.is(segment, there.namespace, name.namespace)? {
            return Ok(false);
        }
        let same = (there.kind, there.content) == (event.kind, event.content)
            && texts.is(segment, there.entity, event.entity)?
            && texts.is(segment, there.scope, event.scope)?;
        // What seems to have other content may be damaged.
        if !same {
            segment.frame_at(window, at)?;
        }
        self.at = next;
        Ok(same)
    }
}

/// Strings of a segment that were looked up, each in the place that its number has.
struct Texts(Vec<Option<(u32, Arc<str>)>>);

/// So many are kept: a power of two.
const TEXTS: usize = 1024;

impl Texts {
    fn new() -> Texts {
        Texts(vec![None; TEXTS])
    }

    fn is(&mut self, segment: &Segment, number: u32, text: &str) -> Result<bool> {
        let place = &mut self.0[number as usize % TEXTS];
        if let Some((_, there)) = place.as_ref().filter(|(of, _)| *of == number) {
            return Ok(**there == *text);
        }
        let (_, there) = place.insert((number, segment.string(number)?));
        Ok(**there == *text)
    }
}
