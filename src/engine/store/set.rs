//! The events of a store as a set: what two stores compare to learn whether they hold the same,
//! and where they differ. An element is (namespace of the origin, id there, content hash).

use super::query::check_page_rows;
use super::scan::Scan;
use super::Store;
use crate::engine::format::lanes::{self, Inputs};
use crate::engine::format::set::{put_item, Bucket, SegmentSet, Sum, BUCKET_BITS};
use crate::engine::log::segment::{Flow, Segment};
use crate::engine::log::sets::{head_of, read_set, write_set, Front};
use crate::engine::log::state::{lock, Log, Role};
use crate::engine::model::error::Result;
use crate::engine::model::event::{Event, Source};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::key::native_namespace;
use crate::engine::model::region::Region;
use crate::engine::platform::vfs::Access;
use foldhash::{HashSet, HashSetExt};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::Arc;

/// What stands for a set of events. Two sets that are equal have equal ones, in whatever stores,
/// order and batches their events are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetDigest {
    pub events: u64,
    /// The sum of the hashes of the items.
    pub fingerprint: Hash,
}

/// The events of one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginSummary {
    /// The store where they were first appended, or the name that an import by source gave it.
    pub namespace: String,
    pub events: u64,
    pub fingerprint: Hash,
    /// The greatest sequence that one of them has there.
    pub last_sequence: u64,
}

/// Which part of the list of origins.
#[derive(Clone, Debug)]
pub struct OriginListing {
    /// Only events of this region.
    pub region: Region,
    /// Only namespaces after this one.
    pub after: Option<String>,
    pub page_rows: usize,
}

impl Default for OriginListing {
    fn default() -> OriginListing {
        OriginListing { region: Region::default(), after: None, page_rows: 1000 }
    }
}

impl Store {
    /// What stands for all events of a region, the library's own left out. Of everything it is read
    /// from sums that are kept; a region is read in the log.
    pub fn set_digest(&self, region: &Region) -> Result<SetDigest> {
        let mut all = Sum::default();
        for set in self.sets_of(region)?.iter() {
            let buckets = set.origins.values().flat_map(|origin| origin.buckets.values());
            buckets.for_each(|bucket| all.add(&bucket.sum));
        }
        Ok(SetDigest { events: all.count, fingerprint: all.fingerprint() })
    }

    /// A part of the list of origins, in the order of their names, and whether it is the last.
    pub fn origins(&self, listing: &OriginListing) -> Result<(Vec<OriginSummary>, bool)> {
        check_page_rows(listing.page_rows)?;
        let sets = self.sets_of(&listing.region)?;
        let mut sums: BTreeMap<&str, (Sum, u64)> = BTreeMap::new();
        for (namespace, origin) in sets.iter().flat_map(|set| &set.origins) {
            let (sum, greatest) = sums.entry(namespace).or_default();
            origin.buckets.values().for_each(|bucket| sum.add(&bucket.sum));
            *greatest = origin.greatest.max(*greatest);
        }
        let after = listing.after.as_deref();
        let wanted = sums.iter().filter(|(name, _)| after.is_none_or(|after| **name > after));
        let summary = |(name, (sum, greatest)): (&&str, &(Sum, u64))| OriginSummary {
            namespace: (*name).to_owned(),
            events: sum.count,
            fingerprint: sum.fingerprint(),
            last_sequence: *greatest,
        };
        let mut rows: Vec<OriginSummary> =
            wanted.take(listing.page_rows + 1).map(summary).collect();
        let is_end = rows.len() <= listing.page_rows;
        rows.truncate(listing.page_rows);
        Ok((rows, is_end))
    }

    fn sets_of(&self, region: &Region) -> Result<Vec<Arc<SegmentSet>>> {
        let store = &*self.0;
        region.check()?;
        store.check_open()?;
        store.refresh()?;
        let go_on = || store.check_open();
        if *region == Region::default() {
            return store.sets(&go_on);
        }
        let mut set = SegmentSet::default();
        let visible = store.current_frontier().visible;
        store.gather(&Scan { until: visible, ..Scan::of(region) }, &go_on, &mut set)?;
        Ok(vec![Arc::new(set)])
    }
}

impl Log {
    /// The sets of all segments, oldest first, up to what is visible. What is not known yet is
    /// read in the log, and kept: in a file where this is a writer's handle, else in memory.
    /// `go_on` is asked while the log is read.
    pub fn sets(&self, go_on: &dyn Fn() -> Result<()>) -> Result<Vec<Arc<SegmentSet>>> {
        let mut known = lock(&self.sets);
        go_on()?;
        let (segments, visible) = self.snapshot();
        let mut sets = Vec::with_capacity(segments.len());
        for (at, segment) in segments.iter().enumerate() {
            let next = segments.get(at + 1);
            if let Some(set) = next.and_then(|next| self.set_in_file(segment, next)) {
                drop(known.take(segment));
                sets.push(Arc::new(set));
                continue;
            }
            let mut front = known.take(segment);
            let until = next.map_or(visible, |next| next.header.first_sequence - 1);
            self.extend_front(&mut front, until, go_on)?;
            sets.push(front.set.clone());
            if !next.is_some_and(|next| self.write_sealed(segment, next, &front.set)) {
                known.keep(segment, front);
            }
        }
        Ok(sets)
    }

    /// Takes in what a segment has more, up to a sequence.
    fn extend_front(
        &self,
        front: &mut Front,
        until: u64,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        if front.through >= until {
            return Ok(());
        }
        let region = Region::default();
        let scan = Scan { after: front.through, until, ..Scan::of(&region) };
        self.gather(&scan, go_on, Arc::make_mut(&mut front.set))?;
        front.through = until;
        Ok(())
    }

    /// What the file of a segment says, where it is whole and about this log.
    fn set_in_file(&self, segment: &Segment, next: &Segment) -> Option<SegmentSet> {
        let bytes = read_set(&self.dir, segment, Access::Read).ok()??;
        SegmentSet::decode(&bytes, &head_of(segment, next))
    }

    /// Writes the file of a segment that another one follows. False where none is to be written.
    fn write_sealed(&self, segment: &Segment, next: &Segment, set: &SegmentSet) -> bool {
        let head = head_of(segment, next);
        let is_writer = matches!(self.role, Role::Writer(_));
        // A file says only what is on disk.
        let may = is_writer
            && self.durable.load(Ordering::Acquire) + 1 >= head.next_sequence
            && self.check_writable().is_ok();
        if may {
            write_set(&self.dir, &head, set);
        }
        may && self.set_in_file(segment, next).is_some()
    }

    /// Adds the events of a scan to a set, in the order of the log.
    pub fn gather(
        &self,
        scan: &Scan<'_>,
        go_on: &dyn Fn() -> Result<()>,
        set: &mut SegmentSet,
    ) -> Result<()> {
        self.items(scan, go_on, &mut |items: &[Item]| {
            for same in items.chunk_by(|a, b| a.is_beside(b)) {
                let (first, last) = (&same[0], &same[same.len() - 1]);
                let mut sum = Sum::default();
                same.iter().for_each(|item| sum.add(&Sum::of(&item.hash)));
                let greatest = same.iter().map(|item| item.source_sequence).max().unwrap_or(0);
                let bucket = Bucket { sum, first: first.sequence, last: last.sequence };
                set.add(&first.namespace, greatest, &bucket);
            }
        })
    }

    /// Tells the items of a scan, some at a time, in the order of the log. Events of reserved kinds
    /// are none.
    pub fn items(
        &self,
        scan: &Scan<'_>,
        go_on: &dyn Fn() -> Result<()>,
        tell: &mut dyn FnMut(&[Item]),
    ) -> Result<()> {
        let mut items = Items::new(Names::new(self));
        let mut passed = 0u32;
        self.scan(scan, &mut |event: &Event<'_>| {
            passed += 1;
            if passed.is_multiple_of(TOGETHER as u32) {
                go_on()?;
            }
            if !event.kind.is_reserved() {
                items.push(event)?;
            }
            if items.waiting.len() == TOGETHER {
                items.tell(tell);
            }
            Ok(Flow::Continue(()))
        })?;
        items.tell(tell);
        Ok(())
    }
}

/// Items are hashed so many side by side.
const TOGETHER: usize = 256;

/// An element of the set, and where its event is.
#[derive(Clone, Debug)]
pub struct Item {
    pub namespace: Arc<str>,
    pub event_id: Id,
    pub content_hash: Hash,
    /// Its sequence at its origin.
    pub source_sequence: u64,
    /// Its sequence here.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Item {
    pub fn bucket(&self) -> u64 {
        self.source_sequence >> BUCKET_BITS
    }

    /// Whether another one has the same origin and bucket.
    fn is_beside(&self, other: &Item) -> bool {
        self.bucket() == other.bucket() && self.namespace == other.namespace
    }
}

/// Items whose hashes are not computed yet.
struct Items {
    names: Names,
    waiting: Vec<Item>,
    /// Short payloads, of which the log has no hash, and the items of these.
    payloads: Inputs,
    short: Vec<usize>,
    inputs: Inputs,
}

impl Items {
    fn new(names: Names) -> Items {
        let (waiting, short) = (Vec::with_capacity(TOGETHER), Vec::new());
        let (payloads, inputs) = (Inputs::default(), Inputs::default());
        Items { names, waiting, payloads, short, inputs }
    }

    fn push(&mut self, event: &Event<'_>) -> Result<()> {
        let (namespace, event_id, source_sequence) = self.names.of(event)?;
        let content_hash = event.content.known_hash().unwrap_or_else(|| {
            self.payloads.push(|out| out.extend_from_slice(event.payload));
            self.short.push(self.waiting.len());
            Hash::ZERO
        });
        let (sequence, hash) = (event.sequence, Hash::ZERO);
        let item = Item { namespace, event_id, content_hash, source_sequence, sequence, hash };
        self.waiting.push(item);
        Ok(())
    }

    fn tell(&mut self, tell: &mut dyn FnMut(&[Item])) {
        let Items { waiting, payloads, short, inputs, .. } = self;
        lanes::hash_each(payloads.iter(), |at, hash| waiting[short[at]].content_hash = hash);
        for item in waiting.iter() {
            inputs.push(|out| put_item(&item.namespace, item.event_id, &item.content_hash, out));
        }
        lanes::hash_each(inputs.iter(), |at, hash| waiting[at].hash = hash);
        tell(waiting);
        waiting.clear();
        payloads.clear();
        short.clear();
        inputs.clear();
    }
}

/// The origins of the events of a store.
struct Names {
    /// Its own namespaces, by their first sequences.
    native: Vec<(u64, Arc<str>)>,
    known: HashSet<Arc<str>>,
    /// The one that was met last.
    last: Arc<str>,
}

/// More names than this are not kept.
const NAMES_MAX: usize = 1024;

impl Names {
    fn new(log: &Log) -> Names {
        let ids = log.identity.store_ids();
        let native = ids.map(|id| (id.first_sequence, native_namespace(id.store_id).into()));
        Names { native: native.collect(), known: HashSet::new(), last: "".into() }
    }

    /// Namespace, id and sequence that an event has at its origin.
    fn of(&mut self, event: &Event<'_>) -> Result<(Arc<str>, Id, u64)> {
        let (namespace, event_id, sequence) = match event.source {
            Source::None => {
                let after = self.native.partition_point(|(first, _)| *first <= event.sequence);
                let native = self.native[after.max(1) - 1].1.clone();
                return Ok((native, event.id, event.sequence));
            }
            Source::Import { namespace, event_id, sequence } => (namespace, event_id, sequence),
            Source::Raw(_) => match event.provenance()? {
                Some(origin) => (origin.namespace, origin.event_id, origin.sequence),
                None => ("", event.id, event.sequence),
            },
        };
        if *self.last != *namespace {
            self.last = self.get(namespace);
        }
        Ok((self.last.clone(), event_id, sequence))
    }

    fn get(&mut self, namespace: &str) -> Arc<str> {
        if let Some(known) = self.known.get(namespace) {
            return known.clone();
        }
        if self.known.len() == NAMES_MAX {
            self.known.clear();
        }
        let name: Arc<str> = namespace.into();
        self.known.insert(name.clone());
        name
    }
}
