//! The engine: safe Rust that knows nothing of C, of raw pointers, or of the caller's threads.

pub(crate) mod cache;
pub mod clock;
pub(crate) mod directory;
pub mod error;
pub mod event;
pub(crate) mod frame;
pub(crate) mod hash;
pub mod id;
pub mod import;
pub(crate) mod index;
pub mod key;
pub mod limits;
pub(crate) mod memtable;
pub mod os;
pub mod provenance;
pub mod query;
pub(crate) mod segment;
pub mod store;
pub(crate) mod tail;
pub mod verify;
pub mod vfs;
pub(crate) mod window;
