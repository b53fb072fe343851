//! The arrows between modules: an import goes only the ways that the table allows. The `use crate::…` and
//! `crate::…` mentions of every file are read as text, outside comments and tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Module, and what it may import. `cli` may import everything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("located", &[]),
    ("lock", &[]),
    ("time", &[]),
    ("exchange", &["time"]),
    ("policy", &["lock", "time"]),
    ("profile", &["located", "lock", "time"]),
    ("scenario", &["located", "policy", "lock", "time"]),
    ("store", &["exchange", "lock", "time"]),
    ("server", &["policy", "lock", "time"]),
    ("sign", &[]),
    ("record", &["scenario", "profile", "exchange", "lock", "time"]),
    ("config", &["scenario", "profile", "lock", "time"]),
    ("report", &["record", "scenario", "profile", "exchange", "lock", "time"]),
    ("run", &["scenario", "store", "policy", "record", "exchange", "lock", "time"]),
    ("scan", &["store", "profile", "record", "exchange", "lock", "time"]),
    ("qualify", &["target", "run", "scenario", "record", "time"]),
    ("analyse", &["store", "policy", "profile", "record", "lock", "time"]),
    ("harden", &["profile", "lock", "time"]),
    ("target", &["scenario", "store", "server", "policy", "exchange", "lock", "time"]),
];

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The modules of ours that a file's code (not its comments, not its tests) mentions.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        if line.starts_with("//") {
            continue;
        }
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            if let Some(list) = rest.strip_prefix('{') {
                assert!(!list.is_empty(), "write one `use crate::module::…` a module: {line}");
            }
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            found.insert(name);
        }
    }
    found
}

#[test]
fn imports_follow_the_arrows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    assert!(all.len() > 20, "the walk found only {} files", all.len());
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    for path in all {
        let relative = path.strip_prefix(&src).expect("below src");
        let module = relative.iter().next().and_then(|n| n.to_str()).expect("a name").trim_end_matches(".rs");
        // Tests may set up whatever they need; they are no part of the product.
        let tests = relative.iter().any(|part| part == "tests" || part == "tests.rs");
        if tests || matches!(module, "cli" | "main" | "lib") {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{module} is not in the table of arrows"));
            continue;
        };
        known.insert(module.to_owned());
        for import in imports(&std::fs::read_to_string(&path).expect("a text file")) {
            if import != module && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: {module} -> {import}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the design does not have:\n{}", wrong.join("\n"));
    let gone: Vec<_> = ALLOWED.iter().map(|(m, _)| *m).filter(|m| !known.contains(*m)).collect();
    assert!(gone.is_empty(), "modules of the table that do not exist: {gone:?}");
}

#[test]
fn an_arrow_that_is_not_allowed_would_be_seen() {
    let text = "//! crate::cli is only named here\nuse crate::store::wire;\nlet x = crate::sign::y();\n#[cfg(test)]\nuse crate::cli;";
    assert_eq!(imports(text), BTreeSet::from(["store".to_owned(), "sign".to_owned()]));
}
