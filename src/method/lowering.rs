//! One tensor of one merge while its method writes the arithmetic.

use super::{Method, ParameterError, Parameters};
use crate::dtype::Float;
use crate::kernel::{Compute, Expression, Formula, Node, Operand, Scope, Stream};

/// A model's value of the tensor at hand.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// The model's position among the method's models; parameters are looked up by it.
    pub position: usize,
    /// Its value.
    pub node: Node,
}

/// A parameter's value for a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// One number.
    Number(f64),
    /// A number for each element.
    Each(Node),
}

/// What a method has to work with.
pub struct Lowering<'a> {
    /// The method.
    pub method: &'static Method,
    /// Where the arithmetic goes.
    pub expression: &'a mut Expression,
    /// The base model's value, where the method takes one.
    pub base: Option<Node>,
    /// The values of the models that have the tensor.
    pub models: Vec<Argument>,
    /// The method's parameters.
    pub parameters: &'a Parameters,
    /// Those that are given per element.
    pub each: &'a [(&'static str, Node)],
    /// The tensor's name.
    pub key: &'a str,
    /// How many elements it has.
    pub elements: u64,
    /// Its shape.
    pub shape: &'a [u64],
    /// Whether what was written depends on where in the tensor an element is.
    pub placed: bool,
    /// The seed of the merge.
    pub seed: u64,
    /// Distinguishes this merge from others of the recipe.
    pub merge: usize,
    /// The type that all models' values are of, where it is narrower than f32: tools that compute
    /// in it round every step of some methods.
    pub working: Option<Float>,
    /// How many merges come before it.
    pub merges_before: u32,
    /// What is wrong with the parameters for the models that have the tensor.
    pub fault: Option<ParameterError>,
    /// The number that the result is, where it is one for the whole tensor: parameters take it.
    pub same: Option<f64>,
}

/// Weights whose sum is a smaller share of their size than this cancel out; those whose sum is as
/// near to one are shares.
const SUM_MIN: f64 = 1e-9;

/// Elements of two bytes in one of torch's vectors on a CPU of 512 bits.
const TORCH_VECTOR: u64 = 32;

/// Whether weights add up to one.
pub(super) fn are_shares(weights: impl IntoIterator<Item = f64>) -> bool {
    let sums = weights.into_iter().fold((0.0, 0.0), |(sum, size), weight| {
        (sum + weight, size + f64::abs(weight))
    });
    (sums.0 - 1.0).abs() <= SUM_MIN * sums.1
}

impl Lowering<'_> {
    /// The base's value. Methods that call this declare the base as required.
    pub fn base(&self) -> Node {
        self.base
            .expect("a method that requires a base is given one")
    }

    /// A result that is one number for the whole tensor.
    pub fn one_number(&mut self, number: f64) -> Node {
        self.same = Some(number);
        let number = self.expression.scalar(number);
        self.expression.call(Formula::Fill, &[number])
    }

    /// A parameter's number for a model.
    pub fn number(&self, name: &str, model: Argument) -> f64 {
        self.parameters.number(name, model.position)
    }

    /// A parameter that may be given per element.
    pub fn amount(&self, name: &str) -> Amount {
        match self.each.iter().find(|(known, _)| *known == name) {
            Some((_, node)) => Amount::Each(*node),
            None => Amount::Number(self.parameters.number(name, 0)),
        }
    }

    /// The value of the one model with a role, by the name of the method's input.
    pub fn input(&self, name: &str) -> Node {
        let mut with = self.with_role(name);
        with.next()
            .expect("a method is asked only where its single inputs are there")
    }

    /// The values of the models with a role, by the name of the method's input.
    pub fn inputs(&self, name: &str) -> Vec<Node> {
        self.with_role(name).collect()
    }

    fn with_role(&self, name: &str) -> impl Iterator<Item = Node> {
        let is = move |model: &&Argument| {
            let input = self.method.input(model.position);
            input.is_some_and(|input| input.name == name)
        };
        self.models.iter().filter(is).map(|model| model.node)
    }

    /// The weights of the models that have the tensor.
    pub fn weights(&self) -> Vec<f64> {
        let models = self.models.iter();
        models.map(|&model| self.number("weight", model)).collect()
    }

    /// What weights are divided by to be normalized: their sum. That they cancel out is a fault.
    pub fn divisor(&mut self, weights: &[f64]) -> f64 {
        let sum: f64 = weights.iter().sum();
        let size: f64 = weights.iter().map(|weight| weight.abs()).sum();
        if sum.abs() > SUM_MIN * size {
            return sum;
        }
        self.fault = Some(ParameterError::WeightSum {
            weights: weights.to_vec(),
        });
        1.0
    }

    /// The values of the models, without their positions.
    pub fn values(&self) -> Vec<Node> {
        self.models.iter().map(|model| model.node).collect()
    }

    /// The sum of values, in order.
    pub fn total(&mut self, values: &[Node]) -> Node {
        values[1..].iter().fold(values[0], |sum, &value| {
            self.call(Formula::Add, &[sum, value])
        })
    }

    /// Calls a formula on values.
    pub fn call(&mut self, formula: Formula, values: &[Node]) -> Node {
        let operands: Vec<Operand> = values.iter().map(|&node| node.into()).collect();
        self.expression.call(formula, &operands)
    }

    /// A number that steers a formula. One that the working dtype cannot hold is a fault.
    pub fn scalar(&mut self, value: f64) -> Operand {
        let compute = self.expression.compute();
        if !f32::from_bits(compute.scalar(value)).is_finite() {
            self.fault.get_or_insert(ParameterError::Factor {
                value,
                compute: compute.name(),
            });
        }
        self.expression.scalar(value)
    }

    /// x factor. A factor of one leaves x as it is, which changes no bit.
    pub fn scale(&mut self, x: Node, factor: f64) -> Node {
        if factor == 1.0 {
            return x;
        }
        let factor = self.scalar(factor);
        self.expression.call(Formula::Scale, &[x.into(), factor])
    }

    /// acc + x factor, as peers compute it.
    pub fn add_scaled(&mut self, acc: Node, x: Node, factor: f64) -> Node {
        if factor == 1.0 {
            return self.call(Formula::Add, &[acc, x]);
        }
        let factor = self.scalar(factor);
        self.expression
            .call(Formula::Axpy, &[acc.into(), x.into(), factor])
    }

    /// acc moved by x factor: where there is nothing to add, acc stays bit for bit.
    pub fn shift(&mut self, acc: Node, x: Node, factor: f64) -> Node {
        if factor == 1.0 {
            return self.call(Formula::Shift, &[acc, x]);
        }
        let factor = self.scalar(factor);
        self.expression
            .call(Formula::ShiftScaled, &[acc.into(), x.into(), factor])
    }

    /// The mean of values under weights that add up to one: the value of the largest weight, moved
    /// by the weighted differences of the others to it. So equal values have that value as their
    /// mean, bit for bit. Values of weight zero are left out.
    pub fn mean(&mut self, terms: &[(Node, f64)]) -> Node {
        let heavier = |a: &(Node, f64), b: &(Node, f64)| b.1.abs() > a.1.abs();
        let (mut anchor, mut at) = (terms[0], 0);
        for (number, term) in terms.iter().enumerate() {
            if heavier(&anchor, term) {
                (anchor, at) = (*term, number);
            }
        }
        let (anchor, mut moved) = (anchor.0, None);
        let others = terms.iter().enumerate();
        let others = others.filter(|(number, (_, weight))| *number != at && *weight != 0.0);
        let others: Vec<(Node, f64)> = others.map(|(_, term)| *term).collect();
        if let [(other, weight)] = others.as_slice() {
            let difference = self.call(Formula::Sub, &[*other, anchor]);
            return self.shift(anchor, difference, *weight);
        }
        for (other, weight) in others {
            let difference = self.call(Formula::Sub, &[other, anchor]);
            moved = Some(match moved {
                None => self.scale(difference, weight),
                Some(moved) => self.add_scaled(moved, difference, weight),
            });
        }
        moved.map_or(anchor, |moved| self.shift(anchor, moved, 1.0))
    }

    /// The sum of values with factors as torch adds them up in place: the first is multiplied by
    /// its factor as it is, the factors of the others are rounded to the working dtype, and after
    /// each value the sum is rounded once. Where that dtype is narrow, torch rounds the products as
    /// well in what its vectors of 32 elements leave over. Values of factor zero are left out.
    pub fn steps(&mut self, terms: &[(Node, f64)]) -> Node {
        let taken = |term: &&(Node, f64)| term.1 != 0.0;
        let first = terms.iter().find(taken).unwrap_or(&terms[0]);
        let mut sum = match first.1 {
            1.0 => first.0,
            factor => {
                let bits = Compute::F32.scalar(factor);
                let factor = self.expression.code(bits);
                let operands = [first.0.into(), factor];
                self.expression.call(Formula::Scale, &operands)
            }
        };
        for &(node, factor) in terms.iter().filter(taken).skip(1) {
            let factor = self.scalar(factor);
            let vectors = match self.expression.compute() {
                Compute::F32 => u64::MAX,
                _ => self.elements - self.elements % TORCH_VECTOR,
            };
            let vectors = self.expression.cutoff(vectors);
            let operands = [sum.into(), node.into(), factor, Operand::Index, vectors];
            sum = self.expression.call(Formula::Accumulate, &operands);
        }
        sum
    }

    /// The sum of values with factors, in order. Terms with factor zero are left out, and with them
    /// the reading of their model; None if nothing is left.
    pub fn combine(&mut self, terms: &[(Node, f64)]) -> Option<Node> {
        let mut terms = terms.iter().copied().filter(|(_, factor)| *factor != 0.0);
        let (first, factor) = terms.next()?;
        let Some((second, other)) = terms.next() else {
            return Some(self.scale(first, factor));
        };
        let mut sum = if factor == 1.0 {
            self.add_scaled(first, second, other)
        } else {
            let factors = [self.scalar(factor), self.scalar(other)];
            let operands = [first.into(), second.into(), factors[0], factors[1]];
            self.expression.call(Formula::Blend, &operands)
        };
        for (node, factor) in terms {
            sum = self.add_scaled(sum, node, factor);
        }
        Some(sum)
    }

    /// The type that every step is rounded to, where the models are of one narrower than f32.
    pub(super) fn stepping(&self) -> Option<Compute> {
        match self.working? {
            Float::BF16 => Some(Compute::BF16),
            Float::F16 => Some(Compute::F16),
            _ => None,
        }
    }

    /// Whether steps are rounded one by one, as tools do that compute in the models' type.
    pub(super) fn is_stepwise(&self) -> bool {
        self.stepping().is_some()
    }

    /// A step, rounded as such.
    pub(super) fn step(&mut self, node: Node) -> Node {
        match self.stepping() {
            Some(Compute::BF16) => self.call(Formula::RoundBf16, &[node]),
            Some(Compute::F16) => self.call(Formula::RoundF16, &[node]),
            _ => node,
        }
    }

    /// A number that takes part in steps, rounded as such.
    pub(super) fn step_number(&self, value: f64) -> f64 {
        match self.stepping() {
            Some(compute) => f64::from(f32::from_bits(compute.scalar(value))),
            None => value,
        }
    }

    /// The task vectors of the models: model minus base.
    pub fn deltas(&mut self) -> Vec<Argument> {
        let base = self.base();
        let models = self.models.clone();
        models
            .into_iter()
            .map(|model| {
                let delta = self.call(Formula::Sub, &[model.node, base]);
                Argument {
                    node: self.step(delta),
                    ..model
                }
            })
            .collect()
    }

    /// Rows from one number up to another from `inside`, the others from `outside`.
    pub(super) fn rows(&mut self, [start, end]: [u64; 2], inside: Node, outside: Node) -> Node {
        let rows = self.shape.first().copied().unwrap_or(1);
        let end = end.min(rows);
        if start >= end {
            return outside;
        }
        if start == 0 && end == rows {
            return inside;
        }
        self.placed = true;
        let length: u64 = self.shape[1..].iter().product();
        let ends = [start, end].map(|row| self.expression.cutoff(row * length));
        let operands = [
            inside.into(),
            outside.into(),
            Operand::Index,
            ends[0],
            ends[1],
        ];
        self.expression.call(Formula::Between, &operands)
    }

    /// The scope of a model's selection over all its tensors.
    pub fn model_scope(&self, model: Argument) -> Scope {
        Scope::Model {
            merge: self.merge,
            model: model.position,
        }
    }

    /// The scope of what ranges over all tensors of the merge.
    pub fn merge_scope(&self) -> Scope {
        Scope::Model {
            merge: self.merge,
            model: usize::MAX,
        }
    }

    /// The random words of a model's dropout mask: others in each merge of a recipe, as far as a
    /// recipe has up to 2^16 merges of up to 2^16 models.
    pub fn dropout_words(&mut self, model: Argument) -> Node {
        let position = u32::try_from(model.position).unwrap_or(u32::MAX);
        let position = (self.merges_before << 16) ^ position;
        let stream = Stream::dropout(self.seed, position, self.key);
        self.expression.word(stream)
    }
}
