//! From a checked text and the headers of its models to a recipe.

use std::sync::Arc;

use super::composer::Composer;
use super::document::Document;
use super::fields::Remark;
use super::outline::Outlines;
use super::script::{Script, references};
use crate::recipe::{
    Fault, FolderRequest, FolderText, ModelId, Options, OutputDType, Recipe, Route, Text,
};

/// What mergekit calls the recipe of a merge in its folder.
pub const CONFIG: &str = "mergekit_config.yml";

/// A recipe, and what is worth saying of it.
#[derive(Debug)]
pub struct Composed {
    /// The recipe.
    pub recipe: Recipe,
    /// What is worth saying.
    pub remarks: Vec<Remark>,
}

impl Script {
    /// The recipe of the merge with a name, or of the one without. Where `truncates`, tensors with
    /// a row for each token are cut to as many rows as all models have, whatever their tokens are.
    ///
    /// # Errors
    /// What does not fit the models, at its place.
    pub fn compose(
        &self,
        outlines: Outlines<'_>,
        name: Option<&str>,
        options: Options,
        truncates: bool,
    ) -> Result<Composed, Fault> {
        let is = |own: &Document| own.name.as_ref().map(|(own, _)| own.as_str()) == name;
        let Some(root) = self.documents.iter().position(is) else {
            let text = match name {
                Some(name) => format!("there is no merge named `{name}`"),
                None => "every merge has a name: none is the result".to_owned(),
            };
            return Err(Fault::new(0..0, text));
        };
        let mut composer = Composer::new(self, outlines, truncates);
        let needed = self.needed(root);
        for (at, document) in self.documents.iter().enumerate().take(root + 1) {
            let result = match needed[at] {
                true => Some(composer.document(document, at == root)?),
                false => None,
            };
            composer.results.push(result);
        }
        finish(composer, &self.documents[root], options)
    }

    /// Which merges one is made of, itself included.
    fn needed(&self, root: usize) -> Vec<bool> {
        let mut needed = vec![false; self.documents.len()];
        let mut open = vec![root];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut needed[at], true) {
                let references = references(&self.documents[at]).into_iter();
                open.extend(references.filter_map(|own| self.named(&own.reference)));
            }
        }
        needed
    }
}

fn finish(
    mut composer: Composer<'_, '_>,
    document: &Document,
    mut options: Options,
) -> Result<Composed, Fault> {
    let done = composer.results.pop().flatten();
    let done = done.expect("the result comes last");
    if options.dtype == OutputDType::Keep {
        options.dtype = match document.out_dtype.or(document.dtype) {
            Some(float) => OutputDType::Float(float),
            None => OutputDType::Computed,
        };
    }
    if options.filter.is_all() {
        options.filter = document.rules.filter()?;
    }
    if done.node.index() + 1 != composer.nodes.len() {
        // The result is the last node.
        let at = document.row_span.start;
        composer.route(Route::Cast(None), vec![done.node], at);
    }
    let mut files = composer.texts(document, &done)?;
    files.texts.push(FolderText {
        name: CONFIG.into(),
        text: Arc::new(composer.script.text.clone().into()),
    });
    let used = composer.used.iter().copied();
    let models = used
        .clone()
        .map(|number| composer.outlines[number].path.clone());
    let references = used.map(|number| composer.models[number].to_string());
    Ok(Composed {
        recipe: Recipe {
            models: models.collect(),
            nodes: composer.nodes,
            lines: composer.lines,
            reference: ModelId::new(done.reference),
            options: Options {
                card: options.card.asked_for(),
                ..options
            },
            text: Some(Arc::new(Text {
                dialect: "mergekit",
                text: composer.script.text.clone(),
                name: document.name.as_ref().map(|(name, _)| name.clone()),
                references: references.collect(),
                truncates: composer.truncates,
            })),
            folder: Some(Arc::new(FolderRequest {
                stacks: done.stacks,
                texts: files.texts,
                left_out: files.left_out,
            })),
            configs: Arc::default(),
            swept: None,
        },
        remarks: composer.remarks,
    })
}
