//! What a script can use, in the words of a script: functions with their parameters, properties of types,
//! namespaces; and type names as people read them.

use std::collections::BTreeSet;

use rhai::{AST, Engine, FnAccess, Scope};

/// The names known to an engine and a script, from which messages suggest.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub(super) functions: Vec<Function>,
    /// Type and name of each property that can be read.
    pub(super) getters: BTreeSet<(String, String)>,
    /// Type, name and type of the value of each property that can be set.
    pub(super) setters: BTreeSet<(String, String, String)>,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) variables: BTreeSet<String>,
}

/// One form of a function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) params: Vec<Param>,
    /// The first parameter is changed in place: meant to be called with a dot.
    pub(super) is_method: bool,
    pub(super) is_native: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Param {
    /// Empty when not known.
    pub(super) name: String,
    /// `any` when not known.
    pub(super) kind: String,
}

impl Names {
    /// The names of the natives of `engine` and of the functions of `ast`.
    pub fn collect(engine: &Engine, ast: Option<&AST>) -> Self {
        let mut names = Self::default();
        let natives = engine.collect_fn_metadata(
            None,
            |info| {
                let params: Vec<String> = match &info.script {
                    Some(script) => script.params.iter().map(|name| format!("{name}: ?")).collect(),
                    None => info.metadata.params_info.iter().map(|p| with_registered_type(engine, p)).collect(),
                };
                Some((info.namespace.to_string(), info.metadata.name.to_string(), params, info.metadata.num_params))
            },
            true,
        );
        for (namespace, name, params, count) in natives {
            names.add_native(namespace, name, &params, count);
        }
        for function in ast.into_iter().flat_map(AST::iter_functions) {
            let params = function.params.iter().map(|name| Param { name: name.to_string(), kind: "any".into() });
            names.functions.push(Function {
                namespace: String::new(),
                name: function.name.to_string(),
                params: params.collect(),
                is_method: false,
                is_native: false,
            });
        }
        // The engine keeps functions by hash: give them an order that is the same in every run.
        names.functions.sort_by_cached_key(|f| (f.namespace.clone(), f.name.clone(), f.signature(false)));
        // One form may be registered twice, by the language and, in its place, by us.
        let kinds = |f: &Function| f.params.iter().map(|p| p.kind.clone()).collect::<Vec<_>>();
        names.functions.dedup_by(|b, a| a.namespace == b.namespace && a.name == b.name && kinds(a) == kinds(b));
        names
    }

    /// Adds the functions that the module `ast` shows to those who import it as `namespace`.
    pub fn add_module(&mut self, namespace: &str, ast: &AST) {
        self.namespaces.insert(namespace.to_string());
        for function in ast.iter_functions().filter(|f| f.access == FnAccess::Public) {
            let params = function.params.iter().map(|name| Param { name: name.to_string(), kind: "any".into() });
            self.functions.push(Function {
                namespace: namespace.to_string(),
                name: function.name.to_string(),
                params: params.collect(),
                is_method: false,
                is_native: false,
            });
        }
    }

    /// Whether a function takes so many arguments; `None` if there is none of that name. What stands before the dot of
    /// a method call is the first argument of a native, and none of a function of the script.
    pub fn takes(&self, namespace: &str, name: &str, given: usize, with_dot: bool) -> Option<bool> {
        let mut forms = self.forms(namespace, name).peekable();
        forms.peek()?;
        Some(forms.any(|f| f.params.len() == given + usize::from(with_dot && !f.is_scripted())))
    }

    /// Whether there is a namespace of natives, or a module, of this name.
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// Adds the variables of `scope`, for scripts that are compiled with it.
    pub fn with_scope(mut self, scope: &Scope) -> Self {
        self.variables.extend(scope.iter().map(|(name, _, _)| name.to_string()));
        self
    }

    fn add_native(&mut self, namespace: String, name: String, params: &[String], count: usize) {
        let first_is_changed = params.first().is_some_and(|p| p.contains("&mut "));
        let mut params: Vec<Param> = params.iter().map(|p| param(p)).collect();
        params.resize_with(count, || Param { name: String::new(), kind: "any".into() });
        let kind_of = |at: usize| params.get(at).map_or_else(String::new, |p| p.kind.clone());

        if let Some(property) = name.strip_prefix("get$") {
            self.getters.insert((kind_of(0), property.to_string()));
        } else if let Some(property) = name.strip_prefix("set$") {
            self.setters.insert((kind_of(0), property.to_string(), kind_of(1)));
        } else if name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !name.contains('$')
            && params.iter().all(|p| !NOT_OF_SCRIPTS.contains(&p.kind.as_str()))
            && !(name == "sleep" && matches!(kind_of(0).as_str(), "integer" | "float"))
        {
            if !namespace.is_empty() {
                self.namespaces.insert(namespace.clone());
            }
            self.functions.push(Function { namespace, name, params, is_method: first_is_changed, is_native: true });
        }
    }

    /// The properties that can be read of a type, sorted.
    pub(super) fn properties_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.getters.iter().filter(move |(of, _)| of == kind).map(|(_, name)| name.as_str())
    }

    /// All forms of a function.
    pub(super) fn forms<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Function> {
        self.functions.iter().filter(move |f| f.namespace == namespace && f.name == name)
    }

    /// The functions of a namespace; those without one for "".
    pub(super) fn of_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Function> {
        self.functions.iter().filter(move |f| f.namespace == namespace)
    }
}

impl Function {
    /// `Socket.recv(timeout: Duration)` or `udp::bind(addr: string)`.
    pub(super) fn signature(&self, with_dot: bool) -> String {
        let param = |p: &Param| match (p.name.as_str(), p.kind.as_str()) {
            ("", kind) => kind.to_string(),
            (name, "any") => name.to_string(),
            (name, kind) => format!("{name}: {kind}"),
        };
        let list = |params: &[Param]| params.iter().map(param).collect::<Vec<_>>().join(", ");
        match (self.params.split_first(), self.namespace.as_str()) {
            (Some((first, rest)), "") if (self.is_method || with_dot) && !self.takes_closure(rest) => {
                let of = if first.kind == "any" { "value" } else { &first.kind };
                format!("{of}.{}({})", self.name, list(rest))
            }
            (_, "") => format!("{}({})", self.name, list(&self.params)),
            (_, namespace) => format!("{namespace}::{}({})", self.name, list(&self.params)),
        }
    }

    /// Whether it is written in the script: what stands before its dot is `this`, none of its parameters.
    pub(super) fn is_scripted(&self) -> bool {
        !self.is_native
    }

    /// A closure that uses its object must not be given with a dot; those of arrays and maps are no such.
    fn takes_closure(&self, rest: &[Param]) -> bool {
        rest.iter().any(|p| p.kind == "closure")
            && self.params.first().is_some_and(|p| p.kind.starts_with(char::is_uppercase))
    }
}

/// The name of a type as a script's author knows it; never one of Rust.
pub fn plain_type(name: &str) -> String {
    let name = name.trim().trim_start_matches("&mut ").trim();
    let plain = match name {
        "&str | ImmutableString | String" | "&str" | "str" | "String" | "ImmutableString" => "string",
        "i64" | "INT" => "integer",
        "f64" | "FLOAT" => "float",
        "Fn" | "FnPtr" => "closure",
        "Array" => "array",
        "Blob" => "blob",
        "Map" => "map",
        "char" => "character",
        "range=" | "ExclusiveRange" | "InclusiveRange" | "BitRange" => "range",
        "Dynamic" | "?" | "" | "_" => "any",
        _ => "",
    };
    if !plain.is_empty() {
        return plain.to_string();
    }
    let (head, inner) = name.split_once('<').unwrap_or((name, ""));
    match (head.rsplit("::").next().unwrap_or(head).trim(), inner) {
        ("Vec", "u8>") => "blob".into(),
        ("Vec" | "ThinVec" | "StaticVec", _) => "array".into(),
        ("BTreeMap", _) => "map".into(),
        ("Range" | "RangeInclusive" | "StepRange", _) => "range".into(),
        ("Result" | "RhaiResultOf" | "Option", inner) => plain_type(inner.split([',', '>']).next().unwrap_or_default()),
        (last, _) if last == name => name.to_string(),
        (last, _) => plain_type(last),
    }
}

/// A type with its article: "an integer", "a Duration".
pub(super) fn a(kind: &str) -> String {
    match kind {
        "()" => "() (no value)".to_string(),
        "any" => "any value".to_string(),
        _ if kind.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn param(text: &str) -> Param {
    let (name, kind) = text.split_once(": ").unwrap_or(("", text));
    let name = name.trim().trim_start_matches("mut ").trim_start_matches('_');
    Param { name: name.to_string(), kind: plain_type(kind) }
}

/// `name: type` with the type by the name it was registered with.
pub fn with_registered_type(engine: &Engine, text: &str) -> String {
    let (name, kind) = text.split_once(": ").unwrap_or(("", text));
    let (change, kind) = kind.strip_prefix("&mut ").map_or(("", kind), |kind| ("&mut ", kind));
    format!("{name}: {change}{}", engine.map_type_name(kind))
}

/// Number types that no value of a script has: functions that take them are not worth a mention.
pub const NOT_OF_SCRIPTS: [&str; 11] = ["i8", "u8", "i16", "u16", "i32", "u32", "u64", "i128", "u128", "f32", "usize"];

#[cfg(test)]
mod tests {
    use std::any::TypeId;
    use std::collections::HashMap;
    use std::sync::Arc;

    use rhai::FuncInfo;

    use super::*;

    #[test]
    fn types_are_named_as_in_scripts() {
        for (given, expected) in [
            ("&str | ImmutableString | String", "string"),
            ("&mut ImmutableString", "string"),
            ("i64", "integer"),
            ("f64", "float"),
            ("bool", "bool"),
            ("()", "()"),
            ("Fn", "closure"),
            ("rhai::FnPtr", "closure"),
            ("alloc::vec::Vec<rhai::types::dynamic::Dynamic>", "array"),
            ("alloc::vec::Vec<u8>", "blob"),
            ("range=", "range"),
            ("core::ops::range::Range<i64>", "range"),
            ("pingscript::bindings::Socket", "Socket"),
            ("Duration", "Duration"),
            ("Dynamic", "any"),
        ] {
            assert_eq!(plain_type(given), expected, "{given}");
        }
    }

    #[test]
    fn every_parameter_shows_its_type_under_one_name() {
        let engine = crate::engine::settings::build(Arc::default(), true);
        let shown = |info: FuncInfo| {
            let params = info.metadata.params_info.iter().map(|text| param(&with_registered_type(&engine, text)));
            let types = info.metadata.param_types.iter().copied();
            Some((info.metadata.gen_signature(Into::into), types.zip(params).collect::<Vec<_>>()))
        };
        let mut names: HashMap<TypeId, (String, String)> = HashMap::new();
        let natives = engine.collect_fn_metadata(None, shown, false);
        assert!(natives.len() > 100, "{}", natives.len());
        for (function, params) in natives {
            for (id, Param { name, kind }) in params {
                assert!(!name.is_empty(), "{function}: a parameter has no name");
                let plain = PLAIN.contains(&kind.as_str());
                let ours = kind.starts_with(char::is_uppercase) && kind.chars().all(char::is_alphanumeric);
                assert!(plain || ours, "{function}: `{kind}` is no name for scripts");
                let (known, of) = names.entry(id).or_insert_with(|| (kind.clone(), function.clone()));
                assert_eq!(*known, kind, "one type under two names: in {of} and in {function}");
            }
        }
    }

    const PLAIN: [&str; 11] =
        ["string", "character", "integer", "float", "bool", "closure", "array", "blob", "map", "range", "any"];
}
