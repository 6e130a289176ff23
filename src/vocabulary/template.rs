//! Chat templates.

use std::path::{Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::VocabularyError;
use super::files::{CHAT, CONFIG, Object, TEMPLATE, field, file_text, parsed};

/// Templates that go by a name.
pub const CHAT_TEMPLATES: [ChatTemplate; 5] = [
    ChatTemplate {
        name: "alpaca",
        text: include_str!("templates/alpaca.jinja"),
    },
    ChatTemplate {
        name: "chatml",
        text: include_str!("templates/chatml.jinja"),
    },
    ChatTemplate {
        name: "exaone",
        text: include_str!("templates/exaone.jinja"),
    },
    ChatTemplate {
        name: "llama3",
        text: include_str!("templates/llama3.jinja"),
    },
    ChatTemplate {
        name: "mistral",
        text: include_str!("templates/mistral.jinja"),
    },
];

/// A template with a name.
#[derive(Clone, Copy, Debug)]
pub struct ChatTemplate {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The chat template of a recipe: by a name, of most models under `auto`, or the text itself. None
/// where no model has one.
///
/// # Errors
/// [`VocabularyError`] where a model's files cannot be read.
pub fn chat_template(wanted: &str, models: &[PathBuf]) -> Result<Option<String>, VocabularyError> {
    if wanted == "auto" {
        return most_common(models);
    }
    let named = CHAT_TEMPLATES.iter().find(|own| own.name == wanted);
    Ok(Some(named.map_or(wanted, |own| own.text).to_owned()))
}

/// The template that most models have; of several with as many, the first. A model counts once.
fn most_common(models: &[PathBuf]) -> Result<Option<String>, VocabularyError> {
    let mut counts: IndexMap<String, usize> = IndexMap::new();
    let models: IndexSet<&PathBuf> = models.iter().collect();
    for model in models {
        if let Some(template) = template_of(model)? {
            *counts.entry(template.trim().to_owned()).or_default() += 1;
        }
    }
    let most = counts.values().max().copied();
    let found = counts.into_iter().find(|(_, count)| Some(*count) == most);
    Ok(found.map(|(template, _)| template))
}

/// The chat template of a model's folder, if it has one.
///
/// # Errors
/// [`VocabularyError`] where its files cannot be read.
pub fn template_of(folder: &Path) -> Result<Option<String>, VocabularyError> {
    if let Some(text) = file_text(&folder.join(TEMPLATE))? {
        return Ok(Some(text));
    }
    for name in [CONFIG, CHAT] {
        let path = folder.join(name);
        let Some(text) = file_text(&path)? else {
            continue;
        };
        let object: Object<'_> = parsed(&path, &text)?;
        if let Some(template) = object.get("chat_template") {
            return Ok(text_of(field(&path, "chat_template", template.get())?));
        }
    }
    Ok(None)
}

/// The text of a template, or of the default one of several.
fn text_of(template: Value) -> Option<String> {
    match template {
        Value::String(text) => Some(text),
        Value::Array(templates) => {
            let is = |template: &&Value| template["name"] == "default";
            let default = templates.iter().find(is)?;
            default["template"].as_str().map(str::to_owned)
        }
        _ => None,
    }
}
