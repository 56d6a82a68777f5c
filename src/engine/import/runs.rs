//! The record that an import leaves in its destination, and where the next one goes on: after the
//! newest record whose log hash the source still has at its watermark.
//!
//! A log hash at a sequence stands for all that is before it. So a source that was restored,
//! repaired or replaced does not have it, and a copy that went on by itself has that of the part
//! which both share.

use super::names::Record;
use super::{ImportOptions, ImportReport, ImportSource, OnConflict};
use crate::engine::format::import_run::{Counts, Fork, ImportRun, Series};
use crate::engine::format::selector;
use crate::engine::format::system::ImportIdentity;
use crate::engine::log::state::Log;
use crate::engine::model::error::{Code, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::{Hash, Kind};
use crate::engine::store::Store;

/// An import that brought nothing leaves a record once it has examined so many events, other than
/// reserved ones, that no record covers.
const EXAMINED_MIN: u64 = 4096;
/// So many other branches are remembered.
const OTHERS_MAX: usize = 16;

/// A record of an earlier run.
struct Earlier {
    run: Box<ImportRun>,
    here: Here,
}

/// What the source has at the watermark of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Here {
    /// The log hash of the record.
    Same,
    /// Another one.
    Other(Hash),
    /// No event, or none that can be read.
    Nothing,
    /// It ends before that.
    Below,
}

/// The branches that the newest of so many records knows, with its own: their first numbers, and
/// those of their newest records, which descend.
fn heads(to: &Log, series: &Series, count: u64) -> Result<Vec<(u64, u64)>> {
    let Some(number) = count.checked_sub(1) else { return Ok(Vec::new()) };
    let Some(newest) = record(to, series, number)? else { return Ok(Vec::new()) };
    let mut heads = newest.others;
    heads.retain(|(branch, number)| branch <= number && *number < count - 1);
    heads.push((newest.branch, number));
    heads.sort_unstable_by_key(|(_, number)| std::cmp::Reverse(*number));
    heads.truncate(OTHERS_MAX);
    Ok(heads)
}

/// What the destination knows of earlier runs, and the record of this one.
pub struct Runs {
    series: Series,
    /// What selects, and the source; the rest follows at the end.
    draft: ImportRun,
    /// The number of the next record.
    number: u64,
    /// The newest record that the source still answers for.
    base: Option<Earlier>,
    /// The newest record of another history, where the log does not tell of that fork yet.
    other: Option<Earlier>,
    /// Of each branch its number, and that of its newest record.
    heads: Vec<(u64, u64)>,
    /// The record is the first of its branch.
    branches_off: bool,
    pub source: ImportSource,
    pub selector_changed: bool,
    /// Where this import begins.
    pub started_after: u64,
    /// Examined events that are not reserved, and that no record covers.
    uncovered: u64,
    /// The log has the record of this run.
    pub is_recorded: bool,
    is_dry: bool,
}

impl Runs {
    pub fn look(
        to: &Log,
        source: &Store,
        namespace: &str,
        options: &ImportOptions<'_>,
        ceiling: u64,
    ) -> Result<Runs> {
        let draft = draft(source, namespace, options);
        let series = Series::of(&draft, to.identity.repaired_through);
        let number = count(to, &series)?;
        let heads = heads(to, &series, number)?;
        let search = Search { to, source, series: &series, draft: &draft, ceiling };
        let (base, passed) = search.newest_that_holds(&heads, number)?;
        let is_in = |branch: u64| passed.iter().any(|earlier| earlier.run.branch == branch);
        let base_has_ended = base.as_ref().is_some_and(|base| is_in(base.run.branch));
        let differs = |earlier: &Earlier| matches!(earlier.here, Here::Other(_));
        let found_source = match &base {
            Some(_) if passed.is_empty() => ImportSource::GoesOn,
            Some(_) if !base_has_ended => ImportSource::Forked,
            None if passed.is_empty() => ImportSource::New,
            _ if passed.iter().all(|earlier| earlier.here == Here::Below) => ImportSource::Restored,
            _ => ImportSource::Diverged,
        };
        let selector_changed = base.is_none() && passed.is_empty() && search.has_another(number)?;
        let branches_off = base.is_none() || base_has_ended;
        let mut other = passed.into_iter().find(differs);
        if let (Some(base), Some(of), false) = (&base, &other, branches_off) {
            let fork = series.fork_id(base.run.branch.max(of.run.branch));
            other = other.filter(|_| !matches!(to.find_key(fork), Ok(Some(_))));
        }
        let resumes = options.resume
            && options.after == 0
            && (draft.identity == ImportIdentity::Origin || !draft.name.is_empty())
            && (draft.filter.is_none() || !draft.name.is_empty());
        let started_after = match &base {
            Some(base) if resumes => base.run.watermark,
            _ => options.after,
        };
        Ok(Runs {
            source: found_source,
            selector_changed,
            started_after,
            branches_off,
            heads,
            series,
            draft,
            number,
            base,
            other,
            uncovered: 0,
            is_recorded: false,
            is_dry: options.dry_run,
        })
    }

    /// An event was examined.
    #[inline(always)]
    pub fn meet(&mut self, event: &Event<'_>) {
        if self.draft.first_sequence == 0 {
            self.draft.first_sequence = event.sequence;
        }
        let covered = self.base.as_ref().map_or(0, |base| base.run.watermark);
        self.uncovered += u64::from(event.sequence > covered && !event.kind.is_reserved());
    }

    /// What closes an import that covers the source up to `watermark`; nothing where it needs no
    /// record. Two followers would wake each other for ever with records of nothing but records.
    pub fn closing(
        &mut self,
        source: &Store,
        report: &ImportReport,
        watermark: u64,
    ) -> Result<Vec<Record>> {
        let covered = self.base.as_ref().map_or(0, |base| base.run.watermark);
        let is_due = report.imported > report.overtaken
            || (watermark > covered && (self.other.is_some() || self.uncovered >= EXAMINED_MIN));
        if self.is_recorded || self.is_dry || !is_due || watermark == 0 {
            return Ok(Vec::new());
        }
        self.draft.watermark = watermark.max(covered);
        let Some(hash) = hash_at(source, self.draft.watermark)? else { return Ok(Vec::new()) };
        self.draft.watermark_log_hash = hash;
        self.draft.counts = counts(report);
        Ok(self.events())
    }

    /// Whether the log has the record that was made last.
    pub fn is_in(&self, to: &Log) -> Result<bool> {
        Ok(record(to, &self.series, self.number)?.as_ref() == Some(&self.draft))
    }

    /// The fork, where this run met one, and the record.
    fn events(&mut self) -> Vec<Record> {
        self.draft.branch = match &self.base {
            Some(base) if !self.branches_off => base.run.branch,
            _ => self.number,
        };
        let branch = self.draft.branch;
        self.draft.others = self.heads.iter().copied().filter(|(of, _)| *of != branch).collect();
        let run = Record {
            kind: Kind::IMPORT_RUN,
            id: self.series.run_id(self.number),
            payload: self.draft.encode(),
        };
        self.fork().into_iter().chain([run]).collect()
    }

    fn fork(&self) -> Option<Record> {
        let other = self.other.as_ref()?;
        let Here::Other(met_log_hash) = other.here else { return None };
        let draft = &self.draft;
        let fork = Fork {
            source_log_id: draft.source_log_id,
            common_sequence: self.base.as_ref().map_or(0, |base| base.run.watermark),
            sequence: other.run.watermark,
            known_store_id: other.run.source_store_id,
            known_log_hash: other.run.watermark_log_hash,
            met_store_id: draft.source_store_id,
            met_log_hash,
            met_last_sequence: draft.watermark,
            met_last_log_hash: draft.watermark_log_hash,
        };
        let id = self.series.fork_id(draft.branch.max(other.run.branch));
        Some(Record { kind: Kind::FORK, id, payload: fork.encode() })
    }

    /// Takes the next number: another import has taken this one, or told of the fork.
    pub fn renumber(&mut self) -> Vec<Record> {
        self.number += 1;
        self.other = self.other.take().filter(|_| self.branches_off);
        self.events()
    }
}

/// What a run of this import selects, and its source.
fn draft(source: &Store, namespace: &str, options: &ImportOptions<'_>) -> ImportRun {
    ImportRun {
        source_log_id: source.0.identity.log_id,
        source_store_id: source.store_id(),
        source_namespace: namespace.to_owned(),
        label: source.label().to_owned(),
        identity: options.identity,
        name: options.name.clone(),
        region: selector::encode(&options.region),
        filter: options.filter.is_some().then(|| options.name.clone()),
        conflicts_left_out: options.on_conflict == OnConflict::Skip,
        after: options.after,
        first_sequence: 0,
        watermark: 0,
        watermark_log_hash: Hash::ZERO,
        counts: Counts::default(),
        branch: 0,
        others: Vec::new(),
        head: None,
    }
}

fn counts(report: &ImportReport) -> Counts {
    Counts {
        imported: report.imported,
        deduplicated: report.deduplicated,
        skipped_reserved: report.skipped_reserved,
        skipped_filtered: report.skipped_filtered,
        skipped_reimported: report.skipped_reimported,
        conflicts: report.conflicts,
        overtaken: report.overtaken,
        restored: report.restored,
        conflicts_kept: report.conflicts_kept,
    }
}

/// The log hash of a source at a sequence; none where it has no event there, or a damaged one.
fn hash_at(source: &Store, sequence: u64) -> Result<Option<Hash>> {
    match source.log_hash_recorded(sequence) {
        Ok(hash) => Ok(Some(hash)),
        Err(e) if matches!(e.code(), Code::NotFound | Code::Corrupt) => Ok(None),
        Err(e) => Err(e),
    }
}

/// How many records a series has: their numbers are taken without a hole.
fn count(to: &Log, series: &Series) -> Result<u64> {
    let is_taken = |number| Ok(to.find_key(series.run_id(number))?.is_some());
    let (mut taken, mut free) = (0, 0);
    while is_taken(free)? {
        (taken, free) = (free + 1, free * 2 + 1);
    }
    while taken < free {
        let middle = taken + (free - taken) / 2;
        match is_taken(middle)? {
            true => taken = middle + 1,
            false => free = middle,
        }
    }
    Ok(free)
}

/// The record with a number; none where a caller has used its id as a key.
fn record(to: &Log, series: &Series, number: u64) -> Result<Option<ImportRun>> {
    let Some((segment, found)) = to.find_key(series.run_id(number))? else { return Ok(None) };
    let mut window = segment.window();
    let frame = match segment.frame_at(&mut window, found.offset.into()) {
        // Without it an import goes on from an older one, or begins at the start.
        Err(e) if e.code() == Code::Corrupt => return Ok(None),
        frame => frame?,
    };
    let payload = Some(frame.payload).filter(|_| frame.kind == Kind::IMPORT_RUN);
    Ok(payload.and_then(ImportRun::decode))
}

/// Where an import looks for the record that it goes on from.
struct Search<'a> {
    to: &'a Log,
    source: &'a Store,
    series: &'a Series,
    draft: &'a ImportRun,
    ceiling: u64,
}

impl Search<'_> {
    /// The newest of so many records that is of this selector, and that the source answers for;
    /// and those of the selector that were met before it.
    fn newest_that_holds(
        &self,
        heads: &[(u64, u64)],
        count: u64,
    ) -> Result<(Option<Earlier>, Vec<Earlier>)> {
        let mut met = Vec::new();
        for (_, number) in heads {
            match self.look_at(*number)? {
                Some(earlier) if earlier.here == Here::Same => return Ok((Some(earlier), met)),
                earlier => met.extend(earlier),
            }
        }
        let base = self.older_that_holds(count, &mut met)?;
        Ok((base, met))
    }

    /// As [`Search::newest_that_holds`], where the newest record of no branch does.
    ///
    /// Numbers ascend with watermarks as long as a source goes on. So one is looked for at
    /// distances that double, and then between that and the one before. What is found holds in any
    /// case; where histories took turns, it may not be the newest.
    fn older_that_holds(&self, count: u64, met: &mut Vec<Earlier>) -> Result<Option<Earlier>> {
        let (mut base, mut beyond, mut distance) = (None, 1, 2);
        while base.is_none() && beyond < count {
            distance = distance.min(count);
            match self.look_at(count - distance)? {
                Some(earlier) if earlier.here == Here::Same => base = Some(earlier),
                earlier => {
                    met.extend(earlier);
                    (beyond, distance) = (distance, distance * 2);
                }
            }
        }
        while base.is_some() && distance - beyond > 1 {
            let middle = beyond + (distance - beyond) / 2;
            match self.look_at(count - middle)? {
                Some(earlier) if earlier.here == Here::Same => {
                    (base, distance) = (Some(earlier), middle);
                }
                earlier => {
                    met.extend(earlier);
                    beyond = middle;
                }
            }
        }
        Ok(base)
    }

    /// A record, if it is of this selector.
    fn look_at(&self, number: u64) -> Result<Option<Earlier>> {
        let Some(run) = record(self.to, self.series, number)? else { return Ok(None) };
        if !self.covers(&run) {
            return Ok(None);
        }
        let here = match run.watermark {
            above if above > self.ceiling => Here::Below,
            watermark => match hash_at(self.source, watermark)? {
                Some(hash) if hash == run.watermark_log_hash => Here::Same,
                Some(hash) => Here::Other(hash),
                None => Here::Nothing,
            },
        };
        Ok(Some(Earlier { run: Box::new(run), here }))
    }

    /// Whether a run brought all that this one would, of what it covers.
    fn covers(&self, run: &ImportRun) -> bool {
        self.selects_as(run) && run.after <= self.draft.after
    }

    fn selects_as(&self, run: &ImportRun) -> bool {
        let draft = self.draft;
        run.region == draft.region
            && run.filter == draft.filter
            && (!run.conflicts_left_out || draft.conflicts_left_out)
    }

    /// Whether the newest of so many records is of another selector.
    fn has_another(&self, count: u64) -> Result<bool> {
        let Some(newest) = count.checked_sub(1) else { return Ok(false) };
        let newest = record(self.to, self.series, newest)?;
        Ok(newest.is_some_and(|run| !self.selects_as(&run)))
    }
}
