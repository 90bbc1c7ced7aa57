//! Where a server's policy is attached, and the one place in which it decides about what the server receives.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attached::AttachedPolicy;
use super::datagram::Datagram;
use super::input::{PacketView, PolicyInput};
use crate::net::host::Host;
use crate::net::host::current::current;

/// Where the policy of a socket or of a listener is attached.
#[derive(Debug, Default)]
pub struct PolicySlot {
    policy: Mutex<Option<Arc<AttachedPolicy>>>,
    /// Twice the number of changes, and one more while there is a policy. Most have none, and then the lock is spared.
    version: AtomicU64,
}

impl PolicySlot {
    /// The policy.
    pub fn get(&self) -> Option<Arc<AttachedPolicy>> {
        if self.is_empty() { None } else { self.lock().clone() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.version.load(Ordering::Acquire).is_multiple_of(2)
    }

    /// Puts `policy` in place of the one before. Whatever arrives after this is the new one's.
    pub fn set(&self, policy: Option<Arc<AttachedPolicy>>) {
        let mut slot = self.lock();
        let changes = self.version.load(Ordering::Relaxed) / 2 + 1;
        self.version.store(changes * 2 + u64::from(policy.is_some()), Ordering::Release);
        let before = std::mem::replace(&mut *slot, policy);
        drop(slot);
        drop(before);
    }

    /// Whether there is no policy that may wait while it decides.
    pub fn decides_at_once(&self) -> bool {
        self.get().is_none_or(|policy| policy.decides_at_once())
    }

    /// Whether this thread must not receive here: a policy is deciding on it, and there is one here. It would wait for what
    /// it holds itself, or for another thread whose policy waits for this one.
    pub fn refuses_receives(&self) -> bool {
        !self.is_empty() && current(|current| current.is_deciding.get())
    }

    /// Receives with `receive` at `local`, and has the policy decide about the `packets` of what came. The policy's lock is
    /// held from before the call on, so that the packets of a flow are decided on in the order in which they arrived, however
    /// many threads receive.
    pub fn decide<R>(
        &self,
        host: &dyn Host,
        local: SocketAddr,
        receiver: &dyn Any,
        receive: impl FnOnce() -> R,
        packets: impl FnOnce(&mut R) -> &mut [Datagram],
    ) -> R {
        let version = self.version.load(Ordering::Acquire);
        let mut policy = self.get();
        let mut flows = policy.as_ref().map(|policy| policy.lock_on(host));
        let mut received = receive();
        if self.version.load(Ordering::Acquire) != version {
            // It may have come after another policy was attached: that one decides.
            drop(flows);
            policy = self.get();
            flows = policy.as_ref().map(|policy| policy.lock_on(host));
        }
        if let (Some(policy), Some(flows)) = (&policy, &mut flows) {
            let outer = current(|current| current.is_deciding.replace(true));
            for datagram in packets(&mut received) {
                let decided = policy.decide(flows, &PolicyInput::Request(PacketView { local, datagram, receiver }));
                datagram.decided = Some(Arc::new(decided));
            }
            current(|current| current.is_deciding.set(outer));
        }
        received
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<AttachedPolicy>>> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
