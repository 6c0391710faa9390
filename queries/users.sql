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

WITH asked("by") AS MATERIALIZED (
    SELECT CASE WHEN coalesce(:by, 'user') IN ('user', 'group', 'host') THEN coalesce(:by, 'user')
           ELSE refuse('by: ' || :by || ': there are user, group, host') END
), dated AS MATERIALIZED ( -- addresses of whom it matters when it was
    SELECT group_concat(cidr, ' ') AS nets
    FROM (SELECT DISTINCT cidr FROM hosts_by_address WHERE valid_from IS NOT NULL OR valid_until IS NOT NULL)
), at_times AS MATERIALIZED (
    SELECT CASE "by" WHEN 'user' THEN host_user(ip, time) WHEN 'group' THEN host_group(ip, time) ELSE host_name(ip, time) END AS who,
           ip, flows, bytes_out, bytes_in
    FROM asked CROSS JOIN dated d CROSS JOIN endpoints e
    WHERE e.since = :since AND e.until = :until AND e.filter = :filter AND e.store = :store AND e.bucket = 3600
      AND e.endnet = d.nets AND d.nets IS NOT NULL AND zone = 'local'
), ends AS MATERIALIZED (
    SELECT CASE "by" WHEN 'user' THEN host_user(ip) WHEN 'group' THEN host_group(ip) ELSE host_name(ip) END AS who,
           ip, flows, bytes_out, bytes_in
    FROM asked CROSS JOIN endpoints(:since, :until, :filter, :store) WHERE zone = 'local'
), others AS (
    SELECT * FROM ends WHERE (SELECT nets FROM dated) IS NULL OR ip NOT IN (SELECT ip FROM at_times)
), mine AS (
    SELECT coalesce(who, ip) AS who, ip, flows, bytes_out, bytes_in FROM at_times
    UNION ALL
    SELECT * FROM others WHERE who IS NOT NULL
    UNION ALL
    SELECT * FROM (SELECT ip, ip, flows, bytes_out, bytes_in FROM others WHERE who IS NULL
                   ORDER BY bytes_out + bytes_in DESC, ip LIMIT coalesce(:n, 10)) -- no more can be among the first
)
SELECT who, count(DISTINCT ip) AS addresses, sum(flows) AS flows, sum(bytes_out) AS sent, sum(bytes_in) AS received,
       sum(bytes_out + bytes_in) AS bytes,
       round(100.0 * sum(bytes_out + bytes_in) / (SELECT sum(bytes_out + bytes_in) FROM ends), 1) AS percent
FROM mine
GROUP BY who
ORDER BY bytes DESC, who
LIMIT coalesce(:n, 10);

SELECT losses(:since, :until, :store) AS losses;
