//! Range-based set reconciliation in the wire format of negentropy, version 1: two peers find out
//! which elements only one of them has, in a few messages. No input or output: what arrives goes
//! in, what is to be sent comes out.
//!
//! The method is Aljoscha Meyer's, "Range-Based Set Reconciliation" (SRDS 2023); the format is
//! Doug Hoyte's, github.com/hoytech/negentropy, docs/negentropy-protocol-v1.md.

use super::set::Sum;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::Hash;
use foldhash::HashSet;
use sha2::{Digest, Sha256};

/// A message has at most so many bytes, unless less is said.
pub const FRAME_MAX: usize = 64 << 10;
/// The least that may be said.
pub const FRAME_MIN: usize = 4096;
/// A session has at most so many round trips.
pub const ROUNDS_MAX: u32 = 64;
/// A session lists at most about so many elements that only this side has.
pub const HAVE_MAX: u64 = 1 << 20;

const VERSION: u8 = 0x61;
const VERSIONS: std::ops::RangeInclusive<u8> = 0x60..=0x6f;
const SKIP: u64 = 0;
const FINGERPRINT: u64 = 1;
const IDS: u64 = 2;
const FINGERPRINT_LEN: usize = 16;
const ID_LEN: usize = 32;

/// Room that is left for the rest of a message that is cut.
const REST_LEN: usize = 200;
/// Fewer elements are listed, more are split.
const LISTED_MAX: u64 = 32;
/// Ranges that are made of one by timestamps, at most, and by elements.
const PARTS_MAX: u64 = 64;
const PARTS: usize = 16;
/// Timestamps are split at multiples of two to this power, or to this and a multiple of `STEP`.
const FINEST: u32 = super::set::BUCKET_BITS;
const STEP: u32 = 4;
/// Where more than one range of so many differs in the first round, all is to be sent.
const DIFFERING_MAX: u64 = 16;

/// An element; as a bound, what is before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element {
    pub timestamp: u64,
    pub id: Hash,
}

impl Element {
    /// After all elements.
    pub const END: Element = Element { timestamp: u64::MAX, id: Hash::ZERO };

    /// Before all elements with this timestamp.
    pub fn at(timestamp: u64) -> Element {
        Element { timestamp, id: Hash::ZERO }
    }
}

/// A set of elements, none of which has the timestamp of the end.
pub trait Elements {
    /// The sum of the ids from one bound on, before another one.
    fn sum(&self, from: &Element, to: &Element) -> Result<Sum>;
    /// The first of the elements there, in order, at most so many.
    fn list(&self, from: &Element, to: &Element, most: usize) -> Result<Vec<Element>>;
    /// The greatest timestamp; 0 where there are none.
    fn greatest(&self) -> u64;
}

/// What comes of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// This is to be sent.
    Send(Vec<u8>),
    /// The session has ended; what was found differs. Only where nothing was cut, and nothing was
    /// lost on the way, that is all: the sums of both sides are to be compared again.
    Done,
    /// So much differs that all is to be sent.
    Stream,
}

/// One side of a session.
pub struct Session<'e> {
    elements: &'e dyn Elements,
    frame_max: usize,
    is_initiator: bool,
    /// Whether it may end with [`Answer::Stream`] after the first round.
    pub gives_up: bool,
    rounds: u32,
    /// The number of ranges in the first message.
    begun_with: u64,
    /// Elements that only this side has, and ids that only the other one has: for the side that
    /// began. An element may be there more than once.
    pub have: Vec<Element>,
    pub need: Vec<Hash>,
}

impl<'e> Session<'e> {
    /// The side that answers. `InvalidArgument` where a message may not even be of the least size.
    pub fn responder(elements: &'e dyn Elements, frame_max: usize) -> Result<Session<'e>> {
        if frame_max < FRAME_MIN {
            let message = format!("messages of {frame_max} bytes; {FRAME_MIN} is the least");
            return Err(Error::invalid(message));
        }
        let (have, need) = (Vec::new(), Vec::new());
        let (is_initiator, gives_up, rounds, begun_with) = (false, true, 0, 0);
        Ok(Session { elements, frame_max, is_initiator, gives_up, rounds, begun_with, have, need })
    }

    /// The side that begins, and its first message.
    pub fn initiator(
        elements: &'e dyn Elements,
        frame_max: usize,
    ) -> Result<(Session<'e>, Vec<u8>)> {
        let responder = Session::responder(elements, frame_max)?;
        let mut session = Session { is_initiator: true, ..responder };
        let (mut out, first, end) = (Message::new(), Bound::default(), Bound::END);
        let all = elements.sum(&first.element, &end.element)?;
        session.begun_with = session.split(&mut out, first, end, &all)?;
        Ok((session, out.bytes))
    }

    /// Takes in a message of the other side. `Corrupt` where it is none: the session has failed.
    pub fn take(&mut self, message: &[u8]) -> Result<Answer> {
        self.rounds += 1;
        match message.first() {
            Some(&VERSION) => {}
            Some(other) if VERSIONS.contains(other) && !self.is_initiator => {
                return Ok(Answer::Send(vec![VERSION]));
            }
            _ => return Err(bad("not of version 1")),
        }
        if self.is_initiator && self.rounds > ROUNDS_MAX {
            return Ok(Answer::Stream);
        }
        let mut exchange = Exchange {
            input: Input { rest: &message[1..], timestamp: 0 },
            out: Message::new(),
            lower: Bound::default(),
            written: Bound::default(),
            skipping: false,
            differing: 0,
        };
        while !exchange.input.rest.is_empty() {
            match self.range(&mut exchange)? {
                Some(Answer::Stream) => return Ok(Answer::Stream),
                Some(_) => break,
                None => {}
            }
        }
        let begun_with = self.begun_with * PARTS as u64;
        let much = exchange.differing * DIFFERING_MAX > begun_with && exchange.differing > 64;
        if self.is_initiator && self.rounds == 1 && self.gives_up && much {
            return Ok(Answer::Stream);
        }
        match self.is_initiator && exchange.out.bytes.len() == 1 {
            true => Ok(Answer::Done),
            false => Ok(Answer::Send(exchange.out.bytes)),
        }
    }

    /// Takes in one range. Something where the message ends with what was written.
    fn range(&mut self, exchange: &mut Exchange<'_>) -> Result<Option<Answer>> {
        let upper = exchange.input.bound()?;
        let lower = exchange.lower;
        if upper.element < lower.element {
            return Err(bad("its ranges are out of order"));
        }
        let (mut part, mut end, mut cut) = (exchange.out.next(), upper, false);
        match exchange.input.number()? {
            SKIP => exchange.skipping = true,
            FINGERPRINT => {
                let theirs = exchange.input.bytes(FINGERPRINT_LEN)?;
                let ours = self.elements.sum(&lower.element, &upper.element)?;
                if fingerprint(&ours) == *theirs {
                    exchange.skipping = true;
                } else {
                    exchange.differing += 1;
                    part.skip(&mut exchange.skipping, lower);
                    self.split(&mut part, lower, upper, &ours)?;
                }
            }
            IDS => {
                let count = usize::try_from(exchange.input.number()?).unwrap_or(usize::MAX);
                let length = count.checked_mul(ID_LEN).ok_or_else(|| bad("too many ids"))?;
                let ids = exchange.input.bytes(length)?;
                if self.is_initiator {
                    exchange.differing += 1;
                    exchange.skipping = true;
                    if !self.compare(lower, upper, ids)? {
                        return Ok(Some(Answer::Stream));
                    }
                } else {
                    part.skip(&mut exchange.skipping, lower);
                    let used = exchange.out.bytes.len() + part.bytes.len();
                    let room = (self.frame_max - REST_LEN).saturating_sub(used) / ID_LEN;
                    (end, cut) = self.list(&mut part, lower, upper, room)?;
                }
            }
            _ => return Err(bad("a range of an unknown mode")),
        }
        if !cut && exchange.out.bytes.len() + part.bytes.len() > self.frame_max - REST_LEN {
            cut = true;
        } else if !part.bytes.is_empty() {
            exchange.out.append(part);
            exchange.written = end;
        }
        exchange.lower = upper;
        if cut {
            // From the last bound that the other side will see.
            let rest = self.elements.sum(&exchange.written.element, &Element::END)?;
            exchange.out.fingerprint(Bound::END, &rest);
            return Ok(Some(Answer::Done));
        }
        Ok(None)
    }

    /// Notes what only one side has of a range, of which the other side has these ids. False where
    /// that is too much.
    fn compare(&mut self, lower: Bound, upper: Bound, ids: &[u8]) -> Result<bool> {
        let (from, to) = (&lower.element, &upper.element);
        let mut theirs: HashSet<&[u8]> = ids.chunks_exact(ID_LEN).collect();
        let ours = self.elements.sum(from, to)?.count;
        if self.have.len() as u64 + ours > HAVE_MAX {
            return Ok(false);
        }
        for element in self.elements.list(from, to, ours as usize)? {
            if !theirs.remove(&element.id.0[..]) {
                self.have.push(element);
            }
        }
        let ids = ids.chunks_exact(ID_LEN).filter(|id| theirs.remove(*id));
        self.need.extend(ids.filter_map(|id| id.first_chunk().map(|id| Hash(*id))));
        Ok(true)
    }

    /// Writes the ids of a range, as far as there is room: where they end, and whether that is
    /// before the end of the range.
    fn list(
        &self,
        part: &mut Message,
        lower: Bound,
        upper: Bound,
        room: usize,
    ) -> Result<(Bound, bool)> {
        let mut ours = self.elements.list(&lower.element, &upper.element, room + 1)?;
        let (end, cut) = match ours.get(room) {
            Some(next) => (Bound { element: *next, length: ID_LEN }, true),
            None => (upper, false),
        };
        ours.truncate(room);
        part.ids(end, &ours);
        Ok((end, cut))
    }

    /// Writes a range that differs in parts, or its ids where they are few. How many parts.
    fn split(&self, part: &mut Message, lower: Bound, upper: Bound, sum: &Sum) -> Result<u64> {
        let (from, to) = (&lower.element, &upper.element);
        if sum.count < LISTED_MAX {
            part.ids(upper, &self.elements.list(from, to, sum.count as usize)?);
            return Ok(1);
        }
        let (first, last) = (from.timestamp, self.elements.greatest().min(to.timestamp));
        let parts_of = |bits: u32| (last >> bits).saturating_sub(first >> bits) + 1;
        let mut bits = FINEST;
        while parts_of(bits) > PARTS_MAX {
            bits += STEP;
        }
        let mut bounds: Vec<Bound> =
            ((first >> bits) + 1..=last >> bits).map(|at| Bound::at(at << bits)).collect();
        bounds.retain(|bound| *from < bound.element && bound.element < *to);
        if bounds.is_empty() {
            return self.split_evenly(part, lower, upper, sum.count);
        }
        bounds.push(upper);
        let mut from = lower;
        for bound in &bounds {
            let sum = self.elements.sum(&from.element, &bound.element)?;
            match sum.count {
                0 => part.ids(*bound, &[]),
                _ => part.fingerprint(*bound, &sum),
            }
            from = *bound;
        }
        Ok(bounds.len() as u64)
    }

    /// Writes a range in parts of as many elements each.
    fn split_evenly(
        &self,
        part: &mut Message,
        lower: Bound,
        upper: Bound,
        count: u64,
    ) -> Result<u64> {
        let all = self.elements.list(&lower.element, &upper.element, count as usize)?;
        let mut parts = all.chunks(all.len().div_ceil(PARTS)).peekable();
        let mut written = 0;
        while let Some(elements) = parts.next() {
            let mut sum = Sum::default();
            elements.iter().for_each(|element| sum.add(&Sum::of(&element.id)));
            let last = &elements[elements.len() - 1];
            let bound = parts.peek().map_or(upper, |next| Bound::between(last, &next[0]));
            part.fingerprint(bound, &sum);
            written += 1;
        }
        Ok(written)
    }
}

/// The first bytes of the SHA-256 of sum and count.
fn fingerprint(sum: &Sum) -> [u8; FINGERPRINT_LEN] {
    let mut input = sum.fingerprint().0.to_vec();
    put_number(&mut input, sum.count);
    let mut out = [0; FINGERPRINT_LEN];
    out.copy_from_slice(&Sha256::digest(&input)[..FINGERPRINT_LEN]);
    out
}

fn bad(why: &str) -> Error {
    Error::new(Code::Corrupt, format!("a message of a reconciliation: {why}"))
}

/// A message that is taken in, and its answer as far as it is written.
struct Exchange<'m> {
    input: Input<'m>,
    out: Message,
    /// Where the range begins that is read next.
    lower: Bound,
    /// The last bound that was written.
    written: Bound,
    /// Ranges that are equal come before the next part.
    skipping: bool,
    /// Ranges that are not.
    differing: u64,
}

/// A bound as it is written: an element of which only the front of the id is.
#[derive(Clone, Copy, Debug, Default)]
struct Bound {
    element: Element,
    length: usize,
}

impl Bound {
    const END: Bound = Bound { element: Element::END, length: 0 };

    fn at(timestamp: u64) -> Bound {
        Bound { element: Element::at(timestamp), length: 0 }
    }

    /// The shortest one between two elements that follow each other.
    fn between(before: &Element, after: &Element) -> Bound {
        if before.timestamp != after.timestamp {
            return Bound::at(after.timestamp);
        }
        let same = before.id.0.iter().zip(&after.id.0).take_while(|(a, b)| a == b).count();
        let length = (same + 1).min(ID_LEN);
        let mut id = Hash::ZERO;
        id.0[..length].copy_from_slice(&after.id.0[..length]);
        Bound { element: Element { timestamp: after.timestamp, id }, length }
    }
}

/// A message, or a part of one.
struct Message {
    bytes: Vec<u8>,
    /// The timestamp of the last bound.
    timestamp: u64,
}

impl Message {
    fn new() -> Message {
        Message { bytes: vec![VERSION], timestamp: 0 }
    }

    /// A part that follows it.
    fn next(&self) -> Message {
        Message { bytes: Vec::new(), timestamp: self.timestamp }
    }

    fn append(&mut self, part: Message) {
        self.bytes.extend_from_slice(&part.bytes);
        self.timestamp = part.timestamp;
    }

    fn bound(&mut self, Bound { element, length }: Bound) {
        match element.timestamp {
            u64::MAX => put_number(&mut self.bytes, 0),
            timestamp => {
                put_number(&mut self.bytes, timestamp - self.timestamp + 1);
                self.timestamp = timestamp;
            }
        }
        put_number(&mut self.bytes, length as u64);
        self.bytes.extend_from_slice(&element.id.0[..length]);
    }

    /// What is equal up to here, if there is something.
    fn skip(&mut self, skipping: &mut bool, to: Bound) {
        if std::mem::take(skipping) {
            self.bound(to);
            put_number(&mut self.bytes, SKIP);
        }
    }

    fn fingerprint(&mut self, to: Bound, sum: &Sum) {
        self.bound(to);
        put_number(&mut self.bytes, FINGERPRINT);
        self.bytes.extend_from_slice(&fingerprint(sum));
    }

    fn ids(&mut self, to: Bound, elements: &[Element]) {
        self.bound(to);
        put_number(&mut self.bytes, IDS);
        put_number(&mut self.bytes, elements.len() as u64);
        elements.iter().for_each(|element| self.bytes.extend_from_slice(&element.id.0));
    }
}

/// A message that is read.
struct Input<'m> {
    rest: &'m [u8],
    timestamp: u64,
}

impl<'m> Input<'m> {
    fn bytes(&mut self, length: usize) -> Result<&'m [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| bad("cut short"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Groups of seven bits, most significant first.
    fn number(&mut self) -> Result<u64> {
        let mut value = 0u64;
        loop {
            let byte = self.bytes(1)?[0];
            if value >> 57 != 0 {
                return Err(bad("a number of more than 64 bits"));
            }
            value = value << 7 | u64::from(byte & 0x7f);
            if byte < 0x80 {
                return Ok(value);
            }
        }
    }

    fn bound(&mut self) -> Result<Bound> {
        let timestamp = match self.number()? {
            0 => u64::MAX,
            more => self.timestamp.saturating_add(more - 1),
        };
        self.timestamp = timestamp;
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if length > ID_LEN {
            return Err(bad("an id of more than 32 bytes"));
        }
        let mut id = Hash::ZERO;
        id.0[..length].copy_from_slice(self.bytes(length)?);
        Ok(Bound { element: Element { timestamp, id }, length })
    }
}

fn put_number(out: &mut Vec<u8>, value: u64) {
    let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        out.push((value >> (7 * group)) as u8 & 0x7f | more);
    }
}
