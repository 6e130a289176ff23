//! Tensors of one name and several shapes: what all have, and what only some have.
//!
//! An element that every tensor has is merged as always. One that only some have is merged from
//! those, and one that a single tensor has is that tensor's. Elements with the same owners are what
//! is left of a box, whose corner is the first element, when the boxes of more owners are cut off
//! it: written in the order of their owners' number, each region only needs to know its box.

use crate::recipe::broadcast;

/// Elements with the same owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// Which tensors have them.
    pub(super) owners: Vec<bool>,
    /// What their owners have in common. What has more owners lies in it too and comes later.
    pub(super) within: Vec<u64>,
}

impl Region {
    /// How many tensors have its elements.
    pub(super) fn count(&self) -> usize {
        self.owners.iter().filter(|owns| **owns).count()
    }

    /// The elements of its box.
    pub(super) fn elements(&self) -> u64 {
        self.within.iter().product()
    }
}

/// Tensors of one rank side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The smallest shape that has room for all.
    pub(super) shape: Vec<u64>,
    /// The regions, those with fewer owners first.
    pub(super) regions: Vec<Region>,
}

/// Corners that are looked at; shapes with more are not fitted to each other.
const CORNERS_MAX: usize = 1 << 16;

impl Frame {
    /// The frame of shapes that are repeated to a common one, of which all have all elements; None
    /// where there is none.
    pub(super) fn repeated(shapes: &[Vec<u64>]) -> Option<Frame> {
        let (first, others) = shapes.split_first()?;
        let shape = others
            .iter()
            .try_fold(first.clone(), |shape, own| broadcast(&shape, own))?;
        shape
            .iter()
            .try_fold(8_u64, |bytes, &n| bytes.checked_mul(n))?;
        Some(Frame {
            shape,
            regions: Vec::new(),
        })
    }

    /// The frame of shapes of one rank; None where it has more elements than 64 bits count, or more
    /// regions than anyone needs.
    pub(super) fn of(shapes: &[Vec<u64>]) -> Option<Frame> {
        let rank = shapes.iter().map(Vec::len).max()?;
        let shape: Vec<u64> = (0..rank)
            .map(|axis| shapes.iter().map(|shape| shape[axis]).max())
            .collect::<Option<_>>()?;
        shape
            .iter()
            .try_fold(8_u64, |bytes, &n| bytes.checked_mul(n))?;
        let mut regions: Vec<Region> = Vec::new();
        for last in corners(shapes, rank)? {
            let has = |own: &Vec<u64>| own.iter().zip(&last).all(|(own, end)| own >= end);
            let owners: Vec<bool> = shapes.iter().map(has).collect();
            let known = regions.iter().any(|region| region.owners == owners);
            if known || !owners.contains(&true) {
                continue;
            }
            let own = || shapes.iter().zip(&owners).filter(|(_, owns)| **owns);
            let within = (0..rank)
                .map(|axis| own().map(|(shape, _)| shape[axis]).min())
                .collect::<Option<_>>()?;
            regions.push(Region { owners, within });
        }
        regions.sort_by_key(Region::count);
        Some(Frame { shape, regions })
    }
}

/// The ends of every box that the shapes cut out of each other.
fn corners(shapes: &[Vec<u64>], rank: usize) -> Option<Vec<Vec<u64>>> {
    let mut corners: Vec<Vec<u64>> = vec![Vec::new()];
    for axis in 0..rank {
        let mut ends: Vec<u64> = shapes.iter().map(|shape| shape[axis]).collect();
        ends.retain(|end| *end > 0);
        ends.sort_unstable();
        ends.dedup();
        if corners.len() * ends.len() > CORNERS_MAX {
            return None;
        }
        let longer = corners.iter().flat_map(|corner| {
            let longer = ends.iter().map(move |end| [corner, &[*end][..]].concat());
            longer.collect::<Vec<_>>()
        });
        corners = longer.collect();
    }
    Some(corners)
}
