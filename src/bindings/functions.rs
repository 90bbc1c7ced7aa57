//! How a function of the scripts is written: its documentation, then a line with what it is, its parameters and its value.

use std::any::{TypeId, type_name};

use rhai::{FuncRegistration, Module, RhaiFunc, RhaiNativeFunc, Variant};

/// Functions and kinds of objects for scripts, which `pub fn NAME;` adds to a module of the language.
///
/// ```text
/// functions! {
///     pub fn api;
///     object SharedCounter as Counter, "A whole number that threads share.";
///
///     /// The counter's value.
///     get value(counter: &mut SharedCounter) -> i64 = counter.load();
/// }
/// ```
///
/// What it is: `fn`, `get`, `set`, `index`, `set_index`; `change`, a method that constants do not have; `volatile`, which gives
/// another value at each call. Names that mean the same stand between `|`; an operator stands in quotes; `as NAME` makes it a
/// function of the file, too. A parameter `ctx` is the call's context and none for scripts.
macro_rules! functions {
    (@define [] $($item:tt)*) => {};
    (@define [$own:ident] ($($arg:ident: $of:ty,)*) ($($result:ty)?) $body:expr) => {
        fn $own($($arg: $of),*) $(-> $result)? { $body }
    };
    (@native [$own:ident] $($item:tt)*) => { $own };
    (@native [] ($($arg:ident: $of:ty,)*) ($($result:ty)?) $body:expr) => {{
        fn native($($arg: $of),*) $(-> $result)? { $body }
        native
    }};
    (
        pub fn $add:ident;
        $(object $object:ty $(as $name_of:ident)?, $($about:literal),+;)*
        $(
            $(#[doc = $doc:literal])+
            $kind:ident $($name:tt)|+ $(as $own:ident)? ($($arg:ident: $of:ty),* $(,)?) $(-> $result:ty)? = $body:expr;
        )*
    ) => {
        $(functions! { @define [$($own)?] ($($arg: $of,)*) ($($result)?) $body })*

        /// Adds the functions and kinds of objects of this file to `all`.
        pub fn $add(all: &mut $crate::bindings::functions::Functions) {
            $({
                let names = [stringify!($object), $(stringify!($name_of))?];
                all.object::<$object>(names[names.len() - 1], concat!($("/// ", $about, "\n"),+));
            })*
            $({
                // A pointer: what calls natives of one type is code that they share.
                let native: fn($($of),*) $(-> $result)? =
                    functions!(@native [$($own)?] ($($arg: $of,)*) ($($result)?) $body);
                // In one piece: each text of its own costs an entry that is relocated at every start.
                let (args, doc) = ([$(stringify!($arg)),*], concat!($("///", $doc, "\n"),+));
                for name in [$(stringify!($name)),+] {
                    $crate::bindings::functions::add(all, (stringify!($kind), name), &args, doc, native);
                }
            })*
        }
    };
}

/// Functions and kinds of objects that are added to a module.
#[derive(Debug, Default)]
pub struct Functions {
    /// The module.
    pub(super) module: Module,
    /// Whether what they say of themselves is kept. To run scripts it is not needed, and takes half the time that all else takes.
    pub(super) is_described: bool,
}

impl Functions {
    /// Adds a kind of objects, with what it says of itself.
    pub(super) fn object<T>(&mut self, name: &str, about: &str) {
        match self.is_described {
            true => self.module.set_custom_type_with_comments::<T>(name, &[about.trim_end()]),
            false => self.module.set_custom_type::<T>(name),
        };
    }
}

/// Adds a function of this kind and name, with the names of its parameters and its documentation, to `all`.
pub(super) fn add<A: 'static, const N: usize, const X: bool, R: Variant + Clone, const F: bool, FUNC>(
    all: &mut Functions,
    (kind, name): (&str, &str),
    args: &[&str],
    doc: &str,
    native: FUNC,
) where
    FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
{
    let described = Described {
        kind,
        name: name.trim_matches('"'),
        args: &args[usize::from(X)..],
        types: &FUNC::param_names(),
        result: type_name::<R>(),
        doc,
    };
    let function = native.into_rhai_function(described.is_pure(), described.is_volatile());
    described.add(all, &FUNC::param_types(), function);
}

/// What is said of a function, apart from what it does: adding it is code that all functions share.
struct Described<'a> {
    kind: &'a str,
    name: &'a str,
    args: &'a [&'a str],
    types: &'a [&'a str],
    result: &'a str,
    doc: &'a str,
}

impl Described<'_> {
    fn is_pure(&self) -> bool {
        self.kind != "change"
    }

    fn is_volatile(&self) -> bool {
        self.kind == "volatile"
    }

    fn add(&self, all: &mut Functions, types: &[TypeId], native: RhaiFunc) {
        let function = match self.kind {
            "get" => FuncRegistration::new_getter(self.name),
            "index" => FuncRegistration::new_index_getter(),
            // As new_setter and new_index_setter have them, which settle the purity as well.
            "set" => FuncRegistration::new(format!("set${}", self.name)).in_global_namespace(),
            "set_index" => FuncRegistration::new("index$set$").in_global_namespace(),
            _ => FuncRegistration::new(self.name),
        };
        let function = match all.is_described {
            true => {
                let args = self.args.iter().zip(self.types).map(|(arg, kind)| format!("{arg}: {kind}"));
                function.with_params_info(args.chain([self.result.to_string()])).with_comments([self.doc.trim_end()])
            }
            false => function,
        };
        function.set_into_module_raw(&mut all.module, types, native);
    }
}
