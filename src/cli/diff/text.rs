//! A comparison in words.

use std::io::IsTerminal;

use crate::cli::bars;
use crate::cli::out::escape;
use crate::cli::table::{Align, Table};
use crate::figures::{counted, human};
use crate::report::{Comparison, Form, Measure, Report, State, Summary, Tensor, Written, measured};

/// Tensors of a kind that are named.
const NAMED: usize = 10;

/// The comparison for people: block by block, and what is not comparable.
pub(super) fn render(found: &Report) -> String {
    let terminal = std::io::stdout().is_terminal();
    let mut text = String::new();
    for subject in &found.subjects {
        text += &format!("{:<5} {}\n", subject.role, escape(&subject.path));
    }
    text.push('\n');
    text += &blocks(found, terminal);
    for state in [State::OnlySome, State::OtherForm, State::Bytes] {
        text += &named(found, state);
    }
    let mixed = |tensor: &&Tensor| tensor.comparison.is_some() && tensor.other.is_some();
    let mixed: Vec<&Tensor> = found.tensors.iter().filter(mixed).collect();
    text + &list("stored in another type", &mixed)
}

/// What was read, and how long it took.
pub(super) fn figures(found: &Report) -> String {
    format!(
        "{} read in {:.2} s on {}",
        human(found.bytes_read),
        found.seconds,
        found.device
    )
}

fn blocks(found: &Report, terminal: bool) -> String {
    let total = found.total();
    let measures = measured(&total);
    let mut columns = vec![("block", Align::Left), ("tensors", Align::Right)];
    columns.extend(measures.iter().map(|measure| (measure.name, Align::Right)));
    if terminal {
        columns.push(("", Align::Left));
    }
    let mut table = Table::new(&columns);
    let blocks = found.blocks();
    let changes = blocks
        .values()
        .filter_map(|block| block.comparison.as_ref());
    let most = changes
        .filter_map(Comparison::relative_change)
        .fold(0.0, f64::max);
    let rows = blocks.iter().map(|(name, block)| (*name, block));
    for (name, block) in rows.chain([("all", &total)]) {
        let Some(own) = &block.comparison else {
            continue;
        };
        let mut cells = vec![escape(name).into_owned(), block.tensors.to_string()];
        let text = |measure: &&Measure| measure.written.text((measure.of)(block));
        cells.extend(measures.iter().map(text));
        if terminal {
            cells.push(bars::bar(own.relative_change(), most));
        }
        table.row(cells);
    }
    let mut text = table.text();
    if terminal {
        let own = |block: &Summary| block.comparison.as_ref()?.relative_change();
        let changes: Vec<Option<f64>> = blocks.values().map(own).collect();
        text += &format!("\n|b-a|/|a| by block  {}\n", bars::line(&changes));
    }
    let greatest = total
        .comparison
        .as_ref()
        .and_then(|own| own.greatest.as_ref());
    if let Some(greatest) = greatest {
        let (key, index) = (escape(&greatest.key), &greatest.index);
        text += &format!(
            "\ngreatest change {} at {key} {index:?}\n",
            Written::Number.text(Some(greatest.magnitude))
        );
    }
    if let Some(own) = total
        .comparison
        .filter(|own| own.a_non_finite + own.b_non_finite > 0)
    {
        text += &format!(
            "infinite or NaN, and left out: {} of a, {} of b\n",
            counted(own.a_non_finite, "value"),
            own.b_non_finite
        );
    }
    text
}

/// The tensors in a state, as far as it is worth telling.
fn named(found: &Report, state: State) -> String {
    let worth = |tensor: &&Tensor| match state {
        State::Bytes => tensor.stored.is_some_and(|stored| stored.changed > 0),
        _ => true,
    };
    let tensors = found.tensors.iter().filter(|tensor| tensor.state == state);
    let tensors: Vec<&Tensor> = tensors.filter(worth).collect();
    let what = match state {
        State::OnlySome => "not in all models",
        State::OtherForm => "of another form",
        _ => "no floats, and not the same bytes",
    };
    list(what, &tensors)
}

fn list(what: &str, tensors: &[&Tensor]) -> String {
    if tensors.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{} {what}:\n", counted(tensors.len(), "tensor"));
    for tensor in tensors.iter().take(NAMED) {
        text += &format!("  {}\n", why(tensor));
    }
    if let Some(more) = tensors.len().checked_sub(NAMED).filter(|more| *more > 0) {
        text += &format!("  and {more} more\n");
    }
    text
}

/// A tensor with what is to be said of it.
pub(super) fn why(tensor: &Tensor) -> String {
    let key = escape(&tensor.key);
    let form = |form: &Form| format!("{} {:?}", form.dtype, form.shape);
    if tensor.state == State::OnlySome {
        return format!("`{key}` is only in {}", tensor.present.join(" and "));
    }
    if let Some(stored) = tensor.stored {
        return format!(
            "`{key}` has {} of {} that differ",
            stored.changed,
            counted(stored.bytes, "byte")
        );
    }
    match (&tensor.other, tensor.state, &tensor.comparison) {
        (_, _, Some(own)) if tensor.other.is_none() => {
            format!(
                "`{key}` changes by {}",
                Written::Number.text(own.relative_change())
            )
        }
        (Some(other), ..) => format!(
            "`{key}` is {} in one, {} in the other",
            form(&tensor.form),
            form(other)
        ),
        _ => format!("`{key}`"),
    }
}
