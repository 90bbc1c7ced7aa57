//! Ingresses of hosts in scripts: what comes in at a host passes its ingress, and may meet a policy there.

use rhai::{Dynamic, Map, NativeCallContext};

use super::host::HostObject;
use super::way::{account, map_of};
use crate::bindings::error::ScriptResult;
use crate::bindings::policy::{PolicyValue, attached_policy};
use crate::net::lab::relay::{self, FrameCounts};

/// A host's ingress. Clones are the same one.
#[derive(Clone, Debug)]
pub struct LabIngress {
    net: relay::Ingress,
    host: HostObject,
}

impl LabIngress {
    pub(super) fn new(net: relay::Ingress, host: HostObject) -> Self {
        Self { net, host }
    }

    fn place(&self, ctx: &NativeCallContext, made: &PolicyValue) -> ScriptResult<()> {
        let _inside = self.host.lab().enter();
        let (policy, name) = attached_policy(ctx, made, &self.net.site())?;
        self.net.set_policy(policy, name);
        Ok(())
    }

    fn counts(&self) -> FrameCounts {
        self.net.counts()
    }
}

functions! {
    pub fn api;
    object LabIngress as Ingress, "A host's ingress: what comes in passes it.";

    /// Has a closure or a policy decide about each packet from now on, at a socket, a listener, a started server, a link, one
    /// way of it or a host's ingress: there about what comes in, over whichever link.
    ///
    /// Errors: `invalid`: it is no policy.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// set_policy(b.ingress, |pkt| reject("icmp-admin-prohibited"));
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    fn set_policy(ctx: NativeCallContext, ingress: LabIngress, policy: Dynamic) -> ScriptResult<()> =
        ingress.place(&ctx, &PolicyValue::of(&ctx, policy)?);

    /// Frames that came to the ingress.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let ingress = b.ingress;
    /// expect(ingress.frames, ingress.passed);
    /// ```
    get frames(ingress: &mut LabIngress) -> i64 = ingress.counts().frames as i64;

    /// Frames that the ingress has let go on.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// set_policy(b.ingress, |pkt| if pkt.protocol == "udp" { reject("icmp-admin-prohibited") } else { pass() });
    /// run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(b.ingress.passed, b.ingress.frames - 1);
    /// ```
    get passed(ingress: &mut LabIngress) -> i64 = ingress.counts().passed as i64;

    /// Frames that a policy dropped.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let ingress = b.ingress;
    /// expect(ingress.dropped, 0);
    /// ```
    get dropped(ingress: &mut LabIngress) -> i64 = ingress.counts().dropped as i64;

    /// Frames that a policy rejected.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let ingress = b.ingress;
    /// expect(ingress.rejected, 0);
    /// ```
    get rejected(ingress: &mut LabIngress) -> i64 = ingress.counts().rejected as i64;

    /// All counts of the ingress, as a map. Each of its `frames` (in all `bytes`) is in one of `passed`, `dropped` and `rejected` by
    /// a policy (of these `unanswered`: no error may be about it), `queue_full`, `no_room`, `down` and `unusable`. Of those that passed
    /// some were `delayed`, `corrupted` or `replaced`, some have added `duplicated` ones; on some the policy `failed`, some
    /// are `malformed`, and some the host's kernel had no room for: `undelivered`. `overrun` counts those that came faster
    /// than they were carried.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let ingress = b.ingress;
    /// expect(ingress.counts.queue_full, 0);
    /// ```
    get counts(ingress: &mut LabIngress) -> Map = map_of(ingress.counts());

    /// The ingress in words.
    ///
    /// ```rhai
    /// expect(`${lab::create().host("b").ingress}`, "the ingress of b: 0 of 0 passed");
    /// ```
    fn to_string | to_debug(ingress: &mut LabIngress) -> String =
        format!("the ingress of {}: {}", ingress.host.name(), account(ingress.counts()));
}
