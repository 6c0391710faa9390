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
), named AS MATERIALIZED ( -- only where somebody's time begins or ends does it matter when it was
    SELECT group_concat(cidr, ' ') AS nets,
           iif(count(valid_from) + count(valid_until) > 0, 3600, 366 * 86400) AS bucket
    FROM (SELECT DISTINCT cidr, valid_from, valid_until FROM hosts_by_address)
), known AS MATERIALIZED (
    SELECT "by", time, ip, sum(flows) AS flows, sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in
    FROM asked CROSS JOIN named n CROSS JOIN endpoints e
    WHERE e.since = :since AND e.until = :until AND e.filter = :filter AND e.store = :store AND e.bucket = n.bucket
      AND e.endnet = n.nets AND n.nets IS NOT NULL AND zone = 'local' GROUP BY time, ip
), largest AS MATERIALIZED ( -- of those of nobody no more can be among the first
    SELECT ip, flows, bytes_out, bytes_in, total_bytes FROM endpoints(:since, :until, :filter, :store) WHERE zone = 'local'
    ORDER BY bytes DESC, ip
    LIMIT iif(:n < 0, -1, coalesce(:n, 10) + (SELECT count(DISTINCT ip) FROM known))
), mine AS (
    SELECT coalesce(CASE "by" WHEN 'user' THEN host_user(ip, time) WHEN 'group' THEN host_group(ip, time)
                    ELSE host_name(ip, time) END, ip) AS who, ip, flows, bytes_out, bytes_in
    FROM known
    UNION ALL
    SELECT ip, ip, flows, bytes_out, bytes_in FROM largest WHERE ip NOT IN (SELECT ip FROM known)
)
SELECT who, count(DISTINCT ip) AS addresses, sum(flows) AS flows, sum(bytes_out) AS sent, sum(bytes_in) AS received,
       sum(bytes_out + bytes_in) AS bytes,
       round(100.0 * sum(bytes_out + bytes_in) / (SELECT total_bytes FROM largest), 1) AS percent
FROM mine
GROUP BY who
ORDER BY bytes DESC, who
LIMIT coalesce(:n, 10);

SELECT losses(:since, :until, :store) AS losses;
