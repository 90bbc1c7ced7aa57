//! Labs as the core makes them: hosts, cables, addresses, routes, sockets and programs in them, and their end. Packets are
//! carried between the ends of cables by a plain relay of the tests.
//!
//! Every test is run as an ordinary user too: see `ordinary`.

#[path = "lab_hosts/cables.rs"]
mod cables;
mod common;
#[path = "lab_hosts/ends.rs"]
mod ends;
#[path = "lab_hosts/fixture.rs"]
mod fixture;
#[path = "lab_hosts/ordinary.rs"]
mod ordinary;
#[path = "lab_hosts/programs.rs"]
mod programs;
#[path = "lab_hosts/refused.rs"]
mod refused;
#[path = "lab_hosts/routes.rs"]
mod routes;
#[path = "lab_hosts/sandbox.rs"]
mod sandbox;
#[path = "lab_hosts/star.rs"]
mod star;
#[path = "lab_hosts/terminal.rs"]
mod terminal;
