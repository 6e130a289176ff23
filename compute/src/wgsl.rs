//! The built-ins of WGSL in Rust, so that one file serves both compilers.
//!
//! The files under `shaders/codec`, `shaders/guard` and `shaders/formula` are written in the part
//! of WGSL that is also legal Rust. naga reads them behind `shaders/kernel/prelude.wgsl`; rustc
//! reads what `build.rs` makes of them, the same text with functions to be inlined, behind this
//! module. Every name here has the meaning of its WGSL twin; what is spelled differently in the two
//! languages has a third name in both (`bits`, `float`, `wrapping_add`).

/// `select(f, t, condition)`: `t` where the condition holds.
#[inline(always)]
pub fn select<T>(f: T, t: T, condition: bool) -> T {
    if condition { t } else { f }
}

/// The smaller of two numbers.
#[inline(always)]
pub fn min(a: u32, b: u32) -> u32 {
    a.min(b)
}

/// The larger of two numbers.
#[inline(always)]
pub fn max(a: u32, b: u32) -> u32 {
    a.max(b)
}

/// The bits of an f32: WGSL's `bitcast<u32>`.
#[inline(always)]
pub fn bits(x: f32) -> u32 {
    x.to_bits()
}

/// The f32 with these bits: WGSL's `bitcast<f32>`.
#[inline(always)]
pub fn float(x: u32) -> f32 {
    f32::from_bits(x)
}

/// 1 for true, 0 for false.
#[inline(always)]
pub fn u32(x: bool) -> u32 {
    x as u32
}

/// An unsigned integer below 2^24 as f32, exactly.
#[inline(always)]
pub fn f32(x: u32) -> f32 {
    x as f32
}

/// Sum modulo 2^32, WGSL's `+`.
#[inline(always)]
pub fn wrapping_add(a: u32, b: u32) -> u32 {
    a.wrapping_add(b)
}

/// Difference modulo 2^32, WGSL's `-`.
#[inline(always)]
pub fn wrapping_sub(a: u32, b: u32) -> u32 {
    a.wrapping_sub(b)
}

/// Product modulo 2^32, WGSL's `*`.
#[inline(always)]
pub fn wrapping_mul(a: u32, b: u32) -> u32 {
    a.wrapping_mul(b)
}

/// The correctly rounded quotient. Rust's `/` is; the WGSL twin is `shaders/codec/divide.wgsl`.
#[inline(always)]
pub fn quotient(a: f32, b: f32) -> f32 {
    a / b
}

/// The correctly rounded square root. Rust's is; the WGSL twin is `shaders/codec/root.wgsl`.
#[inline(always)]
pub fn root(x: f32) -> f32 {
    x.sqrt()
}

/// Two numbers.
#[expect(non_camel_case_types, reason = "WGSL's name")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct vec2f {
    /// First number.
    pub x: f32,
    /// Second number.
    pub y: f32,
}

/// Two numbers.
#[inline(always)]
pub fn vec2f(x: f32, y: f32) -> vec2f {
    vec2f { x, y }
}

/// Four unsigned words.
#[expect(non_camel_case_types, reason = "WGSL's name")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct vec4u {
    /// First word.
    pub x: u32,
    /// Second word.
    pub y: u32,
    /// Third word.
    pub z: u32,
    /// Fourth word.
    pub w: u32,
}

/// Four unsigned words.
#[inline(always)]
pub fn vec4u(x: u32, y: u32, z: u32, w: u32) -> vec4u {
    vec4u { x, y, z, w }
}

/// Hands the names of the shared files of codecs to a macro.
macro_rules! codec_files {
    ($then:ident) => {
        $then! {
            "codec/word" "codec/small" "codec/bf16" "codec/f16" "codec/f8_e4m3" "codec/f8_e5m2"
            "codec/f64" "codec/divide" "codec/root" "codec/philox" "codec/change"
            "codec/pair"
        }
    };
}
pub(crate) use codec_files;

/// Hands the names of the shared files of formulas to a macro.
macro_rules! formula_files {
    ($then:ident) => {
        $then! {
            "formula/arithmetic" "formula/bound" "formula/sparsify" "formula/elect" "formula/mask"
            "formula/entry" "formula/cast" "formula/power" "formula/near" "formula/basic"
            "formula/noise" "formula/compare"
        }
    };
}
pub(crate) use formula_files;

/// The texts of shader files.
macro_rules! texts {
    ($($file:literal)*) => {
        &[$(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $file, ".wgsl"))),*]
    };
}
pub(crate) use texts;

/// Compiles shader files of the shared subset as Rust, at the place of the call.
macro_rules! shaders {
    ($($file:literal)*) => {
        $(include!(concat!(env!("OUT_DIR"), "/", $file, ".rs"));)*
    };
}
pub(crate) use shaders;
