//! A store of a history on a simulated disk of its own, and what the model knows of it.

use super::way::Number;
use crate::common::simulated::{Disk, Fate, Image, Replay};
use crate::common::*;
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::repair::repair;
use fbat::engine::store::compress::CompressOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Origin, id and content of an event.
pub type Triple = (String, Id, Hash);
/// The triples that a store has, in their order; and the number of each.
pub type Triples = BTreeMap<Triple, Number>;

const STORE: &str = "/store";
const REPAIRED: &str = "/repaired";

pub struct Node {
    disk: Disk,
    clock: Arc<TestClock>,
    store: Option<Store>,
    /// Where the disk was when it was opened, and what it had then.
    opened: (usize, Triples),
    pub has: Triples,
    /// What no crash may cost.
    pub durable: Triples,
    /// The names that it has had as an origin, and the first sequence of each.
    names: Vec<(u64, String)>,
    /// An older copy of the directory, and what it has.
    older: Option<(Image, Triples)>,
    /// What its application appended last, by key.
    pub submitted: Vec<(Id, Number)>,
}

impl Node {
    pub fn new(clock: &Arc<TestClock>, seed: u64) -> Node {
        let mut node = Node::on(&Disk::new().image(), clock, Triples::new());
        node.store = Some(open(STORE.as_ref(), &node.options(seed)));
        node.found(Triples::new());
        let name = node.store().native_namespace();
        node.names.push((0, name));
        node
    }

    fn on(image: &Image, clock: &Arc<TestClock>, has: Triples) -> Node {
        Node {
            disk: Disk::from_image(image),
            clock: clock.clone(),
            store: None,
            opened: (0, Triples::new()),
            durable: has.clone(),
            has,
            names: Vec::new(),
            older: None,
            submitted: Vec::new(),
        }
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Under which name its events are known that it appends now.
    pub fn name(&self) -> &str {
        &self.names.last().unwrap().1
    }

    fn options(&self, seed: u64) -> Options {
        let entropy = TestEntropy::seeded(seed);
        Options { vfs: self.disk.vfs(), clock: self.clock.clone(), entropy, ..quick() }
    }

    /// Opens a store that must be there.
    fn reopen(&mut self, seed: u64) -> Result<(), String> {
        let options = Options { mode: OpenMode::MustExist, ..self.options(seed) };
        let opened = Store::open(STORE.as_ref(), &options);
        self.store = Some(opened.map_err(|e| format!("opening: {e}"))?);
        Ok(())
    }

    /// This is there when it is opened, and on disk.
    fn found(&mut self, has: Triples) {
        self.opened = (self.disk.position(), has.clone());
        (self.has, self.durable) = (has.clone(), has);
    }

    fn close(&mut self) {
        self.store.take().unwrap().close().unwrap();
        self.durable = self.has.clone();
    }

    /// Its process is gone, and the next one finds this on the disk.
    fn find_on_disk(&mut self, image: &Image, seed: u64) -> Result<(), String> {
        self.disk.kill();
        self.store = None;
        self.disk = Disk::from_image(image);
        self.reopen(seed)
    }

    pub fn close_and_open(&mut self, rng: &mut Rng) -> Result<(), String> {
        if rng.one_in(3) {
            let all = CompressOptions { through: 0, level: 1 };
            self.store().compress(all).map_err(|e| format!("compressing: {e}"))?;
        }
        self.close();
        let image = self.disk.image();
        self.find_on_disk(&image, rng.next())?;
        self.found(self.has.clone());
        Ok(())
    }

    /// What it has, as all stores see it.
    pub fn triples(&self) -> Result<Triples, String> {
        let mut has = Triples::new();
        for row in rows(self.store()) {
            let (namespace, id) = match &row.provenance {
                Some(origin) => (origin.namespace.clone(), origin.event_id),
                None => {
                    let named = self.names.iter().rev().find(|(first, _)| *first <= row.sequence);
                    (named.unwrap().1.clone(), row.id)
                }
            };
            let triple = (namespace, id, row.content_hash);
            if let Some(_twice) = has.insert(triple.clone(), Number::of_payload(&row.payload)) {
                return Err(format!("{triple:?} is there twice"));
            }
        }
        Ok(has)
    }

    pub fn compare(&self) -> Result<(), String> {
        let has = self.triples()?;
        if has == self.has {
            return Ok(());
        }
        Err(format!(
            "it lacks {:?} and has too much: {:?}",
            less(&self.has, &has),
            less(&has, &self.has)
        ))
    }

    // ---------------------------------------------------------------- copies

    /// The directory as it is now: of a store that is open, or was closed for it.
    fn image(&mut self, rng: &mut Rng) -> Result<Image, String> {
        if rng.one_in(2) {
            return Ok(self.disk.image());
        }
        self.close();
        let image = self.disk.image();
        self.reopen(rng.next())?;
        Ok(image)
    }

    /// Keeps an older copy for a restore, in the place of another.
    pub fn keep_copy(&mut self, rng: &mut Rng) -> Result<(), String> {
        self.older = Some((self.image(rng)?, self.has.clone()));
        Ok(())
    }

    /// Goes back to the older copy; false where there is none.
    pub fn restore(&mut self, rng: &mut Rng) -> Result<bool, String> {
        let Some((image, has)) = self.older.take() else { return Ok(false) };
        self.find_on_disk(&image, rng.next())?;
        self.found(has);
        Ok(true)
    }

    /// Another store that begins as a copy.
    pub fn copy(&mut self, is_named: bool, rng: &mut Rng) -> Result<Node, String> {
        let image = self.image(rng)?;
        let mut copy = Node::on(&image, &self.clock, self.has.clone());
        copy.names = self.names.clone();
        copy.submitted = self.submitted.clone();
        copy.reopen(rng.next())?;
        if is_named {
            let visible = copy.store().frontier().unwrap().visible;
            copy.close();
            new_identity(STORE.as_ref(), &copy.options(rng.next())).map_err(|e| e.to_string())?;
            copy.reopen(rng.next())?;
            copy.names.push((visible + 1, copy.store().native_namespace()));
        }
        copy.found(self.has.clone());
        Ok(copy)
    }

    // ---------------------------------------------------------------- crashes, damage

    /// Where the disk is now, and how far the store is visible.
    pub fn position(&self) -> (usize, u64) {
        (self.disk.position(), self.store().frontier().unwrap().visible)
    }

    /// The power goes, or the process is killed, at an operation since `position`, up to which the
    /// last visible sequence was `visible`; the model takes what is there then. That is what was
    /// durable, and of the rest a prefix, which ends at one of `ends` where it is above `visible`.
    pub fn crash(
        &mut self,
        (position, visible): (usize, u64),
        ends: Option<&BTreeSet<u64>>,
        rng: &mut Rng,
    ) -> Result<String, String> {
        let before = rows_with_system(self.store());
        let history = self.disk.history();
        let mut replay = Replay::new(&history);
        replay.advance_to(rng.range(position as u64, history.ops.len() as u64) as usize);
        let fates = &any_fates(&replay, rng);
        let is_killed = rng.one_in(4);
        let image = if is_killed { replay.killed() } else { replay.cut(fates) };
        let what = match is_killed {
            true => format!("killed after operation {}", replay.position),
            false => format!("cut after operation {}: {}", replay.position, replay.tell(fates)),
        };
        let at = |why: String| format!("{what}: {why}");
        self.find_on_disk(&image, rng.next()).map_err(at)?;
        let there = rows_with_system(self.store());
        let same = |(one, other): &(&Row, &Row)| one.event_hash == other.event_hash;
        let common = there.iter().zip(&before).take_while(same).count();
        if !there[common..].iter().all(|row| row.kind.is_reserved()) {
            return Err(at(format!("it is no prefix from event {common} on")));
        }
        let (last, kind) =
            there[..common].last().map_or((0, Kind(0)), |row| (row.sequence, row.kind));
        // The record of an import may have a batch of its own.
        let is_record = matches!(kind, Kind::IMPORT_RUN | Kind::FORK);
        if last > visible && !is_record && ends.is_some_and(|ends| !ends.contains(&last)) {
            return Err(at(format!("half a chunk is there, up to {last}: {ends:?}")));
        }
        let has = self.triples().map_err(at)?;
        let lost = less(&self.durable, &has);
        if !lost.is_empty() {
            return Err(at(format!("what was durable is gone: {lost:?}")));
        }
        self.found(has);
        Ok(what)
    }

    /// The same at any time since it was opened: as if an older copy took its place.
    pub fn crash_since_opening(&mut self, rng: &mut Rng) -> Result<String, String> {
        let position = self.opened.0;
        self.durable = std::mem::take(&mut self.opened.1);
        self.crash((position, u64::MAX), None, rng)
    }

    /// Some bytes of a segment are damaged, and the store is repaired; the model takes what is
    /// there then.
    pub fn repair(&mut self, rng: &mut Rng) -> Result<u64, String> {
        self.close();
        let sound = self.disk.image();
        let mut image = sound.clone();
        let names: Vec<PathBuf> = image.files.keys().filter(|n| is_segment(n)).cloned().collect();
        let bytes = Arc::make_mut(image.files.get_mut(rng.pick(&names)).unwrap());
        let (at, length) = (rng.below(bytes.len() as u64) as usize, rng.range(1, 400) as usize);
        let end = bytes.len().min(at + length);
        bytes[at..end].iter_mut().for_each(|byte| *byte ^= rng.next() as u8);
        self.disk = Disk::from_image(&image);
        // The strings of a segment are spelled in its first events, and without the genesis event
        // nothing may be left of a store that has one segment.
        let report = match repair(STORE.as_ref(), REPAIRED.as_ref(), &self.options(rng.next())) {
            Err(_) if names.len() == 1 => {
                self.find_on_disk(&sound, rng.next())?;
                self.found(self.has.clone());
                return Ok(0);
            }
            report => report.map_err(|e| format!("repairing: {e}"))?,
        };
        let mut image = self.disk.image();
        image.files = image
            .files
            .into_iter()
            .filter_map(|(path, bytes)| {
                let name = path.strip_prefix(REPAIRED).ok()?;
                Some((PathBuf::from(STORE).join(name), bytes))
            })
            .collect();
        self.disk = Disk::from_image(&image);
        self.reopen(rng.next())?;
        let has = self.triples()?;
        let lost = less(&self.has, &has).len();
        if has.keys().any(|triple| !self.has.contains_key(triple)) {
            return Err(format!("it was repaired, and has too much: {:?}", less(&has, &self.has)));
        }
        if lost > 0 && report.losses == 0 {
            return Err(format!("{lost} events are gone and no loss is declared"));
        }
        self.found(has);
        Ok(report.losses)
    }
}

/// What became of operations that were not durable: any of those that are worth trying or, where
/// there are many operations, a prefix.
fn any_fates(replay: &Replay<'_>, rng: &mut Rng) -> Vec<Fate> {
    let pending = replay.pending().len();
    if pending <= 100 {
        let choices = replay.fates(rng);
        return rng.pick(&choices).clone();
    }
    let kept = rng.below(pending as u64 + 1) as usize;
    (0..pending).map(|at| if at < kept { Fate::Kept } else { Fate::Lost }).collect()
}

/// The triples that only the first has.
fn less<'a>(all: &'a Triples, without: &Triples) -> Vec<&'a Triple> {
    all.keys().filter(|triple| !without.contains_key(*triple)).collect()
}
