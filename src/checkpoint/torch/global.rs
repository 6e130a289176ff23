//! What a pickle may ask for by name: the table of everything that lists of weights are made of.
//!
//! A name of the table stands for something that is made here; nothing is imported, and no code of
//! a file or of a library is run. Every other name is refused.

use super::element::{Element, UNTYPED};

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Global {
    /// A function or class that is called.
    Call(Callable),
    /// The class of a storage, with the type of its elements.
    Storage(&'static Element),
    /// An element type.
    DType(&'static Element),
    /// The class of tensors or of parameters, which is named and not called.
    TensorClass,
    /// A class that is named and not called, such as the factory of a dict.
    Name,
}

/// What is done when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callable {
    /// Makes a dict, of pairs or of another dict.
    Dict,
    /// Makes a dict; the argument is a factory.
    DefaultDict,
    /// Makes a list or a set.
    List,
    /// Gives its argument back: a tuple of dimensions.
    Size,
    /// `(storage, offset, size, stride)`.
    Tensor,
    /// `(storage, offset, size, stride, requires_grad, hooks, dtype)`.
    TypedTensor,
    /// `(data, requires_grad, hooks)`.
    Parameter,
    /// `(function, class, arguments, state)`.
    FromType,
    /// Something that weights do not need, such as a device or a NumPy number.
    Nothing,
}

/// The functions and classes by module and name.
const NAMES: [(&str, &str, Global); 41] = {
    use Callable::{DefaultDict, Dict, FromType, List, Nothing, Parameter, Size, Tensor};
    use Global::{Call, Name, TensorClass};
    [
        ("collections", "OrderedDict", Call(Dict)),
        ("collections", "Counter", Call(Dict)),
        ("collections", "defaultdict", Call(DefaultDict)),
        ("builtins", "dict", Call(Dict)),
        ("builtins", "list", Call(List)),
        ("builtins", "set", Call(List)),
        ("builtins", "frozenset", Call(List)),
        ("builtins", "bytearray", Call(Nothing)),
        ("builtins", "complex", Call(Nothing)),
        ("builtins", "int", Name),
        ("builtins", "float", Name),
        ("builtins", "str", Name),
        ("builtins", "bool", Name),
        ("__builtin__", "dict", Call(Dict)),
        ("__builtin__", "list", Call(List)),
        ("__builtin__", "set", Call(List)),
        ("__builtin__", "frozenset", Call(List)),
        ("__builtin__", "bytearray", Call(Nothing)),
        ("__builtin__", "complex", Call(Nothing)),
        ("__builtin__", "int", Name),
        ("__builtin__", "long", Name),
        ("__builtin__", "float", Name),
        ("__builtin__", "str", Name),
        ("__builtin__", "unicode", Name),
        ("__builtin__", "bool", Name),
        ("torch", "Size", Call(Size)),
        ("torch", "device", Call(Nothing)),
        ("torch", "Tensor", TensorClass),
        ("torch.nn.parameter", "Parameter", TensorClass),
        ("torch.serialization", "_get_layout", Call(Nothing)),
        ("torch._utils", "_rebuild_tensor", Call(Tensor)),
        ("torch._utils", "_rebuild_tensor_v2", Call(Tensor)),
        (
            "torch._utils",
            "_rebuild_tensor_v3",
            Call(Callable::TypedTensor),
        ),
        ("torch._utils", "_rebuild_parameter", Call(Parameter)),
        (
            "torch._utils",
            "_rebuild_parameter_with_state",
            Call(Parameter),
        ),
        ("torch._tensor", "_rebuild_from_type_v2", Call(FromType)),
        ("_codecs", "encode", Call(Nothing)),
        ("numpy", "dtype", Call(Nothing)),
        ("numpy.core.multiarray", "scalar", Call(Nothing)),
        ("numpy._core.multiarray", "scalar", Call(Nothing)),
        // The key of a dict in the checkpoints of Stable Diffusion 1.
        (
            "pytorch_lightning.callbacks.model_checkpoint",
            "ModelCheckpoint",
            Name,
        ),
    ]
};

impl Global {
    /// What a name stands for; None where it is refused.
    pub(super) fn of(module: &str, name: &str) -> Option<Global> {
        let known = NAMES
            .iter()
            .find(|(own, known, _)| *own == module && *known == name);
        if let Some((_, _, global)) = known {
            return Some(*global);
        }
        match module {
            "torch" | "torch.cuda" => {
                let storage = Element::of_storage(name).map(Global::Storage);
                let dtype = || Element::of_dtype(name).filter(|_| module == "torch");
                storage.or_else(|| dtype().map(Global::DType))
            }
            "torch.storage" if name == "UntypedStorage" => Some(Global::Storage(&UNTYPED)),
            _ => None,
        }
    }
}
