//! From the interpreter's syntax tree to ours. Whatever is not known here gives `None`: it is left to the interpreter.

use std::sync::Arc;

use rhai::{
    ASTFlags, ASTNode, CustomExpr, Dynamic, Expr, FnCallExpr, FnPtr, GlobalRuntimeState, ImmutableString, Position,
    ScriptFuncDef, Stmt, Token,
};

use self::members::{Of, method};
use super::tree::TreeNode;
use super::value::{Arithmetic, Value};
use super::{constant, place};
use crate::bindings::body;
use crate::bindings::callback::source_of;
use crate::bindings::compare::Operator;
use crate::bindings::loops;
use crate::net::policy::{Action, Verdict};

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
    pub(super) root: TreeNode,
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

/// The tree of a closure.
pub(super) fn closure(closure: &FnPtr, global: &GlobalRuntimeState, main: &str) -> Option<Translated> {
    if global.num_imports() > 0 {
        return None;
    }
    let captured: Vec<&Dynamic> = closure.iter_curry().collect();
    let mut translator = TreeBuilder::new(global, main);
    let called = function(global, closure.fn_name(), captured.len() + 1)?;
    let assigned = assigned(&body::running(&called));
    let known = |(at, value): (usize, &&Dynamic)| match constant(value) {
        Some(value) if !called.params.get(at).is_some_and(|name| assigned.iter().any(|other| other == name)) => {
            KnownValue::Constant(value)
        }
        _ => KnownValue::Captured(at, value.is_map()),
    };
    let values = captured.iter().enumerate().map(known).chain([KnownValue::Packet]);
    let root = translator.body(&called, values.collect())?;
    Some(Translated { root, assigns: !assigned.is_empty() })
}

/// The body of a loop over the packets of a socket, in which `outer` gives the values of variables from outside of it; and the
/// names of those that the body changes, or that are maps, as they are numbered in the tree.
pub(in crate::bindings) fn turn(
    packet: &str,
    statements: &[Stmt],
    global: &GlobalRuntimeState,
    outer: &Outer<'_>,
) -> Option<(TreeNode, Vec<ImmutableString>)> {
    if global.num_imports() > 0 {
        return None;
    }
    let assigned = assigned(statements);
    let mut translator = TreeBuilder { outer: Some((outer, &assigned)), ..TreeBuilder::new(global, "") };
    translator.names.push((packet.to_string(), KnownValue::Packet));
    let body = translator.statements(statements)?;
    Some((TreeNode::Function(body.into()), translator.cells))
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
    /// In a loop over packets: the variables outside of it, and those that are assigned to.
    outer: Option<(&'g Outer<'g>, &'g [ImmutableString])>,
    /// Those of them that are read anew for each packet.
    cells: Vec<ImmutableString>,
}

impl<'g> TreeBuilder<'g> {
    fn new(global: &'g GlobalRuntimeState, main: &'g str) -> Self {
        let source = global.source.as_deref().unwrap_or(main);
        let (base, height, nested, calls) = (0, 0, 0, 0);
        Self { global, source, names: Vec::new(), base, height, nested, calls, outer: None, cells: Vec::new() }
    }

    /// The body of `function`, called with `values`.
    fn body(&mut self, function: &Arc<ScriptFuncDef>, values: Vec<KnownValue>) -> Option<TreeNode> {
        if self.calls == DEPTH || function.this_type.is_some() {
            return None;
        }
        let (base, nested) = (std::mem::replace(&mut self.base, self.names.len()), std::mem::take(&mut self.nested));
        let within = source_of(self.global, function).unwrap_or(self.source);
        let source = std::mem::replace(&mut self.source, within);
        self.calls += 1;
        self.names.extend(function.params.iter().map(ToString::to_string).zip(values));
        let node = self.statements(&body::running(function));
        self.names.truncate(self.base);
        (self.base, self.nested, self.source) = (base, nested, source);
        self.calls -= 1;
        Some(TreeNode::Function(node?.into()))
    }

    fn statements(&mut self, statements: &[Stmt]) -> Option<TreeNode> {
        let (names, height) = (self.names.len(), self.height);
        let nodes = statements.iter().map(|statement| self.statement(statement)).collect::<Option<Vec<_>>>();
        self.names.truncate(names);
        self.height = height;
        Some(TreeNode::Block(nodes?))
    }

    fn statement(&mut self, statement: &Stmt) -> Option<TreeNode> {
        match statement {
            Stmt::Var(parts, flags, _) if !flags.contains(ASTFlags::EXPORTED) => {
                let value = self.expression(&parts.1)?;
                self.names.push((parts.0.name.to_string(), KnownValue::Variable(self.height)));
                self.height += 1;
                Some(TreeNode::Let(value.into()))
            }
            Stmt::If(parts, _) => {
                let condition = self.expression(&parts.expr)?;
                let branches = [self.statements(parts.body.statements())?, self.statements(parts.branch.statements())?];
                let [then, otherwise] = branches;
                Some(TreeNode::If([condition, then, otherwise].into()))
            }
            Stmt::Block(block) => self.statements(block.statements()),
            Stmt::Expr(expression) => match &**expression {
                Expr::Stmt(block) => self.statements(block.statements()),
                other => self.expression(other),
            },
            Stmt::FnCall(call, at) => self.call(call, *at),
            Stmt::Return(value, flags, _) if self.nested == 0 && !flags.contains(ASTFlags::BREAK) => {
                let value =
                    value.as_ref().map_or(Some(TreeNode::Constant(Value::Unit)), |value| self.expression(value))?;
                Some(TreeNode::Return(value.into()))
            }
            // `continue` in a loop over packets.
            Stmt::BreakLoop(None, flags, _)
                if self.outer.is_some() && self.calls + self.nested == 0 && !flags.contains(ASTFlags::BREAK) =>
            {
                Some(TreeNode::Return(Box::new(TreeNode::Constant(Value::Unit))))
            }
            Stmt::Assignment(parts) => {
                let value = self.expression(&parts.1.rhs)?;
                let operator = match parts.0.get_op_assignment_info() {
                    Some((.., name)) => Some(Arithmetic::of(name)?),
                    None => None,
                };
                Some(TreeNode::Assign(self.target(&parts.1.lhs)?, operator, value.into()))
            }
            Stmt::Noop(_) => Some(TreeNode::Constant(Value::Unit)),
            _ => None,
        }
    }

    fn expression(&mut self, expression: &Expr) -> Option<TreeNode> {
        self.nested += 1;
        let node = self.part(expression);
        self.nested -= 1;
        node
    }

    fn part(&mut self, expression: &Expr) -> Option<TreeNode> {
        Some(match expression {
            Expr::BoolConstant(truth, _) => TreeNode::Constant(Value::Bool(*truth)),
            Expr::IntegerConstant(number, _) => TreeNode::Constant(Value::Int(*number)),
            Expr::FloatConstant(number, _) => TreeNode::Constant(Value::Float(**number)),
            Expr::CharConstant(letter, _) => TreeNode::Constant(Value::Char(*letter)),
            Expr::StringConstant(text, _) => TreeNode::Constant(Value::Text(text.to_string().into())),
            Expr::DynamicConstant(value, _) => TreeNode::Constant(constant(value)?),
            Expr::Unit(_) => TreeNode::Constant(Value::Unit),
            Expr::Variable(..) => match self.known(expression)? {
                KnownValue::Packet => return None,
                KnownValue::Constant(value) => TreeNode::Constant(value),
                KnownValue::Captured(at, _) => TreeNode::Captured(at),
                KnownValue::Variable(at) => TreeNode::Variable(at),
            },
            Expr::InterpolatedString(parts, _) => TreeNode::Joined(self.parts(parts)?),
            Expr::And(parts, _) => TreeNode::All(self.parts(parts)?),
            Expr::Or(parts, _) => TreeNode::Any(self.parts(parts)?),
            Expr::Coalesce(parts, _) => TreeNode::Coalesce(self.parts(parts)?),
            Expr::Stmt(block) => self.statements(block.statements())?,
            Expr::FnCall(call, at) => self.call(call, *at)?,
            Expr::Custom(custom, _) => self.comparison(custom)?,
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let of = match self.known(&parts.lhs) {
                    Some(KnownValue::Packet) => Of::Packet,
                    Some(KnownValue::Captured(at, true)) => Of::Map(at),
                    _ => Of::Value(self.expression(&parts.lhs)?),
                };
                self.chain(of, &parts.rhs)?
            }
            Expr::Index(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let of = match self.known(&parts.lhs) {
                    Some(KnownValue::Captured(at, true)) => Of::Map(at),
                    _ => Of::Value(self.expression(&parts.lhs)?),
                };
                self.index(of, &parts.rhs, *flags)?
            }
            _ => return None,
        })
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
            return Some(TreeNode::Constant(Value::Unit));
        }
        let operator = Operator::ALL.into_iter().find(|operator| operator.key() == key.as_str())?;
        let [a, b] = custom.inputs.as_slice() else { return None };
        Some(TreeNode::Compare(operator, [self.expression(a)?, self.expression(b)?].into()))
    }

    /// Whether `call` is one of the native function `name`, with one argument.
    fn is_native(&self, name: &str, call: &FnCallExpr) -> bool {
        call.name == name && call.args.len() == 1 && function(self.global, name, 1).is_none()
    }

    fn call(&mut self, call: &FnCallExpr, at: Position) -> Option<TreeNode> {
        if call.capture_parent_scope || !call.namespace.is_empty() {
            return None;
        }
        if let Some(operator) = &call.op_token {
            let mut parts = self.parts(&call.args)?;
            return match (operator, parts.len()) {
                (Token::Bang, 1) => Some(TreeNode::Not(parts.pop()?.into())),
                (Token::UnaryMinus | Token::Minus, 1) => Some(TreeNode::Negative(parts.pop()?.into())),
                (_, 2) => Some(TreeNode::Arithmetic(Arithmetic::of(&call.name)?, Box::new(parts.try_into().ok()?))),
                _ => None,
            };
        }
        match function(self.global, &call.name, call.args.len()) {
            Some(function) => self.inlined(&function, &call.args),
            None => self.native(call, at),
        }
    }

    /// A function of the script: its arguments become variables, then comes its body.
    fn inlined(&mut self, function: &Arc<ScriptFuncDef>, args: &[Expr]) -> Option<TreeNode> {
        let (mut nodes, mut values, height) = (Vec::new(), Vec::new(), self.height);
        for arg in args {
            if let Some(KnownValue::Packet) = self.known(arg) {
                values.push(KnownValue::Packet);
                continue;
            }
            nodes.push(TreeNode::Let(self.expression(arg)?.into()));
            values.push(KnownValue::Variable(self.height));
            self.height += 1;
        }
        let body = self.body(function, values);
        self.height = height;
        nodes.push(body?);
        Some(TreeNode::Block(nodes))
    }

    fn native(&mut self, call: &FnCallExpr, at: Position) -> Option<TreeNode> {
        let mut args = self.parts(&call.args)?;
        let source = self.source;
        let origin = || place(source, at.line());
        let plain = |action| Some(TreeNode::Verdict(Verdict { action, origin: origin().into() }));
        let name = call.name.as_str();
        match (name, args.len()) {
            ("random", 0) => Some(TreeNode::Random),
            ("random", 2) => Some(TreeNode::RandomInt(Box::new(args.try_into().ok()?))),
            ("pass", 0) => plain(Action::Pass),
            ("drop", 0) => plain(Action::Drop),
            ("corrupt", 0) => plain(Action::Corrupt),
            ("delay", 1) => Some(TreeNode::Delay(args.pop()?.into(), origin())),
            ("duplicate", 1) => Some(TreeNode::Duplicate(args.pop()?.into(), origin())),
            ("replace", 1) => Some(TreeNode::Replace(args.pop()?.into(), origin())),
            ("print", 1) if self.outer.is_some() => Some(TreeNode::Print(args.pop()?.into())),
            (_, 1..) => {
                let of = args.remove(0);
                method(name, of, args)
            }
            _ => None,
        }
    }
}
