//! What can stand between a store and a disk: it passes every call on, and lets a [`Layer`] fail
//! it, make a part of it, answer in the disk's place, or remember it.

use fbat::engine::platform::vfs::{
    Access, Background, Dir, DirOptions, File, Lock, LockOutcome, Vfs,
};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    OpenDir,
    Open,
    Create,
    Rename,
    Link,
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
    IsNamed,
}

/// A call on its way to the disk.
pub struct Call<'a> {
    pub op: Op,
    /// What it is about; of a rename or a link, the new name. Files have the name that they have
    /// now.
    pub path: &'a Path,
    /// The old name.
    pub from: &'a Path,
    /// Which file, where one is open.
    pub file: usize,
    /// The offset of a read or a write, or the length that a file is to have.
    pub at: u64,
    /// What is written.
    pub bytes: &'a [u8],
}

impl<'a> Call<'a> {
    fn new(op: Op, path: &'a Path) -> Call<'a> {
        Call { op, path, from: path, file: usize::MAX, at: 0, bytes: &[] }
    }
}

/// How much of a call is made: half of a write, all but some of the space to reserve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Whole,
    Half,
}

/// Makes a call; answers which file it was about.
pub type Make<'a> = &'a mut dyn FnMut(Part) -> io::Result<usize>;

pub trait Layer: Debug + Send + Sync {
    /// Answers a call, which `make` hands on to the disk. `Ok` without that says that it was done.
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()>;

    /// In place of the disk's.
    fn boot_id(&self) -> Option<String> {
        None
    }

    /// At once, so that calls come in one order.
    fn background(&self) -> Background {
        Background::Caller
    }
}

/// Changes nothing, except that no work goes on in the background.
#[derive(Debug)]
pub struct AtOnce;

impl Layer for AtOnce {
    fn call(&self, _call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        make(Part::Whole).map(drop)
    }
}

/// What no layer needs to be told: files by number, whatever they are called.
#[derive(Debug, Default)]
pub struct Names {
    numbers: BTreeMap<PathBuf, usize>,
    paths: Vec<Arc<Path>>,
}

impl Names {
    fn add(&mut self, path: &Path) -> usize {
        self.paths.push(path.into());
        self.numbers.insert(path.to_owned(), self.paths.len() - 1);
        self.paths.len() - 1
    }

    fn find(&mut self, path: &Path) -> usize {
        self.numbers.get(path).copied().unwrap_or_else(|| self.add(path))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> usize {
        let file = self.find(from);
        self.numbers.remove(from);
        self.paths[file] = to.into();
        self.numbers.insert(to.to_owned(), file);
        file
    }
}

/// A disk with a layer over it. Clones share the names.
#[derive(Clone, Debug)]
pub struct Layered {
    disk: Arc<dyn Vfs>,
    layer: Arc<dyn Layer>,
    names: Arc<Mutex<Names>>,
}

impl Layered {
    pub fn over(disk: Arc<dyn Vfs>, layer: Arc<dyn Layer>) -> Layered {
        Layered { disk, layer, names: Arc::default() }
    }

    /// Where files have numbers already: those of `paths`, from 0.
    pub fn numbered<'p>(
        disk: Arc<dyn Vfs>,
        layer: Arc<dyn Layer>,
        paths: impl Iterator<Item = &'p PathBuf>,
    ) -> Layered {
        let layered = Layered::over(disk, layer);
        paths.for_each(|path| {
            layered.names().add(path);
        });
        layered
    }

    /// The same disk under another layer.
    pub fn with(&self, layer: Arc<dyn Layer>) -> Layered {
        Layered { layer, ..self.clone() }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What the disk answered and the number of the file, or nothing where it was not asked.
    fn call<T>(
        &self,
        call: &Call<'_>,
        mut make: impl FnMut(Part) -> io::Result<(T, usize)>,
    ) -> io::Result<Option<(T, usize)>> {
        let mut made = None;
        let mut hand_on = |part| {
            let (answer, file) = make(part)?;
            made = Some((answer, file));
            Ok(file)
        };
        self.layer.call(call, &mut hand_on)?;
        Ok(made)
    }

    /// A call that answers nothing.
    fn tell(&self, call: &Call<'_>, make: impl Fn() -> io::Result<usize>) -> io::Result<()> {
        self.call(call, |_| Ok(((), make()?))).map(drop)
    }
}

fn asked<T>(answer: Option<(T, usize)>) -> io::Result<(T, usize)> {
    answer.ok_or_else(|| io::Error::other("only the disk can answer that"))
}

impl Vfs for Layered {
    fn open_dir(&self, path: &Path, options: DirOptions) -> io::Result<Arc<dyn Dir>> {
        let answer = self.call(&Call::new(Op::OpenDir, path), |_| {
            Ok((self.disk.open_dir(path, options)?, usize::MAX))
        })?;
        let (inner, _) = asked(answer)?;
        Ok(Arc::new(LayeredDir { inner, path: path.to_owned(), over: self.clone() }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.tell(&Call::new(Op::CreateDir, path), || {
            self.disk.create_dir(path).map(|()| usize::MAX)
        })
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.disk.canonicalize(path)
    }

    fn boot_id(&self) -> Option<String> {
        self.layer.boot_id().or_else(|| self.disk.boot_id())
    }

    fn process_name(&self) -> String {
        self.disk.process_name()
    }

    fn background(&self) -> Background {
        self.layer.background()
    }
}

#[derive(Debug)]
struct LayeredDir {
    inner: Arc<dyn Dir>,
    /// By which it was opened, and its files are known.
    path: PathBuf,
    over: Layered,
}

/// The directory of the disk below.
fn below(dir: &dyn Dir) -> &LayeredDir {
    (dir as &dyn Any).downcast_ref().expect("a directory of this disk")
}

impl Dir for LayeredDir {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let op = if access == Access::CreateNew { Op::Create } else { Op::Open };
        let path = self.path.join(name);
        let answer = self.over.call(&Call::new(op, &path), |_| {
            let inner = self.inner.open(name, access)?;
            let mut names = self.over.names();
            Ok((inner, if op == Op::Create { names.add(&path) } else { names.find(&path) }))
        })?;
        let (inner, number) = asked(answer)?;
        Ok(Arc::new(LayeredFile { inner, number, over: self.over.clone() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (old, new) = (self.path.join(from), self.path.join(to));
        self.over.tell(&Call { from: &old, ..Call::new(Op::Rename, &new) }, || {
            self.inner.rename(from, to)?;
            Ok(self.over.names().rename(&old, &new))
        })
    }

    fn link_into(&self, name: &str, other: &dyn Dir) -> io::Result<()> {
        let other = below(other);
        let (from, to) = (self.path.join(name), other.path.join(name));
        self.over.tell(&Call { from: &from, ..Call::new(Op::Link, &to) }, || {
            self.inner.link_into(name, &*other.inner)?;
            let mut names = self.over.names();
            let file = names.find(&from);
            names.numbers.insert(to.clone(), file);
            Ok(file)
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path.join(name);
        self.over.tell(&Call::new(Op::Remove, &path), || {
            self.inner.remove(name)?;
            let mut names = self.over.names();
            let file = names.find(&path);
            names.numbers.remove(&path);
            Ok(file)
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.over
            .tell(&Call::new(Op::SyncDir, &self.path), || self.inner.sync().map(|()| usize::MAX))
    }

    fn sync_parent(&self) -> io::Result<()> {
        let parent = self.path.parent().expect("a store is in a directory");
        self.over
            .tell(&Call::new(Op::SyncDir, parent), || self.inner.sync_parent().map(|()| usize::MAX))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.over.call(&Call::new(Op::List, &self.path), |_| {
            self.inner.list().map(|names| (names, usize::MAX))
        })?;
        asked(names).map(|(names, _)| names)
    }

    fn is_within(&self, other: &dyn Dir) -> io::Result<bool> {
        self.inner.is_within(&*below(other).inner)
    }

    fn is_linked(&self) -> io::Result<bool> {
        self.inner.is_linked()
    }

    fn lock(&self, name: &str, create: bool) -> io::Result<LockOutcome> {
        let path = self.path.join(name);
        let answer = self.over.call(&Call::new(Op::Lock, &path), |_| {
            let outcome = self.inner.lock(name, create)?;
            Ok((outcome, if create { self.over.names().find(&path) } else { usize::MAX }))
        })?;
        Ok(match answer {
            None => LockOutcome::Held(Box::new(NoLock)),
            Some((LockOutcome::Held(inner), number)) => {
                LockOutcome::Held(Box::new(LayeredLock { inner, number, over: self.over.clone() }))
            }
            Some((taken, _)) => taken,
        })
    }
}

#[derive(Debug)]
struct LayeredFile {
    inner: Arc<dyn File>,
    number: usize,
    over: Layered,
}

impl LayeredFile {
    fn call<T>(
        &self,
        (op, at, bytes): (Op, u64, &[u8]),
        mut make: impl FnMut(Part) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let path = self.over.names().paths[self.number].clone();
        let call = Call { file: self.number, at, bytes, ..Call::new(op, &path) };
        let answer = self.over.call(&call, |part| make(part).map(|value| (value, self.number)))?;
        Ok(answer.map(|(value, _)| value))
    }

    fn ask<T>(&self, op: Op, mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let answer = self.call((op, 0, &[]), |_| make())?;
        asked(answer.map(|value| (value, self.number))).map(|(value, _)| value)
    }
}

impl File for LayeredFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.call((Op::Read, offset, &[]), |_| self.inner.read_at(buffer, offset))?;
        asked(read.map(|count| (count, self.number))).map(|(count, _)| count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.call((Op::Write, offset, bytes), |part| match part {
            Part::Whole => self.inner.write_at(bytes, offset),
            Part::Half => self.inner.write_at(&bytes[..bytes.len() / 2], offset),
        })?;
        Ok(written.unwrap_or(bytes.len()))
    }

    fn len(&self) -> io::Result<u64> {
        self.ask(Op::Len, || self.inner.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.call((Op::SetLen, length, &[]), |_| self.inner.set_len(length)).map(drop)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let reserve = |part| match part {
            Part::Whole => self.inner.allocate(length),
            Part::Half => self.inner.allocate(half_of(length)),
        };
        self.call((Op::Allocate, length, &[]), reserve).map(drop)
    }

    fn sync(&self) -> io::Result<()> {
        self.call((Op::Sync, 0, &[]), |_| self.inner.sync()).map(drop)
    }

    fn is_named(&self, name: &str) -> io::Result<bool> {
        self.ask(Op::IsNamed, || self.inner.is_named(name))
    }

    fn settle(&self, name: &str) {
        self.inner.settle(name);
    }
}

/// What is reserved where not all can be.
pub fn half_of(length: u64) -> u64 {
    length.saturating_sub(1000)
}

struct LayeredLock {
    inner: Box<dyn Lock>,
    number: usize,
    over: Layered,
}

impl Lock for LayeredLock {
    fn previous(&self) -> &str {
        self.inner.previous()
    }

    fn describe(&self, text: &str) -> io::Result<()> {
        let path = self.over.names().paths[self.number].clone();
        let bytes = text.as_bytes();
        let call = Call { file: self.number, bytes, ..Call::new(Op::Describe, &path) };
        self.over.tell(&call, || self.inner.describe(text).map(|()| self.number))
    }

    fn is_linked(&self) -> io::Result<bool> {
        self.inner.is_linked()
    }
}

/// A lock that was said to be held.
struct NoLock;

impl Lock for NoLock {
    fn previous(&self) -> &str {
        ""
    }

    fn describe(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(true)
    }
}
