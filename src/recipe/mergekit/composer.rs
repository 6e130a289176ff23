//! The graph while it is put together from a text and the headers of its models.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::document::Document;
use super::fields::Remark;
use super::outline::{Outline, Outlines};
use super::reference::Reference;
use super::schedule::Made;
use super::script::{Script, references};
use crate::dtype::Float;
use crate::method::Space;
use crate::recipe::{
    Form, Lines, ModelId, NodeId, RecipeNode, Route, Rule, SourceLayer, Stack, Typing,
};
use crate::vocabulary::{Tokenizer, VocabularyError};

/// What a merge refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// A model, by its number in the text.
    Model(usize),
    /// Another merge, by its number.
    Merge(usize),
}

/// A merge whose nodes are made.
#[derive(Debug)]
pub(super) struct Done {
    /// Its result.
    pub node: NodeId,
    /// The tensors of the result.
    pub tensors: Made,
    /// The model whose other files the result has, by its number in the recipe.
    pub reference: usize,
    /// Where its layers come from.
    pub stacks: Vec<Stack>,
    /// Its tokenizer, where the text says which, of it or of the merge whose files it has.
    pub tokenizer: Option<Tokenizer>,
    /// Its chat template, likewise.
    pub template: Option<String>,
}

/// Puts a graph together.
pub(super) struct Composer<'s, 'm> {
    pub script: &'s Script,
    pub outlines: &'m [Outline<'m>],
    /// The tokenizers of models that are not merged, in the order of the text's list of them.
    pub tokenizers: &'m [Result<Arc<Tokenizer>, VocabularyError>],
    /// The references to the models, in the order of the outlines.
    pub models: Vec<Reference>,
    /// The models of the recipe, by their numbers in the text.
    pub used: Vec<usize>,
    pub nodes: Vec<RecipeNode>,
    pub lines: Vec<usize>,
    /// The lines of the text.
    places: Lines<'s>,
    /// The nodes of models, as they are read for a type of arithmetic.
    pub read: HashMap<Read, NodeId>,
    /// The merges before, as far as they are needed.
    pub results: Vec<Option<Done>>,
    pub remarks: Vec<Remark>,
    /// Whether rows for tokens are cut to as many as all models have.
    pub truncates: bool,
}

/// How a model is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Read {
    /// As it is stored.
    Plain(Origin),
    /// For arithmetic in a type, or in its own.
    In(Origin, Option<Float>),
}

/// The types of tensors by their names, but f32.
#[derive(Debug)]
pub(super) struct Types(pub HashMap<String, Float>);

impl Typing for Types {
    fn float(&self, name: &str) -> Option<Float> {
        self.0.get(name).copied()
    }
}

impl<'s, 'm> Composer<'s, 'm> {
    pub fn new(script: &'s Script, outlines: Outlines<'m>, truncates: bool) -> Composer<'s, 'm> {
        let models = script.models().into_iter();
        Composer {
            script,
            outlines: outlines.models,
            tokenizers: outlines.tokenizers,
            models: models.map(|model| model.reference.clone()).collect(),
            used: Vec::new(),
            nodes: Vec::new(),
            lines: Vec::new(),
            places: Lines::of(&script.text),
            read: HashMap::new(),
            results: Vec::new(),
            remarks: Vec::new(),
            truncates,
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

    pub fn origin(&self, reference: &Reference) -> Origin {
        match self.script.named(reference) {
            Some(at) => Origin::Merge(at),
            None => {
                let at = self.models.iter().position(|own| own == reference);
                Origin::Model(at.expect("the text's models are listed"))
            }
        }
    }

    fn done(&self, at: usize) -> &Done {
        let done = self.results.get(at).and_then(Option::as_ref);
        done.expect("a merge comes behind those that it is made of")
    }

    /// The names of the tensors of a model or merge.
    pub fn names(&self, origin: Origin) -> Box<dyn Iterator<Item = &str> + '_> {
        match origin {
            Origin::Model(at) => Box::new(self.outlines[at].tensors.keys().map(String::as_str)),
            Origin::Merge(at) => Box::new(self.done(at).tensors.keys().map(String::as_str)),
        }
    }

    /// The shape of one of its tensors.
    pub fn shape(&self, origin: Origin, name: &str) -> Option<&[u64]> {
        match origin {
            Origin::Model(at) => Some(&self.outlines[at].tensors.get(name)?.shape),
            Origin::Merge(at) => Some(&self.done(at).tensors.get(name)?.shape),
        }
    }

    /// The number in the recipe of a model, by its number in the text.
    fn number(&mut self, model: usize) -> usize {
        match self.used.iter().position(|own| *own == model) {
            Some(known) => known,
            None => {
                self.used.push(model);
                self.used.len() - 1
            }
        }
    }

    /// A model as it is read: rounded to the type of the arithmetic, or known to be of its own.
    pub fn model(&mut self, origin: Origin, dtype: Option<Float>, at: usize) -> NodeId {
        if let Some(known) = self.read.get(&Read::In(origin, dtype)) {
            return *known;
        }
        let plain = self.plain(origin, at);
        let route = match (dtype, origin) {
            // That is what arithmetic is in.
            (Some(Float::F32 | Float::F64), _) | (None, Origin::Merge(_)) => None,
            (Some(float), _) => Some(Route::Cast(Some(float))),
            (None, Origin::Model(model)) => self.typed(model),
        };
        let node = match route {
            Some(route) => self.route(route, vec![plain], at),
            None => plain,
        };
        self.read.insert(Read::In(origin, dtype), node);
        node
    }

    pub fn plain(&mut self, origin: Origin, at: usize) -> NodeId {
        let model = match origin {
            Origin::Merge(at) => return self.done(at).node,
            Origin::Model(model) => model,
        };
        if let Some(known) = self.read.get(&Read::Plain(origin)) {
            return *known;
        }
        let node = RecipeNode::Model {
            model: ModelId::new(self.number(model)),
            form: Form::Own,
            space: Space::Weight,
        };
        let node = self.push(node, at);
        self.read.insert(Read::Plain(origin), node);
        node
    }

    /// What says of which types a model's tensors are, where any is not f32.
    fn typed(&self, model: usize) -> Option<Route> {
        let tensors = self.outlines[model].tensors.iter();
        let types = tensors.filter_map(|(name, info)| {
            let float = info.dtype.float().filter(|float| *float != Float::F32)?;
            Some((name.clone(), float))
        });
        let types: HashMap<String, Float> = types.collect();
        (!types.is_empty()).then(|| Route::Typed(Rule(Arc::new(Types(types)))))
    }

    /// What a merge has the other files of: its base, else its first model.
    fn donor(&self, document: &Document) -> Option<Origin> {
        let references = references(document);
        let first = references.first()?;
        Some(self.origin(&first.reference))
    }

    /// The model whose other files a merge has.
    pub fn reference(&mut self, document: &Document) -> usize {
        match self.donor(document) {
            Some(Origin::Model(at)) => self.number(at),
            Some(Origin::Merge(at)) => self.done(at).reference,
            None => 0,
        }
    }

    /// The merge whose other files a merge has.
    pub fn inherited(&self, document: &Document) -> Option<&Done> {
        match self.donor(document)? {
            Origin::Model(_) => None,
            Origin::Merge(at) => Some(self.done(at)),
        }
    }

    /// Where a layer of a model or merge comes from in the end.
    pub fn source_layer(
        &mut self,
        origin: Origin,
        stack: &str,
        layer: usize,
    ) -> Option<SourceLayer> {
        match origin {
            Origin::Model(at) => Some(SourceLayer {
                model: self.number(at),
                layer,
            }),
            Origin::Merge(at) => {
                let mut stacks = self.done(at).stacks.iter();
                let own = stacks.find(|own| own.name == stack)?;
                own.layers.get(layer).copied()
            }
        }
    }
}
