//! Finding events of one segment: the table in memory, and the index file.

pub(crate) mod builder;
pub(crate) mod entries;
pub(crate) mod file;
pub(crate) mod filter;
mod hashes;
mod lines;
pub(crate) mod memtable;
pub(crate) mod names;
pub(crate) mod regions;
pub(crate) mod room;
pub(crate) mod span;
pub(crate) mod texts;
pub(crate) mod zones;
