//! The layers and their one direction: `main → engine → bindings → net`. What a file names shows what it depends on,
//! so names are what is checked, in code, comments and tests alike. And within a layer no module uses another that uses it.

#[path = "layering/graph.rs"]
mod graph;
#[path = "layering/words.rs"]
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use graph::{File, Graph};

/// What files may not name.
struct Rule {
    /// Whose files: the start of their paths.
    within: &'static [&'static str],
    /// Whose files are excepted.
    except: &'static [&'static str],
    /// Whether tests within the files may.
    tests_may: bool,
    /// Paths (`std::net::UdpSocket`: also by a `use` of it in braces) and plain words.
    names: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: &["src/net/"],
        except: &[],
        tests_may: false,
        names: &["rhai"],
        why: "the core knows nothing of scripts: what scripts need of it is converted in src/bindings",
    },
    Rule {
        within: &["src/net/"],
        except: &[],
        tests_may: false,
        names: &[
            "crate::bindings",
            "super::bindings",
            "crate::terminal",
            "crate::limits",
            "crate::doctor",
            "crate::pictures",
        ],
        why: "the core does not depend on what stands on it",
    },
    Rule {
        within: &["src/bindings/"],
        except: &[],
        tests_may: false,
        names: &["std::net", "std::net::*", "std::net::UdpSocket", "std::net::TcpStream", "std::net::TcpListener"],
        why: "bindings open no socket and make no system call: ask src/net",
    },
    Rule {
        within: &["src/bindings/"],
        except: &[],
        tests_may: false,
        names: &["SystemTime", "std::time::Instant", "Instant::now"],
        why: "bindings read no clock: ask the host of the context",
    },
    Rule {
        within: &["src/pictures/ladder/"],
        except: &[],
        tests_may: false,
        names: &[
            "rhai",
            "crate::bindings",
            "crate::engine",
            "crate::terminal",
            "crate::limits",
            "crate::net::sys",
            "crate::net::socket",
            "std::fs",
        ],
        why: "a ladder is made from rows alone: files, messages and the terminal are the command's, src/engine/ladder.rs",
    },
    Rule {
        within: &["src/pictures/report/"],
        except: &[],
        tests_may: false,
        names: &["rhai", "crate::bindings", "crate::engine", "crate::terminal", "crate::limits", "std::fs"],
        why: "a report is made from rows alone: files and messages are the command's, src/engine/report.rs",
    },
    Rule {
        within: &["src/net/lab/relay/"],
        except: &["src/net/lab/relay/tests.rs"],
        tests_may: false,
        names: &[
            "crate::net::host::Host",
            "crate::net::host::ThisMachine",
            "crate::net::host::stop",
            "crate::net::lab::kernel",
            "super::kernel",
            "std::thread",
            "std::time",
        ],
        why: "the relay is a state machine: what drives it, such as src/net/lab/kernel, has the sockets, the clock and the thread",
    },
    Rule {
        within: &["src/net/", "src/bindings/"],
        except: &[],
        tests_may: false,
        names: &["crate::engine", "super::engine"],
        why: "what needs the engine goes through the trait `Programs` of src/bindings/context.rs",
    },
    Rule {
        within: &["src/"],
        except: &[
            "src/limits/memory.rs",
            "src/limits/stack.rs",
            "src/net/sys/interrupts.rs",
            "src/net/sys/link.rs",
            "src/net/sys/message.rs",
            "src/net/sys/namespace.rs",
            "src/net/sys/passing.rs",
            "src/net/sys/poll.rs",
            "src/net/sys/process.rs",
            "src/net/sys/program.rs",
            "src/net/sys/receive.rs",
            "src/net/sys/sandbox.rs",
            "src/net/sys/signal.rs",
            "src/net/sys/socket.rs",
            "src/net/sys/stream.rs",
            "src/net/sys/supervise.rs",
            "src/net/sys/tasks.rs",
            "src/net/sys/terminal.rs",
        ],
        tests_may: false,
        names: &["unsafe"],
        why: "unsafe code has its own files",
    },
    Rule {
        within: &["src/"],
        except: &["src/net/sys/", "src/net/host/", "src/net/lab/kernel/", "src/limits/", "src/terminal/"],
        tests_may: false,
        names: &["libc", "socket2", "RawFd", "AsFd", "AsRawFd", "OwnedFd", "BorrowedFd", "PollFd"],
        why: "a socket is an object of its host, `HostSocket`; descriptors and the numbers of the system are beneath that",
    },
    Rule {
        within: &["src/net/"],
        except: &["src/net/sys/", "src/net/host/", "src/net/lab/kernel/"],
        tests_may: false,
        names: &["crate::net::sys", "super::sys", "nix"],
        why: "what needs the kernel is made by a host: ask the trait `Host`",
    },
    Rule {
        within: &["src/"],
        except: &["src/net/host/threads.rs"],
        tests_may: true,
        names: &["thread::spawn", "thread::Builder", "thread::scope"],
        why: "threads are started by src/net/host/threads.rs",
    },
    Rule {
        within: &["src/"],
        except: &["src/main.rs", "src/engine/"],
        tests_may: false,
        names: &["anyhow"],
        why: "errors below the engine have kinds, which anyhow would hide",
    },
];

/// The rooms of `net`, each of which may use those before it; beneath them are the values that all use.
const ROOMS: &[&str] = &["wire", "sys", "host", "policy", "probe", "observe", "socket", "lab"];
const VALUES: &[&str] = &["error", "io", "random", "time"];

/// The rooms whose modules use each other in no circle either.
const OPEN: &[&str] = &["host", "policy", "probe", "observe", "socket"];

/// How many modules of a tree are in circles; it may only shrink.
const IN_CIRCLES: &[(&str, usize)] = &[("net", 0), ("bindings", 0)];

/// How many `static` items the core has, those of threads included; it may only shrink.
const STATICS: usize = 10;

#[test]
fn what_there_is_once_in_a_process_or_a_thread_is_little() {
    let is_static = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("pub").map_or(line, |rest| rest.trim_start_matches(|c| c != ' ').trim_start());
        line.starts_with("static ")
    };
    let core = sources().into_iter().filter(|(path, _)| path.starts_with("src/net/"));
    let of = |(path, text): (String, String)| {
        text.lines().filter(|line| is_static(line)).map(|line| format!("{path}: {}", line.trim())).collect::<Vec<_>>()
    };
    let found: Vec<String> = core.flat_map(of).collect();
    assert!(found.len() <= STATICS, "{} of at most {STATICS}:\n{}", found.len(), found.join("\n"));
}

#[test]
fn each_layer_names_only_what_is_beneath_it() {
    let files = sources();
    let found: Vec<_> = files.iter().flat_map(|(path, text)| violations(path, text)).collect();
    assert!(files.len() > 40, "only {} files seen", files.len());
    assert!(found.is_empty(), "{}\n", found.join("\n"));
}

#[test]
fn no_more_modules_use_each_other_in_a_circle_than_before() {
    let files = sources();
    for (top, most) in IN_CIRCLES {
        let graph = Graph::new(&files, &[top], if *top == "net" { OPEN } else { &[] });
        let count = graph.circles().iter().map(Vec::len).sum::<usize>();
        assert!(graph.arrows().count() > 50, "src/{top} was not read");
        assert!(count <= *most, "src/{top}: {count} modules are in circles\n{}", graph.describe_circles());
    }
}

#[test]
fn each_room_uses_only_those_before_it() {
    let files = sources();
    let found = upward(&Graph::new(&files, &["net"], &[]));
    assert!(found.is_empty(), "{}\n", found.join("\n"));
    // The test of the test: one import upward in a room that has none.
    let mut planted = files;
    planted.push(("src/net/probe/planted.rs".into(), "use crate::net::socket::udp::UdpSocket;\n".into()));
    assert_eq!(upward(&Graph::new(&planted, &["net"], &[])).len(), 1);
    planted.push(("src/net/cellar.rs".into(), "use super::time;\n".into()));
    assert_eq!(upward(&Graph::new(&planted, &["net"], &[])).len(), 2, "a module that is no room");
}

#[test]
fn violations_are_seen() {
    for (path, text) in [
        ("src/net/x.rs", "use rhai::Engine;"),
        ("src/net/x.rs", "fn f(value: &rhai::Dynamic) {}"),
        ("src/net/x.rs", "use crate::engine::run;"),
        ("src/net/x.rs", "use crate::{engine::run, nearest};"),
        ("src/net/x.rs", "use crate::bindings::context;"),
        ("src/net/x.rs", "use crate::{limits::stack, other};"),
        ("src/bindings/x.rs", "use super::super::engine;"),
        ("src/bindings/x.rs", "use socket2::Socket;"),
        ("src/bindings/x.rs", "let x = libc::EINVAL;"),
        ("src/bindings/x.rs", "use std::net::{IpAddr, UdpSocket};"),
        ("src/bindings/x.rs", "use std::{\n    fmt,\n    net::{self, IpAddr},\n};"),
        ("src/bindings/x.rs", "use std::net::*;"),
        ("src/bindings/x.rs", "    let s = std::net::TcpStream::connect(x);"),
        ("src/bindings/x.rs", "use std::time::{Duration, Instant as Now};"),
        ("src/bindings/x.rs", "std::time::SystemTime::now()"),
        ("src/net/udp/mod.rs", "unsafe { f() }"),
        ("src/net/sys/mod.rs", "unsafe { f() }"),
        ("src/engine/run.rs", "unsafe fn f() {}"),
        ("src/net/lab/relay/x.rs", "use std::os::fd::OwnedFd;"),
        ("src/net/lab/relay/x.rs", "use crate::net::host::{Host, bugs};"),
        ("src/bindings/x.rs", "pub(crate) use anyhow::Result;"),
        ("src/net/lab/x.rs", "use std::os::fd::OwnedFd;"),
        ("src/doctor/x.rs", "let n = libc::EINVAL;"),
        ("src/net/socket/x.rs", "fn f(socket: &socket2::Socket) {}"),
        ("src/net/socket/x.rs", "use crate::net::{io::Received, sys::Epoll};"),
        ("src/net/socket/x.rs", "use crate::net::sys;"),
        ("src/net/lab/x.rs", "std::thread::spawn(f);\n#[cfg(test)]\nmod tests {}"),
        ("src/engine/x.rs", "use std::thread::{Builder, JoinHandle};"),
    ] {
        assert_eq!(violations(path, text).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("src/net/x.rs", "/// The script (`udp_ping.rhai`)."),
        ("src/net/sys/process.rs", "unsafe { libc::getpid() }"),
        ("src/bindings/x.rs", "use std::net::SocketAddr;\nuse crate::net::udp::UdpSocket;\n#[allow(unsafe_code)]"),
        ("src/bindings/x.rs", "use std::net::{IpAddr, SocketAddr};"),
        ("src/bindings/x.rs", "let engine = self.programs.engine();"),
        ("src/net/x.rs", "std::thread::yield_now();\n#[cfg(test)]\nmod tests {\n    std::thread::spawn(f);\n}"),
        ("src/net/stop/tests.rs", "use std::thread;\nthread::scope(f);"),
        ("src/engine/run.rs", "use rhai::Engine;\nuse std::time::Instant;\nuse anyhow::Result;"),
    ] {
        assert_eq!(violations(path, text), [""; 0], "{path}: {text}");
    }
}

/// The arrows between rooms that go up, or are of a module that is no room, a line for each.
fn upward(rooms: &Graph) -> Vec<String> {
    // `mod` names the rooms.
    let place = |name: &str| ROOMS.iter().position(|room| *room == name).map(|place| place + 1);
    let place = |name: &str| if VALUES.contains(&name) { Some(0) } else { place(name) };
    rooms
        .arrows()
        .filter(|(from, to, _)| *from != "mod" && *to != "mod" && (place(to) > place(from) || place(from).is_none()))
        .map(|(from, to, at)| format!("{from} uses {to}, which is not before it: {at}"))
        .collect()
}

/// What in the file `path` breaks a rule, a line for each.
fn violations(path: &str, text: &str) -> Vec<String> {
    let is_among = |starts: &[&str]| starts.iter().any(|start| path.starts_with(start));
    let whole = (text, uses(text));
    let without_tests = &text[..tests_of(path, text)];
    let without_tests = (without_tests, uses(without_tests));
    let mut found = Vec::new();
    for rule in RULES.iter().filter(|rule| is_among(rule.within) && !is_among(rule.except)) {
        let (text, used) = if rule.tests_may { &without_tests } else { &whole };
        for name in rule.names {
            // A module by itself is a violation only as a `use`: its harmless items are named with it.
            let whole = matches!(*name, "std::net" | "std::net::*");
            let in_text = || if whole { None } else { words(text, name).next() };
            let in_uses =
                || used.iter().find(|(_, used)| used == name || (!whole && words(used, name).next().is_some()));
            if let Some(line) = in_text().map(|at| line_of(text, at)).or_else(|| in_uses().map(|(line, _)| *line)) {
                found.push(format!("{path}:{line}: names {name}: {}", rule.why));
                break;
            }
        }
    }
    found
}

/// Where the tests of a file begin: at its start, where it has no other code.
fn tests_of(path: &str, text: &str) -> usize {
    if path.ends_with("tests.rs") || path.contains("/tests/") {
        return 0;
    }
    text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len())
}

/// Where `name` stands in `text` as a word of its own; not as a file's ending (`x.rhai`).
fn words<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).map(|(at, _)| at).filter(move |&at| {
        !text[..at].ends_with(|c: char| is_part(c) || c == '.') && !text[at + name.len()..].starts_with(is_part)
    })
}

/// The full paths that the `use` declarations of `text` take in, with the lines they start at.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(text, "use") {
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = text[line_start..at].trim();
        if !before.is_empty() && !before.starts_with("pub") {
            continue;
        }
        if let Some((tree, _)) = text[at + 3..].split_once(';') {
            let mut paths = Vec::new();
            flatten("", tree, &mut paths);
            found.extend(paths.into_iter().map(|path| (line_of(text, at), path)));
        }
    }
    found
}

/// The paths of a `use` tree beneath `prefix`.
fn flatten(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    match tree.split_once('{') {
        Some((head, rest)) => {
            let prefix = format!("{prefix}{}", head.trim());
            let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
            let (mut depth, mut start) = (0, 0);
            for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        flatten(&prefix, &inner[start..at], paths);
                        start = at + 1;
                    }
                    _ => {}
                }
            }
        }
        None if tree.is_empty() => {}
        None => {
            let name = tree.split_whitespace().next().unwrap_or_default();
            paths.push(format!("{prefix}{name}").trim_end_matches("::self").to_string());
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Every source file.
fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: PathBuf| {
        let path = file.strip_prefix(root).expect("a file beneath the root").to_str().expect("a path in UTF-8");
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("cannot read {path}: {e}"));
        (path.to_string(), text)
    };
    rust_files(&root.join("src")).into_iter().map(read).collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot read {}: {e}", dir.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
