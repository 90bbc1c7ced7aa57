//! Addresses in scripts, and how names become addresses.

use std::net::SocketAddr;

use rhai::NativeCallContext;

use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::net::error::Error;
use crate::net::host::addr;
use crate::net::host::addr::Version;
use crate::net::wire::zoned::ZonedIp;

fn with(mut addr: SocketAddr, port: u16) -> SocketAddr {
    addr.set_port(port);
    addr
}

functions! {
    pub fn api;
    object SocketAddr as Addr, "An address and a port.";

    /// The IP address as text; that of a link-local one ends in its zone, the number of the interface: `fe80::1%2`.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7").ip, "127.0.0.1");
    /// ```
    get ip(addr: &mut SocketAddr) -> String = ZonedIp::from(*addr).to_string();

    /// The port, 0 to 65535.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7").port, 7);
    /// ```
    get port(addr: &mut SocketAddr) -> i64 = i64::from(addr.port());

    /// The same IP address with another port.
    ///
    /// Errors: `invalid`: a port is 0 to 65535.
    ///
    /// ```rhai
    /// expect(`${icmp::resolve("::1").with_port(33_434)}`, "[::1]:33434");
    /// ```
    fn with_port(ctx: NativeCallContext, addr: &mut SocketAddr, port: i64) -> ScriptResult<SocketAddr> = match u16::try_from(port) {
        Ok(port) => Ok(with(*addr, port)),
        Err(_) => raise(&ctx, Error::invalid("with_port", format!("a port is 0 to 65535, not {port}"))),
    };

    /// Whether two addresses are the same, port included.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7") == resolve("localhost:7"), true);
    /// ```
    fn "=="(a: SocketAddr, b: SocketAddr) -> bool = a == b;

    /// Whether two addresses differ.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7") != resolve("127.0.0.1:8"), true);
    /// ```
    fn "!="(a: SocketAddr, b: SocketAddr) -> bool = a != b;

    /// The address as `IP:PORT`, an IPv6 address in brackets.
    ///
    /// ```rhai
    /// expect(`${resolve("[::1]:7")}`, "[::1]:7");
    /// ```
    fn to_string | to_debug(addr: &mut SocketAddr) -> String = addr.to_string();

    /// The address of `HOST:PORT`: of a name's addresses the first IPv4 one, else the first IPv6 one (getaddrinfo(3)).
    ///
    /// Errors: `invalid`: not of this form, a port above 65535; `resolve`: the name has no address, or no name server answers;
    /// `interrupted`: the script was stopped first.
    ///
    /// ```rhai
    /// expect(resolve("localhost:11000").ip, "127.0.0.1");
    /// ```
    fn resolve(ctx: NativeCallContext, name: &str) -> ScriptResult<SocketAddr> = {
        let now = context::wait(WaitingFor::Reply);
        addr::resolve(&*now.host, &now.stop, name, None).or_raise(&ctx)
    };

    /// The address of `HOST:PORT` of one version of the Internet Protocol: `"IPv4"` or `"IPv6"`.
    ///
    /// Errors: as `resolve` with one argument.
    ///
    /// ```rhai
    /// expect(resolve("[::1]:7", "IPv6").ip, "::1");
    /// ```
    fn resolve(ctx: NativeCallContext, name: &str, version: &str) -> ScriptResult<SocketAddr> = {
        let version = match version {
            "IPv4" => Version::V4,
            "IPv6" => Version::V6,
            other => {
                return raise(&ctx, Error::invalid("resolve", format!("\"{other}\" is neither \"IPv4\" nor \"IPv6\"")));
            }
        };
        let now = context::wait(WaitingFor::Reply);
        addr::resolve(&*now.host, &now.stop, name, Some(version)).or_raise(&ctx)
    };
}
