//! One picture: a panel for each job in plain words, a bar for each engine.

use crate::driver::Results;
use crate::machine::About;
use crate::peer::Role;
use crate::report::{short, Row, ROWS, SUBJECT};
use crate::ENGINES;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Name, what it is, figure.
type Bar = (&'static str, Role, f64);
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const COLUMNS: usize = 3;
const PANEL: (i32, i32) = (400, 0);
const BAR: i32 = 19;
const HEAD: i32 = 64;
const TITLE: i32 = 86;
const NAMES: i32 = 84;
const MARGIN: i32 = 24;

pub const OURS: RGBColor = RGBColor(0xd9, 0x48, 0x0f);
const OTHERS: RGBColor = RGBColor(0xb6, 0xbe, 0xc9);
pub const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
pub const FAINT: RGBColor = RGBColor(0x6b, 0x75, 0x80);
pub const FONT: &str = "Helvetica, Arial, sans-serif";

const LEGEND: [(Role, &str); 3] = [
    (Role::Ours, "fbat: hash chains, provenance, exactly-once import"),
    (Role::Store, "stores that do the same job"),
    (Role::Log, "logs without ids and index; the bare file"),
];

pub fn write(path: &Path, results: &Results, about: &About, note: &str) {
    let bars: Vec<(&Row, &str, Vec<Bar>)> = ROWS
        .iter()
        .filter_map(|row| Some((row, row.panel?, bars(row, results))))
        .filter(|(_, _, bars)| !bars.is_empty())
        .collect();
    let lines: Vec<i32> = bars
        .chunks(COLUMNS)
        .map(|panels| HEAD + BAR * panels.iter().map(|p| p.2.len()).max().unwrap_or(0) as i32)
        .collect();
    let size = (PANEL.0 * COLUMNS as i32 + MARGIN, TITLE + lines.iter().sum::<i32>() + MARGIN + 16);
    let area = SVGBackend::new(path, (size.0 as u32, size.1 as u32)).into_drawing_area();
    area.fill(&WHITE).expect("a picture");
    text(&area, "fbat beside other stores", (MARGIN, 40), 26.0, &INK, HPos::Left, true);
    let under = format!("{}, {}. fbat through its C ABI. {note}", about.date, about.machine);
    text(&area, &under, (MARGIN, 64), 13.0, &FAINT, HPos::Left, false);
    let mut top = TITLE;
    for (panels, height) in bars.chunks(COLUMNS).zip(&lines) {
        for (column, (row, title, bars)) in panels.iter().enumerate() {
            panel(&area, (MARGIN + column as i32 * PANEL.0, top), row, title, bars);
        }
        top += height;
    }
    // In the last row, where no panel is.
    let at = (MARGIN + PANEL.0, top - lines.last().unwrap_or(&0) + 46);
    for (i, (role, meaning)) in LEGEND.iter().enumerate() {
        let y = at.1 + BAR * i as i32;
        area.draw(&Rectangle::new([(at.0, y), (at.0 + 30, y + BAR - 5)], look(*role).0))
            .expect("a sign");
        text(
            &area,
            meaning,
            (at.0 + 38, y + 12),
            13.0,
            look(*role).1,
            HPos::Left,
            *role == Role::Ours,
        );
    }
    area.present().expect("results.svg");
}

/// Best first. The core of fbat without its ABI is for the table.
fn bars(row: &Row, results: &Results) -> Vec<Bar> {
    let shown = ENGINES.iter().filter(|e| e.role != Role::Ours || e.name == SUBJECT);
    let shown = shown.filter(|e| e.role != Role::Floor || e.name == "raw");
    let mut bars: Vec<_> =
        shown.filter_map(|e| Some((e.name, e.role, row.median(results, e.name)?))).collect();
    bars.sort_by(|a, b| row.times(b.2, a.2).total_cmp(&1.0));
    bars
}

fn panel(area: &Area<'_>, at: (i32, i32), row: &Row, title: &str, bars: &[Bar]) {
    let direction = if row.unit.more_is_better() { "more is better" } else { "less is better" };
    text(area, title, (at.0, at.1 + 18), 15.0, &INK, HPos::Left, true);
    text(
        area,
        &format!("{}, {direction}", row.unit.text()),
        (at.0, at.1 + 36),
        12.0,
        &FAINT,
        HPos::Left,
        false,
    );
    let most = bars.iter().map(|bar| bar.2).fold(f64::MIN_POSITIVE, f64::max);
    let room = f64::from(PANEL.0 - NAMES - 80);
    for (i, (name, role, figure)) in bars.iter().enumerate() {
        let (x, y) = (at.0 + NAMES, at.1 + 46 + BAR * i as i32);
        let width = ((figure / most * room) as i32).max(1);
        let ours = *role == Role::Ours;
        let (fill, ink) = look(*role);
        area.draw(&Rectangle::new([(x, y), (x + width, y + BAR - 5)], fill)).expect("a bar");
        text(area, name, (x - 8, y + 12), 13.0, ink, HPos::Right, ours);
        text(area, &short(*figure), (x + width + 6, y + 12), 12.0, ink, HPos::Left, ours);
    }
}

/// Of a bar, and of the words beside it.
fn look(role: Role) -> (ShapeStyle, &'static RGBColor) {
    match role {
        Role::Ours => (OURS.filled(), &OURS),
        Role::Store => (OTHERS.filled(), &INK),
        Role::Log | Role::Floor => (OTHERS.mix(0.45).filled(), &FAINT),
    }
}

/// `at`: the baseline.
pub fn text(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: f64,
    ink: &RGBColor,
    side: HPos,
    bold: bool,
) {
    let weight = if bold { FontStyle::Bold } else { FontStyle::Normal };
    let style = FontDesc::new(FontFamily::Name(FONT), size, weight)
        .color(ink)
        .pos(Pos::new(side, VPos::Bottom));
    area.draw(&Text::new(text.to_owned(), at, style)).expect("a text");
}
