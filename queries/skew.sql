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
    SELECT CASE WHEN :since IS NOT NULL THEN :since ELSE datetime(max(last), '-10 minutes') END AS since
    FROM flow_files(NULL, :until, :store)
), delay AS MATERIALIZED (
    SELECT exporter, odid, count(*) AS flows, min(trecv_ms - tend_ms) AS least,
           avg(trecv_ms - tend_ms) AS average, max(trecv_ms - tend_ms) AS greatest, sum(tend_ms > trecv_ms) AS from_the_future
    FROM flows((SELECT since FROM w), :until, :filter, :store)
    GROUP BY exporter, odid
)
SELECT exporter, odid,
       coalesce((SELECT group_concat(DISTINCT version) FROM flow_exporters((SELECT since FROM w), :until, :store) AS x
                 WHERE x.exporter IS d.exporter AND x.odid IS d.odid), -- which has none of a probe's
                (SELECT group_concat(DISTINCT version) FROM traffic((SELECT since FROM w), :until, :filter, :store) AS x
                 WHERE x.exporter IS d.exporter AND x.odid IS d.odid)) AS version,
       flows, least / 1000.0 AS least_delay, round(average / 1000, 3) AS average_delay, greatest / 1000.0 AS greatest_delay,
       from_the_future,
       CASE WHEN least < -1000 THEN 'clock ahead' WHEN least > 60000 THEN 'clock behind, or late' ELSE 'ok' END AS verdict
FROM delay AS d
ORDER BY exporter, odid;

SELECT losses(:since, :until, :store) AS losses;
