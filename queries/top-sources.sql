-- SPDX-License-Identifier: MIT
-- Who sent most?  (nfdump -s srcip/bytes -n 10)
--
--   :n       how many addresses, -1 for all          default 10
--   :min     leave out those below so many bytes     default 0
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Percentages are of all traffic, also of what :n and :min leave out.
--
-- Sample output (:n 5):
-- ┌────────────────┬───────┬─────────┬─────────┬─────────┐
-- │     srcip      │ flows │ packets │  bytes  │ percent │
-- ├────────────────┼───────┼─────────┼─────────┼─────────┤
-- │ 203.0.113.10   │ 19    │ 3764    │ 4850838 │ 52.3    │
-- │ 2001:db8:2::10 │ 14    │ 1128    │ 1563467 │ 16.8    │
-- │ 192.168.1.20   │ 4     │ 2581    │ 1188355 │ 12.8    │
-- │ 192.168.1.10   │ 29    │ 930     │ 727185  │ 7.8     │
-- │ 198.51.100.5   │ 3     │ 2102    │ 420185  │ 4.5     │
-- └────────────────┴───────┴─────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT *
FROM (SELECT srcip, flows, packets, bytes,
             round(100.0 * bytes / total_bytes, 1) AS percent
      FROM traffic(:since, :until, :filter, :store)
      ORDER BY bytes DESC, srcip
      LIMIT coalesce(:n, 10))
WHERE bytes >= coalesce(bounded(:min, 'min', 0, 1e18), 0)
ORDER BY bytes DESC, srcip;

SELECT losses(:since, :until, :store) AS losses;
