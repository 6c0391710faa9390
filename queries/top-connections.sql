-- SPDX-License-Identifier: MIT
-- Which connections carried most?  (nfdump -s record/bytes -n 10)
--
--   :n       how many connections, -1 for all        default 10
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A connection is what has the same protocol, addresses and ports, in one direction.
--
-- Sample output (:n 5):
-- ┌─────────────────────────┬──────────┬───────┬────────────────────┬──────────────────────┬─────────┬─────────┬───────┐
-- │       first_seen        │ duration │ proto │        src         │         dst          │ packets │  bytes  │ flows │
-- ├─────────────────────────┼──────────┼───────┼────────────────────┼──────────────────────┼─────────┼─────────┼───────┤
-- │ 2026-11-23 18:12:48.079 │ 1.134    │ tcp   │ 203.0.113.10:80    │ 192.168.1.20:59744   │ 2767    │ 4144138 │ 1     │
-- │ 2026-11-23 18:13:02.083 │ 0.818    │ tcp   │ 192.168.1.20:43702 │ 203.0.113.10:80      │ 735     │ 1091944 │ 1     │
-- │ 2026-11-23 18:12:56.085 │ 0.276    │ tcp   │ 2001:db8:2::10:80  │ 2001:db8:1::20:55238 │ 705     │ 1051013 │ 1     │
-- │ 2026-11-23 18:13:09.080 │ 0.008    │ tcp   │ 192.168.1.10:58696 │ 192.168.1.20:5201    │ 459     │ 679273  │ 1     │
-- │ 2026-11-23 18:12:41.170 │ 39.98    │ udp   │ 192.168.1.30:16384 │ 198.51.100.5:20000   │ 2000    │ 400000  │ 1     │
-- └─────────────────────────┴──────────┴───────┴────────────────────┴──────────────────────┴─────────┴─────────┴───────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Which these are takes the memory: all else is had for them alone.
WITH largest AS MATERIALIZED (
    SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, bytes
    FROM traffic(:since, :until, :filter, :store)
    ORDER BY bytes DESC, srcip, srcport, dstip, dstport LIMIT coalesce(:n, 10)
), known AS MATERIALIZED (
    SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, packets, flows, first, last
    FROM traffic(:since, :until, :filter, :store)
    WHERE srcip IN (SELECT srcip FROM largest) AND dstip IN (SELECT dstip FROM largest)
    UNION ALL SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, packets, flows, first, last
    FROM traffic(:since, :until, :filter, :store) WHERE srcip IS NULL -- as what an exporter adds up has none
    UNION ALL SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, packets, flows, first, last
    FROM traffic(:since, :until, :filter, :store) WHERE srcip IS NOT NULL AND dstip IS NULL
)
SELECT first AS first_seen, round((julianday(last) - julianday(first)) * 86400, 3) AS duration,
       proto_name(l.proto) AS proto, l.srcip || ':' || coalesce(l.srcport, 0) AS src,
       l.dstip || ':' || coalesce(l.dstport, l.icmptype || '.' || l.icmpcode, 0) AS dst,
       packets, bytes, flows
FROM largest l JOIN known k ON k.srcip IS l.srcip AND k.dstip IS l.dstip AND k.proto IS l.proto AND k.srcport IS l.srcport
    AND k.dstport IS l.dstport AND k.icmptype IS l.icmptype AND k.icmpcode IS l.icmpcode
ORDER BY bytes DESC, l.srcip, l.srcport, l.dstip, l.dstport;

SELECT losses(:since, :until, :store) AS losses;
