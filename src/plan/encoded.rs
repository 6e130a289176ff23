//! Results that are stored as codes.

use super::{Codes, Input, JobId};
use crate::dtype::Float;
use crate::format::Part;
use crate::format::encode::Encoding;
use crate::kernel::{OnOverflow, ScalarId, TILE};

/// Bytes of a result that is to be encoded.
const RESULT_BYTES: u64 = size_of::<f32>() as u64;

/// How a computed tensor is stored as codes.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// How its numbers become codes.
    pub encoding: Encoding,
    /// Whether infinities and NaN among the results are wanted.
    pub on_overflow: OnOverflow,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// The names of its entries, in the order of the format's parts.
    pub names: Vec<String>,
    /// The jobs that stand for them.
    pub jobs: Vec<JobId>,
    /// The tensor that it goes out from, with the type of its elements.
    pub base: Option<(Input, Float)>,
    /// Where that is stored in the same way, its codes: they are taken over where the result is
    /// the same.
    pub kept: Option<Codes>,
}

/// Which numbers of a row tell what must be known of a whole tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Largest {
    /// The largest magnitude of the result.
    pub result: ScalarId,
    /// The largest magnitude of its difference to the base.
    pub change: Option<ScalarId>,
}

impl Encoded {
    /// Its elements.
    fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Elements of one of its matrices.
    pub fn matrix(&self) -> u64 {
        let last = self.shape.len().saturating_sub(2);
        self.shape[last..].iter().product::<u64>().max(1)
    }

    /// Its entries as they are stored.
    pub fn parts(&self) -> Vec<Part> {
        self.encoding.format.parts(&self.shape)
    }

    /// Elements of which a multiple is cut from it: whole tiles, and codes that are made together.
    pub fn grain(&self) -> u64 {
        let tile = TILE as u64;
        let band = match self.encoding.each && self.encoding.needs_largest() {
            // Its largest magnitude is found when all of it is there.
            true => self.matrix(),
            false => self.encoding.band(&self.shape).max(1),
        };
        let common = band.checked_mul(tile / gcd(band, tile));
        let all = self.elements().next_multiple_of(tile).max(tile);
        common.map_or(all, |common| common.min(all))
    }

    /// Bytes of results that are held at least until they are encoded.
    pub fn least_bytes(&self) -> u64 {
        self.grain()
            .min(self.elements())
            .saturating_mul(RESULT_BYTES)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    match b {
        0 => a,
        _ => gcd(b, a % b),
    }
}
