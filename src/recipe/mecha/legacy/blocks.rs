//! The block weights of sd-mecha 0.0.x, as a number per tensor.
//!
//! Blocks overlap there: a tensor has the mean of the weights of its blocks, as far as they are
//! given; else the default of its component; else nothing of the other model.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::script::{Argument, ArgumentValue, Instruction};
use crate::keys::Configs;
use crate::keys::nearest::hint;
use crate::recipe::Fault;

/// A component of an architecture.
struct Component {
    name: &'static str,
    prefix: &'static str,
    /// Names of blocks, with the beginnings of the tensors they hold.
    blocks: Vec<(&'static str, Vec<&'static str>)>,
}

/// An architecture, as recipes of 0.0.x call it.
pub(super) struct Architecture {
    pub(super) name: &'static str,
    /// The model config that it became.
    pub(super) config: &'static str,
    components: Vec<Component>,
}

/// The architectures with blocks.
pub(super) static ARCHITECTURES: LazyLock<Vec<Architecture>> = LazyLock::new(read);

fn read() -> Vec<Architecture> {
    let mut all: Vec<Architecture> = Vec::new();
    for line in include_str!("blocks.txt").lines() {
        let depth = line.len() - line.trim_start().len();
        let mut words = line.split_whitespace();
        let (Some(name), Some(first)) = (words.next(), words.next()) else {
            continue;
        };
        let last = all
            .last_mut()
            .map(|architecture| &mut architecture.components);
        match (depth, last) {
            (2, Some(components)) => components.push(Component {
                name,
                prefix: first,
                blocks: Vec::new(),
            }),
            (4, Some(components)) => {
                if let Some(component) = components.last_mut() {
                    let holds = std::iter::once(first).chain(words).collect();
                    component.blocks.push((name, holds));
                }
            }
            _ if name == "#" => {}
            _ => all.push(Architecture {
                name,
                config: first,
                components: Vec::new(),
            }),
        }
    }
    all
}

/// Whether a name is one of a block or of a default.
fn is_block(name: &str) -> bool {
    name.contains("_block_") || name.ends_with("_default")
}

/// A dict of block weights as one of a weight per tensor of the architecture's config, those of 0
/// left out; None where it has no blocks.
pub(super) fn by_tensor(
    instruction: &Instruction,
    configs: &Configs,
) -> Result<Option<Instruction>, Fault> {
    let named = |argument: &&Argument| argument.name.as_deref().is_some_and(is_block);
    let Some(first) = instruction.arguments.iter().find(named) else {
        return Ok(None);
    };
    let mut given: HashMap<&str, f64> = HashMap::new();
    for argument in &instruction.arguments {
        let name = argument.name.as_deref().unwrap_or_default();
        let number = match argument.value {
            ArgumentValue::Integer(number) => number as f64,
            ArgumentValue::Float(number) => number,
            _ => {
                let fault = Fault::new(argument.span.clone(), "the weight of a block is a number");
                return Err(fault.label("no number"));
            }
        };
        given.insert(name, number);
    }
    let name = first.name.as_deref().unwrap_or_default();
    let of = |architecture: &&Architecture| {
        let rest = name.strip_prefix(architecture.name);
        rest.is_some_and(|rest| rest.starts_with('_'))
    };
    let Some(architecture) = ARCHITECTURES.iter().find(of) else {
        let names: Vec<&str> = ARCHITECTURES
            .iter()
            .map(|architecture| architecture.name)
            .collect();
        let message = format!("`{name}` is a block of no known architecture");
        let fault = Fault::new(first.span.clone(), message).label("not known");
        return Err(fault.help(format!("the architectures are {}", names.join(", "))));
    };
    let config = configs
        .find(architecture.config)
        .map_err(|fault| Fault::new(first.span.clone(), fault.to_string()))?;
    let keys: Vec<&str> = config.keys().map(|(key, _)| key).collect();
    let blocks = architecture.blocks(&keys);
    architecture.check(&instruction.arguments, &blocks)?;
    let weights = keys
        .iter()
        .map(|key| (*key, architecture.weight(key, &blocks, &given)));
    let arguments = weights
        .filter(|(_, weight)| *weight != 0.0)
        .map(|(key, weight)| Argument {
            name: Some(key.to_owned()),
            value: ArgumentValue::Float(weight),
            span: instruction.span.clone(),
        });
    Ok(Some(Instruction {
        arguments: arguments.collect(),
        ..instruction.clone()
    }))
}

/// A block by its whole name, with its component and the beginnings of what it holds.
type Block = (String, &'static str, Vec<String>);

impl Architecture {
    /// Its blocks, stars filled in from the names that there are.
    fn blocks(&self, keys: &[&str]) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for component in &self.components {
            for (short, holds) in &component.blocks {
                let head = format!("{}.{}", component.prefix, holds[0]);
                let numbers: Vec<&str> = match head.split_once('*') {
                    None => vec![""],
                    Some((head, _)) => {
                        let rest = keys.iter().filter_map(|key| key.strip_prefix(head));
                        rest.filter_map(|rest| rest.split('.').next()).collect()
                    }
                };
                for number in numbers {
                    let short = short.replace('*', number);
                    let name = format!("{}_{}_block_{short}", self.name, component.name);
                    if blocks.iter().all(|(known, ..)| *known != name) {
                        let filled = holds.iter().map(|held| held.replace('*', number));
                        let held = filled.map(|held| format!("{}.{held}", component.prefix));
                        blocks.push((name, component.name, held.collect()));
                    }
                }
            }
        }
        blocks
    }

    /// Refuses what is no block and no default of a component.
    fn check(&self, arguments: &[Argument], blocks: &[Block]) -> Result<(), Fault> {
        let default = |component: &Component| format!("{}_{}_default", self.name, component.name);
        let defaults: Vec<String> = self.components.iter().map(default).collect();
        let names = blocks.iter().map(|(name, ..)| name).chain(&defaults);
        let names: Vec<&str> = names.map(String::as_str).collect();
        let known = |argument: &&Argument| {
            let name = argument.name.as_deref();
            name.is_some_and(|name| names.contains(&name))
        };
        let Some(stray) = arguments.iter().find(|argument| !known(argument)) else {
            return Ok(());
        };
        let name = stray.name.as_deref().unwrap_or_default();
        let near = hint(name, names.iter().copied());
        let message = format!("`{name}` is no block of {}{near}", self.name);
        Err(Fault::new(stray.span.clone(), message).label("no block"))
    }

    fn weight(&self, key: &str, blocks: &[Block], given: &HashMap<&str, f64>) -> f64 {
        let held = |begin: &String| {
            let rest = key.strip_prefix(begin.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let own: Vec<&Block> = blocks
            .iter()
            .filter(|(_, _, begins)| begins.iter().any(held))
            .collect();
        let weights = own.iter().filter_map(|(name, ..)| given.get(name.as_str()));
        let (sum, count) = weights.fold((0.0, 0.0), |(sum, count), weight| {
            (sum + weight, count + 1.0)
        });
        if count > 0.0 {
            return sum / count;
        }
        let default = |component: &str| {
            let name = format!("{}_{component}_default", self.name);
            given.get(name.as_str()).copied()
        };
        let defaults = own.iter().find_map(|(_, component, _)| default(component));
        defaults.unwrap_or(0.0)
    }
}
