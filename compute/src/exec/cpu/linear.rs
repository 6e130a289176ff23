//! The loops of linear algebra, compiled for instruction sets.

use super::Level;
use crate::kernel::linear::loops::{Block, Loops, dots, tiles, turn};
use crate::level::at_level;

impl Loops for Level {
    fn tiles(&self, a: &[f64], b: &[f64], depth: usize, block: Block<'_>) {
        at_level!(
            *self,
            tiles(a: &[f64] = a, b: &[f64] = b, depth: usize = depth, block: Block<'_> = block)
        );
    }

    fn dots(&self, rows: &[f64], stride: usize, x: &[f64], out: &mut [f64]) {
        at_level!(
            *self,
            dots(rows: &[f64] = rows, stride: usize = stride, x: &[f64] = x, out: &mut [f64] = out)
        );
    }

    fn turn(&self, strip: &mut [f64], rotations: &[(f64, f64)]) {
        at_level!(
            *self,
            turn(strip: &mut [f64] = strip, rotations: &[(f64, f64)] = rotations)
        );
    }
}
