//! How a function of the scripts is written: its documentation, then a line with what it is, its parameters and its value.

use std::any::type_name;

use rhai::{FuncRegistration, Module, RhaiNativeFunc, Variant};

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
                let native = functions!(@native [$($own)?] ($($arg: $of,)*) ($($result)?) $body);
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
    let name = name.trim_matches('"');
    let function = match kind {
        "get" => FuncRegistration::new_getter(name),
        "set" => FuncRegistration::new_setter(name),
        "index" => FuncRegistration::new_index_getter(),
        "set_index" => FuncRegistration::new_index_setter(),
        _ => FuncRegistration::new(name),
    };
    let args = args.iter().skip(usize::from(X)).zip(FUNC::param_names()).map(|(arg, kind)| format!("{arg}: {kind}"));
    function
        .with_purity(kind != "change")
        .with_volatility(kind == "volatile")
        .with_params_info(args.chain([type_name::<R>().to_string()]))
        .with_comments(doc)
        .set_into_module(module, native);
}
