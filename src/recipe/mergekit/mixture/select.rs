//! Which architecture a mixture of some models has.

use super::form::{FORMS, Form, Shared};
use super::read::Mixture;
use crate::recipe::Fault;

impl Mixture {
    /// The first architecture that the text allows and that can be built of its models, whose types
    /// are in the order of [`Mixture::models`].
    pub(super) fn form(&self, types: &[String]) -> Result<&'static Form, Fault> {
        let wanted = self.architecture.as_ref();
        let is_wanted = |form: &&Form| {
            let name = form.name.to_lowercase();
            wanted.is_none_or(|(text, _)| name.starts_with(&text.to_lowercase()))
        };
        let forms: Vec<&Form> = FORMS.iter().filter(is_wanted).collect();
        let span = wanted.map_or_else(|| self.base.span.clone(), |(_, span)| span.clone());
        if forms.is_empty() {
            let text = wanted.map_or("", |(text, _)| text.as_str());
            let names = FORMS.iter().map(|form| form.name);
            let fault = Fault::new(span, format!("there is no architecture `{text}`"));
            return Err(fault.help(format!(
                "it is the beginning of one of {}",
                names.collect::<Vec<_>>().join(", ")
            )));
        }
        let mut reasons = Vec::new();
        for form in forms {
            match self.unfit(form, types) {
                None => return Ok(form),
                Some(reason) => reasons.push(format!("{} {reason}", form.name)),
            }
        }
        let fault = Fault::new(span, "no architecture of mixtures can be built of this");
        Err(fault.help(reasons.join("; ")))
    }

    /// Why an architecture cannot be built of the models, if it cannot.
    fn unfit(&self, form: &Form, types: &[String]) -> Option<String> {
        let first = types.first()?;
        if let Some(other) = types.iter().find(|own| *own != first) {
            return Some(format!(
                "is of one type of models, not of {first} and {other}"
            ));
        }
        if !form.dense.contains(&first.as_str()) {
            return Some(format!(
                "is made of {}, not of {first}",
                form.dense.join(" or ")
            ));
        }
        let prompts =
            |own: &super::read::Expert| !own.positive.is_empty() || !own.negative.is_empty();
        match (form.shared, &self.shared) {
            (Shared::None, Some(_)) => Some("takes no shared expert".to_owned()),
            (Shared::Gated, None) => Some("needs a shared expert".to_owned()),
            (Shared::Ungated, Some(own)) if prompts(own) => {
                Some("takes a shared expert without prompts".to_owned())
            }
            (Shared::Gated, Some(own)) if self.mode.has_prompts() && own.positive.is_empty() => {
                Some("needs prompts of the shared expert".to_owned())
            }
            _ => None,
        }
    }
}
