-- SPDX-License-Identifier: MIT
-- Which two addresses had most to do with each other?  (nfdump -A srcip,dstip -s record/bytes)
--
--   :n       how many pairs, -1 for all              default 10
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A pair is in one direction: the answers are a pair of their own.
--
-- Sample output (:n 5):
-- ┌────────────────┬────────────────┬───────┬─────────┬─────────┬─────────┐
-- │     srcip      │     dstip      │ flows │ packets │  bytes  │ percent │
-- ├────────────────┼────────────────┼───────┼─────────┼─────────┼─────────┤
-- │ 203.0.113.10   │ 192.168.1.20   │ 2     │ 3233    │ 4173610 │ 45.0    │
-- │ 192.168.1.20   │ 203.0.113.10   │ 2     │ 2231    │ 1169827 │ 12.6    │
-- │ 2001:db8:2::10 │ 2001:db8:1::20 │ 2     │ 735     │ 1054133 │ 11.4    │
-- │ 192.168.1.10   │ 192.168.1.20   │ 2     │ 472     │ 680392  │ 7.3     │
-- │ 203.0.113.10   │ 192.168.1.10   │ 17    │ 531     │ 677228  │ 7.3     │
-- └────────────────┴────────────────┴───────┴─────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT srcip, dstip, flows, packets, bytes,
       round(100.0 * bytes / total_bytes, 1) AS percent
FROM traffic(:since, :until, :filter, :store)
ORDER BY bytes DESC, srcip, dstip
LIMIT coalesce(:n, 10);

SELECT losses(:since, :until, :store) AS losses;
