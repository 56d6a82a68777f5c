//! fbat through its Rust core: beside the C worker, it shows what the boundary costs.

use crate::peer::{Event, EventView, Imported, Mode, Peer, Role, Workload, BATCH};
use fbat::engine::import::{ImportDurability, ImportOptions};
use fbat::engine::log::options::{Durability, Options};
use fbat::engine::model::event::{Columns, Event as Stored, NewEvent};
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::model::region::Region;
use fbat::engine::platform::watch::{Verdict, Watch};
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::path::Path;

pub struct Fbat(Store);

const PAYLOAD: Columns = Columns { payload: true, extensions: false, previous_hash: false };
const NOTHING: Columns = Columns { payload: false, extensions: false, previous_hash: false };

impl Peer for Fbat {
    const NAME: &'static str = "fbat-rust";
    const PACKAGE: &'static str = "fbat";
    const ROLE: Role = Role::Ours;
    const DOES: &'static str = "the same library without the C ABI between";
    const LEAVES_OUT: &'static str = "nothing";
    const WORKLOADS: &'static [Workload] = Workload::BUT_MANY;

    fn open(dir: &Path) -> Fbat {
        let options = Options { durability: Durability::Os, ..Options::default() };
        Fbat(Store::open(dir, &options).expect("open"))
    }

    fn close(self) {
        self.0.close().expect("close");
    }

    fn append(&self, events: &[Event], durable: bool) {
        let events: Vec<NewEvent<'_>> = events
            .iter()
            .map(|event| NewEvent {
                entity: &event.entity,
                scope: event.scope,
                kind: Kind(event.kind),
                payload: &event.payload,
                key: Id::from_bytes(event.id),
                timestamp_us: Some(event.time_us),
                ..NewEvent::default()
            })
            .collect();
        self.0.append_batch(&events).expect("append");
        if durable {
            self.0.sync().expect("sync");
        }
    }

    fn import(
        &self,
        source: &Fbat,
        mode: Mode,
        filter: &mut dyn FnMut(&EventView<'_>) -> bool,
    ) -> Imported {
        let mut filter = |event: &Stored<'_>| {
            let view = EventView {
                id: event.id.to_bytes(),
                entity: event.entity,
                scope: event.scope,
                kind: event.kind.0,
                time_us: event.timestamp_us,
            };
            if filter(&view) {
                Verdict::Keep
            } else {
                Verdict::Skip
            }
        };
        let mut options = ImportOptions {
            namespace: "source".into(),
            chunk_size: BATCH as u32,
            durability: if mode == Mode::Once {
                ImportDurability::End
            } else {
                ImportDurability::Chunk
            },
            filter_columns: NOTHING,
            filter: Some(&mut filter),
            ..ImportOptions::default()
        };
        let outcome = self.0.import(&source.0, &mut options);
        outcome.result.expect("import");
        Imported { new: outcome.report.imported, present: outcome.report.deduplicated }
    }

    fn read(&self, id: &[u8; 16]) -> Option<usize> {
        let mut length = None;
        let mut show = |event: &Stored<'_>| {
            assert_eq!(blake3::hash(event.payload).as_bytes(), &event.content_hash().0);
            length = Some(event.payload.len());
        };
        self.0.get_with(Id::from_bytes(*id), PAYLOAD, &mut show).expect("get");
        length
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8])) -> u64 {
        self.pages(Region::default(), &mut |event| visit(event.payload))
    }

    fn entity(&self, entity: &str, visit: &mut dyn FnMut(&[u8])) -> u64 {
        self.pages(Region { entity: Some(entity.to_owned()), ..Region::default() }, &mut |event| {
            assert_eq!(blake3::hash(event.payload).as_bytes(), &event.content_hash().0);
            visit(event.payload);
        })
    }
}

impl Fbat {
    fn pages(&self, region: Region, visit: &mut dyn FnMut(&Stored<'_>)) -> u64 {
        let mut query = Query { region, columns: PAYLOAD, ..Query::default() };
        let mut count = 0;
        loop {
            let mut bytes = 0;
            let mut add = |event: &Stored<'_>| {
                visit(event);
                count += 1;
                bytes += event.payload.len();
                bytes
            };
            let page = self.0.query_with(&query, &Watch::default(), &mut add).expect("query");
            if page.end {
                return count;
            }
            query.after = page.next;
        }
    }
}
