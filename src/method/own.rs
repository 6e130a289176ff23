//! Methods besides the built-in ones: of other crates, and of files.

use std::sync::{PoisonError, RwLock};

use super::file::method_of;
use super::{METHODS, Method, RECIPE_METHODS};
use crate::fault::Fault;

/// Those that were registered, with the text of a file.
static OWN: RwLock<Vec<Own>> = RwLock::new(Vec::new());

struct Own {
    method: &'static Method,
    text: Option<String>,
}

/// A name that is another method's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a method `{id}` already; give this one another name")]
pub struct NameTaken {
    /// The name.
    pub id: &'static str,
}

/// Adds a method to those that flags and recipes can name, for as long as the process runs.
pub fn register(method: &'static Method) -> Result<(), NameTaken> {
    add(Own { method, text: None })
}

/// Adds the method of a file's text. The same text may be given again.
pub fn register_file(text: &str) -> Result<&'static Method, Fault> {
    let known = own_of(|own| own.text.as_deref() == Some(text));
    if let Some(method) = known {
        return Ok(method);
    }
    let method = method_of(text)?;
    let own = Own {
        method,
        text: Some(text.to_owned()),
    };
    match add(own) {
        Ok(()) => Ok(method),
        Err(taken) => Err(Fault::new(0..0, taken.to_string())),
    }
}

/// The text of the file that a method is from.
pub(crate) fn text_of(method: &Method) -> Option<String> {
    let own = OWN.read().unwrap_or_else(PoisonError::into_inner);
    let known = own.iter().find(|own| own.method == method);
    known.and_then(|own| own.text.clone())
}

/// The methods that were registered.
pub(super) fn own() -> Vec<&'static Method> {
    let own = OWN.read().unwrap_or_else(PoisonError::into_inner);
    own.iter().map(|own| own.method).collect()
}

fn own_of(is: impl Fn(&Own) -> bool) -> Option<&'static Method> {
    let own = OWN.read().unwrap_or_else(PoisonError::into_inner);
    own.iter().find(|own| is(own)).map(|own| own.method)
}

fn add(new: Own) -> Result<(), NameTaken> {
    let id = new.method.id;
    let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
    let built_in = METHODS.iter().chain(RECIPE_METHODS).map(|method| method.id);
    let mut known = built_in.chain(own.iter().map(|own| own.method.id));
    if known.any(|known| known == id) {
        return Err(NameTaken { id });
    }
    own.push(new);
    Ok(())
}
