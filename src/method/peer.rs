//! What other tools call a method.

use std::fmt;

/// The name of a method in another tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The tool.
    pub tool: &'static str,
    /// Its name for the method.
    pub name: &'static str,
    /// What it has to be combined with there, or where it differs; empty where there is nothing.
    pub but: &'static str,
}

impl Peer {
    const fn new(tool: &'static str, name: &'static str) -> Peer {
        let but = "";
        Peer { tool, name, but }
    }

    /// The same, with what has to be said of it.
    pub(super) const fn but(self, but: &'static str) -> Peer {
        Peer { but, ..self }
    }
}

/// The tool, its name in backquotes, and what has to be said of it in brackets.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.tool, self.name)?;
        match self.but {
            "" => Ok(()),
            but => write!(f, " ({but})"),
        }
    }
}

/// A method of sd-mecha's recipes.
pub(super) const fn sd_mecha(name: &'static str) -> Peer {
    Peer::new("sd-mecha", name)
}

/// A `merge_method` of mergekit.
pub(super) const fn mergekit(name: &'static str) -> Peer {
    Peer::new("mergekit", name)
}

/// A merge mode or calcmode of supermerger.
pub(super) const fn supermerger(name: &'static str) -> Peer {
    Peer::new("supermerger", name)
}

/// A merge method of sd-meh.
pub(super) const fn sd_meh(name: &'static str) -> Peer {
    Peer::new("sd-meh", name)
}

/// A mode of Chattiori's merger.
pub(super) const fn chattiori(name: &'static str) -> Peer {
    Peer::new("Chattiori", name)
}

/// A `combination_type` of PEFT.
pub(super) const fn peft(name: &'static str) -> Peer {
    Peer::new("PEFT", name)
}

/// A merge of MergeFlux.
pub(super) const fn mergeflux(name: &'static str) -> Peer {
    Peer::new("MergeFlux", name)
}

/// A script of safetensors-merge-supermario.
pub(super) const fn supermario(name: &'static str) -> Peer {
    Peer::new("safetensors-merge-supermario", name)
}
