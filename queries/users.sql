-- SPDX-License-Identifier: MIT
-- Who uses the bandwidth?  (nfdump -s ip/bytes, by name)
--
--   :by      user, group or host                     default user
--   :n       how many, -1 for all                    default 10
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Addresses that zone() calls local, by whom the table hosts has for them at the time (to the hour); those
-- of nobody stand for themselves. Traffic between two of them counts for both, as sent by one and received
-- by the other: `percent` is of all that local addresses sent and received, so that it adds up to 100.
--
-- Needs: site
--
-- Sample output (:n 5):
-- ┌───────────────────────────┬───────────┬───────┬─────────┬──────────┬─────────┬─────────┐
-- │            who            │ addresses │ flows │  sent   │ received │  bytes  │ percent │
-- ├───────────────────────────┼───────────┼───────┼─────────┼──────────┼─────────┼─────────┤
-- │ bob                       │ 2         │ 18    │ 1231516 │ 5908351  │ 7139867 │ 71.5    │
-- │ ann                       │ 2         │ 98    │ 751207  │ 1226915  │ 1978122 │ 19.8    │
-- │ eve                       │ 1         │ 2     │ 400000  │ 400000   │ 800000  │ 8.0     │
-- │ 192.168.1.66              │ 1         │ 1000  │ 36480   │ 21608    │ 58088   │ 0.6     │
-- │ fe80::6444:61ff:fefb:7a42 │ 1         │ 19    │ 976     │ 600      │ 1576    │ 0.0     │
-- └───────────────────────────┴───────────┴───────┴─────────┴──────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH mine AS MATERIALIZED (
    SELECT time, ip, sum(flows) AS flows, sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in
    FROM endpoints(:since, :until, :filter, :store, 3600) WHERE zone = 'local' GROUP BY time, ip
)
SELECT CASE coalesce(:by, 'user') WHEN 'user' THEN coalesce(host_user(ip, time), ip)
           WHEN 'group' THEN coalesce(host_group(ip, time), ip) WHEN 'host' THEN coalesce(host_name(ip, time), ip)
           ELSE refuse('by: ' || :by || ': there are user, group, host') END AS who,
       count(DISTINCT ip) AS addresses, sum(flows) AS flows, sum(bytes_out) AS sent, sum(bytes_in) AS received,
       sum(bytes_out + bytes_in) AS bytes,
       round(100.0 * sum(bytes_out + bytes_in) / (SELECT sum(bytes_out + bytes_in) FROM mine), 1) AS percent
FROM mine
GROUP BY who
ORDER BY bytes DESC, who
LIMIT coalesce(:n, 10);

SELECT losses(:since, :until, :store) AS losses;
