//! From what was found of jobs to the tensors of a report.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::write::told::compared;
use super::{Merge, MergeError};
use crate::checkpoint::TensorInfo;
use crate::dtype::DType;
use crate::kernel::Step;
use crate::keys::Mismatch;
use crate::keys::blocks::places;
use crate::method::Compared;
use crate::plan::{Action, IndexVec, Job, JobId, OutputId};
use crate::recipe::RecipeNode;
use crate::report::{Comparison, Form, Greatest, State, Stored, Subject, Tensor, Top};

/// What was found of a job.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) compared: Option<Compared>,
    pub(super) changed_bytes: u64,
}

impl Merge {
    /// What each model is called, in their order.
    fn roles(&self) -> &'static [&'static str] {
        match self.checkpoints().len() {
            2 => &["a", "b"],
            _ => &["base", "a", "b"],
        }
    }

    /// The models with their fingerprints.
    pub(super) fn subjects(&self) -> Result<Vec<Subject>, MergeError> {
        let named = self.roles().iter().zip(self.checkpoints());
        let subjects = named.map(|(role, checkpoint)| {
            Ok(Subject {
                role: (*role).to_owned(),
                path: checkpoint.path().display().to_string(),
                fingerprint: Some(checkpoint.fingerprint()?),
            })
        });
        subjects.collect()
    }

    /// Every tensor that a model has, with what was found: first those that were compared, in the
    /// order of the first model, then those of other forms, then those that not all have.
    pub(super) fn compared_tensors(&self, found: &IndexVec<JobId, Found>) -> Vec<Tensor> {
        let plan = self.plan();
        let jobs = plan.jobs.numbered();
        let jobs = jobs.map(|(number, job)| self.compared_tensor(job, &found[number]));
        let mut tensors: Vec<Tensor> = jobs.collect();
        let mut others: IndexMap<&str, Tensor> = IndexMap::new();
        let models = &plan.report.models;
        let known: HashSet<String> = tensors.iter().map(|own| own.key.clone()).collect();
        for mismatch in models.iter().flat_map(|model| &model.mismatched) {
            if !known.contains(&mismatch.key) {
                let tensor = other_form(mismatch);
                others.entry(&mismatch.key).or_insert(tensor);
            }
        }
        let mut lone: IndexMap<&str, Tensor> = IndexMap::new();
        for ((role, model), checkpoint) in self.roles().iter().zip(models).zip(self.checkpoints()) {
            let names = checkpoint.tensors();
            for key in model
                .extra
                .iter()
                .filter(|key| !others.contains_key(key.as_str()))
            {
                // A name without the prefix of its file says less.
                let info = names.get(key);
                let entry = lone.entry(key).or_insert_with(|| lone_tensor(key, info));
                entry.present.push(role);
            }
        }
        tensors.extend(others.into_values().chain(lone.into_values()));
        let keys: Vec<&str> = tensors.iter().map(|tensor| tensor.key.as_str()).collect();
        let blocks = places(&keys);
        for (tensor, block) in tensors.iter_mut().zip(blocks) {
            tensor.block = block;
        }
        tensors
    }

    /// Of how many runs of rows a tensor has, the middle one was looked at.
    fn runs(&self, job: &Job) -> u64 {
        let sample = self.recipe().options.sample.as_ref();
        sample.map_or(1, |sample| sample.get(&job.key).copied().unwrap_or(1))
    }

    /// The dimensions of a tensor of which a job looks at all, or at a run of rows.
    fn whole(&self, job: &Job) -> Vec<u64> {
        let mut shape = job.shape.to_vec();
        if let Some(rows) = shape.first_mut() {
            *rows *= self.runs(job);
        }
        shape
    }

    fn compared_tensor(&self, job: &Job, found: &Found) -> Tensor {
        let shape = self.whole(job);
        let form = |dtype: DType, shape: &[u64]| Form {
            dtype: dtype.name().to_owned(),
            shape: shape.to_vec(),
        };
        let key = job.key.clone();
        if let Action::Copy(_) = job.action {
            let [.., a, b] = &*job.copies else {
                return Tensor::new(key, String::new(), State::Copied, form(job.dtype, &shape));
            };
            let (own, other) = (form(a.dtype, &a.shape), form(b.dtype, &b.shape));
            let stored = compared(job).map(|_| Stored {
                bytes: job.bytes,
                changed: found.changed_bytes,
            });
            let state = match stored {
                Some(_) => State::Bytes,
                None => State::OtherForm,
            };
            return Tensor {
                stored,
                other: (own != other).then_some(other),
                ..Tensor::new(key, String::new(), state, own)
            };
        }
        let [.., a, b] = self.dtypes(job)[..] else {
            return Tensor::new(key, String::new(), State::Compared, form(job.dtype, &shape));
        };
        let comparison = found.compared.as_ref();
        Tensor {
            other: (a != b).then(|| form(b, &shape)),
            comparison: comparison.map(|own| self.comparison(job, own)),
            ..Tensor::new(key, String::new(), State::Compared, form(a, &shape))
        }
    }

    /// The stored types of a job's inputs, model by model.
    fn dtypes(&self, job: &Job) -> Vec<DType> {
        let plan = self.plan();
        let Some(work) = job.work(OutputId::FIRST) else {
            return Vec::new();
        };
        let mut types = vec![job.dtype; self.checkpoints().len()];
        let programs = plan.classes[work.class].programs();
        for step in programs.flat_map(|program| plan.programs[program].steps()) {
            if let Step::Load { slot, float, .. } = step
                && let Some(input) = work.slots[slot.index()]
            {
                let model = job.inputs()[input.index()].model();
                types[model.index()] = float.dtype();
            }
        }
        types
    }

    fn comparison(&self, job: &Job, own: &Compared) -> Comparison {
        let density = || match self.recipe().nodes.last() {
            Some(RecipeNode::Merge { parameters, .. }) => parameters.number("density", 0),
            _ => 0.0,
        };
        Comparison {
            elements: job.elements,
            a_squares: own.squares[0],
            b_squares: own.squares[1],
            products: own.products,
            change_squares: own.change_squares,
            changed: own.changed,
            same_sign: own.same_sign,
            opposite_sign: own.opposite_sign,
            a_non_finite: own.non_finite[0],
            b_non_finite: own.non_finite[1],
            greatest: own.greatest.map(|(magnitude, element)| {
                let element = element + self.runs(job) / 2 * job.elements;
                Greatest {
                    magnitude,
                    key: job.key.clone(),
                    element,
                    index: index(&self.whole(job), element),
                }
            }),
            base_squares: own.base_squares,
            top: own.top.map(|[a, b, same_sign, opposite_sign]| Top {
                density: density(),
                a,
                b,
                both: same_sign + opposite_sign,
                opposite_sign,
            }),
        }
    }
}

/// The index in each dimension of an element.
fn index(shape: &[u64], element: u64) -> Vec<u64> {
    let mut rest = element;
    let mut index: Vec<u64> = shape
        .iter()
        .rev()
        .map(|length| {
            let own = rest % length.max(&1);
            rest /= length.max(&1);
            own
        })
        .collect();
    index.reverse();
    index
}

/// A tensor whose shapes differ.
fn other_form(mismatch: &Mismatch) -> Tensor {
    let key = mismatch.key.clone();
    Tensor {
        other: Some(form_of(&mismatch.found)),
        ..Tensor::new(
            key,
            String::new(),
            State::OtherForm,
            form_of(&mismatch.expected),
        )
    }
}

/// A form as the account of keys has it, `F16 [320, 4]`.
fn form_of(text: &str) -> Form {
    let (dtype, shape) = text.split_once(' ').unwrap_or((text, "[]"));
    Form {
        dtype: dtype.to_owned(),
        shape: serde_json::from_str(shape).unwrap_or_default(),
    }
}

/// A tensor that not all models have.
fn lone_tensor(key: &str, info: Option<&TensorInfo>) -> Tensor {
    let form = Form {
        dtype: info.map_or("", |info| info.dtype.name()).to_owned(),
        shape: info.map(|info| info.shape.to_vec()).unwrap_or_default(),
    };
    Tensor::new(key.to_owned(), String::new(), State::OnlySome, form)
}
