//! Where the bytes of a node's tensor come from, as far as nothing computes on the way.

use std::convert::Infallible;
use std::rc::Rc;

use foldhash::HashMap;

use super::walk::{Step, Walk, walk};
use super::{
    Gathering, LayerRoute, Leaf, NodeId, Recipe, RecipeNode, Route, Rule, Scheduled, Solution, View,
};

impl Solution<'_> {
    /// The tensors of models that a node only passes on; None where it computes.
    pub fn routed(&self, recipe: &Recipe, id: NodeId, view: &View<String>) -> Option<View<Leaf>> {
        self.trace(recipe, id, view, false)
    }

    /// The tensors that a node's tensor has its shape and type from: those of the base, else of the
    /// first model that has them.
    pub fn origin(&self, recipe: &Recipe, id: NodeId, view: &View<String>) -> Option<View<Leaf>> {
        self.trace(recipe, id, view, true)
    }

    fn trace(
        &self,
        recipe: &Recipe,
        id: NodeId,
        view: &View<String>,
        through: bool,
    ) -> Option<View<Leaf>> {
        let mut trace = Trace {
            solution: self,
            recipe,
            known: HashMap::default(),
        };
        let question = Question {
            id,
            view: Rc::new(view.clone()),
            through,
        };
        let Ok(found) = walk(&mut trace, question);
        drop(trace);
        found.map(Rc::unwrap_or_clone)
    }
}

/// A trace of one view through the graph.
struct Trace<'a> {
    solution: &'a Solution<'a>,
    recipe: &'a Recipe,
    known: HashMap<Question, Found>,
}

/// Which view of a node's tensors, and whether to look through what computes.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    id: NodeId,
    view: Rc<View<String>>,
    through: bool,
}

type Found = Option<Rc<View<Leaf>>>;

impl Walk for Trace<'_> {
    type Question = Question;
    type Answer = Found;
    type Fault = Infallible;

    fn known(&self, question: &Question) -> Option<Found> {
        self.known.get(question).cloned()
    }

    fn learn(&mut self, question: Question, answer: &Found) {
        self.known.insert(question, answer.clone());
    }

    fn step(
        &mut self,
        question: &Question,
        answers: &mut Vec<Found>,
    ) -> Result<Step<Question, Found>, Infallible> {
        let Question { id, view, through } = question;
        Ok(match &self.recipe.nodes[id.index()] {
            RecipeNode::Model { .. } => {
                let mut leaf = |name: &String| self.solution.leaf(*id, name).map(View::Tensor);
                Step::Answer(view.replace(&mut leaf).map(Rc::new))
            }
            RecipeNode::Literal { .. } => Step::Answer(None),
            node @ RecipeNode::Merge { .. } if *through => first(question, node, answers),
            RecipeNode::Merge { .. } => Step::Answer(None),
            node @ RecipeNode::Route { route, inputs } => {
                self.route(question, (node, route, inputs), answers)
            }
        })
    }
}

impl Trace<'_> {
    fn route(
        &self,
        question: &Question,
        (node, route, inputs): (&RecipeNode, &Route, &[NodeId]),
        answers: &mut Vec<Found>,
    ) -> Step<Question, Found> {
        let Question { id, view, through } = question;
        match route {
            Route::Fallback => fallback(question, node, inputs, answers),
            Route::ConvertSingleton | Route::TypeName | Route::DeviceName => Step::Answer(None),
            Route::Cast(_) | Route::Whole(_) | Route::CastTo | Route::OmitNonFinite(_) => {
                match through {
                    true => first(question, node, answers),
                    false => Step::Answer(None),
                }
            }
            Route::Typed(_) => first(question, node, answers),
            Route::PickComponent(_) | Route::OmitComponent(_) | Route::OmitMatching(_) => {
                let passes = |name: &&String| self.solution.passes(*id, route, name);
                match view.leaves().iter().all(passes) {
                    true => first(question, node, answers),
                    false => Step::Answer(None),
                }
            }
            Route::Convert(conversion) => {
                if let Some(answer) = answers.pop() {
                    return Step::Answer(answer);
                }
                let converted = (*id, *conversion);
                let view = self
                    .solution
                    .converted(self.recipe, converted, inputs[0], view);
                match view {
                    Some(view) => Step::Ask(Question {
                        id: inputs[0],
                        view: Rc::new(view),
                        through: *through,
                    }),
                    None => Step::Answer(None),
                }
            }
            Route::Rename(rule) => match answers.pop() {
                Some(answer) => Step::Answer(answer),
                None => match rule.renamed(view) {
                    Some(view) => Step::Ask(Question {
                        id: inputs[0],
                        view: Rc::new(view),
                        through: *through,
                    }),
                    None => Step::Answer(None),
                },
            },
            Route::Select(rule) => match answers.pop() {
                Some(answer) => Step::Answer(answer),
                None => match rule.selected(view) {
                    Some(position) => Step::Ask(question.of(inputs[position])),
                    None => Step::Answer(None),
                },
            },
            Route::Gather(rule) => gather(question, rule, inputs, answers),
            Route::Layers(route) => layers(question, *route, inputs, answers),
            Route::Stack => stack(question, inputs, answers),
        }
    }
}

/// What all inputs have, along a new dimension.
fn stack(
    question: &Question,
    inputs: &[NodeId],
    answers: &mut Vec<Found>,
) -> Step<Question, Found> {
    match (answers.last(), inputs.get(answers.len())) {
        (Some(None), _) => Step::Answer(None),
        (_, Some(next)) => Step::Ask(question.of(*next)),
        (_, None) => {
            let views = answers.drain(..).flatten().map(Rc::unwrap_or_clone);
            Step::Answer(Some(Rc::new(View::Stacked(views.collect()))))
        }
    }
}

/// Rows of what the inputs have.
fn gather(
    question: &Question,
    rule: &Rule<dyn Gathering>,
    inputs: &[NodeId],
    answers: &mut Vec<Found>,
) -> Step<Question, Found> {
    let asked = rule.asked(&question.view);
    match (answers.last(), asked.get(answers.len())) {
        (Some(None), _) => Step::Answer(None),
        (_, Some(next)) => Step::Ask(Question {
            view: Rc::new(View::Tensor(next.name.clone())),
            ..question.of(inputs[next.input])
        }),
        (_, None) => {
            let found = answers.drain(..).flatten().map(Rc::unwrap_or_clone);
            Step::Answer(rule.gathered(&question.view, found).map(Rc::new))
        }
    }
}

/// Tensors that are made of those of their layers.
fn layers(
    question: &Question,
    route: LayerRoute,
    inputs: &[NodeId],
    answers: &mut Vec<Found>,
) -> Step<Question, Found> {
    if route.passes(&question.view) {
        return match answers.pop() {
            Some(answer) => Step::Answer(answer),
            None => Step::Ask(question.of(inputs[0])),
        };
    }
    let parts = route.parts(&question.view);
    match (answers.last(), parts.get(answers.len())) {
        (Some(None), _) => Step::Answer(None),
        (_, Some(next)) => Step::Ask(Question {
            view: Rc::new(View::Tensor(next.name.clone())),
            ..question.of(inputs[next.input])
        }),
        (_, None) => {
            let found = answers.drain(..).flatten().map(Rc::unwrap_or_clone);
            Step::Answer(route.made(&question.view, found).map(Rc::new))
        }
    }
}

impl Question {
    /// The same of another node.
    fn of(&self, id: NodeId) -> Question {
        Question { id, ..self.clone() }
    }
}

/// What the first operand has that has anything. Models that take no part are passed over.
fn first(
    question: &Question,
    node: &RecipeNode,
    answers: &mut Vec<Found>,
) -> Step<Question, Found> {
    if !matches!(answers.last(), Some(Some(_))) {
        while node.operand(answers.len()).is_some()
            && !takes_part(node, answers.len(), &question.view)
        {
            answers.push(None);
        }
    }
    match (answers.last(), node.operand(answers.len())) {
        (Some(Some(_)), _) | (_, None) => Step::Answer(answers.pop().flatten()),
        (_, Some(next)) => Step::Ask(question.of(next)),
    }
}

/// Whether the schedule of a merge lets an operand take part in a tensor.
fn takes_part(node: &RecipeNode, operand: usize, view: &View<String>) -> bool {
    let RecipeNode::Merge {
        base,
        schedule: Some(Scheduled::Bound(schedule)),
        ..
    } = node
    else {
        return true;
    };
    let position = operand.checked_sub(usize::from(base.is_some()));
    position.is_none_or(|position| {
        let mut leaves = view.leaves().into_iter();
        leaves.all(|name| schedule.0.takes_part(name, position))
    })
}

/// What the first of two nodes has that has anything. Which of the two it is does not depend on
/// whether it computes, so that is asked first.
fn fallback(
    question: &Question,
    node: &RecipeNode,
    inputs: &[NodeId],
    answers: &mut Vec<Found>,
) -> Step<Question, Found> {
    if question.through {
        return first(question, node, answers);
    }
    let through = |id: NodeId| {
        let asked = question.of(id);
        Step::Ask(Question {
            through: true,
            ..asked
        })
    };
    match answers.as_slice() {
        [] => through(inputs[0]),
        [Some(_)] => Step::Ask(question.of(inputs[0])),
        [None] => through(inputs[1]),
        [None, None] => Step::Answer(None),
        [None, Some(_)] => Step::Ask(question.of(inputs[1])),
        _ => Step::Answer(answers.pop().flatten()),
    }
}
