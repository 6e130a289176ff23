//! Several reports as a page: what differs between them, block by block and kind by kind.

use askama::Template;
use indexmap::IndexMap;

use super::super::measure::{Measure, measured};
use super::super::{Report, Several, Summary, Tensor};
use super::heat::{Map, beside};
use super::{Grid, Heading, Row, heading, numbers, page};

/// The measures that are told side by side.
const BESIDE: &[&str] = &[
    "|b-a|/|a|",
    "cosine",
    "sign conflict",
    "kept",
    "survival",
    "written change",
];

#[derive(Template)]
#[template(path = "several.html")]
struct Page<'r> {
    title: String,
    reports: Grid,
    notes: Vec<&'r str>,
    maps: Vec<Map>,
    blocks: Vec<(String, Grid)>,
    kinds: Vec<(String, Grid)>,
}

/// The page that shows reports side by side; of one report alone, [`page`] of it.
///
/// # Errors
/// As [`page`].
pub fn page_of_several(several: &Several) -> Result<String, askama::Error> {
    let reports = &several.reports;
    if let [report] = reports.as_slice() {
        return page(report);
    }
    let all = Summary::of(reports.iter().flat_map(|report| &report.tensors));
    let measures = measured(&all);
    let page = Page {
        title: format!("{}, {} side by side", several.what, reports.len()),
        reports: totals(reports, &measures),
        notes: several.notes(),
        maps: beside(reports),
        blocks: tables(reports, &measures, "block", |tensor| &tensor.block),
        kinds: tables(reports, &measures, "kind", |tensor| tensor.kind.word()),
    };
    page.render()
}

/// Each report in total.
fn totals(reports: &[Report], measures: &[&Measure]) -> Grid {
    let rows = reports.iter().enumerate().map(|(number, report)| Row {
        words: vec![(number + 1).to_string(), name(report)],
        numbers: numbers(measures, &report.total()),
    });
    Grid {
        words: vec!["column", "of"],
        numbers: measures.iter().map(|own| heading(own)).collect(),
        rows: rows.collect(),
    }
}

/// Whom a report is about: its last subject, or two that have a base.
fn name(report: &Report) -> String {
    match report.subjects.as_slice() {
        [base, a, b] if [&base.role, &a.role, &b.role] == ["base", "a", "b"] => {
            format!("{} and {}, less the base", a.path, b.path)
        }
        [.., last] => last.path.clone(),
        [] => String::new(),
    }
}

/// A table for each measure: a row for each part of the tensors, a column for each report.
fn tables(
    reports: &[Report],
    measures: &[&'static Measure],
    word: &'static str,
    part: impl Fn(&Tensor) -> &str,
) -> Vec<(String, Grid)> {
    let mut parts: IndexMap<&str, Vec<Summary>> = IndexMap::new();
    for (number, report) in reports.iter().enumerate() {
        for tensor in &report.tensors {
            let own = parts.entry(part(tensor)).or_default();
            own.resize_with(reports.len(), Summary::default);
            own[number].add(tensor);
        }
    }
    let told = measures.iter().filter(|own| BESIDE.contains(&own.name));
    let tables = told.map(|measure| {
        let text = |of: &Summary| measure.written.text((measure.of)(of));
        let rows = parts.iter().map(|(part, own)| Row {
            words: vec![(*part).to_owned()],
            numbers: own.iter().map(text).collect(),
        });
        let columns = reports.iter().enumerate().map(|(number, report)| Heading {
            name: (number + 1).to_string(),
            help: name(report),
        });
        let table = Grid {
            words: vec![word],
            numbers: columns.collect(),
            rows: rows.collect(),
        };
        (
            format!("{}, {}, by {word}", measure.name, measure.help),
            table,
        )
    });
    tables.collect()
}
