//! Comparisons: of values of one kind, whole numbers with others, characters with text, addresses with text, and anything with
//! `()` by `==` and `!=`. Between other kinds a comparison is an error that names the value to write: it would never be true.

use std::cmp::Ordering;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};

use rhai::{Array, Dynamic, EvalAltResult, EvalContext, ImmutableString, NativeCallContext, Position};

use super::error::{ScriptResult, thrown};
use crate::net::time::Duration;
use address::is_at;
use sort::sort;
use unlike::unlike;

mod address;
mod sort;
mod unlike;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    Differ,
    /// `<`
    Less,
    /// `<=`
    NotMore,
    /// `>`
    More,
    /// `>=`
    NotLess,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Equal, Self::Differ, Self::Less, Self::NotMore, Self::More, Self::NotLess];

    /// The operator that is written so.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.symbol() == text)
    }

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        &self.key()["compare ".len()..]
    }

    /// The key of its node in a program.
    pub fn key(self) -> &'static str {
        match self {
            Self::Equal => "compare ==",
            Self::Differ => "compare !=",
            Self::Less => "compare <",
            Self::NotMore => "compare <=",
            Self::More => "compare >",
            Self::NotLess => "compare >=",
        }
    }

    pub(super) fn is_of_equality(self) -> bool {
        matches!(self, Self::Equal | Self::Differ)
    }

    /// Whether it holds between two values in this order; `None`: they have none, as what is no number.
    pub(super) fn holds(self, order: impl Into<Option<Ordering>>) -> bool {
        let order = order.into();
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::Differ => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::NotMore => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::More => order == Some(Ordering::Greater),
            Self::NotLess => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// It holds, or not.
    Is(bool),
    /// The values are of one kind, which has functions of its own for this, or none.
    Own,
    /// They are of unlike kinds.
    Unlike,
}

fn compared(operator: Operator, a: &Dynamic, b: &Dynamic) -> Compared {
    if let (true, Ok(a), Ok(b)) = (a.is_int() && b.is_int(), a.as_int(), b.as_int()) {
        return Compared::Is(operator.holds(a.cmp(&b)));
    }
    if let (Some(a), Some(b)) = (a.read_lock::<ImmutableString>(), b.read_lock::<ImmutableString>()) {
        return Compared::Is(operator.holds(a.as_str().cmp(b.as_str())));
    }
    if (a.is_unit() || b.is_unit()) && operator.is_of_equality() {
        let both = a.is_unit() && b.is_unit();
        return Compared::Is(both == (operator == Operator::Equal));
    }
    order(operator, a, b).unwrap_or(match a.type_id() == b.type_id() && !a.is_unit() {
        true => Compared::Own,
        false => Compared::Unlike,
    })
}

/// [`compared`] for the kinds that are compared less often; `None`: none of them.
fn order(operator: Operator, a: &Dynamic, b: &Dynamic) -> Option<Compared> {
    let is = |order: Option<Ordering>| Some(Compared::Is(operator.holds(order)));
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return is(Some(a.cmp(&b)));
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return is(close(a, b));
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Duration>(), b.read_lock::<Duration>()) {
        return is(a.partial_cmp(&*b));
    }
    if let (Some(a), Some(b)) = (text(a), text(b)) {
        return is(Some(a.cmp(&b)));
    }
    if !operator.is_of_equality() {
        return None;
    }
    let same = |same: bool| Some(Compared::Is(same == (operator == Operator::Equal)));
    match (a.read_lock::<SocketAddr>(), b.read_lock::<SocketAddr>()) {
        (Some(addr), None) => return text(b).and_then(|text| is_at(&addr, &text)).and_then(same),
        (None, Some(addr)) => return text(a).and_then(|text| is_at(&addr, &text)).and_then(same),
        _ => {}
    }
    if let (Ok(a), Ok(b)) = (a.as_blob_ref(), b.as_blob_ref()) {
        return same(*a == *b);
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Range<i64>>(), b.read_lock::<Range<i64>>()) {
        return same(*a == *b);
    }
    let (a, b) = (a.read_lock::<RangeInclusive<i64>>()?, b.read_lock::<RangeInclusive<i64>>()?);
    same(*a == *b)
}

fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().or_else(|_| value.as_int().map(|n| n as f64)).ok()
}

/// The order of two numbers, where those that differ by rounding alone are the same.
pub(super) fn close(a: f64, b: f64) -> Option<Ordering> {
    let greatest = if a * b == 0.0 { 1.0 } else { a.abs().max(b.abs()) };
    if a != b && (a - b).abs() / greatest <= f64::EPSILON { Some(Ordering::Equal) } else { a.partial_cmp(&b) }
}

fn text(value: &Dynamic) -> Option<String> {
    match value.as_char() {
        Ok(c) => Some(c.to_string()),
        Err(_) => value.read_lock::<ImmutableString>().map(|text| text.to_string()),
    }
}

/// The comparison `a operator b` in a program, at `place`.
///
/// # Errors
/// `invalid`: the values are of unlike kinds; the values are of a kind that cannot be compared.
pub fn evaluate(
    context: &mut EvalContext<'_, '_, '_, '_, '_, '_>,
    operator: Operator,
    a: Dynamic,
    b: Dynamic,
    place: &Dynamic,
) -> ScriptResult<Dynamic> {
    let place = || place.read_lock::<Position>().map_or(Position::NONE, |place| *place);
    match compared(operator, &a, &b) {
        Compared::Is(holds) => Ok(holds.into()),
        Compared::Unlike => Err(thrown(unlike(operator, &a, &b), place())),
        Compared::Own => context.call_native_fn::<Dynamic>(operator.symbol(), (a, b)).map_err(|mut error| {
            if error.position().is_none() {
                error.set_position(place());
            }
            error
        }),
    }
}

/// Whether two values are the same; values of unlike kinds are not.
///
/// # Errors
/// They are of a kind that cannot be compared.
pub fn same(ctx: &NativeCallContext, a: &Dynamic, b: &Dynamic) -> ScriptResult<bool> {
    match compared(Operator::Equal, a, b) {
        Compared::Is(same) => Ok(same),
        Compared::Unlike => Ok(false),
        Compared::Own => ctx.call_native_fn("==", (a.clone(), b.clone())),
    }
}

/// A comparison that nothing else has a function for.
fn any(ctx: &NativeCallContext, operator: Operator, a: &Dynamic, b: &Dynamic) -> ScriptResult<bool> {
    match compared(operator, a, b) {
        Compared::Is(holds) => Ok(holds),
        Compared::Unlike => Err(thrown(unlike(operator, a, b), ctx.call_position())),
        Compared::Own => {
            let name = |value: &Dynamic| ctx.engine().map_type_name(value.type_name()).to_string();
            let signature = format!("{} ({}, {})", operator.symbol(), name(a), name(b));
            Err(EvalAltResult::ErrorFunctionNotFound(signature, ctx.call_position()).into())
        }
    }
}

functions! {
    pub fn api;

    /// Whether both are the same. Values of unlike kinds do not compare, but for these: anything with `()`, whole numbers with
    /// others, an address with text, which is its IP address or both that and the port.
    ///
    /// Errors: `invalid`: the values are of unlike kinds.
    ///
    /// ```rhai
    /// expect(5 == 5.0, true);
    /// expect(() == 5, false);
    /// expect(resolve("127.0.0.1:7") == "127.0.0.1", true);
    /// expect(resolve("127.0.0.1:7") == "127.0.0.1:8", false);
    /// try { 5 == "5"; expect(true, false); } catch (e) { expect(e.kind, "invalid"); }
    /// ```
    fn "=="(ctx: NativeCallContext, a: Dynamic, b: Dynamic) -> ScriptResult<bool> = any(&ctx, Operator::Equal, &a, &b);

    /// Whether both differ.
    ///
    /// Errors: as `==`.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7") != "127.0.0.2", true);
    /// ```
    fn "!="(ctx: NativeCallContext, a: Dynamic, b: Dynamic) -> ScriptResult<bool> = any(&ctx, Operator::Differ, &a, &b);

    /// Whether the first is less. With `()` nothing is.
    ///
    /// Errors: `invalid`: the values are of unlike kinds.
    ///
    /// ```rhai
    /// expect(1 < 1.5, true);
    /// try { 10.ms < 5; expect(true, false); } catch (e) { expect(e.kind, "invalid"); }
    /// ```
    fn "<"(ctx: NativeCallContext, a: Dynamic, b: Dynamic) -> ScriptResult<bool> = any(&ctx, Operator::Less, &a, &b);

    /// Whether the first is not more.
    ///
    /// Errors: as `<`.
    ///
    /// ```rhai
    /// expect("a" <= "b", true);
    /// ```
    fn "<="(ctx: NativeCallContext, a: Dynamic, b: Dynamic) -> ScriptResult<bool> =
        any(&ctx, Operator::NotMore, &a, &b);

    /// Whether the first is more.
    ///
    /// Errors: as `<`.
    ///
    /// ```rhai
    /// expect(2 > 1, true);
    /// ```
    fn ">"(ctx: NativeCallContext, a: Dynamic, b: Dynamic) -> ScriptResult<bool> = any(&ctx, Operator::More, &a, &b);

    /// Whether the first is not less.
    ///
    /// Errors: as `<`.
    ///
    /// ```rhai
    /// expect(1 >= 2, false);
    /// ```
    fn ">="(ctx: NativeCallContext, a: Dynamic, b: Dynamic) -> ScriptResult<bool> =
        any(&ctx, Operator::NotLess, &a, &b);

    /// Sorts the array, the least item first.
    ///
    /// Errors: `invalid`: items of unlike kinds, or of a kind that has no order.
    ///
    /// ```rhai
    /// let rtts = [2.ms, 1.ms];
    /// rtts.sort();
    /// expect(rtts[0], 1.ms);
    /// ```
    change sort(ctx: NativeCallContext, array: &mut Array) -> ScriptResult<()> = sort(&ctx, array, |order| order);

    /// Sorts the array, the greatest item first.
    ///
    /// Errors: as `sort`.
    ///
    /// ```rhai
    /// let list = [1, 3, 2.5];
    /// list.sort_desc();
    /// expect(list[0], 3);
    /// ```
    change sort_desc(ctx: NativeCallContext, array: &mut Array) -> ScriptResult<()> =
        sort(&ctx, array, Ordering::reverse);

    /// The items of the array, the least first; the array itself stays as it is.
    ///
    /// Errors: as `sort`.
    ///
    /// ```rhai
    /// expect([2, 1].order()[0], 1);
    /// ```
    fn order(ctx: NativeCallContext, array: Array) -> ScriptResult<Array> = {
        let mut array = array;
        sort(&ctx, &mut array, |order| order).map(|()| array)
    };

    /// The items of the array, the greatest first; the array itself stays as it is.
    ///
    /// Errors: as `sort`.
    ///
    /// ```rhai
    /// expect([1, 2].order_desc()[0], 2);
    /// ```
    fn order_desc(ctx: NativeCallContext, array: Array) -> ScriptResult<Array> = {
        let mut array = array;
        sort(&ctx, &mut array, Ordering::reverse).map(|()| array)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_by_rounding_are_the_same() {
        for (a, b, order) in [
            (0.1 + 0.2, 0.3, Some(Ordering::Equal)),
            (1.0, 2.0, Some(Ordering::Less)),
            (f64::INFINITY, f64::INFINITY, Some(Ordering::Equal)),
            (0.0, -0.0, Some(Ordering::Equal)),
            (f64::NAN, 1.0, None),
        ] {
            assert_eq!(close(a, b), order, "{a} {b}");
        }
        assert!(!Operator::Equal.holds(None) && Operator::Differ.holds(None) && !Operator::NotMore.holds(None));
    }

    #[test]
    fn an_address_is_its_text_with_and_without_the_port() {
        let v6: SocketAddr = "[2001:db8::1]:7".parse().expect("an address");
        let v4: SocketAddr = "10.0.0.1:7".parse().expect("an address");
        for (addr, text, expected) in [
            (v4, "10.0.0.1", Some(true)),
            (v4, "10.0.0.1:7", Some(true)),
            (v4, "10.0.0.1:8", Some(false)),
            (v4, "10.0.0.2", Some(false)),
            (v4, "2001:db8::1", Some(false)),
            (v6, "2001:db8::1", Some(true)),
            (v6, "2001:0db8:0::1", Some(true)),
            (v6, "[2001:db8::1]:7", Some(true)),
            (v4, "localhost", None),
            (v4, "", None),
        ] {
            assert_eq!(is_at(&addr, text), expected, "{addr} {text}");
        }
    }

    #[test]
    fn operators_are_found_by_how_they_are_written() {
        let symbols = Operator::ALL.map(Operator::symbol);
        assert_eq!(symbols, ["==", "!=", "<", "<=", ">", ">="]);
        assert_eq!(Operator::of("=="), Some(Operator::Equal));
        assert_eq!(Operator::of("+"), None);
    }
}
