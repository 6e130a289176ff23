//! Texts of other tools that are given as recipes.

use crate::recipe::Fault;

/// Keys that a configuration of mergekit has at its top, and this format has nowhere.
const MERGEKIT: [&str; 4] = ["merge_method:", "slices:", "models:", "experts:"];

/// What is to be said of a text that is no recipe but another tool's, at the line that shows it.
pub(super) fn recognised(text: &str) -> Option<Fault> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if MERGEKIT.iter().any(|key| line.starts_with(key)) {
            let span = at..at + line.trim_end().len();
            let message = "this is a configuration of mergekit, which wgmerge does not read";
            return Some(Fault::new(span, message).label("a key of mergekit").help(
                "give its models and method as flags, `wgmerge merge -M METHOD -b BASE MODEL \
                 MODEL -o OUTPUT`, or write a recipe; `wgmerge methods` lists the methods",
            ));
        }
        at += line.len();
    }
    None
}
