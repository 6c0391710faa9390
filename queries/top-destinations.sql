-- SPDX-License-Identifier: MIT
-- Who received most?  (nfdump -s dstip/bytes -n 10)
--
--   :n       how many addresses, -1 for all          default 10
--   :min     leave out those below so many bytes     default 0
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Percentages are of all traffic, also of what :n and :min leave out.
--
-- Sample output (:n 5):

.mode box
.headers on

WITH totals AS (
    SELECT dstip, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes,
           round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS percent
    FROM traffic(:since, :until, :filter, :store)
    GROUP BY dstip
)
SELECT * FROM totals
WHERE bytes >= coalesce(:min, 0)
ORDER BY bytes DESC, dstip
LIMIT coalesce(:n, 10);
