//! What an executor is asked about the values of a piece, with what it has found so far.
//!
//! A [`Program`](super::Program) says which values are looked at; a tally says what is wanted of
//! one of them this time. The same tally serves the pieces of a tensor that follow one another.

use super::{BINS, Change, Grid, TILE, TilePair};

/// What is asked about a value, with the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Tally {
    /// Nothing, this time.
    #[default]
    Nothing,
    /// Of [`Output::Sum`](super::Output::Sum): the sum of every tile, by the fixed tree.
    Sums(Vec<f32>),
    /// Of [`Output::Pair`](super::Output::Pair): what is found of every tile.
    Pairs(Vec<TilePair>),
    /// Of [`Output::Max`](super::Output::Max): the largest magnitude, as f32 bits.
    Max(u32),
    /// Of [`Output::Count`](super::Output::Count): how many magnitudes lie in each bin of a grid.
    Counts(Counts),
    /// Of the same, on the host: the magnitudes themselves that lie in a range.
    Keys(Keys),
    /// Of the same, on the host: how many magnitudes of every tile are one.
    Equals(Equals),
    /// Of the same, and of the differences of an [`Output::Pair`](super::Output::Pair), on the
    /// host: which element it is.
    Place(Place),
    /// Of [`Output::Change`](super::Output::Change): what is changed, with what was found before.
    Change(Box<Change>),
    /// Of [`Output::Collect`](super::Output::Collect), on the host: the values.
    Values(Vec<f32>),
}

impl Tally {
    /// Whether a device can answer it.
    pub fn is_for_devices(&self) -> bool {
        match self {
            Tally::Nothing
            | Tally::Sums(_)
            | Tally::Pairs(_)
            | Tally::Max(_)
            | Tally::Counts(_)
            | Tally::Change(_) => true,
            Tally::Keys(_) | Tally::Equals(_) | Tally::Place(_) | Tally::Values(_) => false,
        }
    }
}

/// Counts of magnitudes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// What is counted.
    pub grid: Grid,
    /// One per bin of the grid, then what lies above it.
    pub bins: Vec<u64>,
}

impl Counts {
    /// Counts of nothing yet.
    pub fn new(grid: Grid) -> Counts {
        Counts {
            grid,
            bins: vec![0; BINS + 1],
        }
    }
}

/// The magnitudes in a range, as f32 bits, in the order of the elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// The least that is collected.
    pub lo: u32,
    /// The largest that is collected.
    pub hi: u32,
    /// How many are larger.
    pub above: u64,
    /// Those in the range.
    pub keys: Vec<u32>,
    /// How many of them lie before each tile.
    pub before: Vec<u32>,
    /// How many may be collected; None once there were more.
    pub room: Option<usize>,
}

impl Keys {
    /// Collects at most `room` of the keys of so many elements, all of whose notes are held from
    /// the beginning: no list grows, because what is moved may be held twice.
    pub fn new((lo, hi): (u32, u32), elements: u64, room: usize) -> Keys {
        let elements = usize::try_from(elements).unwrap_or(usize::MAX);
        // A tile is taken as a whole, by vectors that write some lanes too many.
        let keys = room.min(elements).saturating_add(2 * TILE + 16);
        Keys {
            lo,
            hi,
            above: 0,
            keys: Vec::with_capacity(keys),
            before: Vec::with_capacity(elements.div_ceil(TILE)),
            room: Some(room),
        }
    }

    /// Gives up what was collected where it was too much. Whether there is anything to go on with.
    pub fn fits(&mut self) -> bool {
        if self.room.is_some_and(|room| self.keys.len() > room) {
            *self = Keys::default();
        }
        self.room.is_some()
    }

    /// Bytes that it holds.
    pub fn bytes_held(&self) -> u64 {
        ((self.keys.capacity() + self.before.capacity()) * size_of::<u32>()) as u64
    }
}

/// How many magnitudes of every tile equal one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equals {
    /// The magnitude, as f32 bits.
    pub key: u32,
    /// A tile has at most [`TILE`] of them.
    pub tiles: Vec<u16>,
}

/// The search for an element by its magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The magnitude, as f32 bits.
    pub key: u32,
    /// How many elements of this magnitude lie before it.
    pub left: u64,
    /// Its index in the tensor, once it is found.
    pub found: Option<u64>,
}
