//! The segments of a log, oldest first, and the question that every look-up by id or entity asks
//! first: which of them may have it. Nearly all can say no, whatever their number. The groups that
//! they form, and the filters of those that form none yet, are asked side by side, with their
//! memory fetched ahead.

use super::directory::Directory;
use super::filter_group::{group_name, FilterGroup, GROUP_SEGMENTS};
use super::segment::{Found, Newest, Segment, Tag};
use crate::engine::index::cache::Pinned;
use crate::engine::index::filter::{
    entity_filter_key, filter_holds, filter_line, id_filter_key, FilterLines,
};
use crate::engine::model::error::Result;
use crate::engine::model::id::Id;
use crate::engine::platform::os;
use crate::engine::platform::vfs::Access;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// Groups are opened and filters held in memory once they were asked so often: opening a store for
/// one answer need not read them.
const WARM_AFTER: u32 = 64;

/// What a handle sees of the log at one time.
pub struct Segments {
    list: Vec<Arc<Segment>>,
    dir: Directory,
    asked: AtomicU32,
    guides: OnceLock<Guides>,
    /// Those of the segments before.
    before: Guides,
}

/// What knows of a segment that it does not have something. Cheap to clone.
#[derive(Clone, Default)]
struct Guides {
    /// By number; none where there is no file that can be used.
    groups: Vec<Option<Arc<FilterGroup>>>,
    /// Of each segment that is in no group and has a filter in memory.
    filters: Vec<Option<Arc<Pinned<FilterLines>>>>,
}

static COLD: Guides = Guides { groups: Vec::new(), filters: Vec::new() };

impl Segments {
    pub fn new(dir: &Directory, list: Vec<Arc<Segment>>) -> Segments {
        let (asked, guides) = (AtomicU32::new(0), OnceLock::new());
        Segments { list, dir: dir.clone(), asked, guides, before: Guides::default() }
    }

    /// The segments `list`, which are these and others after them.
    pub fn followed_by(&self, list: Vec<Arc<Segment>>) -> Segments {
        let asked = AtomicU32::new(self.asked.load(Ordering::Relaxed));
        let before = self.guides.get().unwrap_or(&self.before).clone();
        Segments { list, dir: self.dir.clone(), asked, guides: OnceLock::new(), before }
    }

    /// The segments, newest first, that may have the id or entity with this filter key.
    pub fn may_have(&self, key: u64) -> impl Iterator<Item = &Arc<Segment>> {
        let guides = self.guides();
        guides.groups.iter().flatten().for_each(|group| group.prefetch(key));
        for lines in guides.filters.iter().flatten() {
            os::prefetch(&lines[filter_line(key, lines.len())]);
        }
        let has = move |at: &usize| match guides.filters.get(*at) {
            Some(Some(lines)) => filter_holds(&lines[filter_line(key, lines.len())].0, key),
            _ => self.list[*at].may_have(key),
        };
        let single = (guides.groups.len() * GROUP_SEGMENTS..self.list.len()).rev().filter(has);
        let in_groups = guides.groups.iter().enumerate().rev().flat_map(move |(number, group)| {
            let members = group.as_ref().map(|group| group.may_have(key));
            let first = number * GROUP_SEGMENTS;
            (first..first + GROUP_SEGMENTS).rev().filter(move |at| {
                members.map_or_else(|| has(at), |members| members & 1 << (at - first) != 0)
            })
        });
        single.chain(in_groups).map(|at| &self.list[at])
    }

    /// The first answer of a segment, newest first, that may have this filter key.
    pub fn find<T>(
        &self,
        filter_key: u64,
        mut ask: impl FnMut(&Arc<Segment>) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        for segment in self.may_have(filter_key) {
            if let Some(found) = ask(segment)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The event with this id; see [`Segment::find_content`].
    pub fn find_content(
        &self,
        id: Id,
        tag: Option<Tag<'_>>,
    ) -> Result<Option<(Arc<Segment>, Found)>> {
        self.find(id_filter_key(id), |segment| {
            Ok(segment.find_content(id, tag)?.map(|found| (segment.clone(), found)))
        })
    }

    /// The newest event of an entity in the segments that begin below a sequence.
    pub fn newest_before(&self, entity: &str, first_sequence: u64) -> Result<Option<Newest>> {
        self.find(entity_filter_key(entity), |segment| {
            match segment.header.first_sequence < first_sequence {
                true => segment.newest_of(entity),
                false => Ok(None),
            }
        })
    }

    fn guides(&self) -> &Guides {
        if self.guides.get().is_none() && self.asked.load(Ordering::Relaxed) < WARM_AFTER {
            self.asked.fetch_add(1, Ordering::Relaxed);
            return &COLD;
        }
        self.open_guides()
    }

    fn open_guides(&self) -> &Guides {
        self.guides.get_or_init(|| {
            let group = |(number, segments): (usize, &[Arc<Segment>])| {
                let before = self.before.groups.get(number).cloned().flatten();
                // One that cannot be used is as good as none.
                before.or_else(|| {
                    Some(Arc::new(
                        FilterGroup::open(&self.dir, segments).ok()??.hold(&segments[0].cache),
                    ))
                })
            };
            let groups: Vec<Option<Arc<FilterGroup>>> =
                self.list.chunks_exact(GROUP_SEGMENTS).enumerate().map(group).collect();
            let filter =
                |(at, segment): (usize, &Arc<Segment>)| match groups.get(at / GROUP_SEGMENTS) {
                    Some(Some(_)) => None,
                    _ => {
                        let before = self.before.filters.get(at).cloned().flatten();
                        before.or_else(|| segment.sealed_index()?.pin_filter().map(Arc::new))
                    }
                };
            let filters = self.list.iter().enumerate().map(filter).collect();
            Guides { groups, filters }
        })
    }

    /// Bytes of the groups on disk.
    pub fn group_bytes(&self) -> u64 {
        let bytes = |segments: &[Arc<Segment>]| {
            let name = group_name(segments[0].header.first_sequence);
            self.dir.open_if_exists(&name, Access::Read).ok()??.len().ok()
        };
        self.list.chunks_exact(GROUP_SEGMENTS).filter_map(bytes).sum()
    }

    /// The groups that the segments form, by number; none where there is no file that can be used.
    pub fn groups(&self) -> &[Option<Arc<FilterGroup>>] {
        &self.open_guides().groups
    }
}

impl Deref for Segments {
    type Target = [Arc<Segment>];
    fn deref(&self) -> &[Arc<Segment>] {
        &self.list
    }
}
