//! Adapters: files of small factors whose products are differences of a model from its base.
//!
//! A LoRA (Hu et al. 2021, arXiv:2106.09685) holds for each adapted tensor two matrices of a low
//! rank; LyCORIS (Yeh et al. 2023, arXiv:2309.14859) adds Tucker cores for convolutions and
//! Kronecker products (LoKr). The factors of one tensor share a stem, which the trainers make of
//! the tensor's name with dots as underscores; suffixes tell them apart.

mod delta;
mod kind;

pub use delta::{Delta, Matrix};
pub use kind::Adapter;

use crate::dtype::DType;

/// How the factors of an adapter are named.
#[derive(Debug)]
pub struct Format {
    /// The identifier of its model config.
    pub id: &'static str,
    /// The model config whose tensors it adapts.
    pub base: &'static str,
    /// What stems begin with.
    prefix: &'static str,
}

/// The formats, as sd-mecha names them.
pub static FORMATS: [Format; 6] = [
    Format {
        id: "sd1-kohya_kohya_lora",
        base: "sd1-kohya",
        prefix: "lora",
    },
    Format {
        id: "sdxl-kohya_kohya_lora",
        base: "sdxl-kohya",
        prefix: "lora",
    },
    Format {
        id: "sdxl-kohya_but_diffusers_kohya_lora",
        base: "sdxl-kohya_but_diffusers",
        prefix: "lora",
    },
    Format {
        id: "sd1-kohya_lycoris_lora",
        base: "sd1-kohya",
        prefix: "lycoris",
    },
    Format {
        id: "sdxl-kohya_lycoris_lora",
        base: "sdxl-kohya",
        prefix: "lycoris",
    },
    Format {
        id: "sdxl-kohya_but_diffusers_lycoris_lora",
        base: "sdxl-kohya_but_diffusers",
        prefix: "lycoris",
    },
];

/// What the names of factors end in.
const SUFFIXES: [&str; 11] = [
    "lora_up.weight",
    "lora_mid.weight",
    "lora_down.weight",
    "alpha",
    "lokr_w1",
    "lokr_w1_a",
    "lokr_w1_b",
    "lokr_w2",
    "lokr_w2_a",
    "lokr_w2_b",
    "lokr_t2",
];

/// Whether a name is one of a factor, in any format.
pub fn is_factor(name: &str) -> bool {
    FORMATS.iter().any(|format| format.names(name))
}

impl Format {
    /// Whether a name is one of a factor in it.
    pub fn names(&self, name: &str) -> bool {
        let suffix = name.split_once('.').map(|(_, suffix)| suffix);
        name.starts_with(self.prefix) && suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix))
    }

    /// The stem of a tensor's factors; None for tensors that are not adapted: biases, those of
    /// fewer than two dimensions, numbers that count.
    pub fn stem(&self, name: &str, dtype: DType, shape: &[u64]) -> Option<String> {
        if name.ends_with("bias") || !dtype.is_mergeable() || shape.len() < 2 {
            return None;
        }
        let name = name.strip_suffix(".weight").unwrap_or(name);
        Some(format!("{}_{}", self.prefix, name.replace('.', "_")))
    }

    /// The factor that a stem lacks so that what is there of it makes a delta; None where nothing
    /// is there, or nothing lacks.
    pub fn lacking(stem: &str, has: impl Fn(&str) -> bool) -> Option<String> {
        let there = |suffix: &&str| has(&format!("{stem}.{suffix}"));
        let mate = |suffixes: [&'static str; 2]| match suffixes.each_ref().map(there) {
            [true, false] => Some(suffixes[1]),
            [false, true] => Some(suffixes[0]),
            _ => None,
        };
        let side = |whole: &'static str, parts: [&'static str; 2]| match there(&whole) {
            true => None,
            false if parts.iter().any(there) => mate(parts),
            false => Some(whole),
        };
        let lokr = || {
            let left = ("lokr_w1", ["lokr_w1_a", "lokr_w1_b"]);
            let right = ("lokr_w2", ["lokr_w2_a", "lokr_w2_b"]);
            let some = SUFFIXES.iter().filter(|suffix| suffix.starts_with("lokr"));
            some.clone().any(there).then_some(())?;
            side(left.0, left.1).or_else(|| side(right.0, right.1))
        };
        let lora = mate(["lora_up.weight", "lora_down.weight"]);
        lora.or_else(lokr).map(|suffix| format!("{stem}.{suffix}"))
    }

    /// The names that the factors of a stem may have.
    pub fn factors(stem: &str) -> impl Iterator<Item = String> {
        SUFFIXES
            .iter()
            .map(move |suffix| format!("{stem}.{suffix}"))
    }

    /// How the delta of a stem is made of the factors that are there; None where they make none. A
    /// LoRA goes before a LoKr, a matrix that is there whole before its factors.
    pub fn delta(stem: &str, has: impl Fn(&str) -> bool) -> Option<Delta<String>> {
        let factor = |suffix: &str| Some(format!("{stem}.{suffix}")).filter(|name| has(name));
        let alpha = factor("alpha");
        if let (Some(up), Some(down)) = (factor("lora_up.weight"), factor("lora_down.weight")) {
            let inner = match factor("lora_mid.weight") {
                None => Matrix::Product { up, down },
                Some(core) => Matrix::Tucker {
                    core,
                    up,
                    down,
                    rows_first: true,
                },
            };
            return Some(Delta {
                outer: None,
                inner,
                alpha,
            });
        }
        let product = |up: &str, down: &str| {
            Some(Matrix::Product {
                up: factor(up)?,
                down: factor(down)?,
            })
        };
        let whole = |suffix: &str| factor(suffix).map(Matrix::Whole);
        let tucker = || {
            Some(Matrix::Tucker {
                core: factor("lokr_t2")?,
                up: factor("lokr_w2_a")?,
                down: factor("lokr_w2_b")?,
                rows_first: false,
            })
        };
        Some(Delta {
            outer: Some(whole("lokr_w1").or_else(|| product("lokr_w1_a", "lokr_w1_b"))?),
            inner: tucker()
                .or_else(|| whole("lokr_w2"))
                .or_else(|| product("lokr_w2_a", "lokr_w2_b"))?,
            alpha,
        })
    }
}
