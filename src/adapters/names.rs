//! What the modules of a base are called.

use std::collections::{BTreeMap, HashMap};

use super::adapted::Of;
use super::alias;
use super::component::{Component, Spelling};
use super::entry::Entry;
use super::place::{Part, Place};
use super::unet;

/// A module of a base: what is in front of `.weight` and `.bias`.
#[derive(Clone, Debug, Default)]
struct Module {
    weight: Option<Entry>,
    bias: Option<Entry>,
    /// Whether it is of the last block, which has no output for its context.
    is_last: bool,
}

impl Module {
    fn tensor(&self, of: Of) -> Option<&Entry> {
        match of {
            Of::Weight => self.weight.as_ref(),
            Of::Bias => self.bias.as_ref(),
        }
    }

    /// The second dimension of the weight.
    fn columns(&self) -> u64 {
        let shape = self.weight.as_ref().map(|weight| &weight.shape);
        shape.and_then(|shape| shape.get(1)).copied().unwrap_or(0)
    }
}

/// A name of a module, as it is looked up.
type Name = (Component, String);

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named {
    /// A module of the base.
    module: usize,
    /// Which of its rows have the name; of a piece, which rows of the named module it is.
    part: Part,
    /// Whether the base has in pieces what has the name.
    is_piece: bool,
}

/// The names of a base's modules in all dialects.
#[derive(Clone, Debug, Default)]
pub struct Names {
    modules: Vec<Module>,
    dots: HashMap<Name, Vec<Named>>,
    underscores: HashMap<Name, Vec<Named>>,
}

/// A module of an adapter that is none of the base.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the base has no module `{target}`{}", self.hint())]
pub struct Unmatched {
    /// What the adapter calls it.
    pub target: String,
    /// Names of the base's modules that are most like it, the likest first.
    pub nearest: Vec<String>,
    /// Whether the name is that of more than one module.
    pub is_ambiguous: bool,
}

impl Unmatched {
    fn hint(&self) -> String {
        match (self.is_ambiguous, &self.nearest[..]) {
            (true, names) => format!("; it may be {}", names.join(" or ")),
            (false, []) => String::new(),
            (false, names) => format!("; it has {}", names.join(", ")),
        }
    }
}

/// Names that are shown of those that are like another.
const NEAREST: usize = 3;

impl Names {
    /// The names of a base with these tensors.
    pub fn of(tensors: impl Iterator<Item = Entry>) -> Names {
        let mut modules: BTreeMap<String, Module> = BTreeMap::new();
        for tensor in tensors {
            let (stem, of) = stem(&tensor.name);
            let module = modules.entry(stem.to_owned()).or_default();
            match of {
                Of::Weight => module.weight = Some(tensor),
                Of::Bias => module.bias = Some(tensor),
            }
        }
        let mut names = Names::default();
        let stems: Vec<String> = modules.keys().cloned().collect();
        for stem in &stems {
            let sibling = stem.replace(".adaLN_modulation.1", ".attn.proj");
            let sibling = sibling.replace(".norm1_context.linear", ".attn.to_add_out");
            let is_last = !modules.contains_key(&sibling);
            if let Some(mut module) = modules.get(stem).cloned() {
                module.is_last = is_last;
                names.add(stem, module);
            }
        }
        names
    }

    fn add(&mut self, stem: &str, module: Module) {
        let at = self.modules.len();
        self.modules.push(module);
        let (component, own) = Component::of(stem);
        let whole = |name: String| (name, Part::All);
        let mut forward = alias::others(own);
        forward.extend(unet::diffusers(own).into_iter().map(whole));
        forward.push(whole(own.to_owned()));
        let mut backward = alias::originals(own);
        // What has other names for the original has them for its pieces.
        for (original, piece) in backward.clone() {
            let others = alias::others(&original).into_iter();
            backward.extend(others.filter_map(|(name, part)| Some((name, piece.within(part)?))));
        }
        backward.extend(unet::originals(own).into_iter().map(whole));
        for (names, is_piece) in [(forward, false), (backward, true)] {
            for (name, part) in names {
                let named = Named {
                    module: at,
                    part,
                    is_piece,
                };
                let underscored = name.replace('.', "_");
                let place = self
                    .underscores
                    .entry((component, underscored))
                    .or_default();
                push(place, named);
                push(self.dots.entry((component, name)).or_default(), named);
            }
        }
    }

    /// The places of a module's tensor, in the base. None for a bias that the base lacks.
    ///
    /// # Errors
    /// [`Unmatched`] where no module of the base is called so, or more than one.
    pub fn places(&self, target: &str, of: Of) -> Result<Option<Vec<Place>>, Unmatched> {
        let found = self.find(target)?;
        if let [one] = found
            && !matches!(one.part, Part::Third(_) | Part::Hidden { .. } if one.is_piece)
        {
            let module = &self.modules[one.module];
            let Some(tensor) = module.tensor(of) else {
                return Ok(None);
            };
            let columns = module.columns();
            let part = one.part;
            let places = part.places(&tensor.name, &tensor.shape, columns, module.is_last);
            return match places.is_empty() {
                true => Err(self.unmatched(target)),
                false => Ok(Some(places)),
            };
        }
        self.pieces(target, found, of)
    }

    /// The places of a module that the base has in pieces, which must lie one behind the other.
    fn pieces(
        &self,
        target: &str,
        found: &[Named],
        of: Of,
    ) -> Result<Option<Vec<Place>>, Unmatched> {
        let mut places = Vec::new();
        for named in found {
            let module = &self.modules[named.module];
            let Some(tensor) = module.tensor(of) else {
                return Ok(None);
            };
            let rows = tensor.shape.first().copied().unwrap_or(1);
            places.push(Place {
                key: tensor.name.clone(),
                rows: 0..rows,
                from: named.part.start(rows, module.columns()),
                shape: tensor.shape.clone(),
            });
        }
        places.sort_by_key(|place| place.from);
        let mut all: u64 = 0;
        for place in &places {
            if place.from != all {
                return Err(self.ambiguous(target, found));
            }
            all = all.saturating_add(place.rows.end);
        }
        for place in &mut places {
            if let Some(rows) = place.shape.first_mut() {
                *rows = all;
            }
        }
        Ok(Some(places))
    }

    fn find(&self, target: &str) -> Result<&[Named], Unmatched> {
        for read in Component::reads(target) {
            let name = read.name.replace(".processor.", ".");
            let names = match read.spelling {
                Spelling::Dots => &self.dots,
                Spelling::Underscores => &self.underscores,
            };
            for name in respelled(&name, read.spelling) {
                for component in read.components {
                    let Some(found) = names.get(&(*component, name.clone())) else {
                        continue;
                    };
                    let whole = found.iter().filter(|named| !named.is_piece).count();
                    return match whole {
                        0 => Ok(found),
                        1 => Ok(&found[..1]),
                        _ => Err(self.ambiguous(target, &found[..whole])),
                    };
                }
            }
        }
        Err(self.unmatched(target))
    }

    fn ambiguous(&self, target: &str, several: &[Named]) -> Unmatched {
        let name = |named: &Named| {
            let module = &self.modules[named.module];
            module
                .weight
                .as_ref()
                .or(module.bias.as_ref())
                .map(|entry| entry.name.clone())
        };
        Unmatched {
            target: target.to_owned(),
            nearest: several.iter().filter_map(name).collect(),
            is_ambiguous: true,
        }
    }

    fn unmatched(&self, target: &str) -> Unmatched {
        let is_underscored = !target.contains('.');
        let mut likeness: Vec<(f64, &str)> = self
            .modules
            .iter()
            .filter_map(|module| module.weight.as_ref().or(module.bias.as_ref()))
            .map(|entry| {
                let like = match is_underscored {
                    true => strsim::jaro_winkler(target, &entry.name.replace('.', "_")),
                    false => strsim::jaro_winkler(target, &entry.name),
                };
                (like, entry.name.as_str())
            })
            .collect();
        likeness.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let nearest = likeness.iter().take(NEAREST);
        Unmatched {
            target: target.to_owned(),
            nearest: nearest.map(|(_, name)| (*name).to_owned()).collect(),
            is_ambiguous: false,
        }
    }
}

/// What language models' names begin with in one class of a library, and in another.
const CLASSES: [(&str, &str); 8] = [
    ("", "model."),
    ("model.", ""),
    ("model.", "model.language_model."),
    ("model.", "language_model.model."),
    ("model.language_model.", "model."),
    ("model.language_model.", "language_model.model."),
    ("language_model.model.", "model."),
    ("language_model.model.", "model.language_model."),
];

/// A name as it is, and as it may be meant.
fn respelled(name: &str, spelling: Spelling) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    // Diffusers' first files leave out the place in the list.
    if name.ends_with("to_out") {
        let dot = if spelling == Spelling::Dots { '.' } else { '_' };
        names.push(format!("{name}{dot}0"));
    }
    if spelling == Spelling::Dots {
        let class = |(from, to): &(&str, &str)| Some(format!("{to}{}", name.strip_prefix(from)?));
        names.extend(CLASSES.iter().filter_map(class));
    }
    names
}

/// Notes that a module has a name, once. What has it whole comes before pieces.
fn push(named: &mut Vec<Named>, one: Named) {
    if named.contains(&one) {
        return;
    }
    let pieces = named.iter().position(|named| named.is_piece);
    let end = pieces.filter(|_| !one.is_piece).unwrap_or(named.len());
    named.insert(end, one);
}

/// The module that a tensor is of, and what of it.
fn stem(name: &str) -> (&str, Of) {
    let endings = [
        (".weight", Of::Weight),
        (".bias", Of::Bias),
        // Of fused attention in OpenCLIP and torch: `attn.in_proj_weight`.
        ("_weight", Of::Weight),
        ("_bias", Of::Bias),
    ];
    let found = endings.iter().find_map(|(ending, of)| {
        let stem = name.strip_suffix(ending)?;
        let is_whole = ending.starts_with('.') || stem.ends_with("in_proj");
        is_whole.then_some((stem, *of))
    });
    found.unwrap_or((name, Of::Weight))
}
