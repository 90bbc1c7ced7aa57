//! What a script declares, read without running it.

use rhai::Expr;

/// An option that a script declares, as far as it can be read without running the script.
pub(in crate::engine) struct DeclaredNames {
    /// `option`, `ask`, `flag`, `argument` or `arguments`.
    pub(in crate::engine) shape: String,
    pub(in crate::engine) name: String,
    pub(in crate::engine) choices: Vec<String>,
    pub(in crate::engine) is_policy: bool,
}

/// `option("name", …).choices([…])`.
pub(in crate::engine) fn read(item: &Expr) -> Option<DeclaredNames> {
    match item {
        Expr::FnCall(call, _) if matches!(call.name.as_str(), "option" | "ask" | "flag" | "argument" | "arguments") => {
            let Some(Expr::StringConstant(name, _)) = call.args.first() else { return None };
            Some(DeclaredNames {
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
