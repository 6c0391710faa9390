-- SPDX-License-Identifier: MIT
-- Whose clock is wrong, and who exports late?
--
--   :since   default: the last 10 minutes of the store
--   :until, :filter, :store                          default: to the end of the store, all flows
--
-- Delay is from a flow's last packet, by the exporter's clock, to the arrival of its datagram, by ours: some
-- seconds are usual, an inactive time-out and the exporter's cache. Below 0 the exporter's clock is
-- ahead; when the least delay is large, it is behind, or datagrams wait somewhere.
--
-- Sample output:
-- ┌──────────┬──────┬─────────┬───────┬─────────────┬───────────────┬────────────────┬─────────────────┬─────────┐
-- │ exporter │ odid │ version │ flows │ least_delay │ average_delay │ greatest_delay │ from_the_future │ verdict │
-- ├──────────┼──────┼─────────┼───────┼─────────────┼───────────────┼────────────────┼─────────────────┼─────────┤
-- │          │      │ probe   │ 1143  │ 0.0         │ 15.846        │ 27.659         │ 0               │ ok      │
-- └──────────┴──────┴─────────┴───────┴─────────────┴───────────────┴────────────────┴─────────────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH w AS MATERIALIZED (
    SELECT CASE WHEN :since IS NOT NULL THEN :since ELSE
                strftime('%Y-%m-%d %H:%M:%f', min(max(last), coalesce(flow_time(:until, 'until'), max(last))), '-10 minutes') END AS since
    FROM flow_files(NULL, NULL, :store)
)
SELECT exporter, odid, group_concat(version) AS version, sum(flows) AS flows, min(least_ms) / 1000.0 AS least_delay,
       round(sum(average_ms * timed) / sum(timed) / 1000, 3) AS average_delay, max(greatest_ms) / 1000.0 AS greatest_delay,
       sum(early) AS from_the_future,
       CASE WHEN min(least_ms) < -1000 THEN 'clock ahead' WHEN min(least_ms) > 60000 THEN 'clock behind, or late' ELSE 'ok' END AS verdict
FROM flow_delays((SELECT since FROM w), :until, :filter, :store)
GROUP BY exporter, odid
ORDER BY exporter, odid;

SELECT losses(:since, :until, :store) AS losses;
