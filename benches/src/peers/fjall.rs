//! fjall.

use super::lsm::{Lsm, Store, Table};
use fjall::config::CompressionPolicy;
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::path::Path;

pub type Fjall = Store<Engine>;

pub struct Engine {
    db: Database,
    keyspaces: [Keyspace; 5],
}

impl Engine {
    fn keyspace(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }
}

impl Lsm for Engine {
    const NAME: &'static str = "fjall";
    const PACKAGE: &'static str = "fjall";
    const DOES: &'static str =
        "keyspaces: events by sequence, sequence by id and by key, (entity, sequence), last hash \
        by entity; `persist(SyncData)` where durable, shared by the threads that wait for it; 64 \
        MB of cache";
    const LEAVES_OUT: &'static str =
        "a scan checks no hash; durable once: batches of 256, and one sync at the end";
    type Batch = fjall::OwnedWriteBatch;

    fn open(dir: &Path) -> Self {
        let db = Database::builder(dir).cache_size(64 << 20).open().unwrap();
        // Hashes, ids and payloads do not compress.
        let options = || {
            KeyspaceCreateOptions::default()
                .data_block_compression_policy(CompressionPolicy::disabled())
        };
        let keyspaces = Table::ALL.map(|(_, name)| db.keyspace(name, options).unwrap());
        Self { db, keyspaces }
    }

    fn batch(&self) -> Self::Batch {
        self.db.batch()
    }

    fn put(&self, batch: &mut Self::Batch, table: Table, key: &[u8], value: &[u8]) {
        batch.insert(self.keyspace(table), key, value);
    }

    fn commit(&self, batch: Self::Batch) {
        batch.commit().unwrap();
    }

    fn sync(&self) {
        self.db.persist(PersistMode::SyncData).unwrap();
    }

    fn get(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(&[u8])) -> bool {
        let value = self.keyspace(table).get(key).unwrap();
        value.is_some_and(|value| {
            visit(&value);
            true
        })
    }

    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) {
        for entry in self.keyspace(table).range(from..=to) {
            let (key, value) = entry.into_inner().unwrap();
            if !visit(&key, &value) {
                break;
            }
        }
    }

    fn last_key(&self, table: Table) -> Option<[u8; 8]> {
        self.keyspace(table)
            .last_key_value()
            .map(|entry: Guard| entry.key().unwrap().as_ref().try_into().unwrap())
    }
}
