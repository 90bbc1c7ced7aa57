//! Maps that threads share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Array, Dynamic, FnPtr, ImmutableString, Map, NativeCallContext};

use super::callback::own;
use super::convert::shown;
use super::error::{ScriptResult, raise};
use crate::net::error::{Error, ErrorKind};

/// A map that threads share. Clones are the same map.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Values>>);

/// The values, each with the number of the change that put it there.
#[derive(Default)]
struct Values {
    map: BTreeMap<ImmutableString, (u64, Dynamic)>,
    changes: u64,
}

impl Values {
    fn put(&mut self, key: ImmutableString, value: Dynamic) {
        self.changes += 1;
        self.map.insert(key, (self.changes, value));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({})", self.lock().map.len())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of the value under `key`; what a caller changes in it, no one else sees.
    fn value(&self, key: &str) -> Dynamic {
        self.lock().map.get(key).map_or(Dynamic::UNIT, |(_, value)| own(value.clone(), 0))
    }
}

/// A key: a text, or what is printed as one, such as an address or a number.
fn key(ctx: &NativeCallContext, key: &Dynamic) -> ScriptResult<ImmutableString> {
    if let Some(text) = key.read_lock::<ImmutableString>() {
        return Ok(text.clone());
    }
    if key.is_unit() {
        return raise(
            ctx,
            Error::invalid("shared_map", "() is no key").with_hint("give a text, a number or an address"),
        );
    }
    Ok(shown(key).into())
}

functions! {
    pub fn api;
    object Shared as SharedMap, "A map that threads share.";

    /// A map from text to values that threads can share: `map["a"] = 1`. Each call is done as a whole, whatever other threads
    /// do; a value that is read is a copy. To change one by what it is, use `add` or `update`.
    ///
    /// ```rhai
    /// let seen = shared_map();
    /// let tasks = [];
    /// for i in 0..4 { tasks.push(start_thread(|| seen.add("pings", 1))); }
    /// for task in tasks { task.join(); }
    /// expect(seen["pings"], 4);
    /// ```
    fn shared_map() -> Shared = Shared::default();

    /// The value under a key, a copy; `()` if there is none.
    ///
    /// Errors: `invalid`: () is no key.
    ///
    /// ```rhai
    /// let map = shared_map();
    /// expect(map["a"], ());
    /// ```
    index get(ctx: NativeCallContext, map: &mut Shared, key: Dynamic) -> ScriptResult<Dynamic> =
        Ok(map.value(&self::key(&ctx, &key)?));

    /// Puts a value under a key.
    ///
    /// Errors: `invalid`: () is no key.
    ///
    /// ```rhai
    /// let map = shared_map();
    /// map[resolve("127.0.0.1:7")] = #{ pings: 1 };
    /// expect(map["127.0.0.1:7"].pings, 1);
    /// ```
    set_index set(ctx: NativeCallContext, map: &mut Shared, key: Dynamic, value: Dynamic) -> ScriptResult<()> = {
        let key = self::key(&ctx, &key)?;
        map.lock().put(key, own(value, 0));
        Ok(())
    };

    /// Adds a whole number to the one under a key, which counts as 0 if there is none; the sum.
    ///
    /// Errors: `invalid`: something else is there.
    ///
    /// ```rhai
    /// let map = shared_map();
    /// map.add("a", 2);
    /// expect(map.add("a", 3), 5);
    /// ```
    fn add(ctx: NativeCallContext, map: &mut Shared, key: Dynamic, n: i64) -> ScriptResult<i64> = {
        let key = self::key(&ctx, &key)?;
        let mut values = map.lock();
        let found = values.map.get(&key).map_or_else(|| 0.into(), |(_, value)| value.clone());
        let Ok(before) = found.as_int() else {
            drop(values);
            return raise(&ctx, Error::invalid("add", format!("{} is no whole number", shown(&found))));
        };
        let sum = before.wrapping_add(n);
        values.put(key, sum.into());
        Ok(sum)
    };

    /// Puts what the closure makes of the value under a key in its place, and gives it. Other threads may change the map
    /// meanwhile: then the closure is called again with what is there now.
    ///
    /// Errors: what the closure throws; `busy`: the value changes so often that there is no end to it.
    ///
    /// ```rhai
    /// let map = shared_map();
    /// map["longest"] = "a";
    /// expect(update(map, "longest", |old| if old.len < 3 { "abc" } else { old }), "abc");
    /// ```
    fn update(ctx: NativeCallContext, map: Shared, key: Dynamic, change: FnPtr) -> ScriptResult<Dynamic> = {
        const TRIES: usize = 10_000;
        let key = self::key(&ctx, &key)?;
        for _ in 0..TRIES {
            let before = map.lock().map.get(&key).cloned();
            let change_before = before.as_ref().map(|(change, _)| *change);
            let given = before.map_or(Dynamic::UNIT, |(_, value)| own(value, 0));
            let after = own(change.call_within_context::<Dynamic>(&ctx, (given,))?, 0);
            let mut values = map.lock();
            if values.map.get(&key).map(|(change, _)| *change) == change_before {
                values.put(key, after.clone());
                return Ok(own(after, 0));
            }
        }
        raise(
            &ctx,
            Error::new(ErrorKind::Busy, "update", "other threads change the value again and again").with_peer(key),
        )
    };

    /// Takes the value under a key out of the map, and gives it; `()` if there is none.
    ///
    /// Errors: `invalid`: () is no key.
    ///
    /// ```rhai
    /// let map = shared_map();
    /// map["a"] = 1;
    /// expect(map.remove("a"), 1);
    /// expect(map.len, 0);
    /// ```
    fn remove(ctx: NativeCallContext, map: &mut Shared, key: Dynamic) -> ScriptResult<Dynamic> = {
        let key = self::key(&ctx, &key)?;
        Ok(map.lock().map.remove(&key).map_or(Dynamic::UNIT, |(_, value)| value))
    };

    /// Whether there is a value under a key.
    ///
    /// Errors: `invalid`: () is no key.
    ///
    /// ```rhai
    /// expect(shared_map().contains("a"), false);
    /// ```
    fn contains(ctx: NativeCallContext, map: &mut Shared, key: Dynamic) -> ScriptResult<bool> = {
        let key = self::key(&ctx, &key)?;
        Ok(map.lock().map.contains_key(&key))
    };

    /// The keys, in order.
    ///
    /// ```rhai
    /// let map = shared_map();
    /// map["b"] = 1; map["a"] = 2;
    /// expect(map.keys(), ["a", "b"]);
    /// ```
    fn keys(map: &mut Shared) -> Array = map.lock().map.keys().map(|key| key.clone().into()).collect();

    /// All of it at one moment, as a plain map.
    ///
    /// ```rhai
    /// let map = shared_map();
    /// map["a"] = 1;
    /// expect(map.to_map(), #{ a: 1 });
    /// ```
    fn to_map as to_map(map: &mut Shared) -> Map =
        map.lock().map.iter().map(|(key, (_, value))| (key.as_str().into(), own(value.clone(), 0))).collect();

    /// How many values there are.
    ///
    /// ```rhai
    /// expect(shared_map().len, 0);
    /// ```
    get len(map: &mut Shared) -> i64 = map.lock().map.len() as i64;

    /// The map as text.
    ///
    /// ```rhai
    /// let counts = shared_map();
    /// counts["pings"] = 1;
    /// expect(`${counts}`, `${#{ pings: 1 }}`);
    /// ```
    fn to_string | to_debug(map: &mut Shared) -> String = shown(&to_map(map).into());
}
