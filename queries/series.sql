-- SPDX-License-Identifier: MIT
-- How did flows, packets and bytes go over time?  (NfSen's three graphs)
--
--   :bucket  seconds a row                           default 300
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A flow that lasts over several rows counts in each with its part of the packets and bytes, and
-- as a flow in the row where it began.
--
-- Sample output (:bucket 10):
-- ┌─────────────────────────┬───────┬─────────┬─────────┬─────────┐
-- │          time           │ flows │ packets │  bytes  │   bps   │
-- ├─────────────────────────┼───────┼─────────┼─────────┼─────────┤
-- │ 2026-11-23 18:12:30.000 │ 31    │ 245     │ 179566  │ 143652  │
-- │ 2026-11-23 18:12:40.000 │ 26    │ 5439    │ 4598966 │ 3679172 │
-- │ 2026-11-23 18:12:50.000 │ 24    │ 2627    │ 1559783 │ 1247826 │
-- │ 2026-11-23 18:13:00.000 │ 22    │ 3288    │ 2202440 │ 1761952 │
-- │ 2026-11-23 18:13:10.000 │ 218   │ 1572    │ 477298  │ 381838  │
-- │ 2026-11-23 18:13:20.000 │ 816   │ 1579    │ 254689  │ 203751  │
-- │ 2026-11-23 18:13:30.000 │ 5     │ 41      │ 5209    │ 4167    │
-- │ 2026-11-23 18:13:40.000 │ 1     │ 11      │ 2110    │ 1688    │
-- └─────────────────────────┴───────┴─────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Chart: table step=:bucket
SELECT time, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes,
       8 * sum(bytes) / coalesce(:bucket, 300) AS bps
FROM traffic(:since, :until, :filter, :store, :bucket)
GROUP BY time
ORDER BY time;

SELECT losses(:since, :until, :store) AS losses;
