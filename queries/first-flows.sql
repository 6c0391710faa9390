-- SPDX-License-Identifier: MIT
-- Which flows come first?  (nfdump -c 5)
--
--   :n       how many flows                          default 5
--   :since, :until, :filter, :store                  default: everything in the store
--
-- The first in the store: those that were received first, which need not have begun first.
--
-- Sample output:
-- ┌─────────────────────────┬──────────┬───────┬──────────────────────┬────────────────────┬─────────┬───────┬───────┐
-- │       first_seen        │ duration │ proto │         src          │        dst         │ packets │ bytes │ flows │
-- ├─────────────────────────┼──────────┼───────┼──────────────────────┼────────────────────┼─────────┼───────┼───────┤
-- │ 2026-11-23 18:12:36.118 │ 0.017    │ tcp   │ 203.0.113.10:443     │ 192.168.1.10:42196 │ 56      │ 73837 │ 1     │
-- │ 2026-11-23 18:12:36.118 │ 0.017    │ tcp   │ 192.168.1.10:42196   │ 203.0.113.10:443   │ 27      │ 2278  │ 1     │
-- │ 2026-11-23 18:12:36.148 │ 0.0      │ tcp   │ 192.168.1.10:35882   │ 203.0.113.10:80    │ 12      │ 711   │ 1     │
-- │ 2026-11-23 18:12:36.148 │ 0.0      │ tcp   │ 203.0.113.10:80      │ 192.168.1.10:35882 │ 10      │ 9768  │ 1     │
-- │ 2026-11-23 18:12:39.100 │ 0.016    │ tcp   │ 2001:db8:1::10:60678 │ 2001:db8:2::10:443 │ 28      │ 2890  │ 1     │
-- └─────────────────────────┴──────────┴───────┴──────────────────────┴────────────────────┴─────────┴───────┴───────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT tstart AS first_seen, duration, proto_name(proto) AS proto,
       srcip || ':' || coalesce(srcport, 0) AS src,
       dstip || ':' || coalesce(dstport, icmptype || '.' || icmpcode, 0) AS dst,
       packets, bytes, flows
FROM flows(:since, :until, :filter, :store)
LIMIT coalesce(:n, 5);

SELECT losses(:since, :until, :store) AS losses;
