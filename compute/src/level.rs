//! The instruction sets that the loops are compiled for.

/// An instruction set that this machine has. That there is a value proves it: code compiled for it
/// may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Set);

/// In ascending order: each has the instructions of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    Baseline,
    Avx2,
    Avx512,
}

impl Set {
    const ALL: [Set; 3] = [Set::Baseline, Set::Avx2, Set::Avx512];

    /// What it is called in [`Level::VARIABLE`].
    fn word(self) -> &'static str {
        match self {
            Set::Baseline => "baseline",
            Set::Avx2 => "avx2",
            Set::Avx512 => "avx512",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Set::Baseline => "baseline instructions",
            Set::Avx2 => "AVX2 and F16C",
            Set::Avx512 => "AVX-512",
        }
    }

    /// Whether processor and system have it.
    fn is_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = || {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("f16c")
                    && is_x86_feature_detected!("popcnt")
            };
            let avx512 = || {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            };
            match self {
                Set::Baseline => true,
                Set::Avx2 => avx2(),
                Set::Avx512 => avx2() && avx512(),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Set::Baseline
        }
    }
}

/// A wish for an instruction set that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is {wish:?}; on this machine it may be {here}", Level::VARIABLE)]
pub struct UnknownLevel {
    /// What was asked for.
    pub wish: String,
    /// What may be.
    pub here: String,
}

impl Level {
    /// What the target guarantees.
    pub const BASELINE: Level = Level(Set::Baseline);

    /// The environment variable that chooses an instruction set: `baseline`, `avx2` or `avx512`.
    /// The output's bytes do not depend on it; it is there to compare times, and to work around
    /// a machine whose instructions cannot be trusted.
    pub const VARIABLE: &str = "WGMERGE_SIMD";

    /// All that this machine has, the baseline first.
    pub fn available() -> impl Iterator<Item = Level> {
        let sets = Set::ALL.into_iter().filter(|set| set.is_here());
        sets.map(Level)
    }

    /// The names of those that this machine lacks.
    pub fn missing() -> impl Iterator<Item = &'static str> {
        let sets = Set::ALL.into_iter().filter(|set| !set.is_here());
        sets.map(Set::name)
    }

    /// The best level of this machine.
    pub fn detect() -> Level {
        Level::available().last().unwrap_or(Level::BASELINE)
    }

    /// The level that the environment variable [`Level::VARIABLE`] chooses; the best of this
    /// machine where it is not set, or empty.
    ///
    /// # Errors
    /// [`UnknownLevel`] where it names none, or one that this machine lacks.
    pub fn chosen() -> Result<Level, UnknownLevel> {
        match std::env::var_os(Level::VARIABLE) {
            Some(wish) if !wish.is_empty() => Level::named(&wish.to_string_lossy()),
            _ => Ok(Level::detect()),
        }
    }

    /// The level that a word of [`Level::VARIABLE`] means.
    ///
    /// # Errors
    /// As [`Level::chosen`].
    pub fn named(wish: &str) -> Result<Level, UnknownLevel> {
        let found = Level::available().find(|level| level.0.word() == wish);
        found.ok_or_else(|| {
            let words: Vec<&str> = Level::available().map(|level| level.0.word()).collect();
            UnknownLevel {
                wish: wish.to_owned(),
                here: words.join(" or "),
            }
        })
    }

    /// Whether code compiled for AVX2, F16C and POPCNT may run.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_avx2(self) -> bool {
        self.0 >= Set::Avx2
    }

    /// Whether code compiled for AVX-512 (F, BW, DQ and VL) may run as well.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_avx512(self) -> bool {
        self.0 >= Set::Avx512
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// Calls a function in the form that is compiled for a [`Level`]. The function is
/// `inline(always)`, so that its loops become those of the instruction set.
macro_rules! at_level {
    (
        $level:expr,
        $function:ident($($name:ident: $type:ty = $value:expr),* $(,)?) $(-> $result:ty)?
    ) => {{
        let level: crate::level::Level = $level;
        $(let $name: $type = $value;)*
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,f16c,popcnt")]
            fn avx2($($name: $type),*) $(-> $result)? {
                $function($($name),*)
            }
            #[target_feature(enable = "avx2,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512($($name: $type),*) $(-> $result)? {
                $function($($name),*)
            }
            if level.is_avx512() {
                // SAFETY: there is a level only where the machine has its instructions.
                #[allow(unsafe_code, reason = "code for instructions that are there")]
                #[allow(clippy::let_unit_value, reason = "of functions that return nothing")]
                let result = unsafe { avx512($($name),*) };
                result
            } else if level.is_avx2() {
                // SAFETY: as above.
                #[allow(unsafe_code, reason = "code for instructions that are there")]
                #[allow(clippy::let_unit_value, reason = "of functions that return nothing")]
                let result = unsafe { avx2($($name),*) };
                result
            } else {
                $function($($name),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = level;
            $function($($name),*)
        }
    }};
}
pub(crate) use at_level;
