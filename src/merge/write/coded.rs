//! Results that are stored as codes: what was computed becomes the entries of a tensor.

use std::ops::Range;

use super::put::Put;
use super::run::Run;
use crate::exec::cpu::{change, product};
use crate::format::encode::Stretch;
use crate::kernel::{Change, OnOverflow, Row, TILE, Tally};
use crate::merge::MergeError;
use crate::merge::pool::Buffer;
use crate::merge::read::{read_codes, read_elements, read_entries};
use crate::merge::shared::Shared;
use crate::plan::{Codes, Encoded, FileId, OutputId, PAGE_BYTES, Part};

/// Tiles that are looked at together, where all are.
const TILES: u64 = 64;

/// A run of results that is to be encoded.
pub(super) struct Coder<'a, 'b> {
    pub(super) shared: &'a Shared<'b>,
    pub(super) encoded: &'a Encoded,
    pub(super) run: &'a Run,
    pub(super) output: OutputId,
    /// What is known of the tensor.
    pub(super) row: &'a Row,
}

impl Coder<'_, '_> {
    /// Encodes results, f32 in the machine's order, and hands the entries over.
    pub(super) fn put(
        &self,
        results: &[u8],
        staging: &mut Buffer,
        own: &impl Put,
    ) -> Result<(), MergeError> {
        // They lie at the beginning of a page.
        let results: &[f32] = bytemuck::cast_slice(results);
        let Encoded {
            encoding, shape, ..
        } = self.encoded;
        let spare = &self.shared.spare;
        let elements = self.elements();
        let spans = encoding.spans(shape, elements.clone());
        let parts = self.coded(results, &spans)?;
        self.measure(results, &spans, &parts)?;
        for ((job, span), bytes) in self.encoded.jobs.iter().zip(spans).zip(parts) {
            // What belongs to all of the tensor comes with every run, and is written with the
            // first.
            if span.start == 0 && elements.start > 0 {
                spare.give(bytes);
                continue;
            }
            let place = self.shared.plan.jobs[*job].place;
            let run = Run {
                at: self.run.at,
                part: Part {
                    job: *job,
                    start: span.start,
                    len: bytes.len() as u64,
                },
                output: 0,
            };
            let offset = place.offset + span.start;
            let staged = self.staged(place.file, offset, &bytes, staging);
            let put = || own.put(&[run], place.file, offset, staged);
            self.shared.writing.during(put)?;
            self.shared.progress.advance(bytes.len() as u64);
            spare.give(bytes);
        }
        Ok(())
    }

    /// The bytes where the address equals the place in the file modulo a page, so that blocks go
    /// out directly.
    fn staged<'s>(
        &self,
        file: FileId,
        offset: u64,
        bytes: &[u8],
        staging: &'s mut Buffer,
    ) -> &'s [u8] {
        let header = self.shared.plan.files[file].header_bytes[self.output.index()];
        let shift = ((header + offset) % PAGE_BYTES) as usize;
        let page = PAGE_BYTES as usize;
        let place = &mut staging.take(bytes.len().next_multiple_of(page) + page)[shift..];
        let place = &mut place[..bytes.len()];
        self.shared.permits.with(|| place.copy_from_slice(bytes));
        place
    }

    /// The bytes of the entries: the base's codes where they stand for the results.
    fn coded(&self, results: &[f32], spans: &[Range<u64>]) -> Result<Vec<Vec<u8>>, MergeError> {
        let Encoded {
            encoding, shape, ..
        } = self.encoded;
        let (spare, elements) = (&self.shared.spare, self.elements());
        match &self.encoded.kept {
            Some(codes) if self.is_same(codes, results)? => {
                let tensor = self.run.part.job.index() * self.shared.plan.outputs;
                let tensor = tensor + self.output.index();
                self.shared.carried.add(tensor, results.len() as u64);
                read_entries(self.shared, codes, spans)
            }
            _ => {
                self.check(results)?;
                let lens = spans.iter().map(|span| (span.end - span.start) as usize);
                let mut parts: Vec<Vec<u8>> = lens.map(|len| spare.take(len)).collect();
                let largest = match self.largest() {
                    Some((largest, _)) => vec![largest],
                    None => self.largest_of_matrices(results),
                };
                let kept = match &self.encoded.kept {
                    Some(codes) if encoding.needs_kept() => {
                        read_entries(self.shared, codes, spans)?
                    }
                    _ => Vec::new(),
                };
                let kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
                let stretch = Stretch {
                    shape,
                    start: elements.start,
                    values: results,
                    largest: &largest,
                    kept: &kept,
                };
                let level = self.shared.level;
                let encode = || encoding.encode(level, stretch, &mut parts);
                self.shared.permits.with(encode);
                Ok(parts)
            }
        }
    }

    /// Refuses infinities and NaN, unless they are wanted.
    fn check(&self, results: &[f32]) -> Result<(), MergeError> {
        const INFINITE: u32 = 0x7f80_0000;
        let mut most = 0;
        for result in results {
            most = most.max(result.to_bits() & !(1 << 31));
        }
        if most < INFINITE || self.encoded.on_overflow == OnOverflow::Keep {
            return Ok(());
        }
        let at = results.iter().position(|result| !result.is_finite());
        let at = at.unwrap_or_default();
        Err(MergeError::Uncoded {
            key: self.shared.plan.jobs[self.run.part.job].key.clone(),
            element: self.run.part.start + at as u64,
            value: results[at],
            format: self.encoded.encoding.format.to_string(),
        })
    }

    fn elements(&self) -> Range<u64> {
        let Part { start, len, .. } = self.run.part;
        start..start + len
    }

    /// The largest magnitude of the whole result, and of its difference to the base, where they
    /// were looked for.
    fn largest(&self) -> Option<(f32, Option<f32>)> {
        let work = self.shared.plan.jobs[self.run.part.job].work(self.output);
        let largest = work?.largest?;
        let number = |at: usize| f32::from_bits(self.row.scalars[at]);
        let change = largest.change.map(|change| number(change.index()));
        Some((number(largest.result.index()), change))
    }

    /// The largest magnitude of each matrix of the tensor, as far as the results are those of
    /// whole matrices, which have scales of their own.
    fn largest_of_matrices(&self, results: &[f32]) -> Vec<f32> {
        let matrix = self.encoded.matrix();
        let before = self.run.part.start / matrix;
        let own = results.chunks(matrix as usize).map(|matrix| {
            let magnitudes = matrix.iter().map(|number| number.abs().to_bits());
            f32::from_bits(magnitudes.max().unwrap_or(0))
        });
        let before = std::iter::repeat_n(0.0, before as usize);
        match self.encoded.encoding.each && self.encoded.encoding.needs_largest() {
            true => before.chain(own).collect(),
            false => Vec::new(),
        }
    }

    /// Whether the codes of the base stand for the results: of the whole tensor where its codes
    /// have a scale in common, else of this run.
    fn is_same(&self, codes: &Codes, results: &[f32]) -> Result<bool, MergeError> {
        if let Some((_, change)) = self.largest() {
            return Ok(change == Some(0.0));
        }
        let tile = TILE as u64 * TILES;
        let mut base = vec![0.0; results.len().min(tile as usize)];
        let starts = self.elements().step_by(tile as usize);
        for (start, results) in starts.zip(results.chunks(tile as usize)) {
            let base = &mut base[..results.len()];
            read_codes(self.shared, codes, start, bytemuck::cast_slice_mut(base))?;
            let same = |(own, base): (&f32, &f32)| own == base || own.to_bits() == base.to_bits();
            if !results.iter().zip(&*base).all(same) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Measures what the stored codes change of the base.
    fn measure(
        &self,
        results: &[f32],
        spans: &[Range<u64>],
        parts: &[Vec<u8>],
    ) -> Result<(), MergeError> {
        let Encoded {
            encoding,
            shape,
            base: Some((base, float)),
            ..
        } = self.encoded
        else {
            return Ok(());
        };
        let Shared { level, every, .. } = *self.shared;
        if every == 0 {
            return Ok(());
        }
        let mut change = Change::of_every(every);
        let tiles = match every {
            1 => TILES,
            _ => 1,
        };
        let step = tiles * TILE as u64;
        let elements = self.elements();
        let mut stored = vec![0.0; step as usize];
        let (mut known, mut bytes) = (stored.clone(), Vec::new());
        for start in elements.clone().step_by(step as usize) {
            if !change.takes(start / TILE as u64) {
                continue;
            }
            let end = (start + step).min(elements.end);
            let len = (end - start) as usize;
            let results = &results[(start - elements.start) as usize..][..len];
            let needed = encoding.format.spans(shape, start..end);
            let own = needed.iter().zip(spans).zip(parts);
            let own: Vec<&[u8]> = own
                .map(|((needed, span), bytes)| {
                    let from = (needed.start - span.start) as usize;
                    &bytes[from..][..(needed.end - needed.start) as usize]
                })
                .collect();
            bytes.resize(len * float.bytes(), 0);
            read_elements(self.shared, base, shape, start, &mut bytes)?;
            self.shared.permits.with(|| {
                let (stored, known) = (&mut stored[..len], &mut known[..len]);
                encoding
                    .format
                    .decode(level, shape, start..end, &own, stored);
                product::decode(level, *float, &bytes, known);
                let tiles = results.chunks(TILE).zip(stored.chunks(TILE));
                let tiles = tiles.zip(known.chunks(TILE)).zip(start / TILE as u64..);
                for (((results, stored), known), tile) in tiles {
                    change::add_tile(level, &mut change, tile, [results, stored, known]);
                }
            });
        }
        let found = vec![Tally::Change(Box::new(change))];
        let len = elements.end - elements.start;
        self.shared
            .note((self.run.part.job, self.output), len, found);
        Ok(())
    }
}
