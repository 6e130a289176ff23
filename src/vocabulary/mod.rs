//! Vocabularies: which row of a model's embedding belongs to which token.
//!
//! It knows tokenizers as files and rows as numbers; it sees no values and knows no merging.

mod added;
mod align;
mod build;
mod config;
mod cut;
mod fault;
mod files;
mod long;
mod matrices;
mod needs;
mod rows;
mod special;
mod template;
mod tokenizer;
mod tokens;
mod write;

pub use added::AddedToken;
pub use align::{Aligned, Alignment, ChosenRow, Member, TokenChoice, Wanted};
pub use build::{CountedTokenizer, add_texts, union};
pub use config::counted_tokens;
pub use fault::VocabularyError;
pub use files::{TOKENIZER_FILES, file_text};
pub use long::LongText;
pub use matrices::{embeds, embeds_tokens, has_tokens, is_head, vocabulary_rows};
pub use needs::tokenizer_bytes;
pub use rows::{Origin, Row, RowMap, RowMapError, RowOf, RowRun};
pub use template::{CHAT_TEMPLATES, ChatTemplate, chat_template, template_of};
pub use tokenizer::Tokenizer;
pub use write::{TokenizerContent, TokenizerFile, with_template};
