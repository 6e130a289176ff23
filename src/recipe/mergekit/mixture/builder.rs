//! The graph of a mixture while it is put together.

use std::sync::Arc;

use super::dense::Dense;
use super::form::Form;
use super::names::{Parts, Renamed, is_outside};
use super::read::Mixture;
use crate::method::{Method, ParameterValue, Parameters, Space};
use crate::recipe::{
    FolderRequest, FolderText, Form as Named, Lines, ModelId, NodeId, Options, Recipe, RecipeNode,
    Route, Rule, Scheduled, Text,
};
use crate::vocabulary::LongText;

/// What mergekit calls the recipe of a mixture in its folder.
pub const CONFIG: &str = "mergekit_moe_config.yml";

/// Puts a graph together.
pub(super) struct Builder<'a> {
    pub mixture: &'a Mixture,
    pub form: &'static Form,
    /// The models, the base first.
    pub models: &'a [Dense<'a>],
    /// The layers, in order: `model.layers.0` and so on.
    pub layers: Vec<String>,
    nodes: Vec<RecipeNode>,
    lines: Vec<usize>,
    places: Lines<'a>,
    /// The node of each model.
    plain: Vec<Option<NodeId>>,
    /// The inputs of the result.
    parts: Vec<NodeId>,
    /// Which of them each tensor is of.
    names: Parts,
}

impl<'a> Builder<'a> {
    pub fn new(
        mixture: &'a Mixture,
        form: &'static Form,
        models: &'a [Dense<'a>],
        layers: Vec<String>,
    ) -> Builder<'a> {
        Builder {
            mixture,
            form,
            models,
            layers,
            nodes: Vec::new(),
            lines: Vec::new(),
            places: Lines::of(&mixture.text),
            plain: vec![None; models.len()],
            parts: Vec::new(),
            names: Parts::new(),
        }
    }

    /// Adds a node, which a byte of the text says.
    pub fn push(&mut self, node: RecipeNode, at: usize) -> NodeId {
        self.nodes.push(node);
        self.lines.push(self.places.place(at).0);
        NodeId::new(self.nodes.len() - 1)
    }

    pub fn route(&mut self, route: Route, inputs: Vec<NodeId>, at: usize) -> NodeId {
        self.push(RecipeNode::Route { route, inputs }, at)
    }

    /// A merge by a method with parameters that it takes, some of them by the names of tensors.
    pub fn merge(
        &mut self,
        method: &'static Method,
        models: Vec<NodeId>,
        (given, schedule): (&[(&str, ParameterValue)], Option<Scheduled>),
        at: usize,
    ) -> NodeId {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let given: Vec<(String, ParameterValue)> = given.collect();
        let parameters = Parameters::resolve(method, &given, models.len());
        let merge = RecipeNode::Merge {
            method,
            base: None,
            parameters: parameters.expect("numbers are checked when they are read"),
            models,
            given: Vec::new(),
            schedule,
        };
        self.push(merge, at)
    }

    /// The tensors of a model under other names.
    pub fn renamed(&mut self, model: usize, names: Renamed, at: usize) -> NodeId {
        let node = self.model(model, at);
        self.route(Route::Rename(Rule(Arc::new(names))), vec![node], at)
    }

    /// The node of a model as it is stored.
    fn model(&mut self, number: usize, at: usize) -> NodeId {
        if let Some(known) = self.plain[number] {
            return known;
        }
        let model = RecipeNode::Model {
            model: ModelId::new(number),
            form: Named::Own,
            space: Space::Weight,
        };
        let node = self.push(model, at);
        self.plain[number] = Some(node);
        node
    }

    /// Has tensors of the result be a node's.
    pub fn part(&mut self, node: NodeId, names: impl IntoIterator<Item = String>) {
        let at = self.parts.len();
        self.parts.push(node);
        let names = names.into_iter().map(|name| (name, at));
        self.names.0.extend(names);
    }

    /// What the base gives as it is.
    pub fn body(&mut self) {
        let mut names = Renamed::default();
        for name in self.models[0]
            .tensors
            .keys()
            .filter(|name| is_outside(name))
        {
            names.add(name.clone(), name.clone());
        }
        let own: Vec<String> = names.names().cloned().collect();
        let node = self.renamed(0, names, self.mixture.base.span.start);
        self.part(node, own);
    }

    /// The recipe, whose folder has this configuration.
    pub fn finish(mut self, options: Options, config: String) -> Recipe {
        let at = self.mixture.base.span.start;
        let parts = std::mem::take(&mut self.parts);
        let names = std::mem::replace(&mut self.names, Parts::new());
        self.route(Route::Select(Rule(Arc::new(names))), parts, at);
        let text = |name: &str, text: String| FolderText {
            name: name.into(),
            text: Arc::new(LongText::from(text)),
        };
        let own = &self.mixture.text;
        let references = self.mixture.models().into_iter();
        let references = references.map(|model| model.reference.to_string());
        let options = Options {
            card: options.card.asked_for(),
            ..options
        };
        Recipe {
            models: self.models.iter().map(|model| model.path.clone()).collect(),
            lines: self.lines,
            text: Some(Arc::new(Text {
                dialect: "mergekit-moe",
                text: own.clone(),
                name: None,
                references: references.collect(),
                truncates: false,
            })),
            folder: Some(Arc::new(FolderRequest {
                stacks: Vec::new(),
                texts: vec![text("config.json", config), text(CONFIG, own.clone())],
                left_out: Vec::new(),
            })),
            ..Recipe::new(Vec::new(), self.nodes, options)
        }
    }
}
