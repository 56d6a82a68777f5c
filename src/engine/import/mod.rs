//! Import: copying events from one store into another, exactly once, with provenance.

pub use crate::engine::format::import_run::{Counts, Fork, ImportRun};
pub use crate::engine::format::selector::region as region_of;
pub use crate::engine::format::system::ImportIdentity;
use crate::engine::log::state::Frontier;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::{Columns, Event};
use crate::engine::model::region::Region;
use crate::engine::platform::vfs::Vfs;
use crate::engine::platform::watch::{Cancel, Verdict};
use std::path::Path;

pub(crate) mod beside;
pub(crate) mod chunk;
pub(crate) mod fate;
pub(crate) mod foreseen;
pub(crate) mod known;
pub(crate) mod names;
pub(crate) mod naming;
pub mod plan;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod stretches;
pub(crate) mod successor;

/// When imported events are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ImportDurability {
    /// Once, before import returns.
    #[default]
    End,
    /// Each chunk before the next.
    Chunk,
}

/// What to do with an event whose key exists with different content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// End with an error that names both events.
    #[default]
    Fail,
    /// Count it and leave it out.
    Skip,
    /// Import it under another id, beside the one that exists.
    Keep,
}

/// What to import, and how.
pub struct ImportOptions<'a> {
    /// The name that the source's events are known by here. With identity by origin that is the
    /// native namespace of the source, and may be left empty.
    pub namespace: String,
    pub identity: ImportIdentity,
    pub region: Region,
    /// Only sequences of the source above this one; 0: goes on where the last import of this name
    /// ended, or, without a name, of this region.
    pub after: u64,
    /// Go on where an earlier import ended. Without a name that is so with identity by origin only,
    /// and without a filter.
    pub resume: bool,
    /// What the import is called; it may be empty. Names the filter, too.
    pub name: String,
    /// Events that become visible together; 0 counts as 1.
    pub chunk_size: u32,
    pub durability: ImportDurability,
    pub on_conflict: OnConflict,
    /// Hash every payload again instead of trusting the checksum of its frame.
    pub rehash: bool,
    /// The source may be this very store, or a copy with its store id.
    pub allow_self: bool,
    /// The namespace may have stood for another store before.
    pub allow_other_store: bool,
    /// The source may have been imported with the other identity before.
    pub allow_other_identity: bool,
    /// Only report what an import would do, and write nothing; the destination may be open for
    /// reading.
    pub dry_run: bool,
    /// Commit each chunk on a second thread, while the next is gathered on this one.
    pub overlap: bool,
    /// What the filter sees beside the fixed columns.
    pub filter_columns: Columns,
    pub filter: Option<&'a mut dyn FnMut(&Event<'_>) -> Verdict>,
    /// Called after each committed chunk.
    pub progress: Option<&'a mut dyn FnMut(&ImportReport) -> Verdict>,
    pub cancel: Option<&'a Cancel>,
    #[cfg(feature = "internal")]
    pub seams: ImportSeams<'a>,
}

/// The default of [`ImportOptions::chunk_size`].
pub const CHUNK_SIZE: u32 = 256;
/// The default of [`ImportOptions::filter_columns`].
pub const FILTER_COLUMNS: Columns =
    Columns { payload: false, extensions: true, previous_hash: false };

impl Default for ImportOptions<'_> {
    fn default() -> Self {
        ImportOptions {
            namespace: String::new(),
            identity: ImportIdentity::Source,
            region: Region::default(),
            after: 0,
            resume: true,
            name: String::new(),
            chunk_size: CHUNK_SIZE,
            durability: ImportDurability::End,
            on_conflict: OnConflict::Fail,
            rehash: false,
            allow_self: false,
            allow_other_store: false,
            allow_other_identity: false,
            dry_run: false,
            overlap: true,
            filter_columns: FILTER_COLUMNS,
            filter: None,
            progress: None,
            cancel: None,
            #[cfg(feature = "internal")]
            seams: ImportSeams::default(),
        }
    }
}

/// Where every examined event went. The buckets (all counts but `overtaken`, `restored` and
/// `conflicts_kept`) add up to the events examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ImportReport {
    pub imported: u64,
    /// Existed already, from an import before this one.
    pub deduplicated: u64,
    pub skipped_reserved: u64,
    pub skipped_filtered: u64,
    /// Came from the destination, which has them: our own earlier output.
    pub skipped_reimported: u64,
    /// Key exists with different content, left out by choice.
    pub conflicts: u64,
    /// Those of `imported` that another import or append brought in during this one.
    pub overtaken: u64,
    /// Those of `imported` that the destination had lost, and has under their own ids again.
    pub restored: u64,
    /// Those of `imported` whose name exists with other content, which have ids of their own.
    pub conflicts_kept: u64,
    /// The last sequence of the source examined in what this report covers; 0: none.
    pub source_high_watermark: u64,
    /// Where this import began: where an earlier one had ended, or at `after`.
    pub started_after: u64,
    /// Where the next import may go on, as `after`: the watermark, or where this one began when it
    /// examined nothing.
    pub resume_after: u64,
    /// The last sequence of the source that this import was to examine.
    pub source_ceiling: u64,
    /// How far the source was read, of `source_ceiling`; what was read after the last committed
    /// chunk is examined again by the next import.
    pub source_position: u64,
    /// The destination's frontier after the import.
    pub destination_visible: u64,
    pub destination_durable: u64,
    pub source: ImportSource,
    /// Earlier imports of this name had another region or filter, or left conflicts out: none of
    /// them is gone on from.
    pub selector_changed: bool,
}

/// What a source turned out to be, compared with what earlier imports of this name, or of this
/// region, have recorded of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ImportSource {
    /// Nothing is recorded.
    #[default]
    New,
    /// It has all that it had.
    GoesOn,
    /// It ends before that: it was restored from an older copy.
    Restored,
    /// It has other events there: it was restored and went on, or repaired, or is a copy that went
    /// on by itself.
    Diverged,
    /// It is one of two stores with one log id that both went on.
    Forked,
}

impl ImportReport {
    /// Adds what became of events.
    fn add(&mut self, outcome: &ImportReport) {
        self.imported += outcome.imported;
        self.deduplicated += outcome.deduplicated;
        self.conflicts += outcome.conflicts;
        self.overtaken += outcome.overtaken;
        self.restored += outcome.restored;
        self.conflicts_kept += outcome.conflicts_kept;
    }

    /// Adds the outcome of a chunk.
    fn add_chunk(&mut self, chunk: &ImportReport) {
        self.add(chunk);
        self.destination_visible = chunk.destination_visible;
        self.destination_durable = chunk.destination_durable;
    }

    fn set_frontier(&mut self, destination: Frontier) {
        self.destination_visible = destination.visible;
        self.destination_durable = destination.durable;
    }
}

/// What an import did, and how it ended. The report covers whole committed chunks also when it
/// failed.
#[derive(Debug)]
pub struct ImportOutcome {
    pub report: ImportReport,
    pub result: Result<()>,
}

/// What only tests may do.
#[cfg(feature = "internal")]
#[derive(Default)]
pub struct ImportSeams<'a> {
    /// Leave it to the append to find out which keys exist.
    pub skip_lookup: bool,
    /// Called after the keys of a chunk were looked up, before it is appended.
    pub before_commit: Option<&'a mut dyn FnMut()>,
}

/// `data-dir:` and the hex BLAKE3 of the canonical path, which must exist. A convenience for local
/// tools: it changes when the directory moves.
pub fn namespace_from_path(vfs: &dyn Vfs, path: &Path) -> Result<String> {
    use std::os::unix::ffi::OsStrExt;
    let canonical = vfs.canonicalize(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::NotFound, format!("{} does not exist", path.display())).at(path)
        }
        _ => Error::io("cannot resolve", path, &e),
    })?;
    Ok(format!("data-dir:{}", blake3::hash(canonical.as_os_str().as_bytes()).to_hex()))
}
