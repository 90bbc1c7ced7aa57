//! Arrays in the order of their items.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, NativeCallContext};

use super::unlike::unlike;
use super::{Compared, Operator, compared};
use crate::bindings::convert::kind_of;
use crate::bindings::error::{ScriptResult, thrown};
use crate::net::error::Error;

/// Sorts `array` by the order that `by` makes of that of its items. An array that cannot be sorted stays as it is.
///
/// # Errors
/// `invalid`: items do not compare.
pub(super) fn sort(ctx: &NativeCallContext, array: &mut Array, by: fn(Ordering) -> Ordering) -> ScriptResult<()> {
    *array = sorted(array.clone(), by).map_err(|error| thrown(error, ctx.call_position()))?;
    Ok(())
}

/// `items` sorted by merging, equal ones as they stood. The sort of the standard library panics where the order is none, as it is
/// with NaN, or with numbers that differ by rounding.
fn sorted(mut items: Array, by: fn(Ordering) -> Ordering) -> Result<Array, Error> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let (mut left, mut right) = (sorted(items, by)?.into_iter().peekable(), sorted(right, by)?.into_iter().peekable());
    let mut merged = Array::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if by(order_of(a, b)?) == Ordering::Greater { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    Ok(merged)
}

/// The order of two items of an array.
fn order_of(a: &Dynamic, b: &Dynamic) -> Result<Ordering, Error> {
    match (compared(Operator::Less, a, b), compared(Operator::More, a, b)) {
        (Compared::Is(true), _) => Ok(Ordering::Less),
        (_, Compared::Is(true)) => Ok(Ordering::Greater),
        (Compared::Is(false), _) => Ok(Ordering::Equal),
        (Compared::Unlike, _) => Err(unlike(Operator::Less, a, b)),
        (Compared::Own, _) => Err(Error::invalid("sort", format!("{} has no order", kind_of(a)))
            .with_hint("say which comes first: list.sort(|a, b| a.n - b.n)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array<T: Into<Dynamic>>(items: impl IntoIterator<Item = T>) -> Array {
        items.into_iter().map(Into::into).collect()
    }

    #[test]
    fn items_are_sorted_and_equal_ones_stay_as_they_stood() {
        let mixed: Array = vec![3.into(), 1.0.into(), 2.into(), 1.into()];
        let shown = |items: Array| items.iter().map(Dynamic::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(shown(sorted(mixed.clone(), |order| order).expect("an order")), "1.0 1 2 3");
        assert_eq!(shown(sorted(mixed, Ordering::reverse).expect("an order")), "3 2 1.0 1");
    }

    #[test]
    fn numbers_without_an_order_are_no_panic() {
        for nth in 1..10 {
            let numbers = (0..200).map(|n| if n % nth == 0 { f64::NAN } else { f64::from(n * 7919 % 200) });
            assert_eq!(sorted(array(numbers), |order| order).expect("numbers").len(), 200);
        }
    }
}
