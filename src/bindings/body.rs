//! The statements of a script function. A body has no public type, so it is read by walking a program, and a body that was
//! rewritten stands behind a node of its own.

use std::sync::Arc;

use rhai::{AST, ASTNode, Expr, Module, Position, ScriptFuncDef, Stmt, StmtBlock};

/// The statements of a function that was rewritten.
#[derive(Clone, Debug)]
pub struct FunctionBody(pub Arc<Expr>);

/// The statements of a function as it was read.
pub fn written(function: &Arc<ScriptFuncDef>) -> Vec<Stmt> {
    let mut module = Module::new();
    module.set_script_fn(function.clone());
    let mut statements = Vec::new();
    AST::new([], module).walk(&mut |path| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}

/// The statements of a function as they run.
pub fn running(function: &Arc<ScriptFuncDef>) -> Vec<Stmt> {
    let statements = written(function);
    rewritten(&statements, |block| block.statements().to_vec()).unwrap_or(statements)
}

/// Where the body of a function begins in its script.
pub fn start(function: &Arc<ScriptFuncDef>) -> Position {
    rewritten(&written(function), StmtBlock::position).unwrap_or_else(|| function.body.start_position())
}

/// What `get` gets of the block that `statements` stand for, if they were rewritten.
fn rewritten<T>(statements: &[Stmt], get: impl FnOnce(&StmtBlock) -> T) -> Option<T> {
    let [Stmt::Expr(only)] = statements else { return None };
    let Expr::Custom(custom, _) = &**only else { return None };
    match &*custom.state.read_lock::<FunctionBody>()?.0 {
        Expr::Stmt(block) => Some(get(block)),
        _ => None,
    }
}

/// Whether the value of a function is made of its variable `name`: its last statement reads it, or one that returns.
pub fn returns(function: &Arc<ScriptFuncDef>, name: &str) -> bool {
    let reads = |path: &[ASTNode<'_>]| matches!(path.last(), Some(ASTNode::Expr(Expr::Variable(variable, ..))) if variable.1 == name);
    let statements = running(function);
    let last = statements.len().saturating_sub(1);
    statements.iter().enumerate().any(|(number, statement)| {
        let mut found = false;
        statement.walk(&mut Vec::new(), &mut |path| {
            let returned = || path.iter().any(|node| matches!(node, ASTNode::Stmt(Stmt::Return(..))));
            found |= reads(path) && (number == last || returned());
            true
        });
        found
    })
}
