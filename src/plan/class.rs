//! The Programs that tensors share.

use std::collections::HashMap;

use crate::kernel::{End, Expression, Node, Program, Statistic};

/// Statistics that can be found at the same time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Level {
    /// The Program that counts magnitudes, and the statistics its values belong to.
    pub largest: Option<(usize, Vec<u16>)>,
    /// The Program that sums, and the statistics its values belong to, in order.
    pub sums: Option<(usize, Vec<u16>)>,
}

/// The Programs of tensors with the same arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    /// Statistics, first things first.
    pub levels: Vec<Level>,
    /// The Program that computes the output.
    pub store: usize,
    /// Which input slots any of the Programs reads.
    pub slots: Vec<bool>,
}

/// Gathers distinct Programs and classes.
#[derive(Debug, Default)]
pub(super) struct Classes {
    pub(super) programs: Vec<Program>,
    pub(super) classes: Vec<Class>,
    program_of: HashMap<Program, usize>,
    class_of: HashMap<Class, usize>,
}

impl Classes {
    /// The class of an expression whose output is `root`, stored by `end`.
    pub(super) fn class(
        &mut self,
        expression: &Expression,
        root: Node,
        slots: usize,
        end: impl FnOnce(u16) -> End,
    ) -> usize {
        let levels = expression
            .levels(&[root])
            .into_iter()
            .map(|statistics| self.level(expression, statistics))
            .collect();
        let store = self.program(expression.program(&[root], |values| end(values[0])));
        let mut class = Class {
            levels,
            store,
            slots: vec![false; slots],
        };
        let levels = class
            .levels
            .iter()
            .flat_map(|level| [&level.largest, &level.sums]);
        let programs = levels.flatten().map(|(program, _)| *program).chain([store]);
        for (slot, _) in programs.flat_map(|program| self.programs[program].loads()) {
            class.slots[usize::from(slot)] = true;
        }
        if let Some(&known) = self.class_of.get(&class) {
            return known;
        }
        self.class_of.insert(class.clone(), self.classes.len());
        self.classes.push(class);
        self.classes.len() - 1
    }

    fn level(&mut self, expression: &Expression, statistics: Vec<u16>) -> Level {
        let (largest, sums): (Vec<u16>, Vec<u16>) =
            statistics.into_iter().partition(|&statistic| {
                let statistic = &expression.statistics()[usize::from(statistic)];
                matches!(statistic, Statistic::Largest { .. })
            });
        Level {
            largest: self.reduction(expression, largest, End::Count),
            sums: self.reduction(expression, sums, End::Sum),
        }
    }

    fn reduction(
        &mut self,
        expression: &Expression,
        statistics: Vec<u16>,
        end: fn(Vec<u16>) -> End,
    ) -> Option<(usize, Vec<u16>)> {
        if statistics.is_empty() {
            return None;
        }
        let roots: Vec<Node> = statistics
            .iter()
            .flat_map(|&statistic| expression.statistics()[usize::from(statistic)].values())
            .copied()
            .collect();
        let program = self.program(expression.program(&roots, end));
        Some((program, statistics))
    }

    fn program(&mut self, program: Program) -> usize {
        if let Some(&known) = self.program_of.get(&program) {
            return known;
        }
        self.program_of.insert(program.clone(), self.programs.len());
        self.programs.push(program);
        self.programs.len() - 1
    }
}
