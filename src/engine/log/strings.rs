//! Strings of a segment that a reader has looked up, by number: each is looked up once, also by
//! the pages that follow each other.

use super::segment::Segment;
use crate::engine::index::file::Dictionary;
use crate::engine::model::error::Result;
use foldhash::HashMap;
use std::sync::Arc;

/// With more strings than this, or more bytes of them, those that were looked up are forgotten.
const STRINGS_MAX: usize = 4096;
const BYTES_MAX: usize = 1 << 20;

/// Strings of one segment.
#[derive(Default)]
pub struct KnownStrings {
    /// All that the index has, where those are few; none until it was asked.
    dictionary: Option<Arc<Dictionary>>,
    asked: bool,
    others: HashMap<u32, Arc<str>>,
    bytes: usize,
}

impl KnownStrings {
    /// The string with this number, if it is known.
    #[inline(always)]
    pub fn get(&self, number: u32) -> Option<&str> {
        let in_dictionary = self.dictionary.as_ref().and_then(|all| all.get(number as usize));
        in_dictionary.or_else(|| self.others.get(&number)).map(|string| &**string)
    }

    /// Keeps a string, which is not looked up then.
    pub fn remember(&mut self, number: u32, text: &str) {
        if self.get(number).is_none() {
            self.keep(number, text.into());
        }
    }

    /// Has [`KnownStrings::get`] know a string, until [`KnownStrings::forget_many`].
    #[inline(always)]
    pub fn load(&mut self, segment: &Segment, number: u32) -> Result<()> {
        match self.get(number) {
            Some(_) => Ok(()),
            None => self.look_up(segment, number),
        }
    }

    fn look_up(&mut self, segment: &Segment, number: u32) -> Result<()> {
        if !std::mem::replace(&mut self.asked, true) {
            self.dictionary = segment.index().and_then(|index| index.dictionary().cloned());
        }
        if self.get(number).is_none() {
            self.keep(number, segment.string(number)?);
        }
        Ok(())
    }

    fn keep(&mut self, number: u32, text: Arc<str>) {
        self.bytes += text.len();
        self.others.insert(number, text);
    }

    /// Keeps memory bounded.
    #[inline(always)]
    pub fn forget_many(&mut self) {
        if self.others.len() > STRINGS_MAX || self.bytes > BYTES_MAX {
            self.others.clear();
            self.bytes = 0;
        }
    }
}
