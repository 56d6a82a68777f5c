//! Identifiers, hashes and kinds: the small values that name events.

use std::fmt;

/// A 128-bit identifier: of an event, a correlation, a cause, an idempotency key or a store.
///
/// Shown as 32 lower-case hex digits, big-endian on every wire. [`Id::NONE`] (zero) means "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

impl Id {
    /// The value that means "no identifier".
    pub const NONE: Id = Id(0);

    /// The identifier whose big-endian bytes are `bytes`.
    pub const fn from_bytes(bytes: [u8; 16]) -> Id {
        Id(u128::from_be_bytes(bytes))
    }

    /// The 16 bytes, most significant first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Whether this is [`Id::NONE`].
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// A UUID version 7 (RFC 9562, section 5.7): 48 bits of `unix_ms`, then `random`.
    pub const fn uuid_v7(unix_ms: u64, random: [u8; 10]) -> Id {
        let r = random;
        let high = ((unix_ms as u128) << 80)
            | (0x7 << 76)
            | ((r[0] as u128 & 0x0f) << 72)
            | ((r[1] as u128) << 64);
        let low = u64::from_be_bytes([r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9]]);
        Id(high | ((low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000) as u128)
    }

    /// Reads 32 hex digits (either case).
    pub fn from_hex(text: &[u8]) -> Option<Id> {
        let mut bytes = [0; 16];
        decode_hex(text, &mut bytes).then(|| Id::from_bytes(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A 256-bit BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(align(8))]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The all-zero hash: what precedes the first event of a store.
    pub const ZERO: Hash = Hash([0; 32]);

    /// Reads 64 hex digits (either case).
    pub fn from_hex(text: &[u8]) -> Option<Hash> {
        let mut bytes = [0; 32];
        decode_hex(text, &mut bytes).then_some(Hash(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What sort of thing an event is: a category in the top 4 bits, a type in the low 12.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Kind(pub u16);

impl Kind {
    /// Sequence 1 of every store; names the store.
    pub const GENESIS: Kind = Kind(0x0001);
    /// A range of sequences that will never be used, declared after an unclean stop.
    pub const GAP: Kind = Kind(0x0002);
    /// What an import examined and brought, and how far it came.
    pub const IMPORT_RUN: Kind = Kind(0x0003);
    /// The store has a new id from here on.
    pub const IDENTITY: Kind = Kind(0x0004);
    /// Which store a namespace of imports stands for.
    pub const NAMESPACE: Kind = Kind(0x0005);
    /// Two logs with one id have different events at one sequence.
    pub const FORK: Kind = Kind(0x0006);
    /// An event was kept beside another of its name, with other content.
    pub const CONFLICT: Kind = Kind(0x0007);

    /// The kind of `category` (0 to 15) and `kind_type` (0 to 4095), or none when out of range.
    pub const fn new(category: u8, kind_type: u16) -> Option<Kind> {
        if category > 0xf || kind_type > 0xfff {
            return None;
        }
        Some(Kind((category as u16) << 12 | kind_type))
    }

    /// The category, 0 to 15.
    pub const fn category(self) -> u8 {
        (self.0 >> 12) as u8
    }

    /// The type within the category, 0 to 4095.
    pub const fn kind_type(self) -> u16 {
        self.0 & 0xfff
    }

    /// Categories 0x0 (system) and 0xD (effect) are the library's: no caller may append them.
    pub const fn is_reserved(self) -> bool {
        matches!(self.category(), 0x0 | 0xD)
    }
}

/// Decodes exactly `out.len()` bytes of hex; false when `text` is anything else.
fn decode_hex(text: &[u8], out: &mut [u8]) -> bool {
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    if text.len() != out.len() * 2 {
        return false;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_v7_carries_version_variant_and_time() {
        let id = Id::uuid_v7(0x0123_4567_89ab, [0xff; 10]);
        assert_eq!(id.to_string(), "0123456789ab7fffbfffffffffffffff");
        assert_eq!(Id::uuid_v7(0, [0; 10]).to_string(), "00000000000070008000000000000000");
    }

    #[test]
    fn hex_round_trips_and_refuses_other_text() {
        let id = Id(0x0123_4567_89ab_cdef);
        assert_eq!(Id::from_hex(id.to_string().as_bytes()), Some(id));
        assert_eq!(Id::from_hex(b"0123"), None);
        assert_eq!(Id::from_hex(&[b'g'; 32]), None);
        assert_eq!(Hash::from_hex(Hash([7; 32]).to_string().as_bytes()), Some(Hash([7; 32])));
    }

    #[test]
    fn kinds_split_into_category_and_type() {
        let kind = Kind::new(0xf, 0x081).unwrap();
        assert_eq!((kind.0, kind.category(), kind.kind_type()), (0xf081, 0xf, 0x081));
        assert_eq!(Kind::new(16, 0), None);
        assert_eq!(Kind::new(0, 4096), None);
        assert!(
            Kind(0x0fff).is_reserved() && Kind(0xd000).is_reserved() && !Kind(0x1000).is_reserved()
        );
    }
}
