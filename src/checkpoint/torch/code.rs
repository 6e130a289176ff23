//! The instructions of a pickle one after the other, and what follows them in its bytes.

use super::fault::{Stop, TorchError};
use super::input::{Input, TEXT_BYTES_MAX};
use super::opcode as op;
use super::value::Value;

/// The bytes of the number that begins the format before the archives.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The same in decimal digits.
const MAGIC_TEXT: &str = "119547037146038801333356";

/// A pickle's instructions, at one of them.
pub(super) struct Code<'f> {
    input: Input<'f>,
    /// The instruction.
    pub(super) opcode: u8,
    /// Where it stands in the pickle.
    pub(super) at: u64,
}

/// A text as it stands in a pickle.
pub(super) enum Words {
    /// One that is kept.
    Text(String),
    /// One that is longer, of so many bytes.
    Long(u64),
    /// Bytes that are something else, as in what Python 2 calls a string.
    Other,
}

impl<'f> Code<'f> {
    pub(super) fn new(input: Input<'f>) -> Code<'f> {
        Code {
            input,
            opcode: op::PROTO,
            at: 0,
        }
    }

    /// Goes on to the next instruction.
    pub(super) fn advance(&mut self) -> Result<(), Stop> {
        self.at = self.input.at();
        self.opcode = self.byte()?;
        Ok(())
    }

    /// Bytes that were taken.
    pub(super) fn taken(&self) -> u64 {
        self.input.at()
    }

    /// The error for an instruction that cannot be followed.
    pub(super) fn wrong(&self, fault: &'static str) -> Stop {
        let (opcode, at) = (op::name(self.opcode), self.at);
        TorchError::Malformed { opcode, at, fault }.into()
    }

    /// The error for one that is no part of weights.
    pub(super) fn refused(&self, what: &str) -> Stop {
        let (what, opcode, at) = (what.to_owned(), op::name(self.opcode), self.at);
        TorchError::Refused { what, opcode, at }.into()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N as u64)?);
        Ok(array)
    }

    pub(super) fn bytes(&mut self, count: u64) -> Result<&[u8], Stop> {
        let (opcode, at) = (self.opcode, self.at);
        self.input.take(count)?.ok_or_else(|| ends(opcode, at))
    }

    pub(super) fn skip(&mut self, count: u64) -> Result<(), Stop> {
        match self.input.skip(count)? {
            true => Ok(()),
            false => Err(ends(self.opcode, self.at)),
        }
    }

    pub(super) fn line(&mut self) -> Result<&[u8], Stop> {
        let (opcode, at) = (self.opcode, self.at);
        self.input.line()?.ok_or_else(|| ends(opcode, at))
    }

    /// A line of UTF-8.
    pub(super) fn text_line(&mut self) -> Result<String, Stop> {
        let text = std::str::from_utf8(self.line()?).map(str::to_owned);
        text.map_err(|_| self.wrong("a text is not UTF-8"))
    }

    /// How many bytes follow.
    pub(super) fn length(&mut self) -> Result<u64, Stop> {
        Ok(match self.opcode {
            op::SHORT_BINBYTES | op::SHORT_BINUNICODE | op::SHORT_BINSTRING => self.byte()?.into(),
            op::BINBYTES8 | op::BINUNICODE8 | op::BYTEARRAY8 => u64::from_le_bytes(self.array()?),
            _ => u32::from_le_bytes(self.array()?).into(),
        })
    }

    pub(super) fn digits(&mut self) -> Result<Value, Stop> {
        let text = self.text_line()?;
        let digits = text.strip_suffix('L').unwrap_or(&text);
        Ok(match digits {
            "00" => Value::Bool(false),
            "01" => Value::Bool(true),
            MAGIC_TEXT => Value::Magic,
            digits => digits.parse().map_or(Value::Other, Value::Int),
        })
    }

    pub(super) fn integer(&mut self) -> Result<Value, Stop> {
        let len = match self.opcode {
            op::BININT => return Ok(Value::Int(i32::from_le_bytes(self.array()?).into())),
            op::BININT1 => return Ok(Value::Int(self.byte()?.into())),
            op::BININT2 => return Ok(Value::Int(u16::from_le_bytes(self.array()?).into())),
            op::LONG1 => self.byte()?.into(),
            _ => u32::from_le_bytes(self.array()?).into(),
        };
        if len > MAGIC.len() as u64 {
            self.skip(len)?;
            return Ok(Value::Other);
        }
        let bytes = self.bytes(len)?;
        if bytes.len() > 8 {
            return Ok(if bytes == MAGIC {
                Value::Magic
            } else {
                Value::Other
            });
        }
        // Two's complement of as many bytes as it takes.
        let negative = bytes.last().is_some_and(|byte| byte >> 7 == 1);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        Ok(Value::Int(i64::from_le_bytes(whole)))
    }

    pub(super) fn text(&mut self) -> Result<Words, Stop> {
        let plain = |text: &str| match text.contains('\\') {
            true => Words::Other,
            false => Words::Text(text.to_owned()),
        };
        Ok(match self.opcode {
            op::UNICODE => plain(&self.text_line()?),
            op::STRING => {
                let text = self.text_line()?;
                let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
                let inner = quoted('\'').or_else(|| quoted('"'));
                inner.map_or(Words::Other, plain)
            }
            opcode => {
                let len = self.length()?;
                if len > TEXT_BYTES_MAX as u64 {
                    self.skip(len)?;
                    return Ok(Words::Long(len));
                }
                let text = std::str::from_utf8(self.bytes(len)?).map(str::to_owned);
                match (text, opcode) {
                    (Ok(text), _) => Words::Text(text),
                    // What Python 2 calls a string may be any bytes.
                    (Err(_), op::BINSTRING | op::SHORT_BINSTRING) => Words::Other,
                    (Err(_), _) => return Err(self.wrong("a text is not UTF-8")),
                }
            }
        })
    }
}

fn ends(opcode: u8, at: u64) -> Stop {
    let opcode = op::name(opcode);
    let fault = "it ends in the middle";
    TorchError::Malformed { opcode, at, fault }.into()
}
