//! The header of a method file: lines that begin with `//!` and say what the method is.

use std::ops::Range as Bytes;

use crate::fault::Fault;
use crate::method::{Default, Domain, Interval, Range, Space};

/// What a header says.
#[derive(Debug, std::default::Default)]
pub(super) struct Header {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) place: Bytes<usize>,
    pub(super) summary: String,
    pub(super) source: String,
    pub(super) formula: String,
    pub(super) inputs: Vec<HeaderInput>,
    /// Whether the last input stands for any number of models.
    pub(super) many: bool,
    pub(super) parameters: Vec<HeaderParameter>,
    pub(super) result: Option<Domain>,
    pub(super) ratio: Option<String>,
}

/// An input of the method.
#[derive(Debug)]
pub(super) struct HeaderInput {
    pub(super) name: String,
    pub(super) domain: Domain,
}

/// A parameter of the method.
#[derive(Debug)]
pub(super) struct HeaderParameter {
    pub(super) name: String,
    pub(super) default: HeaderDefault,
    pub(super) range: Range,
    pub(super) per_model: bool,
    pub(super) per_element: bool,
    pub(super) help: String,
}

/// The value of a parameter that is not given.
#[derive(Clone, Copy, Debug)]
pub(super) enum HeaderDefault {
    Number(Default),
    Flag(bool),
}

/// How each line begins, for messages.
const LINES: &str = "name, summary, formula, source, input NAME, inputs NAME, parameter NAME = \
                     DEFAULT, result, ratio";

/// Reads the header of a text.
pub(super) fn read(text: &str) -> Result<Header, Fault> {
    let mut header = Header::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let Some(said) = line.trim().strip_prefix("//!") else {
            continue;
        };
        let said = said.trim();
        if said.is_empty() {
            continue;
        }
        let from = at + line.find(said).unwrap_or(0);
        header.take(said, from..from + said.len())?;
    }
    if header.name.is_empty() {
        let fault = Fault::new(0..0, "the method has no name");
        return Err(fault.help("begin the file with a line `//! name: my_method`"));
    }
    let missing = |what: &str, line: &str| {
        let message = format!("the method has no {what}");
        Err(Fault::new(header.place.clone(), message).help(format!("add a line `//! {line}`")))
    };
    if header.inputs.is_empty() {
        return missing("input", "input a: weight");
    }
    if header.summary.is_empty() {
        return missing("summary", "summary: what it does, in one sentence");
    }
    Ok(header)
}

impl Header {
    /// Takes what one line says.
    fn take(&mut self, said: &str, place: Bytes<usize>) -> Result<(), Fault> {
        let refuse = |message: String| Err(Fault::new(place.clone(), message));
        let Some((word, value)) = said.split_once(':') else {
            let fault = Fault::new(place, "a line of a header is `WHAT: VALUE`");
            return Err(fault.help(format!("it may say {LINES}; other comments begin with //")));
        };
        let (word, value) = (word.trim(), value.trim());
        let (kind, rest) = word.split_once(' ').unwrap_or((word, ""));
        let rest = rest.trim();
        if value.is_empty() {
            return refuse(format!("`{word}` says nothing"));
        }
        match (kind, rest) {
            ("name", "") => {
                if !is_name(value) {
                    return refuse(format!(
                        "`{value}` is no name: names are of a-z, 0-9 and _, a letter first"
                    ));
                }
                if !self.name.is_empty() {
                    return refuse("the name is given twice".to_owned());
                }
                value.clone_into(&mut self.name);
                self.place = place;
            }
            ("summary", "") => value.clone_into(&mut self.summary),
            ("source", "") => value.clone_into(&mut self.source),
            ("formula", "") => value.clone_into(&mut self.formula),
            ("ratio", "") => self.ratio = Some(value.to_owned()),
            ("result", "") => self.result = Some(domain(value, &place)?),
            ("input" | "inputs", name) if !name.is_empty() => {
                self.new_name(name, &place)?;
                if self.many {
                    return refuse("`inputs` stands for all further models: it comes last".into());
                }
                self.many = kind == "inputs";
                self.inputs.push(HeaderInput {
                    name: name.to_owned(),
                    domain: domain(value, &place)?,
                });
            }
            ("parameter", declared) if !declared.is_empty() => {
                let parameter = parameter(declared, value, &place)?;
                self.new_name(&parameter.name, &place)?;
                self.parameters.push(parameter);
            }
            _ => {
                let fault = Fault::new(place, format!("a header does not say `{word}`"));
                return Err(fault.help(format!("it may say {LINES}")));
            }
        }
        Ok(())
    }

    /// That a name is one, and new.
    fn new_name(&self, name: &str, place: &Bytes<usize>) -> Result<(), Fault> {
        if !is_name(name) || name == super::RANDOM {
            let message = format!("`{name}` is no name of an input or a parameter");
            return Err(Fault::new(place.clone(), message));
        }
        let inputs = self.inputs.iter().map(|input| &input.name);
        let mut known = inputs.chain(self.parameters.iter().map(|own| &own.name));
        if known.any(|known| known == name) {
            return Err(Fault::new(place.clone(), format!("there are two `{name}`")));
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase();
    name.starts_with(letter)
        && name
            .chars()
            .all(|c| letter(c) || c.is_ascii_digit() || c == '_')
}

fn domain(word: &str, place: &Bytes<usize>) -> Result<Domain, Fault> {
    if word == "any" {
        return Ok(Domain::Same);
    }
    Space::from_word(word).map(Domain::Only).ok_or_else(|| {
        let fault = Fault::new(place.clone(), format!("`{word}` is no merge space"));
        fault.help("they are weight (a model), delta (a task vector), param, and any")
    })
}

/// `NAME = DEFAULT [in RANGE] [per model | per element]`, with what it is.
fn parameter(declared: &str, help: &str, place: &Bytes<usize>) -> Result<HeaderParameter, Fault> {
    let refuse = |message: String| {
        Err(Fault::new(place.clone(), message).help(
            "a parameter is `//! parameter NAME = DEFAULT in [LOW, HIGH]: what it is`; `per model` \
             or `per element` may stand before the colon",
        ))
    };
    let Some((name, rest)) = declared.split_once('=') else {
        return refuse(format!("`{declared}` has no default"));
    };
    let (mut rest, mut per_model, mut per_element) = (rest.trim(), false, false);
    if let Some(before) = rest.strip_suffix("per model") {
        (rest, per_model) = (before.trim(), true);
    } else if let Some(before) = rest.strip_suffix("per element") {
        (rest, per_element) = (before.trim(), true);
    }
    let (default, range) = match rest.split_once(" in ") {
        None => (rest, Range::Finite),
        Some((default, text)) => match interval(text.trim()) {
            Some(interval) => (default.trim(), Range::Within(Box::leak(Box::new(interval)))),
            None => return refuse(format!("`{}` is no range", text.trim())),
        },
    };
    let default = match default {
        "true" => HeaderDefault::Flag(true),
        "false" => HeaderDefault::Flag(false),
        "1/n" => HeaderDefault::Number(Default::EqualShare),
        number => match number.parse::<f64>() {
            Ok(number) if range.contains(number) => HeaderDefault::Number(Default::Is(number)),
            Ok(number) => {
                return refuse(format!("the default {number} is not {}", range.describe()));
            }
            Err(_) => return refuse(format!("`{number}` is no default")),
        },
    };
    if matches!(default, HeaderDefault::Flag(_)) && (per_model || per_element) {
        return refuse("a yes or no is one for all".to_owned());
    }
    Ok(HeaderParameter {
        name: name.trim().to_owned(),
        default,
        range,
        per_model,
        per_element,
        help: help.to_owned(),
    })
}

/// `[0, 1]`, `(0, inf)` and the like.
fn interval(text: &str) -> Option<Interval> {
    let includes_low = match text.chars().next()? {
        '[' => true,
        '(' => false,
        _ => return None,
    };
    let includes_high = match text.chars().last()? {
        ']' => true,
        ')' => false,
        _ => return None,
    };
    let inside = text.get(1..text.len().checked_sub(1)?)?;
    let (low, high) = inside.split_once(',')?;
    let end = |text: &str| text.trim().parse::<f64>().ok().filter(|end| !end.is_nan());
    let (low, high) = (end(low)?, end(high)?);
    (low <= high).then(|| Interval {
        low,
        high,
        includes_low,
        includes_high,
        text: String::leak(format!("in {text}")),
    })
}
