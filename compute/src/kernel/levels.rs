//! The order of an expression's statistics: which must be known before which.

use super::{Expression, Node, Operand, StatisticId, Step};

impl Expression {
    /// How many levels of statistics come before a step.
    pub(super) fn level_of(&self, step: &Step) -> u16 {
        let below = |values: &[Node]| {
            let levels = values.iter().map(|value| self.levels[value.index()]);
            levels.max().unwrap_or(0)
        };
        let after = |statistic: StatisticId| below(&self.statistics[statistic.index()].values) + 1;
        match step {
            Step::Word { .. } => 0,
            Step::Load { slot, .. } => below(self.made_of(*slot)),
            Step::Call { operands, .. } => {
                let levels = operands.iter().map(|operand| match operand {
                    Operand::Value(value) => self.levels[value.index()],
                    operand => self.source(*operand).map_or(0, after),
                });
                levels.max().unwrap_or(0)
            }
        }
    }

    /// The statistic whose result an operand is.
    fn source(&self, operand: Operand) -> Option<StatisticId> {
        match operand {
            Operand::Scalar(scalar) => self.scalar_source[scalar.index()],
            Operand::Cutoff(cutoff) => self.cutoff_source[cutoff.index()],
            Operand::Value(_) | Operand::Index => None,
        }
    }

    /// The statistics that `roots` need, in levels: each level needs only those before it.
    pub fn levels(&self, roots: &[Node]) -> Vec<Vec<StatisticId>> {
        self.levels_with(roots, &[])
    }

    /// The same, with statistics that are wanted for themselves.
    pub fn levels_with(&self, roots: &[Node], wanted: &[StatisticId]) -> Vec<Vec<StatisticId>> {
        let mut levels: Vec<Vec<StatisticId>> = Vec::new();
        let needed = self.needed(roots, wanted);
        for (statistic, number) in self.statistics.iter().zip(StatisticId::all()) {
            if needed[number.index()] {
                let values = statistic.values.iter();
                let level = values.map(|value| self.levels[value.index()]).max();
                let level = usize::from(level.unwrap_or(0));
                levels.resize(levels.len().max(level + 1), Vec::new());
                levels[level].push(number);
            }
        }
        levels
    }

    /// Which statistics are wanted, or the values under `roots` read, directly, through planes and
    /// stages or through other statistics.
    fn needed(&self, roots: &[Node], wanted: &[StatisticId]) -> Vec<bool> {
        let mut needed = vec![false; self.statistics.len()];
        let mut live = vec![false; self.steps.len()];
        let mark = |live: &mut [bool], values: &[Node]| {
            for value in values {
                live[value.index()] = true;
            }
        };
        mark(&mut live, roots);
        for statistic in wanted {
            needed[statistic.index()] = true;
            mark(&mut live, &self.statistics[statistic.index()].values);
        }
        // Whatever a step reads is made of earlier steps.
        for number in (0..self.steps.len()).rev() {
            if !live[number] {
                continue;
            }
            match &self.steps[number] {
                Step::Word { .. } => {}
                Step::Load { slot, .. } => mark(&mut live, self.made_of(*slot)),
                Step::Call { operands, .. } => {
                    for operand in operands {
                        if let Operand::Value(value) = operand {
                            live[value.index()] = true;
                        } else if let Some(statistic) = self.source(*operand) {
                            let statistic = statistic.index();
                            if !std::mem::replace(&mut needed[statistic], true) {
                                mark(&mut live, &self.statistics[statistic].values);
                            }
                        }
                    }
                }
            }
        }
        needed
    }
}
