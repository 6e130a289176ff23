//! The statistics of a tensor that a lane reads chunk by chunk.

use super::iterate;
use super::memo::{Memo, Scan};
use super::statistics::{IDLE, SAMPLE, derive, fill, of_job, selection};
use crate::exec::Batch;
use crate::exec::cpu::candidates::{Candidates, Found};
use crate::kernel::{BINS, Program, Row, Selection, Statistic, TILE, Threshold, Window};
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::plan::{Class, Part, SAMPLE_TILES};

/// Fills a row with the results of the statistics of a whole tensor. What a scan for another
/// output has found is not looked for again.
pub(in crate::merge) fn resolve<'p>(
    lane: &mut Lane<'p>,
    class: &Class,
    part: Part,
    row: &mut Row,
    memo: &mut Memo<'p>,
) -> Result<(), MergeError> {
    for level in &class.levels {
        if let Some((program, statistics)) = &level.sums {
            sums(lane, *program, statistics, part, row, memo)?;
        }
        if let Some((program, statistics)) = &level.largest {
            largest(lane, *program, statistics, part, row, memo)?;
        }
        for (programs, statistic) in &level.iterated {
            iterate::run(lane, programs, *statistic, part, row)?;
        }
    }
    Ok(())
}

fn sums<'p>(
    lane: &mut Lane<'p>,
    number: usize,
    statistics: &[u16],
    part: Part,
    row: &mut Row,
    memo: &mut Memo<'p>,
) -> Result<(), MergeError> {
    let plan = lane.shared.plan;
    let program = &plan.programs[number];
    let scan = Scan::of((number, program), &plan.jobs[part.job], row, Vec::new());
    let put = |partials: &[f32], row: &mut Row| {
        let of_job = of_job(lane.shared, part.job);
        let values = program.end().values().len();
        derive(of_job, statistics, program.compute(), partials, values, row);
    };
    if let Some(partials) = memo.sums(scan.as_ref()) {
        put(partials, row);
        return Ok(());
    }
    let mut partials = Vec::new();
    lane.stream(part, row, [program], |engine, piece, arena| {
        let batch = Batch {
            program,
            pieces: std::slice::from_ref(piece),
        };
        partials.append(&mut engine.sum(&batch, arena)?);
        Ok(())
    })?;
    put(&partials, row);
    memo.keep_sums(scan, partials);
    Ok(())
}

fn largest<'p>(
    lane: &mut Lane<'p>,
    number: usize,
    statistics: &[u16],
    part: Part,
    row: &mut Row,
    memo: &mut Memo<'p>,
) -> Result<(), MergeError> {
    let plan = lane.shared.plan;
    let program = &plan.programs[number];
    let of_job = of_job(lane.shared, part.job);
    let own = statistics.iter().map(|&at| &of_job[usize::from(at)]);
    let kept = own.clone().filter_map(|statistic| match statistic {
        Statistic::Largest { kept, ties, .. } => {
            Some((kept.count(statistic.among(part.len)), *ties))
        }
        _ => None,
    });
    let scan = Scan::of((number, program), &plan.jobs[part.job], row, kept.collect());
    let known = memo.largest(scan.as_ref()).map(<[_]>::to_vec);
    let found = match known {
        Some(found) => found,
        None => {
            let found = search(lane, program, own.clone(), part, row)?;
            memo.keep_largest(scan, found.clone());
            found
        }
    };
    for (statistic, found) in own.zip(found) {
        if let Some(found) = found {
            fill(statistic, row, found);
        }
    }
    Ok(())
}

/// Finds the thresholds of statistics.
fn search<'s>(
    lane: &mut Lane<'_>,
    program: &Program,
    statistics: impl Iterator<Item = &'s Statistic>,
    part: Part,
    row: &Row,
) -> Result<Vec<Option<Threshold>>, MergeError> {
    let mut selections: Vec<Selection> = statistics
        .map(|statistic| selection(statistic, part.len, statistic.among(part.len)))
        .collect();
    guess(lane, program, part, row, &mut selections)?;
    let mut found = collect(lane, program, part, row, &selections)?;
    count(lane, program, part, row, &mut selections, &mut found)?;
    Ok(found)
}

/// Guesses first windows from tiles spread evenly over the tensor.
fn guess(
    lane: &mut Lane<'_>,
    program: &Program,
    part: Part,
    row: &Row,
    selections: &mut [Selection],
) -> Result<(), MergeError> {
    let tile = TILE as u64;
    let stride = part.len.div_ceil(tile).div_ceil(SAMPLE_TILES).max(1) * tile;
    let mut samples = vec![Vec::new(); selections.len()];
    for start in (0..part.len).step_by(stride as usize) {
        let place = Part {
            start,
            len: tile.min(part.len - start),
            ..part
        };
        lane.stream(place, row, [program], |engine, piece, arena| {
            let batch = Batch {
                program,
                pieces: std::slice::from_ref(piece),
            };
            let size = SAMPLE / SAMPLE_TILES as usize;
            let found = engine.cpu.sample(&batch, arena, size.min(piece.len / 2));
            for (sample, found) in samples.iter_mut().zip(found) {
                sample.extend(found);
            }
            Ok(())
        })?;
    }
    for (selection, sample) in selections.iter_mut().zip(&mut samples) {
        selection.guess(sample, part.len);
    }
    Ok(())
}

/// One scan that finds what was guessed well.
fn collect(
    lane: &mut Lane<'_>,
    program: &Program,
    part: Part,
    row: &Row,
    selections: &[Selection],
) -> Result<Vec<Option<Threshold>>, MergeError> {
    let max = lane.shared.plan.memory.candidates;
    let mut candidates = Candidates::new(selections, max);
    if candidates.is_idle() {
        return Ok(vec![None; selections.len()]);
    }
    lane.stream(part, row, [program], |engine, piece, arena| {
        let batch = Batch {
            program,
            pieces: std::slice::from_ref(piece),
        };
        engine.cpu.collect(&batch, &mut candidates, arena)
    })?;
    let found = candidates.finish().into_iter().enumerate();
    found
        .map(|(value, found)| match found {
            None => Ok(None),
            Some(Found { key, end: None }) => Ok(Some(Threshold {
                key,
                cutoff: u64::MAX,
            })),
            Some(Found {
                key,
                end: Some(end),
            }) => {
                let start = end.tile * TILE as u64;
                let tile = Part {
                    start,
                    len: (part.len - start).min(TILE as u64),
                    ..part
                };
                let cutoff = locate(lane, program, tile, row, (value, key, end.rank))?;
                Ok(Some(Threshold { key, cutoff }))
            }
        })
        .collect()
}

/// Passes of counting for what is not found yet.
fn count(
    lane: &mut Lane<'_>,
    program: &Program,
    part: Part,
    row: &Row,
    selections: &mut [Selection],
    found: &mut [Option<Threshold>],
) -> Result<(), MergeError> {
    loop {
        let open = |at: usize, selections: &[Selection]| match found[at] {
            None => selections[at].window(),
            Some(_) => None,
        };
        let windows: Vec<Option<Window>> = (0..selections.len())
            .map(|at| open(at, selections))
            .collect();
        if windows.iter().all(Option::is_none) {
            break;
        }
        let counted: Vec<Window> = windows
            .iter()
            .map(|window| window.unwrap_or(IDLE))
            .collect();
        let mut totals = vec![0; selections.len() * (BINS + 1)];
        lane.stream(part, row, [program], |engine, piece, arena| {
            let batch = Batch {
                program,
                pieces: std::slice::from_ref(piece),
            };
            let counts = engine.count(&batch, &counted, arena)?;
            totals
                .iter_mut()
                .zip(counts)
                .for_each(|(total, count)| *total += count);
            Ok(())
        })?;
        let fed = selections
            .iter_mut()
            .zip(windows)
            .zip(totals.chunks_exact(BINS + 1));
        for ((selection, window), counts) in fed {
            if window.is_some() {
                let fed = selection.feed(counts);
                fed.map_err(|_| lane.shared.contradiction(part.job))?;
            }
        }
    }
    for (value, selection) in selections.iter().enumerate() {
        if found[value].is_none() {
            let key = selection.threshold();
            let cutoff = match selection.kept_ties() {
                Some(rank) => locate(lane, program, part, row, (value, key, rank))?,
                None => u64::MAX,
            };
            found[value] = Some(Threshold { key, cutoff });
        }
    }
    Ok(())
}

/// The index of the entry of a part that equals `key` after `rank` others.
fn locate(
    lane: &mut Lane<'_>,
    program: &Program,
    part: Part,
    row: &Row,
    (value, key, rank): (usize, u32, u64),
) -> Result<u64, MergeError> {
    let mut left = rank;
    let mut found = None;
    lane.stream(part, row, [program], |engine, piece, arena| {
        if found.is_some() {
            return Ok(());
        }
        let batch = Batch {
            program,
            pieces: std::slice::from_ref(piece),
        };
        match engine.cpu.locate(&batch, value, key, left, arena) {
            Ok(index) => found = Some(index),
            Err(equal) => left -= equal,
        }
        Ok(())
    })?;
    Ok(found.unwrap_or(u64::MAX))
}
