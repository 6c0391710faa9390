-- SPDX-License-Identifier: MIT
-- Brings usage up to date: counts what was received since it was done last.  (flowreport update)
--
--   :hours   look at so many hours of reception in a transaction, the earliest first; flowreport goes on until all are done
--            default: all in one, of flowreport 24
--   :redo    count again what was received from then on, '2026-11-01', as far as the store still has all of it
--   :settle  leave for the next time what came in the last so many seconds    default 5
--   :store                                             default: the site's store
--
-- Needs: site
--
-- To be run from time to time, by cron or flowcollect -x. It may be killed at any moment, and run twice at once. A row
-- is an hour of reception of which something was counted: what was received in it since the last time is added. When there
-- are more flows of the time before (late ones, those of an old capture, flowcollect -r), the hour is counted anew. That flows
-- expire, or files are merged, changes nothing. Late flows of an hour of which others have gone from the store cannot be
-- told from what is counted: they are left out, and uncounted says how many. Which addresses the hosts had that are known by
-- their MAC address is learned from the same flows. Records of both directions (RFC 5103, as of flowprobe -b and YAF; Cisco's
-- ASA) are counted by their bytes alone: how many outbytes are left out, reverse says.
--
-- Sample output:
-- ┌─────────────────────────┬───────┬─────────┬───────────┬─────────┬──────┐
-- │          recv           │ flows │ octets  │ uncounted │ reverse │ left │
-- ├─────────────────────────┼───────┼─────────┼───────────┼─────────┼──────┤
-- │ 2026-11-23 18:00:00.000 │ 1143  │ 9280061 │ 0         │         │ 0    │
-- └─────────────────────────┴───────┴─────────┴───────────┴─────────┴──────┘

.bail on
.timeout 60000
.mode box
.headers on

DROP TABLE IF EXISTS temp.update_begin;
DROP TABLE IF EXISTS temp.update_recv;
DROP TABLE IF EXISTS temp.update_hour;
DROP TABLE IF EXISTS temp.update_todo;
DROP TABLE IF EXISTS temp.update_seen;
DROP TABLE IF EXISTS temp.update_address;
DROP TABLE IF EXISTS temp.update_usage;
DROP TABLE IF EXISTS temp.update_done;
DROP TABLE IF EXISTS temp.update_counted;

-- What stays from one transaction to the next: what the store had when the first began, the hours that were not looked at yet
-- (flowreport goes on while there are any), and those of which usage has not yet all that was seen.
CREATE TEMP TABLE IF NOT EXISTS update_now (settled TEXT);
CREATE TEMP TABLE IF NOT EXISTS update_file (path TEXT PRIMARY KEY, state, rows, bytes, size, recv_first, recv_last);
CREATE TEMP TABLE IF NOT EXISTS update_more (recv TEXT PRIMARY KEY);
CREATE TEMP TABLE IF NOT EXISTS update_left (recv TEXT PRIMARY KEY);

CREATE TEMP TABLE update_begin AS SELECT :store AS store WHERE NOT EXISTS (SELECT 1 FROM update_more);
DELETE FROM update_now WHERE EXISTS (SELECT 1 FROM update_begin);
DELETE FROM update_file WHERE EXISTS (SELECT 1 FROM update_begin);
DELETE FROM update_left WHERE EXISTS (SELECT 1 FROM update_begin);

-- What was received in the last seconds may not be all there yet.
INSERT INTO update_now
SELECT strftime('%Y-%m-%d %H:%M:%f', 'now', (-coalesce(:settle, 5)) || ' seconds') FROM update_begin;

-- Files that are new, have more in them than they had, or have gone. Of an empty store nothing has: it is not there.
INSERT INTO update_file
WITH present AS MATERIALIZED (
    SELECT path, state, rows, bytes, size, recv_first, recv_last
    FROM update_begin AS b CROSS JOIN flow_files AS f WHERE f.store = b.store AND rows > 0)
SELECT p.* FROM present AS p
LEFT JOIN usage_files AS u ON u.path = p.path AND u.state = p.state AND u.rows = p.rows
     AND u.bytes = p.bytes AND u.size = p.size
WHERE u.path IS NULL
UNION ALL
SELECT path, 'gone', rows, bytes, size, recv_first, recv_last FROM usage_files
WHERE path NOT IN (SELECT path FROM present) AND EXISTS (SELECT 1 FROM present);

-- The hours in which their flows were received. A file may reach far and have few: from each flow to the next hour.
INSERT INTO update_more
WITH RECURSIVE hop(recv, last) AS (
    SELECT substr(recv_first, 1, 13) || ':00:00.000', recv_last FROM update_begin, update_file, update_now
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
SELECT r.recv FROM update_begin, update_file AS f JOIN usage_recv AS r
ON r.recv BETWEEN substr(f.recv_first, 1, 13) AND f.recv_last WHERE f.state = 'gone'
UNION
SELECT recv FROM update_begin, usage_recv WHERE recv >= strftime('%Y-%m-%d %H:00:00.000', flow_time(:redo));

-- Those of this transaction.
CREATE TEMP TABLE update_recv AS SELECT recv FROM update_more ORDER BY recv LIMIT coalesce(:hours, -1);
DELETE FROM update_more WHERE recv IN (SELECT recv FROM update_recv);

-- What the store has of each of them: up to the time of which usage has all, and since then.
CREATE TEMP TABLE update_hour AS
WITH span AS (
    SELECT h.recv, coalesce(r.until, h.recv) AS middle,
           max(coalesce(r.until, h.recv), min(strftime('%Y-%m-%d %H:00:00.000', h.recv, '+1 hour'), settled)) AS until
    FROM update_now, update_recv AS h LEFT JOIN usage_recv AS r ON r.recv = h.recv),
filter AS MATERIALIZED (
    SELECT *, 'received >= ' || replace(recv, ' ', 'T') || ' and received < ' || replace(middle, ' ', 'T') AS old,
           'received >= ' || replace(middle, ' ', 'T') || ' and received < ' || replace(until, ' ', 'T') AS new,
           'received >= ' || replace(recv, ' ', 'T') || ' and received < ' || replace(until, ' ', 'T') AS whole
    FROM span),
had AS MATERIALIZED (
    SELECT f.recv, coalesce(sum(t.flows), 0) AS flows, coalesce(sum(t.bytes), 0) AS octets
    FROM filter AS f LEFT JOIN traffic AS t ON t.filter = f.old AND t.store = :store
    WHERE f.middle > f.recv GROUP BY f.recv -- of an hour that is new nothing is read
    UNION ALL SELECT recv, 0, 0 FROM filter WHERE middle <= recv),
came AS MATERIALIZED (
    SELECT f.recv, coalesce(sum(t.flows), 0) AS flows, coalesce(sum(t.bytes), 0) AS octets
    FROM filter AS f LEFT JOIN traffic AS t ON t.filter = f.new AND t.store = :store GROUP BY f.recv)
SELECT f.recv, f.middle, f.until, f.new, f.whole,
       had.flows AS had_flows, had.octets AS had_octets, came.flows AS new_flows, came.octets AS new_octets
FROM filter AS f JOIN had ON had.recv = f.recv JOIN came ON came.recv = f.recv;

-- The whole hour is to be counted where there are more flows of the time before, or the same at other sampling rates, or
-- it is asked for, and none have gone; else what is new.
CREATE TEMP TABLE update_todo AS
WITH hour AS (
    SELECT h.*, r.recv IS NULL OR (r.gone = 0 AND (h.had_flows > r.flows OR (h.had_flows = r.flows
                AND (h.had_octets <> r.octets OR coalesce(h.recv >= strftime('%Y-%m-%d %H:00:00.000', flow_time(:redo)), 0))))) AS anew
    FROM update_hour AS h LEFT JOIN usage_recv AS r ON r.recv = h.recv)
SELECT recv, middle, until, anew, iif(anew, whole, new) AS filter,
       iif(anew, had_flows, 0) + new_flows AS flows, iif(anew, had_octets, 0) + new_octets AS octets,
       coalesce((SELECT seconds FROM usage_step WHERE year = substr(recv, 1, 4)), 900) AS step
FROM hour
WHERE iif(anew, had_flows, 0) + new_flows > 0
ORDER BY recv;

-- The addresses of hosts that are known by their MAC address: an address is, for an hour, the one's that was seen with it
-- first, unless host_addresses says already whose it is.
CREATE TEMP TABLE update_seen AS
WITH known AS MATERIALIZED (SELECT DISTINCT mac FROM hosts WHERE cidr IS NULL),
todo AS MATERIALIZED (SELECT recv, filter FROM update_todo WHERE EXISTS (SELECT 1 FROM known))
SELECT t.recv, f.time, f.srcip AS ip, f.insrcmac AS mac, f.first
FROM todo AS t CROSS JOIN traffic AS f
WHERE f.filter = t.filter AND f.store = :store AND f.bucket = 3600 AND f.srczone = 'local' AND f.insrcmac IN (SELECT mac FROM known)
UNION ALL
SELECT t.recv, f.time, f.dstip, f.indstmac, f.first
FROM todo AS t CROSS JOIN traffic AS f
WHERE f.filter = t.filter AND f.store = :store AND f.bucket = 3600 AND f.dstzone = 'local' AND f.indstmac IN (SELECT mac FROM known)
UNION ALL
SELECT t.recv, f.time, f.dstip, f.outdstmac, f.first
FROM todo AS t CROSS JOIN traffic AS f
WHERE f.filter = t.filter AND f.store = :store AND f.bucket = 3600 AND f.dstzone = 'local' AND f.outdstmac IN (SELECT mac FROM known);

BEGIN IMMEDIATE;

CREATE TEMP TABLE update_address AS
WITH hour AS (
    SELECT ip, mac, datetime(coalesce(time, recv)) AS valid_from, datetime(coalesce(time, recv), '+1 hour') AS valid_until,
           row_number() OVER (PARTITION BY ip, coalesce(time, recv) ORDER BY first, mac) AS n
    FROM update_seen)
SELECT h.ip, h.mac, h.valid_from, h.valid_until FROM hour AS h
WHERE h.n = 1 AND NOT EXISTS (
    SELECT 1 FROM host_addresses AS a WHERE a.ip = h.ip
    AND coalesce(a.valid_from < h.valid_until, 1) AND coalesce(h.valid_from < a.valid_until, 1));

-- Hours that follow one another are one row.
INSERT INTO update_address
SELECT a.ip, a.mac, a.valid_from, a.valid_until FROM host_addresses AS a
WHERE a.learned AND EXISTS (SELECT 1 FROM update_address AS u WHERE u.ip = a.ip AND u.mac = a.mac
                            AND (u.valid_until = a.valid_from OR u.valid_from = a.valid_until));
DELETE FROM host_addresses
WHERE learned AND (ip, mac, valid_from, valid_until) IN (SELECT ip, mac, valid_from, valid_until FROM update_address);
INSERT INTO host_addresses (ip, mac, valid_from, valid_until, learned)
SELECT ip, mac, min(valid_from), max(valid_until), 1
FROM (SELECT *, sum(begins) OVER (PARTITION BY ip, mac ORDER BY valid_from) AS stretch
      FROM (SELECT *, valid_from IS NOT lag(valid_until) OVER (PARTITION BY ip, mac ORDER BY valid_from) AS begins FROM update_address))
GROUP BY ip, mac, stretch;

-- Those of whose time the store has no flows any more.
DELETE FROM host_addresses
WHERE NOT EXISTS (SELECT 1 FROM update_more) AND learned AND valid_until < (SELECT datetime(min(first)) FROM flow_files WHERE store = :store AND rows > 0);

COMMIT;

CREATE TEMP TABLE update_usage AS
SELECT t.recv, coalesce(b.time, t.recv) AS period, b.host,
       coalesce(host_user(b.host, coalesce(b.time, t.recv)), '') AS user,
       coalesce(host_group(b.host, coalesce(b.time, t.recv)), '') AS user_group,
       b.zone, coalesce(b.application, '') AS application,
       sum(b.octets_in) AS octets_in, sum(b.octets_out) AS octets_out,
       sum(b.packets_in) AS packets_in, sum(b.packets_out) AS packets_out,
       sum(b.flows_in) AS flows_in, sum(b.flows_out) AS flows_out
FROM update_todo AS t CROSS JOIN billable AS b
WHERE b.filter = t.filter AND b.bucket = t.step AND b.store = :store
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- An hour that the store has other flows of by now, since some came late or have gone, is left for the next time.
CREATE TEMP TABLE update_done AS
WITH reach AS MATERIALIZED (SELECT recv, min(period) AS first_period, max(period) AS last_period FROM update_usage GROUP BY recv)
SELECT t.recv, t.middle, t.until, t.anew, t.flows, t.octets, r.first_period, r.last_period
FROM update_todo AS t LEFT JOIN reach AS r ON r.recv = t.recv LEFT JOIN traffic AS f ON f.filter = t.filter AND f.store = :store
GROUP BY t.recv
HAVING coalesce(sum(f.flows), 0) = t.flows AND coalesce(sum(f.bytes), 0) = t.octets;

BEGIN IMMEDIATE;

-- Another one that ran meanwhile may have counted it.
DELETE FROM update_done
WHERE EXISTS (SELECT 1 FROM usage_recv AS r WHERE r.recv = update_done.recv
              AND (r.until <> update_done.middle OR (anew AND (r.gone > 0 OR r.flows > update_done.flows))))
   OR (middle <> recv AND recv NOT IN (SELECT recv FROM usage_recv));

DELETE FROM usage
WHERE (period, recv, host, user, user_group, zone, application) IN (
    SELECT u.period, u.recv, u.host, u.user, u.user_group, u.zone, u.application
    FROM update_done AS d JOIN usage_recv AS r ON r.recv = d.recv
    JOIN usage AS u ON u.period BETWEEN r.first_period AND r.last_period AND u.recv = r.recv WHERE d.anew);

INSERT INTO usage (period, recv, host, user, user_group, zone, application,
                   octets_in, octets_out, packets_in, packets_out, flows_in, flows_out)
SELECT period, recv, host, user, user_group, zone, application,
       octets_in, octets_out, packets_in, packets_out, flows_in, flows_out
FROM update_usage WHERE recv IN (SELECT recv FROM update_done)
ON CONFLICT DO UPDATE SET
    octets_in = octets_in + excluded.octets_in, octets_out = octets_out + excluded.octets_out,
    packets_in = packets_in + excluded.packets_in, packets_out = packets_out + excluded.packets_out,
    flows_in = flows_in + excluded.flows_in, flows_out = flows_out + excluded.flows_out;

DELETE FROM usage_recv WHERE recv IN (SELECT recv FROM update_done WHERE anew);

INSERT INTO usage_recv (recv, until, flows, octets, first_period, last_period)
SELECT recv, until, flows, octets, first_period, last_period FROM update_done WHERE true
ON CONFLICT DO UPDATE SET
    until = excluded.until, flows = flows + excluded.flows, octets = octets + excluded.octets,
    first_period = min(coalesce(first_period, excluded.first_period), coalesce(excluded.first_period, first_period)),
    last_period = max(coalesce(last_period, excluded.last_period), coalesce(excluded.last_period, last_period));

-- What has gone of it, and what came late to it since. Of what is there again nothing has.
UPDATE usage_recv SET (gone, uncounted) = (
    SELECT iif(h.had_flows = c.flows AND h.had_octets = c.octets, 0, max(gone, c.flows - h.had_flows)),
           iif(h.had_flows = c.flows AND h.had_octets = c.octets, 0,
               max(uncounted, iif(gone > 0, h.had_flows - (c.flows - gone), 0)))
    FROM update_hour AS h,
         (SELECT usage_recv.flows - coalesce(sum(d.flows), 0) AS flows, usage_recv.octets - coalesce(sum(d.octets), 0) AS octets
          FROM update_done AS d WHERE d.recv = usage_recv.recv) AS c
    WHERE h.recv = usage_recv.recv)
WHERE recv IN (SELECT recv FROM update_hour) AND recv NOT IN (SELECT recv FROM update_done WHERE anew)
  AND (gone > 0 OR EXISTS (SELECT 1 FROM update_hour AS h WHERE h.recv = usage_recv.recv AND h.had_flows < usage_recv.flows));

-- What remains: the hours of which usage has not yet all that was seen.
INSERT INTO update_left
SELECT h.recv FROM update_hour AS h
WHERE h.had_flows + h.new_flows > 0
  AND NOT EXISTS (SELECT 1 FROM usage_recv AS r WHERE r.recv = h.recv AND r.until >= h.until
                  AND (r.gone > 0 OR (r.flows = h.had_flows + h.new_flows AND r.octets = h.had_octets + h.new_octets)));

-- Files of which all is counted need not be looked at again, as they were when the first transaction began.
CREATE TEMP TABLE update_counted AS
SELECT path FROM update_file, update_now
WHERE (state = 'gone' OR recv_last < settled)
  AND NOT EXISTS (SELECT 1 FROM update_more AS m WHERE m.recv BETWEEN substr(recv_first, 1, 13) AND recv_last)
  AND (state = 'gone' OR NOT EXISTS (SELECT 1 FROM update_left AS l WHERE l.recv BETWEEN substr(recv_first, 1, 13) AND recv_last));

INSERT OR REPLACE INTO usage_files (path, state, rows, bytes, size, recv_first, recv_last)
SELECT path, state, rows, bytes, size, recv_first, recv_last FROM update_file
WHERE state <> 'gone' AND path IN (SELECT path FROM update_counted);

DELETE FROM usage_files
WHERE path IN (SELECT path FROM update_file WHERE state = 'gone' AND path IN (SELECT path FROM update_counted));

DELETE FROM update_file WHERE path IN (SELECT path FROM update_counted);

COMMIT;

SELECT r.recv, r.flows, r.octets, r.uncounted,
       (SELECT sum(f.outbytes) FROM update_todo AS t JOIN flows AS f
        ON f.store = :store AND f.filter = t.filter || ' and outbytes > 0 and (biflowdir in [0-255] or revtcpflags in [0-255] or revtos in [0-255] or fwevent in [0-255])'
        WHERE t.recv = r.recv) AS reverse,
       (SELECT count(*) FROM update_left) + (SELECT count(*) FROM update_more) AS left
FROM usage_recv AS r
WHERE r.recv IN (SELECT recv FROM update_done)
   OR (r.uncounted > 0 AND r.recv IN (SELECT recv FROM update_recv))
ORDER BY r.recv;
