-- SPDX-License-Identifier: MIT
-- Do the flows of an interface add up to what the interface counted?
--
--   :overhead  octets of a frame that are not of its IP packet  default 18
--   :bucket    seconds that the flows' times are cut to         default: a thousandth of the time
--   :since, :until, :store                           default: everything in the store
--
-- The counters are those of sFlow agents (`if_counters`), of the same exporter, over the time from their
-- first sample in the window to their last. Counters have whole frames, as sFlow's samples have; other flows have IP
-- packets, so :overhead is added for each packet; frames that are not IP remain. `off %` is by how much the flows have more (or
-- less) than the counters. A large one means: flows lost, a wrong sampling rate, an interface
-- that is metered in one direction only, or a time too short for the sampling.
--
-- Sample output:
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH asked(overhead, bucket) AS MATERIALIZED (
    SELECT coalesce(bounded(:overhead, 'overhead', 0, 1000), 18), bounded(:bucket, 'bucket', 1, 31622400)
), samples AS MATERIALIZED (
    SELECT exporter, ifIndex, time, ifInOctets, ifOutOctets, ifInUcastPkts, ifOutUcastPkts,
           lag(ifInOctets) OVER interface AS in_before, lag(ifOutOctets) OVER interface AS out_before
    FROM if_counters(:since, :until, :store)
    WINDOW interface AS (PARTITION BY exporter, odid, ifIndex ORDER BY time)
), counted AS MATERIALIZED (
    SELECT exporter, ifIndex, min(time) AS since, max(time) AS until,
           -- An agent that started again counts from 0.
           sum(CASE WHEN ifInOctets >= in_before THEN ifInOctets - in_before
                    ELSE (in_before IS NOT NULL) * ifInOctets END) AS octets_in,
           sum(CASE WHEN ifOutOctets >= out_before THEN ifOutOctets - out_before
                    ELSE (out_before IS NOT NULL) * ifOutOctets END) AS octets_out
    FROM samples GROUP BY exporter, ifIndex HAVING count(*) > 1
), spans AS MATERIALIZED (
    SELECT exporter, min(since) AS since, max(until) AS until,
           coalesce(asked.bucket, max(1, CAST((julianday(max(until)) - julianday(min(since))) * 86.4 AS INTEGER))) AS bucket
    FROM asked CROSS JOIN counted GROUP BY exporter
), came AS MATERIALIZED (
    SELECT f.exporter, inif AS ifIndex, s.since, time, bytes + packets * iif(version = 'sflow', 0, overhead) AS octets
    FROM asked CROSS JOIN spans s, traffic(s.since, s.until, NULL, :store, s.bucket) f WHERE inif IS NOT NULL AND f.exporter = s.exporter
), went AS MATERIALIZED (
    SELECT f.exporter, outif AS ifIndex, s.since, time, bytes + packets * iif(version = 'sflow', 0, overhead) AS octets
    FROM asked CROSS JOIN spans s, traffic(s.since, s.until, NULL, :store, s.bucket) f WHERE outif IS NOT NULL AND f.exporter = s.exporter
), flows_in AS MATERIALIZED (
    SELECT exporter, ifIndex, sum(octets) AS octets FROM counted c JOIN came f USING (exporter, ifIndex)
    WHERE (f.time >= c.since OR c.since = f.since) AND f.time < c.until GROUP BY exporter, ifIndex
), flows_out AS MATERIALIZED (
    SELECT exporter, ifIndex, sum(octets) AS octets FROM counted c JOIN went f USING (exporter, ifIndex)
    WHERE (f.time >= c.since OR c.since = f.since) AND f.time < c.until GROUP BY exporter, ifIndex
), beside AS (
    SELECT c.*, i.octets AS flows_in, o.octets AS flows_out
    FROM counted c LEFT JOIN flows_in i USING (exporter, ifIndex) LEFT JOIN flows_out o USING (exporter, ifIndex)
)
SELECT b.exporter, b.ifIndex, (SELECT max(name) FROM flow_interfaces(NULL, NULL, :store) i
                               WHERE i.exporter = b.exporter AND i.ifindex = b.ifIndex) AS name,
       since, until, octets_in, coalesce(flows_in, 0) AS flows_in,
       round(100.0 * (coalesce(flows_in, 0) - octets_in) / nullif(octets_in, 0), 1) AS "in off %",
       octets_out, coalesce(flows_out, 0) AS flows_out,
       round(100.0 * (coalesce(flows_out, 0) - octets_out) / nullif(octets_out, 0), 1) AS "out off %"
FROM asked CROSS JOIN beside b
ORDER BY b.exporter COLLATE ip, b.ifIndex;

SELECT losses(:since, :until, :store) AS losses;
