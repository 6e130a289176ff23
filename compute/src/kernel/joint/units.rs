//! Hidden units: entries of several tensors' dimensions that may be permuted together, and the
//! model computes the same.

use crate::figures::counted;

/// Where the units lie in one of the tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// Which tensor.
    pub tensor: usize,
    /// Along which of its dimensions.
    pub axis: usize,
    /// They begin at so many times their number: queries, keys and values may lie in one tensor.
    pub block: u64,
}

/// Units of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Units {
    /// Runs of equal length that are permuted each by itself: heads.
    pub runs: u64,
    /// How many times the units the first member's dimension has room for.
    pub blocks: u64,
    /// Where they lie.
    pub members: Vec<Member>,
}

impl Units {
    /// How many there are, given the tensors' shapes.
    pub(super) fn count(&self, shapes: &[Vec<u64>]) -> u64 {
        let first = self.members.first();
        let along = first.and_then(|first| shapes.get(first.tensor)?.get(first.axis));
        along.map_or(0, |along| along / self.blocks)
    }

    /// How many a run has.
    pub(super) fn width(&self, shapes: &[Vec<u64>]) -> u64 {
        self.count(shapes) / self.runs
    }

    /// Says what does not fit.
    pub(super) fn check(&self, shapes: &[Vec<u64>]) -> Result<(), String> {
        let count = self.count(shapes);
        if count == 0 || !count.is_multiple_of(self.runs) {
            let runs = counted(self.runs, "run");
            return Err(format!("have {count} units, which do not make {runs}"));
        }
        if u32::try_from(count).is_err() {
            return Err(format!("have {count} units, more than 32 bits count"));
        }
        let room = |member: &&Member| {
            let along = shapes.get(member.tensor).and_then(|s| s.get(member.axis));
            along.is_some_and(|along| (member.block + 1) * count <= *along)
        };
        match self.members.iter().all(|member| room(&member)) {
            true => Ok(()),
            false => Err(format!("do not all have {count} units")),
        }
    }

    /// The numbers that tell them from others.
    pub(super) fn numbers(&self) -> Vec<u64> {
        let members = self.members.iter();
        let members = members.flat_map(|own| [own.tensor as u64, own.axis as u64, own.block]);
        [self.runs, self.blocks]
            .into_iter()
            .chain(members)
            .collect()
    }
}
