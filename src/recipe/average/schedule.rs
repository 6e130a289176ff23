//! The weights of checkpoints by their places in a run.

use std::fmt;

/// How weights follow from the order of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// 1/n each.
    Uniform,
    /// What a learning rate that falls linearly to 0 amounts to: 1/n each.
    Linear,
    /// What a learning rate that falls by 1 - √ amounts to: the older, the more.
    MinusSqrt,
    /// The exponential moving average that begins with the oldest and takes this share of each
    /// checkpoint after it.
    Ema(f64),
}

/// How the exponential moving average is written, before its share.
const EMA: &str = "ema:";

impl Schedule {
    /// The words of schedules without a number.
    pub const WORDS: [(&'static str, Schedule); 3] = [
        ("uniform", Schedule::Uniform),
        ("linear", Schedule::Linear),
        ("minus-sqrt", Schedule::MinusSqrt),
    ];

    /// The schedule of this text: one of [`Schedule::WORDS`], or `ema:A` with A above 0 and at
    /// most 1.
    pub fn parse(text: &str) -> Option<Schedule> {
        let known = Schedule::WORDS.iter().find(|(word, _)| *word == text);
        if let Some((_, schedule)) = known {
            return Some(*schedule);
        }
        let share: f64 = text.strip_prefix(EMA)?.parse().ok()?;
        (share > 0.0 && share <= 1.0).then_some(Schedule::Ema(share))
    }

    /// The weights of `n` checkpoints, the oldest first. They add up to 1, but for rounding.
    ///
    /// Of a learning rate that decays by s(x) the checkpoint j has s(j/n) - s((j+1)/n), the last
    /// one s((n-1)/n), and the oldest what is left to 1: WSM, arXiv:2507.17634, as Megatron-LM's
    /// `tools/checkpoint/weighted_merge.py` computes it.
    pub fn weights(self, n: usize) -> Vec<f64> {
        match self {
            Schedule::Uniform | Schedule::Linear => vec![1.0 / n as f64; n],
            Schedule::MinusSqrt => decayed(n, |x| 1.0 - x.sqrt()),
            Schedule::Ema(share) => {
                let mut weights = vec![0.0; n];
                let mut left = 1.0;
                for weight in weights.iter_mut().skip(1).rev() {
                    *weight = share * left;
                    left *= 1.0 - share;
                }
                weights.iter_mut().take(1).for_each(|first| *first = left);
                weights
            }
        }
    }
}

/// The weights that checkpoints of a constant learning rate need to stand for one that decays.
fn decayed(n: usize, decay: impl Fn(f64) -> f64) -> Vec<f64> {
    let rates: Vec<f64> = (0..n).map(|j| decay(j as f64 / n as f64)).collect();
    let mut weights: Vec<f64> = rates.windows(2).map(|pair| pair[0] - pair[1]).collect();
    weights.extend(rates.last());
    if let Some((oldest, others)) = weights.split_first_mut() {
        *oldest = 1.0 - others.iter().sum::<f64>();
    }
    weights
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Schedule::Ema(share) = self {
            return write!(f, "{EMA}{share}");
        }
        let mut words = Schedule::WORDS.iter();
        let word = words.find(|(_, known)| known == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}
