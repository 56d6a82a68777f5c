//! Zones: which times and kinds the events between two sparse entries have. A walk for a range of
//! time or for a rare kind reads the zones that may have it, not the log.

use crate::engine::model::bytes::u64_at;
use crate::engine::model::id::Kind;
use crate::engine::model::region::Region;
use std::collections::BTreeMap;

/// Least and greatest time of some events: their own, and when they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub timestamps: (i64, i64),
    pub recorded: (i64, i64),
}

impl Times {
    /// Those of no event.
    pub const NONE: Times =
        Times { timestamps: (i64::MAX, i64::MIN), recorded: (i64::MAX, i64::MIN) };

    /// Takes in the times of others.
    pub fn include(&mut self, other: &Times) {
        let wider = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
        self.timestamps = wider(self.timestamps, other.timestamps);
        self.recorded = wider(self.recorded, other.recorded);
    }

    /// Whether all events that have these times lie in those of the region.
    pub fn lie_in(&self, region: &Region) -> bool {
        let within = |wanted: Option<(i64, i64)>, (least, greatest): (i64, i64)| {
            wanted.is_none_or(|(first, last)| first <= least && greatest <= last)
        };
        within(region.timestamps, self.timestamps) && within(region.recorded, self.recorded)
    }

    /// Whether events of the region may have these times.
    pub fn may_match(&self, region: &Region) -> bool {
        let meets = |wanted: Option<(i64, i64)>, (least, greatest): (i64, i64)| {
            wanted.is_none_or(|(first, last)| first <= greatest && last >= least)
        };
        meets(region.timestamps, self.timestamps) && meets(region.recorded, self.recorded)
    }
}

/// The zones of some events, numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    pub times: Vec<Times>,
    /// How many events each has.
    pub events: Vec<u32>,
    /// For each kind the stretches of zones that have it, in order: first and last.
    pub kinds: BTreeMap<u16, Vec<(u32, u32)>>,
    /// The same for each scope, by its number.
    pub scopes: BTreeMap<u32, Vec<(u32, u32)>>,
    /// Kind and scope that were added last, which the newest zone has.
    newest: Option<(u16, u32)>,
}

/// What a zone is told of an event.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    pub kind: Kind,
    /// Number of the scope's string.
    pub scope: u32,
    pub timestamp_us: i64,
    pub recorded_us: i64,
}

impl Zones {
    /// Adds an event to the newest zone, or to a new one.
    pub fn add(&mut self, new_zone: bool, marks: &Marks) {
        let Marks { kind, scope, timestamp_us, recorded_us } = *marks;
        if new_zone {
            self.times.push(Times::NONE);
            self.events.push(0);
            self.newest = None;
        }
        let event = Times {
            timestamps: (timestamp_us, timestamp_us),
            recorded: (recorded_us, recorded_us),
        };
        if let Some(newest) = self.times.last_mut() {
            newest.include(&event);
        }
        if let Some(events) = self.events.last_mut() {
            *events += 1;
        }
        if self.newest != Some((kind.0, scope)) {
            self.newest = Some((kind.0, scope));
            let zone = self.times.len() as u32 - 1;
            self.add_kind(kind.0, zone, zone);
            self.add_scope(scope, zone, zone);
        }
    }

    /// Says that the zones from `first` to `last` have a kind; none before `first` is added later.
    pub fn add_kind(&mut self, kind: u16, first: u32, last: u32) {
        add_stretch(self.kinds.entry(kind).or_default(), first, last);
    }

    /// The same of a scope.
    pub fn add_scope(&mut self, scope: u32, first: u32, last: u32) {
        add_stretch(self.scopes.entry(scope).or_default(), first, last);
    }

    /// Adds the zones of the events that follow.
    pub fn append(&mut self, others: &Zones) {
        let base = self.times.len() as u32;
        self.times.extend_from_slice(&others.times);
        self.events.extend_from_slice(&others.events);
        for (kind, stretches) in &others.kinds {
            stretches
                .iter()
                .for_each(|(first, last)| self.add_kind(*kind, base + first, base + last));
        }
        for (scope, stretches) in &others.scopes {
            stretches
                .iter()
                .for_each(|(first, last)| self.add_scope(*scope, base + first, base + last));
        }
    }

    /// Whether a zone says that it has an event of this kind, scope and these times.
    pub fn has(&self, zone: usize, marks: &Marks) -> bool {
        let Marks { kind, scope, timestamp_us, recorded_us } = *marks;
        let within = |(least, greatest): (i64, i64), time| (least..=greatest).contains(&time);
        let zone_of = |stretches: Option<&Vec<(u32, u32)>>| {
            let stretches = stretches.map_or(&[][..], Vec::as_slice);
            let after = stretches.partition_point(|(first, _)| *first as usize <= zone);
            after > 0 && zone <= stretches[after - 1].1 as usize
        };
        zone_of(self.kinds.get(&kind.0))
            && zone_of(self.scopes.get(&scope))
            && self.times.get(zone).is_some_and(|times| {
                within(times.timestamps, timestamp_us) && within(times.recorded, recorded_us)
            })
    }

    /// The times of all of them.
    pub fn all_times(&self) -> Times {
        let mut all = Times::NONE;
        self.times.iter().for_each(|times| all.include(times));
        all
    }

    pub fn memory_bytes(&self) -> usize {
        let lists = self.kinds.values().chain(self.scopes.values());
        let stretches: usize = lists.map(|s| s.capacity() * 8 + 64).sum();
        self.times.capacity() * (size_of::<Times>() + 4) + stretches
    }
}

fn add_stretch(stretches: &mut Vec<(u32, u32)>, first: u32, last: u32) {
    match stretches.last_mut() {
        Some(newest) if newest.1 + 1 >= first => newest.1 = newest.1.max(last),
        _ => stretches.push((first, last)),
    }
}

/// Zones that are known to have something: none where all may.
pub type Stretches = Option<Vec<(u32, u32)>>;

/// Orders stretches and joins those that meet.
pub fn join(mut stretches: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    stretches.sort_unstable();
    stretches.dedup_by(|next, joined| {
        let joins = next.0 <= joined.1.saturating_add(1);
        if joins {
            joined.1 = joined.1.max(next.1);
        }
        joins
    });
    stretches
}

/// The zones that are in both.
pub fn both(a: Stretches, b: Stretches) -> Stretches {
    let (Some(a), Some(b)) = (&a, &b) else { return a.or(b) };
    let (mut found, mut at) = (Vec::new(), 0);
    for (first, last) in a {
        while at < b.len() && b[at].1 < *first {
            at += 1;
        }
        let meeting = b[at..].iter().take_while(|other| other.0 <= *last);
        found.extend(meeting.map(|other| (other.0.max(*first), other.1.min(*last))));
    }
    Some(found)
}

/// The zones section.
pub fn encode_zones(zones: &Zones) -> Vec<u8> {
    let entry = |(times, events): (&Times, &u32)| {
        let mut entry = encode(times).to_vec();
        entry.extend_from_slice(&events.to_le_bytes());
        entry
    };
    zones.times.iter().zip(&zones.events).flat_map(entry).collect()
}

/// Times as the zones section and the header of an index have them.
pub fn encode(times: &Times) -> [u8; 32] {
    let mut entry = [0; 32];
    let values = [times.timestamps.0, times.timestamps.1, times.recorded.0, times.recorded.1];
    entry
        .chunks_mut(8)
        .zip(values)
        .for_each(|(to, value)| to.copy_from_slice(&value.to_le_bytes()));
    entry
}

pub fn decode(bytes: &[u8], at: usize) -> Times {
    let time = |n: usize| u64_at(bytes, at + n * 8) as i64;
    Times { timestamps: (time(0), time(1)), recorded: (time(2), time(3)) }
}

/// The kinds section, and that of scopes.
pub fn encode_stretches<K: Copy + Into<u32>>(by: &BTreeMap<K, Vec<(u32, u32)>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, stretches) in by {
        for (first, last) in stretches {
            for value in [(*key).into(), *first, *last] {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(events: &[(bool, u16, i64)]) -> Zones {
        let mut zones = Zones::default();
        for (new, kind, time) in events {
            let (kind, scope) = (Kind(*kind), u32::from(*kind) / 0x1000);
            zones.add(*new, &Marks { kind, scope, timestamp_us: *time, recorded_us: -time });
        }
        zones
    }

    #[test]
    fn zones_know_times_kinds_and_scopes_also_when_others_follow() {
        let mut all = zones(&[(true, 0x1001, 5), (false, 0x1002, 9), (true, 0x1001, 20)]);
        all.append(&zones(&[(true, 0x1001, 30), (true, 0x2001, 7)]));
        assert_eq!((&all.kinds[&0x1001], &all.kinds[&0x1002]), (&vec![(0, 2)], &vec![(0, 0)]));
        assert_eq!((&all.scopes[&1], &all.scopes[&2]), (&vec![(0, 2)], &vec![(3, 3)]));
        assert_eq!(all.events, [2, 1, 1, 1]);
        let has = |zone, kind, time: i64| {
            let (kind, scope) = (Kind(kind), u32::from(kind) / 0x1000);
            all.has(zone, &Marks { kind, scope, timestamp_us: time, recorded_us: -time })
        };
        assert!(has(0, 0x1002, 7) && !has(1, 0x1002, 20) && !has(0, 0x1001, 10));
        assert_eq!(all.all_times().timestamps, (5, 30));
        let times = |range| Region { timestamps: Some(range), ..Region::default() };
        assert!(!Times::NONE.may_match(&times((0, 5))));
    }

    #[test]
    fn stretches_are_joined_and_cut() {
        assert_eq!(join(vec![(7, 9), (0, 2), (3, 3), (1, 2)]), [(0, 3), (7, 9)]);
        let both = |a: &[(u32, u32)], b: &[(u32, u32)]| both(Some(a.to_vec()), Some(b.to_vec()));
        let found = both(&[(0, 5), (8, 9), (12, 20)], &[(2, 3), (5, 8), (15, 30)]);
        assert_eq!(found, Some(vec![(2, 3), (5, 5), (8, 8), (15, 20)]));
        assert_eq!(both(&[(0, 5)], &[]), Some(vec![]));
    }
}
