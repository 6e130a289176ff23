//! The blocks of the families whose blocks have names, and the block of every tensor.
//!
//! Two dialects name the same blocks and place a few tensors differently: supermerger, whose lists
//! of numbers people exchange, and sd-mecha, whose configs name the blocks. They stay apart, so
//! that each text means what it means in its own tool.

use std::fmt;

use super::BlockError;
use crate::keys::nearest::hint;

/// Where a UNet or a transformer lies in a whole checkpoint.
const NETWORK: &str = "model.diffusion_model.";
const DOUBLES: usize = 19;
const SINGLES: usize = 38;

/// A family whose blocks have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Sd1,
    Sdxl,
    Flux,
}

impl Family {
    /// The family of a config, or of a checkpoint without one by names that only it has. A config
    /// of other names for the same network, as kohya's, has none of these blocks.
    pub(super) fn recognise(id: Option<&str>, keys: &[&str]) -> Option<Family> {
        let any = |mark: &str| keys.iter().any(|key| key.contains(mark));
        // HunyuanVideo has the same names, and more of each.
        let has = |stack: &str, number: usize| any(&format!("{stack}{number}."));
        let ends = |stack: &str, count: usize| has(stack, count - 1) && !has(stack, count);
        match id {
            Some("sd1-ldm") => Some(Family::Sd1),
            Some("sdxl-sgm") => Some(Family::Sdxl),
            Some(id) if id.starts_with("flux-") => Some(Family::Flux),
            Some(_) => None,
            None if any("conditioner.embedders.1.model.") => Some(Family::Sdxl),
            None if any("model.diffusion_model.output_blocks.11.") => Some(Family::Sd1),
            None if ends("double_blocks.", DOUBLES) => Some(Family::Flux),
            None if ends("single_transformer_blocks.", SINGLES) => Some(Family::Flux),
            None => None,
        }
    }

    /// What the family is called in messages.
    pub(super) fn label(self) -> &'static str {
        match self {
            Family::Sd1 => "SD1/2",
            Family::Sdxl => "SDXL",
            Family::Flux => "Flux",
        }
    }

    /// Input blocks of the UNet, which are as many as its output blocks.
    fn levels(self) -> usize {
        match self {
            Family::Sd1 => 12,
            Family::Sdxl => 9,
            Family::Flux => 0,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Whose rules place the tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// The embeddings of time and label go with the first input block, the VAE with BASE.
    Supermerger,
    /// The same, but SDXL's VAE is a block of its own, after all others.
    SupermergerVae,
    /// The embeddings of time and label go with BASE; SDXL's VAE is a block of its own.
    Mecha,
}

/// The blocks of a family in one dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockMap {
    family: Family,
    dialect: Dialect,
}

impl BlockMap {
    /// supermerger's blocks.
    pub(super) fn supermerger(family: Family) -> BlockMap {
        let dialect = Dialect::Supermerger;
        BlockMap { family, dialect }
    }

    /// supermerger's blocks, and the VAE as one more.
    pub(super) fn supermerger_vae(family: Family) -> BlockMap {
        let dialect = Dialect::SupermergerVae;
        BlockMap { family, dialect }
    }

    /// sd-mecha's blocks. It has none for Flux, where supermerger's names are taken.
    pub(super) fn mecha(family: Family) -> BlockMap {
        let dialect = Dialect::Mecha;
        BlockMap { family, dialect }
    }

    pub(super) fn family(self) -> Family {
        self.family
    }

    fn has_vae(self) -> bool {
        self.family == Family::Sdxl && self.dialect != Dialect::Supermerger
    }

    /// The names of the blocks in their order.
    pub(super) fn names(self) -> Vec<String> {
        let numbered = |name: &'static str, count| (0..count).map(move |n| format!("{name}{n:02}"));
        let one = |name: &str| std::iter::once(name.to_owned());
        if self.family == Family::Flux {
            let head = one("CLIP").chain(one("T5")).chain(one("IN"));
            let body = numbered("D", DOUBLES).chain(numbered("S", SINGLES));
            return head.chain(body).chain(one("OUT")).collect();
        }
        let levels = self.family.levels();
        let inputs = one("BASE").chain(numbered("IN", levels));
        let outputs = one("M00").chain(numbered("OUT", levels));
        let vae = one("VAE").take(usize::from(self.has_vae()));
        inputs.chain(outputs).chain(vae).collect()
    }

    /// The block called `name`, in letters of any case.
    pub(super) fn find(self, names: &[String], name: &str) -> Result<usize, BlockError> {
        let found = names
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name));
        found.ok_or_else(|| BlockError::UnknownBlock {
            family: self.family.label(),
            name: name.to_owned(),
            hint: hint(&name.to_ascii_uppercase(), names.iter().map(String::as_str)),
            all: names.join(", "),
        })
    }

    /// A weight for every block, from those given by name and a default for the others.
    pub(super) fn weights(
        self,
        named: &[(String, f64)],
        default: Option<f64>,
    ) -> Result<Vec<f64>, BlockError> {
        let names = self.names();
        let mut weights = vec![default; names.len()];
        for (name, weight) in named {
            weights[self.find(&names, name)?] = Some(*weight);
        }
        let without = weights
            .iter()
            .zip(&names)
            .filter(|(weight, _)| weight.is_none());
        let missing: Vec<&str> = without.map(|(_, name)| name.as_str()).collect();
        if !missing.is_empty() {
            return Err(BlockError::MissingBlocks {
                family: self.family.label(),
                missing: missing.join(", "),
            });
        }
        Ok(weights.into_iter().flatten().collect())
    }

    /// The block of every tensor; None for those that are never merged.
    pub(super) fn places(self, keys: &[&str]) -> Result<Vec<Option<usize>>, BlockError> {
        let place = |key: &&str| match self.family {
            Family::Flux => self.flux(key),
            Family::Sd1 | Family::Sdxl => self.unet(key).map(Some),
        };
        keys.iter().map(place).collect()
    }

    fn unet(self, key: &str) -> Result<usize, BlockError> {
        let levels = self.family.levels();
        let (middle, last) = (levels + 1, 2 * levels + 1);
        let inside = key.strip_prefix(NETWORK);
        let mut segments = inside.unwrap_or(key).split('.');
        let mecha = self.dialect == Dialect::Mecha;
        match segments.next() {
            Some("time_embed" | "label_emb") => Ok(usize::from(!mecha)),
            Some("input_blocks") => self.numbered(key, segments.next(), 1, levels),
            Some("middle_block") => Ok(middle),
            Some("output_blocks") => self.numbered(key, segments.next(), middle + 1, levels),
            Some("out") => Ok(last),
            _ if mecha && inside.is_some() => Ok(last),
            Some("first_stage_model") if self.has_vae() => Ok(last + 1),
            _ => Ok(0),
        }
    }

    fn flux(self, key: &str) -> Result<Option<usize>, BlockError> {
        let (clip, t5, input, doubles) = (0, 1, 2, 3);
        let (singles, output) = (doubles + DOUBLES, doubles + DOUBLES + SINGLES);
        let mut segments = key.strip_prefix(NETWORK).unwrap_or(key).split('.');
        let block = match segments.next().unwrap_or_default() {
            "double_blocks" | "transformer_blocks" => {
                self.numbered(key, segments.next(), doubles, DOUBLES)?
            }
            "single_blocks" | "single_transformer_blocks" => {
                self.numbered(key, segments.next(), singles, SINGLES)?
            }
            "text_encoders" => match segments.next() {
                Some("t5xxl") => t5,
                Some(name) if name.starts_with("clip") => clip,
                _ => return Ok(None),
            },
            "x_embedder" | "context_embedder" | "time_text_embed" => input,
            name if name.ends_with("_in") => input,
            "final_layer" | "norm_out" | "proj_out" => output,
            _ => return Ok(None),
        };
        Ok(Some(block))
    }

    /// The block of a numbered name, of which there are `count` from `first` on.
    fn numbered(
        self,
        key: &str,
        number: Option<&str>,
        first: usize,
        count: usize,
    ) -> Result<usize, BlockError> {
        let number = number.and_then(|number| number.parse::<usize>().ok());
        let within = number.filter(|&number| number < count);
        within
            .map(|number| first + number)
            .ok_or_else(|| BlockError::KeyOutside {
                key: key.to_owned(),
                family: self.family.label(),
                blocks: self.names().len(),
            })
    }
}
