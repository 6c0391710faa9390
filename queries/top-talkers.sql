-- SPDX-License-Identifier: MIT
-- Who sent and received most?  (nfdump -s ip/bytes -n 10)
--
--   :n       how many addresses, -1 for all          default 10
--   :min     leave out those below so many bytes     default 0
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Every flow counts for its sender and for its receiver, so the bytes of all addresses together
-- are twice the traffic; a percentage is the part of the traffic that the address took part in.
--
-- Sample output (:n 5):
-- ┌────────────────┬───────┬─────────┬──────────┬─────────┬─────────┐
-- │       ip       │ flows │  sent   │ received │  bytes  │ percent │
-- ├────────────────┼───────┼─────────┼──────────┼─────────┼─────────┤
-- │ 203.0.113.10   │ 38    │ 4850838 │ 1202595  │ 6053433 │ 65.2    │
-- │ 192.168.1.20   │ 8     │ 1188355 │ 4854002  │ 6042357 │ 65.1    │
-- │ 2001:db8:2::10 │ 28    │ 1563467 │ 66223    │ 1629690 │ 17.6    │
-- │ 192.168.1.10   │ 58    │ 727185  │ 716729   │ 1443914 │ 15.6    │
-- │ 2001:db8:1::20 │ 10    │ 43161   │ 1054349  │ 1097510 │ 11.8    │
-- └────────────────┴───────┴─────────┴──────────┴─────────┴─────────┘

.mode box
.headers on

WITH totals AS (
    SELECT ip, sum(flows_out + flows_in) AS flows, sum(bytes_out) AS sent, sum(bytes_in) AS received,
           sum(bytes_out + bytes_in) AS bytes
    FROM endpoints(:since, :until, :filter, :store)
    GROUP BY ip
)
SELECT *, round(100.0 * bytes / (SELECT sum(bytes) FROM traffic(:since, :until, :filter, :store)), 1)
              AS percent
FROM totals
WHERE bytes >= coalesce(:min, 0)
ORDER BY bytes DESC, ip
LIMIT coalesce(:n, 10);
