"""Which network addresses belong to the public internet.

Written out rather than asked of `ipaddress`, whose answer differs between Python's versions and
counts multicast and translated forms as global. Sources: IANA's IPv4 and IPv6 Special-Purpose
Address Registries.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

NOT_PUBLIC_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by a carrier's customers (CGNAT)
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform, from within its virtual machines
        "169.254.0.0/16",  # link-local; clouds serve a machine's credentials here
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
GLOBAL_UNICAST_V6 = ip_network("2000::/3")
"""All that is handed out; loopback, unique local, link-local, multicast and mapped IPv4 are not."""
NOT_PUBLIC_V6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocols' own, Teredo's tunnels to any IPv4 address among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: a tunnel to any IPv4 address
        "3fff::/20",
    )
)
NAT64 = ip_network("64:ff9b::/96")
"""Where a network with only IPv6 sees the IPv4 internet: the last 32 bits are an IPv4 address."""


def is_public(address: str) -> bool:
    """Return whether `address`, as a resolver gives it, is one of the public internet.

    An address with a zone (`fe80::1%eth0`) never is.
    """
    if "%" in address:
        return False
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in NOT_PUBLIC_V4)
    if parsed in NAT64:
        return is_public(str(_take_last_32_bits(parsed)))
    return parsed in GLOBAL_UNICAST_V6 and not any(parsed in network for network in NOT_PUBLIC_V6)


def _take_last_32_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)
