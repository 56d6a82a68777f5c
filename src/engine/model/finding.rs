//! What a verification or a repair finds wrong with a store.

use std::path::PathBuf;

/// One thing that is wrong, and the sequences concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    pub offset: u64,
    /// The events concerned; both 0 where none is, or none is known. Of a repair: what is lost.
    pub first_sequence: u64,
    pub last_sequence: u64,
    pub message: String,
}
