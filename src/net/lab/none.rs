//! In place of labs of the kernel, in a build without them: types without values, since nothing here ever makes one.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use super::protocol::{HelperReply, Request};
use super::relay::{Link, LinkOptions, RelayShared};
use super::{CableOptions, Lab, LabHost};
use crate::net::error::{Error, Result};
use crate::net::host::Host;
use crate::net::host::kernel::simulated_alone;
use crate::net::host::socket::{HostSocket, SocketType};
use crate::net::host::stop::Stop;
use crate::net::socket::session::Session;
use crate::net::wire::Family;

/// The connection to the helper of a lab.
#[derive(Debug)]
pub(super) struct Control(Infallible);

impl Control {
    pub(super) fn start(_: Option<Stop>) -> Result<Self> {
        Err(simulated_alone("lab"))
    }

    pub(super) fn ask(&self, _: &'static str, _: &Request, _: &[()]) -> Result<(HelperReply, ())> {
        match self.0 {}
    }

    pub(super) fn has_v6(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn end(&self) {
        match self.0 {}
    }

    pub(super) fn why_gone(&self) -> Error {
        match self.0 {}
    }
}

/// A cable between two hosts.
#[derive(Debug)]
pub struct Cable(Infallible);

impl Lab {
    /// Joins two hosts of a lab of the kernel by a cable.
    ///
    /// # Errors
    /// `invalid`: there are no such labs here.
    pub fn connect(&self, _: &LabHost, _: &LabHost, _: &CableOptions) -> Result<Cable> {
        Err(simulated_alone("link"))
    }
}

impl LabHost {
    pub(super) fn host_socket(&self, _: SocketType, _: Family) -> io::Result<Arc<dyn HostSocket>> {
        Err(io::Error::other(simulated_alone("socket")))
    }

    pub(super) fn interface_index(&self, _: &str) -> io::Result<u32> {
        Err(io::Error::other(simulated_alone("interface")))
    }
}

pub mod relay {
    //! What drives the relay of a lab of the kernel.

    use super::*;

    /// A lab's relay and the thread that drives it.
    #[derive(Debug)]
    pub struct RelayThread(Infallible);

    impl RelayThread {
        pub(in crate::net::lab) fn start(_: Arc<Session>, _: Arc<dyn Host>, _: Stop) -> Result<Self> {
            Err(simulated_alone("lab"))
        }

        pub(in crate::net::lab) fn shared(&self) -> &Arc<RelayShared> {
            match self.0 {}
        }

        pub(in crate::net::lab) fn link(&self, _: &str, cable: Cable, _: LinkOptions) -> Result<Link> {
            match cable.0 {}
        }
    }
}

pub mod program {
    //! A program that runs in a host.

    use super::*;
    use crate::net::host::Waited;
    use crate::net::host::stop::Stage;
    use crate::net::lab::program::{Exit, ProgramLimit, ProgramOutput, ProgramPlan};
    use crate::net::time::Instant;

    /// A program that was started.
    #[derive(Clone, Debug)]
    pub struct Program(Infallible);

    impl Program {
        /// Starts a program in `host`.
        ///
        /// # Errors
        /// `invalid`: the lab is simulated; `closed`: it has ended.
        pub fn start(host: &LabHost, plan: ProgramPlan) -> Result<Self> {
            host.ask("exec", &Request::Start(host.number(), plan.command))?;
            Err(simulated_alone("exec"))
        }

        /// What it is called.
        pub fn name(&self) -> &str {
            match self.0 {}
        }

        /// Where it runs.
        pub fn host(&self) -> &LabHost {
            match self.0 {}
        }

        /// Whether it has ended.
        pub fn has_ended(&self) -> bool {
            match self.0 {}
        }

        /// How it ended.
        pub fn exit(&self) -> Option<Exit> {
            match self.0 {}
        }

        /// The limit that it was ended for.
        pub fn limit(&self) -> Option<ProgramLimit> {
            match self.0 {}
        }

        /// What it has printed so far.
        pub fn printed(&self) -> (ProgramOutput, ProgramOutput) {
            match self.0 {}
        }

        /// Waits until it has ended.
        pub fn wait(&self, _: Option<Instant>, _: &Stop, _: Stage) -> Waited {
            match self.0 {}
        }

        /// Waits until it has printed a text.
        pub fn wait_for(&self, _: &str, _: Instant, _: &Stop) -> Waited {
            match self.0 {}
        }

        /// Whether it has printed a text.
        pub fn has_printed(&self, _: &str) -> bool {
            match self.0 {}
        }

        /// The signal that ends it as its user would.
        pub fn usual_end(&self) -> i32 {
            match self.0 {}
        }

        /// Whether the lab ended before the program.
        pub fn lab_ended(&self) -> bool {
            match self.0 {}
        }

        /// Asks it to end.
        ///
        /// # Errors
        /// `closed`: the lab has ended.
        pub fn end(&self, _: i32) -> Result<()> {
            match self.0 {}
        }
    }
}
