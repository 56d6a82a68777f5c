//! The tables on a log-structured merge tree: engines that commit batches of blind writes, so that
//! what a transaction must know of itself is kept beside its batch.

use super::tables::{Reader, Tables, Unique, Writer};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;

#[derive(Clone, Copy)]
pub enum Table {
    Events,
    Ids,
    Keys,
    Entities,
    Heads,
}

impl Table {
    pub const ALL: [(Table, &'static str); 5] = [
        (Table::Events, "events"),
        (Table::Ids, "ids"),
        (Table::Keys, "keys"),
        (Table::Entities, "entities"),
        (Table::Heads, "heads"),
    ];
}

pub trait Lsm: Send + Sync + Sized {
    const NAME: &'static str;
    const PACKAGE: &'static str;
    const DOES: &'static str;
    const LEAVES_OUT: &'static str;
    type Batch;

    fn open(dir: &Path) -> Self;
    fn batch(&self) -> Self::Batch;
    fn put(&self, batch: &mut Self::Batch, table: Table, key: &[u8], value: &[u8]);
    /// When it returns, the kernel has it.
    fn commit(&self, batch: Self::Batch);
    /// When it returns, whatever was committed is on the disk.
    fn sync(&self);
    /// False: there is none.
    fn get(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(&[u8])) -> bool;
    /// Shows keys and values from a key to another, both included, in order, until the visitor says
    /// false.
    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    );
    fn last_key(&self, table: Table) -> Option<[u8; 8]>;
}

pub struct Store<E> {
    engine: E,
    /// The last sequence; whoever writes holds it.
    last: Mutex<u64>,
    /// The last sequence that is on the disk; whoever syncs holds it, and syncs for all who wait.
    synced: Mutex<u64>,
}

impl<E: Lsm> Store<E> {
    fn sync_through(&self, sequence: u64) {
        let mut synced = self.synced.lock().unwrap();
        if *synced < sequence {
            let last = *self.last.lock().unwrap();
            self.engine.sync();
            *synced = last;
        }
    }
}

impl<E: Lsm> Tables for Store<E> {
    const NAME: &'static str = E::NAME;
    const PACKAGE: &'static str = E::PACKAGE;
    const DOES: &'static str = E::DOES;
    const LEAVES_OUT: &'static str = E::LEAVES_OUT;
    const ONE_TRANSACTION: bool = false;

    fn open(dir: &Path) -> Self {
        let engine = E::open(dir);
        let last = engine.last_key(Table::Events).map_or(0, u64::from_be_bytes);
        Self { engine, last: Mutex::new(last), synced: Mutex::new(last) }
    }

    fn read(&self, job: &mut dyn FnMut(&dyn Reader)) {
        job(self);
    }

    fn write(&self, durable: bool, job: &mut dyn FnMut(&mut dyn Writer) -> u64) {
        let mut last = self.last.lock().unwrap();
        let mut write = Write {
            engine: &self.engine,
            batch: self.engine.batch(),
            last: *last,
            claimed: [HashSet::new(), HashSet::new()],
            heads: HashMap::new(),
        };
        if job(&mut write) == 0 {
            return;
        }
        for (entity, hash) in &write.heads {
            self.engine.put(&mut write.batch, Table::Heads, entity.as_bytes(), hash);
        }
        self.engine.commit(write.batch);
        *last = write.last;
        drop(last);
        if durable {
            self.sync_through(write.last);
        }
    }

    fn sync(&self) {
        let last = *self.last.lock().unwrap();
        self.sync_through(last);
    }
}

impl<E: Lsm> Reader for Store<E> {
    fn by_id(&self, id: &[u8; 16]) -> Option<u64> {
        let mut found = None;
        self.engine.get(Table::Ids, id, &mut |value| {
            found = Some(u64::from_be_bytes(value.try_into().unwrap()))
        });
        found
    }

    fn event(&self, sequence: u64, visit: &mut dyn FnMut(&[u8])) {
        assert!(self.engine.get(Table::Events, &sequence.to_be_bytes(), visit));
    }

    fn events(&self, from: u64, visit: &mut dyn FnMut(u64, &[u8]) -> bool) {
        self.engine.range(Table::Events, &from.to_be_bytes(), &[0xff; 8], &mut |key, record| {
            visit(u64::from_be_bytes(key.try_into().unwrap()), record)
        });
    }

    fn entity(&self, entity: &str, visit: &mut dyn FnMut(u64)) {
        self.engine.range(
            Table::Entities,
            &entity_key(entity, 0),
            &entity_key(entity, u64::MAX),
            &mut |key, _| {
                visit(u64::from_be_bytes(*key.last_chunk().unwrap()));
                true
            },
        );
    }
}

/// Entities hold no zero byte.
fn entity_key(entity: &str, sequence: u64) -> Vec<u8> {
    [entity.as_bytes(), &[0], &sequence.to_be_bytes()].concat()
}

struct Write<'a, E: Lsm> {
    engine: &'a E,
    batch: E::Batch,
    last: u64,
    claimed: [HashSet<[u8; 16]>; 2],
    heads: HashMap<String, [u8; 32]>,
}

impl<E: Lsm> Writer for Write<'_, E> {
    fn last(&mut self) -> u64 {
        self.last
    }

    fn claim(&mut self, unique: Unique, key: &[u8; 16], sequence: u64) -> bool {
        let table = match unique {
            Unique::Id => Table::Ids,
            Unique::Key => Table::Keys,
        };
        let absent =
            !self.engine.get(table, key, &mut |_| ()) && self.claimed[unique as usize].insert(*key);
        if absent {
            self.engine.put(&mut self.batch, table, key, &sequence.to_be_bytes());
        }
        absent
    }

    fn chain(&mut self, entity: &str, hash: &[u8; 32]) -> Option<[u8; 32]> {
        if let Some(head) = self.heads.get_mut(entity) {
            return Some(std::mem::replace(head, *hash));
        }
        let mut before = None;
        self.engine.get(Table::Heads, entity.as_bytes(), &mut |hash| {
            before = Some(hash.try_into().unwrap())
        });
        self.heads.insert(entity.into(), *hash);
        before
    }

    fn put(&mut self, sequence: u64, entity: &str, record: &[u8]) {
        self.engine.put(&mut self.batch, Table::Events, &sequence.to_be_bytes(), record);
        self.engine.put(&mut self.batch, Table::Entities, &entity_key(entity, sequence), &[]);
        self.last = sequence;
    }
}
