//! No file lies about unused: the compiler says nothing of a file that nobody declares.

use super::{SourceFile, assert_none, files, in_crate, root, rust, sources};

/// The files that may declare the module in `path`.
fn parents(path: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = match name {
        "mod.rs" => folder,
        _ => path.trim_end_matches(".rs"),
    };
    let Some((parent, _)) = folder.rsplit_once('/') else {
        return Vec::new();
    };
    let names = ["mod", "lib", "tests"].map(|name| format!("{parent}/{name}.rs"));
    names.into_iter().chain([format!("{parent}.rs")]).collect()
}

/// The name of the module in `path`.
fn name(path: &str) -> &str {
    let path = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn declares(file: &SourceFile, module: &str) -> bool {
    let declaration = format!("mod {module};");
    file.code().any(|(_, line)| {
        let line = line.trim();
        line == declaration || line.ends_with(&format!(" {declaration}"))
    })
}

/// Modules that no other file declares.
fn lost(all: &[SourceFile]) -> Vec<String> {
    let lost = all.iter().filter(|file| {
        let parents = parents(&file.path);
        let mut known = all.iter().filter(|other| parents.contains(&other.path));
        !known.any(|parent| declares(parent, name(&file.path)))
    });
    lost.map(|file| format!("{} is declared nowhere", file.path))
        .collect()
}

/// Roots of crates, which Cargo.toml or Cargo itself knows.
fn is_root(path: &str) -> bool {
    let bench_or_example = |path: &str| path.split('/').count() == 2 && in_crate(path).is_none();
    match path {
        "compute/src/lib.rs" | "src/lib.rs" | "src/main.rs" | "tests/tests.rs" => true,
        _ => !path.starts_with("tests/") && bench_or_example(path),
    }
}

#[test]
fn every_module_is_declared() {
    let all = rust();
    let faults = lost(&all);
    let roots = all.iter().filter(|file| is_root(&file.path));
    let roots: Vec<String> = roots.map(|file| format!("{} is", file.path)).collect();
    let is_module = |fault: &String| !roots.iter().any(|root| fault.starts_with(root.as_str()));
    // What a bench shares is declared by each bench that uses it.
    let shared = |fault: &String| fault.starts_with("benches/support/mod.rs");
    assert_none(
        faults
            .into_iter()
            .filter(|fault| is_module(fault) && !shared(fault)),
    );
}

#[test]
fn every_bench_is_in_the_manifest() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    for bench in files(&["benches"], "rs") {
        if is_root(&bench.path) {
            let entry = format!("[[bench]]\nname = \"{}\"\n", name(&bench.path));
            assert!(
                manifest.contains(&entry),
                "{} is not in Cargo.toml",
                bench.path
            );
        }
    }
}

#[test]
fn every_shader_is_compiled() {
    let sources = sources();
    for shader in files(&["compute/shaders"], "wgsl") {
        let inside = shader.path.strip_prefix("compute/shaders/");
        let name = inside.and_then(|path| path.strip_suffix(".wgsl"));
        let literal = format!("\"{}\"", name.expect("a path in shaders"));
        let used = sources
            .iter()
            .any(|file| file.code().any(|(_, line)| line.contains(&literal)));
        assert!(used, "{} is compiled nowhere", shader.path);
    }
}

#[test]
fn the_rule_finds_a_lost_file() {
    let file = SourceFile::new;
    let mut all = vec![
        file("src/lib.rs", "pub mod plan;\nmod error;\n"),
        file("src/error.rs", ""),
        file("src/plan/mod.rs", "pub(crate) mod job;\n// mod old;\n"),
        file("src/plan/job.rs", "mod copy;\n"),
        file("src/plan/job/copy.rs", ""),
    ];
    assert_eq!(lost(&all), ["src/lib.rs is declared nowhere"]);
    all.push(file("src/plan/old.rs", ""));
    all.push(file("src/plan/job/copy/deep.rs", ""));
    assert_eq!(lost(&all).len(), 3);
}
