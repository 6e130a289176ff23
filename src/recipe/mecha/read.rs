//! From a script to a recipe.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Fault;
use super::merge;
use super::script::{Argument, Command, Dialect, Instruction, Script, Value};
use crate::keys::Configs;
use crate::keys::nearest::nearest;
use crate::method::Space;
use crate::recipe::{Constant, Entry, Form, NodeId, Options, Recipe, RecipeNode, Route};

/// The name of the config with one value for all tensors.
const SINGLETON: &str = "singleton-mecha";
/// The names of configs that mean a file's own names.
const OWN: [&str; 1] = ["structural"];

/// Makes a recipe of a script. Relative paths of models stay as they are.
pub fn read(script: &Script, options: Options, configs: Arc<Configs>) -> Result<Recipe, Fault> {
    let mut reader = Reader {
        items: Vec::new(),
        nodes: Vec::new(),
        lines: Vec::new(),
        models: Vec::new(),
        known: HashMap::new(),
        configs,
    };
    let mut last = None;
    for instruction in script.instructions() {
        let item = match script.dialect {
            Dialect::V0_1_0 => reader.instruction(instruction)?,
            Dialect::Legacy => reader.legacy(instruction)?,
        };
        reader.items.push(item);
        last = Some(instruction.span.clone());
    }
    let root = match (reader.items.last(), last) {
        (Some(Item::Node(root)), _) => *root,
        (_, Some(span)) => {
            let fault = Fault::new(
                span,
                "the last instruction is the result, and a dict is none",
            );
            return Err(fault.help("end with a model or a merge"));
        }
        (_, None) => return Err(Fault::new(0..0, "this recipe has no instruction")),
    };
    let root = match script.dialect {
        Dialect::V0_1_0 => root,
        Dialect::Legacy => reader.pass_through(root),
    };
    Ok(reader.finish(root, options))
}

/// What an instruction gave.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A mapping that is no node yet.
    Dict(IndexMap<String, Entry>),
    /// A node.
    Node(NodeId),
}

/// A recipe while its instructions are read.
pub(super) struct Reader {
    items: Vec<Item>,
    pub(super) nodes: Vec<RecipeNode>,
    lines: Vec<usize>,
    models: Vec<PathBuf>,
    known: HashMap<PathBuf, usize>,
    pub(super) configs: Arc<Configs>,
}

impl Reader {
    pub(super) fn instruction(&mut self, instruction: &Instruction) -> Result<Item, Fault> {
        match instruction.command {
            Command::Dict => self.dict(instruction).map(Item::Dict),
            Command::Literal => self.literal(instruction).map(Item::Node),
            Command::Model => self.model(instruction).map(Item::Node),
            Command::Merge => merge::merge(self, instruction).map(Item::Node),
            Command::Parameter => Err(Fault::new(instruction.span.clone(), "not a value")),
        }
    }

    /// Adds a node; one that is already there is shared.
    pub(super) fn node(&mut self, node: RecipeNode, line: usize) -> NodeId {
        if let Some(known) = self.nodes.iter().rposition(|known| *known == node) {
            return NodeId(known);
        }
        self.nodes.push(node);
        self.lines.push(line);
        NodeId(self.nodes.len() - 1)
    }

    /// The line that says a node.
    pub(super) fn line(&self, id: NodeId) -> usize {
        self.lines[id.0]
    }

    pub(super) fn item(&self, number: usize) -> Item {
        self.items[number].clone()
    }

    /// The node of a mapping: a literal whose form follows from its use.
    pub(super) fn mapping(&mut self, entries: IndexMap<String, Entry>, line: usize) -> NodeId {
        let literal = RecipeNode::Literal {
            entries,
            form: Form::Inferred,
            space: None,
        };
        self.node(literal, line)
    }

    /// The node of a constant: the same value for every tensor.
    pub(super) fn constant(&mut self, constant: Constant, line: usize) -> NodeId {
        let literal = RecipeNode::Literal {
            entries: [("key".to_owned(), Entry::Constant(constant))].into(),
            form: Form::Singleton,
            space: None,
        };
        let literal = self.node(literal, line);
        let route = RecipeNode::Route {
            route: Route::ConvertSingleton,
            inputs: vec![literal],
        };
        self.node(route, line)
    }

    /// The constant that a node is for every tensor, if it is one.
    pub(super) fn folded(&self, id: NodeId) -> Option<Constant> {
        match &self.nodes[id.0] {
            RecipeNode::Route {
                route: Route::ConvertSingleton,
                inputs,
            } => self.folded(inputs[0]),
            RecipeNode::Literal {
                entries,
                form: Form::Singleton,
                ..
            } => match entries.get("key") {
                Some(Entry::Constant(constant)) => Some(constant.clone()),
                Some(Entry::Node(node)) => self.folded(*node),
                None => None,
            },
            _ => None,
        }
    }

    fn dict(&self, instruction: &Instruction) -> Result<IndexMap<String, Entry>, Fault> {
        let mut entries = IndexMap::new();
        for argument in &instruction.arguments {
            match (&argument.name, &argument.value) {
                (None, Value::Reference(number)) => match self.item(*number) {
                    Item::Dict(base) => entries.extend(base),
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
                        Value::Reference(number) => match self.item(*number) {
                            Item::Node(node) => Entry::Node(node),
                            Item::Dict(_) => {
                                let message = format!("`&{number}` is a dict within a dict");
                                return Err(Fault::new(argument.span.clone(), message));
                            }
                        },
                        value => Entry::Constant(constant(value)),
                    };
                    entries.insert(name.clone(), entry);
                }
            }
        }
        Ok(entries)
    }

    fn literal(&mut self, instruction: &Instruction) -> Result<NodeId, Fault> {
        let named = Named::of(instruction, &["value", "model_config", "merge_space"])?;
        let value = named.required("value", "a literal needs a dict: literal &0")?;
        let Value::Reference(number) = value.value else {
            let fault = Fault::new(value.span.clone(), "a literal is made of a dict");
            return Err(fault.help("write the values as a dict and refer to it: literal &0"));
        };
        let Item::Dict(entries) = self.item(number) else {
            let message = format!("`&{number}` is no dict");
            return Err(Fault::new(value.span.clone(), message).help("refer to a dict"));
        };
        let literal = RecipeNode::Literal {
            entries,
            form: named.form(&self.configs)?,
            space: named.space()?,
        };
        Ok(self.node(literal, instruction.line))
    }

    fn model(&mut self, instruction: &Instruction) -> Result<NodeId, Fault> {
        let named = Named::of(instruction, &["path", "model_config", "merge_space"])?;
        let path = named.required("path", "a model needs its path: model \"a.safetensors\"")?;
        let Value::Text(text) = &path.value else {
            let fault = Fault::new(path.span.clone(), "the path of a model is a text");
            return Err(fault.help("write it in double quotes"));
        };
        let path = PathBuf::from(text);
        let next = self.models.len();
        let model = *self.known.entry(path.clone()).or_insert(next);
        if model == next {
            self.models.push(path);
        }
        let node = RecipeNode::Model {
            model,
            form: named.form(&self.configs)?,
            space: named.space()?.unwrap_or(Space::Weight),
        };
        Ok(self.node(node, instruction.line))
    }

    /// Keeps what the result is made of.
    fn finish(self, root: NodeId, options: Options) -> Recipe {
        let mut live = vec![false; self.nodes.len()];
        live[root.0] = true;
        for id in (0..self.nodes.len()).rev() {
            if live[id] {
                for input in self.nodes[id].inputs() {
                    live[input.0] = true;
                }
            }
        }
        let mut recipe = Recipe {
            models: Vec::new(),
            nodes: Vec::new(),
            lines: Vec::new(),
            reference: 0,
            options,
            configs: self.configs,
        };
        let mut number_of = vec![NodeId(0); self.nodes.len()];
        let mut model_of: HashMap<usize, usize> = HashMap::new();
        let last = root.0 + 1;
        for (id, mut node) in self.nodes.into_iter().take(last).enumerate() {
            if !live[id] {
                continue;
            }
            node.renumber(&mut |id| number_of[id.0]);
            if let RecipeNode::Model { model, .. } = &mut node {
                let next = recipe.models.len();
                let new = *model_of.entry(*model).or_insert(next);
                if new == next {
                    recipe.models.push(self.models[*model].clone());
                }
                *model = new;
            }
            number_of[id] = NodeId(recipe.nodes.len());
            recipe.nodes.push(node);
            recipe.lines.push(self.lines[id]);
        }
        recipe.reference = recipe.primary_model();
        recipe
    }
}

/// The value of a constant that is written.
pub(super) fn constant(value: &Value) -> Constant {
    match value {
        Value::Null | Value::Reference(_) => Constant::Null,
        Value::Flag(flag) => Constant::Flag(*flag),
        Value::Integer(integer) => Constant::Number(*integer as f64),
        Value::Float(float) => Constant::Number(*float),
        Value::Text(text) => Constant::Text(text.clone()),
    }
}

/// The arguments of an instruction by name.
struct Named<'a> {
    instruction: &'a Instruction,
    arguments: Vec<(&'static str, &'a Argument)>,
}

impl<'a> Named<'a> {
    fn of(instruction: &'a Instruction, names: &[&'static str]) -> Result<Named<'a>, Fault> {
        let mut arguments: Vec<(&'static str, &Argument)> = Vec::new();
        for (position, argument) in instruction.arguments.iter().enumerate() {
            let word = instruction.command.word();
            let known = match &argument.name {
                None => names.get(position),
                Some(name) => names.iter().find(|known| **known == name),
            };
            let Some(name) = known else {
                let fault = Fault::new(
                    argument.span.clone(),
                    format!("`{word}` has no such argument"),
                );
                return Err(fault.help(format!("it takes {}", names.join(", "))));
            };
            if arguments.iter().any(|(known, _)| known == name) {
                let message = format!("`{name}` is given twice");
                return Err(Fault::new(argument.span.clone(), message).label("second time"));
            }
            arguments.push((name, argument));
        }
        Ok(Named {
            instruction,
            arguments,
        })
    }

    fn get(&self, name: &str) -> Option<&'a Argument> {
        let found = self.arguments.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    fn required(&self, name: &str, help: &str) -> Result<&'a Argument, Fault> {
        self.get(name).ok_or_else(|| {
            let word = self.instruction.command.word();
            let message = format!("this {word} has no {name}");
            Fault::new(self.instruction.span.clone(), message).help(help)
        })
    }

    /// A text, or None for null.
    fn text(&self, name: &str) -> Result<Option<(&'a str, &'a Argument)>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(argument) => match &argument.value {
                Value::Null => Ok(None),
                Value::Text(text) => Ok(Some((text, argument))),
                _ => {
                    let message = format!("`{name}` is a text or null");
                    Err(Fault::new(argument.span.clone(), message).help("write it in quotes"))
                }
            },
        }
    }

    fn form(&self, configs: &Configs) -> Result<Form, Fault> {
        Ok(match self.text("model_config")? {
            None => Form::Inferred,
            Some(("infer", _)) => Form::Inferred,
            Some((SINGLETON, _)) => Form::Singleton,
            Some((name, _)) if OWN.contains(&name) => Form::Own,
            Some((name, argument)) => {
                configs.find(name).map_err(|fault| {
                    let fault = Fault::new(argument.span.clone(), fault.to_string());
                    fault.help("`--config FILE` adds a config of your own")
                })?;
                Form::Config(name.to_owned())
            }
        })
    }

    fn space(&self) -> Result<Option<Space>, Fault> {
        let Some((word, argument)) = self.text("merge_space")? else {
            return Ok(None);
        };
        let words = [Space::Weight, Space::Delta, Space::Param].map(Space::word);
        match Space::from_word(word) {
            Some(space) => Ok(Some(space)),
            None => {
                let message = format!("there is no merge space \"{word}\"");
                let fault = Fault::new(argument.span.clone(), message).label("not known");
                Err(fault.help(match nearest(word, words.into_iter()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("it is one of {}", words.join(", ")),
                }))
            }
        }
    }
}
