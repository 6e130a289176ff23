//! The files of the result that the text asks for: its tokenizer and its chat template.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::composer::{Composer, Done, Origin};
use super::document::Document;
use super::script::references;
use super::vocabulary::vocabulary_fault;
use crate::recipe::{Fault, FolderText};
use crate::vocabulary::{
    LongText, TOKENIZER_FILES, TokenizerContent, TokenizerFile, VocabularyError, chat_template,
    file_text, with_template,
};

/// Files of the result, and those of the reference model that do not come along.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub texts: Vec<FolderText>,
    pub left_out: Vec<PathBuf>,
}

impl Composer<'_, '_> {
    /// The files that a document asks for.
    pub(super) fn texts(&self, document: &Document, done: &Done) -> Result<Texts, Fault> {
        let unfit = |fault: VocabularyError| vocabulary_fault(document, &fault);
        let reference = &self.outlines[self.used[done.reference]].path;
        let files = match (&done.tokenizer, &done.template) {
            (None, None) => return Ok(Texts::default()),
            (Some(tokenizer), template) => tokenizer.files(template.as_deref()),
            (None, Some(template)) => with_template(reference, template),
        };
        let files = files.map_err(unfit)?;
        let mut found = Texts::default();
        if done.tokenizer.is_some() {
            let comes = |name: &str| {
                let mut files = files.iter();
                files.any(|file| file.name == name && is_of(file, reference))
            };
            let out = TOKENIZER_FILES.iter().filter(|name| !comes(name));
            found.left_out = out.map(PathBuf::from).collect();
        }
        for file in files {
            let comes = is_of(&file, reference) || !file.is_text();
            let text = match file.content {
                TokenizerContent::Text(text) => Some(text),
                TokenizerContent::Copy(_) if comes => None,
                TokenizerContent::Copy(path) => {
                    file_text(&path).map_err(unfit)?.map(LongText::from)
                }
            };
            found.texts.extend(text.map(|text| FolderText {
                name: PathBuf::from(file.name),
                text: Arc::new(text),
            }));
        }
        Ok(found)
    }

    /// The chat template of a document: the one that it says, else that of the merge whose files it
    /// has.
    pub(super) fn template(&self, document: &Document) -> Result<Option<String>, Fault> {
        let unfit = |fault: VocabularyError| vocabulary_fault(document, &fault);
        match &document.chat_template {
            Some(wanted) => chat_template(wanted, &self.folders(document)).map_err(unfit),
            None => Ok(self
                .inherited(document)
                .and_then(|own| own.template.clone())),
        }
    }

    /// The folders of the models of a document.
    fn folders(&self, document: &Document) -> Vec<PathBuf> {
        let models = references(document).into_iter();
        let folder = models.filter_map(|own| match self.origin(&own.reference) {
            Origin::Model(at) => Some(self.outlines[at].path.clone()),
            Origin::Merge(_) => None,
        });
        folder.collect()
    }
}

/// Whether a file is that of a folder, so that it comes along.
fn is_of(file: &TokenizerFile, folder: &Path) -> bool {
    matches!(&file.content, TokenizerContent::Copy(path) if path.parent() == Some(folder))
}
