//! Regression mean: linear layers that come nearest to what each model's makes of its own inputs.

use super::{Joined, JointOp};
use crate::kernel::linear::{Cholesky, Loops, Matrix, View, add_product, bytes, cholesky_bytes};

/// W = Σ Wᵢ Gᵢ (Σ Gᵢ)⁻¹, where Gᵢ is the sum of x xᵀ over inputs x of model i's layer, entries
/// outside its diagonal scaled.
///
/// Values: of each model its weights, rows of outputs, and its G. Where the inputs of all models
/// determine nothing, an input that is always zero, the result is the models' mean. Source: Jin et
/// al., arXiv:2212.09849, eq. 2 and § 4.1.
#[derive(Clone, Copy, Debug)]
pub struct RegMean {
    /// What entries outside the diagonals are multiplied by.
    pub scale: f64,
}

/// Outputs and inputs of a layer: all dimensions behind the first are of inputs.
fn sides(shape: &[u64]) -> [u64; 2] {
    let (rows, columns) = shape.split_at(1.min(shape.len()));
    [rows.iter().product(), columns.iter().product()]
}

impl JointOp for RegMean {
    fn name(&self) -> &'static str {
        "regmean"
    }

    fn purpose(&self) -> &'static str {
        "solve the regression of"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.scale.to_bits()]
    }

    fn moves(&self) -> bool {
        false
    }

    fn check(&self, shapes: &[Vec<u64>]) -> Result<(), String> {
        let own = shapes.first().map_or(&[][..], Vec::as_slice);
        let [_, columns] = sides(own);
        for pair in shapes.chunks(2) {
            if pair[0] != own || own.len() < 2 {
                return Err("are not all matrices of one shape".to_owned());
            }
            if pair
                .get(1)
                .is_none_or(|statistics| *statistics != [columns, columns])
            {
                return Err(format!(
                    "have no statistics of shape [{columns}, {columns}]"
                ));
            }
        }
        Ok(())
    }

    fn working_bytes(&self, shapes: &[Vec<u64>]) -> u64 {
        let [rows, columns] = shapes.first().map_or([0, 0], |shape| sides(shape));
        let whole = bytes(&[(columns, columns), (2 * rows, columns)]);
        whole.saturating_add(cholesky_bytes(rows, columns))
    }

    fn run(
        &self,
        loops: &dyn Loops,
        shapes: &[Vec<u64>],
        values: Vec<Vec<f32>>,
        _: usize,
    ) -> Joined {
        let [rows, columns] = sides(&shapes[0]).map(|side| side as usize);
        let mut sum = Matrix::zeros(columns, columns);
        let mut wanted = Matrix::zeros(rows, columns);
        let mut mean = Matrix::zeros(rows, columns);
        let share = 2.0 / values.len() as f64;
        for pair in values.chunks(2) {
            let weights = View::new(&pair[0], rows, columns);
            let gram = View::new(&pair[1], columns, columns);
            add_product(loops, &mut wanted, (0, 0), self.scale, (weights, gram));
            for row in 0..rows {
                let entries = wanted.row_mut(row).iter_mut().zip(mean.row_mut(row));
                for (column, (wanted, mean)) in entries.enumerate() {
                    let weight = weights.at(row, column);
                    *wanted += (1.0 - self.scale) * weight * gram.at(column, column);
                    *mean += share * weight;
                }
            }
            for row in 0..columns {
                for (column, sum) in sum.row_mut(row).iter_mut().enumerate() {
                    let scale = if row == column { 1.0 } else { self.scale };
                    *sum += scale * gram.at(row, column);
                }
            }
        }
        drop(values);
        // What is solved for is how far the result is from the mean, which is none where nothing
        // determines it.
        add_product(loops, &mut wanted, (0, 0), -1.0, (mean.view(), sum.view()));
        Cholesky::of(loops, sum).solve(loops, &mut wanted);
        mean.add(&wanted, 1.0);
        Joined::Values(mean.data().iter().map(|own| *own as f32).collect())
    }
}
