//! Stores a tile of values.

use super::Level;
use super::codec;
use super::fault::Fault;
use super::overflow::Beyond;
use super::tile::Done;
use crate::dtype::codec::limit;
use crate::exec::{Overflow, Results};
use crate::kernel::{Program, Storing};

/// Writes a tile's values, which lie in `register`, and notes what their type cannot hold.
pub(super) fn tile(
    level: Level,
    program: &Program,
    storing: Storing,
    arena: &[u8],
    done: &Done<'_>,
    register: &[u32],
    results: &mut Results<'_>,
) -> Result<(), Fault> {
    let Storing {
        float, on_overflow, ..
    } = storing;
    let begin = done.piece.output + done.at * float.bytes();
    let out = &mut results.stored[begin..][..register.len() * float.bytes()];
    if codec::encode(level, float, register, out) <= limit(float) {
        return Ok(());
    }
    let tile = Beyond {
        program,
        piece: done.piece,
        at: done.at,
        arena,
        float,
        on_overflow,
    };
    let values = tile.treat(register, out)?;
    match results.overflows.last_mut() {
        Some(last) if last.piece == done.number => last.values += values,
        _ if values == 0 => {}
        _ => results.overflows.push(Overflow {
            piece: done.number,
            values,
        }),
    }
    Ok(())
}
