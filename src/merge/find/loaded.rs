//! The statistics of tensors whose inputs lie in a lane's arena as a whole.

use super::pass::{Pass, Reading, Sighting, settle};
use super::search::{Room, Search, Subject};
use crate::exec::{Batch, Piece, Results};
use crate::kernel::{Row, TILE, Tally};
use crate::merge::MergeError;
use crate::merge::lane::{Lane, Loaded};
use crate::plan::{Class, OutputId};

/// Pieces that a tensor is counted in.
const PIECES: u64 = 32;
/// Elements of one at least: a device does fewer no faster.
const PIECE_MIN: u64 = 1 << 16;

/// Fills the rows of parts of one class with the results of their statistics. The parts are whole
/// tensors.
pub(in crate::merge) fn resolve(
    lane: &mut Lane<'_>,
    class: &Class,
    parts: &[&Loaded],
    rows: &mut [Row],
    arena_bytes: usize,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let room = Room {
        bytes: shared.plan.memory.statistics_bytes,
        // A device counts; what it would have to send is more than the host saves.
        collects: false,
    };
    for group in class.rounds.iter().flatten() {
        let of = parts.iter();
        let of = of.map(|loaded| (loaded.part.job, OutputId::FIRST, group));
        let mut search = Search::new(shared.plan, of, room);
        let reading = Arena {
            parts,
            rows,
            bytes: arena_bytes,
        };
        settle(shared, std::slice::from_mut(lane), &mut search, &reading)?;
        for (number, row) in rows.iter_mut().enumerate() {
            let found = search.found(number);
            search.subjects[number].fill(&found, row);
        }
    }
    Ok(())
}

/// Tensors that lie in an arena, of which so many bytes are taken.
struct Arena<'r> {
    parts: &'r [&'r Loaded],
    rows: &'r [Row],
    bytes: usize,
}

impl<'a, 'p> Reading<'a, 'p> for Arena<'_> {
    fn elements(&self, subject: &Subject<'p>) -> u64 {
        // In several pieces, so that the ends of ties are looked for in one of them.
        let piece = subject.elements.div_ceil(PIECES).max(PIECE_MIN);
        piece.next_multiple_of(TILE as u64)
    }

    fn together(&self) -> usize {
        usize::MAX
    }

    fn see(
        &self,
        lane: &mut Lane<'a>,
        pass: &Pass<'_, 'p>,
        seen: &[Sighting],
        tallies: &mut [Tally],
    ) -> Result<(), MergeError> {
        let shared = lane.shared;
        let plan = shared.plan;
        let pieces = seen.iter().map(|one| {
            let loaded = self.parts[one.subject];
            loaded.piece_of(plan, &one.part, &self.rows[one.subject])
        });
        let pieces: Vec<Piece<'_>> = pieces.collect();
        let batch = Batch {
            program: &plan.programs[pass.subject(&seen[0]).program],
            pieces: &pieces,
        };
        let arena = lane.arena.get(self.bytes);
        let mut results = Results::asking(tallies);
        let done = lane.engine.run(&batch, arena, &mut results);
        let of = |piece: usize| (seen[piece].part.job, OutputId::FIRST);
        done.map_err(|fault| shared.fault_at(fault, of))
    }
}
