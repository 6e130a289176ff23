//! Everything that can be wrong with block weights.

use crate::figures::counted;

/// Block weights that do not say what they mean, or do not fit the checkpoint.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BlockError {
    #[error("the block weights are empty: give numbers, a preset, NAME=WEIGHT or rules")]
    Empty,
    #[error("entry {at} of the block weights is empty: two separators stand side by side")]
    EmptyEntry { at: usize },
    #[error(
        "entry {at} of the block weights, `{text}`, is no number, NAME=WEIGHT, START..END, \
         BLOCKS:ELEMENTS:WEIGHT, REGEX: WEIGHT or preset{hint}"
    )]
    Unreadable {
        at: usize,
        text: String,
        hint: String,
    },
    #[error(
        "entry {at} of the block weights, `{text}`, has the weight `{weight}`, which is not a \
         finite number"
    )]
    NotNumber {
        at: usize,
        text: String,
        weight: String,
    },
    #[error(
        "entry {at} of the block weights, `{text}`, is {found} and cannot stand after \
         {before}{hint}"
    )]
    Mixed {
        at: usize,
        text: String,
        found: &'static str,
        before: &'static str,
        hint: &'static str,
    },
    #[error(
        "entry {at} of the block weights gives `{name}` the weight {second}, which already has \
         {first}: leave one of them out"
    )]
    Twice {
        at: usize,
        name: String,
        first: f64,
        second: f64,
    },
    #[error(
        "`*={default}` has no use with {before}, which has a weight for every block: leave it out"
    )]
    DefaultUnused { default: f64, before: &'static str },
    #[error(
        "the block weights have {}; there are 26 for SD1/2 (BASE, IN00-IN11, M00, \
         OUT00-OUT11), 20 for SDXL (BASE, IN00-IN08, M00, OUT00-OUT08), 21 with the VAE's, and 61 \
         for Flux (CLIP, T5, IN, D00-D18, S00-S37, OUT): BASE is always given; for a gradient \
         along the depth write `@depth` behind the last number",
        counted(*.given, "number")
    )]
    Count { given: usize },
    #[error("{what} does not fit {family}, which takes {wanted}")]
    CountOfFamily {
        what: String,
        family: &'static str,
        wanted: &'static str,
    },
    #[error(
        "{what} needs a family whose blocks have names (sd1-ldm, sdxl-sgm or flux-flux), but the \
         checkpoint's is {family}: give a gradient along the depth, as `0.2..0.8`, or regular \
         expressions, as `'layers\\.(\\d+)\\.': 0.2..0.8`"
    )]
    UnknownFamily { what: String, family: String },
    #[error("no block of {family} is called `{name}`{hint}; they are {all}")]
    UnknownBlock {
        family: &'static str,
        name: String,
        hint: String,
        all: String,
    },
    #[error(
        "these blocks of {family} have no weight: {missing}; give theirs, or one for all of them \
         with `*=WEIGHT`"
    )]
    MissingBlocks {
        family: &'static str,
        missing: String,
    },
    #[error(
        "tensor `{key}` lies outside the {blocks} blocks of {family}: the checkpoint is of another \
         architecture; use regular expressions or a gradient along the depth"
    )]
    KeyOutside {
        key: String,
        family: &'static str,
        blocks: usize,
    },
    #[error(
        "entry {at} of the block weights, `{text}`, has NOT without a name behind it: name what \
         is left out, or leave the field empty for all"
    )]
    NotNothing { at: usize, text: String },
    #[error(
        "a gradient along the depth needs numbered layers, and no name among {} has a number: \
         use regular expressions",
        counted(*.keys, "tensor")
    )]
    NoLayers { keys: usize },
    #[error(
        "the gradient along the depth gives no weight to {} without a layer, as `{key}`: set it \
         with `*=WEIGHT`",
        counted(*.count, "tensor")
    )]
    Layerless { count: usize, key: String },
    #[error("entry {at} of the block weights: `{pattern}` is not a regular expression: {fault}")]
    Syntax {
        at: usize,
        pattern: String,
        fault: Box<regex::Error>,
    },
    #[error(
        "entry {at} of the block weights, `{text}`, has weights along a number, but its \
         expression captures none: put the number in parentheses, as `layers\\.(\\d+)\\.`"
    )]
    NoGroup { at: usize, text: String },
    #[error(
        "entry {at} of the block weights, `{text}`, captures `{captured}` from `{key}`, which is \
         not a whole number: let its first group be `(\\d+)`"
    )]
    CaptureNotNumber {
        at: usize,
        text: String,
        captured: String,
        key: String,
    },
    #[error(
        "entry {at} of the block weights, `{text}`, matches no name among {}: `wgmerge inspect` \
         lists them",
        counted(*.keys, "tensor")
    )]
    NoMatch {
        at: usize,
        text: String,
        keys: usize,
    },
}
