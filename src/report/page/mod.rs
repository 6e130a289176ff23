//! A report as a page: one file without anything from elsewhere.
//!
//! The template is filled with texts and places that are made here, so that it holds no arithmetic.

mod heat;
mod histogram;
mod several;

use askama::Template;

use self::heat::{Map, experts, maps};
use self::histogram::{Histogram, histograms};
use super::measure::{Measure, measured};
use super::{Form, Report, State, Subject, Summary, Tensor};
use crate::figures::{counted, human};

pub use several::page_of_several;

/// Tensors that the page lists at most; those that change most come first where there are more.
const LISTED: usize = 4000;

/// A heading of a table, with what it means.
struct Heading {
    name: String,
    help: String,
}

/// A table whose first cells are words.
struct Grid {
    words: Vec<&'static str>,
    numbers: Vec<Heading>,
    rows: Vec<Row>,
}

struct Row {
    words: Vec<String>,
    numbers: Vec<String>,
}

/// Tensors in a state, with what is to be said of each.
struct Others<'r> {
    what: String,
    tensors: Vec<(&'r str, String)>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    title: &'r str,
    subjects: &'r [Subject],
    facts: Vec<(&'static str, String)>,
    totals: Vec<(Heading, String)>,
    maps: Vec<Map>,
    experts: Option<Map>,
    histograms: Vec<Histogram>,
    blocks: Grid,
    tensors: Grid,
    left_out: usize,
    others: Vec<Others<'r>>,
    notes: &'r [String],
}

/// The page that shows a report: one file without anything from elsewhere.
///
/// # Errors
/// Where a text cannot be made, which no report leads to.
pub fn page(report: &Report) -> Result<String, askama::Error> {
    let total = report.total();
    let measures = measured(&total);
    let written = |measure: &&Measure| {
        let text = measure.written.text((measure.of)(&total));
        (heading(measure), text)
    };
    let (tensors, left_out) = tensors(report, &measures);
    let page = Page {
        title: &report.what,
        subjects: &report.subjects,
        facts: facts(report),
        totals: measures.iter().map(written).collect(),
        maps: maps(report),
        experts: experts(report),
        histograms: histograms(report),
        blocks: blocks(report, &measures),
        tensors,
        left_out,
        others: others(report),
        notes: &report.notes,
    };
    page.render()
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let elements = |form: &Form| form.shape.iter().product::<u64>();
    let elements: u64 = { report.tensors.iter() }
        .map(|own| elements(&own.form))
        .sum();
    vec![
        ("tensors", report.tensors.len().to_string()),
        ("elements", elements.to_string()),
        ("read", human(report.bytes_read)),
        ("time", format!("{:.2} s", report.seconds)),
        ("device", report.device.clone()),
    ]
}

fn heading(measure: &Measure) -> Heading {
    Heading {
        name: measure.name.to_owned(),
        help: measure.help.to_owned(),
    }
}

fn numbers(measures: &[&Measure], of: &Summary) -> Vec<String> {
    let text = |measure: &&Measure| measure.written.text((measure.of)(of));
    measures.iter().map(text).collect()
}

fn blocks(report: &Report, measures: &[&Measure]) -> Grid {
    let blocks = report.blocks().into_iter();
    let rows = blocks.map(|(block, summary)| Row {
        words: vec![block.to_owned(), summary.tensors.to_string()],
        numbers: numbers(measures, &summary),
    });
    Grid {
        words: vec!["block", "tensors"],
        numbers: measures.iter().map(|own| heading(own)).collect(),
        rows: rows.collect(),
    }
}

/// The tensors of which something was measured, and how many are left out.
fn tensors(report: &Report, measures: &[&Measure]) -> (Grid, usize) {
    let summaries = report
        .tensors
        .iter()
        .map(|tensor| (tensor, Summary::of([tensor])));
    let any = |of: &Summary| measures.iter().any(|measure| (measure.of)(of).is_some());
    let mut all: Vec<(&Tensor, Summary)> = summaries.filter(|(_, of)| any(of)).collect();
    let left_out = all.len().saturating_sub(LISTED);
    if left_out > 0 {
        let change = |of: &Summary| {
            let own = of.comparison.as_ref().and_then(|own| own.relative_change());
            own.unwrap_or(0.0)
        };
        all.sort_by(|(_, a), (_, b)| change(b).total_cmp(&change(a)));
        all.truncate(LISTED);
    }
    let rows = all.iter().map(|(tensor, of)| Row {
        words: vec![
            tensor.key.clone(),
            tensor.kind.word().to_owned(),
            types(tensor),
            format!("{:?}", tensor.form.shape),
        ],
        numbers: numbers(measures, of),
    });
    let grid = Grid {
        words: vec!["tensor", "kind", "dtype", "shape"],
        numbers: measures.iter().map(|own| heading(own)).collect(),
        rows: rows.collect(),
    };
    (grid, left_out)
}

fn types(tensor: &Tensor) -> String {
    match &tensor.other {
        Some(other) if other.dtype != tensor.form.dtype => {
            format!("{} → {}", tensor.form.dtype, other.dtype)
        }
        _ => tensor.form.dtype.clone(),
    }
}

/// What was skipped, copied, compared by its bytes or of another form.
fn others(report: &Report) -> Vec<Others<'_>> {
    let states = [
        State::OnlySome,
        State::OtherForm,
        State::Bytes,
        State::Copied,
    ];
    let all = states.into_iter().map(|state| {
        let own = report.tensors.iter().filter(|tensor| tensor.state == state);
        let tensors: Vec<(&str, String)> = own
            .map(|tensor| (tensor.key.as_str(), said(tensor)))
            .collect();
        Others {
            what: format!("{} {}", counted(tensors.len(), "tensor"), state.word()),
            tensors,
        }
    });
    all.filter(|own| !own.tensors.is_empty()).collect()
}

fn said(tensor: &Tensor) -> String {
    let form = |form: &Form| format!("{} {:?}", form.dtype, form.shape);
    let own = form(&tensor.form);
    if !tensor.present.is_empty() {
        return format!("{own}, only in {}", tensor.present.join(" and "));
    }
    match (&tensor.other, tensor.stored) {
        (Some(other), _) => format!("{own} in a, {} in b", form(other)),
        (None, Some(stored)) => {
            let bytes = counted(stored.bytes, "byte");
            format!("{own}, {} of {bytes} differ", stored.changed)
        }
        (None, None) => own,
    }
}
