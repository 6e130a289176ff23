//! Methods that are written in files: a formula in WGSL under a header.
//!
//! A file's function is run on the values of a tensor's inputs when a merge is planned, and its
//! operations become steps of the tensor's Program (`kernel::written`). So such a method is
//! computed as the built-in ones are, by every device and with the same bytes.

mod header;
mod signature;
mod written;

use self::header::{Header, HeaderDefault, HeaderParameter, read};
use self::signature::Signature;
use self::written::Written;
use super::{Base, Domain, Group, Input, Lowering, Method, Parameter, Shape, Space};
use crate::fault::Fault;

/// What a function calls random numbers from 0 on, below 1: one per element.
const RANDOM: &str = "random";

/// The input that `--base` gives.
const BASE: &str = "base";

/// Reads a method of a file's text. It lives as long as the process, as all methods do.
pub fn method_of(text: &str) -> Result<&'static Method, Fault> {
    let header = read(text)?;
    let parameters: Vec<Parameter> = header.parameters.iter().map(parameter).collect();
    let parameters: &'static [Parameter] = Vec::leak(parameters);
    let inputs: Vec<Input> = header.inputs.iter().map(input).collect();
    let inputs: &'static [Input] = Vec::leak(inputs);
    let has_base = inputs.first().is_some_and(|first| first.name == BASE);
    let ratio = ratio(&header, parameters)?;
    let signature = Signature {
        id: String::leak(header.name),
        inputs,
        parameters,
        many: header.many,
    };
    let written: &'static Written =
        Box::leak(Box::new(Written::new(text, header.place, signature)?));
    Ok(Box::leak(Box::new(Method {
        id: signature.id,
        summary: String::leak(header.summary),
        formula: match header.formula.is_empty() {
            true => "as its file says",
            false => String::leak(header.formula),
        },
        source: String::leak(header.source),
        group: Group::Own,
        peers: &[],
        base: match has_base {
            true => Base::First,
            false => Base::None,
        },
        models_min: inputs.len(),
        models_max: match signature.many {
            true => usize::MAX,
            false => inputs.len(),
        },
        inputs,
        result: header.result.unwrap_or(Domain::Only(Space::Weight)),
        parameters,
        ratio,
        lower: Box::leak(Box::new(|l: &mut Lowering<'_>| written.lower(l))),
    })))
}

fn parameter(declared: &HeaderParameter) -> Parameter {
    Parameter {
        name: String::leak(declared.name.clone()),
        help: String::leak(declared.help.clone()),
        shape: match declared.default {
            HeaderDefault::Number(default) => Shape::Number(default, declared.range),
            HeaderDefault::Flag(default) => Shape::Flag(default),
        },
        per_model: declared.per_model,
        per_element: declared.per_element,
        complement: None,
    }
}

fn input(declared: &header::HeaderInput) -> Input {
    Input {
        name: String::leak(declared.name.clone()),
        domain: declared.domain,
    }
}

/// The parameter that block weights set.
fn ratio(header: &Header, parameters: &'static [Parameter]) -> Result<Option<&'static str>, Fault> {
    let Some(name) = &header.ratio else {
        return Ok(None);
    };
    let mut known = parameters.iter();
    let declared = known.find(|own| own.name == name && matches!(own.shape, Shape::Number(..)));
    match declared {
        Some(declared) => Ok(Some(declared.name)),
        None => {
            let message = format!("the ratio `{name}` is none of the parameters that are numbers");
            Err(Fault::new(header.place.clone(), message))
        }
    }
}
