//! What a worker was told, remembered outside of its process, and what is wrong with its store
//! afterwards.

use super::worker::{append_batch, chunk_of, key_of, namespace_of, payload_of, size_of, Source};
use super::Pages;
use super::{import, open_reader, Row, Store};
use fbat::engine::model::error::Result;
use fbat::engine::model::event::Columns;
use fbat::engine::model::id::Id;
use fbat::engine::store::query::Query;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An acknowledged batch.
#[derive(Clone, Debug)]
struct Told {
    sequence: u64,
    /// That of its last event.
    event_hash: String,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Written,
    Durable,
    /// Written, not synced, and then the power went: it may be there.
    Doubtful,
}

/// How many events of an import were there, by what was said.
#[derive(Clone, Copy, Default, Debug)]
struct Imported {
    committed: u64,
    durable: u64,
}

/// Everything that was acknowledged or read, by batch, by import and by sequence.
#[derive(Clone, Default)]
pub struct Ledger {
    batches: BTreeMap<u64, Told>,
    imports: BTreeMap<u64, Imported>,
    /// Which event had which sequence, also of those that were lost since.
    seen: HashMap<u64, Id>,
    /// What the last worker was about to do.
    pub doing: String,
    /// How its steps failed.
    pub failed: Vec<String>,
}

impl Ledger {
    /// Takes in what a worker says; see `worker.rs` for its words.
    pub fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap_or_else(|_| panic!("{line}"));
        match words[0] {
            "doing" => self.doing = words[1].to_owned(),
            "appended" => {
                let standing =
                    if words[4] == "true" { Standing::Durable } else { Standing::Written };
                let told = Told { sequence: number(2), event_hash: words[3].to_owned(), standing };
                self.seen.extend(
                    (0..size_of(number(1)))
                        .map(|item| (told.sequence + item, key_of(number(1), item))),
                );
                self.batches.insert(number(1), told);
            }
            "synced" => {
                let written =
                    self.batches.iter_mut().filter(|(_, told)| told.standing == Standing::Written);
                let synced = written
                    .filter(|(batch, told)| told.sequence + size_of(**batch) <= number(1) + 1);
                synced.for_each(|(_, told)| told.standing = Standing::Durable);
            }
            "imported" => {
                let import = self.imports.entry(number(1)).or_default();
                import.committed = import.committed.max(number(2));
                import.durable = import.durable.max(number(3));
            }
            "failed" => self.failed.push(line.to_owned()),
            _ => panic!("{line}"),
        }
    }

    /// The power went; the next worker may find less than was written.
    pub fn doubt(&mut self) {
        let written = self.batches.values_mut().filter(|told| told.standing == Standing::Written);
        written.for_each(|told| told.standing = Standing::Doubtful);
        self.imports.values_mut().for_each(|told| told.committed = told.durable);
    }

    pub fn acknowledged(&self) -> usize {
        self.batches.len()
    }

    /// What a reader saw: no other event may ever have these sequences.
    pub fn saw(&mut self, rows: &[Row]) {
        self.seen.extend(rows.iter().map(|row| (row.sequence, row.id)));
    }

    /// What is wrong with `rows`, all that is in the store; `source` is what was imported.
    pub fn findings(&self, rows: &[Row], source: &[Row]) -> Vec<String> {
        let mut found = Vec::new();
        let (mut by_key, mut imports, mut last) =
            (HashMap::new(), BTreeMap::<String, Vec<&Row>>::new(), 0);
        for row in rows {
            if row.sequence <= last {
                found.push(format!("sequence {} after {last}", row.sequence));
            }
            last = row.sequence;
            if let Some(other) = self.seen.get(&row.sequence).filter(|id| **id != row.id) {
                found.push(format!(
                    "sequence {last} was that of {other}, and is that of {}",
                    row.id
                ));
            }
            if by_key.insert(row.id, row).is_some() {
                found.push(format!("{} is there twice", row.id));
            }
            if let Some(provenance) = &row.provenance {
                imports.entry(provenance.namespace.clone()).or_default().push(row);
            }
        }
        self.check_batches(&by_key, &mut found);
        for number in self.imports.keys() {
            imports.entry(namespace_of(*number)).or_default();
        }
        for (namespace, there) in &imports {
            let number =
                namespace.trim_start_matches("import").parse().expect("a namespace of a worker");
            let told = self.imports.get(&number).copied().unwrap_or_default();
            found.extend(import_findings(number, there, source, told.committed));
        }
        let more = found.len().saturating_sub(8);
        if more > 0 {
            found.truncate(8);
            found.push(format!("and {more} more"));
        }
        found
    }

    /// Acknowledged batches that are not there as they were, and batches of which a part is there.
    fn check_batches(&self, by_key: &HashMap<Id, &Row>, found: &mut Vec<String>) {
        let appended = by_key.values().filter(|row| row.provenance.is_none());
        let there: BTreeSet<u64> = appended.map(|row| (row.id.0 >> 64) as u64).collect();
        let told = self
            .batches
            .iter()
            .filter(|(_, told)| told.standing != Standing::Doubtful)
            .map(|(batch, _)| *batch);
        for batch in there.iter().copied().chain(told).collect::<BTreeSet<u64>>() {
            for item in 0..size_of(batch) {
                match by_key.get(&key_of(batch, item)) {
                    None => found.push(format!("item {item} of batch {batch} is missing")),
                    Some(row) if row.payload != payload_of(batch, item) => {
                        found.push(format!("item {item} of batch {batch} has another payload"))
                    }
                    Some(_) => {}
                }
            }
            let Some(told) = self.batches.get(&batch) else { continue };
            let last = by_key.get(&key_of(batch, size_of(batch) - 1));
            let sequence = told.sequence + size_of(batch) - 1;
            if last.is_none_or(|row| {
                row.sequence != sequence || row.event_hash.to_string() != told.event_hash
            }) {
                found.push(format!("batch {batch} is not as it was acknowledged: {told:?}"));
            }
        }
    }

    /// After a check: what is there now stays, and what is not was lost and keeps its sequences.
    pub fn settle(&mut self, rows: &[Row]) {
        self.saw(rows);
        let there: BTreeSet<Id> = rows.iter().map(|row| row.id).collect();
        self.batches.retain(|batch, _| there.contains(&key_of(*batch, 0)));
        self.batches.values_mut().for_each(|told| told.standing = Standing::Durable);
        for (number, told) in &mut self.imports {
            let name = namespace_of(*number);
            let count = rows
                .iter()
                .filter(|row| row.provenance.as_ref().is_some_and(|p| p.namespace == name))
                .count();
            *told = Imported { committed: count as u64, durable: count as u64 };
        }
    }

    /// Checks a store, then that it goes on: imports that were interrupted are completed, and
    /// the batch `probe` gets sequences that nobody has seen. What is wrong with it.
    pub fn examine(&mut self, store: &Store, source: &Source, probe: u64) -> Result<Vec<String>> {
        let rows = try_rows(store)?;
        let mut found = self.findings(&rows, &source.rows);
        found.extend(store.verify()?.findings.iter().map(|finding| format!("verify: {finding:?}")));
        self.settle(&rows);
        let all = source.rows.len() as u64;
        let interrupted = self.imports.iter().filter(|(_, there)| there.committed < all);
        for number in interrupted.map(|(number, _)| *number).collect::<Vec<_>>() {
            let report = import(store, &open_reader(&source.path()), &namespace_of(number));
            if report.imported + report.deduplicated != all
                || report.deduplicated != self.imports[&number].committed
            {
                found.push(format!("import {number}, repeated: {report:?}"));
            }
            self.hear(&format!("imported {number} {all} {all}"));
        }
        let told = self.seen.keys().max().copied().unwrap_or(1);
        let receipts = append_batch(store, probe)?;
        if receipts[0].sequence <= told {
            found.push(format!(
                "a new event got sequence {}, but {told} was seen before",
                receipts[0].sequence
            ));
        }
        let hash = receipts[receipts.len() - 1].event_hash;
        self.hear(&format!("appended {probe} {} {hash} false", receipts[0].sequence));
        let rows = try_rows(store)?;
        found.extend(self.findings(&rows, &source.rows));
        store.close()?;
        self.settle(&rows);
        Ok(found)
    }
}

/// What is there of an import: the source's events from the first, in order, in whole chunks, at
/// least `least`.
fn import_findings(number: u64, there: &[&Row], source: &[Row], least: u64) -> Vec<String> {
    let mut found = Vec::new();
    let count = there.len() as u64;
    if count < least {
        found.push(format!("import {number}: {count} events are there, {least} were acknowledged"));
    }
    if there.len() > source.len()
        || (there.len() < source.len() && !count.is_multiple_of(chunk_of(number)))
    {
        found.push(format!(
            "import {number}: {count} events are no whole chunks of {}",
            chunk_of(number)
        ));
    }
    for (row, original) in there.iter().zip(source) {
        let provenance = row.provenance.as_ref().expect("an imported event");
        if (provenance.event_id, provenance.sequence) != (original.id, original.sequence) {
            found.push(format!(
                "import {number}: sequence {} is not {}",
                row.sequence, original.sequence
            ));
        } else if row.carried() != original.carried() {
            found.push(format!("import {number}: event {} is not as it was", original.id));
        }
    }
    found
}

/// All rows, without failing where the store does.
pub fn try_rows(store: &Store) -> Result<Vec<Row>> {
    let page =
        store.query(&Query { columns: Columns::ALL, page_rows: 65_536, ..Query::default() })?;
    Ok(super::rows_of(&page))
}
