//! Files in memory: indexes that are not on disk, and a whole disk for tests and fuzzing.

use super::vfs::File;
use std::io;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Bytes that are shared until somebody writes to them.
pub type Bytes = Arc<Vec<u8>>;

/// Where nobody writes more than this: a length that a damaged file names must not be allocated.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// An open file.
#[derive(Clone, Debug, Default)]
pub struct MemoryFile {
    content: Arc<RwLock<Content>>,
    /// The disk and the directory that it was opened in.
    #[cfg(feature = "sim")]
    place: Option<(disk::MemoryVfs, std::path::PathBuf)>,
}

/// `bytes`, then zeros up to `length`: space that is only reserved costs nothing.
#[derive(Debug, Default)]
struct Content {
    bytes: Bytes,
    length: u64,
}

impl MemoryFile {
    pub fn of(bytes: Bytes) -> MemoryFile {
        let content = Content { length: bytes.len() as u64, bytes };
        MemoryFile { content: Arc::new(RwLock::new(content)), ..MemoryFile::default() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(|e| e.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Content> {
        self.content.write().unwrap_or_else(|e| e.into_inner())
    }
}

impl File for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.read();
        let count = content.length.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.bytes.len());
        let written = count.min(content.bytes.len() - from);
        buffer[..written].copy_from_slice(&content.bytes[from..from + written]);
        buffer[written..count].fill(0);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let content = &mut *self.write();
        let into = Arc::make_mut(&mut content.bytes);
        if into.len() < end as usize {
            into.resize(end as usize, 0);
        }
        into[offset as usize..end as usize].copy_from_slice(bytes);
        content.length = content.length.max(end);
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.read().length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let content = &mut *self.write();
        if length < content.bytes.len() as u64 {
            Arc::make_mut(&mut content.bytes).truncate(length as usize);
        }
        content.length = length;
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let content = &mut *self.write();
        content.length = content.length.max(length);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn is_named(&self, _name: &str) -> io::Result<bool> {
        #[cfg(feature = "sim")]
        if let Some((disk, directory)) = &self.place {
            return Ok(disk.leads_to(&directory.join(_name), self));
        }
        Ok(true)
    }
}

#[cfg(feature = "sim")]
pub use disk::{Files, Image, MemoryVfs};

#[cfg(feature = "sim")]
mod disk {
    use super::*;
    use crate::engine::platform::vfs::{Access, Dir, DirOptions, Lock, LockOutcome, Vfs};
    use std::any::Any;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, MutexGuard};

    /// The files of a directory by name.
    pub type Files = BTreeMap<String, Bytes>;

    /// What is on a disk: names, and the bytes of each.
    #[derive(Clone, Debug, Default)]
    pub struct Image {
        pub files: BTreeMap<PathBuf, Bytes>,
        pub directories: BTreeSet<PathBuf>,
        /// Which start of the machine this is.
        pub boot: String,
    }

    /// A disk in memory, as plain and as fast as can be: never full, never failing, every write
    /// kept. Clones are the same disk.
    #[derive(Clone, Debug)]
    pub struct MemoryVfs(Arc<Mutex<State>>);

    #[derive(Debug, Default)]
    struct State {
        directories: BTreeSet<PathBuf>,
        files: BTreeMap<PathBuf, MemoryFile>,
        /// The locks that are held, and a number for who holds each.
        locked: BTreeMap<PathBuf, u64>,
        lock_count: u64,
        boot: String,
    }

    fn name_of(path: &Path) -> String {
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn not_found() -> io::Error {
        io::ErrorKind::NotFound.into()
    }

    impl State {
        fn has_room_for(&self, path: &Path) -> io::Result<()> {
            let parent = path.parent().is_some_and(|parent| self.directories.contains(parent));
            parent.then_some(()).ok_or_else(not_found)
        }

        fn find(&self, path: &Path) -> io::Result<MemoryFile> {
            self.files.get(path).cloned().ok_or_else(not_found)
        }

        fn create(&mut self, path: &Path) -> io::Result<MemoryFile> {
            self.has_room_for(path)?;
            let file = MemoryFile::default();
            self.files.insert(path.to_owned(), file.clone());
            Ok(file)
        }
    }

    impl MemoryFile {
        /// Its bytes, with the zeros of reserved space.
        fn bytes(&self) -> Bytes {
            let content = &mut *self.write();
            if content.bytes.len() as u64 != content.length {
                Arc::make_mut(&mut content.bytes).resize(content.length as usize, 0);
            }
            content.bytes.clone()
        }
    }

    impl MemoryVfs {
        /// An empty disk, on a machine that was started under this boot id.
        pub fn of_boot(boot: &str) -> MemoryVfs {
            let directories = BTreeSet::from([PathBuf::from("/")]);
            MemoryVfs::of(&Image { directories, boot: boot.to_owned(), ..Image::default() })
        }

        pub fn of(image: &Image) -> MemoryVfs {
            let file =
                |(path, bytes): (&PathBuf, &Bytes)| (path.clone(), MemoryFile::of(bytes.clone()));
            MemoryVfs(Arc::new(Mutex::new(State {
                directories: image.directories.clone(),
                files: image.files.iter().map(file).collect(),
                boot: image.boot.clone(),
                ..State::default()
            })))
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.0.lock().unwrap_or_else(|e| e.into_inner())
        }

        /// What is on the disk now.
        pub fn image(&self) -> Image {
            let state = self.state();
            let bytes = |(path, file): (&PathBuf, &MemoryFile)| (path.clone(), file.bytes());
            Image {
                files: state.files.iter().map(bytes).collect(),
                directories: state.directories.clone(),
                boot: state.boot.clone(),
            }
        }

        /// Puts a directory with these files onto the disk.
        pub fn put(&self, directory: &Path, files: &Files) {
            let mut state = self.state();
            state.directories.insert(directory.to_owned());
            for (name, bytes) in files {
                state.files.insert(directory.join(name), MemoryFile::of(bytes.clone()));
            }
        }

        /// The files of a directory as they are now.
        pub fn take(&self, directory: &Path) -> Files {
            let state = self.state();
            let here = state.files.iter().filter(|(path, _)| path.parent() == Some(directory));
            here.map(|(path, file)| (name_of(path), file.bytes())).collect()
        }

        /// The processes that held locks are gone.
        pub fn release_locks(&self) {
            self.state().locked.clear();
        }

        pub(super) fn leads_to(&self, path: &Path, file: &MemoryFile) -> bool {
            let state = self.state();
            state.files.get(path).is_some_and(|there| Arc::ptr_eq(&there.content, &file.content))
        }
    }

    impl Vfs for MemoryVfs {
        fn open_dir(&self, path: &Path, _: DirOptions) -> io::Result<Arc<dyn Dir>> {
            let found = self.state().directories.contains(path);
            let (disk, path) = (self.clone(), path.to_owned());
            found.then(|| Arc::new(MemoryDir { disk, path }) as _).ok_or_else(not_found)
        }

        fn create_dir(&self, path: &Path) -> io::Result<()> {
            let mut state = self.state();
            state.has_room_for(path)?;
            match state.directories.insert(path.to_owned()) {
                true => Ok(()),
                false => Err(io::ErrorKind::AlreadyExists.into()),
            }
        }

        fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
            Ok(path.to_owned())
        }

        fn boot_id(&self) -> Option<String> {
            Some(self.state().boot.clone())
        }

        fn process_name(&self) -> String {
            "process 1 on host memory".to_owned()
        }
    }

    /// A directory, which is never moved.
    #[derive(Debug)]
    struct MemoryDir {
        disk: MemoryVfs,
        path: PathBuf,
    }

    impl MemoryDir {
        fn of(dir: &dyn Dir) -> io::Result<&MemoryDir> {
            let dir: Option<&MemoryDir> = (dir as &dyn Any).downcast_ref();
            dir.ok_or_else(|| io::Error::new(io::ErrorKind::CrossesDevices, "another kind of disk"))
        }
    }

    impl Dir for MemoryDir {
        fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
            let (mut state, path) = (self.disk.state(), self.path.join(name));
            let file = match (access, state.find(&path)) {
                (Access::CreateNew, Ok(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
                (Access::CreateNew, Err(_)) => state.create(&path)?,
                (_, found) => found?,
            };
            let place = Some((self.disk.clone(), self.path.clone()));
            Ok(Arc::new(MemoryFile { place, ..file }))
        }

        fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            let mut state = self.disk.state();
            let file = state.files.remove(&self.path.join(from)).ok_or_else(not_found)?;
            state.files.insert(self.path.join(to), file);
            Ok(())
        }

        fn link_into(&self, name: &str, other: &dyn Dir) -> io::Result<()> {
            let (mut state, to) = (self.disk.state(), MemoryDir::of(other)?.path.join(name));
            let file = state.find(&self.path.join(name))?;
            if state.files.contains_key(&to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.has_room_for(&to)?;
            state.files.insert(to, file);
            Ok(())
        }

        fn remove(&self, name: &str) -> io::Result<()> {
            let removed = self.disk.state().files.remove(&self.path.join(name));
            removed.map(drop).ok_or_else(not_found)
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn sync_parent(&self) -> io::Result<()> {
            Ok(())
        }

        fn list(&self) -> io::Result<Vec<String>> {
            let state = self.disk.state();
            let here = state.files.keys().filter(|file| file.parent() == Some(&self.path));
            Ok(here.map(|file| name_of(file)).collect())
        }

        fn is_within(&self, other: &dyn Dir) -> io::Result<bool> {
            Ok(self.path.starts_with(&MemoryDir::of(other)?.path))
        }

        fn is_linked(&self) -> io::Result<bool> {
            Ok(self.disk.state().directories.contains(&self.path))
        }

        fn lock(&self, name: &str, create: bool) -> io::Result<LockOutcome> {
            let (state, path) = (&mut *self.disk.state(), self.path.join(name));
            let file = match state.find(&path) {
                Err(_) if create => state.create(&path)?,
                Err(_) => MemoryFile::default(),
                Ok(file) => file,
            };
            let previous = String::from_utf8_lossy(&file.bytes()).into_owned();
            if state.locked.contains_key(&path) {
                return Ok(LockOutcome::Taken(previous));
            }
            state.lock_count += 1;
            let holder = state.lock_count;
            state.locked.insert(path.clone(), holder);
            let held = Held { disk: self.disk.clone(), path, holder, file, previous };
            Ok(LockOutcome::Held(Box::new(held)))
        }
    }

    struct Held {
        disk: MemoryVfs,
        path: PathBuf,
        holder: u64,
        file: MemoryFile,
        previous: String,
    }

    impl Lock for Held {
        fn previous(&self) -> &str {
            &self.previous
        }

        fn describe(&self, text: &str) -> io::Result<()> {
            self.file.set_len(0)?;
            self.file.write_at(text.as_bytes(), 0).map(drop)
        }

        fn is_linked(&self) -> io::Result<bool> {
            Ok(self.disk.state().find(&self.path).is_ok())
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            let locked = &mut self.disk.state().locked;
            if locked.get(&self.path) == Some(&self.holder) {
                locked.remove(&self.path);
            }
        }
    }
}
