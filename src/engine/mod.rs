//! The engine: safe Rust that knows nothing of C, of raw pointers, or of the caller's threads.
//!
//! Rooms, each of which names only those above it in this list; `tests/contract/rooms.rs` keeps it
//! so.

pub(crate) mod format;
pub mod import;
pub(crate) mod index;
pub mod log;
pub mod model;
pub mod platform;
pub mod repair;
pub mod store;

/// Formats without a store around them, for fuzzing: a store has to be made for each input, which
/// takes longer than all that these do with it.
#[cfg(feature = "internal")]
pub mod formats {
    pub use super::format::frame::{
        BatchHeader, Frame, SegmentHeader, BATCH_HEADER_LEN, FRAME_FIXED_LEN, SEGMENT_HEADER_LEN,
    };
    pub use super::index::file::Index;
    pub use super::index::room::StringRoom;
    pub use super::log::segment::{Flow, Segment};
    pub use super::log::select::Wish;
    pub use super::log::tail::{Step, Tail};
}
