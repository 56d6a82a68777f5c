//! Keys and namespaces that are computed, as `docs/format.md` describes them.

use super::error::{Error, Result};
use super::id::{Hash, Id};
use super::limits;

/// The domain of the keys that import gives to events.
pub const IMPORT_DOMAIN: &str = "batpak.import";

/// The domain of the ids that import gives to events which exist with other content.
const CONFLICT_DOMAIN: &[u8] = b"fbat.conflict";
/// What the native namespace of a store begins with; the 32 hex digits of its store id follow.
pub const NATIVE: &str = "store:";

/// The name of a store as an origin: no other store has it.
pub fn native_namespace(store_id: Id) -> String {
    format!("{NATIVE}{store_id}")
}

/// The id of an event whose name exists with other content, so that both are kept.
pub fn conflict_key(namespace: &str, event_id: Id, content: Hash) -> Id {
    let (event_id, content) = (event_id.to_string(), content.to_string());
    let parts = [namespace.as_bytes(), event_id.as_bytes(), content.as_bytes()];
    operation_key(CONFLICT_DOMAIN, parts.into_iter())
}

/// A 128-bit key from a domain and parts: the first 16 bytes, big-endian, of BLAKE3 over
/// `u64 LE len(domain) | domain | u64 LE count(parts) | for each part: u64 LE len | bytes`.
pub fn operation_key<'a>(domain: &[u8], parts: impl ExactSizeIterator<Item = &'a [u8]>) -> Id {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(domain.len() as u64).to_le_bytes()).update(domain);
    hasher.update(&(parts.len() as u64).to_le_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    first_16(hasher.finalize())
}

/// The two digits of each byte.
const HEX: [[u8; 2]; 256] = {
    let (mut hex, mut byte) = ([[0; 2]; 256], 0);
    while byte < 256 {
        hex[byte] = [b"0123456789abcdef"[byte >> 4], b"0123456789abcdef"[byte & 15]];
        byte += 1;
    }
    hex
};

/// The ids that import gives to the events of one namespace.
pub struct ImportKeys {
    /// Everything that is hashed before the source id's digits, which end it.
    input: Vec<u8>,
}

impl ImportKeys {
    pub fn new(namespace: &str) -> ImportKeys {
        let mut input = Vec::with_capacity(namespace.len() + 96);
        let mut slice = |bytes: &[u8], then: &[u8]| {
            input.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            input.extend_from_slice(bytes);
            input.extend_from_slice(then);
        };
        slice(IMPORT_DOMAIN.as_bytes(), &2u64.to_le_bytes());
        slice(namespace.as_bytes(), &[]);
        slice(&[0; 32], &[]);
        ImportKeys { input }
    }

    /// `operation_key("batpak.import", [namespace, source id as 32 hex digits])`.
    pub fn key(&mut self, source_id: Id) -> Id {
        let at = self.input.len() - 32;
        for (digits, byte) in self.input[at..].chunks_exact_mut(2).zip(source_id.to_bytes()) {
            digits.copy_from_slice(&HEX[usize::from(byte)]);
        }
        first_16(blake3::hash(&self.input))
    }
}

/// Refuses a namespace that is empty, too long, or has control bytes.
pub fn check_namespace(namespace: &str) -> Result<()> {
    check_name("the namespace", namespace)
}

/// As [`check_namespace`], of another name.
pub fn check_name(what: &str, name: &str) -> Result<()> {
    let (length, max) = (name.len(), limits::NAMESPACE_BYTES_MAX);
    if length == 0 || length > max {
        let message = format!("{what} has {length} bytes; 1 to {max} are allowed");
        return Err(Error::invalid(message).with_numbers(length as u64, max as u64));
    }
    match name.bytes().position(|byte| byte.is_ascii_control()) {
        None => Ok(()),
        Some(at) => Err(Error::invalid(format!("{what} has a control byte at {at}"))),
    }
}

fn first_16(hash: blake3::Hash) -> Id {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    Id::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_keys_equal_the_general_key() {
        let id = Id(0xfeed);
        let hex = id.to_string();
        let parts: [&[u8]; 2] = [b"dedup-ns", hex.as_bytes()];
        let general = operation_key(IMPORT_DOMAIN.as_bytes(), parts.into_iter());
        assert_eq!(general.to_string(), "4e07bd70a51da982cd690dd84abb27b2");
        assert_eq!(ImportKeys::new("dedup-ns").key(id), general);
    }
}
