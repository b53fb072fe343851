//! What a user sees of a malformed scenario file. Each file of `tests/bad-scenarios` is the good one with one
//! mistake in it.

use std::path::{Path, PathBuf};

use wormproof::scenario::{Controls, Mistake, Scenario, parse_file};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-scenarios")
}

fn read(name: &str) -> Result<Vec<Scenario>, Vec<Mistake>> {
    let text = std::fs::read_to_string(folder().join(name)).expect("a readable file");
    let controls = Controls::builtin().expect("the catalogue").into_list();
    let ids: Vec<&str> = controls.iter().map(|c| c.id.as_str()).collect();
    parse_file(name, "bad", &text, &ids, &|_| None)
}

#[test]
fn each_mistake_is_shown_alone_with_its_place_and_a_hint() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "toml") && name != "good.toml")
        .collect();
    names.sort();
    assert!(names.len() >= 25, "only {} malformed files", names.len());
    if let Err(mistakes) = read("good.toml") {
        panic!("the file that the others spoil is not good:\n{}", mistakes[0]);
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for name in names {
            let mistakes = read(&name).err().unwrap_or_default();
            let shown: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert_eq!(shown.len(), 1, "{name} must show one mistake:\n{}", shown.join("\n\n"));
            insta::assert_snapshot!(name.trim_end_matches(".toml"), shown[0]);
        }
    });
}
