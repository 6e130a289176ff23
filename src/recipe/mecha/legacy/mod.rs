//! What sd-mecha 0.0.x called things, and what it meant by them.
//!
//! Its recipes have no header and no escapes, leave `.safetensors` away from paths, name a model's
//! architecture and type by position, and give every parameter as a number. A few methods changed
//! their name, their defaults or the sense of a switch with version 0.1; a recipe keeps the meaning
//! that it was written with.

mod blocks;
mod graph;

pub(super) use graph::{pass_through, read};

use super::script::{Argument, ArgumentValue, Command, Instruction};
use crate::keys::{Conversion, conversion};
use crate::recipe::Fault;

/// The adapters of model configs.
const ADAPTERS: [(&str, &str); 2] = [
    ("sd1-ldm", "sd1-kohya_kohya_lora"),
    ("sdxl-sgm", "sdxl-kohya_kohya_lora"),
];
/// Components that were copied from the first model that has them, and not merged.
pub(super) const PASSED_THROUGH: [&str; 2] = ["vae", "scheduler"];
/// Methods that were renamed.
const METHODS: [(&str, &str); 5] = [
    ("model_stock_for_tensor", "model_stock"),
    ("clip", "clamp"),
    ("normalized_similarity_sum", "add_cosine_a"),
    ("similarity_sum", "add_cosine_b"),
    ("copy_region", "tensor_sum"),
];
/// Methods that added b - c times what is a mask of its own now. The first two meant something else
/// before 0.0.20 and 0.0.24, which their texts do not tell.
pub(super) const MASKED: [(&str, &str); 3] = [
    ("train_difference", "train_difference_mask"),
    ("add_opposite", "add_opposite_mask"),
    ("clamped_add_opposite", "add_strict_opposite_mask"),
];
/// Parameters that are switches now.
const SWITCHES: [&str; 4] = ["vote_sgn", "apply_stock", "apply_median", "rescale"];
/// Switches whose sense is the opposite now.
const INVERTED: [&str; 2] = ["vote_sgn", "apply_stock"];
/// Methods whose parameters had other defaults.
const DEFAULTS: [(&str, &str, ArgumentValue); 4] = [
    ("ties_sum", "k", ArgumentValue::Float(0.2)),
    ("ties_sum", "vote_sgn", ArgumentValue::Float(0.0)),
    ("ties_sum_extended", "vote_sgn", ArgumentValue::Float(0.0)),
    (
        "ties_sum_extended",
        "apply_stock",
        ArgumentValue::Float(0.0),
    ),
];

/// The same of versions 0.0.3 and 0.0.4.
const CALL_DEFAULTS: [(&str, &str, ArgumentValue); 2] = [
    ("add_difference", "alpha", ArgumentValue::Float(0.5)),
    ("ties_sum", "k", ArgumentValue::Float(0.2)),
];

/// An instruction of 0.0.x as one of 0.1.0.
pub(super) fn upgrade(instruction: &Instruction) -> Result<Instruction, Fault> {
    let mut upgraded = instruction.clone();
    check_clip(instruction)?;
    match instruction.command {
        Command::Model => model(&mut upgraded)?,
        Command::Merge => merge(&mut upgraded, &DEFAULTS),
        Command::Call => {
            upgraded.command = Command::Merge;
            merge(&mut upgraded, &CALL_DEFAULTS);
        }
        Command::Lora => {
            let message = "`lora` is an instruction of sd-mecha 0.0.3 and 0.0.4, which is not read";
            let fault = Fault::new(instruction.span.clone(), message);
            return Err(fault.help(
                "say which architecture it is for, as later versions do: \
                 model \"lora.safetensors\" \"sdxl\" \"lora\"",
            ));
        }
        Command::Parameter => {
            let fault = Fault::new(
                instruction.span.clone(),
                "a recipe with open parameters cannot be merged",
            );
            return Err(fault.help(
                "give it a model (wgmerge run --set NAME=PATH), or replace the `parameter` line by \
                 a `model` line",
            ));
        }
        Command::Dict | Command::Literal => {}
    }
    Ok(upgraded)
}

/// Refuses a clip whose centre was another than a clamp's is.
fn check_clip(instruction: &Instruction) -> Result<(), Fault> {
    let Some((first, rest)) = instruction.arguments.split_first() else {
        return Ok(());
    };
    let soft = |argument: &Argument| {
        let zero = matches!(
            argument.value,
            ArgumentValue::Integer(0) | ArgumentValue::Float(0.0)
        );
        argument.name.as_deref() == Some("stiffness") && !zero
    };
    let models = rest.iter().filter(|argument| argument.name.is_none());
    if first.value != ArgumentValue::Text("clip".to_owned())
        || models.count() <= 3
        || !rest.iter().any(soft)
    {
        return Ok(());
    }
    let message = "a \"clip\" with stiffness between more than two models is not read";
    let fault = Fault::new(instruction.span.clone(), message);
    Err(fault.help(
        "its centre was half-way between the outer bounds; that of a \"clamp\" is the mean of all: \
         leave out the stiffness, or all but two bounds",
    ))
}

/// The way from the adapter that an upgraded model is to deltas of its architecture; empty where it
/// is none.
pub(super) fn adapter(instruction: &Instruction) -> Vec<&'static Conversion> {
    let text = |name: &str| {
        let mut arguments = instruction.arguments.iter();
        let found = arguments.find(|argument| argument.name.as_deref() == Some(name));
        match found.map(|argument| &argument.value) {
            Some(ArgumentValue::Text(text)) => Some(text.as_str()),
            _ => None,
        }
    };
    if instruction.command != Command::Model || text("merge_space") != Some("delta") {
        return Vec::new();
    }
    let known = ADAPTERS
        .iter()
        .find(|(config, _)| text("model_config") == Some(config));
    let way = known.and_then(|(config, adapter)| conversion::path(adapter, config));
    way.unwrap_or_default()
}

fn model(instruction: &mut Instruction) -> Result<(), Fault> {
    for (position, argument) in instruction.arguments.iter_mut().enumerate() {
        let ArgumentValue::Text(text) = &argument.value else {
            continue;
        };
        let name = argument.name.as_deref();
        if position == 0 && name.is_none() && std::path::Path::new(text).extension().is_none() {
            argument.value = ArgumentValue::Text(format!("{text}.safetensors"));
        } else if position == 1 || name == Some("model_arch") {
            let mut known = blocks::ARCHITECTURES.iter();
            if let Some(known) = known.find(|known| known.name == text) {
                argument.value = ArgumentValue::Text(known.config.to_owned());
            }
            argument.name = Some("model_config".to_owned());
        } else if position == 2 || name == Some("model_type") {
            let space = match text.as_str() {
                "base" => "weight",
                "lora" | "lycoris" => "delta",
                _ => {
                    let message = format!("model type \"{text}\" is not known");
                    let fault = Fault::new(argument.span.clone(), message);
                    return Err(fault.label("not known").help("it is \"base\" or \"lora\""));
                }
            };
            argument.value = ArgumentValue::Text(space.to_owned());
            argument.name = Some("merge_space".to_owned());
        }
    }
    Ok(())
}

fn merge(instruction: &mut Instruction, defaults: &[(&str, &str, ArgumentValue)]) {
    let Some(Argument {
        value: ArgumentValue::Text(method),
        ..
    }) = instruction.arguments.first_mut()
    else {
        return;
    };
    if let Some((_, new)) = METHODS.iter().find(|(old, _)| old == method) {
        *method = (*new).to_owned();
    }
    let method = method.clone();
    let span = instruction.span.clone();
    for (of, name, value) in defaults {
        let given = |argument: &Argument| argument.name.as_deref() == Some(name);
        if *of == method && !instruction.arguments.iter().any(given) {
            instruction.arguments.push(Argument {
                name: Some((*name).to_owned()),
                value: value.clone(),
                span: span.clone(),
            });
        }
    }
    for argument in &mut instruction.arguments {
        let Some(name) = argument
            .name
            .as_deref()
            .filter(|name| SWITCHES.contains(name))
        else {
            continue;
        };
        let on = match argument.value {
            ArgumentValue::Integer(number) => number > 0,
            ArgumentValue::Float(number) => number > 0.0,
            _ => continue,
        };
        argument.value = ArgumentValue::Flag(on != INVERTED.contains(&name));
    }
}
