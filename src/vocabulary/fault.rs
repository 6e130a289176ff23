//! What can be wrong with tokenizers and vocabularies.

use std::path::PathBuf;

/// A tokenizer that cannot be read, or tokens that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum VocabularyError {
    #[error("{} cannot be read: {fault}", path.display())]
    Read { path: PathBuf, fault: String },
    #[error("{}, `{field}`: {fault}", path.display())]
    Field {
        path: PathBuf,
        field: &'static str,
        fault: String,
    },
    #[error(
        "{} has no tokenizer: tokenizer.json, or vocab.json with merges.txt, is needed{hint}",
        folder.display()
    )]
    Absent { folder: PathBuf, hint: &'static str },
    #[error(
        "the token {token:?} is to have the row of {wanted} in {}, which has none{hint}",
        model.display()
    )]
    Token {
        token: String,
        wanted: String,
        model: PathBuf,
        hint: String,
    },
    #[error(
        "the tokenizer of {} has {found} tokens, but their numbers go up to {count}",
        folder.display()
    )]
    Sparse {
        folder: PathBuf,
        count: u32,
        found: usize,
    },
    #[error(transparent)]
    TooMany(#[from] super::RowMapError),
}

/// What to do where only a SentencePiece model is there.
pub(super) const SENTENCE_PIECE: &str = ". tokenizer.model alone does not say how its tokens are \
    split: write tokenizer.json once with transformers, \
    AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)";
