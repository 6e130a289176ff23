//! The instructions of a pickle one after the other, and what follows them in its bytes.

use super::fault::{Stop, TorchError};
use super::input::Input;
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
    pub(super) at: usize,
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
        self.input.at() as u64
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

    /// A text; None where its bytes are something else, as in what Python 2 calls a string.
    pub(super) fn text(&mut self) -> Result<Option<String>, Stop> {
        Ok(match self.opcode {
            op::UNICODE => Some(self.text_line()?).filter(|text| !text.contains('\\')),
            op::STRING => {
                let text = self.text_line()?;
                let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
                let inner = quoted('\'').or_else(|| quoted('"'));
                inner.filter(|text| !text.contains('\\')).map(str::to_owned)
            }
            opcode => {
                let len = self.length()?;
                let text = std::str::from_utf8(self.bytes(len)?)
                    .map(str::to_owned)
                    .ok();
                // What Python 2 calls a string may be any bytes.
                if text.is_none() && opcode != op::BINSTRING && opcode != op::SHORT_BINSTRING {
                    return Err(self.wrong("a text is not UTF-8"));
                }
                text
            }
        })
    }
}

fn ends(opcode: u8, at: usize) -> Stop {
    let opcode = op::name(opcode);
    let fault = "it ends in the middle";
    TorchError::Malformed { opcode, at, fault }.into()
}
