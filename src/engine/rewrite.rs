//! Programs as they run: with comparisons that refuse unlike types, and loops that end when the script is stopped.
//!
//! The interpreter takes values of unlike types for different, without a word, and lets no loop end from outside. So nodes of
//! our own ([`Expr::Custom`]) take the place of each comparison and of each loop that may wait. They are found by keys that no
//! script can write.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use rhai::{
    AST, ASTNode, CustomExpr, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, FnCallExpr, Module, Scope,
    ScriptFuncDef, Stmt, StmtBlock,
};

use crate::bindings::body::{self, FunctionBody};
use crate::bindings::compare::{self, Operator};
use crate::bindings::context;
use crate::bindings::error::ScriptResult;
use crate::bindings::loops::{self, TURN};
use crate::bindings::udp::script_loop;

const LOOP: &str = "a loop";
/// The body of a function. It alone is written in a program: see [`hide`].
const BODY: &str = "__body_of_a_function";

/// Has `engine` evaluate the nodes that [`rewrite`] makes.
pub(super) fn register(engine: &mut Engine) {
    for operator in Operator::ALL {
        handle(engine, operator.key(), move |context, inputs, place| {
            let (a, b) = (context.eval_expression_tree(&inputs[0])?, context.eval_expression_tree(&inputs[1])?);
            compare::evaluate(context, operator, a.flatten(), b.flatten(), place)
        });
    }
    handle(engine, LOOP, |context, inputs, _| {
        let stop = context::peek(|context| context.stop.clone());
        loops::run(stop.as_ref(), || match script_loop::serve(context, &inputs[0])? {
            Some(value) => Ok(value),
            None => context.eval_expression_tree(&inputs[0]),
        })
    });
    handle(engine, TURN, |_, _, _| {
        match loops::is_over(|| context::peek(|context| context.stop.is_stopped()) == Some(true)) {
            true => Err(EvalAltResult::LoopBreak(true, Dynamic::UNIT, rhai::Position::NONE).into()),
            false => Ok(Dynamic::UNIT),
        }
    });
    handle(engine, BODY, |context, _, state| match state.read_lock::<FunctionBody>() {
        Some(body) => context.eval_expression_tree(&Expression::from(body.0.as_ref())),
        None => Ok(Dynamic::UNIT),
    });
}

fn handle(
    engine: &mut Engine,
    key: &str,
    evaluate: impl Fn(&mut EvalContext<'_, '_, '_, '_, '_, '_>, &[Expression<'_>], &Dynamic) -> ScriptResult<Dynamic>
    + Send
    + Sync
    + 'static,
) {
    engine.register_custom_syntax_handler(key, false, evaluate).expect("the interpreter runs syntax trees");
}

/// The program `ast`, which was compiled without optimization, as it is to run; `finish` has the last word on each of its parts.
///
/// # Errors
/// What `finish` returns.
pub(super) fn rewrite<E>(
    engine: &Engine,
    scope: &Scope<'_>,
    ast: &AST,
    finish: impl Fn(&AST) -> Result<(), E>,
) -> Result<AST, E> {
    let optimized = |scope: &Scope<'_>, statements: Vec<Stmt>, functions: Module| {
        let ast = engine.optimize_ast(scope, AST::new(statements, functions), rhai::OptimizationLevel::Simple);
        finish(&ast).map(|()| ast)
    };
    let mut functions = Module::clone(ast.shared_lib());
    for (.., function) in ast.shared_lib().iter_script_fn_info() {
        let mut statements = body::written(function);
        // The parser takes the names that scripts give to the language's own types for those of Rust.
        let this_type = function.this_type.as_ref().map(|kind| engine.map_type_name(kind).into());
        let mut own = ScriptFuncDef { this_type, ..ScriptFuncDef::clone(function) };
        if rewrite_all(&mut statements) {
            let body = optimized(&Scope::new(), statements, Module::new())?;
            own = hide(&own, body.statements().to_vec());
        } else if own.this_type == function.this_type {
            continue;
        }
        functions.set_script_fn(own);
    }
    let mut statements = ast.statements().to_vec();
    rewrite_all(&mut statements);
    optimized(scope, statements, functions)
}

thread_local! {
    /// What the next [`BODY`] that is read stands for.
    static NEXT: Cell<Option<FunctionBody>> = const { Cell::new(None) };
}

/// `function` with `statements` as its body. A body can only be made by reading one: what is read stands for the statements.
fn hide(function: &ScriptFuncDef, statements: Vec<Stmt>) -> ScriptFuncDef {
    static READER: OnceLock<Engine> = OnceLock::new();
    let reader = READER.get_or_init(|| {
        let mut engine = Engine::new_raw();
        engine.register_custom_syntax_with_state_raw(
            BODY,
            |_, _, state| {
                *state = NEXT.take().map_or(Dynamic::UNIT, Dynamic::from);
                Ok(None)
            },
            false,
            |_, _, _| Ok(Dynamic::UNIT),
        );
        engine
    });
    let (start, end) = (function.body.start_position(), function.body.end_position());
    NEXT.set(Some(FunctionBody(Arc::new(Expr::Stmt(Box::new(StmtBlock::new(statements, start, end)))))));
    let read = reader.compile(format!("fn f() {{ {BODY} }}")).expect("it is a program");
    let (.., made) = read.shared_lib().iter_script_fn_info().next().expect("it has a function");
    ScriptFuncDef { body: made.body.clone(), ..function.clone() }
}

/// Whether `wanted` is in the program `ast`, whose function bodies are out of sight of [`AST::walk`].
pub(crate) fn has(ast: &AST, wanted: &dyn Fn(&ASTNode<'_>) -> bool) -> bool {
    fn look(path: &[ASTNode<'_>], wanted: &dyn Fn(&ASTNode<'_>) -> bool) -> bool {
        let body = match path.last() {
            Some(ASTNode::Expr(Expr::Custom(custom, _))) => custom.state.read_lock::<FunctionBody>(),
            _ => None,
        };
        path.last().is_some_and(wanted)
            || body.is_some_and(|body| {
                let mut found = false;
                body.0.walk(&mut Vec::new(), &mut |path| {
                    found |= look(path, wanted);
                    !found
                });
                found
            })
    }
    let mut found = false;
    ast.walk(&mut |path| {
        found |= look(path, wanted);
        !found
    });
    found
}

fn node(key: &str, inputs: impl IntoIterator<Item = Expr>, state: Dynamic, at: rhai::Position) -> Expr {
    let custom = CustomExpr {
        inputs: inputs.into_iter().collect(),
        tokens: [key.into()].into_iter().collect(),
        state,
        scope_may_be_changed: false,
        self_terminated: false,
    };
    Expr::Custom(Box::new(custom), at)
}

/// Rewrites each of `statements`; whether there was something to rewrite.
fn rewrite_all<'s>(statements: impl IntoIterator<Item = &'s mut Stmt>) -> bool {
    statements.into_iter().fold(false, |changed, next| statement(next) | changed)
}

fn block(block: &mut StmtBlock) -> bool {
    rewrite_all(block.statements_mut().iter_mut())
}

fn statement(this: &mut Stmt) -> bool {
    let changed = match this {
        Stmt::If(parts, _) | Stmt::While(parts, _) | Stmt::Do(parts, ..) | Stmt::TryCatch(parts, _) => {
            expression(&mut parts.expr) | block(&mut parts.body) | block(&mut parts.branch)
        }
        Stmt::For(parts, _) => expression(&mut parts.2.expr) | block(&mut parts.2.body),
        Stmt::Switch(parts, _) => {
            let (value, cases) = parts.as_mut();
            let cases = cases.expressions.iter_mut();
            cases.fold(expression(value), |changed, case| {
                expression(&mut case.lhs) | expression(&mut case.rhs) | changed
            })
        }
        Stmt::Var(parts, ..) => expression(&mut parts.1),
        Stmt::Assignment(parts) => expression(&mut parts.1.lhs) | expression(&mut parts.1.rhs),
        Stmt::FnCall(call, at) => match comparison(call, *at) {
            Some(node) => {
                *this = Stmt::Expr(Box::new(node));
                true
            }
            None => expressions(call.args.iter_mut()),
        },
        Stmt::Block(inner) => block(inner),
        Stmt::Expr(inner) | Stmt::BreakLoop(Some(inner), ..) | Stmt::Return(Some(inner), ..) => expression(inner),
        Stmt::Import(parts, _) => expression(&mut parts.0),
        _ => false,
    };
    looped(this) | changed
}

/// Puts a node around a loop that may wait, and one at each turn of it; whether it is one.
fn looped(this: &mut Stmt) -> bool {
    let at = this.position();
    // What `for` takes from a socket or a channel is dealt with before the loop ends: there the node stands after the turn.
    let (body, after) = match this {
        Stmt::While(parts, _) | Stmt::Do(parts, ..) => (&mut parts.body, false),
        Stmt::For(parts, _) => (&mut parts.2.body, !is_operation(&parts.2.expr)),
        _ => return false,
    };
    // A loop without statements counts its turns by itself.
    if !has_calls(body) {
        return false;
    }
    let first = body.statements().first().map_or(at, Stmt::position);
    let place = if after { body.statements_mut().len() } else { 0 };
    body.statements_mut().insert(place, Stmt::Expr(Box::new(node(TURN, [], Dynamic::UNIT, first))));
    let whole = StmtBlock::from(std::mem::take(this));
    *this = Stmt::Expr(Box::new(node(LOOP, [Expr::Stmt(Box::new(whole))], Dynamic::UNIT, at)));
    true
}

/// Whether a value comes from an operator, as a range does.
fn is_operation(value: &Expr) -> bool {
    matches!(value, Expr::FnCall(call, _) if call.op_token.is_some())
}

/// Whether something is called in `block` that may wait.
fn has_calls(block: &StmtBlock) -> bool {
    let mut found = false;
    for statement in block {
        statement.walk(&mut Vec::new(), &mut |path| {
            found |= match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) => {
                    call.op_token.is_none()
                }
                Some(ASTNode::Expr(Expr::MethodCall(..))) => true,
                _ => false,
            };
            !found
        });
    }
    found
}

fn expressions<'e>(all: impl IntoIterator<Item = &'e mut Expr>) -> bool {
    all.into_iter().fold(false, |changed, next| expression(next) | changed)
}

fn expression(this: &mut Expr) -> bool {
    match this {
        Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => expressions(parts.iter_mut()),
        Expr::Map(parts, _) => expressions(parts.0.iter_mut().map(|(_, value)| value)),
        Expr::MethodCall(call, _) => expressions(call.args.iter_mut()),
        Expr::FnCall(call, at) => match comparison(call, *at) {
            Some(node) => {
                *this = node;
                true
            }
            None => expressions(call.args.iter_mut()),
        },
        Expr::Stmt(inner) => block(inner),
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => expression(&mut parts.lhs) | expression(&mut parts.rhs),
        Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => expressions(parts.iter_mut()),
        _ => false,
    }
}

/// The node that stands for `call`, where that is a comparison.
fn comparison(call: &mut FnCallExpr, at: rhai::Position) -> Option<Expr> {
    call.op_token.as_ref()?;
    let operator = Operator::of(&call.name)?;
    expressions(call.args.iter_mut());
    Some(node(operator.key(), call.args.iter_mut().map(Expr::take), Dynamic::from(at), at))
}
