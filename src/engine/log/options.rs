//! How a store is opened.

use crate::engine::model::id::Id;
use crate::engine::model::limits::Limits;
use crate::engine::platform::clock::{Clock, Entropy};
use crate::engine::platform::disk::OsVfs;
use crate::engine::platform::os::{SystemClock, SystemEntropy};
use crate::engine::platform::vfs::Vfs;
use std::sync::Arc;

/// Which stores [`Store::open`] accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OpenMode {
    /// Opens the store for writing, or makes a new one.
    #[default]
    CreateIfMissing,
    /// Must be there.
    MustExist,
    /// Must not be there.
    MustBeNew,
    /// For reading; takes no lock and changes nothing. May run beside a writer.
    ReadOnly,
}

/// When an append is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it is on disk. Concurrent callers share an fsync.
    #[default]
    Durable,
    /// When the kernel has it: survives a killed process, not a power cut.
    Os,
}

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    pub mode: OpenMode,
    pub durability: Durability,
    pub limits: Limits,
    /// A label for people, kept in the genesis event of a new store; at most 1024 bytes.
    pub label: String,
    pub vfs: Arc<dyn Vfs>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            mode: OpenMode::default(),
            durability: Durability::default(),
            limits: Limits::default(),
            label: String::new(),
            vfs: Arc::new(OsVfs),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
        }
    }
}

pub(crate) fn random_id(options: &Options) -> Id {
    let mut bytes = [0; 16];
    options.entropy.fill(&mut bytes);
    Id::from_bytes(bytes)
}

pub(crate) fn random_salt(options: &Options) -> u64 {
    let mut bytes = [0; 8];
    options.entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
