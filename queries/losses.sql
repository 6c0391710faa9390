-- SPDX-License-Identifier: MIT
-- What was lost on the way from each exporter, and how was it sampled?  (nfdump -E)
--
--   :since, :until, :store                           default: everything in the store
--
-- `lost` is by the exporter's own sequence numbers, which count datagrams in v9 and sFlow and flows in the
-- others: `unit` says which. `error %` is how far a sum of all the exporter's flows may be off because of
-- sampling, with a certainty of 95 %: 196 / sqrt(packets sampled). What came to this machine and was dropped
-- here is part of what is lost.
--
-- Sample output:
-- ┌──────────┬──────┬─────────┬───────────┬───────┬───────┬──────┬────────┬─────────────┬───────────┬──────────┬────────┬─────────┬─────────────────────────┐
-- │ exporter │ odid │ version │ datagrams │ flows │ unit  │ lost │ lost % │ no_template │ malformed │ sampling │ origin │ error % │        last_file        │
-- ├──────────┼──────┼─────────┼───────────┼───────┼───────┼──────┼────────┼─────────────┼───────────┼──────────┼────────┼─────────┼─────────────────────────┤
-- │          │ 0    │ probe   │ 0         │ 1143  │ flows │ 0    │ 0.0    │ 0           │ 0         │          │        │         │ 2026-11-23 18:10:00.000 │
-- └──────────┴──────┴─────────┴───────────┴───────┴───────┴──────┴────────┴─────────────┴───────────┴──────────┴────────┴─────────┴─────────────────────────┘

.mode box
.headers on

-- Title: By exporter
SELECT exporter, odid, version, sum(datagrams) AS datagrams, sum(flows) AS flows,
       CASE WHEN version IN ('v9', 'sflow') THEN 'datagrams' ELSE 'flows' END AS unit, sum(lost) AS lost,
       round(100.0 * sum(lost) / nullif(sum(lost) + CASE WHEN version IN ('v9', 'sflow') THEN sum(datagrams)
                                                         ELSE sum(flows) + sum(options) END, 0), 3) AS "lost %",
       sum(no_template) AS no_template, sum(malformed) AS malformed,
       CASE WHEN min(sampling) < max(sampling) THEN min(sampling) || ' to ' || max(sampling)
            ELSE max(sampling) END AS sampling, max(sampling_origin) AS origin,
       CASE WHEN max(sampling) > 1 THEN round(196 / sqrt(sum(packets)), 2) END AS "error %",
       max(begin) AS last_file
FROM flow_exporters(:since, :until, :store)
GROUP BY exporter, odid, version
ORDER BY exporter COLLATE ip, odid, version;

-- Title: By socket
SELECT address, port, protocol, sum(datagrams) AS datagrams, sum(drops) AS dropped_by_kernel,
       sum(ring_drops) AS dropped_by_collector, min(buffer) AS buffer
FROM flow_sockets(:since, :until, :store)
GROUP BY address, port, protocol
ORDER BY address, port, protocol;
