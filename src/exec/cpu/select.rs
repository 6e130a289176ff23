//! Exact selection in one scan, for tensors that lie in memory.

use super::tile::Tile;
use super::{Level, Threshold, count};
use crate::exec::{Batch, ExecError, Piece};
use crate::kernel::{Program, Selection, TILE, Ties};

/// Candidates collected over all values of one tensor, four bytes each. Beyond it counting, which
/// needs no memory, takes over.
const CANDIDATES_MAX: usize = 2 << 20;

/// The search for one value's threshold.
struct Search {
    lo: u32,
    hi: u32,
    k: u64,
    ties: Ties,
    above: u64,
    /// The keys in `lo..=hi`, in index order.
    candidates: Vec<u32>,
    /// How many candidates there were before each tile.
    before: Vec<u32>,
    overflowed: bool,
}

pub(super) fn run(
    level: Level,
    tile: &mut Tile,
    program: &Program,
    piece: &Piece<'_>,
    selections: &[Selection],
    arena: &[u8],
) -> Result<Vec<Option<Threshold>>, ExecError> {
    let mut searches: Vec<Option<Search>> = selections.iter().map(Search::new).collect();
    if searches.iter().all(Option::is_none) {
        return Ok(vec![None; selections.len()]);
    }
    let max = CANDIDATES_MAX / selections.len();
    let values = program.end().values();
    let batch = Batch {
        program,
        pieces: std::slice::from_ref(piece),
    };
    tile.run(level, &batch, arena, |_, _, planes, _, len| {
        for (search, value) in searches.iter_mut().zip(values) {
            if let Some(search) = search {
                search.take(level, &planes[program.plane(*value)][..len], max);
            }
        }
    })?;
    let mut found = Vec::with_capacity(searches.len());
    for (value, search) in searches.into_iter().enumerate() {
        found.push(search.and_then(|search| {
            let (key, kept) = search.threshold()?;
            let cutoff = match kept {
                None => u64::MAX,
                Some(rank) => search.locate(level, tile, &batch, value, key, rank, arena)?,
            };
            Some(Threshold { key, cutoff })
        }));
    }
    Ok(found)
}

impl Search {
    fn new(selection: &Selection) -> Option<Search> {
        let (lo, hi, k, ties) = selection.guessed()?;
        let (candidates, before) = (Vec::new(), Vec::new());
        Some(Search {
            lo,
            hi,
            k,
            ties,
            above: 0,
            candidates,
            before,
            overflowed: false,
        })
    }

    fn take(&mut self, level: Level, plane: &[u32], max: usize) {
        if self.overflowed {
            return;
        }
        let candidates = &mut self.candidates;
        self.before.push(candidates.len() as u32);
        self.above += count::collect(level, plane, self.lo, self.hi, candidates);
        if candidates.len() > max {
            self.overflowed = true;
            self.candidates = Vec::new();
        }
    }

    /// The threshold, and how many of the entries equal to it are kept where not all are.
    fn threshold(&self) -> Option<(u32, Option<u64>)> {
        let rank = usize::try_from(self.k.checked_sub(self.above + 1)?).ok()?;
        if self.overflowed || rank >= self.candidates.len() {
            return None;
        }
        let mut keys = self.candidates.clone();
        let (larger, &mut key, _) = keys.select_nth_unstable_by(rank, |a, b| b.cmp(a));
        let equal = self
            .candidates
            .iter()
            .filter(|other| **other == key)
            .count();
        let kept = larger.iter().filter(|other| **other == key).count() + 1;
        let all = self.ties == Ties::Keep || key == 0 || kept == equal;
        Some((key, (!all).then_some(kept as u64)))
    }

    /// The index of the first entry equal to `key` that is not kept: the one after `kept` others.
    #[expect(clippy::too_many_arguments, reason = "the state of one scan")]
    fn locate(
        &self,
        level: Level,
        tile: &mut Tile,
        batch: &Batch<'_>,
        value: usize,
        key: u32,
        kept: u64,
        arena: &[u8],
    ) -> Option<u64> {
        let mut equal = self
            .candidates
            .iter()
            .enumerate()
            .filter(|(_, other)| **other == key);
        let (position, _) = equal.nth(usize::try_from(kept).ok()?)?;
        let at = self
            .before
            .partition_point(|&before| before as usize <= position)
            - 1;
        let inside = &self.candidates[self.before[at] as usize..position];
        let rank = inside.iter().filter(|other| **other == key).count() as u64;
        // Only the tile that holds it is computed again.
        let whole = &batch.pieces[0];
        let mut piece = whole.clone();
        piece.start += (at * TILE) as u64;
        piece.len = TILE.min(whole.len - at * TILE);
        for (slot, float) in batch.program.loads() {
            piece.inputs[usize::from(slot)] =
                whole.inputs[usize::from(slot)] + at * TILE * float.bytes();
        }
        let batch = Batch {
            program: batch.program,
            pieces: &[piece],
        };
        count::locate(level, tile, &batch, value, key, rank, arena)
    }
}
