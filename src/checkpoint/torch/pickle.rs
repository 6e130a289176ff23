//! Runs a pickle's instructions, as far as lists of weights need them.
//!
//! A pickle is a program for a machine with a stack and a memo (Python's `pickletools` describes
//! it). Here its calls make containers and tensors and nothing else: a name that is not in the
//! table is refused where it stands, before anything is done with it.

use std::collections::HashMap;

use super::call::{self, NoCall};
use super::code::{Code, Words};
use super::fault::{Stop, TorchError};
use super::global::Global;
use super::input::Input;
use super::opcode as op;
use super::value::{Heap, Value};

/// The newest protocol.
const PROTOCOL_MAX: u8 = 5;
/// Bytes of a place in the memo that is numbered out of turn.
const FAR_BYTES: usize = 64;

/// What a pickle made.
pub(super) struct Pickle {
    /// The object that was pickled.
    pub(super) root: Value,
    /// All that it is made of.
    pub(super) heap: Heap,
    /// Bytes that were taken.
    pub(super) len: u64,
}

/// Runs the pickle at the beginning of an input.
pub(super) fn run(input: Input<'_>) -> Result<Pickle, Stop> {
    let mut machine = Machine {
        code: Code::new(input),
        heap: Heap::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        deepest: (0, 0),
        memo: Vec::new(),
        far: HashMap::default(),
    };
    loop {
        machine.code.advance()?;
        if machine.code.opcode == op::STOP {
            let root = machine.pop()?;
            let len = machine.code.taken();
            return Ok(Pickle {
                root,
                heap: machine.heap,
                len,
            });
        }
        machine.step()?;
    }
}

struct Machine<'f> {
    code: Code<'f>,
    heap: Heap,
    stack: Vec<Value>,
    /// How long the stack was at each mark.
    marks: Vec<usize>,
    /// How long the stack and the marks have ever been: that much memory they keep.
    deepest: (usize, usize),
    /// The memo's places as picklers number them, one after the other.
    memo: Vec<Value>,
    /// Its other places.
    far: HashMap<u32, Value, foldhash::fast::RandomState>,
}

impl Machine<'_> {
    fn step(&mut self) -> Result<(), Stop> {
        match self.code.opcode {
            op::PROTO => match self.code.byte()? {
                0..=PROTOCOL_MAX => Ok(()),
                _ => Err(self.code.wrong("its protocol is unknown")),
            },
            op::FRAME => self.code.skip(8),
            op::MARK => {
                if self.marks.len() == self.deepest.1 {
                    self.heap.hold(size_of::<usize>())?;
                    self.deepest.1 += 1;
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            op::POP => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => self.mark().map(|_| ()),
                _ => self.pop().map(|_| ()),
            },
            op::POP_MARK => {
                let mark = self.mark()?;
                self.stack.truncate(mark);
                Ok(())
            }
            op::DUP => {
                let top = self.top()?;
                self.push(top)
            }
            op::GET | op::BINGET | op::LONG_BINGET => self.get(),
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.put(),
            op::APPEND | op::APPENDS | op::ADDITEMS => self.append(),
            op::SETITEM | op::SETITEMS => self.set_items(),
            op::GLOBAL | op::STACK_GLOBAL => self.global(),
            op::REDUCE | op::NEWOBJ => {
                let arguments = self.pop()?;
                let callee = self.pop()?;
                let made = call::call(&mut self.heap, callee, arguments);
                self.push_made(made)
            }
            op::BINPERSID => {
                let id = self.pop()?;
                let made = call::storage(&mut self.heap, id);
                self.push_made(made)
            }
            op::BUILD => self.build(),
            op::NONE | op::NEWTRUE | op::NEWFALSE => self.push(match self.code.opcode {
                op::NONE => Value::None,
                opcode => Value::Bool(opcode == op::NEWTRUE),
            }),
            _ => self.made(),
        }
    }

    /// The instructions that make a value of what follows them or lies on the stack.
    fn made(&mut self) -> Result<(), Stop> {
        let value = match self.code.opcode {
            op::INT | op::LONG => self.code.digits()?,
            op::BININT | op::BININT1 | op::BININT2 | op::LONG1 | op::LONG4 => {
                self.code.integer()?
            }
            op::FLOAT => {
                self.code.line()?;
                Value::Other
            }
            op::BINFLOAT => {
                self.code.skip(8)?;
                Value::Other
            }
            op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 | op::BYTEARRAY8 => {
                let len = self.code.length()?;
                self.code.skip(len)?;
                Value::Other
            }
            op::BINUNICODE
            | op::SHORT_BINUNICODE
            | op::BINUNICODE8
            | op::BINSTRING
            | op::SHORT_BINSTRING
            | op::UNICODE
            | op::STRING => match self.code.text()? {
                Words::Text(text) => self.heap.add_text(&text)?,
                // Of a pickle, whose bytes 32 bits count.
                Words::Long(bytes) => Value::LongText(bytes as u32),
                Words::Other => Value::Other,
            },
            op::EMPTY_LIST | op::EMPTY_SET => self.heap.add_list(&[])?,
            op::EMPTY_DICT => self.heap.add_dict(&[])?,
            op::EMPTY_TUPLE => self.heap.add_tuple(&[])?,
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let from = self.last(usize::from(self.code.opcode - op::TUPLE1) + 1)?;
                let tuple = self.heap.add_tuple(&self.stack[from..])?;
                self.stack.truncate(from);
                tuple
            }
            op::TUPLE | op::LIST | op::FROZENSET | op::DICT => {
                let from = self.mark()?;
                let values = &self.stack[from..];
                let made = match self.code.opcode {
                    op::TUPLE => self.heap.add_tuple(values)?,
                    op::DICT => self.heap.add_dict(pairs(&self.code, values)?)?,
                    _ => self.heap.add_list(values)?,
                };
                self.stack.truncate(from);
                made
            }
            op::PERSID
            | op::INST
            | op::OBJ
            | op::NEWOBJ_EX
            | op::EXT1
            | op::EXT2
            | op::EXT4
            | op::NEXT_BUFFER
            | op::READONLY_BUFFER => return Err(self.code.refused("it")),
            _ => return Err(self.code.wrong("there is no such instruction")),
        };
        self.push(value)
    }

    fn push(&mut self, value: Value) -> Result<(), Stop> {
        if self.stack.len() == self.deepest.0 {
            self.heap.hold(size_of::<Value>())?;
            self.deepest.0 += 1;
        }
        self.stack.push(value);
        Ok(())
    }

    fn push_made(&mut self, made: Result<Value, NoCall>) -> Result<(), Stop> {
        match made {
            Ok(value) => self.push(value),
            Err(NoCall::Wrong(fault)) => Err(self.code.wrong(fault)),
            Err(NoCall::Refused(what)) => Err(self.code.refused(&what)),
            Err(NoCall::Stop(fault)) => Err(fault.into()),
        }
    }

    /// Below this nothing is taken from the stack.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Value, Stop> {
        self.last(1).map(|at| self.stack[at])
    }

    fn pop(&mut self) -> Result<Value, Stop> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Where the last so many values begin on the stack.
    fn last(&self, count: usize) -> Result<usize, Stop> {
        let from = self.stack.len().checked_sub(count);
        let from = from.filter(|&from| from >= self.floor());
        from.ok_or_else(|| self.code.wrong("the stack is empty"))
    }

    /// Where the stack was at the last mark, which goes.
    fn mark(&mut self) -> Result<usize, Stop> {
        let mark = self.marks.pop();
        mark.ok_or_else(|| self.code.wrong("there is no mark"))
    }

    /// The number of a place in the memo.
    fn memo_number(&mut self) -> Result<u32, Stop> {
        Ok(match self.code.opcode {
            op::GET | op::PUT => {
                let number = self.code.text_line()?.parse();
                number.map_err(|_| self.code.wrong("the place in the memo is no number"))?
            }
            op::BINGET | op::BINPUT => self.code.byte()?.into(),
            op::LONG_BINGET | op::LONG_BINPUT => u32::from_le_bytes(self.code.array()?),
            // What the memo holds is counted with the values.
            _ => (self.memo.len() + self.far.len()) as u32,
        })
    }

    fn get(&mut self) -> Result<(), Stop> {
        let number = self.memo_number()?;
        let value = self.memo.get(number as usize);
        let value = value.or_else(|| self.far.get(&number)).copied();
        let value = value.ok_or_else(|| {
            self.code
                .wrong("there is nothing in that place of the memo")
        })?;
        self.push(value)
    }

    fn put(&mut self) -> Result<(), Stop> {
        let number = self.memo_number()?;
        let value = self.top()?;
        let place = number as usize;
        if let Some(there) = self.memo.get_mut(place) {
            *there = value;
        } else if place == self.memo.len() {
            self.heap.hold(size_of::<Value>())?;
            self.memo.push(value);
        } else {
            self.heap.hold(FAR_BYTES)?;
            self.far.insert(number, value);
        }
        Ok(())
    }

    /// Where what is added to a container begins on the stack, and the container.
    fn added(&mut self, is_one: bool, count: usize) -> Result<(usize, Value), Stop> {
        let from = match is_one {
            true => self.last(count)?,
            false => self.mark()?,
        };
        let container = from.checked_sub(1).filter(|&at| at >= self.floor());
        let container = container.ok_or_else(|| self.code.wrong("the stack is empty"))?;
        Ok((from, self.stack[container]))
    }

    fn append(&mut self) -> Result<(), Stop> {
        let (from, list) = self.added(self.code.opcode == op::APPEND, 1)?;
        match list {
            Value::List(list) => self.heap.extend_list(list, &self.stack[from..])?,
            _ => return Err(self.code.wrong("it appends to what is no list")),
        }
        self.stack.truncate(from);
        Ok(())
    }

    fn set_items(&mut self) -> Result<(), Stop> {
        let (from, dict) = self.added(self.code.opcode == op::SETITEM, 2)?;
        let pairs = pairs(&self.code, &self.stack[from..])?;
        match dict {
            Value::Dict(dict) => self.heap.extend_dict(dict, pairs)?,
            _ => return Err(self.code.wrong("it adds entries to what is no dict")),
        }
        self.stack.truncate(from);
        Ok(())
    }

    fn global(&mut self) -> Result<(), Stop> {
        let (module, name) = match self.code.opcode {
            op::GLOBAL => (self.code.text_line()?, self.code.text_line()?),
            _ => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |value| self.heap.as_text(value).map(str::to_owned);
                match (text(module), text(name)) {
                    (Some(module), Some(name)) => (module, name),
                    _ => return Err(self.code.wrong("a name is no text")),
                }
            }
        };
        if let Some(global) = Global::of(&module, &name) {
            return self.push(Value::Global(global));
        }
        let class = format!("{module}.{name}");
        let first = self
            .stack
            .first()
            .and_then(|first| self.heap.as_text(*first));
        if self.stack.is_empty() || first == Some("module") {
            let (opcode, at) = (op::name(self.code.opcode), self.code.at);
            return Err(TorchError::WholeObject { class, opcode, at }.into());
        }
        Err(self.code.refused(&format!("`{class}`")))
    }

    /// The state of an object: attributes of a dict or of what is left out, which say nothing.
    fn build(&mut self) -> Result<(), Stop> {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) | Value::List(_) | Value::Other => Ok(()),
            _ => Err(self.code.refused("the state of an object")),
        }
    }
}

/// Keys and values in turn.
fn pairs<'v>(code: &Code<'_>, values: &'v [Value]) -> Result<&'v [[Value; 2]], Stop> {
    match values.as_chunks::<2>() {
        (pairs, []) => Ok(pairs),
        _ => Err(code.wrong("an entry has a key and no value")),
    }
}
