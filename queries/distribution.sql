-- SPDX-License-Identifier: MIT
-- How large are flows, or their packets; how long, how fast?  (flow-stat -f1, -f2, -f3, -f4, -f13, -f14)
--
--   :of      what is looked at: packets or bytes of a flow, size of its packets on average (octets),
--            duration (milliseconds) or bps           default packets
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A row is the flows from `at_least` to below `below`. Left out, and so are they in percentages, are flows that have no
-- such value: in `bps` those of one moment, in `size` those without packets. A flow that is partly in the window is in the row
-- of all of it, with the part of its packets and bytes that is inside.
--
-- Sample output:
-- ┌──────────┬───────┬───────┬─────────┬─────────┬───────────┬─────────┬─────────┐
-- │ at_least │ below │ flows │ flows % │ packets │ packets % │  bytes  │ bytes % │
-- ├──────────┼───────┼───────┼─────────┼─────────┼───────────┼─────────┼─────────┤
-- │ 0        │ 2     │ 657   │ 57.5    │ 657     │ 4.4       │ 30768   │ 0.3     │
-- │ 2        │ 3     │ 407   │ 35.6    │ 814     │ 5.5       │ 33208   │ 0.4     │
-- │ 3        │ 4     │ 3     │ 0.3     │ 9       │ 0.1       │ 504     │ 0.0     │
-- │ 5        │ 9     │ 2     │ 0.2     │ 12      │ 0.1       │ 17088   │ 0.2     │
-- │ 9        │ 17    │ 30    │ 2.6     │ 335     │ 2.3       │ 151513  │ 1.6     │
-- │ 17       │ 33    │ 15    │ 1.3     │ 419     │ 2.8       │ 39010   │ 0.4     │
-- │ 33       │ 65    │ 18    │ 1.6     │ 974     │ 6.6       │ 1068613 │ 11.5    │
-- │ 65       │ 129   │ 1     │ 0.1     │ 66      │ 0.4       │ 8313    │ 0.1     │
-- │ 257      │ 513   │ 3     │ 0.3     │ 1261    │ 8.5       │ 726225  │ 7.8     │
-- │ 513      │ 1025  │ 3     │ 0.3     │ 1992    │ 13.5      │ 2182798 │ 23.5    │
-- │ 1025     │ 10001 │ 4     │ 0.3     │ 8263    │ 55.8      │ 5022021 │ 54.1    │
-- └──────────┴───────┴───────┴─────────┴─────────┴───────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH RECURSIVE kinds(kind, field, edges) AS (
    VALUES ('packets', 'packets', '2 3 4 5 9 17 33 65 129 257 513 1025 10001 100001'),
           ('bytes', 'bytes', '32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536 1048576 16777216 1073741824'),
           ('size', 'bpp', '32 64 96 128 192 256 384 512 768 1024 1280 1500 1501 4096'),
           ('duration', 'duration', '1 10 100 1000 2000 5000 10000 30000 60000 300000 1800000 3600000'),
           ('bps', 'bps', '1000 2000 5000 10000 20000 50000 100000 200000 500000 1000000 10000000 100000000 1000000000')
), asked AS (
    SELECT field, '0 ' || edges || ' ' AS edges FROM kinds WHERE kind = coalesce(:of, 'packets')
    UNION ALL SELECT refuse('of: ' || :of || ': there are packets, bytes, size, duration, bps'), ''
        WHERE :of NOT IN (SELECT kind FROM kinds)
), edges(field, at_least, rest) AS (
    SELECT field, CAST(substr(edges, 1, instr(edges, ' ') - 1) AS INTEGER), substr(edges, instr(edges, ' ') + 1)
    FROM asked
    UNION ALL
    SELECT field, CAST(substr(rest, 1, instr(rest, ' ') - 1) AS INTEGER), substr(rest, instr(rest, ' ') + 1)
    FROM edges WHERE rest <> ''
), ranges AS MATERIALIZED (
    SELECT field, at_least, lead(at_least) OVER (ORDER BY at_least) AS below FROM edges
), counted AS MATERIALIZED (
    SELECT at_least, below, flows, packets, bytes
    FROM ranges r, traffic(:since, :until, filter_and(:filter, r.field || ' >= ' || at_least ||
                           coalesce(' and ' || r.field || ' < ' || below, '')), :store)
    WHERE flows > 0 OR packets > 0 OR bytes > 0 -- of a flow that began before there is only a part
)
SELECT at_least, below, flows, round(100.0 * flows / (SELECT sum(flows) FROM counted), 1) AS "flows %",
       packets, round(100.0 * packets / (SELECT sum(packets) FROM counted), 1) AS "packets %",
       bytes, round(100.0 * bytes / (SELECT sum(bytes) FROM counted), 1) AS "bytes %"
FROM counted
ORDER BY at_least;

SELECT losses(:since, :until, :store) AS losses;
