//! Chunks of an import: gathered on the caller's thread, and each committed on another while the
//! next is gathered.

use super::beside::Records;
use super::names::{Claim, Record};
use super::naming::Name;
use super::{ImportDurability, ImportReport, OnConflict};
use crate::engine::format::hash;
use crate::engine::format::system::ConflictIds;
use crate::engine::log::state::{lock, Log};
use crate::engine::model::content::Content;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::{Event, Extensions, Source};
use crate::engine::model::id::Id;
use crate::engine::model::key::conflict_key;
use crate::engine::model::limits::NAMESPACE_BYTES_MAX;
use crate::engine::platform::{process, task};
use crate::engine::store::commit::{ImportTerms, Outcome};
use crate::engine::store::item::{Item, FRAME_BYTES_MAX};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Events that are to be committed together; their strings and bytes are in two arenas.
#[derive(Default)]
pub struct Chunk {
    texts: String,
    arena: Vec<u8>,
    waiting: Vec<Waiting>,
    /// The names of their origins, as they change from one to the next.
    namespaces: Vec<Arc<str>>,
    /// What the batch limit of the destination report.
    pub bytes: usize,
    /// The destination's visible frontier before the first key was looked up.
    pub absent_at: u64,
    /// What closes the import, if all of the chunk is new.
    pub closing: Vec<Record>,
}

/// An event of a chunk: without its strings and bytes, which are at these places of the arenas.
struct Waiting {
    item: Item<'static>,
    texts_at: usize,
    bytes_at: usize,
    lengths: [usize; 5],
    /// Which of the namespaces its origin has.
    namespace: usize,
    admitted: Admitted,
    /// The id in its origin.
    event_id: Id,
    /// In the source.
    id: Id,
    sequence: u64,
}

/// Under which id an event is to be committed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Under the key of its name.
    New(Id),
    /// Under its own id, which the destination has lost.
    Restored(Id),
    /// Beside one with other content, which has the other id.
    Conflict { id: Id, beside: Id },
}

impl Admitted {
    pub fn id(self) -> Id {
        let (Admitted::New(id) | Admitted::Restored(id) | Admitted::Conflict { id, .. }) = self;
        id
    }

    /// Adds the event to those that were imported.
    pub fn count(self, report: &mut ImportReport) {
        report.imported += 1;
        match self {
            Admitted::New(_) => {}
            Admitted::Restored(_) => report.restored += 1,
            Admitted::Conflict { .. } => report.conflicts_kept += 1,
        }
    }
}

/// Entity and scope; extensions, payload and raw provenance.
type Parts<'a> = ([&'a str; 2], [&'a [u8]; 3]);

impl Waiting {
    fn new(event: &Event<'_>, name: &Name<'_>, admitted: Admitted) -> Waiting {
        let ([entity, scope], [extensions, payload, raw]) = parts_of(event, name);
        let lengths = [entity.len(), scope.len(), extensions.len(), payload.len(), raw.len()];
        let source = match name.source {
            Source::Import { event_id, sequence, .. } => {
                Source::Import { namespace: "", event_id, sequence }
            }
            _ => Source::Raw(&[]),
        };
        let (id, event_id, sequence) = (event.id, name.event_id, event.sequence);
        let event = Event {
            id: admitted.id(),
            kind: event.kind,
            timestamp_us: event.timestamp_us,
            flags: event.flags,
            payload_version: event.payload_version,
            correlation: event.correlation,
            payload_len: event.payload_len,
            content: event.content.known_hash().map_or(Content::default(), Content::Hash),
            source,
            ..Event::default()
        };
        let item = Item { event, ..Item::default() };
        let (texts_at, bytes_at, namespace) = (0, 0, 0);
        Waiting { item, texts_at, bytes_at, lengths, namespace, admitted, event_id, id, sequence }
    }

    /// What is to be committed, with its parts.
    fn item<'a>(&self, parts: Parts<'a>, namespace: &'a str) -> Item<'a> {
        let ([entity, scope], [extensions, payload, raw]) = parts;
        let mut item: Item<'a> = self.item;
        (item.event.entity, item.event.scope) = (entity, scope);
        item.event.extensions = Extensions(extensions);
        item.event.payload = payload;
        if item.event.content.known_hash().is_none() {
            item.event.content = Content::Short(payload);
        }
        match &mut item.event.source {
            Source::Import { namespace: of, .. } => *of = namespace,
            source => *source = Source::Raw(raw),
        }
        item
    }
}

fn parts_of<'a>(event: &Event<'a>, name: &Name<'a>) -> Parts<'a> {
    let raw = match name.source {
        Source::Raw(body) => body,
        _ => &[],
    };
    ([event.entity, event.scope], [event.extensions.0, event.payload, raw])
}

/// The record of a conflict has at most so many bytes: ids, a namespace, and those of a frame.
const RECORD_BYTES_MAX: usize = NAMESPACE_BYTES_MAX + FRAME_BYTES_MAX as usize + 256;

/// What is committed as a whole: a chunk, or one large event that need not be copied.
enum Pending<'a> {
    Chunk(&'a Chunk),
    Large { waiting: Box<Waiting>, parts: Parts<'a>, namespace: &'a str, absent_at: u64 },
}

impl<'a> Pending<'a> {
    fn waiting(&self) -> &[Waiting] {
        match self {
            Pending::Chunk(chunk) => &chunk.waiting,
            Pending::Large { waiting, .. } => std::slice::from_ref(waiting),
        }
    }

    fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.waiting().iter().map(move |waiting| self.item(waiting))
    }

    fn item<'b>(&'b self, waiting: &Waiting) -> Item<'b> {
        match self {
            Pending::Chunk(chunk) => chunk.item(waiting),
            Pending::Large { parts, namespace, .. } => waiting.item(*parts, namespace),
        }
    }

    fn namespace(&self, waiting: &Waiting) -> &str {
        match self {
            Pending::Chunk(chunk) => &chunk.namespaces[waiting.namespace],
            Pending::Large { namespace, .. } => namespace,
        }
    }

    fn closing(&self) -> &[Record] {
        match self {
            Pending::Chunk(chunk) => &chunk.closing,
            Pending::Large { .. } => &[],
        }
    }

    fn absent_at(&self) -> u64 {
        match self {
            Pending::Chunk(chunk) => chunk.absent_at,
            Pending::Large { absent_at, .. } => *absent_at,
        }
    }

    /// The error of the commit, in the words of an import where it is a conflict of the event at
    /// this place.
    fn name_conflict(&self, error: Error, at: Option<usize>) -> Error {
        let waiting = at.and_then(|at| self.waiting().get(at));
        match waiting.filter(|_| error.code() == Code::IdempotencyConflict) {
            Some(Waiting { id, sequence, admitted, .. }) => conflict(*id, *sequence, admitted.id()),
            None => error,
        }
    }
}

impl Chunk {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What the report will say of it, if all of it is new.
    pub fn as_new(&self) -> ImportReport {
        let mut report = ImportReport::default();
        self.waiting.iter().for_each(|waiting| waiting.admitted.count(&mut report));
        report
    }

    /// The tag of the event that waits under this key.
    pub fn tag_of(&self, key: Id) -> Option<u64> {
        let waiting = self.waiting.iter().find(|waiting| waiting.item.event.id == key)?;
        Some(hash::tag_of(&self.item(waiting).event))
    }

    pub fn push(&mut self, event: &Event<'_>, name: &Name<'_>, admitted: Admitted, bytes: usize) {
        let mut waiting = Waiting::new(event, name, admitted);
        (waiting.texts_at, waiting.bytes_at) = (self.texts.len(), self.arena.len());
        let (texts, parts) = parts_of(event, name);
        texts.iter().for_each(|text| self.texts.push_str(text));
        parts.iter().for_each(|part| self.arena.extend_from_slice(part));
        if !self.namespaces.last().is_some_and(|last| Arc::ptr_eq(last, name.namespace)) {
            self.namespaces.push(name.namespace.clone());
        }
        waiting.namespace = self.namespaces.len() - 1;
        self.bytes += bytes + parts[2].len();
        if let Admitted::Conflict { .. } = admitted {
            self.bytes += RECORD_BYTES_MAX;
        }
        self.waiting.push(waiting);
    }

    fn item<'a>(&'a self, waiting: &Waiting) -> Item<'a> {
        let [entity, scope, extensions, payload, raw] = waiting.lengths;
        let (entity, rest) = self.texts[waiting.texts_at..].split_at(entity);
        let (extensions, bytes) = self.arena[waiting.bytes_at..].split_at(extensions);
        let (payload, bytes) = bytes.split_at(payload);
        let parts = ([entity, &rest[..scope]], [extensions, payload, &bytes[..raw]]);
        waiting.item(parts, &self.namespaces[waiting.namespace])
    }

    fn clear(&mut self) {
        self.texts.clear();
        self.arena.clear();
        self.waiting.clear();
        self.namespaces.clear();
        self.closing.clear();
        (self.bytes, self.absent_at) = (0, 0);
    }
}

/// The error for an event of the source whose key exists with different content.
pub fn conflict(source_id: Id, source_sequence: u64, key: Id) -> Error {
    let message = format!(
        "event {source_id} (sequence {source_sequence}) of the source would be event {key} here, \
         which exists with different content"
    );
    Error::new(Code::ImportConflict, message).with_event(source_id, source_sequence)
}

/// The one way in which the chunks of an import are committed.
#[derive(Clone)]
pub struct Terms {
    pub destination: Arc<Log>,
    pub claim: Claim,
    /// What goes with the first event that the import brings.
    pub record: Option<Record>,
    /// The destination's visible frontier when the import was called.
    pub frontier: u64,
    pub on_conflict: OnConflict,
    pub durability: ImportDurability,
}

/// What the chunks of an import that were committed leave to the next.
struct Past {
    /// The frontiers before and after them, as long as nobody else appended between them.
    own: (u64, u64),
    /// What is to be written with the first new event; none once the log has it.
    record: Option<Record>,
}

impl Past {
    /// Takes in what became of a batch.
    fn note(&mut self, outcomes: &[Outcome]) {
        let mut new = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::New(receipt) => Some(receipt.sequence),
            _ => None,
        });
        if let Some(first) = new.next() {
            let before = if self.own.1 == first - 1 { self.own.0 } else { first - 1 };
            self.own = (before, new.next_back().unwrap_or(first));
        }
    }
}

impl Terms {
    /// Before the first chunk.
    fn past(&self) -> Past {
        Past { own: (0, 0), record: self.record.clone() }
    }

    fn commit(&self, pending: &Pending<'_>, past: &mut Past) -> Result<ImportReport> {
        let outcomes = self.append(pending, past)?;
        let mut report = self.count(pending.waiting().iter().zip(&outcomes))?;
        if self.on_conflict == OnConflict::Keep && report.conflicts > 0 {
            report.conflicts = 0;
            report.add(&self.keep(pending, &outcomes)?);
        }
        if self.durability == ImportDurability::Chunk {
            self.destination.sync_visible()?;
        }
        report.set_frontier(self.destination.current_frontier());
        Ok(report)
    }

    /// Commits events, the record before them where the log does not have it yet. What became of
    /// the events.
    fn append(&self, pending: &Pending<'_>, past: &mut Past) -> Result<Vec<Outcome>> {
        let skip_conflicts = self.on_conflict != OnConflict::Fail;
        let terms = ImportTerms { absent_at: pending.absent_at(), own: past.own, skip_conflicts };
        let mut closing = pending.closing();
        loop {
            let record = past.record.as_ref().map(Record::item);
            let before = usize::from(record.is_some());
            let kept = self.records_of(pending.waiting().iter(), pending)?;
            let mut items = Vec::with_capacity(before + pending.waiting().len() + closing.len());
            items.extend(record);
            kept.weave(pending.items(), &mut items);
            Item::complete(&mut items[before..]);
            items.extend(closing.iter().map(Record::closing_item));
            let error = match self.destination.commit(&items, Some(terms)) {
                Ok(mut outcomes) => {
                    past.note(&outcomes);
                    if outcomes.drain(..before).any(|of| !matches!(of, Outcome::Omitted)) {
                        past.record = None;
                    }
                    kept.unweave(&mut outcomes);
                    return Ok(outcomes);
                }
                Err(error) => error,
            };
            let at = error.item.and_then(|item| item.checked_sub(before));
            let of_event = at.and_then(|at| kept.unwoven(at));
            match (error.item, of_event) {
                // An import of another store took the namespace or the number meanwhile.
                (Some(_), None) if error.code() == Code::IdempotencyConflict => {
                    past.record = self.claim.record(&self.destination)?;
                }
                // Another run has this number: the import closes with a batch of its own.
                (_, Some(at))
                    if error.code() == Code::IdempotencyConflict
                        && at >= pending.waiting().len() =>
                {
                    closing = &[];
                }
                _ => return Err(pending.name_conflict(error, of_event)),
            }
        }
    }

    /// The records of those events that are kept beside others.
    fn records_of<'a>(
        &self,
        waiting: impl Iterator<Item = &'a Waiting>,
        pending: &Pending<'_>,
    ) -> Result<Records> {
        let mut records = Records::default();
        for (at, waiting) in waiting.enumerate() {
            if let Admitted::Conflict { id: kept, beside: first } = waiting.admitted {
                let ids = ConflictIds { event_id: waiting.event_id, first, kept };
                records.add(&self.destination, at, pending.namespace(waiting), ids)?;
            }
        }
        Ok(records)
    }

    /// Commits those whose keys arrived meanwhile with other content, beside them.
    fn keep(&self, pending: &Pending<'_>, outcomes: &[Outcome]) -> Result<ImportReport> {
        let mut kept: Vec<Waiting> = Vec::new();
        let mut items = Vec::new();
        for (waiting, outcome) in pending.waiting().iter().zip(outcomes) {
            let Outcome::Conflict = outcome else { continue };
            let mut item = pending.item(waiting);
            let content = item.event.content_hash();
            let beside = item.event.id;
            let id = conflict_key(pending.namespace(waiting), waiting.event_id, content);
            item.event.id = id;
            kept.push(Waiting { admitted: Admitted::Conflict { id, beside }, ..*waiting });
            items.push(item);
        }
        let terms = ImportTerms { absent_at: 0, own: (0, 0), skip_conflicts: true };
        loop {
            let records = self.records_of(kept.iter(), pending)?;
            let mut batch = Vec::new();
            records.weave(items.iter().copied(), &mut batch);
            Item::complete(&mut batch);
            match self.destination.commit(&batch, Some(terms)) {
                // An import took the number meanwhile.
                Err(error)
                    if error.code() == Code::IdempotencyConflict
                        && error.item.is_some_and(|item| records.unwoven(item).is_none()) => {}
                result => {
                    let mut outcomes = result?;
                    records.unweave(&mut outcomes);
                    return self.count(kept.iter().zip(&outcomes));
                }
            }
        }
    }

    fn count<'a>(
        &self,
        outcomes: impl Iterator<Item = (&'a Waiting, &'a Outcome)>,
    ) -> Result<ImportReport> {
        let mut report = ImportReport::default();
        for (waiting, outcome) in outcomes {
            let sequence = match outcome {
                Outcome::New(_) => {
                    waiting.admitted.count(&mut report);
                    continue;
                }
                Outcome::Conflict | Outcome::Omitted => {
                    report.conflicts += 1;
                    continue;
                }
                Outcome::Present(segment, offset) => segment.sequence_of(*offset)?,
                Outcome::Again(receipt) => receipt.sequence,
            };
            // What was visible before the call came from an import before this one.
            if sequence < self.frontier {
                report.deduplicated += 1;
            } else {
                report.imported += 1;
                report.overtaken += 1;
            }
        }
        Ok(report)
    }
}

/// So many chunks may be in flight: one is committed, and the next is ready when that is done.
const UNDER_WAY_MAX: usize = 2;

/// Commits chunks one after the other.
pub struct Committer {
    terms: Terms,
    /// On a thread of its own, once there is a chunk that others follow.
    overlap: bool,
    worker: Option<Worker>,
    /// Chunks that were started and not collected.
    under_way: usize,
    /// The outcome of a chunk that was committed on this thread.
    here: Option<Result<ImportReport>>,
    past: Past,
    /// Empty chunks with memory.
    spare: Vec<Chunk>,
}

impl Committer {
    pub fn new(terms: Terms, overlap: bool) -> Committer {
        Committer {
            past: terms.past(),
            terms,
            overlap,
            worker: None,
            under_way: 0,
            here: None,
            spare: Vec::new(),
        }
    }

    /// Whether a chunk was started and not collected.
    pub fn is_under_way(&self) -> bool {
        self.under_way > 0
    }

    /// Whether one has to be collected before another is started.
    pub fn is_full(&self) -> bool {
        self.under_way == UNDER_WAY_MAX
    }

    /// Whether one was committed on this thread, so that there is nothing to wait for.
    pub fn has_result(&self) -> bool {
        self.here.is_some()
    }

    /// Begins to commit `chunk`, which `more` will follow, and leaves an empty one in its place.
    pub fn start(&mut self, chunk: &mut Chunk, more: bool) {
        self.under_way += 1;
        if self.overlap && more && self.worker.is_none() {
            self.worker = Worker::spawn(self.terms.clone());
            self.overlap = self.worker.is_some();
        }
        match &self.worker {
            Some(worker) => {
                worker.give(std::mem::replace(chunk, self.spare.pop().unwrap_or_default()))
            }
            None => {
                self.here = Some(self.terms.commit(&Pending::Chunk(chunk), &mut self.past));
                chunk.clear();
            }
        }
    }

    /// Commits one event, while no chunk is in flight, from where it is. Its key was looked up
    /// while `absent_at` was the visible frontier.
    pub fn pass_on(
        &mut self,
        event: &Event<'_>,
        name: &Name<'_>,
        admitted: Admitted,
        absent_at: u64,
    ) {
        let waiting = Box::new(Waiting::new(event, name, admitted));
        let (parts, namespace) = (parts_of(event, name), &**name.namespace);
        let pending = Pending::Large { waiting, parts, namespace, absent_at };
        self.under_way += 1;
        self.here = Some(self.terms.commit(&pending, &mut self.past));
    }

    /// Waits for the first chunk that is in flight: its outcome, or none where there is none.
    pub fn collect(&mut self) -> Option<Result<ImportReport>> {
        self.under_way = self.under_way.checked_sub(1)?;
        if let Some(result) = self.here.take() {
            return Some(result);
        }
        let (chunk, result) = self.worker.as_mut()?.take();
        self.spare.push(chunk);
        Some(result)
    }
}

/// The thread of an import. It ends before this is dropped; in a forked child, where it is not,
/// nothing of it is touched.
struct Worker {
    /// The process that it is a thread of.
    process: u32,
    thread: Option<Thread>,
}

struct Thread {
    chunks: Arc<Handover<Chunk>>,
    results: Arc<Handover<(Chunk, Result<ImportReport>)>>,
    thread: JoinHandle<()>,
}

/// Values that one thread hands to another. It waits on a condition variable: the channels of std
/// leave memory on the thread of a program in C, and leak checkers complain of that.
struct Handover<T> {
    /// What waits; none is to come after that once it is closed.
    state: Mutex<(VecDeque<T>, bool)>,
    changed: Condvar,
}

impl<T> Handover<T> {
    fn new() -> Arc<Handover<T>> {
        Arc::new(Handover { state: Mutex::default(), changed: Condvar::new() })
    }

    /// False where the other side has gone.
    fn give(&self, value: T) -> bool {
        let mut state = lock(&self.state);
        if !state.1 {
            state.0.push_back(value);
            self.changed.notify_one();
        }
        !state.1
    }

    /// Waits for the next value; none where the other side has gone.
    fn take(&self) -> Option<T> {
        let none_yet = |state: &mut (VecDeque<T>, bool)| state.0.is_empty() && !state.1;
        let state = self.changed.wait_while(lock(&self.state), none_yet);
        state.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }

    fn close(&self) {
        lock(&self.state).1 = true;
        self.changed.notify_one();
    }
}

/// Closes when it is dropped, by a panic too.
struct CloseOnDrop<T>(Arc<Handover<T>>);

impl<T> Drop for CloseOnDrop<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Worker {
    /// None where no thread is to be had.
    fn spawn(terms: Terms) -> Option<Worker> {
        let (chunks, results) = (Handover::<Chunk>::new(), Handover::new());
        let (to_do, done) = (chunks.clone(), CloseOnDrop(results.clone()));
        let work = move || {
            let (mut past, mut failed) = (terms.past(), None);
            while let Some(mut chunk) = to_do.take() {
                // What comes after a chunk that failed is not committed.
                let result = match &failed {
                    None => terms.commit(&Pending::Chunk(&chunk), &mut past),
                    Some(error) => Err(Error::clone(error)),
                };
                failed = result.as_ref().err().cloned();
                chunk.clear();
                if !done.0.give((chunk, result)) {
                    return;
                }
            }
        };
        let thread = task::spawn("fbat-import", work).ok()?;
        let thread = Some(Thread { chunks, results, thread });
        Some(Worker { process: process::number(), thread })
    }

    fn give(&self, chunk: Chunk) {
        if let Some(thread) = self.thread.as_ref().filter(|_| !process::is_other(self.process)) {
            // Where the thread has panicked, the next take reports it.
            let _ = thread.chunks.give(chunk);
        }
    }

    fn take(&mut self) -> (Chunk, Result<ImportReport>) {
        if let Err(forked) = process::check(self.process) {
            return (Chunk::default(), Err(forked));
        }
        let received = self.thread.as_ref().and_then(|thread| thread.results.take());
        received.unwrap_or_else(|| {
            // It ends early by a panic only, which goes on here.
            let panic = self.thread.take().and_then(|thread| thread.thread.join().err());
            std::panic::resume_unwind(
                panic.unwrap_or_else(|| Box::new("the thread of an import is gone")),
            )
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(Thread { chunks, results, thread }) = self.thread.take() else { return };
        if process::is_other(self.process) {
            return std::mem::forget((chunks, results, thread));
        }
        chunks.close();
        results.close();
        let _panic_was_told = thread.join();
    }
}
