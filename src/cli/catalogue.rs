//! The list of methods and routes: all of them by what they are for, or those that words find.

use super::routes::Described;
use super::table::{Align, Table};
use crate::method::{Group, METHODS, Method, all};

/// Methods and routes.
pub(super) struct Catalogue {
    pub(super) methods: Vec<&'static Method>,
    pub(super) routes: Vec<Described>,
}

impl Catalogue {
    /// All there are.
    pub(super) fn whole() -> Catalogue {
        Catalogue {
            methods: by_group().collect(),
            routes: Described::all().collect(),
        }
    }

    /// Those with an identifier: a method of flags and one of recipes may share it.
    pub(super) fn named(id: &str) -> Catalogue {
        Catalogue {
            methods: by_group().filter(|method| method.id == id).collect(),
            routes: Described::find(id).into_iter().collect(),
        }
    }

    /// Those of which the identifier, what it does, its source, its group or its name in another
    /// tool contains each of these words, in capitals or not.
    pub(super) fn found(words: &[String]) -> Catalogue {
        let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let fits = |text: String| {
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        let mut catalogue = Catalogue::whole();
        catalogue.methods.retain(|method| fits(described(method)));
        let texts = |route: &Described| fits(format!("{} {}", route.id(), route.summary()));
        catalogue.routes.retain(texts);
        catalogue
    }

    pub(super) fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.routes.is_empty()
    }

    /// A table for each group. What was found by words has its names in other tools beside it, and
    /// conversions among it.
    pub(super) fn tables(&self, found: bool) -> String {
        let mut tables = Vec::new();
        for group in Group::ALL {
            let heading = [(group.title(), Align::Left), (group.purpose(), Align::Wrap)];
            let mut table = Table::new(&heading);
            let members = self.methods.iter().filter(|method| method.group == group);
            for method in members.clone() {
                let what = match peers(method) {
                    known if found && !known.is_empty() => {
                        format!("{}; {known}", method.summary)
                    }
                    _ => method.summary.to_owned(),
                };
                table.row(vec![name(method), what]);
            }
            if members.count() > 0 {
                tables.push(table.text());
            }
        }
        let mut table = Table::new(&[
            ("Routes, in recipes", Align::Left),
            ("what they give", Align::Wrap),
        ]);
        let is_listed = |route: &&Described| found || matches!(route, Described::Row(_));
        let routes: Vec<&Described> = self.routes.iter().filter(is_listed).collect();
        for route in &routes {
            table.row(vec![route.id(), route.summary()]);
        }
        if !routes.is_empty() {
            tables.push(table.text());
        }
        tables.join("\n")
    }
}

/// Every method, those of a group behind each other.
pub(super) fn by_group() -> impl Iterator<Item = &'static Method> {
    let groups = Group::ALL.into_iter();
    groups.flat_map(|group| all().filter(move |method| method.group == group))
}

/// What other tools call a method.
pub(super) fn peers(method: &Method) -> String {
    let names: Vec<String> = method.peers.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Why flags cannot name a method, where they cannot.
pub(super) fn not_by_flags(method: &Method) -> Option<&'static str> {
    let other = METHODS.iter().find(|known| known.id == method.id);
    match other {
        Some(known) if !std::ptr::eq(*known, method) => {
            Some("by this name `merge` means the method above")
        }
        None if !method.merges_models() => Some(
            "not offered by `merge`, whose models are whole: a recipe makes differences with \
             \"subtract\" and adds them with \"add_difference\"",
        ),
        _ => None,
    }
}

/// A method's name; of one that flags do not mean by it, with a word that it is one of recipes.
pub(super) fn name(method: &Method) -> String {
    match not_by_flags(method) {
        None => method.id.to_owned(),
        Some(_) => format!("{} (in recipes)", method.id),
    }
}

/// All that words are looked for in.
fn described(method: &Method) -> String {
    let (id, summary, source) = (method.id, method.summary, method.source);
    let (group, peers) = (method.group.title(), peers(method));
    format!("{id} {summary} {source} {group} {peers}")
}
