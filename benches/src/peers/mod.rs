//! The engines, a file each.

pub mod batpak;
pub mod commitlog;
pub mod fbat;
pub mod fjall;
mod job;
pub mod lmdb;
mod lsm;
pub mod mdbx;
pub mod okaywal;
pub mod raft_engine;
pub mod raw;
pub mod redb;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;
pub mod sqlite;
mod tables;
#[cfg(test)]
mod tests;
pub mod walrus;
