//! What a merge changed, block by block, for people at a terminal.

use super::bars;
use super::out::escape;
use super::table::{Align, Table};
use crate::report::{MEASURES, Measure, Report, Summary, Survival};

/// Blocks that are shown.
const BLOCKS: usize = 60;
/// What is shown of each.
const SHOWN: &[&str] = &["kept", "survival", "written change"];

/// A row for each block, with a bar as long as the change per element that is in the output; None
/// where nothing was measured.
pub(super) fn table(found: &Report) -> Option<String> {
    let total = found.total();
    total.survival.as_ref()?;
    let measures = MEASURES.iter().filter(|own| SHOWN.contains(&own.name));
    let measures: Vec<&Measure> = measures.collect();
    let mut columns = vec![("block", Align::Left), ("tensors", Align::Right)];
    columns.extend(measures.iter().map(|measure| (measure.name, Align::Right)));
    columns.push(("change per element", Align::Left));
    let mut table = Table::new(&columns);
    let blocks = found.blocks();
    let most = blocks.values().filter_map(per_element).fold(0.0, f64::max);
    let shown = blocks.iter().take(BLOCKS);
    let shown = shown.map(|(name, block)| (*name, block));
    for (name, block) in shown.chain([("all", &total)]) {
        let mut cells = vec![escape(name).into_owned(), block.tensors.to_string()];
        cells.extend(measures.iter().map(|own| own.written.text((own.of)(block))));
        cells.push(bars::bar(per_element(block), most));
        table.row(cells);
    }
    let more = blocks.len().checked_sub(BLOCKS).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!("and {more} more blocks\n"));
    Some(table.text() + &more)
}

/// The root of the mean of squares of the change.
fn per_element(block: &Summary) -> Option<f64> {
    let survival: &Survival = block.survival.as_ref()?;
    let elements = survival.elements as f64;
    (elements > 0.0).then(|| survival.kept_norm() / elements.sqrt())
}
