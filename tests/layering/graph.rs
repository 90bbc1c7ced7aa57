//! Which module uses which, read from the sources, and the circles in that.

use std::collections::{BTreeMap, BTreeSet};

use super::{line_of, uses, words};

/// A source file: its path beneath the root of the package, and its text.
pub(super) type File = (String, String);

/// The modules of a tree and which others each uses, with a place for each.
#[derive(Debug, Default)]
pub(super) struct Graph(BTreeMap<String, BTreeMap<String, String>>);

impl Graph {
    /// The graph of the modules right beneath `top` (`["net"]`), made of `files`. A module named in `rooms` stands for what
    /// is in it: those are the modules `room/module`. Tests are left out.
    pub(super) fn new(files: &[File], top: &[&str], rooms: &[&str]) -> Self {
        let modules: BTreeSet<Vec<String>> = files.iter().filter_map(|(path, _)| module_of(path)).collect();
        let mut graph = Self::default();
        for (path, text) in files {
            let Some(module) = module_of(path).filter(|_| !is_test(path)) else { continue };
            let Some(from) = node(&modules, &module, top, rooms) else { continue };
            for (line, used) in paths(&without_tests(text)) {
                if let Some(to) = resolve(&module, &used, &modules).and_then(|full| node(&modules, &full, top, rooms))
                    && to != from
                {
                    let place = format!("{path}:{line} ({used})");
                    graph.0.entry(from.clone()).or_default().entry(to).or_insert(place);
                }
            }
        }
        graph
    }

    /// The arrows: who uses whom, and where.
    pub(super) fn arrows(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().flat_map(|(from, all)| all.iter().map(|(to, at)| (from.as_str(), to.as_str(), at.as_str())))
    }

    /// The modules that use each other in a circle, directly or through others: each circle's modules in order.
    pub(super) fn circles(&self) -> Vec<Vec<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|from| (from.as_str(), self.reached(from))).collect();
        let mut circles: Vec<Vec<&str>> = Vec::new();
        for (&from, to) in &reached {
            if to.contains(from) && !circles.iter().flatten().any(|&known| known == from) {
                let is_back = |&&other: &&&str| reached.get(other).is_some_and(|back| back.contains(from));
                circles.push(to.iter().filter(is_back).copied().collect());
            }
        }
        circles
    }

    /// The circles as text, with each arrow in them.
    pub(super) fn describe_circles(&self) -> String {
        let mut text = String::new();
        for circle in self.circles() {
            text.push_str(&format!("{} modules use each other: {}\n", circle.len(), circle.join(" ")));
            for (from, to, at) in self.arrows().filter(|(from, to, _)| circle.contains(from) && circle.contains(to)) {
                text.push_str(&format!("  {from} -> {to}: {at}\n"));
            }
        }
        text
    }

    /// What can be reached from a module, itself only through others.
    fn reached<'a>(&'a self, from: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            open.extend(
                self.0
                    .get(at)
                    .into_iter()
                    .flat_map(BTreeMap::keys)
                    .map(String::as_str)
                    .filter(|to| reached.insert(*to)),
            );
        }
        reached
    }
}

/// The path of the module in a file: `src/net/udp/mod.rs` has `net::udp`.
fn module_of(path: &str) -> Option<Vec<String>> {
    let names = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut names: Vec<String> = names.split('/').map(str::to_string).collect();
    if names.last().is_some_and(|last| last == "mod") {
        names.pop();
    }
    Some(names)
}

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

/// The text without its comments and without what comes after the beginning of its tests, line for line.
fn without_tests(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths that `use` declarations and code name, with their lines.
fn paths(text: &str) -> Vec<(usize, String)> {
    let mut found = uses(text);
    for start in ["crate", "super", "self"] {
        for at in words(text, start).filter(|&at| text[at + start.len()..].starts_with("::")) {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let path = &text[at..];
            let end = path.find(|c| !is_part(c)).unwrap_or(path.len());
            // Of a `use` with braces here is only the beginning; the whole was found above.
            if !path[..end].ends_with("::") {
                found.push((line_of(text, at), path[..end].to_string()));
            }
        }
    }
    found
}

/// The full path of what `used` means in `module`; `None` for what is not in this package.
fn resolve(module: &[String], used: &str, modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let mut names = used.split("::").peekable();
    let mut full = module.to_vec();
    match *names.peek()? {
        "crate" => {
            names.next();
            full.clear();
        }
        "self" | "super" => {
            while let Some(name) = names.next_if(|name| matches!(*name, "self" | "super")) {
                if name == "super" {
                    full.pop();
                }
            }
        }
        first => {
            full.push(first.to_string());
            let is_module = modules.contains(&full);
            full.pop();
            is_module.then_some(())?;
        }
    }
    full.extend(names.map(str::to_string));
    Some(full)
}

/// The module beneath `top` that has what `full` names. What is in the file of `top` itself is in the module `mod`.
fn node(modules: &BTreeSet<Vec<String>>, full: &[String], top: &[&str], rooms: &[&str]) -> Option<String> {
    let len = (0..=full.len()).rev().find(|&len| modules.contains(&full[..len]))?;
    let beneath = full[..len].strip_prefix(top.iter().map(|name| name.to_string()).collect::<Vec<_>>().as_slice())?;
    Some(match beneath {
        [] => "mod".to_string(),
        [room] if rooms.contains(&room.as_str()) => format!("{room}/mod"),
        [room, module, ..] if rooms.contains(&room.as_str()) => format!("{room}/{module}"),
        [module, ..] => module.clone(),
    })
}

/// A made-up tree: circles are found whichever way a path is written, and nothing else is one.
#[test]
fn circles_are_found() {
    let tree = |files: &[(&str, &str)]| -> Vec<File> {
        files.iter().map(|(path, text)| (format!("src/{path}"), text.to_string())).collect()
    };
    let circles = |files: &[(&str, &str)]| -> Vec<String> {
        Graph::new(&tree(files), &["net"], &[]).circles().iter().map(|circle| circle.join(" ")).collect()
    };
    let none: [&str; 0] = [];
    let a_uses_b = ("net/a.rs", "use super::b::X;");
    assert_eq!(circles(&[a_uses_b, ("net/b.rs", "")]), none);
    for back in [
        "use super::a;",
        "use super::{c, a::{self, Y}};",
        "use crate::net::a::Y;",
        "use crate::{net::a, other};",
        "pub(crate) use crate::net::a::Y;",
        "fn f(y: &crate::net::a::Y) {}",
        "fn f() { super::a::f() }",
        "use crate::net::c;\nfn f() {}\n",
    ] {
        assert_eq!(circles(&[a_uses_b, ("net/b.rs", back), ("net/c.rs", "use super::a;")]).len(), 1, "{back}");
    }
    for harmless in [
        "use super::c;",
        "// use super::a;",
        "/// As [`super::a::f`].",
        "use std::a;",
        "use crate::a;",
        "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use super::super::a;\n}",
        "use self::a::Y;",
    ] {
        assert_eq!(circles(&[a_uses_b, ("net/b.rs", harmless), ("net/c.rs", "")]), none, "{harmless}");
    }
    let deep =
        [("net/a/mod.rs", "mod x;\nuse x::Y;"), ("net/a/x.rs", "use super::super::b;"), ("net/b.rs", "use super::c;")];
    assert_eq!(circles(&deep), none);
    let closed = [deep[0], deep[1], deep[2], ("net/c.rs", "use crate::net::a::x::Y;"), ("net/c/tests.rs", "")];
    assert_eq!(circles(&closed), ["a b c"]);
    let rooms = [("net/r/mod.rs", ""), ("net/r/a.rs", "use super::b;"), ("net/r/b.rs", "use super::a;")];
    assert_eq!(circles(&rooms), none, "within one module");
    assert_eq!(Graph::new(&tree(&rooms), &["net"], &["r"]).circles(), [["r/a", "r/b"]]);
}
