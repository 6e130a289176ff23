//! Philox in vectors: one block per 64-bit lane, several vectors at a time.

use super::{MULTIPLIERS, ROUNDS, Stream, WEYL};

/// What the blocks of one upper half of the counter have in common: until the third round most of
/// their words are the same.
struct Common {
    /// What the first round adds to the third word.
    first: u32,
    /// What the second round adds to the first word and to the third.
    second: [u32; 2],
    /// The fourth word after the second round, with the third round's key.
    third: u32,
    keys: [[u32; 2]; ROUNDS],
}

impl Common {
    fn new(Stream([k0, k1, s2, s3]): Stream, upper: u32) -> Common {
        let mut keys = [[k0, k1]; ROUNDS];
        for round in 1..ROUNDS {
            let [a, b] = keys[round - 1];
            keys[round] = [a.wrapping_add(WEYL[0]), b.wrapping_add(WEYL[1])];
        }
        // The second product of the first round, and the first of the second.
        let [high, low] = product(s2, MULTIPLIERS[1]);
        let [next_high, next_low] = product(high ^ upper ^ keys[0][0], MULTIPLIERS[0]);
        Common {
            first: s3 ^ keys[0][1],
            second: [low ^ keys[1][0], next_high ^ keys[1][1]],
            third: next_low ^ keys[2][1],
            keys,
        }
    }
}

/// The halves of a product, the upper first.
fn product(a: u32, b: u32) -> [u32; 2] {
    let product = u64::from(a) * u64::from(b);
    [(product >> 32) as u32, product as u32]
}

/// The forms for one instruction set: its vectors and their operations.
macro_rules! forms {
    (
        $module:ident, $features:literal, $vector:ident, lanes: $lanes:literal,
        groups: $groups:literal, order: $order:expr, odd: $odd:expr, hold: $hold:expr,
        $same:ident, $add:ident, $multiply:ident, $xor:ident, $right:ident, $left:ident,
        $low:ident, $high:ident, $store:ident
    ) => {
        pub(super) mod $module {
            use std::arch::x86_64::*;

            use super::super::fill_inline;
            use super::{Common, MULTIPLIERS, ROUNDS, Stream};

            /// Words of the blocks of one vector.
            const WORDS: usize = 4 * $lanes;
            /// Vectors worked on together, so that one's products overlap the others'.
            const GROUPS: usize = $groups;

            /// The words of as many blocks as a vector has lanes.
            type State = [$vector; 4];

            #[target_feature(enable = $features)]
            pub(in super::super) fn fill(stream: Stream, start: u64, out: &mut [u32]) {
                let mut quad = start / 4;
                let last = quad + out.len().saturating_sub(1) as u64 / 4;
                if quad >> 32 != last >> 32 {
                    return fill_inline(stream, start, out);
                }
                let begin = Begin::new(&Common::new(stream, (quad >> 32) as u32));
                let (vectors, tail) = out.as_chunks_mut::<WORDS>();
                let (groups, rest) = vectors.as_chunks_mut::<GROUPS>();
                for group in groups {
                    begin.fill(quad, group);
                    quad += GROUPS as u64 * $lanes;
                }
                for vector in rest {
                    begin.fill(quad, std::array::from_mut(vector));
                    quad += $lanes;
                }
                fill_inline(stream, quad * 4, tail);
            }

            /// [`Common`] in all lanes.
            struct Begin {
                multipliers: [$vector; 2],
                first: $vector,
                second: [$vector; 2],
                third: $vector,
                keys: [[$vector; 2]; ROUNDS],
            }

            impl Begin {
                #[target_feature(enable = $features)]
                fn new(common: &Common) -> Begin {
                    let same = |word: u32| $same(i64::from(word));
                    let both = |[a, b]: [u32; 2]| [same(a), same(b)];
                    let mut keys = [[same(0); 2]; ROUNDS];
                    for (key, words) in keys.iter_mut().zip(common.keys) {
                        *key = both(words);
                    }
                    Begin {
                        multipliers: both(MULTIPLIERS),
                        first: same(common.first),
                        second: both(common.second),
                        third: same(common.third),
                        keys,
                    }
                }

                /// Writes consecutive blocks.
                #[inline]
                #[target_feature(enable = $features)]
                fn fill<const N: usize>(&self, quad: u64, out: &mut [[u32; WORDS]; N]) {
                    let mut state = [[$same(0); 4]; N];
                    for (group, state) in (0u64..).zip(&mut state) {
                        let first = $same((quad + group * $lanes).cast_signed());
                        *state = self.three_rounds($add(first, $order));
                    }
                    // One by one, so that no key takes a register.
                    self.round(3, &mut state);
                    self.round(4, &mut state);
                    self.round(5, &mut state);
                    self.round(6, &mut state);
                    self.round(7, &mut state);
                    self.round(8, &mut state);
                    self.round(9, &mut state);
                    for (out, [x, y, z, w]) in out.iter_mut().zip(state) {
                        let xy = $odd(x, $left::<32>(y));
                        let zw = $odd(z, $left::<32>(w));
                        let (low, high) = out.split_at_mut(WORDS / 2);
                        // SAFETY: each half has the size of a vector; no alignment is needed.
                        unsafe {
                            $store(low.as_mut_ptr().cast(), $low(xy, zw));
                            $store(high.as_mut_ptr().cast(), $high(xy, zw));
                        }
                    }
                }

                /// The first rounds of blocks whose counters differ in their lower halves.
                #[inline]
                #[target_feature(enable = $features)]
                fn three_rounds(&self, counters: $vector) -> State {
                    let [m0, m1] = self.multipliers;
                    let w = $multiply(counters, m0);
                    let z = $xor($right::<32>(w), self.first);
                    let y = $multiply(z, m1);
                    let x = $xor($right::<32>(y), self.second[0]);
                    let z = $xor(w, self.second[1]);
                    let (a, b) = ($multiply(x, m0), $multiply(z, m1));
                    let x = $xor($right::<32>(b), $xor(y, self.keys[2][0]));
                    let z = $xor($right::<32>(a), self.third);
                    [x, b, z, a]
                }

                #[inline]
                #[target_feature(enable = $features)]
                fn round<const N: usize>(&self, round: usize, state: &mut [State; N]) {
                    let [m0, m1] = self.multipliers;
                    for group in 0..N {
                        let [x, y, z, w] = state[group];
                        let (a, b) = ($multiply(x, m0), $multiply(z, m1));
                        // The upper halves of the lanes hold leavings that no product reads.
                        let x = $xor($right::<32>(b), $xor(y, self.keys[round][0]));
                        let z = $xor($right::<32>(a), $xor(w, self.keys[round][1]));
                        state[group] = [x, b, z, a];
                        $hold(state);
                    }
                }
            }
        }
    };
}

forms!(
    avx2, "avx2", __m256i, lanes: 4, groups: 3,
    // In this order the unpacked halves hold the blocks in theirs.
    order: _mm256_setr_epi64x(0, 2, 1, 3),
    odd: _mm256_blend_epi32::<0xaa>,
    hold: super::hold,
    _mm256_set1_epi64x, _mm256_add_epi64, _mm256_mul_epu32, _mm256_xor_si256, _mm256_srli_epi64,
    _mm256_slli_epi64, _mm256_unpacklo_epi64, _mm256_unpackhi_epi64, _mm256_storeu_si256
);
forms!(
    avx512, "avx512f", __m512i, lanes: 8, groups: 4,
    order: _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7),
    odd: (|even, odd| _mm512_mask_blend_epi32(0xaaaa, even, odd)),
    // There are enough registers.
    hold: (|_: &mut [State; N]| ()),
    _mm512_set1_epi64, _mm512_add_epi64, _mm512_mul_epu32, _mm512_xor_si512, _mm512_srli_epi64,
    _mm512_slli_epi64, _mm512_unpacklo_epi64, _mm512_unpackhi_epi64, _mm512_storeu_si512
);

/// Keeps three groups in registers, in step with each other. Left to itself the compiler works on
/// one after the other, and each waits for its own products.
#[inline]
#[target_feature(enable = "avx2")]
fn hold<const N: usize>(state: &mut [[std::arch::x86_64::__m256i; 4]; N]) {
    let [[a, b, c, d], [e, f, g, h], [i, j, k, l]] = state.as_mut_slice() else {
        return;
    };
    // SAFETY: there is no instruction, only the names of registers in a comment.
    unsafe {
        std::arch::asm!(
            "/* {} {} {} {} {} {} {} {} {} {} {} {} */",
            inout(ymm_reg) * a,
            inout(ymm_reg) * b,
            inout(ymm_reg) * c,
            inout(ymm_reg) * d,
            inout(ymm_reg) * e,
            inout(ymm_reg) * f,
            inout(ymm_reg) * g,
            inout(ymm_reg) * h,
            inout(ymm_reg) * i,
            inout(ymm_reg) * j,
            inout(ymm_reg) * k,
            inout(ymm_reg) * l,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
}
