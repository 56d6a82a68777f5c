//! Provenance: where an imported event came from; its body and its FBATIP frame.

use super::error::Result;
use super::id::{Hash, Id, Kind};

/// The schema version that this library writes, and the highest that it reads.
pub const SCHEMA_VERSION: u16 = 1;
/// The first bytes of a frame.
pub const MAGIC: &[u8; 6] = b"FBATIP";

/// Where an imported event came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    pub schema_version: u16,
    /// The name that the source had in the import.
    pub namespace: String,
    pub event_id: Id,
    /// The global sequence in the source.
    pub sequence: u64,
    pub kind: Kind,
    pub content_hash: Hash,
}

impl Provenance {
    /// The bare MessagePack body.
    pub fn to_body(&self) -> Result<Vec<u8>> {
        unimplemented!()
    }
    pub fn to_frame(&self) -> Result<Vec<u8>> {
        unimplemented!()
    }
    pub fn from_body(_body: &[u8], _lenient: bool) -> Result<Provenance> {
        unimplemented!()
    }
    pub fn from_frame(_frame: &[u8], _lenient: bool) -> Result<Provenance> {
        unimplemented!()
    }
}
