//! How a function of the scripts is written: its documentation, then a line with what it is, its parameters and its value.

use rhai::FuncRegistration;

/// Functions and types for scripts, which `pub fn NAME;` adds to a module of the language.
///
/// ```text
/// functions! {
///     pub fn api;
///     type Counter = SharedCounter, "A whole number that threads share.";
///
///     /// The counter's value.
///     get value(counter: &mut Counter) -> i64 = counter.load();
/// }
/// ```
///
/// What it is: `fn`, `get`, `set`, `index`, `set_index`; `change`, a method that constants do not have; `volatile`, which gives
/// another value at each call. Names that mean the same stand between `|`; an operator stands in quotes; `as NAME` makes it a
/// function of the file, too. A `NativeCallContext` is no parameter for scripts.
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
        $(type $type:ident $(= $path:ty)?, $($about:literal),+;)*
        $(
            $(#[doc = $doc:literal])+
            $kind:ident $($name:tt)|+ $(as $own:ident)? ($($arg:ident: $of:ty),* $(,)?) $(-> $result:ty)? = $body:expr;
        )*
    ) => {
        $($(
            /// A type of the scripts, by their name for it.
            pub type $type = $path;
        )?)*
        $(functions! { @define [$($own)?] ($($arg: $of,)*) ($($result)?) $body })*

        /// Adds the functions and types of this file to `module`.
        pub fn $add(module: &mut rhai::Module) {
            $(module.set_custom_type_with_comments::<$type>(stringify!($type), &[$(concat!("/// ", $about)),+]);)*
            $({
                let native = functions!(@native [$($own)?] ($($arg: $of,)*) ($($result)?) $body);
                let params = [$(concat!(stringify!($arg), ": ", stringify!($of)),)* concat!($(stringify!($result))?)];
                let doc = [$(concat!("///", $doc)),+];
                for name in [$(stringify!($name)),+] {
                    $crate::bindings::functions::registration(stringify!($kind), name, &params, &doc)
                        .set_into_module(module, native);
                }
            })*
        }
    };
}

/// How a function of this kind is registered under `name`. The parameters are as they are written, the result last.
pub(super) fn registration(kind: &str, name: &str, params: &[&str], doc: &[&str]) -> FuncRegistration {
    let name = name.trim_matches('"');
    let function = match kind {
        "get" => FuncRegistration::new_getter(name),
        "set" => FuncRegistration::new_setter(name),
        "index" => FuncRegistration::new_index_getter(),
        "set_index" => FuncRegistration::new_index_setter(),
        _ => FuncRegistration::new(name),
    };
    let params = params.iter().filter(|param| !param.ends_with(": NativeCallContext"));
    let params = params.map(|param| if param.is_empty() { "()" } else { param });
    function
        .with_purity(kind != "change")
        .with_volatility(kind == "volatile")
        .with_params_info(params)
        .with_comments(doc)
}
