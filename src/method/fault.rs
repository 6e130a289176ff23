//! What can be wrong with the parameters of a merge.

use crate::figures::counted;

/// A parameter that is not as the method wants it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ParameterError {
    #[error("method `{method}` has no parameter `{name}`; it has {known}")]
    Unknown {
        method: &'static str,
        name: String,
        known: String,
    },
    #[error("`{name}` of `{method}` is given twice")]
    Twice { method: &'static str, name: String },
    #[error(
        "`{name}` and `{complement}` of `{method}` mean the same (one is 1 minus the other): give \
         one"
    )]
    Both {
        method: &'static str,
        name: &'static str,
        complement: &'static str,
    },
    #[error("`{name}` of `{method}` is {value}, but must be {range}")]
    Range {
        method: &'static str,
        name: String,
        value: f64,
        range: String,
    },
    #[error("`{name}` of `{method}` is `{text}`, but must be {wanted}")]
    Type {
        method: &'static str,
        name: String,
        text: String,
        wanted: String,
    },
    #[error(
        "`{name}` of `{method}` has {} for {}: give one for all or one per model",
        counted(*.given, "value"),
        counted(*.models, "model")
    )]
    Count {
        method: &'static str,
        name: String,
        given: usize,
        models: usize,
    },
    #[error("`{name}` of `{method}` takes one value, {given} are given")]
    Single {
        method: &'static str,
        name: String,
        given: usize,
    },
    #[error(
        "the weights {} of the models that have it add up to {}, which cannot be normalized: give \
         other weights or `normalize=false`",
        list(.weights),
        .weights.iter().sum::<f64>()
    )]
    WeightSum { weights: Vec<f64> },
    #[error(
        "its factors multiply to {value:e}, which the working dtype {compute} cannot hold: give \
         smaller weights or another --compute"
    )]
    Factor { value: f64, compute: &'static str },
    #[error("the formula of `{method}` cannot be run with these values: {message}")]
    Written {
        method: &'static str,
        message: String,
    },
    #[error(
        "`density` of {density} and `epsilon` of {epsilon} give probabilities from {} to {}, but \
         they must lie between 0 and 1: give a smaller `epsilon`, or a `density` of 1, which drops \
         nothing",
        density - epsilon,
        density + epsilon
    )]
    Spread { density: f64, epsilon: f64 },
    #[error(
        "`{method}` takes pairs of a model and its statistics, and its input {input} lacks the \
         {lacks}: give a model, its statistics, the next model, its statistics and so on, each \
         with this tensor"
    )]
    Unpaired {
        method: &'static str,
        input: usize,
        lacks: &'static str,
    },
    #[error(
        "`weight` of `{method}` is {value} for each of {}, which {divided} divides \
         out again: give one value per model, leave it out for equal shares, or set {undivided}",
        counted(*.models, "model")
    )]
    WeightAlone {
        method: &'static str,
        value: f64,
        models: usize,
        divided: &'static str,
        undivided: &'static str,
    },
}

/// How many weights an error shows.
const SHOWN: usize = 8;

fn list(weights: &[f64]) -> String {
    let mut texts: Vec<String> = weights.iter().take(SHOWN).map(f64::to_string).collect();
    if weights.len() > SHOWN {
        texts.push("...".to_owned());
    }
    texts.join(", ")
}
