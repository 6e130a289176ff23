//! What a pickle's calls make: containers and tensors. Nothing else is called.

use smallvec::SmallVec;

use super::super::header::DIMENSIONS_MAX;
use super::super::shape::Shape;
use super::element::Element;
use super::fault::TorchError;
use super::global::{Callable, Global};
use super::value::{Heap, Storage, Tensor, Value};

/// Arguments of a call that are looked at, at most: those of a tensor with its dtype and marks.
const ARGUMENTS_MAX: usize = 8;

/// Why a call is not made.
#[derive(Debug)]
pub(super) enum NoCall {
    /// Its arguments are none of weights.
    Wrong(&'static str),
    /// It asks for something that is no part of weights.
    Refused(String),
    /// There are too many of something.
    Stop(TorchError),
}

impl From<TorchError> for NoCall {
    fn from(fault: TorchError) -> NoCall {
        NoCall::Stop(fault)
    }
}

/// Calls what stands for a name, with a tuple of arguments.
pub(super) fn call(heap: &mut Heap, callee: Value, arguments: Value) -> Result<Value, NoCall> {
    let Value::Tuple(arguments) = arguments else {
        return Err(NoCall::Wrong("the arguments of a call are no tuple"));
    };
    let callable = match callee {
        Value::Global(Global::Call(callable)) => callable,
        Value::Global(_) => return Err(NoCall::Refused("an object of a class".to_owned())),
        _ => return Err(NoCall::Wrong("what is called is no function")),
    };
    let arguments = first(heap.tuple(arguments));
    match callable {
        Callable::FromType => match arguments[..] {
            [
                Value::Global(Global::Call(function @ (Callable::Tensor | Callable::TypedTensor))),
                Value::Global(Global::TensorClass),
                Value::Tuple(own),
                ..,
            ] => {
                let own = first(heap.tuple(own));
                made(heap, function, &own)
            }
            _ => Err(NoCall::Refused("a tensor of a class of its own".to_owned())),
        },
        callable => made(heap, callable, &arguments),
    }
}

/// The first arguments of a call: as many as matter, and one more.
fn first(arguments: &[Value]) -> SmallVec<[Value; ARGUMENTS_MAX]> {
    SmallVec::from_slice(&arguments[..arguments.len().min(ARGUMENTS_MAX)])
}

fn made(heap: &mut Heap, callable: Callable, arguments: &[Value]) -> Result<Value, NoCall> {
    match callable {
        Callable::Dict => Ok(match arguments.first() {
            None => heap.add_dict(&[])?,
            Some(Value::Dict(other)) => heap.add_dict_like(*other)?,
            Some(pairs) => add_pairs(heap, *pairs)?,
        }),
        Callable::DefaultDict => Ok(heap.add_dict(&[])?),
        Callable::List => {
            let like = arguments.first().copied();
            Ok(heap.add_list_like(like.unwrap_or(Value::None))?)
        }
        Callable::Size => match arguments {
            [Value::Tuple(size)] => Ok(Value::Tuple(*size)),
            _ => Err(NoCall::Wrong("a size is no tuple")),
        },
        Callable::Tensor => tensor(heap, arguments, None),
        Callable::TypedTensor => match arguments.get(6) {
            Some(Value::Global(Global::DType(element))) => tensor(heap, arguments, Some(element)),
            _ => Err(NoCall::Wrong("the dtype of a tensor is none")),
        },
        Callable::Parameter => match arguments.first() {
            Some(Value::Tensor(data)) => Ok(Value::Tensor(*data)),
            _ => Err(NoCall::Wrong("the data of a parameter are no tensor")),
        },
        Callable::FromType => Err(NoCall::Refused("a tensor of a class of its own".to_owned())),
        Callable::Nothing => Ok(Value::Other),
    }
}

/// A dict as Python 2 wrote it: a list of pairs.
fn add_pairs(heap: &mut Heap, pairs: Value) -> Result<Value, NoCall> {
    const WRONG: NoCall = NoCall::Wrong("the entries of a dict are no pairs");
    let count = heap.sequence(pairs).ok_or(WRONG)?.len();
    let dict = heap.add_dict(&[])?;
    let Value::Dict(number) = dict else {
        return Err(WRONG);
    };
    for at in 0..count {
        let pair = heap.sequence(pairs).and_then(|pairs| pairs.get(at));
        let pair = pair.and_then(|pair| heap.sequence(*pair));
        match pair {
            Some(&[key, value]) => heap.extend_dict(number, &[[key, value]])?,
            _ => return Err(WRONG),
        }
    }
    Ok(dict)
}

/// A tensor of a storage. Its numbers are checked where it is placed in the file.
fn tensor(
    heap: &mut Heap,
    arguments: &[Value],
    dtype: Option<&'static Element>,
) -> Result<Value, NoCall> {
    let [
        Value::Storage(storage),
        Value::Int(offset),
        size,
        stride,
        rest @ ..,
    ] = arguments
    else {
        return Err(NoCall::Wrong("the arguments of a tensor are none"));
    };
    let numbers = |of: Value| -> Result<Shape, NoCall> {
        let found = heap
            .sequence(of)
            .filter(|found| found.len() <= DIMENSIONS_MAX);
        let found = found.ok_or(NoCall::Wrong("the dimensions of a tensor are none"))?;
        let numbers = found.iter().map(|number| match number {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        });
        let numbers: Option<Shape> = numbers.collect();
        numbers.ok_or(NoCall::Wrong("a dimension of a tensor is none"))
    };
    let (shape, strides) = (numbers(*size)?, numbers(*stride)?);
    let offset = u64::try_from(*offset).map_err(|_| NoCall::Wrong("a tensor begins before 0"))?;
    if shape.len() != strides.len() {
        return Err(NoCall::Wrong(
            "a tensor has not as many strides as dimensions",
        ));
    }
    // Behind requires_grad and the hooks, and behind the dtype where there is one.
    let metadata = rest.get(2 + usize::from(dtype.is_some()));
    if let Some(Value::Dict(metadata)) = metadata {
        let mut marks = heap.dict(*metadata).iter();
        if marks.any(|mark| matches!(mark.value, Value::Bool(true))) {
            return Err(NoCall::Refused(
                "a tensor stored conjugated or negated".to_owned(),
            ));
        }
    }
    let element = dtype.unwrap_or(heap.storage(*storage).element);
    let storage = *storage;
    Ok(heap.add_tensor(Tensor {
        storage,
        element,
        offset,
        shape,
        strides,
    })?)
}

/// The storage that a persistent id names:
/// `("storage", class, key, location, elements[, (key of a part, begin, elements)])`.
pub(super) fn storage(heap: &mut Heap, id: Value) -> Result<Value, NoCall> {
    let wrong = || NoCall::Wrong("a persistent id is none of a storage");
    let id = heap.sequence(id).ok_or_else(wrong)?;
    if id.first().and_then(|kind| heap.as_text(*kind)) != Some("storage") {
        return Err(wrong());
    }
    let [
        _,
        Value::Global(Global::Storage(element)),
        Value::Text(key),
        _,
        Value::Int(elements),
        ..,
    ] = id
    else {
        return Err(wrong());
    };
    let part = match id.get(5) {
        Some(Value::Tuple(part)) => match heap.tuple(*part) {
            [_, Value::Int(begin), Value::Int(elements)] => Some((*begin, *elements)),
            _ => return Err(wrong()),
        },
        _ => None,
    };
    let (begin, elements) = part.unwrap_or((0, *elements));
    let positive = |number: i64| u64::try_from(number).map_err(|_| wrong());
    let storage = Storage {
        key: *key,
        element,
        elements: positive(elements)?,
        begin: positive(begin)?,
    };
    Ok(heap.add_storage(storage)?)
}
