//! The integrity walk: every checksum, hash, chain and index against the log.

use super::error::Result;
use super::store::Store;
use std::path::PathBuf;

/// What a walk over the whole store found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    pub events: u64,
    pub system_events: u64,
    pub batches: u64,
    pub segments: u64,
    pub log_bytes: u64,
    /// Declared gaps, and the sequences they take up.
    pub gaps: u64,
    pub gap_sequences: u64,
    /// Everything that does not hold; empty for a sound store. At most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// A walk stops after so many findings.
pub const FINDINGS_MAX: usize = 1000;

/// One thing that does not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    pub path: PathBuf,
    pub offset: u64,
    /// The event concerned; 0 where it is not one event.
    pub sequence: u64,
    pub message: String,
}

impl Store {
    /// Walks the whole log. Errors are for what keeps the walk from being made; damage is a finding.
    pub fn verify(&self) -> Result<VerifyReport> {
        unimplemented!()
    }
}
