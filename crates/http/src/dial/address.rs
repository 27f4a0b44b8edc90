//! What kind of place an address is. An address that carries another one in it (IPv4 in IPv6, by any
//! of the ways that exist) is of the worse kind of the two: a translator on the way may take it there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Kinds of places, from harmless to never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The Internet at large.
    Public,
    /// Somebody's own: dialled only for a host that the settings name.
    Private(&'static str),
    /// Dialled only if the settings name the address itself.
    Literal(&'static str),
}

const METADATA: &str = "a cloud metadata address";

/// The services that hand credentials to whoever asks from inside a machine.
const METADATA_V4: &[Ipv4Addr] = &[
    // AWS, Google, Azure, DigitalOcean, Oracle and others.
    Ipv4Addr::new(169, 254, 169, 254),
    // AWS time and names; containers' and pods' credentials.
    Ipv4Addr::new(169, 254, 169, 253),
    Ipv4Addr::new(169, 254, 169, 123),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    // Tencent, Scaleway.
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(169, 254, 42, 42),
    // Alibaba.
    Ipv4Addr::new(100, 100, 100, 200),
    // Oracle, before.
    Ipv4Addr::new(192, 0, 0, 192),
    // Azure's agent, at an address that looks public.
    Ipv4Addr::new(168, 63, 129, 16),
];

const METADATA_V6: &[Ipv6Addr] = &[
    // AWS: metadata, names, time, pods' credentials.
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    // Google, Scaleway.
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// The special blocks of IPv4, as IANA registers them.
const SPECIAL_V4: &[([u8; 4], u8, Kind)] = &[
    ([0, 0, 0, 0], 8, Kind::Literal("an unspecified address")),
    ([10, 0, 0, 0], 8, Kind::Private("a private address")),
    ([100, 64, 0, 0], 10, Kind::Private("a carrier's shared address")),
    ([127, 0, 0, 0], 8, Kind::Private("this machine")),
    ([169, 254, 0, 0], 16, Kind::Private("a link-local address")),
    ([172, 16, 0, 0], 12, Kind::Private("a private address")),
    ([192, 0, 0, 0], 24, Kind::Private("a special-purpose address")),
    ([192, 0, 2, 0], 24, Kind::Private("a documentation address")),
    ([192, 88, 99, 0], 24, Kind::Private("a relay's address")),
    ([192, 168, 0, 0], 16, Kind::Private("a private address")),
    ([198, 18, 0, 0], 15, Kind::Private("a benchmarking address")),
    ([198, 51, 100, 0], 24, Kind::Private("a documentation address")),
    ([203, 0, 113, 0], 24, Kind::Private("a documentation address")),
    ([224, 0, 0, 0], 4, Kind::Literal("a multicast address")),
    ([240, 0, 0, 0], 4, Kind::Literal("a reserved or broadcast address")),
];

/// The special blocks of IPv6.
const SPECIAL_V6: &[([u16; 3], u8, Kind)] = &[
    // Local translation, whose embedding is whatever the network decided.
    ([0x64, 0xff9b, 1], 48, Kind::Private("a translated address")),
    ([0x100, 0, 0], 8, Kind::Private("a reserved address")),
    ([0x2001, 2, 0], 48, Kind::Private("a benchmarking address")),
    ([0x2001, 0x10, 0], 27, Kind::Private("a special-purpose address")),
    ([0x2001, 0xdb8, 0], 32, Kind::Private("a documentation address")),
    ([0x3fff, 0, 0], 20, Kind::Private("a documentation address")),
    ([0x5f00, 0, 0], 16, Kind::Private("a special-purpose address")),
    ([0xfc00, 0, 0], 7, Kind::Private("a private address")),
    ([0xfe80, 0, 0], 10, Kind::Private("a link-local address")),
    ([0xfec0, 0, 0], 10, Kind::Private("a private address")),
    ([0xff00, 0, 0], 8, Kind::Literal("a multicast address")),
];

/// The kind of an address, with all that is embedded in it.
pub(crate) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

/// The address as it is dialled: IPv4 written as IPv6 is IPv4.
pub(crate) fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    if METADATA_V4.contains(&address) {
        return Kind::Literal(METADATA);
    }
    let block = SPECIAL_V4.iter().find(|(base, length, _)| {
        let net = Ipv4Net::new((*base).into(), *length);
        net.is_ok_and(|net| net.contains(&address))
    });
    block.map_or(Kind::Public, |(_, _, kind)| *kind)
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    if METADATA_V6.contains(&address) {
        return Kind::Literal(METADATA);
    }
    let own = match address {
        Ipv6Addr::UNSPECIFIED => Kind::Literal("an unspecified address"),
        Ipv6Addr::LOCALHOST => Kind::Private("this machine"),
        _ => {
            let block = SPECIAL_V6.iter().find(|([a, b, c], length, _)| {
                let base = Ipv6Addr::new(*a, *b, *c, 0, 0, 0, 0, 0);
                Ipv6Net::new(base, *length).is_ok_and(|net| net.contains(&address))
            });
            block.map_or(Kind::Public, |(_, _, kind)| *kind)
        }
    };
    embedded(address).into_iter().flatten().map(kind_v4).fold(own, Kind::max)
}

/// The IPv4 addresses in an IPv6 one.
fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let words = address.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match words {
        // `::` and `::1` are themselves; else IPv4-compatible, IPv4-mapped, and translated (RFC 2765).
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None, None],
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => [v4(high, low), None],
        [0, 0, 0, 0, 0xffff, 0, high, low] => [v4(high, low), None],
        // NAT64's well-known prefix.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [v4(high, low), None],
        // 6to4.
        [0x2002, high, low, ..] => [v4(high, low), None],
        // Teredo: its server, and the client behind it with every bit turned.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            [v4(server_high, server_low), v4(!high, !low)]
        }
        // ISATAP, in any network.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => [v4(high, low), None],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Kind {
        kind(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for address in [
            "140.82.121.6",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "198.20.0.0",
            "223.255.255.255",
            "2606:50c0:8000::153",
            "2a00:1450:4001:80b::200a",
            // With public ones in them.
            "::ffff:140.82.121.6",
            "64:ff9b::8c52:7906",
            "2002:8c52:7906::1",
        ] {
            assert_eq!(of(address), Kind::Public, "{address}");
        }
    }

    #[test]
    fn private_ones_are_private_however_they_are_written() {
        for address in [
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "::1",
            "fc00::1",
            "fdff:ffff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "2001:db8::1",
            "2001:2::1",
            "3fff::1",
            "100::1",
            // IPv4 in IPv6.
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "2001:0:7f00:1:0:0:f7f7:f7f7",
            // Teredo with 10.0.0.1 as its client.
            "2001:0:808:808::f5ff:fffe",
            "2a00:1450::5efe:a00:1",
            "2a00:1450::200:5efe:192.168.0.1",
        ] {
            assert!(matches!(of(address), Kind::Private(_)), "{address}: {:?}", of(address));
        }
    }

    #[test]
    fn metadata_and_what_is_no_host_is_worst() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd20:ce::254",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "::ffff:0.0.0.0",
            "2001:0:808:808::5601:5601",
        ] {
            assert!(matches!(of(address), Kind::Literal(_)), "{address}: {:?}", of(address));
        }
    }
}
