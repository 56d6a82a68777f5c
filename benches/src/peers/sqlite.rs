//! SQLite through `rusqlite`, bundled.

use super::job;
use crate::peer::{Event, EventView, Imported, Mode, Peer, BATCH};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use std::sync::Mutex;

/// `seq` is the row id, so an index by entity alone is in the order of the sequence, and ends with
/// an entity's last event.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events (
        seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, key BLOB, entity TEXT NOT NULL,
        scope TEXT NOT NULL, kind INTEGER NOT NULL, time INTEGER NOT NULL, prev BLOB,
        hash BLOB NOT NULL, provenance BLOB,
        payload BLOB NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS by_key ON events (key) WHERE key IS NOT NULL;
    CREATE INDEX IF NOT EXISTS by_entity ON events (entity);";

const INSERT: &str = "INSERT INTO events
    (id, key, entity, scope, kind, time, prev, hash, provenance, payload)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6,
    (SELECT hash FROM events WHERE entity = ?3 ORDER BY seq DESC LIMIT 1), ?7, ?8, ?9)";

struct Store {
    connection: Connection,
    /// Whether commits sync.
    durable: bool,
}

pub struct Sqlite(Mutex<Store>);

impl Store {
    fn set_durable(&mut self, durable: bool) {
        if self.durable != durable {
            self.connection
                .pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })
                .unwrap();
            self.durable = durable;
        }
    }

    fn run(&self, sql: &str) {
        self.connection.prepare_cached(sql).unwrap().execute([]).unwrap();
    }
}

impl Peer for Sqlite {
    const NAME: &'static str = "SQLite";
    const PACKAGE: &'static str = "rusqlite";
    const DOES: &'static str =
        "one table, unique id, unique key, index by entity; write-ahead log, `synchronous=FULL` \
        where durable, `NORMAL` where not; `locking_mode=EXCLUSIVE`, 256 MB of cache, 2 GB mapped, \
        checkpoints each 64 MB; cached statements";
    const LEAVES_OUT: &'static str =
        "checksums of pages; a scan checks no hash; threads share one connection; no other process \
        can read";

    fn open(dir: &Path) -> Self {
        let connection = Connection::open(dir.join("events.sqlite")).unwrap();
        for (name, value) in
            [("locking_mode", "EXCLUSIVE"), ("journal_mode", "WAL"), ("synchronous", "FULL")]
        {
            connection.pragma_update(None, name, value).unwrap();
        }
        for (name, value) in
            [("cache_size", -262_144), ("mmap_size", 2 << 30), ("wal_autocheckpoint", 16_000)]
        {
            connection.pragma_update(None, name, value).unwrap();
        }
        connection.execute_batch(SCHEMA).unwrap();
        Self(Mutex::new(Store { connection, durable: true }))
    }

    fn close(self) {
        self.0.into_inner().unwrap().connection.close().unwrap();
    }

    fn append(&self, events: &[Event], durable: bool) {
        let mut store = self.0.lock().unwrap();
        store.set_durable(durable);
        store.run("BEGIN IMMEDIATE");
        let mut insert = store.connection.prepare_cached(INSERT).unwrap();
        for Event { id, entity, scope, kind, time_us, payload } in events {
            let hash = job::content_hash(payload);
            insert
                .execute((
                    id,
                    None::<&[u8]>,
                    entity,
                    scope,
                    kind,
                    time_us,
                    hash,
                    None::<&[u8]>,
                    payload,
                ))
                .unwrap();
        }
        store.run("COMMIT");
    }

    fn import(
        &self,
        source: &Self,
        mode: Mode,
        filter: &mut dyn FnMut(&EventView<'_>) -> bool,
    ) -> Imported {
        let source = source.0.lock().unwrap();
        let mut store = self.0.lock().unwrap();
        store.set_durable(true);
        let mut select = source
            .connection
            .prepare_cached(
                "SELECT seq, id, entity, scope, kind, time, hash, payload FROM events ORDER BY seq",
            )
            .unwrap();
        let mut is_there =
            store.connection.prepare_cached("SELECT 1 FROM events WHERE key = ?").unwrap();
        let mut insert = store.connection.prepare_cached(INSERT).unwrap();
        let (mut done, mut examined) = (Imported::default(), 0);
        let mut rows = select.query([]).unwrap();
        store.run("BEGIN");
        while let Some(row) = rows.next().unwrap() {
            if mode == Mode::PerChunk && examined == BATCH {
                store.run("COMMIT");
                store.run("BEGIN");
                examined = 0;
            }
            examined += 1;
            let text = |i| row.get_ref_unwrap(i).as_str().unwrap();
            let (id, payload) = (row.get_unwrap(1), row.get_ref_unwrap(7).as_blob().unwrap());
            let view = EventView {
                id,
                entity: text(2),
                scope: text(3),
                kind: row.get_unwrap(4),
                time_us: row.get_unwrap(5),
            };
            if !filter(&view) {
                continue;
            }
            let key = job::import_key(&id);
            if is_there.exists([key]).unwrap() {
                done.present += 1;
                continue;
            }
            let provenance = job::provenance(&id, row.get_unwrap::<_, i64>(0) as u64);
            let (new_id, hash) = (job::import_id(&id, &key), job::content_hash(payload));
            let EventView { entity, scope, kind, time_us, .. } = view;
            insert
                .execute((new_id, key, entity, scope, kind, time_us, hash, provenance, payload))
                .unwrap();
            done.new += 1;
        }
        store.run("COMMIT");
        done
    }

    fn read(&self, id: &[u8; 16]) -> Option<usize> {
        let store = self.0.lock().unwrap();
        let mut select = store
            .connection
            .prepare_cached("SELECT hash, payload FROM events WHERE id = ?")
            .unwrap();
        let verified = |row: &rusqlite::Row<'_>| {
            let payload = row.get_ref(1)?.as_blob()?;
            job::verify(payload, row.get_ref(0)?.as_blob()?);
            Ok(payload.len())
        };
        select.query_row([id], verified).optional().unwrap()
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8])) -> u64 {
        let store = self.0.lock().unwrap();
        let mut select =
            store.connection.prepare_cached("SELECT payload FROM events ORDER BY seq").unwrap();
        let (mut rows, mut seen) = (select.query([]).unwrap(), 0);
        while let Some(row) = rows.next().unwrap() {
            visit(row.get_ref_unwrap(0).as_blob().unwrap());
            seen += 1;
        }
        seen
    }

    fn entity(&self, entity: &str, visit: &mut dyn FnMut(&[u8])) -> u64 {
        let store = self.0.lock().unwrap();
        let sql = "SELECT hash, payload FROM events WHERE entity = ? ORDER BY seq";
        let mut select = store.connection.prepare_cached(sql).unwrap();
        let (mut rows, mut seen) = (select.query([entity]).unwrap(), 0);
        while let Some(row) = rows.next().unwrap() {
            let payload = row.get_ref_unwrap(1).as_blob().unwrap();
            job::verify(payload, row.get_ref_unwrap(0).as_blob().unwrap());
            visit(payload);
            seen += 1;
        }
        seen
    }
}
