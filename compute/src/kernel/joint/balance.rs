//! The heads of an attention, balanced between the two matrices of a product.

use super::{Joined, JointOp};
use crate::kernel::linear::{
    Eigen, Loops, Matrix, PRODUCT_BYTES, View, bytes, eigen_bytes, gram, product,
};

/// Rows of a head.
const HEAD: usize = 64;

/// What keeps eigenvalues from zero.
const EPS: f64 = 1e-6;

/// One of the two matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Side {
    /// Which tensor.
    pub weight: usize,
    /// Whether heads lie along its second dimension.
    pub turned: bool,
    /// Which part of its heads they are.
    pub block: usize,
    /// How many there are.
    pub blocks: usize,
    /// The tensor of its biases: one more column.
    pub bias: Option<usize>,
}

/// Queries and keys, or values and outputs: of each head S q and S⁻¹ k, which have the products of
/// q and k. S = a^-½ (a^½ b a^½)^½ a^-½ of a = q qᵀ and b = k kᵀ, so that S a S is b: what was the
/// size of one is that of the other.
///
/// Eigenvalues are 1e-6 at least, and 1e-6 is added to a row of a and b whose number is the head's.
/// Source: sd-mecha `balance_attention`.
#[derive(Clone, Debug)]
pub struct Balance {
    /// The two matrices of each product.
    pub pairs: Vec<[Side; 2]>,
}

/// The entries of some heads.
struct Heads<'v> {
    side: Side,
    weight: View<'v, f32>,
    bias: Option<&'v [f32]>,
    /// The row of the first.
    first: usize,
    /// Columns of the weight.
    columns: usize,
}

impl<'v> Heads<'v> {
    fn of(side: Side, shapes: &[Vec<u64>], values: &'v [Vec<f32>]) -> Heads<'v> {
        let [rows, columns] = sizes(&side, shapes);
        let flat = &values[side.weight];
        let weight = match side.turned {
            false => View::new(flat, rows, columns),
            true => View::new(flat, columns, rows).turned(),
        };
        Heads {
            side,
            weight,
            bias: side.bias.map(|bias| values[bias].as_slice()),
            first: side.block * (rows / side.blocks),
            columns,
        }
    }

    /// A head, the biases last.
    fn head(&self, number: usize) -> Matrix {
        let first = self.first + number * HEAD;
        let columns = self.columns + usize::from(self.bias.is_some());
        Matrix::from_fn(HEAD, columns, |row, column| match self.bias {
            Some(bias) if column == self.columns => f64::from(bias[first + row]),
            _ => self.weight.at(first + row, column),
        })
    }

    /// Puts a head into the tensor `part`.
    fn put(&self, number: usize, head: &Matrix, part: usize, out: &mut [f32]) {
        let first = self.first + number * HEAD;
        let rows = out.len() / self.columns;
        for row in 0..HEAD {
            let (own, at) = (head.row(row), first + row);
            if self.side.bias == Some(part) {
                out[at] = own[self.columns] as f32;
                continue;
            }
            for (column, value) in own[..self.columns].iter().enumerate() {
                let place = match self.side.turned {
                    false => at * self.columns + column,
                    true => column * rows + at,
                };
                out[place] = *value as f32;
            }
        }
    }
}

/// Rows, of which heads are some, and columns.
fn sizes(side: &Side, shapes: &[Vec<u64>]) -> [usize; 2] {
    let shape = &shapes[side.weight];
    let rows = shape.get(usize::from(side.turned)).copied().unwrap_or(0);
    let all: u64 = shape.iter().product();
    [rows as usize, (all / rows.max(1)) as usize]
}

/// A power of a symmetric matrix, whose eigenvalues count as [`EPS`] at least.
fn power(loops: &dyn Loops, eigen: &Eigen, function: impl Fn(f64) -> f64) -> Matrix {
    let values: Vec<f64> = eigen
        .values
        .iter()
        .map(|own| function(own.max(EPS)))
        .collect();
    let count = eigen.vectors.columns();
    let scaled = Matrix::from_fn(values.len(), count, |row, column| {
        values[row] * eigen.vectors.row(row)[column]
    });
    product(loops, eigen.vectors.turned(), scaled.view())
}

/// The symmetric matrix of a lower half.
fn symmetric(matrix: &Matrix) -> Matrix {
    Matrix::from_fn(HEAD, HEAD, |row, column| {
        matrix.row(row.max(column))[row.min(column)]
    })
}

/// q qᵀ, with what is added to it.
fn shifted(loops: &dyn Loops, head: &Matrix, number: usize) -> Matrix {
    let mut all = gram(loops, head.view());
    if number < HEAD {
        all.row_mut(number).iter_mut().for_each(|own| *own += EPS);
    }
    all
}

/// S and its inverse.
fn turns(loops: &dyn Loops, [q, k]: [&Matrix; 2], number: usize) -> [Matrix; 2] {
    let a = Eigen::of(loops, symmetric(&shifted(loops, q, number)));
    let (half, back) = (
        power(loops, &a, f64::sqrt),
        power(loops, &a, |own| 1.0 / own.sqrt()),
    );
    let between = |outer: &Matrix, inner: &Matrix| {
        let left = product(loops, outer.view(), inner.view());
        product(loops, left.view(), outer.view())
    };
    let c = between(&half, &shifted(loops, k, number));
    let c = Eigen::of(loops, symmetric(&c));
    let roots = [
        power(loops, &c, f64::sqrt),
        power(loops, &c, |own| 1.0 / own.sqrt()),
    ];
    [between(&back, &roots[0]), between(&half, &roots[1])]
}

impl JointOp for Balance {
    fn name(&self) -> &'static str {
        "balance_attention"
    }

    fn purpose(&self) -> &'static str {
        "balance the heads of"
    }

    fn numbers(&self) -> Vec<u64> {
        let sides = self.pairs.iter().flatten();
        let numbers = sides.flat_map(|side| {
            let bias = side.bias.map_or(u64::MAX, |bias| bias as u64);
            let turned = u64::from(side.turned);
            [
                side.weight as u64,
                turned,
                side.block as u64,
                side.blocks as u64,
                bias,
            ]
        });
        numbers.collect()
    }

    fn moves(&self) -> bool {
        false
    }

    fn check(&self, shapes: &[Vec<u64>]) -> Result<(), String> {
        for pair in &self.pairs {
            let [first, second] = pair.map(|side| sizes(&side, shapes)[0] / side.blocks);
            if first != second || !first.is_multiple_of(HEAD) || first == 0 {
                return Err(format!(
                    "have {first} and {second} rows, not the same heads of {HEAD}"
                ));
            }
            for side in pair {
                let rows = sizes(side, shapes)[0];
                let bias = side.bias.map(|bias| shapes[bias].iter().product::<u64>());
                if bias.is_some_and(|bias| bias != rows as u64) {
                    return Err(format!("have {rows} rows, but not as many biases"));
                }
            }
        }
        Ok(())
    }

    fn working_bytes(&self, shapes: &[Vec<u64>]) -> u64 {
        let sides = self.pairs.iter().flatten();
        let widest = sides.map(|side| sizes(side, shapes)[1] as u64).max();
        let head = HEAD as u64;
        let heads = bytes(&[(4 * head, widest.unwrap_or(0) + 1), (16 * head, head)]);
        heads
            .saturating_add(2 * eigen_bytes(head))
            .saturating_add(PRODUCT_BYTES)
    }

    fn run(
        &self,
        loops: &dyn Loops,
        shapes: &[Vec<u64>],
        values: Vec<Vec<f32>>,
        part: usize,
    ) -> Joined {
        let mut out = values[part].clone();
        for pair in &self.pairs {
            let holds = pair.map(|side| side.weight == part || side.bias == Some(part));
            if holds == [false, false] {
                continue;
            }
            let sides = pair.map(|side| Heads::of(side, shapes, &values));
            let rows = sizes(&pair[0], shapes)[0] / pair[0].blocks;
            for number in 0..rows / HEAD {
                let heads = [sides[0].head(number), sides[1].head(number)];
                let turns = turns(loops, [&heads[0], &heads[1]], number);
                let both = sides.iter().zip(&heads).zip(&turns).zip(holds);
                for (((side, head), turn), _) in both.filter(|(_, holds)| *holds) {
                    let turned = product(loops, turn.view(), head.view());
                    side.put(number, &turned, part, &mut out);
                }
            }
        }
        Joined::Values(out)
    }
}
