//! The names that a script uses, against those that there are.

use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTFlags, ASTNode, EvalAltResult, Expr, FnCallExpr, Position, Stmt};

use crate::bindings::context::Programs;
use crate::engine::declared::read;
use crate::engine::diagnostics::{Finding, Names, Scan};
use crate::engine::programs::ScriptHost;

/// What the language itself calls: these are no functions of the engine.
const KEYWORDS: [&str; 10] =
    ["Fn", "call", "curry", "debug", "eval", "is_def_fn", "is_def_var", "is_shared", "print", "type_of"];

/// What is known of a script's imports.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Modules whose functions are not known.
    unknown: HashSet<String>,
    /// Modules that are not found.
    missing: Vec<(Position, Finding)>,
    /// Modules that do not compile.
    pub(super) broken: Vec<(Position, EvalAltResult)>,
    /// Words of their texts that may be keys of maps.
    keys: HashSet<String>,
}

/// Looks into the modules that a script imports; what they offer is added to `names`.
pub(super) fn imports(host: &ScriptHost, script: &str, ast: &AST, names: &mut Names) -> Imports {
    let mut imports = Imports::default();
    let mut all: Vec<(Option<String>, String, Position)> = Vec::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last() {
            let (file, alias) = (&import.0, import.1.name.to_string());
            all.push(match file {
                Expr::StringConstant(file, pos) => (Some(file.to_string()), alias, *pos),
                _ => (None, alias, Position::NONE),
            });
        }
        true
    });
    for (file, alias, pos) in all {
        let Some(file) = file else {
            imports.unknown.insert(alias);
            continue;
        };
        let (name, text) = match host.sources.find_module(&file, script) {
            Ok(found) => found,
            Err(error) => {
                imports.unknown.insert(alias);
                imports.missing.push((pos, Finding::File(error)));
                continue;
            }
        };
        match host.engine().compile(&text) {
            Ok(module) => {
                imports.keys.extend(Scan::new(&text).possible_keys().into_iter().map(str::to_string));
                names.add_module(&alias, &module);
            }
            Err(error) => {
                imports.unknown.insert(alias);
                imports.broken.push((pos, EvalAltResult::ErrorInModule(name, Box::new(error.into()), pos)));
            }
        }
    }
    imports
}

/// What a script names and nothing has, in no order.
pub(super) fn findings(
    host: &ScriptHost,
    script: &str,
    text: &str,
    ast: &AST,
    names: &Names,
    imports: &Imports,
) -> Vec<(Position, Finding)> {
    let scan = Scan::new(text);
    let functions: HashSet<String> = ast.iter_functions().map(|f| f.name.to_string()).collect();
    let declared = scan.declarations();
    let mut keys: HashSet<&str> = scan.possible_keys();
    keys.extend(imports.keys.iter().map(String::as_str));
    let mut checker = Checker {
        host,
        script,
        names,
        imports,
        functions: &functions,
        declared: &declared,
        keys: &keys,
        options: options(ast, &declared),
        constants: constants(ast, &declared),
        found: imports.missing.clone(),
    };
    checker.body(&ast.clone_statements_only(), false, &[]);
    // A file of functions only is for others: what they pass may be maps with closures in them, to be called as methods.
    let is_module = ast
        .statements()
        .iter()
        .all(|statement| matches!(statement, Stmt::Noop(_) | Stmt::Var(..) | Stmt::Import(..) | Stmt::Export(..)));
    for function in ast.iter_functions() {
        let mut one = ast.clone_functions_only();
        one.retain_functions(|_, _, name, params| name == function.name && params == function.params.len());
        let params: &[&str] = if is_module { &function.params } else { &[] };
        checker.body(&one, function.name.starts_with("anon$"), params);
    }
    checker.found
}

/// The options that each variable holds whose declaration is there to be read.
fn options(ast: &AST, declared: &HashMap<&str, usize>) -> HashMap<String, Vec<String>> {
    let option = |item: &Expr| read(item).filter(|option| option.shape != "arguments").map(|option| option.name);
    let mut all = HashMap::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Var(var, ..))) = path.last()
            && let (name, Expr::FnCall(call, _)) = (&var.0.name, &var.1)
            && call.name == "options"
            && let [Expr::Array(items, _)] = &call.args[..]
            && let Some(list) = items.iter().map(option).collect::<Option<Vec<String>>>()
            // A name declared twice may mean either.
            && declared.get(name.as_str()) == Some(&1)
        {
            all.insert(name.to_string(), list);
        }
        true
    });
    all
}

/// The constants that nothing else has the name of, and whether each is an array or a map that is there to be read.
fn constants(ast: &AST, declared: &HashMap<&str, usize>) -> HashMap<String, bool> {
    let mut all = HashMap::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Var(var, flags, _))) = path.last()
            && flags.intersects(ASTFlags::CONSTANT)
            && declared.get(var.0.name.as_str()) == Some(&1)
        {
            all.insert(var.0.name.to_string(), matches!(var.1, Expr::Array(..) | Expr::Map(..)));
        }
        true
    });
    all
}

/// Whether a chain of dots and brackets has a call in it.
fn calls(chain: &Expr) -> bool {
    match chain {
        Expr::MethodCall(..) | Expr::FnCall(..) => true,
        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => {
            matches!(rest.lhs, Expr::MethodCall(..) | Expr::FnCall(..)) || calls(&rest.rhs)
        }
        _ => false,
    }
}

/// What stands before the dots and brackets of the chain that the last node of `path` is a part of.
fn chain<'a>(path: &'a [ASTNode<'a>]) -> impl Iterator<Item = &'a Expr> {
    path.iter().rev().skip(1).map_while(|node| match node {
        ASTNode::Expr(Expr::Dot(part, ..) | Expr::Index(part, ..)) => Some(&part.lhs),
        _ => None,
    })
}

struct Checker<'a> {
    host: &'a ScriptHost,
    script: &'a str,
    names: &'a Names,
    imports: &'a Imports,
    /// The script's own functions, its closures among them.
    functions: &'a HashSet<String>,
    declared: &'a HashMap<&'a str, usize>,
    /// What may be a key of a map, and so hold a closure that is called as a method.
    keys: &'a HashSet<&'a str>,
    options: HashMap<String, Vec<String>>,
    /// The constants, and whether each is an array or a map that is there to be read.
    constants: HashMap<String, bool>,
    found: Vec<(Position, Finding)>,
}

impl Checker<'_> {
    /// Checks the statements of a script, or one of its functions.
    fn body(&mut self, ast: &AST, is_closure: bool, params: &[&str]) {
        ast.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::FnCall(call, pos)) | ASTNode::Expr(Expr::FnCall(call, pos))) => {
                    // What may fail in a `try` may be meant to.
                    let tried = path.iter().any(|node| matches!(node, ASTNode::Stmt(Stmt::TryCatch(..))));
                    self.call(call, *pos, tried);
                }
                Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                    let tried = path.iter().any(|node| matches!(node, ASTNode::Stmt(Stmt::TryCatch(..))));
                    if !tried {
                        self.assignment(&assignment.1.lhs, is_closure);
                    }
                }
                Some(ASTNode::Expr(Expr::MethodCall(call, pos))) => {
                    let of_param = chain(path)
                        .any(|lhs| matches!(lhs, Expr::Variable(var, ..) if params.contains(&var.1.as_str())));
                    if !of_param {
                        self.method(call, *pos);
                    }
                }
                Some(ASTNode::Expr(Expr::Variable(var, short, pos))) => {
                    let (index, name, namespace, _) = &**var;
                    match namespace.is_empty() {
                        // In a closure they are captured: they are checked where it is made.
                        true if is_closure || index.is_some() || short.is_some() => {}
                        true if self.functions.contains(name.as_str()) => {}
                        true => self.found.push((*pos, Finding::Variable(name.to_string()))),
                        false => self.qualified(namespace, name, *pos),
                    }
                }
                Some(ASTNode::Expr(Expr::Dot(dot, ..))) => {
                    let name = match &dot.rhs {
                        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
                        name => name,
                    };
                    if let Expr::Property(property, pos) = name {
                        self.option(&dot.lhs, &property.2, *pos);
                    }
                }
                Some(ASTNode::Expr(Expr::Index(index, ..))) => {
                    let name = match &index.rhs {
                        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
                        name => name,
                    };
                    if let Expr::StringConstant(name, pos) = name {
                        self.option(&index.lhs, name, *pos);
                    }
                }
                _ => {}
            }
            true
        });
    }

    fn call(&mut self, call: &FnCallExpr, pos: Position, tried: bool) {
        let (name, given) = (call.name.as_str(), call.args.len());
        let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_') && !name.contains('$');
        if call.is_operator_call() || !is_name {
            return;
        }
        if call.is_qualified() {
            let root = call.namespace.root();
            if call.namespace.path.len() > 1 || root == "global" || self.imports.unknown.contains(root) {
                return;
            }
            if !self.names.has_namespace(root) {
                self.found.push((call.namespace.position(), Finding::Namespace(root.to_string())));
            } else if self.names.takes(root, name, given, false) != Some(true) {
                self.unfit(root, name, given, false, pos);
            }
            return;
        }
        if name == "Fn" {
            if let [Expr::StringConstant(of, pos)] = &call.args[..]
                && !KEYWORDS.contains(&of.as_str())
                && self.names.takes("", of, 0, false).is_none()
                && !self.functions.contains(of.as_str())
                && rhai::is_valid_function_name(of)
            {
                self.unfit("", of, 0, false, *pos);
            }
            return;
        }
        if KEYWORDS.contains(&name) {
            return;
        }
        if self.names.takes("", name, given, false) != Some(true) {
            self.unfit("", name, given, false, pos);
        } else if !tried && !self.functions.contains(name) {
            self.file(name, call.args.first());
        }
    }

    fn method(&mut self, call: &FnCallExpr, pos: Position) {
        let (name, given) = (call.name.as_str(), call.args.len());
        if KEYWORDS.contains(&name) || self.keys.contains(name) {
            return;
        }
        if self.names.takes("", name, given, true) != Some(true) {
            self.unfit("", name, given, true, pos);
        }
    }

    fn unfit(&mut self, namespace: &str, name: &str, given: usize, with_dot: bool, pos: Position) {
        let (namespace, name) = (namespace.to_string(), name.to_string());
        self.found.push((pos, Finding::Call { namespace, name, given, with_dot }));
    }

    /// `namespace::name`, which is no call.
    fn qualified(&mut self, namespace: &rhai::Namespace, name: &str, pos: Position) {
        let root = namespace.root();
        if namespace.path.len() > 1 || self.imports.unknown.contains(root) {
            return;
        }
        let is_known = match root {
            "global" => self.declared.contains_key(name),
            // What a module exports besides its functions is known when it has run.
            _ if self.declared.contains_key(root) => true,
            _ if !self.names.has_namespace(root) => {
                self.found.push((namespace.position(), Finding::Namespace(root.to_string())));
                true
            }
            _ => false,
        };
        if !is_known {
            self.found.push((pos, Finding::Variable(format!("{root}::{name}"))));
        }
    }

    /// A property or key of `of`, if that holds options.
    fn option(&mut self, of: &Expr, name: &str, pos: Position) {
        let Expr::Variable(var, ..) = of else { return };
        if let Some(known) = self.options.get(var.1.as_str())
            && !known.iter().any(|option| option == name)
        {
            self.found.push((pos, Finding::Option { name: name.to_string(), known: known.clone() }));
        }
    }

    /// An assignment to a part of a constant.
    fn assignment(&mut self, to: &Expr, is_closure: bool) {
        let (chain, by_key) = match to {
            Expr::Dot(chain, ..) => (chain, false),
            Expr::Index(chain, ..) => (chain, true),
            _ => return,
        };
        let Expr::Variable(var, _, pos) = &chain.lhs else { return };
        let (_, name, namespace, _) = &**var;
        // In a closure stands a copy.
        let is_meant = if namespace.is_empty() { !is_closure } else { namespace.root() == "global" };
        // What a call in between gives is no part of the constant, and a letter of a text is set in a copy.
        if let Some(&is_list) = self.constants.get(name.as_str())
            && is_meant
            && (is_list || !by_key)
            && !calls(&chain.rhs)
        {
            self.found.push((*pos, Finding::Constant(name.to_string())));
        }
    }

    /// The file that `start("…")` or `policy("…")` names.
    fn file(&mut self, function: &str, argument: Option<&Expr>) {
        let Some(Expr::StringConstant(name, pos)) = argument else { return };
        let path = match function {
            "start" => name.to_string(),
            "policy" => {
                let name = name.split(':').next().unwrap_or_default();
                if name.contains('/') || name.ends_with(".rhai") {
                    name.into()
                } else {
                    format!("policies/{name}.rhai")
                }
            }
            _ => return,
        };
        if let Err(error) = self.host.sources.find(&path, self.script) {
            self.found.push((*pos, Finding::File(error)));
        }
    }
}
