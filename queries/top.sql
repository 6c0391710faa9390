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
--   dstvlan, cvlan, insrcmac, outdstmac, indstmac, outsrcmac, nhip, nhbip, router, odid, opid,
--   enginetype, engineid, ident, ethertype, ipversion, minttl, maxttl, icmp, ivrf, evrf, event,
--   xevent, nat, natsrcip, natdstip, natsrcport, natdstport, user, nbar, endreason, sampling,
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

-- Of these arms one is read: which one it is holds for all its rows, and is known before them.
WITH element(element, sides, flows, packets, bytes, first, last) AS (
    SELECT refuse('top: by: ' || :by || ': no such element: there are ' ||
             'srcip, dstip, srcport, dstport, srcport:p, dstport:p, proto, flags, tos, dsttos, ' ||
             'dscp, dir, srcas, dstas, prevas, nextas, inif, outif, srcmask, dstmask, srcnet, ' ||
             'dstnet, srcvlan, dstvlan, cvlan, insrcmac, outdstmac, indstmac, outsrcmac, nhip, ' ||
             'nhbip, router, odid, opid, enginetype, engineid, ident, ethertype, ipversion, minttl, ' ||
             'maxttl, icmp, ivrf, evrf, event, xevent, nat, natsrcip, natdstip, natsrcport, ' ||
             'natdstport, user, nbar, endreason, sampling, version, srcip+dstip, srcas+dstas, ' ||
             'inif+outif, srcnet+dstnet, srcgeo, dstgeo, srcasn, dstasn, srctag, dsttag, ' ||
             'srctag+dsttag, srczone, dstzone, application, ip, port, port:p, as, mask, vlan, mac, ' ||
             'natip, natport, geo, asn, tag, zone, if'), 1, 0, 0, 0, NULL, NULL
        WHERE :by NOT IN ('srcip', 'dstip', 'srcport', 'dstport', 'srcport:p', 'dstport:p', 'proto', 'flags', 'tos',
             'dsttos', 'dscp', 'dir', 'srcas', 'dstas', 'prevas', 'nextas', 'inif', 'outif', 'srcmask',
             'dstmask', 'srcnet', 'dstnet', 'srcvlan', 'dstvlan', 'cvlan', 'insrcmac', 'outdstmac',
             'indstmac', 'outsrcmac', 'nhip', 'nhbip', 'router', 'odid', 'opid', 'enginetype',
             'engineid', 'ident', 'ethertype', 'ipversion', 'minttl', 'maxttl', 'icmp', 'ivrf', 'evrf',
             'event', 'xevent', 'nat', 'natsrcip', 'natdstip', 'natsrcport', 'natdstport', 'user',
             'nbar', 'endreason', 'sampling', 'version', 'srcip+dstip', 'srcas+dstas', 'inif+outif',
             'srcnet+dstnet', 'srcgeo', 'dstgeo', 'srcasn', 'dstasn', 'srctag', 'dsttag',
             'srctag+dsttag', 'srczone', 'dstzone', 'application', 'ip', 'port', 'port:p', 'as',
             'mask', 'vlan', 'mac', 'natip', 'natport', 'geo', 'asn', 'tag', 'zone', 'if')
    UNION ALL SELECT srcip, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE coalesce(:by, 'srcip') = 'srcip' GROUP BY 1
    UNION ALL SELECT dstip, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstip' GROUP BY 1
    UNION ALL SELECT srcport, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcport' GROUP BY 1
    UNION ALL SELECT dstport, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstport' GROUP BY 1
    UNION ALL SELECT proto_name(proto) || '/' || srcport, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcport:p' GROUP BY 1
    UNION ALL SELECT proto_name(proto) || '/' || dstport, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstport:p' GROUP BY 1
    UNION ALL SELECT proto_name(proto), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'proto' GROUP BY 1
    UNION ALL SELECT tcp_flags(tcpflags), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'flags' GROUP BY 1
    UNION ALL SELECT tos, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'tos' GROUP BY 1
    UNION ALL SELECT dsttos, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dsttos' GROUP BY 1
    UNION ALL SELECT tos >> 2, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dscp' GROUP BY 1
    UNION ALL SELECT direction, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dir' GROUP BY 1
    UNION ALL SELECT srcas, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcas' GROUP BY 1
    UNION ALL SELECT dstas, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstas' GROUP BY 1
    UNION ALL SELECT prevas, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'prevas' GROUP BY 1
    UNION ALL SELECT nextas, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nextas' GROUP BY 1
    UNION ALL SELECT inif, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'inif' GROUP BY 1
    UNION ALL SELECT outif, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'outif' GROUP BY 1
    UNION ALL SELECT srcmask, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcmask' GROUP BY 1
    UNION ALL SELECT dstmask, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstmask' GROUP BY 1
    UNION ALL SELECT ip_net(srcip, srcmask, srcmask), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcnet' GROUP BY 1
    UNION ALL SELECT ip_net(dstip, dstmask, dstmask), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstnet' GROUP BY 1
    UNION ALL SELECT srcvlan, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcvlan' GROUP BY 1
    UNION ALL SELECT dstvlan, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstvlan' GROUP BY 1
    UNION ALL SELECT cvlan, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'cvlan' GROUP BY 1
    UNION ALL SELECT insrcmac, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'insrcmac' GROUP BY 1
    UNION ALL SELECT outdstmac, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'outdstmac' GROUP BY 1
    UNION ALL SELECT indstmac, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'indstmac' GROUP BY 1
    UNION ALL SELECT outsrcmac, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'outsrcmac' GROUP BY 1
    UNION ALL SELECT next, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nhip' GROUP BY 1
    UNION ALL SELECT bgpnext, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nhbip' GROUP BY 1
    UNION ALL SELECT exporter, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'router' GROUP BY 1
    UNION ALL SELECT odid, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'odid' GROUP BY 1
    UNION ALL SELECT opid, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'opid' GROUP BY 1
    UNION ALL SELECT enginetype, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'enginetype' GROUP BY 1
    UNION ALL SELECT engineid, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'engineid' GROUP BY 1
    UNION ALL SELECT ident, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ident' GROUP BY 1
    UNION ALL SELECT printf('0x%04x', ethertype), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ethertype' GROUP BY 1
    UNION ALL SELECT ipversion, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ipversion' GROUP BY 1
    UNION ALL SELECT minttl, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'minttl' GROUP BY 1
    UNION ALL SELECT maxttl, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'maxttl' GROUP BY 1
    UNION ALL SELECT icmptype || '.' || icmpcode, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'icmp' GROUP BY 1
    UNION ALL SELECT ivrf, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'ivrf' GROUP BY 1
    UNION ALL SELECT evrf, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'evrf' GROUP BY 1
    UNION ALL SELECT fwevent, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'event' GROUP BY 1
    UNION ALL SELECT fwxevent, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'xevent' GROUP BY 1
    UNION ALL SELECT natevent, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nat' GROUP BY 1
    UNION ALL SELECT natsrcip, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natsrcip' GROUP BY 1
    UNION ALL SELECT natdstip, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natdstip' GROUP BY 1
    UNION ALL SELECT natsrcport, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natsrcport' GROUP BY 1
    UNION ALL SELECT natdstport, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'natdstport' GROUP BY 1
    UNION ALL SELECT username, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'user' GROUP BY 1
    UNION ALL SELECT appname, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'nbar' GROUP BY 1
    UNION ALL SELECT endreason, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'endreason' GROUP BY 1
    UNION ALL SELECT sampling, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'sampling' GROUP BY 1
    UNION ALL SELECT version, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'version' GROUP BY 1
    UNION ALL SELECT srcip || ' ' || dstip, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcip+dstip' GROUP BY 1
    UNION ALL SELECT coalesce(srcas, '-') || ' ' || coalesce(dstas, '-'), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcas+dstas' GROUP BY 1
    UNION ALL SELECT coalesce(inif, '-') || ' ' || coalesce(outif, '-'), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'inif+outif' GROUP BY 1
    UNION ALL SELECT ip_net(srcip, srcmask, srcmask) || ' ' || ip_net(dstip, dstmask, dstmask), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcnet+dstnet' GROUP BY 1
    UNION ALL SELECT country(srcip), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcgeo' GROUP BY 1
    UNION ALL SELECT country(dstip), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstgeo' GROUP BY 1
    UNION ALL SELECT asn(srcip), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srcasn' GROUP BY 1
    UNION ALL SELECT asn(dstip), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstasn' GROUP BY 1
    UNION ALL SELECT network(srcip), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srctag' GROUP BY 1
    UNION ALL SELECT network(dstip), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dsttag' GROUP BY 1
    UNION ALL SELECT coalesce(network(srcip), '-') || ' ' || coalesce(network(dstip), '-'), 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srctag+dsttag' GROUP BY 1
    UNION ALL SELECT srczone, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'srczone' GROUP BY 1
    UNION ALL SELECT dstzone, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'dstzone' GROUP BY 1
    UNION ALL SELECT application, 1, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM traffic(:since, :until, :filter, :store) WHERE :by = 'application' GROUP BY 1
    UNION ALL SELECT ip, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'ip' GROUP BY 1
    UNION ALL SELECT port, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'port' GROUP BY 1
    UNION ALL SELECT proto_name(proto) || '/' || port, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'port:p' GROUP BY 1
    UNION ALL SELECT asn, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'as' GROUP BY 1
    UNION ALL SELECT mask, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'mask' GROUP BY 1
    UNION ALL SELECT vlan, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'vlan' GROUP BY 1
    UNION ALL SELECT mac, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'mac' GROUP BY 1
    UNION ALL SELECT natip, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'natip' GROUP BY 1
    UNION ALL SELECT natport, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'natport' GROUP BY 1
    UNION ALL SELECT country(ip), 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'geo' GROUP BY 1
    UNION ALL SELECT asn(ip), 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'asn' GROUP BY 1
    UNION ALL SELECT network(ip), 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'tag' GROUP BY 1
    UNION ALL SELECT zone, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last)
        FROM endpoints(:since, :until, :filter, :store) WHERE :by = 'zone' GROUP BY 1
    UNION ALL SELECT ifindex, 2, sum(flows), sum(packets), sum(bytes), min(first), max(last) FROM (
            SELECT inif AS ifindex, flows, packets, bytes, first, last FROM traffic(:since, :until, :filter, :store) WHERE :by = 'if'
            UNION ALL SELECT outif, flows, packets, bytes, first, last FROM traffic(:since, :until, :filter, :store) WHERE :by = 'if')
        GROUP BY 1
), rated AS (
    SELECT *, nullif(round((julianday(last) - julianday(first)) * 86400, 3), 0) AS seconds FROM element
)
SELECT element,
       flows, round(100.0 * flows / sides / total_flows, 1) AS "flows %",
       packets, round(100.0 * packets / sides / total_packets, 1) AS "packets %",
       bytes, round(100.0 * bytes / sides / total_bytes, 1) AS "bytes %",
       CAST(packets / seconds AS INTEGER) AS pps, CAST(8 * bytes / seconds AS INTEGER) AS bps,
       bytes / nullif(packets, 0) AS bpp, first AS first_seen, last AS last_seen
FROM rated, (SELECT nullif(sum(flows), 0) AS total_flows, nullif(sum(packets), 0) AS total_packets,
                    nullif(sum(bytes), 0) AS total_bytes FROM traffic(:since, :until, :filter, :store))
ORDER BY CASE coalesce(:order, 'bytes')
             WHEN 'bytes' THEN bytes WHEN 'packets' THEN packets WHEN 'flows' THEN flows
             WHEN 'pps' THEN packets / seconds WHEN 'bps' THEN bytes / seconds
             WHEN 'bpp' THEN 1.0 * bytes / packets
             ELSE refuse('top: order: ' || :order || ': no such order: there are bytes, packets, flows, pps, bps, bpp')
         END DESC, element
LIMIT coalesce(:n, 10);

SELECT losses(:since, :until, :store) AS losses;
