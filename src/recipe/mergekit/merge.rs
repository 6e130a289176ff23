//! The nodes of a merge.

use std::sync::Arc;

use super::composer::{Composer, Done};
use super::document::Document;
use super::extent::Beside;
use super::fields::Remark;
use super::rows::Order;
use super::rules::Kept;
use super::schedule::{Filters, Levels, Made};
use super::segment::{Input, parts};
use super::vocabulary::{Vocabulary, vocabulary_fault};
use crate::method::{self, Parameters};
use crate::recipe::{Fault, NodeId, RecipeNode, Route, Rule, Scheduled};
use crate::vocabulary::VocabularyError;

impl Composer<'_, '_> {
    /// Makes the nodes of a document. The type of the result is rounded to where it is a model of
    /// another merge.
    pub(super) fn document(&mut self, document: &Document, is_root: bool) -> Result<Done, Fault> {
        let vocabulary = self.vocabulary(document)?;
        let template = self.template(document)?;
        let unfit = |fault: VocabularyError| vocabulary_fault(document, &fault);
        let alignment = vocabulary.as_ref().map(Vocabulary::alignment);
        let alignment = alignment.transpose().map_err(unfit)?;
        let order = match (&vocabulary, &alignment) {
            (Some(vocabulary), Some(alignment)) => Some(Order::Tokens(vocabulary, alignment)),
            _ => self.truncates.then_some(Order::Shortest),
        };
        let parts = parts(document)?;
        let modules = Arc::new(self.modules(&parts)?);
        let (mut inputs, mut extents) = (Vec::new(), Vec::new());
        let (mut tensors, mut stacks) = (Made::default(), Vec::new());
        let mut filters = Filters::new();
        let mut rules = document.rules.clone();
        let kept = Some(rules.filter()?).filter(|filter| !is_root && !filter.is_all());
        for (module, part) in parts.into_iter().enumerate() {
            let own = self.extents(&part, &modules, module)?;
            let width = part.segments.first().map_or(0, |first| first.all().count());
            for (at, (segment, extent)) in part.segments.into_iter().zip(own).enumerate() {
                self.note_layers(&segment, &extent, &mut stacks);
                let made = Arc::new(self.made(&segment, &extent)?);
                // Other documents ask for them, and none has the result.
                if !is_root {
                    tensors.extend(made.iter().map(|(name, own)| (name.clone(), own.clone())));
                }
                // Outside of layers the last slice has as many models as the first.
                let outside = if at > 0 { width } else { usize::MAX };
                let ties = segment.all().map(|input| self.tied(input, &made)).collect();
                let levels = Levels::new(segment, Arc::clone(&extent), made, (ties, outside));
                levels.note_filters(&mut filters);
                rules.note(levels.made.keys().map(String::as_str));
                let copied = kept.as_ref().and_then(|_| self.copied(&levels));
                let mut node = self.merge(document, levels, order)?;
                if let (Some(filter), Some(copied)) = (&kept, copied) {
                    let rule: Arc<Kept> = Arc::new(Kept(filter.clone()));
                    let at = document.row_span.start;
                    node = self.route(Route::Select(Rule(rule)), vec![node, copied], at);
                }
                inputs.push(node);
                extents.push(extent);
            }
        }
        rules.check()?;
        self.remark_filters(filters);
        let at = document.row_span.start;
        let whole = extents.iter().all(|extent| !extent.sliced);
        let mut node = match inputs.as_slice() {
            [node] if whole => *node,
            _ => {
                let beside: Arc<Beside> = Arc::new(Beside::new(extents));
                self.route(Route::Select(Rule(beside)), inputs, at)
            }
        };
        if let (Some(float), false) = (document.out_dtype.or(document.dtype), is_root) {
            node = self.route(Route::Cast(Some(float)), vec![node], at);
        }
        let inherited = || self.inherited(document)?.tokenizer.clone();
        Ok(Done {
            tokenizer: vocabulary.map(|own| own.tokenizer).or_else(inherited),
            template,
            node,
            tensors,
            reference: self.reference(document),
            stacks,
        })
    }

    /// The model that tensors come from which a merge passes over.
    fn copied(&mut self, levels: &Levels) -> Option<NodeId> {
        let input = levels.segment.all().next()?;
        let origin = self.origin(&input.model.reference);
        let node = self.plain(origin, input.model.span.start);
        Some(self.renamed(levels, 0, node))
    }

    /// The node of a merge.
    fn merge(
        &mut self,
        document: &Document,
        levels: Levels,
        order: Option<Order<'_>>,
    ) -> Result<NodeId, Fault> {
        let inputs: Vec<Input> = levels.segment.all().cloned().collect();
        let mut nodes = Vec::with_capacity(inputs.len());
        for (number, input) in inputs.iter().enumerate() {
            let at = input.model.span.start;
            let origin = self.origin(&input.model.reference);
            let node = self.model(origin, document.dtype, at);
            nodes.push(self.renamed(&levels, number, node));
        }
        if let Some(order) = order {
            let ordered = self.ordered(&levels, &inputs, nodes, (order, document.dtype));
            nodes = ordered.map_err(|fault| vocabulary_fault(document, &fault))?;
        }
        if levels.is_copy() {
            return Ok(nodes[0]);
        }
        check_values(&levels)?;
        let method = method::find(levels.core.id).expect("the table names methods that are there");
        let base = levels.segment.base.is_some().then(|| nodes.remove(0));
        let span = document.row_span.clone();
        let parameters = Parameters::resolve(method, &[], nodes.len());
        let merge = RecipeNode::Merge {
            method,
            base,
            models: nodes,
            parameters: parameters.map_err(|fault| Fault::new(span.clone(), fault.to_string()))?,
            given: Vec::new(),
            schedule: Some(Scheduled::Bound(Rule(Arc::new(levels)))),
        };
        Ok(self.push(merge, span.start))
    }

    /// A node of a model of a merge, under the names of the result.
    pub(super) fn renamed(&mut self, levels: &Levels, model: usize, node: NodeId) -> NodeId {
        if !levels.renames(model) {
            return node;
        }
        let renamed = Arc::clone(&levels.renamed[model]);
        let mut inputs = levels.segment.all();
        let at = inputs.nth(model).map_or(0, |input| input.model.span.start);
        self.route(Route::Rename(Rule(renamed)), vec![node], at)
    }

    /// Says which filters are for no tensor.
    fn remark_filters(&mut self, filters: Filters) {
        let idle = filters.into_values().filter(|filter| !filter.matches);
        for filter in idle {
            let text = format!(
                "the filter `{}` is a part of no tensor's name, so it has no effect",
                filter.text
            );
            self.remarks.push(Remark {
                text,
                span: filter.span,
            });
        }
    }
}

/// Refuses parameters that a tensor must have and does not.
fn check_values(levels: &Levels) -> Result<(), Fault> {
    let mut lacks = levels.made.keys();
    let Some((name, lack)) = lacks.find_map(|name| Some((name, levels.lacks(name)?))) else {
        return Ok(());
    };
    let parameter = lack.parameter.name;
    let (span, of) = match lack.input {
        Some(input) => (&input.model.span, format!(" of {}", input.model.reference)),
        None => (&levels.segment.span, String::new()),
    };
    let text = format!("`{parameter}`{of} has no value for `{name}`: none of its cases is for it");
    Err(Fault::new(span.clone(), text).help(format!(
        "add a last case without a filter, or a value of `{parameter}` at a level above"
    )))
}
