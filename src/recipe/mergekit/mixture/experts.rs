//! The experts of a mixture.

use super::builder::Builder;
use super::form::PARTS;
use super::names::{Renamed, dense};
use super::read::Expert;
use crate::method::{self, ParameterValue};

impl Builder<'_> {
    /// The matrices of all experts.
    pub fn experts(&mut self) {
        let mixture = self.mixture;
        let form = self.form;
        for (number, expert) in mixture.experts.iter().enumerate() {
            self.expert(expert, &|layer, part| form.expert(layer, number, part));
        }
        if let Some(shared) = &mixture.shared {
            self.expert(shared, &|layer, part| form.shared(layer, part));
        }
    }

    fn expert(&mut self, expert: &Expert, name: &dyn Fn(&str, usize) -> String) {
        let mut names = Renamed::default();
        let (mut inner, mut last) = (Vec::new(), Vec::new());
        for layer in &self.layers {
            for part in 0..PARTS.len() {
                let own = name(layer, part);
                names.add(own.clone(), dense(layer, part));
                match part + 1 == PARTS.len() {
                    true => last.push(own),
                    false => inner.push(own),
                }
            }
        }
        let at = expert.span.start;
        let model = self.mixture.number(&expert.model);
        let mut node = self.renamed(model, names, at);
        let number = |value: f64| ParameterValue::Numbers(vec![value]);
        if let Some(noise) = expert.noise.filter(|noise| *noise != 0.0) {
            let given = [("scale", number(noise))];
            node = self.merge(&method::ADD_NOISE, vec![node], (&given, None), at);
        }
        self.part(node, inner);
        if let Some(residual) = expert.residual.filter(|factor| *factor != 1.0) {
            let given = [
                ("weight", number(residual)),
                ("normalize", ParameterValue::Flag(false)),
            ];
            node = self.merge(&method::LINEAR, vec![node], (&given, None), at);
        }
        self.part(node, last);
    }
}
