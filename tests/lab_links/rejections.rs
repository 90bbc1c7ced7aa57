//! What the sockets of a host see of packets that a link or an ingress rejects.

use super::*;

#[test]
fn every_rejection_that_a_socket_receives_has_its_name_and_its_offender() {
    let Some(net) = net(LinkOptions::default()) else { return };
    for to in Net::addrs(&net.b) {
        let family = Family::of(to);
        let socket = net.socket(&net.a, any_like(to));
        for kind in Kind::all(family).filter(|kind| kind.is_error()) {
            // The kernel keeps the others from sockets; "fragmentation needed" wants an MTU.
            let unheard = match family {
                Family::V4 => {
                    !matches!((kind.type_, kind.code), (3 | 12, _) | (11, 0)) || (kind.type_, kind.code) == (3, 4)
                }
                Family::V6 => !matches!(kind.type_, 1 | 3 | 4),
            };
            if unheard {
                continue;
            }
            net.link.set_policy(Direction::From(0), reject(kind.keyword().expect("a keyword")), "reject".to_string());
            let outcome = net.ping(&socket, to, "ping 1 x", Duration::from_secs(5));
            let End::Icmp { error, .. } = outcome.end else { panic!("{kind}: {outcome:?}") };
            assert_eq!((error.kind, error.offender), (kind, Some(to.into())), "{kind}");
            assert_eq!(error.quote, b"ping 1 x");
        }
    }
    assert_eq!(net.link.counts(0).unanswered, 0);
}

#[test]
fn an_error_has_the_message_that_it_is_given() {
    let Some(net) = net(LinkOptions::default()) else { return };
    let to = net.b.addr();
    let socket = net.socket(&net.a, any_like(to));
    let details = Details { mtu: Some(1280), from: Some([10, 99, 0, 77].into()), ..Details::default() };
    let rejection = Rejection::named("frag-needed", details).expect("a rejection");
    let native = Native::always(Action::Reject(rejection.into()));
    net.link.set_policy(Direction::From(0), attached(native), "reject".to_string());
    let End::Icmp { error, .. } = net.ping(&socket, to, "ping 1 x", Duration::from_secs(5)).end else {
        panic!("no error")
    };
    assert_eq!((error.kind, error.info, error.offender), (Kind::v4(3, 4), 1280, details.from.map(Into::into)));
}

#[test]
fn a_connection_is_refused_by_a_reset_and_prohibited_by_an_ingress() {
    let Some(net) = net(LinkOptions::default()) else { return };
    for to in Net::addrs(&net.b) {
        let connect = || -> std::io::Result<TcpStream> {
            let socket = net.a.kernel_socket(Domain::for_address(any_like(to)), Type::STREAM, None).expect("a socket");
            socket.connect_timeout(&SocketAddr::new(to, 11_001).into(), std::time::Duration::from_secs(5))?;
            Ok(socket.into())
        };
        let listener = net.b.kernel_socket(Domain::for_address(any_like(to)), Type::STREAM, None).expect("a socket");
        listener.bind(&SocketAddr::new(to, 11_001).into()).expect("bound");
        listener.listen(5).expect("listening");
        let _listener = TcpListener::from(listener);
        connect().expect("a connection");
        net.link.set_policy(Direction::From(0), reject("tcp-reset"), "reject".to_string());
        assert_eq!(connect().expect_err("refused").kind(), std::io::ErrorKind::ConnectionRefused);
        net.link.set_policy(Direction::Both, attached(Native::always(Action::Pass)), "pass".to_string());
        let ingress = net.relay.shared().ingress(net.b.id());
        ingress.set_policy(reject("icmp-host-prohibited"), "reject".to_string());
        if to.is_ipv4() {
            assert_eq!(connect().expect_err("prohibited").raw_os_error(), Some(113), "EHOSTUNREACH");
        }
        assert!(ingress.counts().rejected > 0 || to.is_ipv6());
        ingress.set_policy(attached(Native::always(Action::Pass)), "pass".to_string());
    }
}
