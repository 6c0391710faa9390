-- SPDX-License-Identifier: MIT
-- Which local hosts were never seen before?
--
--   :since   new is who comes up from then on        default: the last day of the store
--   :until                                           default: the end of the store
--   :n       how many, -1 for all                    default 50
--   :filter, :store                                  default: all flows of the store
--
-- A host is an address that zone() calls local, and that sent something. It was seen before when it sent
-- something before :since, as far back as the store goes. Name and user are those of the time when it was last seen.
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
), fresh AS MATERIALIZED ( -- of all traffic, whose first is not before; with a filter each may be shown
    SELECT srcip FROM w, traffic(NULL, :until, NULL, :store)
    WHERE srczone = 'local' AND first >= w.since
    ORDER BY first, srcip
    LIMIT iif(:filter IS NULL, coalesce(:n, 50), -1)
), new AS MATERIALIZED (
    SELECT srcip, flows, bytes, first, last FROM w, traffic(w.since, :until, :filter, :store)
    WHERE srcip IN (SELECT srcip FROM fresh)
    ORDER BY first, srcip
    LIMIT coalesce(:n, 50)
)
SELECT srcip AS host, host_name(srcip, last) AS name, host_user(srcip, last) AS user, flows, bytes, first AS first_seen, last AS last_seen
FROM new
ORDER BY first, srcip;

SELECT losses(:since, :until, :store) AS losses;
