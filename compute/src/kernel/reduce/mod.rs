//! What is found out about whole values, in passes over their elements.
//!
//! A [`Reduce`] says what; a [`Reduction`] is one that is being found. A pass shows it the elements
//! that it must see, part by part in their order, whoever reads them and whatever computes them: a
//! lane a chunk at a time, all lanes together, a device a whole tensor. A statistic is one file
//! here; whatever runs passes knows no more of it than these two traits.

mod counted;
mod greatest;
mod iterate;
mod largest;
mod measures;
mod nonzero;
mod sum;

use std::fmt::Debug;
use std::ops::Range;

pub use greatest::Greatest;
pub use iterate::{Iterate, Passes};
pub use largest::Largest;
pub use measures::{Measure, Measures};
pub use nonzero::LargestNonzero;
pub use sum::{Derive, Sums};

use super::{Compute, Contradiction, CutoffId, Output, Row, ScalarId, Tally, Threshold, ValueId};

/// What is to be found out about values.
pub trait Reduce: Debug + Send + Sync {
    /// What it is called. Programs serve all of one name.
    fn name(&self) -> &'static str;

    /// Its numbers, bit for bit: with the name all that it is.
    fn numbers(&self) -> Vec<u64>;

    /// What is found depends on besides the values, of which so many elements count.
    fn sought(&self, among: u64) -> Vec<u64> {
        let _ = among;
        self.numbers()
    }

    /// What a Program gives of the values.
    fn outputs(&self, values: &[ValueId]) -> Vec<Output>;

    /// How often all elements of a tensor are read for it.
    fn passes(&self, elements: u64) -> PassCount;

    /// Begins to find it.
    fn begin(&self, extent: Extent) -> Box<dyn Reduction>;

    /// Puts what was found into a row; numbers are rounded to the working dtype.
    fn fill(&self, found: &Found, place: Filled, compute: Compute, row: &mut Row);
}

/// How often elements are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassCount {
    /// At least.
    pub least: u64,
    /// At most; None where the values alone decide when it ends.
    pub most: Option<u64>,
    /// Elements that are looked at beforehand.
    pub sampled: u64,
}

/// Where in a row a statistic's results go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The first of its scalars.
    pub first: ScalarId,
    /// How many there are.
    pub count: u16,
    /// The cutoff, of a statistic that has one.
    pub cutoff: Option<CutoffId>,
}

/// What a reduction ranges over. Its elements are numbered tile by tile: where it ranges over
/// several tensors, each begins with a tile of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many values it sees.
    pub values: usize,
    /// Tiles of all tensors.
    pub tiles: u64,
    /// Elements of all tensors.
    pub elements: u64,
    /// The elements that count.
    pub among: u64,
    /// Bytes that it may hold.
    pub room: usize,
    /// Whether elements are shown in their order by one reader, on the host: else counts alone are
    /// worth asking for.
    pub collects: bool,
}

/// Which elements a pass must see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The beginnings of tiles that lie evenly: of every tile whose number `stride` divides the
    /// first `elements`.
    Sample {
        /// How far they lie from each other.
        stride: u64,
        /// At most a tile's.
        elements: usize,
    },
    /// All.
    All,
    /// Those of some tiles.
    Tiles {
        /// The first of them.
        from: u64,
        /// Where they end.
        to: u64,
    },
}

impl Reach {
    /// The tiles to be seen, of those that are there.
    pub fn tiles(&self, there: Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
        let (stride, whole) = match *self {
            Reach::Sample { stride, .. } => (stride, None),
            Reach::All => (1, Some(there.clone())),
            Reach::Tiles { from, to } => (1, Some(from.max(there.start)..to.min(there.end))),
        };
        let sampled = match whole {
            Some(_) => 0..0,
            None => there.start.next_multiple_of(stride)..there.end,
        };
        let whole = whole.filter(|tiles| !tiles.is_empty());
        let step = usize::try_from(stride).unwrap_or(usize::MAX);
        whole
            .into_iter()
            .chain(sampled.step_by(step).map(|tile| tile..tile + 1))
    }

    /// Elements that are seen of so many, from the beginning of its tiles on.
    pub fn seen(&self, elements: u64) -> u64 {
        match self {
            Reach::Sample { elements: most, .. } => elements.min(*most as u64),
            Reach::All | Reach::Tiles { .. } => elements,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Numbers.
    Numbers(Vec<f64>),
    /// Which entries are the largest.
    Threshold(Threshold),
}

/// Something about values that is being found.
pub trait Reduction: Debug + Send {
    /// What the next pass must see; None once the result is known.
    fn reach(&self) -> Option<Reach>;

    /// Adds what it asks about each of its values, of a part that the pass sees. Several parts may
    /// be looked at before the first of them is taken back.
    fn ask(&mut self, tallies: &mut Vec<Tally>);

    /// Takes back what it asked, about some tiles. Whoever looked at them, they are taken in order.
    fn take(&mut self, tiles: Range<u64>, tallies: &mut [Tally]);

    /// Ends a pass.
    ///
    /// # Errors
    /// [`Contradiction`] where the elements are not those of an earlier pass.
    fn end_pass(&mut self) -> Result<(), Contradiction>;

    /// What was found, once no pass is wanted.
    fn found(&self) -> Found;

    /// Bytes that it holds besides itself.
    fn bytes_held(&self) -> u64;
}

/// Whether two are the same, bit for bit.
pub(super) fn are_same(one: &dyn Reduce, other: &dyn Reduce) -> bool {
    one.name() == other.name() && one.numbers() == other.numbers()
}

/// The bits of numbers.
fn bits(numbers: &[f64]) -> impl Iterator<Item = u64> {
    numbers.iter().map(|number| number.to_bits())
}

/// Puts numbers into the scalars of a statistic.
fn put(numbers: &[f64], place: Filled, compute: Compute, row: &mut Row) {
    let scalars = numbers.iter().map(|number| compute.scalar(*number));
    row.put(place.first, scalars.take(place.count.into()));
}
