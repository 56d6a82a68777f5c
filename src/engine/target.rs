//! The directory in which a store is to be made of another one, by a backup or a repair: it must be
//! empty and outside of the other, and is nobody else's meanwhile.

use super::directory::{self, Directory};
use super::error::{Error, Result};
use super::store::{create_directory, store_exists, take_lock};
use super::vfs::Lock;
use std::io;
use std::path::Path;

/// Refuses a directory that has files other than a lock file, or lies inside of `source`.
pub fn refuse(dir: &Directory, source: &Path) -> Result<()> {
    let parent = dir.path.parent().unwrap_or(&dir.path);
    let canonical =
        |path: &Path| dir.vfs.canonicalize(path).map_err(|e| Error::io("cannot find", path, &e));
    let (source_place, parent_place) = (canonical(source)?, canonical(parent)?);
    // It may be a link that leads there.
    let place = dir.vfs.canonicalize(&dir.path).unwrap_or_else(|_| parent_place.clone());
    let inside = |place: &Path| place != source_place && place.starts_with(&source_place);
    if parent_place.starts_with(&source_place) || inside(&place) {
        let message = format!(
            "{} is inside of {}, of which it is to be made",
            dir.path.display(),
            source.display()
        );
        return Err(Error::invalid(message).at(&dir.path));
    }
    let names = match dir.vfs.list(&dir.path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names.map_err(|e| Error::io("cannot list", &dir.path, &e))?,
    };
    if names.iter().any(|name| name == directory::IDENTITY) {
        return Err(store_exists(dir));
    }
    match names.iter().find(|name| *name != directory::LOCK) {
        Some(name) => {
            let message = format!("{} is not empty: it has {name}", dir.path.display());
            Err(Error::invalid(message).at(&dir.path))
        }
        None => Ok(()),
    }
}

/// Makes the directory where it is missing, and holds its lock.
pub fn claim(dir: &Directory, source: &Path) -> Result<Box<dyn Lock>> {
    refuse(dir, source)?;
    create_directory(dir)?;
    let lock = take_lock(dir)?;
    refuse(dir, source)?;
    let boot = dir.vfs.boot_id();
    let text =
        format!("pid {} boot {}", dir.vfs.process_name(), boot.as_deref().unwrap_or("unknown"));
    lock.describe(&text).map_err(|e| Error::io("cannot write", &dir.file(directory::LOCK), &e))?;
    Ok(lock)
}
