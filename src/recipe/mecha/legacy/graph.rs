//! What recipes of sd-mecha 0.0.x mean beyond their words: nodes that they do not write.

use super::super::read::{Item, Reader};
use super::super::script::Instruction;
use super::blocks::by_tensor;
use super::{PASSED_THROUGH, adapter, upgrade};
use crate::method::Space;
use crate::recipe::Fault;
use crate::recipe::{Constant, Form, NodeId, RecipeNode, Route};

impl Reader {
    /// Reads an instruction of 0.0.x.
    pub(in super::super) fn legacy(&mut self, instruction: &Instruction) -> Result<Item, Fault> {
        let line = instruction.line;
        if let Some(weights) = by_tensor(instruction, &self.configs)? {
            return self.weights(&weights, line);
        }
        let upgraded = upgrade(instruction)?;
        let item = self.instruction(&upgraded)?;
        let Item::Node(mut id) = item else {
            return Ok(item);
        };
        let way = adapter(&upgraded);
        if let (Some(first), RecipeNode::Model { model, .. }) =
            (way.first(), &self.nodes[id.index()])
        {
            let file = RecipeNode::Model {
                model: *model,
                form: Form::Config(first.from.to_owned()),
                space: Space::Weight,
            };
            id = self.node(file, line);
        }
        for step in way {
            id = self.route(Route::Convert(step), vec![id], line);
        }
        Ok(Item::Node(self.with_default(id, line)))
    }

    /// A weight per tensor, 0 by default.
    fn weights(&mut self, dict: &Instruction, line: usize) -> Result<Item, Fault> {
        let given = match self.instruction(dict)? {
            Item::Dict(entries) if !entries.is_empty() => {
                let entries = self.copy(&entries, &dict.span)?;
                Some(self.mapping(entries, line))
            }
            _ => None,
        };
        let zero = self.constant(Constant::Number(0.0), line);
        Ok(Item::Node(match given {
            Some(given) => self.route(Route::Fallback, vec![given, zero], line),
            None => zero,
        }))
    }

    fn route(&mut self, route: Route, inputs: Vec<NodeId>, line: usize) -> NodeId {
        self.node(RecipeNode::Route { route, inputs }, line)
    }

    /// Where an adapter has nothing for a tensor, a merge gave its first operand that has it.
    fn with_default(&mut self, id: NodeId, line: usize) -> NodeId {
        let RecipeNode::Merge { .. } = &self.nodes[id.index()] else {
            return id;
        };
        if !self.is_partial(id) {
            return id;
        }
        let operands = self.nodes[id.index()].operands();
        let whole = operands
            .iter()
            .find(|operand| !self.partial[operand.index()]);
        let defaults = whole.map_or(operands.clone(), |whole| vec![*whole]);
        defaults.into_iter().fold(id, |id, default| {
            self.route(Route::Fallback, vec![id, default], line)
        })
    }

    /// Whether a node may lack tensors of its model config, because an adapter does.
    fn is_partial(&mut self, id: NodeId) -> bool {
        for node in &self.nodes[self.partial.len()..] {
            let known = |input: &NodeId| self.partial[input.index()];
            let partial = match node {
                RecipeNode::Route { route, inputs } => match route {
                    Route::Convert(_) => true,
                    Route::Fallback => inputs.iter().all(known),
                    _ => false,
                },
                node => node.operands().iter().any(known),
            };
            self.partial.push(partial);
        }
        self.partial[id.index()]
    }

    /// The result, with the components that were not merged as the first model has them.
    pub(in super::super) fn pass_through(&mut self, root: NodeId) -> NodeId {
        let models: Vec<(NodeId, String)> = (0..=root.index())
            .filter_map(|id| match &self.nodes[id] {
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
        let Ok(config) = self.configs.find(config).cloned() else {
            return root;
        };
        let line = self.line(root);
        if config.is_adapter() || matches!(self.nodes[root.index()], RecipeNode::Model { .. }) {
            return root;
        }
        let mut result = root;
        for component in PASSED_THROUGH {
            if config.components().iter().any(|known| known == component) {
                let route = Route::OmitComponent(component.to_owned());
                result = self.route(route, vec![result], line);
            }
        }
        for (model, other) in models {
            if other == config.id() {
                result = self.route(Route::Fallback, vec![result, model], line);
            }
        }
        result
    }
}
