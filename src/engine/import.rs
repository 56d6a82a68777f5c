//! Import: copying events from one store into another, exactly once, with provenance.

use super::commit::{ImportTerms, Item, Outcome};
use super::error::{Code, Error, Result};
use super::event::{check_limit, Cause, Columns, Event, Expect, Extensions, Source};
use super::hash;
use super::id::{Hash, Id, Kind};
use super::key::{check_namespace, ImportKeys};
use super::query::Region;
use super::scan::{Scan, Successor};
use super::segment::Flow;
use super::store::{Inner, Store};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

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
    #[cfg(feature = "internal")]
    pub seams: ImportSeams<'a>,
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
            #[cfg(feature = "internal")]
            seams: ImportSeams::default(),
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

/// What only tests may do.
#[cfg(feature = "internal")]
#[derive(Default)]
pub struct ImportSeams<'a> {
    /// Leave it to the append to find out which keys are there.
    pub skip_lookup: bool,
    /// Called after the keys of a chunk were looked up, before it is appended.
    pub before_commit: Option<&'a mut dyn FnMut()>,
}

impl Store {
    /// Copies events of `source` into this store, each once, in the order of the source.
    ///
    /// Callbacks run on this thread with no lock held; they may read both stores and append to this
    /// one. Codes: `InvalidArgument` (no namespace), `ImportConflict`, `LimitExceeded` (an event that
    /// this store does not take), `Corrupt` (a damaged event of the source), `Stopped`, `Cancelled`,
    /// `Closed`, `ReadOnly`, `Poisoned`, and those of an unreadable provenance.
    pub fn import(&self, source: &Store, options: &mut ImportOptions<'_>) -> ImportOutcome {
        let _importing = [Importing::new(self), Importing::new(source)];
        match Run::start(self, source, options) {
            Err(error) => ImportOutcome { report: ImportReport::default(), result: Err(error) },
            Ok(mut run) => {
                let result = run.examine(source, options).and_then(|()| run.flush(options));
                run.finish(result)
            }
        }
    }
}

thread_local! {
    /// Stores that take part in an import on this thread.
    static IMPORTING: RefCell<Vec<*const Inner>> = const { RefCell::new(Vec::new()) };
}

/// Marks a store as part of an import on this thread, so that a callback cannot close it.
struct Importing;

impl Importing {
    fn new(store: &Store) -> Importing {
        IMPORTING.with_borrow_mut(|stores| stores.push(Arc::as_ptr(&store.0)));
        Importing
    }
}

impl Drop for Importing {
    fn drop(&mut self) {
        IMPORTING.with_borrow_mut(|stores| stores.pop());
    }
}

/// Whether this thread is inside of an import that `store` takes part in.
pub(crate) fn is_importing(store: *const Inner) -> bool {
    IMPORTING.with_borrow(|stores| stores.contains(&store))
}

/// An import under way.
struct Run<'s> {
    destination: &'s Inner,
    keys: ImportKeys,
    chunk_size: usize,
    /// The destination's visible frontier at the call.
    frontier: u64,
    /// As far as committed chunks go.
    committed: ImportReport,
    /// With what was examined since.
    current: ImportReport,
    chunk: Chunk,
    /// Events examined since the progress callback was last called.
    unreported: usize,
    /// Behind the last event that the destination had.
    place: Option<Successor>,
}

/// Events that wait to be committed together; their bytes stand in one arena.
#[derive(Default)]
struct Chunk {
    arena: Vec<u8>,
    waiting: Vec<Waiting>,
    /// What the batch limit of the destination counts.
    bytes: usize,
    /// The destination's visible frontier before the first key was looked up.
    absent_at: u64,
}

/// An event of a chunk; entity, scope, extensions and payload stand at `at` with these lengths.
struct Waiting {
    at: usize,
    lengths: [usize; 4],
    kind: Kind,
    content_hash: Hash,
    tag: u64,
    key: Id,
    timestamp_us: i64,
    flags: u32,
    payload_version: u16,
    correlation: Id,
    source_id: Id,
    source_sequence: u64,
}

impl<'s> Run<'s> {
    fn start(destination: &'s Store, source: &Store, options: &ImportOptions<'_>) -> Result<Run<'s>> {
        let (to, from) = (&*destination.0, &*source.0);
        if options.namespace.is_empty() {
            return Err(Error::invalid("the namespace of the import is missing"));
        }
        check_namespace(&options.namespace)?;
        options.region.check()?;
        to.check_writable()?;
        from.check_open()?;
        let frontier = to.current_frontier().visible;
        let ceiling = from.sync_for_copy()?;
        let report = ImportReport { source_ceiling: ceiling, ..ImportReport::default() };
        Ok(Run {
            destination: to,
            keys: ImportKeys::new(&options.namespace),
            chunk_size: (options.chunk_size.max(1) as usize).min(to.options.limits.batch_events_max),
            frontier,
            committed: report,
            current: report,
            chunk: Chunk::default(),
            unreported: 0,
            place: None,
        })
    }

    fn examine(&mut self, source: &Store, options: &mut ImportOptions<'_>) -> Result<()> {
        let from = &*source.0;
        let (region, cancel, destination) = (options.region.clone(), options.cancel, self.destination);
        let go_on = || {
            if cancel.is_some_and(Cancel::is_cancelled) {
                return Err(Error::new(Code::Cancelled, "the import was cancelled"));
            }
            from.check_open()?;
            destination.check_open()
        };
        go_on()?;
        let scan = Scan {
            region: &region,
            after: options.after,
            until: self.current.source_ceiling,
            backward: false,
            system: true,
            previous_hash: options.filter_columns.previous_hash && options.filter.is_some(),
            rehash: options.rehash,
            go_on: &go_on,
        };
        from.scan(&scan, &mut |event| {
            self.take(event, options)?;
            Ok(Flow::Continue(()))
        })
    }

    /// Puts one event of the source into its bucket.
    fn take(&mut self, event: &Event<'_>, options: &mut ImportOptions<'_>) -> Result<()> {
        let cut = self.chunk.bytes + batch_bytes(event) > self.destination.options.limits.batch_bytes_max;
        if cut && !self.chunk.waiting.is_empty() {
            self.flush(options)?;
        }
        let before = self.current;
        self.current.source_high_watermark = event.sequence;
        if event.kind.is_reserved() {
            self.current.skipped_reserved += 1;
        } else if !filter_keeps(event, options).inspect_err(|_| self.current = before)? {
            self.current.skipped_filtered += 1;
        } else if comes_from(event, &options.namespace).inspect_err(|_| self.current = before)? {
            self.current.skipped_reimported += 1;
        } else {
            self.admit(event, options).inspect_err(|_| self.current = before)?;
        }
        self.settle(options)
    }

    /// Looks the event up in the destination; one that is not there waits for its chunk.
    fn admit(&mut self, event: &Event<'_>, options: &mut ImportOptions<'_>) -> Result<()> {
        let key = self.keys.key(event.id);
        if self.chunk.waiting.is_empty() {
            self.chunk.absent_at = self.destination.visible.load(Ordering::Acquire);
        }
        #[cfg(feature = "internal")]
        let look = !options.seams.skip_lookup;
        #[cfg(not(feature = "internal"))]
        let look = true;
        if !look {
            self.chunk.absent_at = 0;
        } else if let Some(same) = self.find(key, event)? {
            match (same, options.on_conflict) {
                (true, _) => self.current.deduplicated += 1,
                (false, OnConflict::Skip) => self.current.conflicts += 1,
                (false, OnConflict::Fail) => return Err(conflict(event.id, event.sequence, key)),
            }
            return Ok(());
        }
        let limits = &self.destination.options.limits;
        let bytes = batch_bytes(event);
        check_limit("payload bytes", event.payload.len(), limits.payload_bytes_max)
            .and_then(|()| check_limit("batch bytes", bytes, limits.batch_bytes_max))
            .map_err(|e| e.context(format!("event {} (sequence {}) of the source", event.id, event.sequence)))
            .map_err(|e| e.with_event(event.id, event.sequence))?;
        self.chunk.push(event, key, tag_of(event), bytes);
        Ok(())
    }

    /// Whether the destination has this key, and if so, with the same content.
    fn find(&mut self, key: Id, event: &Event<'_>) -> Result<Option<bool>> {
        if let Some(place) = &mut self.place {
            if let Some(same) = place.is_next(key, event)? {
                return Ok(Some(same));
            }
        }
        let Some((segment, found)) = self.destination.find_key(key)? else { return Ok(None) };
        self.place = Some(Successor::after(segment, found.offset)?);
        Ok(Some(found.tag == tag_of(event)))
    }

    /// Commits the chunk when it is full, and tells the progress callback.
    fn settle(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        self.unreported += 1;
        if self.chunk.waiting.len() >= self.chunk_size {
            return self.flush(options);
        }
        if self.chunk.waiting.is_empty() {
            self.committed = self.current;
            if self.unreported >= self.chunk_size {
                return self.report(options);
            }
        }
        Ok(())
    }

    /// Commits what waits.
    fn flush(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        if self.chunk.waiting.is_empty() {
            self.committed = self.current;
            return Ok(());
        }
        #[cfg(feature = "internal")]
        if let Some(hook) = &mut options.seams.before_commit {
            hook();
        }
        let chunk = std::mem::take(&mut self.chunk);
        let items = chunk.items(&options.namespace);
        let skip_conflicts = options.on_conflict == OnConflict::Skip;
        let terms = ImportTerms { absent_at: chunk.absent_at, skip_conflicts };
        let outcomes = self.destination.commit(&items, Some(terms)).map_err(|e| chunk.name_conflict(e))?;
        for outcome in &outcomes {
            match outcome {
                Outcome::New(_) => self.current.imported += 1,
                Outcome::Conflict => self.current.conflicts += 1,
                Outcome::Present(..) | Outcome::Again(_) => {
                    // What was visible at the call came from an import before this one.
                    if self.destination.receipt(outcome)?.sequence <= self.frontier {
                        self.current.deduplicated += 1;
                    } else {
                        self.current.imported += 1;
                        self.current.overtaken += 1;
                    }
                }
            }
        }
        if options.durability == ImportDurability::Chunk {
            self.destination.sync_visible()?;
        }
        self.committed = self.current;
        self.chunk = chunk.emptied();
        self.report(options)
    }

    fn report(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        self.unreported = 0;
        let Some(progress) = &mut options.progress else { return Ok(()) };
        let frontier = self.destination.current_frontier();
        let report = ImportReport {
            destination_visible: frontier.visible,
            destination_durable: frontier.durable,
            ..self.committed
        };
        match progress(&report) {
            Verdict::Keep | Verdict::Skip => Ok(()),
            Verdict::Stop(status) => Err(stop(status)),
        }
    }

    /// Makes what was committed durable, also after a failure, and closes the report.
    fn finish(self, result: Result<()>) -> ImportOutcome {
        let synced = match self.destination.check_open() {
            Err(forked) if forked.code() == Code::Forked => Err(forked),
            // A close that is under way may not have synced yet.
            open => self.destination.sync_visible().and(open),
        };
        let frontier = self.destination.current_frontier();
        let report = ImportReport {
            destination_visible: frontier.visible,
            destination_durable: frontier.durable,
            ..self.committed
        };
        ImportOutcome { report, result: result.and(synced) }
    }
}

impl Chunk {
    fn push(&mut self, event: &Event<'_>, key: Id, tag: u64, bytes: usize) {
        let at = self.arena.len();
        let parts = [event.entity.as_bytes(), event.scope.as_bytes(), event.extensions.0, event.payload];
        parts.iter().for_each(|part| self.arena.extend_from_slice(part));
        self.bytes += bytes;
        self.waiting.push(Waiting {
            at,
            lengths: parts.map(<[u8]>::len),
            kind: event.kind,
            content_hash: event.content_hash,
            tag,
            key,
            timestamp_us: event.timestamp_us,
            flags: event.flags,
            payload_version: event.payload_version,
            correlation: event.correlation,
            source_id: event.id,
            source_sequence: event.sequence,
        });
    }

    fn items<'a>(&'a self, namespace: &'a str) -> Vec<Item<'a>> {
        let item = |event: &'a Waiting| {
            let mut rest = &self.arena[event.at..];
            let [entity, scope, extensions, payload] = event.lengths.map(|length| {
                let (part, tail) = rest.split_at(length);
                rest = tail;
                part
            });
            let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
            Item {
                entity: text(entity),
                scope: text(scope),
                kind: event.kind,
                payload,
                content_hash: event.content_hash,
                tag: event.tag,
                key: event.key,
                expect: Expect::Any,
                timestamp_us: Some(event.timestamp_us),
                flags: event.flags,
                payload_version: event.payload_version,
                correlation: event.correlation,
                cause: Cause::None,
                extensions,
                source: Source::Import { namespace, event_id: event.source_id, sequence: event.source_sequence },
                skip_to: 0,
            }
        };
        self.waiting.iter().map(item).collect()
    }

    /// The error of the commit, in the words of an import where it is a conflict.
    fn name_conflict(&self, error: Error) -> Error {
        match (error.code(), error.item.and_then(|item| self.waiting.get(item))) {
            (Code::IdempotencyConflict, Some(event)) => conflict(event.source_id, event.source_sequence, event.key),
            _ => error,
        }
    }

    fn emptied(mut self) -> Chunk {
        self.arena.clear();
        self.waiting.clear();
        Chunk { bytes: 0, absent_at: 0, ..self }
    }
}

/// Stands for the content of an event in indexes.
fn tag_of(event: &Event<'_>) -> u64 {
    hash::content_tag(event.entity, event.scope, event.kind, &event.content_hash)
}

/// What an event counts towards the bytes of a batch.
fn batch_bytes(event: &Event<'_>) -> usize {
    let extensions: usize = event.extensions.iter().map(|(key, value)| key.len() + value.len()).sum();
    event.payload.len() + extensions + event.entity.len() + event.scope.len()
}

fn filter_keeps(event: &Event<'_>, options: &mut ImportOptions<'_>) -> Result<bool> {
    let Some(filter) = &mut options.filter else { return Ok(true) };
    let columns = options.filter_columns;
    let shown = Event {
        payload: if columns.payload { event.payload } else { &[] },
        extensions: if columns.extensions { event.extensions } else { Extensions::default() },
        ..*event
    };
    match filter(&shown) {
        Verdict::Keep => Ok(true),
        Verdict::Skip => Ok(false),
        Verdict::Stop(status) => Err(stop(status)),
    }
}

/// Whether the event is an earlier output of an import under this namespace.
fn comes_from(event: &Event<'_>, namespace: &str) -> Result<bool> {
    match event.source {
        Source::None => Ok(false),
        Source::Import { namespace: of, .. } => Ok(of == namespace),
        Source::Raw(_) => Ok(event.provenance()?.is_some_and(|p| p.namespace == namespace)),
    }
}

fn stop(status: i32) -> Error {
    match status {
        ..=-1 => Error::stopped(status),
        _ => Error::invalid(format!("a callback answered {status}; 1, 0 and negative numbers are answers")),
    }
}

fn conflict(source_id: Id, source_sequence: u64, key: Id) -> Error {
    let message = format!(
        "event {source_id} (sequence {source_sequence}) of the source would be event {key} here, which is there with other content"
    );
    Error::new(Code::ImportConflict, message).with_event(source_id, source_sequence)
}
