//! Element types.
//!
//! [`DType`] is every element type a safetensors header may name; [`Float`] is the part of them
//! whose values are merged as numbers. Integers are copied; what is left has no arithmetic here and
//! is refused. Each type is one row of the table below, from which its name, its width and the list
//! of all types are derived.

use std::fmt;

pub mod codec;
mod torch;

/// The least of a type that whole bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// How many elements; 1 but for packed types.
    pub elements: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Declares [`DType`] from rows of variant, safetensors name and width in bits.
macro_rules! dtypes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $bits:literal,)*) => {
        /// An element type of the safetensors format. Ordered as the format orders its types, by
        /// width first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DType {
            $($(#[$doc])* $variant,)*
        }

        impl DType {
            /// Every element type, in the order of the enum.
            pub const ALL: &[DType] = &[$(DType::$variant,)*];

            /// The name in a safetensors header, such as `BF16` or `F8_E4M3`.
            pub fn name(self) -> &'static str {
                match self {
                    $(DType::$variant => $name,)*
                }
            }

            /// Reads the name in a safetensors header; `None` where the format has no such type.
            pub fn from_name(name: &str) -> Option<DType> {
                match name {
                    $($name => Some(DType::$variant),)*
                    _ => None,
                }
            }

            /// The width of one element in bits; below 8 for packed types.
            pub const fn bits(self) -> u64 {
                match self {
                    $(DType::$variant => $bits,)*
                }
            }
        }
    };
}

dtypes! {
    /// Boolean, one byte each.
    Bool "BOOL" 8,
    /// 4-bit float of the OCP microscaling formats (e2m1), packed.
    F4 "F4" 4,
    /// 6-bit float with 2 exponent and 3 mantissa bits, packed.
    F6E2M3 "F6_E2M3" 6,
    /// 6-bit float with 3 exponent and 2 mantissa bits, packed.
    F6E3M2 "F6_E3M2" 6,
    /// Unsigned 8-bit integer.
    U8 "U8" 8,
    /// Signed 8-bit integer.
    I8 "I8" 8,
    /// 8-bit float with 5 exponent and 2 mantissa bits, with infinities.
    F8E5M2 "F8_E5M2" 8,
    /// 8-bit float with 4 exponent and 3 mantissa bits, finite (no infinities).
    F8E4M3 "F8_E4M3" 8,
    /// 8-bit power of two, the scale type of the OCP microscaling formats.
    F8E8M0 "F8_E8M0" 8,
    /// 8-bit float e4m3 with one NaN and no negative zero.
    F8E4M3Fnuz "F8_E4M3FNUZ" 8,
    /// 8-bit float e5m2 with one NaN and no negative zero.
    F8E5M2Fnuz "F8_E5M2FNUZ" 8,
    /// Signed 16-bit integer.
    I16 "I16" 16,
    /// Unsigned 16-bit integer.
    U16 "U16" 16,
    /// IEEE half precision.
    F16 "F16" 16,
    /// The upper half of an f32.
    BF16 "BF16" 16,
    /// Signed 32-bit integer.
    I32 "I32" 32,
    /// Unsigned 32-bit integer.
    U32 "U32" 32,
    /// IEEE single precision.
    F32 "F32" 32,
    /// Complex number of two f32.
    C64 "C64" 64,
    /// IEEE double precision.
    F64 "F64" 64,
    /// Signed 64-bit integer.
    I64 "I64" 64,
    /// Unsigned 64-bit integer.
    U64 "U64" 64,
}

impl DType {
    /// The numeric type behind this element type; `None` where elements are copied, not merged.
    pub fn float(self) -> Option<Float> {
        Float::ALL
            .iter()
            .copied()
            .find(|float| float.dtype() == self)
    }

    /// Whether elements of this type are merged as numbers.
    pub fn is_mergeable(self) -> bool {
        self.float().is_some()
    }

    /// The least of it that whole bytes hold: what may be cut from a tensor.
    pub fn unit(self) -> Unit {
        let bits = self.bits();
        let elements = 8 / (1 << bits.trailing_zeros().min(3));
        Unit {
            elements,
            bytes: elements * bits / 8,
        }
    }

    /// Whether elements of this type count or say yes and no: they are copied.
    pub fn is_integer(self) -> bool {
        self.whole_range().is_some()
    }

    /// The smallest and the largest f32 that an integer type holds; None of other types.
    pub fn whole_range(self) -> Option<[f32; 2]> {
        Some(match self {
            DType::Bool => [0.0, 1.0],
            DType::U8 => [0.0, 255.0],
            DType::I8 => [-128.0, 127.0],
            DType::U16 => [0.0, 65_535.0],
            DType::I16 => [-32_768.0, 32_767.0],
            // The largest of wider types lie between two numbers of f32.
            DType::U32 => [0.0, 4_294_967_040.0],
            DType::I32 => [-2_147_483_648.0, 2_147_483_520.0],
            DType::U64 => [0.0, 18_446_742_974_197_923_840.0],
            DType::I64 => [-9_223_372_036_854_775_808.0, 9_223_371_487_098_961_920.0],
            _ => return None,
        })
    }

    /// Whether elements of this type are numbers, or parts of numbers, without arithmetic here.
    pub fn is_opaque(self) -> bool {
        !self.is_mergeable() && !self.is_integer()
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A floating-point element type that is merged as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Float {
    /// IEEE double precision.
    F64,
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    BF16,
    /// 8-bit float with 4 exponent and 3 mantissa bits, finite (no infinities).
    F8E4M3,
    /// 8-bit float with 5 exponent and 2 mantissa bits, with infinities.
    F8E5M2,
}

impl Float {
    /// Every merged type, widest first.
    pub const ALL: &[Float] = &[
        Float::F64,
        Float::F32,
        Float::F16,
        Float::BF16,
        Float::F8E4M3,
        Float::F8E5M2,
    ];

    /// The width of one element in bytes.
    pub fn bytes(self) -> usize {
        (self.dtype().bits() / 8) as usize
    }

    /// The element type of a header that stands for this type.
    pub fn dtype(self) -> DType {
        match self {
            Float::F64 => DType::F64,
            Float::F32 => DType::F32,
            Float::F16 => DType::F16,
            Float::BF16 => DType::BF16,
            Float::F8E4M3 => DType::F8E4M3,
            Float::F8E5M2 => DType::F8E5M2,
        }
    }

    /// The name on the command line and in recipes, such as `bf16` or `f8_e4m3`.
    pub fn name(self) -> &'static str {
        match self {
            Float::F64 => "f64",
            Float::F32 => "f32",
            Float::F16 => "f16",
            Float::BF16 => "bf16",
            Float::F8E4M3 => "f8_e4m3",
            Float::F8E5M2 => "f8_e5m2",
        }
    }

    /// Reads the name on the command line; `None` where there is no such merged type.
    pub fn from_name(name: &str) -> Option<Float> {
        Float::ALL
            .iter()
            .copied()
            .find(|float| float.name() == name)
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The type in which torch keeps sums of numbers of several types: the widest float, f32 where
/// neither of f16 and bf16 holds the other or all are integers. None where it adds nothing: truth
/// values, and types of 8 bits and less.
pub fn promoted(types: &[DType]) -> Option<Float> {
    let mut wide: Option<Float> = None;
    for &dtype in types {
        let own = match (dtype.float(), dtype) {
            (Some(float), _) if float.bytes() > 1 => float,
            (None, dtype) if dtype.is_integer() && dtype != DType::Bool => continue,
            _ => return None,
        };
        wide = Some(match wide {
            Some(wide) if wide != own && wide.bytes() == own.bytes() => Float::F32,
            Some(wide) if wide.bytes() >= own.bytes() => wide,
            _ => own,
        });
    }
    Some(wide.unwrap_or(Float::F32))
}
