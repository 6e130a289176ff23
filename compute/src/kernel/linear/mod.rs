//! Linear algebra of dense matrices in f64, whose bits are the same on every machine.
//!
//! Libraries choose their instructions, and with them the order of their sums, by the machine that
//! they run on. Here every sum has one order, nothing is contracted, and what is not exact (square
//! roots, quotients) is what IEEE 754 says. Iterations are bounded whatever the values are; entries
//! must be finite.

mod assignment;
mod cholesky;
mod eigen;
mod leading;
pub mod loops;
mod matrix;
mod nearest;
mod normal;
mod polar;
mod power;
mod product;
mod reflectors;
mod rotations;
mod stiefel;
mod triangle;
mod tridiagonal;
mod truncated;

pub use assignment::{assignment, bytes as assignment_bytes};
pub use cholesky::{Cholesky, bytes as cholesky_bytes};
pub use eigen::{Eigen, bytes as eigen_bytes};
pub use leading::{Leading, bytes as leading_bytes};
pub use loops::Loops;
pub use matrix::{Matrix, View, bytes};
pub use nearest::{orthogonal, rotation};
pub use normal::{normal, spread};
pub use polar::{bytes as polar_bytes, polar, rank};
pub use power::{exponential, logarithm, power};
pub use product::{
    BYTES as PRODUCT_BYTES, add_product, gram, product, round_product, rounded_bytes,
};
pub use stiefel::Way;
pub use triangle::Triangle;
pub use truncated::{Basis, bytes as truncated_bytes, directions};
