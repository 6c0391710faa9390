-- SPDX-License-Identifier: MIT
-- How did flows, packets and bytes of TCP, UDP, ICMP and the rest go?  (NfSen's details)
--
--   :range   day, week, month or year: that much up to the end of the store, in NfSen's steps of 5
--            minutes, 30 minutes, 2 hours and a day  default: everything in the store
--   :bucket  seconds a row                           default 300, or :range's
--   :since, :until                                   default: as :range says
--   :filter, :store                                  default: all flows of the store
--
-- A flow that lasts over several rows counts in each with its part of the packets and bytes, and as a
-- flow in the row where it began.
--
-- Sample output (:bucket 30):
-- ┌─────────────────────────┬───────┬───────────┬───────────┬────────────┬─────────────┬─────────┬─────────────┬─────────────┬──────────────┬───────────────┬─────────┬───────────┬───────────┬────────────┬─────────────┐
-- │          time           │ flows │ flows_tcp │ flows_udp │ flows_icmp │ flows_other │ packets │ packets_tcp │ packets_udp │ packets_icmp │ packets_other │  bytes  │ bytes_tcp │ bytes_udp │ bytes_icmp │ bytes_other │
-- ├─────────────────────────┼───────┼───────────┼───────────┼────────────┼─────────────┼─────────┼─────────────┼─────────────┼──────────────┼───────────────┼─────────┼───────────┼───────────┼────────────┼─────────────┤
-- │ 2026-11-23 18:12:30.000 │ 81    │ 34        │ 16        │ 31         │ 0           │ 8311    │ 6297        │ 1896        │ 118          │ 0             │ 6338315 │ 5933773   │ 378162    │ 26380      │ 0           │
-- │ 2026-11-23 18:13:00.000 │ 1056  │ 1034      │ 14        │ 8          │ 0           │ 6439    │ 4209        │ 2132        │ 98           │ 0             │ 2934427 │ 2501085   │ 424630    │ 8712       │ 0           │
-- │ 2026-11-23 18:13:30.000 │ 6     │ 0         │ 0         │ 6          │ 0           │ 52      │ 26          │ 0           │ 26           │ 0             │ 7319    │ 5403      │ 0         │ 1916       │ 0           │
-- └─────────────────────────┴───────┴───────────┴───────────┴────────────┴─────────────┴─────────┴─────────────┴─────────────┴──────────────┴───────────────┴─────────┴───────────┴───────────┴────────────┴─────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Chart: table step=:bucket values=bytes,packets,flows parts=tcp,udp,icmp,other
WITH ranges(range, span, bucket) AS (
    VALUES ('day', '-1 day', 300), ('week', '-7 days', 1800), ('month', '-1 month', 7200),
           ('year', '-1 year', 86400)
), asked AS (
    SELECT CASE WHEN :range IS NOT NULL AND (SELECT bucket FROM ranges WHERE range = :range) IS NULL
               THEN refuse('range: ' || :range || ': day, week, month or year')
               ELSE coalesce(:bucket, (SELECT bucket FROM ranges WHERE range = :range), 300) END AS bucket,
           coalesce(:since, strftime('%Y-%m-%d %H:%M:%f', min(max(last), coalesce(flow_time(:until, 'until'), max(last))),
                                    (SELECT span FROM ranges WHERE range = :range))) AS since
    FROM flow_files(NULL, NULL, :store)
), parts AS (
    SELECT time, CASE WHEN proto IN (6, 17, 1) THEN proto WHEN proto = 58 THEN 1 END AS kind,
           flows, packets, bytes
    FROM asked, traffic(asked.since, :until, :filter, :store, asked.bucket)
)
SELECT time, sum(flows) AS flows, sum(flows * (kind IS 6)) AS flows_tcp,
       sum(flows * (kind IS 17)) AS flows_udp, sum(flows * (kind IS 1)) AS flows_icmp,
       sum(flows * (kind IS NULL)) AS flows_other,
       sum(packets) AS packets, sum(packets * (kind IS 6)) AS packets_tcp,
       sum(packets * (kind IS 17)) AS packets_udp, sum(packets * (kind IS 1)) AS packets_icmp,
       sum(packets * (kind IS NULL)) AS packets_other,
       sum(bytes) AS bytes, sum(bytes * (kind IS 6)) AS bytes_tcp,
       sum(bytes * (kind IS 17)) AS bytes_udp, sum(bytes * (kind IS 1)) AS bytes_icmp,
       sum(bytes * (kind IS NULL)) AS bytes_other
FROM parts
GROUP BY time
ORDER BY time;

SELECT losses(coalesce(:since, (
    SELECT datetime(max(last), CASE :range WHEN 'day' THEN '-1 day' WHEN 'week' THEN '-7 days' WHEN 'month' THEN '-1 month'
                                           WHEN 'year' THEN '-1 year' END) FROM flow_files(NULL, :until, :store))), :until, :store) AS losses;
