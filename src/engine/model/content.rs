//! What stands for the payload of an event: a hash of it, or where it is short, the payload.

use super::id::Hash;

/// A payload of this length is one block of BLAKE3, which costs little to hash when somebody asks.
/// The log keeps the hashes of longer ones.
pub const SHORT_PAYLOAD_MAX: usize = 64;

/// What stands for a payload. Equal payloads have an equal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// The BLAKE3 of a payload of more than [`SHORT_PAYLOAD_MAX`] bytes.
    Hash(Hash),
    /// A payload of at most so many.
    Short(&'a [u8]),
}

impl Default for Content<'_> {
    fn default() -> Self {
        Content::Short(&[])
    }
}

impl<'a> Content<'a> {
    /// Of a payload whose hash is known.
    pub fn new(payload: &'a [u8], hash: Hash) -> Content<'a> {
        match payload.len() <= SHORT_PAYLOAD_MAX {
            true => Content::Short(payload),
            false => Content::Hash(hash),
        }
    }

    /// Of a payload.
    pub fn of(payload: &'a [u8]) -> Content<'a> {
        match payload.len() <= SHORT_PAYLOAD_MAX {
            true => Content::Short(payload),
            false => Content::Hash(blake3_of(payload)),
        }
    }

    /// The content hash: BLAKE3 of the payload. Of a short one it is computed here.
    pub fn hash(&self) -> Hash {
        match self {
            Content::Hash(hash) => *hash,
            Content::Short(payload) => blake3_of(payload),
        }
    }

    /// The hash, where it need not be computed.
    pub fn known_hash(&self) -> Option<Hash> {
        match self {
            Content::Hash(hash) => Some(*hash),
            Content::Short(_) => None,
        }
    }

    /// Whether it stands for this payload, which is hashed if it is long.
    pub fn is_of(&self, payload: &[u8]) -> bool {
        *self == Content::of(payload)
    }
}

fn blake3_of(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}
