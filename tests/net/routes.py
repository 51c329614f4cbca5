"""Who has which address, and the ways that media take."""

HOSTS = {"alice": 11, "bob": 22, "relay": 33, "signalling": 44}
RELAY_PORT, RELAY_USER, RELAY_PASSWORD = 3478, "sotto", "a-password-for-tests"
RELAY_TLS_PORT = 5349
RELAY_NAME = "relay.sotto.test"  # see name_relay(), World.serve_names()


def address(host, family):
    number = HOSTS[host]
    return f"10.77.{number}.{number}" if family == 4 else f"fd77:5077:0:{number}::a{number}"


def router_address(host, family):
    number = HOSTS[host]
    return f"10.77.{number}.1" if family == 4 else f"fd77:5077:0:{number}::1"


BY_TLS, BY_UDP_AND_TLS = "relay by TLS", "two relays"
BY_NAME = "relay by name"
NAMED = {BY_NAME: "relay", "relay by TCP and name": "relay by TCP", "relay by TLS and name": BY_TLS}
SPEAKING_TLS = (BY_TLS, BY_UDP_AND_TLS, "relay by TLS and name")


def route_flags(mode, host, family, certificate):
    """How media go. The only place that knows."""
    if mode == "direct":
        return ["--direct", "--bind", address(host, family)]
    relay = address("relay", family) if family == 4 else f"[{address('relay', family)}]"
    relay, mode = (RELAY_NAME, NAMED[mode]) if mode in NAMED else (relay, mode)
    login = ["--relay-user", RELAY_USER, "--relay-password", RELAY_PASSWORD]
    if mode in SPEAKING_TLS:
        udp = f"turn:{relay}:{RELAY_PORT}," if mode == BY_UDP_AND_TLS else ""
        return ["--relay", f"{udp}turns:{relay}:{RELAY_TLS_PORT}", *login, "--relay-ca", certificate[0]]
    transport = "tcp" if mode == "relay by TCP" else "udp"
    return ["--relay", f"turn:{relay}:{RELAY_PORT}?transport={transport}", *login]
