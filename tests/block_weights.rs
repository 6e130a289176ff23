//! Block weights: every form, every block of every family, and what is refused.

mod blocks;
mod forms;
mod gradients;
mod refusals;

use std::collections::HashMap;

use wgmerge::keys::blocks::{Resolved, parse};

/// The weights that a text gives to some tensors.
#[track_caller]
fn resolve(text: &str, keys: &[&str], family: Option<&str>) -> Resolved {
    let weights = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let resolved = weights.resolve(keys.iter().copied(), family);
    resolved.unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// What is wrong with a text, by itself or for some tensors.
#[track_caller]
fn refusal(text: &str, keys: &[&str], family: Option<&str>) -> String {
    let resolved = parse(text).and_then(|weights| weights.resolve(keys.iter().copied(), family));
    resolved.expect_err("a text that is refused").to_string()
}

/// `count` numbers, each its own place: the weight of a tensor says which block it took.
fn places(count: usize) -> String {
    let places: Vec<String> = (0..count).map(|place| place.to_string()).collect();
    places.join(",")
}

/// One of the lists in `data/blocks`: each tensor of a family and its block. A line holds a block,
/// a tab, and names with alternatives in braces.
fn family(name: &str) -> HashMap<String, String> {
    let path = format!(
        "{}/tests/data/blocks/{name}.tsv",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).expect("a list of names");
    let mut blocks = HashMap::new();
    for line in text.lines() {
        let (block, names) = line.split_once('\t').expect("a block and names");
        for name in expand(names) {
            assert!(blocks.insert(name, block.to_owned()).is_none(), "{line}");
        }
    }
    blocks
}

/// The names that a pattern such as `layers.{0..2}.{k,q}` stands for.
fn expand(pattern: &str) -> Vec<String> {
    let Some((head, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let (inside, tail) = rest.split_once('}').expect("a brace that closes");
    let choices: Vec<String> = match inside.split_once("..") {
        Some((first, last)) => {
            let bound = |text: &str| text.parse::<u32>().expect("a number");
            (bound(first)..=bound(last))
                .map(|n| n.to_string())
                .collect()
        }
        None => inside.split(',').map(str::to_owned).collect(),
    };
    let tails = expand(tail);
    let named = choices.iter().flat_map(|choice| {
        let tails = tails.iter();
        tails.map(move |tail| format!("{head}{choice}{tail}"))
    });
    named.collect()
}
