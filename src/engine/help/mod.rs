//! Help from one source: what each native says of itself where it is registered.
//!
//! [`Reference`] collects it; [`find`] looks a name up in it, [`text`] shows it on a screen, [`pages`] as Markdown and HTML,
//! and [`command`] is `pingscript doc`.

#[cfg(feature = "cli")]
pub mod command;
pub mod definitions;
pub mod find;
pub mod pages;
pub mod text;

use std::collections::{BTreeMap, HashMap};

use rhai::{Engine, FuncInfo, FuncMetadata};

use super::diagnostics::{NOT_OF_SCRIPTS, plain_type, with_registered_type};

/// Everything that scripts can call, with what it says of itself.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    /// Sorted by title.
    pub entries: Vec<HelpEntry>,
    /// The types of objects, with what they are.
    pub types: BTreeMap<String, String>,
}

/// Functions of one name that belong to the same namespace or the same type of object.
#[derive(Clone, Debug)]
pub struct HelpEntry {
    /// As it is looked up: `udp::bind`, `UdpSocket.recv`, `loss`, `Duration + Duration`.
    pub title: String,
    /// The namespace, empty for none.
    pub namespace: String,
    /// The type of the object it is called on, empty for none.
    pub of: String,
    /// The last part of the title.
    pub name: String,
    /// How it is used.
    pub kind: EntryKind,
    /// Whether pingscript brings it; otherwise it is part of the language.
    pub ours: bool,
    /// Its forms, each with what it says.
    pub forms: Vec<Form>,
}

/// How something is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// `name(…)`
    Function,
    /// `object.name(…)`
    Method,
    /// `object.name`
    Property,
    /// `a + b`
    Operator,
    /// `object[index]`
    Index,
}

/// One form of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// With the names and types of its parameters and of what it returns.
    pub signature: String,
    /// The type it returns, `()` for none.
    pub returns: String,
    /// Names and types of its parameters.
    pub params: Vec<(String, String)>,
    /// What it says of itself: paragraphs and examples, a line each.
    pub doc: Vec<String>,
}

impl Reference {
    /// All natives of `engine`, those of the language among them.
    pub fn collect(engine: &Engine) -> Self {
        // One of ours may stand in the place of one of the language, and then has its hash; so have functions of one name and
        // of the same parameters in several namespaces.
        let of = |info: FuncInfo<'_>| Some((info.metadata.hash, doc_lines(comments(info.metadata))));
        let mut ours: HashMap<u64, Vec<Vec<String>>> = HashMap::new();
        for (hash, doc) in engine.collect_fn_metadata(None, of, false) {
            ours.entry(hash).or_default().push(doc);
        }
        let natives = engine.collect_fn_metadata(None, |info| native(engine, &info, &ours), true);
        let mut by_title: BTreeMap<(String, bool), HelpEntry> = BTreeMap::new();
        for entry in natives {
            match by_title.get_mut(&(entry.title.clone(), entry.ours)) {
                Some(known) => known.forms.extend(entry.forms),
                None => drop(by_title.insert((entry.title.clone(), entry.ours), entry)),
            }
        }
        let mut entries: Vec<HelpEntry> = by_title.into_values().collect();
        for entry in &mut entries {
            entry.forms.sort_by_cached_key(|form| (form.params.len(), form.signature.clone()));
            entry.forms.dedup_by(|a, b| a.signature == b.signature);
        }
        Self { entries, types: types(engine) }
    }

    /// What pingscript brings, without what is part of the language.
    pub fn ours(&self) -> impl Iterator<Item = &HelpEntry> {
        self.entries.iter().filter(|entry| entry.ours)
    }

    /// The entries of a namespace.
    pub fn of_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a HelpEntry> {
        self.entries.iter().filter(move |entry| !namespace.is_empty() && entry.namespace == namespace)
    }

    /// The entries of a type of objects: properties and methods.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a HelpEntry> {
        self.entries.iter().filter(move |entry| !kind.is_empty() && entry.of == kind)
    }

    /// The namespaces, sorted.
    pub fn namespaces(&self) -> Vec<&str> {
        let mut all: Vec<&str> =
            self.ours().map(|entry| entry.namespace.as_str()).filter(|name| !name.is_empty()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl HelpEntry {
    /// The first sentence of what it says.
    pub fn purpose(&self) -> String {
        // Some forms only say how they differ from another.
        let whole = |form: &&Form| !form.doc.first().is_some_and(|line| line.starts_with("As `"));
        let form = self.forms.iter().find(whole).or(self.forms.first());
        first_sentence(form.map(|form| form.doc.as_slice()).unwrap_or_default())
    }

    /// Its forms, those together that say the same.
    pub(super) fn by_doc(&self) -> Vec<(Vec<&str>, &[String])> {
        let mut parts: Vec<(Vec<&str>, &[String])> = Vec::new();
        for form in &self.forms {
            match parts.iter_mut().find(|(_, doc)| *doc == form.doc.as_slice()) {
                Some((signatures, _)) => signatures.push(&form.signature),
                None => parts.push((vec![&form.signature], &form.doc)),
            }
        }
        parts
    }
}

/// A part of a documentation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DocBlock {
    /// A paragraph, in one line.
    Paragraph(String),
    /// The lines of a block of code, and what it is marked as.
    Code(String, String),
}

/// The parts of a documentation, in order.
pub(super) fn blocks(doc: &[String]) -> Vec<DocBlock> {
    let (mut blocks, mut code) = (Vec::new(), None::<(String, String)>);
    let mut paragraph: Vec<&str> = Vec::new();
    for line in doc.iter().map(|line| line.trim_end()).chain([""]) {
        match (line.strip_prefix("```"), &mut code) {
            (Some(_), Some(_)) => blocks.extend(code.take().map(|(mark, text)| DocBlock::Code(mark, text))),
            (Some(mark), None) => code = Some((mark.to_string(), String::new())),
            (None, Some((_, text))) => text.push_str(&format!("{line}\n")),
            (None, None) if line.is_empty() => {
                let text = std::mem::take(&mut paragraph).join(" ");
                blocks.extend(Some(text).filter(|text| !text.is_empty()).map(DocBlock::Paragraph));
            }
            (None, None) => paragraph.push(line),
        }
    }
    blocks
}

/// The examples in a documentation: the blocks marked as rhai.
pub fn examples(doc: &[String]) -> Vec<String> {
    let example = |block| match block {
        DocBlock::Code(mark, text) if mark == "rhai" => Some(text),
        _ => None,
    };
    blocks(doc).into_iter().filter_map(example).collect()
}

/// The first sentence of a documentation, without its full stop.
fn first_sentence(doc: &[String]) -> String {
    let paragraph: Vec<&str> = doc.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    let end = text.find(". ").map_or(text.len(), |end| end);
    text[..end].trim_end_matches(['.', ':']).to_string()
}

/// A native as an entry of one form; `None` if no script can call it.
fn native(engine: &Engine, info: &FuncInfo<'_>, ours: &HashMap<u64, Vec<Vec<String>>>) -> Option<HelpEntry> {
    let metadata = info.metadata;
    let full = metadata.name.as_str();
    let params: Vec<(String, String, bool)> = metadata
        .params_info
        .iter()
        .map(|text| {
            let text = with_registered_type(engine, text);
            let (name, kind) = text.split_once(": ").unwrap_or(("", &text));
            let name = name.trim().trim_start_matches("mut ").trim_start_matches('_');
            (name.to_string(), plain_type(kind), kind.trim_start().starts_with("&mut "))
        })
        .collect();
    let doc = doc_lines(comments(metadata));
    let ours = match ours.get(&metadata.hash) {
        Some(known) if !known.contains(&doc) => return None,
        known => known.is_some(),
    };
    let foreign = |(_, kind, _): &(String, String, bool)| NOT_OF_SCRIPTS.contains(&kind.as_str());
    if params.len() != metadata.num_params || (!ours && params.iter().any(foreign)) {
        return None;
    }
    let returns = returned(engine, &metadata.return_type);
    let params_of = |skip: usize| {
        let list = params.iter().skip(skip).map(|(name, kind, _)| match (name.as_str(), kind.as_str()) {
            ("", kind) => kind.to_string(),
            (name, "any") => name.to_string(),
            (name, kind) => format!("{name}: {kind}"),
        });
        list.collect::<Vec<_>>().join(", ")
    };
    let result = if returns == "()" { String::new() } else { format!(" -> {returns}") };
    let first = params.first().map(|(_, kind, _)| kind.clone()).unwrap_or_default();
    let (kind, of, name, title, signature) = if let Some(name) = full.strip_prefix("get$") {
        (
            EntryKind::Property,
            first.clone(),
            name.to_string(),
            format!("{first}.{name}"),
            format!("{first}.{name}{result}"),
        )
    } else if let Some(name) = full.strip_prefix("set$") {
        let value = params.get(1).map(|(_, kind, _)| kind.as_str()).unwrap_or_default();
        (
            EntryKind::Property,
            first.clone(),
            name.to_string(),
            format!("{first}.{name}"),
            format!("{first}.{name} = {value}"),
        )
    } else if full.starts_with("index$") {
        let title = format!("{first}[…]");
        let index = params.get(1).map(|(name, kind, _)| format!("{name}: {kind}")).unwrap_or_default();
        let set = if full.starts_with("index$set$") { " = value" } else { &result };
        (EntryKind::Index, first.clone(), "[…]".to_string(), title, format!("{first}[{index}]{set}"))
    } else if !full.starts_with(|c: char| c.is_alphabetic() || c == '_') || full.contains('$') {
        let second = params.get(1).map(|(_, kind, _)| kind.as_str());
        let title = second.map_or_else(|| format!("{full}{first}"), |second| format!("{first} {full} {second}"));
        let signature = format!("{title}{result}");
        (EntryKind::Operator, first.clone(), full.to_string(), title, signature)
    } else if !info.namespace.is_empty() {
        let title = format!("{}::{full}", info.namespace);
        let signature = format!("{title}({}){result}", params_of(0));
        (EntryKind::Function, String::new(), full.to_string(), title, signature)
    } else if is_method(full, &params, &doc, ours) {
        let title = format!("{first}.{full}");
        let signature = format!("{title}({}){result}", params_of(1));
        (EntryKind::Method, first.clone(), full.to_string(), title, signature)
    } else {
        (
            EntryKind::Function,
            String::new(),
            full.to_string(),
            full.to_string(),
            format!("{full}({}){result}", params_of(0)),
        )
    };
    let params = params.into_iter().map(|(name, kind, _)| (name, kind)).collect();
    let form = Form { signature, returns, params, doc };
    Some(HelpEntry { title, namespace: info.namespace.to_string(), of, name, kind, ours, forms: vec![form] })
}

/// Values of the language whose functions are called with a dot.
const VALUES: [&str; 6] = ["string", "array", "blob", "map", "character", "range"];

/// Whether a native is called with a dot. One that changes its object is; one that takes an object and a closure is not,
/// since a method call locks its object; of others the example says.
fn is_method(name: &str, params: &[(String, String, bool)], doc: &[String], ours: bool) -> bool {
    let Some((_, first, changed)) = params.first() else { return false };
    let object = first.starts_with(char::is_uppercase);
    let closure = params.iter().skip(1).any(|(_, kind, _)| kind == "closure");
    let value = VALUES.contains(&first.as_str());
    match (changed, object) {
        (_, true) if closure => false,
        (true, _) => true,
        (false, false) if !ours => value,
        _ => (object || value) && examples(doc).iter().any(|example| example.contains(&format!(".{name}("))),
    }
}

/// The type that a native returns, as scripts name it.
fn returned(engine: &Engine, kind: &str) -> String {
    let inner = ["ScriptResult<", "RhaiResultOf<", "Result<"].iter().find_map(|head| kind.strip_prefix(head));
    let inner = inner.map_or(kind, |rest| rest.trim_end_matches('>').split(", Box<").next().unwrap_or(rest));
    match inner.trim() {
        "" | "()" => "()".to_string(),
        "RhaiResult" => "any".to_string(),
        inner => plain_type(engine.map_type_name(inner)),
    }
}

fn comments(metadata: &FuncMetadata) -> impl Iterator<Item = &str> {
    metadata.comments.iter().map(|comment| comment.as_str())
}

/// The lines of a documentation, without what marks them as one.
fn doc_lines<'a>(comments: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lines = comments.flat_map(str::lines).map(|line| {
        let line = line.trim_start().trim_start_matches("///");
        line.strip_prefix(' ').unwrap_or(line).trim_end().to_string()
    });
    lines.collect()
}

/// The types of objects, by the names scripts know, with what they are.
fn types(engine: &Engine) -> BTreeMap<String, String> {
    // Nothing else gives away what a type says of itself.
    let json = engine.gen_fn_metadata_to_json(false).unwrap_or_default();
    let all: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
    let modules = all["modules"].as_object().into_iter().flat_map(|modules| modules.values());
    let mut types = BTreeMap::new();
    for list in modules.chain([&all]).filter_map(|module| module["customTypes"].as_array()) {
        for custom in list {
            let comments = custom["docComments"].as_array().into_iter().flatten().filter_map(|line| line.as_str());
            if let Some(name) = custom["displayName"].as_str() {
                types.insert(name.to_string(), doc_lines(comments).join(" "));
            }
        }
    }
    types
}

#[cfg(test)]
mod tests;
