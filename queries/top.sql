-- SPDX-License-Identifier: MIT
-- Which values of X have most?  (nfdump -s X/bytes -n 10)
--
--   :by      X, one of the elements below            default srcip
--   :order   bytes, packets, flows, pps, bps or bpp  default bytes
--   :n       how many, -1 for all                    default 10
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Elements have nfdump's names; :p behind a port tells protocols apart, dscp, icmp, ident and the like are
-- columns, and pairs are those of flow-stat:
--   srcip, dstip, srcport, dstport, srcport:p, dstport:p, proto, flags, tos, dsttos, dscp, dir,
--   srcas, dstas, prevas, nextas, inif, outif, srcmask, dstmask, srcnet, dstnet, srcvlan,
--   dstvlan, cvlan, insrcmac, outdstmac, indstmac, outsrcmac, nhip, nhbip, router, sysid, odid, opid,
--   enginetype, engineid, ident, ethertype, ipversion, minttl, maxttl, icmp, ivrf, evrf, event,
--   xevent, nat, natsrcip, natdstip, natsrcport, natdstport, user, app, nbar, endreason, sampling,
--   version, srcip+dstip, srcas+dstas, inif+outif, srcnet+dstnet, srcgeo, dstgeo, srcasn,
--   dstasn, srctag, dsttag, srctag+dsttag, srczone, dstzone, application, ip, port, port:p, as,
--   mask, vlan, mac, natip, natport, geo, asn, tag, zone, if
-- An empty element is what was not exported. Those with two ends (ip, port, as, if, mask, vlan, mac, ...)
-- count each flow once for either of them, also when both are the same; their percentages are of all ends,
-- which are twice the traffic, so that they never add up to more than 100.
--
-- Sample output (:by 'port:p', :n 5):
-- ┌───────────┬───────┬─────────┬─────────┬───────────┬─────────┬─────────┬──────┬──────────┬─────┬─────────────────────────┬─────────────────────────┐
-- │  element  │ flows │ flows % │ packets │ packets % │  bytes  │ bytes % │ pps  │   bps    │ bpp │       first_seen        │        last_seen        │
-- ├───────────┼───────┼─────────┼─────────┼───────────┼─────────┼─────────┼──────┼──────────┼─────┼─────────────────────────┼─────────────────────────┤
-- │ tcp/80    │ 836   │ 36.6    │ 8232    │ 27.8      │ 6633365 │ 35.7    │ 161  │ 1041181  │ 805 │ 2026-11-23 18:12:36.148 │ 2026-11-23 18:13:27.116 │
-- │ tcp/59744 │ 2     │ 0.1     │ 4263    │ 14.4      │ 4222021 │ 22.7    │ 3759 │ 29784980 │ 990 │ 2026-11-23 18:12:48.079 │ 2026-11-23 18:12:49.213 │
-- │ tcp/43702 │ 2     │ 0.1     │ 1201    │ 4.1       │ 1121416 │ 6.0     │ 1468 │ 10967393 │ 933 │ 2026-11-23 18:13:02.083 │ 2026-11-23 18:13:02.901 │
-- │ tcp/55238 │ 2     │ 0.1     │ 1257    │ 4.2       │ 1090854 │ 5.9     │ 4554 │ 31618956 │ 867 │ 2026-11-23 18:12:56.085 │ 2026-11-23 18:12:56.361 │
-- │ tcp/443   │ 30    │ 1.3     │ 1174    │ 4.0       │ 1076286 │ 5.8     │ 23   │ 174096   │ 916 │ 2026-11-23 18:12:36.118 │ 2026-11-23 18:13:25.575 │
-- └───────────┴───────┴─────────┴─────────┴───────────┴─────────┴─────────┴──────┴──────────┴─────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Of these arms one is read: which one it is holds for all its rows, and is known before them. What takes time is done
-- for the rows that are listed alone, and of elements with very many values the extension delivers no more than these. It adds ports
-- alone up faster than ports with their protocols.
WITH element(a, b, sides, flows, packets, bytes, first_ms, last_ms) AS (
    SELECT refuse('by: ' || :by || ': no such element: there are ' ||
             'srcip, dstip, srcport, dstport, srcport:p, dstport:p, proto, flags, tos, dsttos, ' ||
             'dscp, dir, srcas, dstas, prevas, nextas, inif, outif, srcmask, dstmask, srcnet, ' ||
             'dstnet, srcvlan, dstvlan, cvlan, insrcmac, outdstmac, indstmac, outsrcmac, nhip, ' ||
             'nhbip, router, sysid, odid, opid, enginetype, engineid, ident, ethertype, ipversion, minttl, ' ||
             'maxttl, icmp, ivrf, evrf, event, xevent, nat, natsrcip, natdstip, natsrcport, ' ||
             'natdstport, user, app, nbar, endreason, sampling, version, srcip+dstip, srcas+dstas, ' ||
             'inif+outif, srcnet+dstnet, srcgeo, dstgeo, srcasn, dstasn, srctag, dsttag, ' ||
             'srctag+dsttag, srczone, dstzone, application, ip, port, port:p, as, mask, vlan, mac, ' ||
             'natip, natport, geo, asn, tag, zone, if'), NULL, 1, 0, 0, 0, NULL, NULL
        WHERE :by NOT IN ('srcip', 'dstip', 'srcport', 'dstport', 'srcport:p', 'dstport:p', 'proto', 'flags', 'tos',
             'dsttos', 'dscp', 'dir', 'srcas', 'dstas', 'prevas', 'nextas', 'inif', 'outif', 'srcmask',
             'dstmask', 'srcnet', 'dstnet', 'srcvlan', 'dstvlan', 'cvlan', 'insrcmac', 'outdstmac',
             'indstmac', 'outsrcmac', 'nhip', 'nhbip', 'router', 'sysid', 'odid', 'opid', 'enginetype',
             'engineid', 'ident', 'ethertype', 'ipversion', 'minttl', 'maxttl', 'icmp', 'ivrf', 'evrf',
             'event', 'xevent', 'nat', 'natsrcip', 'natdstip', 'natsrcport', 'natdstport', 'user',
             'app', 'nbar', 'endreason', 'sampling', 'version', 'srcip+dstip', 'srcas+dstas', 'inif+outif',
             'srcnet+dstnet', 'srcgeo', 'dstgeo', 'srcasn', 'dstasn', 'srctag', 'dsttag',
             'srctag+dsttag', 'srczone', 'dstzone', 'application', 'ip', 'port', 'port:p', 'as',
             'mask', 'vlan', 'mac', 'natip', 'natport', 'geo', 'asn', 'tag', 'zone', 'if')
    UNION ALL SELECT * FROM (
        SELECT srcip, NULL, 1, flows, packets, bytes, first_ms, last_ms FROM traffic(:since, :until, :filter, :store)
        WHERE coalesce(:by, 'srcip') = 'srcip' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, srcip LIMIT coalesce(:n, 10))
    UNION ALL SELECT srcip, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE coalesce(:by, 'srcip') = 'srcip' AND :order <> 'bytes'
    UNION ALL SELECT * FROM (
        SELECT dstip, NULL, 1, flows, packets, bytes, first_ms, last_ms FROM traffic(:since, :until, :filter, :store)
        WHERE :by = 'dstip' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, dstip LIMIT coalesce(:n, 10))
    UNION ALL SELECT dstip, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstip' AND :order <> 'bytes'
    UNION ALL SELECT * FROM (
        SELECT srcport, NULL, 1, flows, packets, bytes, first_ms, last_ms FROM traffic(:since, :until, :filter, :store)
        WHERE :by = 'srcport' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, srcport LIMIT coalesce(:n, 10))
    UNION ALL SELECT srcport, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcport' AND :order <> 'bytes'
    UNION ALL SELECT * FROM (
        SELECT dstport, NULL, 1, flows, packets, bytes, first_ms, last_ms FROM traffic(:since, :until, :filter, :store)
        WHERE :by = 'dstport' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, dstport LIMIT coalesce(:n, 10))
    UNION ALL SELECT dstport, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstport' AND :order <> 'bytes'
    UNION ALL SELECT * FROM (
        SELECT 6, srcport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, filter_and(:filter, 'proto tcp'), :store)
        WHERE :by = 'srcport:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, srcport LIMIT coalesce(:n, 10))
    UNION ALL SELECT * FROM (
        SELECT 17, srcport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, filter_and(:filter, 'proto udp'), :store)
        WHERE :by = 'srcport:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, srcport LIMIT coalesce(:n, 10))
    UNION ALL SELECT * FROM (
        SELECT proto, srcport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, filter_and(:filter, 'not proto in [tcp udp]'), :store)
        WHERE :by = 'srcport:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, proto, srcport LIMIT coalesce(:n, 10))
    UNION ALL SELECT proto, srcport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcport:p' AND :order <> 'bytes'
    UNION ALL SELECT * FROM (
        SELECT 6, dstport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, filter_and(:filter, 'proto tcp'), :store)
        WHERE :by = 'dstport:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, dstport LIMIT coalesce(:n, 10))
    UNION ALL SELECT * FROM (
        SELECT 17, dstport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, filter_and(:filter, 'proto udp'), :store)
        WHERE :by = 'dstport:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, dstport LIMIT coalesce(:n, 10))
    UNION ALL SELECT * FROM (
        SELECT proto, dstport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, filter_and(:filter, 'not proto in [tcp udp]'), :store)
        WHERE :by = 'dstport:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, proto, dstport LIMIT coalesce(:n, 10))
    UNION ALL SELECT proto, dstport, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstport:p' AND :order <> 'bytes'
    UNION ALL SELECT proto_name(proto), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'proto' GROUP BY 1, 2
    UNION ALL SELECT tcp_flags(tcpflags), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'flags' GROUP BY 1, 2
    UNION ALL SELECT tos, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'tos'
    UNION ALL SELECT dsttos, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dsttos'
    UNION ALL SELECT tos >> 2, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dscp' GROUP BY 1, 2
    UNION ALL SELECT direction, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dir'
    UNION ALL SELECT srcas, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcas'
    UNION ALL SELECT dstas, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstas'
    UNION ALL SELECT prevas, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'prevas'
    UNION ALL SELECT nextas, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nextas'
    UNION ALL SELECT inif, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'inif'
    UNION ALL SELECT outif, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'outif'
    UNION ALL SELECT srcmask, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcmask'
    UNION ALL SELECT dstmask, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstmask'
    UNION ALL SELECT ip_net(srcip, srcmask, srcmask), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcnet' GROUP BY 1, 2
    UNION ALL SELECT ip_net(dstip, dstmask, dstmask), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstnet' GROUP BY 1, 2
    UNION ALL SELECT srcvlan, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcvlan'
    UNION ALL SELECT dstvlan, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstvlan'
    UNION ALL SELECT cvlan, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'cvlan'
    UNION ALL SELECT insrcmac, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'insrcmac'
    UNION ALL SELECT outdstmac, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'outdstmac'
    UNION ALL SELECT indstmac, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'indstmac'
    UNION ALL SELECT outsrcmac, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'outsrcmac'
    UNION ALL SELECT next, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nhip'
    UNION ALL SELECT bgpnext, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nhbip'
    UNION ALL SELECT exporter, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'router'
    UNION ALL SELECT e.sysid, NULL, 1, sum(t.flows), sum(t.packets), sum(t.bytes), min(t.first_ms), max(t.last_ms)
        FROM traffic(:since, :until, :filter, :store) AS t
        LEFT JOIN (SELECT DISTINCT exporter, odid, version, sysid FROM flow_exporters(NULL, NULL, :store) WHERE :by = 'sysid') AS e
        ON e.exporter IS t.exporter AND e.odid IS t.odid AND e.version IS t.version
        WHERE :by = 'sysid' GROUP BY 1, 2
    UNION ALL SELECT odid, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'odid'
    UNION ALL SELECT opid, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'opid' GROUP BY 1, 2
    UNION ALL SELECT enginetype, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'enginetype' GROUP BY 1, 2
    UNION ALL SELECT engineid, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'engineid' GROUP BY 1, 2
    UNION ALL SELECT ident, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ident' GROUP BY 1, 2
    UNION ALL SELECT printf('0x%04x', ethertype), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ethertype' GROUP BY 1, 2
    UNION ALL SELECT ipversion, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ipversion'
    UNION ALL SELECT minttl, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'minttl'
    UNION ALL SELECT maxttl, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'maxttl'
    UNION ALL SELECT icmptype || '.' || icmpcode, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'icmp' GROUP BY 1, 2
    UNION ALL SELECT ivrf, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ivrf' GROUP BY 1, 2
    UNION ALL SELECT evrf, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'evrf' GROUP BY 1, 2
    UNION ALL SELECT fwevent, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'event' GROUP BY 1, 2
    UNION ALL SELECT fwxevent, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'xevent' GROUP BY 1, 2
    UNION ALL SELECT natevent, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nat' GROUP BY 1, 2
    UNION ALL SELECT natsrcip, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natsrcip' GROUP BY 1, 2
    UNION ALL SELECT natdstip, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natdstip' GROUP BY 1, 2
    UNION ALL SELECT natsrcport, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natsrcport' GROUP BY 1, 2
    UNION ALL SELECT natdstport, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natdstport' GROUP BY 1, 2
    UNION ALL SELECT username, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'user' GROUP BY 1, 2
    UNION ALL SELECT app, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by IN ('app', 'nbar')
    UNION ALL SELECT endreason, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'endreason' GROUP BY 1, 2
    UNION ALL SELECT sampling, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'sampling' GROUP BY 1, 2
    UNION ALL SELECT version, NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'version' GROUP BY 1, 2
    UNION ALL SELECT * FROM (
        SELECT srcip, dstip, 1, flows, packets, bytes, first_ms, last_ms FROM traffic(:since, :until, :filter, :store)
        WHERE :by = 'srcip+dstip' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, srcip, dstip LIMIT coalesce(:n, 10))
    UNION ALL SELECT srcip, dstip, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcip+dstip' AND :order <> 'bytes'
    UNION ALL SELECT srcas, dstas, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcas+dstas'
    UNION ALL SELECT inif, outif, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'inif+outif'
    UNION ALL SELECT ip_net(srcip, srcmask, srcmask), ip_net(dstip, dstmask, dstmask), 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcnet+dstnet' GROUP BY 1, 2
    UNION ALL SELECT country(srcip), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcgeo' GROUP BY 1, 2
    UNION ALL SELECT country(dstip), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstgeo' GROUP BY 1, 2
    UNION ALL SELECT asn(srcip), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcasn' GROUP BY 1, 2
    UNION ALL SELECT asn(dstip), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstasn' GROUP BY 1, 2
    UNION ALL SELECT network(srcip), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srctag' GROUP BY 1, 2
    UNION ALL SELECT network(dstip), NULL, 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dsttag' GROUP BY 1, 2
    UNION ALL SELECT network(srcip), network(dstip), 1, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srctag+dsttag' GROUP BY 1, 2
    UNION ALL SELECT srczone, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srczone'
    UNION ALL SELECT dstzone, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstzone'
    UNION ALL SELECT application, NULL, 1, flows, packets, bytes, first_ms, last_ms
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'application'
    UNION ALL SELECT * FROM (
        SELECT ip, NULL, 2, flows, packets, bytes, first_ms, last_ms FROM endpoints(:since, :until, :filter, :store)
        WHERE :by = 'ip' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, ip LIMIT coalesce(:n, 10))
    UNION ALL SELECT ip, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'ip' AND :order <> 'bytes'
    UNION ALL SELECT * FROM (
        SELECT port, NULL, 2, flows, packets, bytes, first_ms, last_ms FROM endpoints(:since, :until, :filter, :store)
        WHERE :by = 'port' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, port LIMIT coalesce(:n, 10))
    UNION ALL SELECT port, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'port' AND :order <> 'bytes'
    UNION ALL SELECT * FROM (
        SELECT 6, port, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, filter_and(:filter, 'proto tcp'), :store)
        WHERE :by = 'port:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, port LIMIT coalesce(:n, 10))
    UNION ALL SELECT * FROM (
        SELECT 17, port, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, filter_and(:filter, 'proto udp'), :store)
        WHERE :by = 'port:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, port LIMIT coalesce(:n, 10))
    UNION ALL SELECT * FROM (
        SELECT proto, port, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, filter_and(:filter, 'not proto in [tcp udp]'), :store)
        WHERE :by = 'port:p' AND coalesce(:order, 'bytes') = 'bytes' ORDER BY bytes DESC, proto, port LIMIT coalesce(:n, 10))
    UNION ALL SELECT proto, port, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'port:p' AND :order <> 'bytes'
    UNION ALL SELECT asn, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'as'
    UNION ALL SELECT mask, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'mask'
    UNION ALL SELECT vlan, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'vlan'
    UNION ALL SELECT mac, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'mac'
    UNION ALL SELECT natip, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'natip'
    UNION ALL SELECT natport, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'natport'
    UNION ALL SELECT country(ip), NULL, 2, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'geo' GROUP BY 1, 2
    UNION ALL SELECT asn(ip), NULL, 2, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'asn' GROUP BY 1, 2
    UNION ALL SELECT network(ip), NULL, 2, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'tag' GROUP BY 1, 2
    UNION ALL SELECT zone, NULL, 2, flows, packets, bytes, first_ms, last_ms
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'zone'
    UNION ALL SELECT ifindex, NULL, 2, sum(flows), sum(packets), sum(bytes), min(first_ms), max(last_ms) FROM (
            SELECT inif AS ifindex, flows, packets, bytes, first_ms, last_ms FROM traffic(:since, :until, :filter, :store) WHERE :by = 'if'
            UNION ALL SELECT outif, flows, packets, bytes, first_ms, last_ms FROM traffic(:since, :until, :filter, :store) WHERE :by = 'if')
        GROUP BY 1
), listed AS MATERIALIZED (
    SELECT *, nullif(last_ms - first_ms, 0) / 1000.0 AS seconds FROM element
    ORDER BY CASE coalesce(:order, 'bytes')
                 WHEN 'bytes' THEN bytes WHEN 'packets' THEN packets WHEN 'flows' THEN flows
                 WHEN 'pps' THEN 1000.0 * packets / nullif(last_ms - first_ms, 0)
                 WHEN 'bps' THEN 1000.0 * bytes / nullif(last_ms - first_ms, 0)
                 WHEN 'bpp' THEN 1.0 * bytes / packets
                 ELSE refuse('order: ' || :order || ': no such order: there are bytes, packets, flows, pps, bps, bpp')
             END DESC, a, b
    LIMIT coalesce(:n, 10)
)
SELECT CASE WHEN :by LIKE '%:p' THEN proto_name(a) || coalesce('/' || b, '')
            WHEN :by LIKE '%+%' THEN coalesce(a, '-') || ' ' || coalesce(b, '-') ELSE a END AS element,
       flows, round(100.0 * flows / sides / total_flows, 1) AS "flows %",
       packets, round(100.0 * packets / sides / total_packets, 1) AS "packets %",
       bytes, round(100.0 * bytes / sides / total_bytes, 1) AS "bytes %",
       CAST(packets / seconds AS INTEGER) AS pps, CAST(8 * bytes / seconds AS INTEGER) AS bps,
       bytes / nullif(packets, 0) AS bpp,
       strftime('%Y-%m-%d %H:%M:%f', first_ms / 1000.0, 'unixepoch') AS first_seen,
       strftime('%Y-%m-%d %H:%M:%f', last_ms / 1000.0, 'unixepoch') AS last_seen
FROM listed, (SELECT nullif(sum(flows), 0) AS total_flows, nullif(sum(packets), 0) AS total_packets,
                     nullif(sum(bytes), 0) AS total_bytes FROM traffic(:since, :until, :filter, :store));

SELECT losses(:since, :until, :store) AS losses;
