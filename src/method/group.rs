//! What methods are for: the chapters of their documentation.

/// A chapter of methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Averages and weighted sums.
    Averages,
    /// Sums of differences to a base.
    TaskVectors,
    /// Sums of differences whose signs are elected, or in which models have to agree.
    Consensus,
    /// Random drops of differences.
    Random,
    /// Directions, angles and distances of whole tensors.
    Geometry,
    /// Decompositions of matrices.
    LinearAlgebra,
    /// Rows, frequencies or ranks of one model with those of another.
    Parts,
    /// What mergers of diffusion models brought up.
    Diffusion,
    /// Ratios per element, for other methods.
    Masks,
    /// The arithmetic of recipes.
    Arithmetic,
    /// Methods of files and other crates.
    Own,
}

impl Group {
    /// All of them, in the order of the documentation.
    pub const ALL: [Group; 11] = [
        Group::Averages,
        Group::TaskVectors,
        Group::Consensus,
        Group::Random,
        Group::Geometry,
        Group::LinearAlgebra,
        Group::Parts,
        Group::Diffusion,
        Group::Masks,
        Group::Arithmetic,
        Group::Own,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Averages => "Averages",
            Group::TaskVectors => "Task vectors",
            Group::Consensus => "Consensus",
            Group::Random => "Random drops",
            Group::Geometry => "Geometry",
            Group::LinearAlgebra => "Linear algebra",
            Group::Parts => "Parts of tensors",
            Group::Diffusion => "Of diffusion mergers",
            Group::Masks => "Masks",
            Group::Arithmetic => "Arithmetic of recipes",
            Group::Own => "Your own",
        }
    }

    /// What its methods are for, in one sentence.
    pub fn purpose(self) -> &'static str {
        match self {
            Group::Averages => "a point between models, element by element",
            Group::TaskVectors => {
                "what models learned over a base, added to it or to another model"
            }
            Group::Consensus => "task vectors that interfere: where models disagree, some give way",
            Group::Random => "task vectors thinned out at random, so that fewer entries meet",
            Group::Geometry => "directions, angles and distances of whole tensors",
            Group::LinearAlgebra => "matrices taken apart: ranks, rotations, singular values",
            Group::Parts => "some rows, frequencies or ranks of one model with the rest of another",
            Group::Diffusion => "what mergers of diffusion models brought up besides",
            Group::Masks => "ratios per element, for the parameters of other methods",
            Group::Arithmetic => "the steps that recipes are made of",
            Group::Own => "methods of files and of programs that use this one as a library",
        }
    }
}
