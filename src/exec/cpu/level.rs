//! The instruction sets that the loops are compiled for.

/// An instruction set that this machine has. That there is a value proves it: code compiled for it
/// may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Baseline,
    Avx2,
}

impl Level {
    /// What the target guarantees.
    pub const BASELINE: Level = Level(Set::Baseline);

    /// AVX2, F16C and POPCNT, where the machine has them.
    pub fn avx2() -> Option<Level> {
        #[cfg(target_arch = "x86_64")]
        {
            let supported = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("f16c")
                && is_x86_feature_detected!("popcnt");
            supported.then_some(Level(Set::Avx2))
        }
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// All that this machine has, the baseline first.
    pub fn available() -> impl Iterator<Item = Level> {
        [Level::BASELINE].into_iter().chain(Level::avx2())
    }

    /// The best level of this machine. The environment variable `WGMERGE_SIMD=baseline` chooses
    /// the baseline, to compare the two.
    pub fn detect() -> Level {
        let forced = std::env::var_os("WGMERGE_SIMD").is_some_and(|value| value == "baseline");
        match Level::avx2() {
            Some(level) if !forced => level,
            _ => Level::BASELINE,
        }
    }

    /// Whether code compiled for AVX2, F16C and POPCNT may run.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "there is none")
    )]
    pub(super) fn is_avx2(self) -> bool {
        self.0 == Set::Avx2
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Baseline => "baseline instructions",
            Set::Avx2 => "AVX2 and F16C",
        }
    }
}
