//! A small engine with natives like those of the bench, for the tests of messages.

use rhai::module_resolvers::StaticModuleResolver;
use rhai::{
    Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, Module, NativeCallContext, OptimizationLevel, Position,
    Scope,
};

use crate::engine::diagnostics::{Names, Reporter};

#[derive(Clone)]
struct Span;

#[derive(Clone)]
struct Socket;

#[derive(Clone)]
struct Thrown(&'static str);

type Returned<T> = std::result::Result<T, Box<EvalAltResult>>;

/// The message for the failure of `script`, which is called `main.rhai`; what it returns is dropped.
pub(super) fn run(script: &str) -> String {
    let engine = engine();
    let scope = Scope::new();
    let text = |source: &str| match source {
        "main.rhai" => Some(script.to_string()),
        "lib" => Some(LIBRARY.to_string()),
        _ => None,
    };
    let describe = |value: &Dynamic| value.read_lock::<Thrown>().map(|f| f.0.to_string());
    let compiled = engine.compile_with_scope(&scope, script);
    let names = Names::collect(&engine, compiled.as_ref().ok()).with_scope(&scope);
    let reporter = Reporter { sources: &text, main_source: "main.rhai", names: &names, describe: &describe };
    match compiled {
        Err(error) => reporter.report_parse(&error).text,
        Ok(mut ast) => {
            ast.set_source("main.rhai");
            match engine.eval_ast_with_scope::<Dynamic>(&mut scope.clone(), &ast) {
                Ok(_) => String::from("no error\n"),
                Err(error) => reporter.report(&error).text,
            }
        }
    }
}

const LIBRARY: &str = "/// Fails.\nfn half(n) {\n\tn / 0\n}\n";

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::Simple);
    engine.on_print(|_| {});
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_max_call_levels(30).set_max_expr_depths(64, 32).set_max_operations(100_000);
    engine.set_max_string_size(1000).set_max_array_size(100).set_max_map_size(100);

    engine.register_type_with_name::<Span>("Duration").register_type_with_name::<Socket>("Socket");
    engine.register_get("s", |_: &mut i64| Span).register_get("ms", |_: &mut Span| 1.0);
    engine.register_get_set("timeout", |_: &mut Socket| Span, |_: &mut Socket, _: Span| {});
    engine.register_get("local", |_: &mut Socket| 1_i64);
    engine.register_fn("recv", |_: &mut Socket, _: Span| 1_i64);
    FuncRegistration::new("ping")
        .with_params_info(["sock: &mut Socket", "to: &str", "timeout: Duration", "Reply"])
        .in_global_namespace()
        .register_into_engine(&mut engine, |_: &mut Socket, _: &str, _: Span| 1_i64);
    engine.register_fn("loss", |_: f64| 1_i64);
    engine.register_fn("serve", |ctx: NativeCallContext, _: Socket, f: FnPtr| -> Returned<Dynamic> {
        f.call_within_context(&ctx, ())
    });
    engine.register_fn("refuse", |ctx: NativeCallContext| -> Returned<()> {
        let failure = Thrown("port 53 needs a permission\nrun as root, or take a port above 1023");
        Err(EvalAltResult::ErrorRuntime(Dynamic::from(failure), ctx.call_position()).into())
    });
    engine.register_fn("stop", || -> Returned<()> {
        Err(EvalAltResult::ErrorTerminated("SIGTERM".into(), Position::NONE).into())
    });
    engine.register_fn("race", || -> Returned<()> {
        Err(EvalAltResult::ErrorDataRace(String::new(), Position::NONE).into())
    });

    for (namespace, functions) in [("udp", &["bind", "open"][..]), ("tcp", &["bind", "connect"])] {
        let mut module = Module::new();
        for function in functions {
            FuncRegistration::new(*function)
                .with_params_info(["addr: &str", "Socket"])
                .set_into_module(&mut module, |_: &str| Socket);
        }
        engine.register_static_module(namespace, module.into());
    }

    let mut resolver = StaticModuleResolver::new();
    if let Ok(mut library) = engine.compile(LIBRARY) {
        library.set_source("lib");
        if let Ok(module) = Module::eval_ast_as_new(Scope::new(), &library, &engine) {
            resolver.insert("lib", module);
        }
    }
    engine.set_module_resolver(resolver);
    engine
}
