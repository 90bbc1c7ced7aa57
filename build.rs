//! Writes the table of the scripts that travel with the binary: each file below `scripts`, by its path there; and that of
//! the assignments, with what is handed out.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> std::io::Result<()> {
    let page = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("web/dist/index.html");
    assert!(
        env::var("CARGO_FEATURE_WEB").is_err() || page.exists(),
        "the feature `web` needs web/dist: bash web/build"
    );
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("scripts");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    let named =
        |file: PathBuf| (file.strip_prefix(&root).expect("below it").to_string_lossy().replace('\\', "/"), file);
    let mut files: Vec<(String, PathBuf)> = files.into_iter().map(named).collect();
    // The top level first, then the directories; names in order.
    files.sort_by_key(|(name, _)| (name.contains('/'), name.clone()));
    // What is handed out to be edited is no script that runs by itself.
    let (assignments, scripts) = files.into_iter().partition(|(name, _)| name.starts_with("assignments/"));
    write_table("assignments.rs", assignments)?;
    write_table("shipped.rs", scripts)
}

fn write_table(to: &str, files: Vec<(String, PathBuf)>) -> std::io::Result<()> {
    let mut table = String::from("&[\n");
    for (name, file) in files {
        writeln!(table, "    ({name:?}, include_str!({file:?})),").expect("a string takes it");
    }
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join(to), table + "]\n")
}

/// The scripts in and below `directory`, and what is handed out with them.
fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "rhai" || end == "md") {
            found.push(path);
        }
    }
    Ok(())
}
