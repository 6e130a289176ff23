//! Documents that are generated: the committed file must be what the program says now.

use std::path::Path;

#[test]
fn methods_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METHODS.md");
    let page = wgmerge::cli::methods_markdown();
    if std::env::var_os("WGMERGE_BLESS").is_some() {
        std::fs::write(&path, &page).expect("docs/METHODS.md can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("docs/METHODS.md can be read");
    assert!(
        committed == page,
        "docs/METHODS.md is not what the table of methods says: run the tests with WGMERGE_BLESS=1"
    );
}

#[test]
fn methods_page_has_every_method_and_parameter() {
    let page = wgmerge::cli::methods_markdown();
    for method in wgmerge::method::METHODS {
        let begin = page.find(&format!("\n## {}\n", method.id));
        let section = &page[begin.expect("a section for each method") + 1..];
        let section = &section[..section.find("\n## ").unwrap_or(section.len())];
        assert!(section.contains(method.formula), "{}", method.id);
        assert!(section.contains(method.source), "{}", method.id);
        for parameter in method.parameters {
            let row = format!("\n| `{}` |", parameter.name);
            assert!(section.contains(&row), "{} {}", method.id, parameter.name);
        }
    }
}
