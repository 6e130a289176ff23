//! The values of a mergekit method for one tensor, and what the methods here are told by them.

use super::parameter::Parameter;
use crate::method::ParameterValue;

/// What a method's parameters are for one tensor.
#[derive(Debug)]
pub(super) struct Values {
    /// The parameters.
    pub parameters: &'static [Parameter],
    /// For each of them the values of the inputs, or the one value.
    pub given: Vec<Vec<Option<f64>>>,
    /// Elements of the tensor.
    pub elements: u64,
}

type Told = Vec<(&'static str, ParameterValue)>;

/// A probability at which no entry is kept.
const DENSITY_MIN: f64 = 1e-12;
/// Weights that add up to less count as cancelling out, and are then not divided by their sum.
const SUM_MIN: f64 = 1e-8;

impl Values {
    fn each(&self, name: &str) -> Vec<f64> {
        let parameters = self.parameters.iter();
        let found = parameters.zip(&self.given);
        let mut found = found.filter(|(parameter, _)| parameter.name == name);
        let values = found.next().map(|(_, values)| values.as_slice());
        let values = values.unwrap_or_default().iter();
        values.map(|value| value.unwrap_or(1.0)).collect()
    }

    fn number(&self, name: &str) -> f64 {
        self.each(name).first().copied().unwrap_or(1.0)
    }

    fn flag(&self, name: &str) -> bool {
        self.number(name) != 0.0
    }

    fn numbers(&self, name: &'static str) -> (&'static str, ParameterValue) {
        (name, ParameterValue::Numbers(self.each(name)))
    }

    fn word(name: &'static str, word: &str) -> (&'static str, ParameterValue) {
        (name, ParameterValue::Word(word.to_owned()))
    }

    fn normalize(&self) -> (&'static str, ParameterValue) {
        ("normalize", ParameterValue::Flag(self.flag("normalize")))
    }

    /// Division by the sum of the weights, unless they cancel out.
    fn normalize_sum(&self) -> (&'static str, ParameterValue) {
        let sum: f64 = self.each("weight").iter().sum();
        let normalize = self.flag("normalize") && sum.abs() >= SUM_MIN;
        ("normalize", ParameterValue::Flag(normalize))
    }

    fn divisor(&self) -> (&'static str, ParameterValue) {
        Values::word(
            "divisor",
            if self.flag("normalize") {
                "weight"
            } else {
                "none"
            },
        )
    }

    fn rescale(&self) -> (&'static str, ParameterValue) {
        Values::word("rescale", if self.flag("rescale") { "l1" } else { "none" })
    }

    /// Probabilities of keeping an entry: more than all is all, and none is next to none.
    fn densities(&self) -> Vec<f64> {
        let densities = self.each("density").into_iter();
        let densities = densities.map(|density| match density {
            0.0 => DENSITY_MIN,
            density => density.min(1.0),
        });
        densities.collect()
    }

    pub(super) fn linear(&self) -> Told {
        vec![self.numbers("weight"), self.normalize()]
    }

    pub(super) fn slerp(&self) -> Told {
        vec![self.numbers("t")]
    }

    pub(super) fn task_arithmetic(&self) -> Told {
        vec![
            self.numbers("weight"),
            self.normalize_sum(),
            self.numbers("lambda"),
        ]
    }

    pub(super) fn ties(&self) -> Told {
        // One entry is kept of what a density above 0 leaves none of.
        let least = 1.5 / self.elements.max(1) as f64;
        let densities = self.each("density");
        let weights = self.each("weight").into_iter().zip(&densities);
        // A model of which nothing is kept has no say.
        let weights = weights.map(|(weight, density)| if *density == 0.0 { 0.0 } else { weight });
        let kept = densities.iter().map(|density| match *density {
            0.0 => 1.0,
            density if density > 0.0 => density.max(least).min(1.0),
            below => below,
        });
        vec![
            ("weight", ParameterValue::Numbers(weights.collect())),
            ("density", ParameterValue::Numbers(kept.collect())),
            self.divisor(),
            self.rescale(),
            self.numbers("lambda"),
        ]
    }

    pub(super) fn dare_linear(&self) -> Told {
        vec![
            self.numbers("weight"),
            ("density", ParameterValue::Numbers(self.densities())),
            self.normalize_sum(),
            self.rescale(),
            self.numbers("lambda"),
        ]
    }

    pub(super) fn dare_ties(&self) -> Told {
        vec![
            self.numbers("weight"),
            ("density", ParameterValue::Numbers(self.densities())),
            self.divisor(),
            self.rescale(),
            self.numbers("lambda"),
        ]
    }

    /// One model with a factor, if one is given.
    pub(super) fn passthrough(&self) -> Told {
        vec![
            ("weight", ParameterValue::Numbers(self.each("scale"))),
            ("normalize", ParameterValue::Flag(false)),
        ]
    }

    pub(super) fn breadcrumbs(&self) -> Told {
        let own = ("gamma", ParameterValue::Numbers(self.shares("gamma")));
        [self.dare_linear(), vec![own]].concat()
    }

    pub(super) fn breadcrumbs_ties(&self) -> Told {
        let own = ("gamma", ParameterValue::Numbers(self.shares("gamma")));
        [self.dare_ties(), vec![own]].concat()
    }

    pub(super) fn della(&self) -> Told {
        [self.dare_ties(), vec![self.numbers("epsilon")]].concat()
    }

    pub(super) fn della_linear(&self) -> Told {
        [self.dare_linear(), vec![self.numbers("epsilon")]].concat()
    }

    /// Shares: less than none is none, more than all is all.
    fn shares(&self, name: &str) -> Vec<f64> {
        let shares = self.each(name).into_iter();
        shares.map(|share| share.clamp(0.0, 1.0)).collect()
    }

    /// Numbers of which those below 0 count as 0.
    fn not_below_zero(&self, name: &'static str) -> (&'static str, ParameterValue) {
        (
            name,
            ParameterValue::Numbers(vec![self.number(name).max(0.0)]),
        )
    }

    pub(super) fn model_stock(&self) -> Told {
        let filter_wise = ParameterValue::Flag(self.flag("filter_wise"));
        vec![("filter_wise", filter_wise)]
    }

    pub(super) fn nearswap(&self) -> Told {
        vec![self.not_below_zero("t")]
    }

    pub(super) fn nuslerp(&self) -> Told {
        let angles = match (self.flag("nuslerp_flatten"), self.flag("nuslerp_row_wise")) {
            (true, _) => "tensor",
            (_, true) => "column",
            _ => "row",
        };
        vec![self.numbers("weight"), Values::word("angles", angles)]
    }

    pub(super) fn multislerp(&self) -> Told {
        let normalize = ParameterValue::Flag(self.flag("normalize_weights"));
        vec![
            self.numbers("weight"),
            ("normalize", normalize),
            self.not_below_zero("eps"),
        ]
    }

    pub(super) fn karcher(&self) -> Told {
        let steps = self.number("max_iter").max(0.0).floor();
        vec![
            ("max_iter", ParameterValue::Numbers(vec![steps])),
            self.not_below_zero("tol"),
        ]
    }

    pub(super) fn sce(&self) -> Told {
        let shares = self.shares("select_topk");
        vec![("select_topk", ParameterValue::Numbers(shares))]
    }

    pub(super) fn ram(&self) -> Told {
        vec![self.not_below_zero("epsilon")]
    }

    pub(super) fn ramplus(&self) -> Told {
        vec![
            self.numbers("r"),
            self.not_below_zero("alpha"),
            self.not_below_zero("epsilon"),
        ]
    }
}
