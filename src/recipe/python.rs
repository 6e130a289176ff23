//! Numbers as Python writes them: the metadata is read by what reads the script's.

use serde_json::json;

/// A float as `str` and `json.dumps` write it.
pub(super) fn float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number:?}")
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
