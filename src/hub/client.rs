//! The hub's routes over HTTP: what a repository lists, and the bytes of a file from some place on.
//!
//! Redirects are followed here, because the token may go to the hub and to nobody else, and because
//! the hub says on the way what the storage behind it does not.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::address::{joined, origin, quoted};
use super::answer::{Limits, Wrong};
use super::error::Refusal;
use super::gathered::Gathered;
use super::reference::is_commit;
use super::{Listing, Reference, Settings};

/// Redirects of one request at most.
const REDIRECTS_MAX: usize = 10;
/// Pages of a listing at most.
const PAGES_MAX: usize = 1000;
/// The time for one answer, by that for the next bytes of it.
const ANSWER_PATIENCE: u32 = 6;
/// The time for all pages of a listing, by the same.
const LISTING_PATIENCE: u32 = 180;

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
        let read = self.limits().value(answer.into_body().into_reader());
        let Revision { sha } = read.map_err(|wrong| self.wrong(wrong))?;
        match is_commit(&sha) {
            true => Ok(sha),
            false => Err(self.nonsense(format!("its commit is `{sha:.100}`"))),
        }
    }

    /// What a commit lists.
    pub(super) fn listing(&self, reference: &Reference, commit: &str) -> Result<Listing, Fault> {
        let (endpoint, repository) = (&self.settings.endpoint, &reference.repository);
        let mut next =
            format!("{endpoint}/api/models/{repository}/tree/{commit}?recursive=true&expand=false");
        let mut gathered = Gathered::default();
        let (mut limits, mut asked, hasher) = (self.limits(), HashSet::new(), RandomState::new());
        let (begin, time) = (Instant::now(), self.settings.patience * LISTING_PATIENCE);
        for _ in 0..PAGES_MAX {
            if !asked.insert(hasher.hash_one(&next)) {
                return Err(self.nonsense("a page of its listing leads to an earlier one".into()));
            }
            let answer = self.get(&next, 0)?;
            let answer = self.good(answer, reference)?;
            let following = next_page(&answer);
            let mut refused = None;
            let body = answer.into_body().into_reader();
            let read = limits.list(body, &mut |entry| {
                refused = gathered.add(entry).err();
                refused.is_none()
            });
            if let Some(fault) = refused {
                return Err(self.nonsense(fault));
            }
            read.map_err(|wrong| self.wrong(wrong))?;
            match following {
                Some(url) => next = self.led(&next, &url)?,
                None => return Ok(Listing::new(gathered.files)),
            }
            if begin.elapsed() > time {
                let fault = format!("its listing was not whole after {} s", time.as_secs());
                return Err(Fault::Passing(fault));
            }
        }
        Err(self.nonsense(format!(
            "its listing has more than {PAGES_MAX} pages, the limit"
        )))
    }

    /// What the answers to one question may have.
    fn limits(&self) -> Limits {
        Limits::new(self.settings.patience * ANSWER_PATIENCE)
    }

    /// How long the next bytes of an answer are waited for.
    pub(super) fn patience(&self) -> Duration {
        self.settings.patience
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
                    url = self.led(&url, place)?;
                }
            }
        }
        Err(self.nonsense("its redirects do not end".to_owned()))
    }

    /// Where an answer leads from an address.
    fn led(&self, url: &str, place: &str) -> Result<String, Fault> {
        let next = joined(url, place);
        let (from, to) = (origin(url), origin(&next));
        if url.starts_with("https:") && !next.starts_with("https:") {
            return Err(self.nonsense(format!("it leads from {from} to {to}")));
        }
        // What stands there would be sent as who asks: nobody but the user says that.
        if to.contains('@') && to != origin(&self.settings.endpoint) {
            let fault = format!("it leads from {from} to an address with a user's name in it");
            return Err(self.nonsense(fault));
        }
        Ok(next)
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

    fn wrong(&self, wrong: Wrong) -> Fault {
        match wrong {
            Wrong::Nonsense(fault) => self.nonsense(fault),
            Wrong::Passing(fault) => Fault::Passing(fault),
        }
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
