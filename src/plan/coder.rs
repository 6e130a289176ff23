//! What of the output is stored as codes: the entries of a tensor, and how they come about.

use std::sync::Arc;

use super::bytes::Bytes;
use super::class::Stored;
use super::codes::Codes;
use super::draft::{Draft, Lowered, Work};
use super::drafter::Drafter;
use super::encoded::{Encoded, Largest};
use super::input::Input;
use super::said::Said;
use super::seen::Seen;
use crate::checkpoint;
use crate::dtype::{DType, Float};
use crate::format::encode::{Encoding, Scales};
use crate::format::{Format, Over};
use crate::kernel::{
    Compute, Entry, Expression, Formula, Greatest, Node, Operand, ScalarId, StatisticId, Stream,
};
use crate::recipe::target::Target;
use crate::recipe::{OutputDType, Storing};

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

/// How a tensor is stored: with a number that must be known of it besides.
type Coded = (Arc<Encoded>, Option<StatisticId>);

impl Drafter<'_> {
    /// The codes that a tensor of the output keeps the format of; None where it is to be stored in
    /// another way.
    pub(super) fn kept(self, seen: &Seen) -> Option<&Codes> {
        let options = &self.recipe.options;
        let keeps = options.format.storing == Storing::Keep
            && !matches!(options.dtype, OutputDType::Float(_))
            && self.recipe.cast().is_none();
        let Bytes::Coded(codes) = &seen.bytes else {
            return None;
        };
        let coding = &codes.coding;
        // Blocks of GGUF say in the header of their file what they are.
        let is_whole = !matches!(coding.format, Format::Gguf(_)) && seen.shape == coding.shape;
        (keeps && is_whole).then_some(codes)
    }

    /// The format that is asked for a tensor of the output; None where it stays as it is.
    pub(super) fn target(self, name: &str, seen: &Seen) -> Option<&'static Target> {
        let format = &self.recipe.options.format;
        let Storing::Target(target) = format.storing else {
            return None;
        };
        let takes = seen.dtype.is_mergeable()
            && target.takes(name, &seen.shape)
            && !format.layers.keeps(name);
        takes.then_some(target)
    }

    /// Whether a tensor that is not merged becomes numbers: it is stored as codes, whose format is
    /// not kept.
    pub(super) fn is_decoded(self, seen: &Seen) -> bool {
        seen.bytes.is_coded() && self.kept(seen).is_none()
    }

    /// A tensor as it is, read as numbers.
    pub(super) fn numbers(self, input: Input, seen: &Seen) -> Work {
        let options = &self.recipe.options;
        let mut expression = Expression::new(Compute::F32);
        let slot = expression.next_slot();
        let own = seen.dtype.float().unwrap_or(Float::F32);
        let float = match options.dtype {
            OutputDType::Float(float) => float,
            _ => self.recipe.cast().or(seen.kept.float()).unwrap_or(own),
        };
        let lowered = Lowered {
            shape: seen.shape.clone(),
            root: expression.load(slot, own, Entry::Kept),
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

    /// A tensor that is to be stored in a format that is asked for; as it is where that cannot be.
    pub(super) fn targeted(self, name: &str, seen: &Seen, work: Work, target: &Target) -> Work {
        let work = match work {
            Work::Copy(input) => self.numbers(input, seen),
            work => work,
        };
        let Work::Merge(mut lowered, mut stored, None) = work else {
            return work;
        };
        let source = lowered.expression.untouched(lowered.root);
        let format = &self.recipe.options.format;
        let float = seen.kept.float().unwrap_or(Float::F32);
        let encoding = Encoding {
            format: target.format(float),
            rule: target.rule,
            rounding: format.rounding(self.code_key(name)),
            source: match source {
                Some((_, float @ (Float::F16 | Float::BF16))) => float,
                _ => Float::F32,
            },
            scales: Scales::Fresh,
            each: false,
        };
        let known = lowered.look_at(&encoding, None);
        let entries = target.entries(name, &encoding.format, &lowered.shape);
        let encoded = Encoded {
            encoding,
            on_overflow: self.recipe.options.on_overflow,
            shape: lowered.shape.clone(),
            names: entries.into_iter().map(|(name, _)| name).collect(),
            jobs: Vec::new(),
            base: lowered.base_input().filter(|_| self.measures),
            kept: None,
        };
        stored = Stored {
            float: Float::F32,
            base: None,
            known,
            ..stored
        };
        Work::Merge(lowered, stored, Some(Arc::new(encoded)))
    }

    /// The key of the random words by which a tensor is rounded to codes.
    fn code_key(self, name: &str) -> [u32; 2] {
        let Stream([a, b, ..]) = Stream::codes(self.recipe.options.seed, name);
        [a, b]
    }

    /// How a merged tensor is stored in the format of its base; None where that cannot be written.
    pub(super) fn encoded(
        self,
        (key, own): (&str, &str),
        codes: &Codes,
        lowered: &mut Lowered,
    ) -> Option<Coded> {
        let coding = &*codes.coding;
        let format = &self.recipe.options.format;
        let encoding = Encoding {
            format: coding.format.clone(),
            rule: coding.rule?,
            rounding: format.rounding(self.code_key(key)),
            source: Float::F32,
            scales: format.scales(),
            each: coding.has_scales_of_matrices(),
        };
        let written = encoding.can_write() && !is_power_of_all(&encoding.format);
        if lowered.shape != coding.shape || !written {
            return None;
        }
        let known = lowered.look_at(&encoding, lowered.base);
        let names = coding.parts.iter();
        let names = names.map(|entry| renamed(&entry.key, own, key));
        let encoded = Encoded {
            encoding,
            on_overflow: self.recipe.options.on_overflow,
            shape: coding.shape.clone(),
            names: names.collect(),
            jobs: Vec::new(),
            base: lowered.base_input().filter(|_| self.measures),
            kept: Some(codes.clone()),
        };
        Some((Arc::new(encoded), known))
    }

    /// A draft with those of its entries, where it is stored as codes. `own` is what the tensor of
    /// the model is called.
    pub(super) fn with_entries(self, draft: Draft, own: Option<&str>, seen: &Seen) -> Vec<Draft> {
        let codes = match &seen.bytes {
            Bytes::Coded(codes) => own.map(|own| (own, codes)),
            _ => None,
        };
        match (&draft.work, codes, self.target(&draft.key, seen)) {
            (Work::Merge(_, _, Some(encoded)), _, Some(target)) => {
                let format = encoded.encoding.format.clone();
                marked(draft, target, &format)
            }
            (Work::Merge(_, _, Some(_)), Some((own, codes)), None) => {
                let parts = codes.drafts(own, &draft.key, true);
                let from = Some(own.to_owned());
                [Draft { from, ..draft }].into_iter().chain(parts).collect()
            }
            (Work::Copy(_), Some((own, codes)), _) if self.kept(seen).is_some() => {
                codes.drafts(own, &draft.key, false)
            }
            _ => vec![draft],
        }
    }
}

/// Whether one power of two is the scale of a whole matrix: no library writes that.
fn is_power_of_all(format: &Format) -> bool {
    let Format::Scaled(scaled) = format else {
        return false;
    };
    let is_power = matches!(scaled.scale, Some(DType::F8E8M0 | DType::U8));
    is_power && matches!(scaled.over, Over::Tensor | Over::Matrix)
}

/// A draft that is stored in a format, with its entries and marks.
fn marked(draft: Draft, target: &Target, format: &Format) -> Vec<Draft> {
    let (key, shape) = (draft.key.clone(), draft.shape.clone());
    let said = target.marks.layer(&shape).map(|said| Said {
        layer: Target::layer(&key).to_owned(),
        text: said.to_string(),
    });
    let parts = target.entries(&key, format, &shape).into_iter();
    let parts = parts.map(|(name, part)| entry(name, part.dtype, &part.shape, Work::Part));
    let marks = target.marks.beside(&key, &shape).into_iter();
    let marks = marks.map(|mark| {
        let input = Input {
            element_bytes: 1,
            bytes: Bytes::Constant(mark.bytes.into()),
        };
        entry(mark.name, mark.dtype, &mark.shape, Work::Copy(input))
    });
    let draft = Draft { said, ..draft };
    [draft].into_iter().chain(parts).chain(marks).collect()
}

/// An entry that is part of a tensor, or lies beside it.
fn entry(key: String, dtype: DType, shape: &[u64], work: Work) -> Draft {
    Draft {
        key,
        dtype,
        shape: shape.to_vec(),
        run: None,
        work,
        copies: Box::default(),
        said: None,
        from: None,
        is_entry: true,
        is_codes: false,
    }
}

impl Codes {
    /// Its entries in the output, where the tensor `own` is called `key`: as they are, or `made`.
    fn drafts(&self, own: &str, key: &str, made: bool) -> Vec<Draft> {
        let copied = |own: &checkpoint::Entry| {
            Work::Copy(Input {
                element_bytes: 1,
                bytes: Bytes::Run {
                    model: self.model,
                    file: own.file,
                    offset: own.span.start,
                },
            })
        };
        let draft = |from: &checkpoint::Entry, work: Work| {
            let name = renamed(&from.key, own, key);
            entry(name, from.dtype, &from.shape, work)
        };
        let parts = self.coding.parts.iter().map(|own| match made {
            true => draft(own, Work::Part),
            false => draft(own, copied(own)),
        });
        let beside = self.coding.beside.iter();
        let beside = beside.map(|own| draft(own, copied(own)));
        let mut drafts: Vec<Draft> = parts.chain(beside).collect();
        if let Some(first) = drafts.first_mut() {
            first.is_codes = !made;
            first.from = Some(own.to_owned());
            first.said = self.coding.said.as_ref().map(|text| Said {
                layer: Target::layer(key).to_owned(),
                text: text.clone(),
            });
        }
        drafts
    }
}

impl Lowered {
    /// Has the largest magnitudes of the result found, and of its difference to a base, where an
    /// encoding must know them.
    fn look_at(&mut self, encoding: &Encoding, base: Option<Node>) -> Option<StatisticId> {
        if !encoding.needs_largest() || encoding.each {
            return None;
        }
        let (expression, root) = (&mut self.expression, self.root);
        let change = base.map(|base| expression.call(Formula::Sub, &[root.into(), base.into()]));
        let values: Vec<Node> = [root].into_iter().chain(change).collect();
        let number = expression.statistics().len();
        let found = expression.reduced(&values, Arc::new(Greatest), values.len());
        let scalar = |operand: &Operand| match operand {
            Operand::Scalar(scalar) => *scalar,
            _ => ScalarId::default(),
        };
        self.largest = Some(Largest {
            result: found.first().map_or_else(ScalarId::default, scalar),
            change: found.get(1).map(scalar),
        });
        StatisticId::after(number)
    }
}
