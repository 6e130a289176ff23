//! What of the output is stored as codes, as a whole.

use std::sync::Arc;

use super::bytes::Bytes;
use super::draft::{Draft, Work};
use super::drafter::Drafter;
use super::input::Input;
use super::job::{Action, Job};
use super::said::Said;
use super::{Output, Source};
use crate::checkpoint::TensorInfo;
use crate::dtype::DType;
use crate::recipe::target::{Marks, Target};
use crate::recipe::{Recipe, Storing};

/// What of the output is stored as codes.
#[derive(Clone, Debug, Default)]
pub struct CodedOutput {
    /// Tensors that are.
    pub tensors: usize,
    /// Those of them that are copied.
    pub copied: usize,
    /// Entries that are copied.
    pub(super) entries: usize,
    /// What the header says of them.
    pub(super) said: Vec<Said>,
    /// A tensor that is, as its model calls it and as the output does.
    renamed: Option<Renamed>,
    /// Layers that are not: matrices that a format was asked for, and that stay as they are.
    pub left: Vec<String>,
}

/// A tensor's name in a model and in the output.
#[derive(Clone, Debug)]
struct Renamed {
    own: String,
    output: String,
}

impl Renamed {
    /// What an entry is called in the output that lies beside the tensor, or above it.
    fn entry(&self, name: &str) -> String {
        let pairs = self.own.chars().rev().zip(self.output.chars().rev());
        let common: usize = pairs
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum();
        let own = &self.own[..self.own.len() - common];
        match name.strip_prefix(own) {
            Some(rest) => format!("{}{rest}", &self.output[..self.output.len() - common]),
            None => name.to_owned(),
        }
    }
}

impl CodedOutput {
    /// Takes note of a draft.
    pub(super) fn note(&mut self, draft: &mut Draft) {
        self.said.extend(draft.said.take());
        if let (None, Some(own)) = (&self.renamed, draft.from.take()) {
            self.renamed = Some(Renamed {
                own,
                output: draft.key.clone(),
            });
        }
        let is_copy = matches!(draft.work, Work::Copy(_));
        self.entries += usize::from(is_copy && draft.is_entry);
        self.copied += usize::from(draft.is_codes);
        match &draft.work {
            Work::Merge(_, _, Some(_)) => self.tensors += 1,
            Work::Copy(_) if draft.is_codes => self.tensors += 1,
            Work::Copy(_) | Work::Merge(..) if draft.shape.len() == 2 && !draft.is_entry => {
                let name = draft.key.strip_suffix(".weight");
                self.left.extend(name.map(str::to_owned));
            }
            _ => {}
        }
    }
}

impl Drafter<'_> {
    /// The entries of the output that mark it as one of codes.
    pub(super) fn markers(self, coded: &CodedOutput, jobs: &[Job]) -> Vec<Draft> {
        if coded.tensors == 0 {
            return Vec::new();
        }
        match self.recipe.options.format.storing {
            Storing::Keep => self.kept_markers(coded),
            Storing::Target(Target {
                marks: Marks::ScaledFp8,
                ..
            }) => vec![scaled_fp8(jobs)],
            Storing::Target(_) => Vec::new(),
        }
    }

    /// Those of the reference model.
    fn kept_markers(self, coded: &CodedOutput) -> Vec<Draft> {
        let reference = self.recipe.reference;
        let source = &self.sources[reference.index()];
        let known = source.markers.iter();
        let known = known.filter_map(|key| Some((key, source.entries.get(key)?)));
        let draft = |(key, info): (&String, &TensorInfo)| Draft {
            key: match &coded.renamed {
                Some(renamed) => renamed.entry(key),
                None => key.clone(),
            },
            dtype: info.dtype,
            shape: info.shape.to_vec(),
            run: None,
            work: Work::Copy(Input {
                element_bytes: 1,
                bytes: Bytes::Run {
                    model: reference,
                    file: info.file,
                    offset: info.span.start,
                },
            }),
            copies: Box::default(),
            said: None,
            from: None,
            is_entry: true,
            is_codes: false,
        };
        known.map(draft).collect()
    }
}

/// The marker of ComfyUI's fp8 of old: beside all layers, where what their names have in common
/// ends.
fn scaled_fp8(jobs: &[Job]) -> Draft {
    let parts = jobs.iter();
    let parts = parts.filter(|job| matches!(job.action, Action::Part));
    let mut names = parts.map(|job| job.key.as_str());
    let first = names.next().unwrap_or_default();
    const PREFIX: &str = "model.diffusion_model.";
    let has_prefix = first.starts_with(PREFIX) && names.all(|name| name.starts_with(PREFIX));
    Draft {
        key: format!("{}scaled_fp8", if has_prefix { PREFIX } else { "" }),
        dtype: DType::F8E4M3,
        shape: vec![0],
        run: None,
        work: Work::Copy(Input {
            element_bytes: 1,
            bytes: Bytes::Constant(Arc::new([])),
        }),
        copies: Box::default(),
        said: None,
        from: None,
        is_entry: true,
        is_codes: false,
    }
}

/// What is to be said of an output whose loaders look for settings that it will not have.
pub(super) fn note(recipes: &[Recipe], sources: &[Source<'_>], output: &Output) -> Option<String> {
    let recipe = recipes.first()?;
    let Storing::Target(target) = recipe.options.format.storing else {
        return None;
    };
    let reads = matches!(target.marks, Marks::Config { .. } | Marks::ModelOpt);
    let has = *output == Output::Folder && sources[recipe.reference.index()].is_folder;
    (reads && !has).then(|| {
        format!(
            "what loads {} looks for `quantization_config` in config.json, which the output has \
             not: merge a folder with its config.json into a folder",
            target.word
        )
    })
}
