//! What the events of a history are, and the ways from store to store that let some of them
//! through.

use crate::common::{Rng, EPOCH_US};
use fbat::engine::import::{
    ImportIdentity, ImportOptions, ImportOutcome, ImportReport, ImportSeams, OnConflict,
};
use fbat::engine::model::event::{Event, NewEvent};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::Store;

/// The number of an event determines all that it carries but its id, so that equal payloads are
/// equal events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u64);

const ENTITIES: [&str; 4] = ["order", "order:1", "order:1:2", "other"];
const SCOPES: [&str; 2] = ["east", "west"];

impl Number {
    pub fn kind(self) -> u16 {
        0x1000 + (self.0 % 3) as u16
    }

    fn scope(self) -> &'static str {
        SCOPES[(self.0 / 3 % 2) as usize]
    }

    fn entity(self) -> &'static str {
        ENTITIES[(self.0 / 6 % 4) as usize]
    }

    fn timestamp_us(self) -> i64 {
        EPOCH_US + (self.0 / 24 % 100) as i64
    }

    /// One in a few is large, so that segments fill up.
    pub fn payload(self) -> Vec<u8> {
        let mut payload = self.0.to_le_bytes().to_vec();
        payload.resize(if self.0 % 7 == 3 { 1500 } else { 8 }, b'x');
        payload
    }

    pub fn of_payload(payload: &[u8]) -> Number {
        Number(u64::from_le_bytes(payload[..8].try_into().unwrap()))
    }

    pub fn content(self) -> Hash {
        Hash(*blake3::hash(&self.payload()).as_bytes())
    }

    /// What is appended under this key.
    pub fn event(self, key: Id, payload: &[u8]) -> NewEvent<'_> {
        NewEvent {
            key,
            entity: self.entity(),
            scope: self.scope(),
            kind: Kind(self.kind()),
            payload,
            timestamp_us: Some(self.timestamp_us()),
            flags: self.0 as u32,
            ..NewEvent::default()
        }
    }
}

/// By what a way selects: by what an event carries everywhere.
#[derive(Clone, Copy, Debug)]
pub enum Select {
    All,
    Kind(u16),
    Scope(&'static str),
    Entity(&'static str),
    Times(i64, i64),
    /// Events whose flags have this remainder.
    Flags(u32),
}

impl Select {
    pub fn any(rng: &mut Rng) -> Select {
        match rng.below(12) {
            0 => Select::Kind(0x1000 + rng.below(3) as u16),
            1 => Select::Scope(SCOPES[rng.below(2) as usize]),
            2 => Select::Entity(ENTITIES[rng.below(4) as usize]),
            3 => Select::Times(EPOCH_US + 20, EPOCH_US + 80),
            4 => Select::Flags(rng.below(2) as u32),
            _ => Select::All,
        }
    }

    fn lets_through(self, number: Number) -> bool {
        match self {
            Select::All => true,
            Select::Kind(kind) => number.kind() == kind,
            Select::Scope(scope) => number.scope() == scope,
            Select::Entity(entity) => is_within(number.entity(), entity),
            Select::Times(first, last) => (first..=last).contains(&number.timestamp_us()),
            Select::Flags(odd) => number.0 as u32 % 2 == odd,
        }
    }

    /// The same as a region, where there is one.
    fn region(self) -> Option<Region> {
        let mut region = Region::default();
        match self {
            Select::All => {}
            Select::Kind(kind) => region.kinds = vec![KindRange::exact(Kind(kind))],
            Select::Scope(scope) => region.scopes = vec![scope.to_owned()],
            Select::Entity(entity) => region.entity = Some(entity.to_owned()),
            Select::Times(first, last) => region.timestamps = Some((first, last)),
            Select::Flags(_) => return None,
        }
        Some(region)
    }

    /// The same as what a filter says of an event.
    fn keeps(self, event: &Event<'_>) -> Verdict {
        let keeps = match self {
            Select::All => true,
            Select::Kind(kind) => event.kind.0 == kind,
            Select::Scope(scope) => event.scope == scope,
            Select::Entity(entity) => is_within(event.entity, entity),
            Select::Times(first, last) => (first..=last).contains(&event.timestamp_us),
            Select::Flags(odd) => event.flags % 2 == odd,
        };
        if keeps {
            Verdict::Keep
        } else {
            Verdict::Skip
        }
    }
}

fn is_within(entity: &str, top: &str) -> bool {
    entity.strip_prefix(top).is_some_and(|below| below.is_empty() || below.starts_with(':'))
}

/// A fault in how stores are fed, which the comparison must notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    None,
    /// Events go by the name of their source.
    BySource,
    /// What contradicts is left out.
    DropsConflicts,
}

/// A way from one store to another.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub from: usize,
    pub to: usize,
    pub select: Select,
    /// By a filter, and not by a region.
    pub by_filter: bool,
}

impl Way {
    pub fn lets_through(&self, number: Number) -> bool {
        self.select.lets_through(number)
    }
}

/// One import over a way, as it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    pub way: Way,
    pub chunk_size: u32,
    pub overlap: bool,
    /// Leaves it to the commit to find out what is there.
    pub skip_lookup: bool,
    /// Goes on where the last import of this selection ended.
    pub resume: bool,
    /// The import has a name, under which one with a filter resumes, too.
    pub is_named: bool,
    /// Ends after so many reports of progress; 0: goes to its end.
    pub stop_after: u64,
    /// Only reports what it would do.
    pub dry_run: bool,
    pub fault: Fault,
}

impl Feed {
    pub fn any(way: Way, fault: Fault, rng: &mut Rng) -> Feed {
        let most = if rng.one_in(2) { 8 } else { 64 };
        let chunk_size = rng.range(1, most) as u32;
        let (overlap, skip_lookup) = (rng.one_in(2), rng.one_in(10));
        let (resume, is_named) = (!rng.one_in(6), rng.one_in(2));
        let (stop_after, dry_run) = (0, false);
        Feed { way, chunk_size, overlap, skip_lookup, resume, is_named, stop_after, dry_run, fault }
    }

    /// Imports; `tell` hears of each committed chunk.
    pub fn run(
        &self,
        to: &Store,
        from: &Store,
        tell: &mut dyn FnMut(&ImportReport),
    ) -> ImportOutcome {
        let (select, mut told) = (self.way.select, 0);
        let mut filter = |event: &Event<'_>| select.keeps(event);
        let mut progress = |report: &ImportReport| {
            tell(report);
            told += 1;
            if told == self.stop_after {
                Verdict::Stop(-77)
            } else {
                Verdict::Keep
            }
        };
        let mut options = ImportOptions {
            identity: ImportIdentity::Origin,
            on_conflict: OnConflict::Keep,
            chunk_size: self.chunk_size,
            overlap: self.overlap,
            resume: self.resume,
            dry_run: self.dry_run,
            seams: ImportSeams { skip_lookup: self.skip_lookup, before_commit: None },
            ..ImportOptions::default()
        };
        if self.is_named {
            options.name = format!("{select:?}");
        }
        match self.fault {
            Fault::None => {}
            Fault::BySource => {
                options.identity = ImportIdentity::Source;
                options.namespace = from.native_namespace();
                (options.allow_self, options.allow_other_identity) = (true, true);
            }
            Fault::DropsConflicts => options.on_conflict = OnConflict::Skip,
        }
        match select.region().filter(|_| !self.way.by_filter) {
            Some(region) => options.region = region,
            None => options.filter = Some(&mut filter),
        }
        options.progress = Some(&mut progress);
        to.import(from, &mut options)
    }
}
