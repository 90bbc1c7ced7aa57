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

        /// Adds the functions and kinds of objects of this file to `module`.
        pub fn $add(module: &mut rhai::Module) {
            $({
                let names = [stringify!($object), $(stringify!($name_of))?];
                let about = [$(concat!("/// ", $about)),+];
                module.set_custom_type_with_comments::<$object>(names[names.len() - 1], &about);
            })*
            $({
                // A pointer: what calls natives of one type is code that they share.
                let native: fn($($of),*) $(-> $result)? =
                    functions!(@native [$($own)?] ($($arg: $of,)*) ($($result)?) $body);
                let (args, doc) = ([$(stringify!($arg)),*], [$(concat!("///", $doc)),+]);
                for name in [$(stringify!($name)),+] {
                    $crate::bindings::functions::add(module, (stringify!($kind), name), &args, &doc, native);
                }
            })*
        }
    };
}

/// Adds a function of this kind and name, with the names of its parameters and its documentation, to `module`.
pub(super) fn add<A: 'static, const N: usize, const X: bool, R: Variant + Clone, const F: bool, FUNC>(
    module: &mut Module,
    (kind, name): (&str, &str),
    args: &[&str],
    doc: &[&str],
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
    described.add(module, &FUNC::param_types(), function);
}

/// What is said of a function, apart from what it does: adding it is code that all functions share.
struct Described<'a> {
    kind: &'a str,
    name: &'a str,
    args: &'a [&'a str],
    types: &'a [&'a str],
    result: &'a str,
    doc: &'a [&'a str],
}

impl Described<'_> {
    fn is_pure(&self) -> bool {
        self.kind != "change"
    }

    fn is_volatile(&self) -> bool {
        self.kind == "volatile"
    }

    fn add(&self, module: &mut Module, types: &[TypeId], native: RhaiFunc) {
        let function = match self.kind {
            "get" => FuncRegistration::new_getter(self.name),
            "index" => FuncRegistration::new_index_getter(),
            // As new_setter and new_index_setter have them, which settle the purity as well.
            "set" => FuncRegistration::new(format!("set${}", self.name)).in_global_namespace(),
            "set_index" => FuncRegistration::new("index$set$").in_global_namespace(),
            _ => FuncRegistration::new(self.name),
        };
        let args = self.args.iter().zip(self.types).map(|(arg, kind)| format!("{arg}: {kind}"));
        function
            .with_params_info(args.chain([self.result.to_string()]))
            .with_comments(self.doc)
            .set_into_module_raw(module, types, native);
    }
}
