-- SPDX-License-Identifier: MIT
-- Who sent and received most?  (nfdump -s ip/bytes -n 10)
--
--   :n       how many addresses, -1 for all          default 10
--   :min     leave out those below so many bytes     default 0
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Every flow counts for its sender and for its receiver, so the bytes of all addresses together are twice
-- the traffic. Percentages are of that: those of all addresses add up to 100.
--
-- Sample output (:n 5):
-- ┌────────────────┬───────┬─────────┬──────────┬─────────┬─────────┐
-- │       ip       │ flows │  sent   │ received │  bytes  │ percent │
-- ├────────────────┼───────┼─────────┼──────────┼─────────┼─────────┤
-- │ 203.0.113.10   │ 38    │ 4850838 │ 1202595  │ 6053433 │ 32.6    │
-- │ 192.168.1.20   │ 8     │ 1188355 │ 4854002  │ 6042357 │ 32.6    │
-- │ 2001:db8:2::10 │ 28    │ 1563467 │ 66223    │ 1629690 │ 8.8     │
-- │ 192.168.1.10   │ 58    │ 727185  │ 716729   │ 1443914 │ 7.8     │
-- │ 2001:db8:1::20 │ 10    │ 43161   │ 1054349  │ 1097510 │ 5.9     │
-- └────────────────┴───────┴─────────┴──────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT *
FROM (SELECT ip, flows, bytes_out AS sent, bytes_in AS received, bytes,
             round(100.0 * bytes / total_bytes, 1) AS percent
      FROM endpoints(:since, :until, :filter, :store)
      ORDER BY bytes DESC, ip
      LIMIT coalesce(:n, 10))
WHERE bytes >= coalesce(bounded(:min, 'min', 0, 1e18), 0)
ORDER BY bytes DESC, ip;

SELECT losses(:since, :until, :store) AS losses;
