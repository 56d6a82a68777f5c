//! Every limit in one place. All sizes are bytes unless the name says otherwise.

use super::error::{Error, Result};

/// Entity and scope, each.
pub const COORDINATE_BYTES_MAX: usize = 1024;
/// A namespace of imports.
pub const NAMESPACE_BYTES_MAX: usize = 1024;
/// The payload of one event: 32 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;
/// Extensions of one event: how many, the length of one key, and keys and values together.
pub const EXTENSIONS_MAX: usize = 64;
pub const EXTENSION_KEY_BYTES_MAX: usize = 256;
pub const EXTENSIONS_BYTES_MAX: usize = 64 << 10;
/// A batch: events, and the bytes of their payloads, extensions, entities and scopes.
pub const BATCH_EVENTS_MAX: usize = 65_536;
pub const BATCH_BYTES_MAX: usize = 64 << 20;
/// Rows of one page.
pub const PAGE_ROWS_MAX: usize = 65_536;
/// Ranges of kinds, and scopes, of one region.
pub const REGION_KINDS_MAX: usize = 1024;
pub const REGION_SCOPES_MAX: usize = 1024;
/// A page is cut after the row that reaches this many bytes.
pub const PAGE_BYTES_MAX: usize = 64 << 20;
/// So many of a store's files that are only read have a descriptor at once.
pub const FILES_MAX: usize = 128;
/// How often a store may be given a new id.
pub const IDENTITY_CHANGES_MAX: usize = 128;
/// A segment is sealed before the batch that would make it longer, hold more events, or
/// spell more bytes of entities, scopes and namespaces than this.
pub const SEGMENT_BYTES: u64 = 64 << 20;
pub const SEGMENT_EVENTS: u64 = 1 << 17;
pub const SEGMENT_STRING_BYTES: u64 = 1 << 20;
/// A writer never runs further than this ahead of the last sequence known to be on disk. So after a
/// power cut every sequence that anybody may have seen is below last + this.
pub const SEQUENCE_LEASE: u64 = 1 << 20;

/// Whether a writer has to sync before it goes on to a sequence that far after the last one known
/// to be on disk. A full segment is synced before the next one is full, so as a rule none gets
/// there.
pub const fn is_beyond_lease(ahead: u64) -> bool {
    ahead > SEQUENCE_LEASE
}

/// No store gets here; what claims a higher one is damaged, and sums of sequences never overflow.
pub const SEQUENCE_MAX: u64 = 1 << 62;
/// The format of stores that this library writes and the highest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Limits that a store may be opened with; never above the library's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub payload_bytes_max: usize,
    pub batch_events_max: usize,
    pub batch_bytes_max: usize,
    /// When a segment is sealed; 64 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// How many files that are only read have a descriptor at once; 1 to 65,536.
    pub files_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            batch_events_max: BATCH_EVENTS_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            segment_bytes: SEGMENT_BYTES,
            files_max: FILES_MAX,
        }
    }
}

impl Limits {
    /// Refuses a limit outside of what the library supports, naming it.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("payload_bytes_max", self.payload_bytes_max as u64, 1, PAYLOAD_BYTES_MAX as u64),
            ("batch_events_max", self.batch_events_max as u64, 1, BATCH_EVENTS_MAX as u64),
            ("batch_bytes_max", self.batch_bytes_max as u64, 1, BATCH_BYTES_MAX as u64),
            ("segment_bytes", self.segment_bytes, 64 << 10, 1 << 30),
            ("files_max", self.files_max as u64, 1, 65_536),
        ];
        for (name, value, low, high) in ranges {
            if value < low || value > high {
                let message = format!("{name} is {value}; it must be {low} to {high}");
                return Err(Error::invalid(message).with_numbers(value, high));
            }
        }
        Ok(())
    }
}
