//! Regular expressions over the names of tensors, for any architecture: `REGEX: WEIGHT`, or
//! `REGEX: START..END` or `REGEX: [A, B, C]` along the number that the first group captures. Later
//! rules win.

use regex::Regex;

use super::depth::along;
use super::entry::{Entry, unquoted};
use super::{BlockError, Draft};

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct PatternRule {
    entry: Entry,
    regex: Regex,
    weight: Weight,
}

/// What a rule gives to the tensors that it matches.
#[derive(Clone, Debug)]
pub(super) enum Weight {
    /// The same to all.
    Flat(f64),
    /// Linear between points at equal distances from the smallest captured number to the largest.
    Points(Vec<f64>),
}

impl PatternRule {
    /// The rule of an entry from its two fields.
    pub(super) fn read(
        entry: &Entry,
        pattern: &str,
        weight: Weight,
    ) -> Result<PatternRule, BlockError> {
        let pattern = unquoted(pattern.trim());
        let regex = Regex::new(pattern).map_err(|fault| BlockError::Syntax {
            at: entry.at,
            pattern: pattern.to_owned(),
            fault: Box::new(fault),
        })?;
        if matches!(weight, Weight::Points(_)) && regex.captures_len() == 1 {
            return Err(BlockError::NoGroup {
                at: entry.at,
                text: entry.text.clone(),
            });
        }
        Ok(PatternRule {
            entry: entry.clone(),
            regex,
            weight,
        })
    }

    /// The weights of the tensors that the rule matches, by their places among `keys`.
    fn weigh(&self, keys: &[&str]) -> Result<Vec<(usize, f64)>, BlockError> {
        let matching = keys
            .iter()
            .enumerate()
            .filter(|(_, key)| self.regex.is_match(key));
        let points = match &self.weight {
            Weight::Flat(weight) => return Ok(matching.map(|(at, _)| (at, *weight)).collect()),
            Weight::Points(points) => points,
        };
        let numbers: Vec<(usize, u64)> = matching
            .map(|(at, key)| Ok((at, self.number(key)?)))
            .collect::<Result<_, BlockError>>()?;
        let least = numbers
            .iter()
            .map(|&(_, number)| number)
            .min()
            .unwrap_or_default();
        let most = numbers
            .iter()
            .map(|&(_, number)| number)
            .max()
            .unwrap_or_default();
        let weight = |number| along(points, number - least, most - least);
        let weights = numbers.into_iter().map(|(at, number)| (at, weight(number)));
        Ok(weights.collect())
    }

    fn number(&self, key: &str) -> Result<u64, BlockError> {
        let captures = self.regex.captures(key);
        let group = captures.and_then(|captures| captures.get(1));
        let captured = group.map_or("", |group| group.as_str());
        captured.parse().map_err(|_| BlockError::CaptureNotNumber {
            at: self.entry.at,
            text: self.entry.text.clone(),
            captured: captured.to_owned(),
            key: key.to_owned(),
        })
    }
}

/// Applies the rules in their order.
pub(super) fn weigh(draft: &mut Draft<'_>, rules: &[PatternRule]) -> Result<(), BlockError> {
    draft.names = rules.iter().map(|rule| rule.entry.text.clone()).collect();
    for (number, rule) in rules.iter().enumerate() {
        let weights = rule.weigh(&draft.keys)?;
        if weights.is_empty() {
            return Err(BlockError::NoMatch {
                at: rule.entry.at,
                text: rule.entry.text.clone(),
                keys: draft.keys.len(),
            });
        }
        for (at, weight) in weights {
            draft.weights[at] = Some(weight);
            draft.places[at] = Some(number);
        }
    }
    Ok(())
}
