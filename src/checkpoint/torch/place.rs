//! Where in the file a tensor lies. Nothing that a pickle says of it is believed.

use std::ops::Range;

use super::fault::TensorFault;
use super::value::{Heap, Tensor};
use crate::checkpoint::tensor::TensorInfo;

/// The most bytes of a tensor that repeats its elements, as an expanded one does: a small file may
/// not ask for endless output.
const REPEATED_BYTES_MAX: u64 = 1 << 32;

/// A tensor in file number `file`, whose storage has the bytes `there`.
pub(super) fn place(
    heap: &Heap,
    tensor: &Tensor,
    there: Option<Range<u64>>,
    file: usize,
) -> Result<TensorInfo, TensorFault> {
    let storage = heap.storage(tensor.storage);
    let key = || heap.text(storage.key).to_owned();
    let unit = tensor.element.bytes;
    let Some(dtype) = tensor.element.dtype else {
        let dtype = tensor.element.name.to_owned();
        return Err(TensorFault::DType { dtype });
    };
    let there = there.ok_or_else(|| TensorFault::NoStorage { storage: key() })?;
    let bytes = |elements: u64| u128::from(elements) * u128::from(storage.element.bytes);
    let (begin, len) = (bytes(storage.begin), bytes(storage.elements));
    let actual = there.end - there.start;
    if begin + len > u128::from(actual) {
        let (storage, expected) = (key(), begin + len);
        return Err(TensorFault::StorageSize {
            storage,
            expected,
            actual,
        });
    }
    // Within the file, whose bytes 64 bits count.
    let (begin, len) = (begin as u64, len as u64);
    let Measure { elements, extent } = measure(tensor).ok_or_else(|| absurd(tensor))?;
    let needed = tensor
        .offset
        .checked_add(extent)
        .and_then(|end| end.checked_mul(unit));
    let needed = match elements {
        0 => 0,
        _ => needed.ok_or_else(|| absurd(tensor))?,
    };
    if needed > len {
        let (storage, bytes) = (key(), len);
        return Err(TensorFault::BeyondStorage {
            storage,
            needed,
            bytes,
        });
    }
    let first = there.start + begin + needed - extent * unit;
    let is_run = elements == 0 || is_contiguous(tensor);
    Ok(TensorInfo {
        dtype,
        shape: tensor.shape.clone(),
        file,
        span: first..first + extent * unit,
        strides: (!is_run).then(|| tensor.strides.to_vec().into()),
        coding: None,
    })
}

/// The size of a tensor.
struct Measure {
    elements: u64,
    /// Elements of its storage from its first to its last.
    extent: u64,
}

/// None where 64 bits do not count the bytes, or a tensor that repeats its elements is too large.
fn measure(tensor: &Tensor) -> Option<Measure> {
    let mut dimensions = tensor.shape.iter();
    // An empty tensor too: the product is taken in this order wherever it is needed.
    let elements = dimensions.try_fold(1_u64, |product, len| product.checked_mul(*len))?;
    if elements == 0 {
        return Some(Measure {
            elements: 0,
            extent: 0,
        });
    }
    let mut extent = 1_u64;
    for (len, stride) in tensor.shape.iter().zip(&tensor.strides) {
        extent = stride.checked_mul(len - 1)?.checked_add(extent)?;
        // What lies behind the last element is none of its own, but is counted with.
        stride.checked_mul(*len)?;
    }
    let bytes = elements.checked_mul(8 * tensor.element.bytes)? / 8;
    (elements <= extent || bytes <= REPEATED_BYTES_MAX).then_some(Measure { elements, extent })
}

/// Whether elements lie one after the other. Dimensions of one element do not count.
fn is_contiguous(tensor: &Tensor) -> bool {
    let mut expected = 1;
    let mut dimensions = tensor.shape.iter().zip(&tensor.strides).rev();
    dimensions.all(|(len, stride)| {
        let fits = *len == 1 || *stride == expected;
        expected *= len;
        fits
    })
}

fn absurd(tensor: &Tensor) -> TensorFault {
    let (shape, strides) = (tensor.shape.to_vec(), tensor.strides.to_vec());
    TensorFault::Absurd { shape, strides }
}
