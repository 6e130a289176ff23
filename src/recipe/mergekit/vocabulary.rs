//! The vocabulary of a merge: whose tokens it has, and which rows of which models.

use std::sync::Arc;

use super::composer::{Composer, Origin};
use super::document::Document;
use super::fields::Remark;
use super::reference::Referred;
use super::script::references;
use super::tokenizer::{TokenRequest, TokenRow, TokenizerSource};
use crate::recipe::Fault;
use crate::vocabulary::{
    Alignment, ChosenRow, CountedTokenizer, Member, TokenChoice, Tokenizer, VocabularyError,
    add_texts, union, vocabulary_rows,
};

/// The vocabulary of a merge.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// The tokenizer of the result.
    pub tokenizer: Tokenizer,
    /// The models, by their numbers in the text.
    models: Vec<usize>,
    /// Their tokenizers.
    tokenizers: Vec<Arc<Tokenizer>>,
    sizes: Vec<Sizes>,
    choices: Vec<TokenChoice>,
    multiple: u32,
    /// The base among the models.
    pub base: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Rows of a model's matrices.
    rows: u32,
    /// How many tokens it counts.
    counted: u32,
}

impl Vocabulary {
    /// Its tokens and the models' rows for them.
    pub fn alignment(&self) -> Result<Alignment<'_>, VocabularyError> {
        let members = self.tokenizers.iter().zip(&self.sizes);
        let members = members.map(|(tokenizer, sizes)| Member {
            path: tokenizer.folder(),
            tokenizer,
            rows: sizes.rows,
            counted: sizes.counted,
        });
        let choices = self.choices.as_slice();
        Alignment::new(&self.tokenizer, members.collect(), choices, self.multiple)
    }

    /// The number of a model among those that are aligned.
    pub fn member(&self, origin: Origin) -> Option<usize> {
        let is = |model: &usize| Origin::Model(*model) == origin;
        self.models.iter().position(is)
    }
}

impl Composer<'_, '_> {
    /// How many rows a model's matrices have for tokens.
    pub(super) fn vocabulary_rows(&self, model: usize) -> Option<u64> {
        let outline = &self.outlines[model];
        let tensors = outline.tensors.iter();
        let shapes = tensors.map(|(name, info)| (name.as_str(), &info.shape[..]));
        vocabulary_rows(shapes, outline.counted.clone().ok().flatten())
    }

    /// The vocabulary that a document asks for.
    pub(super) fn vocabulary(&mut self, document: &Document) -> Result<Option<Vocabulary>, Fault> {
        let Some(asked) = &document.tokenizer else {
            return Ok(None);
        };
        let request = &asked.request;
        let fault = |text: String| Fault::new(asked.span.clone(), text).label("asked for here");
        let models = self.members(document).map_err(fault)?;
        let base = document.base.as_ref();
        let base = base.and_then(|base| {
            let origin = self.origin(&base.reference);
            let is = |model: &usize| Origin::Model(*model) == origin;
            models.iter().position(is)
        });
        let own = base.unwrap_or(0);
        let tokenizers = self.tokenizers(&models, own, asked.span.start);
        let tokenizers = tokenizers.map_err(|error| fault(error.to_string()))?;
        let sizes = models.iter().map(|model| self.sizes(*model));
        let sizes = sizes.collect::<Result<Vec<Sizes>, VocabularyError>>();
        let sizes = sizes.map_err(|error| fault(error.to_string()))?;
        let parts = tokenizers.iter().zip(&sizes);
        let parts = parts.map(|(tokenizer, sizes)| CountedTokenizer {
            tokenizer,
            counted: sizes.counted,
        });
        let parts: Vec<CountedTokenizer<'_>> = parts.collect();
        let member = |reference: &String| {
            let named = |model: &usize| self.models[*model].to_string() == *reference;
            let found = models.iter().position(named);
            found.ok_or_else(|| {
                let text = format!("{reference} is none of the models of this merge");
                fault(text).help("the row of a token comes from one of them")
            })
        };
        let mut tokenizer = match &request.source {
            TokenizerSource::Base => parts[own].stripped(),
            TokenizerSource::Union => {
                let others = parts.iter().enumerate().filter(|(at, _)| *at != own);
                let others: Vec<CountedTokenizer<'_>> = others.map(|(_, part)| *part).collect();
                union(parts[own], &others)
            }
            TokenizerSource::Model(model) => {
                let own = models.iter().zip(&tokenizers);
                self.tokenizer_of(model, own)?.as_ref().clone()
            }
        };
        let texts = request.tokens.iter().map(|token| token.text.as_str());
        add_texts(&mut tokenizer, texts);
        let choices = request.tokens.iter().map(|token| choice(token, &member));
        let choices = choices.collect::<Result<Vec<TokenChoice>, Fault>>()?;
        Ok(Some(Vocabulary {
            tokenizer,
            models,
            tokenizers,
            sizes,
            choices,
            multiple: request.multiple.unwrap_or(1),
            base,
        }))
    }

    /// The tokenizer of a model: of one that is merged, or of another one.
    fn tokenizer_of<'t>(
        &'t self,
        model: &Referred,
        mut own: impl Iterator<Item = (&'t usize, &'t Arc<Tokenizer>)>,
    ) -> Result<&'t Arc<Tokenizer>, Fault> {
        let named = |at: &usize| self.models[*at] == model.reference;
        if let Some((_, found)) = own.find(|(at, _)| named(at)) {
            return Ok(found);
        }
        let fault = |text: String| Fault::new(model.span.clone(), text);
        if let Some(at) = self.models.iter().position(|own| *own == model.reference) {
            return match &self.outlines[at].tokenizer {
                Some(Ok(tokenizer)) => Ok(tokenizer),
                Some(Err(error)) => Err(fault(error.to_string())),
                None => Err(fault(format!(
                    "the tokenizer of {} was not read",
                    model.reference
                ))),
            };
        }
        let others = self.script.tokenizers().into_iter().zip(self.tokenizers);
        let mut others = others.filter(|(own, _)| own.reference == model.reference);
        match others.next() {
            Some((_, Ok(tokenizer))) => Ok(tokenizer),
            Some((_, Err(error))) => Err(fault(error.to_string())),
            None => Err(fault(format!("{} has no tokenizer", model.reference))),
        }
    }

    /// How many rows a model's matrices have for tokens, and how many tokens it counts.
    fn sizes(&self, model: usize) -> Result<Sizes, VocabularyError> {
        let rows = self.vocabulary_rows(model).map_or(0, narrow);
        let counted = self.outlines[model].counted.clone()?;
        Ok(Sizes {
            rows,
            counted: counted.map_or(rows, narrow),
        })
    }

    /// The models of a document, by their numbers in the text.
    fn members(&self, document: &Document) -> Result<Vec<usize>, String> {
        let mut models = Vec::new();
        for referred in references(document) {
            match self.origin(&referred.reference) {
                Origin::Model(at) if models.contains(&at) => {}
                Origin::Model(at) => models.push(at),
                Origin::Merge(_) => {
                    return Err(format!(
                        "{} is a merge, whose tokens are known when it is written: `wgmerge run` \
                         with -I DIR writes it first",
                        referred.reference
                    ));
                }
            }
        }
        Ok(models)
    }

    /// The tokenizers of models. One that has none has the base's.
    fn tokenizers(
        &mut self,
        models: &[usize],
        base: usize,
        at: usize,
    ) -> Result<Vec<Arc<Tokenizer>>, VocabularyError> {
        let of = |model: usize| match &self.outlines[model].tokenizer {
            Some(read) => read.clone(),
            None => Err(VocabularyError::Absent {
                folder: self.outlines[model].path.clone(),
                hint: "",
            }),
        };
        let Some(own) = models.get(base) else {
            return Ok(Vec::new());
        };
        let own = of(*own)?;
        let mut found = Vec::with_capacity(models.len());
        let mut remarks = Vec::new();
        for model in models {
            found.push(match of(*model) {
                Err(VocabularyError::Absent { .. }) => {
                    let path = self.outlines[*model].path.display();
                    let text = format!("{path} has no tokenizer; it is taken to have the base's");
                    remarks.push(Remark { text, span: at..at });
                    Arc::clone(&own)
                }
                read => read?,
            });
        }
        self.remarks.append(&mut remarks);
        Ok(found)
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A token whose row is chosen; `member` finds models by their references.
fn choice(
    token: &TokenRequest,
    member: &impl Fn(&String) -> Result<usize, Fault>,
) -> Result<TokenChoice, Fault> {
    let row = match &token.row {
        None => None,
        Some(TokenRow::Zero) => Some(ChosenRow::Zero),
        Some(TokenRow::Model(model)) => Some(ChosenRow::Same(member(model)?)),
        Some(TokenRow::Token { model, text }) => {
            Some(ChosenRow::Token(member(model)?, text.clone()))
        }
        Some(TokenRow::Number { model, number }) => {
            Some(ChosenRow::Number(member(model)?, *number))
        }
    };
    Ok(TokenChoice {
        text: token.text.clone(),
        row,
        force: token.force,
    })
}

/// What is wrong with a vocabulary, at the place that asks for it.
pub(super) fn vocabulary_fault(document: &Document, fault: &VocabularyError) -> Fault {
    let asked = document.tokenizer.as_ref();
    let span = asked.map_or(&document.row_span, |asked| &asked.span);
    Fault::new(span.clone(), fault.to_string())
}
