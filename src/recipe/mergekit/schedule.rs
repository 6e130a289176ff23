//! The parameters of a merge by the names of its tensors: levels, filters and gradients.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::extent::{Extent, Renamed, Tied};
use super::parameter::{Default, Parameter};
use super::segment::{Input, Segment};
use super::setting::Setting;
use super::table::Core;
use super::values::Values;
use crate::checkpoint::Shape;
use crate::method::ParameterValue;
use crate::recipe::Schedule;

/// A tensor of a model or a result, as far as a recipe cares.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    /// Its dimensions.
    pub shape: Shape,
}

/// Tensors by their names.
pub(super) type Made = IndexMap<String, Tensor, foldhash::fast::RandomState>;

/// The parameters of a merge.
#[derive(Debug)]
pub(super) struct Levels {
    /// The merge.
    pub segment: Segment,
    /// The method here.
    pub core: Core,
    /// Its tensors.
    pub extent: Arc<Extent>,
    /// The tensors that it gives.
    pub made: Arc<Made>,
    /// How many of its models take part in tensors outside of layers.
    pub outside: usize,
    /// The tensors of each of its models, the base included, under the names of the result.
    pub renamed: Vec<Arc<Renamed>>,
}

/// A filter, and whether it is for any tensor.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// The part of names.
    pub text: String,
    /// Its place.
    pub span: Range<usize>,
    /// Whether any tensor's name has it.
    pub matches: bool,
}

/// Filters by the places where they begin.
pub(super) type Filters = BTreeMap<usize, Filter>;

impl Levels {
    /// `ties` are the heads that the models do not have themselves.
    pub fn new(
        segment: Segment,
        extent: Arc<Extent>,
        made: Arc<Made>,
        (ties, outside): (Vec<Option<Tied>>, usize),
    ) -> Levels {
        let renamed = ties.into_iter().enumerate().map(|(model, tied)| {
            Arc::new(Renamed {
                extent: Arc::clone(&extent),
                model,
                tied,
            })
        });
        Levels {
            core: segment.row.core,
            segment,
            renamed: renamed.collect(),
            extent,
            made,
            outside,
        }
    }

    /// Whether one of its models has other names than the result.
    pub fn renames(&self, model: usize) -> bool {
        self.renamed[model].tied.is_some() || self.extent.renames(model)
    }

    /// Whether the tensors of its one model, or of the base alone, are passed on as they are.
    pub fn is_copy(&self) -> bool {
        let optional = |own: &Parameter| own.default == Default::Absent;
        let mut parameters = self.segment.row.parameters.iter();
        let says = |own: &Parameter| {
            let mut inputs = self.segment.inputs.iter();
            inputs.any(|input| self.segment.settings(own, Some(input)).next().is_some())
        };
        let alone = self.segment.inputs.is_empty();
        let one = self.segment.base.is_none() && self.segment.row.max == 1;
        alone || one && parameters.all(|own| optional(own) && !says(own))
    }

    /// Notes which filters of its settings are for any of its tensors.
    pub fn note_filters(&self, filters: &mut Filters) {
        for parameter in self.segment.row.parameters {
            if !parameter.per_model {
                for setting in self.segment.settings(parameter, None) {
                    note(filters, setting, || self.made.keys().cloned());
                }
                continue;
            }
            for (number, input) in self.segment.inputs.iter().enumerate() {
                let number = number + usize::from(self.segment.base.is_some());
                let names = || {
                    self.made
                        .keys()
                        .map(move |own| self.extent.source(own, number))
                };
                for setting in self.segment.settings(parameter, Some(input)) {
                    note(filters, setting, names);
                }
            }
        }
    }

    fn takes(&self, name: &str, input: &Input) -> bool {
        self.extent.is_layer(name) || input.order < self.outside
    }

    /// The values of a parameter for a tensor: one, or one for each model.
    fn values(&self, parameter: &Parameter, name: &str) -> Vec<Option<f64>> {
        let depth = self.extent.depth(name);
        if !parameter.per_model {
            return vec![self.segment.value(parameter, None, (name, depth))];
        }
        let inputs = self.segment.inputs.iter().enumerate();
        let value = |(number, input): (usize, &Input)| {
            let source = self
                .extent
                .source(name, number + usize::from(self.segment.base.is_some()));
            self.segment.value(parameter, Some(input), (&source, depth))
        };
        inputs.map(value).collect()
    }

    /// The first parameter that a tensor must have and does not, with the model that lacks it.
    pub fn lacks(&self, name: &str) -> Option<Lack<'_>> {
        let required = self.segment.row.parameters.iter();
        let mut required = required.filter(|own| own.default == Default::Required);
        required.find_map(|parameter| {
            let values = self.values(parameter, name);
            let mut missing = values.iter().enumerate();
            let (at, _) = missing.find(|(at, value)| {
                let input = self.segment.inputs.get(*at).filter(|_| parameter.per_model);
                value.is_none() && input.is_none_or(|input| self.takes(name, input))
            })?;
            let input = self.segment.inputs.get(at).filter(|_| parameter.per_model);
            Some(Lack { parameter, input })
        })
    }
}

/// Notes which filters of a setting are for any of some names.
fn note<N: Iterator<Item = String>>(
    filters: &mut Filters,
    setting: &Setting,
    names: impl Fn() -> N,
) {
    for case in &setting.cases {
        let Some(text) = &case.filter else {
            continue;
        };
        let filter = filters.entry(case.span.start).or_insert_with(|| Filter {
            text: text.clone(),
            span: case.span.clone(),
            matches: false,
        });
        filter.matches = filter.matches || names().any(|name| case.matches(&name));
    }
}

/// A parameter without a value for a tensor.
#[derive(Debug)]
pub(super) struct Lack<'l> {
    /// The parameter.
    pub parameter: &'static Parameter,
    /// The model, of one that each has for itself.
    pub input: Option<&'l Input>,
}

impl Schedule for Levels {
    fn parameters(&self, name: &str) -> Vec<(&'static str, ParameterValue)> {
        let parameters = self.segment.row.parameters.iter();
        let given = parameters.map(|parameter| self.values(parameter, name));
        let elements = self.made.get(name).map(|own| own.shape.iter().product());
        let values = Values {
            parameters: self.segment.row.parameters,
            given: given.collect(),
            elements: elements.unwrap_or(1),
        };
        (self.core.values)(&values)
    }

    fn takes_part(&self, name: &str, position: usize) -> bool {
        let input = self.segment.inputs.get(position);
        input.is_none_or(|input| self.takes(name, input))
    }
}
