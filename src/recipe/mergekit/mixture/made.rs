//! The tensors of a mixture that none of its models has.

use std::ops::Range;
use std::sync::Arc;

use super::builder::Builder;
use super::form::Shared;
use super::gates::{GateMode, PromptTokens};
use super::names::{Draws, EMBEDDING, Renamed, Rows};
use crate::method::{self, ParameterValue};
use crate::recipe::{Fault, GatheredRows, NodeId, Route, Rule, Scheduled};
use crate::vocabulary::{Row, RowMap, RowMapError, RowOf};

/// A matrix with a row for each expert that it says the share of.
struct Gate {
    name: String,
    /// The numbers of the experts; the shared one follows the others.
    experts: Range<usize>,
}

/// A bias of zeros.
struct Bias {
    name: String,
    /// A tensor of the base that has as many elements in a row.
    source: String,
    rows: u64,
}

impl Builder<'_> {
    /// Gates, and the biases of attention that the base lacks.
    pub fn made(&mut self, tokens: &[PromptTokens]) -> Result<(), Fault> {
        let at = self.mixture.mode_span.start;
        let (gates, biases) = (self.gates(), self.biases());
        let mut names = Renamed::default();
        for gate in &gates {
            names.add(gate.name.clone(), EMBEDDING.to_owned());
        }
        for bias in &biases {
            names.add(bias.name.clone(), bias.source.clone());
        }
        let input = self.renamed(0, names, at);
        let span = self.mixture.mode_span.clone();
        let too_many = |fault: RowMapError| Fault::new(span.clone(), fault.to_string());
        let prompts = self.mixture.mode.has_prompts();
        if prompts {
            self.check_tokens(tokens)?;
        }
        let (mut rows, mut against) = (Rows::default(), Rows::default());
        for gate in &gates {
            let zeros = || gate.experts.clone().map(|_| Row::Zero);
            let of = |side: fn(&PromptTokens) -> &Vec<u32>| {
                let experts = tokens.get(gate.experts.clone()).unwrap_or_default();
                RowMap::new(experts.iter().map(|own| mean(side(own))))
            };
            let map = match prompts {
                true => of(|own| &own.positive),
                false => RowMap::new(zeros()),
            };
            rows.add(&gate.name, map.map_err(too_many)?);
            let map = of(|own| &own.negative);
            against.add(&gate.name, map.map_err(too_many)?);
        }
        for bias in &biases {
            let map = RowMap::new((0..bias.rows).map(|_| Row::Zero));
            rows.add(&bias.name, map.map_err(too_many)?);
        }
        let mut gather = |rows: Rows| {
            let rule = Route::Gather(Rule(Arc::new(rows)));
            self.route(rule, vec![input], at)
        };
        let rows = gather(rows);
        let node = match prompts {
            true => {
                let against = gather(against);
                let method = &method::GATE_OF_PROMPTS;
                self.merge(method, vec![rows, against], (&[], None), at)
            }
            false => self.drawn(rows, &gates),
        };
        self.part(node, gates.into_iter().map(|gate| gate.name));
        if !biases.is_empty() {
            self.part(rows, biases.into_iter().map(|bias| bias.name));
        }
        Ok(())
    }

    /// Gates of random numbers, which are drawn layer by layer, expert by expert.
    fn drawn(&mut self, zeros: NodeId, gates: &[Gate]) -> NodeId {
        let hidden = self.models[0].tensors[EMBEDDING].shape.get(1).copied();
        let hidden = hidden.unwrap_or(1);
        let all = self.experts_in_all() as u64 * hidden;
        let per_layer = gates.len() / self.layers.len();
        let mut draws = Draws::default();
        for (at, gate) in gates.iter().enumerate() {
            let layer = (at / per_layer) as u64;
            let skip = layer * all + gate.experts.start as u64 * hidden;
            draws.0.insert(gate.name.clone(), skip);
        }
        let (law, scale) = match self.mixture.mode {
            GateMode::UniformRandom => ("uniform", (1.0 / hidden as f64).sqrt()),
            _ => ("normal", 1.0),
        };
        let number = |value: f64| ParameterValue::Numbers(vec![value]);
        let total = (self.layers.len() as u64 * all) as f64;
        let given = [
            ("law", ParameterValue::Word(law.to_owned())),
            ("scale", number(scale)),
            ("total", number(total)),
        ];
        let schedule = Scheduled::Bound(Rule(Arc::new(draws)));
        let at = self.mixture.mode_span.start;
        self.merge(
            &method::DRAWN_GATE,
            vec![zeros],
            (&given, Some(schedule)),
            at,
        )
    }

    fn experts_in_all(&self) -> usize {
        self.mixture.experts.len() + usize::from(self.mixture.shared.is_some())
    }

    /// The gates, layer by layer.
    fn gates(&self) -> Vec<Gate> {
        let experts = self.mixture.experts.len();
        let mut gates = Vec::new();
        for layer in &self.layers {
            gates.push(Gate {
                name: self.form.gate(layer),
                experts: 0..experts,
            });
            if self.form.shared == Shared::Gated {
                gates.push(Gate {
                    name: self.form.shared_gate(layer),
                    experts: experts..experts + 1,
                });
            }
        }
        gates
    }

    /// The biases that the base lacks.
    fn biases(&self) -> Vec<Bias> {
        let tensors = self.models[0].tensors;
        let wanted = self.form.biases;
        let layers = self.layers.iter().filter(|_| wanted);
        let parts = layers.flat_map(|layer| ["q", "k", "v"].map(|part| (layer, part)));
        let bias = |(layer, part): (&String, &str)| {
            let name = |end: &str| format!("{layer}.self_attn.{part}_proj.{end}");
            let rows = *tensors.get(&name("weight"))?.shape.first()?;
            let bias = Bias {
                name: name("bias"),
                source: format!("{layer}.input_layernorm.weight"),
                rows,
            };
            (!tensors.contains_key(&bias.name)).then_some(bias)
        };
        parts.filter_map(bias).collect()
    }

    /// Refuses tokens that the base's embedding has no row for.
    fn check_tokens(&self, tokens: &[PromptTokens]) -> Result<(), Fault> {
        let rows = self.models[0].tensors[EMBEDDING].shape.first().copied();
        let rows = rows.unwrap_or(0);
        let experts = self.mixture.experts.iter().chain(&self.mixture.shared);
        for (expert, own) in experts.zip(tokens) {
            let mut all = own.positive.iter().chain(&own.negative);
            if let Some(token) = all.find(|token| u64::from(**token) >= rows) {
                let text = format!(
                    "the prompts of {} have token {token}, but the embedding of {} has {rows} rows",
                    expert.model.reference, self.mixture.base.reference
                );
                return Err(Fault::new(expert.span.clone(), text));
            }
        }
        Ok(())
    }
}

/// The mean of some rows of the embedding.
fn mean(tokens: &[u32]) -> Row {
    let row = |token: &u32| RowOf {
        source: 0,
        row: *token,
    };
    match tokens {
        [] => Row::Zero,
        tokens => Row::Mean(tokens.iter().map(row).collect()),
    }
}

impl Rows {
    fn add(&mut self, name: &str, map: RowMap) {
        let rows = GatheredRows {
            inputs: vec![0],
            map: Rule(Arc::new(map)),
        };
        self.0.insert(name.to_owned(), rows);
    }
}
