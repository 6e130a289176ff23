//! An answer of the hub as it comes. Of its bytes no more is held than what is asked of it, and it
//! ends: in bytes, in the length of a text, in depth and in time.

use std::io::{self, BufReader, Read};
use std::time::{Duration, Instant};

use serde::de::{DeserializeOwned, DeserializeSeed, Error, SeqAccess, Visitor};

/// Bytes of the answers to one question at most: twice what a hundred thousand files take.
const BYTES_MAX: u64 = 96 << 20;
/// Bytes of one text in them at most. A template of a chat is a text of an answer too.
const TEXT_BYTES_MAX: u64 = 1 << 20;
/// Lists and objects in each other at most.
const DEPTH_MAX: usize = 100;

/// What the answers to one question may still have.
pub(super) struct Limits {
    /// Their bytes.
    bytes: u64,
    /// How long one may take.
    time: Duration,
}

impl Limits {
    /// With so much time for each answer.
    pub(super) fn new(time: Duration) -> Limits {
        let bytes = BYTES_MAX;
        Limits { bytes, time }
    }

    /// Reads an answer that is one value.
    pub(super) fn value<T: DeserializeOwned>(&mut self, body: impl Read) -> Result<T, Wrong> {
        let mut bounded = self.bounded(body);
        let read = serde_json::from_reader(BufReader::new(&mut bounded));
        read.map_err(|fault| bounded.wrong(&fault))
    }

    /// Reads an answer that is a list, an element at a time, as long as `take` says true.
    pub(super) fn list<T: DeserializeOwned>(
        &mut self,
        body: impl Read,
        take: &mut dyn FnMut(T) -> bool,
    ) -> Result<(), Wrong> {
        let mut bounded = self.bounded(body);
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(&mut bounded));
        let read = Elements(take).deserialize(&mut json);
        let read = read.and_then(|()| json.end());
        drop(json);
        read.map_err(|fault| bounded.wrong(&fault))
    }

    fn bounded<R: Read>(&mut self, body: R) -> Bounded<'_, R> {
        Bounded {
            body,
            end: Instant::now() + self.time,
            limits: self,
            text: None,
            is_escaped: false,
            depth: 0,
            wrong: None,
        }
    }
}

/// Why an answer is not read to its end.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It makes no sense: this is why.
    Nonsense(String),
    /// The transfer failed.
    Passing(String),
}

/// The elements of a list, given one after the other to what says whether to go on.
struct Elements<'t, T>(&'t mut dyn FnMut(T) -> bool);

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Elements<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Elements<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            if !(self.0)(element) {
                return Err(A::Error::custom("it is not read on"));
            }
        }
        Ok(())
    }
}

/// An answer that is JSON, within limits.
struct Bounded<'l, R> {
    body: R,
    limits: &'l mut Limits,
    /// When it must be whole.
    end: Instant,
    /// Bytes of the text that goes on, where one does.
    text: Option<u64>,
    /// Whether the next byte of it follows a backslash.
    is_escaped: bool,
    depth: usize,
    /// Why it was not read on.
    wrong: Option<Wrong>,
}

impl<R> Bounded<'_, R> {
    /// Follows the bytes; what limit they pass, where they do.
    fn passed(&mut self, bytes: &[u8]) -> Option<String> {
        for byte in bytes {
            match &mut self.text {
                Some(_) if self.is_escaped => self.is_escaped = false,
                Some(_) if *byte == b'"' => self.text = None,
                Some(len) => {
                    self.is_escaped = *byte == b'\\';
                    *len += 1;
                    if *len > TEXT_BYTES_MAX {
                        return Some(format!(
                            "a text in it has more than {TEXT_BYTES_MAX} bytes, the limit"
                        ));
                    }
                }
                None => match byte {
                    b'"' => self.text = Some(0),
                    b'[' | b'{' => self.depth += 1,
                    b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                },
            }
            if self.depth > DEPTH_MAX {
                return Some(format!("it nests more than {DEPTH_MAX} deep, the limit"));
            }
        }
        match self.limits.bytes.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.limits.bytes = left;
                None
            }
            None => Some(format!("it has more than {BYTES_MAX} bytes, the limit")),
        }
    }

    fn wrong(self, fault: &serde_json::Error) -> Wrong {
        self.wrong
            .unwrap_or_else(|| Wrong::Nonsense(fault.to_string()))
    }
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wrong = match self.body.read(buffer) {
            _ if Instant::now() > self.end => {
                let seconds = self.limits.time.as_secs_f32();
                let fault = format!("its answer was not whole after {seconds:.1} s, the limit");
                Wrong::Passing(fault)
            }
            Ok(read) => match self.passed(&buffer[..read]) {
                None => return Ok(read),
                Some(fault) => Wrong::Nonsense(fault),
            },
            Err(fault) => Wrong::Passing(fault.to_string()),
        };
        self.wrong = Some(wrong);
        Err(io::ErrorKind::InvalidData.into())
    }
}
