//! Exact selection of the k largest magnitudes by counting, in as few passes as possible.
//!
//! Keys are the 31 magnitude bits of f32 values, which order as the magnitudes do. A pass counts
//! the keys in [`BINS`] equal bins of a grid, and the keys above it; the bin in which the k-th
//! largest key falls is the next grid, until it holds a single key. The result is exact whatever
//! the grids were, so a good first guess from a sample saves passes and changes nothing.

use std::ops::RangeInclusive;

/// Bins of a grid.
pub const BINS: usize = 2048;

/// What becomes of entries whose magnitude equals that of the smallest kept one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// Exactly k entries are kept; of equal magnitudes those with the lowest index.
    #[default]
    Exact,
    /// All entries as large as the k-th are kept, so more than k may survive.
    Keep,
}

/// How many entries of a value are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kept {
    /// k = floor(density n), for a density in (0, 1]. The product is in f64, as every tool has it.
    Density(f64),
    /// All from the j-th smallest on, j = max(floor((1 - k) n), 1): sd-mecha's rule, which keeps
    /// one more than its density says.
    FromRank(f64),
    /// All from the (n - floor(density n))-th smallest on: one more than its density says.
    OneMore(f64),
    /// Those of a density, and the outliers above them: k = floor(density n) + floor(outliers n).
    WithOutliers {
        /// The share that is kept besides.
        density: f64,
        /// The share of outliers.
        outliers: f64,
    },
    /// The outliers of the same: k = floor(outliers n), as far as the density leaves any.
    Outliers {
        /// The share that is kept besides.
        density: f64,
        /// The share of outliers.
        outliers: f64,
    },
    /// All from a quantile on: from the place floor(q (n - 1)) in ascending order, counted from 0.
    FromQuantile(f64),
    /// So many.
    Count(u64),
}

/// floor(share n), at most n.
fn share_of(share: f64, n: u64) -> u64 {
    ((share * n as f64) as u64).min(n)
}

impl Kept {
    /// The number of kept entries among `n`.
    pub fn count(self, n: u64) -> u64 {
        match self {
            Kept::Density(density) => share_of(density, n),
            Kept::FromRank(k) => {
                let rank = (((1.0 - k) * n as f64) as u64).clamp(1, n.max(1));
                n - n.min(rank - 1)
            }
            Kept::OneMore(density) => share_of(density, n).saturating_add(1).min(n),
            Kept::WithOutliers { density, outliers } => {
                (share_of(density, n) + share_of(outliers, n)).min(n)
            }
            Kept::Outliers { density, outliers } => {
                share_of(outliers, n).min(n - share_of(density, n))
            }
            Kept::FromQuantile(q) => n - share_of(q, n.saturating_sub(1)),
            Kept::Count(count) => count.min(n),
        }
    }

    /// What it is, bit for bit.
    pub(super) fn numbers(self) -> [u64; 3] {
        let of = |rule, share: f64, other: f64| [rule, share.to_bits(), other.to_bits()];
        match self {
            Kept::Density(density) => of(0, density, 0.0),
            Kept::FromRank(k) => of(1, k, 0.0),
            Kept::WithOutliers { density, outliers } => of(2, density, outliers),
            Kept::Outliers { density, outliers } => of(3, density, outliers),
            Kept::Count(count) => [4, count, 0],
            Kept::FromQuantile(q) => of(5, q, 0.0),
            Kept::OneMore(density) => of(6, density, 0.0),
        }
    }

    /// Whether every entry is kept, however many there are.
    pub fn is_all(self) -> bool {
        match self {
            Kept::Density(share) | Kept::FromRank(share) | Kept::OneMore(share) => share >= 1.0,
            _ => false,
        }
    }
}

/// The keys `lo .. lo + (BINS << shift)`, in bins of `1 << shift` keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The lowest key counted.
    pub lo: u32,
    /// Binary logarithm of the keys in a bin.
    pub shift: u32,
}

impl Grid {
    /// The largest key.
    pub const KEY_MAX: u32 = 0x7fff_ffff;

    /// Counts nothing.
    pub const IDLE: Grid = Grid {
        lo: Grid::KEY_MAX,
        shift: 0,
    };

    /// The narrowest grid that holds the keys `lo..=hi`.
    pub fn over(lo: u32, hi: u32) -> Grid {
        let mut shift = 0;
        while (hi.saturating_sub(lo) >> shift) as usize >= BINS {
            shift += 1;
        }
        Grid { lo, shift }
    }

    /// Bin of a key, `BINS` if it is above the grid, None if below.
    #[inline(always)]
    pub fn bin(self, key: u32) -> Option<usize> {
        let bin = (key.checked_sub(self.lo)? >> self.shift) as usize;
        Some(bin.min(BINS))
    }
}

/// How many keys lie in each bin of a grid, and above it. Neighbours are counted apart: of narrow
/// types many keys are equal, and a count waits for the one before it.
fn count(grid: Grid, keys: &[u32]) -> Vec<u64> {
    let mut counts = vec![[0_u32; 2]; BINS + 1];
    let (pairs, rest) = keys.as_chunks::<2>();
    for pair in pairs {
        for (which, key) in pair.iter().enumerate() {
            if let Some(bin) = grid.bin(*key) {
                counts[bin][which] += 1;
            }
        }
    }
    if let Some(bin) = rest.first().and_then(|key| grid.bin(*key)) {
        counts[bin][0] += 1;
    }
    let both = |[one, other]: [u32; 2]| u64::from(one) + u64::from(other);
    counts.into_iter().map(both).collect()
}

/// The search for the k-th largest of n keys.
#[derive(Clone, Debug)]
pub struct Selection {
    k: u64,
    ties: Ties,
    /// The k-th largest key is known to be in `lo..=hi`.
    lo: u32,
    hi: u32,
    /// Keys above `hi`.
    above: u64,
    /// Keys equal to the threshold, once `lo == hi`.
    equal: Option<u64>,
    /// The bin of the last grid in which they were counted.
    last_bin: Option<usize>,
    /// The keys among which the threshold most likely is.
    guess: Option<(u32, u32)>,
    /// How often counts were taken.
    passes: u32,
}

/// Passes that suffice: the grid of the guess, and three that divide all 31 bits of a key.
const PASSES_MAX: u32 = 4;

/// Counts that cannot all be of the same keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two passes over the same entries counted different ones")]
pub struct Contradiction;

impl Selection {
    /// A search for the `k` largest of `n` keys; `k` at most `n`.
    pub fn new(n: u64, k: u64, ties: Ties) -> Selection {
        assert!(k <= n, "{k} of {n} keys asked for");
        let (lo, hi, equal) = match k {
            0 => (Grid::KEY_MAX, Grid::KEY_MAX, Some(0)),
            _ if k == n => (0, 0, Some(0)),
            _ => (0, Grid::KEY_MAX, None),
        };
        Selection {
            k,
            ties: if k == n { Ties::Keep } else { ties },
            lo,
            hi,
            above: 0,
            equal,
            last_bin: None,
            guess: None,
            passes: 0,
        }
    }

    /// Proposes a first grid from a sample of `n` keys in any order. Only speed depends on it.
    pub fn guess(&mut self, sample: &mut [u32], n: u64) {
        if sample.is_empty() || self.equal.is_some() {
            return;
        }
        let size = sample.len() as f64;
        let kept = self.k as f64 / n as f64;
        // Four standard deviations of the rank that the threshold has in a random sample.
        let margin = 4.0 * (size * kept * (1.0 - kept)).sqrt() + 2.0;
        let rank = size * (1.0 - kept);
        let last = sample.len() - 1;
        let index = |rank: f64| (rank.max(0.0) as usize).min(last);
        let (low, high) = (index(rank - margin), index(rank + margin));
        let lo = *sample.select_nth_unstable(low).1;
        // The rest is no smaller.
        let hi = *sample[low..].select_nth_unstable(high - low).1;
        self.guess = Some((lo, hi));
    }

    /// The keys among which the threshold most likely is, both ends included.
    pub fn guessed(&self) -> Option<(u32, u32)> {
        self.guess
    }

    /// The same search among all `keys` of a range, where so many are above it; None where the
    /// threshold is not in the range.
    pub fn among(&self, range: RangeInclusive<u32>, above: u64, keys: &[u32]) -> Option<Selection> {
        let k = self.k.checked_sub(above).filter(|k| *k > 0)?;
        if k > keys.len() as u64 {
            return None;
        }
        let mut own = Selection {
            k,
            lo: *range.start(),
            hi: *range.end(),
            above: 0,
            equal: None,
            guess: None,
            passes: 0,
            ..self.clone()
        };
        while let Some(grid) = own.grid() {
            own.feed(&count(grid, keys)).ok()?;
        }
        Some(own)
    }

    /// The grid to count next, or None when the threshold is known.
    pub fn grid(&self) -> Option<Grid> {
        match (self.equal, self.guess) {
            (Some(_), _) => None,
            (None, Some((lo, hi))) => Some(Grid::over(lo, hi)),
            (None, None) => Some(Grid::over(self.lo, self.hi)),
        }
    }

    /// Takes the counts of the last [`Self::grid`]: one per bin, then those above it.
    ///
    /// # Errors
    /// [`Contradiction`] where the counts do not agree with those of earlier passes: the keys have
    /// changed. However they change, the search ends.
    pub fn feed(&mut self, counts: &[u64]) -> Result<(), Contradiction> {
        assert_eq!(counts.len(), BINS + 1, "bins of a grid and what is above");
        let Some(grid) = self.grid() else {
            return Ok(());
        };
        self.passes += 1;
        if self.passes > PASSES_MAX {
            return Err(Contradiction);
        }
        self.guess = None;
        self.narrow(grid, counts);
        // Between ends that have crossed there is no key.
        match self.lo <= self.hi {
            true => Ok(()),
            false => Err(Contradiction),
        }
    }

    /// Moves the ends of the bracket to where the k-th largest key is.
    fn narrow(&mut self, grid: Grid, counts: &[u64]) {
        let mut above = counts[BINS];
        let end = u64::from(grid.lo) + ((BINS as u64) << grid.shift);
        if above >= self.k {
            self.lo = u32::try_from(end).unwrap_or(u32::MAX);
            return;
        }
        for bin in (0..BINS).rev() {
            if above + counts[bin] >= self.k {
                let lo = u64::from(grid.lo) + ((bin as u64) << grid.shift);
                let hi = lo + (1u64 << grid.shift) - 1;
                let key = |end: u64| u32::try_from(end).unwrap_or(u32::MAX);
                self.lo = key(lo).max(self.lo);
                self.hi = key(hi).min(self.hi);
                self.above = above;
                self.equal = (grid.shift == 0).then_some(counts[bin]);
                self.last_bin = self.equal.map(|_| bin);
                return;
            }
            above += counts[bin];
        }
        // Below the grid; there is nothing below zero.
        match grid.lo.checked_sub(1) {
            Some(below) => self.hi = below,
            None => self.lo = u32::MAX,
        }
        self.above = above;
    }

    /// The smallest kept key. Keys above it are kept, of those equal to it [`Self::kept_ties`].
    pub fn threshold(&self) -> u32 {
        self.lo
    }

    /// The bin of the last grid that was counted in which the threshold is, alone.
    pub fn last_bin(&self) -> Option<usize> {
        self.last_bin
    }

    /// How many of the keys equal to the threshold are kept, the first in index order; None when
    /// all are. A threshold of zero keeps all: a dropped zero and a kept one are the same.
    pub fn kept_ties(&self) -> Option<u64> {
        let rest = self.k.saturating_sub(self.above);
        let all = self.ties == Ties::Keep || self.lo == 0 || self.equal == Some(rest);
        (!all).then_some(rest)
    }
}

/// Where a selection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The smallest kept magnitude, as f32 bits.
    pub key: u32,
    /// The index in the tensor below which entries of that magnitude are kept.
    pub cutoff: u64,
}
