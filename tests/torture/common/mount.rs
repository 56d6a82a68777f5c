//! File systems of a test's own: mounted where nothing else is, and unmounted whatever happens.

use super::TempDir;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How ext4 goes down: with the journal written as far as it is, or without.
#[derive(Clone, Copy, Debug)]
pub enum Shutdown {
    JournalFlushed = 1,
    AsItIs = 2,
}

/// `_IOR('X', 125, __u32)`: from now on the file system takes nothing and writes nothing.
const EXT4_IOC_SHUTDOWN: u64 = 0x8004_587d;

pub struct Mount {
    dir: TempDir,
    mounted: bool,
}

impl Mount {
    /// A file system in memory; `options` as for mount(8).
    pub fn tmpfs(name: &str, options: &str) -> Result<Mount, String> {
        let mut mount = Mount::nowhere(name);
        mount.attach(&["-t", "tmpfs", "-o", options, "fbat-test"])?;
        Ok(mount)
    }

    /// A new ext4 in an image file.
    pub fn ext4(name: &str, bytes: u64, options: &str) -> Result<Mount, String> {
        let mut mount = Mount::nowhere(name);
        let image = mount.image();
        std::fs::File::create(&image)
            .and_then(|file| file.set_len(bytes))
            .map_err(|e| e.to_string())?;
        run(
            "mkfs.ext4",
            &["-q", "-F", "-E", "lazy_itable_init=1,nodiscard", image.to_str().unwrap()],
        )?;
        mount.attach_image(options)?;
        Ok(mount)
    }

    fn nowhere(name: &str) -> Mount {
        let mount = Mount { dir: TempDir::in_memory(name), mounted: false };
        std::fs::create_dir(mount.path()).unwrap();
        mount
    }

    pub fn path(&self) -> PathBuf {
        self.dir.join("mnt")
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn image(&self) -> PathBuf {
        self.dir.join("image")
    }

    fn attach(&mut self, arguments: &[&str]) -> Result<(), String> {
        run("mount", &[arguments, &[self.path().to_str().unwrap()]].concat())?;
        self.mounted = true;
        Ok(())
    }

    pub fn attach_image(&mut self, options: &str) -> Result<(), String> {
        let options = format!("loop,{options}");
        self.attach(&["-t", "ext4", "-o", &options, self.image().to_str().unwrap()])
    }

    pub fn remount(&self, options: &str) -> Result<(), String> {
        run("mount", &["-o", &format!("remount,{options}"), self.path().to_str().unwrap()])
    }

    pub fn detach(&mut self) -> Result<(), String> {
        run("umount", &[self.path().to_str().unwrap()])?;
        self.mounted = false;
        Ok(())
    }

    /// The power goes: what was not synced is not on the disk when it is mounted again.
    pub fn cut(&self, how: Shutdown) -> std::io::Result<()> {
        shut_down(&self.path(), how)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.mounted {
            let _ = run("umount", &["--lazy", self.path().to_str().unwrap()]);
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn shut_down(path: &Path, how: Shutdown) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    let directory = std::fs::File::open(path)?;
    let how = how as u32;
    // SAFETY: the descriptor is open, and the argument points to the u32 that this request reads.
    match unsafe { libc::ioctl(directory.as_raw_fd(), EXT4_IOC_SHUTDOWN, &how) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// A harness that cannot run here says so; where everything must run, that is a failure.
pub fn skip(figure: &str, why: &str) {
    let must = |name: &str, value: &str| std::env::var(name).is_ok_and(|given| given == value);
    assert!(!must("CI", "true") && !must("FBAT_NO_SKIP", "1"), "skipped: {figure}: {why}");
    println!("\nskipped: {figure}: {why}");
}
