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

WITH w AS (
    SELECT CASE WHEN :since IS NOT NULL THEN :since ELSE datetime(max(last), '-10 minutes') END AS since
    FROM flow_files(NULL, :until, :store)
)
SELECT exporter, odid, version, count(*) AS flows, min(trecv_ms - tend_ms) / 1000.0 AS least_delay,
       round(avg(trecv_ms - tend_ms) / 1000, 3) AS average_delay, max(trecv_ms - tend_ms) / 1000.0 AS greatest_delay,
       sum(tend_ms > trecv_ms) AS from_the_future,
       CASE WHEN min(trecv_ms - tend_ms) < -1000 THEN 'clock ahead'
            WHEN min(trecv_ms - tend_ms) > 60000 THEN 'clock behind, or late' ELSE 'ok' END AS verdict
FROM w, flows(w.since, :until, :filter, :store)
GROUP BY exporter, odid, version
ORDER BY exporter, odid, version;

SELECT losses(:since, :until, :store) AS losses;
