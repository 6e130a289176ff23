//! The hub's routes over HTTP: what a repository lists, and the bytes of a file from some place on.
//!
//! Redirects are followed here, because the token may go to the hub and to nobody else, and because
//! the hub says on the way what the storage behind it does not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;

use serde::Deserialize;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::error::Refusal;
use super::reference::{is_commit, is_inner_path};
use super::{Listing, Reference, Settings, Stored};

/// Redirects of one request at most.
const REDIRECTS_MAX: usize = 10;
/// Bytes of a page of a listing at most.
const PAGE_MAX: u64 = 64 << 20;
/// Pages of a listing at most.
const PAGES_MAX: usize = 1000;

/// Why a request brought nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// It will not, however often it is made.
    Refused(Refusal),
    /// It may, if it is made again.
    Passing(String),
    /// There are no bytes from this place on.
    NoRange,
}

/// Asks the hub.
pub(super) struct Client<'s> {
    settings: &'s Settings,
    agent: Agent,
}

/// The bytes of a file, from some place on.
pub(super) struct Incoming {
    /// The bytes.
    pub(super) body: Box<dyn Read>,
    /// The place of the first of them.
    pub(super) start: u64,
    /// Bytes of the whole file, if the answer says it.
    pub(super) total: Option<u64>,
}

/// An answer, and who gave it in the end.
struct Answer {
    answer: Response<Body>,
    url: String,
}

#[derive(Deserialize)]
struct Revision {
    sha: String,
}

#[derive(Deserialize)]
struct Entry {
    r#type: String,
    oid: String,
    #[serde(default)]
    size: u64,
    path: String,
    lfs: Option<Large>,
    #[serde(rename = "xetHash")]
    xet_hash: Option<String>,
}

#[derive(Deserialize)]
struct Large {
    oid: String,
    size: u64,
}

impl<'s> Client<'s> {
    pub(super) fn new(settings: &'s Settings) -> Client<'s> {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let patience = Some(settings.patience);
        let config = Agent::config_builder()
            .user_agent(concat!("wgmerge/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_resolve(patience)
            .timeout_connect(patience)
            .timeout_recv_response(patience)
            .timeout_per_read(patience)
            .build();
        Client {
            settings,
            agent: config.into(),
        }
    }

    /// The commit that the hub has for a reference.
    pub(super) fn commit(&self, reference: &Reference) -> Result<String, Fault> {
        let (repository, revision) = (&reference.repository, reference.revision());
        let endpoint = &self.settings.endpoint;
        let revision = quoted(revision, false);
        let url = format!("{endpoint}/api/models/{repository}/revision/{revision}");
        let answer = self.get(&url, 0)?;
        let answer = self.good(answer, reference)?;
        let found: Revision = self.json(answer)?;
        match is_commit(&found.sha) {
            true => Ok(found.sha),
            false => Err(self.nonsense(format!("its commit is `{}`", found.sha))),
        }
    }

    /// What a commit lists.
    pub(super) fn listing(&self, reference: &Reference, commit: &str) -> Result<Listing, Fault> {
        let (endpoint, repository) = (&self.settings.endpoint, &reference.repository);
        let mut files = BTreeMap::new();
        let mut next =
            format!("{endpoint}/api/models/{repository}/tree/{commit}?recursive=true&expand=false");
        for _ in 0..PAGES_MAX {
            let answer = self.get(&next, 0)?;
            let answer = self.good(answer, reference)?;
            let following = next_page(&answer);
            let entries: Vec<Entry> = self.json(answer)?;
            for entry in entries.into_iter().filter(|entry| entry.r#type == "file") {
                let (path, stored) = self.stored(entry)?;
                files.insert(path, stored);
            }
            match following {
                Some(url) => next = joined(&next, &url),
                None => return Ok(Listing::new(files)),
            }
        }
        Err(self.nonsense("its listing does not end".to_owned()))
    }

    fn stored(&self, entry: Entry) -> Result<(String, Stored), Fault> {
        let stored = Stored {
            size: entry.size,
            blob_id: entry.oid,
            lfs_size: entry.lfs.as_ref().map(|large| large.size),
            lfs_sha256: entry.lfs.map(|large| large.oid),
            xet_hash: entry.xet_hash,
        };
        let is_hash = |text: &str| {
            (40..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
        };
        match is_inner_path(&entry.path) && is_hash(stored.etag()) {
            true => Ok((entry.path, stored)),
            false => Err(self.nonsense(format!("it lists `{}`", entry.path))),
        }
    }

    /// The bytes of a file, from `start` on or, where the server does not do that, from the
    /// beginning.
    pub(super) fn open(
        &self,
        reference: &Reference,
        commit: &str,
        file: &str,
        start: u64,
    ) -> Result<Incoming, Fault> {
        let (endpoint, repository) = (&self.settings.endpoint, &reference.repository);
        let name = quoted(file, true);
        let url = format!("{endpoint}/{repository}/resolve/{commit}/{name}");
        let answer = self.get(&url, start)?;
        if answer.answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Err(Fault::NoRange);
        }
        let answer = self.good(answer, reference)?;
        let number = |name| text(&answer, name).and_then(|text| text.parse::<u64>().ok());
        let (start, total) = match answer.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = text(&answer, header::CONTENT_RANGE).and_then(|text| {
                    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
                    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
                });
                range
                    .ok_or_else(|| self.nonsense("a part of a file without its range".to_owned()))?
            }
            _ => (0, number(header::CONTENT_LENGTH)),
        };
        let body = Box::new(answer.into_body().into_reader());
        Ok(Incoming { body, start, total })
    }

    /// Follows redirects to an answer.
    fn get(&self, url: &str, start: u64) -> Result<Answer, Fault> {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS_MAX {
            let mut request = self.agent.get(&url).header("Accept-Encoding", "identity");
            if start > 0 {
                request = request.header("Range", format!("bytes={start}-"));
            }
            let is_hub = origin(&url) == origin(&self.settings.endpoint);
            if let Some(token) = self.settings.token.as_ref().filter(|_| is_hub) {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            let answer = request.call().map_err(|fault| self.failed(&fault, &url))?;
            let place = text(&answer, header::LOCATION);
            match place.filter(|_| answer.status().is_redirection()) {
                None => return Ok(Answer { answer, url }),
                Some(place) => {
                    let next = joined(&url, place);
                    if url.starts_with("https:") && !next.starts_with("https:") {
                        return Err(self.nonsense(format!(
                            "it leads from {} to {}",
                            origin(&url),
                            origin(&next)
                        )));
                    }
                    url = next;
                }
            }
        }
        Err(self.nonsense("its redirects do not end".to_owned()))
    }

    /// The answer, if it is what was asked for.
    fn good(&self, from: Answer, reference: &Reference) -> Result<Response<Body>, Fault> {
        let Answer { answer, url } = from;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if origin(&url) != origin(&self.settings.endpoint) {
            // The storage knows no repositories; the hub gives a new address for each request.
            let fault = format!("{} answers {}", origin(&url), status.as_u16());
            return Err(Fault::Passing(fault));
        }
        let code = text(&answer, "x-error-code").unwrap_or_default();
        let said = text(&answer, "x-error-message").map_or_else(String::new, |text| {
            format!(": {}", text.trim_end_matches('.'))
        });
        let endpoint = self.settings.endpoint.clone();
        let repository = reference.repository.clone();
        let status = status.as_u16();
        Err(Fault::Refused(match status {
            429 | 500.. => {
                return Err(Fault::Passing(format!("it answers {status}{said}")));
            }
            404 if code == "RevisionNotFound" => Refusal::NoRevision {
                endpoint,
                repository,
                revision: reference.revision().to_owned(),
            },
            404 if matches!(code, "" | "RepoNotFound") => Refusal::NoRepository {
                endpoint,
                repository,
            },
            401 | 403 if self.settings.token.is_none() => Refusal::NoToken {
                endpoint,
                repository,
                token_file: self.settings.token_file.clone(),
            },
            401 | 403 => Refusal::Denied {
                endpoint,
                repository,
                status,
                said,
            },
            _ => Refusal::Status {
                endpoint,
                status,
                said,
            },
        }))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, answer: Response<Body>) -> Result<T, Fault> {
        let mut text = Vec::new();
        let body = answer.into_body().into_reader();
        body.take(PAGE_MAX)
            .read_to_end(&mut text)
            .map_err(|fault| Fault::Passing(fault.to_string()))?;
        serde_json::from_slice(&text).map_err(|fault| self.nonsense(fault.to_string()))
    }

    fn nonsense(&self, fault: String) -> Fault {
        let endpoint = self.settings.endpoint.clone();
        Fault::Refused(Refusal::Answer { endpoint, fault })
    }

    /// Where nobody answers at all there is no use in asking again at once.
    fn failed(&self, fault: &ureq::Error, url: &str) -> Fault {
        use ureq::Timeout;
        let is_passing = match fault {
            ureq::Error::Timeout(timeout) => {
                !matches!(timeout, Timeout::Resolve | Timeout::Connect)
            }
            ureq::Error::Io(fault) => fault.kind() != std::io::ErrorKind::ConnectionRefused,
            ureq::Error::Protocol(_) => true,
            _ => false,
        };
        // What the system says needs no word for where it came from.
        let said = fault.to_string();
        let said = said.strip_prefix("io: ").unwrap_or(&said).to_owned();
        match is_passing {
            true => Fault::Passing(said),
            false => Fault::Refused(Refusal::Unreachable {
                endpoint: origin(url).to_owned(),
                fault: said,
            }),
        }
    }
}

fn text(answer: &Response<Body>, name: impl header::AsHeaderName) -> Option<&str> {
    answer.headers().get(name)?.to_str().ok()
}

/// The address in `Link: <ADDRESS>; rel="next"`.
fn next_page(answer: &Response<Body>) -> Option<String> {
    let links = text(answer, header::LINK)?.split(',');
    let mut next = links.filter(|link| link.contains("rel=\"next\""));
    let (_, rest) = next.next()?.split_once('<')?;
    Some(rest.split_once('>')?.0.to_owned())
}

/// The scheme and host of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']);
    end.map_or(url, |end| &url[..host + end])
}

/// Where a `Location` leads from an address.
fn joined(url: &str, place: &str) -> String {
    let host = origin(url);
    if place.contains("://") && !place.starts_with(['/', '?']) {
        place.to_owned()
    } else if let Some(rest) = place.strip_prefix("//") {
        let scheme = host.split("//").next().unwrap_or_default();
        format!("{scheme}//{rest}")
    } else if place.starts_with('/') {
        format!("{host}{place}")
    } else {
        let folder = url.split(['?', '#']).next().unwrap_or(url);
        let folder = folder.rfind('/').filter(|at| *at >= host.len());
        let folder = folder.map_or(host, |at| &url[..at]);
        format!("{folder}/{place}")
    }
}

/// A text as it stands in an address.
fn quoted(text: &str, with_slashes: bool) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match plain || (with_slashes && byte == b'/') {
            true => quoted.push(char::from(byte)),
            // Writing to a String cannot fail.
            false => drop(write!(quoted, "%{byte:02X}")),
        }
    }
    quoted
}
