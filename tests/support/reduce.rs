//! Passes over a tensor that lies in memory.

use wgmerge::exec::{Batch, Executor, Piece, Results};
use wgmerge::kernel::reduce::{Reach, Reduction};
use wgmerge::kernel::{Program, Row, TILE, Tally};

/// Lets reductions see the values of a Program of one input of f32, some tiles at a time, until all
/// is known. Returns how many passes that took.
pub fn settle(
    executor: &mut dyn Executor,
    program: &Program,
    x: &[f32],
    tiles: u64,
    reductions: &mut [Box<dyn Reduction>],
) -> usize {
    let arena: Vec<u8> = x.iter().flat_map(|x| x.to_le_bytes()).collect();
    executor.upload(&arena, 0..arena.len()).expect("an upload");
    let (row, tile) = (Row::default(), TILE as u64);
    let all = x.len() as u64;
    for pass in 0.. {
        let reaches: Vec<Option<Reach>> = reductions.iter().map(|own| own.reach()).collect();
        let Some(reach) = reaches.iter().flatten().min().cloned() else {
            return pass;
        };
        for range in reach.tiles(0..all.div_ceil(tile)) {
            for from in range.clone().step_by(tiles as usize) {
                let to = (from + tiles).min(range.end);
                let start = from * tile;
                let piece = Piece {
                    row: &row,
                    start,
                    len: reach.seen((to * tile).min(all) - start) as usize,
                    inputs: vec![4 * start as usize],
                    output: 0,
                };
                let batch = Batch {
                    program,
                    pieces: &[piece],
                };
                let wants = |own: &dyn Reduction| own.reach().as_ref() == Some(&reach);
                let mut tallies: Vec<Tally> = Vec::new();
                for own in reductions.iter_mut().filter(|own| wants(own.as_ref())) {
                    own.ask(&mut tallies);
                }
                tallies.resize(program.asked().count(), Tally::Nothing);
                executor
                    .run(&batch, &arena, &mut Results::asking(&mut tallies))
                    .expect("finite values");
                for own in reductions.iter_mut().filter(|own| wants(own.as_ref())) {
                    own.take(from..to, &mut tallies);
                }
            }
        }
        for own in reductions.iter_mut() {
            if own.reach().as_ref() == Some(&reach) {
                own.end_pass().expect("the same elements every time");
            }
        }
    }
    unreachable!("passes end")
}
