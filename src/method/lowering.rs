//! One tensor of one merge while its method writes the arithmetic.

use super::{Method, Parameters};
use crate::kernel::{Expression, Formula, Node, Operand, Scope, Stream};

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
    /// The seed of the merge.
    pub seed: u64,
    /// Distinguishes this merge from others of the recipe.
    pub merge: u32,
}

impl Lowering<'_> {
    /// The base's value. Methods that call this declare the base as required.
    pub fn base(&self) -> Node {
        self.base
            .expect("a method that requires a base is given one")
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

    /// x factor. A factor of one leaves x as it is, which changes no bit.
    pub fn scale(&mut self, x: Node, factor: f64) -> Node {
        if factor == 1.0 {
            return x;
        }
        let factor = self.expression.scalar(factor);
        self.expression.call(Formula::Scale, &[x.into(), factor])
    }

    /// acc + x factor.
    pub fn add_scaled(&mut self, acc: Node, x: Node, factor: f64) -> Node {
        if factor == 1.0 {
            return self.call(Formula::Add, &[acc, x]);
        }
        let factor = self.expression.scalar(factor);
        self.expression
            .call(Formula::Axpy, &[acc.into(), x.into(), factor])
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
            let factors = [
                self.expression.scalar(factor),
                self.expression.scalar(other),
            ];
            let operands = [first.into(), second.into(), factors[0], factors[1]];
            self.expression.call(Formula::Blend, &operands)
        };
        for (node, factor) in terms {
            sum = self.add_scaled(sum, node, factor);
        }
        Some(sum)
    }

    /// The task vectors of the models: model minus base.
    pub fn deltas(&mut self) -> Vec<Argument> {
        let base = self.base();
        let models = self.models.clone();
        models
            .into_iter()
            .map(|model| Argument {
                node: self.call(Formula::Sub, &[model.node, base]),
                ..model
            })
            .collect()
    }

    /// The scope of a model's selection over all its tensors.
    pub fn model_scope(&self, model: Argument) -> Scope {
        Scope::Model((u64::from(self.merge) << 32) | model.position as u64)
    }

    /// The random words of a model's dropout mask.
    pub fn dropout_words(&mut self, model: Argument) -> Node {
        let stream = Stream::dropout(self.seed, model.position as u32, self.key);
        self.expression.word(stream)
    }
}
