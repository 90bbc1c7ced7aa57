//! README.md and docs/: their links lead somewhere, the scripts they name exist, and their whole scripts compile.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{TempDir, pingscript, repo_root};
use pingscript::engine::sources::SHIPPED;
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::Kind;

/// Each document with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = vec![repo_root().join("README.md"), repo_root().join("CONTRIBUTING.md")];
    let docs = fs::read_dir(repo_root().join("docs")).expect("docs");
    paths.extend(docs.map(|entry| entry.expect("an entry").path()));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("a text"))).collect()
}

#[test]
fn links_lead_to_files() {
    for (path, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            let is_elsewhere = file.contains("://") || file.is_empty();
            let there = path.parent().expect("a directory").join(file);
            assert!(is_elsewhere || there.exists(), "{}: {link} leads nowhere", path.display());
        }
    }
}

#[test]
fn the_scripts_they_name_exist() {
    for (path, text) in documents() {
        for word in text.split(|c: char| c.is_whitespace() || "`\"(),;|".contains(c)) {
            let Some(name) = word.strip_prefix("scripts/").filter(|name| name.ends_with(".rhai")) else { continue };
            let known = name == "NAME.rhai" || SHIPPED.iter().any(|(shipped, _)| *shipped == name);
            assert!(known, "{}: there is no {word}", path.display());
        }
    }
}

#[test]
fn their_scripts_compile() {
    let dir = TempDir::new();
    let mut checked = 0;
    for (path, text) in documents() {
        // What is only part of a script is marked as such, after the language.
        for block in text.split("```rhai\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let file = dir.path().join(format!("block{checked}.rhai"));
            fs::write(&file, block).expect("a file");
            let run = pingscript(&["--check", file.to_str().expect("a path")]).run();
            assert_eq!(run.code, Some(0), "{}:\n{block}{}{}", path.display(), run.stdout, run.stderr);
            checked += 1;
        }
    }
    assert!(checked > 0, "no script in the documents");
}

#[test]
fn the_help_of_reject_lists_every_name_that_its_hint_leaves_out() {
    let help = pingscript(&["doc", "reject"]).run().expect_code(0).stdout;
    for kind in [Family::V4, Family::V6].into_iter().flat_map(Kind::all).filter(|kind| kind.is_quoting()) {
        let keyword = kind.keyword().expect("each error has one");
        assert!(help.contains(&format!("`{keyword}`")), "{keyword}\n{help}");
    }
}

#[test]
fn the_files_that_pages_for_contributors_name_exist() {
    for (page, least) in [("docs/architecture.md", 60), ("CONTRIBUTING.md", 20)] {
        let text = fs::read_to_string(repo_root().join(page)).expect("a text");
        let named: Vec<&str> = text.split(['`', ' ', '\n']).filter(|word| word.starts_with("src/")).collect();
        assert!(named.len() > least, "only {} names were read in {page}", named.len());
        // `{udp,icmp}` stands for several.
        for name in named.iter().filter(|name| !name.contains('{')) {
            assert!(repo_root().join(name).exists(), "{page} names {name}, which is not there");
        }
    }
}
