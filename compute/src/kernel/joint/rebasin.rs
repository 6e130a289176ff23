//! Git Re-Basin: hidden units in the order of another model's.

use std::ops::Range;

use super::permute::orders;
use super::{Joined, JointOp, Units};
use crate::kernel::linear::{
    Loops, Matrix, PRODUCT_BYTES, View, add_product, assignment, assignment_bytes, bytes,
};

/// Puts the units of a layer into the order in which their weights are most like those of a
/// reference: of all orders the one with the greatest sum of products.
///
/// Values: the tensors of the layer, then those of the reference's. Units of one layer share no
/// entry, so that one assignment for each run finds the best order, and nothing is to be repeated.
/// Source: Ainsworth, Hayase and Srinivasa, arXiv:2209.04836, § 3.2; sd-mecha `rebasin`.
#[derive(Clone, Debug)]
pub struct Rebasin {
    /// The units of the layer.
    pub units: Vec<Units>,
}

/// Some entries of a tensor along a dimension as a matrix, a row each; other dimensions are flat.
/// Of dimensions behind the first only the second of a matrix is one of units.
fn rows<'v>(
    values: &'v [f32],
    (shape, axis): (&[u64], usize),
    wanted: Range<usize>,
) -> View<'v, f32> {
    let first = shape.first().copied().unwrap_or(1) as usize;
    let others = values.len() / first.max(1);
    let flat = View::new(values, first, others);
    match axis {
        0 => flat.part(wanted, 0..others),
        _ => flat.turned().part(wanted, 0..first),
    }
}

impl JointOp for Rebasin {
    fn name(&self) -> &'static str {
        "rebasin"
    }

    fn purpose(&self) -> &'static str {
        "find the order of the units of"
    }

    fn numbers(&self) -> Vec<u64> {
        self.units.iter().flat_map(Units::numbers).collect()
    }

    fn moves(&self) -> bool {
        true
    }

    fn check(&self, shapes: &[Vec<u64>]) -> Result<(), String> {
        let (own, reference) = shapes.split_at(shapes.len() / 2);
        if own != reference {
            return Err("have other shapes in the reference".to_owned());
        }
        let mut members = self.units.iter().flat_map(|units| &units.members);
        if members.any(|own| own.axis > 0 && shapes[own.tensor].len() != 2) {
            return Err("are no matrices".to_owned());
        }
        self.units.iter().try_for_each(|units| units.check(own))
    }

    fn working_bytes(&self, shapes: &[Vec<u64>]) -> u64 {
        let widths = self.units.iter().map(|units| units.width(shapes));
        let widest = widths.max().unwrap_or(0);
        let all = bytes(&[(widest, widest)]).saturating_add(assignment_bytes(widest));
        all.saturating_add(PRODUCT_BYTES)
    }

    fn run(
        &self,
        loops: &dyn Loops,
        shapes: &[Vec<u64>],
        values: Vec<Vec<f32>>,
        _: usize,
    ) -> Joined {
        let (shapes, _) = shapes.split_at(shapes.len() / 2);
        let (own, reference) = values.split_at(shapes.len());
        orders(&self.units, shapes, |number, run| {
            let units = &self.units[number];
            let (count, width) = (units.count(shapes), units.width(shapes));
            let mut gain = Matrix::zeros(width as usize, width as usize);
            for member in &units.members {
                let first = (member.block * count + run * width) as usize;
                let along = (shapes[member.tensor].as_slice(), member.axis);
                let part = |values| rows(values, along, first..first + width as usize);
                let (a, b) = (part(&own[member.tensor]), part(&reference[member.tensor]));
                add_product(loops, &mut gain, (0, 0), 1.0, (a, b.turned()));
            }
            let mut places = vec![0; width as usize];
            for (unit, place) in (0..).zip(assignment(&gain)) {
                places[place] = unit;
            }
            places
        })
    }
}
