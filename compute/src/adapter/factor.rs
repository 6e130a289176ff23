//! A stored matrix of an adapter.

/// A tensor of an adapter: elements in f32, row-major, and their dimensions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor<'a> {
    /// The dimensions; none for a single number.
    pub shape: &'a [u64],
    /// The elements, as many as the dimensions say.
    pub values: &'a [f32],
}

impl Factor<'_> {
    /// The first dimension; 1 for a single number.
    pub fn rows(&self) -> usize {
        self.shape.first().map_or(1, |rows| *rows as usize)
    }

    /// The product of the dimensions behind the first.
    pub fn columns(&self) -> usize {
        self.values.len() / self.rows().max(1)
    }

    /// Whether there are as many elements as the dimensions say, and at least one.
    pub(super) fn check(&self) -> Result<(), String> {
        let elements = self.shape.iter().try_fold(1_u64, |n, d| n.checked_mul(*d));
        match elements {
            Some(0) | None => Err(format!("a factor of shape {:?} is empty", self.shape)),
            Some(elements) if elements != self.values.len() as u64 => Err(format!(
                "a factor of shape {:?} has {} elements",
                self.shape,
                self.values.len()
            )),
            Some(_) => Ok(()),
        }
    }

    /// The elements with rows and columns exchanged.
    pub(super) fn flipped(&self) -> Vec<f32> {
        let (rows, columns) = (self.rows(), self.columns());
        let mut flipped = vec![0.0; rows * columns];
        for (row, values) in self.values.chunks_exact(columns.max(1)).enumerate() {
            for (column, value) in values.iter().enumerate() {
                flipped[column * rows + row] = *value;
            }
        }
        flipped
    }
}
