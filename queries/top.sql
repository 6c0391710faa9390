-- SPDX-License-Identifier: MIT
-- Which values of X have most?  (nfdump -s X/bytes -n 10; flow-stat -f5 to -f12, -f16 to -f32)
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
-- pps and bps are over the time from first_seen to last_seen, also where flows reach beyond :since and :until.
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

SELECT element, flows, round(100.0 * flows / nullif(total_flows, 0), 1) AS "flows %",
       packets, round(100.0 * packets / nullif(total_packets, 0), 1) AS "packets %",
       bytes, round(100.0 * bytes / nullif(total_bytes, 0), 1) AS "bytes %",
       pps, bps, bpp, first AS first_seen, last AS last_seen
FROM flow_stat(:by, :order, :n, :since, :until, :filter, :store);

SELECT losses(:since, :until, :store) AS losses;
