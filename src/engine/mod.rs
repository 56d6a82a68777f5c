//! The engine: safe Rust that knows nothing of C, of raw pointers, or of the caller's threads.

pub mod clock;
pub mod error;
pub mod event;
pub(crate) mod frame;
pub mod id;
pub mod import;
pub mod key;
pub mod limits;
pub mod provenance;
pub mod query;
pub mod store;
pub mod verify;
pub mod vfs;
