//! Changes of a JSON text that leave the rest of it as it was: order, numbers and spaces.

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON object, its values as they are written.
pub(super) type Object = IndexMap<String, Box<RawValue>>;

/// Where an object stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// The names that lead to it.
    pub(super) path: &'p [String],
}

/// The text with some values replaced, or None where none is: `change` is asked about every object
/// in it, the outermost first.
pub(super) fn edited(
    text: &str,
    change: &mut dyn FnMut(Place<'_>, &mut Object) -> bool,
) -> Option<String> {
    object(text, &mut Vec::new(), change)
}

/// How deep objects may lie in each other.
const DEPTH_MAX: usize = 32;

fn object(
    text: &str,
    path: &mut Vec<String>,
    change: &mut dyn FnMut(Place<'_>, &mut Object) -> bool,
) -> Option<String> {
    let mut own: Object = serde_json::from_str(text).ok()?;
    let mut changed = change(Place { path }, &mut own);
    if path.len() < DEPTH_MAX {
        for (name, value) in &mut own {
            if !value.get().starts_with('{') {
                continue;
            }
            path.push(name.clone());
            let inner = object(value.get(), path, change);
            path.pop();
            if let Some(inner) = inner.and_then(|inner| RawValue::from_string(inner).ok()) {
                *value = inner;
                changed = true;
            }
        }
    }
    changed.then(|| written(&own, text, path.len()))
}

/// The object as text: on one line where it was on one, else indented by two spaces for each object
/// around it.
fn written(own: &Object, before: &str, depth: usize) -> String {
    let members = own
        .iter()
        .map(|(name, value)| format!("{}: {}", serde_json::json!(name), value.get()));
    let members: Vec<String> = members.collect();
    if !before.contains('\n') {
        return format!("{{{}}}", members.join(", "));
    }
    let (indent, end) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let separator = format!(",\n{indent}");
    format!("{{\n{indent}{}\n{end}}}", members.join(&separator))
}

/// A value as it is written in an object.
pub(super) fn raw(value: &serde_json::Value) -> Option<Box<RawValue>> {
    RawValue::from_string(value.to_string()).ok()
}

/// Replaces a value that is there; whether it was another.
pub(super) fn set(object: &mut Object, name: &str, value: &Value) -> bool {
    let Some(own) = object.get_mut(name) else {
        return false;
    };
    let same = serde_json::from_str::<Value>(own.get()).is_ok_and(|own| own == *value);
    match raw(value) {
        Some(raw) if !same => {
            *own = raw;
            true
        }
        _ => false,
    }
}
