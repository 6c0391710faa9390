-- SPDX-License-Identifier: MIT
-- What else was on the line while the call was bad?
--
--   :since, :until                                   the time of the call; default: everything in the store
--   :host    one of its ends, or several             default: all that speak RTP
--   :call    what is the call, in the filter language
--                                                    default 'proto udp and port in [5004-5061 10000-32767] and bytes > 10k'
--   :bucket  seconds a row of the second table       default 5; more where that made over 1000 rows
--   :n       how many others                         default 10
--   :filter, :store                                  default: all flows of the store; :filter 'out if 3' is a line
--
-- `dscp` of a call should be 46 (EF); others with more bits a second and the same or no DSCP compete with it.
-- `share` is of all octets in that time, from its first packet to its last within :since and :until. Where the call's packets fall below what it began with,
-- it lost some before the probe; who was large in those seconds is to be suspected.
--
-- Needs: site
--
-- Sample output (:n 4, :bucket 20):
-- ┌────────────────────┬────────────────────┬──────┬─────────┬────────┬──────┬───────┬─────────────────────────┬─────────────────────────┐
-- │        src         │        dst         │ dscp │ packets │ bytes  │ pps  │  bps  │          first          │          last           │
-- ├────────────────────┼────────────────────┼──────┼─────────┼────────┼──────┼───────┼─────────────────────────┼─────────────────────────┤
-- │ 192.168.1.30:16384 │ 198.51.100.5:20000 │ 0    │ 2000    │ 400000 │ 50.0 │ 80040 │ 2026-11-23 18:12:41.170 │ 2026-11-23 18:13:21.150 │
-- │ 198.51.100.5:20000 │ 192.168.1.30:16384 │ 0    │ 2000    │ 400000 │ 50.0 │ 80040 │ 2026-11-23 18:12:41.170 │ 2026-11-23 18:13:21.150 │
-- └────────────────────┴────────────────────┴──────┴─────────┴────────┴──────┴───────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────┬──────────────┬──────────┬───────────────┬───────────┐
-- │          time           │ call_packets │ call_bps │ other_packets │ other_bps │
-- ├─────────────────────────┼──────────────┼──────────┼───────────────┼───────────┤
-- │ 2026-11-23 18:12:20.000 │ 0            │ 0        │ 245           │ 71826     │
-- │ 2026-11-23 18:12:40.000 │ 1882         │ 150711   │ 6184          │ 2312788   │
-- │ 2026-11-23 18:13:00.000 │ 2002         │ 160076   │ 2858          │ 911819    │
-- │ 2026-11-23 18:13:20.000 │ 116          │ 9212     │ 1504          │ 94746     │
-- │ 2026-11-23 18:13:40.000 │ 0            │ 0        │ 11            │ 844       │
-- └─────────────────────────┴──────────────┴──────────┴───────────────┴───────────┘
-- ┌────────────────┬────────────────┬───────┬─────────────┬──────┬─────────┬─────────┬────────┬───────┐
-- │     srcip      │     dstip      │ proto │ application │ dscp │ packets │  bytes  │  bps   │ share │
-- ├────────────────┼────────────────┼───────┼─────────────┼──────┼─────────┼─────────┼────────┼───────┤
-- │ 203.0.113.10   │ 192.168.1.20   │ tcp   │ http        │ 0    │ 3233    │ 4173610 │ 835119 │ 47.1  │
-- │ 192.168.1.20   │ 203.0.113.10   │ tcp   │ http        │ 0    │ 2231    │ 1169827 │ 234077 │ 13.2  │
-- │ 2001:db8:2::10 │ 2001:db8:1::20 │ tcp   │ http        │ 0    │ 705     │ 1051013 │ 210303 │ 11.9  │
-- │ 192.168.1.10   │ 192.168.1.20   │ tcp   │ other       │ 0    │ 472     │ 680392  │ 136143 │ 7.7   │
-- └────────────────┴────────────────┴───────┴─────────────┴──────┴─────────┴─────────┴────────┴───────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Title: The call
WITH asked(call) AS (
    SELECT filter_and(coalesce(:call, 'proto udp and port in [5004-5061 10000-32767] and bytes > 10k'),
                      coalesce(filter_in('host', :host, 'host'), 'any'))
), largest AS MATERIALIZED (
    SELECT srcip, srcport, dstip, dstport, bytes
    FROM traffic(:since, :until, filter_and(:filter, (SELECT call FROM asked)), :store)
    ORDER BY bytes DESC, srcip, srcport, dstip, dstport LIMIT coalesce(:n, 10)
), near(filter) AS MATERIALIZED ( -- flows of these addresses; all where one has none, as what an exporter adds up
    SELECT filter_and(filter_and(:filter, (SELECT call FROM asked)),
        CASE WHEN count(*) > count(srcip) THEN 'any' ELSE coalesce(filter_in('src ip', group_concat(DISTINCT srcip), ''), 'not any') END || ' and ' ||
        CASE WHEN count(*) > count(dstip) THEN 'any' ELSE coalesce(filter_in('dst ip', group_concat(DISTINCT dstip), ''), 'not any') END)
    FROM largest
)
SELECT coalesce(t.srcip, '') || coalesce(':' || t.srcport, '') AS src, coalesce(t.dstip, '') || coalesce(':' || t.dstport, '') AS dst, min(tos >> 2) AS dscp, sum(packets) AS packets,
       sum(t.bytes) AS bytes,
       round(sum(packets) / nullif((julianday(min(max(last), w.until)) - julianday(max(min(first), w.since))) * 86400, 0), 1) AS pps,
       CAST(round(8 * sum(t.bytes) / nullif((julianday(min(max(last), w.until)) - julianday(max(min(first), w.since))) * 86400, 0)) AS INTEGER) AS bps,
       min(first) AS first, max(last) AS last
FROM (SELECT coalesce(flow_time(:since, 'since'), '') AS since, coalesce(flow_time(:until, 'until'), '9999') AS until) AS w,
     traffic(:since, :until, (SELECT filter FROM near), :store) t
JOIN largest l ON l.srcip IS t.srcip AND l.dstip IS t.dstip AND l.srcport IS t.srcport AND l.dstport IS t.dstport
GROUP BY t.srcip, t.srcport, t.dstip, t.dstport
ORDER BY sum(t.bytes) DESC, src, dst;

-- Title: Over time
-- Chart: step=:bucket values=bps,packets parts=call,other
WITH asked(call) AS (
    SELECT filter_and(coalesce(:call, 'proto udp and port in [5004-5061 10000-32767] and bytes > 10k'),
                      coalesce(filter_in('host', :host, 'host'), 'any'))
), span AS (
    SELECT 86400 * (julianday(min(max(last), coalesce(flow_time(:until, 'until'), '9999'))) -
                    julianday(max(min(first), coalesce(flow_time(:since, 'since'), '')))) AS seconds
    FROM flow_files(:since, :until, :store)
), step(s) AS MATERIALIZED (
    SELECT coalesce(:bucket, min(column1), 86400)
    FROM span, (VALUES (5), (10), (30), (60), (300), (900), (3600), (21600), (86400))
    WHERE column1 * 1000 >= seconds
), call AS MATERIALIZED (
    SELECT time, packets, bytes FROM asked, traffic(:since, :until, filter_and(:filter, call), :store, (SELECT s FROM step))
)
SELECT t.time, coalesce(c.packets, 0) AS call_packets, 8 * coalesce(c.bytes, 0) / (SELECT s FROM step) AS call_bps,
       t.packets - coalesce(c.packets, 0) AS other_packets,
       8 * (t.bytes - coalesce(c.bytes, 0)) / (SELECT s FROM step) AS other_bps
FROM traffic(:since, :until, :filter, :store, (SELECT s FROM step)) t LEFT JOIN call c ON c.time IS t.time
ORDER BY t.time;

-- Title: What else there was
WITH asked(call) AS (
    SELECT filter_and(coalesce(:call, 'proto udp and port in [5004-5061 10000-32767] and bytes > 10k'),
                      coalesce(filter_in('host', :host, 'host'), 'any'))
), span AS MATERIALIZED (
    SELECT max(min(first), coalesce(flow_time(:since, 'since'), '')) AS first,
           min(strftime('%Y-%m-%d %H:%M:%f', max(last), '+0.001 seconds'), coalesce(flow_time(:until, 'until'), '9999')) AS last
    FROM asked, traffic(:since, :until, filter_and(:filter, call), :store)
), other AS MATERIALIZED (
    SELECT filter_and(:filter, 'not (' || call || ')') AS filter,
           coalesce(first, '1970-01-01') AS first, coalesce(last, '1970-01-01 00:00:01') AS last FROM asked, span
), others AS MATERIALIZED (
    SELECT srcip, dstip, proto, application, packets, bytes
    FROM traffic((SELECT first FROM other), (SELECT last FROM other), (SELECT filter FROM other), :store)
    ORDER BY bytes DESC, srcip, dstip, application LIMIT coalesce(:n, 10)
), near(filter) AS MATERIALIZED (
    SELECT filter_and((SELECT filter FROM other),
        CASE WHEN count(*) > count(srcip) THEN 'any' ELSE coalesce(filter_in('src ip', group_concat(DISTINCT srcip), ''), 'not any') END || ' and ' ||
        CASE WHEN count(*) > count(dstip) THEN 'any' ELSE coalesce(filter_in('dst ip', group_concat(DISTINCT dstip), ''), 'not any') END)
    FROM others
), marks AS MATERIALIZED (
    SELECT srcip, dstip, proto, application, max(tos >> 2) AS dscp
    FROM traffic((SELECT first FROM other), (SELECT last FROM other), (SELECT filter FROM near), :store)
    GROUP BY 1, 2, 3, 4
)
SELECT o.srcip, o.dstip, proto_name(o.proto) AS proto, o.application, dscp, packets, bytes,
       CAST(round(8 * bytes / nullif((julianday(last) - julianday(first)) * 86400, 0)) AS INTEGER) AS bps,
       round(100.0 * bytes / (SELECT sum(bytes) FROM span, traffic(span.first, span.last, :filter, :store)), 1) AS share
FROM span, others o LEFT JOIN marks m ON m.srcip IS o.srcip AND m.dstip IS o.dstip AND m.proto IS o.proto
    AND m.application IS o.application
ORDER BY bytes DESC, o.srcip, o.dstip, o.application;

SELECT losses(:since, :until, :store) AS losses;
