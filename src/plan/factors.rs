//! The factors of an adapter's delta: where they lie, and what they make.

use super::{Source, ViewError};
use crate::checkpoint::Axes;
use crate::dtype::DType;
use crate::kernel::PANEL;
use crate::keys::adapter::{Delta, Matrix};
use crate::recipe::{Leaf, ModelId};

/// A stored factor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Factor {
    /// Which model.
    pub model: ModelId,
    /// Which of its files.
    pub file: usize,
    /// Byte offset of the first element in that file.
    pub offset: u64,
    /// Its type: a float, but for alpha.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// The places of its elements, where they do not lie one after the other.
    pub axes: Option<Axes>,
}

impl Factor {
    /// Its elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    fn bytes(&self) -> u64 {
        self.elements() * self.dtype.bits() / 8
    }
}

/// The dimensions of a matrix that factors make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Rows.
    pub rows: u64,
    /// Columns: all dimensions behind the first.
    pub columns: u64,
    /// The inner dimension; None where the matrix is stored whole.
    pub rank: Option<u64>,
}

impl Extent {
    /// Elements of the matrix.
    pub fn elements(&self) -> usize {
        (self.rows * self.columns) as usize
    }

    /// Elements that are held of it row by row: those of the left factor, or all.
    pub fn left_elements(&self) -> usize {
        self.rank
            .map_or(self.elements(), |rank| (self.rows * rank) as usize)
    }

    /// Elements that are held of it, as one matrix or as two.
    pub fn held_elements(&self) -> usize {
        let columns = (self.columns as usize).next_multiple_of(PANEL);
        self.left_elements() + self.rank.unwrap_or(0) as usize * columns
    }
}

/// The factors of one delta.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Factors {
    /// How the delta is made of them.
    pub delta: Delta<Factor>,
    /// The dimensions of the left operand of a Kronecker product.
    pub outer: Option<Extent>,
    /// The dimensions of the matrix, or of the right operand.
    pub inner: Extent,
}

impl Factors {
    /// The factors of a delta, and the shape of what they make: `wanted`, where they fill that.
    pub fn of(
        delta: &Delta<Leaf>,
        wanted: &[u64],
        sources: &[Source<'_>],
    ) -> Result<(Factors, Vec<u64>), ViewError> {
        let fault = || {
            let infos = delta.factors().into_iter().map(|leaf| {
                let info = &sources[leaf.model.index()].tensors[&leaf.name];
                format!("`{}` {} {:?}", leaf.name, info.dtype, info.shape)
            });
            ViewError::Factors {
                found: infos.collect::<Vec<String>>().join(", "),
            }
        };
        let stored = delta.try_map(|leaf| {
            let info = sources[leaf.model.index()].tensors.get(&leaf.name)?;
            Some(Factor {
                model: leaf.model,
                file: info.file,
                offset: info.span.start,
                dtype: info.dtype,
                shape: info.shape.to_vec(),
                axes: info.axes(),
            })
        });
        let stored = stored.ok_or_else(fault)?;
        let factors = stored.factors();
        let empty = factors.iter().any(|factor| factor.elements() == 0);
        let alpha = stored.alpha.as_ref();
        let scalar = alpha.is_none_or(|alpha| alpha.elements() == 1 && is_number(alpha.dtype));
        let made = match &stored.outer {
            Some(outer) => extent(outer).map(|(outer, _)| Some(outer)),
            None => Some(None),
        };
        let (Some(outer), Some((inner, mut shape)), false, true) =
            (made, extent(&stored.inner), empty, scalar)
        else {
            return Err(fault());
        };
        if let Some(outer) = outer {
            shape.resize(shape.len().max(2), 1);
            for (dimension, factor) in shape.iter_mut().zip([outer.rows, outer.columns]) {
                *dimension = dimension.checked_mul(factor).ok_or_else(fault)?;
            }
        }
        let elements = shape.iter().try_fold(1, |n: u64, d| n.checked_mul(*d));
        let elements = elements.ok_or_else(fault)?;
        // Dimensions behind the first may be flattened, or be 1; rows are rows.
        let fills = wanted.first() == shape.first() && wanted.iter().product::<u64>() == elements;
        let factors = Factors {
            delta: stored,
            outer,
            inner,
        };
        Ok((factors, if fills { wanted.to_vec() } else { shape }))
    }

    /// Bytes of the files that are read for it.
    pub fn stored_bytes(&self) -> u64 {
        self.delta.factors().into_iter().map(Factor::bytes).sum()
    }

    /// Bytes that it takes in memory, ready to be multiplied.
    pub fn held_bytes(&self) -> u64 {
        let outer = self.outer.map_or(0, |outer| outer.elements());
        ((outer + self.inner.held_elements()) * size_of::<f32>()) as u64
    }

    /// Bytes that it takes besides while it is made ready: the factors of what is multiplied
    /// beforehand, and a row.
    pub fn scratch_bytes(&self) -> u64 {
        let tucker = |matrix: &&Matrix<Factor>| matches!(matrix, Matrix::Tucker { .. });
        let matrices = self.delta.outer.iter().chain([&self.delta.inner]);
        let factors = matrices.filter(tucker).flat_map(Matrix::factors);
        let elements: u64 = factors.map(Factor::elements).sum();
        let outer = self.outer.map_or(0, |outer| outer.held_elements() as u64);
        (elements + outer + self.inner.columns) * size_of::<f32>() as u64
    }

    /// What alpha is divided by: the rank of the left operand, or of the right where that has none.
    pub fn rank(&self) -> Option<u64> {
        self.outer.and_then(|outer| outer.rank).or(self.inner.rank)
    }

    /// The first model that is read.
    pub fn model(&self) -> ModelId {
        self.delta
            .factors()
            .first()
            .map_or_else(ModelId::default, |factor| factor.model)
    }
}

/// Whether alpha may be of a type: some trainers write it as an integer.
fn is_number(dtype: DType) -> bool {
    dtype.float().is_some() || matches!(dtype, DType::I32 | DType::I64)
}

/// The dimensions of a matrix; None where its factors do not fit each other.
fn extent(matrix: &Matrix<Factor>) -> Option<(Extent, Vec<u64>)> {
    let floats = matrix.factors();
    if floats.iter().any(|factor| factor.dtype.float().is_none()) {
        return None;
    }
    let along = |factor: &Factor, dimension: u64| {
        let elements = factor.elements();
        (dimension > 0 && elements.is_multiple_of(dimension)).then(|| elements / dimension)
    };
    let (rows, dimensions, rank) = match matrix {
        Matrix::Whole(whole) => {
            let (rows, dimensions) = whole.shape.split_first()?;
            (*rows, dimensions.to_vec(), None)
        }
        Matrix::Product { up, down } => {
            let (rank, dimensions) = down.shape.split_first()?;
            let rows = *up.shape.first()?;
            if along(up, rows)? != *rank {
                return None;
            }
            (rows, dimensions.to_vec(), Some(*rank))
        }
        Matrix::Tucker {
            core,
            up,
            down,
            rows_first,
        } => {
            let [i, j, kernel @ ..] = &core.shape[..] else {
                return None;
            };
            let rows = along(up, *i)?;
            let first = if *rows_first { rows } else { *i };
            if up.shape.first() != Some(&first) || down.shape.first() != Some(j) {
                return None;
            }
            let mut dimensions = vec![along(down, *j)?];
            dimensions.extend(kernel);
            (rows, dimensions, Some(*i))
        }
    };
    let columns = dimensions
        .iter()
        .try_fold(1, |n: u64, d| n.checked_mul(*d))?;
    rows.checked_mul(columns)?;
    let extent = Extent {
        rows,
        columns,
        rank,
    };
    let mut shape = vec![rows];
    shape.extend(dimensions);
    Some((extent, shape))
}
