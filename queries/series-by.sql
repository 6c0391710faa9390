-- SPDX-License-Identifier: MIT
-- How did traffic go over time, by protocol, application, zone or exporter?
--
--   :by      protocol, application, zone (of the end that is not local), exporter  default protocol
--            app: application by what exporters recognise, as flowprobe -k does
--   :bucket  seconds a row                           default 300
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Each flow counts once.
--
-- Needs: site
--
-- Sample output (:by zone, :bucket 60):
-- ┌─────────────────────────┬───────────────┬───────┬─────────┬─────────┬────────┐
-- │          time           │     item      │ flows │ packets │  bytes  │  bps   │
-- ├─────────────────────────┼───────────────┼───────┼─────────┼─────────┼────────┤
-- │ 2026-11-23 18:12:00.000 │ domestic      │ 50    │ 6311    │ 5946789 │ 792905 │
-- │ 2026-11-23 18:12:00.000 │ international │ 6     │ 1964    │ 388782  │ 51837  │
-- │ 2026-11-23 18:12:00.000 │ local         │ 25    │ 36      │ 2744    │ 365    │
-- │ 2026-11-23 18:13:00.000 │ domestic      │ 1044  │ 3391    │ 1797214 │ 239628 │
-- │ 2026-11-23 18:13:00.000 │ local         │ 18    │ 836     │ 699776  │ 93303  │
-- │ 2026-11-23 18:13:00.000 │ international │ 0     │ 2264    │ 444756  │ 59300  │
-- └─────────────────────────┴───────────────┴───────┴─────────┴─────────┴────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Chart: table step=:bucket stack=item
WITH parts(time, item, flows, packets, bytes) AS (
    SELECT time, proto_name(proto), flows, packets, bytes
        FROM traffic(:since, :until, :filter, :store, :bucket) WHERE coalesce(:by, 'protocol') = 'protocol'
    UNION ALL SELECT time, exporter, flows, packets, bytes
        FROM traffic(:since, :until, :filter, :store, :bucket) WHERE :by = 'exporter'
    UNION ALL SELECT time, CASE WHEN srczone = 'local' THEN dstzone ELSE srczone END, flows, packets, bytes
        FROM traffic(:since, :until, :filter, :store, :bucket) WHERE :by = 'zone'
    UNION ALL SELECT time, application, flows, packets, bytes
        FROM traffic(:since, :until, :filter, :store, :bucket) WHERE :by = 'application'
    UNION ALL SELECT time, app, flows, packets, bytes
        FROM traffic(:since, :until, :filter, :store, :bucket) WHERE :by = 'app'
    UNION ALL SELECT refuse('by: ' || :by || ': there are protocol, application, app, zone, exporter'), NULL, 0, 0, 0
        WHERE :by NOT IN ('protocol', 'application', 'app', 'zone', 'exporter')
)
SELECT time, item, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes,
       8 * sum(bytes) / coalesce(:bucket, 300) AS bps
FROM parts
GROUP BY time, item
ORDER BY time, bytes DESC, item;

SELECT losses(:since, :until, :store) AS losses;
