//! Zones: which times and kinds the events between two sparse entries have. A walk for a range of
//! time or for a rare kind reads the zones that may have it, not the log.

use crate::engine::model::bytes::u64_at;
use crate::engine::model::id::Kind;
use crate::engine::model::region::{KindRange, Region};
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
    /// For each kind the stretches of zones that have it, in order: first and last.
    pub kinds: BTreeMap<u16, Vec<(u32, u32)>>,
    /// The kind that was added last, which the newest zone has.
    newest_kind: Option<u16>,
}

impl Zones {
    /// Adds an event to the newest zone, or to a new one.
    pub fn add(&mut self, new_zone: bool, kind: Kind, timestamp_us: i64, recorded_us: i64) {
        if new_zone {
            self.times.push(Times::NONE);
            self.newest_kind = None;
        }
        let event = Times {
            timestamps: (timestamp_us, timestamp_us),
            recorded: (recorded_us, recorded_us),
        };
        if let Some(newest) = self.times.last_mut() {
            newest.include(&event);
        }
        if self.newest_kind != Some(kind.0) {
            self.newest_kind = Some(kind.0);
            let zone = self.times.len() as u32 - 1;
            self.add_kind(kind.0, zone, zone);
        }
    }

    /// Says that the zones from `first` to `last` have a kind; none before `first` is added later.
    pub fn add_kind(&mut self, kind: u16, first: u32, last: u32) {
        let stretches = self.kinds.entry(kind).or_default();
        match stretches.last_mut() {
            Some(newest) if newest.1 + 1 >= first => newest.1 = newest.1.max(last),
            _ => stretches.push((first, last)),
        }
    }

    /// Adds the zones of the events that follow.
    pub fn append(&mut self, others: &Zones) {
        let base = self.times.len() as u32;
        self.times.extend_from_slice(&others.times);
        for (kind, stretches) in &others.kinds {
            stretches
                .iter()
                .for_each(|(first, last)| self.add_kind(*kind, base + first, base + last));
        }
    }

    /// Whether a zone says that it has an event of this kind and these times.
    pub fn has(&self, zone: usize, kind: Kind, timestamp_us: i64, recorded_us: i64) -> bool {
        let within = |(least, greatest): (i64, i64), time| (least..=greatest).contains(&time);
        let stretches = self.kinds.get(&kind.0).map_or(&[][..], Vec::as_slice);
        let after = stretches.partition_point(|(first, _)| *first as usize <= zone);
        after > 0
            && zone <= stretches[after - 1].1 as usize
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

    /// Which of them may have events of a region.
    pub fn matching(&self, region: &Region) -> Vec<bool> {
        let mut may: Vec<bool> = self.times.iter().map(|times| times.may_match(region)).collect();
        if !region.kinds.is_empty() {
            let of_kinds = |range: &KindRange| self.kinds.range(range.first.0..=range.last.0);
            let stretches = region.kinds.iter().flat_map(of_kinds).flat_map(|(_, zones)| zones);
            keep(&mut may, stretches.copied());
        }
        may
    }

    pub fn memory_bytes(&self) -> usize {
        let stretches: usize = self.kinds.values().map(|s| s.capacity() * 8 + 64).sum();
        self.times.capacity() * size_of::<Times>() + stretches
    }
}

/// Leaves those that are in one of the stretches.
pub fn keep(may: &mut [bool], stretches: impl Iterator<Item = (u32, u32)>) {
    let mut has = vec![false; may.len()];
    for (first, last) in stretches {
        let last = (last as usize + 1).min(has.len());
        has[(first as usize).min(last)..last].fill(true);
    }
    may.iter_mut().zip(has).for_each(|(may, has)| *may &= has);
}

/// The zones section.
pub fn encode_times(times: &[Times]) -> Vec<u8> {
    times.iter().flat_map(encode).collect()
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

/// The kinds section.
pub fn encode_kinds(kinds: &BTreeMap<u16, Vec<(u32, u32)>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, stretches) in kinds {
        for (first, last) in stretches {
            for value in [u32::from(*kind), *first, *last] {
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
        events.iter().for_each(|(new, kind, time)| zones.add(*new, Kind(*kind), *time, -time));
        zones
    }

    fn matching(zones: &Zones, region: Region) -> Vec<usize> {
        let may = zones.matching(&region);
        (0..may.len()).filter(|zone| may[*zone]).collect()
    }

    #[test]
    fn zones_know_times_and_kinds_also_when_others_follow() {
        let mut all = zones(&[(true, 0x1001, 5), (false, 0x1002, 9), (true, 0x1001, 20)]);
        all.append(&zones(&[(true, 0x1001, 30), (true, 0x2001, 7)]));
        let kind = |kind| Region { kinds: vec![kind], ..Region::default() };
        assert_eq!(all.kinds[&0x1001], [(0, 2)]);
        assert_eq!(matching(&all, kind(KindRange::exact(Kind(0x1002)))), [0]);
        assert_eq!(matching(&all, kind(KindRange::category(1))), [0, 1, 2]);
        assert_eq!(matching(&all, kind(KindRange::exact(Kind(0x1003)))), [0; 0]);
        let times = |range| Region { timestamps: Some(range), ..Region::default() };
        assert_eq!(matching(&all, times((6, 8))), [0, 3]);
        assert_eq!(matching(&all, times((10, 19))), [0; 0]);
        let recorded = |range| Region { recorded: Some(range), ..Region::default() };
        assert_eq!(matching(&all, recorded((-25, -10))), [1]);
        assert_eq!(all.all_times().timestamps, (5, 30));
        assert!(!Times::NONE.may_match(&times((0, 5))));
    }
}
