//! What completes a command line in a shell. The shell's function only hands over the line; what fits is found here, from the
//! definition of the command line, the scripts that there are, and the options that a script declares.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Arg, Command, ValueEnum};
use rhai::{AST, ASTNode, Expr};

pub use self::shells::Shell;

use super::declared::{DeclaredNames, read};
use super::help::find::{GROUPS, LANGUAGE};
use super::programs::ScriptHost;
use super::sources::{SHIPPED, shipped_in};
use super::words::words;

pub(super) mod shells;

/// What the last word of `line` can become, as the shell wants it. The first word is the program.
pub fn candidates(shell: Shell, line: &str, mut definition: Command) -> Vec<String> {
    let (before, last) = words(line);
    let Some((_, before)) = before.split_first() else { return Vec::new() };
    definition.build();
    let current = last.text.as_str();
    let fitting = CommandLine { definition: &definition, current }.complete(before);
    let mut all: Vec<String> =
        fitting.into_iter().filter(|word| word.starts_with(current) && word != current).collect();
    all.dedup();
    all.iter().map(|word| shell.offer(&last, word)).collect()
}

/// The options that a program declares.
fn declared(ast: &AST) -> Vec<DeclaredNames> {
    let mut all = Vec::new();
    ast.walk(&mut |path| {
        let Some(ASTNode::Expr(Expr::Array(items, _))) = path.last() else { return true };
        all.extend(items.iter().filter_map(read));
        true
    });
    all
}

struct CommandLine<'a> {
    definition: &'a Command,
    /// The word to complete.
    current: &'a str,
}

impl CommandLine<'_> {
    fn complete(&self, words: &[String]) -> Vec<String> {
        let (mut flags, mut rest) = (BTreeSet::new(), words);
        while let Some((word, after)) = rest.split_first().filter(|(word, _)| word.starts_with('-') && word.len() > 1) {
            let Some(flag) = arg(self.definition, word) else { return Vec::new() };
            flags.insert(flag.get_id().as_str());
            rest = after;
            if flag.get_action().takes_values() && !word.contains('=') {
                let Some((_, after)) = rest.split_first() else {
                    return if flags.contains("check") { self.scripts(true) } else { self.value(flag) };
                };
                rest = after;
            }
        }
        if flags.contains("check") {
            return if rest.is_empty() && self.current.starts_with('-') { Vec::new() } else { self.scripts(true) };
        }
        if flags.contains("code") {
            return Vec::new();
        }
        let Some((name, after)) = rest.split_first() else {
            if let Some(all) = self.assigned(|line, name| line.flag_value(self.definition, name)) {
                return all;
            }
            let mut all = if self.current.starts_with('-') { self.flags(self.definition, &flags) } else { Vec::new() };
            if flags.iter().all(|flag| *flag == "color") && !self.current.starts_with('-') {
                all.extend(
                    self.definition.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| c.get_name().to_string()),
                );
            }
            if !self.current.starts_with('-') {
                all.extend(self.scripts(!flags.contains("watch")));
            }
            return all;
        };
        match self.definition.find_subcommand(name) {
            Some(command) => self.command(command, after),
            None => self.script(name, after),
        }
    }

    fn command(&self, command: &Command, words: &[String]) -> Vec<String> {
        if let Some(flag) =
            words.last().and_then(|word| arg(command, word)).filter(|flag| flag.get_action().takes_values())
        {
            return self.value(flag);
        }
        if let Some(all) = self.assigned(|line, name| line.flag_value(command, name)) {
            return all;
        }
        if self.current.starts_with('-') {
            return self.flags(command, &BTreeSet::new());
        }
        let place = words.iter().filter(|word| !word.starts_with('-')).count();
        match (command.get_name(), place) {
            ("new", 0) => SHIPPED.iter().map(|(file, _)| file.trim_end_matches(".rhai").to_string()).collect(),
            ("doc", 0) => documented(),
            ("help", 0) => {
                let commands = self.definition.get_subcommands().filter(|c| !c.is_hide_set());
                let commands = commands.map(|c| c.get_name().to_string());
                commands.chain(self.shipped()).chain(documented()).collect()
            }
            ("completions", 0) => Shell::value_variants()
                .iter()
                .filter_map(|s| Some(s.to_possible_value()?.get_name().to_string()))
                .collect(),
            ("compare" | "ladder" | "report", _) => self.files(|_| true),
            ("man", 0) => self.files(|_| false),
            _ => Vec::new(),
        }
    }

    /// A script's own options, and their values.
    fn script(&self, name: &str, words: &[String]) -> Vec<String> {
        let host = ScriptHost::for_checking();
        let Some(ast) = host.sources.open_quietly(name).and_then(|text| host.compile(name, &text).ok()) else {
            return Vec::new();
        };
        let options = declared(&ast);
        let valued = |word: &str| {
            let named = |option: &&DeclaredNames| word.strip_prefix("--") == Some(option.name.as_str());
            options.iter().filter(|option| option.shape != "flag").find(named)
        };
        let takes_command = options.iter().any(|option| option.shape == "arguments" && option.name == "command");
        let mut places = options.iter().filter(|option| option.shape == "argument");
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            if word == "--" {
                return if takes_command { self.started(after) } else { Vec::new() };
            }
            if let Some(option) = valued(word) {
                let Some((_, after)) = after.split_first() else { return self.option(option) };
                rest = after;
                continue;
            }
            if !word.starts_with("--") && places.next().is_none() && takes_command {
                return self.started(rest);
            }
            rest = after;
        }
        if let Some(all) = self.assigned(|line, name| valued(name).map_or(Vec::new(), |option| line.option(option))) {
            return all;
        }
        if self.current.starts_with('-') {
            let free = options.iter().filter(|option| !matches!(option.shape.as_str(), "argument" | "arguments"));
            let free = free.map(|option| format!("--{}", option.name)).filter(|name| !words.contains(name));
            return free.chain(["--help".to_string()]).collect();
        }
        match places.next() {
            Some(option) => option.choices.clone(),
            None if takes_command => self.started(&[]),
            None => Vec::new(),
        }
    }

    /// A script that another one starts, and its own options.
    fn started(&self, command: &[String]) -> Vec<String> {
        command.split_first().map_or_else(|| self.scripts(true), |(name, words)| self.script(name, words))
    }

    /// The values of a script's option.
    fn option(&self, option: &DeclaredNames) -> Vec<String> {
        match option.is_policy {
            true => shipped_in("policies").map(str::to_string).chain(self.files(is_script)).collect(),
            false => option.choices.clone(),
        }
    }

    /// What `--name=value` can become, if the current word is of that form; `values` finds what the value can be.
    fn assigned(&self, values: impl FnOnce(&Self, &str) -> Vec<String>) -> Option<Vec<String>> {
        let (name, current) = self.current.split_once('=').filter(|(name, _)| name.starts_with("--"))?;
        let values = values(&Self { current, ..*self }, name);
        Some(values.into_iter().map(|value| format!("{name}={value}")).collect())
    }

    /// The values of the flag `name`; none if it takes none.
    fn flag_value(&self, command: &Command, name: &str) -> Vec<String> {
        let flag = arg(command, name).filter(|flag| flag.get_action().takes_values());
        flag.map_or(Vec::new(), |flag| self.value(flag))
    }

    fn flags(&self, command: &Command, given: &BTreeSet<&str>) -> Vec<String> {
        let args = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
        let args = args.filter(|arg| !given.contains(arg.get_id().as_str()));
        let name = |arg: &Arg| match (arg.get_long(), arg.get_short()) {
            (Some(long), _) => Some(format!("--{long}")),
            (None, short) => short.map(|short| format!("-{short}")),
        };
        args.filter_map(name).collect()
    }

    /// The values that a flag takes.
    fn value(&self, flag: &Arg) -> Vec<String> {
        match flag.get_value_names().and_then(|names| names.first()).map(|name| name.as_str()) {
            Some("FILE" | "AFTER") => self.files(|name| !is_script(name)),
            Some("DIR") => self.files(|_| false),
            Some("WHEN") => flag.get_possible_values().iter().map(|value| value.get_name().to_string()).collect(),
            _ => Vec::new(),
        }
    }

    /// Scripts to run: files, and those that came with pingscript.
    fn scripts(&self, with_shipped: bool) -> Vec<String> {
        let mut all = if with_shipped { self.shipped() } else { Vec::new() };
        all.extend(self.files(is_script));
        all
    }

    /// Scripts by the names they are run by.
    fn shipped(&self) -> Vec<String> {
        let run = SHIPPED.iter().filter(|(file, _)| !file.starts_with("policies/"));
        run.map(|(file, _)| file.trim_end_matches(".rhai").to_string()).collect()
    }

    /// Directories, and files whose names `fit`, that the current word can become.
    fn files(&self, fit: impl Fn(&str) -> bool) -> Vec<String> {
        let (dir, begun) = self.current.rsplit_once('/').map_or(("", self.current), |(of, name)| (of, name));
        let below = if self.current.contains('/') { format!("{dir}/") } else { String::new() };
        let home = std::env::var_os("HOME").unwrap_or_default();
        let path = match (below.as_str(), below.strip_prefix("~/")) {
            ("", _) => Path::new(".").to_path_buf(),
            (_, Some(rest)) => Path::new(&home).join(rest),
            (below, None) => Path::new(below).to_path_buf(),
        };
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut all: Vec<String> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let hidden = name.starts_with('.') && !begun.starts_with('.');
                let is_dir = entry.path().is_dir();
                (!hidden && (is_dir || fit(&name))).then(|| format!("{below}{name}{}", if is_dir { "/" } else { "" }))
            })
            .collect();
        all.sort_unstable();
        all
    }
}

fn is_script(name: &str) -> bool {
    name.ends_with(".rhai")
}

/// The argument of a command that is given as `word`: `--name`, `--name=value` or `-n`.
fn arg<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.split('=').next().unwrap_or(word);
    command.get_arguments().find(|arg| match name.strip_prefix("--") {
        Some(name) => arg.get_long() == Some(name),
        None => name.strip_prefix('-').is_some_and(|short| arg.get_short().is_some_and(|c| short == c.to_string())),
    })
}

/// What `doc` explains.
fn documented() -> Vec<String> {
    let host = ScriptHost::for_checking();
    let reference = host.reference();
    let mut all: Vec<String> =
        reference.ours().map(|entry| entry.title.clone()).filter(|title| !title.contains(' ')).collect();
    all.extend(reference.namespaces().into_iter().map(str::to_string));
    all.extend(reference.types.keys().cloned());
    all.extend(GROUPS.iter().map(|group| group.name).chain([LANGUAGE]).map(str::to_string));
    all.sort_unstable();
    all.dedup();
    all
}
