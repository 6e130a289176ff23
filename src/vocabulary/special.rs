//! Tokens that a tokenizer's configuration names.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{AddedToken, long};

/// Whether a field of a tokenizer's configuration names a token, or several.
pub(super) fn is_special(name: &str) -> bool {
    matches!(
        name,
        "bos_token"
            | "eos_token"
            | "unk_token"
            | "sep_token"
            | "pad_token"
            | "cls_token"
            | "mask_token"
            | "additional_special_tokens"
    )
}

/// The tokens that a field names: a text, an object with one, or a list of these.
pub(super) fn specials(value: &RawValue) -> Vec<AddedToken<'static>> {
    let value: Value = serde_json::from_str(value.get()).unwrap_or_default();
    let items = match value {
        Value::Array(items) => items,
        one => vec![one],
    };
    let token = |item: &Value| match item {
        Value::String(text) => Some(AddedToken::special(text.clone())),
        Value::Object(_) => {
            let text = item.to_string();
            let token: AddedToken<'_> = serde_json::from_str(&text).ok()?;
            Some(AddedToken {
                special: true,
                content: Cow::Owned(token.content.into_owned()),
                ..token
            })
        }
        _ => None,
    };
    items.iter().filter_map(token).collect()
}

/// What of a field names tokens that are there; None where nothing does.
pub(super) fn known(value: &RawValue, is: impl Fn(&str) -> bool) -> Option<long::Value<'_>> {
    let all = specials(value);
    if all.iter().all(|token| is(&token.content)) {
        return Some(long::Value::Kept(value));
    }
    let mut items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
    items.retain(|item| specials(item).iter().all(|token| is(&token.content)));
    long::raw(&items).map(long::Value::New)
}
