//! A machine that can be broken: the operating system's files, and any call to them failing.

use super::layer::{Call, Layer, Layered, Make, Part};
use super::quick;
use fbat::engine::log::options::{Durability, Options};
use fbat::engine::platform::disk::OsVfs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub use super::layer::Op;

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

/// Asked before each call that changes something or opens a file; an errno makes it fail.
pub type Hook = Arc<dyn Fn(Op, &Path) -> Option<i32> + Send + Sync>;

/// The operating system's files on a machine that restarts and fails at will.
#[derive(Clone)]
pub struct Machine {
    boot: Arc<Mutex<String>>,
    hook: Arc<Mutex<Hook>>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Machine")
    }
}

impl Machine {
    pub fn new() -> Machine {
        let hook: Hook = Arc::new(|_, _| None);
        let boot = Arc::new(Mutex::new("first-boot".to_owned()));
        Machine { boot, hook: Arc::new(Mutex::new(hook)) }
    }
    pub fn restart(&self) {
        self.boot.lock().unwrap().push_str("-again");
    }
    pub fn on_call(&self, hook: impl Fn(Op, &Path) -> Option<i32> + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Arc::new(hook);
    }
    /// Takes the hook away, until it is put back.
    pub fn pause(&self) -> Hook {
        std::mem::replace(&mut *self.hook.lock().unwrap(), Arc::new(|_, _| None))
    }
    pub fn resume(&self, hook: Hook) {
        *self.hook.lock().unwrap() = hook;
    }
    pub fn mend(&self) {
        self.on_call(|_, _| None);
    }
    pub fn options(&self, durability: Durability) -> Options {
        let vfs = Layered::over(Arc::new(OsVfs), Arc::new(self.clone()));
        Options { vfs: Arc::new(vfs), durability, ..quick() }
    }
}

impl Layer for Machine {
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        use Op::*;
        let hook = self.hook.lock().unwrap().clone();
        if matches!(call.op, OpenDir | CreateDir | List | Lock | Describe | Read | IsNamed) {
            return make(Part::Whole).map(drop);
        }
        let Some(errno) = hook(call.op, call.path) else { return make(Part::Whole).map(drop) };
        if matches!(call.op, Write | Allocate) {
            // What fails has often done a part of it.
            let _ = make(Part::Half);
        }
        Err(io::Error::from_raw_os_error(errno))
    }

    fn boot_id(&self) -> Option<String> {
        Some(self.boot.lock().unwrap().clone())
    }
}
