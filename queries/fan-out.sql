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

WITH wide AS MATERIALIZED (
    SELECT srcip, counted AS hosts, flows, packets, bytes, first, last FROM traffic(:since, :until, :filter, :store)
    WHERE count_of = 'dstip' AND counted >= coalesce(bounded(:min, 'min', 0, 1e18), 20) AND srcip >= ''
    ORDER BY counted DESC, srcip LIMIT coalesce(:n, 20)
), met AS MATERIALIZED ( -- hosts to which something else went
    SELECT srcip, sum(counted) AS met
    FROM traffic(:since, :until, filter_and(:filter, 'not proto tcp or not flags S or flags A or flags F or flags P or flags U'), :store)
    WHERE count_of = 'dstip' AND srcip IN (SELECT srcip FROM wide) GROUP BY srcip
)
SELECT srcip, hosts, hosts - coalesce(met, 0) AS tried, flows, packets, bytes, first AS first_seen, last AS last_seen
FROM wide LEFT JOIN met USING (srcip)
ORDER BY hosts DESC, srcip;

SELECT losses(:since, :until, :store) AS losses;
