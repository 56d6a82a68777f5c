//! The canonical form of a region: one byte string for all regions that select the same events.

use super::system::decode;
use crate::engine::model::id::Kind;
use crate::engine::model::region::{KindRange, Region};
use serde::{Deserialize, Serialize};

/// Every member in this order, and only where it selects.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Canonical {
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<(u16, u16)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamps: Option<(i64, i64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<(i64, i64)>,
}

/// The canonical form, a MessagePack map. That of everything is the empty map.
pub fn encode(region: &Region) -> Vec<u8> {
    let Region { entity, scopes, kinds, versions, timestamps, recorded } =
        region.clone().canonical();
    let kinds: Vec<_> = kinds.iter().map(|range| (range.first.0, range.last.0)).collect();
    let canonical = Canonical {
        entity,
        scopes,
        kinds: if kinds == [(0, u16::MAX)] { Vec::new() } else { kinds },
        // The first version of an entity is 1.
        versions: versions
            .map(|(low, high)| (low.max(1), high))
            .filter(|range| *range != (1, u64::MAX)),
        timestamps: timestamps.filter(|range| *range != (i64::MIN, i64::MAX)),
        recorded: recorded.filter(|range| *range != (i64::MIN, i64::MAX)),
    };
    rmp_serde::to_vec_named(&canonical).expect("a plain struct encodes")
}

/// The region that such a form is of.
pub fn region(canonical: &[u8]) -> Option<Region> {
    let Canonical { entity, scopes, kinds, versions, timestamps, recorded } = decode(canonical)?;
    let range = |(first, last)| KindRange { first: Kind(first), last: Kind(last) };
    let kinds = kinds.into_iter().map(range).collect();
    Some(Region { entity, scopes, kinds, versions, timestamps, recorded })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(ranges: &[(u16, u16)]) -> Vec<KindRange> {
        let range =
            |(first, last): &(u16, u16)| KindRange { first: Kind(*first), last: Kind(*last) };
        ranges.iter().map(range).collect()
    }

    fn scopes(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn regions_that_select_the_same_have_one_form() {
        let same = [
            (
                Region { kinds: kinds(&[(9, 9), (3, 4), (5, 8)]), ..Region::default() },
                Region { kinds: kinds(&[(3, 9)]), ..Region::default() },
            ),
            (
                Region { scopes: scopes(&["b", "a", "b"]), ..Region::default() },
                Region { scopes: scopes(&["a", "b"]), ..Region::default() },
            ),
            (
                Region {
                    kinds: kinds(&[(7, 0xffff), (0, 6)]),
                    versions: Some((0, u64::MAX)),
                    timestamps: Some((i64::MIN, i64::MAX)),
                    recorded: Some((i64::MIN, i64::MAX)),
                    ..Region::default()
                },
                Region::default(),
            ),
            (
                Region { versions: Some((0, 9)), ..Region::default() },
                Region { versions: Some((1, 9)), ..Region::default() },
            ),
        ];
        for (one, other) in &same {
            assert_eq!(encode(one), encode(other), "{one:?}");
        }
        assert_eq!(encode(&Region::default()), [0x80]);
    }

    #[test]
    fn a_canonical_form_is_read_back() {
        let whole = Region {
            entity: Some("plant:7".into()),
            scopes: scopes(&["a", "b"]),
            kinds: kinds(&[(0x1000, 0x1fff), (0x3001, 0x3001)]),
            versions: Some((2, 9)),
            timestamps: Some((-5, 5)),
            recorded: Some((0, i64::MAX)),
        };
        let form = encode(&whole);
        assert_eq!(region(&form), Some(whole));
        assert_eq!(region(&[0x80]), Some(Region::default()));
        (0..form.len()).for_each(|cut| assert_eq!(region(&form[..cut]), None, "{cut}"));
    }
}
