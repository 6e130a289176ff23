//! A tensor's expression while it is built: a graph of values and of the statistics they need.
//!
//! Methods write into an [`Expression`]; equal nodes are shared. A statistic is a number (or a few)
//! about whole values: a magnitude threshold, sums. Its results are scalars that later nodes read,
//! so an expression orders itself into levels: the statistics of level 0 need only inputs, those of
//! level 1 may need results of level 0, and so on; the output comes last. [`Expression::program`]
//! extracts the straight-line Program of any of these.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::fusion::fuse;
use super::{
    Compute, Derive, End, Entry, Formula, Iterate, Kept, Kind, Made, Operand, Plane, Program, Row,
    Scope, Statistic, Step, Stream, Ties,
};
use crate::dtype::Float;

/// A value in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(pub(super) u16);

/// A tensor's expression.
#[derive(Clone, Debug, Default)]
pub struct Expression {
    compute: Compute,
    steps: IndexSet<Step, RandomState>,
    row: Row,
    /// For each scalar and cutoff, the statistic that fills it.
    scalar_source: Vec<Option<u16>>,
    cutoff_source: Vec<u16>,
    statistics: Vec<Statistic>,
    planes: Vec<Plane>,
    /// The first input slot that is not taken.
    next_slot: u16,
}

impl Expression {
    /// An empty expression in a working dtype.
    pub fn new(compute: Compute) -> Expression {
        Expression {
            compute,
            ..Expression::default()
        }
    }

    fn push(&mut self, step: Step) -> Node {
        let (number, _) = self.steps.insert_full(step);
        Node(u16::try_from(number).expect("fewer than 65536 steps"))
    }

    /// An input's element.
    pub fn load(&mut self, slot: u16, float: Float, entry: Entry) -> Node {
        self.next_slot = self.next_slot.max(slot + 1);
        self.push(Step::Load { slot, float, entry })
    }

    /// The first input slot that no value is loaded from.
    pub fn next_slot(&self) -> u16 {
        self.next_slot
    }

    /// An element of a plane of f32 that the host makes beside the inputs. The same plane is made
    /// once.
    pub fn make(&mut self, made: Made) -> Node {
        let known = self.planes.iter().find(|plane| plane.made.is_same(&made));
        let slot = match known {
            Some(plane) => plane.slot,
            None => {
                let slot = self.next_slot;
                self.planes.push(Plane { slot, made });
                slot
            }
        };
        self.load(slot, Float::F32, Entry::Kept)
    }

    /// The planes that the host makes, in the order in which they can be made.
    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// A random word for each element.
    pub fn word(&mut self, stream: Stream) -> Node {
        let known = self.row.streams.iter().position(|s| *s == stream);
        let index = known.unwrap_or_else(|| {
            self.row.streams.push(stream);
            self.row.streams.len() - 1
        });
        self.push(Step::Word {
            stream: index as u16,
        })
    }

    /// A constant of this tensor, rounded to the working dtype.
    pub fn scalar(&mut self, value: f64) -> Operand {
        let bits = self.compute.scalar(value);
        self.code(bits)
    }

    /// An integer of this tensor.
    pub fn code(&mut self, bits: u32) -> Operand {
        self.row.scalars.push(bits);
        self.scalar_source.push(None);
        Operand::Scalar((self.row.scalars.len() - 1) as u16)
    }

    /// A formula's value. The operands must be of its parameters' kinds.
    pub fn call(&mut self, formula: Formula, operands: &[Operand]) -> Node {
        let kinds = formula.parameters();
        assert_eq!(kinds.len(), operands.len(), "arguments of {formula:?}");
        for (kind, operand) in kinds.iter().zip(operands) {
            let fits = match kind {
                Kind::Lane => matches!(operand, Operand::Value(_)),
                Kind::Word => matches!(operand, Operand::Value(_) | Operand::Index),
                Kind::Scalar => matches!(operand, Operand::Scalar(_)),
                Kind::Code => matches!(operand, Operand::Scalar(_) | Operand::Cutoff(_)),
            };
            assert!(fits, "{operand:?} as {kind:?} of {formula:?}");
        }
        self.push(Step::Call {
            formula,
            operands: operands.to_vec(),
        })
    }

    /// Keeps the largest entries of a value, zero elsewhere.
    pub fn trim(&mut self, value: Node, kept: Kept, ties: Ties, scope: Scope) -> Node {
        if kept.is_all() {
            return value;
        }
        let statistic = self.statistics.len() as u16;
        let Operand::Scalar(threshold) = self.code(0) else {
            unreachable!("a code is a scalar")
        };
        self.scalar_source[usize::from(threshold)] = Some(statistic);
        self.row.cutoffs.push(u64::MAX);
        self.cutoff_source.push(statistic);
        let cutoff = (self.row.cutoffs.len() - 1) as u16;
        self.statistics.push(Statistic::Largest {
            value,
            kept,
            ties,
            scope,
            threshold,
            cutoff,
        });
        let operands = [
            value.into(),
            Operand::Index,
            Operand::Scalar(threshold),
            Operand::Cutoff(cutoff),
        ];
        self.call(Formula::Trim, &operands)
    }

    /// Scalars that `derive` makes from the sums of values over the tensor.
    pub fn sums(&mut self, values: &[Node], derive: Derive, count: u16) -> Vec<Operand> {
        let values = values.to_vec();
        self.found(count, |first| Statistic::Sums {
            values,
            derive,
            first,
            count,
        })
    }

    /// Scalars that an iteration over values finds.
    pub fn iterated(&mut self, values: &[Node], iterate: Iterate, count: u16) -> Vec<Operand> {
        let values = values.to_vec();
        self.found(count, |first| Statistic::Iterated {
            values,
            iterate,
            first,
            count,
        })
    }

    /// Scalars that a statistic fills in.
    fn found(&mut self, count: u16, statistic: impl FnOnce(u16) -> Statistic) -> Vec<Operand> {
        let number = self.statistics.len() as u16;
        let first = self.row.scalars.len() as u16;
        for _ in 0..count {
            self.row.scalars.push(0);
            self.scalar_source.push(Some(number));
        }
        self.statistics.push(statistic(first));
        (first..first + count).map(Operand::Scalar).collect()
    }

    /// The row as far as it is known before any statistic, the statistics and the planes.
    pub fn into_parts(self) -> (Row, Vec<Statistic>, Vec<Plane>) {
        (self.row, self.statistics, self.planes)
    }

    /// Whether it has the same steps as another, and neither has statistics or planes: then their
    /// values differ by their rows alone.
    pub fn is_plain_as(&self, other: &Expression) -> bool {
        let plain = |e: &Expression| e.statistics.is_empty() && e.planes.is_empty();
        let same = || self.steps.iter().eq(other.steps.iter());
        plain(self) && plain(other) && self.compute == other.compute && same()
    }

    /// The working dtype.
    pub fn compute(&self) -> Compute {
        self.compute
    }

    /// The statistics.
    pub fn statistics(&self) -> &[Statistic] {
        &self.statistics
    }

    /// Whether the value is an input's element as it is stored, untouched.
    pub fn untouched(&self, value: Node) -> Option<(u16, Float)> {
        match self.steps[usize::from(value.0)] {
            Step::Load { slot, float, .. } => Some((slot, float)),
            _ => None,
        }
    }

    /// The statistics that `roots` need, in levels: each level needs only those before it.
    pub fn levels(&self, roots: &[Node]) -> Vec<Vec<u16>> {
        let mut level_of = vec![None; self.statistics.len()];
        self.rank(roots, &mut level_of);
        let count = level_of
            .iter()
            .flatten()
            .max()
            .map_or(0, |&level| level + 1);
        let mut levels = vec![Vec::new(); count];
        for (statistic, level) in level_of.iter().enumerate() {
            if let Some(level) = level {
                levels[*level].push(statistic as u16);
            }
        }
        levels
    }

    /// Ranks the statistics under `roots`; returns the number of levels that they need.
    fn rank(&self, roots: &[Node], level_of: &mut [Option<usize>]) -> usize {
        let mut needed = 0;
        for statistic in self.sources(roots) {
            let index = usize::from(statistic);
            let level = level_of[index].unwrap_or_else(|| {
                let level = self.rank(self.statistics[index].values(), level_of);
                level_of[index] = Some(level);
                level
            });
            needed = needed.max(level + 1);
        }
        needed
    }

    /// The statistics whose results the values under `roots` read directly, or through planes.
    fn sources(&self, roots: &[Node]) -> Vec<u16> {
        let mut live = self.live(roots);
        // A plane is made of values of its own; later planes may read earlier ones.
        for plane in self.planes.iter().rev() {
            let loaded = self.steps.iter().zip(&live).any(|(step, live)| {
                *live && matches!(step, Step::Load { slot, .. } if *slot == plane.slot)
            });
            if loaded {
                let beneath = self.live(plane.made.values());
                live.iter_mut()
                    .zip(beneath)
                    .for_each(|(live, beneath)| *live |= beneath);
            }
        }
        let mut sources: Vec<u16> = self
            .steps
            .iter()
            .zip(live)
            .filter(|(_, live)| *live)
            .flat_map(|(step, _)| match step {
                Step::Call { operands, .. } => operands.as_slice(),
                _ => &[],
            })
            .filter_map(|operand| match operand {
                Operand::Scalar(scalar) => self.scalar_source[usize::from(*scalar)],
                Operand::Cutoff(cutoff) => Some(self.cutoff_source[usize::from(*cutoff)]),
                _ => None,
            })
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn live(&self, roots: &[Node]) -> Vec<bool> {
        let mut live = vec![false; self.steps.len()];
        for root in roots {
            live[usize::from(root.0)] = true;
        }
        for number in (0..self.steps.len()).rev() {
            if let (true, Step::Call { operands, .. }) = (live[number], &self.steps[number]) {
                for operand in operands {
                    if let Operand::Value(value) = operand {
                        live[usize::from(*value)] = true;
                    }
                }
            }
        }
        live
    }

    /// The Program that ends in `end`, whose values are nodes of this expression.
    pub fn program(&self, roots: &[Node], end: impl FnOnce(Vec<u16>) -> End) -> Program {
        let live = self.live(roots);
        let mut number_of = vec![u16::MAX; self.steps.len()];
        let mut steps = Vec::new();
        for (node, step) in self.steps.iter().enumerate() {
            if !live[node] {
                continue;
            }
            number_of[node] = steps.len() as u16;
            let mut step = step.clone();
            if let Step::Call { operands, .. } = &mut step {
                for operand in operands {
                    if let Operand::Value(value) = operand {
                        *value = number_of[usize::from(*value)];
                    }
                }
            }
            steps.push(step);
        }
        let mut values: Vec<u16> = roots
            .iter()
            .map(|root| number_of[usize::from(root.0)])
            .collect();
        let steps = fuse(steps, &mut values);
        Program::new(self.compute, steps, end(values))
    }
}

impl From<Node> for Operand {
    fn from(node: Node) -> Operand {
        Operand::Value(node.0)
    }
}
