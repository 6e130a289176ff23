//! Numbers and texts as Python writes them: what other tools read is as their own scripts write it.

use serde_json::json;

/// A float as `str` and `json.dumps` write it: the shortest digits that give it back, with a point
/// or an exponent.
pub(super) fn float(number: f64) -> String {
    if !number.is_finite() {
        return match (number.is_nan(), number > 0.0) {
            (true, _) => "nan".to_owned(),
            (false, true) => "inf".to_owned(),
            (false, false) => "-inf".to_owned(),
        };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{number:?}"),
    }
}

/// A list of floats, as `json.dumps` writes it.
pub(super) fn floats(numbers: &[f64]) -> String {
    let texts: Vec<String> = numbers.iter().map(|number| float(*number)).collect();
    format!("[{}]", texts.join(", "))
}

/// A list of texts, as `json.dumps` writes it: in ASCII.
pub(super) fn texts(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| quoted(&text)).collect();
    format!("[{}]", texts.join(", "))
}

fn quoted(text: &str) -> String {
    let json = json!(text).to_string();
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            c if c.is_ascii() => ascii.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    ascii += &format!("\\u{unit:04x}");
                }
            }
        }
    }
    ascii
}
