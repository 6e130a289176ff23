//! The order of an expression's statistics: which must be known before which.

use super::{Expression, Node, Operand, Step};

impl Expression {
    /// How many levels of statistics come before a step.
    pub(super) fn level_of(&self, step: &Step) -> u16 {
        let below = |values: &[Node]| {
            let levels = values.iter().map(|value| self.levels[usize::from(value.0)]);
            levels.max().unwrap_or(0)
        };
        let after = |statistic: u16| below(self.statistics[usize::from(statistic)].values()) + 1;
        match step {
            Step::Word { .. } => 0,
            Step::Load { slot, .. } => {
                let plane = self.planes.iter().find(|plane| plane.slot == *slot);
                plane.map_or(0, |plane| below(plane.made.values()))
            }
            Step::Call { operands, .. } => {
                let levels = operands.iter().map(|operand| match operand {
                    Operand::Value(value) => self.levels[usize::from(*value)],
                    operand => self.source(*operand).map_or(0, after),
                });
                levels.max().unwrap_or(0)
            }
        }
    }

    /// The statistic whose result an operand is.
    fn source(&self, operand: Operand) -> Option<u16> {
        match operand {
            Operand::Scalar(scalar) => self.scalar_source[usize::from(scalar)],
            Operand::Cutoff(cutoff) => self.cutoff_source[usize::from(cutoff)],
            Operand::Value(_) | Operand::Index => None,
        }
    }

    /// The statistics that `roots` need, in levels: each level needs only those before it.
    pub fn levels(&self, roots: &[Node]) -> Vec<Vec<u16>> {
        let mut levels: Vec<Vec<u16>> = Vec::new();
        let needed = self.needed(roots);
        for (statistic, number) in self.statistics.iter().zip(0u16..) {
            if needed[usize::from(number)] {
                let values = statistic.values().iter();
                let level = values.map(|value| self.levels[usize::from(value.0)]).max();
                let level = usize::from(level.unwrap_or(0));
                levels.resize(levels.len().max(level + 1), Vec::new());
                levels[level].push(number);
            }
        }
        levels
    }

    /// Which statistics the values under `roots` read, directly, through planes or through other
    /// statistics.
    fn needed(&self, roots: &[Node]) -> Vec<bool> {
        let mut needed = vec![false; self.statistics.len()];
        let mut live = vec![false; self.steps.len()];
        let mark = |live: &mut [bool], values: &[Node]| {
            for value in values {
                live[usize::from(value.0)] = true;
            }
        };
        mark(&mut live, roots);
        // Whatever a step reads is made of earlier steps.
        for number in (0..self.steps.len()).rev() {
            if !live[number] {
                continue;
            }
            match &self.steps[number] {
                Step::Word { .. } => {}
                Step::Load { slot, .. } => {
                    for plane in self.planes.iter().filter(|plane| plane.slot == *slot) {
                        mark(&mut live, plane.made.values());
                    }
                }
                Step::Call { operands, .. } => {
                    for operand in operands {
                        if let Operand::Value(value) = operand {
                            live[usize::from(*value)] = true;
                        } else if let Some(statistic) = self.source(*operand) {
                            let statistic = usize::from(statistic);
                            if !std::mem::replace(&mut needed[statistic], true) {
                                mark(&mut live, self.statistics[statistic].values());
                            }
                        }
                    }
                }
            }
        }
        needed
    }
}
