-- SPDX-License-Identifier: MIT
-- What has been going on?  (NfSen's overview)
--
--   :by      what is stacked: protocol, application, app (as exporters say), zone (of the far end) or exporter
--                                                    default 'protocol'
--   :span    hour, day, week, month or year before :until; all: each for which there is something
--                                                    default 'all'
--   :n       how many of each top list               default 10
--   :until   where the time that is looked at ends   default: the end of the store
--   :filter, :store                                  default: all flows of the store
--
-- Needs: site
--
-- Counters are of steps of 15 seconds in an hour, 5 minutes in a day, an hour in a week, 4 hours in a month, a day
-- in a year. Top lists are of the :span, of the last day when it is all. A host's flow counts once for it, whether it
-- sent or received it.
--
-- Sample output of flowreport (:n 3):
-- in the last hour   flows 1.14 k   packets 14.8 k   bytes 9.28 MB   first 23 Nov 2026 18:12   last 23 Nov 2026 18:13
--
-- Hour
-- bytes, bit/s
--     4 M ┤
--         │            ▃▃▃▃▃▃▃▃▃▃▃
--     3 M ┤            ███████████
--         │            ███████████
--     2 M ┤            ███████████▇
--         │           ▃████████████▄▄▄▄▄▄▄▄▄▄▄
--     1 M ┤           ████████████████████████
--       0 ┴▃▃▃▃▃▃▃▃▃▃▃████████████████████████▅▅▅▅▅▅▅▅▅▅▅▃▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
--          18:12:30               18:13:00               18:13:30
-- packets, packets/s
--     600 ┤
--         │            ▆▆▆▆▆▆▆▆▆▆▆
--     450 ┤            ███████████
--         │            ███████████▄
--     300 ┤            ████████████▄▄▄▄▄▄▄▄▄▄▄
--         │           ▆███████████████████████▂▂▂▂▂▂▂▂▂▂▂
--     150 ┤           ███████████████████████████████████▄
--       0 ┴▅▅▅▅▅▅▅▅▅▅▅████████████████████████████████████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
--          18:12:30               18:13:00               18:13:30
-- flows, flows/s
--      80 ┤
--         │                                   ▇▇▇▇▇▇▇▇▇▇▇
--      60 ┤                                   ███████████
--         │                                   ███████████▅
--      40 ┤                                   ████████████
--         │                                   ████████████
--      20 ┤                                   ████████████
--       0 ┴▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁████████████▁▁▁▁▁▁▁▁▁▁▁▁
--          18:12:30               18:13:00               18:13:30
--                                                bytes      packets        flows
-- ■ tcp        ▁▁▁▁▅███▆▃▃▃▃▁▁▁▁▁▁▁▁▁▁▁▁▁      8.44 MB       10.5 k       1.07 k
-- ■ udp        ▂▂▂▂▆████████▃▃▃▃▁               803 kB       4.03 k           30
-- ■ icmp       ▆▆▆▆▇███▆▂▂▂▂▂▂▂▂▁▁▁▁▁          27.2 kB          132            4
-- ■ ipv6-icmp  ████▇▆▆▆▆▅▅▅▅▅▅▅▅▃▂▂▂▁          9.84 kB          110           41
--
-- Hosts
-- host               sent  received    bytes
-- --------------  -------  --------  -------  --------------------
-- 203.0.113.10    4850838   1202595  6053433  ████████████████████
-- 192.168.1.20    1188355   4854002  6042357  ████████████████████
-- 2001:db8:2::10  1563467     66223  1629690  █████▍
--
-- Ports
-- proto   port  flows    bytes
-- -----  -----  -----  -------  --------------------
-- tcp       80    836  6633365  ████████████████████
-- tcp    59744      2  4222021  ████████████▊
-- tcp    43702      2  1121416  ███▍
--
-- Applications
-- application  flows  packets    bytes
-- -----------  -----  -------  -------  --------------------
-- http           848     8244  6633869  ████████████████████
-- https           32     1176  1076370  ███▎
-- other           72     4070   802940  ██▍
--
-- Exporters
-- exporter  flows  packets    bytes
-- --------  -----  -------  -------  --------------------
--            1143    14802  9280061  ████████████████████
--
-- Losses and sampling
-- nothing lost, not sampled: 1143 flows of 1 exporter

CREATE TEMP TABLE span AS
WITH length(name, seconds, before, step) AS (
    VALUES ('hour', 3600, 0, 15), ('day', 86400, 3600, 300), ('week', 604800, 86400, 3600),
           ('month', 2678400, 604800, 14400), ('year', 31622400, 2678400, 86400)
), store(first, last, until) AS (
    SELECT CAST(strftime('%s', first) AS INTEGER), CAST(strftime('%s', until) AS INTEGER), until
    FROM (SELECT min(first) AS first, coalesce(flow_time(:until, 'until'), datetime(max(last), '+1 second')) AS until
          FROM flow_files(NULL, NULL, :store))
)
SELECT name, step, datetime((last - seconds) / step * step, 'unixepoch') AS since, until
FROM length, store
WHERE CASE coalesce(:span, 'all') WHEN 'all' THEN before = 0 OR first < last - before ELSE name = :span END;

CREATE TEMP TABLE listed AS
SELECT name, since, until FROM span WHERE name IN ('hour', 'day') OR name = :span ORDER BY since LIMIT 1;

-- Chart: tiles
SELECT (SELECT name FROM listed) AS "in the last", sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes, min(first) AS first, max(last) AS last
FROM listed, traffic(listed.since, listed.until, :filter, :store);

CREATE TEMP TABLE series AS
SELECT name, time, proto_name(proto) AS key, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
FROM span, traffic(span.since, span.until, :filter, :store, step)
WHERE coalesce(:by, 'protocol') = 'protocol'
GROUP BY name, time, proto
UNION ALL
SELECT name, time, exporter, sum(flows), sum(packets), sum(bytes)
FROM span, traffic(span.since, span.until, :filter, :store, step)
WHERE :by = 'exporter'
GROUP BY name, time, exporter
UNION ALL
SELECT name, time, application, sum(flows), sum(packets), sum(bytes)
FROM span, traffic(span.since, span.until, :filter, :store, step)
WHERE :by = 'application'
GROUP BY name, time, application
UNION ALL
SELECT name, time, app, sum(flows), sum(packets), sum(bytes)
FROM span, traffic(span.since, span.until, :filter, :store, step)
WHERE :by = 'app'
GROUP BY name, time, app
UNION ALL
SELECT name, time, CASE WHEN srczone = 'local' THEN dstzone ELSE srczone END AS key,
       sum(flows), sum(packets), sum(bytes)
FROM span, traffic(span.since, span.until, :filter, :store, step)
WHERE :by = 'zone'
GROUP BY name, time, key
UNION ALL
SELECT refuse('by: ''' || :by || ''': what is stacked is protocol, application, app, zone or exporter'), 0, 0, 0, 0, 0
WHERE :by NOT IN ('protocol', 'application', 'app', 'zone', 'exporter')
UNION ALL
SELECT refuse('span: ''' || :span || ''': it is hour, day, week, month, year or all'), 0, 0, 0, 0, 0
WHERE :span NOT IN ('hour', 'day', 'week', 'month', 'year', 'all');

-- Title: Hour
-- Chart: tab stack=key step=15 values=bytes,packets,flows
SELECT time, key, flows, packets, bytes FROM series WHERE name = 'hour' ORDER BY time, bytes DESC, key;

-- Title: Day
-- Chart: tab stack=key step=300 values=bytes,packets,flows
SELECT time, key, flows, packets, bytes FROM series WHERE name = 'day' ORDER BY time, bytes DESC, key;

-- Title: Week
-- Chart: tab stack=key step=3600 values=bytes,packets,flows
SELECT time, key, flows, packets, bytes FROM series WHERE name = 'week' ORDER BY time, bytes DESC, key;

-- Title: Month
-- Chart: tab stack=key step=14400 values=bytes,packets,flows
SELECT time, key, flows, packets, bytes FROM series WHERE name = 'month' ORDER BY time, bytes DESC, key;

-- Title: Year
-- Chart: tab stack=key step=86400 values=bytes,packets,flows
SELECT time, key, flows, packets, bytes FROM series WHERE name = 'year' ORDER BY time, bytes DESC, key;

-- Title: Events
-- Chart: events
SELECT time, until, text FROM events
WHERE time < (SELECT max(until) FROM span) AND coalesce(until, time) >= (SELECT min(since) FROM span)
ORDER BY time;

-- Title: Hosts
-- Chart: list
SELECT coalesce(host_name(ip) || ' ', '') || ip AS host, bytes_out AS sent, bytes_in AS received, bytes
FROM endpoints((SELECT since FROM listed), (SELECT until FROM listed), :filter, :store)
ORDER BY bytes DESC, ip LIMIT coalesce(:n, 10);

-- Title: Ports
-- Chart: list
SELECT proto_name(proto) AS proto, port, flows, bytes
FROM endpoints((SELECT since FROM listed), (SELECT until FROM listed), :filter, :store)
WHERE port IS NOT NULL
ORDER BY bytes DESC, port LIMIT coalesce(:n, 10);

-- Title: Applications
-- Chart: list
SELECT application, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
FROM listed, traffic(listed.since, listed.until, :filter, :store)
GROUP BY application ORDER BY bytes DESC, application LIMIT coalesce(:n, 10);

-- Title: Exporters
-- Chart: list
SELECT exporter, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
FROM listed, traffic(listed.since, listed.until, :filter, :store)
GROUP BY exporter ORDER BY bytes DESC, exporter LIMIT coalesce(:n, 10);

-- Title: Losses and sampling
-- Chart: note
SELECT losses(since, until, :store) AS losses FROM listed;
