//! Which layers of which models a merge has.

use std::sync::Arc;

use indexmap::IndexMap;

use super::composer::Composer;
use super::extent::{Extent, LayerRun, Modules, Outer, Tied};
use super::layers::{is_beside, place, stacks};
use super::schedule::{Made, Tensor};
use super::segment::{Input, ModuleSegments, Segment};
use crate::figures::counted;
use crate::recipe::{FAMILY_SHARE, Fault, Stack};
use crate::vocabulary::{embeds_tokens, is_head};

/// Names of modules that have all tensors that no other module has.
const REST: [&str; 2] = ["default", "text_decoder"];
/// How many names an error lists.
const LISTED: usize = 8;

impl Composer<'_, '_> {
    /// The modules that a document names. Each must be there, and all must be named.
    pub(super) fn modules(&self, parts: &[ModuleSegments<'_>]) -> Result<Modules, Fault> {
        let named = parts.iter().filter_map(|part| part.module.as_ref());
        let names: Vec<String> = named.map(|(name, _)| (*name).to_owned()).collect();
        if names.is_empty() {
            let rest = Some(0);
            return Ok(Modules { names, rest });
        }
        let is_rest = |name: &String| REST.contains(&name.as_str());
        let rest = names.iter().position(is_rest);
        let modules = Modules { names, rest };
        for (number, part) in parts.iter().enumerate() {
            self.check_module(part, number, &modules)?;
        }
        Ok(modules)
    }

    fn check_module(
        &self,
        part: &ModuleSegments<'_>,
        number: usize,
        modules: &Modules,
    ) -> Result<(), Fault> {
        let Some((name, span)) = &part.module else {
            return Ok(());
        };
        for input in part.segments.iter().flat_map(Segment::all) {
            let origin = self.origin(&input.model.reference);
            let model = &input.model.reference;
            let has = |tensor: &str| modules.of(tensor) == Some(number);
            if !self.names(origin).any(has) {
                let text = format!("{model} has no module `{name}`");
                let fault = Fault::new(span.clone(), text).label("no such module");
                let heads = heads(self.names(origin));
                return Err(fault.help(format!(
                    "its names begin with {heads}; `default` is all that no other module has"
                )));
            }
            if let Some(stray) = self.names(origin).find(|own| modules.of(own).is_none()) {
                let text = format!("`{stray}` of {model} is in none of the modules");
                let heads = heads(self.names(origin));
                return Err(Fault::new(span.clone(), text).help(format!(
                    "its names begin with {heads}: name all, or `default` for the rest"
                )));
            }
        }
        Ok(())
    }

    /// What each slice of a part gives.
    pub(super) fn extents(
        &self,
        part: &ModuleSegments<'_>,
        modules: &Arc<Modules>,
        module: usize,
    ) -> Result<Vec<Arc<Extent>>, Fault> {
        let last = part.segments.len().saturating_sub(1);
        let mut first = 0;
        let mut extents = Vec::with_capacity(part.segments.len());
        for (at, segment) in part.segments.iter().enumerate() {
            let stacks = segment
                .all()
                .map(|input| self.stacks(input, modules, module));
            let stacks: Vec<IndexMap<String, usize>> = stacks.collect();
            let sliced = segment.all().any(|input| input.layers.is_some());
            let runs = match sliced {
                true => vec![slice(segment, &stacks, &mut first)?],
                false => whole(segment, &stacks)?,
            };
            extents.push(Arc::new(Extent {
                modules: Arc::clone(modules),
                module,
                runs,
                sliced,
                outer: Outer {
                    before: at == 0,
                    after: at == last,
                },
            }));
        }
        Ok(extents)
    }

    fn stacks(&self, input: &Input, modules: &Modules, module: usize) -> IndexMap<String, usize> {
        let names = self.names(self.origin(&input.model.reference));
        stacks(names.filter(|name| modules.of(name) == Some(module)))
    }

    /// The tensors that a merge gives: all that any of its models has. Refuses models of which one
    /// shares few tensors with the first.
    pub(super) fn made(&self, segment: &Segment, extent: &Extent) -> Result<Made, Fault> {
        let mut made = Made::default();
        let mut first: Option<(&Input, usize)> = None;
        for (number, input) in segment.all().enumerate() {
            let origin = self.origin(&input.model.reference);
            let (mut own, mut shared) = (0, 0);
            for name in self.names(origin) {
                let Some(target) = extent.target(name, number) else {
                    continue;
                };
                own += 1;
                match (made.get_index_of(&target), self.shape(origin, name)) {
                    // The tensors of the first model come first.
                    (Some(at), _) => {
                        shared += usize::from(first.is_some_and(|(_, count)| at < count));
                    }
                    (None, Some(shape)) => {
                        let shape = shape.into();
                        made.insert(target, Tensor { shape });
                    }
                    (None, None) => {}
                }
            }
            match first {
                None => first = Some((input, own)),
                Some((one, count)) => check_families(one, input, (shared, own.min(count)))?,
            }
        }
        Ok(made)
    }

    /// The head that a model does not have while the merge does, and the embedding that it is tied
    /// to: the one of the same shape.
    pub(super) fn tied(&self, input: &Input, made: &Made) -> Option<Tied> {
        let origin = self.origin(&input.model.reference);
        let outer = |name: &str| place(name).is_none();
        let mut tensors = made.iter();
        let (head, tensor) = tensors.find(|(name, tensor)| {
            let lacks = || self.shape(origin, name).is_none();
            outer(name) && is_head(name) && tensor.shape.len() == 2 && lacks()
        })?;
        // Another vocabulary may have another number of rows.
        let fits = |name: &&str| {
            let own = self.shape(origin, name).filter(|own| own.len() == 2);
            let same = own.is_some_and(|own| own[1..] == tensor.shape[1..]);
            same && outer(name) && embeds_tokens(name)
        };
        let mut embeddings = self.names(origin).filter(fits);
        match (embeddings.next(), embeddings.next()) {
            (Some(embedding), None) => Some(Tied {
                head: head.clone(),
                embedding: embedding.to_owned(),
            }),
            _ => None,
        }
    }

    /// Notes where the layers of a merge come from: of the base, else of the first model.
    pub(super) fn note_layers(
        &mut self,
        segment: &Segment,
        extent: &Extent,
        noted: &mut Vec<Stack>,
    ) {
        let Some(input) = segment.all().next() else {
            return;
        };
        let origin = self.origin(&input.model.reference);
        for run in &extent.runs {
            let layers = (0..run.count)
                .filter_map(|at| self.source_layer(origin, &run.stack, run.starts[0] + at));
            let layers: Vec<_> = layers.collect();
            match noted.iter_mut().find(|stack| stack.name == run.stack) {
                Some(stack) => stack.layers.extend(layers),
                None => noted.push(Stack {
                    name: run.stack.clone(),
                    layers,
                }),
            }
        }
    }
}

/// Refuses a model that shares few tensors with the first of its merge.
fn check_families(
    first: &Input,
    input: &Input,
    (shared, fewer): (usize, usize),
) -> Result<(), Fault> {
    let (one, two) = (&first.model.reference, &input.model.reference);
    if one == two || shared as f64 >= FAMILY_SHARE * fewer as f64 {
        return Ok(());
    }
    let text = format!(
        "{two} and {one} are different architectures: they share {shared} of {}",
        counted(fewer, "tensor")
    );
    Err(Fault::new(input.model.span.clone(), text)
        .help("merge models whose tensors have the same names"))
}

/// What names begin with, in words.
fn heads<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut heads: Vec<&str> = Vec::new();
    for name in names {
        let head = name.split('.').next().unwrap_or(name);
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    let more = heads.len().saturating_sub(LISTED);
    heads.truncate(LISTED);
    match more {
        0 => heads.join(", "),
        more => format!("{} and {more} more", heads.join(", ")),
    }
}

/// The stacks of whole models, which all must have alike.
fn whole(segment: &Segment, stacks: &[IndexMap<String, usize>]) -> Result<Vec<LayerRun>, Fault> {
    let inputs: Vec<&Input> = segment.all().collect();
    let Some((first, others)) = stacks.split_first() else {
        return Ok(Vec::new());
    };
    for (other, input) in others.iter().zip(&inputs[1..]) {
        for (stack, count) in first {
            let Some(found) = other.get(stack).filter(|found| *found != count) else {
                continue;
            };
            let (one, model) = (&inputs[0].model.reference, &input.model.reference);
            let text = format!(
                "the models have different numbers of layers: {one} has {count} in `{stack}`, \
                 {model} has {found}"
            );
            return Err(Fault::new(input.model.span.clone(), text)
                .label(counted(*found, "layer"))
                .help("`slices` with a layer_range for each model merge layers of your choice"));
        }
    }
    let runs = first.iter().map(|(stack, count)| LayerRun {
        stack: stack.clone(),
        first: 0,
        count: *count,
        starts: vec![0; inputs.len()],
    });
    Ok(runs.collect())
}

/// The layers of a slice, which follow those before it.
fn slice(
    segment: &Segment,
    stacks: &[IndexMap<String, usize>],
    first: &mut usize,
) -> Result<LayerRun, Fault> {
    let mut run: Option<LayerRun> = None;
    for (input, stacks) in segment.all().zip(stacks) {
        let Some(layers) = &input.layers else {
            continue;
        };
        let (stack, count) = main_stack(input, stacks)?;
        let (range, model) = (&layers.range, &input.model.reference);
        if range.end > count {
            let text = format!(
                "layer_range [{}, {}] goes beyond {model}, which has {} in `{stack}`",
                range.start,
                range.end,
                counted(count, "layer")
            );
            let fault = Fault::new(layers.span.clone(), text).label("beyond the last layer");
            return Err(fault.help(format!("its layers are [0, {count}]")));
        }
        match &mut run {
            None => {
                run = Some(LayerRun {
                    stack: stack.to_owned(),
                    first: *first,
                    count: range.len(),
                    starts: vec![range.start],
                });
            }
            Some(run) if run.stack == stack => run.starts.push(range.start),
            Some(run) => {
                let text = format!(
                    "the layers of {model} are called `{stack}`, those of the models before it \
                     `{}`",
                    run.stack
                );
                return Err(Fault::new(input.model.span.clone(), text)
                    .help("merge models whose tensors have the same names"));
            }
        }
    }
    let run = run.expect("a slice has a model with layers");
    *first += run.count;
    Ok(run)
}

/// The one stack of layers of a model that slices are cut of.
fn main_stack<'s>(
    input: &Input,
    stacks: &'s IndexMap<String, usize>,
) -> Result<(&'s str, usize), Fault> {
    let model = &input.model.reference;
    let all: Vec<(&str, usize)> = stacks
        .iter()
        .map(|(stack, count)| (stack.as_str(), *count))
        .collect();
    let main = all.iter().filter(|(stack, _)| !is_beside(stack)).copied();
    let main: Vec<(&str, usize)> = main.collect();
    match if main.is_empty() { all } else { main }.as_slice() {
        [stack] => Ok(*stack),
        [] => Err(Fault::new(
            input.model.span.clone(),
            format!("{model} has no layers: no name of a tensor has a number of one"),
        )),
        several => {
            let several = several
                .iter()
                .map(|(stack, count)| format!("`{stack}` ({})", counted(*count, "layer")));
            let several: Vec<String> = several.collect();
            let text = format!("{model} has several stacks: {}", several.join(", "));
            Err(Fault::new(input.model.span.clone(), text)
                .help("give the slices of each under `modules: {NAME: {slices: …}}`"))
        }
    }
}
