//! Parameters of methods: their declaration, and the values a recipe gives them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use super::{ParameterError, Range};

/// A parameter of a method.
#[derive(Debug)]
pub struct Parameter {
    /// The literature's name.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What values it takes.
    pub shape: Shape,
    /// Whether each model may have its own value.
    pub per_model: bool,
    /// Whether a recipe may give a number for each element.
    pub per_element: bool,
    /// Another name that means one minus the value: `drop` for `density`.
    pub complement: Option<&'static str>,
}

impl Parameter {
    /// The number that it has where it is not given, if it is one.
    fn usual(&self, models: usize) -> Option<f64> {
        match self.shape {
            Shape::Number(Default::Is(value), _) => Some(value),
            Shape::Number(Default::EqualShare, _) => Some(1.0 / models as f64),
            Shape::Flag(_) | Shape::Choice(_) => None,
        }
    }
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A finite number in a range.
    Number(Default, Range),
    /// Yes or no.
    Flag(bool),
    /// One of some words, each with its meaning; the first is the default.
    Choice(&'static [(&'static str, &'static str)]),
}

/// The value of a number that is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// This number.
    Is(f64),
    /// One divided by the number of models.
    EqualShare,
}

/// The value of a parameter, as a recipe gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterValue {
    /// One number for all models or one per model.
    Numbers(Vec<f64>),
    /// Yes or no.
    Flag(bool),
    /// A word of the parameter's choices.
    Word(String),
}

impl std::fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ParameterValue::Numbers(numbers) => {
                let texts: Vec<String> = numbers.iter().map(f64::to_string).collect();
                f.write_str(&texts.join(","))
            }
            ParameterValue::Flag(flag) => write!(f, "{flag}"),
            ParameterValue::Word(word) => f.write_str(word),
        }
    }
}

/// The checked values of a method's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    pub(super) numbers: BTreeMap<&'static str, Vec<f64>>,
    flags: BTreeMap<&'static str, bool>,
    pub(super) words: BTreeMap<&'static str, &'static str>,
    /// Those that the user set for this merge, beside a recipe.
    fixed: BTreeSet<&'static str>,
}

/// Hashes a number such that equal ones, both zeros included, hash alike.
pub(crate) fn hash_number<H: Hasher>(number: f64, state: &mut H) {
    (number + 0.0).to_bits().hash(state);
}

impl Hash for Parameters {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for number in self.numbers.values().flatten() {
            hash_number(*number, state);
        }
        (&self.flags, &self.words).hash(state);
    }
}

impl Parameters {
    /// Checks what is given for a method of `models` models, and fills in the defaults.
    pub fn resolve(
        method: &'static super::Method,
        given: &[(String, ParameterValue)],
        models: usize,
    ) -> Result<Parameters, ParameterError> {
        let mut resolved = Parameters {
            numbers: BTreeMap::new(),
            flags: BTreeMap::new(),
            words: BTreeMap::new(),
            fixed: BTreeSet::new(),
        };
        let mut seen = Vec::new();
        for (name, value) in given {
            let (parameter, complement) = parameter_named(method, name)?;
            if seen.contains(&(parameter.name, complement)) {
                let name = name.clone();
                return Err(ParameterError::Twice {
                    method: method.id,
                    name,
                });
            }
            if let (Some(other), true) = (
                parameter.complement,
                seen.contains(&(parameter.name, !complement)),
            ) {
                let (method, name) = (method.id, parameter.name);
                return Err(ParameterError::Both {
                    method,
                    name,
                    complement: other,
                });
            }
            seen.push((parameter.name, complement));
            resolved.take(method, parameter, name, complement, value, models)?;
        }
        for parameter in method.parameters {
            resolved.fill(parameter, models);
        }
        resolved.check_weight(method, models)?;
        Ok(resolved)
    }

    /// The same with one value replaced, for a tensor of its own.
    pub fn with(
        &self,
        method: &'static super::Method,
        name: &str,
        value: &ParameterValue,
        models: usize,
    ) -> Result<Parameters, ParameterError> {
        let (parameter, complement) = parameter_named(method, name)?;
        let mut own = self.clone();
        own.take(method, parameter, name, complement, value, models)?;
        own.check_weight(method, models)?;
        Ok(own)
    }

    /// Marks parameters, by one of their names, as set by the user.
    pub fn fix<'n>(&mut self, method: &super::Method, names: impl IntoIterator<Item = &'n str>) {
        let named = names.into_iter().flat_map(|name| own_name(method, name));
        self.fixed.extend(named);
    }

    /// Whether the user set the parameter of this name.
    pub fn is_fixed(&self, method: &super::Method, name: &str) -> bool {
        own_name(method, name).is_some_and(|name| self.fixed.contains(name))
    }

    /// One weight for all of several models has no effect where weights are divided by their sum.
    fn check_weight(&self, method: &super::Method, models: usize) -> Result<(), ParameterError> {
        let divided = match (self.flags.get("normalize"), self.words.get("divisor")) {
            (Some(true), _) => Some(("normalize", "normalize=false")),
            (_, Some(&"weight")) => Some(("divisor=weight", "divisor=count or none")),
            _ => None,
        };
        let declared = method.parameters.iter().find(|own| own.name == "weight");
        let (Some((divided, undivided)), Some(declared)) = (divided, declared) else {
            return Ok(());
        };
        let usual = declared.usual(models);
        match self.numbers["weight"].as_slice() {
            &[value] if models > 1 && value != 0.0 && Some(value) != usual => {
                Err(ParameterError::WeightAlone {
                    method: method.id,
                    value,
                    models,
                    divided,
                    undivided,
                })
            }
            _ => Ok(()),
        }
    }

    fn take(
        &mut self,
        method: &'static super::Method,
        parameter: &'static Parameter,
        name: &str,
        complement: bool,
        value: &ParameterValue,
        models: usize,
    ) -> Result<(), ParameterError> {
        let wrong = |wanted: String| ParameterError::Type {
            method: method.id,
            name: name.to_owned(),
            text: value.to_string(),
            wanted,
        };
        match (parameter.shape, value) {
            (Shape::Number(_, range), ParameterValue::Numbers(numbers)) => {
                check_count(method, parameter, name, numbers.len(), models)?;
                let numbers = numbers
                    .iter()
                    .map(|&number| check_range(method, name, number, complement, range))
                    .collect::<Result<Vec<f64>, ParameterError>>()?;
                self.numbers.insert(parameter.name, numbers);
            }
            (Shape::Number(_, range), _) => return Err(wrong(range.describe().to_owned())),
            (Shape::Flag(_), ParameterValue::Flag(flag)) => {
                self.flags.insert(parameter.name, *flag);
            }
            // As Python has it.
            (Shape::Flag(_), ParameterValue::Numbers(numbers))
                if matches!(numbers[..], [0.0 | 1.0]) =>
            {
                self.flags.insert(parameter.name, numbers[0] == 1.0);
            }
            (Shape::Flag(_), _) => return Err(wrong("true or false".to_owned())),
            (Shape::Choice(choices), ParameterValue::Word(word)) => {
                let known = choices.iter().find(|(choice, _)| choice == word);
                let (choice, _) = known.ok_or_else(|| wrong(list(choices)))?;
                self.words.insert(parameter.name, choice);
            }
            (Shape::Choice(choices), _) => return Err(wrong(list(choices))),
        }
        Ok(())
    }

    fn fill(&mut self, parameter: &'static Parameter, models: usize) {
        let name = parameter.name;
        match parameter.shape {
            Shape::Number(..) => {
                let usual = parameter.usual(models).into_iter().collect();
                self.numbers.entry(name).or_insert(usual);
            }
            Shape::Flag(default) => {
                self.flags.entry(name).or_insert(default);
            }
            Shape::Choice(choices) => {
                self.words.entry(name).or_insert(choices[0].0);
            }
        }
    }

    /// The number of a parameter for a model, by its position.
    pub fn number(&self, name: &str, model: usize) -> f64 {
        let numbers = &self.numbers[name];
        if numbers.len() == 1 {
            numbers[0]
        } else {
            numbers[model]
        }
    }

    /// A yes or no.
    pub fn flag(&self, name: &str) -> bool {
        self.flags[name]
    }

    /// The chosen word.
    pub fn word(&self, name: &str) -> &'static str {
        self.words[name]
    }

    /// The chosen word of a parameter that not every method has.
    pub fn chosen(&self, name: &str) -> Option<&'static str> {
        self.words.get(name).copied()
    }

    /// Every value as a recipe would give it, in alphabetical order, for the record.
    pub fn values(&self) -> BTreeMap<&'static str, ParameterValue> {
        let numbers = self
            .numbers
            .iter()
            .map(|(name, v)| (*name, ParameterValue::Numbers(v.clone())));
        let flags = self
            .flags
            .iter()
            .map(|(name, v)| (*name, ParameterValue::Flag(*v)));
        let words = self
            .words
            .iter()
            .map(|(name, v)| (*name, ParameterValue::Word((*v).to_owned())));
        numbers.chain(flags).chain(words).collect()
    }
}

/// The declared name of a parameter that is named by it or by its complement.
fn own_name(method: &super::Method, name: &str) -> Option<&'static str> {
    let named = |own: &&Parameter| own.name == name || own.complement == Some(name);
    method.parameters.iter().find(named).map(|own| own.name)
}

/// The parameter of a method with this name, and whether the name is that of its complement.
pub fn parameter_named(
    method: &'static super::Method,
    name: &str,
) -> Result<(&'static Parameter, bool), ParameterError> {
    for parameter in method.parameters {
        if parameter.name == name {
            return Ok((parameter, false));
        }
        if parameter.complement == Some(name) {
            return Ok((parameter, true));
        }
    }
    let names: Vec<&str> = method
        .parameters
        .iter()
        .flat_map(|parameter| [Some(parameter.name), parameter.complement])
        .flatten()
        .collect();
    let known = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    Err(ParameterError::Unknown {
        method: method.id,
        name: name.to_owned(),
        known,
    })
}

fn check_count(
    method: &super::Method,
    parameter: &Parameter,
    name: &str,
    given: usize,
    models: usize,
) -> Result<(), ParameterError> {
    let (method, name) = (method.id, name.to_owned());
    match (parameter.per_model, given) {
        (_, 1) => Ok(()),
        (true, _) if given == models => Ok(()),
        (true, _) => Err(ParameterError::Count {
            method,
            name,
            given,
            models,
        }),
        (false, _) => Err(ParameterError::Single {
            method,
            name,
            given,
        }),
    }
}

fn check_range(
    method: &super::Method,
    name: &str,
    given: f64,
    complement: bool,
    range: Range,
) -> Result<f64, ParameterError> {
    let value = if complement { 1.0 - given } else { given };
    let Some(fault) = range.fault(value) else {
        return Ok(value);
    };
    let range = match complement {
        true => format!("such that 1 minus it is {fault}"),
        false => fault,
    };
    Err(ParameterError::Range {
        method: method.id,
        name: name.to_owned(),
        value: given,
        range,
    })
}

fn list(choices: &[(&str, &str)]) -> String {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    format!("one of {}", words.join(", "))
}
