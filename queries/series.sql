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

.mode box
.headers on

SELECT time, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes,
       8 * sum(bytes) / coalesce(:bucket, 300) AS bps
FROM traffic(:since, :until, :filter, :store, :bucket)
GROUP BY time
ORDER BY time;
