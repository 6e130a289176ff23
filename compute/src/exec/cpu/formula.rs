//! The formulas as loops over a tile, one instance per working dtype.
//!
//! The functions are the shader files; this module gives them `rz`, the guard, and puts a loop
//! around each row of the table. The loops are `inline(always)` so that a caller compiled for AVX2
//! gets them compiled for AVX2.

use crate::kernel::TILE;

/// An argument of a formula for a whole tile.
#[derive(Clone, Copy)]
pub(super) enum Argument<'a> {
    /// One word per element.
    Register(&'a [u32; TILE]),
    /// One word for all.
    Same(u32),
    /// The numbers from this one on.
    Index(u32),
}

impl<'a> Argument<'a> {
    #[inline(always)]
    fn register(self) -> &'a [u32; TILE] {
        match self {
            Argument::Register(register) => register,
            _ => panic!("a value per element was expected"),
        }
    }

    #[inline(always)]
    fn same(self) -> u32 {
        match self {
            Argument::Same(word) => word,
            _ => panic!("one value for all elements was expected"),
        }
    }
}

macro_rules! fetch {
    (lane, $argument:expr, $len:expr) => {
        &$argument.register()[..$len]
    };
    (word, $argument:expr, $len:expr) => {
        &$argument.register()[..$len]
    };
    (scalar, $argument:expr, $len:expr) => {
        f32::from_bits($argument.same())
    };
    (code, $argument:expr, $len:expr) => {
        $argument.same()
    };
}

macro_rules! element {
    (lane, $fetched:ident, $i:ident) => {
        f32::from_bits($fetched[$i])
    };
    (word, $fetched:ident, $i:ident) => {
        $fetched[$i]
    };
    (scalar, $fetched:ident, $i:ident) => {
        $fetched
    };
    (code, $fetched:ident, $i:ident) => {
        $fetched
    };
}

macro_rules! loops {
    ($($(#[$doc:meta])* $name:ident $function:ident($($parameter:ident: $kind:ident),*);)*) => {
        /// Runs a formula over the elements of `out`.
        #[inline(always)]
        pub(in super::super) fn call(
            formula: Formula,
            arguments: &[Argument<'_>],
            out: &mut [u32],
        ) {
            let len = out.len();
            match formula {
                $(Formula::$name => {
                    let mut next = arguments.iter();
                    $(let $parameter = next.next().copied().expect("an argument per parameter");
                    let $parameter = fetch!($kind, $parameter, len);)*
                    for i in 0..len {
                        out[i] = $function($(element!($kind, $parameter, i)),*).to_bits();
                    }
                })*
            }
        }
    };
}

/// The rounding guard: one rounding to the working dtype after every operation.
macro_rules! guard {
    ($file:literal) => {
        shaders!($file);

        #[inline(always)]
        pub(in super::super) fn rz(x: f32) -> f32 {
            float(round_working(bits(x)))
        }

        #[inline(always)]
        pub(in super::super) fn rz_sum(x: f32) -> f32 {
            float(settle(bits(x)))
        }
    };
    () => {
        #[inline(always)]
        pub(in super::super) fn rz(x: f32) -> f32 {
            x
        }

        #[inline(always)]
        pub(in super::super) fn rz_sum(x: f32) -> f32 {
            x
        }
    };
}

macro_rules! instance {
    ($module:ident $(, $guard:literal)?) => {
        pub(super) mod $module {
            #![allow(
                clippy::needless_return,
                clippy::needless_range_loop,
                dead_code,
                reason = "the included files are WGSL as well as Rust; loops index several"
            )]
            use super::Argument;
            use crate::kernel::{Formula, formulas};
            use crate::wgsl::*;
            use crate::wgsl::{codec_files, formula_files, shaders};

            codec_files!(shaders);
            guard!($($guard)?);
            formula_files!(shaders);

            formulas!(loops);
        }
    };
}

instance!(unguarded);
instance!(in_f32, "guard/f32");
instance!(in_bf16, "guard/bf16");
instance!(in_f16, "guard/f16");
