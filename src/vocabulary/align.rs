//! Which rows of which models the tokens of a result have.

use std::collections::HashMap;
use std::path::Path;

use super::{Row, RowMap, RowOf, Tokenizer, VocabularyError};

/// A model whose matrices are brought into the order of another vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Rows of its matrices.
    pub rows: u32,
    /// How many tokens it has by its configuration; a token with a number beyond has no row.
    pub counted: u32,
}

/// A token whose row is chosen.
#[derive(Clone, Debug)]
pub struct TokenChoice {
    /// Its text.
    pub text: String,
    /// Its row; None leaves that to the rules.
    pub row: Option<ChosenRow>,
    /// Whether models that have the token get that row too.
    pub force: bool,
}

/// The row of a token.
#[derive(Clone, Debug)]
pub enum ChosenRow {
    /// Zeros.
    Zero,
    /// That of the same token in a member.
    Same(usize),
    /// That of a token of a member.
    Token(usize, String),
    /// A row of a member, by its number.
    Number(usize, u64),
}

/// The tokens of a result, and the rows that its members have for them.
#[derive(Debug)]
pub struct Alignment<'a> {
    members: Vec<Member<'a>>,
    /// The tokenizer of the result.
    output: &'a Tokenizer,
    /// The places of its tokens by their numbers.
    places: Vec<Maybe>,
    /// Per member the row of each token.
    numbers: Vec<Vec<Maybe>>,
    choices: HashMap<&'a str, &'a TokenChoice>,
    /// Rows of the result's matrices.
    rows: u32,
}

/// A matrix of a member.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'m> {
    /// The member.
    pub own: usize,
    /// The members that it is merged with, itself included, as far as they have the matrix.
    pub among: &'m [usize],
    /// The base among them.
    pub base: Option<usize>,
}

/// The rows of a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aligned {
    /// The members that the map's sources are; the first is the one whose matrix it is.
    pub members: Vec<usize>,
    /// The rows.
    pub map: RowMap,
}

impl<'a> Alignment<'a> {
    /// Aligns members to the tokens of a tokenizer. The number of rows is rounded up to a multiple.
    ///
    /// # Errors
    /// [`VocabularyError`] where a token has a number that no matrix has a row for.
    pub fn new(
        output: &'a Tokenizer,
        members: Vec<Member<'a>>,
        choices: &'a [TokenChoice],
        multiple: u32,
    ) -> Result<Alignment<'a>, VocabularyError> {
        let last = output.tokens().map(|(_, number)| number).max();
        let count = last.map_or(Some(0), |last| last.checked_add(1));
        let count = count.ok_or(super::RowMapError)?;
        let rows = count.checked_next_multiple_of(multiple.max(1));
        let rows = rows.ok_or(super::RowMapError)?;
        let found = output.count();
        // So many tokens have places with 32 bits.
        u32::try_from(found).map_err(|_| super::RowMapError)?;
        if u64::from(count) > ROWS_PER_TOKEN * (found as u64 + 1) {
            return Err(VocabularyError::Sparse {
                folder: output.folder().to_owned(),
                count,
                found,
            });
        }
        let mut places = vec![Maybe::of(None); count as usize];
        for (place, number) in (0..).zip(output.tokens.numbers()) {
            places[number as usize] = Maybe::of(Some(place));
        }
        let numbers = members.iter().map(|member| {
            let bound = member.rows.min(member.counted);
            let number = |token: &str| member.tokenizer.number(token).filter(|n| *n < bound);
            let rows = places.iter().map(|place| {
                let token = place
                    .number()
                    .map(|place| output.tokens.text(place as usize));
                Maybe::of(token.and_then(number))
            });
            rows.collect()
        });
        Ok(Alignment {
            numbers: numbers.collect(),
            members,
            output,
            places,
            choices: choices
                .iter()
                .map(|choice| (choice.text.as_str(), choice))
                .collect(),
            rows,
        })
    }

    /// Rows of the result's matrices.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The rows of a member's matrix.
    ///
    /// # Errors
    /// [`VocabularyError`] where a token's chosen row is not there.
    pub fn map(&self, wanted: Wanted<'_>) -> Result<Aligned, VocabularyError> {
        let mut members = vec![wanted.own];
        let mut source = |(member, row): (usize, u32)| {
            let known = members.iter().position(|own| *own == member);
            let source = known.unwrap_or_else(|| {
                members.push(member);
                members.len() - 1
            });
            let source = u16::try_from(source).map_err(|_| super::RowMapError)?;
            Ok::<RowOf, VocabularyError>(RowOf { source, row })
        };
        let mut map = RowMap::default();
        for (number, place) in self.places.iter().enumerate() {
            let token = place
                .number()
                .map(|place| self.output.tokens.text(place as usize));
            map.push(match token {
                None => Row::Average,
                Some(token) => match self.row(wanted, number, token)? {
                    Found::Zero => Row::Zero,
                    Found::Of(member, row) => Row::Of(source((member, row))?),
                    Found::Mean(terms) => {
                        let terms = terms.into_iter().map(&mut source);
                        Row::Mean(terms.collect::<Result<_, _>>()?)
                    }
                },
            })?;
        }
        for _ in self.places.len()..self.rows as usize {
            map.push(Row::Average)?;
        }
        map.shrink();
        Ok(Aligned { members, map })
    }

    fn row(
        &self,
        wanted: Wanted<'_>,
        number: usize,
        token: &str,
    ) -> Result<Found, VocabularyError> {
        let choice = self.choices.get(token);
        let forced = choice.is_some_and(|choice| choice.force);
        if let Some(own) = self.numbers[wanted.own][number]
            .number()
            .filter(|_| !forced)
        {
            return Ok(Found::Of(wanted.own, own));
        }
        if let Some(chosen) = choice.and_then(|choice| choice.row.as_ref()) {
            return self.chosen(wanted, (number, token), chosen);
        }
        let row = |member: usize| Some((member, self.numbers[member][number].number()?));
        let having: Vec<(usize, u32)> = wanted.among.iter().copied().filter_map(row).collect();
        let base = having
            .iter()
            .find(|(member, _)| Some(*member) == wanted.base);
        Ok(match having.as_slice() {
            [] => Found::Zero,
            [(member, row)] => Found::Of(*member, *row),
            _ => match base {
                Some((member, row)) => Found::Of(*member, *row),
                None => Found::Mean(having),
            },
        })
    }

    fn chosen(
        &self,
        wanted: Wanted<'_>,
        (number, token): (usize, &str),
        chosen: &ChosenRow,
    ) -> Result<Found, VocabularyError> {
        let (member, row, what) = match chosen {
            ChosenRow::Zero => return Ok(Found::Zero),
            ChosenRow::Same(member) => {
                let row = self.numbers[*member][number].number();
                (*member, row, "that token".to_owned())
            }
            ChosenRow::Token(member, other) => {
                let own = &self.members[*member];
                let row = own.tokenizer.number(other).filter(|row| *row < own.rows);
                (*member, row, format!("the token {other:?}"))
            }
            ChosenRow::Number(member, row) => {
                let own = &self.members[*member];
                let found = u32::try_from(*row).ok().filter(|row| *row < own.rows);
                (*member, found, format!("the token with the number {row}"))
            }
        };
        let own = &self.members[member];
        let fault = |hint: String| VocabularyError::Token {
            token: token.to_owned(),
            wanted: what.clone(),
            model: own.path.to_owned(),
            hint,
        };
        if !wanted.among.contains(&member) {
            return Err(fault(": it has no such matrix in this merge".to_owned()));
        }
        let row = row.ok_or_else(|| fault(format!(" among its {} rows", own.rows)))?;
        Ok(Found::Of(member, row))
    }
}

/// Rows of a matrix for each token at most: numbers far beyond are no numbers of rows.
const ROWS_PER_TOKEN: u64 = 16;

/// A number, or none: the last number is none, which neither rows nor tokens have.
#[derive(Clone, Copy, Debug)]
struct Maybe(u32);

impl Maybe {
    fn of(number: Option<u32>) -> Maybe {
        Maybe(number.unwrap_or(u32::MAX))
    }

    fn number(self) -> Option<u32> {
        Some(self.0).filter(|row| *row != u32::MAX)
    }
}

/// Where a token's row is found: members and numbers of rows.
enum Found {
    Zero,
    Of(usize, u32),
    Mean(Vec<(usize, u32)>),
}
