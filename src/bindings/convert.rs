//! Script values to values of the core, and back.

use std::net::{IpAddr, SocketAddr};
use std::ops::{Range, RangeInclusive};

use rhai::{Dynamic, Engine, ImmutableString, Map, NativeCallContext, Position};

use super::builder::Builder;
use super::callback::programs;
use super::context;
use super::error::{OrRaise, ScriptResult, raise};
use crate::nearest::nearest;
use crate::net::error::Error;
use crate::net::host::addr;
use crate::net::time::Duration;

/// An address given as text (`"127.0.0.1:11000"`) or as an `Addr`.
///
/// # Errors
/// `invalid`, `resolve`.
pub fn address(ctx: &NativeCallContext, value: &Dynamic) -> ScriptResult<SocketAddr> {
    if let Some(addr) = value.clone().try_cast::<SocketAddr>() {
        return Ok(addr);
    }
    match value.clone().into_string() {
        Ok(text) => {
            let now = context::current();
            addr::resolve(&*now.host, &now.stop, &text, None).or_raise(ctx)
        }
        Err(_) => wrong(ctx, "an address", "\"127.0.0.1:11000\"", value),
    }
}

/// A host given as text without a port (`"127.0.0.1"`, `"localhost"`, `"fe80::1%eth0"`) or as an `Addr`, whose port does not
/// count; the address, with port 0.
///
/// # Errors
/// `invalid`, `resolve`.
pub fn host(ctx: &NativeCallContext, value: &Dynamic) -> ScriptResult<SocketAddr> {
    if let Some(mut addr) = value.clone().try_cast::<SocketAddr>() {
        addr.set_port(0);
        return Ok(addr);
    }
    match value.clone().into_string() {
        Ok(text) => {
            let now = context::current();
            addr::resolve_host(&*now.host, &now.stop, &text, None).or_raise(ctx)
        }
        Err(_) => wrong(ctx, "a host", "\"127.0.0.1\"", value),
    }
}

/// Bytes given as a string, as a blob or as `bytes()` put together.
///
/// # Errors
/// `invalid`: it is none of them.
pub fn bytes(ctx: &NativeCallContext, value: Dynamic) -> ScriptResult<Vec<u8>> {
    if let Some(bytes) = data(&value) {
        return Ok(bytes);
    }
    wrong(ctx, "data", "a string or a blob", &value)
}

/// Refuses data that stands where the address belongs, and the address in its place; `write` makes the right call of both.
///
/// # Errors
/// `invalid`: they are swapped.
pub fn in_order(
    ctx: &NativeCallContext,
    data: &Dynamic,
    to: &Dynamic,
    write: impl FnOnce(&str, &str) -> String,
) -> ScriptResult<()> {
    let is_address = |value: &Dynamic| {
        let text = value.read_lock::<ImmutableString>();
        let is_port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
        value.is::<SocketAddr>() || text.is_some_and(|text| text.rsplit_once(':').is_some_and(is_port))
    };
    if !is_address(data) || is_address(to) {
        return Ok(());
    }
    let quoted = |value: &Dynamic| if value.is_string() { format!("{:?}", value.to_string()) } else { shown(value) };
    let address = if data.is_string() { quoted(data) } else { format!("\"{}\"", shown(data)) };
    let error = Error::invalid("argument", format!("{} is an address, not data", shown(data)));
    raise(ctx, error.with_hint(write(&quoted(to), &address)))
}

/// The same as [`bytes`]; `None`: it is none of them.
pub fn data(value: &Dynamic) -> Option<Vec<u8>> {
    if let Some(blob) = value.read_lock::<rhai::Blob>() {
        return Some(blob.to_vec());
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Some(text.as_bytes().to_vec());
    }
    value.read_lock::<Builder>().map(|built| built.to_vec())
}

/// What the closure of a serving loop returned, to be sent.
///
/// # Errors
/// `invalid`: it cannot be sent.
pub fn reply_data(ctx: &NativeCallContext, value: Dynamic) -> ScriptResult<Dynamic> {
    if value.is_string() || value.is_blob() || value.is::<Builder>() {
        return Ok(value);
    }
    let error = Error::invalid("serve", format!("the closure returned {}, which cannot be sent", shown(&value)));
    raise(ctx, error.with_hint("it returns a string, a blob or bytes(); to send nothing, end it with ()"))
}

/// Bytes as text; what is not UTF-8 shows as `\u{FFFD}`.
pub fn text(bytes: &[u8]) -> ImmutableString {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned().into(),
    }
}

fn wrong<T>(ctx: &NativeCallContext, what: &str, such_as: &str, value: &Dynamic) -> ScriptResult<T> {
    let message = format!("{what} is needed here, such as {such_as}, not {}", shown(value));
    let error = Error::invalid("argument", message);
    raise(
        ctx,
        if value.is_unit() { error.with_hint("() is no value: is something missing before this?") } else { error },
    )
}

/// A value as a person would write it in a message, in a script that runs.
pub fn shown(value: &Dynamic) -> String {
    shown_by(programs().engine(), value)
}

/// A value as a person would write it in a message: an object by its own `to_string`.
pub fn shown_by(engine: &Engine, value: &Dynamic) -> String {
    if value.is_string() {
        return format!("\"{value}\"");
    }
    if let Some(duration) = value.clone().try_cast::<Duration>() {
        return duration.short();
    }
    if value.is_fnptr() {
        return "a closure".to_string();
    }
    if !(value.is_variant() || value.is_array() || value.is_map()) {
        return value.to_string();
    }
    let global = engine.new_global_runtime_state();
    let ctx = NativeCallContext::from((engine, "to_string", None, &global, Position::NONE));
    match ctx.call_native_fn::<ImmutableString>("to_string", (value.clone(),)) {
        Ok(text) => text.to_string(),
        Err(_) => engine.map_type_name(value.type_name()).to_string(),
    }
}

/// The kind of a value, as in "a duration", in a script that runs.
pub fn kind_of(value: &Dynamic) -> String {
    let known = match value {
        _ if value.is_unit() => "()",
        _ if value.is_int() => "a whole number",
        _ if value.is_float() => "a number",
        _ if value.is_string() => "text",
        _ if value.is_char() => "a character",
        _ if value.is_bool() => "true or false",
        _ if value.is_array() => "an array",
        _ if value.is_map() => "a map",
        _ if value.is_blob() => "a blob",
        _ if value.is_fnptr() => "a closure",
        _ if value.is::<Duration>() => "a duration",
        _ if value.is::<SocketAddr>() => "an address",
        _ if value.is::<Range<i64>>() || value.is::<RangeInclusive<i64>>() => "a range",
        _ => "",
    };
    match known {
        "" => {
            let programs = programs();
            let name = programs.engine().map_type_name(value.type_name());
            let name = name.rsplit("::").next().unwrap_or(name);
            format!("{} {name}", if name.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" })
        }
        known => known.to_string(),
    }
}

/// A value as it would be typed on a command line.
pub fn typed(value: &Dynamic) -> String {
    match value.clone().try_cast::<Duration>() {
        Some(duration) => duration.short(),
        None => value.to_string(),
    }
}

/// Reads an option map (`#{ timeout: 1.s }`), in which an unknown key is an error that names the known ones.
#[derive(Debug)]
pub struct Options<'a> {
    op: &'static str,
    map: &'a Map,
    known: Vec<&'static str>,
}

impl<'a> Options<'a> {
    /// The options of the native called `op`.
    pub fn new(op: &'static str, map: &'a Map) -> Self {
        Self { op, map, known: Vec::new() }
    }

    /// What `read` makes of the options in `map`, in which there must be no others.
    ///
    /// # Errors
    /// What `read` returns; `invalid`: an unknown key.
    pub fn all<T>(
        ctx: &NativeCallContext,
        op: &'static str,
        map: &Map,
        read: impl FnOnce(&mut Options<'_>) -> Result<T, Error>,
    ) -> ScriptResult<T> {
        let mut options = Options::new(op, map);
        let value = read(&mut options).or_raise(ctx)?;
        options.finish().or_raise(ctx)?;
        Ok(value)
    }

    fn get<T>(
        &mut self,
        key: &'static str,
        needed: &str,
        read: impl Fn(&Dynamic) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.known.push(key);
        match self.map.get(key) {
            None => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| Error::invalid(self.op, format!("option `{key}` takes {needed}, not {}", shown(value)))),
        }
    }

    /// A duration that is not negative.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn duration(&mut self, key: &'static str) -> Result<Option<Duration>, Error> {
        let read = |value: &Dynamic| value.clone().try_cast::<Duration>().filter(|duration| !duration.is_negative());
        self.get(key, "a duration that is not negative, such as 1.s or 250.ms", read)
    }

    /// A whole number from `least` up.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn count(&mut self, key: &'static str, least: i64) -> Result<Option<u64>, Error> {
        let read = |value: &Dynamic| value.as_int().ok().filter(|&n| n >= least).map(|n| n as u64);
        self.get(key, &format!("a whole number from {least} up"), read)
    }

    /// A whole number from 1 to 255.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn byte(&mut self, key: &'static str) -> Result<Option<u8>, Error> {
        let read = |value: &Dynamic| value.as_int().ok().and_then(|n| u8::try_from(n).ok()).filter(|&n| n > 0);
        self.get(key, "a whole number from 1 to 255", read)
    }

    /// Text that is not empty.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>, Error> {
        let read = |value: &Dynamic| value.clone().into_string().ok().filter(|text| !text.is_empty());
        self.get(key, "text that is not empty", read)
    }

    /// Any value, read by `read`; `needed` says what it has to be.
    ///
    /// # Errors
    /// `invalid`: `read` cannot.
    pub fn read<T>(
        &mut self,
        key: &'static str,
        needed: &str,
        read: impl Fn(&Dynamic) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.get(key, needed, read)
    }

    /// A number.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn number(&mut self, key: &'static str) -> Result<Option<f64>, Error> {
        let read = |value: &Dynamic| value.as_float().or_else(|_| value.as_int().map(|n| n as f64)).ok();
        self.get(key, "a number", read)
    }

    /// An IP address, without a port.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn ip(&mut self, key: &'static str) -> Result<Option<IpAddr>, Error> {
        let read = |value: &Dynamic| match value.clone().try_cast::<SocketAddr>() {
            Some(addr) => Some(addr.ip()),
            None => value.clone().into_string().ok()?.parse().ok(),
        };
        self.get(key, "an IP address, such as \"10.0.0.77\"", read)
    }

    /// The type of service or traffic class: `tos`, all eight bits, or `dscp`, the upper six.
    ///
    /// # Errors
    /// `invalid`: it is something else, or both are given.
    pub fn tos(&mut self) -> Result<u8, Error> {
        let up_to = |most: i64| move |value: &Dynamic| value.as_int().ok().filter(|n| (0..=most).contains(n));
        let tos = self.get("tos", "a whole number from 0 to 255", up_to(255))?;
        let dscp = self.get("dscp", "a whole number from 0 to 63", up_to(63))?;
        match (tos, dscp) {
            (Some(_), Some(_)) => {
                Err(Error::invalid(self.op, "options `tos` and `dscp` set the same bits: give one of them"))
            }
            (tos, dscp) => Ok(tos.or(dscp.map(|dscp| dscp << 2)).unwrap_or(0) as u8),
        }
    }

    /// True or false.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn flag(&mut self, key: &'static str) -> Result<bool, Error> {
        self.flag_or(key, false)
    }

    /// True or false, where nothing given means `default`.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn flag_or(&mut self, key: &'static str, default: bool) -> Result<bool, Error> {
        Ok(self.get(key, "true or false", |value| value.as_bool().ok())?.unwrap_or(default))
    }

    /// True or false; `None` if it is not given.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn switch(&mut self, key: &'static str) -> Result<Option<bool>, Error> {
        self.get(key, "true or false", |value| value.as_bool().ok())
    }

    /// One of several texts, each for a value.
    ///
    /// # Errors
    /// `invalid`: it is something else.
    pub fn one_of<T: Copy>(&mut self, key: &'static str, all: &[(&str, T)]) -> Result<Option<T>, Error> {
        let names: Vec<String> = all.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let read = |value: &Dynamic| {
            let text = value.clone().into_immutable_string().ok()?;
            all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
        };
        self.get(key, &names.join(", "), read)
    }

    /// Any value.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Dynamic> {
        self.known.push(key);
        self.map.get(key)
    }

    /// Checks that there was no other key.
    ///
    /// # Errors
    /// `invalid`: there is one; the message lists those that are known.
    pub fn finish(self) -> Result<(), Error> {
        match self.map.keys().find(|key| !self.known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let near = nearest(key, self.known.iter().copied());
                let hint = match near.first() {
                    Some(near) => format!("did you mean `{near}`? The options are {}", self.known.join(", ")),
                    None => format!("the options are {}", self.known.join(", ")),
                };
                Err(Error::invalid(self.op, format!("unknown option `{key}`")).with_hint(hint))
            }
        }
    }
}
