//! RocksDB.

use super::lsm::{Lsm, Store, Table};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DBCompressionType, Options,
    WriteBatch, WriteOptions, DB,
};
use std::path::Path;

pub type RocksDb = Store<Engine>;

pub struct Engine(DB);

impl Engine {
    fn family(&self, table: Table) -> &ColumnFamily {
        self.0.cf_handle(Table::ALL[table as usize].1).unwrap()
    }
}

impl Lsm for Engine {
    const NAME: &'static str = "RocksDB";
    const PACKAGE: &'static str = "rocksdb";
    const DOES: &'static str = "column families: events by sequence, sequence by id and by key, \
        (entity, sequence), last hash by entity; write batches, the log synced where durable, \
        shared by the threads that wait for it; 64 MB of cache, \
        bloom filters";
    const LEAVES_OUT: &'static str =
        "a scan checks no hash; durable once: batches of 256, and one sync at the end";
    type Batch = WriteBatch;

    fn open(dir: &Path) -> Self {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_lru_cache(64 << 20));
        blocks.set_bloom_filter(10.0, false);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.increase_parallelism(2);
        options.set_block_based_table_factory(&blocks);
        // Hashes, ids and payloads do not compress.
        options.set_compression_type(DBCompressionType::None);
        let families =
            Table::ALL.map(|(_, name)| ColumnFamilyDescriptor::new(name, options.clone()));
        Self(DB::open_cf_descriptors(&options, dir, families).unwrap())
    }

    fn batch(&self) -> WriteBatch {
        WriteBatch::default()
    }

    fn put(&self, batch: &mut WriteBatch, table: Table, key: &[u8], value: &[u8]) {
        batch.put_cf(self.family(table), key, value);
    }

    fn commit(&self, batch: WriteBatch) {
        self.0.write_opt(batch, &WriteOptions::default()).unwrap();
    }

    fn sync(&self) {
        self.0.flush_wal(true).unwrap();
    }

    fn get(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(&[u8])) -> bool {
        let value = self.0.get_pinned_cf(self.family(table), key).unwrap();
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
        let family = self.family(table);
        let mut entries = self.0.raw_iterator_cf(family);
        entries.seek(from);
        while let Some((key, value)) = entries.item() {
            if key > to || !visit(key, value) {
                break;
            }
            entries.next();
        }
        entries.status().unwrap();
    }

    fn last_key(&self, table: Table) -> Option<[u8; 8]> {
        let mut entries = self.0.raw_iterator_cf(self.family(table));
        entries.seek_to_last();
        entries.key().map(|key| key.try_into().unwrap())
    }
}
