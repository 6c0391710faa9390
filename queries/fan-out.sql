-- SPDX-License-Identifier: MIT
-- Which host talks to very many others?  (flow-report ip-source-address-destination-count)
--
--   :min     hosts that it must have sent to         default 20
--   :n       how many, -1 for all                    default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- `tried` are those to which nothing but SYNs went.
--
-- Sample output (:min 3):
-- ┌───────────────────────────┬───────┬───────┬───────┬─────────┬────────┬─────────────────────────┬─────────────────────────┐
-- │           srcip           │ hosts │ tried │ flows │ packets │ bytes  │       first_seen        │        last_seen        │
-- ├───────────────────────────┼───────┼───────┼───────┼─────────┼────────┼─────────────────────────┼─────────────────────────┤
-- │ fe80::6444:61ff:fefb:7a42 │ 5     │ 0     │ 10    │ 11      │ 976    │ 2026-11-23 18:12:35.757 │ 2026-11-23 18:13:31.660 │
-- │ 192.168.1.10              │ 4     │ 0     │ 29    │ 930     │ 727185 │ 2026-11-23 18:12:36.081 │ 2026-11-23 18:13:46.128 │
-- │ 2001:db8:1::10            │ 4     │ 0     │ 20    │ 251     │ 24022  │ 2026-11-23 18:12:39.077 │ 2026-11-23 18:13:24.830 │
-- │ 2001:db8:1::20            │ 3     │ 0     │ 5     │ 585     │ 43161  │ 2026-11-23 18:12:36.080 │ 2026-11-23 18:13:34.540 │
-- │ fe80::3038:65ff:fe22:653  │ 3     │ 0     │ 6     │ 7       │ 456    │ 2026-11-23 18:12:35.724 │ 2026-11-23 18:13:35.756 │
-- │ fe80::a8aa:4eff:fe9b:91ea │ 3     │ 0     │ 8     │ 11      │ 744    │ 2026-11-23 18:12:35.692 │ 2026-11-23 18:13:35.756 │
-- └───────────────────────────┴───────┴───────┴───────┴─────────┴────────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- A row of traffic that names two columns is a pair of theirs, of which there is no other.
WITH wide AS MATERIALIZED (
    SELECT srcip, count(dstip) AS hosts FROM traffic(:since, :until, :filter, :store)
    GROUP BY srcip ORDER BY hosts DESC LIMIT coalesce(:n, 20)
), met AS MATERIALIZED ( -- hosts to which something else went
    SELECT srcip, count(dstip) AS met
    FROM traffic(:since, :until, filter_and(:filter, 'not proto tcp or not flags S or flags A or flags F or flags P or flags U'), :store)
    WHERE srcip IN (SELECT srcip FROM wide) GROUP BY srcip
), totals AS MATERIALIZED (
    SELECT srcip, flows, packets, bytes, first, last FROM traffic(:since, :until, :filter, :store)
    WHERE srcip IN (SELECT srcip FROM wide)
)
SELECT w.srcip, w.hosts, w.hosts - coalesce(met, 0) AS tried, sum(t.flows) AS flows, sum(t.packets) AS packets,
       sum(t.bytes) AS bytes, min(t.first) AS first_seen, max(t.last) AS last_seen
FROM wide w JOIN totals t USING (srcip) LEFT JOIN met USING (srcip)
WHERE w.hosts >= coalesce(bounded(:min, 'min', 0, 1e18), 20)
GROUP BY w.srcip
ORDER BY w.hosts DESC, w.srcip;

SELECT losses(:since, :until, :store) AS losses;
