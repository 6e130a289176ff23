//! Looking for magnitudes inside a window: the kernels of an exact selection.

use super::Level;
use crate::kernel::{BINS, Window};

const MAGNITUDE: u32 = 0x7fff_ffff;

/// Adds the magnitudes of a plane to `BINS` bins and to the count above them.
pub(super) fn tally(level: Level, plane: &[u32], window: Window, bins: &mut [u64]) {
    let (inside, above) = bins.split_at_mut(BINS);
    let end = u64::from(window.lo) + ((BINS as u64) << window.shift);
    let hi = (end - 1).min(u64::from(MAGNITUDE)) as u32;
    above[0] += scan(level, plane, window.lo, hi, |key| {
        inside[((key - window.lo) >> window.shift) as usize & (BINS - 1)] += 1;
    });
}

/// Calls `hit` with every magnitude in `lo..=hi`, in order, and returns how many are above.
#[inline]
fn scan(level: Level, plane: &[u32], lo: u32, hi: u32, hit: impl FnMut(u32)) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if level.is_avx2() {
        // SAFETY: an executor has this level only where the machine supports it.
        return unsafe { scan_avx2(plane, lo, hi, hit) };
    }
    let _ = level;
    scan_scalar(plane, lo, hi, hit)
}

fn scan_scalar(plane: &[u32], lo: u32, hi: u32, mut hit: impl FnMut(u32)) -> u64 {
    let mut above = 0;
    for key in plane.iter().map(|bits| bits & MAGNITUDE) {
        if key > hi {
            above += 1;
        } else if key >= lo {
            hit(key);
        }
    }
    above
}

/// Eight magnitudes at a time; only those inside the window are looked at one by one, which are
/// few when the window was well guessed.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn scan_avx2(plane: &[u32], lo: u32, hi: u32, mut hit: impl FnMut(u32)) -> u64 {
    use std::arch::x86_64::*;
    // Magnitudes are below 2^31, so signed comparisons order them.
    let below = _mm256_set1_epi32(lo as i32 - 1);
    let last = _mm256_set1_epi32(hi as i32);
    let mask = _mm256_set1_epi32(MAGNITUDE as i32);
    let mut above = _mm256_setzero_si256();
    let (blocks, tail) = plane.as_chunks::<8>();
    for block in blocks {
        // SAFETY: the array has the size of the vector; the load needs no alignment.
        let bits = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
        let key = _mm256_and_si256(bits, mask);
        let over = _mm256_cmpgt_epi32(key, last);
        above = _mm256_sub_epi32(above, over);
        let inside = _mm256_andnot_si256(over, _mm256_cmpgt_epi32(key, below));
        let mut lanes = _mm256_movemask_ps(_mm256_castsi256_ps(inside)) as u32;
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize & 7;
            hit(block[lane] & MAGNITUDE);
            lanes &= lanes - 1;
        }
    }
    let mut counts = [0u32; 8];
    // SAFETY: as above, a store.
    unsafe { _mm256_storeu_si256(counts.as_mut_ptr().cast(), above) };
    let above: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    above + scan_scalar(tail, lo, hi, hit)
}

/// Appends every magnitude in `lo..=hi` to `candidates`, in order, and returns how many are above.
pub(super) fn collect(
    level: Level,
    plane: &[u32],
    lo: u32,
    hi: u32,
    candidates: &mut Vec<u32>,
) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if level.is_avx2() {
        // SAFETY: an executor has this level only where the machine supports it.
        return unsafe { collect_avx2(plane, lo, hi, candidates) };
    }
    let _ = level;
    scan_scalar(plane, lo, hi, |key| candidates.push(key))
}

/// For each set of lanes, a permutation that moves them to the front in order.
#[cfg(target_arch = "x86_64")]
static TO_FRONT: [[u32; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut set = 0;
    while set < 256 {
        let (mut lane, mut front) = (0, 0);
        while lane < 8 {
            if set >> lane & 1 == 1 {
                table[set][front] = lane as u32;
                front += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    table
};

/// Eight magnitudes at a time, moved together without a branch: half of them may be inside.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn collect_avx2(plane: &[u32], lo: u32, hi: u32, candidates: &mut Vec<u32>) -> u64 {
    use std::arch::x86_64::*;
    // Magnitudes are below 2^31, so signed comparisons order them.
    let below = _mm256_set1_epi32(lo as i32 - 1);
    let last = _mm256_set1_epi32(hi as i32);
    let mask = _mm256_set1_epi32(MAGNITUDE as i32);
    let mut above = 0;
    let (blocks, tail) = plane.as_chunks::<8>();
    candidates.reserve(plane.len() + 8);
    for block in blocks {
        // SAFETY: the array has the size of the vector; the load needs no alignment.
        let bits = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
        let key = _mm256_and_si256(bits, mask);
        let over = _mm256_cmpgt_epi32(key, last);
        let inside = _mm256_andnot_si256(over, _mm256_cmpgt_epi32(key, below));
        let lanes = _mm256_movemask_ps(_mm256_castsi256_ps(inside)) as usize & 255;
        above += u64::from(_mm256_movemask_ps(_mm256_castsi256_ps(over)).count_ones());
        // SAFETY: the table's row and the room reserved behind the last candidate have the size
        // of the vector, and only the lanes that were moved to the front are counted in.
        unsafe {
            let order = _mm256_loadu_si256(TO_FRONT[lanes].as_ptr().cast());
            let front = _mm256_permutevar8x32_epi32(key, order);
            let end = candidates.as_mut_ptr().add(candidates.len());
            _mm256_storeu_si256(end.cast(), front);
            candidates.set_len(candidates.len() + lanes.count_ones() as usize);
        }
    }
    above + scan_scalar(tail, lo, hi, |key| candidates.push(key))
}
