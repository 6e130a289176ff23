//! Looking for magnitudes inside a grid: the kernels of an exact selection.

use super::Level;
use crate::kernel::{BINS, Grid};

const MAGNITUDE: u32 = 0x7fff_ffff;

/// Adds the magnitudes of a register to `BINS` bins and to the count above them.
pub(super) fn tally(level: Level, register: &[u32], grid: Grid, bins: &mut [u64]) {
    let (inside, above) = bins.split_at_mut(BINS);
    let end = u64::from(grid.lo) + ((BINS as u64) << grid.shift);
    let hi = (end - 1).min(u64::from(MAGNITUDE)) as u32;
    above[0] += scan(level, register, grid.lo, hi, |key| {
        inside[((key - grid.lo) >> grid.shift) as usize & (BINS - 1)] += 1;
    });
}

/// Calls `hit` with every magnitude in `lo..=hi`, in order, and returns how many are above.
#[inline]
fn scan(level: Level, register: &[u32], lo: u32, hi: u32, hit: impl FnMut(u32)) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if level.is_avx2() {
        // SAFETY: there is a level only where the machine has its instructions.
        return unsafe { avx2::scan(register, lo, hi, hit) };
    }
    let _ = level;
    scan_scalar(register, lo, hi, hit)
}

fn scan_scalar(register: &[u32], lo: u32, hi: u32, mut hit: impl FnMut(u32)) -> u64 {
    let mut above = 0;
    for key in register.iter().map(|bits| bits & MAGNITUDE) {
        if key > hi {
            above += 1;
        } else if key >= lo {
            hit(key);
        }
    }
    above
}

/// Appends every magnitude in `lo..=hi` to `candidates`, in order, and returns how many are above.
pub(super) fn collect(
    level: Level,
    register: &[u32],
    lo: u32,
    hi: u32,
    candidates: &mut Vec<u32>,
) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if level.is_avx512() {
        // SAFETY: there is a level only where the machine has its instructions.
        return unsafe { avx512::collect(register, lo, hi, candidates) };
    } else if level.is_avx2() {
        // SAFETY: as above.
        return unsafe { avx2::collect(register, lo, hi, candidates) };
    }
    let _ = level;
    scan_scalar(register, lo, hi, |key| candidates.push(key))
}

/// 32 magnitudes at a time. Where the range was well guessed few of them are inside.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{MAGNITUDE, scan_scalar};

    const LANES: usize = 8;
    const BLOCK: usize = 4 * LANES;

    /// So many magnitudes of a block are taken one by one, whether they are there or not: nobody
    /// could foresee how many. More are moved by permutations.
    const FEW: usize = 4;

    /// A range of keys, and how many magnitudes were above it.
    struct Sieve {
        below: __m256i,
        last: __m256i,
        above: __m256i,
    }

    impl Sieve {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn new(lo: u32, hi: u32) -> Sieve {
            Sieve {
                // Magnitudes are below 2^31, so signed comparisons order them.
                below: _mm256_set1_epi32(lo.wrapping_sub(1).cast_signed()),
                last: _mm256_set1_epi32(hi.cast_signed()),
                above: _mm256_setzero_si256(),
            }
        }

        /// Which of a block are inside, the first in the lowest bit.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn look(&mut self, block: &[u32; BLOCK]) -> u32 {
            let mut inside = [_mm256_setzero_si256(); 4];
            for (inside, words) in inside.iter_mut().zip(block.as_chunks().0) {
                let key = keys(words);
                let over = _mm256_cmpgt_epi32(key, self.last);
                self.above = _mm256_sub_epi32(self.above, over);
                *inside = _mm256_andnot_si256(over, _mm256_cmpgt_epi32(key, self.below));
            }
            let low = _mm256_packs_epi32(inside[0], inside[1]);
            let high = _mm256_packs_epi32(inside[2], inside[3]);
            // The packed halves take turns.
            let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
            let all = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
            _mm256_movemask_epi8(all).cast_unsigned()
        }

        #[target_feature(enable = "avx2")]
        fn above(&self) -> u64 {
            let mut counts = [0u32; LANES];
            // SAFETY: the array has the size of the vector; the store needs no alignment.
            unsafe { _mm256_storeu_si256(counts.as_mut_ptr().cast(), self.above) };
            counts.iter().map(|&count| u64::from(count)).sum()
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn keys(words: &[u32; LANES]) -> __m256i {
        // SAFETY: the array has the size of the vector; the load needs no alignment.
        let bits = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
        _mm256_and_si256(bits, _mm256_set1_epi32(MAGNITUDE.cast_signed()))
    }

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn scan(register: &[u32], lo: u32, hi: u32, mut hit: impl FnMut(u32)) -> u64 {
        let mut sieve = Sieve::new(lo, hi);
        let (blocks, tail) = register.as_chunks::<BLOCK>();
        for block in blocks {
            let mut inside = sieve.look(block);
            while inside != 0 {
                hit(block[inside.trailing_zeros() as usize % BLOCK] & MAGNITUDE);
                inside &= inside - 1;
            }
        }
        sieve.above() + scan_scalar(tail, lo, hi, hit)
    }

    /// For each set of lanes, a permutation that moves them to the front in order.
    static TO_FRONT: [[u32; LANES]; 256] = {
        let mut table = [[0; LANES]; 256];
        let mut set = 0;
        while set < 256 {
            let (mut lane, mut front) = (0, 0);
            while lane < LANES {
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

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn collect(register: &[u32], lo: u32, hi: u32, candidates: &mut Vec<u32>) -> u64 {
        let mut sieve = Sieve::new(lo, hi);
        let (blocks, tail) = register.as_chunks::<BLOCK>();
        candidates.reserve(register.len() + BLOCK);
        for block in blocks {
            let inside = sieve.look(block);
            let count = inside.count_ones() as usize;
            let room = candidates.spare_capacity_mut();
            if count <= FEW {
                let mut left = inside;
                for place in &mut room[..FEW] {
                    // Where none is left, any: it is not counted in.
                    let next = (left | 1 << (BLOCK - 1)).trailing_zeros() as usize;
                    place.write(block[next] & MAGNITUDE);
                    left &= left.wrapping_sub(1);
                }
            } else {
                let mut taken = 0;
                for (words, lanes) in block.as_chunks().0.iter().zip(inside.to_le_bytes()) {
                    let to = &mut room[taken..][..LANES];
                    // SAFETY: the row of the table and the room have the size of the vector; no
                    // alignment is needed.
                    unsafe {
                        let row = TO_FRONT[usize::from(lanes)].as_ptr();
                        let order = _mm256_loadu_si256(row.cast());
                        let front = _mm256_permutevar8x32_epi32(keys(words), order);
                        _mm256_storeu_si256(to.as_mut_ptr().cast(), front);
                    }
                    taken += lanes.count_ones() as usize;
                }
            }
            // SAFETY: so many were written behind the last, in room that was reserved.
            unsafe { candidates.set_len(candidates.len() + count) };
        }
        sieve.above() + scan_scalar(tail, lo, hi, |key| candidates.push(key))
    }
}

/// 16 magnitudes at a time, moved together.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{MAGNITUDE, scan_scalar};

    const LANES: usize = 16;

    #[target_feature(enable = "avx512f,popcnt")]
    pub(super) fn collect(register: &[u32], lo: u32, hi: u32, candidates: &mut Vec<u32>) -> u64 {
        let (first, last) = (
            _mm512_set1_epi32(lo.cast_signed()),
            _mm512_set1_epi32(hi.cast_signed()),
        );
        let magnitude = _mm512_set1_epi32(MAGNITUDE.cast_signed());
        let mut above = 0;
        let (blocks, tail) = register.as_chunks::<LANES>();
        candidates.reserve(register.len() + LANES);
        for block in blocks {
            // SAFETY: the array has the size of the vector; the load needs no alignment.
            let bits = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
            let key = _mm512_and_si512(bits, magnitude);
            let over = _mm512_cmpgt_epu32_mask(key, last);
            let inside = _mm512_mask_cmpge_epu32_mask(!over, key, first);
            above += u64::from(over.count_ones());
            let front = _mm512_maskz_compress_epi32(inside, key);
            let room = &mut candidates.spare_capacity_mut()[..LANES];
            // SAFETY: the room has the size of the vector, and only the lanes that were moved to
            // the front are counted in.
            unsafe {
                _mm512_storeu_si512(room.as_mut_ptr().cast(), front);
                candidates.set_len(candidates.len() + inside.count_ones() as usize);
            }
        }
        above + scan_scalar(tail, lo, hi, |key| candidates.push(key))
    }
}
