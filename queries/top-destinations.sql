-- SPDX-License-Identifier: MIT
-- Who received most?  (nfdump -s dstip/bytes -n 10)
--
--   :n       how many addresses, -1 for all          default 10
--   :min     leave out those below so many bytes     default 0
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Percentages are of all traffic, also of what :n and :min leave out.
--
-- Sample output (:n 5):
-- ┌────────────────┬───────┬─────────┬─────────┬─────────┐
-- │     dstip      │ flows │ packets │  bytes  │ percent │
-- ├────────────────┼───────┼─────────┼─────────┼─────────┤
-- │ 192.168.1.20   │ 4     │ 3705    │ 4854002 │ 52.3    │
-- │ 203.0.113.10   │ 19    │ 2555    │ 1202595 │ 13.0    │
-- │ 2001:db8:1::20 │ 5     │ 738     │ 1054349 │ 11.4    │
-- │ 192.168.1.10   │ 29    │ 991     │ 716729  │ 7.7     │
-- │ 2001:db8:1::10 │ 20    │ 401     │ 510186  │ 5.5     │
-- └────────────────┴───────┴─────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT *
FROM (SELECT dstip, flows, packets, bytes,
             round(100.0 * bytes / total_bytes, 1) AS percent
      FROM traffic(:since, :until, :filter, :store)
      ORDER BY bytes DESC, dstip
      LIMIT coalesce(:n, 10))
WHERE bytes >= coalesce(bounded(:min, 'min', 0, 1e18), 0)
ORDER BY bytes DESC, dstip;

SELECT losses(:since, :until, :store) AS losses;
