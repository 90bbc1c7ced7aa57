//! Doors of hosts in scripts: what comes in at a host passes its door, and may meet a policy there.

use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext};

use super::host::Host;
use super::way::{account, map_of};
use crate::bindings::context::ScriptResult;
use crate::bindings::policy::{Made, judge};
use crate::net::lab::relay::{self, Counts};

/// A host's door. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Door {
    net: relay::Door,
    host: Host,
}

impl Door {
    pub(super) fn new(net: relay::Door, host: Host) -> Self {
        Self { net, host }
    }

    fn place(&self, ctx: &NativeCallContext, made: &Made) -> ScriptResult<()> {
        let _inside = self.host.lab().enter();
        let (judge, name) = judge(ctx, made, &self.net.site())?;
        self.net.set_policy(judge, name);
        Ok(())
    }

    fn counts(&self) -> Counts {
        self.net.counts()
    }
}

/// Doors of hosts.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// A host's door: what comes in passes it.
    pub type Door = super::Door;

    /// Has a closure or a policy decide about each packet that comes in at a host from now on, over whichever link.
    ///
    /// Errors: `invalid`: it is no policy.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// set_policy(b.door, |pkt| reject("icmp-admin-prohibited"));
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    #[rhai_fn(name = "set_policy", return_raw)]
    pub fn set_door_policy(ctx: NativeCallContext, door: Door, policy: Dynamic) -> ScriptResult<()> {
        door.place(&ctx, &Made::of(&ctx, policy)?)
    }

    /// Frames that came to the door.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let door = b.door;
    /// expect(door.frames, door.passed);
    /// ```
    #[rhai_fn(get = "frames", pure)]
    pub fn door_frames(door: &mut Door) -> i64 {
        door.counts().frames as i64
    }

    /// Frames that the door has let go on.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let door = b.door;
    /// print(`${door.passed} of ${door.frames} went on`);
    /// ```
    #[rhai_fn(get = "passed", pure)]
    pub fn door_passed(door: &mut Door) -> i64 {
        door.counts().passed as i64
    }

    /// Frames that a policy dropped.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let door = b.door;
    /// expect(door.dropped, 0);
    /// ```
    #[rhai_fn(get = "dropped", pure)]
    pub fn door_dropped(door: &mut Door) -> i64 {
        door.counts().dropped as i64
    }

    /// Frames that a policy rejected.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let door = b.door;
    /// expect(door.rejected, 0);
    /// ```
    #[rhai_fn(get = "rejected", pure)]
    pub fn door_rejected(door: &mut Door) -> i64 {
        door.counts().rejected as i64
    }

    /// All counts of the door, as a map. Each of its `frames` (in all `bytes`) is in one of `passed`, `dropped` and `rejected` by
    /// a policy (of these `unanswered`: no error may answer it), `queue_full`, `down` and `unusable`. Of those that passed
    /// some were `delayed`, `corrupted` or `replaced`, some have added `duplicated` ones; on some the policy `failed`, some
    /// are `malformed`, and some the host's kernel had no room for: `undelivered`. `overrun` counts those that came faster
    /// than they were carried.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let b = net.host("b");
    /// net.link(net.host("a"), b);
    /// let door = b.door;
    /// expect(door.counts.queue_full, 0);
    /// ```
    #[rhai_fn(get = "counts", pure)]
    pub fn door_counts(door: &mut Door) -> Map {
        map_of(door.counts())
    }

    /// The door in words.
    ///
    /// ```rhai
    /// expect(`${lab::create().host("b").door}`, "the door of b: 0 of 0 passed");
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn door_text(door: &mut Door) -> String {
        format!("the door of {}: {}", door.host.name(), account(door.counts()))
    }
}
