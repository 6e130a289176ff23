//! Task vectors merged in the directions of their singular vectors.

mod joined;
mod knots;
mod truncated;

use super::low_rank::sides;
use crate::kernel::HostOp;
use crate::kernel::linear::{
    Loops, Matrix, PRODUCT_BYTES, View, bytes, eigen_bytes, leading_bytes, polar_bytes,
    round_product, rounded_bytes,
};

/// How task vectors become one. Values: the task vectors, matrices of the first dimension and all
/// others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Subspace {
    /// An equal share of each one's leading singular vectors, made orthonormal. Source: TSV-M,
    /// arXiv:2412.00081, `compute_and_sum_svd_mem_reduction` of its code.
    TaskSingular,
    /// The sum with equal singular values. Source: Iso-C, arXiv:2502.04959, `iso_c` of its code.
    Isotropic,
    /// The leading directions of the sum, and each one's leading directions beside these, made
    /// orthonormal, with equal singular values. Source: Iso-CTS, arXiv:2502.04959, `iso_cts` of its
    /// code.
    CommonAndSpecific {
        /// The share of the directions that are the sum's.
        common: f64,
    },
    /// The mean of each one's leading directions, scaled up to the sum of its singular values.
    /// Source: STAR, arXiv:2502.10339, `star` of its code.
    Truncated {
        /// The share of the sum of singular values that is kept.
        energy: f64,
    },
    /// TIES of the scaled right singular vectors of all that lie side by side. Source: KnOTS-TIES,
    /// arXiv:2410.19735, `SVDMerger` of its code with `s_on_V`.
    Aligned {
        /// The share of each one's entries that is kept.
        density: f64,
    },
}

/// Task vectors of one tensor.
struct Tasks<'a> {
    values: &'a [Vec<f32>],
    rows: usize,
    columns: usize,
}

impl<'a> Tasks<'a> {
    fn all(&self) -> impl Iterator<Item = View<'a, f32>> {
        let (rows, columns) = (self.rows, self.columns);
        let values = self.values.iter();
        values.map(move |own| View::new(own, rows, columns))
    }

    /// Directions that a matrix has.
    fn directions(&self) -> usize {
        self.rows.min(self.columns)
    }

    fn sum(&self) -> Matrix {
        let mut sum = Matrix::zeros(self.rows, self.columns);
        for own in self.values {
            let pairs = sum.data_mut().iter_mut().zip(own);
            pairs.for_each(|(sum, x)| *sum += f64::from(*x));
        }
        sum
    }
}

/// Two factors of a matrix.
struct Pair {
    left: Matrix,
    right: Matrix,
}

impl HostOp for Subspace {
    fn name(&self) -> &'static str {
        match self {
            Subspace::TaskSingular => "task singular vectors",
            Subspace::Isotropic => "isotropic sum",
            Subspace::CommonAndSpecific { .. } => "common and specific directions",
            Subspace::Truncated { .. } => "truncated spectra",
            Subspace::Aligned { .. } => "aligned vectors",
        }
    }

    fn purpose(&self) -> &'static str {
        "find the singular vectors of"
    }

    fn numbers(&self) -> Vec<u64> {
        match self {
            Subspace::TaskSingular | Subspace::Isotropic => Vec::new(),
            Subspace::CommonAndSpecific { common: number }
            | Subspace::Truncated { energy: number }
            | Subspace::Aligned { density: number } => vec![number.to_bits()],
        }
    }

    fn working_bytes(&self, shape: &[u64], values: u64) -> u64 {
        let [rows, columns] = sides(shape);
        let least = rows.min(columns);
        let both = (least, rows.saturating_add(columns));
        let orthonormal = polar_bytes(rows, least).max(polar_bytes(columns, least));
        let leading = leading_bytes(rows, columns);
        let found = bytes(&[both]).saturating_add(leading);
        let own = match self {
            Subspace::Isotropic => {
                bytes(&[(rows, columns)]).saturating_add(polar_bytes(rows, columns))
            }
            Subspace::TaskSingular => bytes(&[both; 2]).saturating_add(found.max(orthonormal)),
            Subspace::CommonAndSpecific { .. } => {
                let sums = bytes(&[both, both, both, (rows, 2 * columns)]);
                sums.saturating_add(found.max(orthonormal))
            }
            Subspace::Truncated { .. } => bytes(&[(rows, columns)]).saturating_add(found),
            Subspace::Aligned { .. } => {
                let count = rows.min(values.saturating_mul(columns));
                let parts = (values.saturating_add(2).saturating_mul(count), columns);
                let vectors = (rows, count.saturating_add(rows));
                eigen_bytes(rows).saturating_add(bytes(&[parts, vectors]))
            }
        };
        let rounded = rounded_bytes(columns);
        own.saturating_add(rounded).saturating_add(PRODUCT_BYTES)
    }

    fn run(&self, loops: &dyn Loops, shape: &[u64], values: Vec<Vec<f32>>) -> Vec<f32> {
        let [rows, columns] = sides(shape).map(|n| n as usize);
        let mut out = vec![0.0; rows * columns];
        if !values.iter().flatten().all(|x| x.is_finite()) {
            out.fill(f32::NAN);
            return out;
        }
        let tasks = Tasks {
            values: &values,
            rows,
            columns,
        };
        match *self {
            Subspace::TaskSingular => joined::task_singular(loops, &tasks).round(loops, &mut out),
            Subspace::CommonAndSpecific { common } => {
                let pair = joined::common_and_specific(loops, &tasks, common);
                pair.round(loops, &mut out);
            }
            Subspace::Isotropic => write(&joined::isotropic(loops, &tasks), &mut out),
            Subspace::Truncated { energy } => {
                write(&truncated::mean(loops, &tasks, energy), &mut out);
            }
            Subspace::Aligned { density } => {
                knots::aligned(loops, &tasks, density).round(loops, &mut out);
            }
        }
        out
    }
}

impl Pair {
    fn round(&self, loops: &dyn Loops, out: &mut [f32]) {
        round_product(loops, (self.left.view(), self.right.view()), out);
    }
}

fn write(matrix: &Matrix, out: &mut [f32]) {
    for (place, entry) in out.iter_mut().zip(matrix.data()) {
        *place = *entry as f32;
    }
}
