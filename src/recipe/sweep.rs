//! Sweeps: the same recipe with one parameter at several values.

use super::{Recipe, RecipeNode};
use crate::method::{ParameterError, ParameterValue};

/// One parameter at several values: at least one, all finite and no two equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    name: String,
    values: Vec<f64>,
}

/// A sweep that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SweepError {
    #[error("`{text}` is not of the form NAME=START:END:STEP or NAME=VALUE,VALUE,...")]
    Form { text: String },
    #[error("a sweep from {start} to {end} in steps of {step} never ends or has no value")]
    Empty { start: f64, end: f64, step: f64 },
    #[error("a sweep needs a name and finite values")]
    Values,
    #[error("a sweep of {} values is too long: {max} at most", counted(*.count))]
    Long { count: f64, max: usize },
    #[error("a sweep has the value {value} twice: each output needs a name of its own")]
    Twice { value: f64 },
    #[error("no merge of the recipe has a parameter `{name}` that is one number for all tensors")]
    NoParameter { name: String },
    #[error("`{name}` is given by -p and by --sweep: leave one of them out")]
    Given { name: String },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// Outputs from one reading at most.
pub(super) const VALUES_MAX: usize = 101;

impl Sweep {
    /// A parameter at these values.
    ///
    /// # Errors
    /// Where there is no name or no value, a value is not finite or there twice, and where there
    /// are more than 101.
    pub fn new(name: impl Into<String>, values: Vec<f64>) -> Result<Sweep, SweepError> {
        let name = name.into();
        if name.is_empty() || values.is_empty() || !values.iter().all(|value| value.is_finite()) {
            return Err(SweepError::Values);
        }
        check_count(values.len() as f64)?;
        let twice = (1..values.len()).find(|&at| values[..at].contains(&values[at]));
        match twice {
            Some(at) => Err(SweepError::Twice { value: values[at] }),
            None => Ok(Sweep { name, values }),
        }
    }

    /// The parameter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its values, in order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Reads `NAME=START:END:STEP`, both ends included, or `NAME=VALUE,VALUE,…`.
    pub fn parse(text: &str) -> Result<Sweep, SweepError> {
        let form = || SweepError::Form {
            text: text.to_owned(),
        };
        let (name, values) = text.split_once('=').ok_or_else(form)?;
        let number = |text: &str| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(form()),
        };
        let parts: Vec<&str> = values.split(':').collect();
        let values = match parts.as_slice() {
            [start, end, step] => range(number(start)?, number(end)?, number(step)?)?,
            [list] => list.split(',').map(number).collect::<Result<_, _>>()?,
            _ => return Err(form()),
        };
        match name.trim() {
            "" => Err(form()),
            name => Sweep::new(name, values),
        }
    }

    /// The recipe at each value: the last merge that has the parameter gets it. Each says which
    /// value it has.
    pub fn recipes(&self, recipe: &Recipe) -> Result<Vec<Recipe>, SweepError> {
        let has = |node: &RecipeNode| match node {
            RecipeNode::Merge { method, given, .. } => {
                let known = method.parameters.iter().any(|p| p.name == self.name);
                known && !given.iter().any(|(name, _)| *name == self.name)
            }
            _ => false,
        };
        let found = recipe.nodes.iter().rposition(has);
        let at = found.ok_or_else(|| SweepError::NoParameter {
            name: self.name.clone(),
        })?;
        let with = |&value: &f64| {
            let mut recipe = recipe.clone();
            if let RecipeNode::Merge {
                method,
                parameters,
                models,
                ..
            } = &mut recipe.nodes[at]
            {
                if parameters.is_fixed(method, &self.name) {
                    let name = self.name.clone();
                    return Err(SweepError::Given { name });
                }
                recipe.swept = Some(Sweep {
                    name: self.name.clone(),
                    values: vec![value],
                });
                let value = ParameterValue::Numbers(vec![value]);
                *parameters = parameters.with(method, &self.name, &value, models.len())?;
                parameters.fix(method, [self.name.as_str()]);
            }
            Ok(recipe)
        };
        self.values.iter().map(with).collect()
    }
}

fn range(start: f64, end: f64, step: f64) -> Result<Vec<f64>, SweepError> {
    let count = ((end - start) / step + 1e-9).floor();
    if step == 0.0 || count < 0.0 || count.is_nan() {
        return Err(SweepError::Empty { start, end, step });
    }
    // Compared before it is narrowed: a count may be larger than any integer, or infinite.
    let count = count + 1.0;
    check_count(count)?;
    let count = count as usize;
    // Rounded, so that 0.1 three times is 0.3.
    let value = |number: usize| {
        let exact = start + number as f64 * step;
        match (exact * 1e12).round() / 1e12 {
            rounded if rounded.is_finite() => rounded,
            _ => exact,
        }
    };
    Ok((0..count).map(value).collect())
}

/// A count in digits, where they can be read.
fn counted(count: f64) -> String {
    match count < 1e15 {
        true => count.to_string(),
        false => "countless".to_owned(),
    }
}

fn check_count(count: f64) -> Result<(), SweepError> {
    let max = VALUES_MAX;
    match count > max as f64 {
        true => Err(SweepError::Long { count, max }),
        false => Ok(()),
    }
}
