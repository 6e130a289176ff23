//! What a recipe says of tokenizer and chat template. It is read and checked here; `vocabulary.rs`
//! makes the tokenizer.

use std::ops::Range;

use super::fields::{Fields, Reading, text};
use super::reference::{Referred, reference};
use super::yaml::{Entry, Kind};
use crate::recipe::Fault;
use crate::vocabulary::CHAT_TEMPLATES;

/// The tokenizer of the result, and the place of its key.
#[derive(Clone, Debug)]
pub(super) struct Tokenizer {
    /// What is asked for.
    pub request: TokenizerRequest,
    /// The place of the key.
    pub span: Range<usize>,
}

/// The tokenizer of the result.
#[derive(Clone, Debug)]
pub(super) struct TokenizerRequest {
    /// Where it comes from.
    pub source: TokenizerSource,
    /// Tokens whose rows are chosen one by one.
    pub tokens: Vec<TokenRequest>,
    /// What the number of rows is rounded up to a multiple of.
    pub multiple: Option<u32>,
}

/// Where a tokenizer comes from.
#[derive(Clone, Debug)]
pub(super) enum TokenizerSource {
    /// The tokens of all models.
    Union,
    /// That of the base model.
    Base,
    /// That of a model.
    Model(Referred),
}

/// A token whose row is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRequest {
    /// Its text.
    pub text: String,
    /// Its row; None leaves that to the rules.
    pub row: Option<TokenRow>,
    /// Whether it takes the place of what models have for it.
    pub force: bool,
}

/// The row of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenRow {
    /// Zeros.
    Zero,
    /// That of the same token in the model with this reference.
    Model(String),
    /// That of another token.
    Token {
        /// The reference of its model.
        model: String,
        /// Its text.
        text: String,
    },
    /// That of a token by its number.
    Number {
        /// The reference of its model.
        model: String,
        /// Its number.
        number: u64,
    },
}

/// Reads `tokenizer` or `tokenizer_source`.
pub(super) fn tokenizer(
    fields: &Fields<'_>,
    reading: &mut Reading,
) -> Result<Option<Tokenizer>, Fault> {
    match (fields.get("tokenizer"), fields.get("tokenizer_source")) {
        (None, None) => Ok(None),
        (Some(_), Some(entry)) => Err(Fault::new(
            entry.span.clone(),
            "`tokenizer_source` and `tokenizer` are both given",
        )
        .label("second source")
        .help("`tokenizer: {source: …}` says all that `tokenizer_source` does: keep one")),
        (None, Some(entry)) => Ok(Some(Tokenizer {
            request: TokenizerRequest {
                source: source(entry, reading)?,
                tokens: Vec::new(),
                multiple: None,
            },
            span: entry.span.clone(),
        })),
        (Some(entry), None) => mapping(entry, reading).map(Some),
    }
}

/// What numbers of rows may be rounded up to a multiple of: more would be rows without a token.
const MULTIPLE_MAX: u32 = 1 << 20;

fn mapping(entry: &Entry, reading: &mut Reading) -> Result<Tokenizer, Fault> {
    let keys = &["source", "tokens", "pad_to_multiple_of"];
    let fields = Fields::of(&entry.value, "`tokenizer`", keys)?;
    fields.finish(reading)?;
    let source_of = fields.need("source", "it is union, base or a model")?;
    let multiple = fields.get("pad_to_multiple_of").map(|entry| {
        let number = text(entry)?.parse::<u32>().ok();
        let number = number.filter(|number| (1..=MULTIPLE_MAX).contains(number));
        number.ok_or_else(|| {
            let found = entry.value.describe();
            let text =
                format!("`pad_to_multiple_of` is a number from 1 to {MULTIPLE_MAX}, not {found}");
            Fault::new(entry.value.span.clone(), text)
        })
    });
    let tokens = match fields.get("tokens") {
        None => Vec::new(),
        Some(entry) => {
            let Kind::Map(tokens) = &entry.value.kind else {
                let found = entry.value.describe();
                let text = format!("`tokens` is a mapping, not {found}");
                return Err(Fault::new(entry.value.span.clone(), text));
            };
            let tokens = tokens.iter().map(|entry| token(entry, reading));
            tokens.collect::<Result<_, _>>()?
        }
    };
    Ok(Tokenizer {
        request: TokenizerRequest {
            source: source(source_of, reading)?,
            tokens,
            multiple: multiple.transpose()?,
        },
        span: entry.span.clone(),
    })
}

fn source(entry: &Entry, reading: &mut Reading) -> Result<TokenizerSource, Fault> {
    Ok(match entry.value.text() {
        Some("union") => TokenizerSource::Union,
        Some("base") => TokenizerSource::Base,
        _ => TokenizerSource::Model(reference(entry, reading)?),
    })
}

fn token(entry: &Entry, reading: &mut Reading) -> Result<TokenRequest, Fault> {
    let fields = Fields::of(&entry.value, "a token", &["source", "force"])?;
    fields.finish(reading)?;
    let force = match fields.get("force").map(text).transpose()? {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let span = entry.value.span.clone();
            let text = format!("`force` is true or false, not `{other}`");
            return Err(Fault::new(span, text));
        }
    };
    Ok(TokenRequest {
        text: entry.key.clone(),
        row: fields
            .get("source")
            .map(|source| token_row(source, reading))
            .transpose()?,
        force,
    })
}

fn token_row(entry: &Entry, reading: &mut Reading) -> Result<TokenRow, Fault> {
    let has_kind = match &entry.value.kind {
        Kind::Map(fields) => fields.iter().any(|field| field.key == "kind"),
        _ => false,
    };
    if !has_kind {
        return Ok(TokenRow::Model(
            reference(entry, reading)?.reference.to_string(),
        ));
    }
    let keys = &["kind", "model", "token", "token_id"];
    let fields = Fields::of(&entry.value, "the source of a token", keys)?;
    fields.finish(reading)?;
    let kind = fields.need("kind", "it is model_token or zero")?;
    match text(kind)? {
        "zero" => return Ok(TokenRow::Zero),
        "model_token" => {}
        other => {
            let span = kind.value.span.clone();
            let fault = Fault::new(span, format!("`{other}` is no kind of source of a token"));
            return Err(fault.help("it is model_token or zero"));
        }
    }
    let model = fields.need("model", "name the model of the token")?;
    let model = reference(model, reading)?.reference.to_string();
    match (fields.get("token"), fields.get("token_id")) {
        (Some(token), None) => Ok(TokenRow::Token {
            model,
            text: text(token)?.to_owned(),
        }),
        (None, Some(number)) => match text(number)?.parse() {
            Ok(number) => Ok(TokenRow::Number { model, number }),
            Err(_) => {
                let found = number.value.describe();
                let text = format!("`token_id` is the number of a token, not {found}");
                Err(Fault::new(number.value.span.clone(), text))
            }
        },
        _ => Err(Fault::new(
            entry.span.clone(),
            "the source of a token names a token or a token_id of its model, and not both",
        )),
    }
}

/// Characters of a template at least.
const TEMPLATE_MIN: usize = 20;

/// Reads `chat_template`: one of the names, or a template itself.
pub(super) fn chat_template(fields: &Fields<'_>) -> Result<Option<String>, Fault> {
    let Some(entry) = fields.get("chat_template") else {
        return Ok(None);
    };
    let template = text(entry)?;
    let is_template = template.len() >= TEMPLATE_MIN && template.contains('{');
    let names = || std::iter::once("auto").chain(CHAT_TEMPLATES.iter().map(|own| own.name));
    if is_template || names().any(|own| own == template) {
        return Ok(Some(template.to_owned()));
    }
    let text = format!("`{template}` is no chat template");
    let names = names().collect::<Vec<_>>().join(", ");
    Err(Fault::new(entry.value.span.clone(), text)
        .help(format!("it is one of {names}, or a template in Jinja")))
}
