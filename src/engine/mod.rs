//! The engine: safe Rust that knows nothing of C, of raw pointers, or of the caller's threads.

pub mod backup;
pub(crate) mod cache;
pub(crate) mod chunk;
pub mod clock;
pub(crate) mod commit;
pub(crate) mod directory;
pub mod error;
pub mod event;
pub mod finding;
pub(crate) mod follower;
pub(crate) mod frame;
pub(crate) mod group;
pub(crate) mod hash;
pub mod id;
pub(crate) mod identity;
pub mod import;
pub(crate) mod index;
pub mod key;
pub mod limits;
pub(crate) mod memtable;
#[allow(unsafe_code)] // system calls that std does not have
pub mod os;
pub mod provenance;
pub mod query;
pub(crate) mod recovery;
pub mod repair;
pub(crate) mod rewrite;
pub(crate) mod run;
pub(crate) mod salvage;
pub(crate) mod scan;
pub(crate) mod segment;
pub(crate) mod segments;
pub mod store;
pub(crate) mod system;
pub(crate) mod tail;
pub(crate) mod target;
pub mod verify;
pub mod vfs;
pub mod watch;
pub(crate) mod window;
pub(crate) mod writer;

/// Formats without a store around them, for fuzzing: a store has to be made for each input, which
/// takes longer than all that these do with it.
#[cfg(feature = "internal")]
pub mod formats {
    pub use super::cache::BlockCache;
    pub use super::frame::{
        BatchHeader, Frame, SegmentHeader, BATCH_HEADER_LEN, FRAME_FIXED_LEN, SEGMENT_HEADER_LEN,
    };
    pub use super::index::Index;
    pub use super::segment::{Flow, Segment};
    pub use super::tail::{Step, Tail};
}
