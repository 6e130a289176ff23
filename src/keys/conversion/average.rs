//! Averaged weights in the place of the trained ones, and these in theirs.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::keys::Configs;

/// The config that lists averages beside the weights.
pub(super) const CONFIG: &str = "sd1-ldm";

/// What goes before the names of weights, and of their averages.
const PREFIXES: [&str; 2] = ["model.", "model_ema."];

static PAIRS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let configs = Configs::default();
    let mut pairs = HashMap::new();
    let Ok(config) = configs.find(CONFIG) else {
        return pairs;
    };
    for (name, _) in config.keys() {
        let Some(own) = name.strip_prefix(PREFIXES[0]) else {
            continue;
        };
        // An average has the weight's name without its dots.
        let average = format!("{}{}", PREFIXES[1], own.replace('.', ""));
        if config.key(&average).is_some() {
            pairs.insert(name.to_owned(), average.clone());
            pairs.insert(average, name.to_owned());
        }
    }
    pairs
});

/// The tensor in whose place another one is.
pub(super) fn other(name: &str) -> String {
    PAIRS.get(name).map_or(name, String::as_str).to_owned()
}
