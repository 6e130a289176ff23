//! The arguments of a merge by what they are.

use super::reader::{Item, Reader, constant};
use super::script::{Argument, ArgumentValue, Instruction};
use crate::figures::counted;
use crate::keys::nearest::nearest;
use crate::recipe::{Fault, NodeId};

/// The arguments of a merge by what they are.
pub(super) struct Arguments<'a> {
    pub(super) inputs: Vec<&'a Argument>,
    pub(super) parameters: Vec<(&'static str, &'a Argument)>,
}

impl<'a> Arguments<'a> {
    /// Binds arguments as Python binds those of a call: inputs by position or name, then
    /// parameters by position or name. The last of `inputs` may stand for `many`.
    pub(super) fn bind(
        instruction: &Instruction,
        arguments: &'a [Argument],
        inputs: &[&'static str],
        many: bool,
        parameters: &[&'static str],
    ) -> Result<Arguments<'a>, Fault> {
        let mut slots: Vec<Option<&Argument>> = vec![None; inputs.len()];
        let mut rest: Vec<&Argument> = Vec::new();
        let mut found = Arguments {
            inputs: Vec::new(),
            parameters: Vec::new(),
        };
        let fixed = if many { inputs.len() - 1 } else { inputs.len() };
        for (position, argument) in arguments.iter().enumerate() {
            let twice = |name: &str| {
                let message = format!("`{name}` is given twice");
                Fault::new(argument.span.clone(), message).label("second time")
            };
            match &argument.name {
                None if position < fixed => slots[position] = Some(argument),
                None if many => rest.push(argument),
                None => match parameters.get(position - fixed) {
                    Some(name) => found.parameters.push((name, argument)),
                    None => return Err(too_many(instruction, argument, inputs, parameters)),
                },
                Some(name) => {
                    if let Some(at) = inputs[..fixed].iter().position(|input| input == name) {
                        if slots[at].replace(argument).is_some() {
                            return Err(twice(name));
                        }
                    } else if let Some(known) = parameters.iter().find(|known| *known == name) {
                        if found.parameters.iter().any(|(given, _)| given == known) {
                            return Err(twice(name));
                        }
                        found.parameters.push((known, argument));
                    } else {
                        return Err(no_parameter(argument, name, inputs, parameters));
                    }
                }
            }
        }
        for (slot, name) in slots[..fixed].iter().zip(inputs) {
            match slot {
                Some(argument) => found.inputs.push(argument),
                None => {
                    let message = format!("the input `{name}` is missing");
                    let fault = Fault::new(instruction.span.clone(), message);
                    return Err(fault.help(format!("it takes {}", inputs.join(", "))));
                }
            }
        }
        found.inputs.extend(rest);
        Ok(found)
    }

    /// The nodes of the inputs, of which there must be at least `min`.
    pub(super) fn inputs(
        &self,
        reader: &mut Reader,
        instruction: &Instruction,
        min: usize,
    ) -> Result<Vec<NodeId>, Fault> {
        if self.inputs.len() < min {
            let message = format!(
                "{} given, at least {min} needed",
                counted(self.inputs.len(), "input")
            );
            return Err(Fault::new(instruction.span.clone(), message));
        }
        let inputs = self.inputs.iter();
        inputs
            .map(|argument| node(reader, argument, instruction.line))
            .collect()
    }
}

/// The node that an argument is.
pub(super) fn node(reader: &mut Reader, argument: &Argument, line: usize) -> Result<NodeId, Fault> {
    Ok(match &argument.value {
        ArgumentValue::Reference(number) => match reader.item(*number) {
            Item::Node(node) => node,
            Item::Dict(entries) => {
                let entries = reader.copy(&entries, &argument.span)?;
                reader.mapping(entries, line)
            }
        },
        value => reader.constant(constant(value), line),
    })
}

fn too_many(
    instruction: &Instruction,
    argument: &Argument,
    inputs: &[&str],
    parameters: &[&str],
) -> Fault {
    let all: Vec<&str> = inputs.iter().chain(parameters).copied().collect();
    let fault = Fault::new(argument.span.clone(), "one argument too many");
    let what = match instruction.arguments.first() {
        Some(Argument { value, .. }) => value.to_string(),
        None => String::new(),
    };
    fault.help(format!("{what} takes {}", all.join(", ")))
}

fn no_parameter(argument: &Argument, name: &str, inputs: &[&str], parameters: &[&str]) -> Fault {
    let all: Vec<&str> = inputs.iter().chain(parameters).copied().collect();
    let fault = Fault::new(
        argument.span.clone(),
        format!("there is no parameter `{name}`"),
    );
    fault
        .label("not known")
        .help(match nearest(name, all.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it takes {}", all.join(", ")),
        })
}
