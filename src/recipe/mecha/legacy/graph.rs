//! What recipes of sd-mecha 0.0.x mean beyond their words: nodes that they do not write.

use super::super::instruction::instruction;
use super::super::reader::{Item, Reader};
use super::super::script::{ArgumentValue, Instruction};
use super::blocks::by_tensor;
use super::{MASKED, PASSED_THROUGH, adapter, upgrade};
use crate::method::{Parameters, Space, in_recipes};
use crate::recipe::Fault;
use crate::recipe::{Constant, Form, NodeId, RecipeNode, Route};

/// Reads an instruction of 0.0.x.
pub(in super::super) fn read(reader: &mut Reader, said: &Instruction) -> Result<Item, Fault> {
    let line = said.line;
    if let Some(weights) = by_tensor(said, &reader.configs)? {
        return by_weights(reader, &weights, line);
    }
    let upgraded = upgrade(said)?;
    let masked = with_mask(&upgraded);
    let item = instruction(reader, masked.as_ref().unwrap_or(&upgraded))?;
    let Item::Node(mut id) = item else {
        return Ok(item);
    };
    if masked.is_some() {
        id = by_mask(reader, id, said)?;
    }
    let way = adapter(&upgraded);
    if let (Some(first), RecipeNode::Model { model, .. }) = (way.first(), &reader.nodes[id.index()])
    {
        let file = RecipeNode::Model {
            model: *model,
            form: Form::Config(first.from.to_owned()),
            space: Space::Weight,
        };
        id = reader.node(file, line);
    }
    for step in way {
        id = routed(reader, Route::Convert(step), vec![id], line);
    }
    Ok(Item::Node(with_default(reader, id, line)))
}

/// The mask of a merge that added a difference times a mask.
fn with_mask(said: &Instruction) -> Option<Instruction> {
    let mut mask = said.clone();
    let method = mask.arguments.first_mut()?;
    let of = |(old, _): &&(&str, &str)| method.value == ArgumentValue::Text((*old).to_owned());
    let (_, new) = MASKED.iter().find(of)?;
    method.value = ArgumentValue::Text((*new).to_owned());
    Some(mask)
}

/// a + (b - c) mask, by the node of the mask of a, b and c.
fn by_mask(reader: &mut Reader, mask: NodeId, said: &Instruction) -> Result<NodeId, Fault> {
    let operands = reader.nodes[mask.index()].operands();
    let [a, b, c] = operands[..] else {
        return Ok(mask);
    };
    let learned = merged(reader, said, "subtract", [b, c], Vec::new())?;
    let given = vec![("alpha", mask)];
    merged(reader, said, "add_difference", [a, learned], given)
}

/// A merge of today.
fn merged(
    reader: &mut Reader,
    said: &Instruction,
    id: &str,
    models: [NodeId; 2],
    given: Vec<(&'static str, NodeId)>,
) -> Result<NodeId, Fault> {
    let fault = |message: String| Fault::new(said.span.clone(), message);
    let missing = || fault(format!("there is no method \"{id}\""));
    let method = in_recipes(id).ok_or_else(missing)?;
    let parameters =
        Parameters::resolve(method, &[], models.len()).map_err(|wrong| fault(wrong.to_string()))?;
    let merge = RecipeNode::Merge {
        method,
        base: None,
        models: models.to_vec(),
        parameters,
        given,
        schedule: None,
    };
    Ok(reader.node(merge, said.line))
}

/// A weight per tensor, 0 by default.
fn by_weights(reader: &mut Reader, dict: &Instruction, line: usize) -> Result<Item, Fault> {
    let given = match instruction(reader, dict)? {
        Item::Dict(entries) if !entries.is_empty() => {
            let entries = reader.copy(&entries, &dict.span)?;
            Some(reader.mapping(entries, line))
        }
        _ => None,
    };
    let zero = reader.constant(Constant::Number(0.0), line);
    Ok(Item::Node(match given {
        Some(given) => routed(reader, Route::Fallback, vec![given, zero], line),
        None => zero,
    }))
}

fn routed(reader: &mut Reader, route: Route, inputs: Vec<NodeId>, line: usize) -> NodeId {
    reader.node(RecipeNode::Route { route, inputs }, line)
}

/// Where an adapter has nothing for a tensor, a merge gave its first operand that has it.
fn with_default(reader: &mut Reader, id: NodeId, line: usize) -> NodeId {
    let RecipeNode::Merge { .. } = &reader.nodes[id.index()] else {
        return id;
    };
    if !is_partial(reader, id) {
        return id;
    }
    let operands = reader.nodes[id.index()].operands();
    let whole = operands
        .iter()
        .find(|operand| !reader.partial[operand.index()]);
    let defaults = whole.map_or(operands.clone(), |whole| vec![*whole]);
    defaults.into_iter().fold(id, |id, default| {
        routed(reader, Route::Fallback, vec![id, default], line)
    })
}

/// Whether a node may lack tensors of its model config, because an adapter does.
fn is_partial(reader: &mut Reader, id: NodeId) -> bool {
    for node in &reader.nodes[reader.partial.len()..] {
        let known = |input: &NodeId| reader.partial[input.index()];
        let partial = match node {
            RecipeNode::Route { route, inputs } => match route {
                Route::Convert(_) => true,
                Route::Fallback => inputs.iter().all(known),
                _ => false,
            },
            node => node.operands().iter().any(known),
        };
        reader.partial.push(partial);
    }
    reader.partial[id.index()]
}

/// The result, with the components that were not merged as the first model has them.
pub(in super::super) fn pass_through(reader: &mut Reader, root: NodeId) -> NodeId {
    let models: Vec<(NodeId, String)> = (0..=root.index())
        .filter_map(|id| match &reader.nodes[id] {
            RecipeNode::Model {
                form: Form::Config(config),
                space: Space::Weight,
                ..
            } => Some((NodeId::new(id), config.clone())),
            _ => None,
        })
        .collect();
    let Some((_, config)) = models.first() else {
        return root;
    };
    let Ok(config) = reader.configs.find(config).cloned() else {
        return root;
    };
    let line = reader.line(root);
    if config.is_adapter() || matches!(reader.nodes[root.index()], RecipeNode::Model { .. }) {
        return root;
    }
    let mut result = root;
    for component in PASSED_THROUGH {
        if config.components().iter().any(|known| known == component) {
            let route = Route::OmitComponent(component.to_owned());
            result = routed(reader, route, vec![result], line);
        }
    }
    for (model, other) in models {
        if other == config.id() {
            result = routed(reader, Route::Fallback, vec![result, model], line);
        }
    }
    result
}
