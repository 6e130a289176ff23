//! What an instruction says: a dict, a literal, a model, or a merge.

use std::path::PathBuf;
use std::rc::Rc;

use indexmap::IndexMap;

use super::merge;
use super::named::Named;
use super::reader::{Item, Reader, constant};
use super::script::{ArgumentValue, Command, Instruction};
use crate::method::Space;
use crate::recipe::Fault;
use crate::recipe::{LiteralEntry, NodeId, RecipeNode};

/// Does what an instruction says.
pub(super) fn instruction(reader: &mut Reader, instruction: &Instruction) -> Result<Item, Fault> {
    match instruction.command {
        Command::Dict => Ok(Item::Dict(Rc::new(dict(reader, instruction)?))),
        Command::Literal => literal(reader, instruction).map(Item::Node),
        Command::Model => model(reader, instruction).map(Item::Node),
        Command::Merge => merge::merge(reader, instruction).map(Item::Node),
        Command::Parameter | Command::Call | Command::Lora => {
            Err(Fault::new(instruction.span.clone(), "not a value"))
        }
    }
}

fn dict(
    reader: &mut Reader,
    instruction: &Instruction,
) -> Result<IndexMap<String, LiteralEntry>, Fault> {
    let mut entries = IndexMap::new();
    for argument in &instruction.arguments {
        match (&argument.name, &argument.value) {
            (None, ArgumentValue::Reference(number)) => match reader.item(*number) {
                Item::Dict(base) => entries.extend(reader.copy(&base, &argument.span)?),
                Item::Node(_) => {
                    let message = format!("`&{number}` is no dict");
                    let fault = Fault::new(argument.span.clone(), message);
                    return Err(fault.help("a dict copies another dict, or names its values"));
                }
            },
            (None, _) => {
                let fault = Fault::new(argument.span.clone(), "this value has no name");
                return Err(fault.help("the values of a dict are written name=value"));
            }
            (Some(name), value) => {
                let entry = match value {
                    ArgumentValue::Reference(number) => match reader.item(*number) {
                        Item::Node(node) => LiteralEntry::Node(node),
                        Item::Dict(_) => {
                            let message = format!("`&{number}` is a dict within a dict");
                            return Err(Fault::new(argument.span.clone(), message));
                        }
                    },
                    value => LiteralEntry::Constant(constant(value)),
                };
                entries.insert(name.clone(), entry);
            }
        }
    }
    Ok(entries)
}

fn literal(reader: &mut Reader, instruction: &Instruction) -> Result<NodeId, Fault> {
    let named = Named::of(instruction, &["value", "model_config", "merge_space"])?;
    let value = named.required("value", "a literal needs a dict: literal &0")?;
    let ArgumentValue::Reference(number) = value.value else {
        // Until version 1.0.14: one value for every tensor of the config.
        named.form(&reader.configs)?;
        named.space()?;
        return Ok(reader.constant(constant(&value.value), instruction.line));
    };
    let Item::Dict(entries) = reader.item(number) else {
        let message = format!("`&{number}` is no dict");
        return Err(Fault::new(value.span.clone(), message).help("refer to a dict"));
    };
    let literal = RecipeNode::Literal {
        entries: reader.copy(&entries, &value.span)?,
        form: named.form(&reader.configs)?,
        space: named.space()?,
    };
    Ok(reader.node(literal, instruction.line))
}

fn model(reader: &mut Reader, instruction: &Instruction) -> Result<NodeId, Fault> {
    let named = Named::of(instruction, &["path", "model_config", "merge_space"])?;
    let path = named.required("path", "a model needs its path: model \"a.safetensors\"")?;
    let ArgumentValue::Text(text) = &path.value else {
        let fault = Fault::new(path.span.clone(), "the path of a model is a text");
        return Err(fault.help("write it in double quotes"));
    };
    let node = RecipeNode::Model {
        model: reader.model(PathBuf::from(text)),
        form: named.form(&reader.configs)?,
        space: named.space()?.unwrap_or(Space::Weight),
    };
    Ok(reader.node(node, instruction.line))
}
