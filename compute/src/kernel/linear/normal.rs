//! Normal random numbers, as torch draws them on a CPU.

use rand_mt::Mt;

/// Numbers that torch makes of uniform ones together.
const GROUP: usize = 16;

/// As many numbers as torch's `randn` gives in f32 with this seed, of which the low 32 bits count.
pub fn normal(seed: u64, count: usize) -> Vec<f32> {
    let mut generator = Mt::new(seed as u32);
    if count < GROUP {
        return few(&mut generator, count);
    }
    let mut uniform = || (generator.next_u32() & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0);
    let mut values: Vec<f32> = (0..count).map(|_| uniform()).collect();
    let (groups, rest) = values.as_chunks_mut::<GROUP>();
    groups.iter_mut().for_each(spread);
    if !rest.is_empty() {
        let last = count - GROUP;
        for value in &mut values[last..] {
            *value = uniform();
        }
        values[last..]
            .as_chunks_mut::<GROUP>()
            .0
            .iter_mut()
            .for_each(spread);
    }
    values
}

/// The two normal numbers that two uniform ones make, the first not zero.
fn pair(for_length: f64, for_angle: f64) -> (f64, f64) {
    let length = (-2.0 * libm::log(for_length)).sqrt();
    let angle = std::f64::consts::TAU * for_angle;
    (length * libm::cos(angle), length * libm::sin(angle))
}

/// Makes normal numbers of uniform ones in [0, 1), eight for lengths and eight for angles.
pub fn spread(values: &mut [f32; GROUP]) {
    for at in 0..GROUP / 2 {
        let (length, angle) = (1.0 - values[at], values[at + GROUP / 2]);
        let (first, second) = pair(f64::from(length), f64::from(angle));
        (values[at], values[at + GROUP / 2]) = (first as f32, second as f32);
    }
}

/// Fewer numbers than a group are made in pairs, of uniform numbers of 53 bits.
fn few(generator: &mut Mt, count: usize) -> Vec<f32> {
    let mut uniform = || {
        let high = u64::from(generator.next_u32());
        let word = (high << 32) | u64::from(generator.next_u32());
        (word & ((1 << 53) - 1)) as f64 / (1_u64 << 53) as f64
    };
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let (angle, length) = (uniform(), uniform());
        let (first, second) = pair(1.0 - length, angle);
        values.extend([first as f32, second as f32]);
    }
    values.truncate(count);
    values
}
