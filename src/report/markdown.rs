//! The numbers of a report as a table of Markdown.

use super::measure::measured;
use super::{Report, Summary};

/// Blocks that the table lists at most.
const LISTED: usize = 500;

/// A text as a cell of a table shows it, whatever it holds.
pub fn markdown_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if letter.is_control() => cell.push(' '),
            '<' => cell += "&lt;",
            '&' => cell += "&amp;",
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => cell.extend(['\\', letter]),
            letter => cell.push(letter),
        }
    }
    cell
}

/// The table of a report: a row for all and one for each block, with the numbers that its page
/// shows. None where nothing was measured.
pub fn markdown(report: &Report) -> Option<String> {
    let total = report.total();
    let measures = measured(&total);
    if measures.is_empty() {
        return None;
    }
    let blocks = report.blocks();
    let mut text = String::from("| block | tensors |");
    measures
        .iter()
        .for_each(|measure| text += &format!(" {} |", markdown_cell(measure.name)));
    text += "\n|---|---:|";
    text += &"---:|".repeat(measures.len());
    text.push('\n');
    let mut row = |name: &str, of: &Summary| {
        text += &format!("| {} | {} |", markdown_cell(name), of.tensors);
        for measure in &measures {
            text += &format!(" {} |", measure.written.text((measure.of)(of)));
        }
        text.push('\n');
    };
    row("all", &total);
    { blocks.iter().take(LISTED) }.for_each(|(name, block)| row(name, block));
    if let Some(more) = blocks.len().checked_sub(LISTED).filter(|more| *more > 0) {
        text += &format!("\n{more} more blocks are in the report of the merge.\n");
    }
    Some(text)
}
