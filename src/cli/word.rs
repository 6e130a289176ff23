//! Options whose values are words of a table: checked, listed in the help, and read only once.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, Command};

use super::hint;
use crate::dtype::Float;
use crate::kernel::Compute;
use crate::method::{Method, find, named};
use crate::recipe::mergeflux::{BlockOrder, DeltaMerge, Election, Precision, Prune, TrimScope};
use crate::recipe::target::{Layers, TARGETS};
use crate::recipe::{
    CodeRounding, CodeScales, Experts, Metadata, Missing, OnNan, OnOverflow, OutputDType,
    ShapePolicy, Storing,
};

/// A parser of the words that `read` knows.
fn words<T: Clone + Send + Sync + 'static>(
    values: impl IntoIterator<Item = impl Into<PossibleValue>>,
    read: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    // The words are checked before `read` sees them, so the message is for a table that is wrong.
    let read = move |word: String| read(&word).ok_or_else(|| format!("`{word}` is not known"));
    PossibleValuesParser::new(values).try_map(read)
}

/// The merge methods, with their summaries in the long help.
pub(super) fn method() -> impl TypedValueParser<Value = &'static Method> {
    Names {
        values: named()
            .map(|method| PossibleValue::new(method.id).help(method.summary))
            .collect(),
        read: |name| {
            let known: Vec<&str> = named().map(|method| method.id).collect();
            find(name).ok_or_else(|| hint::no_method(name, &known))
        },
    }
}

/// Words, of which completions know the names of all methods and routes.
pub(super) fn any_method() -> impl TypedValueParser<Value = String> {
    Names {
        values: hint::describable()
            .into_iter()
            .map(PossibleValue::new)
            .collect(),
        read: |word| Ok(word.to_owned()),
    }
}

/// A parser that completions know the values of, and that says itself what is wrong with others.
#[derive(Clone)]
struct Names<T> {
    values: Vec<PossibleValue>,
    read: fn(&str) -> Result<T, String>,
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Names<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let read = self.read;
        let read = move |word: String| read(&word);
        StringValueParser::new()
            .try_map(read)
            .parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values.iter().cloned()))
    }
}

/// `keep` and the float types.
pub(super) fn output_dtype() -> impl TypedValueParser<Value = OutputDType> {
    let floats = Float::ALL.iter().copied().map(OutputDType::Float);
    let values = std::iter::once(OutputDType::Keep).chain(floats);
    let values = values.chain([OutputDType::Promoted]);
    words(values.map(OutputDType::word), OutputDType::from_word)
}

/// What people call fp8 without scales.
const PLAIN_FP8: &str = "fp8";

/// A format of weights: of codes, or a dtype.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FormatWord {
    /// How codes are stored.
    Storing(Storing),
    /// Numbers.
    Float(Float),
}

impl Default for FormatWord {
    fn default() -> FormatWord {
        FormatWord::Storing(Storing::Keep)
    }
}

impl FormatWord {
    /// The word of it.
    pub(super) fn word(self) -> &'static str {
        match self {
            FormatWord::Storing(storing) => storing.word(),
            FormatWord::Float(float) => float.name(),
        }
    }

    fn from_word(word: &str) -> Option<FormatWord> {
        let word = match word {
            PLAIN_FP8 => Float::F8E4M3.name(),
            word => word,
        };
        let float = || Float::from_name(word).map(FormatWord::Float);
        Storing::from_word(word)
            .map(FormatWord::Storing)
            .or_else(float)
    }
}

/// `keep`, the float types, and the formats of codes, with their summaries in the long help.
pub(super) fn format() -> impl TypedValueParser<Value = FormatWord> {
    let keep = PossibleValue::new(Storing::Keep.word()).help("each in that of the base");
    let floats = Float::ALL.iter().map(|float| match float {
        Float::F8E4M3 => PossibleValue::new(float.name()).alias(PLAIN_FP8),
        float => PossibleValue::new(float.name()),
    });
    let targets = TARGETS.iter().map(|target| {
        let own = PossibleValue::new(target.word).help(target.summary);
        own.aliases(target.also)
    });
    let values = [keep].into_iter().chain(floats).chain(targets);
    words(values, FormatWord::from_word)
}

/// Which weights stay in high precision.
pub(super) fn layers() -> impl TypedValueParser<Value = Layers> {
    words(Layers::WORDS, Layers::from_word)
}

/// How numbers become codes.
pub(super) fn rounding() -> impl TypedValueParser<Value = CodeRounding> {
    words(CodeRounding::WORDS, CodeRounding::from_word)
}

/// Where scales come from.
pub(super) fn scales() -> impl TypedValueParser<Value = CodeScales> {
    words(CodeScales::WORDS, CodeScales::from_word)
}

/// The working dtypes.
pub(super) fn compute() -> impl TypedValueParser<Value = Compute> {
    words(Compute::ALL.map(Compute::name), Compute::from_name)
}

/// The policies for tensors that a model lacks.
pub(super) fn missing() -> impl TypedValueParser<Value = Missing> {
    words(Missing::WORDS, Missing::from_word)
}

/// The policies for values that are not finite.
pub(super) fn on_nan() -> impl TypedValueParser<Value = OnNan> {
    words(OnNan::WORDS, OnNan::from_word)
}

/// The policies for results that the output's type cannot hold.
pub(super) fn on_overflow() -> impl TypedValueParser<Value = OnOverflow> {
    words(OnOverflow::WORDS, OnOverflow::from_word)
}

/// What experts are to a method.
pub(super) fn experts() -> impl TypedValueParser<Value = Experts> {
    words(Experts::WORDS, Experts::from_word)
}

/// The policies for tensors of another shape.
pub(super) fn shape() -> impl TypedValueParser<Value = ShapePolicy> {
    words(ShapePolicy::WORDS, ShapePolicy::from_word)
}

/// The words of a table with what they mean.
fn explained<T: Clone + Send + Sync + 'static>(
    table: impl IntoIterator<Item = (&'static str, &'static str)>,
    read: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    let values = table.into_iter();
    words(
        values.map(|(word, meaning)| PossibleValue::new(word).help(meaning)),
        read,
    )
}

/// MergeFlux's types.
pub(super) fn precision() -> impl TypedValueParser<Value = Precision> {
    words(Precision::ALL.map(Precision::word), Precision::from_word)
}

/// How MergeFlux's blocks are numbered.
pub(super) fn block_order() -> impl TypedValueParser<Value = BlockOrder> {
    let table = BlockOrder::ALL;
    let table = table.map(|(_, word, meaning)| (word, meaning));
    explained(table, BlockOrder::from_word)
}

/// What MergeFlux prunes.
pub(super) fn prune() -> impl TypedValueParser<Value = Prune> {
    explained(Prune::WORDS.iter().copied(), Prune::from_word)
}

/// How MergeFlux adds differences up.
pub(super) fn delta_merge() -> impl TypedValueParser<Value = DeltaMerge> {
    explained(DeltaMerge::WORDS.iter().copied(), DeltaMerge::from_word)
}

/// How MergeFlux elects signs.
pub(super) fn election() -> impl TypedValueParser<Value = Election> {
    explained(Election::WORDS.iter().copied(), Election::from_word)
}

/// Over what the largest entries are sought.
pub(super) fn trim_scope() -> impl TypedValueParser<Value = TrimScope> {
    explained(TrimScope::WORDS.iter().copied(), TrimScope::from_word)
}

/// What metadata the output carries.
pub(super) fn metadata() -> impl TypedValueParser<Value = Metadata> {
    words(Metadata::WORDS, Metadata::from_word)
}
