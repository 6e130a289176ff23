//! The graph of a recipe as text: an indented tree, Graphviz or Mermaid.

use std::collections::VecDeque;
use std::fmt::Write;

use super::{Constant, LiteralEntry, NodeId, Recipe, RecipeNode, Route};
use crate::method::ParameterValue;

/// The number of merges and routes on the longest way from the result to a model.
pub fn depth(recipe: &Recipe) -> usize {
    let mut depths: Vec<usize> = Vec::with_capacity(recipe.nodes.len());
    for node in &recipe.nodes {
        let below = node.inputs().iter().map(|id| depths[id.index()]).max();
        let own = usize::from(matches!(
            node,
            RecipeNode::Merge { .. } | RecipeNode::Route { .. }
        ));
        depths.push(below.unwrap_or(0) + own);
    }
    depths.last().copied().unwrap_or(0)
}

/// Levels of indentation at most: what lies deeper is drawn below, as a tree of its own.
const LEVELS: usize = 32;

/// An indented tree, the result first. What is used twice is written out once.
pub fn tree(recipe: &Recipe) -> String {
    let mut tree = Tree {
        recipe,
        seen: vec![false; recipe.nodes.len()],
        open: Vec::new(),
        text: String::new(),
    };
    let mut roots = VecDeque::from([recipe.root()]);
    while let Some(root) = roots.pop_front() {
        tree.seen[root.index()] = false;
        tree.open.push(Branch::root(root));
        while let Some(branch) = tree.open.pop() {
            roots.extend(tree.draw(&branch));
        }
    }
    tree.text
}

struct Tree<'a> {
    recipe: &'a Recipe,
    seen: Vec<bool>,
    /// What is to be drawn next, last first.
    open: Vec<Branch>,
    text: String,
}

/// A node where it is drawn.
struct Branch {
    id: NodeId,
    /// What it is to the node above it.
    role: String,
    /// What its line and those below it begin with.
    lead: String,
    indent: String,
    level: usize,
}

impl Branch {
    fn root(id: NodeId) -> Branch {
        Branch {
            id,
            role: String::new(),
            lead: String::new(),
            indent: String::new(),
            level: 0,
        }
    }
}

impl Tree<'_> {
    /// Writes the line of a node and opens what is below it, or gives the node back to be drawn
    /// as a tree of its own.
    fn draw(&mut self, branch: &Branch) -> Option<NodeId> {
        let Branch { id, role, lead, .. } = branch;
        let again = std::mem::replace(&mut self.seen[id.index()], true);
        let edges = edges(self.recipe, *id);
        let deep = branch.level == LEVELS;
        let more = match (again || deep) && !edges.is_empty() {
            true => " …",
            false => "",
        };
        let title = title(self.recipe, *id);
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{lead}{role}{} {title}{more}", marker(*id));
        if again {
            return None;
        }
        if deep {
            return Some(*id).filter(|_| !edges.is_empty());
        }
        let last = edges.len().saturating_sub(1);
        for (number, (role, id)) in edges.into_iter().enumerate().rev() {
            let (arm, below) = match number == last {
                true => ("└─ ", "   "),
                false => ("├─ ", "│  "),
            };
            self.open.push(Branch {
                id,
                role: format!("{role}: "),
                lead: format!("{}{arm}", branch.indent),
                indent: format!("{}{below}", branch.indent),
                level: branch.level + 1,
            });
        }
        None
    }
}

/// Graphviz.
pub fn dot(recipe: &Recipe) -> String {
    let mut text = String::from("digraph recipe {\n    node [shape=box];\n");
    for id in shown(recipe) {
        let label = title(recipe, id).replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "    n{} [label=\"{label}\"];", id.index());
        for (role, child) in edges(recipe, id) {
            let _ = writeln!(
                text,
                "    n{} -> n{} [label=\"{role}\"];",
                child.index(),
                id.index()
            );
        }
    }
    text + "}\n"
}

/// Mermaid.
pub fn mermaid(recipe: &Recipe) -> String {
    let mut text = String::from("flowchart TD\n");
    for id in shown(recipe) {
        let label = title(recipe, id).replace('"', "#quot;");
        let _ = writeln!(text, "    n{}[\"{label}\"]", id.index());
        for (role, child) in edges(recipe, id) {
            let _ = writeln!(text, "    n{} -- {role} --> n{}", child.index(), id.index());
        }
    }
    text
}

fn marker(id: NodeId) -> String {
    format!("[{}]", id.index())
}

/// The nodes that are drawn: constants are written into what they steer.
fn shown(recipe: &Recipe) -> Vec<NodeId> {
    let mut shown = vec![false; recipe.nodes.len()];
    let mut open = vec![recipe.root()];
    while let Some(id) = open.pop() {
        if !std::mem::replace(&mut shown[id.index()], true) {
            open.extend(edges(recipe, id).into_iter().map(|(_, child)| child));
        }
    }
    (0..shown.len())
        .filter(|id| shown[*id])
        .map(NodeId::new)
        .collect()
}

/// What a node is made of, each with its role.
fn edges(recipe: &Recipe, id: NodeId) -> Vec<(String, NodeId)> {
    match &recipe.nodes[id.index()] {
        RecipeNode::Model { .. } => Vec::new(),
        RecipeNode::Literal { entries, .. } => entries
            .iter()
            .filter_map(|(name, entry)| match entry {
                LiteralEntry::Node(node) => Some((name.clone(), *node)),
                LiteralEntry::Constant(_) => None,
            })
            .collect(),
        RecipeNode::Merge {
            method,
            base,
            models,
            given,
            ..
        } => {
            let base = base.iter().map(|base| ("base".to_owned(), *base));
            let models = models.iter().enumerate().map(|(position, model)| {
                let name = method.input(position).map_or("", |input| input.name);
                (name.to_owned(), *model)
            });
            let given = given.iter().map(|(name, node)| ((*name).to_owned(), *node));
            base.chain(models).chain(given).collect()
        }
        RecipeNode::Route { route, inputs } => {
            let names: &[&str] = match route {
                Route::Fallback => &["a", "default"],
                _ => &["a"],
            };
            let names = names.iter().chain(std::iter::repeat(&"a"));
            let edges = names.zip(inputs);
            edges
                .map(|(name, input)| ((*name).to_owned(), *input))
                .collect()
        }
    }
}

/// A node in one line, with its constants.
fn title(recipe: &Recipe, id: NodeId) -> String {
    match &recipe.nodes[id.index()] {
        RecipeNode::Model { model, space, .. } => {
            format!(
                "{} ({})",
                recipe.models[model.index()].display(),
                space.word()
            )
        }
        RecipeNode::Literal { entries, .. } => {
            let constants: Vec<String> = entries
                .iter()
                .filter_map(|(name, entry)| match entry {
                    LiteralEntry::Constant(constant) => Some(format!("{name}={constant}")),
                    LiteralEntry::Node(_) => None,
                })
                .collect();
            format!("{{{}}}", constants.join(" "))
        }
        RecipeNode::Merge {
            method,
            parameters,
            given,
            ..
        } => {
            let mut text = method.id.to_owned();
            for (name, value) in parameters.values() {
                if !given.iter().any(|(known, _)| *known == name) {
                    let _ = write!(text, " {name}={}", shown_value(&value));
                }
            }
            text
        }
        RecipeNode::Route { route, .. } => match route {
            Route::Cast(Some(float)) => format!("cast {}", float.name()),
            Route::Whole(dtype) => format!("cast {}", dtype.torch_name().unwrap_or_default()),
            Route::PickComponent(name) | Route::OmitComponent(name) => {
                format!("{} {name}", route.id())
            }
            route => route.id(),
        },
    }
}

fn shown_value(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Word(word) => Constant::Text(word.clone()).to_string(),
        other => other.to_string(),
    }
}
