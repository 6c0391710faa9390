-- SPDX-License-Identifier: MIT
-- Which exporters have gone silent?
--
--   :minutes  silent for so long, at least           default 15
--   :days     of those heard of in so many days before that  default 7
--   :now      when now is: 'now' for this moment      default: the end of the store's newest file
--   :store
--
-- `last_seen` is the begin of the last file with a datagram of it, or, where that is a merged day, when its last flow came. When all of them are silent, or the
-- collector is, the store ends: ask with :now 'now'.
--
-- Sample output (:now '2026-11-23 19:00'):
-- ┌──────────┬──────┬─────────┬─────────────────────────┬─────────────┬───────────┬───────┐
-- │ exporter │ odid │ version │        last_seen        │ minutes_ago │ datagrams │ flows │
-- ├──────────┼──────┼─────────┼─────────────────────────┼─────────────┼───────────┼───────┤
-- │          │ 0    │ probe   │ 2026-11-23 18:10:00.000 │ 49          │ 0         │ 1143  │
-- └──────────┴──────┴─────────┴─────────────────────────┴─────────────┴───────────┴───────┘

.mode box
.headers on

WITH ends(t) AS MATERIALIZED (
    SELECT coalesce(flow_time(:now, 'now'), datetime(max(unixepoch_of_end), 'unixepoch'))
    FROM (SELECT CAST(strftime('%s', begin) AS INTEGER) + length AS unixepoch_of_end FROM flow_files(NULL, NULL, :store))
), seen AS (
    SELECT exporter, odid, version, path, max(begin) AS last_seen, sum(datagrams) AS datagrams, sum(flows) AS flows, t
    FROM ends, flow_exporters(datetime(ends.t, printf('-%d days', coalesce(bounded(:days, 'days', 1, 36500), 7))), ends.t, :store)
    WHERE datagrams > 0 OR flows > 0
    GROUP BY exporter, odid, version
), precise AS MATERIALIZED ( -- a merged day says when a file began no more, but its flows when they came
    SELECT exporter, odid, version, datagrams, flows, t,
           CASE WHEN (SELECT length FROM flow_files(NULL, NULL, :store) AS f WHERE f.path = s.path) < 86400 THEN last_seen
           ELSE coalesce((SELECT max(trecv) FROM flows AS f WHERE f.store = :store AND f.trecv >= last_seen AND f.trecv < t AND f.exporter IS s.exporter
                                                              AND f.odid IS s.odid AND f.version IS s.version),
                         (SELECT max(trecv) FROM flows AS f WHERE f.store = :store AND f.trecv >= datetime(t, printf('-%d days', coalesce(:days, 7)))
                                                              AND f.trecv < last_seen AND f.exporter IS s.exporter
                                                              AND f.odid IS s.odid AND f.version IS s.version), last_seen) END AS last_seen
    FROM seen AS s
    WHERE last_seen < datetime(t, printf('-%d minutes', coalesce(bounded(:minutes, 'minutes', 0, 52560000), 15)))
)
SELECT exporter, odid, version, last_seen, CAST((julianday(t) - julianday(last_seen)) * 1440 AS INTEGER) AS minutes_ago,
       datagrams, flows
FROM precise
WHERE last_seen < datetime(t, printf('-%d minutes', coalesce(bounded(:minutes, 'minutes', 0, 52560000), 15)))
ORDER BY last_seen, exporter COLLATE ip;
