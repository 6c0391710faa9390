-- SPDX-License-Identifier: MIT
-- Which ports are in demand now, and were they in the last 24 hours?  (NfSen's PortTracker)
--
--   :until   when now is                             default: the end of the store
--   :order   flows, packets or bytes                 default flows
--   :n       how many ports of each protocol         default 10
--   :filter, :store                                  default: all flows of the store
--
-- Ports are those that flows go to. `rank_5m` and `rank_24h` are places by :order in the last 5 minutes and
-- 24 hours before :until.
--
-- Sample output (:n 3):
-- ┌───────┬───────┬─────────┬──────────┬──────────┬───────────┬────────────┬─────────────┬──────────┬───────────┐
-- │ proto │ port  │ rank_5m │ rank_24h │ flows_5m │ flows_24h │ packets_5m │ packets_24h │ bytes_5m │ bytes_24h │
-- ├───────┼───────┼─────────┼──────────┼──────────┼───────────┼────────────┼─────────────┼──────────┼───────────┤
-- │ tcp   │ 80    │ 1       │ 1        │ 418      │ 418       │ 3753       │ 3753        │ 1253146  │ 1253146   │
-- │ tcp   │ 63296 │ 2       │ 2        │ 100      │ 100       │ 100        │ 100         │ 4008     │ 4008      │
-- │ tcp   │ 443   │ 3       │ 3        │ 15       │ 15        │ 395        │ 395         │ 36176    │ 36176     │
-- │ udp   │ 53    │ 1       │ 1        │ 14       │ 14        │ 14         │ 14          │ 1296     │ 1296      │
-- │ udp   │ 16384 │ 2       │ 2        │ 1        │ 1         │ 2000       │ 2000        │ 400000   │ 400000    │
-- │ udp   │ 20000 │ 3       │ 3        │ 1        │ 1         │ 2000       │ 2000        │ 400000   │ 400000    │
-- └───────┴───────┴─────────┴──────────┴──────────┴───────────┴────────────┴─────────────┴──────────┴───────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH now(t) AS MATERIALIZED (
    SELECT coalesce(flow_time(:until, 'until'), strftime('%Y-%m-%d %H:%M:%f', max(last), '+0.001 seconds'))
    FROM flow_files(NULL, NULL, :store)
), asked(name, filter, "order") AS (
    SELECT column1, filter_and(:filter, column2), CASE WHEN coalesce(:order, 'flows') IN ('flows', 'packets', 'bytes')
        THEN coalesce(:order, 'flows') ELSE refuse('order: ' || :order || ': no such order: there are flows, packets, bytes') END
    FROM (VALUES ('tcp', 'proto tcp'), ('udp', 'proto udp'))
), ranked_5m AS MATERIALIZED ( -- rows of flow_stat come in their order; a flow may have no port
    SELECT name, element AS dstport, coalesce(element, -1) AS port, flows, packets, bytes, f.rowid AS rank
    FROM now CROSS JOIN asked a CROSS JOIN flow_stat('dstport', a."order", -1, strftime('%Y-%m-%d %H:%M:%f', t, '-5 minutes'), t, a.filter, :store) f
), ranked_24h AS MATERIALIZED ( -- of which only the first ones, and those that are so now, are kept
    SELECT name, element AS dstport, coalesce(element, -1) AS port, flows, packets, bytes, f.rowid AS rank
    FROM now CROSS JOIN asked a CROSS JOIN flow_stat('dstport', a."order", -1, strftime('%Y-%m-%d %H:%M:%f', t, '-1 day'), t, a.filter, :store) f
    WHERE f.rowid <= coalesce(:n, 10)
       OR port IN (SELECT port FROM ranked_5m WHERE rank <= coalesce(:n, 10))
), of_these AS MATERIALIZED (
    SELECT * FROM ranked_5m WHERE port IN (SELECT port FROM ranked_24h)
)
SELECT d.name AS proto, d.dstport AS port, m.rank AS rank_5m, d.rank AS rank_24h,
       coalesce(m.flows, 0) AS flows_5m, d.flows AS flows_24h,
       coalesce(m.packets, 0) AS packets_5m, d.packets AS packets_24h,
       coalesce(m.bytes, 0) AS bytes_5m, d.bytes AS bytes_24h
FROM ranked_24h d LEFT JOIN of_these m ON m.name = d.name AND m.port = d.port
WHERE d.rank <= coalesce(:n, 10) OR m.rank <= coalesce(:n, 10)
ORDER BY 1, coalesce(m.rank, 1e9), d.rank;

SELECT losses(strftime('%Y-%m-%d %H:%M:%f', min(max(last), coalesce(flow_time(:until, 'until'), max(last))), '-1 day'), :until, :store) AS losses FROM flow_files(NULL, NULL, :store);
