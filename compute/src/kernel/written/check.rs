//! What of a text naga could not bear: it reads nested expressions by recursion.

use crate::fault::Fault;

/// Bytes of a text at most.
const BYTES_MAX: usize = 1 << 16;

/// Brackets within one another, and operators before one operand, at most.
const NESTED_MAX: usize = 64;

/// Types of types at most.
const TYPES_MAX: usize = 64;

/// That a text is short, and nested as people nest.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    if text.len() > BYTES_MAX {
        let message = format!(
            "the text has {} bytes; formulas are read up to {BYTES_MAX}",
            text.len()
        );
        return Err(Fault::new(0..0, message));
    }
    if text.matches("array").count() > TYPES_MAX {
        let message = format!("more than {TYPES_MAX} arrays");
        return Err(Fault::new(0..0, message));
    }
    let (mut depth, mut prefix) = (0_usize, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match c {
            '-' | '!' | '~' | '&' | '*' => prefix += 1,
            c if c.is_whitespace() => {}
            _ => prefix = 0,
        }
        if depth > NESTED_MAX || prefix > NESTED_MAX {
            let message = format!("more than {NESTED_MAX} nested brackets or operators in a row");
            return Err(Fault::new(at..at + c.len_utf8(), message));
        }
    }
    Ok(())
}
