//! From measures to a table: medians, ratios, and how far the goals are.

use crate::driver::Results;
use crate::machine::About;
use crate::peer::Role;
use crate::{Engine, ENGINES};
use std::fmt::Write;
use std::path::Path;

/// A line of the table.
pub struct Row {
    pub label: &'static str,
    /// What a newcomer reads above the bars; none where it is not drawn.
    pub panel: Option<&'static str>,
    pub run: &'static str,
    pub value: &'static str,
    pub unit: Unit,
    pub goals: &'static [Goal],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    /// Of the processors, as long as all threads took.
    PerCpuSecond,
    Milliseconds,
    Microseconds,
    Megabytes,
    Bytes,
}

impl Unit {
    pub fn text(self) -> &'static str {
        match self {
            Unit::PerSecond => "events/s",
            Unit::PerCpuSecond => "MB/s of CPU",
            Unit::Milliseconds => "ms",
            Unit::Microseconds => "µs",
            Unit::Megabytes => "MB",
            Unit::Bytes => "bytes",
        }
    }

    pub fn more_is_better(self) -> bool {
        matches!(self, Unit::PerSecond | Unit::PerCpuSecond)
    }
}

pub enum Goal {
    /// So many times the engine.
    Times(f64, &'static str),
    /// So many times the best of the stores.
    TimesBest(f64),
    /// At most so many times what fbat has in another run.
    AtMostTimes(f64, &'static str),
    AtMost(f64),
}

const fn row(
    label: &'static str,
    panel: Option<&'static str>,
    run: &'static str,
    value: &'static str,
    unit: Unit,
    goals: &'static [Goal],
) -> Row {
    Row { label, panel, run, value, unit, goals }
}

const RATE: &str = "events_per_second";
const CPU: &str = "cpu_us";
const MB_PER_CPU: &str = "mb_per_cpu_second";
use Goal::{AtMost, AtMostTimes, Times, TimesBest};
use Unit::{Bytes, Megabytes, Microseconds, Milliseconds, PerCpuSecond, PerSecond};

pub const ROWS: &[Row] = &[
    row(
        "W1 append one, durable",
        Some("append one event, on disk when it returns"),
        "append-one",
        RATE,
        PerSecond,
        &[Times(0.98, "raw")],
    ),
    row(
        "W1x8 the same, 8 threads",
        Some("the same from 8 threads"),
        "append-threads",
        RATE,
        PerSecond,
        &[Times(1.0, "okaywal")],
    ),
    row(
        "W2 append 256, durable",
        Some("append 256 at once, on disk"),
        "append-batch",
        RATE,
        PerSecond,
        &[TimesBest(3.0), Times(1.0, "raft-engine")],
    ),
    row(
        "W3 append one, not yet durable",
        Some("append one, survives a killed process"),
        "append-fast",
        RATE,
        PerSecond,
        &[TimesBest(3.0), Times(1.5, "raft-engine")],
    ),
    row("W3 latency, half of all", None, "append-latency", "p50_us", Microseconds, &[]),
    row("W3 latency, 99 of 100", None, "append-latency", "p99_us", Microseconds, &[]),
    row(
        "W3 latency, 999 of 1,000",
        Some("append one: what one of 1,000 takes"),
        "append-latency",
        "p999_us",
        Microseconds,
        &[AtMost(20.0), TimesBest(1.0)],
    ),
    row(
        "W3 latency, greatest",
        None,
        "append-latency",
        "max_us",
        Microseconds,
        &[AtMost(20_000.0), TimesBest(1.0)],
    ),
    row(
        "W4 import, durable once",
        Some("import another store, with provenance"),
        "import",
        RATE,
        PerSecond,
        &[TimesBest(3.0)],
    ),
    row("W4 import, each 256 durable", None, "import-chunks", RATE, PerSecond, &[TimesBest(7.0)]),
    row(
        "W5 import again, all present",
        Some("import again, all is there already"),
        "import-again",
        RATE,
        PerSecond,
        &[TimesBest(3.0)],
    ),
    row(
        "W6 read one by id",
        Some("read one event by id, verified"),
        "read",
        RATE,
        PerSecond,
        &[TimesBest(1.5)],
    ),
    row("W7 scan in order", Some("read all in order"), "scan", RATE, PerSecond, &[TimesBest(1.5)]),
    row(
        "W8 events of an entity",
        Some("read the events of one entity, verified"),
        "entity",
        RATE,
        PerSecond,
        &[TimesBest(2.5)],
    ),
    row("W9 open to first answer", None, "open", "milliseconds", Milliseconds, &[AtMost(3.0)]),
    row(
        "W9k the same after kill -9",
        Some("open after a crash"),
        "open-killed",
        "milliseconds",
        Milliseconds,
        &[AtMost(200.0)],
    ),
    row(
        "W9m open the large store",
        Some("open a large store, first answer"),
        "open-large",
        "milliseconds",
        Milliseconds,
        &[AtMost(5.0)],
    ),
    row(
        "memory, large store open",
        Some("memory with a large store open"),
        "open-large",
        "resident_mb",
        Megabytes,
        &[AtMost(30.0)],
    ),
    row("peak memory of W4", None, "import", "peak_mb", Megabytes, &[AtMost(100.0)]),
    row(
        "W10 disk per event, appended",
        Some("disk space of an event of 256 bytes"),
        "append-batch",
        "bytes_per_event",
        Bytes,
        &[AtMost(370.0)],
    ),
    row("W10 disk per event, imported", None, "import", "bytes_per_event", Bytes, &[AtMost(390.0)]),
    row(
        "W11 small: append 256, durable",
        None,
        "small-append-batch",
        RATE,
        PerSecond,
        &[TimesBest(3.0)],
    ),
    row("W11 small: import", None, "small-import", RATE, PerSecond, &[TimesBest(3.0)]),
    row("W11 small: events of an entity", None, "small-entity", RATE, PerSecond, &[TimesBest(1.2)]),
    row("W11 small: memory", None, "small-entity", "resident_mb", Megabytes, &[TimesBest(1.5)]),
    row(
        "W11 small: disk per event",
        None,
        "small-append-batch",
        "bytes_per_event",
        Bytes,
        &[TimesBest(1.1)],
    ),
    row(
        "W12 many entities: append 256, CPU",
        Some("append when a million entities come back"),
        "many-append",
        CPU,
        Microseconds,
        &[TimesBest(2.5), AtMostTimes(1.5, "append-batch")],
    ),
    row(
        "W12 many entities: import, CPU",
        None,
        "many-import",
        CPU,
        Microseconds,
        &[TimesBest(2.5), AtMostTimes(1.5, "import")],
    ),
    row(
        "W12 many entities: events of one, CPU",
        Some("read the events of one of a million entities"),
        "many-entity",
        CPU,
        Microseconds,
        &[],
    ),
    row("W13 1 MiB: append", None, "mib-append", MB_PER_CPU, PerCpuSecond, &[TimesBest(1.5)]),
    row("W13 1 MiB: import", None, "mib-import", MB_PER_CPU, PerCpuSecond, &[TimesBest(1.5)]),
    row("W13 32 MiB: append", None, "mib32-append", MB_PER_CPU, PerCpuSecond, &[TimesBest(1.5)]),
    row("W13 32 MiB: import", None, "mib32-import", MB_PER_CPU, PerCpuSecond, &[TimesBest(1.5)]),
    row(
        "W13 32 MiB: peak memory of import",
        None,
        "mib32-import",
        "peak_mb",
        Megabytes,
        &[AtMost(100.0)],
    ),
];

/// The engine that the goals are about.
pub const SUBJECT: &str = "fbat";

impl Row {
    pub fn figures<'r>(&self, results: &'r Results, engine: &'static str) -> Option<&'r [f64]> {
        results.values.get(&(self.run, engine, self.value.to_owned())).map(Vec::as_slice)
    }

    pub fn median(&self, results: &Results, engine: &'static str) -> Option<f64> {
        self.figures(results, engine).map(median)
    }

    fn best_store(&self, results: &Results) -> Option<(&'static str, f64)> {
        let stores = ENGINES.iter().filter(|e| e.role == Role::Store);
        let measured = stores.filter_map(|e| Some((e.name, self.median(results, e.name)?)));
        measured.max_by(|a, b| self.times(a.1, b.1).total_cmp(&1.0))
    }

    /// How many times better `ours` is.
    pub fn times(&self, ours: f64, theirs: f64) -> f64 {
        if self.unit.more_is_better() {
            ours / theirs
        } else {
            theirs / ours
        }
    }

    /// 1 and more: reached. None: what the goal compares with was not measured.
    fn reached(&self, goal: &Goal, results: &Results) -> Option<f64> {
        let ours = self.median(results, SUBJECT)?;
        match *goal {
            Times(factor, engine) => Some(self.times(ours, self.median(results, engine)?) / factor),
            TimesBest(factor) => Some(self.times(ours, self.best_store(results)?.1) / factor),
            AtMostTimes(factor, run) => {
                let other = results.values.get(&(run, SUBJECT, self.value.to_owned()))?;
                Some(median(other) * factor / ours)
            }
            AtMost(most) => Some(most / ours),
        }
    }

    fn goal(&self, goal: &Goal) -> String {
        match *goal {
            Times(factor, engine) => format!("{factor} x {engine}"),
            TimesBest(factor) => format!("{factor} x the best"),
            AtMostTimes(factor, run) => {
                let other = ROWS.iter().find(|row| row.run == run).map_or(run, |row| row.label);
                format!("at most {factor} x {}", other.split(' ').next().unwrap_or(other))
            }
            AtMost(most) => format!("at most {most} {}", self.unit.text()),
        }
    }
}

pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        (sorted[half - 1] + sorted[half]) / 2.0
    }
}

pub fn write(here: &Path, results: &Results, about: &About, shape: &str, note: &str) {
    let mut csv = String::from("round,measure,engine,value,figure\n");
    for (round, run, engine, name, figure) in &results.rows {
        let _ = writeln!(csv, "{round},{run},{engine},{name},{figure}");
    }
    std::fs::write(here.join("results.csv"), csv).expect("results.csv");
    std::fs::write(here.join("results.md"), text(results, about, shape, note)).expect("results.md");
}

fn text(results: &Results, about: &About, shape: &str, note: &str) -> String {
    let mut out =
        format!("# fbat beside other stores\n\n{}, {}.\n{shape}.\n\n", about.date, about.machine);
    if !note.is_empty() {
        let _ = writeln!(out, "**{note}**\n");
    }
    out += "## fbat against its goals\n\n";
    out += "\"The best\" is the best of the stores; logs without an index and the raw file are no \
        rivals. fbat is used through its C ABI.\n\n";
    out += "| | unit | fbat | the best store | x the best | x batpak | goal | reached |\n";
    out += "| --- | --- | ---: | --- | ---: | ---: | --- | --- |\n";
    for row in ROWS {
        let ours = row.median(results, SUBJECT);
        let ratio = |theirs: Option<f64>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => short(row.times(ours, theirs)),
            _ => "–".into(),
        };
        let best = row.best_store(results);
        let goals: Vec<String> = row.goals.iter().map(|goal| row.goal(goal)).collect();
        let reached = row.goals.iter().map(|goal| match row.reached(goal, results) {
            Some(reached) if reached >= 1.0 => "✓".into(),
            Some(reached) => format!("{:.2} of it", (reached * 100.0).floor() / 100.0),
            None => "not measured".to_owned(),
        });
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.label,
            row.unit.text(),
            ours.map_or("–".into(), |figure| short(figure) + &cut(results, row, SUBJECT)),
            best.map_or("–".into(), |(name, figure)| {
                format!("{name} {}{}", short(figure), cut(results, row, name))
            }),
            ratio(best.map(|b| b.1)),
            ratio(row.median(results, "batpak")),
            goals.join("; "),
            reached.collect::<Vec<_>>().join("; "),
        );
    }
    out +=
        "\n\"(at 6.00M)\": stopped there, as its time was over. W12 is what an event cost among \
        the last tenth; memory is of the process, with the files that it maps.\n";
    out += "\n## Every engine: medians\n\n";
    table(&mut out, results, |figures| short(median(figures)));
    out += "\n## Every engine: least and most\n\n";
    table(&mut out, results, |figures| {
        let sorted = |pick: fn(f64, f64) -> f64| {
            short(figures.iter().copied().reduce(pick).unwrap_or(f64::NAN))
        };
        format!("{} … {}", sorted(f64::min), sorted(f64::max))
    });
    if !results.failures.is_empty() {
        out += "\n## What failed\n\n";
        for ((run, engine), why) in &results.failures {
            let _ = writeln!(out, "- {engine}, {run}: {why}");
        }
    }
    out += "\n## What each engine does here, and leaves out\n\n";
    out += "| | version | here | leaves out |\n| --- | --- | --- | --- |\n";
    for (engine, (_, version)) in ENGINES.iter().zip(&about.versions) {
        let _ = writeln!(
            out,
            "| {} | {version} | {} | {} |",
            engine.name, engine.does, engine.leaves_out
        );
    }
    out
}

fn table(out: &mut String, results: &Results, show: impl Fn(&[f64]) -> String) {
    let names = ENGINES.iter().map(|e| e.name);
    let _ = writeln!(out, "| | unit | {} |", names.clone().collect::<Vec<_>>().join(" | "));
    let _ = writeln!(out, "| --- | --- |{}", " ---: |".repeat(ENGINES.len()));
    for row in ROWS {
        let cell = |e: &Engine| match row.figures(results, e.name) {
            _ if results.failures.contains_key(&(row.run, e.name)) => "failed".into(),
            Some(figures) => show(figures) + &cut(results, row, e.name),
            None => "–".to_owned(),
        };
        let cells: Vec<String> = ENGINES.iter().map(cell).collect();
        let _ = writeln!(out, "| {} | {} | {} |", row.label, row.unit.text(), cells.join(" | "));
    }
}

/// Where a measure was stopped before its end.
fn cut(results: &Results, row: &Row, engine: &'static str) -> String {
    results.cut(row.run, engine).map_or(String::new(), |events| format!(" (at {})", short(events)))
}

/// Three digits, with k and M.
pub fn short(figure: f64) -> String {
    let (figure, suffix) = match figure {
        f if f >= 999_500.0 => (f / 1e6, "M"),
        f if f >= 9_995.0 => (f / 1e3, "k"),
        f if f >= 999.5 => return grouped(f.round() as u64),
        f => (f, ""),
    };
    let digits = match figure {
        f if f >= 99.95 => 0,
        f if f >= 9.995 => 1,
        _ => 2,
    };
    format!("{figure:.digits$}{suffix}")
}

/// 1,234,567
pub fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}
