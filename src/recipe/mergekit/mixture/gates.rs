//! How the gates of a mixture are made.

use std::ops::Range;

use super::super::fields::text;
use super::super::yaml::Entry;
use crate::keys::nearest::nearest;
use crate::recipe::Fault;

/// How gates are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GateMode {
    /// Of the base model's hidden states for the prompts.
    Hidden,
    /// Of the embeddings of the prompts' tokens.
    CheapEmbed,
    /// Of normal numbers.
    Random,
    /// Of uniform numbers, as torch makes a linear layer.
    UniformRandom,
}

const MODES: [(&str, GateMode); 6] = [
    ("hidden", GateMode::Hidden),
    ("hidden_avg", GateMode::Hidden),
    ("hidden_last", GateMode::Hidden),
    ("cheap_embed", GateMode::CheapEmbed),
    ("random", GateMode::Random),
    ("uniform_random", GateMode::UniformRandom),
];

/// The tokens of an expert's prompts, by their numbers, those of all prompts one after the other.
#[derive(Clone, Debug, Default)]
pub struct PromptTokens {
    /// What it is for.
    pub positive: Vec<u32>,
    /// What it is not for.
    pub negative: Vec<u32>,
}

impl GateMode {
    pub fn read(entry: &Entry) -> Result<GateMode, Fault> {
        let name = text(entry)?;
        if let Some((_, mode)) = MODES.iter().find(|(own, _)| *own == name) {
            return Ok(*mode);
        }
        let names = MODES.map(|(name, _)| name);
        let span = entry.value.span.clone();
        let fault = Fault::new(span, format!("there is no gate_mode `{name}`"));
        Err(fault.help(match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", names.join(", ")),
        }))
    }

    /// Whether prompts say what gates are.
    pub fn has_prompts(self) -> bool {
        matches!(self, GateMode::Hidden | GateMode::CheapEmbed)
    }

    /// Refuses gates that need the model to be run.
    pub fn check(self, span: &Range<usize>) -> Result<(), Fault> {
        match self {
            GateMode::Hidden => Err(Fault::new(
                span.clone(),
                "gates of hidden states need the base model to be run, which is not done here",
            )
            .help(
                "set `gate_mode: cheap_embed` for gates of the prompts' embeddings, or `random` \
                 where the mixture is to be trained",
            )),
            GateMode::CheapEmbed => Err(Fault::new(
                span.clone(),
                "gates of embeddings need the prompts' tokens, which are not found here",
            )
            .help("set `gate_mode: random`")),
            _ => Ok(()),
        }
    }
}
