use super::*;

fn target(uri: &str) -> Result<Target, HttpError> {
    Target::of(&uri.parse().map_err(|_| HttpError::Invalid { reason: "unparsable" })?)
}

fn destinations(hosts: &[&str], named: &[&str], networks: &[&str]) -> Destinations {
    let mut destinations = Destinations::default();
    for host in hosts {
        destinations.add_host(host, false).unwrap();
    }
    for host in named {
        destinations.add_host(host, true).unwrap();
    }
    for network in networks {
        destinations.add_network(network).unwrap();
    }
    destinations
}

/// What becomes of a request to `uri` whose host is at `address`.
fn dial(destinations: &Destinations, uri: &str, address: &str) -> &'static str {
    let outcome = target(uri).and_then(|target| {
        destinations.admit(&target)?;
        let address = SocketAddr::new(address.parse().unwrap(), 0);
        destinations.allowed(&target, [address]).map(|_| ())
    });
    match outcome {
        Ok(()) => "ok",
        Err(HttpError::HostDenied { .. }) => "host",
        Err(HttpError::AddressDenied { .. }) => "address",
        Err(HttpError::Invalid { .. }) => "invalid",
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn only_named_hosts_at_public_addresses() {
    let known = destinations(&["https://api.example.com", "https://*.blobs.example.com"], &[], &[]);
    for (uri, address, expected) in [
        ("https://api.example.com/x?y", "140.82.121.6", "ok"),
        ("https://API.Example.com/", "140.82.121.6", "ok"),
        ("https://api.example.com:443/", "140.82.121.6", "ok"),
        ("https://api.example.com:8443/", "140.82.121.6", "host"),
        ("http://api.example.com/", "140.82.121.6", "host"),
        ("http://api.example.com:443/", "140.82.121.6", "host"),
        ("https://api.example.com./", "140.82.121.6", "host"),
        ("https://api.example.com.evil.test/", "140.82.121.6", "host"),
        ("https://evil-api.example.com/", "140.82.121.6", "host"),
        ("https://a.blobs.example.com/", "140.82.121.6", "ok"),
        ("https://a.b.blobs.example.com/", "140.82.121.6", "ok"),
        ("https://blobs.example.com/", "140.82.121.6", "host"),
        ("https://.blobs.example.com/", "140.82.121.6", "host"),
        ("https://xblobs.example.com/", "140.82.121.6", "host"),
        ("https://u:p@api.example.com/", "140.82.121.6", "invalid"),
        ("ftp://api.example.com/", "140.82.121.6", "invalid"),
        ("/relative", "140.82.121.6", "invalid"),
        ("https://api.example.com/", "127.0.0.1", "address"),
        ("https://api.example.com/", "::ffff:10.0.0.1", "address"),
        ("https://api.example.com/", "169.254.169.254", "address"),
        ("https://140.82.121.6/", "140.82.121.6", "host"),
    ] {
        assert_eq!(dial(&known, uri, address), expected, "{uri} at {address}");
    }
}

#[test]
fn what_the_settings_name_is_allowed_there_and_nowhere_else() {
    let known = destinations(
        &["https://api.example.com"],
        &["https://ghes.corp.test:8443", "http://127.0.0.1:9000", "http://localhost:9001"],
        &[],
    );
    for (uri, address, expected) in [
        ("https://ghes.corp.test:8443/", "10.1.2.3", "ok"),
        ("https://ghes.corp.test:8443/", "127.0.0.1", "ok"),
        ("https://ghes.corp.test:8443/", "169.254.169.254", "address"),
        ("https://ghes.corp.test:8443/", "::ffff:169.254.169.254", "address"),
        ("https://ghes.corp.test:8443/", "0.0.0.0", "address"),
        ("https://ghes.corp.test/", "10.1.2.3", "host"),
        ("https://api.example.com/", "10.1.2.3", "address"),
        ("http://127.0.0.1:9000/", "127.0.0.1", "ok"),
        ("http://127.0.0.1:9002/", "127.0.0.1", "host"),
        ("http://localhost:9001/", "127.0.0.1", "ok"),
        ("http://localhost:9001/", "::1", "ok"),
        // A name that means this machine, and a resolver that says otherwise.
        ("http://localhost:9001/", "140.82.121.6", "address"),
        ("http://localhost:9001/", "10.0.0.1", "address"),
    ] {
        assert_eq!(dial(&known, uri, address), expected, "{uri} at {address}");
    }
}

#[test]
fn networks_of_the_settings_widen_addresses_and_not_hosts() {
    let hosts = &["https://api.example.com"];
    let wide = destinations(hosts, &[], &["10.1.0.0/16", "169.254.0.0/16", "fd00:ec2::254"]);
    for (uri, address, expected) in [
        ("https://api.example.com/", "10.1.2.3", "ok"),
        ("https://api.example.com/", "::ffff:10.1.2.3", "ok"),
        ("https://api.example.com/", "10.2.0.1", "address"),
        ("https://other.example.com/", "10.1.2.3", "host"),
        // A network that holds it is not its name.
        ("https://api.example.com/", "169.254.169.254", "address"),
        ("https://api.example.com/", "169.254.7.7", "ok"),
        ("https://api.example.com/", "fd00:ec2::254", "ok"),
    ] {
        assert_eq!(dial(&wide, uri, address), expected, "{uri} at {address}");
    }
    let literal = destinations(&[], &["https://169.254.169.254"], &[]);
    assert_eq!(dial(&literal, "https://169.254.169.254/", "169.254.169.254"), "ok");
    // The metadata service itself speaks plain http: where it is named by its address, and nothing else.
    let metadata = destinations(hosts, &["http://169.254.169.254"], &[]);
    assert_eq!(dial(&metadata, "http://169.254.169.254/", "169.254.169.254"), "ok");
    for uri in
        ["http://169.254.169.253/", "http://169.254.169.254:8080/", "http://api.example.com/"]
    {
        assert_ne!(dial(&metadata, uri, "169.254.169.254"), "ok", "{uri}");
    }
    for named in
        ["http://169.254.169.253", "http://169.254.169.254:8080", "http://metadata.google.internal"]
    {
        assert!(Destinations::default().add_host(named, true).is_err(), "{named}");
    }
    assert!(Destinations::default().add_host("http://169.254.169.254", false).is_err());
}

#[test]
fn addresses_in_odd_forms_are_no_hosts() {
    let known = destinations(&[], &["http://127.0.0.1:9000"], &[]);
    for host in [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.0x1",
        "127.0.0.1.",
        "0x",
        "1.2.3.4.5",
    ] {
        let uri = format!("http://{host}:9000/");
        assert_eq!(dial(&known, &uri, "127.0.0.1"), "invalid", "{host}");
    }
    // Another way to write an address that was named is another host.
    assert_eq!(dial(&known, "http://[::ffff:127.0.0.1]:9000/", "127.0.0.1"), "host");
    assert_eq!(dial(&known, "http://[::1]:9000/", "::1"), "host");
}

#[test]
fn a_mixed_answer_is_dialled_where_it_may_be() {
    let known = destinations(&["https://api.example.com"], &[], &[]);
    let target = target("https://api.example.com/").unwrap();
    let addresses = ["127.0.0.1:1", "140.82.121.6:2", "[::ffff:140.82.121.7]:3"];
    let allowed = known.allowed(&target, addresses.map(|address| address.parse().unwrap()));
    let allowed: Vec<_> = allowed.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["140.82.121.6:443", "140.82.121.7:443"]);
}

#[test]
fn settings_that_name_too_much_are_refused() {
    let mut destinations = Destinations::default();
    for text in [
        "api.example.com",
        "http://api.example.com",
        "https://*.com",
        "https://*",
        "https://api.example.com/path",
        "https://api.example.com?x",
        "ftp://example.com",
        "",
    ] {
        assert!(destinations.add_host(text, true).is_err(), "{text}");
    }
    // Programs name no plain hosts, only settings do.
    assert!(destinations.add_host("http://127.0.0.1:80", false).is_err());
    for text in ["", "10.0.0.0/33", "example.com"] {
        assert!(destinations.add_network(text).is_err(), "{text}");
    }
    let error = destinations.add_host("https://user:pa55@example.com", true).unwrap_err();
    assert!(!error.to_string().contains("pa55"), "{error}");
}
