//! Heat maps: blocks by kinds of tensors, and experts as a strip.

use indexmap::{IndexMap, IndexSet};

use super::super::measure::{MEASURES, Measure};
use super::super::{Report, Summary};
use crate::keys::blocks::Kind;

/// Steps of the scale of colours.
const STEPS: usize = 9;
/// The place of a cell in units of the picture, and of the names beside the cells.
const CELL: [usize; 2] = [64, 16];
const EXPERT: usize = 14;
const NAMES: usize = 200;
const HEAD: usize = 20;
/// Characters of a block's name that have room.
const NAME: usize = 30;

/// What the colours of a map run along.
#[derive(Clone, Copy)]
enum Scale {
    /// The orders of magnitude.
    Orders,
    /// The orders of magnitude of what lacks to one.
    Lacking,
    /// The number itself.
    Even,
}

/// The measures that have maps.
const MAPPED: &[(&str, Scale)] = &[
    ("|b-a|/|a|", Scale::Orders),
    ("cosine", Scale::Lacking),
    ("sign conflict", Scale::Even),
    ("overlap", Scale::Even),
    ("survival", Scale::Even),
    ("norm", Scale::Orders),
];

/// A cell.
pub(super) struct Cell {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) step: usize,
    pub(super) title: String,
}

/// A name at a place.
pub(super) struct Label {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) text: String,
}

/// A heat map.
pub(super) struct Map {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) cell: [usize; 2],
    pub(super) columns: Vec<Label>,
    pub(super) rows: Vec<Label>,
    pub(super) cells: Vec<Cell>,
}

/// Some of the tensors, by their row and column.
type Parts<'r> = IndexMap<(&'r str, u64), Summary>;

/// The maps of what was measured: a row per block, a column per kind.
pub(super) fn maps(report: &Report) -> Vec<Map> {
    let mut parts: Parts<'_> = IndexMap::new();
    for tensor in &report.tensors {
        let at = (tensor.block.as_str(), tensor.kind as u64);
        parts.entry(at).or_default().add(tensor);
    }
    let kind = |column: u64| Kind::ALL[column as usize].word().to_owned();
    all(&parts, &kind)
}

/// The maps of several reports: a row per block, a column per report, by its number.
pub(super) fn beside(reports: &[Report]) -> Vec<Map> {
    let mut parts: Parts<'_> = IndexMap::new();
    for (number, report) in reports.iter().enumerate() {
        for tensor in &report.tensors {
            let at = (tensor.block.as_str(), number as u64);
            parts.entry(at).or_default().add(tensor);
        }
    }
    all(&parts, &|column| (column + 1).to_string())
}

/// A map of each measure that has one.
fn all(parts: &Parts<'_>, column: &dyn Fn(u64) -> String) -> Vec<Map> {
    let all = MAPPED.iter();
    all.filter_map(|(name, scale)| map(parts, (measure(name)?, *scale), CELL, column))
        .collect()
}

/// The strip of experts, by what changed or how large they are.
pub(super) fn experts(report: &Report) -> Option<Map> {
    let mut parts: Parts<'_> = IndexMap::new();
    for tensor in &report.tensors {
        if let Some(expert) = tensor.expert {
            let at = (tensor.block.as_str(), expert);
            parts.entry(at).or_default().add(tensor);
        }
    }
    let number = |column: u64| match column % 8 {
        0 => column.to_string(),
        _ => String::new(),
    };
    let cell = [EXPERT, CELL[1]];
    let all = MAPPED.iter();
    { all }.find_map(|(name, scale)| map(&parts, (measure(name)?, *scale), cell, &number))
}

fn measure(name: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.name == name)
}

impl Scale {
    /// Where a number lies on it.
    fn place(self, value: f64) -> f64 {
        match self {
            Scale::Orders => value.abs().max(f64::MIN_POSITIVE).log10(),
            Scale::Lacking => (1.0 - value).max(1e-16).log10(),
            Scale::Even => value,
        }
    }

    /// The ends of what is to be told apart. What is zero has no order of magnitude, and is shown
    /// as the least that has.
    fn ends(self, values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
        let has_place = |value: &f64| !matches!(self, Scale::Orders) || *value != 0.0;
        let mut there: Vec<f64> = values.filter(has_place).collect();
        there.sort_by(|a, b| self.place(*a).total_cmp(&self.place(*b)));
        Some([*there.first()?, *there.last()?])
    }

    /// The step of a number between two ends.
    fn step(self, value: f64, [low, high]: [f64; 2]) -> usize {
        let first = self.place(low);
        let share = (self.place(value) - first) / (self.place(high) - first);
        // Where all are the same there is no range.
        match share.is_finite() {
            true => (share.clamp(0.0, 1.0) * (STEPS - 1) as f64).round() as usize,
            false => 0,
        }
    }
}

fn map(
    parts: &Parts<'_>,
    (measure, scale): (&'static Measure, Scale),
    cell: [usize; 2],
    column: &dyn Fn(u64) -> String,
) -> Option<Map> {
    let of = parts.iter();
    let of = of.filter_map(|(at, summary)| Some((*at, (measure.of)(summary)?)));
    let values: Vec<((&str, u64), f64)> = of.collect();
    let ends = scale.ends(values.iter().map(|(_, value)| *value))?;
    let text = |value: f64| measure.written.text(Some(value));
    let rows: IndexSet<&str> = values.iter().map(|((row, _), _)| *row).collect();
    let mut columns: Vec<u64> = values.iter().map(|((_, column), _)| *column).collect();
    columns.sort_unstable();
    columns.dedup();
    let x = |at: usize| NAMES + at * cell[0];
    let y = |at: usize| HEAD + at * cell[1];
    let cells = values.iter().map(|((row, number), value)| Cell {
        x: x(columns.binary_search(number).unwrap_or(0)),
        y: y(rows.get_index_of(row).unwrap_or(0)),
        step: scale.step(*value, ends),
        title: format!("{row} {}: {}", column(*number), text(*value)),
    });
    let heads = columns.iter().enumerate().map(|(at, number)| Label {
        x: x(at) + cell[0] / 2,
        y: HEAD - 6,
        text: column(*number),
    });
    let names = rows.iter().enumerate().map(|(at, row)| Label {
        x: NAMES - 6,
        y: y(at) + cell[1] - 4,
        text: shortened(row),
    });
    Some(Map {
        name: measure.name,
        help: measure.help,
        low: text(ends[0]),
        high: text(ends[1]),
        width: x(columns.len()),
        height: y(rows.len()),
        cell: [cell[0] - 1, cell[1] - 1],
        cells: cells.collect(),
        columns: heads.collect(),
        rows: names.collect(),
    })
}

/// The end of a name, which tells blocks apart.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    match count.checked_sub(NAME) {
        None | Some(0) => name.to_owned(),
        Some(more) => { "…".chars() }.chain(name.chars().skip(more + 1)).collect(),
    }
}
