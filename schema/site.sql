-- SPDX-License-Identifier: MIT
-- The site's own tables, in an ordinary SQLite database, with the tables of flowvt bound to its store:
--
--   sqlite3 -cmd '.load flowvt' site.db '.read site.sql' \
--       "INSERT OR REPLACE INTO settings VALUES ('store', '/data/campus')"
--
-- It may be read again into a file that has them, from this version or an older one: rows stay, triggers are renewed.
--
-- Networks are written as 192.0.2.0/24 or 2001:db8::/32, a single address as 192.0.2.1; other spellings are changed
-- to these. Times are UTC, '2026-11-23' or '2026-11-23 10:00', from <= t < until, NULL is open. An empty text in a
-- column that may be NULL becomes NULL, so that files of CSV can be imported. What cannot be right is refused by the
-- triggers, which say why: they need the functions of the extension.

SAVEPOINT site;

SELECT refuse('site.sql: this database is of a later version: use the site.sql that came with it')
FROM pragma_user_version WHERE user_version > 5;

-- name       value
-- store      the directory of the flow files. Without: FLOWVT_STORE in the environment, then /var/lib/flowvt
-- timezone   whose days and months accounting has, 'Pacific/Auckland'. Without: UTC
-- country    where the site is, 'NZ': addresses there that no network has are of zone domestic
-- geodb      countries, a file in MaxMind's format. Without: FLOWVT_GEODB in the environment
-- asndb      autonomous systems, likewise. Without: FLOWVT_ASNDB in the environment
CREATE TABLE IF NOT EXISTS settings (
    name  TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    value TEXT
);

-- Whose an address is. Networks may lie in others: each column is that of the longest prefix that has a value there.
-- Without any, private and link-local addresses are of zone local, all others international.
CREATE TABLE IF NOT EXISTS networks (
    cidr    TEXT NOT NULL PRIMARY KEY,
    name    TEXT,
    zone    TEXT,                 -- local, domestic, international, or the site's own
    asn     INTEGER,
    country TEXT                  -- two letters, ISO 3166
);

-- Who has an address, or a network, at a time. The longest prefix that is valid then counts. A row without cidr is of a host
-- whose addresses change: host_addresses says which it has.
CREATE TABLE IF NOT EXISTS hosts (
    cidr        TEXT,
    mac         TEXT,             -- aa:bb:cc:dd:ee:ff; needed where there is no cidr
    name        TEXT,
    user        TEXT,
    user_group  TEXT,
    valid_from  TEXT,
    valid_until TEXT
);
CREATE INDEX IF NOT EXISTS hosts_cidr ON hosts (cidr);
CREATE INDEX IF NOT EXISTS hosts_mac ON hosts (mac);

-- Which addresses a MAC address had, and when. `flowreport update` learns it from flows that have both, of those that hosts
-- has without cidr, by the hour; leases of a DHCP server or a router's neighbours may be put here as well, and go first.
CREATE TABLE IF NOT EXISTS host_addresses (
    ip          TEXT NOT NULL,
    mac         TEXT NOT NULL,
    valid_from  TEXT,
    valid_until TEXT,
    learned     INTEGER NOT NULL DEFAULT 0 -- 1: of flows; goes when they have gone
);
CREATE INDEX IF NOT EXISTS host_addresses_ip ON host_addresses (ip);
CREATE INDEX IF NOT EXISTS host_addresses_mac ON host_addresses (mac);

-- hosts with the addresses of those that have none of their own: what host_name(), host_user() and host_group() look in.
-- Of several rows for the same address and time the one with the lowest rank counts.
DROP VIEW IF EXISTS hosts_by_address;
CREATE VIEW hosts_by_address AS
SELECT cidr, mac, name, user, user_group, valid_from, valid_until, 0 AS rank FROM hosts WHERE cidr IS NOT NULL
UNION ALL
SELECT a.ip, h.mac, h.name, h.user, h.user_group,
       max(coalesce(h.valid_from, a.valid_from), coalesce(a.valid_from, h.valid_from)),
       min(coalesce(h.valid_until, a.valid_until), coalesce(a.valid_until, h.valid_until)), 1 + a.learned
FROM host_addresses AS a JOIN hosts AS h ON h.mac = a.mac
WHERE h.cidr IS NULL AND coalesce(h.valid_from < a.valid_until, 1) AND coalesce(a.valid_from < h.valid_until, 1);

-- What is spoken on a port. Ranges may lie in others: the narrowest counts.
CREATE TABLE IF NOT EXISTS services (
    proto       INTEGER NOT NULL, -- a name may be written: 'tcp'
    port_from   INTEGER,          -- NULL: all of the protocol
    port_to     INTEGER,          -- NULL: port_from alone
    application TEXT NOT NULL,
    category    TEXT,
    UNIQUE (proto, port_from, port_to)
);

-- To begin with, for a new database: what is usual on the ports, by the names of IANA's registry (Service Name and
-- Transport Protocol Port Number Registry), or those that people use, categories added. (6 is TCP, 17 UDP, 132 SCTP.)
INSERT INTO services
SELECT column1, column2, column3, column4, column5
FROM (VALUES
    (6, 443, 443, 'https', 'web'), (17, 443, 443, 'https', 'web'), (6, 8443, 8443, 'https', 'web'),
    (6, 80, 80, 'http', 'web'), (6, 8080, 8080, 'http', 'web'), (6, 8000, 8000, 'http', 'web'),
    (6, 8008, 8008, 'http', 'web'), (6, 81, 81, 'http', 'web'), (6, 8081, 8081, 'http', 'web'),
    (6, 8888, 8888, 'http', 'web'), (6, 591, 591, 'http', 'web'), (6, 3128, 3128, 'http-proxy', 'web'),
    (6, 1080, 1080, 'socks', 'web'), (6, 70, 70, 'gopher', 'web'), (6, 53, 53, 'dns', 'dns'),
    (17, 53, 53, 'dns', 'dns'), (6, 853, 853, 'dns-over-tls', 'dns'), (17, 853, 853, 'dns-over-tls', 'dns'),
    (17, 5353, 5353, 'mdns', 'dns'), (6, 5355, 5355, 'llmnr', 'dns'), (17, 5355, 5355, 'llmnr', 'dns'),
    (6, 137, 137, 'netbios-ns', 'dns'), (17, 137, 137, 'netbios-ns', 'dns'), (6, 25, 25, 'smtp', 'mail'),
    (6, 587, 587, 'submission', 'mail'), (6, 465, 465, 'submission', 'mail'), (6, 110, 110, 'pop3', 'mail'),
    (6, 995, 995, 'pop3s', 'mail'), (6, 143, 143, 'imap', 'mail'), (6, 993, 993, 'imaps', 'mail'),
    (6, 4190, 4190, 'sieve', 'mail'), (6, 21, 21, 'ftp', 'file-transfer'), (6, 20, 20, 'ftp-data', 'file-transfer'),
    (6, 990, 990, 'ftps', 'file-transfer'), (6, 989, 989, 'ftps-data', 'file-transfer'),
    (17, 69, 69, 'tftp', 'file-transfer'), (6, 873, 873, 'rsync', 'file-transfer'),
    (6, 445, 445, 'smb', 'file-transfer'), (6, 139, 139, 'smb', 'file-transfer'),
    (17, 138, 138, 'netbios-dgm', 'file-transfer'), (6, 2049, 2049, 'nfs', 'file-transfer'),
    (17, 2049, 2049, 'nfs', 'file-transfer'), (6, 548, 548, 'afp', 'file-transfer'),
    (6, 9418, 9418, 'git', 'file-transfer'), (6, 3690, 3690, 'svn', 'file-transfer'),
    (6, 2401, 2401, 'cvspserver', 'file-transfer'), (6, 540, 540, 'uucp', 'file-transfer'),
    (6, 111, 111, 'sunrpc', 'directory'), (17, 111, 111, 'sunrpc', 'directory'), (6, 389, 389, 'ldap', 'directory'),
    (17, 389, 389, 'ldap', 'directory'), (6, 636, 636, 'ldaps', 'directory'),
    (6, 3268, 3269, 'global-catalog', 'directory'), (6, 88, 88, 'kerberos', 'directory'),
    (17, 88, 88, 'kerberos', 'directory'), (6, 464, 464, 'kpasswd', 'directory'),
    (17, 464, 464, 'kpasswd', 'directory'), (6, 749, 749, 'kerberos-adm', 'directory'),
    (17, 1812, 1813, 'radius', 'directory'), (6, 1812, 1813, 'radius', 'directory'),
    (17, 1645, 1646, 'radius', 'directory'), (6, 2083, 2083, 'radsec', 'directory'),
    (17, 3799, 3799, 'radius-dynauth', 'directory'), (6, 49, 49, 'tacacs', 'directory'),
    (17, 49, 49, 'tacacs', 'directory'), (6, 3868, 3868, 'diameter', 'directory'),
    (132, 3868, 3868, 'diameter', 'directory'), (6, 135, 135, 'epmap', 'directory'),
    (17, 135, 135, 'epmap', 'directory'), (6, 113, 113, 'ident', 'directory'), (6, 43, 43, 'whois', 'directory'),
    (6, 79, 79, 'finger', 'directory'), (6, 3260, 3260, 'iscsi', 'storage'), (6, 10809, 10809, 'nbd', 'storage'),
    (6, 24007, 24008, 'glusterfs', 'storage'), (6, 3300, 3300, 'ceph', 'storage'), (6, 6789, 6789, 'ceph', 'storage'),
    (6, 7788, 7799, 'drbd', 'storage'), (6, 9101, 9103, 'bacula', 'storage'), (6, 10080, 10080, 'amanda', 'storage'),
    (17, 10080, 10080, 'amanda', 'storage'), (6, 22, 22, 'ssh', 'remote-access'),
    (6, 23, 23, 'telnet', 'remote-access'), (6, 992, 992, 'telnets', 'remote-access'),
    (6, 513, 513, 'rlogin', 'remote-access'), (6, 514, 514, 'rsh', 'remote-access'),
    (6, 512, 512, 'rexec', 'remote-access'), (6, 3389, 3389, 'rdp', 'remote-access'),
    (17, 3389, 3389, 'rdp', 'remote-access'), (6, 5900, 5909, 'vnc', 'remote-access'),
    (6, 5500, 5500, 'vnc', 'remote-access'), (6, 6000, 6063, 'x11', 'remote-access'),
    (6, 5938, 5938, 'teamviewer', 'remote-access'), (17, 5938, 5938, 'teamviewer', 'remote-access'),
    (6, 7070, 7070, 'anydesk', 'remote-access'), (6, 1494, 1494, 'citrix-ica', 'remote-access'),
    (6, 2598, 2598, 'citrix-ica', 'remote-access'), (17, 1494, 1494, 'citrix-ica', 'remote-access'),
    (17, 2598, 2598, 'citrix-ica', 'remote-access'), (6, 5930, 5930, 'spice', 'remote-access'),
    (6, 4172, 4172, 'pcoip', 'remote-access'), (17, 4172, 4172, 'pcoip', 'remote-access'),
    (6, 5985, 5986, 'winrm', 'remote-access'), (17, 123, 123, 'ntp', 'time'), (6, 4460, 4460, 'nts-ke', 'time'),
    (17, 319, 320, 'ptp', 'time'), (6, 37, 37, 'time', 'time'), (17, 37, 37, 'time', 'time'),
    (6, 13, 13, 'daytime', 'time'), (17, 13, 13, 'daytime', 'time'), (17, 67, 68, 'dhcp', 'network'),
    (17, 546, 547, 'dhcpv6', 'network'), (6, 647, 647, 'dhcp-failover', 'network'),
    (6, 830, 830, 'netconf', 'network'), (6, 6513, 6513, 'netconf-tls', 'network'),
    (17, 161, 161, 'snmp', 'management'), (6, 161, 161, 'snmp', 'management'),
    (17, 162, 162, 'snmptrap', 'management'), (6, 162, 162, 'snmptrap', 'management'),
    (6, 10161, 10161, 'snmps', 'management'), (17, 10161, 10161, 'snmps', 'management'),
    (6, 10162, 10162, 'snmps', 'management'), (17, 10162, 10162, 'snmps', 'management'),
    (17, 514, 514, 'syslog', 'management'), (6, 6514, 6514, 'syslog-tls', 'management'),
    (17, 2055, 2055, 'netflow', 'management'), (17, 9995, 9996, 'netflow', 'management'),
    (17, 4739, 4739, 'ipfix', 'management'), (6, 4739, 4739, 'ipfix', 'management'),
    (132, 4739, 4739, 'ipfix', 'management'), (6, 4740, 4740, 'ipfixs', 'management'),
    (17, 4740, 4740, 'ipfixs', 'management'), (17, 6343, 6343, 'sflow', 'management'),
    (17, 623, 623, 'ipmi', 'management'), (6, 623, 623, 'ipmi', 'management'), (6, 7547, 7547, 'cwmp', 'management'),
    (6, 10050, 10051, 'zabbix', 'management'), (6, 5666, 5666, 'nrpe', 'management'),
    (6, 4949, 4949, 'munin', 'management'), (6, 9090, 9091, 'prometheus', 'management'),
    (6, 3000, 3000, 'grafana', 'management'), (17, 8125, 8125, 'statsd', 'management'),
    (17, 25826, 25826, 'collectd', 'management'), (6, 2003, 2004, 'graphite', 'management'),
    (17, 2003, 2003, 'graphite', 'management'), (6, 8086, 8086, 'influxdb', 'management'),
    (6, 9200, 9200, 'elasticsearch', 'management'), (6, 9300, 9300, 'elasticsearch', 'management'),
    (6, 5601, 5601, 'kibana', 'management'), (6, 5044, 5044, 'logstash', 'management'),
    (6, 24224, 24224, 'fluentd', 'management'), (17, 24224, 24224, 'fluentd', 'management'),
    (6, 12201, 12201, 'gelf', 'management'), (17, 12201, 12201, 'gelf', 'management'),
    (6, 8140, 8140, 'puppet', 'management'), (6, 4505, 4506, 'salt', 'management'),
    (6, 10000, 10000, 'webmin', 'management'), (6, 631, 631, 'cups', 'printing'), (17, 631, 631, 'cups', 'printing'),
    (6, 515, 515, 'lpd', 'printing'), (6, 9100, 9100, 'jetdirect', 'printing'), (6, 179, 179, 'bgp', 'routing'),
    (6, 646, 646, 'ldp', 'routing'), (17, 646, 646, 'ldp', 'routing'), (17, 520, 520, 'rip', 'routing'),
    (17, 521, 521, 'ripng', 'routing'), (17, 3784, 3785, 'bfd', 'routing'), (17, 4784, 4784, 'bfd', 'routing'),
    (17, 1985, 1985, 'hsrp', 'routing'), (17, 2029, 2029, 'hsrp', 'routing'), (17, 698, 698, 'olsr', 'routing'),
    (17, 6696, 6696, 'babel', 'routing'), (6, 639, 639, 'msdp', 'routing'), (6, 323, 324, 'rpki-rtr', 'routing'),
    (2, NULL, NULL, 'igmp', 'routing'), (46, NULL, NULL, 'rsvp', 'routing'), (88, NULL, NULL, 'eigrp', 'routing'),
    (89, NULL, NULL, 'ospf', 'routing'), (103, NULL, NULL, 'pim', 'routing'), (112, NULL, NULL, 'vrrp', 'routing'),
    (124, NULL, NULL, 'isis', 'routing'), (17, 4789, 4789, 'vxlan', 'tunnel'), (17, 8472, 8472, 'vxlan', 'tunnel'),
    (17, 6081, 6081, 'geneve', 'tunnel'), (17, 4754, 4755, 'gre-in-udp', 'tunnel'),
    (17, 3544, 3544, 'teredo', 'tunnel'), (17, 2123, 2123, 'gtp-c', 'tunnel'), (17, 2152, 2152, 'gtp-u', 'tunnel'),
    (17, 5246, 5247, 'capwap', 'tunnel'), (4, NULL, NULL, 'ipip', 'tunnel'), (41, NULL, NULL, '6in4', 'tunnel'),
    (47, NULL, NULL, 'gre', 'tunnel'), (94, NULL, NULL, 'ipip', 'tunnel'), (97, NULL, NULL, 'etherip', 'tunnel'),
    (137, NULL, NULL, 'mpls-in-ip', 'tunnel'), (17, 1194, 1194, 'openvpn', 'vpn'), (6, 1194, 1194, 'openvpn', 'vpn'),
    (17, 51820, 51820, 'wireguard', 'vpn'), (17, 500, 500, 'isakmp', 'vpn'), (17, 4500, 4500, 'ipsec-nat-t', 'vpn'),
    (17, 1701, 1701, 'l2tp', 'vpn'), (6, 1723, 1723, 'pptp', 'vpn'), (17, 41641, 41641, 'tailscale', 'vpn'),
    (17, 9993, 9993, 'zerotier', 'vpn'), (17, 4242, 4242, 'nebula', 'vpn'), (6, 655, 655, 'tinc', 'vpn'),
    (17, 655, 655, 'tinc', 'vpn'), (50, NULL, NULL, 'esp', 'vpn'), (51, NULL, NULL, 'ah', 'vpn'),
    (115, NULL, NULL, 'l2tp', 'vpn'), (6, 5060, 5060, 'sip', 'voice'), (17, 5060, 5060, 'sip', 'voice'),
    (132, 5060, 5060, 'sip', 'voice'), (6, 5061, 5061, 'sips', 'voice'), (17, 5061, 5061, 'sips', 'voice'),
    (132, 5061, 5061, 'sips', 'voice'), (6, 1720, 1720, 'h323', 'voice'), (6, 1719, 1719, 'h323', 'voice'),
    (17, 1719, 1719, 'h323', 'voice'), (17, 2427, 2427, 'mgcp', 'voice'), (17, 2727, 2727, 'mgcp', 'voice'),
    (6, 2000, 2000, 'skinny', 'voice'), (17, 4569, 4569, 'iax', 'voice'), (6, 3478, 3479, 'stun', 'voice'),
    (17, 3478, 3481, 'stun', 'voice'), (6, 5349, 5349, 'stuns', 'voice'), (17, 5349, 5349, 'stuns', 'voice'),
    (17, 5004, 5005, 'rtp', 'voice'), (6, 2944, 2945, 'megaco', 'voice'), (17, 2944, 2945, 'megaco', 'voice'),
    (6, 64738, 64738, 'mumble', 'voice'), (17, 64738, 64738, 'mumble', 'voice'),
    (17, 9987, 9987, 'teamspeak', 'voice'), (6, 10011, 10011, 'teamspeak', 'voice'),
    (6, 30033, 30033, 'teamspeak', 'voice'), (6, 5222, 5223, 'xmpp', 'messaging'),
    (6, 5269, 5269, 'xmpp', 'messaging'), (6, 5280, 5280, 'xmpp', 'messaging'), (6, 6667, 6667, 'irc', 'messaging'),
    (6, 194, 194, 'irc', 'messaging'), (6, 6660, 6666, 'irc', 'messaging'), (6, 6668, 6669, 'irc', 'messaging'),
    (6, 6697, 6697, 'ircs', 'messaging'), (6, 994, 994, 'ircs', 'messaging'), (6, 2195, 2197, 'apns', 'messaging'),
    (6, 5228, 5230, 'fcm', 'messaging'), (6, 8448, 8448, 'matrix', 'messaging'), (6, 5190, 5190, 'aim', 'messaging'),
    (6, 1863, 1863, 'msnp', 'messaging'), (6, 119, 119, 'nntp', 'news'), (6, 563, 563, 'nntps', 'news'),
    (6, 554, 554, 'rtsp', 'streaming'), (17, 554, 554, 'rtsp', 'streaming'), (6, 1935, 1935, 'rtmp', 'streaming'),
    (6, 1755, 1755, 'mms', 'streaming'), (17, 1755, 1755, 'mms', 'streaming'), (6, 8001, 8001, 'icecast', 'streaming'),
    (6, 8009, 8009, 'chromecast', 'streaming'), (6, 7000, 7000, 'airplay', 'streaming'),
    (17, 1900, 1900, 'ssdp', 'discovery'), (6, 3702, 3702, 'ws-discovery', 'discovery'),
    (17, 3702, 3702, 'ws-discovery', 'discovery'), (17, 5350, 5351, 'nat-pmp', 'discovery'),
    (6, 427, 427, 'slp', 'discovery'), (17, 427, 427, 'slp', 'discovery'), (17, 8611, 8612, 'bjnp', 'discovery'),
    (6, 3306, 3306, 'mysql', 'database'), (6, 33060, 33060, 'mysql', 'database'),
    (6, 5432, 5432, 'postgresql', 'database'), (6, 1433, 1433, 'ms-sql', 'database'),
    (17, 1434, 1434, 'ms-sql', 'database'), (6, 1521, 1521, 'oracle', 'database'),
    (6, 2483, 2484, 'oracle', 'database'), (6, 50000, 50000, 'db2', 'database'),
    (6, 27017, 27019, 'mongodb', 'database'), (6, 6379, 6379, 'redis', 'database'),
    (6, 11211, 11211, 'memcached', 'database'), (17, 11211, 11211, 'memcached', 'database'),
    (6, 9042, 9042, 'cassandra', 'database'), (6, 5984, 5984, 'couchdb', 'database'),
    (6, 7687, 7687, 'neo4j', 'database'), (6, 7474, 7474, 'neo4j', 'database'),
    (6, 9000, 9000, 'clickhouse', 'database'), (6, 3050, 3050, 'firebird', 'database'),
    (6, 2379, 2380, 'etcd', 'database'), (6, 8500, 8500, 'consul', 'database'), (6, 8300, 8302, 'consul', 'database'),
    (17, 8301, 8302, 'consul', 'database'), (6, 2181, 2181, 'zookeeper', 'database'),
    (6, 3299, 3299, 'saprouter', 'business'), (6, 3200, 3259, 'sap', 'business'), (6, 3600, 3689, 'sap', 'business'),
    (6, 5672, 5672, 'amqp', 'middleware'), (6, 5671, 5671, 'amqps', 'middleware'),
    (6, 9092, 9093, 'kafka', 'middleware'), (6, 4222, 4222, 'nats', 'middleware'),
    (6, 61613, 61613, 'stomp', 'middleware'), (6, 61616, 61616, 'activemq', 'middleware'),
    (6, 1099, 1099, 'rmi', 'middleware'), (6, 1883, 1883, 'mqtt', 'iot'), (6, 8883, 8883, 'mqtts', 'iot'),
    (17, 5683, 5683, 'coap', 'iot'), (6, 5683, 5683, 'coap', 'iot'), (17, 5684, 5684, 'coaps', 'iot'),
    (6, 5684, 5684, 'coaps', 'iot'), (6, 4840, 4840, 'opc-ua', 'iot'), (6, 502, 502, 'modbus', 'industrial'),
    (17, 47808, 47808, 'bacnet', 'industrial'),
    (6, 102, 102, 's7comm', 'industrial'),
    (6, 44818, 44818, 'ethernet-ip', 'industrial'), (17, 44818, 44818, 'ethernet-ip', 'industrial'),
    (17, 2222, 2222, 'ethernet-ip', 'industrial'), (6, 2404, 2404, 'iec-104', 'industrial'),
    (17, 34962, 34964, 'profinet', 'industrial'), (6, 34962, 34964, 'profinet', 'industrial'),
    (6, 2375, 2377, 'docker', 'cluster'), (6, 6443, 6443, 'kubernetes', 'cluster'),
    (6, 10250, 10250, 'kubelet', 'cluster'), (6, 902, 902, 'vmware', 'cluster'), (17, 902, 902, 'vmware', 'cluster'),
    (6, 8006, 8006, 'proxmox', 'cluster'), (17, 5404, 5405, 'corosync', 'cluster'),
    (6, 3121, 3121, 'pacemaker', 'cluster'), (6, 6881, 6889, 'bittorrent', 'peer-to-peer'),
    (17, 6881, 6889, 'bittorrent', 'peer-to-peer'), (6, 51413, 51413, 'bittorrent', 'peer-to-peer'),
    (17, 51413, 51413, 'bittorrent', 'peer-to-peer'), (6, 6969, 6969, 'bittorrent', 'peer-to-peer'),
    (17, 6969, 6969, 'bittorrent', 'peer-to-peer'), (6, 4662, 4662, 'edonkey', 'peer-to-peer'),
    (17, 4672, 4672, 'edonkey', 'peer-to-peer'), (6, 6346, 6347, 'gnutella', 'peer-to-peer'),
    (17, 6346, 6347, 'gnutella', 'peer-to-peer'), (6, 8333, 8333, 'bitcoin', 'peer-to-peer'),
    (6, 30303, 30303, 'ethereum', 'peer-to-peer'), (17, 30303, 30303, 'ethereum', 'peer-to-peer'),
    (6, 4001, 4001, 'ipfs', 'peer-to-peer'), (17, 4001, 4001, 'ipfs', 'peer-to-peer'),
    (6, 22000, 22000, 'syncthing', 'peer-to-peer'), (17, 22000, 22000, 'syncthing', 'peer-to-peer'),
    (17, 21027, 21027, 'syncthing', 'peer-to-peer'), (6, 9001, 9001, 'tor', 'peer-to-peer'),
    (6, 9030, 9030, 'tor', 'peer-to-peer'), (6, 9050, 9050, 'tor', 'peer-to-peer'),
    (17, 27000, 27030, 'steam', 'games'), (6, 27020, 27030, 'steam', 'games'), (17, 27031, 27036, 'steam', 'games'),
    (6, 27036, 27037, 'steam', 'games'), (6, 25565, 25565, 'minecraft', 'games'),
    (17, 19132, 19132, 'minecraft', 'games'), (17, 27960, 27960, 'quake', 'games'),
    (6, 3724, 3724, 'battlenet', 'games'), (6, 1119, 1119, 'battlenet', 'games'),
    (17, 1119, 1119, 'battlenet', 'games'), (6, 6112, 6114, 'battlenet', 'games'),
    (17, 6112, 6114, 'battlenet', 'games'), (6, 3074, 3074, 'xbox-live', 'games'),
    (17, 3074, 3074, 'xbox-live', 'games'), (6, 7680, 7680, 'microsoft-do', 'update'),
    (6, 8530, 8531, 'wsus', 'update'), (6, 3142, 3142, 'apt-cacher', 'update'), (6, 3310, 3310, 'clamav', 'security'),
    (6, 1241, 1241, 'nessus', 'security'), (17, 1514, 1514, 'ossec', 'security'), (6, 1514, 1515, 'ossec', 'security'),
    (6, 7, 7, 'echo', 'diagnostics'), (17, 7, 7, 'echo', 'diagnostics'), (6, 9, 9, 'discard', 'diagnostics'),
    (17, 9, 9, 'wake-on-lan', 'diagnostics'), (6, 19, 19, 'chargen', 'diagnostics'),
    (17, 19, 19, 'chargen', 'diagnostics'), (6, 17, 17, 'qotd', 'diagnostics'), (17, 17, 17, 'qotd', 'diagnostics'),
    (6, 11, 11, 'systat', 'diagnostics'), (6, 15, 15, 'netstat', 'diagnostics'),
    (6, 5201, 5201, 'iperf', 'diagnostics'), (17, 5201, 5201, 'iperf', 'diagnostics'),
    (17, 33434, 33534, 'traceroute', 'diagnostics'), (6, 862, 862, 'twamp', 'diagnostics'),
    (17, 862, 862, 'twamp', 'diagnostics'), (6, 861, 861, 'owamp', 'diagnostics'),
    (1, NULL, NULL, 'icmp', 'diagnostics'), (58, NULL, NULL, 'icmpv6', 'diagnostics')
)
WHERE (SELECT user_version FROM pragma_user_version) = 0;

CREATE TABLE IF NOT EXISTS interfaces (
    exporter TEXT NOT NULL,       -- its address
    ifindex  INTEGER NOT NULL,
    name     TEXT,
    role     TEXT NOT NULL,       -- inside, outside or transit
    PRIMARY KEY (exporter, ifindex)
);

-- What traffic costs: of two for the same, the one for a group goes before that for all.
CREATE TABLE IF NOT EXISTS tariffs (
    zone        TEXT NOT NULL,
    direction   TEXT NOT NULL,    -- in or out
    user_group  TEXT,             -- NULL: all
    weekdays    TEXT NOT NULL DEFAULT '1234567', -- 1 is Monday, of the site's local time
    hour_from   INTEGER NOT NULL DEFAULT 0,      -- local: hour_from <= hour < hour_until
    hour_until  INTEGER NOT NULL DEFAULT 24,
    price       REAL NOT NULL,
    per         INTEGER NOT NULL DEFAULT 1000000000, -- octets that the price is for
    currency    TEXT NOT NULL,
    included    INTEGER NOT NULL DEFAULT 0,      -- octets a month that are free: see bill_lines
    valid_from  TEXT,
    valid_until TEXT
);

CREATE TABLE IF NOT EXISTS quotas (
    kind    TEXT NOT NULL,        -- user, group or host
    name    TEXT NOT NULL,        -- the user's, the group's, or the host's address
    period  TEXT NOT NULL,        -- day, week or month, of the site's local time; a week begins on Monday
    octets  INTEGER NOT NULL,     -- the limit
    warn_at INTEGER NOT NULL DEFAULT 80, -- percent
    PRIMARY KEY (kind, name, period)
);

-- Sampling rates that exporters told wrongly, or not at all: ext/overrides.h.
CREATE TABLE IF NOT EXISTS sampling_overrides (
    exporter TEXT,                -- an address or a network; NULL: all
    since    TEXT,
    until    TEXT,
    rate     INTEGER NOT NULL
);

-- What happened, for graphs. until is NULL for what took no time.
CREATE TABLE IF NOT EXISTS events (
    time  TEXT NOT NULL,
    until TEXT,
    text  TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_time ON events (time);

-- ---- what is refused ----------------------------------------------------------------------------------------------
--
-- After an INSERT the row is updated to itself, after an UPDATE it is put into its one spelling, and refused when it cannot
-- be right. It is updated again only when it was not in that spelling: with PRAGMA recursive_triggers that comes here once
-- more. The triggers are made anew whenever this file is read.

DROP TRIGGER IF EXISTS settings_insert;
DROP TRIGGER IF EXISTS settings_update;
CREATE TRIGGER settings_insert AFTER INSERT ON settings BEGIN
    UPDATE settings SET name = name WHERE name = NEW.name;
END;
CREATE TRIGGER settings_update AFTER UPDATE ON settings BEGIN
    SELECT refuse(printf('settings: country ''%s'' is none: write the two letters of ISO 3166', NEW.value))
    WHERE NEW.name = 'country' AND NEW.value NOT GLOB '[A-Za-z][A-Za-z]';
    SELECT local_time('2026-01-01', NEW.value) WHERE NEW.name = 'timezone';
    SELECT refuse(printf('settings: ''%s'' is none: there are store, timezone, country, geodb, asndb; write one with a dot, as in ''my.%s'', for another purpose', NEW.name, NEW.name))
    WHERE NEW.name NOT IN ('store', 'timezone', 'country', 'geodb', 'asndb') AND NEW.name NOT LIKE '%.%';
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'usage_total' AND NEW.name = 'timezone';
END;
DROP TRIGGER IF EXISTS settings_delete;
CREATE TRIGGER settings_delete AFTER DELETE ON settings WHEN OLD.name = 'timezone' BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'usage_total';
END;

DROP TRIGGER IF EXISTS networks_insert;
DROP TRIGGER IF EXISTS networks_update;
CREATE TRIGGER networks_insert AFTER INSERT ON networks BEGIN
    UPDATE networks SET cidr = cidr WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER networks_update AFTER UPDATE ON networks BEGIN
    SELECT refuse('networks: cidr ' || ip_fault(NEW.cidr));
    SELECT refuse(printf('networks: %s: asn ''%s'' is no autonomous system: write 1 to 4294967295, or NULL', NEW.cidr, NEW.asn))
    WHERE NEW.asn <> '' AND NOT (typeof(NEW.asn) = 'integer' AND NEW.asn BETWEEN 1 AND 4294967295);
    SELECT refuse(printf('networks: %s: country ''%s'' is none: write the two letters of ISO 3166, or NULL', NEW.cidr, NEW.country))
    WHERE NEW.country <> '' AND NEW.country NOT GLOB '[A-Za-z][A-Za-z]';
    UPDATE networks
    SET cidr = ip_canonical(cidr), name = nullif(name, ''), zone = nullif(zone, ''), asn = nullif(asn, ''),
        country = upper(nullif(country, ''))
    WHERE rowid = NEW.rowid
        AND (cidr <> ip_canonical(cidr) OR name = '' OR zone = '' OR asn = '' OR country = '' OR country <> upper(country));
    SELECT refuse(printf('networks: %s is there already, as %s', cidr, ip_canonical(cidr)))
    FROM networks WHERE rowid = NEW.rowid AND cidr <> ip_canonical(cidr); -- INSERT OR IGNORE of another spelling
END;

DROP TRIGGER IF EXISTS hosts_insert;
DROP TRIGGER IF EXISTS hosts_update;
CREATE TRIGGER hosts_insert AFTER INSERT ON hosts BEGIN
    UPDATE hosts SET cidr = cidr WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER hosts_update AFTER UPDATE ON hosts BEGIN
    SELECT refuse('hosts: a row has neither cidr nor mac: write one of them')
    WHERE coalesce(NEW.cidr, '') = '' AND coalesce(NEW.mac, '') = '';
    SELECT refuse('hosts: cidr ' || ip_fault(NEW.cidr)) WHERE NEW.cidr <> '';
    SELECT refuse(printf('hosts: %s: mac ''%s'' is no MAC address: write aa:bb:cc:dd:ee:ff, or NULL', NEW.cidr, NEW.mac))
    WHERE NEW.mac <> '' AND mac_canonical(NEW.mac) IS NULL;
    SELECT refuse(printf('hosts: %s: %s ''%s'' is no time: write 2026-11-23 or 2026-11-23 10:00, UTC, or NULL',
                         coalesce(nullif(NEW.cidr, ''), NEW.mac), name, value))
    FROM (SELECT 'valid_from' AS name, NEW.valid_from AS value UNION ALL SELECT 'valid_until', NEW.valid_until)
    WHERE value <> '' AND NOT (value GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime(value) IS NOT NULL);
    UPDATE hosts
    SET cidr = ip_canonical(nullif(cidr, '')), mac = mac_canonical(nullif(mac, '')), name = nullif(name, ''),
        user = nullif(user, ''), user_group = nullif(user_group, ''), valid_from = datetime(nullif(valid_from, '')),
        valid_until = datetime(nullif(valid_until, ''))
    WHERE rowid = NEW.rowid
        AND (cidr IS NOT ip_canonical(cidr) OR mac IS NOT mac_canonical(mac) OR name = '' OR user = '' OR user_group = ''
             OR valid_from IS NOT datetime(valid_from) OR valid_until IS NOT datetime(valid_until));
    SELECT refuse(printf('hosts: %s: valid_until %s is not after valid_from %s: the row would never hold',
                         coalesce(cidr, mac), valid_until, valid_from))
    FROM hosts WHERE rowid = NEW.rowid AND valid_until <= valid_from;
    -- Of two owners of the same at one time neither is right.
    SELECT refuse(printf('hosts: %s: %s has it from %s until %s, and %s from %s until %s: let one end before the other begins',
                         coalesce(b.cidr, b.mac), coalesce(a.user, a.name, a.user_group, 'a row'),
                         coalesce(a.valid_from, 'ever'), coalesce(a.valid_until, 'ever'),
                         coalesce(b.user, b.name, b.user_group, 'another'),
                         coalesce(b.valid_from, 'ever'), coalesce(b.valid_until, 'ever')))
    FROM hosts b JOIN hosts a ON a.cidr = b.cidr
    WHERE b.rowid = NEW.rowid AND a.rowid <> b.rowid
        AND coalesce(a.valid_from < b.valid_until, 1) AND coalesce(b.valid_from < a.valid_until, 1)
    UNION ALL
    SELECT refuse(printf('hosts: %s: %s has it from %s until %s, and %s from %s until %s: let one end before the other begins',
                         b.mac, coalesce(a.user, a.name, a.user_group, 'a row'),
                         coalesce(a.valid_from, 'ever'), coalesce(a.valid_until, 'ever'),
                         coalesce(b.user, b.name, b.user_group, 'another'),
                         coalesce(b.valid_from, 'ever'), coalesce(b.valid_until, 'ever')))
    FROM hosts b JOIN hosts a ON a.mac = b.mac
    WHERE b.rowid = NEW.rowid AND a.rowid <> b.rowid AND a.cidr IS NULL AND b.cidr IS NULL
        AND coalesce(a.valid_from < b.valid_until, 1) AND coalesce(b.valid_from < a.valid_until, 1);
END;

DROP TRIGGER IF EXISTS host_addresses_insert;
DROP TRIGGER IF EXISTS host_addresses_update;
CREATE TRIGGER host_addresses_insert AFTER INSERT ON host_addresses BEGIN
    UPDATE host_addresses SET ip = ip WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER host_addresses_update AFTER UPDATE ON host_addresses BEGIN
    SELECT refuse(printf('host_addresses: ip ''%s'' is no address: write 192.0.2.1 or 2001:db8::1', NEW.ip))
    WHERE ip_version(NEW.ip) IS NULL;
    SELECT refuse(printf('host_addresses: %s: mac ''%s'' is no MAC address: write aa:bb:cc:dd:ee:ff', NEW.ip, NEW.mac))
    WHERE mac_canonical(NEW.mac) IS NULL;
    SELECT refuse(printf('host_addresses: %s: %s ''%s'' is no time: write 2026-11-23 or 2026-11-23 10:00, UTC, or NULL', NEW.ip, name, value))
    FROM (SELECT 'valid_from' AS name, NEW.valid_from AS value UNION ALL SELECT 'valid_until', NEW.valid_until)
    WHERE value <> '' AND NOT (value GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime(value) IS NOT NULL);
    UPDATE host_addresses
    SET ip = ip_canonical(ip), mac = mac_canonical(mac), valid_from = datetime(nullif(valid_from, '')),
        valid_until = datetime(nullif(valid_until, '')), learned = coalesce(nullif(learned, ''), 0)
    WHERE rowid = NEW.rowid
        AND (ip <> ip_canonical(ip) OR mac <> mac_canonical(mac) OR valid_from IS NOT datetime(valid_from)
             OR valid_until IS NOT datetime(valid_until) OR learned = '');
    SELECT refuse(printf('host_addresses: %s: valid_until %s is not after valid_from %s: the row would never hold', ip, valid_until, valid_from))
    FROM host_addresses WHERE rowid = NEW.rowid AND valid_until <= valid_from;
    SELECT refuse(printf('host_addresses: %s: %s has it from %s until %s, and %s from %s until %s: let one end before the other begins',
                         b.ip, a.mac, coalesce(a.valid_from, 'ever'), coalesce(a.valid_until, 'ever'),
                         b.mac, coalesce(b.valid_from, 'ever'), coalesce(b.valid_until, 'ever')))
    FROM host_addresses AS b JOIN host_addresses AS a ON a.ip = b.ip AND a.learned = b.learned
    WHERE b.rowid = NEW.rowid AND a.rowid <> b.rowid
        AND coalesce(a.valid_from < b.valid_until, 1) AND coalesce(b.valid_from < a.valid_until, 1);
END;

DROP TRIGGER IF EXISTS services_insert;
DROP TRIGGER IF EXISTS services_update;
CREATE TRIGGER services_insert AFTER INSERT ON services BEGIN
    UPDATE services SET proto = proto WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER services_update AFTER UPDATE ON services BEGIN
    SELECT refuse(printf('services: proto ''%s'' is no protocol: write 6 or tcp', NEW.proto))
    WHERE coalesce(proto_num(NEW.proto), -1) NOT BETWEEN 0 AND 255;
    SELECT refuse(printf('services: %s: ports ''%s'' to ''%s'' are none: write 0 to 65535, the lower one first, or NULL for both',
                         NEW.proto, NEW.port_from, NEW.port_to))
    WHERE NOT coalesce(coalesce(NEW.port_from, '') = '' AND coalesce(NEW.port_to, '') = ''
        OR typeof(NEW.port_from) = 'integer' AND NEW.port_from BETWEEN 0 AND 65535
            AND (coalesce(NEW.port_to, '') = '' OR typeof(NEW.port_to) = 'integer' AND NEW.port_to BETWEEN NEW.port_from AND 65535), 0);
    SELECT refuse(printf('services: %s: application is empty: write its name', NEW.proto)) WHERE NEW.application = '';
    UPDATE services
    SET proto = proto_num(proto), port_from = nullif(port_from, ''),
        port_to = coalesce(nullif(port_to, ''), nullif(port_from, '')), category = nullif(category, '')
    WHERE rowid = NEW.rowid
        AND (proto IS NOT proto_num(proto) OR port_from = '' OR port_to = '' OR port_to IS NULL AND port_from IS NOT NULL
             OR category = '');
    SELECT refuse(printf('services: %s %s to %s is %s, and %s to %s is %s: let one lie in the other, or neither',
                         proto_name(b.proto), coalesce(a.port_from, 0), coalesce(a.port_to, 65535), a.application,
                         coalesce(b.port_from, 0), coalesce(b.port_to, 65535), b.application))
    FROM services b JOIN services a ON a.proto = b.proto
    WHERE b.rowid = NEW.rowid AND a.rowid <> b.rowid
        AND (a.port_from IS b.port_from AND a.port_to IS b.port_to
            OR a.port_from < b.port_from AND b.port_from <= a.port_to AND a.port_to < b.port_to
            OR b.port_from < a.port_from AND a.port_from <= b.port_to AND b.port_to < a.port_to);
END;

DROP TRIGGER IF EXISTS interfaces_insert;
DROP TRIGGER IF EXISTS interfaces_update;
CREATE TRIGGER interfaces_insert AFTER INSERT ON interfaces BEGIN
    UPDATE interfaces SET exporter = exporter WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER interfaces_update AFTER UPDATE ON interfaces BEGIN
    SELECT refuse(printf('interfaces: exporter ''%s'' is no address: write 192.0.2.1 or 2001:db8::1', NEW.exporter))
    WHERE ip_version(NEW.exporter) IS NULL;
    SELECT refuse(printf('interfaces: %s: ifindex ''%s'' is none: write 0 to 4294967295', NEW.exporter, NEW.ifindex))
    WHERE NOT (typeof(NEW.ifindex) = 'integer' AND NEW.ifindex BETWEEN 0 AND 4294967295);
    SELECT refuse(printf('interfaces: %s: %s: role ''%s'' is none: write inside, outside or transit', NEW.exporter, NEW.ifindex, NEW.role))
    WHERE NEW.role NOT IN ('inside', 'outside', 'transit');
    UPDATE interfaces SET exporter = ip_canonical(exporter), name = nullif(name, '')
    WHERE rowid = NEW.rowid AND (exporter <> ip_canonical(exporter) OR name = '');
END;

DROP TRIGGER IF EXISTS tariffs_insert;
DROP TRIGGER IF EXISTS tariffs_update;
CREATE TRIGGER tariffs_insert AFTER INSERT ON tariffs BEGIN
    UPDATE tariffs SET zone = zone WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER tariffs_update AFTER UPDATE ON tariffs BEGIN
    SELECT refuse(printf('tariffs: zone ''%s'' is none: write local, domestic, international, or one that networks has', NEW.zone))
    WHERE NEW.zone NOT IN known_zones;
    SELECT refuse(printf('tariffs: %s: direction ''%s'' is none: write in or out', NEW.zone, NEW.direction))
    WHERE NEW.direction NOT IN ('in', 'out');
    SELECT refuse(printf('tariffs: %s %s: weekdays ''%s'' are none: write their numbers, 12345 for Monday to Friday', NEW.zone, NEW.direction, NEW.weekdays))
    WHERE NEW.weekdays GLOB '*[^1-7]*';
    SELECT refuse(printf('tariffs: %s %s: hours ''%s'' to ''%s'': write 0 to 24, the earlier one first; a night is two rows', NEW.zone, NEW.direction, NEW.hour_from, NEW.hour_until))
    WHERE NOT (coalesce(nullif(NEW.hour_from, ''), 0) IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
        AND coalesce(nullif(NEW.hour_until, ''), 24) IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24)
        AND coalesce(nullif(NEW.hour_from, ''), 0) < coalesce(nullif(NEW.hour_until, ''), 24));
    SELECT refuse(printf('tariffs: %s %s: price ''%s'': write a number of 0 or more', NEW.zone, NEW.direction, NEW.price))
    WHERE NOT (typeof(NEW.price) = 'real' AND NEW.price >= 0 AND NEW.price < 9e999);
    SELECT refuse(printf('tariffs: %s %s: per ''%s'': write octets, 1000000000 for a gigabyte', NEW.zone, NEW.direction, NEW.per))
    WHERE NEW.per <> '' AND NOT (typeof(NEW.per) = 'integer' AND NEW.per > 0);
    SELECT refuse(printf('tariffs: %s %s: included ''%s'': write octets a month, 0 for none', NEW.zone, NEW.direction, NEW.included))
    WHERE NEW.included <> '' AND NOT (typeof(NEW.included) = 'integer' AND NEW.included >= 0);
    SELECT refuse(printf('tariffs: %s %s: currency is empty: write one, as in EUR', NEW.zone, NEW.direction))
    WHERE NEW.currency = '';
    SELECT refuse(printf('tariffs: %s %s: %s ''%s'' is no time: write 2026-11-23 or 2026-11-23 10:00, UTC, or NULL', NEW.zone, NEW.direction, name, value))
    FROM (SELECT 'valid_from' AS name, NEW.valid_from AS value UNION ALL SELECT 'valid_until', NEW.valid_until)
    WHERE value <> '' AND NOT (value GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime(value) IS NOT NULL);
    UPDATE tariffs
    SET user_group = nullif(user_group, ''), weekdays = coalesce(nullif(weekdays, ''), '1234567'),
        hour_from = coalesce(nullif(hour_from, ''), 0), hour_until = coalesce(nullif(hour_until, ''), 24),
        per = coalesce(nullif(per, ''), 1000000000), included = coalesce(nullif(included, ''), 0),
        valid_from = datetime(nullif(valid_from, '')), valid_until = datetime(nullif(valid_until, ''))
    WHERE rowid = NEW.rowid
        AND (user_group = '' OR weekdays = '' OR hour_from = '' OR hour_until = '' OR per = '' OR included = ''
             OR valid_from IS NOT datetime(valid_from) OR valid_until IS NOT datetime(valid_until));
    SELECT refuse(printf('tariffs: %s %s: valid_until %s is not after valid_from %s: the row would never hold', zone, direction, valid_until, valid_from))
    FROM tariffs WHERE rowid = NEW.rowid AND valid_until <= valid_from;
    SELECT refuse(printf('tariffs: %s %s of %s: days %s from %d to %d (price %s) and days %s from %d to %d (price %s) overlap: let one end before the other begins',
                         b.zone, b.direction, coalesce('group ' || b.user_group, 'all groups'),
                         a.weekdays, a.hour_from, a.hour_until, a.price, b.weekdays, b.hour_from, b.hour_until, b.price))
    FROM tariffs b JOIN tariffs a ON a.zone = b.zone AND a.direction = b.direction AND a.user_group IS b.user_group
    WHERE b.rowid = NEW.rowid AND a.rowid <> b.rowid
        AND a.weekdays GLOB '*[' || b.weekdays || ']*' AND a.hour_from < b.hour_until AND b.hour_from < a.hour_until
        AND coalesce(a.valid_from < b.valid_until, 1) AND coalesce(b.valid_from < a.valid_until, 1);
    INSERT INTO usage_hour
    SELECT hour_from FROM tariffs WHERE rowid = NEW.rowid UNION SELECT hour_until FROM tariffs WHERE rowid = NEW.rowid AND hour_until < 24
    EXCEPT SELECT hour FROM usage_hour;
    INSERT INTO usage_era
    SELECT valid_from FROM tariffs WHERE rowid = NEW.rowid AND valid_from <> '' UNION SELECT valid_until FROM tariffs WHERE rowid = NEW.rowid AND valid_until <> ''
    EXCEPT SELECT era FROM usage_era;
END;

DROP TRIGGER IF EXISTS quotas_insert;
DROP TRIGGER IF EXISTS quotas_update;
CREATE TRIGGER quotas_insert AFTER INSERT ON quotas BEGIN
    UPDATE quotas SET kind = kind WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER quotas_update AFTER UPDATE ON quotas BEGIN
    SELECT refuse(printf('quotas: kind ''%s'' is none: write user, group or host', NEW.kind))
    WHERE NEW.kind NOT IN ('user', 'group', 'host');
    SELECT refuse(printf('quotas: %s ''%s'': write its name; of a host its address', NEW.kind, NEW.name))
    WHERE NEW.name = '' OR NEW.kind = 'host' AND ip_version(NEW.name) IS NULL;
    SELECT refuse(printf('quotas: %s %s: period ''%s'' is none: write day, week or month', NEW.kind, NEW.name, NEW.period))
    WHERE NEW.period NOT IN ('day', 'week', 'month');
    SELECT refuse(printf('quotas: %s %s: octets ''%s'': write a whole number of 0 or more', NEW.kind, NEW.name, NEW.octets))
    WHERE NOT (typeof(NEW.octets) = 'integer' AND NEW.octets >= 0);
    SELECT refuse(printf('quotas: %s %s: warn_at ''%s'': write percent, 1 to 100', NEW.kind, NEW.name, NEW.warn_at))
    WHERE NEW.warn_at <> '' AND NOT (typeof(NEW.warn_at) = 'integer' AND NEW.warn_at BETWEEN 1 AND 100);
    UPDATE quotas
    SET name = CASE kind WHEN 'host' THEN ip_canonical(name) ELSE name END, warn_at = coalesce(nullif(warn_at, ''), 80)
    WHERE rowid = NEW.rowid AND (warn_at = '' OR kind = 'host' AND name <> ip_canonical(name));
END;

DROP TRIGGER IF EXISTS sampling_overrides_insert;
DROP TRIGGER IF EXISTS sampling_overrides_update;
CREATE TRIGGER sampling_overrides_insert AFTER INSERT ON sampling_overrides BEGIN
    UPDATE sampling_overrides SET exporter = exporter WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER sampling_overrides_update AFTER UPDATE ON sampling_overrides BEGIN
    SELECT refuse('sampling_overrides: exporter ' || ip_fault(NEW.exporter)) WHERE NEW.exporter <> '';
    SELECT refuse(printf('sampling_overrides: rate ''%s'' is none: write a whole number from 1 on', NEW.rate))
    WHERE NOT (typeof(NEW.rate) = 'integer' AND NEW.rate >= 1);
    SELECT refuse(printf('sampling_overrides: %s ''%s'' is no time: write 2026-11-23 or 2026-11-23 10:00, UTC, or NULL', name, value))
    FROM (SELECT 'since' AS name, NEW.since AS value UNION ALL SELECT 'until', NEW.until)
    WHERE value <> '' AND NOT (value GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime(value) IS NOT NULL);
    UPDATE sampling_overrides
    SET exporter = ip_canonical(nullif(exporter, '')), since = datetime(nullif(since, '')), until = datetime(nullif(until, ''))
    WHERE rowid = NEW.rowid
        AND (exporter IS NOT ip_canonical(exporter) OR since IS NOT datetime(since) OR until IS NOT datetime(until));
END;

DROP TRIGGER IF EXISTS events_insert;
DROP TRIGGER IF EXISTS events_update;
CREATE TRIGGER events_insert AFTER INSERT ON events BEGIN
    UPDATE events SET time = time WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER events_update AFTER UPDATE ON events BEGIN
    SELECT refuse(printf('events: %s ''%s'' is no time: write 2026-11-23 or 2026-11-23 10:00, UTC', name, value))
    FROM (SELECT 'time' AS name, NEW.time AS value UNION ALL SELECT 'until', nullif(NEW.until, ''))
    WHERE value IS NOT NULL AND NOT (value GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime(value) IS NOT NULL);
    SELECT refuse(printf('events: %s: text is empty: write what happened', NEW.time)) WHERE NEW.text = '';
    SELECT refuse(printf('events: %s: until %s is before it', NEW.time, NEW.until))
    WHERE NEW.until <> '' AND datetime(NEW.until) < datetime(NEW.time);
    UPDATE events SET time = datetime(time), until = datetime(nullif(until, ''))
    WHERE rowid = NEW.rowid AND (time IS NOT datetime(time) OR until IS NOT datetime(until));
END;

-- ---- what has changed ---------------------------------------------------------------------------------------------
--
-- The SQL functions keep what they have read of a table as long as its token is the same.

CREATE TABLE IF NOT EXISTS site_changes (
    name  TEXT NOT NULL PRIMARY KEY,
    token BLOB NOT NULL
) WITHOUT ROWID;
INSERT OR REPLACE INTO site_changes VALUES ('networks', randomblob(16));
INSERT OR REPLACE INTO site_changes VALUES ('hosts', randomblob(16));
INSERT OR REPLACE INTO site_changes VALUES ('services', randomblob(16));

DROP TRIGGER IF EXISTS networks_changes_insert;
CREATE TRIGGER networks_changes_insert AFTER INSERT ON networks BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'networks';
END;
DROP TRIGGER IF EXISTS networks_changes_update;
CREATE TRIGGER networks_changes_update AFTER UPDATE ON networks BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'networks';
END;
DROP TRIGGER IF EXISTS networks_changes_delete;
CREATE TRIGGER networks_changes_delete AFTER DELETE ON networks BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'networks';
END;
DROP TRIGGER IF EXISTS hosts_changes_insert;
CREATE TRIGGER hosts_changes_insert AFTER INSERT ON hosts BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'hosts';
END;
DROP TRIGGER IF EXISTS hosts_changes_update;
CREATE TRIGGER hosts_changes_update AFTER UPDATE ON hosts BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'hosts';
END;
DROP TRIGGER IF EXISTS hosts_changes_delete;
CREATE TRIGGER hosts_changes_delete AFTER DELETE ON hosts BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'hosts';
END;
DROP TRIGGER IF EXISTS host_addresses_changes_insert;
CREATE TRIGGER host_addresses_changes_insert AFTER INSERT ON host_addresses BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'hosts';
END;
DROP TRIGGER IF EXISTS host_addresses_changes_update;
CREATE TRIGGER host_addresses_changes_update AFTER UPDATE ON host_addresses BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'hosts';
END;
DROP TRIGGER IF EXISTS host_addresses_changes_delete;
CREATE TRIGGER host_addresses_changes_delete AFTER DELETE ON host_addresses BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'hosts';
END;
DROP TRIGGER IF EXISTS services_changes_insert;
CREATE TRIGGER services_changes_insert AFTER INSERT ON services BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'services';
END;
DROP TRIGGER IF EXISTS services_changes_update;
CREATE TRIGGER services_changes_update AFTER UPDATE ON services BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'services';
END;
DROP TRIGGER IF EXISTS services_changes_delete;
CREATE TRIGGER services_changes_delete AFTER DELETE ON services BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'services';
END;

-- The tables of flowvt, of the store that settings has.
CREATE VIRTUAL TABLE IF NOT EXISTS flows USING flows;
CREATE VIRTUAL TABLE IF NOT EXISTS traffic USING traffic;
CREATE VIRTUAL TABLE IF NOT EXISTS endpoints USING endpoints;
CREATE VIRTUAL TABLE IF NOT EXISTS flows_csv USING flows_csv;
CREATE VIRTUAL TABLE IF NOT EXISTS flows_ndjson USING flows_ndjson;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_files USING flow_files;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_exporters USING flow_exporters;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_sockets USING flow_sockets;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_interfaces USING flow_interfaces;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_options USING flow_options;
CREATE VIRTUAL TABLE IF NOT EXISTS if_counters USING if_counters;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_stat USING flow_stat;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_delays USING flow_delays;

-- Usage: what each local address sent and received, kept when its flows are gone. `flowreport update`
-- (queries/update/usage.sql) fills it from the flows that have come since; a row is what the flows that were received
-- in one hour (recv) brought of one period. Views make days and months of it.
CREATE TABLE IF NOT EXISTS usage (
    period      TEXT NOT NULL,            -- its begin; hours, or quarters of them where local midnight needs it
    recv        TEXT NOT NULL,
    host        TEXT NOT NULL,            -- the local address
    user        TEXT NOT NULL DEFAULT '', -- of hosts, at that time; '' for nobody
    user_group  TEXT NOT NULL DEFAULT '',
    zone        TEXT NOT NULL,            -- of the peer; local: within the site
    application TEXT NOT NULL DEFAULT '',
    octets_in   INTEGER NOT NULL,         -- received by the host
    octets_out  INTEGER NOT NULL,
    packets_in  INTEGER NOT NULL,
    packets_out INTEGER NOT NULL,
    flows_in    INTEGER NOT NULL,         -- a flow counts in the period in which it begins
    flows_out   INTEGER NOT NULL,
    PRIMARY KEY (period, recv, host, user, user_group, zone, application)
) WITHOUT ROWID;

-- Usage by parts of the site's local days, without the application: what bills, quotas and the like read, since it is less by
-- far. Triggers keep it with usage, whoever writes that (but not by INSERT OR REPLACE, which tells them nothing of what it
-- replaces, without PRAGMA recursive_triggers). A day has as many parts as it takes for all of each to have the same
-- tariffs: they begin at midnight and at the hours at which some tariff begins or ends, and where one begins or ends for good
-- (era, the last such time before it).
CREATE TABLE IF NOT EXISTS usage_total (
    day        TEXT NOT NULL,            -- 2026-11-23
    hour       INTEGER NOT NULL,         -- of usage_hour
    era        TEXT NOT NULL,            -- of usage_era
    host       TEXT NOT NULL,
    user       TEXT NOT NULL,
    user_group TEXT NOT NULL,
    zone       TEXT NOT NULL,
    rows       INTEGER NOT NULL,         -- so many of usage
    octets_in  INTEGER NOT NULL,
    octets_out INTEGER NOT NULL,
    flows_in   INTEGER NOT NULL,
    flows_out  INTEGER NOT NULL,
    PRIMARY KEY (day, hour, era, host, user, user_group, zone)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage_hour (hour INTEGER PRIMARY KEY);          -- local
CREATE TABLE IF NOT EXISTS usage_era (era TEXT PRIMARY KEY) WITHOUT ROWID; -- UTC; '' before the first

-- Usage, with the part of the day in which its periods begin.
DROP VIEW IF EXISTS usage_part;
CREATE VIEW usage_part AS
SELECT substr(local, 1, 10) AS day,
       (SELECT max(h.hour) FROM usage_hour AS h WHERE h.hour <= CAST(substr(local, 12, 2) AS INTEGER)) AS hour,
       (SELECT max(e.era) FROM usage_era AS e WHERE e.era <= period) AS era, *
FROM (SELECT local_time(period, (SELECT value FROM settings WHERE name = 'timezone')) AS local, * FROM usage);

DROP TRIGGER IF EXISTS usage_total_insert;
CREATE TRIGGER usage_total_insert AFTER INSERT ON usage BEGIN
    INSERT INTO usage_total
    SELECT day, hour, era, host, user, user_group, zone, 1, octets_in, octets_out, flows_in, flows_out
    FROM usage_part
    WHERE (period, recv, host, user, user_group, zone, application)
        = (NEW.period, NEW.recv, NEW.host, NEW.user, NEW.user_group, NEW.zone, NEW.application)
    ON CONFLICT DO UPDATE SET
        rows = rows + excluded.rows, octets_in = octets_in + excluded.octets_in, octets_out = octets_out + excluded.octets_out,
        flows_in = flows_in + excluded.flows_in, flows_out = flows_out + excluded.flows_out;
END;
DROP TRIGGER IF EXISTS usage_total_delete;
CREATE TRIGGER usage_total_delete BEFORE DELETE ON usage BEGIN
    INSERT INTO usage_total
    SELECT day, hour, era, host, user, user_group, zone, -1, -octets_in, -octets_out, -flows_in, -flows_out
    FROM usage_part
    WHERE (period, recv, host, user, user_group, zone, application)
        = (OLD.period, OLD.recv, OLD.host, OLD.user, OLD.user_group, OLD.zone, OLD.application)
    ON CONFLICT DO UPDATE SET
        rows = rows + excluded.rows, octets_in = octets_in + excluded.octets_in, octets_out = octets_out + excluded.octets_out,
        flows_in = flows_in + excluded.flows_in, flows_out = flows_out + excluded.flows_out;
END;
DROP TRIGGER IF EXISTS usage_total_before;
CREATE TRIGGER usage_total_before BEFORE UPDATE ON usage BEGIN
    INSERT INTO usage_total
    SELECT day, hour, era, host, user, user_group, zone, -1, -octets_in, -octets_out, -flows_in, -flows_out
    FROM usage_part
    WHERE (period, recv, host, user, user_group, zone, application)
        = (OLD.period, OLD.recv, OLD.host, OLD.user, OLD.user_group, OLD.zone, OLD.application)
    ON CONFLICT DO UPDATE SET
        rows = rows + excluded.rows, octets_in = octets_in + excluded.octets_in, octets_out = octets_out + excluded.octets_out,
        flows_in = flows_in + excluded.flows_in, flows_out = flows_out + excluded.flows_out;
END;
DROP TRIGGER IF EXISTS usage_total_after;
CREATE TRIGGER usage_total_after AFTER UPDATE ON usage BEGIN
    INSERT INTO usage_total
    SELECT day, hour, era, host, user, user_group, zone, 1, octets_in, octets_out, flows_in, flows_out
    FROM usage_part
    WHERE (period, recv, host, user, user_group, zone, application)
        = (NEW.period, NEW.recv, NEW.host, NEW.user, NEW.user_group, NEW.zone, NEW.application)
    ON CONFLICT DO UPDATE SET
        rows = rows + excluded.rows, octets_in = octets_in + excluded.octets_in, octets_out = octets_out + excluded.octets_out,
        flows_in = flows_in + excluded.flows_in, flows_out = flows_out + excluded.flows_out;
END;
DROP TRIGGER IF EXISTS usage_total_none;
CREATE TRIGGER usage_total_none AFTER UPDATE ON usage_total WHEN NEW.rows = 0 BEGIN
    DELETE FROM usage_total
    WHERE (day, hour, era, host, user, user_group, zone) = (NEW.day, NEW.hour, NEW.era, NEW.host, NEW.user, NEW.user_group, NEW.zone);
END;

-- All of it is made anew when days get other parts, or the site another time zone. What was once begun by a tariff that has
-- gone stays: more parts than it takes do no harm.
INSERT INTO usage_hour
SELECT 0 UNION SELECT hour_from FROM tariffs UNION SELECT hour_until FROM tariffs WHERE hour_until < 24 EXCEPT SELECT hour FROM usage_hour;
INSERT INTO usage_era
SELECT '' UNION SELECT valid_from FROM tariffs WHERE valid_from <> '' UNION SELECT valid_until FROM tariffs WHERE valid_until <> ''
EXCEPT SELECT era FROM usage_era;
INSERT OR REPLACE INTO site_changes VALUES ('usage_total', randomblob(16));
DROP TRIGGER IF EXISTS usage_total_anew;
CREATE TRIGGER usage_total_anew AFTER UPDATE ON site_changes WHEN NEW.name = 'usage_total' BEGIN
    DELETE FROM usage_total;
    INSERT INTO usage_total
    SELECT day, hour, era, host, user, user_group, zone, count(*), sum(octets_in), sum(octets_out), sum(flows_in), sum(flows_out)
    FROM usage_part
    GROUP BY day, hour, era, host, user, user_group, zone;
END;
UPDATE site_changes SET token = randomblob(16) WHERE name = 'usage_total' AND (SELECT user_version FROM pragma_user_version) < 5;
DROP TRIGGER IF EXISTS usage_hour_insert;
CREATE TRIGGER usage_hour_insert AFTER INSERT ON usage_hour BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'usage_total';
END;
DROP TRIGGER IF EXISTS usage_era_insert;
CREATE TRIGGER usage_era_insert AFTER INSERT ON usage_era WHEN EXISTS (SELECT 1 FROM usage WHERE period >= NEW.era) BEGIN
    UPDATE site_changes SET token = randomblob(16) WHERE name = 'usage_total';
END;
-- What usage has of the flows received in an hour, up to the time until. When the store has more of these, the hour is
-- counted anew, unless some have gone from there.
CREATE TABLE IF NOT EXISTS usage_recv (
    recv         TEXT NOT NULL PRIMARY KEY,
    until        TEXT NOT NULL,
    flows        INTEGER NOT NULL,
    octets       INTEGER NOT NULL,
    first_period TEXT,                       -- in usage
    last_period  TEXT,
    gone         INTEGER NOT NULL DEFAULT 0, -- flows of them that the store has not any more
    uncounted    INTEGER NOT NULL DEFAULT 0  -- flows that came to it late after that
) WITHOUT ROWID;

-- The files of which all is in usage, as they were then.
CREATE TABLE IF NOT EXISTS usage_files (
    path       TEXT NOT NULL PRIMARY KEY,
    state      TEXT,
    rows       INTEGER,
    bytes      INTEGER,
    size       INTEGER,
    recv_first TEXT,
    recv_last  TEXT
) WITHOUT ROWID;

-- At other sampling rates all is looked at again, and what has other octets then is counted anew.
DROP TRIGGER IF EXISTS sampling_overrides_counted_insert;
CREATE TRIGGER sampling_overrides_counted_insert AFTER INSERT ON sampling_overrides BEGIN
    DELETE FROM usage_files;
END;
DROP TRIGGER IF EXISTS sampling_overrides_counted_update;
CREATE TRIGGER sampling_overrides_counted_update AFTER UPDATE ON sampling_overrides BEGIN
    DELETE FROM usage_files;
END;
DROP TRIGGER IF EXISTS sampling_overrides_counted_delete;
CREATE TRIGGER sampling_overrides_counted_delete AFTER DELETE ON sampling_overrides BEGIN
    DELETE FROM usage_files;
END;

-- Where several exporters see the same flows: which of them counts for the addresses of a network. The longest
-- prefix counts; addresses without one are counted as all exporters see them.
CREATE TABLE IF NOT EXISTS billing_exporters (
    cidr     TEXT NOT NULL PRIMARY KEY,
    exporter TEXT NOT NULL
);
DROP TRIGGER IF EXISTS billing_exporters_insert;
DROP TRIGGER IF EXISTS billing_exporters_update;
CREATE TRIGGER billing_exporters_insert AFTER INSERT ON billing_exporters BEGIN
    UPDATE billing_exporters SET cidr = cidr WHERE rowid = NEW.rowid;
END;
CREATE TRIGGER billing_exporters_update AFTER UPDATE ON billing_exporters BEGIN
    SELECT refuse('billing_exporters: cidr ' || ip_fault(NEW.cidr));
    SELECT refuse(printf('billing_exporters: %s: exporter ''%s'' is no address: write 192.0.2.1 or 2001:db8::1', NEW.cidr, NEW.exporter))
    WHERE ip_version(NEW.exporter) IS NULL;
    UPDATE billing_exporters SET cidr = ip_canonical(cidr), exporter = ip_canonical(exporter)
    WHERE rowid = NEW.rowid AND (cidr <> ip_canonical(cidr) OR exporter <> ip_canonical(exporter));
END;

-- Which traffic is accounted for, from either of two points of view. Both have an address of zone local at one end,
-- host; what it exchanges with others of zone local has zone local, and is there once for each of them. The columns from
-- proto on are for the steps from a bill to its flows (bill-peers.sql and those behind it); usage has none of them.
--
-- By networks: all flows that come from or go to a local address.
DROP VIEW IF EXISTS billable_by_network;
CREATE VIEW billable_by_network AS
SELECT since, until, filter, store, bucket, time, exporter,
       ip AS host, peerzone AS zone, application,
       bytes_in AS octets_in, bytes_out AS octets_out, packets_in, packets_out, flows_in, flows_out,
       proto, port, peerip AS peer, peerport, lowport, first, last, endnet, peernet
FROM endpoints
WHERE zone = 'local' AND billing = 1;

-- By interfaces: what comes in or goes out by an interface whose role is outside. What several exporters see, or
-- one sees twice, crosses such an interface once. What passes a transit interface, between routers of the site, is
-- counted where it leaves.
DROP VIEW IF EXISTS billable_by_interface;
CREATE VIEW billable_by_interface AS
SELECT since, until, filter, store, bucket, time, e.exporter,
       ip AS host, peerzone AS zone, application,
       iif(i.role = 'outside', bytes_in, 0) AS octets_in, iif(o.role = 'outside', bytes_out, 0) AS octets_out,
       iif(i.role = 'outside', packets_in, 0) AS packets_in, iif(o.role = 'outside', packets_out, 0) AS packets_out,
       iif(i.role = 'outside', flows_in, 0) AS flows_in, iif(o.role = 'outside', flows_out, 0) AS flows_out,
       proto, port, peerip AS peer, peerport, lowport, first, last, endnet, peernet
FROM endpoints AS e
LEFT JOIN interfaces AS i ON i.exporter = e.exporter AND i.ifindex = e.inif
LEFT JOIN interfaces AS o ON o.exporter = e.exporter AND o.ifindex = e.outif
WHERE zone = 'local' AND 'outside' IN (i.role, o.role);

-- This is what usage counts: a site that wants it otherwise drops this view and makes its own.
CREATE VIEW IF NOT EXISTS billable AS SELECT * FROM billable_by_network;

-- Usage by the site's local days and months, with the time of UTC at which they begin left to utc_time().
CREATE VIEW IF NOT EXISTS usage_day AS
SELECT substr(local_time(period, (SELECT value FROM settings WHERE name = 'timezone')), 1, 10) AS day,
       host, user, user_group, zone, application,
       sum(octets_in) AS octets_in, sum(octets_out) AS octets_out,
       sum(packets_in) AS packets_in, sum(packets_out) AS packets_out,
       sum(flows_in) AS flows_in, sum(flows_out) AS flows_out
FROM usage
GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW IF NOT EXISTS usage_month AS
SELECT substr(local_time(period, (SELECT value FROM settings WHERE name = 'timezone')), 1, 7) AS month,
       host, user, user_group, zone, application,
       sum(octets_in) AS octets_in, sum(octets_out) AS octets_out,
       sum(packets_in) AS packets_in, sum(packets_out) AS packets_out,
       sum(flows_in) AS flows_in, sum(flows_out) AS flows_out
FROM usage
GROUP BY 1, 2, 3, 4, 5, 6;

-- Whose local time the site has; UTC where it is NULL.
DROP VIEW IF EXISTS site_timezone;
CREATE VIEW site_timezone AS SELECT max(value) AS timezone FROM settings WHERE name = 'timezone';

-- Which zones, users and groups there are. Usage has those who were there once, too.
DROP VIEW IF EXISTS known_zones;
CREATE VIEW known_zones AS
SELECT column1 AS zone FROM (VALUES ('local'), ('domestic'), ('international'))
UNION SELECT zone FROM networks WHERE zone IS NOT NULL;
DROP VIEW IF EXISTS known_users;
CREATE VIEW known_users AS SELECT user FROM hosts WHERE user IS NOT NULL UNION ALL SELECT user FROM usage_total WHERE user <> '';
DROP VIEW IF EXISTS known_groups;
CREATE VIEW known_groups AS
SELECT user_group FROM hosts WHERE user_group IS NOT NULL UNION ALL SELECT user_group FROM usage_total WHERE user_group <> '';

-- How long the periods of usage are in a year, in seconds: hours, or what of them local midnights need.
DROP VIEW IF EXISTS usage_step;
CREATE VIEW usage_step AS
WITH RECURSIVE month(first) AS (
    VALUES ('1990-01-01') UNION ALL SELECT date(first, '+1 month') FROM month WHERE first < '2089-12-01'),
local(year, minute) AS (
    SELECT substr(first, 1, 4),
           CAST(substr(local_time(first, (SELECT value FROM settings WHERE name = 'timezone')), 15, 2) AS INTEGER) FROM month)
SELECT year, CASE WHEN max(minute % 30) > 0 THEN 900 WHEN max(minute) > 0 THEN 1800 ELSE 3600 END AS seconds
FROM local
GROUP BY year;

-- What each customer owes for a month, a line for each zone, direction and tariff: bill.sql says what is in it. No more of
-- usage is read than that of one month where the statement says WHERE month = '2026-11', or ago = 1, which is the month
-- before the one that is running.
--
-- Of included, tariffs that are for the same zone, direction and group of users, and have the same amount included, are one
-- tariff with several bands: each customer has it once a month, whatever the hour, and it is used up as time goes on, from one
-- hour at which some tariff begins or ends to the next. Those with different amounts have each their own.
DROP VIEW IF EXISTS bill_lines;
CREATE VIEW bill_lines AS
WITH RECURSIVE month(month) AS (
    SELECT substr(min(day), 1, 7) FROM usage_total HAVING count(*)
    UNION ALL
    SELECT substr(date(month || '-01', '+1 month'), 1, 7) FROM month WHERE month < (SELECT substr(max(day), 1, 7) FROM usage_total)),
day(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM day WHERE n < 30),
-- A part of a day (see usage_total): its class is all that tariffs ask of the time.
part AS (
    SELECT m.month, 12 * (substr(now, 1, 4) - substr(m.month, 1, 4)) + substr(now, 6, 2) - substr(m.month, 6, 2) AS ago,
           date(m.month || '-01', d.n || ' days') AS day, h.hour, e.era,
           strftime('%w', m.month || '-01', d.n || ' days') || ' ' || h.hour || ' ' || e.era AS class
    FROM month AS m, (SELECT local_time(strftime('%Y-%m-%d %H:%M:%S', 'now'), timezone) AS now FROM site_timezone)
    CROSS JOIN day AS d CROSS JOIN usage_hour AS h CROSS JOIN usage_era AS e
    WHERE date(m.month || '-01', d.n || ' days') < date(m.month || '-01', '+1 month')),
-- Which tariffs a group of users has in a zone, '' being all groups that have none of their own.
offer AS MATERIALIZED (
    SELECT (d.weekday % 7) || ' ' || h.hour || ' ' || e.era AS class, t.zone, t.direction, coalesce(t.user_group, '') AS user_group,
           t.rowid AS tariff, t.included
    FROM (SELECT column1 AS weekday FROM (VALUES (1), (2), (3), (4), (5), (6), (7))) AS d, usage_hour AS h, usage_era AS e JOIN tariffs AS t
    WHERE instr(t.weekdays, d.weekday) > 0 AND t.hour_from <= h.hour AND h.hour < t.hour_until
      AND coalesce(t.valid_from, '') <= e.era AND (t.valid_until IS NULL OR t.valid_until > e.era)),
choice AS MATERIALIZED (
    SELECT o.class, o.zone, g.user_group, max(o.included) > 0 AS some_included,
           coalesce(max(o.tariff) FILTER (WHERE o.direction = 'in' AND o.user_group <> ''), max(o.tariff) FILTER (WHERE o.direction = 'in')) AS tariff_in,
           coalesce(max(o.tariff) FILTER (WHERE o.direction = 'out' AND o.user_group <> ''), max(o.tariff) FILTER (WHERE o.direction = 'out')) AS tariff_out
    FROM (SELECT '' AS user_group UNION SELECT user_group FROM tariffs WHERE user_group <> '') AS g
    JOIN offer AS o ON o.user_group IN ('', g.user_group)
    GROUP BY o.class, o.zone, g.user_group),
-- When it was matters only where something is included.
volume AS (
    SELECT p.month, p.ago, iif(u.user = '', u.host, u.user) AS customer, u.user_group, u.zone, c.tariff_in, c.tariff_out,
           iif(c.some_included, p.day || printf(' %02d ', p.hour) || p.era, '') AS time,
           sum(u.octets_in) AS octets_in, sum(u.octets_out) AS octets_out
    FROM part AS p CROSS JOIN usage_total AS u
    LEFT JOIN choice AS c ON c.class = p.class AND c.zone = u.zone
                          AND c.user_group = iif(u.user_group IN (SELECT user_group FROM tariffs WHERE user_group <> ''), u.user_group, '')
    WHERE u.day = p.day AND u.hour = p.hour AND u.era = p.era
    GROUP BY customer, u.zone, u.user_group, iif(c.some_included, p.day || printf(' %02d ', p.hour) || p.era, ''),
             c.tariff_in, c.tariff_out, p.month, p.ago),
-- How much of a tariff's was used by then. (month and ago, which are the same for all, are compared last.)
taken AS (
    SELECT v.month, v.ago, v.customer, v.user_group, v.zone, d.direction, t.rowid AS tariff, t.included,
           iif(d.direction = 'in', v.octets_in, v.octets_out) AS octets,
           sum(iif(d.direction = 'in', v.octets_in, v.octets_out)) OVER (
               PARTITION BY v.customer, v.zone, d.direction, t.user_group, t.included, v.month, v.ago
               ORDER BY v.time, v.user_group ROWS UNBOUNDED PRECEDING) AS so_far
    FROM volume AS v CROSS JOIN (SELECT 'in' AS direction UNION ALL SELECT 'out') AS d
    LEFT JOIN tariffs AS t ON t.rowid = iif(d.direction = 'in', v.tariff_in, v.tariff_out)),
-- A window and not GROUP BY, since SQLite hands conditions on its partitions down.
line AS (
    SELECT month, ago, customer, user_group, zone, direction, tariff, sum(octets) OVER same AS octets,
           sum(max(min(octets, included - so_far + octets), 0)) OVER same AS included, row_number() OVER same AS n
    FROM taken
    WINDOW same AS (PARTITION BY customer, user_group, zone, direction, tariff, month, ago))
SELECT l.month, l.ago, l.customer, l.user_group, l.zone, l.direction,
       CASE WHEN t.rowid IS NULL THEN NULL
            WHEN t.weekdays = '1234567' AND t.hour_from = 0 AND t.hour_until = 24 THEN 'all'
            ELSE printf('%s %02d-%02d', t.weekdays, t.hour_from, t.hour_until) END AS band,
       l.octets, l.included, l.octets - l.included AS charged,
       round((l.octets - l.included) * t.price / t.per, 2) AS price, t.currency, t.price AS unit_price, t.per AS unit
FROM line AS l LEFT JOIN tariffs AS t ON t.rowid = l.tariff
WHERE l.n = 1 AND l.octets > 0 AND (l.zone <> 'local' OR t.rowid IS NOT NULL);

PRAGMA user_version = 5;
RELEASE site;
