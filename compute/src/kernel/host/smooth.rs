//! A value smoothed in all dimensions.

use super::elements;
use super::order::ordered;
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// How far the Gaussian reaches, with a standard deviation of one element.
const RADIUS: usize = 4;

/// The median of three elements in every dimension, then a Gaussian of standard deviation 1, both
/// mirrored at the edges, the outermost element twice. Source: supermerger `smoothAdd`: scipy's
/// `median_filter` of size 3 and `gaussian_filter` of sigma 1, which rounds to f32 after each
/// dimension.
#[derive(Clone, Copy, Debug)]
pub struct Smooth;

impl HostOp for Smooth {
    fn name(&self) -> &'static str {
        "smooth"
    }

    fn purpose(&self) -> &'static str {
        "smooth"
    }

    fn numbers(&self) -> Vec<u64> {
        Vec::new()
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        let around = 3_u64.saturating_pow(u32::try_from(shape.len()).unwrap_or(u32::MAX));
        let longest = shape.iter().copied().max().unwrap_or(1);
        let median = elements(shape).saturating_mul(size_of::<f32>() as u64);
        let lines = around
            .saturating_add(longest)
            .saturating_mul(3 * size_of::<u64>() as u64);
        median.saturating_add(lines)
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let own = values.swap_remove(0);
        if own.is_empty() || shape.is_empty() {
            return own;
        }
        let shape: Vec<usize> = shape.iter().map(|len| *len as usize).collect();
        let mut smooth = medians(&own, &shape);
        let mut stride = smooth.len();
        for len in shape {
            stride /= len;
            blur(&mut smooth, len, stride);
        }
        // A median passes over what is not finite.
        for (smooth, own) in smooth.iter_mut().zip(own) {
            if !own.is_finite() {
                *smooth = own;
            }
        }
        smooth
    }
}

/// The median around each element.
fn medians(own: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut at = vec![0_usize; shape.len()];
    let mut around: Vec<usize> = Vec::new();
    let mut wider: Vec<usize> = Vec::new();
    let mut sizes: Vec<(u32, u32)> = Vec::new();
    let mut medians = Vec::with_capacity(own.len());
    for _ in 0..own.len() {
        around.clear();
        around.push(0);
        for (&at, &len) in at.iter().zip(shape) {
            wider.clear();
            let near = [at.saturating_sub(1), at, (at + 1).min(len - 1)];
            let places = around
                .iter()
                .flat_map(|own| near.map(|near| own * len + near));
            wider.extend(places);
            std::mem::swap(&mut around, &mut wider);
        }
        sizes.clear();
        let keyed = around
            .iter()
            .map(|at| (ordered(own[*at]), own[*at].to_bits()));
        sizes.extend(keyed);
        let middle = sizes.len() / 2;
        let (_, median, _) = sizes.select_nth_unstable(middle);
        medians.push(f32::from_bits(median.1));
        for (at, &len) in at.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < len {
                break;
            }
            *at = 0;
        }
    }
    medians
}

/// Smooths along one dimension.
fn blur(own: &mut [f32], len: usize, stride: usize) {
    let weight = |at: usize| (-0.5 * (at * at) as f64).exp();
    let total = 1.0 + 2.0 * (1..=RADIUS).map(weight).sum::<f64>();
    let weights: Vec<f64> = (0..=RADIUS).map(|at| weight(at) / total).collect();
    // The places before and behind a line, by twice its length.
    let mirrored = |at: usize| match at % (2 * len) {
        at if at < len => at,
        at => 2 * len - 1 - at,
    };
    let before = RADIUS.next_multiple_of(2 * len);
    let mut line = vec![0.0; len + 2 * RADIUS];
    for block in own.chunks_exact_mut(len * stride) {
        for first in 0..stride {
            for (at, place) in line.iter_mut().enumerate() {
                let at = mirrored(at + before - RADIUS);
                *place = f64::from(block[at * stride + first]);
            }
            for (at, window) in line.windows(2 * RADIUS + 1).enumerate() {
                let sides = (1..=RADIUS).rev();
                let sides =
                    sides.map(|far| (window[RADIUS - far] + window[RADIUS + far]) * weights[far]);
                let sum = sides.fold(window[RADIUS] * weights[0], |sum, side| sum + side);
                block[at * stride + first] = sum as f32;
            }
        }
    }
}
