//! Which stretches of a source have events that a destination may lack, by the sets of both. So an
//! import that begins anew examines only what differs.

use super::{Cancel, ImportIdentity, ImportOptions};
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::store::diff::{differing, stretches};

/// A source with fewer events is read sooner than sets are compared.
const EVENTS_MIN: u64 = 4096;
/// A destination that has fewer than so many sixteenths of the source's events lacks much of it.
const SIXTEENTHS: u64 = 15;

/// The stretches of the source to be examined: above the first sequence, up to the second,
/// ascending. None where all of it above `after` is.
pub fn to_examine(
    destination: &Log,
    source: &Log,
    options: &ImportOptions<'_>,
    (after, ceiling): (u64, u64),
) -> Result<Option<Vec<(u64, u64)>>> {
    let events = events_of(source);
    let pays = options.identity == ImportIdentity::Origin
        && after == 0
        && !options.rehash
        && events >= EVENTS_MIN
        && events_of(destination) >= events / 16 * SIXTEENTHS;
    if !pays {
        return Ok(None);
    }
    let go_on = || {
        options.cancel.map_or(Ok(()), Cancel::check)?;
        source.check_open()?;
        destination.check_open()
    };
    let sets = source.sets(&go_on).and_then(|ours| Ok((ours, destination.sets(&go_on)?)));
    let Ok((ours, theirs)) = sets else {
        // What cannot be read is met when its turn comes.
        return go_on().map(|()| None);
    };
    let mut found = stretches(&ours, &differing(&ours, &theirs));
    found.retain(|(after, _)| *after < ceiling);
    found.iter_mut().for_each(|(_, until)| *until = ceiling.min(*until));
    let length: u64 = found.iter().map(|(after, until)| until - after).sum();
    // Where most of it differs, one walk costs less than many.
    Ok((length <= ceiling / 2).then_some(found))
}

/// About how many events a store has.
fn events_of(log: &Log) -> u64 {
    let segments = log.segments();
    let Some(last) = segments.last() else { return 0 };
    let in_table = last.read_table().len() as u64;
    last.header.events_before + last.index().map_or(0, |index| index.meta.events) + in_table
}
