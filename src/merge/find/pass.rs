//! Passes over tensors: what reductions ask is answered part by part, whoever reads the parts.

use std::ops::Range;
use std::sync::Mutex;

use super::search::{Search, Subject};
use super::turns::{Turns, lock};
use crate::exec::{Batch, Results};
use crate::kernel::reduce::Reach;
use crate::kernel::{Reduction, Row, TILE, Tally};
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::merge::pool::workers;
use crate::merge::shared::Shared;
use crate::plan::Part;

/// A part of a subject that a pass sees.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    /// The number of the subject.
    pub(super) subject: usize,
    pub(super) part: Part,
    reach: Reach,
}

impl Sighting {
    /// Its tiles in the tensor.
    fn tiles(&self) -> Range<u64> {
        let tile = TILE as u64;
        let first = self.part.start / tile;
        first..first + self.part.len.div_ceil(tile)
    }
}

/// One pass.
pub(super) struct Pass<'s, 'p> {
    subjects: &'s [Subject<'p>],
    /// What each reduction must see of it.
    reaches: Vec<Option<Reach>>,
}

/// In what order reductions go on: all samples are taken, then all elements seen, then some.
fn rank(reach: &Reach) -> u8 {
    match reach {
        Reach::Sample { .. } => 0,
        Reach::All => 1,
        Reach::Tiles { .. } => 2,
    }
}

impl<'s, 'p> Pass<'s, 'p> {
    /// The next pass; None once all is known.
    fn next(subjects: &'s [Subject<'p>], reductions: &[Box<dyn Reduction>]) -> Option<Self> {
        let mut reaches: Vec<Option<Reach>> = reductions
            .iter()
            .map(|reduction| reduction.reach())
            .collect();
        let first = reaches.iter().flatten().map(rank).min()?;
        for reach in &mut reaches {
            reach.take_if(|reach| rank(reach) != first);
        }
        Some(Pass { subjects, reaches })
    }

    pub(super) fn subject(&self, sighting: &Sighting) -> &'s Subject<'p> {
        &self.subjects[sighting.subject]
    }

    /// The subjects of which all elements are seen.
    pub(super) fn whole(&self) -> impl Iterator<Item = &'s Subject<'p>> {
        self.subjects.iter().filter(|subject| {
            let mut members = subject.members.iter();
            members.any(|member| self.reaches[member.reduction] == Some(Reach::All))
        })
    }

    /// What is seen, in the order of the subjects, in parts of as many elements as `at_once`
    /// says.
    fn sightings(
        &self,
        at_once: impl Fn(&Subject<'p>) -> u64 + Send,
    ) -> impl Iterator<Item = Sighting> + Send {
        let subjects = self.subjects.iter().enumerate();
        subjects.flat_map(move |(number, subject)| {
            let at_once = at_once(subject).max(1);
            let tile_len = TILE as u64;
            let tiles = subject.elements.div_ceil(tile_len);
            let mut wanted: Vec<(Reach, u64)> = Vec::new();
            for member in &subject.members {
                if let Some(reach) = &self.reaches[member.reduction] {
                    wanted.push((reach.clone(), member.tile));
                }
            }
            wanted.dedup();
            let ranges = wanted.into_iter().flat_map(move |(reach, tile)| {
                let there = reach.tiles(tile..tile + tiles);
                there.map(move |range| (reach.clone(), range.start - tile..range.end - tile))
            });
            ranges.flat_map(move |(reach, range)| {
                let end = (range.end * tile_len).min(subject.elements);
                let starts = range.start * tile_len..end;
                let step = usize::try_from(at_once).unwrap_or(usize::MAX);
                starts.step_by(step).map(move |start| Sighting {
                    subject: number,
                    part: Part {
                        job: subject.job,
                        start,
                        len: reach.seen(at_once.min(end - start)),
                    },
                    reach: reach.clone(),
                })
            })
        })
    }

    /// What is asked about a sighting, for every output of its subject.
    fn ask(&self, reductions: &mut [Box<dyn Reduction>], seen: &Sighting) -> Vec<Tally> {
        let mut tallies = Vec::new();
        for member in &self.subjects[seen.subject].members {
            match self.reaches[member.reduction].as_ref() {
                Some(reach) if *reach == seen.reach => {
                    reductions[member.reduction].ask(&mut tallies);
                }
                _ => tallies.extend((0..member.asks).map(|_| Tally::Nothing)),
            }
        }
        tallies
    }

    /// Hands over what was found about sightings.
    fn take_all(
        &self,
        reductions: &mut [Box<dyn Reduction>],
        seen: &[Sighting],
        mut tallies: &mut [Tally],
    ) {
        for one in seen {
            let members = self.subject(one).members.iter();
            let asks = members.map(|member| member.asks).sum();
            let (own, others) = tallies.split_at_mut(asks);
            tallies = others;
            self.take(reductions, one, own);
        }
    }

    /// Hands over what was found about a sighting.
    fn take(
        &self,
        reductions: &mut [Box<dyn Reduction>],
        seen: &Sighting,
        mut tallies: &mut [Tally],
    ) {
        let tiles = seen.tiles();
        for member in &self.subjects[seen.subject].members {
            let (own, others) = tallies.split_at_mut(member.asks);
            tallies = others;
            if self.reaches[member.reduction].as_ref() == Some(&seen.reach) {
                let tiles = member.tile + tiles.start..member.tile + tiles.end;
                reductions[member.reduction].take(tiles, own);
            }
        }
    }
}

/// How elements are shown to reductions.
pub(super) trait Reading<'a, 'p>: Sync {
    /// Elements of a subject that are seen at a time.
    fn elements(&self, subject: &Subject<'p>) -> u64;

    /// How many sightings are looked at together.
    fn together(&self) -> usize {
        1
    }

    /// Is told of every pass.
    fn begin(&self, pass: &Pass<'_, 'p>) -> Result<(), MergeError> {
        let _ = pass;
        Ok(())
    }

    /// Answers what is asked about sightings, one after the other.
    fn see(
        &self,
        lane: &mut Lane<'a>,
        pass: &Pass<'_, 'p>,
        seen: &[Sighting],
        tallies: &mut [Tally],
    ) -> Result<(), MergeError>;
}

/// Reads what a Program sees of a sighting chunk by chunk, and answers what is asked about it.
pub(super) fn look(
    lane: &mut Lane<'_>,
    subject: &Subject<'_>,
    seen: &Sighting,
    row: &Row,
    tallies: &mut [Tally],
) -> Result<(), MergeError> {
    let program = &lane.shared.plan.programs[subject.program];
    let place = (seen.part, subject.output);
    lane.stream(place, row, [program], |engine, piece, arena| {
        let batch = Batch {
            program,
            pieces: std::slice::from_ref(piece),
        };
        engine.run(&batch, arena, &mut Results::asking(tallies))
    })
}

/// Lets reductions see elements, pass by pass, until all is known. Lanes share what is to be seen;
/// what they find is taken in its order, by the lane whose turn it is.
pub(super) fn settle<'a, 'p>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    search: &mut Search<'p>,
    reading: &impl Reading<'a, 'p>,
) -> Result<(), MergeError> {
    while let Some(pass) = Pass::next(&search.subjects, &search.reductions) {
        reading.begin(&pass)?;
        let turns = Turns::new(shared.cancel);
        let state = Mutex::new(&mut search.reductions[..]);
        let sightings = Together {
            all: pass.sightings(|subject| reading.elements(subject)),
            count: reading.together(),
        };
        let is_before =
            |one: &Vec<Sighting>, other: &Vec<Sighting>| one[0].part.is_before(&other[0].part);
        workers::run(
            shared.cancel,
            lanes,
            sightings,
            is_before,
            |lane, number, seen| {
                let turn = turns.place(number);
                let asked = seen.iter().map(|one| pass.ask(&mut lock(&state), one));
                let mut tallies: Vec<Tally> = asked.flatten().collect();
                reading.see(lane, &pass, seen, &mut tallies)?;
                let permits = &shared.permits;
                turn.take(|| {
                    permits.with(|| pass.take_all(&mut lock(&state), seen, &mut tallies));
                    Ok(())
                })
            },
        )?;
        let ended = pass.reaches.into_iter().enumerate();
        for (number, _) in ended.filter(|(_, reach)| reach.is_some()) {
            let reduction = &mut search.reductions[number];
            let ended = shared.permits.with(|| reduction.end_pass());
            ended.map_err(|_| search.contradiction(shared, number))?;
        }
    }
    Ok(())
}

/// Some items at a time.
struct Together<I> {
    all: I,
    count: usize,
}

impl<I: Iterator> Iterator for Together<I> {
    type Item = Vec<I::Item>;

    fn next(&mut self) -> Option<Vec<I::Item>> {
        let some: Vec<I::Item> = self.all.by_ref().take(self.count).collect();
        (!some.is_empty()).then_some(some)
    }
}
