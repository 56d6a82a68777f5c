//! What an event costs as a store grows, through the C worker: a source and the store that imports
//! from it.

use crate::machine::{self, About};
use crate::picture::{text, FAINT, INK, OURS};
use crate::report::{grouped, median, short};
use crate::{driver, FBAT};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// New events at each size, whose cost is measured: a tenth, but not so few that it is noise.
const NEW_MIN: u64 = 10_000;
/// Larger stores are read once for each measure, smaller ones three times.
const REPEATED_MAX: u64 = 3_000_000;
const LIMIT: Duration = Duration::from_secs(1200);

/// A line of the table and of the picture.
struct Line {
    label: &'static str,
    name: &'static str,
    panel: Panel,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Panel {
    Cost,
    Open,
    Memory,
    Disk,
}

const fn line(label: &'static str, name: &'static str, panel: Panel) -> Line {
    Line { label, name, panel }
}

const LINES: &[Line] = &[
    line("append", "append", Panel::Cost),
    line("import what is new", "import-new", Panel::Cost),
    line("import all", "import-all", Panel::Cost),
    line("import again", "import-again", Panel::Cost),
    line("read by id", "read", Panel::Cost),
    line("absent id", "absent", Panel::Cost),
    line("read an entity", "entity", Panel::Cost),
    line("after close", "open", Panel::Open),
    line("after kill -9", "open-killed", Panel::Open),
    line("memory", "resident_mb", Panel::Memory),
    line("disk", "bytes_per_event", Panel::Disk),
];

impl Panel {
    const ALL: [(Panel, &'static str); 4] = [
        (Panel::Cost, "cost of an event"),
        (Panel::Open, "open to the first answer"),
        (Panel::Memory, "memory of a process that opened the store"),
        (Panel::Disk, "disk space of an event"),
    ];

    fn unit(self) -> &'static str {
        match self {
            Panel::Cost => "µs",
            Panel::Open => "ms",
            Panel::Memory => "MB",
            Panel::Disk => "bytes",
        }
    }
}

/// By size and name of the line.
type Figures = BTreeMap<(u64, &'static str), f64>;

pub fn scale(most: u64) {
    let began = Instant::now();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stores = here.join("target/stores");
    let _ = std::fs::remove_dir_all(&stores);
    let pair =
        Pair { source: stores.join("source"), hub: stores.join("hub"), copy: stores.join("copy") };
    let (mut figures, mut have, mut watermark) = (Figures::new(), 0, 0);
    for size in SIZES.into_iter().filter(|size| *size <= most) {
        println!("{:>5} s  {} events", began.elapsed().as_secs(), grouped(size));
        watermark = pair.grow(have, size, watermark, &mut figures);
        have = size;
    }
    std::fs::remove_dir_all(&stores).expect("remove the stores");
    let about = machine::describe(here);
    write(here, &figures, &about);
    println!("{:>5} s  written: benches/scale.md, scale.csv, scale.svg", began.elapsed().as_secs());
}

struct Pair {
    source: PathBuf,
    hub: PathBuf,
    /// Of the whole source, made and removed at each size.
    copy: PathBuf,
}

impl Pair {
    /// From `have` events to `size`; returns up to where the hub has imported.
    fn grow(&self, have: u64, size: u64, watermark: u64, figures: &mut Figures) -> u64 {
        let new = (size / 10).max(NEW_MIN);
        let mut after = watermark;
        if size - new > have {
            self.work("fill", &self.source, have, size - new - have, 0);
            after = self.import("import", have, size - new - have, after).1;
        }
        let rate: fn(&Values) -> f64 = |values| 1e6 / values["events_per_second"];
        let mut keep = |name, figure| figures.insert((size, name), figure);
        keep("append", rate(&self.work("crash", &self.source, size - new, new, 0)));
        keep("open-killed", self.work("open", &self.source, 0, size, 0)["milliseconds"]);
        let (values, watermark) = self.import("import", size - new, new, after);
        keep("import-new", rate(&values));
        let repeats = (REPEATED_MAX / size).clamp(1, 3);
        let median_of = |dir: &Path, workload: &str, value: fn(&Values) -> f64| {
            median(
                &(0..repeats)
                    .map(|_| value(&self.work(workload, dir, 0, size, 0)))
                    .collect::<Vec<_>>(),
            )
        };
        for workload in ["read", "absent", "entity"] {
            keep(workload, median_of(&self.source, workload, rate));
        }
        keep("import-again", median_of(&self.hub, "import-again", rate));
        keep("open", median_of(&self.source, "open", |values| values["milliseconds"]));
        let opened = self.work("open", &self.source, 0, size, 0);
        keep("resident_mb", opened["resident_mb"]);
        keep("bytes_per_event", opened["bytes_per_event"]);
        keep("import-all", rate(&self.work("import", &self.copy, 0, size, 0)));
        std::fs::remove_dir_all(&self.copy).expect("remove the copy");
        watermark
    }

    fn import(&self, workload: &str, first: u64, events: u64, after: u64) -> (Values, u64) {
        let values = self.work(workload, &self.hub, first, events, after);
        let watermark = values["watermark"] as u64;
        (values, watermark)
    }

    fn work(&self, workload: &str, dir: &Path, first: u64, events: u64, after: u64) -> Values {
        let mut command = FBAT.command(workload, dir);
        command.arg("--source").arg(&self.source);
        for (name, value) in [("--first", first), ("--events", events), ("--after", after)] {
            command.args([name, &value.to_string()]);
        }
        let signal = (workload == "crash").then_some(libc::SIGKILL);
        let values = driver::finish(&mut command, LIMIT, signal);
        values.unwrap_or_else(|why| panic!("{workload}: {why}")).into_iter().collect()
    }
}

type Values = BTreeMap<String, f64>;

fn write(here: &Path, figures: &Figures, about: &About) {
    let sizes: Vec<u64> =
        SIZES.into_iter().filter(|size| figures.contains_key(&(*size, "append"))).collect();
    let mut csv = String::from("events,measure,figure\n");
    for ((size, name), figure) in figures {
        let _ = writeln!(csv, "{size},{name},{figure}");
    }
    let mut md = format!(
        "# What an event costs as a store grows\n\n{}, {}. Events of 256 bytes, 1,000 entities; \
        batches and chunks of 256 that survive a killed process; through the C ABI. One store \
        grows; another imports from it.\n\n",
        about.date, about.machine
    );
    let heads: Vec<String> = sizes.iter().map(|size| grouped(*size)).collect();
    let _ = writeln!(
        md,
        "| | | {} |\n| --- | --- |{}",
        heads.join(" | "),
        " ---: |".repeat(sizes.len())
    );
    for line in LINES {
        let title = if line.panel == Panel::Open {
            format!("open {}", line.label)
        } else {
            line.label.into()
        };
        let cells: Vec<String> =
            sizes.iter().map(|size| short(figures[&(*size, line.name)])).collect();
        let _ = writeln!(md, "| {title} | {} | {} |", line.panel.unit(), cells.join(" | "));
    }
    md += "\nReads and imports: per event. `import what is new`: the last tenth, into the store \
        that has the rest; `import all`: into an empty one.\n";
    std::fs::write(here.join("scale.csv"), csv).expect("scale.csv");
    std::fs::write(here.join("scale.md"), md).expect("scale.md");
    draw(&here.join("scale.svg"), &sizes, figures, about);
}

const PANEL: (u32, u32) = (580, 370);
const TITLE: u32 = 86;
/// Right of the lines, for their names.
const NAMES: u32 = 150;
const COLORS: [RGBColor; 7] = [
    OURS,
    RGBColor(0x1c, 0x7e, 0xd6),
    RGBColor(0x0c, 0x85, 0x99),
    RGBColor(0x2f, 0x9e, 0x44),
    RGBColor(0x70, 0x48, 0xe8),
    RGBColor(0x86, 0x8e, 0x96),
    RGBColor(0xc2, 0x25, 0x5c),
];

fn draw(path: &Path, sizes: &[u64], figures: &Figures, about: &About) {
    let area = SVGBackend::new(path, (PANEL.0 * 2 + 24, TITLE + PANEL.1 * 2)).into_drawing_area();
    area.fill(&WHITE).expect("a picture");
    text(&area, "What an event costs as a store grows", (24, 40), 26.0, &INK, HPos::Left, true);
    let under = format!("{}, {}. fbat through its C ABI. Flat is good.", about.date, about.machine);
    text(&area, &under, (24, 64), 13.0, &FAINT, HPos::Left, false);
    let (_, below) = area.split_vertically(TITLE);
    let (_, panels) = below.split_horizontally(24);
    for ((panel, title), area) in Panel::ALL.into_iter().zip(panels.split_evenly((2, 2))) {
        text(&area, title, (0, 18), 15.0, &INK, HPos::Left, true);
        text(&area, panel.unit(), (0, 36), 12.0, &FAINT, HPos::Left, false);
        let lines: Vec<(&str, Vec<(f64, f64)>)> = LINES
            .iter()
            .filter(|line| line.panel == panel)
            .map(|line| {
                (line.label, sizes.iter().map(|n| (*n as f64, figures[&(*n, line.name)])).collect())
            })
            .collect();
        let most = lines.iter().flat_map(|l| &l.1).map(|p| p.1).fold(0.0, f64::max) * 1.1;
        let (first, last) = (sizes[0] as f64, sizes[sizes.len() - 1] as f64);
        let mut chart = ChartBuilder::on(&area)
            .margin_top(50)
            .margin_bottom(20)
            .margin_right(NAMES)
            .x_label_area_size(34)
            .y_label_area_size(40)
            .build_cartesian_2d((first..last * 1.001).log_scale(), 0.0..most)
            .expect("axes");
        let font = (crate::picture::FONT, 12).into_font().color(&FAINT);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(FAINT.mix(0.18))
            .axis_style(FAINT)
            .label_style(font)
            .x_labels(sizes.len())
            .x_label_formatter(&|x| tick(*x))
            .y_labels(6)
            .y_label_formatter(&|y| tick(*y))
            .x_desc("events in the store")
            .draw()
            .expect("axes");
        let mut ends = Vec::new();
        for ((label, points), color) in lines.iter().zip(&COLORS) {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))
                .expect("a line");
            chart
                .draw_series(points.iter().map(|p| Circle::new(*p, 3, color.filled())))
                .expect("points");
            let end = points[points.len() - 1];
            ends.push((chart.backend_coord(&end), format!("{label} {}", short(end.1)), color));
        }
        let origin = area.get_base_pixel();
        ends.sort_by_key(|end| end.0 .1);
        let mut free = 0;
        for ((x, y), label, color) in ends {
            let y = (y - origin.1 + 5).max(free);
            free = y + 15;
            text(&area, &label, (x - origin.0 + 8, y), 12.0, color, HPos::Left, false);
        }
    }
    area.present().expect("scale.svg");
}

/// A round number on an axis.
fn tick(number: f64) -> String {
    let (number, suffix) = match number {
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e4 => (n / 1e3, "k"),
        n => (n, ""),
    };
    format!("{}{suffix}", (number * 1000.0).round() / 1000.0)
}
