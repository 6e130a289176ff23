//! What of the output is stored as codes: the entries of a tensor, and how they come about.

use std::sync::Arc;

use super::bytes::Bytes;
use super::class::Stored;
use super::codes::Codes;
use super::draft::{Draft, Lowered, Work};
use super::drafter::Drafter;
use super::encoded::{Encoded, Largest};
use super::job::Input;
use super::seen::Seen;
use crate::checkpoint;
use crate::dtype::Float;
use crate::format::encode::{Encoding, Rounding};
use crate::kernel::{
    Compute, Entry, Expression, Formula, Greatest, Node, Operand, ScalarId, StatisticId,
};
use crate::recipe::OutputDType;

/// What an entry of a tensor is called, where the tensor is called otherwise than it was.
fn renamed(entry: &str, own: &str, output: &str) -> String {
    let stem = |name: &str| {
        name.rsplit_once('.')
            .map_or("", |(stem, _)| stem)
            .to_owned()
    };
    if let Some(rest) = entry.strip_prefix(own) {
        return format!("{output}{rest}");
    }
    let behind = entry.strip_prefix(&stem(own));
    match behind.and_then(|rest| rest.strip_prefix('.')) {
        Some(rest) => match stem(output) {
            empty if empty.is_empty() => rest.to_owned(),
            stem => format!("{stem}.{rest}"),
        },
        None => entry.to_owned(),
    }
}

impl Drafter<'_> {
    /// The codes that a tensor of the output keeps the format of; None where it is to be stored as
    /// numbers.
    pub(super) fn kept(self, seen: &Seen) -> Option<&Codes> {
        let options = &self.recipe.options;
        let keeps = options.dtype == OutputDType::Keep && self.recipe.cast().is_none();
        match &seen.bytes {
            Bytes::Coded(codes) if keeps => Some(codes),
            _ => None,
        }
    }

    /// Whether a tensor that is not merged becomes numbers: it is stored as codes, whose format is
    /// not kept.
    pub(super) fn is_decoded(self, seen: &Seen) -> bool {
        let is_coded = seen.bytes.is_coded();
        is_coded && self.kept(seen).is_none()
    }

    /// The numbers of a tensor that is stored as codes.
    pub(super) fn decoded(self, input: Input, seen: &Seen) -> Work {
        let options = &self.recipe.options;
        let mut expression = Expression::new(Compute::F32);
        let slot = expression.next_slot();
        let float = match options.dtype {
            OutputDType::Float(float) => float,
            _ => self
                .recipe
                .cast()
                .or(seen.kept.float())
                .unwrap_or(Float::BF16),
        };
        let lowered = Lowered {
            shape: seen.shape.clone(),
            root: expression.load(slot, Float::F32, Entry::Kept),
            expression,
            float,
            inputs: vec![(slot, input)],
            base: None,
            largest: None,
        };
        let stored = Stored {
            float,
            on_overflow: options.on_overflow,
            base: None,
            known: None,
        };
        Work::Merge(Box::new(lowered), stored, None)
    }

    /// How a merged tensor is stored in the format of its base; None where that cannot be written.
    pub(super) fn encoded(
        self,
        (key, own): (&str, &str),
        codes: &Codes,
        lowered: &mut Lowered,
    ) -> Option<(Arc<Encoded>, Option<StatisticId>)> {
        let coding = &*codes.coding;
        let encoding = Encoding {
            format: coding.format.clone(),
            rule: coding.rule?,
            rounding: Rounding::Nearest,
            source: Float::F32,
        };
        if coding.transposed || lowered.shape != coding.shape || !encoding.can_write() {
            return None;
        }
        let base = lowered.base_input();
        let mut known = None;
        if encoding.needs_largest() {
            let (statistic, largest) =
                largest_of(&mut lowered.expression, lowered.root, lowered.base);
            (known, lowered.largest) = (Some(statistic), Some(largest));
        }
        let names = coding.parts.iter();
        let names = names.map(|entry| renamed(&entry.key, own, key));
        let encoded = Encoded {
            encoding,
            shape: coding.shape.clone(),
            names: names.collect(),
            jobs: Vec::new(),
            base,
            kept: Some(codes.clone()),
        };
        Some((Arc::new(encoded), known))
    }

    /// A draft with those of its entries, where it is stored as codes.
    pub(super) fn with_entries(self, draft: Draft, (own, seen): (&str, &Seen)) -> Vec<Draft> {
        let Bytes::Coded(codes) = &seen.bytes else {
            return vec![draft];
        };
        let coding = &codes.coding;
        let key = draft.key.clone();
        let entry = |entry: &checkpoint::Entry, work: Work| Draft {
            key: renamed(&entry.key, own, &key),
            dtype: entry.dtype,
            shape: entry.shape.to_vec(),
            run: None,
            work,
            copies: Box::default(),
        };
        let copy = |own: &checkpoint::Entry| entry(own, Work::Copy(codes.entry(own)));
        let beside = coding.beside.iter().map(copy);
        match &draft.work {
            Work::Copy(_) => coding.parts.iter().map(copy).chain(beside).collect(),
            Work::Merge(_, _, Some(_)) => {
                let parts = coding.parts.iter().map(|own| entry(own, Work::Part));
                let entries: Vec<Draft> = parts.chain(beside).collect();
                [draft].into_iter().chain(entries).collect()
            }
            Work::Merge(..) | Work::Part => vec![draft],
        }
    }
}

impl Codes {
    /// An entry of it, as it is.
    fn entry(&self, entry: &checkpoint::Entry) -> Input {
        Input {
            element_bytes: 1,
            bytes: Bytes::Run {
                model: self.model,
                file: entry.file,
                offset: entry.span.start,
            },
        }
    }
}

/// Has the largest magnitudes of a result found, and of its difference to a base.
fn largest_of(
    expression: &mut Expression,
    root: Node,
    base: Option<Node>,
) -> (StatisticId, Largest) {
    let change = base.map(|base| expression.call(Formula::Sub, &[root.into(), base.into()]));
    let values: Vec<Node> = [root].into_iter().chain(change).collect();
    let number = expression.statistics().len();
    let found = expression.reduced(&values, Arc::new(Greatest), values.len());
    let scalar = |operand: &Operand| match operand {
        Operand::Scalar(scalar) => *scalar,
        _ => ScalarId::default(),
    };
    let largest = Largest {
        result: found.first().map_or_else(ScalarId::default, scalar),
        change: found.get(1).map(scalar),
    };
    (StatisticId::new(number as u16), largest)
}
