//! Where the cache and the hub are, by the environment variables of `huggingface_hub`.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The hub itself.
const ENDPOINT: &str = "https://huggingface.co";

/// Where models are looked for, and how.
#[derive(Clone)]
pub struct Settings {
    /// The folder of the cache.
    pub cache: PathBuf,
    /// The address of the hub, without a slash at its end.
    pub endpoint: String,
    /// What says who asks.
    pub token: Option<String>,
    /// Where a token is looked for that no variable holds.
    pub token_file: PathBuf,
    /// The variable that forbids the network, if one does.
    pub offline: Option<&'static str>,
    /// How long an answer, or the next bytes of one, are waited for.
    pub patience: Duration,
    /// How often a transfer that brings nothing is begun again.
    pub tries: u32,
}

impl std::fmt::Debug for Settings {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// What the environment says: `HF_HOME` (else `XDG_CACHE_HOME/huggingface`, else
    /// `~/.cache/huggingface`), `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`,
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT` and the older
    /// names of these.
    pub fn from_env() -> Settings {
        let home = folder("HF_HOME").unwrap_or_else(|| {
            let caches = folder("XDG_CACHE_HOME");
            let caches = caches.unwrap_or_else(|| expanded(Path::new("~/.cache")));
            caches.join("huggingface")
        });
        let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let token_file = folder("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let seconds = text("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|text| text.parse().ok());
        let offline = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"];
        Settings {
            cache: cache.unwrap_or_else(|| home.join("hub")),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token(&token_file),
            token_file,
            offline: offline.into_iter().find(|name| is_set(name)),
            patience: Duration::from_secs(seconds.unwrap_or(10).max(1)),
            tries: 5,
        }
    }
}

/// The token of a variable, else of the file that `hf auth login` writes.
fn token(file: &Path) -> Option<String> {
    if is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
        return None;
    }
    let told = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
    let told = told.or_else(|| std::fs::read_to_string(file).ok())?;
    let clean: String = told.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}

fn is_set(name: &str) -> bool {
    let yes = |text: String| ["1", "ON", "YES", "TRUE"].contains(&text.to_uppercase().as_str());
    text(name).is_some_and(yes)
}

fn folder(name: &str) -> Option<PathBuf> {
    let told = env::var_os(name).filter(|told| !told.is_empty())?;
    Some(expanded(Path::new(&told)))
}

/// A path with the home folder in the place of `~`.
fn expanded(path: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => env::home_dir().unwrap_or_default().join(rest),
        Err(_) => path.to_path_buf(),
    }
}
