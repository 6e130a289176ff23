//! The Programs that tensors share.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::held::row_bytes;
use super::job::Work;
use super::{ClassId, IndexVec, ProgramId};
use crate::checkpoint::heap_bytes;
use crate::dtype::Float;
use crate::kernel::{Expression, Node, OnOverflow, Output, Program, StatisticId};

/// Statistics that one Program serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// The Program.
    pub program: ProgramId,
    /// Whose values its outputs are, in order.
    pub statistics: Vec<StatisticId>,
}

/// Statistics that can be found at the same time.
pub type Round = Vec<Group>;

/// The Programs of tensors with the same arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    /// Statistics, first things first.
    pub rounds: Vec<Round>,
    /// The Program that computes the output.
    pub store: ProgramId,
    /// Which input slots any of the Programs reads.
    pub slots: Vec<bool>,
    /// For each plane of the expression, the Programs that compute the values it is made of.
    pub planes: Vec<Vec<ProgramId>>,
    /// For each stage the same.
    pub stages: Vec<Vec<ProgramId>>,
}

impl Class {
    /// All its Programs.
    pub fn programs(&self) -> impl Iterator<Item = ProgramId> {
        let groups = self.rounds.iter().flatten();
        let programs = groups.map(|group| &group.program);
        let host = self.planes.iter().chain(&self.stages);
        let programs = programs.chain(host.flatten());
        programs.copied().chain([self.store])
    }
}

/// What the outputs compute of a tensor.
pub(super) type Works = Arc<[Arc<Work>]>;

/// Gathers distinct Programs and classes, and all else that many tensors have in common.
#[derive(Debug, Default)]
pub(super) struct Classes {
    pub(super) programs: IndexVec<ProgramId, Program>,
    pub(super) classes: IndexVec<ClassId, Class>,
    program_of: HashMap<Program, ProgramId>,
    class_of: HashMap<Class, ClassId>,
    /// Some expressions with their classes: most tensors of a merge compute the same.
    known: Vec<Known>,
    /// What is computed, by a hash of its numbers.
    works: HashMap<u64, Vec<Arc<Work>>>,
    /// What the outputs compute, by the addresses of what those before compute and of what the
    /// last one does, and those before, so that no address is used twice.
    lists: HashMap<(usize, usize), (Option<Works>, Works)>,
    shapes: HashSet<Arc<[u64]>>,
    /// Bytes of what is shared.
    pub(super) held: u64,
}

/// How an output is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its type.
    pub(super) float: Float,
    /// What happens to results beyond it.
    pub(super) on_overflow: OnOverflow,
    /// What it is measured against.
    pub(super) base: Option<Node>,
    /// What must be known of it besides what it is made of.
    pub(super) known: Option<StatisticId>,
}

/// An expression whose class is known.
#[derive(Debug)]
struct Known {
    expression: Expression,
    root: Node,
    stored: Stored,
    class: ClassId,
}

/// Expressions that are compared before their Programs are extracted.
const KNOWN_MAX: usize = 8;

impl Classes {
    /// The class of an expression whose output is `root`, stored in a type.
    pub(super) fn class(&mut self, expression: &Expression, root: Node, stored: Stored) -> ClassId {
        let known = self.known.iter().find(|known| {
            (known.root, known.stored) == (root, stored) && known.expression.is_like(expression)
        });
        if let Some(known) = known {
            return known.class;
        }
        let class = self.extract(expression, root, stored);
        if self.known.len() < KNOWN_MAX {
            self.known.push(Known {
                expression: expression.clone(),
                root,
                stored,
                class,
            });
        }
        class
    }

    /// What is computed, once for all tensors of which the same is.
    pub(super) fn work(&mut self, work: Work) -> Arc<Work> {
        let mut hasher = self.works.hasher().build_hasher();
        (work.class, &work.slots, &work.row.scalars).hash(&mut hasher);
        work.row.cutoffs.hash(&mut hasher);
        for stream in &work.row.streams {
            stream.0.hash(&mut hasher);
        }
        let alike = self.works.entry(hasher.finish()).or_default();
        if let Some(known) = alike.iter().find(|known| known.is_same(&work)) {
            return Arc::clone(known);
        }
        let row = row_bytes(&work.row);
        let lists = size_of_val(work.slots.as_slice())
            + size_of_val(work.statistics.as_slice())
            + size_of_val(work.planes.as_slice())
            + size_of_val(work.stages.as_slice());
        self.held += size_of::<Work>() as u64 + row + heap_bytes(lists);
        let work = Arc::new(work);
        alike.push(Arc::clone(&work));
        work
    }

    /// What the outputs compute, the last one after those before.
    pub(super) fn works(&mut self, before: Option<&Works>, last: Arc<Work>) -> Works {
        let address = before.map_or(0, |before| Arc::as_ptr(before).cast::<()>() as usize);
        let key = (address, Arc::as_ptr(&last) as usize);
        let (_, works) = self.lists.entry(key).or_insert_with(|| {
            let len = before.map_or(0, |before| before.len()) + 1;
            self.held += heap_bytes(len * size_of::<Arc<Work>>());
            let all = before.into_iter().flat_map(|before| before.iter().cloned());
            (before.cloned(), all.chain([last]).collect())
        });
        Arc::clone(works)
    }

    /// A shape, once for all tensors that have it.
    pub(super) fn shape(&mut self, shape: &[u64]) -> Arc<[u64]> {
        if let Some(known) = self.shapes.get(shape) {
            return Arc::clone(known);
        }
        let shape: Arc<[u64]> = shape.into();
        self.shapes.insert(Arc::clone(&shape));
        shape
    }

    fn extract(&mut self, expression: &Expression, root: Node, stored: Stored) -> ClassId {
        let slots = expression.next_slot().index();
        let known = stored.known.as_slice();
        let rounds = expression.levels_with(&[root], known).into_iter();
        let rounds = rounds.map(|statistics| self.round(expression, &statistics));
        let rounds = rounds.collect();
        let store = self.stored(expression, root, stored);
        let mut programs_of = |values: &[Node]| {
            let values = values.iter();
            values.map(|&value| self.value(expression, value)).collect()
        };
        let planes = expression.planes().iter();
        let planes = planes
            .map(|plane| programs_of(plane.made.values()))
            .collect();
        let stages = expression.stages().iter();
        let stages = stages.map(|stage| programs_of(&stage.values)).collect();
        let mut class = Class {
            planes,
            stages,
            rounds,
            store,
            slots: vec![false; slots],
        };
        let programs: Vec<ProgramId> = class.programs().collect();
        let programs = programs.into_iter();
        for (slot, _) in programs.flat_map(|program| self.programs[program].loads()) {
            class.slots[slot.index()] = true;
        }
        if let Some(&known) = self.class_of.get(&class) {
            return known;
        }
        let number = self.classes.push(class.clone());
        self.class_of.insert(class, number);
        number
    }

    /// The Program that writes a value.
    fn stored(&mut self, expression: &Expression, value: Node, stored: Stored) -> ProgramId {
        let Stored {
            float, on_overflow, ..
        } = stored;
        let roots: Vec<Node> = [value].into_iter().chain(stored.base).collect();
        self.program(expression.program(&roots, |values| {
            let value = values[0];
            let store = Output::Store {
                value,
                float,
                on_overflow,
            };
            let base = values.get(1).copied();
            let change = base.map(|base| Output::Change { value, base, float });
            [store].into_iter().chain(change).collect()
        }))
    }

    /// The Program that writes a value as f32.
    fn value(&mut self, expression: &Expression, value: Node) -> ProgramId {
        let stored = Stored {
            float: Float::F32,
            // What it leads to shows in the output.
            on_overflow: OnOverflow::Keep,
            base: None,
            known: None,
        };
        self.stored(expression, value, stored)
    }

    /// Statistics of one level, those of a kind together.
    fn round(&mut self, expression: &Expression, statistics: &[StatisticId]) -> Round {
        let kind = |at: &StatisticId| expression.statistics()[at.index()].reduce.name();
        let mut kinds: Vec<&str> = statistics.iter().map(kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let groups = kinds.into_iter().map(|own| {
            let members = statistics.iter().filter(|at| kind(at) == own);
            let statistics: Vec<StatisticId> = members.copied().collect();
            let program = self.reduction(expression, &statistics);
            Group {
                program,
                statistics,
            }
        });
        groups.collect()
    }

    /// The Program of statistics of one kind.
    fn reduction(&mut self, expression: &Expression, statistics: &[StatisticId]) -> ProgramId {
        let own = statistics.iter();
        let own = own.map(|at| &expression.statistics()[at.index()]);
        let roots: Vec<Node> = own.clone().flat_map(|own| own.values.clone()).collect();
        self.program(expression.program(&roots, |mut values| {
            let outputs = own.flat_map(|own| {
                let (of, others) = values.split_at(own.values.len());
                values = others;
                own.reduce.outputs(of)
            });
            outputs.collect()
        }))
    }

    fn program(&mut self, program: Program) -> ProgramId {
        if let Some(&known) = self.program_of.get(&program) {
            return known;
        }
        let number = self.programs.push(program.clone());
        self.program_of.insert(program, number);
        number
    }
}
