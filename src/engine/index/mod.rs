//! Finding events of one segment: the table in memory, the index file, and the cache of its blocks.

pub(crate) mod builder;
pub(crate) mod cache;
pub(crate) mod entries;
pub(crate) mod file;
pub(crate) mod filter;
pub(crate) mod memtable;
pub(crate) mod regions;
pub(crate) mod span;
pub(crate) mod texts;
pub(crate) mod zones;
