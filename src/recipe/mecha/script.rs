//! The syntax of `.mecha`: instructions, one per line, that refer to earlier ones by number.

use std::collections::HashSet;
use std::ops::Range;

use super::token::{Token, tokens};
use crate::keys::nearest::nearest;
use crate::recipe::Fault;

/// The version that is read and written.
pub(super) const VERSION: &str = "0.1.0";

/// A recipe's text, understood line by line.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Which form of the format it has.
    pub dialect: Dialect,
    /// Comments and instructions in order.
    pub lines: Vec<Line>,
}

/// A form of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// With the header `version 0.1.0`.
    V0_1_0,
    /// Without a header, as sd-mecha wrote it before.
    Legacy,
}

/// A line of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A comment, from its `#` on.
    Comment(String),
    /// An instruction.
    Instruction(Instruction),
}

/// An instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    /// What it makes.
    pub command: Command,
    /// With what.
    pub arguments: Vec<Argument>,
    /// Its line in the text, from 1.
    pub line: usize,
    /// The bytes of the text that it takes.
    pub span: Range<usize>,
}

/// The first word of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A mapping from names to values.
    Dict,
    /// A mapping with a model config and a merge space.
    Literal,
    /// A model.
    Model,
    /// A merge.
    Merge,
    /// A placeholder for a recipe, of the legacy form only.
    Parameter,
    /// A merge, as sd-mecha 0.0.3 and 0.0.4 called it.
    Call,
    /// An adapter, of the same versions.
    Lora,
}

/// An argument of an instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its name, unless it counts by position.
    pub name: Option<String>,
    /// Its value.
    pub value: ArgumentValue,
    /// The bytes of the text that it takes, its name included.
    pub span: Range<usize>,
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgumentValue {
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A number without point or exponent.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string in quotes.
    Text(String),
    /// `&n`: the instruction number n, from 0.
    Reference(usize),
}

const COMMANDS: [(&str, Command); 7] = [
    ("dict", Command::Dict),
    ("literal", Command::Literal),
    ("model", Command::Model),
    ("merge", Command::Merge),
    ("parameter", Command::Parameter),
    ("call", Command::Call),
    ("lora", Command::Lora),
];

impl Command {
    /// The word.
    pub fn word(self) -> &'static str {
        COMMANDS
            .iter()
            .find(|(_, command)| *command == self)
            .map_or("", |(word, _)| word)
    }
}

impl Script {
    /// The instructions in order: what `&n` counts.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.lines.iter().filter_map(|line| match line {
            Line::Comment(_) => None,
            Line::Instruction(instruction) => Some(instruction),
        })
    }
}

impl Dialect {
    /// Whether a backslash takes the next character as it is.
    pub(super) fn has_escapes(self) -> bool {
        self == Dialect::V0_1_0
    }
}

/// Reads a recipe's text.
pub fn parse(text: &str) -> Result<Script, Fault> {
    let mut script = Script {
        dialect: Dialect::Legacy,
        lines: Vec::new(),
    };
    let mut at = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut count = 0;
    let mut begun = false;
    // Lines are counted up to a place that moves on with the text.
    let (mut line, mut counted) = (1, 0);
    while at < text.len() {
        let start = at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
        let end = text[at..].find('\n').map_or(text.len(), |len| at + len);
        if text[start..].starts_with('#') {
            let comment = text[start..end].trim_end().to_owned();
            script.lines.push(Line::Comment(comment));
            at = end + 1;
            continue;
        }
        line += text[counted..start].matches('\n').count();
        counted = start;
        let (words, next) = tokens(text, at, script.dialect.has_escapes())?;
        at = next;
        let Some((first, rest)) = words.split_first() else {
            continue;
        };
        if first.text == "version" && !begun {
            check_version(first, rest)?;
            script.dialect = Dialect::V0_1_0;
        } else {
            let instruction = instruction((first, rest), line, count)?;
            check_dialect(&instruction, script.dialect)?;
            script.lines.push(Line::Instruction(instruction));
            count += 1;
        }
        begun = true;
    }
    if count == 0 {
        let fault = Fault::new(0..text.len(), "this recipe has no instruction");
        return Err(fault.help("the last instruction of a recipe is its result"));
    }
    Ok(script)
}

fn check_version(first: &Token, rest: &[Token]) -> Result<(), Fault> {
    match rest {
        [version] if version.text == VERSION => Ok(()),
        [] => Err(Fault::new(first.span.clone(), "the version is missing")
            .help(format!("the first line is `version {VERSION}`"))),
        [version, ..] => Err(Fault::new(
            version.span.clone(),
            format!("version {} of the format is not known", version.text),
        )
        .label("not known")
        .help(format!(
            "version {VERSION} is read, and recipes without a version line"
        ))),
    }
}

fn check_dialect(instruction: &Instruction, dialect: Dialect) -> Result<(), Fault> {
    let wrong = match instruction.command {
        Command::Literal => dialect == Dialect::Legacy,
        Command::Parameter | Command::Call | Command::Lora => dialect == Dialect::V0_1_0,
        _ => false,
    };
    if !wrong {
        return Ok(());
    }
    let word = instruction.command.word();
    let start = instruction.span.start;
    let fault = Fault::new(
        start..start + word.len(),
        format!("`{word}` is no instruction of this form of the format"),
    );
    Err(fault.help(format!(
        "`literal` needs the line `version {VERSION}` at the top; `parameter`, `call` and `lora` \
         must not have it"
    )))
}

fn instruction(
    (first, rest): (&Token, &[Token]),
    line: usize,
    count: usize,
) -> Result<Instruction, Fault> {
    let known = COMMANDS
        .iter()
        .find(|(word, _)| *word == first.text && first.name.is_none() && !first.quoted);
    let Some((_, command)) = known else {
        let near = nearest(&first.text, COMMANDS.iter().map(|(word, _)| *word));
        let fault = Fault::new(
            first.whole(),
            format!("unknown instruction `{}`", first.text),
        );
        return Err(fault.label("unknown").help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "an instruction begins with dict, literal, model or merge".to_owned(),
        }));
    };
    let mut arguments: Vec<Argument> = Vec::with_capacity(rest.len());
    let mut names: HashSet<&str> = HashSet::new();
    for token in rest {
        let argument = Argument {
            name: token.name.as_ref().map(|(name, _)| name.clone()),
            value: value(token, count)?,
            span: token.whole(),
        };
        if let Some((name, _)) = &token.name
            && !names.insert(name)
        {
            let fault = Fault::new(argument.span, format!("`{name}` is given twice"));
            return Err(fault.label("second time").help("remove one of the two"));
        }
        arguments.push(argument);
    }
    let end = rest.last().unwrap_or(first).span.end;
    Ok(Instruction {
        command: *command,
        arguments,
        line,
        span: first.span.start..end,
    })
}

fn value(token: &Token, count: usize) -> Result<ArgumentValue, Fault> {
    let text = token.text.as_str();
    if token.quoted {
        return Ok(ArgumentValue::Text(text.to_owned()));
    }
    if let Some(number) = text.strip_prefix('&') {
        return reference(token, number, count);
    }
    match text {
        "null" => return Ok(ArgumentValue::Null),
        // Until version 1.0.3 sd-mecha wrote yes and no as Python does.
        "true" | "True" => return Ok(ArgumentValue::Flag(true)),
        "false" | "False" => return Ok(ArgumentValue::Flag(false)),
        _ => {}
    }
    number(text).ok_or_else(|| {
        let fault = Fault::new(token.span.clone(), format!("`{text}` is no value"));
        let near = nearest(text, ["null", "true", "false"].into_iter());
        fault.label("not understood").help(match near {
            _ if text.is_empty() => "write a value after the equals sign".to_owned(),
            Some(near) => format!("did you mean `{near}`? A text is written in double quotes"),
            None => format!("a text is written in double quotes: \"{text}\""),
        })
    })
}

fn reference(token: &Token, number: &str, count: usize) -> Result<ArgumentValue, Fault> {
    let fault = |message: String| Fault::new(token.span.clone(), message);
    match number.parse::<usize>() {
        Ok(number) if number < count => Ok(ArgumentValue::Reference(number)),
        Ok(number) => Err(fault(format!(
            "`&{number}` refers to an instruction that does not come before this one"
        ))
        .label(match count {
            0 => "nothing comes before the first instruction".to_owned(),
            _ => format!("only &0 to &{} come before", count - 1),
        })
        .help("instructions are counted from 0, without the version line and comments")),
        Err(_) => Err(fault(format!("`&{number}` is no reference"))
            .label("expected a number after &")
            .help("a reference is & and the number of an earlier instruction: &0")),
    }
}

/// A number as Python writes and reads it.
fn number(text: &str) -> Option<ArgumentValue> {
    let plain = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    if matches!(plain.as_str(), "inf" | "infinity" | "nan") {
        return text.parse().ok().map(ArgumentValue::Float);
    }
    if !plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    // Python allows single underscores between digits.
    let digits = text.replace('_', "");
    if text.contains('_') && (text.contains("__") || text.ends_with('_')) {
        return None;
    }
    if digits.contains(['.', 'e', 'E']) {
        return digits.parse().ok().map(ArgumentValue::Float);
    }
    match digits.parse() {
        Ok(integer) => Some(ArgumentValue::Integer(integer)),
        Err(_) => digits.parse().ok().map(ArgumentValue::Float),
    }
}
