//! Requests and answers as they go over the wire.

use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::net::TcpStream;

use serde_json::Value;

/// What was asked for.
pub struct Request {
    pub path: String,
    pub range: Option<usize>,
    pub token: Option<String>,
}

/// Reads a request; None where there is none any more.
pub fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(1..) if line != "\r\n" => lines.push(line.trim_end().to_owned()),
            Ok(1..) => break,
            _ => return None,
        }
    }
    let header = |name: &str| {
        let mut lines = lines.iter().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let range = header("range").map(|range| {
        let from = range
            .strip_prefix("bytes=")
            .and_then(|range| range.strip_suffix('-'));
        from.expect("an open range").parse().expect("a number")
    });
    Some(Request {
        path: lines[0].split(' ').nth(1)?.to_owned(),
        range,
        token: header("authorization"),
    })
}

/// An answer, and how much of its body is sent.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub sent: Option<usize>,
    pub stalls: bool,
}

impl Answer {
    pub fn new(status: u16, body: Vec<u8>) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body,
            sent: None,
            stalls: false,
        }
    }

    pub fn json(value: &Value) -> Answer {
        Answer::new(200, value.to_string().into_bytes())
    }

    pub fn error(status: u16, code: &str, message: &str) -> Answer {
        Answer::new(status, b"{}".to_vec())
            .with("X-Error-Code", code)
            .with("X-Error-Message", message)
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Answer {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Whether the connection can go on.
    pub fn send(&self, mut stream: &TcpStream) -> bool {
        let mut head = format!(
            "HTTP/1.1 {} X\r\nContent-Length: {}\r\n",
            self.status,
            self.body.len()
        );
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").expect("a String takes all text");
        }
        let body = &self.body[..self.sent.unwrap_or(self.body.len()).min(self.body.len())];
        let sent = stream
            .write_all(format!("{head}\r\n").as_bytes())
            .and_then(|()| stream.write_all(body))
            .and_then(|()| stream.flush());
        if self.stalls {
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        sent.is_ok() && self.sent.is_none()
    }
}

/// The part of some bytes that a request asks for.
pub fn part(bytes: &[u8], request: &Request) -> Answer {
    match request.range {
        None => Answer::new(200, bytes.to_vec()),
        Some(from) if from >= bytes.len() => Answer::new(416, Vec::new()),
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            Answer::new(206, bytes[from..].to_vec()).with("Content-Range", &range)
        }
    }
}
