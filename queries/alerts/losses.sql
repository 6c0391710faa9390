-- SPDX-License-Identifier: MIT
-- Is something lost on its way into the store?  (nfdump's sequence failures, flow-capture's lost flows)
--
--   :percent so much is well, of what an exporter sent, by its sequence numbers   default 0.1
--   :minutes within so many minutes before :until                                 default 60
--   :until   the end of them                                                      default: the end of the store
--   :store                                                                        default: the site's store
--
-- Lost by the way: datagrams of NetFlow v9 and sFlow, flows of the others. What this machine dropped is lost, too, and
-- said again by socket. Datagrams that could not be read are an alert however few they are.
--
-- Sample output (:percent -1):
-- ┌──────────┬──────┬─────────┬──────────┬──────┬─────────┬───────────┬─────────────┐
-- │ exporter │ odid │ version │ received │ lost │ percent │ malformed │ no_template │
-- ├──────────┼──────┼─────────┼──────────┼──────┼─────────┼───────────┼─────────────┤
-- │          │ 0    │ probe   │ 1143     │ 0    │ 0.0     │ 0         │ 0           │
-- └──────────┴──────┴─────────┴──────────┴──────┴─────────┴───────────┴─────────────┘

.mode box
.headers on

-- Key: exporter odid version
WITH span(until) AS (
    SELECT coalesce(flow_time(:until, 'until'), (SELECT max(last) FROM flow_files(NULL, NULL, :store)))
), exporters AS (
    SELECT exporter, odid, version, sum(lost) AS lost, sum(malformed) AS malformed, sum(no_template) AS no_template,
           CASE WHEN version IN ('v9', 'sflow') THEN sum(datagrams) ELSE sum(flows) + sum(options) END AS received
    FROM span, flow_exporters(datetime(span.until, -coalesce(bounded(:minutes, 'minutes', 1, 52560000), 60) || ' minutes'), span.until, :store)
    GROUP BY exporter, odid, version
)
SELECT exporter, odid, version, received, lost, round(100.0 * lost / nullif(lost + received, 0), 3) AS percent,
       malformed, no_template
FROM exporters
WHERE malformed > 0 OR 100.0 * lost > coalesce(bounded(:percent, 'percent', -1, 100.0), 0.1) * (lost + received)
ORDER BY lost DESC, exporter;

-- Title: Dropped by this machine
-- Key: address port protocol
SELECT address, port, protocol, sum(datagrams) AS datagrams, sum(drops) AS drops, sum(ring_drops) AS ring_drops
FROM (SELECT coalesce(flow_time(:until, 'until'), (SELECT max(last) FROM flow_files(NULL, NULL, :store))) AS until) AS span,
     flow_sockets(datetime(span.until, -coalesce(bounded(:minutes, 'minutes', 1, 52560000), 60) || ' minutes'), span.until, :store)
GROUP BY address, port, protocol HAVING sum(drops) + sum(ring_drops) > 0;
