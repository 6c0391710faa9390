-- SPDX-License-Identifier: MIT
-- Brings usage up to date: counts what was received since it was done last.  (flowreport update)
--
--   :hours   how many hours of reception in a transaction, the earliest first; flowreport goes on until all are done
--            default: all in one, of flowreport 24
--   :redo    count again what was received from then on, '2026-11-01', as far as the store still has all of it
--   :settle  leave for the next time what came in the last so many seconds    default 5
--   :store                                             default: the site's store
--
-- Needs: site
--
-- To be run from time to time, by cron or flowcollect -x. It may be killed at any moment, and run twice at once. A row
-- is an hour of reception that was counted. An hour is counted when the store has flows that were received in it and are
-- not in usage: new ones, late ones, those of an old capture (flowcollect -r). That flows expire, or files are
-- merged, changes nothing. Flows that come to an hour of which others have gone from the store cannot be told
-- from what is counted: they are left out, and uncounted says how many.
--
-- Sample output:
-- ┌─────────────────────────┬───────┬─────────┬───────────┬──────┐
-- │          recv           │ flows │ octets  │ uncounted │ left │
-- ├─────────────────────────┼───────┼─────────┼───────────┼──────┤
-- │ 2026-11-23 18:00:00.000 │ 1143  │ 9280061 │ 0         │ 0    │
-- └─────────────────────────┴───────┴─────────┴───────────┴──────┘

.bail on
.timeout 60000
.mode box
.headers on

DROP TABLE IF EXISTS temp.update_file;
DROP TABLE IF EXISTS temp.update_recv;
DROP TABLE IF EXISTS temp.update_hour;
DROP TABLE IF EXISTS temp.update_todo;
DROP TABLE IF EXISTS temp.update_usage;
DROP TABLE IF EXISTS temp.update_done;
DROP TABLE IF EXISTS temp.update_now;

-- What was received in the last seconds may not be all there yet.
CREATE TEMP TABLE update_now AS
SELECT strftime('%Y-%m-%d %H:%M:%f', 'now', (-coalesce(:settle, 5)) || ' seconds') AS settled;

-- Files that are new, have more in them than they had, or have gone.
CREATE TEMP TABLE update_file AS
WITH present AS MATERIALIZED (
    SELECT path, state, rows, bytes, size, recv_first, recv_last FROM flow_files WHERE store = :store AND rows > 0)
SELECT p.* FROM present AS p
LEFT JOIN usage_files AS u ON u.path = p.path AND u.state = p.state AND u.rows = p.rows
     AND u.bytes = p.bytes AND u.size = p.size
WHERE u.path IS NULL
UNION ALL
SELECT path, 'gone', rows, bytes, size, recv_first, recv_last FROM usage_files
WHERE path NOT IN (SELECT path FROM present);

-- The hours in which their flows were received. A file may reach far and have few: from each flow to the next hour.
CREATE TEMP TABLE update_recv AS
WITH RECURSIVE hop(recv, last) AS (
    SELECT substr(recv_first, 1, 13) || ':00:00.000', recv_last FROM update_file, update_now
    WHERE state <> 'gone' AND recv_first < settled
    UNION
    SELECT (SELECT substr(f.trecv, 1, 13) || ':00:00.000' FROM flows AS f
            WHERE f.store = :store AND f.trecv >= strftime('%Y-%m-%d %H:00:00.000', hop.recv, '+1 hour')
              AND f.trecv <= hop.last AND f.trecv < (SELECT settled FROM update_now)
            ORDER BY f.trecv LIMIT 1), last
    FROM hop
    WHERE recv IS NOT NULL AND strftime('%Y-%m-%d %H:00:00.000', recv, '+1 hour') <= last)
SELECT recv FROM hop WHERE recv IS NOT NULL
UNION
SELECT r.recv FROM update_file AS f JOIN usage_recv AS r
ON r.recv BETWEEN substr(f.recv_first, 1, 13) AND f.recv_last WHERE f.state = 'gone'
UNION
SELECT recv FROM usage_recv WHERE recv >= strftime('%Y-%m-%d %H:00:00.000', :redo);

-- What the store has of each of them.
CREATE TEMP TABLE update_hour AS
WITH hour AS MATERIALIZED (
    SELECT recv, 'received >= ' || replace(recv, ' ', 'T') || ' and received < ' ||
           replace(min(strftime('%Y-%m-%d %H:00:00.000', recv, '+1 hour'), settled), ' ', 'T') AS filter
    FROM update_recv, update_now)
SELECT h.recv, h.filter, coalesce(sum(t.flows), 0) AS flows, coalesce(sum(t.bytes), 0) AS octets
FROM hour AS h LEFT JOIN traffic AS t ON t.filter = h.filter AND t.store = :store
GROUP BY h.recv;

-- To be counted are hours with more flows than usage has of them, with the same at other sampling rates, or those that
-- are asked for; none of which some have gone. Periods are as long as local midnight allows.
CREATE TEMP TABLE update_todo AS
WITH zone(name) AS (SELECT (SELECT value FROM settings WHERE name = 'timezone')),
month(m) AS (VALUES ('-01-01'), ('-02-01'), ('-03-01'), ('-04-01'), ('-05-01'), ('-06-01'),
                    ('-07-01'), ('-08-01'), ('-09-01'), ('-10-01'), ('-11-01'), ('-12-01'))
SELECT h.recv, h.filter, h.flows, h.octets,
       (SELECT CASE WHEN max(minute % 30) > 0 THEN 900 WHEN max(minute) > 0 THEN 1800 ELSE 3600 END
        FROM (SELECT CAST(substr(local_time(substr(h.recv, 1, 4) || m, name), 15, 2) AS INTEGER) AS minute
              FROM month, zone)) AS step
FROM update_hour AS h LEFT JOIN usage_recv AS r ON r.recv = h.recv
WHERE h.flows > 0
  AND (r.recv IS NULL
       OR (r.gone = 0 AND (h.flows > r.flows OR (h.flows = r.flows AND (h.octets <> r.octets OR h.recv >= :redo)))))
ORDER BY h.recv
LIMIT coalesce(:hours, -1);

CREATE TEMP TABLE update_usage AS
SELECT t.recv, coalesce(b.time, t.recv) AS period, b.host,
       coalesce(host_user(b.host, b.time), '') AS user, coalesce(host_group(b.host, b.time), '') AS user_group,
       b.zone, coalesce(b.application, '') AS application,
       sum(b.octets_in) AS octets_in, sum(b.octets_out) AS octets_out,
       sum(b.packets_in) AS packets_in, sum(b.packets_out) AS packets_out,
       sum(b.flows_in) AS flows_in, sum(b.flows_out) AS flows_out
FROM update_todo AS t CROSS JOIN billable AS b
WHERE b.filter = t.filter AND b.bucket = t.step AND b.store = :store
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- An hour that the store has other flows of by now, since some came late or have gone, is left for the next time.
CREATE TEMP TABLE update_done AS
SELECT t.recv, t.flows, t.octets, (SELECT min(period) FROM update_usage AS u WHERE u.recv = t.recv) AS first_period,
       (SELECT max(period) FROM update_usage AS u WHERE u.recv = t.recv) AS last_period
FROM update_todo AS t LEFT JOIN traffic AS f ON f.filter = t.filter AND f.store = :store
GROUP BY t.recv
HAVING coalesce(sum(f.flows), 0) = t.flows AND coalesce(sum(f.bytes), 0) = t.octets;

BEGIN IMMEDIATE;

-- Another one that ran meanwhile may have counted more.
DELETE FROM update_done
WHERE recv IN (SELECT r.recv FROM usage_recv AS r JOIN update_done AS d ON d.recv = r.recv
               WHERE r.flows > d.flows OR r.gone > 0);

DELETE FROM usage
WHERE (period, recv, host, user, user_group, zone, application) IN (
    SELECT u.period, u.recv, u.host, u.user, u.user_group, u.zone, u.application
    FROM update_done AS d JOIN usage_recv AS r ON r.recv = d.recv
    JOIN usage AS u ON u.period BETWEEN r.first_period AND r.last_period AND u.recv = r.recv);

INSERT INTO usage (period, recv, host, user, user_group, zone, application,
                   octets_in, octets_out, packets_in, packets_out, flows_in, flows_out)
SELECT period, recv, host, user, user_group, zone, application,
       octets_in, octets_out, packets_in, packets_out, flows_in, flows_out
FROM update_usage WHERE recv IN (SELECT recv FROM update_done);

INSERT INTO usage_recv (recv, flows, octets, first_period, last_period)
SELECT recv, flows, octets, first_period, last_period FROM update_done WHERE true
ON CONFLICT (recv) DO UPDATE SET flows = excluded.flows, octets = excluded.octets,
    first_period = excluded.first_period, last_period = excluded.last_period;

-- What has gone, and what came to it since.
UPDATE usage_recv SET
    uncounted = max(uncounted, CASE WHEN gone > 0 THEN h.flows - (usage_recv.flows - gone) ELSE 0 END),
    gone = max(gone, usage_recv.flows - h.flows)
FROM update_hour AS h
WHERE h.recv = usage_recv.recv AND (gone > 0 OR h.flows < usage_recv.flows)
  AND usage_recv.recv NOT IN (SELECT recv FROM update_done);

-- Files of which all is counted need not be looked at again.
INSERT OR REPLACE INTO usage_files (path, state, rows, bytes, size, recv_first, recv_last)
SELECT path, state, rows, bytes, size, recv_first, recv_last FROM update_file, update_now
WHERE state <> 'gone' AND recv_last < settled
  AND NOT EXISTS (SELECT 1 FROM update_hour AS h
                  WHERE h.recv BETWEEN substr(recv_first, 1, 13) AND recv_last AND h.flows > 0
                    AND NOT EXISTS (SELECT 1 FROM usage_recv AS r WHERE r.recv = h.recv
                                    AND (r.gone > 0 OR (r.flows = h.flows AND r.octets = h.octets))));

DELETE FROM usage_files WHERE path IN (SELECT path FROM update_file WHERE state = 'gone');

COMMIT;

SELECT r.recv, r.flows, r.octets, r.uncounted,
       (SELECT count(*) FROM update_hour AS h JOIN usage_recv AS o ON o.recv = h.recv
        WHERE o.gone = 0 AND (h.flows <> o.flows OR h.octets <> o.octets)) +
       (SELECT count(*) FROM update_hour AS h
        WHERE h.flows > 0 AND h.recv NOT IN (SELECT recv FROM usage_recv)) AS left
FROM usage_recv AS r
WHERE r.recv IN (SELECT recv FROM update_done)
   OR (r.uncounted > 0 AND r.recv IN (SELECT recv FROM update_recv))
ORDER BY r.recv;
