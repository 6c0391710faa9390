-- SPDX-License-Identifier: MIT
-- Which local hosts were never seen before?
--
--   :since   new is who comes up from then on        default: the last day of the store
--   :until                                           default: the end of the store
--   :n       how many, -1 for all                    default 50
--   :filter, :store                                  default: all flows of the store
--
-- A host is an address that zone() calls local, and that sent something. It was seen before when it sent
-- something before :since, as far back as the store goes.
--
-- Needs: site
--
-- Sample output (:since '2026-11-23 18:13'):
-- ┌──────────────┬──────┬──────┬───────┬───────┬─────────────────────────┬─────────────────────────┐
-- │     host     │ name │ user │ flows │ bytes │       first_seen        │        last_seen        │
-- ├──────────────┼──────┼──────┼───────┼───────┼─────────────────────────┼─────────────────────────┤
-- │ 192.168.1.66 │      │      │ 500   │ 36480 │ 2026-11-23 18:13:16.120 │ 2026-11-23 18:13:27.116 │
-- └──────────────┴──────┴──────┴───────┴───────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH w AS MATERIALIZED (
    SELECT coalesce(flow_time(:since, 'since'), strftime('%Y-%m-%d %H:%M:%f', min(max(last), coalesce(flow_time(:until, 'until'), max(last))), '-1 day')) AS since
    FROM flow_files(NULL, NULL, :store)
), new AS MATERIALIZED (
    SELECT srcip, sum(flows) AS flows, sum(bytes) AS bytes, min(first) AS first_seen, max(last) AS last_seen
    FROM w, traffic(w.since, :until, :filter, :store)
    WHERE srczone = 'local' GROUP BY srcip
), old AS MATERIALIZED (
    SELECT DISTINCT srcip FROM w, traffic(NULL, w.since, NULL, :store)
    WHERE w.since IS NOT NULL AND srcip IN (SELECT srcip FROM new)
)
SELECT srcip AS host, host_name(srcip) AS name, host_user(srcip) AS user, flows, bytes, first_seen, last_seen
FROM new WHERE srcip NOT IN (SELECT srcip FROM old)
ORDER BY first_seen, host
LIMIT coalesce(:n, 50);

SELECT losses(:since, :until, :store) AS losses;
