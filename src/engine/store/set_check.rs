//! The file of a segment that says what it has as a set, against its log.

use super::report::VerifyReport;
use super::scan::Scan;
use crate::engine::format::set::SegmentSet;
use crate::engine::log::segment::Segment;
use crate::engine::log::sets::{head_of, read_set, set_name};
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::model::region::Region;
use crate::engine::platform::vfs::Access;
use crate::engine::platform::watch::Watch;

/// Compares the file of a segment, whose log is sound, with what the log says. There may be none.
pub fn check_set(
    store: &Log,
    (segment, next): (&Segment, &Segment),
    watch: &Watch<'_>,
    report: &mut VerifyReport,
) -> Result<()> {
    let path = store.dir.file(&set_name(segment.header.first_sequence));
    let bytes = match read_set(&store.dir, segment, Access::Follow) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(()),
        Err(e) => return report.note(&path, e),
    };
    let Some(said) = SegmentSet::decode(&bytes, &head_of(segment, next)) else {
        report.find(
            &path,
            0,
            (0, 0),
            "the set of the segment is damaged, or describes another log",
        );
        return Ok(());
    };
    let (after, until) = (segment.header.first_sequence - 1, next.header.first_sequence - 1);
    let (region, mut set) = (Region::default(), SegmentSet::default());
    let scan = Scan { after, until, ..Scan::of(&region) };
    store.gather(&scan, &|| watch.check(), &mut set)?;
    if set != said {
        report.find(&path, 0, (0, 0), "the set of the segment is not that of its events");
    }
    Ok(())
}
