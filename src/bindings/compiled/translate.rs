//! From the interpreter's syntax tree to ours. Whatever is not known here gives `None`: it is left to the interpreter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::{
    ASTFlags, ASTNode, CustomExpr, Dynamic, Expr, FnPtr, GlobalRuntimeState, ImmutableString, Position, ScriptFuncDef,
    Stmt,
};

use self::calls::operator_of;
use super::constant;
use super::tree::{Tree, TreeNode};
use super::value::Value;
use crate::bindings::body;
use crate::bindings::callback::source_of;
use crate::bindings::compare::Operator;
use crate::bindings::loops;

mod assignment;
mod calls;
mod members;

/// Functions that call functions are translated so deep.
const DEPTH: usize = 8;

/// The function of the script with this name, for so many arguments.
pub(super) fn function(global: &GlobalRuntimeState, name: &str, count: usize) -> Option<Arc<ScriptFuncDef>> {
    let mut functions = global.lib.iter().flat_map(|library| library.iter_script_fn_info());
    functions.find(|(.., known, params, _)| *known == name && *params == count).map(|(.., function)| function.clone())
}

/// A closure that was translated.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) tree: Tree,
    /// Whether it may change what it captured.
    pub(super) assigns: bool,
}

/// The names of the variables that are assigned to.
fn assigned(statements: &[Stmt]) -> Vec<ImmutableString> {
    let mut names = Vec::new();
    for statement in statements {
        statement.walk(&mut Vec::new(), &mut |path| {
            if let Some(ASTNode::Stmt(Stmt::Assignment(parts))) = path.last() {
                let mut target = &parts.1.lhs;
                while let Expr::Index(of, ..) | Expr::Dot(of, ..) = target {
                    target = &of.lhs;
                }
                if let Expr::Variable(parts, ..) = target {
                    names.push(parts.1.clone());
                }
            }
            true
        });
    }
    names
}

/// The tree of a closure, or where the first part stands that is not known.
pub(super) fn closure(closure: &FnPtr, global: &GlobalRuntimeState, main: &str) -> Result<Translated, Position> {
    if global.num_imports() > 0 {
        return Err(Position::NONE);
    }
    let captured: Vec<&Dynamic> = closure.iter_curry().collect();
    let mut translator = TreeBuilder::new(global, main);
    let called = function(global, closure.fn_name(), captured.len() + 1).ok_or(Position::NONE)?;
    let assigned = assigned(&body::running(&called));
    let known = |(at, value): (usize, &&Dynamic)| match constant(value) {
        Some(value) if !called.params.get(at).is_some_and(|name| assigned.iter().any(|other| other == name)) => {
            KnownValue::Constant(value)
        }
        _ => KnownValue::Captured(at, value.is_map()),
    };
    let values = captured.iter().enumerate().map(known).chain([KnownValue::Packet]);
    let root = translator.body(&called, values.collect()).ok_or(translator.unknown)?;
    let tree = Tree::new(root, translator.constants);
    Ok(Translated { tree, assigns: !assigned.is_empty() })
}

/// The body of a loop over the packets of a socket, in which `outer` gives the values of variables from outside of it; and the
/// names of those that the body changes, or that are maps, as they are numbered in the tree. Else as [`closure`].
pub(in crate::bindings) fn turn(
    packet: &str,
    statements: &[Stmt],
    global: &GlobalRuntimeState,
    outer: &Outer<'_>,
) -> Result<(Tree, Vec<ImmutableString>), Position> {
    if global.num_imports() > 0 {
        return Err(Position::NONE);
    }
    let assigned = assigned(statements);
    let mut translator = TreeBuilder { outer: Some((outer, &assigned)), ..TreeBuilder::new(global, "") };
    translator.names.push((packet.to_string(), KnownValue::Packet));
    let body = translator.statements(statements).ok_or(translator.unknown)?;
    let tree = Tree::new(TreeNode::body(body, translator.ends), translator.constants);
    Ok((tree, translator.cells))
}

/// What a name stands for.
#[derive(Clone, Debug)]
enum KnownValue {
    /// The packet.
    Packet,
    /// A captured value that nothing changes.
    Constant(Value<'static>),
    /// The captured variable in this place; whether it is a map.
    Captured(usize, bool),
    /// The variable in this place.
    Variable(usize),
}

/// Gives the values of variables from outside.
pub(in crate::bindings) type Outer<'o> = dyn Fn(&str) -> Option<Dynamic> + 'o;

struct TreeBuilder<'g> {
    global: &'g GlobalRuntimeState,
    /// The source of the function at hand.
    source: &'g str,
    /// The names in sight, the last ones first; those before `base` are of functions that call this one.
    names: Vec<(String, KnownValue)>,
    base: usize,
    /// How many variables are alive.
    height: usize,
    /// How many expressions the statements at hand are part of: a `return` would have to leave them.
    nested: usize,
    calls: usize,
    /// For each variable that is alive whether its latest reading may take its value, since nothing after it reads it: a tree runs once
    /// from its beginning to its end.
    reads: Vec<Option<Arc<AtomicBool>>>,
    /// Whether a statement of the function at hand ends it.
    ends: bool,
    /// The values that stand in what is translated.
    constants: Vec<Value<'static>>,
    /// In a loop over packets: the variables outside of it, and those that are assigned to.
    outer: Option<(&'g Outer<'g>, &'g [ImmutableString])>,
    /// Those of them that are read anew for each packet.
    cells: Vec<ImmutableString>,
    /// Where the first part stands that is not known.
    unknown: Position,
}

impl<'g> TreeBuilder<'g> {
    fn new(global: &'g GlobalRuntimeState, main: &'g str) -> Self {
        let source = global.source.as_deref().unwrap_or(main);
        let (base, height, nested, calls) = (0, 0, 0, 0);
        let (names, constants, cells, reads) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (unknown, ends, outer) = (Position::NONE, false, None);
        Self { global, source, names, base, height, nested, calls, reads, ends, constants, outer, cells, unknown }
    }

    /// The body of `function`, called with `values`.
    fn body(&mut self, function: &Arc<ScriptFuncDef>, values: Vec<KnownValue>) -> Option<TreeNode> {
        if self.calls == DEPTH || function.this_type.is_some() {
            return None;
        }
        let (base, nested) = (std::mem::replace(&mut self.base, self.names.len()), std::mem::take(&mut self.nested));
        let within = source_of(self.global, function).unwrap_or(self.source);
        let source = std::mem::replace(&mut self.source, within);
        let outer_ends = std::mem::take(&mut self.ends);
        self.calls += 1;
        self.names.extend(function.params.iter().map(ToString::to_string).zip(values));
        let node = self.statements(&body::running(function));
        self.names.truncate(self.base);
        (self.base, self.nested, self.source) = (base, nested, source);
        self.calls -= 1;
        let ends = std::mem::replace(&mut self.ends, outer_ends);
        Some(TreeNode::body(node?, ends))
    }

    fn statements(&mut self, statements: &[Stmt]) -> Option<TreeNode> {
        let (names, height) = (self.names.len(), self.height);
        let nodes = statements.iter().map(|statement| self.statement(statement)).collect::<Option<Vec<_>>>();
        let declares = self.height > height;
        self.names.truncate(names);
        self.height = height;
        Some(TreeNode::block(nodes?, declares, self.ends))
    }

    /// A branch, which may be one that is never taken.
    fn branch(&mut self, statements: &[Stmt], is_taken: bool) -> Option<TreeNode> {
        if is_taken {
            return self.statements(statements);
        }
        let none = vec![None; self.reads.len()];
        let reads = std::mem::replace(&mut self.reads, none);
        let node = self.statements(statements);
        self.reads = reads;
        node
    }

    /// A new variable.
    fn declared(&mut self) -> KnownValue {
        self.reads.truncate(self.height);
        self.reads.push(None);
        self.height += 1;
        KnownValue::Variable(self.height - 1)
    }

    /// Notes that the variable in this place is read; whether its value may be taken will be known once all is translated.
    fn read(&mut self, at: usize) -> Arc<AtomicBool> {
        let is_last = Arc::new(AtomicBool::new(true));
        if let Some(before) = self.reads.get_mut(at).and_then(|read| read.replace(is_last.clone())) {
            before.store(false, Ordering::Relaxed);
        }
        is_last
    }

    fn statement(&mut self, statement: &Stmt) -> Option<TreeNode> {
        let node = self.known_statement(statement);
        self.noted(node, statement.position())
    }

    /// `node`, and a note of where its part stands if it is the first that is not known.
    fn noted(&mut self, node: Option<TreeNode>, at: Position) -> Option<TreeNode> {
        if node.is_none() && self.unknown.is_none() {
            self.unknown = at;
        }
        node
    }

    fn known_statement(&mut self, statement: &Stmt) -> Option<TreeNode> {
        match statement {
            Stmt::Var(parts, flags, _) if !flags.contains(ASTFlags::EXPORTED) => {
                let value = self.expression(&parts.1)?;
                let variable = self.declared();
                self.names.push((parts.0.name.to_string(), variable));
                Some(TreeNode::declaration(value))
            }
            Stmt::If(parts, _) => {
                let condition = self.expression(&parts.expr)?;
                let known = condition.known_truth();
                let then = self.branch(parts.body.statements(), known != Some(false))?;
                let otherwise = self.branch(parts.branch.statements(), known != Some(true))?;
                Some(match known {
                    Some(true) => then,
                    Some(false) => otherwise,
                    None => TreeNode::new(
                        move |state| {
                            if condition.truth(state)? { then.run(state) } else { otherwise.run(state) }
                        },
                    ),
                })
            }
            Stmt::Block(block) => self.statements(block.statements()),
            Stmt::Expr(expression) => match &**expression {
                Expr::Stmt(block) => self.statements(block.statements()),
                other => self.expression(other),
            },
            Stmt::FnCall(call, at) => self.call(call, *at),
            Stmt::Return(value, flags, _) if self.nested == 0 && !flags.contains(ASTFlags::BREAK) => {
                let value = value.as_ref().map_or(Some(TreeNode::unit()), |value| self.expression(value))?;
                self.ends = true;
                Some(TreeNode::end(value))
            }
            // `continue` in a loop over packets.
            Stmt::BreakLoop(None, flags, _)
                if self.outer.is_some() && self.calls + self.nested == 0 && !flags.contains(ASTFlags::BREAK) =>
            {
                self.ends = true;
                Some(TreeNode::end(TreeNode::unit()))
            }
            Stmt::Assignment(parts) => {
                let value = self.expression(&parts.1.rhs)?;
                let operator = match parts.0.get_op_assignment_info() {
                    Some((.., name)) => Some(operator_of(name)?),
                    None => None,
                };
                self.assignment(&parts.1.lhs, operator, value)
            }
            Stmt::Noop(_) => Some(TreeNode::unit()),
            _ => None,
        }
    }

    fn expression(&mut self, expression: &Expr) -> Option<TreeNode> {
        self.nested += 1;
        let node = self.part(expression);
        self.nested -= 1;
        self.noted(node, expression.position())
    }

    fn part(&mut self, expression: &Expr) -> Option<TreeNode> {
        Some(match expression {
            Expr::BoolConstant(truth, _) => self.constant(Value::Bool(*truth)),
            Expr::IntegerConstant(number, _) => self.constant(Value::Int(*number)),
            Expr::FloatConstant(number, _) => self.constant(Value::Float(**number)),
            Expr::CharConstant(letter, _) => self.constant(Value::Char(*letter)),
            Expr::StringConstant(text, _) => self.constant(Value::Text(text.to_string().into())),
            Expr::DynamicConstant(value, _) => self.constant(constant(value)?),
            Expr::Unit(_) => TreeNode::unit(),
            Expr::Variable(..) => match self.known(expression)? {
                KnownValue::Packet => return None,
                KnownValue::Constant(value) => self.constant(value),
                KnownValue::Captured(at, _) => TreeNode::new(move |state| state.read(at, None, true)),
                KnownValue::Variable(at) => {
                    let is_last = self.read(at);
                    TreeNode::new(move |state| {
                        let variable = state.variables.get_mut(at)?;
                        Some(match is_last.load(Ordering::Relaxed) {
                            true => std::mem::replace(variable, Value::Unit),
                            false => variable.clone(),
                        })
                    })
                }
            },
            Expr::InterpolatedString(parts, _) => TreeNode::joined(self.parts(parts)?),
            Expr::And(parts, _) => TreeNode::first(self.parts(parts)?, false),
            Expr::Or(parts, _) => TreeNode::first(self.parts(parts)?, true),
            Expr::Coalesce(parts, _) => {
                let parts = self.parts(parts)?;
                TreeNode::new(move |state| {
                    for part in &parts {
                        match part.run(state)? {
                            Value::Unit => {}
                            value => return Some(value),
                        }
                    }
                    Some(Value::Unit)
                })
            }
            Expr::Stmt(block) => self.statements(block.statements())?,
            Expr::FnCall(call, at) => self.call(call, *at)?,
            Expr::Custom(custom, _) => self.comparison(custom)?,
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let of = self.of(&parts.lhs)?;
                self.chain(of, &parts.rhs)?
            }
            Expr::Index(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let of = self.of(&parts.lhs)?;
                self.index(of, &parts.rhs, *flags)?
            }
            _ => return None,
        })
    }

    fn constant(&mut self, value: Value<'static>) -> TreeNode {
        self.constants.push(value.clone());
        TreeNode::constant(self.constants.len() - 1, value)
    }

    fn parts(&mut self, parts: &[Expr]) -> Option<Vec<TreeNode>> {
        parts.iter().map(|part| self.expression(part)).collect()
    }

    /// What a variable stands for; `None`: it is none, or one that is not known.
    fn known(&mut self, expression: &Expr) -> Option<KnownValue> {
        let Expr::Variable(parts, ..) = expression else { return None };
        let (_, name, namespace, _) = &**parts;
        let names = self.names.get(self.base..)?;
        let known = names.iter().rfind(|(known, _)| known == name.as_str()).map(|(_, known)| known.clone());
        match namespace.is_empty() {
            true => known.or_else(|| self.outside(name)),
            false => None,
        }
    }

    /// A variable outside of the loop over packets.
    fn outside(&mut self, name: &str) -> Option<KnownValue> {
        let (outer, assigned) = self.outer.filter(|_| self.base == 0)?;
        let value = outer(name)?;
        let is_assigned = assigned.iter().any(|other| other == name);
        if let (Some(value), false) = (constant(&value), is_assigned) {
            return Some(KnownValue::Constant(value));
        }
        if !(is_assigned || value.is_map()) || value.is_read_only() {
            return None;
        }
        let at = self.cells.iter().position(|known| known == name).unwrap_or_else(|| {
            self.cells.push(name.into());
            self.cells.len() - 1
        });
        Some(KnownValue::Captured(at, value.is_map()))
    }

    fn comparison(&mut self, custom: &CustomExpr) -> Option<TreeNode> {
        let key = custom.tokens.first()?;
        if key.as_str() == loops::TURN {
            return Some(TreeNode::unit());
        }
        let operator = Operator::ALL.into_iter().find(|operator| operator.key() == key.as_str())?;
        let [a, b] = custom.inputs.as_slice() else { return None };
        let (a, b) = (self.expression(a)?, self.expression(b)?);
        if let Some(known) = b.known().cloned() {
            return Some(TreeNode::new(move |state| a.run(state)?.compared(operator, &known).map(Value::Bool)));
        }
        Some(TreeNode::new(move |state| {
            let a = a.run(state)?;
            a.compared(operator, &b.run(state)?).map(Value::Bool)
        }))
    }
}
