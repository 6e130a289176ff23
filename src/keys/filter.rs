//! Which tensors are merged, by regular expressions over their names.

use crate::figures::counted;
use regex::Regex;

/// A filter that cannot be what the user meant.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The expression does not parse.
    #[error("{option} `{pattern}` is not a regular expression: {fault}")]
    Syntax {
        /// `--include` or `--exclude`.
        option: &'static str,
        /// The expression.
        pattern: String,
        /// What the parser says.
        fault: Box<regex::Error>,
    },
    /// The expression matches no tensor.
    #[error(
        "{option} `{pattern}` matches no name among {}: `wgmerge inspect` lists them",
        counted(*.keys, "tensor")
    )]
    NoMatch {
        /// `--include` or `--exclude`.
        option: &'static str,
        /// The expression.
        pattern: String,
        /// How many tensors there are.
        keys: usize,
    },
}

/// Chooses the tensors that are merged; the others are copied.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Vec<Regex>,
    exclude: Vec<Regex>,
}

impl Filter {
    /// Tensors are merged that match any of `include` (all, if there is none) and none of
    /// `exclude`.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Filter, FilterError> {
        Ok(Filter {
            include: compile("--include", include)?,
            exclude: compile("--exclude", exclude)?,
        })
    }

    /// Whether every tensor is merged.
    pub fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether the tensor is merged.
    pub fn merges(&self, key: &str) -> bool {
        let included = self.include.is_empty() || self.include.iter().any(|re| re.is_match(key));
        included && !self.exclude.iter().any(|re| re.is_match(key))
    }

    /// Checks that every expression matches a key, so that a mistyped one is no silent no-op.
    pub fn check<'a>(
        &self,
        keys: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), FilterError> {
        let include = self.include.iter().map(|re| ("--include", re));
        let exclude = self.exclude.iter().map(|re| ("--exclude", re));
        for (option, re) in include.chain(exclude) {
            if !keys.clone().any(|key| re.is_match(key)) {
                let (pattern, keys) = (re.as_str().to_owned(), keys.count());
                return Err(FilterError::NoMatch {
                    option,
                    pattern,
                    keys,
                });
            }
        }
        Ok(())
    }

    /// The expressions of both lists, for the record.
    pub fn patterns(&self) -> (Vec<&str>, Vec<&str>) {
        (
            self.include.iter().map(Regex::as_str).collect(),
            self.exclude.iter().map(Regex::as_str).collect(),
        )
    }
}

fn compile(option: &'static str, patterns: &[String]) -> Result<Vec<Regex>, FilterError> {
    patterns
        .iter()
        .map(|pattern| {
            Regex::new(pattern).map_err(|fault| FilterError::Syntax {
                option,
                pattern: pattern.clone(),
                fault: Box::new(fault),
            })
        })
        .collect()
}
