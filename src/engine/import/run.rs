//! An import as it goes: examining the source, event by event, and having chunks committed.

use super::chunk::{Admitted, Chunk, Committer, Terms};
use super::fate::{fate, Fate};
use super::foreseen::Foreseen;
use super::known::KnownEvents;
use super::names::{self, Claim, Earlier, Record};
use super::naming::{Namespace, Naming, Origins};
use super::plan::{PlanRow, Sums};
use super::runs::Runs;
use super::stretches::to_examine;
use super::{Cancel, ImportIdentity, ImportOptions, ImportOutcome, ImportReport};
use crate::engine::format::hash;
use crate::engine::log::segment::Flow;
use crate::engine::log::state::{Importing, Log};
use crate::engine::log::writer::batch_room;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::{batch_bytes, check_limit, Event, Extensions, Source};
use crate::engine::model::id::Id;
use crate::engine::model::key::{check_name, check_namespace, native_namespace, NATIVE};
use crate::engine::model::limits::Limits;
use crate::engine::platform::{os, process};
use crate::engine::store::item::{encoded_bound, FRAME_BYTES_MAX};
use crate::engine::store::scan::{Scan, Visit};
use crate::engine::store::Store;
use foldhash::HashSet;
use std::cell::LazyCell;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;

impl Store {
    /// Copies events of `source` into this store, each once, in the order of the source.
    ///
    /// Callbacks run on this thread with no lock held; they may read both stores and append to this
    /// one. Codes: `InvalidArgument` (no namespace), `ImportConflict`, `LimitExceeded` (an event
    /// that this store does not take), `Corrupt` (a damaged event of the source), `Stopped`,
    /// `Cancelled`, `Closed`, `ReadOnly`, `Poisoned`, `SourceDiverged` (`after` is above what the
    /// source has), and those of an unreadable provenance.
    pub fn import(&self, source: &Store, options: &mut ImportOptions<'_>) -> ImportOutcome {
        self.run_import(source, options, None).0
    }

    /// What an import would bring: by namespace of the origin, entity up to the first colon, and
    /// kind. A dry run, whatever the options say.
    pub fn plan_import(
        &self,
        source: &Store,
        options: &mut ImportOptions<'_>,
    ) -> (ImportOutcome, Vec<PlanRow>) {
        options.dry_run = true;
        let (outcome, sums) = self.run_import(source, options, Some(Sums::default()));
        (outcome, sums.map_or(Vec::new(), Sums::rows))
    }

    fn run_import(
        &self,
        source: &Store,
        options: &mut ImportOptions<'_>,
        sums: Option<Sums>,
    ) -> (ImportOutcome, Option<Sums>) {
        let _importing = [Importing::new(&self.0), Importing::new(&source.0)];
        match Run::start(self, source, options, sums) {
            Err(error) => {
                let resume_after = options.after;
                let report = ImportReport { resume_after, ..ImportReport::default() };
                (ImportOutcome { report, result: Err(error) }, None)
            }
            Ok(mut run) => {
                let result = run
                    .examine(source, options)
                    .and_then(|()| run.close(source, options))
                    .and_then(|()| run.report_end(options));
                run.finish(result, source, options)
            }
        }
    }
}

/// An import in flight.
struct Run<'d> {
    destination: &'d Log,
    source: &'d Log,
    naming: Naming,
    chunk_size: usize,
    /// What a chunk may take in a file of the destination.
    room: u64,
    committer: Committer,
    chunk: Chunk,
    /// Progress so far, without the outcome of chunks: `examined` now, `under_way` at each chunk in
    /// flight, `settled` at the last committed one.
    examined: ImportReport,
    under_way: VecDeque<ImportReport>,
    settled: ImportReport,
    /// The outcome of the committed chunks.
    committed: ImportReport,
    /// What the progress callback heard last.
    told: ImportReport,
    /// Events examined since the progress callback was last called.
    unreported: usize,
    /// Events that the walk passed since, those that do not match included.
    passed: usize,
    known: KnownEvents,
    runs: Box<Runs>,
    /// Ids under which events were admitted again since all was committed, where another store id
    /// of the destination may have used them.
    restoring: HashSet<Id>,
}

/// A chunk has at most so many bytes, or one event. So the memory of an import is bounded.
const CHUNK_BYTES: usize = 4 << 20;

/// So many ids are remembered of events that have theirs again, so that memory is bounded.
const RESTORING_MAX: usize = 1 << 16;

/// Progress is reported after so many events at the latest, or after those of a chunk.
const PROGRESS_EVENTS: usize = 4096;

/// The walk over the source.
struct Examination<'e, 'd, 'o> {
    run: &'e mut Run<'d>,
    options: &'e mut ImportOptions<'o>,
    source: &'e Log,
}

impl Examination<'_, '_, '_> {
    fn check(&self) -> Result<()> {
        self.options.cancel.map_or(Ok(()), Cancel::check)?;
        self.source.check_open()?;
        self.run.destination.check_open()
    }
}

impl Visit for Examination<'_, '_, '_> {
    fn pass(&mut self, sequence: u64) -> Result<()> {
        self.check()?;
        self.run.pass(sequence, self.options)
    }

    fn show(&mut self, event: &Event<'_>) -> Result<Flow> {
        self.run.take(event, self.options)?;
        Ok(Flow::Continue(()))
    }
}

impl<'d> Run<'d> {
    fn start(
        destination: &'d Store,
        source: &'d Store,
        options: &ImportOptions<'_>,
        sums: Option<Sums>,
    ) -> Result<Run<'d>> {
        let (to, from) = (&*destination.0, &*source.0);
        let namespace = namespace_of(from, options)?;
        options.region.check()?;
        if !options.name.is_empty() {
            check_name("the name of the import", &options.name)?;
        }
        match options.dry_run {
            true => to.check_open().and_then(|()| to.refresh()),
            false => to.check_writable(),
        }?;
        from.check_open()?;
        let naming = match options.identity {
            ImportIdentity::Source => Naming::Source {
                earlier: Earlier::of(to, from, &namespace)?,
                namespace: Namespace::new(&namespace),
                after_losses: to.identity.repaired_through > 0,
            },
            ImportIdentity::Origin => Naming::Origin(Origins::new(&to.identity, &from.identity)),
        };
        let asks_for_all = match &naming {
            Naming::Source { earlier, .. } => *earlier != Earlier::OtherStores,
            Naming::Origin(_) => false,
        };
        let foreseen = options.dry_run.then(|| Foreseen::new(asks_for_all, sums));
        let terms = terms(destination, source, &namespace, options)?;
        let ceiling = from.sync_for_copy()?;
        check_reaches(from, options.after)?;
        let runs = Runs::look(to, source, &namespace, options, ceiling)?;
        let report = ImportReport {
            source_ceiling: ceiling,
            started_after: runs.started_after,
            resume_after: runs.started_after,
            source: runs.source,
            selector_changed: runs.selector_changed,
            ..ImportReport::default()
        };
        let mut committed = ImportReport::default();
        committed.set_frontier(to.current_frontier());
        Ok(Run {
            destination: to,
            source: from,
            naming,
            chunk_size: (options.chunk_size.max(1) as usize)
                .min(to.options.limits.batch_events_max),
            room: batch_room(&to.dir),
            committer: Committer::new(terms, options.overlap && os::has_several_processors()),
            chunk: Chunk::default(),
            examined: report,
            under_way: VecDeque::new(),
            settled: report,
            committed,
            told: ImportReport::default(),
            unreported: 0,
            passed: 0,
            known: KnownEvents::new(foreseen),
            runs: Box::new(runs),
            restoring: HashSet::default(),
        })
    }

    fn examine(&mut self, source: &Store, options: &mut ImportOptions<'_>) -> Result<()> {
        let (from, region) = (&*source.0, options.region.clone().canonical());
        let (after, ceiling) = (self.runs.started_after, self.examined.source_ceiling);
        let previous_hash = options.filter_columns.previous_hash && options.filter.is_some();
        let rehash = options.rehash;
        let differing = to_examine(self.destination, from, options, (after, ceiling))?;
        let mut examination = Examination { run: self, options, source: from };
        examination.check()?;
        for (after, until) in differing.as_deref().unwrap_or(&[(after, ceiling)]) {
            let (region, after, until) = (&region, *after, *until);
            examination.run.known.begin_stretch();
            let (backward, system) = (false, true);
            let scan = Scan { region, after, until, backward, system, previous_hash, rehash };
            from.scan(&scan, &mut examination)?;
        }
        if differing.is_some() {
            // The destination has all else.
            self.examined.source_high_watermark = ceiling;
            self.examined.resume_after = ceiling;
        }
        Ok(())
    }

    /// The walk has come as far as `sequence`. Where nothing is committed for long, the progress
    /// callback hears of that.
    fn pass(&mut self, sequence: u64, options: &mut ImportOptions<'_>) -> Result<()> {
        self.examined.source_position = sequence;
        self.passed += 1;
        match self.passed < PROGRESS_EVENTS.max(self.chunk_size) {
            true => Ok(()),
            false => self.report(options),
        }
    }

    /// Puts one event of the source into its bucket.
    fn take(&mut self, event: &Event<'_>, options: &mut ImportOptions<'_>) -> Result<()> {
        let bytes = batch_bytes(event.entity, event.scope, event.payload, event.extensions.iter());
        let of_frame = FRAME_BYTES_MAX + self.naming.bytes_max() as u64;
        let frames = (self.chunk.len() as u64 + 1) * of_frame;
        let most = self.destination.options.limits.batch_bytes_max.min(CHUNK_BYTES);
        let full = self.chunk.bytes + bytes > most
            || (self.chunk.bytes + bytes) as u64 + frames > self.room;
        if full && !self.chunk.is_empty() {
            self.flush(options, true)?;
        }
        if bytes > CHUNK_BYTES {
            self.collect_all(options)?;
        }
        let before = self.examined;
        self.examined.source_high_watermark = event.sequence;
        self.examined.resume_after = event.sequence;
        let sorted = self.sort(event, bytes, before, options);
        sorted.inspect_err(|_| {
            self.examined.source_high_watermark = before.source_high_watermark;
            self.examined.resume_after = before.resume_after;
        })?;
        self.runs.meet(event);
        self.after_event(options)
    }

    fn sort(
        &mut self,
        event: &Event<'_>,
        bytes: usize,
        before: ImportReport,
        options: &mut ImportOptions<'_>,
    ) -> Result<()> {
        if event.kind.is_reserved() {
            self.examined.skipped_reserved += 1;
        } else if !filter_keeps(event, options)? {
            self.examined.skipped_filtered += 1;
        } else if self.is_own_output(event, options)? {
            self.examined.skipped_reimported += 1;
        } else {
            return self.admit(event, bytes, before, options);
        }
        Ok(())
    }

    /// Whether the event came to the source from the destination, which has it still, through an
    /// import under this namespace. Perhaps this very one has brought it back: in which chunk that
    /// was does not matter.
    fn is_own_output(
        &mut self,
        event: &Event<'_>,
        options: &mut ImportOptions<'_>,
    ) -> Result<bool> {
        let Naming::Source { namespace, earlier, .. } = &self.naming else { return Ok(false) };
        let namespace = &*namespace.text;
        let (id, raw) = match event.source {
            Source::Import { namespace: of, event_id, .. } if of == namespace => (event_id, false),
            Source::None | Source::Import { .. } => return Ok(false),
            Source::Raw(_) => match event.provenance()? {
                Some(of) if of.namespace == namespace => (of.event_id, true),
                _ => return Ok(false),
            },
        };
        let id = match earlier {
            Earlier::Itself => event.id,
            Earlier::OtherStores => return Ok(false),
            // An import of this version would have left a record.
            Earlier::Unknown if raw => return Ok(true),
            Earlier::Unknown | Earlier::Destination => id,
        };
        let tag = LazyCell::new(|| hash::tag_of(event));
        let find = |destination: &Log| destination.find_content(id, &|| *tag);
        let mut found = find(self.destination)?;
        if found.is_none() && self.committer.is_under_way() {
            self.collect_all(options)?;
            found = find(self.destination)?;
        }
        let mut there = found.map(|(_, found)| found.tag).or_else(|| self.chunk.tag_of(id));
        if let (None, Some(foreseen)) = (there, &self.known.foreseen) {
            there = foreseen.find(id)?.map(|brought| brought.tag);
        }
        Ok(there == Some(*tag))
    }

    /// Looks the event up in the destination; one that is new waits for its chunk. What was
    /// examined `before` it is committed first where that may decide.
    fn admit(
        &mut self,
        event: &Event<'_>,
        bytes: usize,
        before: ImportReport,
        options: &mut ImportOptions<'_>,
    ) -> Result<()> {
        let mut name = self.naming.name(event)?;
        if self.known.is_next(&name, event)? {
            match name.is_own {
                true => self.examined.skipped_reimported += 1,
                false => self.examined.deduplicated += 1,
            }
            return Ok(());
        }
        let is_alone = name.is_alone(event.id);
        let is_restoring = name.is_own && self.restoring.contains(&name.event_id);
        if let Some(foreseen) = &mut self.known.foreseen {
            if let Some(first) = name.first_in_source().filter(|_| !is_alone) {
                let here = if name.is_own { name.event_id } else { name.key() };
                foreseen.recall(self.source, first, here, &mut name)?;
            }
        } else if !is_alone || is_restoring || self.restoring.len() == RESTORING_MAX {
            self.settle(before, options)?;
            name = self.naming.name(event)?;
        }
        if self.chunk.is_empty() {
            self.chunk.absent_at = self.destination.visible.load(Ordering::Acquire);
        }
        #[cfg(feature = "internal")]
        let look = !options.seams.skip_lookup;
        #[cfg(not(feature = "internal"))]
        let look = true;
        if !look {
            self.chunk.absent_at = 0;
        }
        let known = look.then_some(&mut self.known);
        let fate = fate(self.destination, known, event, &mut name, options.on_conflict)?;
        match &fate {
            Fate::Admitted(_) => {}
            Fate::Duplicate => self.examined.deduplicated += 1,
            Fate::Reimported => self.examined.skipped_reimported += 1,
            Fate::Conflict => self.examined.conflicts += 1,
        }
        let Fate::Admitted(admitted) = fate else { return Ok(()) };
        check_limits(event, bytes, &self.destination.options.limits)?;
        if let Some(foreseen) = &mut self.known.foreseen {
            foreseen.add(event, &mut name, admitted, is_alone);
            admitted.count(&mut self.committed);
            return Ok(());
        }
        if let (Admitted::Restored(id), true) = (admitted, name.may_be_elsewhere) {
            self.restoring.insert(id);
        }
        if bytes <= CHUNK_BYTES {
            self.chunk.push(event, &name, admitted, bytes);
            // What has the same name and is alone may come after it.
            return if is_alone { Ok(()) } else { self.settle(self.examined, options) };
        }
        options.cancel.map_or(Ok(()), Cancel::check)?;
        #[cfg(feature = "internal")]
        if let Some(hook) = &mut options.seams.before_commit {
            hook();
        }
        // Without a copy of an event that is larger than a chunk.
        self.under_way.push_back(self.examined);
        self.committer.pass_on(event, &name, admitted, self.chunk.absent_at);
        self.collect_all(options)
    }

    /// Has all that waits committed, which covers what was `examined`.
    fn settle(&mut self, examined: ImportReport, options: &mut ImportOptions<'_>) -> Result<()> {
        let now = std::mem::replace(&mut self.examined, examined);
        self.flush(options, true)?;
        self.collect_all(options)?;
        self.examined = now;
        self.restoring.clear();
        Ok(())
    }

    /// Hands the chunk over when it is full, and reports progress.
    fn after_event(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        self.unreported += 1;
        if self.chunk.len() >= self.chunk_size {
            return self.flush(options, true);
        }
        if self.chunk.is_empty() {
            if self.unreported >= self.chunk_size {
                self.collect_all(options)?;
            }
            if !self.committer.is_under_way() {
                self.settled = self.examined;
                if self.unreported >= self.chunk_size {
                    self.committed.set_frontier(self.destination.current_frontier());
                    return self.report(options);
                }
            }
        }
        Ok(())
    }

    /// Has what waits committed, `more` being to come; returns before it is, where there is a
    /// thread for it.
    fn flush(&mut self, options: &mut ImportOptions<'_>, more: bool) -> Result<()> {
        if !more {
            self.collect_all(options)?;
        } else if self.committer.is_full() {
            self.collect(options)?;
        }
        if self.examined != self.settled {
            // What was examined beside the commit does not count where the callback that heard of
            // that cancelled.
            options.cancel.map_or(Ok(()), Cancel::check)?;
        }
        if self.chunk.is_empty() {
            self.settled = self.examined;
            return Ok(());
        }
        #[cfg(feature = "internal")]
        if let Some(hook) = &mut options.seams.before_commit {
            hook();
        }
        self.under_way.push_back(self.examined);
        self.committer.start(&mut self.chunk, more);
        match more && !self.committer.has_result() {
            true => Ok(()),
            false => self.collect_all(options),
        }
    }

    fn collect_all(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        while self.committer.is_under_way() {
            self.collect(options)?;
        }
        Ok(())
    }

    /// Waits for the first chunk that is in flight.
    fn collect(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        let examined = self.under_way.pop_front();
        let Some(chunk) = self.committer.collect().transpose()? else { return Ok(()) };
        self.committed.add_chunk(&chunk);
        self.settled = examined.unwrap_or(self.settled);
        self.report(options)
    }

    /// All is read: commits what waits, with the record of the run where all of it is new.
    fn close(&mut self, source: &Store, options: &mut ImportOptions<'_>) -> Result<()> {
        self.collect_all(options)?;
        let ceiling = self.examined.source_ceiling;
        if !self.chunk.is_empty() {
            let mut report = self.examined;
            report.add(&self.committed);
            report.add(&self.chunk.as_new());
            let closing = self.runs.closing(source, &report, ceiling)?;
            let bytes =
                closing.iter().map(|of| encoded_bound(&of.closing_item().event)).sum::<u64>();
            let frames = (self.chunk.len() + 1) as u64;
            let frames = frames * (FRAME_BYTES_MAX + self.naming.bytes_max() as u64);
            if self.chunk.bytes as u64 + frames + bytes <= self.room {
                self.chunk.closing = closing;
            }
        }
        let is_closing = !self.chunk.closing.is_empty();
        self.flush(options, false)?;
        self.runs.is_recorded = is_closing && self.runs.is_in(self.destination)?;
        self.record(source, ceiling)
    }

    /// Commits the record of the run in a batch of its own, unless the log has it.
    fn record(&mut self, source: &Store, watermark: u64) -> Result<()> {
        let mut closing = self.runs.closing(source, &self.so_far(), watermark)?;
        while !closing.is_empty() {
            let items: Vec<_> = closing.iter().map(Record::closing_item).collect();
            match self.destination.commit(&items, None) {
                Err(e) if e.code() == Code::IdempotencyConflict => closing = self.runs.renumber(),
                result => {
                    self.runs.is_recorded = result.is_ok();
                    return result.map(drop);
                }
            }
        }
        Ok(())
    }

    /// All is read and committed: the progress callback hears of that, unless it has.
    fn report_end(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        self.examined.source_position = self.examined.source_ceiling;
        match self.told == self.so_far() {
            true => Ok(()),
            false => self.report(options),
        }
    }

    fn report(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        (self.unreported, self.passed) = (0, 0);
        let told = self.so_far();
        let Some(progress) = &mut options.progress else { return Ok(()) };
        self.told = told;
        let verdict = progress(&told);
        self.destination.check_process()?;
        // Who has stopped the import is not called again by its end.
        verdict.keeps().map(|_| ()).inspect_err(|_| options.progress = None)
    }

    /// As far as committed chunks go.
    fn so_far(&self) -> ImportReport {
        let mut report = self.settled;
        report.add_chunk(&self.committed);
        report.source_position = self.examined.source_position;
        report
    }

    /// Counts every chunk that is in flight, also where a callback wants no more: they are
    /// committed.
    fn finish_chunks(&mut self, options: &mut ImportOptions<'_>) -> Result<()> {
        let first = self.collect_all(options);
        match first.is_err() && self.committer.is_under_way() {
            true => first.and(self.finish_chunks(options)),
            false => first,
        }
    }

    /// Makes what was committed durable, also after a failure, and closes the report.
    fn finish(
        mut self,
        result: Result<()>,
        source: &Store,
        options: &mut ImportOptions<'_>,
    ) -> (ImportOutcome, Option<Sums>) {
        // Chunks that are in flight come before whatever ended the import.
        let mut result = self.finish_chunks(options).and(result);
        if result.is_err() && self.destination.check_open().is_ok() {
            let watermark = self.settled.resume_after;
            result = result.and(self.record(source, watermark));
        }
        let synced = match self.destination.check_open() {
            Err(forked) if forked.code() == Code::Forked => Err(forked),
            open if options.dry_run => open,
            // A close that is in flight may not have synced yet.
            open => self.destination.sync_visible().and(open),
        };
        self.committed.set_frontier(self.destination.current_frontier());
        let outcome = ImportOutcome { report: self.so_far(), result: result.and(synced) };
        (outcome, self.known.foreseen.and_then(Foreseen::into_sums))
    }
}

/// The namespace of an import.
fn namespace_of(source: &Log, options: &ImportOptions<'_>) -> Result<String> {
    let (given, native) = (&options.namespace, native_namespace(source.store_id()));
    match options.identity {
        ImportIdentity::Source if given.is_empty() => {
            Err(Error::invalid("the namespace of the import is missing"))
        }
        ImportIdentity::Source if given.starts_with(NATIVE) && *given != native => {
            Err(Error::invalid(format!(
                "the namespace '{given}' is that of another store than the source, which is \
                 '{native}'"
            )))
        }
        ImportIdentity::Source => check_namespace(given).map(|()| given.clone()),
        ImportIdentity::Origin if given.is_empty() || *given == native => Ok(native),
        ImportIdentity::Origin => Err(Error::invalid(format!(
            "the namespace '{given}' is not '{native}', that of the source: with identity by \
             origin it is left out"
        ))),
    }
}

/// How chunks are committed, if the namespace may stand for this source.
fn terms(
    destination: &Store,
    source: &Store,
    namespace: &str,
    options: &ImportOptions<'_>,
) -> Result<Terms> {
    let (to, source) = (&*destination.0, source.0.store_id());
    if !options.allow_self && options.identity == ImportIdentity::Source {
        names::refuse_itself(to.store_id(), source)?;
    }
    // Of itself a store can lose nothing to another of that name.
    let itself = to.store_id() == source;
    let claim = Claim {
        namespace: namespace.into(),
        source,
        identity: options.identity,
        allow_other_store: options.allow_other_store || itself,
        allow_other_identity: options.allow_other_identity || itself,
    };
    Ok(Terms {
        destination: destination.0.clone(),
        frontier: to.current_frontier().visible,
        record: claim.record(to)?,
        claim,
        on_conflict: options.on_conflict,
        durability: options.durability,
    })
}

/// Refuses a position that the source never reached: it belongs to another store, or to a history
/// that this one lost.
fn check_reaches(source: &Log, after: u64) -> Result<()> {
    let visible = source.current_frontier().visible;
    if after <= visible {
        return Ok(());
    }
    let message = format!(
        "the import is to go on after sequence {after}, and the source has {visible}: it was \
         restored from an older copy, or is another store"
    );
    Err(Error::new(Code::SourceDiverged, message).with_numbers(after, visible))
}

/// Refuses an event that a destination does not take.
fn check_limits(event: &Event<'_>, bytes: usize, limits: &Limits) -> Result<()> {
    check_limit("payload bytes", event.payload.len(), limits.payload_bytes_max)
        .and_then(|()| check_limit("batch bytes", bytes, limits.batch_bytes_max))
        .map_err(|e| {
            e.context(format!("event {} (sequence {}) of the source", event.id, event.sequence))
        })
        .map_err(|e| e.with_event(event.id, event.sequence))
}

fn filter_keeps(event: &Event<'_>, options: &mut ImportOptions<'_>) -> Result<bool> {
    let Some(filter) = &mut options.filter else { return Ok(true) };
    let columns = options.filter_columns;
    let shown = Event {
        payload: if columns.payload { event.payload } else { &[] },
        extensions: if columns.extensions { event.extensions } else { Extensions::default() },
        ..*event
    };
    let process = process::number();
    let verdict = filter(&shown);
    process::check(process)?;
    verdict.keeps()
}
