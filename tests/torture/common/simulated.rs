//! A simulated disk: one in memory that remembers every operation, so that what a crash at any
//! point could have left can be made from it, and that fails any call when told to.
//!
//! What it grants is what POSIX grants and no more. Data and lengths of a file are durable once its
//! sync returned, names once the sync of their directory did; everything else may be there or not,
//! in any combination, torn in the middle, or zeros where a file grew. After a sync that failed,
//! what it should have written may be lost whatever later syncs say.

use super::layer::{half_of, Call, Layer, Layered, Make, Part};
use super::Rng;
use fbat::engine::platform::memory::MemoryVfs;
use fbat::engine::platform::vfs::{Background, Vfs};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub use super::layer::Op;
pub use fbat::engine::platform::memory::Image;

const SECTOR: u64 = 512;

/// An operation that changes something, or makes earlier ones durable.
#[derive(Clone, Debug)]
pub enum Change {
    Mkdir(PathBuf),
    Link {
        path: PathBuf,
        inode: usize,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
        inode: usize,
    },
    Unlink {
        path: PathBuf,
    },
    Write {
        inode: usize,
        offset: u64,
        bytes: Arc<Vec<u8>>,
    },
    SetLen {
        inode: usize,
        length: u64,
    },
    /// Makes the file at least so long.
    Allocate {
        inode: usize,
        length: u64,
    },
    Sync {
        inode: usize,
    },
    /// A sync that failed: what was to be written may never be.
    FailedSync {
        inode: usize,
    },
    SyncDir(PathBuf),
}

/// A fault to come.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which call fails, counted from 0.
    pub at: u64,
    pub errno: i32,
    /// Every call after it fails too.
    pub for_good: bool,
}

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    memory: MemoryVfs,
    base: Image,
    files: Layered,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// How many files there have been.
    inodes: usize,
    /// How many processes have used the disk and are gone.
    dead: u64,
    ops: Vec<Change>,
    calls: Vec<(Op, PathBuf)>,
    faults: Vec<Fault>,
    /// Syncs answer without doing anything.
    lies: bool,
}

/// What a process does on the disk, as the disk remembers it.
#[derive(Clone)]
struct Process {
    number: u64,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Process {}", self.number)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(|e| e.into_inner())
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Disk {
        Disk::from_image(&MemoryVfs::of_boot("boot").image())
    }

    pub fn from_image(image: &Image) -> Disk {
        let memory = MemoryVfs::of(image);
        let inodes = image.files.len();
        let state = Arc::new(Mutex::new(State { inodes, ..State::default() }));
        let first = Arc::new(Process { number: 0, state: state.clone() });
        let files = Layered::numbered(Arc::new(memory.clone()), first, image.files.keys());
        Disk { memory, base: image.clone(), files, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// The disk as a process sees it that begins now.
    pub fn vfs(&self) -> Arc<dyn Vfs> {
        let process = Process { number: self.state().dead, state: self.state.clone() };
        Arc::new(self.files.with(Arc::new(process)))
    }

    /// What a process that is killed now leaves behind.
    pub fn image(&self) -> Image {
        self.memory.image()
    }

    /// How many operations there were.
    pub fn position(&self) -> usize {
        self.state().ops.len()
    }

    /// Everything that happened, to be replayed.
    pub fn history(&self) -> History {
        History { base: self.base.clone(), ops: self.state().ops.clone() }
    }

    /// The process that used the disk is gone; another may take its locks. Its calls fail from now
    /// on and change nothing, so that its memory can be given back.
    pub fn kill(&self) {
        self.state().dead += 1;
        self.memory.release_locks();
    }

    /// Makes calls fail from now on; those that were to come are forgotten.
    pub fn inject(&self, faults: &[Fault]) {
        self.state().faults = faults.to_vec();
    }

    /// Syncs do nothing from now on, and say that they did.
    pub fn lie(&self) {
        self.state().lies = true;
    }

    /// Every call so far, with the file concerned.
    pub fn calls(&self) -> Vec<(Op, PathBuf)> {
        self.state().calls.clone()
    }
}

impl State {
    /// Counts a call; an error where it is to fail.
    fn count(&mut self, call: &Call<'_>) -> io::Result<()> {
        let at = self.calls.len() as u64;
        self.calls.push((call.op, call.path.to_owned()));
        let hit =
            self.faults.iter().find(|fault| fault.at == at || (fault.for_good && fault.at < at));
        hit.map_or(Ok(()), |fault| Err(io::Error::from_raw_os_error(fault.errno)))
    }

    /// Remembers a call that was made of the file `inode`.
    fn remember(&mut self, call: &Call<'_>, inode: usize) {
        let path = || call.path.to_owned();
        let write =
            || Change::Write { inode, offset: call.at, bytes: Arc::new(call.bytes.to_vec()) };
        let op = match call.op {
            Op::Create | Op::Link => Change::Link { path: path(), inode },
            // A lock makes its file where there is none.
            Op::Lock if inode == self.inodes => Change::Link { path: path(), inode },
            Op::Rename => Change::Rename { from: call.from.to_owned(), to: path(), inode },
            Op::Remove => Change::Unlink { path: path() },
            Op::CreateDir => Change::Mkdir(path()),
            Op::Write => write(),
            Op::Describe => {
                self.ops.push(Change::SetLen { inode, length: 0 });
                write()
            }
            Op::SetLen => Change::SetLen { inode, length: call.at },
            Op::Allocate => Change::Allocate { inode, length: call.at },
            Op::Sync if !self.lies => Change::Sync { inode },
            Op::SyncDir if !self.lies => Change::SyncDir(path()),
            _ => return,
        };
        if matches!(op, Change::Link { .. }) {
            self.inodes = self.inodes.max(inode + 1);
        }
        self.ops.push(op);
    }

    /// A call that is to fail: it has often done a part of it.
    fn fail(&mut self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        let part = match call.op {
            Op::Write => Call { bytes: &call.bytes[..call.bytes.len() / 2], ..*call },
            Op::Allocate => Call { at: half_of(call.at), ..*call },
            Op::Sync => {
                self.ops.push(Change::FailedSync { inode: call.file });
                return Ok(());
            }
            _ => return Ok(()),
        };
        let inode = make(Part::Half)?;
        self.remember(&part, inode);
        Ok(())
    }
}

impl Layer for Process {
    /// All of it at once, so that what is remembered is in the order in which it happened.
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        let mut state = locked(&self.state);
        if state.dead != self.number {
            return Err(io::Error::other("the process was killed"));
        }
        if let Err(e) = state.count(call) {
            return state.fail(call, make).and(Err(e));
        }
        let inode = make(Part::Whole)?;
        state.remember(call, inode);
        Ok(())
    }

    /// Now at once, now as late as can be: a crash finds both.
    fn background(&self) -> Background {
        match locked(&self.state).ops.len() % 3 {
            0 => Background::Caller,
            _ => Background::WhoeverWaits,
        }
    }
}

/// What became of an operation that was not durable when the machine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    Kept,
    Lost,
    /// The length reached the disk and the bytes did not; of a rename, that both names are there.
    Half,
    /// So many bytes of it reached the disk.
    Cut(u64),
    /// Some of its sectors reached the disk, in no order.
    Sectors(u64),
}

fn change_names(names: &mut BTreeMap<PathBuf, usize>, op: &Change, fate: Fate) {
    match op {
        Change::Link { path, inode } => {
            names.insert(path.clone(), *inode);
        }
        Change::Rename { from, to, inode } => {
            if names.get(from) == Some(inode) && fate != Fate::Half {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
        Change::Unlink { path } => {
            names.remove(path);
        }
        _ => unreachable!("not about names"),
    }
}

fn change_bytes(bytes: &mut Vec<u8>, op: &Change, fate: Fate) {
    match op {
        Change::SetLen { length, .. } => bytes.resize(*length as usize, 0),
        Change::Allocate { length, .. } => bytes.resize((*length as usize).max(bytes.len()), 0),
        Change::Write { offset, bytes: new, .. } => {
            let from = *offset as usize;
            if fate != Fate::Lost {
                let until = if let Fate::Cut(n) = fate { n as usize } else { new.len() };
                bytes.resize((from + until.min(new.len())).max(bytes.len()), 0);
            }
            let mut put = |start: usize, end: usize| {
                bytes[from + start..from + end].copy_from_slice(&new[start..end]);
            };
            match fate {
                Fate::Kept => put(0, new.len()),
                Fate::Cut(n) => put(0, new.len().min(n as usize)),
                Fate::Lost | Fate::Half => {}
                Fate::Sectors(seed) => {
                    let mut rng = Rng(seed);
                    let mut start = 0;
                    while start < new.len() {
                        let place = *offset + start as u64;
                        let end = new.len().min(start + (SECTOR - place % SECTOR) as usize);
                        if rng.one_in(2) {
                            put(start, end);
                        }
                        start = end;
                    }
                }
            }
        }
        _ => unreachable!("not about bytes"),
    }
}

// ---------------------------------------------------------------- what a crash can leave

/// What happened on a disk, from what it held at first.
#[derive(Clone)]
pub struct History {
    base: Image,
    pub ops: Vec<Change>,
}

/// A file while a history is replayed.
#[derive(Clone, Default)]
struct Track {
    /// What is durable, but for operations that are listed.
    bytes: Arc<Vec<u8>>,
    /// The operation that made it so.
    settled: usize,
    ops: Vec<(usize, Standing)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Pending,
    /// A sync of it failed.
    Doomed,
    Durable,
}

/// A history up to some operation.
#[derive(Clone)]
pub struct Replay<'h> {
    history: &'h History,
    /// So many operations have been made.
    pub position: usize,
    files: Vec<Track>,
    /// Names and directories that are durable.
    names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    /// Operations on names that are not.
    pending_names: Vec<usize>,
}

impl<'h> Replay<'h> {
    pub fn new(history: &'h History) -> Replay<'h> {
        let base = &history.base;
        let track = |bytes: &Arc<Vec<u8>>| Track { bytes: bytes.clone(), ..Track::default() };
        Replay {
            history,
            position: 0,
            files: base.files.values().map(track).collect(),
            names: base.files.keys().cloned().zip(0..).collect(),
            dirs: base.directories.clone(),
            pending_names: Vec::new(),
        }
    }

    /// Makes the next operation; false at the end.
    pub fn advance(&mut self) -> bool {
        let Some(op) = self.history.ops.get(self.position) else { return false };
        match op {
            Change::Link { inode, .. } => {
                self.files.resize_with(self.files.len().max(inode + 1), Track::default);
                self.pending_names.push(self.position);
            }
            Change::Mkdir(_) | Change::Rename { .. } | Change::Unlink { .. } => {
                self.pending_names.push(self.position)
            }
            Change::Write { inode, .. }
            | Change::SetLen { inode, .. }
            | Change::Allocate { inode, .. } => {
                self.files[*inode].ops.push((self.position, Standing::Pending));
            }
            Change::Sync { inode } => self.settle(*inode, Standing::Durable),
            Change::FailedSync { inode } => self.settle(*inode, Standing::Doomed),
            Change::SyncDir(dir) => {
                let (history, pending) = (self.history, std::mem::take(&mut self.pending_names));
                for at in pending {
                    match in_directory(&history.ops[at], dir) {
                        true => self.name(at),
                        false => self.pending_names.push(at),
                    }
                }
            }
        }
        self.position += 1;
        true
    }

    fn name(&mut self, at: usize) {
        match &self.history.ops[at] {
            Change::Mkdir(path) => {
                self.dirs.insert(path.clone());
            }
            op => change_names(&mut self.names, op, Fate::Kept),
        }
    }

    fn settle(&mut self, inode: usize, standing: Standing) {
        let track = &mut self.files[inode];
        track
            .ops
            .iter_mut()
            .filter(|(_, s)| *s == Standing::Pending)
            .for_each(|(_, s)| *s = standing);
        if track.ops.iter().all(|(_, s)| *s == Standing::Durable) {
            let bytes = Arc::make_mut(&mut track.bytes);
            track.settled = self.position;
            track
                .ops
                .drain(..)
                .for_each(|(at, _)| change_bytes(bytes, &self.history.ops[at], Fate::Kept));
        }
    }

    /// The operations that a crash now may undo, oldest first.
    pub fn pending(&self) -> Vec<usize> {
        let of_files = self.files.iter().flat_map(|track| &track.ops);
        let open =
            of_files.filter(|(_, standing)| *standing != Standing::Durable).map(|(at, _)| *at);
        let mut pending: Vec<usize> = open.chain(self.pending_names.iter().copied()).collect();
        pending.sort_unstable();
        pending
    }

    /// What a crash of the process alone leaves.
    pub fn killed(&self) -> Image {
        self.image(&|_| Fate::Kept)
    }

    /// What is on the disk when the power comes back, if the operations of [`Replay::pending`] had
    /// these fates.
    pub fn cut(&self, fates: &[Fate]) -> Image {
        let pending = self.pending();
        let image = self.image(&|at| pending.binary_search(&at).map_or(Fate::Kept, |n| fates[n]));
        Image { boot: image.boot + "-again", ..image }
    }

    /// The same in words.
    pub fn tell(&self, fates: &[Fate]) -> String {
        let short = |at: usize| {
            let mut text = format!("{:?}", self.history.ops[at]);
            text.truncate(text.find("bytes").unwrap_or(text.len()));
            text
        };
        let list: Vec<_> =
            self.pending().into_iter().zip(fates).map(|(at, fate)| (at, short(at), fate)).collect();
        format!("{list:?}")
    }

    /// Goes on until so many operations have been made.
    pub fn advance_to(&mut self, position: usize) {
        while self.position < position && self.advance() {}
    }

    fn image(&self, fate: &dyn Fn(usize) -> Fate) -> Image {
        let (mut names, mut dirs) = (self.names.clone(), self.dirs.clone());
        for &at in self.pending_names.iter().filter(|at| fate(**at) != Fate::Lost) {
            match &self.history.ops[at] {
                Change::Mkdir(path) => {
                    dirs.insert(path.clone());
                }
                op => change_names(&mut names, op, fate(at)),
            }
        }
        let bytes = |inode: usize| {
            let track = &self.files[inode];
            let mut bytes = track.bytes.clone();
            for &(at, standing) in &track.ops {
                let fate = if standing == Standing::Durable { Fate::Kept } else { fate(at) };
                if fate != Fate::Lost {
                    change_bytes(Arc::make_mut(&mut bytes), &self.history.ops[at], fate);
                }
            }
            bytes
        };
        let kept = names
            .into_iter()
            .filter(|(path, _)| path.parent().is_some_and(|dir| dirs.contains(dir)));
        Image {
            files: kept.map(|(path, inode)| (path, bytes(inode))).collect(),
            directories: dirs,
            boot: self.history.base.boot.clone(),
        }
    }

    /// Every fate worth trying at this point: nothing kept, all, each prefix, each one lost, each
    /// one alone, torn in every way; and some at random. The fates are of [`Replay::pending`].
    pub fn fates(&self, rng: &mut Rng) -> Vec<Vec<Fate>> {
        let pending = self.pending();
        let n = pending.len();
        let mut out = vec![vec![Fate::Lost; n], vec![Fate::Kept; n]];
        for one in 0..n {
            out.push((0..n).map(|at| if at < one { Fate::Kept } else { Fate::Lost }).collect());
            out.push((0..n).map(|at| if at != one { Fate::Kept } else { Fate::Lost }).collect());
            out.push((0..n).map(|at| if at == one { Fate::Kept } else { Fate::Lost }).collect());
            for torn in self.tears(pending[one], rng) {
                out.push((0..n).map(|at| if at == one { torn } else { Fate::Kept }).collect());
                out.push(
                    (0..n)
                        .map(|at| {
                            [Fate::Kept, torn, Fate::Lost]
                                [(at >= one) as usize + (at > one) as usize]
                        })
                        .collect(),
                );
            }
        }
        for _ in 0..4 {
            let any = pending.iter().map(|at| {
                let tears = self.tears(*at, rng);
                let other = rng.pick(&[Fate::Kept, Fate::Lost]);
                *rng.pick(&[&tears[..], &[Fate::Kept, *other]].concat())
            });
            let any = any.collect();
            out.push(any);
        }
        out
    }

    /// The ways in which one operation can be there in part.
    fn tears(&self, at: usize, rng: &mut Rng) -> Vec<Fate> {
        match &self.history.ops[at] {
            Change::Rename { .. } => vec![Fate::Half],
            Change::Write { offset, bytes, .. } => {
                let length = bytes.len() as u64;
                let mut tears = vec![
                    Fate::Half,
                    Fate::Cut(rng.below(length + 1)),
                    Fate::Cut(rng.below(length.min(200) + 1)),
                ];
                let sector = SECTOR - offset % SECTOR + SECTOR * rng.below(length / SECTOR + 1);
                tears.extend([Fate::Cut(sector.min(length)), Fate::Sectors(rng.next())]);
                tears
            }
            _ => vec![],
        }
    }

    /// Equal for equal images of one replay.
    pub fn name_of(&self, pending: &[usize], fates: &[Fate]) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.files.iter().for_each(|track| track.settled.hash(&mut hasher));
        self.names.hash(&mut hasher);
        for (at, fate) in pending.iter().zip(fates).filter(|(_, fate)| **fate != Fate::Lost) {
            (at, fate).hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn in_directory(op: &Change, dir: &Path) -> bool {
    match op {
        Change::Mkdir(path)
        | Change::Link { path, .. }
        | Change::Unlink { path }
        | Change::Rename { to: path, .. } => path.parent() == Some(dir),
        _ => false,
    }
}
