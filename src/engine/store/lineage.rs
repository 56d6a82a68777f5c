//! Which stores fed this one, from the records that imports leave.

use super::scan::Scan;
use super::Store;
use crate::engine::format::import_run::{Counts, ImportRun};
use crate::engine::format::selector;
use crate::engine::format::system::{self, ImportIdentity};
use crate::engine::log::segment::Flow;
use crate::engine::log::state::Log;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::limits::PAGE_ROWS_MAX;
use crate::engine::model::region::{KindRange, Region};
use foldhash::{HashMap, HashSet};

/// What one store brought by one selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    pub of: SourceKey,
    /// The label of the source, when it was last imported.
    pub label: String,
    /// The region, for people; empty for all events.
    pub region: String,
    /// Events of this store came under a name of the import's own, and under its native one.
    pub has_two_names: bool,
    /// How often it was imported from, as far as a record was left.
    pub runs: u64,
    pub imported: u64,
    pub deduplicated: u64,
    pub restored: u64,
    pub conflicts: u64,
    pub conflicts_kept: u64,
    /// When the first and the last record was written, and where the last one is.
    pub first_us: i64,
    pub last_us: i64,
    pub last_sequence: u64,
    /// As far as the last record goes: a sequence of the source, and its log hash there.
    pub watermark: u64,
    pub watermark_log_hash: Hash,
}

/// What the records of one row have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceKey {
    pub log_id: Id,
    pub store_id: Id,
    pub namespace: String,
    pub identity: ImportIdentity,
    /// What the caller calls the import.
    pub name: String,
    /// In canonical form.
    pub region: Vec<u8>,
    /// A filter chose among them.
    pub is_filtered: bool,
    /// Events whose name exists with other content were left out.
    pub conflicts_left_out: bool,
}

impl SourceRow {
    fn new(of: SourceKey, recorded_us: i64) -> SourceRow {
        let region = selector::region(&of.region).map_or(String::new(), |region| told(&region));
        SourceRow {
            of,
            label: String::new(),
            region,
            has_two_names: false,
            runs: 0,
            imported: 0,
            deduplicated: 0,
            restored: 0,
            conflicts: 0,
            conflicts_kept: 0,
            first_us: recorded_us,
            last_us: recorded_us,
            last_sequence: 0,
            watermark: 0,
            watermark_log_hash: Hash::ZERO,
        }
    }

    fn add(&mut self, run: ImportRun, sequence: u64, recorded_us: i64) {
        let Counts { imported, deduplicated, restored, conflicts, conflicts_kept, .. } = run.counts;
        let add = |sum: &mut u64, more| *sum = sum.saturating_add(more);
        add(&mut self.imported, imported);
        add(&mut self.deduplicated, deduplicated);
        add(&mut self.restored, restored);
        add(&mut self.conflicts, conflicts);
        add(&mut self.conflicts_kept, conflicts_kept);
        self.runs += 1;
        (self.label, self.last_us, self.last_sequence) = (run.label, recorded_us, sequence);
        (self.watermark, self.watermark_log_hash) = (run.watermark, run.watermark_log_hash);
    }
}

/// A region in words.
fn told(region: &Region) -> String {
    let Region { entity, scopes, kinds, versions, timestamps, recorded } = region;
    let mut parts: Vec<String> = Vec::new();
    parts.extend(entity.as_ref().map(|entity| format!("entity {entity}")));
    parts.extend((!scopes.is_empty()).then(|| format!("scope {}", scopes.join(" or "))));
    let kind = |range: &KindRange| match range.first == range.last {
        true => format!("0x{:04x}", range.first.0),
        false => format!("0x{:04x} to 0x{:04x}", range.first.0, range.last.0),
    };
    let kinds: Vec<String> = kinds.iter().map(kind).collect();
    parts.extend((!kinds.is_empty()).then(|| format!("kind {}", kinds.join(" or "))));
    parts.extend(versions.map(|(first, last)| format!("version {first} to {last}")));
    parts.extend(timestamps.map(|(first, last)| format!("time {first} to {last}")));
    parts.extend(recorded.map(|(first, last)| format!("recorded {first} to {last}")));
    parts.join(", ")
}

impl Log {
    /// Shows the library's own events of one kind.
    fn each_of_kind(&self, kind: Kind, show: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        let region = Region { kinds: vec![KindRange::exact(kind)], ..Region::default() };
        let until = self.current_frontier().visible;
        self.scan(&Scan { until, system: true, ..Scan::of(&region) }, &mut |event: &Event<'_>| {
            show(event);
            Ok(Flow::Continue(()))
        })
    }

    /// The stores whose events came under names of both sorts.
    fn with_two_names(&self) -> Result<HashSet<Id>> {
        let mut named = HashSet::<(Id, ImportIdentity)>::default();
        self.each_of_kind(Kind::NAMESPACE, &mut |event| {
            named.extend(system::namespace_store(event.payload));
        })?;
        let by_source = |store: &Id| named.contains(&(*store, ImportIdentity::Source));
        let by_origin = named.iter().filter(|(_, of)| *of == ImportIdentity::Origin);
        Ok(by_origin.map(|(store, _)| *store).filter(by_source).collect())
    }
}

impl Store {
    /// The stores that fed this one, one row for each and each selection, in the order in which
    /// they first did.
    pub fn sources(&self) -> Result<Vec<SourceRow>> {
        let store = &*self.0;
        store.check_open()?;
        store.refresh()?;
        let mut rows: Vec<SourceRow> = Vec::new();
        let (mut places, mut is_over) = (HashMap::<SourceKey, usize>::default(), false);
        store.each_of_kind(Kind::IMPORT_RUN, &mut |event| {
            let Some(run) = ImportRun::decode(event.payload) else { return };
            let of = SourceKey {
                log_id: run.source_log_id,
                store_id: run.source_store_id,
                namespace: run.source_namespace.clone(),
                identity: run.identity,
                name: run.name.clone(),
                region: run.region.clone(),
                is_filtered: run.filter.is_some(),
                conflicts_left_out: run.conflicts_left_out,
            };
            let at = places.get(&of).copied().unwrap_or(rows.len());
            if at == PAGE_ROWS_MAX {
                is_over = true;
                return;
            }
            if at == rows.len() {
                places.insert(of.clone(), at);
                rows.push(SourceRow::new(of, event.recorded_us));
            }
            rows[at].add(run, event.sequence, event.recorded_us);
        })?;
        if is_over {
            let max = PAGE_ROWS_MAX as u64;
            let message = format!("more than {max} sources and selections fed this store");
            return Err(Error::new(Code::LimitExceeded, message).with_numbers(max + 1, max));
        }
        let both = store.with_two_names()?;
        rows.iter_mut().for_each(|row| row.has_two_names = both.contains(&row.of.store_id));
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::log::options::Options;
    use crate::engine::store::identity::system_item;

    fn run(number: u8) -> ImportRun {
        ImportRun {
            source_log_id: Id(1),
            source_store_id: Id(2),
            source_namespace: "plant".into(),
            label: format!("label {number}"),
            identity: ImportIdentity::Source,
            name: String::new(),
            region: vec![0x80],
            filter: None,
            conflicts_left_out: false,
            after: 0,
            first_sequence: 1,
            watermark: number.into(),
            watermark_log_hash: Hash([number; 32]),
            counts: Counts { imported: number.into(), conflicts_kept: 1, ..Counts::default() },
            branch: 0,
            others: Vec::new(),
            head: None,
        }
    }

    #[test]
    fn runs_of_one_source_and_selection_are_one_row() {
        let path = std::env::temp_dir().join(format!("fbat-lineage-{}", std::process::id()));
        let store = Store::open(&path, &Options::default()).unwrap();
        let kinds = vec![KindRange::exact(Kind(0x1001))];
        let region = Region { entity: Some("pump".into()), kinds, ..Region::default() };
        let other = ImportRun { region: selector::encode(&region), ..run(7) };
        let mut runs = vec![run(1), other, run(5)];
        runs.push(ImportRun { filter: Some(String::new()), ..run(1) });
        for run in &runs {
            let payload = run.encode();
            store.0.commit(&[system_item(Kind::IMPORT_RUN, &payload)], None).unwrap();
        }
        let payload = system::namespace_payload("plant", Id(2), ImportIdentity::Source);
        store.0.commit(&[system_item(Kind::NAMESPACE, &payload)], None).unwrap();
        let rows = store.sources().unwrap();
        let figures: Vec<_> = rows.iter().map(|row| (row.runs, row.imported)).collect();
        assert_eq!(figures, [(2, 6), (1, 7), (1, 1)]);
        assert_eq!((&*rows[0].label, rows[0].watermark), ("label 5", 5));
        assert_eq!((rows[0].watermark_log_hash, rows[0].last_sequence), (Hash([5; 32]), 4));
        let told: Vec<_> = rows.iter().map(|row| &*row.region).collect();
        assert_eq!(told, ["", "entity pump, kind 0x1001", ""]);
        assert_eq!(rows.iter().filter(|row| row.of.is_filtered).count(), 1);
        assert!(!rows[0].has_two_names);
        let payload = system::namespace_payload("store:2", Id(2), ImportIdentity::Origin);
        store.0.commit(&[system_item(Kind::NAMESPACE, &payload)], None).unwrap();
        assert!(store.sources().unwrap()[0].has_two_names);
        store.close().unwrap();
        std::fs::remove_dir_all(&path).unwrap();
    }
}
