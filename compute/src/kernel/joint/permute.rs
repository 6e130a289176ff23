//! Permutations of hidden units as orders of tensors.

use super::{Joined, Order, Units};

/// The orders of tensors of these shapes, where none is permuted.
pub(super) fn unmoved(units: &[Units], shapes: &[Vec<u64>]) -> Vec<Order> {
    let order = |(tensor, shape): (usize, &Vec<u64>)| {
        let mut members = units.iter().flat_map(|units| &units.members);
        let axis = members.find(|own| own.tensor == tensor);
        let axis = axis.map_or(0, |own| own.axis);
        let along = shape.get(axis).copied().unwrap_or(0);
        Order {
            axis,
            // What is permuted has no more entries than 32 bits count.
            from: (0..u32::try_from(along).unwrap_or(0)).collect(),
        }
    };
    shapes.iter().enumerate().map(order).collect()
}

/// The orders of tensors whose units are permuted: of each run of each of the units, by
/// their number, `places` says which unit each place gets.
pub(super) fn orders(
    units: &[Units],
    shapes: &[Vec<u64>],
    mut places: impl FnMut(usize, u64) -> Vec<u32>,
) -> Joined {
    let mut orders = unmoved(units, shapes);
    for (number, own) in units.iter().enumerate() {
        let (count, width) = (own.count(shapes), own.width(shapes));
        for run in 0..own.runs {
            let places = places(number, run);
            for member in &own.members {
                let first = member.block * count + run * width;
                let order = &mut orders[member.tensor].from[first as usize..];
                for (order, place) in order.iter_mut().zip(&places) {
                    *order = first as u32 + place;
                }
            }
        }
    }
    Joined::Orders(orders)
}
