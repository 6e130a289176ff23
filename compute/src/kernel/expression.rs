//! A tensor's expression while it is built: a graph of values and of the statistics they need.
//!
//! Methods write into an [`Expression`]; equal nodes are shared. A statistic is a number (or a few)
//! about whole values: a magnitude threshold, sums. Its results are scalars that later nodes read,
//! so an expression orders itself into levels: the statistics of level 0 need only inputs, those of
//! level 1 may need results of level 0, and so on; the output comes last. [`Expression::program`]
//! extracts the straight-line Program of any of these.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::fusion::fuse;
use super::reduce::Filled;
use super::{
    Compute, CutoffId, Derive, Entry, Formula, Iterate, Kept, Kind, Largest, Node, Operand, Output,
    Plane, Program, Reduce, Row, ScalarId, Scope, SlotId, Stage, Statistic, StatisticId, Step,
    Stream, Sums, Ties, ValueId,
};
use crate::dtype::Float;

/// The number that steps, scalars, statistics and so on of one expression stay below.
const NUMBERS: usize = u16::MAX as usize;

/// Levels of statistics at most. Each is a pass over the tensor that computes anew what lies
/// before it.
const LEVELS: u16 = 256;

/// More than an expression holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} {what}")]
pub struct TooLarge {
    /// Of what.
    pub what: &'static str,
    /// How many it holds.
    pub limit: usize,
}

/// A tensor's expression. One that has grown too large says so by [`Expression::excess`], and
/// takes no more.
#[derive(Clone, Debug, Default)]
pub struct Expression {
    compute: Compute,
    pub(super) steps: IndexSet<Step, RandomState>,
    pub(super) row: Row,
    /// For each scalar and cutoff, the statistic that fills it.
    pub(super) scalar_source: Vec<Option<StatisticId>>,
    pub(super) cutoff_source: Vec<Option<StatisticId>>,
    pub(super) statistics: Vec<Statistic>,
    pub(super) planes: Vec<Plane>,
    pub(super) stages: Vec<Stage>,
    /// For each step, how many levels of statistics come before it.
    pub(super) levels: Vec<u16>,
    /// The first input slot that is not taken.
    pub(super) next_slot: SlotId,
    excess: Option<TooLarge>,
}

impl Expression {
    /// An empty expression in a working dtype.
    pub fn new(compute: Compute) -> Expression {
        Expression {
            compute,
            ..Expression::default()
        }
    }

    /// What there is too much of, if anything.
    pub fn excess(&self) -> Option<TooLarge> {
        self.excess
    }

    /// How many different steps it has.
    pub fn step_count(&self) -> usize {
        self.steps.len()
    }

    /// The number of the next of some things of which there are `count`; 0, and an excess, where
    /// it holds no more.
    fn number<Id: From<u16>>(&mut self, count: usize, what: &'static str) -> Id {
        let limit = NUMBERS;
        let number = u16::try_from(count).ok().filter(|_| count < limit);
        if number.is_none() {
            self.excess.get_or_insert(TooLarge { what, limit });
        }
        Id::from(number.unwrap_or(0))
    }

    fn push(&mut self, step: Step) -> Node {
        if let Some(known) = self.steps.get_index_of(&step) {
            return Node(self.number(known, "steps"));
        }
        let number = self.number(self.steps.len(), "steps");
        if self.excess.is_none() {
            self.levels.push(self.level_of(&step));
            self.steps.insert(step);
        }
        Node(number)
    }

    /// An input's element.
    pub fn load(&mut self, slot: SlotId, float: Float, entry: Entry) -> Node {
        let next = self.number(slot.index() + 1, "inputs");
        self.next_slot = self.next_slot.max(next);
        self.push(Step::Load { slot, float, entry })
    }

    /// The first input slot that no value is loaded from.
    pub fn next_slot(&self) -> SlotId {
        self.next_slot
    }

    /// A random word for each element.
    pub fn word(&mut self, stream: Stream) -> Node {
        let known = self.row.streams.iter().position(|s| *s == stream);
        let index = known.unwrap_or_else(|| {
            self.row.streams.push(stream);
            self.row.streams.len() - 1
        });
        let stream = self.number(index, "random streams");
        self.push(Step::Word { stream })
    }

    /// A constant of this tensor, rounded to the working dtype.
    pub fn scalar(&mut self, value: f64) -> Operand {
        let bits = self.compute.scalar(value);
        self.code(bits)
    }

    /// An integer of this tensor.
    pub fn code(&mut self, bits: u32) -> Operand {
        let number = self.number(self.row.scalars.len(), "numbers");
        self.row.scalars.push(bits);
        self.scalar_source.push(None);
        Operand::Scalar(number)
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
        self.trimmed(value, Arc::new(Largest { kept, ties }), scope)
    }

    /// Keeps the entries of a value at or above the threshold that something finds, zero elsewhere.
    pub fn trimmed(&mut self, value: Node, reduce: Arc<dyn Reduce>, scope: Scope) -> Node {
        let (number, first) = self.found(&[value], 1);
        let cutoff = self.next_cutoff(u64::MAX, Some(number));
        let place = Filled {
            first,
            count: 1,
            cutoff: Some(cutoff),
        };
        self.statistics.push(Statistic {
            values: vec![value],
            reduce,
            scope,
            among: None,
            place,
        });
        let operands = [
            value.into(),
            Operand::Index,
            Operand::Scalar(first),
            Operand::Cutoff(cutoff),
        ];
        self.call(Formula::Trim, &operands)
    }

    /// The smallest magnitude among the largest of a value; zero where those are all there are.
    pub fn least_of(&mut self, value: Node, kept: Kept) -> Operand {
        let ties = Ties::Keep;
        self.reduced(&[value], Arc::new(Largest { kept, ties }), 1)[0]
    }

    /// An element index.
    pub fn cutoff(&mut self, element: u64) -> Operand {
        Operand::Cutoff(self.next_cutoff(element, None))
    }

    /// The number of a new cutoff, which a statistic may fill in.
    fn next_cutoff(&mut self, element: u64, source: Option<StatisticId>) -> CutoffId {
        let number = self.number(self.row.cutoffs.len(), "element indices");
        self.row.cutoffs.push(element);
        self.cutoff_source.push(source);
        number
    }

    /// Says of the statistics from number `first` on that their values are a box of so many
    /// elements and zero elsewhere. Those of a `part` of the tensors are no part of what ranges
    /// over models.
    pub fn confine(&mut self, first: usize, elements: u64, part: bool) {
        for statistic in &mut self.statistics[first..] {
            statistic.among = Some(elements);
            if part {
                statistic.scope = Scope::Tensor;
            }
        }
    }

    /// Scalars that something found out about values over the tensor gives.
    pub fn reduced(
        &mut self,
        values: &[Node],
        reduce: Arc<dyn Reduce>,
        count: usize,
    ) -> Vec<Operand> {
        self.reduced_over(Scope::Tensor, values, reduce, count)
    }

    /// Scalars that something found out about values over the tensor or the whole model gives.
    pub fn reduced_over(
        &mut self,
        scope: Scope,
        values: &[Node],
        reduce: Arc<dyn Reduce>,
        count: usize,
    ) -> Vec<Operand> {
        let (_, first) = self.found(values, count);
        let count: u16 = self.number(count, "numbers");
        let place = Filled {
            first,
            count,
            cutoff: None,
        };
        self.statistics.push(Statistic {
            values: values.to_vec(),
            reduce,
            scope,
            among: None,
            place,
        });
        let own = ScalarId::all().skip(first.index()).take(count.into());
        own.map(Operand::Scalar).collect()
    }

    /// Scalars that `derive` makes from the sums of values over the tensor.
    pub fn sums(&mut self, values: &[Node], derive: Derive, count: usize) -> Vec<Operand> {
        self.reduced(values, Arc::new(Sums(derive)), count)
    }

    /// Scalars that an iteration over values finds.
    pub fn iterated(&mut self, values: &[Node], iterate: Iterate, count: usize) -> Vec<Operand> {
        self.reduced(values, Arc::new(iterate), count)
    }

    /// The number of a new statistic of some values.
    fn statistic(&mut self, values: &[Node]) -> StatisticId {
        let levels = values.iter().map(|value| self.levels[value.index()]);
        if levels.max().unwrap_or(0) >= LEVELS {
            self.excess.get_or_insert(TooLarge {
                what: "statistics that need one another",
                limit: usize::from(LEVELS),
            });
        }
        self.number(self.statistics.len(), "statistics")
    }

    /// The number of the next statistic, and the first of the scalars that it fills in.
    fn found(&mut self, values: &[Node], count: usize) -> (StatisticId, ScalarId) {
        let number = self.statistic(values);
        let first = self.row.scalars.len();
        let end = first + count;
        self.row.scalars.resize(end, 0);
        self.scalar_source.resize(end, Some(number));
        let _: ScalarId = self.number(end, "numbers");
        (number, self.number(first, "numbers"))
    }

    /// Whether it has the same steps, statistics, planes and stages as another but for their
    /// numbers: then the same Programs compute both.
    pub fn is_like(&self, other: &Expression) -> bool {
        let statistics = || {
            let (own, others) = (&self.statistics, &other.statistics);
            own.len() == others.len() && own.iter().zip(others).all(|(a, b)| a.is_like(b))
        };
        let planes = || {
            let (own, others) = (&self.planes, &other.planes);
            let like = |(a, b): (&Plane, &Plane)| a.slot == b.slot && a.made.is_like(&b.made);
            own.len() == others.len() && own.iter().zip(others).all(like)
        };
        let stages = || {
            let (own, others) = (&self.stages, &other.stages);
            let like = |(a, b): (&Stage, &Stage)| a.slot == b.slot && a.is_like(b);
            own.len() == others.len() && own.iter().zip(others).all(like)
        };
        self.compute == other.compute
            && self.next_slot == other.next_slot
            && self.steps.iter().eq(other.steps.iter())
            && self.scalar_source == other.scalar_source
            && self.cutoff_source == other.cutoff_source
            && statistics()
            && planes()
            && stages()
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
    pub fn untouched(&self, value: Node) -> Option<(SlotId, Float)> {
        match self.steps[value.index()] {
            Step::Load { slot, float, .. } => Some((slot, float)),
            _ => None,
        }
    }

    /// The first value that is loaded from an input.
    pub fn loaded(&self, input: SlotId) -> Option<Node> {
        let is_own = |step: &Step| matches!(step, Step::Load { slot, .. } if *slot == input);
        let number = self.steps.iter().position(is_own)?;
        u16::try_from(number).ok().map(|number| Node(number.into()))
    }

    fn live(&self, roots: &[Node]) -> Vec<bool> {
        let mut live = vec![false; self.steps.len()];
        for root in roots {
            live[root.index()] = true;
        }
        for number in (0..self.steps.len()).rev() {
            if let (true, Step::Call { operands, .. }) = (live[number], &self.steps[number]) {
                for operand in operands {
                    if let Operand::Value(value) = operand {
                        live[value.index()] = true;
                    }
                }
            }
        }
        live
    }

    /// The Program of some nodes' values. `outputs` says what becomes of them.
    pub fn program(
        &self,
        roots: &[Node],
        outputs: impl FnOnce(&[ValueId]) -> Vec<Output>,
    ) -> Program {
        assert_eq!(
            self.excess, None,
            "an expression that is too large is no Program"
        );
        let live = self.live(roots);
        let keeps = self.keeps();
        // Steps that are not live have none; whoever reads one is refused.
        let mut number_of = vec![ValueId::new(u16::MAX); self.steps.len()];
        let mut steps = Vec::new();
        let kept = self.steps.iter().enumerate();
        let kept = kept.filter(|(node, _)| live[*node]);
        for ((node, step), number) in kept.zip(ValueId::all()) {
            number_of[node] = number;
            let mut step = step.clone();
            match &mut step {
                Step::Call { operands, .. } => {
                    for operand in operands {
                        if let Operand::Value(value) = operand {
                            *value = number_of[value.index()];
                        }
                    }
                }
                Step::Load { entry, .. } if *entry == Entry::Made && keeps => *entry = Entry::Kept,
                _ => {}
            }
            steps.push(step);
        }
        let values = roots.iter().map(|root| number_of[root.index()]);
        let mut values: Vec<ValueId> = values.collect();
        let steps = fuse(steps, &mut values);
        Program::new(self.compute, steps, outputs(&values))
    }
}
