//! The table of merge methods.
//!
//! A method is a row: its identifier, source, inputs, parameters and a function that writes its
//! arithmetic into a tensor's [`Expression`](crate::kernel::Expression). Help, documentation,
//! checking, the command line and tests read the same table. No code here runs per element.

mod ablate;
mod add_difference;
mod arcee_fusion;
mod assembly;
mod breadcrumbs;
mod cabs;
mod compare;
mod consensus;
mod consensus_ta;
mod dare;
mod della;
mod diffusion;
mod fault;
pub mod file;
mod fisher;
mod group;
mod karcher;
mod linear;
mod lowering;
mod mecha;
mod mixture;
mod model_stock;
mod multislerp;
mod nearswap;
mod nuslerp;
mod own;
mod parameter;
mod pcb;
mod peer;
mod preset;
mod ram;
mod range;
mod sce;
mod slerp;
mod steps;
mod subspace;
mod supermario;
mod task_arithmetic;
mod ties;
mod woven;

use crate::figures::counted;
pub(crate) use compare::{COMPARE, Compared};
pub use fault::ParameterError;
pub use group::Group;
pub(crate) use linear::LINEAR;
pub use lowering::{Amount, Argument, Lowering};
pub use mecha::RECIPE_METHODS;
pub(crate) use mecha::is_of_sd_mecha;
pub(crate) use mixture::{ADD_NOISE, DRAWN_GATE, GATE_OF_PROMPTS};
pub(crate) use own::text_of;
pub use own::{NameTaken, register, register_file};
pub(crate) use parameter::hash_number;
pub use parameter::{Default, Parameter, ParameterValue, Parameters, Shape, parameter_named};
pub use peer::Peer;
pub use range::{Interval, Range};

use crate::kernel::Node;

/// What a value means: a model's weights, a difference of models, or a hyper-parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// A model.
    Weight,
    /// A difference of models: a task vector.
    Delta,
    /// A number or a field of numbers that steers a method.
    Param,
}

impl Space {
    /// The name in recipes.
    pub fn word(self) -> &'static str {
        match self {
            Space::Weight => "weight",
            Space::Delta => "delta",
            Space::Param => "param",
        }
    }

    /// The space with this name.
    pub fn from_word(word: &str) -> Option<Space> {
        [Space::Weight, Space::Delta, Space::Param]
            .into_iter()
            .find(|space| space.word() == word)
    }
}

/// The spaces that an input or a result may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// This one.
    Only(Space),
    /// Any, the same for all that say so in one merge.
    Same,
}

/// A model among a method's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name in recipes.
    pub name: &'static str,
    /// Its space.
    pub domain: Domain,
}

impl Input {
    /// An input of the space that all such inputs and the result share.
    const fn same(name: &'static str) -> Input {
        Input {
            name,
            domain: Domain::Same,
        }
    }

    /// An input that is a model.
    const fn weight(name: &'static str) -> Input {
        Input {
            name,
            domain: Domain::Only(Space::Weight),
        }
    }

    /// An input that is a task vector.
    const fn delta(name: &'static str) -> Input {
        Input {
            name,
            domain: Domain::Only(Space::Delta),
        }
    }
}

/// Models, any number of them.
const MODELS: &[Input] = &[Input::weight("models")];

/// Whether a method works relative to a base model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// It takes no base.
    None,
    /// It needs one.
    Required,
    /// The base is the first of its models.
    First,
    /// It works relative to one where it is given.
    Optional,
}

/// What writes the arithmetic of one tensor: a function, or a closure over what a file says.
pub type Lower = &'static (dyn Fn(&mut Lowering<'_>) -> Node + Send + Sync);

/// A merge method.
pub struct Method {
    /// The name in recipes and on the command line.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What is computed, element by element.
    pub formula: &'static str,
    /// Paper or equation that defines it; empty where the first of `peers` does.
    pub source: &'static str,
    /// What it is for.
    pub group: Group,
    /// What other tools call it, each with the meaning of this row unless it says otherwise.
    pub peers: &'static [Peer],
    /// Whether it takes a base model.
    pub base: Base,
    /// The least number of models besides a required base.
    pub models_min: usize,
    /// The greatest number of models besides a required base.
    pub models_max: usize,
    /// The models in order; the last entry stands for all further ones.
    pub inputs: &'static [Input],
    /// The space of the result.
    pub result: Domain,
    /// What can be set.
    pub parameters: &'static [Parameter],
    /// The parameter that block weights set.
    pub ratio: Option<&'static str>,
    /// Writes the arithmetic of one tensor.
    pub lower: Lower,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Method").field(&self.id).finish()
    }
}

/// A method is its row.
impl PartialEq for Method {
    fn eq(&self, other: &Method) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Method {
    /// The input at a position.
    pub fn input(&self, position: usize) -> Option<&'static Input> {
        self.inputs.get(position).or(self.inputs.last())
    }

    /// How many models it takes, as a text: `1 model`, `2 to 4 models` or `at least 2 models`.
    pub(crate) fn takes(&self, thing: &str) -> String {
        let most = match self.models_max {
            usize::MAX => self.models_min,
            max => max,
        };
        let things = counted(most, thing);
        match (self.models_min, self.models_max) {
            (_, usize::MAX) => format!("at least {things}"),
            (min, max) if min == max => things,
            (min, _) => format!("{min} to {things}"),
        }
    }

    /// How many models it takes, as a text: `2`, `2 to 4` or `at least 2`.
    pub fn models(&self) -> String {
        match (self.models_min, self.models_max) {
            (min, usize::MAX) => format!("at least {min}"),
            (min, max) if min == max => min.to_string(),
            (min, max) => format!("{min} to {max}"),
        }
    }

    /// The inputs that are one model each; without one of them there is nothing to compute.
    pub fn single_inputs(&self) -> usize {
        self.inputs.len() - usize::from(self.is_variadic())
    }

    /// Whether the last input stands for any number of models.
    pub fn is_variadic(&self) -> bool {
        self.models_max > self.inputs.len()
    }

    /// Whether it makes a model of models, so that flags alone can describe the merge.
    pub fn merges_models(&self) -> bool {
        let model = |domain: Domain| domain != Domain::Only(Space::Delta);
        let inputs = self.inputs.iter().all(|input| model(input.domain));
        inputs && matches!(self.result, Domain::Same | Domain::Only(Space::Weight))
    }
}

/// Every method of the front door of flags, in the order of the documentation.
pub static METHODS: &[&Method] = &[
    &linear::LINEAR,
    &linear::N_AVERAGE,
    &slerp::SLERP,
    &add_difference::ADD_DIFFERENCE,
    &task_arithmetic::TASK_ARITHMETIC,
    &ties::TIES,
    &dare::DARE_LINEAR,
    &dare::DARE_TIES,
    &dare::DARE_THEN_TIES,
    &preset::PEFT_MAGNITUDE_PRUNE,
    &preset::PEFT_TIES,
    &preset::PEFT_DARE_TIES,
    &preset::PAPER_TIES,
    &preset::PAPER_DARE_TIES,
    &preset::DAREX_Q,
    &supermario::SUPERMARIO,
    &breadcrumbs::BREADCRUMBS,
    &breadcrumbs::BREADCRUMBS_TIES,
    &model_stock::MODEL_STOCK,
    &nearswap::NEARSWAP,
    &nuslerp::NUSLERP,
    &multislerp::MULTISLERP,
    &karcher::KARCHER,
    &sce::SCE,
    &ram::RAM,
    &ram::RAMPLUS_TL,
    &arcee_fusion::ARCEE_FUSION,
    &della::DELLA,
    &della::DELLA_LINEAR,
    &consensus_ta::CONSENSUS_TA,
    &pcb::PCB,
    &cabs::CABS,
    &fisher::FISHER,
    &assembly::ASSEMBLY_OF_EXPERTS,
    &ablate::ABLATE,
    &subspace::TSV_M,
    &subspace::ISO_C,
    &subspace::ISO_CTS,
    &subspace::STAR,
    &subspace::KNOTS_TIES,
];

/// The method that flags mean by this identifier: one of [`METHODS`], else one of
/// [`RECIPE_METHODS`] that makes a model of models, or a registered one.
pub fn find(id: &str) -> Option<&'static Method> {
    named().find(|method| method.id == id)
}

/// The method that a recipe means by this identifier.
pub fn in_recipes(id: &str) -> Option<&'static Method> {
    of_recipes().find(|method| method.id == id)
}

/// Every method that recipes can name.
pub(crate) fn of_recipes() -> impl Iterator<Item = &'static Method> {
    RECIPE_METHODS.iter().copied().chain(own::own())
}

/// Every method that flags can name.
pub fn named() -> impl Iterator<Item = &'static Method> {
    let recipe = of_recipes().filter(|method| {
        method.merges_models() && !METHODS.iter().any(|known| known.id == method.id)
    });
    METHODS.iter().copied().chain(recipe)
}

/// Every method, those with one identifier in both tables included.
pub fn all() -> impl Iterator<Item = &'static Method> {
    let recipe =
        of_recipes().filter(|method| !METHODS.iter().any(|known| std::ptr::eq(*known, *method)));
    METHODS.iter().copied().chain(recipe)
}
