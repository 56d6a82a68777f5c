//! A simulated disk: a directory tree in memory that remembers every operation, so that what a
//! crash at any point could have left can be made from it, and that fails any call when told to.
//!
//! What it grants is what POSIX grants and no more. Data and lengths of a file are durable once its
//! sync returned, names once the sync of their directory did; everything else may be there or not,
//! in any combination, torn in the middle, or zeros where a file grew. After a sync that failed,
//! what it should have written may be lost whatever later syncs say.

use super::Rng;
use fbat::engine::platform::vfs::{Access, File, Lock, LockOutcome, Vfs};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;
const SECTOR: u64 = 512;

/// What is on a disk: names, and the bytes behind them.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub files: BTreeMap<PathBuf, Arc<Vec<u8>>>,
    pub dirs: BTreeSet<PathBuf>,
    /// Which start of the machine this is.
    pub boot: u64,
}

/// An operation that changes something, or makes earlier ones durable.
#[derive(Clone, Debug)]
pub enum Op {
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

/// What can be called, so that a fault can be aimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Open,
    Create,
    Rename,
    HardLink,
    Remove,
    CreateDir,
    SyncDir,
    List,
    Lock,
    Describe,
    Read,
    Write,
    Len,
    SetLen,
    Allocate,
    Sync,
    IsLinked,
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

#[derive(Default)]
struct State {
    inodes: Vec<Arc<Vec<u8>>>,
    names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    /// How many processes have used the disk and are gone.
    dead: u64,
    boot: u64,
    base: Image,
    ops: Vec<Op>,
    calls: Vec<(Call, PathBuf)>,
    faults: Vec<Fault>,
    /// Syncs answer without doing anything.
    lies: bool,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Disk {
        Disk::from_image(&Image { dirs: BTreeSet::from([PathBuf::from("/")]), ..Image::default() })
    }

    pub fn from_image(image: &Image) -> Disk {
        let state = State {
            inodes: image.files.values().cloned().collect(),
            names: image.files.keys().cloned().zip(0..).collect(),
            dirs: image.dirs.clone(),
            boot: image.boot,
            base: image.clone(),
            ..State::default()
        };
        Disk(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What a process that is killed now leaves behind.
    pub fn image(&self) -> Image {
        let state = self.state();
        let files = state
            .names
            .iter()
            .map(|(path, inode)| (path.clone(), state.inodes[*inode].clone()))
            .collect();
        Image { files, dirs: state.dirs.clone(), boot: state.boot }
    }

    /// How many operations there were.
    pub fn position(&self) -> usize {
        self.state().ops.len()
    }

    /// Everything that happened, to be replayed.
    pub fn history(&self) -> History {
        let state = self.state();
        History { base: state.base.clone(), ops: state.ops.clone() }
    }

    /// The process that used the disk is gone; another may take its locks. What it had open fails
    /// from now on and changes nothing, so that its memory can be given back.
    pub fn kill(&self) {
        let mut state = self.state();
        state.dead += 1;
        state.locked.clear();
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
    pub fn calls(&self) -> Vec<(Call, PathBuf)> {
        self.state().calls.clone()
    }

    pub fn call_count(&self) -> u64 {
        self.state().calls.len() as u64
    }

    /// Changes the bytes of a file behind everybody's back.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let inode = state.names[path];
        change(Arc::make_mut(&mut state.inodes[inode]));
    }
}

impl State {
    /// Counts a call; an error where it is to fail.
    fn call(&mut self, call: Call, path: &Path) -> io::Result<()> {
        let at = self.calls.len() as u64;
        self.calls.push((call, path.to_owned()));
        let hit =
            self.faults.iter().find(|fault| fault.at == at || (fault.for_good && fault.at < at));
        hit.map_or(Ok(()), |fault| Err(io::Error::from_raw_os_error(fault.errno)))
    }

    fn do_op(&mut self, op: Op) {
        match &op {
            Op::Mkdir(path) => {
                self.dirs.insert(path.clone());
            }
            Op::Link { .. } | Op::Rename { .. } | Op::Unlink { .. } => {
                change_names(&mut self.names, &op, Fate::Kept)
            }
            Op::Write { inode, .. } | Op::SetLen { inode, .. } | Op::Allocate { inode, .. } => {
                change_bytes(Arc::make_mut(&mut self.inodes[*inode]), &op, Fate::Kept)
            }
            Op::Sync { .. } | Op::SyncDir(_) if self.lies => return,
            Op::Sync { .. } | Op::FailedSync { .. } | Op::SyncDir(_) => {}
        }
        self.ops.push(op);
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, path: &Path) -> io::Result<usize> {
        if !path.parent().is_some_and(|dir| self.dirs.contains(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inode = self.inodes.len();
        self.inodes.push(Arc::default());
        self.do_op(Op::Link { path: path.to_owned(), inode });
        Ok(inode)
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

fn change_names(names: &mut BTreeMap<PathBuf, usize>, op: &Op, fate: Fate) {
    match op {
        Op::Link { path, inode } => {
            names.insert(path.clone(), *inode);
        }
        Op::Rename { from, to, inode } => {
            if names.get(from) == Some(inode) && fate != Fate::Half {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
        Op::Unlink { path } => {
            names.remove(path);
        }
        _ => unreachable!("not about names"),
    }
}

fn change_bytes(bytes: &mut Vec<u8>, op: &Op, fate: Fate) {
    match op {
        Op::SetLen { length, .. } => bytes.resize(*length as usize, 0),
        Op::Allocate { length, .. } => bytes.resize((*length as usize).max(bytes.len()), 0),
        Op::Write { offset, bytes: new, .. } => {
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
    pub ops: Vec<Op>,
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
            dirs: base.dirs.clone(),
            pending_names: Vec::new(),
        }
    }

    /// Makes the next operation; false at the end.
    pub fn advance(&mut self) -> bool {
        let Some(op) = self.history.ops.get(self.position) else { return false };
        match op {
            Op::Link { inode, .. } => {
                self.files.resize_with(self.files.len().max(inode + 1), Track::default);
                self.pending_names.push(self.position);
            }
            Op::Mkdir(_) | Op::Rename { .. } | Op::Unlink { .. } => {
                self.pending_names.push(self.position)
            }
            Op::Write { inode, .. } | Op::SetLen { inode, .. } | Op::Allocate { inode, .. } => {
                self.files[*inode].ops.push((self.position, Standing::Pending));
            }
            Op::Sync { inode } => self.settle(*inode, Standing::Durable),
            Op::FailedSync { inode } => self.settle(*inode, Standing::Doomed),
            Op::SyncDir(dir) => {
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
            Op::Mkdir(path) => {
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
        Image { boot: image.boot + 1, ..image }
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
                Op::Mkdir(path) => {
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
            dirs,
            boot: self.history.base.boot,
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
            Op::Rename { .. } => vec![Fate::Half],
            Op::Write { offset, bytes, .. } => {
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

fn in_directory(op: &Op, dir: &Path) -> bool {
    match op {
        Op::Mkdir(path)
        | Op::Link { path, .. }
        | Op::Unlink { path }
        | Op::Rename { to: path, .. } => path.parent() == Some(dir),
        _ => false,
    }
}

// ---------------------------------------------------------------- as the engine sees it

#[derive(Debug)]
struct DiskFile {
    disk: Disk,
    inode: usize,
    path: PathBuf,
    /// The process that opened it.
    process: u64,
}

impl DiskFile {
    /// The disk, after a call was counted; an error where it is to fail, or this process is dead.
    fn call(&self, call: Call) -> (MutexGuard<'_, State>, io::Result<()>) {
        let mut state = self.disk.state();
        if state.dead != self.process {
            return (state, Err(io::Error::other("the process was killed")));
        }
        let answer = state.call(call, &self.path);
        (state, answer)
    }

    fn is_dead(&self, state: &State) -> bool {
        state.dead != self.process
    }
}

struct DiskLock {
    file: DiskFile,
    previous: String,
}

impl Vfs for Disk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        state.call(if access == Access::CreateNew { Call::Create } else { Call::Open }, path)?;
        let inode = match (access, state.find(path)) {
            (Access::CreateNew, Ok(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Access::CreateNew, Err(_)) => state.create(path)?,
            (_, found) => found?,
        };
        Ok(Arc::new(DiskFile {
            disk: self.clone(),
            inode,
            path: path.to_owned(),
            process: state.dead,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::Rename, to)?;
        let inode = state.find(from)?;
        state.do_op(Op::Rename { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::HardLink, to)?;
        let inode = state.find(from)?;
        match state.find(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => {
                state.do_op(Op::Link { path: to.to_owned(), inode });
                Ok(())
            }
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::Remove, path)?;
        state.find(path)?;
        state.do_op(Op::Unlink { path: path.to_owned() });
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::CreateDir, path)?;
        if state.dirs.contains(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.do_op(Op::Mkdir(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::SyncDir, path)?;
        state.do_op(Op::SyncDir(path.to_owned()));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.call(Call::List, path)?;
        if !state.dirs.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let here = state.names.keys().filter(|file| file.parent() == Some(path));
        Ok(here.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn lock(&self, path: &Path) -> io::Result<LockOutcome> {
        let mut state = self.state();
        state.call(Call::Lock, path)?;
        let inode = match state.find(path) {
            Ok(inode) => inode,
            Err(_) => state.create(path)?,
        };
        let previous = String::from_utf8_lossy(&state.inodes[inode]).into_owned();
        if !state.locked.insert(path.to_owned()) {
            return Ok(LockOutcome::Taken(previous));
        }
        let file =
            DiskFile { disk: self.clone(), inode, path: path.to_owned(), process: state.dead };
        Ok(LockOutcome::Held(Box::new(DiskLock { file, previous })))
    }

    fn boot_id(&self) -> Option<String> {
        Some(format!("boot-{}", self.state().boot))
    }

    fn process_name(&self) -> String {
        "1".to_owned()
    }
}

impl File for DiskFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (state, answer) = self.call(Call::Read);
        answer?;
        let bytes = &state.inodes[self.inode];
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = buffer.len().min(bytes.len() - from);
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (mut state, answer) = self.call(Call::Write);
        if !self.is_dead(&state) {
            // What fails has often done a part of it.
            let done = if answer.is_err() { bytes.len() / 2 } else { bytes.len() };
            state.do_op(Op::Write {
                inode: self.inode,
                offset,
                bytes: Arc::new(bytes[..done].to_vec()),
            });
        }
        answer.map(|()| bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        let (state, answer) = self.call(Call::Len);
        answer.map(|()| state.inodes[self.inode].len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let (mut state, answer) = self.call(Call::SetLen);
        answer.map(|()| state.do_op(Op::SetLen { inode: self.inode, length }))
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let (mut state, answer) = self.call(Call::Allocate);
        if !self.is_dead(&state) {
            let length = if answer.is_err() { length.saturating_sub(1000) } else { length };
            state.do_op(Op::Allocate { inode: self.inode, length });
        }
        answer
    }

    fn sync(&self) -> io::Result<()> {
        let (mut state, answer) = self.call(Call::Sync);
        if !self.is_dead(&state) {
            state.do_op(match answer {
                Ok(()) => Op::Sync { inode: self.inode },
                Err(_) => Op::FailedSync { inode: self.inode },
            });
        }
        answer
    }

    fn is_linked(&self) -> io::Result<bool> {
        let (state, answer) = self.call(Call::IsLinked);
        answer.map(|()| state.names.get(&self.path) == Some(&self.inode))
    }
}

impl Lock for DiskLock {
    fn previous(&self) -> &str {
        &self.previous
    }

    fn describe(&self, text: &str) -> io::Result<()> {
        let (mut state, answer) = self.file.call(Call::Describe);
        answer?;
        state.do_op(Op::SetLen { inode: self.file.inode, length: 0 });
        let bytes = Arc::new(text.as_bytes().to_vec());
        state.do_op(Op::Write { inode: self.file.inode, offset: 0, bytes });
        Ok(())
    }
}

impl Drop for DiskLock {
    fn drop(&mut self) {
        let mut state = self.file.disk.state();
        if !self.file.is_dead(&state) {
            state.locked.remove(&self.file.path);
        }
    }
}
