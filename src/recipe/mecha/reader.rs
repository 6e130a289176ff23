//! A recipe while its instructions are read: nodes, dicts and models.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;

use super::script::ArgumentValue;
use crate::keys::Configs;
use crate::recipe::Fault;
use crate::recipe::{
    Constant, Form, LiteralEntry, ModelId, NodeId, Options, Recipe, RecipeNode, Route,
};

/// Values that dicts are copied to at most, so that a small text makes no large recipe.
const COPIES_MAX: usize = 1_000_000;

/// What an instruction gave.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A mapping that is no node yet.
    Dict(Rc<IndexMap<String, LiteralEntry>>),
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
    /// The nodes by their hash.
    shared: HashMap<u64, Vec<NodeId>>,
    /// Of the first nodes, whether they may lack tensors of their config: see the old form.
    pub(super) partial: Vec<bool>,
    /// The values of dicts that were copied so far.
    copied: usize,
    pub(super) configs: Arc<Configs>,
}

impl Reader {
    pub(super) fn new(configs: Arc<Configs>) -> Reader {
        Reader {
            items: Vec::new(),
            nodes: Vec::new(),
            lines: Vec::new(),
            models: Vec::new(),
            known: HashMap::new(),
            shared: HashMap::new(),
            partial: Vec::new(),
            copied: 0,
            configs,
        }
    }

    /// Keeps what the next instruction gave.
    pub(super) fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// What the last instruction gave.
    pub(super) fn last(&self) -> Option<&Item> {
        self.items.last()
    }

    /// Adds a node; one that is already there is shared.
    pub(super) fn node(&mut self, node: RecipeNode, line: usize) -> NodeId {
        let mut hash = DefaultHasher::new();
        node.hash(&mut hash);
        let known = self.shared.entry(hash.finish()).or_default();
        if let Some(known) = known.iter().find(|known| self.nodes[known.index()] == node) {
            return *known;
        }
        let id = NodeId::new(self.nodes.len());
        known.push(id);
        self.nodes.push(node);
        self.lines.push(line);
        id
    }

    /// The line that says a node.
    pub(super) fn line(&self, id: NodeId) -> usize {
        self.lines[id.index()]
    }

    pub(super) fn item(&self, number: usize) -> Item {
        self.items[number].clone()
    }

    /// The node of a mapping: a literal whose form follows from its use.
    pub(super) fn mapping(
        &mut self,
        entries: IndexMap<String, LiteralEntry>,
        line: usize,
    ) -> NodeId {
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
            entries: [("key".to_owned(), LiteralEntry::Constant(constant))].into(),
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
    pub(super) fn folded(&self, mut id: NodeId) -> Option<Constant> {
        loop {
            id = match &self.nodes[id.index()] {
                RecipeNode::Route {
                    route: Route::ConvertSingleton,
                    inputs,
                } => inputs[0],
                RecipeNode::Literal {
                    entries,
                    form: Form::Singleton,
                    ..
                } => match entries.get("key")? {
                    LiteralEntry::Constant(constant) => return Some(constant.clone()),
                    LiteralEntry::Node(node) => *node,
                },
                _ => return None,
            };
        }
    }

    /// The values of a dict, as a copy.
    pub(super) fn copy(
        &mut self,
        dict: &IndexMap<String, LiteralEntry>,
        span: &Range<usize>,
    ) -> Result<IndexMap<String, LiteralEntry>, Fault> {
        self.copied += dict.len();
        if self.copied <= COPIES_MAX {
            return Ok(dict.clone());
        }
        let message =
            format!("the dicts of this recipe are copied to more than {COPIES_MAX} values");
        let fault = Fault::new(span.clone(), message).label("here");
        Err(fault.help("give one dict to all that need it instead of copies"))
    }

    /// The number of the model at a path.
    pub(super) fn model(&mut self, path: PathBuf) -> ModelId {
        let next = self.models.len();
        let model = *self.known.entry(path.clone()).or_insert(next);
        if model == next {
            self.models.push(path);
        }
        ModelId::new(model)
    }

    /// Keeps what the result is made of.
    pub(super) fn finish(self, root: NodeId, options: Options) -> Recipe {
        let mut live = vec![false; self.nodes.len()];
        live[root.index()] = true;
        for id in (0..self.nodes.len()).rev() {
            if live[id] {
                for input in self.nodes[id].inputs() {
                    live[input.index()] = true;
                }
            }
        }
        let mut recipe = Recipe {
            configs: self.configs,
            ..Recipe::new(Vec::new(), Vec::new(), options)
        };
        let mut number_of = vec![NodeId::new(0); self.nodes.len()];
        let mut model_of: HashMap<ModelId, ModelId> = HashMap::new();
        let last = root.index() + 1;
        for (id, mut node) in self.nodes.into_iter().take(last).enumerate() {
            if !live[id] {
                continue;
            }
            node.renumber(&mut |id| number_of[id.index()]);
            if let RecipeNode::Model { model, .. } = &mut node {
                let next = ModelId::new(recipe.models.len());
                let new = *model_of.entry(*model).or_insert(next);
                if new == next {
                    recipe.models.push(self.models[model.index()].clone());
                }
                *model = new;
            }
            number_of[id] = NodeId::new(recipe.nodes.len());
            recipe.nodes.push(node);
            recipe.lines.push(self.lines[id]);
        }
        recipe.reference = recipe.primary_model();
        recipe
    }
}

/// The value of a constant that is written.
pub(super) fn constant(value: &ArgumentValue) -> Constant {
    match value {
        ArgumentValue::Null | ArgumentValue::Reference(_) => Constant::Null,
        ArgumentValue::Flag(flag) => Constant::Flag(*flag),
        ArgumentValue::Integer(integer) => Constant::Number(*integer as f64),
        ArgumentValue::Float(float) => Constant::Number(*float),
        ArgumentValue::Text(text) => Constant::Text(text.clone()),
    }
}
