//! Addresses, as texts.

use std::fmt::Write;

/// The scheme and host of an address.
pub(super) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']);
    end.map_or(url, |end| &url[..host + end])
}

/// Where a `Location` leads from an address.
pub(super) fn joined(url: &str, place: &str) -> String {
    let host = origin(url);
    if place.contains("://") && !place.starts_with(['/', '?']) {
        place.to_owned()
    } else if let Some(rest) = place.strip_prefix("//") {
        let scheme = host.split("//").next().unwrap_or_default();
        format!("{scheme}//{rest}")
    } else if place.starts_with('/') {
        format!("{host}{place}")
    } else {
        let folder = url.split(['?', '#']).next().unwrap_or(url);
        let folder = folder.rfind('/').filter(|at| *at >= host.len());
        let folder = folder.map_or(host, |at| &url[..at]);
        format!("{folder}/{place}")
    }
}

/// A text as it stands in an address.
pub(super) fn quoted(text: &str, with_slashes: bool) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match plain || (with_slashes && byte == b'/') {
            true => quoted.push(char::from(byte)),
            // Writing to a String cannot fail.
            false => drop(write!(quoted, "%{byte:02X}")),
        }
    }
    quoted
}
