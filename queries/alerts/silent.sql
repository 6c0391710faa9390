-- SPDX-License-Identifier: MIT
-- Which exporters are silent that were not?
--
--   :minutes silent for so long, at least            default 15
--   :hours   of those heard of in so many hours      default 24
--   :until   until when                              default 'now'
--   :store                                           default: the site's store
--
-- Sample output (:until '2026-11-23 18:40'):
-- ┌──────────┬──────┬─────────┬─────────────────────┬─────────┬───────┐
-- │ exporter │ odid │ version │    heard_before     │ minutes │ flows │
-- ├──────────┼──────┼─────────┼─────────────────────┼─────────┼───────┤
-- │          │ 0    │ probe   │ 2026-11-23 18:15:00 │ 25      │ 1143  │
-- └──────────┴──────┴─────────┴─────────────────────┴─────────┴───────┘

.mode box
.headers on

-- Key: exporter odid version
WITH now(time, hours, seconds) AS MATERIALIZED (
    SELECT flow_time(coalesce(:until, 'now'), 'until'), coalesce(bounded(:hours, 'hours', 1, 876000), 24),
           60 * coalesce(bounded(:minutes, 'minutes', 0, 52560000), 15)),
heard AS (
    SELECT exporter, odid, version, max(CAST(strftime('%s', begin) AS INTEGER) + length) AS until, sum(flows) AS flows
    FROM now, flow_exporters(datetime(now.time, -now.hours || ' hours'), now.time, :store) AS e
    JOIN (SELECT path, length FROM flow_files(NULL, NULL, :store)) USING (path)
    WHERE datagrams > 0 OR flows > 0
    GROUP BY exporter, odid, version
)
SELECT exporter, odid, version, datetime(until, 'unixepoch') AS heard_before,
       (strftime('%s', now.time) - until) / 60 AS minutes, flows
FROM now CROSS JOIN heard
WHERE until <= strftime('%s', now.time) - now.seconds
ORDER BY until, exporter;
