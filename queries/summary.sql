-- SPDX-License-Identifier: MIT
-- How much was there altogether?  (the summary lines below every nfdump listing; flow-stat -f0, -f15)
--
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Rates are over the time from the first packet to the last, of which :since and :until cut off what is outside; bpp is
-- octets a packet.
--
-- Sample output:
-- ┌───────┬─────────┬─────────┬─────────┬─────┬─────┬─────────────────────────┬─────────────────────────┐
-- │ flows │ packets │  bytes  │   bps   │ pps │ bpp │          first          │          last           │
-- ├───────┼─────────┼─────────┼─────────┼─────┼─────┼─────────────────────────┼─────────────────────────┤
-- │ 1143  │ 14802   │ 9280061 │ 1046407 │ 209 │ 626 │ 2026-11-23 18:12:35.180 │ 2026-11-23 18:13:46.128 │
-- └───────┴─────────┴─────────┴─────────┴─────┴─────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH total AS (
    SELECT sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes,
           min(first) AS first, max(last) AS last
    FROM traffic(:since, :until, :filter, :store)
), timed AS (
    SELECT *, nullif((julianday(min(last, coalesce(flow_time(:until, 'until'), last))) -
                      julianday(max(first, coalesce(flow_time(:since, 'since'), first)))) * 86400, 0) AS seconds
    FROM total
)
SELECT flows, packets, bytes,
       CAST(round(8 * bytes / seconds) AS INTEGER) AS bps,
       CAST(round(packets / seconds) AS INTEGER) AS pps,
       bytes / nullif(packets, 0) AS bpp,
       first, last
FROM timed;

SELECT losses(:since, :until, :store) AS losses;
