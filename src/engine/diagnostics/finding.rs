//! Words for what a check finds in a script that does not run: undefined names, and calls that nothing takes.

use super::{ErrorContext, Words, call, did_you_mean, runtime, translate, variable};
use crate::nearest::nearest;
use crate::net::error::Error;

/// Something wrong in a script, seen without running it.
#[derive(Clone, Debug)]
pub enum Finding {
    /// A variable that is not known where it is used; with its namespace, if it has one.
    Variable(String),
    /// A namespace that neither natives nor an import have.
    Namespace(String),
    /// A call that no function takes.
    Call {
        /// Empty for none.
        namespace: String,
        /// The function.
        name: String,
        /// How many arguments stand between its brackets.
        given: usize,
        /// Whether it is called with a dot.
        with_dot: bool,
    },
    /// An option that the script does not declare.
    Option {
        /// As it is used.
        name: String,
        /// Those declared.
        known: Vec<String>,
    },
    /// A constant of which a part is assigned to.
    Constant(String),
    /// A file that the script names.
    File(Error),
}

impl Finding {
    pub(super) fn words(&self, context: &ErrorContext) -> Words {
        let may_be_foreign = matches!(self, Self::Variable(_) | Self::Call { .. });
        if let Some(words) = may_be_foreign.then(|| translate::words(context)).flatten() {
            return words;
        }
        match self {
            Self::Variable(name) => variable::unknown(name, context),
            Self::Namespace(name) => variable::unknown_namespace(name, context),
            Self::Call { namespace, name, given, with_dot } => call::unfit(namespace, name, *given, *with_dot, context),
            Self::Option { name, known } => {
                let words = Words::new(format!("the script declares no option `{name}`"));
                let near = did_you_mean(&nearest(name, known.iter().map(String::as_str)));
                words.hints(near).hint(format!("its options: {}", known.join(", ")))
            }
            Self::Constant(name) => runtime::constant(name),
            Self::File(error) => {
                let words = Words::new(error.to_string());
                if error.hint.is_empty() { words } else { words.hint(&error.hint) }
            }
        }
    }
}
