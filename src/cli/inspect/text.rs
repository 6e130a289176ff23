//! An inspection in words.

use std::fmt::Write;
use std::io::IsTerminal;

use indexmap::IndexMap;

use super::{Inspection, TensorRow};
use crate::cli::bars;
use crate::cli::out::{escape, escape_lines};
use crate::cli::table::{Align, Table};
use crate::figures::{counted, human, sort_numbered};
use crate::keys::blocks::places;
use crate::report::Statistics;

/// Characters of a metadata value that are shown; recipes and licences can be long.
const VALUE_CHARS: usize = 200;

/// The inspection for people. Names cannot steer the terminal.
pub(super) fn render(inspection: &Inspection, stats: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{}  {} in {}\n",
        escape(&inspection.path.to_string_lossy()),
        human(inspection.file_bytes),
        counted(inspection.files.len(), "file")
    );
    text += &files(inspection);
    for note in &inspection.notes {
        let _ = writeln!(text, "{}", escape(note));
    }
    if !inspection.notes.is_empty() {
        text.push('\n');
    }
    text += &escape_lines(inspection.recognition.trim_end());
    if let Some(stored) = &inspection.stored {
        let _ = write!(text, "\n{}", escape(stored));
    }
    text += "\n\n";
    text += &metadata(inspection);
    text += &dtypes(inspection);
    text.push('\n');
    if std::io::stdout().is_terminal() {
        text += &blocks(inspection);
    }
    text += &tensors(inspection, stats);
    text
}

fn files(inspection: &Inspection) -> String {
    let columns = [
        ("file", Align::Left),
        ("tensors", Align::Right),
        ("bytes", Align::Right),
    ];
    let mut table = Table::new(&columns);
    for file in &inspection.files {
        table.row(vec![
            escape(&file.name).into_owned(),
            file.tensors.to_string(),
            human(file.bytes),
        ]);
    }
    for name in &inspection.left_out {
        table.row(vec![escape(name).into_owned(), "not used".to_owned()]);
    }
    table.text() + "\n"
}

fn metadata(inspection: &Inspection) -> String {
    if inspection.metadata.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[("metadata", Align::Left), ("", Align::Left)]);
    for (name, value) in &inspection.metadata {
        let mut shown: String = value.chars().take(VALUE_CHARS).collect();
        if shown.len() < value.len() {
            let _ = write!(shown, "... ({} characters)", value.chars().count());
        }
        table.row(vec![escape(name).into_owned(), escape(&shown).into_owned()]);
    }
    table.text() + "\n"
}

/// A line of bars, one for each block: of its bytes and, of statistics, of its values.
fn blocks(inspection: &Inspection) -> String {
    let keys: Vec<&str> = inspection
        .tensors
        .iter()
        .map(|row| row.key.as_str())
        .collect();
    let mut blocks: IndexMap<String, (u64, Option<Statistics>)> = IndexMap::new();
    for (tensor, block) in inspection.tensors.iter().zip(places(&keys)) {
        let (bytes, statistics) = blocks.entry(block).or_default();
        *bytes += tensor.bytes;
        if let Some(own) = &tensor.statistics {
            statistics.get_or_insert_default().add(own);
        }
    }
    sort_numbered(&mut blocks);
    let (Some((first, _)), Some((last, _))) = (blocks.first(), blocks.last()) else {
        return String::new();
    };
    let size = |own: &Statistics| (own.finite > 0).then(|| own.norm() / (own.finite as f64).sqrt());
    let bytes: Vec<Option<f64>> = blocks
        .values()
        .map(|(bytes, _)| Some(*bytes as f64))
        .collect();
    let sizes = blocks.values().map(|(_, own)| own.as_ref().and_then(size));
    let sizes: Vec<Option<f64>> = sizes.collect();
    let mut text = format!(
        "{}, from {} to {}\n  bytes           {}\n",
        counted(blocks.len(), "block"),
        escape(first),
        escape(last),
        bars::line(&bytes)
    );
    if sizes.iter().any(Option::is_some) {
        text += &format!("  norm / √values  {}\n", bars::line(&sizes));
    }
    text + "\n"
}

fn dtypes(inspection: &Inspection) -> String {
    let columns = [
        ("dtype", Align::Left),
        ("tensors", Align::Right),
        ("elements", Align::Right),
        ("bytes", Align::Right),
    ];
    let mut table = Table::new(&columns);
    let all = (inspection.dtypes.len() != 1).then_some(("all".to_owned(), inspection.total));
    let dtypes = inspection
        .dtypes
        .iter()
        .map(|(name, total)| (name.clone(), *total));
    for (name, total) in dtypes.chain(all) {
        table.row(vec![
            name,
            total.tensors.to_string(),
            total.elements.to_string(),
            human(total.bytes),
        ]);
    }
    table.text()
}

fn tensors(inspection: &Inspection, stats: bool) -> String {
    let mut columns = vec![
        ("tensor", Align::Left),
        ("dtype", Align::Left),
        ("shape", Align::Left),
        ("bytes", Align::Right),
    ];
    if stats {
        let names = ["norm", "mean", "min", "max", "nan", "inf"];
        columns.extend(names.map(|name| (name, Align::Right)));
    }
    let mut table = Table::new(&columns);
    for tensor in &inspection.tensors {
        let mut cells = vec![
            escape(&tensor.key).into_owned(),
            tensor.dtype.to_owned(),
            format!("{:?}", tensor.shape),
            human(tensor.bytes),
        ];
        if stats {
            cells.extend(statistics(tensor));
        }
        table.row(cells);
    }
    table.text()
}

fn statistics(tensor: &TensorRow) -> [String; 6] {
    let Some(found) = &tensor.statistics else {
        return std::array::from_fn(|_| "-".to_owned());
    };
    [
        number(Some(found.norm())),
        number(found.mean()),
        number(found.least()),
        number(found.greatest()),
        found.nan.to_string(),
        found.inf.to_string(),
    ]
}

/// Six significant digits at most, without zeros at the end.
fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    if value == value.trunc() && value.abs() < 1e9 {
        return format!("{}", value + 0.0);
    }
    let exponent = value.abs().log10().floor();
    if (-4.0..6.0).contains(&exponent) {
        let decimals = (5.0 - exponent) as usize;
        let text = format!("{value:.decimals$}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{value:.5e}")
}
