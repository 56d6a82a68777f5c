//! redb.

use super::tables::{Reader, Tables, Unique, Writer};
use crate::peer::Workload;
use redb::{
    Database, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, Table,
    TableDefinition,
};
use std::cell::OnceCell;
use std::path::Path;

type Sequences = TableDefinition<'static, &'static [u8; 16], u64>;

const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("events");
const IDS: Sequences = TableDefinition::new("ids");
const KEYS: Sequences = TableDefinition::new("keys");
const ENTITIES: TableDefinition<(&str, u64), ()> = TableDefinition::new("entities");
const HEADS: TableDefinition<&str, &[u8; 32]> = TableDefinition::new("heads");

pub struct Redb(Database);

impl Tables for Redb {
    const NAME: &'static str = "redb";
    const PACKAGE: &'static str = "redb";
    const DOES: &'static str =
        "typed tables: events by sequence, sequence by id and by key, (entity, sequence), last \
        hash by entity; `Durability::None` where not durable";
    const LEAVES_OUT: &'static str =
        "a scan checks no hash; threads commit one after the other; without fsync, a killed \
        process loses what it committed, so it can't take part in what a crash leaves";
    const WORKLOADS: &'static [Workload] = &[
        Workload::Fill,
        Workload::AppendOne,
        Workload::AppendThreads,
        Workload::AppendBatch,
        Workload::AppendFast,
        Workload::Latency,
        Workload::Import,
        Workload::ImportChunks,
        Workload::ImportAgain,
        Workload::Read,
        Workload::Scan,
        Workload::Entity,
        Workload::Open,
        Workload::AppendMany,
        Workload::ImportMany,
        Workload::EntityMany,
    ];
    const ONE_TRANSACTION: bool = true;

    fn open(dir: &Path) -> Self {
        let file = dir.join("events.redb");
        let is_new = !file.exists();
        let db = Database::create(file).unwrap();
        let store = Self(db);
        if is_new {
            store.write(true, &mut |_| 1);
        }
        store
    }

    fn read(&self, job: &mut dyn FnMut(&dyn Reader)) {
        let txn = self.0.begin_read().unwrap();
        job(&Read { txn, events: OnceCell::new(), ids: OnceCell::new() });
    }

    fn write(&self, durable: bool, job: &mut dyn FnMut(&mut dyn Writer) -> u64) {
        let mut txn = self.0.begin_write().unwrap();
        txn.set_durability(if durable { Durability::Immediate } else { Durability::None }).unwrap();
        let written = job(&mut Write {
            events: txn.open_table(EVENTS).unwrap(),
            ids: txn.open_table(IDS).unwrap(),
            keys: txn.open_table(KEYS).unwrap(),
            entities: txn.open_table(ENTITIES).unwrap(),
            heads: txn.open_table(HEADS).unwrap(),
        });
        if written > 0 {
            txn.commit().unwrap();
        } else {
            txn.abort().unwrap();
        }
    }

    fn sync(&self) {}
}

/// A table is opened when it is needed, once.
struct Read {
    txn: ReadTransaction,
    events: OnceCell<ReadOnlyTable<u64, &'static [u8]>>,
    ids: OnceCell<ReadOnlyTable<&'static [u8; 16], u64>>,
}

impl Read {
    fn table(&self) -> &ReadOnlyTable<u64, &'static [u8]> {
        self.events.get_or_init(|| self.txn.open_table(EVENTS).unwrap())
    }
}

impl Reader for Read {
    fn by_id(&self, id: &[u8; 16]) -> Option<u64> {
        self.ids
            .get_or_init(|| self.txn.open_table(IDS).unwrap())
            .get(id)
            .unwrap()
            .map(|sequence| sequence.value())
    }

    fn event(&self, sequence: u64, visit: &mut dyn FnMut(&[u8])) {
        visit(self.table().get(sequence).unwrap().unwrap().value());
    }

    fn events(&self, from: u64, visit: &mut dyn FnMut(u64, &[u8]) -> bool) {
        for event in self.table().range(from..).unwrap() {
            let (sequence, record) = event.unwrap();
            if !visit(sequence.value(), record.value()) {
                break;
            }
        }
    }

    fn entity(&self, entity: &str, visit: &mut dyn FnMut(u64)) {
        let entities = self.txn.open_table(ENTITIES).unwrap();
        for event in entities.range((entity, 0)..=(entity, u64::MAX)).unwrap() {
            visit(event.unwrap().0.value().1);
        }
    }
}

struct Write<'a> {
    events: Table<'a, u64, &'static [u8]>,
    ids: Table<'a, &'static [u8; 16], u64>,
    keys: Table<'a, &'static [u8; 16], u64>,
    entities: Table<'a, (&'static str, u64), ()>,
    heads: Table<'a, &'static str, &'static [u8; 32]>,
}

impl Writer for Write<'_> {
    fn last(&mut self) -> u64 {
        self.events.last().unwrap().map_or(0, |(sequence, _)| sequence.value())
    }

    fn claim(&mut self, table: Unique, key: &[u8; 16], sequence: u64) -> bool {
        let table = match table {
            Unique::Id => &mut self.ids,
            Unique::Key => &mut self.keys,
        };
        let absent = table.get(key).unwrap().is_none();
        if absent {
            table.insert(key, sequence).unwrap();
        }
        absent
    }

    fn chain(&mut self, entity: &str, hash: &[u8; 32]) -> Option<[u8; 32]> {
        self.heads.insert(entity, hash).unwrap().map(|before| *before.value())
    }

    fn put(&mut self, sequence: u64, entity: &str, record: &[u8]) {
        self.events.insert(sequence, record).unwrap();
        self.entities.insert((entity, sequence), ()).unwrap();
    }
}
