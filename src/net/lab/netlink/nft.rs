//! The rules by which a router answers for routes that lead nowhere (nf_tables, as nft(8) makes them), as messages.
//!
//! The kernel tells a sender of a missing, unreachable or prohibited route five times at once, then once a second, and no
//! setting of a network namespace lifts that. These rules answer in its place, with the errors it would send, before it
//! looks for the route: there, no limit applies but those that can be set (icmp_ratemask). Whatever is not for them is
//! passed on. The kernel's word for the kind of such a route cannot be asked for in a rule of IPv4, so each has its own.
//!
//! Numbers are those of the kernel's headers `linux/netfilter/nfnetlink.h` and `linux/netfilter/nf_tables.h`.

use std::net::Ipv4Addr;

use super::{Batch, NLM_F_CREATE, attribute, nested, zero_ended};

/// What becomes of packets that a route leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nowhere {
    /// The network that the route is to.
    pub network: Ipv4Addr,
    /// How many of its bits count.
    pub len: u8,
    /// The code of the answer (ICMP type 3); `None`: there is none.
    pub code: Option<u8>,
}

/// Puts the table with the rules in place of the one that is there: the first route that fits counts, and where none does,
/// the answer is that the network is unreachable.
pub fn answers(routes: &[Nowhere]) -> Batch {
    transaction(|batch| {
        clear(batch);
        table(batch, NFT_MSG_NEWTABLE);
        chain(batch);
        // Most packets have a route; packets for this host have one that leads to no interface.
        rule(batch, |list| {
            fib(list, NFTA_FIB_F_DADDR, NFT_FIB_RESULT_OIF);
            compare(list, NFT_CMP_NEQ, &0u32.to_ne_bytes());
            accept(list);
        });
        // What is not from one host to one other, and what has options (of IP), is for the kernel to judge.
        for addr in [NFTA_FIB_F_DADDR, NFTA_FIB_F_SADDR] {
            rule(batch, |list| {
                fib(list, addr, NFT_FIB_RESULT_ADDRTYPE);
                compare(list, NFT_CMP_NEQ, &RTN_UNICAST.to_ne_bytes());
                accept(list);
            });
        }
        rule(batch, |list| {
            load(list, 0, 1);
            mask(list, &[HEADER_LEN]);
            compare(list, NFT_CMP_NEQ, &[WITHOUT_OPTIONS]);
            accept(list);
        });
        for route in routes {
            rule(batch, |list| {
                if route.len > 0 {
                    load(list, DADDR, 4);
                    mask(list, &(u32::MAX << (32 - u32::from(route.len.min(32)))).to_be_bytes());
                    compare(list, NFT_CMP_EQ, &route.network.octets());
                }
                match route.code {
                    Some(code) => reject(list, code),
                    None => accept(list),
                }
            });
        }
        rule(batch, |list| reject(list, NET_UNREACHABLE));
    })
}

/// Takes the table away.
pub fn no_answers() -> Batch {
    transaction(clear)
}

/// Takes the table away, whether there is one or not.
fn clear(batch: &mut Batch) {
    table(batch, NFT_MSG_NEWTABLE);
    table(batch, NFT_MSG_DELTABLE);
}

/// Messages that are done all together.
fn transaction(fill: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::default();
    let all = |batch: &mut Batch, kind| batch.add(kind, 0, |bytes| header(bytes, 0, NFNL_SUBSYS_NFTABLES));
    all(&mut batch, NFNL_MSG_BATCH_BEGIN);
    fill(&mut batch);
    all(&mut batch, NFNL_MSG_BATCH_END);
    batch
}

/// `struct nfgenmsg`.
fn header(bytes: &mut Vec<u8>, family: u8, of: u16) {
    bytes.extend([family, 0]);
    bytes.extend(of.to_be_bytes());
}

fn message(batch: &mut Batch, kind: u16, flags: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    batch.add(NFNL_SUBSYS_NFTABLES << 8 | kind, flags, |bytes| {
        header(bytes, NFPROTO_IPV4, 0);
        fill(bytes);
    });
}

fn table(batch: &mut Batch, kind: u16) {
    let flags = if kind == NFT_MSG_NEWTABLE { NLM_F_CREATE } else { 0 };
    message(batch, kind, flags, |bytes| attribute(bytes, NFTA_TABLE_NAME, &zero_ended(TABLE)));
}

/// The chain that packets go through which come in, after all others there: what they decide and rewrite counts.
fn chain(batch: &mut Batch) {
    message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, |bytes| {
        attribute(bytes, NFTA_CHAIN_TABLE, &zero_ended(TABLE));
        attribute(bytes, NFTA_CHAIN_NAME, &zero_ended(CHAIN));
        nested(bytes, NFTA_CHAIN_HOOK, |bytes| {
            number(bytes, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
            number(bytes, NFTA_HOOK_PRIORITY, LAST);
        });
        attribute(bytes, NFTA_CHAIN_TYPE, &zero_ended("filter"));
    });
}

/// Adds a rule: expressions, one after the other, until one does not hold.
fn rule(batch: &mut Batch, fill: impl FnOnce(&mut Vec<u8>)) {
    message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, |bytes| {
        attribute(bytes, NFTA_RULE_TABLE, &zero_ended(TABLE));
        attribute(bytes, NFTA_RULE_CHAIN, &zero_ended(CHAIN));
        nested(bytes, NFTA_RULE_EXPRESSIONS, fill);
    });
}

fn expression(list: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Vec<u8>)) {
    nested(list, NFTA_LIST_ELEM, |bytes| {
        attribute(bytes, NFTA_EXPR_NAME, &zero_ended(name));
        nested(bytes, NFTA_EXPR_DATA, fill);
    });
}

/// What the routes say of an address of the packet.
fn fib(list: &mut Vec<u8>, addr: u32, result: u32) {
    expression(list, "fib", |bytes| {
        number(bytes, NFTA_FIB_DREG, NFT_REG_1);
        number(bytes, NFTA_FIB_RESULT, result);
        number(bytes, NFTA_FIB_FLAGS, addr);
    });
}

/// Bytes of the packet's IP header.
fn load(list: &mut Vec<u8>, offset: u32, len: u32) {
    expression(list, "payload", |bytes| {
        number(bytes, NFTA_PAYLOAD_DREG, NFT_REG_1);
        number(bytes, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
        number(bytes, NFTA_PAYLOAD_OFFSET, offset);
        number(bytes, NFTA_PAYLOAD_LEN, len);
    });
}

fn mask(list: &mut Vec<u8>, bits: &[u8]) {
    expression(list, "bitwise", |bytes| {
        number(bytes, NFTA_BITWISE_SREG, NFT_REG_1);
        number(bytes, NFTA_BITWISE_DREG, NFT_REG_1);
        number(bytes, NFTA_BITWISE_LEN, bits.len() as u32);
        nested(bytes, NFTA_BITWISE_MASK, |bytes| attribute(bytes, NFTA_DATA_VALUE, bits));
        nested(bytes, NFTA_BITWISE_XOR, |bytes| attribute(bytes, NFTA_DATA_VALUE, &vec![0; bits.len()]));
    });
}

fn compare(list: &mut Vec<u8>, how: u32, with: &[u8]) {
    expression(list, "cmp", |bytes| {
        number(bytes, NFTA_CMP_SREG, NFT_REG_1);
        number(bytes, NFTA_CMP_OP, how);
        nested(bytes, NFTA_CMP_DATA, |bytes| attribute(bytes, NFTA_DATA_VALUE, with));
    });
}

fn accept(list: &mut Vec<u8>) {
    expression(list, "immediate", |bytes| {
        number(bytes, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        nested(bytes, NFTA_IMMEDIATE_DATA, |bytes| {
            nested(bytes, NFTA_DATA_VERDICT, |bytes| number(bytes, NFTA_VERDICT_CODE, NF_ACCEPT));
        });
    });
}

fn reject(list: &mut Vec<u8>, code: u8) {
    expression(list, "reject", |bytes| {
        number(bytes, NFTA_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
        attribute(bytes, NFTA_REJECT_ICMP_CODE, &[code]);
    });
}

/// Numbers are in network order here.
fn number(bytes: &mut Vec<u8>, kind: u16, value: u32) {
    attribute(bytes, kind, &value.to_be_bytes());
}

/// The table's name, for those who list the rules of a host.
const TABLE: &str = "pingscript";
const CHAIN: &str = "nowhere";

/// Where the destination stands in an IP header.
const DADDR: u32 = 16;

/// The bits of an IP header's first byte that say how many words it has, and how many it has without options.
const HEADER_LEN: u8 = 0x0f;
const WITHOUT_OPTIONS: u8 = 5;

/// After all that has a priority of its own (NF_IP_PRI_LAST).
const LAST: u32 = i32::MAX as u32;

const NET_UNREACHABLE: u8 = 0;
const RTN_UNICAST: u32 = 1;
const NLM_F_APPEND: u16 = 0x800;
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFNL_MSG_BATCH_BEGIN: u16 = 16;
const NFNL_MSG_BATCH_END: u16 = 17;
const NFPROTO_IPV4: u8 = 2;
const NF_INET_PRE_ROUTING: u32 = 0;
const NF_ACCEPT: u32 = 1;
const NFT_MSG_NEWTABLE: u16 = 0;
const NFT_MSG_DELTABLE: u16 = 2;
const NFT_MSG_NEWCHAIN: u16 = 3;
const NFT_MSG_NEWRULE: u16 = 6;
const NFT_REG_VERDICT: u32 = 0;
const NFT_REG_1: u32 = 1;
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_TABLE_NAME: u16 = 1;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_TYPE: u16 = 7;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_IMMEDIATE_DREG: u16 = 1;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_BITWISE_SREG: u16 = 1;
const NFTA_BITWISE_DREG: u16 = 2;
const NFTA_BITWISE_LEN: u16 = 3;
const NFTA_BITWISE_MASK: u16 = 4;
const NFTA_BITWISE_XOR: u16 = 5;
const NFTA_CMP_SREG: u16 = 1;
const NFTA_CMP_OP: u16 = 2;
const NFTA_CMP_DATA: u16 = 3;
const NFT_CMP_EQ: u32 = 0;
const NFT_CMP_NEQ: u32 = 1;
const NFTA_PAYLOAD_DREG: u16 = 1;
const NFTA_PAYLOAD_BASE: u16 = 2;
const NFTA_PAYLOAD_OFFSET: u16 = 3;
const NFTA_PAYLOAD_LEN: u16 = 4;
const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
const NFTA_FIB_DREG: u16 = 1;
const NFTA_FIB_RESULT: u16 = 2;
const NFTA_FIB_FLAGS: u16 = 3;
const NFT_FIB_RESULT_OIF: u32 = 1;
const NFT_FIB_RESULT_ADDRTYPE: u32 = 3;
const NFTA_FIB_F_SADDR: u32 = 1;
const NFTA_FIB_F_DADDR: u32 = 2;
const NFTA_REJECT_TYPE: u16 = 1;
const NFTA_REJECT_ICMP_CODE: u16 = 2;
const NFT_REJECT_ICMP_UNREACH: u32 = 0;
