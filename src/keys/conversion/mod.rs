//! Conversions between the key formats of a model family.
//!
//! A conversion relates the tensors of two model configs by name: most are the same tensor under
//! another name, a few are parts of each other, transposed, or the same numbers in another shape.
//! One table of rules serves both directions. Block configs, whose keys are blocks of weights, are
//! related to the tensors of a model by the same means. Adapters lead to deltas of their base, one
//! way.

mod average;
mod blocks;
mod relation;
mod rule;
mod sd1;
mod sdxl;
mod text;
mod unet;
mod vae;

pub use relation::{Relation, Reshape};

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;

use super::adapter::{FORMATS, Format};
use rule::{Rule, Side};

/// A way from one model config to another.
#[derive(Debug)]
pub struct Conversion {
    /// The config it starts from.
    pub from: &'static str,
    /// The config it leads to.
    pub to: &'static str,
    way: Way,
}

/// How the names of two configs are related.
#[derive(Debug)]
enum Way {
    /// By rules with two sides; the target's is this.
    Rules(&'static LazyLock<Index>, Side),
    /// By the block that a tensor belongs to.
    Blocks(fn(&str) -> String),
    /// By the factors that a tensor's delta is made of.
    Factors(&'static Format),
    /// By the tensor that changes places with another.
    Exchange(fn(&str) -> String),
}

/// Rules, found by the longest prefix of a name.
#[derive(Debug)]
struct Index {
    rules: Vec<Rule>,
    left: HashMap<String, usize>,
    right: HashMap<String, usize>,
}

impl Index {
    fn new(rules: Vec<Rule>) -> Index {
        let (mut left, mut right) = (HashMap::new(), HashMap::new());
        for (number, rule) in rules.iter().enumerate() {
            left.extend(rule.left.iter().map(|left| (left.clone(), number)));
            right.insert(rule.right.clone(), number);
        }
        Index { rules, left, right }
    }

    fn relation(&self, target: &str, side: Side) -> Option<Relation> {
        let names = match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        let mut end = target.len();
        loop {
            if let Some(&number) = names.get(&target[..end]) {
                let rest = &target[end..];
                return self.rules[number].relation(side, &target[..end], rest);
            }
            end = target[..end].rfind('.')?;
        }
    }
}

static SD1: LazyLock<Index> = LazyLock::new(|| Index::new(sd1::kohya()));
static SD1_DIFFUSERS: LazyLock<Index> = LazyLock::new(|| Index::new(sd1::diffusers()));
static SDXL_DIFFUSERS: LazyLock<Index> = LazyLock::new(|| Index::new(sdxl::diffusers()));
static VAE_DIFFUSERS: LazyLock<Index> = LazyLock::new(|| Index::new(vae::rules("", "")));
static VAE: LazyLock<Index> = LazyLock::new(|| Index::new(vae::bare("first_stage_model.")));
static VAE_FLUX: LazyLock<Index> = LazyLock::new(|| Index::new(vae::bare("vae.")));
static SDXL: LazyLock<Index> = LazyLock::new(|| Index::new(sdxl::kohya()));
static SDXL_MIXED: LazyLock<Index> = LazyLock::new(|| Index::new(sdxl::kohya_but_diffusers()));
static SDXL_UNET: LazyLock<Index> = LazyLock::new(|| Index::new(sdxl::diffusers_unet()));

/// Both directions of rules whose left side is `left`.
macro_rules! both {
    ($left:literal, $right:literal, $rules:ident) => {
        [
            Conversion {
                from: $left,
                to: $right,
                way: Way::Rules(&$rules, Side::Right),
            },
            Conversion {
                from: $right,
                to: $left,
                way: Way::Rules(&$rules, Side::Left),
            },
        ]
    };
}

/// From an autoencoder alone to the model that it is part of.
macro_rules! part {
    ($left:literal, $right:literal, $rules:ident) => {
        Conversion {
            from: $left,
            to: $right,
            way: Way::Rules(&$rules, Side::Right),
        }
    };
}

static CONVERSIONS: LazyLock<Vec<Conversion>> = LazyLock::new(|| {
    let blocks = [
        Conversion {
            from: "sd1-supermerger_blocks",
            to: "sd1-ldm",
            way: Way::Blocks(blocks::sd1),
        },
        Conversion {
            from: "sdxl-supermerger_blocks",
            to: "sdxl-sgm",
            way: Way::Blocks(blocks::sdxl),
        },
    ];
    both!("sd1-kohya", "sd1-ldm", SD1)
        .into_iter()
        .chain(both!("sdxl-kohya", "sdxl-sgm", SDXL))
        .chain(both!("sdxl-kohya_but_diffusers", "sdxl-sgm", SDXL_MIXED))
        .chain(both!("sdxl-diffusers_unet_only", "sdxl-sgm", SDXL_UNET))
        .chain(both!("sd1-diffusers", "sd1-ldm", SD1_DIFFUSERS))
        .chain(both!("sdxl-diffusers", "sdxl-sgm", SDXL_DIFFUSERS))
        .chain(both!("vae-diffusers", "vae-ldm", VAE_DIFFUSERS))
        .chain(both!("vae16-diffusers", "vae16-ldm", VAE_DIFFUSERS))
        .chain([
            part!("vae-ldm", "sd1-ldm", VAE),
            part!("vae-ldm", "sdxl-sgm", VAE),
            part!("vae16-ldm", "sd3-comfyui", VAE),
            part!("vae16-ldm", "flux-flux", VAE_FLUX),
        ])
        .chain(blocks)
        .chain(FORMATS.iter().map(|format| Conversion {
            from: format.id,
            to: format.base,
            way: Way::Factors(format),
        }))
        .collect()
});

/// What sd-mecha calls the exchange of weights and averages.
const EXCHANGE: &str = "exchange_ema";

/// Averages in the place of weights. It leads to no other config, so it is on no way to one.
static AVERAGES: Conversion = Conversion {
    from: average::CONFIG,
    to: average::CONFIG,
    way: Way::Exchange(average::other),
};

/// Identifiers in recipes that do not follow from the configs.
const IDS: [(&str, &str); 2] = [
    ("sd1-supermerger_blocks", "convert_sd1_blocks_to_ldm"),
    ("sdxl-supermerger_blocks", "convert_sdxl_blocks_to_sgm"),
];

/// A conversion is its entry in the table.
impl PartialEq for Conversion {
    fn eq(&self, other: &Conversion) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Conversion {
    /// How a tensor of the target is a rearrangement of tensors of the source; None where it has no
    /// counterpart, or is computed from factors.
    pub fn relation(&self, target: &str) -> Option<Relation> {
        match &self.way {
            Way::Rules(index, side) => index.relation(target, *side),
            Way::Blocks(of) | Way::Exchange(of) => Some(Relation::Same(of(target))),
            Way::Factors(_) => None,
        }
    }

    /// Whether its source are blocks of weights instead of tensors.
    pub fn is_blocks(&self) -> bool {
        matches!(self.way, Way::Blocks(_))
    }

    /// The format of the adapter that it makes deltas of, if it does.
    pub fn adapter(&self) -> Option<&'static Format> {
        match self.way {
            Way::Factors(format) => Some(format),
            _ => None,
        }
    }

    /// Whether sd-mecha has it too.
    pub(crate) fn is_mechas(&self) -> bool {
        let own = |config: &str| config.starts_with("vae") || config.ends_with("-diffusers");
        !own(self.from) && !own(self.to)
    }

    /// The identifier in recipes.
    pub fn id(&self) -> String {
        if matches!(self.way, Way::Exchange(_)) {
            return format!("{EXCHANGE}_'{}'", self.from);
        }
        if self.adapter().is_some() {
            return format!("convert_'{}'_to_base", self.from);
        }
        match IDS.iter().find(|(from, _)| *from == self.from) {
            Some((_, id)) => (*id).to_owned(),
            None => format!("convert_'{}'_to_'{}'", self.from, self.to),
        }
    }
}

/// Every conversion.
pub fn conversions() -> &'static [Conversion] {
    &CONVERSIONS
}

/// The conversion with this identifier in recipes; that of averages is none of [`conversions`].
pub fn find_by_id(id: &str) -> Option<&'static Conversion> {
    if id == EXCHANGE {
        return Some(&AVERAGES);
    }
    let mut all = conversions().iter().chain([&AVERAGES]);
    all.find(|conversion| conversion.id() == id)
}

/// The shortest way from one model config to another; empty from a config to itself.
pub fn path(from: &str, to: &str) -> Option<Vec<&'static Conversion>> {
    let mut ways: VecDeque<(&str, Vec<&'static Conversion>)> = VecDeque::from([(from, Vec::new())]);
    let mut seen = vec![from];
    while let Some((at, way)) = ways.pop_front() {
        if at == to {
            return Some(way);
        }
        for next in conversions().iter().filter(|next| next.from == at) {
            if !seen.contains(&next.to) {
                seen.push(next.to);
                let mut way = way.clone();
                way.push(next);
                ways.push_back((next.to, way));
            }
        }
    }
    None
}
