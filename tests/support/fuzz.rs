//! Seeded loops over made-up input: short in the tests, long where `WGMERGE_FUZZ_SECONDS` says so.

use std::time::{Duration, Instant};

use super::random::Rng;

/// Damages bytes somewhere; what is put in is one of `pieces`.
pub fn damage(rng: &mut Rng, bytes: &mut Vec<u8>, pieces: &[impl AsRef<[u8]>]) {
    let at = rng.below(bytes.len() + 1);
    match rng.below(6) {
        0 => bytes.truncate(at),
        1 | 2 => {
            let piece = rng.pick(pieces).as_ref().to_vec();
            bytes.splice(at..at, piece);
        }
        3 if at < bytes.len() => bytes[at] = rng.word() as u8,
        4 => {
            let to = (at + rng.below(20)).min(bytes.len());
            bytes.drain(at..to);
        }
        _ => {
            let to = (at + rng.below(80)).min(bytes.len());
            let again = bytes[at..to].to_vec();
            bytes.splice(at..at, again);
        }
    }
}

/// Shows the seed of a round that panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the round of seed {} failed", self.0);
        }
    }
}

/// Runs `round` with the seeds from 0 on: `count` times, or for as many seconds as
/// `WGMERGE_FUZZ_SECONDS` says.
pub fn rounds(count: u64, mut round: impl FnMut(&mut Rng)) {
    let seconds = std::env::var("WGMERGE_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("WGMERGE_FUZZ_SECONDS is a number"));
    let begun = Instant::now();
    let goes_on = |seed| match seconds {
        Some(seconds) => begun.elapsed() < Duration::from_secs(seconds),
        None => seed < count,
    };
    for seed in (0..).take_while(|&seed| goes_on(seed)) {
        let _shown = Seed(seed);
        round(&mut Rng::new(seed));
    }
}
