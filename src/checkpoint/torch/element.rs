//! Element types by their names in torch.

use crate::dtype::DType;

/// What a storage or a tensor is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// The name in torch, such as `float16`; `bytes` for a storage without a type.
    pub(super) name: &'static str,
    /// How it begins the name of a storage's class: `Half` for `HalfStorage`.
    class: Option<&'static str>,
    /// Bytes of one.
    pub(super) bytes: u64,
    /// The type; None where safetensors has none.
    pub(super) dtype: Option<DType>,
}

/// What has no type of its own: bytes.
pub(super) const UNTYPED: Element = foreign("bytes", None, 1);

const fn own(name: &'static str, class: Option<&'static str>, dtype: DType) -> Element {
    let bytes = dtype.bits() / 8;
    Element {
        name,
        class,
        bytes,
        dtype: Some(dtype),
    }
}

const fn foreign(name: &'static str, class: Option<&'static str>, bytes: u64) -> Element {
    Element {
        name,
        class,
        bytes,
        dtype: None,
    }
}

/// The types. A packed type has none here, as torch counts its bytes and not its elements.
static ELEMENTS: [Element; 27] = [
    own("float32", Some("Float"), DType::F32),
    own("float16", Some("Half"), DType::F16),
    own("bfloat16", Some("BFloat16"), DType::BF16),
    own("float64", Some("Double"), DType::F64),
    own("int64", Some("Long"), DType::I64),
    own("int32", Some("Int"), DType::I32),
    own("int16", Some("Short"), DType::I16),
    own("int8", Some("Char"), DType::I8),
    own("uint8", Some("Byte"), DType::U8),
    own("bool", Some("Bool"), DType::Bool),
    own("uint16", None, DType::U16),
    own("uint32", None, DType::U32),
    own("uint64", None, DType::U64),
    own("float8_e4m3fn", None, DType::F8E4M3),
    own("float8_e5m2", None, DType::F8E5M2),
    own("float8_e4m3fnuz", None, DType::F8E4M3Fnuz),
    own("float8_e5m2fnuz", None, DType::F8E5M2Fnuz),
    own("float8_e8m0fnu", None, DType::F8E8M0),
    own("complex64", Some("ComplexFloat"), DType::C64),
    foreign("complex128", Some("ComplexDouble"), 16),
    foreign("complex32", None, 4),
    foreign("float4_e2m1fn_x2", None, 1),
    foreign("qint8", Some("QInt8"), 1),
    foreign("quint8", Some("QUInt8"), 1),
    foreign("qint32", Some("QInt32"), 4),
    foreign("quint4x2", Some("QUInt4x2"), 1),
    foreign("quint2x4", Some("QUInt2x4"), 1),
];

impl Element {
    /// The type that torch calls so.
    pub(super) fn of_dtype(name: &str) -> Option<&'static Element> {
        ELEMENTS.iter().find(|element| element.name == name)
    }

    /// The type of a class of storages, such as `HalfStorage`.
    pub(super) fn of_storage(class: &str) -> Option<&'static Element> {
        let name = class.strip_suffix("Storage")?;
        ELEMENTS.iter().find(|element| element.class == Some(name))
    }
}
