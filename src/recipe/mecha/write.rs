//! From a recipe to a script that sd-mecha reads.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use indexmap::IndexMap;

use super::merge::LAYERED_SUFFIX;
use super::script::{Argument, ArgumentValue, Command, Dialect, Instruction, Line, Script};
use crate::dtype::Float;
use crate::method::{ParameterValue, Range, Shape, Space, is_of_sd_mecha};
use crate::recipe::{self, Constant, Form, LayerRoute, NodeId, Omitted, Recipe, RecipeNode, Route};

/// A recipe that sd-mecha has no words for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node} has no counterpart in sd-mecha")]
pub struct WriteError {
    /// The node.
    pub node: String,
}

/// Writes a recipe as sd-mecha would, each distinct instruction once.
pub fn write(recipe: &Recipe) -> Result<Script, WriteError> {
    let mut writer = Writer {
        recipe,
        instructions: Vec::new(),
        known: HashMap::new(),
    };
    let mut numbers = Vec::with_capacity(recipe.nodes.len());
    for (id, node) in recipe.nodes.iter().enumerate() {
        let number = writer.node(node, &numbers);
        let number = number.ok_or_else(|| WriteError {
            node: recipe.label(NodeId::new(id)).to_string(),
        })?;
        numbers.push(number);
    }
    if let (Some(RecipeNode::Literal { .. }), Some(&number)) = (recipe.nodes.last(), numbers.last())
        && writer.instructions[number].command == Command::Dict
    {
        // A dict alone is no result.
        writer.push(
            Command::Literal,
            vec![unnamed(ArgumentValue::Reference(number))],
        );
    }
    let lines = writer.instructions.into_iter().map(Line::Instruction);
    Ok(Script {
        dialect: Dialect::V0_1_0,
        lines: lines.collect(),
    })
}

struct Writer<'a> {
    recipe: &'a Recipe,
    instructions: Vec<Instruction>,
    /// The numbers of the instructions by their text.
    known: HashMap<String, usize>,
}

impl Writer<'_> {
    fn push(&mut self, command: Command, arguments: Vec<Argument>) -> usize {
        let number = self.instructions.len();
        let instruction = Instruction {
            command,
            arguments,
            line: number + 2,
            span: 0..0,
        };
        match self.known.entry(instruction.to_string()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                new.insert(number);
                self.instructions.push(instruction);
                number
            }
        }
    }

    /// The number of the instruction that gives a node.
    fn node(&mut self, node: &RecipeNode, numbers: &[usize]) -> Option<usize> {
        match node {
            RecipeNode::Model { model, form, space } => {
                let path = self.recipe.models[model.index()]
                    .to_string_lossy()
                    .into_owned();
                let arguments = vec![
                    unnamed(ArgumentValue::Text(path)),
                    named("model_config", config(form)),
                    named("merge_space", ArgumentValue::Text(space.word().to_owned())),
                ];
                Some(self.push(Command::Model, arguments))
            }
            RecipeNode::Literal {
                entries,
                form,
                space,
            } => Some(self.literal(entries, form, *space, numbers)),
            RecipeNode::Route {
                route: Route::Convert(conversion),
                ..
            } if !conversion.is_mechas() => None,
            RecipeNode::Route {
                route:
                    Route::OmitMatching(_)
                    | Route::Rename(_)
                    | Route::Select(_)
                    | Route::Gather(_)
                    | Route::Layers(LayerRoute::RegMean { .. })
                    | Route::Typed(_),
                ..
            } => None,
            RecipeNode::Route { route, inputs } => Some(self.route(route, inputs, numbers)),
            RecipeNode::Merge { .. } => self.merge(node, numbers),
        }
    }

    fn literal(
        &mut self,
        entries: &IndexMap<String, recipe::LiteralEntry>,
        form: &Form,
        space: Option<Space>,
        numbers: &[usize],
    ) -> usize {
        let values = entries.iter().map(|(name, entry)| match entry {
            recipe::LiteralEntry::Constant(constant) => named(name, value(constant)),
            recipe::LiteralEntry::Node(id) => {
                named(name, ArgumentValue::Reference(numbers[id.index()]))
            }
        });
        let dict = self.push(Command::Dict, values.collect());
        if *form == Form::Inferred && space.is_none() {
            return dict;
        }
        let space = space.map_or(ArgumentValue::Null, |s| {
            ArgumentValue::Text(s.word().to_owned())
        });
        let arguments = vec![
            unnamed(ArgumentValue::Reference(dict)),
            named("model_config", config(form)),
            named("merge_space", space),
        ];
        self.push(Command::Literal, arguments)
    }

    fn route(&mut self, route: &Route, inputs: &[NodeId], numbers: &[usize]) -> usize {
        let id = match route {
            Route::Layers(own) => format!("{}{LAYERED_SUFFIX}", own.id()),
            route => route.id(),
        };
        let mut arguments = vec![unnamed(ArgumentValue::Text(id))];
        arguments.extend(references(inputs, numbers));
        match route {
            Route::Cast(_) | Route::Whole(_) => {
                let name = match route {
                    Route::Cast(float) => float.map(Float::torch_name),
                    Route::Whole(dtype) => dtype.torch_name(),
                    _ => None,
                };
                let dtype = name.map_or(ArgumentValue::Null, |name| {
                    ArgumentValue::Text(name.to_owned())
                });
                arguments.push(unnamed(self.constant(ArgumentValue::Null)));
                arguments.push(unnamed(self.constant(dtype)));
            }
            // Between the two stands the device.
            Route::CastTo => {
                let device = unnamed(self.constant(ArgumentValue::Null));
                arguments.insert(2, device);
            }
            Route::PickComponent(name) | Route::OmitComponent(name) => {
                let component = ArgumentValue::Text(name.clone());
                arguments.push(unnamed(self.constant(component)));
            }
            Route::Layers(LayerRoute::Rebasin { iters }) => {
                let iters = ArgumentValue::Integer(iters.cast_signed());
                arguments.push(unnamed(self.constant(iters)));
            }
            Route::Layers(LayerRoute::Randperm { seed }) => {
                // Of a seed only the low 32 bits count.
                let seed = seed.map(|seed| ArgumentValue::Integer(seed.cast_signed()));
                let seed = seed.unwrap_or(ArgumentValue::Null);
                arguments.push(unnamed(self.constant(seed)));
            }
            Route::OmitNonFinite(omitted) if *omitted != Omitted::ALL => {
                for flag in [omitted.mandatory, omitted.optional] {
                    arguments.push(unnamed(self.constant(ArgumentValue::Flag(flag))));
                }
            }
            _ => {}
        }
        self.push(Command::Merge, arguments)
    }

    fn merge(&mut self, node: &RecipeNode, numbers: &[usize]) -> Option<usize> {
        let RecipeNode::Merge {
            method,
            base: None,
            models,
            parameters,
            given,
            schedule: None,
        } = node
        else {
            return None;
        };
        if !is_of_sd_mecha(method) {
            return None;
        }
        let mut arguments = vec![unnamed(ArgumentValue::Text(method.id.to_owned()))];
        arguments.extend(references(models, numbers));
        let values = parameters.values();
        for parameter in method.parameters {
            let given = given.iter().find(|(name, _)| *name == parameter.name);
            let argument = match given {
                Some((_, id)) => ArgumentValue::Reference(numbers[id.index()]),
                None => {
                    let whole = matches!(
                        parameter.shape,
                        Shape::Number(_, Range::Whole | Range::Steps)
                    );
                    let constant = parameter_value(values.get(parameter.name)?, whole)?;
                    self.constant(constant)
                }
            };
            // What follows any number of inputs needs its name.
            arguments.push(match method.is_variadic() {
                true => named(parameter.name, argument),
                false => unnamed(argument),
            });
        }
        Some(self.push(Command::Merge, arguments))
    }

    /// The reference to a constant for every tensor, in the three lines that sd-mecha writes.
    fn constant(&mut self, value: ArgumentValue) -> ArgumentValue {
        let dict = self.push(Command::Dict, vec![named("key", value)]);
        let literal = self.push(
            Command::Literal,
            vec![
                unnamed(ArgumentValue::Reference(dict)),
                named("model_config", config(&Form::Singleton)),
                named("merge_space", ArgumentValue::Null),
            ],
        );
        let arguments = vec![
            unnamed(ArgumentValue::Text("convert_singleton".to_owned())),
            unnamed(ArgumentValue::Reference(literal)),
        ];
        ArgumentValue::Reference(self.push(Command::Merge, arguments))
    }
}

fn references(ids: &[NodeId], numbers: &[usize]) -> Vec<Argument> {
    let ids = ids
        .iter()
        .map(|id| ArgumentValue::Reference(numbers[id.index()]));
    ids.map(unnamed).collect()
}

fn unnamed(value: ArgumentValue) -> Argument {
    Argument {
        name: None,
        value,
        span: 0..0,
    }
}

fn named(name: &str, value: ArgumentValue) -> Argument {
    Argument {
        name: Some(name.to_owned()),
        ..unnamed(value)
    }
}

fn config(form: &Form) -> ArgumentValue {
    match form {
        // sd-mecha does not read its own word for a file's own names; it infers them anew.
        Form::Inferred | Form::Own => ArgumentValue::Null,
        Form::Singleton => ArgumentValue::Text("singleton-mecha".to_owned()),
        Form::Config(name) => ArgumentValue::Text(name.clone()),
    }
}

fn value(constant: &Constant) -> ArgumentValue {
    match constant {
        Constant::Null => ArgumentValue::Null,
        Constant::Flag(flag) => ArgumentValue::Flag(*flag),
        Constant::Number(number) => ArgumentValue::Float(*number),
        Constant::Text(text) => ArgumentValue::Text(text.clone()),
    }
}

fn parameter_value(given: &ParameterValue, whole: bool) -> Option<ArgumentValue> {
    Some(match given {
        ParameterValue::Numbers(numbers) => match numbers.as_slice() {
            [number] if whole => ArgumentValue::Integer(*number as i64),
            [number] => ArgumentValue::Float(*number),
            _ => return None,
        },
        ParameterValue::Flag(flag) => ArgumentValue::Flag(*flag),
        ParameterValue::Word(word) => ArgumentValue::Text(word.clone()),
    })
}
