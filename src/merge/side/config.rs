//! A model's configuration as that of the output: what it says of the weights holds for those of
//! the output. The dtype, the number of layers and what is listed for each, the size of the
//! vocabulary, and whether the head is the embedding.

use std::path::Path;

use serde_json::{Value, json};

use super::companions::Companion;
use super::described::Described;
use super::edit::{self, Object, Place, set};
use super::quantised::Settings;
use super::{dtype, tied};
use crate::checkpoint::{CONFIG_BYTES_MAX, TensorInfo, read_beside};
use crate::plan::Job;
use crate::recipe::{SideFiles, Stack};
use crate::sink::SideContent;
use crate::vocabulary::embeds_tokens;

/// The fields that say how many layers there are.
const LAYERS: [&str; 5] = [
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    DECODER_LAYERS,
];

/// The field for the second of two stacks.
const DECODER_LAYERS: &str = "num_decoder_layers";

/// Lists of the numbers of layers that are unlike the others.
const LAYER_NUMBERS: [&str; 1] = ["mlp_only_layers"];

/// The field that says how many of the first layers are unlike the others.
const FIRST_LAYERS: &str = "first_k_dense_replace";

/// Parts of a network whose layers and tokens are not those of its language model.
const OTHER_PARTS: [&str; 2] = ["vision", "audio"];

impl Described<'_> {
    /// What a companion holds in the output: a copy, but for a configuration that says of the
    /// weights what is no longer so. The way of `supermario` copies that too.
    pub(super) fn content(&self, companion: &Companion) -> SideContent {
        let is_config = companion.name.ends_with("config.json")
            && companion.bytes <= CONFIG_BYTES_MAX
            && self.recipe.options.side_files != SideFiles::Flat;
        // A copy fails with its reason where this one does not read.
        let text = match is_config {
            true => read_beside(&companion.origin, CONFIG_BYTES_MAX)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok()),
            false => None,
        };
        let edited = text.and_then(|text| self.edited(&companion.name, &text));
        match edited {
            Some(text) => SideContent::Bytes(text.into_bytes()),
            None => SideContent::CopyOf {
                origin: companion.origin.clone(),
                bytes: companion.bytes,
            },
        }
    }

    fn edited(&self, name: &Path, text: &str) -> Option<String> {
        let folder = name.parent().unwrap_or(Path::new(""));
        let settings = Settings::of(self);
        let keeps = matches!(settings, Settings::Kept);
        let dtype = dtype::change(self.reference(), &self.plan.files, folder);
        let dtype = dtype.filter(|_| !keeps);
        let is_whole = folder == Path::new("");
        let vocabulary = self.vocabulary().filter(|_| is_whole);
        let stacks = self.recipe.folder.iter().flat_map(|folder| &folder.stacks);
        let stacks: Vec<&Stack> = stacks
            .filter(|own| is_whole && !is_other(&own.name))
            .collect();
        let tied = is_whole.then(|| tied::change(self)).flatten();
        edit::edited(text, &mut |place, object| {
            let mut changed = dtype.is_some_and(|dtype| dtype::write(object, dtype));
            changed |= settings.write(place, object);
            if place.path.iter().any(|name| is_other(name)) {
                return changed;
            }
            if let Some(rows) = vocabulary {
                changed |= set(object, "vocab_size", &json!(rows));
            }
            changed |= self.restack(place, object, &stacks);
            if let Some(tied) = tied {
                changed |= tied::write(object, tied, place.path.is_empty());
            }
            changed
        })
    }

    /// The rows of the output's embedding, where the reference model has another number.
    fn vocabulary(&self) -> Option<u64> {
        let own = self.reference().tensors();
        let rows = |job: &Job| {
            let before = own.get(&*job.key).map(|info: &TensorInfo| &info.shape)?;
            match (before.first(), job.shape.first()) {
                (Some(before), Some(after)) if before != after => Some(*after),
                _ => None,
            }
        };
        let mut embeddings = self.plan.jobs.iter().filter(|job| embeds_tokens(&job.key));
        embeddings.find_map(rows)
    }

    /// Has a part of a configuration say what the layers of stacks are.
    fn restack(&self, place: Place<'_>, object: &mut Object, stacks: &[&Stack]) -> bool {
        let counts = LAYERS.map(|name| number(object, name));
        let mut changed = false;
        for (name, before) in LAYERS.into_iter().zip(counts) {
            if let (Some(before), Some(stack)) = (before, stack_of(name, stacks)) {
                changed |= set(object, name, &json!(stack.layers.len()));
                changed |= self.relist(place, object, stack, before);
            }
        }
        changed
    }

    /// Has what is listed for each layer of a stack be that of the layers it is made of.
    fn relist(&self, place: Place<'_>, object: &mut Object, stack: &Stack, before: u64) -> bool {
        let mut changed = false;
        let names: Vec<String> = object.keys().cloned().collect();
        for name in names {
            let value = serde_json::from_str(object[&name].get());
            let Ok(value) = value else { continue };
            let restacked = match &value {
                Value::Array(list) if LAYER_NUMBERS.contains(&name.as_str()) => {
                    Some(numbered(list, stack))
                }
                Value::Array(list) if list.len() as u64 == before => {
                    self.relisted(place, &name, list, stack)
                }
                Value::Number(first) if name == FIRST_LAYERS => first.as_u64().map(|first| {
                    let leading = stack
                        .layers
                        .iter()
                        .take_while(|from| (from.layer as u64) < first);
                    json!(leading.count())
                }),
                _ => None,
            };
            if let Some(restacked) = restacked {
                changed |= set(object, &name, &restacked);
            }
        }
        changed
    }

    /// A list with an entry for each layer: that of the layer in the model that it is from.
    fn relisted(
        &self,
        place: Place<'_>,
        name: &str,
        own: &[Value],
        stack: &Stack,
    ) -> Option<Value> {
        let list = |config: &'_ Option<Value>| {
            let mut value = config.as_ref()?;
            for name in place.path {
                value = value.get(name)?;
            }
            value.get(name)?.as_array().cloned()
        };
        let lists: Vec<Option<Vec<Value>>> = self.configurations().iter().map(list).collect();
        let entries = stack.layers.iter().map(|from| {
            let list = lists[from.model].as_deref().unwrap_or(own);
            list.get(from.layer).cloned()
        });
        entries.collect::<Option<Vec<Value>>>().map(Value::Array)
    }
}

/// The stack whose layers a field counts.
fn stack_of<'s>(field: &str, stacks: &[&'s Stack]) -> Option<&'s Stack> {
    let decodes = |own: &&&Stack| own.name.contains("decoder");
    let mut own = stacks.iter();
    let found = match field == DECODER_LAYERS {
        true => own.find(decodes),
        false => own.find(|own| !decodes(own)),
    };
    found.or(stacks.first()).copied()
}

/// The layers of a stack that are from layers of a list.
fn numbered(list: &[Value], stack: &Stack) -> Value {
    let listed = |layer: usize| list.iter().any(|own| own.as_u64() == Some(layer as u64));
    let layers = stack.layers.iter().enumerate();
    let layers = layers.filter(|(_, from)| listed(from.layer));
    layers.map(|(number, _)| json!(number)).collect()
}

fn is_other(name: &str) -> bool {
    OTHER_PARTS.iter().any(|part| name.contains(part))
}

fn number(object: &Object, name: &str) -> Option<u64> {
    object.get(name)?.get().parse().ok()
}
