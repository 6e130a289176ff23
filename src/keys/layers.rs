//! Which tensors of SDXL make a layer, and where its hidden units and heads lie in them.
//!
//! Those of `sdxl-sgm` as sd-mecha lists them: of the text encoders and the UNet, attentions and
//! the matrices between which an activation stands. The stream between layers is none of them.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::config;
use crate::kernel::joint::{Member, Side, Units};

/// The model config whose layers are known.
pub const LAYERED: &str = "sdxl-sgm";

/// Tensors that share hidden units.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Their names.
    pub names: Vec<String>,
    /// The units, in the numbers of the names.
    pub units: Vec<Units>,
    /// The number of each of the units' first run among those of all layers, and the step to the
    /// next.
    pub numbers: Vec<[u64; 2]>,
    /// The two matrices of the products of an attention; none elsewhere.
    pub pairs: Vec<[Side; 2]>,
}

/// The layer of each name, and its number there.
type Places = HashMap<String, (usize, usize)>;

/// The layer of a tensor by its name in [`LAYERED`], and its number there; None where it has no
/// hidden units.
pub fn layer_of(name: &str) -> Option<(&'static Layer, usize)> {
    static LAYERS: OnceLock<(Vec<Layer>, Places)> = OnceLock::new();
    let (layers, places) = LAYERS.get_or_init(|| {
        let layers = layers();
        let numbered = layers.iter().enumerate();
        let places = numbered.flat_map(|(at, layer)| {
            let names = layer.names.iter().cloned().enumerate();
            names.map(move |(number, name)| (name, (at, number)))
        });
        let places = places.collect();
        (layers, places)
    });
    places.get(name).map(|(at, number)| (&layers[*at], *number))
}

/// A part of the model: where its names begin, its heads, and its layers.
struct Part {
    prefix: &'static str,
    /// Runs of units of an attention. sd-mecha takes the 64 rows of the UNet's heads for their
    /// number.
    heads: u64,
    layers: &'static [Form],
}

/// A kind of layer.
struct Form {
    /// What the name by which it is found holds, and what stands there in its tensors' names.
    found: &'static str,
    names: &'static [&'static str],
    units: &'static [Hidden],
    /// The blocks of the first member.
    blocks: u64,
    pairs: &'static [[Side; 2]],
}

/// Units of a layer, and where they lie in its tensors.
struct Hidden {
    has_heads: bool,
    members: &'static [Member],
}

const fn at(tensor: usize, axis: usize, block: u64) -> Member {
    Member {
        tensor,
        axis,
        block,
    }
}

const fn heads(members: &'static [Member]) -> Hidden {
    Hidden {
        has_heads: true,
        members,
    }
}

const fn plain(members: &'static [Member]) -> Hidden {
    Hidden {
        has_heads: false,
        members,
    }
}

const fn side(weight: usize, bias: Option<usize>) -> Side {
    Side {
        weight,
        turned: false,
        block: 0,
        blocks: 1,
        bias,
    }
}

const fn turned(weight: usize) -> Side {
    Side {
        turned: true,
        ..side(weight, None)
    }
}

/// One of the three matrices that lie in one tensor.
const fn third(block: usize) -> Side {
    Side {
        block,
        blocks: 3,
        ..side(0, Some(1))
    }
}

/// The units between two matrices.
const BETWEEN: &[Hidden] = &[plain(&[at(0, 0, 0), at(1, 0, 0), at(2, 1, 0)])];

/// Two matrices with an activation between them: weight and bias of the first, weight of the
/// second.
const fn between(found: &'static str, names: &'static [&'static str]) -> Form {
    Form {
        found,
        names,
        units: BETWEEN,
        blocks: 1,
        pairs: &[],
    }
}

const PARTS: [Part; 3] = [
    Part {
        prefix: "conditioner.embedders.0",
        heads: 12,
        layers: &[
            Form {
                found: ".q_proj.weight",
                names: &[
                    ".q_proj.weight",
                    ".q_proj.bias",
                    ".k_proj.weight",
                    ".k_proj.bias",
                ],
                units: &[heads(&[at(0, 0, 0), at(1, 0, 0), at(2, 0, 0), at(3, 0, 0)])],
                blocks: 1,
                pairs: &[[side(0, Some(1)), side(2, Some(3))]],
            },
            Form {
                found: ".v_proj.weight",
                names: &[".v_proj.weight", ".v_proj.bias", ".out_proj.weight"],
                units: &[heads(&[at(0, 0, 0), at(1, 0, 0), at(2, 1, 0)])],
                blocks: 1,
                pairs: &[[side(0, Some(1)), turned(2)]],
            },
            between(
                ".mlp.fc1.weight",
                &[".mlp.fc1.weight", ".mlp.fc1.bias", ".mlp.fc2.weight"],
            ),
        ],
    },
    Part {
        prefix: "conditioner.embedders.1",
        heads: 20,
        layers: &[
            Form {
                found: ".in_proj_weight",
                names: &[".in_proj_weight", ".in_proj_bias", ".out_proj.weight"],
                units: &[
                    heads(&[at(0, 0, 0), at(0, 0, 1), at(1, 0, 0), at(1, 0, 1)]),
                    heads(&[at(0, 0, 2), at(1, 0, 2), at(2, 1, 0)]),
                ],
                blocks: 3,
                pairs: &[[third(0), third(1)], [third(2), turned(2)]],
            },
            between(
                ".mlp.c_fc.weight",
                &[".mlp.c_fc.weight", ".mlp.c_fc.bias", ".mlp.c_proj.weight"],
            ),
        ],
    },
    Part {
        prefix: "model.diffusion_model",
        heads: 64,
        layers: &[
            Form {
                found: ".to_q.weight",
                names: &[".to_q.weight", ".to_k.weight"],
                units: &[heads(&[at(0, 0, 0), at(1, 0, 0)])],
                blocks: 1,
                pairs: &[[side(0, None), side(1, None)]],
            },
            Form {
                found: ".to_v.weight",
                names: &[".to_v.weight", ".to_out.0.weight"],
                units: &[heads(&[at(0, 0, 0), at(1, 1, 0)])],
                blocks: 1,
                pairs: &[[side(0, None), turned(1)]],
            },
            // Values and their gates lie in one tensor.
            Form {
                found: ".ff.net.2.weight",
                names: &[
                    ".ff.net.2.weight",
                    ".ff.net.0.proj.weight",
                    ".ff.net.0.proj.bias",
                ],
                units: &[plain(&[
                    at(0, 1, 0),
                    at(1, 0, 0),
                    at(1, 0, 1),
                    at(2, 0, 0),
                    at(2, 0, 1),
                ])],
                blocks: 1,
                pairs: &[],
            },
            between(
                ".time_embed.0.weight",
                &[
                    ".time_embed.0.weight",
                    ".time_embed.0.bias",
                    ".time_embed.2.weight",
                ],
            ),
            between(
                ".label_emb.0.0.weight",
                &[
                    ".label_emb.0.0.weight",
                    ".label_emb.0.0.bias",
                    ".label_emb.0.2.weight",
                ],
            ),
        ],
    },
];

/// The layers in the order of the config, and their units numbered in it.
fn layers() -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut next = 0;
    let names = config::find(LAYERED).into_iter().flat_map(|own| own.keys());
    for (name, _) in names {
        let Some(part) = PARTS.iter().find(|part| name.starts_with(part.prefix)) else {
            continue;
        };
        let form = part.layers.iter().find(|form| name.ends_with(form.found));
        if let Some(form) = form {
            layers.push(form.layer(name, part.heads, &mut next));
        }
    }
    layers
}

impl Form {
    /// The layer that is found by a name; its units are numbered from `next` on.
    fn layer(&self, name: &str, heads: u64, next: &mut u64) -> Layer {
        let stem = name.strip_suffix(self.found).unwrap_or(name);
        let units = self.units.iter().map(|own| Units {
            runs: if own.has_heads { heads } else { 1 },
            blocks: self.blocks,
            members: own.members.to_vec(),
        });
        let units: Vec<Units> = units.collect();
        let step = units.len() as u64;
        let numbers = (*next..).take(units.len()).map(|first| [first, step]);
        let numbers = numbers.collect();
        *next += units.iter().map(|own| own.runs).sum::<u64>();
        Layer {
            names: self
                .names
                .iter()
                .map(|own| format!("{stem}{own}"))
                .collect(),
            units,
            numbers,
            pairs: self.pairs.to_vec(),
        }
    }
}
