//! Tokenizers of outputs against those of mergekit, token by token.

use std::path::Path;

use wgmerge::vocabulary::{Tokenizer, template_of};

use super::cases::Case;

/// Checks tokens, their settings and the chat template. Where mergekit numbers tokens anew in every
/// run, the rows here of the tokens in the order of mergekit's.
pub fn rows(case: &Case, found: &Path, expected: &Path) -> Result<Option<Vec<usize>>, String> {
    let read = |folder: &Path| Tokenizer::read(folder).map_err(|fault| fault.to_string());
    let (own, theirs) = (read(found)?, read(expected)?);
    let by_token = case.fields["rows"] == "by_token";
    let mut order: Vec<(u32, usize)> = Vec::new();
    for (token, number) in theirs.tokens() {
        let Some(ours) = own.number(token) else {
            return Err(format!("the token {token:?} is missing"));
        };
        if !by_token && ours != number {
            return Err(format!(
                "the token {token:?} has number {ours}, not {number}"
            ));
        }
        order.push((number, ours as usize));
    }
    if own.tokens().count() != order.len() {
        return Err(format!(
            "{} tokens, not {}",
            own.tokens().count(),
            order.len()
        ));
    }
    // Whose tokenizer is extended changes from run to run where there is no base model.
    if !case.fields["donor"].is_null() {
        order.sort_unstable();
        return Ok(Some(order.into_iter().map(|(_, row)| row).collect()));
    }
    for token in theirs.added() {
        let is = |own: &wgmerge::vocabulary::AddedToken<'_>| own.content == token.content;
        let Some(mut ours) = own.added().find(|own| is(own)) else {
            return Err(format!("{:?} is no added token", token.content));
        };
        ours.id = token.id;
        if ours != token {
            return Err(format!("{ours:?}, not {token:?}"));
        }
    }
    let template = |folder: &Path| template_of(folder).map_err(|fault| fault.to_string());
    let (ours, theirs) = (template(found)?, template(expected)?);
    let trimmed = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_owned());
    if trimmed(&ours) != trimmed(&theirs) {
        return Err(format!("the chat template is {ours:?}, not {theirs:?}"));
    }
    order.sort_unstable();
    let rows = order.into_iter().map(|(_, row)| row).collect();
    Ok(by_token.then_some(rows))
}
