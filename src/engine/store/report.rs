//! What a verification found.

use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::finding::Finding;
use crate::engine::model::id::Hash;
use std::path::Path;

/// What a walk over the whole store found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Events that were examined.
    pub events: u64,
    pub system_events: u64,
    pub batches: u64,
    pub segments: u64,
    pub log_bytes: u64,
    /// Declared gaps, and the sequences they take up.
    pub gaps: u64,
    pub gap_sequences: u64,
    /// Declared losses, which a repair leaves, and the sequences lost.
    pub losses: u64,
    pub lost_sequences: u64,
    /// Events whose predecessor was lost, so that only their content can be checked.
    pub unlinked_events: u64,
    /// Things that are wrong; 0 for a sound store.
    pub found: u64,
    /// They, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// Sequences whose events are in what could not be read, and bytes of it.
    pub events_not_examined: u64,
    pub bytes_not_examined: u64,
    /// The last sequence that was visible: where the walk ended.
    pub last_sequence: u64,
    /// The log hash there, computed from what every event has; zero where that cannot be done.
    pub log_hash: Hash,
}

/// A report lists so many findings; [`VerifyReport::found`] counts all.
pub const FINDINGS_MAX: usize = 10_000;

impl VerifyReport {
    /// Adds what is wrong at a place, and the first and the last sequence concerned.
    pub fn find(
        &mut self,
        path: &Path,
        offset: u64,
        (first_sequence, last_sequence): (u64, u64),
        message: impl Into<String>,
    ) {
        self.found += 1;
        if self.findings.len() < FINDINGS_MAX {
            let (path, message) = (path.to_owned(), message.into());
            self.findings.push(Finding { path, offset, first_sequence, last_sequence, message });
        }
    }

    /// Adds what was found elsewhere.
    pub fn append(&mut self, other: VerifyReport) {
        self.found += other.found;
        let room = FINDINGS_MAX - self.findings.len();
        self.findings.extend(other.findings.into_iter().take(room));
    }

    /// An error that says damage becomes a finding; others end the walk.
    pub fn note(&mut self, path: &Path, error: Error) -> Result<()> {
        if !is_finding(&error) {
            return Err(error);
        }
        let path = error.path.clone().unwrap_or_else(|| path.to_owned());
        let sequences = (error.sequence, error.sequence);
        self.find(&path, error.offset.unwrap_or(0), sequences, error.message.clone());
        Ok(())
    }
}

/// Whether an error is about the store: about what a file has, or about a file that is missing or
/// cannot be read. Others are about the process or the machine, such as a lack of descriptors.
pub fn is_finding(error: &Error) -> bool {
    match error.code() {
        Code::Corrupt | Code::FutureVersion | Code::StoreNotFound => true,
        Code::Io => error.errno.is_some_and(crate::engine::platform::os::is_of_file),
        _ => false,
    }
}
