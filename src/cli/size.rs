//! Sizes in bytes as people write them: `512MiB`, `2GB`, `4096`.

/// Reads a size: a number and an optional unit, B, kB, MB, GB, TB or KiB, MiB, GiB, TiB, in either
/// case.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let wanted = "must be a size such as 512MiB, 2GB or 4096";
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wanted.to_owned())?;
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wanted.to_owned()),
    };
    let bytes = number * factor;
    match bytes {
        bytes if bytes < 1.0 => Err("must be at least one byte".to_owned()),
        bytes if bytes > i64::MAX as f64 => Err("must be below 8 EiB".to_owned()),
        bytes => Ok(bytes as u64),
    }
}

/// Reads the size of the file that measures a disk: large enough to say something, small enough to
/// do no harm.
pub(super) fn parse_bench(text: &str) -> Result<u64, String> {
    let bytes = parse(text)?;
    match bytes {
        0x10_0000..=0x10_0000_0000 => Ok(bytes),
        _ => Err("must be from 1MiB to 64GiB".to_owned()),
    }
}

/// Reads the size of a shard as mergekit has it: a number and K, M or B, for thousands, millions
/// and billions of bytes.
pub(super) fn parse_shards(text: &str) -> Result<u64, String> {
    let wanted = "must be a size such as 5B, 500M or 4096";
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wanted.to_owned())?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "b" => 1_000_000_000,
        _ => return Err(wanted.to_owned()),
    };
    let bytes = number.checked_mul(factor).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| "must be at least one byte".to_owned())
}
