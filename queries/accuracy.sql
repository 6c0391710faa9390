-- SPDX-License-Identifier: MIT
-- Do the flows of an interface add up to what the interface counted?
--
--   :overhead  octets of a frame that are not of its IP packet  default 18
--   :bucket    seconds that the flows' times are cut to         default 60
--   :since, :until, :store                           default: everything in the store
--
-- The counters are those of sFlow agents (`if_counters`), of the same exporter, over the time from their
-- first sample in the window to their last. Counters have whole frames, flows have IP packets, so :overhead
-- is added for each packet; frames that are not IP remain. `off %` is by how much the flows have more (or
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

WITH samples AS MATERIALIZED (
    SELECT exporter, ifIndex, time, ifInOctets, ifOutOctets, ifInUcastPkts, ifOutUcastPkts,
           lag(ifInOctets) OVER interface AS in_before, lag(ifOutOctets) OVER interface AS out_before
    FROM if_counters(:since, :until, :store)
    WINDOW interface AS (PARTITION BY exporter, odid, ifIndex ORDER BY time)
), counted AS MATERIALIZED (
    SELECT exporter, ifIndex, min(time) AS since, max(time) AS until,
           -- An agent that started again counts from 0.
           sum(CASE WHEN ifInOctets >= in_before THEN ifInOctets - in_before ELSE (in_before IS NOT NULL) * ifInOctets END) AS octets_in,
           sum(CASE WHEN ifOutOctets >= out_before THEN ifOutOctets - out_before ELSE (out_before IS NOT NULL) * ifOutOctets END) AS octets_out
    FROM samples GROUP BY exporter, ifIndex HAVING count(*) > 1
), span AS (
    SELECT min(since) AS since, max(until) AS until FROM counted
), came AS MATERIALIZED (
    SELECT exporter, inif AS ifIndex, time, bytes + packets * coalesce(:overhead, 18) AS octets
    FROM span, traffic(span.since, span.until, NULL, :store, coalesce(:bucket, 60)) WHERE inif IS NOT NULL
), went AS MATERIALIZED (
    SELECT exporter, outif AS ifIndex, time, bytes + packets * coalesce(:overhead, 18) AS octets
    FROM span, traffic(span.since, span.until, NULL, :store, coalesce(:bucket, 60)) WHERE outif IS NOT NULL
), beside AS (
    SELECT c.*, (SELECT sum(octets) FROM came f WHERE f.exporter = c.exporter AND f.ifIndex = c.ifIndex
                     AND f.time >= datetime(c.since, printf('-%d seconds', coalesce(:bucket, 60))) AND f.time < c.until) AS flows_in,
           (SELECT sum(octets) FROM went f WHERE f.exporter = c.exporter AND f.ifIndex = c.ifIndex
                     AND f.time >= datetime(c.since, printf('-%d seconds', coalesce(:bucket, 60))) AND f.time < c.until) AS flows_out
    FROM counted c
)
SELECT b.exporter, b.ifIndex, (SELECT max(name) FROM flow_interfaces(NULL, NULL, :store) i
                               WHERE i.exporter = b.exporter AND i.ifindex = b.ifIndex) AS name,
       since, until, octets_in, coalesce(flows_in, 0) AS flows_in,
       round(100.0 * (coalesce(flows_in, 0) - octets_in) / nullif(octets_in, 0), 1) AS "in off %",
       octets_out, coalesce(flows_out, 0) AS flows_out,
       round(100.0 * (coalesce(flows_out, 0) - octets_out) / nullif(octets_out, 0), 1) AS "out off %"
FROM beside b
ORDER BY b.exporter COLLATE ip, b.ifIndex;

SELECT losses(:since, :until, :store) AS losses;
