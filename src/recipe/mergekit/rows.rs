//! The rows of tokens of the models of a merge, in one order.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::composer::{Composer, Origin, Types};
use super::schedule::Levels;
use super::segment::Input;
use super::vocabulary::Vocabulary;
use crate::dtype::Float;
use crate::recipe::{GatheredRows, Gathering, NodeId, Route, Rule, Selection};
use crate::vocabulary::{Aligned, Alignment, RowMap, VocabularyError, Wanted, has_tokens};

/// How rows are brought into one order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order<'v> {
    /// By their tokens.
    Tokens(&'v Vocabulary, &'v Alignment<'v>),
    /// As they are, as many as all have.
    Shortest,
}

/// The tensors of one model of a merge whose rows are gathered.
#[derive(Debug)]
struct Rows(HashMap<String, GatheredRows>);

impl Gathering for Rows {
    fn rows(&self, name: &str) -> Option<GatheredRows> {
        self.0.get(name).cloned()
    }
}

/// Tensors whose rows are gathered are of the second input, others of the first.
impl Selection for Rows {
    fn input(&self, name: &str) -> Option<usize> {
        Some(usize::from(self.0.contains_key(name)))
    }
}

/// A tensor of a merge with rows for tokens.
struct Matrix {
    name: String,
    /// Of each model of the merge its own name for it and its rows, if it has it.
    inputs: Vec<Option<Own>>,
}

#[derive(Clone)]
struct Own {
    name: String,
    rows: u64,
}

/// What is known of the models of a merge.
struct Side<'s> {
    levels: &'s Levels,
    inputs: &'s [Input],
    origins: Vec<Origin>,
    matrices: Vec<Matrix>,
}

impl Composer<'_, '_> {
    /// The nodes of the models of a merge with the rows of their tokens in one order.
    pub(super) fn ordered(
        &mut self,
        levels: &Levels,
        inputs: &[Input],
        nodes: Vec<NodeId>,
        (order, dtype): (Order<'_>, Option<Float>),
    ) -> Result<Vec<NodeId>, VocabularyError> {
        let origins = inputs
            .iter()
            .map(|input| self.origin(&input.model.reference));
        let origins: Vec<Origin> = origins.collect();
        let matrices = self.matrices(levels, inputs, &origins);
        let side = Side {
            levels,
            inputs,
            origins,
            matrices,
        };
        let mut ordered = Vec::with_capacity(nodes.len());
        let mut stored = Vec::new();
        for (own, node) in nodes.into_iter().enumerate() {
            let rows = self.rows(&side, own, order)?;
            if rows.is_empty() {
                ordered.push(node);
                continue;
            }
            if stored.is_empty() {
                stored = self.stored(&side);
            }
            ordered.push(self.gathered(&side, (own, node, &stored), rows, dtype));
        }
        Ok(ordered)
    }

    /// The tensors that have rows for tokens.
    fn matrices(&self, levels: &Levels, inputs: &[Input], origins: &[Origin]) -> Vec<Matrix> {
        let sizes = origins.iter().map(|origin| match origin {
            Origin::Model(model) => self.vocabulary_rows(*model),
            Origin::Merge(_) => None,
        });
        let sizes: Vec<Option<u64>> = sizes.collect();
        let own = |number: usize, name: &str| {
            let tied = levels.renamed[number].tied.as_ref();
            let source = match tied.filter(|tied| tied.head == name) {
                Some(tied) => tied.embedding.clone(),
                None => levels.extent.source(name, number),
            };
            let shape = self.shape(origins[number], &source)?;
            let rows = sizes[number].filter(|rows| has_tokens(name, shape, *rows))?;
            Some(Own { name: source, rows })
        };
        let matrices = levels.made.keys().map(|name| Matrix {
            inputs: (0..inputs.len()).map(|number| own(number, name)).collect(),
            name: name.clone(),
        });
        matrices
            .filter(|matrix| matrix.inputs.iter().any(Option::is_some))
            .collect()
    }

    /// The rows of a model's tensors, as far as they are not as they were.
    fn rows(
        &self,
        side: &Side<'_>,
        own: usize,
        order: Order<'_>,
    ) -> Result<HashMap<String, GatheredRows>, VocabularyError> {
        let mut rows = HashMap::new();
        // Tensors that the same models have get the same rows.
        let mut known: Vec<(Vec<usize>, Option<GatheredRows>)> = Vec::new();
        for matrix in &side.matrices {
            let Some(stored) = &matrix.inputs[own] else {
                continue;
            };
            let having = matrix.inputs.iter().enumerate();
            let having = having.filter(|(_, stored)| stored.is_some());
            let having: Vec<usize> = having.map(|(number, _)| number).collect();
            let same = known.iter().find(|(among, _)| *among == having);
            let found = match same {
                Some((_, found)) => found.clone(),
                None => {
                    let found = match order {
                        Order::Tokens(vocabulary, alignment) => {
                            by_tokens(side, own, &having, (vocabulary, alignment), stored.rows)?
                        }
                        Order::Shortest => {
                            let all = matrix.inputs.iter().flatten();
                            let least = all.map(|own| own.rows).min();
                            shortest(stored.rows, least)
                        }
                    };
                    known.push((having, found.clone()));
                    found
                }
            };
            if let Some(found) = found {
                rows.insert(matrix.name.clone(), found);
            }
        }
        Ok(rows)
    }

    /// A model's node, but for the tensors whose rows are gathered.
    fn gathered(
        &mut self,
        side: &Side<'_>,
        (own, node, stored): (usize, NodeId, &[NodeId]),
        rows: HashMap<String, GatheredRows>,
        dtype: Option<Float>,
    ) -> NodeId {
        let at = side.inputs[own].model.span.start;
        let order = ordered(own, side.inputs.len());
        let sources: Vec<NodeId> = order.iter().map(|number| stored[*number]).collect();
        let types = self.types(side, own, &rows);
        let rows = Arc::new(Rows(rows));
        let gathering: Arc<dyn Gathering> = Arc::clone(&rows) as _;
        let mut gathered = self.route(Route::Gather(Rule(gathering)), sources, at);
        let read = match dtype {
            Some(Float::F32 | Float::F64) => None,
            Some(float) => Some(Route::Cast(Some(float))),
            None => typed(types, rows.0.len()),
        };
        if let Some(route) = read {
            gathered = self.route(route, vec![gathered], at);
        }
        let selection: Arc<dyn Selection> = rows;
        self.route(Route::Select(Rule(selection)), vec![node, gathered], at)
    }

    /// The models as they are stored, under the names of the merge.
    fn stored(&mut self, side: &Side<'_>) -> Vec<NodeId> {
        let mut stored = Vec::with_capacity(side.inputs.len());
        for (number, input) in side.inputs.iter().enumerate() {
            let plain = self.plain(side.origins[number], input.model.span.start);
            stored.push(self.renamed(side.levels, number, plain));
        }
        stored
    }

    /// The types that all sources of a tensor's rows have, where it is one and not f32.
    fn types(
        &self,
        side: &Side<'_>,
        own: usize,
        rows: &HashMap<String, GatheredRows>,
    ) -> HashMap<String, Float> {
        let order = ordered(own, side.inputs.len());
        let float = |matrix: &Matrix, number: usize| {
            let stored = matrix.inputs[number].as_ref()?;
            match side.origins[number] {
                Origin::Model(model) => self.outlines[model]
                    .tensors
                    .get(&stored.name)?
                    .dtype
                    .float(),
                Origin::Merge(_) => None,
            }
        };
        let mut types = HashMap::new();
        for matrix in &side.matrices {
            let Some(rows) = rows.get(&matrix.name) else {
                continue;
            };
            let mut floats = rows.inputs.iter().map(|at| float(matrix, order[*at]));
            let first = floats.next().flatten();
            if let Some(first) = first.filter(|first| *first != Float::F32)
                && floats.all(|float| float == Some(first))
            {
                types.insert(matrix.name.clone(), first);
            }
        }
        types
    }
}

/// What says of which types rows are. Means of rows of one type are rounded to it.
fn typed(types: HashMap<String, Float>, all: usize) -> Option<Route> {
    let first = types.values().next().copied()?;
    let one = types.len() == all && types.values().all(|float| *float == first);
    Some(match one {
        true => Route::Cast(Some(first)),
        false => Route::Typed(Rule(Arc::new(Types(types)))),
    })
}

/// The models of a merge as the inputs of a gathering: the one whose tensors it is comes first.
fn ordered(own: usize, count: usize) -> Vec<usize> {
    let others = (0..count).filter(|other| *other != own);
    std::iter::once(own).chain(others).collect()
}

fn shortest(stored: u64, least: Option<u64>) -> Option<GatheredRows> {
    let least = least.filter(|least| *least < stored)?;
    Some(GatheredRows {
        inputs: vec![0],
        map: Rule(Arc::new(RowMap::prefix(u32::try_from(least).ok()?))),
    })
}

/// The rows by tokens; None where they are as they were.
fn by_tokens(
    side: &Side<'_>,
    own: usize,
    having: &[usize],
    (vocabulary, alignment): (&Vocabulary, &Alignment<'_>),
    stored: u64,
) -> Result<Option<GatheredRows>, VocabularyError> {
    let member = |number: usize| vocabulary.member(side.origins[number]);
    let among: Vec<usize> = having.iter().filter_map(|number| member(*number)).collect();
    let Some(wanted) = member(own) else {
        return Ok(None);
    };
    let Aligned { members, map } = alignment.map(Wanted {
        own: wanted,
        among: &among,
        base: vocabulary.base,
    })?;
    if u64::from(map.rows()) == stored && map == RowMap::prefix(map.rows()) {
        return Ok(None);
    }
    let order = ordered(own, side.inputs.len());
    let inputs = members.into_iter().filter_map(|wanted| {
        let mut order = order.iter();
        order.position(|number| member(*number) == Some(wanted))
    });
    Ok(Some(GatheredRows {
        inputs: inputs.collect(),
        map: Rule(Arc::new(map)),
    }))
}
