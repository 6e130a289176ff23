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

const fn own(class: Option<&'static str>, dtype: DType) -> Element {
    let bytes = dtype.bits() / 8;
    Element {
        name: match dtype.torch_name() {
            Some(name) => name,
            None => panic!("torch has no type of its own for packed elements"),
        },
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
    own(Some("Float"), DType::F32),
    own(Some("Half"), DType::F16),
    own(Some("BFloat16"), DType::BF16),
    own(Some("Double"), DType::F64),
    own(Some("Long"), DType::I64),
    own(Some("Int"), DType::I32),
    own(Some("Short"), DType::I16),
    own(Some("Char"), DType::I8),
    own(Some("Byte"), DType::U8),
    own(Some("Bool"), DType::Bool),
    own(None, DType::U16),
    own(None, DType::U32),
    own(None, DType::U64),
    own(None, DType::F8E4M3),
    own(None, DType::F8E5M2),
    own(None, DType::F8E4M3Fnuz),
    own(None, DType::F8E5M2Fnuz),
    own(None, DType::F8E8M0),
    own(Some("ComplexFloat"), DType::C64),
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
