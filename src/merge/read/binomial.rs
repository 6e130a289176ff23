//! numpy's `default_rng(seed).binomial(1, p)`: PCG64 (O'Neill, HMC-CS-2014-0905) behind numpy's
//! `SeedSequence`, one number per element.

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

/// Draws ones with a probability.
pub(in crate::merge) struct Binomial {
    state: u128,
    increment: u128,
    share: f64,
}

impl Binomial {
    /// A generator of ones with the probability `share`, as numpy seeds it.
    pub(in crate::merge) fn new(seed: u64, share: f64) -> Binomial {
        let [state, state_low, stream, stream_low] = seed_words(seed);
        let wide = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let mut generator = Binomial {
            state: 0,
            increment: wide(stream, stream_low) << 1 | 1,
            share,
        };
        generator.step();
        generator.state = generator.state.wrapping_add(wide(state, state_low));
        generator.step();
        generator
    }

    /// Fills in 1 and 0 as little-endian f32, from the draw number `first` on.
    pub(in crate::merge) fn fill(mut self, first: u64, target: &mut [u8]) {
        self.skip(first);
        for place in target.chunks_exact_mut(size_of::<f32>()) {
            let number = f32::from(u8::from(self.draw()));
            place.copy_from_slice(&number.to_le_bytes());
        }
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER);
        self.state = self.state.wrapping_add(self.increment);
    }

    /// Passes over so many words, by squaring the step.
    fn skip(&mut self, mut words: u64) {
        let (mut factor, mut summand) = (1_u128, 0_u128);
        let (mut step, mut added) = (MULTIPLIER, self.increment);
        while words > 0 {
            if words & 1 == 1 {
                factor = factor.wrapping_mul(step);
                summand = summand.wrapping_mul(step).wrapping_add(added);
            }
            added = step.wrapping_add(1).wrapping_mul(added);
            step = step.wrapping_mul(step);
            words >>= 1;
        }
        self.state = self.state.wrapping_mul(factor).wrapping_add(summand);
    }

    /// numpy inverts the distribution function from the rarer side.
    fn draw(&mut self) -> bool {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        let word = folded.rotate_right((self.state >> 122) as u32);
        let uniform = (word >> 11) as f64 / (1_u64 << 53) as f64;
        match self.share <= 0.5 {
            true => self.share > 0.0 && uniform > 1.0 - self.share,
            false => uniform <= self.share,
        }
    }
}

/// Words of the pool of `SeedSequence`.
const POOL: usize = 4;

/// `SeedSequence(seed).generate_state(4, uint64)`.
fn seed_words(seed: u64) -> [u64; 4] {
    let mut multiplier = 0x43b0_d7e5_u32;
    let mut hash = |word: u32| {
        let mixed = word ^ multiplier;
        multiplier = multiplier.wrapping_mul(0x931e_8875);
        let mixed = mixed.wrapping_mul(multiplier);
        mixed ^ mixed >> 16
    };
    let mix = |x: u32, y: u32| {
        let mixed = x.wrapping_mul(0xca01_f9dd);
        let mixed = mixed.wrapping_sub(y.wrapping_mul(0x4973_f715));
        mixed ^ mixed >> 16
    };
    let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(&mut hash);
    for from in 0..POOL {
        for to in (0..POOL).filter(|to| *to != from) {
            pool[to] = mix(pool[to], hash(pool[from]));
        }
    }
    let mut multiplier = 0x8b51_f9dd_u32;
    let mut words = pool.iter().cycle().map(|word| {
        let mixed = word ^ multiplier;
        multiplier = multiplier.wrapping_mul(0x58f3_8ded);
        let mixed = mixed.wrapping_mul(multiplier);
        u64::from(mixed ^ mixed >> 16)
    });
    let mut next = || words.next().unwrap_or_default();
    std::array::from_fn(|_| next() | next() << 32)
}
