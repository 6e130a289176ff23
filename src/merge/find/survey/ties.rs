//! Where the kept ties of surveyed selections end: found for all of them in one pass, over the
//! stretches in which they can be.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::group::Limit;
use super::pass::{Pass, Run};
use super::search::Searches;
use super::turns::lock;
use crate::exec::Batch;
use crate::exec::cpu::Tie;
use crate::merge::MergeError;
use crate::merge::find::Rows;
use crate::merge::lane::Lane;
use crate::plan::Part;

/// Ties whose end is looked for.
#[derive(Clone, Copy)]
struct Open {
    /// The stretch in which it is, if that is known.
    stretch: Option<usize>,
    /// How many are kept of those that follow.
    left: u64,
    end: Option<Limit>,
}

impl Open {
    /// The selections that do not keep all ties, by number.
    fn of(searches: &Searches<'_>) -> HashMap<usize, Open> {
        let tied = (0..searches.len()).filter_map(|number| {
            let (stretch, left) = searches.get(number).tied()?;
            let end = None;
            Some((number, Open { stretch, left, end }))
        });
        tied.collect()
    }

    fn is_in(&self, stretch: usize) -> bool {
        self.stretch.is_none_or(|own| own == stretch)
    }
}

/// The limits of those selections that do not keep all ties, by number.
pub(super) fn limits<'a>(
    pass: &Pass<'a>,
    searches: &Searches<'a>,
    lanes: &mut [Lane<'a>],
    rows: &Rows<'a>,
) -> Result<HashMap<usize, Limit>, MergeError> {
    let open = Open::of(searches);
    if open.is_empty() {
        return Ok(HashMap::new());
    }
    // The values of a run whose ties may end in it, with their selections.
    let values = |at: usize, part: &Part| -> Vec<(usize, usize)> {
        let stretch = searches.stretch(at, part);
        let numbers = searches.numbers(&pass.jobs[at]).into_iter().enumerate();
        let here = |number: &usize| open.get(number).is_some_and(|open| open.is_in(stretch));
        numbers.filter(|(_, number)| here(number)).collect()
    };
    let state = Mutex::new(open.clone());
    let key = |number: usize| searches.get(number).selection.threshold();
    pass.shared.progress.begin("survey: ties", 0);
    pass.each_in_order(
        lanes,
        pass.runs()
            .filter(|(at, part)| !values(*at, part).is_empty()),
        |lane, run| {
            let values = values(run.at, &run.loaded.part);
            let ties = values.iter();
            let mut ties: Vec<Tie> = ties
                .map(|&(value, number)| Tie::new(value, key(number), u64::MAX))
                .collect();
            locate(pass, rows, lane, run, &mut ties);
            let counts = ties.into_iter().map(|tie| u64::MAX - tie.left);
            Ok(values.into_iter().zip(counts).collect::<Vec<_>>())
        },
        |lane, run, counted| {
            let mut state = lock(&state);
            for ((value, number), equal) in counted {
                let Some(open) = state.get_mut(&number).filter(|open| open.end.is_none()) else {
                    continue;
                };
                if equal <= open.left {
                    open.left -= equal;
                    continue;
                }
                let mut tie = [Tie::new(value, key(number), open.left)];
                locate(pass, rows, lane, run, &mut tie);
                open.end = Some(Limit {
                    at: run.at,
                    element: tie[0].found.unwrap_or(u64::MAX),
                });
            }
            Ok(())
        },
    )?;
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ends = state.into_iter();
    Ok(ends
        .filter_map(|(number, open)| Some((number, open.end?)))
        .collect())
}

/// Looks for the ends of ties in a run.
fn locate<'a>(
    pass: &Pass<'a>,
    rows: &Rows<'a>,
    lane: &mut Lane<'a>,
    run: &Run<'_>,
    ties: &mut [Tie],
) {
    let surveyed = &pass.jobs[run.at];
    let piece = [run.loaded.piece(rows.get(surveyed.job, surveyed.output))];
    let batch = Batch {
        program: &pass.shared.plan.programs[surveyed.program],
        pieces: &piece,
    };
    let arena = lane.arena.get(run.arena_bytes);
    lane.engine.cpu.locate(&batch, arena, ties);
}
