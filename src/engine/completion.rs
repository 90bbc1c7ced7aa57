//! What completes a command line in a shell. The shell's function only hands over the line; what fits is found here, from the
//! definition of the command line, the scripts that there are, and the options that a script declares.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Arg, Command, ValueEnum};
use rhai::{AST, ASTNode, Expr};

use super::help::find::{GROUPS, LANGUAGE};
use super::programs::ScriptHost;
use super::sources::{SHIPPED, shipped_in};

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

impl Shell {
    /// What the shell reads to complete.
    pub fn script(self) -> &'static str {
        match self {
            Self::Bash => BASH,
            Self::Zsh => ZSH,
            Self::Fish => FISH,
        }
    }
}

const BASH: &str = r#"_pingscript() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        [[ -n $word ]] && COMPREPLY+=("$word")
    done < <(pingscript complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _pingscript pingscript
"#;

const ZSH: &str = r#"#compdef pingscript
_pingscript() {
    local word
    local -a whole begun
    for word in "${(@f)$(pingscript complete zsh "$LBUFFER" 2>/dev/null)}"; do
        case $word in
            '') ;;
            */) begun+=("$word") ;;
            *) whole+=("$word") ;;
        esac
    done
    compadd -a whole
    compadd -S '' -a begun
}
compdef _pingscript pingscript
"#;

const FISH: &str = "complete -c pingscript -f -a '(pingscript complete fish (commandline -cp | string collect))'\n";

/// What the last word of `line` can become, as the shell wants it. The first word is the program.
pub fn candidates(shell: Shell, line: &str, definition: Command) -> Vec<String> {
    let words = words(line);
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut definition = definition;
    definition.build();
    let fitting = Line { definition: &definition, current: last }.complete(before.get(1..).unwrap_or_default());
    let mut all: Vec<String> = fitting.into_iter().filter(|word| word.starts_with(last) && word != last).collect();
    if words.len() < 2 {
        all.clear();
    }
    all.dedup();
    if shell != Shell::Bash {
        return all;
    }
    // Bash replaces what follows the last colon or equals sign only, and takes words as they would be typed.
    let kept = last.rfind([':', '=']).map_or(0, |at| at + 1);
    all.into_iter().map(|word| escaped(word.get(kept..).unwrap_or_default())).collect()
}

/// The words of a line as a shell reads them; the last is the one to complete, empty after a blank.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = line.trim_start().chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None | Some('"'), '\\') => word.extend(chars.next()),
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}

/// A word as it is typed in a shell.
fn escaped(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:=,+@%".contains(c);
    word.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
}

struct Line<'a> {
    definition: &'a Command,
    /// The word to complete.
    current: &'a str,
}

impl Line<'_> {
    fn complete(&self, words: &[String]) -> Vec<String> {
        let (mut flags, mut rest) = (BTreeSet::new(), words);
        while let Some((word, after)) = rest.split_first().filter(|(word, _)| word.starts_with('-') && word.len() > 1) {
            let Some(flag) = arg(self.definition, word) else { return Vec::new() };
            flags.insert(flag.get_id().as_str());
            rest = after;
            if flag.get_action().takes_values() && !word.contains('=') {
                let Some((_, after)) = rest.split_first() else { return self.value(flag) };
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
        let named = |word: &str| options.iter().find(|option| word.strip_prefix("--") == Some(option.name.as_str()));
        if words.iter().any(|word| word == "--") {
            return if options.iter().any(|option| option.shape == "arguments") {
                self.scripts(true)
            } else {
                Vec::new()
            };
        }
        if let Some(option) = words.last().and_then(|word| named(word)).filter(|option| option.shape != "flag") {
            return match option.is_policy {
                true => shipped_in("policies").map(str::to_string).chain(self.files(is_script)).collect(),
                false => option.choices.clone(),
            };
        }
        if self.current.starts_with('-') {
            let free = options.iter().filter(|option| !matches!(option.shape.as_str(), "argument" | "arguments"));
            let free = free.map(|option| format!("--{}", option.name)).filter(|name| !words.contains(name));
            return free.chain(["--help".to_string()]).collect();
        }
        options.iter().find(|option| option.shape == "argument").map_or(Vec::new(), |option| option.choices.clone())
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
            Some("FILE") => self.files(|name| !is_script(name)),
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
        let path = if below.is_empty() { Path::new(".") } else { Path::new(&below) };
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

/// An option that a script declares, as far as it can be read without running the script.
struct Declared {
    /// `option`, `ask`, `flag`, `argument` or `arguments`.
    shape: String,
    name: String,
    choices: Vec<String>,
    is_policy: bool,
}

fn declared(ast: &AST) -> Vec<Declared> {
    let mut all = Vec::new();
    ast.walk(&mut |path| {
        let Some(ASTNode::Expr(Expr::Array(items, _))) = path.last() else { return true };
        all.extend(items.iter().filter_map(read));
        true
    });
    all
}

/// `option("name", …).choices([…])`.
fn read(item: &Expr) -> Option<Declared> {
    match item {
        Expr::FnCall(call, _) if matches!(call.name.as_str(), "option" | "ask" | "flag" | "argument" | "arguments") => {
            let Some(Expr::StringConstant(name, _)) = call.args.first() else { return None };
            Some(Declared {
                shape: call.name.to_string(),
                name: name.to_string(),
                choices: Vec::new(),
                is_policy: false,
            })
        }
        Expr::Dot(chain, ..) => {
            let mut declared = read(&chain.lhs)?;
            let mut rest = &chain.rhs;
            loop {
                let (call, further) = match rest {
                    Expr::Dot(chain, ..) => (&chain.lhs, Some(&chain.rhs)),
                    last => (last, None),
                };
                if let Expr::MethodCall(call, _) = call {
                    declared.is_policy |= call.name == "policy";
                    let values = call.args.first().and_then(|values| values.get_literal_value(None)?.into_array().ok());
                    if let ("choices", Some(values)) = (call.name.as_str(), values) {
                        declared.choices = values.iter().map(ToString::to_string).collect();
                    }
                }
                let Some(further) = further else { return Some(declared) };
                rest = further;
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        assert_eq!(words("pingscript my\\ scr"), ["pingscript", "my scr"]);
        assert_eq!(words("pingscript 'my scr' \"a b"), ["pingscript", "my scr", "a b"]);
        assert_eq!(words(" pingscript "), ["pingscript", ""]);
        assert_eq!(escaped("my script.rhai"), "my\\ script.rhai");
    }
}
