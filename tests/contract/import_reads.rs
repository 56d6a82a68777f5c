//! What an import reads of the log that it imports into: nothing for an event that is known.

use crate::common::layer::{Call, Layer, Layered, Make, Op, Part};
use crate::common::*;
use fbat::engine::import::ImportOptions;
use fbat::engine::log::options::Options;
use fbat::engine::model::event::Event;
use fbat::engine::model::limits::Limits;
use fbat::engine::platform::watch::Verdict;
use fbat::engine::store::Store;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Counts the reads of segments.
#[derive(Debug, Default)]
struct Reads(AtomicU64);

impl Layer for Reads {
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        if call.op == Op::Read && call.path.extension().is_some_and(|e| e == "log") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        make(Part::Whole).map(|_| ())
    }
}

const EVENTS: u64 = 6000;

/// A destination into which the events of `source` came in several imports, of the events with
/// `part(sequence)` 0, 1, 2 ...; what importing all of them again reads of its log.
fn reads_of_duplicates(source: &Store, parts: u64, part: impl Fn(u64) -> u64) -> u64 {
    let dir = TempDir::in_memory("reads");
    let reads = Arc::new(Reads::default());
    let limits = Limits { segment_bytes: 256 << 10, ..Limits::default() };
    let mut options = Options { limits, ..quick() };
    options.vfs = Arc::new(Layered::over(options.vfs, reads.clone()));
    let hub = open(&dir.join("hub"), &options);
    for wanted in 0..parts {
        let mut filter = |e: &Event<'_>| match part(e.sequence) == wanted {
            true => Verdict::Keep,
            false => Verdict::Skip,
        };
        import_with(&hub, source, &mut ImportOptions { filter: Some(&mut filter), ..named("s") });
    }
    let before = reads.0.load(Ordering::Relaxed);
    let report = import(&hub, source, "s");
    assert_eq!((report.deduplicated, report.imported), (EVENTS, 0));
    reads.0.load(Ordering::Relaxed) - before
}

#[test]
fn duplicates_in_any_order_cost_no_random_reads_of_the_log() {
    let dir = TempDir::in_memory("reads-source");
    let source = open_quick(&dir.join("source"));
    fill(&source, 0, EVENTS);
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    type Order = (&'static str, u64, Box<dyn Fn(u64) -> u64>);
    let orders: [Order; 7] = [
        ("in order", 1, Box::new(|_| 0)),
        ("every second", 2, Box::new(|n| n % 2)),
        ("every seventh, from the last", 7, Box::new(|n| 6 - n % 7)),
        ("halves, the second first", 2, Box::new(|n| u64::from(n < EVENTS / 2))),
        ("pairs", 2, Box::new(|n| n / 2 % 2)),
        ("stretches of twenty", 3, Box::new(|n| n / 20 % 3)),
        ("scattered", 16, Box::new(move |n| scattered(n) % 16)),
    ];
    for (name, parts, part) in orders {
        let reads = reads_of_duplicates(&source, parts, part);
        // Reading on in the order of the log takes large reads, and few attempts.
        assert!(reads < 150, "{name}: {reads} reads for {EVENTS} duplicates");
    }
}
