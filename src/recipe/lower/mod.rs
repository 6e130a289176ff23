//! One tensor of a recipe, written as arithmetic.
//!
//! A recipe of any depth becomes one expression: nodes are evaluated from the root down for the
//! tensor at hand, conversions turn into rearranged loads, numbers fold into the row, and only
//! statistics break the line. A node that is used twice is evaluated once.

mod cast;
mod fold;
mod merge;
mod route;
mod schedule;

use std::rc::Rc;

use foldhash::{HashMap, HashMapExt};
use indexmap::IndexMap;

use super::walk::{Step, Walk, walk};
use super::{
    Constant, Label, Leaf, LiteralEntry, Missing, NodeId, Recipe, RecipeNode, Solution, View,
};
use crate::dtype::Float;
use crate::kernel::{Expression, Formula, Node, Operand, TooLarge};
use crate::method::{ParameterError, Space};

/// Something that a tensor needs and nothing has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lost {
    /// The model or literal.
    pub node: NodeId,
    /// The name that it lacks.
    pub name: String,
}

/// A tensor that cannot be computed as the recipe says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LowerError {
    #[error("{node}, tensor `{key}`: {fault}")]
    Parameter {
        node: Label,
        key: String,
        fault: Box<ParameterError>,
    },
    #[error("{node}, tensor `{key}`: {name} must be {wanted}, but is {found}")]
    Kind {
        node: Label,
        key: String,
        name: String,
        wanted: &'static str,
        found: String,
    },
    #[error(
        "{node} looks at whole tensors, but `{key}` is made of parts of its result: convert its \
         models instead of the result"
    )]
    Rearranged { node: Label, key: String },
    #[error(
        "{node}, tensor `{key}`: factors of an adapter cannot be merged one by one; convert each \
         adapter to its base and merge the deltas"
    )]
    MergedFactors { node: Label, key: String },
    #[error("{node}, tensor `{key}`: its parts have the values {values}, but one is needed")]
    Parts {
        node: Label,
        key: String,
        values: String,
    },
    #[error("{node}, tensor `{key}`: only tensors of models can be stacked, not results of merges")]
    Stack { node: Label, key: String },
    #[error(
        "{node}, tensor `{key}`: rows are taken from tensors of models, but {from} has no such \
         tensor or computes it; write a merge to a folder first and name that"
    )]
    Gather {
        node: Label,
        key: String,
        from: Label,
    },
    #[error(
        "{node}, tensor `{key}`: it is made of a layer's tensors as models have them, but {from} \
         has no `{name}`, computes it or works on layers of layers; write what it is made of to a \
         file first and name that"
    )]
    Layer {
        node: Label,
        key: String,
        name: String,
        from: Label,
    },
    #[error(
        "{node}, tensor `{key}`: with this the recipe has {fault} for one tensor; write parts of \
         it to files and merge those"
    )]
    TooLarge {
        node: Label,
        key: String,
        fault: TooLarge,
    },
}

impl LowerError {
    /// The line of the recipe's text at which it shows, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            LowerError::Parameter { node, .. }
            | LowerError::Kind { node, .. }
            | LowerError::Rearranged { node, .. }
            | LowerError::MergedFactors { node, .. }
            | LowerError::Parts { node, .. }
            | LowerError::Stack { node, .. }
            | LowerError::Gather { node, .. }
            | LowerError::Layer { node, .. }
            | LowerError::TooLarge { node, .. } => node.line(),
        }
    }
}

/// A value of a node for one tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// A number per element.
    Tensor(Node),
    /// A constant.
    Constant(Constant),
}

/// What loads the tensors of models into an expression.
pub trait Loader {
    /// The value of a view, of a space, that takes part in the arithmetic; what is not finite is an
    /// error unless it is `tolerated`. None where a tensor of it is left out by policy.
    fn load(
        &mut self,
        expression: &mut Expression,
        loaded: (&View<Leaf>, Space),
        tolerated: bool,
    ) -> Option<Node>;
}

/// Evaluates a recipe for one tensor.
pub struct Lowerer<'a> {
    recipe: &'a Recipe,
    solution: &'a Solution<'a>,
    /// The tensor's name in the output.
    key: &'a str,
    expression: &'a mut Expression,
    loader: &'a mut dyn Loader,
    /// Per node the first value found, by what was wanted.
    known: Vec<Option<(Wanted, Option<NodeValue>)>>,
    /// Further values of nodes.
    others: HashMap<Wanted, Option<NodeValue>>,
    /// Lengths of `lost` to which fallbacks go back, the innermost last.
    marks: Vec<usize>,
    /// Values that are of another type than f32: cast to it, known to be of it, or computed from
    /// such alone.
    narrow: HashMap<Node, Float>,
    /// What was needed and is not there.
    pub lost: Vec<Lost>,
    /// Whether merges make do with the models that the loader has a value of, whatever the policy.
    pub partial: bool,
    /// How many elements the tensor has.
    pub elements: u64,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Which of the runs of rows of the tensor it is, and of how many, where it is not all of it.
    pub run: Option<[u64; 2]>,
}

/// What is asked about a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    id: NodeId,
    /// The view of its tensors.
    view: Rc<View<String>>,
    /// Whether values that are not finite are tolerated.
    tolerated: bool,
}

impl Wanted {
    /// The same of another node.
    fn of(&self, id: NodeId) -> Wanted {
        Wanted { id, ..self.clone() }
    }
}

/// A value, or None where a node has none for the tensor.
type Found = Option<NodeValue>;

impl<'a> Lowerer<'a> {
    /// A lowerer for the tensor that the output calls `key`.
    pub fn new(
        recipe: &'a Recipe,
        solution: &'a Solution<'a>,
        key: &'a str,
        expression: &'a mut Expression,
        loader: &'a mut dyn Loader,
    ) -> Lowerer<'a> {
        Lowerer {
            recipe,
            solution,
            key,
            expression,
            loader,
            known: vec![None; recipe.nodes.len()],
            others: HashMap::default(),
            marks: Vec::new(),
            narrow: HashMap::new(),
            lost: Vec::new(),
            partial: false,
            elements: 0,
            shape: Vec::new(),
            run: None,
        }
    }

    /// The value of a view of the root's tensors, or None where it has no such tensor.
    pub fn root(&mut self, view: &View<String>) -> Result<Option<Node>, LowerError> {
        let root = Wanted {
            id: self.recipe.root(),
            view: Rc::new(view.clone()),
            tolerated: false,
        };
        match walk(self, root.clone())? {
            Some(value) => {
                let node = self.tensor(value);
                self.check_size(root.id)?;
                Ok(Some(node))
            }
            None => Ok(None),
        }
    }

    /// The type that a value counts as being of.
    pub fn float(&self, node: Node) -> Float {
        self.narrow.get(&node).copied().unwrap_or(Float::F32)
    }

    /// Refuses arithmetic that has grown beyond what a Program holds, at the node that it outgrew.
    fn check_size(&self, id: NodeId) -> Result<(), LowerError> {
        let Some(fault) = self.expression.excess() else {
            return Ok(());
        };
        Err(LowerError::TooLarge {
            node: self.recipe.label(id),
            key: self.key.to_owned(),
            fault,
        })
    }

    fn model(&mut self, wanted: &Wanted) -> Found {
        let Wanted { id, view, .. } = wanted;
        let id = *id;
        let mut missing = Vec::new();
        let found = view.replace(&mut |name: &String| {
            let leaf = self.solution.leaf(id, name);
            if leaf.is_none() {
                missing.push(name.clone());
            }
            leaf.or_else(|| self.stand_in(name)).map(View::Tensor)
        });
        let lost = missing.into_iter().map(|name| Lost { node: id, name });
        self.lost.extend(lost);
        let found = found?;
        let space = match &self.recipe.nodes[id.index()] {
            RecipeNode::Model { space, .. } if found.is_rearranged() => *space,
            _ => Space::Delta,
        };
        let loaded = (&found, space);
        let node = self.loader.load(self.expression, loaded, wanted.tolerated);
        node.map(NodeValue::Tensor)
    }

    /// The reference model's tensor, where the policy lets it stand in for one that a model lacks.
    fn stand_in(&self, name: &str) -> Option<Leaf> {
        if self.recipe.options.missing != Missing::Base {
            return None;
        }
        self.solution.of_model(self.recipe.reference, name)
    }

    fn literal(
        &mut self,
        entries: &IndexMap<String, LiteralEntry>,
        wanted: &Wanted,
        answers: &[Found],
    ) -> Result<Step<Wanted, Found>, LowerError> {
        let mut values: Vec<NodeValue> = Vec::new();
        let mut answers = answers.iter();
        for name in wanted.view.leaves() {
            let value = match entries.get(name) {
                Some(LiteralEntry::Constant(constant)) => {
                    Some(NodeValue::Constant(constant.clone()))
                }
                Some(LiteralEntry::Node(node)) => match answers.next() {
                    Some(answer) => answer.clone(),
                    None => return Ok(Step::Ask(wanted.of(*node))),
                },
                None => {
                    let (node, name) = (wanted.id, name.clone());
                    self.lost.push(Lost { node, name });
                    None
                }
            };
            match value {
                Some(value) if !values.contains(&value) => values.push(value),
                Some(_) => {}
                None => return Ok(Step::Answer(None)),
            }
        }
        if let [_, _, ..] = values.as_slice() {
            let texts: Vec<String> = values.iter().map(describe).collect();
            return Err(LowerError::Parts {
                node: self.recipe.label(wanted.id),
                key: self.key.to_owned(),
                values: texts.join(", "),
            });
        }
        Ok(Step::Answer(values.pop()))
    }

    /// A value as a tensor; a number is the same for every element.
    fn tensor(&mut self, value: NodeValue) -> Node {
        let number = match value {
            NodeValue::Tensor(node) => return node,
            NodeValue::Constant(Constant::Number(number)) => number,
            NodeValue::Constant(Constant::Flag(flag)) => f64::from(u8::from(flag)),
            NodeValue::Constant(_) => 0.0,
        };
        let number: Operand = self.expression.scalar(number);
        self.expression.call(Formula::Fill, &[number])
    }
}

impl Walk for Lowerer<'_> {
    type Question = Wanted;
    type Answer = Found;
    type Fault = LowerError;

    fn known(&self, wanted: &Wanted) -> Option<Found> {
        match &self.known[wanted.id.index()] {
            Some((known, value)) if known == wanted => Some(value.clone()),
            Some(_) => self.others.get(wanted).cloned(),
            None => None,
        }
    }

    fn learn(&mut self, wanted: Wanted, value: &Found) {
        match &mut self.known[wanted.id.index()] {
            first @ None => *first = Some((wanted, value.clone())),
            Some(_) => {
                self.others.insert(wanted, value.clone());
            }
        }
    }

    fn step(
        &mut self,
        wanted: &Wanted,
        answers: &mut Vec<Found>,
    ) -> Result<Step<Wanted, Found>, LowerError> {
        let recipe = self.recipe;
        let node = &recipe.nodes[wanted.id.index()];
        let computes = matches!(node, RecipeNode::Literal { .. } | RecipeNode::Merge { .. });
        if computes && !wanted.view.is_rearranged() {
            return Err(LowerError::MergedFactors {
                node: recipe.label(wanted.id),
                key: self.key.to_owned(),
            });
        }
        let step = match node {
            RecipeNode::Model { .. } => Step::Answer(self.model(wanted)),
            RecipeNode::Literal { entries, .. } => self.literal(entries, wanted, answers)?,
            RecipeNode::Merge { .. } => self.merge(wanted, answers)?,
            RecipeNode::Route { route, inputs } => self.route(route, inputs, wanted, answers)?,
        };
        self.check_size(wanted.id)?;
        Ok(step)
    }
}

fn describe(value: &NodeValue) -> String {
    match value {
        NodeValue::Tensor(_) => "a tensor".to_owned(),
        NodeValue::Constant(constant) => constant.to_string(),
    }
}
