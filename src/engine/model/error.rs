//! One error type for the whole engine: a stable code, a sentence, and the numbers that belong to
//! it.

use super::id::Id;
use std::borrow::Cow;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The enum of codes, and the list of them.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What went wrong, as a stable number. Numbers are grouped by category, spaced, and never
        /// reused.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
        #[repr(i32)]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            /// Every code that the engine can answer with.
            pub const ALL: &[Code] = &[$(Code::$name),*];
        }
    };
}

codes! {
    InvalidArgument = 100,
    InvalidHandle = 110,
    InvalidUtf8 = 120,
    InvalidCoordinate = 130,
    ReservedKind = 140,
    ReservedExtension = 150,
    LimitExceeded = 160,
    NotFound = 200,
    StoreNotFound = 210,
    IdempotencyConflict = 300,
    VersionConflict = 310,
    ImportConflict = 320,
    StoreExists = 330,
    SourceDiverged = 340,
    Busy = 400,
    Closed = 500,
    Poisoned = 510,
    Forked = 520,
    ReadOnly = 530,
    Io = 600,
    NoSpace = 610,
    /// Answered at the boundary, without detail.
    NoMemory = 620,
    Corrupt = 700,
    WireFraming = 710,
    WireChecksum = 720,
    WireBody = 730,
    WireNotCanonical = 740,
    FutureVersion = 800,
    Unsupported = 810,
    Cancelled = 900,
    Timeout = 910,
    Panic = 1000,
    #[default]
    Internal = 1010,
    /// A callback stopped the call; [`Error::callback_status`] is its answer, always negative.
    Stopped = -1,
}

/// What the engine answers with when a call fails.
#[derive(Clone, Debug)]
pub struct Error(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Boxed(Box<Detail>),
    /// Takes no memory: in a child, the allocator may be locked for ever.
    Forked,
}

/// What a child of a fork is answered.
pub static FORKED: Detail = Detail {
    code: Code::Forked,
    message: Cow::Borrowed(match FORKED_TEXT.to_str() {
        Ok(text) => text,
        Err(_) => panic!("the text is ASCII"),
    }),
    errno: None,
    actual: 0,
    allowed: 0,
    item: None,
    path: None,
    offset: None,
    sequence: 0,
    event_id: Id::NONE,
    callback_status: 0,
};

/// Its message.
pub const FORKED_TEXT: &CStr =
    c"this was opened or made before the process was forked, and belongs \
    to the parent; open the store in the child: after fork() or daemon(), not before";

/// The parts of an [`Error`]; those that do not apply are none or zero.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    pub code: Code,
    /// One sentence: what, where and why.
    pub message: Cow<'static, str>,
    /// The operating system's error number.
    pub errno: Option<i32>,
    /// The version, size or count that there is, and the one that is allowed.
    pub actual: u64,
    pub allowed: u64,
    /// Which item of a batch, counted from 0.
    pub item: Option<usize>,
    /// The file concerned, and the byte offset in it.
    pub path: Option<PathBuf>,
    pub offset: Option<u64>,
    /// The event concerned.
    pub sequence: u64,
    pub event_id: Id,
    /// With [`Code::Stopped`]: what the callback answered.
    pub callback_status: i32,
}

/// The engine's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What was made before a fork is used in the child.
    pub const FORKED: Error = Error(Repr::Forked);

    /// An error of `code` that says `message`.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Error {
        Error(Repr::Boxed(Box::new(Detail { code, message: message.into(), ..Detail::default() })))
    }

    fn detail(&mut self) -> &mut Detail {
        if matches!(self.0, Repr::Forked) {
            self.0 = Repr::Boxed(Box::new(FORKED.clone()));
        }
        match &mut self.0 {
            Repr::Boxed(detail) => detail,
            Repr::Forked => unreachable!("boxed above"),
        }
    }

    /// Shorthand for [`Code::InvalidArgument`].
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(Code::InvalidArgument, message)
    }

    /// A failed operation of the operating system: what was tried, and on which file.
    pub fn io(what: &str, path: &Path, source: &io::Error) -> Error {
        let code = match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Code::NoSpace,
            _ => Code::Io,
        };
        let limit = match source.kind() {
            io::ErrorKind::FileTooLarge => {
                "; the limit is that of the process (RLIMIT_FSIZE) or of the file system"
            }
            _ => "",
        };
        let message = format!("{what} {}: {source}{limit}", path.display());
        let mut error = Error::new(code, message).at(path);
        error.detail().errno = source.raw_os_error();
        error
    }

    /// Damage found in a file: where, and what is wrong there.
    pub fn corrupt(path: &Path, offset: u64, why: impl fmt::Display) -> Error {
        let message = format!("{} at offset {offset}: {why}", path.display());
        let mut error = Error::new(Code::Corrupt, message).at(path);
        error.detail().offset = Some(offset);
        error
    }

    /// A callback's wish to stop with `status`, which is negative.
    pub fn stopped(status: i32) -> Error {
        let mut error =
            Error::new(Code::Stopped, format!("a callback stopped the call with {status}"));
        error.detail().callback_status = status;
        error
    }

    /// The number that there is, against the one that is allowed.
    pub fn with_numbers(mut self, actual: u64, allowed: u64) -> Error {
        self.detail().actual = actual;
        self.detail().allowed = allowed;
        self
    }

    /// Names the item of the batch, counted from 0.
    pub fn with_item(mut self, item: usize) -> Error {
        if self.item.is_none() {
            let detail = self.detail();
            detail.item = Some(item);
            detail.message = format!("item {item}: {}", detail.message).into();
        }
        self
    }

    /// Names the file or directory concerned.
    pub fn at(mut self, path: &Path) -> Error {
        self.detail().path = Some(path.to_owned());
        self
    }

    /// The place in what was given, in bytes.
    pub fn with_offset(mut self, offset: u64) -> Error {
        self.detail().offset = Some(offset);
        self
    }

    /// Names the event concerned.
    pub fn with_event(mut self, id: Id, sequence: u64) -> Error {
        self.detail().event_id = id;
        self.detail().sequence = sequence;
        self
    }

    /// Names the sequence concerned, where no event is known there.
    pub fn with_sequence(mut self, sequence: u64) -> Error {
        let detail = self.detail();
        detail.sequence = sequence;
        detail.message = format!("{} (sequence {sequence})", detail.message).into();
        self
    }

    /// Puts `context` in front of the message.
    pub fn context(mut self, context: impl fmt::Display) -> Error {
        let detail = self.detail();
        detail.message = format!("{context}: {}", detail.message).into();
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl std::ops::Deref for Error {
    type Target = Detail;
    fn deref(&self) -> &Detail {
        match &self.0 {
            Repr::Boxed(detail) => detail,
            Repr::Forked => &FORKED,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
