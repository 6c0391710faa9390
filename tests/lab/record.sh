#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Records tests/data/lab.pcap: real programs talking in network namespaces made for the purpose.
#
#   campus 192.168.1.0/24, 2001:db8:1::/64 --- NAT router --- outside 203.0.113.0/24,
#     .10 desktop  .20 workstation                            198.51.100.0/24, 2001:db8:2::/64
#     .30 telephone  .66 infected                               .10 web  .53 DNS  .5 SSH and voice
#
# tcpdump listens on the router's inside bridge in promiscuous mode, so the capture has inside
# addresses before NAT, and the traffic between campus hosts too. Frames are cut at 96 octets
# (headers are whole); the traffic itself is not cut.
#
# Needs root, and: ip, nft, tcpdump, nginx, openssl, dnsmasq, dig, sshd, ssh, curl, nmap, hping3,
# iperf3, ping, python3.  usage: tests/lab/record.sh [OUTPUT.pcap]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/../data/lab.pcap}")
work=$(mktemp -d)
tag=fvtlab
hosts="desk work phone bad"

on() { # NAMESPACE COMMAND...
    local ns=$1
    shift
    ip netns exec "$tag-$ns" "$@"
}

cleanup() {
    local ns pid
    for ns in $hosts net router; do
        for pid in $(ip netns pids "$tag-$ns" 2>/dev/null || true); do
            kill "$pid" 2>/dev/null || true
        done
    done
    sleep 0.3
    for ns in $hosts net router; do
        ip netns del "$tag-$ns" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT

# A real link of 1500 octets has no 64 KB segments on it: no segmentation offload.
plain() { # NAMESPACE INTERFACE
    ip -n "$tag-$1" link set "$2" gso_max_segs 1
    ip -n "$tag-$1" link set "$2" up
}

network() {
    local ns host
    for ns in $hosts net router; do
        ip netns add "$tag-$ns"
        ip -n "$tag-$ns" link set lo up
    done

    ip -n $tag-router link add lan0 type bridge forward_delay 0
    ip -n $tag-router addr add 192.168.1.1/24 dev lan0
    ip -n $tag-router addr add 2001:db8:1::1/64 dev lan0 nodad
    ip -n $tag-router link set lan0 up
    host=10
    for ns in desk:10 work:20 phone:30 bad:66; do
        host=${ns#*:}
        ns=${ns%:*}
        ip -n "$tag-$ns" link add eth0 type veth peer name "p$host" netns "$tag-router"
        ip -n $tag-router link set "p$host" master lan0
        plain router "p$host"
        ip -n "$tag-$ns" addr add "192.168.1.$host/24" dev eth0
        ip -n "$tag-$ns" addr add "2001:db8:1::$host/64" dev eth0 nodad
        plain "$ns" eth0
        ip -n "$tag-$ns" route add default via 192.168.1.1
        ip -n "$tag-$ns" route add default via 2001:db8:1::1
    done

    ip -n $tag-router link add wan0 type veth peer name eth0 netns $tag-net
    ip -n $tag-router addr add 203.0.113.1/24 dev wan0
    ip -n $tag-router addr add 2001:db8:2::1/64 dev wan0 nodad
    plain router wan0
    for a in 203.0.113.10/24 203.0.113.53/24 203.0.113.80/24 203.0.113.2/24; do
        ip -n $tag-net addr add "$a" dev eth0
    done
    for a in 2001:db8:2::10/64 2001:db8:2::53/64; do
        ip -n $tag-net addr add "$a" dev eth0 nodad
    done
    ip -n $tag-net addr add 198.51.100.5/24 dev lo
    plain net eth0
    ip -n $tag-net route add default via 203.0.113.1
    ip -n $tag-net route add default via 2001:db8:2::1
    ip -n $tag-router route add 198.51.100.0/24 via 203.0.113.2

    # Where bridges are given to netfilter, fragments would be put together before the tap.
    on router sysctl -qew net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
    on router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    on router nft -f - <<'NFT'
table ip nat {
    chain post {
        type nat hook postrouting priority srcnat;
        oifname "wan0" masquerade
    }
}
NFT
    # An access line: 30 Mbit/s down, 10 Mbit/s up.
    ip netns exec $tag-net tc qdisc add dev eth0 root tbf rate 30mbit burst 32k latency 100ms
    ip netns exec $tag-router tc qdisc add dev wan0 root tbf rate 10mbit burst 32k latency 100ms
}

servers() {
    mkdir -p "$work/www" "$work/empty"
    head -c 4000000 /dev/urandom >"$work/www/big.iso"
    head -c 1000000 /dev/urandom >"$work/www/video.bin"
    head -c 60000 /dev/urandom >"$work/www/photo.jpg"
    head -c 9000 /dev/urandom >"$work/www/index.html"
    chmod -R a+rX "$work"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=www.example.net \
        -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
    cat >"$work/nginx.conf" <<NGINX
daemon off;
worker_processes 1;
user root;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 256; }
http {
    access_log off;
    client_max_body_size 20m;
    server {
        listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl;
        ssl_certificate $work/tls.crt;
        ssl_certificate_key $work/tls.key;
        root $work/www;
        location /upload/ { dav_methods PUT; client_body_temp_path $work/empty; root $work/www; create_full_put_path on; }
    }
}
NGINX
    on net nginx -c "$work/nginx.conf" &
    on net dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null \
        --listen-address=203.0.113.53,2001:db8:2::53 --bind-interfaces --pid-file= --user=root \
        --host-record=www.example.net,203.0.113.10,2001:db8:2::10 \
        --host-record=shell.example.net,198.51.100.5 --txt-record=example.net,"flowvt lab" &
    # Throw-away keys, for this recording only.
    ssh-keygen -qt ed25519 -N '' -f "$work/hostkey"
    ssh-keygen -qt ed25519 -N '' -f "$work/userkey"
    mkdir -p /run/sshd
    on net "$(command -v sshd)" -D -f /dev/null -h "$work/hostkey" -o ListenAddress=198.51.100.5 \
        -o AuthorizedKeysFile="$work/userkey.pub" -o StrictModes=no -o PidFile=none \
        -o PermitRootLogin=yes -o UsePAM=no 2>/dev/null &
    on work iperf3 -s -p 5201 >/dev/null &
    sleep 1
}

browse() { # FAMILY DNS-SERVER WEB-SERVER ROUNDS PAUSE
    local family=$1 dns=$2 web=www.example.net i type=A
    local at="$web:443:$3"
    for ((i = 0; i < $4; i++)); do
        on desk dig +short +tries=1 "-$family" "@$dns" "$web" "$type" >/dev/null
        on desk curl -sk"$family" -o /dev/null -o /dev/null --resolve "$at" \
            "https://$web/" "https://$web/photo.jpg"
        on desk curl -s"$family" -o /dev/null --resolve "${at/443/80}" "http://$web/"
        type=AAAA
        sleep "$5"
    done
}

traffic() {
    browse 4 203.0.113.53 203.0.113.10 8 7 &
    ( sleep 3; browse 6 2001:db8:2::53 '[2001:db8:2::10]' 6 9 ) &
    on desk ping -qc 60 -i 1 198.51.100.5 >/dev/null &
    ( sleep 8; on desk ping -qc 3 -s 2800 203.0.113.10 >/dev/null ) &  # in fragments
    on work ping -6 -qc 30 -i 2 2001:db8:2::10 >/dev/null &
    # A shell session with a word every few seconds.
    { for _ in $(seq 20); do echo "ls /etc | head -40"; sleep 3.5; done; } |
        on desk ssh -qi "$work/userkey" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            -F /dev/null -T root@198.51.100.5 sh >/dev/null &
    ( sleep 5; exec ip netns exec $tag-phone python3 "$here/rtp.py" 192.168.1.30 16384 198.51.100.5 20000 40 ) &
    ( sleep 5; exec ip netns exec $tag-net python3 "$here/rtp.py" 198.51.100.5 20000 192.168.1.30 16384 40 ) &
    ( sleep 12; on work curl -s -o /dev/null http://203.0.113.10/big.iso ) &
    ( sleep 20; on work curl -6s -o /dev/null 'http://[2001:db8:2::10]/video.bin' ) &
    ( sleep 26; on work curl -sT "$work/www/video.bin" http://203.0.113.10/upload/report.bin ) &
    ( sleep 33; on desk iperf3 -c 192.168.1.20 -p 5201 -n 600K >/dev/null ) &
    ( sleep 40; on bad nmap -n -Pn -sS -F --max-retries 1 203.0.113.80 >/dev/null ) &
    ( sleep 50; on bad hping3 -q -S -p 80 -i u2500 -c 400 203.0.113.80 >/dev/null 2>&1 ) &
    sleep 76
}

network
servers
ip netns exec $tag-router tcpdump -qni lan0 -s 96 -B 8192 -Z root -w "$out" 2>"$work/tcpdump.log" &
recorder=$!
sleep 1
traffic
kill -INT "$recorder"
wait "$recorder" || true
cat "$work/tcpdump.log"
ls -l "$out"
