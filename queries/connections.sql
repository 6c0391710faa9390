-- SPDX-License-Identifier: MIT
-- Which connections were there, each once?  (nfdump -a -o long)
--
--   :n       how many connections, -1 for all        default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A connection is what has the same protocol, addresses and ports, in one direction; the records
-- that a probe made of it along its way are put together.
--
-- Sample output (:n 5):
-- ┌─────────────────────────┬──────────┬───────────┬─────────────────────────────┬────────────────┬─────────┬───────┬───────┐
-- │       first_seen        │ duration │   proto   │             src             │      dst       │ packets │ bytes │ flows │
-- ├─────────────────────────┼──────────┼───────────┼─────────────────────────────┼────────────────┼─────────┼───────┼───────┤
-- │ 2026-11-23 18:12:35.180 │ 0.288    │ ipv6-icmp │ fe80::d431:d5ff:fe16:fb64:0 │ ff02::16:143.0 │ 2       │ 192   │ 1     │
-- │ 2026-11-23 18:12:35.180 │ 60.576   │ ipv6-icmp │ fe80::d431:d5ff:fe16:fb64:0 │ ff02::2:133.0  │ 5       │ 280   │ 3     │
-- │ 2026-11-23 18:12:35.628 │ 0.168    │ ipv6-icmp │ fe80::8431:e6ff:feec:c68d:0 │ ff02::16:143.0 │ 2       │ 192   │ 1     │
-- │ 2026-11-23 18:12:35.628 │ 66.272   │ ipv6-icmp │ fe80::8431:e6ff:feec:c68d:0 │ ff02::2:133.0  │ 5       │ 280   │ 3     │
-- │ 2026-11-23 18:12:35.692 │ 0.188    │ ipv6-icmp │ fe80::a8aa:4eff:fe9b:91ea:0 │ ff02::16:143.0 │ 2       │ 192   │ 1     │
-- └─────────────────────────┴──────────┴───────────┴─────────────────────────────┴────────────────┴─────────┴───────┴───────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Which these are takes the memory: all else is had for them alone.
WITH earliest AS MATERIALIZED (
    SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, first
    FROM traffic(:since, :until, :filter, :store)
    ORDER BY first, srcip, srcport, dstip, dstport, icmptype, icmpcode LIMIT coalesce(:n, 20)
), known AS MATERIALIZED (
    SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, packets, bytes, flows, last
    FROM traffic(:since, :until, :filter, :store)
    WHERE srcip IN (SELECT srcip FROM earliest) AND dstip IN (SELECT dstip FROM earliest)
    UNION ALL SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, packets, bytes, flows, last
    FROM traffic(:since, :until, :filter, :store) WHERE srcip IS NULL -- as what an exporter adds up has none
    UNION ALL SELECT proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, packets, bytes, flows, last
    FROM traffic(:since, :until, :filter, :store) WHERE srcip IS NOT NULL AND dstip IS NULL
)
SELECT first AS first_seen, round((julianday(last) - julianday(first)) * 86400, 3) AS duration,
       proto_name(e.proto) AS proto,
       e.srcip || ':' || coalesce(e.srcport, 0) AS src,
       e.dstip || ':' || coalesce(e.dstport, e.icmptype || '.' || e.icmpcode, 0) AS dst,
       packets, bytes, flows
FROM earliest e JOIN known k ON k.srcip IS e.srcip AND k.dstip IS e.dstip AND k.proto IS e.proto AND k.srcport IS e.srcport
    AND k.dstport IS e.dstport AND k.icmptype IS e.icmptype AND k.icmpcode IS e.icmpcode
ORDER BY first, e.srcip, e.srcport, e.dstip, e.dstport, e.icmptype, e.icmpcode;

SELECT losses(:since, :until, :store) AS losses;
