//! Compiles scripts, and refuses what the interpreter itself would break on.

use rhai::{AST, ASTNode, Engine, Expr, ParseError, ParseErrorType, Position, Scope, Stmt};

use super::diagnostics::refuse_open_comment;
use super::rewrite;

/// The program of `text`, which may use the variables of `scope`.
///
/// # Errors
/// What the parser reports; a comment that is never closed; a change of a constant's part (`const C = #{ a: 1 }; C.a = 2`), whose value stands in the
/// program already where the name stood.
pub fn compile(engine: &Engine, scope: &Scope<'_>, text: &str) -> Result<AST, ParseError> {
    refuse_open_comment(text)?;
    let ast = engine.compile_with_scope(scope, text)?;
    rewrite::rewrite(engine, scope, &ast, |ast| refuse(ast, text))
}

/// Refuses a change of a constant's part, of which the value stands where the name stood.
fn refuse(ast: &AST, text: &str) -> Result<(), ParseError> {
    let mut found = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Assignment(assignment))) = path.last() {
            let target = leftmost(&assignment.1.lhs);
            if target.is_constant() {
                found = Some(target.start_position());
            }
        }
        found.is_none()
    });
    match found {
        Some(at) => Err(ParseError(Box::new(ParseErrorType::AssignmentToConstant(name_at(text, at))), at)),
        None => Ok(()),
    }
}

/// What stands before all dots and brackets.
fn leftmost(mut expression: &Expr) -> &Expr {
    while let Expr::Dot(parts, ..) | Expr::Index(parts, ..) = expression {
        expression = &parts.lhs;
    }
    expression
}

/// The name that begins at `at`; empty if none does.
fn name_at(text: &str, at: Position) -> String {
    let line = at.line().and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
    let rest = line.chars().skip(at.position().unwrap_or(1).saturating_sub(1));
    let name: String = rest.take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { String::new() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_constants_cannot_be_changed() {
        let engine = Engine::new();
        for (text, name) in [
            ("const C = #{ a: 1 }; C.a = 2;", Some("C")),
            ("fn f() { const X = #{ a: 1 }; X.a += 2; }", Some("X")),
            ("const C = #{ a: 1 };\n  C.a -= 2;", Some("C")),
            ("let m = #{ a: 1 }; m.a = 2; m[\"a\"] = 3;", None),
            ("fn f(x) { this.a = 1; x[0].b = 2; }", None),
        ] {
            let found = match compile(&engine, &Scope::new(), text) {
                Ok(_) => None,
                Err(ParseError(error, _)) => match *error {
                    ParseErrorType::AssignmentToConstant(name) => Some(name),
                    other => panic!("{text}: {other:?}"),
                },
            };
            assert_eq!(found.as_deref(), name, "{text}");
        }
    }
}
