//! Numbers for people.

/// Bytes for people: `2.13 GB`.
pub(crate) fn human(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.2} {}", units[unit])
}

/// A size in units of 1024, never less than it is: `20.1 MiB`. For what is compared with
/// `--memory`, which people give in such units.
pub(crate) fn binary(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", (value * 10.0).ceil() / 10.0, units[unit])
}

/// A number of things: `1 tensor`, `2 passes`, `3 batches`.
pub(crate) fn counted(count: impl TryInto<u64>, thing: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {thing}"),
        count if thing.ends_with(['s', 'h']) => format!("{count} {thing}es"),
        count => format!("{count} {thing}s"),
    }
}

/// Bytes as hexadecimal digits, as hashes are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
