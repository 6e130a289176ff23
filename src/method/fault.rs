//! What can be wrong with the parameters of a merge.

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
        "`{name}` of `{method}` has {given} values for {models} models: give one for all or one \
         per model"
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
        "the weights of `{method}` add up to {sum}, which cannot be normalized: give other \
         weights or `normalize=false`"
    )]
    WeightSum { method: &'static str, sum: f64 },
}
