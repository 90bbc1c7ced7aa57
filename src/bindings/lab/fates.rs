//! What became of each packet of a link, for scripts.

use rhai::{Array, Dynamic, Map, NativeCallContext};

use super::link::LabLink;
use crate::bindings::error::{OrRaise, ScriptResult};
use crate::net::error::Error;
use crate::net::observe::frame::FrameRow;
use crate::net::time::Duration;

/// A frame as a map; `begun`: what times are counted from.
fn fate(row: FrameRow, begun: i64) -> Dynamic {
    let time = |at: Option<i64>| at.map_or(Dynamic::UNIT, |at| Dynamic::from(Duration::from_nanos(at - begun)));
    let text = |text: Option<String>| text.map_or(Dynamic::UNIT, Dynamic::from);
    let fields = [
        ("number", row.number.map_or(Dynamic::UNIT, |number| (number as i64).into())),
        ("protocol", row.protocol.into_owned().into()),
        ("from", row.from.to_string().into()),
        ("to", row.to.to_string().into()),
        ("from_host", text(row.from_host)),
        ("to_host", text(row.to_host)),
        ("bytes", (row.bytes as i64).into()),
        ("text", row.text.into()),
        ("sent", time(Some(row.time_ns))),
        ("arrived", time(row.arrival_ns)),
        ("fate", row.fate.into_owned().into()),
        ("cause", text(row.cause)),
    ];
    Dynamic::from_map(fields.into_iter().map(|(name, value)| (name.into(), value)).collect::<Map>())
}

functions! {
    pub fn api;

    /// What became of each packet that came onto the link, from both ends and in that order, a map for each: its `number` among all
    /// of the lab, `protocol`, `from` and `to`, `from_host` and `to_host`, `bytes` and the first 32 of them as `text`; when it was
    /// `sent` and when it `arrived` (`()` if it did not), counted from the lab's first packet; its `fate` (`"carried"`, `"delayed"`,
    /// `"dropped"`, `"queue full"`, `"in flight"` …, as in the rows for frames) and `cause`: the policy's line, or `()`. Of a lab,
    /// the first 100,000 packets are known.
    ///
    /// Errors: `invalid`: at a prompt, for a lab that was made before anything asked for fates.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// let link = net.link(a, b, #{ policy: pattern("01") });
    /// let sock = run_in(a, || udp::open("b:7"));
    /// let server = run_in(b, || udp::bind("*:7"));
    /// for n in 1..=2 { sock.send_to(`ping ${n}`, `${b.addr}:7`); }
    /// expect(server.recv(5.s).text, "ping 2");
    /// let fates = link.fates();
    /// expect(fates.map(|f| [f.text, f.fate]), [["ping 1", "dropped"], ["ping 2", "carried"]]);
    /// expect(fates[0].arrived, ());
    /// expect(fates[1].arrived >= fates[1].sent && fates[0].sent < 5.s, true);
    /// ```
    fn fates(ctx: NativeCallContext, link: &mut LabLink) -> ScriptResult<Array> = {
        let missing = || {
            let error = Error::invalid("fates", "what becomes of packets was not kept when this lab was made");
            error.with_hint("make a new lab: from now on it is kept")
        };
        let (rows, begun) = link.net().fates().ok_or_else(missing).or_raise(&ctx)?;
        Ok(rows.into_iter().map(|row| fate(row, begun)).collect())
    };
}
