//! Hubs that answer without end, or as slowly as they can: each is given up at a limit that it is
//! told by, and what was held until then is bounded.
#![cfg(target_os = "linux")]

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::wire::{Answer, Request, read};
use super::{COMMIT, Home};
use crate::support::process::watched;

/// Serves what a function writes for each request, and then ends the connection; the address, and
/// the number of requests.
fn serve(
    answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (answer, requests) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (answer, requests) = (Arc::clone(&answer), Arc::clone(&counted));
            std::thread::spawn(move || {
                let request = read(&mut BufReader::new(&stream));
                if let Some(request) = request {
                    requests.fetch_add(1, Ordering::Relaxed);
                    answer(&request, &mut stream);
                }
            });
        }
    });
    (address, requests)
}

/// Answers as a hub does that has one repository, with this for its listing.
fn listing(
    answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    serve(
        move |request, stream| match request.path.contains("/tree/") {
            true => answer(request, stream),
            false => send(stream, &format!("{{\"sha\":\"{COMMIT}\"}}"), &[]),
        },
    )
}

fn send(stream: &mut TcpStream, body: &str, headers: &[(&'static str, &str)]) {
    let mut answer = Answer::new(200, body.as_bytes().to_vec()).with("Connection", "close");
    for (name, value) in headers {
        answer = answer.with(name, value);
    }
    answer.send(stream);
}

/// Writes pieces until they are refused, or for so long.
fn pour(stream: &mut TcpStream, start: &str, piece: &[u8], pause: Duration) {
    let begin = Instant::now();
    let head = format!("HTTP/1.1 200 X\r\nConnection: close\r\n\r\n{start}");
    let mut sent = stream.write_all(head.as_bytes());
    while sent.is_ok() && begin.elapsed() < Duration::from_secs(60) {
        sent = stream.write_all(piece).and_then(|()| stream.flush());
        std::thread::sleep(pause);
    }
}

/// An entry of a listing.
fn entry(path: &str) -> String {
    let oid = "0".repeat(40);
    format!("{{\"type\":\"file\",\"oid\":\"{oid}\",\"size\":1,\"path\":\"{path}\"}}")
}

/// Asks for a model, which is refused with this in the message; the peak in MiB.
#[track_caller]
fn refused(address: &str, expected: &str) -> u64 {
    fails(2, address, expected)
}

#[track_caller]
fn fails(code: i32, address: &str, expected: &str) -> u64 {
    let home = Home::at(address).with("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    let begin = Instant::now();
    let (ended, peak, said) = watched(&mut home.command(&["inspect", "org/a"]));
    println!("{expected}: {peak} MiB, {:?}", begin.elapsed());
    assert_eq!(ended, Some(code), "{said}");
    assert!(said.contains(address), "{said}");
    assert!(said.contains(expected), "no {expected:?} in {said}");
    peak
}

#[test]
fn answers_without_end_are_given_up() {
    let text = "x".repeat(1 << 16).into_bytes();
    let (address, _) = serve(move |_, stream| pour(stream, "{\"sha\":\"", &text, Duration::ZERO));
    let limit = "a text in it has more than 1048576 bytes, the limit";
    let peak = refused(&address, limit);
    assert!(peak <= 24, "{peak} MiB");
    let spaces = vec![b' '; 1 << 16];
    let (address, _) = listing(move |_, stream| pour(stream, "[", &spaces, Duration::ZERO));
    let peak = refused(&address, "it has more than 100663296 bytes, the limit");
    assert!(peak <= 24, "{peak} MiB");
    let nested = vec![b'['; 1 << 16];
    let (address, _) = serve(move |_, stream| pour(stream, "{\"a\":", &nested, Duration::ZERO));
    let peak = refused(&address, "it nests more than 100 deep, the limit");
    assert!(peak <= 24, "{peak} MiB");
}

#[test]
fn listings_are_bounded() {
    // Of one page, and of many.
    let entries = |page: usize, count: usize| {
        let entries = (0..count).map(|at| entry(&format!("folder/{page}/file-{at}.txt")));
        format!("[{}]", entries.collect::<Vec<_>>().join(","))
    };
    let page = entries(0, 200_000);
    let (address, _) = listing(move |_, stream| send(stream, &page, &[]));
    let limit = "it lists more than 150000 files and folders, the limit";
    let peak = refused(&address, limit);
    assert!(peak <= 80, "{peak} MiB");
    let (address, requests) = listing(move |request, stream| {
        let page = request.path.split_once("cursor=");
        let page: usize = page.map_or(0, |(_, page)| page.parse().expect("a number"));
        let next = format!(
            "</api/models/org/a/tree/x?cursor={}>; rel=\"next\"",
            page + 1
        );
        send(stream, &entries(page, 20_000), &[("Link", &next)]);
    });
    let peak = refused(&address, limit);
    assert!(peak <= 80, "{peak} MiB");
    assert_eq!(requests.load(Ordering::Relaxed), 1 + 8);
    // Few entries of long paths.
    let long = "k".repeat(1_000_000);
    let entries: Vec<String> = (0..60).map(|at| entry(&format!("{long}{at}"))).collect();
    let page = format!("[{}]", entries.join(","));
    let (address, _) = listing(move |_, stream| send(stream, &page, &[]));
    let peak = refused(&address, "have more than 50331648 bytes, the limit");
    assert!(peak <= 80, "{peak} MiB");
}

#[test]
fn pages_end_and_do_not_repeat() {
    let (address, requests) = listing(|request, stream| {
        let next = format!("<{}>; rel=\"next\"", request.path);
        send(stream, &format!("[{}]", entry("a.txt")), &[("Link", &next)]);
    });
    refused(&address, "a page of its listing leads to an earlier one");
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    let number = AtomicUsize::new(0);
    let (address, requests) = listing(move |_, stream| {
        let next = number.fetch_add(1, Ordering::Relaxed);
        send(
            stream,
            "[]",
            &[("Link", &format!("</tree/?{next}>; rel=\"next\""))],
        );
    });
    refused(&address, "its listing has more than 1000 pages, the limit");
    assert_eq!(requests.load(Ordering::Relaxed), 1001);
}

#[test]
fn answers_that_drip_are_given_up() {
    let begin = Instant::now();
    let (address, _) = serve(|_, stream| pour(stream, "{", b" ", Duration::from_millis(100)));
    fails(
        1,
        &address,
        "its answer was not whole after 6.0 s, the limit",
    );
    assert!(begin.elapsed() < Duration::from_secs(30));
}

/// A file that comes byte by byte, and one of which each connection brings a byte.
#[test]
fn transfers_that_drip_are_given_up() {
    let list = format!(
        "[{}]",
        entry("model.safetensors").replace(":1,", ":1000000,")
    );
    for is_cut in [false, true] {
        let page = list.clone();
        let (address, requests) = serve(move |request, stream| {
            if request.path.contains("/tree/") {
                send(stream, &page, &[]);
            } else if request.path.contains("/resolve/") {
                let from = request.range.unwrap_or(0);
                let head = format!(
                    "HTTP/1.1 206 X\r\nContent-Range: bytes {from}-999999/1000000\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n.",
                    1_000_000 - from
                );
                let mut sent = stream.write_all(head.as_bytes());
                while sent.is_ok() && !is_cut {
                    std::thread::sleep(Duration::from_millis(50));
                    sent = stream.write_all(b".");
                }
            } else {
                send(stream, &format!("{{\"sha\":\"{COMMIT}\"}}"), &[]);
            }
        });
        let home = Home::at(&address);
        let mut settings = wgmerge::hub::Settings::from_env();
        (settings.cache, settings.endpoint) = (home.path("hf/hub"), address);
        (settings.token, settings.offline) = (None, None);
        (settings.tries, settings.patience) = (3, Duration::from_millis(200));
        let hub = wgmerge::hub::Hub::new(settings);
        let fault = hub
            .locate(Path::new("org/a"), &())
            .expect_err("no transfer");
        let fault = fault.to_string();
        assert!(
            fault.contains("org/a/model.safetensors: the transfer failed 3 times"),
            "{fault}"
        );
        let slow = fault.contains("s, less than 1024 in each");
        assert_eq!(slow, !is_cut, "{fault}");
        assert_eq!(requests.load(Ordering::Relaxed), 2 + 3);
    }
}

/// What a redirect says of who asks is not sent to anybody.
#[test]
fn redirects_do_not_name_a_user() {
    let (other, reached) = serve(|_, stream| send(stream, "{}", &[]));
    let place = other.replace("http://", "http://user:secret@");
    let (address, _) = serve(move |_, stream| {
        let answer = Answer::new(302, Vec::new()).with("Location", &place);
        answer.with("Connection", "close").send(stream);
    });
    refused(&address, "to an address with a user's name in it");
    assert_eq!(reached.load(Ordering::Relaxed), 0);
}
