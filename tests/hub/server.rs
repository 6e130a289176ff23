//! A hub on this machine: the routes of huggingface.co, and a storage at another address.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::COMMIT;
use super::wire::{Answer, Request, part, read};

/// Files larger than this are kept in the storage.
const SMALL: usize = 1000;
/// Entries of a page of a listing.
const PAGE: usize = 3;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The storage ends the connection after so many bytes of an answer.
    Cut(usize),
    /// The storage stops in the middle, and keeps the connection.
    Stall,
    /// The storage does not know ranges.
    NoRanges,
    /// The storage sends other bytes.
    Wrong,
    /// The storage sends a byte less and says so.
    Short,
    /// The storage does not open.
    Denied,
    /// The hub answers with this status.
    Status(u16),
    /// The hub's redirects go round.
    Round,
}

/// What a hub holds and does.
#[derive(Default)]
struct State {
    /// Files by repository, commit and name.
    files: HashMap<(String, String, String), Vec<u8>>,
    /// Commits by repository and revision.
    revisions: HashMap<(String, String), String>,
    /// Names of old, and what they are now.
    renamed: HashMap<String, String>,
    /// What opens it, if not everybody may come in.
    token: Option<String>,
    /// What goes wrong, and how often.
    trouble: Option<(Trouble, usize)>,
    /// The requests, in order.
    log: Vec<String>,
}

/// A hub that listens as long as the process lives.
pub struct Hub {
    state: Arc<Mutex<State>>,
    hub: String,
}

/// Which of the two servers.
#[derive(Clone)]
enum Part {
    Hub { storage: String },
    Storage,
}

impl Hub {
    pub fn new() -> Hub {
        let state = Arc::new(Mutex::new(State::default()));
        let storage = listen(Arc::clone(&state), Part::Storage);
        let hub = listen(Arc::clone(&state), Part::Hub { storage });
        Hub { state, hub }
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.hub
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    /// Adds a file to a commit, which `main` leads to.
    pub fn put(&self, repository: &str, name: &str, bytes: &[u8]) {
        self.put_at(repository, "main", COMMIT, name, bytes);
    }

    pub fn put_at(&self, repository: &str, revision: &str, commit: &str, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let revision = (repository.to_owned(), revision.to_owned());
        state.revisions.insert(revision, commit.to_owned());
        let own = (repository.to_owned(), commit.to_owned());
        state.revisions.insert(own, commit.to_owned());
        let file = (repository.to_owned(), commit.to_owned(), name.to_owned());
        state.files.insert(file, bytes.to_vec());
    }

    /// Lets a name of old lead to a repository.
    pub fn rename(&self, old: &str, new: &str) {
        self.state().renamed.insert(old.to_owned(), new.to_owned());
    }

    /// Lets in only who has a token.
    pub fn demand(&self, token: &str) {
        self.state().token = Some(token.to_owned());
    }

    /// Lets something go wrong so many times.
    pub fn trouble(&self, trouble: Trouble, times: usize) {
        self.state().trouble = Some((trouble, times));
    }

    /// The requests so far, which are then forgotten.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }
}

/// Answers on a port of its own; the address.
fn listen(state: Arc<Mutex<State>>, part: Part) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (state, part) = (Arc::clone(&state), part.clone());
            std::thread::spawn(move || serve(&stream, &state, &part));
        }
    });
    address
}

fn serve(stream: &TcpStream, state: &Mutex<State>, part: &Part) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let answer = {
            let mut state = state.lock().expect("nobody panicked");
            let place = match part {
                Part::Hub { .. } => "hub",
                Part::Storage => "storage",
            };
            let from = request
                .range
                .map_or(String::new(), |from| format!(" from {from}"));
            let token = request.token.as_deref().map_or("", |_| " with a token");
            state
                .log
                .push(format!("{place} {}{from}{token}", request.path));
            match part {
                Part::Hub { storage } => state.hub(&request, storage),
                Part::Storage => state.storage(&request),
            }
        };
        if !answer.send(stream) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

impl State {
    /// What goes wrong now, if it is one of these.
    fn goes_wrong(&mut self, is: impl Fn(Trouble) -> bool) -> Option<Trouble> {
        let (trouble, times) = self.trouble.as_mut()?;
        if *times == 0 || !is(*trouble) {
            return None;
        }
        *times -= 1;
        Some(*trouble)
    }

    fn hub(&mut self, request: &Request, storage: &str) -> Answer {
        let of_hub = |trouble| matches!(trouble, Trouble::Status(_) | Trouble::Round);
        match self.goes_wrong(of_hub) {
            Some(Trouble::Round) => {
                return Answer::new(307, Vec::new()).with("Location", &request.path);
            }
            Some(Trouble::Status(status)) => return Answer::error(status, "", "not today"),
            _ => {}
        }
        let given = request
            .token
            .as_ref()
            .map(|text| text.trim_start_matches("Bearer "));
        if self.token.is_some() && self.token.as_deref() != given {
            return match given {
                None => Answer::error(401, "RepoNotFound", "Repository not found"),
                Some(_) => Answer::error(403, "GatedRepo", "Access is restricted."),
            };
        }
        for (old, new) in &self.renamed {
            if request.path.contains(&format!("/{old}/")) {
                let new = request.path.replacen(old.as_str(), new, 1);
                return Answer::new(307, Vec::new()).with("Location", &new);
            }
        }
        let path = request.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["api", "models", org, name, "revision", revision] => {
                let revision = revision.replace("%2F", "/");
                self.revision(&format!("{org}/{name}"), &revision)
            }
            ["api", "models", org, name, "tree", commit] => {
                self.tree(&format!("{org}/{name}"), commit, &request.path)
            }
            [org, name, "resolve", commit, file @ ..] => {
                let file = file.join("/").replace("%20", " ");
                self.resolve(&format!("{org}/{name}"), commit, &file, storage, request)
            }
            _ => Answer::error(404, "", "no such route"),
        }
    }

    fn revision(&self, repository: &str, revision: &str) -> Answer {
        let found = self
            .revisions
            .get(&(repository.to_owned(), revision.to_owned()));
        let known = self.revisions.keys().any(|(name, _)| name == repository);
        match (found, known) {
            (Some(commit), _) => Answer::json(&json!({ "id": repository, "sha": commit })),
            (None, true) => Answer::error(404, "RevisionNotFound", "Invalid rev id"),
            (None, false) => Answer::error(404, "RepoNotFound", "Repository not found"),
        }
    }

    fn tree(&self, repository: &str, commit: &str, asked: &str) -> Answer {
        let of = |key: &(String, String, String)| key.0 == repository && key.1 == commit;
        let mut files: Vec<_> = self.files.iter().filter(|(key, _)| of(key)).collect();
        files.sort();
        let start = asked
            .split_once("cursor=")
            .map_or(0, |(_, at)| at.parse().expect("a number"));
        let entries = files
            .iter()
            .skip(start)
            .take(PAGE)
            .map(|((_, _, name), bytes)| {
                let mut entry = json!({ "type": "file", "path": name, "oid": git(bytes) });
                entry["size"] = json!(bytes.len());
                if bytes.len() > SMALL {
                    let (oid, size) = (sha(bytes), bytes.len());
                    entry["lfs"] = json!({ "oid": oid, "size": size, "pointerSize": 134 });
                }
                entry
            });
        let mut entries: Vec<Value> = entries.collect();
        entries.push(json!({ "type": "directory", "path": "a", "oid": "0".repeat(40), "size": 0 }));
        let answer = Answer::json(&json!(entries));
        match start + PAGE < files.len() {
            true => {
                let route = format!("/api/models/{repository}/tree/{commit}");
                let next = format!(
                    "<{route}?recursive=true&cursor={}>; rel=\"next\"",
                    start + PAGE
                );
                answer.with("Link", &next)
            }
            false => answer,
        }
    }

    fn resolve(
        &mut self,
        repository: &str,
        commit: &str,
        file: &str,
        storage: &str,
        request: &Request,
    ) -> Answer {
        let key = (repository.to_owned(), commit.to_owned(), file.to_owned());
        let Some(bytes) = self.files.get(&key) else {
            return Answer::error(404, "EntryNotFound", "Entry not found");
        };
        if bytes.len() <= SMALL {
            let etag = format!("\"{}\"", git(bytes));
            return part(bytes, request)
                .with("X-Repo-Commit", commit)
                .with("ETag", &etag);
        }
        Answer::new(302, Vec::new())
            .with("X-Repo-Commit", commit)
            .with("X-Linked-Etag", &format!("\"{}\"", sha(bytes)))
            .with("X-Linked-Size", &bytes.len().to_string())
            .with("Location", &format!("{storage}/{}?signed=1", sha(bytes)))
    }

    fn storage(&mut self, request: &Request) -> Answer {
        let hash = request
            .path
            .trim_start_matches('/')
            .split('?')
            .next()
            .unwrap_or_default();
        let found = self.files.values().find(|bytes| sha(bytes) == hash);
        let bytes = found.expect("a file of the storage").clone();
        let of_hub = |trouble| matches!(trouble, Trouble::Status(_) | Trouble::Round);
        match self.goes_wrong(|trouble| !of_hub(trouble)) {
            Some(Trouble::Cut(after)) => Answer {
                sent: Some(after),
                ..part(&bytes, request)
            },
            Some(Trouble::Stall) => Answer {
                // A part that is asked for does not even begin.
                sent: Some(request.range.map_or(bytes.len() / 2, |_| 0)),
                stalls: true,
                ..part(&bytes, request)
            },
            Some(Trouble::Denied) => Answer::new(403, Vec::new()),
            Some(Trouble::NoRanges) => Answer::new(200, bytes),
            Some(Trouble::Wrong) => part(&vec![0; bytes.len()], request),
            Some(Trouble::Short) => part(&bytes[1..], request),
            _ => part(&bytes, request),
        }
    }
}

/// The SHA-256 of some bytes, as a large file is known by.
pub fn sha(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stands for the hash by which git knows a small file.
pub fn git(bytes: &[u8]) -> String {
    sha(bytes)[..40].to_owned()
}
