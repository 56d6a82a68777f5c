//! Compressing sealed segments, oldest first, while others use the store.

use super::Store;
use crate::engine::log::pack;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Importing;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use std::sync::{Arc, TryLockError};

/// What is compressed, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompressOptions {
    /// Segments whose last event is at or before this sequence; 0 for all that are sealed.
    pub through: u64,
    /// The level of zstd, 1 to [`LEVEL_MAX`]; 0 for [`LEVEL_DEFAULT`].
    pub level: i32,
}

/// The highest level.
pub const LEVEL_MAX: i32 = 19;
/// The level where none is chosen.
pub const LEVEL_DEFAULT: i32 = 9;

/// What was compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompressReport {
    /// Segments that this call has compressed.
    pub segments: u64,
    /// Bytes of their files before and after.
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// Segments that stayed as they were, since they would not have become shorter.
    pub segments_left: u64,
}

impl Store {
    /// Compresses segments that are sealed and on disk. What they have, hashes and proofs stay the
    /// same. Those that are compressed already are passed over. Others may use the store meanwhile;
    /// after an error, and where it is cancelled, each segment is as it was or compressed.
    ///
    /// `InvalidArgument` (level), `ReadOnly`, `Busy` (another call compresses this store),
    /// `Corrupt` (a segment is damaged), `Closed`, `Poisoned`, `Io`, `NoSpace`.
    pub fn compress(&self, options: CompressOptions) -> Result<CompressReport> {
        self.compress_watched(options, &Watch::default())
    }

    /// As [`Store::compress`], under a watch that counts the bytes of the log.
    pub fn compress_watched(
        &self,
        options: CompressOptions,
        watch: &Watch<'_>,
    ) -> Result<CompressReport> {
        let level = match options.level {
            0 => LEVEL_DEFAULT,
            level @ 1..=LEVEL_MAX => level,
            other => {
                let message = format!("the level is {other}; it must be 0 to {LEVEL_MAX}");
                return Err(Error::invalid(message));
            }
        };
        let _busy = watch.tells().then(|| Importing::new(&self.0));
        let store = &*self.0;
        store.check_writable()?;
        // Held to the end: closing waits for it.
        let _alone = match store.compressing.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let message = format!("another call compresses {}", store.dir.path.display());
                return Err(Error::new(Code::Busy, message).at(&store.dir.path));
            }
            Err(TryLockError::Poisoned(e)) => e.into_inner(),
            Ok(alone) => alone,
        };
        // Who closed it before may not have waited.
        store.check_writable()?;
        store.sync_visible()?;
        store.finish_background();
        let wanted = self.wanted(options.through);
        watch.begin(wanted.iter().map(|segment| segment.end()).sum(), STEP_BYTES)?;
        let go_on = || {
            watch.check()?;
            store.check_writable()
        };
        let mut report = CompressReport::default();
        for segment in wanted {
            let end = segment.end();
            match pack::compress(&store.dir, &segment, level, watch, &go_on)? {
                Some(packed) => {
                    store.replace_segment(&Arc::new(packed.segment));
                    report.segments += 1;
                    report.bytes_before += end;
                    report.bytes_after += packed.bytes;
                }
                None => {
                    report.segments_left += 1;
                    watch.advance(end / 2)?;
                }
            }
        }
        watch.finish()?;
        Ok(report)
    }

    /// Segments to be compressed: full ones with an event after them that is on disk. So what a
    /// power cut leaves of the log never ends in one of them.
    fn wanted(&self, through: u64) -> Vec<Arc<Segment>> {
        let (segments, durable) = (self.0.segments(), self.0.current_frontier().durable);
        let pairs = segments.windows(2).filter(|pair| {
            let (full, next_first) = (&pair[0], pair[1].header.first_sequence);
            full.sealed_index().is_some()
                && full.file.compressed().is_none()
                && durable >= next_first
                && (through == 0 || next_first - 1 <= through)
        });
        pairs.map(|pair| pair[0].clone()).collect()
    }
}
