//! What an adapter does to a module.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::role::Role;

/// A module that an adapter changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// What the adapter calls it.
    pub target: String,
    /// The entries that are parts of it.
    pub parts: BTreeMap<Role, Entry>,
    /// What they do.
    pub effects: Vec<Effect>,
}

/// A tensor of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    /// Its weight, or the module itself where that is a tensor.
    Weight,
    /// Its bias.
    Bias,
}

/// What is done to one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Which tensor.
    pub of: Of,
    /// What is done.
    pub form: Form,
    /// What a difference is multiplied with.
    pub scale: Scale,
    /// Whether a base may lack the tensor.
    pub is_optional: bool,
}

/// What a difference is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// A number.
    Number(f64),
    /// The entry [`Role::Alpha`] over a rank. An alpha of 0 is none: then it is 1, as in LyCORIS.
    Alpha {
        /// The rank.
        rank: u64,
    },
}

/// What is made of a module's parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// A LoRA, with DoRA's norms where there are some.
    Lora {
        /// Whether the weight is stored \[in, out\].
        is_flipped: bool,
    },
    /// A LoHa.
    Loha,
    /// A LoKr.
    Lokr,
    /// A part is added: a difference, or a bias.
    Added(Role),
    /// A part takes the place of the tensor.
    Replaced(Role),
    /// A LoRA of a bank of experts.
    Bank,
    /// Rows are replaced.
    Tokens(Vec<u64>),
    /// PEFT's IA3.
    Ia3 {
        /// Whether the numbers are of inputs.
        is_input: bool,
    },
    /// LyCORIS' IA3.
    Ia3Step,
    /// A GLoRA.
    Glora,
    /// LyCORIS' OFT or BOFT.
    Oft,
    /// PEFT's OFT.
    OftInputs {
        /// Terms of the series; None for the exact rotation.
        terms: Option<u32>,
        /// The largest norm, before it is divided by the root of the number of blocks.
        most: Option<f64>,
    },
    /// PEFT's BOFT.
    Boft,
    /// PEFT's HRA.
    Hra,
}
