//! What a device found, in its partial results: one hazard flag per piece, the sums of all tiles,
//! the largest magnitudes and the counts of all pieces, as `shaders/kernel` has them.

use crate::exec::{Batch, Piece};
use crate::kernel::table::{CHANGE_SUMS, Layout, Outputs, PAIR_WORDS};
use crate::kernel::{BINS, Change, Output, TILE, Tally, TileChange, TilePair};

/// Where the answers about the pieces of a dispatch lie.
pub(super) struct Answers {
    outputs: Outputs,
    tiles_per_group: usize,
    pieces: usize,
    /// The word of the output where each piece's results begin.
    begins: Vec<usize>,
    /// Where each piece's workgroups end.
    groups: Vec<usize>,
}

impl Answers {
    pub(super) fn new(layout: &Layout, pieces: usize) -> Answers {
        Answers {
            outputs: layout.outputs(),
            tiles_per_group: layout.tiles_per_group(),
            pieces,
            begins: Vec::with_capacity(pieces),
            groups: Vec::with_capacity(pieces),
        }
    }

    /// The next piece: where its results begin, and how many workgroups there are with its own.
    pub(super) fn push(&mut self, begin: usize, groups: usize) {
        self.begins.push(begin);
        self.groups.push(groups);
    }

    /// The word of the output where a piece's results begin.
    pub(super) fn begin(&self, piece: usize) -> usize {
        self.begins[piece]
    }

    /// Words behind the flags.
    pub(super) fn words(&self) -> usize {
        let per_piece = self.outputs.maxima + self.outputs.counts * (BINS + 1);
        self.sums() + self.pieces * per_piece
    }

    fn sums(&self) -> usize {
        let groups = self.groups.last().copied().unwrap_or(0);
        groups * self.tiles_per_group * self.outputs.sums
    }

    /// Whether a device may not be trusted with a piece.
    pub(super) fn is_hazard(&self, partials: &[u8], piece: usize) -> bool {
        words(partials)[piece] != [0; 4]
    }

    /// Adds the answers about a piece, number `number` of a batch, to its tallies.
    pub(super) fn add(
        &self,
        partials: &[u8],
        piece: usize,
        batch: &Batch<'_>,
        number: usize,
        tallies: &mut [Tally],
    ) {
        let all = &words(partials)[self.pieces..];
        let first_group = match piece {
            0 => 0,
            piece => self.groups[piece - 1],
        };
        let tiles = batch.pieces[number].tiles();
        let maxima = self.sums() + piece * self.outputs.maxima;
        let counts = self.sums() + self.pieces * self.outputs.maxima;
        let counts = counts + piece * self.outputs.counts * (BINS + 1);
        let mut next = Outputs::default();
        for (output, tally) in batch.program.asked().zip(tallies) {
            match (output, tally) {
                (Output::Sum(_), tally) => {
                    if let Tally::Sums(sums) = tally {
                        let tile = first_group * self.tiles_per_group;
                        let own = tile..tile + tiles;
                        let place = |tile| tile * self.outputs.sums + next.sums;
                        let own = own.map(|tile| f32::from_le_bytes(all[place(tile)]));
                        sums.extend(own);
                    }
                    next.sums += 1;
                }
                (Output::Change { .. }, tally) => {
                    if let Tally::Change(change) = tally {
                        let begin = first_group * self.tiles_per_group;
                        let place = |tile| (begin + tile) * self.outputs.sums + next.sums;
                        add_change(change, &batch.pieces[number], |tile| &all[place(tile)..]);
                    }
                    next.sums += CHANGE_SUMS;
                }
                (Output::Pair(_), tally) => {
                    if let Tally::Pairs(pairs) = tally {
                        let begin = first_group * self.tiles_per_group;
                        let tiles = begin..begin + tiles;
                        let place = |tile| tile * self.outputs.sums + next.sums;
                        pairs.extend(tiles.map(|tile| tile_pair(&all[place(tile)..])));
                    }
                    next.sums += PAIR_WORDS;
                }
                (Output::Max(_), tally) => {
                    if let Tally::Max(most) = tally {
                        *most = u32::from_le_bytes(all[maxima + next.maxima]).max(*most);
                    }
                    next.maxima += 1;
                }
                (Output::Count(_), tally) => {
                    if let Tally::Counts(own) = tally {
                        let begin = counts + next.counts * (BINS + 1);
                        let found = &all[begin..][..BINS + 1];
                        for (count, word) in own.bins.iter_mut().zip(found) {
                            *count += u64::from(u32::from_le_bytes(*word));
                        }
                    }
                    next.counts += 1;
                }
                // The host alone collects, and what is stored is not asked about.
                (Output::Collect(_) | Output::Store { .. }, _) => {}
            }
        }
    }
}

/// Adds what the tiles of a piece change, whose words begin as `of` says.
fn add_change<'w>(change: &mut Change, piece: &Piece<'_>, of: impl Fn(usize) -> &'w [[u8; 4]]) {
    let first = piece.start / TILE as u64;
    for tile in 0..piece.tiles() {
        if !change.takes(first + tile as u64) {
            continue;
        }
        let sums = of(tile)[..CHANGE_SUMS].iter();
        let found = tile_change(sums.map(|sum| f32::from_le_bytes(*sum)));
        change.add(TILE.min(piece.len - tile * TILE), found);
    }
}

/// What a tile changes, by its sums: counts are two in one number.
fn tile_change(sums: impl Iterator<Item = f32>) -> TileChange {
    let mut own = [0.0; CHANGE_SUMS];
    own.iter_mut().zip(sums).for_each(|(own, sum)| *own = sum);
    let [meant, stored, along, low, high] = own;
    // Whole numbers below 2^22.
    let [low, high] = [low as u32, high as u32];
    TileChange {
        meant,
        stored,
        along,
        changed: low & 0x7ff,
        flushed: low >> 11,
        beyond: high & 0x7ff,
        special: high >> 11,
    }
}

/// What is found of a pair in a tile, by its words.
fn tile_pair(words: &[[u8; 4]]) -> TilePair {
    let number = |at: usize| f32::from_le_bytes(words[at]);
    // Whole numbers below 2^22.
    let [flaws, signs, different] = [4, 5, 6].map(|at| number(at) as u32);
    TilePair {
        sums: [0, 1, 2, 3].map(number),
        flaws: [flaws & 0x7ff, flaws >> 11],
        same_sign: signs & 0x7ff,
        opposite_sign: signs >> 11,
        different,
        greatest: u32::from_le_bytes(words[PAIR_WORDS - 1]),
    }
}

fn words(partials: &[u8]) -> &[[u8; 4]] {
    partials.as_chunks::<4>().0
}
