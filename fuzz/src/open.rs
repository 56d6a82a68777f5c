//! A store's directory with damaged files, opened and asked in every way. It has to answer with
//! statuses; what it answers as an event has to be one that was written, or verify has to find the
//! damage.

use crate::input::Input;
use crate::parts;
use crate::stores::{self, options, rows, Row, Sample, BOOT, ENTITIES, KIND, NAMESPACE};
use fbat::engine::import::{ImportOptions, OnConflict};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::event::{Columns, NewEvent};
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::platform::memory::{Files, MemoryVfs};
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::path::Path;
use std::sync::Arc;

const STORE: &str = "/s";

/// Some sample, damaged, and what is done with it.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (plan, samples) = (input.u8(), stores::samples());
    let sample = &samples[input.below(samples.len())];
    let mut damaged = Damaged { files: sample.files.clone(), forged: false };
    for _ in 0..input.u8() % 8 {
        damaged.change(&mut input);
    }
    let disk = MemoryVfs::of_boot(if plan & 1 == 0 { BOOT } else { "b" });
    disk.put(Path::new(STORE), &damaged.files);
    let check = Check { sample, forged: damaged.forged, disk };
    match plan >> 1 & 3 {
        0 => check.read(&mut input),
        1 => check.write(&mut input),
        2 => check.import(&mut input),
        _ => {
            check.read(&mut input);
            check.write(&mut input);
        }
    }
}

/// The files, and whether their checksums were put right after a change: then any event may be read
/// from them.
struct Damaged {
    files: Files,
    forged: bool,
}

impl Damaged {
    fn name(&self, input: &mut Input<'_>) -> Option<String> {
        let count = self.files.len();
        if count == 0 {
            return None;
        }
        self.files.keys().nth(input.below(count)).cloned()
    }

    /// A name that means something to a store, or none that does.
    fn new_name(&self, input: &mut Input<'_>) -> String {
        match input.u8() % 8 {
            0 => "store.fbat".to_owned(),
            1 => "clean".to_owned(),
            2 => format!("{:020}.log", input.edgy()),
            3 => format!("{:020}.idx", input.edgy()),
            4 => "00000000000000000001.log.tmp".to_owned(),
            5 => "LOCK".to_owned(),
            6 => "00000000000000000002.log".to_owned(),
            _ => "else".to_owned(),
        }
    }

    /// One change.
    fn change(&mut self, input: &mut Input<'_>) {
        let kind = input.u8() % 16;
        let Some(name) = self.name(input) else { return };
        let bytes = self.files[&name].clone();
        match kind {
            0 => drop(self.files.remove(&name)),
            1 => {
                let to = self.new_name(input);
                self.files.insert(to, bytes);
            }
            2 => {
                let to = self.new_name(input);
                self.files.remove(&name);
                self.files.insert(to, bytes);
            }
            3 => {
                let Some(other) = self.name(input) else { return };
                let swapped = self.files.insert(other, bytes).expect("it is there");
                self.files.insert(name, swapped);
            }
            4..10 => self.change_bytes(&name, kind, input),
            _ => self.forge(&name, input),
        }
    }

    /// As a disk damages, or a writer that was stopped: checksums do not follow.
    fn change_bytes(&mut self, name: &str, kind: u8, input: &mut Input<'_>) {
        let bytes = Arc::make_mut(self.files.get_mut(name).expect("it is there"));
        let at = match input.u8() % 2 {
            0 => input.below(bytes.len() + 1),
            _ => bytes.len().saturating_sub(input.below(256)),
        };
        let count = input.below(256);
        let end = bytes.len().min(at + count);
        match kind {
            4 => bytes.truncate(at),
            5 => bytes.extend(std::iter::repeat_n(0, count * 16)),
            6 => bytes.extend_from_slice(input.bytes(count)),
            7 => bytes[at..end].fill(input.pick(&[0, 0xff])),
            8 => bytes.copy_within(at..end, input.below(at + 1)),
            _ => {
                let new = input.bytes(count % 16);
                bytes[at..].iter_mut().zip(new).for_each(|(byte, new)| *byte = *new);
            }
        }
    }

    /// As somebody does who knows the format.
    fn forge(&mut self, name: &str, input: &mut Input<'_>) {
        self.forged = true;
        let salt = self.salt(name);
        let bytes = Arc::make_mut(self.files.get_mut(name).expect("it is there"));
        match name.rsplit_once('.') {
            Some((_, "log")) if is_whole(bytes) => {
                let mut segment = parts::Segment::of(bytes);
                segment.change(input);
                *bytes = segment.assemble();
            }
            Some((_, "idx")) => parts::change_index(bytes, salt, input),
            _ => parts::change_small(bytes, input),
        }
    }

    fn salt(&self, name: &str) -> u64 {
        let log = self.files.get(&name.replace(".idx", ".log"));
        let bytes = log.and_then(|bytes| bytes.get(80..88)?.try_into().ok());
        bytes.map_or(0, u64::from_le_bytes)
    }
}

/// Whether a segment can be taken apart: none of its lengths was changed before.
fn is_whole(bytes: &[u8]) -> bool {
    let length =
        |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let mut at = 128;
    while bytes.get(at..at + 4) == Some(b"BTCH") {
        let (Some(body), true) = (length(at + 8), bytes.len() >= at + 80) else { return false };
        let end = at + 80 + body;
        at += 80;
        while at < end {
            match length(at + 4) {
                Some(frame @ 60..) if at + frame <= end && end <= bytes.len() => at += frame,
                _ => return false,
            }
        }
    }
    bytes.len() >= 128
}

struct Check<'a> {
    sample: &'a Sample,
    forged: bool,
    disk: MemoryVfs,
}

/// What a damaged store may answer. A defect in the library is none of them.
fn is_answer(error: &Error) -> bool {
    assert!(!error.message.is_empty(), "every error says something");
    !matches!(
        error.code(),
        Code::Panic | Code::Internal | Code::InvalidHandle | Code::Forked | Code::Closed
    )
}

fn answer<T>(result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| assert!(is_answer(&error), "{error}")).ok()
}

impl Check<'_> {
    fn open(&self, mode: OpenMode) -> Option<Store> {
        answer(Store::open(Path::new(STORE), &options(&self.disk, mode)))
    }

    fn read(&self, input: &mut Input<'_>) {
        let Some(store) = self.open(OpenMode::ReadOnly) else { return };
        self.examine(&store, input);
        answer(store.sync());
        answer(store.close());
    }

    fn write(&self, input: &mut Input<'_>) {
        let mode = input.pick(&[OpenMode::MustExist, OpenMode::CreateIfMissing]);
        let Some(store) = self.open(mode) else { return };
        if !store.open_report().created {
            self.examine(&store, input);
        }
        let event = |entity| NewEvent {
            entity,
            scope: "shop",
            kind: KIND,
            payload: b"new",
            ..NewEvent::default()
        };
        let length = if input.one_in(4) { 70_000 } else { 10 };
        let payload = vec![7; length];
        let known = NewEvent { key: Id(1 << 100 | 5), payload: &payload, ..event("order:1") };
        let wrote = answer(store.append_batch(&[event("order"), event("new")]));
        let keyed = answer(store.append(&known));
        for receipt in wrote.iter().flatten().chain(&keyed) {
            let read = answer(stores::row(&store, receipt.id));
            assert!(self.forged || read.flatten().is_some(), "what was appended can be read");
        }
        let closed = answer(store.close());
        if (wrote, closed, self.forged) == (None, None, true) {
            return;
        }
        let again = Store::open(Path::new(STORE), &options(&self.disk, OpenMode::MustExist));
        let again = match self.forged {
            true => answer(again),
            false => closed.map(|()| again.expect("what was closed opens again")),
        };
        if let Some(store) = again {
            answer(store.verify());
        }
    }

    /// The damaged store as the source, and then as the destination.
    fn import(&self, input: &mut Input<'_>) {
        self.disk.put(Path::new("/d"), &stores::samples().last().expect("samples").files);
        let mode = input.pick(&[OpenMode::ReadOnly, OpenMode::MustExist]);
        let Some(store) = self.open(mode) else { return };
        let fresh = Store::open(Path::new("/d"), &options(&self.disk, OpenMode::MustExist))
            .expect("a sound store");
        let mut import =
            ImportOptions { namespace: NAMESPACE.to_owned(), ..ImportOptions::default() };
        // Both have one id, since their entropy is the same.
        import.allow_self = true;
        import.chunk_size = 1 + u32::from(input.u8() % 8);
        import.rehash = input.one_in(2);
        import.after = input.u8().into();
        import.on_conflict = input.pick(&[OnConflict::Skip, OnConflict::Fail]);
        let first = fresh.import(&store, &mut import);
        let copied = answer(first.result);
        let again = fresh.import(&store, &mut import);
        if copied.is_some() && !self.forged {
            assert_eq!(again.report.imported, 0, "a second import adds nothing");
        }
        answer(again.result);
        answer(store.import(&fresh, &mut import).result);
        let verified = answer(fresh.verify()).expect("a sound store can be read");
        // Without a rehash a payload is trusted to have the hash that its frame states.
        let trusting = self.forged && !import.rehash;
        assert!(
            trusting || verified.findings.is_empty(),
            "what was imported is sound: {:?}",
            verified.findings
        );
    }

    /// Asks what the input wants to know, and verify where an answer is none that was written.
    fn examine(&self, store: &Store, input: &mut Input<'_>) {
        let (wish, mut sound) = (input.u8(), true);
        if wish & 1 == 0 {
            let all = answer(rows(store)).unwrap_or_default();
            let written =
                all.iter().zip(&self.sample.rows).take_while(|(read, row)| read == row).count();
            sound = all[written..].iter().all(|row| row.kind == Kind::GAP);
        }
        if wish & 2 == 0 {
            sound &= self.query(store, input);
        }
        if wish & 4 == 0 {
            for row in self.sample.rows.iter().step_by(3) {
                let read = answer(stores::row(store, row.id)).flatten();
                sound &= read.is_none_or(|read| read == *row);
            }
            answer(stores::row(store, Id(input.edgy().into())));
        }
        if wish & 8 == 0 {
            for entity in ENTITIES {
                answer(store.head(entity));
            }
            answer(store.stats());
            answer(store.log_hash());
        }
        if !sound || wish & 16 == 0 {
            let verified = answer(store.verify());
            let found = verified.is_none_or(|report| !report.findings.is_empty());
            assert!(
                sound || self.forged || found,
                "an event that nobody wrote, and verify finds nothing"
            );
        }
    }

    /// Whether all that a query finds was written.
    fn query(&self, store: &Store, input: &mut Input<'_>) -> bool {
        let query = Query {
            region: Region {
                entity: input
                    .pick(&[None, Some("order"), Some("order:1"), Some("none")])
                    .map(str::to_owned),
                scopes: input
                    .pick(&[&[][..], &["shop"], &["none"], &["none", "shop"]])
                    .iter()
                    .map(|scope| (*scope).to_owned())
                    .collect(),
                kinds: input
                    .pick(&[&[][..], &[KindRange::exact(KIND)], &[KindRange::category(1)]])
                    .to_vec(),
                versions: input.pick(&[None, Some((2, 4)), Some((0, u64::MAX))]),
                timestamps: input.pick(&[None, None, Some((-100, 300)), Some((301, i64::MAX))]),
                recorded: input.pick(&[None, None, Some((i64::MIN, 1_704_067_200_010_000))]),
            },
            after: input.pick(&[0, 0, 3, u64::MAX, u64::MAX - 1]),
            until: input.pick(&[0, 0, 9, u64::MAX]),
            limit: input.pick(&[u64::MAX, 2]),
            page_rows: input.pick(&[1000, 3]),
            backward: input.one_in(2),
            system: input.one_in(2),
            columns: Columns::ALL,
        };
        let rows = answer(stores::matching(store, &query));
        rows.is_none_or(|rows| rows.iter().all(|row| self.was_written(row)))
    }

    fn was_written(&self, row: &Row) -> bool {
        row.kind == Kind::GAP || self.sample.rows.iter().any(|written| written == row)
    }
}
