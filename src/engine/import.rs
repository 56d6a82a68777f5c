//! Import: copying events from one store into another, exactly once, with provenance.

use super::error::{Error, Result};
use super::event::{Columns, Event};
use super::query::Region;
use super::store::Store;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a callback answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Filter: import the event. Progress: go on.
    Keep,
    /// Filter: leave it out. Progress: go on.
    Skip,
    /// Stop the import; the negative number is its status. Anything else is an invalid answer,
    /// which stops it with [`super::error::Code::InvalidArgument`].
    Stop(i32),
}

/// Ends the imports that carry it, from any thread; sticky.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// When imported events are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ImportDurability {
    /// Once, before import returns.
    #[default]
    End,
    /// Each chunk before the next.
    Chunk,
}

/// What to do with an event whose key is there with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// End with an error that names both events.
    #[default]
    Fail,
    /// Count it and leave it out.
    Skip,
}

/// What to import, and how.
pub struct ImportOptions<'a> {
    /// Required: the name that the source's events are known by here.
    pub namespace: String,
    pub region: Region,
    /// Only sequences of the source above this one.
    pub after: u64,
    /// Events that become visible together; 0 counts as 1.
    pub chunk_size: u32,
    pub durability: ImportDurability,
    pub on_conflict: OnConflict,
    /// Hash every payload again instead of trusting the checksum of its frame.
    pub rehash: bool,
    /// What the filter sees beside the fixed columns.
    pub filter_columns: Columns,
    pub filter: Option<&'a mut dyn FnMut(&Event<'_>) -> Verdict>,
    /// Called after each committed chunk.
    pub progress: Option<&'a mut dyn FnMut(&ImportReport) -> Verdict>,
    pub cancel: Option<&'a Cancel>,
}

/// The default of [`ImportOptions::chunk_size`].
pub const CHUNK_SIZE: u32 = 256;

impl Default for ImportOptions<'_> {
    fn default() -> Self {
        ImportOptions {
            namespace: String::new(),
            region: Region::default(),
            after: 0,
            chunk_size: CHUNK_SIZE,
            durability: ImportDurability::End,
            on_conflict: OnConflict::Fail,
            rehash: false,
            filter_columns: Columns { payload: false, extensions: true, previous_hash: false },
            filter: None,
            progress: None,
            cancel: None,
        }
    }
}

/// Where every examined event went. The buckets (all counts but `overtaken`) add up to the events examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ImportReport {
    pub imported: u64,
    /// There already, from an import before this one.
    pub deduplicated: u64,
    pub skipped_reserved: u64,
    pub skipped_filtered: u64,
    /// Came from this very namespace: our own earlier output.
    pub skipped_reimported: u64,
    /// Key there with other content, left out by choice.
    pub conflicts: u64,
    /// Those of `imported` that another import or append brought in during this one.
    pub overtaken: u64,
    /// The last sequence of the source examined in what this report covers; 0: none.
    pub source_high_watermark: u64,
    /// The last sequence of the source that this import was to examine.
    pub source_ceiling: u64,
    /// The destination's frontier after the import.
    pub destination_visible: u64,
    pub destination_durable: u64,
}

/// What an import did, and how it ended. The report covers whole committed chunks also when it failed.
#[derive(Debug)]
pub struct ImportOutcome {
    pub report: ImportReport,
    pub result: Result<()>,
}

impl Store {
    /// Copies events of `source` into this store. See `docs/import.md`.
    pub fn import(&self, _source: &Store, _options: &mut ImportOptions<'_>) -> ImportOutcome {
        ImportOutcome { report: ImportReport::default(), result: Err(Error::invalid("")) }
    }
}
