//! A delta made of factors.

/// A matrix, as an adapter holds it. Dimensions behind the second belong to the columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Matrix<L> {
    /// As it is.
    Whole(L),
    /// \[m, r\] times \[r, n, …\].
    Product {
        /// \[m, r\], further dimensions being 1.
        up: L,
        /// \[r, n, …\].
        down: L,
    },
    /// Σ over i and j of core\[i, j, …\] up\[i, m\] down\[j, n\]: \[m, n, …\].
    Tucker {
        /// \[i, j, …\].
        core: L,
        /// \[i, m\], or \[m, i\].
        up: L,
        /// \[j, n\].
        down: L,
        /// Whether `up` is \[m, i\].
        rows_first: bool,
    },
}

/// The difference of one tensor: a matrix, or the Kronecker product of two, scaled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delta<L> {
    /// The left operand of the Kronecker product, if it is one.
    pub outer: Option<Matrix<L>>,
    /// The matrix; the right operand.
    pub inner: Matrix<L>,
    /// A number that is divided by the rank and multiplied with the whole.
    pub alpha: Option<L>,
}

impl<L> Matrix<L> {
    /// The factors.
    pub fn factors(&self) -> Vec<&L> {
        match self {
            Matrix::Whole(whole) => vec![whole],
            Matrix::Product { up, down } => vec![up, down],
            Matrix::Tucker { core, up, down, .. } => vec![core, up, down],
        }
    }

    /// The matrix with every factor replaced; None where one has no replacement.
    fn try_map<M>(&self, with: &mut impl FnMut(&L) -> Option<M>) -> Option<Matrix<M>> {
        Some(match self {
            Matrix::Whole(whole) => Matrix::Whole(with(whole)?),
            Matrix::Product { up, down } => Matrix::Product {
                up: with(up)?,
                down: with(down)?,
            },
            Matrix::Tucker {
                core,
                up,
                down,
                rows_first,
            } => Matrix::Tucker {
                core: with(core)?,
                up: with(up)?,
                down: with(down)?,
                rows_first: *rows_first,
            },
        })
    }
}

impl<L> Delta<L> {
    /// The factors, and alpha.
    pub fn factors(&self) -> Vec<&L> {
        let matrices = self.outer.iter().chain([&self.inner]);
        matrices
            .flat_map(Matrix::factors)
            .chain(&self.alpha)
            .collect()
    }

    /// The delta with every factor replaced; None where one has no replacement.
    pub fn try_map<M>(&self, mut with: impl FnMut(&L) -> Option<M>) -> Option<Delta<M>> {
        Some(Delta {
            outer: match &self.outer {
                Some(outer) => Some(outer.try_map(&mut with)?),
                None => None,
            },
            inner: self.inner.try_map(&mut with)?,
            alpha: match &self.alpha {
                Some(alpha) => Some(with(alpha)?),
                None => None,
            },
        })
    }
}
